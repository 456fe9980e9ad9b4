/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/stitch.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "exporters/encode/json_edge.h"
#include "exporters/encode/json_trace.h"
#include "exporters/stitch_crew.h"
#include "stitch/shard.h"

static void copy_record(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points)
{
	if (record->kind == SP_RECORD_PROFILE || record->kind == SP_RECORD_PACKET)
		return;
	sp_buf_reserve(out, record->size);
	memcpy(out->p + out->n, record, record->size);
	out->n += record->size;
}

/* While there is one point, only what carries an id can meet anything. */
static bool several(const struct sp_points *points)
{
	return atomic_load_explicit(&points->n, memory_order_relaxed) > 1;
}

static enum sp_wants wants_some(const struct sp_page *page, const struct sp_points *points)
{
	return several(points) ? SP_WANTS_ALL : page->ids ? SP_WANTS_IDS : SP_WANTS_NOTHING;
}

static void copy_some(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points)
{
	if (several(points) ||
	    (record->kind == SP_RECORD_REQUEST && sp_request_has_id((const struct sp_request_record *)record)))
		copy_record(out, record, points);
}

const struct sp_encoder *sp_stitch_encoder(const struct sp_stitch_conf *conf)
{
	static const struct sp_encoder all = {.name = "stitch", .record = copy_record, .inside = true};
	static const struct sp_encoder some = {
		.name = "stitch", .record = copy_some, .wants = wants_some, .inside = true};
	return conf->one_point ? &all : &some;
}

struct stitch_sink {
	struct sp_sink sink, *behind;
	struct sp_stitch *stitch; /* one of both, neither: it is switched off, and the files stay empty */
	struct sp_crew *crew;	  /* has the stitcher, and threads */
	struct sp_stitch_stats *stats;
	const struct sp_points *points;
	struct sp_buf buf[SP_RECORD_KIND_MAX];
	_Atomic int error;
	bool tagged;
};

static void flush(struct stitch_sink *s, enum sp_record_kind kind, size_t enough)
{
	struct sp_buf *buf = &s->buf[kind];
	if (buf->n <= enough)
		return;
	int rc = s->behind->write(s->behind, kind, buf->p, buf->n);
	if (rc)
		atomic_store_explicit(&s->error, rc, memory_order_relaxed);
	buf->n = 0;
}

static void trace(void *ctx, const struct sp_trace *t)
{
	struct stitch_sink *s = ctx;
	sp_json_trace(&s->buf[SP_RECORD_TRACE], t, s->points, s->tagged);
	flush(s, SP_RECORD_TRACE, SP_SINK_PIECE);
}

static void path(void *ctx, const struct sp_path *p)
{
	struct stitch_sink *s = ctx;
	sp_json_path(&s->buf[SP_RECORD_PATH], p, s->points, s->tagged);
	flush(s, SP_RECORD_PATH, SP_SINK_PIECE);
}

static void edge(void *ctx, const struct sp_edge *e)
{
	struct stitch_sink *s = ctx;
	sp_json_edge(&s->buf[SP_RECORD_EDGE], e, s->points, s->tagged);
	flush(s, SP_RECORD_EDGE, SP_SINK_PIECE);
}

static void losses(void *ctx, const struct sp_edge_losses *l)
{
	struct stitch_sink *s = ctx;
	sp_json_losses(&s->buf[SP_RECORD_LOSS], l, s->points, s->tagged);
	flush(s, SP_RECORD_LOSS, SP_SINK_PIECE);
}

static void clock_(void *ctx, const struct sp_clock *c)
{
	struct stitch_sink *s = ctx;
	sp_json_clock(&s->buf[SP_RECORD_CLOCK], c, s->points, s->tagged);
	flush(s, SP_RECORD_CLOCK, SP_SINK_PIECE);
}

static void flush_all(struct stitch_sink *s)
{
	for (unsigned kind = 0; s->behind && kind < SP_RECORD_KIND_MAX; kind++)
		flush(s, kind, 0);
}

/* Calls that follow each other, as many as are looked for at once: how many bytes of the buffer they are. */
static size_t take_requests(struct stitch_sink *s, const uint8_t *at, const uint8_t *end)
{
	const struct sp_request_record *r[SP_STITCH_EXPECTED];
	const uint8_t *from = at;
	unsigned n = 0;
	for (const struct sp_record_head *head; at < end && n < SP_STITCH_EXPECTED; at += head->size) {
		head = (const void *)at;
		if (head->kind != SP_RECORD_REQUEST)
			break;
		r[n++] = (const void *)at;
	}
	sp_stitch_requests(s->stitch, r, n);
	return (size_t)(at - from);
}

static int take_records(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	const uint8_t *at = p, *end = at + n;
	while (s->stitch && at < end) {
		const struct sp_record_head *head = (const void *)at;
		if (head->kind == SP_RECORD_REQUEST) {
			at += take_requests(s, at, end);
			continue;
		}
		if (head->kind == SP_RECORD_FLOW)
			sp_stitch_flow(s->stitch, (const void *)at);
		at += head->size;
	}
	flush_all(s);
	return atomic_exchange(&s->error, 0);
}

