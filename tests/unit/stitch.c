/* SPDX-License-Identifier: Apache-2.0 */
/* Stitching: what comes shuffled, late, twice or not at all, and calls that look alike. */
#include <stdlib.h>

#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define POINTS 6

static struct sp_points points;
static struct sp_stitch_conf conf = {true, true, 10 * SP_NS_PER_SEC, 30 * SP_NS_PER_SEC, 64 << 20};

/* What was told, and what of it was wrong: spans carry their call's number in request_id. */
static struct {
	unsigned traces, spans, wrong, disorder, partial;
	unsigned of[POINTS + 1]; /* traces of so many spans */
	struct sp_trace last;
	struct sp_span span[SP_TRACE_SPANS_MAX];
	unsigned paths;
	struct sp_path path;
	struct sp_leg leg[SP_PATH_LEGS_MAX];
} got;

static void trace(void *ctx, const struct sp_trace *t)
{
	got.traces++;
	got.spans += t->n_spans;
	got.partial += t->partial;
	got.of[SP_MIN(t->n_spans, POINTS)]++;
	got.last = *t;
	for (unsigned i = 0; i < t->n_spans; i++) {
		got.span[i] = *t->span[i].span;
		got.wrong += t->span[i].span->request_id >> 8 != t->span[0].span->request_id >> 8;
		got.disorder += i && t->span[i].span->point < t->span[i - 1].span->point;
	}
}

static void path(void *ctx, const struct sp_path *p)
{
	got.paths++;
	got.path = *p;
	for (unsigned i = 0; i < p->n_legs; i++) {
		got.leg[i] = *p->leg[i];
		got.path.leg[i] = &got.leg[i];
	}
}

static struct sp_stitch *begin(void)
{
	struct sp_stitch *s;
	memset(&got, 0, sizeof got);
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){trace, path, NULL}))
		abort();
	return s;
}

static void end(struct sp_stitch *s)
{
	sp_stitch_end(s);
	sp_stitch_free(s);
}

static struct sp_addr address(unsigned net, unsigned host)
{
	return sp_addr_v4((const uint8_t[]){10, (uint8_t)net, (uint8_t)(host >> 8), (uint8_t)host});
}

/* Call n as point p sees it: every second point is behind a translation, clocks are up to 3 s apart, and each way from
 * point to point takes 20 us. */
static struct sp_span span_of(unsigned n, unsigned p)
{
	uint64_t offset = (p * 7 % 4) * SP_NS_PER_SEC, start = T0 + n * 1000 + p * 20000 + offset;
	uint64_t rrt = 1000000 - p * 40000;
	return (struct sp_span){
		.flow_id = (uint64_t)p << 32 | n % 64,
		.request_id = (uint64_t)n << 8 | p,
		.start_ns = start,
		.end_ns = start + rrt + 5000,
		.client_ip = address(1, p > 1 ? 100 : n % 64),
		.server_ip = address(2, p > 3 ? 50 : 1),
		.what = 1,
		.req_seq = n * 77 + 0xfffffff0,
		.resp_seq = n * 1999 + 0xffffff00,
		.rrt_us = (uint32_t)(rrt / 1000),
		.point = (uint16_t)p,
		.client_port = (uint16_t)(40000 + n % 64),
		.server_port = 80,
		.app = SP_APP_HTTP,
		.bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ | SP_SPAN_RRT |
			SP_SPAN_PORTS,
		.proto = SP_PROTO_TCP,
		.confidence = 100,
	};
}

