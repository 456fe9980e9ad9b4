/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of profiled packets: exactly those of the packets that the profile has, within the budget, and on their way to
 * packets.pcapng. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "exporters/encode/pcapng.h"
#include "exporters/sink/ends.h"
#include "flowtable/profile_read.h"
#include "flowtable/slab.h"
#include "tests/unit/talk.h"

#define MANY 8192
#define FRAME 54 /* what is captured of a segment */

static struct kept {
	uint64_t ns, flow_id;
	uint32_t wire_len, n, seq;
} kept[MANY], told[MANY]; /* in records of packets; in profiles */
static unsigned n_kept, n_told;

static void take(const struct sp_record_head *h)
{
	if (h->kind == SP_RECORD_PACKET && n_kept < MANY) {
		const struct sp_packet_record *r = (const void *)h;
		CHECK_EQ(r->link, SP_LINK_ETHERNET);
		kept[n_kept++] = (struct kept){r->ns, r->flow_id, r->wire_len, r->n, sp_be32(r->data + 38)};
	}
	if (h->kind != SP_RECORD_PROFILE)
		return;
	const struct sp_profile_record *r = (const void *)h;
	struct sp_profile_view view = {0};
	CHECK(!sp_profile_read(&view, r, r->head.size));
	for (unsigned i = 0; i < view.n_packets && n_told < MANY; i++) {
		const struct sp_profile_packet *p = &view.packet[i];
		told[n_told++] = (struct kept){p->ns, r->flow_id, FRAME + p->len, FRAME, (uint32_t)p->seq};
	}
	sp_profile_view_free(&view);
}

static struct talk *begin(const struct sp_profile_conf *profile)
{
	struct sp_flow_conf conf = talk_conf();
	conf.profile = *profile;
	n_kept = n_told = 0;
	struct talk *t = talk_new(&conf);
	t->other = take;
	return t;
}

static struct sp_profile_conf on_zero_window(unsigned before, unsigned after)
{
	return (struct sp_profile_conf){.record = SP_PROFILE_RECORD_TRIGGER,
					.triggers = SP_PROFILE_TRIGGER(ZERO_WINDOW),
					.slow = UINT64_MAX,
					.before = before,
					.after = after,
					.keep_packets = 1000,
					.max_memory = 4 << 20};
}

static void end(struct talk *t)
{
	talk_end(t);
	CHECK_EQ(sp_flowtable_stats(t->ft)->profile_packets_kept, n_kept);
	CHECK_EQ(sp_flowtable_stats(t->ft)->profile_packets, n_told);
}

/* What is kept of a flow is what its profile tells, in its order. */
static void check_same(void)
{
	unsigned wrong = 0;
	CHECK_EQ(n_kept, n_told);
	for (unsigned i = 0; i < SP_MIN(n_kept, n_told); i++)
		wrong += !!memcmp(&kept[i], &told[i], sizeof kept[i]);
	CHECK_EQ(wrong, 0);
}

static uint64_t chat(struct talk *t, uint64_t us, uint32_t *n, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++, ++*n, us += 2000) {
		tcp_at(t, us, 'c', TA | TP, 1 + 10 * *n, 1 + 20 * *n, 10);
		tcp_at(t, us + 1000, 's', TA | TP, 1 + 20 * *n, 11 + 10 * *n, 20);
	}
	return us;
}

static void close_window(struct talk *t, uint64_t us, uint32_t n)
{
	t->window = 0;
	tcp_at(t, us, 'c', TA, 1 + 10 * n, 1 + 20 * n, 0);
	t->window = 1000;
}

static void of_all_packets(void)
{
	struct sp_profile_conf conf = on_zero_window(0, 0);
	conf.record = SP_PROFILE_RECORD_ALL;
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	handshake(t, 0);
	chat(t, 1000, &n, 2000);
	struct sp_flow_memory m;
	sp_flowtable_memory(t->ft, &m);
	CHECK(m.profiles <= 2 * SP_SLAB_CHUNK); /* nothing waits */
	end(t);
	CHECK_EQ(n_told, 4003);
	check_same();
	talk_free(t);
}

