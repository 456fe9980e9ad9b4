/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis server says: replies, messages to subscribers and other pushes, MONITOR's lines, and what a replica
 * begins with. */
#include "parsers/redis_reply.h"

#include "parsers/names.h"

enum { FILE_DIGITS = 15 };

/* What the first string of an array or push of the server says that it is. */
enum push { NO_PUSH, MESSAGE, PATTERN_MESSAGE, CONFIRMS, ENDS };

static enum push push_of(struct sp_slice word)
{
	static const struct {
		const char *word;
		enum push push;
	} pushes[] = {
		{"message", MESSAGE},	 {"pmessage", PATTERN_MESSAGE}, {"smessage", MESSAGE},
		{"subscribe", CONFIRMS}, {"psubscribe", CONFIRMS},	{"ssubscribe", CONFIRMS},
		{"unsubscribe", ENDS},	 {"punsubscribe", ENDS},	{"sunsubscribe", ENDS},
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(pushes); i++)
		if (sp_slice_is(word, pushes[i].word))
			return pushes[i].push;
	return NO_PUSH;
}

static void describe_push(struct sp_parse *p, const struct sp_slice *word, struct sp_slice channel)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	struct sp_arena *a = p->arena;
	uint8_t *begin = sp_arena_get(a, 2 * REDIS_NAME_SHOWN + 1 + SP_NAME_ROOM), *to = begin;
	if (!begin)
		return;
	for (size_t i = 0; i < word->n; i++)
		*to++ = word->p[i] >= 'a' && word->p[i] <= 'z' ? (uint8_t)(word->p[i] - 32) : word->p[i];
	struct sp_slice method = {begin, word->n};
	begin = to;
	to = sp_put(to, method);
	*to++ = ' ';
	struct sp_name_end name = sp_name_write(to, channel, true);
	sp_msg_put(m, SP_SLOT_METHOD, method);
	sp_msg_put(m, SP_SLOT_RESOURCE, channel);
	sp_msg_put(m, SP_SLOT_ENDPOINT, name.several ? (struct sp_slice){begin, (size_t)(name.end - begin)} : method);
}

static enum sp_parse_result reply_of(struct sp_parse *p, struct redis_state *st, const struct resp_node *n,
				     uint32_t roots)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->status = SP_STATUS_OK;
	if (n->null || n->type == '_')
		sp_msg_extra(m, REDIS_ROWS, SP_TEXT("0"));
	else if (n->type == '$')
		sp_msg_extra(m, REDIS_ROWS, SP_TEXT("1"));
	else if (n->children && !n->streamed && !p->terse)
		sp_msg_extra(m, REDIS_ROWS, sp_arena_u64(p->arena, n->type == '%' ? n->children / 2 : n->children));
	if (roots > 1 || !n->line || n->children || n->streamed || n->type == '.')
		return resp_finish(p, st, 0, roots);
	if (n->type == '-')
		resp_error(m, n->text);
	size_t used = SP_MIN(n->line + n->body, (uint64_t)p->in.n);
	p->want = n->line + n->body - used;
	return sp_parse_msg(p, used);
}

