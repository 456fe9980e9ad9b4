/* SPDX-License-Identifier: Apache-2.0 */
/* The hub with sinks that are fast, slow and broken. */
#include "exporters/hub.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/check.h"

#define WORKERS 2

static struct sp_points points;

/* Writes the number of a record: its worker in the upper half, counted from 0 in the lower. */
static void encode_number(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *p)
{
	const struct sp_flow_record *r = (const struct sp_flow_record *)record;
	sp_buf_reserve(out, sizeof r->flow_id);
	memcpy(out->p + out->n, &r->flow_id, sizeof r->flow_id);
	out->n += sizeof r->flow_id;
}

static const struct sp_encoder numbers = {"numbers", encode_number};

/* Of flows and requests alike. */
static void encode_any(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *p)
{
	const struct sp_request_record *r = (const struct sp_request_record *)record;
	const struct sp_flow_record as_flow = {.flow_id = r->flow_id};
	encode_number(out, record->kind == SP_RECORD_REQUEST ? &as_flow.head : record, p);
}

static const struct sp_encoder inside = {.name = "inside", .record = encode_any, .inside = true};

/* What a sink saw lives outside of it: close frees the sink. */
struct seen {
	uint64_t records, disorder, writes;
	uint64_t next[WORKERS];
	_Atomic uint64_t reopened;
	bool closed;
};

struct test_sink {
	struct sp_sink sink;
	struct seen *seen;
	unsigned slow_us;
	uint64_t fail_after; /* writes; 0: never */
	int close_error;
	bool all_kinds; /* in one piece, whose kind says nothing */
};

static int test_write(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	struct test_sink *s = (struct test_sink *)sink;
	if (s->slow_us)
		usleep(s->slow_us);
	if (s->fail_after && ++s->seen->writes > s->fail_after)
		return -ENOSPC;
	CHECK((kind == SP_RECORD_FLOW || s->all_kinds) && n % 8 == 0);
	for (const uint8_t *q = p; n; q += 8, n -= 8) {
		uint64_t v;
		memcpy(&v, q, 8);
		uint64_t *next = &s->seen->next[v >> 32];
		s->seen->disorder += (uint32_t)v < *next;
		*next = (uint32_t)v + 1;
		s->seen->records++;
	}
	return 0;
}

static int test_close(struct sp_sink *sink)
{
	struct test_sink *s = (struct test_sink *)sink;
	int rc = s->close_error;
	s->seen->closed = true;
	free(s);
	return rc;
}

static struct sp_sink *test_sink(struct seen *seen, unsigned slow_us, uint64_t fail_after, int close_error)
{
	struct test_sink *s = calloc(1, sizeof *s);
	*s = (struct test_sink){{.name = "test", .write = test_write, .close = test_close},
				seen,
				slow_us,
				fail_after,
				close_error,
				false};
	memset(seen, 0, sizeof *seen);
	return &s->sink;
}

struct load {
	struct sp_out out;
	unsigned worker;
	uint64_t n;
	unsigned flush_every;
};

static void *produce(void *arg)
{
	struct load *l = arg;
	for (uint64_t i = 0; i < l->n; i++) {
		struct sp_flow_record *r =
			sp_out_record(&l->out, SP_RECORD_FLOW, SP_FLOW_RECORD_PLAIN, SP_FLOW_RECORD_PLAIN);
		if (r)
			r->flow_id = (uint64_t)l->worker << 32 | i;
		if (l->flush_every && i % l->flush_every == 0)
			sp_out_flush(&l->out);
	}
	sp_out_flush(&l->out);
	return NULL;
}

static struct load load[WORKERS];

/* Every worker writes n records more. */
static void run_again(uint64_t n, unsigned flush_every)
{
	pthread_t thread[WORKERS];
	for (unsigned i = 0; i < WORKERS; i++) {
		load[i].n = n;
		load[i].flush_every = flush_every;
		CHECK(!pthread_create(&thread[i], NULL, produce, &load[i]));
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ(load[i].out.lost, 0);
	}
}

