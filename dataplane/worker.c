/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fence.h"
#include "base/mem.h"
#include "base/time.h"
#include "dataplane/fragments.h"

enum {
	/* Rounds without a packet before a worker that may sleep does. */
	EMPTY_ROUNDS = 16,
	/* Packets of a round that make waiting for more worth it. */
	FEW = SP_BATCH_MAX / 2,
	/* Rounds between looks at the clock while packets come. */
	ROUNDS_PER_LOOK = 256,
	/* More than the rings hold of small packets, as configured by default. */
	TAKE_ROUNDS = 4096,
	/* Longest sleep: flows end meanwhile. */
	SLEEP_MS = 100,
};

#define FLUSH_EVERY SP_NS_PER_SEC
#define TICK_EVERY SP_NS_PER_MS
/* Pauses where a port has no descriptor to sleep on. */
#define PAUSE_MIN (50 * SP_NS_PER_US)
#define PAUSE_MAX SP_NS_PER_MS

struct sp_worker {
	struct sp_worker_conf conf;
	struct sp_pipeline *pipeline;
	struct sp_plan *plan;
	uint64_t interval;   /* ns between two polls, where that does no harm */
	uint64_t newest_ns;  /* of all packets, by their own time; 0: none came yet */
	uint64_t looked;     /* CLOCK_MONOTONIC at the end of the last round without packets, or of a sleep */
	uint64_t busy_since; /* …when packets began to come; 0: none come */
	uint64_t quiet_since, ticked, flushed;
	uint64_t in_vain; /* what a round without packets takes at least: does not count as busy */
	uint64_t rounds, empty_rounds;
	struct sp_report_worker time;
	int epoll;
	bool has_pauses; /* a port of the plan has no descriptor */
	uint64_t pause;
	pthread_t thread;
	struct sp_err err; /* of the start */
	int started;	   /* 0 or -errno */

	_Alignas(SP_CACHE_LINE) struct sp_order order; /* the control thread's, until asked */
	_Atomic uint32_t asked;
	int wake; /* eventfd */

	_Alignas(SP_CACHE_LINE) _Atomic uint32_t done;
	_Atomic uint32_t asleep;

	struct sp_batch batch, own;
	struct sp_fragments fragments;
};

static void wake_up(struct sp_worker *w)
{
	if (w->conf.busy_poll)
		return;
	/* Orders "I say that I sleep" before "I look again", against "I give" before "does it sleep?". */
	sp_fence();
	if (atomic_load_explicit(&w->asleep, memory_order_relaxed))
		eventfd_write(w->wake, 1);
}

/* --- packets --- */

static inline void saw(struct sp_worker *w, const struct sp_batch *batch)
{
	w->newest_ns = SP_MAX(w->newest_ns, batch->pkt[batch->n - 1].ts_ns);
}

static unsigned worker_for(struct sp_worker *w, const struct sp_plan_queue *q, const struct sp_batch *batch, uint32_t i)
{
	const struct sp_pkt *pkt = &batch->pkt[i];
	const struct sp_flow_key *key = &batch->key[i];
	unsigned to = w->conf.index;
	if (pkt->reason != SP_DECODE_OK)
		return to;
	const struct sp_decode_conf *decode = &w->conf.pipeline.decode;
	bool shared = q->handoff == SP_HANDOFF_ALL ||
		      (q->handoff == SP_HANDOFF_TUNNELLED && pkt->flags & SP_PKT_TUNNELLED) ||
		      sp_flow_key_meets(decode, key);
	if (shared)
		to = sp_handoff_worker(w->conf.handoff, sp_flow_key_share(decode, key));
	if (SP_LIKELY(!(pkt->flags & SP_PKT_FRAGMENT)))
		return to;
	if (q->handoff == SP_HANDOFF_FRAGMENTS && !shared && !(pkt->flags & SP_PKT_LATER_FRAG))
		to = (q->first + q->port->flow_queue(q->port, key)) % sp_handoff_workers(w->conf.handoff);
	return sp_fragments_worker(&w->fragments, pkt, key, to);
}

