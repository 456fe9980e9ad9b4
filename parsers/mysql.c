/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL and MariaDB (https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html,
 * https://mariadb.com/kb/en/clientserver-protocol/): log-in, commands, prepared statements. The server speaks first. */
#include "parsers/mysql_priv.h"

enum { ZIP_SEEN = 12 }; /* both heads, and the first byte */

/* The client's packets are not looked at: what proves who it is, a file, the rest of a large command. */
static enum sp_parse_result pass(struct sp_parse *p, uint32_t n)
{
	uint64_t total = MYSQL_HEAD + (uint64_t)n;
	size_t used = (size_t)SP_MIN(total, (uint64_t)p->in.n);
	return sp_parse_skip(p, used, total - used);
}

/* A packet that continues one of 16 MB. */
static enum sp_parse_result go_on(struct sp_parse *p, struct sp_mysql *st, uint32_t n)
{
	enum sp_parse_result rc = pass(p, n);
	st->cont[SP_CLIENT] = n == MYSQL_PACKET_MAX;
	if (st->cont[SP_CLIENT] || !st->open)
		return rc;
	sp_msg_begin(p, st->open - 1, SP_PART_TAIL);
	st->open = 0;
	return SP_PARSE_MSG;
}

static enum sp_parse_result login(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	size_t need = SP_MIN(k->n, (uint32_t)MYSQL_LOGIN_MAX);
	if (k->body.n < need && !p->last)
		return sp_parse_more(p, MYSQL_HEAD + need);
	enum sp_parse_result rc = sp_mysql_login(p, st, k);
	if (rc != SP_PARSE_MSG)
		return rc;
	pass(p, k->n);
	return SP_PARSE_MSG;
}

static enum sp_parse_result command(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	if (!k->body.n)
		return sp_parse_more(p, MYSQL_HEAD + 1);
	if (!sp_mysql_is_command(*k->body.p))
		return SP_PARSE_BAD;
	size_t need = SP_MIN((size_t)k->n, sp_mysql_command_seen(*k->body.p));
	if (k->body.n < need && !p->last)
		return sp_parse_more(p, MYSQL_HEAD + need);
	struct mysql_packet seen = *k;
	seen.body.n = SP_MIN(seen.body.n, need);
	sp_mysql_command(p, st, &seen);
	pass(p, k->n);
	if (k->n == MYSQL_PACKET_MAX) {
		st->cont[SP_CLIENT] = true;
		st->open = (uint8_t)(p->msg.kind + 1);
		p->msg.part = SP_PART_HEAD;
	}
	return SP_PARSE_MSG;
}

static enum sp_parse_result from_client(struct sp_parse *p, struct sp_mysql *st)
{
	if (p->in.n < MYSQL_HEAD)
		return sp_parse_more(p, MYSQL_HEAD);
	struct mysql_packet k = {
		{p->in.p + MYSQL_HEAD, p->in.n - MYSQL_HEAD}, mysql_u24(p->in.p), p->in.p[MYSQL_HEAD - 1]};
	k.body.n = SP_MIN(k.body.n, k.n);
	if (k.seq)
		st->seq = (uint8_t)(k.seq + 1);
	if (st->cont[SP_CLIENT])
		return go_on(p, st, k.n);
	/* Numbers go round; of what is inside compressed packets some clients number nothing. */
	if (SP_UNLIKELY(st->file) && (k.seq || !st->seq || st->compressed)) {
		st->seq = (uint8_t)(k.seq + 1);
		st->file = k.n; /* an empty packet ends it */
		return pass(p, k.n);
	}
	if (k.seq == 1 && st->greeted)
		return login(p, st, &k);
	if (k.seq == 1 && !st->known && k.n >= 32 && k.body.n < 32 && !p->last)
		return sp_parse_more(p, MYSQL_HEAD + 32);
	if (k.seq == 1 && !st->known && sp_mysql_is_login(k.body, k.n))
		return login(p, st, &k);
	if (k.seq || !k.n)
		return pass(p, k.n);
	return command(p, st, &k);
}

enum sp_parse_result sp_mysql_packets(struct sp_parse *p, struct sp_mysql *st)
{
	return p->side == SP_CLIENT ? from_client(p, st) : sp_mysql_reply(p, st);
}

/* Where the log-in was not seen: the compressed protocol's packets have a second head, or a deflated body. */
static bool is_compressed(struct sp_slice in, uint8_t side)
{
	if (in.n < ZIP_SEEN || in.p[3] != (side == SP_SERVER))
		return false;
	uint32_t n = mysql_u24(in.p), plain = mysql_u24(in.p + 4);
	struct sp_slice body = {in.p + 7, in.n - 7};
	if (plain)
		return (sp_mysql_is_zlib(body) || sp_is_zstd(body)) && plain > n / 2;
	bool follows = n >= 5 && mysql_u24(in.p + 7) + MYSQL_HEAD <= n && in.p[10] == in.p[3];
	return follows && (side == SP_SERVER || sp_mysql_is_command(in.p[11]));
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct sp_mysql *st = p->state;
	if (SP_UNLIKELY(!st->known && !st->compressed && p->in.n >= MYSQL_HEAD &&
			mysql_u24(p->in.p) + MYSQL_HEAD >= ZIP_SEEN)) {
		if (p->in.n < ZIP_SEEN && !p->last)
			return sp_parse_more(p, ZIP_SEEN);
		st->compressed = is_compressed(p->in, p->side);
	}
	return st->compressed ? sp_mysql_unzip(p, st) : sp_mysql_packets(p, st);
}

/* --- who it is --- */

static bool is_text(struct sp_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 && (s.p[i] < '\t' || s.p[i] > '\r'))
			return false;
	return s.n;
}