/* Every worker writes n records. */
static void run(struct sp_hub *hub, uint64_t n, unsigned flush_every)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		load[i].worker = i;
		sp_hub_out(hub, i, &load[i].out);
	}
	run_again(n, flush_every);
}

/* Two waiting exporters, one of them slow, get every record in order. */
static void wait_loses_nothing(void)
{
	struct sp_hub *hub;
	struct seen fast, slow;
	struct sp_hub_stats stats;
	const uint64_t n = 60000;
	CHECK(!sp_hub_new(&hub, WORKERS, 4, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&fast, 0, 0, 0), true));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&slow, 3000, 0, 0), true));
	CHECK(!sp_hub_start(hub));
	run(hub, n, 0);
	CHECK_EQ(sp_hub_stop(hub), 0);
	sp_hub_stats(hub, &stats);
	CHECK_EQ(fast.records, WORKERS * n);
	CHECK_EQ(slow.records, WORKERS * n);
	CHECK_EQ(fast.disorder + slow.disorder, 0);
	CHECK(fast.closed && slow.closed);
	CHECK_EQ(stats.records, 2 * WORKERS * n);
	CHECK_EQ(stats.bytes_written, stats.records * 8);
	CHECK_EQ(stats.dropped_records + stats.dropped_pages + stats.failed_records + stats.write_errors, 0);
	sp_hub_free(hub);
}

/* A slow exporter that may lose does, counted to the record; the one beside it, which waits, loses nothing. */
static void drops_are_counted(void)
{
	struct sp_hub *hub;
	struct seen all, some;
	struct sp_hub_stats stats;
	const uint64_t n = 60000;
	CHECK(!sp_hub_new(&hub, WORKERS, 2, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&all, 0, 0, 0), true));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&some, 20000, 0, 0), false));
	CHECK(!sp_hub_start(hub));
	run(hub, n, 500);
	CHECK_EQ(sp_hub_stop(hub), 0);
	sp_hub_stats(hub, &stats);
	CHECK_EQ(all.records, WORKERS * n);
	CHECK(stats.dropped_records > 0 && stats.dropped_pages > 0);
	CHECK_EQ(some.records + stats.dropped_records, WORKERS * n);
	CHECK_EQ(stats.records, all.records + some.records);
	CHECK_EQ(all.disorder + some.disorder, 0);
	sp_hub_free(hub);
}

/* One that lost records begins to wait, and a worker that waits for a sink that does not move is let go. */
static void waits_when_told(void)
{
	struct sp_hub *hub;
	struct seen seen;
	struct sp_hub_stats stats;
	const uint64_t n = 30000;
	CHECK(!sp_hub_new(&hub, WORKERS, 2, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&seen, 5000, 0, 0), false));
	CHECK(!sp_hub_start(hub));
	run(hub, n, 500);
	sp_hub_stats(hub, &stats);
	uint64_t lost = stats.dropped_records;
	CHECK(lost > 0);
	sp_hub_set_wait(hub, true);
	run_again(n, 500);
	sp_hub_stats(hub, &stats);
	CHECK_EQ(stats.dropped_records, lost);

	pthread_t thread;
	load[0].flush_every = 10;
	CHECK(!pthread_create(&thread, NULL, produce, &load[0]));
	usleep(20000);
	sp_hub_set_wait(hub, false);
	pthread_join(thread, NULL);
	CHECK_EQ(sp_hub_stop(hub), 0);
	sp_hub_stats(hub, &stats);
	CHECK(stats.dropped_records > lost);
	CHECK_EQ(stats.records + stats.dropped_records, (2 * WORKERS + 1) * n);
	sp_hub_free(hub);
}

static void count_reopen(struct sp_sink *sink)
{
	((struct test_sink *)sink)->seen->reopened++;
}

