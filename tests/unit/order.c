/* SPDX-License-Identifier: Apache-2.0 */
/* The order of points where times mislead: a mirror of one port in both directions, whose copies come late by what
 * nobody knows, those of what goes out later than the others, since they are made when it has left. What decides the
 * order has to be followed; where nothing does, it has to be said to be a guess, and no times may be told. */
#include <stdlib.h>

#include "base/time.h"
#include "flowtable/tcp.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define CALLS 200
#define SEEDS 20
enum { CLIENT, MIRROR, SERVER, POINTS };

static struct sp_points points;
static const struct sp_stitch_conf conf = {true, true, 10 * SP_NS_PER_SEC, 30 * SP_NS_PER_SEC, 64 << 20};

/* Microseconds, one way: from the client to the mirrored port, and on to the server. Copies come late by at least so
 * many, and by chance up to so many more. */
struct way {
	unsigned near_us, far_us;
	unsigned there_us, back_us, jitter_us;
	bool handshakes, ttl;
	unsigned slow; /* one call in so many takes 50 ms between client and mirror; 0: none */
};

static struct {
	unsigned traces, wrong, disorder, guesses, unclaimed, unnamed;
	unsigned paths, path_guesses, path_disorder, losses;
} got;

static void trace(void *ctx, const struct sp_trace *t)
{
	const struct way *way = ctx;
	bool right = t->n_spans == POINTS;
	for (unsigned i = 0; right && i < POINTS; i++)
		right = t->span[i].span->point == i;
	got.traces++;
	got.disorder += !right;
	got.unnamed += t->slowest_unsure;
	for (unsigned i = 0; i < t->n_hops; i++) {
		const struct sp_trace_hop *hop = &t->hop[i];
		uint16_t from = t->span[hop->from].span->point, to = t->span[hop->to].span->point;
		got.guesses += hop->unsure;
		got.unclaimed += !hop->has_self;
		got.wrong += !hop->unsure && from > to;
		got.wrong += hop->unsure && (hop->has_self || hop->has_one_way);
	}
	bool slow = way->slow && t->span[0].span->request_id % way->slow == 0;
	const struct sp_trace_hop *slowest = t->slowest < 0 || t->slowest_unsure ? NULL : &t->hop[t->slowest];
	got.wrong += slow && slowest && t->span[slowest->to].span->point != MIRROR;
}

