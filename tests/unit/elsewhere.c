/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in other flows than their requests: who was offered an address, who asked a group, and who must not be taken
 * for the one that answers. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"
#include "tests/check.h"
#include "tests/unit/bytes.h"
#include "tests/unit/calls_conf.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)

enum { TEXTS_MAX = 16, TEXT = 200, NOBODY = 0, EVERYONE = -1 };
enum { DHCP_DISCOVER = 1, DHCP_OFFER };
enum { MDNS_GROUP = (int)0xe00000fb, LLMNR_GROUP = (int)0xe00000fc };

static struct sp_flowtable *ft;
static struct sp_page page;
static struct sp_flow_stats stats;
static char text[TEXTS_MAX][TEXT];
static unsigned n_texts, n_records, n_type[SP_CALL_TYPE_MAX];
static uint32_t vlan;

/* "call 1 10.0.0.1:68>10.0.0.9:67 A NOERROR +5 retries=1": type, number of the flow, ends, method, code, ms. */
static void describe(const struct sp_request_record *r, char *to)
{
	char client[SP_ADDR_TEXT_MAX], server[SP_ADDR_TEXT_MAX];
	int c = (int)sp_addr_format(client, &r->client_ip), s = (int)sp_addr_format(server, &r->server_ip);
	struct sp_slice method = sp_texts_slot(&r->texts, SP_SLOT_METHOD),
			code = sp_texts_slot(&r->texts, SP_SLOT_CODE);
	int n = snprintf(to, TEXT, "%s %u %.*s:%u>%.*s:%u %.*s %.*s", sp_call_type_name(r->type), (unsigned)r->flow_id,
			 c, client, r->client_port, s, server, r->server_port, (int)method.n, (const char *)method.p,
			 (int)code.n, (const char *)code.p);
	if (r->has_rrt)
		n += snprintf(to + n, TEXT - (size_t)n, " +%u", (unsigned)(r->rrt_us / 1000));
	if (r->retries)
		n += snprintf(to + n, TEXT - (size_t)n, " retries=%u", r->retries);
	if (r->status == SP_STATUS_TIMEOUT)
		snprintf(to + n, TEXT - (size_t)n, " timeout");
}

static struct sp_page *take(struct sp_out *out, struct sp_page *full)
{
	(void)out;
	for (uint32_t at = 0; full && at < full->used;) {
		const struct sp_request_record *r = (const void *)(full->data + at);
		at += r->head.size;
		if (r->head.kind != SP_RECORD_REQUEST)
			continue;
		n_records++;
		n_type[r->type]++;
		if (n_texts < TEXTS_MAX)
			describe(r, text[n_texts++]);
	}
	page.used = page.n = 0;
	return &page;
}

static struct sp_out out = {.turn = take};

static void begin(bool log)
{
	const uint64_t sec = SP_NS_PER_SEC;
	const struct sp_decode_conf decode = sp_decode_conf_default();
	struct sp_flow_conf conf = {
		.max_flows = 20000,
		.report_interval = 600 * sec,
		.timeout = {5 * sec, 300 * sec, 35 * sec, 2 * sec, 2 * sec, 60 * sec, 60 * sec, 35 * sec, 35 * sec},
		.fragments = {.max_datagrams = 16, .max_held = 16, .max_bytes = 1 << 20, .timeout = 30 * sec},
		.requests = calls_conf(64 << 20, log),
	};
	struct sp_err err;
	n_texts = n_records = 0;
	memset(text, 0, sizeof text);
	memset(n_type, 0, sizeof n_type);
	vlan = 0;
	CHECK(!sp_flowtable_new(&ft, &conf, 0, 0, decode.hash_key, &out, &err));
}

