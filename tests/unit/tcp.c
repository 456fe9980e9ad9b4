/* SPDX-License-Identifier: Apache-2.0 */
/* What the tracker says of scripted connections: each function is one story. */
#include "tests/unit/talk.h"

static const char *reason(const struct sp_flow_record *r)
{
	return sp_close_reason_name(r->close_reason);
}

static const char *failure(const struct sp_flow_record *r)
{
	return sp_failure_name(r->failure);
}

static void a_whole_connection(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100); /* request */
	tcp_at(t, 1200, 's', TA, 1, 101, 0);	  /* the stack's ACK */
	tcp_at(t, 5000, 's', TA, 1, 101, 500);	  /* answer, two segments */
	tcp_at(t, 5010, 's', TA | TP, 501, 101, 300);
	tcp_at(t, 5100, 'c', TA, 101, 801, 0);
	tcp_at(t, 9000, 'c', TA | TP, 101, 801, 50);
	tcp_at(t, 9700, 's', TA | TP, 801, 151, 60); /* acknowledged with the answer: no ACK delay */
	tcp_at(t, 9800, 'c', TF | TA, 151, 861, 0);
	tcp_at(t, 9900, 's', TF | TA, 861, 152, 0);
	tcp_at(t, 9950, 'c', TA, 152, 862, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_STR(reason(r), "fin");
	CHECK_STR(failure(r), "none");
	CHECK_EQ(r->client_port, 40000);
	CHECK_EQ(r->packets_c2s, 7);
	CHECK_EQ(r->packets_s2c, 6);
	CHECK_EQ(r->payload_bytes_c2s, 150);
	CHECK_EQ(r->payload_bytes_s2c, 860);
	CHECK_EQ(r->bytes_c2s, 7 * 54 + 150);
	CHECK_EQ(r->rtt_server_us, 100);
	CHECK_EQ(r->rtt_client_us, 30);
	CHECK_EQ(r->rtt_us, 130);
	CHECK_EQ(r->srt_us.count, 1);
	CHECK_EQ(r->srt_us.sum, 200);
	CHECK_EQ(r->art_us.count, 2);
	CHECK_EQ(r->art_us.sum, 4000 + 700);
	CHECK_EQ(r->art_us.max, 4000);
	CHECK_EQ(r->cit_us.count, 2);
	CHECK_EQ(r->cit_us.sum, 870 + 3990);
	CHECK_EQ(r->isn_client, 1000);
	CHECK_EQ(r->isn_server, 5000);
	CHECK_EQ(r->fin_count, 2);
	CHECK_EQ(r->direction_confidence, 100);
	CHECK_EQ(r->retrans_c2s + r->retrans_s2c + r->dup_ack_c2s + r->out_of_order_s2c, 0);
	CHECK(!r->one_way && !r->midstream && !r->capture_gap);
	talk_free(t);
}

static void a_request_of_several_segments_without_push(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA, 1, 1, 1000);
	tcp_at(t, 1100, 'c', TA, 1001, 1, 1000);
	tcp_at(t, 1150, 's', TA, 1, 1001, 0); /* of the first only */
	tcp_at(t, 1200, 'c', TA, 2001, 1, 500);
	tcp_at(t, 1300, 's', TA, 1, 2501, 0);
	tcp_at(t, 4200, 's', TA, 1, 2501, 10);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->art_us.count, 1);
	CHECK_EQ(r->art_us.sum, 3000);
	CHECK_EQ(r->srt_us.count, 1);
	CHECK_EQ(r->srt_us.sum, 100);
	CHECK_EQ(r->cit_us.count, 1);
	CHECK_STR(reason(r), "end_of_input");
	talk_free(t);
}

static void an_answer_before_the_request_is_complete_is_none(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA, 1, 1, 1000);
	tcp_at(t, 1100, 'c', TA, 1001, 1, 1000);
	tcp_at(t, 1110, 's', TA, 1, 1001, 50); /* crossed the second segment on its way */
	tcp_at(t, 3100, 's', TA, 51, 2001, 50);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->art_us.count, 1);
	CHECK_EQ(r->art_us.sum, 2000);
	talk_free(t);
}

