/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/redis_resp.h"

enum { BULK_MAX = 512 << 20 /* proto-max-bulk-len */ };

#define UNBOUNDED (UINT32_MAX / 2)

bool resp_digits(struct sp_slice s, size_t max, uint64_t *ret)
{
	uint64_t v = 0;
	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + s.p[i] - '0';
	}
	*ret = v;
	return true;
}

static bool number_of(struct resp_node *n, uint32_t max, uint32_t *ret)
{
	uint64_t v = 0;
	n->null = sp_slice_is(n->text, "-1");
	n->streamed = sp_slice_is(n->text, "?");
	bool good = n->null || n->streamed || resp_digits(n->text, 10, &v);
	*ret = (uint32_t)v;
	return good && v <= max;
}

static enum resp_got node_of(struct resp_node *n)
{
	uint32_t v;
	switch (n->type) {
	case '$':
	case '!':
	case '=':
		if (!number_of(n, BULK_MAX, &v))
			return RESP_WRONG;
		n->children = n->streamed; /* its first piece */
		n->body = n->null || n->streamed ? 0 : v + 2ULL;
		return RESP_GOT;
	case ';': /* a piece of a string; the empty one is the last */
		if (!number_of(n, BULK_MAX, &v) || n->null || n->streamed)
			return RESP_WRONG;
		n->children = v > 0;
		n->body = v ? v + 2ULL : 0;
		return RESP_GOT;
	case '*':
	case '~':
	case '>':
		return number_of(n, RESP_NODES_MAX, &n->children) ? RESP_GOT : RESP_WRONG;
	case '%':
	case '|':
		if (!number_of(n, RESP_NODES_MAX, &v))
			return RESP_WRONG;
		n->children = 2 * v + (n->type == '|'); /* attributes stand before what they are of */
		return RESP_GOT;
	case '.':
		return n->text.n ? RESP_WRONG : RESP_GOT;
	case '+':
	case '-':
	case ':':
	case '_':
	case '#':
	case ',':
	case '(':
		return RESP_GOT;
	default:
		return RESP_WRONG;
	}
}

/* The line at `at`, whatever it says. */
enum resp_got resp_line_at(struct sp_slice in, size_t at, struct resp_node *n)
{
	size_t left = in.n - at;
	if (!left)
		return RESP_SHORT;
	const uint8_t *p = in.p + at, *end = memchr(p, '\n', SP_MIN(left, (size_t)RESP_LINE_SEEN));
	*n = (struct resp_node){.type = *p};
	if (!end)
		return left < RESP_LINE_SEEN && *p && strchr("$!=;*~>%|.+-:_#,(", *p) ? RESP_SHORT : RESP_WRONG;
	n->line = (uint32_t)(end + 1 - p);
	n->text = (struct sp_slice){p + 1, n->line < 2 ? 0 : n->line - 2U - (n->line > 2 && end[-1] == '\r')};
	return n->line < 2 ? RESP_WRONG : RESP_GOT;
}

enum resp_got resp_node_at(struct sp_slice in, size_t at, struct resp_node *n)
{
	uint32_t size, line = at < in.n && in.p[at] == '$' ? resp_number(in.p + at, in.n - at, &size) : 0;
	if (line) {
		*n = (struct resp_node){.type = '$', .line = line, .body = size + 2ULL};
		return RESP_GOT;
	}
	enum resp_got got = resp_line_at(in, at, n);
	return got == RESP_GOT ? node_of(n) : got;
}

size_t resp_strings(struct sp_slice in, size_t at, struct sp_slice *ret, uint32_t n)
{
	const uint8_t *p = in.p + at, *end = in.p + in.n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size, line = p < end && *p == '$' ? resp_number(p, (size_t)(end - p), &size) : 0;
		if (!line || size + 2ULL > (size_t)(end - p) - line)
			return 0;
		ret[i] = (struct sp_slice){p + line, size};
		p += line + size + 2ULL;
	}
	return (size_t)(p - in.p);
}

