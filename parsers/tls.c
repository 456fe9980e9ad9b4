/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.0 to 1.3 and SSL 3.0 (RFC 8446, 5246, 4346, 2246, 6101), as far as it can be read without keys. The call is the
 * handshake: its request is the ClientHello, its response everything that the server sends for it. That ends
 *
 * - up to 1.2 with the server's Finished, the first record after its ChangeCipherSpec;
 * - in 1.3 with the server's last record before the client's first protected one: what the server's own Finished is
 *   cannot be seen, but the client answers it. The tail, without bytes, comes with the server's next record.
 *
 * What the client does to an open handshake after its hello comes as INTERIM of its side: a fatal alert. In 1.3 an
 * alert is protected, but nothing else that a client may answer a handshake with is as short.
 *
 * Records of application data cost their heads. Where exchanges are wanted that cannot be read, what the client says
 * until the server does is a request, and the first record that the server then sends its response. */
#include "base/cursor.h"
#include "parsers/tls_priv.h"

enum record_type {
	CHANGE_CIPHER_SPEC = 20,
	ALERT = 21,
	HANDSHAKE = 22,
	APPLICATION_DATA = 23,
	HEARTBEAT = 24,
};

enum {
	HEAD = 5,	  /* of a record */
	MESSAGE_HEAD = 4, /* of a handshake message */
	RECORD_MAX = 16384 + 2048,
	MESSAGE_MAX = 1 << 18,
	HELLO_MAX = 12288, /* bytes of a hello that are read */
	LEAF_MAX = 2048,   /* bytes of a certificate that are read: names stand at its beginning */
	LEAF_HEAD = 6,	   /* the lengths of the chain and of its first certificate */
	SSL2_HEAD = 2,
	SSL2_HELLO_MAX = 1024,
	ALERT_SIZE = 2,
	PROTECTED_ALERT = 19, /* in 1.3: level, description, type and 16 bytes of authentication */
	FLIGHT_MAX = 64,      /* records of a server in 1.3 whose client is not seen */
	PROBE_ENOUGH = 64,
	TICKET_MAX = 400, /* a NewSessionTicket, without a client's certificate in it */
};

enum alert_level { WARNING = 1, FATAL = 2 };
enum alert { CLOSE_NOTIFY = 0, USER_CANCELED = 90 };

#define FIELDS(X)                                                                                                      \
	SP_TLS_FIELDS(X)                                                                                               \
	X(HELLO_RETRY, "tls.hello_retry")                                                                              \
	X(SERVER_SUBJECT, "tls.server.subject")                                                                        \
	X(SERVER_ISSUER, "tls.server.issuer")                                                                          \
	X(SERVER_NOT_BEFORE, "tls.server.not_before")                                                                  \
	X(SERVER_NOT_AFTER, "tls.server.not_after")                                                                    \
	X(CLIENT_SUBJECT, "tls.client.subject")                                                                        \
	X(CLIENT_ISSUER, "tls.client.issuer")                                                                          \
	X(CLIENT_NOT_BEFORE, "tls.client.not_before")                                                                  \
	X(CLIENT_NOT_AFTER, "tls.client.not_after")

enum field {
	FIRST_OWN = SP_TLS_FIELDS_END - 1,
	HELLO_RETRY,
	SERVER_SUBJECT,
	SERVER_ISSUER,
	SERVER_NOT_BEFORE,
	SERVER_NOT_AFTER,
	CLIENT_SUBJECT,
	CLIENT_ISSUER,
	CLIENT_NOT_BEFORE,
	CLIENT_NOT_AFTER,
};

struct side {
	uint32_t body;	 /* of a handshake message, still to be passed over */
	uint16_t record; /* of a handshake record, still to be read */
	bool secured;	 /* ChangeCipherSpec: handshake and alerts are protected from then on */
	bool lost;	 /* where messages begin is not known */
};