static void end(void)
{
	sp_flowtable_end(ft, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	sp_out_flush(&out);
	stats = *sp_flowtable_stats(ft);
	sp_flowtable_free(ft);
}

/* A host is the last byte of an address in 10.0.0.0/24; or nobody, everyone, a group. */
static uint32_t address(int host)
{
	return host == NOBODY || host == EVERYONE || host < -1 ? (uint32_t)host : 0x0a000000 + (uint32_t)host;
}

static void udp(unsigned ms, int from, uint16_t sport, int to, uint16_t dport, const uint8_t *bytes, size_t n)
{
	static uint8_t frame[1024];
	static struct sp_batch batch;
	static uint16_t id;
	const struct sp_decode_conf decode = sp_decode_conf_default();
	const uint32_t space[] = {vlan};
	memset(frame, 0, 42);
	frame[11] = 1;
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, (uint32_t)(28 + n));
	put16(frame + 18, ++id);
	frame[22] = 64;
	frame[23] = 17;
	put32(frame + 26, address(from));
	put32(frame + 30, address(to));
	put16(frame + 34, sport);
	put16(frame + 36, dport);
	put16(frame + 38, (uint32_t)(8 + n));
	memcpy(frame + 42, bytes, n);
	sp_batch_begin(&batch);
	batch.pkt[batch.n++] = (struct sp_pkt){.data = frame,
					       .ts_ns = T0 + ms * SP_NS_PER_MS,
					       .wire_len = (uint32_t)(42 + n),
					       .cap_len = (uint32_t)(42 + n)};
	sp_decode_batch(&decode, space, &batch);
	sp_flowtable_batch(ft, &batch);
}

static void dhcp(unsigned ms, int from, int to, uint32_t xid, uint8_t type)
{
	uint8_t m[260] = {type == DHCP_OFFER ? 2 : 1, 1, 6};
	put32(m + 4, xid);
	put32(m + 236, 0x63825363);
	memcpy(m + 240, (const uint8_t[]){53, 1, type, 255}, 4);
	udp(ms, from, type == DHCP_OFFER ? 67 : 68, to, type == DHCP_OFFER ? 68 : 67, m, sizeof m);
}

/* A question for an address of "h<n>", or an answer with one, as multicast DNS writes it where the number is 0. */
static void dns(unsigned ms, int from, uint16_t sport, int to, uint16_t dport, uint16_t number, unsigned n, bool answer)
{
	uint8_t m[64];
	char name[8];
	size_t label = (size_t)snprintf(name, sizeof name, "h%u", n), at = 12;
	bool asks = !answer || number;
	memset(m, 0, sizeof m);
	put16(m, number);
	put16(m + 2, answer ? 0x8000 : 0);
	m[5] = asks;
	m[7] = answer;
	for (unsigned part = asks ? 0 : 1; part < 1U + answer; part++) {
		m[at] = (uint8_t)label;
		memcpy(m + at + 1, name, label);
		at += 2 + label;
		put32(m + at, 1 << 16 | 1);
		at += 4;
		if (part) {
			put16(m + at + 4, 4);
			at += 10;
		}
	}
	udp(ms, from, sport, to, dport, m, at);
}

static void ask(unsigned ms, int from, int group, uint16_t port, uint16_t number, unsigned n)
{
	dns(ms, from, number ? (uint16_t)(40000 + number) : port, group, port, number, n, false);
}

static void answer(unsigned ms, int from, int to, uint16_t port, uint16_t number, unsigned n)
{
	dns(ms, from, port, to, number ? (uint16_t)(40000 + number) : port, number, n, true);
}

/* --- DHCP --- */

