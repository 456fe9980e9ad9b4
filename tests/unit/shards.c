/* SPDX-License-Identifier: Apache-2.0 */
/* What is told does not depend on the number of shards: the same records, through a stitcher alone and through crews of
 * several sizes, byte for byte and in the same order. Records come shuffled, late, twice or not at all, over boxes that
 * write numbers anew, in one direction, with ids, with more of one key than anyone looks at, and in too little memory.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "exporters/encode/json_edge.h"
#include "exporters/encode/json_trace.h"
#include "exporters/stitch_crew.h"
#include "parsers/link/proto.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define POINTS 4
#define EVENTS_MAX (1 << 19)

#ifdef __SANITIZE_THREAD__
enum { CALLS = 10 * 1000 / 64 * 64, FEW = 1280 };
#else
enum { CALLS = 100 * 1000 / 64 * 64, FEW = 6400 };
#endif

static struct sp_points points;
static struct sp_stitch_conf conf;

/* A record, or a span of another box. */
struct event {
	const struct sp_record_head *record;
	struct sp_span span;
};

static struct event *event;
static unsigned n_events;
static uint8_t *arena; /* of records */
static size_t used, arena_size = 64 << 20;
static uint32_t seed;

static uint32_t random_next(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static uint32_t scatter(uint64_t n)
{
	return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static struct sp_addr address(unsigned net, unsigned host)
{
	return sp_addr_v4((const uint8_t[]){10, (uint8_t)net, (uint8_t)(host >> 8), (uint8_t)host});
}

/* --- what is told --- */

static void trace(void *ctx, const struct sp_trace *t)
{
	sp_json_trace(ctx, t, &points, true);
}
static void path(void *ctx, const struct sp_path *p)
{
	sp_json_path(ctx, p, &points, true);
}
static void edge(void *ctx, const struct sp_edge *e)
{
	sp_json_edge(ctx, e, &points, true);
}
static void losses(void *ctx, const struct sp_edge_losses *l)
{
	sp_json_losses(ctx, l, &points, true);
}
static void clock_(void *ctx, const struct sp_clock *c)
{
	sp_json_clock(ctx, c, &points, true);
}

static struct sp_stitch_told telling(struct sp_buf *buf)
{
	return (struct sp_stitch_told){trace, path, buf, edge, losses, clock_};
}

static struct sp_stitch_stats alone(struct sp_buf *buf)
{
	struct sp_stitch *s;
	struct sp_stitch_told told = telling(buf);
	conf.shards = 1;
	if (sp_stitch_new(&s, &conf, &points, &told))
		abort();
	for (const struct event *e = event; e < event + n_events; e++) {
		if (!e->record) {
			sp_stitch_tick(s, e->span.end_ns);
			sp_stitch_span(s, &e->span, NULL);
		} else if (e->record->kind == SP_RECORD_REQUEST) {
			sp_stitch_request(s, (const void *)e->record);
		} else {
			sp_stitch_flow(s, (const void *)e->record);
		}
	}
	sp_stitch_end(s);
	struct sp_stitch_stats stats = *sp_stitch_stats(s);
	sp_stitch_free(s);
	return stats;
}

static struct sp_stitch_stats sharded(unsigned shards, unsigned each, struct sp_buf *buf)
{
	struct sp_crew *crew;
	conf.shards = shards;
	if (sp_crew_new(&crew, &conf, &points, &(struct sp_crew_told){telling(buf), NULL}))
		abort();
	for (unsigned at = 0; at < n_events; at += each) {
		struct sp_crew_load *load = sp_crew_load(crew, true);
		for (unsigned i = at; i < n_events && i < at + each; i++)
			if (event[i].record)
				sp_crew_record(crew, load, event[i].record);
			else
				sp_crew_span(crew, load, &event[i].span);
		sp_crew_send(crew, load);
	}
	struct sp_stitch_stats stats;
	sp_crew_stop(crew, &stats, NULL);
	return stats;
}

static struct sp_stitch_stats stats_alone, stats_sharded;

/* All of it, with 1, 2, 3 and 4 shards. */
static bool same(void)
{
	static const struct {
		unsigned shards, each;
	} with[] = {{2, 512}, {3, 1000}, {4, 7}};
	struct sp_buf want = {0}, got = {0};
	bool ok = true;
	stats_alone = alone(&want);
	CHECK(want.n);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(with); i++) {
		got.n = 0;
		stats_sharded = sharded(with[i].shards, with[i].each, &got);
		size_t n = SP_MIN(want.n, got.n), at = 0;
		while (at < n && want.p[at] == got.p[at])
			at++;
		ok &= CHECK_EQ(got.n, want.n);
		ok &= CHECK_EQ(at, want.n);
#define X(name, doc) ok &= !strcmp(#name, "spans_found") || CHECK_EQ(stats_sharded.name, stats_alone.name);
		SP_STITCH_STATS(X)
#undef X
	}
	sp_buf_free(&want);
	sp_buf_free(&got);
	return ok;
}

/* --- what comes --- */

static void begin(uint64_t max_memory, uint32_t with_seed)
{
	conf = (struct sp_stitch_conf){true, true, 100 * SP_NS_PER_MS, 300 * SP_NS_PER_MS, max_memory, SP_NS_PER_SEC};
	n_events = 0;
	used = 0;
	seed = with_seed;
}

static void *record_new(enum sp_record_kind kind, size_t size)
{
	struct sp_record_head *head = (void *)(arena + used);
	used += (size + 7) / 8 * 8;
	if (used > arena_size || n_events == EVENTS_MAX)
		abort();
	memset(head, 0, size);
	*head = (struct sp_record_head){.size = (uint32_t)size, .kind = (uint16_t)kind};
	event[n_events++] = (struct event){.record = head};
	return head;
}

static void text(struct sp_request_record *r, enum sp_slot slot, const char *t)
{
	struct sp_texts *x = &r->texts;
	x->at[slot] = x->size;
	x->n[slot] = (uint16_t)strlen(t);
	memcpy(x->bytes + x->size, t, x->n[slot]);
	x->size = (uint16_t)(x->size + x->n[slot]);
}

/* What stands between the second and the third point. */
struct box {
	bool translates, client_isn, server_isn;
};

struct traffic {
	struct box box;
	unsigned calls, flight, lose, twice, half; /* of 100 spans */
	unsigned udp;				   /* of 100 calls */
	unsigned keys;				   /* so many sequence numbers alone, 0: all that there are */
	bool ids, flows;
};

/* Call n, of connection n % flight, as point p sees it; a proxy's point 3 asks for another one. */
static struct sp_request_record *call(const struct traffic *t, unsigned n, unsigned p, unsigned way)
{
	struct sp_request_record *r = record_new(SP_RECORD_REQUEST, sizeof *r + 96);
	unsigned c = n % t->flight, nth = n / t->flight;
	bool behind = p >= 2, udp = c % 100 < t->udp;
	uint64_t rrt = 1000000 - p * 40000 - n % 7 * 1000;
	r->point = r->head.point = (uint16_t)p;
	r->flow_id = 1 + c;
	r->request_id = (uint64_t)n << 8 | p;
	r->start_ns = T0 + n * 20000 + p * 20000 + (p * 7 % 4) * SP_NS_PER_MS;
	r->end_ns = r->start_ns + rrt + 5000;
	r->rrt_us = rrt / 1000;
	r->has_rrt = r->has_ports = 1;
	r->client_ip = behind && t->box.translates ? address(1, 200) : address(1, c / 4);
	r->server_ip = behind && t->box.translates ? address(2, 100 + c % 3) : address(2, c % 5);
	r->client_port = (uint16_t)(behind && t->box.translates ? 1024 + c * 7 : 40000 + c);
	r->server_port = 80;
	r->proto = udp ? SP_PROTO_UDP : SP_PROTO_TCP;
	r->app_proto = udp ? SP_APP_DNS : SP_APP_HTTP;
	r->type = n % 50 ? SP_CALL_TYPE_CALL : SP_CALL_TYPE_ONEWAY;
	r->has_request = r->has_req_off = way != 1;
	r->has_response = r->has_resp_off = way != 2;
	r->has_req_seq = !udp && way != 1;
	r->has_resp_seq = !udp && way != 2 && n % 50;
	r->req_tcp_seq = scatter(c) + nth * 80 + (behind && t->box.client_isn ? scatter(c + 1000) : 0);
	r->resp_tcp_seq = scatter(c + 500) + nth * 900 + (behind && t->box.server_isn ? scatter(c + 2000) : 0);
	if (t->keys) {
		r->req_tcp_seq %= t->keys;
		r->resp_tcp_seq %= 3;
	}
	r->req_off = nth * 80;
	r->resp_off = nth * 900;
	return r;
}

static void texts(const struct traffic *t, struct sp_request_record *r, unsigned n)
{
	char id[40];
	if (r->has_request) {
		text(r, SP_SLOT_METHOD, "GET");
		text(r, SP_SLOT_HOST, "shop");
		text(r, SP_SLOT_RESOURCE, n % 3 ? "/orders" : "/");
	}
	if (r->proto == SP_PROTO_UDP) {
		snprintf(id, sizeof id, "%u", n);
		text(r, SP_SLOT_CORRELATION, id);
	}
	snprintf(id, sizeof id, "%08x", scatter(n / 4));
	if (t->ids && n % 4 < 2)
		text(r, n % 4 ? SP_SLOT_X_REQUEST_ID_REQUEST : SP_SLOT_X_REQUEST_ID_RESPONSE, id);
	if (t->ids && n % 4 >= 2)
		text(r, n % 8 < 4 ? SP_SLOT_TRACE_ID : SP_SLOT_OTHER_TRACE_ID, id);
	snprintf(id, sizeof id, "%08x", ~scatter(n / 8));
	if (t->ids && n % 8 >= 6)
		text(r, SP_SLOT_TRACE_ID, id);
}

static void flow(const struct traffic *t, unsigned n, unsigned p)
{
	struct sp_flow_record *r = record_new(SP_RECORD_FLOW, SP_FLOW_RECORD_PLAIN);
	unsigned c = n % t->flight;
	bool behind = p >= 2;
	r->flow_id = 1 + c;
	r->point = r->head.point = (uint16_t)p;
	r->start_ns = T0 + c * 1000 + p * 20000;
	r->end_ns = T0 + n * 20000;
	r->client_ip = address(1, behind && t->box.translates ? 200 : c / 4);
	r->server_ip = address(2, behind && t->box.translates ? 100 + c % 3 : c % 5);
	r->client_port = (uint16_t)(behind && t->box.translates ? 1024 + c * 7 : 40000 + c);
	r->server_port = 80;
	r->proto = SP_PROTO_TCP;
	r->is_tcp = r->has_isn_client = r->has_isn_server = r->has_rtt_server = 1;
	r->isn_client = scatter(c) - 1 + (behind && t->box.client_isn ? scatter(c + 1000) : 0);
	r->isn_server = scatter(c + 500) - 1 + (behind && t->box.server_isn ? scatter(c + 2000) : 0);
	r->rtt_server_us = 100 - 10 * p;
	r->packets_c2s = r->packets_s2c = 10;
	r->retrans_c2s = p < 2 ? c % 3 : 0;
	r->close_reason = SP_CLOSE_FIN;
}

/* Of each flight in random order, some of them not at all, some twice, some much later. */
static void pass(const struct traffic *t)
{
	for (unsigned first = 0; first < t->calls; first += t->flight) {
		unsigned from = n_events;
		for (unsigned i = 0; i < t->flight * POINTS; i++) {
			unsigned n = first + i / POINTS, p = i % POINTS,
				 way = random_next() % 100 < t->half ? 1 + n % 2 : 0;
			if (random_next() % 100 < t->lose)
				continue;
			texts(t, call(t, n, p, way), n);
			if (random_next() % 100 < t->twice) {
				event[n_events] = event[n_events - 1];
				n_events++;
			}
			if (t->flows && first + 2 * t->flight > t->calls && n % 50)
				flow(t, n, p);
		}
		from -= SP_MIN(from, t->flight); /* some of the flight before are late */
		for (unsigned i = n_events - from; i > 1; i--) {
			unsigned k = random_next() % i;
			struct event swap = event[from + i - 1];
			event[from + i - 1] = event[from + k];
			event[from + k] = swap;
		}
	}
}

/* --- tests --- */

static const struct box box[] = {
	{0}, {.translates = true}, {.client_isn = true, .server_isn = true}, {.server_isn = true}, {true, true, true}};

static void boxes(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		struct traffic t = {.box = box[i], .calls = FEW, .flight = 64, .flows = true, .ids = i % 2};
		begin(64 << 20, 1 + i);
		pass(&t);
		CHECK(same());
		bool kept = !box[i].client_isn && !box[i].server_isn;
		CHECK(stats_sharded.spans_found * (kept ? 3 : 100) > stats_sharded.spans_joined);
	}
}

