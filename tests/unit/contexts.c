/* SPDX-License-Identifier: Apache-2.0 */
/* Traces that proxies pass on, in the headers as they are on the wire: what one asks because it was asked has another
 * span and the same trace, or all of it as it was, or the trace in another form. */
#include <stdlib.h>

#include "base/time.h"
#include "parsers/http.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define HEADERS 2

static struct sp_points points;
static const struct sp_stitch_conf conf = {true, true, 10 * SP_NS_PER_SEC, 30 * SP_NS_PER_SEC, 16 << 20};
static struct sp_trace last;
static uint64_t flow[SP_TRACE_SPANS_MAX]; /* of its spans */
static unsigned traces, spans;
static bool asks; /* all the same */

static void trace(void *ctx, const struct sp_trace *t)
{
	traces++;
	spans += t->n_spans;
	last = *t;
	for (unsigned i = 0; i < t->n_spans; i++)
		flow[i] = t->span[i].span->flow_id;
}

struct headers {
	const char *name[HEADERS], *value[HEADERS];
};

static union {
	struct sp_request_record r;
	uint8_t bytes[4096];
} record;

static void put_text(enum sp_slot slot, struct sp_slice t)
{
	struct sp_texts *x = &record.r.texts;
	x->at[slot] = x->size;
	x->n[slot] = (uint16_t)t.n;
	if (t.n)
		memcpy(x->bytes + x->size, t.p, t.n);
	x->size = (uint16_t)(x->size + t.n);
}

/* What the parser makes of the headers. */
static void put_context(const struct headers *h)
{
	static uint8_t scratch[4096];
	struct sp_arena arena = {.p = scratch, .size = sizeof scratch};
	struct sp_parse p = {.arena = &arena};
	sp_msg_begin(&p, SP_MSG_REQUEST, SP_PART_WHOLE);
	for (unsigned i = 0; i < HEADERS && h->name[i]; i++)
		CHECK(sp_trace_header(&p, sp_slice_of(h->name[i]), sp_slice_of(h->value[i]), false));
	for (unsigned slot = SP_SLOT_TRACE_ID; slot <= SP_SLOT_X_REQUEST_ID_RESPONSE; slot++)
		put_text(slot, sp_msg_slot(&p.msg, slot));
}

/* A call from host to host, `depth` proxies after the first one: within it. */
static void call(struct sp_stitch *s, unsigned number, unsigned depth, const struct headers *h)
{
	struct sp_request_record *r = &record.r;
	memset(&record, 0, sizeof record);
	r->request_id = r->flow_id = number;
	r->client_ip = sp_addr_v4((const uint8_t[]){10, 0, 0, (uint8_t)(1 + depth)});
	r->server_ip = sp_addr_v4((const uint8_t[]){10, 0, 0, (uint8_t)(2 + depth)});
	r->client_port = (uint16_t)(1000 + number);
	r->server_port = 80;
	r->has_ports = r->has_request = r->has_response = r->has_rrt = r->has_req_seq = r->has_resp_seq = 1;
	r->proto = SP_PROTO_TCP;
	r->app_proto = SP_APP_HTTP;
	r->rrt_us = 10000 - 2000 * depth;
	r->start_ns = T0 + depth * SP_NS_PER_MS;
	r->end_ns = r->start_ns + r->rrt_us * 1000;
	r->req_tcp_seq = number * 100000;
	r->resp_tcp_seq = number * 100001;
	put_text(SP_SLOT_METHOD, sp_slice_of(asks ? "GET" : ""));
	put_text(SP_SLOT_RESOURCE, sp_slice_of(asks ? "/" : ""));
	put_context(h);
	sp_stitch_request(s, r);
}

static void run(const struct headers *hop, unsigned n)
{
	struct sp_stitch *s;
	traces = spans = 0;
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){trace, NULL, NULL}))
		abort();
	for (unsigned i = n; i--;)
		call(s, i + 1, i, &hop[i]);
	sp_stitch_end(s);
	sp_stitch_free(s);
}

#define ONE(name, value)                                                                                               \
	{                                                                                                              \
		{name},                                                                                                \
		{                                                                                                      \
			value                                                                                          \
		}                                                                                                      \
	}
