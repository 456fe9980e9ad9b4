/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks of points that see no call together, by way of those that both see calls with: what is between neighbours adds
 * up, and so does what is not known of it. Looked up anew every second of the records, when somebody asks. */
#include <errno.h>
#include <stdlib.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define RENEWED_NS SP_NS_PER_SEC
#define UNCERTAIN_NS (20 * SP_NS_PER_MS) /* pairs of which less is known lead nowhere */

/* A clock, and how far it is ahead of the one that all of these were reached from. */
struct reached {
	uint32_t generation; /* when it was, else it was not */
	uint32_t from;
	int64_t ns;
	uint64_t uncertainty_ns;
};

struct sp_chain {
	uint64_t made_ns;
	uint32_t generation;
	unsigned n_pairs;
	struct reached of[SP_POINTS_MAX];
};

int sp_chain_new(struct sp_chain **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_chain_free(struct sp_chain *c)
{
	free(c);
}

static bool is_reached(const struct sp_chain *c, uint32_t clock)
{
	return c->of[clock].generation == c->generation;
}

static void reach(struct sp_chain *c, uint32_t clock, const struct reached *from, int64_t ns, uint64_t uncertainty_ns)
{
	c->of[clock] = (struct reached){.generation = c->generation,
					.from = from->from,
					.ns = from->ns + ns,
					.uncertainty_ns = from->uncertainty_ns + uncertainty_ns};
}

/* One step from all that are reached. False: it led nowhere; `rest` is a clock that a pair has and nobody reached. */
static bool step(const struct sp_stitch *s, struct sp_chain *c, uint32_t *rest)
{
	bool any = false;
	struct sp_clock_pair p;
	*rest = UINT32_MAX;
	for (unsigned i = 0; i < c->n_pairs; i++) {
		if (!sp_clocks_pair(s, i, &p) || p.apart.uncertainty_ns > UNCERTAIN_NS)
			continue;
		bool a = is_reached(c, p.reference), b = is_reached(c, p.clock);
		if (a && !b)
			reach(c, p.clock, &c->of[p.reference], p.apart.ns, p.apart.uncertainty_ns);
		else if (b && !a)
			reach(c, p.reference, &c->of[p.clock], -p.apart.ns, p.apart.uncertainty_ns);
		else if (!a)
			*rest = p.reference;
		any |= a != b;
	}
	return any;
}

static void make(const struct sp_stitch *s, struct sp_chain *c)
{
	uint32_t begin = 0;
	c->generation++;
	c->made_ns = s->now_ns;
	c->n_pairs = sp_clocks_pairs(s);
	for (bool more = true; more; more = begin != UINT32_MAX) {
		c->of[begin] = (struct reached){.generation = c->generation, .from = begin};
		while (step(s, c, &begin)) {
		}
	}
}

bool sp_chain_apart(const struct sp_stitch *s, uint32_t a, uint32_t b, struct sp_apart *ret)
{
	struct sp_chain *c = s->chain;
	if (sp_clocks_pairs(s) < 2 || SP_MAX(a, b) >= SP_POINTS_MAX)
		return false;
	if (s->now_ns >= c->made_ns + RENEWED_NS || c->n_pairs != sp_clocks_pairs(s))
		make(s, c);
	const struct reached *x = &c->of[a], *y = &c->of[b];
	if (!is_reached(c, a) || !is_reached(c, b) || x->from != y->from)
		return false;
	*ret = (struct sp_apart){y->ns - x->ns, x->uncertainty_ns + y->uncertainty_ns};
	return true;
}
