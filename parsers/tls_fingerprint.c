/* SPDX-License-Identifier: Apache-2.0 */
/* JA3, JA3S and JA4: hashes over what a hello lists, GREASE left out. JA3 is MD5 over decimal numbers in the order of
 * the wire, JA4 is SHA-256 over hexadecimal ones, sorted, behind a prefix that people can read. */
#include <nettle/md5.h>
#include <nettle/sha2.h>

#include "base/cursor.h"
#include "parsers/tls_priv.h"

enum {
	LIST_MAX = 256,	  /* values of a list that are looked at */
	COUNT_SHOWN = 99, /* JA4 has two digits */
	JA4_HASH = 6,	  /* bytes */
	JA4_A = 10,	  /* characters before the first underscore */
	HEX_MAX = 4 + 1,  /* characters that a value takes in JA4's lists */
	DECIMAL_MAX = 5 + 1,
};

/* Values of two bytes each that are not GREASE. */
static unsigned values(struct sp_slice list, uint16_t *v)
{
	unsigned n = 0;
	for (size_t i = 0; i + 1 < list.n && n < LIST_MAX; i += 2) {
		v[n] = sp_be16(list.p + i);
		n += !sp_tls_is_grease(v[n]);
	}
	return n;
}

/* The extensions' types; `grease`: those that mean nothing, too. */
static unsigned extension_types(struct sp_slice extensions, uint16_t *v, bool grease)
{
	struct sp_cursor c = sp_cursor(extensions);
	unsigned n = 0;
	while (n < LIST_MAX && sp_cursor_left(&c) >= 4) {
		v[n] = sp_cursor_u16(&c);
		sp_cursor_take(&c, sp_cursor_u16(&c));
		n += grease || !sp_tls_is_grease(v[n]);
	}
	return n;
}

/* Where a list of numbers is written before it is hashed. */
struct text {
	uint8_t *p;
	size_t n;
};

static void put_decimal(struct text *t, const uint16_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t digit[5];
		unsigned k = 0, x = v[i];
		do
			digit[k++] = (uint8_t)('0' + x % 10);
		while (x /= 10);
		if (i)
			t->p[t->n++] = '-';
		while (k)
			t->p[t->n++] = digit[--k];
	}
}

static void put_comma(struct text *t)
{
	t->p[t->n++] = ',';
}

static struct sp_slice md5_hex(struct sp_arena *a, const struct text *t)
{
	struct md5_ctx ctx;
	uint8_t digest[MD5_DIGEST_SIZE];
	md5_init(&ctx);
	md5_update(&ctx, t->n, t->p);
	md5_digest(&ctx, sizeof digest, digest);
	return sp_arena_hex(a, (struct sp_slice){digest, sizeof digest});
}

struct sp_slice sp_tls_ja3(struct sp_arena *a, const struct sp_client_hello *h)
{
	uint16_t v[LIST_MAX];
	uint8_t bytes[(4 * LIST_MAX + 2) * DECIMAL_MAX];
	struct text t = {bytes, 0};
	put_decimal(&t, &h->version, 1);
	put_comma(&t);
	put_decimal(&t, v, values(h->ciphers, v));
	put_comma(&t);
	put_decimal(&t, v, extension_types(h->extension, v, false));
	put_comma(&t);
	put_decimal(&t, v, values(h->groups, v));
	put_comma(&t);
	unsigned n = 0;
	for (; n < SP_MIN(h->formats.n, (size_t)LIST_MAX); n++)
		v[n] = h->formats.p[n];
	put_decimal(&t, v, n);
	return md5_hex(a, &t);
}

struct sp_slice sp_tls_ja3s(struct sp_arena *a, const struct sp_server_hello *h)
{
	uint16_t v[LIST_MAX];
	uint8_t bytes[(LIST_MAX + 4) * DECIMAL_MAX];
	struct text t = {bytes, 0};
	put_decimal(&t, &h->legacy_version, 1);
	put_comma(&t);
	put_decimal(&t, &h->cipher, 1);
	put_comma(&t);
	put_decimal(&t, v, extension_types(h->extension, v, true));
	return md5_hex(a, &t);
}

