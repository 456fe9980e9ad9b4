/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/readers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "dataplane/fragments.h"
#include "parsers/link/key.h"

enum {
	BATCHES = 32,	       /* that may wait for one tracker; a power of two */
	BATCHES_PER_LOOK = 256, /* between calls of go_on */
	READS_PER_FLUSH = 4,   /* a tracker's batch is sent when it is full, or after so many reads */
	SPINS = 2000,	       /* before a thread that has nothing to do sleeps */
};

/* …or bytes: a capture keeps them no longer than SP_CAPTURE_LOOKBACK unless they are held. */
#define BYTES_PER_FLUSH (1u << 20)
#define NAP (20 * SP_NS_PER_US)

/* Decoded batches on their way to a tracker. Their bytes are held. */
struct tracker {
	_Alignas(SP_CACHE_LINE) _Atomic uint32_t sent;	  /* the reader's */
	_Alignas(SP_CACHE_LINE) _Atomic uint32_t tracked; /* the tracker's */
	struct readers *all;
	struct sp_pipeline *pipeline;
	pthread_t thread;
	struct sp_batch batch[BATCHES];
};

struct readers {
	const struct sp_readers_conf *conf;
	enum sp_close_reason reason;
	_Atomic bool ended; /* nothing will be sent any more */
	unsigned n;	    /* trackers */
	struct tracker *tracker;
	struct sp_batch raw; /* of several trackers */
	struct sp_fragments fragments;
};

/* Nothing to do, for the n-th time in a row. */
static void wait(unsigned n)
{
	const struct timespec nap = {.tv_nsec = NAP};
	if (n < SPINS)
		__builtin_ia32_pause();
	else
		nanosleep(&nap, NULL);
}

/* --- trackers --- */

/* The next batch is on another processor yet. */
static void ask_for(const struct sp_batch *batch)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		__builtin_prefetch(&batch->pkt[i]);
		__builtin_prefetch(&batch->key[i]);
	}
}

static void *tracker_main(void *arg)
{
	struct tracker *t = arg;
	struct readers *r = t->all;
	uint32_t next = 0, idle = 0;
	for (;;) {
		bool ended = atomic_load_explicit(&r->ended, memory_order_acquire);
		uint32_t sent = atomic_load_explicit(&t->sent, memory_order_acquire);
		if (next == sent) {
			if (ended)
				break;
			if (!sp_merge_prepare(r->conf->merge))
				wait(idle++);
			continue;
		}
		idle = 0;
		for (; next != sent; next++) {
			struct sp_batch *batch = &t->batch[next % BATCHES];
			if (next + 1 != sent)
				ask_for(&t->batch[(next + 1) % BATCHES]);
			sp_pipeline_decoded(t->pipeline, batch);
			sp_capture_release(batch);
			atomic_store_explicit(&t->tracked, next + 1, memory_order_release);
		}
	}
	sp_pipeline_end(t->pipeline, SP_POINT_ANY, r->reason);
	return NULL;
}

/* --- the reader --- */

/* The batch of a tracker that is being filled. */
static struct sp_batch *open_batch(struct tracker *t)
{
	return &t->batch[atomic_load_explicit(&t->sent, memory_order_relaxed) % BATCHES];
}

/* Waits until the batch after those that were sent is free. */
static void make_room(struct tracker *t)
{
	uint32_t sent = atomic_load_explicit(&t->sent, memory_order_relaxed);
	for (unsigned n = 0; sent - atomic_load_explicit(&t->tracked, memory_order_acquire) >= BATCHES; n++)
		wait(n);
}

static void send(struct tracker *t)
{
	sp_capture_hold(open_batch(t));
	atomic_fetch_add_explicit(&t->sent, 1, memory_order_release);
	make_room(t);
}

static void begin(struct tracker *t)
{
	struct sp_batch *batch = open_batch(t);
	sp_batch_begin(batch);
	batch->odd = true;
}

static unsigned tracker_of(struct readers *r, const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	if (SP_UNLIKELY(pkt->reason != SP_DECODE_OK))
		return 0;
	unsigned t = (unsigned)((uint64_t)sp_key_share(key) * r->n >> 32);
	return SP_LIKELY(!(pkt->flags & SP_PKT_FRAGMENT)) ? t : sp_fragments_worker(&r->fragments, pkt, key, t);
}

