/* SPDX-License-Identifier: Apache-2.0 */
/* The same conversation however its bytes travel: cut anywhere, in another order, twice, with a segment lost, joined in
 * the middle, across the end of the sequence space. The calls are the same, or exactly those missing that were lost. */
#include <stdlib.h>

#include "base/time.h"
#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"
#include "tests/check.h"
#include "tests/unit/bytes.h"
#include "tests/unit/calls_conf.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { SEGMENTS_MAX = 512, CALLS_MAX = 256, SEGMENT_MAX = 2048 };

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define STEP_NS (100 * SP_NS_PER_US)

struct segment {
	bool server;
	uint8_t flags;
	uint32_t seq, ack; /* relative */
	uint16_t n;
	const uint8_t *bytes;
	uint64_t ns;
};

struct call {
	char text[96]; /* type, method, resource, code */
	uint32_t req_seq, resp_seq;
	uint64_t start_ns, rrt_us;
	bool from_server;
};

static struct segment segment[SEGMENTS_MAX];
static unsigned n_segments;
static struct call call[CALLS_MAX];
static unsigned n_calls;
static struct sp_flow_stats stats;
static uint32_t isn[2];
static uint16_t port[2] = {40000, 7777};
static char whole[2][8192];
static size_t whole_n[2];

/* --- a client that asks, waits for the answers, asks again; some in one go --- */

struct turn {
	const char *ask, *answer;
};

static const struct turn turns[] = {
	{"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
	{"*2\r\n$3\r\nGET\r\n$3\r\na:1\r\n", "$5\r\nhello\r\n"},
	{"*2\r\n$3\r\nGET\r\n$3\r\na:2\r\n*3\r\n$3\r\nSET\r\n$3\r\na:3\r\n$2\r\nxy\r\n*2\r\n$4\r\nLLEN\r\n$3\r\na:"
	 "4\r\n",
	 "$-1\r\n+OK\r\n-WRONGTYPE not a list\r\n"},
	{"*2\r\n$3\r\nDEL\r\n$3\r\na:5\r\n", ":1\r\n"},
	{"*2\r\n$4\r\nINCR\r\n$3\r\na:6\r\n", ":7\r\n"},
};

static void put(bool server, uint8_t flags, uint32_t seq, uint32_t ack, const void *bytes, size_t n)
{
	static uint64_t now;
	now = n_segments ? now + STEP_NS : T0;
	segment[n_segments++] = (struct segment){server, flags, seq, ack, (uint16_t)n, bytes, now};
}

/* Each side's bytes in pieces of `piece`, a first piece of `cut` where it is at turn `which` of that side. */
static void say(bool server, size_t n, uint32_t ack, size_t piece, size_t first)
{
	size_t at = 0;
	while (at < n) {
		size_t take = first && !at ? first : piece;
		take = SP_MIN(take ? take : n, n - at);
		put(server, PSH | ACK, 1 + (uint32_t)(whole_n[server] + at), ack, whole[server] + whole_n[server] + at,
		    take);
		at += take;
	}
	whole_n[server] += n;
}

static void converse(size_t piece, unsigned which, bool cut_server, size_t cut)
{
	n_segments = 0;
	whole_n[0] = whole_n[1] = 0;
	put(false, SYN, 0, 0, NULL, 0);
	put(true, SYN | ACK, 0, 1, NULL, 0);
	put(false, ACK, 1, 1, NULL, 0);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(turns); i++) {
		size_t ask = strlen(turns[i].ask), answer = strlen(turns[i].answer);
		memcpy(whole[0] + whole_n[0], turns[i].ask, ask);
		memcpy(whole[1] + whole_n[1], turns[i].answer, answer);
		say(false, ask, 1 + (uint32_t)whole_n[1], piece, i == which && !cut_server ? cut : 0);
		say(true, answer, 1 + (uint32_t)whole_n[0], piece, i == which && cut_server ? cut : 0);
	}
	put(false, FIN | ACK, 1 + (uint32_t)whole_n[0], 1 + (uint32_t)whole_n[1], NULL, 0);
	put(true, FIN | ACK, 1 + (uint32_t)whole_n[1], 2 + (uint32_t)whole_n[0], NULL, 0);
}

