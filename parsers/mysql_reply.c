/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's server side. A response is some packets of which nearly all are passed over by their heads: rows are counted,
 * and the OK, EOF or error that ends a result is read. Whether an EOF stands between columns and rows shows itself: it
 * has five bytes, the OK that later versions end rows with has seven at least. */
#include "parsers/mysql_priv.h"

enum { OK = 0x00, MORE_DATA = 0x01, WANTS_FILE = 0xfb, END = 0xfe, ERROR = 0xff, EOF_SIZE = 5, COUNT_MAX = 10 };

enum step {
	GO_ON,	/* the packet belongs to a response that goes on */
	DONE,	/* the response ends with it */
	FAILED, /* likewise, with an error */
	ALIEN,	/* it belongs to no response */
};

static bool is_end(const struct mysql_packet *k)
{
	return k->body.n && *k->body.p == END && k->n < MYSQL_PACKET_MAX;
}

/* What the server says has changed: the database. */
static void session_changes(struct sp_mysql *st, struct sp_slice s)
{
	sp_mysql_counted(&s); /* a text for people */
	struct sp_slice all = sp_mysql_counted(&s);
	for (unsigned i = 0; i < 32 && all.n; i++) {
		uint8_t type = *sp_mysql_take(&all, 1).p;
		struct sp_slice change = sp_mysql_counted(&all);
		if (type != 1 || !change.n)
			continue;
		sp_mysql_next_database(st, sp_mysql_counted(&change));
		memcpy(st->database, st->next, st->database_n = st->next_n);
	}
}

/* OK, also as the end of rows; EOF. Returns the server's status. */
static unsigned read_ok(struct sp_mysql *st, const struct mysql_packet *k)
{
	struct sp_slice s = {k->body.p + 1, k->body.n - 1};
	uint64_t affected = 0, inserted;
	unsigned status = 0;
	if (is_end(k) && k->n <= EOF_SIZE) {
		if (s.n >= 4) {
			st->warnings = mysql_u16(s.p);
			status = mysql_u16(s.p + 2);
		}
	} else if (sp_mysql_number(&s, &affected) && sp_mysql_number(&s, &inserted) && s.n >= 4) {
		status = mysql_u16(s.p);
		st->warnings = mysql_u16(s.p + 2);
		sp_mysql_take(&s, 4);
		if (status & MYSQL_SESSION_CHANGED && (!st->known || st->caps & MYSQL_CAP_SESSION_TRACK))
			session_changes(st, s);
	}
	st->affected += affected;
	st->no_backslash = status & MYSQL_NO_BACKSLASH;
	return status;
}

/* One of perhaps several results is over. */
static enum step end_of_result(struct sp_mysql *st, const struct mysql_packet *k)
{
	unsigned status = read_ok(st, k);
	st->results++;
	st->at = MYSQL_AT_FIRST;
	return status & MYSQL_MORE_RESULTS ? GO_ON : DONE;
}

static enum step row(struct sp_mysql *st, const struct mysql_packet *k)
{
	if (SP_LIKELY(!k->body.n || *k->body.p < END || (*k->body.p == END && !is_end(k)))) {
		st->eof_due = false;
		st->rows += st->reply != MYSQL_R_COLUMNS;
		return GO_ON;
	}
	if (*k->body.p == ERROR)
		return FAILED;
	bool between = st->eof_due && k->n == EOF_SIZE;
	st->eof_due = false;
	if (!between)
		return end_of_result(st, k);
	if (!st->known)
		st->caps &= ~(uint32_t)MYSQL_CAP_DEPRECATE_EOF;
	/* Of a cursor the rows are fetched. */
	return k->body.n >= EOF_SIZE && mysql_u16(k->body.p + 3) & MYSQL_CURSOR ? end_of_result(st, k) : GO_ON;
}

/* How many columns there are; and perhaps that they are not described again. */
static enum step columns(struct sp_mysql *st, const struct mysql_packet *k)
{
	struct sp_slice s = k->body;
	uint64_t n = 0;
	bool described = true;
	if (!st->mariadb && st->known && st->caps & MYSQL_CAP_OPTIONAL_METADATA && k->n > 1) {
		described = *s.p;
		sp_mysql_take(&s, 1);
	}
	if (k->n > COUNT_MAX || !sp_mysql_number(&s, &n) || !n || n > UINT16_MAX)
		return ALIEN;
	if (s.n == 1)
		described = *s.p;
	st->left = described ? (uint32_t)n : 0;
	st->at = described ? MYSQL_AT_COLUMNS : MYSQL_AT_ROWS;
	st->eof_due = true;
	return GO_ON;
}

static enum step result(struct sp_mysql *st, const struct mysql_packet *k)
{
	switch (*k->body.p) {
	case OK:
		if (k->n < 7)
			return columns(st, k);
		st->affects = true;
		return end_of_result(st, k);
	case WANTS_FILE:
		st->at = MYSQL_AT_FILE;
		st->file = true;
		return GO_ON;
	case END:
		return end_of_result(st, k);
	default:
		return columns(st, k);
	}
}

