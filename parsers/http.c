/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.0 and 1.1 (RFC 9112, RFC 9110): one call a message whose length its head tells, wherever its body is. Bodies
 * are never looked at; of a chunked one the lines of its chunks are. */
#include "parsers/http_priv.h"

enum {
	LOST_MAX = 1 << 20, /* bytes between messages that belong to none: wrong lengths */
	VERSION_LOOK = 256, /* of a request line, where its method and target do not say enough */
};

struct state {
	struct sp_http_side side[2];
	uint16_t next; /* SP_APP_… after a switch */
	bool switched; /* both sides speak `next` */
	bool pending;  /* the client asked for a switch, and may no longer speak HTTP */
	bool known;    /* who is the client */
	bool flipped;  /* it is the side that is called the server: the connection says so */
	bool tagged;   /* a request's response may be of a kind of its own */
};
static_assert(sizeof(struct state) <= SP_CACHE_LINE, "every connection has one");

static bool by_client(const struct sp_parse *p, const struct state *st)
{
	return (p->side == SP_CLIENT) != st->flipped;
}

/* --- what begins a message, surely */

static const char *const methods[] = {
	"GET",
	"POST",
	"PUT",
	"HEAD",
	"DELETE",
	"OPTIONS",
	"PATCH",
	"TRACE",
	"CONNECT",
	"PROPFIND",
	"PROPPATCH",
	"MKCOL",
	"COPY",
	"MOVE",
	"LOCK",
	"UNLOCK",
	"SEARCH",
	"REPORT",
	"MKCALENDAR",
	"ACL",
	"BIND",
	"REBIND",
	"UNBIND",
	"LINK",
	"UNLINK",
	"CHECKIN",
	"CHECKOUT",
	"UNCHECKOUT",
	"MERGE",
	"LABEL",
	"UPDATE",
	"MKACTIVITY",
	"MKWORKSPACE",
	"BASELINE-CONTROL",
	"VERSION-CONTROL",
	"ORDERPATCH",
	"SUBSCRIBE",
	"UNSUBSCRIBE",
	"NOTIFY",
	"POLL",
	"M-SEARCH",
	"PURGE",
	"BAN",
	"SOURCE",
	"QUERY",
	"BCOPY",
	"BDELETE",
	"BMOVE",
	"BPROPFIND",
	"BPROPPATCH",
	"RPC_IN_DATA",
	"RPC_OUT_DATA",
	"SSTP_DUPLEX_POST",
};

static bool is_method(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(methods); i++)
		if (*p == (uint8_t)*methods[i] && strlen(methods[i]) == n && !memcmp(p, methods[i], n))
			return true;
	return false;
}

/* A name in capital letters that ends before `n`; 0: something else. */
static size_t method_size(const uint8_t *p, size_t n)
{
	size_t i = 0;
	n = SP_MIN(n, (size_t)SP_HTTP_METHOD_MAX);
	while (i < n && ((p[i] >= 'A' && p[i] <= 'Z') || (i && (p[i] == '-' || p[i] == '_'))))
		i++;
	return i;
}

/* By the version at the end of its line. */
static enum sp_probe line_is_request(struct sp_slice in)
{
	const uint8_t *nl = memchr(in.p, '\n', SP_MIN(in.n, (size_t)VERSION_LOOK));
	if (!nl)
		return in.n < VERSION_LOOK ? SP_PROBE_MAYBE : SP_PROBE_NO;
	size_t n = (size_t)(nl - in.p) - (nl[-1] == '\r');
	return n > 10 && !memcmp(in.p + n - 9, " HTTP/1.", 8) ? SP_PROBE_YES : SP_PROBE_NO;
}

static enum sp_probe is_request(struct sp_slice in)
{
	size_t n = method_size(in.p, in.n);
	if (n == in.n)
		return SP_PROBE_MAYBE;
	if (n < 2 || in.p[n] != ' ')
		return SP_PROBE_NO;
	if (n + 1 == in.n)
		return SP_PROBE_MAYBE;
	const uint8_t *target = in.p + n + 1;
	size_t left = in.n - n - 1, look = SP_MIN(left, 7);
	if (is_method(in.p, n) && (*target == '/' || (look == 7 && !memcmp(target, "http://", 7))))
		return SP_PROBE_YES;
	return *target > ' ' ? line_is_request(in) : SP_PROBE_NO;
}

