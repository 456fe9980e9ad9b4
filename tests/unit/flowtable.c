/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: copies, timeouts, reports, a table that is full, datagrams, ICMP errors, and that the size of
 * batches and the growth of the index change nothing. */
#include "base/time.h"
#include "flowtable/wheel.h"
#include "tests/unit/talk.h"

#define SEC UINT64_C(1000000)

static const struct sp_flow_stats *stats(struct talk *t)
{
	return sp_flowtable_stats(t->ft);
}

static void copies_of_the_mirror(void)
{
	struct talk *t = talk_new(NULL);
	t->batch_max = 64;
	for (unsigned i = 0; i < 10; i++) {
		tcp_at(t, i * 100, 'c', TA | TP, 1 + 10 * i, 1, 10);
		talk_repeat(t, 5);
		t->frame[t->batch.n - 1][22]--; /* routed: another TTL and MAC */
		t->frame[t->batch.n - 1][5] = 77;
	}
	talk_flush_keep(t);
	unsigned copies = 0;
	for (unsigned i = 0; i < 20; i++)
		copies += t->batch.pkt[i].verdict == SP_DUPLICATE;
	t->batch.n = 0;
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(copies, 10);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->packets_c2s, 10);
	CHECK_EQ(r->duplicates, 10);
	CHECK_EQ(r->retrans_c2s, 0);
	talk_free(t);
}

static void a_segment_sent_again_soon_is_no_copy(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TA | TP, 1, 1, 10);
	tcp_at(t, 1400, 'c', TA | TP, 1, 1, 10); /* another IP identification */
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->duplicates, 0);
	CHECK_EQ(r->retrans_c2s, 1);
	talk_free(t);
}

static void equal_acks_without_identification(void)
{
	struct talk *t = talk_new(NULL);
	t->ip_id = 0;
	handshake(t, 0);
	for (unsigned i = 0; i < 5; i++)
		tcp_at(t, 1000 + 10 * i, 's', TA, 101 + 100 * i, 1, 100);
	for (unsigned i = 0; i < 4; i++)
		tcp_at(t, 1100 + 10 * i, 'c', TA, 1, 1, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->duplicates, 0);
	CHECK_EQ(r->dup_ack_c2s, 4);
	talk_free(t);
}

static void a_routed_copy_kept_as_a_hop(void)
{
	struct sp_flow_conf conf = talk_conf();
	conf.dedup.keep_routed = true;
	struct talk *t = talk_new(&conf);
	t->batch_max = 64;
	for (unsigned i = 0; i < 5; i++) {
		tcp_at(t, i * 100, 'c', TA | TP, 1 + 10 * i, 1, 10);
		talk_repeat(t, 5);
		t->frame[t->batch.n - 1][22]--;
	}
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	CHECK_EQ(r[0].packets_c2s, 5);
	CHECK_EQ(r[1].packets_c2s, 5);
	CHECK_EQ(r[0].duplicates + r[1].duplicates + r[0].retrans_c2s, 0);
	talk_free(t);
}

/* Hops are conversations in both directions, however different the two sides' TTLs are. */
static void hops_have_two_directions(void)
{
	struct sp_flow_conf conf = talk_conf();
	conf.dedup.keep_routed = true;
	struct talk *t = talk_new(&conf);
	t->batch_max = 64;
	for (unsigned i = 0; i < 5; i++) {
		t->ttl = 64;
		tcp_at(t, i * 1000, 'c', TA | TP, 1 + 10 * i, 1 + 20 * i, 10);
		talk_repeat(t, 5);
		t->frame[t->batch.n - 1][22]--;
		t->ttl = 128;
		tcp_at(t, i * 1000 + 500, 's', TA | TP, 1 + 20 * i, 11 + 10 * i, 20);
		talk_repeat(t, 5);
		t->frame[t->batch.n - 1][22]--;
	}
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(r[i].packets_c2s, 5);
		CHECK_EQ(r[i].packets_s2c, 5);
		CHECK_EQ(r[i].duplicates + r[i].retrans_c2s + r[i].retrans_s2c, 0);
		CHECK_EQ(r[i].art_us.count, 5);
	}
	talk_free(t);
}

