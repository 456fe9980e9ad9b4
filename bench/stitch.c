/* SPDX-License-Identifier: Apache-2.0 */
/* Spans a second of processor time through the stitcher: `stitch [CALLS [POINTS [OPEN]]]`. Calls at several points,
 * OPEN of them waiting for their spans at a time, each span in a random place among them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "parsers/link/proto.h"
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

/* As many as are there, as records come. */
static void stitch(struct sp_stitch *s, const struct sp_span *span, const uint64_t *now_ns, unsigned *n)
{
	sp_stitch_expect(s, span, *n);
	for (unsigned i = 0; i < *n; i++) {
		sp_stitch_tick(s, now_ns[i]);
		sp_stitch_span(s, &span[i], NULL);
	}
	*n = 0;
}

int main(int argc, char **argv)
{
	uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
		 open = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
	unsigned at = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4;
	struct sp_stitch_conf conf = {true, true, SP_NS_PER_SEC, SP_NS_PER_SEC, UINT64_C(1) << 30};
	struct sp_stitch_told what = {trace, NULL, NULL};
	struct sp_stitch *s;
	struct sp_span span[SP_STITCH_EXPECTED];
	uint64_t now_ns[SP_STITCH_EXPECTED];
	unsigned some = 0;
	for (unsigned p = 0; p < at; p++)
		sp_points_add(&points, (char[]){(char)('a' + p), 0}, SP_POINT_UNKNOWN);
	if (!open || !at || at > 16 || sp_stitch_new(&s, &conf, &points, &what))
		return 1;
	uint64_t gap = SP_MAX(SP_NS_PER_SEC / open, UINT64_C(1)), lag = open / 16 / at,
		 begin = sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t n = 0; n < calls + lag * at; n++)
		for (unsigned p = 0; p < at; p++)
			if (n >= lag * p && n - lag * p < calls) {
				span_of(&span[some], n - lag * p, p, gap);
				now_ns[some++] = SP_NS_PER_SEC * 1000 + n * gap;
				if (some == SP_STITCH_EXPECTED)
					stitch(s, span, now_ns, &some);
			}
	stitch(s, span, now_ns, &some);
	sp_stitch_end(s);
	double ns = (double)(sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin);
	printf("{\"spans\":%" PRIu64 ",\"points\":%u,\"open\":%" PRIu64 ",\"told\":%" PRIu64
	       ",\"ns_a_span\":%.0f,\"million_spans_a_second\":%.2f}\n",
	       calls * at, at, open, told, ns / (double)(calls * at), (double)(calls * at) / ns * 1000);
	sp_stitch_free(s);
	return told == calls * at ? 0 : 1;
}
