/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) between its files: frames are in http2.c, header blocks in http2_block.c, what their fields mean in
 * http2_head.c, how a connection is recognised and found again in http2_find.c. */
#ifndef SP_PARSERS_HTTP2_PRIV_H
#define SP_PARSERS_HTTP2_PRIV_H

#include "base/cursor.h"
#include "parsers/grpc.h"
#include "parsers/hpack.h"
#include "parsers/parser.h"

enum {
	HTTP2_FRAME = 9, /* bytes of a frame's header */
	HTTP2_PREFACE = 24,
	HTTP2_SETTINGS_MAX = 64 * 6, /* bytes: far more than there are settings */
	HTTP2_WAYS = 4,		     /* streams that share a set */
	HTTP2_SETS = 32,
};

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
	HTTP2_TYPES
};

enum http2_flags {
	HTTP2_END_STREAM = 1,
	HTTP2_ACK = 1,
	HTTP2_END_HEADERS = 4,
	HTTP2_PADDED = 8,
	HTTP2_WITH_PRIORITY = 0x20,
};

struct http2_frame {
	uint32_t length, stream;
	uint8_t type, flags;
};

enum http2_mode {
	HTTP2_AT_FRAME, /* at a frame's first byte */
	HTTP2_IN_BLOCK, /* between two fields of a header block */
	HTTP2_IN_LOST,	/* in a header block that cannot be read any more */
	HTTP2_IN_DATA,	/* in DATA whose messages are counted */
};

/* What one side has open. A block's frames follow each other: nothing else comes between them. */
struct http2_dir {
	uint32_t stream; /* whom the frame or block is about: of a promise, the stream that is promised */
	uint32_t on;	 /* the stream that its frames name */
	uint32_t left;	 /* bytes of the frame's payload that are to come, without padding */
	uint32_t bytes;	 /* of what was passed over, and not told yet */
	uint32_t opened; /* the highest stream that this side opened */
	uint8_t mode;	 /* enum http2_mode */
	uint8_t pad;	 /* after `left` */
	uint8_t flags;
	uint8_t kind;	 /* enum sp_msg_kind of the block's message, once it has begun */
	uint8_t unknown; /* fields of the block */
	bool started;	 /* the preface, if there is one, is over */
	bool began;	 /* a part of the block was told */
	bool head;	 /* it begins a message; false: trailers */
};

struct http2_state {
	struct http2_dir dir[2];
	bool swapped; /* who was thought to be the client is the server */
};

enum http2_stream_flags {
	HTTP2_GRPC = 1,
	HTTP2_REQUEST_TEXT = 2, /* gRPC-Web in base64 */
	HTTP2_RESPONSE_TEXT = 4,
	HTTP2_REQUEST_OVER = 8,
	HTTP2_RESPONSE_BEGUN = 16,
	HTTP2_RESPONSE_OVER = 32,
};

/* A stream that is open. `body`, `digits`: of the request and of the response. */
struct http2_stream {
	uint32_t id; /* 0: free */
	struct sp_grpc_body body[2];
	uint8_t digits[2];
	uint8_t flags;
	uint8_t unknown; /* fields of the response */
};

struct http2_more {
	struct sp_hpack table[2];
	struct http2_stream stream[HTTP2_SETS][HTTP2_WAYS];
};
_Static_assert(sizeof(struct http2_more) + sizeof(struct http2_state) <= 12 * 1024, "12 kB a connection");

enum http2_field {
	HTTP2_F_SCHEME,
	HTTP2_F_USER_AGENT,
	HTTP2_F_REFERER,
	HTTP2_F_CLIENT,
	HTTP2_F_REQUEST_TYPE,
	HTTP2_F_REQUEST_ENCODING,
	HTTP2_F_REQUEST_SIZE,
	HTTP2_F_AUTHORIZATION,
	HTTP2_F_PROXY_AUTHORIZATION,
	HTTP2_F_COOKIE,
	HTTP2_F_RESPONSE_TYPE,
	HTTP2_F_RESPONSE_ENCODING,
	HTTP2_F_RESPONSE_SIZE,
	HTTP2_F_SERVER,
	HTTP2_F_SET_COOKIE,
	HTTP2_F_PROTOCOL,
	HTTP2_F_RPC_SYSTEM,
	HTTP2_F_RPC_SERVICE,
	HTTP2_F_RPC_METHOD,
	HTTP2_F_GRPC_TIMEOUT,
	HTTP2_F_REQUEST_MESSAGES,
	HTTP2_F_RESPONSE_MESSAGES,
	HTTP2_F_RST_CODE,
	HTTP2_F_LAST_STREAM,
	HTTP2_F_UNKNOWN,
};

/* What a call learns from a block's fields. */
struct http2_head {
	struct sp_parse *p;
	struct http2_dir *dir;
	struct sp_slice path, grpc_status;
	uint32_t seen;	     /* 1 << enum http2_field: those that were told */
	uint16_t code;	     /* :status */
	bool method, status; /* the pseudo-header was there, whatever its value */
	uint8_t grpc;	     /* enum sp_grpc_type */
	bool any;	     /* there was a field */
};

/* enum sp_side: who really sends these bytes. */
static inline unsigned sp_http2_role(const struct sp_parse *p)
{
	return p->side ^ ((const struct http2_state *)p->state)->swapped;
}

/* Opened by the server. */
static inline bool sp_http2_pushed(uint32_t stream)
{
	return !(stream & 1);
}

/* --- http2.c */

struct http2_stream *sp_http2_stream(struct sp_parse *p, uint32_t id);
struct http2_stream *sp_http2_stream_open(struct sp_parse *p, uint32_t id);

/* The request's or the response's last byte came. Adds the counts of its messages to p->msg. */
void sp_http2_over(struct sp_parse *p, struct http2_stream *s);

/* --- http2_block.c */

/* Fields from offset `at` on, where dir->left bytes of the block's first, or present, frame begin. */
enum sp_parse_result sp_http2_block(struct sp_parse *p, struct http2_dir *d, size_t at);
enum sp_parse_result sp_http2_lost(struct sp_parse *p, struct http2_dir *d);

/* --- http2_head.c */

/* False: nothing in p->msg or `b` refers to it. */
bool sp_http2_field(struct http2_head *b, const struct sp_hpack_field *f);

/* Makes p->msg of it; `final`: with the block's last field. */
void sp_http2_tell(struct http2_head *b, bool final);

/* --- http2_find.c */

/* HTTP2_FRAME bytes are there. False: no such frame. */
bool sp_http2_frame(const uint8_t *p, struct http2_frame *f);
bool sp_http2_is_preface(struct sp_slice in);
enum sp_probe sp_http2_probe(struct sp_parse *p);
size_t sp_http2_find(struct sp_slice in, uint32_t opened);

#endif
