/* SPDX-License-Identifier: Apache-2.0 */
/* SIP (RFC 3261) over UDP and TCP, with what SDP (RFC 8866) says of the media. Messages pair by a hash of Call-ID and
 * CSeq; dialogs have their Call-ID as correlation. Of addresses the domain is shown, of credentials nothing. */
#include "base/hash.h"
#include "parsers/http.h"
#include "parsers/out.h"

enum {
	HEAD_MAX = 16000, /* start line and headers on TCP: they are carried as a whole */
	BODY_MAX = 64 << 20,
	BODY_READ = 4096, /* of SDP */
	TEXT_SHOWN = 256,
	MEDIA_TEXT = 256,
	METHOD_MAX = 16,
};

enum header {
	UNKNOWN,
	CALL_ID,
	CSEQ,
	FROM,
	TO,
	CONTENT_LENGTH,
	CONTENT_TYPE,
	USER_AGENT,
	SERVER_AGENT,
	REASON,
	WARNING,
	EXPIRES,
	EVENT
};

enum field { FROM_DOMAIN, TO_DOMAIN, AGENT, MEDIA, EVENT_FIELD, EXPIRES_FIELD, REASON_FIELD };

/* Of a message's headers, what is needed. */
struct head {
	struct sp_slice value[EVENT + 1];
	size_t n; /* with the empty line */
};

static const struct {
	const char *name;
	char compact; /* 0: there is none */
	uint8_t header;
} headers[] = {
	{"call-id", 'i', CALL_ID},
	{"cseq", 0, CSEQ},
	{"from", 'f', FROM},
	{"to", 't', TO},
	{"content-length", 'l', CONTENT_LENGTH},
	{"content-type", 'c', CONTENT_TYPE},
	{"user-agent", 0, USER_AGENT},
	{"server", 0, SERVER_AGENT},
	{"reason", 0, REASON},
	{"warning", 0, WARNING},
	{"expires", 0, EXPIRES},
	{"event", 'o', EVENT},
};

static struct sp_slice part(struct sp_slice s, size_t at, size_t n)
{
	at = SP_MIN(at, s.n);
	return (struct sp_slice){at ? s.p + at : s.p, SP_MIN(n, s.n - at)};
}

static struct sp_slice up_to(struct sp_slice s, char c)
{
	const uint8_t *found = s.n ? memchr(s.p, c, s.n) : NULL;
	return part(s, 0, found ? (size_t)(found - s.p) : s.n);
}

static struct sp_slice after(struct sp_slice s, char c)
{
	return part(s, up_to(s, c).n + 1, s.n);
}

/* The next line without its end, and how much it takes. n is SIZE_MAX: it does not end. */
static struct sp_slice line_at(struct sp_slice in, size_t at, size_t *next)
{
	const uint8_t *p = in.p + at, *end = at < in.n ? memchr(p, '\n', in.n - at) : NULL;
	if (!end)
		return (struct sp_slice){p, SIZE_MAX};
	*next = (size_t)(end - in.p) + 1;
	size_t n = (size_t)(end - p);
	return (struct sp_slice){p, n - (n && p[n - 1] == '\r')};
}

static enum header header_of(struct sp_slice name)
{
	if (name.n == 1) {
		for (unsigned i = 0; i < SP_ARRAY_SIZE(headers); i++)
			if (headers[i].compact && (*name.p | 0x20) == headers[i].compact)
				return (enum header)headers[i].header;
		return UNKNOWN;
	}
	for (unsigned i = 0; i < SP_ARRAY_SIZE(headers); i++)
		if (sp_slice_is_nocase(name, headers[i].name))
			return (enum header)headers[i].header;
	return UNKNOWN;
}

/* False: the empty line at the end is not there. */
static bool read_head(struct sp_slice in, size_t at, struct head *h)
{
	for (size_t next;; at = next) {
		struct sp_slice line = line_at(in, at, &next);
		if (line.n == SIZE_MAX)
			return false;
		if (!line.n) {
			h->n = next;
			return true;
		}
		struct sp_slice name = up_to(line, ':');
		enum header header = header_of(sp_http_trim(name));
		if (header && name.n < line.n && !h->value[header].n)
			h->value[header] = sp_http_trim(part(line, name.n + 1, line.n));
	}
}

/* --- what it says */

