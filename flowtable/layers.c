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

/* What identifies a set: the beginning, up to the numbers of layers when all of them are 0, else up to the hash. */
static size_t key_size(const struct sp_layer_set *s)
{
	static const uint8_t none[4];
	static_assert(offsetof(struct sp_layers, vlan) == sizeof none, "the numbers of layers come first");
	bool plain = !memcmp(&s->layers, none, sizeof none);
	return plain ? offsetof(struct sp_layer_set, layers.vlan) : offsetof(struct sp_layer_set, hash);
}

int sp_layers_init(struct sp_layer_table *t)
{
	*t = (struct sp_layer_table){.n = 1};
	t->set = sp_mem_map(SETS * sizeof *t->set, 0);
	t->chain = sp_mem_map(CHAINS * sizeof *t->chain, 0);
	return t->set && t->chain ? 0 : -ENOMEM;
}

void sp_layers_reset(struct sp_layer_table *t)
{
	memset(t->chain, 0, CHAINS * sizeof *t->chain);
	t->n = 1;
	t->free_set = t->used = 0;
}

void sp_layers_free(struct sp_layer_table *t)
{
	sp_mem_unmap(t->set, SETS * sizeof *t->set);
	sp_mem_unmap(t->chain, CHAINS * sizeof *t->chain);
}

static uint32_t find(const struct sp_layer_table *t, const struct sp_layer_set *want)
{
	uint32_t s = t->chain[want->hash % CHAINS];
	while (s && (t->set[s].hash != want->hash || memcmp(&t->set[s], want, key_size(want))))
		s = t->set[s].next;
	return s;
}

static uint32_t add(struct sp_layer_table *t, const struct sp_layer_set *set, uint32_t limit)
{
	uint32_t s = t->free_set;
	if (t->used >= limit)
		return 0;
	if (s)
		t->free_set = t->set[s].next;
	else if (t->n < SETS)
		s = t->n++;
	else
		return 0;
	uint32_t *chain = &t->chain[set->hash % CHAINS];
	t->set[s] = *set;
	t->set[s].next = *chain;
	*chain = s;
	t->used++;
	return s;
}

static uint32_t intern(struct sp_layer_table *t, struct sp_layer_set *set, uint32_t limit)
{
	set->hash = (uint32_t)sp_hash_bytes(set, key_size(set), SP_HASH_K0);
	uint32_t s = find(t, set);
	if (!s)
		s = add(t, set, limit);
	if (s)
		t->set[s].refs++;
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

static void fill(struct sp_layer_set *set, const struct sp_pkt *pkt, const struct sp_layers *layers)
{
	bool from_hi = pkt->flags & SP_PKT_REVERSE;
	set->point = pkt->point;
	if (pkt->l2 != SP_NOOFS && pkt->l2 + 12u <= pkt->cap_len) {
		const uint8_t *dst = pkt->data + pkt->l2, *src = dst + 6;
		set->has_mac = 1;
		memcpy(set->lo_mac, from_hi ? dst : src, 6);
		memcpy(set->hi_mac, from_hi ? src : dst, 6);
	}
	if (!layers)
		return;
	set->layers = *layers;
	if (from_hi)
		turn(&set->layers);
}

uint16_t sp_layers_get(struct sp_layer_table *t, const struct sp_pkt *pkt, const struct sp_layers *layers, bool *full)
{
	struct sp_layer_set set, plain;
	memset(&set, 0, offsetof(struct sp_layer_set, layers.vlan));
	fill(&set, pkt, layers);
	uint32_t s = intern(t, &set, SP_LAYER_TABLE_MAX);
	*full = !s;
	if (s)
		return (uint16_t)s;
	memset(&plain, 0, sizeof plain);
	plain.point = pkt->point;
	return (uint16_t)intern(t, &plain, SETS);
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
}
