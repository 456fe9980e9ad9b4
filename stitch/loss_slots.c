/* SPDX-License-Identifier: Apache-2.0 */
/* Losses over all connections, in slots of a tenth of a second: a burst that hits many of them at once stands out.
 * Slots are told when the interval ends, or when there is no room for more; slots told twice add up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stitch/stitch_priv.h"

#define TOLD_MAX 512 /* slots at a time */

struct slot {
	uint64_t number; /* of the slot since the epoch */
	uint32_t next;
	uint16_t from, to;
	uint8_t s2c, doubled;
	uint32_t segments, connections;
};

struct sp_slots {
	struct slot *slot; /* 0 is none */
	uint32_t *bucket;
	size_t slots_size, buckets_size;
	uint32_t n, n_buckets, used;
};

int sp_slots_new(struct sp_slots **ret, uint64_t memory)
{
	struct sp_slots *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	*ret = t;
	t->n = (uint32_t)SP_MIN(memory / (sizeof *t->slot + 2 * sizeof *t->bucket) + 16, UINT64_C(1) << 30);
	for (t->n_buckets = 16; t->n_buckets < t->n;)
		t->n_buckets *= 2;
	t->slots_size = (size_t)t->n * sizeof *t->slot;
	t->buckets_size = (size_t)t->n_buckets * sizeof *t->bucket;
	t->slot = sp_mem_map(t->slots_size, 0);
	t->bucket = sp_mem_map(t->buckets_size, 0);
	t->used = 1;
	return t->slot && t->bucket ? 0 : -ENOMEM;
}

void sp_slots_free(struct sp_slots *t)
{
	if (!t)
		return;
	sp_mem_unmap(t->slot, t->slots_size);
	sp_mem_unmap(t->bucket, t->buckets_size);
	free(t);
}

static uint32_t *bucket_of(const struct sp_slots *t, const struct slot *k)
{
	uint64_t where = (uint64_t)k->from << 24 | (uint64_t)k->to << 8 | (uint64_t)k->s2c << 1 | k->doubled;
	return &t->bucket[sp_key(where, k->number) >> 8 & (t->n_buckets - 1)];
}

static bool same_edge(const struct slot *a, const struct slot *b)
{
	return a->from == b->from && a->to == b->to && a->s2c == b->s2c && a->doubled == b->doubled;
}

static struct slot *slot_of(struct sp_stitch *s, const struct slot *key)
{
	struct sp_slots *t = s->slots;
	for (uint32_t i = *bucket_of(t, key); i; i = t->slot[i].next)
		if (t->slot[i].number == key->number && same_edge(&t->slot[i], key))
			return &t->slot[i];
	if (t->used == t->n) {
		s->stats.losses_early++;
		sp_slots_tell(s);
	}
	uint32_t i = t->used++, *head = bucket_of(t, key);
	t->slot[i] = *key;
	t->slot[i].next = *head;
	*head = i;
	return &t->slot[i];
}

void sp_slots_add(struct sp_stitch *s, const struct sp_edge_losses *where, const uint64_t *ns, unsigned n)
{
	struct slot key = {.from = where->from, .to = where->to, .s2c = where->s2c, .doubled = where->doubled};
	uint64_t before = UINT64_MAX;
	for (unsigned i = 0; i < n; i++) {
		key.number = ns[i] / SP_LOSS_SLOT_NS;
		struct slot *slot = slot_of(s, &key);
		slot->segments++;
		slot->connections += key.number != before;
		before = key.number;
	}
}

static int compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	if (x->s2c != y->s2c || x->doubled != y->doubled)
		return x->s2c + 2 * x->doubled < y->s2c + 2 * y->doubled ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void tell(struct sp_stitch *s, const struct slot *first, unsigned n)
{
	struct sp_loss_slot slot[TOLD_MAX];
	struct sp_edge_losses told = {.from = first->from,
				      .to = first->to,
				      .s2c = first->s2c,
				      .doubled = first->doubled,
				      .n = n,
				      .slot = slot};
	for (unsigned i = 0; i < n; i++)
		slot[i] = (struct sp_loss_slot){first[i].number * SP_LOSS_SLOT_NS, first[i].segments,
						first[i].connections};
	if (s->told.losses)
		s->told.losses(s->told.ctx, &told);
}

void sp_slots_tell(struct sp_stitch *s)
{
	struct sp_slots *t = s->slots;
	if (t->used == 1)
		return;
	for (uint32_t i = 1; i < t->used; i++)
		*bucket_of(t, &t->slot[i]) = 0;
	qsort(t->slot + 1, t->used - 1, sizeof *t->slot, compare);
	for (uint32_t i = 1, n; i < t->used; i += n) {
		for (n = 1; n < TOLD_MAX && i + n < t->used && same_edge(&t->slot[i], &t->slot[i + n]);)
			n++;
		tell(s, &t->slot[i], n);
	}
	t->used = 1;
}