struct state {
	struct side side[2];
	uint16_t version; /* negotiated; 0: not known */
	uint8_t flight;
	bool asked;	/* the ClientHello was seen, and the handshake is open */
	bool answering; /* so was the ServerHello */
	bool early;	/* the client may send data before its Finished */
	bool replied;	/* the client has, in 1.3 */
	bool done;	/* ServerHelloDone: no resumption */
	bool named_curves;
	bool failed;
	bool turn;	 /* a request that cannot be read is open */
	uint8_t tickets; /* records that were taken for such in 1.3 */
	uint16_t ticket; /* size of the first */
};

/* The client's certificate, kept for the end of the response. */
struct more {
	uint8_t n[4];
	uint8_t text[4][UINT8_MAX];
};

/* Where reading is: an offset in `in`, and what of the record is still to come there. */
struct at {
	size_t at;
	uint32_t left;
};

enum got { GOT, SHORT, WRONG };

static bool is_record(const uint8_t *head)
{
	unsigned n = sp_be16(head + 3);
	return head[0] >= CHANGE_CIPHER_SPEC && head[0] <= HEARTBEAT && head[1] == 3 && head[2] <= 4 &&
	       n <= RECORD_MAX && (n || head[0] == APPLICATION_DATA);
}

static enum got need_bytes(struct sp_parse *p, size_t n)
{
	p->want = n;
	return n > SP_CARRY_MAX ? WRONG : SHORT;
}

/* Checks that `need` bytes of handshake are there from `a` on, over as many records as it takes. */
static enum got spans(struct sp_parse *p, struct at a, size_t need)
{
	struct sp_slice in = p->in;
	for (;;) {
		size_t n = SP_MIN((size_t)a.left, need);
		bool more = need > n;
		if (in.n < a.at + n + (more ? HEAD : 0))
			return need_bytes(p, a.at + n + (more ? HEAD : 0));
		if (!more)
			return GOT;
		need -= n;
		a.at += n;
		const uint8_t *head = in.p + a.at;
		if (!is_record(head) || head[0] != HANDSHAKE)
			return WRONG;
		a.left = sp_be16(head + 3);
		a.at += HEAD;
	}
}

/* The next `need` bytes of handshake, put together when they lie in several records; `a` moves behind them. */
static enum got gather(struct sp_parse *p, struct at *a, size_t need, struct sp_slice *ret)
{
	enum got got = spans(p, *a, need);
	if (got != GOT)
		return got;
	*ret = (struct sp_slice){p->in.p + a->at, need};
	uint8_t *copy = need > a->left ? sp_arena_get(p->arena, need) : NULL;
	if (need > a->left && !copy)
		return WRONG;
	if (copy)
		ret->p = copy;
	for (;;) {
		size_t n = SP_MIN((size_t)a->left, need);
		if (copy) {
			memcpy(copy, p->in.p + a->at, n);
			copy += n;
		}
		a->at += n;
		a->left -= (uint32_t)n;
		need -= n;
		if (!need)
			return GOT;
		a->left = sp_be16(p->in.p + a->at + 3);
		a->at += HEAD;
	}
}

/* Reading is done up to `a`; `rest` bytes of a message's body after it are passed over, here and in further records. */
static void settle(struct sp_parse *p, struct side *s, struct at a, uint32_t rest)
{
	uint32_t n = SP_MIN(rest, a.left);
	p->used = a.at;
	p->want = n;
	s->record = (uint16_t)(a.left - n);
	s->body = rest - n;
}

static enum sp_parse_result pass(struct sp_parse *p, struct side *s, struct at a, uint32_t rest)
{
	settle(p, s, a, rest);
	return SP_PARSE_SKIP;
}

/* The record whose head is the first thing in `in`, unread. */
static enum sp_parse_result pass_record(struct sp_parse *p)
{
	return sp_parse_skip(p, HEAD, sp_be16(p->in.p + 3));
}

static void add_certificate(struct sp_msg *m, unsigned first, const struct sp_slice *value)
{
	for (unsigned i = 0; i < 4; i++)
		sp_msg_extra(m, (uint8_t)(first + i), value[i]);
}