static void lost_twice_and_late(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		struct traffic t = {box[i],	 .calls = FEW,	.flight = 64, .lose = 10,
				    .twice = 10, .flows = true, .ids = true};
		begin(64 << 20, 10 + i);
		pass(&t);
		CHECK(same());
		CHECK(stats_sharded.spans_repeated > 0);
	}
}

/* Spans that saw one direction make of a call what no shard knows. */
static void one_direction(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		struct traffic t = {box[i], .calls = FEW, .flight = 64, .half = 20, .udp = 20, .twice = 2};
		begin(64 << 20, 20 + i);
		pass(&t);
		CHECK(same());
	}
}

/* What calls share, and what makes them contradict each other: few numbers for many of them. */
static void few_keys(void)
{
	for (unsigned keys = 1; keys <= 64; keys *= 4) {
		struct traffic t = {.calls = FEW / 2, .flight = 64, .twice = 10, .lose = 10, .half = 10, .keys = keys};
		begin(64 << 20, 30 + keys);
		pass(&t);
		CHECK(same());
	}
}

static void too_little_memory(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		struct traffic t = {box[i],	.calls = FEW,  .flight = 256, .lose = 5,
				    .twice = 5, .flows = true, .ids = i % 2};
		begin(512 << 10, 40 + i);
		pass(&t);
		CHECK(same());
		CHECK(stats_sharded.traces_early > 0);
	}
}

