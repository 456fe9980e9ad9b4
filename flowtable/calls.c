/* SPDX-License-Identifier: Apache-2.0 */
/* Messages become calls: parts are put together, responses find their requests, what has no other half is told as it
 * is. Calls that are open stand in their dialog's list, oldest first. */
#include <string.h>

#include "base/time.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp.h"

static struct sp_call *call_at(const struct sp_talk *t, uint32_t handle)
{
	return sp_slab_at(&t->l7->slab, handle);
}

/* --- the list --- */

static inline void append_call(struct sp_talk *t, uint32_t handle, struct sp_call *c, bool front)
{
	struct sp_dialog *d = t->d;
	d->n_calls++;
	c->prev = c->next = 0;
	if (SP_LIKELY(!d->first)) {
		d->first = d->last = handle;
	} else if (front) {
		c->next = d->first;
		call_at(t, d->first)->prev = handle;
		d->first = handle;
	} else {
		c->prev = d->last;
		call_at(t, d->last)->next = handle;
		d->last = handle;
	}
}

static inline void unlink_call(struct sp_talk *t, uint32_t handle, const struct sp_call *c)
{
	struct sp_dialog *d = t->d;
	uint32_t prev = c->prev, next = c->next;
	d->n_calls--;
	if (SP_UNLIKELY(prev))
		call_at(t, prev)->next = next;
	else
		d->first = next;
	if (SP_UNLIKELY(next))
		call_at(t, next)->prev = prev;
	else
		d->last = prev;
	for (unsigned s = 0; d->bits & SP_DIALOG_TCP && s < 2; s++)
		if (SP_UNLIKELY(d->stream[s].open == handle))
			d->stream[s].open = 0;
}

static void forget(struct sp_talk *t, uint32_t handle)
{
	unlink_call(t, handle, call_at(t, handle));
	sp_slab_put(&t->l7->slab, handle);
}

/* Tells a call as far as it is known. */
static void tell(struct sp_talk *t, uint32_t handle)
{
	sp_request_write(t, call_at(t, handle), NULL);
	forget(t, handle);
}

static __attribute__((noinline)) void make_room(struct sp_talk *t)
{
	t->d->limits |= SP_APP_LIMIT_CALLS;
	t->ft->stats.l7_calls_exceeded++;
	tell(t, t->d->first);
}

static __attribute__((noinline)) uint32_t no_room(struct sp_talk *t)
{
	t->d->limits |= SP_APP_LIMIT_MEMORY;
	t->ft->stats.l7_memory_exceeded++;
	return 0;
}

/* With texts. */
static __attribute__((noinline)) uint32_t new_call_texts(struct sp_talk *t, const struct sp_msg *m)
{
	struct sp_l7 *l7 = t->l7;
	struct sp_texts_look look;
	sp_texts_look(&look, m, l7->conf.max_field);
	uint32_t handle = sp_slab_get(&l7->slab, sizeof(struct sp_call) + look.room);
	if (SP_UNLIKELY(!handle))
		return no_room(t);
	sp_texts_begin(&call_at(t, handle)->texts, &look);
	return handle;
}

