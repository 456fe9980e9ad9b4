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

static inline __m128i sp_tunnel_hits(const struct sp_tunnel_ports *t, uint32_t ports)
{
	return _mm_or_si128(sp_ports_equal(t->dst, sp_ports_dst(ports)), sp_ports_equal(t->both, sp_ports_both(ports)));
}

/* Not 0: that may be one. `ports`: both as they lie in the header. */
static inline unsigned sp_may_be_tunnel(const struct sp_tunnel_ports *t, uint32_t ports)
{
	return (unsigned)_mm_movemask_epi8(sp_tunnel_hits(t, ports));
}

/* What a protocol's packets are asked; 0: they have to be decoded. */
#define SP_SHARE_TELLS 0x10000u	   /* the addresses and ports say whose they are… */
#define SP_SHARE_BUT_PORTS 0xffffu /* …but for some ports */
extern const uint32_t sp_share_protocol[256];

/* What is looked for in every packet. */
struct sp_share_known {
	struct sp_tunnel_ports tunnel; /* ports that do not tell whose a packet is: those of tunnels… */
	_Alignas(16) uint16_t meet[8]; /* …and where flows have to meet, as destinations, and as sources */
	uint32_t least;		       /* bytes that have to be there */
};

/* `ethernet`: of a capture of any other kind every packet has to be decoded. */
static inline struct sp_share_known sp_share_known(const struct sp_decode_conf *conf, bool ethernet)
{
	enum { ETH_LEN = 14, IP4_LEN = 20, UDP_LEN = 8 };
	static_assert(SP_DECODE_MEET_PORTS == 4, "twice in a vector");
	struct sp_share_known s = {.tunnel = sp_tunnel_ports(conf),
				   .least = ethernet ? ETH_LEN + IP4_LEN + UDP_LEN : UINT32_MAX};
	for (unsigned i = 0; i < SP_DECODE_MEET_PORTS; i++)
		s.meet[i] = s.meet[i + 4] = __builtin_bswap16(conf->meet_ports[i]);
	return s;
}

/* Which share of all flows an ordinary packet belongs to, IPv4 on Ethernet that takes decode's straight line:
 * sp_flow_key_share of its key. False: it has to be decoded. */
static inline bool sp_share_of(const struct sp_share_known *known, const uint8_t *data, uint32_t cap_len,
			       uint32_t *share)
{
	enum { IP = 14, L4 = 34 };
	enum { PLAIN_IP4 = 0x450008, FRAGMENT = 0xff3f }; /* type, version and header length; as they lie there */
	const uint8_t *ip = data + IP;
	if (SP_UNLIKELY(cap_len < known->least) || SP_UNLIKELY((sp_load32(ip - 2) & 0xffffff) != PLAIN_IP4) ||
	    SP_UNLIKELY(sp_load16(ip + 6) & FRAGMENT))
		return false;
	/* Which protocol it is cannot be guessed: no branch for it. */
	uint32_t ports = sp_load32(data + L4), asked = sp_share_protocol[ip[9]];
	__m128i hits =
		_mm_or_si128(sp_tunnel_hits(&known->tunnel, ports), sp_ports_equal(known->meet, sp_ports_both(ports)));
	if (SP_UNLIKELY((((unsigned)_mm_movemask_epi8(hits) | SP_SHARE_TELLS) & asked) != SP_SHARE_TELLS))
		return false;
	uint32_t addresses = sp_load32(ip + 12) ^ sp_load32(ip + 16);
	*share = sp_share((uint64_t)addresses << 32, (uint16_t)(ports ^ ports >> 16));
	return true;
}

#endif