/* The response is over. `seen`: and the handshake with it. */
static enum sp_parse_result finish(struct sp_parse *p, struct state *st, size_t used, size_t want, bool seen)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_TAIL);
	const struct more *more = p->more;
	if (seen) {
		m->status = SP_STATUS_OK;
		sp_msg_extra(m, SP_TLS_ESTABLISHED, SP_TEXT("true"));
		if (st->version < SP_TLS_1_3)
			sp_msg_extra(m, SP_TLS_RESUMED, st->done ? SP_TEXT("false") : SP_TEXT("true"));
	}
	for (unsigned i = 0; more && i < 4; i++)
		sp_msg_extra(m, (uint8_t)(CLIENT_SUBJECT + i), (struct sp_slice){more->text[i], more->n[i]});
	st->asked = st->answering = false;
	p->want = want;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result client_hello(struct sp_parse *p, struct state *st, struct at a, uint32_t n)
{
	struct side *s = &st->side[p->side];
	struct sp_client_hello h;
	struct sp_slice body;
	size_t need = SP_MIN(n, (uint32_t)HELLO_MAX);
	if (st->asked) /* after a HelloRetryRequest */
		return pass(p, s, a, n);
	enum got got = gather(p, &a, need, &body);
	if (got == SHORT)
		return SP_PARSE_MORE;
	if (got == WRONG || !sp_client_hello(body, &h))
		return st->version ? pass(p, s, a, n - (uint32_t)(got == GOT ? need : 0)) : SP_PARSE_BAD;
	*st = (struct state){.side = {st->side[0], st->side[1]}, .asked = true, .early = h.early_data};
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	sp_tls_describe_client(p, &h, 't');
	settle(p, s, a, n - (uint32_t)need);
	return SP_PARSE_MSG;
}

static enum sp_parse_result server_hello(struct sp_parse *p, struct state *st, struct at a, uint32_t n)
{
	struct side *s = &st->side[p->side];
	struct sp_server_hello h;
	struct sp_slice body;
	size_t need = SP_MIN(n, (uint32_t)HELLO_MAX);
	if (st->answering)
		return pass(p, s, a, n);
	enum got got = gather(p, &a, need, &body);
	if (got == SHORT)
		return SP_PARSE_MORE;
	if (got == WRONG || !sp_server_hello(body, &h))
		return st->asked ? pass(p, s, a, n - (uint32_t)(got == GOT ? need : 0)) : SP_PARSE_BAD;
	st->version = h.version;
	sp_msg_begin(p, h.retry ? SP_MSG_INTERIM : SP_MSG_RESPONSE, h.retry ? SP_PART_WHOLE : SP_PART_HEAD);
	if (h.retry) {
		sp_msg_extra(&p->msg, HELLO_RETRY, SP_TEXT("true"));
	} else {
		struct sp_slice cipher = sp_tls_cipher(p->arena, h.cipher);
		st->answering = true;
		st->named_curves = memmem(cipher.p, cipher.n, "_ECDH", 5) && !memmem(cipher.p, cipher.n, "_PSK", 4);
		sp_tls_describe_server(p, &h);
	}
	settle(p, s, a, n - (uint32_t)need);
	return SP_PARSE_MSG;
}

static void keep(struct more *more, const struct sp_slice *value)
{
	for (unsigned i = 0; more && i < 4; i++) {
		more->n[i] = (uint8_t)SP_MIN(value[i].n, sizeof more->text[i]);
		if (more->n[i])
			memcpy(more->text[i], value[i].p, more->n[i]);
	}
}

/* The first certificate of a chain; the others are passed over. */
static enum sp_parse_result certificate(struct sp_parse *p, struct state *st, struct at a, uint32_t n)
{
	struct side *s = &st->side[p->side];
	struct sp_slice head, leaf;
	if (n <= LEAF_HEAD)
		return pass(p, s, a, n);
	enum got got = gather(p, &a, LEAF_HEAD, &head);
	if (got != GOT)
		return got == SHORT ? SP_PARSE_MORE : pass(p, s, a, n);
	n -= LEAF_HEAD;
	uint32_t size = sp_be32(head.p + 2) & 0xffffff, need = SP_MIN(SP_MIN(size, n), (uint32_t)LEAF_MAX);
	got = need ? gather(p, &a, need, &leaf) : WRONG;
	if (got != GOT)
		return got == SHORT ? SP_PARSE_MORE : pass(p, s, a, n);
	struct sp_certificate c;
	bool good = sp_x509(p->arena, leaf, &c);
	struct sp_slice value[] = {c.subject, c.issuer, c.not_before, c.not_after};
	settle(p, s, a, n - need);
	if (good && p->side == SP_CLIENT)
		keep(sp_parse_extend(p), value);
	if (!good || p->side == SP_CLIENT)
		return SP_PARSE_SKIP;
	add_certificate(sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_MIDDLE), SERVER_SUBJECT, value);
	return SP_PARSE_MSG;
}

