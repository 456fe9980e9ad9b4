/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/stitch_crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/bell.h"
#include "base/ring.h"
#include "base/time.h"
#include "exporters/stitch_kept.h"
#include "stitch/shard.h"

#define LOADS 16 /* powers of two */
#define PAGES 8

/* A flow, and how many spans come before it. */
struct sp_crew_flow {
	const struct sp_flow_record *record;
	unsigned spans;
};

/* What was told, on its way to the teller. */
struct page {
	struct sp_buf kept;
	bool reopen, last;
};

/* What a thread gets from another one. */
struct lane {
	struct sp_ring *ring;
	sp_bell *bell; /* of who takes from it */
};

struct finder {
	struct sp_crew *crew;
	struct sp_shard *shard;
	unsigned number;
	struct lane in, out;
	pthread_t thread;
	uint64_t busy_ns;
	_Alignas(SP_CACHE_LINE) sp_bell bell;
};

struct sp_crew {
	unsigned n, started; /* finders, and their threads */
	struct finder *finder[SP_SHARDS_MAX];
	struct sp_crew_load load[LOADS];
	struct lane empty_loads;
	/* The stitcher's. */
	struct sp_stitch *stitch;
	struct sp_kept kept;
	struct page page[PAGES];
	struct lane empty_pages, pages;
	pthread_t stitcher;
	uint64_t stitcher_ns;
	/* The teller's. */
	struct sp_crew_told to;
	pthread_t teller;
	uint64_t teller_ns;
	_Alignas(SP_CACHE_LINE) sp_bell filler_bell;
	_Alignas(SP_CACHE_LINE) sp_bell stitcher_bell;
	_Alignas(SP_CACHE_LINE) sp_bell teller_bell;
};

/* --- lanes --- */

static void give(struct lane *lane, void *p)
{
	bool pushed = sp_ring_push(lane->ring, p);
	assert(pushed); /* there are no more of them than a ring takes */
	(void)pushed;
	sp_bell_ring(lane->bell);
}

/* Sleeps until there is one. */
static void *get(struct lane *lane)
{
	void *p;
	while (!(p = sp_ring_pop(lane->ring))) {
		sp_bell_set(lane->bell);
		p = sp_ring_pop(lane->ring);
		if (!p)
			sp_bell_wait(lane->bell, NULL);
		sp_bell_clear(lane->bell);
		if (p)
			break;
	}
	return p;
}

/* --- filling --- */

/* A larger array of lines of the cache. Out of memory off the packet path. */
static void *grow(void *had, size_t n, size_t more)
{
	void *p = aligned_alloc(SP_CACHE_LINE, (more + SP_CACHE_LINE - 1) / SP_CACHE_LINE * SP_CACHE_LINE);
	if (!p)
		abort();
	if (n)
		memcpy(p, had, n);
	free(had);
	return p;
}

static struct sp_prepared *add_span(struct sp_crew_load *l, unsigned shard)
{
	if (l->n_spans == l->spans_room) {
		l->spans_room = SP_MAX(2 * l->spans_room, 512u);
		l->span = grow(l->span, l->n_spans * sizeof *l->span, l->spans_room * sizeof *l->span);
		l->shard = grow(l->shard, l->n_spans, l->spans_room);
	}
	l->shard[l->n_spans] = (uint8_t)shard;
	return &l->span[l->n_spans++];
}

static void add_flow(struct sp_crew_load *l, const struct sp_flow_record *r)
{
	if (l->n_flows == l->flows_room) {
		l->flows_room = SP_MAX(2 * l->flows_room, 512u);
		l->flow = grow(l->flow, l->n_flows * sizeof *l->flow, l->flows_room * sizeof *l->flow);
	}
	l->flow[l->n_flows++] = (struct sp_crew_flow){r, l->n_spans};
}

struct sp_crew_load *sp_crew_load(struct sp_crew *crew, bool wait)
{
	struct sp_crew_load *l = wait ? get(&crew->empty_loads) : sp_ring_pop(crew->empty_loads.ring);
	if (l) {
		l->records.n = 0;
		l->n_spans = l->n_flows = 0;
		l->tick_ns = 0;
		l->reopen = false;
	}
	return l;
}

