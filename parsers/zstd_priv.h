/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard (RFC 8878) between its files: frames, blocks and sequences are in zstd.c, literals in zstd_literals.c, the
 * tables of both codes in zstd_table.c, blocks that are never there as a whole in zstd_parts.c. */
#ifndef SP_PARSERS_ZSTD_PRIV_H
#define SP_PARSERS_ZSTD_PRIV_H

#include "base/base.h"
#include "base/slice.h"

enum {
	ZSTD_LOG_MAX = 9, /* of an FSE table's size */
	ZSTD_SYMBOLS_MAX = 64,
	ZSTD_HUFFMAN_BITS = 11,
};

/* What is read from its end: the highest bit that is set in the last byte stands before the first bit. */
struct zstd_bits {
	const uint8_t *p;
	size_t n;    /* bytes */
	size_t left; /* bits */
	bool over;   /* more were taken than there are */
};

/* RFC 8878 section 4.1. */
struct zstd_fse {
	uint8_t log;
	bool known;
	struct {
		uint16_t base;
		uint8_t bits, symbol;
	} state[1 << ZSTD_LOG_MAX];
};

/* RFC 8878 section 4.2. */
struct zstd_huffman {
	uint8_t bits; /* of the longest code; 0: no table is known */
	struct {
		uint8_t symbol, bits;
	} code[1 << ZSTD_HUFFMAN_BITS];
};

enum zstd_literals_type { ZSTD_RAW, ZSTD_REPEATED, ZSTD_COMPRESSED, ZSTD_TREELESS };

/* What the head of a block's literals says. */
struct zstd_literals_head {
	uint8_t type; /* enum zstd_literals_type */
	uint8_t n;    /* its own bytes */
	uint8_t streams;
	uint32_t literals, size; /* and how many bytes they became */
};

/* A block's literals, decoded as they are taken. */
struct zstd_literals {
	const struct zstd_huffman *huffman; /* NULL: `raw` has them */
	struct sp_slice raw;
	bool repeated; /* `raw` is one byte, and they all are it */
	uint8_t stream, streams;
	size_t left;	    /* in all */
	size_t each;	    /* of every stream but the last */
	size_t stream_left; /* of this one */
	struct zstd_bits bits;
	struct sp_slice bytes[4]; /* of every stream */
};

/* Of sequences: how many literals, how far back, and how much from there. */
enum zstd_code { ZSTD_LITERALS, ZSTD_OFFSET, ZSTD_MATCH, ZSTD_CODES };

/* What a frame's blocks have from those before them, and what was written. */
struct zstd_frame {
	struct zstd_fse fse[ZSTD_CODES];
	struct zstd_huffman huffman;
	size_t back[3]; /* offsets that were used last */
	uint8_t *out;
	size_t n, room;
};

/* The next n bits, of which those that are not there are 0; n is at most 32. */
static inline uint32_t zstd_peek(const struct zstd_bits *b, unsigned n)
{
	size_t low = b->left > n ? b->left - n : 0, at = low / 8, there = SP_MIN(b->n - at, (size_t)8);
	uint64_t v = 0;
	if (SP_LIKELY(there == 8))
		memcpy(&v, b->p + at, 8);
	else
		memcpy(&v, b->p + at, there);
	unsigned got = (unsigned)(b->left - low);
	v = v >> low % 8 & ((1ull << got) - 1);
	return (uint32_t)(v << (n - got));
}

static inline void zstd_drop(struct zstd_bits *b, unsigned n)
{
	b->over |= n > b->left;
	b->left -= SP_MIN((size_t)n, b->left);
}

static inline uint32_t zstd_take(struct zstd_bits *b, unsigned n)
{
	uint32_t v = zstd_peek(b, n);
	zstd_drop(b, n);
	return v;
}

static inline unsigned zstd_log2(uint32_t v)
{
	return 31U - (unsigned)__builtin_clz(v);
}

/* False: no bit is set in the last byte. */
bool sp_zstd_bits(struct zstd_bits *b, struct sp_slice s);

/* zstd_table.c: from what stands at the front of `s`, which is taken off; at most `symbols` of them. False: it is no
 * table, or larger than 1 << log_max. */
bool sp_zstd_fse(struct zstd_fse *t, struct sp_slice *s, unsigned symbols, unsigned log_max);

/* From the frequencies; -1: less than one. Their sum is 1 << log. */
void sp_zstd_fse_build(struct zstd_fse *t, const int16_t *frequency, unsigned symbols, unsigned log);

bool sp_zstd_huffman(struct zstd_huffman *h, struct sp_slice *s);

/* zstd_literals.c: their head, at the front of `s`. */
bool sp_zstd_literals_head(struct zstd_literals_head *h, struct sp_slice s);

/* How many bytes their tree takes there; `s` is not empty. */
static inline size_t zstd_tree_size(struct sp_slice s)
{
	return *s.p < 128 ? 1U + *s.p : 1U + (*s.p - 126U) / 2;
}

/* The literals' section of a block, taken off the front of `s`. */
bool sp_zstd_literals(struct zstd_literals *l, struct zstd_huffman *h, struct sp_slice *s);

/* Up to n of them. Returns how many there were. */
size_t sp_zstd_literals_take(struct zstd_literals *l, uint8_t *to, size_t n);

/* zstd.c: takes a frame's head off, and frames that are to be skipped before it. False: there is none, or it needs a
 * dictionary. */
bool sp_zstd_header(struct sp_slice *s);

/* A block's head. False: it is not there. */
enum zstd_block { ZSTD_BLOCK_RAW, ZSTD_BLOCK_REPEATED, ZSTD_BLOCK_COMPRESSED };
bool sp_zstd_block(struct sp_slice *s, unsigned *type, size_t *n, bool *last);

/* Before a frame's first block. */
void sp_zstd_frame(struct zstd_frame *f, uint8_t *out, size_t room);

/* What follows a block's literals in `s`; `end`: the end of the block, where that is apart. False: it is wrong, or
 * there is no more room. */
bool sp_zstd_sequences(struct zstd_frame *f, struct zstd_literals *l, struct sp_slice s, const struct sp_slice *end);

#endif
