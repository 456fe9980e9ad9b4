/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): what stands before a connection's first byte and
 * says whose it was before a proxy took it over. After it both sides speak something else. */
#include "base/cursor.h"
#include "parsers/parser.h"

enum {
	V1_MAX = 107,
	V1_WORDS = 6, /* PROXY TCP4 source destination port port */
	V2_FIXED = 16,
	V2_MAX = V2_FIXED + 4096, /* with certificates' names in it, far below */
	VALUE_SHOWN = 256,
	IPV6_TEXT = 40,
};

enum { UNSPEC = 0x00, TCP4 = 0x11, UDP4 = 0x12, TCP6 = 0x21, UDP6 = 0x22, UNIX_STREAM = 0x31, UNIX_DATAGRAM = 0x32 };
enum { UNIX_PATH = 108 };

enum tlv {
	TLV_ALPN = 0x01,
	TLV_AUTHORITY = 0x02,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CN = 0x22,
	TLV_SSL_CIPHER = 0x23,
	TLV_NETNS = 0x30,
	TLV_AWS = 0xea,
};
enum { SSL_FIXED = 5, AWS_VPC_ENDPOINT = 1 };

enum field {
	CLIENT_ADDRESS,
	CLIENT_PORT,
	SERVER_ADDRESS,
	SERVER_PORT,
	TRANSPORT,
	ALPN,
	UNIQUE_ID,
	SSL_VERSION,
	SSL_SUBJECT,
	SSL_CIPHER,
	NETNS,
	VPC_ENDPOINT,
	FIELDS
};

struct state {
	bool done;
};

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* Whoever opens a connection through a proxy sends it, once. */
static enum sp_parse_result finish(struct sp_parse *p, size_t used)
{
	((struct state *)p->state)->done = true;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result version1(struct sp_parse *p)
{
	struct sp_slice in = p->in, word[V1_WORDS] = {0};
	const uint8_t *nl = memchr(in.p, '\n', SP_MIN(in.n, (size_t)V1_MAX));
	unsigned words = 0;
	if (!nl)
		return in.n < V1_MAX ? sp_parse_more(p, in.n + 1) : SP_PARSE_BAD;
	size_t n = (size_t)(nl - in.p);
	if (in.p[n - 1] != '\r')
		return SP_PARSE_BAD;
	for (size_t i = 0, from = 0; i < n && words < V1_WORDS; i++) {
		if (in.p[i] != ' ' && in.p[i] != '\r')
			continue;
		word[words++] = (struct sp_slice){in.p + from, i - from};
		from = i + 1;
	}
	bool known = sp_slice_is(word[1], "TCP4") || sp_slice_is(word[1], "TCP6");
	if (known ? words != V1_WORDS : !sp_slice_is(word[1], "UNKNOWN"))
		return SP_PARSE_BAD;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("1"));
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("PROXY"));
	if (known) {
		sp_msg_extra(m, CLIENT_ADDRESS, word[2]);
		sp_msg_extra(m, CLIENT_PORT, word[4]);
		sp_msg_extra(m, SERVER_ADDRESS, word[3]);
		sp_msg_extra(m, SERVER_PORT, word[5]);
		sp_msg_extra(m, TRANSPORT, SP_TEXT("tcp"));
	}
	return finish(p, n + 1);
}

static struct sp_slice ipv4_text(struct sp_arena *a, const uint8_t *ip)
{
	struct sp_slice whole = {a->p + a->n, 0};
	for (unsigned i = 0; i < 4; i++) {
		whole.n += i ? sp_arena_copy(a, SP_TEXT(".")).n : 0;
		whole.n += sp_arena_u64(a, ip[i]).n;
	}
	return whole;
}

/* The longest row of two or more zero groups: RFC 5952. */
static unsigned longest_zeros(const uint8_t *ip, unsigned *n)
{
	unsigned at = 8, run = 0;
	*n = 1;
	for (unsigned i = 0; i < 8; i++) {
		run = sp_be16(ip + 2 * i) ? 0 : run + 1;
		if (run <= *n)
			continue;
		*n = run;
		at = i + 1 - run;
	}
	return at;
}