/* --- what a shard cannot know --- */

static struct sp_span *seen(unsigned flow, unsigned p, unsigned bits)
{
	struct sp_span *s = &event[n_events++].span;
	event[n_events - 1].record = NULL;
	*s = (struct sp_span){.flow_id = flow,
			      .request_id = n_events,
			      .start_ns = T0 + n_events * 1000 + p * 20000,
			      .end_ns = T0 + n_events * 1000 + 500000,
			      .client_ip = address(1, 1),
			      .server_ip = address(2, 1),
			      .what = 1,
			      .req_seq = 1000,
			      .resp_seq = 2000,
			      .rrt_us = 400 - 10 * p,
			      .point = (uint16_t)p,
			      .client_port = 40000,
			      .server_port = 80,
			      .app = SP_APP_HTTP,
			      .proto = SP_PROTO_TCP,
			      .bits = (uint8_t)(bits | SP_SPAN_RRT),
			      .confidence = 100};
	return s;
}

enum {
	ASKED = SP_SPAN_REQUEST | SP_SPAN_REQ_SEQ,
	ANSWERED = SP_SPAN_RESPONSE | SP_SPAN_RESP_SEQ,
	WHOLE = ASKED | ANSWERED
};

/* The numbers are the same, and the protocol is not. */
static void other_protocol(void)
{
	begin(64 << 20, 1);
	seen(1, 0, WHOLE);
	seen(1, 1, WHOLE)->app = SP_APP_REDIS;
	seen(1, 2, WHOLE);
	seen(1, 3, WHOLE)->app = SP_APP_REDIS;
	CHECK(same());
	CHECK_EQ(stats_sharded.traces, 2);
}

