/* SPDX-License-Identifier: Apache-2.0 */
/* DEFLATE (RFC 1951) of the beginning of a stream. What was written is the window, so that nothing else is needed;
 * codes are decoded bit by bit from counts and symbols in order, which is fast enough for a few kilobytes. */
#include <string.h>

#include "parsers/codec.h"

enum {
	BITS_MAX = 15,
	LITERALS = 288,
	DISTANCES = 30,
	END_OF_BLOCK = 256,
};

struct bits {
	const uint8_t *p, *end;
	uint32_t hold;
	unsigned n;
	bool bad;
};

struct code {
	uint16_t count[BITS_MAX + 1];
	uint16_t symbol[LITERALS];
};

struct out {
	uint8_t *p;
	size_t n, room;
};

static unsigned take(struct bits *b, unsigned n)
{
	while (b->n < n) {
		if (b->p == b->end) {
			b->bad = true;
			return 0;
		}
		b->hold |= (uint32_t)*b->p++ << b->n;
		b->n += 8;
	}
	unsigned v = b->hold & ((1U << n) - 1);
	b->hold >>= n;
	b->n -= n;
	return v;
}

/* Canonical codes from their lengths. False: more codes than there can be. */
static bool build(struct code *c, const uint8_t *length, unsigned n)
{
	uint16_t at[BITS_MAX + 1] = {0};
	memset(c->count, 0, sizeof c->count);
	for (unsigned i = 0; i < n; i++)
		c->count[length[i]]++;
	int left = 1;
	for (unsigned i = 1; i <= BITS_MAX; i++) {
		left = 2 * left - c->count[i];
		if (left < 0)
			return false;
	}
	for (unsigned i = 1; i < BITS_MAX; i++)
		at[i + 1] = (uint16_t)(at[i] + c->count[i]);
	for (unsigned i = 0; i < n; i++)
		if (length[i])
			c->symbol[at[length[i]]++] = (uint16_t)i;
	return true;
}

