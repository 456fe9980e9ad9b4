/* SPDX-License-Identifier: Apache-2.0 */
/* SSH up to the point where it is encrypted (RFC 4253): identification lines, the algorithms both sides offer, their
 * fingerprints HASSH and hasshServer, what they agree on. One call a connection: the handshake. A server may speak
 * first; its answer is told when the client's identification is there. */
#include <nettle/md5.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "parsers/parser.h"

enum {
	LINE_MAX = 255,	     /* of an identification, its end included */
	GREETING_MAX = 4096, /* of another line, which servers may send first */
	PACKET_MAX = 256 * 1024,
	KEXINIT_MAX = 12288, /* longer ones are passed over unread */
	PACKET_HEADER = 6,   /* length, padding, type */
	COOKIE = 16,
	NAMES_MAX = 32, /* of one list that is compared with the other side's */
	SOFTWARE_MAX = 96,
	MESSAGE_MAX = 256,
};

enum packet { DISCONNECT = 1, KEXINIT = 20, NEWKEYS = 21 };

enum reason { TOO_MANY_CONNECTIONS = 12 };

enum phase { IDENTIFICATION, PACKETS, OVER };

enum field { CLIENT_SOFTWARE, SERVER_SOFTWARE, HASSH, HASSH_SERVER, KEX, HOST_KEY, CIPHER, MAC };

/* KEXINIT's lists; agreements are sought for the first two and for what the client sends. */
enum list {
	KEX_LIST,
	HOST_KEY_LIST,
	CIPHER_C2S,
	CIPHER_S2C,
	MAC_C2S,
	MAC_S2C,
	COMPRESSION_C2S,
	COMPRESSION_S2C,
	LISTS
};

static const struct {
	uint8_t list, field;
} agreed[] = {{KEX_LIST, KEX}, {HOST_KEY_LIST, HOST_KEY}, {CIPHER_C2S, CIPHER}, {MAC_C2S, MAC}};

struct state {
	uint8_t phase[2]; /* enum phase */
	bool asking, answering;
	bool old; /* one of them speaks version 1 only */
};

/* What of one side's has to wait for the other's. */
struct more {
	uint32_t name[SP_ARRAY_SIZE(agreed)][NAMES_MAX]; /* hashes, of the side that was first */
	bool first[2];					 /* whose those are */
	uint8_t software_n, hassh_n;
	uint8_t software[SOFTWARE_MAX];
	uint8_t hassh[2 * MD5_DIGEST_SIZE];
};

static struct sp_slice cut(struct sp_slice s, size_t n)
{
	return (struct sp_slice){s.p, SP_MIN(s.n, n)};
}

/* --- what was said */

/* Of the client. */
static struct sp_msg *ask(struct sp_parse *p, struct state *st, bool last)
{
	enum sp_msg_part part = st->asking ? last ? SP_PART_TAIL : SP_PART_MIDDLE : last ? SP_PART_WHOLE : SP_PART_HEAD;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_REQUEST, part);
	if (!st->asking)
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("handshake")));
	st->asking = !last;
	return m;
}

/* Of the server; NULL: it spoke before the client did, and the answer waits. */
static struct sp_msg *answer(struct sp_parse *p, struct state *st, bool last)
{
	const struct more *more = p->more;
	uint32_t tag;
	if (!st->answering && !last && !p->asked(p, 0, &tag))
		return NULL;
	enum sp_msg_part part = st->answering ? last ? SP_PART_TAIL : SP_PART_MIDDLE
				: last	      ? SP_PART_WHOLE
					      : SP_PART_HEAD;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, part);
	if (more && !st->answering) {
		sp_msg_extra(m, SERVER_SOFTWARE, (struct sp_slice){more->software, more->software_n});
		sp_msg_extra(m, HASSH_SERVER, (struct sp_slice){more->hassh, more->hassh_n});
	}
	st->answering = !last;
	return m;
}

/* --- algorithms */

