/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello and ServerHello (RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6101 appendix E for SSL 2.0's form).
 */
#include "base/cursor.h"
#include "parsers/tls_priv.h"

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_PRE_SHARED_KEY = 41,
	EXT_EARLY_DATA = 42,
	EXT_VERSIONS = 43,
	EXT_KEY_SHARE = 51,
	EXT_NPN = 13172,
	EXT_ECH = 0xfe0d,
	EXT_ESNI = 0xffce,
};

enum {
	SESSION_ID_MAX = 32,
	SERVER_NAME_MAX = 255,
	ALPN_SHOWN = 16,
	SSL2_CHALLENGE_MIN = 16,
	SSL2_CHALLENGE_MAX = 32,
};

/* A list that says its length in one byte or two; what is there of it. */
static struct sp_slice list(struct sp_cursor *c, unsigned width)
{
	size_t n = width == 1 ? sp_cursor_u8(c) : sp_cursor_u16(c);
	n = SP_MIN(n, sp_cursor_left(c));
	return (struct sp_slice){sp_cursor_take(c, n), n};
}

/* The next extension; false: there is no further whole one. */
static bool next_extension(struct sp_cursor *c, uint16_t *type, struct sp_slice *body)
{
	*type = sp_cursor_u16(c);
	size_t n = sp_cursor_u16(c);
	*body = (struct sp_slice){sp_cursor_take(c, n), n};
	return body->p;
}

/* The first host name (RFC 6066 section 3). */
static struct sp_slice server_name(struct sp_slice body)
{
	struct sp_cursor c = sp_cursor(body);
	sp_cursor_u16(&c);
	bool host_name = sp_cursor_u8(&c) == 0;
	struct sp_slice name = list(&c, 2);
	return host_name && name.n <= SERVER_NAME_MAX ? name : (struct sp_slice){0};
}

static void client_extension(struct sp_client_hello *h, uint16_t type, struct sp_slice body)
{
	struct sp_cursor c = sp_cursor(body);
	switch (type) {
	case EXT_SERVER_NAME:
		h->has_sni = true;
		h->sni = server_name(body);
		break;
	case EXT_GROUPS:
		h->groups = list(&c, 2);
		break;
	case EXT_POINT_FORMATS:
		h->formats = list(&c, 1);
		break;
	case EXT_SIGNATURES:
		h->signatures = list(&c, 2);
		break;
	case EXT_ALPN:
		h->alpn = list(&c, 2);
		break;
	case EXT_VERSIONS:
		h->versions = list(&c, 1);
		break;
	case EXT_EARLY_DATA:
		h->early_data = true;
		break;
	case EXT_ECH:
	case EXT_ESNI:
		h->ech = true;
		break;
	default:
		break;
	}
}

/* SSL 3.0's major version, or TLS's. */
static bool is_version(uint16_t v)
{
	return v >> 8 == 3;
}

bool sp_client_hello(struct sp_slice body, struct sp_client_hello *ret)
{
	struct sp_cursor c = sp_cursor(body);
	*ret = (struct sp_client_hello){.version = sp_cursor_u16(&c)};
	sp_cursor_take(&c, SP_TLS_RANDOM);
	size_t session = sp_cursor_u8(&c);
	sp_cursor_take(&c, session);
	size_t ciphers = sp_cursor_u16(&c);
	if (c.bad || session > SESSION_ID_MAX || !is_version(ret->version) || ciphers < 2 || ciphers % 2)
		return false;
	ret->cut = ciphers > sp_cursor_left(&c);
	ret->ciphers = (struct sp_slice){c.p, SP_MIN(ciphers, sp_cursor_left(&c)) & ~(size_t)1};
	sp_cursor_take(&c, ciphers);
	sp_cursor_take(&c, sp_cursor_u8(&c)); /* compression methods */
	ret->cut |= c.bad;
	if (c.bad || c.p == c.end)
		return true;
	size_t extensions = sp_cursor_u16(&c);
	ret->cut |= c.bad || extensions > sp_cursor_left(&c);
	ret->extension = list(&(struct sp_cursor){.p = c.p - 2 * !c.bad, .end = c.end}, 2);
	struct sp_cursor e = sp_cursor(ret->extension);
	uint16_t type;
	struct sp_slice value;
	while (next_extension(&e, &type, &value))
		client_extension(ret, type, value);
	return true;
}

bool sp_client_hello_ssl2(struct sp_slice body, struct sp_client_hello *ret)
{
	struct sp_cursor c = sp_cursor(body);
	bool hello = sp_cursor_u8(&c) == SP_TLS_CLIENT_HELLO;
	*ret = (struct sp_client_hello){.version = sp_cursor_u16(&c), .ssl2 = true};
	size_t ciphers = sp_cursor_u16(&c), session = sp_cursor_u16(&c), challenge = sp_cursor_u16(&c);
	if (c.bad || !hello || (ret->version != SP_SSL_2 && (ret->version < SP_SSL_3 || ret->version > SP_TLS_1_2)))
		return false;
	if (!ciphers || ciphers % 3 || (session && session != 16 && session != SESSION_ID_MAX))
		return false;
	if (challenge < SSL2_CHALLENGE_MIN || challenge > SSL2_CHALLENGE_MAX)
		return false;
	ret->ciphers = (struct sp_slice){c.p, SP_MIN(ciphers, sp_cursor_left(&c))};
	ret->cut = ciphers + session + challenge > sp_cursor_left(&c);
	return ret->cut || ciphers + session + challenge == sp_cursor_left(&c);
}

/* RFC 8446 section 4.1.3: the random of a HelloRetryRequest. */
static const uint8_t retry_random[SP_TLS_RANDOM] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

