/* SPDX-License-Identifier: Apache-2.0 */
/* pcap: every form of it, and what becomes of damage. */
#include "tests/unit/capture_make.h"

#define US 0xa1b2c3d4u
#define NS 0xa1b23c4du
#define MODIFIED 0xa1b2cd34u

static struct bytes three_packets(uint32_t magic, bool swap)
{
	struct bytes b = {.swap = swap};
	put_pcap_head(&b, magic, 1);
	put_record(&b, 1700000000, 123456, 60, 60, 10);
	put_record(&b, 1700000001, 0, 64, 1500, 20);
	put_record(&b, 1700000002, 999999, 0, 0, 30);
	return b;
}

static void check_three(const struct readout *r, uint64_t unit)
{
	if (!CHECK_EQ(r->rc, 0) || !CHECK_EQ(r->n, 3))
		return;
	CHECK_EQ(r->pkt[0].ts_ns, 1700000000 * UINT64_C(1000000000) + 123456 * unit);
	CHECK_EQ(r->pkt[0].wire_len, 60);
	CHECK_EQ(r->pkt[0].cap_len, 60);
	CHECK_EQ(r->first[0], 10);
	CHECK_EQ(r->pkt[0].link, SP_LINK_ETHERNET);
	CHECK_EQ(r->pkt[1].ts_ns, 1700000001 * UINT64_C(1000000000));
	CHECK_EQ(r->pkt[1].cap_len, 64);
	CHECK_EQ(r->pkt[1].wire_len, 1500);
	CHECK_EQ(r->first[1], 20);
	CHECK_EQ(r->pkt[2].cap_len, 0);
	CHECK_EQ(r->stats.bytes, 1560);
	CHECK(!r->stats.damaged);
	CHECK_EQ(r->stats.file_bytes, r->stats.file_size);
	CHECK_EQ(r->points.n, 1);
	CHECK_STR(r->points.point[0].name, "file");
	CHECK_EQ(r->points.point[0].kind, SP_POINT_SWITCH);
}

static void forms(void)
{
	for (unsigned flags = 0; flags < 2; flags++)
		for (int swap = 0; swap < 2; swap++) {
			struct bytes us = three_packets(US, swap), ns = three_packets(NS, swap);
			check_three(readout_of(&us, flags), 1000);
			check_three(readout_of(&ns, flags), 1);
			free(us.p);
			free(ns.p);
		}
}

static void modified_records(void)
{
	for (int swap = 0; swap < 2; swap++) {
		struct bytes b = {.swap = swap};
		put_pcap_head(&b, MODIFIED, 113);
		for (unsigned i = 0; i < 3; i++) {
			put32(&b, 100 + i);
			put32(&b, 5);
			put32(&b, 20);
			put32(&b, 30);
			put64(&b, 0x1122334455667788); /* interface, protocol, packet type, padding */
			put_payload(&b, (uint8_t)i, 20);
		}
		struct readout *r = readout_of(&b, 0);
		CHECK_EQ(r->n, 3);
		CHECK_EQ(r->pkt[2].ts_ns, 102000005000);
		CHECK_EQ(r->pkt[2].cap_len, 20);
		CHECK_EQ(r->pkt[2].wire_len, 30);
		CHECK_EQ(r->pkt[2].link, SP_LINK_SLL);
		CHECK_EQ(r->first[2], 2);
		free(b.p);
	}
}

static void frame_check_sequence(void)
{
	struct bytes b = {0};
	put_pcap_head(&b, US, 1 | 0x04000000u | 2u << 28);
	put_record(&b, 1, 0, 64, 64, 0); /* captured with its 4 bytes */
	put_record(&b, 1, 0, 60, 64, 0); /* without */
	put_record(&b, 1, 0, 20, 64, 0);
	put_record(&b, 1, 0, 2, 2, 0);
	struct readout *r = readout_of(&b, 0);
	CHECK_EQ(r->n, 4);
	static const uint32_t cap[] = {60, 60, 20, 0}, wire[] = {60, 60, 60, 0};
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(r->pkt[i].cap_len, cap[i]);
		CHECK_EQ(r->pkt[i].wire_len, wire[i]);
	}
	free(b.p);
}

