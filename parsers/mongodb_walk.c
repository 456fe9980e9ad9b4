/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the documents of MongoDB's messages element by element, into those that say something and past all others. */
#include "parsers/http.h"
#include "parsers/mongodb.h"

/* What a step came to; GO_ON: the next. */
enum { GO_ON = -1 };

struct reader {
	struct sp_parse *p;
	struct sp_mongodb_walk *w;
	struct sp_cursor *c;
	const uint8_t *start; /* where w->pos is */
	uint32_t skip;
	bool whole;
};

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1                                                              \
	}

/* clang-format off */
/* Commands whose value is a name, but not a collection's. */
static const struct sp_slice other_names[] = {
	NAME("createUser"), NAME("updateUser"), NAME("dropUser"), NAME("usersInfo"), NAME("grantRolesToUser"),
	NAME("revokeRolesFromUser"), NAME("createRole"), NAME("updateRole"), NAME("dropRole"), NAME("rolesInfo"),
	NAME("grantRolesToRole"), NAME("revokeRolesFromRole"), NAME("grantPrivilegesToRole"),
	NAME("revokePrivilegesFromRole"), NAME("getLog"), NAME("getParameter"), NAME("saslStart"),
	NAME("saslContinue"), NAME("authenticate"), NAME("buildInfo"), {0},
};

/* error_codes.yml of the server: what is wrong with the request. */
static const int16_t client_codes[] = {
	2, 4, 9, 11, 13, 14, 15, 16, 18, 20, 22, 26, 27, 28, 31, 40, 43, 48, 52, 53, 54, 55, 56, 57, 59, 61, 66, 67, 68,
	72, 73, 85, 86, 111, 115, 121, 125, 137, 146, 166, 167, 168, 171, 197, 225, 238, 241, 242, 251, 256, 263, 303,
	323, 0,
};
/* clang-format on */

/* From 10000 on: not the primary, shutting down, an old view of the shards. */
static const int16_t server_codes[] = {10107, 11600, 11602, 13388, 13435, 13436, 0};

static bool is_among(const int16_t *codes, int32_t code)
{
	while (*codes && *codes != code)
		codes++;
	return *codes;
}

enum sp_status sp_mongodb_status(int32_t code)
{
	/* From 10000 on: what statements are refused for, one number for each place in the server's code. */
	bool client = code < 10000 ? is_among(client_codes, code) : !is_among(server_codes, code);
	return client ? SP_STATUS_CLIENT_ERROR : SP_STATUS_SERVER_ERROR;
}

static bool same(struct sp_slice a, struct sp_slice b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static bool is_any(struct sp_slice s, const struct sp_slice *names)
{
	while (names->n && !same(s, *names))
		names++;
	return names->n;
}

void sp_mongodb_namespace(struct sp_msg *m, struct sp_slice full)
{
	const uint8_t *dot = memchr(full.p, '.', full.n);
	size_t n = dot ? (size_t)(dot - full.p) : full.n;
	sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){full.p, n});
	if (dot)
		sp_msg_put(m, SP_SLOT_RESOURCE, (struct sp_slice){dot + 1, full.n - n - 1});
}

void sp_mongodb_endpoint(struct sp_parse *p)
{
	struct sp_slice method = sp_msg_slot(&p->msg, SP_SLOT_METHOD), name = sp_msg_slot(&p->msg, SP_SLOT_RESOURCE);
	if (!method.n)
		return;
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, name.n ? SP_JOIN(p->arena, method, SP_TEXT(" "), name) : method);
	sp_msg_extra(&p->msg, MONGODB_COLLECTION, name);
}

void sp_mongodb_open(struct sp_mongodb_walk *w, enum sp_mongodb_inside inside, uint64_t size)
{
	if (w->depth == MONGODB_DEPTH)
		return;
	w->end[w->depth] = (uint32_t)SP_MIN((uint64_t)w->pos + size, (uint64_t)UINT32_MAX);
	w->inside[w->depth++] = (uint8_t)inside;
}

static bool is_edge(uint8_t c)
{
	return c <= ' ' || memchr("\"'=:,;{}", c, 8);
}