/* --- through the flow table --- */

static struct sp_page page;

static struct sp_page *take(struct sp_out *out, struct sp_page *full)
{
	for (uint32_t at = 0; full && at < full->used;) {
		const struct sp_request_record *r = (const void *)(full->data + at);
		at += r->head.size;
		if (r->head.kind != SP_RECORD_REQUEST || n_calls == CALLS_MAX)
			continue;
		struct call *c = &call[n_calls++];
		struct sp_slice resource = sp_texts_slot(&r->texts, SP_SLOT_RESOURCE),
				code = sp_texts_slot(&r->texts, SP_SLOT_CODE);
		snprintf(c->text, sizeof c->text, "%s %.*s %.*s", sp_call_type_name(r->type), (int)resource.n,
			 resource.p, (int)code.n, code.p);
		c->req_seq = r->req_tcp_seq - isn[0];
		c->resp_seq = r->resp_tcp_seq - isn[1];
		c->start_ns = r->start_ns;
		c->rrt_us = r->rrt_us;
		c->from_server = r->from_server;
	}
	page.used = page.n = 0;
	return &page;
}

static uint32_t frame(uint8_t *f, const struct segment *s)
{
	static uint16_t id;
	memset(f, 0, 54);
	f[5] = s->server ? 1 : 2;
	f[11] = s->server ? 2 : 1;
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, 40 + s->n);
	put16(f + 18, ++id);
	f[22] = 64;
	f[23] = 6;
	put32(f + 26, s->server ? 0x0a000002 : 0x0a000001);
	put32(f + 30, s->server ? 0x0a000001 : 0x0a000002);
	put16(f + 34, port[s->server]);
	put16(f + 36, port[!s->server]);
	put32(f + 38, s->seq + isn[s->server]);
	put32(f + 42, s->flags & ACK ? s->ack + isn[!s->server] : 0);
	f[46] = 0x50;
	f[47] = s->flags;
	put16(f + 48, 1000);
	if (s->n)
		memcpy(f + 54, s->bytes, s->n);
	return 54U + s->n;
}

static struct sp_flow_conf settings(void)
{
	const uint64_t sec = SP_NS_PER_SEC;
	return (struct sp_flow_conf){
		.max_flows = 16,
		.report_interval = 60 * sec,
		.timeout = {5 * sec, 300 * sec, 35 * sec, 2 * sec, 2 * sec, 5 * sec, 60 * sec, 35 * sec, 35 * sec},
		.fragments = {.max_datagrams = 16, .max_held = 16, .max_bytes = 1 << 20, .timeout = 30 * sec},
		.requests = calls_conf(8 << 20, true),
	};
}

/* Whether records of calls are written at first, and the segment before which that is turned over. */
static bool written = true;
static unsigned reload_before = UINT32_MAX;

