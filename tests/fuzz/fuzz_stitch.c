/* SPDX-License-Identifier: Apache-2.0 */
/* Spans and connections as other boxes might send them: any bytes. What is told must hold together: parents before
 * their children, hops between spans that there are, no span in two traces, nothing left at the end. Input: a settings
 * byte, then records of one byte that says what, and its bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stitch/stitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POINTS = 4, LOSSES_MAX = 32 };
static struct sp_points points;
static uint64_t told_spans, told_legs, told_edges;

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

static void check_loss(const struct sp_path *p, const struct sp_path_loss *l)
{
	uint64_t segments = 0;
	check(l->from < p->n_legs && l->to < p->n_legs && l->segments, "a loss");
	check(l->first_burst + l->n_bursts <= p->n_bursts && p->n_bursts <= SP_PATH_BURSTS_MAX, "its bursts");
	for (unsigned i = l->first_burst; i < l->first_burst + l->n_bursts; i++) {
		check(p->burst[i].start_ns <= p->burst[i].end_ns && p->burst[i].segments, "a burst");
		segments += p->burst[i].segments;
	}
	check(segments <= l->segments, "more in bursts than lost");
}

static void path(void *ctx, const struct sp_path *p)
{
	bool died = p->lost_at.what != SP_PATH_NOTHING || p->n_rst;
	check(p->n_legs >= (died ? 1 : 2) && p->n_legs <= SP_PATH_LEGS_MAX, "legs");
	check(p->n_rst <= 2 && place(&p->lost_at.from) && place(&p->lost_at.to), "where it was lost");
	for (unsigned i = 0; i < p->n_rst; i++)
		check(p->rst[i].what == SP_PATH_RST && place(&p->rst[i].from) && place(&p->rst[i].to), "a reset");
	for (unsigned i = 0; i < p->n_losses; i++)
		check_loss(p, &p->loss[i]);
	for (unsigned i = 0; i < p->n_doubled; i++)
		check_loss(p, &p->doubled[i]);
	told_legs += p->n_legs;
}

static void edge(void *ctx, const struct sp_edge *e)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < SP_HIST_STEPS; i++)
		n += e->self.step[i];
	check(n == e->self.n && n <= e->calls && e->errors <= e->calls, "an edge's calls");
	check(e->sum_us <= n * e->self.max && e->start_ns <= e->end_ns, "an edge's times");
	check(e->n_method + e->n_endpoint <= SP_EDGE_TEXT_MAX, "an edge's texts");
	check(!e->other || !(e->n_method + e->n_endpoint), "others have no name");
	told_edges += n;
}

static void losses(void *ctx, const struct sp_edge_losses *l)
{
	check(l->n && l->s2c < 2, "slots");
	for (unsigned i = 0; i < l->n; i++) {
		check(l->slot[i].connections && l->slot[i].segments >= l->slot[i].connections, "a slot");
		check(!i || l->slot[i].start_ns > l->slot[i - 1].start_ns, "slots in order");
	}
}

static void clock_(void *ctx, const struct sp_clock *c)
{
	check(c->samples && c->uncertainty_ns && c->reference != c->point, "a clock");
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

/* Its losses are of few bytes, so that they meet. */
static size_t lost(struct sp_flow_record *r, const uint8_t *data, size_t size)
{
	enum { EACH = 6 };
	uint8_t b[LOSSES_MAX * EACH];
	size_t n = take(b, r->n_losses * EACH, data, size);
	struct sp_loss *loss = (struct sp_loss *)sp_flow_record_losses(r);
	for (unsigned i = 0; i < r->n_losses; i++) {
		const uint8_t *p = b + i * EACH;
		loss[i] = (struct sp_loss){.ns = r->start_ns + ((uint64_t)p[0] << 22),
					   .after_us = p[1] * 1000u,
					   .seq = r->isn_client + p[2] * 4u,
					   .len = p[3] & 15u,
					   .kind = p[4] & 1,
					   .s2c = p[4] >> 1 & 1};
		uint32_t *count = loss[i].kind == SP_LOSS_AGAIN
					  ? (loss[i].s2c ? &r->retrans_s2c : &r->retrans_c2s)
					  : (loss[i].s2c ? &r->hole_filled_s2c : &r->hole_filled_c2s);
		*count += p[5] & 1 ? UINT32_MAX : 1;
	}
	return n;
}

static size_t connection(struct sp_stitch *s, const uint8_t *data, size_t size)
{
	union {
		struct sp_flow_record r;
		uint8_t room[sizeof(struct sp_flow_record) + LOSSES_MAX * sizeof(struct sp_loss)];
	} u;
	struct sp_flow_record *r = &u.r;
	size_t n = take(r, sizeof *r, data, size);
	r->n_losses %= LOSSES_MAX + 1;
	r->head.size = (uint32_t)(sizeof *r + sp_flow_record_losses_size(r));
	r->isn_client &= 0x10003;
	r->proto = 6;
	r->close_reason %= SP_CLOSE_REASON_MAX;
	r->start_ns &= UINT64_C(0xffffffffff);
	r->end_ns = r->start_ns + (r->end_ns & 0xffffffff);
	n += lost(r, data + n, size - n);
	sp_stitch_flow(s, r);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_stitch_conf conf = {true, true, 100 * 1000 * 1000, 300 * 1000 * 1000, 1 << 20, 1000 * 1000 * 1000};
	struct sp_stitch_told told = {.trace = trace, .path = path, .edge = edge, .losses = losses, .clock = clock_};
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
		conf.interval = 0;
		if (sp_stitch_new(&s, &conf, &points, &told))
			return 0;
	}
	told_spans = told_legs = told_edges = 0;
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
	check(told_edges <= 2 * told_spans, "a call's time is told once for each pair");
	check(told_legs + stats->paths_alone <= stats->legs, "legs add up");
	sp_stitch_free(s);
	return 0;
}
