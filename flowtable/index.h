/* SPDX-License-Identifier: Apache-2.0 */
/* Hash index of flows: cache-line buckets of ten slots, each a tag of 15 bits and a 32-bit flow number. A full bucket
 * spills into the next one and counts the spill, so that a look-up reads one line and goes on only where something did
 * spill. Keys are compared by the caller, who prefetched them. Private to the flow table. */
#ifndef SP_FLOWTABLE_INDEX_H
#define SP_FLOWTABLE_INDEX_H

#include <emmintrin.h>

#include "base/base.h"

#define SP_INDEX_SLOTS 10
#define SP_INDEX_NONE UINT32_MAX

struct sp_index_bucket {
	uint16_t tag[SP_INDEX_SLOTS]; /* 0: free */
	uint32_t spilled;	      /* entries at home here that live further on */
	uint32_t flow[SP_INDEX_SLOTS];
};
static_assert(sizeof(struct sp_index_bucket) == SP_CACHE_LINE, "one cache line");

struct sp_index {
	struct sp_index_bucket *bucket;
	uint32_t mask; /* buckets - 1 */
	uint32_t n, limit;
};

/* Entries that so many buckets take: fuller ones would spill too often, emptier ones waste the cache. */
static inline uint64_t sp_index_limit(uint64_t buckets)
{
	return buckets * SP_INDEX_SLOTS * 17 / 20;
}

int sp_index_init(struct sp_index *ix, uint32_t buckets, unsigned mem_flags);
void sp_index_free(struct sp_index *ix);
void sp_index_clear(struct sp_index *ix);

static inline uint16_t sp_index_tag(uint32_t hash)
{
	return (uint16_t)(hash >> 16 | 1);
}

static inline struct sp_index_bucket *sp_index_home(const struct sp_index *ix, uint32_t hash)
{
	return &ix->bucket[hash & ix->mask];
}

/* Slots of a bucket that carry the tag, as a bit mask. What is loaded beyond the last slots is zero: no tag. */
static inline unsigned sp_index_match(const struct sp_index_bucket *b, uint16_t tag)
{
	__m128i want = _mm_set1_epi16((short)tag);
	__m128i low = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag), want);
	__m128i high = _mm_cmpeq_epi16(_mm_loadu_si32(b->tag + 8), want);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}

/* Free slots. */
static inline unsigned sp_index_room(const struct sp_index_bucket *b)
{
	return sp_index_match(b, 0) & ((1U << SP_INDEX_SLOTS) - 1);
}

/* Room is guaranteed while n < limit. */
void sp_index_insert(struct sp_index *ix, uint32_t hash, uint32_t flow);
void sp_index_remove(struct sp_index *ix, uint32_t hash, uint32_t flow);

/* Goes through every flow whose tag fits: sp_index_first, then sp_index_next until SP_INDEX_NONE. */
struct sp_index_walk {
	const struct sp_index_bucket *bucket;
	uint32_t at;
	unsigned match;
	uint16_t tag;
};

uint32_t sp_index_next(const struct sp_index *ix, struct sp_index_walk *w);

static inline uint32_t sp_index_first(const struct sp_index *ix, struct sp_index_walk *w, uint32_t hash)
{
	w->at = hash & ix->mask;
	w->bucket = &ix->bucket[w->at];
	w->tag = sp_index_tag(hash);
	w->match = sp_index_match(w->bucket, w->tag);
	return sp_index_next(ix, w);
}

/* The first flow number whose tag fits, or SP_INDEX_NONE: what to prefetch. */
static inline uint32_t sp_index_guess(const struct sp_index *ix, uint32_t hash)
{
	struct sp_index_walk w;
	const struct sp_index_bucket *home = sp_index_home(ix, hash);
	unsigned match = sp_index_match(home, sp_index_tag(hash));
	return SP_LIKELY(match) ? home->flow[(unsigned)__builtin_ctz(match)] : sp_index_first(ix, &w, hash);
}

#endif
