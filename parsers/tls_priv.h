/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS over TCP and QUIC share: hellos, fingerprints, names; and certificates. Nothing here knows about records or
 * packets: a message's body is given as one slice. */
#ifndef SP_PARSERS_TLS_PRIV_H
#define SP_PARSERS_TLS_PRIV_H

#include "parsers/parser.h"

enum sp_tls_version {
	SP_SSL_2 = 0x0002,
	SP_SSL_3 = 0x0300,
	SP_TLS_1_0,
	SP_TLS_1_1,
	SP_TLS_1_2,
	SP_TLS_1_3,
};

enum sp_tls_handshake {
	SP_TLS_CLIENT_HELLO = 1,
	SP_TLS_SERVER_HELLO = 2,
	SP_TLS_CERTIFICATE = 11,
	SP_TLS_SERVER_KEY_EXCHANGE = 12,
	SP_TLS_CERTIFICATE_REQUEST = 13,
	SP_TLS_SERVER_HELLO_DONE = 14,
};

#define SP_TLS_RANDOM 32

/* Extras that both parsers have, in the same places of their `fields`. */
#define SP_TLS_FIELDS(X)                                                                                               \
	X(SERVER_NAME, "tls.client.server_name")                                                                       \
	X(CLIENT_VERSIONS, "tls.client.supported_versions")                                                            \
	X(CLIENT_ALPN, "tls.client.alpn")                                                                              \
	X(JA3, "tls.client.ja3")                                                                                       \
	X(JA4, "tls.client.ja4")                                                                                       \
	X(ECH, "tls.client.ech")                                                                                       \
	X(EARLY_DATA, "tls.client.early_data")                                                                         \
	X(CIPHER, "tls.cipher")                                                                                        \
	X(CURVE, "tls.curve")                                                                                          \
	X(NEXT_PROTOCOL, "tls.next_protocol")                                                                          \
	X(JA3S, "tls.server.ja3s")                                                                                     \
	X(RESUMED, "tls.resumed")                                                                                      \
	X(ESTABLISHED, "tls.established")

enum sp_tls_field {
#define X(symbol, name) SP_TLS_##symbol,
	SP_TLS_FIELDS(X)
#undef X
		SP_TLS_FIELDS_END
};

/* Lists are as on the wire, without their own length. */
struct sp_client_hello {
	uint16_t version;	   /* legacy_version */
	struct sp_slice ciphers;   /* of two bytes each; of SSL 2.0's form: three */
	struct sp_slice extension; /* all of them */
	struct sp_slice sni, alpn, versions, groups, formats, signatures;
	bool has_sni, ech, early_data;
	bool ssl2;
	bool cut; /* not all of it is there: no fingerprints */
};

struct sp_server_hello {
	uint16_t legacy_version, version, cipher, group;
	struct sp_slice extension, alpn;
	bool retry; /* a HelloRetryRequest */
	bool resumed;
};

/* The bodies of handshake messages, without their head of four bytes. False: no hello. */
bool sp_client_hello(struct sp_slice body, struct sp_client_hello *ret);
bool sp_server_hello(struct sp_slice body, struct sp_server_hello *ret);

/* A record of SSL 2.0 from its message type on, with which clients offered SSL 3.0 and TLS 1.0, too. */
bool sp_client_hello_ssl2(struct sp_slice body, struct sp_client_hello *ret);

/* Slots and extras. `transport`: as JA4 has it, 't' or 'q'. */
void sp_tls_describe_client(struct sp_parse *p, const struct sp_client_hello *h, char transport);
void sp_tls_describe_server(struct sp_parse *p, const struct sp_server_hello *h);

/* Fingerprints, in the arena; empty without room. */
struct sp_slice sp_tls_ja3(struct sp_arena *a, const struct sp_client_hello *h);
struct sp_slice sp_tls_ja3s(struct sp_arena *a, const struct sp_server_hello *h);
struct sp_slice sp_tls_ja4(struct sp_arena *a, const struct sp_client_hello *h, char transport);

/* RFC 8701: values that mean nothing. */
static inline bool sp_tls_is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

struct sp_tls_name {
	uint16_t number;
	const char *name;
};

/* From a sorted table; as 0x… in the arena when it has none. */
struct sp_slice sp_tls_name(struct sp_arena *a, const struct sp_tls_name *table, size_t n, uint16_t number);
struct sp_slice sp_tls_cipher(struct sp_arena *a, uint16_t number);
struct sp_slice sp_tls_group(struct sp_arena *a, uint16_t number);
struct sp_slice sp_tls_version(struct sp_arena *a, uint16_t number);

/* RFC 8446 section 6, and older ones. */
struct sp_slice sp_tls_alert(struct sp_arena *a, uint8_t description);
bool sp_tls_alert_known(uint8_t description);

/* Whose fault it is: the other side's, of which the sender complains, unless it speaks of itself. */
enum sp_status sp_tls_alert_status(uint8_t description, unsigned sender);

/* What is shown of an X.509 certificate. In the arena. */
struct sp_certificate {
	struct sp_slice subject, issuer;       /* RFC 4514 */
	struct sp_slice not_before, not_after; /* 2026-11-25T20:00:00Z */
};

/* DER, of which the end may be missing. False: none of it could be read. */
bool sp_x509(struct sp_arena *a, struct sp_slice der, struct sp_certificate *ret);

#endif
