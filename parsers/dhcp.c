/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP (RFC 2131, 2132, 3396, 4388), plain BOOTP (951), DHCPv6 (8415). A client goes on with the same transaction
 * number from one step to the next: messages pair by it and by the step. */
#include "base/cursor.h"
#include "parsers/out.h"

enum {
	V4_SNAME = 44,
	V4_FILE = 108,
	V4_COOKIE = 236,
	V4_OPTIONS = 240,
	BOOTP_SIZE = 300,
	HARDWARE_MAX = 16,
	V6_OPTIONS = 4,
	V6_RELAY_OPTIONS = 34,
	RELAYS_MAX = 8,
	LIST_SHOWN = 32,
	TEXT_SHOWN = 255,
	DUID_SHOWN = 32,
	V4_PORT = 67,
	V6_PORT = 547,
};

enum v4_type { BOOTP, DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM, V4_TYPES = 19 };

enum v6_type {
	SOLICIT = 1,
	ADVERTISE,
	V6_REQUEST,
	REPLY = 7,
	RECONFIGURE = 10,
	RELAY_FORW = 12,
	RELAY_REPL,
	V6_TYPES = 24
};

enum step { ALONE, FIRST, SECOND, QUERY };

enum field {
	CLIENT,
	HOST_NAME,
	REQUESTED,
	ASSIGNED,
	PREFIX,
	SERVER,
	LEASE,
	VENDOR,
	RELAY,
	OPTIONS_WANTED,
	ROUTER,
	DNS_SERVERS,
	DOMAIN,
};

struct kind {
	char name[20];
	uint8_t kind, step;
};

static const struct kind v4_kinds[V4_TYPES] = {
	[BOOTP] = {"BOOTP", SP_MSG_REQUEST, SECOND},
	[DISCOVER] = {"DISCOVER", SP_MSG_REQUEST, FIRST},
	[OFFER] = {"OFFER", SP_MSG_RESPONSE, FIRST},
	[REQUEST] = {"REQUEST", SP_MSG_REQUEST, SECOND},
	[DECLINE] = {"DECLINE", SP_MSG_ONEWAY, ALONE},
	[ACK] = {"ACK", SP_MSG_RESPONSE, SECOND},
	[NAK] = {"NAK", SP_MSG_RESPONSE, SECOND},
	[RELEASE] = {"RELEASE", SP_MSG_ONEWAY, ALONE},
	[INFORM] = {"INFORM", SP_MSG_REQUEST, SECOND},
	[9] = {"FORCERENEW", SP_MSG_ONEWAY, ALONE},
	[10] = {"LEASEQUERY", SP_MSG_REQUEST, QUERY},
	[11] = {"LEASEUNASSIGNED", SP_MSG_RESPONSE, QUERY},
	[12] = {"LEASEUNKNOWN", SP_MSG_RESPONSE, QUERY},
	[13] = {"LEASEACTIVE", SP_MSG_RESPONSE, QUERY},
	[14] = {"BULKLEASEQUERY", SP_MSG_REQUEST, QUERY},
	[15] = {"LEASEQUERYDONE", SP_MSG_RESPONSE, QUERY},
	[16] = {"ACTIVELEASEQUERY", SP_MSG_REQUEST, QUERY},
	[17] = {"LEASEQUERYSTATUS", SP_MSG_RESPONSE, QUERY},
	[18] = {"TLS", SP_MSG_ONEWAY, ALONE},
};

