/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's commands: what each is called, what its response looks like, what of it is shown. */
#include "parsers/http.h"
#include "parsers/mysql_priv.h"

enum looks { BY_NAME, IS_TEXT, OF_STATEMENT, NO_ANSWER };

struct command {
	const char *name;
	uint8_t reply; /* enum mysql_reply */
	uint8_t looks;
	uint8_t size; /* with its number, 0: not always the same */
};

enum {
	COM_QUIT = 0x01,
	COM_INIT_DB = 0x02,
	COM_QUERY = 0x03,
	COM_CHANGE_USER = 0x11,
	COM_STMT_PREPARE = 0x16,
	COM_STMT_EXECUTE = 0x17,
	COM_STMT_SEND_LONG_DATA = 0x18,
	COM_STMT_CLOSE = 0x19,
	COM_STMT_BULK_EXECUTE = 0xfa,
};

static const struct command commands[256] = {
	[0x00] = {"SLEEP", MYSQL_R_OK, BY_NAME},
	[COM_QUIT] = {"QUIT", MYSQL_R_NONE, NO_ANSWER, 1},
	[COM_INIT_DB] = {"INIT_DB", MYSQL_R_USE, IS_TEXT},
	[COM_QUERY] = {"QUERY", MYSQL_R_RESULT, IS_TEXT},
	[0x04] = {"FIELD_LIST", MYSQL_R_COLUMNS, IS_TEXT},
	[0x05] = {"CREATE_DB", MYSQL_R_OK, IS_TEXT},
	[0x06] = {"DROP_DB", MYSQL_R_OK, IS_TEXT},
	[0x07] = {"REFRESH", MYSQL_R_OK, BY_NAME},
	[0x08] = {"SHUTDOWN", MYSQL_R_OK, BY_NAME},
	[0x09] = {"STATISTICS", MYSQL_R_TEXT, BY_NAME, 1},
	[0x0a] = {"PROCESS_INFO", MYSQL_R_RESULT, BY_NAME},
	[0x0b] = {"CONNECT", MYSQL_R_OK, BY_NAME},
	[0x0c] = {"PROCESS_KILL", MYSQL_R_OK, BY_NAME, 5},
	[0x0d] = {"DEBUG", MYSQL_R_OK, BY_NAME, 1},
	[0x0e] = {"PING", MYSQL_R_OK, BY_NAME, 1},
	[0x0f] = {"TIME", MYSQL_R_OK, BY_NAME},
	[0x10] = {"DELAYED_INSERT", MYSQL_R_OK, BY_NAME},
	[COM_CHANGE_USER] = {"CHANGE_USER", MYSQL_R_LOGIN, IS_TEXT},
	[0x12] = {"BINLOG_DUMP", MYSQL_R_STREAM, BY_NAME},
	[0x13] = {"TABLE_DUMP", MYSQL_R_OK, BY_NAME},
	[0x14] = {"CONNECT_OUT", MYSQL_R_OK, BY_NAME},
	[0x15] = {"REGISTER_SLAVE", MYSQL_R_OK, BY_NAME},
	[COM_STMT_PREPARE] = {"STMT_PREPARE", MYSQL_R_PREPARE, IS_TEXT},
	[COM_STMT_EXECUTE] = {"STMT_EXECUTE", MYSQL_R_RESULT, OF_STATEMENT},
	[COM_STMT_SEND_LONG_DATA] = {"STMT_SEND_LONG_DATA", MYSQL_R_NONE, NO_ANSWER},
	[COM_STMT_CLOSE] = {"STMT_CLOSE", MYSQL_R_NONE, NO_ANSWER, 5},
	[0x1a] = {"STMT_RESET", MYSQL_R_OK, OF_STATEMENT, 5},
	[0x1b] = {"SET_OPTION", MYSQL_R_OK, BY_NAME, 3},
	[0x1c] = {"STMT_FETCH", MYSQL_R_ROWS, OF_STATEMENT, 9},
	[0x1d] = {"DAEMON", MYSQL_R_OK, BY_NAME},
	[0x1e] = {"BINLOG_DUMP_GTID", MYSQL_R_STREAM, BY_NAME},
	[0x1f] = {"RESET_CONNECTION", MYSQL_R_OK, BY_NAME, 1},
	[0x20] = {"CLONE", MYSQL_R_STREAM, BY_NAME},
	[0x21] = {"SUBSCRIBE_GROUP_REPLICATION_STREAM", MYSQL_R_STREAM, BY_NAME},
	[COM_STMT_BULK_EXECUTE] = {"STMT_BULK_EXECUTE", MYSQL_R_RESULT, OF_STATEMENT},
};

