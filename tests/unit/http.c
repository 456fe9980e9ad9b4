/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP and others with headers share – status, endpoints, what is shown of targets, trace contexts – and heads
 * that are too long for a vector. */
#include "tests/check.h"
#include "tests/parsers/feed.h"

#include "parsers/http.h"

static uint8_t scratch[4096];
static struct sp_arena arena = {.p = scratch, .size = sizeof scratch};

/* As text, from a block that ends where its bytes end. */
static const char *text_of(struct sp_slice s)
{
	static char text[4096];
	size_t n = SP_MIN(s.n, sizeof text - 1);
	if (n)
		memcpy(text, s.p, n);
	text[n] = 0;
	return text;
}

static struct sp_slice exact(const char *text)
{
	size_t n = strlen(text);
	uint8_t *p = malloc(n ? n : 1);
	memcpy(p, text, n);
	return (struct sp_slice){p, n};
}

static void status(void)
{
	CHECK_EQ(sp_http_status(200), SP_STATUS_OK);
	CHECK_EQ(sp_http_status(304), SP_STATUS_OK);
	CHECK_EQ(sp_http_status(499), SP_STATUS_CLIENT_ERROR);
	CHECK_EQ(sp_http_status(500), SP_STATUS_SERVER_ERROR);
	CHECK_EQ(sp_http_status(599), SP_STATUS_SERVER_ERROR);
	CHECK_EQ(sp_http_status(600), SP_STATUS_UNKNOWN);
	CHECK_EQ(sp_http_status(0), SP_STATUS_UNKNOWN);
}

static void without_case(void)
{
	CHECK(sp_slice_is_nocase(SP_TEXT("Content-LENGTH"), "content-length"));
	CHECK(sp_slice_is_nocase(SP_TEXT("API_Key"), "api_key"));
	CHECK(sp_slice_is_nocase(SP_TEXT("x-api_key"), "x-api_key"));
	CHECK(sp_slice_is_nocase(SP_TEXT(""), ""));
	CHECK(!sp_slice_is_nocase(SP_TEXT("content\rlength"), "content-length"));
	CHECK(!sp_slice_is_nocase(SP_TEXT("Content-Lengthx"), "content-length"));
	CHECK(!sp_slice_is_nocase(SP_TEXT("Content-Lengti"), "content-length"));
	CHECK(!sp_slice_is_nocase(SP_TEXT("api\x7fkey"), "api_key"));
}

static void endpoint_is(const char *target, const char *want)
{
	struct sp_slice in = exact(target);
	sp_arena_reset(&arena);
	CHECK_STR(text_of(sp_http_endpoint(&arena, in)), want);
	free((void *)in.p);
}

static void endpoints(void)
{
	endpoint_is("/", "/");
	endpoint_is("*", "*");
	endpoint_is("", "");
	endpoint_is("/api/v2/users", "/api/v2/users");
	endpoint_is("/order/12345?x=1", "/order/{id}");
	endpoint_is("/order/12345/items/7/", "/order/{id}/items/{id}/");
	endpoint_is("//1//a", "//{id}//a");
	endpoint_is("/u/6ba7b810-9dad-11d1-80b4-00c04fd430c8/x", "/u/{id}/x");
	endpoint_is("/c/d670460b4b4aece5915caf5c68d12f560a9fe3e4", "/c/{id}"); /* SHA-1 */
	endpoint_is("/o/507f1f77bcf86cd799439011", "/o/{id}");		       /* ObjectId */
	endpoint_is("/l/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/l/{id}");	       /* ULID */
	endpoint_is("/n/V1StGXR8_Z5jdHi6B-myT", "/n/{id}");		       /* nanoid */
	endpoint_is("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
		    "/t/{id}"); /* JWT */
	endpoint_is("/report/2024-01-31", "/report/{id}");
	endpoint_is("/invoice/ORD-123456", "/invoice/{id}");
	endpoint_is("/ip/192.0.2.1", "/ip/{id}");
	endpoint_is("/deface/facade/decade", "/deface/facade/decade");
	endpoint_is("/oauth2/base64/sha256/log4j/iso8601", "/oauth2/base64/sha256/log4j/iso8601");
	endpoint_is("/getUserAccountInformationList2", "/getUserAccountInformationList2");
	endpoint_is("/how-to-install-it-on-debian-12-bookworm", "/how-to-install-it-on-debian-12-bookworm");
	endpoint_is("/img/12345.jpg", "/img/{id}.jpg");
	endpoint_is("/js/main.3f2a1b9c.js", "/js/main.{id}.js");
	endpoint_is("/js/jquery-3.6.0.min.js", "/js/jquery-3.6.0.min.js");
	endpoint_is("/a;jsessionid=12/b", "/a");
	endpoint_is("/a#b", "/a");
	endpoint_is("http://u:p@h:80/x/1", "/x/{id}");
	endpoint_is("http://h", "/");
	endpoint_is("http://h?q", "/");
	endpoint_is("u:p@h:443", "h:443");
}

