/* SPDX-License-Identifier: Apache-2.0 */
/* What joins spans: calls over connections whose addresses and sequence numbers change on the way, seen at several
 * points, in any order. A span's request_id says whose it is, so that a wrong join is seen. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define POINTS 4
#define FLIGHT 64

static struct sp_points points;
static const struct sp_stitch_conf conf = {true, true, 10 * SP_NS_PER_SEC, 30 * SP_NS_PER_SEC, 64 << 20};

/* What stands between the second and the third point. */
struct box {
	bool snat, dnat, ports; /* and the client's port with its address */
	bool client_isn, server_isn;
};

static struct {
	unsigned traces, spans, wrong, disorder, rewritten, unsure, partial, least;
	uint64_t digest;	 /* of all traces, whatever their order */
	unsigned of[POINTS + 1]; /* traces of so many spans */
} got;

static void trace(void *ctx, const struct sp_trace *t)
{
	got.traces++;
	got.spans += t->n_spans;
	got.partial += t->partial || t->n_missing;
	got.of[SP_MIN(t->n_spans, POINTS)]++;
	uint64_t h = sp_hash_mix(t->id[0] ^ SP_HASH_K0, t->id[1] ^ SP_HASH_K1);
	for (unsigned i = 0; i < t->n_spans; i++)
		h = sp_hash_mix(h ^ t->span[i].id ^ t->span[i].joined_by, SP_HASH_K1 ^ (unsigned)t->span[i].parent);
	got.digest += h;
	for (unsigned i = 0; i < t->n_spans; i++) {
		got.wrong += t->span[i].span->request_id >> 8 != t->span[0].span->request_id >> 8;
		got.disorder += i && t->span[i].span->point < t->span[i - 1].span->point;
		got.rewritten += t->span[i].joined_by == SP_JOIN_TCP_OFFSET;
		got.unsure += t->span[i].confidence < 90;
		got.least = SP_MIN(got.least, t->span[i].confidence);
	}
}

static struct sp_stitch *begin(void)
{
	struct sp_stitch *s;
	memset(&got, 0, sizeof got);
	got.least = 100;
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){trace, NULL, NULL}))
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