static const struct kind v6_kinds[V6_TYPES] = {
	[SOLICIT] = {"SOLICIT", SP_MSG_REQUEST, FIRST},
	[ADVERTISE] = {"ADVERTISE", SP_MSG_RESPONSE, FIRST},
	[V6_REQUEST] = {"REQUEST", SP_MSG_REQUEST, SECOND},
	[4] = {"CONFIRM", SP_MSG_REQUEST, SECOND},
	[5] = {"RENEW", SP_MSG_REQUEST, SECOND},
	[6] = {"REBIND", SP_MSG_REQUEST, SECOND},
	[REPLY] = {"REPLY", SP_MSG_RESPONSE, SECOND},
	[8] = {"RELEASE", SP_MSG_REQUEST, SECOND},
	[9] = {"DECLINE", SP_MSG_REQUEST, SECOND},
	[RECONFIGURE] = {"RECONFIGURE", SP_MSG_ONEWAY, ALONE},
	[11] = {"INFORMATION-REQUEST", SP_MSG_REQUEST, SECOND},
	[14] = {"LEASEQUERY", SP_MSG_REQUEST, QUERY},
	[15] = {"LEASEQUERY-REPLY", SP_MSG_RESPONSE, QUERY},
	[16] = {"LEASEQUERY-DONE", SP_MSG_RESPONSE, QUERY},
	[17] = {"LEASEQUERY-DATA", SP_MSG_RESPONSE, QUERY},
	[18] = {"RECONFIGURE-REQUEST", SP_MSG_REQUEST, QUERY},
	[19] = {"RECONFIGURE-REPLY", SP_MSG_RESPONSE, QUERY},
};

static struct sp_slice part(struct sp_slice s, size_t at, size_t n)
{
	at = SP_MIN(at, s.n);
	return (struct sp_slice){at ? s.p + at : s.p, SP_MIN(n, s.n - at)};
}

static struct sp_slice text_of(struct sp_slice s)
{
	while (s.n && !s.p[s.n - 1])
		s.n--;
	return part(s, 0, TEXT_SHOWN);
}

/* Addresses of `size` bytes, with commas. */
static struct sp_slice addresses(struct sp_parse *p, struct sp_slice s, size_t size)
{
	struct sp_out o = sp_out_begin(p->arena, TEXT_SHOWN);
	for (size_t at = 0; at + size <= s.n && sp_out_room(&o); at += size) {
		if (at)
			sp_out_char(&o, ',');
		sp_out_address(&o, (struct sp_slice){s.p + at, size});
	}
	return sp_out_end(p->arena, &o);
}

static struct sp_slice hardware(struct sp_parse *p, struct sp_slice s)
{
	struct sp_out o = sp_out_begin(p->arena, 3 * HARDWARE_MAX);
	for (size_t i = 0; i < s.n; i++) {
		if (i)
			sp_out_char(&o, ':');
		sp_out_hex(&o, part(s, i, 1));
	}
	return sp_out_end(p->arena, &o);
}

/* A small u32, in decimal. */
static struct sp_slice seconds(struct sp_parse *p, struct sp_slice s)
{
	return s.n >= 4 ? sp_arena_u64(p->arena, sp_be32(s.p)) : (struct sp_slice){0};
}

/* What kind of client it is shows in the options that it wants, and in their order. */
static struct sp_slice wanted(struct sp_parse *p, struct sp_slice s, size_t size)
{
	struct sp_out o = sp_out_begin(p->arena, TEXT_SHOWN);
	for (size_t at = 0; at + size <= s.n && at / size < LIST_SHOWN; at += size) {
		if (at)
			sp_out_char(&o, ',');
		sp_out_u64(&o, size == 1 ? s.p[at] : sp_be16(s.p + at));
	}
	return sp_out_end(p->arena, &o);
}

/* A name in labels, uncompressed. */
static struct sp_slice labels(struct sp_parse *p, struct sp_slice s)
{
	struct sp_out o = sp_out_begin(p->arena, TEXT_SHOWN);
	for (size_t at = 0; at < s.n && s.p[at] && s.p[at] < s.n - at; at += 1 + (size_t)s.p[at]) {
		if (at)
			sp_out_char(&o, '.');
		sp_out_put(&o, part(s, at + 1, s.p[at]));
	}
	return sp_out_end(p->arena, &o);
}

static void extra(struct sp_parse *p, enum field field, struct sp_slice value)
{
	sp_msg_extra(&p->msg, (uint8_t)field, value);
}