/* The last frame again, in another VLAN. */
static void repeat_in_vlan(struct talk *t, uint64_t us, unsigned vlan)
{
	talk_repeat(t, us);
	uint32_t n = t->batch.n - 1;
	uint8_t *tag = t->frame[n] + 12;
	memmove(tag + 4, tag, sizeof t->frame[n] - 16);
	put16(tag, 0x8100);
	put16(tag + 2, vlan);
	t->batch.pkt[n].cap_len += 4;
	t->batch.pkt[n].wire_len += 4;
}

/* A copy in another VLAN, or between other Ethernet addresses, is a hop, too; or a copy, as configured. */
static void hops_by_vlan_and_address(void)
{
	for (unsigned how = 0; how < 4; how++) {
		bool keep = how & 1, vlan = how & 2;
		struct sp_flow_conf conf = talk_conf();
		conf.dedup.keep_routed = keep;
		struct talk *t = talk_new(&conf);
		t->batch_max = 64;
		for (unsigned i = 0; i < 5; i++) {
			tcp_at(t, i * 1000, 'c', TA | TP, 1 + 10 * i, 1, 10);
			if (vlan)
				repeat_in_vlan(t, 5, 7);
			else
				talk_repeat(t, 5);
			t->frame[t->batch.n - 1][5] = 77;
		}
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(t->n_records, keep ? 2 : 1);
		CHECK_EQ(r[0].packets_c2s, 5);
		CHECK_EQ(r[0].duplicates, keep ? 0 : 5);
		CHECK_EQ(keep ? r[1].packets_c2s : 5, 5);
		CHECK_EQ(r[0].retrans_c2s, 0);
		talk_free(t);
	}
}

static void dedup_switched_off(void)
{
	struct sp_flow_conf conf = talk_conf();
	conf.dedup.enabled = false;
	struct talk *t = talk_new(&conf);
	t->batch_max = 64;
	tcp_at(t, 0, 'c', TA | TP, 1, 1, 10);
	talk_repeat(t, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->packets_c2s, 2);
	CHECK_EQ(r->duplicates, 0);
	talk_free(t);
}

static void timeouts_follow_the_state(void)
{
	struct talk *t = talk_new(NULL);
	tcp_at(t, 0, 'c', TS, 0, 0, 0);
	t->client_port++;
	handshake(t, 0);
	t->client_port++;
	handshake(t, 0);
	tcp_at(t, 1000, 'c', TR | TA, 1, 1, 0);
	talk_flush(t);
	sp_flowtable_tick(t->ft, TALK_T0 + 3 * SP_NS_PER_SEC);
	sp_out_flush(&t->out);
	CHECK_EQ(t->n_records, 1); /* the reset one, after its linger */
	sp_flowtable_tick(t->ft, TALK_T0 + 6 * SP_NS_PER_SEC);
	sp_out_flush(&t->out);
	CHECK_EQ(t->n_records, 2);
	CHECK_EQ(t->record[1].close_reason, SP_CLOSE_SYN_NO_ANSWER);
	sp_flowtable_tick(t->ft, TALK_T0 + 299 * SP_NS_PER_SEC);
	sp_out_flush(&t->out);
	unsigned before = t->n_records;
	sp_flowtable_tick(t->ft, TALK_T0 + 301 * SP_NS_PER_SEC);
	sp_out_flush(&t->out);
	CHECK_EQ(t->n_records, before + 1);
	CHECK_EQ(t->record[before].close_reason, SP_CLOSE_TIMEOUT);
	CHECK_EQ(stats(t)->flows_created, 3);
	CHECK_EQ(stats(t)->flows_ended, 3);
	talk_free(t);
}

