/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/topk.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX

/* Entries lie in an array; chains in `bucket` find a key. Once there is no place left, a min-heap of their indices by
 * weight finds the lightest. */
struct entry {
	uint64_t weight;
	uint32_t next; /* in its chain */
	uint32_t at;   /* place in the heap */
	uint32_t bucket;
	_Alignas(8) uint8_t key[];
};

struct sp_topk {
	uint32_t n, places;
	bool heaped;
	size_t key_size, value_at, value_size, entry_size;
	uint64_t evictions;
	uint32_t *bucket; /* 2 * places */
	struct lightest {
		uint64_t weight; /* the entry's, here too so that only entries that move are touched */
		uint32_t i;
	} * heap;
	uint8_t *entries;
	void (*evict)(void *arg, void *value); /* or NULL */
	void *evict_arg;
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

static void place(struct sp_topk *t, uint32_t at, struct lightest one)
{
	t->heap[at] = one;
	entry(t, one.i)->at = at;
}

/* The weight grew: towards the leaves. */
static void sink(struct sp_topk *t, uint32_t at)
{
	struct lightest one = t->heap[at];
	for (uint32_t child = 2 * at + 1; child < t->n; child = 2 * at + 1) {
		if (child + 1 < t->n && t->heap[child + 1].weight < t->heap[child].weight)
			child++;
		if (t->heap[child].weight >= one.weight)
			break;
		place(t, at, t->heap[child]);
		at = child;
	}
	place(t, at, one);
}

static void heap_up(struct sp_topk *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		place(t, i, (struct lightest){entry(t, i)->weight, i});
	for (uint32_t at = t->n / 2; at-- > 0;)
		sink(t, at);
	t->heaped = true;
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
	if (t->n < t->places)
		return t->n++;
	if (!t->heaped)
		heap_up(t);
	uint32_t i = t->heap[0].i;
	unlink_(t, i);
	t->evictions++;
	if (t->evict)
		t->evict(t->evict_arg, entry(t, i)->key + t->value_at);
	return i;
}

/* Most keys are an address, with or without a port. */
static uint32_t bucket_of(const struct sp_topk *t, const void *key)
{
	const uint8_t *k = key;
	uint64_t h;
	if (t->key_size == 16)
		h = sp_hash_mix(sp_load64(k) ^ SP_HASH_K1, sp_load64(k + 8) ^ SP_HASH_K0);
	else if (t->key_size == 24)
		h = sp_hash_mix(sp_load64(k) ^ SP_HASH_K1,
				sp_load64(k + 8) ^ sp_load64(k + 16) * SP_HASH_K1 ^ SP_HASH_K0);
	else
		h = sp_hash_bytes(key, t->key_size, SP_HASH_K0);
	return (uint32_t)(h ^ h >> 32) & (2 * t->places - 1);
}

static bool same_key(const struct sp_topk *t, const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;
	if (t->key_size != 16 && t->key_size != 24)
		return !memcmp(a, b, t->key_size);
	uint64_t last = t->key_size == 24 ? sp_load64(x + 16) ^ sp_load64(y + 16) : 0;
	return !((sp_load64(x) ^ sp_load64(y)) | (sp_load64(x + 8) ^ sp_load64(y + 8)) | last);
}

static uint32_t find(const struct sp_topk *t, uint32_t bucket, const void *key)
{
	uint32_t i = t->bucket[bucket];
	while (i != NONE && !same_key(t, entry(t, i)->key, key))
		i = entry(t, i)->next;
	return i;
}

/* The entry of a key, a new one with the weight of the one that made room. */
static struct entry *get(struct sp_topk *t, const void *key)
{
	uint32_t bucket = bucket_of(t, key), i = find(t, bucket, key);
	if (i == NONE) {
		i = take(t);
		struct entry *e = entry(t, i);
		memcpy(e->key, key, t->key_size);
		memset(e->key + t->value_at, 0, t->value_size);
		e->bucket = bucket;
		e->next = t->bucket[bucket];
		t->bucket[bucket] = i;
	}
	return entry(t, i);
}

static void *weigh(struct sp_topk *t, struct entry *e, uint64_t weight)
{
	e->weight = weight;
	if (t->heaped) {
		t->heap[e->at].weight = weight;
		sink(t, e->at);
	}
	return e->key + t->value_at;
}

void sp_topk_on_evict(struct sp_topk *t, void (*evict)(void *arg, void *value), void *arg)
{
	t->evict = evict;
	t->evict_arg = arg;
}

void *sp_topk_add(struct sp_topk *t, const void *key, uint64_t weight)
{
	struct entry *e = get(t, key);
	return weigh(t, e, e->weight + weight);
}

void *sp_topk_add_once(struct sp_topk *t, const void *key, uint64_t weight)
{
	if (t->n == t->places && !t->heaped)
		heap_up(t);
	if (t->heaped && weight <= t->heap[0].weight)
		return NULL;
	return weigh(t, get(t, key), weight);
}

void *sp_topk_add_heavy(struct sp_topk *t, const void *key, uint64_t weight)
{
	uint32_t i = t->n < t->places ? NONE : find(t, bucket_of(t, key), key);
	if (i != NONE)
		return weigh(t, entry(t, i), entry(t, i)->weight + weight);
	if (t->n < t->places)
		return sp_topk_add(t, key, weight);
	void *value = sp_topk_add_once(t, key, weight);
	t->evictions += !value;
	return value;
}

void sp_topk_prefetch(const struct sp_topk *t, const void *key, bool bucket_is_there)
{
	const uint32_t *bucket = &t->bucket[bucket_of(t, key)];
	if (!bucket_is_there)
		sp_prefetch(bucket);
	else if (*bucket != NONE)
		sp_prefetch(entry(t, *bucket));
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

uint32_t sp_topk_best(const struct sp_topk *t, uint32_t k, uint64_t (*score)(const struct sp_topk *, uint32_t),
		      uint32_t *ret)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t mine = score(t, i);
		if (!mine)
			continue;
		uint32_t at = n;
		while (at && score(t, ret[at - 1]) < mine)
			at--;
		if (at == k)
			continue;
		n = SP_MIN(n + 1, k);
		memmove(ret + at + 1, ret + at, (n - 1 - at) * sizeof *ret);
		ret[at] = i;
	}
	return n;
}