/* --- IPv4 */

enum v4_option {
	V4_PAD = 0,
	V4_ROUTER = 3,
	V4_DNS = 6,
	V4_HOST_NAME = 12,
	V4_DOMAIN = 15,
	V4_REQUESTED = 50,
	V4_LEASE = 51,
	V4_OVERLOAD = 52,
	V4_TYPE = 53,
	V4_SERVER = 54,
	V4_WANTED = 55,
	V4_MESSAGE = 56,
	V4_VENDOR = 60,
	V4_RAPID = 80,
	V4_FQDN = 81,
	V4_END = 255,
};

struct v4 {
	uint8_t type, overload;
	bool rapid;
};

/* The next option. False: there is no other. */
static bool v4_next(struct sp_cursor *c, uint8_t *code, struct sp_slice *value)
{
	do
		*code = sp_cursor_u8(c);
	while (*code == V4_PAD && sp_cursor_left(c));
	if (c->bad || *code == V4_PAD || *code == V4_END)
		return false;
	size_t n = sp_cursor_u8(c);
	*value = (struct sp_slice){sp_cursor_take(c, n), n};
	return value->p;
}

/* What has to be known before the message is begun. */
static void v4_scan(struct sp_slice options, struct v4 *v)
{
	struct sp_cursor c = sp_cursor(options);
	struct sp_slice value;
	uint8_t code;
	while (v4_next(&c, &code, &value)) {
		if (code == V4_TYPE && value.n == 1 && *value.p < V4_TYPES)
			v->type = *value.p;
		else if (code == V4_OVERLOAD && value.n == 1)
			v->overload = *value.p;
		else if (code == V4_RAPID)
			v->rapid = true;
	}
}

static void v4_option(struct sp_parse *p, uint8_t code, struct sp_slice value)
{
	switch (code) {
	case V4_ROUTER:
		extra(p, ROUTER, addresses(p, value, 4));
		break;
	case V4_DNS:
		extra(p, DNS_SERVERS, addresses(p, value, 4));
		break;
	case V4_HOST_NAME:
		extra(p, HOST_NAME, text_of(value));
		break;
	case V4_FQDN: /* flags first; with the third set, in labels */
		if (value.n > 3)
			extra(p, HOST_NAME,
			      value.p[0] & 4 ? labels(p, part(value, 3, value.n)) : text_of(part(value, 3, value.n)));
		break;
	case V4_DOMAIN:
		extra(p, DOMAIN, text_of(value));
		break;
	case V4_REQUESTED:
		extra(p, REQUESTED, addresses(p, value, 4));
		break;
	case V4_LEASE:
		extra(p, LEASE, seconds(p, value));
		break;
	case V4_SERVER:
		extra(p, SERVER, addresses(p, value, 4));
		break;
	case V4_WANTED:
		extra(p, OPTIONS_WANTED, wanted(p, value, 1));
		break;
	case V4_MESSAGE:
		sp_msg_put(&p->msg, SP_SLOT_MESSAGE, text_of(value));
		break;
	case V4_VENDOR:
		extra(p, VENDOR, text_of(value));
		break;
	default:
		break;
	}
}

static void v4_options(struct sp_parse *p, struct sp_slice options)
{
	struct sp_cursor c = sp_cursor(options);
	struct sp_slice value;
	uint8_t code;
	while (v4_next(&c, &code, &value))
		v4_option(p, code, value);
}

static void v4_address(struct sp_parse *p, enum field field, size_t at)
{
	if (sp_be32(p->in.p + at))
		extra(p, field, addresses(p, part(p->in, at, 4), 4));
}

static bool is_v4(struct sp_slice in)
{
	return in.n >= V4_OPTIONS && (*in.p == 1 || *in.p == 2) && in.p[1] && in.p[2] <= HARDWARE_MAX &&
	       sp_be32(in.p + V4_COOKIE) == 0x63825363;
}

