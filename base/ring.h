/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of pointers between exactly one producer thread and one consumer thread. Neither ever waits: push fails on a
 * full ring, pop returns NULL on an empty one. Capacity is a power of two. */
#ifndef SP_BASE_RING_H
#define SP_BASE_RING_H

#include <stdatomic.h>
#include <stdlib.h>

#include "base/base.h"

struct sp_ring {
	_Alignas(SP_CACHE_LINE) _Atomic uint32_t head; /* producer: rw, consumer: ro */
	uint32_t tail_seen;			       /* producer's last look at tail */
	_Alignas(SP_CACHE_LINE) _Atomic uint32_t tail; /* consumer: rw, producer: ro */
	uint32_t head_seen;			       /* consumer's last look at head */
	_Alignas(SP_CACHE_LINE) uint32_t mask;
	void *slot[];
};

/* NULL without memory. Freed with free(). */
static inline struct sp_ring *sp_ring_new(uint32_t capacity)
{
	assert(capacity && !(capacity & (capacity - 1)));
	size_t size = sizeof(struct sp_ring) + capacity * sizeof(void *);
	size = (size + SP_CACHE_LINE - 1) / SP_CACHE_LINE * SP_CACHE_LINE;
	struct sp_ring *r = aligned_alloc(SP_CACHE_LINE, size);
	if (!r)
		return NULL;
	__builtin_memset(r, 0, size);
	r->mask = capacity - 1;
	return r;
}

/* Producer only. False: the ring is full, the pointer stays the caller's. */
static inline bool sp_ring_push(struct sp_ring *r, void *p)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	if (SP_UNLIKELY(head - r->tail_seen > r->mask)) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head - r->tail_seen > r->mask)
			return false;
	}
	r->slot[head & r->mask] = p;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

/* Consumer only. NULL: nothing there. */
static inline void *sp_ring_pop(struct sp_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	if (tail == r->head_seen) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail == r->head_seen)
			return NULL;
	}
	void *p = r->slot[tail & r->mask];
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return p;
}

/* How many pointers wait. Consumer: at least that many; producer: at most that many. */
static inline uint32_t sp_ring_count(const struct sp_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire) -
	       atomic_load_explicit(&r->tail, memory_order_acquire);
}

#endif