/* What stays inside gets records of all kinds as they came, not one kind's before the other's. */
static void kinds_stay_in_order(void)
{
	struct seen seen;
	struct sp_hub *hub;
	CHECK(!sp_hub_new(&hub, 1, 4, &points));
	struct sp_sink *sink = test_sink(&seen, 0, 0, 0);
	((struct test_sink *)sink)->all_kinds = true;
	CHECK(!sp_hub_add(hub, &inside, sink, true));
	CHECK(!sp_hub_start(hub));
	sp_hub_out(hub, 0, &load[0].out);
	for (uint64_t i = 0; i < 100000; i++) {
		size_t size = sizeof(struct sp_request_record) + 16;
		struct sp_flow_record *f;
		struct sp_request_record *r;
		if (i % 3 &&
		    (f = sp_out_record(&load[0].out, SP_RECORD_FLOW, SP_FLOW_RECORD_PLAIN, SP_FLOW_RECORD_PLAIN)))
			f->flow_id = i;
		if (i % 3 == 0 && (r = sp_out_record(&load[0].out, SP_RECORD_REQUEST, size, size)))
			r->flow_id = i;
	}
	sp_out_flush(&load[0].out);
	CHECK_EQ(sp_hub_stop(hub), 0);
	CHECK_EQ(seen.records, 100000);
	CHECK_EQ(seen.disorder, 0);
	sp_hub_free(hub);
}

static void sinks_reopen(void)
{
	struct sp_hub *hub;
	struct seen seen, none;
	struct sp_sink *sink = test_sink(&seen, 0, 0, 0);
	sink->reopen = count_reopen;
	CHECK(!sp_hub_new(&hub, WORKERS, 2, &points));
	CHECK(!sp_hub_add(hub, &numbers, sink, true));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&none, 0, 0, 0), true));
	CHECK(!sp_hub_start(hub));
	run(hub, 1000, 10);
	sp_hub_reopen(hub);
	for (int i = 0; i < 500 && !atomic_load(&seen.reopened); i++)
		usleep(10000);
	CHECK_EQ(atomic_load(&seen.reopened), 1);
	CHECK_EQ(sp_hub_stop(hub), 0);
	CHECK_EQ(seen.records, WORKERS * 1000);
	sp_hub_free(hub);
}

static void sink_fails(void)
{
	struct sp_hub *hub;
	struct seen good, bad;
	struct sp_hub_stats stats;
	const uint64_t n = 60000;
	CHECK(!sp_hub_new(&hub, WORKERS, 8, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&good, 0, 0, 0), true));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&bad, 0, 1, 0), true));
	CHECK(!sp_hub_start(hub));
	CHECK_EQ(sp_hub_error(hub), 0);
	run(hub, n, 0);
	CHECK_EQ(sp_hub_stop(hub), -ENOSPC);
	CHECK_EQ(sp_hub_error(hub), -ENOSPC);
	sp_hub_stats(hub, &stats);
	CHECK_EQ(good.records, WORKERS * n);
	CHECK(stats.write_errors > 0 && bad.closed);
	CHECK_EQ(bad.records + stats.failed_records, WORKERS * n);
	sp_hub_free(hub);
}

static void close_fails(void)
{
	struct sp_hub *hub;
	struct seen seen;
	CHECK(!sp_hub_new(&hub, WORKERS, 8, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&seen, 0, 0, -EIO), true));
	CHECK(!sp_hub_start(hub));
	CHECK_EQ(sp_hub_stop(hub), -EIO);
	sp_hub_free(hub);
}

/* A stop right behind the last flush finds pages in every ring. */
static void stop_drains(void)
{
	for (int i = 0; i < 50; i++) {
		struct sp_hub *hub;
		struct seen seen;
		CHECK(!sp_hub_new(&hub, WORKERS, 64, &points));
		CHECK(!sp_hub_add(hub, &numbers, test_sink(&seen, 100, 0, 0), false));
		CHECK(!sp_hub_start(hub));
		run(hub, 200, 5);
		CHECK_EQ(sp_hub_stop(hub), 0);
		CHECK_EQ(seen.records, WORKERS * 200);
		sp_hub_free(hub);
	}
}

