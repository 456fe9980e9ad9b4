/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL, protocol 3 (https://www.postgresql.org/docs/current/protocol.html): simple and extended queries, in
 * pipelines too, COPY, function calls, replication. An Execute with what was parsed and bound for it is one request, a
 * sync before which nothing was executed another. */
#include "parsers/postgresql_priv.h"

enum {
	PROTOCOL_3 = 3 << 16,
	CANCEL = 80877102,
	WANTS_TLS = 80877103,
	WANTS_GSS = 80877104,
};

/* The client's messages of one call. */
struct asking {
	struct sp_parse *p;
	struct sp_pg *st;
	struct pg_message k;
	size_t at, first;
};

/* --- names of statements and portals --- */

static uint64_t key_of(uint8_t type, struct sp_slice name)
{
	uint64_t h = type * 0x100000001b3u + 0xcbf29ce484222325u;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ name.p[i]) * 0x100000001b3u;
	return h;
}

/* --- before the first message --- */

static void parameters(struct sp_pg *st, struct sp_msg *m, struct sp_slice s)
{
	struct sp_slice user = {0}, database = {0};
	while (s.n > 1) {
		struct sp_slice key = pg_text(&s), value = pg_text(&s);
		if (sp_slice_is(key, "user"))
			user = value;
		else if (sp_slice_is(key, "database"))
			database = value;
		else if (sp_slice_is(key, "application_name"))
			sp_msg_extra(m, PG_PROGRAM, value);
	}
	database = database.n ? database : user;
	st->database_n = (uint8_t)SP_MIN(database.n, (size_t)PG_NAME_MAX);
	if (st->database_n)
		memcpy(st->database, database.p, st->database_n);
	sp_msg_put(m, SP_SLOT_HOST, database);
	sp_msg_extra(m, PG_USER, user);
}

static struct sp_msg *begin(struct sp_parse *p, struct sp_pg *st, enum sp_msg_kind kind, const char *method)
{
	struct sp_msg *m = sp_msg_begin(p, kind, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(method)));
	sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){(const uint8_t *)st->database, st->database_n});
	m->id = kind == SP_MSG_ONEWAY ? PG_ALONE | st->orphans++ : st->next_id++;
	return m;
}

static enum sp_parse_result startup(struct sp_parse *p, struct sp_pg *st)
{
	if (p->in.n < 8)
		return sp_parse_more(p, 8);
	uint32_t n = sp_be32(p->in.p), code = sp_be32(p->in.p + 4);
	if (n < 8 || n > PG_STARTUP_MAX)
		return SP_PARSE_BAD;
	size_t need = SP_MIN(n, (uint32_t)PG_STARTUP_SEEN), used = SP_MIN((size_t)n, p->in.n);
	if (code == WANTS_TLS || code == WANTS_GSS) {
		st->awaits_letter = true;
		return sp_parse_skip(p, used, n - used);
	}
	if (p->in.n < need && !p->last)
		return sp_parse_more(p, need);
	if (code == CANCEL) {
		/* The key after the process's number is a secret. */
		struct sp_msg *m = begin(p, st, SP_MSG_ONEWAY, "CANCEL");
		if (used >= 12)
			sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, sp_be32(p->in.p + 8)));
	} else if ((code & 0xffff0000) == PROTOCOL_3) {
		struct sp_msg *m = begin(p, st, SP_MSG_REQUEST, "LOGIN");
		m->tag = PG_LOGIN;
		sp_msg_put(m, SP_SLOT_VERSION, SP_JOIN(p->arena, SP_TEXT("3."), sp_arena_u64(p->arena, code & 0xffff)));
		parameters(st, m, (struct sp_slice){p->in.p + 8, SP_MIN(need, p->in.n) - 8});
		st->started = true;
		st->awaits_letter = false;
		pg_sync(st);
	} else {
		return SP_PARSE_BAD;
	}
	p->want = n - used;
	return sp_parse_msg(p, used);
}

/* --- extended queries --- */

/* The message belongs to the request that is open, or opens one. */
static void belongs(struct asking *a)
{
	struct sp_pg *st = a->st;
	if (!st->open) {
		st->open = true;
		st->request_bytes = 0;
		a->first = a->at;
	}
	st->request_bytes += a->k.total;
}