/* The host of "Alice" <sip:alice@example.test:5060;transport=tcp>;tag=1 – or all of the address. */
static struct sp_slice address(struct sp_parse *p, struct sp_slice value)
{
	struct sp_slice uri = value;
	const uint8_t *open = uri.n ? memchr(uri.p, '<', uri.n) : NULL;
	if (open)
		uri = up_to(part(uri, (size_t)(open - uri.p) + 1, uri.n), '>');
	uri = up_to(up_to(uri, ';'), '?');
	if (p->reveal)
		return part(uri, 0, TEXT_SHOWN);
	const uint8_t *at = uri.p ? memrchr(uri.p, '@', uri.n) : NULL;
	struct sp_slice host = at ? part(uri, (size_t)(at - uri.p) + 1, uri.n) : after(uri, ':');
	if (!host.n || (!at && uri.n > 3 && !memcmp(uri.p, "tel", 3)))
		return (struct sp_slice){0}; /* tel:, a number of somebody */
	return part(*host.p == '[' ? part(host, 0, up_to(host, ']').n + 1) : up_to(host, ':'), 0, TEXT_SHOWN);
}

/* "sip:?@example.test" */
static struct sp_slice target(struct sp_parse *p, struct sp_slice uri)
{
	if (p->reveal)
		return part(uri, 0, TEXT_SHOWN);
	struct sp_slice scheme = part(up_to(uri, ':'), 0, 8), host = address(p, uri);
	bool user = up_to(uri, '@').n < uri.n;
	return SP_JOIN(p->arena, scheme, user || !host.n ? SP_TEXT(":?") : SP_TEXT(":"),
		       user ? SP_TEXT("@") : SP_TEXT(""), host);
}

/* What a payload type is called, by its a=rtpmap line. */
static struct sp_slice codec(struct sp_slice body, struct sp_slice type)
{
	static const struct {
		const char *type, *name;
	} fixed[] = {{"0", "PCMU"}, {"3", "GSM"},   {"4", "G723"}, {"8", "PCMA"},
		     {"9", "G722"}, {"18", "G729"}, {"34", "H263"}};
	size_t next;
	for (size_t at = 0; at < body.n; at = next) {
		struct sp_slice line = line_at(body, at, &next);
		if (line.n == SIZE_MAX)
			break;
		if (line.n > 9 && !memcmp(line.p, "a=rtpmap:", 9)) {
			struct sp_slice map = part(line, 9, line.n), known = up_to(map, ' ');
			if (known.n == type.n && !memcmp(known.p, type.p, type.n))
				return part(up_to(after(map, ' '), '/'), 0, 16);
		}
	}
	for (unsigned i = 0; i < SP_ARRAY_SIZE(fixed); i++)
		if (sp_slice_is(type, fixed[i].type))
			return sp_slice_of(fixed[i].name);
	return part(type, 0, 16);
}

/* "audio 10.1.0.2:6000 PCMU, video …": where media goes, and the first codec of each. */
static struct sp_slice media(struct sp_parse *p, struct sp_slice body)
{
	struct sp_out o = sp_out_begin(p->arena, MEDIA_TEXT);
	struct sp_slice where = {0};
	size_t next;
	for (size_t at = 0; at < body.n; at = next) {
		struct sp_slice line = line_at(body, at, &next);
		if (line.n == SIZE_MAX)
			break;
		if (line.n > 9 && !memcmp(line.p, "c=IN IP", 7))
			where = up_to(part(line, 9, 64), ' ');
		if (line.n < 3 || memcmp(line.p, "m=", 2) || sp_out_room(&o) < 16)
			continue;
		struct sp_slice kind = up_to(part(line, 2, line.n), ' '), rest = after(part(line, 2, line.n), ' ');
		struct sp_slice port = up_to(rest, ' '), type = up_to(after(after(rest, ' '), ' '), ' ');
		if (o.p != o.start)
			sp_out_text(&o, ", ");
		sp_out_put(&o, part(kind, 0, 16));
		sp_out_char(&o, ' ');
		sp_out_put(&o, where);
		sp_out_char(&o, ':');
		sp_out_put(&o, part(port, 0, 8));
		sp_out_char(&o, ' ');
		sp_out_put(&o, codec(part(body, at, body.n), type));
	}
	return sp_out_end(p->arena, &o);
}

/* --- messages */

static bool is_response(struct sp_slice line)
{
	return line.n >= 11 && !memcmp(line.p, "SIP/2.0 ", 8) && line.p[8] >= '1' && line.p[8] <= '6';
}

/* "INVITE sip:bob@example.test SIP/2.0" */
static bool is_request(struct sp_slice line)
{
	struct sp_slice method = up_to(line, ' ');
	if (!method.n || method.n > METHOD_MAX || line.n < method.n + 10 || memcmp(line.p + line.n - 8, " SIP/2.0", 8))
		return false;
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] < 'A' || method.p[i] > 'Z')
			return false;
	return true;
}

