/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1's chunks (RFC 9112 section 7.1): their lines are read, and what is in them is passed over, or gRPC-Web's. */
#include "parsers/http_priv.h"

enum {
	CHUNK_LINE_MAX = 4096, /* size and extensions */
	CHUNK_DIGITS_MAX = 15,
};

/* The size of a chunk, in a line of which everything after it are extensions. False: it is none. */
static bool chunk_size(const uint8_t *line, const uint8_t *end, uint64_t *size)
{
	const uint8_t *p = line;
	for (*size = 0; p < end; p++) {
		uint8_t c = *p | 32;
		if (*p >= '0' && *p <= '9')
			*size = *size << 4 | (*p & 15U);
		else if (c >= 'a' && c <= 'f')
			*size = *size << 4 | (c - 'a' + 10U);
		else
			break;
	}
	bool ends = p == end || *p == ';' || *p == '\r' || *p == ' ' || *p == '\t';
	return p > line && p - line <= CHUNK_DIGITS_MAX && ends;
}

/* The line end after a chunk's bytes: how long it is. */
static enum sp_http_walk chunk_end(struct sp_slice in, size_t *n)
{
	if (!in.n || (in.n == 1 && *in.p == '\r'))
		return SP_HTTP_MORE;
	*n = *in.p == '\n' ? 1 : 2;
	return *n == 1 || (*in.p == '\r' && in.p[1] == '\n') ? SP_HTTP_DONE : SP_HTTP_BROKEN;
}

enum sp_http_walk sp_http_chunk(const struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *size)
{
	const uint8_t *line = p->in.p + *at;
	size_t left = p->in.n - *at, look = SP_MIN(left, (size_t)CHUNK_LINE_MAX), before = 0;
	if (s->phase == SP_HTTP_P_CHUNK_END) {
		enum sp_http_walk walk = chunk_end((struct sp_slice){line, left}, &before);
		if (walk != SP_HTTP_DONE)
			return walk;
	}
	const uint8_t *nl = memchr(line + before, '\n', look - before);
	if (!nl)
		return left < CHUNK_LINE_MAX ? SP_HTTP_MORE : SP_HTTP_BROKEN;
	if (!chunk_size(line + before, nl, size))
		return SP_HTTP_BROKEN;
	*at = (size_t)(nl + 1 - p->in.p);
	s->phase = *size ? SP_HTTP_P_CHUNK_END : SP_HTTP_P_TRAILERS;
	return SP_HTTP_DONE;
}

enum sp_http_walk sp_http_chunks(struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *skip)
{
	while (s->phase != SP_HTTP_P_TRAILERS) {
		uint64_t size;
		enum sp_http_walk walk;
		if (SP_UNLIKELY(s->phase == SP_HTTP_P_MESSAGES)) {
			walk = sp_http_grpc(p, s, at, skip);
			if (walk != SP_HTTP_DONE || !(s->flags & SP_HTTP_CHUNKED))
				return walk;
			s->phase = SP_HTTP_P_CHUNK_END;
		}
		walk = sp_http_chunk(p, s, at, &size);
		if (walk != SP_HTTP_DONE)
			return walk;
		if (s->flags & SP_HTTP_GRPC && size) {
			s->phase = SP_HTTP_P_MESSAGES;
			s->length = size;
			continue;
		}
		if (size > p->in.n - *at) {
			*skip = size - (p->in.n - *at);
			*at = p->in.n;
			return SP_HTTP_MORE;
		}
		*at += (size_t)size;
	}
	bool done;
	s->flags |= SP_HTTP_TRAILERS;
	*at = sp_http_fields(p, s, *at, &done);
	return done ? SP_HTTP_DONE : SP_HTTP_MORE;
}
