/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1's heads: start line and header lines (RFC 9112), what they say about the message and how it is framed. */
#include "parsers/http_priv.h"

enum {
	TARGET_MAX = 8192, /* shown of it */
	VERSION_SIZE = 8,  /* HTTP/1.1 */
	STATUS_LINE_MIN = 12,
	LENGTH_DIGITS_MAX = 18,
	HOST_SEEN = SP_HTTP_FIELDS,
};

static const uint8_t token[256] = {
	['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 1, ['-'] = 1, ['_'] = 1, ['.'] = 1, ['!'] = 1, ['$'] = 1,
};

static bool is_version(const uint8_t *p)
{
	return !memcmp(p, "HTTP/1.", 7) && p[7] >= '0' && p[7] <= '9';
}

enum sp_http_start sp_http_begins(struct sp_slice in)
{
	if (*in.p == 'H' && in.n > 1 && !memcmp(in.p, "HTTP/1.", SP_MIN(in.n, 7)))
		return in.n < 7 ? SP_HTTP_SHORT : SP_HTTP_RESPONSE;
	if (*in.p == 'I' && !memcmp(in.p, "ICY ", SP_MIN(in.n, 4)))
		return in.n < 4 ? SP_HTTP_SHORT : SP_HTTP_RESPONSE;
	size_t n = SP_MIN(in.n, (size_t)SP_HTTP_METHOD_MAX), i = 0;
	while (i < n && token[in.p[i]])
		i++;
	if (i == in.n)
		return SP_HTTP_SHORT;
	return i && i < n && in.p[i] == ' ' ? SP_HTTP_REQUEST : SP_HTTP_WRONG;
}

static void begin(struct sp_http_side *s, enum sp_msg_kind kind)
{
	s->kind = (uint8_t)kind;
	s->tag = SP_HTTP_PLAIN;
	s->length = 0;
	s->seen = 0;
	s->code = s->upgrade = s->flags = 0;
}

static void show_target(struct sp_parse *p, struct sp_http_side *s, struct sp_slice target)
{
	target.n = SP_MIN(target.n, (size_t)TARGET_MAX);
	if (s->tag == SP_HTTP_CONNECT || (*target.p != '/' && *target.p != '*')) {
		struct sp_slice host = sp_msg_put(&p->msg, SP_SLOT_HOST, sp_http_authority(target));
		s->seen |= host.n ? 1U << HOST_SEEN : 0;
	}
	if (p->terse)
		return;
	sp_msg_put(&p->msg, SP_SLOT_RESOURCE, sp_http_target(p->arena, target, p->reveal));
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, sp_http_endpoint(p->arena, target));
}

static void show_request(struct sp_parse *p, struct sp_http_side *s, struct sp_slice method, struct sp_slice target)
{
	begin(s, SP_MSG_REQUEST);
	s->tag = sp_slice_is(method, "HEAD") ? SP_HTTP_HEAD : sp_slice_is(method, "CONNECT") ? SP_HTTP_CONNECT : 0;
	p->msg.kind = SP_MSG_REQUEST;
	sp_msg_put(&p->msg, SP_SLOT_METHOD, method);
	if (target.n)
		show_target(p, s, target);
}

/* method SP target SP version; some send a target with spaces in it, or none. */
static bool request_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line)
{
	const uint8_t *space = memchr(line.p, ' ', line.n);
	while (line.n && line.p[line.n - 1] == ' ')
		line.n--;
	const uint8_t *version = line.p + line.n - VERSION_SIZE;
	if (!space || line.n < VERSION_SIZE + 2 || !is_version(version) || version[-1] != ' ')
		return false;
	struct sp_slice method = {line.p, (size_t)(space - line.p)};
	struct sp_slice target = sp_http_trim((struct sp_slice){space, (size_t)(version - space)});
	show_request(p, s, method, target);
	sp_msg_put(&p->msg, SP_SLOT_VERSION, (struct sp_slice){version + 5, 3});
	return true;
}

void sp_http_long_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line)
{
	const uint8_t *space = memchr(line.p, ' ', line.n);
	struct sp_slice method = {line.p, (size_t)(space - line.p)};
	show_request(p, s, method, (struct sp_slice){space + 1, line.n - method.n - 1});
}

