/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1: what its head (http_head.c) and its framing (http.c) know of one side's message. */
#ifndef SP_PARSERS_HTTP_PRIV_H
#define SP_PARSERS_HTTP_PRIV_H

#include "parsers/grpc.h"
#include "parsers/http.h"
#include "parsers/http_lines.h"

enum {
	SP_HTTP_HEAD_MAX = SP_CARRY_MAX, /* of a head that is read at once */
	SP_HTTP_LINE_MAX = 8192,	 /* of a header: what is beyond is not looked at */
	SP_HTTP_METHOD_MAX = 32,
};

/* Attributes, in the order of names in http.c. */
enum sp_http_field {
	SP_HTTP_USER_AGENT,
	SP_HTTP_REFERER,
	SP_HTTP_CLIENT,
	SP_HTTP_REQUEST_TYPE,
	SP_HTTP_REQUEST_ENCODING,
	SP_HTTP_REQUEST_SIZE,
	SP_HTTP_AUTHORIZATION,
	SP_HTTP_PROXY_AUTHORIZATION,
	SP_HTTP_COOKIE,
	SP_HTTP_UPGRADE,
	SP_HTTP_RESPONSE_TYPE,
	SP_HTTP_RESPONSE_ENCODING,
	SP_HTTP_RESPONSE_SIZE,
	SP_HTTP_SERVER,
	SP_HTTP_SET_COOKIE,
	SP_HTTP_SUBPROTOCOL,
	SP_HTTP_RPC_SYSTEM,
	SP_HTTP_RPC_SERVICE,
	SP_HTTP_RPC_METHOD,
	SP_HTTP_REQUEST_MESSAGES,
	SP_HTTP_RESPONSE_MESSAGES,
	SP_HTTP_FIELDS
};

/* A tag: what the response to a request may do. */
enum sp_http_tag { SP_HTTP_PLAIN, SP_HTTP_HEAD, SP_HTTP_CONNECT, SP_HTTP_UPGRADES };

enum sp_http_flags {
	SP_HTTP_HAS_LENGTH = 1,
	SP_HTTP_CHUNKED = 2,
	SP_HTTP_CODED = 4,    /* a transfer coding that only the stream's end ends */
	SP_HTTP_TRAILERS = 8, /* its lines no longer say how it is framed */
	SP_HTTP_OPEN = 16,    /* a part of it was given out */
	SP_HTTP_STARTED = 32, /* its start line is there, and is one */
	SP_HTTP_GRPC = 64,    /* gRPC-Web, */
	SP_HTTP_TEXT = 128,   /* in base64 */
};

enum sp_http_phase {
	SP_HTTP_P_START,
	SP_HTTP_P_LINE,	  /* the rest of a line that is too long */
	SP_HTTP_P_FIELDS, /* the rest of a head that is too long */
	SP_HTTP_P_CHUNK_SIZE,
	SP_HTTP_P_CHUNK_END, /* the line end after a chunk's bytes, then the next size */
	SP_HTTP_P_MESSAGES,  /* gRPC-Web's, in a chunk or in a body that has none: `length` bytes of it are to come */
	SP_HTTP_P_TRAILERS,
};

enum sp_http_walk { SP_HTTP_MORE, SP_HTTP_DONE, SP_HTTP_BROKEN };

struct sp_http_side {
	uint64_t length;   /* Content-Length; what is left of a body that is read */
	uint32_t seen;	   /* 1 << enum sp_http_field, and the host: the first line of a name counts */
	uint32_t lost;	   /* bytes passed over since the last message */
	uint16_t scanned;  /* bytes of a head in which its end is not */
	uint16_t code;	   /* of a response */
	uint16_t upgrade;  /* SP_APP_… that it names, 0: another, or none */
	uint8_t phase;	   /* enum sp_http_phase */
	uint8_t then;	   /* the phase after a line that is passed over */
	uint8_t kind, tag; /* enum sp_msg_kind, enum sp_http_tag */
	uint8_t flags;	   /* enum sp_http_flags */
	bool good;	   /* a message was read, or began here after a loss */
} __attribute__((packed, aligned(4)));
static_assert(sizeof(struct sp_http_side) == 28, "both sides and what they share are one cache line");

/* Of requests and of responses whose messages are counted. */
struct sp_http_more {
	struct sp_grpc_body body[2];
	uint8_t digits[2];
};

enum sp_http_start { SP_HTTP_WRONG, SP_HTTP_SHORT, SP_HTTP_REQUEST, SP_HTTP_RESPONSE };

/* What begins here, as far as its first bytes tell. */
enum sp_http_start sp_http_begins(struct sp_slice in);

/* A start line, without its end, into p->msg and `s`. False: it is none. */
bool sp_http_start_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line);

/* A request line that is longer than what can be read at once: what is there of it. */
void sp_http_long_line(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line);

/* http_plain.c: the start line and the framing of an ordinary head that is there as a whole, into `s`, which is zero.
 * Returns where it ends, 0: it is none. */
size_t sp_http_plain_head(struct sp_slice in, struct sp_http_side *s);

/* Header lines from `at` on, up to the empty line (`done`: it was there, and is used up) or to the first line that is
 * not there as a whole. Returns the offset after them. */
size_t sp_http_fields(struct sp_parse *p, struct sp_http_side *s, size_t at, bool *done);

/* The beginning of a header line that is too long to be read as a whole. */
void sp_http_field(struct sp_parse *p, struct sp_http_side *s, struct sp_slice line);

/* --- http_chunk.c */

/* The line before a chunk, or the two between chunks, at *at; its size. */
enum sp_http_walk sp_http_chunk(const struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *size);

/* From *at over the chunks that are there, and the trailers. What is missing of the last chunk in `skip`. */
enum sp_http_walk sp_http_chunks(struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *skip);

/* --- http_grpc.c */

/* A content type of gRPC's. Hardly any other has a g there. */
static inline bool sp_http_may_be_grpc(struct sp_slice type)
{
	enum { AT = sizeof("application/") - 1 };
	return type.n > AT && type.p[AT] == 'g';
}

/* A content type: whose call it is. */
void sp_http_grpc_call(struct sp_parse *p, struct sp_http_side *s, struct sp_slice type);

/* A body begins. False: its messages cannot be counted; `to_end`: without a length it lasts to the stream's end. */
bool sp_http_grpc_begin(struct sp_parse *p, struct sp_http_side *s, bool to_end);

/* From *at over s->length bytes of messages, and to the end of trailers that lie in several chunks. SP_HTTP_DONE: but
 * for `skip` bytes of the body. */
enum sp_http_walk sp_http_grpc(struct sp_parse *p, struct sp_http_side *s, size_t *at, uint64_t *skip);

/* The body is over. */
void sp_http_grpc_end(struct sp_parse *p, const struct sp_http_side *s);

#endif
