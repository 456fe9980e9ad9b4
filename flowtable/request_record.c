/* SPDX-License-Identifier: Apache-2.0 */
/* From a call to its record. */
#include <string.h>

#include "base/time.h"
#include "flowtable/calls_priv.h"

/* What is not written has numbers of its own: the others are those of the lines there are. */
#define INSIDE (UINT64_C(1) << 55)

static uint64_t micros(uint64_t from, uint64_t to)
{
	return to > from ? (to - from) / SP_NS_PER_US : 0;
}

/* No answer belongs to it: none is expected, or none has to come and none did. */
static inline bool is_oneway(unsigned bits)
{
	return bits & SP_CALL_ONEWAY || (bits & (SP_CALL_OPTIONAL | SP_CALL_RESPONSE)) == SP_CALL_OPTIONAL;
}

static inline enum sp_call_type type_of(unsigned bits)
{
	if (SP_LIKELY((bits & (SP_CALL_REQUEST | SP_CALL_RESPONSE | SP_CALL_ONEWAY)) ==
		      (SP_CALL_REQUEST | SP_CALL_RESPONSE)))
		return SP_CALL_TYPE_CALL;
	if (is_oneway(bits))
		return SP_CALL_TYPE_ONEWAY;
	return bits & SP_CALL_REQUEST ? SP_CALL_TYPE_REQUEST : SP_CALL_TYPE_RESPONSE;
}

static inline enum sp_status status_of(const struct sp_call *c)
{
	if (SP_LIKELY(c->status))
		return c->status;
	return is_oneway(c->bits) ? SP_STATUS_OK : SP_STATUS_UNKNOWN;
}

/* Where a message begins in its stream: what a middlebox that writes sequence numbers anew leaves as it was. */
static inline uint8_t put_offset(const struct sp_flow *f, unsigned side, uint32_t seq, uint32_t *off)
{
	if (!(f->dir[side].bits & SP_DIR_ISN))
		return 0;
	*off = seq - f->isn[side] - 1;
	return 1;
}

#define ASKED_AT_ONCE (2 * SP_NS_PER_MS) /* of a client that opens a connection because it has something to ask */

/* The first call of a connection, asked as soon as that was there: it had to wait for the handshake. */
static uint32_t connect_us(const struct sp_flow *f, const struct sp_request_record *r)
{
	if (!r->has_req_off || r->req_off || !(f->bits & SP_FLOW_RTT_SERVER) || r->start_ns < f->start_ns)
		return 0;
	uint64_t handshake = ((uint64_t)f->rtt_server_us + f->rtt_client_us) * SP_NS_PER_US;
	return r->start_ns - f->start_ns <= handshake + ASKED_AT_ONCE ? f->rtt_server_us : 0;
}

/* Of what TCP carried. */
static inline void put_offsets(const struct sp_flow *f, unsigned client, const struct sp_call *c, unsigned bits,
			       struct sp_request_record *r)
{
	unsigned asks = client ^ !!(bits & SP_CALL_FROM_SERVER), answers = asks ^ !(bits & SP_CALL_CALLED_OFF);
	r->called_off = !!(bits & SP_CALL_CALLED_OFF);
	if (bits & SP_CALL_REQUEST) {
		r->has_req_seq = 1;
		r->req_tcp_seq = c->req_seq;
		r->has_req_off = put_offset(f, asks, c->req_seq, &r->req_off);
	}
	if (bits & SP_CALL_RESPONSE) {
		r->has_resp_seq = 1;
		r->resp_tcp_seq = c->resp_seq;
		r->has_resp_off = put_offset(f, answers, c->resp_seq, &r->resp_off);
	}
	r->connect_us = connect_us(f, r);
}

/* Returns when it ended. */
static inline uint64_t put_request(const struct sp_call *c, struct sp_request_record *r)
{
	uint64_t start = c->req_start_ns, end = c->req_end_ns;
	r->start_ns = start;
	r->has_request = 1;
	r->request_us = micros(start, end);
	r->request_bytes = c->req_bytes;
	return SP_MAX(start, end); /* captures' clocks may go back */
}

static inline uint64_t put_response(const struct sp_call *c, unsigned bits, struct sp_request_record *r)
{
	uint64_t asked = c->req_start_ns, start = c->resp_start_ns, end = c->resp_end_ns;
	uint64_t waited = start > asked ? start - asked : 0;
	if (SP_UNLIKELY(!(bits & SP_CALL_REQUEST)))
		r->start_ns = start;
	r->has_response = 1;
	r->has_rrt = !!(bits & SP_CALL_REQUEST);
	r->rrt_us = waited / SP_NS_PER_US;
	r->rrt_ns = waited % SP_NS_PER_US;
	r->response_us = micros(start, end);
	r->response_bytes = c->resp_bytes;
	return end;
}