static uint32_t name_hash(struct sp_slice name)
{
	return (uint32_t)sp_hash_bytes(name.p, name.n, 0) | 1; /* never 0, which ends a list */
}

/* Takes the first name off. */
static struct sp_slice next_name(struct sp_slice *list)
{
	const uint8_t *comma = memchr(list->p, ',', list->n);
	struct sp_slice name = {list->p, comma ? (size_t)(comma - list->p) : list->n};
	size_t taken = name.n + (comma != NULL);
	*list = (struct sp_slice){list->p + taken, list->n - taken};
	return name;
}

static void remember(uint32_t *hashes, struct sp_slice list)
{
	for (unsigned i = 0; i < NAMES_MAX && list.n; i++)
		hashes[i] = name_hash(next_name(&list));
}

static struct sp_slice find_name(struct sp_slice list, uint32_t hash)
{
	for (unsigned i = 0; i < NAMES_MAX && list.n; i++) {
		struct sp_slice name = next_name(&list);
		if (name_hash(name) == hash)
			return name;
	}
	return (struct sp_slice){0};
}

/* The first of the client's names that the server has, too. */
static struct sp_slice agreement(const uint32_t *hashes, struct sp_slice list, bool list_is_clients)
{
	if (!list_is_clients) {
		for (unsigned i = 0; i < NAMES_MAX && hashes[i]; i++) {
			struct sp_slice name = find_name(list, hashes[i]);
			if (name.n)
				return name;
		}
		return (struct sp_slice){0};
	}
	for (unsigned i = 0; i < NAMES_MAX && list.n; i++) {
		struct sp_slice name = next_name(&list);
		uint32_t hash = name_hash(name);
		for (unsigned k = 0; k < NAMES_MAX && hashes[k]; k++)
			if (hashes[k] == hash)
				return name;
	}
	return (struct sp_slice){0};
}

/* MD5 of key exchange, ciphers, MACs and compression of the sender's direction. */
static struct sp_slice fingerprint(struct sp_parse *p, const struct sp_slice *list)
{
	struct md5_ctx md5;
	uint8_t digest[MD5_DIGEST_SIZE];
	unsigned s2c = p->side == SP_SERVER;
	md5_init(&md5);
	md5_update(&md5, list[KEX_LIST].n, list[KEX_LIST].p);
	for (unsigned i = CIPHER_C2S; i <= COMPRESSION_C2S; i += 2) {
		md5_update(&md5, 1, (const uint8_t *)";");
		md5_update(&md5, list[i + s2c].n, list[i + s2c].p);
	}
	md5_digest(&md5, sizeof digest, digest);
	return sp_arena_hex(p->arena, (struct sp_slice){digest, sizeof digest});
}

static bool read_lists(struct sp_slice payload, struct sp_slice list[LISTS])
{
	struct sp_cursor c = sp_cursor(payload);
	sp_cursor_take(&c, COOKIE);
	for (unsigned i = 0; i < LISTS; i++) {
		list[i].n = sp_cursor_u32(&c);
		list[i].p = sp_cursor_take(&c, list[i].n);
	}
	return !c.bad;
}

/* Ciphers with a MAC of their own need none of the others. */
static bool is_aead(struct sp_slice cipher)
{
	return cipher.p && (memmem(cipher.p, cipher.n, "gcm", 3) || memmem(cipher.p, cipher.n, "poly1305", 8));
}

static void tell_agreements(struct sp_parse *p, struct sp_msg *m, struct more *more, const struct sp_slice *list)
{
	bool second = more->first[!p->side], aead = false;
	for (unsigned i = 0; i < SP_ARRAY_SIZE(agreed); i++) {
		struct sp_slice names = list[agreed[i].list];
		if (!second)
			remember(more->name[i], names);
		if (!second || !m || (agreed[i].field == MAC && aead))
			continue;
		struct sp_slice name = agreement(more->name[i], names, p->side == SP_CLIENT);
		aead |= agreed[i].field == CIPHER && is_aead(name);
		sp_msg_extra(m, agreed[i].field, name);
		if (!name.n && agreed[i].field != MAC && !m->status) {
			m->status = SP_STATUS_CLIENT_ERROR;
			sp_msg_put(m, SP_SLOT_MESSAGE, SP_TEXT("no algorithms in common"));
		}
	}
	more->first[p->side] = true;
}

