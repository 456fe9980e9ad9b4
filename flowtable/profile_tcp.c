/* SPDX-License-Identifier: Apache-2.0 */
/* What one more TCP packet says of its connection, beyond what TCP tracking found: why a segment was sent again, and
 * whether for nothing; how long acknowledgements took; how much was under way. */
#include "base/time.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/profile.h"
#include "flowtable/tcp.h"

/* A little less than the shortest time that a sender waits for an acknowledgement before it takes a segment for lost
 * (Linux: 200 ms and a round trip; RFC 6298: 1 s). */
#define RTO_MIN_NS (190 * SP_NS_PER_MS)
/* So many duplicate ACKs make a sender act at once (RFC 5681 3.2). */
#define DUP_ACKS 3

/* What the options of a packet say. */
struct options {
	uint32_t times, echo; /* TSval, TSecr */
	bool has_times;
	const uint8_t *sack;
	unsigned sacks;
};

static void read_syn(struct sp_profile_side *s, const struct sp_tcp_option *o)
{
	if (o->kind == SP_TCP_OPTION_MSS && o->n == 2) {
		s->mss = sp_be16(o->p);
		s->bits |= SP_PROFILE_HAS_MSS;
	} else if (o->kind == SP_TCP_OPTION_WSCALE && o->n == 1) {
		s->scale = SP_MIN(o->p[0], 14); /* RFC 7323 2.3 */
		s->bits |= SP_PROFILE_HAS_SCALE;
	}
}

static void read_options(struct options *ret, struct sp_profile_side *s, const struct sp_pkt *pkt)
{
	struct sp_tcp_options at = sp_tcp_options(pkt);
	struct sp_tcp_option o;
	*ret = (struct options){0};
	if (pkt->tcp_flags & SP_TCP_SYN && pkt->l7 <= pkt->cap_len)
		s->bits |= SP_PROFILE_SYN_READ;
	while (sp_tcp_option_next(&at, &o)) {
		if (o.kind == SP_TCP_OPTION_TIMES && o.n == 8) {
			ret->times = sp_be32(o.p);
			ret->echo = sp_be32(o.p + 4);
			ret->has_times = true;
		} else if (o.kind == SP_TCP_OPTION_SACK) {
			ret->sack = o.p;
			ret->sacks = o.n / 8;
		} else if (pkt->tcp_flags & SP_TCP_SYN) {
			read_syn(s, &o);
		}
	}
}

/* --- places --- */

/* Wide numbers, and the first one seen of each side. */
static void put_place(struct sp_profile *p, const uint8_t *h, struct sp_profile_packet *e)
{
	unsigned s = e->side;
	const struct sp_profile_state *st = &p->now;
	bool syn = e->flags & SP_TCP_SYN;
	e->seq = sp_profile_wide(st->next[s] ? st->next[s] : st->ack[!s], sp_be32(h + 4));
	e->ack = st->ack[s];
	if (!p->first && !st->next[s] && !st->next[!s]) /* where a profile begins its own state says */
		p->begin.next[s] = p->now.next[s] = e->seq;
	if (!p->side[s].base)
		p->side[s].base = e->seq;
	if (!(e->flags & SP_TCP_ACK))
		return;
	e->ack = sp_profile_wide(st->next[!s] ? st->next[!s] : st->ack[s], sp_be32(h + 8));
	if (!p->side[!s].base)
		p->side[!s].base = e->ack - syn;
}

static uint64_t end_of(const struct sp_profile_packet *e)
{
	return e->seq + e->len + !!(e->flags & SP_TCP_SYN) + !!(e->flags & SP_TCP_FIN);
}

/* --- what was sent again --- */

static bool is_again(const struct sp_profile *p, const struct sp_profile_packet *e, unsigned signs)
{
	if (signs & (SP_TCP_AGAIN | SP_TCP_HOLE_FILLED))
		return true;
	/* Tracking counts data only. */
	return !(e->flags & SP_TCP_RST) && e->flags & (SP_TCP_SYN | SP_TCP_FIN) && e->seq >= p->side[e->side].base &&
	       p->now.next[e->side] >= end_of(e);
}

