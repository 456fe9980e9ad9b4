/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) and gRPC on it. Bodies are passed over unread, but for the lengths of gRPC's messages, which are
 * read one by one and jumped over. Header blocks are in http2_block.c and http2_head.c. */
#include "parsers/http2_priv.h"

enum {
	DEBUG_SHOWN = 256,					/* bytes of what GOAWAY says */
	TRAILER_DIGITS_MAX = SP_GRPC_TRAILERS_MAX / 3 * 4 + 64, /* of trailers in base64, wherever they are padded */
};

static struct http2_stream *set_of(const struct http2_more *more, uint32_t id)
{
	return (struct http2_stream *)more->stream[(id >> 1) % HTTP2_SETS];
}

struct http2_stream *sp_http2_stream(struct sp_parse *p, uint32_t id)
{
	struct http2_stream *set = p->more ? set_of(p->more, id) : NULL;
	for (unsigned i = 0; set && i < HTTP2_WAYS; i++)
		if (set[i].id == id)
			return &set[i];
	return NULL;
}

/* In place of the oldest one where there are too many. */
struct http2_stream *sp_http2_stream_open(struct sp_parse *p, uint32_t id)
{
	struct http2_stream *set = p->more ? set_of(p->more, id) : NULL, *s = set;
	if (!set)
		return NULL;
	for (unsigned i = 0; i < HTTP2_WAYS; i++)
		s = set[i].id < s->id ? &set[i] : s;
	*s = (struct http2_stream){.id = id};
	return s;
}

static void tell_count(struct sp_parse *p, const struct http2_stream *s, unsigned of)
{
	static const uint8_t field[] = {HTTP2_F_REQUEST_MESSAGES, HTTP2_F_RESPONSE_MESSAGES};
	if (s->flags & HTTP2_GRPC && !s->body[of].lost)
		sp_msg_extra(&p->msg, field[of], sp_arena_u64(p->arena, s->body[of].count));
}

void sp_http2_over(struct sp_parse *p, struct http2_stream *s)
{
	bool response = p->msg.kind != SP_MSG_REQUEST;
	if (!s)
		return;
	tell_count(p, s, response);
	const struct sp_grpc_body *b = &s->body[1];
	bool unread = b->unread || sp_grpc_at_trailers(b) || (b->lost && s->flags & HTTP2_RESPONSE_TEXT);
	if (response && unread && !p->msg.status)
		p->msg.status = SP_STATUS_UNKNOWN;
	if (p->msg.kind == SP_MSG_ONEWAY)
		s->flags |= HTTP2_REQUEST_OVER;
	s->flags |= response ? HTTP2_RESPONSE_OVER : HTTP2_REQUEST_OVER;
	if (s->flags & HTTP2_RESPONSE_OVER && s->flags & HTTP2_REQUEST_OVER)
		s->id = 0;
}

/* A whole frame that is of no interest. */
static enum sp_parse_result pass(struct sp_parse *p, uint64_t n)
{
	size_t used = (size_t)SP_MIN(n, (uint64_t)p->in.n);
	return sp_parse_skip(p, used, n - used);
}

static enum sp_parse_result headers(struct sp_parse *p, struct http2_dir *d, const struct http2_frame *f)
{
	bool promise = f->type == HTTP2_PUSH_PROMISE;
	size_t padded = f->flags & HTTP2_PADDED ? 1 : 0;
	size_t prefix = padded + (promise ? 4 : f->flags & HTTP2_WITH_PRIORITY ? 5 : 0);
	if (p->in.n < HTTP2_FRAME + prefix)
		return sp_parse_more(p, SP_MIN(HTTP2_FRAME + f->length, (uint32_t)SP_CARRY_MAX));
	uint8_t pad = padded ? p->in.p[HTTP2_FRAME] : 0;
	if (prefix + pad > f->length)
		return SP_PARSE_BAD;
	d->on = d->stream = f->stream;
	d->flags = f->flags;
	if (promise) {
		d->stream = sp_be32(p->in.p + HTTP2_FRAME + padded) & INT32_MAX;
		d->flags &= HTTP2_END_HEADERS;
	}
	d->left = f->length - (uint32_t)prefix - pad;
	d->pad = pad;
	d->bytes = 0;
	d->unknown = 0;
	d->began = false;
	return d->stream ? sp_http2_block(p, d, HTTP2_FRAME + prefix) : SP_PARSE_BAD;
}

