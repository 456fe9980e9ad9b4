/* SPDX-License-Identifier: Apache-2.0 */
/* Building and hashing flow keys, inline for the packet path. */
#ifndef SP_PARSERS_LINK_KEY_H
#define SP_PARSERS_LINK_KEY_H

#include <emmintrin.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/pkt.h"

/* One more fact about where addresses are valid, mixed into the address space. */
static inline uint32_t sp_space_mix(uint32_t space, uint64_t what)
{
	uint64_t h = sp_hash_mix(space ^ SP_HASH_K0, what ^ SP_HASH_K1);
	return (uint32_t)(h ^ h >> 32);
}

static inline uint32_t sp_space_vlan(uint32_t space, uint16_t id)
{
	return sp_space_mix(space, UINT64_C(1) << 32 | id);
}

static inline uint64_t sp_key_seed(uint64_t hash_key)
{
	return hash_key ^ SP_HASH_K0;
}

/* Of the last four bytes of both addresses, of ports and space, of the protocol. */
static inline uint64_t sp_key_hash_words(uint64_t ends, uint64_t ports, uint8_t proto, uint64_t seed)
{
	uint64_t h = (sp_hash_mix(ends ^ seed, ports ^ SP_HASH_K1) ^ proto) * SP_HASH_K1;
	return h << 32 | h >> 32; /* the better half first */
}

/* IPv4 keys have the same in all other bytes of the addresses, which they skip. */
static inline uint64_t sp_key_hash(const struct sp_flow_key *key, uint64_t hash_key)
{
	const uint64_t mapped = 0xffff0000;
	uint64_t lo = sp_load64(key->lo.b + 8), hi = sp_load64(key->hi.b + 8), seed = sp_key_seed(hash_key);
	uint64_t lo_begin = sp_load64(key->lo.b), hi_begin = sp_load64(key->hi.b);
	if (SP_UNLIKELY(lo_begin | hi_begin | (((lo ^ mapped) | (hi ^ mapped)) & UINT32_MAX)))
		seed ^= sp_hash_mix(lo_begin ^ SP_HASH_K1, hi_begin ^ SP_HASH_K0) +
			sp_hash_mix(lo ^ SP_HASH_K0, hi ^ seed);
	return sp_key_hash_words(lo >> 32 | (hi >> 32 << 32), sp_load64(&key->lo_port), key->proto, seed);
}

/* For sharing flows out: 32 bits of the endpoints, in either order, and without the address space, for a mirror's copy
 * of a packet may carry another VLAN than the packet did. `addresses`: both halves of both, folded; `ports`: of both,
 * too, in network order. Not the hash that tables use. */
static inline uint32_t sp_share(uint64_t addresses, uint16_t ports)
{
	return (uint32_t)((addresses ^ ports) * SP_HASH_K0 >> 32);
}

static inline uint64_t sp_share_fold(const uint8_t *addr)
{
	return sp_load64(addr) * 3 ^ sp_load64(addr + 8);
}

/* Ports and the rest, after the addresses are in place. */
static inline void sp_key_tail(struct sp_flow_key *key, uint16_t lo_port, uint16_t hi_port, uint32_t space,
			       uint8_t proto)
{
	uint64_t ports = (uint64_t)space << 32 | (uint32_t)hi_port << 16 | lo_port;
	uint64_t last = proto;
	memcpy(&key->lo_port, &ports, sizeof ports);
	memcpy(&key->proto, &last, sizeof last);
}

/* An IPv4 packet whose transport header begins with ports: key and hash in one go. `raw`: both addresses as they lie in
 * the header; `ports`: both, the source's the higher half; `seed` from sp_key_seed. Returns whether the source is the
 * high endpoint. */
static inline bool sp_key_v4_packet(struct sp_flow_key *key, uint64_t raw, uint32_t ports, uint32_t space,
				    uint8_t proto, uint64_t seed, uint32_t *hash)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "mapped addresses are put together in a register");
	uint64_t both = __builtin_bswap64(raw), turned = both << 32 | both >> 32;
	uint32_t ports_turned = ports << 16 | ports >> 16;
	bool reverse = SP_LIKELY(both != turned) ? both > turned : ports > ports_turned;
	/* No processor can guess which way the next packet goes: turned by a number, without a branch. */
	unsigned turn = reverse;
	SP_UNPREDICTABLE(turn);
	raw = raw << (turn * 32) | raw >> (-(turn * 32) & 63);
	ports = ports_turned << (turn * 16) | ports_turned >> (-(turn * 16) & 31);
	const __m128i mapped = _mm_set_epi32(0, (int)0xffff0000, 0, 0);
	uint64_t tail = (uint64_t)space << 32 | ports, last = proto;
	uint32_t lo = (uint32_t)raw, hi = (uint32_t)(raw >> 32);
	_mm_store_si128((__m128i *)&key->lo, mapped);
	memcpy(key->lo.b + 12, &lo, 4);
	_mm_store_si128((__m128i *)&key->hi, mapped);
	memcpy(key->hi.b + 12, &hi, 4);
	memcpy(&key->lo_port, &tail, 8);
	memcpy(&key->proto, &last, 8);
	*hash = (uint32_t)sp_key_hash_words(raw, tail, proto, seed);
	return reverse;
}

/* `src` and `dst` point at addresses in a packet. Returns whether the source is the high endpoint. */
static inline bool sp_key_v4(struct sp_flow_key *key, const uint8_t *src, const uint8_t *dst, uint16_t sport,
			     uint16_t dport, uint32_t space, uint8_t proto)
{
	uint64_t a = (uint64_t)sp_be32(src) << 16 | sport, b = (uint64_t)sp_be32(dst) << 16 | dport;
	uint64_t lo = SP_MIN(a, b), hi = SP_MAX(a, b);
	uint64_t lo_addr = __builtin_bswap64(UINT64_C(0x0000ffff00000000) | lo >> 16);
	uint64_t hi_addr = __builtin_bswap64(UINT64_C(0x0000ffff00000000) | hi >> 16);
	memset(key->lo.b, 0, 8);
	memcpy(key->lo.b + 8, &lo_addr, 8);
	memset(key->hi.b, 0, 8);
	memcpy(key->hi.b + 8, &hi_addr, 8);
	sp_key_tail(key, (uint16_t)lo, (uint16_t)hi, space, proto);
	return a > b;
}

static inline bool sp_key_v6(struct sp_flow_key *key, const uint8_t *src, const uint8_t *dst, uint16_t sport,
			     uint16_t dport, uint32_t space, uint8_t proto)
{
	uint64_t a = sp_be64(src), b = sp_be64(dst);
	if (a == b) {
		a = sp_be64(src + 8);
		b = sp_be64(dst + 8);
	}
	bool reverse = a != b ? a > b : sport > dport;
	memcpy(key->lo.b, reverse ? dst : src, 16);
	memcpy(key->hi.b, reverse ? src : dst, 16);
	sp_key_tail(key, reverse ? dport : sport, reverse ? sport : dport, space, proto);
	return reverse;
}

#endif
