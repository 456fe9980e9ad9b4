/* SPDX-License-Identifier: Apache-2.0 */
/* The Network Profile recorder: what is packed comes back, rings hold what they should, budgets are kept, and scripted
 * connections are judged rightly. */
#include <errno.h>

#include "flowtable/profile_filter.h"
#include "flowtable/profile_read.h"
#include "flowtable/slab.h"
#include "tests/unit/talk.h"

#define PARTS 512

static struct sp_profile_record *part[PARTS];
static unsigned n_parts;
static struct sp_profile_view view;

static void take(const struct sp_record_head *h)
{
	if (h->kind != SP_RECORD_PROFILE || n_parts == PARTS)
		return;
	part[n_parts] = malloc(h->size);
	memcpy(part[n_parts++], h, h->size);
}

static void forget_parts(void)
{
	while (n_parts)
		free(part[--n_parts]);
	sp_profile_view_free(&view);
}

static struct talk *begin(const struct sp_profile_conf *profile)
{
	struct sp_flow_conf conf = talk_conf();
	forget_parts();
	conf.profile = *profile;
	conf.profile.max_memory = conf.profile.max_memory ? conf.profile.max_memory : 4 << 20;
	struct talk *t = talk_new(&conf);
	t->other = take;
	return t;
}

static const struct sp_profile_conf all = {.record = SP_PROFILE_RECORD_ALL, .slow = UINT64_MAX};

/* Reads a part into `view`. */
static const struct sp_profile_packet *packets(unsigned i)
{
	if (!CHECK(i < n_parts) || !CHECK(!sp_profile_read(&view, part[i], part[i]->head.size)))
		exit(check_done());
	return view.packet;
}

static void option_times(struct talk *t, uint32_t times, uint32_t echo)
{
	t->n_options = 12;
	memcpy(t->options, (uint8_t[]){1, 1, 8, 10}, 4);
	put32(t->options + 4, times);
	put32(t->options + 8, echo);
}

/* Blocks of the server's bytes, counted as tcp_at does. */
static void option_sack(struct talk *t, uint32_t left, uint32_t right, uint32_t left2, uint32_t right2)
{
	unsigned blocks = left2 == right2 ? 1 : 2;
	t->n_options = (uint8_t)(4 + 8 * blocks);
	memcpy(t->options, (uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * blocks)}, 4);
	put32(t->options + 4, left + 5000);
	put32(t->options + 8, right + 5000);
	put32(t->options + 12, left2 + 5000);
	put32(t->options + 16, right2 + 5000);
}

/* --- packing --- */

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Small and large, like and unlike what came before. */
static struct sp_profile_packet random_packet(uint64_t *x, const struct sp_profile_state *st)
{
	static const uint8_t shifts[] = {63, 56, 50, 40, 32, 20};
	uint64_t r = next_random(x);
	struct sp_profile_packet p = {.side = r & 1, .window = st->window[r & 1], .flags = 16};
	unsigned s = p.side;
	p.ns = st->ns + (next_random(x) >> shifts[r >> 1 & 3]) * (r & 8 ? 1000 : 1);
	if (!(r & 0xf0))
		p.ns = st->ns - (next_random(x) >> 40);
	p.len = r >> 8 & 1 ? st->len[s] : (uint32_t)(next_random(x) >> shifts[r >> 9 & 3]) & 0xffffff;
	p.flags = r >> 12 & 3 ? p.flags : (uint8_t)next_random(x);
	p.seq = r >> 14 & 3 ? st->next[s] : st->next[s] + (next_random(x) >> shifts[r >> 16 & 3]) - 1000;
	p.ack = r >> 18 & 1 ? st->next[!s] : st->ack[s] + (next_random(x) >> shifts[3 + (r >> 20 & 1)]);
	p.window = r >> 22 & 1 ? p.window : (uint16_t)next_random(x);
	p.notes = r >> 23 & 3 ? 0 : (uint32_t)next_random(x) & SP_PROFILE_PACKED_NOTES;
	p.dropped = r >> 25 & 15 ? 0 : (uint32_t)next_random(x) >> 8;
	p.again_n = r >> 29 & 15 ? 0 : 1 + (uint32_t)(next_random(x) >> 40);
	p.again_seq = p.again_n ? next_random(x) >> 20 : 0;
	if (!(p.flags & 16))
		p.ack = st->ack[s];
	if (!st->tcp)
		p.seq = p.ack = 0;
	return p;
}

