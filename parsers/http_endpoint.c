/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets of one kind of request have in common: their path, in which values are {id}. A segment is a value
 * when nobody would have chosen it as a name: only digits, a UUID, a hash, or characters of several kinds without
 * order. */
#include "parsers/http.h"

enum {
	NAME_MAX = 64,	 /* longer segments are no names */
	HEX_MIN = 8,	 /* of hexadecimal digits with at least one of 0–9 among them */
	DIGITS_MIN = 5,	 /* in a row: ORD-12345, but not iso8601 */
	OPAQUE_MIN = 16, /* of characters among which digits and both cases change places */
	WORD_MAX = 4,	 /* on average, between such changes */
	ENDPOINT_MAX = 1024,
};

enum class {
	DIGIT = 1,
	LOWER = 2,
	UPPER = 4,
	HEX = 8,
	MARK = 16, /* what stands between a number's digits */
	OTHER = 32,
	END = 64,    /* of a path: a query, a fragment, parameters (";jsessionid=…") */
	SLASH = 128, /* of a segment */
};

static const uint8_t class_of[256] = {
	['0' ... '9'] = DIGIT | HEX,
	['a' ... 'f'] = LOWER | HEX,
	['g' ... 'z'] = LOWER,
	['A' ... 'F'] = UPPER | HEX,
	['G' ... 'Z'] = UPPER,
	['-'] = MARK,
	['.'] = MARK,
	[','] = MARK,
	[':'] = MARK,
	['+'] = MARK,
	['?'] = END,
	['#'] = END,
	[';'] = END,
	['/'] = SLASH,
};

/* What a segment is made of. */
struct made {
	unsigned any, all; /* enum class: of some, of every character */
	unsigned digits_run, changes;
};

static struct made look(const uint8_t *p, size_t n)
{
	struct made m = {.all = ~0U};
	unsigned run = 0, before = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned c = class_of[p[i]], kind = c & (DIGIT | LOWER | UPPER);
		m.any |= c ? c : OTHER;
		m.all &= c;
		run = c & DIGIT ? run + 1 : 0;
		m.digits_run = SP_MAX(m.digits_run, run);
		/* A capital letter and the small ones after it are one word. */
		m.changes += kind && before && kind != before && !(before == UPPER && kind == LOWER);
		before = kind;
	}
	return m;
}

/* A number, a date, an address. */
static bool is_number(unsigned any)
{
	return any & DIGIT && !(any & ~(unsigned)(DIGIT | HEX | MARK));
}

static bool is_uuid(const uint8_t *p, size_t n)
{
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? p[i] != '-' : !(class_of[p[i]] & HEX))
			return false;
	}
	return true;
}

static bool is_value(const uint8_t *p, size_t n)
{
	if (n > NAME_MAX || is_uuid(p, n))
		return true;
	struct made m = look(p, n);
	if (!(m.any & DIGIT))
		return false;
	if (is_number(m.any) || (m.all & HEX && n >= HEX_MIN) || m.digits_run >= DIGITS_MIN)
		return true;
	return n >= OPAQUE_MIN && m.changes * WORD_MAX >= n;
}

/* Of a file's name: a part that is a hash, or the number before the ending. */
static bool is_part_value(const uint8_t *p, size_t n, bool first)
{
	return (first || n >= HEX_MIN) && is_value(p, n);
}

/* What is written, as runs of the path and {id} between them. */
struct out {
	struct sp_arena *a;
	struct sp_slice path, whole;
	size_t from; /* of the path, what is not written yet */
};

static void replace(struct out *o, size_t at, size_t n)
{
	o->whole.n += SP_JOIN(o->a, (struct sp_slice){o->path.p + o->from, at - o->from}, SP_TEXT("{id}")).n;
	o->from = at + n;
}

/* `any`: what the segment is made of. */
static void segment(struct out *o, size_t at, size_t n, unsigned any)
{
	const uint8_t *p = o->path.p + at;
	if (n > NAME_MAX || is_number(any)) {
		replace(o, at, n);
		return;
	}
	if (!(any & DIGIT))
		return;
	if (!memchr(p, '.', n)) {
		if (is_value(p, n))
			replace(o, at, n);
		return;
	}
	for (size_t i = 0, from = 0; i <= n; i++) {
		if (i < n && p[i] != '.')
			continue;
		if (i > from && is_part_value(p + from, i - from, !from))
			replace(o, at + from, i - from);
		from = i + 1;
	}
}

/* Of an absolute target what follows its authority. */
static struct sp_slice path_of(struct sp_slice target, struct sp_slice authority)
{
	const uint8_t *path = authority.n ? authority.p + authority.n : target.p;
	return (struct sp_slice){path, SP_MIN((size_t)(target.p + target.n - path), (size_t)ENDPOINT_MAX)};
}

/* Segment by segment; the path ends where o->path then does. */
static void segments(struct out *o)
{
	unsigned any = 0;
	for (size_t i = 1, from = 1;; i++) {
		unsigned c = i < o->path.n ? class_of[o->path.p[i]] : END;
		if (!(c & (END | SLASH))) {
			any |= c ? c : OTHER;
			continue;
		}
		if (any & DIGIT || i - from > NAME_MAX)
			segment(o, from, i - from, any);
		if (c & END) {
			o->path.n = i;
			return;
		}
		from = i + 1;
		any = 0;
	}
}

struct sp_slice sp_http_endpoint(struct sp_arena *a, struct sp_slice target)
{
	struct sp_slice authority = sp_http_authority(target);
	struct out o = {.a = a, .path = path_of(target, authority), .whole = {a->p + a->n, 0}};
	if (authority.n && (!o.path.n || *o.path.p != '/'))
		return memchr(target.p, '/', target.n) ? SP_TEXT("/") : authority;
	if (!o.path.n || *o.path.p != '/')
		return o.path;
	segments(&o);
	if (!o.from)
		return o.path;
	o.whole.n += sp_arena_copy(a, (struct sp_slice){o.path.p + o.from, o.path.n - o.from}).n;
	return o.whole;
}
