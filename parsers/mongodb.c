/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB's wire protocol (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol): OP_MSG, the opcodes
 * before it, and all of them compressed. What commands and replies say: mongodb_walk.c. */
#include "parsers/codec.h"
#include "parsers/mongodb_priv.h"

/* A tag: an OP_QUERY that is a command, whose reply is one; or one for documents, all of which may come unasked. */
enum tag { TAG_MSG, TAG_COMMAND, TAG_DOCUMENTS, TAG_EXHAUST };

static const char *const fields[] = {
	[MONGODB_COLLECTION] = "db.collection.name",
	[MONGODB_QUERY] = "db.query.text",
	[MONGODB_BATCH] = "db.operation.batch.size",
	[MONGODB_ROWS] = "db.response.returned_rows",
	[MONGODB_CURSOR] = "db.mongodb.cursor_id",
	[MONGODB_CODE_NAME] = "error.type",
	[MONGODB_COMPRESSOR] = "db.mongodb.compressor",
	[MONGODB_COMMENT] = "db.mongodb.comment",
	NULL,
};

static const char *const compressors[] = {[NOOP] = "noop", [SNAPPY] = "snappy", [ZLIB] = "zlib", [ZSTD] = "zstd"};

/* The message that is open on a side. */
struct open {
	struct sp_mongodb_walk walk;
	uint32_t left; /* bytes of it; 0: none is open */
	uint64_t id;
	uint8_t kind;
	bool in_parts; /* what it says is known when those of its first block are there */
};

struct state {
	struct open side[2];
	uint32_t exhaust; /* the server's last message to which more was to come, */
	bool exhausting;  /* if there is one */
};

/* Of messages that Zstandard compressed, and that are longer than what is there at once. */
struct more {
	struct in_parts {
		struct sp_zstd_parts parts;
		uint32_t op, size, to;
	} side[2];
};

/* --- what stands before the documents. False: not this protocol. */

/* A message behind its header, or what came out of a compressed one. */
struct body {
	struct sp_mongodb_walk *walk; /* begins where the cursor is left; not opened when there is nothing to walk */
	struct sp_cursor c;
	uint64_t size; /* of the whole body: the cursor has what is there of it */
	uint32_t to;
	bool oneway, more;
};

static uint64_t behind(const struct body *b, const uint8_t *start)
{
	uint64_t read = (uint64_t)(b->c.p - start);
	return b->size > read ? b->size - read : 0;
}

/* A document that is walked. */
static bool document(struct body *b, const uint8_t *start, enum sp_mongodb_inside inside)
{
	uint64_t left = behind(b, start);
	uint32_t size = sp_bson_enter(&b->c);
	if (!size || size > left)
		return false;
	sp_mongodb_open(b->walk, inside, size - 4);
	return true;
}

/* A document that is a filter; what is there of it. */
static void filter(struct sp_parse *p, struct sp_cursor c)
{
	struct sp_bson e = {.type = SP_BSON_DOCUMENT, .value = {c.p, sp_cursor_left(&c)}};
	e.size = sp_bson_enter(&c);
	e.value.n = SP_MIN(e.value.n, (size_t)e.size);
	if (e.size)
		sp_mongodb_query(p, &e);
}

static bool op_msg(struct body *b)
{
	const uint8_t *start = b->c.p;
	uint32_t flags = mongodb_take32(&b->c), checksum = flags & CHECKSUM ? 4 : 0;
	uint64_t left = behind(b, start);
	if (b->c.bad || flags & ~(uint32_t)MSG_FLAGS || left < checksum)
		return false;
	b->more = flags & MORE_TO_COME;
	b->oneway = b->more;
	sp_mongodb_open(b->walk, MONGODB_SECTIONS, left - checksum);
	return true;
}

