/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/topk.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX

/* Entries lie in an array; a min-heap of their indices by weight finds the lightest, chains in `bucket` find a key. */
struct entry {
	uint64_t weight;
	uint32_t next; /* in its chain */
	uint32_t at;   /* place in the heap */
	uint32_t bucket;
	_Alignas(8) uint8_t key[];
};

struct sp_topk {
	uint32_t n, places;
	size_t key_size, value_at, value_size, entry_size;
	uint64_t evictions;
	uint32_t *bucket; /* 2 * places */
	uint32_t *heap;
	uint8_t *entries;
};

static struct entry *entry(const struct sp_topk *t, uint32_t i)
{
	return (struct entry *)(t->entries + i * t->entry_size);
}

struct sp_topk *sp_topk_new(uint32_t places, size_t key_size, size_t value_size)
{
	struct sp_topk *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->places = places;
	t->key_size = key_size;
	t->value_at = (key_size + 7) & ~(size_t)7;
	t->value_size = value_size;
	t->entry_size = (sizeof(struct entry) + t->value_at + value_size + 7) & ~(size_t)7;
	t->bucket = malloc(2 * places * sizeof *t->bucket);
	t->heap = malloc(places * sizeof *t->heap);
	t->entries = calloc(places, t->entry_size);
	if (!t->bucket || !t->heap || !t->entries) {
		sp_topk_free(t);
		return NULL;
	}
	memset(t->bucket, 0xff, 2 * places * sizeof *t->bucket);
	return t;
}

void sp_topk_free(struct sp_topk *t)
{
	if (!t)
		return;
	free(t->bucket);
	free(t->heap);
	free(t->entries);
	free(t);
}

static void place(struct sp_topk *t, uint32_t at, uint32_t i)
{
	t->heap[at] = i;
	entry(t, i)->at = at;
}

/* The weight grew: towards the leaves. */
static void sink(struct sp_topk *t, uint32_t at)
{
	uint32_t i = t->heap[at];
	uint64_t weight = entry(t, i)->weight;
	for (uint32_t child = 2 * at + 1; child < t->n; child = 2 * at + 1) {
		if (child + 1 < t->n && entry(t, t->heap[child + 1])->weight < entry(t, t->heap[child])->weight)
			child++;
		if (entry(t, t->heap[child])->weight >= weight)
			break;
		place(t, at, t->heap[child]);
		at = child;
	}
	place(t, at, i);
}

/* A new entry: towards the root. */
static void rise(struct sp_topk *t, uint32_t at)
{
	uint32_t i = t->heap[at];
	uint64_t weight = entry(t, i)->weight;
	for (; at && entry(t, t->heap[(at - 1) / 2])->weight > weight; at = (at - 1) / 2)
		place(t, at, t->heap[(at - 1) / 2]);
	place(t, at, i);
}

static void unlink_(struct sp_topk *t, uint32_t i)
{
	uint32_t *link = &t->bucket[entry(t, i)->bucket];
	while (*link != i)
		link = &entry(t, *link)->next;
	*link = entry(t, i)->next;
}

/* A place for a new key: the lightest one's when there is none left, with its weight. */
static uint32_t take(struct sp_topk *t)
{
	if (t->n < t->places) {
		uint32_t i = t->n++;
		entry(t, i)->weight = 0;
		t->heap[i] = i;
		rise(t, i);
		return i;
	}
	uint32_t i = t->heap[0];
	unlink_(t, i);
	t->evictions++;
	return i;
}

void *sp_topk_add(struct sp_topk *t, const void *key, uint64_t weight)
{
	uint32_t bucket = (uint32_t)sp_hash_bytes(key, t->key_size, SP_HASH_K0) & (2 * t->places - 1);
	uint32_t i = t->bucket[bucket];
	while (i != NONE && memcmp(entry(t, i)->key, key, t->key_size))
		i = entry(t, i)->next;
	if (i == NONE) {
		i = take(t);
		struct entry *e = entry(t, i);
		memcpy(e->key, key, t->key_size);
		memset(e->key + t->value_at, 0, t->value_size);
		e->bucket = bucket;
		e->next = t->bucket[bucket];
		t->bucket[bucket] = i;
	}
	struct entry *e = entry(t, i);
	e->weight += weight;
	sink(t, e->at);
	return e->key + t->value_at;
}

uint32_t sp_topk_n(const struct sp_topk *t)
{
	return t->n;
}

const void *sp_topk_key(const struct sp_topk *t, uint32_t i)
{
	return entry(t, i)->key;
}

void *sp_topk_value(const struct sp_topk *t, uint32_t i)
{
	return entry(t, i)->key + t->value_at;
}

uint64_t sp_topk_weight(const struct sp_topk *t, uint32_t i)
{
	return entry(t, i)->weight;
}

uint64_t sp_topk_evictions(const struct sp_topk *t)
{
	return t->evictions;
}