static void a_delayed_ack_is_no_ack_delay(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 10);
	tcp_at(t, 41000, 's', TA, 1, 11, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->srt_us.count, 0);
	talk_free(t);
}

static void syns_sent_again(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 1000000, 'c', TS, 0, 0, 0);
	tcp_at(t, 1000400, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 2000400, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 2000500, 'c', TA, 1, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->syn_count, 2);
	CHECK_EQ(r->synack_count, 2);
	CHECK_EQ(r->rtt_server_us, 400); /* from the SYN that was answered */
	CHECK_EQ(r->rtt_client_us, 100); /* from the SYN-ACK that was */
	CHECK_EQ(r->retrans_c2s, 0);	 /* no data */
	talk_free(t);
}

static void a_syn_answered_with_other_numbers(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 1000000, 'c', TS, 0, 0, 0);
	tcp_at(t, 1000100, 's', TS | TA, 777777, 1, 0); /* SYN cookies */
	tcp_at(t, 1000130, 'c', TA, 1, 777778, 0);
	tcp_at(t, 1000200, 's', TA | TP, 777778, 1, 100);
	tcp_at(t, 1000300, 'c', TA, 1, 777878, 0);
	tcp_at(t, 1000400, 's', TS | TA, 5, 1, 0); /* the client has taken the other one */
	tcp_at(t, 1000500, 's', TA | TP, 777878, 1, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->synack_count, 3);
	CHECK_EQ(r->isn_server, 777777 + 5000);
	CHECK_EQ(r->rtt_client_us, 30);
	CHECK_EQ(r->retrans_s2c + r->hole_filled_s2c + r->out_of_order_s2c, 0);
	CHECK(!r->capture_gap);
	talk_free(t);
}

static void sent_again_after_the_point(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 201000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 202000, 's', TA | TP, 1, 101, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_c2s, 1);
	CHECK_EQ(r->hole_filled_c2s, 0);
	CHECK_EQ(r->art_us.sum, 1000); /* from the copy that was answered */
	talk_free(t);
}

static void lost_before_the_point(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 100);
	tcp_at(t, 1010, 's', TA, 201, 1, 100); /* 101..200 is missing */
	tcp_at(t, 1020, 'c', TA, 1, 101, 0);
	tcp_at(t, 1030, 'c', TA, 1, 101, 0);
	tcp_at(t, 1040, 's', TA, 301, 1, 100);
	tcp_at(t, 1050, 'c', TA, 1, 101, 0);
	tcp_at(t, 1500, 's', TA, 101, 1, 100); /* a round trip is 130 us: this was sent again */
	tcp_at(t, 1550, 'c', TA, 1, 401, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->hole_filled_s2c, 1);
	CHECK_EQ(r->retrans_s2c, 0);
	CHECK_EQ(r->out_of_order_s2c, 0);
	CHECK_EQ(r->dup_ack_c2s, 2);
	CHECK(!r->capture_gap);
	talk_free(t);
}

/* An ACK of the client with one SACK block, in the server's numbers; `len` is what the option says of itself. */
static void sack_at(struct talk *t, uint64_t us, uint32_t ack, uint32_t left, uint32_t right, uint8_t len)
{
	uint8_t *h = talk_ip(t, true, us, 6, 32, 0);
	put32(h + 4, 1001);
	put32(h + 8, ack + 5000);
	h[12] = 0x80;
	h[13] = TA;
	put16(h + 14, t->window);
	h[20] = h[21] = 1;
	h[22] = 5;
	h[23] = len;
	put32(h + 24, left + 5000);
	put32(h + 28, right + 5000);
	talk_flush(t);
}

static void overtaken(void)
{
	struct talk *t = talk_new(NULL);
	t->ip_id = 0;
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 101, 1, 100);
	tcp_at(t, 1020, 's', TA, 1, 1, 100);
	tcp_at(t, 1030, 'c', TA, 1, 1, 0); /* the receiver missed it, too */
	tcp_at(t, 1050, 'c', TA, 1, 201, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->out_of_order_s2c, 1);
	CHECK_EQ(r->hole_filled_s2c + r->retrans_s2c, 0);
	CHECK(!r->capture_gap);
	talk_free(t);
}