static bool op_query(struct sp_parse *p, struct body *b)
{
	const uint8_t *start = b->c.p;
	struct sp_msg *m = &p->msg;
	uint32_t flags = mongodb_take32(&b->c);
	struct sp_slice name = mongodb_take_name(&b->c);
	sp_cursor_take(&b->c, 8);
	if (b->c.bad || flags & ~(uint32_t)QUERY_FLAGS)
		return false;
	sp_mongodb_namespace(m, name);
	if (sp_slice_is(sp_msg_slot(m, SP_SLOT_RESOURCE), "$cmd")) {
		sp_msg_put(m, SP_SLOT_RESOURCE, (struct sp_slice){0});
		m->tag = TAG_COMMAND;
		return document(b, start, MONGODB_COMMAND);
	}
	m->tag = flags & QUERY_EXHAUST ? TAG_EXHAUST : TAG_DOCUMENTS;
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("find"));
	sp_mongodb_endpoint(p);
	struct sp_cursor c = b->c;
	struct sp_bson first;
	if (!sp_bson_enter(&c))
		return false;
	bool wrapped = sp_bson_next(&c, &first) == SP_BSON_GOT && first.type == SP_BSON_DOCUMENT &&
		       (sp_slice_is(first.name, "$query") || sp_slice_is(first.name, "query"));
	if (wrapped)
		return document(b, start, MONGODB_FILTER);
	filter(p, b->c);
	return true;
}

static bool op_reply(struct sp_parse *p, struct body *b)
{
	const uint8_t *start = b->c.p, *head = sp_cursor_take(&b->c, REPLY_HEAD);
	uint32_t tag = TAG_DOCUMENTS;
	struct sp_mongodb_walk *w = b->walk;
	if (!head)
		return false;
	uint32_t flags = sp_load32(head), rows = sp_load32(head + 16);
	uint64_t cursor;
	memcpy(&cursor, head + 4, sizeof cursor);
	p->asked(p, b->to, &tag);
	if (cursor)
		sp_msg_extra(&p->msg, MONGODB_CURSOR, sp_arena_u64(p->arena, cursor));
	b->more = cursor && tag == TAG_EXHAUST;
	if (flags & CURSOR_NOT_FOUND) {
		w->failed = true;
		w->code = CODE_CURSOR_NOT_FOUND;
		sp_msg_put(&p->msg, SP_SLOT_CODE, SP_TEXT("43"));
		sp_msg_put(&p->msg, SP_SLOT_MESSAGE, SP_TEXT("CursorNotFound"));
		return true;
	}
	bool speaks = tag == TAG_COMMAND || flags & QUERY_FAILURE;
	w->ok = !speaks;
	w->counted = !speaks;
	w->rows = rows;
	return !speaks || !rows || document(b, start, MONGODB_REPLY);
}

/* Insertions, updates, deletions before there were commands for them; nobody answers. */
static bool op_write(struct sp_parse *p, struct body *b, uint32_t op)
{
	const uint8_t *start = b->c.p;
	sp_cursor_take(&b->c, 4);
	sp_mongodb_namespace(&p->msg, mongodb_take_name(&b->c));
	if (op != OP_INSERT)
		sp_cursor_take(&b->c, 4);
	sp_msg_put(&p->msg, SP_SLOT_METHOD,
		   op == OP_INSERT   ? SP_TEXT("insert")
		   : op == OP_UPDATE ? SP_TEXT("update")
				     : SP_TEXT("delete"));
	b->oneway = true;
	if (b->c.bad)
		return false;
	sp_mongodb_endpoint(p);
	if (op == OP_INSERT)
		sp_mongodb_open(b->walk, MONGODB_INSERTS, behind(b, start));
	else
		filter(p, b->c);
	return true;
}

static bool op_cursor(struct sp_parse *p, struct body *b, uint32_t op)
{
	struct sp_msg *m = &p->msg;
	sp_cursor_take(&b->c, 4);
	if (op == OP_GET_MORE)
		sp_mongodb_namespace(m, mongodb_take_name(&b->c));
	sp_cursor_take(&b->c, 4);
	const uint8_t *id = sp_cursor_take(&b->c, 8);
	if (!id)
		return false;
	uint64_t cursor;
	memcpy(&cursor, id, sizeof cursor);
	sp_msg_put(m, SP_SLOT_METHOD, op == OP_GET_MORE ? SP_TEXT("getMore") : SP_TEXT("killCursors"));
	m->tag = TAG_DOCUMENTS;
	b->oneway = op == OP_KILL_CURSORS;
	sp_mongodb_endpoint(p);
	sp_msg_extra(m, MONGODB_CURSOR, sp_arena_u64(p->arena, cursor));
	return true;
}

