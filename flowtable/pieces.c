/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/pieces.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK 2048 /* holds a fragment of a 1500-byte network; larger ones take several */

struct sp_piece {
	uint32_t next;
	uint16_t offset, len;
	uint8_t data[BLOCK - 8];
};
static_assert(sizeof(struct sp_piece) == BLOCK, "one block");

#define PIECE_MAX ((uint32_t)sizeof((struct sp_piece *)0)->data)

int sp_piece_pool_init(struct sp_piece_pool *pool, uint64_t bytes)
{
	*pool = (struct sp_piece_pool){.n_max = (uint32_t)SP_MIN(bytes / BLOCK, SP_PIECE_NONE - 1),
				       .free = SP_PIECE_NONE};
	if (!pool->n_max)
		return 0;
	pool->piece = sp_mem_map((size_t)pool->n_max * BLOCK, 0);
	return pool->piece ? 0 : -ENOMEM;
}

void sp_piece_pool_free(struct sp_piece_pool *pool)
{
	sp_mem_unmap(pool->piece, (size_t)pool->n_max * BLOCK);
}

uint64_t sp_piece_pool_memory(const struct sp_piece_pool *pool)
{
	return (uint64_t)pool->n_fresh * BLOCK;
}

void sp_pieces_init(struct sp_pieces *p)
{
	*p = (struct sp_pieces){.first = SP_PIECE_NONE};
}

static uint32_t take(struct sp_piece_pool *pool)
{
	uint32_t i = pool->free;
	if (i != SP_PIECE_NONE)
		pool->free = pool->piece[i].next;
	else if (pool->n_fresh < pool->n_max)
		i = pool->n_fresh++;
	return i;
}

static void give(struct sp_piece_pool *pool, uint32_t i)
{
	pool->piece[i].next = pool->free;
	pool->free = i;
}

void sp_pieces_clear(struct sp_piece_pool *pool, struct sp_pieces *p)
{
	for (uint32_t i = p->first; i != SP_PIECE_NONE;) {
		uint32_t next = pool->piece[i].next;
		give(pool, i);
		i = next;
	}
	sp_pieces_init(p);
}

/* How many of the bytes are there already. `same` turns false when a captured one of them has another value. */
static uint32_t covered(const struct sp_piece_pool *pool, const struct sp_pieces *p, uint32_t offset,
			const uint8_t *data, uint32_t captured, uint32_t n, bool *same)
{
	uint32_t sum = 0, end = offset + n;
	for (uint32_t i = p->first; i != SP_PIECE_NONE && pool->piece[i].offset < end; i = pool->piece[i].next) {
		const struct sp_piece *q = &pool->piece[i];
		uint32_t from = SP_MAX(offset, q->offset), to = SP_MIN(end, (uint32_t)q->offset + q->len);
		if (from >= to)
			continue;
		sum += to - from;
		to = SP_MIN(to, offset + captured);
		*same &= from >= to || !memcmp(q->data + (from - q->offset), data + (from - offset), to - from);
	}
	return sum;
}

/* Puts block i, filled, where its offset belongs. */
static void link_in(struct sp_piece_pool *pool, struct sp_pieces *p, uint32_t i)
{
	struct sp_piece *q = &pool->piece[i];
	uint32_t *at = &p->first;
	while (*at != SP_PIECE_NONE && pool->piece[*at].offset < q->offset)
		at = &pool->piece[*at].next;
	q->next = *at;
	*at = i;
	p->n++;
	p->bytes += q->len;
	p->end = SP_MAX(p->end, (uint32_t)q->offset + q->len);
}

enum sp_pieces_result sp_pieces_add(struct sp_piece_pool *pool, struct sp_pieces *p, uint32_t offset,
				    const uint8_t *data, uint32_t captured, uint32_t n)
{
	assert(n && offset + n <= UINT16_MAX);
	bool same = true;
	uint32_t there = covered(pool, p, offset, data, captured, n, &same);
	if (there)
		return there == n && same ? SP_PIECES_DUPLICATE : SP_PIECES_OVERLAP;
	uint32_t blocks = (n + PIECE_MAX - 1) / PIECE_MAX, taken[UINT16_MAX / PIECE_MAX + 1];
	if (p->n + blocks > SP_PIECES_MAX)
		return SP_PIECES_TOO_MANY;
	for (uint32_t b = 0; b < blocks; b++) {
		taken[b] = take(pool);
		if (taken[b] != SP_PIECE_NONE)
			continue;
		while (b)
			give(pool, taken[--b]);
		return SP_PIECES_FULL;
	}
	for (uint32_t b = 0; b < blocks; b++) {
		struct sp_piece *q = &pool->piece[taken[b]];
		q->len = (uint16_t)SP_MIN(n, PIECE_MAX);
		q->offset = (uint16_t)offset;
		uint32_t have = SP_MIN(captured, q->len);
		memcpy(q->data, data, have);
		memset(q->data + have, 0, q->len - have);
		link_in(pool, p, taken[b]);
		offset += q->len;
		data += have;
		captured -= have;
		n -= q->len;
	}
	return SP_PIECES_ADDED;
}

void sp_pieces_copy(const struct sp_piece_pool *pool, const struct sp_pieces *p, uint8_t *out)
{
	assert(p->bytes == p->end);
	for (uint32_t i = p->first; i != SP_PIECE_NONE; i = pool->piece[i].next)
		memcpy(out + pool->piece[i].offset, pool->piece[i].data, pool->piece[i].len);
}
