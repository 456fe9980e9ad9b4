/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a trace's spans: ids that are the same on every box, and where the time went. */
#include <string.h>

#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch_priv.h"

#define ID_SEEDS                                                                                                       \
	{                                                                                                              \
		UINT64_C(0x7370616e74617031), UINT64_C(0x7370616e74617032)                                             \
	}

/* From what does not change on the way: neither addresses nor what one point could not read. */
static void trace_id(struct sp_trace *t)
{
	static const uint64_t seed[2] = ID_SEEDS;
	const struct sp_span *best = t->span[0].span;
	const uint8_t all = SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ;
	for (unsigned i = 1; i < t->n_spans && t->span[i].parent == (int)i - 1 && !t->span[i].led_to; i++)
		if ((best->bits & all) != all && (t->span[i].span->bits & all) == all)
			best = t->span[i].span;
	for (unsigned k = 0; k < 2; k++)
		t->id[k] = best->proto == SP_PROTO_TCP
				   ? sp_hash_mix((uint64_t)best->req_seq << 32 ^ seed[k], best->resp_seq ^ SP_HASH_K1)
				   : sp_hash_mix(best->what ^ seed[k], best->correlation ^ SP_HASH_K1);
}

static uint64_t span_id(const struct sp_stitch *s, const struct sp_span *span)
{
	const char *name = span->point < s->points->n ? s->points->point[span->point].name : "";
	uint64_t h = sp_hash_bytes(name, strlen(name), (uint64_t)span->req_seq << 32 | span->resp_seq);
	h = sp_hash_bytes(&span->client_ip, sizeof span->client_ip, h ^ span->client_port);
	h = sp_hash_bytes(&span->server_ip, sizeof span->server_ip, h ^ span->server_port);
	return sp_hash_mix(h ^ span->depth, span->correlation ^ SP_HASH_K1) | 1;
}

/* Messages that one of two neighbours saw, and the one that they had to reach later did not. */
static unsigned lost(const struct sp_span *a, const struct sp_span *b)
{
	bool request = a->bits & SP_SPAN_REQUEST && !(b->bits & SP_SPAN_REQUEST);
	bool response = b->bits & SP_SPAN_RESPONSE && !(a->bits & SP_SPAN_RESPONSE);
	return (unsigned)request + response;
}

/* A call cannot have waited longer at a point than at one that is farther out: what it did is a copy's lateness. */
static void within(const struct sp_trace *t, uint32_t *us)
{
	for (unsigned i = 0; i < t->n_spans; i++) {
		const struct sp_trace_span *ts = &t->span[i];
		us[i] = ts->span->rrt_us;
		if (ts->parent >= 0 && !ts->led_to && !ts->unsure && t->span[ts->parent].span->bits & SP_SPAN_RRT)
			us[i] = SP_MIN(us[i], us[ts->parent]);
	}
}

/* Their sum is what was spent between; where the clocks are known to a quarter of it, split. */
static void one_way(const struct sp_stitch *s, struct sp_trace_hop *hop, const struct sp_span *a,
		    const struct sp_span *b)
{
	struct sp_apart clocks;
	int64_t self = (int64_t)(sp_span_rrt_ns(a) - sp_span_rrt_ns(b));
	if (self <= 0 || !sp_clocks_apart(s, a->point, b->point, a->start_ns, &clocks) ||
	    clocks.uncertainty_ns > (uint64_t)self / 4)
		return;
	int64_t request = (int64_t)(b->start_ns - a->start_ns) - clocks.ns;
	if (request < -self / 4 || request > self + self / 4)
		return;
	request = SP_MIN(SP_MAX(request, 0), self);
	hop->has_one_way = true;
	hop->request_us = (uint32_t)(request / 1000);
	hop->response_us = (uint32_t)((self - request) / 1000);
}

/* A proxy that asks when it has all of its client's request did not make the client slow. */
static uint32_t waited(const struct sp_trace_span *from, const struct sp_trace_span *to)
{
	const struct sp_span *a = from->span, *b = to->span;
	if (!to->led_to)
		return 0; /* the same call, farther on */
	if (a->point == b->point && b->start_ns < a->start_ns + (uint64_t)a->request_us * SP_NS_PER_US)
		return 0;
	return a->request_us;
}

/* A proxy that makes a connection first waits for a handshake, which is spent where the handshake's packets were: not
 * before the first point of the new call, but between each two of them, as their times to the SYN-ACK differ. */
static void handshake(struct sp_trace *t, struct sp_trace_hop *hop)
{
	struct sp_trace_span *from = &t->span[hop->from], *to = &t->span[hop->to];
	uint32_t a = from->span->connect_us, b = to->span->connect_us;
	if (to->led_to) {
		to->connected = b && b <= hop->share_us;
		hop->connect_us = to->connected ? b : 0;
		hop->share_us -= hop->connect_us;
	} else {
		to->connected = from->connected && b;
		hop->share_us += to->connected && a > b ? a - b : 0;
	}
}