static unsigned decode(struct bits *b, const struct code *c)
{
	int code = 0, first = 0, index = 0;
	for (unsigned i = 1; i <= BITS_MAX; i++) {
		code |= (int)take(b, 1);
		int count = c->count[i];
		if (b->bad)
			return 0;
		if (code - count < first)
			return c->symbol[index + code - first];
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	b->bad = true;
	return 0;
}

static bool copy(struct out *o, size_t back, size_t n)
{
	if (back > o->n)
		return false;
	for (n = SP_MIN(n, o->room - o->n); n; n--, o->n++)
		o->p[o->n] = o->p[o->n - back];
	return true;
}

/* A block's symbols. False: it was the last one that is there. */
static bool symbols(struct bits *b, const struct code *literal, const struct code *distance, struct out *o)
{
	static const uint16_t size_base[] = {3,	 4,  5,	 6,  7,	 8,  9,	 10, 11,  13,  15,  17,	 19,  23, 27,
					     31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t size_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	static const uint16_t back_base[] = {1,	   2,	 3,    4,    5,	   7,	 9,    13,    17,    25,
					     33,   49,	 65,   97,   129,  193,	 257,  385,   513,   769,
					     1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
	while (o->n < o->room) {
		unsigned symbol = decode(b, literal);
		if (b->bad)
			return false;
		if (symbol < END_OF_BLOCK) {
			o->p[o->n++] = (uint8_t)symbol;
			continue;
		}
		if (symbol == END_OF_BLOCK)
			return true;
		symbol -= END_OF_BLOCK + 1;
		if (symbol >= SP_ARRAY_SIZE(size_base))
			return false;
		size_t size = size_base[symbol] + take(b, size_bits[symbol]);
		unsigned far = decode(b, distance);
		if (b->bad || far >= DISTANCES)
			return false;
		size_t back = back_base[far] + (far < 4 ? 0 : take(b, far / 2 - 1));
		if (b->bad || !copy(o, back, size))
			return false;
	}
	return false;
}

static bool stored(struct bits *b, struct out *o)
{
	b->hold = 0; /* to the next byte: whole ones were never taken ahead */
	b->n = 0;
	if (b->end - b->p < 4)
		return false;
	size_t n = b->p[0] | (size_t)b->p[1] << 8, there;
	b->p += 4;
	there = SP_MIN(n, SP_MIN((size_t)(b->end - b->p), o->room - o->n));
	memcpy(o->p + o->n, b->p, there);
	b->p += there;
	o->n += there;
	return there == n;
}

static bool fixed(struct bits *b, struct out *o)
{
	struct code literal, distance;
	uint8_t length[LITERALS];
	memset(length, 8, 144);
	memset(length + 144, 9, 112);
	memset(length + 256, 7, 24);
	memset(length + 280, 8, 8);
	build(&literal, length, LITERALS);
	memset(length, 5, DISTANCES);
	build(&distance, length, DISTANCES);
	return symbols(b, &literal, &distance, o);
}

/* The lengths of a dynamic block's codes, themselves coded. */
static bool lengths(struct bits *b, const struct code *c, uint8_t *length, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		unsigned symbol = decode(b, c), times = 1;
		uint8_t value = (uint8_t)symbol;
		if (symbol == 16) {
			if (!i)
				return false;
			value = length[i - 1];
			times = 3 + take(b, 2);
		} else if (symbol > 16) {
			value = 0;
			times = symbol == 17 ? 3 + take(b, 3) : 11 + take(b, 7);
		}
		if (b->bad || times > n - i)
			return false;
		memset(length + i, value, times);
		i += times;
	}
	return true;
}

static bool dynamic(struct bits *b, struct out *o)
{
	static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	struct code literal, distance;
	uint8_t length[LITERALS + 32] = {0};
	unsigned n_literal = take(b, 5) + 257, n_distance = take(b, 5) + 1, n_code = take(b, 4) + 4;
	if (n_literal > 286 || n_distance > DISTANCES)
		return false;
	for (unsigned i = 0; i < n_code; i++)
		length[order[i]] = (uint8_t)take(b, 3);
	if (b->bad || !build(&literal, length, SP_ARRAY_SIZE(order)) ||
	    !lengths(b, &literal, length, n_literal + n_distance))
		return false;
	if (!build(&distance, length + n_literal, n_distance) || !build(&literal, length, n_literal))
		return false;
	return symbols(b, &literal, &distance, o);
}

/* Where the stream itself begins. */
static size_t header(struct sp_slice in)
{
	bool zlib = in.n >= 2 && (in.p[0] & 15) == 8 && !(((unsigned)in.p[0] << 8 | in.p[1]) % 31);
	if (zlib)
		return in.p[1] & 0x20 ? 6 : 2;
	if (in.n < 10 || in.p[0] != 0x1f || in.p[1] != 0x8b)
		return 0;
	size_t at = 10;
	if (in.p[3] & 4) /* extra */
		at += at + 2 <= in.n ? 2 + (in.p[at] | (size_t)in.p[at + 1] << 8) : 2;
	for (unsigned text = in.p[3] & 8 ? 1 : 0, more = in.p[3] & 16 ? 1 : 0; text + more; text ? text-- : more--)
		while (at < in.n && in.p[at++]) /* name, comment */
			;
	return at + (in.p[3] & 2);
}

size_t sp_inflate(struct sp_slice in, uint8_t *out, size_t room)
{
	size_t at = header(in);
	if (at > in.n)
		return 0;
	struct bits b = {.p = in.p + at, .end = in.p + in.n};
	struct out o = {.p = out, .room = room};
	bool last = false, good = true;
	while (!last && good && o.n < o.room && !b.bad) {
		last = take(&b, 1);
		unsigned type = take(&b, 2);
		good = !b.bad && type < 3 && (type == 0 ? stored(&b, &o) : type == 1 ? fixed(&b, &o) : dynamic(&b, &o));
	}
	return o.n;
}