static enum sp_parse_result v4(struct sp_parse *p)
{
	enum { CIADDR = 12, YIADDR = 16, GIADDR = 24, CHADDR = 28 };
	struct sp_slice in = p->in, options = part(in, V4_OPTIONS, in.n);
	struct v4 v = {0};
	if (is_v4(in))
		v4_scan(options, &v);
	const struct kind *k = &v4_kinds[v.type];
	bool reply = *in.p == 2;
	uint32_t xid = sp_be32(in.p + 4);
	/* Every server that heard the client makes an offer; the first one answers the call. */
	enum sp_msg_kind kind = v.type ? k->kind : reply ? SP_MSG_RESPONSE : SP_MSG_REQUEST;
	struct sp_msg *m = sp_msg_begin(p, kind, SP_PART_WHOLE);
	m->id = (uint64_t)xid << 8 | (v.type == ACK && v.rapid ? FIRST : k->step);
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, xid));
	struct sp_slice client = hardware(p, part(in, CHADDR, in.p[2]));
	if (kind == SP_MSG_RESPONSE) {
		sp_msg_put(m, SP_SLOT_CODE, sp_slice_of(k->name));
		m->status = v.type == NAK || v.type == 12 ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
	} else {
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(k->name)));
		sp_msg_put(m, SP_SLOT_RESOURCE, client);
	}
	extra(p, CLIENT, client);
	v4_address(p, REQUESTED, CIADDR);
	v4_address(p, ASSIGNED, YIADDR);
	v4_address(p, RELAY, GIADDR);
	v4_options(p, options);
	if (v.overload & 1)
		v4_options(p, part(in, V4_FILE, V4_COOKIE - V4_FILE));
	if (v.overload & 2)
		v4_options(p, part(in, V4_SNAME, V4_FILE - V4_SNAME));
	return sp_parse_msg(p, in.n);
}

/* --- IPv6 */

enum v6_option {
	V6_CLIENT = 1,
	V6_SERVER = 2,
	V6_IA_NA = 3,
	V6_IA_TA = 4,
	V6_ADDRESS = 5,
	V6_WANTED = 6,
	V6_RELAY_MESSAGE = 9,
	V6_STATUS = 13,
	V6_RAPID = 14,
	V6_VENDOR = 16,
	V6_DNS = 23,
	V6_DOMAINS = 24,
	V6_IA_PD = 25,
	V6_PREFIX = 26,
	V6_FQDN = 39,
};

static bool v6_next(struct sp_cursor *c, uint16_t *code, struct sp_slice *value)
{
	if (sp_cursor_left(c) < 4)
		return false;
	*code = sp_cursor_u16(c);
	size_t n = sp_cursor_u16(c);
	*value = (struct sp_slice){sp_cursor_take(c, n), n};
	return value->p;
}

static struct sp_slice v6_find(struct sp_slice options, uint16_t wanted_code)
{
	struct sp_cursor c = sp_cursor(options);
	struct sp_slice value;
	uint16_t code;
	while (v6_next(&c, &code, &value))
		if (code == wanted_code)
			return value;
	return (struct sp_slice){0};
}

static void v6_status(struct sp_parse *p, struct sp_slice value)
{
	static const char *const names[] = {"Success",	      "UnspecFail",    "NoAddrsAvail",	"NoBinding",
					    "NotOnLink",      "UseMulticast",  "NoPrefixAvail", "UnknownQueryType",
					    "MalformedQuery", "NotConfigured", "NotAllowed",	"QueryTerminated"};
	if (value.n < 2)
		return;
	unsigned code = sp_be16(value.p);
	bool clients = code >= 3 && code != 6 && code != 11;
	if (!code)
		return; /* the message's own name says as much */
	sp_msg_put(&p->msg, SP_SLOT_CODE,
		   code < SP_ARRAY_SIZE(names) ? sp_slice_of(names[code]) : sp_arena_u64(p->arena, code));
	sp_msg_put(&p->msg, SP_SLOT_MESSAGE, text_of(part(value, 2, value.n)));
	p->msg.status = clients ? SP_STATUS_CLIENT_ERROR : SP_STATUS_SERVER_ERROR;
}

