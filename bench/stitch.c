/* SPDX-License-Identifier: Apache-2.0 */
/* Spans a second of processor time through the stitcher: `stitch [CALLS [POINTS [OPEN [SHARDS]]]]`. Calls at several
 * points, OPEN of them waiting for their spans at a time, each span in a random place among them. With several shards,
 * the busiest thread decides how fast it is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "exporters/stitch_crew.h"
#include "parsers/link/proto.h"
#include "stitch/shard.h"
#include "stitch/stitch.h"

static struct sp_points points;
static uint64_t told;

static void trace(void *ctx, const struct sp_trace *t)
{
	told += t->n_spans;
}

/* Two words that a call alone has. */
static uint32_t scatter(uint64_t n)
{
	return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static void span_of(struct sp_span *s, uint64_t n, unsigned p, uint64_t gap_ns)
{
	uint64_t rrt = 1000 - 50 * p;
	*s = (struct sp_span){
		.flow_id = (uint64_t)p << 32 | n % 5000,
		.request_id = n,
		.start_ns = SP_NS_PER_SEC * 1000 + n * gap_ns,
		.req_seq = scatter(n),
		.resp_seq = scatter(n ^ UINT64_C(0xffff0000)),
		.asked = 1 + (uint32_t)(n / 5000) * 100,
		.answered = 1 + (uint32_t)(n / 5000) * 1000,
		.rrt_us = (uint32_t)rrt,
		.what = 1,
		.client_port = (uint16_t)(n % 5000),
		.server_port = 80,
		.point = (uint16_t)p,
		.app = SP_APP_HTTP,
		.proto = SP_PROTO_TCP,
		.confidence = 100,
		.bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ | SP_SPAN_RRT |
			SP_SPAN_PORTS,
	};
	s->client_ip.b[15] = 1;
	s->server_ip.b[15] = 2;
	s->end_ns = s->start_ns + rrt * 1000;
}

/* Where spans go: the stitcher, as many at once as are found faster, or its threads. */
struct bench {
	struct sp_stitch *s;
	struct sp_span span[SP_STITCH_EXPECTED];
	unsigned n;
	struct sp_crew *crew;
	struct sp_crew_load *load;
};

#define LOAD_SPANS 512

static void stitch(struct bench *b)
{
	sp_stitch_expect(b->s, b->span, b->n);
	for (unsigned i = 0; i < b->n; i++) {
		sp_stitch_tick(b->s, b->span[i].end_ns);
		sp_stitch_span(b->s, &b->span[i], NULL);
	}
	b->n = 0;
}

static void put(struct bench *b, uint64_t n, unsigned p, uint64_t gap_ns)
{
	span_of(&b->span[b->n], n, p, gap_ns);
	if (!b->crew) {
		if (++b->n == SP_STITCH_EXPECTED)
			stitch(b);
		return;
	}
	sp_crew_span(b->crew, b->load, &b->span[0]);
	if (b->load->n_spans == LOAD_SPANS) {
		sp_crew_send(b->crew, b->load);
		b->load = sp_crew_load(b->crew, true);
	}
}

/* The processor time of the busiest thread. */
static uint64_t finish(struct bench *b, uint64_t begin)
{
	if (!b->crew) {
		stitch(b);
		sp_stitch_end(b->s);
		return sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
	}
	uint64_t busy_ns[SP_SHARDS_MAX + 2] = {0}, most = 0;
	struct sp_stitch_stats stats;
	sp_crew_send(b->crew, b->load);
	sp_crew_stop(b->crew, &stats, busy_ns);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(busy_ns); i++)
		most = SP_MAX(most, busy_ns[i]);
	return most;
}

int main(int argc, char **argv)
{
	uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
		 open = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
	unsigned at = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4,
		 shards = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
	struct sp_stitch_conf conf = {true, true, SP_NS_PER_SEC, SP_NS_PER_SEC, UINT64_C(1) << 30, .shards = shards};
	struct sp_stitch_told what = {.trace = trace};
	struct bench b = {0};
	for (unsigned p = 0; p < at; p++)
		sp_points_add(&points, (char[]){(char)('a' + p), 0}, SP_POINT_UNKNOWN);
	if (!open || !at || at > 16 || !shards || shards > SP_SHARDS_MAX ||
	    (shards > 1 ? sp_crew_new(&b.crew, &conf, &points, &(struct sp_crew_told){what})
			: sp_stitch_new(&b.s, &conf, &points, &what)))
		return 1;
	b.load = b.crew ? sp_crew_load(b.crew, true) : NULL;
	uint64_t gap = SP_MAX(SP_NS_PER_SEC / open, UINT64_C(1)), lag = open / 16 / at,
		 begin = sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID), began = sp_clock_ns(CLOCK_MONOTONIC);
	for (uint64_t n = 0; n < calls + lag * at; n++)
		for (unsigned p = 0; p < at; p++)
			if (n >= lag * p && n - lag * p < calls)
				put(&b, n - lag * p, p, gap);
	double ns = (double)finish(&b, begin), wall = (double)(sp_clock_ns(CLOCK_MONOTONIC) - began);
	printf("{\"spans\":%" PRIu64 ",\"points\":%u,\"open\":%" PRIu64 ",\"shards\":%u,\"told\":%" PRIu64
	       ",\"ns_a_span\":%.0f,\"million_spans_a_second\":%.2f,\"ns_a_span_passed\":%.0f}\n",
	       calls * at, at, open, shards, told, ns / (double)(calls * at), (double)(calls * at) / ns * 1000,
	       wall / (double)(calls * at));
	sp_stitch_free(b.s);
	return told == calls * at ? 0 : 1;
}