static struct sp_profile_call random_call(uint64_t *x, const struct sp_profile_state *st)
{
	struct sp_profile_call c = {.bits = (uint8_t)next_random(x) & 127};
	c.id = c.bits & SP_PROFILE_CALL_ID ? next_random(x) : 0;
	if (c.bits & SP_PROFILE_CALL_RESPONSE) {
		c.resp_end_ns = st->ns - (next_random(x) >> 40);
		c.resp_start_ns = c.resp_end_ns - (next_random(x) >> 40) * 1000;
		c.resp_bytes = next_random(x) >> 20;
	}
	if (c.bits & SP_PROFILE_CALL_REQUEST) {
		c.req_start_ns = st->ns - (next_random(x) >> 30);
		c.req_end_ns = c.req_start_ns + (next_random(x) >> 35); /* perhaps after the response */
		c.req_bytes = next_random(x) >> 50;
	}
	return c;
}

static void what_is_packed_comes_back(void)
{
	enum { N = 200000 };
	uint64_t x = 88172645463325252;
	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct sp_profile_state out, in;
		sp_profile_state_begin(&out, TALK_T0, 5, tcp);
		in = out;
		unsigned wrong = 0;
		for (unsigned i = 0; i < N; i++) {
			uint8_t bytes[SP_PROFILE_ENTRY_MAX];
			const uint8_t *p = bytes;
			struct sp_profile_packet got;
			struct sp_profile_call told;
			bool is_call = next_random(&x) % 8 == 0;
			struct sp_profile_packet pkt = random_packet(&x, &out);
			struct sp_profile_call call = random_call(&x, &out);
			size_t n =
				is_call ? sp_profile_pack_call(bytes, &out, &call) : sp_profile_pack(bytes, &out, &pkt);
			enum sp_profile_entry entry = sp_profile_unpack(&p, bytes + n, &in, &got, &told);
			wrong += n > SP_PROFILE_ENTRY_MAX || p != bytes + n || memcmp(&in, &out, sizeof in);
			wrong += entry != (is_call ? SP_PROFILE_CALL : SP_PROFILE_PACKET);
			wrong += is_call ? !!memcmp(&call, &told, offsetof(struct sp_profile_call, bits) + 1)
					 : !!memcmp(&pkt, &got, offsetof(struct sp_profile_packet, flags) + 1);
			if (!CHECK_EQ(wrong, 0))
				return;
		}
	}
}

static void every_prefix_is_refused(void)
{
	uint64_t x = 7;
	struct sp_profile_state st;
	sp_profile_state_begin(&st, TALK_T0, 5, true);
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t bytes[SP_PROFILE_ENTRY_MAX];
		struct sp_profile_state out = st;
		struct sp_profile_packet pkt = random_packet(&x, &st), got;
		struct sp_profile_call call = random_call(&x, &st), told;
		size_t n = i & 1 ? sp_profile_pack_call(bytes, &out, &call) : sp_profile_pack(bytes, &out, &pkt);
		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *exact = malloc(cut + !cut);
			const uint8_t *p = exact;
			struct sp_profile_state in = st;
			memcpy(exact, bytes, cut);
			CHECK_EQ(sp_profile_unpack(&p, exact + cut, &in, &got, &told), SP_PROFILE_BAD);
			free(exact);
		}
		st = out;
	}
}

/* --- whole flows --- */

