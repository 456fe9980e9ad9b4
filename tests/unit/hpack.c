/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK against the RFC's own examples, tables that were not seen from their beginning, and damage. fuzz_hpack compares
 * with nghttp2. */
#include "parsers/hpack.h"
#include "tests/check.h"

static uint8_t scratch[16384];
static char text[8192];

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	for (unsigned byte; *hex; hex += *hex == ' ')
		if (sscanf(hex, "%2x", &byte) == 1) {
			out[n++] = (uint8_t)byte;
			hex += 2;
		}
	return n;
}

/* All fields of a block, "name: value" a line. */
static const char *block(struct sp_hpack *h, const char *hex)
{
	uint8_t bytes[1024];
	struct sp_slice in = {bytes, from_hex(hex, bytes)};
	struct sp_arena a = {.p = scratch, .size = sizeof scratch};
	struct sp_hpack_field f;
	int n = 0;
	*text = 0;
	while (in.n) {
		enum sp_hpack_got got = sp_hpack_next(h, &in, &a, &f);
		if (got == SP_HPACK_NONE)
			break;
		if (got != SP_HPACK_FIELD)
			return got == SP_HPACK_SHORT ? "short" : "wrong";
		struct sp_slice value = sp_hpack_value(&f, &a);
		n += snprintf(text + n, sizeof text - (size_t)n, "%.*s%s: %.*s%s\n", (int)f.name.n,
			      (const char *)f.name.p, f.name_unknown ? "?" : "", (int)value.n, (const char *)value.p,
			      f.value_unknown ? "?" : "");
	}
	return text;
}

