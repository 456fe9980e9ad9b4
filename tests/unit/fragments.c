/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments through the flow table: every one is a packet of its flow, once; TCP and the delays see datagrams. */
#include "base/time.h"
#include "tests/unit/talk.h"

#define MS UINT64_C(1000)
#define SEC UINT64_C(1000000)

enum { SHARE = 1480 }; /* of a datagram, in a fragment on an Ethernet */

static const struct sp_flow_stats *stats(struct talk *t)
{
	return sp_flowtable_stats(t->ft);
}

static uint64_t packets(const struct talk *t)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < t->n_records; i++)
		sum += t->record[i].packets_c2s + t->record[i].packets_s2c;
	return sum;
}

/* What IP carries: a header of `l4` bytes and payload, `total` bytes together, under one identification. */
struct datagram {
	uint16_t id;
	uint8_t proto, l4, header[70];
	uint32_t total;
	char who;
};

static struct datagram segment(uint16_t id, char who, unsigned flags, uint32_t seq, uint32_t ack, unsigned len)
{
	struct datagram d = {.id = id, .proto = 6, .l4 = 20, .total = 20 + len, .who = who};
	put32(d.header + 4, seq + (who == 'c' ? 1000 : 5000));
	put32(d.header + 8, ack + (who == 'c' ? 5000 : 1000));
	d.header[12] = 0x50;
	d.header[13] = (uint8_t)flags;
	put16(d.header + 14, 1000);
	return d;
}

static struct datagram message(uint16_t id, char who, unsigned len)
{
	struct datagram d = {.id = id, .proto = 17, .l4 = 8, .total = 8 + len, .who = who};
	put16(d.header + 4, d.total);
	return d;
}

/* Bytes [offset, offset + n) of it. */
static void fragment(struct talk *t, uint64_t us, const struct datagram *d, uint32_t offset, uint32_t n)
{
	uint32_t head = offset < d->l4 ? SP_MIN(n, d->l4 - offset) : 0;
	bool client = d->who == 'c';
	t->ip_id = d->id;
	uint8_t *l4 = talk_ip(t, client, us, d->proto, head, n - head);
	struct datagram whole = *d;
	put16(whole.header, client ? t->client_port : t->server_port);
	put16(whole.header + 2, client ? t->server_port : t->client_port);
	memcpy(l4, whole.header + offset, head);
	put16(l4 - 14, (offset + n < d->total ? 0x2000 : 0) | offset / 8);
	t->ip_id = (uint16_t)(60000 + t->batch.n);
	if (t->batch.n >= t->batch_max)
		talk_flush(t);
}

/* Its i-th fragment. */
static void part(struct talk *t, uint64_t us, const struct datagram *d, unsigned i)
{
	fragment(t, us, d, i * SHARE, SP_MIN(SHARE, d->total - i * SHARE));
}

static void parts(struct talk *t, uint64_t us, const struct datagram *d)
{
	for (unsigned i = 0; i * SHARE < d->total; i++)
		part(t, us + i, d, i);
}

static void a_segment_in_fragments_is_one_segment(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram d = segment(7, 'c', TA | TP, 1, 1, 4000);
	handshake(t, 0);
	parts(t, 1000, &d);
	tcp_at(t, 1100, 's', TA, 1, 4001, 0);
	tcp_at(t, 1200, 's', TA | TP, 1, 4001, 10);
	tcp_at(t, 1300, 'c', TA | TP, 4001, 11, 100);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->packets_c2s, 6);
	CHECK_EQ(r->packets_s2c, 3);
	CHECK_EQ(r->payload_bytes_c2s, 4100);
	CHECK_EQ(r->fragments, 3);
	CHECK_EQ(r->retrans_c2s + r->hole_filled_c2s + r->out_of_order_c2s + r->dup_ack_s2c + r->capture_gap, 0);
	CHECK_EQ(r->srt_us.sum, 98); /* from its last fragment */
	CHECK_EQ(r->art_us.sum, 198);
	CHECK_EQ(stats(t)->datagrams_reassembled, 1);
	CHECK_EQ(stats(t)->late_packets, 0);
	talk_free(t);
}

static void sent_again_it_is_one_retransmission(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram d = segment(7, 'c', TA | TP, 1, 1, 4000), again = d;
	again.id = 8;
	handshake(t, 0);
	parts(t, 1 * MS, &d);
	parts(t, 300 * MS, &again);
	tcp_at(t, 301 * MS, 's', TA, 1, 4001, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->retrans_c2s, 1);
	CHECK_EQ(r->hole_filled_c2s + r->out_of_order_c2s, 0);
	CHECK_EQ(r->payload_bytes_c2s, 8000);
	talk_free(t);
}

