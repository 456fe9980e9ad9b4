/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet costs, stage by stage: whole passes over one capture, each doing one thing more than the pass before,
 * on one thread; the differences are the stages. CPU time, median of the runs. Prints one JSON object. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "dataplane/capture.h"
#include "exporters/exporter.h"
#include "flowtable/flowtable.h"
#include "flowtable/index.h"
#include "parsers/link/decode.h"

#define RUNS_MAX 99
#define FLOWS_MAX (4u << 20)
#define DAY (UINT64_C(86400) * SP_NS_PER_SEC)

/* No flow ends before the capture does: what records cost is then measured apart. */
static const struct sp_flow_conf flow_conf = {
	.max_flows = FLOWS_MAX,
	.report_interval = DAY,
	.timeout = {DAY, DAY, DAY, DAY, DAY, DAY, DAY, DAY, DAY},
	.community_id = true,
	.dedup = {.enabled = true, .window = 5 * SP_NS_PER_MS},
};

/* What flows say, with the defaults. */
static const struct sp_l7_conf calls_conf = {
	.enabled = true,
	.max_memory = UINT64_C(4) << 30,
	.max_held = 256 << 10,
	.max_calls = 1024,
	.max_field = 4096,
	.timeout = 120 * SP_NS_PER_SEC,
	.late = 20 * SP_NS_PER_MS,
	.server_ttl = 600 * SP_NS_PER_SEC,
	.protocols = UINT64_MAX,
};

static const struct sp_profile_conf profile_conf = {
	.record = SP_PROFILE_RECORD_ALL,
	.slow = SP_NS_PER_SEC,
	.max_memory = UINT64_C(4) << 30,
};

/* "calls": bytes in order, whose they are, parsed, paired and counted; "texts": what the calls said, and their records;
 * "encode calls": those as JSON; "profile", "encode profile": a Network Profile of every flow besides, which "all" is
 * without. */
#define STAGES(X)                                                                                                      \
	X(READ, "read")                                                                                                \
	X(DECODE, "decode")                                                                                            \
	X(LOOKUP, "look-up")                                                                                           \
	X(TRACK, "track")                                                                                              \
	X(RECORD, "record")                                                                                            \
	X(ENCODE, "encode")                                                                                            \
	X(CALLS, "calls")                                                                                              \
	X(TEXTS, "texts")                                                                                              \
	X(ENCODE_CALLS, "encode calls")                                                                                \
	X(PROFILE, "profile")                                                                                          \
	X(ENCODE_PROFILE, "encode profile")
enum stage {
#define X(sym, text) sym,
	STAGES(X)
#undef X
		STAGE_MAX
};

struct bench {
	const char *path;
	struct sp_points *points;
	struct sp_batch *batch;
	struct sp_decode_conf decode;
	uint32_t space[SP_POINTS_MAX];
	uint64_t packets, flows, records, encoded, calls;
	uint64_t ns[STAGE_MAX]; /* of this run */
	struct sp_flow_memory memory;
};

static void die(const char *what)
{
	fprintf(stderr, "stages: %s\n", what);
	exit(1);
}