static void path(void *ctx, const struct sp_path *p)
{
	got.paths++;
	got.path_guesses += p->unsure != 0;
	got.losses += p->n_losses + p->n_doubled;
	for (unsigned i = 1; i < p->n_legs; i++)
		got.path_disorder += p->leg[i]->point < p->leg[i - 1]->point && !(p->unsure >> i & 1);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static uint32_t scatter(uint64_t n)
{
	return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* When a message and its answer are seen at a point, if the client sends it at 0 and the server takes `took_us`. */
struct seen {
	int64_t there_ns, back_ns;
};

static struct seen seen_at(const struct way *w, unsigned p, unsigned took_us, unsigned slow_us, uint32_t *seed)
{
	unsigned to = p == CLIENT ? 0 : p == MIRROR ? w->near_us : w->near_us + w->far_us;
	unsigned back = w->near_us + 2 * w->far_us + took_us + (p == CLIENT ? w->near_us + slow_us : 0);
	struct seen s = {to * 1000, (p == SERVER ? back - w->far_us : back) * 1000};
	if (p == MIRROR) {
		s.there_ns += (w->there_us * 1000) + random_next(seed) % (w->jitter_us * 1000 + 1);
		s.back_ns += (w->back_us * 1000) + random_next(seed) % (w->jitter_us * 1000 + 1);
	}
	return s;
}

static uint8_t ttl_of(const struct way *w, unsigned p, bool s2c)
{
	return (uint8_t)(!w->ttl ? 64 : s2c ? 62 + p : 64 - p);
}

static struct sp_span call(const struct way *w, unsigned n, unsigned p, uint32_t *seed)
{
	bool slow = w->slow && n % w->slow == 0;
	struct seen seen = seen_at(w, p, 300 + n % 7 * 100, slow ? 50000 : 0, seed);
	uint64_t start = T0 + n * 20 * SP_NS_PER_MS + (uint64_t)seen.there_ns;
	uint64_t rrt = (uint64_t)(seen.back_ns - seen.there_ns);
	return (struct sp_span){
		.flow_id = p + 1,
		.request_id = n,
		.start_ns = start,
		.end_ns = start + rrt,
		.what = 1,
		.req_seq = scatter(2 * n),
		.resp_seq = scatter(2 * n + 1),
		.rrt_us = (uint32_t)(rrt / 1000),
		.rrt_ns = rrt % 1000,
		.point = (uint16_t)p,
		.client_port = 40000,
		.server_port = 80,
		.app = SP_APP_HTTP,
		.bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ | SP_SPAN_RRT,
		.proto = SP_PROTO_TCP,
		.confidence = 100,
		.ttl_c2s = ttl_of(w, p, false),
		.ttl_s2c = ttl_of(w, p, true),
	};
}

/* Its connection: two kernels answer at once, and the mirror's switch has nothing else to do. */
static void connection(struct sp_stitch *s, const struct way *w, unsigned n, unsigned p, uint32_t *seed)
{
	struct way quiet = *w;
	quiet.there_us = quiet.back_us = 2;
	quiet.jitter_us = 4;
	struct seen seen = seen_at(&quiet, p, 10, 0, seed);
	struct sp_flow_record r = {
		.head = {SP_RECORD_FLOW, 0, sizeof r},
		.flow_id = n + 1,
		.start_ns = T0 + n * 20 * SP_NS_PER_MS,
		.end_ns = T0 + n * 20 * SP_NS_PER_MS + SP_NS_PER_MS,
		.client_port = 40000,
		.server_port = 80,
		.proto = SP_PROTO_TCP,
		.point = (uint16_t)p,
		.has_isn_client = true,
		.has_isn_server = true,
		.isn_client = scatter(2 * n) - 1,
		.isn_server = scatter(2 * n + 1) - 1,
		.has_rtt_server = true,
		.rtt_server_us = (uint32_t)((seen.back_ns - seen.there_ns) / 1000),
		.ttl_c2s = ttl_of(w, p, false),
		.ttl_s2c = ttl_of(w, p, true),
		.tcp_flags_c2s = SP_TCP_SYN | SP_TCP_ACK | SP_TCP_FIN,
		.tcp_flags_s2c = SP_TCP_SYN | SP_TCP_ACK | SP_TCP_FIN,
		.packets_c2s = 5,
		.packets_s2c = 5,
		.payload_bytes_c2s = 100,
		.payload_bytes_s2c = 100,
		.close_reason = SP_CLOSE_FIN,
	};
	sp_stitch_flow(s, &r);
}

static void run(struct way way, uint32_t seed)
{
	struct sp_stitch *s;
	memset(&got, 0, sizeof got);
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){.trace = trace, .path = path, .ctx = &way}))
		abort();
	for (unsigned n = 1; n <= CALLS; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			if (way.handshakes)
				connection(s, &way, n, p, &seed);
			struct sp_span span = call(&way, n, p, &seed);
			sp_stitch_tick(s, span.end_ns);
			sp_stitch_span(s, &span, NULL);
		}
	sp_stitch_end(s);
	sp_stitch_free(s);
	CHECK_EQ(got.traces, CALLS);
	CHECK_EQ(got.wrong, 0);
}

/* Copies of what goes out are later on average, so that the mirror seems to be as far from the server as the client or
 * a little farther; then a little nearer. */
static const struct way ways[] = {
	{.near_us = 10, .far_us = 200, .there_us = 5, .back_us = 25, .jitter_us = 40},
	{.near_us = 3, .far_us = 200, .there_us = 5, .back_us = 10, .jitter_us = 30},
	{.near_us = 10, .far_us = 200, .there_us = 5, .back_us = 15, .jitter_us = 50},
	{.near_us = 8, .far_us = 200, .there_us = 5, .back_us = 30, .jitter_us = 40}, /* two of three say so */
	{.near_us = 5, .far_us = 3000, .there_us = 20, .back_us = 10, .jitter_us = 60},
};

