/* SPDX-License-Identifier: Apache-2.0 */
/* Redis: RESP2 and RESP3 (https://redis.io/docs/reference/protocol-spec), inline commands. A reply is a tree; how many
 * nodes of it are still to come is all that has to be known. Long strings are passed over unread. */
#include "parsers/parser.h"

enum {
	LINE_MAX = 1024,      /* of a type's line: longer ones are simple strings, and errors cut by the sender */
	BULK_MAX = 512 << 20, /* proto-max-bulk-len */
	NODES_MAX = 1 << 20,
	ARGS_SHOWN = 32,
	VALUE_SHOWN = 256,
};

enum field { ARGS, FIELDS };

/* A tag: what the command's reply looks like. */
enum tag { PLAIN, SUBSCRIBES };

struct state {
	uint64_t left[2]; /* nodes of each side's message that are to come; 0: none is open */
	uint8_t open[2];  /* enum sp_msg_kind of that message */
};

static const char *const server_errors[] = {"BUSY", "CLUSTERDOWN", "LOADING",  "MASTERDOWN", "MISCONF", "NOREPLICAS",
					    "OOM",  "READONLY",	   "TRYAGAIN", "UNKILLABLE", NULL};

/* The line at `at`, without its end; n is SIZE_MAX when it is not there. */
static struct sp_slice line_at(struct sp_slice in, size_t at)
{
	const uint8_t *p = in.p + at, *end = at < in.n ? memchr(p, '\n', in.n - at) : NULL;
	if (!end)
		return (struct sp_slice){p, SIZE_MAX};
	return (struct sp_slice){p, (size_t)(end - p) - (end > p && end[-1] == '\r')};
}

/* A length or count after the type's letter; -1 for the null of RESP2. False: no number. */
static bool number(struct sp_slice line, int64_t *ret)
{
	int64_t v = 0;
	if (line.n == 3 && !memcmp(line.p + 1, "-1", 2)) {
		*ret = -1;
		return true;
	}
	if (line.n < 2 || line.n > 11)
		return false;
	for (size_t i = 1; i < line.n; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
		v = v * 10 + line.p[i] - '0';
	}
	*ret = v;
	return v <= BULK_MAX;
}

/* One node that begins at `at`: how many bytes its line takes, its string (SIZE_MAX: none) and its children. */
struct node {
	char type;
	size_t line;
	struct sp_slice text; /* of the line, after the letter */
	uint64_t body;	      /* bytes after the line, line end included */
	int64_t children;
};

enum got { GOT, SHORT, WRONG };

static enum got node_at(struct sp_slice in, size_t at, struct node *n)
{
	struct sp_slice line = line_at(in, at);
	if (line.n == SIZE_MAX)
		return in.n - at < LINE_MAX ? SHORT : WRONG;
	if (!line.n || line.n > LINE_MAX)
		return WRONG;
	*n = (struct node){.type = (char)*line.p, .line = line.n + 2, .text = {line.p + 1, line.n - 1}};
	int64_t v = 0;
	switch (n->type) {
	case '$':
	case '!':
	case '=':
		if (!number(line, &v))
			return WRONG;
		n->body = v < 0 ? 0 : (uint64_t)v + 2;
		return GOT;
	case '*':
	case '~':
	case '>':
	case '%':
	case '|':
		if (!number(line, &v) || v > NODES_MAX)
			return WRONG;
		n->children = v < 0 ? 0 : n->type == '%' || n->type == '|' ? 2 * v : v;
		return GOT;
	case '+':
	case '-':
	case ':':
	case '_':
	case '#':
	case ',':
	case '(':
		return GOT;
	default:
		return WRONG;
	}
}

static struct sp_slice first_word(struct sp_slice s)
{
	const uint8_t *space = memchr(s.p, ' ', s.n);
	return (struct sp_slice){s.p, space ? (size_t)(space - s.p) : s.n};
}