static void a_whole_connection(void)
{
	struct talk *t = begin(&all);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 100);
	tcp_at(t, 1200, 's', TA, 1, 101, 0);
	tcp_at(t, 5000, 's', TA, 1, 101, 500);
	tcp_at(t, 5010, 's', TA | TP, 501, 101, 300);
	tcp_at(t, 5100, 'c', TA, 101, 801, 0);
	tcp_at(t, 9000, 'c', TA | TP, 101, 801, 50);
	tcp_at(t, 9700, 's', TA | TP, 801, 151, 60);
	tcp_at(t, 9800, 'c', TF | TA, 151, 861, 0);
	tcp_at(t, 9900, 's', TF | TA, 861, 152, 0);
	tcp_at(t, 9950, 'c', TA, 152, 862, 0);
	talk_end(t);
	CHECK_EQ(n_parts, 1);
	const struct sp_profile_packet *p = packets(0);
	const struct sp_profile_record *r = part[0];
	const struct sp_profile_exchange *x = view.exchange;
	CHECK_EQ(view.n_packets, 13);
	CHECK(r->last && r->part == 1 && r->reason == SP_PROFILE_REASON_ALL);
	CHECK_EQ(p[4].ns, TALK_T0 + 1200000);
	CHECK_EQ(p[6].seq - r->base[p[6].side], 501);
	CHECK_EQ(p[6].ack - r->base[!p[6].side], 101);
	CHECK_EQ(p[6].len, 300);
	CHECK_EQ(p[6].notes, SP_PROFILE_RESPONSE_END);
	CHECK_EQ(p[3].notes, SP_PROFILE_REQUEST | SP_PROFILE_REQUEST_END);
	CHECK_EQ(view.n_exchanges, 2);
	CHECK_EQ(x[0].wait_ns, 870000);
	CHECK_EQ(x[0].acked_ns - x[0].req_end_ns, 200000);
	CHECK_EQ(x[0].resp_start_ns - x[0].req_end_ns, 4000000);
	CHECK_EQ(x[0].resp_end_ns - x[0].resp_start_ns, 10000);
	CHECK_EQ(x[0].req_bytes, 100);
	CHECK_EQ(x[0].resp_bytes, 800);
	CHECK_EQ(x[1].wait_ns, 3990000);
	CHECK(!(x[1].bits & SP_EXCHANGE_ACKED));
	CHECK_EQ(r->teardown_us, 150);
	CHECK_EQ(r->connect_server_us, 100);
	CHECK_EQ(r->connect_client_us, 30);
	CHECK_EQ(r->in_flight_max_s2c, 800);
	CHECK_EQ(r->rtt_client.count, 2);
	CHECK_EQ(r->rtt_client.max_us, 100);
	CHECK_EQ(r->rtt_server.max_us, 200);
	CHECK(r->recorded_bytes <= 13 * 8);
	talk_free(t);
}

static void datagrams(void)
{
	struct talk *t = begin(&all);
	udp_at(t, 0, 'c', 60);
	udp_at(t, 700, 's', 200);
	udp_at(t, 900, 'c', 60);
	talk_end(t);
	const struct sp_profile_packet *p = packets(0);
	CHECK_EQ(view.n_packets, 3);
	CHECK_EQ(p[1].len, 200);
	CHECK_EQ(p[1].seq | p[1].ack | p[1].flags | p[1].window, 0);
	CHECK_EQ(view.n_exchanges, 2);
	CHECK_EQ(view.exchange[1].bits & SP_EXCHANGE_RESPONSE, 0);
	CHECK_EQ(p[2].notes, SP_PROFILE_REQUEST | SP_PROFILE_REQUEST_END);
	talk_free(t);
}

/* Sequence numbers go round, and the profile's do not. */
static void more_than_four_gigabytes(void)
{
	struct talk *t = begin(&all);
	handshake(t, 0);
	uint32_t seq = 1;
	for (unsigned i = 0; i < 5000; i++, seq += 1000000) {
		tcp_at(t, 1000 + i, 's', TA, seq, 1, 1000000);
		tcp_at(t, 1000 + i, 'c', TA, 1, seq + 1000000, 0);
	}
	talk_end(t);
	CHECK(n_parts > 1);
	packets(n_parts - 1);
	const struct sp_profile_packet *last = &view.packet[view.n_packets - 1];
	CHECK_EQ(last->ack - part[n_parts - 1]->base[!last->side], 5000000001);
	uint32_t sum = 0;
	for (unsigned i = 0; i < n_parts; i++) {
		CHECK_EQ(part[i]->part, i + 1);
		CHECK_EQ(part[i]->last, i + 1 == n_parts);
		CHECK_EQ(part[i]->start_ns, TALK_T0);
		packets(i);
		CHECK_EQ(view.n_packets, part[i]->packets_recorded);
		sum += view.n_packets;
	}
	CHECK_EQ(sum, 10003);
	talk_free(t);
}

/* --- triggers --- */

