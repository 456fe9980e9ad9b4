/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes. A slice never owns: whoever keeps the bytes longer than their batch copies them. */
#ifndef SP_BASE_SLICE_H
#define SP_BASE_SLICE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

struct sp_slice {
	const uint8_t *p;
	size_t n;
};

/* As memcpy, of what mostly is a few bytes: from both ends, which may overlap. n may be 0. */
static inline void sp_copy(uint8_t *to, const uint8_t *from, size_t n)
{
	if (SP_UNLIKELY(n > 32)) {
		memcpy(to, from, n);
	} else if (n > 16) {
		memcpy(to, from, 16);
		memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n - 4, from + n - 4, 4);
	} else if (n) {
		uint8_t middle = from[n / 2], last = from[n - 1];
		to[0] = from[0];
		to[n / 2] = middle;
		to[n - 1] = last;
	}
}

#endif