static void put(struct sp_stitch *s, const struct sp_span *span)
{
	sp_stitch_tick(s, span->end_ns);
	sp_stitch_span(s, span, NULL);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Identical requests, 64 of them in flight, sequence numbers that wrap, spans in any order. */
static void shuffled(void)
{
	enum { CALLS = 100000, FLIGHT = 64 };
	struct sp_stitch *s = begin();
	uint32_t seed = 1;
	for (unsigned first = 0; first < CALLS; first += FLIGHT) {
		unsigned order[FLIGHT * POINTS], n = 0;
		for (unsigned i = 0; i < FLIGHT && first + i < CALLS; i++)
			for (unsigned p = 0; p < POINTS; p++)
				order[n++] = (first + i) * POINTS + p;
		for (unsigned i = n; i > 1; i--) {
			unsigned k = random_next(&seed) % i, swap = order[i - 1];
			order[i - 1] = order[k];
			order[k] = swap;
		}
		for (unsigned i = 0; i < n; i++) {
			struct sp_span span = span_of(order[i] / POINTS, order[i] % POINTS);
			put(s, &span);
		}
	}
	end(s);
	CHECK_EQ(got.traces, CALLS);
	CHECK_EQ(got.spans, CALLS * POINTS);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.disorder, 0);
	CHECK_EQ(got.last.hop[2].self_us, 40);
	CHECK_EQ(got.last.server_us, 1000 - 40 * (POINTS - 1));
}

/* One call's jitter turns two neighbours round: the majority of the others knows better, and nothing is negative. */
static void jitter(void)
{
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < 100; n++)
		for (unsigned p = 0; p < 3; p++) {
			struct sp_span span = span_of(n, p);
			if (n % 10 == 3 && p == 1)
				span.rrt_us = 100;
			put(s, &span);
		}
	end(s);
	CHECK_EQ(got.traces, 100);
	CHECK_EQ(got.disorder, 0);
}

static void late_missing_repeated(void)
{
	struct sp_stitch *s = begin();
	struct sp_span a = span_of(1, 0), b = span_of(1, 1), c = span_of(1, 2);
	put(s, &a);
	put(s, &a);
	sp_stitch_tick(s, a.end_ns + 9 * SP_NS_PER_SEC);
	CHECK_EQ(got.traces, 0);
	put(s, &b); /* late, but in time */
	sp_stitch_tick(s, a.end_ns + 11 * SP_NS_PER_SEC);
	CHECK_EQ(got.traces, 1);
	CHECK_EQ(got.last.n_spans, 2);
	put(s, &c); /* too late: alone, and not told */
	sp_stitch_end(s);
	CHECK_EQ(got.traces, 1);
	CHECK_EQ(sp_stitch_stats(s)->spans_repeated, 1);
	CHECK_EQ(sp_stitch_stats(s)->traces_alone, 1);
	sp_stitch_free(s);
}

static struct sp_span half(struct sp_span span, bool request)
{
	span.bits &= (uint8_t) ~(SP_SPAN_RRT |
				 (request ? SP_SPAN_RESPONSE | SP_SPAN_RESP_SEQ : SP_SPAN_REQUEST | SP_SPAN_REQ_SEQ));
	span.rrt_us = 0;
	span.what = request ? span.what : 0;
	return span;
}

/* Points that saw one direction each: joined by a point that saw both, in whatever order they come, and less sure. */
static void one_direction(void)
{
	static const uint8_t order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	for (unsigned o = 0; o < 6; o++) {
		struct sp_stitch *s = begin();
		struct sp_span span[3] = {half(span_of(1, 0), true), span_of(1, 1), half(span_of(1, 2), false)};
		for (unsigned i = 0; i < 3; i++)
			put(s, &span[order[o][i]]);
		end(s);
		CHECK_EQ(got.traces, 1);
		CHECK_EQ(got.last.n_spans, 3);
		for (unsigned i = 0; i < got.last.n_spans; i++)
			CHECK(got.span[i].point == 1 || got.last.span[i].confidence < 100);
	}
}

/* Another request that begins at the same byte of another connection is not the same. */
static void nothing_wrong(void)
{
	struct sp_stitch *s = begin();
	struct sp_span a = half(span_of(1, 0), true), b = half(span_of(1, 1), true), c = span_of(1, 2);
	b.what = 2;
	put(s, &a);
	put(s, &b);
	c.resp_seq++;
	struct sp_span d = span_of(1, 3);
	put(s, &c);
	put(s, &d);
	end(s);
	CHECK_EQ(got.traces, 1); /* a and what fits it; never c and d */
	CHECK(got.last.n_spans == 2);
}