/* version SP code SP reason. */
static bool status_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line)
{
	bool icy = *line.p == 'I'; /* SHOUTcast */
	if (!icy && (line.n < STATUS_LINE_MIN || !is_version(line.p) || line.p[VERSION_SIZE] != ' '))
		return false;
	size_t at = icy ? 4 : VERSION_SIZE + 1;
	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++; /* more than one, by some */
	if (line.n < at + 3)
		return false;
	unsigned code = 0;
	for (size_t i = at; i < at + 3; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
		code = code * 10 + line.p[i] - '0';
	}
	if (line.n > at + 3 && line.p[at + 3] != ' ')
		return false;
	begin(s, code >= 100 && code < 200 && code != 101 ? SP_MSG_INTERIM : SP_MSG_RESPONSE);
	s->code = (uint16_t)code;
	struct sp_msg *m = &p->msg;
	m->kind = s->kind;
	m->status = s->kind == SP_MSG_INTERIM ? SP_STATUS_NONE : (uint8_t)sp_http_status(code);
	sp_msg_put(m, SP_SLOT_CODE, (struct sp_slice){line.p + at, 3});
	if (!icy)
		sp_msg_put(m, SP_SLOT_VERSION, (struct sp_slice){line.p + 5, 3});
	if (code >= 400)
		sp_msg_put(m, SP_SLOT_MESSAGE, sp_http_trim((struct sp_slice){line.p + at + 3, line.n - at - 3}));
	return true;
}

bool sp_http_start_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line)
{
	switch (sp_http_begins(line)) {
	case SP_HTTP_REQUEST:
		return request_line(p, s, line);
	case SP_HTTP_RESPONSE:
		return status_line(p, s, line);
	default:
		return false;
	}
}

enum name {
	NONE,
	AUTHORIZATION,
	CONTENT_ENCODING,
	CONTENT_LENGTH,
	CONTENT_TYPE,
	COOKIE,
	GRPC_MESSAGE,
	GRPC_STATUS,
	HOST,
	PROXY_AUTHORIZATION,
	REFERER,
	SERVER,
	SET_COOKIE,
	SUBPROTOCOL,
	TRACE,
	TRANSFER_ENCODING,
	UPGRADE,
	USER_AGENT,
	X_FORWARDED_FOR,
};

/* Which of the names that matter a line begins with, and how long that is. By the first letter, then by where the colon
 * would be: most lines need no comparing at all. */
static enum name name_of(struct sp_slice line, size_t *length)
{
	const uint8_t *p = line.p;
#define IS(text, id)                                                                                                   \
	if (line.n >= sizeof(text) && p[sizeof(text) - 1] == ':' && sp_same_nocase(p, text, sizeof(text) - 1)) {       \
		*length = sizeof(text) - 1;                                                                            \
		return id;                                                                                             \
	}
	switch (*p | 32) {
	case 'a':
		IS("authorization", AUTHORIZATION)
		break;
	case 'b':
		IS("b3", TRACE)
		break;
	case 'c':
		IS("content-length", CONTENT_LENGTH)
		IS("content-type", CONTENT_TYPE)
		IS("content-encoding", CONTENT_ENCODING)
		IS("cookie", COOKIE)
		break;
	case 'g':
		IS("grpc-status", GRPC_STATUS)
		IS("grpc-message", GRPC_MESSAGE)
		break;
	case 'h':
		IS("host", HOST)
		break;
	case 'p':
		IS("proxy-authorization", PROXY_AUTHORIZATION)
		break;
	case 'r':
		IS("referer", REFERER)
		break;
	case 's':
		IS("server", SERVER)
		IS("set-cookie", SET_COOKIE)
		IS("sw8", TRACE)
		IS("sec-websocket-protocol", SUBPROTOCOL)
		break;
	case 't':
		IS("transfer-encoding", TRANSFER_ENCODING)
		IS("traceparent", TRACE)
		IS("traceresponse", TRACE)
		break;
	case 'u':
		IS("user-agent", USER_AGENT)
		IS("upgrade", UPGRADE)
		IS("uber-trace-id", TRACE)
		break;
	case 'x':
		IS("x-forwarded-for", X_FORWARDED_FOR)
		IS("x-request-id", TRACE)
		IS("x-b3-traceid", TRACE)
		IS("x-b3-spanid", TRACE)
		IS("x-b3-parentspanid", TRACE)
		IS("x-amzn-trace-id", TRACE)
		IS("x-datadog-trace-id", TRACE)
		IS("x-datadog-parent-id", TRACE)
		break;
	default:
		break;
	}
#undef IS
	return NONE;
}

