/* SPDX-License-Identifier: Apache-2.0 */
/* Which point mostly sees next what was seen at a place. One that a call or a connection did not reach, or that fell
 * silent, is missed by name. What changes for good is learned again. */
#include <errno.h>
#include <stdlib.h>

#include "stitch/stitch_priv.h"

#define PLACES 16384 /* a power of two; a place that is not seen any more makes room for another one */
#define VOTE 8 /* what one for it counts against those for others: a point that fell silent is missed for a while */
#define VOTES_MAX 1024
#define VOTES_ENOUGH (2 * VOTE)
#define TIMES_MAX 4096
#define TURNS_OF 16 /* more than one in so many, and calls are shared out between several */

struct place {
	uint64_t key;
	uint16_t point, votes;
	uint16_t times, turns; /* it was that one, and how often of these it had been another one before */
	bool doubted;	       /* the latest one went another way */
};

struct sp_usual {
	struct place place[PLACES];
};

int sp_usual_new(struct sp_usual **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_usual_free(struct sp_usual *u)
{
	free(u);
}

static struct place *place_of(const struct sp_usual *u, uint64_t key)
{
	return (struct place *)&u->place[key >> 8 & (PLACES - 1)];
}

/* The majority's candidate, in one pass. */
static void vote(struct place *p, uint64_t key, uint16_t point)
{
	if (p->votes && (p->key != key || p->point != point)) {
		p->votes--;
		p->doubted |= p->key == key;
		return;
	}
	if (!p->votes)
		*p = (struct place){.key = key, .point = point};
	p->votes = (uint16_t)SP_MIN(p->votes + VOTE, VOTES_MAX);
	p->turns = (uint16_t)(p->turns + p->doubted);
	p->doubted = false;
	if (++p->times < TIMES_MAX)
		return;
	p->times /= 2;
	p->turns /= 2;
}

static bool is_known(const struct place *p, uint64_t key)
{
	return p->key == key && p->votes >= VOTES_ENOUGH;
}

void sp_usual_vote(struct sp_usual *u, uint64_t key, uint16_t point)
{
	vote(place_of(u, key), key, point);
}

bool sp_usual_next(const struct sp_usual *u, uint64_t key, bool *doubted, uint16_t *point)
{
	const struct place *p = place_of(u, key);
	if (!is_known(p, key))
		return false;
	*doubted = p->doubted;
	*point = p->point;
	return true;
}

/* --- points that a trace misses --- */

#define BEFORE SP_HASH_K0 /* of keys for what comes before a place rather than next */

static uint64_t key_of(const struct sp_span *s)
{
	uint64_t h = (uint64_t)s->point << 32 | (uint64_t)s->server_port << 16 | s->depth;
	return sp_key(h ^ sp_load64(s->server_ip.b), sp_load64(s->server_ip.b + 8) ^ s->app);
}

/* The span where the same call is seen next, 0: none. */
static unsigned same_call(const struct sp_trace *t, unsigned i)
{
	for (unsigned k = i + 1; k < t->n_spans; k++)
		if (t->span[k].parent == (int)i && !t->span[k].led_to)
			return k;
	return 0;
}

static bool has_point(const struct sp_trace *t, uint16_t point)
{
	for (unsigned i = 0; i < t->n_spans; i++)
		if (t->span[i].span->point == point)
			return true;
	return false;
}

/* Its neighbours on both sides say so. */
static void miss(struct sp_trace *t, uint16_t point)
{
	for (unsigned i = 0; i < t->n_missing; i++)
		if (t->missing[i] == point)
			return;
	if (t->n_missing < SP_ARRAY_SIZE(t->missing))
		t->missing[t->n_missing++] = point;
}

static void compare(struct sp_usual *u, struct sp_trace *t, uint64_t key, uint16_t to)
{
	struct place *p = place_of(u, key);
	uint16_t usual = p->point;
	bool missed = is_known(p, key) && usual != to && usual != SP_NOWHERE && p->turns * TURNS_OF <= p->times;
	vote(p, key, to);
	if (SP_UNLIKELY(missed) && !has_point(t, usual))
		miss(t, usual);
}

/* A call is passed on from point to point as all calls to its server are; and it comes to its first point from where
 * they come. What it leads to may differ. */
void sp_usual_trace(struct sp_usual *u, struct sp_trace *t)
{
	t->n_missing = 0;
	for (unsigned i = 0; i < t->n_spans; i++) {
		const struct sp_trace_span *span = &t->span[i];
		unsigned next = same_call(t, i);
		bool first = span->parent < 0 || span->led_to;
		uint64_t key = key_of(span->span);
		compare(u, t, key, next ? t->span[next].span->point : SP_NOWHERE);
		compare(u, t, key ^ BEFORE, first ? SP_NOWHERE : t->span[span->parent].span->point);
	}
}