static void begin_body(struct sp_parse *p, struct http2_dir *d, const struct http2_stream *s)
{
	bool response = sp_http2_role(p) == SP_SERVER;
	enum sp_msg_kind kind = !response		     ? SP_MSG_REQUEST
				: sp_http2_pushed(d->stream) ? SP_MSG_ONEWAY
							     : SP_MSG_RESPONSE;
	struct sp_msg *m = sp_msg_begin(p, kind, SP_PART_MIDDLE);
	m->id = d->stream;
	if (s && s->flags & HTTP2_GRPC)
		m->app = SP_APP_GRPC;
}

/* The frame ends at offset `at`, or that many bytes from now. */
static enum sp_parse_result end_body(struct sp_parse *p, struct http2_dir *d, struct http2_stream *s, uint64_t at)
{
	d->mode = HTTP2_AT_FRAME;
	p->msg.bytes = d->bytes;
	if (d->flags & HTTP2_END_STREAM) {
		p->msg.part = SP_PART_TAIL;
		sp_http2_over(p, s);
	}
	p->used = (size_t)SP_MIN(at, (uint64_t)p->in.n);
	p->want = at - p->used;
	return SP_PARSE_MSG;
}

/* A part of the frame's payload is done with, up to offset `at`. `told`: p->msg holds something. */
static enum sp_parse_result go_on_with_body(struct sp_parse *p, struct http2_dir *d, uint64_t at, bool told)
{
	p->used = (size_t)SP_MIN(at, (uint64_t)p->in.n);
	p->want = at - p->used;
	if (!told)
		return SP_PARSE_SKIP;
	p->msg.bytes = d->bytes - d->left - d->pad;
	d->bytes = d->left + d->pad;
	return SP_PARSE_MSG;
}

/* Trailers that gRPC-Web has in its body, at offset *at. Those that do not lie in one frame are passed over. Returns
 * how many bytes have to be there from *at on; 0: it is done with them. */
static size_t trailers(struct sp_parse *p, struct http2_dir *d, struct sp_grpc_body *b, uint8_t *digits, uint64_t *at)
{
	size_t size = b->left, least = digits ? size / 3 * 4 : size, n = 0;
	size_t need = digits ? SP_MIN(d->left, (uint32_t)TRAILER_DIGITS_MAX) : size;
	struct sp_slice in = {p->in.p + *at, SP_MIN(p->in.n - (size_t)*at, (size_t)d->left)};
	if (size > SP_GRPC_TRAILERS_MAX || least > d->left) {
		sp_grpc_pass_trailers(b);
		return 0;
	}
	if (in.n < need && !p->last)
		return need;
	uint8_t *out = sp_arena_get(p->arena, size), pending = digits ? *digits : 0;
	size_t took = out ? sp_grpc_gather(b, digits ? &pending : NULL, in, out, &n) : 0;
	if (n < size) {
		sp_grpc_pass_trailers(b);
		return 0;
	}
	if (digits)
		*digits = pending;
	*at += took;
	d->left -= (uint32_t)took;
	sp_grpc_trailers(p, b, (struct sp_slice){out, n});
	return 0;
}

