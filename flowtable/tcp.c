/* SPDX-License-Identifier: Apache-2.0 */
/* TCP as a bystander sees it (RFC 9293): who opened, what was sent twice, what was jumped over, who waited for whom,
 * who closed. All comparisons of sequence numbers are modulo 2^32. The point sees both directions after a delay,
 * perhaps only one of them, perhaps with gaps of its own: what the receiver acknowledged arrived, whether it was seen
 * here or not. */
#include "flowtable/tcp.h"

enum { FIN = SP_TCP_FIN, SYN = SP_TCP_SYN, RST = SP_TCP_RST, ACK = SP_TCP_ACK };

/* Without a measured round trip a segment that comes this much later than the one that overtook it was sent again. */
#define REORDER_NS (3 * SP_NS_PER_MS)
/* A jump larger than any window is not a hole: another connection, or damage. */
#define HOLE_MAX (UINT32_C(1) << 30)
struct segment {
	uint64_t ns;
	uint32_t seq, end, ack, len;
	uint16_t window;
	uint8_t flags;
};

static inline int32_t distance(uint32_t a, uint32_t b)
{
	return sp_tcp_distance(a, b);
}

#define COUNT(ft, f, member) (sp_flow_extra_get(ft, f)->member++)

/* The small counters stop at 255 and go on in the extra block. */
#define COUNT_SMALL(ft, f, member)                                                                                     \
	do {                                                                                                           \
		if (SP_LIKELY((f)->member < UINT8_MAX))                                                                \
			(f)->member++;                                                                                 \
		else                                                                                                   \
			COUNT(ft, f, member);                                                                          \
	} while (0)

/* --- holes --- */

static void hole_drop(struct sp_flow_extra *x, unsigned side, unsigned i)
{
	unsigned n = --x->n_holes[side];
	unsigned low = x->acked[side] & ((1U << i) - 1);
	x->acked[side] = (uint8_t)(low | (x->acked[side] >> 1 & ~((1U << i) - 1)));
	for (; i < n; i++)
		x->hole[side][i] = x->hole[side][i + 1];
}

/* Holes are kept in order. When there is no room the two with the least between them become one. */
static void hole_merge(struct sp_flow_extra *x, unsigned side)
{
	struct sp_hole *h = x->hole[side];
	unsigned best = 0;
	for (unsigned i = 1; i + 1 < x->n_holes[side]; i++)
		if (h[i + 1].start - h[i].end < h[best + 1].start - h[best].end)
			best = i;
	h[best].end = h[best + 1].end;
	x->acked[side] &= (uint8_t) ~(1U << best);
	hole_drop(x, side, best + 1);
}

static void hole_insert(struct sp_flow_extra *x, unsigned side, struct sp_hole hole, bool acked)
{
	if (x->n_holes[side] == SP_HOLES_MAX)
		hole_merge(x, side);
	unsigned i = x->n_holes[side]++;
	for (; i && distance(x->hole[side][i - 1].start, hole.start) > 0; i--)
		x->hole[side][i] = x->hole[side][i - 1];
	x->hole[side][i] = hole;
	unsigned low = x->acked[side] & ((1U << i) - 1), high = x->acked[side] & ~((1U << i) - 1);
	x->acked[side] = (uint8_t)(low | (unsigned)acked << i | high << 1);
}

/* Bytes of `side` up to `end` were not seen: something later was, or the peer acknowledged them. */
static void jump(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, uint32_t end, uint64_t ns, bool acked)
{
	struct sp_flow_dir *d = &f->dir[side];
	struct sp_hole hole = {.ns = ns, .start = d->next_seq, .end = end};
	if (end - d->next_seq < HOLE_MAX) {
		hole_insert(sp_flow_extra_get(ft, f), side, hole, acked);
		d->bits |= SP_DIR_HOLES;
	} else {
		f->bits |= SP_FLOW_GAP;
	}
	d->next_seq = end;
}

/* The peer acknowledged up to `ack`: holes below it were filled somewhere that this point did not see. */
static void holes_acked(struct sp_flow_extra *x, unsigned side, uint32_t ack)
{
	for (unsigned i = 0; i < x->n_holes[side]; i++) {
		struct sp_hole *h = &x->hole[side][i];
		if (distance(ack, h->start) <= 0)
			return;
		if (distance(ack, h->end) < 0 && x->n_holes[side] < SP_HOLES_MAX) {
			struct sp_hole rest = {.ns = h->ns, .start = ack, .end = h->end};
			h->end = ack;
			hole_insert(x, side, rest, false);
		}
		x->acked[side] |= (uint8_t)(1U << i);
	}
}