static uint32_t scatter(uint64_t n)
{
	return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Call n, of connection n % FLIGHT, as point p sees it. All of them ask the same, so that those that are in flight at
 * the same time differ in nothing but their connections. */
static struct sp_span span_of(const struct box *box, unsigned n, unsigned p)
{
	unsigned c = n % FLIGHT, nth = n / FLIGHT;
	bool behind = p >= 2;
	uint64_t start = T0 + n * 1000 + p * 20000 + (p * 7 % 4) * SP_NS_PER_MS, rrt = 1000000 - p * 40000;
	uint32_t add_c = behind && box->client_isn ? scatter(c + 1000) : 0;
	uint32_t add_s = behind && box->server_isn ? scatter(c + 2000) : 0;
	return (struct sp_span){
		.flow_id = 1 + c,
		.request_id = (uint64_t)n << 8 | p,
		.start_ns = start,
		.end_ns = start + rrt + 5000,
		.client_ip = behind && box->snat ? address(1, 200) : address(1, c / 4),
		.server_ip = behind && box->dnat ? address(2, 100 + c % 3) : address(2, 1),
		.what = 1,
		.req_seq = scatter(c) + nth * 80 + add_c,
		.resp_seq = scatter(c + 500) + nth * 900 + add_s,
		.asked = 1 + nth * 80,
		.answered = 1 + nth * 900,
		.rrt_us = (uint32_t)(rrt / 1000),
		.point = (uint16_t)p,
		.client_port = (uint16_t)(behind && box->ports ? 1024 + c * 7 : 40000 + c),
		.server_port = 80,
		.app = SP_APP_HTTP,
		.bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ | SP_SPAN_RRT |
			SP_SPAN_PORTS,
		.proto = SP_PROTO_TCP,
		.joined_by = SP_JOIN_TCP_SEQ,
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

/* All calls at all points, those of one flight in random order; of `lose` in 100 spans nothing is known. */
static void run_seeded(const struct box *box, unsigned calls, unsigned lose, uint32_t seed)
{
	struct sp_stitch *s = begin();
	for (unsigned first = 0; first < calls; first += FLIGHT) {
		unsigned order[FLIGHT * POINTS], n = 0;
		for (unsigned i = 0; i < FLIGHT * POINTS; i++)
			if (!lose || random_next(&seed) % 100 >= lose)
				order[n++] = first * POINTS + i;
		for (unsigned i = n; seed && i > 1; i--) {
			unsigned k = random_next(&seed) % i, swap = order[i - 1];
			order[i - 1] = order[k];
			order[k] = swap;
		}
		for (unsigned i = 0; i < n; i++) {
			struct sp_span span = span_of(box, order[i] / POINTS, order[i] % POINTS);
			put(s, &span);
		}
	}
	end(s);
}

static void run(const struct box *box, unsigned calls, unsigned lose)
{
	run_seeded(box, calls, lose, 1);
}

enum { CALLS = 100 * 1000 / FLIGHT * FLIGHT, FEW = 300 * FLIGHT };

static void sure(const struct box *box)
{
	run(box, CALLS, 0);
	CHECK_EQ(got.traces, CALLS);
	CHECK_EQ(got.spans, CALLS * POINTS);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.disorder, 0);
	CHECK_EQ(got.unsure, 0);
	CHECK_EQ(got.rewritten, box->client_isn || box->server_isn ? CALLS : 0);
	run(box, FEW, 10);
	CHECK_EQ(got.wrong, 0);
	CHECK(got.traces >= FEW * 99 / 100);
}

/* Sequence numbers as they were: addresses and ports do not count. */
static void translated(void)
{
	static const struct box box[] = {
		{0}, {.snat = true, .ports = true}, {.dnat = true}, {true, true, true, false, false}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++)
		sure(&box[i]);
}

/* Rewritten ones, where the client's end is still the same. */
static void rewritten(void)
{
	static const struct box box[] = {{.client_isn = true, .server_isn = true},
					 {.dnat = true, .client_isn = true, .server_isn = true}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++)
		sure(&box[i]);
}

/* …where one of both directions has its own numbers. */
static void syn_proxy(void)
{
	static const struct box box[] = {
		{.server_isn = true}, {true, true, true, .server_isn = true}, {true, true, true, .client_isn = true}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++)
		sure(&box[i]);
}

/* …where nothing but the client's port is left: joined, and said to be less sure. */
static void port_only(void)
{
	static const struct box box[] = {{.snat = true, .client_isn = true, .server_isn = true},
					 {true, true, false, true, true}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		run(&box[i], CALLS, 0);
		CHECK_EQ(got.wrong, 0);
		CHECK_EQ(got.traces, CALLS);
		CHECK_EQ(got.spans, CALLS * POINTS);
		CHECK(got.unsure && got.least < 90);
		run(&box[i], FEW, 10);
		CHECK_EQ(got.wrong, 0);
	}
}

/* …where nothing at all is left: which of the identical calls is which cannot be told, and is not. */
static void nothing_left(void)
{
	static const struct box box = {true, true, true, true, true};
	run(&box, FEW, 10);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.rewritten, 0);
}

static const struct box plain, firewall = {.client_isn = true, .server_isn = true};

/* Traces are the same in whatever order their spans come. */
static void any_order(void)
{
	static const struct box *const box[] = {&plain, &firewall};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(box); i++) {
		run_seeded(box[i], FEW, 0, 0);
		uint64_t digest = got.digest;
		for (uint32_t seed = 1; seed < 5; seed++) {
			run_seeded(box[i], FEW, 0, seed);
			CHECK_EQ(got.digest, digest);
		}
	}
}

/* Spans that come late, within the window, and twice. */
static void late_and_twice(void)
{
	enum { LATE = 3000 };
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < FEW + LATE; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			unsigned which = n - (p == 1 ? LATE : 0);
			if (which >= FEW)
				continue;
			struct sp_span span = span_of(&firewall, which, p);
			put(s, &span);
			put(s, &span);
		}
	sp_stitch_end(s);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.traces, FEW);
	CHECK_EQ(got.spans, FEW * POINTS);
	CHECK_EQ(sp_stitch_stats(s)->spans_repeated, FEW * POINTS);
	sp_stitch_free(s);
}