/* An array that may be a message to a subscriber, or a push. */
static enum sp_parse_result push(struct sp_parse *p, struct redis_state *st, const struct resp_node *n, uint32_t tag,
				 bool asked)
{
	struct sp_slice word, channel = {0};
	bool more = true, good = true, sure = n->type == '>';
	size_t at = n->line, missing = at < p->in.n ? resp_argument(p->in, &at, &word, &more, &good) : at + 4;
	if (!good)
		return reply_of(p, st, n, 1);
	if (missing)
		return sp_parse_more(p, missing);
	enum push what = word.n <= REDIS_NAME_SHOWN ? push_of(word) : NO_PUSH;
	uint32_t effect = asked ? tag & ((1 << REDIS_TAG_BITS) - 1) : REDIS_AMONG_PUSHES;
	if (what == CONFIRMS || (what == ENDS && asked && effect == REDIS_UNSUBSCRIBES)) {
		uint32_t channels = asked && (effect == REDIS_SUBSCRIBES || what == ENDS) ? tag >> REDIS_TAG_BITS : 1;
		return reply_of(p, st, &(struct resp_node){.type = '+'}, SP_MAX(channels, 1U));
	}
	if (!sure && (what == NO_PUSH || effect == REDIS_PLAIN))
		return reply_of(p, st, n, 1);
	for (unsigned i = 0; i < (what == PATTERN_MESSAGE ? 2 : what != NO_PUSH) && more; i++) {
		missing = at < p->in.n ? resp_argument(p->in, &at, &channel, &more, &good) : at + 4;
		if (missing && good)
			return sp_parse_more(p, missing);
		if (!good)
			break; /* the null of an unsubscription from nothing */
	}
	channel.n = good ? SP_MIN(channel.n, (size_t)REDIS_TEXT_SHOWN) : 0;
	word.n = SP_MIN(word.n, (size_t)REDIS_NAME_SHOWN);
	describe_push(p, &word, channel);
	return resp_finish(p, st, 0, 1);
}

/* Does MONITOR's stream continue: +1339518083.107412 [0 127.0.0.1:60866] "keys" "*"? It shows values. */
static bool is_monitored(struct sp_slice text)
{
	if (text.n <= 12 || *text.p < '0' || *text.p > '9')
		return false;
	const uint8_t *open = memchr(text.p, '[', SP_MIN(text.n, (size_t)24)),
		      *dot = memchr(text.p, '.', SP_MIN(text.n, (size_t)16));
	return dot && open && open > dot;
}

/* The file that a replica begins with: of known length, or until 40 random bytes come again. */
static enum sp_parse_result file(struct sp_parse *p, struct redis_state *st, const struct resp_node *n,
				 enum sp_msg_kind kind)
{
	struct sp_msg *m = sp_msg_begin(p, kind, SP_PART_WHOLE);
	struct redis_more *more = NULL;
	if (kind == SP_MSG_ONEWAY)
		describe_push(p, &SP_TEXT("FULLRESYNC"), (struct sp_slice){0});
	else
		m->status = SP_STATUS_OK;
	st->stage = REDIS_COMMANDS;
	p->want = n->body;
	if (n->text.n == REDIS_MARK_SIZE + 4 && (more = sp_parse_extend(p))) {
		memcpy(more->mark, n->text.p + 4, REDIS_MARK_SIZE);
		st->stage = REDIS_IN_FILE;
		st->open[SP_SERVER].kind = (uint8_t)kind;
		m->part = SP_PART_HEAD;
		p->want = 0;
	} else if (n->text.n == REDIS_MARK_SIZE + 4) {
		p->want = SP_TO_END;
	}
	return sp_parse_msg(p, n->line);
}

enum sp_parse_result redis_in_file(struct sp_parse *p, struct redis_state *st)
{
	struct redis_more *more = p->more;
	const uint8_t *mark = memmem(p->in.p, p->in.n, more->mark, REDIS_MARK_SIZE);
	if (mark) {
		sp_msg_begin(p, st->open[SP_SERVER].kind, SP_PART_TAIL);
		st->stage = REDIS_COMMANDS;
		return sp_parse_msg(p, (size_t)(mark - p->in.p) + REDIS_MARK_SIZE);
	}
	if (p->in.n < REDIS_MARK_SIZE)
		return sp_parse_more(p, REDIS_MARK_SIZE);
	return sp_parse_skip(p, p->in.n - REDIS_MARK_SIZE + 1, 0);
}