static uint64_t reorder_limit(const struct sp_flow *f)
{
	if ((f->bits & SP_FLOW_RTT_CLIENT) && (f->bits & SP_FLOW_RTT_SERVER))
		return SP_NS_PER_US * ((uint64_t)f->rtt_client_us + f->rtt_server_us);
	return REORDER_NS;
}

/* The hole that a segment fills, or -1. */
static int hole_find(const struct sp_flow_extra *x, unsigned side, const struct segment *s)
{
	for (unsigned i = 0; i < x->n_holes[side]; i++) {
		const struct sp_hole *h = &x->hole[side][i];
		if (distance(s->seq, h->end) < 0 && distance(s->end, h->start) > 0)
			return (int)i;
	}
	return -1;
}

static void hole_fill(struct sp_flow_extra *x, unsigned side, unsigned i, const struct segment *s)
{
	struct sp_hole *h = &x->hole[side][i], rest = *h;
	bool acked = x->acked[side] >> i & 1;
	bool head = distance(s->seq, h->start) > 0, tail = distance(s->end, h->end) < 0;
	if (head)
		h->end = s->seq;
	else if (tail)
		h->start = s->end;
	else
		hole_drop(x, side, i);
	if (head && tail) {
		rest.start = s->end;
		hole_insert(x, side, rest, acked);
	}
}

/* --- data --- */

/* A segment with bytes (or FIN) that begins below what was seen: sent again, or overtaken, or lost on its way here
 * before. */
static void old_data(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side];
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	int hole = hole_find(x, side, s);
	bool again = true;
	if (hole >= 0) {
		uint64_t seen = x->hole[side][hole].ns;
		bool soon = s->ns < seen + reorder_limit(f), acked = x->acked[side] >> hole & 1;
		if (acked && !soon)
			f->bits |= SP_FLOW_GAP;
		again = acked && !soon;
		if (s->len && soon)
			x->out_of_order[side]++;
		else if (s->len && !acked)
			x->hole_filled[side]++;
		hole_fill(x, side, (unsigned)hole, s);
		if (!x->n_holes[side])
			d->bits &= (uint8_t)~SP_DIR_HOLES;
	}
	if (again && s->len)
		x->retrans[side]++;
	/* The answer is then timed from the copy that can have caused it. */
	if (again && s->len && side == sp_flow_client(f) && f->bits & SP_FLOW_ASKED)
		f->data_ns[side] = s->ns;
	if (distance(s->end, d->next_seq) > 0) {
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, s->ack, s->ns);
	}
}

static void see_sequence(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side], *r = &f->dir[!side];
	if (SP_UNLIKELY(!(d->bits & SP_DIR_SEQ))) {
		d->bits |= SP_DIR_SEQ;
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, s->ack, s->ns);
		return;
	}
	int32_t delta = distance(s->seq, d->next_seq);
	if (SP_LIKELY(delta == 0)) {
		if (s->len == 1 && r->bits & SP_DIR_ACK && r->window == 0) {
			d->bits |= SP_DIR_PROBE;
			return;
		}
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, s->ack, s->ns);
	} else if (delta > 0) {
		jump(ft, f, side, s->seq, s->ns, false);
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, s->ack, s->ns);
	} else if (delta == -1 && s->len <= 1 && !(s->flags & (SYN | FIN | RST))) {
		d->bits |= SP_DIR_KEEPALIVE;
		COUNT(ft, f, keepalive[side]);
	} else if (s->end != s->seq) {
		old_data(ft, f, side, s);
	}
}

/* --- acknowledgements --- */

/* RFC 5681 section 2, as far as a bystander can tell. */
static bool is_duplicate_ack(const struct sp_flow *f, unsigned side, const struct segment *s)
{
	const struct sp_flow_dir *d = &f->dir[side], *r = &f->dir[!side];
	return !s->len && s->window && s->window == d->window && s->seq == d->next_seq &&
	       !(s->flags & (SYN | FIN | RST)) && !(r->bits & SP_DIR_SIGNS) && !(d->bits & SP_DIR_SIGNS);
}