/* The receiver tells whose disorder it was: it asks at once for what it misses. */
static void overtaken_on_the_way_to_the_capture(void)
{
	for (unsigned how = 0; how < 5; how++) {
		struct talk *t = talk_new(NULL);
		bool ours = how == 0 || how == 3;
		t->ip_id = 0;
		handshake(t, 0);
		tcp_at(t, 1000, 's', TA, 101, 1, 100);
		if (how == 2)
			sack_at(t, 1010, 1, 101, 201, 10);
		if (how == 3)
			tcp_at(t, 1010, 'c', TA, 1, 201, 0); /* it has all before we have */
		tcp_at(t, 1020, 's', TA, 1, 1, 100);
		if (how == 1)
			sack_at(t, 1030, 1, 101, 201, 10);
		if (how != 4)
			tcp_at(t, 1050, 'c', TA, 1, 201, 0); /* 4: it is not heard */
		for (unsigned i = 0; i < 10; i++) {
			tcp_at(t, 2000 + 20 * i, 's', TA, 201 + 10 * i, 1, 10);
			if (how != 4)
				tcp_at(t, 2010 + 20 * i, 'c', TA, 1, 211 + 10 * i, 0);
		}
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(r->out_of_order_s2c, !ours);
		CHECK_EQ(sp_flowtable_stats(t->ft)->capture_reordered, ours);
		CHECK_EQ(r->hole_filled_s2c + r->retrans_s2c + r->capture_gap, 0);
		talk_free(t);
	}
}

/* Two segments of the server, the second one first; the first comes `us` later with the number `id`. */
static struct talk *two_segments(uint64_t us, uint16_t id)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	t->ip_id = 2000;
	tcp_at(t, 1000, 's', TA, 101, 1, 100);
	t->ip_id = id;
	tcp_at(t, 1000 + us, 's', TA, 1, 1, 100);
	talk_end(t);
	return t;
}

static void numbers_tell_reordering_from_loss(void)
{
	/* A round trip is 130 us. */
	static const struct {
		uint64_t us;
		uint16_t id;
		bool overtaken;
	} cases[] = {
		{20, 1999, true},      {900, 1999, true},   /* sent before, however late it comes */
		{20, 2001, false},     {900, 2040, false},  /* sent later, however soon */
		{20, 2000, true},      {900, 2000, false},  /* not told: the time is */
		{20, 47000, true},     {900, 47000, false}, /* numbered at random */
		{20, 1999 - 64, true}, {900, 1999 - 64, false},
	};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(cases); i++) {
		struct talk *t = two_segments(cases[i].us, cases[i].id);
		CHECK_EQ(t->record->out_of_order_s2c, cases[i].overtaken);
		CHECK_EQ(t->record->hole_filled_s2c, !cases[i].overtaken);
		CHECK_EQ(t->record->retrans_s2c, 0);
		talk_free(t);
	}
}

static void lost_by_the_capture(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 100);
	tcp_at(t, 1010, 's', TA, 201, 1, 100);
	tcp_at(t, 1020, 'c', TA, 1, 301, 0); /* the client has what was not seen here */
	const struct sp_flow_record *r = talk_end(t);
	CHECK(r->capture_gap);
	CHECK_EQ(r->hole_filled_s2c + r->retrans_s2c + r->out_of_order_s2c, 0);
	talk_free(t);
}

static void the_end_lost_by_the_capture(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 100);
	tcp_at(t, 1020, 'c', TA, 1, 301, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK(r->capture_gap);
	talk_free(t);
}

static void late_by_the_capture(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 100);
	tcp_at(t, 1010, 'c', TA, 1, 201, 0); /* its ACK before the data */
	tcp_at(t, 1012, 's', TA, 101, 1, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK(!r->capture_gap);
	CHECK_EQ(r->retrans_s2c + r->hole_filled_s2c, 0);
	talk_free(t);
}

/* Sent again and acknowledged at once, and the acknowledgement overtook it on the mirror's way, by less than the 130 us
 * of a round trip. */
