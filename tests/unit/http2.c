/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2's parser on header blocks that are too long for a vector. */
#include "tests/check.h"
#include "tests/parsers/feed.h"

extern const struct sp_parser sp_http2_parser;

static uint8_t bytes[1 << 20];
static size_t size;

static void put(const void *p, size_t n)
{
	memcpy(bytes + size, p, n);
	size += n;
}

static void frame(size_t n, uint8_t type, uint8_t flags, uint8_t stream)
{
	uint8_t header[9] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type, flags, 0, 0, 0, stream};
	put(header, sizeof header);
}

/* A literal that is not added to the table: "a: xx…", n bytes of value. */
static size_t field(uint8_t *to, size_t n)
{
	size_t at = 3;
	memcpy(to, "\x00\x01\x61", 3);
	to[at++] = 127;
	for (n -= 127; n > 127; n >>= 7)
		to[at++] = (uint8_t)(n | 128);
	to[at++] = (uint8_t)n;
	return at;
}

/* In pieces of 1,000 bytes. */
static void play(struct feed *f)
{
	feed_init(f, &sp_http2_parser);
	for (size_t at = 0; at < size; at += 1000)
		feed_bytes(f, SP_CLIENT, bytes + at, SP_MIN(size - at, (size_t)1000), at + 1000 >= size, false);
}

/* GET with 40 fields of 1,000 bytes, some over a border, in one frame or in many. */
static void a_long_block(void)
{
	for (size_t piece = 700; piece < 100000; piece = piece * 3 + 1) {
		static uint8_t block[65536];
		size_t n = 1;
		struct feed f;
		char want[256];
		*block = 0x82;
		for (unsigned i = 0; i < 40; i++) {
			n += field(block + n, 1000);
			memset(block + n, 'x', 1000);
			n += 1000;
		}
		memcpy(block + n, "\x44\x02/a", 4);
		n += 4;
		size = 0;
		for (size_t at = 0; at < n; at += piece) {
			size_t k = SP_MIN(piece, n - at);
			frame(k, at ? 9 : 1, (at ? 0 : 1) | (at + k == n ? 4 : 0), 1);
			put(block + at, k);
		}
		snprintf(want, sizeof want,
			 "> request app_version=2 method=GET resource=/a endpoint=/a correlation=1 id=1 bytes=%zu\n",
			 size);
		play(&f);
		CHECK_STR(f.text, want);
		CHECK(f.calls < 4 * size / 700 + 200);
		feed_free(&f);
	}
}

/* One that is longer than what is carried: the rest of its block is unknown, and what was in the table. */
static void a_long_field(void)
{
	static uint8_t head[16], zeros[40000];
	size_t n = field(head, sizeof zeros);
	struct feed f;
	size = 0;
	frame(8, 1, 5, 1);
	put("\x82\x86\x44\x02/a\x84\x84", 8);
	frame(1 + n + sizeof zeros, 1, 5, 3);
	put("\x82", 1);
	put(head, n);
	put(zeros, sizeof zeros);
	frame(2, 1, 5, 5);
	put("\x82\xbe", 2);
	play(&f);
	const char *second = strchr(f.text, '\n'), *third = second ? strchr(second + 1, '\n') : NULL;
	CHECK(third && strstr(second, "method=GET correlation=3 id=3 bytes=40017 http2.hpack.unknown=1\n"));
	CHECK(third && strstr(third, "method=GET correlation=5 id=5 bytes=11 http2.hpack.unknown=1\n"));
	feed_free(&f);
}

/* Nothing but beginnings of frames inside a field: not read again and again. */
static void a_flood(void)
{
	struct feed f;
	size = 0;
	frame(3, 1, 1, 1);
	put("\x82\x44\x05", 3);
	for (unsigned i = 0; i < 100000; i++)
		frame(0, 9, i == 99999 ? 4 : 0, 1);
	play(&f);
	CHECK_STR(f.text, "> request app_version=2 method=GET correlation=1 id=1 bytes=900012 http2.hpack.unknown=1\n");
	CHECK(f.calls < 101000);
	feed_free(&f);
}

int main(void)
{
	RUN(a_long_block);
	RUN(a_long_field);
	RUN(a_flood);
	return check_done();
}
