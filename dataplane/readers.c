/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/readers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/fragments.h"

#define READS_PER_LOOK 256 /* between calls of go_on */

struct readers {
	const struct sp_readers_conf *conf;
	enum sp_close_reason reason;
	/* Stopping: everyone says how far it has read, and goes on to where the foremost is. */
	_Atomic bool stopping;
	_Atomic uint32_t said;
	_Atomic uint64_t foremost;
};

struct reader {
	struct readers *all;
	struct sp_capture *capture;
	struct sp_pipeline *pipeline;
	unsigned index;
	bool has_thread;
	pthread_t thread;
	bool unknown;	    /* packets in `own` may be others' */
	uint64_t newest_ns; /* of the last read */
	struct sp_batch raw, own, kept;
	struct sp_fragments fragments;
};

/* The worker of a decoded packet. All see all fragments, in the same order, and agree. */
static unsigned decoded_worker(struct reader *me, const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	if (pkt->reason != SP_DECODE_OK)
		return 0;
	unsigned w = sp_share_worker(sp_flow_key_share(key), me->all->conf->workers);
	return pkt->flags & SP_PKT_FRAGMENT ? sp_fragments_worker(&me->fragments, pkt, key, w) : w;
}

/* Of a decoded batch, what is ours for certain. An ordinary packet was known before. */
static struct sp_batch *without_others(struct reader *me)
{
	const struct sp_batch *from = &me->own;
	struct sp_batch *to = &me->kept;
	sp_batch_begin(to);
	for (uint32_t i = 0; i < from->n; i++) {
		const struct sp_pkt *pkt = &from->pkt[i];
		if (!pkt->cookie || decoded_worker(me, pkt, &from->key[i]) == me->index)
			sp_batch_take(to, from, i);
	}
	to->odd = true;
	return to;
}

static void begin(struct reader *me)
{
	sp_batch_begin(&me->own);
	me->own.uniform = true;
	me->own.bytes = 0;
	me->unknown = false;
}

/* Analyses what has come together. */
static void flush(struct reader *me)
{
	struct sp_batch *batch = &me->own;
	if (batch->n) {
		batch = sp_pipeline_decode(me->pipeline, batch);
		if (me->unknown)
			batch = without_others(me);
		if (batch->n)
			sp_pipeline_decoded(me->pipeline, batch);
	}
	begin(me);
}

/* The view's cookie says whether its owner is known: nobody else needs it here. */
static inline void take(struct reader *me, const struct sp_pkt *pkt, bool unknown)
{
	struct sp_batch *own = &me->own;
	struct sp_pkt *to = &own->pkt[own->n];
	*to = *pkt;
	to->cookie = unknown;
	own->bytes += pkt->wire_len;
	if (++own->n == SP_BATCH_MAX)
		flush(me);
}

/* Which packets are ours is as good as random: found out without a branch. Returns how many, their places in `at`. */
static uint32_t choose(const struct reader *me, const uint32_t *share, uint64_t unknown, uint8_t at[SP_BATCH_MAX])
{
	unsigned workers = me->all->conf->workers, mine = me->index;
	uint32_t n = 0;
	for (uint32_t i = 0; i < me->raw.n; i++) {
		at[n] = (uint8_t)i;
		n += (unknown >> i & 1) | (sp_share_worker(share[i], workers) == mine);
	}
	return n;
}

/* The lines that the next reads need are asked for while our own packets are decoded. */
static void ask_later(struct reader *me)
{
	struct sp_batch *own = &me->own;
	const struct sp_batch *raw = &me->raw;
	if (own->ahead_lines && own->ahead + (size_t)own->ahead_lines * SP_CACHE_LINE != raw->ahead)
		own->ahead_lines = 0;
	if (!own->ahead_lines)
		own->ahead = raw->ahead;
	own->ahead_lines += raw->ahead_lines;
}