/* The line of a string whose size is not written plainly. 0: it is not there, or not `*good`. */
static uint32_t odd_argument(struct sp_slice in, size_t at, uint32_t *size, bool *good)
{
	struct resp_node n = {0};
	enum resp_got got = resp_node_at(in, at, &n);
	*good = got == RESP_SHORT || (got == RESP_GOT && n.type == '$' && n.body && in.n - at >= n.line);
	if (!*good || got == RESP_SHORT)
		return 0;
	*size = (uint32_t)(n.body - 2);
	return n.line;
}

size_t resp_argument(struct sp_slice in, size_t *at, struct sp_slice *ret, bool *more, bool *good)
{
	uint32_t size, line = resp_number(in.p + *at, in.n - *at, &size);
	if (SP_UNLIKELY(!line || in.p[*at] != '$') && !(line = odd_argument(in, *at, &size, good)))
		return in.n + 1;
	size_t from = *at + line, shown = size;
	*more = from + size <= RESP_HEAD_SEEN;
	if (!*more)
		shown = SP_MIN(size, (uint32_t)REDIS_TEXT_SHOWN);
	else if (shown + 2 > in.n - from)
		return from + shown + 2;
	if (shown > in.n - from)
		return from + shown;
	*ret = (struct sp_slice){in.p + from, shown};
	*at = *more ? from + size + 2 : *at;
	return 0;
}

static bool is_server_error(struct sp_slice code)
{
	static const char *const codes[] = {"BUSY",	  "CLUSTERDOWN", "IOERR",      "LOADING",
					    "MASTERDOWN", "MISCONF",	 "NOREPLICAS", "OOM",
					    "READONLY",	  "TRYAGAIN",	 "UNKILLABLE", NULL};
	for (const char *const *c = codes; *c; c++)
		if (sp_slice_is(code, *c))
			return true;
	return false;
}

void resp_error(struct sp_msg *m, struct sp_slice text)
{
	/* Redis quotes the arguments of commands that it does not know. */
	static const char quoted[] = "with args beginning with";
	text.n = SP_MIN(text.n, (size_t)REDIS_TEXT_SHOWN);
	const uint8_t *space = memchr(text.p, ' ', text.n), *args = memmem(text.p, text.n, quoted, sizeof quoted - 1);
	struct sp_slice code = {text.p, space ? (size_t)(space - text.p) : text.n};
	sp_msg_put(m, SP_SLOT_CODE, code);
	sp_msg_put(m, SP_SLOT_MESSAGE, (struct sp_slice){text.p, args ? (size_t)(args - text.p) : text.n});
	m->status = is_server_error(code) ? SP_STATUS_SERVER_ERROR : SP_STATUS_CLIENT_ERROR;
	if (sp_slice_is(code, "MOVED") || sp_slice_is(code, "ASK"))
		m->status = SP_STATUS_OK; /* the cluster's way of answering */
}

/* The first error anywhere in a reply: of a transaction, too. */
static void note_error(struct sp_parse *p, struct redis_state *st, struct sp_slice text)
{
	if (p->side != SP_SERVER || st->flags & REDIS_ERROR_SEEN || p->msg.kind != SP_MSG_RESPONSE)
		return;
	st->flags |= REDIS_ERROR_SEEN;
	resp_error(&p->msg, text);
}

struct walk {
	struct sp_parse *p;
	struct redis_state *st;
	size_t at;
	uint32_t left;
	bool in_line;
	uint64_t skip; /* what is not there of the last string */
};

/* A line whose beginning was seen, or that is too long to wait for. */
static bool pass_line(struct walk *w)
{
	struct sp_slice in = w->p->in;
	const uint8_t *end = w->at < in.n ? memchr(in.p + w->at, '\n', in.n - w->at) : NULL;
	w->in_line = !end;
	w->at = end ? (size_t)(end + 1 - in.p) : in.n;
	w->left -= !w->in_line;
	return true;
}