static struct sp_profile_conf on(uint64_t triggers, unsigned before, unsigned after)
{
	return (struct sp_profile_conf){.record = SP_PROFILE_RECORD_TRIGGER,
					.triggers = triggers,
					.slow = 1000000000,
					.before = before,
					.after = after};
}

/* Packets that ask and answer, a millisecond each; returns the time after them. */
static uint64_t chat(struct talk *t, uint64_t us, uint32_t *n, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++, ++*n, us += 2000) {
		tcp_at(t, us, 'c', TA | TP, 1 + 10 * *n, 1 + 20 * *n, 10);
		tcp_at(t, us + 1000, 's', TA | TP, 1 + 20 * *n, 11 + 10 * *n, 20);
	}
	return us;
}

static void a_ring_holds_what_was_before(void)
{
	static const unsigned before[] = {0, 1, 7, 64, 300};
	for (size_t i = 0; i < SP_ARRAY_SIZE(before); i++) {
		unsigned b = before[i];
		struct sp_profile_conf conf = on(SP_PROFILE_TRIGGER(RETRANSMISSION), b, 10);
		struct talk *t = begin(&conf);
		uint32_t n = 0;
		handshake(t, 0);
		uint64_t us = chat(t, 1000, &n, 500);
		CHECK_EQ(n_parts, 0);
		tcp_at(t, us + 300000, 'c', TA | TP, 1 + 10 * (n - 1), 1 + 20 * n, 10);
		us = chat(t, us + 301000, &n, 500);
		talk_end(t);
		CHECK_EQ(n_parts, 2);
		packets(0);
		CHECK_EQ(view.n_packets, b + 1 + 10);
		CHECK_EQ(part[0]->packets_dropped, 1003 - b);
		CHECK_EQ(part[0]->reason, SP_PROFILE_REASON_RETRANSMISSION);
		CHECK(!part[0]->last && part[1]->last);
		CHECK(view.packet[b].notes & SP_PROFILE_TIMEOUT);
		CHECK_EQ(view.packet[0].notes & SP_PROFILE_GAP, SP_PROFILE_GAP);
		CHECK_EQ(view.packet[0].ns, b ? TALK_T0 + 1000000ull * (1001 - b) : view.packet[0].ns);
		packets(1); /* the flow's last ones */
		CHECK_EQ(view.n_packets, b);
		CHECK_EQ(part[1]->packets_dropped, 1000 - 10 - b);
		CHECK_EQ(part[1]->timeout, 1);
		talk_free(t);
	}
}

static void another_trigger_goes_on(void)
{
	struct sp_profile_conf conf = on(SP_PROFILE_TRIGGER(ZERO_WINDOW), 2, 5);
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	handshake(t, 0);
	uint64_t us = chat(t, 1000, &n, 10);
	for (unsigned i = 0; i < 3; i++) {
		t->window = 0;
		tcp_at(t, us, 'c', TA, 1 + 10 * n, 1 + 20 * n, 0);
		t->window = 1000;
		us = chat(t, us + 100, &n, 2);
	}
	us = chat(t, us, &n, 100);
	talk_end(t);
	CHECK_EQ(n_parts, 2);
	packets(0);
	CHECK_EQ(view.n_packets, 2 + 3 * 5 + 1);
	CHECK_EQ(part[0]->reason, SP_PROFILE_REASON_ZERO_WINDOW);
	talk_free(t);
}

static void nothing_happens_and_nothing_is_told(void)
{
	struct sp_profile_conf conf = on(UINT64_MAX, 10, 10);
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	handshake(t, 0);
	uint64_t us = chat(t, 1000, &n, 100);
	tcp_at(t, us, 'c', TA | TF, 1 + 10 * n, 1 + 20 * n, 0);
	tcp_at(t, us + 1, 's', TA | TF, 1 + 20 * n, 2 + 10 * n, 0);
	talk_end(t);
	CHECK_EQ(n_parts, 0);
	struct sp_flow_memory m;
	sp_flowtable_memory(t->ft, &m);
	CHECK(m.profiles <= 2 * SP_SLAB_CHUNK);
	talk_free(t);
}