void sp_crew_record(struct sp_crew *crew, struct sp_crew_load *load, const struct sp_record_head *record)
{
	if (record->kind == SP_RECORD_REQUEST) {
		const struct sp_request_record *r = (const void *)record;
		add_span(load, sp_shard_of_record(r, crew->n))->record = r;
	} else if (record->kind == SP_RECORD_FLOW) {
		add_flow(load, (const void *)record);
	}
}

void sp_crew_span(struct sp_crew *crew, struct sp_crew_load *load, const struct sp_span *span)
{
	struct sp_prepared *p = add_span(load, sp_shard_of(span, crew->n));
	p->span = *span;
	p->record = NULL;
}

void sp_crew_send(struct sp_crew *crew, struct sp_crew_load *load)
{
	for (unsigned i = 0; i < crew->n; i++)
		give(&crew->finder[i]->in, load);
}

/* --- finding --- */

static void find(struct finder *f, struct sp_crew_load *l)
{
	struct sp_prepared *own[SP_SHARD_TOGETHER];
	unsigned n = 0;
	for (unsigned i = 0; i < l->n_spans; i++) {
		if (l->shard[i] != f->number)
			continue;
		own[n++] = &l->span[i];
		if (n == SP_SHARD_TOGETHER) {
			sp_shard_take(f->shard, own, n);
			n = 0;
		}
	}
	sp_shard_take(f->shard, own, n);
}