static enum sp_probe is_response(struct sp_slice in)
{
	size_t look = SP_MIN(in.n, 7);
	if (memcmp(in.p, "HTTP/1.", look))
		return SP_PROBE_NO;
	if (in.n < 10)
		return SP_PROBE_MAYBE;
	return in.p[7] >= '0' && in.p[7] <= '9' && in.p[8] == ' ' && in.p[9] >= '1' && in.p[9] <= '9' ? SP_PROBE_YES
												      : SP_PROBE_NO;
}

static enum sp_probe probe(struct sp_parse *p)
{
	enum sp_probe response = is_response(p->in);
	enum sp_probe found = response == SP_PROBE_NO ? is_request(p->in) : response;
	if (found == SP_PROBE_YES)
		p->reversed = (p->side == SP_CLIENT) == (response == SP_PROBE_YES);
	return found;
}

static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	struct sp_http_side *s = &st->side[p->side];
	*s = (struct sp_http_side){.good = true};
	for (size_t at = 0; at < p->in.n;) {
		struct sp_slice rest = {p->in.p + at, p->in.n - at};
		bool either = !st->known;
		if ((either || by_client(p, st)) && is_request(rest) == SP_PROBE_YES)
			return at;
		if ((either || !by_client(p, st)) && is_response(rest) == SP_PROBE_YES)
			return at;
		const uint8_t *nl = memchr(rest.p, '\n', rest.n);
		if (!nl)
			break;
		at = (size_t)(nl + 1 - p->in.p);
	}
	return SP_RESYNC_NONE;
}

/* --- framing */

static enum sp_parse_result end_message(struct sp_parse *p, struct sp_http_side *s, size_t used, uint64_t want)
{
	p->msg.part = s->flags & SP_HTTP_OPEN ? SP_PART_TAIL : SP_PART_WHOLE;
	s->phase = SP_HTTP_P_START;
	s->flags = 0;
	p->want = want;
	return sp_parse_msg(p, used);
}

/* Its head, or more of it. */
static enum sp_parse_result go_on(struct sp_parse *p, struct sp_http_side *s, size_t used, uint64_t want)
{
	p->msg.part = s->flags & SP_HTTP_OPEN ? SP_PART_MIDDLE : SP_PART_HEAD;
	s->flags |= SP_HTTP_OPEN;
	p->want = want;
	return sp_parse_msg(p, used);
}

/* A header or trailer line that is not there as a whole begins at 0: what there is of it when it is too long. */
static enum sp_parse_result long_field(struct sp_parse *p, struct sp_http_side *s)
{
	if (p->in.n < SP_HTTP_LINE_MAX)
		return sp_parse_more(p, p->in.n + 1);
	sp_http_field(p, s, (struct sp_slice){p->in.p, SP_HTTP_LINE_MAX});
	s->then = s->phase;
	s->phase = SP_HTTP_P_LINE;
	return go_on(p, s, SP_HTTP_LINE_MAX, 0);
}

static enum sp_parse_result chunks(struct sp_parse *p, struct sp_http_side *s, size_t at)
{
	uint64_t skip = 0;
	if (sp_http_chunks(p, s, &at, &skip) != SP_HTTP_MORE) {
		if (s->flags & SP_HTTP_GRPC)
			sp_http_grpc_end(p, s);
		return end_message(p, s, at, skip);
	}
	bool told = sp_msg_slot(&p->msg, SP_SLOT_CODE).n || (s->phase == SP_HTTP_P_TRAILERS && at);
	if (!(s->flags & SP_HTTP_OPEN) || told)
		return go_on(p, s, at, skip);
	if (at)
		return sp_parse_skip(p, at, skip);
	return s->phase == SP_HTTP_P_TRAILERS ? long_field(p, s) : sp_parse_more(p, p->in.n + 1);
}

static enum sp_parse_result body(struct sp_parse *p, struct sp_http_side *s, size_t used, bool to_end);

/* Its messages are counted, or it is one like others. */
static __attribute__((noinline)) enum sp_parse_result counted(struct sp_parse *p, struct sp_http_side *s, size_t used,
							      bool to_end)
{
	return sp_http_grpc_begin(p, s, to_end) ? chunks(p, s, used) : body(p, s, used, to_end);
}

