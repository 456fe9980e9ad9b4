/* SPDX-License-Identifier: Apache-2.0 */
/* Commands compared as numbers: a word of up to eight letters, the last one in the lowest byte. Of longer words the
 * first eight count. `case 'MGET':` and `case SP_WORD('ZUNI', 'ON'):` are the labels that fit. */
#ifndef SP_PARSERS_WORDS_H
#define SP_PARSERS_WORDS_H

#include "base/cursor.h"

#pragma GCC diagnostic ignored "-Wmultichar"

#define SP_WORD_SHIFT(b) ((b) > 0xffffff ? 32 : (b) > 0xffff ? 24 : (b) > 0xff ? 16 : 8)
#define SP_WORD(a, b) ((uint64_t)(a) << SP_WORD_SHIFT(b) | (b))

static inline uint64_t sp_word(struct sp_slice s)
{
	uint64_t word = 0;
	if (s.n > 8)
		return sp_be64(s.p);
	if (s.n >= 4) /* the two halves overlap in equal letters */
		return (uint64_t)sp_be32(s.p) << 8 * (s.n - 4) | sp_be32(s.p + s.n - 4);
	if (s.n == 3)
		return (uint64_t)s.p[0] << 16 | sp_be16(s.p + 1);
	for (size_t i = 0; i < s.n; i++)
		word = word << 8 | s.p[i];
	return word;
}

static inline uint64_t sp_word_upper(uint64_t word)
{
	return word & ~((word & 0x4040404040404040) >> 1);
}

#endif