enum { ATTRIBUTES_MAX = 64 };

bool sp_mysql_is_command(uint8_t command)
{
	return commands[command].name;
}

bool sp_mysql_may_be(uint8_t command, uint32_t n)
{
	enum { NAMES_MAX = 4096 }; /* of what carries neither statements nor values */
	const struct command *c = &commands[command];
	if (!command || !c->name || !n)
		return false; /* SLEEP is the server's own */
	bool is_long = command == COM_QUERY || command == COM_CHANGE_USER || c->looks == OF_STATEMENT ||
		       command == COM_STMT_PREPARE || command == COM_STMT_SEND_LONG_DATA;
	return c->size ? c->size == n : is_long || n <= NAMES_MAX;
}

size_t sp_mysql_command_seen(uint8_t command)
{
	return command == COM_QUERY || command == COM_STMT_PREPARE ? 1 + SP_SQL_SEEN_MAX
	       : command == COM_CHANGE_USER			   ? 1024
								   : 1 + MYSQL_NAME_MAX;
}

/* The key of a statement that is being prepared, until the server gives it a number. */
static uint64_t pending(uint32_t prepares)
{
	return 1ull << 32 | (prepares & 0xffffff);
}

/* Bytes of a binary value of a type, 0: its length stands before it; SIZE_MAX: there is none. */
static size_t value_size(uint8_t type)
{
	switch (type) {
	case 0x01: /* TINY */
		return 1;
	case 0x02: /* SHORT */
	case 0x0d: /* YEAR */
		return 2;
	case 0x03: /* LONG */
	case 0x04: /* FLOAT */
	case 0x09: /* INT24 */
		return 4;
	case 0x05: /* DOUBLE */
	case 0x08: /* LONGLONG */
		return 8;
	case 0x06: /* NULL */
		return SIZE_MAX;
	default:
		return 0;
	}
}

/* The client's attributes of a query come before it, and may carry a trace's context. Leaves the query's text. */
static void query_attributes(struct sp_parse *p, struct sp_slice *s)
{
	uint64_t n, sets;
	if (!sp_mysql_number(s, &n) || !sp_mysql_number(s, &sets) || !n)
		return;
	struct sp_slice nulls = sp_mysql_take(s, n <= 0xffff ? (n + 7) / 8 : UINT64_MAX), types, name[ATTRIBUTES_MAX];
	uint8_t type[ATTRIBUTES_MAX];
	sp_mysql_take(s, 1); /* new types follow */
	for (uint64_t i = 0; i < n && s->n; i++) {
		types = sp_mysql_take(s, 2);
		struct sp_slice key = sp_mysql_counted(s);
		if (i < ATTRIBUTES_MAX) {
			type[i] = types.n ? *types.p : 0;
			name[i] = key;
		}
	}
	for (uint64_t i = 0; i < n && s->n; i++) {
		if (i >= ATTRIBUTES_MAX) {
			s->n = 0; /* where the text begins nobody knows */
			return;
		}
		if (nulls.n > i / 8 && nulls.p[i / 8] >> i % 8 & 1)
			continue;
		size_t size = value_size(type[i]);
		if (size == SIZE_MAX)
			continue;
		struct sp_slice value = size ? sp_mysql_take(s, size) : sp_mysql_counted(s);
		if (!size && value.n)
			sp_trace_header(p, name[i], value, false);
	}
}

/* Where the capabilities are not known: no statement begins with a count of attributes. */
static bool has_attributes(const struct sp_mysql *st, struct sp_slice s)
{
	if (st->known)
		return st->caps & MYSQL_CAP_QUERY_ATTRS;
	return s.n >= 2 && *s.p < '\t' && s.p[1] == 1;
}

static struct sp_sql_how how(const struct sp_mysql *st)
{
	return (struct sp_sql_how){SP_SQL_MYSQL, !st->no_backslash};
}

