/* SPDX-License-Identifier: Apache-2.0 */
/* Small memory of one worker, within one fixed budget: blocks of a few sizes, in chunks that go back when they are
 * empty. Handles instead of pointers: four bytes, and 0 is none. Nothing asks the system for memory after sp_slab_init;
 * what was never used is never touched. */
#ifndef SP_FLOWTABLE_SLAB_H
#define SP_FLOWTABLE_SLAB_H

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

/* Not zeroed. 0: the budget is used up, or the size is too large. */
uint32_t sp_slab_get(struct sp_slab *s, size_t size);
void sp_slab_put(struct sp_slab *s, uint32_t handle);

static inline void *sp_slab_at(const struct sp_slab *s, uint32_t handle)
{
	return s->base + (uint64_t)handle * SP_SLAB_UNIT;
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
