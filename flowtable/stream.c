/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in order, per direction. A segment that comes when it is its turn is read where it lies; one that comes early
 * is held, within bounds; of bytes that come twice the first ones count, as with most receivers. Bytes that the
 * receiver acknowledged and that never came here were lost by the capture: the parser goes on behind them. */
#include <string.h>

#include "base/time.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp.h"

static struct sp_held *held_at(const struct sp_talk *t, uint32_t handle)
{
	return sp_slab_at(&t->l7->slab, handle);
}

/* What a protocol is told by: as much is carried before it is known. */
#define UNKNOWN_CARRY_MAX 2048

#define RESYNC_KEEP 64

static void carry_drop(struct sp_talk *t, struct sp_stream *s)
{
	if (s->carry)
		sp_slab_put(&t->l7->slab, s->carry);
	s->carry = s->carry_n = s->want = 0;
}

static void held_drop(struct sp_talk *t, struct sp_stream *s)
{
	struct sp_slab *slab = &t->l7->slab;
	while (s->held) {
		uint32_t next = held_at(t, s->held)->next;
		sp_slab_put(slab, s->held);
		s->held = next;
	}
	s->held_bytes = 0;
}

void sp_stream_drop(struct sp_talk *t, unsigned side)
{
	struct sp_stream *s = &t->d->stream[side];
	carry_drop(t, s);
	held_drop(t, s);
	s->skip = 0;
}

static struct sp_carry *carry_at(const struct sp_talk *t, const struct sp_stream *s)
{
	return sp_slab_at(&t->l7->slab, s->carry);
}

static size_t carry_room(const struct sp_talk *t, const struct sp_stream *s)
{
	return s->carry ? sp_slab_size(&t->l7->slab, s->carry) - sizeof(struct sp_carry) : 0;
}

/* Room for so many bytes, those that are there included. False: no memory. */
static bool carry_reserve(struct sp_talk *t, struct sp_stream *s, size_t n)
{
	struct sp_slab *slab = &t->l7->slab;
	if (carry_room(t, s) >= n)
		return true;
	uint32_t to = sp_slab_get(slab, sizeof(struct sp_carry) + SP_MAX(n, (size_t)s->want));
	if (!to)
		return false;
	struct sp_carry *c = sp_slab_at(slab, to);
	if (s->carry) {
		memcpy(c, carry_at(t, s), sizeof *c + s->carry_n);
		sp_slab_put(slab, s->carry);
	} else {
		c->n_marks = c->zero = 0;
	}
	s->carry = to;
	return true;
}

static void deafen(struct sp_talk *t, unsigned side, unsigned why)
{
	struct sp_stream *s = &t->d->stream[side];
	t->d->limits |= (uint8_t)why;
	sp_calls_lost(t, side, s);
	sp_stream_drop(t, side);
	s->bits |= SP_STREAM_RESYNC | SP_STREAM_LOST;
}

/* The marks of a piece from `used` on, counted from there. */
static uint32_t marks_from(struct sp_mark *to, const struct sp_piece *p, size_t used)
{
	uint32_t from = p->base + (uint32_t)used, n = 0, i = 0;
	while (i + 1 < p->n_marks && p->mark[i + 1].at <= from)
		i++;
	for (; i < p->n_marks; i++) {
		to[n] = p->mark[i];
		to[n].at = to[n].at > from ? to[n].at - from : 0;
		n++;
	}
	return n;
}

/* Keeps the end of a piece, of which `used` bytes are done with. */
static void carry_set(struct sp_talk *t, unsigned side, const struct sp_piece *p, size_t used)
{
	struct sp_stream *s = &t->d->stream[side];
	size_t n = p->in.n - used;
	if (!n) {
		carry_drop(t, s);
		return;
	}
	if (n > SP_CARRY_MAX) {
		t->ft->stats.l7_carry_exceeded++;
		deafen(t, side, SP_APP_LIMIT_HEAD);
		return;
	}
	bool own = s->carry && p->in.p >= carry_at(t, s)->data && p->in.p < carry_at(t, s)->data + s->carry_n;
	if (!own)
		s->carry_n = 0;
	if (!own && !carry_reserve(t, s, n)) {
		t->ft->stats.l7_memory_exceeded++;
		deafen(t, side, SP_APP_LIMIT_MEMORY);
		return;
	}
	struct sp_carry *c = carry_at(t, s);
	memmove(c->data, p->in.p + used, n);
	c->n_marks = marks_from(c->mark, p, used);
	s->carry_n = (uint32_t)n;
}