/* Of MongoDB 3.2 and 3.4, between servers. */
static bool op_command(struct sp_parse *p, struct body *b, uint32_t op)
{
	const uint8_t *start = b->c.p;
	if (op == OP_COMMAND) {
		sp_msg_put(&p->msg, SP_SLOT_HOST, mongodb_take_name(&b->c));
		sp_msg_put(&p->msg, SP_SLOT_METHOD, mongodb_take_name(&b->c));
		if (b->c.bad)
			return false;
		sp_mongodb_endpoint(p);
		b->walk->named = true;
	}
	sp_mongodb_open(b->walk, MONGODB_PAIR, behind(b, start));
	return true;
}

static bool describe(struct sp_parse *p, struct body *b, uint32_t op)
{
	switch (op) {
	case OP_MSG:
		return op_msg(b);
	case OP_QUERY:
		return op_query(p, b);
	case OP_REPLY:
		return op_reply(p, b);
	case OP_INSERT:
	case OP_UPDATE:
	case OP_DELETE:
		return op_write(p, b, op);
	case OP_GET_MORE:
	case OP_KILL_CURSORS:
		return op_cursor(p, b, op);
	case OP_COMMAND:
	case OP_COMMAND_REPLY:
		return op_command(p, b, op);
	case OP_NOTE:
		sp_msg_put(&p->msg, SP_SLOT_METHOD, SP_TEXT("msg"));
		b->oneway = true;
		return true;
	}
	return false;
}

/* --- parts */

/* What stands before what was compressed. */
static bool compressed_head(struct sp_parse *p, struct sp_cursor *c, uint32_t *op, uint32_t *size, unsigned *compressor)
{
	*op = mongodb_take32(c);
	*size = mongodb_take32(c);
	*compressor = sp_cursor_u8(c);
	if (c->bad || !mongodb_is_opcode(*op) || *op == OP_COMPRESSED || *size > MESSAGE_MAX ||
	    *compressor >= MONGODB_COMPRESSORS)
		return false;
	sp_msg_extra(&p->msg, MONGODB_COMPRESSOR, sp_slice_of(compressors[*compressor]));
	return true;
}

/* The beginning of what was compressed becomes the body. */
static bool decompress(struct sp_parse *p, struct body *b, uint32_t *op)
{
	uint32_t size;
	unsigned compressor;
	if (!compressed_head(p, &b->c, op, &size, &compressor))
		return false;
	struct sp_slice in = {b->c.p, sp_cursor_left(&b->c)};
	size_t room = SP_MIN(size, (uint32_t)MONGODB_VIEW), n = 0;
	uint8_t *out = compressor == NOOP ? NULL : sp_arena_get(p->arena, room);
	if (compressor == NOOP)
		n = SP_MIN(in.n, room);
	else if (out)
		n = compressor == SNAPPY ? sp_snappy(in, out, room)
		    : compressor == ZLIB ? sp_inflate(in, out, room)
					 : sp_zstd(in, out, room);
	b->c = sp_cursor((struct sp_slice){compressor == NOOP ? in.p : out, n});
	b->size = size;
	return true;
}

/* What answers whom, and whether anything answers this. */
static void set_kind(struct sp_parse *p, struct state *st, const struct mongodb_head *h, const struct body *b,
		     bool reply)
{
	struct sp_msg *m = &p->msg;
	bool again = reply && st->exhausting && h->to == st->exhaust;
	if (reply) {
		st->exhausting = b->more || (st->exhausting && !again);
		st->exhaust = b->more ? h->id : st->exhaust;
	}
	bool alone = again || (!reply && b->oneway);
	m->kind = alone ? SP_MSG_ONEWAY : reply ? SP_MSG_RESPONSE : SP_MSG_REQUEST;
	m->id = reply && !again ? h->to : h->id;
	if (!reply)
		sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, h->id));
}

