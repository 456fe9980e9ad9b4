/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose sequence numbers a middlebox writes anew: a firewall that hides weak ones, who answers SYNs for a
 * server, a load balancer. It adds the same to all numbers of a direction, so that one call that is seen on both sides
 * of it tells how to translate all others. A connection's numbers are translated to those that the first of its points
 * saw; which one that is does not matter. */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "parsers/link/proto.h"
#include "stitch/stitch_priv.h"

#define LINKS 65536 /* a power of two; a connection that finds no place here is found by its calls again */
#define SURE 90	    /* a join that is less so has to be found twice */
#define VOTES 2

/* A connection at a point, and what has to be added to its numbers. */
struct link {
	uint64_t key;
	uint32_t add[2];  /* c2s, s2c */
	uint32_t votes;	  /* from VOTES on it is believed */
	uint32_t back[2]; /* of one that others are translated to: what makes its numbers one of theirs */
	bool has_back;
};

struct sp_offsets {
	uint64_t n; /* ever learned: 0 spares everybody the look */
	struct link link[LINKS];
};

int sp_offsets_new(struct sp_offsets **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_offsets_free(struct sp_offsets *o)
{
	free(o);
}

static struct link *link_of(const struct sp_offsets *o, uint16_t point, uint64_t flow_id, uint64_t *key)
{
	*key = sp_key(flow_id, point);
	return (struct link *)&o->link[*key >> 16 & (LINKS - 1)];
}

bool sp_offsets_find(const struct sp_offsets *o, uint16_t point, uint64_t flow_id, uint32_t add[2])
{
	uint64_t key;
	if (SP_LIKELY(!o->n))
		return false;
	const struct link *l = link_of(o, point, flow_id, &key);
	if (l->key != key || l->votes < VOTES)
		return false;
	add[0] = l->add[0];
	add[1] = l->add[1];
	return true;
}

/* Sides of a connection, as numbered in a link. */
static unsigned asker(const struct sp_span *span)
{
	return span->bits & SP_SPAN_FROM_SERVER ? 1 : 0;
}

static unsigned answerer(const struct sp_span *span)
{
	return span->called_off ? asker(span) : !asker(span);
}

bool sp_offsets_back(const struct sp_offsets *o, uint16_t point, uint64_t flow_id, uint32_t add[2])
{
	uint64_t key;
	const struct link *l = link_of(o, point, flow_id, &key);
	if (l->key != key || !l->has_back)
		return false;
	add[0] = l->back[0];
	add[1] = l->back[1];
	return true;
}

struct sp_numbers sp_numbers_translate(const struct sp_stitch *s, const struct sp_span *span)
{
	uint32_t add[2];
	if (!sp_offsets_find(s->offsets, span->point, span->flow_id, add))
		return (struct sp_numbers){0};
	return (struct sp_numbers){.req_seq = span->req_seq + add[asker(span)],
				   .resp_seq = span->resp_seq + add[answerer(span)],
				   .bits = span->bits & SP_BOTH_SEQS};
}

/* The one whose numbers are kept as they are knows the way back to one of the others. */
static void learn_back(struct sp_offsets *o, const struct sp_span *a, const uint32_t add[2])
{
	uint64_t key;
	struct link *l = link_of(o, a->point, a->flow_id, &key);
	if (l->key != key)
		*l = (struct link){.key = key};
	l->back[0] = 0 - add[0];
	l->back[1] = 0 - add[1];
	l->has_back = true;
}

void sp_offsets_learn(struct sp_stitch *s, const struct sp_span *a, struct sp_span *b, unsigned confidence)
{
	uint64_t key;
	struct sp_numbers x = sp_numbers_of(s, a);
	if (b->proto != SP_PROTO_TCP || b->called_off || (x.bits & b->bits & SP_BOTH_SEQS) != SP_BOTH_SEQS)
		return;
	uint32_t add[2];
	add[asker(b)] = x.req_seq - b->req_seq;
	add[answerer(b)] = x.resp_seq - b->resp_seq;
	if (!(add[0] | add[1]))
		return;
	struct link *l = link_of(s->offsets, b->point, b->flow_id, &key);
	bool again = l->key == key && l->votes && l->add[0] == add[0] && l->add[1] == add[1];
	*l = (struct link){.key = key,
			   .add = {add[0], add[1]},
			   .votes = (again ? l->votes : 0) + (confidence >= SURE ? VOTES : 1)};
	b->rewritten = l->votes >= VOTES;
	s->offsets->n++;
	if (b->rewritten)
		learn_back(s->offsets, a, add);
}

/* --- when a call is told --- */

/* How sure it is that two groups are one call, 0: they are not. */
static int alike(const struct sp_stitch *s, uint32_t g, uint32_t h)
{
	int best = 0, sure = 0;
	for (uint32_t n = s->group[g].first; n; n = sp_span_at(s, n)->next)
		for (uint32_t m = s->group[h].first; m; m = sp_span_at(s, m)->next) {
			const struct sp_span *a = sp_span_at(s, n), *b = sp_span_at(s, m);
			int c = a->point == b->point && a->flow_id == b->flow_id ? -1 : sp_match(s, a, b);
			if (c < 0)
				return 0;
			sure = SP_MAX(sure, c);
			best = SP_MAX(best, sp_match_alike(s, a, b));
		}
	return sure ? sure : best;
}

/* What was learned since its spans came. */
static void translate(struct sp_stitch *s, uint32_t g)
{
	uint32_t add[2];
	for (uint32_t n = s->offsets->n ? s->group[g].first : 0; n; n = sp_span_at(s, n)->next) {
		struct sp_span *span = sp_span_at(s, n);
		span->rewritten = span->rewritten || sp_offsets_find(s->offsets, span->point, span->flow_id, add);
	}
}

/* The one that is like it most. 0: none, or two of them: which one it is would be a guess. */
static uint32_t most_alike(struct sp_stitch *s, uint32_t g, int *confidence)
{
	uint32_t best = 0;
	unsigned looked = 0, equals = 0;
	unsigned rivals = 0;
	*confidence = 0;
	for (uint32_t ref = 0;
	     looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, s->group[g].tie[SP_TIE_ALIKE].key, ref));) {
		uint32_t h = sp_tie_group(ref);
		bool other = h != g && sp_tie_kind(ref) == SP_TIE_ALIKE && !s->group[h].mark;
		if (other)
			translate(s, h);
		int c = other ? alike(s, g, h) : 0;
		rivals += other && sp_group_may_be(s, g, h);
		if (!c || c < *confidence)
			continue;
		equals = c == *confidence ? equals + 1 : 1;
		*confidence = c;
		best = h;
	}
	if (equals != 1 || looked > SP_CHAIN_MAX)
		return 0;
	/* Clocks that nobody knows may be near each other; but what if they are not? */
	bool alone = rivals <= 1 && !s->early && !sp_votes_doubt(s, g, best);
	return alone || sp_group_timed(s, g, best) ? best : 0;
}

bool sp_offsets_unite(struct sp_stitch *s, uint32_t g)
{
	const struct sp_group *group = &s->group[g];
	int confidence, back;
	bool united = false;
	if (SP_LIKELY(!group->tie[SP_TIE_ALIKE].chain &&
		      !group->tie[SP_TIE_ALIKE].back)) /* alone in its bucket, or has none */
		return false;
	sp_votes_gather(s, g);
	translate(s, g);
	for (uint32_t h; group->tie[SP_TIE_ALIKE].key && (h = most_alike(s, g, &confidence)); united = true)
		if (most_alike(s, h, &back) != g || !sp_group_unite(s, g, h, (unsigned)confidence))
			break;
	return united;
}