/* DATA, or the rest of it, from offset `at` on. */
static enum sp_parse_result body(struct sp_parse *p, struct http2_dir *d, struct http2_stream *s, uint64_t at)
{
	unsigned of = sp_http2_role(p) == SP_SERVER;
	bool told = false;
	begin_body(p, d, s);
	d->mode = HTTP2_IN_DATA;
	if (!s || !(s->flags & HTTP2_GRPC))
		return end_body(p, d, s, at + d->left + d->pad);
	struct sp_grpc_body *b = &s->body[of];
	uint8_t *digits = s->flags & (of ? HTTP2_RESPONSE_TEXT : HTTP2_REQUEST_TEXT) ? &s->digits[of] : NULL;
	while (d->left && at <= p->in.n) {
		if (sp_grpc_at_trailers(b)) {
			size_t need = trailers(p, d, b, digits, &at);
			if (need && told)
				break;
			if (need) {
				p->used = (size_t)at;
				return sp_parse_more(p, need);
			}
			told |= !b->left;
		}
		struct sp_slice in = {p->in.p + at, SP_MIN(p->in.n - (size_t)at, (size_t)d->left)};
		uint64_t n = sp_grpc_walk(b, digits, in, d->left);
		d->left -= (uint32_t)n;
		at += n;
		if (!sp_grpc_at_trailers(b))
			break;
	}
	return d->left ? go_on_with_body(p, d, at, told) : end_body(p, d, s, at + d->pad);
}

static enum sp_parse_result data(struct sp_parse *p, struct http2_dir *d, const struct http2_frame *f)
{
	size_t padded = f->flags & HTTP2_PADDED ? 1 : 0, at = HTTP2_FRAME + padded;
	if (p->in.n < at)
		return sp_parse_more(p, at);
	d->stream = d->on = f->stream;
	d->flags = f->flags;
	d->pad = padded ? p->in.p[HTTP2_FRAME] : 0;
	d->bytes = HTTP2_FRAME + f->length;
	if (padded + d->pad > f->length)
		return SP_PARSE_BAD;
	d->left = f->length - (uint32_t)padded - d->pad;
	d->mode = HTTP2_IN_DATA;
	return body(p, d, sp_http2_stream(p, d->stream), at);
}

enum fault { NOBODY, SENDER, RECEIVER, SLOW };

/* RFC 9113 section 7; what gRPC's specification makes of them. */
static const struct {
	const char *name;
	uint8_t fault, grpc;
} errors[] = {
	{"NO_ERROR", NOBODY, 13},
	{"PROTOCOL_ERROR", RECEIVER, 13},
	{"INTERNAL_ERROR", SENDER, 13},
	{"FLOW_CONTROL_ERROR", RECEIVER, 13},
	{"SETTINGS_TIMEOUT", SLOW, 13},
	{"STREAM_CLOSED", RECEIVER, 13},
	{"FRAME_SIZE_ERROR", RECEIVER, 13},
	{"REFUSED_STREAM", SENDER, 14},
	{"CANCEL", SENDER, 1},
	{"COMPRESSION_ERROR", RECEIVER, 13},
	{"CONNECT_ERROR", SENDER, 13},
	{"ENHANCE_YOUR_CALM", RECEIVER, 8},
	{"INADEQUATE_SECURITY", RECEIVER, 7},
	{"HTTP_1_1_REQUIRED", RECEIVER, 13},
};

static void tell_error(struct sp_parse *p, uint32_t code)
{
	bool known = code < SP_ARRAY_SIZE(errors);
	enum fault fault = known ? errors[code].fault : NOBODY;
	bool client = sp_http2_role(p) == (fault == SENDER ? SP_CLIENT : SP_SERVER);
	sp_msg_put(&p->msg, SP_SLOT_MESSAGE, known ? sp_slice_of(errors[code].name) : (struct sp_slice){0});
	p->msg.status = fault == NOBODY ? SP_STATUS_UNKNOWN
			: fault == SLOW ? SP_STATUS_TIMEOUT
			: client	? SP_STATUS_CLIENT_ERROR
					: SP_STATUS_SERVER_ERROR;
}

static void tell_reset(struct sp_parse *p, const struct http2_stream *s, uint32_t id)
{
	uint32_t code = sp_be32(p->in.p + HTTP2_FRAME);
	struct sp_msg *m = &p->msg;
	m->id = id;
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, id));
	tell_error(p, code);
	if (s && s->flags & HTTP2_GRPC)
		sp_grpc_code(p, sp_arena_u64(p->arena, code < SP_ARRAY_SIZE(errors) ? errors[code].grpc : 13));
	sp_msg_extra(m, HTTP2_F_RST_CODE, sp_arena_u64(p->arena, code));
}

