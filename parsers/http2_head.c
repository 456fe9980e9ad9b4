/* SPDX-License-Identifier: Apache-2.0 */
/* What header fields mean: requests, responses, trailers; gRPC's, too. */
#include "parsers/http.h"
#include "parsers/http2_priv.h"

/* Beyond the static table's. */
enum name {
	GRPC_STATUS = 62,
	GRPC_MESSAGE,
	GRPC_TIMEOUT,
	PROTOCOL,
	X_FORWARDED_FOR,
	NAMES,
};

/* Names that are spelled out. */
static uint8_t named(struct sp_slice name)
{
	static const struct {
		char text[16];
		uint8_t n, id;
	} names[] = {
		{"host", 4, SP_HPACK_HOST},
		{":path", 5, SP_HPACK_PATH},
		{":method", 7, SP_HPACK_METHOD},
		{":scheme", 7, SP_HPACK_SCHEME},
		{":status", 7, SP_HPACK_STATUS},
		{":protocol", 9, PROTOCOL},
		{":authority", 10, SP_HPACK_AUTHORITY},
		{"user-agent", 10, SP_HPACK_USER_AGENT},
		{"grpc-status", 11, GRPC_STATUS},
		{"content-type", 12, SP_HPACK_CONTENT_TYPE},
		{"grpc-message", 12, GRPC_MESSAGE},
		{"grpc-timeout", 12, GRPC_TIMEOUT},
		{"x-forwarded-for", 15, X_FORWARDED_FOR},
	};
	if (name.n < 4 || name.n > 15)
		return SP_HPACK_OTHER;
	for (size_t i = 0; i < SP_ARRAY_SIZE(names); i++)
		if (name.n == names[i].n && !memcmp(name.p, names[i].text, name.n))
			return names[i].id;
	return SP_HPACK_OTHER;
}

/* What is told of a field as it is, or of it hidden: enum http2_field in a request, and in a response. */
enum how { AS_IS, HIDDEN, AUTH, FIRST, TARGET };

static const struct {
	uint8_t request, response; /* and 1; 0: nothing */
	uint8_t how;
} shown[NAMES] = {
	[SP_HPACK_SCHEME] = {HTTP2_F_SCHEME + 1, 0, AS_IS},
	[SP_HPACK_AUTHORIZATION] = {HTTP2_F_AUTHORIZATION + 1, 0, AUTH},
	[SP_HPACK_CONTENT_ENCODING] = {HTTP2_F_REQUEST_ENCODING + 1, HTTP2_F_RESPONSE_ENCODING + 1, AS_IS},
	[SP_HPACK_CONTENT_LENGTH] = {HTTP2_F_REQUEST_SIZE + 1, HTTP2_F_RESPONSE_SIZE + 1, AS_IS},
	[SP_HPACK_CONTENT_TYPE] = {HTTP2_F_REQUEST_TYPE + 1, HTTP2_F_RESPONSE_TYPE + 1, AS_IS},
	[SP_HPACK_COOKIE] = {HTTP2_F_COOKIE + 1, 0, HIDDEN},
	[SP_HPACK_PROXY_AUTHORIZATION] = {HTTP2_F_PROXY_AUTHORIZATION + 1, 0, AUTH},
	[SP_HPACK_REFERER] = {HTTP2_F_REFERER + 1, 0, TARGET},
	[SP_HPACK_SERVER] = {0, HTTP2_F_SERVER + 1, AS_IS},
	[SP_HPACK_SET_COOKIE] = {0, HTTP2_F_SET_COOKIE + 1, HIDDEN},
	[SP_HPACK_USER_AGENT] = {HTTP2_F_USER_AGENT + 1, 0, AS_IS},
	[GRPC_TIMEOUT] = {HTTP2_F_GRPC_TIMEOUT + 1, 0, AS_IS},
	[PROTOCOL] = {HTTP2_F_PROTOCOL + 1, 0, AS_IS},
	[X_FORWARDED_FOR] = {HTTP2_F_CLIENT + 1, 0, FIRST},
};

/* 1 to 3 digits; else 0. */
static unsigned number(struct sp_slice s)
{
	unsigned v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		v = v * 10 + s.p[i] - '0';
	}
	return s.n <= 3 ? v : 0;
}

/* Does the block speak of a response, as far as is known yet? */
static bool of_response(const struct http2_head *b)
{
	const struct http2_dir *d = b->dir;
	if (d->began)
		return d->kind != SP_MSG_REQUEST && d->stream == d->on;
	return b->status || (!b->method && sp_http2_role(b->p) == SP_SERVER && d->stream == d->on);
}