static struct sp_slice ipv6_text(struct sp_arena *a, const uint8_t *ip)
{
	static const char digit[] = "0123456789abcdef";
	uint8_t text[IPV6_TEXT];
	size_t n = 0;
	unsigned zeros, gap = longest_zeros(ip, &zeros);
	for (unsigned i = 0; i < 8; i++) {
		if (i == gap) {
			text[n++] = ':';
			i += zeros - 1;
			if (i == 7)
				text[n++] = ':';
			continue;
		}
		if (i)
			text[n++] = ':';
		unsigned group = sp_be16(ip + 2 * i), shift = group > 0xfff  ? 12
							      : group > 0xff ? 8
							      : group > 0xf  ? 4
									     : 0;
		for (int s = (int)shift; s >= 0; s -= 4)
			text[n++] = (uint8_t)digit[group >> s & 15];
	}
	return sp_arena_copy(a, (struct sp_slice){text, n});
}

/* Bytes that an address block of that family has. */
static size_t block_size(uint8_t family)
{
	static const struct {
		uint8_t family, size;
	} sizes[] = {{TCP4, 12},
		     {UDP4, 12},
		     {TCP6, 36},
		     {UDP6, 36},
		     {UNIX_STREAM, 2 * UNIX_PATH},
		     {UNIX_DATAGRAM, 2 * UNIX_PATH}};
	for (size_t i = 0; i < SP_ARRAY_SIZE(sizes); i++)
		if (sizes[i].family == family)
			return sizes[i].size;
	return 0;
}

static struct sp_slice until_zero(const uint8_t *p, size_t n)
{
	const uint8_t *zero = memchr(p, 0, n);
	return (struct sp_slice){p, zero ? (size_t)(zero - p) : n};
}

static void addresses(struct sp_parse *p, struct sp_msg *m, uint8_t family, const uint8_t *b)
{
	struct sp_arena *a = p->arena;
	bool ipv6 = family == TCP6 || family == UDP6;
	if (family == UNIX_STREAM || family == UNIX_DATAGRAM) {
		sp_msg_extra(m, CLIENT_ADDRESS, until_zero(b, UNIX_PATH));
		sp_msg_extra(m, SERVER_ADDRESS, until_zero(b + UNIX_PATH, UNIX_PATH));
		sp_msg_extra(m, TRANSPORT, SP_TEXT("unix"));
		return;
	}
	size_t size = ipv6 ? 16 : 4;
	sp_msg_extra(m, CLIENT_ADDRESS, ipv6 ? ipv6_text(a, b) : ipv4_text(a, b));
	sp_msg_extra(m, CLIENT_PORT, sp_arena_u64(a, sp_be16(b + 2 * size)));
	sp_msg_extra(m, SERVER_ADDRESS, ipv6 ? ipv6_text(a, b + size) : ipv4_text(a, b + size));
	sp_msg_extra(m, SERVER_PORT, sp_arena_u64(a, sp_be16(b + 2 * size + 2)));
	sp_msg_extra(m, TRANSPORT, family == TCP4 || family == TCP6 ? SP_TEXT("tcp") : SP_TEXT("udp"));
}

static void show_tlv(struct sp_parse *p, struct sp_msg *m, uint8_t type, struct sp_slice value)
{
	struct sp_slice shown = {value.p, SP_MIN(value.n, (size_t)VALUE_SHOWN)};
	switch (type) {
	case TLV_ALPN:
		sp_msg_extra(m, ALPN, shown);
		break;
	case TLV_AUTHORITY:
		sp_msg_put(m, SP_SLOT_HOST, shown);
		break;
	case TLV_UNIQUE_ID:
		sp_msg_extra(m, UNIQUE_ID, sp_arena_hex(p->arena, shown));
		break;
	case TLV_SSL_VERSION:
		sp_msg_extra(m, SSL_VERSION, shown);
		break;
	case TLV_SSL_CN:
		sp_msg_extra(m, SSL_SUBJECT, shown);
		break;
	case TLV_SSL_CIPHER:
		sp_msg_extra(m, SSL_CIPHER, shown);
		break;
	case TLV_NETNS:
		sp_msg_extra(m, NETNS, shown);
		break;
	case TLV_AWS:
		if (shown.n > 1 && *shown.p == AWS_VPC_ENDPOINT)
			sp_msg_extra(m, VPC_ENDPOINT, (struct sp_slice){shown.p + 1, shown.n - 1});
		break;
	default:
		break;
	}
}