/* Nothing decides: nothing wrong is said, and the server's end is as sure as ever. */
static void undecided(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(ways); i++)
		for (uint32_t seed = 1; seed <= SEEDS; seed++) {
			run(ways[i], seed);
			CHECK_EQ(got.guesses, CALLS);
			CHECK_EQ(got.unclaimed, CALLS);
		}
}

static void decided_by(bool ttl, bool handshakes)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(ways); i++)
		for (uint32_t seed = 1; seed <= SEEDS; seed++) {
			struct way way = ways[i];
			way.ttl = ttl;
			way.handshakes = handshakes;
			run(way, seed);
			CHECK_EQ(got.disorder, 0);
			CHECK_EQ(got.guesses, 0);
		}
}

static void by_ttl(void)
{
	decided_by(true, false);
}

static void by_kind(void)
{
	points.point[CLIENT].kind = SP_POINT_CLIENT_NIC;
	points.point[MIRROR].kind = SP_POINT_SWITCH;
	decided_by(false, false);
	points.point[CLIENT].kind = points.point[MIRROR].kind = SP_POINT_UNKNOWN;
}

/* Handshakes are answered at once: their times are sharper than those of calls. */
static void by_handshakes(void)
{
	decided_by(false, true);
	CHECK_EQ(got.paths, CALLS);
	CHECK_EQ(got.path_disorder, 0);
	CHECK_EQ(got.path_guesses, 0);
}

/* Calls that take longer than any mirror is late are told of, and the others are not made to look like them. */
static void slow_calls(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(ways); i++)
		for (uint32_t seed = 1; seed <= SEEDS; seed++) {
			struct way way = ways[i];
			way.slow = 50;
			run(way, seed);
			CHECK_EQ(got.guesses, CALLS - CALLS / 50);
		}
}

/* A mirror that is late by much and always the same cannot be told from a point that is farther out, but by one clock:
 * it sees both directions later than the client does. */
static void one_clock(void)
{
	struct way way = {.near_us = 5, .far_us = 200, .there_us = 20, .back_us = 90, .jitter_us = 5};
	points.point[MIRROR].clock = points.point[CLIENT].clock;
	run(way, 1);
	CHECK_EQ(got.guesses, CALLS);
	points.point[MIRROR].clock = MIRROR;
}

/* Where packets pass, however long queues are, times say it. */
static void no_mirror(void)
{
	static const struct way way = {.near_us = 2, .far_us = 5};
	run(way, 1);
	CHECK_EQ(got.disorder, 0);
	CHECK_EQ(got.guesses, 0);
	CHECK_EQ(got.unclaimed, 0);
}

/* Kinds that times contradict: one of both is wrong, and nobody knows which. */
static void wrong_kinds(void)
{
	points.point[MIRROR].kind = SP_POINT_CLIENT_NIC;
	points.point[CLIENT].kind = SP_POINT_SWITCH;
	run((struct way){.near_us = 20, .far_us = 20}, 1);
	CHECK_EQ(got.guesses, CALLS);
	run((struct way){.near_us = 2000, .far_us = 20}, 1); /* no mirror is late by so much */
	CHECK_EQ(got.guesses, 0);
	CHECK_EQ(got.disorder, 0);
	points.point[CLIENT].kind = points.point[MIRROR].kind = SP_POINT_UNKNOWN;
}

int main(void)
{
	static const char *const name[POINTS] = {"client", "mirror", "server"};
	for (unsigned p = 0; p < POINTS; p++)
		sp_points_add(&points, name[p], SP_POINT_UNKNOWN);
	RUN(undecided);
	RUN(by_ttl);
	RUN(by_kind);
	RUN(by_handshakes);
	RUN(slow_calls);
	RUN(one_clock);
	RUN(no_mirror);
	RUN(wrong_kinds);
	return check_done();
}