/* A point that is there no more: what it does not see is told as partial. */
static void vanished(void)
{
	for (unsigned gone = 0; gone < POINTS; gone++) {
		struct sp_stitch *s = begin();
		for (unsigned n = 0; n < 2000; n++) {
			for (unsigned p = 0; p < POINTS; p++) {
				struct sp_span span = span_of(&firewall, n, p);
				if (p != gone || n < 1000)
					put(s, &span);
			}
			sp_stitch_tick(s, T0 + (n + 1) * 100 * SP_NS_PER_SEC);
		}
		end(s);
		CHECK_EQ(got.wrong, 0);
		CHECK_EQ(got.traces, 2000);
		CHECK_EQ(got.of[POINTS], 1000);
		CHECK(got.partial >= 990 && got.partial <= 1000);
	}
}

/* Calls that a load balancer shares out between two servers, each with a point of its own: nothing is missing. */
static void shared_out(void)
{
	struct sp_stitch *s = begin();
	uint32_t seed = 3;
	for (unsigned n = 0; n < 2000; n++) {
		unsigned other = 2 + random_next(&seed) % 2;
		for (unsigned p = 0; p < POINTS; p++) {
			struct sp_span span = span_of(&plain, n, p);
			if (p != other)
				put(s, &span);
		}
		sp_stitch_tick(s, T0 + (n + 1) * 100 * SP_NS_PER_SEC);
	}
	end(s);
	CHECK_EQ(got.traces, 2000);
	CHECK(got.partial <= 4);
}

/* One call with its places tells how to translate a connection's numbers: others need not have any. */
static void learned(void)
{
	static const struct box box = {.snat = true, .client_isn = true, .server_isn = true};
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < FEW; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			struct sp_span span = span_of(&box, n, p);
			if (n >= 4 * FLIGHT)
				span.asked = span.answered = 0;
			put(s, &span);
			sp_stitch_tick(s, T0 + n * 10 * SP_NS_PER_SEC);
		}
	end(s);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.traces, FEW);
	CHECK_EQ(got.spans, FEW * POINTS);
}

/* A client that uses its ports again every few seconds: the first call of each connection begins at the same place. */
static void ports_again(void)
{
	struct sp_stitch *s = begin();
	uint32_t seed = 7;
	for (unsigned n = 0; n < FEW; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			struct sp_span span = span_of(&firewall, n, p);
			span.start_ns += n * 50 * SP_NS_PER_MS;
			span.end_ns += n * 50 * SP_NS_PER_MS;
			span.asked = span.answered = 1;
			span.flow_id = n + 1;
			span.req_seq += scatter(n / FLIGHT + 77777);
			span.resp_seq += scatter(n / FLIGHT + 88888);
			if (random_next(&seed) % 10)
				put(s, &span);
		}
	end(s);
	CHECK_EQ(got.wrong, 0);
	CHECK(got.traces > FEW * 9 / 10);
}

/* Points that saw one direction each, on both sides of a firewall that rewrites numbers. */
static void one_direction(void)
{
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < FEW; n++)
		for (unsigned p = 0; p < POINTS; p++) {
			struct sp_span span = span_of(&firewall, n, p);
			bool request = p == 0, response = p == 3;
			if (n >= FLIGHT && (request || response)) {
				span.bits &= (uint8_t) ~(SP_SPAN_RRT | (request ? SP_SPAN_RESPONSE | SP_SPAN_RESP_SEQ
										: SP_SPAN_REQUEST | SP_SPAN_REQ_SEQ));
				span.what = request ? span.what : 0;
				span.asked = request ? span.asked : 0;
				span.answered = response ? span.answered : 0;
			}
			put(s, &span);
		}
	end(s);
	CHECK_EQ(got.wrong, 0);
	CHECK_EQ(got.traces, FEW);
	CHECK_EQ(got.spans, FEW * POINTS);
}

int main(void)
{
	for (unsigned p = 0; p < POINTS; p++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", p);
		sp_points_add(&points, name, SP_POINT_UNKNOWN);
	}
	RUN(translated);
	RUN(rewritten);
	RUN(syn_proxy);
	RUN(port_only);
	RUN(nothing_left);
	RUN(any_order);
	RUN(late_and_twice);
	RUN(vanished);
	RUN(shared_out);
	RUN(learned);
	RUN(ports_again);
	RUN(one_direction);
	return check_done();
}