/* The open request in p->msg: what Parse found in its comments is there already. */
static struct sp_msg *part(struct asking *a, bool last)
{
	struct sp_pg *st = a->st;
	struct sp_msg *m = &a->p->msg;
	m->kind = SP_MSG_REQUEST;
	m->part = st->open_sent ? SP_PART_TAIL : last ? SP_PART_WHOLE : SP_PART_HEAD;
	m->tag = PG_EXTENDED;
	m->id = st->next_id;
	m->first = (uint32_t)a->first;
	m->bytes = st->request_bytes;
	st->request_bytes = 0;
	st->open_sent = !last;
	if (last) {
		st->open = false;
		st->next_id++;
	}
	return m;
}

static enum sp_parse_result finish(struct asking *a, const char *method, uint64_t key, bool executes)
{
	struct sp_pg *st = a->st;
	struct sp_msg *m = part(a, true);
	struct sp_sql sql;
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(method)));
	sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){(const uint8_t *)st->database, st->database_n});
	if (a->p->more && sp_sql_find(a->p->more, key, &sql)) {
		sp_sql_describe(m, &sql, PG_TABLES);
		if (!executes || !sql.verb.n)
			sp_msg_put(m, SP_SLOT_METHOD, sp_slice_of(method));
		if (!sql.digest.n)
			sp_msg_put(m, SP_SLOT_ENDPOINT, sp_msg_slot(m, SP_SLOT_METHOD));
	}
	return SP_PARSE_MSG;
}

static struct sp_sql_how how(const struct sp_pg *st)
{
	return (struct sp_sql_how){SP_SQL_POSTGRESQL, st->backslash};
}

static void parse_message(struct asking *a)
{
	struct sp_slice s = a->k.body, name = pg_text(&s);
	struct sp_sql sql = sp_sql_read(a->p, pg_text(&s), how(a->st));
	struct sp_sql_store *store = sp_parse_extend(a->p);
	a->st->parsed = key_of('S', name);
	a->st->has_parse = true;
	if (store)
		sp_sql_keep(store, a->st->parsed, &sql);
}

static void bind_message(struct asking *a)
{
	struct sp_slice s = a->k.body, portal = pg_text(&s), statement = pg_text(&s);
	a->st->has_bind = true;
	if (a->p->more)
		sp_sql_copy(a->p->more, key_of('S', statement), key_of('P', portal));
}

/* A sync: what was parsed or described without being executed is a request, too, and so is a sync by itself. */
static enum sp_parse_result sync_message(struct asking *a)
{
	struct sp_pg *st = a->st;
	bool alone = !st->open && !st->has_execute;
	const char *method = st->has_parse ? "PREPARE" : st->has_bind ? "BIND" : "DESCRIBE";
	uint64_t key = st->has_parse ? st->parsed : 0;
	enum sp_parse_result rc = SP_PARSE_SKIP;
	if (alone) {
		struct sp_msg *m = begin(a->p, st, SP_MSG_REQUEST, "SYNC");
		m->tag = PG_QUERY;
		m->first = (uint32_t)a->at;
		m->bytes = a->k.total;
		rc = SP_PARSE_MSG;
	} else if (st->open) {
		belongs(a);
		rc = finish(a, method, key, false);
	}
	st->has_parse = st->has_bind = st->has_execute = false;
	pg_sync(st);
	return rc;
}

static enum sp_parse_result execute_message(struct asking *a)
{
	struct sp_slice s = a->k.body;
	belongs(a);
	a->st->has_execute = true;
	a->st->has_parse = a->st->has_bind = false;
	return finish(a, "EXECUTE", key_of('P', pg_text(&s)), true);
}

static void close_message(struct asking *a)
{
	if (a->p->more && a->k.body.n && *a->k.body.p == 'S') {
		struct sp_slice s = {a->k.body.p + 1, a->k.body.n - 1};
		sp_sql_forget(a->p->more, key_of('S', pg_text(&s)));
	}
	if (a->st->open)
		a->st->request_bytes += a->k.total;
}

/* --- the others --- */