/* OK, and a number for the statement; parameters and columns are described. */
static enum step prepared(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k, uint32_t prepare)
{
	if (k->n < 12 || *k->body.p != OK)
		return DONE;
	uint32_t id = mysql_u32(k->body.p + 1);
	st->columns = mysql_u16(k->body.p + 5);
	st->left = mysql_u16(k->body.p + 7);
	st->statement = id;
	if (p->more)
		sp_sql_rename(p->more, 1ull << 32 | prepare, id);
	st->at = MYSQL_AT_DEFINITIONS;
	st->eof_due = st->known && !(st->caps & MYSQL_CAP_DEPRECATE_EOF);
	if (k->body.n > 12 && !k->body.p[12])
		st->left = st->columns = 0; /* they are not described */
	return st->left || st->columns ? GO_ON : DONE;
}

static enum step definition(struct sp_mysql *st, const struct mysql_packet *k)
{
	if (is_end(k) && k->n == EOF_SIZE) {
		st->eof_due = true; /* so there will be one after the columns, too */
		return st->left || st->columns ? GO_ON : DONE;
	}
	if (!st->left) {
		st->left = st->columns;
		st->columns = 0;
	}
	st->left -= st->left > 0;
	return st->left || st->columns || st->eof_due ? GO_ON : DONE;
}

static enum step login(struct sp_mysql *st, const struct mysql_packet *k)
{
	if (*k->body.p != OK)
		return ALIEN; /* the server asks for more, or for another kind of proof */
	read_ok(st, k);
	memcpy(st->database, st->next, st->database_n = st->next_n);
	if (st->in_login)
		st->compressed = st->caps & (MYSQL_CAP_COMPRESS | MYSQL_CAP_ZSTD);
	st->in_login = false;
	return DONE;
}

static enum step plain_ok(struct sp_mysql *st, const struct mysql_packet *k)
{
	if (*k->body.p != OK && *k->body.p != END)
		return ALIEN;
	read_ok(st, k);
	if (st->reply == MYSQL_R_USE)
		memcpy(st->database, st->next, st->database_n = st->next_n);
	return DONE;
}

/* The first packet of a response, or of a further result. */
static enum step first(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	uint32_t tag = MYSQL_R_RESULT;
	if (!st->inside) {
		if (!p->asked(p, 0, &tag))
			tag = st->in_login ? MYSQL_R_LOGIN : MYSQL_R_RESULT;
		st->reply = (uint8_t)tag;
	}
	if (*k->body.p == ERROR)
		return FAILED;
	switch (st->reply) {
	case MYSQL_R_LOGIN:
		return login(st, k);
	case MYSQL_R_OK:
		return plain_ok(st, k);
	case MYSQL_R_TEXT:
		return DONE;
	case MYSQL_R_COLUMNS:
	case MYSQL_R_ROWS:
		st->at = MYSQL_AT_ROWS;
		st->eof_due = false;
		return row(st, k);
	case MYSQL_R_PREPARE:
		return prepared(p, st, k, tag >> 8);
	case MYSQL_R_STREAM:
		st->at = MYSQL_AT_STREAM;
		return is_end(k) && k->n < 9 ? DONE : GO_ON;
	case MYSQL_R_USE:
		if (*k->body.p == OK)
			return plain_ok(st, k);
		return result(st, k);
	default:
		return result(st, k);
	}
}

/* MariaDB tells how far it is as if that were an error. */
static bool is_progress(const struct mysql_packet *k)
{
	return k->body.n >= 3 && *k->body.p == ERROR && mysql_u16(k->body.p + 1) == UINT16_MAX;
}

static enum step packet(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	switch (st->at) {
	case MYSQL_AT_FIRST:
		if (is_progress(k))
			st->seq = (uint8_t)(k->seq + 1);
		return k->n && !is_progress(k) ? first(p, st, k) : ALIEN;
	case MYSQL_AT_COLUMNS:
		st->at = --st->left ? MYSQL_AT_COLUMNS : MYSQL_AT_ROWS;
		return GO_ON;
	case MYSQL_AT_ROWS:
		return row(st, k);
	case MYSQL_AT_DEFINITIONS:
		return k->body.n && *k->body.p == ERROR ? FAILED : definition(st, k);
	case MYSQL_AT_FILE:
		if (is_progress(k))
			return GO_ON;
		st->file = false;
		if (k->body.n && *k->body.p == ERROR)
			return FAILED;
		st->affects = true;
		return k->body.n ? end_of_result(st, k) : DONE;
	default:
		if (k->body.n && *k->body.p == ERROR)
			return FAILED;
		return is_end(k) && k->n < 9 ? DONE : GO_ON;
	}
}

/* How much of a packet's body has to be there. */
static size_t looked_at(const struct sp_mysql *st, const struct mysql_packet *k)
{
	if (!k->n || st->at == MYSQL_AT_COLUMNS)
		return 0;
	if (!k->body.n)
		return 1;
	if (*k->body.p == ERROR)
		return SP_MIN(k->n, 9u + MYSQL_ERROR_MAX);
	bool ends = *k->body.p == END && k->n < MYSQL_PACKET_MAX;
	if (st->at == MYSQL_AT_ROWS || st->at == MYSQL_AT_STREAM)
		return ends ? SP_MIN(k->n, (uint32_t)MYSQL_OK_MAX) : 1;
	return SP_MIN(k->n, (uint32_t)MYSQL_OK_MAX);
}

