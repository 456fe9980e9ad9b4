/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments: decode and defrag together, over datagrams made here. */
#include "flowtable/defrag.h"

#include <stdlib.h>

#include "base/time.h"
#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"
#include "tests/check.h"
#include "tests/unit/bytes.h"

#define HASH_KEY UINT64_C(0x5eed)
#define SECOND SP_NS_PER_SEC

enum { FIRST_MAX = 1480, PAYLOAD = 3000, DATAGRAM = 8 + PAYLOAD };

static struct sp_flow_stats stats;
static struct sp_defrag *defrag;
static struct sp_flow_key flow_key; /* of the datagrams that send() makes */
static uint64_t now;
static uint16_t point;
static size_t captured; /* bytes of the last complete datagram, up to the first that was not */

/* What was tracked, as the flow table would. */
static struct tally {
	unsigned packets, of_flow, without_ports, held;
	uint64_t payload, wire;
} tally;

struct spec {
	uint32_t id, offset, len;
	bool more, v6, vlan, other_bytes, answer;
	uint32_t cut; /* bytes not captured */
	uint16_t sport;
};

/* The bytes of every datagram's payload, the UDP header at its start. */
static uint8_t datagram_byte(const struct spec *s, uint32_t at)
{
	uint8_t udp[8] = {0};
	put16(udp, s->sport ? s->sport : 5000);
	put16(udp + 2, 53);
	put16(udp + 4, DATAGRAM);
	return at < 8 ? udp[at] : (uint8_t)(at * 7 + s->other_bytes);
}

static uint32_t frame(uint8_t *p, const struct spec *s)
{
	uint32_t at = 14;
	memset(p, 0, 100);
	p[5] = 2, p[11] = 1;
	if (s->vlan) {
		put16(p + 12, 0x8100);
		p[15] = 5;
		at = 18;
	}
	uint8_t *ip = p + at, *src, *dst;
	put16(ip - 2, s->v6 ? 0x86dd : 0x0800);
	if (s->v6) {
		ip[0] = 0x60, ip[6] = 44, ip[7] = 64;
		put16(ip + 4, 8 + s->len);
		ip[40] = 17;
		put16(ip + 42, s->offset | s->more);
		put16(ip + 44, s->id >> 16);
		put16(ip + 46, s->id);
		src = ip + 23, dst = ip + 39;
		at += 48;
	} else {
		ip[0] = 0x45, ip[8] = 64, ip[9] = 17;
		put16(ip + 2, 20 + s->len);
		put16(ip + 4, s->id);
		put16(ip + 6, (s->more ? 0x2000 : 0) | s->offset / 8);
		ip[12] = ip[16] = 10;
		src = ip + 15, dst = ip + 19;
		at += 20;
	}
	*src = s->answer ? 2 : 1;
	*dst = s->answer ? 1 : 2;
	for (uint32_t i = 0; i < s->len; i++)
		p[at + i] = datagram_byte(s, s->offset + i);
	return at + s->len;
}

static void track(const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	tally.packets++;
	tally.of_flow += !memcmp(key, &flow_key, sizeof flow_key);
	tally.without_ports += !key->lo_port && !key->hi_port;
	tally.payload += pkt->l7_len;
	tally.wire += pkt->wire_len;
	CHECK_EQ(pkt->hash, (uint32_t)sp_flow_key_hash(key, HASH_KEY));
}

static void drain(void)
{
	for (struct sp_batch *b; (b = sp_defrag_released(defrag));)
		for (uint32_t i = 0; i < b->n; i++) {
			CHECK(b->pkt[i].l3 != SP_NOOFS && b->pkt[i].l3 + 20u <= b->pkt[i].cap_len);
			CHECK(b->pkt[i].data[b->pkt[i].l3] >> 4 == 4 || b->pkt[i].data[b->pkt[i].l3] >> 4 == 6);
			CHECK(!b->pkt[i].layers || b->layers[b->pkt[i].layers - 1].n_vlan == 1);
			track(&b->pkt[i], &b->key[i]);
		}
}