static void slow_and_failed(void)
{
	struct sp_profile_conf conf = on(SP_PROFILE_TRIGGER(SLOW) | SP_PROFILE_TRIGGER(FAILURE), 10, 10);
	struct talk *t = begin(&conf);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 10);
	tcp_at(t, 1100000, 's', TA | TP, 1, 11, 10);
	t->client_port = 40001; /* refused */
	tcp_at(t, 2000000, 'c', TS, 0, 0, 0);
	tcp_at(t, 2000100, 's', TR | TA, 0, 1, 0);
	talk_end(t);
	CHECK_EQ(n_parts, 2);
	CHECK_EQ(part[0]->reason, SP_PROFILE_REASON_SLOW);
	CHECK_EQ(part[0]->packets_recorded, 5);
	CHECK_EQ(part[1]->reason, SP_PROFILE_REASON_FAILURE);
	packets(1);
	CHECK(view.packet[1].notes & SP_PROFILE_RST);
	talk_free(t);
}

/* --- memory --- */

static void a_budget_that_is_used_up(void)
{
	struct sp_profile_conf conf = all;
	conf.max_memory = 2 * SP_SLAB_CHUNK; /* one for flows, one for packets */
	struct talk *t = begin(&conf);
	for (unsigned i = 0; i < 200; i++) {
		t->client_port = (uint16_t)(10000 + i);
		handshake(t, i * 200);
	}
	for (unsigned turn = 0; turn < 50; turn++)
		for (unsigned i = 0; i < 200; i++) {
			t->client_port = (uint16_t)(10000 + i);
			tcp_at(t, 100000 + turn * 10000 + i * 10, 'c', TA | TP, 1 + 10 * turn, 1 + 20 * turn, 10);
			tcp_at(t, 100005 + turn * 10000 + i * 10, 's', TA | TP, 1 + 20 * turn, 11 + 10 * turn, 20);
		}
	talk_end(t);
	const struct sp_flow_stats *s = sp_flowtable_stats(t->ft);
	uint64_t recorded = 0, dropped = 0, last = 0;
	for (unsigned i = 0; i < n_parts; i++) {
		packets(i);
		recorded += view.n_packets;
		dropped += part[i]->packets_dropped;
		last += part[i]->last;
	}
	CHECK(s->profiles_refused > 0);
	CHECK_EQ(s->profiles_refused + s->profiles, 200);
	CHECK_EQ(last, s->profiles);
	CHECK_EQ(recorded, s->profile_packets);
	CHECK_EQ(dropped, s->profile_packets_refused);
	CHECK_EQ(s->profile_packets_passed, 0);
	CHECK_EQ(recorded + dropped, s->profiles * 103);
	CHECK_EQ(t->n_records, 200);
	uint64_t counted = 0;
	for (unsigned i = 0; i < t->n_records; i++)
		counted += t->record[i].packets_c2s + t->record[i].packets_s2c;
	CHECK_EQ(counted, 200 * 103);
	talk_free(t);
}

/* --- what was sent again --- */

/* The server sends eight segments of 1000 bytes, the client has acknowledged the first two. */
static struct talk *eight_segments(void)
{
	struct talk *t = begin(&all);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 10);
	for (unsigned i = 0; i < 8; i++)
		tcp_at(t, 2000 + i, 's', TA, 1 + 1000 * i, 11, 1000);
	tcp_at(t, 2200, 'c', TA, 11, 2001, 0);
	return t;
}

/* The notes of the last part's packet, counted from its end. */
static uint32_t notes_back(struct talk *t, unsigned back)
{
	talk_end(t);
	packets(n_parts - 1);
	return view.packet[view.n_packets - 1 - back].notes;
}

static void after_duplicate_acks(void)
{
	struct talk *t = eight_segments();
	for (unsigned i = 0; i < 3; i++)
		tcp_at(t, 2201 + i, 'c', TA, 11, 2001, 0);
	tcp_at(t, 2400, 's', TA, 2001, 11, 1000);
	CHECK_EQ(notes_back(t, 0) & SP_PROFILE_AGAIN, SP_PROFILE_FAST);
	CHECK_EQ(view.packet[view.n_packets - 2].notes, SP_PROFILE_DUP_ACK);
	CHECK_EQ(part[0]->fast, 1);
	CHECK_EQ(part[0]->spurious, 0);
	talk_free(t);
}

