/* SPDX-License-Identifier: Apache-2.0 */
/* A span: a call as one point saw it, cut down to what joins it with what other points saw, and to its times. This is
 * what points that a call only passes keep of it, and all that would have to be sent to another box. */
#ifndef SP_STITCH_SPAN_H
#define SP_STITCH_SPAN_H

#include "base/addr.h"
#include "base/base.h"
#include "flowtable/record.h"

enum sp_span_bits {
	SP_SPAN_REQUEST = 1, /* its request was seen */
	SP_SPAN_RESPONSE = 2,
	SP_SPAN_REQ_SEQ = 4, /* req_seq holds */
	SP_SPAN_RESP_SEQ = 8,
	SP_SPAN_RRT = 16,
	SP_SPAN_FROM_SERVER = 32,
	SP_SPAN_PORTS = 64,
	SP_SPAN_ONEWAY = 128,
};

/* What joined it with the others of its trace. */
#define SP_JOINS(X)                                                                                                    \
	X(TCP_SEQ, "tcp_seq")                                                                                          \
	X(TCP_OFFSET, "tcp_offset")                                                                                    \
	X(CONTENT, "content")                                                                                          \
	X(X_REQUEST_ID, "x_request_id")                                                                                \
	X(TRACE_ID, "trace_id")                                                                                        \
	X(SYSCALL, "syscall")                                                                                          \
	X(DNS_ID, "dns_id")

enum sp_join {
#define X(sym, text) SP_JOIN_##sym,
	SP_JOINS(X)
#undef X
		SP_JOIN_MAX
};

const char *sp_join_name(enum sp_join join);

struct sp_span {
	uint64_t flow_id, request_id;
	uint64_t start_ns, end_ns;
	struct sp_addr client_ip;
	uint64_t what;		  /* hash of method, host and resource; 0: not known as a whole */
	uint64_t correlation;	  /* hash of it; 0: none */
	struct sp_addr server_ip; /* from here on, a line of the cache: all that further spans of its call look at */
	uint32_t req_seq, resp_seq;
	uint32_t asked, answered; /* 1 + where in their streams both messages begin; 0: not known */
	uint32_t rrt_us, request_us;
	uint32_t next;		 /* of its call, the stitcher's */
	uint16_t rrt_ns : 10;	 /* of the rest of a microsecond */
	uint16_t depth : 4;	 /* tunnels around it */
	uint16_t called_off : 1; /* its response is in the stream of its request */
	uint16_t rewritten : 1;	 /* others have other sequence numbers: offset.c knows which; the stitcher's */
	uint16_t point;
	uint16_t client_port, server_port;
	uint16_t app;
	uint8_t bits;		  /* enum sp_span_bits */
	uint8_t proto;		  /* IP protocol */
	uint8_t joined_by;	  /* enum sp_join */
	uint8_t confidence;	  /* 0 to 100: how sure that is */
	uint8_t ttl_c2s, ttl_s2c; /* of its connection, 0: not known */
	uint32_t connect_us;	  /* of the handshake that it waited for, 0: it did not, or that is not known */
};
static_assert(sizeof(struct sp_span) <= 128, "what a passed point costs a call");
static_assert(offsetof(struct sp_span, server_ip) == SP_CACHE_LINE, "two lines of the cache");

void sp_span_of(struct sp_span *span, const struct sp_request_record *r);

static inline uint64_t sp_span_rrt_ns(const struct sp_span *s)
{
	return (uint64_t)s->rrt_us * 1000 + s->rrt_ns;
}

#endif