/* The answer came in another flow: who gave it is not whom this one says, but maybe a group. */
static void put_answerer(const struct sp_elsewhere *x, struct sp_request_record *r)
{
	r->response_flow_id = (r->flow_id >> 56) << 56 | sp_flow_serial(x->from);
	struct sp_addr ip = x->side ? x->from->hi : x->from->lo;
	uint16_t port = x->side ? x->from->hi_port : x->from->lo_port;
	uint8_t ttl = x->from->ttl[x->side];
	if (r->from_server) {
		r->client_ip = ip;
		r->client_port = port;
		r->ttl_c2s = ttl;
	} else {
		r->server_ip = ip;
		r->server_port = port;
		r->ttl_s2c = ttl;
	}
}

/* Of the call and the message together. The call of a message that stands alone has none, nor has one that began while
 * no records were written. */
static size_t texts_size(const struct sp_call *c, const struct sp_texts_look *look)
{
	if (!(c->bits & SP_CALL_TEXTS))
		return look->room;
	return c->texts.size + (look->m ? sp_texts_more(&c->texts, look) : 0);
}

static void put_texts(struct sp_texts *to, const struct sp_call *c, const struct sp_texts_look *look)
{
	if (!(c->bits & SP_CALL_TEXTS)) {
		sp_texts_begin(to, look);
		return;
	}
	sp_texts_copy(to, &c->texts);
	if (look->m)
		sp_texts_add(to, look);
}

static inline void put_flow(const struct sp_flowtable *ft, const struct sp_flow *f, unsigned client,
			    struct sp_request_record *r)
{
	const struct sp_layer_set *around = &ft->layers.set[f->layers];
	r->flow_id = (uint64_t)ft->worker << 56 | sp_flow_serial(f);
	r->point = r->head.point = around->point;
	r->depth = around->layers.n_tunnel;
	r->ttl_c2s = f->ttl[client];
	r->ttl_s2c = f->ttl[!client];
	SP_FLOW_PUT_ENDS(r, f, client);
}

static inline void put_call(const struct sp_call *c, unsigned bits, enum sp_status status, struct sp_request_record *r)
{
	uint64_t asked = 0, answered = 0;
	r->app_proto = c->app;
	r->type = (uint8_t)type_of(bits);
	r->status = (uint8_t)status;
	if (SP_LIKELY(bits & SP_CALL_REQUEST))
		asked = put_request(c, r);
	if (SP_LIKELY(bits & SP_CALL_RESPONSE))
		answered = put_response(c, bits, r);
	uint64_t end = SP_MAX(asked, answered);
	r->end_ns = SP_MAX(end, r->start_ns); /* captures' clocks may go back */
	r->incomplete = !!(bits & SP_CALL_CUT);
	r->from_server = !!(bits & SP_CALL_FROM_SERVER);
	r->retries = c->retries;
}

static inline void write_record(struct sp_talk *t, const struct sp_call *c, const struct sp_msg *m, uint64_t id,
				enum sp_status status)
{
	struct sp_flowtable *ft = t->ft;
	const struct sp_flow *f = t->f;
	const struct sp_dialog *d = t->d;
	unsigned bits = c->bits;
	struct sp_texts_look look = {0};
	if (m)
		look = sp_texts_look(m, ft->l7->conf.max_field);
	size_t texts = texts_size(c, &look);
	if (SP_UNLIKELY(texts > SP_TEXTS_MAX)) {
		look = (struct sp_texts_look){0};
		texts = texts_size(c, &look);
	}
	struct sp_request_record *r =
		sp_out_record(ft->out, SP_RECORD_REQUEST, sizeof *r + texts, offsetof(struct sp_request_record, texts));
	if (!r)
		return;
	r->request_id = (uint64_t)ft->worker << 56 | id;
	r->inside = (id & INSIDE) != 0;
	r->parser = (uint8_t)d->parser->app;
	put_flow(ft, f, d->client, r);
	put_call(c, bits, status, r);
	if (bits & SP_CALL_STREAM)
		put_offsets(f, d->client, c, bits, r);
	if (SP_UNLIKELY(bits & SP_CALL_ELSEWHERE))
		put_answerer(&ft->l7->elsewhere, r);
	put_texts(&r->texts, c, &look);
	if (sp_request_has_id(r))
		sp_page_has_id(ft->out->page, r);
}

void sp_request_write(struct sp_talk *t, const struct sp_call *c, const struct sp_msg *m)
{
	struct sp_flowtable *ft = t->ft;
	struct sp_l7 *l7 = ft->l7;
	enum sp_status status = status_of(c);
	bool inside = c->bits & SP_CALL_OPAQUE && l7->conf.encrypted != SP_L7_ENCRYPTED_YES;
	if (!inside)
		sp_call_count(t, c->app, status);
	uint64_t serial = inside ? INSIDE | ++l7->inside_serial : ++l7->serial;
	if (SP_UNLIKELY(t->f->dir[0].bits & SP_DIR_PROFILED && !inside))
		sp_profile_call(t, c, l7->conf.log ? (uint64_t)ft->worker << 56 | serial : 0);
	if (l7->conf.log)
		write_record(t, c, m, serial, status);
}
