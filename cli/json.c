/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json.h"

#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct sp_json *j;
	size_t at;
};

static uint32_t new_value(struct sp_json *j)
{
	if (j->n == j->room) {
		uint32_t room = j->room ? 2 * j->room : 256;
		struct sp_json_value *v = realloc(j->v, room * sizeof *v);
		if (!v)
			return 0;
		j->v = v;
		j->room = room;
	}
	j->v[j->n] = (struct sp_json_value){0};
	return j->n++;
}

static char peek(struct reader *r)
{
	const char *t = r->j->text;
	if (SP_LIKELY(r->at < r->j->size && t[r->at] > ' '))
		return t[r->at];
	while (r->at < r->j->size && (t[r->at] == ' ' || t[r->at] == '\t' || t[r->at] == '\n' || t[r->at] == '\r'))
		r->at++;
	return r->at < r->j->size ? t[r->at] : 0;
}

static bool skip(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* Where the first quote or backslash at or behind `i` is; strings are most of a line. */
static size_t quote(const char *t, size_t i, size_t size)
{
	for (; i + 16 <= size; i += 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(t + i));
		__m128i found =
			_mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('"')), _mm_cmpeq_epi8(c, _mm_set1_epi8('\\')));
		unsigned mask = (unsigned)_mm_movemask_epi8(found);
		if (mask)
			return i + (unsigned)__builtin_ctz(mask);
	}
	while (i < size && t[i] != '"' && t[i] != '\\')
		i++;
	return i;
}

/* A string; the reader stands behind its first quote. */
static bool string(struct reader *r, uint32_t *at, uint32_t *n)
{
	const char *t = r->j->text;
	size_t i = r->at, size = r->j->size;
	*at = (uint32_t)i;
	while ((i = quote(t, i, size)) < size && t[i] == '\\')
		i += 2;
	if (i >= size)
		return false;
	*n = (uint32_t)i - *at;
	r->at = i + 1;
	return true;
}

static const bool ends_scalar[256] = {
	[0] = true, [','] = true, [']'] = true, ['}'] = true, [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true,
};

static bool scalar(struct reader *r, struct sp_json_value *v, char c)
{
	const char *t = r->j->text;
	if (c == '"') {
		r->at++;
		v->type = '"';
		return string(r, &v->at, &v->n);
	}
	v->type = c == '-' || (c >= '0' && c <= '9') ? '0' : c;
	if (!strchr("0tfn", v->type) || !c)
		return false;
	v->at = (uint32_t)r->at;
	size_t i = r->at, size = r->j->size;
	while (i < size && !ends_scalar[(unsigned char)t[i]])
		i++;
	v->n = (uint32_t)i - v->at;
	r->at = i;
	return true;
}

static uint32_t value(struct reader *r, unsigned depth);

static bool members(struct reader *r, uint32_t in, unsigned depth)
{
	struct sp_json *j = r->j;
	bool object = j->v[in].type == '{';
	char close = object ? '}' : ']';
	uint32_t last = 0;
	r->at++;
	if (skip(r, close))
		return true;
	do {
		uint32_t key = 0, n_key = 0;
		if (object && (!skip(r, '"') || !string(r, &key, &n_key) || !skip(r, ':')))
			return false;
		uint32_t one = value(r, depth + 1);
		if (!one)
			return false;
		j->v[one].key = key;
		j->v[one].n_key = n_key;
		if (last)
			j->v[last].next = one;
		else
			j->v[in].child = one;
		last = one;
	} while (skip(r, ','));
	return skip(r, close);
}

/* Its number, 0: it is none. */
static uint32_t value(struct reader *r, unsigned depth)
{
	char c = peek(r);
	uint32_t n = depth < SP_JSON_DEPTH ? new_value(r->j) : 0;
	if (!n)
		return 0;
	if (c != '{' && c != '[')
		return scalar(r, &r->j->v[n], c) ? n : 0;
	r->j->v[n].type = c;
	return members(r, n, depth) ? n : 0;
}

bool sp_json_read(struct sp_json *j, const char *text, size_t size)
{
	struct reader r = {j, 0};
	j->text = text;
	j->size = size;
	j->n = 0;
	if (size > UINT32_MAX)
		return false;
	new_value(j);
	return value(&r, 0) && j->v[1].type == '{' && !peek(&r);
}

void sp_json_free(struct sp_json *j)
{
	free(j->v);
	*j = (struct sp_json){0};
}

uint32_t sp_json_get(const struct sp_json *j, uint32_t object, const char *key)
{
	size_t n = strlen(key);
	for (uint32_t v = j->v[object].child; v; v = j->v[v].next)
		if (j->v[v].n_key == n && !memcmp(j->text + j->v[v].key, key, n))
			return v;
	return 0;
}

/* Names of at least a letter. */
static uint8_t hash_name(const char *name, size_t n)
{
	return (uint8_t)(n * 31 + (unsigned char)name[0] * 7 + (unsigned char)name[n / 2] * 3 +
			 (unsigned char)name[n - 1]);
}

void sp_json_keys_init(struct sp_json_keys *keys)
{
	memset(keys->slot, 0, sizeof keys->slot);
	for (unsigned i = 0; i < keys->n; i++) {
		keys->length[i] = (uint8_t)strlen(keys->name[i]);
		uint8_t at = hash_name(keys->name[i], keys->length[i]);
		while (keys->slot[at])
			at++;
		keys->slot[at] = (uint8_t)(i + 1);
	}
}

void sp_json_pick(const struct sp_json *j, uint32_t object, const struct sp_json_keys *keys, uint32_t *ret)
{
	memset(ret, 0, keys->n * sizeof *ret);
	for (uint32_t v = j->v[object].child; v; v = j->v[v].next) {
		const char *name = j->text + j->v[v].key;
		size_t n = j->v[v].n_key;
		for (uint8_t at = n ? hash_name(name, n) : 0; n && keys->slot[at]; at++) {
			unsigned i = keys->slot[at] - 1;
			if (keys->length[i] == n && !memcmp(keys->name[i], name, n)) {
				ret[i] = v;
				break;
			}
		}
	}
}

static unsigned hex(const char *t)
{
	unsigned u = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned c = (unsigned char)t[i] | 32;
		u = u << 4 | ((c >= 'a' ? c - 'a' + 10 : c - '0') & 15);
	}
	return u;
}

