/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/stitch_crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/bell.h"
#include "base/ring.h"
#include "base/time.h"
#include "stitch/shard.h"

#define LOADS 16 /* a power of two */

/* A flow, and how many spans come before it. */
struct sp_crew_flow {
	const struct sp_flow_record *record;
	unsigned spans;
};

/* What a thread gets. */
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
	struct sp_stitch *stitch;
	void (*told)(void *ctx, const struct sp_crew_load *load);
	void *ctx;
	unsigned n, started; /* finders; threads */
	struct lane empty;
	struct sp_crew_load load[LOADS];
	struct finder *finder[SP_SHARDS_MAX];
	pthread_t thread; /* the stitcher's */
	uint64_t busy_ns;
	_Alignas(SP_CACHE_LINE) sp_bell stitcher;
	_Alignas(SP_CACHE_LINE) sp_bell filler;
};

/* --- lanes --- */

static void give(struct lane *lane, struct sp_crew_load *load)
{
	bool pushed = sp_ring_push(lane->ring, load);
	assert(pushed); /* there are no more loads than a ring takes */
	(void)pushed;
	sp_bell_ring(lane->bell);
}

static struct sp_crew_load *get(struct lane *lane, bool wait)
{
	struct sp_crew_load *load;
	while (!(load = sp_ring_pop(lane->ring)) && wait) {
		sp_bell_set(lane->bell);
		load = sp_ring_pop(lane->ring);
		if (!load)
			sp_bell_wait(lane->bell, NULL);
		sp_bell_clear(lane->bell);
		if (load)
			break;
	}
	return load;
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
	struct sp_crew_load *l = get(&crew->empty, wait);
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
		struct sp_crew_load *l = get(&f->in, true);
		last = l->last;
		find(f, l);
		give(&f->out, l);
	}
	f->busy_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* --- stitching --- */

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
	crew->told(crew->ctx, l);
}

static void *stitcher_main(void *arg)
{
	struct sp_crew *crew = arg;
	for (bool last = false; !last;) {
		struct sp_crew_load *l = NULL;
		for (unsigned i = 0; i < crew->n; i++)
			l = get(&crew->finder[i]->out, true); /* all of them have the same ones, in the same order */
		last = l->last;
		stitch(crew, l);
		give(&crew->empty, l);
	}
	crew->busy_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
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
	f->out = (struct lane){sp_ring_new(LOADS), &crew->stitcher};
	return f->in.ring && f->out.ring ? sp_shard_new(&f->shard, conf, number) : -ENOMEM;
}

static void stop_finders(struct sp_crew *crew, struct sp_crew_load *last)
{
	last->last = true;
	for (unsigned i = 0; i < crew->started; i++)
		give(&crew->finder[i]->in, last);
	for (unsigned i = 0; i < crew->started; i++)
		pthread_join(crew->finder[i]->thread, NULL);
}

static int start(struct sp_crew *crew)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < crew->n; i++) {
		rc = -pthread_create(&crew->finder[i]->thread, NULL, finder_main, crew->finder[i]);
		crew->started += !rc;
	}
	rc = rc ? rc : -pthread_create(&crew->thread, NULL, stitcher_main, crew);
	if (rc)
		stop_finders(crew, sp_crew_load(crew, true));
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
	free(crew->empty.ring);
	free(crew);
}

int sp_crew_new(struct sp_crew **ret, struct sp_stitch *stitch, const struct sp_stitch_conf *conf,
		void (*told)(void *ctx, const struct sp_crew_load *load), void *ctx)
{
	struct sp_crew *crew = aligned_alloc(SP_CACHE_LINE, sizeof *crew);
	if (!crew)
		return -ENOMEM;
	*crew = (struct sp_crew){.stitch = stitch, .told = told, .ctx = ctx};
	crew->empty = (struct lane){sp_ring_new(LOADS), &crew->filler};
	int rc = crew->empty.ring ? 0 : -ENOMEM;
	for (unsigned i = 0; !rc && i < sp_shards_count(conf); i++)
		rc = finder_new(crew, conf, i);
	for (unsigned i = 0; !rc && i < LOADS; i++)
		sp_ring_push(crew->empty.ring, &crew->load[i]);
	rc = rc ? rc : start(crew);
	if (rc)
		free_all(crew);
	else
		*ret = crew;
	return rc;
}

void sp_crew_stop(struct sp_crew *crew, uint64_t *busy_ns)
{
	stop_finders(crew, sp_crew_load(crew, true));
	pthread_join(crew->thread, NULL);
	for (unsigned i = 0; busy_ns && i < crew->n; i++)
		busy_ns[i] = crew->finder[i]->busy_ns;
	if (busy_ns)
		busy_ns[crew->n] = crew->busy_ns;
	free_all(crew);
}