/* Pairs in a text: traceparent='…', "traceparent": "…", k=v,k=v. */
static void trace_text(struct sp_parse *p, struct sp_slice text)
{
	struct sp_slice key = {0};
	for (size_t at = 0; at < text.n;) {
		size_t from = at;
		while (at < text.n && !is_edge(text.p[at]))
			at++;
		struct sp_slice word = {text.p + from, at - from};
		if (key.n && word.n)
			sp_trace_header(p, key, word, false);
		/* A word before a = or : is a key. */
		bool quote = at < text.n && (text.p[at] == '"' || text.p[at] == '\'');
		size_t sign = at + quote;
		if (word.n)
			key = sign < text.n && (text.p[sign] == '=' || text.p[sign] == ':') ? word
											    : (struct sp_slice){0};
		at++;
	}
}

static void comment(struct sp_parse *p, const struct sp_bson *e)
{
	struct sp_slice text = sp_bson_text(e);
	if (e->type != SP_BSON_DOCUMENT) {
		trace_text(p, text);
		if (p->reveal)
			sp_msg_extra(&p->msg, MONGODB_COMMENT, text);
		return;
	}
	struct sp_cursor c = sp_cursor(e->value);
	struct sp_bson in;
	sp_bson_enter(&c);
	while (sp_bson_next(&c, &in) == SP_BSON_GOT)
		sp_trace_header(p, in.name, sp_bson_text(&in), false);
}

/* A filter or pipeline: its shape, and a comment that stands in it. */
void sp_mongodb_query(struct sp_parse *p, const struct sp_bson *e)
{
	struct sp_cursor c = sp_cursor(e->value);
	struct sp_bson in;
	sp_msg_extra(&p->msg, MONGODB_QUERY, sp_bson_shape(p->arena, e, MONGODB_SHAPE, p->reveal));
	if (e->type != SP_BSON_DOCUMENT || !sp_bson_enter(&c))
		return;
	while (sp_bson_next(&c, &in) == SP_BSON_GOT)
		if (sp_slice_is(in.name, "$comment"))
			comment(p, &in);
}

static void first_element(struct reader *r, const struct sp_bson *e, bool method)
{
	struct sp_msg *m = &r->p->msg;
	struct sp_slice text = sp_bson_text(e);
	if (method)
		sp_msg_put(m, SP_SLOT_METHOD, e->name);
	if (!is_any(e->name, other_names))
		sp_msg_put(m, SP_SLOT_RESOURCE, text);
	int64_t cursor;
	if (sp_slice_is(e->name, "getMore") && sp_bson_number(e, &cursor))
		sp_msg_extra(m, MONGODB_CURSOR, sp_arena_u64(r->p->arena, (uint64_t)cursor));
	else if (method)
		sp_mongodb_endpoint(r->p);
}

static uint32_t position(const struct reader *r, const uint8_t *at)
{
	return r->w->pos + (uint32_t)(at - r->start);
}

/* Goes into the document or array whose length stands at `at`. */
static int enter(struct reader *r, const uint8_t *at, uint32_t size, enum sp_mongodb_inside inside)
{
	struct sp_mongodb_walk *w = r->w;
	if (w->depth == MONGODB_DEPTH)
		return SP_MONGODB_WRONG;
	w->end[w->depth] = position(r, at) + size;
	w->inside[w->depth++] = (uint8_t)inside;
	r->c->p = at + 4;
	return GO_ON;
}

/* What a request's document says. */
static int command_element(struct reader *r, const struct sp_bson *e)
{
	static const struct sp_slice filters[] = {NAME("filter"), NAME("query"), NAME("q"), NAME("pipeline"), {0}};
	static const struct sp_slice arrays[] = {NAME("documents"), NAME("updates"), NAME("deletes"), {0}};
	struct sp_mongodb_walk *w = r->w;
	bool explained = w->inside[w->depth - 1] == MONGODB_EXPLAINED;
	if (!w->named) {
		/* Through mongos, commands were wrapped as queries were. */
		if (e->type == SP_BSON_DOCUMENT && (sp_slice_is(e->name, "$query") || sp_slice_is(e->name, "query")))
			return enter(r, e->value.p, e->size, MONGODB_COMMAND);
		w->named = true;
		first_element(r, e, !explained);
		if (e->type == SP_BSON_DOCUMENT && sp_slice_is(e->name, "explain")) {
			w->named = false;
			return enter(r, e->value.p, e->size, MONGODB_EXPLAINED);
		}
		if (explained)
			sp_mongodb_endpoint(r->p);
		return GO_ON;
	}
	if (sp_slice_is(e->name, "$db")) {
		sp_msg_put(&r->p->msg, SP_SLOT_HOST, sp_bson_text(e));
	} else if (sp_slice_is(e->name, "comment")) {
		comment(r->p, e);
	} else if (sp_slice_is(e->name, "collection")) {
		sp_msg_put(&r->p->msg, SP_SLOT_RESOURCE, sp_bson_text(e));
		sp_mongodb_endpoint(r->p);
	} else if (is_any(e->name, filters)) {
		sp_mongodb_query(r->p, e);
	} else if (e->type == SP_BSON_ARRAY && is_any(e->name, arrays)) {
		return enter(r, e->value.p, e->size,
			     *e->name.p == 'd' && e->name.p[1] == 'o' ? MONGODB_INSERTED : MONGODB_STATEMENTS);
	} else if (sp_msg_slot(&r->p->msg, SP_SLOT_METHOD).n &&
		   same(e->name, sp_msg_slot(&r->p->msg, SP_SLOT_METHOD))) {
		first_element(r, e, false);
		sp_mongodb_endpoint(r->p);
	}
	return GO_ON;
}