static void pick(struct reader *me)
{
	const struct sp_batch *raw = &me->raw;
	uint32_t share[SP_BATCH_MAX] = {0};
	uint8_t at[SP_BATCH_MAX];
	uint64_t unknown = sp_decode_shares(me->all->conf->decode, raw, share);
	uint32_t n = choose(me, share, unknown, at);
	ask_later(me);
	bool ordered = raw->uniform && raw->pkt[0].ts_ns >= me->newest_ns;
	me->newest_ns = raw->pkt[raw->n - 1].ts_ns;
	for (uint32_t k = 0; k < n; k++) {
		bool ask = unknown >> at[k] & 1;
		me->own.uniform &= ordered;
		me->unknown |= ask;
		take(me, &raw->pkt[at[k]], ask);
	}
}

static void say(struct readers *r, uint64_t reads)
{
	uint64_t foremost = atomic_load(&r->foremost);
	while (foremost < reads && !atomic_compare_exchange_weak(&r->foremost, &foremost, reads))
		;
	atomic_fetch_add(&r->said, 1);
}

/* Somebody wants to stop; we have read `reads` times. Returns after how many reads all stop. */
static uint64_t agree(struct readers *r, uint64_t reads)
{
	say(r, reads);
	while (atomic_load(&r->said) < r->conf->workers)
		sched_yield();
	return atomic_load(&r->foremost);
}

static void work(struct reader *me)
{
	struct readers *r = me->all;
	uint64_t last = UINT64_MAX, reads = 0;
	begin(me);
	while (reads < last && sp_capture_read(me->capture, &me->raw)) {
		pick(me);
		if (SP_UNLIKELY(++reads % READS_PER_LOOK == 0 && me->index == 0 && !r->conf->go_on(r->conf->ctx)))
			atomic_store(&r->stopping, true);
		if (SP_UNLIKELY(last == UINT64_MAX && atomic_load_explicit(&r->stopping, memory_order_relaxed)))
			last = agree(r, reads);
	}
	if (last == UINT64_MAX)
		say(r, reads); /* somebody who is behind may want to know */
	flush(me);
	sp_pipeline_end(me->pipeline, SP_POINT_ANY, r->reason);
}

static void *reader_main(void *arg)
{
	work(arg);
	return NULL;
}

static int start(struct reader *me)
{
	int rc = pthread_create(&me->thread, NULL, reader_main, me);
	me->has_thread = !rc;
	return -rc;
}

static int run(struct readers *r, struct reader *reader, struct sp_err *err)
{
	unsigned n = r->conf->workers;
	struct sp_capture *joined[SP_READERS_MAX];
	int rc = sp_capture_join(r->conf->capture, joined, n - 1);
	if (rc)
		return sp_err(err, rc, "%s", strerror(-rc));
	for (unsigned i = 0; i < n; i++) {
		reader[i].all = r;
		reader[i].index = i;
		reader[i].pipeline = r->conf->pipeline[i];
		reader[i].capture = i ? joined[i - 1] : r->conf->capture;
	}
	for (unsigned i = 1; i < n && !rc; i++)
		rc = start(&reader[i]);
	if (!rc)
		work(&reader[0]);
	for (unsigned i = 1; i < n; i++) {
		if (reader[i].has_thread)
			pthread_join(reader[i].thread, NULL);
		sp_capture_close(joined[i - 1]);
	}
	return rc ? sp_err(err, rc, "no thread for a worker: %s", strerror(-rc)) : 0;
}

int sp_readers_run(const struct sp_readers_conf *conf, enum sp_close_reason reason, struct sp_err *err)
{
	assert(conf->workers >= 2 && conf->workers <= SP_READERS_MAX);
	struct readers r = {.conf = conf, .reason = reason};
	struct reader *reader = sp_mem_map(conf->workers * sizeof *reader, 0);
	if (!reader)
		return sp_err(err, -ENOMEM, "no memory for %u workers", conf->workers);
	int rc = run(&r, reader, err);
	sp_mem_unmap(reader, conf->workers * sizeof *reader);
	return rc;
}
