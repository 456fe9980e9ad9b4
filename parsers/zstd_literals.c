/* SPDX-License-Identifier: Apache-2.0 */
/* A block's literals (RFC 8878 section 3.1.1.3.1): as they are, one for all, or in one stream or four of Huffman's
 * code. Nothing is decoded before it is taken. */
#include <string.h>

#include "parsers/zstd_priv.h"

enum { JUMPS = 6 /* bytes: how long the first three streams are */ };

static uint64_t number(struct sp_slice s, unsigned n)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)s.p[i] << 8 * i;
	return v;
}

static void drop(struct sp_slice *s, size_t n)
{
	*s = (struct sp_slice){s->p + n, s->n - n};
}

bool sp_zstd_literals_head(struct zstd_literals_head *h, struct sp_slice s)
{
	static const uint8_t plain[] = {1, 2, 1, 3};
	static const struct {
		uint8_t head, bits;
	} coded[] = {{3, 10}, {3, 10}, {4, 14}, {5, 18}};
	if (!s.n)
		return false;
	unsigned format = *s.p >> 2 & 3;
	h->type = *s.p & 3;
	h->streams = 0;
	h->n = h->type < ZSTD_COMPRESSED ? plain[format] : coded[format].head;
	if (s.n < h->n)
		return false;
	uint64_t v = number(s, h->n);
	if (h->type < ZSTD_COMPRESSED) {
		h->literals = (uint32_t)(v >> (h->n == 1 ? 3 : 4));
		h->size = h->type == ZSTD_RAW ? h->literals : 1;
		return true;
	}
	h->literals = (uint32_t)(v >> 4 & ((1U << coded[format].bits) - 1));
	h->size = (uint32_t)(v >> (4 + coded[format].bits));
	h->streams = format ? 4 : 1;
	return true;
}

/* Where every stream begins. */
static bool streams(struct zstd_literals *l, struct sp_slice s)
{
	if (l->streams == 1) {
		l->bytes[0] = s;
		return true;
	}
	struct sp_slice jumps = s;
	if (s.n < JUMPS)
		return false;
	drop(&s, JUMPS);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = jumps.p[2 * i] | (size_t)jumps.p[2 * i + 1] << 8;
		if (n > s.n)
			return false;
		l->bytes[i] = (struct sp_slice){s.p, n};
		drop(&s, n);
	}
	l->bytes[3] = s;
	return 3 * l->each <= l->left;
}

bool sp_zstd_literals(struct zstd_literals *l, struct zstd_huffman *huffman, struct sp_slice *s)
{
	struct zstd_literals_head h;
	if (!sp_zstd_literals_head(&h, *s) || s->n - h.n < h.size)
		return false;
	struct sp_slice all = {s->p + h.n, h.size};
	drop(s, h.n + (size_t)h.size);
	*l = (struct zstd_literals){.left = h.literals, .raw = all, .repeated = h.type == ZSTD_REPEATED};
	if (h.type < ZSTD_COMPRESSED)
		return true;
	l->streams = h.streams;
	l->each = h.streams == 1 ? l->left : (l->left + 3) / 4;
	l->huffman = huffman;
	if (h.type == ZSTD_COMPRESSED ? !sp_zstd_huffman(huffman, &all) : !huffman->bits)
		return false;
	return streams(l, all);
}

/* From the stream at hand; from the next one where that is over. */
static size_t decode(struct zstd_literals *l, uint8_t *to, size_t n)
{
	if (!l->stream_left) {
		if (l->stream == l->streams || !sp_zstd_bits(&l->bits, l->bytes[l->stream]))
			return 0;
		l->stream++;
		l->stream_left = l->stream == l->streams ? l->left : l->each;
	}
	n = SP_MIN(n, l->stream_left);
	for (size_t i = 0; i < n; i++) {
		uint32_t code = zstd_peek(&l->bits, l->huffman->bits);
		zstd_drop(&l->bits, l->huffman->code[code].bits);
		if (l->bits.over) {
			l->streams = l->stream; /* nothing after it, either */
			l->stream_left = 0;
			return i;
		}
		to[i] = l->huffman->code[code].symbol;
	}
	l->stream_left -= n;
	return n;
}

static size_t copy(const struct zstd_literals *l, uint8_t *to, size_t n)
{
	if (n && l->repeated)
		memset(to, *l->raw.p, n);
	else if (n)
		memcpy(to, l->raw.p + l->raw.n - l->left, n);
	return n;
}

size_t sp_zstd_literals_take(struct zstd_literals *l, uint8_t *to, size_t n)
{
	size_t got = 0, more = 1;
	for (n = SP_MIN(n, l->left); got < n && more; got += more) {
		more = l->huffman ? decode(l, to + got, n - got) : copy(l, to, n);
		l->left -= more;
	}
	return got;
}