static void see_ack(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side], *r = &f->dir[!side];
	int32_t news = d->bits & SP_DIR_ACK ? distance(s->ack, d->ack) : 1;
	if (SP_UNLIKELY(news < 0))
		return;
	if (news == 0 && is_duplicate_ack(f, side, s))
		COUNT(ft, f, dup_ack[side]);
	d->bits |= SP_DIR_ACK;
	d->ack = s->ack;
	d->window = s->window;
	if (news == 0)
		return;
	if (r->bits & SP_DIR_SEQ && SP_UNLIKELY(distance(s->ack, r->next_seq) > 0)) {
		if (r->bits & SP_DIR_PROBE && s->ack == r->next_seq + 1)
			r->next_seq = s->ack;
		else
			jump(ft, f, !side, s->ack, s->ns, true);
	}
	if (SP_UNLIKELY(f->extra))
		holes_acked(&ft->extra[f->extra], !side, s->ack);
	if (!s->len)
		sp_tcp_ack_delay(ft, f, side, s->ack, s->ns);
}

/* --- opening and closing --- */

static void be_client(struct sp_flow *f, unsigned side)
{
	if (sp_flow_client(f) != side && !(f->bits & SP_FLOW_REPORTED))
		f->bits ^= SP_FLOW_CLIENT_IS_HI;
}

static void set_isn(struct sp_flow *f, unsigned side, uint32_t seq)
{
	f->isn[side] = seq;
	f->dir[side].bits |= SP_DIR_ISN;
}

static void see_syn(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	COUNT_SMALL(ft, f, syn);
	if (f->state >= SP_FLOW_ESTABLISHED)
		return;
	if (f->state == SP_FLOW_OPEN) {
		f->state = SP_FLOW_SYN;
		be_client(f, side);
	}
	if (f->state == SP_FLOW_SYN)
		f->data_ns[side] = s->ns; /* the latest one: the one that is answered */
	set_isn(f, side, s->seq);
}

static void see_synack(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	bool first = !(f->dir[side].bits & SP_DIR_ISN);
	unsigned client = !side;
	COUNT_SMALL(ft, f, synack);
	if (f->state == SP_FLOW_ESTABLISHED && !first && f->isn[side] == s->seq)
		f->bits |= SP_FLOW_LATE_SYNACK;
	if (f->state == SP_FLOW_OPEN) {
		f->bits |= SP_FLOW_MIDSTREAM;
		be_client(f, client);
	}
	if (f->state == SP_FLOW_SYN && f->dir[client].bits & SP_DIR_ISN && s->ack == f->isn[client] + 1) {
		f->rtt_server_us = sp_flow_micros(f->data_ns[client], s->ns);
		f->bits |= SP_FLOW_RTT_SERVER;
		f->bits &= (uint16_t)~SP_FLOW_CHALLENGED;
	}
	if (first)
		set_isn(f, side, s->seq);
	if (f->state == SP_FLOW_OPEN || f->state == SP_FLOW_SYN)
		f->state = SP_FLOW_SYNACK;
	if (f->state == SP_FLOW_SYNACK)
		f->data_ns[side] = s->ns;
}

/* A packet with neither SYN nor RST while the connection is not known to be open. */
static void see_opening(struct sp_flow *f, unsigned side, const struct segment *s)
{
	unsigned client = sp_flow_client(f), server = !client;
	if (f->state == SP_FLOW_OPEN) {
		f->bits |= SP_FLOW_MIDSTREAM;
		f->state = SP_FLOW_ESTABLISHED;
		return;
	}
	if (side == server && f->state == SP_FLOW_SYN) {
		f->bits |= SP_FLOW_CHALLENGED; /* RFC 5961: the server holds a connection on these ports */
		return;
	}
	if (side == server)
		return;
	if (f->state == SP_FLOW_SYNACK && s->ack == f->isn[server] + 1) {
		f->rtt_client_us = sp_flow_micros(f->data_ns[server], s->ns);
		f->bits |= SP_FLOW_RTT_CLIENT;
	}
	f->state = SP_FLOW_ESTABLISHED;
	f->data_ns[client] = s->ns;
	f->data_ns[server] = 0;
}

