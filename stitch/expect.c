/* SPDX-License-Identifier: Apache-2.0 */
/* Points that usually see what passes a place, and did not see this call: its trace says that it is not all there is.
 * A point that is missing for good is not waited for any more once it was in one of 32 calls. */
#include <errno.h>
#include <stdlib.h>

#include "stitch/stitch_priv.h"

#define PLACES 4096 /* a power of two; one that is not seen any more makes room for another one */
#define POINTS 8
#define CALLS_MIN 32
#define CALLS_MAX 4096

struct usual {
	uint64_t key;
	uint16_t calls, n;
	struct {
		uint16_t point, calls;
	} at[POINTS];
};

struct sp_expect {
	struct usual usual[PLACES];
};

int sp_expect_new(struct sp_expect **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void sp_expect_free(struct sp_expect *e)
{
	free(e);
}

static bool has_point(const struct sp_trace *t, unsigned n, uint16_t point)
{
	while (n && t->span[n - 1].span->point != point)
		n--;
	return n;
}

static void age(struct usual *u)
{
	u->calls /= 2;
	for (unsigned i = 0; i < u->n; i++)
		u->at[i].calls /= 2;
}

static void count(struct usual *u, uint16_t point)
{
	unsigned i = 0;
	while (i < u->n && u->at[i].point != point)
		i++;
	if (i == POINTS)
		return;
	if (i == u->n) {
		u->at[i].point = point;
		u->at[i].calls = 0;
		u->n++;
	}
	u->at[i].calls++;
}

/* The first `n` spans of a trace are those of one call, that passed this place. */
static bool misses(struct sp_expect *e, uint64_t place, const struct sp_trace *t, unsigned n)
{
	struct usual *u = &e->usual[place >> 8 & (PLACES - 1)];
	bool missing = false;
	if (u->key != place) {
		if (u->key && u->calls) {
			age(u);
			return false;
		}
		*u = (struct usual){.key = place};
	}
	for (unsigned i = 0; i < u->n && u->calls >= CALLS_MIN; i++)
		missing |= u->at[i].calls * 32 >= u->calls * 31 && !has_point(t, n, u->at[i].point);
	if (++u->calls >= CALLS_MAX)
		age(u);
	for (unsigned i = 0; i < n; i++)
		if (!has_point(t, i, t->span[i].span->point))
			count(u, t->span[i].span->point);
	return missing;
}

bool sp_expect_missed(struct sp_expect *e, const struct sp_trace *t)
{
	unsigned n = 1;
	while (n < t->n_spans && !t->span[n].led_to && t->span[n].parent == (int)n - 1)
		n++;
	bool client = misses(e, sp_place_of(t->span[0].span), t, n);
	bool server = misses(e, sp_place_of(t->span[n - 1].span) ^ SP_HASH_K0, t, n);
	return client || server;
}