static bool other(struct http2_head *b, const struct sp_hpack_field *f)
{
	struct sp_slice value = sp_hpack_value(f, b->p->arena);
	return value.n && sp_trace_header(b->p, f->name, value, of_response(b));
}

/* The first of a name counts, as in HTTP/1. */
static bool show(struct http2_head *b, uint8_t id, const struct sp_hpack_field *f)
{
	struct sp_arena *a = b->p->arena;
	uint8_t field = of_response(b) ? shown[id].response : shown[id].request;
	if (!field-- || f->value_unknown || b->seen >> field & 1)
		return false;
	struct sp_slice value = shown[id].how == HIDDEN ? SP_TEXT("?") : sp_hpack_value(f, a);
	if (!value.n)
		return false;
	if (shown[id].how == AUTH)
		value = sp_http_auth_scheme(value);
	else if (shown[id].how == FIRST)
		value = sp_http_first(value);
	else if (shown[id].how == TARGET)
		value = sp_http_target(a, value, b->p->reveal);
	if (id == SP_HPACK_CONTENT_TYPE)
		b->grpc = (uint8_t)sp_grpc_type(value);
	b->seen |= 1U << field;
	sp_msg_extra(&b->p->msg, field, value);
	return true;
}

/* A field that fills a slot. An unknown value is empty. */
static void fill(struct http2_head *b, uint8_t id, struct sp_slice value)
{
	struct sp_msg *m = &b->p->msg;
	b->method |= id == SP_HPACK_METHOD;
	b->status |= id == SP_HPACK_STATUS;
	if (!value.n)
		return;
	switch (id) {
	case SP_HPACK_METHOD:
		sp_msg_put(m, SP_SLOT_METHOD, value);
		return;
	case SP_HPACK_PATH:
		b->path = value;
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_http_target(b->p->arena, value, b->p->reveal));
		return;
	case SP_HPACK_AUTHORITY:
		sp_msg_put(m, SP_SLOT_HOST, sp_http_authority(value));
		return;
	case SP_HPACK_HOST:
		if (!sp_msg_slot(m, SP_SLOT_HOST).n)
			sp_msg_put(m, SP_SLOT_HOST, sp_http_authority(value));
		return;
	case SP_HPACK_STATUS:
		b->code = (uint16_t)number(value);
		sp_msg_put(m, SP_SLOT_CODE, b->code ? value : (struct sp_slice){0});
		m->status = b->code >= 200 ? sp_http_status(b->code) : SP_STATUS_NONE;
		return;
	case GRPC_STATUS:
		b->grpc_status = value;
		return;
	case GRPC_MESSAGE:
		sp_msg_put(m, SP_SLOT_MESSAGE, sp_grpc_message(b->p->arena, value));
		return;
	}
}

static bool fills_slot(uint8_t id)
{
	return id < SP_HPACK_SCHEME || id == SP_HPACK_HOST || id == SP_HPACK_STATUS || id == GRPC_STATUS ||
	       id == GRPC_MESSAGE;
}

bool sp_http2_field(struct http2_head *b, const struct sp_hpack_field *f)
{
	struct http2_dir *d = b->dir;
	b->any = true;
	if (f->name_unknown || f->value_unknown)
		d->unknown += d->unknown < UINT8_MAX;
	if (f->name_unknown)
		return false;
	uint8_t id = f->id ? f->id : named(f->name);
	if (!id)
		return !f->value_unknown && other(b, f);
	if (!fills_slot(id))
		return show(b, id, f);
	fill(b, id, sp_hpack_value(f, b->p->arena));
	return true;
}

/* What the block belongs to, with its first part. Streams are opened in the order of their numbers, so that a client's
 * block on one that it opened before holds trailers; a server's does if it has no status. */