static void target_is(const char *target, bool reveal, const char *want)
{
	struct sp_slice in = exact(target);
	sp_arena_reset(&arena);
	CHECK_STR(text_of(sp_http_target(&arena, in, reveal)), want);
	free((void *)in.p);
}

static void targets(void)
{
	target_is("", false, "");
	target_is("/a?b=c&d=e", false, "/a?b=c&d=e");
	target_is("/a?token=x", false, "/a?token=?");
	target_is("/a?CSRF-Token=x&b=1;secret=y#z", false, "/a?CSRF-Token=?&b=1;secret=?#z");
	target_is("/a?api_key=1&apiKey=2&api-key=3&monkey=4", false, "/a?api_key=?&apiKey=?&api-key=?&monkey=4");
	target_is("/a?X-Amz-Signature=9&X-Amz-Credential=8&X-Amz-Date=7", false,
		  "/a?X-Amz-Signature=?&X-Amz-Credential=?&X-Amz-Date=7");
	target_is("/a?sig=1&design=2&pwd=3&kpwd=4", false, "/a?sig=?&design=2&pwd=?&kpwd=4");
	target_is("/a?token=x&passwd=y", true, "/a?token=x&passwd=?");
	target_is("/a?token=&token", false, "/a?token=&token");
	target_is("/cb#access_token=x&state=1", false, "/cb#access_token=?&state=1");
	target_is("/a/password=x", false, "/a/password=x");
	target_is("http://u:p@h/?a=1", true, "http://?@h/?a=1");
	target_is("u:p@h:443", false, "?@h:443");
	target_is("/a?mail=u@h", false, "/a?mail=u@h");
	target_is("http://h/x@y", false, "http://h/x@y");
	CHECK_STR(text_of(sp_http_auth_scheme(SP_TEXT("Bearer abc"))), "Bearer");
	CHECK_STR(text_of(sp_http_auth_scheme(SP_TEXT("AWS4-HMAC-SHA256 Credential=x"))), "AWS4-HMAC-SHA256");
	CHECK_STR(text_of(sp_http_auth_scheme(SP_TEXT("secret"))), "?");
	CHECK_STR(text_of(sp_http_auth_scheme(SP_TEXT("a:b c"))), "?");
	CHECK_STR(text_of(sp_http_auth_scheme(SP_TEXT(""))), "?");
	CHECK_STR(text_of(sp_http_first(SP_TEXT(" a , b"))), "a");
}

static struct sp_parse parsed;
static const uint8_t *kept[16]; /* what the slots of `parsed` point into */
static unsigned n_kept;

static struct sp_slice keep(const char *text)
{
	struct sp_slice s = exact(text);
	CHECK(n_kept < SP_ARRAY_SIZE(kept));
	kept[n_kept++] = s.p;
	return s;
}

static bool header(const char *name, const char *value, bool response)
{
	return sp_trace_header(&parsed, keep(name), keep(value), response);
}

/* A new message. */
static void message(void)
{
	while (n_kept)
		free((void *)kept[--n_kept]);
	sp_arena_reset(&arena);
	parsed.arena = &arena;
	sp_msg_begin(&parsed, SP_MSG_REQUEST, SP_PART_WHOLE);
}

static void context_is(const char *trace, const char *span, const char *parent)
{
	CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_TRACE_ID)), trace);
	CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_SPAN_ID)), span);
	CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_PARENT_SPAN_ID)), parent);
}

