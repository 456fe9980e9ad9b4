/* SPDX-License-Identifier: Apache-2.0 */
/* What ends calls: the last byte of their messages, the end of their streams, losses, another parser, time. */
#include "flowtable/calls_priv.h"

void sp_calls_tell(struct sp_talk *t, uint32_t handle)
{
	sp_request_write(t, sp_call_at(t, handle), NULL);
	sp_calls_remove(t, handle, sp_call_at(t, handle));
}

static void finish_response(struct sp_talk *t, uint32_t handle)
{
	sp_call_at(t, handle)->bits |= SP_CALL_RESPONSE_END;
	sp_calls_answered(t);
	sp_calls_tell(t, handle);
}

void sp_calls_end_side(struct sp_talk *t, uint32_t handle, bool response)
{
	struct sp_call *c = sp_call_at(t, handle);
	if (response) {
		finish_response(t, handle);
		return;
	}
	c->bits |= SP_CALL_REQUEST_END;
	if (c->bits & SP_CALL_ONEWAY)
		sp_calls_tell(t, handle);
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
	struct sp_call *c = sp_call_at(t, s->open);
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
	struct sp_call *c = sp_call_at(t, h);
	bool response = answers(t, c, side);
	uint64_t *end = response ? &c->resp_end_ns : &c->req_end_ns;
	*end = SP_MAX(*end, ns);
	s->open = 0;
	sp_calls_end_side(t, h, response);
}

/* The open message of a stream ends here. What is told of a connection as a whole is not cut by its end. */
static void break_off(struct sp_talk *t, unsigned side, struct sp_stream *s, bool lost)
{
	uint32_t h = s->open;
	s->bits &= (uint8_t)~SP_STREAM_ENDS;
	s->open = 0;
	if (!h)
		return;
	struct sp_call *c = sp_call_at(t, h);
	if (lost || !(c->bits & SP_CALL_ONEWAY))
		c->bits |= SP_CALL_CUT;
	sp_calls_end_side(t, h, answers(t, c, side));
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
		struct sp_call *c = sp_call_at(t, h);
		next = c->next;
		if (!c->id || !sp_call_is_request(c) || c->bits & SP_CALL_RESPONSE) {
			sp_calls_tell(t, h);
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
		struct sp_call *c = sp_call_at(t, t->d->first);
		uint64_t until = sp_calls_until(t, c);
		if (!all && (c->bits & SP_CALL_RESPONSE || now_ns < until))
			return;
		if (sp_call_is_request(c) && !(c->bits & (SP_CALL_RESPONSE | SP_CALL_OPTIONAL | SP_CALL_OPAQUE)) &&
		    now_ns >= until)
			c->status = SP_STATUS_TIMEOUT;
		sp_calls_tell(t, t->d->first);
	}
}
