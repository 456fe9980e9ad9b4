/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC and gRPC-Web (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/PROTOCOL-WEB.md), whatever version of HTTP
 * carries them. A body is messages, each with a flag and its length; gRPC-Web has its trailers as the last of them, and
 * may be in base64, padded wherever its sender flushed. */
#ifndef SP_PARSERS_GRPC_H
#define SP_PARSERS_GRPC_H

#include "parsers/parser.h"

enum { SP_GRPC_TRAILERS_MAX = 4096 /* bytes; longer ones are passed over */ };

enum sp_grpc_type { SP_GRPC_NONE, SP_GRPC_BINARY, SP_GRPC_TEXT };

/* By the value of content-type: application/grpc, +proto, -web, -web-text … */
enum sp_grpc_type sp_grpc_type(struct sp_slice type);

/* "/package.Service/Method". False: it is none. */
bool sp_grpc_path(struct sp_slice path, struct sp_slice *service, struct sp_slice *method);

/* What grpc-status says: code and status of p->msg. */
void sp_grpc_code(struct sp_parse *p, struct sp_slice code);

/* What grpc-message says, cut to what is shown; in the arena, or the value itself. */
struct sp_slice sp_grpc_message(struct sp_arena *a, struct sp_slice value);

/* Where one side of a call is in its messages. Zeroed: at its body's first byte. */
struct sp_grpc_body {
	uint32_t left; /* of the message that was begun; of a prefix that is not whole, its length so far */
	uint32_t count : 26;
	uint32_t prefix : 3;  /* bytes of the next message's prefix that were seen */
	uint32_t trailer : 1; /* that message is trailers */
	uint32_t lost : 1;    /* where messages begin is not known */
	uint32_t unread : 1;  /* there were trailers, and nobody read them */
};

/* From message to message over the next n bytes of the body, of which `in` is there. `digits`: what is pending of
 * base64, zeroed at the body's first byte; NULL: it is not in base64. Returns how many bytes are done with: less than
 * in.n where trailers begin, more where nothing but the rest of a message follows. */
uint64_t sp_grpc_walk(struct sp_grpc_body *b, uint8_t *digits, struct sp_slice in, uint64_t n);

/* Trailers of b->left bytes come next. */
static inline bool sp_grpc_at_trailers(const struct sp_grpc_body *b)
{
	return b->prefix == 5 && b->trailer;
}

/* Appends what `in` has of them to `out`, of which *n bytes are there. Returns how many of its bytes it took; *n is
 * b->left when they are whole. */
size_t sp_grpc_gather(const struct sp_grpc_body *b, uint8_t *digits, struct sp_slice in, uint8_t *out, size_t *n);

/* They are whole: what they say goes into p->msg. */
void sp_grpc_trailers(struct sp_parse *p, struct sp_grpc_body *b, struct sp_slice text);

/* They are passed over, as if they were a message. */
static inline void sp_grpc_pass_trailers(struct sp_grpc_body *b)
{
	b->prefix = 0;
	b->unread = 1;
}

#endif
