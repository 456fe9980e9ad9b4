/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/handoff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "parsers/link/decode.h"

/* What stands in a ring before the frame: a view, whose `data` is set when it is taken, and what decode found. A piece
 * begins on a cache line and does not wrap: where it would, a filler takes the rest of the ring. */
struct piece {
	uint32_t size; /* to the next piece */
	uint32_t filler;
	struct sp_flow_key key;
	uint64_t sign;
	struct sp_pkt pkt;
	struct sp_layers layers[]; /* one, with pkt.layers */
};
static_assert(sizeof(struct piece) == 2 * SP_CACHE_LINE, "the view has a line of its own");

struct ring {
	_Alignas(SP_CACHE_LINE) _Atomic uint64_t head; /* producer's: bytes ever given and flushed */
	uint64_t given;				       /* …and given */
	uint64_t tail_seen;
	_Alignas(SP_CACHE_LINE) _Atomic uint64_t tail; /* consumer's: bytes ever released */
	uint64_t taken;
	uint64_t head_seen;
	_Alignas(SP_CACHE_LINE) uint8_t *bytes;
};

struct sp_handoff {
	unsigned workers;
	uint32_t snaplen;
	uint64_t mask; /* ring size - 1 */
	uint8_t *memory;
	size_t memory_size;
	struct ring ring[]; /* [from * workers + to] */
};

int sp_handoff_new(struct sp_handoff **ret, unsigned workers, uint64_t ring_size, uint32_t snaplen, struct sp_err *err)
{
	assert(workers <= 64);
	size_t n = (size_t)workers * workers, size = sizeof(struct sp_handoff) + n * sizeof(struct ring);
	struct sp_handoff *h = aligned_alloc(SP_CACHE_LINE, (size + SP_CACHE_LINE - 1) / SP_CACHE_LINE * SP_CACHE_LINE);
	uint64_t bytes = 4096;
	while (bytes < ring_size)
		bytes *= 2;
	if (!h)
		return sp_err(err, -ENOMEM, "no memory to hand packets over");
	memset(h, 0, size);
	h->workers = workers;
	h->snaplen = snaplen;
	h->mask = bytes - 1;
	h->memory_size = (n - workers) * bytes;
	h->memory = sp_mem_map(h->memory_size, SP_MEM_POPULATE | SP_MEM_HUGE);
	if (!h->memory) {
		sp_err(err, -ENOMEM, "no %zu MiB of memory to hand packets over: lower workers.handoff_ring",
		       h->memory_size >> 20);
		free(h);
		return -ENOMEM;
	}
	uint8_t *at = h->memory;
	for (size_t i = 0; i < n; i++)
		if (i / workers != i % workers) {
			h->ring[i].bytes = at;
			at += bytes;
		}
	*ret = h;
	return 0;
}

void sp_handoff_free(struct sp_handoff *h)
{
	if (!h)
		return;
	sp_mem_unmap(h->memory, h->memory_size);
	free(h);
}

unsigned sp_handoff_workers(const struct sp_handoff *h)
{
	return h->workers;
}

unsigned sp_handoff_worker(const struct sp_handoff *h, uint32_t share)
{
	return sp_share_worker(share, h->workers);
}

static struct ring *ring_of(struct sp_handoff *h, unsigned from, unsigned to)
{
	return &h->ring[from * h->workers + to];
}

/* Room for `size` bytes in one piece, or NULL. */
static struct piece *room(const struct sp_handoff *h, struct ring *r, uint64_t size)
{
	uint64_t at = r->given & h->mask, left = h->mask + 1 - at, filler = left < size ? left : 0;
	if (r->given + filler + size - r->tail_seen > h->mask + 1) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (r->given + filler + size - r->tail_seen > h->mask + 1)
			return NULL;
	}
	if (filler) {
		struct piece *p = (struct piece *)(r->bytes + at);
		p->size = (uint32_t)filler;
		p->filler = 1;
		r->given += filler;
		at = 0;
	}
	return (struct piece *)(r->bytes + at);
}

/* Bytes kept of a frame: never less than the headers, whose offsets decode has checked against what was captured. */
static uint32_t kept_of(const struct sp_handoff *h, const struct sp_pkt *pkt)
{
	uint32_t headers = pkt->l7 == SP_NOOFS ? pkt->cap_len : pkt->l7;
	return SP_MIN(pkt->cap_len, SP_MAX(h->snaplen, headers));
}

bool sp_handoff_give(struct sp_handoff *h, unsigned from, unsigned to, const struct sp_batch *batch, uint32_t i)
{
	struct ring *r = ring_of(h, from, to);
	const struct sp_pkt *pkt = &batch->pkt[i];
	uint32_t kept = kept_of(h, pkt), layers = pkt->layers ? sizeof(struct sp_layers) : 0;
	uint64_t size = (sizeof(struct piece) + layers + kept + SP_CACHE_LINE - 1) & ~(uint64_t)(SP_CACHE_LINE - 1);
	struct piece *p = room(h, r, size);
	if (!p)
		return false;
	p->size = (uint32_t)size;
	p->filler = 0;
	p->key = batch->key[i];
	p->sign = batch->sign[i];
	p->pkt = *pkt;
	p->pkt.cap_len = kept;
	if (kept < pkt->wire_len)
		p->pkt.flags |= SP_PKT_CUT;
	if (layers)
		p->layers[0] = batch->layers[pkt->layers - 1];
	memcpy((uint8_t *)(p + 1) + layers, pkt->data, kept);
	r->given += size;
	return true;
}

uint64_t sp_handoff_flush(struct sp_handoff *h, unsigned from)
{
	uint64_t who = 0;
	for (unsigned to = 0; to < h->workers; to++) {
		struct ring *r = ring_of(h, from, to);
		if (r->given == atomic_load_explicit(&r->head, memory_order_relaxed))
			continue;
		atomic_store_explicit(&r->head, r->given, memory_order_release);
		who |= UINT64_C(1) << to;
	}
	return who;
}

uint32_t sp_handoff_take(struct sp_handoff *h, unsigned to, unsigned from, struct sp_batch *batch)
{
	struct ring *r = ring_of(h, from, to);
	uint32_t n = 0;
	sp_batch_begin(batch);
	if (r->taken == r->head_seen)
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	while (r->taken != r->head_seen && n < SP_BATCH_MAX) {
		const struct piece *p = (const struct piece *)(r->bytes + (r->taken & h->mask));
		r->taken += p->size;
		if (p->filler)
			continue;
		sp_prefetch((const uint8_t *)p + p->size);
		struct sp_pkt *pkt = &batch->pkt[n];
		*pkt = p->pkt;
		batch->key[n] = p->key;
		batch->sign[n++] = p->sign;
		pkt->data = (const uint8_t *)(p + 1);
		if (!pkt->layers)
			continue;
		pkt->data += sizeof *p->layers;
		batch->layers[batch->n_layers++] = p->layers[0];
		pkt->layers = (uint16_t)batch->n_layers;
	}
	batch->n = n;
	return n;
}

void sp_handoff_release(struct sp_handoff *h, unsigned to, unsigned from)
{
	struct ring *r = ring_of(h, from, to);
	atomic_store_explicit(&r->tail, r->taken, memory_order_release);
}

bool sp_handoff_waits(const struct sp_handoff *h, unsigned to)
{
	for (unsigned from = 0; from < h->workers; from++) {
		const struct ring *r = &h->ring[from * h->workers + to];
		if (atomic_load_explicit(&r->head, memory_order_acquire) != r->taken)
			return true;
	}
	return false;
}