/* A block for a call, and for a message's texts when those will be written; `bits` then says so, too. 0: no memory. */
static inline uint32_t new_call(struct sp_talk *t, const struct sp_msg *m, unsigned *bits)
{
	struct sp_l7 *l7 = t->l7;
	if (SP_UNLIKELY(t->d->n_calls >= l7->conf.max_calls))
		make_room(t);
	if (l7->conf.log) {
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
	struct sp_call *c = call_at(t, from), *n = call_at(t, to);
	memcpy(n, c, sizeof *c + c->texts.size);
	if (n->prev)
		call_at(t, n->prev)->next = to;
	else
		t->d->first = to;
	if (n->next)
		call_at(t, n->next)->prev = to;
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
	struct sp_call *c = call_at(t, handle);
	if (!(c->bits & SP_CALL_TEXTS))
		return handle;
	struct sp_texts_look look;
	sp_texts_look(&look, m, t->l7->conf.max_field);
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
	sp_texts_add(&call_at(t, handle)->texts, &look);
	return handle;
}

/* --- who answers what --- */

static bool is_request(const struct sp_call *c)
{
	return (c->bits & (SP_CALL_REQUEST | SP_CALL_ONEWAY)) == SP_CALL_REQUEST;
}

static unsigned asks(const struct sp_call *c)
{
	return c->bits & SP_CALL_FROM_SERVER ? SP_SERVER : SP_CLIENT;
}

static bool waits(const struct sp_call *c, unsigned role)
{
	unsigned like = SP_CALL_REQUEST | (role == SP_CLIENT ? SP_CALL_FROM_SERVER : 0);
	return (c->bits & (SP_CALL_REQUEST | SP_CALL_ONEWAY | SP_CALL_RESPONSE | SP_CALL_FROM_SERVER)) == like;
}

static uint32_t find_id(const struct sp_talk *t, uint64_t id, unsigned role)
{
	uint32_t h = t->d->first;
	while (h && !(call_at(t, h)->id == id && waits(call_at(t, h), role)))
		h = call_at(t, h)->next;
	return h;
}

/* A call that is open, whoever asked: what ends it may come from either side, after a response has begun, too. */
static uint32_t find_ended(const struct sp_talk *t, uint64_t id)
{
	uint32_t h = t->d->first;
	while (h &&
	       !(call_at(t, h)->id == id && is_request(call_at(t, h)) && !(call_at(t, h)->bits & SP_CALL_RESPONSE_END)))
		h = call_at(t, h)->next;
	return h;
}

static uint32_t first_waiting(const struct sp_talk *t, unsigned role)
{
	uint32_t h = t->d->first;
	while (h && !waits(call_at(t, h), role))
		h = call_at(t, h)->next;
	return h;
}

static uint32_t next_waiting(const struct sp_talk *t, uint32_t h, unsigned role)
{
	do
		h = call_at(t, h)->next;
	while (h && !waits(call_at(t, h), role));
	return h;
}

/* The first call that was sent with knowledge of more of the other side's bytes. */
static uint32_t next_burst(const struct sp_talk *t, uint32_t h, unsigned role)
{
	uint32_t ack = call_at(t, h)->req_ack;
	do
		h = next_waiting(t, h, role);
	while (h && call_at(t, h)->req_ack == ack);
	return h;
}

/* After losses the order alone does not tell. A request says up to where its sender had read the other side's bytes:
 * its response begins there or later, and requests that say the same were sent in one burst. A response says up to
 * where its sender had read: it answers nothing behind that. Whatever is not certain stays without its other half. */
static __attribute__((noinline)) uint32_t first_waiting_after_loss(struct sp_talk *t, unsigned role,
								   const struct sp_place *at)
{
	uint32_t h = first_waiting(t, role);
	while (h) {
		const struct sp_call *c = call_at(t, h);
		if (sp_tcp_distance(at->ack, c->req_seq) <= 0 || sp_tcp_distance(at->seq, c->req_ack) < 0)
			return 0; /* it was sent before this request */
		uint32_t burst = next_burst(t, h, role), next = next_waiting(t, h, role);
		if (burst && sp_tcp_distance(at->seq, call_at(t, burst)->req_ack) >= 0 &&
		    c->bits & (SP_CALL_DOUBT | SP_CALL_LOST_BEFORE)) {
			tell(t, h); /* its response was lost, or told alone */
			h = next;
			continue;
		}
		if (c->bits & SP_CALL_LOST_BEFORE)
			return 0;
		bool alone = !next || next == burst;
		return c->bits & SP_CALL_DOUBT && !(alone && at->seq == c->req_ack) ? 0 : h;
	}
	return 0;
}

static bool lossy(const struct sp_talk *t)
{
	return t->d->bits & SP_DIALOG_TCP && (t->d->stream[0].bits | t->d->stream[1].bits) & SP_STREAM_LOST;
}

bool sp_calls_asked(const struct sp_parse *p, uint64_t id, uint32_t *tag)
{
	const struct sp_talk *t = p->ctx;
	unsigned role = p->side;
	uint32_t h = 0;
	if (t->d->parser->pairing == SP_PAIR_BY_ID) {
		for (h = t->d->first; h; h = call_at(t, h)->next)
			if (call_at(t, h)->id == id && is_request(call_at(t, h)) &&
			    !(call_at(t, h)->bits & SP_CALL_FROM_SERVER) == (role == SP_SERVER))
				break;
	} else {
		uint32_t open = t->d->bits & SP_DIALOG_TCP ? t->d->stream[sp_key_side(t, role)].open : 0;
		h = open && is_request(call_at(t, open)) ? open : first_waiting(t, role);
	}
	if (!h)
		return t->d->bits & SP_DIALOG_ELSEWHERE && sp_elsewhere_knows(t, sp_key_side(t, role), id, tag);
	*tag = call_at(t, h)->tag;
	return true;
}

/* --- messages --- */

/* What nobody has to answer is answered soon, or what comes is said for another reason. */
#define OPTIONAL_TIMEOUT (2 * SP_NS_PER_SEC)

/* How long a request is open. */
static uint64_t timeout(const struct sp_talk *t, const struct sp_call *c)
{
	unsigned own = t->d->parser->timeout_s;
	uint64_t ns = own ? own * SP_NS_PER_SEC : t->l7->conf.timeout;
	return c->bits & SP_CALL_OPTIONAL ? SP_MIN(ns, OPTIONAL_TIMEOUT) : ns;
}

/* Who says this. Where both ends are one and the same, as of who pings itself, requests are the client's. */
static inline enum sp_side speaker(const struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	const struct sp_flow *f = t->f;
	if (SP_UNLIKELY(f->lo_port == f->hi_port) && sp_addr_eq(&f->lo, &f->hi))
		return m->kind == SP_MSG_RESPONSE || m->kind == SP_MSG_INTERIM ? SP_SERVER : SP_CLIENT;
	return sp_role(t, side);
}

static inline unsigned request_bits(const struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	unsigned bits = SP_CALL_REQUEST | (t->d->bits & SP_DIALOG_TCP ? SP_CALL_STREAM : 0);
	bits |= speaker(t, side, m) == SP_SERVER ? SP_CALL_FROM_SERVER : 0;
	if (SP_UNLIKELY(m->flags)) {
		bits |= m->flags & SP_MSG_OPAQUE ? SP_CALL_OPAQUE : 0;
		bits |= m->flags & SP_MSG_HANDSHAKE ? SP_CALL_HANDSHAKE : 0;
		bits |= m->flags & SP_MSG_OPTIONAL ? SP_CALL_OPTIONAL : 0;
	}
	return bits | (t->l7->parse.cut ? SP_CALL_CUT : 0);
}

/* All but its place in the list. */
static inline void begin_request(const struct sp_talk *t, struct sp_call *c, const struct sp_msg *m,
				 const struct sp_place *at, unsigned bits)
{
	uint16_t app = m->app ? m->app : t->d->parser->app;
	c->req_start_ns = at->first_ns;
	c->req_end_ns = at->last_ns;
	c->req_seq = at->seq;
	c->req_ack = at->ack;
	c->req_bytes = m->bytes ? m->bytes : at->bytes;
	c->resp_start_ns = c->resp_end_ns = 0;
	c->resp_bytes = 0;
	c->id = m->id;
	c->resp_seq = 0;
	c->tag = m->tag;
	c->app = app;
	c->status = m->status;
	c->bits = (uint16_t)bits;
	c->retries = 0;
}

/* `bits`: what else is known of it. */
static inline __attribute__((always_inline)) void add_response(const struct sp_talk *t, struct sp_call *c,
							       const struct sp_msg *m, const struct sp_place *at,
							       bool begin, unsigned bits)
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
	sp_calls_expire(t, t->ns, false);
	uint32_t h = find_id(t, m->id, !speaker(t, side, m));
	if (h)
		call_at(t, h)->retries++;
	return h != 0;
}