static void *finder_main(void *arg)
{
	struct finder *f = arg;
	for (bool last = false; !last;) {
		struct sp_crew_load *l = get(&f->in);
		last = l->last;
		find(f, l);
		give(&f->out, l);
	}
	f->busy_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* --- stitching --- */

static void hand_page(struct sp_crew *crew, bool reopen, bool last)
{
	struct page *page = get(&crew->empty_pages);
	struct sp_buf empty = page->kept;
	*page = (struct page){crew->kept.buf, reopen, last};
	empty.n = 0;
	crew->kept.buf = empty;
	give(&crew->pages, page);
}

static void enough(void *ctx)
{
	hand_page(ctx, false, false);
}

static void stitch(struct sp_crew *crew, const struct sp_crew_load *l)
{
	unsigned at = 0;
	for (unsigned i = 0; i < l->n_flows; i++) {
		sp_stitch_prepared(crew->stitch, l->span + at, l->flow[i].spans - at);
		at = l->flow[i].spans;
		sp_stitch_flow(crew->stitch, l->flow[i].record);
	}
	sp_stitch_prepared(crew->stitch, l->span + at, l->n_spans - at);
	if (l->tick_ns)
		sp_stitch_tick(crew->stitch, l->tick_ns);
	if (l->last)
		sp_stitch_end(crew->stitch);
}

static void *stitcher_main(void *arg)
{
	struct sp_crew *crew = arg;
	for (bool last = false; !last;) {
		struct sp_crew_load *l = NULL;
		for (unsigned i = 0; i < crew->n; i++)
			l = get(&crew->finder[i]->out); /* all of them have the same ones, in the same order */
		last = l->last;
		bool reopen = l->reopen;
		stitch(crew, l);
		give(&crew->empty_loads, l);
		if (crew->kept.buf.n || reopen || last)
			hand_page(crew, reopen, last);
	}
	crew->stitcher_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* --- telling --- */

static void *teller_main(void *arg)
{
	struct sp_crew *crew = arg;
	for (bool last = false; !last;) {
		struct page *page = get(&crew->pages);
		last = page->last;
		sp_kept_tell(&page->kept, &crew->to.told);
		if (crew->to.behind)
			crew->to.behind(crew->to.told.ctx, page->reopen);
		give(&crew->empty_pages, page);
	}
	crew->teller_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* --- begin and end --- */

static int finder_new(struct sp_crew *crew, const struct sp_stitch_conf *conf, unsigned number)
{
	struct finder *f = aligned_alloc(SP_CACHE_LINE, sizeof *f);
	if (!f)
		return -ENOMEM;
	*f = (struct finder){.crew = crew, .number = number};
	crew->finder[crew->n++] = f;
	f->in = (struct lane){sp_ring_new(LOADS), &f->bell};
	f->out = (struct lane){sp_ring_new(LOADS), &crew->stitcher_bell};
	return f->in.ring && f->out.ring ? sp_shard_new(&f->shard, conf, number) : -ENOMEM;
}

static int make(struct sp_crew *crew, const struct sp_stitch_conf *conf, const struct sp_points *points)
{
	struct sp_stitch_told kept = sp_kept_told(&crew->to.told, &crew->kept);
	crew->empty_loads = (struct lane){sp_ring_new(LOADS), &crew->filler_bell};
	crew->empty_pages = (struct lane){sp_ring_new(PAGES), &crew->stitcher_bell};
	crew->pages = (struct lane){sp_ring_new(PAGES), &crew->teller_bell};
	if (!crew->empty_loads.ring || !crew->empty_pages.ring || !crew->pages.ring)
		return -ENOMEM;
	for (unsigned i = 0; i < LOADS; i++)
		sp_ring_push(crew->empty_loads.ring, &crew->load[i]);
	for (unsigned i = 0; i < PAGES; i++)
		sp_ring_push(crew->empty_pages.ring, &crew->page[i]);
	int rc = sp_stitch_new(&crew->stitch, conf, points, &kept);
	for (unsigned i = 0; !rc && i < conf->shards; i++)
		rc = finder_new(crew, conf, i);
	return rc;
}

static void end_finders(struct sp_crew *crew)
{
	struct sp_crew_load *last = sp_crew_load(crew, true);
	last->last = true;
	for (unsigned i = 0; i < crew->started; i++)
		give(&crew->finder[i]->in, last);
	for (unsigned i = 0; i < crew->started; i++)
		pthread_join(crew->finder[i]->thread, NULL);
}

/* The last load ends a stitcher, and the last page a teller: each is started when those before it can end it. */
static int start(struct sp_crew *crew)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < crew->n; i++) {
		rc = -pthread_create(&crew->finder[i]->thread, NULL, finder_main, crew->finder[i]);
		crew->started += !rc;
	}
	rc = rc ? rc : -pthread_create(&crew->teller, NULL, teller_main, crew);
	if (rc) {
		end_finders(crew);
		return rc;
	}
	rc = -pthread_create(&crew->stitcher, NULL, stitcher_main, crew);
	if (rc) {
		end_finders(crew);
		hand_page(crew, false, true);
		pthread_join(crew->teller, NULL);
	}
	return rc;
}

static void free_all(struct sp_crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++) {
		free(crew->finder[i]->in.ring);
		free(crew->finder[i]->out.ring);
		sp_shard_free(crew->finder[i]->shard);
		free(crew->finder[i]);
	}
	for (unsigned i = 0; i < LOADS; i++) {
		sp_buf_free(&crew->load[i].records);
		free(crew->load[i].span);
		free(crew->load[i].shard);
		free(crew->load[i].flow);
	}
	for (unsigned i = 0; i < PAGES; i++)
		sp_buf_free(&crew->page[i].kept);
	sp_buf_free(&crew->kept.buf);
	free(crew->empty_loads.ring);
	free(crew->empty_pages.ring);
	free(crew->pages.ring);
	sp_stitch_free(crew->stitch);
	free(crew);
}

int sp_crew_new(struct sp_crew **ret, const struct sp_stitch_conf *conf, const struct sp_points *points,
		const struct sp_crew_told *to)
{
	struct sp_crew *crew = aligned_alloc(SP_CACHE_LINE, sizeof *crew);
	if (!crew)
		return -ENOMEM;
	*crew = (struct sp_crew){.to = *to, .kept = {.enough = enough, .ctx = crew}};
	int rc = make(crew, conf, points);
	rc = rc ? rc : start(crew);
	if (rc)
		free_all(crew);
	else
		*ret = crew;
	return rc;
}

void sp_crew_stop(struct sp_crew *crew, struct sp_stitch_stats *stats, uint64_t *busy_ns)
{
	end_finders(crew);
	pthread_join(crew->stitcher, NULL);
	pthread_join(crew->teller, NULL);
	for (unsigned i = 0; busy_ns && i < crew->n; i++)
		*busy_ns++ = crew->finder[i]->busy_ns;
	if (busy_ns) {
		*busy_ns++ = crew->stitcher_ns;
		*busy_ns = crew->teller_ns;
	}
	*stats = *sp_stitch_stats(crew->stitch);
	free_all(crew);
}
