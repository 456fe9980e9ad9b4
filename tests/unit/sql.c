/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: what is shown of them, their digests, verbs, tables and trace contexts. And the store of prepared ones.
 */
#include "parsers/sql.h"

#include <stdlib.h>

#include "tests/check.h"

static uint8_t scratch[16384];
static struct sp_arena arena = {.p = scratch, .size = sizeof scratch};
static struct sp_parse p;
static char got[4][8192];

static const char *text_of(unsigned i, struct sp_slice s)
{
	snprintf(got[i], sizeof got[i], "%.*s", (int)s.n, (const char *)s.p);
	return got[i];
}

static struct sp_sql read_sql(const char *statement, struct sp_sql_how how, bool reveal)
{
	size_t n = strlen(statement);
	static uint8_t *copy;
	free(copy);
	copy = malloc(n ? n : 1); /* as large as its bytes, for sanitizers */
	memcpy(copy, statement, n);
	sp_arena_reset(&arena);
	p = (struct sp_parse){.arena = &arena, .reveal = reveal};
	sp_msg_begin(&p, SP_MSG_REQUEST, SP_PART_WHOLE);
	return sp_sql_read(&p, (struct sp_slice){copy, n}, how);
}

static const struct {
	uint8_t dialect;
	const char *statement, *verb, *text, *digest, *tables; /* digest NULL: the text */
} statements[] = {
	{SP_SQL_MYSQL, "SELECT * FROM users WHERE id = 42", "SELECT", "SELECT * FROM users WHERE id = ?", NULL,
	 "users"},
	{SP_SQL_MYSQL, "select a,b  from `shop`.`order items` where name='O''Neil' and x = \"a\\\"b\" limit 5,10;",
	 "SELECT", "select a, b from `shop`.`order items` where name=? and x = ? limit ?, ?",
	 "select a, b from `shop`.`order items` where name=? and x = ? limit ?", "shop.order items"},
	{SP_SQL_MYSQL, "SELECT 1 IN (1,2,3), (4, -5), -6, 7 - 8, a-9, +1.5e-3, .5, 0xFF, X'1F', _utf8'x', N'y'",
	 "SELECT", "SELECT ? IN (?, ?, ?), (?, ?), ?, ? - ?, a-?, ?, ?, ?, ?, ?, ?", "SELECT ? IN (?), ? - ?, a-?", ""},
	{SP_SQL_MYSQL, "INSERT INTO t (a,b) VALUES (1,'x'),(2,NULL),(3,NOW()) ON DUPLICATE KEY UPDATE a=VALUES(a),b=1",
	 "INSERT", "INSERT INTO t (a, b) VALUES (?, ?), (?, ?), (?, NOW()) ON DUPLICATE KEY UPDATE a=VALUES(a), b=?",
	 "INSERT INTO t (a, b) VALUES (?) ON DUPLICATE KEY UPDATE a=VALUES(a), b=?", "t"},
	{SP_SQL_MYSQL, "SELECT 5--1 -- a comment\n, 2 # another\n, 3 /* third */ /*!50003 , 4 */ FROM dual", "SELECT",
	 "SELECT ?-?, ?, ?, ? FROM dual", "SELECT ?-? FROM dual", "dual"},
	{SP_SQL_MYSQL, "SELECT 'a\\'b', 'c'", "SELECT", "SELECT ?, ?", "SELECT ?", ""},
	{SP_SQL_POSTGRESQL, "SELECT 'a\\', 'c', E'd\\'e'", "SELECT", "SELECT ?, ?, ?", "SELECT ?", ""},
	{SP_SQL_POSTGRESQL,
	 "SELECT * FROM \"Users\" u JOIN public.orders o ON o.uid = u.id WHERE u.id = $1::int AND x IN ($2,$3)",
	 "SELECT",
	 "SELECT * FROM \"Users\" u JOIN public.orders o ON o.uid = u.id WHERE u.id = $1::int AND x IN ($2, $3)",
	 "SELECT * FROM \"Users\" u JOIN public.orders o ON o.uid = u.id WHERE u.id = ?::int AND x IN (?)",
	 "Users,public.orders"},
	{SP_SQL_POSTGRESQL, "SELECT $$it's$$, $tag$ $$ $tag$, a/*x/*y*/'z'*/ FROM t", "SELECT", "SELECT ?, ?, a FROM t",
	 "SELECT ?, a FROM t", "t"},
	{SP_SQL_POSTGRESQL, "WITH w AS (SELECT id FROM a WHERE x = 1) UPDATE b SET y = 2 FROM w WHERE b.id = w.id",
	 "UPDATE", "WITH w AS (SELECT id FROM a WHERE x = ?) UPDATE b SET y = ? FROM w WHERE b.id = w.id", NULL,
	 "a,b,w"},
	{SP_SQL_POSTGRESQL, "(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "SELECT",
	 "(SELECT ? FROM a) UNION (SELECT ? FROM b)", NULL, "a,b"},
	{SP_SQL_POSTGRESQL, "SELECT EXTRACT(YEAR FROM ts), substring(n FROM 2) FROM generate_series(1,2) g, t1 x, t2",
	 "SELECT", "SELECT EXTRACT(YEAR FROM ts), substring(n FROM ?) FROM generate_series(?, ?) g, t1 x, t2",
	 "SELECT EXTRACT(YEAR FROM ts), substring(n FROM ?) FROM generate_series(?) g, t1 x, t2", ""},
	{SP_SQL_GENERIC, "SELECT x FROM t1 a, s.t2 AS b, t1 WHERE a IS NULL AND b = TRUE AND c IS NOT NULL", "SELECT",
	 "SELECT x FROM t1 a, s.t2 AS b, t1 WHERE a IS NULL AND b = ? AND c IS NOT NULL", NULL, "t1,s.t2"},
	{SP_SQL_GENERIC, "create table if not exists t9 (id int not null default 0, d decimal(10, 2))", "CREATE",
	 "create table if not exists t9 (id int not null default ?, d decimal(?, ?))",
	 "create table if not exists t9 (id int not null default ?, d decimal(?))", "t9"},
	{SP_SQL_GENERIC, "ALTER TABLE t ADD a INT, ADD b INT", "ALTER", "ALTER TABLE t ADD a INT, ADD b INT", NULL,
	 "t"},
	{SP_SQL_GENERIC, "DROP TABLE IF EXISTS a, b", "DROP", "DROP TABLE IF EXISTS a, b", NULL, "a,b"},
	{SP_SQL_GENERIC, "CREATE UNIQUE INDEX i ON t (a, b)", "CREATE", "CREATE UNIQUE INDEX i ON t (a, b)", NULL, "t"},
	{SP_SQL_GENERIC, "DELETE FROM t WHERE (a, b) IN ((1, 2), (3, 4), (5, 6))", "DELETE",
	 "DELETE FROM t WHERE (a, b) IN ((?, ?), (?, ?), (?, ?))", "DELETE FROM t WHERE (a, b) IN ((?))", "t"},
	{SP_SQL_GENERIC, "truncate t; update u set a = 1", "TRUNCATE", "truncate t; update u set a = ?", NULL, "t,u"},
	{SP_SQL_GENERIC, "savepoint sp1", "SAVEPOINT", "savepoint sp1", NULL, ""},
	{SP_SQL_GENERIC, "BEGIN", "BEGIN", "BEGIN", NULL, ""},
	{SP_SQL_GENERIC, "  ; ;", "", "", NULL, ""},
	{SP_SQL_GENERIC, "", "", "", NULL, ""},
	{SP_SQL_GENERIC, "SELECT 'unfinished", "SELECT", "SELECT ?", NULL, ""},
	{SP_SQL_GENERIC, "SELECT \"unfinished", "SELECT", "SELECT \"unfinished", NULL, ""},
	{SP_SQL_GENERIC, "SELECT /* unfinished", "SELECT", "SELECT", NULL, ""},
	{SP_SQL_MYSQL, "CREATE USER 'u'@'%' IDENTIFIED BY 'secret'", "CREATE", "CREATE USER ?@? IDENTIFIED BY ?", NULL,
	 ""},
	{SP_SQL_POSTGRESQL, "ALTER ROLE r PASSWORD 'secret'", "ALTER", "ALTER ROLE r PASSWORD ?", NULL, ""},
};

