/* SPDX-License-Identifier: Apache-2.0 */
/* What programs share that send captures through reader, pipeline and encoder, and look at what comes out. */
#ifndef SP_TESTS_CORPUS_ANALYSIS_H
#define SP_TESTS_CORPUS_ANALYSIS_H

#include "conf/conf.h"
#include "dataplane/decode_conf.h"
#include "dataplane/pipeline.h"
#include "exporters/exporter.h"

struct settings {
	struct sp_decode_settings decode;
	struct sp_reorder_conf reorder;
	struct sp_flow_conf flow;
};

/* NULL text: what the product does by itself. Ends the program when that cannot be. */
struct sp_conf *settings_load(const char *text);

/* One analysis, or several that follow each other. */
struct run {
	struct sp_out out;
	struct sp_page page;
	struct sp_buf json;
	struct sp_points *points;
	struct sp_batch batch;
	uint64_t flow_packets; /* sums over records: packets, and calls, as flows and as calls say it */
	uint64_t flow_requests, requests;
	const char *broken;
	struct sp_err err;
};

struct run *run_new(void);
void run_free(struct run *r);

/* The first thing that is wrong stays. */
void run_broken(struct run *r, const char *what);

/* NULL, and broken: it cannot be had. */
struct sp_pipeline *run_pipeline(struct run *r, const struct settings *s);

/* r->batch, with packets in blocks of exactly their size, which are gone after the call. */
void run_batch(struct run *r, struct sp_pipeline *pipeline);

#endif
