/* SPDX-License-Identifier: Apache-2.0 */
/* The heaviest of many keys in bounded memory (Space-Saving, Metwally et al. 2005): exact while there are no more keys
 * than places; afterwards the lightest gives its place to the newcomer, which inherits its weight as possible error. */
#ifndef SP_CLI_TOPK_H
#define SP_CLI_TOPK_H

#include "base/base.h"

struct sp_topk;

/* `places` a power of two; every entry is `key_size` bytes of key followed (at a multiple of 8) by `value_size` bytes
 * of the caller's, zeroed for a new key. NULL without memory. */
struct sp_topk *sp_topk_new(uint32_t places, size_t key_size, size_t value_size);
void sp_topk_free(struct sp_topk *t);

/* Is called with a value whose place is given to a newcomer. */
void sp_topk_on_evict(struct sp_topk *t, void (*evict)(void *arg, void *value), void *arg);

/* Adds weight to a key; returns its value. */
void *sp_topk_add(struct sp_topk *t, const void *key, uint64_t weight);

/* For a key that comes this one time only, so that its weight is known: a lighter one than all that are there is left
 * out at once, and NULL returned. */
void *sp_topk_add_once(struct sp_topk *t, const void *key, uint64_t weight);

/* For keys of which most come once: a newcomer, when there is no place left, has to be heavier than the lightest, else
 * it is left out and NULL returned. Weights are no more than what was added. */
void *sp_topk_add_heavy(struct sp_topk *t, const void *key, uint64_t weight);

/* Asks for the memory that adding the key will touch: first for its bucket, later for its entry. */
void sp_topk_prefetch(const struct sp_topk *t, const void *key, bool bucket_is_there);

/* Entries in no order, i below sp_topk_n. */
uint32_t sp_topk_n(const struct sp_topk *t);
const void *sp_topk_key(const struct sp_topk *t, uint32_t i);
void *sp_topk_value(const struct sp_topk *t, uint32_t i);
uint64_t sp_topk_weight(const struct sp_topk *t, uint32_t i);

/* The k best entries that `score` does not give 0, best first, into `ret`. Returns how many. */
uint32_t sp_topk_best(const struct sp_topk *t, uint32_t k, uint64_t (*score)(const struct sp_topk *, uint32_t),
		      uint32_t *ret);

/* How often a key was pushed out, or by sp_topk_add_heavy left out: 0 means exact. */
uint64_t sp_topk_evictions(const struct sp_topk *t);

#endif
