/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker does to a batch: filter, order, decode, flow table, account. A file reader and a live worker run the
 * same pipeline. One thread calls everything here; after sp_pipeline_new nothing allocates but the flow table of a file
 * run. */
#ifndef SP_DATAPLANE_PIPELINE_H
#define SP_DATAPLANE_PIPELINE_H

#include "base/base.h"
#include "base/pkt.h"
#include "base/point.h"
#include "dataplane/filter.h"
#include "dataplane/reorder.h"
#include "dataplane/stats.h"
#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"

struct sp_pipeline_conf {
	struct sp_decode_conf decode;
	const struct sp_flow_conf *flow;
	const struct sp_reorder_conf *reorder;
	const struct sp_filter *filter; /* NULL: everything is analysed. The caller's, as long as the pipeline lives */
	unsigned worker;
	unsigned flags; /* enum sp_flowtable_flags */
};

struct sp_pipeline;

int sp_pipeline_new(struct sp_pipeline **ret, const struct sp_pipeline_conf *conf, const struct sp_points *points,
		    struct sp_out *out, struct sp_err *err);
void sp_pipeline_free(struct sp_pipeline *p);

/* Takes a batch as a port or a capture filled it. Its bytes may go away afterwards. */
void sp_pipeline_batch(struct sp_pipeline *p, struct sp_batch *batch);

/* For workers that share packets out: filter and decode alone, then sp_pipeline_decoded by the worker of each packet's
 * flow, which all workers' pipelines know by the same hash key. What decode returns is this batch, or one of the
 * pipeline's that is good until its next call. Packets that could not be handed over are counted as dropped. */
struct sp_batch *sp_pipeline_decode(struct sp_pipeline *p, struct sp_batch *batch);
void sp_pipeline_decoded(struct sp_pipeline *p, struct sp_batch *batch);
void sp_pipeline_not_handed_over(struct sp_pipeline *p, const struct sp_pkt *pkt);

/* Moves time without packets. */
void sp_pipeline_tick(struct sp_pipeline *p, uint64_t now_ns);

/* Ends the flows of a point (SP_POINT_ANY: of all) and sends the started page. */
void sp_pipeline_end(struct sp_pipeline *p, uint32_t point, enum sp_close_reason reason);

/* Swaps what may change while running: decode and flow settings. */
void sp_pipeline_reconf(struct sp_pipeline *p, const struct sp_decode_conf *decode, const struct sp_flow_conf *flow);

/* Adds this worker's counters to a report. By the worker, or after it stopped. */
void sp_pipeline_report(const struct sp_pipeline *p, struct sp_report *report);

#endif
