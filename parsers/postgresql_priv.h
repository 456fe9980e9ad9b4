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
	PG_SYNCS = 32,
};

enum pg_field { PG_SYSTEM, PG_TABLES, PG_ROWS, PG_AFFECTED, PG_SEVERITY, PG_USER, PG_PROGRAM, PG_VERSION, PG_NOTICE };

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
 * that the order alone would not do. `sync` has the numbers that the answers to open syncs end before. */
struct sp_pg {
	uint32_t next_id, cur_id, orphans;
	uint64_t request_bytes, reply_bytes; /* of open messages, not yet reported */
	uint64_t rows, affected;
	uint64_t parsed; /* key of the statement parsed last */
	uint16_t sync[PG_SYNCS];
	uint8_t sync_at, sync_n;
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

static inline void pg_sync(struct sp_pg *st)
{
	if (st->sync_n < PG_SYNCS)
		st->sync[(st->sync_at + st->sync_n++) % PG_SYNCS] = (uint16_t)st->next_id;
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
