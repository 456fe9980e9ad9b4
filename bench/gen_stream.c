/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/gen_stream.h"

#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define DELAYED_ACK (40 * MS)
#define RTO (220 * MS)
#define SEGMENT_GAP 3000 /* ns between segments of one message */

static struct gen_seg *push(struct gen_conv *c, uint64_t t, enum gen_dir dir, uint8_t flags)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 64;
		c->seg = realloc(c->seg, c->cap * sizeof *c->seg);
		if (!c->seg)
			abort();
	}
	struct gen_seg *s = &c->seg[c->n++];
	*s = (struct gen_seg){.t_ns = t,
			      .seq = c->nxt[dir],
			      .ack = flags & GEN_ACK ? c->nxt[!dir] : 0,
			      .window = GEN_WINDOW,
			      .dir = dir,
			      .flags = flags};
	c->last_ack[dir] = s->ack;
	c->last_window[dir] = s->window;
	return s;
}

void gen_conv_init(struct gen_conv *c, struct gen_out *out, uint64_t start_ns)
{
	memset(c, 0, sizeof *c);
	c->rng.s = gen_next(&out->rng);
	c->now = start_ns;
	for (int d = 0; d < 2; d++) {
		c->nxt[d] = (uint32_t)gen_next(&c->rng);
		c->ts_base[d] = (uint32_t)gen_next(&c->rng);
		c->pair.ip_id[d] = (uint16_t)gen_next(&c->rng);
	}
	c->far[GEN_C2S] = gen_range(&c->rng, 20000, 400000);
	c->far[GEN_S2C] = gen_range(&c->rng, 50000, 900000);
}

void gen_conv_open(struct gen_conv *c)
{
	c->truth->flows++;
	c->truth->tcp_flows++;
	push(c, c->now, GEN_C2S, GEN_SYN);
	c->nxt[GEN_C2S]++;
	push(c, c->now += c->far[GEN_S2C], GEN_S2C, GEN_SYN | GEN_ACK);
	c->nxt[GEN_S2C]++;
	push(c, c->now += c->far[GEN_C2S], GEN_C2S, GEN_ACK);
	c->now += gen_range(&c->rng, 2000, 60000);
}

void gen_conv_close(struct gen_conv *c, enum gen_dir first)
{
	push(c, c->now, first, GEN_FIN | GEN_ACK);
	c->nxt[first]++;
	push(c, c->now += c->far[!first], !first, GEN_FIN | GEN_ACK);
	c->nxt[!first]++;
	push(c, c->now += c->far[first], first, GEN_ACK);
}

/* The message as its receiver sees it. */
struct message {
	struct gen_conv *c;
	enum gen_dir dir; /* of the sender */
	uint32_t base, len, segs;
};

static uint32_t seg_end(const struct message *m, uint32_t i)
{
	return i + 1 >= m->segs ? m->len : (i + 1) * GEN_MSS;
}

static void push_data(const struct message *m, uint64_t t, uint32_t i)
{
	struct gen_seg *s = push(m->c, t, m->dir, i + 1 == m->segs ? GEN_ACK | GEN_PSH : GEN_ACK);
	s->seq = m->base + i * GEN_MSS;
	s->n = seg_end(m, i) - i * GEN_MSS;
	s->p = (const uint8_t *)(uintptr_t)(i *
					    GEN_MSS); /* an offset until the packet is written: the bytes may move */
}

/* A pure ACK from the receiver, passing the tap at `t`. */
static void push_ack(const struct message *m, uint64_t t, uint16_t window, uint32_t sack_from, uint32_t sack_to)
{
	struct gen_conv *c = m->c;
	enum gen_dir from = !m->dir;
	uint32_t ack = m->base + (c->got ? seg_end(m, c->got - 1) : 0);
	c->truth->dup_ack += ack == c->last_ack[from] && window == c->last_window[from] && sack_from != sack_to;
	c->truth->zero_window += !window;
	struct gen_seg *s = push(c, t, from, GEN_ACK);
	s->ack = c->last_ack[from] = ack;
	s->window = c->last_window[from] = window;
	s->sack_from = sack_from;
	s->sack_to = sack_to;
	c->pending = 0;
}

/* Lets the receiver's delayed ACK out when its time comes before `t`. */
static void until(const struct message *m, uint64_t t)
{
	struct gen_conv *c = m->c;
	uint64_t due = c->pending_since + DELAYED_ACK;
	if (c->pending && due <= t)
		push_ack(m, due, GEN_WINDOW, 0, 0);
}

/* Segment i reaches the receiver, whose answer passes the tap at `t`. */
static void arrive(const struct message *m, uint64_t t, uint32_t i)
{
	struct gen_conv *c = m->c;
	if (i != c->got) { /* beyond a hole: everything from the hole's end to here is held */
		c->held = i + 1;
		push_ack(m, t, GEN_WINDOW, m->base + seg_end(m, c->got), m->base + seg_end(m, i));
		return;
	}
	bool filled = c->held > c->got + 1;
	c->got = filled ? c->held : c->got + 1;
	if (!c->pending++)
		c->pending_since = t;
	if (filled || c->pending == 2)
		push_ack(m, t, GEN_WINDOW, 0, 0);
}

static int by_time(const void *a, const void *b)
{
	const struct gen_seg *x = a, *y = b;
	return x->t_ns < y->t_ns ? -1 : x->t_ns > y->t_ns;
}