static enum sp_parse_result kexinit(struct sp_parse *p, struct state *st, struct sp_slice payload, size_t used)
{
	struct sp_slice list[LISTS];
	bool server = p->side == SP_SERVER;
	if (!read_lists(payload, list))
		return SP_PARSE_BAD;
	struct more *more = sp_parse_extend(p);
	struct sp_slice hassh = fingerprint(p, list);
	if (server && more) {
		more->hassh_n = (uint8_t)SP_MIN(hassh.n, sizeof more->hassh);
		memcpy(more->hassh, hassh.p, more->hassh_n);
	}
	bool begun = st->answering;
	struct sp_msg *m = server ? answer(p, st, false) : ask(p, st, true);
	if (m && (!server || begun || !more))
		sp_msg_extra(m, server ? HASSH_SERVER : HASSH, hassh);
	if (more)
		tell_agreements(p, m, more, list);
	return m ? sp_parse_msg(p, used) : sp_parse_skip(p, used, 0);
}

/* --- packets */

static enum sp_parse_result disconnect(struct sp_parse *p, struct state *st, struct sp_slice payload, size_t used)
{
	struct sp_cursor c = sp_cursor(payload);
	unsigned reason = sp_cursor_u32(&c);
	size_t n = sp_cursor_u32(&c);
	n = SP_MIN(n, sp_cursor_left(&c));
	struct sp_msg *m = p->side == SP_SERVER ? answer(p, st, true) : ask(p, st, true);
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, reason));
	sp_msg_put(m, SP_SLOT_MESSAGE, cut((struct sp_slice){c.p, n}, MESSAGE_MAX));
	m->status = p->side == SP_SERVER && reason == TOO_MANY_CONNECTIONS ? SP_STATUS_SERVER_ERROR
									   : SP_STATUS_CLIENT_ERROR;
	st->phase[p->side] = OVER;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result new_keys(struct sp_parse *p, struct state *st, size_t used)
{
	st->phase[p->side] = OVER;
	if (p->side == SP_SERVER)
		answer(p, st, true)->status = SP_STATUS_OK;
	else if (st->asking) /* its KEXINIT was too long to be read */
		ask(p, st, true);
	else
		return sp_parse_skip(p, used, SP_TO_END);
	return sp_parse_msg(p, used);
}

static enum sp_parse_result packet(struct sp_parse *p, struct state *st)
{
	if (st->old) /* of another form, and a server's: the client's are passed over at once */
		return new_keys(p, st, 0);
	if (p->in.n < PACKET_HEADER)
		return sp_parse_more(p, PACKET_HEADER);
	size_t length = sp_be32(p->in.p), size = length + 4;
	uint8_t padding = p->in.p[4], type = p->in.p[5];
	if (length < 2 || length > PACKET_MAX || padding + (size_t)2 > length)
		return SP_PARSE_BAD;
	bool read = (type == KEXINIT || type == DISCONNECT || type == NEWKEYS) && size <= KEXINIT_MAX;
	if (!read) {
		size_t there = SP_MIN(size, p->in.n);
		/* The answer that had to wait begins here, at the latest. */
		struct sp_msg *m = p->side == SP_SERVER && !st->answering ? answer(p, st, false) : NULL;
		p->want = size - there;
		return m ? sp_parse_msg(p, there) : sp_parse_skip(p, there, size - there);
	}
	if (p->in.n < size)
		return sp_parse_more(p, size);
	struct sp_slice payload = {p->in.p + PACKET_HEADER, length - 2 - padding};
	if (type == KEXINIT)
		return kexinit(p, st, payload, size);
	return type == DISCONNECT ? disconnect(p, st, payload, size) : new_keys(p, st, size);
}

/* --- identification */

