/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's server side. Messages of one response are passed over by their heads, rows counted; what ends it is
 * read. */
#include "parsers/postgresql_priv.h"

enum step {
	GO_ON, /* the message is done with */
	SENT,  /* likewise, and p->msg is to be sent */
	AGAIN, /* likewise, but the message is not done with yet */
};

struct reply {
	struct sp_parse *p;
	struct sp_pg *st;
	struct pg_message k;
	size_t at, first; /* of the message; of the response's first one in this call */
};

/* What the next response answers: not requests behind the sync that the server has yet to come to. */
static uint8_t asked(struct sp_parse *p, const struct sp_pg *st)
{
	uint32_t tag;
	if (pg_before_sync(st) <= 0)
		return PG_NONE;
	return p->asked(p, st->cur_id, &tag) ? (uint8_t)tag : PG_NONE;
}

static void number(struct sp_parse *p, struct sp_msg *m, uint8_t field, uint64_t v)
{
	sp_msg_extra(m, field, sp_arena_u64(p->arena, v));
}

static uint64_t id_of(const struct sp_pg *st)
{
	return st->orphan ? PG_ALONE | st->orphans : st->cur_id;
}

/* The message belongs to the open response. */
static enum step belongs(struct reply *r)
{
	if (!r->st->begun && !r->st->reply_bytes)
		r->first = r->at;
	r->st->reply_bytes += r->k.total;
	return GO_ON;
}

/* What there is of the response, as its head or a later part. */
static struct sp_msg *part(struct reply *r)
{
	struct sp_pg *st = r->st;
	struct sp_msg *m = sp_msg_begin(r->p, SP_MSG_RESPONSE, st->begun ? SP_PART_MIDDLE : SP_PART_HEAD);
	m->id = id_of(st);
	m->first = (uint32_t)r->first;
	m->bytes = st->reply_bytes;
	st->reply_bytes = 0;
	st->begun = true;
	return m;
}

/* That part is the last one. */
static void end(struct reply *r, struct sp_msg *m)
{
	struct sp_pg *st = r->st;
	m->part = m->part == SP_PART_HEAD ? SP_PART_WHOLE : SP_PART_TAIL;
	if (st->returns || st->rows)
		number(r->p, m, PG_ROWS, st->rows);
	if (st->affects)
		number(r->p, m, PG_AFFECTED, st->affected);
	st->cur_id += !st->orphan;
	st->orphans += st->orphan;
	st->orphan = st->begun = st->errored = st->affects = st->returns = false;
	st->rows = st->affected = 0;
	st->reply = PG_NONE;
}

static enum step finish(struct reply *r)
{
	belongs(r);
	struct sp_msg *m = part(r);
	m->status = r->st->errored ? SP_STATUS_NONE : SP_STATUS_OK;
	end(r, m);
	return SENT;
}

/* A record of its own. */
static struct sp_msg *alone(struct reply *r, const char *method)
{
	struct sp_msg *m = sp_msg_begin(r->p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	m->id = PG_ALONE | r->st->orphans++;
	m->first = (uint32_t)r->at;
	m->bytes = r->k.total;
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(method)));
	sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){(const uint8_t *)r->st->database, r->st->database_n});
	return m;
}

/* "INSERT 0 5", "SELECT 5", "CREATE TABLE". */
static void command_tag(struct sp_pg *st, struct sp_slice body)
{
	struct sp_slice tag = pg_text(&body);
	uint64_t v = 0, scale = 1;
	size_t i = tag.n;
	for (; i > 0 && tag.n - i < 18 && tag.p[i - 1] >= '0' && tag.p[i - 1] <= '9'; i--, scale *= 10)
		v += (uint64_t)(tag.p[i - 1] - '0') * scale;
	if (i == tag.n || !i || tag.p[i - 1] != ' ')
		return;
	if (!memcmp(tag.p, "SELECT", SP_MIN(i, (size_t)6)) || !memcmp(tag.p, "FETCH", SP_MIN(i, (size_t)5))) {
		st->returns = true;
		return;
	}
	st->affects = true;
	st->affected += v;
}