static void decide(struct http2_head *b, const struct http2_stream *s)
{
	struct http2_dir *d = b->dir;
	bool promise = d->stream != d->on;
	struct http2_state *st = b->p->state;
	/* Only clients have methods, only servers a status. */
	if (!promise && (b->method || b->status))
		st->swapped ^= sp_http2_role(b->p) != (b->method ? SP_CLIENT : SP_SERVER);
	if (sp_http2_pushed(d->stream)) {
		d->kind = SP_MSG_ONEWAY; /* the promise and what was promised are one */
		d->head = promise;
	} else if (b->method) {
		d->kind = SP_MSG_REQUEST;
		d->head = true;
	} else if (b->status) {
		d->kind = b->code >= 100 && b->code < 200 ? SP_MSG_INTERIM : SP_MSG_RESPONSE;
		d->head = true;
	} else if (sp_http2_role(b->p) == SP_CLIENT) {
		d->kind = SP_MSG_REQUEST;
		d->head = d->unknown && d->stream > d->opened;
	} else {
		d->kind = SP_MSG_RESPONSE;
		d->head = d->unknown && !(s && s->flags & HTTP2_RESPONSE_BEGUN);
		if (d->head && !s)
			b->p->msg.flags |= SP_MSG_IF_ASKED; /* a response, or trailers: who knows */
	}
}

static void tell_rpc(struct sp_msg *m, struct sp_slice path)
{
	struct sp_slice service, method;
	if (!sp_grpc_path(path, &service, &method))
		return;
	sp_msg_put(m, SP_SLOT_ENDPOINT, (struct sp_slice){path.p + 1, path.n - 1});
	sp_msg_extra(m, HTTP2_F_RPC_SERVICE, service);
	sp_msg_extra(m, HTTP2_F_RPC_METHOD, method);
}

static void tell_request(struct http2_head *b)
{
	struct sp_msg *m = &b->p->msg;
	if (b->grpc) {
		sp_msg_extra(m, HTTP2_F_RPC_SYSTEM, SP_TEXT("grpc"));
		tell_rpc(m, b->path);
	}
	if (b->path.n && !sp_msg_slot(m, SP_SLOT_ENDPOINT).n)
		sp_msg_put(m, SP_SLOT_ENDPOINT, sp_http_endpoint(b->p->arena, b->path));
}

static void tell_unknown(struct http2_head *b, struct http2_stream *s)
{
	struct http2_dir *d = b->dir;
	unsigned n = d->unknown;
	if (s && d->kind == SP_MSG_RESPONSE) {
		n = s->unknown += SP_MIN(d->unknown, (uint8_t)(UINT8_MAX - s->unknown));
		d->unknown = 0;
	}
	if (n)
		sp_msg_extra(&b->p->msg, HTTP2_F_UNKNOWN, sp_arena_u64(b->p->arena, n));
}

/* The block's first part: opens the stream where that is not done. */
static struct http2_stream *begin(struct http2_head *b)
{
	struct http2_dir *d = b->dir;
	struct sp_msg *m = &b->p->msg;
	struct http2_stream *s = sp_http2_stream(b->p, d->stream);
	decide(b, s);
	d->began = true;
	if (!d->head)
		return s;
	if (d->kind != SP_MSG_RESPONSE)
		d->opened = SP_MAX(d->opened, d->stream);
	s = s ? s : sp_http2_stream_open(b->p, d->stream);
	if (s && d->kind == SP_MSG_RESPONSE)
		s->flags |= HTTP2_RESPONSE_BEGUN;
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("2"));
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(b->p->arena, d->stream));
	return s;
}

void sp_http2_tell(struct http2_head *b, bool final)
{
	struct http2_dir *d = b->dir;
	struct sp_msg *m = &b->p->msg;
	bool first = !d->began;
	struct http2_stream *s = first ? begin(b) : sp_http2_stream(b->p, d->stream);
	bool trailers = !d->head && d->kind != SP_MSG_ONEWAY;
	bool ends = final && (d->flags & HTTP2_END_STREAM || trailers || d->kind == SP_MSG_INTERIM);
	m->kind = d->kind;
	m->part = first && d->head ? (ends ? SP_PART_WHOLE : SP_PART_HEAD) : ends ? SP_PART_TAIL : SP_PART_MIDDLE;
	m->id = d->stream;
	if (s && b->grpc)
		s->flags |= HTTP2_GRPC | (b->grpc != SP_GRPC_TEXT ? 0
					  : of_response(b)	  ? HTTP2_RESPONSE_TEXT
								  : HTTP2_REQUEST_TEXT);
	if (b->grpc || (s && s->flags & HTTP2_GRPC))
		m->app = SP_APP_GRPC;
	if (!of_response(b))
		tell_request(b);
	if (b->grpc_status.n)
		sp_grpc_code(b->p, b->grpc_status);
	tell_unknown(b, s);
	if (ends && d->kind != SP_MSG_INTERIM)
		sp_http2_over(b->p, s);
}