/* Each timeout is the configured one. */
static void timeouts_of_datagrams(void)
{
	static const uint8_t protos[] = {17, 1, 47};
	for (unsigned p = 0; p < SP_ARRAY_SIZE(protos); p++)
		for (unsigned both = 0; both < 2; both++) {
			struct sp_flow_conf conf = talk_conf();
			conf.timeout.udp = 20 * SP_NS_PER_SEC;
			conf.timeout.icmp = 30 * SP_NS_PER_SEC;
			conf.timeout.other = 40 * SP_NS_PER_SEC;
			conf.timeout.one_way = 7 * SP_NS_PER_SEC;
			uint64_t wait = both ? (20 + 10 * p) * SP_NS_PER_SEC : conf.timeout.one_way;
			struct talk *t = talk_new(&conf);
			for (unsigned way = 0; way <= both; way++) {
				uint8_t *h = talk_ip(t, !way, way, protos[p], 8, 10);
				memset(h, 0, 8);
				if (protos[p] == 1)
					h[0] = way ? 0 : 8;
				else if (protos[p] == 17)
					put16(h, way ? 80 : 4000), put16(h + 2, way ? 4000 : 80), put16(h + 4, 18);
				else
					h[2] = 0x99;
				talk_flush(t);
			}
			sp_flowtable_tick(t->ft, TALK_T0 + wait - SP_NS_PER_MS);
			CHECK_EQ(stats(t)->flows_ended, 0);
			sp_flowtable_tick(t->ft, TALK_T0 + wait + SP_NS_PER_SEC);
			CHECK_EQ(stats(t)->flows_created, 1);
			CHECK_EQ(stats(t)->flows_ended, 1);
			talk_free(t);
		}
}

static void time_jumps(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	t->client_port++;
	handshake(t, 86400 * SEC);
	t->client_port++;
	handshake(t, 10 * SEC); /* back again */
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 3);
	CHECK_EQ(r[0].close_reason, SP_CLOSE_TIMEOUT);
	talk_free(t);
}

static void long_flows_report_what_is_new(void)
{
	struct talk *t = talk_new(NULL);
	handshake(t, 0);
	for (unsigned i = 0; i < 200; i++) {
		tcp_at(t, (1 + i) * SEC, 'c', TA | TP, 1 + 10 * i, 1 + 20 * i, 10);
		tcp_at(t, (1 + i) * SEC + 500, 's', TA | TP, 1 + 20 * i, 11 + 10 * i, 20);
	}
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 4);
	uint64_t payload = 0, arts = 0, packets = 0;
	for (unsigned i = 0; i < t->n_records; i++) {
		CHECK_EQ(r[i].flow_id, r[0].flow_id);
		CHECK_EQ(r[i].close_reason, i == t->n_records - 1 ? SP_CLOSE_END_OF_INPUT : SP_CLOSE_ACTIVE);
		CHECK(i == 0 || r[i].start_ns >= r[i - 1].end_ns);
		payload += r[i].payload_bytes_s2c;
		packets += r[i].packets_c2s + r[i].packets_s2c;
		arts += r[i].art_us.count;
	}
	CHECK_EQ(payload, 4000);
	CHECK_EQ(packets, 403);
	CHECK_EQ(arts, 200);
	CHECK_EQ(r[0].syn_count, 1);
	CHECK_EQ(r[1].syn_count, 0);
	talk_free(t);
}

/* An established conversation survives a flood of SYNs from random sources that fills the table again and again. */
static void a_flood_does_not_push_out_what_is_open(void)
{
	struct talk *t = talk_new(NULL);
	for (unsigned i = 0; i < 500; i++) {
		t->client_port = (uint16_t)(10000 + i);
		handshake(t, i);
		tcp_at(t, 1000, 'c', TA | TP, 1, 1, 10);
		tcp_at(t, 1100, 's', TA | TP, 1, 11, 10);
	}
	t->batch_max = 64;
	uint32_t client = t->client_ip;
	for (unsigned i = 0; i < 20000; i++) {
		t->client_ip = 0x50000000 + i * 7919;
		t->client_port = (uint16_t)(1024 + i % 60000);
		tcp_at(t, 2000 + i, 'c', TS, 0, 0, 0);
	}
	talk_flush(t);
	t->client_ip = client;
	uint64_t created = stats(t)->flows_created;
	for (unsigned i = 0; i < 500; i++) {
		t->client_port = (uint16_t)(10000 + i);
		tcp_at(t, 30000 + i, 'c', TA | TP, 11, 11, 10);
	}
	talk_flush(t);
	CHECK_EQ(stats(t)->flows_created, created); /* all 500 were still there */
	CHECK(stats(t)->flows_shed + stats(t)->flows_refused >= 19000);
	CHECK(stats(t)->flows_shed > 5 * stats(t)->flows_refused);
	struct sp_flow_memory m;
	sp_flowtable_memory(t->ft, &m);
	CHECK(m.flows <= 1001 * 192);
	talk_free(t);
}

