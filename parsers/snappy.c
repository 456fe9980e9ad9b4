/* SPDX-License-Identifier: Apache-2.0 */
/* Snappy (google/snappy, format_description.txt): literals, and copies of what was written before. */
#include <string.h>

#include "base/cursor.h"
#include "parsers/codec.h"

/* A little-endian number of n bytes. */
static size_t number(struct sp_cursor *c, unsigned n)
{
	size_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (size_t)sp_cursor_u8(c) << 8 * i;
	return v;
}

static size_t literal(struct sp_cursor *c, size_t n, uint8_t *out, size_t room)
{
	n = SP_MIN(n, SP_MIN(room, sp_cursor_left(c)));
	const uint8_t *p = sp_cursor_take(c, n);
	if (p)
		memcpy(out, p, n);
	return p ? n : 0;
}

size_t sp_snappy(struct sp_slice in, uint8_t *out, size_t room)
{
	struct sp_cursor c = sp_cursor(in);
	size_t n = 0;
	for (unsigned i = 0; i < 5 && sp_cursor_u8(&c) & 0x80; i++)
		; /* the whole's length */
	while (n < room && sp_cursor_left(&c)) {
		uint8_t tag = sp_cursor_u8(&c);
		size_t size = (tag >> 2) + 1U, back = 0;
		switch (tag & 3) {
		case 0:
			if (size > 60)
				size = number(&c, (unsigned)size - 60) + 1;
			if (c.bad)
				return n;
			n += literal(&c, size, out + n, room - n);
			continue;
		case 1:
			size = (tag >> 2 & 7) + 4U;
			back = (size_t)(tag >> 5) << 8 | sp_cursor_u8(&c);
			break;
		case 2:
			back = number(&c, 2);
			break;
		case 3:
			back = number(&c, 4);
			break;
		}
		if (c.bad || !back || back > n)
			return n;
		for (size = SP_MIN(size, room - n); size; size--, n++)
			out[n] = out[n - back];
	}
	return n;
}
