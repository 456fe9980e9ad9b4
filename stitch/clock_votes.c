/* SPDX-License-Identifier: Apache-2.0 */
/* How far clocks are apart where no call says it yet, since a middlebox rewrites the sequence numbers of all of them.
 * First calls of connections that may be the same one, by what was said and the client's port, vote for the time
 * between them: right pairs agree but for the way, wrong ones are scattered over all that waits, or, where a client
 * comes again at regular times, agree on several times as often. Only what leaves all others far behind counts. */
#include <errno.h>
#include <stdlib.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define PAIRS 1024 /* of points, a power of two; one that has no place does not vote */
#define TIMES 16   /* of a pair, of which the most frequent ones stay */
#define SAME_NS (10 * SP_NS_PER_MS)
#define ENOUGH 8 /* connections */
#define AHEAD 3	 /* times as many as any other */
#define VOTES_MAX 4096
#define EARLY 64 /* calls that vote before their time, so that the oldest ones are not told before it is known */

struct time {
	int64_t ns;
	uint32_t n;
};

struct pair {
	uint64_t key;
	struct time time[TIMES];
};

struct sp_votes {
	uint64_t n; /* ever: 0 spares everybody the look */
	struct pair pair[PAIRS];
};

int sp_votes_new(struct sp_votes **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_votes_free(struct sp_votes *v)
{
	free(v);
}

/* The pair of two points; `turned`: it counts from b to a. */
static struct pair *pair_of(struct sp_votes *v, uint16_t a, uint16_t b, uint64_t *key, bool *turned)
{
	*turned = a > b;
	*key = sp_key(SP_MIN(a, b), SP_MAX(a, b));
	return &v->pair[*key >> 8 & (PAIRS - 1)];
}

static uint64_t distance(int64_t a, int64_t b)
{
	return (uint64_t)(a > b ? a - b : b - a);
}

/* --- voting --- */

/* Its time gets one more; where there is no room for another time, all of them get one less. */
static void count(struct pair *p, int64_t ns)
{
	struct time *empty = NULL;
	for (unsigned i = 0; i < TIMES; i++) {
		struct time *t = &p->time[i];
		if (!t->n) {
			empty = t;
		} else if (distance(t->ns, ns) <= SAME_NS) {
			t->ns += (ns - t->ns) / 8; /* clocks drift */
			if (++t->n >= VOTES_MAX)
				for (unsigned k = 0; k < TIMES; k++)
					p->time[k].n /= 2;
			return;
		}
	}
	if (empty) {
		*empty = (struct time){ns, 1};
		return;
	}
	for (unsigned i = 0; i < TIMES; i++)
		p->time[i].n--;
}

static bool vote(struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	uint64_t key;
	bool turned;
	struct sp_apart known;
	if (a->asked != 1 || sp_clocks_apart(s, a->point, b->point, a->start_ns, &known))
		return false;
	struct pair *p = pair_of(s->votes, a->point, b->point, &key, &turned);
	if (p->key && p->key != key)
		return false;
	p->key = key;
	s->votes->n++;
	int64_t ns = (int64_t)(b->start_ns - a->start_ns);
	count(p, turned ? -ns : ns);
	return true;
}

/* What a call votes for, once: every two of which one votes. */
static bool vote_group(struct sp_stitch *s, uint32_t g)
{
	struct sp_group *group = &s->group[g];
	uint64_t key = group->tie[SP_TIE_ALIKE].key;
	bool any = false;
	unsigned looked = 0;
	group->voted = 1;
	for (uint32_t ref = 0; key && looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, key, ref));) {
		uint32_t h = sp_tie_group(ref);
		if (sp_tie_kind(ref) != SP_TIE_ALIKE || s->group[h].voted || !sp_group_may_be(s, g, h))
			continue;
		for (uint32_t n = group->first; n; n = sp_span_at(s, n)->next)
			for (uint32_t m = s->group[h].first; m; m = sp_span_at(s, m)->next)
				any |= vote(s, sp_span_at(s, n), sp_span_at(s, m));
	}
	return any;
}

void sp_votes_gather(struct sp_stitch *s, uint32_t g)
{
	if (s->group[g].voted || !vote_group(s, g))
		return;
	unsigned looked = 0;
	for (uint32_t n = s->group[g].newer; n && looked++ < EARLY; n = s->group[n].newer)
		if (!s->group[n].voted)
			vote_group(s, n);
}

/* --- what was voted for --- */

/* NULL: nobody voted. */
static const struct pair *voted(const struct sp_stitch *s, uint16_t a, uint16_t b, bool *turned)
{
	uint64_t key;
	if (SP_LIKELY(!s->votes->n))
		return NULL;
	const struct pair *p = pair_of(s->votes, a, b, &key, turned);
	return p->key == key ? p : NULL;
}

bool sp_votes_apart(const struct sp_stitch *s, uint16_t a, uint16_t b, int64_t *ns)
{
	bool turned;
	const struct pair *p = voted(s, a, b, &turned);
	const struct time *best = p ? &p->time[0] : NULL;
	for (unsigned i = 1; p && i < TIMES; i++)
		if (p->time[i].n > best->n)
			best = &p->time[i];
	if (!p || best->n < ENOUGH)
		return false;
	for (unsigned i = 0; i < TIMES; i++)
		if (p->time[i].n * AHEAD > best->n && distance(p->time[i].ns, best->ns) > 2 * SAME_NS)
			return false;
	*ns = turned ? -best->ns : best->ns;
	return true;
}

static bool is_doubt(const struct sp_stitch *s, uint16_t a, uint16_t b)
{
	bool turned;
	int64_t ns;
	uint64_t n = 0;
	const struct pair *p = voted(s, a, b, &turned);
	for (unsigned i = 0; p && i < TIMES; i++)
		n += p->time[i].n;
	return n >= ENOUGH && !sp_votes_apart(s, a, b, &ns);
}

bool sp_votes_doubt(const struct sp_stitch *s, uint32_t g, uint32_t h)
{
	for (uint32_t n = s->group[g].first; n; n = sp_span_at(s, n)->next)
		for (uint32_t m = s->group[h].first; m; m = sp_span_at(s, m)->next)
			if (is_doubt(s, sp_span_at(s, n)->point, sp_span_at(s, m)->point))
				return true;
	return false;
}