static void sent_again_and_late_by_the_capture(void)
{
	for (unsigned late = 0; late < 2; late++) {
		struct talk *t = talk_new(NULL);
		handshake(t, 0);
		t->ip_id = 2000;
		tcp_at(t, 1000, 's', TA, 101, 1, 100);
		sack_at(t, 1010, 1, 101, 201, 10); /* 1..100 are missing there, too */
		tcp_at(t, 9000, 'c', TA, 1, 201, 0);
		t->ip_id = 2005;
		tcp_at(t, late ? 10000 : 9050, 's', TA, 1, 1, 100);
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(r->hole_filled_s2c, !late);
		CHECK_EQ(sp_flowtable_stats(t->ft)->capture_reordered, !late);
		CHECK_EQ(r->retrans_s2c, late); /* then of a segment that the capture lost */
		CHECK_EQ(r->capture_gap, late);
		talk_free(t);
	}
}

static void more_holes_than_are_kept(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	for (unsigned i = 0; i < 20; i++)
		tcp_at(t, 1000 + i, 's', TA, 101 + 200 * i, 1, 100);
	for (unsigned i = 0; i < 20; i++)
		tcp_at(t, 300000 + i, 's', TA, 1 + 200 * i, 1, 100);
	tcp_at(t, 300100, 'c', TA, 1, 4001, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->hole_filled_s2c + r->retrans_s2c, 20);
	CHECK(r->hole_filled_s2c >= 18);
	talk_free(t);
}

static void what_the_receiver_has_out_of_order(void)
{
	static const struct {
		uint8_t len; /* of the option: 10 is right */
		bool gap;
	} cases[] = {{10, true}, {9, false}, {200, false}, {1, false}, {0, false}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(cases); i++) {
		struct talk *t = talk_new(NULL);
		handshake(t, 0);
		tcp_at(t, 1000, 's', TA, 301, 1, 100);	     /* 1..300 are missing here */
		sack_at(t, 1010, 1, 101, 401, cases[i].len); /* 101..300 are not missing there */
		tcp_at(t, 300000, 's', TA, 201, 1, 100);     /* sent for nothing */
		tcp_at(t, 300010, 's', TA, 1, 1, 100);	     /* lost before this point */
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(r->retrans_s2c, cases[i].gap);
		CHECK_EQ(r->hole_filled_s2c, 2 - cases[i].gap);
		CHECK_EQ(r->capture_gap, cases[i].gap);
		talk_free(t);
	}
}

static void segments_cut_elsewhere(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 's', TA, 1, 1, 3000); /* merged by the card or the kernel */
	tcp_at(t, 300000, 's', TA, 1001, 1, 1000);
	tcp_at(t, 400000, 's', TA, 2001, 1, 3000); /* the last third again, with what follows */
	tcp_at(t, 500000, 's', TA, 6001, 1, 1000); /* two holes */
	tcp_at(t, 500010, 's', TA, 8001, 1, 1000);
	tcp_at(t, 900000, 's', TA, 5001, 1, 3000); /* fills both */
	tcp_at(t, 900100, 'c', TA, 1, 9001, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_s2c, 2);
	CHECK_EQ(r->hole_filled_s2c, 1);
	CHECK_EQ(r->out_of_order_s2c, 0);
	CHECK(!r->capture_gap);
	talk_free(t);
}

static void losses_of_the_capture_do_not_hide_others(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	for (unsigned i = 0; i < 10; i++) {
		tcp_at(t, 1000 + i, 's', TA, 101 + 200 * i, 1, 100);
		tcp_at(t, 1001 + i, 'c', TA, 1, 201 + 200 * i, 0);
	}
	tcp_at(t, 2000, 's', TA, 2101, 1, 100);
	tcp_at(t, 300000, 's', TA, 2001, 1, 100);
	tcp_at(t, 300100, 'c', TA, 1, 2201, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->hole_filled_s2c, 1);
	CHECK_EQ(r->retrans_s2c, 0);
	CHECK(r->capture_gap);
	talk_free(t);
}

