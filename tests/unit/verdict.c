/* SPDX-License-Identifier: Apache-2.0 */
/* Where connections died, over four points: 0 and 1 before a translation of both ends, 2 and 3 behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 UINT64_C(1700000000000000000)
enum { POINTS = 4, FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static struct sp_points points;
static struct {
	unsigned paths, died; /* how many, and of how many it is said where */
	struct sp_path path;  /* the last one */
} got;

static enum sp_close_reason close_reason = SP_CLOSE_TIMEOUT;

static void path(void *ctx, const struct sp_path *p)
{
	got.paths++;
	got.died += p->lost_at.what != SP_PATH_NOTHING || p->n_rst;
	got.path = *p;
}

static struct sp_stitch *begin(void)
{
	struct sp_stitch_conf conf = {true, false, SP_NS_PER_SEC, SP_NS_PER_SEC, 8 << 20};
	struct sp_stitch *s;
	memset(&got, 0, sizeof got);
	if (sp_stitch_new(&s, &conf, &points, &(struct sp_stitch_told){NULL, path, NULL}))
		abort();
	return s;
}

/* Connection n as point p saw it: all flags of the client's packets, and of the server's. */
static void leg(struct sp_stitch *s, unsigned n, unsigned p, uint8_t client, uint8_t server)
{
	bool answered = server & SYN;
	struct sp_flow_record r = {
		.head.size = SP_FLOW_RECORD_PLAIN,
		.flow_id = p * 1000 + n + 1,
		.point = (uint16_t)p,
		.start_ns = T0 + n * SP_NS_PER_MS + p * SP_NS_PER_US,
		.end_ns = T0 + n * SP_NS_PER_MS + SP_NS_PER_MS,
		.proto = SP_PROTO_TCP,
		.is_tcp = 1,
		.client_port = (uint16_t)(p < 2 ? 40000 + n : 1024 + n),
		.server_port = p < 2 ? 80 : 8080,
		.packets_c2s = 3,
		.packets_s2c = server ? 3 : 0,
		.tcp_flags_c2s = client,
		.tcp_flags_s2c = server,
		.isn_client = 0x10000000 + n,
		.has_isn_client = 1,
		.isn_server = answered ? 0x20000000 + n : 0,
		.has_isn_server = answered,
		.has_rtt_server = answered,
		.rtt_server_us = 100 - 10 * p,
		.close_reason = close_reason,
	};
	r.client_ip = sp_addr_v4((const uint8_t[]){10, 0, p < 2 ? 1 : 2, 1});
	r.server_ip = sp_addr_v4((const uint8_t[]){10, 0, p < 2 ? 9 : 3, 1});
	sp_stitch_flow(s, &r);
}

static void whole(struct sp_stitch *s, unsigned n)
{
	for (unsigned p = 0; p < POINTS; p++)
		leg(s, n, p, SYN | ACK | FIN, SYN | ACK | FIN);
}

/* Ten that are well, then one as it is given: a pair of flags for each point; 0: it did not see any. */
static void after_ten(const uint8_t seen[POINTS][2])
{
	struct sp_stitch *s = begin();
	for (unsigned n = 0; n < 10; n++)
		whole(s, n);
	for (unsigned p = 0; p < POINTS; p++)
		if (seen[p][0])
			leg(s, 10, p, seen[p][0], seen[p][1]);
	sp_stitch_end(s);
	sp_stitch_free(s);
}

enum { CLIENT = -1, SERVER = -2, UNKNOWN = -3 }; /* what is no point */

static bool at(const struct sp_where *w, int place)
{
	static const uint8_t kind[] = {0, SP_WHERE_CLIENT, SP_WHERE_SERVER, SP_WHERE_UNKNOWN};
	return place < 0 ? w->kind == kind[-place] : w->kind == SP_WHERE_POINT && w->point == place;
}

static bool is(const struct sp_path_event *e, enum sp_path_packet what, unsigned s2c, int from, int to)
{
	return e->what == what && e->s2c == s2c && at(&e->from, from) && at(&e->to, to);
}

static void syn(void)
{
	/* Before the translation, behind it, and behind the last point; the first one alone makes a path. */
	for (unsigned reached = 0; reached < POINTS; reached++) {
		uint8_t seen[POINTS][2] = {0};
		for (unsigned p = 0; p <= reached; p++)
			seen[p][0] = SYN;
		after_ten(seen);
		CHECK_EQ(got.paths, 11);
		CHECK_EQ(got.path.n_legs, reached + 1);
		int next = reached + 1 < POINTS ? (int)reached + 1 : SERVER;
		CHECK(is(&got.path.lost_at, SP_PATH_SYN, 0, (int)reached, next));
		CHECK_EQ(got.path.n_rst, 0);
	}
}

static void nothing_known(void)
{
	struct sp_stitch *s = begin();
	leg(s, 0, 0, SYN, 0);
	leg(s, 1, 0, SYN, 0);
	leg(s, 1, 1, SYN, 0);
	sp_stitch_end(s);
	sp_stitch_free(s);
	CHECK_EQ(got.paths, 1);
	CHECK(is(&got.path.lost_at, SP_PATH_SYN, 0, 1, UNKNOWN));
}

