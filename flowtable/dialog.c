/* SPDX-License-Identifier: Apache-2.0 */
/* Between streams and parsers: calls a flow's parser until it wants more than there is, and does what it says. */
#include <string.h>

#include "base/cursor.h"
#include "flowtable/calls_priv.h"

/* A parser that gave up so often without one message in between is the wrong one. */
#define BAD_MAX 3

static void *extend(struct sp_parse *p)
{
	struct sp_talk *t = p->ctx;
	struct sp_slab *slab = &t->l7->slab;
	size_t size = t->d->parser->more_size;
	uint32_t more = sp_slab_get(slab, size);
	if (!more) {
		t->d->limits |= SP_APP_LIMIT_MEMORY;
		t->ft->stats.l7_memory_exceeded++;
		return NULL;
	}
	t->d->more = more;
	return p->more = memset(sp_slab_at(slab, more), 0, size);
}

bool sp_dialog_take(struct sp_talk *t, const struct sp_parser *parser)
{
	struct sp_slab *slab = &t->l7->slab;
	struct sp_dialog *d = t->d;
	uint32_t state = 0;
	if (parser->state_size) {
		state = sp_slab_get(slab, parser->state_size);
		if (!state)
			return false;
		memset(sp_slab_at(slab, state), 0, parser->state_size);
	}
	d->parser = parser;
	d->state = state;
	d->more = d->first = d->last = 0;
	d->messages = 0;
	d->bits &= (uint8_t) ~(SP_DIALOG_ANSWERED | SP_DIALOG_ELSEWHERE);
	d->bits |= sp_elsewhere_concerns(t->f, parser) ? SP_DIALOG_ELSEWHERE : 0;
	if (!d->app || d->app != parser->app)
		d->app = parser->app;
	return true;
}

static void leave_state(struct sp_talk *t)
{
	struct sp_slab *slab = &t->l7->slab;
	if (t->d->state)
		sp_slab_put(slab, t->d->state);
	if (t->d->more)
		sp_slab_put(slab, t->d->more);
	t->d->state = t->d->more = 0;
	t->d->parser = NULL;
}

static inline struct sp_parse *prepare_for(struct sp_talk *t, enum sp_transport transport, unsigned side, bool last,
					   bool cut)
{
	struct sp_l7 *l7 = t->l7;
	struct sp_parse *p = &l7->parse;
	const struct sp_dialog *d = t->d;
	p->state = sp_slab_at(&l7->slab, d->state);
	p->more = d->more ? sp_slab_at(&l7->slab, d->more) : NULL;
	sp_l7_aim(p, t->f, transport, d->client, side, last, cut);
	if (SP_UNLIKELY(l7->conf.reveal))
		p->reveal = l7->conf.reveal >> l7->index[d->parser->app] & 1;
	p->ctx = t;
	return p;
}

static struct sp_parse *prepare(struct sp_talk *t, unsigned side, bool last, bool cut)
{
	return prepare_for(t, sp_l7_transport(t->f), side, last, cut);
}

void sp_dialog_setup(struct sp_l7 *l7)
{
	struct sp_parse *p = &l7->parse;
	p->arena = &l7->arena;
	p->terse = !l7->conf.log;
	p->opaque = l7->conf.log && l7->conf.encrypted != SP_L7_ENCRYPTED_NO;
	p->names = l7->conf.contexts.v;
	p->n_names = l7->conf.contexts.n;
	p->seen = &l7->names_seen;
	p->asked = sp_calls_asked;
	p->extend = extend;
}

/* What a side has not told yet of what it has open. */
static void end_side(struct sp_talk *t, unsigned side)
{
	struct sp_parse *p = prepare(t, side, true, false);
	struct sp_place at = {.first_ns = t->f->last_ns, .last_ns = t->f->last_ns, .complete = true};
	p->in = (struct sp_slice){0};
	for (unsigned n = 0; n < SP_IDLE_MAX; n++) {
		p->used = 0;
		p->want = 0;
		sp_arena_reset(p->arena);
		if (t->d->parser->end(p) != SP_PARSE_MSG)
			return;
		t->at = at;
		sp_calls_message(t, side, NULL);
	}
}

void sp_dialog_leave(struct sp_talk *t)
{
	if (!t->d->parser)
		return;
	for (unsigned side = 0; side < 2 && t->d->parser->end && t->d->n_calls; side++)
		end_side(t, side);
	sp_calls_expire(t, t->ns, true);
	leave_state(t);
	memset(t->d->maybe, 0, sizeof t->d->maybe);
}

