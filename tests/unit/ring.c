/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>

#include "base/ring.h"
#include "tests/check.h"

static void full_and_empty(void)
{
	struct sp_ring *r = sp_ring_new(4);
	char slot[5];
	CHECK(!sp_ring_pop(r));
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < 4; i++)
			CHECK(sp_ring_push(r, &slot[i]));
		CHECK(!sp_ring_push(r, &slot[4]));
		for (unsigned i = 0; i < 4; i++)
			CHECK(sp_ring_pop(r) == &slot[i]);
		CHECK(!sp_ring_pop(r));
	}
	free(r);
}

/* The 32-bit positions wrap; a ring half full across the wrap stays in order. */
static void positions_wrap(void)
{
	struct sp_ring *r = sp_ring_new(8);
	char slot[8];
	r->head = r->tail = r->tail_seen = r->head_seen = UINT32_MAX - 2;
	for (unsigned i = 0; i < 8; i++)
		CHECK(sp_ring_push(r, &slot[i]));
	CHECK(!sp_ring_push(r, slot));
	for (unsigned i = 0; i < 8; i++)
		CHECK(sp_ring_pop(r) == &slot[i]);
	CHECK(!sp_ring_pop(r));
	free(r);
}

enum { N = 20000 };
static uint32_t values[N];

static void *produce(void *arg)
{
	struct sp_ring *r = arg;
	for (uint32_t i = 0; i < N; i++) {
		values[i] = i * 2654435761u;
		while (!sp_ring_push(r, &values[i]))
			sched_yield();
	}
	return NULL;
}

/* What the producer wrote before the push is seen after the pop, in order (the thread sanitizer watches). */
static void two_threads(void)
{
	struct sp_ring *r = sp_ring_new(64);
	pthread_t producer;
	if (!CHECK(!pthread_create(&producer, NULL, produce, r)))
		return;
	uint32_t wrong = 0;
	for (uint32_t i = 0; i < N; i++) {
		uint32_t *p;
		while (!(p = sp_ring_pop(r)))
			sched_yield();
		wrong += p != &values[i] || *p != i * 2654435761u;
	}
	CHECK_EQ(wrong, 0);
	pthread_join(producer, NULL);
	CHECK(!sp_ring_pop(r));
	free(r);
}

int main(void)
{
	RUN(full_and_empty);
	RUN(positions_wrap);
	RUN(two_threads);
	return check_done();
}