static void number(struct sp_parse *p, struct sp_msg *m, uint8_t field, uint64_t v)
{
	if (!p->terse)
		sp_msg_extra(m, field, sp_arena_u64(p->arena, v));
}

/* The message for what is there; `ends`: no more of it follows. */
static enum sp_parse_result finish(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k, enum step how)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, st->begun ? SP_PART_TAIL : SP_PART_WHOLE);
	m->status = SP_STATUS_OK;
	if (how == FAILED)
		sp_mysql_error(p, m, k->body);
	if (st->reply == MYSQL_R_LOGIN)
		sp_msg_extra(m, MYSQL_VERSION, (struct sp_slice){(const uint8_t *)st->version, st->version_n});
	if (st->reply == MYSQL_R_PREPARE && how == DONE)
		number(p, m, MYSQL_STATEMENT, st->statement);
	if ((st->reply == MYSQL_R_RESULT && (st->rows || (how == DONE && !st->affects))) || st->reply == MYSQL_R_ROWS)
		number(p, m, MYSQL_ROWS, st->rows);
	if (st->affects)
		number(p, m, MYSQL_AFFECTED, st->affected);
	if (st->warnings)
		number(p, m, MYSQL_WARNINGS, st->warnings);
	if (st->results > 1)
		number(p, m, MYSQL_RESULTS, st->results);
	st->left = st->results = 0;
	st->rows = st->affected = 0;
	st->warnings = st->columns = 0;
	st->at = MYSQL_AT_FIRST;
	st->begun = st->inside = st->affects = st->eof_due = false;
	return SP_PARSE_MSG;
}

bool sp_mysql_give_up(struct sp_parse *p, struct sp_mysql *st)
{
	static const struct mysql_packet nothing;
	uint32_t tag;
	if (!st->inside && !p->asked(p, 0, &tag))
		return false;
	finish(p, st, &nothing, DONE);
	p->msg.status = SP_STATUS_UNKNOWN;
	sp_msg_drop_extras(&p->msg);
	return true;
}

/* The packets before `at` are done with, and `skip` bytes after it. Then `want` more are needed to go on. */
static enum sp_parse_result pause(struct sp_parse *p, struct sp_mysql *st, size_t at, uint64_t skip, size_t want)
{
	if (!at)
		return sp_parse_more(p, want);
	p->want = skip;
	p->used = at;
	if (st->begun || !st->inside)
		return SP_PARSE_SKIP;
	sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_HEAD);
	st->begun = true;
	return SP_PARSE_MSG;
}

/* Before anything was asked: the greeting, or an error instead of it. */
static enum sp_parse_result unasked(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k, size_t used,
				    uint64_t skip)
{
	p->used = used;
	p->want = skip;
	if (k->seq || st->known || st->greeted || !k->n || *k->body.p != ERROR) {
		if (!k->seq && !st->known)
			sp_mysql_greeting(st, k->body);
		return SP_PARSE_SKIP;
	}
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("LOGIN")));
	sp_mysql_error(p, m, k->body);
	return SP_PARSE_MSG;
}

/* Does a packet begin a response, as its number says? */
static bool is_answer(const struct sp_mysql *st, const struct mysql_packet *k)
{
	return k->seq == 1 || (k->seq && (k->seq == st->seq || st->in_login));
}

enum sp_parse_result sp_mysql_reply(struct sp_parse *p, struct sp_mysql *st)
{
	for (size_t at = 0;;) {
		size_t left = p->in.n - at;
		if (left < MYSQL_HEAD)
			return pause(p, st, at, 0, MYSQL_HEAD);
		const uint8_t *head = p->in.p + at;
		struct mysql_packet k = {{head + MYSQL_HEAD, left - MYSQL_HEAD}, mysql_u24(head), head[3]};
		k.body.n = SP_MIN(k.body.n, k.n);
		uint64_t total = MYSQL_HEAD + (uint64_t)k.n, skip = total > left ? total - left : 0;
		size_t need = st->cont[SP_SERVER] ? 0 : looked_at(st, &k), used = at + (size_t)(total - skip);
		if (k.body.n < need)
			return pause(p, st, at, 0, MYSQL_HEAD + need);
		bool idle = st->at == MYSQL_AT_FIRST && !st->inside;
		enum step step = GO_ON;
		if (!st->cont[SP_SERVER]) {
			if (idle && !is_answer(st, &k))
				return unasked(p, st, &k, used, skip);
			step = packet(p, st, &k);
		}
		st->cont[SP_SERVER] = k.n == MYSQL_PACKET_MAX;
		p->used = used;
		p->want = skip;
		if (step == ALIEN) {
			st->at = MYSQL_AT_FIRST;
			return SP_PARSE_SKIP;
		}
		if (step != GO_ON)
			return finish(p, st, &k, step);
		st->inside = true;
		if (skip)
			return pause(p, st, used, skip, 0);
		at = used;
	}
}
