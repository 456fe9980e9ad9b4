/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are open, oldest first in their dialog's list: the list, and who waits for what. What calls.c,
 * calls_pair.c and calls_end.c share, and elsewhere.c. A call's handle is its block's in the slab, 0: none. A role is
 * an enum sp_side. */
#ifndef SP_FLOWTABLE_CALLS_PRIV_H
#define SP_FLOWTABLE_CALLS_PRIV_H

#include "flowtable/flowtable_priv.h"

static inline struct sp_call *sp_call_at(const struct sp_talk *t, uint32_t handle)
{
	return sp_slab_at(&t->l7->slab, handle);
}

/* --- the list --- */

/* …at its end, or at its front: what nobody asked for is older than all that wait. */
static inline void sp_calls_append(struct sp_talk *t, uint32_t handle, struct sp_call *c, bool front)
{
	struct sp_dialog *d = t->d;
	d->n_calls++;
	c->prev = c->next = 0;
	if (SP_LIKELY(!d->first)) {
		d->first = d->last = handle;
	} else if (front) {
		c->next = d->first;
		sp_call_at(t, d->first)->prev = handle;
		d->first = handle;
	} else {
		c->prev = d->last;
		sp_call_at(t, d->last)->next = handle;
		d->last = handle;
	}
}

/* Takes a call out of the list, and gives its block back. */
static inline void sp_calls_remove(struct sp_talk *t, uint32_t handle, const struct sp_call *c)
{
	struct sp_dialog *d = t->d;
	uint32_t prev = c->prev, next = c->next;
	d->n_calls--;
	if (SP_UNLIKELY(prev))
		sp_call_at(t, prev)->next = next;
	else
		d->first = next;
	if (SP_UNLIKELY(next))
		sp_call_at(t, next)->prev = prev;
	else
		d->last = prev;
	for (unsigned s = 0; d->bits & SP_DIALOG_TCP && s < 2; s++)
		if (SP_UNLIKELY(d->stream[s].open == handle))
			d->stream[s].open = 0;
	sp_slab_put(&t->l7->slab, handle);
}

/* --- who waits --- */

/* Who says this. Where both ends are one and the same, as of who pings itself, requests are the client's. */
static inline enum sp_side sp_speaker(const struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	const struct sp_flow *f = t->f;
	if (SP_UNLIKELY(f->lo_port == f->hi_port) && sp_addr_eq(&f->lo, &f->hi))
		return m->kind == SP_MSG_RESPONSE || m->kind == SP_MSG_INTERIM ? SP_SERVER : SP_CLIENT;
	return sp_role(t, side);
}

static inline bool sp_call_is_request(const struct sp_call *c)
{
	return (c->bits & (SP_CALL_REQUEST | SP_CALL_ONEWAY)) == SP_CALL_REQUEST;
}

/* Is it a request that `role` has not begun to answer? */
static inline bool sp_call_waits(const struct sp_call *c, unsigned role)
{
	unsigned like = SP_CALL_REQUEST | (role == SP_CLIENT ? SP_CALL_FROM_SERVER : 0);
	return (c->bits & (SP_CALL_REQUEST | SP_CALL_ONEWAY | SP_CALL_RESPONSE | SP_CALL_FROM_SERVER)) == like;
}

/* The oldest of these with this id. */
static inline uint32_t sp_calls_find(const struct sp_talk *t, uint64_t id, unsigned role)
{
	uint32_t h = t->d->first;
	while (h && !(sp_call_at(t, h)->id == id && sp_call_waits(sp_call_at(t, h), role)))
		h = sp_call_at(t, h)->next;
	return h;
}

/* The oldest of them. */
static inline uint32_t sp_calls_first_waiting(const struct sp_talk *t, unsigned role)
{
	uint32_t h = t->d->first;
	while (h && !sp_call_waits(sp_call_at(t, h), role))
		h = sp_call_at(t, h)->next;
	return h;
}

/* calls_pair.c: …for a response at this place, after a loss. 0: that is not certain. Calls whose responses were lost
 * are told. */
