/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC versions 1 and 2 (RFC 9000, 9001, 9369) and the drafts from 23 on, as far as everybody can read it: the heads of
 * long packets, and what Initial packets hold. The call is the handshake: its request is the ClientHello, which may
 * come in several datagrams, its response the ServerHello. Retry and HelloRetryRequest belong to the same call; after
 * Version Negotiation the client begins another one. Everything protected by other keys is passed over. */
#include "base/cursor.h"
#include "parsers/quic_priv.h"
#include "parsers/tls_priv.h"

enum {
	LONG = 0x80,
	FIXED = 0x40,
	FIRST_MIN = 1200, /* bytes of a datagram with the client's Initial */
	FIRST_CID_MIN = 8,
	TOKEN_MAX = 2048,
	CRYPTO_MAX = 4096, /* bytes of a hello that are put together */
	RANGES_MAX = 32,
	PACKETS_MAX = 8, /* in one datagram */
	VERSIONS_SHOWN = 8,
	REASON_SHOWN = 256,
	MESSAGE_HEAD = 4,
};

enum packet_type { INITIAL, ZERO_RTT, HANDSHAKE, RETRY, VERSION_NEGOTIATION };

enum frame { PADDING = 0, PING = 1, ACK = 2, ACK_ECN = 3, CRYPTO = 6, CONNECTION_CLOSE = 0x1c };

enum { CRYPTO_ERROR = 0x100 };

#define FIELDS(X)                                                                                                      \
	SP_TLS_FIELDS(X)                                                                                               \
	X(HELLO_RETRY, "tls.hello_retry")                                                                              \
	X(RETRY_PACKET, "quic.retry")

enum field { FIRST_OWN = SP_TLS_FIELDS_END - 1, HELLO_RETRY, RETRY_PACKET };

struct state {
	uint64_t id;
	uint8_t cid_n;
	uint8_t cid[SP_QUIC_CID_MAX]; /* of which the keys are made */
	uint16_t retried;	      /* bytes of a HelloRetryRequest in the server's stream before its ServerHello */
	bool asked;		      /* the request has begun */
	bool hello;		      /* and is whole */
	bool answering, answered;
};

/* What came of one side's stream of handshake bytes. */
struct crypto {
	uint8_t side, n;
	struct {
		uint16_t from, to;
	} range[RANGES_MAX];
	uint8_t bytes[CRYPTO_MAX];
};

struct packet {
	uint8_t type;
	uint32_t version;
	const struct sp_quic_version *known;
	struct sp_slice to, from, token;
	struct sp_slice whole; /* from its first byte on */
	size_t number;	       /* bytes before the packet number */
};

/* What one datagram's Initial packets hold. */
struct found {
	struct crypto *crypto;
	uint32_t version;
	bool opened, sealed; /* there was an Initial that could be read, one that could not */
	bool crypto_seen, closed;
	uint64_t error;
	struct sp_slice reason;
};

static uint64_t varint(struct sp_cursor *c)
{
	uint64_t v = sp_cursor_u8(c);
	unsigned more = (1U << (v >> 6)) - 1;
	for (v &= 0x3f; more; more--)
		v = v << 8 | sp_cursor_u8(c);
	return v;
}

static struct sp_slice bytes(struct sp_cursor *c, uint64_t n)
{
	const uint8_t *p = n <= sp_cursor_left(c) ? sp_cursor_take(c, (size_t)n) : sp_cursor_take(c, SIZE_MAX);
	return (struct sp_slice){p, p ? (size_t)n : 0};
}

static struct sp_slice cid(struct sp_cursor *c)
{
	size_t n = sp_cursor_u8(c);
	c->bad |= n > SP_QUIC_CID_MAX;
	return bytes(c, n);
}

static uint8_t packet_type(uint8_t first, bool v2)
{
	static const uint8_t of_v2[] = {RETRY, INITIAL, ZERO_RTT, HANDSHAKE};
	unsigned bits = first >> 4 & 3;
	return v2 ? of_v2[bits] : (uint8_t)bits;
}

