/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "base/addr.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tests/check.h"

static const char *canonical(const char *text)
{
	static char out[SP_ADDR_TEXT_MAX + 1];
	struct sp_addr a;
	if (sp_addr_parse(&a, text))
		return NULL;
	out[sp_addr_format(out, &a)] = 0;
	return out;
}

/* Any address is written as inet_ntop does: every pattern of zero groups, groups of every length. */
static void addresses_as_inet_ntop(void)
{
	static const uint16_t value[] = {1, 0x2a, 0xabc, 0xffff};
	bool good = true;
	for (unsigned zeros = 0; zeros < 256 && good; zeros++)
		for (unsigned v = 0; v < 4 && good; v++) {
			struct sp_addr a;
			char got[SP_ADDR_TEXT_MAX + 1], want[INET6_ADDRSTRLEN];
			for (unsigned i = 0; i < 8; i++) {
				unsigned group = zeros >> i & 1 ? 0 : value[(v + i) % 4];
				a.b[2 * i] = (uint8_t)(group >> 8);
				a.b[2 * i + 1] = (uint8_t)group;
			}
			if (sp_addr_is_v4(&a))
				continue;
			got[sp_addr_format(got, &a)] = 0;
			inet_ntop(AF_INET6, a.b, want, sizeof want);
			good = CHECK_STR(got, want);
		}
}

static void addresses_as_text(void)
{
	CHECK_STR(canonical("192.0.2.1"), "192.0.2.1");
	CHECK_STR(canonical("0.0.0.0"), "0.0.0.0");
	CHECK_STR(canonical("255.255.255.255"), "255.255.255.255");
	CHECK_STR(canonical("::ffff:192.0.2.1"), "192.0.2.1");
	/* RFC 5952 4.1 to 4.3: leading zeros, the longest run, the first of equal runs, no run of one, lower case. */
	CHECK_STR(canonical("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
	CHECK_STR(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
	CHECK_STR(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
	CHECK_STR(canonical("::"), "::");
	CHECK_STR(canonical("::1"), "::1");
	CHECK_STR(canonical("fe80::"), "fe80::");
	CHECK_STR(canonical("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	CHECK_STR(canonical("192.0.2"), NULL);
	CHECK_STR(canonical("192.0.2.256"), NULL);
	CHECK_STR(canonical("1::2::3"), NULL);
	CHECK_STR(canonical(""), NULL);
}

static void cursor_stops_at_the_end(void)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
	struct sp_cursor c = sp_cursor((struct sp_slice){bytes, sizeof bytes});
	CHECK_EQ(sp_cursor_u8(&c), 1);
	CHECK_EQ(sp_cursor_u16(&c), 0x0203);
	CHECK_EQ(sp_cursor_u32(&c), 0x04050607);
	CHECK(!c.bad);
	CHECK_EQ(sp_cursor_left(&c), 0);
	CHECK_EQ(sp_cursor_u8(&c), 0);
	CHECK(c.bad);

	/* The error sticks, although one more byte would be there. */
	c = sp_cursor((struct sp_slice){bytes, 3});
	CHECK_EQ(sp_cursor_u32(&c), 0);
	CHECK_EQ(sp_cursor_u8(&c), 0);
	CHECK(c.bad);
	c = sp_cursor((struct sp_slice){bytes, sizeof bytes});
	CHECK(!sp_cursor_take(&c, SIZE_MAX));
}

static void hash_depends_on_every_byte(void)
{
	uint8_t bytes[40] = {0};
	uint64_t h0 = sp_hash_bytes(bytes, sizeof bytes, 1);
	CHECK(h0 != sp_hash_bytes(bytes, sizeof bytes, 2));
	for (size_t n = 0; n < sizeof bytes; n++) {
		CHECK(sp_hash_bytes(bytes, n, 1) != h0);
		bytes[n] = 1;
		CHECK(sp_hash_bytes(bytes, sizeof bytes, 1) != h0);
		bytes[n] = 0;
	}
	CHECK(sp_hash_bytes(bytes, sizeof bytes, 1) == h0);
}

static void mapped_memory_is_zero(void)
{
	size_t size = 3u << 20;
	uint8_t *p = sp_mem_map(size, SP_MEM_HUGE);
	if (!CHECK(p))
		return;
	CHECK_EQ((uintptr_t)p % 4096, 0);
	for (size_t i = 0; i < size; i += 511)
		if (!CHECK_EQ(p[i], 0))
			break;
	p[0] = p[size - 1] = 1;
	sp_mem_unmap(p, size);
}

int main(void)
{
	RUN(addresses_as_text);
	RUN(addresses_as_inet_ntop);
	RUN(cursor_stops_at_the_end);
	RUN(hash_depends_on_every_byte);
	RUN(mapped_memory_is_zero);
	return check_done();
}