/* "SSH-2.0-software comments" */
static enum sp_parse_result identify(struct sp_parse *p, struct state *st, struct sp_slice line, size_t used)
{
	const uint8_t *dash = memchr(line.p + 4, '-', line.n - 4);
	if (!dash)
		return SP_PARSE_BAD;
	struct sp_slice version = {line.p + 4, (size_t)(dash - line.p - 4)};
	struct sp_slice software = cut((struct sp_slice){dash + 1, line.n - version.n - 5}, SOFTWARE_MAX);
	bool server = p->side == SP_SERVER;
	st->old |= *version.p == '1' && !sp_slice_is(version, "1.99");
	st->phase[p->side] = st->old && !server ? OVER : PACKETS;
	struct more *more = server ? sp_parse_extend(p) : NULL;
	if (more) {
		more->software_n = (uint8_t)software.n;
		memcpy(more->software, software.p, software.n);
	}
	struct sp_msg *m = server ? answer(p, st, false) : ask(p, st, st->old);
	if (!m)
		return sp_parse_skip(p, used, 0);
	sp_msg_put(m, SP_SLOT_VERSION, version);
	if (!more)
		sp_msg_extra(m, server ? SERVER_SOFTWARE : CLIENT_SOFTWARE, software);
	return sp_parse_msg(p, used);
}

static bool is_identification(struct sp_slice line)
{
	return line.n >= 8 && !memcmp(line.p, "SSH-", 4) && (line.p[4] == '1' || line.p[4] == '2') && line.p[5] == '.';
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->phase[p->side] == OVER)
		return sp_parse_skip(p, p->in.n, SP_TO_END);
	if (st->phase[p->side] == PACKETS)
		return packet(p, st);
	const uint8_t *end = memchr(p->in.p, '\n', p->in.n);
	if (!end)
		return p->in.n < GREETING_MAX ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	struct sp_slice line = {p->in.p, (size_t)(end - p->in.p)};
	size_t used = line.n + 1;
	line.n -= line.n && line.p[line.n - 1] == '\r';
	if (is_identification(line))
		return line.n <= LINE_MAX ? identify(p, st, line, used) : SP_PARSE_BAD;
	return p->side == SP_SERVER ? sp_parse_skip(p, used, 0) : SP_PARSE_BAD;
}

static enum sp_probe probe(struct sp_parse *p)
{
	static const char start[] = "SSH-";
	if (memcmp(p->in.p, start, SP_MIN(p->in.n, sizeof start - 1)))
		return SP_PROBE_NO;
	if (p->in.n < 8)
		return SP_PROBE_MAYBE;
	return is_identification(p->in) ? SP_PROBE_YES : SP_PROBE_NO;
}

/* What is lost is most likely encrypted, and never to be found again. */
static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->phase[p->side] != IDENTIFICATION)
		st->phase[p->side] = OVER;
	return 0;
}

static const uint16_t ports[] = {22, 0};

