/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a message belongs to, where the oldest that waits, or the one with its id, is not the answer: after
 * losses, of later parts, and of what ends calls. */
#include "flowtable/calls_priv.h"
#include "flowtable/tcp.h"

static uint32_t next_waiting(const struct sp_talk *t, uint32_t h, unsigned role)
{
	do
		h = sp_call_at(t, h)->next;
	while (h && !sp_call_waits(sp_call_at(t, h), role));
	return h;
}

/* The first call that was sent with knowledge of more of the other side's bytes. */
static uint32_t next_burst(const struct sp_talk *t, uint32_t h, unsigned role)
{
	uint32_t ack = sp_call_at(t, h)->req_ack;
	do
		h = next_waiting(t, h, role);
	while (h && sp_call_at(t, h)->req_ack == ack);
	return h;
}

/* After losses the order alone does not tell. A request says up to where its sender had read the other side's bytes:
 * its response begins there or later, and requests that say the same were sent in one burst. A response says up to
 * where its sender had read: it answers nothing behind that. Whatever is not certain stays without its other half. */
uint32_t sp_calls_first_after_loss(struct sp_talk *t, unsigned role, const struct sp_place *at)
{
	uint32_t h = sp_calls_first_waiting(t, role);
	while (h) {
		const struct sp_call *c = sp_call_at(t, h);
		if (sp_tcp_distance(at->ack, c->req_seq) <= 0 || sp_tcp_distance(at->seq, c->req_ack) < 0)
			return 0; /* it was sent before this request */
		uint32_t burst = next_burst(t, h, role), next = next_waiting(t, h, role);
		if (burst && sp_tcp_distance(at->seq, sp_call_at(t, burst)->req_ack) >= 0 &&
		    c->bits & (SP_CALL_DOUBT | SP_CALL_LOST_BEFORE)) {
			sp_calls_tell(t, h); /* its response was lost, or told alone */
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

bool sp_calls_is_after_loss(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_msg *m,
			    const struct sp_place *at)
{
	const struct sp_call *last = t->d->last ? sp_call_at(t, t->d->last) : NULL;
	if (!(s->bits & SP_STREAM_LOST_NOW)) /* in one burst with one of which that is so */
		return last && last->bits & SP_CALL_LOST_BEFORE && last->req_ack == at->ack;
	s->bits &= (uint8_t)~SP_STREAM_LOST_NOW;
	/* Those that were sent before this one's sender had read all that there is have had their answers, when there
	 * were some since, and nobody waits. */
	return !(t->d->bits & SP_DIALOG_ORPHAN && at->ack == t->d->stream[!side].next_seq &&
		 !sp_calls_first_waiting(t, !sp_speaker(t, side, m)));
}

void sp_calls_doubt(struct sp_talk *t, unsigned side, uint32_t seq)
{
	unsigned role = sp_role(t, side);
	for (uint32_t h = t->d->parser ? sp_calls_first_waiting(t, role) : 0; h; h = next_waiting(t, h, role))
		if (sp_tcp_distance(sp_call_at(t, h)->req_ack, seq) < 0)
			sp_call_at(t, h)->bits |= SP_CALL_DOUBT;
}

static unsigned asks(const struct sp_call *c)
{
	return c->bits & SP_CALL_FROM_SERVER ? SP_SERVER : SP_CLIENT;
}

/* A call that is open, whoever asked: what ends it may come from either side, after a response has begun, too. */
static uint32_t find_ended(const struct sp_talk *t, uint64_t id)
{
	uint32_t h = t->d->first;
	while (h && !(sp_call_at(t, h)->id == id && sp_call_is_request(sp_call_at(t, h)) &&
		      !(sp_call_at(t, h)->bits & SP_CALL_RESPONSE_END)))
		h = sp_call_at(t, h)->next;
	return h;
}

uint32_t sp_calls_find_called_off(struct sp_talk *t, const struct sp_msg *m, unsigned role)
{
	uint32_t h = t->d->parser->pairing == SP_PAIR_BY_ID ? find_ended(t, m->id) : 0;
	if (h && role == asks(sp_call_at(t, h)) && !(sp_call_at(t, h)->bits & SP_CALL_RESPONSE))
		sp_call_at(t, h)->bits |= SP_CALL_CALLED_OFF;
	return h;
}

uint32_t sp_calls_find_open(const struct sp_talk *t, unsigned side, const struct sp_stream *s, const struct sp_msg *m)
{
	unsigned want = m->kind == SP_MSG_RESPONSE ? SP_CALL_RESPONSE
			: m->kind == SP_MSG_ONEWAY ? SP_CALL_ONEWAY
						   : SP_CALL_REQUEST;
	unsigned ended = m->kind == SP_MSG_RESPONSE ? SP_CALL_RESPONSE_END : SP_CALL_REQUEST_END;
	bool by_server = sp_speaker(t, side, m) == SP_SERVER;
	if (t->d->parser->pairing != SP_PAIR_BY_ID)
		return s ? s->open : 0;
	for (uint32_t h = t->d->first; h; h = sp_call_at(t, h)->next) {
		const struct sp_call *c = sp_call_at(t, h);
		bool from_server = !!(c->bits & SP_CALL_FROM_SERVER) != (want == SP_CALL_RESPONSE);
		if (c->id == m->id && c->bits & want && !(c->bits & ended) && from_server == by_server)
			return h;
	}
	return 0;
}

/* Of the side that answers: the oldest request that waits. Of the side that asked: its own, be it answered in part. */
uint32_t sp_calls_find_interim(const struct sp_talk *t, unsigned side, const struct sp_msg *m)
{
	unsigned role = sp_speaker(t, side, m);
	bool by_id = t->d->parser->pairing == SP_PAIR_BY_ID;
	uint32_t h = by_id ? sp_calls_find(t, m->id, role) : sp_calls_first_waiting(t, role);
	if (!h && !by_id && t->d->bits & SP_DIALOG_TCP)
		h = t->d->stream[!side].open;
	if (!h)
		h = by_id ? sp_calls_find(t, m->id, !role) : sp_calls_first_waiting(t, !role);
	return h;
}

bool sp_calls_asked(const struct sp_parse *p, uint64_t id, uint32_t *tag)
{
	const struct sp_talk *t = p->ctx;
	unsigned role = p->side;
	uint32_t h = 0;
	if (t->d->parser->pairing == SP_PAIR_BY_ID) {
		for (h = t->d->first; h; h = sp_call_at(t, h)->next)
			if (sp_call_at(t, h)->id == id && sp_call_is_request(sp_call_at(t, h)) &&
			    !(sp_call_at(t, h)->bits & SP_CALL_FROM_SERVER) == (role == SP_SERVER))
				break;
	} else {
		uint32_t open = t->d->bits & SP_DIALOG_TCP ? t->d->stream[sp_key_side(t, role)].open : 0;
		h = open && sp_call_is_request(sp_call_at(t, open)) ? open : sp_calls_first_waiting(t, role);
	}
	if (!h)
		return t->d->bits & SP_DIALOG_ELSEWHERE && sp_elsewhere_knows(t, sp_key_side(t, role), id, tag);
	*tag = sp_call_at(t, h)->tag;
	return true;
}