static void sequence_numbers_wrap(void)
{
	struct talk *t = talk_new(NULL);
	const uint32_t base = UINT32_MAX - 5000 - 150; /* the server's numbers wrap after 150 bytes */
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 10, 's', TS | TA, base, 1, 0);
	tcp_at(t, 20, 'c', TA, 1, base + 1, 0);
	for (unsigned i = 0; i < 4; i++)
		tcp_at(t, 1000 + i, 's', TA, base + 1 + 100 * i, 1, 100);
	tcp_at(t, 400000, 's', TA, base + 101, 1, 100);
	tcp_at(t, 400100, 'c', TA, 1, base + 401, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_s2c, 1);
	CHECK_EQ(r->hole_filled_s2c + r->out_of_order_s2c, 0);
	CHECK(!r->capture_gap);
	CHECK_EQ(r->payload_bytes_s2c, 500);
	talk_free(t);
}

static void numbers_from_elsewhere(void)
{
	struct talk *t = talk_new(NULL);
	const uint32_t far = 1500000000;
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA, 1, 1, 100);
	tcp_at(t, 1100, 's', TA, 1, far, 100); /* acknowledges what no window can hold */
	tcp_at(t, 1200, 'c', TA, 101, 101, 100);
	tcp_at(t, 1300, 's', TA, 101, 201, 0);
	tcp_at(t, 2000, 'c', TA, 201 + far, 101, 100); /* is from nowhere */
	tcp_at(t, 2100, 'c', TA, 201, 101, 100);
	tcp_at(t, 2200, 's', TA, 101, 301, 50);
	tcp_at(t, 2300, 'c', TA, 301, 151, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->retrans_c2s + r->hole_filled_c2s + r->out_of_order_c2s + r->dup_ack_s2c, 0);
	CHECK_EQ(r->retrans_s2c + r->hole_filled_s2c + r->out_of_order_s2c + r->dup_ack_c2s, 0);
	CHECK(r->capture_gap);
	talk_free(t);
}

static void keep_alives_and_probes(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 1100, 's', TA, 1, 101, 0);
	tcp_at(t, 9000000, 'c', TA, 100, 1, 0);
	tcp_at(t, 9000100, 's', TA, 1, 101, 0); /* answers the probe: no duplicate ACK */
	tcp_at(t, 18000000, 'c', TA, 100, 1, 1);
	tcp_at(t, 18000100, 's', TA, 1, 101, 0);
	t->window = 0;
	tcp_at(t, 18000200, 's', TA, 1, 101, 0);
	t->window = 1000;
	tcp_at(t, 18300000, 'c', TA, 101, 1, 1); /* zero window probe */
	t->window = 0;
	tcp_at(t, 18300100, 's', TA, 1, 101, 0);
	t->window = 1000;
	tcp_at(t, 18350000, 'c', TA, 100, 1, 0); /* another one, as Linux sends them */
	t->window = 0;
	tcp_at(t, 18350100, 's', TA, 1, 101, 0);
	t->window = 1000;
	tcp_at(t, 18400000, 's', TA, 1, 101, 0); /* window update */
	tcp_at(t, 18400100, 'c', TA | TP, 101, 1, 50);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->keepalive_c2s, 2);
	CHECK_EQ(r->zero_window_s2c, 3);
	CHECK_EQ(r->dup_ack_s2c, 0);
	CHECK_EQ(r->retrans_c2s, 0);
	CHECK(!r->capture_gap);
	talk_free(t);
}

static void joined_at_a_keep_alive(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TA, 100, 1, 0);
	tcp_at(t, 100, 's', TA, 1, 101, 0); /* has what is one byte ahead of the probe */
	tcp_at(t, 9000000, 'c', TA, 100, 1, 0);
	tcp_at(t, 9000100, 's', TA, 1, 101, 0);
	tcp_at(t, 9500000, 'c', TA | TP, 101, 1, 10);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->keepalive_c2s, 1);
	CHECK_EQ(r->dup_ack_c2s + r->dup_ack_s2c + r->retrans_c2s, 0);
	CHECK(!r->capture_gap);
	talk_free(t);
}