static void lost_response(void)
{
	struct sp_stitch *s = begin();
	struct sp_span a = half(span_of(1, 0), true), b = span_of(1, 1);
	for (unsigned n = 2; n < 40; n++)
		for (unsigned p = 0; p < 2; p++) {
			struct sp_span span = span_of(n, p);
			put(s, &span);
		}
	put(s, &b);
	put(s, &a);
	end(s);
	CHECK_EQ(got.last.n_spans, 2);
	CHECK_EQ(got.span[0].point, 0);
	CHECK_EQ(got.last.hop[0].lost, 1);
	CHECK(!got.last.hop[0].has_self);
}

/* Much more than there is memory for: the oldest is told early, marked, and whatever is told is right. */
static void memory(void)
{
	struct sp_stitch_conf had = conf;
	conf.max_memory = 1 << 20;
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < 20000; n++)
		for (unsigned p = 0; p < 3; p++) {
			struct sp_span span = span_of(n, p);
			span.end_ns = span.start_ns + 1000;
			put(s, &span);
		}
	sp_stitch_end(s);
	const struct sp_stitch_stats *stats = sp_stitch_stats(s);
	CHECK(stats->traces_early > 1000 && stats->spans_refused == 0);
	CHECK_EQ(got.partial, stats->traces_early);
	CHECK_EQ(got.wrong, 0);
	CHECK(got.traces >= 20000);
	sp_stitch_free(s);
	conf = had;
}

/* --- proxies --- */

static union {
	struct sp_request_record r;
	uint8_t bytes[4096];
} record;

static void text(enum sp_slot slot, const char *t)
{
	struct sp_texts *x = &record.r.texts;
	size_t n = strlen(t);
	x->at[slot] = x->size;
	x->n[slot] = (uint16_t)n;
	memcpy(x->bytes + x->size, t, n);
	x->size = (uint16_t)(x->size + n);
}

/* A call of connection `flow`; all at point 0. */
static struct sp_request_record *call(unsigned flow, uint64_t start_us, uint64_t rrt_us, unsigned client,
				      unsigned server)
{
	static uint64_t serial;
	struct sp_request_record *r = &record.r;
	memset(&record, 0, sizeof record);
	r->request_id = ++serial << 8;
	r->flow_id = flow;
	r->client_ip = address(1, client);
	r->server_ip = address(1, server);
	r->client_port = (uint16_t)flow;
	r->server_port = 80;
	r->has_ports = r->has_request = r->has_response = r->has_rrt = r->has_req_seq = r->has_resp_seq = 1;
	r->proto = SP_PROTO_TCP;
	r->app_proto = SP_APP_HTTP;
	r->start_ns = T0 + start_us * 1000;
	r->rrt_us = rrt_us;
	r->end_ns = r->start_ns + rrt_us * 1000;
	r->req_tcp_seq = flow * 1000;
	r->resp_tcp_seq = flow * 1001;
	text(SP_SLOT_METHOD, "GET");
	text(SP_SLOT_RESOURCE, "/");
	return r;
}

static void proxies(void)
{
	struct sp_stitch *s = begin();
	call(2, 100, 500, 2, 3);
	text(SP_SLOT_X_REQUEST_ID_REQUEST, "one");
	sp_stitch_request(s, &record.r);
	call(1, 0, 1000, 1, 2);
	text(SP_SLOT_X_REQUEST_ID_RESPONSE, "one");
	sp_stitch_request(s, &record.r);
	sp_stitch_end(s);
	CHECK_EQ(got.last.n_spans, 2);
	CHECK_EQ(got.span[1].flow_id, 2);
	CHECK_EQ(got.last.span[1].joined_by, SP_JOIN_X_REQUEST_ID);
	CHECK_EQ(got.last.hop[0].self_us, 500);
	CHECK_EQ(got.last.server_us, 500);
	sp_stitch_free(s);
}

