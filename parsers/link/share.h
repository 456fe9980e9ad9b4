/* SPDX-License-Identifier: Apache-2.0 */
/* At a glance whose a packet is, inline for whoever walks over the packets of others. */
#ifndef SP_PARSERS_LINK_SHARE_H
#define SP_PARSERS_LINK_SHARE_H

#include <emmintrin.h>

#include "parsers/link/decode.h"
#include "parsers/link/key.h"

/* Every UDP port that may carry a tunnel, laid out for one vector comparison. */
struct sp_tunnel_ports {
	_Alignas(16) uint16_t dst[16];
	uint16_t gtpu, l2tp;
};

static inline struct sp_tunnel_ports sp_tunnel_ports(const struct sp_decode_conf *conf)
{
	struct sp_tunnel_ports t = {.gtpu = conf->gtpu_port, .l2tp = conf->l2tp_port};
	unsigned n = 0;
	for (unsigned i = 0; i < SP_DECODE_UDP_PORTS && conf->vxlan_ports[i]; i++)
		t.dst[n++] = conf->vxlan_ports[i];
	t.dst[n++] = conf->vxlan_gpe_port;
	t.dst[n++] = conf->geneve_port;
	t.dst[n++] = conf->gtpu_port;
	t.dst[n++] = conf->l2tp_port;
	return t;
}

static inline bool sp_may_be_tunnel(const struct sp_tunnel_ports *t, uint16_t sport, uint16_t dport)
{
	const __m128i *dst = (const __m128i *)t->dst, want = _mm_set1_epi16((short)dport);
	__m128i hit = _mm_or_si128(_mm_cmpeq_epi16(_mm_load_si128(dst), want),
				   _mm_cmpeq_epi16(_mm_load_si128(dst + 1), want));
	return _mm_movemask_epi8(hit) | (sport == t->gtpu) | (sport == t->l2tp);
}

/* UDP ports that do not tell at a glance whose a packet is: those of tunnels, and where flows have to meet. */
struct sp_share_ports {
	struct sp_tunnel_ports any;   /* with the meeting ones as destinations, */
	_Alignas(16) uint16_t src[8]; /* and as sources */
};

static inline struct sp_share_ports sp_share_ports(const struct sp_decode_conf *conf)
{
	static_assert(SP_DECODE_UDP_PORTS + 4 + SP_DECODE_MEET_PORTS <= 16, "destinations are two vectors");
	struct sp_share_ports s = {.any = sp_tunnel_ports(conf)};
	memcpy(s.any.dst + 16 - SP_DECODE_MEET_PORTS, conf->meet_ports, sizeof conf->meet_ports);
	memcpy(s.src, conf->meet_ports, sizeof conf->meet_ports);
	return s;
}

/* Which share of all flows an ordinary packet belongs to, IPv4 on Ethernet that takes decode's straight line:
 * sp_flow_key_share of its key. False: it has to be decoded. */
static inline bool sp_share_of(const struct sp_share_ports *ports, const uint8_t *data, uint32_t cap_len,
			       uint32_t *share)
{
	enum { ETH_LEN = 14, IP4_LEN = 20, UDP_LEN = 8, TYPE_IP4 = 0x0800, PROTO_TCP = 6, PROTO_UDP = 17 };
	const uint8_t *ip = data + ETH_LEN, *l4 = ip + IP4_LEN;
	if (cap_len < ETH_LEN + IP4_LEN + UDP_LEN)
		return false;
	if (sp_be16(ip - 2) != TYPE_IP4 || ip[0] != 0x45 || sp_be16(ip + 6) & 0x3fff)
		return false;
	uint8_t proto = ip[9];
	uint16_t sport = sp_be16(l4), dport = sp_be16(l4 + 2);
	/* Which of both protocols it is cannot be guessed: no branch for it. */
	__m128i sources = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)ports->src), _mm_set1_epi16((short)sport));
	unsigned tcp = proto == PROTO_TCP, udp = proto == PROTO_UDP;
	unsigned other = (unsigned)sp_may_be_tunnel(&ports->any, sport, dport) | (unsigned)_mm_movemask_epi8(sources);
	const uint64_t mapped = 0xffff0000;
	uint64_t both = sp_load64(ip + 12);
	*share = sp_share(sp_share_end(both << 32 | mapped, sport), sp_share_end((both >> 32 << 32) | mapped, dport),
			  proto);
	return SP_LIKELY(tcp | (udp & !other));
}

#endif
