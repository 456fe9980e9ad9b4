/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard (RFC 8878) of the beginning of a frame. What was written is the window, and literals are decoded where they
 * go, so that nothing but tables is kept. A block's sequences are read from its end: one that is not there as a whole
 * cannot be read at all, unless it was not compressed. */
#include <string.h>

#include "parsers/codec.h"
#include "parsers/zstd_priv.h"

enum {
	MAGIC_SIZE = 4,
	BLOCK_HEAD = 3,
	BLOCKS_MIN = 64,   /* so many are read, … */
	BLOCK_YIELDS = 64, /* …and more if there are so many bytes in each: tables take their time */
	OFFSETS = 32,
	REPEATS = 3,
};

enum mode { PREDEFINED, ONE_SYMBOL, TABLE, AS_BEFORE };

static const int16_t literals_default[] = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,	 1,  2,	 2,
					   2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
static const int16_t offset_default[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,	1,  1,	1,  1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
static const int16_t match_default[] = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
					1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
					1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};

/* RFC 8878 section 3.1.1.3.2: the symbols, the tables' sizes, and what of them is known beforehand. */
static const struct {
	uint8_t symbols, log_max, defaults, log;
	const int16_t *frequency;
} kinds[ZSTD_CODES] = {
	[ZSTD_LITERALS] = {36, 9, SP_ARRAY_SIZE(literals_default), 6, literals_default},
	[ZSTD_OFFSET] = {OFFSETS, 8, SP_ARRAY_SIZE(offset_default), 5, offset_default},
	[ZSTD_MATCH] = {53, 9, SP_ARRAY_SIZE(match_default), 6, match_default},
};