/* RFC 8422 section 5.4. */
static enum sp_parse_result key_exchange(struct sp_parse *p, struct state *st, struct at a, uint32_t n)
{
	enum { NAMED_CURVE = 3, NEED = 3 };
	struct side *s = &st->side[p->side];
	struct sp_slice head;
	enum got got = n >= NEED && st->named_curves ? gather(p, &a, NEED, &head) : WRONG;
	if (got != GOT)
		return got == SHORT ? SP_PARSE_MORE : pass(p, s, a, n);
	settle(p, s, a, n - NEED);
	if (head.p[0] != NAMED_CURVE)
		return SP_PARSE_SKIP;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_MIDDLE);
	sp_msg_extra(m, SP_TLS_CURVE, sp_tls_group(p->arena, sp_be16(head.p + 1)));
	return SP_PARSE_MSG;
}

static enum sp_parse_result message(struct sp_parse *p, struct state *st, struct at a, unsigned type, uint32_t n)
{
	struct side *s = &st->side[p->side];
	bool client = p->side == SP_CLIENT, old = st->version < SP_TLS_1_3;
	switch (type) {
	case SP_TLS_CLIENT_HELLO:
		return client ? client_hello(p, st, a, n) : SP_PARSE_BAD;
	case SP_TLS_SERVER_HELLO:
		return client ? SP_PARSE_BAD : server_hello(p, st, a, n);
	case SP_TLS_CERTIFICATE:
		return old && st->answering ? certificate(p, st, a, n) : pass(p, s, a, n);
	case SP_TLS_SERVER_KEY_EXCHANGE:
		return st->answering && !client ? key_exchange(p, st, a, n) : pass(p, s, a, n);
	case SP_TLS_SERVER_HELLO_DONE:
		st->done |= !client;
		return pass(p, s, a, n);
	default:
		return pass(p, s, a, n);
	}
}

/* A handshake record's content: from its beginning, or where the last message left it. */
static enum sp_parse_result handshake(struct sp_parse *p, struct state *st, struct at a)
{
	struct side *s = &st->side[p->side];
	struct sp_slice head;
	if (s->body)
		return pass(p, s, a, s->body);
	struct at from = a;
	enum got got = gather(p, &a, MESSAGE_HEAD, &head);
	if (got == SHORT)
		return SP_PARSE_MORE;
	unsigned hello = p->side == SP_CLIENT ? SP_TLS_CLIENT_HELLO : SP_TLS_SERVER_HELLO;
	uint32_t n = got == GOT ? sp_be32(head.p) & 0xffffff : 0;
	if (got == WRONG || n > MESSAGE_MAX || (s->lost && head.p[0] != hello)) {
		if (!st->asked && !st->version && !s->lost)
			return SP_PARSE_BAD;
		settle(p, s, from, from.left);
		s->body = 0;
		return SP_PARSE_SKIP;
	}
	s->lost = false;
	return message(p, st, a, head.p[0], n);
}

static enum sp_parse_result handshake_record(struct sp_parse *p, struct state *st)
{
	uint16_t n = sp_be16(p->in.p + 3);
	if (!st->side[p->side].secured)
		return handshake(p, st, (struct at){HEAD, n});
	if (p->side == SP_SERVER && st->answering)
		return finish(p, st, HEAD, n, true);
	return pass_record(p);
}