static void an_offer_is_the_answer(void)
{
	for (int to_all = 0; to_all < 2; to_all++) {
		begin(true);
		dhcp(0, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
		dhcp(5, 9, to_all ? EVERYONE : 20, 7, DHCP_OFFER);
		end();
		CHECK_EQ(n_records, 1);
		CHECK_STR(text[0], "call 1 0.0.0.0:68>10.0.0.9:67 DISCOVER OFFER +5");
		CHECK_EQ(stats.l7_elsewhere, 1);
	}
}

/* The first one answers; the other servers' offers stand alone, in their own flows. */
static void every_server_offers(void)
{
	begin(true);
	dhcp(0, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(5, 9, 20, 7, DHCP_OFFER);
	dhcp(6, 10, 21, 7, DHCP_OFFER);
	end();
	CHECK_EQ(n_records, 2);
	CHECK_STR(text[0], "call 1 0.0.0.0:68>10.0.0.9:67 DISCOVER OFFER +5");
	CHECK_STR(text[1], "response 3 10.0.0.21:68>10.0.0.10:67  OFFER");
}

static void asking_again_is_one_call(void)
{
	begin(true);
	dhcp(0, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(3000, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(3005, 9, 20, 7, DHCP_OFFER);
	end();
	CHECK_EQ(n_records, 1);
	CHECK_STR(text[0], "call 1 0.0.0.0:68>10.0.0.9:67 DISCOVER OFFER +3005 retries=1");
}

/* After its time a request is over, here as in its own flow; asked once more it is another one. */
static void too_late(void)
{
	begin(true);
	dhcp(0, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(15001, 9, 20, 7, DHCP_OFFER);
	dhcp(15002, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(15004, 9, 20, 7, DHCP_OFFER);
	end();
	CHECK_EQ(n_records, 3);
	CHECK_STR(text[0], "response 2 10.0.0.20:68>10.0.0.9:67  OFFER");
	CHECK_STR(text[1], "request 1 0.0.0.0:68>255.255.255.255:67 DISCOVER  timeout");
	CHECK_STR(text[2], "call 1 0.0.0.0:68>10.0.0.9:67 DISCOVER OFFER +2");
}

/* Another transaction, another network, an end of its flow in between. */
static void strangers_answer_nothing(void)
{
	begin(true);
	dhcp(0, NOBODY, EVERYONE, 7, DHCP_DISCOVER);
	dhcp(5, 9, 20, 8, DHCP_OFFER);
	vlan = 1;
	dhcp(6, 9, 20, 7, DHCP_OFFER);
	vlan = 0;
	sp_flowtable_tick(ft, T0 + 90 * SP_NS_PER_SEC);
	dhcp(90001, 9, 20, 7, DHCP_OFFER);
	end();
	CHECK_EQ(n_records, 4);
	CHECK_EQ(n_type[SP_CALL_TYPE_RESPONSE], 3);
	CHECK_EQ(stats.l7_elsewhere, 0);
}

/* A relay that asks from one of its addresses may be answered at another one, by whom it asked and nobody else. */
static void by_way_of_a_relay(void)
{
	uint8_t m[260] = {1, 1, 6};
	put32(m + 4, 7);
	put32(m + 236, 0x63825363);
	memcpy(m + 240, (const uint8_t[]){53, 1, DHCP_DISCOVER, 255}, 4);
	begin(true);
	udp(0, NOBODY, 68, EVERYONE, 67, m, sizeof m);
	udp(1, 30, 67, 9, 67, m, sizeof m);
	m[0] = 2;
	m[242] = DHCP_OFFER;
	udp(4, 10, 67, 31, 67, m, sizeof m);
	udp(5, 9, 67, 31, 67, m, sizeof m);
	udp(6, 31, 67, 20, 68, m, sizeof m);
	end();
	CHECK_EQ(n_records, 3);
	CHECK_STR(text[1], "call 2 10.0.0.30:67>10.0.0.9:67 DISCOVER OFFER +4");
	CHECK_STR(text[2], "call 1 0.0.0.0:68>10.0.0.31:67 DISCOVER OFFER +6");
	CHECK_EQ(n_type[SP_CALL_TYPE_RESPONSE], 1);
}

/* --- groups --- */

static void a_name_is_asked_of_all(void)
{
	begin(true);
	ask(0, 1, LLMNR_GROUP, 5355, 5, 1);
	ask(1, 1, LLMNR_GROUP, 5355, 5, 1);
	answer(2, 2, 3, 5355, 5, 1); /* somebody else's, with the same number and port */
	answer(3, 2, 1, 5355, 5, 2); /* another question */
	answer(4, 2, 1, 5355, 5, 1);
	end();
	CHECK_EQ(n_records, 3);
	CHECK_STR(text[2], "call 1 10.0.0.1:40005>10.0.0.2:5355 A NOERROR +4 retries=1");
	CHECK_EQ(n_type[SP_CALL_TYPE_RESPONSE], 2);
}

/* One answer to the group is everybody's who asked that, but nobody's own. */
static void one_answers_many(void)
{
	begin(true);
	ask(0, 1, MDNS_GROUP, 5353, 0, 1);
	ask(1, 3, MDNS_GROUP, 5353, 0, 1);
	ask(2, 2, MDNS_GROUP, 5353, 0, 1);
	answer(4, 2, MDNS_GROUP, 5353, 0, 1);
	answer(5, 3, MDNS_GROUP, 5353, 0, 1);
	end();
	CHECK_EQ(n_records, 3);
	CHECK_STR(text[0], "call 1 10.0.0.1:5353>10.0.0.2:5353 A NOERROR +4");
	CHECK_STR(text[1], "call 2 10.0.0.3:5353>10.0.0.2:5353 A NOERROR +3");
	CHECK_STR(text[2], "call 3 10.0.0.2:5353>10.0.0.3:5353 A NOERROR +3");
}

/* Without its other half each is a message: nobody timed out, and nothing is amiss. */
static void nobody_has_to_answer(void)
{
	begin(true);
	ask(0, 1, MDNS_GROUP, 5353, 0, 1);
	ask(1000, 1, MDNS_GROUP, 5353, 0, 1);
	ask(3000, 1, MDNS_GROUP, 5353, 0, 1);
	answer(6000, 2, MDNS_GROUP, 5353, 0, 1);
	answer(6001, 2, MDNS_GROUP, 5353, 0, 2);
	end();
	CHECK_EQ(n_records, 4);
	CHECK_EQ(n_type[SP_CALL_TYPE_ONEWAY], 4);
	CHECK_STR(text[0], "oneway 1 10.0.0.1:5353>224.0.0.251:5353 A  retries=1");
	CHECK_STR(text[1], "oneway 2 10.0.0.2:5353>224.0.0.251:5353 A ");
	CHECK_EQ(stats.request_errors, 0);
}

/* More at once than there is room for: what is pushed out is counted, and the others find their answers. */
static void room_is_bounded(void)
{
	enum { ASKED = 6000 };
	for (int log = 0; log < 2; log++) {
		begin(log);
		for (unsigned i = 0; i < ASKED; i++)
			ask(0, 1 + (int)(i % 250), LLMNR_GROUP, 5355, (uint16_t)(1 + i), 1);
		for (unsigned i = 0; i < ASKED; i++)
			answer(1, 251, 1 + (int)(i % 250), 5355, (uint16_t)(1 + i), 1);
		end();
		CHECK(stats.l7_elsewhere_exceeded >= ASKED - 4096 && stats.l7_elsewhere_exceeded < 3000);
		CHECK_EQ(stats.l7_elsewhere + stats.l7_elsewhere_exceeded, ASKED);
		CHECK_EQ(stats.requests, ASKED + stats.l7_elsewhere_exceeded);
		CHECK_EQ(n_records, log ? stats.requests : 0);
		CHECK_EQ(n_type[SP_CALL_TYPE_CALL], log ? stats.l7_elsewhere : 0);
	}
}

int main(void)
{
	RUN(an_offer_is_the_answer);
	RUN(every_server_offers);
	RUN(asking_again_is_one_call);
	RUN(too_late);
	RUN(strangers_answer_nothing);
	RUN(by_way_of_a_relay);
	RUN(a_name_is_asked_of_all);
	RUN(one_answers_many);
	RUN(nobody_has_to_answer);
	RUN(room_is_bounded);
	return check_done();
}
