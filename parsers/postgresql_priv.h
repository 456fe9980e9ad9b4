/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the PostgreSQL parser share. After the first packet every message is a letter, four bytes length
 * (which count themselves), and a body. */
#ifndef SP_PARSERS_POSTGRESQL_PRIV_H
#define SP_PARSERS_POSTGRESQL_PRIV_H

#include "base/cursor.h"
#include "parsers/sql.h"

enum {
	PG_HEAD = 5,
	PG_NAME_MAX = 64, /* of identifiers, with the zero byte */
	PG_LENGTH_MAX = 0x3fffffff,
	PG_STARTUP_MAX = 10000,
	PG_STARTUP_SEEN = 4096,
	PG_FIELDS_MAX = 2048, /* of an error that are read */
	PG_RUNS = 8,
};

enum pg_field { PG_TABLES, PG_ROWS, PG_AFFECTED, PG_SEVERITY, PG_USER, PG_PROGRAM, PG_VERSION, PG_NOTICE };

/* What ends a response; a request's tag. */
enum pg_request {
	PG_NONE,
	PG_QUERY,    /* ReadyForQuery; so do a function call, and a sync without anything */
	PG_EXTENDED, /* the end of an Execute, an error, or ReadyForQuery when nothing was executed */
	PG_LOGIN,    /* ReadyForQuery or an error */
};

/* Ids of what pairs with nothing. */
#define PG_ALONE (1ull << 32)

/* Requests pair by a number that both sides count: after an error the server answers nothing up to the next sync, so
 * that the order alone would not do. For that it has to be known which requests stand before which sync: `runs` of
 * syncs with as many requests before each. */
struct pg_run {
	uint16_t requests, syncs;
};

struct sp_pg {
	uint32_t next_id, cur_id, orphans;
	uint64_t request_bytes, reply_bytes; /* of open messages, not yet reported */
	uint64_t rows, affected;
	uint64_t parsed;	      /* key of the statement parsed last */
	uint32_t synced_id, ready_id; /* the next request's when the latest sync was sent, and answered */
	struct pg_run run[PG_RUNS];   /* of syncs that were not answered */
	uint8_t run_at, run_n;
	bool started, awaits_letter; /* the answer to a wish for encryption is one letter */
	bool open, open_sent;	     /* a request was begun; its head was sent */
	bool has_parse, has_bind, has_execute;
	bool backslash;
	uint8_t reply;	       /* enum pg_request of the open response */
	bool begun, errored;   /* its head was sent; it failed */
	bool orphan;	       /* its request was not seen */
	bool failed;	       /* the server passes over what comes before the next sync */
	bool affects, returns; /* what its commands say about rows */
	uint8_t marked;	       /* requests passed over that were given an answer */
	uint8_t database_n;
	char database[PG_NAME_MAX];
};

/* A message's head and what is there of its body. */
struct pg_message {
	uint8_t type;
	struct sp_slice body;
	uint64_t total; /* with its head */
};

/* False: no such length. `at` has PG_HEAD bytes at least. */
static inline bool pg_message_at(struct sp_slice in, size_t at, struct pg_message *m)
{
	uint32_t n = sp_be32(in.p + at + 1);
	if (n < 4 || n > PG_LENGTH_MAX)
		return false;
	m->type = in.p[at];
	m->total = 1 + (uint64_t)n;
	m->body = (struct sp_slice){in.p + at + PG_HEAD, SP_MIN((size_t)n - 4, in.n - at - PG_HEAD)};
	return true;
}

/* Takes text up to a zero byte off the front. */
static inline struct sp_slice pg_text(struct sp_slice *s)
{
	const uint8_t *end = s->n ? memchr(s->p, 0, s->n) : NULL;
	struct sp_slice ret = {s->p, end ? (size_t)(end - s->p) : s->n};
	size_t used = ret.n + (end ? 1 : 0);
	s->p += used;
	s->n -= used;
	return ret;
}

/* The client sent a sync. */
static inline void pg_sync(struct sp_pg *st)
{
	uint16_t requests = (uint16_t)(st->next_id - st->synced_id);
	struct pg_run *last = &st->run[(st->run_at + st->run_n + PG_RUNS - 1) % PG_RUNS];
	st->synced_id = st->next_id;
	if (st->run_n && (last->requests == requests || st->run_n == PG_RUNS) && last->syncs < UINT16_MAX)
		last->syncs++;
	else if (st->run_n < PG_RUNS)
		st->run[(st->run_at + st->run_n++) % PG_RUNS] = (struct pg_run){requests, 1};
}

/* How many requests stand before the sync that is to be answered next, from the one on that is; INT32_MAX: none is. */
static inline int32_t pg_before_sync(const struct sp_pg *st)
{
	return st->run_n ? (int32_t)(st->ready_id + st->run[st->run_at].requests - st->cur_id) : INT32_MAX;
}

/* The server answered a sync. */
static inline void pg_ready(struct sp_pg *st)
{
	if (!st->run_n)
		return;
	int32_t left = pg_before_sync(st);
	st->cur_id += left > 0 ? (uint32_t)left : 0;
	st->ready_id += st->run[st->run_at].requests;
	if (--st->run[st->run_at].syncs)
		return;
	st->run_at = (st->run_at + 1) % PG_RUNS;
	st->run_n--;
}

/* postgresql_reply.c: the server's messages. */
enum sp_parse_result sp_pg_reply(struct sp_parse *p, struct sp_pg *st);

/* postgresql_error.c: an error's or notice's fields; code, message and status go into the message. True: it is fatal.
 */
bool sp_pg_error(struct sp_parse *p, struct sp_msg *m, struct sp_slice body, bool notice);

#ifdef SP_WITH_VECTORS
extern const struct sp_vector sp_postgresql_vectors[];
#endif

#endif
