/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/reorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/point.h"
#include "base/time.h"

#define WINDOWS 16
#define CALM_AT_START 512 /* packets in order after which a new address space is believed to be in order */
#define CALM_AGAIN 65536  /* …and one where time went back once */
#define STEP_WINDOWS 64	  /* a packet older than this many windows is a clock set back, not a late packet */

/* A packet that waits. Entries and their bytes are taken and given back in the order of arrival, so both are rings. */
struct entry {
	struct sp_pkt pkt;
	uint64_t bytes_end;
	bool waits;
};

struct node {
	uint64_t ts;
	uint64_t arrival; /* equal times keep their order; also the entry: arrival & mask */
};

struct window {
	struct window *next; /* free list, or the list of open ones */
	struct node *heap;
	struct entry *entry;
	uint8_t *bytes;
	uint64_t head, tail; /* of entries, counted since ever */
	uint64_t bytes_head, bytes_tail;
	uint64_t floor; /* time of the newest packet let go: what is older is late */
	uint64_t came;	/* how far the clock of all had come when its newest packet did */
	uint32_t n;	/* in the heap */
	uint32_t calm, calm_enough;
	uint32_t space;
};

struct line { /* one address space */
	uint64_t newest;
	struct window *window; /* NULL: passes */
};

struct sp_reorder {
	struct sp_reorder_conf conf;
	const uint32_t *space;
	sp_reorder_emit *emit;
	void *ctx;
	uint64_t mask;	 /* entries of a window - 1 */
	uint64_t bytes;	 /* of a window, a power of two */
	uint64_t newest; /* of all address spaces, while a window is open */
	struct window *open, *free;
	struct sp_reorder_stats stats;
	void *memory;
	size_t memory_size;
	struct window window[WINDOWS];
	struct line line[SP_POINTS_MAX];
	struct sp_batch out;
};

const struct sp_conf_row sp_reorder_conf_rows[] = {
	{.name = "window",
	 .type = SP_CONF_DURATION,
	 .offset = offsetof(struct sp_reorder_conf, window),
	 .min = 0,
	 .max = 10 * SP_NS_PER_SEC,
	 .fallback = "20ms",
	 .doc = "Packets of a point that arrive late by up to this time are put in order before they are analysed, so "
		"that "
		"merged taps do not look like retransmissions. 0s switches it off."},
	{.name = "packets",
	 .type = SP_CONF_UINT,
	 .offset = offsetof(struct sp_reorder_conf, packets),
	 .min = 64,
	 .max = 1 << 20,
	 .fallback = "4096",
	 .unit = "packets",
	 .doc = "Packets held at most, for each address space that is out of order."},
	{.name = "bytes",
	 .type = SP_CONF_SIZE,
	 .offset = offsetof(struct sp_reorder_conf, bytes),
	 .min = 256 << 10,
	 .max = 1 << 30,
	 .fallback = "4MiB",
	 .doc = "Bytes of these packets held at most."},
	{0},
};

static uint64_t power_of_two(uint64_t at_least)
{
	uint64_t n = 64;
	while (n < at_least)
		n *= 2;
	return n;
}

int sp_reorder_new(struct sp_reorder **ret, const struct sp_reorder_conf *conf, const uint32_t *space,
		   sp_reorder_emit *emit, void *ctx, struct sp_err *err)
{
	uint64_t entries = power_of_two(conf->packets), bytes = power_of_two(conf->bytes);
	uint64_t one = bytes + entries * (sizeof(struct entry) + sizeof(struct node));
	struct sp_reorder *r = sp_mem_map(sizeof *r, 0);
	if (!r)
		return sp_err(err, -ENOMEM, "reorder: no memory");
	r->conf = *conf;
	r->space = space;
	r->emit = emit;
	r->ctx = ctx;
	r->mask = entries - 1;
	r->bytes = bytes;
	*ret = r;
	if (!conf->window)
		return 0;
	r->memory_size = one * WINDOWS;
	r->memory = sp_mem_map(r->memory_size, 0);
	if (!r->memory) {
		sp_reorder_free(r);
		return sp_err(err, -ENOMEM,
			      "reorder: no memory for %u windows of %" PRIu64 " bytes; make reorder.bytes smaller",
			      WINDOWS, one);
	}
	uint8_t *p = r->memory;
	for (unsigned i = 0; i < WINDOWS; i++, p += one) {
		struct window *w = &r->window[i];
		w->bytes = p;
		w->entry = (struct entry *)(p + bytes);
		w->heap = (struct node *)(w->entry + entries);
		w->next = r->free;
		r->free = w;
	}
	return 0;
}

