/* SPDX-License-Identifier: Apache-2.0 */
/* What the copies have in common that a mirror makes of a packet – on its way in and again on its way out, before and
 * after a router –, whatever their TTL, MAC addresses and VLAN: addresses, IP identification, lengths, the first 20
 * bytes from the L4 header on, the point. The same packet at another point is no copy. */
#ifndef SP_PARSERS_LINK_SIGN_H
#define SP_PARSERS_LINK_SIGN_H

#include "base/hash.h"
#include "base/pkt.h"

enum { SP_SIGN_BYTES = 20 }; /* that are looked at, from the L4 header on */

static inline uint64_t sp_sign_seed(uint16_t point)
{
	return SP_HASH_K0 ^ (uint32_t)point << 16;
}

/* Never 0. `ends`: both addresses, in their order; `id`: the IP identification as it lies in the header, 0: none;
 * `seed`: of the point. Point and identification meet the ports, which are the same in all that is compared. */
static inline uint64_t sp_sign(uint64_t ends, uint16_t id, uint64_t seed, uint32_t l7_len, const uint8_t *l4)
{
	uint64_t h = sp_hash_mix(sp_load64(l4) ^ ends ^ id ^ seed, sp_load64(l4 + 8) ^ SP_HASH_K1);
	return ((h ^ ((uint64_t)sp_load32(l4 + 16) << 32 | l7_len)) * SP_HASH_K1) | UINT64_C(1) << 32;
}

/* Of a packet with an L4 header, by what decode found. What was not captured counts as zeros. */
static inline uint64_t sp_sign_of(const struct sp_pkt *pkt)
{
	const uint8_t *ip = pkt->data + pkt->l3, *l4 = pkt->data + pkt->l4;
	uint64_t seed = sp_sign_seed(pkt->point);
	uint8_t cut[SP_SIGN_BYTES] = {0};
	if (pkt->l4 + SP_SIGN_BYTES > pkt->cap_len) {
		memcpy(cut, l4, pkt->cap_len - pkt->l4);
		l4 = cut;
	}
	if (ip[0] >> 4 != 4)
		return sp_sign(sp_load64(ip + 16) ^ sp_load64(ip + 32) * 3, 0, seed, pkt->l7_len, l4);
	uint16_t id;
	memcpy(&id, ip + 4, sizeof id);
	return sp_sign(sp_load64(ip + 12), id, seed, pkt->l7_len, l4);
}

#endif