static enum sp_parse_result query_message(struct asking *a)
{
	struct sp_msg *m = begin(a->p, a->st, SP_MSG_REQUEST, "QUERY");
	struct sp_slice s = a->k.body;
	struct sp_sql sql = sp_sql_read(a->p, pg_text(&s), how(a->st));
	m->tag = PG_QUERY;
	m->first = (uint32_t)a->at;
	m->bytes = a->k.total;
	if (sql.verb.n)
		sp_sql_describe(m, &sql, PG_TABLES);
	pg_sync(a->st);
	return SP_PARSE_MSG;
}

static enum sp_parse_result other_message(struct asking *a)
{
	bool call = a->k.type == 'F';
	struct sp_msg *m = begin(a->p, a->st, call ? SP_MSG_REQUEST : SP_MSG_ONEWAY, call ? "FUNCTION" : "TERMINATE");
	m->first = (uint32_t)a->at;
	m->bytes = a->k.total;
	if (!call)
		return SP_PARSE_MSG;
	m->tag = PG_QUERY;
	if (a->k.body.n >= 4)
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_arena_u64(a->p->arena, sp_be32(a->k.body.p)));
	pg_sync(a->st);
	return SP_PARSE_MSG;
}

/* SP_PARSE_SKIP: the message is done with, and there is none to send. */
static enum sp_parse_result message(struct asking *a)
{
	switch (a->k.type) {
	case 'P':
		parse_message(a);
		belongs(a);
		return SP_PARSE_SKIP;
	case 'B':
		bind_message(a);
		belongs(a);
		return SP_PARSE_SKIP;
	case 'D':
		belongs(a);
		return SP_PARSE_SKIP;
	case 'E':
		return execute_message(a);
	case 'S':
		return sync_message(a);
	case 'Q':
		return query_message(a);
	case 'F':
	case 'X':
		return other_message(a);
	case 'C':
		close_message(a);
		return SP_PARSE_SKIP;
	case 'H': /* flush */
	case 'd': /* COPY's */
	case 'c':
	case 'f':
	case 'p': /* proof of who it is: not looked at */
		return SP_PARSE_SKIP;
	default:
		return SP_PARSE_BAD;
	}
}

/* How much of a message's body has to be there. */
static size_t looked_at(const struct pg_message *k)
{
	size_t n = (size_t)k->total - PG_HEAD;
	switch (k->type) {
	case 'P':
		return SP_MIN(n, (size_t)PG_NAME_MAX + SP_SQL_SEEN_MAX);
	case 'Q':
		return SP_MIN(n, (size_t)SP_SQL_SEEN_MAX);
	case 'B':
		return SP_MIN(n, (size_t)2 * PG_NAME_MAX);
	case 'E':
	case 'C':
		return SP_MIN(n, (size_t)1 + PG_NAME_MAX);
	case 'F':
		return SP_MIN(n, (size_t)4);
	default:
		return 0;
	}
}

/* The messages before `at` are done with, and `skip` bytes after it. Then `want` more are needed to go on. */
static enum sp_parse_result pause(struct asking *a, size_t at, uint64_t skip, size_t want)
{
	if (!at)
		return sp_parse_more(a->p, want);
	a->p->used = at;
	a->p->want = skip;
	if (!a->st->open || a->st->open_sent)
		return SP_PARSE_SKIP;
	part(a, false);
	return SP_PARSE_MSG;
}

static enum sp_parse_result from_client(struct sp_parse *p, struct sp_pg *st)
{
	struct asking a = {.p = p, .st = st};
	if (!st->started && *p->in.p == 0)
		return startup(p, st);
	st->started = true;
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	for (;;) {
		size_t left = p->in.n - a.at;
		if (left < PG_HEAD)
			return pause(&a, a.at, 0, PG_HEAD);
		if (!pg_message_at(p->in, a.at, &a.k))
			return SP_PARSE_BAD;
		size_t need = looked_at(&a.k);
		if (a.k.body.n < need && !p->last)
			return pause(&a, a.at, 0, PG_HEAD + need);
		uint64_t skip = a.k.total > left ? a.k.total - left : 0;
		size_t used = a.at + (size_t)(a.k.total - skip);
		enum sp_parse_result rc = message(&a);
		if (rc == SP_PARSE_BAD)
			return rc;
		p->used = used;
		p->want = skip;
		if (rc == SP_PARSE_MSG)
			return rc;
		if (skip)
			return pause(&a, used, skip, 0);
		a.at = used;
	}
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	return p->side == SP_CLIENT ? from_client(p, p->state) : sp_pg_reply(p, p->state);
}

