/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two points is nearer to the server, without a common clock: the time to the response shrinks on the way
 * there. One call may be misled by a capture's jitter; many are not, so each pair of places keeps what was measured.
 * Where that says nothing, TTLs, kinds and tunnels do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stitch/stitch_priv.h"

#define PAIRS 65536 /* a power of two; a pair that is not seen any more makes room for another one */
#define VOTES_MAX 4096
#define VOTES_SURE 16 /* fewer count less than TTLs */
#define HOPS_MAX 32

/* A place: a point, and what the connection looks like there; two of them in the order of their hashes. */
struct pair {
	uint64_t key;
	uint32_t first, second; /* votes that this one is farther from the server */
	uint32_t seen, zero;
};

struct sp_order {
	struct pair pair[PAIRS];
};

int sp_order_new(struct sp_order **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_order_free(struct sp_order *o)
{
	free(o);
}

/* The pair of two places; `turned`: a is its second. */
static struct pair *pair_of(const struct sp_order *o, uint64_t a, uint64_t b, uint64_t *key, bool *turned)
{
	*turned = a > b;
	*key = *turned ? sp_key(b, a) : sp_key(a, b);
	return (struct pair *)&o->pair[*key >> 8 & (PAIRS - 1)];
}

void sp_order_learn(struct sp_order *o, const struct sp_span *a, const struct sp_span *b)
{
	uint64_t key, ra = sp_span_rrt_ns(a), rb = sp_span_rrt_ns(b);
	bool turned;
	if (!(a->bits & b->bits & SP_SPAN_RRT) || ra == rb)
		return;
	struct pair *p = pair_of(o, sp_place_of(a), sp_place_of(b), &key, &turned);
	if (p->key != key) {
		if (p->seen && p->key) {
			p->seen /= 2;
			return;
		}
		*p = (struct pair){.key = key};
	}
	p->seen = SP_MIN(p->seen + 1, VOTES_MAX);
	uint32_t *vote = (ra > rb) != turned ? &p->first : &p->second;
	if (++*vote >= VOTES_MAX) {
		p->first /= 2;
		p->second /= 2;
	}
}

unsigned sp_order_rank(const struct sp_points *points, uint16_t point)
{
	if (point >= atomic_load_explicit(&points->n, memory_order_acquire))
		return 0;
	enum sp_point_kind kind = points->point[point].kind;
	return kind >= SP_POINT_CLIENT_APP && kind <= SP_POINT_SERVER_APP ? kind : 0;
}

/* Above 0: place a is farther from the server; below 0: b is; 0: nothing says so. `sure`: many calls say it. */
static int measured(const struct sp_order *o, uint64_t a, uint64_t b, bool *sure)
{
	uint64_t key;
	bool turned;
	const struct pair *p = pair_of(o, a, b, &key, &turned);
	*sure = false;
	if (p->key != key)
		return 0;
	int64_t lead = (int64_t)p->first - p->second, all = (int64_t)p->first + p->second;
	if ((lead < 0 ? -lead : lead) * 4 < all) /* five of eight */
		return 0;
	*sure = all >= VOTES_SURE;
	return (lead > 0) != turned ? 1 : -1;
}

/* Routers between two places take as much off on the way there as on the way back; who writes TTLs anew does not make
 * it look like that. */
static int by_ttl(const struct sp_span *a, const struct sp_span *b)
{
	bool one = a->ttl_c2s && b->ttl_c2s, other = a->ttl_s2c && b->ttl_s2c;
	int there = one ? a->ttl_c2s - b->ttl_c2s : 0, back = other ? b->ttl_s2c - a->ttl_s2c : there;
	there = one ? there : back;
	return there == back && there >= -HOPS_MAX && there <= HOPS_MAX ? there : 0;
}

/* A span and its place. */
struct placed {
	const struct sp_span *span;
	uint64_t place;
	unsigned before; /* how many of the others it is before */
};

static int compare(const struct sp_stitch *s, const struct placed *x, const struct placed *y)
{
	const struct sp_span *a = x->span, *b = y->span;
	bool sure;
	int m = measured(s->order, x->place, y->place, &sure), ttl = m && sure ? 0 : by_ttl(a, b);
	if (ttl | m)
		return ttl ? ttl : m;
	unsigned ra = sp_order_rank(s->points, a->point), rb = sp_order_rank(s->points, b->point);
	if (ra && rb && ra != rb)
		return ra < rb ? 1 : -1;
	if (a->bits & b->bits & SP_SPAN_RRT && sp_span_rrt_ns(a) != sp_span_rrt_ns(b))
		return sp_span_rrt_ns(a) > sp_span_rrt_ns(b) ? 1 : -1;
	/* A tunnel is built on the way: at one point, its outside comes after what goes in. */
	if (a->point == b->point && a->depth != b->depth)
		return a->depth < b->depth ? 1 : -1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? 1 : -1;
	return a->point != b->point ? (a->point < b->point ? 1 : -1) : a->flow_id < b->flow_id ? 1 : -1;
}

/* By how many of the others a span is before: that is an order even where pairs contradict each other. */
void sp_order_sort(const struct sp_stitch *s, const struct sp_span **span, unsigned n)
{
	struct placed all[SP_CALL_SPANS_MAX];
	assert(n <= SP_CALL_SPANS_MAX);
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct placed){span[i], sp_place_of(span[i]), 0};
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = i + 1; j < n; j++)
			all[compare(s, &all[i], &all[j]) > 0 ? i : j].before++;
	for (unsigned i = 1; i < n; i++) {
		struct placed one = all[i];
		unsigned j = i;
		for (; j && (all[j - 1].before < one.before ||
			     (all[j - 1].before == one.before && compare(s, &one, &all[j - 1]) > 0));
		     j--)
			all[j] = all[j - 1];
		all[j] = one;
	}
	for (unsigned i = 0; i < n; i++)
		span[i] = all[i].span;
}
