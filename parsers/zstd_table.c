/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard's tables (RFC 8878 section 4): how often every symbol occurs makes the one of FSE, and how long its code
 * is the one of Huffman. */
#include <string.h>

#include "parsers/zstd_priv.h"

enum {
	WEIGHTS_MAX = 255, /* the last symbol's follows from the others */
	WEIGHTS_LOG_MAX = 6,
};

bool sp_zstd_bits(struct zstd_bits *b, struct sp_slice s)
{
	if (!s.n || !s.p[s.n - 1])
		return false;
	*b = (struct zstd_bits){s.p, s.n, s.n * 8 - 8 + zstd_log2(s.p[s.n - 1]), false};
	return true;
}

/* Bits that are read forwards. */
struct forward {
	struct sp_slice s;
	size_t at;
};

/* The next n bits, n at most 16, without taking them; beyond the end 0. */
static uint32_t look(const struct forward *f, unsigned n)
{
	uint32_t v = 0;
	for (size_t i = 0, byte = f->at / 8; i < 3 && byte + i < f->s.n; i++)
		v |= (uint32_t)f->s.p[byte + i] << 8 * i;
	return v >> f->at % 8 & ((1U << n) - 1);
}

static uint32_t take(struct forward *f, unsigned n)
{
	uint32_t v = look(f, n);
	f->at += n;
	return v;
}

/* What is left of all decides how many bits a frequency takes: one less where the value is small enough. */
static int frequency(struct forward *f, int left)
{
	unsigned bits = zstd_log2((uint32_t)left + 1) + 1;
	uint32_t half = 1U << (bits - 1), small = (1U << bits) - 1 - ((uint32_t)left + 1), v = look(f, bits);
	bool is_small = (v & (half - 1)) < small;
	f->at += bits - is_small;
	if (is_small)
		v &= half - 1;
	else if (v >= half)
		v -= small;
	return (int)v - 1;
}

bool sp_zstd_fse(struct zstd_fse *t, struct sp_slice *s, unsigned symbols, unsigned log_max)
{
	struct forward f = {.s = *s};
	int16_t all[ZSTD_SYMBOLS_MAX] = {0};
	unsigned n = 0, log = take(&f, 4) + 5;
	t->known = false;
	if (log > log_max)
		return false;
	for (int left = 1 << log; left > 0;) {
		if (n == symbols || f.at > 8 * s->n)
			return false;
		int one = frequency(&f, left);
		all[n++] = (int16_t)one;
		left -= one < 0 ? 1 : one;
		for (unsigned none = one ? 0 : 3; none == 3;) { /* how many more there are none of */
			none = take(&f, 2);
			n += none;
			if (n > symbols)
				return false;
		}
	}
	size_t used = (f.at + 7) / 8;
	if (used > s->n)
		return false;
	*s = (struct sp_slice){s->p + used, s->n - used};
	sp_zstd_fse_build(t, all, n, log);
	return true;
}

void sp_zstd_fse_build(struct zstd_fse *t, const int16_t *frequency, unsigned symbols, unsigned log)
{
	uint32_t size = 1U << log, high = size, at = 0;
	uint16_t next[ZSTD_SYMBOLS_MAX];
	t->log = (uint8_t)log;
	t->known = true;
	for (unsigned i = 0; i < symbols; i++) {
		next[i] = frequency[i] < 0 ? 1 : (uint16_t)frequency[i];
		if (frequency[i] < 0)
			t->state[--high].symbol = (uint8_t)i;
	}
	for (unsigned i = 0; i < symbols; i++)
		for (int k = 0; k < frequency[i]; k++) {
			t->state[at].symbol = (uint8_t)i;
			do
				at = (at + (size >> 1) + (size >> 3) + 3) & (size - 1);
			while (at >= high);
		}
	for (uint32_t i = 0; i < size; i++) {
		uint32_t n = next[t->state[i].symbol]++;
		unsigned bits = log - zstd_log2(n);
		t->state[i].bits = (uint8_t)bits;
		t->state[i].base = (uint16_t)((n << bits) - size);
	}
}

/* Two states take turns, up to the last bit. Returns how many weights there are; 0: none, or too many. */
static unsigned coded_weights(struct sp_slice s, uint8_t *weight)
{
	struct zstd_fse t;
	struct zstd_bits b;
	if (!sp_zstd_fse(&t, &s, ZSTD_HUFFMAN_BITS + 1, WEIGHTS_LOG_MAX) || !sp_zstd_bits(&b, s))
		return 0;
	uint32_t state[2];
	state[0] = zstd_take(&b, t.log);
	state[1] = zstd_take(&b, t.log);
	if (b.over)
		return 0;
	for (unsigned n = 0; n + 1 < WEIGHTS_MAX; n++) {
		uint32_t *now = &state[n & 1];
		weight[n] = t.state[*now].symbol;
		*now = t.state[*now].base + zstd_take(&b, t.state[*now].bits);
		if (b.over) {
			weight[n + 1] = t.state[state[~n & 1]].symbol;
			return n + 2;
		}
	}
	return 0;
}

/* Of a byte's values, in their order; taken off the front of `s`. Returns how many; 0: they are none. */
static unsigned weights(struct sp_slice *s, uint8_t *weight)
{
	unsigned n = s->n ? *s->p : 0;
	size_t size = n < 128 ? n : (n - 127 + 1) / 2;
	if (!n || s->n - 1 < size)
		return 0;
	struct sp_slice coded = {s->p + 1, size};
	*s = (struct sp_slice){s->p + 1 + size, s->n - 1 - size};
	if (n < 128)
		return coded_weights(coded, weight);
	for (unsigned i = 0; i < n - 127; i++)
		weight[i] = i & 1 ? coded.p[i / 2] & 15 : coded.p[i / 2] >> 4;
	return n - 127;
}

/* A weight is the length of the longest code, and one, less that of its own. */
static void codes(struct zstd_huffman *h, const uint8_t *weight, unsigned n)
{
	unsigned at = 0;
	for (unsigned w = 1; w <= h->bits; w++)
		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; weight[i] == w && k < 1U << (w - 1); k++) {
				h->code[at].symbol = (uint8_t)i;
				h->code[at++].bits = (uint8_t)(h->bits + 1 - w);
			}
}

bool sp_zstd_huffman(struct zstd_huffman *h, struct sp_slice *s)
{
	uint8_t weight[WEIGHTS_MAX + 1];
	unsigned n = weights(s, weight);
	uint32_t sum = 0;
	h->bits = 0;
	for (unsigned i = 0; i < n; i++) {
		if (weight[i] > ZSTD_HUFFMAN_BITS)
			return false;
		sum += 1U << weight[i] >> 1;
	}
	if (!sum || sum >= 1U << ZSTD_HUFFMAN_BITS)
		return false;
	unsigned bits = zstd_log2(sum) + 1;
	uint32_t last = (1U << bits) - sum;
	if (last & (last - 1))
		return false;
	weight[n++] = (uint8_t)(zstd_log2(last) + 1);
	h->bits = (uint8_t)bits;
	codes(h, weight, n);
	return true;
}
