/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of a statement of which the values are hidden already: each list of values becomes its first one, so that
 * IN (?, ?, ?) and a row less or more of VALUES make no other statement; numbered parameters become plain ones. */
#include "parsers/sql_priv.h"

struct digest {
	const uint8_t *at, *end;
	uint8_t *out, *w, *limit;
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z' ? true : is_digit(c) || c == '_' || c == '$' || c >= 0x80;
}

/* Behind the value or parameter at `at`; NULL: there is none. */
static const uint8_t *value(const uint8_t *at, const uint8_t *end)
{
	if (at < end && *at == '?')
		return at + 1;
	if (end - at < 2 || *at != '$' || !is_digit(at[1]))
		return NULL;
	for (at++; at < end && is_digit(*at);)
		at++;
	return at;
}

/* Behind a comma and the space after it; NULL: there is none. */
static const uint8_t *comma(const uint8_t *at, const uint8_t *end)
{
	if (at == end || *at != ',')
		return NULL;
	return at + 1 < end && at[1] == ' ' ? at + 2 : at + 1;
}

static const uint8_t *quoted(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *close = memchr(at + 1, *at, (size_t)(end - at) - 1);
	return close ? close + 1 : end;
}

/* Behind the group that opens at `at`. `plain`: whether it holds nothing but values and groups of them; when `all` is
 * not wanted no more than that is found out, in few steps. */
static const uint8_t *group(const uint8_t *at, const uint8_t *end, bool all, bool *plain)
{
	unsigned depth = 0;
	*plain = true;
	while (at < end && (all || (*plain && depth <= 2))) {
		const uint8_t *v = value(at, end);
		if (v) {
			at = v;
			continue;
		}
		if (*at == '`' || *at == '"') {
			*plain = false;
			at = quoted(at, end);
			continue;
		}
		if (*at == '(')
			depth++;
		else if (*at == ')')
			depth--;
		else if (*at != ',' && *at != ' ')
			*plain = false;
		at++;
		if (!depth)
			return at;
	}
	*plain &= at == end;
	return at;
}

/* Bytes that mean nothing here. */
static size_t plain_run(const uint8_t *at, const uint8_t *end)
{
	static const bool special[256] = {
		['?'] = true, ['$'] = true, ['`'] = true, ['"'] = true, ['('] = true, [')'] = true};
	const uint8_t *from = at;
	while (at < end && !special[*at])
		at++;
	return (size_t)(at - from);
}

static bool put(struct digest *d, const uint8_t *p, size_t n)
{
	size_t fits = SP_MIN(n, (size_t)(d->limit - d->w));
	memcpy(d->w, p, fits);
	d->w += fits;
	return fits == n;
}

static bool ends_with_values(const struct digest *d, const uint8_t *from)
{
	const uint8_t *p = d->at;
	while (p > from && p[-1] == ' ')
		p--;
	size_t n = (size_t)(p - from);
	static const char word[] = "VALUES";
	for (unsigned i = 0; n >= 6 && i < 6; i++)
		if ((*(p - 6 + i) & 0xdf) != word[i])
			return false;
	return n >= 6 && (n == 6 || !is_word(p[-7]));
}

/* What follows the group before `at`: groups alike that are left out. */
static void pass_groups(struct digest *d, bool all)
{
	for (;;) {
		const uint8_t *next = comma(d->at, d->end);
		bool plain;
		if (!next || next == d->end || *next != '(')
			return;
		next = group(next, d->end, all, &plain);
		if (!plain && !all)
			return;
		d->at = next;
	}
}

struct sp_slice sp_sql_digest(struct sp_arena *a, struct sp_slice text)
{
	struct digest d = {.at = text.p, .end = text.p + text.n};
	d.out = d.w = a->p + a->n;
	d.limit = d.out + SP_MIN(SP_MIN(text.n, (size_t)SP_SQL_DIGEST_MAX), a->size - a->n);
	const uint8_t *rows_end = text.p, *plain_end = text.p; /* where the group that is being copied ends */
	bool good = true;
	while (good && d.at < d.end) {
		const uint8_t *from = d.at, *v, *next;
		bool plain;
		size_t run = plain_run(d.at, d.end);
		if (run) {
			good = put(&d, from, run);
			d.at += run;
			continue;
		}
		v = value(d.at, d.end);
		if (v && (*d.at == '?' || d.at == text.p || !is_word(d.at[-1]))) {
			for (d.at = v; (next = comma(d.at, d.end)) && (v = value(next, d.end));)
				d.at = v;
			good = put(&d, (const uint8_t *)"?", 1);
			continue;
		}
		if (*d.at == '`' || *d.at == '"') {
			d.at = quoted(d.at, d.end);
			good = put(&d, from, (size_t)(d.at - from));
			continue;
		}
		if (*d.at == '(' && d.at >= rows_end) {
			bool rows = ends_with_values(&d, text.p);
			next = group(d.at, d.end, rows, &plain);
			if (rows)
				rows_end = next;
			else if (plain)
				plain_end = next;
		}
		good = put(&d, d.at++, 1);
		if (d.at == rows_end || d.at == plain_end)
			pass_groups(&d, d.at == rows_end);
	}
	a->n += (size_t)(d.w - d.out);
	return (struct sp_slice){d.out, (size_t)(d.w - d.out)};
}
