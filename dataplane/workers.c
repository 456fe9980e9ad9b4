/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"

/* A queue and who polls it. */
struct seat {
	struct sp_port *port;
	uint16_t queue;
	uint8_t handoff;
	uint8_t first; /* worker of the port's queue 0 */
	uint8_t worker;
};

struct sp_workers {
	unsigned n;
	struct sp_worker *worker[SP_WORKERS_MAX];
	struct sp_plan *plan[SP_WORKERS_MAX]; /* NULL: nothing to poll */
	struct sp_handoff *handoff;
	struct seat *seat;
	uint32_t n_seats;
};

/* --- orders --- */

static void wait_for(struct sp_workers *ws)
{
	for (unsigned i = 0; i < ws->n; i++)
		while (!sp_worker_done(ws->worker[i]))
			usleep(20);
}

static void order_all(struct sp_workers *ws, const struct sp_order *order)
{
	wait_for(ws);
	for (unsigned i = 0; i < ws->n; i++)
		sp_worker_order(ws->worker[i], order);
}

/* --- start and stop --- */

static int make_handoff(struct sp_workers *ws, unsigned n, const struct sp_workers_conf *conf, struct sp_err *err)
{
	if (n == 1)
		return 0;
	uint64_t want = conf->handoff_ring * n * (n - 1);
	if (want > sp_mem_available() / 4)
		return sp_err(
			err, -ENOMEM,
			"%u workers need %llu MiB to hand packets over, more than a quarter of what is free: lower "
			"workers.handoff_ring or workers.count",
			n, (unsigned long long)want >> 20);
	return sp_handoff_new(&ws->handoff, n, conf->handoff_ring, (uint32_t)conf->handoff_snaplen, err);
}

/* Waits for all that were started. Those that could not begin are gone afterwards. */
static int all_ready(struct sp_workers *ws, int rc, struct sp_err *err)
{
	unsigned good = 0;
	for (unsigned i = 0; i < ws->n; i++) {
		struct sp_worker *w = ws->worker[i];
		int one = sp_worker_ready(w, rc ? &(struct sp_err){""} : err);
		rc = rc ? rc : one;
		if (one)
			sp_worker_free(w);
		else
			ws->worker[good++] = w;
	}
	ws->n = good;
	return rc;
}

int sp_workers_start(struct sp_workers **ret, const struct sp_workers_conf *conf,
		     const struct sp_pipeline_conf *pipeline, const struct sp_points *points, struct sp_hub *hub,
		     struct sp_err *err)
{
	unsigned count = sp_workers_conf_count(conf);
	struct sp_workers *ws = calloc(1, sizeof *ws);
	if (!ws)
		return sp_err(err, -ENOMEM, "no memory for workers");
	int rc = make_handoff(ws, count, conf, err);
	for (unsigned i = 0; !rc && i < count; i++) {
		struct sp_worker_conf one = {
			.index = i,
			.cpu = conf->cpus.n ? (int)conf->cpus.v[i % conf->cpus.n] : -1,
			.busy_poll = conf->busy_poll,
			.poll_interval = conf->busy_poll ? conf->poll_interval : 0,
			.pipeline = *pipeline,
			.points = points,
			.handoff = ws->handoff,
			.peers = ws->worker,
		};
		one.pipeline.worker = i;
		sp_hub_out(hub, i, &one.out);
		rc = sp_worker_start(&ws->worker[i], &one, err);
		ws->n += !rc;
	}
	rc = all_ready(ws, rc, err);
	if (rc) {
		sp_workers_stop(ws);
		return rc;
	}
	*ret = ws;
	return 0;
}

void sp_workers_stop(struct sp_workers *ws)
{
	if (!ws)
		return;
	order_all(ws, &(struct sp_order){.what = SP_ORDER_STOP});
	for (unsigned i = 0; i < ws->n; i++) {
		sp_worker_free(ws->worker[i]);
		free(ws->plan[i]);
	}
	sp_handoff_free(ws->handoff);
	free(ws->seat);
	free(ws);
}

unsigned sp_workers_count(const struct sp_workers *ws)
{
	return ws->n;
}

/* --- plans --- */

/* NULL without memory. */
static struct sp_plan *make_plan(const struct sp_workers *ws, unsigned worker)
{
	struct sp_plan *plan = calloc(1, sizeof *plan + ws->n_seats * sizeof *plan->queue);
	for (uint32_t i = 0; plan && i < ws->n_seats; i++) {
		const struct seat *s = &ws->seat[i];
		if (s->worker != worker)
			continue;
		struct sp_plan_queue *q = &plan->queue[plan->n++];
		q->port = s->port;
		q->queue = s->queue;
		q->handoff = s->handoff;
		q->first = s->first;
	}
	return plan;
}

/* Gives every worker what it polls from now on. Returns when all do, or -ENOMEM with everything as it was. */
static int publish(struct sp_workers *ws)
{
	struct sp_plan *plan[SP_WORKERS_MAX];
	for (unsigned i = 0; i < ws->n; i++) {
		plan[i] = make_plan(ws, i);
		if (plan[i])
			continue;
		while (i-- > 0)
			free(plan[i]);
		return -ENOMEM;
	}
	wait_for(ws);
	for (unsigned i = 0; i < ws->n; i++)
		sp_worker_order(ws->worker[i], &(struct sp_order){.what = SP_ORDER_PLAN, .plan = plan[i]});
	wait_for(ws);
	for (unsigned i = 0; i < ws->n; i++) {
		free(ws->plan[i]);
		ws->plan[i] = plan[i];
	}
	return 0;
}