/* Were requests lost before this one, whose answers may come yet? */
static __attribute__((noinline)) bool is_after_loss(struct sp_talk *t, unsigned side, struct sp_stream *s,
						    const struct sp_msg *m, const struct sp_place *at)
{
	const struct sp_call *last = t->d->last ? call_at(t, t->d->last) : NULL;
	if (!(s->bits & SP_STREAM_LOST_NOW)) /* in one burst with one of which that is so */
		return last && last->bits & SP_CALL_LOST_BEFORE && last->req_ack == at->ack;
	s->bits &= (uint8_t)~SP_STREAM_LOST_NOW;
	/* Those that were sent before this one's sender had read all that there is have had their answers, when there
	 * were some since, and nobody waits. */
	return !(t->d->bits & SP_DIALOG_ORPHAN && at->ack == t->d->stream[!side].next_seq &&
		 !first_waiting(t, !speaker(t, side, m)));
}

static __attribute__((noinline)) void take_oneway(struct sp_talk *t, const struct sp_msg *m, const struct sp_place *at,
						  unsigned bits)
{
	struct sp_call c;
	begin_request(t, &c, m, at, bits);
	sp_request_write(t, &c, m);
}

static inline __attribute__((always_inline)) void take_request(struct sp_talk *t, unsigned side, struct sp_stream *s,
							       const struct sp_msg *m, const struct sp_place *at,
							       bool complete, bool oneway)
{
	if (is_retry(t, side, m))
		return;
	unsigned bits = request_bits(t, side, m) | (complete ? SP_CALL_REQUEST_END : 0) | (oneway ? SP_CALL_ONEWAY : 0);
	if (s && SP_UNLIKELY(s->bits & SP_STREAM_LOST) && is_after_loss(t, side, s, m, at))
		bits |= SP_CALL_LOST_BEFORE;
	if (complete && oneway) {
		take_oneway(t, m, at, bits);
		return;
	}
	uint32_t handle = new_call(t, m, &bits);
	if (SP_UNLIKELY(!handle))
		return;
	struct sp_call *c = call_at(t, handle);
	begin_request(t, c, m, at, bits);
	append_call(t, handle, c, false);
	if (!complete)
		keep_open(s, handle, m);
	if (SP_UNLIKELY(t->d->bits & SP_DIALOG_ELSEWHERE))
		sp_elsewhere_asked(t, side, m->id, c->req_start_ns + timeout(t, c));
}