/* RFC 9112 section 6.3: with both a transfer coding and a length the coding counts. */
static enum sp_parse_result body(struct sp_parse *p, struct sp_http_side *s, size_t used, bool to_end)
{
	if (SP_UNLIKELY(s->flags & SP_HTTP_GRPC))
		return counted(p, s, used, to_end);
	if (s->flags & SP_HTTP_CHUNKED) {
		s->phase = SP_HTTP_P_CHUNK_SIZE;
		return chunks(p, s, used);
	}
	if (s->flags & SP_HTTP_CODED)
		return end_message(p, s, used, SP_TO_END);
	if (s->flags & SP_HTTP_HAS_LENGTH)
		return end_message(p, s, used, s->length);
	return end_message(p, s, used, to_end ? SP_TO_END : 0);
}

static void tell_tag(struct sp_parse *p, struct state *st, const struct sp_http_side *s)
{
	p->msg.tag = s->tag;
	st->tagged |= s->tag != SP_HTTP_PLAIN;
}

/* The response's head is there. */
static enum sp_parse_result response_body(struct sp_parse *p, struct state *st, struct sp_http_side *s, size_t used)
{
	uint32_t tag = SP_HTTP_PLAIN;
	if (s->kind == SP_MSG_INTERIM)
		return end_message(p, s, used, 0);
	if (SP_UNLIKELY(st->tagged) && p->asked(p, 0, &tag) && tag != SP_HTTP_PLAIN)
		st->pending = false;
	bool success = s->code >= 200 && s->code < 300;
	if (s->code == 101 || (tag == SP_HTTP_CONNECT && success)) {
		if (s->upgrade == SP_APP_HTTP2 && !(s->flags & SP_HTTP_OPEN)) {
			p->msg.kind = SP_MSG_INTERIM; /* its first response is the answer */
			p->msg.status = SP_STATUS_NONE;
		}
		st->switched = true;
		st->next = s->code == 101 ? s->upgrade : SP_APP_UNKNOWN;
		return end_message(p, s, used, 0);
	}
	if (tag == SP_HTTP_HEAD || s->code == 204 || s->code == 304)
		return end_message(p, s, used, 0);
	return body(p, s, used, true);
}

/* The head is there up to `used`. */
static enum sp_parse_result after_head(struct sp_parse *p, struct state *st, struct sp_http_side *s, size_t used)
{
	s->phase = SP_HTTP_P_START;
	if (s->kind != SP_MSG_REQUEST)
		return response_body(p, st, s, used);
	tell_tag(p, st, s);
	p->msg.id = s->upgrade == SP_APP_HTTP2; /* it will be that of the stream on which it is answered */
	st->pending |= s->tag == SP_HTTP_CONNECT || s->tag == SP_HTTP_UPGRADES;
	return s->tag == SP_HTTP_CONNECT ? end_message(p, s, used, 0) : body(p, s, used, false);
}

/* --- heads */

static enum sp_parse_result pass(struct sp_parse *p, struct sp_http_side *s, size_t used)
{
	s->lost += (uint32_t)used;
	return s->lost > LOST_MAX ? SP_PARSE_BAD : sp_parse_skip(p, used, 0);
}

/* No message begins here. What follows one whose length was wrong is passed over, line by line; a response may follow
 * without a line's end before it. */
static enum sp_parse_result wrong(struct sp_parse *p, struct state *st, struct sp_http_side *s)
{
	static const size_t tail = sizeof("HTTP/1") - 1;
	struct sp_slice in = p->in;
	s->flags = 0;
	s->scanned = 0;
	if (st->pending && by_client(p, st)) {
		if (in.n < SP_CARRY_MAX && !p->last)
			return sp_parse_more(p, in.n + 1);
		st->switched = true;
		return sp_parse_switch(p, 0, SP_APP_UNKNOWN);
	}
	if (!s->good)
		return SP_PARSE_BAD;
	const uint8_t *nl = memchr(in.p, '\n', in.n);
	size_t line = nl ? (size_t)(nl + 1 - in.p) : in.n;
	for (size_t at = 1; !by_client(p, st) && at + tail < line; at++) {
		const uint8_t *h = memchr(in.p + at, 'H', line - tail - at);
		if (!h)
			break;
		at = (size_t)(h - in.p);
		if (!memcmp(h, "HTTP/1.", tail + 1))
			return pass(p, s, at);
	}
	if (nl)
		return pass(p, s, line);
	if (!by_client(p, st))
		return in.n > tail ? pass(p, s, in.n - tail) : sp_parse_more(p, in.n + 1);
	s->phase = SP_HTTP_P_LINE;
	s->then = SP_HTTP_P_START;
	return pass(p, s, in.n);
}

