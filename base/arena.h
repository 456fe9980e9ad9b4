/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch memory that is given back all at once: a pointer that moves through bytes somebody else owns. Never grows. */
#ifndef SP_BASE_ARENA_H
#define SP_BASE_ARENA_H

#include <string.h>

#include "base/base.h"
#include "base/slice.h"

struct sp_arena {
	uint8_t *p;
	size_t n, size;
};

static inline void sp_arena_reset(struct sp_arena *a)
{
	a->n = 0;
}

/* n bytes, not aligned, not zeroed. NULL: there is no room for them. */
static inline void *sp_arena_get(struct sp_arena *a, size_t n)
{
	if (SP_UNLIKELY(n > a->size - a->n))
		return NULL;
	void *p = a->p + a->n;
	a->n += n;
	return p;
}

/* A copy; cut to what there is room for. */
static inline struct sp_slice sp_arena_copy(struct sp_arena *a, struct sp_slice s)
{
	size_t n = SP_MIN(s.n, a->size - a->n);
	uint8_t *p = a->p + a->n;
	sp_copy(p, s.p, n);
	a->n += n;
	return (struct sp_slice){p, n};
}

#endif