/* --- who it is --- */

static const char client_types[] = "PBDESQFHCXdcfp", server_types[] = "123ACDEGHIKNRSTVWZcdntsv";

/* How many messages of a side there are from `at` on, up to `max`. False: something there is none. `whole`: the last
 * one ends with the bytes. */
static bool chain(struct sp_slice in, size_t at, const char *types, unsigned max, unsigned *n, bool *whole)
{
	*whole = false;
	for (*n = 0; *n < max && at < in.n; ++*n) {
		struct pg_message k;
		if (!memchr(types, in.p[at], strlen(types)))
			return false;
		if (in.n - at < PG_HEAD)
			return in.n - at < 2 || in.p[at + 1] < 0x40;
		if (!pg_message_at(in, at, &k))
			return false;
		if (k.total > in.n - at)
			return true;
		at += (size_t)k.total;
	}
	*whole = at == in.n;
	return true;
}

static enum sp_probe starts_up(struct sp_slice in)
{
	if (in.n < 8)
		return in.n >= 3 && in.p[2] > PG_STARTUP_MAX >> 8 ? SP_PROBE_NO : SP_PROBE_MAYBE;
	uint32_t n = sp_be32(in.p), code = sp_be32(in.p + 4);
	if (code == WANTS_TLS || code == WANTS_GSS)
		return n == 8 ? SP_PROBE_YES : SP_PROBE_NO;
	if (code == CANCEL)
		return n >= 12 && n <= 268 ? SP_PROBE_YES : SP_PROBE_NO;
	if (code < PROTOCOL_3 || code > PROTOCOL_3 + 99 || n < 9 || n > PG_STARTUP_MAX)
		return SP_PROBE_NO;
	/* A name begins; the last byte is the end of the list. */
	bool name = in.n < 9 || (in.p[8] >= '_' && in.p[8] <= 'z') || (n == 9 && !in.p[8]);
	return !name || (in.n >= n && in.p[n - 1]) ? SP_PROBE_NO : in.n < 9 ? SP_PROBE_MAYBE : SP_PROBE_YES;
}

/* A query or a pipeline that ends with the bytes. */
static enum sp_probe asks(struct sp_slice in)
{
	unsigned n;
	bool whole;
	if (!chain(in, 0, client_types, 16, &n, &whole))
		return SP_PROBE_NO;
	bool query = *in.p == 'Q' && in.n > PG_HEAD + 6 && in.p[PG_HEAD] >= ' ' && in.p[PG_HEAD] < 0x7f;
	bool sync = in.n >= PG_HEAD && !memcmp(in.p + in.n - PG_HEAD, "S\0\0\0\4", PG_HEAD);
	if (whole && ((query && n == 1 && !in.p[in.n - 1]) || (sync && n > 1)))
		return SP_PROBE_YES;
	return SP_PROBE_MAYBE;
}

/* A response that ends with ReadyForQuery, or a wish for proof. */
static enum sp_probe answers(struct sp_slice in)
{
	unsigned n;
	bool whole;
	if (in.n == 1)
		return *in.p == 'S' || *in.p == 'N'	 ? SP_PROBE_MAYBE
		       : memchr(server_types, *in.p, 24) ? SP_PROBE_MAYBE
							 : SP_PROBE_NO;
	if (!chain(in, 0, server_types, 16, &n, &whole))
		return SP_PROBE_NO;
	bool proof = *in.p == 'R' && in.n >= 9 && sp_be32(in.p + 1) < 64 && sp_be32(in.p + 5) <= 12;
	bool ready = in.n >= 6 && !memcmp(in.p + in.n - 6, "Z\0\0\0\5", 5) && memchr("ITE", in.p[in.n - 1], 3);
	return (whole && ready) || proof ? SP_PROBE_YES : SP_PROBE_MAYBE;
}