static void finish_response(struct sp_talk *t, uint32_t handle)
{
	call_at(t, handle)->bits |= SP_CALL_RESPONSE_END;
	if (!(t->d->bits & SP_DIALOG_ANSWERED)) {
		t->d->bits |= SP_DIALOG_ANSWERED;
		sp_identify_learn(t);
	}
	tell(t, handle);
}

/* A response in one piece, the ordinary case: nothing of it is kept. */
static inline void answer_at_once(struct sp_talk *t, uint32_t handle, const struct sp_msg *m, const struct sp_place *at)
{
	struct sp_dialog *d = t->d;
	struct sp_call *c = call_at(t, handle);
	add_response(t, c, m, at, !(c->bits & SP_CALL_RESPONSE), SP_CALL_RESPONSE_END);
	if (SP_UNLIKELY(!(d->bits & SP_DIALOG_ANSWERED))) {
		d->bits |= SP_DIALOG_ANSWERED;
		sp_identify_learn(t);
	}
	sp_request_write(t, c, m);
	unlink_call(t, handle, c);
	sp_slab_put(&t->l7->slab, handle);
}

uint32_t sp_calls_find(const struct sp_talk *t, unsigned side, uint64_t id)
{
	return find_id(t, id, !sp_role(t, side));
}

void sp_calls_answer(struct sp_talk *t, uint32_t handle, const struct sp_msg *m, const struct sp_place *at)
{
	add_response(t, call_at(t, handle), m, at, true, SP_CALL_RESPONSE_END | SP_CALL_ELSEWHERE);
	tell(t, add_texts(t, handle, m));
}

