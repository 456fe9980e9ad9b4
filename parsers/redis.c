/* SPDX-License-Identifier: Apache-2.0 */
/* Redis: RESP2 and RESP3 (https://redis.io/docs/reference/protocol-spec), inline commands, pushes, replication. Long
 * strings are passed over unread. What clients say is here, what servers say in redis_reply.c. */
#include <strings.h>

#include "parsers/redis_reply.h"

enum {
	LINE_OF_NUMBER = 512, /* longest that one has */
};

static const uint16_t ports[] = {6379, 0};

/* CLIENT REPLY ON, OFF and SKIP. */
static void client_reply(struct redis_state *st, const struct redis_command *c, struct sp_msg *m)
{
	if (c->n < 3 || c->arg[1].n != 5 || (c->arg[1].p[0] | 32) != 'r' || c->arg[2].n < 2)
		return;
	char second = (char)(c->arg[2].p[1] | 32);
	st->flags &= (uint8_t) ~(REDIS_REPLIES_OFF | REDIS_NEXT_WITHOUT);
	if (second == 'f')
		st->flags |= REDIS_REPLIES_OFF;
	else if (second == 'k')
		st->flags |= REDIS_NEXT_WITHOUT;
	m->kind = second == 'n' && st->stage == REDIS_TALK ? SP_MSG_REQUEST : SP_MSG_ONEWAY;
}

static void take_effect(struct sp_parse *p, struct redis_state *st, const struct redis_command *c)
{
	struct sp_msg *m = &p->msg;
	uint32_t effect = c->shape->effect;
	m->tag = effect;
	st->flags |= effect == REDIS_SYNCS ? REDIS_SYNC_ASKED : 0;
	if (effect == REDIS_SUBSCRIBES || effect == REDIS_UNSUBSCRIBES)
		m->tag |= (c->args - 1) << REDIS_TAG_BITS;
	else if (effect == REDIS_CLIENT && p->side == SP_CLIENT)
		client_reply(st, c, m);
	else if (effect == REDIS_SELECTS && c->n > 1 && p->side == SP_CLIENT) {
		uint32_t v = 0;
		for (size_t i = 0; i < c->arg[1].n && i < 5; i++)
			v = v * 10 + (c->arg[1].p[i] - '0') % 10U;
		st->database = v < UINT16_MAX ? (uint16_t)(v + 1) : 0;
	}
}

static void describe(struct sp_parse *p, struct redis_state *st, const struct redis_command *c)
{
	bool from_client = p->side == SP_CLIENT && st->stage == REDIS_TALK &&
			   !(st->flags & (REDIS_REPLIES_OFF | REDIS_NEXT_WITHOUT));
	if (p->side == SP_CLIENT)
		st->flags &= (uint8_t)~REDIS_NEXT_WITHOUT;
	struct sp_msg *m = sp_msg_begin(p, from_client ? SP_MSG_REQUEST : SP_MSG_ONEWAY, SP_PART_WHOLE);
	if (!p->terse)
		redis_describe(p, c);
	if (c->shape->effect)
		take_effect(p, st, c);
	if (st->database && !p->terse)
		sp_msg_extra(m, REDIS_NAMESPACE, sp_arena_u64(p->arena, st->database - 1U));
}

/* The name and what else is shown; the other arguments are passed over. */
static __attribute__((noinline)) enum sp_parse_result long_command(struct sp_parse *p, struct redis_state *st)
{
	struct redis_command c;
	struct resp_node n;
	bool more = true, good = true;
	size_t at = resp_number(p->in.p, p->in.n, &c.args), missing;
	if (!at) {
		enum resp_got got = resp_node_at(p->in, 0, &n);
		if (got != RESP_GOT)
			return got == RESP_SHORT ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
		at = n.line;
		c.args = n.children;
		if (n.streamed)
			return SP_PARSE_BAD;
	}
	if (!c.args)
		return sp_parse_skip(p, at, 0);
	if (c.args > RESP_NODES_MAX)
		return SP_PARSE_BAD;
	missing = at < p->in.n ? resp_argument(p->in, &at, &c.arg[0], &more, &good) : at + 4;
	if (!good || (!missing && (c.arg[0].n > REDIS_NAME_SHOWN || !c.arg[0].n)))
		return SP_PARSE_BAD;
	if (missing)
		return sp_parse_more(p, missing);
	redis_classify(&c, p->reveal);
	uint32_t passed = 1;
	for (c.n = 1; c.n < c.needs && more; c.n++) {
		missing = at < p->in.n ? resp_argument(p->in, &at, &c.arg[c.n], &more, &good) : at + 4;
		if (missing)
			return good ? sp_parse_more(p, missing) : SP_PARSE_BAD;
		passed += more;
	}
	describe(p, st, &c);
	return resp_finish(p, st, at, c.args - passed);
}

