/* SPDX-License-Identifier: Apache-2.0 */
/* TCP as a bystander sees it (RFC 9293): who opened, what was sent twice, what was jumped over, who waited for whom,
 * who closed. All comparisons of sequence numbers are modulo 2^32. The point sees both directions after a delay,
 * perhaps only one of them, perhaps with gaps of its own: what the receiver acknowledged arrived, whether it was seen
 * here or not. */
#include "flowtable/tcp.h"

enum { FIN = SP_TCP_FIN, SYN = SP_TCP_SYN, RST = SP_TCP_RST, ACK = SP_TCP_ACK };

#define WAITING(i) ((i)&SP_TURN_WAITING)
#define ANSWERS(i) (!((i)&SP_TURN_ASKS) && WAITING(i) && (i)&SP_TURN_COVERS)
#define TURN(i)                                                                                                        \
	{                                                                                                              \
		.keep = ANSWERS(i) ? (uint16_t) ~(SP_FLOW_ASKED | SP_FLOW_UNACKED | SP_FLOW_UNACKED_MORE)              \
				   : UINT16_MAX,                                                                       \
		.set = (i)&SP_TURN_ASKS                                                                                \
			       ? SP_FLOW_ASKED | SP_FLOW_UNACKED | ((i)&SP_TURN_UNACKED ? SP_FLOW_UNACKED_MORE : 0)    \
		       : ANSWERS(i) ? SP_FLOW_RESPONSE                                                                 \
				    : 0,                                                                               \
		.delay = (i)&SP_TURN_ASKS ? (WAITING(i) ? 0 : SP_DELAY_CIT)                                            \
			 : ANSWERS(i)	  ? SP_DELAY_ART                                                               \
					  : 0,                                                                             \
	}
#define TURNS(i) TURN(i), TURN(i + 1), TURN(i + 2), TURN(i + 3)
const struct sp_tcp_turn sp_tcp_turn[SP_TURNS] = {TURNS(0), TURNS(4), TURNS(8), TURNS(12)};

/* Without a measured round trip a segment that comes this much later than the one that overtook it was sent again. */
#define REORDER_NS (3 * SP_NS_PER_MS)
/* Bytes that were acknowledged before they were seen do not come late any more after this time. */
#define LATE_NS SP_NS_PER_SEC
/* A jump larger than any window, forth or back, is not a hole: damage, or an attack. */
#define HOLE_MAX (INT32_C(1) << 30)

/* Senders number their packets one by one, or nearly so: of two packets whose IP identifications are this close the one
 * with the larger number was sent later. A retransmission comes up to a window after what it was lost before, a packet
 * that was overtaken is a few packets older. Numbers farther apart say nothing: they may be random. */
#define SENT_LATER_MAX 1024
#define SENT_EARLIER_MAX 64
#define HOLE_TIME_SHIFT 8

struct segment {
	const struct sp_pkt *pkt;
	uint64_t ns;
	uint32_t seq, end, ack, len;
	uint16_t window;
	uint8_t flags;
};

static inline int32_t distance(uint32_t a, uint32_t b)
{
	return sp_tcp_distance(a, b);
}

static inline bool is_far(int32_t delta)
{
	return delta >= HOLE_MAX || delta <= -HOLE_MAX;
}

#define COUNT(ft, f, member) (sp_flow_extra_get(ft, f)->member++)

