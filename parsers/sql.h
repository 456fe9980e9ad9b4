/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of databases share: a statement read once for its verb, its tables, the trace context in its
 * comments, its text with the values hidden, and its digest; and a store for what prepared statements were. */
#ifndef SP_PARSERS_SQL_H
#define SP_PARSERS_SQL_H

#include "parsers/parser.h"

enum {
	SP_SQL_SEEN_MAX = 8192, /* of a statement; what follows is not looked at */
	SP_SQL_TEXT_MAX = 4096,
	SP_SQL_DIGEST_MAX = 1024,
	SP_SQL_TABLES_MAX = 4,
	SP_SQL_VERB_MAX = 24,
};

enum sp_sql_dialect { SP_SQL_GENERIC, SP_SQL_MYSQL, SP_SQL_POSTGRESQL };

struct sp_sql_how {
	uint8_t dialect; /* enum sp_sql_dialect */
	bool backslash;	 /* it escapes in an ordinary string */
};

/* The same slice may be both text and digest. */
struct sp_sql {
	struct sp_slice verb;	/* in upper case: SELECT, CREATE; of WITH the main statement's; empty: no statement */
	struct sp_slice text;	/* without comments, each value a ?, spaces where they were; as sent when p->reveal */
	struct sp_slice digest; /* the text with every list of values cut to its first, and only ? for parameters */
	struct sp_slice tables; /* as they are named, without quotes, the first few, a comma between them */
};

/* Trace context goes into the slots of p->msg, the rest into p->arena. The statement may be cut anywhere. Values of
 * statements that speak of passwords are hidden even when p->reveal. */
struct sp_sql sp_sql_read(struct sp_parse *p, struct sp_slice statement, struct sp_sql_how how);

/* Into method, resource and endpoint, and tables as the extra of that number. */
void sp_sql_describe(struct sp_msg *m, const struct sp_sql *sql, uint8_t tables_field);

/* A message of the server about a statement, where whatever stands between such quotes may be a value: each of them
 * becomes a ?. */
struct sp_slice sp_sql_hide_quoted(struct sp_arena *a, struct sp_slice message, char quote);

enum { SP_SQL_KEPT = 128, SP_SQL_KEPT_BYTES = 16384, SP_SQL_KEPT_TEXT_MAX = 2048 };

struct sp_sql_kept {
	uint64_t key;
	uint64_t at; /* of all the bytes that were ever kept */
	uint16_t text, digest, tables;
	uint8_t verb;
	bool used, same; /* the digest is the text */
	char name[SP_SQL_VERB_MAX];
};

/* Statements by key: the latest that there is room for. Zeroed is empty. */
struct sp_sql_store {
	uint64_t written;
	struct sp_sql_kept kept[SP_SQL_KEPT];
	uint8_t bytes[SP_SQL_KEPT_BYTES];
};

void sp_sql_keep(struct sp_sql_store *s, uint64_t key, const struct sp_sql *sql);
bool sp_sql_find(const struct sp_sql_store *s, uint64_t key, struct sp_sql *ret);
void sp_sql_forget(struct sp_sql_store *s, uint64_t key);
/* What was kept as `from` is `to`, too, or only. */
void sp_sql_rename(struct sp_sql_store *s, uint64_t from, uint64_t to);
void sp_sql_copy(struct sp_sql_store *s, uint64_t from, uint64_t to);

#endif