static void see_fin(struct sp_flowtable *ft, struct sp_flow *f, unsigned side)
{
	COUNT_SMALL(ft, f, fin);
	f->dir[side].bits |= SP_DIR_FIN;
	if (f->dir[!side].bits & SP_DIR_FIN && f->state < SP_FLOW_CLOSED)
		f->state = SP_FLOW_CLOSED + SP_CLOSE_FIN;
}

/* The sequence numbers of a RST that refuses are no place in the stream: it is not tracked further. */
static void see_rst(struct sp_flowtable *ft, struct sp_flow *f, unsigned side)
{
	COUNT_SMALL(ft, f, rst);
	if (f->state == SP_FLOW_OPEN)
		f->bits |= SP_FLOW_MIDSTREAM;
	if (f->state < SP_FLOW_CLOSED)
		f->state = (uint8_t)(SP_FLOW_CLOSED + sp_flow_reset_reason(f, side));
}

static bool see_control(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	uint8_t before = f->state;
	if (s->flags & RST)
		see_rst(ft, f, side);
	else if ((s->flags & (SYN | ACK)) == SYN)
		see_syn(ft, f, side, s);
	else if (s->flags & SYN)
		see_synack(ft, f, side, s);
	else if (f->state < SP_FLOW_ESTABLISHED)
		see_opening(f, side, s);
	if ((s->flags & (FIN | RST)) == FIN)
		see_fin(ft, f, side);
	return f->state >= SP_FLOW_CLOSED && before < SP_FLOW_CLOSED;
}

bool sp_tcp_is_new_connection(const struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	if (!(pkt->tcp_flags & SYN) || pkt->flags & SP_PKT_L4_CUT)
		return false;
	uint32_t seq = sp_be32(pkt->data + pkt->l4 + 4);
	const struct sp_flow_dir *d = &f->dir[side];
	if (d->bits & SP_DIR_ISN)
		return seq != f->isn[side];
	/* No SYN of this side yet: part of the present handshake, unless the connection is past it. */
	return f->state >= SP_FLOW_ESTABLISHED && (!(pkt->tcp_flags & ACK) || !(f->dir[!side].bits & SP_DIR_ISN));
}

static bool is_healthy(const struct sp_flow *f)
{
	const unsigned known = SP_DIR_SEQ | SP_DIR_ACK, wrong = SP_DIR_SIGNS | SP_DIR_HOLES;
	const struct sp_flow_dir *d = f->dir;
	return f->state == SP_FLOW_ESTABLISHED && (d[0].bits & (known | wrong)) == known &&
	       (d[1].bits & (known | wrong)) == known && d[0].window && d[1].window;
}

bool sp_tcp_packet(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	struct sp_flow_dir *d = &f->dir[side];
	d->flags |= pkt->tcp_flags;
	if (SP_UNLIKELY(pkt->flags & (SP_PKT_L4_CUT | SP_PKT_LATER_FRAG)))
		return false;
	const uint8_t *h = pkt->data + pkt->l4;
	struct segment s = {
		.ns = pkt->ts_ns,
		.seq = sp_be32(h + 4),
		.ack = sp_be32(h + 8),
		.len = pkt->l7_len,
		.window = sp_be16(h + 14),
		.flags = pkt->tcp_flags,
	};
	s.end = s.seq + s.len + !!(s.flags & SYN) + !!(s.flags & FIN);
	d->bits &= (uint8_t)~SP_DIR_SIGNS;
	bool nearer = false;
	if (SP_UNLIKELY(s.flags & (SYN | FIN | RST) || f->state < SP_FLOW_ESTABLISHED))
		nearer = see_control(ft, f, side, &s);
	if (s.flags & RST) {
		f->bits &= (uint16_t)~SP_FLOW_HEALTHY;
		return nearer;
	}
	if (SP_UNLIKELY(s.window == 0) && !(s.flags & (SYN | FIN)))
		COUNT(ft, f, zero_window[side]);
	see_sequence(ft, f, side, &s);
	if (s.flags & ACK)
		see_ack(ft, f, side, &s);
	f->bits &= (uint16_t)~SP_FLOW_HEALTHY;
	if (is_healthy(f))
		f->bits |= SP_FLOW_HEALTHY;
	return nearer;
}