/* A fatal alert of either side: of the handshake while that is open, else a record of its own. */
static enum sp_parse_result failed(struct sp_parse *p, struct state *st, size_t used, struct sp_slice code,
				   enum sp_status status)
{
	enum sp_msg_kind kind = !st->asked && !st->answering ? SP_MSG_ONEWAY
				: p->side == SP_CLIENT	     ? SP_MSG_INTERIM
							     : SP_MSG_RESPONSE;
	bool tail = kind == SP_MSG_RESPONSE && st->answering;
	struct sp_msg *m = sp_msg_begin(p, kind, tail ? SP_PART_TAIL : SP_PART_WHOLE);
	if (kind == SP_MSG_ONEWAY)
		sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("alert"));
	else
		sp_msg_extra(m, SP_TLS_ESTABLISHED, SP_TEXT("false"));
	sp_msg_put(m, SP_SLOT_CODE, code);
	m->status = (uint8_t)status;
	st->asked = st->answering = false;
	st->failed = true;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result alert(struct sp_parse *p, struct state *st)
{
	if (st->failed || st->side[p->side].secured || sp_be16(p->in.p + 3) != ALERT_SIZE)
		return pass_record(p);
	if (p->in.n < HEAD + ALERT_SIZE)
		return sp_parse_more(p, HEAD + ALERT_SIZE);
	uint8_t level = p->in.p[HEAD], description = p->in.p[HEAD + 1];
	bool polite = description == CLOSE_NOTIFY || (description == USER_CANCELED && level != FATAL);
	if (polite || (level != FATAL && st->version < SP_TLS_1_3))
		return pass_record(p);
	return failed(p, st, HEAD + ALERT_SIZE, sp_tls_alert(p->arena, description),
		      sp_tls_alert_status(description, p->side));
}

static enum sp_parse_result change_cipher_spec(struct sp_parse *p, struct state *st)
{
	/* In 1.3 it says nothing, and while the version is not known, only hellos could follow that are not needed. */
	if (st->version < SP_TLS_1_3)
		st->side[p->side].secured = true;
	return pass_record(p);
}

/* Before it reads what the client says, a server in 1.3 may send a ticket, or two of the same size: its answer is what
 * comes then. */
static bool is_ticket(struct state *st, size_t n)
{
	if (st->version < SP_TLS_1_3 || st->tickets > 1)
		return false;
	bool is = n <= TICKET_MAX && (!st->tickets || n == st->ticket);
	st->tickets = is ? (uint8_t)(st->tickets + 1) : 2;
	st->ticket = (uint16_t)n;
	return is;
}

/* Who speaks when. Shorter than anything that is worth an answer is how a connection's end is announced. */
static bool is_turn(struct state *st, unsigned side, size_t n)
{
	if (n <= PROTECTED_ALERT)
		return false;
	if (side == SP_CLIENT)
		return true;
	return !is_ticket(st, n) && st->turn;
}

/* One record of it. */
static enum sp_parse_result exchange(struct sp_parse *p, struct state *st, size_t n)
{
	bool client = p->side == SP_CLIENT, begins = !client || !st->turn;
	enum sp_msg_part part = !client ? SP_PART_WHOLE : begins ? SP_PART_HEAD : SP_PART_MIDDLE;
	struct sp_msg *m = sp_msg_begin(p, client ? SP_MSG_REQUEST : SP_MSG_RESPONSE, part);
	m->flags = SP_MSG_OPAQUE;
	if (client && begins)
		sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("exchange"));
	st->turn = client;
	p->want = n;
	return sp_parse_msg(p, HEAD);
}

/* Protected records, as many as there are; the last of them need not be there. */
static enum sp_parse_result application_data(struct sp_parse *p, struct state *st)
{
	struct sp_slice in = p->in;
	size_t at = 0, n = sp_be16(in.p + 3);
	if (p->side == SP_SERVER && st->answering) {
		if (st->replied || st->version < SP_TLS_1_3 || ++st->flight > FLIGHT_MAX)
			return finish(p, st, 0, 0, st->flight <= FLIGHT_MAX);
		sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_MIDDLE);
		p->want = n;
		return sp_parse_msg(p, HEAD);
	}
	if (p->side == SP_CLIENT && st->answering && !st->replied) {
		st->replied = true;
		if (n == PROTECTED_ALERT && !st->early && st->version >= SP_TLS_1_3) {
			p->want = n;
			return failed(p, st, HEAD, SP_TEXT("encrypted_alert"), SP_STATUS_SERVER_ERROR);
		}
		if (!st->early) /* its Finished */
			return sp_parse_skip(p, HEAD, n);
	}
	if (p->opaque && is_turn(st, p->side, n))
		return exchange(p, st, n);
	bool watched = p->opaque && (p->side == SP_CLIENT || st->turn || st->tickets == 1);
	for (;;) {
		at += HEAD;
		if (watched || in.n - at < n + HEAD || in.p[at + n] != APPLICATION_DATA || !is_record(in.p + at + n))
			return sp_parse_skip(p, at, n);
		at += n;
		n = sp_be16(in.p + at + 3);
	}
}