static enum sp_parse_result pass_line(struct sp_parse *p, struct sp_http_side *s)
{
	const uint8_t *nl = memchr(p->in.p, '\n', p->in.n);
	size_t used = nl ? (size_t)(nl + 1 - p->in.p) : p->in.n;
	if (nl)
		s->phase = s->then;
	return s->then == SP_HTTP_P_START ? pass(p, s, used) : sp_parse_skip(p, used, 0);
}

/* A request line of which the end is not in sight. */
static enum sp_parse_result long_start(struct sp_parse *p, struct state *st, struct sp_http_side *s)
{
	if (!by_client(p, st) || is_request(p->in) != SP_PROBE_YES)
		return wrong(p, st, s);
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_HEAD);
	sp_http_long_line(p, s, (struct sp_slice){p->in.p, SP_HTTP_HEAD_MAX});
	tell_tag(p, st, s);
	s->scanned = 0;
	s->good = st->known = true;
	s->phase = SP_HTTP_P_LINE;
	s->then = SP_HTTP_P_FIELDS;
	return go_on(p, s, SP_HTTP_HEAD_MAX, 0);
}

/* An empty line follows a line end at or after `from`. */
static bool head_ends(struct sp_slice in, size_t from)
{
	const uint8_t *end = in.p + in.n, *nl = in.p + from;
	while ((nl = memchr(nl, '\n', (size_t)(end - nl)))) {
		nl++;
		if ((end - nl >= 1 && nl[0] == '\n') || (end - nl >= 2 && nl[0] == '\r' && nl[1] == '\n'))
			return true;
	}
	return false;
}

static enum sp_parse_result wait(struct sp_parse *p, struct sp_http_side *s)
{
	s->scanned = (uint16_t)p->in.n;
	return sp_parse_more(p, p->in.n + 1);
}

/* A message whose start line ends at `nl`. */
static enum sp_parse_result head(struct sp_parse *p, struct state *st, struct sp_http_side *s, const uint8_t *nl)
{
	const uint8_t *in = p->in.p;
	bool done;
	size_t line = (size_t)(nl - in);
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	if (!sp_http_start_line(p, s, (struct sp_slice){in, line - (line && nl[-1] == '\r')}))
		return wrong(p, st, s);
	if ((s->kind == SP_MSG_REQUEST) != by_client(p, st)) {
		if (st->known)
			return wrong(p, st, s);
		st->flipped = p->reversed = true;
	}
	size_t used = sp_http_fields(p, s, line + 1, &done);
	if (!done && p->in.n < SP_HTTP_HEAD_MAX && !p->last) {
		s->flags |= SP_HTTP_STARTED;
		return wait(p, s);
	}
	s->scanned = 0;
	s->lost = 0;
	s->good = st->known = true;
	if (done)
		return after_head(p, st, s, used);
	tell_tag(p, st, s);
	if (p->in.n < SP_HTTP_HEAD_MAX) /* the stream ended in it */
		return end_message(p, s, p->in.n, 0);
	s->phase = SP_HTTP_P_FIELDS;
	return go_on(p, s, used, 0);
}

static enum sp_parse_result start(struct sp_parse *p, struct state *st, struct sp_http_side *s)
{
	struct sp_slice in = p->in;
	bool complete = in.n >= SP_HTTP_HEAD_MAX || p->last;
	if (s->flags & SP_HTTP_STARTED && !complete && !head_ends(in, s->scanned > 3 ? s->scanned - 3 : 0))
		return wait(p, s);
	if (*in.p == '\n' || (in.n > 1 && *in.p == '\r' && in.p[1] == '\n'))
		return sp_parse_skip(p, *in.p == '\n' ? 1 : 2, 0); /* some end a body with an empty line */
	switch (*in.p == '\r' && in.n == 1 ? SP_HTTP_SHORT : sp_http_begins(in)) {
	case SP_HTTP_WRONG:
		return wrong(p, st, s);
	case SP_HTTP_SHORT:
		return sp_parse_more(p, in.n + 1);
	default:
		break;
	}
	size_t from = s->flags & SP_HTTP_STARTED ? 0 : s->scanned, look = SP_MIN(in.n, (size_t)SP_HTTP_HEAD_MAX);
	const uint8_t *nl = memchr(in.p + from, '\n', look > from ? look - from : 0);
	if (nl)
		return head(p, st, s, nl);
	return in.n < SP_HTTP_HEAD_MAX ? wait(p, s) : long_start(p, st, s);
}

