/* SPDX-License-Identifier: Apache-2.0 */
/* TLS's numbers in words. */
#include "parsers/tls_priv.h"

struct sp_slice sp_tls_name(struct sp_arena *a, const struct sp_tls_name *table, size_t n, uint16_t number)
{
	size_t from = 0, to = n;
	while (from < to) {
		size_t middle = (from + to) / 2;
		if (table[middle].number == number)
			return sp_slice_of(table[middle].name);
		if (table[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
	struct sp_slice prefix = sp_arena_copy(a, SP_TEXT("0x"));
	return (struct sp_slice){prefix.p, prefix.n + sp_arena_hex(a, (struct sp_slice){bytes, sizeof bytes}).n};
}

/* IANA's supported groups, and those of drafts that were deployed. */
static const struct sp_tls_name groups[] = {
	{1, "sect163k1"},
	{2, "sect163r1"},
	{3, "sect163r2"},
	{4, "sect193r1"},
	{5, "sect193r2"},
	{6, "sect233k1"},
	{7, "sect233r1"},
	{8, "sect239k1"},
	{9, "sect283k1"},
	{10, "sect283r1"},
	{11, "sect409k1"},
	{12, "sect409r1"},
	{13, "sect571k1"},
	{14, "sect571r1"},
	{15, "secp160k1"},
	{16, "secp160r1"},
	{17, "secp160r2"},
	{18, "secp192k1"},
	{19, "secp192r1"},
	{20, "secp224k1"},
	{21, "secp224r1"},
	{22, "secp256k1"},
	{23, "secp256r1"},
	{24, "secp384r1"},
	{25, "secp521r1"},
	{26, "brainpoolP256r1"},
	{27, "brainpoolP384r1"},
	{28, "brainpoolP512r1"},
	{29, "x25519"},
	{30, "x448"},
	{31, "brainpoolP256r1tls13"},
	{32, "brainpoolP384r1tls13"},
	{33, "brainpoolP512r1tls13"},
	{34, "GC256A"},
	{35, "GC256B"},
	{36, "GC256C"},
	{37, "GC256D"},
	{38, "GC512A"},
	{39, "GC512B"},
	{40, "GC512C"},
	{41, "curveSM2"},
	{256, "ffdhe2048"},
	{257, "ffdhe3072"},
	{258, "ffdhe4096"},
	{259, "ffdhe6144"},
	{260, "ffdhe8192"},
	{512, "MLKEM512"},
	{513, "MLKEM768"},
	{514, "MLKEM1024"},
	{4587, "SecP256r1MLKEM768"},
	{4588, "X25519MLKEM768"},
	{4589, "SecP384r1MLKEM1024"},
	{4590, "curveSM2MLKEM768"},
	{16696, "CECPQ2"},
	{25497, "X25519Kyber768Draft00"},
	{25498, "SecP256r1Kyber768Draft00"},
	{65281, "arbitrary_explicit_prime_curves"},
	{65282, "arbitrary_explicit_char2_curves"},
};

struct sp_slice sp_tls_group(struct sp_arena *a, uint16_t number)
{
	return sp_tls_name(a, groups, SP_ARRAY_SIZE(groups), number);
}

struct sp_slice sp_tls_version(struct sp_arena *a, uint16_t number)
{
	static const struct sp_tls_name versions[] = {
		{SP_SSL_2, "SSL 2.0"}, {SP_SSL_3, "SSL 3.0"}, {SP_TLS_1_0, "1.0"},
		{SP_TLS_1_1, "1.1"},   {SP_TLS_1_2, "1.2"},   {SP_TLS_1_3, "1.3"},
	};
	return sp_tls_name(a, versions, SP_ARRAY_SIZE(versions), number);
}

static const struct sp_tls_name alerts[] = {
	{0, "close_notify"},
	{10, "unexpected_message"},
	{20, "bad_record_mac"},
	{21, "decryption_failed"},
	{22, "record_overflow"},
	{30, "decompression_failure"},
	{40, "handshake_failure"},
	{41, "no_certificate"},
	{42, "bad_certificate"},
	{43, "unsupported_certificate"},
	{44, "certificate_revoked"},
	{45, "certificate_expired"},
	{46, "certificate_unknown"},
	{47, "illegal_parameter"},
	{48, "unknown_ca"},
	{49, "access_denied"},
	{50, "decode_error"},
	{51, "decrypt_error"},
	{52, "too_many_cids_requested"},
	{60, "export_restriction"},
	{70, "protocol_version"},
	{71, "insufficient_security"},
	{80, "internal_error"},
	{86, "inappropriate_fallback"},
	{90, "user_canceled"},
	{100, "no_renegotiation"},
	{109, "missing_extension"},
	{110, "unsupported_extension"},
	{111, "certificate_unobtainable"},
	{112, "unrecognized_name"},
	{113, "bad_certificate_status_response"},
	{114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"},
	{116, "certificate_required"},
	{117, "general_error"},
	{120, "no_application_protocol"},
	{121, "ech_required"},
};

struct sp_slice sp_tls_alert(struct sp_arena *a, uint8_t description)
{
	return sp_tls_name(a, alerts, SP_ARRAY_SIZE(alerts), description);
}

bool sp_tls_alert_known(uint8_t description)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(alerts); i++)
		if (alerts[i].number == description)
			return true;
	return false;
}

enum sp_status sp_tls_alert_status(uint8_t description, unsigned sender)
{
	enum { INTERNAL_ERROR = 80, USER_CANCELED = 90 };
	bool of_itself = description == INTERNAL_ERROR || description == USER_CANCELED;
	return of_itself == (sender == SP_CLIENT) ? SP_STATUS_CLIENT_ERROR : SP_STATUS_SERVER_ERROR;
}
