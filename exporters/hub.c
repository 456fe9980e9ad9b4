/* SPDX-License-Identifier: Apache-2.0 */
/* Pages and their ways. A lane joins one worker and one exporter: a ring of full pages there, a ring of empty ones
 * back, both with one producer and one consumer. There are more pages than the rings of a worker's lanes and the
 * exporters' hands can hold, so a worker always has one to write: only a full ring makes it wait or lose.
 *
 * Sleeping: an exporter announces that it goes to sleep, looks again, and sleeps at most a nap. A worker wakes it when
 * several pages wait, so a wake costs a worker one system call in some hundred records; the nap bounds how late a lone
 * page is written. A worker that waits announces it the same way and is woken when its ring is half empty. */
#include "exporters/hub.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"

#define EXPORTERS_MAX 16
#define LARGE ((uint64_t)1 << 30) /* bytes of a file that has become large */
#define WAKE_PAGES 8		  /* waiting pages that are worth a wake */

static const struct timespec nap = {.tv_nsec = 50 * 1000000};

typedef _Atomic uint64_t counter; /* one writer */

static inline void count(counter *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t counted(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

struct lane {
	struct sp_ring *full, *empty;
	_Alignas(SP_CACHE_LINE) counter dropped_records, dropped_pages; /* this line is the worker's */
	uint32_t since_wake;
	_Alignas(SP_CACHE_LINE) sp_bell waiting; /* the worker sleeps until there is room */
};

struct piece {
	struct sp_buf buf;
	uint64_t records, bytes_before;
};

struct exporter {
	struct sp_hub *hub;
	const struct sp_encoder *encoder;
	struct sp_sink *sink;
	_Atomic bool wait;
	unsigned index;
	unsigned reopened; /* of sp_hub.reopen, as far as it was seen */
	pthread_t thread;
	struct piece piece[SP_RECORD_KIND_MAX];
	counter records, failed_records, pages, bytes_written, write_errors;
	_Atomic int error;
	_Alignas(SP_CACHE_LINE) sp_bell asleep;
};

struct worker {
	_Alignas(SP_CACHE_LINE) struct sp_hub *hub;
	struct sp_page *spare; /* empty pages, the last one used first: it is still in the cache */
	struct lane *lane;     /* one an exporter */
};

struct sp_hub {
	const struct sp_points *points;
	unsigned n_workers, n_exporters, depth, started;
	struct worker *worker;
	struct lane *lanes;
	struct sp_page *pages;
	size_t pages_size;
	struct exporter *exporter[EXPORTERS_MAX];
	_Atomic bool stopping;
	_Atomic unsigned reopen; /* how often it was asked for */
};

/* Workers. */

/* False: nobody wants to wait any more. */
static bool push_waiting(struct lane *lane, struct exporter *e, struct sp_page *page)
{
	bool pushed = false;
	while (!pushed && atomic_load_explicit(&e->wait, memory_order_relaxed)) {
		sp_bell_set(&lane->waiting);
		pushed = sp_ring_push(lane->full, page);
		if (pushed)
			break;
		sp_bell_wake(&e->asleep);
		sp_bell_wait(&lane->waiting, &nap);
	}
	sp_bell_clear(&lane->waiting);
	return pushed;
}

static void keep_spare(struct worker *w, struct sp_page *page)
{
	page->next = w->spare;
	w->spare = page;
}

static void drop_page(struct lane *lane, struct worker *w, struct sp_page *page)
{
	count(&lane->dropped_records, page->n);
	count(&lane->dropped_pages, 1);
	if (atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) == 1)
		keep_spare(w, page);
}

static void give_page(struct worker *w, struct exporter *e, struct sp_page *page)
{
	struct lane *lane = &w->lane[e->index];
	if (!sp_ring_push(lane->full, page) && !push_waiting(lane, e, page)) {
		drop_page(lane, w, page);
		return;
	}
	if (++lane->since_wake < WAKE_PAGES && lane->since_wake < w->hub->depth)
		return;
	sp_fence();
	if (atomic_load_explicit(&e->asleep, memory_order_relaxed)) {
		lane->since_wake = 0;
		sp_bell_wake(&e->asleep);
	}
}

static enum sp_wants wants(const struct exporter *e, const struct sp_page *page)
{
	return e->encoder->wants ? e->encoder->wants(page, e->hub->points) : SP_WANTS_ALL;
}

/* To those who want it: nobody else is woken for it. */
static void send_page(struct worker *w, struct sp_page *page)
{
	struct exporter *to[EXPORTERS_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < w->hub->n_exporters; i++)
		if (wants(w->hub->exporter[i], page))
			to[n++] = w->hub->exporter[i];
	atomic_store_explicit(&page->refs, n, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		give_page(w, to[i], page);
	if (!n)
		keep_spare(w, page);
}

static struct sp_page *empty_page(struct worker *w)
{
	struct sp_page *page;
	for (unsigned i = 0; i < w->hub->n_exporters; i++)
		while ((page = sp_ring_pop(w->lane[i].empty)))
			keep_spare(w, page);
	page = w->spare;
	assert(page);
	w->spare = page->next;
	page->used = page->n = page->ids = 0;
	return page;
}

static struct sp_page *turn(struct sp_out *out, struct sp_page *full)
{
	struct worker *w = out->ctx;
	if (full) {
		if (!w->hub->n_exporters) {
			full->used = full->n = full->ids = 0;
			return full;
		}
		send_page(w, full);
	}
	return empty_page(w);
}

void sp_hub_out(struct sp_hub *hub, unsigned worker, struct sp_out *ret)
{
	assert(hub->pages && worker < hub->n_workers);
	*ret = (struct sp_out){.turn = turn, .ctx = &hub->worker[worker]};
}

/* Exporters. */

/* Its first `n` bytes. A record is counted with those of its bytes that come first. */
static void write_piece(struct exporter *e, unsigned kind, size_t n)
{
	struct piece *piece = &e->piece[kind];
	if (!n)
		return;
	size_t bytes = n, rest = piece->buf.n - n;
	int rc = e->sink->take ? e->sink->take(e->sink, &piece->buf) : e->sink->write(e->sink, kind, piece->buf.p, n);
	if (rc) {
		count(&e->write_errors, 1);
		count(&e->failed_records, piece->records);
		if (!atomic_load_explicit(&e->error, memory_order_relaxed))
			atomic_store_explicit(&e->error, rc, memory_order_relaxed);
	} else {
		count(&e->records, piece->records);
		count(&e->bytes_written, bytes);
	}
	piece->bytes_before += bytes;
	if (rest)
		memmove(piece->buf.p, piece->buf.p + n, rest);
	piece->buf.n = rest;
	piece->records = 0;
}

static void write_pieces(struct exporter *e)
{
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		write_piece(e, kind, e->piece[kind].buf.n);
}

/* What stays in the program stays in its order, too: a flow must not come before calls that ended earlier. */
static unsigned piece_of(const struct exporter *e, const struct sp_record_head *head)
{
	return e->encoder->inside ? 0 : head->kind;
}

/* How much of a piece is written now. The kernel keeps a whole chunk of a file that nobody reads yet as one block of
 * memory, as long as it has such blocks; for a large file it would have to make them, or a virtual machine would have
 * to get them from its host first, which costs more than it saves. */
static size_t how_much(const struct exporter *e, const struct piece *piece)
{
	return e->sink->unread && piece->bytes_before < LARGE ? piece->buf.n & -SP_SINK_PIECE : piece->buf.n;
}

static void encode_record(struct exporter *e, const struct sp_record_head *head)
{
	unsigned kind = piece_of(e, head);
	struct piece *piece = &e->piece[kind];
	e->encoder->record(&piece->buf, head, e->hub->points);
	piece->records++;
	if (piece->buf.n >= SP_SINK_PIECE)
		write_piece(e, kind, how_much(e, piece));
}

static void encode_all(struct exporter *e, const struct sp_page *page)
{
	for (uint32_t at = 0; at < page->used;) {
		const struct sp_record_head *head = (const struct sp_record_head *)(page->data + at);
		if (e->encoder->inside || !sp_record_is_inside(head))
			encode_record(e, head);
		at += head->size;
	}
}

static void encode_ids(struct exporter *e, const struct sp_page *page)
{
	for (uint32_t i = 0; i < page->ids; i++)
		encode_record(e, (const struct sp_record_head *)(page->data + (size_t)page->id_at[i] * 8));
}

static void encode_page(struct exporter *e, const struct sp_page *page)
{
	if (page->ids <= SP_PAGE_IDS && wants(e, page) == SP_WANTS_IDS)
		encode_ids(e, page);
	else
		encode_all(e, page);
	count(&e->pages, 1);
}

static void give_back(struct exporter *e, struct sp_page *page)
{
	if (atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) > 1)
		return;
	bool pushed = sp_ring_push(e->hub->worker[page->worker].lane[e->index].empty, page);
	assert(pushed);
	(void)pushed;
}

/* One page from every worker. Returns how many. */
static unsigned round_robin(struct exporter *e)
{
	unsigned n = 0;
	for (unsigned i = 0; i < e->hub->n_workers; i++) {
		struct lane *lane = &e->hub->worker[i].lane[e->index];
		struct sp_page *page = sp_ring_pop(lane->full);
		if (!page)
			continue;
		n++;
		encode_page(e, page);
		give_back(e, page);
		if (atomic_load_explicit(&e->wait, memory_order_relaxed)) {
			sp_fence();
			if (sp_ring_count(lane->full) <= e->hub->depth / 2)
				sp_bell_wake(&lane->waiting);
		}
	}
	return n;
}

static void *exporter_main(void *arg)
{
	struct exporter *e = arg;
	for (;;) {
		unsigned reopen = atomic_load_explicit(&e->hub->reopen, memory_order_relaxed);
		if (SP_UNLIKELY(reopen != e->reopened)) {
			e->reopened = reopen;
			write_pieces(e);
			if (e->sink->reopen)
				e->sink->reopen(e->sink);
		}
		if (round_robin(e))
			continue;
		if (!e->sink->unread)
			write_pieces(e);
		sp_bell_set(&e->asleep);
		bool stopping = atomic_load_explicit(&e->hub->stopping, memory_order_acquire);
		if (!round_robin(e)) {
			if (stopping)
				break;
			if (e->sink->idle)
				e->sink->idle(e->sink);
			sp_bell_wait(&e->asleep, &nap);
		}
		sp_bell_clear(&e->asleep);
	}
	write_pieces(e);
	return NULL;
}

/* Control. */

int sp_hub_new(struct sp_hub **ret, unsigned workers, unsigned depth, const struct sp_points *points)
{
	assert(workers && depth && !(depth & (depth - 1)));
	struct sp_hub *hub = calloc(1, sizeof *hub);
	if (!hub)
		return -ENOMEM;
	hub->n_workers = workers;
	hub->depth = depth;
	hub->points = points;
	*ret = hub;
	return 0;
}

int sp_hub_add(struct sp_hub *hub, const struct sp_encoder *encoder, struct sp_sink *sink, bool wait)
{
	assert(!hub->started);
	struct exporter *e = NULL;
	if (hub->n_exporters < EXPORTERS_MAX)
		e = aligned_alloc(SP_CACHE_LINE, sizeof *e);
	if (!e) {
		sink->close(sink);
		return hub->n_exporters < EXPORTERS_MAX ? -ENOMEM : -ENOSPC;
	}
	*e = (struct exporter){.hub = hub, .encoder = encoder, .sink = sink, .wait = wait, .index = hub->n_exporters};
	hub->exporter[hub->n_exporters++] = e;
	return 0;
}

/* Enough for every lane's ring, one in every exporter's hands, one in the worker's. A worker that may have to wait for
 * an exporter may wait for memory, too. */
static int make_pages(struct sp_hub *hub)
{
	bool waits = true;
	for (unsigned i = 0; i < hub->n_exporters; i++)
		waits &= hub->exporter[i]->wait;
	size_t each = hub->n_exporters * (hub->depth + 1) + 1;
	hub->pages_size = each * hub->n_workers * sizeof(struct sp_page);
	hub->pages = sp_mem_map(hub->pages_size, waits ? 0 : SP_MEM_POPULATE);
	if (!hub->pages)
		return -ENOMEM;
	for (size_t i = 0; i < each * hub->n_workers; i++) {
		struct sp_page *page = &hub->pages[i];
		struct worker *w = &hub->worker[i / each];
		page->worker = (uint32_t)(i / each);
		page->next = w->spare;
		w->spare = page;
	}
	return 0;
}

static int make_lanes(struct sp_hub *hub)
{
	size_t n = (size_t)hub->n_workers * hub->n_exporters;
	hub->worker = aligned_alloc(SP_CACHE_LINE, hub->n_workers * sizeof *hub->worker);
	hub->lanes = aligned_alloc(SP_CACHE_LINE, (n + 1) * sizeof *hub->lanes);
	if (!hub->worker || !hub->lanes)
		return -ENOMEM;
	memset(hub->lanes, 0, n * sizeof *hub->lanes);
	for (unsigned i = 0; i < hub->n_workers; i++)
		hub->worker[i] = (struct worker){.hub = hub, .lane = &hub->lanes[(size_t)i * hub->n_exporters]};
	uint32_t pages = 1;
	while (pages < hub->n_exporters * (hub->depth + 1) + 1)
		pages *= 2;
	for (size_t i = 0; i < n; i++) {
		hub->lanes[i].full = sp_ring_new(hub->depth);
		hub->lanes[i].empty = sp_ring_new(pages);
		if (!hub->lanes[i].full || !hub->lanes[i].empty)
			return -ENOMEM;
	}
	return 0;
}

int sp_hub_start(struct sp_hub *hub)
{
	int rc = make_lanes(hub);
	if (!rc)
		rc = make_pages(hub);
	for (unsigned i = 0; !rc && i < hub->n_exporters; i++) {
		rc = -pthread_create(&hub->exporter[i]->thread, NULL, exporter_main, hub->exporter[i]);
		if (!rc)
			hub->started++;
	}
	return rc;
}

void sp_hub_set_wait(struct sp_hub *hub, bool wait)
{
	for (unsigned i = 0; i < hub->n_exporters; i++)
		atomic_store_explicit(&hub->exporter[i]->wait, wait, memory_order_relaxed);
}

void sp_hub_reopen(struct sp_hub *hub)
{
	atomic_fetch_add_explicit(&hub->reopen, 1, memory_order_relaxed);
	for (unsigned i = 0; i < hub->started; i++)
		sp_bell_wake(&hub->exporter[i]->asleep);
}

int sp_hub_error(const struct sp_hub *hub)
{
	for (unsigned i = 0; i < hub->n_exporters; i++) {
		int rc = atomic_load_explicit(&hub->exporter[i]->error, memory_order_relaxed);
		if (rc)
			return rc;
	}
	return 0;
}

void sp_hub_stats(const struct sp_hub *hub, struct sp_hub_stats *ret)
{
	*ret = (struct sp_hub_stats){0};
	for (unsigned i = 0; i < hub->n_exporters; i++) {
		const struct exporter *e = hub->exporter[i];
		if (!e->encoder->inside) {
			ret->records += counted(&e->records);
			ret->bytes_written += counted(&e->bytes_written);
		}
		ret->failed_records += counted(&e->failed_records);
		ret->pages += counted(&e->pages);
		ret->write_errors += counted(&e->write_errors);
	}
	for (size_t i = 0; hub->lanes && i < (size_t)hub->n_workers * hub->n_exporters; i++) {
		ret->dropped_records += counted(&hub->lanes[i].dropped_records);
		ret->dropped_pages += counted(&hub->lanes[i].dropped_pages);
	}
}

int sp_hub_stop(struct sp_hub *hub)
{
	atomic_store_explicit(&hub->stopping, true, memory_order_release);
	sp_fence();
	for (unsigned i = 0; i < hub->n_exporters; i++) {
		struct exporter *e = hub->exporter[i];
		if (i < hub->started) {
			sp_bell_wake(&e->asleep);
			pthread_join(e->thread, NULL);
		}
		int rc = e->sink ? e->sink->close(e->sink) : 0;
		e->sink = NULL;
		if (rc && !atomic_load_explicit(&e->error, memory_order_relaxed))
			atomic_store_explicit(&e->error, rc, memory_order_relaxed);
	}
	hub->started = 0;
	return sp_hub_error(hub);
}

void sp_hub_free(struct sp_hub *hub)
{
	if (!hub)
		return;
	sp_hub_stop(hub);
	for (size_t i = 0; hub->lanes && i < (size_t)hub->n_workers * hub->n_exporters; i++) {
		free(hub->lanes[i].full);
		free(hub->lanes[i].empty);
	}
	for (unsigned i = 0; i < hub->n_exporters; i++) {
		for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
			sp_buf_free(&hub->exporter[i]->piece[kind].buf);
		free(hub->exporter[i]);
	}
	sp_mem_unmap(hub->pages, hub->pages_size);
	free(hub->worker);
	free(hub->lanes);
	free(hub);
}
