/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/corpus/analysis.h"

#include <stdlib.h>
#include <string.h>

#define MAP(name_, member, rows_)                                                                                      \
	{                                                                                                              \
		.name = name_, .type = SP_CONF_MAP, .offset = offsetof(struct settings, member), .rows = rows_,        \
		.doc = "…"                                                                                           \
	}
static const struct sp_conf_row rows[] = {
	MAP("decode", decode, sp_decode_settings_rows),
	MAP("reorder", reorder, sp_reorder_conf_rows),
	MAP("flow", flow, sp_flow_conf_rows),
	MAP("requests", flow.requests, sp_l7_conf_rows),
	MAP("profile", flow.profile, sp_profile_conf_rows),
	MAP("stitch", stitch, sp_stitch_conf_rows),
	{0},
};

/* A report is a failure; the sanitizer's own hoard stays out of the measure of memory. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:print_stacktrace=1";
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=16:malloc_context_size=8";
}

struct sp_conf *settings_load(const char *text)
{
	struct sp_conf *conf;
	int rc = text ? sp_conf_load_text(&conf, "settings", text, strlen(text), rows, sizeof(struct settings))
		      : sp_conf_load(&conf, NULL, rows, sizeof(struct settings));
	if (rc)
		exit(2);
	return conf;
}

void run_broken(struct run *r, const char *what)
{
	if (!r->broken)
		r->broken = what;
}

/* Each record is a line of text that ends an object; what else it has to be, tests of the encoder say. */
static void look_at_json(struct run *r, const uint8_t *p, size_t n)
{
	for (const uint8_t *at = p; at < p + n; at++)
		if (*at < ' ' && *at != '\n')
			run_broken(r, "a control character in JSON");
	if (!n || p[0] != '{' || p[n - 1] != '\n' || p[n - 2] != '}')
		run_broken(r, "a record that is not a line of JSON");
}

static void look_at_flow(struct run *r, const struct sp_record_head *head)
{
	struct sp_flow_record record = {0};
	memcpy(&record, head, SP_MIN(head->size, sizeof record));
	if (head->size < SP_FLOW_RECORD_PLAIN)
		run_broken(r, "a flow record of an odd size");
	r->flow_packets += record.packets_c2s + record.packets_s2c;
	r->flow_requests += record.requests;
}

static void look_at_request(struct run *r, const struct sp_record_head *head)
{
	const struct sp_request_record *record = (const void *)head;
	r->requests++;
	if (head->size < sizeof *record || record->type >= SP_CALL_TYPE_MAX || record->status >= SP_STATUS_MAX)
		run_broken(r, "a request record of an odd size or kind");
	if (record->end_ns < record->start_ns)
		run_broken(r, "a call that ends before it begins");
}

static void look_at_packet(struct run *r, const struct sp_record_head *head)
{
	const struct sp_packet_record *record = (const void *)head;
	r->kept++;
	if (record->n > r->settings->flow.profile.keep_packets || record->n > record->wire_len)
		run_broken(r, "a kept packet of an odd size");
}

static void look_at_record(struct run *r, const struct sp_record_head *head)
{
	switch (head->kind) {
	case SP_RECORD_FLOW:
		look_at_flow(r, head);
		break;
	case SP_RECORD_REQUEST:
		look_at_request(r, head);
		break;
	case SP_RECORD_PROFILE:
		r->profiled += ((const struct sp_profile_record *)(const void *)head)->packets_recorded;
		break;
	case SP_RECORD_PACKET:
		look_at_packet(r, head);
		break;
	default:
		run_broken(r, "a record of an odd kind");
		return;
	}
	if (head->size % 8)
		run_broken(r, "a record of an odd size");
	struct sp_buf *line = &r->json[head->kind];
	line->n = 0;
	sp_encode_json.record(line, head, r->points);
	if (head->kind != SP_RECORD_PACKET) /* of which it makes no text */
		look_at_json(r, line->p, line->n);
}