bool sp_dialog_turn(struct sp_talk *t)
{
	struct sp_flow *f = t->f;
	unsigned client = t->d->client;
	if (f->bits & SP_FLOW_REPORTED || (f->dir[0].bits | f->dir[1].bits) & SP_DIR_ISN || t->d->requests)
		return false;
	t->d->client = !client;
	f->bits ^= SP_FLOW_CLIENT_IS_HI;
	struct sp_flow_key key = sp_flow_key_of(f);
	sp_servers_learn(&t->ft->servers, &key, client);
	return true;
}

/* The parser found that the sides are the other way round. True: it has to look at these bytes again, as if it had seen
 * nothing yet. */
static bool turn(struct sp_talk *t, unsigned side)
{
	struct sp_slab *slab = &t->l7->slab;
	struct sp_parse *p = &t->l7->parse;
	const struct sp_dialog *d = t->d;
	if (!sp_dialog_turn(t))
		return false;
	p->side = (uint8_t)sp_role(t, side);
	p->server_port = d->client ? t->f->lo_port : t->f->hi_port;
	if (d->messages)
		return false;
	if (d->state)
		memset(sp_slab_at(slab, d->state), 0, d->parser->state_size);
	if (d->more)
		memset(sp_slab_at(slab, d->more), 0, d->parser->more_size);
	return true;
}

/* The other protocol's parser, or none. Requests of the old one are not answered any more, unless the new one does. */
static void switch_to(struct sp_talk *t, uint16_t next)
{
	const struct sp_l7 *l7 = t->l7;
	const struct sp_parser *parser = next ? sp_parser(next) : NULL;
	struct sp_dialog *d = t->d;
	uint32_t first = 0, last = 0;
	if (parser && !(l7->conf.protocols >> l7->index[next] & 1))
		parser = NULL;
	if (parser && parser->pairing == SP_PAIR_BY_ID) {
		sp_calls_hand_over(t, parser);
		first = d->first;
		last = d->last;
		d->first = d->last = 0;
	}
	sp_dialog_leave(t);
	d->tries = 0;
	bool taken = parser && sp_dialog_take(t, parser);
	if (parser) {
		d->parser = parser;
		d->first = first;
		d->last = last;
	}
	if (next && !taken)
		sp_l7_give_up(t, 0);
}

/* Not this protocol, or not any more. A guess that is withdrawn leaves no parser. */
static void bad(struct sp_talk *t, unsigned side, struct sp_stream *s)
{
	struct sp_dialog *d = t->d;
	t->ft->stats.l7_bad++;
	if (!d->messages) {
		t->ft->stats.l7_withdrawn++;
		d->limits |= SP_APP_LIMIT_GUESS;
		d->bits &= (uint8_t)~SP_DIALOG_SURE;
		sp_identify_forget(t);
		sp_dialog_leave(t);
		d->app = 0;
		if (++d->bad >= BAD_MAX)
			sp_l7_give_up(t, 0);
		return;
	}
	if (++d->bad >= BAD_MAX) {
		sp_l7_give_up(t, 0);
		return;
	}
	if (!s)
		return;
	sp_calls_lost(t, side, s);
	s->bits |= SP_STREAM_RESYNC | SP_STREAM_LOST;
}

/* Of the packet that brought this byte of a piece. */
static const struct sp_mark *mark_at(const struct sp_piece *piece, size_t at)
{
	uint32_t from = piece->base + (uint32_t)at, i = piece->n_marks - 1;
	while (i && piece->mark[i].at > from)
		i--;
	return &piece->mark[i];
}

/* When the bytes from `from` to `to` of a piece came. */
static void place(const struct sp_piece *piece, size_t from, size_t to, struct sp_place *at)
{
	const struct sp_mark *first = mark_at(piece, from), *last = mark_at(piece, to ? to - 1 : 0);
	at->first_ns = first->ns;
	at->ack = first->ack;
	at->last_ns = SP_MAX(first->ns, last->ns);
	at->seq = piece->seq + (uint32_t)from;
}

/* A message from `at` on, of `n` bytes; its time and place are known. What is skipped after it is taken from what is
 * there. Returns where to go on. */
