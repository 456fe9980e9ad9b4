/* SPDX-License-Identifier: Apache-2.0 */
/* A reading position in borrowed bytes with a sticky error: after the first read past the end every read yields 0 and
 * `bad` stays set, so that a caller checks once, at the end. Numbers are in network order unless the name says `le`. */
#ifndef SP_BASE_CURSOR_H
#define SP_BASE_CURSOR_H

#include <string.h>

#include "base/base.h"
#include "base/slice.h"

struct sp_cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline uint16_t sp_be16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t sp_be32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint64_t sp_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

static inline struct sp_cursor sp_cursor(struct sp_slice s)
{
	const uint8_t *p = s.p ? s.p : (const uint8_t *)""; /* nothing may be added to NULL, not even 0 */
	return (struct sp_cursor){.p = p, .end = p + s.n};
}

static inline size_t sp_cursor_left(const struct sp_cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, or NULL (and the sticky error) when they are not there. */
static inline const uint8_t *sp_cursor_take(struct sp_cursor *c, size_t n)
{
	if (SP_UNLIKELY(c->bad || n > sp_cursor_left(c))) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *p = c->p;
	c->p += n;
	return p;
}

static inline uint8_t sp_cursor_u8(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 1);
	return p ? *p : 0;
}

static inline uint16_t sp_cursor_u16(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 2);
	return p ? sp_be16(p) : 0;
}

static inline uint32_t sp_cursor_u32(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 4);
	return p ? sp_be32(p) : 0;
}

static inline uint64_t sp_cursor_u64(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 8);
	return p ? sp_be64(p) : 0;
}

#endif
