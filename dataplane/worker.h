/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: a thread, pinned to a CPU where one is named, that polls its queues of all ports and runs what comes
 * through a pipeline of its own. The control thread tells it what to do by orders, one at a time: the worker looks for
 * one between two rounds of polling, does it, and says so; nothing is locked.
 *
 * Time moves with packets, and without them as long ago as the last packet came: a port's clock need not be ours. */
#ifndef SP_DATAPLANE_WORKER_H
#define SP_DATAPLANE_WORKER_H

#include <stdatomic.h>

#include "dataplane/handoff.h"
#include "dataplane/pipeline.h"
#include "dataplane/port.h"

/* Which packets of a queue go to the worker of their flow, instead of being analysed by the worker that polls it; where
 * any do, those of flows that have to meet, too. */
enum sp_handoff_which {
	SP_HANDOFF_NONE,
	SP_HANDOFF_MEETING, /* no others */
	SP_HANDOFF_FRAGMENTS,
	SP_HANDOFF_TUNNELLED,
	SP_HANDOFF_ALL
};

/* What a worker polls. The control thread's; in use from the order that names it until the next one is done. */
struct sp_plan {
	uint32_t n;
	struct sp_plan_queue {
		struct sp_port *port;
		uint16_t queue;
		uint8_t handoff;   /* enum sp_handoff_which */
		uint8_t first;	   /* polls queue 0 of the port; the next ones poll the next queues in turn */
		_Atomic int ended; /* what poll returned when it failed; the queue is not polled any more */
	} queue[];
};

enum sp_order_what {
	SP_ORDER_PLAN,	 /* polls `plan` from now on */
	SP_ORDER_END,	 /* takes what others handed over and ends the flows of `point` */
	SP_ORDER_RECONF, /* new settings; copied */
	SP_ORDER_REPORT, /* adds its counters to `report` and sets `time` */
	SP_ORDER_STOP,	 /* the thread ends */
};

struct sp_order {
	enum sp_order_what what;
	struct sp_plan *plan;
	uint32_t point; /* or SP_POINT_ANY */
	enum sp_close_reason reason;
	const struct sp_decode_conf *decode;
	const struct sp_flow_conf *flow;
	struct sp_report *report;
	struct sp_report_worker *time;
};

struct sp_worker;

struct sp_worker_conf {
	unsigned index;
	int cpu; /* -1: any */
	bool busy_poll;
	uint64_t poll_interval; /* ns */
	struct sp_pipeline_conf pipeline;
	const struct sp_points *points;
	struct sp_out out;
	struct sp_handoff *handoff;	/* NULL: one worker */
	struct sp_worker *const *peers; /* all workers by index, for waking them */
};

/* Starts the thread, which makes its pipeline: memory lies near its CPU, and workers take theirs at the same time. 0,
 * or -errno with a message. */
int sp_worker_start(struct sp_worker **ret, const struct sp_worker_conf *conf, struct sp_err *err);

/* Waits until it can take orders. 0, or -errno with a message: the thread has ended. */
int sp_worker_ready(struct sp_worker *w, struct sp_err *err);

/* Gives an order; the one before must be done. */
void sp_worker_order(struct sp_worker *w, const struct sp_order *order);
bool sp_worker_done(const struct sp_worker *w);

/* After SP_ORDER_STOP, or when it never was ready: joins the thread and frees everything. */
void sp_worker_free(struct sp_worker *w);

#endif