/* A packet with a long head; `whole` ends where the next one begins. False: it is none. */
static bool long_packet(struct sp_slice in, struct packet *k)
{
	struct sp_cursor c = sp_cursor(in);
	uint8_t first = sp_cursor_u8(&c);
	*k = (struct packet){.version = sp_cursor_u32(&c), .whole = in};
	k->to = cid(&c);
	k->from = cid(&c);
	k->known = sp_quic_version(k->version);
	k->type = k->version ? packet_type(first, k->known && k->known->v2) : VERSION_NEGOTIATION;
	if (c.bad || !(first & LONG))
		return false;
	if (!k->known || k->type == RETRY) {
		k->token = (struct sp_slice){c.p, sp_cursor_left(&c)}; /* the versions, or the token and its tag */
		return k->type != VERSION_NEGOTIATION || (k->token.n && k->token.n % 4 == 0);
	}
	if (k->type == INITIAL)
		k->token = bytes(&c, varint(&c));
	uint64_t n = varint(&c);
	if (c.bad || n > sp_cursor_left(&c) || k->token.n > TOKEN_MAX)
		return false;
	k->number = (size_t)(c.p - in.p);
	k->whole.n = k->number + (size_t)n;
	return true;
}

/* Handshake bytes at an offset of a side's stream, of which one is kept at a time. Ranges are kept in order, with
 * something missing between them. */
static void add(struct crypto *c, unsigned side, uint64_t offset, struct sp_slice data)
{
	if (offset >= CRYPTO_MAX || !data.n)
		return;
	uint16_t from = (uint16_t)offset, to = (uint16_t)SP_MIN(offset + data.n, (uint64_t)CRYPTO_MAX);
	unsigned first = 0, last;
	if (c->side != side)
		c->n = 0;
	c->side = (uint8_t)side;
	while (first < c->n && c->range[first].to < from)
		first++;
	for (last = first; last < c->n && c->range[last].from <= to; last++)
		;
	if (first == last && c->n == RANGES_MAX)
		return;
	memcpy(c->bytes + from, data.p, to - from);
	if (first < last) {
		from = SP_MIN(from, c->range[first].from);
		to = SP_MAX(to, c->range[last - 1].to);
	}
	memmove(c->range + first + 1, c->range + last, (c->n - last) * sizeof *c->range);
	c->n = (uint8_t)(c->n - (last - first) + 1);
	c->range[first].from = from;
	c->range[first].to = to;
}

/* The body of the hello that the stream begins with, when all of it is there that will be read. */
static struct sp_slice hello_of(const struct crypto *c, unsigned type)
{
	unsigned side = type == SP_TLS_CLIENT_HELLO ? SP_CLIENT : SP_SERVER;
	size_t n = c->n && c->side == side && !c->range[0].from ? c->range[0].to : 0;
	if (n < MESSAGE_HEAD || c->bytes[0] != type)
		return (struct sp_slice){0};
	size_t whole = MESSAGE_HEAD + (sp_be32(c->bytes) & 0xffffff);
	whole = SP_MIN(whole, (size_t)CRYPTO_MAX);
	return n < whole ? (struct sp_slice){0} : (struct sp_slice){c->bytes + MESSAGE_HEAD, whole - MESSAGE_HEAD};
}

static bool pass_ack(struct sp_cursor *c, bool ecn)
{
	varint(c);
	varint(c);
	uint64_t ranges = varint(c);
	varint(c);
	for (; ranges && !c->bad; ranges--) {
		varint(c);
		varint(c);
	}
	for (unsigned i = 0; ecn && i < 3; i++)
		varint(c);
	return !c->bad;
}

/* RFC 9000 section 17.2.2: no other frames than these. `base`: where the hello begins in the stream. */
static void frames(struct sp_slice payload, struct found *f, unsigned side, uint64_t base)
{
	struct sp_cursor c = sp_cursor(payload);
	while (c.p < c.end && !c.bad) {
		uint64_t type = varint(&c);
		if (type == CRYPTO) {
			uint64_t offset = varint(&c);
			struct sp_slice data = bytes(&c, varint(&c));
			f->crypto_seen |= data.n > 0;
			if (offset >= base)
				add(f->crypto, side, offset - base, data);
		} else if (type == CONNECTION_CLOSE) {
			f->error = varint(&c);
			varint(&c); /* the frame's type */
			f->reason = bytes(&c, varint(&c));
			f->closed = !c.bad;
		} else if (type == ACK || type == ACK_ECN) {
			pass_ack(&c, type == ACK_ECN);
		} else if (type != PADDING && type != PING) {
			return;
		}
	}
}

/* A connection begins, or begins again on the same addresses. Its name is at least FIRST_CID_MIN bytes long. */
static void begin(struct state *st, struct sp_slice to)
{
	*st = (struct state){.id = sp_be64(to.p), .cid_n = (uint8_t)to.n};
	memcpy(st->cid, to.p, to.n);
}

