/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdlib.h>

#include "exporters/encode/json_edge.h"
#include "exporters/encode/text.h"
#include "exporters/exporter.h"
#include "parsers/parser.h"
#include "tests/check.h"

static struct sp_points points;

static const char *encode(const struct sp_encoder *encoder, const struct sp_flow_record *r)
{
	static struct sp_buf buf;
	if (!r) {
		sp_buf_free(&buf);
		return NULL;
	}
	buf.n = 0;
	encoder->record(&buf, &r->head, &points);
	sp_buf_reserve(&buf, 1);
	buf.p[buf.n] = 0;
	return (const char *)buf.p;
}

static struct sp_flow_record record(void)
{
	struct sp_flow_record r = {.head = {sizeof r, SP_RECORD_FLOW, 0}};
	sp_addr_parse(&r.client_ip, "192.0.2.1");
	sp_addr_parse(&r.server_ip, "2001:db8:0:0:1::");
	return r;
}

static const char nothing[] =
	"\"flow_id\":\"0\",\"point\":\"eth0\",\"start_ns\":0,\"end_ns\":0,\"client_ip\":\"192.0.2.1\","
	"\"server_ip\":\"2001:db8:0:0:1::\",\"proto\":\"0\",\"packets_c2s\":0,\"packets_s2c\":0,\"bytes_c2s\":0,"
	"\"bytes_s2c\":0,\"payload_bytes_c2s\":0,\"payload_bytes_s2c\":0,\"close_reason\":\"active\","
	"\"failure\":\"none\",\"direction_confidence\":0,\"requests\":0,\"request_errors\":0}\n";

/* What is not known is left out, never null; a plain record is cut before its layers. */
static void absent(void)
{
	char want[1024];
	struct sp_flow_record r = record();
	snprintf(want, sizeof want, "{%s", nothing);
	CHECK_STR(encode(&sp_encode_json, &r), want);
	r.layers.n_vlan = 1;
	r.head.size = SP_FLOW_RECORD_PLAIN;
	CHECK_STR(encode(&sp_encode_json, &r), want);
	snprintf(want, sizeof want, "{\"record\":\"flow\",%s", nothing);
	CHECK_STR(encode(&sp_encode_json_tagged, &r), want);
	r.head.kind = SP_RECORD_KIND_MAX;
	CHECK_STR(encode(&sp_encode_json, &r), "");
}

static void present(void)
{
	struct sp_flow_record r = record();
	r.point = (uint16_t)sp_points_add(&points, "tap", SP_POINT_SERVER_NODE);
	r.flow_id = UINT64_MAX;
	r.start_ns = UINT64_C(1700000000123456789);
	r.end_ns = UINT64_C(1700000001000000001);
	r.has_ports = r.has_mac = r.is_tcp = r.has_isn_client = r.has_isn_server = 1;
	r.has_rtt_client = r.has_rtt_server = r.community_id = r.one_way = r.midstream = r.capture_gap = 1;
	r.client_port = 65535;
	r.server_port = 80;
	r.proto = IPPROTO_TCP;
	memcpy(r.client_mac.b, "\x02\x00\xab\xcd\xef\x01", 6);
	r.bytes_c2s = 123456789012;
	r.tcp_flags_c2s = 255;
	r.isn_client = UINT32_MAX;
	r.rtt_us = 1000;
	r.srt_us = (struct sp_delay){.count = 2, .sum = 30, .max = 20};
	r.close_reason = SP_CLOSE_SERVER_RST;
	r.failure = SP_FAILURE_SERVER;
	r.direction_confidence = 100;
	r.icmp_errors = r.fragments = r.duplicates = 7;
	const char *line = encode(&sp_encode_json, &r);
	static const char *const parts[] = {
		"{\"flow_id\":\"18446744073709551615\",\"point\":\"tap\",\"kind\":\"server-node\",",
		",\"start_ns\":1700000000123456789,\"end_ns\":1700000001000000001,",
		",\"client_port\":65535,",
		",\"server_port\":80,\"proto\":\"tcp\",\"client_mac\":\"02:00:ab:cd:ef:01\","
		"\"server_mac\":\"00:00:00:00:00:00\",",
		",\"bytes_c2s\":123456789012,",
		",\"tcp_flags_c2s\":255,",
		",\"syn_count\":0,",
		",\"isn_client\":4294967295,\"isn_server\":0,\"retrans_c2s\":0,",
		",\"icmp_errors\":7,\"fragments\":7,\"duplicates\":7,\"rtt_client_us\":0,\"rtt_server_us\":0,"
		"\"rtt_us\":1000,\"srt_us\":{\"count\":2,\"sum\":30,\"max\":20},\"close_reason\":\"server_rst\","
		"\"failure\":\"server\",\"direction_confidence\":100,\"one_way\":true,\"midstream\":true,"
		"\"capture_gap\":true,\"community_id\":\"1:29oa9GMIcMY7vzEhnKHL8NgTXL0=\",",
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(parts); i++)
		if (!CHECK(strstr(line, parts[i])))
			printf("# missing %s\n# in %s", parts[i], line);
}