static const struct sp_start starts[] = {
	SP_START_TEXT('S', 'S', SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[CLIENT_SOFTWARE] = "ssh.client.software",
	[SERVER_SOFTWARE] = "ssh.server.software",
	[HASSH] = "ssh.hassh",
	[HASSH_SERVER] = "ssh.hassh_server",
	[KEX] = "ssh.kex",
	[HOST_KEY] = "ssh.host_key",
	[CIPHER] = "ssh.cipher",
	[MAC] = "ssh.mac",
	NULL,
};

#ifdef SP_WITH_VECTORS
#define COOKIE16 "0123456789abcdef"
#define NO_LANGUAGES "\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define CLIENT_KEXINIT                                                                                                 \
	"\0\0\0\x58\4\x14" COOKIE16                                                                                    \
	"\0\0\0\3a,b\0\0\0\1h\0\0\0\5c1,c2\0\0\0\2c2\0\0\0\1m\0\0\0\1m\0\0\0\4none\0\0\0\4none" NO_LANGUAGES           \
	"\0\0\0\0"
#define SERVER_KEXINIT                                                                                                 \
	"\0\0\0\x5f\4\x14" COOKIE16                                                                                    \
	"\0\0\0\3b,a\0\0\0\3x,h\0\0\0\2c2\0\0\0\2c3\0\0\0\4m2,m\0\0\0\1m\0\0\0\x09none,zlib"                           \
	"\0\0\0\4none" NO_LANGUAGES "\0\0\0\0"
#define NEW_KEYS "\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0"
#define EXCHANGE(type) "\0\0\0\x0a\4" type "\0\0\0\0\0\0\0\0"
static const struct sp_vector vectors[] = {
	{
		.name = "client first",
		.step = {SP_C("SSH-2.0-alice comment\r\n"), SP_S("SSH-2.0-bob\r\n"), SP_C(CLIENT_KEXINIT),
			 SP_S(SERVER_KEXINIT), SP_C(EXCHANGE("\x1e")), SP_S(EXCHANGE("\x1f") NEW_KEYS "\x9d\x31\x07"),
			 SP_C(NEW_KEYS "\xfe\xed\xfa\xce\xfe\xed\xfa\xce")},
		.want = "> request app_version=2.0 method=handshake endpoint=handshake bytes=115 "
			"ssh.client.software=alice comment "
			"ssh.hassh=bf9f945657158820e133f09d33de79b5\n"
			"< response app_version=2.0 status=ok bytes=142 ssh.server.software=bob "
			"ssh.hassh_server=78da2d02f0592a2c31756e7db36b8d0f ssh.kex=a ssh.host_key=h ssh.cipher=c2 "
			"ssh.mac=m\n",
	},
	{
		.name = "a greeting, the server first in everything",
		.no_probe = true,
		.step = {SP_S("hello\r\nSSH-1.99-bob\n" SERVER_KEXINIT),
			 SP_C("SSH-2.0-alice\r\n" CLIENT_KEXINIT EXCHANGE("\x1e")), SP_S(EXCHANGE("\x1f") NEW_KEYS)},
		.want = "> request app_version=2.0 method=handshake endpoint=handshake bytes=107 "
			"ssh.client.software=alice "
			"ssh.hassh=bf9f945657158820e133f09d33de79b5 ssh.kex=a ssh.host_key=h ssh.cipher=c2 ssh.mac=m\n"
			"< response status=ok bytes=30 ssh.server.software=bob "
			"ssh.hassh_server=78da2d02f0592a2c31756e7db36b8d0f\n",
	},
	{
		.name = "nothing in common: the server says so, then the client",
		.step = {SP_C("SSH-2.0-alice\r\n"), SP_S("SSH-2.0-bob\r\n"),
			 SP_S("\0\0\0\x17\3\1\0\0\0\3\0\0\0\7no kexs\0\0\0\0\0\0"),
			 SP_C("\0\0\0\x0c\2\1\0\0\0\x0b\0\0\0\0\0\0")},
		.want = "< response app_version=2.0 code=3 message=no kexs status=client_error bytes=40 "
			"ssh.server.software=bob\n"
			"> request app_version=2.0 method=handshake endpoint=handshake code=11 status=client_error "
			"bytes=31 "
			"ssh.client.software=alice\n",
	},
	{
		.name = "version 1",
		.step = {SP_S("SSH-1.5-bob\n"), SP_C("SSH-1.5-alice\n"), SP_S("\0\0\1\x0fxyz")},
		.want = "> request app_version=1.5 method=handshake endpoint=handshake bytes=14 "
			"ssh.client.software=alice\n"
			"< response status=ok bytes=0 ssh.server.software=bob\n",
	},
	{
		.name = "not SSH",
		.no_probe = true,
		.step = {SP_C("GET / HTTP/1.1\r\n")},
		.want = "> bad\n",
	},
	{0},
};
#endif

const struct sp_parser sp_ssh_parser = {
	.name = "ssh",
	.title = "SSH",
	.missing = "everything after the key exchange, which is encrypted; the packets of version 1",
	.app = SP_APP_SSH,
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