static bool is_cid(const struct state *st, struct sp_slice c)
{
	return c.n == st->cid_n && !memcmp(c.p, st->cid, c.n);
}

static void initial(struct sp_parse *p, const struct packet *k, struct found *f)
{
	struct state *st = p->state;
	struct sp_slice own = {st->cid, st->cid_n}, payload = {0};
	f->version = k->version;
	if (p->side == SP_SERVER ? st->answered || !st->asked : st->answered && is_cid(st, k->to))
		return;
	if (st->asked && !st->answered)
		payload = sp_quic_open(p->arena, k->known, own, p->side, k->whole, k->number);
	bool fresh =
		!payload.n && p->side == SP_CLIENT && k->to.n >= FIRST_CID_MIN && !(st->asked && is_cid(st, k->to));
	if (fresh) {
		payload = sp_quic_open(p->arena, k->known, k->to, SP_CLIENT, k->whole, k->number);
		if (payload.n || !st->asked) {
			begin(st, k->to);
			f->crypto->n = 0;
		}
	}
	f->opened |= payload.n > 0;
	f->sealed |= !payload.n;
	frames(payload, f, p->side, p->side == SP_SERVER ? st->retried : 0);
}

static struct sp_slice error_name(struct sp_arena *a, uint64_t error)
{
	static const char *const name[] = {
		"NO_ERROR",
		"INTERNAL_ERROR",
		"CONNECTION_REFUSED",
		"FLOW_CONTROL_ERROR",
		"STREAM_LIMIT_ERROR",
		"STREAM_STATE_ERROR",
		"FINAL_SIZE_ERROR",
		"FRAME_ENCODING_ERROR",
		"TRANSPORT_PARAMETER_ERROR",
		"CONNECTION_ID_LIMIT_ERROR",
		"PROTOCOL_VIOLATION",
		"INVALID_TOKEN",
		"APPLICATION_ERROR",
		"CRYPTO_BUFFER_EXCEEDED",
		"KEY_UPDATE_ERROR",
		"AEAD_LIMIT_REACHED",
		"NO_VIABLE_PATH",
		"VERSION_NEGOTIATION_ERROR",
	};
	if (error < SP_ARRAY_SIZE(name))
		return sp_slice_of(name[error]);
	return error >> 8 == CRYPTO_ERROR >> 8 ? sp_tls_alert(a, (uint8_t)error) : sp_arena_u64(a, error);
}

/* As with TLS's alerts: the other side's fault, unless the sender speaks of itself. */
static enum sp_status error_status(uint64_t error, unsigned sender)
{
	enum { NO_ERROR, INTERNAL_ERROR, CONNECTION_REFUSED, APPLICATION_ERROR = 12 };
	if (error >> 8 == CRYPTO_ERROR >> 8)
		return sp_tls_alert_status((uint8_t)error, sender);
	if (error == NO_ERROR || error == APPLICATION_ERROR)
		return SP_STATUS_UNKNOWN;
	bool of_itself = error == INTERNAL_ERROR || error == CONNECTION_REFUSED;
	return of_itself == (sender == SP_CLIENT) ? SP_STATUS_CLIENT_ERROR : SP_STATUS_SERVER_ERROR;
}

static void describe_close(struct sp_parse *p, const struct found *f)
{
	struct sp_msg *m = &p->msg;
	sp_msg_put(m, SP_SLOT_CODE, error_name(p->arena, f->error));
	sp_msg_put(m, SP_SLOT_MESSAGE, (struct sp_slice){f->reason.p, SP_MIN(f->reason.n, (size_t)REASON_SHOWN)});
	m->status = (uint8_t)error_status(f->error, p->side);
	sp_msg_extra(m, SP_TLS_ESTABLISHED, SP_TEXT("false"));
}

static struct sp_msg *message(struct sp_parse *p, enum sp_msg_kind kind, enum sp_msg_part part)
{
	const struct state *st = p->state;
	struct sp_msg *m = sp_msg_begin(p, kind, part);
	m->id = st->id;
	return m;
}

static enum sp_parse_result pass(struct sp_parse *p)
{
	return sp_parse_skip(p, p->in.n, 0);
}

/* Keeps what is not whole yet for the next datagram. False: it cannot be kept. */
static bool keep(struct sp_parse *p, const struct crypto *c)
{
	struct crypto *kept = sp_parse_extend(p);
	if (kept && kept != c)
		*kept = *c;
	return kept;
}