/* One page in every hand and ring: every hand-over meets a full ring. */
static void smallest(void)
{
	struct sp_hub *hub;
	struct seen seen;
	CHECK(!sp_hub_new(&hub, WORKERS, 1, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&seen, 0, 0, 0), true));
	CHECK(!sp_hub_start(hub));
	run(hub, 100000, 1);
	CHECK_EQ(sp_hub_stop(hub), 0);
	CHECK_EQ(seen.records, WORKERS * 100000);
	CHECK_EQ(seen.disorder, 0);
	sp_hub_free(hub);
}

/* 11 bytes each, which depend on where they stand. */
static uint64_t place;

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 31 >> 3);
}

static void encode_eleven(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *p)
{
	sp_buf_reserve(out, 11);
	for (int i = 0; i < 11; i++)
		out->p[out->n++] = byte_at(place++);
}

static const struct sp_encoder elevens = {.name = "elevens", .record = encode_eleven};

struct pieces {
	uint64_t bytes, wrong;
	unsigned odd; /* pieces that are not one of the usual size */
	size_t last;
};

struct pieces_sink {
	struct sp_sink sink;
	struct pieces *seen;
};

static int pieces_write(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	struct pieces *seen = ((struct pieces_sink *)sink)->seen;
	for (size_t i = 0; i < n; i++)
		seen->wrong += ((const uint8_t *)p)[i] != byte_at(seen->bytes + i);
	seen->bytes += n;
	seen->odd += n != 256 * 1024;
	seen->last = n;
	return 0;
}

static int pieces_close(struct sp_sink *sink)
{
	free(sink);
	return 0;
}

/* A file that nobody reads yet gets pieces that the kernel keeps as one, whenever records come. */
static void pieces_of_one_size(void)
{
	struct sp_hub *hub;
	struct pieces seen = {0};
	struct sp_hub_stats stats;
	struct pieces_sink *s = calloc(1, sizeof *s);
	*s = (struct pieces_sink){{.name = "pieces", .unread = true, .write = pieces_write, .close = pieces_close},
				  &seen};
	place = 0;
	CHECK(!sp_hub_new(&hub, WORKERS, 4, &points));
	CHECK(!sp_hub_add(hub, &elevens, &s->sink, true));
	CHECK(!sp_hub_start(hub));
	run(hub, 50000, 900);
	CHECK_EQ(sp_hub_stop(hub), 0);
	CHECK_EQ(seen.bytes, WORKERS * 50000 * 11);
	CHECK_EQ(seen.wrong, 0);
	CHECK_EQ(seen.odd, 1);
	CHECK_EQ(seen.last, seen.bytes % (256 * 1024));
	sp_hub_stats(hub, &stats);
	CHECK_EQ(stats.records, WORKERS * 50000);
	CHECK_EQ(stats.bytes_written, seen.bytes);
	sp_hub_free(hub);
}

static enum sp_wants has_ids(const struct sp_page *page, const struct sp_points *p)
{
	return page->ids ? SP_WANTS_ALL : SP_WANTS_NOTHING;
}

static const struct sp_encoder picky = {.name = "picky", .record = encode_number, .wants = has_ids};

/* An exporter gets the pages that it wants, and the others come back at once. */
static void pages_that_are_wanted(void)
{
	const struct sp_encoder *const other[] = {&numbers, &picky};
	for (unsigned with = 0; with < 2; with++) {
		struct sp_hub *hub;
		struct seen some, others;
		struct sp_out out;
		struct sp_hub_stats stats;
		CHECK(!sp_hub_new(&hub, 1, 2, &points));
		CHECK(!sp_hub_add(hub, &picky, test_sink(&some, 0, 0, 0), true));
		CHECK(!sp_hub_add(hub, other[with], test_sink(&others, 0, 0, 0), true));
		CHECK(!sp_hub_start(hub));
		sp_hub_out(hub, 0, &out);
		for (uint64_t i = 0; i < 3000; i++) {
			struct sp_flow_record *r =
				sp_out_record(&out, SP_RECORD_FLOW, SP_FLOW_RECORD_PLAIN, SP_FLOW_RECORD_PLAIN);
			CHECK(r);
			r->flow_id = i;
			out.page->ids += i % 10 == 0;
			sp_out_flush(&out);
		}
		CHECK_EQ(sp_hub_stop(hub), 0);
		sp_hub_stats(hub, &stats);
		CHECK_EQ(some.records, 300);
		CHECK_EQ(others.records, with ? 300 : 3000);
		CHECK_EQ(stats.pages, some.records + others.records);
		CHECK_EQ(stats.dropped_records, 0);
		sp_hub_free(hub);
	}
}