/* A round trip, as far as it is known: of the handshake, else the shortest ones measured. */
static uint64_t round_trip(const struct sp_profile *p, const struct sp_flow *f)
{
	if (f->bits & SP_FLOW_RTT_CLIENT && f->bits & SP_FLOW_RTT_SERVER)
		return ((uint64_t)f->rtt_client_us + f->rtt_server_us) * SP_NS_PER_US;
	return p->side[0].rtt_min + p->side[1].rtt_min;
}

/* Why a sender repeats itself. Silence: neither did it send, nor was anything acknowledged that could have made it.
 * What follows until all is acknowledged that was under way belongs to the same loss. */
static enum sp_profile_note class_of(const struct sp_profile *p, const struct sp_flow *f,
				     const struct sp_profile_packet *e)
{
	const struct sp_profile_side *s = &p->side[e->side], *r = &p->side[!e->side];
	const struct sp_profile_state *st = &p->now;
	uint64_t since = SP_MAX(s->data_ns, s->acked_ns), silence = e->ns > since ? e->ns - since : 0;
	uint64_t rtt = round_trip(p, f), rto = RTO_MIN_NS + rtt;
	bool last = end_of(e) >= st->next[e->side], first = e->seq <= st->ack[!e->side];
	bool reported = r->bits & SP_PROFILE_MISSING || r->dup_acks >= DUP_ACKS;
	if (e->flags & SP_TCP_SYN)
		return SP_PROFILE_TIMEOUT;
	if (silence < rto && e->seq < s->recover)
		return s->bits & SP_PROFILE_RECOVER_FAST ? SP_PROFILE_FAST : SP_PROFILE_TIMEOUT;
	if (reported && silence < rto)
		return SP_PROFILE_FAST;
	if (last && !reported && (!first || silence < rto))
		return SP_PROFILE_TAIL;
	if (silence >= rto || !rtt || (silence > 2 * rtt && !r->dup_acks))
		return SP_PROFILE_TIMEOUT;
	return SP_PROFILE_FAST;
}

static void sent_again(struct sp_profile *p, const struct sp_flow *f, struct sp_profile_packet *e,
		       const struct options *o)
{
	struct sp_profile_side *s = &p->side[e->side];
	enum sp_profile_note class_ = class_of(p, f, e);
	e->notes |= class_;
	p->fast += class_ == SP_PROFILE_FAST;
	p->timeout += class_ == SP_PROFILE_TIMEOUT;
	p->tail += class_ == SP_PROFILE_TAIL;
	if (class_ == SP_PROFILE_TIMEOUT || (class_ == SP_PROFILE_FAST && !s->recover)) {
		s->recover = p->now.next[e->side];
		s->bits = (uint8_t)((s->bits & ~SP_PROFILE_RECOVER_FAST) |
				    (class_ == SP_PROFILE_FAST ? SP_PROFILE_RECOVER_FAST : 0));
	}
	p->again[p->n_again++ % SP_PROFILE_AGAIN_MAX] =
		(struct sp_profile_again){.seq = e->seq,
					  .n = (uint32_t)(end_of(e) - e->seq),
					  .times = o->times,
					  .side = e->side,
					  .has_times = o->has_times && !(e->flags & SP_TCP_SYN)};
	/* Which of both is acknowledged, only a time stamp tells (Karn; RFC 7323 4.1). */
	if (s->timed_ns && e->seq < s->timed_end) {
		s->timed_ns = o->has_times && s->bits & SP_PROFILE_TIMED_TIMES ? e->ns : 0;
		s->timed_times = o->times;
	}
}

/* The receiver had the segment already when it came again: it says so (RFC 2883), or answers the first one (RFC 3522).
 */
static void for_nothing(struct sp_profile *p, struct sp_profile_packet *e, struct sp_profile_again *a)
{
	a->settled = true;
	e->again_seq = a->seq;
	e->again_n = a->n;
	p->spurious++;
}

