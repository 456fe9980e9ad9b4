/* SPDX-License-Identifier: Apache-2.0 */
/* Messages become calls: parts are put together, responses find their requests, what has no other half is told as it
 * is. The ordinary ways are here; calls_pair.c knows which call is meant where that is not plain. */
#include <string.h>

#include "flowtable/calls_priv.h"

/* --- blocks --- */

static void make_room(struct sp_talk *t)
{
	t->d->limits |= SP_APP_LIMIT_CALLS;
	t->ft->stats.l7_calls_exceeded++;
	sp_calls_tell(t, t->d->first);
}

static uint32_t no_room(struct sp_talk *t)
{
	t->d->limits |= SP_APP_LIMIT_MEMORY;
	t->ft->stats.l7_memory_exceeded++;
	return 0;
}

/* With texts. */
static inline uint32_t new_call_texts(struct sp_talk *t, const struct sp_msg *m)
{
	struct sp_l7 *l7 = t->l7;
	struct sp_texts_look look = sp_texts_look(m, l7->conf.max_field);
	uint32_t handle = sp_slab_get(&l7->slab, sizeof(struct sp_call) + look.room);
	if (SP_UNLIKELY(!handle))
		return no_room(t);
	sp_texts_begin(&sp_call_at(t, handle)->texts, &look);
	return handle;
}

/* A block for a call, and for a message's texts when those will be written; `bits` then says so, too. 0: no memory. */
static inline uint32_t new_call(struct sp_talk *t, const struct sp_msg *m, bool log, unsigned *bits)
{
	struct sp_l7 *l7 = t->l7;
	if (SP_UNLIKELY(t->d->n_calls >= l7->conf.max_calls))
		make_room(t);
	if (log) {
		*bits |= SP_CALL_TEXTS;
		return new_call_texts(t, m);
	}
	uint32_t handle = sp_slab_get(&l7->slab, offsetof(struct sp_call, texts));
	return SP_LIKELY(handle) ? handle : no_room(t);
}

/* In another block, in the same place of the list. */
static void move_call(struct sp_talk *t, uint32_t from, uint32_t to)
{
	struct sp_slab *slab = &t->l7->slab;
	struct sp_call *c = sp_call_at(t, from), *n = sp_call_at(t, to);
	memcpy(n, c, sizeof *c + c->texts.size);
	if (n->prev)
		sp_call_at(t, n->prev)->next = to;
	else
		t->d->first = to;
	if (n->next)
		sp_call_at(t, n->next)->prev = to;
	else
		t->d->last = to;
	for (unsigned s = 0; t->d->bits & SP_DIALOG_TCP && s < 2; s++)
		if (t->d->stream[s].open == from)
			t->d->stream[s].open = to;
	sp_slab_put(slab, from);
}

/* A later part's texts are added: the block may move. */
static uint32_t add_texts(struct sp_talk *t, uint32_t handle, const struct sp_msg *m)
{
	struct sp_slab *slab = &t->l7->slab;
	struct sp_call *c = sp_call_at(t, handle);
	if (!(c->bits & SP_CALL_TEXTS))
		return handle;
	struct sp_texts_look look = sp_texts_look(m, t->l7->conf.max_field);
	size_t more = sp_texts_more(&c->texts, &look), size = sizeof *c + c->texts.size + more;
	if (!more || c->texts.size + more > SP_TEXTS_MAX)
		return handle;
	if (size > sp_slab_size(slab, handle)) {
		uint32_t to = sp_slab_get(slab, size);
		if (!to)
			return handle;
		move_call(t, handle, to);
		handle = to;
	}
	sp_texts_add(&sp_call_at(t, handle)->texts, &look);
	return handle;
}

/* --- messages --- */

static inline unsigned request_bits(const struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	unsigned bits = SP_CALL_REQUEST | (t->d->bits & SP_DIALOG_TCP ? SP_CALL_STREAM : 0);
	bits |= sp_speaker(t, side, m) == SP_SERVER ? SP_CALL_FROM_SERVER : 0;
	if (SP_UNLIKELY(m->flags)) {
		bits |= m->flags & SP_MSG_OPAQUE ? SP_CALL_OPAQUE : 0;
		bits |= m->flags & SP_MSG_HANDSHAKE ? SP_CALL_HANDSHAKE : 0;
		bits |= m->flags & SP_MSG_OPTIONAL ? SP_CALL_OPTIONAL : 0;
	}
	return bits | (t->l7->parse.cut ? SP_CALL_CUT : 0);
}