/* A fragment that is lost before the capture takes its segment along: the receiver never had it. */
static void without_one_fragment_there_is_no_segment(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram d = segment(7, 'c', TA | TP, 1, 1, 4000), again = d;
	again.id = 8;
	handshake(t, 0);
	part(t, 1 * MS, &d, 0);
	part(t, 1 * MS, &d, 2);
	tcp_at(t, 2 * MS, 'c', TA | TP, 4001, 1, 100);
	tcp_at(t, 3 * MS, 's', TA, 1, 1, 0);
	parts(t, 300 * MS, &again);
	tcp_at(t, 301 * MS, 's', TA, 1, 4101, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->hole_filled_c2s, 1);
	CHECK_EQ(r->retrans_c2s + r->out_of_order_c2s + r->capture_gap, 0);
	CHECK_EQ(stats(t)->datagrams_incomplete, 1);
	CHECK_EQ(packets(t), 11);
	talk_free(t);
}

/* …unless the receiver acknowledges it: then it is the capture that missed the fragment. */
static void a_fragment_that_the_capture_missed_is_a_gap(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram d = segment(7, 'c', TA | TP, 1, 1, 4000);
	handshake(t, 0);
	part(t, 1 * MS, &d, 0);
	part(t, 1 * MS, &d, 2);
	tcp_at(t, 2 * MS, 's', TA, 1, 4001, 0);
	tcp_at(t, 3 * MS, 'c', TA | TP, 4001, 1, 100);
	tcp_at(t, 4 * MS, 's', TA, 1, 4101, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(r->capture_gap, 1);
	CHECK_EQ(r->hole_filled_c2s + r->retrans_c2s, 0);
	talk_free(t);
}

/* Every order of three fragments, in batches of one and of all. */
static void fragments_in_any_order(void)
{
	static const uint8_t order[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	for (unsigned o = 0; o < 12; o++) {
		struct talk *t = talk_new(NULL);
		struct datagram d = segment(7, 's', TA | TP, 1, 11, 4000);
		handshake(t, 0);
		tcp_at(t, 500, 'c', TA | TP, 1, 1, 10);
		t->batch_max = o < 6 ? 1 : 64;
		for (unsigned i = 0; i < 3; i++)
			part(t, 1000 + i, &d, order[o % 6][i]);
		tcp_at(t, 1100, 'c', TA, 11, 4001, 0);
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(t->n_records, 1);
		CHECK_EQ(r->packets_s2c, 4);
		CHECK_EQ(r->packets_c2s, 4);
		CHECK_EQ(r->payload_bytes_s2c, 4000);
		CHECK_EQ(r->retrans_s2c + r->hole_filled_s2c + r->out_of_order_s2c + r->capture_gap, 0);
		CHECK_EQ(r->art_us.sum, 502);
		CHECK_EQ(stats(t)->fragments_matched, 2);
		CHECK_EQ(stats(t)->fragments_orphaned, 0);
		talk_free(t);
	}
}

/* RFC 1858: ports in the first fragment, flags in the next. */
static void a_header_in_two_fragments(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram syn = segment(7, 'c', TS, 0, 0, 0), data = segment(8, 'c', TA, 1, 1, 100);
	fragment(t, 0, &syn, 0, 8);
	fragment(t, 1, &syn, 8, 12);
	tcp_at(t, 100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, 130, 'c', TA, 1, 1, 0);
	fragment(t, 200, &data, 0, 16);
	fragment(t, 201, &data, 16, 104);
	tcp_at(t, 300, 's', TA, 1, 101, 0);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->syn_count, 1);
	CHECK_EQ(r->rtt_server_us, 99);
	CHECK_EQ(r->srt_us.sum, 99);
	CHECK_EQ(r->retrans_c2s + r->hole_filled_c2s + r->capture_gap, 0);
	CHECK_EQ(packets(t), 7);
	talk_free(t);
}

/* A question is asked when all of it is there; its answer begins with its first fragment. */
static void delays_of_datagrams_in_fragments(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram ask = message(7, 'c', 4000), answer = message(7, 's', 4000), next = message(8, 'c', 100);
	t->server_port = 53;
	part(t, 0, &ask, 0);
	part(t, 10 * MS, &ask, 1);
	part(t, 20 * MS, &ask, 2);
	part(t, 50 * MS, &answer, 2); /* reversed on its way */
	part(t, 55 * MS, &answer, 1);
	part(t, 60 * MS, &answer, 0);
	fragment(t, 100 * MS, &next, 0, 56);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 1);
	CHECK_EQ(r->art_us.count, 1);
	CHECK_EQ(r->art_us.sum, 30 * MS);
	CHECK_EQ(r->cit_us.count, 0); /* the next one is not complete */
	CHECK_EQ(r->payload_bytes_c2s, 4048);
	CHECK_EQ(r->payload_bytes_s2c, 4000);
	CHECK_EQ(r->client_port, 40000);
	talk_free(t);
}