/* One fragment through decode and defrag. Whether it completed its datagram. */
static bool send(struct spec s)
{
	static struct sp_batch b;
	static uint8_t bytes[70000];
	static const uint32_t space[8];
	struct sp_decode_conf conf = sp_decode_conf_default();
	conf.hash_key = HASH_KEY;
	uint32_t n = frame(bytes, &s);
	b.n = 1;
	b.pkt[0] = (struct sp_pkt){.data = bytes, .wire_len = n, .cap_len = n - s.cut, .ts_ns = now, .point = point};
	sp_decode_batch(&conf, space, &b);
	struct sp_pkt *p = &b.pkt[0];
	if (!CHECK(p->reason == SP_DECODE_OK && p->flags & SP_PKT_FRAGMENT))
		return false;
	if (!s.offset)
		flow_key = b.key[0];
	const struct sp_layers *layers = p->layers ? &b.layers[p->layers - 1] : NULL;
	if (sp_defrag_packet(defrag, p, &b.key[0], layers) == SP_DEFRAG_TRACK)
		track(p, &b.key[0]);
	else
		tally.held++;
	drain();
	struct sp_datagram d;
	if (!sp_defrag_datagram(defrag, &d))
		return false;
	CHECK_EQ(d.header, 8);
	CHECK_EQ(d.payload, PAYLOAD);
	captured = d.l4.n;
	for (uint32_t i = 0; i < d.l4.n; i++)
		if (d.l4.p[i] != datagram_byte(&s, i))
			return CHECK(!"payload differs");
	return true;
}

static struct sp_defrag_conf ordinary(void)
{
	return (struct sp_defrag_conf){
		.max_datagrams = 16384, .max_held = 4096, .max_bytes = 8 << 20, .timeout = 30 * SECOND};
}

static void start(struct sp_defrag_conf conf)
{
	memset(&stats, 0, sizeof stats);
	memset(&tally, 0, sizeof tally);
	memset(&flow_key, 0, sizeof flow_key);
	now = SECOND;
	CHECK_EQ(sp_defrag_new(&defrag, &conf, HASH_KEY, &stats), 0);
}

static void stop(void)
{
	sp_defrag_end(defrag, SP_POINT_ANY);
	drain();
	sp_defrag_free(defrag);
}

static struct spec piece(uint32_t id, unsigned i)
{
	uint32_t offset = i * FIRST_MAX;
	return (struct spec){.id = id,
			     .offset = offset,
			     .len = SP_MIN(FIRST_MAX, DATAGRAM - offset),
			     .more = offset + FIRST_MAX < DATAGRAM};
}

static void check_in_order(void)
{
	start(ordinary());
	for (uint32_t id = 1; id <= 6; id++) {
		CHECK(!send(piece(id, 0)));
		CHECK(!send(piece(id, 1)));
		CHECK(send(piece(id, 2)));
	}
	CHECK_EQ(tally.of_flow, 18);
	CHECK_EQ(tally.payload, 6 * PAYLOAD);
	CHECK_EQ(tally.wire, 6 * (DATAGRAM + 3 * 34));
	CHECK_EQ(stats.fragments, 18);
	CHECK_EQ(stats.fragments_matched, 12);
	CHECK_EQ(stats.datagrams_reassembled, 6);
	CHECK_EQ(stats.fragments_orphaned + stats.fragments_overlapped, 0);
	stop();
}

static void any_order(bool v6, bool vlan)
{
	static const uint8_t orders[][3] = {{2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}};
	for (unsigned o = 0; o < SP_ARRAY_SIZE(orders); o++) {
		start(ordinary());
		unsigned done = 0;
		for (unsigned i = 0; i < 3; i++) {
			struct spec s = piece(v6 ? 0xabcd0001 : 1, orders[o][i]);
			s.v6 = v6;
			s.vlan = vlan;
			done += send(s);
		}
		CHECK_EQ(done, 1);
		CHECK_EQ(tally.of_flow, 3);
		CHECK_EQ(tally.payload, PAYLOAD);
		CHECK_EQ(stats.fragments_matched, 2);
		stop();
		CHECK_EQ(tally.packets, 3);
	}
}

static void check_any_order(void)
{
	any_order(false, false);
	any_order(true, false);
	any_order(false, true);
}