/* All but its place in the list, and what its response will say. */
static inline void begin_request(const struct sp_talk *t, struct sp_call *c, const struct sp_msg *m,
				 const struct sp_place *where, unsigned bits)
{
	const struct sp_place at = *where;
	uint64_t id = m->id, bytes = m->bytes ? m->bytes : at.bytes;
	uint16_t app = m->app ? m->app : t->d->parser->app;
	uint32_t tag = m->tag;
	uint8_t status = m->status;
	c->id = id;
	c->tag = tag;
	c->app = app;
	c->bits = (uint16_t)bits;
	c->retries = 0;
	c->status = status;
	c->req_start_ns = at.first_ns;
	c->req_end_ns = at.last_ns;
	c->req_seq = at.seq;
	c->req_ack = at.ack;
	c->req_bytes = bytes;
}

/* `bits`: what else is known of it. */
static inline void add_response(const struct sp_talk *t, struct sp_call *c, const struct sp_msg *m,
				const struct sp_place *at, bool begin, unsigned bits)
{
	uint64_t bytes = m->bytes ? m->bytes : at->bytes;
	if (begin) {
		c->resp_seq = at->seq;
		c->resp_start_ns = at->first_ns;
		bits |= SP_CALL_RESPONSE;
	}
	if (begin || at->bytes) /* a tail without bytes only says that there are no more */
		c->resp_end_ns = at->last_ns;
	c->resp_bytes = begin ? bytes : c->resp_bytes + bytes;
	c->status = m->status ? m->status : c->status;
	c->app = m->app ? m->app : c->app;
	bits |= t->d->bits & SP_DIALOG_TCP ? SP_CALL_STREAM : 0;
	bits |= t->l7->parse.cut ? SP_CALL_CUT : 0;
	c->bits |= (uint16_t)bits;
}

/* The message of this call from this side is not complete yet. */
static void keep_open(struct sp_stream *s, uint32_t handle, const struct sp_msg *m)
{
	bool ends = m->part == SP_PART_WHOLE || m->part == SP_PART_TAIL;
	if (!s)
		return;
	s->open = handle;
	s->bits = (uint8_t)((s->bits & ~SP_STREAM_ENDS) | (ends ? SP_STREAM_ENDS : 0));
}

/* A datagram that repeats a request which is still open is the client's second try. */
static bool is_retry(struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	if (!t->d->first || t->d->bits & SP_DIALOG_TCP || t->d->parser->pairing != SP_PAIR_BY_ID ||
	    m->kind != SP_MSG_REQUEST)
		return false;
	if (sp_calls_are_due(t))
		sp_calls_expire(t, t->ns, false);
	uint32_t h = sp_calls_find(t, m->id, !sp_speaker(t, side, m));
	if (h)
		sp_call_at(t, h)->retries++;
	return h != 0;
}

static void take_oneway(struct sp_talk *t, const struct sp_msg *m, const struct sp_place *at, unsigned bits)
{
	struct sp_call c;
	begin_request(t, &c, m, at, bits);
	sp_request_write(t, &c, m);
}

static inline __attribute__((always_inline)) void take_request(struct sp_talk *t, unsigned side, struct sp_stream *s,
							       const struct sp_msg *m, const struct sp_place *at,
							       bool complete, bool oneway, bool log)
{
	if (is_retry(t, side, m))
		return;
	unsigned bits = request_bits(t, side, m) | (complete ? SP_CALL_REQUEST_END : 0) | (oneway ? SP_CALL_ONEWAY : 0);
	if (s && SP_UNLIKELY(s->bits & SP_STREAM_LOST) && sp_calls_is_after_loss(t, side, s, m, at))
		bits |= SP_CALL_LOST_BEFORE;
	if (complete && oneway) {
		take_oneway(t, m, at, bits);
		return;
	}
	uint32_t handle = new_call(t, m, log, &bits);
	if (SP_UNLIKELY(!handle))
		return;
	struct sp_call *c = sp_call_at(t, handle);
	begin_request(t, c, m, at, bits);
	sp_calls_append(t, handle, c, false);
	if (!complete)
		keep_open(s, handle, m);
	if (SP_UNLIKELY(t->d->bits & SP_DIALOG_ELSEWHERE))
		sp_elsewhere_asked(t, side, m->id, sp_calls_until(t, c));
}

