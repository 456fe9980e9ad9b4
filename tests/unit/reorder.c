/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/point.h"
#include "dataplane/reorder.h"
#include "tests/check.h"

#define US 1000u
#define MS 1000000u
#define T0 UINT64_C(1700000000000000000)

/* What came out: times and the number that each packet carries. */
struct seen {
	uint32_t n, batches, same_batch;
	uint64_t ts[200000];
	uint32_t id[200000];
	struct sp_batch *given;
};

static struct seen seen;
static uint32_t space[SP_POINTS_MAX];
static uint32_t id;
static uint8_t bytes[SP_BATCH_MAX][1600];
static struct sp_batch batch;
static struct sp_reorder *r;

static void take(void *ctx, struct sp_batch *b)
{
	seen.batches++;
	seen.same_batch += b == seen.given;
	for (uint32_t i = 0; i < b->n && seen.n < 200000; i++) {
		seen.ts[seen.n] = b->pkt[i].ts_ns;
		memcpy(&seen.id[seen.n++], b->pkt[i].data, 4);
	}
}

static void begin(uint64_t window, uint64_t packets, uint64_t size)
{
	struct sp_reorder_conf conf = {.window = window, .packets = packets, .bytes = size};
	struct sp_err err;
	memset(&seen, 0, sizeof seen);
	memset(space, 0, sizeof space);
	id = 0;
	batch.n = 0;
	CHECK_EQ(sp_reorder_new(&r, &conf, space, take, NULL, &err), 0);
}

static void send_now(void)
{
	seen.given = &batch;
	sp_reorder_batch(r, &batch);
	batch.n = 0;
	memset(bytes, 0xee, sizeof bytes); /* held packets are copies */
}

static void packet(uint64_t ts, uint16_t point, uint32_t len)
{
	uint32_t i = batch.n++;
	memcpy(bytes[i], &id, 4);
	id++;
	batch.pkt[i] = (struct sp_pkt){.data = bytes[i], .ts_ns = ts, .point = point, .cap_len = len, .wire_len = len};
	if (batch.n == SP_BATCH_MAX)
		send_now();
}

static uint64_t backwards(void)
{
	uint64_t n = 0;
	for (uint32_t i = 1; i < seen.n; i++)
		n += seen.ts[i] < seen.ts[i - 1];
	return n;
}

static bool all_once(void)
{
	uint8_t *had = calloc(1, id);
	uint32_t good = 0;
	for (uint32_t i = 0; i < seen.n; i++)
		if (seen.id[i] < id && !had[seen.id[i]]++)
			good++;
	free(had);
	return good == id && seen.n == id;
}

/* Two halves of a tap whose clocks are 300 us apart, written alternately. */
static void skewed_taps(void)
{
	begin(20 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < 20000; i++)
		packet(T0 + i * 10 * US + (i & 1) * 300 * US, 0, 100 + i % 1400);
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK_EQ(backwards(), 0);
	CHECK_EQ(sp_reorder_stats(r)->late, 0);
	CHECK(sp_reorder_stats(r)->sorted > 9000);
	sp_reorder_free(r);
}

/* In order: after the first stretch the caller's own batch passes, untouched. */
static void order_costs_nothing(void)
{
	begin(20 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < 64 * 100; i++)
		packet(T0 + i * US, 0, 60);
	CHECK(all_once());
	CHECK_EQ(backwards(), 0);
	CHECK(seen.same_batch >= 90);
	CHECK_EQ(sp_reorder_stats(r)->held, 512);
	CHECK_EQ(sp_reorder_stats(r)->opened, 0);
	sp_reorder_free(r);
}

/* Disorder that begins later: the first late packet is lost to order, the window mends what follows. */
static void learns(void)
{
	begin(20 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < 64 * 20; i++)
		packet(T0 + i * 10 * US, 0, 60);
	uint64_t t = T0 + 64 * 20 * 10 * US;
	for (unsigned i = 0; i < 6400; i++)
		packet(t + i * 10 * US - (i % 3 ? 0 : 100 * US), 0, 60);
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK(sp_reorder_stats(r)->opened >= 1);
	CHECK(backwards() <= 4);
	CHECK(sp_reorder_stats(r)->late <= 4);
	sp_reorder_free(r);
}

static void later_than_the_window(void)
{
	begin(1 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < 100; i++)
		packet(T0 + i * MS, 0, 60);
	packet(T0 + 50 * MS, 0, 60);
	packet(T0 + 100 * MS, 0, 60);
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK_EQ(sp_reorder_stats(r)->late, 1);
	CHECK_EQ(backwards(), 1);
	sp_reorder_free(r);
}