/* A ClientHello in a record of SSL 2.0: the server's answer is of 3.0 or later. */
static enum sp_parse_result ssl2_hello(struct sp_parse *p, struct state *st)
{
	struct sp_client_hello h;
	if (p->in.n < SSL2_HEAD)
		return sp_parse_more(p, SSL2_HEAD);
	size_t n = sp_be16(p->in.p) & 0x7fff;
	if (n > SSL2_HELLO_MAX)
		return SP_PARSE_BAD;
	if (p->in.n < SSL2_HEAD + n)
		return sp_parse_more(p, SSL2_HEAD + n);
	if (!sp_client_hello_ssl2((struct sp_slice){p->in.p + SSL2_HEAD, n}, &h))
		return SP_PARSE_BAD;
	st->asked = true;
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	sp_tls_describe_client(p, &h, 't');
	return sp_parse_msg(p, SSL2_HEAD + n);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct side *s = &st->side[p->side];
	if (s->record)
		return handshake(p, st, (struct at){0, s->record});
	if (*p->in.p & 0x80 && p->side == SP_CLIENT && !st->asked && !st->version)
		return ssl2_hello(p, st);
	if (*p->in.p < CHANGE_CIPHER_SPEC || *p->in.p > HEARTBEAT)
		return SP_PARSE_BAD;
	if (p->in.n < HEAD)
		return sp_parse_more(p, HEAD);
	if (!is_record(p->in.p))
		return SP_PARSE_BAD;
	switch (*p->in.p) {
	case APPLICATION_DATA:
		return application_data(p, st);
	case HANDSHAKE:
		return handshake_record(p, st);
	case ALERT:
		return alert(p, st);
	case CHANGE_CIPHER_SPEC:
		return change_cipher_spec(p, st);
	default:
		return pass_record(p);
	}
}

static enum sp_probe probe_ssl2(struct sp_slice in)
{
	enum { ENOUGH = SSL2_HEAD + 9 };
	struct sp_client_hello h;
	size_t n = in.n < 2 ? 0 : sp_be16(in.p) & 0x7fff;
	if (in.n < ENOUGH) {
		bool fits = (in.n < 2 || (n >= 9 + 3 + 16 && n <= SSL2_HELLO_MAX)) &&
			    (in.n < 3 || in.p[2] == SP_TLS_CLIENT_HELLO) && (in.n < 4 || in.p[3] == 3 || !in.p[3]);
		return fits ? SP_PROBE_MAYBE : SP_PROBE_NO;
	}
	size_t lists = (size_t)sp_be16(in.p + 5) + sp_be16(in.p + 7) + sp_be16(in.p + 9);
	bool fits = n <= SSL2_HELLO_MAX && n == lists + 9 && sp_client_hello_ssl2((struct sp_slice){in.p + 2, 9}, &h);
	return fits ? SP_PROBE_YES : SP_PROBE_NO;
}

/* A record's beginning that is a hello, whoever is said to have sent it. */
static enum sp_probe probe_hello(struct sp_parse *p)
{
	const uint8_t *in = p->in.p;
	if (p->in.n < HEAD + MESSAGE_HEAD + 2)
		return SP_PROBE_MAYBE;
	bool client = in[HEAD] == SP_TLS_CLIENT_HELLO, draft = !client && in[9] == 0x7f;
	uint32_t n = sp_be32(in + HEAD) & 0xffffff;
	if (n < 2 + SP_TLS_RANDOM + 4 || n > MESSAGE_MAX || (in[9] != 3 && !draft) || (in[10] > 4 && !draft))
		return SP_PROBE_NO;
	p->reversed = client != (p->side == SP_CLIENT);
	return SP_PROBE_YES;
}