static __attribute__((noinline)) void orphan(struct sp_talk *t, unsigned side, struct sp_stream *s,
					     const struct sp_msg *m, const struct sp_place *at, bool complete)
{
	struct sp_call head = {.id = m->id, .app = t->d->parser->app};
	add_response(t, &head, m, at, true, 0);
	if (speaker(t, side, m) == SP_CLIENT)
		head.bits |= SP_CALL_FROM_SERVER; /* of the request that it answers */
	t->d->bits |= SP_DIALOG_ORPHAN;
	if (complete) {
		head.bits |= SP_CALL_RESPONSE_END;
		sp_request_write(t, &head, m);
		return;
	}
	unsigned bits = head.bits;
	uint32_t handle = new_call(t, m, &bits);
	if (!handle)
		return;
	head.bits = (uint16_t)bits;
	memcpy(call_at(t, handle), &head, offsetof(struct sp_call, texts));
	append_call(t, handle, call_at(t, handle), true);
	keep_open(s, handle, m);
}

/* …that means something only where it was asked for. Does it end a call, whoever asked? */
static __attribute__((noinline)) uint32_t find_called_off(struct sp_talk *t, const struct sp_msg *m, unsigned role)
{
	uint32_t h = t->d->parser->pairing == SP_PAIR_BY_ID ? find_ended(t, m->id) : 0;
	if (h && role == asks(call_at(t, h)) && !(call_at(t, h)->bits & SP_CALL_RESPONSE))
		call_at(t, h)->bits |= SP_CALL_CALLED_OFF;
	return h;
}

/* A response that nobody waits for here. True: it is a message of its own, as nobody has to have asked. */
static __attribute__((noinline)) bool unasked(struct sp_talk *t, unsigned side, struct sp_stream *s,
					      const struct sp_msg *m, const struct sp_place *at, bool complete)
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

/* False: it is a message of its own. */
static inline __attribute__((always_inline)) bool take_response(struct sp_talk *t, unsigned side, struct sp_stream *s,
								const struct sp_msg *m, const struct sp_place *at,
								bool complete)
{
	struct sp_dialog *d = t->d;
	unsigned role = speaker(t, side, m);
	bool by_id = d->parser->pairing == SP_PAIR_BY_ID, losses = lossy(t);
	uint32_t h = by_id		   ? find_id(t, m->id, role)
		     : SP_UNLIKELY(losses) ? first_waiting_after_loss(t, role, at)
					   : first_waiting(t, role);
	if (SP_UNLIKELY(!h)) {
		h = m->flags & SP_MSG_IF_ASKED ? find_called_off(t, m, role) : 0;
		if (!h)
			return !unasked(t, side, s, m, at, complete);
	}
	/* After a loss of requests any response counts, see is_after_loss. */
	d->bits &= (uint8_t)~SP_DIALOG_ORPHAN;
	if (SP_UNLIKELY(losses) && s && d->stream[!side].bits & SP_STREAM_LOST_NOW)
		d->bits |= SP_DIALOG_ORPHAN;
	if (complete) {
		answer_at_once(t, h, m, at);
		return true;
	}
	add_response(t, call_at(t, h), m, at, true, 0);
	h = add_texts(t, h, m);
	keep_open(s, h, m);
	return true;
}

