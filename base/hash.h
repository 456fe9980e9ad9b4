/* SPDX-License-Identifier: Apache-2.0 */
/* A keyed multiply-fold hash for short fixed keys: one 64x64->128 multiplication per 16 bytes. Not cryptographic; the
 * key, random in a live process, keeps a sender from choosing colliding flows. Files use a fixed key: runs repeat. */
#ifndef SP_BASE_HASH_H
#define SP_BASE_HASH_H

#include <string.h>

#include "base/base.h"

#define SP_HASH_K0 UINT64_C(0x9e3779b97f4a7c15)
#define SP_HASH_K1 UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t sp_hash_mix(uint64_t a, uint64_t b)
{
	uint64_t hi; /* of a 128-bit integer gcc would make a place in memory when registers are few */
	__asm__("mulq %2" : "+a"(a), "=d"(hi) : "rm"(b) : "cc");
	return a ^ hi;
}

static inline uint16_t sp_load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t sp_load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t sp_load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* Any bytes: for tables off the packet path. Inline, so that a length that is known costs no loop. */
static inline uint64_t sp_hash_bytes(const void *p, size_t n, uint64_t key)
{
	const uint8_t *b = p;
	uint64_t h = key ^ (n * SP_HASH_K1);
	for (; n >= 8; b += 8, n -= 8)
		h = sp_hash_mix(h ^ sp_load64(b), SP_HASH_K0);
	uint64_t last = 0;
	memcpy(&last, b, n);
	return sp_hash_mix(h ^ last, SP_HASH_K1);
}

#endif