static void statements_are_read(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(statements); i++) {
		struct sp_sql_how how = {statements[i].dialect, statements[i].dialect == SP_SQL_MYSQL};
		struct sp_sql sql = read_sql(statements[i].statement, how, false);
		bool good = CHECK_STR(text_of(0, sql.verb), statements[i].verb);
		good &= CHECK_STR(text_of(1, sql.text), statements[i].text);
		good &= CHECK_STR(text_of(2, sql.digest),
				  statements[i].digest ? statements[i].digest : statements[i].text);
		good &= CHECK_STR(text_of(3, sql.tables), statements[i].tables);
		if (!good)
			printf("# %s\n", statements[i].statement);
	}
}

static void passwords_are_never_shown(void)
{
	static const char *const with[] = {
		"CREATE USER 'u'@'%' IDENTIFIED BY 'hunter2'", "SET PASSWORD FOR u = PASSWORD('hunter2')",
		"ALTER ROLE r WITH LOGIN password 'hunter2'",  "SELECT 'hunter2' AS Password",
		"CHANGE MASTER TO MASTER_PASSWORD='hunter2'",  "/* password: hunter2 */ SELECT 1"};
	struct sp_sql_how how = {SP_SQL_MYSQL, true};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(with); i++) {
		struct sp_sql sql = read_sql(with[i], how, true);
		CHECK(!strstr(text_of(0, sql.text), "hunter2") && !strstr(text_of(1, sql.digest), "hunter2"));
	}
	struct sp_sql sql = read_sql("SELECT 'x' /* y */", how, true);
	CHECK_STR(text_of(0, sql.text), "SELECT 'x' /* y */");
	CHECK_STR(text_of(1, sql.digest), "SELECT ?");
}