static void a_table_full_of_open_flows_refuses(void)
{
	struct talk *t = talk_new(NULL);
	for (unsigned i = 0; i < 1000; i++) {
		t->client_port = (uint16_t)(10000 + i);
		handshake(t, i);
	}
	t->client_port = 9999;
	tcp_at(t, 2000, 'c', TS, 0, 0, 0);
	CHECK_EQ(stats(t)->flows_refused, 1);
	CHECK_EQ(stats(t)->flows_shed, 0);
	tcp_at(t, 20 * SEC, 'c', TS, 0, 0, 0); /* by now the others were silent for long */
	CHECK_EQ(stats(t)->flows_refused, 1);
	CHECK_EQ(stats(t)->flows_shed, 1);
	talk_free(t);
}

static void questions_and_answers_by_datagram(void)
{
	struct talk *t = talk_new(NULL);
	t->server_port = 53;
	udp_at(t, 0, 'c', 30);
	udp_at(t, 700, 's', 90);
	udp_at(t, 5000, 'c', 30);
	udp_at(t, 2005000, 'c', 30); /* asked again */
	udp_at(t, 2006000, 's', 90);
	udp_at(t, 2006100, 's', 90);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->art_us.count, 2);
	CHECK_EQ(r->art_us.sum, 700 + 2001000);
	CHECK_EQ(r->cit_us.count, 1);
	CHECK_EQ(r->cit_us.sum, 4300);
	CHECK_EQ(r->packets_c2s, 3);
	CHECK_EQ(r->client_port, 40000);
	CHECK_EQ(r->proto, 17);
	CHECK_EQ(r->direction_confidence, 70);
	talk_free(t);
}

/* A router's "unreachable" that quotes the first bytes of a client's datagram. */
static void an_error_belongs_to_the_flow_it_quotes(void)
{
	struct talk *t = talk_new(NULL);
	t->batch_max = 64;
	t->server_port = 53;
	udp_at(t, 0, 'c', 30);
	uint8_t quoted[28];
	memcpy(quoted, t->frame[0] + 14, sizeof quoted);
	for (unsigned known = 0; known < 2; known++) {
		uint8_t *h = talk_ip(t, false, 100 + known, 1, 8 + sizeof quoted, 0);
		memset(h, 0, 8);
		h[0] = 3;
		h[1] = 1;
		memcpy(h + 8, quoted, sizeof quoted);
		talk_repeat(t, 2); /* the mirror copies */
		quoted[21] = 99;   /* the second one quotes a port that nobody knows */
	}
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	CHECK_EQ(r[0].icmp_errors, 1);
	CHECK_EQ(r[0].duplicates, 1);
	CHECK_EQ(r[0].packets_s2c, 0);
	CHECK_EQ(stats(t)->duplicates, 2);
	CHECK_EQ(r[1].proto, 1);
	CHECK_EQ(r[1].packets_c2s + r[1].packets_s2c, 1);
	CHECK_EQ(stats(t)->icmp_quoted, 1);
	talk_free(t);
}

