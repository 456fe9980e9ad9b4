/* SPDX-License-Identifier: Apache-2.0 */
/* A block's literals (RFC 8878 section 3.1.1.3.1): as they are, one for all, or in one stream or four of Huffman's
 * code. Nothing is decoded before it is taken. */
#include <string.h>

#include "parsers/zstd_priv.h"

enum type { RAW, REPEATED, COMPRESSED, TREELESS };

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

static bool as_they_are(struct zstd_literals *l, struct sp_slice *s, unsigned type)
{
	static const uint8_t sizes[] = {1, 2, 1, 3};
	unsigned format = *s->p >> 2 & 3, head = sizes[format];
	if (s->n < head)
		return false;
	l->left = (size_t)(number(*s, head) >> (head == 1 ? 3 : 4));
	drop(s, head);
	l->repeated = type == REPEATED;
	size_t n = l->repeated ? 1 : l->left;
	if (s->n < n)
		return false;
	l->raw = (struct sp_slice){s->p, n};
	drop(s, n);
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

static bool coded(struct zstd_literals *l, struct zstd_huffman *h, struct sp_slice *s, unsigned type)
{
	static const struct {
		uint8_t head, bits;
	} formats[] = {{3, 10}, {3, 10}, {4, 14}, {5, 18}};
	unsigned format = *s->p >> 2 & 3, head = formats[format].head, bits = formats[format].bits;
	if (s->n < head)
		return false;
	uint64_t v = number(*s, head) >> 4;
	size_t n = (size_t)(v >> bits);
	l->left = (size_t)(v & ((1ull << bits) - 1));
	l->streams = format ? 4 : 1;
	l->each = l->streams == 1 ? l->left : (l->left + 3) / 4;
	drop(s, head);
	if (s->n < n)
		return false;
	struct sp_slice all = {s->p, n};
	drop(s, n);
	if (type == COMPRESSED ? !sp_zstd_huffman(h, &all) : !h->bits)
		return false;
	l->huffman = h;
	return streams(l, all);
}

bool sp_zstd_literals(struct zstd_literals *l, struct zstd_huffman *h, struct sp_slice *s)
{
	*l = (struct zstd_literals){0};
	if (!s->n)
		return false;
	unsigned type = *s->p & 3;
	return type < COMPRESSED ? as_they_are(l, s, type) : coded(l, h, s, type);
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