/* Of an identity association: what is asked for or given, and whether it failed. */
static void v6_association(struct sp_parse *p, struct sp_slice options)
{
	struct sp_cursor c = sp_cursor(options);
	struct sp_slice value;
	uint16_t code;
	while (v6_next(&c, &code, &value)) {
		bool given = p->msg.kind == SP_MSG_RESPONSE;
		if (code == V6_ADDRESS && value.n >= 24) {
			extra(p, given ? ASSIGNED : REQUESTED, addresses(p, part(value, 0, 16), 16));
			extra(p, LEASE, given ? seconds(p, part(value, 20, 4)) : (struct sp_slice){0});
		} else if (code == V6_PREFIX && value.n >= 25) {
			struct sp_slice address = addresses(p, part(value, 9, 16), 16);
			extra(p, PREFIX, SP_JOIN(p->arena, address, SP_TEXT("/"), sp_arena_u64(p->arena, value.p[8])));
		} else if (code == V6_STATUS && p->msg.status <= SP_STATUS_OK) {
			v6_status(p, value);
		}
	}
}

static struct sp_slice duid(struct sp_parse *p, struct sp_slice value)
{
	return sp_arena_hex(p->arena, part(value, 0, DUID_SHOWN));
}

static void v6_option(struct sp_parse *p, uint16_t code, struct sp_slice value)
{
	switch (code) {
	case V6_CLIENT:
		extra(p, CLIENT, duid(p, value));
		break;
	case V6_SERVER:
		extra(p, SERVER, duid(p, value));
		break;
	case V6_IA_NA:
	case V6_IA_PD:
		v6_association(p, part(value, 12, value.n));
		break;
	case V6_IA_TA:
		v6_association(p, part(value, 4, value.n));
		break;
	case V6_WANTED:
		extra(p, OPTIONS_WANTED, wanted(p, value, 2));
		break;
	case V6_STATUS:
		v6_status(p, value);
		break;
	case V6_VENDOR:
		extra(p, VENDOR, text_of(part(value, 6, value.n)));
		break;
	case V6_DNS:
		extra(p, DNS_SERVERS, addresses(p, value, 16));
		break;
	case V6_DOMAINS:
		extra(p, DOMAIN, labels(p, value));
		break;
	case V6_FQDN:
		extra(p, HOST_NAME, labels(p, part(value, 1, value.n)));
		break;
	default:
		break;
	}
}

/* The client's or server's own message within those of relays; `relay`: the address of the one next to the client. */
static struct sp_slice v6_unwrap(struct sp_slice in, struct sp_slice *relay)
{
	for (unsigned i = 0; i < RELAYS_MAX && in.n && (*in.p == RELAY_FORW || *in.p == RELAY_REPL); i++) {
		*relay = part(in, 2, 16);
		in = v6_find(part(in, V6_RELAY_OPTIONS, in.n), V6_RELAY_MESSAGE);
	}
	return in;
}

static bool is_v6(struct sp_slice in)
{
	return in.n >= V6_OPTIONS && *in.p < V6_TYPES && *v6_kinds[*in.p].name;
}

static enum sp_parse_result v6(struct sp_parse *p, struct sp_slice in, struct sp_slice relay)
{
	const struct kind *k = &v6_kinds[*in.p];
	struct sp_slice options = part(in, V6_OPTIONS, in.n), value;
	uint32_t xid = sp_be32(in.p) & 0xffffff;
	bool rapid = *in.p == REPLY && v6_find(options, V6_RAPID).p;
	struct sp_msg *m = sp_msg_begin(p, k->kind, SP_PART_WHOLE);
	m->id = UINT64_C(1) << 40 | (uint64_t)xid << 8 | (rapid ? FIRST : k->step);
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("6"));
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, xid));
	if (k->kind == SP_MSG_RESPONSE) {
		sp_msg_put(m, SP_SLOT_CODE, sp_slice_of(k->name));
		m->status = SP_STATUS_OK;
	} else {
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(k->name)));
		sp_msg_put(m, SP_SLOT_RESOURCE, duid(p, v6_find(options, V6_CLIENT)));
	}
	if (relay.n)
		extra(p, RELAY, addresses(p, relay, 16));
	struct sp_cursor c = sp_cursor(options);
	uint16_t code;
	while (v6_next(&c, &code, &value))
		v6_option(p, code, value);
	return sp_parse_msg(p, p->in.n);
}