/* Walks what is there of the open message from c on, `left` bytes of it, and makes it a part that ends the call. */
static enum sp_parse_result walk(struct sp_parse *p, struct open *o, struct sp_cursor c, bool begins)
{
	uint32_t skip = 0;
	const uint8_t *start = c.p;
	bool whole = sp_cursor_left(&c) >= o->left || p->last;
	enum sp_mongodb_walked rc = sp_mongodb_walk(p, &o->walk, &c, whole, &skip);
	uint32_t walked = (uint32_t)(c.p - start);
	bool over = rc == SP_MONGODB_OVER || rc == SP_MONGODB_WRONG || walked + skip >= o->left ||
		    (rc == SP_MONGODB_SHORT && (whole || (!walked && !begins)));
	p->msg.part = begins ? over ? SP_PART_WHOLE : SP_PART_HEAD : over ? SP_PART_TAIL : SP_PART_MIDDLE;
	if (over)
		sp_mongodb_finish(p, &o->walk);
	p->want = over ? o->left - walked : skip;
	o->left = over ? 0 : o->left - walked - skip;
	return sp_parse_msg(p, (size_t)(c.p - p->in.p));
}

static enum sp_parse_result go_on(struct sp_parse *p, struct open *o)
{
	size_t view = SP_MIN((size_t)o->left, (size_t)MONGODB_VIEW);
	if (p->in.n < view && !p->last)
		return sp_parse_more(p, view);
	sp_msg_begin(p, o->kind, SP_PART_MIDDLE)->id = o->id;
	return walk(p, o, sp_cursor((struct sp_slice){p->in.p, SP_MIN(view, p->in.n)}), false);
}

/* A compressed message is read as far as it was decompressed: `b` is what came out. */
static void walk_compressed(struct sp_parse *p, struct body *b)
{
	uint32_t skip;
	enum sp_mongodb_walked rc = sp_mongodb_walk(p, b->walk, &b->c, true, &skip);
	if (rc == SP_MONGODB_SHORT || rc == SP_MONGODB_SKIP)
		sp_mongodb_cut(b->walk);
	sp_mongodb_finish(p, b->walk);
}

static enum sp_parse_result compressed(struct sp_parse *p, const struct mongodb_head *h, struct body *b)
{
	walk_compressed(p, b);
	size_t used = SP_MIN(p->in.n, (size_t)h->size);
	p->want = h->size - used;
	return sp_parse_msg(p, used);
}

/* `used` bytes are done with; what need not be seen is passed over. False: no more parts are to come. */
static bool to_next_part(struct sp_parse *p, struct open *o, struct sp_zstd_parts *z, size_t used)
{
	uint32_t skip, need;
	p->used = used;
	o->left -= (uint32_t)used;
	if (!sp_zstd_parts_next(z, &skip, &need) || (uint64_t)skip + need > o->left)
		return false;
	z->at += skip;
	o->left -= skip;
	p->want = skip;
	return true;
}

/* The beginning of a message that is longer than `view`. False: it can be read at once, or not at all. */
static bool begin_parts(struct sp_parse *p, struct state *st, const struct mongodb_head *h, size_t view, bool reply)
{
	struct open *o = &st->side[p->side];
	size_t at = HEADER + COMPRESSED_HEAD;
	struct body b = {.c = sp_cursor((struct sp_slice){p->in.p + HEADER, view - HEADER}), .to = h->to};
	unsigned compressor;
	if (h->op != OP_COMPRESSED || h->size == view || view < at || p->in.p[at - 1] != ZSTD)
		return false;
	struct more *more = sp_parse_extend(p);
	struct in_parts *m = more ? &more->side[p->side] : NULL;
	if (!m || !sp_zstd_parts_begin(&m->parts, (struct sp_slice){p->in.p + at, view - at}) ||
	    !compressed_head(p, &b.c, &m->op, &m->size, &compressor))
		return false;
	m->to = h->to;
	set_kind(p, st, h, &b, reply);
	p->msg.part = SP_PART_HEAD;
	o->id = p->msg.id;
	o->kind = p->msg.kind;
	o->left = h->size;
	o->in_parts = true;
	to_next_part(p, o, &m->parts, view);
	return true;
}

/* Says what it is, if all that is wanted is there. It ends with its last byte. */
static enum sp_parse_result end_parts(struct sp_parse *p, struct open *o, struct in_parts *m)
{
	uint32_t skip, need;
	uint8_t *out = sp_arena_get(p->arena, MONGODB_VIEW);
	struct body b = {.walk = &o->walk, .size = m->size, .to = m->to};
	bool all = out && !sp_zstd_parts_next(&m->parts, &skip, &need);
	b.c = sp_cursor((struct sp_slice){out, all ? sp_zstd_parts(&m->parts, out, MONGODB_VIEW) : 0});
	p->msg.part = SP_PART_TAIL;
	if (describe(p, &b, m->op))
		walk_compressed(p, &b);
	p->want = o->left;
	o->left = 0;
	o->in_parts = false;
	return SP_PARSE_MSG;
}