uint32_t sp_calls_first_after_loss(struct sp_talk *t, unsigned role, const struct sp_place *at);

/* calls_pair.c: were requests lost before this one, whose answers may come yet? */
bool sp_calls_is_after_loss(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
			    const struct sp_place *at);

/* calls_pair.c: the call that a message ends which means something only where it was asked for, whoever asked. */
uint32_t sp_calls_find_called_off(struct sp_talk *t, const struct sp_msg *m, unsigned role);

/* calls_pair.c: the call of which a later part came; the one that an interim message is about. */
uint32_t sp_calls_find_open(const struct sp_talk *t, unsigned side, const struct sp_stream *s, const struct sp_msg *m);
uint32_t sp_calls_find_interim(const struct sp_talk *t, unsigned side, const struct sp_msg *m);

/* --- the end --- */

/* Nothing of it is told but that it was, when it has been answered: neither records nor a profile take it. */
static inline bool sp_call_is_only_counted(const struct sp_talk *t, const struct sp_call *c)
{
	return !(t->l7->conf.log | (t->f->dir[0].bits & SP_DIR_PROFILED) | (c->bits & SP_CALL_OPAQUE));
}

/* A call that is over, or a message that stands alone. The flow's name is that of what it carries rather than of what
 * it carries that in. */
static inline void sp_call_count(const struct sp_talk *t, uint16_t app, enum sp_status status)
{
	enum { ERRORS = 1 << SP_STATUS_CLIENT_ERROR | 1 << SP_STATUS_SERVER_ERROR | 1 << SP_STATUS_TIMEOUT };
	struct sp_flow_stats *stats = &t->ft->stats;
	struct sp_app_counts *counts = &t->l7->counts[app];
	struct sp_dialog *d = t->d;
	unsigned error = ERRORS >> status & 1U;
	d->requests++;
	d->errors += error;
	d->app = app;
	d->bits |= SP_DIALOG_SURE;
	counts->requests++;
	counts->request_errors += error;
	stats->requests++;
	stats->request_errors += error;
}

/* The server has answered: what it speaks is learned. */
static inline void sp_calls_answered(struct sp_talk *t)
{
	if (SP_LIKELY(t->d->bits & SP_DIALOG_ANSWERED))
		return;
	t->d->bits |= SP_DIALOG_ANSWERED;
	sp_identify_learn(t);
}

/* calls_end.c: writes a call's record as far as it is known, and forgets it. */
void sp_calls_tell(struct sp_talk *t, uint32_t handle);

/* calls_end.c: the end of what one side says in a call, which is its response or its request. */
void sp_calls_end_side(struct sp_talk *t, uint32_t handle, bool response);

/* What nobody has to answer is answered soon, or what comes is said for another reason. */
#define SP_CALL_OPTIONAL_TIMEOUT (2 * SP_NS_PER_SEC)

/* Until when a request is open. */
static inline uint64_t sp_calls_until(const struct sp_talk *t, const struct sp_call *c)
{
	unsigned own = t->d->parser->timeout_s;
	uint64_t ns = own ? own * SP_NS_PER_SEC : t->l7->conf.timeout;
	return c->req_start_ns + (SP_UNLIKELY(c->bits & SP_CALL_OPTIONAL) ? SP_MIN(ns, SP_CALL_OPTIONAL_TIMEOUT) : ns);
}

/* Is there a call that has waited for its answer too long, so that sp_calls_expire has something to do? Whether there
 * is one at all is for nobody to guess: it is asked together with the rest. */
static inline bool sp_calls_are_due(const struct sp_talk *t)
{
	const struct sp_call *c = sp_call_at(t, t->d->first);
	return (t->d->first != 0) & !(c->bits & SP_CALL_RESPONSE) & (t->ns >= sp_calls_until(t, c));
}

/* calls.c: the answer to an open call of this flow, from another one. */
void sp_calls_answer(struct sp_talk *t, uint32_t handle, const struct sp_msg *m, const struct sp_place *at);

#endif