static enum sp_wants only_ids(const struct sp_page *page, const struct sp_points *p)
{
	return page->ids ? SP_WANTS_IDS : SP_WANTS_NOTHING;
}

static const struct sp_encoder with_ids = {.name = "with_ids", .record = encode_any, .wants = only_ids, .inside = true};

/* Of a page with few calls that carry an id, nobody has to look at the others; of one with many, at all. */
static void calls_with_ids(void)
{
	for (uint64_t every = 1; every <= 100; every += 9) {
		struct sp_hub *hub;
		struct seen seen;
		struct sp_out out;
		const size_t size = sizeof(struct sp_request_record) + 16;
		uint64_t wanted = 0;
		CHECK(!sp_hub_new(&hub, 1, 4, &points));
		struct sp_sink *sink = test_sink(&seen, 0, 0, 0);
		((struct test_sink *)sink)->all_kinds = true;
		CHECK(!sp_hub_add(hub, &with_ids, sink, true));
		CHECK(!sp_hub_start(hub));
		sp_hub_out(hub, 0, &out);
		for (uint64_t i = 0; i < 20000; i++) {
			struct sp_request_record *r = sp_out_record(&out, SP_RECORD_REQUEST, size, size);
			CHECK(r);
			r->flow_id = i;
			if (i % every)
				continue;
			sp_page_has_id(out.page, r);
			wanted++;
		}
		sp_out_flush(&out);
		CHECK_EQ(sp_hub_stop(hub), 0);
		CHECK_EQ(seen.records, every >= 10 ? wanted : 20000);
		CHECK_EQ(seen.disorder, 0);
		sp_hub_free(hub);
	}
}

static void no_exporter(void)
{
	struct sp_hub *hub;
	CHECK(!sp_hub_new(&hub, WORKERS, 4, &points));
	CHECK(!sp_hub_start(hub));
	run(hub, 10000, 7);
	CHECK_EQ(sp_hub_stop(hub), 0);
	sp_hub_free(hub);
	CHECK(!sp_hub_new(&hub, WORKERS, 4, &points));
	sp_hub_free(hub); /* never started */
}

/* A lone page is written without another push, and waiting costs almost no time of the processor. */
static void idle(void)
{
	struct sp_hub *hub;
	struct seen seen;
	struct sp_out out;
	struct sp_hub_stats stats = {0};
	CHECK(!sp_hub_new(&hub, WORKERS, 4, &points));
	CHECK(!sp_hub_add(hub, &numbers, test_sink(&seen, 0, 0, 0), true));
	CHECK(!sp_hub_start(hub));
	sp_hub_out(hub, 0, &out);
	CHECK(sp_out_record(&out, SP_RECORD_FLOW, SP_FLOW_RECORD_PLAIN, SP_FLOW_RECORD_PLAIN));
	sp_out_flush(&out);
	for (int i = 0; i < 500 && !stats.records; i++) {
		usleep(10000);
		sp_hub_stats(hub, &stats);
	}
	CHECK_EQ(stats.records, 1);
	clock_t before = clock();
	usleep(500000);
	CHECK((clock() - before) * 1000 / CLOCKS_PER_SEC < 50);
	CHECK_EQ(sp_hub_stop(hub), 0);
	sp_hub_free(hub);
}

int main(void)
{
	RUN(wait_loses_nothing);
	RUN(drops_are_counted);
	RUN(waits_when_told);
	RUN(kinds_stay_in_order);
	RUN(sinks_reopen);
	RUN(sink_fails);
	RUN(close_fails);
	RUN(stop_drains);
	RUN(smallest);
	RUN(pieces_of_one_size);
	RUN(pages_that_are_wanted);
	RUN(calls_with_ids);
	RUN(no_exporter);
	RUN(idle);
	return check_done();
}