static void old_versions(void)
{
	for (uint16_t minor = 2; minor <= 4; minor++) {
		struct bytes b = {0};
		put_pcap_head(&b, US, 1);
		memcpy(b.p + 6, &minor, 2);
		bool swapped = minor < 4;
		put_record(&b, 1, 0, swapped ? 90 : 30, swapped ? 30 : 90, 0);
		b.n -= swapped ? 60 : 0;
		struct readout *r = readout_of(&b, 0);
		CHECK_EQ(r->n, 1);
		CHECK_EQ(r->pkt[0].cap_len, 30);
		CHECK_EQ(r->pkt[0].wire_len, 90);
		free(b.p);
	}
}

static void link_types(void)
{
	static const struct {
		uint32_t type;
		enum sp_link link;
	} known[] = {{0, SP_LINK_NULL},	  {1, SP_LINK_ETHERNET}, {9, SP_LINK_PPP},	  {12, SP_LINK_RAW},
		     {14, SP_LINK_RAW},	  {50, SP_LINK_PPP},	 {101, SP_LINK_RAW},	  {105, SP_LINK_REFUSED},
		     {108, SP_LINK_LOOP}, {113, SP_LINK_SLL},	 {127, SP_LINK_REFUSED},  {228, SP_LINK_RAW},
		     {229, SP_LINK_RAW},  {276, SP_LINK_SLL2},	 {65535, SP_LINK_REFUSED}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(known); i++) {
		struct bytes b = {0};
		put_pcap_head(&b, US, known[i].type);
		put_record(&b, 1, 0, 20, 20, 0);
		struct readout *r = readout_of(&b, 0);
		CHECK_EQ(r->n, 1);
		CHECK_EQ(r->pkt[0].link, known[i].link);
		CHECK_EQ(r->stats.refused, known[i].link == SP_LINK_REFUSED);
		free(b.p);
	}
}

/* Every packet that is whole is there, and the message says which is not. */
static void truncation(void)
{
	for (unsigned flags = 0; flags < 2; flags++) {
		struct bytes b = three_packets(US, false);
		size_t ends[] = {24, 24 + 76, 24 + 76 + 80, b.n};
		for (size_t n = 0; n <= b.n; n++) {
			struct bytes cut = {.p = b.p, .n = n};
			struct readout *r = readout_of(&cut, flags);
			if (n < 24) {
				CHECK(r->rc < 0);
				CHECK(strstr(r->err.text, "file.pcap"));
				continue;
			}
			unsigned whole = 0;
			bool at_end = n == 24;
			for (unsigned i = 1; i < 4; i++) {
				whole += n >= ends[i];
				at_end |= n == ends[i];
			}
			CHECK_EQ(r->n, whole);
			CHECK_EQ(r->stats.damaged, !at_end);
			char where[64];
			snprintf(where, sizeof where, "at byte %zu, packet %u: ", ends[whole], whole + 1);
			CHECK(at_end || !strncmp(r->stats.damage, where, strlen(where)));
		}
		free(b.p);
	}
}

static void absurd_lengths(void)
{
	struct bytes b = three_packets(US, false);
	put_record(&b, 1, 0, 10, 0xfffffff0, 0); /* only the wire length is wrong: a packet */
	put_record(&b, 1, 0, 20, 5, 0);		 /* less on the wire than captured */
	size_t at = b.n;
	put_record(&b, 1, 0, 0, 0, 0);
	uint32_t huge = 99999999;
	memcpy(b.p + at + 8, &huge, 4);
	put_payload(&b, 0, 4000);
	struct readout *r = readout_of(&b, 0);
	CHECK_EQ(r->n, 5);
	CHECK_EQ(r->pkt[3].wire_len, 10);
	CHECK_EQ(r->stats.lengths_fixed, 1);
	CHECK_EQ(r->pkt[4].wire_len, 20);
	CHECK(r->stats.damaged);
	CHECK_STR(r->stats.damage, "at byte 258, packet 6: record length 99999999 exceeds 16777216");
	free(b.p);
}