static struct sp_slice upper(struct sp_arena *a, struct sp_slice s)
{
	struct sp_slice copy = sp_arena_copy(a, (struct sp_slice){s.p, SP_MIN(s.n, 32)});
	uint8_t *p = a->p + a->n - copy.n;
	for (size_t i = 0; i < copy.n; i++)
		p[i] = p[i] >= 'a' && p[i] <= 'z' ? (uint8_t)(p[i] - 32) : p[i];
	return copy;
}

static bool hides_arguments(struct sp_slice method)
{
	return sp_slice_is(method, "AUTH") || sp_slice_is(method, "HELLO") || sp_slice_is(method, "ACL") ||
	       sp_slice_is(method, "CONFIG") || sp_slice_is(method, "MIGRATE");
}

static bool has_no_key(struct sp_slice method)
{
	return hides_arguments(method) || sp_slice_is(method, "EVAL") || sp_slice_is(method, "EVALSHA");
}

/* Up to the first separator: what the keys of one kind have in common. */
static struct sp_slice key_prefix(struct sp_slice key)
{
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] == ':' || key.p[i] == '/' || key.p[i] == '.')
			return (struct sp_slice){key.p, i};
	return (struct sp_slice){0};
}

static void describe(struct sp_parse *p, struct sp_msg *m, const struct sp_slice *arg, unsigned n, uint64_t args)
{
	struct sp_slice method = m->slot[SP_SLOT_METHOD] = upper(p->arena, arg[0]);
	struct sp_slice key = n > 1 && !has_no_key(method) ? arg[1] : (struct sp_slice){0};
	key.n = SP_MIN(key.n, VALUE_SHOWN);
	struct sp_slice prefix = key_prefix(key), resource = {p->arena->p + p->arena->n, 0};
	m->slot[SP_SLOT_ENDPOINT] = prefix.n ? SP_JOIN(p->arena, method, SP_TEXT(" "), prefix) : method;
	resource = SP_JOIN(p->arena, method, key.n ? SP_TEXT(" ") : SP_TEXT(""), key);
	for (unsigned i = key.n ? 2 : 1; i < n; i++) {
		bool shown = p->reveal && !hides_arguments(method);
		struct sp_slice value = {arg[i].p, SP_MIN(arg[i].n, VALUE_SHOWN)};
		resource.n += SP_JOIN(p->arena, SP_TEXT(" "), shown ? value : SP_TEXT("?")).n;
	}
	m->slot[SP_SLOT_RESOURCE] = resource;
	sp_msg_extra(m, ARGS, sp_arena_u64(p->arena, args - 1));
	if (sp_slice_is(method, "SUBSCRIBE") || sp_slice_is(method, "PSUBSCRIBE") || sp_slice_is(method, "SSUBSCRIBE"))
		m->tag = SUBSCRIBES;
}

/* Passes over nodes until the message's last one. Returns the bytes that were there; what is missing of the last
 * string in `skip`. False: not RESP. */
static bool pass(struct sp_slice in, size_t at, uint64_t *left, size_t *used, uint64_t *skip)
{
	*skip = 0;
	for (; *left; --*left) {
		struct node n;
		enum got got = at < in.n ? node_at(in, at, &n) : SHORT;
		*used = at;
		if (got != GOT)
			return got == SHORT;
		*left += (uint64_t)n.children;
		if (n.type == '|')
			++*left; /* attributes come before what they are of */
		if (*left > NODES_MAX)
			return false;
		uint64_t size = n.line + n.body;
		if (size > in.n - at) {
			*skip = size - (in.n - at);
			*used = in.n;
			--*left;
			return true;
		}
		at += (size_t)size;
	}
	*used = at;
	return true;
}

/* More of the message that is open on this side. */
static enum sp_parse_result go_on(struct sp_parse *p, struct state *st)
{
	uint64_t *left = &st->left[p->side], skip;
	size_t used;
	if (!pass(p->in, 0, left, &used, &skip))
		return SP_PARSE_BAD;
	if (!*left) {
		sp_msg_begin(p, st->open[p->side], SP_PART_TAIL);
		p->want = skip;
		return sp_parse_msg(p, used);
	}
	return used ? sp_parse_skip(p, used, skip) : sp_parse_more(p, p->in.n + 1);
}