static void after_a_sack(void)
{
	struct talk *t = eight_segments();
	option_sack(t, 3001, 8001, 0, 0);
	tcp_at(t, 2300, 'c', TA, 11, 2001, 0);
	t->n_options = 0;
	tcp_at(t, 2400, 's', TA, 2001, 11, 1000);
	CHECK_EQ(notes_back(t, 0) & SP_PROFILE_AGAIN, SP_PROFILE_FAST);
	CHECK(view.packet[view.n_packets - 2].notes & SP_PROFILE_SACK);
	talk_free(t);
}

/* The first one after a silence, the others because of it. */
static void after_a_timeout(void)
{
	struct talk *t = eight_segments();
	tcp_at(t, 203000, 's', TA, 2001, 11, 1000);
	tcp_at(t, 203200, 'c', TA, 11, 3001, 0);
	tcp_at(t, 203210, 's', TA, 3001, 11, 1000);
	CHECK_EQ(notes_back(t, 0) & SP_PROFILE_AGAIN, SP_PROFILE_TIMEOUT);
	CHECK_EQ(view.packet[view.n_packets - 3].notes & SP_PROFILE_AGAIN, SP_PROFILE_TIMEOUT);
	CHECK_EQ(part[0]->timeout, 2);
	talk_free(t);
}

static void a_probe_of_the_tail(void)
{
	struct talk *t = eight_segments();
	tcp_at(t, 4000, 's', TA | TP, 7001, 11, 1000);
	CHECK_EQ(notes_back(t, 0) & SP_PROFILE_AGAIN, SP_PROFILE_TAIL);
	CHECK_EQ(part[0]->tail, 1);
	talk_free(t);
}

static void for_nothing_by_dsack(void)
{
	struct talk *t = eight_segments();
	tcp_at(t, 203000, 's', TA, 2001, 11, 1000);
	option_sack(t, 2001, 3001, 0, 0);
	tcp_at(t, 203100, 'c', TA, 11, 8001, 0);
	CHECK_EQ(notes_back(t, 0) & SP_PROFILE_DSACK, SP_PROFILE_DSACK);
	CHECK_EQ(view.packet[view.n_packets - 2].notes & (SP_PROFILE_AGAIN | SP_PROFILE_SPURIOUS),
		 SP_PROFILE_TIMEOUT | SP_PROFILE_SPURIOUS);
	CHECK_EQ(part[0]->spurious, 1);
	CHECK_EQ(part[0]->timeout, 1);
	talk_free(t);
}

/* RFC 2883, 4.1: the copy lies inside a block that the receiver reports as well. */
static void for_nothing_inside_a_block(void)
{
	struct talk *t = eight_segments();
	tcp_at(t, 203000, 's', TA, 4001, 11, 1000);
	option_sack(t, 4001, 5001, 3001, 8001);
	tcp_at(t, 203100, 'c', TA, 11, 2001, 0);
	CHECK_EQ(notes_back(t, 1) & SP_PROFILE_SPURIOUS, SP_PROFILE_SPURIOUS);
	talk_free(t);
}

static void times_tell_which_was_acknowledged(bool nothing)
{
	struct talk *t = begin(&all);
	handshake(t, 0);
	option_times(t, 100, 50);
	tcp_at(t, 1000, 's', TA | TP, 1, 1, 1000);
	option_times(t, 300, 50);
	tcp_at(t, 201000, 's', TA | TP, 1, 1, 1000);
	option_times(t, 60, nothing ? 100 : 300);
	tcp_at(t, 201500, 'c', TA, 1, 1001, 0);
	uint32_t notes = notes_back(t, 1);
	CHECK_EQ(!!(notes & SP_PROFILE_SPURIOUS), nothing);
	CHECK_EQ(part[0]->spurious, nothing);
	CHECK_EQ(part[0]->rtt_client.count, !nothing);
	CHECK_EQ(part[0]->rtt_client.max_us, nothing ? 0 : 500); /* from the copy that arrived */
	talk_free(t);
}

static void for_nothing_by_time_stamp(void)
{
	times_tell_which_was_acknowledged(true);
	times_tell_which_was_acknowledged(false);
}