/* A service makes two calls because of one, of which one makes another one: by their span ids. */
static void application(void)
{
	static const struct {
		const char *span, *parent;
		unsigned start, rrt, client, server;
	} c[] = {{"a", "", 0, 1000, 1, 2},
		 {"b", "a", 100, 200, 2, 3},
		 {"c", "a", 400, 500, 2, 4},
		 {"d", "c", 500, 100, 4, 5}};
	struct sp_stitch *s = begin();
	for (unsigned i = SP_ARRAY_SIZE(c); i--;) {
		call(10 + i, c[i].start, c[i].rrt, c[i].client, c[i].server);
		text(SP_SLOT_TRACE_ID, "4bf92f3577b34da6a3ce929d0e0e4736");
		text(SP_SLOT_SPAN_ID, c[i].span);
		text(SP_SLOT_PARENT_SPAN_ID, c[i].parent);
		sp_stitch_request(s, &record.r);
	}
	sp_stitch_end(s);
	CHECK_EQ(got.traces, 1);
	CHECK_EQ(got.last.n_spans, 4);
	for (unsigned i = 0; i < got.last.n_spans; i++)
		CHECK_EQ(got.span[i].flow_id, 10 + i);
	CHECK_EQ(got.last.span[2].parent, 0);
	CHECK_EQ(got.last.span[3].parent, 2);
	CHECK_EQ(got.last.server_us, 300); /* of the service that called two others */
	sp_stitch_free(s);
}

/* The same asked twice at once: a guess between them would be one, so there is none. */
static void no_guess(void)
{
	for (unsigned parents = 1; parents <= 2; parents++) {
		struct sp_stitch *s = begin();
		sp_stitch_request(s, call(9, 100, 500, 2, 3));
		for (unsigned i = 0; i < parents; i++)
			sp_stitch_request(s, call(1 + i, i, 1000, 1, 2));
		sp_stitch_end(s);
		CHECK_EQ(got.traces, parents == 1);
		CHECK(parents > 1 ||
		      (got.last.span[1].joined_by == SP_JOIN_CONTENT && got.last.span[1].confidence < 60));
		sp_stitch_free(s);
	}
}

/* Very many calls that ask the same, connections with the same chosen number: each costs the same. */
static void hot(void)
{
	enum { CALLS = 100000 };
	struct sp_stitch *s = begin();
	for (unsigned i = 0; i < CALLS; i++)
		sp_stitch_request(s, call(i + 10, i, 1000, 1 + i % 200, 2 + i % 200));
	for (unsigned i = 0; i < CALLS; i++) {
		struct sp_flow_record r = {.head.size = SP_FLOW_RECORD_PLAIN,
					   .flow_id = i + 1,
					   .proto = SP_PROTO_TCP,
					   .start_ns = T0,
					   .end_ns = T0,
					   .isn_client = 1,
					   .has_isn_client = 1,
					   .client_ip = address(3, i),
					   .server_ip = address(4, i >> 8),
					   .close_reason = SP_CLOSE_FIN};
		sp_stitch_flow(s, &r);
	}
	end(s);
	CHECK_EQ(got.paths, 0);
}

/* A proxy that makes a connection for a request, over a way of 20 ms from the proxy's point (0) to the server's (1):
 * it waits for the handshake, then for the call. Both are the way's. */
static void handshake_of_a_proxy(void)
{
	for (unsigned made = 0; made < 2; made++) {
		struct sp_stitch *s = begin();
		for (unsigned point = 0; point < 2; point++) {
			struct sp_request_record *r = call(2, 20500 + 20000 * point, point ? 100 : 20100, 2, 3);
			text(SP_SLOT_X_REQUEST_ID_REQUEST, "one");
			r->point = r->head.point = (uint16_t)point;
			r->connect_us = !made ? 0 : point ? 10 : 20010;
			sp_stitch_request(s, r);
		}
		call(1, 0, 41000, 1, 2);
		text(SP_SLOT_X_REQUEST_ID_RESPONSE, "one");
		sp_stitch_request(s, &record.r);
		sp_stitch_end(s);
		CHECK_EQ(got.last.n_spans, 3);
		CHECK_EQ(got.last.hop[0].self_us, 20900);
		CHECK_EQ(got.last.hop[0].connect_us, made ? 20010 : 0);
		CHECK_EQ(got.last.hop[0].share_us, made ? 890 : 20900);
		CHECK_EQ(got.last.hop[1].self_us, 20000);
		CHECK_EQ(got.last.hop[1].share_us, made ? 40000 : 20000);
		CHECK_EQ(got.last.slowest, made ? 1 : 0);
		sp_stitch_free(s);
	}
}

/* --- paths --- */

