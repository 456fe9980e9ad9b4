/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

struct sp_pipeline {
	struct sp_decode_conf decode;
	const struct sp_filter *filter;
	const struct sp_points *points;
	struct sp_flowtable *flows;
	struct sp_reorder *reorder;
	struct sp_out *out;
	struct sp_flow_memory memory; /* before the flows were ended */
	uint32_t points_known;
	uint32_t space[SP_POINTS_MAX]; /* points[].group, flat for decode */
	struct sp_counters counters;
	const struct sp_batch *decoded; /* comes decoded; a window's own batches do not */
	struct sp_batch matched;	/* what the filter left */
};

static void decode(struct sp_pipeline *p, struct sp_batch *batch)
{
	batch->homes = sp_flowtable_homes(p->flows);
	sp_decode_batch(&p->decode, p->space, batch);
}

/* Packets in order, their bytes good until this returns. */
static void analyse(void *ctx, struct sp_batch *batch)
{
	struct sp_pipeline *p = ctx;
	if (batch != p->decoded)
		decode(p, batch);
	sp_flowtable_batch(p->flows, batch);
	sp_counters_batch(&p->counters, batch);
}

/* Points appear while packets are read: interfaces of a pcapng, hot-plugged taps. Their group is settled by then. */
static void learn_points(struct sp_pipeline *p)
{
	uint32_t n = atomic_load_explicit(&p->points->n, memory_order_acquire);
	for (; p->points_known < n; p->points_known++) {
		assert(p->points->point[p->points_known].group < SP_POINTS_MAX);
		p->space[p->points_known] = p->points->point[p->points_known].group;
	}
}

int sp_pipeline_new(struct sp_pipeline **ret, const struct sp_pipeline_conf *conf, const struct sp_points *points,
		    struct sp_out *out, struct sp_err *err)
{
	struct sp_pipeline *p = sp_mem_map(sizeof *p, 0);
	if (!p)
		return sp_err(err, -ENOMEM, "no memory for a worker");
	p->decode = conf->decode;
	p->filter = conf->filter;
	p->points = points;
	p->out = out;
	int rc = sp_flowtable_new(&p->flows, conf->flow, conf->worker, conf->flags, p->decode.hash_key, out, err);
	if (!rc) {
		sp_flowtable_open_tunnels(p->flows, &p->decode, p->space);
		rc = sp_reorder_new(&p->reorder, conf->reorder, p->space, analyse, p, err);
	}
	if (rc) {
		sp_pipeline_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void sp_pipeline_free(struct sp_pipeline *p)
{
	if (!p)
		return;
	sp_reorder_free(p->reorder);
	if (p->flows)
		sp_flowtable_free(p->flows);
	sp_mem_unmap(p, sizeof *p);
}

/* What is left of a batch; what is not is counted. */
static struct sp_batch *filter(struct sp_pipeline *p, struct sp_batch *batch)
{
	if (!p->filter)
		return batch;
	sp_batch_begin(&p->matched);
	sp_filter_batch(p->filter, batch, &p->matched);
	sp_counters_filtered(&p->counters, batch, &p->matched);
	return &p->matched;
}

void sp_pipeline_batch(struct sp_pipeline *p, struct sp_batch *batch)
{
	if (SP_UNLIKELY(p->points_known != atomic_load_explicit(&p->points->n, memory_order_relaxed)))
		learn_points(p);
	p->counters.in += batch->n;
	batch->n_layers = 0;
	sp_reorder_batch(p->reorder, filter(p, batch));
}

struct sp_batch *sp_pipeline_decode(struct sp_pipeline *p, struct sp_batch *batch)
{
	if (SP_UNLIKELY(p->points_known != atomic_load_explicit(&p->points->n, memory_order_relaxed)))
		learn_points(p);
	uint32_t n = batch->n;
	batch->n_layers = 0;
	batch = filter(p, batch);
	p->counters.in += n - batch->n;
	decode(p, batch);
	return batch;
}

void sp_pipeline_decoded(struct sp_pipeline *p, struct sp_batch *batch)
{
	if (SP_UNLIKELY(p->points_known != atomic_load_explicit(&p->points->n, memory_order_relaxed)))
		learn_points(p);
	p->counters.in += batch->n;
	p->decoded = batch;
	sp_reorder_batch(p->reorder, batch);
	p->decoded = NULL;
}

void sp_pipeline_not_handed_over(struct sp_pipeline *p, const struct sp_pkt *pkt)
{
	struct sp_point_counters *point = &p->counters.point[pkt->point];
	point->packets++;
	point->bytes += pkt->wire_len;
	point->verdict[SP_DROPPED]++;
	p->counters.handoff_full++;
}

void sp_pipeline_tick(struct sp_pipeline *p, uint64_t now_ns)
{
	sp_reorder_tick(p->reorder, now_ns);
	sp_flowtable_tick(p->flows, now_ns);
}

void sp_pipeline_end(struct sp_pipeline *p, uint32_t point, enum sp_close_reason reason)
{
	sp_reorder_flush(p->reorder);
	if (point == SP_POINT_ANY)
		sp_flowtable_memory(p->flows, &p->memory);
	sp_flowtable_end(p->flows, point, reason);
	sp_out_flush(p->out);
}

void sp_pipeline_reconf(struct sp_pipeline *p, const struct sp_decode_conf *decode, const struct sp_flow_conf *flow)
{
	uint64_t hash_key = p->decode.hash_key; /* flows in the table were found by it */
	p->decode = *decode;
	p->decode.hash_key = hash_key;
	sp_flowtable_reconf(p->flows, flow);
}

void sp_pipeline_report(const struct sp_pipeline *p, struct sp_report *report)
{
	struct sp_counters *sum = report->counters;
	uint64_t first = p->counters.first_ns, last = p->counters.last_ns;
	if (first && (!sum->first_ns || first < sum->first_ns))
		sum->first_ns = first;
	sum->last_ns = SP_MAX(sum->last_ns, last);
	first = sum->first_ns, last = sum->last_ns;
	sp_counters_add(sum, &p->counters, offsetof(struct sp_counters, point) + p->points_known * sizeof *sum->point);
	sum->first_ns = first;
	sum->last_ns = last;

	struct sp_flow_memory memory = p->memory;
	if (!memory.index)
		sp_flowtable_memory(p->flows, &memory);
	sp_counters_add(&report->memory, &memory, sizeof memory);
	sp_counters_add(&report->flow, sp_flowtable_stats(p->flows), sizeof report->flow);
	if (sp_flowtable_apps(p->flows))
		sp_counters_add(report->apps, sp_flowtable_apps(p->flows), sizeof report->apps);
	sp_counters_add(&report->reorder, sp_reorder_stats(p->reorder), sizeof report->reorder);
	report->records_lost += p->out->lost;
	report->workers++;
}
