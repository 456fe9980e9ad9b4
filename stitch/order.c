/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two points is nearer to the server, without a common clock: the time to the response shrinks on the way
 * there. That of a handshake, which only two kernels answer, says it more sharply than that of a call. Where packets
 * pass, it shrinks every time; copies of a mirror come late by what nobody knows, both ways, and contradict themselves.
 * So each pair of places keeps what was measured, by its size, and whether all of it says the same. TTLs and configured
 * kinds say more than small times do. What nothing decides is guessed, and said to be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define PAIRS 65536 /* a power of two; a pair that is not seen any more makes room for another one */
#define TIMES_MAX 4096
#define TIMES_MANY 16 /* fewer do not doubt TTLs and kinds */
#define WEIGHT_MAX 10 /* of a difference: its bits in microseconds; a millisecond is no mirror's */
#define CONTRARY 8    /* one part in so many may say the contrary */
#define CONTRARY_SHAKES 5
#define NOISE 8 /* a call's own difference decides where it is so many times the usual one */
#define APART_US_MAX 500000
#define LATE_NS_MAX SP_NS_PER_MS /* more, and both have not one clock */
#define HOPS_MAX 32

/* What one kind of measurement says. */
struct measured {
	uint32_t weight[2]; /* that the pair's first is farther from the server, that its second is */
	uint32_t n;
	uint32_t apart_us; /* how far both were apart, in all */
};

