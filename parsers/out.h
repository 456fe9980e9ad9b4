/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is put together piece by piece in an arena, and cut where its room ends. One at a time: nothing else may be
 * taken from the arena between begin and end. */
#ifndef SP_PARSERS_OUT_H
#define SP_PARSERS_OUT_H

#include "parsers/parser.h"

struct sp_out {
	uint8_t *start, *p, *end;
};

static inline struct sp_out sp_out_begin(struct sp_arena *a, size_t room)
{
	uint8_t *p = a->p + a->n;
	return (struct sp_out){p, p, p + SP_MIN(room, a->size - a->n)};
}

/* What was written becomes the arena's. */
static inline struct sp_slice sp_out_end(struct sp_arena *a, const struct sp_out *o)
{
	a->n += (size_t)(o->p - o->start);
	return (struct sp_slice){o->start, (size_t)(o->p - o->start)};
}

static inline size_t sp_out_room(const struct sp_out *o)
{
	return (size_t)(o->end - o->p);
}

static inline void sp_out_put(struct sp_out *o, struct sp_slice s)
{
	size_t n = SP_MIN(s.n, sp_out_room(o));
	sp_copy(o->p, s.p, n);
	o->p += n;
}

#define sp_out_text(o, literal) sp_out_put(o, SP_TEXT(literal))

static inline void sp_out_char(struct sp_out *o, char c)
{
	if (SP_LIKELY(o->p < o->end))
		*o->p++ = (uint8_t)c;
}

static inline void sp_out_u64(struct sp_out *o, uint64_t v)
{
	uint8_t digit[20];
	size_t at = sizeof digit;
	do
		digit[--at] = (uint8_t)('0' + v % 10);
	while (v /= 10);
	sp_out_put(o, (struct sp_slice){digit + at, sizeof digit - at});
}

/* Lower-case hexadecimal digits. */
static inline void sp_out_hex(struct sp_out *o, struct sp_slice bytes)
{
	static const char digit[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.n && sp_out_room(o) >= 2; i++) {
		*o->p++ = (uint8_t)digit[bytes.p[i] >> 4];
		*o->p++ = (uint8_t)digit[bytes.p[i] & 15];
	}
}

/* An address of 4 or 16 bytes; other lengths as hexadecimal digits. */
void sp_out_address(struct sp_out *o, struct sp_slice bytes);

#endif