static void read_carry(struct sp_talk *t, unsigned side, bool last, bool cut);

static struct sp_piece rest_of(const struct sp_piece *p, size_t used)
{
	struct sp_piece rest = *p;
	rest.in.p += used;
	rest.in.n -= used;
	rest.seq += (uint32_t)used;
	rest.base += (uint32_t)used;
	return rest;
}

/* Where what the last packet of a piece brought begins. */
static size_t fresh_from(const struct sp_piece *p)
{
	uint32_t at = p->mark[p->n_marks - 1].at;
	return at > p->base ? at - p->base : 0;
}

/* The next beginning of a message: a segment's own, rather than one that is cut in two. */
static size_t resync(struct sp_talk *t, unsigned side, const struct sp_piece *p)
{
	size_t fresh = fresh_from(p);
	size_t at = sp_dialog_resync(t, side, rest_of(p, fresh).in);
	if (at != SIZE_MAX)
		return fresh + at;
	return fresh ? sp_dialog_resync(t, side, p->in) : SIZE_MAX;
}

/* By the parser that there is. False: the flow is not looked at any more. */
static bool read_known(struct sp_talk *t, unsigned side, const struct sp_piece *p, size_t *used)
{
	struct sp_stream *s = &t->d->stream[side];
	struct sp_piece rest = rest_of(p, *used);
	if (s->bits & SP_STREAM_RESYNC) {
		size_t at = resync(t, side, &rest);
		if (at == SIZE_MAX) {
			*used += rest.in.n - SP_MIN(rest.in.n, (size_t)RESYNC_KEEP);
			return true;
		}
		s->bits &= (uint8_t)~SP_STREAM_RESYNC;
		*used += at;
		rest = rest_of(p, *used);
		sp_calls_doubt(t, side, rest.seq);
	}
	*used += sp_dialog_run(t, side, s, &rest);
	return !(t->f->more & SP_L7_DONE);
}

/* Nobody's beginning: not worth keeping. True: what its last packet brought may be one, and is to be looked at; then
 * what the other side said belongs to what is passed over, too. */
static bool pass_over(struct sp_talk *t, unsigned side, const struct sp_piece *p, size_t *used)
{
	size_t fresh = fresh_from(p);
	bool more = fresh > *used;
	*used = more ? fresh : p->in.n;
	t->d->stream[side].bits |= SP_STREAM_RESYNC;
	if (more)
		t->d->stream[!side].bits |= SP_STREAM_RESYNC;
	t->d->bits |= SP_DIALOG_ORPHAN;
	return more;
}

/* Reads a piece: bytes that follow what was read before. What they are may be found out on the way, or change. */
static void read_piece(struct sp_talk *t, unsigned side, const struct sp_piece *p)
{
	enum { SWITCHES_MAX = 4 };
	size_t used = 0;
	for (unsigned i = 0; i < SWITCHES_MAX && used < p->in.n; i++) {
		const struct sp_parser *parser = t->d->parser;
		if (!parser) {
			struct sp_slice in = rest_of(p, used).in;
			bool behind = t->d->stream[side].bits & SP_STREAM_RESYNC;
			bool found = sp_identify(t, side, in, p->last || in.n >= UNKNOWN_CARRY_MAX);
			if (t->f->more & SP_L7_DONE)
				return;
			if (!found) {
				if (!t->d->maybe[side] && pass_over(t, side, p, &used))
					continue;
				break;
			}
			if (behind) /* what is passed over here was not the other side's beginning either */
				t->d->stream[!side].bits |= SP_STREAM_RESYNC;
			read_carry(t, !side, false, false); /* which came before */
			if (t->f->more & SP_L7_DONE)
				return;
			parser = t->d->parser;
			if (!parser) /* it was not that after all */
				continue;
		}
		if (!read_known(t, side, p, &used))
			return;
		if (t->d->parser == parser)
			break;
		read_carry(t, !side, false, false);
		if (t->f->more & SP_L7_DONE)
			return;
	}
	carry_set(t, side, p, used);
}