static void a_key_sent_again_is_no_keep_alive(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 1);
	tcp_at(t, 201000, 'c', TA | TP, 1, 1, 1); /* not acknowledged yet */
	tcp_at(t, 201100, 's', TA, 1, 2, 0);
	tcp_at(t, 9000000, 'c', TA, 1, 1, 1);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_c2s, 1);
	CHECK_EQ(r->keepalive_c2s, 1);
	talk_free(t);
}

static void nobody_answers(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 1000000, 'c', TS, 0, 0, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_STR(reason(r), "syn_no_answer");
	CHECK_STR(failure(r), "server");
	CHECK(r->one_way && !r->midstream);
	CHECK_EQ(r->direction_confidence, 95);
	talk_free(t);
}

static void the_ack_never_comes(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 1000100, 's', TS | TA, 0, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_STR(reason(r), "synack_no_ack");
	CHECK_STR(failure(r), "client");
	talk_free(t);
}

static void refused(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	tcp_at(t, 100, 's', TR | TA, 0, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_STR(reason(r), "syn_rejected");
	CHECK_STR(failure(r), "server");
	CHECK_EQ(r->rst_count, 1);
	talk_free(t);
}

static void resets(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 1100, 's', TR | TA, 1, 101, 0);
	t->client_port++;
	handshake(t, 10000);
	tcp_at(t, 11000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 11100, 'c', TR | TA, 101, 1, 0);
	t->client_port++;
	handshake(t, 20000);
	tcp_at(t, 21000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 21050, 's', TA | TP, 1, 101, 100);
	tcp_at(t, 21100, 'c', TR | TA, 101, 101, 0);
	t->client_port++;
	tcp_at(t, 30000, 'c', TS, 0, 0, 0);
	tcp_at(t, 30100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 30200, 'c', TR, 1, 0, 0);
	t->client_port++;
	tcp_at(t, 40000, 'c', TS, 0, 0, 0);
	tcp_at(t, 40100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 1040100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 1040200, 's', TR | TA, 1, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 5);
	CHECK_STR(reason(&r[0]), "server_rst");
	CHECK_STR(failure(&r[0]), "server");
	CHECK_STR(reason(&r[1]), "client_rst");
	CHECK_STR(reason(&r[2]), "client_rst_after_response");
	CHECK_STR(failure(&r[2]), "none");
	CHECK_STR(reason(&r[3]), "client_rst_in_handshake");
	CHECK_STR(failure(&r[3]), "none"); /* a health check */
	CHECK_STR(reason(&r[4]), "server_rst_in_handshake");
	talk_free(t);
}

static void the_client_gives_up(void)
{
	struct talk *t = talk_new(NULL);
	for (unsigned i = 0; i < 4; i++)
		tcp_at(t, i * 1000000, 'c', TS, 0, 0, 0);
	tcp_at(t, 4000000, 'c', TR, 1, 0, 0); /* nobody answered */
	t->client_port++;
	tcp_at(t, 4100000, 'c', TS, 0, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		tcp_at(t, 4100100 + i * 1000000, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 7500000, 'c', TR, 1, 0, 0); /* it did not hear the answers */
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	CHECK_STR(reason(&r[0]), "client_rst_in_handshake");
	CHECK_STR(failure(&r[0]), "server");
	CHECK_STR(reason(&r[1]), "client_rst_in_handshake");
	CHECK_STR(failure(&r[1]), "client");
	talk_free(t);
}

static void half_closed(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TF | TA, 1, 1, 0);
	tcp_at(t, 1100, 's', TA, 1, 2, 0);
	t->client_port++;
	handshake(t, 2000);
	tcp_at(t, 3000, 's', TF | TA, 1, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_STR(reason(&r[0]), "client_fin_only");
	CHECK_STR(reason(&r[1]), "server_fin_only");
	talk_free(t);
}

static void the_accept_queue_is_full(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 201000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 1000100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 1000130, 'c', TA, 101, 1, 0);
	tcp_at(t, 13000000, 's', TR, 1, 0, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_STR(reason(r), "accept_queue_overflow");
	CHECK_STR(failure(r), "server");
	talk_free(t);
}

static void ports_used_again(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TF | TA, 1, 1, 0);
	tcp_at(t, 1100, 's', TF | TA, 1, 2, 0);
	tcp_at(t, 500000, 'c', TS, 900000, 0, 0); /* another connection on the same ports */
	tcp_at(t, 500100, 's', TA, 2, 2, 0);	  /* the server still knows the old one */
	tcp_at(t, 500200, 'c', TR, 2, 0, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	CHECK_STR(reason(&r[0]), "fin");
	CHECK_STR(reason(&r[1]), "port_reuse");
	CHECK(!r[1].capture_gap); /* what answers the SYN is no place in the new connection */
	CHECK(r[0].flow_id != r[1].flow_id);
	CHECK_EQ(sp_flowtable_stats(t->ft)->port_reuse, 1);
	talk_free(t);
}

static void joined_in_the_middle(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 's', TA | TP, 1, 1, 100); /* the server's packet comes first */
	tcp_at(t, 100, 'c', TA, 1, 101, 0);
	tcp_at(t, 200, 'c', TA | TP, 1, 101, 10);
	tcp_at(t, 300, 's', TA | TP, 101, 11, 10);
	const struct sp_flow_record *r = talk_end(t);
	CHECK(r->midstream && !r->one_way);
	CHECK_EQ(r->client_port, 40000);
	CHECK_EQ(r->direction_confidence, 70);
	CHECK_EQ(r->art_us.count, 1);
	CHECK(!r->has_isn_client && !r->has_rtt_client);
	talk_free(t);
}