/* Around an old query's filter, or the filter itself. */
static int filter_element(struct reader *r, const struct sp_bson *e)
{
	if (sp_slice_is(e->name, "$query") || sp_slice_is(e->name, "query"))
		sp_mongodb_query(r->p, e);
	else if (sp_slice_is(e->name, "$comment"))
		comment(r->p, e);
	return GO_ON;
}

static void message(struct reader *r, const struct sp_bson *e)
{
	struct sp_slice text = sp_bson_text(e);
	text.n = SP_MIN(text.n, (size_t)MONGODB_TEXT_MAX);
	const uint8_t *key = text.n ? memmem(text.p, text.n, " dup key: ", 10) : NULL;
	if (key && !r->p->reveal)
		text = SP_JOIN(r->p->arena, ((struct sp_slice){text.p, (size_t)(key - text.p)}),
			       SP_TEXT(" dup key: ?"));
	sp_msg_put(&r->p->msg, SP_SLOT_MESSAGE, text);
}

/* A code and what it says, of the reply or of a write in it. The first one counts. */
static void failure(struct reader *r, const struct sp_bson *e)
{
	struct sp_mongodb_walk *w = r->w;
	int64_t code;
	if (sp_slice_is(e->name, "code") && !w->failed && sp_bson_number(e, &code) && code) {
		w->failed = true;
		w->code = (int32_t)code;
		sp_msg_put(&r->p->msg, SP_SLOT_CODE, sp_arena_u64(r->p->arena, (uint32_t)code));
	} else if (sp_slice_is(e->name, "codeName")) {
		sp_msg_extra(&r->p->msg, MONGODB_CODE_NAME, sp_bson_text(e));
	} else if (sp_slice_is(e->name, "errmsg") || sp_slice_is(e->name, "$err") || sp_slice_is(e->name, "err")) {
		message(r, e);
	}
}

static int reply_element(struct reader *r, const struct sp_bson *e)
{
	struct sp_mongodb_walk *w = r->w;
	int64_t v;
	if (e->type == SP_BSON_DOCUMENT && sp_slice_is(e->name, "cursor"))
		return enter(r, e->value.p, e->size, MONGODB_REPLY_CURSOR);
	if (e->type == SP_BSON_ARRAY && sp_slice_is(e->name, "writeErrors"))
		return enter(r, e->value.p, e->size, MONGODB_ERRORS);
	if (e->type == SP_BSON_DOCUMENT && sp_slice_is(e->name, "writeConcernError"))
		return enter(r, e->value.p, e->size, MONGODB_ERROR);
	if (e->type == SP_BSON_ARRAY && sp_slice_is(e->name, "values")) {
		w->counted = true;
		return enter(r, e->value.p, e->size, MONGODB_ROWS_ARRAY);
	}
	if (sp_slice_is(e->name, "ok") && sp_bson_number(e, &v)) {
		w->ok = v == 1;
		w->not_ok = v != 1;
	} else if (sp_slice_is(e->name, "n") && sp_bson_number(e, &v) && v >= 0) {
		w->counted = true;
		w->rows = (uint32_t)v;
	} else if (sp_slice_is(e->name, "$err")) {
		w->not_ok = true;
		failure(r, e);
	} else {
		failure(r, e);
	}
	return GO_ON;
}

