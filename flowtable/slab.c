/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/slab.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

static const uint16_t class_size[SP_SLAB_CLASSES] = {32,   64,	 96,   128,  192,  256,	 320,  384,   512,   640,  768,
						     1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 32768};

static unsigned class_for(size_t size)
{
	size_t units = (size + SP_SLAB_UNIT - 1) / SP_SLAB_UNIT;
	if (SP_LIKELY(units < SP_ARRAY_SIZE(sp_slab_small)))
		return sp_slab_small[units];
	unsigned c = 12;
	while (class_size[c] < size)
		c++;
	return c;
}

static size_t chunks_size(const struct sp_slab *s)
{
	return (size_t)s->max_chunks * sizeof *s->chunk;
}

int sp_slab_init(struct sp_slab *s, uint64_t budget)
{
	memset(s, 0, sizeof *s);
	s->max_chunks = (uint32_t)(budget / SP_SLAB_CHUNK) + 1;
	s->limit = s->max_chunks - 1;
	s->n_chunks = 1;
	s->base = sp_mem_map((size_t)s->max_chunks * SP_SLAB_CHUNK, SP_MEM_HUGE);
	s->chunk = sp_mem_map(chunks_size(s), 0);
	return s->base && s->chunk ? 0 : -ENOMEM;
}

void sp_slab_free_all(struct sp_slab *s)
{
	sp_mem_unmap(s->base, (size_t)s->max_chunks * SP_SLAB_CHUNK);
	sp_mem_unmap(s->chunk, chunks_size(s));
	s->base = NULL;
	s->chunk = NULL;
}

static void push(struct sp_slab *s, uint32_t *list, uint32_t n)
{
	struct sp_slab_chunk *c = &s->chunk[n];
	c->next = *list;
	c->prev = 0;
	s->chunk[*list].prev = n;
	*list = n;
}

/* Behind the first one, which goes on giving: a chunk that is full but for one block would be full again at once. */
static void push_second(struct sp_slab *s, uint32_t *list, uint32_t n)
{
	uint32_t first = *list;
	push(s, first ? &s->chunk[first].next : list, n);
	s->chunk[n].prev = first;
}

static void unlink_chunk(struct sp_slab *s, uint32_t *list, uint32_t n)
{
	struct sp_slab_chunk *c = &s->chunk[n];
	if (c->prev)
		s->chunk[c->prev].next = c->next;
	else
		*list = c->next;
	s->chunk[c->next].prev = c->prev;
}

/* An empty chunk for a class. 0: none left. */
static uint32_t chunk_get(struct sp_slab *s, unsigned class_)
{
	uint32_t n = s->empty;
	if (s->in_use >= s->limit || (!n && s->n_chunks == s->max_chunks)) {
		s->refused++;
		return 0;
	}
	if (n)
		unlink_chunk(s, &s->empty, n);
	else
		n = s->n_chunks++;
	s->in_use++;
	s->chunk[n] = (struct sp_slab_chunk){.class_ = (uint8_t)class_};
	push(s, &s->room[class_], n);
	return n;
}

static uint8_t *chunk_base(const struct sp_slab *s, uint32_t n)
{
	return s->base + (size_t)n * SP_SLAB_CHUNK;
}

uint32_t sp_slab_get_slow(struct sp_slab *s, size_t size)
{
	if (size > SP_SLAB_BLOCK_MAX)
		return 0;
	unsigned class_ = class_for(size);
	uint32_t n = s->room[class_];
	if (SP_UNLIKELY(!n) && !(n = chunk_get(s, class_)))
		return 0;
	struct sp_slab_chunk *c = &s->chunk[n];
	size_t block = class_size[class_];
	uint8_t *p;
	if (c->free) {
		p = chunk_base(s, n) + (c->free - 1U) * SP_SLAB_UNIT;
		memcpy(&c->free, p, sizeof c->free);
	} else {
		p = chunk_base(s, n) + c->fresh * SP_SLAB_UNIT;
		c->fresh += (uint16_t)(block / SP_SLAB_UNIT);
		c->full = c->fresh * SP_SLAB_UNIT + block > SP_SLAB_CHUNK;
	}
	c->used++;
	if (SP_UNLIKELY(!c->free && c->full))
		unlink_chunk(s, &s->room[class_], n);
	return (uint32_t)((size_t)(p - s->base) / SP_SLAB_UNIT);
}

void sp_slab_put_slow(struct sp_slab *s, uint32_t handle)
{
	uint32_t n = handle / SP_SLAB_CHUNK_UNITS;
	struct sp_slab_chunk *c = &s->chunk[n];
	bool had_room = c->free || !c->full;
	assert(handle && c->used);
	memcpy(sp_slab_at(s, handle), &c->free, sizeof c->free);
	c->free = (uint16_t)(1 + handle % SP_SLAB_CHUNK_UNITS);
	c->used--;
	if (!had_room)
		push_second(s, &s->room[c->class_], n);
	/* One chunk a class stays, so that a block that comes and goes costs nothing. */
	if (!c->used && (s->room[c->class_] != n || c->next)) {
		unlink_chunk(s, &s->room[c->class_], n);
		push(s, &s->empty, n);
		s->in_use--;
	}
}

size_t sp_slab_size(const struct sp_slab *s, uint32_t handle)
{
	return class_size[s->chunk[handle / SP_SLAB_CHUNK_UNITS].class_];
}

bool sp_slab_is_idle(const struct sp_slab *s)
{
	uint32_t n = 1;
	while (n < s->n_chunks && !s->chunk[n].used)
		n++;
	return n == s->n_chunks;
}