/* Does another record, or the end, follow where the record at `at` says? */
static enum sp_probe followed(struct sp_slice in, size_t at)
{
	size_t n = sp_be16(in.p + at + 3);
	if (in.n - at - HEAD < n)
		return SP_PROBE_MAYBE;
	at += HEAD + n;
	if (in.n - at < HEAD)
		return in.n == at ? SP_PROBE_YES : SP_PROBE_MAYBE;
	return is_record(in.p + at) ? SP_PROBE_YES : SP_PROBE_NO;
}

static enum sp_probe probe(struct sp_parse *p)
{
	struct sp_slice in = p->in;
	if (in.p[0] & 0x80)
		return p->side == SP_CLIENT ? probe_ssl2(in) : SP_PROBE_NO;
	if (in.p[0] < CHANGE_CIPHER_SPEC || in.p[0] > APPLICATION_DATA || (in.n > 1 && in.p[1] != 3))
		return SP_PROBE_NO;
	if (in.n < HEAD + 1)
		return in.n > 2 && in.p[2] > 4 ? SP_PROBE_NO : SP_PROBE_MAYBE;
	size_t n = sp_be16(in.p + 3);
	if (!is_record(in.p) || (in.p[0] == CHANGE_CIPHER_SPEC && n != 1))
		return SP_PROBE_NO;
	if (in.p[0] == ALERT && n == ALERT_SIZE) {
		if (in.n < HEAD + ALERT_SIZE)
			return SP_PROBE_MAYBE;
		bool level = in.p[HEAD] == WARNING || in.p[HEAD] == FATAL;
		return level && sp_tls_alert_known(in.p[HEAD + 1]) ? SP_PROBE_YES : SP_PROBE_NO;
	}
	if (in.p[0] == HANDSHAKE && (in.p[HEAD] == SP_TLS_CLIENT_HELLO || in.p[HEAD] == SP_TLS_SERVER_HELLO))
		return probe_hello(p);
	enum sp_probe rc = followed(in, 0);
	return rc == SP_PROBE_MAYBE && in.n >= PROBE_ENOUGH && in.p[0] == APPLICATION_DATA ? SP_PROBE_YES : rc;
}

/* Where a record begins that another one follows; at the beginning of a segment, and of data in version 1.2 and later,
 * which are five bytes of which three are known, one that is too long for that will do. */
static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	struct sp_slice in = p->in;
	struct side *s = &st->side[p->side];
	s->record = 0;
	s->body = 0;
	s->lost = true;
	for (size_t at = 0; at + HEAD <= in.n; at++) {
		if (!is_record(in.p + at))
			continue;
		bool data = in.p[at] == APPLICATION_DATA && in.p[at + 2] == 3;
		enum sp_probe rc = followed(in, at);
		if (rc == SP_PROBE_YES || (rc == SP_PROBE_MAYBE && (data || !at)))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {443, 853, 993, 995, 465, 636, 5061, 6443, 8443, 8883, 0};

static const struct sp_start starts[] = {
	{HANDSHAKE << 8 | 3, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{ALERT << 8 | 3, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{APPLICATION_DATA << 8 | 3, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{CHANGE_CIPHER_SPEC << 8 | 3, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0x8000, 0xfc00, SP_FROM_CLIENT}, /* SSL 2.0's form of a hello */
	{0},
};

static const char *const fields[] = {
#define X(symbol, name) name,
	FIELDS(X)
#undef X
		NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/tls_vectors.h"
#endif

const struct sp_parser sp_tls_parser = {
	.name = "tls",
	.title = "TLS",
	.missing = "what is encrypted: in 1.3 certificates, the protocol chosen (ALPN) and most alerts; DTLS; SSL 2.0 "
		   "beyond its "
		   "ClientHello",
	.app = SP_APP_TLS,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
