/* SPDX-License-Identifier: Apache-2.0 */
/* What programs share that send captures through reader, pipeline, encoder and stitcher, and look at what comes out. */
#ifndef SP_TESTS_CORPUS_ANALYSIS_H
#define SP_TESTS_CORPUS_ANALYSIS_H

#include "conf/conf.h"
#include "dataplane/decode_conf.h"
#include "dataplane/pipeline.h"
#include "exporters/stitch.h"

struct settings {
	struct sp_decode_settings decode;
	struct sp_reorder_conf reorder;
	struct sp_flow_conf flow;
	struct sp_stitch_conf stitch;
};

/* NULL text: what the product does by itself. Ends the program when that cannot be. */
struct sp_conf *settings_load(const char *text);

/* One analysis, or several that follow each other. */
struct run {
	struct sp_out out;
	struct sp_page page;
	struct sp_buf json[SP_RECORD_KIND_MAX];
	struct sp_points *points;
	struct sp_batch batch;
	uint64_t flow_packets; /* sums over records: packets, and calls, as flows and as calls say it */
	uint64_t flow_requests, requests;
	uint64_t profiled, kept; /* packets of profiles, and those of which bytes are kept */
	const struct settings *settings;
	const struct sp_encoder *stitch_encoder;
	struct sp_sink *stitch, lines; /* the stitcher, and what takes the lines that it makes */
	struct sp_stitch_stats stitch_stats;
	struct sp_buf stitched; /* records on their way to it */
	const char *broken;
	struct sp_err err;
};

struct run *run_new(void);
void run_free(struct run *r);

/* Frees what lines are made in, which is as large as the longest so far. */
void run_forget(struct run *r);

/* The first thing that is wrong stays. */
void run_broken(struct run *r, const char *what);

/* NULL, and broken: it cannot be had. */
struct sp_pipeline *run_pipeline(struct run *r, const struct settings *s);

/* Between the two, what the pipeline tells is stitched as well. Points stay while it is. */
void run_stitch(struct run *r, const struct settings *s);
void run_stitch_end(struct run *r);

/* r->batch, with packets in blocks of exactly their size, which are gone after the call. */
void run_batch(struct run *r, struct sp_pipeline *pipeline);

#endif