/* Most are short, and in one packet. */
static enum sp_parse_result command(struct sp_parse *p, struct redis_state *st)
{
	struct redis_command c;
	size_t at = resp_number(p->in.p, p->in.n, &c.args);
	size_t end = at && c.args <= REDIS_ARGS_SHOWN ? resp_strings(p->in, at, c.arg, c.args) : 0;
	if (SP_UNLIKELY(!end || end > RESP_HEAD_SEEN || !c.args || c.arg[0].n - 1 >= REDIS_NAME_SHOWN))
		return long_command(p, st);
	redis_classify(&c, p->reveal);
	c.n = c.needs;
	describe(p, st, &c);
	return sp_parse_msg(p, end);
}

static unsigned split(struct sp_slice line, struct sp_slice *arg, uint32_t *args)
{
	uint32_t n = 0, all = 0;
	for (size_t i = 0; i < line.n;) {
		uint8_t quote = line.p[i] == '"' || line.p[i] == '\'' ? line.p[i] : 0;
		size_t from = i + !!quote;
		for (i = from; i < line.n && line.p[i] != (quote ? quote : ' '); i++)
			i += quote && line.p[i] == '\\' && i + 1 < line.n;
		if ((i > from || quote) && all++ < REDIS_ARGS_SHOWN)
			arg[n++] = (struct sp_slice){line.p + from, i - from};
		i++;
	}
	*args = all;
	return n;
}

static enum sp_parse_result inline_command(struct sp_parse *p, struct redis_state *st)
{
	struct redis_command c;
	struct sp_slice in = p->in;
	const uint8_t *end = memchr(in.p, '\n', SP_MIN(in.n, (size_t)RESP_HEAD_SEEN));
	if (!end)
		return in.n < RESP_HEAD_SEEN ? sp_parse_more(p, in.n + 1) : SP_PARSE_BAD;
	size_t used = (size_t)(end + 1 - in.p);
	struct sp_slice line = {in.p, used - 1 - (used > 1 && end[-1] == '\r')};
	c.n = split(line, c.arg, &c.args);
	if (!c.n)
		return sp_parse_skip(p, used, 0); /* an empty line is nothing */
	if ((*c.arg[0].p | 32) < 'a' || (*c.arg[0].p | 32) > 'z' || c.arg[0].n > REDIS_NAME_SHOWN)
		return SP_PARSE_BAD;
	redis_classify(&c, p->reveal);
	describe(p, st, &c);
	return sp_parse_msg(p, used);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct redis_state *st = p->state;
	if (st->open[p->side].left)
		return resp_go_on(p, st);
	if (p->side == SP_CLIENT)
		return *p->in.p == '*' ? command(p, st) : inline_command(p, st);
	if (st->stage == REDIS_IN_FILE)
		return redis_in_file(p, st);
	return st->stage == REDIS_COMMANDS && *p->in.p == '*' ? command(p, st) : redis_reply(p, st);
}

static bool begins_inline(struct sp_slice in, const char *word)
{
	size_t n = strlen(word);
	return in.n >= n && !strncasecmp((const char *)in.p, word, n);
}

/* What a server says of its own: nobody else's words. */
static enum sp_probe probe_server(struct sp_parse *p, const struct resp_node *n)
{
	if (n->type == '+')
		return sp_slice_is(n->text, "PONG") || sp_slice_is(n->text, "QUEUED") ? SP_PROBE_YES
		       : n->text.n > 2 && !memcmp(n->text.p, "OK ", 3)		      ? SP_PROBE_NO
										      : SP_PROBE_MAYBE;
	if (n->type == '-')
		return begins_inline(n->text, "NOAUTH ") || begins_inline(n->text, "DENIED Redis ") ||
				       begins_inline(n->text, "WRONGTYPE ") || begins_inline(n->text, "MOVED ")
			       ? SP_PROBE_YES
			       : SP_PROBE_MAYBE;
	return SP_PROBE_MAYBE;
}

