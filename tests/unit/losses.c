/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a flow's losses: which bytes, when, and how much of it is kept. */
#include "tests/unit/talk.h"

static void check_loss(const struct talk *t, unsigned i, enum sp_loss_kind kind, bool s2c, uint32_t seq, uint64_t us,
		       uint32_t after_us)
{
	CHECK(i < t->n_losses);
	const struct sp_loss *l = &t->loss[i];
	CHECK_EQ(l->kind, kind);
	CHECK_EQ(l->s2c, s2c);
	CHECK_EQ(l->seq, seq + (s2c ? 5000 : 1000));
	CHECK_EQ(l->len, 100);
	CHECK((l->ns - TALK_T0) / 1000 <= us && (l->ns - TALK_T0) / 1000 + 1 >= us);
	CHECK(l->after_us + 1 >= after_us && l->after_us <= after_us + 1);
}

/* Nothing is known of when the first copy was lost but that new bytes came until then. */
static void sent_again(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA, 1, 1, 100);
	tcp_at(t, 1100, 'c', TA, 101, 1, 100);
	tcp_at(t, 201100, 'c', TA | TP, 101, 1, 100); /* the last one: exact */
	tcp_at(t, 601100, 'c', TA | TP, 101, 1, 100);
	tcp_at(t, 602000, 's', TA | TP, 1, 201, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_c2s, 2);
	CHECK_EQ(r->n_losses, 2);
	check_loss(t, 0, SP_LOSS_AGAIN, false, 101, 1100, 200000);
	check_loss(t, 1, SP_LOSS_AGAIN, false, 101, 1100, 600000);
	talk_free(t);
}

/* When it was jumped over, which is when it was lost. */
static void a_hole(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 100);
	tcp_at(t, 1010, 's', TA, 201, 1, 100);
	tcp_at(t, 1020, 'c', TA, 1, 101, 0);
	tcp_at(t, 1500, 's', TA, 101, 1, 100);
	tcp_at(t, 1550, 'c', TA, 1, 301, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->hole_filled_s2c, 1);
	check_loss(t, 0, SP_LOSS_FILLED, true, 101, 1010, 490);
	talk_free(t);
}

/* The server has the lower address here: sides are not directions. */
static void directions(void)
{
	struct talk *t = talk_new(NULL);
	t->client_ip = 0x0a000009;
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 2000, 's', TA | TP, 1, 101, 100);
	tcp_at(t, 202000, 's', TA | TP, 1, 101, 100);
	talk_end(t);
	CHECK_EQ(t->n_losses, 1);
	check_loss(t, 0, SP_LOSS_AGAIN, true, 1, 2000, 200000);
	talk_free(t);
}

static void send_twice(struct talk *t, uint64_t us, unsigned n)
{
	for (unsigned i = 0; i < n; i++, us += 1000) {
		tcp_at(t, us, 'c', TA, 1 + i * 100, 1, 100);
		tcp_at(t, us + 500, 'c', TA, 1 + i * 100, 1, 100);
	}
}

/* What is too much is counted; each report begins anew, and the room goes back with the flow. */
static void limits(void)
{
	for (unsigned max = 0; max <= 40; max += 10) {
		struct sp_flow_conf conf = talk_conf();
		conf.loss_events = max;
		struct talk *t = talk_new(&conf);
		handshake(t, 0);
		send_twice(t, 1000, 35);
		const struct sp_flow_record *r = talk_end(t);
		uint64_t unlogged = sp_flowtable_stats(t->ft)->losses_unlogged;
		CHECK_EQ(r->retrans_c2s, 35);
		CHECK_EQ(r->n_losses, max < 35 ? max : 35);
		CHECK_EQ(unlogged, max < 35 ? 35 - max : 0);
		talk_free(t);
	}
}

/* Many more flows with losses than there is memory for, one after the other. */
static void memory_is_used_again(void)
{
	struct talk *t = talk_new(NULL);
	for (unsigned i = 0; i < 30000; i++) {
		t->client_port = (uint16_t)(1024 + i);
		uint64_t us = i * UINT64_C(20000);
		handshake(t, us);
		send_twice(t, us + 1000, 10);
		tcp_at(t, us + 15000, 'c', TR, 1001, 0, 0);
		t->n_losses = 0;
	}
	talk_end(t);
	CHECK_EQ(sp_flowtable_stats(t->ft)->losses_unlogged, 0);
	talk_free(t);
}

/* A flow that is reported while it goes on tells each loss once. */
static void reports(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	send_twice(t, 1000, 3);
	tcp_at(t, 61000000, 'c', TA, 301, 1, 100);
	tcp_at(t, 62000000, 'c', TA, 301, 1, 100);
	tcp_at(t, 63000000, 'c', TA, 401, 1, 100);
	talk_end(t);
	CHECK(t->n_records >= 2);
	CHECK_EQ(t->n_losses, 4);
	check_loss(t, 3, SP_LOSS_AGAIN, false, 301, 61000000, 1000000);
	talk_free(t);
}

int main(void)
{
	RUN(sent_again);
	RUN(a_hole);
	RUN(directions);
	RUN(limits);
	RUN(memory_is_used_again);
	RUN(reports);
	return check_done();
}
