/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as decimal text: every function writes at `p` and returns the end. They may store bytes past it: room for
 * SP_DECIMAL_SLACK more is there. */
#ifndef SP_BASE_DECIMAL_H
#define SP_BASE_DECIMAL_H

#include <string.h>

#include "base/base.h"

#define SP_DECIMAL_SLACK 8

/* Decimal digits of v < 10^8 as eight bytes 0..9, the most significant in the lowest byte. All divisions are by
 * constants and several digits share one multiplication. */
static inline uint64_t sp_digits8(uint32_t v)
{
	uint64_t four = v / 10000 + ((uint64_t)(v % 10000) << 32);
	uint64_t hi = (four * 10486 >> 20) & UINT64_C(0x7f0000007f); /* each half / 100 */
	uint64_t two = hi + ((four - hi * 100) << 16);
	uint64_t tens = (two * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	return tens + ((two - tens * 10) << 8);
}

#define SP_DIGITS_ASCII UINT64_C(0x3030303030303030)

/* v < 10^8, eight digits with leading zeros. */
static inline char *sp_put_8digits(char *p, uint32_t v)
{
	uint64_t d = sp_digits8(v) | SP_DIGITS_ASCII;
	memcpy(p, &d, 8);
	return p + 8;
}

/* v < 10^8, no leading zeros. */
static inline char *sp_put_short(char *p, uint32_t v)
{
	uint64_t d = sp_digits8(v);
	unsigned zeros =
		(unsigned)__builtin_ctzll(d | UINT64_C(1) << 56) & 0x38; /* bits, a multiple of 8, at most 56 */
	d = (d | SP_DIGITS_ASCII) >> zeros;
	memcpy(p, &d, 8);
	return p + 8 - zeros / 8;
}

/* Of each v < 1000 its digits, the first one in the lowest byte, and in the highest byte how many there are. */
extern const uint32_t sp_decimal_small[1000];
extern const char sp_decimal_pair[100][2];

/* v < 1000, no leading zeros. */
static inline char *sp_put_small(char *p, uint64_t v)
{
	uint32_t d = sp_decimal_small[v];
	memcpy(p, &d, sizeof d);
	return p + (d >> 24);
}

/* v < 100, two digits. */
static inline char *sp_put_pair(char *p, uint64_t v)
{
	memcpy(p, sp_decimal_pair[v], 2);
	return p + 2;
}

static inline char *sp_put_u64(char *p, uint64_t v)
{
	if (SP_LIKELY(v < 1000)) /* sizes of small messages, times that people wait for a machine */
		return sp_put_small(p, v);
	if (SP_LIKELY(v < 100000)) /* ports */
		return sp_put_pair(sp_put_small(p, (uint32_t)v / 100), (uint32_t)v % 100);
	if (SP_LIKELY(v < 100000000))
		return sp_put_short(p, (uint32_t)v);
	uint64_t hi = v / 100000000;
	if (hi < 1000) {
		p = sp_put_small(p, hi);
	} else if (hi < 100000000) {
		p = sp_put_short(p, (uint32_t)hi);
	} else {
		p = sp_put_short(p, (uint32_t)(hi / 100000000));
		p = sp_put_8digits(p, (uint32_t)(hi % 100000000));
	}
	return sp_put_8digits(p, (uint32_t)(v % 100000000));
}
#define SP_DECIMAL_MAX 20

#endif