static void check_both_sides(void)
{
	start(ordinary());
	struct spec there = piece(1, 0), back = piece(1, 0);
	back.answer = true;
	send(there);
	send(back); /* the same identifier, the other way */
	there = piece(1, 1), back = piece(1, 1);
	back.answer = true;
	send(there);
	send(back);
	there = piece(1, 2), back = piece(1, 2);
	back.answer = true;
	CHECK(send(there));
	CHECK(send(back));
	CHECK_EQ(stats.fragments_overlapped, 0);
	stop();
}

static void check_duplicates(void)
{
	start(ordinary());
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(send(piece(1, i)), i == 2);
		CHECK(!send(piece(1, i)));
	}
	CHECK_EQ(tally.of_flow, 6);
	CHECK_EQ(stats.fragments_overlapped, 0);
	CHECK_EQ(stats.datagrams_reassembled, 1);
	stop();
}

static void overlap(struct spec bad)
{
	start(ordinary());
	send(piece(1, 0));
	send(piece(1, 1));
	CHECK(!send(bad));
	CHECK_EQ(stats.fragments_overlapped, 1);
	CHECK(!send(piece(1, 2)));
	CHECK_EQ(tally.of_flow, 4);
	CHECK_EQ(stats.datagrams_reassembled, 0);
	stop();
}

/* A fragment over others is harmless only when it says nothing new. */
static void check_overlaps(void)
{
	overlap((struct spec){.id = 1, .offset = 2952, .len = 16, .more = true});
	overlap((struct spec){.id = 1, .offset = 1480, .len = 1480, .more = true, .other_bytes = true});
	overlap((struct spec){.id = 1, .offset = 800, .len = 16, .more = true, .other_bytes = true});
	overlap((struct spec){.id = 1, .offset = 1480, .len = 8}); /* ends before what is there */
	start(ordinary());
	send(piece(1, 2));
	send((struct spec){.id = 1, .offset = 3008, .len = 8, .more = true}); /* begins after the end */
	CHECK_EQ(stats.fragments_overlapped, 1);
	stop();
	start(ordinary());
	send(piece(1, 0));
	send((struct spec){.id = 1, .offset = 1472, .len = 8, .more = true}); /* repeats, over no seam */
	send(piece(1, 1));
	CHECK(send(piece(1, 2)));
	CHECK_EQ(stats.fragments_overlapped, 0);
	stop();
}

static void check_missing(void)
{
	start(ordinary());
	send(piece(1, 0));
	send(piece(1, 2));
	now += 29 * SECOND;
	CHECK(!send(piece(2, 0)));
	now += 2 * SECOND;
	sp_defrag_tick(defrag, now);
	CHECK(!send(piece(1, 1))); /* too late: nobody knows its flow any more */
	CHECK_EQ(tally.held, 1);
	CHECK_EQ(tally.of_flow, 3);
	stop();
	CHECK_EQ(tally.packets, 4);
	CHECK_EQ(tally.without_ports, 1);
	CHECK_EQ(stats.fragments_orphaned, 1);
	CHECK_EQ(stats.datagrams_incomplete, 3);
	CHECK_EQ(stats.datagrams_reassembled, 0);
}

static void check_first_never_comes(void)
{
	start(ordinary());
	send(piece(1, 1));
	send(piece(1, 2));
	CHECK_EQ(tally.held, 2);
	CHECK_EQ(tally.packets, 0);
	now += 30 * SECOND;
	sp_defrag_tick(defrag, now);
	drain();
	CHECK_EQ(tally.packets, 2);
	CHECK_EQ(tally.without_ports, 2);
	CHECK_EQ(tally.payload, DATAGRAM - FIRST_MAX);
	CHECK_EQ(stats.fragments_orphaned, 2);
	CHECK_EQ(stats.fragments_matched, 0);
	stop();
}

static void check_identifier_reused(void)
{
	start(ordinary());
	for (uint16_t port = 6000; port < 6010; port++)
		for (unsigned i = 0; i < 3; i++) {
			struct spec s = piece(1, i);
			s.sport = port;
			CHECK_EQ(send(s), i == 2);
		}
	CHECK_EQ(tally.of_flow, 30);
	struct spec lost = piece(1, 0), next = piece(1, 0);
	lost.sport = 6010;
	next.sport = 6011; /* the sender wrapped around before the old datagram was complete */
	send(lost);
	send(next);
	for (unsigned i = 1; i < 3; i++) {
		struct spec s = piece(1, i);
		s.sport = 6011;
		CHECK_EQ(send(s), i == 2);
	}
	CHECK_EQ(stats.fragments_overlapped, 0);
	stop();
}