/* Type, length, value; those of PP2_TYPE_SSL have more of the same in them. What does not fit is left. */
static void tlvs(struct sp_parse *p, struct sp_msg *m, struct sp_slice s)
{
	struct sp_cursor c = sp_cursor(s);
	while (sp_cursor_left(&c) >= 3) {
		uint8_t type = sp_cursor_u8(&c);
		uint16_t n = sp_cursor_u16(&c);
		if (type == TLV_SSL && n >= SSL_FIXED) {
			sp_cursor_take(&c, SSL_FIXED);
			continue; /* its own follow in the same row */
		}
		const uint8_t *value = sp_cursor_take(&c, n);
		if (!value)
			return;
		show_tlv(p, m, type, (struct sp_slice){value, n});
	}
}

static enum sp_parse_result version2(struct sp_parse *p)
{
	const uint8_t *in = p->in.p;
	if (p->in.n < V2_FIXED)
		return sp_parse_more(p, V2_FIXED);
	size_t size = (size_t)V2_FIXED + sp_be16(in + 14);
	uint8_t version = in[12] >> 4, command = in[12] & 15;
	if (memcmp(in, signature, sizeof signature) || version != 2 || command > 1 || size > V2_MAX)
		return SP_PARSE_BAD;
	if (p->in.n < size)
		return sp_parse_more(p, size);
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("2"));
	sp_msg_put(m, SP_SLOT_METHOD, command ? SP_TEXT("PROXY") : SP_TEXT("LOCAL"));
	size_t block = block_size(in[13]);
	if (block > size - V2_FIXED)
		return SP_PARSE_BAD;
	if (command && block)
		addresses(p, m, in[13], in + V2_FIXED);
	tlvs(p, m, (struct sp_slice){in + V2_FIXED + block, size - V2_FIXED - block});
	return finish(p, size);
}

/* The other side may speak before the header is there as a whole: a server that greets. */
static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->done)
		return sp_parse_switch(p, 0, SP_APP_UNKNOWN);
	bool first = !memcmp(p->in.p, "PROXY ", SP_MIN(p->in.n, 6));
	if (first && p->in.n < 6)
		return sp_parse_more(p, p->in.n + 1);
	if (first)
		return version1(p);
	if (!memcmp(p->in.p, signature, SP_MIN(p->in.n, sizeof signature)))
		return version2(p);
	if (p->side == SP_CLIENT)
		return SP_PARSE_BAD;
	return p->in.n < SP_CARRY_MAX && !p->last ? sp_parse_more(p, p->in.n + 1)
						  : sp_parse_switch(p, 0, SP_APP_UNKNOWN);
}

static enum sp_probe probe(struct sp_parse *p)
{
	static const char *const protocols[] = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"};
	struct sp_slice in = p->in;
	enum sp_probe found = SP_PROBE_NO;
	if (!memcmp(in.p, signature, SP_MIN(in.n, sizeof signature)))
		found = in.n < sizeof signature + 1	   ? SP_PROBE_MAYBE
			: in.p[sizeof signature] >> 4 == 2 ? SP_PROBE_YES
							   : SP_PROBE_NO;
	for (size_t i = 0; i < SP_ARRAY_SIZE(protocols); i++) {
		size_t n = strlen(protocols[i]);
		if (!memcmp(in.p, protocols[i], SP_MIN(in.n, n)))
			found = in.n < n ? SP_PROBE_MAYBE : SP_PROBE_YES;
	}
	p->reversed = found == SP_PROBE_YES && p->side == SP_SERVER;
	return found;
}