/* The next part. */
static enum sp_parse_result go_on_in_parts(struct sp_parse *p, struct open *o)
{
	struct in_parts *m = &((struct more *)p->more)->side[p->side];
	uint32_t skip, need = 0;
	sp_zstd_parts_next(&m->parts, &skip, &need);
	need = SP_MIN(need, o->left);
	if (p->in.n < need && !p->last)
		return sp_parse_more(p, need);
	size_t n = SP_MIN(p->in.n, (size_t)need);
	sp_zstd_parts_take(&m->parts, (struct sp_slice){p->in.p, n});
	sp_msg_begin(p, o->kind, SP_PART_MIDDLE)->id = o->id;
	return to_next_part(p, o, &m->parts, n) && n == need ? SP_PARSE_MSG : end_parts(p, o, m);
}

/* How much of a message is looked at. What Zstandard compressed takes more: its blocks have to be there as a whole. */
static size_t view_of(const struct sp_parse *p, const struct mongodb_head *h)
{
	size_t at = HEADER + COMPRESSED_HEAD;
	if (h->op == OP_COMPRESSED && p->in.n < at)
		return SP_MIN((size_t)h->size, at);
	bool zstd = h->op == OP_COMPRESSED && p->in.p[at - 1] == ZSTD;
	return SP_MIN((size_t)h->size, zstd ? (size_t)SP_CARRY_MAX : (size_t)MONGODB_VIEW);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct open *o = &st->side[p->side];
	struct mongodb_head h;
	if (o->left)
		return o->in_parts ? go_on_in_parts(p, o) : go_on(p, o);
	if (p->in.n < HEADER)
		return sp_parse_more(p, HEADER);
	if (!mongodb_head_at(p->in, &h))
		return SP_PARSE_BAD;
	size_t view = view_of(p, &h);
	if (p->in.n < view && !p->last)
		return sp_parse_more(p, view);
	view = SP_MIN(view, p->in.n);
	bool reply = mongodb_is_reply(p, &h);
	uint32_t op = h.op;
	o->walk = (struct sp_mongodb_walk){.reply = reply};
	struct body b = {.walk = &o->walk, .size = h.size - HEADER, .to = h.to};
	b.c = sp_cursor((struct sp_slice){p->in.p + HEADER, view - HEADER});
	p->reversed = reply == (p->side == SP_CLIENT);
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	if (SP_UNLIKELY(op == OP_COMPRESSED) && begin_parts(p, st, &h, view, reply))
		return SP_PARSE_MSG;
	if (op == OP_COMPRESSED && !decompress(p, &b, &op))
		return SP_PARSE_BAD;
	/* Of what was compressed and cannot be read, nothing is known. */
	if (!describe(p, &b, op) && h.op != OP_COMPRESSED)
		return SP_PARSE_BAD;
	set_kind(p, st, &h, &b, reply);
	if (h.op == OP_COMPRESSED)
		return compressed(p, &h, &b);
	o->id = p->msg.id;
	o->kind = p->msg.kind;
	o->left = h.size - (uint32_t)(b.c.p - p->in.p);
	return walk(p, o, b.c, true);
}

static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	st->side[p->side].left = 0;
	st->side[p->side].in_parts = false;
	for (size_t at = 0; at + HEADER + 4 <= p->in.n; at++) {
		struct sp_parse from = {.in = {p->in.p + at, p->in.n - at}, .side = p->side};
		if (mongodb_is_opcode(sp_load32(from.in.p + 12)) && sp_mongodb_probe(&from) == SP_PROBE_YES)
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {27017, 27018, 27019, 0};

static const struct sp_start starts[] = {
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

#ifdef SP_WITH_VECTORS
#include "parsers/mongodb_vectors.h"
#endif

const struct sp_parser sp_mongodb_parser = {
	.name = "mongodb",
	.title = "MongoDB",
	.missing = "of compressed messages, what is behind the first 4096 bytes",
	.app = SP_APP_MONGODB,
	.transports = SP_TCP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = sp_mongodb_probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
