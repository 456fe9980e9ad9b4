/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/index.h"

#include <errno.h>

#include "base/mem.h"

int sp_index_init(struct sp_index *ix, uint32_t buckets, unsigned mem_flags)
{
	assert(buckets && !(buckets & (buckets - 1)));
	ix->bucket = sp_mem_map((size_t)buckets * sizeof *ix->bucket, mem_flags);
	if (!ix->bucket)
		return -ENOMEM;
	ix->mask = buckets - 1;
	ix->n = 0;
	ix->limit = (uint32_t)sp_index_limit(buckets);
	return 0;
}

void sp_index_free(struct sp_index *ix)
{
	if (ix->bucket)
		sp_mem_unmap(ix->bucket, ((size_t)ix->mask + 1) * sizeof *ix->bucket);
	ix->bucket = NULL;
}

void sp_index_clear(struct sp_index *ix)
{
	sp_mem_clear(ix->bucket, ((size_t)ix->mask + 1) * sizeof *ix->bucket);
	ix->n = 0;
}

void sp_index_insert(struct sp_index *ix, uint32_t hash, uint32_t flow)
{
	assert(ix->n <= ix->limit);
	for (uint32_t at = hash & ix->mask;; at = (at + 1) & ix->mask) {
		struct sp_index_bucket *b = &ix->bucket[at];
		unsigned free_slots = sp_index_room(b);
		if (free_slots) {
			unsigned s = (unsigned)__builtin_ctz(free_slots);
			b->tag[s] = sp_index_tag(hash);
			b->flow[s] = flow;
			ix->n++;
			return;
		}
		b->spilled++;
	}
}

void sp_index_remove(struct sp_index *ix, uint32_t hash, uint32_t flow)
{
	uint16_t tag = sp_index_tag(hash);
	uint32_t home = hash & ix->mask;
	for (uint32_t at = home;; at = (at + 1) & ix->mask) {
		struct sp_index_bucket *b = &ix->bucket[at];
		for (unsigned m = sp_index_match(b, tag); m; m &= m - 1) {
			unsigned s = (unsigned)__builtin_ctz(m);
			if (b->flow[s] != flow)
				continue;
			b->tag[s] = 0;
			ix->n--;
			for (uint32_t on = home; on != at; on = (on + 1) & ix->mask)
				ix->bucket[on].spilled--;
			return;
		}
		assert(b->spilled); /* a flow that is not indexed is never removed */
	}
}

uint32_t sp_index_next(const struct sp_index *ix, struct sp_index_walk *w)
{
	while (!w->match) {
		if (SP_LIKELY(!w->bucket->spilled))
			return SP_INDEX_NONE;
		w->at = (w->at + 1) & ix->mask;
		w->bucket = &ix->bucket[w->at];
		w->match = sp_index_match(w->bucket, w->tag);
	}
	unsigned s = (unsigned)__builtin_ctz(w->match);
	w->match &= w->match - 1;
	return w->bucket->flow[s];
}