static void layers(void)
{
	struct sp_flow_record r = record();
	r.layers = (struct sp_layers){.n_vlan = 2, .vlan = {100, 4095}, .n_mpls = 1, .mpls = {1048575}, .n_tunnel = 2};
	r.layers.tunnel[0] = (struct sp_tunnel){.type = SP_TUNNEL_VXLAN, .id = 0, .has_id = 1, .has_addr = 1};
	sp_addr_parse(&r.layers.tunnel[0].src, "10.0.0.1");
	sp_addr_parse(&r.layers.tunnel[0].dst, "fe80::1");
	r.layers.tunnel[1].type = SP_TUNNEL_IPIP;
	CHECK(strstr(encode(&sp_encode_json, &r),
		     ",\"vlan\":[100,4095],\"mpls\":[1048575],\"tunnels\":[{\"type\":\"vxlan\",\"id\":0,"
		     "\"src\":\"10.0.0.1\",\"dst\":\"fe80::1\"},{\"type\":\"ipip\"}]}\n"));
}

static const char *in_string(const char *text, size_t n)
{
	static char out[1024];
	*sp_put_json_string(out, text, n) = 0;
	return out;
}

#define STRING(text) in_string(text, sizeof(text) - 1)

static void strings(void)
{
	CHECK_STR(STRING("plain"), "plain");
	CHECK_STR(STRING("a\"b\\c/d"), "a\\\"b\\\\c/d");
	CHECK_STR(STRING("\b\t\n\f\r\x01\x1f\x7f"), "\\b\\t\\n\\f\\r\\u0001\\u001f\x7f");
	CHECK_STR(STRING("\0"), "\\u0000");
	CHECK_STR(STRING("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
		  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
#define BAD "\xef\xbf\xbd"
	CHECK_STR(STRING("a\xff\x62"), "a" BAD "b");
	CHECK_STR(STRING("\xc3"), BAD);				/* cut */
	CHECK_STR(STRING("\xc0\x80"), BAD BAD);			/* not the shortest form */
	CHECK_STR(STRING("\xe0\x80\x80"), BAD BAD BAD);		/* likewise */
	CHECK_STR(STRING("\xed\xa0\x80"), BAD BAD BAD);		/* surrogate */
	CHECK_STR(STRING("\xf4\x90\x80\x80"), BAD BAD BAD BAD); /* above U+10FFFF */
	CHECK_STR(STRING("\xf0\x9f\x98"), BAD BAD BAD);		/* cut */
}

static void check_number(uint64_t v)
{
	char got[32], want[32];
	*sp_put_u64(got, v) = 0;
	snprintf(want, sizeof want, "%" PRIu64, v);
	CHECK_STR(got, want);
}

/* Small ones, around every power of ten and of two, and at random. */
static void numbers(void)
{
	uint64_t ten = 1;
	for (uint64_t v = 0; v < 1100; v++)
		check_number(v);
	for (int i = 0; i < 20; i++, ten *= 10)
		for (uint64_t d = 0; d < 5; d++)
			check_number(ten + d - 2);
	for (int i = 0; i < 64; i++)
		for (uint64_t d = 0; d < 3; d++)
			check_number((UINT64_C(1) << i) + d - 1);
	uint64_t x = 88172645463325252;
	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		check_number(x >> (i & 63));
	}
}

/* The room that is reserved holds the longest record: valgrind and the address sanitizer would tell. */
static void longest(void)
{
	struct sp_flow_record r;
	memset(&r, 0xff, sizeof r);
	char name[SP_POINT_NAME_MAX];
	memset(name, 1, sizeof name);
	name[sizeof name - 1] = 0;
	r.head = (struct sp_record_head){sizeof r, SP_RECORD_FLOW, 0};
	r.point = (uint16_t)sp_points_add(&points, name, SP_POINT_SERVER_PROCESS);
	r.close_reason = SP_CLOSE_CLIENT_RST_AFTER_RESPONSE;
	r.failure = SP_FAILURE_NETWORK;
	r.layers.n_vlan = r.layers.n_mpls = r.layers.n_tunnel = SP_LAYERS_MAX;
	struct sp_buf buf = {0};
	sp_encode_json_tagged.record(&buf, &r.head, &points);
	CHECK(buf.n > 2000);
	CHECK(buf.n && buf.p[buf.n - 1] == '\n');
	sp_buf_free(&buf);
}

static void point_unknown(void)
{
	struct sp_flow_record r = record();
	r.point = UINT16_MAX;
	CHECK(!strncmp(encode(&sp_encode_json, &r), "{\"flow_id\":\"0\",\"start_ns\":0,", 28));
}

/* Every character at every place of texts of every length around the width at which they are copied. */
static void strings_in_steps_of_eight(void)
{
	for (unsigned n = 0; n < 20; n++)
		for (unsigned at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				char in[24], out[160], want[160], *p = want;
				memset(in, 'x', sizeof in);
				in[at] = (char)c;
				for (unsigned i = 0; i < n; i++)
					if (i != at)
						*p++ = 'x';
					else if (c == '"' || c == '\\')
						p += sprintf(p, "\\%c", c);
					else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
						p += sprintf(p, "\\%c", "btn?fr"[c - '\b']);
					else if (c < 0x20)
						p += sprintf(p, "\\u%04x", c);
					else if (c < 0x80)
						*p++ = (char)c;
					else
						p += sprintf(p, "\xef\xbf\xbd");
				*p = 0;
				*sp_put_json_string(out, in, n) = 0;
				if (strcmp(out, want) && !CHECK_STR(out, want))
					return;
			}
}

static void requests(void)
{
	static union {
		struct sp_request_record r;
		uint64_t room[128];
	} u;
	struct sp_msg m = {0};
	const char *got;
	sp_msg_put(&m, SP_SLOT_METHOD, SP_TEXT("GET"));
	sp_msg_put(&m, SP_SLOT_RESOURCE, SP_TEXT("/a\"b"));
	u.r.head = (struct sp_record_head){sizeof u, SP_RECORD_REQUEST, 0};
	u.r.request_id = 7;
	u.r.app_proto = SP_APP_HTTP;
	u.r.parser = SP_APP_HTTP;
	u.r.type = SP_CALL_TYPE_CALL;
	u.r.status = SP_STATUS_OK;
	sp_msg_extra(&m, 0, SP_TEXT("one"));
	struct sp_texts_look look = sp_texts_look(&m, 100);
	sp_texts_begin(&u.r.texts, &look);
	sp_msg_put(&m, SP_SLOT_RESOURCE, (struct sp_slice){0});
	sp_msg_put(&m, SP_SLOT_CODE, SP_TEXT("200"));
	sp_msg_put(&m, SP_SLOT_METHOD, SP_TEXT("POST"));
	sp_msg_drop_extras(&m);
	sp_msg_extra(&m, 0, SP_TEXT("two"));
	look = sp_texts_look(&m, 3);
	sp_texts_add(&u.r.texts, &look);
	got = encode(&sp_encode_json, (const void *)&u.r);
	CHECK(strstr(got, "\"request_id\":\"7\"") && strstr(got, "\"app_proto\":\"http\",\"type\":\"call\""));
	CHECK(strstr(got, "\"method\":\"POS\",\"resource\":\"/a\\\"b\"") && strstr(got, "\"code\":\"200\""));
	char want[128];
	snprintf(want, sizeof want, "\"attributes\":{\"%s\":\"two\"}}\n", sp_parser(SP_APP_HTTP)->fields[0]);
	CHECK(strstr(got, want));
	CHECK(!strstr(got, "rrt_us") && !strstr(got, "message"));
}

/* What calls of one server have in common is kept: one that was answered in another flow has another server. */
static void answered_elsewhere(void)
{
	struct sp_request_record r = {.head = {sizeof r, SP_RECORD_REQUEST, 0}, .flow_id = 5, .has_ports = 1};
	for (unsigned i = 0; i < 4; i++) {
		sp_addr_parse(&r.client_ip, "0.0.0.0");
		sp_addr_parse(&r.server_ip, i % 2 ? "10.0.0.1" : "255.255.255.255");
		r.response_flow_id = i % 2 ? 6 : 0;
		const char *got = encode(&sp_encode_json, (const void *)&r);
		CHECK(strstr(got, i % 2 ? "\"server_ip\":\"10.0.0.1\"" : "\"server_ip\":\"255.255.255.255\""));
		CHECK(!strstr(got, "\"response_flow_id\":\"6\"") == !(i % 2));
	}
}

static uint64_t random64(void)
{
	static uint64_t state = 1;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (state >> 33) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A number of any size. */
static uint64_t any_number(void)
{
	return random64() >> random64() % 64;
}

/* A call of one of few flows: the next one, or any. */
static void next_call(struct sp_request_record *r)
{
	static const char *const addresses[] = {"10.0.0.1", "2001:db8:1111:2222:3333:4444:5555:6666", "192.0.2.255"};
	bool follows = random64() % 4;
	r->flow_id = random64() % 3 << 12;
	r->has_ports = r->flow_id != 0;
	sp_addr_parse(&r->client_ip, addresses[random64() % 3]);
	sp_addr_parse(&r->server_ip, addresses[r->flow_id >> 12]);
	r->client_port = (uint16_t)(40000 + random64() % 2);
	r->server_port = (uint16_t)(80 + random64() % 2);
	r->proto = random64() % 2 ? IPPROTO_TCP : IPPROTO_UDP;
	r->point = (uint16_t)(random64() % 3);
	r->app_proto = random64() % 2 ? SP_APP_HTTP : SP_APP_REDIS;
	r->type = random64() % SP_CALL_TYPE_MAX;
	r->status = random64() % SP_STATUS_MAX;
	r->request_id = follows ? r->request_id + 1 : any_number();
	r->start_ns = follows ? r->start_ns + random64() % 50000000 : any_number();
	r->end_ns = r->start_ns + any_number() % 1000000000;
	r->has_req_seq = random64() % 4 != 0;
	r->has_resp_seq = random64() % 4 != 0;
	r->req_tcp_seq = (uint32_t)any_number();
	r->resp_tcp_seq = (uint32_t)any_number();
}

/* A key with this number, or not at all. */
static void check_key(const char *line, const char *key, bool there, uint64_t v)
{
	char want[64];
	size_t n = (size_t)snprintf(want, sizeof want, "\"%s\":", key);
	const char *at = strstr(line, want);
	if (!CHECK_EQ(at != NULL, there) || !there)
		return;
	snprintf(want, sizeof want, "%" PRIu64, v);
	CHECK(!strncmp(at + n, want, strlen(want)) && strchr(",}", at[n + strlen(want)]));
}

/* What is kept of servers, times and identifiers changes nothing: every line is that of a buffer of its own. */
static void kept_or_not(void)
{
	static const char *const versions[] = {"", "1.1", "2", "a version longer than what is kept"};
	static union {
		struct sp_request_record r;
		uint64_t room[128];
	} u = {.r = {.head = {sizeof u, SP_RECORD_REQUEST, 0}}};
	struct sp_buf once = {0};
	unsigned wrong = 0;
	for (unsigned i = 0; i < 4000 && !wrong; i++) {
		struct sp_msg m = {0};
		sp_msg_put(&m, SP_SLOT_VERSION, sp_slice_of(versions[random64() % SP_ARRAY_SIZE(versions)]));
		struct sp_texts_look look = sp_texts_look(&m, 100);
		sp_texts_begin(&u.r.texts, &look);
		next_call(&u.r);
		const char *got = encode(&sp_encode_json, (const void *)&u.r);
		sp_buf_free(&once);
		sp_encode_json.record(&once, &u.r.head, &points);
		wrong += strlen(got) != once.n || memcmp(got, once.p, once.n);
		check_key(got, "client_port", u.r.has_ports, u.r.client_port);
		check_key(got, "server_port", u.r.has_ports, u.r.server_port);
		check_key(got, "start_ns", true, u.r.start_ns);
		check_key(got, "end_ns", true, u.r.end_ns);
		check_key(got, "req_tcp_seq", u.r.has_req_seq, u.r.req_tcp_seq);
		check_key(got, "resp_tcp_seq", u.r.has_resp_seq, u.r.resp_tcp_seq);
	}
	CHECK_EQ(wrong, 0);
	sp_buf_free(&once);
}

static void check_bytes(struct sp_buf *buf, const char *want)
{
	CHECK(buf->n == strlen(want) && !memcmp(buf->p, want, buf->n));
	if (buf->n != strlen(want) || memcmp(buf->p, want, buf->n))
		printf("# %.*s", (int)buf->n, (const char *)buf->p);
	sp_buf_free(buf);
	*buf = (struct sp_buf){0};
}

/* What stitching says over many calls and over time. */
static void over_time(void)
{
	struct sp_buf buf = {0};
	struct sp_edge e = {
		.start_ns = 1, .end_ns = 2, .calls = 3, .errors = 1, .from = SP_EDGE_END, .app = SP_APP_HTTP};
	e.n_method = 3;
	e.n_endpoint = 2;
	memcpy(e.text, "GET/\"", 5);
	sp_hist_add(&e.self, 5, 1);
	sp_hist_add(&e.self, 5000, 1);
	e.sum_us = 5005;
	sp_json_edge(&buf, &e, &points, false);
	check_bytes(
		&buf,
		"{\"from\":\"client\",\"to\":\"eth0\",\"app_proto\":\"http\",\"method\":\"GET\",\"endpoint\":\"/\\\"\","
		"\"start_ns\":1,\"end_ns\":2,\"calls\":3,\"errors\":1,\"lost\":0,\"sum_us\":5005,\"p50_us\":5,"
		"\"p95_us\":5000,\"p99_us\":5000,\"max_us\":5000,\"histogram\":{\"scheme\":\"octave8_us\","
		"\"counts\":[[5,1],[81,1]]}}\n");
	memset(&e.self, 0, sizeof e.self);
	e.to = SP_EDGE_END;
	e.from = e.n_method = e.n_endpoint = 0;
	e.other = true;
	sp_json_edge(&buf, &e, &points, true);
	check_bytes(&buf,
		    "{\"record\":\"edge\",\"from\":\"eth0\",\"to\":\"server\",\"app_proto\":\"http\",\"other\":true,"
		    "\"start_ns\":1,\"end_ns\":2,\"calls\":3,\"errors\":1,\"lost\":0}\n");
	struct sp_loss_slot slot[] = {{300000000, 2, 1}, {500000000, 7, 3}};
	sp_json_losses(&buf, &(struct sp_edge_losses){.s2c = 1, .n = 2, .slot = slot}, &points, false);
	check_bytes(&buf,
		    "{\"from\":\"eth0\",\"to\":\"eth0\",\"direction\":\"s2c\",\"kind\":\"lost\",\"start_ns\":300000000,"
		    "\"end_ns\":600000000,\"segments\":9,\"slot_ns\":100000000,"
		    "\"slots\":[[300000000,2,1],[500000000,7,3]]}\n");
	struct sp_clock c = {.at_ns = 9, .offset_ns = -50, .drift_ppb = -12345, .uncertainty_ns = 1050, .samples = 4};
	sp_json_clock(&buf, &c, &points, false);
	check_bytes(&buf,
		    "{\"point\":\"eth0\",\"reference\":\"eth0\",\"at_ns\":9,\"offset_us\":-0.050,\"drift_ppm\":-12.345,"
		    "\"uncertainty_us\":1.050,\"drift_uncertainty_ppm\":0.000,\"samples\":4,\"steps\":0}\n");
}

int main(void)
{
	sp_points_add(&points, "eth0", SP_POINT_UNKNOWN);
	RUN(absent);
	RUN(present);
	RUN(layers);
	RUN(strings);
	RUN(numbers);
	RUN(longest);
	RUN(point_unknown);
	encode(NULL, NULL);
	RUN(strings_in_steps_of_eight);
	RUN(requests);
	RUN(answered_elsewhere);
	sp_points_add(&points, "a name of a point that is as long as one may be: 63 characters.", SP_POINT_CLIENT_NIC);
	RUN(kept_or_not);
	RUN(over_time);
	return check_done();
}