static uint64_t cpu_ns(void)
{
	return sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* One pass over the capture; `each` takes the batches, decoded when asked for. Returns its time, opening included. */
static uint64_t pass(struct bench *b, bool decode, void (*each)(void *ctx, struct sp_batch *batch), void *ctx)
{
	struct sp_capture *capture;
	struct sp_err err;
	uint64_t from = cpu_ns(), packets = 0;
	if (sp_capture_open(&capture, b->path, "bench", SP_POINT_UNKNOWN, b->points, &err))
		die(err.text);
	for (unsigned n; (n = sp_capture_read(capture, b->batch)); packets += n) {
		if (decode)
			sp_decode_batch(&b->decode, b->space, b->batch);
		if (each)
			each(ctx, b->batch);
	}
	sp_capture_close(capture);
	b->packets = packets;
	return cpu_ns() - from;
}

/* The index alone, with flows of the flow table's size behind it. */
struct entry {
	_Alignas(SP_CACHE_LINE) struct sp_flow_key key;
	uint8_t rest[2 * SP_CACHE_LINE];
};

struct lookup {
	struct sp_index index;
	struct entry *entry;
	uint32_t n;
	uint64_t found;
};

static uint32_t find(const struct lookup *l, const struct sp_flow_key *key, uint32_t hash)
{
	struct sp_index_walk w;
	uint32_t n = sp_index_first(&l->index, &w, hash);
	while (n != SP_INDEX_NONE && memcmp(&l->entry[n].key, key, sizeof *key))
		n = sp_index_next(&l->index, &w);
	return n;
}

static void fill(void *ctx, struct sp_batch *batch)
{
	struct lookup *l = ctx;
	for (uint32_t i = 0; i < batch->n; i++) {
		if (batch->pkt[i].reason != SP_DECODE_OK ||
		    find(l, &batch->key[i], batch->pkt[i].hash) != SP_INDEX_NONE)
			continue;
		if (l->n == FLOWS_MAX || l->index.n >= l->index.limit)
			die("more flows in the capture than this program holds");
		l->entry[l->n].key = batch->key[i];
		sp_index_insert(&l->index, batch->pkt[i].hash, l->n++);
	}
}

static void look_up(void *ctx, struct sp_batch *batch)
{
	struct lookup *l = ctx;
	for (uint32_t i = 0; i < batch->n; i++)
		sp_prefetch(sp_index_home(&l->index, batch->pkt[i].hash));
	for (uint32_t i = 0; i < batch->n; i++) {
		uint32_t guess = sp_index_guess(&l->index, batch->pkt[i].hash);
		if (guess != SP_INDEX_NONE)
			sp_prefetch(&l->entry[guess]);
	}
	for (uint32_t i = 0; i < batch->n; i++)
		l->found += find(l, &batch->key[i], batch->pkt[i].hash) != SP_INDEX_NONE;
}

static void lookup_init(struct bench *b, struct lookup *l)
{
	uint32_t buckets = 1024;
	memset(l, 0, sizeof *l);
	while ((uint64_t)buckets * SP_INDEX_SLOTS * 7 / 10 < b->flows)
		buckets *= 2;
	l->entry = sp_mem_map(FLOWS_MAX * sizeof *l->entry, SP_MEM_HUGE);
	if (!l->entry || sp_index_init(&l->index, buckets, SP_MEM_HUGE))
		die("no memory for the index");
	pass(b, true, fill, l);
}

static void lookup_free(struct lookup *l)
{
	sp_index_free(&l->index);
	sp_mem_unmap(l->entry, FLOWS_MAX * sizeof *l->entry);
}

/* Records go into one page over and over; what encoding takes is measured a page at a time. */
struct out {
	struct sp_out out;
	struct bench *bench;
	struct sp_buf buf;
	uint64_t ns;
};

static struct sp_page *turn(struct sp_out *out, struct sp_page *full)
{
	struct out *o = out->ctx;
	uint64_t from = cpu_ns();
	for (uint32_t at = 0; at < full->used; o->bench->records++) {
		const struct sp_record_head *head = (const struct sp_record_head *)(full->data + at);
		sp_encode_json.record(&o->buf, head, o->bench->points);
		at += head->size;
	}
	o->bench->encoded += o->buf.n;
	o->buf.n = 0;
	full->used = full->n = 0;
	o->ns += cpu_ns() - from;
	return full;
}

static void track(void *ctx, struct sp_batch *batch)
{
	sp_flowtable_batch(ctx, batch);
}

/* The time of one pass of the whole flow table. */
struct spent {
	uint64_t tracked; /* reading, decoding and tracking, with the records that are written on the way */
	uint64_t record, encode;
};

static struct spent flows(struct bench *b, const struct sp_l7_conf *calls, const struct sp_profile_conf *profile)
{
	struct sp_flowtable *ft;
	struct sp_err err;
	struct spent ret;
	struct sp_flow_conf conf = flow_conf;
	if (calls)
		conf.requests = *calls;
	if (profile)
		conf.profile = *profile;
	struct out o = {.out = {.turn = turn, .ctx = &o}, .bench = b};
	o.out.page = calloc(1, sizeof *o.out.page);
	if (!o.out.page)
		die("no memory");
	b->records = b->encoded = 0;
	if (sp_flowtable_new(&ft, &conf, 0, 0, b->decode.hash_key, &o.out, &err))
		die(err.text);
	ret.tracked = less(pass(b, true, track, ft), o.ns); /* port reuse writes records on the way */
	sp_flowtable_memory(ft, &b->memory);
	b->flows = sp_flowtable_stats(ft)->flows_created;
	b->calls = sp_flowtable_stats(ft)->requests;
	uint64_t from = cpu_ns(), on_the_way = o.ns;
	sp_flowtable_end(ft, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	sp_out_flush(&o.out);
	ret.record = less(cpu_ns() - from, o.ns - on_the_way);
	ret.encode = o.ns;
	sp_flowtable_free(ft);
	sp_buf_free(&o.buf);
	free(o.out.page);
	return ret;
}

static void run(struct bench *b, struct lookup *l)
{
	uint64_t read = pass(b, false, NULL, NULL);
	uint64_t decoded = pass(b, true, NULL, NULL);
	uint64_t looked_up = pass(b, true, look_up, l);
	struct sp_l7_conf counted = calls_conf, told = calls_conf;
	told.log = true;
	struct spent alone = flows(b, NULL, NULL), with_calls = flows(b, &counted, NULL);
	struct spent with_profiles = flows(b, &told, &profile_conf), with_texts = flows(b, &told, NULL);
	b->ns[READ] = read;
	b->ns[DECODE] = less(decoded, read);
	b->ns[LOOKUP] = less(looked_up, decoded);
	b->ns[TRACK] = less(alone.tracked, looked_up);
	b->ns[RECORD] = alone.record;
	b->ns[ENCODE] = alone.encode;
	b->ns[CALLS] = less(with_calls.tracked + with_calls.record, alone.tracked + alone.record);
	b->ns[TEXTS] = less(with_texts.tracked + with_texts.record, with_calls.tracked + with_calls.record);
	b->ns[ENCODE_CALLS] = less(with_texts.encode, with_calls.encode);
	b->ns[PROFILE] = less(with_profiles.tracked + with_profiles.record, with_texts.tracked + with_texts.record);
	b->ns[ENCODE_PROFILE] = less(with_profiles.encode, with_texts.encode);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void print(const struct bench *b, uint64_t ns[STAGE_MAX][RUNS_MAX], int runs)
{
	static const char *const name[] = {
#define X(sym, text) text,
		STAGES(X)
#undef X
	};
	double all = 0, n = b->packets ? (double)b->packets : 1, flows = b->flows ? (double)b->flows : 1;
	printf("{\"packets\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"calls\":%" PRIu64 ",\"records\":%" PRIu64
	       ",\"encoded_bytes\":%" PRIu64 ",\"ns\":{",
	       b->packets, b->flows, b->calls, b->records, b->encoded);
	for (int s = 0; s < STAGE_MAX; s++) {
		qsort(ns[s], (size_t)runs, sizeof ns[s][0], by_value);
		double each = (double)ns[s][runs / 2] / n;
		all += s < PROFILE ? each : 0;
		printf("\"%s\":%.2f,", name[s], each);
	}
	printf("\"all\":%.2f},\"bytes_a_flow\":{", all);
	const struct sp_flow_memory *m = &b->memory;
	printf("\"index\":%.1f,\"flows\":%.1f,\"extras\":%.1f,\"layers\":%.1f,\"wheel\":%.1f,\"dedup\":%.1f,"
	       "\"fragments\":%.1f,\"calls\":%.1f}}\n",
	       (double)m->index / flows, (double)m->flows / flows, (double)m->extras / flows, (double)m->layers / flows,
	       (double)m->wheel / flows, (double)m->dedup / flows, (double)m->fragments / flows,
	       (double)m->calls / flows);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static uint64_t ns[STAGE_MAX][RUNS_MAX];
	int runs = 3, at = 1;
	if (argc == 4 && !strcmp(argv[1], "--runs")) {
		runs = atoi(argv[2]);
		at = 3;
	}
	if (argc != at + 1 || runs < 1 || runs > RUNS_MAX) {
		fputs("usage: stages [--runs N] CAPTURE\n", stderr);
		return 2;
	}
	b.path = argv[at];
	b.decode = sp_decode_conf_default();
	b.points = calloc(1, sizeof *b.points);
	b.batch = calloc(1, sizeof *b.batch);
	if (!b.points || !b.batch)
		die("no memory");
	struct lookup l;
	flows(&b, NULL, NULL); /* warms up, and counts the flows */
	lookup_init(&b, &l);
	for (int r = 0; r < runs; r++) {
		run(&b, &l);
		for (int s = 0; s < STAGE_MAX; s++)
			ns[s][r] = b.ns[s];
	}
	lookup_free(&l);
	print(&b, ns, runs);
	free(b.batch);
	free(b.points);
	return 0;
}