/* --- both */

static bool is_bootp(struct sp_slice in)
{
	return in.n >= BOOTP_SIZE && (*in.p == 1 || *in.p == 2) && in.p[1] == 1 && in.p[2] == 6;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct sp_slice relay = {0}, in = p->in;
	if (is_v4(in) || (is_bootp(in) && p->server_port == V4_PORT))
		return v4(p);
	in = v6_unwrap(in, &relay);
	return is_v6(in) ? v6(p, in, relay) : sp_parse_skip(p, p->in.n, 0);
}

/* All of the options are there, and who sent it is among them. */
static bool is_whole_v6(struct sp_slice in)
{
	struct sp_slice value, options = part(in, V6_OPTIONS, in.n);
	struct sp_cursor c = sp_cursor(options);
	bool named = false;
	uint16_t code;
	while (v6_next(&c, &code, &value)) {
		bool is_name = code == V6_CLIENT || code == V6_SERVER;
		if (!code || code > 200 || (is_name && (value.n < 3 || value.p[0] || !value.p[1] || value.p[1] > 4)))
			return false;
		named |= is_name;
	}
	return named && !sp_cursor_left(&c) && !c.bad;
}

static enum sp_probe probe(struct sp_parse *p)
{
	struct sp_slice relay = {0}, in = p->in;
	bool server;
	if (is_v4(in) || (is_bootp(in) && p->server_port == V4_PORT)) {
		server = *in.p == 2;
	} else {
		in = v6_unwrap(in, &relay);
		if (!is_v6(in) || !is_whole_v6(in))
			return SP_PROBE_NO;
		server = v6_kinds[*in.p].kind == SP_MSG_RESPONSE || *in.p == RECONFIGURE;
	}
	p->reversed = server == (p->side == SP_CLIENT);
	return SP_PROBE_YES;
}

static const uint16_t ports[] = {V4_PORT, V6_PORT, 68, 546, 0};
static const uint16_t elsewhere[] = {V4_PORT, V6_PORT, 0};