/* A clock set back: no packet waits for ever, none is late for ever. */
static void clock_set_back(void)
{
	begin(1 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < 200; i++)
		packet(T0 + i * MS / 10, 0, 60);
	for (unsigned i = 0; i < 200; i++)
		packet(T0 - 3600 * (uint64_t)1000 * MS + i * MS / 10, 0, 60);
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK_EQ(sp_reorder_stats(r)->steps, 1);
	CHECK_EQ(sp_reorder_stats(r)->late, 0);
	CHECK_EQ(backwards(), 1);
	sp_reorder_free(r);
}

/* Full by packets, by bytes: what is oldest goes early, nothing is lost. */
static void bounded(void)
{
	begin(10000 * (uint64_t)MS, 64, 256 << 10);
	for (unsigned i = 0; i < 5000; i++)
		packet(T0 + i * US + (i % 2) * 5 * US, 0, 64);
	for (unsigned i = 5000; i < 10000; i++)
		packet(T0 + i * US + (i % 2) * 5 * US, 0, 1500);
	send_now();
	CHECK(seen.n >= 10000 - 64);
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK_EQ(backwards(), 0);
	CHECK(sp_reorder_stats(r)->forced > 9000);
	sp_reorder_free(r);
}

static void by_address_space(void)
{
	begin(20 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < SP_POINTS_MAX; i++)
		space[i] = i == 2 ? 1 : i; /* points 1 and 2 are one place */
	for (unsigned i = 0; i < 3000; i++) {
		packet(T0 + i * 10 * US, 0, 60);
		packet(T0 + i * 10 * US - 3600 * (uint64_t)1000 * MS, 1, 60); /* a clock of its own */
		packet(T0 + i * 10 * US - 3600 * (uint64_t)1000 * MS - 50 * US, 2, 60);
	}
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	CHECK_EQ(sp_reorder_stats(r)->steps, 0);
	CHECK_EQ(sp_reorder_stats(r)->late, 0);
	CHECK(sp_reorder_stats(r)->sorted >= 2900);
	sp_reorder_free(r);
}

static void more_spaces_than_windows(void)
{
	begin(20 * MS, 4096, 4 << 20);
	for (unsigned i = 0; i < SP_POINTS_MAX; i++)
		space[i] = i;
	for (unsigned i = 0; i < 50000; i++)
		packet(T0 + i * US - (i % 7 ? 0 : 60 * US), (uint16_t)(i % 40), 60);
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	sp_reorder_free(r);
}

static void idle_line(void)
{
	begin(20 * MS, 4096, 4 << 20);
	packet(T0, 0, 60);
	send_now();
	CHECK_EQ(seen.n, 0);
	sp_reorder_tick(r, T0 + 10 * MS);
	CHECK_EQ(seen.n, 0);
	sp_reorder_tick(r, T0 + 20 * MS);
	CHECK_EQ(seen.n, 1);
	packet(0, 0, 60); /* a time of zero is a time */
	packet(0, 0, 60);
	send_now();
	sp_reorder_flush(r);
	CHECK(all_once());
	sp_reorder_free(r);
}

/* One address space falls silent: its last packets come out before what another one says much later, whether there was
 * silence all over, or the other one went on; clocks are a second apart. */
static void silent_space(void)
{
	for (unsigned busy = 0; busy < 2; busy++) {
		begin(20 * MS, 4096, 4 << 20);
		space[1] = 1;
		for (unsigned i = 0; i < 20; i++)
			packet(T0 + i * US + i % 2 * 1000 * MS, i % 2, 60);
		for (unsigned i = 1; busy && i < 100; i++)
			packet(T0 + 1000 * MS + i * MS, 1, 60);
		if (!busy)
			packet(T0 + 16000 * MS, 1, 60);
		send_now();
		unsigned of_first = 0;
		for (uint32_t i = 0; i < seen.n; i++)
			of_first += seen.ts[i] < T0 + 500 * MS;
		CHECK_EQ(of_first, 10);
		sp_reorder_flush(r);
		CHECK(all_once());
		CHECK_EQ(sp_reorder_stats(r)->late, 0);
		sp_reorder_free(r);
	}
}

static void switched_off(void)
{
	begin(0, 4096, 4 << 20);
	for (unsigned i = 0; i < 640; i++)
		packet(T0 + (i ^ 1) * US, 0, 60);
	CHECK_EQ(seen.same_batch, 10);
	CHECK(all_once());
	sp_reorder_free(r);
}

int main(void)
{
	RUN(skewed_taps);
	RUN(order_costs_nothing);
	RUN(learns);
	RUN(later_than_the_window);
	RUN(clock_set_back);
	RUN(bounded);
	RUN(by_address_space);
	RUN(more_spaces_than_windows);
	RUN(idle_line);
	RUN(silent_space);
	RUN(switched_off);
	return check_done();
}