static enum sp_probe probe(struct sp_parse *p)
{
	enum sp_probe rc;
	if (*p->in.p == 0) {
		rc = starts_up(p->in);
		p->reversed = rc == SP_PROBE_YES && p->side == SP_SERVER;
		return rc;
	}
	enum sp_probe client = asks(p->in), server = answers(p->in);
	rc = p->side == SP_CLIENT ? client : server;
	enum sp_probe other = p->side == SP_CLIENT ? server : client;
	if (other == SP_PROBE_YES && rc != SP_PROBE_YES) {
		p->reversed = true;
		return other;
	}
	return rc;
}

/* Several messages in a row that end with the bytes, or one that is all there is. */
static size_t resync(struct sp_parse *p)
{
	struct sp_pg *st = p->state;
	const char *types = p->side == SP_CLIENT ? client_types : server_types;
	if (p->side == SP_CLIENT) {
		st->next_id += st->open_sent;
		st->open = st->open_sent = st->has_parse = st->has_bind = st->has_execute = false;
		st->request_bytes = 0;
	}
	/* Nobody knows what was answered: whatever was asked until now is given up. */
	st->cur_id = st->ready_id = st->synced_id = st->next_id;
	st->run_n = st->run_at = 0;
	st->orphan = st->begun = st->errored = st->failed = st->affects = st->returns = st->awaits_letter = false;
	st->reply = PG_NONE;
	st->rows = st->affected = st->reply_bytes = 0;
	st->started = true;
	for (size_t at = 0; at + PG_HEAD <= p->in.n; at++) {
		unsigned n;
		bool whole;
		if (chain(p->in, at, types, 16, &n, &whole) && (whole || n > 2))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {5432, 6432, 5433, 26257, 0};

#define CLIENTS(letter) SP_START_TEXT(letter, 0, SP_FROM_CLIENT | SP_FROM_SERVER)
/* Lengths begin with a zero byte, if they are not too large for that. */
static const struct sp_start starts[] = {
	SP_START_TEXT(0, 0, SP_FROM_CLIENT | SP_FROM_SERVER),
	CLIENTS('P'),
	CLIENTS('B'),
	CLIENTS('D'),
	CLIENTS('E'),
	CLIENTS('S'),
	CLIENTS('Q'),
	CLIENTS('F'),
	CLIENTS('H'),
	CLIENTS('C'),
	CLIENTS('X'),
	CLIENTS('d'),
	CLIENTS('c'),
	CLIENTS('f'),
	CLIENTS('p'),
	CLIENTS('1'),
	CLIENTS('2'),
	CLIENTS('3'),
	CLIENTS('A'),
	CLIENTS('G'),
	CLIENTS('I'),
	CLIENTS('K'),
	CLIENTS('N'),
	CLIENTS('R'),
	CLIENTS('T'),
	CLIENTS('V'),
	CLIENTS('W'),
	CLIENTS('Z'),
	CLIENTS('n'),
	CLIENTS('t'),
	CLIENTS('s'),
	CLIENTS('v'),
	{0},
};

static const char *const fields[] = {
	[PG_TABLES] = "db.collection.name",
	[PG_ROWS] = "db.response.returned_rows",
	[PG_AFFECTED] = "db.postgresql.affected_rows",
	[PG_SEVERITY] = "db.postgresql.severity",
	[PG_USER] = "db.user",
	[PG_PROGRAM] = "db.client.program",
	[PG_VERSION] = "db.postgresql.server_version",
	[PG_NOTICE] = "db.postgresql.notice",
	[PG_NOTICE + 1] = NULL,
};

const struct sp_parser sp_postgresql_parser = {
	.name = "postgresql",
	.title = "PostgreSQL",
	.missing = "protocol 2; what is inside COPY and replication; values of parameters; what of a statement follows "
		   "its first 8 KiB; of the requests that a server passes over after an error more than 129",
	.app = SP_APP_POSTGRESQL,
	.transports = SP_TCP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct sp_pg),
	.more_size = sizeof(struct sp_sql_store),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(sp_postgresql_vectors),
};