/* What \u means; pairs of surrogates are not written by our encoders. */
static size_t utf8(char *out, unsigned u)
{
	if (u < 0x80) {
		out[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		out[0] = (char)(0xc0 | u >> 6);
		out[1] = (char)(0x80 | (u & 63));
		return 2;
	}
	out[0] = (char)(0xe0 | u >> 12);
	out[1] = (char)(0x80 | (u >> 6 & 63));
	out[2] = (char)(0x80 | (u & 63));
	return 3;
}

const char *sp_json_string(const struct sp_json *j, uint32_t value, char *out, size_t size)
{
	static const char letters[] = "nrtbf", meant[] = "\n\r\t\b\f";
	const char *t = j->text + j->v[value].at, *end = t + j->v[value].n;
	size_t n = 0;
	if (!value)
		end = t;
	while (t < end && n + 4 < size) {
		if (*t != '\\' || j->v[value].type != '"' || end - t < 2) {
			out[n++] = *t++;
			continue;
		}
		const char *letter = strchr(letters, t[1]);
		if (t[1] == 'u' && end - t >= 6) {
			n += utf8(out + n, hex(t + 2));
			t += 6;
		} else {
			out[n++] = letter ? meant[letter - letters] : t[1];
			t += 2;
		}
	}
	out[n] = 0;
	return out;
}

uint64_t sp_json_number(const struct sp_json *j, uint32_t value)
{
	uint64_t u = 0;
	const char *t = j->text + j->v[value].at;
	for (uint32_t i = 0; value && i < j->v[value].n && t[i] >= '0' && t[i] <= '9'; i++)
		u = u * 10 + (uint64_t)(t[i] - '0');
	return u;
}

int64_t sp_json_thousandths(const struct sp_json *j, uint32_t value)
{
	const char *t = j->text + j->v[value].at, *end = t + j->v[value].n;
	bool negative = value && t < end && *t == '-';
	int64_t n = 0;
	unsigned decimals = 0;
	if (!value || j->v[value].type != '0')
		return 0;
	t += negative;
	for (; t < end && *t >= '0' && *t <= '9'; t++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *t - '0', &n))
			return 0;
	t += t < end && *t == '.';
	for (; decimals < 3; decimals++) {
		int digit = t < end && *t >= '0' && *t <= '9' ? *t++ - '0' : 0;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
			return 0;
	}
	return negative ? -n : n;
}

const char *sp_json_get_string(const struct sp_json *j, uint32_t object, const char *key, char *out, size_t size)
{
	return sp_json_string(j, sp_json_get(j, object, key), out, size);
}

uint64_t sp_json_get_number(const struct sp_json *j, uint32_t object, const char *key)
{
	return sp_json_number(j, sp_json_get(j, object, key));
}
