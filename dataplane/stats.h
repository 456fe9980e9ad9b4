/* SPDX-License-Identifier: Apache-2.0 */
/* Accounting: every packet that came in ends as analysed, filtered, duplicate, malformed or dropped, and it shows that
 * it adds up. Workers count in plain memory of their own; a report sums up over workers and is written as stats.json.
 * Names of its keys follow from the tables: verdicts, decode reasons, drops, flow table counters. */
#ifndef SP_DATAPLANE_STATS_H
#define SP_DATAPLANE_STATS_H

#include <stdio.h>

#include "base/pkt.h"
#include "base/point.h"
#include "dataplane/capture.h"
#include "dataplane/port.h"
#include "dataplane/reorder.h"
#include "exporters/hub.h"
#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"
#include "stitch/stitch.h"

struct sp_point_counters {
	uint64_t packets, bytes; /* bytes on the wire */
	uint64_t verdict[SP_VERDICT_MAX];
};

/* What one worker counts. */
struct sp_counters {
	uint64_t in;			       /* packets handed to the pipeline, before anything else */
	uint64_t reason[SP_DECODE_REASON_MAX]; /* of what was decoded */
	uint64_t cut;			       /* captured shorter than they were */
	uint64_t handoff_full;		       /* never reached their worker: its hand-off ring was full */
	uint64_t first_ns, last_ns;	       /* 0: none */
	struct sp_point_counters point[SP_POINTS_MAX];
};

/* Counts a batch whose verdicts are final. */
void sp_counters_batch(struct sp_counters *c, const struct sp_batch *batch);

/* Counts the packets of `in` that a filter left out of `out`, which holds the others in the same order. */
void sp_counters_filtered(struct sp_counters *c, const struct sp_batch *in, const struct sp_batch *out);

struct sp_report_file {
	const char *path;
	struct sp_capture_stats stats;
};

/* A live port that is open. */
struct sp_report_port {
	const struct sp_port *port;
	const char *how; /* its packets find the worker of their flow */
	struct sp_port_stats stats;
};

/* What a live worker did since it began. */
struct sp_report_worker {
	uint64_t busy_ns;     /* from polls that brought packets on, without polls in vain */
	uint64_t cpu_ns;      /* of its thread, polls in vain included */
	uint64_t packets;     /* polled */
	uint64_t handed_over; /* of those, given to another worker */
};

/* A run as a whole. Begins zeroed; files, ports, workers and points stay the caller's. */
struct sp_report {
	const struct sp_points *points;
	const struct sp_report_file *files;
	const struct sp_report_port *ports;
	const struct sp_report_worker *threads; /* of a live run, one entry a worker */
	unsigned n_files, n_ports, n_threads, workers;
	struct sp_counters *counters; /* sums of the workers' */
	uint64_t verdict[SP_VERDICT_MAX], packets, bytes;
	struct sp_port_stats port; /* sums over live ports */
	struct sp_flow_stats flow;
	struct sp_flow_memory memory;
	struct sp_app_counts apps[SP_APP_MAX];
	struct sp_reorder_stats reorder;
	struct sp_hub_stats hub;
	const struct sp_stitch_stats *stitch; /* NULL: no traces are made */
	uint64_t records_lost;		      /* for want of a page */
	uint64_t start_ns;		      /* CLOCK_MONOTONIC when the run began */
};

/* 0, or -ENOMEM. */
int sp_report_init(struct sp_report *r, const struct sp_points *points);
void sp_report_free(struct sp_report *r);

/* Adds the counters of a live port, or of one that was closed, at its point. */
void sp_report_add_port(struct sp_report *r, uint32_t point, const struct sp_port_stats *stats);

/* Once all workers and ports were added: fills the sums. */
void sp_report_sum(struct sp_report *r);

/* Adds one structure of nothing but counters to another. */
void sp_counters_add(void *to, const void *from, size_t size);

/* True when every packet that came in is in exactly one verdict and every loss has a reason. Else says which sum is
 * off. */
bool sp_report_adds_up(const struct sp_report *r, struct sp_err *err);

/* The report as one JSON object. */
void sp_report_json(FILE *out, const struct sp_report *r);

/* …into `dir`/stats.json, which changes its content at once. 0 or -errno with a message. */
int sp_report_write(const struct sp_report *r, const char *dir, struct sp_err *err);

const char *sp_verdict_name(enum sp_verdict verdict);

#endif