static enum sp_parse_result asks(struct sp_parse *p, struct state *st, const struct found *f)
{
	struct sp_client_hello h;
	if (f->closed && st->asked && !st->answered) {
		message(p, SP_MSG_INTERIM, SP_PART_WHOLE);
		describe_close(p, f);
		return sp_parse_msg(p, p->in.n);
	}
	if (st->hello || (!f->opened && st->asked) || (f->opened && !f->crypto_seen))
		return pass(p);
	struct sp_slice body = hello_of(f->crypto, SP_TLS_CLIENT_HELLO);
	bool readable = body.n && sp_client_hello(body, &h);
	bool whole = body.n || !f->opened || !keep(p, f->crypto);
	if (!whole && st->asked)
		return pass(p);
	struct sp_msg *m = message(p, SP_MSG_REQUEST, !whole ? SP_PART_HEAD : st->asked ? SP_PART_TAIL : SP_PART_WHOLE);
	if (readable)
		sp_tls_describe_client(p, &h, 'q');
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("handshake"));
	sp_msg_put(m, SP_SLOT_VERSION, sp_quic_version_name(p->arena, f->version));
	st->asked = true;
	st->hello = whole;
	return sp_parse_msg(p, p->in.n);
}

static enum sp_parse_result retry_request(struct sp_parse *p, struct state *st, size_t n)
{
	st->retried = (uint16_t)(st->retried + n);
	sp_msg_extra(message(p, SP_MSG_INTERIM, SP_PART_WHOLE), HELLO_RETRY, SP_TEXT("true"));
	if (p->more)
		((struct crypto *)p->more)->n = 0;
	return sp_parse_msg(p, p->in.n);
}

static enum sp_parse_result answers(struct sp_parse *p, struct state *st, const struct found *f)
{
	struct sp_server_hello h;
	if (!f->opened || (!f->crypto_seen && !f->closed))
		return pass(p);
	struct sp_slice body = hello_of(f->crypto, SP_TLS_SERVER_HELLO);
	bool readable = body.n && sp_server_hello(body, &h);
	if (readable && h.retry && !st->retried)
		return retry_request(p, st, MESSAGE_HEAD + body.n);
	bool whole = body.n || f->closed || !keep(p, f->crypto);
	if (!whole && st->answering)
		return pass(p);
	struct sp_msg *m = message(p, SP_MSG_RESPONSE,
				   !whole	   ? SP_PART_HEAD
				   : st->answering ? SP_PART_TAIL
						   : SP_PART_WHOLE);
	if (readable)
		sp_tls_describe_server(p, &h);
	sp_msg_put(m, SP_SLOT_VERSION, sp_quic_version_name(p->arena, f->version));
	if (f->closed)
		describe_close(p, f);
	else if (whole)
		m->status = SP_STATUS_OK;
	st->answering = true;
	st->answered = whole;
	return sp_parse_msg(p, p->in.n);
}

/* RFC 9000 section 17.2.5: the client begins again with keys of the server's choice. */
static enum sp_parse_result retry(struct sp_parse *p, struct state *st, const struct packet *k)
{
	if (p->side == SP_CLIENT || !st->asked || st->answering)
		return pass(p);
	st->cid_n = (uint8_t)k->from.n;
	memcpy(st->cid, k->from.p, k->from.n);
	if (p->more)
		((struct crypto *)p->more)->n = 0;
	sp_msg_extra(message(p, SP_MSG_INTERIM, SP_PART_WHOLE), RETRY_PACKET, SP_TEXT("true"));
	return sp_parse_msg(p, p->in.n);
}

/* The server's: which versions it would have liked. */
static enum sp_parse_result negotiate(struct sp_parse *p, struct state *st, const struct packet *k)
{
	struct sp_slice text = {0}, part[2 * VERSIONS_SHOWN];
	size_t n = 0;
	if (p->side == SP_CLIENT || !st->asked || st->answering)
		return pass(p);
	for (size_t i = 0; i + 4 <= k->token.n && n < 2 * VERSIONS_SHOWN - 1; i += 4) {
		if (n)
			part[n++] = SP_TEXT(",");
		part[n++] = sp_quic_version_name(p->arena, sp_be32(k->token.p + i));
	}
	text = sp_arena_join(p->arena, part, n);
	struct sp_msg *m = message(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_CODE, SP_TEXT("version_negotiation"));
	sp_msg_put(m, SP_SLOT_MESSAGE, text);
	m->status = SP_STATUS_CLIENT_ERROR;
	*st = (struct state){0};
	if (p->more)
		((struct crypto *)p->more)->n = 0;
	return sp_parse_msg(p, p->in.n);
}