/* A place: a point, and what the connection looks like there; two of them in the order of their hashes. */
struct pair {
	uint64_t key;
	uint32_t seen;
	struct measured of[SP_ORDER_OF_MAX];
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

/* --- learning --- */

/* By one clock, one of both saw the request later, and the response: it sees copies, and no order in them. */
static bool is_late(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b, int64_t longer)
{
	uint32_t n = atomic_load_explicit(&s->points->n, memory_order_acquire);
	if (a->point >= n || b->point >= n || s->points->point[a->point].clock != s->points->point[b->point].clock)
		return false;
	int64_t there = (int64_t)(b->start_ns - a->start_ns), back = there - longer;
	int64_t least = SP_MIN(there, back), most = SP_MAX(there, back);
	return least > 0 ? least > (int64_t)SP_NS_PER_US && most < (int64_t)LATE_NS_MAX
			 : most < -(int64_t)SP_NS_PER_US && least > -(int64_t)LATE_NS_MAX;
}

static void add(struct measured *m, bool second, uint64_t us, bool late)
{
	uint32_t weight = us ? 64 - (uint32_t)__builtin_clzll(us) : 0;
	weight = SP_MIN(weight, WEIGHT_MAX);
	m->weight[second] += weight;
	m->weight[!second] += late ? weight : 0;
	m->apart_us += (uint32_t)SP_MIN(us, APART_US_MAX);
	if (++m->n < TIMES_MAX)
		return;
	m->weight[0] /= 2;
	m->weight[1] /= 2;
	m->apart_us /= 2;
	m->n /= 2;
}

/* What goes to a server that was not seen before goes the way of the others. */
static uint64_t place_of_any(const struct sp_span *s)
{
	return sp_key(s->point, s->depth);
}

/* Times of a pair; the place of each. */
static void learn(struct sp_stitch *s, const struct sp_span *a, uint64_t at, const struct sp_span *b, uint64_t bt,
		  enum sp_order_of of)
{
	uint64_t key;
	bool turned;
	struct pair *p = pair_of(s->order, at, bt, &key, &turned);
	if (p->key != key) {
		if (p->seen && p->key) {
			p->seen /= 2;
			return;
		}
		*p = (struct pair){.key = key};
	}
	p->seen = SP_MIN(p->seen + 1, TIMES_MAX);
	int64_t longer = (int64_t)(sp_span_rrt_ns(a) - sp_span_rrt_ns(b));
	uint64_t apart = (uint64_t)(longer < 0 ? -longer : longer);
	add(&p->of[of], (longer < 0) != turned, apart / SP_NS_PER_US, is_late(s, a, b, longer));
}

void sp_order_learn(struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b, enum sp_order_of of)
{
	if (!(a->bits & b->bits & SP_SPAN_RRT))
		return;
	learn(s, a, sp_place_of(a), b, sp_place_of(b), of);
	if (of == SP_ORDER_HANDSHAKES)
		learn(s, a, place_of_any(a), b, place_of_any(b), of);
}

/* --- what was learned --- */

unsigned sp_order_rank(const struct sp_points *points, uint16_t point)
{
	if (point >= atomic_load_explicit(&points->n, memory_order_acquire))
		return 0;
	enum sp_point_kind kind = points->point[point].kind;
	return kind >= SP_POINT_CLIENT_APP && kind <= SP_POINT_SERVER_APP ? kind : 0;
}

/* Above 0: the first is farther from the server; below 0: the second is. */
static int lead(const struct measured *m)
{
	return (m->weight[0] > m->weight[1]) - (m->weight[0] < m->weight[1]);
}

/* All of it says the same, but for a little. */
static bool is_clear(const struct measured *m, uint32_t contrary_of)
{
	uint32_t all = m->weight[0] + m->weight[1], contrary = SP_MIN(m->weight[0], m->weight[1]);
	return all && contrary * contrary_of <= all;
}

/* Mostly more than a mirror makes of nothing. */
static bool is_long(const struct measured *m)
{
	return 2 * (m->weight[0] + m->weight[1]) >= (2 * WEIGHT_MAX - 1) * m->n;
}

/* What times say of two places. */
struct times {
	int order;	 /* above 0: a is farther from the server; 0: they do not say */
	bool sure, many; /* sure: not a guess */
	bool far;	 /* the differences are large */
	uint64_t usual_us;
};

static struct times times_of(const struct sp_order *o, uint64_t a, uint64_t b)
{
	uint64_t key;
	bool turned;
	const struct pair *p = pair_of(o, a, b, &key, &turned);
	if (p->key != key)
		return (struct times){0};
	const struct measured *calls = &p->of[SP_ORDER_CALLS], *shakes = &p->of[SP_ORDER_HANDSHAKES];
	bool clear[2] = {is_clear(calls, CONTRARY), is_clear(shakes, CONTRARY_SHAKES)};
	int of[2] = {lead(calls), lead(shakes)};
	const struct measured *best = clear[1] || (of[1] && !clear[0]) ? shakes : calls;
	struct times t = {.order = lead(best), .usual_us = calls->n ? calls->apart_us / calls->n : 0};
	/* Handshakes that are clear need not care for calls that are not. */
	t.sure = best == shakes ? clear[1] && (!clear[0] || of[0] == of[1]) : clear[0] && (of[0] == of[1] || !of[1]);
	t.many = t.sure && calls->n + shakes->n >= TIMES_MANY;
	t.far = is_long(best);
	t.order = turned ? -t.order : t.order;
	return t;
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

static int by_kind(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	unsigned ra = sp_order_rank(s->points, a->point), rb = sp_order_rank(s->points, b->point);
	return ra && rb ? (ra < rb) - (ra > rb) : 0;
}

/* --- two spans --- */

/* Above 0: a is before b. */
struct opinion {
	int8_t order;
	bool sure;
};

/* A guess that is the same every time. */
static int by_chance(const struct sp_span *a, const struct sp_span *b)
{
	/* A tunnel is built on the way: at one point, its outside comes after what goes in. */
	if (a->point == b->point && a->depth != b->depth)
		return a->depth < b->depth ? 1 : -1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? 1 : -1;
	return a->point != b->point ? (a->point < b->point ? 1 : -1) : a->flow_id < b->flow_id ? 1 : -1;
}

/* What the call itself says: all that is known of places that were not learned, and where it is far from usual. */
static struct opinion by_itself(const struct sp_span *a, const struct sp_span *b, const struct times *t)
{
	bool both = a->bits & b->bits & SP_SPAN_RRT;
	int64_t longer = both ? (int64_t)(sp_span_rrt_ns(a) - sp_span_rrt_ns(b)) : 0;
	uint64_t apart_us = (uint64_t)(longer < 0 ? -longer : longer) / SP_NS_PER_US;
	int order = (longer > 0) - (longer < 0);
	if (!t->order && !t->usual_us && order)
		return (struct opinion){(int8_t)order, apart_us > 0};
	if (apart_us >= 1 << (WEIGHT_MAX - 1) && apart_us >= NOISE * t->usual_us)
		return (struct opinion){(int8_t)order, true};
	order = t->order ? t->order : order ? order : by_chance(a, b);
	return (struct opinion){(int8_t)order, false};
}

static struct opinion compare(const struct sp_stitch *s, const struct sp_span *a, uint64_t at, const struct sp_span *b,
			      uint64_t bt)
{
	struct times t = times_of(s->order, at, bt);
	if (!t.order && !t.usual_us)
		t = times_of(s->order, place_of_any(a), place_of_any(b));
	if (t.many && t.far)
		return (struct opinion){(int8_t)t.order, true};
	int order = by_ttl(a, b);
	order = order ? order : by_kind(s, a, b);
	if (order) {
		order = order > 0 ? 1 : -1;
		return (struct opinion){(int8_t)order, !t.many || t.order == order};
	}
	return t.sure ? (struct opinion){(int8_t)t.order, true} : by_itself(a, b, &t);
}

/* --- all spans of a call --- */

/* By how many of the others a span is before: that is an order even where pairs contradict each other. */
uint64_t sp_order_sort(const struct sp_stitch *s, const struct sp_span **span, unsigned n)
{
	struct opinion of[SP_CALL_SPANS_MAX][SP_CALL_SPANS_MAX];
	uint64_t place[SP_CALL_SPANS_MAX], unsure = 0;
	const struct sp_span *was[SP_CALL_SPANS_MAX];
	unsigned before[SP_CALL_SPANS_MAX], at[SP_CALL_SPANS_MAX];
	assert(n <= SP_CALL_SPANS_MAX);
	for (unsigned i = 0; i < n; i++) {
		was[i] = span[i];
		place[i] = sp_place_of(span[i]);
		before[i] = 0;
		for (unsigned j = 0; j < i; j++) {
			struct opinion o = compare(s, was[j], place[j], was[i], place[i]);
			of[j][i] = o;
			of[i][j] = (struct opinion){(int8_t)-o.order, o.sure};
			before[o.order > 0 ? j : i]++;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned j = i;
		for (; j && (before[at[j - 1]] < before[i] ||
			     (before[at[j - 1]] == before[i] && of[i][at[j - 1]].order > 0));
		     j--)
			at[j] = at[j - 1];
		at[j] = i;
	}
	for (unsigned i = 0; i < n; i++) {
		span[i] = was[at[i]];
		bool doubt = i && (!of[at[i - 1]][at[i]].sure || of[at[i - 1]][at[i]].order < 0);
		unsure |= (uint64_t)doubt << i;
	}
	return unsure;
}