/* The worker with the fewest queues. */
static unsigned least_busy(const struct sp_workers *ws)
{
	uint32_t seats[SP_WORKERS_MAX] = {0};
	unsigned best = 0;
	for (uint32_t i = 0; i < ws->n_seats; i++)
		seats[ws->seat[i].worker]++;
	for (unsigned i = 1; i < ws->n; i++)
		if (seats[i] < seats[best])
			best = i;
	return best;
}

/* How packets of a port find their flow's worker, and why so. */
static enum sp_handoff_which choose(const struct sp_workers *ws, const struct sp_port *port,
				    const struct sp_workers_port *about, char *why, size_t size)
{
	*why = 0;
	if (ws->n == 1)
		return SP_HANDOFF_NONE;
	if (!port->symmetric) {
		snprintf(why, size, "handed over by flow: its queues part the directions of a flow");
		return SP_HANDOFF_ALL;
	}
	if (about->shares_network) {
		snprintf(why, size, "handed over by flow: other ports bring packets of the same flows");
		return SP_HANDOFF_ALL;
	}
	if (port->n_queues < ws->n && !about->one_of_many) {
		snprintf(why, size, "handed over by flow: %u queue%s for %u workers", port->n_queues,
			 port->n_queues == 1 ? "" : "s", ws->n);
		return SP_HANDOFF_ALL;
	}
	if (port->outer && port->n_queues > 1) {
		snprintf(why, size, "packets in tunnels handed over by flow: its queues go by outer headers");
		return SP_HANDOFF_TUNNELLED;
	}
	snprintf(why, size, "flows stay with their queue's worker%s",
		 port->flow_queue ? ", fragments are handed over" : "");
	return port->flow_queue ? SP_HANDOFF_FRAGMENTS : port->n_queues > 1 ? SP_HANDOFF_MEETING : SP_HANDOFF_NONE;
}

int sp_workers_add(struct sp_workers *ws, struct sp_port *port, const struct sp_workers_port *about, char *how,
		   size_t size)
{
	uint32_t before = ws->n_seats;
	struct seat *more = realloc(ws->seat, (before + port->n_queues) * sizeof *more);
	if (!more)
		return -ENOMEM;
	ws->seat = more;
	enum sp_handoff_which handoff = choose(ws, port, about, how, size);
	unsigned first = port->n_queues < ws->n ? least_busy(ws) : 0;
	for (uint16_t q = 0; q < port->n_queues; q++)
		ws->seat[ws->n_seats++] =
			(struct seat){port, q, handoff, (uint8_t)first, (uint8_t)((first + q) % ws->n)};
	int rc = publish(ws);
	if (rc)
		ws->n_seats = before;
	return rc;
}

void sp_workers_remove(struct sp_workers *ws, struct sp_port *port)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < ws->n_seats; i++)
		if (ws->seat[i].port != port)
			ws->seat[kept++] = ws->seat[i];
	ws->n_seats = kept;
	/* A port must not stay in use: without memory for less, wait for some. */
	while (publish(ws))
		usleep(10000);
}

struct sp_port *sp_workers_failed(const struct sp_workers *ws, int *rc)
{
	for (unsigned i = 0; i < ws->n; i++)
		for (uint32_t q = 0; ws->plan[i] && q < ws->plan[i]->n; q++) {
			*rc = atomic_load_explicit(&ws->plan[i]->queue[q].ended, memory_order_acquire);
			if (*rc)
				return ws->plan[i]->queue[q].port;
		}
	return NULL;
}

/* --- the rest --- */

bool sp_workers_end(struct sp_workers *ws, uint32_t point, enum sp_close_reason reason, unsigned limit_ms)
{
	uint64_t end = sp_clock_ns(CLOCK_MONOTONIC) + limit_ms * SP_NS_PER_MS;
	order_all(ws, &(struct sp_order){.what = SP_ORDER_END, .point = point, .reason = reason});
	for (unsigned i = 0; i < ws->n; i++)
		while (!sp_worker_done(ws->worker[i])) {
			if (sp_clock_ns(CLOCK_MONOTONIC) > end)
				return false;
			usleep(20);
		}
	return true;
}

void sp_workers_reconf(struct sp_workers *ws, const struct sp_decode_conf *decode, const struct sp_flow_conf *flow)
{
	order_all(ws, &(struct sp_order){.what = SP_ORDER_RECONF, .decode = decode, .flow = flow});
	wait_for(ws);
}

void sp_workers_report(struct sp_workers *ws, struct sp_report *report, struct sp_report_worker *time)
{
	wait_for(ws);
	for (unsigned i = 0; i < ws->n; i++) {
		sp_worker_order(ws->worker[i],
				&(struct sp_order){.what = SP_ORDER_REPORT, .report = report, .time = &time[i]});
		while (!sp_worker_done(ws->worker[i]))
			usleep(20);
	}
}