/* The first line of a name is shown. */
static void show(struct sp_parse *p, struct sp_http_side *s, enum sp_http_field field, struct sp_slice value)
{
	if (s->seen & 1U << field)
		return;
	s->seen |= 1U << field;
	sp_msg_extra(&p->msg, field, value);
}

/* "10", or "10, 10" by those who join lines of the same name. Of lines that differ the first counts; what is no number
 * is as if it were not there. One with more digits than any body has (SSTP sends 2^64-1) says that the stream ends it.
 */
static void content_length(struct sp_parse *p, struct sp_http_side *s, struct sp_slice value)
{
	struct sp_slice first = sp_http_first(value);
	uint64_t length = 0;
	for (size_t i = 0; i < first.n && i < LENGTH_DIGITS_MAX; i++) {
		if (first.p[i] < '0' || first.p[i] > '9')
			return;
		length = length * 10 + first.p[i] - '0';
	}
	if (!first.n || s->flags & SP_HTTP_HAS_LENGTH)
		return;
	s->flags |= SP_HTTP_HAS_LENGTH;
	s->length = first.n > LENGTH_DIGITS_MAX ? SP_TO_END : length;
	show(p, s, s->kind == SP_MSG_REQUEST ? SP_HTTP_REQUEST_SIZE : SP_HTTP_RESPONSE_SIZE, first);
}

/* The last coding decides. */
static void transfer_encoding(struct sp_http_side *s, struct sp_slice value)
{
	for (size_t i = value.n; i > 0; i--)
		if (value.p[i - 1] == ',') {
			value = (struct sp_slice){value.p + i, value.n - i};
			break;
		}
	value = sp_http_trim(value);
	if (sp_slice_is_nocase(value, "identity"))
		return;
	s->flags &= (uint8_t) ~(SP_HTTP_CHUNKED | SP_HTTP_CODED);
	s->flags |= sp_slice_is_nocase(value, "chunked") ? SP_HTTP_CHUNKED : SP_HTTP_CODED;
}

static void upgrade(struct sp_parse *p, struct sp_http_side *s, struct sp_slice value)
{
	struct sp_slice first = sp_http_first(value);
	if (!first.n)
		return;
	s->upgrade = sp_slice_is_nocase(first, "websocket") ? SP_APP_WEBSOCKET
		     : sp_slice_is_nocase(first, "h2c")	    ? SP_APP_HTTP2
							    : SP_APP_UNKNOWN;
	if (s->kind != SP_MSG_REQUEST)
		return;
	show(p, s, SP_HTTP_UPGRADE, first);
	if (s->tag == SP_HTTP_PLAIN)
		s->tag = SP_HTTP_UPGRADES;
}

static void host(struct sp_parse *p, struct sp_http_side *s, struct sp_slice value)
{
	if (s->seen & 1U << HOST_SEEN)
		return;
	s->seen |= 1U << HOST_SEEN;
	sp_msg_put(&p->msg, SP_SLOT_HOST, sp_http_host(value));
}

static __attribute__((noinline)) void grpc_field(struct sp_parse *p, struct sp_http_side *s, enum name name,
						 struct sp_slice value)
{
	if (name == GRPC_MESSAGE) {
		sp_msg_put(&p->msg, SP_SLOT_MESSAGE, sp_grpc_message(p->arena, value));
	} else if (name == GRPC_STATUS) {
		sp_grpc_code(p, value);
		s->code = 0; /* HTTP's says no more */
	} else {
		show(p, s, s->kind == SP_MSG_REQUEST ? SP_HTTP_REQUEST_TYPE : SP_HTTP_RESPONSE_TYPE, value);
		sp_http_grpc_call(p, s, value);
	}
}

