/* SPDX-License-Identifier: Apache-2.0 */
/* Small memory of one worker, within one fixed budget: blocks of a few sizes, in chunks that go back when they are
 * empty. Handles instead of pointers: four bytes, and 0 is none. Nothing asks the system for memory after sp_slab_init;
 * what was never used is never touched. */
#ifndef SP_FLOWTABLE_SLAB_H
#define SP_FLOWTABLE_SLAB_H

#include <string.h>

#include "base/base.h"

#define SP_SLAB_UNIT 32 /* blocks begin at multiples of it */
#define SP_SLAB_CHUNK (64 * 1024)
#define SP_SLAB_BLOCK_MAX (32 * 1024)

#define SP_SLAB_CLASSES 21

struct sp_slab_chunk {
	uint32_t next, prev; /* of the chunks of its class that have room, or of the empty ones; chunk 0 ends a list */
	uint16_t used;	     /* blocks in use */
	uint16_t fresh;	     /* units ever used: those after them are untouched */
	uint16_t free;	     /* 1 + unit of the first block that was given back, 0: none */
	uint8_t class_;
	bool full; /* no untouched block is left */
};

struct sp_slab {
	uint8_t *base;
	struct sp_slab_chunk *chunk; /* chunk 0 is never used */
	uint32_t n_chunks, max_chunks, empty;
	uint32_t room[SP_SLAB_CLASSES]; /* first chunk of the class that has room */
	uint64_t refused;		/* requests that found the budget used up */
	uint32_t limit;			/* chunks; may be lowered while running */
	uint32_t in_use;		/* chunks that hold something */
};

/* 0 or -ENOMEM. `budget` in bytes. */
int sp_slab_init(struct sp_slab *s, uint64_t budget);
void sp_slab_free_all(struct sp_slab *s);

static inline void *sp_slab_at(const struct sp_slab *s, uint32_t handle)
{
	return s->base + (uint64_t)handle * SP_SLAB_UNIT;
}

/* Those below, when a chunk gets its first block, its last one, or loses one of these. */
uint32_t sp_slab_get_slow(struct sp_slab *s, size_t size);
void sp_slab_put_slow(struct sp_slab *s, uint32_t handle);

#define SP_SLAB_CHUNK_UNITS (SP_SLAB_CHUNK / SP_SLAB_UNIT)

/* Smallest class for so many units, up to 32 of them. */
static const uint8_t sp_slab_small[33] = {0, 0, 1, 2, 3,  4,  4,  5,  5,  6,  6,  7,  7,  8,  8,  8, 8,
					  9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11};

/* Not zeroed. 0: the budget is used up, or the size is too large. */
static inline uint32_t sp_slab_get(struct sp_slab *s, size_t size)
{
	size_t units = (size + SP_SLAB_UNIT - 1) / SP_SLAB_UNIT;
	if (units >= SP_ARRAY_SIZE(sp_slab_small))
		return sp_slab_get_slow(s, size);
	uint32_t n = s->room[sp_slab_small[units]];
	struct sp_slab_chunk *c = &s->chunk[n];
	uint32_t handle = n * SP_SLAB_CHUNK_UNITS + c->free - 1U;
	if (SP_UNLIKELY(!c->free))
		return sp_slab_get_slow(s, size);
	uint16_t next;
	memcpy(&next, sp_slab_at(s, handle), sizeof next);
	if (SP_UNLIKELY(!next && c->full))
		return sp_slab_get_slow(s, size);
	c->free = next;
	c->used++;
	return handle;
}

static inline void sp_slab_put(struct sp_slab *s, uint32_t handle)
{
	struct sp_slab_chunk *c = &s->chunk[handle / SP_SLAB_CHUNK_UNITS];
	if (SP_UNLIKELY((!c->free && c->full) || c->used <= 1)) {
		sp_slab_put_slow(s, handle);
		return;
	}
	memcpy(sp_slab_at(s, handle), &c->free, sizeof c->free);
	c->free = (uint16_t)(1 + handle % SP_SLAB_CHUNK_UNITS);
	c->used--;
}

/* Bytes of the block, at least what was asked for. */
size_t sp_slab_size(const struct sp_slab *s, uint32_t handle);

/* Nothing of it is in use. For tests: looks at every chunk. */
bool sp_slab_is_idle(const struct sp_slab *s);

/* Bytes of chunks that hold something. */
static inline uint64_t sp_slab_memory(const struct sp_slab *s)
{
	return (uint64_t)s->in_use * SP_SLAB_CHUNK;
}

#endif