static void answers(void)
{
	after_ten((const uint8_t[POINTS][2]){{SYN}, {SYN}, {SYN, SYN | ACK}, {SYN, SYN | ACK}});
	CHECK_EQ(got.path.n_legs, 4);
	CHECK(is(&got.path.lost_at, SP_PATH_SYN_ACK, 1, 2, 1));
	after_ten((const uint8_t[POINTS][2]){
		{SYN | ACK, SYN | ACK}, {SYN, SYN | ACK}, {SYN, SYN | ACK}, {SYN, SYN | ACK}});
	CHECK(is(&got.path.lost_at, SP_PATH_ACK, 0, 0, 1));
	/* One point that missed it says nothing about the way. */
	after_ten((const uint8_t[POINTS][2]){
		{SYN | ACK, SYN | ACK}, {SYN | ACK}, {SYN | ACK, SYN | ACK}, {SYN | ACK, SYN | ACK}});
	CHECK_EQ(got.path.lost_at.what, SP_PATH_NOTHING);
}

static void resets(void)
{
	const uint8_t c = SYN | ACK, s = SYN | ACK;
	/* Made between 1 and 2 for both ends. */
	after_ten((const uint8_t[POINTS][2]){{c, s | RST}, {c, s | RST}, {c | RST, s}, {c | RST, s}});
	CHECK_EQ(got.path.n_rst, 2);
	CHECK(is(&got.path.rst[0], SP_PATH_RST, 0, 1, 2));
	CHECK(is(&got.path.rst[1], SP_PATH_RST, 1, 2, 1));
	/* The client's own one, which answers a forged one, is no news. */
	after_ten((const uint8_t[POINTS][2]){{c | RST, s | RST}, {c | RST, s | RST}, {c | RST, s}, {c | RST, s}});
	CHECK_EQ(got.path.n_rst, 1);
	CHECK(is(&got.path.rst[0], SP_PATH_RST, 1, 2, 1));
	/* The client's alone, which every point saw. */
	after_ten((const uint8_t[POINTS][2]){{c | RST, s}, {c | RST, s}, {c | RST, s}, {c | RST, s}});
	CHECK_EQ(got.path.n_rst, 1);
	CHECK(is(&got.path.rst[0], SP_PATH_RST, 0, CLIENT, 0));
	/* …unless it is how the client ends what was answered. */
	close_reason = SP_CLOSE_CLIENT_RST_AFTER_RESPONSE;
	after_ten((const uint8_t[POINTS][2]){{c | RST, s}, {c | RST, s}, {c | RST, s}, {c | RST, s}});
	CHECK_EQ(got.path.n_rst, 0);
	close_reason = SP_CLOSE_TIMEOUT;
	/* The server's, seen everywhere. */
	after_ten((const uint8_t[POINTS][2]){{c, s | RST}, {c, s | RST}, {c, s | RST}, {c, s | RST}});
	CHECK_EQ(got.path.n_rst, 1);
	CHECK(is(&got.path.rst[0], SP_PATH_RST, 1, SERVER, 3));
	/* A refusal by what stands where point 2 comes next. */
	after_ten((const uint8_t[POINTS][2]){{SYN, RST | ACK}, {SYN, RST | ACK}});
	CHECK_EQ(got.path.lost_at.what, SP_PATH_NOTHING);
	CHECK(is(&got.path.rst[0], SP_PATH_RST, 1, 2, 1));
	/* A connection that both ends had closed may be forgotten at one point sooner than at another. */
	after_ten((const uint8_t[POINTS][2]){
		{c | FIN, s | FIN | RST}, {c | FIN, s | FIN}, {c | FIN, s | FIN}, {c | FIN, s | FIN}});
	CHECK_EQ(got.path.n_rst, 0);
}

/* A point that is not there any more: at first nothing is known of what comes next, later it is learned again. */
static void other_ways(void)
{
	for (unsigned since = 1; since < 200; since += 198) {
		struct sp_stitch *s = begin();
		for (unsigned n = 0; n < 10; n++)
			whole(s, n);
		for (unsigned n = 10; n < 10 + since; n++)
			for (unsigned p = 0; p < POINTS; p++)
				if (p != 1)
					leg(s, n, p, SYN | ACK | FIN, SYN | ACK | FIN);
		leg(s, 10 + since, 0, SYN, 0);
		leg(s, 11 + since, 0, SYN | ACK, SYN | ACK);
		leg(s, 11 + since, 2, SYN | ACK, SYN | ACK | RST);
		sp_stitch_end(s);
		sp_stitch_free(s);
		CHECK_EQ(got.paths, 10 + since + 1 + (since > 1));
		CHECK_EQ(got.died, since > 1 ? 2 : 1);
	}
}

int main(void)
{
	for (unsigned p = 0; p < POINTS; p++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", p);
		sp_points_add(&points, name, SP_POINT_UNKNOWN);
	}
	RUN(syn);
	RUN(nothing_known);
	RUN(answers);
	RUN(resets);
	RUN(other_ways);
	return check_done();
}