/* --- with threads of its own --- */

/* On the teller's thread, as all that is told. */
static void after_page(void *ctx, bool reopen)
{
	struct stitch_sink *s = ctx;
	flush_all(s);
	if (reopen && s->behind->reopen)
		s->behind->reopen(s->behind);
}

/* What went wrong is said with the next records. */
static int hand_over(struct sp_sink *sink, struct sp_buf *buf)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	struct sp_crew_load *load = sp_crew_load(s->crew, true);
	struct sp_buf empty = load->records;
	load->records = *buf;
	*buf = empty;
	for (const uint8_t *at = load->records.p, *end = at + load->records.n; at < end;) {
		const struct sp_record_head *head = (const void *)at;
		sp_crew_record(s->crew, load, head);
		at += head->size;
	}
	sp_crew_send(s->crew, load);
	return atomic_exchange(&s->error, 0);
}

static void hand_tick(struct sp_sink *sink)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	struct sp_crew_load *load = sp_crew_load(s->crew, false);
	if (!load) /* they are busy: time comes with records */
		return;
	load->tick_ns = sp_clock_ns(CLOCK_REALTIME);
	sp_crew_send(s->crew, load);
}

static void hand_reopen(struct sp_sink *sink)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	struct sp_crew_load *load = sp_crew_load(s->crew, true);
	load->reopen = true;
	sp_crew_send(s->crew, load);
}

/* --- begin and end --- */

static int close_sink(struct sp_sink *sink)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	if (s->crew)
		sp_crew_stop(s->crew, s->stats, NULL);
	if (s->stitch) {
		sp_stitch_end(s->stitch);
		flush_all(s);
		*s->stats = *sp_stitch_stats(s->stitch);
		sp_stitch_free(s->stitch);
	}
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		sp_buf_free(&s->buf[kind]);
	int rc = s->behind ? s->behind->close(s->behind) : 0;
	rc = rc ? rc : atomic_load_explicit(&s->error, memory_order_relaxed);
	free(s);
	return rc;
}

/* Live records have the time of day. */
static void idle(struct sp_sink *sink)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	if (!s->stitch)
		return;
	sp_stitch_tick(s->stitch, sp_clock_ns(CLOCK_REALTIME));
	flush_all(s);
}

static void reopen(struct sp_sink *sink)
{
	struct stitch_sink *s = (struct stitch_sink *)sink;
	if (s->behind->reopen)
		s->behind->reopen(s->behind);
}

/* The stitcher, or with several shards its crew, to which who writes hands over. 0 or -errno. */
static int stitch_begin(struct stitch_sink *s, const struct sp_stitch_conf *given, const struct sp_points *points,
			const struct sp_crew_told *to)
{
	struct sp_stitch_conf conf = *given;
	if (!conf.enabled)
		return 0;
	conf.shards = sp_shards_count(given);
	if (conf.shards < 2)
		return sp_stitch_new(&s->stitch, &conf, points, &to->told);
	s->sink.take = hand_over;
	return sp_crew_new(&s->crew, &conf, points, to);
}

/* A sink whose stitcher tells `to`, whose ctx becomes the sink where it has none. NULL: no memory. */
static struct stitch_sink *sink_new(const struct sp_stitch_conf *conf, const struct sp_points *points,
				    struct sp_crew_told to, struct sp_stitch_stats *stats)
{
	struct stitch_sink *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	if (!to.told.ctx)
		to.told.ctx = s;
	s->sink = (struct sp_sink){.name = "stitch", .write = take_records, .close = close_sink};
	s->points = points;
	s->stats = stats;
	if (stitch_begin(s, conf, points, &to)) {
		free(s);
		return NULL;
	}
	return s;
}

struct sp_sink *sp_stitch_sink_new(const struct sp_stitch_conf *conf, const struct sp_points *points,
				   struct sp_sink *behind, bool tagged, bool live, struct sp_stitch_stats *stats)
{
	struct sp_crew_told to = {{.trace = trace, .path = path, .edge = edge, .losses = losses, .clock = clock_},
				  after_page};
	struct stitch_sink *s = sink_new(conf, points, to, stats);
	if (!s) {
		behind->close(behind);
		return NULL;
	}
	s->sink.reopen = s->crew ? hand_reopen : reopen;
	s->sink.idle = !live ? NULL : s->crew ? hand_tick : idle;
	s->behind = behind;
	s->tagged = tagged;
	return &s->sink;
}

struct sp_sink *sp_stitch_sink_telling(const struct sp_stitch_conf *conf, const struct sp_points *points,
				       const struct sp_stitch_told *told, struct sp_stitch_stats *stats)
{
	struct stitch_sink *s = sink_new(conf, points, (struct sp_crew_told){.told = *told}, stats);
	return s ? &s->sink : NULL;
}