/* Segments in the order in which they stand. `cap`: bytes captured of each frame, 0: all. */
static void analyse(uint32_t cap)
{
	static const uint32_t space[16];
	static uint8_t bytes[54 + SEGMENT_MAX];
	static struct sp_batch batch;
	struct sp_decode_conf decode = sp_decode_conf_default();
	struct sp_flow_conf conf = settings();
	struct sp_out out = {.turn = take};
	struct sp_flowtable *ft;
	struct sp_err err;
	n_calls = 0;
	conf.requests.log = written;
	if (!CHECK(!sp_flowtable_new(&ft, &conf, 0, 0, decode.hash_key, &out, &err)))
		return;
	for (unsigned i = 0; i < n_segments; i++) {
		if (i == reload_before) {
			conf.requests.log = !written;
			sp_flowtable_reconf(ft, &conf);
		}
		sp_batch_begin(&batch);
		uint32_t n = frame(bytes, &segment[i]);
		batch.pkt[batch.n++] = (struct sp_pkt){
			.data = bytes, .ts_ns = segment[i].ns, .wire_len = n, .cap_len = cap ? SP_MIN(cap, n) : n};
		sp_decode_batch(&decode, space, &batch);
		sp_flowtable_batch(ft, &batch);
	}
	sp_flowtable_end(ft, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	sp_out_flush(&out);
	stats = *sp_flowtable_stats(ft);
	struct sp_flow_memory m;
	sp_flowtable_memory(ft, &m);
	CHECK(m.calls <= 21 * 65536);
	sp_flowtable_free(ft);
}

/* --- what must come out --- */

static struct call expected[CALLS_MAX];
static unsigned n_expected;

static void expect_as_now(void)
{
	memcpy(expected, call, sizeof expected);
	n_expected = n_calls;
}

static bool same(const char *how, size_t at)
{
	bool good = n_calls == n_expected;
	for (unsigned i = 0; i < n_calls && good; i++)
		good = !strcmp(call[i].text, expected[i].text) && call[i].req_seq == expected[i].req_seq &&
		       call[i].resp_seq == expected[i].resp_seq;
	if (!good) {
		printf("# %s %zu:\n", how, at);
		for (unsigned i = 0; i < n_calls; i++)
			printf("#   %s at %u, %u\n", call[i].text, call[i].req_seq, call[i].resp_seq);
	}
	return good;
}

static void a_conversation(void)
{
	static const char *const want[] = {"call PING ",      "call GET a:1 ",		 "call GET a:2 ",
					   "call SET a:3 ? ", "call LLEN a:4 WRONGTYPE", "call DEL a:5 ",
					   "call INCR a:6 "};
	isn[0] = 1000;
	isn[1] = 900000;
	converse(0, 0, false, 0);
	analyse(0);
	if (CHECK_EQ(n_calls, SP_ARRAY_SIZE(want)))
		for (unsigned i = 0; i < n_calls; i++)
			CHECK_STR(call[i].text, want[i]);
	CHECK_EQ(call[0].req_seq, 1);
	CHECK_EQ(call[0].resp_seq, 1);
	CHECK_EQ(call[1].req_seq, 15);
	CHECK_EQ(call[1].resp_seq, 8);
	CHECK_EQ(call[1].rrt_us, 100);
	CHECK_EQ(stats.requests, 7);
	CHECK_EQ(stats.request_errors, 1);
	CHECK_EQ(stats.l7_holes, 0);
	expect_as_now();
}

static void cut_at_every_byte(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(turns); i++)
		for (unsigned server = 0; server < 2; server++)
			for (size_t cut = 1; cut < strlen(server ? turns[i].answer : turns[i].ask); cut++) {
				converse(0, i, server, cut);
				analyse(0);
				CHECK(same("cut at", cut));
			}
}

static void in_pieces(void)
{
	for (size_t piece = 1; piece < 40; piece++) {
		converse(piece, 0, false, 0);
		analyse(0);
		CHECK(same("pieces of", piece));
	}
}

/* What one side sends in one go arrives in reverse. */
static void reverse_runs(void)
{
	for (unsigned i = 3; i < n_segments;) {
		unsigned end = i;
		while (end < n_segments && segment[end].n && segment[end].server == segment[i].server)
			end++;
		for (unsigned a = i, b = end; a + 1 < b; a++) {
			struct segment swap = segment[a];
			segment[a] = segment[--b];
			segment[b] = swap;
		}
		i = SP_MAX(end, i + 1);
	}
}

static void in_reverse_order(void)
{
	for (size_t piece = 1; piece < 40; piece++) {
		converse(piece, 0, false, 0);
		reverse_runs();
		analyse(0);
		CHECK(same("reversed pieces of", piece));
	}
}

/* Every segment again, and across its borders: from the middle of one to the middle of the next. */
static void with_duplicates(void)
{
	for (size_t piece = 2; piece < 40; piece++) {
		static struct segment twice[SEGMENTS_MAX];
		unsigned n = 0;
		converse(piece, 0, false, 0);
		for (unsigned i = 0; i < n_segments && n + 3 < SEGMENTS_MAX; i++) {
			twice[n++] = segment[i];
			if (!segment[i].n)
				continue;
			twice[n++] = segment[i];
			uint32_t back = SP_MIN(segment[i].seq - 1, piece / 2);
			twice[n] = segment[i];
			twice[n].seq -= back;
			twice[n].bytes -= back;
			twice[n++].n = (uint16_t)(back + segment[i].n / 2);
		}
		memcpy(segment, twice, sizeof segment);
		n_segments = n;
		analyse(0);
		CHECK(same("with copies, pieces of", piece));
	}
}