void sp_reorder_free(struct sp_reorder *r)
{
	if (!r)
		return;
	sp_mem_unmap(r->memory, r->memory_size);
	sp_mem_unmap(r, sizeof *r);
}

/* Gives back what is at the old end of the rings. Only when nothing in `out` points there any more. */
static void reclaim(struct sp_reorder *r, struct window *w)
{
	while (w->tail != w->head && !w->entry[w->tail & r->mask].waits)
		w->bytes_tail = w->entry[w->tail++ & r->mask].bytes_end;
}

static void emit_out(struct sp_reorder *r)
{
	if (!r->out.n)
		return;
	r->emit(r->ctx, &r->out);
	sp_batch_begin(&r->out);
	for (struct window *w = r->open; w; w = w->next)
		reclaim(r, w);
}

static void put_out(struct sp_reorder *r, const struct sp_pkt *pkt)
{
	if (r->out.n == SP_BATCH_MAX)
		emit_out(r);
	r->out.pkt[r->out.n++] = *pkt;
}

static bool before(struct node a, struct node b)
{
	return a.ts < b.ts || (a.ts == b.ts && a.arrival < b.arrival);
}

static void heap_push(struct window *w, struct node node)
{
	uint32_t i = w->n++;
	for (; i && before(node, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = node;
}

static struct node heap_pop(struct window *w)
{
	struct node top = w->heap[0], last = w->heap[--w->n];
	uint32_t i = 0;
	for (uint32_t child = 1; child < w->n; child = 2 * i + 1) {
		if (child + 1 < w->n && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

/* Lets the oldest packet go. */
static void let_go(struct sp_reorder *r, struct window *w)
{
	struct node node = heap_pop(w);
	struct entry *e = &w->entry[node.arrival & r->mask];
	w->floor = node.ts;
	put_out(r, &e->pkt);
	e->waits = false;
}

static void let_go_until(struct sp_reorder *r, struct window *w, uint64_t ts)
{
	while (w->n && w->heap[0].ts <= ts)
		let_go(r, w);
}

/* Room for n bytes in one piece, or NULL. */
static uint8_t *take_bytes(struct sp_reorder *r, struct window *w, uint32_t n)
{
	uint64_t size = r->bytes, head = w->bytes_head, at = head & (size - 1);
	if (at + n > size) {
		head += size - at;
		at = 0;
	}
	if (head + n - w->bytes_tail > size || w->head - w->tail > r->mask)
		return NULL;
	w->bytes_head = head + n;
	return w->bytes + at;
}

/* Copies a packet into the window; makes room where there is none. False: it can not be held. */
static bool hold(struct sp_reorder *r, struct window *w, const struct sp_pkt *pkt)
{
	if (pkt->cap_len > r->bytes / 2)
		return false;
	uint8_t *bytes;
	while (!(bytes = take_bytes(r, w, pkt->cap_len))) {
		if (w->n) {
			r->stats.forced++;
			let_go(r, w);
		}
		emit_out(r);
		reclaim(r, w);
	}
	memcpy(bytes, pkt->data, pkt->cap_len);
	struct entry *e = &w->entry[w->head & r->mask];
	e->pkt = *pkt;
	e->pkt.data = bytes;
	e->bytes_end = w->bytes_head;
	e->waits = true;
	heap_push(w, (struct node){pkt->ts_ns, w->head++});
	r->stats.held++;
	return true;
}

static void open_window(struct sp_reorder *r, struct line *line, uint32_t space, uint32_t calm_enough)
{
	struct window *w = r->free;
	if (!w)
		return;
	r->free = w->next;
	w->next = r->open;
	r->open = w;
	w->space = space;
	w->floor = line->newest;
	w->calm = 0;
	w->calm_enough = calm_enough;
	line->window = w;
}

static void close_window(struct sp_reorder *r, struct line *line)
{
	struct window *w = line->window, **at = &r->open;
	let_go_until(r, w, UINT64_MAX);
	emit_out(r);
	reclaim(r, w);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->next = r->free;
	r->free = w;
	line->window = NULL;
}

static void through_window(struct sp_reorder *r, struct line *line, const struct sp_pkt *pkt)
{
	struct window *w = line->window;
	uint64_t ts = pkt->ts_ns;
	w->came = r->newest;
	if (ts >= line->newest) {
		w->calm++;
		line->newest = ts;
	} else if (line->newest - ts > STEP_WINDOWS * r->conf.window) {
		r->stats.steps++;
		let_go_until(r, w, UINT64_MAX);
		line->newest = ts;
		w->floor = 0;
	} else {
		w->calm = 0;
		w->calm_enough = CALM_AGAIN;
		if (ts < w->floor) {
			r->stats.late++;
			put_out(r, pkt);
			return;
		}
		r->stats.sorted++;
	}
	if (!hold(r, w, pkt)) {
		let_go_until(r, w, ts);
		put_out(r, pkt);
	}
	if (line->newest > r->conf.window)
		let_go_until(r, w, line->newest - r->conf.window);
	if (w->calm >= w->calm_enough)
		close_window(r, line);
}

/* One packet of an address space without a window. */
static void pass(struct sp_reorder *r, struct line *line, uint32_t space, const struct sp_pkt *pkt)
{
	if (pkt->ts_ns < line->newest) {
		bool step = line->newest - pkt->ts_ns > STEP_WINDOWS * r->conf.window;
		r->stats.steps += step;
		r->stats.late += !step;
		if (step)
			line->newest = pkt->ts_ns;
		r->stats.opened++;
		open_window(r, line, space, CALM_AGAIN);
	} else {
		line->newest = pkt->ts_ns;
	}
	put_out(r, pkt);
}

/* An address space that falls silent must not keep its last packets: others may wait for what they say. Clocks may be
 * apart, so what counts is how far the others have come since. */
static void let_silent_go(struct sp_reorder *r)
{
	for (struct window *w = r->open; w; w = w->next)
		if (w->n && r->newest - w->came > r->conf.window)
			let_go_until(r, w, UINT64_MAX);
}

static void advance(struct sp_reorder *r, uint64_t ts)
{
	bool silence = ts > r->newest + r->conf.window;
	r->newest = SP_MAX(r->newest, ts);
	if (SP_UNLIKELY(silence))
		let_silent_go(r);
}

static void sort_batch(struct sp_reorder *r, struct sp_batch *batch)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		const struct sp_pkt *pkt = &batch->pkt[i];
		uint32_t space = r->space[pkt->point];
		struct line *line = &r->line[space];
		advance(r, pkt->ts_ns);
		if (!line->newest && !line->window)
			open_window(r, line, space, CALM_AT_START);
		if (line->window)
			through_window(r, line, pkt);
		else
			pass(r, line, space, pkt);
	}
	let_silent_go(r);
	emit_out(r);
}

/* True when no packet of the batch is older than the one before it in its address space. Remembers the newest only
 * then. */
static bool in_order(struct sp_reorder *r, const struct sp_batch *batch)
{
	uint32_t n = batch->n;
	const struct sp_pkt *pkt = batch->pkt;
	uint32_t mixed = 0;
	bool back = false;
	for (uint32_t i = 1; i < n && !batch->uniform; i++) {
		mixed |= pkt[i].point ^ pkt[i - 1].point;
		back |= pkt[i].ts_ns < pkt[i - 1].ts_ns;
	}
	struct line *line = &r->line[r->space[pkt->point]];
	if (mixed) {
		for (uint32_t i = 0; i < n; i++)
			back |= pkt[i].ts_ns < r->line[r->space[pkt[i].point]].newest ||
				!r->line[r->space[pkt[i].point]].newest;
		if (back)
			return false;
		for (uint32_t i = 0; i < n; i++)
			r->line[r->space[pkt[i].point]].newest = pkt[i].ts_ns;
		return true;
	}
	if (back || pkt->ts_ns < line->newest || !line->newest)
		return false;
	line->newest = pkt[n - 1].ts_ns;
	return true;
}

void sp_reorder_batch(struct sp_reorder *r, struct sp_batch *batch)
{
	if (!batch->n)
		return;
	if (!r->conf.window || (!r->open && in_order(r, batch)))
		r->emit(r->ctx, batch);
	else
		sort_batch(r, batch);
}

void sp_reorder_tick(struct sp_reorder *r, uint64_t now_ns)
{
	if (now_ns > r->conf.window)
		for (struct window *w = r->open; w; w = w->next)
			let_go_until(r, w, now_ns - r->conf.window);
	emit_out(r);
}

void sp_reorder_flush(struct sp_reorder *r)
{
	for (struct window *w = r->open; w; w = w->next)
		let_go_until(r, w, UINT64_MAX);
	emit_out(r);
}

const struct sp_reorder_stats *sp_reorder_stats(const struct sp_reorder *r)
{
	return &r->stats;
}