/* The small counters stop at 255 and go on in the extra block. */
#define COUNT_SMALL(ft, f, member)                                                                                     \
	do {                                                                                                           \
		if (SP_LIKELY((f)->member < SP_FLOW_SMALL_MAX))                                                        \
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

/* ns since it was noticed, or since the receiver said that it has it; time that goes back is none. */
static uint64_t hole_age(const struct sp_hole *h, uint64_t ns)
{
	uint64_t age = ((ns >> HOLE_TIME_SHIFT) - h->when) << 16 >> 16 << HOLE_TIME_SHIFT;
	return age >> 55 ? 0 : age;
}

/* Holes are kept in order. One that the receiver has the bytes of is of use only until they could still come late. */
static bool acked_drop(struct sp_flow *f, struct sp_flow_extra *x, unsigned side)
{
	if (!x->acked[side])
		return false;
	hole_drop(x, side, (unsigned)__builtin_ctz(x->acked[side]));
	f->bits |= SP_FLOW_GAP;
	return true;
}

/* When there is no room the two with the least between them become one. */
static void hole_merge(struct sp_flow_extra *x, unsigned side)
{
	struct sp_hole *h = x->hole[side];
	unsigned best = 0;
	for (unsigned i = 1; i + 1 < x->n_holes[side]; i++)
		if (h[i + 1].start - h[i].end < h[best + 1].start - h[best].end)
			best = i;
	h[best].end = h[best + 1].end;
	hole_drop(x, side, best + 1);
}

static void hole_insert(struct sp_flow *f, struct sp_flow_extra *x, unsigned side, struct sp_hole hole, bool acked)
{
	if (x->n_holes[side] == SP_HOLES_MAX && !acked_drop(f, x, side))
		hole_merge(x, side);
	unsigned i = x->n_holes[side]++;
	for (; i && distance(x->hole[side][i - 1].start, hole.start) > 0; i--)
		x->hole[side][i] = x->hole[side][i - 1];
	x->hole[side][i] = hole;
	unsigned low = x->acked[side] & ((1U << i) - 1), high = x->acked[side] & ~((1U << i) - 1);
	x->acked[side] = (uint8_t)(low | (unsigned)acked << i | high << 1);
}

/* 0: it has none. */
static uint16_t ip_id(const struct segment *s)
{
	const uint8_t *ip = s->pkt->data + s->pkt->l3;
	return ip[0] >> 4 == 4 ? sp_be16(ip + 4) : 0;
}

/* Bytes of `side` up to `end` were not seen: `s`, which is later, was, or is the peer's and acknowledges them. */
static void jump(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, uint32_t end, const struct segment *s,
		 bool acked)
{
	struct sp_flow_dir *d = &f->dir[side];
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	struct sp_hole hole = {.when = s->ns >> HOLE_TIME_SHIFT, .start = d->next_seq, .end = end};
	hole.id = acked ? 0 : ip_id(s);
	if (x->n_holes[side] == __builtin_popcount(x->acked[side]) && !x->doubtful[side])
		x->missed[side] = 0;
	hole_insert(f, x, side, hole, acked);
	d->bits |= SP_DIR_HOLES;
	d->next_seq = end;
}

/* The receiver has the bytes [start, end), it said at `ns`: what this point did not see of them reached it all the
 * same.
 */
static void holes_received(struct sp_flow *f, struct sp_flow_extra *x, unsigned side, uint32_t start, uint32_t end,
			   uint64_t ns)
{
	for (unsigned i = 0; i < x->n_holes[side] && distance(end, start) > 0; i++) {
		struct sp_hole *h = &x->hole[side][i], rest = *h;
		if (distance(end, h->start) <= 0)
			return;
		if (distance(start, h->end) >= 0 || x->acked[side] >> i & 1)
			continue;
		if (distance(start, h->start) > 0) {
			if (x->n_holes[side] == SP_HOLES_MAX)
				return; /* the acknowledgement of all of it comes in time */
			rest.start = h->end = start;
			hole_insert(f, x, side, rest, false);
			continue;
		}
		x->acked[side] |= (uint8_t)(1U << i);
		h->when = ns >> HOLE_TIME_SHIFT;
		if (distance(end, h->end) < 0) {
			rest.start = h->end = end;
			hole_insert(f, x, side, rest, false);
			return;
		}
	}
}

/* Up to the acknowledged byte, and the blocks beyond it (RFC 2018). Whether there are such: something is missing to the
 * receiver. */
static bool holes_acked(struct sp_flow *f, struct sp_flow_extra *x, unsigned side, const struct segment *s)
{
	struct sp_tcp_options at = sp_tcp_options(s->pkt);
	struct sp_tcp_option o;
	bool missing = false;
	if (x->acked[side] && hole_age(&x->hole[side][__builtin_ctz(x->acked[side])], s->ns) > LATE_NS)
		acked_drop(f, x, side);
	if (!x->n_holes[side] && !x->doubtful[side]) {
		f->dir[side].bits &= (uint8_t)~SP_DIR_HOLES;
		return false;
	}
	if (x->n_holes[side])
		holes_received(f, x, side, x->hole[side][0].start, s->ack, s->ns);
	while (sp_tcp_option_next(&at, &o))
		for (unsigned i = 0; o.kind == SP_TCP_OPTION_SACK && i + 8 <= o.n; i += 8) {
			holes_received(f, x, side, sp_be32(o.p + i), sp_be32(o.p + i + 4), s->ns);
			missing |= distance(sp_be32(o.p + i), s->ack) > 0;
		}
	return missing;
}

/* What is overtaken on the network is missing to the receiver for a while, which says so at once (RFC 5681 4.2). Of
 * what came late only here, on a mirror's way, it says nothing. */
static void judge_order(struct sp_flowtable *ft, struct sp_flow *f, struct sp_flow_extra *x, unsigned side,
			const struct segment *s, bool missing)
{
	x->missed[side] |= missing;
	if (missing)
		x->out_of_order[side] += x->doubtful[side];
	else if (x->doubtful[side] && distance(s->ack, x->doubtful_end[side]) >= 0)
		ft->stats.capture_reordered += x->doubtful[side];
	else
		return;
	x->doubtful[side] = 0;
	if (!x->n_holes[side])
		f->dir[side].bits &= (uint8_t)~SP_DIR_HOLES;
}

/* A segment that another one overtook. `acked`: the receiver had it before it came here. */
static void late_segment(struct sp_flowtable *ft, struct sp_flow_extra *x, unsigned side, const struct segment *s,
			 bool acked)
{
	if (acked) {
		ft->stats.capture_reordered++;
	} else if (x->missed[side] || x->doubtful[side] == UINT8_MAX) {
		x->out_of_order[side]++;
	} else {
		if (!x->doubtful[side] || distance(s->end, x->doubtful_end[side]) > 0)
			x->doubtful_end[side] = s->end;
		x->doubtful[side]++;
	}
}

static uint64_t reorder_limit(const struct sp_flow *f)
{
	if ((f->bits & SP_FLOW_RTT_CLIENT) && (f->bits & SP_FLOW_RTT_SERVER))
		return SP_NS_PER_US * ((uint64_t)f->rtt_client_us + f->rtt_server_us);
	return REORDER_NS;
}

/* Noticed, or acked, so shortly before that packets may have changed places. */
static bool is_fresh(const struct sp_flow *f, const struct sp_hole *h, uint64_t ns)
{
	return hole_age(h, ns) < reorder_limit(f);
}

/* Whether what fills a hole was sent before what jumped over it: its number tells, else the time between them. */
static bool overtaken(const struct sp_flow *f, const struct sp_hole *h, const struct segment *s)
{
	uint16_t id = ip_id(s);
	int16_t later = (int16_t)(id - h->id);
	if (id && h->id && later && later >= -SENT_EARLIER_MAX && later <= SENT_LATER_MAX)
		return later < 0;
	return is_fresh(f, h, s->ns);
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

static void hole_fill(struct sp_flow *f, struct sp_flow_extra *x, unsigned side, unsigned i, const struct segment *s)
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
		hole_insert(f, x, side, rest, acked);
	}
}