static void of_a_ring(void)
{
	static const unsigned before[] = {0, 1, 7, 64, 300};
	for (size_t i = 0; i < SP_ARRAY_SIZE(before); i++) {
		struct sp_profile_conf conf = on_zero_window(before[i], 10);
		struct talk *t = begin(&conf);
		uint32_t n = 0;
		handshake(t, 0);
		uint64_t us = chat(t, 1000, &n, 500);
		CHECK_EQ(n_kept, 0);
		close_window(t, us, n);
		us = chat(t, us + 1000, &n, 200);
		close_window(t, us, n);
		chat(t, us + 1000, &n, 200);
		end(t);
		CHECK_EQ(n_told, 2 * (before[i] + 1 + 10) + before[i]);
		check_same();
		CHECK_EQ(sp_flowtable_stats(t->ft)->profile_packets_unkept, 0);
		talk_free(t);
	}
}

static void without_a_trigger(void)
{
	struct sp_profile_conf conf = on_zero_window(64, 10);
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	handshake(t, 0);
	chat(t, 1000, &n, 500);
	end(t);
	CHECK_EQ(n_kept + n_told, 0);
	struct sp_flow_memory m;
	sp_flowtable_memory(t->ft, &m);
	CHECK(m.profiles <= 3 * SP_SLAB_CHUNK);
	talk_free(t);
}

static void cut_to_size(void)
{
	struct sp_profile_conf conf = on_zero_window(5, 5);
	conf.keep_packets = 44;
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	handshake(t, 0);
	uint64_t us = chat(t, 1000, &n, 10);
	close_window(t, us, n);
	chat(t, us + 1000, &n, 10);
	end(t);
	CHECK_EQ(n_kept, 16);
	for (unsigned i = 0; i < n_kept; i++)
		CHECK(kept[i].n == 44 && kept[i].wire_len == told[i].wire_len);
	talk_free(t);
}

/* Flows whose rings do not fit: each keeps its latest packets, and no more memory is used than there is. */
static void a_budget_that_is_used_up(void)
{
	enum { FLOWS = 100, BEFORE = 60 };
	struct sp_profile_conf conf = on_zero_window(BEFORE, 0);
	conf.max_memory = 14 * SP_SLAB_CHUNK; /* seven for bytes: 4,778 packets */
	struct talk *t = begin(&conf);
	uint32_t n = 0;
	for (unsigned i = 0; i < FLOWS; i++) {
		t->client_port = (uint16_t)(10000 + i);
		handshake(t, i * 200);
	}
	for (unsigned turn = 0; turn < BEFORE; turn++)
		for (unsigned i = 0; i < FLOWS; i++) {
			n = turn;
			t->client_port = (uint16_t)(10000 + i);
			chat(t, 100000 + turn * 300000 + i * 2500, &n, 1);
		}
	struct sp_flow_memory m;
	sp_flowtable_memory(t->ft, &m);
	CHECK(m.profiles <= conf.max_memory);
	for (unsigned i = 0; i < FLOWS; i++) {
		t->client_port = (uint16_t)(10000 + i);
		close_window(t, 30000000 + i * 100, BEFORE);
	}
	end(t);
	CHECK(sp_flowtable_stats(t->ft)->profile_packets_unkept > 0);
	CHECK_EQ(sp_flowtable_stats(t->ft)->profiles_refused, 0);
	CHECK_EQ(n_told, FLOWS * (BEFORE + 1));
	CHECK(n_kept > 4000 && n_kept < n_told);
	unsigned at = 0, missing = 0, last = 0;
	for (unsigned i = 0; i < n_kept; i++) { /* in the profiles' order */
		while (at < n_told && memcmp(&kept[i], &told[at], sizeof kept[i]))
			at++;
		missing += at == n_told;
	}
	for (unsigned i = 0; i < n_kept; i++)
		last += kept[i].ns >= TALK_T0 + UINT64_C(30000000000) && kept[i].wire_len == FRAME;
	CHECK_EQ(missing, 0);
	CHECK_EQ(last, FLOWS);
	talk_free(t);
}

/* --- packets.pcapng --- */

static struct sp_points points;

static void encode(struct sp_buf *out, unsigned point, unsigned link, uint64_t flow_id, const char *bytes)
{
	union {
		struct sp_packet_record r;
		uint8_t room[256];
	} u = {.r = {.head = {.size = 128, .kind = SP_RECORD_PACKET, .point = (uint16_t)point},
		     .flow_id = flow_id,
		     .ns = (UINT64_C(7) << 32) + 9,
		     .wire_len = 1000,
		     .n = (uint32_t)strlen(bytes),
		     .link = (uint8_t)link}};
	memcpy(u.r.data, bytes, u.r.n);
	sp_encode_json.record(out, &u.r.head, &points);
}