static enum step complete(struct reply *r)
{
	command_tag(r->st, r->k.body);
	return r->st->reply == PG_EXTENDED ? finish(r) : belongs(r);
}

static enum step error(struct reply *r)
{
	struct sp_pg *st = r->st;
	if (st->reply == PG_NONE) {
		sp_pg_error(r->p, alone(r, "ERROR"), r->k.body, false);
		return SENT;
	}
	belongs(r);
	struct sp_msg *m = part(r);
	bool fatal = sp_pg_error(r->p, m, r->k.body, false);
	st->errored = true;
	st->failed = st->reply == PG_EXTENDED;
	if (fatal || st->reply != PG_QUERY)
		end(r, m);
	return SENT;
}

/* About a request that is open, or by itself. */
static enum step notice(struct reply *r)
{
	struct sp_msg *m;
	if (r->st->reply) {
		m = sp_msg_begin(r->p, SP_MSG_INTERIM, SP_PART_WHOLE);
		m->id = id_of(r->st);
		m->first = (uint32_t)r->at;
		m->bytes = r->k.total;
	} else {
		m = alone(r, "NOTICE");
	}
	sp_pg_error(r->p, m, r->k.body, true);
	return SENT;
}

/* What another session said by NOTIFY: its channel is shown, its text is a value. */
static enum step notification(struct reply *r)
{
	struct sp_msg *m = alone(r, "NOTIFICATION");
	struct sp_slice s = r->k.body;
	if (s.n > 4) {
		s = (struct sp_slice){s.p + 4, s.n - 4};
		sp_msg_put(m, SP_SLOT_RESOURCE, pg_text(&s));
	}
	return SENT;
}

static enum step parameter(struct reply *r)
{
	struct sp_slice s = r->k.body, key = pg_text(&s), value = pg_text(&s);
	if (sp_slice_is(key, "standard_conforming_strings"))
		r->st->backslash = sp_slice_is(value, "off");
	if (r->st->reply != PG_LOGIN)
		return r->st->reply ? belongs(r) : GO_ON;
	belongs(r);
	if (!sp_slice_is(key, "server_version"))
		return GO_ON;
	sp_msg_extra(part(r), PG_VERSION, value);
	return SENT;
}

/* An answer of ours to a request that the server passed over after an error, as it does up to the next sync. */
static enum step skipped(struct reply *r, bool last)
{
	if (last)
		belongs(r);
	struct sp_msg *m = part(r);
	if (!last)
		m->first = (uint32_t)r->at;
	m->status = SP_STATUS_UNKNOWN;
	sp_msg_put(m, SP_SLOT_MESSAGE, SP_TEXT("not executed: an earlier request before the same sync failed"));
	end(r, m);
	return last ? SENT : AGAIN;
}

/* The server is ready: whatever was asked before the sync is over. */
static enum step ready(struct reply *r)
{
	struct sp_pg *st = r->st;
	enum step step = GO_ON;
	if (st->reply && st->failed && st->run_n && pg_before_sync(st) > 1 && st->marked < SP_IDLE_MAX) {
		st->marked++;
		return skipped(r, false);
	}
	if (st->reply)
		step = st->failed && !st->orphan ? skipped(r, true) : finish(r);
	st->failed = false;
	st->marked = 0;
	pg_ready(st);
	return step;
}

/* Only what nobody else sends begins a response to a request that was not seen. */
static bool begins_orphan(uint8_t type)
{
	return type == 'T' || type == 'D' || type == 'C' || type == 'G' || type == 'H' || type == 'W';
}

