/* SPDX-License-Identifier: Apache-2.0 */
/* Spans and connections as other boxes might send them: any bytes. What is told must hold together: parents before
 * their children, hops between spans that there are, no span in two traces, nothing left at the end. Input: a settings
 * byte, then records of one byte that says what, and its bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stitch/stitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POINTS = 4 };
static struct sp_points points;
static uint64_t told_spans, told_legs;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void trace(void *ctx, const struct sp_trace *t)
{
	check(t->n_spans >= 2 && t->n_spans <= SP_TRACE_SPANS_MAX && t->n_hops == t->n_spans - 1, "spans and hops");
	check(t->span[0].parent == -1, "the root comes first");
	for (unsigned i = 1; i < t->n_spans; i++)
		check(t->span[i].parent >= 0 && t->span[i].parent < (int)i, "parents before children");
	for (unsigned i = 0; i < t->n_spans; i++) {
		check(t->span[i].confidence <= 100 && t->span[i].joined_by < SP_JOIN_MAX, "how it was joined");
		for (unsigned k = 0; k < i; k++)
			check(t->span[i].span != t->span[k].span, "a span twice");
	}
	for (unsigned i = 0; i < t->n_hops; i++)
		check(t->hop[i].from < t->n_spans && t->hop[i].to < t->n_spans, "a hop between spans");
	check(t->slowest < (int)t->n_hops && t->last < t->n_spans, "the slowest hop");
	told_spans += t->n_spans;
}

/* A place that a verdict names: a point that there is, or an end. */
static bool place(const struct sp_where *w)
{
	return w->kind == SP_WHERE_POINT ? w->point <= POINTS : w->kind <= SP_WHERE_SERVER;
}

static void path(void *ctx, const struct sp_path *p)
{
	bool died = p->lost_at.what != SP_PATH_NOTHING || p->n_rst;
	check(p->n_legs >= (died ? 1 : 2) && p->n_legs <= SP_PATH_LEGS_MAX, "legs");
	check(p->n_rst <= 2 && place(&p->lost_at.from) && place(&p->lost_at.to), "where it was lost");
	for (unsigned i = 0; i < p->n_rst; i++)
		check(p->rst[i].what == SP_PATH_RST && place(&p->rst[i].from) && place(&p->rst[i].to), "a reset");
	for (unsigned i = 0; i < p->n_losses; i++)
		check(p->loss[i].from < p->n_legs && p->loss[i].to < p->n_legs && p->loss[i].segments, "a loss");
	told_legs += p->n_legs;
}

static size_t take(void *to, size_t room, const uint8_t *data, size_t size)
{
	size_t n = SP_MIN(room, size);
	memset(to, 0, room);
	memcpy(to, data, n);
	return n;
}

/* Ids from a few bytes, so that they meet. */
static size_t request(struct sp_stitch *s, const uint8_t *data, size_t size)
{
	union {
		struct sp_request_record r;
		uint8_t room[sizeof(struct sp_request_record) + 256];
	} u;
	uint8_t b[24];
	size_t n = take(b, sizeof b, data, size);
	memset(&u, 0, sizeof u);
	struct sp_request_record *r = &u.r;
	r->head.point = r->point = b[0] % (POINTS + 1);
	r->flow_id = b[1];
	r->request_id = b[2];
	r->req_tcp_seq = b[3] & 7;
	r->resp_tcp_seq = b[4] & 7;
	r->start_ns = (uint64_t)b[5] << 24;
	r->end_ns = r->start_ns + ((uint64_t)b[6] << 16);
	r->rrt_us = b[7];
	r->request_us = b[8];
	r->has_request = b[9] & 1;
	r->has_response = b[9] >> 1 & 1;
	r->has_req_seq = b[9] >> 2 & 1;
	r->has_resp_seq = b[9] >> 3 & 1;
	r->has_rrt = b[9] >> 4 & 1;
	r->incomplete = b[9] >> 5 & 1;
	r->from_server = b[9] >> 6 & 1;
	r->proto = b[10] & 1 ? 6 : 17;
	r->app_proto = b[10] & 2 ? SP_APP_DNS : SP_APP_HTTP;
	r->client_ip.b[15] = b[11] & 3;
	r->server_ip.b[15] = b[11] >> 2 & 3;
	r->client_port = b[12];
	r->type = b[13] % SP_CALL_TYPE_MAX;
	for (unsigned slot = 0; slot < 8; slot++) {
		r->texts.at[SP_SLOT_MAX - 1 - slot] = (uint16_t)slot;
		r->texts.n[SP_SLOT_MAX - 1 - slot] = b[14 + slot] & 1;
		r->texts.bytes[slot] = b[14 + slot];
	}
	r->texts.size = 8;
	sp_stitch_request(s, r);
	return n;
}

static size_t connection(struct sp_stitch *s, const uint8_t *data, size_t size)
{
	struct sp_flow_record r;
	size_t n = take(&r, sizeof r, data, size);
	r.head.size = sizeof r;
	r.isn_client &= 0x10003;
	r.proto = 6;
	r.close_reason %= SP_CLOSE_REASON_MAX;
	r.start_ns &= UINT64_C(0xffffffffff);
	r.end_ns = r.start_ns + (r.end_ns & 0xffffffff);
	sp_stitch_flow(s, &r);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_stitch_conf conf = {true, true, 100 * 1000 * 1000, 300 * 1000 * 1000, 1 << 20};
	struct sp_stitch_told told = {trace, path, NULL};
	struct sp_stitch *s;
	struct sp_span span;
	if (!points.n)
		for (unsigned i = 0; i < POINTS; i++)
			sp_points_add(&points, (char[]){(char)('a' + i), 0}, (enum sp_point_kind)(i % 3));
	if (!size || sp_stitch_new(&s, &conf, &points, &told))
		return 0;
	if (*data & 1) {
		sp_stitch_free(s);
		conf.max_memory = 8192;
		if (sp_stitch_new(&s, &conf, &points, &told))
			return 0;
	}
	told_spans = told_legs = 0;
	for (size_t at = 1; at < size;) {
		uint8_t what = data[at++] % 4;
		if (what == 0) {
			at += take(&span, sizeof span, data + at, size - at);
			span.req_seq &= 7;
			span.resp_seq &= 7;
			span.asked &= 3;
			span.answered &= 3;
			span.client_port &= 1;
			span.joined_by %= SP_JOIN_MAX;
			span.confidence %= 101;
			sp_stitch_span(s, &span, NULL);
		} else {
			at += what == 1 ? connection(s, data + at, size - at) : request(s, data + at, size - at);
		}
	}
	sp_stitch_end(s);
	const struct sp_stitch_stats *stats = sp_stitch_stats(s);
	check(told_spans + stats->traces_alone + stats->spans_refused + stats->spans_repeated <= stats->spans,
	      "spans add up");
	check(told_legs + stats->paths_alone <= stats->legs, "legs add up");
	sp_stitch_free(s);
	return 0;
}