static const uint32_t literals_base[] = {0,  1,	 2,   3,   4,	5,    6,    7,	  8,	9,     10,    11,
					 12, 13, 14,  15,  16,	18,   20,   22,	  24,	28,    32,    40,
					 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
static const uint8_t literals_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,	 0,  0,	 0,  1,	 1,
					1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint32_t match_base[] = {3,  4,   5,   6,	 7,    8,    9,	   10,	 11,	12,    13,   14, 15, 16,
				      17, 18,  19,  20,	 21,   22,   23,   24,	 25,	26,    27,   28, 29, 30,
				      31, 32,  33,  34,	 35,   37,   39,   41,	 43,	47,    51,   59, 67, 83,
				      99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539};
static const uint8_t match_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0, 0,
				     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  1,  1,  1, 1,
				     2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void drop(struct sp_slice *s, size_t n)
{
	*s = (struct sp_slice){s->p + n, s->n - n};
}

static bool table(struct zstd_fse *t, enum zstd_code code, enum mode mode, struct sp_slice *s)
{
	switch (mode) {
	case PREDEFINED:
		sp_zstd_fse_build(t, kinds[code].frequency, kinds[code].defaults, kinds[code].log);
		return true;
	case ONE_SYMBOL:
		t->known = s->n && *s->p < kinds[code].symbols;
		if (!t->known)
			return false;
		t->log = t->state[0].bits = 0;
		t->state[0].base = 0;
		t->state[0].symbol = *s->p;
		drop(s, 1);
		return true;
	case TABLE:
		return sp_zstd_fse(t, s, kinds[code].symbols, kinds[code].log_max);
	default:
		return t->known;
	}
}

/* Returns the offset; 0: there is none. The last three are known by small numbers; without literals before it the last
 * one itself is not meant. */
static size_t offset(struct zstd_frame *f, uint32_t value, bool literals)
{
	size_t far = 0;
	if (value > REPEATS) {
		far = value - REPEATS;
		memmove(f->back + 1, f->back, 2 * sizeof *f->back);
	} else {
		unsigned which = value - literals;
		far = which < REPEATS ? f->back[which] : f->back[0] - 1;
		if (which)
			memmove(f->back + 1, f->back, SP_MIN(which, 2U) * sizeof *f->back);
	}
	return f->back[0] = far;
}

/* False: they are not there, or there is no more room. */
static bool literals(struct zstd_frame *f, struct zstd_literals *l, size_t n)
{
	size_t got = sp_zstd_literals_take(l, f->out + f->n, SP_MIN(n, f->room - f->n));
	f->n += got;
	return got == n;
}

static bool copy(struct zstd_frame *f, size_t back, size_t n)
{
	if (!back || back > f->n)
		return false;
	uint8_t *to = f->out + f->n;
	const uint8_t *from = to - back;
	n = SP_MIN(n, f->room - f->n);
	f->n += n;
	if (back >= n)
		sp_copy(to, from, n);
	else
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
	return f->n < f->room;
}

static bool sequence(struct zstd_frame *f, struct zstd_literals *l, struct zstd_bits *b, const uint32_t *state)
{
	unsigned symbol[ZSTD_CODES];
	for (unsigned i = 0; i < ZSTD_CODES; i++)
		symbol[i] = f->fse[i].state[state[i]].symbol;
	uint32_t far = (1U << symbol[ZSTD_OFFSET]) + zstd_take(b, symbol[ZSTD_OFFSET]);
	size_t match = match_base[symbol[ZSTD_MATCH]] + zstd_take(b, match_bits[symbol[ZSTD_MATCH]]);
	size_t before = literals_base[symbol[ZSTD_LITERALS]] + zstd_take(b, literals_bits[symbol[ZSTD_LITERALS]]);
	if (b->over)
		return false;
	size_t back = offset(f, far, before);
	return literals(f, l, before) && copy(f, back, match);
}

/* After every sequence but the last. */
static void advance(const struct zstd_frame *f, struct zstd_bits *b, uint32_t *state)
{
	static const uint8_t order[] = {ZSTD_LITERALS, ZSTD_MATCH, ZSTD_OFFSET};
	for (unsigned i = 0; i < ZSTD_CODES; i++) {
		const struct zstd_fse *t = &f->fse[order[i]];
		uint32_t *now = &state[order[i]];
		*now = t->state[*now].base + zstd_take(b, t->state[*now].bits);
	}
}

/* `n` of them. False: they are wrong, or there is no more room. */
static bool sequences(struct zstd_frame *f, struct zstd_literals *l, struct sp_slice s, unsigned n)
{
	struct zstd_bits b;
	uint32_t state[ZSTD_CODES];
	if (!sp_zstd_bits(&b, s))
		return false;
	for (unsigned i = 0; i < ZSTD_CODES; i++)
		state[i] = zstd_take(&b, f->fse[i].log);
	for (; sequence(f, l, &b, state); n--) {
		if (n == 1)
			return true;
		advance(f, &b, state);
	}
	return false;
}

/* How many sequences there are, which is taken off. False: it is not there. */
static bool count(struct sp_slice *s, unsigned *n)
{
	unsigned first = s->n ? *s->p : 0;
	size_t size = first < 128 ? 1 : first < 255 ? 2 : 3;
	if (s->n < size)
		return false;
	*n = size == 1	 ? first
	     : size == 2 ? (first - 128) << 8 | s->p[1]
			 : 0x7f00U + (s->p[1] | (unsigned)s->p[2] << 8);
	drop(s, size);
	return true;
}

bool sp_zstd_sequences(struct zstd_frame *f, struct zstd_literals *l, struct sp_slice s, const struct sp_slice *end)
{
	unsigned n;
	if (!count(&s, &n))
		return false;
	if (n) {
		if (!s.n || *s.p & 3)
			return false;
		unsigned modes = *s.p;
		drop(&s, 1);
		for (unsigned i = 0; i < ZSTD_CODES; i++)
			if (!table(&f->fse[i], i, modes >> (6 - 2 * i) & 3, &s))
				return false;
		if (!sequences(f, l, end ? *end : s, n))
			return false;
	}
	return literals(f, l, l->left);
}

bool sp_zstd_block(struct sp_slice *s, unsigned *type, size_t *n, bool *last)
{
	if (s->n < BLOCK_HEAD)
		return false;
	uint32_t head = s->p[0] | (uint32_t)s->p[1] << 8 | (uint32_t)s->p[2] << 16;
	drop(s, BLOCK_HEAD);
	*last = head & 1;
	*type = head >> 1 & 3;
	*n = head >> 3;
	return true;
}

/* False: it was the last one that can be read. */
static bool block(struct zstd_frame *f, struct sp_slice *s)
{
	unsigned type;
	size_t n, room = f->room - f->n;
	bool last;
	if (!sp_zstd_block(s, &type, &n, &last))
		return false;
	struct sp_slice in = {s->p, SP_MIN(type == ZSTD_BLOCK_REPEATED ? 1 : n, s->n)};
	struct zstd_literals l;
	drop(s, in.n);
	switch (type) {
	case ZSTD_BLOCK_RAW:
		room = SP_MIN(in.n, room);
		memcpy(f->out + f->n, in.p, room);
		break;
	case ZSTD_BLOCK_REPEATED:
		room = in.n ? SP_MIN(n, room) : 0;
		if (room)
			memset(f->out + f->n, *in.p, room);
		break;
	case ZSTD_BLOCK_COMPRESSED:
		return in.n == n && sp_zstd_literals(&l, &f->huffman, &in) && sp_zstd_sequences(f, &l, in, NULL) &&
		       !last;
	default:
		return false;
	}
	f->n += room;
	return !last;
}

bool sp_zstd_header(struct sp_slice *s)
{
	static const uint8_t skippable[] = {0x2a, 0x4d, 0x18};
	while (s->n >= 8 && (*s->p & 0xf0) == 0x50 && !memcmp(s->p + 1, skippable, sizeof skippable)) {
		size_t n = s->p[4] | (size_t)s->p[5] << 8 | (size_t)s->p[6] << 16 | (size_t)s->p[7] << 24;
		drop(s, SP_MIN(s->n, n + 8));
	}
	if (s->n <= MAGIC_SIZE || !sp_is_zstd(*s))
		return false;
	unsigned d = s->p[MAGIC_SIZE], one_segment = d >> 5 & 1, reserved = d & 8, dictionary = d & 3, size = d >> 6;
	size_t n = MAGIC_SIZE + 1 + !one_segment + (size ? 1U << size : one_segment);
	if (reserved || dictionary || s->n < n)
		return false;
	drop(s, n);
	return true;
}

void sp_zstd_frame(struct zstd_frame *f, uint8_t *out, size_t room)
{
	for (unsigned i = 0; i < ZSTD_CODES; i++)
		f->fse[i].known = false;
	f->huffman.bits = 0;
	f->back[0] = 1;
	f->back[1] = 4;
	f->back[2] = 8;
	f->out = out;
	f->n = 0;
	f->room = room;
}

size_t sp_zstd(struct sp_slice in, uint8_t *out, size_t room)
{
	struct zstd_frame f;
	if (!sp_zstd_header(&in))
		return 0;
	sp_zstd_frame(&f, out, room);
	for (size_t n = 1; f.n < f.room && block(&f, &in); n++)
		if (n > BLOCKS_MIN && f.n < n * BLOCK_YIELDS)
			break;
	return f.n;
}