static void sort(uint16_t *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		uint16_t x = v[i];
		unsigned at = i;
		for (; at && v[at - 1] > x; at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

static const char hex_digit[] = "0123456789abcdef";

static void put_hex(struct text *t, const uint16_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put_comma(t);
		for (int shift = 12; shift >= 0; shift -= 4)
			t->p[t->n++] = (uint8_t)hex_digit[v[i] >> shift & 15];
	}
}

/* The first twelve digits of the hash; zeros of nothing. */
static struct sp_slice ja4_hash(struct sp_arena *a, const struct text *t)
{
	struct sha256_ctx ctx;
	uint8_t digest[JA4_HASH];
	if (!t->n)
		return sp_arena_copy(a, SP_TEXT("000000000000"));
	sha256_init(&ctx);
	sha256_update(&ctx, t->n, t->p);
	sha256_digest(&ctx, sizeof digest, digest);
	return sp_arena_hex(a, (struct sp_slice){digest, sizeof digest});
}

/* The highest version that a client offers. */
static uint16_t offered(const struct sp_client_hello *h)
{
	uint16_t best = 0;
	for (size_t i = 0; i + 1 < h->versions.n; i += 2) {
		uint16_t v = sp_be16(h->versions.p + i);
		if (!sp_tls_is_grease(v) && v > best)
			best = v;
	}
	return best ? best : h->version;
}

static const char *ja4_version(uint16_t version)
{
	switch (version) {
	case SP_TLS_1_3:
		return "13";
	case SP_TLS_1_2:
		return "12";
	case SP_TLS_1_1:
		return "11";
	case SP_TLS_1_0:
		return "10";
	case SP_SSL_3:
		return "s3";
	case SP_SSL_2:
		return "s2";
	default:
		return "00";
	}
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal digits when one of them cannot be read. */
static void ja4_alpn(struct sp_slice alpn, uint8_t *ret)
{
	size_t n = alpn.n ? alpn.p[0] : 0;
	ret[0] = ret[1] = '0';
	if (!n || n >= alpn.n)
		return;
	uint8_t first = alpn.p[1], last = alpn.p[n];
	bool readable = is_alphanumeric(first) && is_alphanumeric(last);
	ret[0] = readable ? first : (uint8_t)hex_digit[first >> 4];
	ret[1] = readable ? last : (uint8_t)hex_digit[last & 15];
}

static void put_count(uint8_t *at, unsigned n)
{
	n = SP_MIN(n, (unsigned)COUNT_SHOWN);
	at[0] = (uint8_t)('0' + n / 10);
	at[1] = (uint8_t)('0' + n % 10);
}

/* The names of server and protocol are counted, but they are not part of the client's own list. */
static unsigned without_names(uint16_t *v, unsigned n)
{
	enum { SERVER_NAME = 0, ALPN = 16 };
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++)
		if (v[i] != SERVER_NAME && v[i] != ALPN)
			v[kept++] = v[i];
	return kept;
}

struct sp_slice sp_tls_ja4(struct sp_arena *a, const struct sp_client_hello *h, char transport)
{
	uint16_t v[LIST_MAX];
	uint8_t bytes[2 * LIST_MAX * HEX_MAX], prefix[JA4_A];
	struct text t = {bytes, 0};
	unsigned n = values(h->ciphers, v);
	prefix[0] = (uint8_t)transport;
	memcpy(prefix + 1, ja4_version(offered(h)), 2);
	prefix[3] = h->has_sni ? 'd' : 'i';
	put_count(prefix + 4, n);
	sort(v, n);
	put_hex(&t, v, n);
	struct sp_slice ja4 = {a->p + a->n, 0}, ciphers = {0};
	uint16_t types[LIST_MAX];
	unsigned n_types = extension_types(h->extension, types, false);
	put_count(prefix + 6, n_types);
	ja4_alpn(h->alpn, prefix + 8);
	ja4.n = SP_JOIN(a, (struct sp_slice){prefix, sizeof prefix}, SP_TEXT("_")).n;
	ciphers = ja4_hash(a, &t);
	ja4.n += ciphers.n + sp_arena_copy(a, SP_TEXT("_")).n;

	t.n = 0;
	n_types = without_names(types, n_types);
	sort(types, n_types);
	put_hex(&t, types, n_types);
	n = values(h->signatures, v);
	if (n && t.n)
		t.p[t.n++] = '_';
	put_hex(&t, v, n);
	ja4.n += ja4_hash(a, &t).n;
	return ja4.n == JA4_A + 2 * (1 + 2 * JA4_HASH) ? ja4 : (struct sp_slice){0};
}
