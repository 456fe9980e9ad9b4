/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/bson.h"

static uint32_t le32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* Bytes of the value that stands at p, of which n are there; 0 also for types without one. */
static enum sp_bson_got value_size(uint8_t type, const uint8_t *p, size_t n, uint64_t *ret)
{
	static const uint8_t fixed[] = {
		[SP_BSON_DOUBLE] = 8, [SP_BSON_OBJECT_ID] = 12, [SP_BSON_BOOL] = 1,  [SP_BSON_DATE] = 8,
		[SP_BSON_INT32] = 4,  [SP_BSON_TIMESTAMP] = 8,	[SP_BSON_INT64] = 8, [SP_BSON_DECIMAL] = 16};
	/* Bytes beside the length that stands at the beginning. */
	static const int8_t beside[] = {[SP_BSON_STRING] = 4,
					[SP_BSON_BINARY] = 5,
					[SP_BSON_POINTER] = 16,
					[SP_BSON_CODE] = 4,
					[SP_BSON_SYMBOL] = 4};
	switch (type) {
	case SP_BSON_UNDEFINED:
	case SP_BSON_NULL:
	case SP_BSON_MIN_KEY:
	case SP_BSON_MAX_KEY:
		*ret = 0;
		return SP_BSON_GOT;
	case SP_BSON_REGEX: {
		const uint8_t *end = memchr(p, 0, SP_MIN(n, (size_t)SP_BSON_NAME_MAX));
		size_t left = end ? n - (size_t)(end + 1 - p) : 0;
		const uint8_t *options = left ? memchr(end + 1, 0, SP_MIN(left, (size_t)SP_BSON_NAME_MAX)) : NULL;
		*ret = options ? (uint64_t)(options + 1 - p) : 0;
		return options ? SP_BSON_GOT : n >= 2 * SP_BSON_NAME_MAX ? SP_BSON_WRONG : SP_BSON_SHORT;
	}
	case SP_BSON_STRING:
	case SP_BSON_BINARY:
	case SP_BSON_POINTER:
	case SP_BSON_CODE:
	case SP_BSON_SYMBOL:
	case SP_BSON_DOCUMENT:
	case SP_BSON_ARRAY:
	case SP_BSON_SCOPED_CODE: {
		if (n < 4)
			return SP_BSON_SHORT;
		uint32_t size = le32(p);
		bool whole = type == SP_BSON_DOCUMENT || type == SP_BSON_ARRAY || type == SP_BSON_SCOPED_CODE;
		*ret = (uint64_t)size + (whole ? 0 : (uint64_t)beside[type]);
		uint32_t least = whole ? 5 : type == SP_BSON_BINARY ? 0 : 1;
		return size < least || size > SP_BSON_SIZE_MAX ? SP_BSON_WRONG : SP_BSON_GOT;
	}
	}
	if (type >= SP_ARRAY_SIZE(fixed) || !fixed[type])
		return SP_BSON_WRONG;
	*ret = fixed[type];
	return SP_BSON_GOT;
}

enum sp_bson_got sp_bson_next(struct sp_cursor *c, struct sp_bson *e)
{
	size_t n = sp_cursor_left(c);
	if (!n)
		return SP_BSON_SHORT;
	*e = (struct sp_bson){.type = *c->p};
	if (!e->type) {
		c->p++;
		return SP_BSON_END;
	}
	const uint8_t *name = c->p + 1, *end = memchr(name, 0, SP_MIN(n - 1, (size_t)SP_BSON_NAME_MAX));
	if (!end)
		return n - 1 < SP_BSON_NAME_MAX ? SP_BSON_SHORT : SP_BSON_WRONG;
	e->name = (struct sp_slice){name, (size_t)(end - name)};
	const uint8_t *value = end + 1;
	size_t there = (size_t)(c->end - value);
	uint64_t size;
	enum sp_bson_got got = value_size(e->type, value, there, &size);
	if (got != SP_BSON_GOT)
		return got;
	e->size = (uint32_t)size;
	e->value = (struct sp_slice){value, (size_t)SP_MIN(size, (uint64_t)there)};
	c->p = value + e->value.n;
	return SP_BSON_GOT;
}

uint32_t sp_bson_enter(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 4);
	uint32_t size = p ? le32(p) : 0;
	return size >= 5 && size <= SP_BSON_SIZE_MAX ? size : 0;
}

struct sp_slice sp_bson_text(const struct sp_bson *e)
{
	bool text = e->type == SP_BSON_STRING || e->type == SP_BSON_SYMBOL || e->type == SP_BSON_CODE;
	if (!text || e->value.n < 5)
		return (struct sp_slice){0};
	/* Without the zero at its end. */
	return (struct sp_slice){e->value.p + 4, SP_MIN(e->value.n - 4, (size_t)e->size - 5)};
}