static void comments_carry_context(void)
{
	static const char *const with[] = {"SELECT 1 /*action='x',x-request-id='abc-1'*/",
					   "/* X-Request-ID: abc-1 */ SELECT 1", "-- x-request-id=abc-1\nSELECT 1",
					   "SELECT 1 /* x-request-id = \"abc-1\", b=c */"};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(with); i++) {
		read_sql(with[i], (struct sp_sql_how){SP_SQL_POSTGRESQL, false}, false);
		if (!CHECK_STR(text_of(0, sp_msg_slot(&p.msg, SP_SLOT_X_REQUEST_ID_REQUEST)), "abc-1"))
			printf("# %s\n", with[i]);
	}
}

static void long_ones_are_bounded(void)
{
	static char statement[3 * SP_SQL_SEEN_MAX];
	struct sp_sql_how how = {SP_SQL_GENERIC, false};
	size_t n = (size_t)sprintf(statement, "INSERT INTO t VALUES ");
	while (n < sizeof statement - 16)
		n += (size_t)sprintf(statement + n, "(%zu, 'x'), ", n);
	struct sp_sql sql = read_sql(statement, how, false);
	CHECK(sql.text.n <= SP_SQL_TEXT_MAX && sql.text.n > SP_SQL_TEXT_MAX / 2);
	CHECK_STR(text_of(0, sql.digest), "INSERT INTO t VALUES (?)");
	memset(statement, '(', sizeof statement - 1);
	sql = read_sql(statement, how, false);
	CHECK(sql.digest.n <= SP_SQL_DIGEST_MAX);
	memset(statement, 'a', sizeof statement - 1);
	sql = read_sql(statement, how, false);
	CHECK(sql.digest.n <= SP_SQL_DIGEST_MAX && sql.verb.n == SP_SQL_VERB_MAX);
	arena.size = 10;
	sql = read_sql("SELECT a FROM t, u WHERE x = 1", how, false);
	CHECK_STR(text_of(0, sql.text), "SELECT a");
	arena.size = sizeof scratch;
}

static void quotes_in_messages_are_hidden(void)
{
	sp_arena_reset(&arena);
	CHECK_STR(text_of(0, sp_sql_hide_quoted(&arena, SP_TEXT("Duplicate entry 'a'b' for key"), '\'')),
		  "Duplicate entry ? for key");
	CHECK_STR(text_of(0, sp_sql_hide_quoted(&arena, SP_TEXT("none"), '\'')), "none");
	CHECK_STR(text_of(0, sp_sql_hide_quoted(&arena, SP_TEXT("near 'x"), '\'')), "near ?");
}

static void prepared_ones_are_kept(void)
{
	static struct sp_sql_store store;
	struct sp_sql sql, out;
	char text[64];
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "SELECT a FROM t%u WHERE b IN (1, 2, 3)", i);
		sql = read_sql(text, (struct sp_sql_how){SP_SQL_GENERIC, false}, false);
		sp_sql_keep(&store, i, &sql);
		CHECK(sp_sql_find(&store, i, &out) && out.text.n == sql.text.n && out.tables.n == sql.tables.n);
		CHECK(!memcmp(out.text.p, sql.text.p, out.text.n) && !memcmp(out.digest.p, sql.digest.p, out.digest.n));
		CHECK(!memcmp(out.tables.p, sql.tables.p, out.tables.n));
	}
	CHECK(!sp_sql_find(&store, 1, &out));
	sp_sql_rename(&store, 99999, 7);
	CHECK(sp_sql_find(&store, 7, &out) && !sp_sql_find(&store, 99999, &out));
	CHECK_STR(text_of(0, out.tables), "t99999");
	CHECK_STR(text_of(0, out.digest), "SELECT a FROM t99999 WHERE b IN (?)");
	sp_sql_copy(&store, 7, 8);
	sp_sql_forget(&store, 7);
	CHECK(sp_sql_find(&store, 8, &out) && !sp_sql_find(&store, 7, &out));
	sp_sql_copy(&store, 7, 8);
	CHECK(!sp_sql_find(&store, 8, &out));
}

int main(void)
{
	RUN(statements_are_read);
	RUN(passwords_are_never_shown);
	RUN(comments_carry_context);
	RUN(long_ones_are_bounded);
	RUN(quotes_in_messages_are_hidden);
	RUN(prepared_ones_are_kept);
	return check_done();
}