/* Verdicts are given at once; what waits is released by time, or by the end. */
static void what_waits_is_counted_once(void)
{
	struct talk *t = talk_new(NULL);
	struct datagram d = message(7, 'c', 4000), e = message(8, 'c', 4000);
	t->batch_max = 64;
	part(t, 0, &d, 1);
	part(t, 1, &d, 2);
	talk_flush_keep(t);
	CHECK_EQ(t->batch.pkt[0].verdict, SP_ANALYSED);
	CHECK_EQ(t->batch.pkt[1].verdict, SP_ANALYSED);
	t->batch.n = 0;
	CHECK_EQ(stats(t)->flows_created, 0);
	sp_flowtable_tick(t->ft, TALK_T0 + 29 * SP_NS_PER_SEC);
	CHECK_EQ(stats(t)->flows_created, 0);
	sp_flowtable_tick(t->ft, TALK_T0 + 31 * SP_NS_PER_SEC);
	CHECK_EQ(stats(t)->flows_created, 1);
	CHECK_EQ(stats(t)->packets_udp, 2);
	part(t, 40 * SEC, &e, 2);
	const struct sp_flow_record *r = talk_end(t);
	CHECK_EQ(t->n_records, 2);
	CHECK_EQ(r[0].client_port + r[0].server_port + r[1].client_port + r[1].server_port, 0);
	CHECK_EQ(r[0].packets_c2s, 2);
	CHECK_EQ(packets(t), 3);
	CHECK_EQ(stats(t)->packets_udp, 3);
	CHECK_EQ(stats(t)->fragments_orphaned, 3);
	CHECK_EQ(stats(t)->datagrams_incomplete, 2);
	CHECK_EQ(stats(t)->flows_created, stats(t)->flows_ended);
	talk_free(t);
}

static void copies_of_fragments(void)
{
	for (unsigned late = 0; late < 2; late++) {
		struct talk *t = talk_new(NULL);
		struct datagram d = message(7, 'c', 4000), again = message(8, 'c', 4000);
		t->batch_max = 64;
		for (unsigned i = 0; i < 3; i++) {
			part(t, i, &d, late ? 2 - i : i);
			talk_repeat(t, 5);
			t->frame[t->batch.n - 1][22]--; /* routed */
		}
		parts(t, 100, &again);
		const struct sp_flow_record *r = talk_end(t);
		CHECK_EQ(t->n_records, 1);
		CHECK_EQ(r->packets_c2s, 6);
		CHECK_EQ(r->payload_bytes_c2s, 8000);
		CHECK_EQ(stats(t)->duplicates, 3);
		CHECK_EQ(stats(t)->datagrams_reassembled, 2);
		talk_free(t);
	}
}

/* One TCP segment of the conversation between 10.8.0.1 and .2, inside VXLAN, in a datagram that is too large. */
static struct datagram tunnelled(uint16_t id, char who, uint32_t seq, uint32_t ack, unsigned len)
{
	struct datagram d = {.id = id, .proto = 17, .l4 = 70, .total = 70 + len, .who = 'c'},
			s = segment(1, who, TA | TP, seq, ack, len);
	uint8_t *vxlan = d.header + 8, *eth = vxlan + 8, *ip = eth + 14;
	put16(d.header + 4, d.total);
	vxlan[0] = 8;
	vxlan[6] = 7;
	eth[11] = 1;
	put16(eth + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 40 + len);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, 0x0a080000 + (who == 'c' ? 1 : 2));
	put32(ip + 16, 0x0a080000 + (who == 'c' ? 2 : 1));
	memcpy(ip + 20, s.header, 20);
	put16(ip + 20, who == 'c' ? 40001 : 80);
	put16(ip + 22, who == 'c' ? 80 : 40001);
	return d;
}