static void across_the_end_of_numbers(void)
{
	for (uint32_t before = 1; before < 120; before++) {
		isn[0] = isn[1] = 0U - before;
		converse(7, 0, false, 0);
		analyse(0);
		CHECK(same("numbers wrap after", before));
	}
	isn[0] = 1000;
	isn[1] = 900000;
}

/* Every call that is told is one of those that there were, and none has another's answer. Returns how many are whole.
 */
static unsigned true_calls(const char *how, size_t at)
{
	unsigned found = 0;
	for (unsigned i = 0; i < n_calls; i++) {
		bool good = strncmp(call[i].text, "call ", 5);
		for (unsigned k = 0; k < n_expected && !good; k++)
			good = !strcmp(call[i].text, expected[k].text) && call[i].req_seq == expected[k].req_seq &&
			       call[i].resp_seq == expected[k].resp_seq;
		found += good && !strncmp(call[i].text, "call ", 5);
		if (!CHECK(good)) {
			printf("# %s %zu: %s at %u, %u\n", how, at, call[i].text, call[i].req_seq, call[i].resp_seq);
			return 0;
		}
	}
	return found;
}

/* The capture lost one segment; the network did not. A turn's three requests in one go lose their certainty together.
 */
static void with_a_segment_lost(void)
{
	for (unsigned lost = 3;; lost++) {
		converse(0, 0, false, 0);
		if (lost >= n_segments - 2)
			break;
		bool burst = lost == 3 + 2 * 2 || lost == 3 + 2 * 2 + 1;
		memmove(&segment[lost], &segment[lost + 1], (n_segments - lost - 1) * sizeof *segment);
		n_segments--;
		analyse(0);
		if (!CHECK_EQ(true_calls("lost", lost), burst ? 4 : 6))
			same("lost", lost);
		CHECK_EQ(stats.l7_holes, lost < n_segments - 3); /* nothing comes after the last ones */
	}
}

static void with_a_piece_lost(void)
{
	for (size_t piece = 3; piece < 24; piece++)
		for (unsigned lost = 3;; lost++) {
			converse(piece, 0, false, 0);
			if (lost >= n_segments - 2)
				break;
			memmove(&segment[lost], &segment[lost + 1], (n_segments - lost - 1) * sizeof *segment);
			n_segments--;
			analyse(0);
			unsigned found = true_calls("piece lost", lost);
			/* Of very small pieces the first ones may not tell the protocol. */
			if (piece > 6 && !CHECK(found >= 3))
				same("piece lost", lost + 1000 * piece);
		}
}

static void joined_in_the_middle(void)
{
	for (unsigned from = 3; from < 9; from++) {
		converse(0, 0, false, 0);
		memmove(segment, segment + from, (n_segments - from) * sizeof *segment);
		n_segments -= from;
		analyse(0);
		CHECK(true_calls("joined at", from) >= 2);
	}
}

/* Frames cut by the capture: what is there is read, and nothing else is said. */
static void short_frames(void)
{
	for (uint32_t cap = 54; cap < 120; cap++) {
		converse(0, 0, false, 0);
		analyse(cap);
		true_calls("captured", cap);
	}
}

static void converse_plainly(void)
{
	converse(0, 0, false, 0);
}

/* The client leaves, and the last answer does not come. */
static void converse_in_vain(void)
{
	converse_plainly();
	segment[n_segments - 3] = segment[n_segments - 2];
	n_segments -= 2;
}