/* Data and ACKs were put in pairs; the wire has them by time. Nearly sorted, and stable for equal times. */
static void sort(struct gen_conv *c, uint32_t from)
{
	for (uint32_t i = from + 1; i < c->n; i++) {
		struct gen_seg s = c->seg[i];
		uint32_t k = i;
		for (; k > from && by_time(&c->seg[k - 1], &s) > 0; k--)
			c->seg[k] = c->seg[k - 1];
		c->seg[k] = s;
	}
}

/* Which segment the mishap befalls. */
static uint32_t unlucky(enum gen_mishap mishap, uint32_t segs)
{
	switch (mishap) {
	case GEN_LOST_BEHIND:
		return segs - 6;
	case GEN_LOST_TAIL:
		return segs - 1;
	case GEN_LOST_BEFORE:
		return segs - 2;
	case GEN_ZERO_WINDOW:
		return segs / 2;
	default:
		return UINT32_MAX;
	}
}

void gen_conv_send(struct gen_conv *c, enum gen_dir dir, uint64_t then, enum gen_mishap mishap)
{
	uint32_t len = (uint32_t)c->bytes.n, segs = (len + GEN_MSS - 1) / GEN_MSS;
	struct message m = {c, dir, c->nxt[dir], len, segs};
	uint64_t far = c->far[!dir], t = c->now;
	uint32_t first = c->n, odd = UINT32_MAX;
	c->got = c->held = c->pending = 0;
	if (segs >= GEN_MISHAP_SEGS)
		odd = unlucky(mishap, segs);
	for (uint32_t i = 0; i < segs; i++, t += SEGMENT_GAP) {
		until(&m, t + far);
		if (i != odd || mishap != GEN_LOST_BEFORE)
			push_data(&m, t, i);
		if (i != odd || mishap == GEN_ZERO_WINDOW)
			arrive(&m, t + far, i);
		if (i == odd && mishap == GEN_ZERO_WINDOW) {
			/* Full, and read again after a while: the sender has waited. */
			uint64_t stall = gen_range(&c->rng, 5, 150) * MS;
			push_ack(&m, t + far + 1000, 0, 0, 0);
			push_ack(&m, t + far + stall, GEN_WINDOW, 0, 0);
			t += far + stall + c->far[dir];
		}
	}
	t -= SEGMENT_GAP;
	if (odd != UINT32_MAX && mishap != GEN_ZERO_WINDOW) {
		t += mishap == GEN_LOST_BEHIND ? far + c->far[dir] : RTO;
		until(&m, t);
		push_data(&m, t, odd);
		arrive(&m, t + far, odd);
		c->truth->retrans += mishap != GEN_LOST_BEFORE;
		c->truth->hole_filled += mishap == GEN_LOST_BEFORE;
	}
	c->now = t + far + then;
	until(&m, c->now - 1);
	c->nxt[dir] += len;
	sort(c, first);
}

void gen_conv_datagram(struct gen_conv *c, enum gen_dir dir, uint64_t t_ns)
{
	struct gen_seg *s = push(c, t_ns, dir, 0);
	s->n = (uint32_t)c->bytes.n;
}

static void emit(struct gen_out *out, struct gen_conv *c, struct gen_seg *s)
{
	s->p = c->bytes.p + (uintptr_t)s->p;
	if (c->udp) {
		gen_udp(out, &c->pair, s->dir, s->t_ns, s->p, s->n);
		return;
	}
	s->tsval = c->ts[s->dir] = c->ts_base[s->dir] + (uint32_t)(s->t_ns / MS);
	s->tsecr = s->flags == GEN_SYN ? 0 : c->ts[!s->dir];
	gen_tcp(out, &c->pair, s);
}

/* A binary heap by the time of the next packet. */
struct heap {
	struct gen_conv **v;
	uint32_t n, cap;
};

static uint64_t due(const struct gen_conv *c)
{
	return c->at < c->n ? c->seg[c->at].t_ns : c->now;
}

static void sift_down(struct heap *h, uint32_t i)
{
	struct gen_conv *c = h->v[i];
	for (uint32_t k; (k = 2 * i + 1) < h->n; i = k) {
		if (k + 1 < h->n && due(h->v[k + 1]) < due(h->v[k]))
			k++;
		if (due(h->v[k]) >= due(c))
			break;
		h->v[i] = h->v[k];
	}
	h->v[i] = c;
}

static void heap_push(struct heap *h, struct gen_conv *c)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 1024;
		h->v = realloc(h->v, h->cap * sizeof(struct gen_conv *));
		if (!h->v)
			abort();
	}
	uint32_t i = h->n++;
	for (; i && due(h->v[(i - 1) / 2]) > due(c); i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = c;
}

static void conv_free(struct gen_conv *c)
{
	free(c->bytes.p);
	free(c->seg);
	free(c);
}

void gen_run(struct gen_out *out, const struct gen_schedule *schedule)
{
	struct heap h = {0};
	struct gen_conv *next = schedule->start(schedule->ctx);
	while (next || h.n) {
		while (next && (!h.n || next->now <= due(h.v[0]))) {
			heap_push(&h, next);
			next = schedule->start(schedule->ctx);
		}
		struct gen_conv *c = h.v[0];
		if (c->at < c->n) {
			emit(out, c, &c->seg[c->at++]);
		} else {
			c->at = c->n = 0;
			c->bytes.n = 0;
			if (!schedule->more(schedule->ctx, c)) {
				conv_free(c);
				h.v[0] = h.v[--h.n];
				if (!h.n)
					continue;
			}
		}
		sift_down(&h, 0);
	}
	free(h.v);
}