/* Types of the blocks in a buffer, as letters. */
static const char *blocks(const struct sp_buf *buf)
{
	static char types[64];
	size_t at = 0, n = 0;
	uint32_t type, size;
	while (at + SP_PCAPNG_BLOCK_MIN <= buf->n && n < sizeof types - 1) {
		memcpy(&type, buf->p + at, 4);
		memcpy(&size, buf->p + at + 4, 4);
		CHECK(size % 4 == 0 && !memcmp(buf->p + at + size - 4, &size, 4));
		types[n++] = type == SP_PCAPNG_SECTION ? 's' : type == 1 ? 'i' : type == 6 ? 'p' : '?';
		at += size;
	}
	CHECK_EQ(at, buf->n);
	types[n] = 0;
	return types;
}

static void sections(void)
{
	struct sp_buf buf = {0};
	sp_points_add(&points, "left", SP_POINT_UNKNOWN);
	sp_points_add(&points, "right", SP_POINT_UNKNOWN);
	for (unsigned again = 0; again < 2; again++) {
		buf.n = 0;
		encode(&buf, 1, SP_LINK_ETHERNET, 5, "abcde");
		encode(&buf, 1, SP_LINK_ETHERNET, 5, "");
		encode(&buf, 0, SP_LINK_ETHERNET, 5, "ab");
		encode(&buf, 1, SP_LINK_RAW, UINT64_MAX, "abcd");
		encode(&buf, 1, SP_LINK_ETHERNET, 5, "a");
		CHECK_STR(blocks(&buf), "sippipipp");
	}
	static const uint8_t last[56] = "\6\0\0\0\70\0\0\0\0\0\0\0\7\0\0\0\11\0\0\0\1\0\0\0\350\3\0\0a\0\0\0"
					"\1\0\11\0flow_id=5\0\0\0\0\0\0\0\70\0\0";
	CHECK(!memcmp(buf.p + buf.n - sizeof last, last, sizeof last));
	buf.n = 0;
	sp_encode_json_tagged.record(&buf, &(struct sp_record_head){16, SP_RECORD_PACKET, 0}, &points);
	CHECK_EQ(buf.n, 0);
	sp_buf_free(&buf);
}

#define BLOCK 60 /* of the packet below */

static off_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) ? -1 : st.st_size;
}

/* A file appears with the first packet, one of an earlier run goes, and half a block that a killed run left is cut off.
 */
static void files(void)
{
	char dir[] = "/tmp/spantap-kept-XXXXXX", path[64];
	struct sp_sink *sink;
	struct sp_err err;
	struct sp_buf buf = {0};
	if (!CHECK(mkdtemp(dir)))
		return;
	snprintf(path, sizeof path, "%s/packets.pcapng", dir);
	encode(&buf, 0, SP_LINK_ETHERNET, 5, "abcdefgh");
	for (unsigned packets = 2; packets--;) {
		CHECK(!sp_sink_dir_new(&sink, dir, 0, &err));
		CHECK(!packets || !sink->write(sink, SP_RECORD_PACKET, buf.p, buf.n));
		CHECK(!sink->close(sink));
		CHECK_EQ(size_of(path), packets ? (off_t)buf.n : -1);
	}
	for (off_t cut = 0; cut < BLOCK; cut++) {
		unlink(path);
		for (unsigned i = 0; i < 2; i++) {
			CHECK(!sp_sink_dir_new(&sink, dir, SP_SINK_LIVE, &err));
			CHECK(!sink->write(sink, SP_RECORD_PACKET, buf.p, buf.n));
			CHECK(!sink->close(sink));
			CHECK(i || !truncate(path, (off_t)buf.n - cut));
		}
		int fd = open(path, O_RDONLY);
		off_t size = size_of(path), whole = cut ? (off_t)buf.n - BLOCK : (off_t)buf.n;
		CHECK_EQ(size, whole + (off_t)buf.n);
		CHECK_EQ(sp_blocks_end(fd, size), size);
		CHECK_EQ(sp_blocks_end(fd, size - 1), size - BLOCK);
		close(fd);
	}
	static const char *const left[] = {"flows.jsonl", "requests.jsonl", "profiles.jsonl", "packets.pcapng"};
	for (size_t i = 0; i < SP_ARRAY_SIZE(left); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, left[i]);
		unlink(path);
	}
	CHECK(!rmdir(dir));
	sp_buf_free(&buf);
}

int main(void)
{
	RUN(of_all_packets);
	RUN(of_a_ring);
	RUN(without_a_trigger);
	RUN(cut_to_size);
	RUN(a_budget_that_is_used_up);
	RUN(sections);
	RUN(files);
	return check_done();
}
