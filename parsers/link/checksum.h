/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071): a sum over everything, the checksum field included, folds to ffff when it is right.
 */
#ifndef SP_PARSERS_LINK_CHECKSUM_H
#define SP_PARSERS_LINK_CHECKSUM_H

#include "base/cursor.h"

/* Adds n bytes; only the last piece may have an odd length. */
static inline uint64_t sp_checksum_add(uint64_t sum, const uint8_t *p, uint32_t n)
{
	for (; n >= 4; p += 4, n -= 4)
		sum += sp_be32(p);
	if (n >= 2) {
		sum += sp_be16(p);
		p += 2;
		n -= 2;
	}
	return n ? sum + ((uint64_t)*p << 8) : sum;
}

static inline uint16_t sp_checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

#endif