static const struct sp_start starts[] = {
	SP_START_TEXT('P', 'R', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('\r', '\n', SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[CLIENT_ADDRESS] = "client.address",
	[CLIENT_PORT] = "client.port",
	[SERVER_ADDRESS] = "server.address",
	[SERVER_PORT] = "server.port",
	[TRANSPORT] = "network.transport",
	[ALPN] = "tls.next_protocol",
	[UNIQUE_ID] = "proxy.unique_id",
	[SSL_VERSION] = "tls.protocol.version",
	[SSL_SUBJECT] = "tls.client.subject",
	[SSL_CIPHER] = "tls.cipher",
	[NETNS] = "proxy.netns",
	[VPC_ENDPOINT] = "aws.vpc_endpoint.id",
	[FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#define V2 "\r\n\r\n\0\r\nQUIT\n"
static const struct sp_vector vectors[] = {
	{
		.name = "version 1",
		.step = {SP_C("PROXY TCP4 192.0.2.1 10.0.0.2 56324 443\r\nGET / HTTP/1.1\r\n\r\n")},
		.want = "> oneway app_version=1 method=PROXY bytes=41 client.address=192.0.2.1 client.port=56324 "
			"server.address=10.0.0.2 server.port=443 network.transport=tcp\n"
			"> switch \n",
	},
	{
		.name = "version 1, IPv6; the server greets first",
		.step = {SP_S("220 hello\r\n"), SP_C("PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\nEHLO x\r\n"),
			 SP_S("250 x\r\n")},
		.no_probe = true,
		.want = "> oneway app_version=1 method=PROXY bytes=41 client.address=2001:db8::1 client.port=1 "
			"server.address=2001:db8::2 server.port=25 network.transport=tcp\n"
			"> switch \n",
	},
	{
		.name = "version 1, unknown",
		.step = {SP_C("PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n"), SP_S("x")},
		.want = "> oneway app_version=1 method=PROXY bytes=41\n"
			"< switch \n",
	},
	{
		.name = "version 2, IPv4, TLVs",
		.step = {SP_C(V2 "\x21\x11\0\x4a\xc0\0\x02\x01\x0a\0\0\x02\xdc\x04\x01\xbb"
				 "\x01\0\x02h2\x02\0\x05host1\x05\0\x02\xab\x01"
				 "\x20\0\x20\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x03joe\x23\0\x08"
				 "AES-GCM1"
				 "\xea\0\x04\x01vpc"
				 "\x04\0\0"
				 "x")},
		.want = "> oneway app_version=2 method=PROXY host=host1 bytes=90 client.address=192.0.2.1 "
			"client.port=56324 "
			"server.address=10.0.0.2 server.port=443 network.transport=tcp tls.next_protocol=h2 "
			"proxy.unique_id=ab01 tls.protocol.version=TLSv1.3 tls.client.subject=joe tls.cipher=AES-GCM1 "
			"aws.vpc_endpoint.id=vpc\n"
			"> switch \n",
	},
	{
		.name = "version 2, IPv6",
		.step = {SP_C(V2 "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\x01\0\0\0\0\0\x01"
				 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02"
				 "y")},
		.want = "> oneway app_version=2 method=PROXY bytes=52 client.address=2001:db8::1:0:0:1 client.port=1 "
			"server.address=:: server.port=2 network.transport=tcp\n"
			"> switch \n",
	},
	{
		.name = "version 2, LOCAL: a health check",
		.step = {SP_C(V2 "\x20\0\0\0"
				 "z")},
		.want = "> oneway app_version=2 method=LOCAL bytes=16\n"
			"> switch \n",
	},
	{
		.name = "version 2 with too short a block",
		.no_probe = true,
		.step = {SP_C(V2 "\x21\x21\0\x02"
				 "zz")},
		.want = "> bad\n",
	},
	{0},
};
#undef V2
#endif

const struct sp_parser sp_proxy_parser = {
	.name = "proxy",
	.title = "PROXY protocol",
	.missing = "before datagrams",
	.app = SP_APP_PROXY,
	.transports = SP_TCP,
	.pairing = SP_PAIR_NONE,
	.state_size = sizeof(struct state),
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.vectors = SP_VECTORS(vectors),
};