/* A greeting, or an error instead of it. */
static enum sp_probe greets(struct sp_slice in, uint32_t n, bool whole)
{
	struct sp_mysql st = {0};
	struct sp_slice body = {in.p + MYSQL_HEAD, SP_MIN(in.n - MYSQL_HEAD, (size_t)n)};
	if (n > 512 || n < 5)
		return SP_PROBE_NO;
	if (*body.p == 0xff) {
		if (body.n < 5 && !whole)
			return SP_PROBE_MAYBE;
		unsigned code = body.n >= 3 ? mysql_u16(body.p + 1) : 0;
		struct sp_slice text = {body.p + 3, body.n - 3};
		if (code < 1000 || code > 4999 || !is_text(text))
			return SP_PROBE_NO;
		return body.n == n ? SP_PROBE_YES : SP_PROBE_MAYBE;
	}
	if (*body.p != 10 && *body.p != 9)
		return SP_PROBE_NO;
	if (sp_mysql_greeting(&st, body))
		return body.n == n ? SP_PROBE_YES : SP_PROBE_MAYBE;
	const uint8_t *end = memchr(body.p, 0, body.n);
	struct sp_slice version = {body.p + 1, end ? (size_t)(end - body.p) - 1 : body.n - 1};
	bool good = (!version.n || (is_text(version) && *version.p >= '0' && *version.p <= '9')) && body.n < n;
	return good ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

/* A statement that begins as statements do. */
static bool begins_statement(struct sp_slice s)
{
	static const char *const verbs[] = {"select ", "insert ", "update ", "delete ", "replace ",
					    "show ",   "set ",	  "begin",   "commit",	"rollback",
					    "create ", "alter ",  "drop ",   "call ",	"use "};
	if (s.n > 2 && *s.p == 0 && s.p[1] == 1)
		sp_mysql_take(&s, 2); /* no attributes */
	for (unsigned i = 0; i < SP_ARRAY_SIZE(verbs); i++) {
		size_t n = strlen(verbs[i]), k = 0;
		while (k < n && k < s.n && (s.p[k] | 32) == verbs[i][k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* Of a client in the middle of a conversation. */
static enum sp_probe commands(struct sp_slice in, uint32_t n)
{
	struct sp_slice body = {in.p + MYSQL_HEAD, SP_MIN(in.n - MYSQL_HEAD, (size_t)n)};
	if (!sp_mysql_may_be(*body.p, n))
		return SP_PROBE_NO;
	if (*body.p == 0x03 || *body.p == 0x16) {
		struct sp_slice text = {body.p + 1, SP_MIN(body.n - 1, (size_t)32)};
		if (begins_statement(text))
			return SP_PROBE_YES;
		return n < 2 ? SP_PROBE_NO : SP_PROBE_MAYBE;
	}
	return in.n <= MYSQL_HEAD + n ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

/* Of a server in the middle: a count of columns, then the first of them. */
static enum sp_probe answers(struct sp_slice in, uint32_t n)
{
	if (n == 1 && in.n >= 13 && in.p[4] && in.p[4] < 0xfb && in.p[8] == 2 && !memcmp(in.p + 9, "\3def", 4))
		return SP_PROBE_YES;
	if (in.n < MYSQL_HEAD + 1 || n > MYSQL_PACKET_MAX / 2)
		return SP_PROBE_NO;
	bool plausible = n == 1 || (in.p[4] == 0 && n >= 7 && n < 512) || (in.p[4] == 0xff && n >= 9 && n < 1024);
	return plausible && in.n <= MYSQL_HEAD + n + (n == 1 ? 8 : 0) ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

static enum sp_probe probe(struct sp_parse *p)
{
	struct sp_slice in = p->in;
	enum sp_probe rc;
	if (in.n < MYSQL_HEAD + 1)
		return in.n >= 4 && in.p[3] > 1 ? SP_PROBE_NO : SP_PROBE_MAYBE;
	uint32_t n = mysql_u24(in.p);
	if (in.n <= n + 7 && is_compressed(in, p->side))
		return in.n == n + 7 ? SP_PROBE_YES : SP_PROBE_MAYBE;
	if (in.p[3] == 0 && (rc = greets(in, n, p->last)) != SP_PROBE_NO) {
		p->reversed = rc == SP_PROBE_YES && p->side == SP_CLIENT;
		return rc;
	}
	if (in.p[3] == 0) /* perhaps compressed, as long as that cannot be seen */
		return in.n < ZIP_SEEN && in.n < MYSQL_HEAD + n ? SP_PROBE_MAYBE : commands(in, n);
	if (in.p[3] != 1)
		return SP_PROBE_NO;
	struct sp_slice body = {in.p + MYSQL_HEAD, SP_MIN(in.n - MYSQL_HEAD, (size_t)n)};
	if (sp_mysql_is_login(body, n)) {
		p->reversed = p->side == SP_SERVER;
		return SP_PROBE_YES;
	}
	if (n >= 32 && n < MYSQL_LOGIN_MAX && body.n < 32)
		return SP_PROBE_MAYBE;
	return answers(in, n);
}

/* Packets as sure as they can be: a command that is the rest of what is there, or a response's first packet before its
 * second. */
static size_t resync(struct sp_parse *p)
{
	struct sp_mysql *st = p->state;
	st->cont[p->side] = 0;
	if (st->compressed && p->more)
		memset(&((struct mysql_more *)p->more)->zip[p->side], 0, offsetof(struct mysql_zip, bytes));
	if (p->side == SP_CLIENT) {
		st->open = 0;
		st->file = false;
	} else {
		st->begun = st->inside = st->affects = st->eof_due = false;
		st->at = MYSQL_AT_FIRST;
		st->rows = st->affected = st->results = 0;
	}
	if (st->compressed) {
		bool begins = p->in.n > 7 && p->in.p[3] == (p->side == SP_SERVER);
		return begins && mysql_u24(p->in.p) + 7 <= p->in.n ? 0 : SP_RESYNC_NONE;
	}
	for (size_t at = 0; at + MYSQL_HEAD < p->in.n; at++) {
		const uint8_t *head = p->in.p + at;
		size_t n = mysql_u24(head), left = p->in.n - at - MYSQL_HEAD;
		if (p->side == SP_CLIENT && head[3] == 0 && n == left && sp_mysql_may_be(head[4], n))
			return at;
		bool second = n + MYSQL_HEAD <= left && head[MYSQL_HEAD + n + 3] == 2;
		if (p->side == SP_SERVER && head[3] == 1 && n && (n == left || second))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {3306, 33060, 4000, 6033, 0};

/* Lengths begin with their low byte: anything may. */
static const struct sp_start starts[] = {
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[MYSQL_SYSTEM] = "db.system.name",
	[MYSQL_TABLES] = "db.collection.name",
	[MYSQL_ROWS] = "db.response.returned_rows",
	[MYSQL_AFFECTED] = "db.mysql.affected_rows",
	[MYSQL_WARNINGS] = "db.mysql.warnings",
	[MYSQL_RESULTS] = "db.mysql.results",
	[MYSQL_STATEMENT] = "db.mysql.statement_id",
	[MYSQL_SQLSTATE] = "db.mysql.sqlstate",
	[MYSQL_USER] = "db.user",
	[MYSQL_PROGRAM] = "db.client.program",
	[MYSQL_VERSION] = "db.mysql.server_version",
	[MYSQL_VERSION + 1] = NULL,
};

const struct sp_parser sp_mysql_parser = {
	.name = "mysql",
	.title = "MySQL, MariaDB",
	.missing = "of a compressed packet, what is behind its first 24 KiB (of a large one of Zstandard's its first "
		   "few), "
		   "unless one row or statement is all of that; the X protocol; values of prepared statements' "
		   "parameters; what of a statement follows its first 8 KiB, or 4 KiB where it begins late in a "
		   "compressed packet",
	.app = SP_APP_MYSQL,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct sp_mysql),
	.more_size = sizeof(struct mysql_more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(sp_mysql_vectors),
};
