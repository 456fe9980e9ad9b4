/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of datagrams that are being put together: bytes at offsets, kept in blocks of one bounded pool. One
 * thread. */
#ifndef SP_FLOWTABLE_PIECES_H
#define SP_FLOWTABLE_PIECES_H

#include "base/base.h"

#define SP_PIECE_NONE UINT32_MAX

/* More make a datagram of fragments so small that nobody but an attacker sends them. */
#define SP_PIECES_MAX 128

struct sp_piece_pool {
	struct sp_piece *piece;
	uint32_t n_max, n_fresh; /* blocks; those never used yet begin at n_fresh */
	uint32_t free;		 /* list of used ones */
};

/* One datagram's pieces, by offset. */
struct sp_pieces {
	uint32_t first;
	uint32_t bytes; /* that are there; no two pieces overlap */
	uint32_t end;	/* of the last piece */
	uint16_t n;
};

enum sp_pieces_result {
	SP_PIECES_ADDED,
	SP_PIECES_DUPLICATE, /* all of it was there already, and is the same */
	SP_PIECES_OVERLAP,   /* some of it was there, or all of it with other bytes */
	SP_PIECES_FULL,	     /* no block left; nothing was added */
	SP_PIECES_TOO_MANY,  /* of this datagram; nothing was added */
};

/* Takes address space for `bytes` bytes of blocks, touched as they are used. Returns 0 or -ENOMEM. */
int sp_piece_pool_init(struct sp_piece_pool *pool, uint64_t bytes);
void sp_piece_pool_free(struct sp_piece_pool *pool);
uint64_t sp_piece_pool_memory(const struct sp_piece_pool *pool);

void sp_pieces_init(struct sp_pieces *pieces);

/* Copies n bytes, at least 1, to where they belong. Only the first `captured` of them are at data: the others are
 * known to exist, and read as 0. offset + n is at most 65535. */
enum sp_pieces_result sp_pieces_add(struct sp_piece_pool *pool, struct sp_pieces *pieces, uint32_t offset,
				    const uint8_t *data, uint32_t captured, uint32_t n);

/* Writes `bytes` bytes, when there is no hole before `end`. */
void sp_pieces_copy(const struct sp_piece_pool *pool, const struct sp_pieces *pieces, uint8_t *out);

/* Gives all blocks back; the datagram is empty again. */
void sp_pieces_clear(struct sp_piece_pool *pool, struct sp_pieces *pieces);

#endif