/* An ACK has its INVITE's number: it is told apart, and a CANCEL, by the method. */
static uint64_t id_of(const struct head *h)
{
	struct sp_slice call = h->value[CALL_ID], cseq = h->value[CSEQ];
	uint64_t key = cseq.n ? sp_hash_bytes(cseq.p, cseq.n, 0) : 0;
	return call.n ? sp_hash_bytes(call.p, call.n, key) : key;
}

static enum sp_status status_of(const uint8_t *code)
{
	switch (*code) {
	case '4':
		return memcmp(code, "408", 3) ? SP_STATUS_CLIENT_ERROR : SP_STATUS_TIMEOUT;
	case '5':
		return SP_STATUS_SERVER_ERROR;
	case '6':
		return SP_STATUS_CLIENT_ERROR;
	default:
		return SP_STATUS_OK;
	}
}

static void describe_response(struct sp_parse *p, struct sp_slice line, const struct head *h)
{
	struct sp_msg *m = sp_msg_begin(p, line.p[8] == '1' ? SP_MSG_INTERIM : SP_MSG_RESPONSE, SP_PART_WHOLE);
	/* An authentication that is asked for is how it begins. */
	bool challenge = !memcmp(line.p + 8, "401", 3) || !memcmp(line.p + 8, "407", 3);
	sp_msg_put(m, SP_SLOT_CODE, part(line, 8, 3));
	m->status = (uint8_t)(line.p[8] == '1' ? SP_STATUS_NONE : status_of(line.p + 8));
	if (m->status > SP_STATUS_OK && !challenge)
		sp_msg_put(m, SP_SLOT_MESSAGE, part(part(line, 12, line.n), 0, TEXT_SHOWN));
	sp_msg_extra(m, AGENT, part(h->value[SERVER_AGENT], 0, TEXT_SHOWN));
}

static void describe_request(struct sp_parse *p, struct sp_slice line, const struct head *h)
{
	struct sp_slice method = up_to(line, ' '), uri = up_to(after(line, ' '), ' ');
	struct sp_msg *m = sp_msg_begin(p, sp_slice_is(method, "ACK") ? SP_MSG_ONEWAY : SP_MSG_REQUEST, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_VERSION, SP_TEXT("2.0"));
	sp_msg_put(m, SP_SLOT_METHOD, method);
	sp_msg_put(m, SP_SLOT_HOST, p->reveal ? (struct sp_slice){0} : address(p, uri));
	sp_msg_put(m, SP_SLOT_RESOURCE, target(p, uri));
	sp_msg_put(m, SP_SLOT_ENDPOINT, method);
	sp_msg_extra(m, FROM_DOMAIN, address(p, h->value[FROM]));
	sp_msg_extra(m, TO_DOMAIN, address(p, h->value[TO]));
	sp_msg_extra(m, AGENT, part(h->value[USER_AGENT], 0, TEXT_SHOWN));
	sp_msg_extra(m, EXPIRES_FIELD, part(h->value[EXPIRES], 0, TEXT_SHOWN));
}

/* False: no number. None at all is 0, which UDP leaves to the datagram. */
static bool content_length(struct sp_slice value, uint64_t *n)
{
	*n = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' || *n > BODY_MAX)
			return false;
		*n = *n * 10 + value.p[i] - '0';
	}
	return *n <= BODY_MAX;
}

static enum sp_parse_result message(struct sp_parse *p, struct sp_slice line, const struct head *h, uint64_t length)
{
	size_t there = (size_t)SP_MIN(length, (uint64_t)(p->in.n - h->n));
	bool sdp = sp_slice_is_nocase(up_to(h->value[CONTENT_TYPE], ';'), "application/sdp");
	size_t need = sdp ? (size_t)SP_MIN(length, (uint64_t)BODY_READ) : 0;
	if (there < need && !p->last && h->n + need <= SP_CARRY_MAX)
		return sp_parse_more(p, h->n + need);
	if (is_response(line))
		describe_response(p, line, h);
	else
		describe_request(p, line, h);
	struct sp_msg *m = &p->msg;
	m->id = id_of(h);
	sp_msg_put(m, SP_SLOT_CORRELATION, part(h->value[CALL_ID], 0, TEXT_SHOWN));
	sp_msg_extra(m, EVENT_FIELD, part(up_to(h->value[EVENT], ';'), 0, TEXT_SHOWN));
	sp_msg_extra(m, REASON_FIELD, part(h->value[REASON].n ? h->value[REASON] : h->value[WARNING], 0, TEXT_SHOWN));
	if (sdp)
		sp_msg_extra(m, MEDIA, media(p, part(p->in, h->n, SP_MIN(need, there))));
	p->want = length - there;
	return sp_parse_msg(p, h->n + there);
}