/* Ends a call, whoever sends it: an answer that ends with it, or one in its place. */
static enum sp_parse_result reset(struct sp_parse *p, const struct http2_frame *f)
{
	size_t n = HTTP2_FRAME + f->length;
	if (p->in.n < n)
		return sp_parse_more(p, n);
	struct http2_stream *s = sp_http2_stream(p, f->stream);
	bool client = sp_http2_role(p) == SP_CLIENT;
	if (sp_http2_pushed(f->stream)) {
		/* The client's refusal cannot end what the server says. */
		if (client)
			return pass(p, n);
		sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_TAIL);
		tell_reset(p, s, f->stream);
		sp_http2_over(p, s);
		return sp_parse_msg(p, n);
	}
	if (s && client && !(s->flags & HTTP2_REQUEST_OVER)) {
		/* First its request, which fails with it. */
		sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_TAIL);
		tell_reset(p, s, f->stream);
		sp_http2_over(p, s);
		return sp_parse_msg(p, 0);
	}
	if (s && s->flags & HTTP2_RESPONSE_OVER) {
		s->id = 0;
		return pass(p, n);
	}
	bool begun = s && s->flags & HTTP2_RESPONSE_BEGUN && !client;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, begun ? SP_PART_TAIL : SP_PART_WHOLE);
	m->flags = SP_MSG_IF_ASKED;
	tell_reset(p, s, f->stream);
	if (s) {
		tell_count(p, s, 0);
		tell_count(p, s, 1);
		s->id = 0;
	}
	return sp_parse_msg(p, n);
}

/* An end without an error is nobody's call. */
static enum sp_parse_result go_away(struct sp_parse *p, const struct http2_frame *f)
{
	size_t n = HTTP2_FRAME + SP_MIN(f->length, (uint32_t)(8 + DEBUG_SHOWN));
	if (p->in.n < n)
		return sp_parse_more(p, n);
	uint32_t code = sp_be32(p->in.p + HTTP2_FRAME + 4);
	struct sp_slice text = {p->in.p + HTTP2_FRAME + 8, n - HTTP2_FRAME - 8};
	if (!code)
		return pass(p, HTTP2_FRAME + (uint64_t)f->length);
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	tell_error(p, code);
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("2"));
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("GOAWAY"));
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, code));
	if (text.n)
		sp_msg_put(m, SP_SLOT_MESSAGE, SP_JOIN(p->arena, sp_msg_slot(m, SP_SLOT_MESSAGE), SP_TEXT(": "), text));
	sp_msg_extra(m, HTTP2_F_LAST_STREAM, sp_arena_u64(p->arena, sp_be32(p->in.p + HTTP2_FRAME) & INT32_MAX));
	p->want = HTTP2_FRAME + f->length - n;
	return sp_parse_msg(p, n);
}

static enum sp_parse_result frame(struct sp_parse *p, struct http2_dir *d)
{
	struct http2_frame f;
	if (p->in.n < HTTP2_FRAME)
		return sp_parse_more(p, HTTP2_FRAME);
	if (!sp_http2_frame(p->in.p, &f))
		return SP_PARSE_BAD;
	switch (f.type) {
	case HTTP2_DATA:
		return data(p, d, &f);
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
		return headers(p, d, &f);
	case HTTP2_RST_STREAM:
		return reset(p, &f);
	case HTTP2_GOAWAY:
		return go_away(p, &f);
	default:
		/* A CONTINUATION, too: its block's beginning was not seen. */
		if (f.type == HTTP2_CONTINUATION && p->more)
			sp_hpack_forget(&((struct http2_more *)p->more)->table[p->side]);
		return pass(p, HTTP2_FRAME + (uint64_t)f.length);
	}
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct http2_state *st = p->state;
	struct http2_dir *d = &st->dir[p->side];
	if (!d->started && sp_http2_is_preface(p->in)) {
		if (p->in.n < HTTP2_PREFACE)
			return sp_parse_more(p, HTTP2_PREFACE);
		d->started = true;
		return sp_parse_skip(p, HTTP2_PREFACE, 0);
	}
	d->started = true;
	switch (d->mode) {
	case HTTP2_IN_BLOCK:
		return sp_http2_block(p, d, 0);
	case HTTP2_IN_LOST:
		return sp_http2_lost(p, d);
	case HTTP2_IN_DATA:
		return body(p, d, sp_http2_stream(p, d->stream), 0);
	default:
		return frame(p, d);
	}
}