/* The conversation is inside; the fragments are the tunnel's. */
static void a_tunnel_that_was_fragmented(void)
{
	static const uint32_t space[16];
	for (unsigned how = 0; how < 3; how++) {
		struct talk *t = talk_new(NULL);
		t->server_port = 4789;
		t->decode.mirror = how == 1 ? 1u << SP_TUNNEL_VXLAN : 0;
		t->decode.keep = how == 2 ? 1u << SP_TUNNEL_VXLAN : 0;
		sp_flowtable_open_tunnels(t->ft, &t->decode, space);
		struct datagram ask = tunnelled(7, 'c', 1, 1, 1450), answer = tunnelled(8, 's', 1, 1451, 4000);
		parts(t, 0, &ask);
		part(t, 100, &answer, 2);
		part(t, 110, &answer, 0);
		part(t, 120, &answer, 1);
		const struct sp_flow_record *r = talk_end(t);
		const struct sp_flow_record *outer = r[0].proto == 17 ? r : r + 1,
					    *inner = r[0].proto == 17 ? r + 1 : r;
		CHECK_EQ(t->n_records, how == 2 ? 1 : 2);
		CHECK_EQ(outer->packets_c2s, 5);
		CHECK_EQ(outer->server_port, 4789);
		CHECK_EQ(stats(t)->inner_packets, how == 2 ? 0 : 2);
		if (how < 2) {
			CHECK_EQ(inner->proto, 6);
			CHECK_EQ(inner->client_port, 40001);
			CHECK_EQ(inner->payload_bytes_c2s, 1450);
			CHECK_EQ(inner->payload_bytes_s2c, 4000);
			CHECK_EQ(inner->packets_c2s + inner->packets_s2c, 2);
			CHECK_EQ(inner->art_us.sum, 119);
			CHECK_EQ(inner->fragments, 0);
			CHECK_EQ(inner->layers.n_tunnel, how == 0 ? 1 : 0);
			CHECK_EQ(how == 0 ? inner->layers.tunnel[0].id : 7, 7);
		}
		talk_free(t);
	}
}

/* Fragments of which no other comes, from everywhere: neither memory nor what is open suffers. */
static void a_flood_of_fragments(void)
{
	struct sp_flow_conf conf = talk_conf();
	conf.fragments = (struct sp_defrag_conf){
		.max_datagrams = 256, .max_held = 64, .max_bytes = 256 << 10, .timeout = 30 * SP_NS_PER_SEC};
	struct talk *t = talk_new(&conf);
	for (unsigned i = 0; i < 500; i++) {
		t->client_port = (uint16_t)(10000 + i);
		handshake(t, i);
	}
	t->batch_max = 64;
	uint32_t client = t->client_ip;
	struct sp_flow_memory half, all;
	for (unsigned i = 0; i < 40000; i++) {
		struct datagram d = message((uint16_t)i, 'c', 4000);
		t->client_ip = 0x50000000 + i * 7919;
		part(t, 2000 + i, &d, i % 3);
		if (i == 20000)
			sp_flowtable_memory(t->ft, &half);
	}
	talk_flush(t);
	sp_flowtable_memory(t->ft, &all);
	CHECK(all.fragments && all.fragments <= 1 << 20);
	CHECK_EQ(all.fragments, half.fragments);
	CHECK(all.flows <= 1001 * 256);
	t->client_ip = client;
	uint64_t created = stats(t)->flows_created;
	for (unsigned i = 0; i < 500; i++) {
		t->client_port = (uint16_t)(10000 + i);
		tcp_at(t, 50 * MS + i, 'c', TA | TP, 1, 1, 10);
	}
	talk_flush(t);
	CHECK_EQ(stats(t)->flows_created, created);
	talk_end(t);
	/* A released one that finds no room was analysed all the same. */
	CHECK_EQ(packets(t) + stats(t)->flows_refused + stats(t)->fragments_refused, 1500 + 40000 + 500);
	CHECK_EQ(stats(t)->fragments, 40000);
	talk_free(t);
}

int main(void)
{
	RUN(a_segment_in_fragments_is_one_segment);
	RUN(sent_again_it_is_one_retransmission);
	RUN(without_one_fragment_there_is_no_segment);
	RUN(a_fragment_that_the_capture_missed_is_a_gap);
	RUN(fragments_in_any_order);
	RUN(a_header_in_two_fragments);
	RUN(delays_of_datagrams_in_fragments);
	RUN(what_waits_is_counted_once);
	RUN(copies_of_fragments);
	RUN(a_tunnel_that_was_fragmented);
	RUN(a_flood_of_fragments);
	return check_done();
}