bool sp_bson_number(const struct sp_bson *e, int64_t *ret)
{
	double real;
	if (e->value.n < e->size)
		return false;
	switch (e->type) {
	case SP_BSON_BOOL:
		*ret = *e->value.p != 0;
		return true;
	case SP_BSON_INT32:
		*ret = (int32_t)le32(e->value.p);
		return true;
	case SP_BSON_INT64:
		memcpy(ret, e->value.p, sizeof *ret);
		return true;
	case SP_BSON_DOUBLE:
		memcpy(&real, e->value.p, sizeof real);
		if (!(real > -9e15 && real < 9e15))
			return false;
		*ret = (int64_t)real;
		return true;
	}
	return false;
}

/* --- shapes --- */

static const uint8_t cut_mark[] = "…";

/* What is written, and where in the documents it comes from. */
struct shape {
	uint8_t *p;
	size_t n, room;
	struct sp_cursor c;
	const uint8_t *end[SP_BSON_DEPTH]; /* of each open document or array */
	uint8_t type[SP_BSON_DEPTH];
	uint8_t depth;
	bool first; /* nothing was written in this one */
	bool alike; /* only hidden values so far in this array: one ? says it */
	bool reveal;
};

static void put(struct shape *s, struct sp_slice text)
{
	size_t n = SP_MIN(text.n, s->room - s->n);
	if (n)
		memcpy(s->p + s->n, text.p, n);
	s->n += n;
}

static void put_number(struct shape *s, int64_t v)
{
	uint8_t digits[20];
	struct sp_arena a = {.p = digits, .size = sizeof digits};
	put(s, v < 0 ? SP_TEXT("-") : SP_TEXT(""));
	put(s, sp_arena_u64(&a, v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
}

static void put_value(struct shape *s, const struct sp_bson *e)
{
	uint8_t digits[24];
	struct sp_arena a = {.p = digits, .size = sizeof digits};
	int64_t v;
	if (!s->reveal) {
		put(s, SP_TEXT("?"));
	} else if (e->type == SP_BSON_STRING) {
		put(s, SP_TEXT("\""));
		put(s, sp_bson_text(e));
		put(s, SP_TEXT("\""));
	} else if (e->type == SP_BSON_NULL) {
		put(s, SP_TEXT("null"));
	} else if (e->type == SP_BSON_BOOL && sp_bson_number(e, &v)) {
		put(s, v ? SP_TEXT("true") : SP_TEXT("false"));
	} else if (sp_bson_number(e, &v)) {
		put_number(s, v);
	} else if (e->type == SP_BSON_OBJECT_ID && e->value.n == 12) {
		put(s, sp_arena_hex(&a, e->value));
	} else {
		put(s, SP_TEXT("?"));
	}
}

static void open_container(struct shape *s, const struct sp_bson *e)
{
	put(s, e->type == SP_BSON_ARRAY ? SP_TEXT("[") : SP_TEXT("{"));
	s->type[s->depth] = e->type;
	s->end[s->depth++] = e->value.p + e->value.n;
	s->c = (struct sp_cursor){.p = e->value.p + 4, .end = e->value.p + e->value.n};
	s->first = true;
	s->alike = false;
}

/* False: that was the outermost. */
static bool close_container(struct shape *s)
{
	const uint8_t *end = s->end[--s->depth];
	put(s, s->type[s->depth] == SP_BSON_ARRAY ? SP_TEXT("]") : SP_TEXT("}"));
	if (!s->depth)
		return false;
	s->c = (struct sp_cursor){.p = end, .end = s->end[s->depth - 1]};
	s->first = s->alike = false;
	return true;
}

static bool is_container(const struct sp_bson *e)
{
	return (e->type == SP_BSON_DOCUMENT || e->type == SP_BSON_ARRAY) && e->value.n >= 5;
}

static void put_element(struct shape *s, const struct sp_bson *e)
{
	bool array = s->type[s->depth - 1] == SP_BSON_ARRAY, open = is_container(e) && s->depth < SP_BSON_DEPTH;
	if (s->alike && !open)
		return;
	put(s, s->first ? SP_TEXT("") : SP_TEXT(", "));
	if (!array) {
		put(s, e->name);
		put(s, SP_TEXT(": "));
	}
	s->first = false;
	s->alike = array && !open && !s->reveal;
	if (open)
		open_container(s, e);
	else
		put_value(s, e);
}

struct sp_slice sp_bson_shape(struct sp_arena *a, const struct sp_bson *e, size_t room, bool reveal)
{
	size_t mark = sizeof cut_mark - 1;
	struct shape s = {.p = a->p + a->n, .reveal = reveal};
	room = SP_MIN(room, a->size - a->n);
	if (!is_container(e) || room < mark)
		return (struct sp_slice){0};
	s.room = room - mark;
	open_container(&s, e);
	for (;;) {
		struct sp_bson in;
		enum sp_bson_got got = sp_bson_next(&s.c, &in);
		bool full = s.n == s.room;
		if (got == SP_BSON_END && !full && !close_container(&s))
			break;
		if (got == SP_BSON_GOT && !full)
			put_element(&s, &in);
		if (full || (got != SP_BSON_GOT && got != SP_BSON_END)) {
			s.room = room;
			put(&s, (struct sp_slice){cut_mark, mark});
			break;
		}
	}
	a->n += s.n;
	return (struct sp_slice){s.p, s.n};
}