#define TWO(name, value, name2, value2)                                                                                \
	{                                                                                                              \
		{name, name2},                                                                                         \
		{                                                                                                      \
			value, value2                                                                                  \
		}                                                                                                      \
	}
#define W3C(span) ONE("traceparent", "00-5759e988bd862e3fe1be46a994272793-" span "-01")

/* Three calls, each one because of the one before. */
static const struct headers same[][3] = {
	{W3C("00f067aa0ba902b7"), W3C("00f067aa0ba902b8"), W3C("00f067aa0ba902b9")},
	{W3C("00f067aa0ba902b7"), W3C("00f067aa0ba902b7"), W3C("00f067aa0ba902b7")},
	{ONE("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
	 ONE("b3", "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1"),
	 ONE("b3", "80f198ee56343ba864fe8b2a57d3eff7-15e3ac9a4f6e3b90-1-05e3ac9a4f6e3b90")},
	{{{"X-B3-TraceId", "X-B3-SpanId"}, {"80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"}},
	 {{"X-B3-TraceId", "X-B3-SpanId"}, {"80f198ee56343ba864fe8b2a57d3eff7", "05e3ac9a4f6e3b90"}},
	 {{"X-B3-TraceId", "X-B3-SpanId"}, {"64fe8b2a57d3eff7", "15e3ac9a4f6e3b90"}}},
	{ONE("uber-trace-id", "7f46165474d11ee5836777d85df2cdab:a457b5a2e4d86bd1:0:1"),
	 ONE("uber-trace-id", "7f46165474d11ee5836777d85df2cdab:b457b5a2e4d86bd1:a457b5a2e4d86bd1:1"),
	 ONE("uber-trace-id", "7f46165474d11ee5836777d85df2cdab:c457b5a2e4d86bd1:b457b5a2e4d86bd1:1")},
	{ONE("sw8", "1-dHJhY2Ux-c2VnbWVudDE=-3-c2VydmljZQ==-aW5zdGFuY2U=-L2E=-MTAuMC4wLjE6ODA="),
	 ONE("sw8", "1-dHJhY2Ux-c2VnbWVudDI=-1-c2VydmljZQ==-aW5zdGFuY2U=-L2E=-MTAuMC4wLjE6ODA="),
	 ONE("sw8", "1-dHJhY2Ux-c2VnbWVudDM=-1-c2VydmljZQ==-aW5zdGFuY2U=-L2E=-MTAuMC4wLjE6ODA=")},
	{ONE("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
	 ONE("X-Amzn-Trace-Id", "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793"),
	 ONE("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=63995c3f42cd8ad8")},
	{{{"x-datadog-trace-id", "x-datadog-parent-id"}, {"11803532876627986230", "67667974448284343"}},
	 {{"x-datadog-trace-id", "x-datadog-parent-id"}, {"11803532876627986230", "77667974448284343"}},
	 {{"x-datadog-trace-id", "x-datadog-parent-id"}, {"11803532876627986230", "87667974448284343"}}},
	/* From one form to another: 16266516598257821587 is e1be46a994272793. */
	{W3C("00f067aa0ba902b7"),
	 ONE("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"),
	 ONE("b3", "e1be46a994272793-05e3ac9a4f6e3b90-1")},
	{ONE("uber-trace-id", "5759e988bd862e3fe1be46a994272793:a457b5a2e4d86bd1:0:1"),
	 W3C("00f067aa0ba902b8"),
	 {{"x-datadog-trace-id", "x-datadog-parent-id"}, {"16266516598257821587", "87667974448284343"}}},
};

static void passed_on(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(same); i++) {
		run(same[i], 3);
		if (!CHECK_EQ(traces, 1) || !CHECK_EQ(spans, 3))
			printf("# %s\n", same[i][0].value[0]);
		for (unsigned k = 1; k < last.n_spans; k++) {
			CHECK_EQ(flow[k], k + 1);
			CHECK_EQ(last.span[k].parent, (int)k - 1);
			CHECK_EQ(last.span[k].joined_by, SP_JOIN_TRACE_ID);
		}
	}
}

/* Two tracers: what carries the trace of either belongs to the call that carries both, or the other way round. */
#define SW8(trace, segment) "1-" trace "-" segment "-3-c2VydmljZQ==-aW5zdGFuY2U=-L2E=-MTAuMC4wLjE6ODA="
#define UBER(trace, span) trace ":" span ":77:1"
#define T1 "5759e988bd862e3fe1be46a994272793"
static const struct headers two[][3] = {
	{TWO("traceparent", "00-" T1 "-00f067aa0ba902b7-01", "sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")),
	 ONE("sw8", SW8("dHJhY2Ux", "c2VnbWVudDI=")), ONE("traceparent", "00-" T1 "-00f067aa0ba902b8-01")},
	{TWO("sw8", SW8("dHJhY2Ux", "c2VnbWVudDE="), "traceparent", "00-" T1 "-00f067aa0ba902b7-01"),
	 TWO("sw8", SW8("dHJhY2Ux", "c2VnbWVudDI="), "b3", "1234567890abcdef-00f067aa0ba902b8"),
	 ONE("b3", "1234567890abcdef-00f067aa0ba902b9")},
	{ONE("sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")),
	 TWO("traceparent", "00-" T1 "-00f067aa0ba902b7-01", "sw8", SW8("dHJhY2Ux", "c2VnbWVudDI=")),
	 ONE("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8")},
	/* A parent is one in the trace that counts, and says nothing of the other one. */
	{TWO("uber-trace-id", UBER(T1, "12"), "sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")),
	 TWO("sw8", SW8("dHJhY2Ux", "c2VnbWVudDI="), "uber-trace-id", UBER(T1, "13")),
	 ONE("uber-trace-id", UBER(T1, "14"))},
};

