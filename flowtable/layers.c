/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/layers.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/point.h"

#define CHAINS 8192
#define SETS (SP_LAYER_TABLE_MAX + SP_POINTS_MAX) /* the rest is kept for one plain set a point */
static_assert(SETS <= UINT16_MAX, "numbered in 16 bits");

/* What identifies a set. */
#define KEY_SIZE offsetof(struct sp_layer_set, hash)

int sp_layers_init(struct sp_layer_table *t)
{
	*t = (struct sp_layer_table){.n = 1};
	t->set = sp_mem_map(SETS * sizeof *t->set, 0);
	t->chain = sp_mem_map(CHAINS * sizeof *t->chain, 0);
	t->plain = sp_mem_map(SP_POINTS_MAX * sizeof *t->plain, 0);
	return t->set && t->chain && t->plain ? 0 : -ENOMEM;
}

void sp_layers_reset(struct sp_layer_table *t)
{
	memset(t->chain, 0, CHAINS * sizeof *t->chain);
	memset(t->plain, 0, SP_POINTS_MAX * sizeof *t->plain);
	t->n = 1;
	t->free_set = t->used = t->last = 0;
}

void sp_layers_free(struct sp_layer_table *t)
{
	sp_mem_unmap(t->set, SETS * sizeof *t->set);
	sp_mem_unmap(t->chain, CHAINS * sizeof *t->chain);
	sp_mem_unmap(t->plain, SP_POINTS_MAX * sizeof *t->plain);
}

static bool same(const struct sp_layer_set *a, const struct sp_layer_set *b)
{
	return !memcmp(a, b, KEY_SIZE);
}

static uint32_t find(const struct sp_layer_table *t, const struct sp_layer_set *want)
{
	uint32_t s = t->chain[want->hash % CHAINS];
	while (s && (t->set[s].hash != want->hash || !same(&t->set[s], want)))
		s = t->set[s].next;
	return s;
}

static uint32_t take(struct sp_layer_table *t)
{
	uint32_t s = t->free_set;
	if (s)
		t->free_set = t->set[s].next;
	else if (t->n < SETS)
		s = t->n++;
	return s;
}

static uint32_t add(struct sp_layer_table *t, const struct sp_layer_set *set)
{
	uint32_t s = t->used < SP_LAYER_TABLE_MAX ? take(t) : 0;
	if (!s)
		return 0;
	uint32_t *chain = &t->chain[set->hash % CHAINS];
	t->set[s] = *set;
	t->set[s].next = *chain;
	*chain = s;
	t->used++;
	return s;
}

static void turn(struct sp_layers *l)
{
	for (unsigned i = 0; i < l->n_tunnel; i++) {
		struct sp_addr src = l->tunnel[i].src;
		l->tunnel[i].src = l->tunnel[i].dst;
		l->tunnel[i].dst = src;
	}
}

/* Never given back: its reference is the table's own. */
static uint16_t plain(struct sp_layer_table *t, uint16_t point)
{
	uint16_t *number = &t->plain[point];
	if (SP_UNLIKELY(!*number)) {
		*number = (uint16_t)take(t);
		t->set[*number] = (struct sp_layer_set){.point = point, .refs = 1};
	}
	t->set[*number].refs++;
	return *number;
}

uint16_t sp_layers_get(struct sp_layer_table *t, const struct sp_pkt *pkt, const struct sp_layers *layers, bool *full)
{
	struct sp_layer_set set;
	*full = false;
	if (!layers)
		return plain(t, pkt->point);
	memset(&set, 0, sizeof set);
	set.point = pkt->point;
	set.layers = *layers;
	if (pkt->flags & SP_PKT_REVERSE)
		turn(&set.layers);
	uint32_t s = t->last;
	if (!s || !same(&t->set[s], &set)) {
		set.hash = (uint32_t)sp_hash_bytes(&set, KEY_SIZE, SP_HASH_K0);
		s = find(t, &set);
		if (!s)
			s = add(t, &set);
	}
	*full = !s;
	if (!s)
		return plain(t, pkt->point);
	t->last = s;
	t->set[s].refs++;
	return (uint16_t)s;
}

void sp_layers_put(struct sp_layer_table *t, uint16_t set)
{
	struct sp_layer_set *s = &t->set[set];
	if (!set || --s->refs)
		return;
	uint32_t *at = &t->chain[s->hash % CHAINS];
	while (*at != set)
		at = &t->set[*at].next;
	*at = s->next;
	s->next = t->free_set;
	t->free_set = set;
	t->used--;
	if (t->last == set)
		t->last = 0;
}