static void give(struct tracker *t, const struct sp_batch *from, uint32_t i)
{
	struct sp_batch *to = open_batch(t);
	struct sp_pkt *pkt = &to->pkt[to->n];
	*pkt = from->pkt[i];
	to->key[to->n] = from->key[i];
	if (SP_UNLIKELY(pkt->layers)) {
		to->layers[to->n_layers] = from->layers[pkt->layers - 1];
		pkt->layers = (uint16_t)++to->n_layers;
	}
	if (++to->n == SP_BATCH_MAX) {
		send(t);
		begin(t);
	}
}

static void flush(struct readers *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (open_batch(&r->tracker[i])->n) {
			send(&r->tracker[i]);
			begin(&r->tracker[i]);
		}
}

/* Reads, decodes and parts what comes next. False at the end. */
static bool for_several(struct readers *r)
{
	struct sp_pipeline *pipeline = r->conf->pipeline[r->n];
	uint64_t bytes = 0;
	bool more = true;
	for (unsigned reads = 0; more && reads < READS_PER_FLUSH && bytes < BYTES_PER_FLUSH; reads++) {
		more = sp_merge_read(r->conf->merge, &r->raw);
		if (!more)
			break;
		const struct sp_batch *batch = sp_pipeline_decode(pipeline, &r->raw);
		for (uint32_t i = 0; i < batch->n; i++) {
			give(&r->tracker[tracker_of(r, &batch->pkt[i], &batch->key[i])], batch, i);
			bytes += batch->pkt[i].cap_len;
		}
	}
	flush(r);
	return more;
}

/* A single tracker gets the batch as it was read. */
static bool for_one(struct readers *r)
{
	struct tracker *t = &r->tracker[0];
	struct sp_batch *raw = open_batch(t);
	if (!sp_merge_read(r->conf->merge, raw))
		return false;
	struct sp_batch *batch = sp_pipeline_decode(r->conf->pipeline[r->n], raw);
	if (SP_UNLIKELY(batch != raw)) {
		*raw = *batch;
		raw->odd = true;
	}
	if (raw->n)
		send(t);
	return true;
}

static void read_all(struct readers *r)
{
	bool more = true;
	for (unsigned i = 0; i < r->n; i++)
		begin(&r->tracker[i]);
	for (unsigned n = 0; more; n++) {
		if (n % BATCHES_PER_LOOK == 0 && !r->conf->go_on(r->conf->ctx))
			break;
		more = r->n == 1 ? for_one(r) : for_several(r);
	}
}

/* --- the caller --- */

int sp_readers_run(const struct sp_readers_conf *conf, enum sp_close_reason reason, struct sp_err *err)
{
	assert(conf->workers >= 2 && conf->workers <= SP_READERS_MAX);
	unsigned n = conf->workers - 1, started = 0;
	struct readers *r = sp_mem_map(sizeof *r, 0);
	struct tracker *trackers = sp_mem_map(n * sizeof *trackers, 0);
	int rc = r && trackers ? 0 : sp_err(err, -ENOMEM, "no memory for %u workers", n);
	if (!rc)
		*r = (struct readers){.conf = conf, .reason = reason, .n = n, .tracker = trackers};
	for (; !rc && started < n; started++) {
		struct tracker *t = &trackers[started];
		t->all = r;
		t->pipeline = conf->pipeline[started];
		int failed = pthread_create(&t->thread, NULL, tracker_main, t);
		if (failed) {
			rc = sp_err(err, -failed, "worker %u: %s", started, strerror(failed));
			break;
		}
	}
	if (!rc)
		read_all(r);
	if (r)
		atomic_store_explicit(&r->ended, true, memory_order_release);
	for (unsigned i = 0; i < started; i++)
		pthread_join(trackers[i].thread, NULL);
	if (!rc)
		sp_pipeline_end(conf->pipeline[n], SP_POINT_ANY, reason);
	sp_mem_unmap(r, sizeof *r);
	sp_mem_unmap(trackers, n * sizeof *trackers);
	return rc;
}