/* A line of words is anybody's: only the port tells. */
static enum sp_probe probe_inline(struct sp_parse *p)
{
	size_t n = SP_MIN(p->in.n, (size_t)REDIS_NAME_SHOWN);
	bool ping = !strncasecmp((const char *)p->in.p, "ping\r\n", SP_MIN(n, (size_t)6));
	for (size_t i = 0; i < n; i++) {
		if (p->in.p[i] == '\n')
			return p->server_port == ports[0] ? SP_PROBE_YES : ping ? SP_PROBE_MAYBE : SP_PROBE_NO;
		if ((p->in.p[i] < ' ' && p->in.p[i] != '\r') || p->in.p[i] > '~')
			return SP_PROBE_NO;
	}
	return (p->server_port == ports[0] || ping) && n < REDIS_NAME_SHOWN ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

/* A line of which the end is not there: of most types numbers. */
static bool may_be_line(struct sp_slice in)
{
	bool text = in.n && (*in.p == '+' || *in.p == '-');
	for (size_t i = 1; i < in.n; i++)
		if (in.p[i] != '\r' &&
		    (text ? in.p[i] < ' ' : !in.p[i] || !strchr("0123456789+-.?aefintEFIN", in.p[i])))
			return false;
	return text || in.n < LINE_OF_NUMBER;
}

/* "*2\r\n$" of a client. Of a server little is sure. */
static enum sp_probe probe(struct sp_parse *p)
{
	struct resp_node n, first;
	if (p->in.n && (*p->in.p | 32) >= 'a')
		return probe_inline(p);
	enum resp_got got = resp_node_at(p->in, 0, &n);
	if (got != RESP_GOT)
		return got == RESP_SHORT && may_be_line(p->in) ? SP_PROBE_MAYBE : SP_PROBE_NO;
	if (n.type != '*' && n.type != '>')
		return p->side == SP_SERVER ? probe_server(p, &n) : SP_PROBE_NO;
	if (!n.children || n.streamed || n.null)
		return SP_PROBE_MAYBE;
	got = resp_node_at(p->in, n.line, &first);
	if (got == RESP_WRONG || (got == RESP_GOT && first.type != '$'))
		return p->side == SP_SERVER && got == RESP_GOT ? SP_PROBE_MAYBE : SP_PROBE_NO;
	return got == RESP_SHORT ? SP_PROBE_MAYBE : SP_PROBE_YES;
}

/* A reply begins after a line's end. */
static size_t resync_reply(struct sp_slice in)
{
	struct resp_node n;
	for (size_t at = 0; at < in.n;) {
		if (resp_node_at(in, at, &n) == RESP_GOT)
			return at;
		const uint8_t *end = memchr(in.p + at, '\n', in.n - at);
		if (!end)
			break;
		at = (size_t)(end - in.p) + 1;
	}
	return SP_RESYNC_NONE;
}

static size_t resync(struct sp_parse *p)
{
	struct redis_state *st = p->state;
	struct resp_node n, first;
	st->open[p->side].left = 0;
	st->open[p->side].in_line = false;
	if (st->stage == REDIS_IN_FILE && p->side == SP_SERVER)
		return 0;
	if (p->side == SP_SERVER && st->stage != REDIS_COMMANDS)
		return resync_reply(p->in);
	for (size_t at = 0; at + 5 < p->in.n; at++) {
		const uint8_t *star = memchr(p->in.p + at, '*', p->in.n - at);
		if (!star)
			return SP_RESYNC_NONE;
		at = (size_t)(star - p->in.p);
		if (resp_node_at(p->in, at, &n) == RESP_GOT && n.children &&
		    resp_node_at(p->in, at + n.line, &first) == RESP_GOT && first.type == '$')
			return at;
	}
	return SP_RESYNC_NONE;
}

static const struct sp_start starts[] = {
	{'*' << 8, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER},
	SP_START_TEXT('P', 'I', SP_FROM_CLIENT),
	SP_START_TEXT('p', 'i', SP_FROM_CLIENT),
	SP_START_TEXT('S', 'E', SP_FROM_CLIENT), /* set, get, auth, info as lines */
	SP_START_TEXT('s', 'e', SP_FROM_CLIENT),
	SP_START_TEXT('G', 'E', SP_FROM_CLIENT),
	SP_START_TEXT('g', 'e', SP_FROM_CLIENT),
	SP_START_TEXT('A', 'U', SP_FROM_CLIENT),
	SP_START_TEXT('a', 'u', SP_FROM_CLIENT),
	SP_START_TEXT('I', 'N', SP_FROM_CLIENT),
	SP_START_TEXT('i', 'n', SP_FROM_CLIENT),
	SP_START_TEXT('+', 'P', SP_FROM_SERVER),
	SP_START_TEXT('+', 'O', SP_FROM_SERVER),
	{'-' << 8, 0xff00, SP_FROM_SERVER},
	{'$' << 8, 0xff00, SP_FROM_SERVER},
	{':' << 8, 0xff00, SP_FROM_SERVER},
	{'%' << 8, 0xff00, SP_FROM_SERVER},
	{'>' << 8, 0xff00, SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[REDIS_NAMESPACE] = "db.namespace",
	[REDIS_ROWS] = "db.response.returned_rows",
	[REDIS_FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/redis_vectors.h"
#endif

const struct sp_parser sp_redis_parser = {
	.name = "redis",
	.title = "Redis",
	.missing = "the cluster's bus between its nodes",
	.app = SP_APP_REDIS,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct redis_state),
	.more_size = sizeof(struct redis_more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