/* Gives each packet of a decoded batch to its worker, and leaves those that are ours in w->own. */
static void hand_over(struct sp_worker *w, const struct sp_batch *batch, const uint8_t *to)
{
	struct sp_handoff *h = w->conf.handoff;
	unsigned me = w->conf.index;
	sp_batch_begin(&w->own);
	for (uint32_t i = 0; i < batch->n; i++) {
		if (to[i] == me)
			sp_batch_take(&w->own, batch, i);
		else if (SP_LIKELY(sp_handoff_give(h, me, to[i], batch, i)))
			w->time.handed_over++;
		else
			sp_pipeline_not_handed_over(w->pipeline, &batch->pkt[i]);
	}
	for (uint64_t who = sp_handoff_flush(h, me); who; who &= who - 1)
		wake_up(w->conf.peers[__builtin_ctzll(who)]);
}

/* A batch of a queue whose packets, or some of them, are other workers'. */
static void share_out(struct sp_worker *w, const struct sp_plan_queue *q, struct sp_batch *batch)
{
	uint8_t to[SP_BATCH_MAX];
	bool others = false;
	batch = sp_pipeline_decode(w->pipeline, batch);
	for (uint32_t i = 0; i < batch->n; i++) {
		to[i] = (uint8_t)worker_for(w, q, batch, i);
		others |= to[i] != w->conf.index;
	}
	if (others) {
		hand_over(w, batch, to);
		batch = &w->own;
	}
	if (batch->n)
		sp_pipeline_decoded(w->pipeline, batch);
}

static uint32_t poll_queue(struct sp_worker *w, struct sp_plan_queue *q)
{
	struct sp_port *port = q->port;
	if (SP_UNLIKELY(atomic_load_explicit(&q->ended, memory_order_relaxed)))
		return 0;
	int n = port->ops->poll(port, q->queue, &w->batch);
	if (n <= 0) {
		if (SP_UNLIKELY(n < 0))
			atomic_store_explicit(&q->ended, n, memory_order_release);
		return 0;
	}
	saw(w, &w->batch);
	w->time.packets += (uint32_t)n;
	if (q->handoff == SP_HANDOFF_NONE)
		sp_pipeline_batch(w->pipeline, &w->batch);
	else
		share_out(w, q, &w->batch);
	port->ops->release(port, q->queue, &w->batch);
	return (uint32_t)n;
}

/* What other workers handed over, a batch from each. */
static uint32_t take_in(struct sp_worker *w)
{
	struct sp_handoff *h = w->conf.handoff;
	uint32_t sum = 0;
	for (unsigned from = 0; from < sp_handoff_workers(h); from++) {
		uint32_t n = sp_handoff_take(h, w->conf.index, from, &w->batch);
		if (!n)
			continue;
		saw(w, &w->batch);
		sp_pipeline_decoded(w->pipeline, &w->batch);
		sp_handoff_release(h, w->conf.index, from);
		sum += n;
	}
	return sum;
}

static uint32_t round_robin(struct sp_worker *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < w->plan->n; i++)
		n += poll_queue(w, &w->plan->queue[i]);
	if (w->conf.handoff)
		n += take_in(w);
	return n;
}

/* --- time --- */

/* A started page does not wait for a full one. */
static void flush(struct sp_worker *w, uint64_t now)
{
	if (now - w->flushed < FLUSH_EVERY)
		return;
	w->flushed = now;
	sp_out_flush(&w->conf.out);
}

/* Waits until so much time has passed since the last look that a poll brings several packets. */
static void pace(struct sp_worker *w)
{
	uint64_t from = w->looked;
	do {
		__builtin_ia32_pause();
		w->looked = sp_clock_ns(CLOCK_MONOTONIC);
	} while (w->looked - from < w->interval);
}

static void stretch_ends(struct sp_worker *w, uint64_t now, uint64_t in_vain)
{
	uint64_t spent = now - w->busy_since;
	w->time.busy_ns += spent - SP_MIN(spent, in_vain);
	w->busy_since = 0;
	w->quiet_since = now;
}