/* The rest of a piece, in which another parser took over. */
static void read_changed(struct sp_talk *t, unsigned side, const struct sp_piece *p, size_t used)
{
	struct sp_piece rest = rest_of(p, used);
	read_carry(t, !side, false, false);
	if (!(t->f->more & SP_L7_DONE))
		read_piece(t, side, &rest);
}

/* Passes over bytes that need not be seen. Returns how many of these are. */
static size_t pass(struct sp_talk *t, unsigned side, size_t n, uint64_t ns)
{
	struct sp_stream *s = &t->d->stream[side];
	if (s->skip == SP_TO_END) {
		sp_calls_bytes(t, side, s, n);
		return n;
	}
	n = (size_t)SP_MIN(s->skip, (uint64_t)n);
	s->skip -= n;
	if (!s->skip && s->bits & SP_STREAM_ENDS)
		sp_calls_finish(t, side, s, ns);
	return n;
}

/* Behind what is carried, and both read. */
static void append(struct sp_talk *t, unsigned side, struct sp_slice in, const struct sp_mark *mark)
{
	struct sp_stream *s = &t->d->stream[side];
	size_t n = s->carry_n + in.n;
	if (!carry_reserve(t, s, n)) {
		t->ft->stats.l7_memory_exceeded++;
		deafen(t, side, SP_APP_LIMIT_MEMORY);
		return;
	}
	struct sp_carry *c = carry_at(t, s);
	memcpy(c->data + s->carry_n, in.p, in.n);
	if (c->n_marks == SP_MARKS_MAX)
		memmove(c->mark + 1, c->mark + 2, (--c->n_marks - 1) * sizeof *c->mark);
	c->mark[c->n_marks] = *mark;
	c->mark[c->n_marks++].at = s->carry_n;
	s->carry_n = (uint32_t)n;
	if (!t->d->parser || n >= s->want)
		read_carry(t, side, false, false);
}

/* Bytes that follow what the stream had, without a hole. */
static void in_order(struct sp_talk *t, unsigned side, struct sp_slice in, uint64_t ns, uint32_t ack)
{
	struct sp_stream *s = &t->d->stream[side];
	struct sp_mark mark = {.ack = ack, .ns = ns};
	while (in.n && !(t->f->more & SP_L7_DONE)) {
		size_t n = in.n;
		if (s->skip) {
			n = pass(t, side, n, ns);
			s->next_seq += (uint32_t)n;
		} else if (s->carry_n) {
			n = SP_MIN(n, SP_SLAB_BLOCK_MAX - sizeof(struct sp_carry) - s->carry_n);
			s->next_seq += (uint32_t)n;
			append(t, side, (struct sp_slice){in.p, n}, &mark);
		} else {
			struct sp_piece p = {.in = in, .mark = &mark, .n_marks = 1, .seq = s->next_seq};
			s->next_seq += (uint32_t)n;
			read_piece(t, side, &p);
		}
		in.p += n;
		in.n -= n;
	}
}

/* The beginning of a message whose end will not come: it may say enough. */
static void salvage(struct sp_talk *t, unsigned side)
{
	struct sp_stream *s = &t->d->stream[side];
	if (s->carry_n && t->d->parser && !(s->bits & SP_STREAM_RESYNC))
		read_carry(t, side, true, true);
}

/* Bytes that will not come: those that need not be seen are no loss. */
static void lost(struct sp_talk *t, unsigned side, uint32_t n, uint64_t ns)
{
	struct sp_stream *s = &t->d->stream[side];
	size_t skip = s->skip ? pass(t, side, n, ns) : 0;
	s->next_seq += (uint32_t)skip;
	if (skip == n || t->f->more & SP_L7_DONE)
		return;
	t->ft->stats.l7_holes++;
	t->ft->stats.l7_lost_bytes += n - skip;
	salvage(t, side);
	if (t->f->more & SP_L7_DONE)
		return;
	s->next_seq += n - (uint32_t)skip;
	sp_calls_lost(t, side, s);
	carry_drop(t, s);
	s->bits |= SP_STREAM_RESYNC | SP_STREAM_LOST;
}