static int cursor_element(struct reader *r, const struct sp_bson *e)
{
	int64_t id;
	if (sp_slice_is(e->name, "id") && sp_bson_number(e, &id) && id)
		sp_msg_extra(&r->p->msg, MONGODB_CURSOR, sp_arena_u64(r->p->arena, (uint64_t)id));
	if (e->type != SP_BSON_ARRAY || (!sp_slice_is(e->name, "firstBatch") && !sp_slice_is(e->name, "nextBatch")))
		return GO_ON;
	r->w->counted = true;
	return enter(r, e->value.p, e->size, MONGODB_ROWS_ARRAY);
}

static int element(struct reader *r, const struct sp_bson *e)
{
	struct sp_mongodb_walk *w = r->w;
	switch (w->inside[w->depth - 1]) {
	case MONGODB_COMMAND:
	case MONGODB_EXPLAINED:
		return command_element(r, e);
	case MONGODB_FILTER:
		return filter_element(r, e);
	case MONGODB_INSERTED:
		w->batch++;
		return GO_ON;
	case MONGODB_STATEMENTS:
		return !w->batch++ && e->type == SP_BSON_DOCUMENT ? enter(r, e->value.p, e->size, MONGODB_STATEMENT)
								  : GO_ON;
	case MONGODB_STATEMENT:
		if (sp_slice_is(e->name, "q"))
			sp_mongodb_query(r->p, e);
		return GO_ON;
	case MONGODB_REPLY:
		return reply_element(r, e);
	case MONGODB_REPLY_CURSOR:
		return cursor_element(r, e);
	case MONGODB_ROWS_ARRAY:
		w->rows++;
		return GO_ON;
	case MONGODB_ERRORS:
		return e->type == SP_BSON_DOCUMENT && !w->failed ? enter(r, e->value.p, e->size, MONGODB_ERROR) : GO_ON;
	default:
		failure(r, e);
		return GO_ON;
	}
}

/* How much of a value has to be there before it is looked at. */
static uint32_t needed(const struct reader *r, const struct sp_bson *e)
{
	static const struct sp_slice shown[] = {NAME("filter"),	  NAME("query"),   NAME("$query"),   NAME("q"),
						NAME("pipeline"), NAME("comment"), NAME("$comment"), {0}};
	uint8_t inside = r->w->inside[r->w->depth - 1];
	if (inside == MONGODB_ROWS_ARRAY)
		return 0;
	if (e->type != SP_BSON_DOCUMENT && e->type != SP_BSON_ARRAY)
		return SP_MIN(e->size, (uint32_t)MONGODB_WANT);
	return is_any(e->name, shown) ? SP_MIN(e->size, (uint32_t)MONGODB_WANT) : 0;
}

/* Passes what is there of `size` bytes from `at` on. */
static int pass(struct reader *r, const uint8_t *at, uint32_t size)
{
	size_t there = (size_t)(r->c->end - at);
	r->c->p = at + SP_MIN((size_t)size, there);
	r->skip = size - (uint32_t)(r->c->p - at);
	return r->skip ? SP_MONGODB_SKIP : GO_ON;
}

static int next_element(struct reader *r)
{
	struct sp_mongodb_walk *w = r->w;
	struct sp_bson e;
	enum sp_bson_got got = sp_bson_next(r->c, &e);
	if (got == SP_BSON_SHORT)
		return SP_MONGODB_SHORT;
	if (got == SP_BSON_WRONG)
		return SP_MONGODB_WRONG;
	if (got == SP_BSON_END)
		return position(r, r->c->p) == w->end[--w->depth] ? GO_ON : SP_MONGODB_WRONG;
	if (position(r, e.value.p) + (uint64_t)e.size >= w->end[w->depth - 1])
		return SP_MONGODB_WRONG;
	if (e.value.n < needed(r, &e) && !r->whole)
		return SP_MONGODB_SHORT;
	uint8_t depth = w->depth;
	int rc = element(r, &e);
	return rc != GO_ON || w->depth != depth ? rc : pass(r, e.value.p, e.size);
}