static inline size_t message(struct sp_talk *t, const struct sp_parse *p, unsigned side, struct sp_stream *s, size_t n,
			     size_t at)
{
	size_t used = p->used, left = n - at - used, now = (size_t)p->want;
	uint64_t bytes = used - SP_MIN(p->msg.first, used) + p->want;
	t->at.complete = true;
	if (SP_UNLIKELY(p->want > left)) {
		bool to_end = p->want == SP_TO_END;
		now = left;
		bytes -= to_end ? p->want - now : 0;
		t->at.complete = !to_end && !s;
		if (s)
			s->skip = to_end ? SP_TO_END : p->want - now;
	}
	t->at.bytes = bytes;
	t->d->messages++;
	t->d->bad = 0;
	sp_calls_message(t, side, s);
	return at + used + now;
}

static size_t message_in(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_piece *piece, size_t at)
{
	const struct sp_parse *p = &t->l7->parse;
	size_t left = piece->in.n - at - p->used;
	place(piece, at + p->msg.first, at + p->used + SP_MIN(p->want, (uint64_t)left), &t->at);
	return message(t, p, side, s, piece->in.n, at);
}

static size_t skip(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_piece *piece, size_t at)
{
	const struct sp_parse *p = &t->l7->parse;
	size_t left = piece->in.n - at - p->used;
	uint64_t now = SP_MIN(p->want, (uint64_t)left);
	if (s) {
		s->skip = p->want == SP_TO_END ? p->want : p->want - now;
		sp_calls_bytes(t, side, s, p->used + (p->want == SP_TO_END ? now : p->want));
	}
	return at + p->used + (size_t)now;
}

/* What a run has seen besides messages. */
struct oddities {
	uint32_t idle_at; /* where a parser used no bytes */
	uint16_t idle;	  /* times in a row */
	bool turned;
};

/* A result other than a message of some bytes, from *at on. True: the run goes on at *at. False: it is over, and that
 * was its result. */
static __attribute__((noinline)) bool odd(struct sp_talk *t, unsigned side, struct sp_stream *s,
					  const struct sp_piece *piece, enum sp_parse_result rc, struct oddities *o,
					  size_t *at)
{
	struct sp_parse *p = &t->l7->parse;
	size_t was = *at;
	if (p->reversed) {
		p->reversed = false;
		bool again = !o->turned && turn(t, side);
		o->turned = true;
		if (again)
			return true;
	}
	switch (rc) {
	case SP_PARSE_MSG:
		*at = message_in(t, side, s, piece, was);
		break;
	case SP_PARSE_SKIP:
		*at = skip(t, side, s, piece, was);
		break;
	case SP_PARSE_MORE:
		if (s) {
			sp_calls_bytes(t, side, s, p->used);
			s->want = (uint32_t)SP_MIN(p->want, (uint64_t)SP_CARRY_MAX);
		}
		*at += p->used;
		return false;
	case SP_PARSE_SWITCH:
		*at += p->used;
		switch_to(t, p->next);
		return false;
	default:
		if (!piece->cut) /* what is cut may well look wrong */
			bad(t, side, s);
		/* What a wrong guess has left is looked at once more. */
		*at = s && !t->d->parser && !(t->f->more & SP_L7_DONE) ? was : piece->in.n;
		return false;
	}
	o->idle = (uint16_t)(*at == was ? (o->idle_at == was ? o->idle : 0) + 1 : 0);
	o->idle_at = (uint32_t)was;
	if (o->idle <= SP_IDLE_MAX)
		return true;
	bad(t, side, s);
	*at = piece->in.n;
	return false;
}

static inline enum sp_parse_result parse(const struct sp_parser *parser, struct sp_parse *p, struct sp_slice in,
					 size_t at)
{
	p->in = (struct sp_slice){in.p + at, in.n - at};
	p->used = 0;
	p->want = 0;
	sp_arena_reset(p->arena);
	enum sp_parse_result rc = parser->parse(p);
	assert(p->used <= in.n - at);
	return rc;
}

/* After a result, from `at` on. */
static __attribute__((noinline)) size_t go_on(struct sp_talk *t, unsigned side, struct sp_stream *s,
					      const struct sp_piece *piece, size_t at, enum sp_parse_result rc)
{
	struct sp_parse *p = &t->l7->parse;
	const struct sp_parser *parser = t->d->parser;
	struct oddities oddities = {0};
	if (s)
		s->want = 0;
	for (;;) {
		if (rc == SP_PARSE_MSG && p->used && !p->reversed)
			at = message_in(t, side, s, piece, at);
		else if (!odd(t, side, s, piece, rc, &oddities, &at))
			return at;
		if (t->f->more & SP_L7_DONE)
			return piece->in.n;
		if (at >= piece->in.n)
			return at;
		rc = parse(parser, p, piece->in, at);
	}
}

