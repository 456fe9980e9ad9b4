/* SPDX-License-Identifier: Apache-2.0 */
#include "stitch/span.h"

#include "base/hash.h"
#include "parsers/link/proto.h"

static const char *const join_name[] = {
#define X(sym, text) text,
	SP_JOINS(X)
#undef X
};

const char *sp_join_name(enum sp_join join)
{
	assert(join < SP_JOIN_MAX);
	return join_name[join];
}

static uint64_t hash_slot(const struct sp_texts *t, enum sp_slot slot, uint64_t key)
{
	struct sp_slice s = sp_texts_slot(t, slot);
	return s.n ? sp_hash_bytes(s.p, s.n, key) | 1 : 0;
}

/* What a call asks, the same at every point that saw all of it. A request that was cut short may look like another. */
static uint64_t what_of(const struct sp_request_record *r)
{
	if (r->incomplete || !r->has_request)
		return 0;
	uint64_t h = SP_HASH_K0;
	for (unsigned slot = SP_SLOT_METHOD; slot <= SP_SLOT_RESOURCE; slot++)
		h = sp_hash_mix(h ^ hash_slot(&r->texts, slot, slot + 1), SP_HASH_K1);
	return h | 1;
}

/* HTTP/2 that is seen from its middle on may not be known as gRPC. */
static uint16_t family(uint16_t app)
{
	return app == SP_APP_GRPC ? SP_APP_HTTP2 : app;
}

static uint8_t bits_of(const struct sp_request_record *r)
{
	return (uint8_t)((r->has_request ? SP_SPAN_REQUEST : 0) | (r->has_response ? SP_SPAN_RESPONSE : 0) |
			 (r->has_req_seq ? SP_SPAN_REQ_SEQ : 0) | (r->has_resp_seq ? SP_SPAN_RESP_SEQ : 0) |
			 (r->has_rrt ? SP_SPAN_RRT : 0) | (r->from_server ? SP_SPAN_FROM_SERVER : 0) |
			 (r->has_ports ? SP_SPAN_PORTS : 0) | (r->type == SP_CALL_TYPE_ONEWAY ? SP_SPAN_ONEWAY : 0));
}

static uint32_t low(uint64_t us)
{
	return (uint32_t)SP_MIN(us, (uint64_t)UINT32_MAX);
}

void sp_span_of(struct sp_span *span, const struct sp_request_record *r)
{
	*span = (struct sp_span){
		.flow_id = r->flow_id,
		.request_id = r->request_id,
		.start_ns = r->start_ns,
		.end_ns = r->end_ns,
		.client_ip = r->client_ip,
		.server_ip = r->server_ip,
		.what = what_of(r),
		.correlation = hash_slot(&r->texts, SP_SLOT_CORRELATION, 0),
		.req_seq = r->req_tcp_seq,
		.resp_seq = r->resp_tcp_seq,
		.asked = r->has_req_off ? r->req_off + 1 : 0,
		.answered = r->has_resp_off ? r->resp_off + 1 : 0,
		.rrt_us = low(r->rrt_us),
		.request_us = low(r->request_us),
		.rrt_ns = r->rrt_ns & 1023,
		.depth = r->depth & 15,
		.called_off = r->called_off,
		.point = r->point,
		.client_port = r->client_port,
		.server_port = r->server_port,
		.app = family(r->app_proto),
		.bits = bits_of(r),
		.proto = r->proto,
		.joined_by = r->proto == SP_PROTO_TCP	  ? SP_JOIN_TCP_SEQ
			     : r->app_proto == SP_APP_DNS ? SP_JOIN_DNS_ID
							  : SP_JOIN_CONTENT,
		.confidence = 100,
		.ttl_c2s = r->ttl_c2s,
		.ttl_s2c = r->ttl_s2c,
		.connect_us = r->connect_us,
	};
}
