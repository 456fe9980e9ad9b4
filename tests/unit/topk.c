/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/topk.h"
#include "base/hist.h"
#include "cli/text.h"
#include "tests/check.h"

static uint64_t weight_of(const struct sp_topk *t, uint32_t key)
{
	for (uint32_t i = 0; i < sp_topk_n(t); i++)
		if (!memcmp(sp_topk_key(t, i), &key, sizeof key))
			return sp_topk_weight(t, i);
	return 0;
}

static void exact_while_there_is_room(void)
{
	struct sp_topk *t = sp_topk_new(64, sizeof(uint32_t), sizeof(uint64_t));
	for (uint32_t round = 0; round < 10; round++)
		for (uint32_t key = 0; key < 64; key++)
			*(uint64_t *)sp_topk_add(t, &key, key) += 1;
	CHECK_EQ(sp_topk_n(t), 64);
	CHECK_EQ(sp_topk_evictions(t), 0);
	for (uint32_t key = 0; key < 64; key++)
		CHECK_EQ(weight_of(t, key), 10 * key);
	for (uint32_t i = 0; i < 64; i++)
		CHECK_EQ(*(uint64_t *)sp_topk_value(t, i), 10);
	sp_topk_free(t);
}

/* A few heavy keys among many light ones stay, and are never counted too low. */
static void heavy_keys_stay(void)
{
	struct sp_topk *t = sp_topk_new(64, sizeof(uint32_t), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t light = 1000 + i, heavy = i % 8;
		sp_topk_add(t, &light, 1);
		sp_topk_add(t, &heavy, 1);
	}
	CHECK_EQ(sp_topk_n(t), 64);
	CHECK(sp_topk_evictions(t) > 90000);
	for (uint32_t heavy = 0; heavy < 8; heavy++) {
		CHECK(weight_of(t, heavy) >= 12500);
		CHECK(weight_of(t, heavy) <= 12500 + 200000 / 64);
	}
	sp_topk_free(t);
}

/* Keys that come once: the heaviest, exactly. */
static void heaviest_of_those_that_come_once(void)
{
	struct sp_topk *t = sp_topk_new(64, sizeof(uint32_t), 0);
	unsigned left_out = 0;
	for (uint32_t i = 0; i < 10007; i++) {
		uint32_t key = i * 7919 % 10007;
		left_out += !sp_topk_add_once(t, &key, key) && key;
	}
	CHECK_EQ(sp_topk_n(t), 64);
	CHECK(left_out > 9000);
	for (uint32_t key = 10007 - 64; key < 10007; key++)
		CHECK_EQ(weight_of(t, key), key);
	sp_topk_free(t);
}

/* Newcomers that weigh no more than the lightest are left out; what is there goes on. */
static void heavy_ones_alone_come_in(void)
{
	struct sp_topk *t = sp_topk_new(64, sizeof(uint32_t), sizeof(uint64_t));
	for (uint32_t key = 0; key < 64; key++)
		CHECK(sp_topk_add_heavy(t, &key, 10 + key));
	CHECK_EQ(sp_topk_evictions(t), 0);
	CHECK(!sp_topk_add_heavy(t, &(uint32_t){100}, 10));
	CHECK_EQ(sp_topk_evictions(t), 1);
	CHECK(sp_topk_add_heavy(t, &(uint32_t){0}, 5) != NULL);
	CHECK_EQ(weight_of(t, 0), 15);
	CHECK(sp_topk_add_heavy(t, &(uint32_t){101}, 1000) != NULL);
	CHECK_EQ(weight_of(t, 101), 1000);
	CHECK_EQ(weight_of(t, 1), 0);
	CHECK_EQ(weight_of(t, 2), 12);
	sp_topk_free(t);
}

static void evicted(void *arg, void *value)
{
	*(uint64_t *)arg += *(uint64_t *)value;
}