static void check_cut(void)
{
	start(ordinary());
	for (unsigned i = 0; i < 3; i++) {
		struct spec s = piece(1, i);
		s.cut = i == 1 ? 1000 : 0;
		CHECK_EQ(send(s), i == 2);
	}
	CHECK_EQ(captured, 2 * FIRST_MAX - 1000);
	CHECK_EQ(stats.datagrams_reassembled, 1);
	CHECK_EQ(stats.fragments_overlapped, 0);
	CHECK_EQ(tally.of_flow, 3);
	CHECK_EQ(tally.payload, PAYLOAD);
	stop();
}

/* Nothing grows, nothing is lost: every packet is tracked once. */
static void flood(unsigned which, unsigned n)
{
	struct sp_defrag_conf conf = {
		.max_datagrams = 64, .max_held = 32, .max_bytes = 64 << 10, .timeout = 30 * SECOND};
	start(conf);
	uint64_t memory = 0;
	for (unsigned i = 0; i < n; i++) {
		struct spec s = piece(i, which == 3 ? i % 3 : which);
		s.v6 = i & 1;
		send(s);
		if (i == n / 2)
			memory = sp_defrag_memory(defrag);
	}
	CHECK_EQ(sp_defrag_memory(defrag), memory);
	CHECK(memory < 400 << 10);
	stop();
	CHECK_EQ(tally.packets, n);
	CHECK_EQ(stats.fragments, n);
}

static void check_floods(void)
{
	flood(0, 5000);
	flood(1, 5000);
	flood(3, 5000);
}

/* A fragment that needs several blocks, the largest datagram, and more fragments than anybody honest sends. */
static void check_sizes(void)
{
	start(ordinary());
	send((struct spec){.id = 1, .offset = 0, .len = 2904, .more = true});
	CHECK(send((struct spec){.id = 1, .offset = 2904, .len = DATAGRAM - 2904}));
	send((struct spec){.id = 2, .offset = 0, .len = 65512, .more = true});
	send((struct spec){.id = 2, .offset = 65512, .len = 3});
	CHECK_EQ(stats.datagrams_reassembled, 2);
	for (unsigned at = 0; at < DATAGRAM; at += 8)
		send((struct spec){.id = 3, .offset = at, .len = 8, .more = at + 8 < DATAGRAM});
	CHECK_EQ(stats.datagrams_reassembled, 2);
	CHECK_EQ(stats.fragments_overlapped, 0);
	stop();
}

static void check_no_room_for_payload(void)
{
	struct sp_defrag_conf conf = ordinary();
	conf.max_bytes = 0;
	start(conf);
	for (unsigned i = 0; i < 3; i++)
		CHECK(!send(piece(1, i)));
	CHECK_EQ(tally.of_flow, 3);
	CHECK_EQ(stats.datagrams_incomplete, 1);
	stop();
}

/* A point that goes away takes what began there along, and nothing else. */
static void check_end_of_a_point(void)
{
	start(ordinary());
	send(piece(1, 1));
	point = 7;
	send(piece(2, 1));
	sp_defrag_end(defrag, 7);
	drain();
	CHECK_EQ(tally.packets, 1);
	CHECK_EQ(stats.datagrams_incomplete, 1);
	point = 0;
	send(piece(1, 0));
	CHECK(send(piece(1, 2)));
	CHECK_EQ(tally.packets, 4);
	stop();
}

int main(void)
{
	RUN(check_in_order);
	RUN(check_any_order);
	RUN(check_both_sides);
	RUN(check_duplicates);
	RUN(check_overlaps);
	RUN(check_missing);
	RUN(check_first_never_comes);
	RUN(check_identifier_reused);
	RUN(check_cut);
	RUN(check_floods);
	RUN(check_sizes);
	RUN(check_no_room_for_payload);
	RUN(check_end_of_a_point);
	return check_done();
}