static void windows(void)
{
	struct talk *t = begin(&all);
	t->n_options = 8;
	memcpy(t->options, (uint8_t[]){2, 4, 0x05, 0xb4, 1, 3, 3, 7}, 8);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	t->options[7] = 4;
	tcp_at(t, 100, 's', TS | TA, 0, 1, 0);
	t->n_options = 0;
	t->window = 10;
	tcp_at(t, 200, 'c', TA, 1, 1, 0);
	tcp_at(t, 300, 's', TA, 1, 1, 1280); /* fills 10 << 7 */
	t->window = 0;
	tcp_at(t, 400, 'c', TA, 1, 1281, 0);
	t->window = 20;
	tcp_at(t, 500, 'c', TA, 1, 1281, 0);
	talk_end(t);
	const struct sp_profile_packet *p = packets(0);
	CHECK_EQ(p[3].notes & SP_PROFILE_WINDOW_FULL, SP_PROFILE_WINDOW_FULL);
	CHECK_EQ(p[4].notes, SP_PROFILE_ZERO_WINDOW);
	CHECK_EQ(p[5].notes, SP_PROFILE_WINDOW_UPDATE);
	CHECK_EQ(part[0]->window_min_c2s, 0);
	CHECK_EQ(part[0]->window_min_s2c, 160);
	CHECK_EQ(part[0]->mss_client, 1460);
	CHECK_EQ(part[0]->wscale_server, 4);
	CHECK_EQ(part[0]->in_flight_max_s2c, 1280);
	talk_free(t);
}

/* `seen`: sides whose SYN was. What windows stand for, both say; one, only when it says that it does not scale. */
static bool windows_are_told(unsigned seen, bool server_scales)
{
	struct talk *t = begin(&all);
	t->n_options = 4;
	memcpy(t->options, (uint8_t[]){1, 3, 3, 7}, 4);
	if (seen & 1)
		tcp_at(t, 0, 'c', TS, 0, 0, 0);
	t->n_options = server_scales ? 4 : 0;
	if (seen & 2)
		tcp_at(t, 100, 's', TS | TA, 0, 1, 0);
	t->n_options = 0;
	t->window = 10;
	tcp_at(t, 200, 'c', TA, 1, 1, 0);
	tcp_at(t, 300, 's', TA, 1, 1, 1280);
	talk_end(t);
	const struct sp_profile_packet *p = packets(0);
	bool full = p[part[0]->packets_recorded - 1].notes & SP_PROFILE_WINDOW_FULL;
	CHECK_EQ(part[0]->has_window_c2s, full);
	CHECK_EQ(part[0]->has_window_s2c, full);
	CHECK(!full || part[0]->window_min_c2s == (server_scales ? 1280 : 10));
	talk_free(t);
	return full;
}

static void windows_of_a_connection_whose_beginning_was_not_seen(void)
{
	CHECK(windows_are_told(3, true));
	CHECK(windows_are_told(3, false));
	CHECK(windows_are_told(2, false));
	CHECK(!windows_are_told(2, true));
	CHECK(!windows_are_told(1, true));
	CHECK(!windows_are_told(0, true));
}

/* As with 68 bytes of each frame, which was usual once. */
static void syns_whose_options_were_not_captured_whole(void)
{
	struct talk *t = begin(&all);
	t->batch_max = 2;
	t->n_options = 8;
	memcpy(t->options, (uint8_t[]){2, 4, 0x05, 0xb4, 1, 3, 3, 7}, 8);
	for (unsigned side = 0; side < 2; side++) {
		tcp_at(t, 100 * side, side ? 's' : 'c', side ? TS | TA : TS, 0, side, 0);
		t->batch.pkt[0].cap_len = t->batch.pkt[0].wire_len - 2;
		talk_flush(t);
	}
	t->batch_max = 1;
	t->n_options = 0;
	t->window = 10;
	tcp_at(t, 250, 'c', TA, 1, 1, 0);
	tcp_at(t, 300, 's', TA, 1, 1, 1280);
	talk_end(t);
	const struct sp_profile_packet *p = packets(0);
	CHECK_EQ(part[0]->packets_recorded, 4);
	CHECK_EQ(part[0]->packets_dropped, 0);
	CHECK(part[0]->has_isn_client && part[0]->has_isn_server && !part[0]->has_wscale_client);
	CHECK_EQ(part[0]->connect_server_us, 100);
	CHECK_EQ(part[0]->connect_client_us, 150);
	CHECK_EQ(part[0]->mss_client, 1460);
	CHECK(!part[0]->has_window_c2s && !(p[3].notes & SP_PROFILE_WINDOW_FULL));
	talk_free(t);
}