/* Held segments whose turn has come. */
static void drain(struct sp_talk *t, unsigned side)
{
	struct sp_stream *s = &t->d->stream[side];
	struct sp_slab *slab = &t->l7->slab;
	while (s->held && !(t->f->more & SP_L7_DONE)) {
		uint32_t handle = s->held;
		struct sp_held *h = held_at(t, handle);
		int32_t early = sp_tcp_distance(h->seq, s->next_seq);
		if (early > 0 && !(s->skip >= (uint64_t)early + h->n + h->missing))
			return;
		s->held = h->next;
		s->held_bytes -= h->n;
		if (early > 0)
			lost(t, side, (uint32_t)early, h->ns);
		uint32_t had = early < 0 ? 0U - (uint32_t)early : 0;
		if (had < h->n)
			in_order(t, side, (struct sp_slice){h->data + had, h->n - had}, h->ns, h->ack);
		uint32_t missing = h->missing - SP_MIN(h->missing, had > h->n ? had - h->n : 0);
		if (missing && !(t->f->more & SP_L7_DONE))
			lost(t, side, missing, h->ns);
		sp_slab_put(slab, handle);
	}
}

/* What is before the first held segment will not come. */
static void give_up_hole(struct sp_talk *t, unsigned side)
{
	struct sp_stream *s = &t->d->stream[side];
	const struct sp_held *h = held_at(t, s->held);
	lost(t, side, h->seq - s->next_seq, h->ns);
	drain(t, side);
}

/* Before the first that begins later. Of bytes that come again only what is missing is kept: nothing of it is looked at
 * before its turn, so the ones that came first are kept by dropping the later block's overlap when it is read. */
static void hold(struct sp_talk *t, unsigned side, uint32_t seq, struct sp_slice in, uint32_t missing, uint32_t ack)
{
	struct sp_stream *s = &t->d->stream[side];
	struct sp_l7 *l7 = t->l7;
	uint32_t *at = &s->held;
	while (*at && sp_tcp_distance(held_at(t, *at)->seq, seq) <= 0) {
		const struct sp_held *h = held_at(t, *at);
		int32_t over = sp_tcp_distance(h->seq + h->n + h->missing, seq);
		if (over >= (int32_t)(in.n + missing))
			return;
		if (over > 0) {
			uint32_t n = (uint32_t)SP_MIN((size_t)over, in.n);
			in.p += n;
			in.n -= n;
			missing -= (uint32_t)over - n;
			seq += (uint32_t)over;
		}
		at = &held_at(t, *at)->next;
	}
	uint32_t block = 0;
	if (s->held_bytes + in.n <= l7->conf.max_held && in.n <= SP_SLAB_BLOCK_MAX - sizeof(struct sp_held))
		block = sp_slab_get(&l7->slab, sizeof(struct sp_held) + in.n);
	if (!block) {
		/* As if it had been lost; those that are held go on. */
		t->ft->stats.l7_held_exceeded++;
		if (s->held)
			give_up_hole(t, side);
		return;
	}
	struct sp_held *h = held_at(t, block);
	*h = (struct sp_held){
		.ns = t->ns, .next = *at, .seq = seq, .n = (uint32_t)in.n, .missing = missing, .ack = ack};
	if (in.n)
		memcpy(h->data, in.p, in.n);
	*at = block;
	s->held_bytes += (uint32_t)in.n;
}

/* The peer has the bytes before the first held segment, and they had time to come here, too. Or it says something: not
 * before it has read what it answers. */
static void check_hole(struct sp_talk *t, unsigned side, bool answered)
{
	struct sp_stream *s = &t->d->stream[side];
	const struct sp_flow_dir *peer = &t->f->dir[!side];
	while (s->held && !(t->f->more & SP_L7_DONE)) {
		const struct sp_held *h = held_at(t, s->held);
		bool acked = peer->bits & SP_DIR_ACK && sp_tcp_distance(peer->ack, h->seq) >= 0;
		if (!acked || (!answered && t->ns < h->ns + t->l7->conf.late))
			return;
		give_up_hole(t, side);
	}
}

