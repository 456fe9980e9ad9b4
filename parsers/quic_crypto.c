/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9001 section 5: Initial secrets, header and packet protection; RFC 9369 for version 2. */
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>

#include "base/cursor.h"
#include "parsers/quic_priv.h"

enum {
	SECRET = SHA256_DIGEST_SIZE,
	IV = 12,
	SAMPLE_AT = 4, /* after the beginning of the packet number */
	LABEL_MAX = 32,
};

#define DRAFT_SALT                                                                                                     \
	{                                                                                                              \
		0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe,  \
			0xf9, 0xf5, 0x02                                                                               \
	}
#define DRAFT29_SALT                                                                                                   \
	{                                                                                                              \
		0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,  \
			0x90, 0xa8, 0x99                                                                               \
	}
#define V1_SALT                                                                                                        \
	{                                                                                                              \
		0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,  \
			0xbb, 0x7f, 0x0a                                                                               \
	}
#define V2_SALT                                                                                                        \
	{                                                                                                              \
		0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,  \
			0xbd, 0x2e, 0xd9                                                                               \
	}

static const struct sp_quic_version versions[] = {
	{0x00000001, 0x00000001, "1", false, V1_SALT},	       {0x6b3343cf, 0x6b3343cf, "2", true, V2_SALT},
	{0xff000017, 0xff00001c, "draft-", false, DRAFT_SALT}, {0xff00001d, 0xff000020, "draft-", false, DRAFT29_SALT},
	{0xff000021, 0xff000022, "draft-", false, V1_SALT},
};

const struct sp_quic_version *sp_quic_version(uint32_t version)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(versions); i++)
		if (version >= versions[i].first && version <= versions[i].last)
			return &versions[i];
	return NULL;
}

struct sp_slice sp_quic_version_name(struct sp_arena *a, uint32_t version)
{
	const struct sp_quic_version *v = sp_quic_version(version);
	uint8_t bytes[] = {(uint8_t)(version >> 24), (uint8_t)(version >> 16), (uint8_t)(version >> 8),
			   (uint8_t)version};
	if (v && v->first == v->last)
		return sp_slice_of(v->name);
	struct sp_slice name = sp_arena_copy(a, v ? sp_slice_of(v->name) : SP_TEXT("0x"));
	struct sp_slice rest = v ? sp_arena_u64(a, version & 0xff) : sp_arena_hex(a, (struct sp_slice){bytes, 4});
	return (struct sp_slice){name.p, name.n + rest.n};
}

static void hmac(struct sp_slice key, struct sp_slice data, uint8_t *ret, size_t n)
{
	struct hmac_sha256_ctx ctx;
	hmac_sha256_set_key(&ctx, key.n, key.p);
	hmac_sha256_update(&ctx, data.n, data.p);
	hmac_sha256_digest(&ctx, n, ret);
}

/* HKDF-Expand-Label without context (RFC 8446 section 7.1); as long as a hash at most, which takes one step. */
static void expand(const uint8_t *secret, const char *label, uint8_t *ret, size_t n)
{
	static const char prefix[] = "tls13 ";
	uint8_t info[LABEL_MAX];
	size_t text = sizeof prefix - 1 + strlen(label), at = 0;
	info[at++] = 0;
	info[at++] = (uint8_t)n;
	info[at++] = (uint8_t)text;
	memcpy(info + at, prefix, sizeof prefix - 1);
	memcpy(info + at + sizeof prefix - 1, label, strlen(label));
	at += text;
	info[at++] = 0; /* context */
	info[at++] = 1; /* HKDF's counter */
	hmac((struct sp_slice){secret, SECRET}, (struct sp_slice){info, at}, ret, n);
}

struct keys {
	uint8_t key[AES128_KEY_SIZE], iv[IV], header[AES128_KEY_SIZE];
};

static void derive(const struct sp_quic_version *v, struct sp_slice cid, unsigned side, struct keys *ret)
{
	uint8_t initial[SECRET], secret[SECRET];
	hmac((struct sp_slice){v->salt, sizeof v->salt}, cid, initial, sizeof initial);
	expand(initial, side == SP_CLIENT ? "client in" : "server in", secret, sizeof secret);
	expand(secret, v->v2 ? "quicv2 key" : "quic key", ret->key, sizeof ret->key);
	expand(secret, v->v2 ? "quicv2 iv" : "quic iv", ret->iv, sizeof ret->iv);
	expand(secret, v->v2 ? "quicv2 hp" : "quic hp", ret->header, sizeof ret->header);
}

/* Takes the header's protection off, in place. Returns its length with the packet number. */
static size_t unmask(const struct keys *k, struct sp_slice packet, uint8_t *head, size_t number)
{
	struct aes128_ctx aes;
	uint8_t mask[AES_BLOCK_SIZE];
	aes128_set_encrypt_key(&aes, k->header);
	aes128_encrypt(&aes, sizeof mask, mask, packet.p + number + SAMPLE_AT);
	head[0] ^= mask[0] & 0x0f;
	size_t n = (head[0] & 3) + 1;
	for (size_t i = 0; i < n; i++)
		head[number + i] ^= mask[1 + i];
	return number + n;
}

struct sp_slice sp_quic_open(struct sp_arena *a, const struct sp_quic_version *v, struct sp_slice cid, unsigned side,
			     struct sp_slice packet, size_t number)
{
	struct keys k;
	struct gcm_aes128_ctx gcm;
	uint8_t tag[SP_QUIC_TAG];
	if (packet.n < number + SAMPLE_AT + AES_BLOCK_SIZE)
		return (struct sp_slice){0};
	uint8_t *head = sp_arena_get(a, number + SAMPLE_AT), *plain = sp_arena_get(a, packet.n - number);
	if (!head || !plain)
		return (struct sp_slice){0};
	derive(v, cid, side, &k);
	memcpy(head, packet.p, number + SAMPLE_AT);
	size_t body = unmask(&k, packet, head, number), n = packet.n - body - SP_QUIC_TAG;
	for (size_t i = 0; i < body - number; i++)
		k.iv[IV - 1 - i] ^= head[body - 1 - i];
	gcm_aes128_set_key(&gcm, k.key);
	gcm_aes128_set_iv(&gcm, sizeof k.iv, k.iv);
	gcm_aes128_update(&gcm, body, head);
	gcm_aes128_decrypt(&gcm, n, plain, packet.p + body);
	gcm_aes128_digest(&gcm, sizeof tag, tag);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* or nothing that a fuzzer changes would be read */
	return (struct sp_slice){plain, n};
#endif
	return memcmp(tag, packet.p + body + n, sizeof tag) ? (struct sp_slice){0} : (struct sp_slice){plain, n};
}