static void add_hop(const struct sp_stitch *s, struct sp_trace *t, unsigned to, bool only_child, const uint32_t *us)
{
	const struct sp_span *a = t->span[t->span[to].parent].span, *b = t->span[to].span;
	struct sp_trace_hop *hop = &t->hop[t->n_hops++];
	*hop = (struct sp_trace_hop){.from = (uint16_t)t->span[to].parent, .to = (uint16_t)to};
	hop->lost = (uint8_t)lost(a, b);
	hop->unsure = t->span[to].unsure;
	hop->has_self = only_child && !hop->unsure && a->bits & b->bits & SP_SPAN_RRT;
	if (!hop->has_self)
		return;
	hop->self_us = us[hop->from] > us[to] ? us[hop->from] - us[to] : 0;
	uint32_t before = waited(&t->span[hop->from], &t->span[to]);
	hop->share_us = hop->self_us > before ? hop->self_us - before : 0;
	handshake(t, hop);
	if (hop->self_us == a->rrt_us - b->rrt_us)
		one_way(s, hop, a, b);
}

/* The client's own share is the time that its request's bytes took to come; the server's, what is left behind the last
 * point, or between a call's last point and all calls that it led to. */
static void shares(struct sp_trace *t, const unsigned *children)
{
	unsigned at = 0, next = 0;
	do {
		at = next;
		for (unsigned i = at + 1; children[at] == 1 && next == at && i < t->n_spans; i++)
			if (t->span[i].parent == (int)at)
				next = i;
	} while (next != at);
	const struct sp_span *first = t->span[0].span, *last = t->span[at].span;
	t->last = at;
	t->has_ends = first->bits & last->bits & SP_SPAN_RRT;
	if (!t->has_ends)
		return;
	uint64_t took = SP_MIN(last->request_us, last->rrt_us);
	for (unsigned i = at + 1; children[at] && i < t->n_spans; i++)
		if (t->span[i].parent == (int)at)
			took += t->span[i].span->rrt_us;
	t->client_us = SP_MIN(first->request_us, first->rrt_us);
	t->server_us = last->rrt_us > took ? (uint32_t)(last->rrt_us - took) : 0;
}

/* As much as what is told to be slowest, between two points of which nobody knows which comes first. */
static bool is_slowest_unsure(const struct sp_trace *t)
{
	uint32_t told = t->slowest < 0 ? 0 : t->hop[t->slowest].share_us, apart = 0;
	for (unsigned i = 0; i < t->n_hops; i++) {
		const struct sp_span *a = t->span[t->hop[i].from].span, *b = t->span[t->hop[i].to].span;
		if (t->hop[i].unsure && a->bits & b->bits & SP_SPAN_RRT)
			apart = SP_MAX(apart, a->rrt_us > b->rrt_us ? a->rrt_us - b->rrt_us : b->rrt_us - a->rrt_us);
	}
	return apart > SP_MAX(told, t->has_ends ? SP_MAX(t->client_us, t->server_us) : 0);
}

static void hops(const struct sp_stitch *s, struct sp_trace *t, const unsigned *children)
{
	uint32_t us[SP_TRACE_SPANS_MAX];
	within(t, us);
	t->slowest = -1;
	for (unsigned i = 1; i < t->n_spans; i++) {
		add_hop(s, t, i, children[t->span[i].parent] == 1, us);
		const struct sp_trace_hop *hop = &t->hop[t->n_hops - 1];
		if (hop->has_self && (t->slowest < 0 || hop->share_us > t->hop[t->slowest].share_us))
			t->slowest = (int)t->n_hops - 1;
	}
}

void sp_trace_tell(struct sp_stitch *s)
{
	struct sp_trace *t = &s->trace;
	unsigned children[SP_TRACE_SPANS_MAX];
	memset(children, 0, t->n_spans * sizeof *children);
	trace_id(t);
	t->start_ns = t->span[0].span->start_ns;
	t->end_ns = t->span[0].span->end_ns;
	for (unsigned i = 0; i < t->n_spans; i++) {
		t->span[i].id = span_id(s, t->span[i].span);
		if (!i)
			continue;
		children[t->span[i].parent]++;
		if (!t->span[i].led_to && !t->span[i].unsure && t->span[i].confidence >= SP_CONFIDENT)
			sp_clock_learn(s, t->span[t->span[i].parent].span, t->span[i].span);
	}
	hops(s, t, children);
	shares(t, children);
	t->slowest_unsure = is_slowest_unsure(t);
	sp_usual_trace(s->usual, t);
	sp_edges_trace(s, t);
	if (s->told.trace)
		s->told.trace(s->told.ctx, t);
}
