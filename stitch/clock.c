/* SPDX-License-Identifier: Apache-2.0 */
/* A call that two points saw bounds how far the clock of the one behind is ahead: no packet arrives before it was sent,
 * so the request says how far at most, and the response how far at least. Whatever queues do, the truth is between.
 * Each pair of clocks keeps the tightest bounds of some pieces of time, and all lines that pass between them are what
 * offset and drift may be. Bounds that contradict the others by a little are jitter of the time stamps, and widen all;
 * several in a row that do by more mean that a clock was set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define CLOCKS 2048 /* pairs, a power of two */
#define PROBES 8
#define PIECES 16
#define PIECE_FIRST_NS SP_NS_PER_SEC
#define PIECE_LONGEST_NS (8 * SP_NS_PER_SEC) /* in which drift does not change by much */
#define DRIFT_MAX 500e-6		     /* of two clocks that nobody sets */
#define FIT_EVERY 64			     /* samples, and where a piece begins */
#define ODD_MAX 8			     /* samples in a row that say that a clock was set */
#define ODD_LEAST_NS 20000
#define STAMP_NS 1000		  /* what time stamps in microseconds hide */
#define ONE_CLOCK_NS SP_NS_PER_MS /* how far points that have one clock may seem to be apart */

/* Nanoseconds from the pair's first sample on, both ways: doubles are exact for months. */
struct bound {
	double at, ns;
};

struct piece {
	bool used;
	struct bound least, most;
};

struct clocks {
	uint64_t key; /* 0: empty */
	uint16_t reference, point;
	bool shared; /* they were said to have one clock, which is wrong once ODD_MAX calls have said so */
	bool fitted;
	uint8_t odd;
	uint16_t since_fit;
	uint64_t samples, steps, told;
	uint64_t begin_ns; /* of the reference's clock, at the first sample */
	int64_t begin_offset_ns;
	double piece_ns, last_at;
	double at, offset, drift, half, drift_half; /* at `at`: offset +- half, drift +- drift_half */
	struct piece piece[PIECES];
};

struct sp_clocks {
	unsigned n, n_wrong; /* pairs; those with `shared` that have not */
	uint16_t used[CLOCKS];
	struct clocks clocks[CLOCKS];
};