static size_t blank(struct sp_slice in)
{
	size_t n = 0;
	while (n < in.n && (in.p[n] == '\r' || in.p[n] == '\n' || !in.p[n]))
		n++;
	return n;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct head h = {0};
	size_t next, empty = blank(p->in);
	uint64_t length;
	bool udp = p->transport == SP_UDP;
	if (empty) /* keeps a connection, or a NAT's mapping, alive */
		return sp_parse_skip(p, empty, 0);
	struct sp_slice line = line_at(p->in, 0, &next);
	if (line.n == SIZE_MAX)
		return udp		    ? sp_parse_skip(p, p->in.n, 0)
		       : p->in.n < HEAD_MAX ? sp_parse_more(p, p->in.n + 1)
					    : SP_PARSE_BAD;
	if (!is_response(line) && !is_request(line))
		return udp ? sp_parse_skip(p, p->in.n, 0) : SP_PARSE_BAD;
	if (!read_head(p->in, next, &h)) {
		if (!udp)
			return p->in.n < HEAD_MAX ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
		h.n = p->in.n; /* cut */
	}
	if (!content_length(h.value[CONTENT_LENGTH], &length))
		return udp ? sp_parse_skip(p, p->in.n, 0) : SP_PARSE_BAD;
	if (udp)
		length = p->in.n - h.n;
	return message(p, line, &h, length);
}

static enum sp_probe probe(struct sp_parse *p)
{
	static const char *const methods[] = {"INVITE ",  "ACK ",	"BYE ",	   "CANCEL ",  "REGISTER ",
					      "OPTIONS ", "SUBSCRIBE ", "NOTIFY ", "MESSAGE ", "INFO ",
					      "PRACK ",	  "UPDATE ",	"REFER ",  "PUBLISH ", NULL};
	size_t next;
	struct sp_slice line = line_at(p->in, 0, &next);
	bool whole = line.n != SIZE_MAX;
	line = whole ? line : p->in;
	if (!memcmp(line.p, "SIP/2.0 ", SP_MIN(line.n, (size_t)8))) {
		if (line.n < 11)
			return whole || p->last ? SP_PROBE_NO : SP_PROBE_MAYBE;
		p->reversed = p->side == SP_CLIENT && p->transport != SP_UDP;
		return is_response(line) ? SP_PROBE_YES : SP_PROBE_NO;
	}
	for (const char *const *m = methods; *m; m++) {
		size_t n = strlen(*m);
		if (memcmp(line.p, *m, SP_MIN(line.n, n)))
			continue;
		if (whole)
			return is_request(line) ? SP_PROBE_YES : SP_PROBE_NO;
		return p->last || line.n > TEXT_SHOWN ? SP_PROBE_NO : SP_PROBE_MAYBE;
	}
	return SP_PROBE_NO;
}