static enum step message(struct reply *r)
{
	struct sp_pg *st = r->st;
	switch (r->k.type) {
	case 'D':
		st->rows++;
		return belongs(r);
	case 'C':
		return complete(r);
	case 'I':
	case 's':
		return st->reply == PG_EXTENDED ? finish(r) : st->reply ? belongs(r) : GO_ON;
	case 'E':
		return error(r);
	case 'N':
		return notice(r);
	case 'A':
		return notification(r);
	case 'S':
		return parameter(r);
	case 'Z':
		return ready(r);
	case 'R': /* the server asks for proof, until it is content */
		return r->k.body.n >= 4 && !sp_be32(r->k.body.p) && st->reply ? belongs(r) : GO_ON;
	default:
		return st->reply ? belongs(r) : GO_ON;
	}
}

/* How much of a message's body has to be there. */
static size_t looked_at(const struct pg_message *k)
{
	size_t n = (size_t)k->total - PG_HEAD;
	switch (k->type) {
	case 'E':
	case 'N':
		return SP_MIN(n, (size_t)PG_FIELDS_MAX);
	case 'A':
	case 'C':
	case 'S':
		return SP_MIN(n, (size_t)2 * PG_NAME_MAX);
	case 'R':
	case 'Z':
		return SP_MIN(n, (size_t)4);
	default:
		return 0;
	}
}

static bool is_known(uint8_t type)
{
	return type > ' ' && memchr("123ACDEGHIKNRSTVWZcdntsv", type, 24);
}

/* The messages before `at` are done with, and `skip` bytes after it. Then `want` more are needed to go on. */
static enum sp_parse_result pause(struct reply *r, size_t at, uint64_t skip, size_t want)
{
	struct sp_pg *st = r->st;
	if (!at)
		return sp_parse_more(r->p, want);
	bool head = !st->begun && st->reply_bytes;
	if (head)
		part(r);
	r->p->used = at;
	r->p->want = skip;
	return head ? SP_PARSE_MSG : SP_PARSE_SKIP;
}

/* To a client that wants encryption: one letter, or an error of a server that does not know of it. */
static bool is_letter(const struct sp_parse *p, const struct sp_pg *st)
{
	return st->awaits_letter && (*p->in.p == 'S' || *p->in.p == 'G' || *p->in.p == 'N');
}

static enum sp_parse_result letter(struct sp_parse *p, struct sp_pg *st)
{
	st->awaits_letter = false;
	if (*p->in.p == 'N')
		return sp_parse_skip(p, 1, 0);
	return sp_parse_switch(p, 1, *p->in.p == 'S' ? SP_APP_TLS : 0);
}

enum sp_parse_result sp_pg_reply(struct sp_parse *p, struct sp_pg *st)
{
	struct reply r = {.p = p, .st = st};
	if (is_letter(p, st))
		return letter(p, st);
	for (;;) {
		size_t left = p->in.n - r.at;
		if (left < PG_HEAD)
			return pause(&r, r.at, 0, PG_HEAD);
		if (!pg_message_at(p->in, r.at, &r.k) || !is_known(r.k.type))
			return SP_PARSE_BAD;
		size_t need = looked_at(&r.k);
		if (r.k.body.n < need)
			return pause(&r, r.at, 0, PG_HEAD + need);
		bool apart = r.k.type == 'A' || r.k.type == 'N';
		if (apart && r.at && !st->begun && st->reply_bytes) /* a reply that it stands in the middle of */
			return pause(&r, r.at, 0, 0);
		if (!st->reply)
			st->reply = asked(p, st);
		if (!st->reply && begins_orphan(r.k.type)) {
			st->orphan = true;
			st->reply = PG_QUERY;
		}
		uint64_t skip = r.k.total > left ? r.k.total - left : 0;
		size_t used = r.at + (size_t)(r.k.total - skip);
		enum step step = message(&r);
		if (step != GO_ON) {
			p->used = step == AGAIN ? r.at : used;
			p->want = step == AGAIN ? 0 : skip;
			return SP_PARSE_MSG;
		}
		if (skip)
			return pause(&r, used, skip, 0);
		r.at = used;
	}
}
