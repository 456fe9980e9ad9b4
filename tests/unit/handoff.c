/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that one worker gives another: whole, in order, or refused. */
#include "dataplane/handoff.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "parsers/link/decode.h"
#include "tests/check.h"

#define RING 4096

static struct sp_handoff *two(uint32_t snaplen)
{
	struct sp_handoff *h = NULL;
	struct sp_err err;
	CHECK_EQ(sp_handoff_new(&h, 2, RING, snaplen, &err), 0);
	return h;
}

static uint8_t frame[65536];

/* One decoded packet with number n; every third has layers, its length depends on n. */
static void make(struct sp_batch *b, uint32_t n, uint32_t len)
{
	sp_batch_begin(b);
	b->n = 1;
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(n + i);
	b->pkt[0] =
		(struct sp_pkt){.data = frame, .ts_ns = n, .hash = n * 7, .cap_len = len, .wire_len = len, .l7 = 54};
	b->key[0] = (struct sp_flow_key){.lo_port = (uint16_t)n, .proto = 6};
	if (n % 3)
		return;
	b->pkt[0].layers = 1;
	b->layers[b->n_layers++] = (struct sp_layers){.n_vlan = 1, .vlan = {(uint16_t)n}};
}

static unsigned wrong(const struct sp_batch *b, uint32_t i, uint32_t n, uint32_t len)
{
	const struct sp_pkt *p = &b->pkt[i];
	unsigned bad = p->ts_ns != n || p->hash != n * 7 || p->cap_len != len || p->wire_len != len || p->l7 != 54;
	bad += b->key[i].lo_port != (uint16_t)n || b->key[i].proto != 6;
	bad += !p->layers != !!(n % 3);
	if (p->layers)
		bad += b->layers[p->layers - 1].vlan[0] != (uint16_t)n;
	for (uint32_t k = 0; k < len; k++)
		bad += p->data[k] != (uint8_t)(n + k);
	return bad;
}

static struct sp_batch in, out;

static uint32_t len_of(uint32_t n)
{
	return 60 + n * 37 % 900;
}

/* Every length at every place of the ring, so that pieces end right at its end and short of it. */
static void whole_and_in_order(void)
{
	struct sp_handoff *h = two(65536);
	uint32_t given = 0, taken = 0, bad = 0;
	while (taken < 20000) {
		for (unsigned k = 0; k < 1 + given % 5; k++) {
			make(&in, given, len_of(given));
			if (!sp_handoff_give(h, 0, 1, &in, 0))
				break;
			given++;
		}
		CHECK_EQ(sp_handoff_take(h, 1, 0, &out), 0); /* not flushed: not seen */
		CHECK_EQ(sp_handoff_flush(h, 0), 2);
		CHECK(sp_handoff_waits(h, 1) && !sp_handoff_waits(h, 0));
		uint32_t n = sp_handoff_take(h, 1, 0, &out);
		if (!CHECK(n > 0))
			break;
		for (uint32_t i = 0; i < n; i++, taken++)
			bad += wrong(&out, i, taken, len_of(taken));
		sp_handoff_release(h, 1, 0);
		CHECK(!sp_handoff_waits(h, 1));
	}
	CHECK_EQ(bad, 0);
	CHECK_EQ(taken, given);
	CHECK_EQ(sp_handoff_flush(h, 0), 0);
	sp_handoff_free(h);
}

static void full_refuses_and_recovers(void)
{
	struct sp_handoff *h = two(65536);
	uint32_t given = 0;
	make(&in, 1, 60);
	while (sp_handoff_give(h, 0, 1, &in, 0))
		given++;
	CHECK(given > 10 && given < RING / 60);
	sp_handoff_flush(h, 0);
	CHECK_EQ(sp_handoff_take(h, 1, 0, &out), given);
	CHECK(!sp_handoff_give(h, 0, 1, &in, 0)); /* taken is not released */
	sp_handoff_release(h, 1, 0);
	uint32_t again = 0;
	while (sp_handoff_give(h, 0, 1, &in, 0))
		again++;
	CHECK_EQ(again, given);
	/* The other way is a ring of its own. */
	CHECK(sp_handoff_give(h, 1, 0, &in, 0));
	/* What cannot fit at all is refused, not waited for. */
	struct sp_handoff *small = two(65536);
	make(&in, 1, RING);
	CHECK(!sp_handoff_give(small, 0, 1, &in, 0));
	sp_handoff_free(small);
	sp_handoff_free(h);
}