/* USE is a statement like others, but what follows belongs to another database. */
static void use(struct sp_mysql *st, struct sp_msg *m, struct sp_slice text)
{
	if (text.n <= 4 || (text.p[3] != ' ' && text.p[3] != '`'))
		return;
	sp_mysql_take(&text, text.p[3] == ' ' ? 4 : 3);
	if (text.n > 2 && *text.p == '`')
		text = (struct sp_slice){text.p + 1, text.n - 2};
	sp_mysql_next_database(st, text);
	m->tag = MYSQL_R_USE;
}

/* A statement that can be no USE. */
static bool is_other(struct sp_slice s)
{
	uint8_t first = s.n ? *s.p | 32 : 0;
	return first >= 'a' && first <= 'z' && first != 'u';
}

static void query(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice s)
{
	if (has_attributes(st, s))
		query_attributes(p, &s);
	if (p->terse && is_other(s))
		return;
	struct sp_sql sql = sp_sql_read(p, s, how(st));
	if (!sql.verb.n)
		sql.verb = SP_TEXT("QUERY");
	sp_sql_describe(m, &sql, MYSQL_TABLES);
	if (sp_slice_is(sql.verb, "USE"))
		use(st, m, sql.digest);
}

static void prepare(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice s)
{
	struct sp_sql sql = sp_sql_read(p, s, how(st));
	struct sp_slice name = sp_msg_slot(m, SP_SLOT_METHOD);
	sp_sql_describe(m, &sql, MYSQL_TABLES);
	sp_msg_put(m, SP_SLOT_METHOD, name);
	struct sp_sql_store *store = sp_parse_extend(p);
	st->prepares++;
	if (store)
		sp_sql_keep(store, pending(st->prepares), &sql);
	m->tag |= st->prepares << 8;
}

static void of_statement(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice body)
{
	struct sp_sql sql;
	if (body.n < 5)
		return;
	uint32_t id = mysql_u32(body.p + 1);
	bool executes = *body.p == COM_STMT_EXECUTE || *body.p == COM_STMT_BULK_EXECUTE;
	/* MariaDB's clients execute what they have just sent to be prepared as number -1. */
	uint64_t key = id == UINT32_MAX ? pending(st->prepares) : id;
	if (id != UINT32_MAX)
		sp_msg_extra(m, MYSQL_STATEMENT, sp_arena_u64(p->arena, id));
	if (p->more && sp_sql_find(p->more, key, &sql)) {
		struct sp_slice name = sp_msg_slot(m, SP_SLOT_METHOD);
		sp_sql_describe(m, &sql, MYSQL_TABLES);
		if (!executes || !sql.verb.n)
			sp_msg_put(m, SP_SLOT_METHOD, name);
	}
	if (*body.p == COM_STMT_CLOSE && p->more)
		sp_sql_forget(p->more, key);
}

static void text(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice body)
{
	struct sp_slice s = {body.p + 1, body.n - 1};
	switch (*body.p) {
	case COM_QUERY:
		query(p, st, m, s);
		break;
	case COM_STMT_PREPARE:
		prepare(p, st, m, s);
		break;
	case COM_CHANGE_USER:
		sp_mysql_change_user(p, st, m, body);
		break;
	case COM_INIT_DB:
		s.n = SP_MIN(s.n, (size_t)MYSQL_NAME_MAX);
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_msg_put(m, SP_SLOT_HOST, s));
		sp_mysql_next_database(st, s);
		break;
	default:
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_mysql_text(&s));
	}
}

void sp_mysql_command(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	const struct command *c = &commands[*k->body.p];
	bool oneway = c->looks == NO_ANSWER;
	struct sp_msg *m = sp_msg_begin(p, oneway ? SP_MSG_ONEWAY : SP_MSG_REQUEST, SP_PART_WHOLE);
	m->tag = c->reply;
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(c->name)));
	sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){(const uint8_t *)st->database, st->database_n});
	if (st->mariadb)
		sp_msg_extra(m, MYSQL_SYSTEM, SP_TEXT("mariadb"));
	if (c->looks == IS_TEXT)
		text(p, st, m, k->body);
	else if (c->looks != BY_NAME)
		of_statement(p, st, m, k->body);
	st->seq = (uint8_t)(k->seq + 1);
}
