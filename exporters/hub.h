/* SPDX-License-Identifier: Apache-2.0 */
/* The hub moves pages: from every worker to every exporter, and back when the last reader is done. It never looks
 * inside a page and has no thread: the worker that turns a page pushes it to the rings of all exporters, the exporter
 * that is the last to read it sends it home. Threads: `turn` of sp_hub_out runs on the worker, encoders and sinks on
 * one thread an exporter; everything else is for the control thread. */
#ifndef SP_EXPORTERS_HUB_H
#define SP_EXPORTERS_HUB_H

#include "exporters/exporter.h"

struct sp_hub;

/* Sums over all exporters; records and bytes_written without those inside. Every record that a worker wrote is, for
 * each exporter, in exactly one of the first three.
 */
struct sp_hub_stats {
	uint64_t records;	  /* encoded and taken by the sink */
	uint64_t dropped_records; /* in pages that found the exporter's ring full */
	uint64_t failed_records;  /* in a write that the sink refused */
	uint64_t pages, dropped_pages;
	uint64_t bytes_written;
	uint64_t write_errors;
};

/* `depth`, a power of two: how many pages of one worker may wait for one exporter. */
int sp_hub_new(struct sp_hub **ret, unsigned workers, unsigned depth, const struct sp_points *points);

/* Before start; takes the sink, also when it fails. `wait`: a worker that meets a full ring waits (files: nothing is
 * lost); else the exporter loses that page, counted. */
int sp_hub_add(struct sp_hub *hub, const struct sp_encoder *encoder, struct sp_sink *sink, bool wait);

int sp_hub_start(struct sp_hub *hub);

/* Changes that of all exporters: a live run loses records rather than packets while it runs, and neither at its end.
 * Workers that wait now notice. Control thread. */
void sp_hub_set_wait(struct sp_hub *hub, bool wait);

/* Sinks open their files by their names again, each on its own thread, after what was encoded until then. */
void sp_hub_reopen(struct sp_hub *hub);

/* The worker's end, after start. Without exporters records go nowhere. */
void sp_hub_out(struct sp_hub *hub, unsigned worker, struct sp_out *ret);

/* The first error of any sink, 0 while there is none. Any thread: whoever reads files may as well stop. */
int sp_hub_error(const struct sp_hub *hub);

/* Counters so far. Any thread. */
void sp_hub_stats(const struct sp_hub *hub, struct sp_hub_stats *ret);

/* After the workers flushed and stopped: drains, closes every sink, joins. Returns the first sink error, -errno. */
int sp_hub_stop(struct sp_hub *hub);

void sp_hub_free(struct sp_hub *hub); /* stops first when started */

#endif