/* A response in one piece, the ordinary case: nothing of it is kept. */
static inline void answer_at_once(struct sp_talk *t, uint32_t handle, const struct sp_msg *m, const struct sp_place *at)
{
	struct sp_call *c = sp_call_at(t, handle);
	sp_calls_answered(t);
	if (sp_call_is_only_counted(t, c)) {
		uint8_t status = m->status ? m->status : c->status;
		t->l7->serial++;
		sp_call_count(t, m->app ? m->app : c->app, status ? status : SP_STATUS_UNKNOWN);
	} else {
		add_response(t, c, m, at, !(c->bits & SP_CALL_RESPONSE), SP_CALL_RESPONSE_END);
		sp_request_write(t, c, m);
	}
	sp_calls_remove(t, handle, c);
}

void sp_calls_answer(struct sp_talk *t, uint32_t handle, const struct sp_msg *m, const struct sp_place *at)
{
	add_response(t, sp_call_at(t, handle), m, at, true, SP_CALL_RESPONSE_END | SP_CALL_ELSEWHERE);
	sp_calls_tell(t, add_texts(t, handle, m));
}

static void orphan(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
		   const struct sp_place *at, bool complete)
{
	struct sp_call head = {.id = m->id, .app = t->d->parser->app};
	add_response(t, &head, m, at, true, 0);
	if (sp_speaker(t, side, m) == SP_CLIENT)
		head.bits |= SP_CALL_FROM_SERVER; /* of the request that it answers */
	t->d->bits |= SP_DIALOG_ORPHAN;
	if (complete) {
		head.bits |= SP_CALL_RESPONSE_END;
		sp_request_write(t, &head, m);
		return;
	}
	unsigned bits = head.bits;
	uint32_t handle = new_call(t, m, t->l7->conf.log, &bits);
	if (!handle)
		return;
	head.bits = (uint16_t)bits;
	memcpy(sp_call_at(t, handle), &head, offsetof(struct sp_call, texts));
	sp_calls_append(t, handle, sp_call_at(t, handle), true);
	keep_open(s, handle, m);
}

/* A response that nobody waits for here. True: it is a message of its own, as nobody has to have asked. */
static bool unasked(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
		    const struct sp_place *at, bool complete)
{
	if (t->d->bits & SP_DIALOG_ELSEWHERE && complete && sp_elsewhere_answer(t, side, m, at))
		return false;
	if (m->flags & SP_MSG_OPTIONAL) {
		t->l7->parse.msg.kind = SP_MSG_ONEWAY;
		return true;
	}
	if (!(m->flags & SP_MSG_IF_ASKED))
		orphan(t, side, s, m, at, complete);
	return false;
}

static bool lossy(const struct sp_talk *t)
{
	return t->d->bits & SP_DIALOG_TCP && (t->d->stream[0].bits | t->d->stream[1].bits) & SP_STREAM_LOST;
}

/* False: it is a message of its own. */
static inline __attribute__((always_inline)) bool take_response(struct sp_talk *t, unsigned side, struct sp_stream *s,
								const struct sp_msg *m, const struct sp_place *at,
								bool complete)
{
	struct sp_dialog *d = t->d;
	unsigned role = sp_speaker(t, side, m);
	bool by_id = d->parser->pairing == SP_PAIR_BY_ID, losses = lossy(t);
	uint32_t h = by_id		   ? sp_calls_find(t, m->id, role)
		     : SP_UNLIKELY(losses) ? sp_calls_first_after_loss(t, role, at)
					   : sp_calls_first_waiting(t, role);
	if (SP_UNLIKELY(!h)) {
		h = m->flags & SP_MSG_IF_ASKED ? sp_calls_find_called_off(t, m, role) : 0;
		if (!h)
			return !unasked(t, side, s, m, at, complete);
	}
	/* After a loss of requests any response counts, see sp_calls_is_after_loss. */
	d->bits &= (uint8_t)~SP_DIALOG_ORPHAN;
	if (SP_UNLIKELY(losses) && s && d->stream[!side].bits & SP_STREAM_LOST_NOW)
		d->bits |= SP_DIALOG_ORPHAN;
	if (complete) {
		answer_at_once(t, h, m, at);
		return true;
	}
	add_response(t, sp_call_at(t, h), m, at, true, 0);
	h = add_texts(t, h, m);
	keep_open(s, h, m);
	return true;
}