/* The next of documents that stand one behind the other. */
static int next_document(struct reader *r)
{
	struct sp_mongodb_walk *w = r->w;
	const uint8_t *at = r->c->p;
	uint32_t size = sp_bson_enter(r->c);
	if (r->c->bad)
		return SP_MONGODB_SHORT;
	if (!size || position(r, at) + (uint64_t)size > w->end[w->depth - 1])
		return SP_MONGODB_WRONG;
	uint8_t inside = w->inside[w->depth - 1];
	if (inside == MONGODB_PAIR)
		return enter(r, at, size, w->reply ? MONGODB_REPLY : MONGODB_COMMAND);
	return w->batch++ || inside == MONGODB_INSERTS ? pass(r, at, size) : enter(r, at, size, MONGODB_STATEMENT);
}

/* The next of OP_MSG's sections: a document, or a named sequence of them. */
static int next_section(struct reader *r)
{
	struct sp_mongodb_walk *w = r->w;
	const uint8_t *at = r->c->p;
	uint8_t kind = sp_cursor_u8(r->c);
	uint32_t size = sp_bson_enter(r->c);
	if (r->c->bad)
		return SP_MONGODB_SHORT;
	if (kind > 1 || !size || position(r, at) + 1 + (uint64_t)size > w->end[w->depth - 1])
		return SP_MONGODB_WRONG;
	if (!kind)
		return enter(r, at + 1, size, w->reply ? MONGODB_REPLY : MONGODB_COMMAND);
	const uint8_t *name = at + 5,
		      *end = memchr(name, 0, SP_MIN((size_t)(r->c->end - name), (size_t)SP_BSON_NAME_MAX));
	if (!end)
		return (size_t)(r->c->end - name) < SP_BSON_NAME_MAX ? SP_MONGODB_SHORT : SP_MONGODB_WRONG;
	bool inserts = sp_slice_is((struct sp_slice){name, (size_t)(end - name)}, "documents");
	int rc = enter(r, at + 1, size, inserts ? MONGODB_INSERTS : MONGODB_DOCUMENTS);
	r->c->p = end + 1;
	return rc;
}

static int step(struct reader *r)
{
	struct sp_mongodb_walk *w = r->w;
	if (!w->depth)
		return SP_MONGODB_OVER;
	uint8_t inside = w->inside[w->depth - 1];
	bool sequence = inside == MONGODB_DOCUMENTS || inside == MONGODB_INSERTS || inside == MONGODB_PAIR;
	if (inside != MONGODB_SECTIONS && !sequence)
		return next_element(r);
	if (position(r, r->c->p) >= w->end[w->depth - 1]) {
		w->depth--;
		return GO_ON;
	}
	return inside == MONGODB_SECTIONS ? next_section(r) : next_document(r);
}

enum sp_mongodb_walked sp_mongodb_walk(struct sp_parse *p, struct sp_mongodb_walk *w, struct sp_cursor *c, bool whole,
				       uint32_t *skip)
{
	struct reader r = {.p = p, .w = w, .c = c, .start = c->p, .whole = whole};
	int rc = GO_ON;
	while (rc == GO_ON) {
		const uint8_t *at = c->p;
		rc = step(&r);
		if (rc == SP_MONGODB_SHORT)
			*c = (struct sp_cursor){.p = at, .end = c->end};
	}
	w->pos = position(&r, c->p) + r.skip;
	*skip = r.skip;
	return rc;
}

void sp_mongodb_cut(struct sp_mongodb_walk *w)
{
	for (unsigned i = 0; i < w->depth; i++) {
		uint8_t inside = w->inside[i];
		if (inside == MONGODB_ROWS_ARRAY)
			w->counted = false;
		else if (inside >= MONGODB_INSERTS && inside <= MONGODB_STATEMENTS)
			w->batch = 0;
		w->ok |= inside == MONGODB_REPLY_CURSOR;
	}
}

void sp_mongodb_finish(struct sp_parse *p, const struct sp_mongodb_walk *w)
{
	struct sp_msg *m = &p->msg;
	if (w->batch && !w->reply)
		sp_msg_extra(m, MONGODB_BATCH, sp_arena_u64(p->arena, w->batch));
	if (w->counted)
		sp_msg_extra(m, MONGODB_ROWS, sp_arena_u64(p->arena, w->rows));
	if (!w->reply)
		return;
	if (w->failed)
		m->status = (uint8_t)sp_mongodb_status(w->code);
	else if (w->not_ok)
		m->status = SP_STATUS_SERVER_ERROR;
	else if (w->ok)
		m->status = SP_STATUS_OK;
}