static void request_field(struct sp_parse *p, struct sp_http_side *s, enum name name, struct sp_slice value)
{
	switch (name) {
	case AUTHORIZATION:
		show(p, s, SP_HTTP_AUTHORIZATION, sp_http_auth_scheme(value));
		break;
	case CONTENT_ENCODING:
		show(p, s, SP_HTTP_REQUEST_ENCODING, value);
		break;
	case CONTENT_TYPE:
		if (SP_UNLIKELY(sp_http_may_be_grpc(value)))
			grpc_field(p, s, name, value);
		else
			show(p, s, SP_HTTP_REQUEST_TYPE, value);
		break;
	case COOKIE:
		show(p, s, SP_HTTP_COOKIE, SP_TEXT("?"));
		break;
	case HOST:
		host(p, s, value);
		break;
	case PROXY_AUTHORIZATION:
		show(p, s, SP_HTTP_PROXY_AUTHORIZATION, sp_http_auth_scheme(value));
		break;
	case REFERER:
		show(p, s, SP_HTTP_REFERER, sp_http_target(p->arena, value, p->reveal));
		break;
	case USER_AGENT:
		show(p, s, SP_HTTP_USER_AGENT, value);
		break;
	case X_FORWARDED_FOR:
		show(p, s, SP_HTTP_CLIENT, sp_http_first(value));
		break;
	default:
		break;
	}
}

static void response_field(struct sp_parse *p, struct sp_http_side *s, enum name name, struct sp_slice value)
{
	switch (name) {
	case CONTENT_ENCODING:
		show(p, s, SP_HTTP_RESPONSE_ENCODING, value);
		break;
	case CONTENT_TYPE:
		if (SP_UNLIKELY(sp_http_may_be_grpc(value)))
			grpc_field(p, s, name, value);
		else
			show(p, s, SP_HTTP_RESPONSE_TYPE, value);
		break;
	case GRPC_MESSAGE:
	case GRPC_STATUS:
		grpc_field(p, s, name, value);
		break;
	case SERVER:
		show(p, s, SP_HTTP_SERVER, value);
		break;
	case SET_COOKIE:
		show(p, s, SP_HTTP_SET_COOKIE, SP_TEXT("?"));
		break;
	case SUBPROTOCOL:
		show(p, s, SP_HTTP_SUBPROTOCOL, value);
		break;
	default:
		break;
	}
}

/* A header that somebody configured. */
static bool of_own(struct sp_parse *p, struct sp_slice line, bool response)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);
	if (!colon)
		return false;
	size_t n = (size_t)(colon - line.p);
	struct sp_slice value = sp_http_trim((struct sp_slice){colon + 1, line.n - n - 1});
	return sp_trace_configured(p, (struct sp_slice){line.p, n}, value, response);
}

void sp_http_field(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line)
{
	size_t n = 0;
	enum name name = name_of(line, &n);
	if (SP_UNLIKELY(p->n_names) && of_own(p, line, s->kind != SP_MSG_REQUEST))
		return;
	if (name == NONE)
		return;
	struct sp_slice value = sp_http_trim((struct sp_slice){line.p + n + 1, line.n - n - 1});
	bool response = s->kind != SP_MSG_REQUEST;
	if (name == TRACE) {
		sp_trace_header(p, (struct sp_slice){line.p, n}, value, response);
		return;
	}
	if (s->flags & SP_HTTP_TRAILERS && name != GRPC_STATUS && name != GRPC_MESSAGE)
		return;
	switch (name) {
	case CONTENT_LENGTH:
		content_length(p, s, value);
		break;
	case TRANSFER_ENCODING:
		transfer_encoding(s, value);
		break;
	case UPGRADE:
		upgrade(p, s, value);
		break;
	default:
		(response ? response_field : request_field)(p, s, name, value);
	}
}

size_t sp_http_fields(struct sp_parse *p, struct sp_http_side *s, size_t at, bool *done)
{
	const uint8_t *in = p->in.p, *end = in + p->in.n, *line = in + at;
	struct sp_http_lines lines = sp_http_lines(p->in, at);
	*done = false;
	for (;;) {
		const uint8_t *nl = sp_http_line_end(&lines);
		if (!nl)
			return (size_t)(line - in);
		if (nl == line || (nl == line + 1 && *line == '\r')) {
			*done = true;
			return (size_t)(nl + 1 - in);
		}
		while (nl + 1 < end && (nl[1] == ' ' || nl[1] == '\t')) { /* it goes on */
			nl = sp_http_line_end(&lines);
			if (!nl)
				return (size_t)(line - in);
		}
		if (nl + 1 == end && !p->last)
			return (size_t)(line - in); /* it may go on */
		size_t n = (size_t)(nl - line);
		sp_http_field(p, s, (struct sp_slice){line, SP_MIN(n, (size_t)SP_HTTP_LINE_MAX)});
		line = nl + 1;
	}
}
