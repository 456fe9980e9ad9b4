/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that are seconds apart on both sides of a middlebox that rewrites all sequence numbers: what other calls, or
 * many connections together, tell of the clocks makes whole traces; what tells nothing leaves halves, and never joins
 * what is not one call. A span's request_id says whose it is. */
#include <stdlib.h>

#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define POINTS 4 /* the box is between the second and the third */
#define CALLS_MAX 2000

static struct sp_points points;
static const struct sp_stitch_conf conf = {true, true, 10 * SP_NS_PER_SEC, 30 * SP_NS_PER_SEC, 64 << 20};

static struct {
	unsigned traces, wrong, whole, rewritten;
} got;

static void trace(void *ctx, const struct sp_trace *t)
{
	got.traces++;
	got.whole += t->n_spans == POINTS;
	for (unsigned i = 0; i < t->n_spans; i++) {
		got.wrong += t->span[i].span->request_id != t->span[0].span->request_id;
		got.rewritten += t->span[i].joined_by == SP_JOIN_TCP_OFFSET;
	}
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

/* A connection of one call. */
struct call {
	uint64_t ns;
	uint16_t port;
	bool plain; /* its numbers stay as they are */
};

static struct call call[CALLS_MAX];
static unsigned n_calls;

static void add(uint64_t ns, unsigned port, bool plain)
{
	call[n_calls++] = (struct call){ns, (uint16_t)port, plain};
}

struct world {
	int64_t ahead_ns; /* the clocks of the points behind the box, the last one's by a second more */
	unsigned lose;	  /* spans of 100 */
	bool snat;
	uint32_t seed;
};

static struct sp_span span_of(const struct world *w, unsigned n, unsigned p, uint32_t *seed)
{
	const struct call *c = &call[n];
	bool behind = p >= 2;
	int64_t clock = behind ? w->ahead_ns + (p == 3 ? (int64_t)SP_NS_PER_SEC : 0) : 0;
	uint64_t way = p * 20000 + random_next(seed) % 300000, rrt = 1000000 - p * 40000;
	uint64_t start = c->ns + way + (uint64_t)clock;
	uint32_t add = behind && !c->plain ? scatter(n + 5000) : 0;
	return (struct sp_span){
		.flow_id = n + 1,
		.request_id = n,
		.start_ns = start,
		.end_ns = start + rrt,
		.client_ip = sp_addr_v4((const uint8_t[]){10, 0, 0, behind && w->snat ? 9 : 1}),
		.server_ip = sp_addr_v4((const uint8_t[]){10, 0, 1, 1}),
		.what = 1,
		.req_seq = scatter(2 * n) + add,
		.resp_seq = scatter(2 * n + 1) + add,
		.asked = 1,
		.answered = 1,
		.rrt_us = (uint32_t)(rrt / 1000),
		.point = (uint16_t)p,
		.client_port = c->port,
		.server_port = 80,
		.app = SP_APP_HTTP,
		.bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ | SP_SPAN_RRT,
		.proto = SP_PROTO_TCP,
		.joined_by = SP_JOIN_TCP_SEQ,
		.confidence = 100,
	};
}

static int by_end(const void *a, const void *b)
{
	uint64_t x = ((const struct sp_span *)a)->end_ns, y = ((const struct sp_span *)b)->end_ns;
	return (x > y) - (x < y);
}

/* As they come live, or, `sorted`, as captures are read. */
static void run(const struct world *w, bool sorted)
{
	static struct sp_span span[CALLS_MAX * POINTS];
	struct sp_stitch *s;
	unsigned all = 0;
	uint32_t seed = w->seed;
	memset(&got, 0, sizeof got);
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){.trace = trace}))
		abort();
	for (unsigned n = 0; n < n_calls; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			span[all] = span_of(w, n, p, &seed);
			all += random_next(&seed) % 100 >= w->lose;
		}
	if (sorted)
		qsort(span, all, sizeof *span, by_end);
	for (unsigned i = 0; i < all; i++) {
		sp_stitch_tick(s, span[i].end_ns);
		sp_stitch_span(s, &span[i], NULL);
	}
	sp_stitch_end(s);
	sp_stitch_free(s);
	CHECK_EQ(got.wrong, 0);
}

static const int64_t ahead[] = {3700000000, -3700000000, 6100000000, -6100000000, 300000000};

/* Each world live and sorted; `whole`: of 100 calls. */
static void worlds(unsigned lose, bool snat, unsigned whole)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(ahead); i++)
		for (unsigned sorted = 0; sorted < 2; sorted++) {
			struct world w = {ahead[i], lose, snat, i + 1};
			run(&w, sorted);
			CHECK(got.whole * 100 >= n_calls * whole);
		}
}

/* Nothing but connections whose numbers are rewritten, each from a new port, at any time. */
static void many(void)
{
	uint32_t seed = 1;
	n_calls = 0;
	for (uint64_t ns = T0; n_calls < 1000; ns += random_next(&seed) % 100 * SP_NS_PER_MS)
		add(ns, 20000 + n_calls, false);
	worlds(0, false, 100);
	worlds(0, true, 100);
	worlds(10, false, 60); /* all four points saw 66 of 100 */
}

/* One of a hundred that was not used for half a second. */
static unsigned free_port(uint64_t ns, uint32_t *seed)
{
	static uint64_t used_ns[100];
	unsigned port;
	do
		port = random_next(seed) % 100;
	while (used_ns[port] + SP_NS_PER_SEC / 2 > ns);
	used_ns[port] = ns;
	return 20000 + port;
}

/* …from ports that are used again soon. */
static void soon_again(void)
{
	uint32_t seed = 2;
	n_calls = 0;
	for (uint64_t ns = T0; n_calls < 1000; ns += random_next(&seed) % 100 * SP_NS_PER_MS)
		add(ns, free_port(ns, &seed), false);
	worlds(0, false, 90);
	worlds(0, true, 90);
	worlds(10, false, 50);
}

/* …at regular times: every time is as good as the others, and nothing tells which one it is. */
static void regularly(void)
{
	n_calls = 0;
	for (unsigned n = 0; n < 1000; n++)
		add(T0 + n * 50 * SP_NS_PER_MS, 20000 + n % 64, false);
	worlds(0, false, 0);
	worlds(10, false, 0);
	worlds(10, true, 0);
}

/* One connection alone stays in two halves, as it has to. */
static void alone(void)
{
	n_calls = 0;
	add(T0, 20000, false);
	struct world w = {ahead[0], 0, false, 1};
	run(&w, false);
	CHECK_EQ(got.traces, 2);
	CHECK_EQ(got.rewritten, 0);
}

/* …but not when calls that are not rewritten tell of the clocks, even where no call is seen at both ends. */
static void others(void)
{
	n_calls = 0;
	for (unsigned n = 0; n < 50; n++)
		add(T0 + n * 300 * SP_NS_PER_MS, 30000 + n, true);
	add(T0 + 12 * SP_NS_PER_SEC, 20000, false);
	worlds(0, false, 100);
	worlds(0, true, 100);
}

int main(void)
{
	for (unsigned p = 0; p < POINTS; p++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", p);
		sp_points_add(&points, name, SP_POINT_UNKNOWN);
	}
	RUN(many);
	RUN(soon_again);
	RUN(regularly);
	RUN(alone);
	RUN(others);
	return check_done();
}