static void see_dsack(struct sp_profile *p, struct sp_profile_packet *e, const struct options *o)
{
	uint64_t left = sp_profile_wide(e->ack, sp_be32(o->sack)),
		 right = sp_profile_wide(e->ack, sp_be32(o->sack + 4));
	bool below = right <= e->ack;
	bool inside = o->sacks > 1 && left >= sp_profile_wide(e->ack, sp_be32(o->sack + 8)) &&
		      right <= sp_profile_wide(e->ack, sp_be32(o->sack + 12));
	if (!below && !inside)
		return;
	e->notes |= SP_PROFILE_DSACK;
	for (unsigned i = 0; i < SP_PROFILE_AGAIN_MAX; i++) {
		struct sp_profile_again *a = &p->again[i];
		if (a->n && a->side != e->side && !a->settled && left < a->seq + a->n && right > a->seq) {
			for_nothing(p, e, a);
			return;
		}
	}
}

static void see_echo(struct sp_profile *p, struct sp_profile_packet *e, const struct options *o)
{
	for (unsigned i = 0; i < SP_PROFILE_AGAIN_MAX; i++) {
		struct sp_profile_again *a = &p->again[i];
		if (!a->n || a->side == e->side || a->settled || !a->has_times || e->ack < a->seq + a->n)
			continue;
		if ((int32_t)(o->echo - a->times) < 0 && !e->again_n)
			for_nothing(p, e, a);
		a->has_times = false;
	}
}

/* --- acknowledgements --- */

static void sample(struct sp_profile_side *s, uint64_t ns)
{
	s->rtt_min = s->rtt_n ? SP_MIN(s->rtt_min, ns) : ns;
	s->rtt_max = SP_MAX(s->rtt_max, ns);
	s->rtt_sum += ns;
	s->rtt_n++;
}

/* Of one segment at a time. An acknowledgement that comes with an answer waited for the application. */
static void see_timed(struct sp_profile_side *s, struct sp_profile_side *r, const struct sp_profile_packet *e,
		      const struct options *o)
{
	if (!r->timed_ns || e->ack < r->timed_end)
		return;
	bool stamped = r->bits & SP_PROFILE_TIMED_TIMES && o->has_times;
	if (!e->len && e->ns >= r->timed_ns && (!stamped || (int32_t)(o->echo - r->timed_times) >= 0))
		sample(s, e->ns - r->timed_ns);
	r->timed_ns = 0;
}

static bool has_sack_above(const struct sp_profile_packet *e, const struct options *o)
{
	for (unsigned i = 0; i < o->sacks; i++)
		if (sp_profile_wide(e->ack, sp_be32(o->sack + 8 * i)) > e->ack)
			return true;
	return false;
}

static void see_ack(struct sp_profile *p, struct sp_profile_packet *e, const struct options *o, unsigned signs)
{
	struct sp_profile_side *s = &p->side[e->side], *r = &p->side[!e->side];
	bool sack = has_sack_above(e, o);
	if (sack)
		e->notes |= SP_PROFILE_SACK;
	if (e->ack > p->now.ack[e->side]) {
		s->dup_acks = 0;
		s->bits = (uint8_t)((s->bits & ~SP_PROFILE_MISSING) | (sack ? SP_PROFILE_MISSING : 0));
		r->acked_ns = e->ns;
		if (r->recover && e->ack >= r->recover)
			r->recover = 0;
	} else if (e->ack == p->now.ack[e->side]) {
		s->dup_acks += (signs & SP_TCP_DUP_ACK || sack) && s->dup_acks < UINT8_MAX;
		s->bits |= sack ? SP_PROFILE_MISSING : 0;
	}
	see_timed(s, r, e, o);
	if (o->sacks)
		see_dsack(p, e, o);
	if (o->has_times && p->n_again)
		see_echo(p, e, o);
}

/* --- data and windows --- */

/* How many bytes a window stands for: both SYNs said how it is scaled, or one that it is not (RFC 7323 2.2). */
static bool is_scale_known(const struct sp_profile *p)
{
	unsigned lo = p->side[0].bits, hi = p->side[1].bits;
	return lo & hi & SP_PROFILE_SYN_READ || (lo & SP_PROFILE_SYN_READ && !(lo & SP_PROFILE_HAS_SCALE)) ||
	       (hi & SP_PROFILE_SYN_READ && !(hi & SP_PROFILE_HAS_SCALE));
}

