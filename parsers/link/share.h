/* SPDX-License-Identifier: Apache-2.0 */
/* At a glance whose a packet is, inline for whoever walks over the packets of others. */
#ifndef SP_PARSERS_LINK_SHARE_H
#define SP_PARSERS_LINK_SHARE_H

#include <tmmintrin.h>

#include "parsers/link/decode.h"
#include "parsers/link/key.h"

/* Every UDP port that may carry a tunnel, in network order, laid out for two vector comparisons. */
struct sp_tunnel_ports {
	_Alignas(16) uint16_t dst[8], both[8]; /* destinations; four more of them, and four sources */
};

static inline struct sp_tunnel_ports sp_tunnel_ports(const struct sp_decode_conf *conf)
{
	static_assert(SP_DECODE_UDP_PORTS <= 8, "one vector");
	const uint16_t gtpu = __builtin_bswap16(conf->gtpu_port), l2tp = __builtin_bswap16(conf->l2tp_port);
	struct sp_tunnel_ports t = {
		.both = {__builtin_bswap16(conf->vxlan_gpe_port), __builtin_bswap16(conf->geneve_port), gtpu, l2tp,
			 gtpu, l2tp},
	};
	for (unsigned i = 0; i < SP_DECODE_UDP_PORTS && conf->vxlan_ports[i]; i++)
		t.dst[i] = __builtin_bswap16(conf->vxlan_ports[i]);
	return t;
}

/* Ports as they lie in a header, for comparison with `dst`, and with `both`. */
static inline __m128i sp_ports_dst(uint32_t ports)
{
	return _mm_shuffle_epi8(_mm_cvtsi32_si128((int)ports), _mm_set1_epi16(0x0302));
}

static inline __m128i sp_ports_both(uint32_t ports)
{
	return _mm_shuffle_epi8(_mm_cvtsi32_si128((int)ports), _mm_set_epi64x(0x0100010001000100, 0x0302030203020302));
}

static inline __m128i sp_ports_equal(const uint16_t *known, __m128i ports)
{
	return _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)known), ports);
}

/* Not 0: that may be one. `ports`: both as they lie in the header. */
static inline unsigned sp_may_be_tunnel(const struct sp_tunnel_ports *t, uint32_t ports)
{
	__m128i hit = _mm_or_si128(sp_ports_equal(t->dst, sp_ports_dst(ports)),
				   sp_ports_equal(t->both, sp_ports_both(ports)));
	return (unsigned)_mm_movemask_epi8(hit);
}

/* UDP ports that do not tell at a glance whose a packet is: those of tunnels, and where flows have to meet. */
struct sp_share_ports {
	struct sp_tunnel_ports tunnel;
	_Alignas(16) uint16_t meet[8]; /* as destinations, and as sources */
};

static inline struct sp_share_ports sp_share_ports(const struct sp_decode_conf *conf)
{
	static_assert(SP_DECODE_MEET_PORTS == 4, "twice in a vector");
	struct sp_share_ports s = {.tunnel = sp_tunnel_ports(conf)};
	for (unsigned i = 0; i < SP_DECODE_MEET_PORTS; i++)
		s.meet[i] = s.meet[i + 4] = __builtin_bswap16(conf->meet_ports[i]);
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
	uint32_t both_ports = sp_load32(l4);
	/* Which of both protocols it is cannot be guessed: no branch for it. */
	__m128i meets = sp_ports_equal(ports->meet, sp_ports_both(both_ports));
	unsigned tcp = proto == PROTO_TCP, udp = proto == PROTO_UDP;
	unsigned other = sp_may_be_tunnel(&ports->tunnel, both_ports) | (unsigned)_mm_movemask_epi8(meets);
	const uint64_t mapped = 0xffff0000;
	uint64_t both = sp_load64(ip + 12);
	*share = sp_share(sp_share_end(both << 32 | mapped, sp_be16(l4)),
			  sp_share_end((both >> 32 << 32) | mapped, sp_be16(l4 + 2)), proto);
	return SP_LIKELY(tcp | (udp & !other));
}

#endif