static void begin(struct sp_talk *t, unsigned side, uint32_t seq)
{
	struct sp_stream *s = &t->d->stream[side];
	const struct sp_flow_dir *d = &t->f->dir[side];
	s->bits |= SP_STREAM_KNOWN;
	bool from_start = d->bits & SP_DIR_ISN && sp_tcp_distance(seq, t->f->isn[side] + 1) >= 0 &&
			  sp_tcp_distance(seq, t->f->isn[side] + 1) < INT32_C(1) << 20;
	s->next_seq = from_start ? t->f->isn[side] + 1 : seq;
}

void sp_stream_segment(struct sp_talk *t, unsigned side, uint32_t seq, struct sp_slice in, uint32_t missing,
		       uint32_t ack)
{
	struct sp_stream *s = &t->d->stream[side];
	if (SP_UNLIKELY(!(s->bits & SP_STREAM_KNOWN)))
		begin(t, side, seq);
	int32_t early = sp_tcp_distance(seq, s->next_seq);
	uint32_t size = (uint32_t)in.n + missing;
	if (SP_UNLIKELY(early < 0)) {
		uint32_t had = 0U - (uint32_t)early;
		if (had >= size) /* sent again */
			return;
		size_t n = SP_MIN((size_t)had, in.n);
		in.p += n;
		in.n -= n;
		missing -= had - (uint32_t)n;
		early = 0;
	}
	if (SP_UNLIKELY(early > 0)) {
		if (s->skip >= (uint64_t)early + size && !s->held) {
			lost(t, side, (uint32_t)early, t->ns);
		} else if (early >= INT32_C(1) << 30) {
			s->bits &= (uint8_t)~SP_STREAM_KNOWN; /* another place altogether */
			deafen(t, side, 0);
			return;
		} else {
			hold(t, side, seq, in, missing, ack);
			check_hole(t, side, false);
			return;
		}
	}
	if (SP_UNLIKELY(t->d->stream[!side].held)) {
		check_hole(t, !side, true);
		if (t->f->more & SP_L7_DONE)
			return;
	}
	if (in.n)
		in_order(t, side, in, t->ns, ack);
	if (SP_UNLIKELY(missing) && !(t->f->more & SP_L7_DONE))
		lost(t, side, missing, t->ns);
	if (SP_UNLIKELY(s->held) && !(t->f->more & SP_L7_DONE)) {
		drain(t, side);
		check_hole(t, side, false);
	}
}

void sp_stream_rest(struct sp_talk *t, unsigned side, uint32_t seq, struct sp_slice in, size_t used,
		    const struct sp_parser *parser)
{
	struct sp_mark mark = {.ack = t->at.ack, .ns = t->ns};
	struct sp_piece p = {.in = in, .mark = &mark, .n_marks = 1, .seq = seq};
	if (t->d->parser != parser)
		read_changed(t, side, &p, used);
	else
		carry_set(t, side, &p, used);
}

static void read_carry(struct sp_talk *t, unsigned side, bool last, bool cut)
{
	struct sp_stream *s = &t->d->stream[side];
	if (!s->carry_n || s->skip)
		return;
	/* The block may move, or be another direction's, while its bytes are read: marks are few. */
	struct sp_mark mark[SP_MARKS_MAX];
	const struct sp_carry *c = carry_at(t, s);
	memcpy(mark, c->mark, sizeof mark);
	struct sp_piece p = {.in = {c->data, s->carry_n},
			     .mark = mark,
			     .n_marks = c->n_marks,
			     .seq = s->next_seq - s->carry_n,
			     .last = last,
			     .cut = cut};
	read_piece(t, side, &p);
}

void sp_stream_end(struct sp_talk *t, unsigned side)
{
	struct sp_stream *s = &t->d->stream[side];
	while (s->held && !(t->f->more & SP_L7_DONE))
		give_up_hole(t, side);
	if (!(t->f->more & SP_L7_DONE) && t->d->parser)
		read_carry(t, side, true, !(t->f->dir[side].bits & SP_DIR_FIN));
	if (t->f->more & SP_L7_DONE)
		return;
	if (s->skip == SP_TO_END && s->bits & SP_STREAM_ENDS)
		sp_calls_finish(t, side, s, t->f->dir[side].data_ns);
	else
		sp_calls_end(t, side, s);
	s->skip = 0;
}