static void server_extension(struct sp_server_hello *h, uint16_t type, struct sp_slice body)
{
	struct sp_cursor c = sp_cursor(body);
	uint16_t v;
	switch (type) {
	case EXT_VERSIONS:
		v = sp_cursor_u16(&c);
		/* The drafts of 1.3 were 0x7f and the draft's number. */
		h->version = v >> 8 == 0x7f ? SP_TLS_1_3 : is_version(v) ? v : h->version;
		break;
	case EXT_KEY_SHARE:
		h->group = sp_cursor_u16(&c);
		break;
	case EXT_PRE_SHARED_KEY:
		h->resumed = true;
		break;
	case EXT_ALPN:
		sp_cursor_u16(&c);
		h->alpn = list(&c, 1);
		break;
	default:
		break;
	}
}

bool sp_server_hello(struct sp_slice body, struct sp_server_hello *ret)
{
	struct sp_cursor c = sp_cursor(body);
	*ret = (struct sp_server_hello){.legacy_version = sp_cursor_u16(&c)};
	const uint8_t *random = sp_cursor_take(&c, SP_TLS_RANDOM);
	bool draft = ret->legacy_version >> 8 == 0x7f; /* up to draft 21 it stood here, and no session was named */
	size_t session = draft ? 0 : sp_cursor_u8(&c);
	sp_cursor_take(&c, session);
	ret->cipher = sp_cursor_u16(&c);
	if (!draft)
		sp_cursor_u8(&c); /* compression */
	if (c.bad || session > SESSION_ID_MAX || (!draft && !is_version(ret->legacy_version)))
		return false;
	ret->version = draft ? SP_TLS_1_3 : ret->legacy_version;
	ret->retry = !memcmp(random, retry_random, sizeof retry_random);
	if (c.p == c.end)
		return true;
	ret->extension = list(&c, 2);
	struct sp_cursor e = sp_cursor(ret->extension);
	uint16_t type;
	struct sp_slice value;
	while (next_extension(&e, &type, &value))
		server_extension(ret, type, value);
	return true;
}

/* Names separated by commas (RFC 7301: each with its length before it). */
static struct sp_slice alpn_names(struct sp_arena *a, struct sp_slice alpn)
{
	struct sp_slice text = {a->p + a->n, 0};
	struct sp_cursor c = sp_cursor(alpn);
	for (unsigned i = 0; i < ALPN_SHOWN && c.p < c.end; i++) {
		size_t n = sp_cursor_u8(&c);
		struct sp_slice name = {sp_cursor_take(&c, n), n};
		if (c.bad)
			break;
		if (n == 2 && sp_tls_is_grease(sp_be16(name.p)))
			continue;
		text.n += SP_JOIN(a, text.n ? SP_TEXT(",") : SP_TEXT(""), name).n;
	}
	return text;
}

/* What is offered, the client's favourite first; nothing when it is only said by the hello's own version. */
static struct sp_slice version_names(struct sp_arena *a, struct sp_slice versions)
{
	struct sp_slice name[8];
	size_t n = 0;
	for (size_t i = 0; i + 1 < versions.n && n + 1 < SP_ARRAY_SIZE(name); i += 2) {
		uint16_t v = sp_be16(versions.p + i);
		if (sp_tls_is_grease(v))
			continue;
		if (n)
			name[n++] = SP_TEXT(",");
		name[n++] = sp_tls_version(a, v);
	}
	return sp_arena_join(a, name, n);
}

void sp_tls_describe_client(struct sp_parse *p, const struct sp_client_hello *h, char transport)
{
	struct sp_msg *m = &p->msg;
	m->flags |= SP_MSG_HANDSHAKE;
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("handshake"));
	sp_msg_put(m, SP_SLOT_HOST, sp_msg_put(m, SP_SLOT_RESOURCE, sp_msg_put(m, SP_SLOT_ENDPOINT, h->sni)));
	sp_msg_extra(m, SP_TLS_SERVER_NAME, h->sni);
	struct sp_slice versions = version_names(p->arena, h->versions);
	sp_msg_extra(m, SP_TLS_CLIENT_VERSIONS, versions.n ? versions : sp_tls_version(p->arena, h->version));
	sp_msg_extra(m, SP_TLS_CLIENT_ALPN, alpn_names(p->arena, h->alpn));
	if (!h->cut && !h->ssl2) {
		sp_msg_extra(m, SP_TLS_JA3, sp_tls_ja3(p->arena, h));
		sp_msg_extra(m, SP_TLS_JA4, sp_tls_ja4(p->arena, h, transport));
	}
	if (h->ech)
		sp_msg_extra(m, SP_TLS_ECH, SP_TEXT("offered"));
	if (h->early_data)
		sp_msg_extra(m, SP_TLS_EARLY_DATA, SP_TEXT("offered"));
}

void sp_tls_describe_server(struct sp_parse *p, const struct sp_server_hello *h)
{
	struct sp_msg *m = &p->msg;
	sp_msg_put(m, SP_SLOT_VERSION, sp_tls_version(p->arena, h->version));
	sp_msg_extra(m, SP_TLS_CIPHER, sp_tls_cipher(p->arena, h->cipher));
	if (h->group)
		sp_msg_extra(m, SP_TLS_CURVE, sp_tls_group(p->arena, h->group));
	sp_msg_extra(m, SP_TLS_NEXT_PROTOCOL, h->alpn);
	sp_msg_extra(m, SP_TLS_JA3S, sp_tls_ja3s(p->arena, h));
	if (h->version >= SP_TLS_1_3)
		sp_msg_extra(m, SP_TLS_RESUMED, h->resumed ? SP_TEXT("true") : SP_TEXT("false"));
}
