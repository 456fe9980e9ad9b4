/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/names.h"

#include <emmintrin.h>

enum { NAME_MAX = 128, HASH_MIN = 8, RANDOM_MIN = 20, COUNTER_MIN = 2 };

/* A segment's bytes are counted by kind, all kinds in one sum. */
enum { DIGIT = 1, HEX = 1 << 8, DASH = 1 << 16, SEPARATOR = 1 << 24 };

static const uint32_t weight[256] = {
	['0' ... '9'] = DIGIT, ['a' ... 'f'] = HEX, ['A' ... 'F'] = HEX, ['-'] = DASH,
	[':'] = SEPARATOR,     ['/'] = SEPARATOR,   ['.'] = SEPARATOR,	 ['|'] = SEPARATOR,
	[','] = SEPARATOR,     ['{'] = SEPARATOR,   ['}'] = SEPARATOR,
};

/* Returns how many of the segment's bytes are kept before {id}; n: all, and there is none. */
static size_t kept(const uint8_t *p, size_t n, uint32_t sum)
{
	uint32_t digits = sum & 0xff, hex = digits + (sum >> 8 & 0xff) + (sum >> 16);
	if (!digits)
		return n;
	if (digits == n || (n >= HASH_MIN && hex == n) || n >= RANDOM_MIN)
		return 0;
	size_t at = n;
	while (at && p[at - 1] >= '0' && p[at - 1] <= '9')
		at--;
	return n - at >= COUNTER_MIN ? at : n;
}

/* How a name was written. */
struct written {
	bool several;	 /* segments */
	bool digits;	 /* nothing but digits was hidden */
	uint32_t hidden; /* which of the first bytes, one bit each */
};

static uint8_t *write_name(uint8_t *to, struct sp_slice name, bool last_is_id, struct written *how)
{
	size_t from = 0, n = SP_MIN(name.n, (size_t)NAME_MAX);
	bool any = false;
	*how = (struct written){.digits = true};
	while (from < n) {
		uint32_t sum = 0, w;
		size_t at = from;
		for (; at < n && (w = weight[name.p[at]]) != SEPARATOR; at++)
			sum += w;
		size_t size = at - from, keep = kept(name.p + from, size, sum);
		if (last_is_id && at == n && from && !any)
			keep = 0;
		to = sp_put(to, (struct sp_slice){name.p + from, keep});
		if (keep < size) {
			to = sp_put(to, SP_TEXT("{id}"));
			any = true;
			how->digits &= keep || (sum & 0xff) == size;
			how->hidden |= (uint32_t)(((UINT64_C(1) << SP_MIN(at, 63U)) - 1) &
						  ~((UINT64_C(1) << SP_MIN(from + keep, 63U)) - 1));
		}
		how->several |= at < n;
		if (at < n)
			*to++ = name.p[at++];
		from = at;
	}
	return to;
}

struct sp_name_end sp_name_write(uint8_t *to, struct sp_slice name, bool last_is_id)
{
	struct written how;
	to = write_name(to, name, last_is_id, &how);
	return (struct sp_name_end){to, how.several};
}

/* One bit for each of sixteen bytes that is what was seen there, or another digit for one that is hidden. */
static inline uint32_t alike16(const uint8_t *p, const uint8_t *seen, uint32_t hidden)
{
	__m128i x = _mm_loadu_si128((const __m128i *)p), digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
	__m128i same = _mm_cmpeq_epi8(x, _mm_loadu_si128((const __m128i *)seen));
	digit = _mm_cmpeq_epi8(digit, _mm_min_epu8(digit, _mm_set1_epi8(9)));
	return (uint32_t)_mm_movemask_epi8(same) | ((uint32_t)_mm_movemask_epi8(digit) & hidden);
}

static inline bool is_like(const struct sp_name_seen *s, struct sp_slice name)
{
	uint32_t alike = alike16(name.p, s->name, s->hidden);
	if (name.n > 16)
		alike |= alike16(name.p + 16, s->name + 16, s->hidden >> 16) << 16;
	return !(uint32_t)(~alike << (SP_NAME_SEEN_MAX - name.n));
}

static __attribute__((noinline)) struct sp_name_end remember(struct sp_name_seen *s, uint8_t *to, struct sp_slice name,
							     bool last_is_id)
{
	struct written how;
	uint8_t *end = write_name(to, name, last_is_id, &how);
	size_t n = (size_t)(end - to);
	struct sp_name_end ret = {end, how.several};
	if (!how.digits || n > sizeof s->text)
		return ret;
	*s = (struct sp_name_seen){.hidden = how.hidden,
				   .n = (uint8_t)name.n,
				   .n_text = (uint8_t)n,
				   .last_is_id = last_is_id,
				   .several = how.several};
	memcpy(s->name, name.p, name.n);
	memcpy(s->text, to, n);
	return ret;
}

struct sp_name_end sp_name_write_seen(struct sp_names_seen *seen, uint8_t *to, struct sp_slice name, bool last_is_id)
{
	if (SP_UNLIKELY(!seen || name.n - 1 >= SP_NAME_SEEN_MAX))
		return sp_name_write(to, name, last_is_id);
	uint16_t first;
	memcpy(&first, name.p, sizeof first);
	struct sp_name_seen *s =
		&seen->seen[(first ^ (uint32_t)name.n << 8) * UINT32_C(0x9e3779b1) >> 16 & (SP_NAMES_SEEN - 1)];
	if (SP_UNLIKELY(s->n != name.n || s->last_is_id != last_is_id || !is_like(s, name)))
		return remember(s, to, name, last_is_id);
	memcpy(to, s->text, sizeof s->text);
	return (struct sp_name_end){to + s->n_text, s->several};
}

struct sp_slice sp_name_endpoint(struct sp_arena *a, struct sp_slice verb, struct sp_slice name)
{
	size_t begin = a->n;
	uint8_t *p = sp_arena_get(a, verb.n + 1 + SP_NAME_ROOM), *to = p;
	if (!p)
		return verb;
	to = sp_put(to, verb);
	if (verb.n && name.n)
		*to++ = ' ';
	to = sp_name_write(to, name, false).end;
	a->n = begin + (size_t)(to - p);
	return (struct sp_slice){p, (size_t)(to - p)};
}

struct sp_slice sp_name_template(struct sp_arena *a, struct sp_slice name)
{
	return sp_name_endpoint(a, (struct sp_slice){0}, name);
}