/* The answer to an upgrade comes in HTTP/2, to a request that is handed over. */
static void converse_h2c(void)
{
	static const char
		ask[] = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n",
		upgrade[] = "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			    "HTTP2-Settings: AAMAAABk\r\n\r\n",
		answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		switches[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
		settings[] = "\0\0\0\4\0\0\0\0\0", two_hundred[] = "\0\0\1\1\5\0\0\0\1\x88",
		preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	const struct {
		bool server;
		const char *bytes;
		size_t n;
	} turn[] = {
		{false, ask, sizeof ask - 1},
		{false, ask, sizeof ask - 1},
		{true, answer, sizeof answer - 1},
		{true, answer, sizeof answer - 1},
		{false, ask, sizeof ask - 1},
		{false, upgrade, sizeof upgrade - 1}, /* in the first one's block, beside that of one that is open */
		{true, answer, sizeof answer - 1},
		{true, switches, sizeof switches - 1},
		{true, settings, sizeof settings - 1},
		{false, preface, sizeof preface - 1},
		{false, settings, sizeof settings - 1},
		{true, two_hundred, sizeof two_hundred - 1},
	};
	uint32_t next[2] = {1, 1};
	n_segments = 0;
	put(false, SYN, 0, 0, NULL, 0);
	put(true, SYN | ACK, 0, 1, NULL, 0);
	put(false, ACK, 1, 1, NULL, 0);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(turn); i++) {
		bool s = turn[i].server;
		put(s, PSH | ACK, next[s], next[!s], turn[i].bytes, turn[i].n);
		next[s] += (uint32_t)turn[i].n;
	}
}

/* After them the server says `lines` times a little more. */
static void behind_a_handshake(void (*conversation)(void), bool server_first, const char *const hello[2],
			       unsigned lines)
{
	static const char line[] = "211-x\r\n";
	const uint32_t n[2] = {(uint32_t)strlen(hello[0]), (uint32_t)strlen(hello[1])}, more = sizeof line - 1;
	const unsigned first = 5 + lines;
	conversation();
	analyse(0);
	expect_as_now();
	memmove(&segment[first], &segment[3], (n_segments - 3) * sizeof *segment);
	n_segments += 2 + lines;
	for (unsigned i = first; i < n_segments; i++) {
		bool s = segment[i].server;
		segment[i].seq += n[s] + (s ? lines * more : 0);
		segment[i].ack += n[!s] + (s ? 0 : lines * more);
		segment[i].ns += (2 + lines) * STEP_NS;
	}
	for (unsigned i = 3; i < first; i++) {
		bool s = i > 4 || (i == 4) != server_first;
		segment[i] = (struct segment){.server = s,
					      .flags = PSH | ACK,
					      .seq = i > 4 ? 1 + n[1] + (i - 5) * more : 1,
					      .ack = i > 3 ? 1 + n[!s] : 1,
					      .n = (uint16_t)(i > 4 ? more : n[s]),
					      .bytes = (const uint8_t *)(i > 4 ? line : hello[s]),
					      .ns = T0 + i * STEP_NS};
	}
	analyse(0);
	CHECK_EQ(n_calls, n_expected);
	for (unsigned i = 0; i < n_calls; i++) {
		CHECK_STR(call[i].text, expected[i].text);
		CHECK_EQ(call[i].req_seq, expected[i].req_seq + n[0]);
	}
	CHECK_EQ(stats.l7_holes, 0);
}

/* Both sides begin with what is nobody's, as with a proxy's handshake of its own, or with what could be somebody's:
 * what comes behind it is read. */
static void behind_another_handshake(void)
{
	static const char *const socks[2] = {"\5\1\2\11", "\5\2\11\11"}, *const greeted[2] = {"AUTH TLS\r\n",
											      "220 hello\r\n"};
	for (unsigned server_first = 0; server_first < 2; server_first++) {
		behind_a_handshake(converse_plainly, server_first, socks, 0);
		behind_a_handshake(converse_plainly, server_first, greeted, 0);
		behind_a_handshake(converse_h2c, server_first, socks, 0);
		behind_a_handshake(converse_h2c, server_first, greeted, 0);
		behind_a_handshake(converse_h2c, server_first, greeted, 20);
	}
	converse_plainly();
	analyse(0);
	expect_as_now();
}