static void one(const char *name, const char *value, const char *trace, const char *span, const char *parent)
{
	message();
	CHECK(header(name, value, false));
	context_is(trace, span, parent);
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define ZEROS "0000000000000000"

static void w3c(void)
{
	one("traceparent", "00-" TRACE "-" SPAN "-01", TRACE, SPAN, "");
	one("TraceParent", "cc-" TRACE "-" SPAN "-01-what-comes", TRACE, SPAN, "");
	static const char *const wrong[] = {
		"",
		"00-" TRACE "-" SPAN,
		"00-" TRACE "-" SPAN "-01-x",
		"01-" TRACE "-" SPAN "-01x",
		"ff-" TRACE "-" SPAN "-01",
		"00-" ZEROS ZEROS "-" SPAN "-01",
		"00-" TRACE "-" ZEROS "-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
		"00-" TRACE "-" SPAN "-0g",
		"00." TRACE "-" SPAN "-01",
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(wrong); i++)
		one("traceparent", wrong[i], "", "", "");
}

static void b3(void)
{
	one("b3", TRACE "-" SPAN "-1-05e3ac9a4f6e3b90", TRACE, SPAN, "05e3ac9a4f6e3b90");
	one("B3", SPAN "-" SPAN, SPAN, SPAN, "");
	one("b3", "0", "", "", "");
	one("b3", "d", "", "", "");
	one("b3", TRACE "-1", "", "", "");
	message();
	CHECK(header("X-B3-TraceId", TRACE, false) && header("X-B3-SpanId", SPAN, false));
	CHECK(header("X-B3-ParentSpanId", "05e3ac9a4f6e3b90", false));
	context_is(TRACE, SPAN, "05e3ac9a4f6e3b90");
	message();
	CHECK(header("X-B3-TraceId", "no", false));
	context_is("", "", "");
}

static void others(void)
{
	one("uber-trace-id", "abcdef0123456789:11:22:1", "abcdef0123456789", "11", "22");
	one("uber-trace-id", "abcdef0123456789%3A11%3a0%3A1", "abcdef0123456789", "11", "");
	one("uber-trace-id", "abc:0:0:1", "", "", "");
	one("uber-trace-id", "abc:1:0", "", "", "");
	/* a12445.1 and b62.3 */
	one("sw8", "1-YTEyNDQ1LjE=-YjYyLjM=-3-c3Zj-aQ==-L2U=-aDox", "a12445.1", "b62.3-3", "");
	one("sw8", "0-YTEyNDQ1LjE-YjYyLjM-0", "a12445.1", "b62.3-0", "");
	one("sw8", "1-YTEyN*Q1LjE=-YjYyLjM=-3-x", "", "", "");
	one("sw8", "1-YTEyNDQ1LjE=-YjYyLjM=-x-x", "", "", "");
	one("sw8", "1-YTEyNDQ1LjE=", "", "", "");
	one("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1",
	    "1-67891233-abcdef012345678912345678", "53995c3f42cd8ad8", "");
	one("X-Amzn-Trace-Id", "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678",
	    "1-67891233-abcdef012345678912345678", "1-67891234-12456789abcdef012345678", "");
	one("X-Amzn-Trace-Id", "Sampled=1", "", "", "");
	message();
	CHECK(header("x-datadog-trace-id", "5208512171318403364", false) && header("x-datadog-parent-id", "77", false));
	context_is("5208512171318403364", "77", "");
	one("x-datadog-trace-id", "0", "", "", "");
	one("x-datadog-trace-id", "12a", "", "", "");
	message();
	CHECK(!header("x-trace-id", "1", false) && !header("", "", false) && !header("xyz", "", false));
}

/* W3C's wins; of the others the first. */
static void several(void)
{
	message();
	header("uber-trace-id", "1:2:3:1", false);
	header("b3", TRACE "-" SPAN, false);
	context_is("1", "2", "3");
	header("traceparent", "00-" TRACE "-" SPAN "-01", false);
	header("uber-trace-id", "1:2:3:1", false);
	context_is(TRACE, SPAN, "");
}

/* Two tracers at once: another trace is kept, the same in another form is not, and of three the last is left out. */
static void two_traces(void)
{
	static const struct {
		struct {
			const char *name, *value;
		} header[3];
		const char *trace, *span, *parent, *other;
	} c[] = {
		{{{"traceparent", "00-" TRACE "-" SPAN "-01"}, {"b3", "1234567890abcdef-11234567890abcde-1"}},
		 TRACE,
		 SPAN,
		 "",
		 "1234567890abcdef"},
		{{{"b3", "1234567890abcdef-11234567890abcde-1"}, {"traceparent", "00-" TRACE "-" SPAN "-01"}},
		 TRACE,
		 SPAN,
		 "",
		 "1234567890abcdef"},
		{{{"sw8", "1-YTEyNDQ1LjE=-YjYyLjM=-3-x"}, {"uber-trace-id", "1:2:3:1"}, {"b3", TRACE "-" SPAN}},
		 "a12445.1",
		 "b62.3-3",
		 "",
		 "1"},
		{{{"b3", "1234567890abcdef-11234567890abcde-1"},
		  {"uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:2:3:1"},
		  {"traceparent", "00-" TRACE "-" SPAN "-01"}},
		 TRACE,
		 SPAN,
		 "",
		 "1234567890abcdef"},
		{{{"traceparent", "00-" TRACE "-" SPAN "-01"},
		  {"X-B3-TraceId", "1234567890abcdef"},
		  {"X-B3-ParentSpanId", "05e3ac9a4f6e3b90"}},
		 TRACE,
		 SPAN,
		 "",
		 "1234567890abcdef"},
		/* 11803532876627986230 is a3ce929d0e0e4736. */
		{{{"traceparent", "00-" TRACE "-" SPAN "-01"},
		  {"x-datadog-trace-id", "11803532876627986230"},
		  {"X-Amzn-Trace-Id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"}},
		 TRACE,
		 SPAN,
		 "",
		 ""},
		{{{"traceparent", "00-" TRACE "-" SPAN "-01"},
		  {"X-B3-TraceId", TRACE},
		  {"X-B3-ParentSpanId", "05e3ac9a4f6e3b90"}},
		 TRACE,
		 SPAN,
		 "05e3ac9a4f6e3b90",
		 ""},
		{{{"sw8", "1-YTEyNDQ1LjE=-YjYyLjM=-3-x"}, {"sw8", "1-YTEyNDQ1LjE=-YjYyLjM=-4-x"}},
		 "a12445.1",
		 "b62.3-3",
		 "",
		 ""},
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(c); i++) {
		message();
		for (unsigned k = 0; k < 3 && c[i].header[k].name; k++)
			CHECK(header(c[i].header[k].name, c[i].header[k].value, false));
		context_is(c[i].trace, c[i].span, c[i].parent);
		CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_OTHER_TRACE_ID)), c[i].other);
	}
}