/* A message whose nodes from `at` on may not all be there: whole, or its head. */
static enum sp_parse_result finish(struct sp_parse *p, struct state *st, size_t at, uint64_t left)
{
	uint64_t skip;
	size_t used;
	if (!pass(p->in, at, &left, &used, &skip))
		return SP_PARSE_BAD;
	st->left[p->side] = left;
	st->open[p->side] = p->msg.kind;
	p->msg.part = left ? SP_PART_HEAD : SP_PART_WHOLE;
	p->want = skip;
	return sp_parse_msg(p, used);
}

/* The arguments that are there as a whole, and the beginning of the next. */
static enum sp_parse_result command(struct sp_parse *p, struct state *st)
{
	struct sp_slice arg[ARGS_SHOWN];
	struct node node;
	unsigned n = 0;
	enum got got = node_at(p->in, 0, &node);
	if (got != GOT)
		return got == SHORT ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	uint64_t args = (uint64_t)node.children;
	size_t at = node.line;
	if (!args)
		return sp_parse_skip(p, node.line, 0);
	while (n < SP_MIN(args, (uint64_t)ARGS_SHOWN)) {
		got = at < p->in.n ? node_at(p->in, at, &node) : SHORT;
		if (got == WRONG || (got == GOT && (node.type != '$' || !node.body)))
			return SP_PARSE_BAD;
		bool there = got == GOT && node.line + node.body <= p->in.n - at;
		bool large = got == GOT && node.body > VALUE_SHOWN;
		size_t size = there ? (size_t)node.body - 2 : got == GOT ? p->in.n - at - node.line : 0;
		if (!there && !(n && large && size >= VALUE_SHOWN) && !p->last)
			return sp_parse_more(p, got == GOT ? at + node.line + SP_MIN(node.body, (uint64_t)VALUE_SHOWN)
							   : p->in.n + 1);
		if (got != GOT)
			break;
		arg[n++] = (struct sp_slice){p->in.p + at + node.line, size};
		if (!there)
			break;
		at += node.line + (size_t)node.body;
	}
	if (!n)
		return SP_PARSE_BAD;
	describe(p, sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE), arg, n, args);
	/* From the beginning again: what was shown in part is passed over. */
	return finish(p, st, (size_t)(node_at(p->in, 0, &node), node.line), args);
}

static void describe_error(struct sp_parse *p, struct sp_msg *m, struct sp_slice text)
{
	m->slot[SP_SLOT_CODE] = first_word(text);
	m->slot[SP_SLOT_MESSAGE] = (struct sp_slice){text.p, SP_MIN(text.n, (size_t)VALUE_SHOWN)};
	m->status = SP_STATUS_CLIENT_ERROR;
	for (const char *const *e = server_errors; *e; e++)
		if (sp_slice_is(m->slot[SP_SLOT_CODE], *e))
			m->status = SP_STATUS_SERVER_ERROR;
	if (sp_slice_is(m->slot[SP_SLOT_CODE], "MOVED") || sp_slice_is(m->slot[SP_SLOT_CODE], "ASK"))
		m->status = SP_STATUS_OK; /* the cluster's way of answering */
}

static enum sp_parse_result reply(struct sp_parse *p, struct state *st)
{
	struct node node;
	enum got got = node_at(p->in, 0, &node);
	if (got != GOT)
		return got == SHORT ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	struct sp_msg *m = sp_msg_begin(p, node.type == '>' ? SP_MSG_ONEWAY : SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->status = SP_STATUS_OK;
	if (node.type == '-')
		describe_error(p, m, node.text);
	return finish(p, st, 0, 1);
}

static enum sp_parse_result inline_command(struct sp_parse *p)
{
	struct sp_slice line = line_at(p->in, 0), arg[ARGS_SHOWN];
	unsigned n = 0;
	if (line.n == SIZE_MAX)
		return p->in.n < LINE_MAX ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	size_t used = line.n + 1 + (line.p[line.n] == '\r');
	for (size_t i = 0, from = 0; i <= line.n && n < ARGS_SHOWN; i++) {
		if (i < line.n && line.p[i] != ' ')
			continue;
		if (i > from)
			arg[n++] = (struct sp_slice){line.p + from, i - from};
		from = i + 1;
	}
	if (!n)
		return sp_parse_skip(p, used, 0); /* an empty line is nothing */
	if ((*arg[0].p | 32) < 'a' || (*arg[0].p | 32) > 'z')
		return SP_PARSE_BAD;
	describe(p, sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE), arg, n, n);
	return sp_parse_msg(p, used);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->left[p->side])
		return go_on(p, st);
	if (p->side == SP_SERVER)
		return reply(p, st);
	return *p->in.p == '*' ? command(p, st) : inline_command(p);
}