/* …or two calls of one connection have them: the later one is found. */
static void two_calls(void)
{
	begin(64 << 20, 1);
	seen(1, 0, WHOLE);
	seen(1, 0, WHOLE);
	seen(1, 2, WHOLE);
	seen(1, 3, WHOLE);
	CHECK(same());
}

/* A span of one direction has come to the call, and contradicts what agrees with all others. */
static void half_contradicts(void)
{
	begin(64 << 20, 1);
	seen(1, 0, WHOLE);
	seen(1, 1, ASKED);
	seen(1, 2, WHOLE)->what = 2;
	seen(1, 3, WHOLE)->what = 2;
	CHECK(same());
	CHECK_EQ(stats_sharded.traces, 2);
}

/* So many have the numbers that the call is not among those that are looked at. */
static void crowded(void)
{
	begin(64 << 20, 1);
	seen(1, 0, WHOLE);
	for (unsigned i = 0; i < 200; i++) {
		seen(2, 1, i % 2 ? ASKED : ANSWERED)->app = SP_APP_REDIS;
		seen(3, 2, i % 2 ? ASKED : ANSWERED)->app = SP_APP_REDIS;
	}
	seen(1, 3, WHOLE);
	CHECK(same());
	CHECK_EQ(stats_sharded.spans_found, 0);
}

/* 100,000 calls, 64 identical ones in flight, as spans of other boxes. */
static void identical(void)
{
	struct traffic t = {.box = {.translates = true}, .flight = 64};
	begin(64 << 20, 50);
	for (unsigned n = 0; n < CALLS; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			struct sp_span span;
			sp_span_of(&span, call(&t, n, p, 0));
			used = 0;
			event[n_events - 1] = (struct event){.span = span};
			unsigned k = n_events - 1 - random_next() % SP_MIN(n_events, 200u);
			struct event swap = event[k];
			event[k] = event[n_events - 1];
			event[n_events - 1] = swap;
		}
	CHECK(same());
	CHECK_EQ(stats_sharded.traces, CALLS);
	CHECK(stats_sharded.spans_found > CALLS * 2);
}

int main(void)
{
	static const char *const names[POINTS] = {"client", "switch", "firewall", "server"};
	for (unsigned p = 0; p < POINTS; p++)
		sp_points_add(&points, names[p], SP_POINT_UNKNOWN);
	event = calloc(EVENTS_MAX, sizeof *event);
	arena = malloc(arena_size);
	if (!event || !arena)
		return 1;
	RUN(boxes);
	RUN(lost_twice_and_late);
	RUN(one_direction);
	RUN(few_keys);
	RUN(too_little_memory);
	RUN(other_protocol);
	RUN(two_calls);
	RUN(half_contradicts);
	RUN(crowded);
	RUN(identical);
	free(event);
	free(arena);
	return check_done();
}