static void two_tracers(void)
{
	/* Of two calls that have no trace in common, neither is the other's reason. */
	static const int parent[SP_ARRAY_SIZE(two)][3] = {{-1, 0, 0}, {-1, 0, 1}, {-1, 0, 1}, {-1, 0, 1}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(two); i++) {
		run(two[i], 3);
		if (!CHECK_EQ(traces, 1) || !CHECK_EQ(spans, 3))
			printf("# %s\n", two[i][0].value[0]);
		for (unsigned k = 1; k < last.n_spans; k++) {
			CHECK_EQ(flow[k], k + 1);
			CHECK_EQ(last.span[k].parent, parent[i][k]);
			CHECK_EQ(last.span[k].joined_by, SP_JOIN_TRACE_ID);
			CHECK(last.span[k].confidence <= 74);
		}
	}
}

/* Two tracers on each side, and nothing in common; the same asked by the host that is asked, so that there would be a
 * guess if they did not name their traces. */
static void two_and_two(void)
{
	static const struct headers hop[][2] = {
		{TWO("traceparent", "00-" T1 "-00f067aa0ba902b7-01", "sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")),
		 TWO("b3", "1234567890abcdef-00f067aa0ba902b9", "sw8", SW8("dHJhY2Uy", "c2VnbWVudDE="))},
		{TWO("traceparent", "00-" T1 "-00f067aa0ba902b7-01", "sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")),
		 ONE("b3", "1234567890abcdef-00f067aa0ba902b9")},
		{TWO("traceparent", "00-" T1 "-00f067aa0ba902b7-01", "sw8", SW8("dHJhY2Ux", "c2VnbWVudDE=")), {{0}}},
	};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(hop); i++) {
		asks = true;
		run(hop[i], 2);
		asks = false;
		CHECK_EQ(traces, i == 2);
	}
	CHECK_EQ(last.span[1].joined_by, SP_JOIN_CONTENT);
}

/* Another trace is another trace, however alike it looks. */
static void others(void)
{
	static const uint8_t which[SP_ARRAY_SIZE(same)] = {0, 0, 1, 1, 2, 3, 0, 4, 0, 0};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(same); i++)
		for (unsigned k = 0; k < SP_ARRAY_SIZE(same); k++) {
			struct headers hop[2] = {same[i][0], same[k][1]};
			run(hop, 2);
			if (!CHECK_EQ(traces, which[i] == which[k]))
				printf("# %s, %s\n", hop[0].value[0], hop[1].value[0]);
		}
}

int main(void)
{
	sp_points_add(&points, "p", SP_POINT_UNKNOWN);
	RUN(passed_on);
	RUN(two_tracers);
	RUN(two_and_two);
	RUN(others);
	return check_done();
}
