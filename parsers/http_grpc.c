/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC-Web in HTTP/1's bodies: how many messages there are, and the trailers that end a response. */
#include "parsers/http_priv.h"

static unsigned side_of(const struct sp_http_side *s)
{
	return s->kind != SP_MSG_REQUEST;
}

void sp_http_grpc_call(struct sp_parse *p, struct sp_http_side *s, struct sp_slice type)
{
	enum sp_grpc_type grpc = sp_grpc_type(type);
	struct sp_slice path = sp_msg_slot(&p->msg, SP_SLOT_RESOURCE), service, method;
	if (grpc == SP_GRPC_NONE)
		return;
	s->flags |= SP_HTTP_GRPC | (grpc == SP_GRPC_TEXT ? SP_HTTP_TEXT : 0);
	p->msg.app = SP_APP_GRPC;
	if (s->kind != SP_MSG_REQUEST)
		return;
	sp_msg_extra(&p->msg, SP_HTTP_RPC_SYSTEM, SP_TEXT("grpc"));
	if (!sp_grpc_path(path, &service, &method))
		return;
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, (struct sp_slice){path.p + 1, path.n - 1});
	sp_msg_extra(&p->msg, SP_HTTP_RPC_SERVICE, service);
	sp_msg_extra(&p->msg, SP_HTTP_RPC_METHOD, method);
}

bool sp_http_grpc_begin(struct sp_parse *p, struct sp_http_side *s, bool to_end)
{
	bool chunked = s->flags & SP_HTTP_CHUNKED, sized = !(s->flags & SP_HTTP_CODED);
	sized &= s->flags & SP_HTTP_HAS_LENGTH ? s->length != SP_TO_END : !to_end;
	struct sp_http_more *more = chunked || sized ? sp_parse_extend(p) : NULL;
	if (!more) {
		s->flags &= (uint8_t) ~(SP_HTTP_GRPC | SP_HTTP_TEXT);
		if (s->code == 200 && p->msg.status == SP_STATUS_OK)
			p->msg.status = SP_STATUS_UNKNOWN;
		return false;
	}
	more->body[side_of(s)] = (struct sp_grpc_body){0};
	more->digits[side_of(s)] = 0;
	s->phase = chunked ? SP_HTTP_P_CHUNK_SIZE : SP_HTTP_P_MESSAGES;
	return true;
}

/* What is there of the chunk, or of the body. */
static struct sp_slice data(const struct sp_parse *p, const struct sp_http_side *s, size_t at)
{
	return (struct sp_slice){p->in.p + at, (size_t)SP_MIN(s->length, (uint64_t)(p->in.n - at))};
}

/* Trailers at *at, in as many chunks as it takes. SP_HTTP_MORE: they are not there as a whole. */
static enum sp_http_walk trailers(struct sp_parse *p, struct sp_http_side *s, struct sp_grpc_body *b, uint8_t *digits,
				  size_t *at)
{
	struct sp_http_side now = *s;
	uint8_t *out = b->left <= SP_GRPC_TRAILERS_MAX ? sp_arena_get(p->arena, b->left) : NULL;
	uint8_t pending = digits ? *digits : 0;
	size_t n = 0, from = *at;
	enum sp_http_walk walk = SP_HTTP_DONE;
	while (out && walk == SP_HTTP_DONE) {
		size_t took = sp_grpc_gather(b, digits ? &pending : NULL, data(p, &now, from), out, &n);
		from += took;
		now.length -= took;
		if (n == b->left)
			break;
		walk = now.length ? SP_HTTP_MORE : SP_HTTP_BROKEN;
		if (!now.length && now.flags & SP_HTTP_CHUNKED) {
			uint64_t size = 0;
			now.phase = SP_HTTP_P_CHUNK_END;
			walk = sp_http_chunk(p, &now, &from, &size);
			now.length = size;
		}
		if (walk == SP_HTTP_DONE && !now.length)
			walk = SP_HTTP_BROKEN; /* the last one */
	}
	if (walk == SP_HTTP_MORE && (*at || p->in.n < SP_CARRY_MAX) && !p->last)
		return SP_HTTP_MORE;
	if (!out || walk != SP_HTTP_DONE) {
		sp_grpc_pass_trailers(b);
		return SP_HTTP_DONE;
	}
	s->length = now.length;
	*at = from;
	if (digits)
		*digits = pending;
	sp_grpc_trailers(p, b, (struct sp_slice){out, n});
	return SP_HTTP_DONE;
}

enum sp_http_walk sp_http_grpc(struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *skip)
{
	struct sp_http_more *more = p->more;
	struct sp_grpc_body *b = &more->body[side_of(s)];
	uint8_t *digits = s->flags & SP_HTTP_TEXT ? &more->digits[side_of(s)] : NULL;
	while (s->length) {
		if (sp_grpc_at_trailers(b) && trailers(p, s, b, digits, at) != SP_HTTP_DONE)
			return SP_HTTP_MORE;
		struct sp_slice in = data(p, s, *at);
		uint64_t n = sp_grpc_walk(b, digits, in, s->length);
		s->length -= n;
		*skip = n > in.n ? n - in.n : 0;
		*at += (size_t)(n - *skip);
		if (s->length && *at == p->in.n && !sp_grpc_at_trailers(b))
			return SP_HTTP_MORE;
	}
	return *skip && s->flags & SP_HTTP_CHUNKED ? SP_HTTP_MORE : SP_HTTP_DONE;
}

void sp_http_grpc_end(struct sp_parse *p, const struct sp_http_side *s)
{
	static const uint8_t field[] = {SP_HTTP_REQUEST_MESSAGES, SP_HTTP_RESPONSE_MESSAGES};
	const struct sp_http_more *more = p->more;
	const struct sp_grpc_body *b = &more->body[side_of(s)];
	if (!b->lost)
		sp_msg_extra(&p->msg, field[side_of(s)], sp_arena_u64(p->arena, b->count));
	bool unread = b->unread || sp_grpc_at_trailers(b) || b->lost;
	if (unread && s->code == 200 && s->kind == SP_MSG_RESPONSE)
		p->msg.status = SP_STATUS_UNKNOWN;
}