/* The call of which a later part came. */
static uint32_t find_open(const struct sp_talk *t, unsigned side, const struct sp_stream *s, const struct sp_msg *m)
{
	unsigned want = m->kind == SP_MSG_RESPONSE ? SP_CALL_RESPONSE
			: m->kind == SP_MSG_ONEWAY ? SP_CALL_ONEWAY
						   : SP_CALL_REQUEST;
	unsigned ended = m->kind == SP_MSG_RESPONSE ? SP_CALL_RESPONSE_END : SP_CALL_REQUEST_END;
	bool by_server = speaker(t, side, m) == SP_SERVER;
	if (t->d->parser->pairing != SP_PAIR_BY_ID)
		return s ? s->open : 0;
	for (uint32_t h = t->d->first; h; h = call_at(t, h)->next) {
		const struct sp_call *c = call_at(t, h);
		bool from_server = !!(c->bits & SP_CALL_FROM_SERVER) != (want == SP_CALL_RESPONSE);
		if (c->id == m->id && c->bits & want && !(c->bits & ended) && from_server == by_server)
			return h;
	}
	return 0;
}

/* The end of what this side says in a call. */
static void end_side(struct sp_talk *t, uint32_t handle, bool response)
{
	struct sp_call *c = call_at(t, handle);
	if (response) {
		finish_response(t, handle);
		return;
	}
	c->bits |= SP_CALL_REQUEST_END;
	if (c->bits & SP_CALL_ONEWAY)
		tell(t, handle);
}

static void take_part(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
		      const struct sp_place *at, bool complete)
{
	uint32_t h = find_open(t, side, s, m);
	if (!h)
		return;
	struct sp_call *c = call_at(t, h);
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
		end_side(t, h, m->kind == SP_MSG_RESPONSE);
	}
}

/* Of the side that answers: the oldest request that waits. Of the side that asked: its own, be it answered in part. */
static uint32_t find_interim(struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	unsigned role = speaker(t, side, m);
	bool by_id = t->d->parser->pairing == SP_PAIR_BY_ID;
	uint32_t h = by_id ? find_id(t, m->id, role) : first_waiting(t, role);
	if (!h && !by_id && t->d->bits & SP_DIALOG_TCP)
		h = t->d->stream[!side].open;
	if (!h)
		h = by_id ? find_id(t, m->id, !role) : first_waiting(t, !role);
	return h;
}

static void take_interim(struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	uint32_t h = find_interim(t, side, m);
	if (!h)
		return;
	struct sp_call *c = call_at(t, h);
	c->status = m->status ? m->status : c->status;
	add_texts(t, h, m);
}

static __attribute__((noinline)) void whole_request(struct sp_talk *t, unsigned side, struct sp_stream *s,
						    const struct sp_msg *m)
{
	take_request(t, side, s, m, &t->at, true, false);
}

static __attribute__((noinline)) void whole_response(struct sp_talk *t, unsigned side, struct sp_stream *s,
						     const struct sp_msg *m)
{
	if (SP_UNLIKELY(!take_response(t, side, s, m, &t->at, true)))
		take_request(t, side, s, m, &t->at, true, true);
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
		take_request(t, side, s, m, at, complete, m->kind == SP_MSG_ONEWAY);
}

void sp_calls_message(struct sp_talk *t, unsigned side, struct sp_stream *s)
{
	const struct sp_msg *m = &t->l7->parse.msg;
	bool whole = m->part == SP_PART_WHOLE && t->at.complete;
	if (SP_LIKELY(whole && m->kind == SP_MSG_REQUEST))
		whole_request(t, side, s, m);
	else if (SP_LIKELY(whole && m->kind == SP_MSG_RESPONSE))
		whole_response(t, side, s, m);
	else
		odd_message(t, side, s, m);
}