/* A file that ends exactly where its last page does: nothing behind it is mapped. */
static void end_of_page(void)
{
	struct bytes b = {0};
	put_pcap_head(&b, US, 1);
	unsigned n = 0;
	for (; b.n + 16 + 100 + 16 + 400 < 3 * 4096; n++)
		put_record(&b, 1, n, 100, 100, 0);
	uint32_t rest = (uint32_t)(3 * 4096 - b.n - 16);
	put_record(&b, 1, n, rest, rest, 0);
	for (size_t cut = 0; cut < 40; cut++) {
		struct bytes page = {.p = b.p + 0, .n = b.n};
		CHECK_EQ(page.n % 4096, 0);
		uint32_t len = rest + (uint32_t)cut; /* the last record claims more than there is */
		memcpy(b.p + b.n - rest - 8, &len, 4);
		CHECK_EQ(readout_of(&page, 0)->n, cut ? n : n + 1);
	}
	free(b.p);
}

/* Nothing that a capture could be. */
static void not_captures(void)
{
	static const char *const text[] = {"", "abc", "PK\3\4....", "hello, world, this is not a capture file at all",
					   "\x0a\x0d\x0d\x0a\x1c\0\0\0nonsense...................."};
	static const char *const says[] = {"not a capture", "ends at once", "zip", "begins with 68 65 6c 6c",
					   "byte order magic"};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(text); i++)
		for (unsigned flags = 0; flags < 2; flags++) {
			size_t n = i == 4 ? 36 : strlen(text[i]);
			struct bytes b = {.p = (uint8_t *)(uintptr_t)text[i], .n = n};
			struct readout *r = readout_of(&b, flags);
			CHECK(r->rc < 0);
			if (!CHECK(strstr(r->err.text, says[i])))
				printf("# %s\n", r->err.text);
			CHECK(strstr(r->err.text, "dir/file.pcap"));
		}
	struct sp_points points = {0};
	struct sp_capture *c;
	struct sp_err err;
	CHECK(sp_capture_open(&c, "/nonexistent/x.pcap", NULL, 0, &points, &err) < 0);
	CHECK(strstr(err.text, "/nonexistent/x.pcap"));
	CHECK(sp_capture_open(&c, "/", NULL, 0, &points, &err) < 0);
}

/* Names: given, of the file, of a second file of the same name. */
static void names(void)
{
	static struct readout r;
	static const char *const path[] = {"a/web.pcap", "b/web.pcap", "c/b/web.cap",
					   "web",	 "x/.pcap",    "p/q.example.pcap.gz"};
	static const char *const point[] = {"web", "b/web", "web#2", "web#3", ".pcap", "q.example"};
	struct bytes b = three_packets(US, false);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(path); i++) {
		read_as(&r, &b, path[i], NULL, 0);
		CHECK_EQ(r.pkt[0].point, i);
		CHECK_STR(r.points.point[i].name, point[i]);
	}
	read_as(&r, &b, "a/web.pcap", "mirror", 0);
	read_as(&r, &b, "b/web.pcap", "mirror", 0);
	CHECK_EQ(r.points.n, SP_ARRAY_SIZE(path) + 1);
	CHECK_STR(r.points.point[r.pkt[0].point].name, "mirror");
	free(b.p);
}

int main(void)
{
	RUN(forms);
	RUN(modified_records);
	RUN(frame_check_sequence);
	RUN(old_versions);
	RUN(link_types);
	RUN(truncation);
	RUN(absurd_lengths);
	RUN(end_of_page);
	RUN(not_captures);
	RUN(names);
	return check_done();
}