/* A round that brought `n` packets. */
static void busy(struct sp_worker *w, uint32_t n)
{
	w->empty_rounds = 0;
	w->pause = PAUSE_MIN;
	if (!w->busy_since)
		w->busy_since = w->looked;
	if (SP_UNLIKELY(++w->rounds % ROUNDS_PER_LOOK == 0))
		flush(w, sp_clock_ns(CLOCK_MONOTONIC_COARSE));
	if (n >= FEW || !w->interval)
		return;
	w->looked = sp_clock_ns(CLOCK_MONOTONIC);
	stretch_ends(w, w->looked, 0);
	pace(w);
}

static void quiet(struct sp_worker *w)
{
	uint64_t now = sp_clock_ns(CLOCK_MONOTONIC);
	w->empty_rounds++;
	if (w->busy_since)
		stretch_ends(w, now, w->in_vain);
	else
		w->in_vain = SP_MIN(w->in_vain, now - w->looked);
	/* All that came before the look of last time has been polled since. */
	if (w->newest_ns && w->looked > w->quiet_since && now - w->ticked >= TICK_EVERY) {
		w->ticked = now;
		sp_pipeline_tick(w->pipeline, w->newest_ns + (w->looked - w->quiet_since));
	}
	flush(w, now);
	w->looked = now;
}

static void nap(struct sp_worker *w)
{
	struct timespec t = {.tv_nsec = (long)w->pause};
	w->pause = SP_MIN(2 * w->pause, PAUSE_MAX);
	nanosleep(&t, NULL);
}

static void sleep_on_descriptors(struct sp_worker *w)
{
	struct epoll_event events[16];
	eventfd_t n;
	atomic_store_explicit(&w->asleep, 1, memory_order_relaxed);
	sp_fence();
	bool order = atomic_load_explicit(&w->asked, memory_order_relaxed) != atomic_load(&w->done);
	if (!order && !(w->conf.handoff && sp_handoff_waits(w->conf.handoff, w->conf.index)))
		epoll_wait(w->epoll, events, SP_ARRAY_SIZE(events), SLEEP_MS);
	atomic_store_explicit(&w->asleep, 0, memory_order_relaxed);
	eventfd_read(w->wake, &n);
}

static void rest(struct sp_worker *w)
{
	if (w->conf.busy_poll) {
		if (w->interval)
			pace(w);
		else
			__builtin_ia32_pause();
		return;
	}
	if (w->empty_rounds < EMPTY_ROUNDS)
		return;
	if (w->has_pauses)
		nap(w);
	else
		sleep_on_descriptors(w);
	w->looked = sp_clock_ns(CLOCK_MONOTONIC);
}

/* --- orders --- */

/* The descriptors to sleep on: those of the plan's queues, and the one that others wake us by. */
static void set_descriptors(struct sp_worker *w)
{
	struct epoll_event event = {.events = EPOLLIN};
	if (w->epoll >= 0)
		close(w->epoll);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->has_pauses = w->epoll < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &event) < 0;
	for (uint32_t i = 0; i < w->plan->n; i++) {
		const struct sp_plan_queue *q = &w->plan->queue[i];
		int fd = q->port->ops->fd(q->port, q->queue);
		w->has_pauses |= fd < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) < 0;
	}
}

/* No pause before a poll that gives frames their time. */
static void set_interval(struct sp_worker *w)
{
	w->interval = w->conf.poll_interval;
	for (uint32_t i = 0; i < w->plan->n; i++)
		if (w->plan->queue[i].port->timed_by_poll)
			w->interval = 0;
}

static void obey(struct sp_worker *w)
{
	const struct sp_order *o = &w->order;
	switch (o->what) {
	case SP_ORDER_PLAN:
		w->plan = o->plan;
		set_interval(w);
		if (!w->conf.busy_poll)
			set_descriptors(w);
		break;
	case SP_ORDER_END:
		/* Where others go on giving it does not end by itself. */
		for (unsigned i = 0; w->conf.handoff && i < TAKE_ROUNDS && take_in(w); i++)
			;
		sp_pipeline_end(w->pipeline, o->point, o->reason);
		break;
	case SP_ORDER_RECONF:
		sp_pipeline_reconf(w->pipeline, o->decode, o->flow);
		break;
	case SP_ORDER_REPORT:
		sp_pipeline_report(w->pipeline, o->report);
		*o->time = w->time;
		o->time->cpu_ns = sp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		if (w->busy_since)
			o->time->busy_ns += sp_clock_ns(CLOCK_MONOTONIC) - w->busy_since;
		break;
	case SP_ORDER_STOP:
		break;
	}
}