static void take_part(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
		      const struct sp_place *at, bool complete)
{
	uint32_t h = sp_calls_find_open(t, side, s, m);
	if (!h)
		return;
	struct sp_call *c = sp_call_at(t, h);
	if (m->kind == SP_MSG_RESPONSE) {
		add_response(t, c, m, at, false, 0);
	} else {
		c->req_end_ns = at->last_ns;
		c->req_bytes += m->bytes ? m->bytes : at->bytes;
		c->status = m->status ? m->status : c->status;
		c->app = m->app ? m->app : c->app;
	}
	h = add_texts(t, h, m);
	if (!complete && (s && (m->part == SP_PART_TAIL)))
		keep_open(s, h, m);
	if (complete && m->part == SP_PART_TAIL) {
		if (s && s->open == h)
			s->open = 0;
		sp_calls_end_side(t, h, m->kind == SP_MSG_RESPONSE);
	}
}

static void take_interim(struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	uint32_t h = sp_calls_find_interim(t, side, m);
	if (!h)
		return;
	struct sp_call *c = sp_call_at(t, h);
	c->status = m->status ? m->status : c->status;
	add_texts(t, h, m);
}

/* The ordinary ways are functions of their own with all that they need inside, and the odd one is apart: together
 * they would save and restore more registers for every message. */
static __attribute__((noinline)) void whole_request(struct sp_talk *t, unsigned side, struct sp_stream *s,
						    const struct sp_msg *m)
{
	take_request(t, side, s, m, &t->at, true, false, true);
}

static __attribute__((noinline)) void whole_request_counted(struct sp_talk *t, unsigned side, struct sp_stream *s,
							    const struct sp_msg *m)
{
	take_request(t, side, s, m, &t->at, true, false, false);
}

static __attribute__((noinline)) void whole_response(struct sp_talk *t, unsigned side, struct sp_stream *s,
						     const struct sp_msg *m)
{
	if (SP_UNLIKELY(!take_response(t, side, s, m, &t->at, true)))
		take_request(t, side, s, m, &t->at, true, true, t->l7->conf.log);
}

static __attribute__((noinline)) void odd_message(struct sp_talk *t, unsigned side, struct sp_stream *s,
						  const struct sp_msg *m)
{
	const struct sp_place *at = &t->at;
	bool ends = m->part == SP_PART_WHOLE || m->part == SP_PART_TAIL;
	bool complete = at->complete && ends;
	if (m->kind == SP_MSG_INTERIM)
		take_interim(t, side, m);
	else if (m->part == SP_PART_MIDDLE || m->part == SP_PART_TAIL)
		take_part(t, side, s, m, at, complete);
	else if (m->kind != SP_MSG_RESPONSE || !take_response(t, side, s, m, at, complete))
		take_request(t, side, s, m, at, complete, m->kind == SP_MSG_ONEWAY, t->l7->conf.log);
}

void sp_calls_message(struct sp_talk *t, unsigned side, struct sp_stream *s)
{
	const struct sp_msg *m = &t->l7->parse.msg;
	bool whole = m->part == SP_PART_WHOLE && t->at.complete;
	if (SP_LIKELY(whole && m->kind == SP_MSG_REQUEST) && t->l7->conf.log)
		whole_request(t, side, s, m);
	else if (SP_LIKELY(whole && m->kind == SP_MSG_REQUEST))
		whole_request_counted(t, side, s, m);
	else if (SP_LIKELY(whole && m->kind == SP_MSG_RESPONSE))
		whole_response(t, side, s, m);
	else
		odd_message(t, side, s, m);
}