static void a_server_is_learned(void)
{
	struct talk *t = talk_new(NULL);
	t->server_port = 45678;
	t->client_port = 33333;
	handshake(t, 0);
	t->client_port = 50000;
	tcp_at(t, 100, 's', TA | TP, 1, 1, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r[1].server_port, 45678);
	CHECK_EQ(r[1].direction_confidence, 85);
	CHECK(r[1].one_way);
	talk_free(t);
}

static void a_client_is_corrected_before_the_record_leaves(void)
{
	struct talk *t = talk_new(NULL);
	t->server_port = 45678;
	t->client_port = 33333;
	tcp_at(t, 0, 's', TA | TP, 1, 1, 100); /* nothing tells who is who: the first sender */
	t->client_port = 33334;
	handshake(t, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r[0].server_port, 45678);
	CHECK_EQ(r[0].packets_s2c, 1);
	CHECK_EQ(sp_flowtable_stats(t->ft)->direction_turned, 1);
	talk_free(t);
}

int main(void)
{
	RUN(a_whole_connection);
	RUN(a_request_of_several_segments_without_push);
	RUN(an_answer_before_the_request_is_complete_is_none);
	RUN(a_delayed_ack_is_no_ack_delay);
	RUN(syns_sent_again);
	RUN(a_syn_answered_with_other_numbers);
	RUN(sent_again_after_the_point);
	RUN(lost_before_the_point);
	RUN(overtaken);
	RUN(overtaken_on_the_way_to_the_capture);
	RUN(numbers_tell_reordering_from_loss);
	RUN(lost_by_the_capture);
	RUN(the_end_lost_by_the_capture);
	RUN(late_by_the_capture);
	RUN(sent_again_and_late_by_the_capture);
	RUN(more_holes_than_are_kept);
	RUN(what_the_receiver_has_out_of_order);
	RUN(segments_cut_elsewhere);
	RUN(losses_of_the_capture_do_not_hide_others);
	RUN(sequence_numbers_wrap);
	RUN(numbers_from_elsewhere);
	RUN(keep_alives_and_probes);
	RUN(joined_at_a_keep_alive);
	RUN(a_key_sent_again_is_no_keep_alive);
	RUN(nobody_answers);
	RUN(the_ack_never_comes);
	RUN(refused);
	RUN(resets);
	RUN(the_client_gives_up);
	RUN(half_closed);
	RUN(the_accept_queue_is_full);
	RUN(ports_used_again);
	RUN(joined_in_the_middle);
	RUN(a_server_is_learned);
	RUN(a_client_is_corrected_before_the_record_leaves);
	return check_done();
}