static void work(struct sp_worker *w)
{
	for (;;) {
		uint32_t asked = atomic_load_explicit(&w->asked, memory_order_acquire);
		if (SP_UNLIKELY(asked != atomic_load_explicit(&w->done, memory_order_relaxed))) {
			bool stop = w->order.what == SP_ORDER_STOP;
			obey(w);
			atomic_store_explicit(&w->done, asked, memory_order_release);
			if (stop)
				return;
		}
		uint32_t n = round_robin(w);
		if (n) {
			busy(w, n);
		} else {
			quiet(w);
			rest(w);
		}
	}
}

static void *worker_main(void *arg)
{
	struct sp_worker *w = arg;
	char name[16];
	snprintf(name, sizeof name, "worker %u", w->conf.index);
	pthread_setname_np(pthread_self(), name);
	if (w->conf.cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((unsigned)w->conf.cpu, &set);
		if (sched_setaffinity(0, sizeof set, &set))
			w->started =
				sp_err(&w->err, -errno, "worker %u cannot be pinned to CPU %d: %s; see workers.cpus",
				       w->conf.index, w->conf.cpu, strerror(errno));
	}
	if (!w->started)
		w->started = sp_pipeline_new(&w->pipeline, &w->conf.pipeline, w->conf.points, &w->conf.out, &w->err);
	bool good = !w->started;
	w->looked = w->flushed = sp_clock_ns(CLOCK_MONOTONIC);
	atomic_store_explicit(&w->done, 1, memory_order_release);
	if (good)
		work(w);
	return NULL;
}

/* --- the control thread --- */

static int fail(struct sp_worker *w, int rc, struct sp_err *err)
{
	sp_err(err, rc, "worker %u: %s", w->conf.index, strerror(-rc));
	sp_worker_free(w);
	return rc;
}

int sp_worker_start(struct sp_worker **ret, const struct sp_worker_conf *conf, struct sp_err *err)
{
	static struct sp_plan nothing;
	struct sp_worker *w = sp_mem_map(sizeof *w, 0);
	if (!w)
		return sp_err(err, -ENOMEM, "worker %u: out of memory", conf->index);
	w->conf = *conf;
	w->plan = &nothing;
	w->pause = PAUSE_MIN;
	w->in_vain = SP_NS_PER_US;
	w->epoll = -1;
	w->asked = 1;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0)
		return fail(w, -errno, err);
	if (!conf->busy_poll)
		set_descriptors(w);
	int rc = pthread_create(&w->thread, NULL, worker_main, w);
	if (rc) {
		w->thread = 0;
		return fail(w, -rc, err);
	}
	*ret = w;
	return 0;
}

int sp_worker_ready(struct sp_worker *w, struct sp_err *err)
{
	while (!sp_worker_done(w))
		usleep(100);
	if (w->started)
		*err = w->err;
	return w->started;
}

void sp_worker_order(struct sp_worker *w, const struct sp_order *order)
{
	assert(sp_worker_done(w));
	w->order = *order;
	atomic_fetch_add_explicit(&w->asked, 1, memory_order_release);
	wake_up(w);
}

bool sp_worker_done(const struct sp_worker *w)
{
	return atomic_load_explicit(&w->done, memory_order_acquire) ==
	       atomic_load_explicit(&w->asked, memory_order_relaxed);
}

void sp_worker_free(struct sp_worker *w)
{
	if (!w)
		return;
	if (w->thread)
		pthread_join(w->thread, NULL);
	sp_pipeline_free(w->pipeline);
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	sp_mem_unmap(w, sizeof *w);
}