static struct sp_flow_record flow_of(unsigned p, unsigned n, bool answered)
{
	return (struct sp_flow_record){
		.head.size = SP_FLOW_RECORD_PLAIN,
		.flow_id = p * 100 + n + 1,
		.point = (uint16_t)p,
		.start_ns = T0 + p * SP_NS_PER_SEC,
		.end_ns = T0 + SP_NS_PER_SEC * (2 + p),
		.client_ip = address(1, p > 0 ? 9 : 1),
		.server_ip = address(2, 1),
		.client_port = (uint16_t)(p > 0 ? 1024 + n : 40000 + n),
		.server_port = 80,
		.proto = SP_PROTO_TCP,
		.is_tcp = 1,
		.isn_client = 0x10000000 + n,
		.isn_server = answered ? 0x20000000 + n : 0,
		.has_isn_client = 1,
		.has_isn_server = answered,
		.has_rtt_server = answered,
		.rtt_server_us = 100 - 10 * p,
		.payload_bytes_c2s = p < 2 ? 13000 : 10000,
		.packets_c2s = 10,
		.packets_s2c = 10,
		.retrans_c2s = p < 2 ? 3 : 0,
		.hole_filled_c2s = p == 2 ? 3 : 0,
		.close_reason = answered ? SP_CLOSE_FIN : SP_CLOSE_SYN_NO_ANSWER,
	};
}

static void flow(struct sp_stitch *s, unsigned p, unsigned n, bool answered)
{
	struct sp_flow_record r = flow_of(p, n, answered);
	sp_stitch_flow(s, &r);
}

static void connections(void)
{
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < 10; n++)
		for (unsigned p = 3; p--;)
			flow(s, p, n, true);
	flow(s, 1, 50, false); /* a SYN that got no answer, seen twice: the ends' addresses say the same */
	flow(s, 2, 50, false);
	sp_stitch_end(s);
	CHECK_EQ(got.paths, 11);
	CHECK_EQ(sp_stitch_stats(s)->paths_alone, 0);
	sp_stitch_free(s);

	s = begin();
	for (unsigned p = 3; p--;)
		flow(s, p, 1, true);
	sp_stitch_end(s);
	CHECK_EQ(got.path.n_legs, 3);
	for (unsigned i = 0; i < got.path.n_legs; i++)
		CHECK_EQ(got.path.leg[i]->point, i);
	CHECK_EQ(got.path.n_losses, 1);
	CHECK_EQ(got.path.loss[0].from, 1);
	CHECK_EQ(got.path.loss[0].to, 2);
	CHECK_EQ(got.path.loss[0].segments, 3);
	sp_stitch_free(s);
}

/* No loss is made of what came late, nor of a point whose capture ended: the next one saw more. */
static void no_losses(void)
{
	for (unsigned ended = 0; ended < 2; ended++) {
		struct sp_stitch *s = begin();
		for (unsigned p = 3; p--;) {
			struct sp_flow_record r = flow_of(p, 1, true);
			r.payload_bytes_c2s = ended && p == 1 ? 9000 : 13000;
			r.retrans_c2s = ended && p == 1 ? 0 : 3;
			r.hole_filled_c2s = !ended && p == 2 ? 3 : 0;
			r.packets_c2s = ended && p == 1 ? 6 : 10;
			r.end_ns -= ended && p == 1 ? SP_NS_PER_SEC : 0;
			sp_stitch_flow(s, &r);
		}
		sp_stitch_end(s);
		CHECK_EQ(got.path.n_legs, 3);
		CHECK_EQ(got.path.n_losses, 0);
		sp_stitch_free(s);
	}
}

int main(void)
{
	for (unsigned p = 0; p < POINTS; p++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", p);
		sp_points_add(&points, name, SP_POINT_UNKNOWN);
	}
	RUN(shuffled);
	RUN(jitter);
	RUN(late_missing_repeated);
	RUN(one_direction);
	RUN(nothing_wrong);
	RUN(lost_response);
	RUN(memory);
	RUN(proxies);
	RUN(handshake_of_a_proxy);
	RUN(application);
	RUN(no_guess);
	RUN(hot);
	RUN(connections);
	RUN(no_losses);
	return check_done();
}