/* False: no node, or not all of its line is there. */
static bool pass_node(struct walk *w, bool *good)
{
	struct sp_slice in = w->p->in;
	struct redis_state *st = w->st;
	struct resp_node n;
	enum resp_got got = resp_node_at(in, w->at, &n);
	if (got == RESP_WRONG && w->at < in.n && strchr("+-:,(", in.p[w->at]) && in.p[w->at] &&
	    in.n - w->at >= RESP_LINE_SEEN) {
		if (in.p[w->at] == '-')
			note_error(w->p, st, (struct sp_slice){in.p + w->at + 1, RESP_LINE_SEEN - 1});
		return pass_line(w);
	}
	if (got != RESP_GOT)
		return *good = got == RESP_SHORT, false;
	w->at += n.line;
	if (n.type == '-')
		note_error(w->p, st, n.text);
	if (n.type == '.') {
		if (!st->depth)
			return *good = false;
		w->left = st->outer[--st->depth];
		return true;
	}
	w->left += n.children - 1;
	if (n.streamed && n.type != '$') {
		if (st->depth == RESP_STREAMS_MAX || w->p->side != SP_SERVER)
			return *good = false;
		st->outer[st->depth++] = w->left;
		w->left = UNBOUNDED;
	}
	if ((w->left > RESP_NODES_MAX && !st->depth) || w->left > UNBOUNDED + RESP_NODES_MAX || (st->depth && !w->left))
		return *good = false;
	if (n.body > in.n - w->at) {
		w->skip = n.body - (in.n - w->at);
		w->at = in.n;
	} else {
		w->at += (size_t)n.body;
	}
	return true;
}

/* Passes over nodes until the message's last one, or the last byte. False: not RESP. */
static bool pass(struct walk *w)
{
	struct sp_slice in = w->p->in;
	bool good = true;
	w->skip = 0;
	if (w->in_line)
		pass_line(w);
	while (w->left && w->at < in.n && !w->skip && !w->in_line) {
		uint32_t size, line = in.p[w->at] == '$' ? resp_number(in.p + w->at, in.n - w->at, &size) : 0;
		if (!line) {
			if (!pass_node(w, &good))
				return good;
			continue;
		}
		uint64_t all = (uint64_t)line + size + 2;
		w->left--;
		if (all > in.n - w->at) {
			w->skip = all - (in.n - w->at);
			w->at = in.n;
			return true;
		}
		w->at += all;
	}
	return true;
}

static void keep(const struct walk *w)
{
	struct redis_open *open = &w->st->open[w->p->side];
	*open = (struct redis_open){w->left, w->p->msg.kind, w->in_line};
}

/* More of the message that is open on this side. */
enum sp_parse_result resp_go_on(struct sp_parse *p, struct redis_state *st)
{
	struct redis_open *open = &st->open[p->side];
	struct walk w = {.p = p, .st = st, .left = open->left, .in_line = open->in_line};
	struct sp_msg *m = sp_msg_begin(p, open->kind, SP_PART_TAIL);
	if (!pass(&w))
		return SP_PARSE_BAD;
	keep(&w);
	p->want = w.skip;
	if (!w.left)
		return sp_parse_msg(p, w.at);
	if (m->status) {
		m->part = SP_PART_MIDDLE;
		return sp_parse_msg(p, w.at);
	}
	return w.at ? sp_parse_skip(p, w.at, w.skip) : sp_parse_more(p, p->in.n + 1);
}

/* The message of which `left` nodes from `at` on may not all be there: whole, or its head. */
enum sp_parse_result resp_finish(struct sp_parse *p, struct redis_state *st, size_t at, uint32_t left)
{
	struct walk w = {.p = p, .st = st, .at = at, .left = left};
	if (!pass(&w))
		return SP_PARSE_BAD;
	if (!w.at)
		return sp_parse_more(p, p->in.n + 1);
	keep(&w);
	p->msg.part = w.left ? SP_PART_HEAD : SP_PART_WHOLE;
	p->want = w.skip;
	return sp_parse_msg(p, w.at);
}