/* Is what this side says in the call its response? */
static bool answers(const struct sp_talk *t, const struct sp_call *c, unsigned side)
{
	bool of_server = c->bits & SP_CALL_FROM_SERVER;
	return c->bits & SP_CALL_RESPONSE && of_server == (sp_role(t, side) == SP_CLIENT);
}

void sp_calls_bytes(struct sp_talk *t, unsigned side, struct sp_stream *s, uint64_t bytes)
{
	if (!s->open || !bytes || (t->d->parser && t->d->parser->pairing == SP_PAIR_BY_ID))
		return;
	struct sp_call *c = call_at(t, s->open);
	if (answers(t, c, side))
		c->resp_bytes += bytes;
	else
		c->req_bytes += bytes;
}

void sp_calls_finish(struct sp_talk *t, unsigned side, struct sp_stream *s, uint64_t ns)
{
	uint32_t h = s->open;
	bool ends = s->bits & SP_STREAM_ENDS;
	s->bits &= (uint8_t)~SP_STREAM_ENDS;
	if (!h || !ends)
		return;
	struct sp_call *c = call_at(t, h);
	bool response = answers(t, c, side);
	uint64_t *end = response ? &c->resp_end_ns : &c->req_end_ns;
	*end = SP_MAX(*end, ns);
	s->open = 0;
	end_side(t, h, response);
}

void sp_calls_doubt(struct sp_talk *t, unsigned side, uint32_t seq)
{
	unsigned role = sp_role(t, side);
	for (uint32_t h = t->d->parser ? first_waiting(t, role) : 0; h; h = next_waiting(t, h, role))
		if (sp_tcp_distance(call_at(t, h)->req_ack, seq) < 0)
			call_at(t, h)->bits |= SP_CALL_DOUBT;
}

/* The open message of a stream ends here. What is told of a connection as a whole is not cut by its end. */
static void break_off(struct sp_talk *t, unsigned side, struct sp_stream *s, bool lost)
{
	uint32_t h = s->open;
	s->bits &= (uint8_t)~SP_STREAM_ENDS;
	s->open = 0;
	if (!h)
		return;
	struct sp_call *c = call_at(t, h);
	if (lost || !(c->bits & SP_CALL_ONEWAY))
		c->bits |= SP_CALL_CUT;
	end_side(t, h, answers(t, c, side));
}

void sp_calls_end(struct sp_talk *t, unsigned side, struct sp_stream *s)
{
	break_off(t, side, s, !(t->f->dir[side].bits & SP_DIR_FIN));
}

void sp_calls_lost(struct sp_talk *t, unsigned side, struct sp_stream *s)
{
	s->bits |= SP_STREAM_LOST_NOW;
	sp_calls_doubt(t, side, s->next_seq);
	break_off(t, side, s, true);
}

void sp_calls_hand_over(struct sp_talk *t, const struct sp_parser *to)
{
	for (uint32_t h = t->d->first, next; h; h = next) {
		struct sp_call *c = call_at(t, h);
		next = c->next;
		if (!c->id || !is_request(c) || c->bits & SP_CALL_RESPONSE) {
			tell(t, h);
			continue;
		}
		c->tag = 0;
		c->app = to->app;
		if (c->bits & SP_CALL_TEXTS)
			sp_texts_rename(&c->texts, t->d->parser->fields, to->fields);
	}
}

void sp_calls_expire(struct sp_talk *t, uint64_t now_ns, bool all)
{
	while (t->d->first) {
		struct sp_call *c = call_at(t, t->d->first);
		uint64_t after = timeout(t, c);
		if (!all && (c->bits & SP_CALL_RESPONSE || now_ns < c->req_start_ns + after))
			return;
		if (is_request(c) && !(c->bits & (SP_CALL_RESPONSE | SP_CALL_OPTIONAL | SP_CALL_OPAQUE)) &&
		    now_ns >= c->req_start_ns + after)
			c->status = SP_STATUS_TIMEOUT;
		tell(t, t->d->first);
	}
}