/* Many conversations at once, with losses and repeats, in batches of `batch`. */
static struct talk *crowd(unsigned batch)
{
	struct sp_flow_conf conf = talk_conf();
	conf.max_flows = 100000;
	struct talk *t = talk_new(&conf);
	uint64_t random = 1;
	t->batch_max = batch;
	for (unsigned i = 0; i < 40000; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned n = (unsigned)(random >> 40) % 3000;
		t->client_port = (uint16_t)(10000 + n);
		t->client_ip = 0x0a010000 + n % 7;
		unsigned step = (unsigned)(random >> 33) % 6;
		if (step == 0)
			tcp_at(t, i * 20, 'c', TS, 0, 0, 0);
		else if (step == 1)
			tcp_at(t, i * 20, 's', TS | TA, 0, 1, 0);
		else if (step == 5)
			tcp_at(t, i * 20, 'c', TF | TA, 500, 600, 0);
		else
			tcp_at(t, i * 20, step & 1 ? 'c' : 's', TA, 1 + (unsigned)(random >> 50) % 9 * 50, 1 + i % 600,
			       50);
	}
	talk_end(t);
	return t;
}

static void batches_change_nothing(void)
{
	struct talk *one = crowd(1), *many = crowd(64);
	CHECK(one->n_records > 2000);
	CHECK_EQ(one->n_records, many->n_records);
	unsigned different = 0;
	for (unsigned i = 0; i < one->n_records; i++)
		different += !!memcmp(&one->record[i], &many->record[i], sizeof one->record[i]);
	CHECK_EQ(different, 0);
	uint64_t packets = 0;
	for (unsigned i = 0; i < one->n_records; i++)
		packets += one->record[i].packets_c2s + one->record[i].packets_s2c;
	CHECK_EQ(packets + stats(one)->duplicates, 40000);
	talk_free(one);
	talk_free(many);
}

static void nothing_is_left_behind(void)
{
	struct talk *t = crowd(64);
	CHECK_EQ(stats(t)->flows_created, stats(t)->flows_ended);
	t->n_records = 0;
	handshake(t, 10 * SEC);
	talk_end(t);
	CHECK_EQ(t->n_records, 1);
	talk_free(t);
}

/* A clock that goes wrong by years: what asks for another turn each time it is looked at is looked at a few times, not
 * once a turn of all the years. Every entry comes up at the tick that it was given, as far as a flow can tell. */
static void years_go_by(void)
{
	struct sp_wheel w;
	uint64_t now = TALK_T0, tick;
	CHECK_EQ(sp_wheel_init(&w, 1000), 0);
	CHECK_EQ(sp_wheel_take(&w, now), 0);
	tick = sp_wheel_tick_for(&w, now + 5 * SP_NS_PER_SEC);
	CHECK(sp_wheel_add(&w, tick, 7));
	now += 20 * 365 * 86400 * SP_NS_PER_SEC + 12345;
	unsigned looks = 0;
	for (uint32_t page; looks < 1000 && (page = sp_wheel_take(&w, now)); looks++) {
		CHECK_EQ((uint16_t)w.tick, (uint16_t)tick);
		CHECK_EQ(w.page[page].flow[0], 7);
		tick = sp_wheel_tick_for(&w, now + 60 * SP_NS_PER_SEC);
		CHECK(sp_wheel_add(&w, tick, 7));
		sp_wheel_give(&w, page);
	}
	CHECK(looks >= 1 && looks < 1000);
	CHECK_EQ(w.tick, sp_wheel_tick_of(now));
	CHECK(tick > w.tick);
	sp_wheel_free(&w);
}

int main(void)
{
	RUN(copies_of_the_mirror);
	RUN(a_segment_sent_again_soon_is_no_copy);
	RUN(equal_acks_without_identification);
	RUN(a_routed_copy_kept_as_a_hop);
	RUN(hops_have_two_directions);
	RUN(hops_by_vlan_and_address);
	RUN(dedup_switched_off);
	RUN(timeouts_follow_the_state);
	RUN(timeouts_of_datagrams);
	RUN(time_jumps);
	RUN(years_go_by);
	RUN(long_flows_report_what_is_new);
	RUN(a_flood_does_not_push_out_what_is_open);
	RUN(a_table_full_of_open_flows_refuses);
	RUN(questions_and_answers_by_datagram);
	RUN(an_error_belongs_to_the_flow_it_quotes);
	RUN(batches_change_nothing);
	RUN(nothing_is_left_behind);
	return check_done();
}