/* --- records --- */

static void damaged_records_are_refused(void)
{
	struct talk *t = eight_segments();
	talk_end(t);
	struct sp_profile_record *r = part[0];
	CHECK_EQ(sp_profile_read(&view, r, sizeof *r - 1), -EBADMSG);
	CHECK_EQ(sp_profile_read(&view, r, sizeof *r + r->recorded_bytes - 1), -EBADMSG);
	r->recorded_bytes--;
	CHECK_EQ(sp_profile_read(&view, r, r->head.size), -EBADMSG);
	r->recorded_bytes = UINT32_MAX;
	CHECK_EQ(sp_profile_read(&view, r, r->head.size), -EBADMSG);
	talk_free(t);
}

/* --- filters --- */

static bool matches(const char *text, const char *lo, uint16_t lo_port, const char *hi, uint16_t hi_port, uint8_t proto)
{
	struct sp_profile_filter f;
	struct sp_err err;
	struct sp_flow_key key = {.lo_port = lo_port, .hi_port = hi_port, .proto = proto};
	CHECK(!sp_addr_parse(&key.lo, lo) && !sp_addr_parse(&key.hi, hi));
	CHECK_EQ(sp_profile_filter_parse(&f, text, &err), 0);
	return sp_profile_filter_match(&f, &key);
}

static void filters(void)
{
#define V4 "10.1.0.2", 40000, "10.2.0.2", 443, 6
#define V6 "2001:db8::1", 53, "2001:db8:1::2", 50000, 17
	CHECK(matches("", V4));
	CHECK(matches("tcp", V4) && !matches("tcp", V6));
	CHECK(matches("port 443", V4) && matches("port 40000", V4) && !matches("port 80", V4));
	CHECK(matches("host 10.2.0.2 and port 443", V4) && !matches("host 10.2.0.2 and port 80", V4));
	CHECK(matches("net 10.2.0.0/16", V4) && !matches("net 10.3.0.0/16", V4) && matches("net 10.0.0.0/14", V4));
	CHECK(matches("net 2001:db8:1::/48", V6) && !matches("net 2001:db8:1::/48", V4));
	CHECK(matches("net 0.0.0.0/0", V4) && !matches("net 0.0.0.0/0", V6) && matches("net ::/0", V4));
	CHECK(matches("udp or port 443", V4) && matches("udp or port 443", V6));
	CHECK(matches("not udp and not port 80", V4) && !matches("not udp", V6));
	CHECK(matches("udp and port 80 or tcp and port 443", V4) && !matches("udp and port 80 or tcp and port 80", V4));
	static const char *const wrong[] = {
		"prot 80", "port",   "port 70000", "port x", "host",	   "host 10.0.0", "net 1.2.3.4/33", "tcp udp",
		"tcp and", "or tcp", "not",	   "tcp or", "net ::/129", "host /8",	  "port -1",
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(wrong); i++) {
		struct sp_profile_filter f;
		struct sp_err err;
		CHECK_EQ(sp_profile_filter_parse(&f, wrong[i], &err), -EINVAL);
	}
}

int main(void)
{
	RUN(what_is_packed_comes_back);
	RUN(every_prefix_is_refused);
	RUN(a_whole_connection);
	RUN(datagrams);
	RUN(more_than_four_gigabytes);
	RUN(a_ring_holds_what_was_before);
	RUN(another_trigger_goes_on);
	RUN(nothing_happens_and_nothing_is_told);
	RUN(slow_and_failed);
	RUN(a_budget_that_is_used_up);
	RUN(after_duplicate_acks);
	RUN(after_a_sack);
	RUN(after_a_timeout);
	RUN(a_probe_of_the_tail);
	RUN(for_nothing_by_dsack);
	RUN(for_nothing_inside_a_block);
	RUN(for_nothing_by_time_stamp);
	RUN(windows);
	RUN(windows_of_a_connection_whose_beginning_was_not_seen);
	RUN(syns_whose_options_were_not_captured_whole);
	RUN(damaged_records_are_refused);
	RUN(filters);
	forget_parts();
	return check_done();
}