size_t sp_dialog_run(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_piece *piece)
{
	struct sp_parse *p = prepare(t, side, piece->last, piece->cut);
	return piece->in.n ? go_on(t, side, s, piece, 0, parse(t->d->parser, p, piece->in, 0)) : 0;
}

/* What one packet brought, whose time, place and acknowledgement are in t->at. */
static inline __attribute__((always_inline)) size_t packet(struct sp_talk *t, const struct sp_parser *parser,
							   unsigned side, struct sp_stream *s, struct sp_slice in,
							   bool cut)
{
	struct sp_parse *p = prepare_for(t, s ? SP_TCP : sp_l7_transport(t->f), side, !s, cut);
	uint32_t seq = t->at.seq;
	size_t at = 0;
	while (at < in.n) {
		enum sp_parse_result rc = parse(parser, p, in, at);
		if (SP_UNLIKELY(rc != SP_PARSE_MSG || !p->used || p->reversed)) {
			struct sp_mark mark = {.ack = t->at.ack, .ns = t->ns};
			struct sp_piece piece = {
				.in = in, .mark = &mark, .n_marks = 1, .seq = seq, .last = !s, .cut = cut};
			return go_on(t, side, s, &piece, at, rc);
		}
		t->at.seq = seq + (uint32_t)at + p->msg.first;
		at = message(t, p, side, s, in.n, at);
		if (SP_UNLIKELY(t->f->more & SP_L7_DONE))
			break;
	}
	return at;
}

void sp_dialog_datagram(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	if (SP_UNLIKELY(!(f->more & SP_L7_DIALOG)) && !sp_l7_begin_datagram(ft, f))
		return;
	struct sp_talk t = sp_talk_of(ft, f, pkt->ts_ns);
	const struct sp_dialog *d = t.d;
	bool icmp = f->proto != SP_PROTO_UDP;
	uint32_t size = pkt->l7_len + (icmp ? pkt->l7 - pkt->l4 : 0U);
	struct sp_slice in = sp_l7_captured(pkt, icmp ? pkt->l4 : pkt->l7, size);
	if (!in.n || (SP_UNLIKELY(!d->parser) && !sp_l7_identify_datagram(&t, side, in)))
		return;
	packet(&t, d->parser, side, NULL, in, in.n < size);
	if (!(f->more & SP_L7_DONE) && d->parser && sp_calls_are_due(&t))
		sp_calls_expire(&t, t.ns, false);
}

/* The ordinary segment's parser is known and reads it where it lies, to the end. */
void sp_dialog_segment(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	const uint8_t *tcp = pkt->data + pkt->l4;
	uint32_t seq = sp_be32(tcp + 4) + !!(pkt->tcp_flags & 2), ack = sp_be32(tcp + 8);
	if (SP_UNLIKELY(!(f->more & SP_L7_DIALOG)) && !sp_l7_begin(ft, f, pkt, side, seq))
		return;
	struct sp_talk t = sp_talk_of(ft, f, pkt->ts_ns);
	struct sp_stream *s = &t.d->stream[side];
	const struct sp_parser *parser = t.d->parser;
	struct sp_slice in = sp_l7_captured(pkt, pkt->l7, pkt->l7_len);
	uint32_t missing = pkt->l7_len - (uint32_t)in.n;
	if (SP_UNLIKELY((s->bits & (SP_STREAM_KNOWN | SP_STREAM_RESYNC)) != SP_STREAM_KNOWN || seq != s->next_seq ||
			s->skip | s->carry | s->held | t.d->stream[!side].held | missing || !parser)) {
		sp_stream_segment(&t, side, seq, in, missing, ack);
		return;
	}
	s->next_seq += (uint32_t)in.n;
	t.at.seq = seq;
	t.at.ack = ack;
	size_t used = packet(&t, parser, side, s, in, false);
	if (SP_UNLIKELY(f->more & SP_L7_DONE))
		return;
	if (SP_UNLIKELY(t.d->parser != parser || used < in.n))
		sp_stream_rest(&t, side, seq, in, used, parser);
}

size_t sp_dialog_resync(struct sp_talk *t, unsigned side, struct sp_slice in)
{
	struct sp_parse *p = prepare(t, side, false, false);
	const struct sp_parser *parser = t->d->parser;
	p->in = in;
	sp_arena_reset(p->arena);
	if (parser->resync) {
		size_t at = parser->resync(p);
		assert(at == SP_RESYNC_NONE || at <= in.n);
		return at;
	}
	return parser->probe(p) == SP_PROBE_YES ? 0 : SIZE_MAX;
}