static void stitch_page(struct run *r, const struct sp_page *full)
{
	r->stitched.n = 0;
	for (uint32_t at = 0; at < full->used;) {
		const struct sp_record_head *head = (const void *)(full->data + at);
		at += head->size;
		r->stitch_encoder->record(&r->stitched, head, r->points);
	}
	r->stitch->write(r->stitch, 0, r->stitched.p, r->stitched.n);
}

static struct sp_page *turn(struct sp_out *out, struct sp_page *full)
{
	struct run *r = out->ctx;
	for (uint32_t at = 0; full && at < full->used;) {
		const struct sp_record_head *head = (const void *)(full->data + at);
		at += head->size;
		if (!sp_record_is_inside(head))
			look_at_record(r, head);
	}
	if (full && r->stitch)
		stitch_page(r, full);
	r->page.used = r->page.n = 0;
	return &r->page;
}

/* --- stitching --- */

static int look_at_lines(struct sp_sink *lines, enum sp_record_kind kind, const void *p, size_t n)
{
	struct run *r = (struct run *)((char *)lines - offsetof(struct run, lines));
	if (kind <= SP_RECORD_PACKET || kind >= SP_RECORD_KIND_MAX)
		run_broken(r, "stitched to an odd kind");
	look_at_json(r, p, n);
	return 0;
}

static int close_lines(struct sp_sink *lines)
{
	(void)lines;
	return 0;
}

void run_stitch(struct run *r, const struct settings *s)
{
	r->lines = (struct sp_sink){.name = "lines", .write = look_at_lines, .close = close_lines};
	r->stitch_encoder = sp_stitch_encoder(&s->stitch);
	r->stitch = sp_stitch_sink_new(&s->stitch, r->points, &r->lines, false, false, &r->stitch_stats);
	if (!r->stitch)
		run_broken(r, "no stitcher");
}

void run_stitch_end(struct run *r)
{
	const struct sp_stitch_stats *s = &r->stitch_stats;
	if (!r->stitch)
		return;
	r->stitch->close(r->stitch);
	r->stitch = NULL;
	if (s->traces_alone + s->spans_refused + s->spans_repeated > s->spans || s->paths_alone > s->legs)
		run_broken(r, "spans and legs do not add up");
}

struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof *r);
	if (!r || !(r->points = calloc(1, sizeof *r->points)))
		abort();
	r->out = (struct sp_out){.turn = turn, .ctx = r};
	return r;
}

void run_forget(struct run *r)
{
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		sp_buf_free(&r->json[kind]);
	sp_buf_free(&r->stitched);
}

void run_free(struct run *r)
{
	run_forget(r);
	free(r->points);
	free(r);
}

struct sp_pipeline *run_pipeline(struct run *r, const struct settings *s)
{
	struct sp_pipeline_conf conf = {
		.decode = sp_decode_settings_apply(&s->decode), .flow = &s->flow, .reorder = &s->reorder};
	struct sp_pipeline *pipeline;
	r->out = (struct sp_out){.turn = turn, .ctx = r};
	r->settings = s;
	if (!sp_pipeline_new(&pipeline, &conf, r->points, &r->out, &r->err))
		return pipeline;
	run_broken(r, "no pipeline");
	return NULL;
}

void run_batch(struct run *r, struct sp_pipeline *pipeline)
{
	uint8_t *copy[SP_BATCH_MAX];
	uint32_t n = r->batch.n;
	for (uint32_t i = 0; i < n; i++) {
		struct sp_pkt *pkt = &r->batch.pkt[i];
		copy[i] = malloc(pkt->cap_len ? pkt->cap_len : 1);
		if (!copy[i])
			abort();
		if (pkt->cap_len)
			memcpy(copy[i], pkt->data, pkt->cap_len);
		pkt->data = copy[i];
	}
	sp_pipeline_batch(pipeline, &r->batch);
	for (uint32_t i = 0; i < n; i++)
		free(copy[i]);
}