/* --- data --- */

/* Lost on its way here when it was jumped over. */
static void filled(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_extra *x, unsigned side,
		   const struct sp_hole *h, const struct segment *s)
{
	struct sp_loss loss = {.ns = s->ns - hole_age(h, s->ns), .seq = s->seq, .len = s->len, .kind = SP_LOSS_FILLED};
	x->hole_filled[side]++;
	sp_losses_add(ft, f, x, side, loss, s->ns);
}

/* A segment with bytes (or FIN) that begins below what was seen: sent again, or overtaken, or lost on its way here
 * before. */
static void old_data(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side];
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	int hole = hole_find(x, side, s);
	bool again = true;
	if (hole >= 0) {
		const struct sp_hole *h = &x->hole[side][hole];
		bool acked = x->acked[side] >> hole & 1, soon = overtaken(f, h, s);
		/* One that was acked just now, the receiver has from this very segment: its word overtook it on the way
		 * here. */
		again = acked && !soon && !is_fresh(f, h, s->ns);
		if (again)
			f->bits |= SP_FLOW_GAP;
		ft->stats.capture_reordered += acked && !soon && !again;
		if (s->len && soon) {
			late_segment(ft, x, side, s, acked);
			ft->signs |= SP_TCP_OVERTAKEN;
		} else if (s->len && !again) {
			filled(ft, f, x, side, h, s);
			ft->signs |= SP_TCP_HOLE_FILLED;
		}
		/* Segments need not be cut where they were cut before: one may fill several. */
		for (unsigned n = 0; n <= SP_HOLES_MAX && hole >= 0; n++, hole = hole_find(x, side, s))
			hole_fill(f, x, side, (unsigned)hole, s);
		if (!x->n_holes[side] && !x->doubtful[side])
			d->bits &= (uint8_t)~SP_DIR_HOLES;
	}
	if (again && s->len) {
		x->retrans[side]++;
		ft->signs |= SP_TCP_AGAIN;
		sp_losses_add(ft, f, x, side, (struct sp_loss){.seq = s->seq, .len = s->len}, s->ns);
	}
	/* The answer is then timed from the copy that can have caused it. */
	if (again && s->len && side == sp_flow_client(f) && f->bits & SP_FLOW_ASKED)
		f->dir[side].data_ns = s->ns;
	if (distance(s->end, d->next_seq) > 0) {
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
	}
}