/* A client's first packet in a version that is not known here, perhaps to be told of others. */
static enum sp_parse_result unknown(struct sp_parse *p, struct state *st, const struct packet *k)
{
	if (p->side == SP_SERVER || st->asked || p->in.n < FIRST_MIN || k->to.n < FIRST_CID_MIN)
		return pass(p);
	begin(st, k->to);
	st->asked = st->hello = true;
	struct sp_msg *m = message(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("handshake"));
	sp_msg_put(m, SP_SLOT_VERSION, sp_quic_version_name(p->arena, k->version));
	return sp_parse_msg(p, p->in.n);
}

/* For a hello that is in one datagram as a whole: what is told of it outlives this call. */
static struct crypto *own(struct sp_parse *p)
{
	uint8_t *room = sp_arena_get(p->arena, sizeof(struct crypto) + _Alignof(struct crypto));
	if (!room)
		return NULL;
	struct crypto *c = (struct crypto *)(room + -(uintptr_t)room % _Alignof(struct crypto));
	c->n = 0;
	c->side = p->side;
	return c;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct found f = {.crypto = p->more};
	struct packet k;
	if (!(*p->in.p & LONG))
		return pass(p);
	if (!long_packet(p->in, &k))
		return st->asked ? pass(p) : SP_PARSE_BAD;
	if (k.type == VERSION_NEGOTIATION)
		return negotiate(p, st, &k);
	if (!k.known)
		return unknown(p, st, &k);
	if (k.type == RETRY)
		return retry(p, st, &k);
	size_t at = 0;
	if (!f.crypto && !(f.crypto = own(p)))
		return pass(p);
	for (unsigned i = 0; i < PACKETS_MAX; i++) {
		if (k.known && k.type == INITIAL)
			initial(p, &k, &f);
		at += k.whole.n;
		if (at >= p->in.n || !long_packet((struct sp_slice){p->in.p + at, p->in.n - at}, &k))
			break;
	}
	if (!f.opened && !f.sealed)
		return pass(p);
	return p->side == SP_CLIENT ? asks(p, st, &f) : answers(p, st, &f);
}

static bool offers_known(struct sp_slice versions)
{
	for (size_t i = 0; i + 4 <= SP_MIN(versions.n, (size_t)4 * VERSIONS_SHOWN); i += 4)
		if (sp_quic_version(sp_be32(versions.p + i)))
			return true;
	return false;
}

/* A version that is known, or one that only asks for others, in a packet whose lengths fit. */
static enum sp_probe probe(struct sp_parse *p)
{
	struct packet k;
	if (!long_packet(p->in, &k))
		return SP_PROBE_NO;
	if (k.type == VERSION_NEGOTIATION) {
		p->reversed = p->side == SP_CLIENT;
		return offers_known(k.token) ? SP_PROBE_YES : SP_PROBE_NO;
	}
	if (!(*p->in.p & FIXED)) /* RFC 9287: later it may be anything */
		return SP_PROBE_NO;
	bool first = p->in.n >= FIRST_MIN && k.to.n >= FIRST_CID_MIN;
	if (!k.known)
		return first && (k.version & 0x0f0f0f0f) == 0x0a0a0a0a ? SP_PROBE_YES : SP_PROBE_NO;
	if (k.type == RETRY)
		return k.token.n > SP_QUIC_TAG && k.from.n ? SP_PROBE_YES : SP_PROBE_NO;
	return k.whole.n >= k.number + 4 + SP_QUIC_TAG ? SP_PROBE_YES : SP_PROBE_NO;
}

static size_t resync(struct sp_parse *p)
{
	return 0;
}

static const uint16_t ports[] = {443, 853, 784, 8443, 0};

static const struct sp_start starts[] = {
	{LONG << 8, LONG << 8, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
#define X(symbol, name) name,
	FIELDS(X)
#undef X
		NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/quic_vectors.h"
#endif

const struct sp_parser sp_quic_parser = {
	.name = "quic",
	.title = "QUIC",
	.missing = "what is protected by other keys than the Initial ones: certificates, the protocol chosen, HTTP/3; "
		   "drafts before "
		   "23, Google's and Facebook's own versions",
	.app = SP_APP_QUIC,
	.transports = SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct crypto),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