/* What was lost may have changed the table, and held the beginnings of messages. */
static size_t resync(struct sp_parse *p)
{
	struct http2_state *st = p->state;
	struct http2_dir *d = &st->dir[p->side];
	struct http2_more *more = p->more;
	if (!d->started && sp_http2_is_preface(p->in))
		return 0;
	*d = (struct http2_dir){.started = true, .opened = d->opened};
	if (more) {
		sp_hpack_forget(&more->table[p->side]);
		for (unsigned i = 0; i < HTTP2_SETS; i++)
			for (unsigned k = 0; k < HTTP2_WAYS; k++)
				more->stream[i][k].body[sp_http2_role(p) == SP_SERVER].lost = 1;
	}
	return sp_http2_find(p->in, SP_MAX(st->dir[0].opened, st->dir[1].opened));
}

static const uint16_t ports[] = {80, 8080, 50051, 0};

static const struct sp_start starts[] = {
	SP_START_TEXT('P', 'R', SP_FROM_CLIENT | SP_FROM_SERVER),
	{0x0000, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[HTTP2_F_SCHEME] = "url.scheme",
	[HTTP2_F_USER_AGENT] = "user_agent.original",
	[HTTP2_F_REFERER] = "http.request.header.referer",
	[HTTP2_F_CLIENT] = "client.address",
	[HTTP2_F_REQUEST_TYPE] = "http.request.header.content-type",
	[HTTP2_F_REQUEST_ENCODING] = "http.request.header.content-encoding",
	[HTTP2_F_REQUEST_SIZE] = "http.request.body.size",
	[HTTP2_F_AUTHORIZATION] = "http.request.header.authorization",
	[HTTP2_F_PROXY_AUTHORIZATION] = "http.request.header.proxy-authorization",
	[HTTP2_F_COOKIE] = "http.request.header.cookie",
	[HTTP2_F_RESPONSE_TYPE] = "http.response.header.content-type",
	[HTTP2_F_RESPONSE_ENCODING] = "http.response.header.content-encoding",
	[HTTP2_F_RESPONSE_SIZE] = "http.response.body.size",
	[HTTP2_F_SERVER] = "http.response.header.server",
	[HTTP2_F_SET_COOKIE] = "http.response.header.set-cookie",
	[HTTP2_F_PROTOCOL] = "http2.protocol",
	[HTTP2_F_RPC_SYSTEM] = "rpc.system",
	[HTTP2_F_RPC_SERVICE] = "rpc.service",
	[HTTP2_F_RPC_METHOD] = "rpc.method",
	[HTTP2_F_GRPC_TIMEOUT] = "rpc.grpc.request.metadata.grpc-timeout",
	[HTTP2_F_REQUEST_MESSAGES] = "rpc.grpc.request.messages",
	[HTTP2_F_RESPONSE_MESSAGES] = "rpc.grpc.response.messages",
	[HTTP2_F_RST_CODE] = "http2.rst_code",
	[HTTP2_F_LAST_STREAM] = "http2.last_stream",
	[HTTP2_F_UNKNOWN] = "http2.hpack.unknown",
	NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/http2_vectors.h"
#endif

const struct sp_parser sp_http2_parser = {
	.name = "http2",
	.title = "HTTP/2, gRPC",
	.missing = "what streams of CONNECT carry; trailers of gRPC-Web that do not lie in one frame",
	.app = SP_APP_HTTP2,
	.transports = SP_TCP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct http2_state),
	.more_size = sizeof(struct http2_more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = sp_http2_probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