static size_t resync(struct sp_parse *p)
{
	size_t next;
	for (size_t at = 0; at < p->in.n; at = next) {
		struct sp_slice line = line_at(p->in, at, &next);
		if (line.n == SIZE_MAX)
			break;
		if (is_response(line) || is_request(line))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {5060, 0};

static const struct sp_start starts[] = {
	SP_START_TEXT('S', 'I', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('I', 'N', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('A', 'C', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('B', 'Y', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('C', 'A', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('R', 'E', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('O', 'P', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('S', 'U', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('N', 'O', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('M', 'E', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('P', 'R', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('U', 'P', SP_FROM_CLIENT | SP_FROM_SERVER),
	SP_START_TEXT('P', 'U', SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[FROM_DOMAIN] = "sip.from",	 [TO_DOMAIN] = "sip.to",
	[AGENT] = "user_agent.original", [MEDIA] = "sip.media",
	[EVENT_FIELD] = "sip.event",	 [EXPIRES_FIELD] = "sip.expires",
	[REASON_FIELD] = "sip.reason",	 NULL,
};

#ifdef SP_WITH_VECTORS
#define BODY                                                                                                           \
	"v=0\r\nc=IN IP4 10.1.0.2\r\nm=audio 6000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\nm=video 6002 RTP/AVP "   \
	"34\r\n"
#define ROUTE "Call-ID: c1@a.test\r\nFrom: \"Al\" <sip:al@a.test>;tag=1\r\nTo: <sip:bob@b.test:5060;lr>\r\n"
static const struct sp_vector vectors[] = {
	{
		.name = "a call over TCP",
		.step = {SP_C("INVITE sip:bob@b.test SIP/2.0\r\n" ROUTE "CSeq: 1 INVITE\r\nAuthorization: Digest x\r\n"
			      "Content-Type: application/sdp\r\nContent-Length: 102\r\n\r\n" BODY),
			 SP_S("SIP/2.0 180 Ringing\r\n" ROUTE "CSeq: 1 INVITE\r\n\r\n"),
			 SP_S("SIP/2.0 486 Busy Here\r\ni:c1@a.test\r\nCSEQ :1 INVITE\r\nl:4\r\n\r\nbody"),
			 SP_C("\r\n\r\nACK sip:bob@b.test SIP/2.0\r\n" ROUTE "CSeq: 1 ACK\r\n\r\n")},
		.want = "> request app_version=2.0 method=INVITE host=b.test resource=sip:?@b.test endpoint=INVITE "
			"correlation=c1@a.test id=15763819446229749860 bytes=312 sip.from=a.test sip.to=b.test "
			"sip.media=audio 10.1.0.2:6000 opus, video 10.1.0.2:6002 H263\n"
			"< interim code=180 correlation=c1@a.test id=15763819446229749860 bytes=123\n"
			"< response code=486 message=Busy Here correlation=c1@a.test status=client_error "
			"id=15763819446229749860 "
			"bytes=63\n"
			"> oneway app_version=2.0 method=ACK host=b.test resource=sip:?@b.test endpoint=ACK "
			"correlation=c1@a.test id=4446087534112152280 bytes=127 sip.from=a.test sip.to=b.test\n",
	},
	{
		.name = "over UDP: a registration that has to prove itself, a number, the end of a datagram missing",
		.udp = true,
		.step = {SP_C("REGISTER sips:b.test SIP/2.0\r\n" ROUTE
			      "CSeq: 7 REGISTER\r\nExpires: 60\r\nUser-Agent: phone\r\n\r\n"),
			 SP_S("SIP/2.0 401 Unauthorized\r\n" ROUTE "CSeq: 7 REGISTER\r\nServer: proxy\r\n\r\n"),
			 SP_C("BYE tel:+4930123 SIP/2.0\r\n" ROUTE "CSeq: 8 BYE\r\nReason: Q.850;cause=16\r\n\r\n"),
			 SP_C("\r\n\r\n"), SP_S("SIP/2.0 408 Request Timeout\r\n" ROUTE "CSeq: 8 BYE\r\n\r\n"),
			 SP_C("OPTIONS sip:b.test SIP/2.0\r\nCall-ID: x\r\nCSeq: 9 OPT")},
		.want = "> request app_version=2.0 method=REGISTER host=b.test resource=sips:b.test endpoint=REGISTER "
			"correlation=c1@a.test id=14310169505786627257 bytes=166 sip.from=a.test sip.to=b.test "
			"user_agent.original=phone "
			"sip.expires=60\n"
			"< response code=401 correlation=c1@a.test status=client_error id=14310169505786627257 "
			"bytes=145 "
			"user_agent.original=proxy\n"
			"> request app_version=2.0 method=BYE resource=tel:? endpoint=BYE correlation=c1@a.test "
			"id=4619838129186321687 "
			"bytes=149 sip.from=a.test sip.to=b.test sip.reason=Q.850;cause=16\n"
			"< response code=408 message=Request Timeout correlation=c1@a.test status=timeout "
			"id=4619838129186321687 "
			"bytes=128\n"
			"> request app_version=2.0 method=OPTIONS host=b.test resource=sip:b.test endpoint=OPTIONS "
			"correlation=x "
			"id=12652231536961874868 bytes=51\n",
	},
	{
		.name = "in full",
		.reveal = true,
		.step = {SP_C("MESSAGE sip:bob@b.test SIP/2.0\r\n" ROUTE
			      "CSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi")},
		.want = "> request app_version=2.0 method=MESSAGE resource=sip:bob@b.test endpoint=MESSAGE "
			"correlation=c1@a.test id=9597381437582718113 "
			"bytes=156 sip.from=sip:al@a.test sip.to=sip:bob@b.test:5060\n",
	},
	{0},
};
#endif

const struct sp_parser sp_sip_parser = {
	.name = "sip",
	.title = "SIP",
	.missing = "bodies other than SDP; header lines that are folded; over TLS, WebSocket and SCTP",
	.app = SP_APP_SIP,
	.transports = SP_TCP | SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.timeout_s = 180,
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