static void responses(void)
{
	message();
	header("traceresponse", "00-" TRACE "-" SPAN "-01", true);
	header("x-b3-spanid", SPAN, true);
	header("X-Request-ID", "r", true);
	context_is(TRACE, "", "");
	CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_X_REQUEST_ID_RESPONSE)), "r");
	CHECK_STR(text_of(sp_msg_slot(&parsed.msg, SP_SLOT_X_REQUEST_ID_REQUEST)), "");
}

/* --- long heads: pieces of different sizes give the same */

extern const struct sp_parser sp_http_parser;

static char long_text[80000];

static void repeat(const char *piece, size_t times)
{
	for (size_t i = 0; i < times; i++)
		strcat(long_text, piece);
}

static char *fed(size_t piece, unsigned side)
{
	struct feed f;
	size_t n = strlen(long_text);
	feed_init(&f, &sp_http_parser);
	for (size_t at = 0; at < n; at += piece)
		feed_bytes(&f, side, long_text + at, SP_MIN(piece, n - at), at + piece >= n, false);
	char *text = strdup(f.text);
	feed_free(&f);
	return text;
}

static void same_in_pieces(const char *want_end, unsigned side)
{
	static const size_t pieces[] = {1, 7, 536, 1448, 8192, 16384, 16385, 65536};
	char *whole = fed(sizeof long_text, side);
	size_t n = strlen(whole), end = strlen(want_end);
	if (!CHECK(n >= end && !strcmp(whole + n - end, want_end)))
		printf("# got %s\n", whole);
	for (size_t i = 0; i < SP_ARRAY_SIZE(pieces); i++) {
		char *text = fed(pieces[i], side);
		if (!CHECK_STR(text, whole))
			printf("# in pieces of %zu bytes\n", pieces[i]);
		free(text);
	}
	free(whole);
}

static const char next[] = "GET /next HTTP/1.1\r\n\r\n";
static const char next_found[] = "> request app_version=1.1 method=GET resource=/next endpoint=/next bytes=22\n";

static void long_heads(void)
{
	strcpy(long_text, "POST /many HTTP/1.1\r\nUser-Agent: t\r\n");
	repeat("X-Filler: 0123456789 0123456789 0123456789 0123456789\r\n", 600);
	repeat("Content-Length: 5\r\nTraceparent: 00-" TRACE "-" SPAN "-01\r\n\r\nhello", 1);
	repeat(next, 1);
	char want[512];
	snprintf(want, sizeof want,
		 "> request app_version=1.1 method=POST resource=/many endpoint=/many trace_id=" TRACE " span_id=" SPAN
		 " bytes=%zu user_agent.original=t http.request.body.size=5\n%s",
		 strlen(long_text) - 22, next_found);
	same_in_pieces(want, SP_CLIENT);
}