static void one_side_alone(void)
{
	for (unsigned server = 0; server < 2; server++) {
		unsigned n = 0;
		converse(5, 0, false, 0);
		for (unsigned i = 0; i < n_segments; i++)
			if (segment[i].server == server)
				segment[n++] = segment[i];
		n_segments = n;
		analyse(0);
		CHECK_EQ(n_calls, server ? n_calls : 7);
		for (unsigned i = 0; i < n_calls; i++)
			CHECK(!strncmp(call[i].text, server ? "response" : "request", 7));
	}
}

/* A client at a server's port, joined in the middle, whose first bytes do not tell yet: its parser finds out. Two
 * requests at once, so that the sides may not be turned twice. */
static void taken_for_the_server(void)
{
	static const char ask[] = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
	const uint32_t asked = sizeof ask - 1, answered = sizeof answer - 1;
	uint16_t before[2] = {port[0], port[1]};
	port[0] = 8080;
	port[1] = 40000;
	n_segments = 0;
	put(false, PSH | ACK, 1, 1, ask, 2);
	put(false, PSH | ACK, 3, 1, ask + 2, asked - 2);
	put(true, PSH | ACK, 1, 1 + asked, answer, answered);
	put(true, PSH | ACK, 1 + answered, 1 + asked, answer, answered);
	put(false, PSH | ACK, 1 + asked, 1 + 2 * answered, ask, asked / 2);
	put(true, PSH | ACK, 1 + 2 * answered, 1 + asked + asked / 2, answer, answered);
	analyse(0);
	static const char *const want[] = {"call /1 200", "call /2 200", "call /1 200"};
	if (CHECK_EQ(n_calls, SP_ARRAY_SIZE(want)))
		for (unsigned i = 0; i < n_calls; i++) {
			CHECK_STR(call[i].text, want[i]);
			CHECK(!call[i].from_server);
		}
	memcpy(port, before, sizeof port);
}

/* Each call is one of those that are expected, in their order; parts of what it says may not have been read. */
static bool among_expected(void)
{
	unsigned at = 0;
	for (unsigned i = 0; i < n_calls; i++, at++) {
		while (at < n_expected &&
		       (call[i].req_seq != expected[at].req_seq || call[i].resp_seq != expected[at].resp_seq ||
			strlen(call[i].text) > strlen(expected[at].text)))
			at++;
		if (at == n_expected)
			return false;
	}
	return true;
}

/* A reload before every segment: all calls are counted, and those are written that end while calls are. */
static void reload_everywhere(void (*conversation)(void))
{
	conversation();
	analyse(0);
	expect_as_now();
	uint64_t requests = stats.requests, errors = stats.request_errors;
	CHECK(n_expected > 2);
	for (reload_before = 0; reload_before <= n_segments; reload_before++)
		for (unsigned first = 0; first < 2; first++) {
			written = first;
			conversation();
			analyse(0);
			CHECK_EQ(stats.requests, requests);
			CHECK_EQ(stats.request_errors, errors);
			if (!CHECK(among_expected()))
				same("reload before", reload_before);
			CHECK(reload_before != (first ? n_segments : 0) || n_calls == n_expected);
			CHECK(reload_before != (first ? 0 : n_segments) || n_calls == 0);
		}
	reload_before = UINT32_MAX;
	written = true;
}

static void reloaded_while_calls_are_open(void)
{
	reload_everywhere(converse_plainly);
	reload_everywhere(converse_in_vain);
	uint16_t before = port[1];
	port[1] = 80;
	reload_everywhere(converse_h2c);
	port[1] = before;
}

int main(void)
{
	RUN(a_conversation);
	RUN(cut_at_every_byte);
	RUN(in_pieces);
	RUN(in_reverse_order);
	RUN(with_duplicates);
	RUN(across_the_end_of_numbers);
	RUN(with_a_segment_lost);
	RUN(with_a_piece_lost);
	RUN(joined_in_the_middle);
	RUN(short_frames);
	RUN(behind_another_handshake);
	RUN(one_side_alone);
	RUN(taken_for_the_server);
	RUN(reloaded_while_calls_are_open);
	return check_done();
}