static void frames_are_cut(void)
{
	struct sp_handoff *h = two(128);
	make(&in, 1, 1000);
	CHECK(sp_handoff_give(h, 0, 1, &in, 0));
	make(&in, 2, 1000);
	in.pkt[0].l7 = 300; /* behind tunnels: headers are kept whole */
	CHECK(sp_handoff_give(h, 0, 1, &in, 0));
	make(&in, 4, 100);
	CHECK(sp_handoff_give(h, 0, 1, &in, 0));
	sp_handoff_flush(h, 0);
	CHECK_EQ(sp_handoff_take(h, 1, 0, &out), 3);
	CHECK_EQ(out.pkt[0].cap_len, 128);
	CHECK_EQ(out.pkt[0].wire_len, 1000);
	CHECK_EQ(out.pkt[0].flags, SP_PKT_CUT);
	CHECK_EQ(out.pkt[1].cap_len, 300);
	CHECK_EQ(out.pkt[2].cap_len, 100);
	CHECK_EQ(out.pkt[2].flags, 0);
	sp_handoff_release(h, 1, 0);
	sp_handoff_free(h);
}

/* Each worker gets its share of neighbouring flows, and their hashes fill all places of a table. */
static void workers_share(void)
{
	struct sp_handoff *h;
	struct sp_err err;
	if (!CHECK_EQ(sp_handoff_new(&h, 3, RING, 128, &err), 0))
		return;
	const struct sp_decode_conf conf = sp_decode_conf_default();
	uint32_t count[3] = {0}, low[16] = {0}, high[16] = {0};
	for (uint32_t i = 0; i < 30000; i++) {
		struct sp_flow_key key = {.proto = 6, .lo_port = (uint16_t)i, .hi_port = 80}, other_vlan;
		sp_addr_parse(&key.lo, "10.0.0.1");
		sp_addr_parse(&key.hi, "10.0.0.2");
		other_vlan = key;
		other_vlan.space = 1 + i;
		uint32_t hash = (uint32_t)sp_flow_key_hash(&key, 0);
		unsigned w = sp_handoff_worker(h, sp_flow_key_share(&conf, &key));
		CHECK_EQ(sp_handoff_worker(h, sp_flow_key_share(&conf, &other_vlan)), w); /* a mirror's copy */
		CHECK(w < 3);
		count[w]++;
		low[hash % 16] += w == 0;
		high[hash >> 28] += w == 0;
	}
	for (unsigned w = 0; w < 3; w++)
		CHECK(count[w] > 9000 && count[w] < 11000);
	for (unsigned i = 0; i < 16; i++)
		CHECK(low[i] > 300 && high[i] > 300);
	sp_handoff_free(h);
}

enum { N = 30000 };

static void *produce(void *arg)
{
	static struct sp_batch batch;
	for (uint32_t n = 0; n < N; n++) {
		make(&batch, n, 60 + n % 300);
		while (!sp_handoff_give(arg, 0, 1, &batch, 0)) {
			sp_handoff_flush(arg, 0);
			sched_yield();
		}
		if (n % 7 == 0)
			sp_handoff_flush(arg, 0);
	}
	sp_handoff_flush(arg, 0);
	return NULL;
}

/* What was written before the flush is seen after the take; what is read is not overwritten before the release. */
static void two_threads(void)
{
	struct sp_handoff *h = two(65536);
	pthread_t producer;
	if (!CHECK(!pthread_create(&producer, NULL, produce, h)))
		return;
	uint32_t bad = 0;
	for (uint32_t taken = 0; taken < N;) {
		uint32_t n = sp_handoff_take(h, 1, 0, &out);
		if (!n) {
			sched_yield();
			continue;
		}
		for (uint32_t i = 0; i < n; i++, taken++)
			bad += wrong(&out, i, taken, 60 + taken % 300);
		sp_handoff_release(h, 1, 0);
	}
	CHECK_EQ(bad, 0);
	pthread_join(producer, NULL);
	CHECK(!sp_handoff_waits(h, 1));
	sp_handoff_free(h);
}

int main(void)
{
	RUN(whole_and_in_order);
	RUN(full_refuses_and_recovers);
	RUN(frames_are_cut);
	RUN(workers_share);
	RUN(two_threads);
	return check_done();
}