static void values_that_go_are_told(void)
{
	struct sp_topk *t = sp_topk_new(16, sizeof(uint32_t), sizeof(uint64_t));
	uint64_t gone = 0, there = 0;
	sp_topk_on_evict(t, evicted, &gone);
	for (uint32_t key = 0; key < 1000; key++)
		*(uint64_t *)sp_topk_add(t, &key, 1) += key;
	for (uint32_t i = 0; i < sp_topk_n(t); i++)
		there += *(uint64_t *)sp_topk_value(t, i);
	CHECK_EQ(gone + there, 999 * 1000 / 2);
	sp_topk_free(t);
}

static uint64_t odd_alone(const struct sp_topk *t, uint32_t i)
{
	uint32_t key;
	memcpy(&key, sp_topk_key(t, i), sizeof key);
	return key % 2 ? key : 0;
}

static void best_come_first(void)
{
	struct sp_topk *t = sp_topk_new(64, sizeof(uint32_t), 0);
	uint32_t order[64];
	for (uint32_t i = 0; i < 50; i++)
		sp_topk_add(t, &(uint32_t){i * 7 % 50}, 1);
	CHECK_EQ(sp_topk_best(t, 64, odd_alone, order), 25);
	CHECK_EQ(sp_topk_best(t, 3, odd_alone, order), 3);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(odd_alone(t, order[i]), 49 - 2 * i);
	sp_topk_free(t);
}

static void hist_steps(void)
{
	for (uint64_t us = 0; us <= UINT32_MAX; us = us * 17 / 16 + 1) {
		unsigned step = sp_hist_step((uint32_t)us);
		if (!CHECK(step < SP_HIST_STEPS) || !CHECK(sp_hist_value(step) >= us))
			return;
		CHECK(!step || sp_hist_value(step - 1) < us);
		CHECK(sp_hist_value(step) <= us + us / 8);
	}
	struct sp_hist h = {0};
	CHECK_EQ(sp_hist_percentile(&h, 50), 0);
	for (uint32_t i = 1; i <= 1000; i++)
		sp_hist_add(&h, i, 1);
	CHECK(sp_hist_percentile(&h, 50) >= 500 && sp_hist_percentile(&h, 50) <= 563);
	CHECK(sp_hist_percentile(&h, 95) >= 950);
	CHECK_EQ(sp_hist_percentile(&h, 100), 1000);
}

static void texts(void)
{
	struct sp_text t;
	CHECK_STR(sp_text_count(&t, 0), "0");
	CHECK_STR(sp_text_count(&t, 999), "999");
	CHECK_STR(sp_text_count(&t, 1234567), "1,234,567");
	CHECK_STR(sp_text_bytes(&t, 999), "999 B");
	CHECK_STR(sp_text_bytes(&t, 1234), "1.23 kB");
	CHECK_STR(sp_text_bytes(&t, 999999), "1.00 MB");
	CHECK_STR(sp_text_bytes(&t, UINT64_MAX), "18447 PB");
	CHECK_STR(sp_text_us(&t, 12345), "12.3 ms");
	CHECK_STR(sp_text_duration(&t, UINT64_C(192) * 1000000000), "3 min 12 s");
	CHECK_STR(sp_text_share(&t, 1, 100000), "<0.1 %");
	CHECK_STR(sp_text_share(&t, 99999, 100000), ">99.9 %");
	CHECK_STR(sp_text_share(&t, 0, 0), "0.0 %");
	CHECK_STR(sp_text_time(&t, UINT64_C(1709287200123456000)), "2024-03-01 10:00:00.123456 UTC");
	CHECK_STR(sp_text_rate(&t, 125000, 1000000000), "1.00 Mbit/s");
}

int main(void)
{
	RUN(exact_while_there_is_room);
	RUN(heavy_keys_stay);
	RUN(heaviest_of_those_that_come_once);
	RUN(heavy_ones_alone_come_in);
	RUN(values_that_go_are_told);
	RUN(best_come_first);
	RUN(hist_steps);
	RUN(texts);
	return check_done();
}