/* RFC 7541 C.3 and C.4: three requests, without and with Huffman code. */
static void requests_of_the_rfc(void)
{
	static const char *const hex[2][3] = {
		{"828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
		 "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"},
		{"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
		 "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"},
	};
	for (unsigned i = 0; i < 2; i++) {
		struct sp_hpack h = {0};
		CHECK_STR(block(&h, hex[i][0]), ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n");
		CHECK(h.size == 57);
		CHECK_STR(block(&h, hex[i][1]), ":method: GET\n:scheme: http\n:path: /\n:authority: "
						"www.example.com\ncache-control: no-cache\n");
		CHECK(h.size == 110);
		CHECK_STR(block(&h, hex[i][2]), ":method: GET\n:scheme: https\n:path: /index.html\n"
						":authority: www.example.com\ncustom-key: custom-value\n");
		CHECK(h.size == 164 && h.count == 3);
	}
}

/* RFC 7541 C.6: a table of 256 bytes, entries have to go. */
static void responses_of_the_rfc(void)
{
	struct sp_hpack h = {.limited = true, .limit = 256};
	CHECK_STR(block(&h, "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
			    "0b97c8e9"
			    "ae82ae43d3"),
		  ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"
		  "location: https://www.example.com\n");
	CHECK(h.size == 222);
	CHECK_STR(block(&h, "4883640effc1c0bf"),
		  ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"
		  "location: https://www.example.com\n");
	CHECK(h.size == 222);
	CHECK_STR(block(&h, "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
			    "dfcd5b3960d5af"
			    "27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"),
		  ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n"
		  "location: https://www.example.com\ncontent-encoding: gzip\n"
		  "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n");
	CHECK(h.size == 215 && h.count == 3);
}

/* Joined in the middle: what was added before is unknown, what is added now is known, by its age. */
static void an_unknown_table(void)
{
	struct sp_hpack h = {0};
	CHECK_STR(block(&h, "82be"), ":method: GET\n?: ?\n");
	CHECK_STR(block(&h, "4101 61"), ":authority: a\n");
	CHECK_STR(block(&h, "bebf"), ":authority: a\n?: ?\n");
	CHECK_STR(block(&h, "7f000162"), "?: b\n"); /* a new value under an unknown name: 63 */
	CHECK_STR(block(&h, "bebf"), "?: b\n:authority: a\n");
	sp_hpack_forget(&h);
	CHECK_STR(block(&h, "be"), "?: ?\n");
	CHECK_STR(block(NULL, "824101 61be"), ":method: GET\n:authority: a\n?: ?\n");
}

/* The ends may agree on more than is kept: what does not fit holds its place, without its value. */
static void a_larger_table(void)
{
	struct sp_hpack h = {0};
	static uint8_t field[5000] = {0x41, 0x7f, 0x91, 0x25}; /* :authority, 4,880 bytes */
	struct sp_slice in = {field, 4 + 4880};
	struct sp_arena a = {.p = scratch, .size = sizeof scratch};
	struct sp_hpack_field f;
	CHECK_STR(block(&h, "4101 61"), ":authority: a\n");
	CHECK(sp_hpack_next(&h, &in, &a, &f) == SP_HPACK_FIELD && !in.n && f.value.n == 4880);
	CHECK(!h.count); /* larger than the table: nothing stays */
	CHECK_STR(block(&h, "3fe1ff03 4101 61"), ":authority: a\n");
	CHECK(h.limit == 65536);
	in = (struct sp_slice){field, 4 + 4880};
	CHECK(sp_hpack_next(&h, &in, &a, &f) == SP_HPACK_FIELD);
	CHECK_STR(block(&h, "bebf"), ":authority: ?\n:authority: a\n");
	CHECK_STR(block(&h, "20"), "");
	CHECK(!h.count && !h.size);
}

/* More entries than fit, many times over: the newest are there, in their order. */
static void it_goes_round(void)
{
	struct sp_hpack h = {0};
	for (unsigned i = 0; i < 5000; i++) {
		char hex[256], want[128];
		unsigned n = i % 61;
		int at = snprintf(hex, sizeof hex, "4002%02x%02x%02x", 'a' + i % 26, 'a' + i / 26 % 26, n);
		for (unsigned k = 0; k < n; k++)
			at += snprintf(hex + at, sizeof hex - (size_t)at, "%02x", 'A' + i % 26);
		block(&h, hex);
		CHECK(h.size <= 4096);
		unsigned back = i % 40, was = i - back, len = was % 61;
		if (i < 40)
			continue;
		at = snprintf(want, sizeof want, "%c%c: ", 'a' + was % 26, 'a' + was / 26 % 26);
		memset(want + at, 'A' + was % 26, len);
		memcpy(want + at + len, "\n", 2);
		snprintf(hex, sizeof hex, "%02x", 0x80 + 62 + back);
		if (!CHECK_STR(block(&h, hex), want))
			return;
	}
}

static void damage(void)
{
	struct sp_hpack h = {0};
	CHECK_STR(block(&h, "80"), "wrong");		     /* index 0 */
	CHECK_STR(block(&h, "ffffffffffffff00"), "wrong");   /* an index without end */
	CHECK_STR(block(&h, "41 81 00"), "wrong");	     /* padded with zeros */
	CHECK_STR(block(&h, "41 84 ff ff ff ff"), "wrong");  /* the end of string */
	CHECK_STR(block(&h, "41 82 1f ff"), "wrong");	     /* "a", 11 bits of padding */
	CHECK_STR(block(&h, "41 81 1f"), ":authority: a\n"); /* "a" */
	CHECK_STR(block(&h, "41 05 61"), "short");
	CHECK_STR(block(&h, "7f"), "short");
	CHECK_STR(block(&h, "40 01"), "short");
	CHECK(h.count == 1);
}

/* What a field says that it needs is never more than it has, nor less than one byte more. */
static void it_says_what_it_needs(void)
{
	static const char *const hex = "408825a849e95ba97d7f8925a849e95bb8e8b4bf";
	uint8_t bytes[64];
	size_t n = from_hex(hex, bytes), calls = 0;
	for (size_t have = 1; have < n; calls++) {
		struct sp_hpack h = {0};
		struct sp_slice in = {bytes, have};
		struct sp_arena a = {.p = scratch, .size = sizeof scratch};
		struct sp_hpack_field f;
		CHECK(sp_hpack_next(&h, &in, &a, &f) == SP_HPACK_SHORT && in.n == have);
		CHECK(f.need > have && f.need <= n);
		have = f.need;
	}
	CHECK(calls <= 4);
}

int main(void)
{
	RUN(requests_of_the_rfc);
	RUN(responses_of_the_rfc);
	RUN(an_unknown_table);
	RUN(a_larger_table);
	RUN(it_goes_round);
	RUN(damage);
	RUN(it_says_what_it_needs);
	return check_done();
}
