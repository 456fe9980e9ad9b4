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
	struct sp_batch own, kept;
	struct sp_fragments fragments;
};

/* The worker of a decoded packet. All see all fragments, in the same order, and agree. */
static unsigned decoded_worker(struct reader *me, const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	if (pkt->reason != SP_DECODE_OK)
		return 0;
	unsigned w = sp_share_worker(sp_flow_key_share(me->all->conf->decode, key), me->all->conf->workers);
	return pkt->flags & SP_PKT_FRAGMENT ? sp_fragments_worker(&me->fragments, pkt, key, w) : w;
}

/* Of a decoded batch, what is ours for certain. A packet without a cookie was known before. */
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

static void analyse(struct reader *me)
{
	struct sp_batch *batch = sp_pipeline_decode(me->pipeline, &me->own);
	uint64_t unknown = 0;
	for (uint32_t i = 0; i < batch->n; i++)
		unknown |= batch->pkt[i].cookie;
	if (unknown)
		batch = without_others(me);
	if (batch->n)
		sp_pipeline_decoded(me->pipeline, batch);
}

static void say(struct readers *r, uint64_t off)
{
	uint64_t foremost = atomic_load(&r->foremost);
	while (foremost < off && !atomic_compare_exchange_weak(&r->foremost, &foremost, off))
		;
	atomic_fetch_add(&r->said, 1);
}

/* Somebody wants to stop; we have read up to `off`. Returns where all stop. */
static uint64_t agree(struct readers *r, uint64_t off)
{
	say(r, off);
	while (atomic_load(&r->said) < r->conf->workers)
		sched_yield();
	return atomic_load(&r->foremost);
}

static void work(struct reader *me)
{
	struct readers *r = me->all;
	bool agreed = false;
	for (uint64_t reads = 1; sp_capture_read(me->capture, &me->own); reads++) {
		analyse(me);
		if (SP_UNLIKELY(reads % READS_PER_LOOK == 0 && me->index == 0 && !r->conf->go_on(r->conf->ctx)))
			atomic_store(&r->stopping, true);
		if (SP_UNLIKELY(!agreed && atomic_load_explicit(&r->stopping, memory_order_relaxed))) {
			sp_capture_end_at(me->capture, agree(r, sp_capture_offset(me->capture)));
			agreed = true;
		}
	}
	if (!agreed)
		say(r, sp_capture_offset(me->capture)); /* somebody who is behind may want to know */
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
	int rc = sp_capture_share(r->conf->capture, r->conf->decode, joined, n - 1);
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