/* An ordinary head that nobody reads. Returns where it ends, 0: it has to be looked at properly. */
static size_t plain_head(struct sp_parse *p, struct state *st, struct sp_http_side *s)
{
	struct sp_http_side found = {.good = true};
	size_t used = s->scanned ? 0 : sp_http_plain_head(p->in, &found);
	if (!used || (found.kind == SP_MSG_REQUEST) != by_client(p, st))
		return 0;
	*s = found;
	st->known = true;
	struct sp_msg *m = sp_msg_begin(p, found.kind, SP_PART_WHOLE);
	if (found.kind == SP_MSG_RESPONSE)
		m->status = (uint8_t)sp_http_status(found.code);
	return used;
}

static enum sp_parse_result more_fields(struct sp_parse *p, struct state *st, struct sp_http_side *s)
{
	bool done;
	size_t used = sp_http_fields(p, s, 0, &done);
	if (done)
		return after_head(p, st, s, used);
	return used ? go_on(p, s, used, 0) : long_field(p, s);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct sp_http_side *s = &st->side[p->side];
	if (st->switched)
		return sp_parse_switch(p, 0, st->next);
	size_t used;
	switch (s->phase) {
	case SP_HTTP_P_START:
		used = p->terse ? plain_head(p, st, s) : 0;
		return SP_LIKELY(used) ? after_head(p, st, s, used) : start(p, st, s);
	case SP_HTTP_P_LINE:
		return pass_line(p, s);
	case SP_HTTP_P_FIELDS:
		sp_msg_begin(p, s->kind, SP_PART_MIDDLE);
		return more_fields(p, st, s);
	default:
		sp_msg_begin(p, s->kind, SP_PART_MIDDLE);
		p->msg.app = s->flags & SP_HTTP_GRPC ? SP_APP_GRPC : SP_APP_UNKNOWN;
		return chunks(p, s, 0);
	}
}

static const uint16_t ports[] = {80, 8080, 8000, 3128, 0};

static const struct sp_start starts[] = {
	{'@' << 8, 0xe000, SP_FROM_CLIENT | SP_FROM_SERVER}, /* a capital letter */
	{0},
};

static const char *const fields[] = {
	[SP_HTTP_USER_AGENT] = "user_agent.original",
	[SP_HTTP_REFERER] = "http.request.header.referer",
	[SP_HTTP_CLIENT] = "client.address",
	[SP_HTTP_REQUEST_TYPE] = "http.request.header.content-type",
	[SP_HTTP_REQUEST_ENCODING] = "http.request.header.content-encoding",
	[SP_HTTP_REQUEST_SIZE] = "http.request.body.size",
	[SP_HTTP_AUTHORIZATION] = "http.request.header.authorization",
	[SP_HTTP_PROXY_AUTHORIZATION] = "http.request.header.proxy-authorization",
	[SP_HTTP_COOKIE] = "http.request.header.cookie",
	[SP_HTTP_UPGRADE] = "http.request.header.upgrade",
	[SP_HTTP_RESPONSE_TYPE] = "http.response.header.content-type",
	[SP_HTTP_RESPONSE_ENCODING] = "http.response.header.content-encoding",
	[SP_HTTP_RESPONSE_SIZE] = "http.response.body.size",
	[SP_HTTP_SERVER] = "http.response.header.server",
	[SP_HTTP_SET_COOKIE] = "http.response.header.set-cookie",
	[SP_HTTP_SUBPROTOCOL] = "http.response.header.sec-websocket-protocol",
	[SP_HTTP_RPC_SYSTEM] = "rpc.system",
	[SP_HTTP_RPC_SERVICE] = "rpc.service",
	[SP_HTTP_RPC_METHOD] = "rpc.method",
	[SP_HTTP_REQUEST_MESSAGES] = "rpc.grpc.request.messages",
	[SP_HTTP_RESPONSE_MESSAGES] = "rpc.grpc.response.messages",
	[SP_HTTP_FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/http_vectors.h"
#endif

const struct sp_parser sp_http_parser = {
	.name = "http",
	.title = "HTTP/1, gRPC-Web",
	.missing = "HTTP/0.9; messages of gRPC-Web in a body that only the connection's end ends",
	.app = SP_APP_HTTP,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct sp_http_more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