/* At most one byte, which the peer has (RFC 9293 3.8.4); what it does not have yet is sent again. */
static bool is_keepalive(const struct sp_flow_dir *d, const struct sp_flow_dir *r, const struct segment *s)
{
	if (s->len > 1 || s->flags & (SYN | FIN))
		return false;
	return !s->len || !(r->bits & SP_DIR_ACK) || distance(r->ack, d->next_seq) >= 0;
}

static void see_sequence(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side], *r = &f->dir[!side];
	if (SP_UNLIKELY(!(d->bits & SP_DIR_SEQ))) {
		d->bits |= SP_DIR_SEQ;
		d->next_seq = s->end;
		if (s->end == s->seq)
			d->bits |= SP_DIR_PROBE; /* perhaps a keep-alive: the answer is one byte ahead of it */
		if (s->len)
			sp_tcp_new_data(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
		return;
	}
	int32_t delta = distance(s->seq, d->next_seq);
	if (SP_LIKELY(delta == 0)) {
		if (s->len == 1 && r->bits & SP_DIR_ACK && r->window == 0) {
			d->bits |= SP_DIR_PROBE;
			ft->signs |= SP_TCP_KEEPALIVE;
			return;
		}
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
	} else if (SP_UNLIKELY(is_far(delta))) {
		f->bits |= SP_FLOW_GAP;
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
	} else if (delta > 0) {
		jump(ft, f, side, s->seq, s, false);
		ft->signs |= SP_TCP_HOLE;
		d->next_seq = s->end;
		if (s->len)
			sp_tcp_new_data(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
	} else if (delta == -1 && is_keepalive(d, r, s)) {
		d->bits |= SP_DIR_KEEPALIVE;
		ft->signs |= SP_TCP_KEEPALIVE;
		if (!(r->bits & SP_DIR_ACK) || r->window) /* else Linux asks whether the window is still closed */
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
	       !(s->flags & (SYN | FIN | RST)) && !(r->bits & SP_DIR_KEEPALIVE) && !(d->bits & SP_DIR_KEEPALIVE);
}

static void see_ack(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, const struct segment *s)
{
	struct sp_flow_dir *d = &f->dir[side], *r = &f->dir[!side];
	int32_t news = d->bits & SP_DIR_ACK ? distance(s->ack, d->ack) : 1;
	if (SP_UNLIKELY(news < 0 && !is_far(news)))
		return;
	/* Acceptable, RFC 9293 3.10.7.4, as far as it can be told. */
	if (r->bits & SP_DIR_SEQ && SP_UNLIKELY(is_far(distance(s->ack, r->next_seq))))
		return;
	bool duplicate = news == 0 && is_duplicate_ack(f, side, s);
	if (duplicate) {
		COUNT(ft, f, dup_ack[side]);
		ft->signs |= SP_TCP_DUP_ACK;
	}
	d->bits |= SP_DIR_ACK;
	d->ack = s->ack;
	d->window = s->window;
	if (news && r->bits & SP_DIR_SEQ && SP_UNLIKELY(distance(s->ack, r->next_seq) > 0)) {
		if (r->bits & SP_DIR_PROBE && s->ack == r->next_seq + 1)
			r->next_seq = s->ack;
		else
			jump(ft, f, !side, s->ack, s, true);
	}
	struct sp_flow_extra *x = sp_flow_extra_of(ft, f);
	if (SP_UNLIKELY(x)) {
		bool missing = holes_acked(f, x, !side, s) || duplicate;
		if (x->n_holes[!side] || x->doubtful[!side])
			judge_order(ft, f, x, !side, s, missing);
	}
	if (news && !s->len)
		sp_tcp_ack_delay(ft, f, side, sp_tcp_covers(f, side, s->ack), s->ns);
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

/* The server answered once more, with other numbers, as one with SYN cookies does: the last answer counts. */
static void start_again(struct sp_flow *f, unsigned side, uint32_t seq)
{
	set_isn(f, side, seq);
	f->dir[side].bits &= (uint8_t)~SP_DIR_SEQ;
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
		f->dir[side].data_ns = s->ns; /* the latest one: the one that is answered */
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
		f->rtt_server_us = sp_flow_micros(f->dir[client].data_ns, s->ns);
		f->bits |= SP_FLOW_RTT_SERVER;
		f->bits &= (uint16_t)~SP_FLOW_CHALLENGED;
	}
	if (first)
		set_isn(f, side, s->seq);
	else if (f->state == SP_FLOW_SYNACK && f->isn[side] != s->seq)
		start_again(f, side, s->seq);
	if (f->state == SP_FLOW_OPEN || f->state == SP_FLOW_SYN)
		f->state = SP_FLOW_SYNACK;
	if (f->state == SP_FLOW_SYNACK)
		f->dir[side].data_ns = s->ns;
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
		f->rtt_client_us = sp_flow_micros(f->dir[server].data_ns, s->ns);
		f->bits |= SP_FLOW_RTT_CLIENT;
	}
	f->state = SP_FLOW_ESTABLISHED;
	f->dir[client].data_ns = s->ns;
	f->dir[server].data_ns = 0;
}

static void see_fin(struct sp_flowtable *ft, struct sp_flow *f, unsigned side)
{
	COUNT_SMALL(ft, f, fin);
	f->dir[side].bits |= SP_DIR_FIN;
	if (f->dir[!side].bits & SP_DIR_FIN && f->state < SP_FLOW_CLOSED)
		f->state = SP_FLOW_CLOSED + SP_CLOSE_FIN;
}

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

/* Numbers that are no place in this stream: a RST may carry any, so may another answer to the SYN than the one that the
 * client took, and what answers a SYN without being a SYN belongs to an older connection. */
static bool is_elsewhere(const struct sp_flow *f, unsigned side, const struct segment *s)
{
	const struct sp_flow_dir *d = &f->dir[side];
	if (s->flags & SYN && d->bits & SP_DIR_ISN && s->seq != f->isn[side])
		return true;
	return s->flags & RST || (f->state == SP_FLOW_SYN && side != sp_flow_client(f) && !(s->flags & SYN));
}

bool sp_tcp_is_new_connection(const struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	if (!(pkt->tcp_flags & SYN) || pkt->flags & SP_PKT_L4_CUT)
		return false;
	uint32_t seq = sp_be32(pkt->data + pkt->l4 + 4), ack = sp_be32(pkt->data + pkt->l4 + 8);
	const struct sp_flow_dir *d = &f->dir[side];
	/* The same SYN may be answered with several numbers. */
	if (pkt->tcp_flags & ACK && f->dir[!side].bits & SP_DIR_ISN && ack == f->isn[!side] + 1)
		return false;
	if (pkt->tcp_flags & ACK && f->state == SP_FLOW_SYNACK && d->bits & SP_DIR_ACK)
		return ack != d->ack;
	if (d->bits & SP_DIR_ISN)
		return seq != f->isn[side];
	/* No SYN of this side yet: part of the present handshake, unless the connection is past it. */
	return f->state >= SP_FLOW_ESTABLISHED && (!(pkt->tcp_flags & ACK) || !(f->dir[!side].bits & SP_DIR_ISN));
}

static bool is_healthy(const struct sp_flow *f)
{
	const unsigned known = SP_DIR_SEQ | SP_DIR_ACK, wrong = SP_DIR_SIGNS | SP_DIR_HOLES;
	const struct sp_flow_dir *d = f->dir;
	return f->state == SP_FLOW_ESTABLISHED && f->ttl[0] && f->ttl[1] && (d[0].bits & (known | wrong)) == known &&
	       (d[1].bits & (known | wrong)) == known && d[0].window && d[1].window;
}

bool sp_tcp_packet(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	struct sp_flow_dir *d = &f->dir[side];
	d->flags |= pkt->tcp_flags;
	ft->signs = 0;
	if (SP_UNLIKELY(pkt->flags & SP_PKT_L4_CUT))
		return false;
	const uint8_t *h = pkt->data + pkt->l4;
	struct segment s = {
		.pkt = pkt,
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
	if (SP_UNLIKELY(s.flags & (SYN | FIN | RST) || f->state < SP_FLOW_ESTABLISHED)) {
		nearer = see_control(ft, f, side, &s);
		if (is_elsewhere(f, side, &s)) {
			f->bits &= (uint16_t)~SP_FLOW_HEALTHY;
			return nearer;
		}
	}
	if (SP_UNLIKELY(s.window == 0) && !(s.flags & (SYN | FIN))) {
		COUNT(ft, f, zero_window[side]);
		ft->signs |= SP_TCP_ZERO_WINDOW;
	}
	see_sequence(ft, f, side, &s);
	if (s.flags & ACK)
		see_ack(ft, f, side, &s);
	f->bits &= (uint16_t)~SP_FLOW_HEALTHY;
	if (is_healthy(f) && !(ft->flags & SP_FLOWTABLE_LONG_WAY))
		f->bits |= SP_FLOW_HEALTHY;
	return nearer;
}