static const struct sp_start starts[] = {
	{1 << 8, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER}, /* and SOLICIT */
	{2 << 8, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER}, /* and ADVERTISE */
	{0 << 8, 0xe000, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[CLIENT] = "dhcp.client_id",
	[HOST_NAME] = "dhcp.host_name",
	[REQUESTED] = "dhcp.requested_ip",
	[ASSIGNED] = "dhcp.assigned_ip",
	[PREFIX] = "dhcp.prefix",
	[SERVER] = "dhcp.server_id",
	[LEASE] = "dhcp.lease_time",
	[VENDOR] = "dhcp.vendor_class",
	[RELAY] = "dhcp.relay",
	[OPTIONS_WANTED] = "dhcp.options",
	[ROUTER] = "dhcp.router",
	[DNS_SERVERS] = "dhcp.dns_servers",
	[DOMAIN] = "dhcp.domain",
	NULL,
};

#ifdef SP_WITH_VECTORS
#define ZERO16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZERO64 ZERO16 ZERO16 ZERO16 ZERO16
/* op, htype, hlen, hops, xid, secs, flags; ciaddr, yiaddr, siaddr, giaddr; the hardware address. */
#define V4(op, xid, ciaddr, yiaddr, giaddr)                                                                            \
	op "\1\6\0" xid "\0\0\0\0" ciaddr yiaddr "\0\0\0\0" giaddr                                                     \
	   "\2\0\0\0\1\2\0\0\0\0\0\0\0\0\0\0" ZERO64 ZERO64 ZERO64 "\x63\x82\x53\x63"
#define NO "\0\0\0\0"
#define XID "\0\0\0\7"
#define DUID "\0\3\0\1\2\0\0\0\1\2"
static const struct sp_vector vectors[] = {
	{
		.name = "from DISCOVER to ACK",
		.udp = true,
		.step = {SP_C(V4("\1", XID, NO, NO, NO) "\x35\1\1\x0c\5alice\x32\4\x0a\1\0\2\x37\3\1\3\6\x3c\3MSF\xff"),
			 SP_S(V4("\2", XID, NO, "\x0a\1\0\2", NO) "\x35\1\2\x36\4\x0a\1\0\1\x33\4\0\0\x0e\x10\xff"),
			 SP_C(V4("\1", XID, NO, NO, NO) "\x35\1\3\x32\4\x0a\1\0\2\x36\4\x0a\1\0\1\xff"),
			 SP_S(V4("\2", XID, NO, "\x0a\1\0\2", NO) "\x35\1\5\x33\4\0\0\x0e\x10\x03\4\x0a\1\0\1"
								  "\x06\x08\x0a\1\0\1\x0a\1\0\3\x0f\4test\xff\0\0")},
		.want = "> request method=DISCOVER resource=02:00:00:00:01:02 endpoint=DISCOVER correlation=7 id=1793 "
			"bytes=267 "
			"dhcp.client_id=02:00:00:00:01:02 dhcp.host_name=alice dhcp.requested_ip=10.1.0.2 "
			"dhcp.options=1,3,6 "
			"dhcp.vendor_class=MSF\n"
			"< response code=OFFER correlation=7 status=ok id=1793 bytes=256 "
			"dhcp.client_id=02:00:00:00:01:02 "
			"dhcp.assigned_ip=10.1.0.2 dhcp.server_id=10.1.0.1 dhcp.lease_time=3600\n"
			"> request method=REQUEST resource=02:00:00:00:01:02 endpoint=REQUEST correlation=7 id=1794 "
			"bytes=256 "
			"dhcp.client_id=02:00:00:00:01:02 dhcp.requested_ip=10.1.0.2 dhcp.server_id=10.1.0.1\n"
			"< response code=ACK correlation=7 status=ok id=1794 bytes=274 "
			"dhcp.client_id=02:00:00:00:01:02 "
			"dhcp.assigned_ip=10.1.0.2 dhcp.lease_time=3600 dhcp.router=10.1.0.1 "
			"dhcp.dns_servers=10.1.0.1,10.1.0.3 "
			"dhcp.domain=test\n",
	},
	{
		.name = "refused; released; by way of a relay, at once; options that are cut",
		.udp = true,
		.step = {SP_C(V4("\1", XID, NO, NO, NO) "\x35\1\3\xff"),
			 SP_S(V4("\2", XID, NO, NO, NO) "\x35\1\6\x38\2no\xff"),
			 SP_C(V4("\1", XID, "\x0a\1\0\2", NO, NO) "\x35\1\7\xff"),
			 SP_C(V4("\1", XID, NO, NO, "\x0a\2\0\1") "\x35\1\1\x50\0\xff"),
			 SP_S(V4("\2", XID, NO, "\x0a\2\0\2", "\x0a\2\0\1") "\x35\1\5\x50\0\xff"),
			 SP_C(V4("\1", "\0\0\0\x08", NO, NO, NO) "\x35\1\x08\x0c\x20tail")},
		.want = "> request method=REQUEST resource=02:00:00:00:01:02 endpoint=REQUEST correlation=7 id=1794 "
			"bytes=244 "
			"dhcp.client_id=02:00:00:00:01:02\n"
			"< response code=NAK message=no correlation=7 status=client_error id=1794 bytes=248 "
			"dhcp.client_id=02:00:00:00:01:02\n"
			"> oneway method=RELEASE resource=02:00:00:00:01:02 endpoint=RELEASE correlation=7 id=1792 "
			"bytes=244 "
			"dhcp.client_id=02:00:00:00:01:02 dhcp.requested_ip=10.1.0.2\n"
			"> request method=DISCOVER resource=02:00:00:00:01:02 endpoint=DISCOVER correlation=7 id=1793 "
			"bytes=246 "
			"dhcp.client_id=02:00:00:00:01:02 dhcp.relay=10.2.0.1\n"
			"< response code=ACK correlation=7 status=ok id=1793 bytes=246 "
			"dhcp.client_id=02:00:00:00:01:02 "
			"dhcp.assigned_ip=10.2.0.2 dhcp.relay=10.2.0.1\n"
			"> request method=INFORM resource=02:00:00:00:01:02 endpoint=INFORM correlation=8 id=2050 "
			"bytes=249 "
			"dhcp.client_id=02:00:00:00:01:02\n",
	},
	{
		.name = "IPv6",
		.udp = true,
		.step = {SP_C("\1\0\0\7\0\1\0\x0a" DUID "\0\6\0\4\0\x17\0\x18\0\3\0\x0c\0\0\0\1\0\0\0\0\0\0\0\0"),
			 SP_S("\2\0\0\7\0\1\0\x0a" DUID "\0\2\0\x0a" DUID "\0\3\0\x28\0\0\0\1\0\0\0\0\0\0\0\0"
			      "\0\5\0\x18\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\x64\0\0\0\xc8"),
			 SP_C("\3\0\0\x08\0\1\0\x0a" DUID "\0\x27\0\7\0\5alice"),
			 SP_S("\7\0\0\x08\0\1\0\x0a" DUID "\0\x19\0\x13\0\0\0\1\0\0\0\0\0\0\0\0\0\x0d\0\3\0\6x")},
		.want = "> request app_version=6 method=SOLICIT resource=00030001020000000102 endpoint=SOLICIT "
			"correlation=7 "
			"id=1099511629569 bytes=42 dhcp.client_id=00030001020000000102 dhcp.options=23,24\n"
			"< response app_version=6 code=ADVERTISE correlation=7 status=ok id=1099511629569 bytes=76 "
			"dhcp.client_id=00030001020000000102 dhcp.server_id=00030001020000000102 "
			"dhcp.assigned_ip=fd00::5 "
			"dhcp.lease_time=200\n"
			"> request app_version=6 method=REQUEST resource=00030001020000000102 endpoint=REQUEST "
			"correlation=8 "
			"id=1099511629826 bytes=29 dhcp.client_id=00030001020000000102 dhcp.host_name=alice\n"
			"< response app_version=6 code=NoPrefixAvail message=x correlation=8 status=server_error "
			"id=1099511629826 bytes=41 dhcp.client_id=00030001020000000102\n",
	},
	{
		.name = "IPv6 by way of two relays",
		.udp = true,
		.step = {SP_C("\x0c\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" ZERO16 "\0\x09\0\x3c"
			      "\x0c\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2" ZERO16 "\0\x09\0\x16"
			      "\x0b\0\0\x09\0\1\0\x0a" DUID "\0\x19\0\0")},
		.want = "> request app_version=6 method=INFORMATION-REQUEST resource=00030001020000000102 "
			"endpoint=INFORMATION-REQUEST correlation=9 id=1099511630082 bytes=98 dhcp.relay=fd00::2 "
			"dhcp.client_id=00030001020000000102\n",
	},
	{0},
};
#endif

const struct sp_parser sp_dhcp_parser = {
	.name = "dhcp",
	.title = "DHCP",
	.missing = "lease queries over TCP; authentication",
	.app = SP_APP_DHCP,
	.transports = SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.timeout_s = 15,
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.elsewhere = elsewhere,
	.vectors = SP_VECTORS(vectors),
};