/* After SYNC or PSYNC. */
static enum sp_parse_result synchronise(struct sp_parse *p, struct redis_state *st, struct resp_node *n)
{
	if (n->type == '$') {
		bool marked = n->text.n == REDIS_MARK_SIZE + 4 && !memcmp(n->text.p, "EOF:", 4);
		if (!marked && !resp_digits(n->text, FILE_DIGITS, &n->body))
			return SP_PARSE_BAD;
		return file(p, st, n, st->stage == REDIS_TALK ? SP_MSG_RESPONSE : SP_MSG_ONEWAY);
	}
	if (n->type == '+' && n->text.n >= 8)
		st->stage = !memcmp(n->text.p, "CONTINUE", 8) ? REDIS_COMMANDS : REDIS_AWAITS_FILE;
	return reply_of(p, st, n, 1);
}

/* An error of RESP3 whose text is a string of its own. */
static enum sp_parse_result long_error(struct sp_parse *p, struct redis_state *st, const struct resp_node *n)
{
	size_t size = n->body < 2 ? 0 : (size_t)n->body - 2, shown = SP_MIN(size, (size_t)REDIS_TEXT_SHOWN);
	if (n->line + shown > p->in.n)
		return sp_parse_more(p, n->line + shown);
	resp_error(sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE), (struct sp_slice){p->in.p + n->line, shown});
	return resp_finish(p, st, 0, 1);
}

/* A string that was asked for, or the usual word. */
static inline bool short_reply(struct sp_parse *p, const struct redis_state *st)
{
	uint32_t size, line = 5;
	uint64_t all = line;
	if (st->stage != REDIS_TALK || st->flags & REDIS_SYNC_ASKED)
		return false;
	if (*p->in.p == '$') {
		line = resp_number(p->in.p, p->in.n, &size);
		all = line + size + 2ULL;
	} else if (p->in.n < line || memcmp(p->in.p, "+OK\r\n", line)) {
		return false;
	}
	if (!line)
		return false;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->status = SP_STATUS_OK;
	if (*p->in.p == '$' && !p->terse)
		sp_msg_extra(m, REDIS_ROWS, SP_TEXT("1"));
	p->used = SP_MIN(all, (uint64_t)p->in.n);
	p->want = all - p->used;
	return true;
}

static __attribute__((noinline)) enum sp_parse_result long_reply(struct sp_parse *p, struct redis_state *st)
{
	struct resp_node n;
	uint32_t tag = 0;
	bool asked = p->asked(p, 0, &tag);
	bool syncs = st->stage == REDIS_AWAITS_FILE || (asked && (tag & ((1 << REDIS_TAG_BITS) - 1)) == REDIS_SYNCS);
	if (*p->in.p == '\n')
		return sp_parse_skip(p, 1, 0); /* keeps the connection alive while a file for a replica is made */
	enum resp_got got = syncs ? resp_line_at(p->in, 0, &n) : resp_node_at(p->in, 0, &n);
	st->flags &= (uint8_t)~REDIS_ERROR_SEEN;
	st->depth = 0;
	if (got == RESP_SHORT)
		return sp_parse_more(p, p->in.n + 1);
	if (syncs && got == RESP_GOT)
		return synchronise(p, st, &n);
	if (got == RESP_WRONG && (p->in.n < RESP_LINE_SEEN || *p->in.p != '+'))
		return *p->in.p == '-' ? reply_of(p, st, &n, 1) : SP_PARSE_BAD;
	if (got == RESP_WRONG)
		n = (struct resp_node){.type = '+', .text = {p->in.p + 1, RESP_LINE_SEEN - 1}};
	if (n.type == '+' && is_monitored(n.text)) {
		describe_push(p, &SP_TEXT("MONITOR"), (struct sp_slice){0});
		return resp_finish(p, st, 0, 1);
	}
	if (n.type == '!')
		return long_error(p, st, &n);
	if ((n.type == '*' && (n.children == 3 || n.children == 4)) || (n.type == '>' && n.children))
		return push(p, st, &n, tag, asked);
	return reply_of(p, st, &n, 1);
}

enum sp_parse_result redis_reply(struct sp_parse *p, struct redis_state *st)
{
	return SP_LIKELY(short_reply(p, st)) ? SP_PARSE_MSG : long_reply(p, st);
}