/* "*2\r\n$" of a client; nothing of a server is sure. */
static enum sp_probe probe(struct sp_parse *p)
{
	struct node array, first;
	if (node_at(p->in, 0, &array) != GOT)
		return node_at(p->in, 0, &array) == SHORT ? SP_PROBE_MAYBE : SP_PROBE_NO;
	if (array.type != '*')
		return p->side == SP_SERVER ? SP_PROBE_MAYBE : SP_PROBE_NO;
	enum got got = array.line < p->in.n ? node_at(p->in, array.line, &first) : SHORT;
	if (got == WRONG || (got == GOT && first.type != '$'))
		return p->side == SP_SERVER && got == GOT ? SP_PROBE_MAYBE : SP_PROBE_NO;
	return got == SHORT ? SP_PROBE_MAYBE : SP_PROBE_YES;
}

static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	st->left[p->side] = 0;
	for (size_t at = 0; p->side == SP_SERVER && at + 3 < p->in.n; at++) {
		struct node n;
		bool begins = !at || (at > 1 && p->in.p[at - 1] == '\n' && p->in.p[at - 2] == '\r');
		if (begins && node_at(p->in, at, &n) == GOT)
			return at;
	}
	if (p->side == SP_SERVER)
		return SP_RESYNC_NONE;
	for (size_t at = 0; at + 5 < p->in.n; at++) {
		struct sp_parse from = {.in = {p->in.p + at, p->in.n - at}, .side = SP_CLIENT};
		if (p->in.p[at] == '*' && probe(&from) == SP_PROBE_YES)
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {6379, 0};

static const struct sp_start starts[] = {
	{'*' << 8, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {[ARGS] = "redis.arguments", [FIELDS] = NULL};

#ifdef SP_WITH_VECTORS
static const struct sp_vector vectors[] = {
	{
		.name = "set and get",
		.step = {SP_C("*3\r\n$3\r\nset\r\n$6\r\nuser:1\r\n$3\r\nabc\r\n"), SP_S("+OK\r\n"),
			 SP_C("*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n"), SP_S("$3\r\nabc\r\n")},
		.want = "> request method=SET resource=SET user:1 ? endpoint=SET user bytes=34 redis.arguments=2\n"
			"< response status=ok bytes=5\n"
			"> request method=GET resource=GET user:1 endpoint=GET user bytes=25 redis.arguments=1\n"
			"< response status=ok bytes=9\n",
	},
	{
		.name = "pipeline, error, nested reply",
		.step = {SP_C("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nLLEN\r\n$1\r\ns\r\n"),
			 SP_S("+PONG\r\n-WRONGTYPE no list\r\n"), SP_C("*1\r\n$4\r\nEXEC\r\n"),
			 SP_S("*2\r\n*1\r\n:1\r\n$-1\r\n")},
		.want = "> request method=PING resource=PING endpoint=PING bytes=14 redis.arguments=0\n"
			"> request method=LLEN resource=LLEN s endpoint=LLEN bytes=21 redis.arguments=1\n"
			"< response status=ok bytes=7\n"
			"< response code=WRONGTYPE message=WRONGTYPE no list status=client_error bytes=20\n"
			"> request method=EXEC resource=EXEC endpoint=EXEC bytes=14 redis.arguments=0\n"
			"< response status=ok bytes=17\n",
	},
	{0},
};
#endif

const struct sp_parser sp_redis_parser = {
	.name = "redis",
	.title = "Redis",
	.missing = "",
	.app = SP_APP_REDIS,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct state),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