int sp_clocks_new(struct sp_clocks **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_clocks_free(struct sp_clocks *c)
{
	free(c);
}

/* --- lines between bounds --- */

/* Drifts that some line between all bounds has, where each is wider by `slack`. False: there is none. */
static bool drifts(const struct clocks *c, double slack, double *low, double *high)
{
	*low = -DRIFT_MAX;
	*high = DRIFT_MAX;
	for (unsigned i = 0; i < PIECES; i++)
		for (unsigned k = 0; c->piece[i].used && k < PIECES; k++) {
			if (!c->piece[k].used)
				continue;
			const struct bound *least = &c->piece[i].least, *most = &c->piece[k].most;
			double apart = least->at - most->at, by = least->ns - most->ns - 2 * slack;
			if (apart > 0)
				*low = SP_MAX(*low, by / apart);
			else if (apart < 0)
				*high = SP_MIN(*high, by / apart);
			else if (by > 0)
				return false;
		}
	return *low <= *high;
}

/* Where lines of one drift may be at `at`. */
static void offsets(const struct clocks *c, double drift, double at, double slack, double *low, double *high)
{
	*low = -1e300;
	*high = 1e300;
	for (unsigned i = 0; i < PIECES; i++) {
		const struct piece *p = &c->piece[i];
		if (!p->used)
			continue;
		*low = SP_MAX(*low, p->least.ns - slack - drift * (p->least.at - at));
		*high = SP_MIN(*high, p->most.ns + slack - drift * (p->most.at - at));
	}
}

static void fit(struct clocks *c)
{
	enum { DRIFTS = 8 };
	double slack = 0, least, most, low = 1e300, high = -1e300;
	while (!drifts(c, slack, &least, &most))
		slack = slack > 0 ? slack * 2 : STAMP_NS;
	for (unsigned i = 0; i <= DRIFTS; i++) {
		double from, to;
		offsets(c, least + (most - least) * i / DRIFTS, c->last_at, slack, &from, &to);
		low = SP_MIN(low, SP_MIN(from, to));
		high = SP_MAX(high, SP_MAX(from, to));
	}
	c->at = c->last_at;
	c->offset = (low + high) / 2;
	c->half = (high - low) / 2 + slack + STAMP_NS;
	c->drift = (least + most) / 2;
	c->drift_half = (most - least) / 2;
	c->since_fit = 0;
	c->fitted = true;
}

static double expected(const struct clocks *c, double at, double *half)
{
	double away = at - c->at;
	*half = c->half + (away < 0 ? -away : away) * c->drift_half;
	return c->offset + c->drift * away;
}

/* --- pieces of time --- */

/* Tighter, seen from one time: what drifted since does not count. */
static void tighten(const struct clocks *c, struct piece *to, const struct piece *p)
{
	if (!to->used) {
		*to = *p;
		return;
	}
	if (p->least.ns - c->drift * p->least.at > to->least.ns - c->drift * to->least.at)
		to->least = p->least;
	if (p->most.ns - c->drift * p->most.at < to->most.ns - c->drift * to->most.at)
		to->most = p->most;
}

/* Twice as long ones; half of the room is free then. */
static void pieces_join(struct clocks *c)
{
	for (unsigned i = 0; i < PIECES / 2; i++) {
		struct piece joined = c->piece[2 * i];
		if (c->piece[2 * i + 1].used)
			tighten(c, &joined, &c->piece[2 * i + 1]);
		c->piece[i] = joined;
	}
	memset(c->piece + PIECES / 2, 0, sizeof *c->piece * PIECES / 2);
	c->piece_ns *= 2;
}

/* The oldest ones go; time then begins later, so that numbers stay small. */
static void pieces_shift(struct clocks *c, double n)
{
	unsigned by = (unsigned)SP_MIN(n, (double)PIECES);
	double away = n * c->piece_ns;
	memmove(c->piece, c->piece + by, (PIECES - by) * sizeof *c->piece);
	memset(c->piece + PIECES - by, 0, by * sizeof *c->piece);
	for (unsigned i = 0; i < PIECES; i++) {
		c->piece[i].least.at -= away;
		c->piece[i].most.at -= away;
	}
	c->at -= away;
	c->last_at -= away;
	c->begin_ns += (uint64_t)away;
}

/* The piece that a time is in. */
static struct piece *piece_at(struct clocks *c, double *at)
{
	while (*at >= PIECES * c->piece_ns) {
		if (c->piece_ns < (double)PIECE_LONGEST_NS) {
			pieces_join(c);
			continue;
		}
		double n = (double)(uint64_t)(*at / c->piece_ns) - PIECES + 1;
		pieces_shift(c, n);
		*at -= n * c->piece_ns;
	}
	return &c->piece[*at > 0 ? (unsigned)(*at / c->piece_ns) : 0];
}

/* --- samples --- */

struct sample {
	uint64_t ns; /* by the reference's clock */
	int64_t least, most;
};

static void begin(struct clocks *c, const struct sample *s)
{
	c->begin_ns = s->ns;
	c->begin_offset_ns = s->least + (s->most - s->least) / 2;
	c->piece_ns = (double)PIECE_FIRST_NS;
	c->last_at = c->drift = 0;
	c->odd = 0;
	c->fitted = false;
	memset(c->piece, 0, sizeof c->piece);
}

/* Neither jitter nor drift explains it: one such is nothing, several in a row mean that a clock was set. True: it does
 * not count. */
static bool is_odd(struct clocks *c, const struct piece *p, const struct sample *s)
{
	double half, off = expected(c, p->most.at, &half), beyond = half + ODD_LEAST_NS;
	if (p->most.ns > off - beyond && p->least.ns < off + beyond) {
		c->odd = 0;
		return false;
	}
	if (++c->odd < ODD_MAX)
		return true;
	c->steps++;
	begin(c, s);
	return false;
}

static struct piece relative(const struct clocks *c, const struct sample *s)
{
	double at = (double)(int64_t)(s->ns - c->begin_ns);
	return (struct piece){.used = true,
			      .least = {at, (double)(s->least - c->begin_offset_ns)},
			      .most = {at, (double)(s->most - c->begin_offset_ns)}};
}

static void learn(struct clocks *c, const struct sample *s)
{
	if (!c->samples++)
		begin(c, s);
	struct piece p = relative(c, s);
	if (p.most.at < -c->piece_ns) /* from long before all that is kept */
		return;
	if (c->fitted && is_odd(c, &p, s))
		return;
	if (!c->fitted) /* it may have begun anew */
		p = relative(c, s);
	double at = p.most.at;
	struct piece *to = piece_at(c, &at);
	p.least.at = p.most.at = at;
	bool fresh = !to->used;
	tighten(c, to, &p);
	c->last_at = SP_MAX(c->last_at, at);
	if (fresh || ++c->since_fit >= FIT_EVERY)
		fit(c);
}

/* --- pairs --- */

static uint32_t clock_id(const struct sp_stitch *s, uint16_t point)
{
	return point < atomic_load_explicit(&s->points->n, memory_order_acquire) ? s->points->point[point].clock
										 : point;
}

struct who {
	uint64_t key;
	bool shared, turned; /* turned: b's clock is the reference */
};

static struct who who(const struct sp_stitch *s, uint16_t a, uint16_t b)
{
	uint32_t x = clock_id(s, a), y = clock_id(s, b);
	struct who w = {.shared = x == y};
	if (w.shared) {
		x = a;
		y = b;
	}
	w.turned = x > y;
	w.key = sp_key((uint64_t)SP_MIN(x, y) << 32 | SP_MAX(x, y), w.shared);
	return w;
}

static struct clocks *find(const struct sp_stitch *s, uint64_t key)
{
	struct clocks *all = s->clocks->clocks;
	for (unsigned i = 0; i < PROBES; i++) {
		struct clocks *c = &all[((key >> 8) + i) & (CLOCKS - 1)];
		if (c->key == key || !c->key)
			return c;
	}
	return NULL;
}

static struct clocks *find_or_add(struct sp_stitch *s, const struct who *w, uint16_t a, uint16_t b)
{
	struct clocks *c = find(s, w->key);
	if (!c) {
		s->stats.clocks_refused++;
		return NULL;
	}
	if (c->key)
		return c;
	*c = (struct clocks){
		.key = w->key, .reference = w->turned ? b : a, .point = w->turned ? a : b, .shared = w->shared};
	s->clocks->used[s->clocks->n++] = (uint16_t)(c - s->clocks->clocks);
	return c;
}

/* Points that were said to have one clock: only what contradicts that is looked at. */
static bool is_one_clock(struct sp_stitch *s, const struct who *w, uint16_t a, uint16_t b, const struct sample *sample)
{
	bool fits = sample->least <= (int64_t)ONE_CLOCK_NS && sample->most >= -(int64_t)ONE_CLOCK_NS;
	if (fits && !s->clocks->n_wrong)
		return true;
	struct clocks *c = fits ? find(s, w->key) : find_or_add(s, w, a, b);
	if (!c || !c->key)
		return true;
	if (c->odd >= ODD_MAX || c->samples)
		return false;
	c->odd = fits ? 0 : c->odd + 1;
	if (c->odd < ODD_MAX)
		return true;
	s->clocks->n_wrong++;
	return false;
}

void sp_clock_learn(struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	uint64_t ra = sp_span_rrt_ns(a), rb = sp_span_rrt_ns(b);
	if (!(a->bits & b->bits & SP_SPAN_RRT) || ra < rb || a->point == b->point)
		return;
	struct who w = who(s, a->point, b->point);
	int64_t most = (int64_t)(b->start_ns - a->start_ns), least = most - (int64_t)(ra - rb);
	struct sample sample = {a->start_ns, least, most};
	if (w.turned)
		sample = (struct sample){b->start_ns, -most, -least};
	if (w.shared && is_one_clock(s, &w, a->point, b->point, &sample))
		return;
	struct clocks *c = find_or_add(s, &w, a->point, b->point);
	if (c)
		learn(c, &sample);
}

static struct sp_apart apart_at(const struct clocks *c, uint64_t at_ns)
{
	double half, off = expected(c, (double)(int64_t)(at_ns - c->begin_ns), &half);
	return (struct sp_apart){
		.ns = c->begin_offset_ns + (int64_t)off,
		.uncertainty_ns = half < 1e18 ? (uint64_t)half : UINT64_C(1000000000000000000),
	};
}

bool sp_clocks_apart(const struct sp_stitch *s, uint16_t a, uint16_t b, uint64_t at_ns, struct sp_apart *ret)
{
	*ret = (struct sp_apart){0};
	struct who w = who(s, a, b);
	if (a == b || (w.shared && !s->clocks->n_wrong))
		return true;
	const struct clocks *c = find(s, w.key);
	bool known = c && c->key && c->fitted;
	if (!known && !w.shared)
		return sp_chain_apart(s, clock_id(s, a), clock_id(s, b), ret);
	if (!known)
		return !(c && c->key && c->odd >= ODD_MAX);
	*ret = apart_at(c, at_ns);
	if (w.turned) {
		*ret = apart_at(c, at_ns - (uint64_t)ret->ns);
		ret->ns = -ret->ns;
	}
	return true;
}

unsigned sp_clocks_pairs(const struct sp_stitch *s)
{
	return s->clocks->n_wrong ? 0 : s->clocks->n;
}

bool sp_clocks_pair(const struct sp_stitch *s, unsigned i, struct sp_clock_pair *ret)
{
	const struct clocks *c = &s->clocks->clocks[s->clocks->used[i]];
	*ret = (struct sp_clock_pair){clock_id(s, c->reference), clock_id(s, c->point), {0}};
	if (!c->fitted || ret->reference == ret->clock || SP_MAX(ret->reference, ret->clock) >= SP_POINTS_MAX)
		return false;
	ret->apart = apart_at(c, s->now_ns);
	return true;
}

static struct sp_clock state_of(const struct clocks *c)
{
	uint64_t at_ns = c->begin_ns + (uint64_t)c->last_at;
	struct sp_apart apart = apart_at(c, at_ns);
	return (struct sp_clock){
		.reference = c->reference,
		.point = c->point,
		.at_ns = at_ns,
		.offset_ns = apart.ns,
		.drift_ppb = (int64_t)(c->drift * 1e9),
		.uncertainty_ns = apart.uncertainty_ns,
		.drift_uncertainty_ppb = (uint64_t)(c->drift_half * 1e9),
		.samples = c->samples,
		.steps = c->steps,
	};
}

void sp_clocks_tell(struct sp_stitch *s)
{
	for (unsigned i = 0; i < s->clocks->n; i++) {
		struct clocks *c = &s->clocks->clocks[s->clocks->used[i]];
		if (c->samples == c->told || !c->fitted)
			continue;
		fit(c);
		c->told = c->samples;
		struct sp_clock told = state_of(c);
		s->stats.clocks++;
		if (s->told.clock)
			s->told.clock(s->told.ctx, &told);
	}
}
