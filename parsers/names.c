/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/names.h"

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

uint8_t *sp_name_write(uint8_t *to, struct sp_slice name, bool last_is_id, bool *several)
{
	size_t from = 0, n = SP_MIN(name.n, (size_t)NAME_MAX);
	bool any = false;
	*several = false;
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
		}
		*several |= at < n;
		if (at < n)
			*to++ = name.p[at++];
		from = at;
	}
	return to;
}

struct sp_slice sp_name_endpoint(struct sp_arena *a, struct sp_slice verb, struct sp_slice name)
{
	size_t begin = a->n;
	uint8_t *p = sp_arena_get(a, verb.n + 1 + SP_NAME_ROOM), *to = p;
	bool several;
	if (!p)
		return verb;
	to = sp_put(to, verb);
	if (verb.n && name.n)
		*to++ = ' ';
	to = sp_name_write(to, name, false, &several);
	a->n = begin + (size_t)(to - p);
	return (struct sp_slice){p, (size_t)(to - p)};
}

struct sp_slice sp_name_template(struct sp_arena *a, struct sp_slice name)
{
	return sp_name_endpoint(a, (struct sp_slice){0}, name);
}