static void see_window(struct sp_profile *p, const struct sp_profile_packet *e)
{
	struct sp_profile_side *s = &p->side[e->side];
	bool syn = e->flags & SP_TCP_SYN;
	bool scaled = !syn && p->side[0].bits & p->side[1].bits & SP_PROFILE_HAS_SCALE;
	s->window = (uint32_t)e->window << (scaled ? s->scale : 0);
	if (SP_LIKELY(!syn && s->bits & SP_PROFILE_HAS_WINDOW)) {
		s->window_min = SP_MIN(s->window_min, s->window);
	} else if (!syn && is_scale_known(p)) {
		s->window_min = s->window;
		s->bits |= SP_PROFILE_HAS_WINDOW;
	}
}

static void see_data(struct sp_profile *p, struct sp_profile_packet *e, const struct options *o, bool again)
{
	struct sp_profile_side *s = &p->side[e->side], *r = &p->side[!e->side];
	uint64_t acked = p->now.ack[!e->side], end = e->seq + e->len;
	if (!again && end > p->now.next[e->side] && acked && end > acked && end - acked <= UINT32_MAX / 2) {
		uint32_t under_way = (uint32_t)(end - acked);
		s->in_flight_max = SP_MAX(s->in_flight_max, under_way);
		if (r->bits & SP_PROFILE_HAS_WINDOW && r->window && under_way >= r->window)
			e->notes |= SP_PROFILE_WINDOW_FULL;
		if (!s->timed_ns) {
			s->timed_ns = e->ns;
			s->timed_end = end;
			s->timed_times = o->times;
			s->bits = (uint8_t)((s->bits & ~SP_PROFILE_TIMED_TIMES) |
					    (o->has_times ? SP_PROFILE_TIMED_TIMES : 0));
		}
	}
	s->data_ns = e->ns;
}

static uint32_t notes_of(unsigned signs)
{
	return (signs & SP_TCP_HOLE ? SP_PROFILE_HOLE : 0U) |
	       (signs & SP_TCP_HOLE_FILLED ? SP_PROFILE_HOLE_FILLED : 0U) |
	       (signs & SP_TCP_OVERTAKEN ? SP_PROFILE_OUT_OF_ORDER : 0U) |
	       (signs & SP_TCP_DUP_ACK ? SP_PROFILE_DUP_ACK : 0U) |
	       (signs & SP_TCP_ZERO_WINDOW ? SP_PROFILE_ZERO_WINDOW : 0U) |
	       (signs & SP_TCP_KEEPALIVE ? SP_PROFILE_KEEPALIVE : 0U);
}

uint64_t sp_profile_tcp(struct sp_profile *p, const struct sp_flow *f, const struct sp_pkt *pkt,
			struct sp_profile_packet *e, unsigned signs)
{
	const uint8_t *h = pkt->data + pkt->l4;
	struct options o;
	e->flags = pkt->tcp_flags;
	e->window = sp_be16(h + 14);
	e->notes = signs ? notes_of(signs) : 0;
	put_place(p, h, e);
	read_options(&o, &p->side[e->side], pkt);
	if (SP_UNLIKELY(!p->established_ns) && f->bits & SP_FLOW_RTT_CLIENT)
		p->established_ns = e->ns;
	if (e->flags & (SP_TCP_FIN | SP_TCP_RST) && !p->fin_ns)
		p->fin_ns = e->ns;
	if (e->flags & SP_TCP_RST)
		return 0;
	bool again = is_again(p, e, signs);
	if (again)
		sent_again(p, f, e, &o);
	if (e->flags & SP_TCP_ACK)
		see_ack(p, e, &o, signs);
	see_window(p, e);
	if (e->len || e->flags & (SP_TCP_SYN | SP_TCP_FIN))
		see_data(p, e, &o, again);
	return (again ? SP_PROFILE_TRIGGER(RETRANSMISSION) : 0) |
	       (signs & SP_TCP_ZERO_WINDOW ? SP_PROFILE_TRIGGER(ZERO_WINDOW) : 0);
}