static void long_lines(void)
{
	strcpy(long_text, "POST /cookie HTTP/1.1\r\nCookie: a=");
	repeat("0123456789", 3000);
	repeat("\r\n folded on\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: ", 1);
	repeat("0123456789", 2000);
	repeat("\r\nX-Request-Id: t\r\n\r\n", 1);
	repeat(next, 1);
	char want[512];
	snprintf(want, sizeof want,
		 "> request app_version=1.1 method=POST resource=/cookie endpoint=/cookie x_request_id_request=t "
		 "bytes=%zu "
		 "http.request.header.cookie=?\n%s",
		 strlen(long_text) - 22, next_found);
	same_in_pieces(want, SP_CLIENT);
}

static void long_targets(void)
{
	strcpy(long_text, "GET /search?q=");
	repeat("0123456789", 4000);
	repeat(" HTTP/1.1\r\nHost: h\r\n\r\n", 1);
	repeat(next, 1);
	same_in_pieces(next_found, SP_CLIENT);
	strcpy(long_text, "HTTP/1.1 200 OK\r\nSet-Cookie: ");
	repeat("0123456789", 4000);
	repeat("\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n", 1);
	same_in_pieces("< response app_version=1.1 code=204 status=ok bytes=27\n", SP_SERVER);
}

/* What belongs to no message is passed over, but not for ever. */
static void junk(void)
{
	strcpy(long_text, next);
	repeat("no message, just words\n", 1000);
	repeat("0123456789", 2000);
	repeat("\n", 1);
	repeat(next, 1);
	same_in_pieces(next_found, SP_CLIENT);
	strcpy(long_text, "HTTP/1.1 204 No Content\r\n\r\n");
	repeat("0123456789", 3000);
	repeat("HTTP/1.1 204 No Content\r\n\r\n", 1);
	same_in_pieces("< response app_version=1.1 code=204 status=ok bytes=27\n", SP_SERVER);
}

/* --- joined in the middle */

extern const struct sp_parser sp_websocket_parser;

static size_t resynced(const struct sp_parser *parser, unsigned side, struct sp_slice in)
{
	struct feed f;
	feed_init(&f, parser);
	uint8_t *copy = malloc(in.n);
	memcpy(copy, in.p, in.n);
	f.p = (struct sp_parse){.in = {copy, in.n}, .state = f.state, .side = (uint8_t)side, .transport = SP_TCP};
	size_t at = parser->resync(&f.p);
	free(copy);
	feed_free(&f);
	return at;
}

static void joined(void)
{
	CHECK_EQ(resynced(&sp_http_parser, SP_CLIENT, SP_TEXT("a=b\r\nGET / HTTP/1.1\r\n\r\n")), 5);
	CHECK_EQ(resynced(&sp_http_parser, SP_CLIENT, SP_TEXT("BREW pot HTTP/1.1\r\n\r\n")), 0);
	CHECK_EQ(resynced(&sp_http_parser, SP_CLIENT, SP_TEXT("SHOUTING words\r\nand others\r\n")), SP_RESYNC_NONE);
	CHECK_EQ(resynced(&sp_http_parser, SP_SERVER, SP_TEXT("HTTP/1.1 200 OK\r\n\r\n")), 0);
	CHECK_EQ(resynced(&sp_http_parser, SP_SERVER, SP_TEXT("0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")), 5);
	CHECK_EQ(resynced(&sp_http_parser, SP_SERVER, SP_TEXT("says HTTP/1.1 200 OK\n")), SP_RESYNC_NONE);
	CHECK_EQ(resynced(&sp_websocket_parser, SP_SERVER, SP_TEXT("\x81\x02hi\x8a\x00")), 0);
	CHECK_EQ(resynced(&sp_websocket_parser, SP_SERVER, SP_TEXT("\x81\x02hi\x8a")), SP_RESYNC_NONE);
	CHECK_EQ(resynced(&sp_websocket_parser, SP_CLIENT, SP_TEXT("\x81\x02hi")), SP_RESYNC_NONE);
}

int main(void)
{
	RUN(status);
	RUN(without_case);
	RUN(endpoints);
	RUN(targets);
	RUN(w3c);
	RUN(b3);
	RUN(others);
	RUN(several);
	RUN(two_traces);
	RUN(responses);
	message();
	RUN(long_heads);
	RUN(long_lines);
	RUN(long_targets);
	RUN(junk);
	RUN(joined);
	return check_done();
}
