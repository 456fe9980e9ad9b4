/* SPDX-License-Identifier: Apache-2.0 */
/* NTP (RFC 5905, its versions 1 to 4), kisses of death, control messages (RFC 9327). A server sends the client's
 * transmit timestamp back as the origin timestamp: that pairs them. */
#include "base/cursor.h"
#include "parsers/out.h"

enum {
	HEADER = 48,
	CONTROL_HEADER = 12,
	PRIVATE_HEADER = 8,
	STRATUM_MAX = 16,
	VERSION_MAX = 4,
	PORT = 123,
	EXTENSION_MIN = 16,
	SINCE_2000 = 0xbc, /* the first byte of a timestamp's seconds from 1999 on */
	SLOW_SERVER_S = 4,
};

enum offset {
	STRATUM = 1,
	POLL,
	PRECISION,
	ROOT_DELAY,
	ROOT_DISPERSION = 8,
	REFID = 12,
	REFERENCE = 16,
	ORIGIN = 24,
	RECEIVE = 32,
	TRANSMIT = 40
};

enum mode { UNSPECIFIED, ACTIVE, PASSIVE, CLIENT, SERVER, BROADCAST, CONTROL, PRIVATE };

enum field { STRATUM_FIELD, REFID_FIELD, LEAP, DELAY, DISPERSION, AUTHENTICATION };

static const char *const modes[] = {"unspecified", "symmetric active", "symmetric passive", "client",
				    "server",	   "broadcast",	       "control",	    "private"};

static unsigned mode_of(struct sp_slice in)
{
	return *in.p & 7;
}

static unsigned version_of(struct sp_slice in)
{
	return *in.p >> 3 & 7;
}

/* A fixed-point number of 16 bits each, in microseconds. */
static struct sp_slice microseconds(struct sp_parse *p, size_t at)
{
	uint64_t v = sp_be32(p->in.p + at);
	return sp_arena_u64(p->arena, v * 1000000 >> 16);
}

static bool is_letter_code(const uint8_t *p)
{
	for (unsigned i = 0; i < 4; i++)
		if (p[i] && (p[i] < 0x20 || p[i] > 0x7e))
			return false;
	return *p;
}

/* Letters where the clock is a device or there is none, else mostly the address of the server above. */
static struct sp_slice refid(struct sp_parse *p)
{
	const uint8_t *id = p->in.p + REFID;
	size_t n = 4;
	if (p->in.p[STRATUM] <= 1 && is_letter_code(id)) {
		while (n && !id[n - 1])
			n--;
		return (struct sp_slice){id, n};
	}
	struct sp_out o = sp_out_begin(p->arena, 16);
	sp_out_address(&o, (struct sp_slice){id, 4});
	return sp_out_end(p->arena, &o);
}

/* What follows the header: extension fields, or a key's number and a digest. */
static struct sp_slice authentication(struct sp_slice in)
{
	enum { NTS_COOKIE = 0x204, NTS_AUTHENTICATOR = 0x404, KEY = 4, MD5 = 20, SHA1 = 24 };
	size_t at = HEADER;
	while (in.n - at > SHA1) {
		unsigned type = sp_be16(in.p + at), n = sp_be16(in.p + at + 2);
		if (n < EXTENSION_MIN || n > in.n - at || n % 4)
			return (struct sp_slice){0};
		if (type == NTS_COOKIE || type == NTS_AUTHENTICATOR)
			return SP_TEXT("nts");
		at += n;
	}
	if (in.n - at == KEY)
		return SP_TEXT("crypto-nak");
	return in.n - at == MD5 || in.n - at == SHA1 ? SP_TEXT("mac") : (struct sp_slice){0};
}

static void describe_answer(struct sp_parse *p, struct sp_msg *m)
{
	static const char *const leaps[] = {"0", "+1", "-1", "unsynchronized"};
	const uint8_t *in = p->in.p;
	unsigned leap = *in >> 6;
	m->status = SP_STATUS_OK;
	if (!in[STRATUM] && is_letter_code(in + REFID)) {
		/* A kiss: INIT and STEP speak of the server, the others of what the client does wrong. */
		struct sp_slice kiss = sp_msg_put(m, SP_SLOT_CODE, refid(p));
		bool servers = sp_slice_is(kiss, "INIT") || sp_slice_is(kiss, "STEP");
		m->status = servers ? SP_STATUS_SERVER_ERROR : SP_STATUS_CLIENT_ERROR;
	} else if (leap == 3) {
		sp_msg_put(m, SP_SLOT_MESSAGE, SP_TEXT("clock is not synchronized"));
		m->status = SP_STATUS_SERVER_ERROR;
	}
	sp_msg_extra(m, STRATUM_FIELD, sp_arena_u64(p->arena, in[STRATUM]));
	sp_msg_extra(m, REFID_FIELD, refid(p));
	sp_msg_extra(m, LEAP, sp_slice_of(leaps[leap]));
	sp_msg_extra(m, DELAY, microseconds(p, ROOT_DELAY));
	sp_msg_extra(m, DISPERSION, microseconds(p, ROOT_DISPERSION));
}

static enum sp_parse_result time_message(struct sp_parse *p)
{
	static const uint8_t kinds[] = {SP_MSG_REQUEST, SP_MSG_REQUEST,	 SP_MSG_RESPONSE,
					SP_MSG_REQUEST, SP_MSG_RESPONSE, SP_MSG_ONEWAY};
	unsigned mode = mode_of(p->in);
	bool answer = kinds[mode] == SP_MSG_RESPONSE;
	struct sp_msg *m = sp_msg_begin(p, (enum sp_msg_kind)kinds[mode], SP_PART_WHOLE);
	m->id = sp_be64(p->in.p + (answer ? ORIGIN : TRANSMIT));
	sp_msg_put(m, SP_SLOT_VERSION, sp_arena_u64(p->arena, version_of(p->in)));
	if (kinds[mode] != SP_MSG_REQUEST)
		describe_answer(p, m);
	if (!answer)
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(modes[mode])));
	if (mode == BROADCAST)
		m->status = SP_STATUS_NONE;
	sp_msg_extra(m, AUTHENTICATION, authentication(p->in));
	return sp_parse_msg(p, p->in.n);
}

/* Answers come in any number of fragments: each message stands alone. */
static enum sp_parse_result control(struct sp_parse *p)
{
	static const char *const operations[] = {"",
						 "read status",
						 "read variables",
						 "write variables",
						 "read clock",
						 "write clock",
						 "set trap",
						 "trap",
						 "configure",
						 "save configuration",
						 "read MRU",
						 "read ordered list",
						 "request nonce"};
	bool answer = p->in.p[1] & 0x80, failed = p->in.p[1] & 0x40;
	unsigned operation = p->in.p[1] & 31;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_VERSION, sp_arena_u64(p->arena, version_of(p->in)));
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(modes[mode_of(p->in)])));
	if (mode_of(p->in) == CONTROL) {
		if (operation < SP_ARRAY_SIZE(operations))
			sp_msg_put(m, SP_SLOT_RESOURCE, sp_slice_of(operations[operation]));
		sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, sp_be16(p->in.p + 2)));
		if (answer)
			m->status = failed ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
		if (answer && failed)
			sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, p->in.p[4]));
	}
	return sp_parse_msg(p, p->in.n);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	if (p->in.n < PRIVATE_HEADER)
		return sp_parse_skip(p, p->in.n, 0);
	unsigned mode = mode_of(p->in);
	if (mode == PRIVATE || (mode == CONTROL && p->in.n >= CONTROL_HEADER))
		return control(p);
	return mode < CONTROL && p->in.n >= HEADER ? time_message(p) : sp_parse_skip(p, p->in.n, 0);
}

/* A server's clock is somewhere in this century, and it answers at once. */
static bool is_answer(const uint8_t *in)
{
	uint32_t received = sp_be32(in + RECEIVE), sent = sp_be32(in + TRANSMIT);
	return in[STRATUM] <= STRATUM_MAX && in[RECEIVE] >= SINCE_2000 && sent - received <= SLOW_SERVER_S;
}

/* A client says nothing, or what it knows from a server. */
static bool is_question(const uint8_t *in)
{
	bool nothing = !in[STRATUM] && !sp_be64(in + REFERENCE) && (!sp_be32(in + REFID) || is_letter_code(in + REFID));
	return in[STRATUM] <= STRATUM_MAX && (nothing || in[REFERENCE] >= SINCE_2000);
}

static enum sp_probe probe(struct sp_parse *p)
{
	const uint8_t *in = p->in.p;
	if (p->in.n < CONTROL_HEADER || !version_of(p->in) || version_of(p->in) > VERSION_MAX)
		return SP_PROBE_NO;
	unsigned mode = mode_of(p->in);
	bool own_port = p->server_port == PORT;
	if (mode == CONTROL || mode == PRIVATE)
		return own_port ? SP_PROBE_YES : SP_PROBE_NO;
	if (p->in.n < HEADER || p->in.n % 4 || mode == UNSPECIFIED || in[STRATUM] > STRATUM_MAX)
		return SP_PROBE_NO;
	/* Poll intervals and precisions are powers of two: 2^-30 s to 2^24 s, or 32, which says nothing. */
	if (!own_port && (((int8_t)in[POLL] < -8 || (int8_t)in[POLL] > 24) ||
			  ((int8_t)in[PRECISION] < -34 || (int8_t)in[PRECISION] > 32)))
		return SP_PROBE_NO;
	bool answer = mode == SERVER || mode == PASSIVE;
	if (!own_port && (answer || mode == BROADCAST ? !is_answer(in) && mode != BROADCAST : !is_question(in)))
		return SP_PROBE_NO;
	if (mode != ACTIVE && mode != PASSIVE && mode != BROADCAST)
		p->reversed = answer == (p->side == SP_CLIENT);
	return SP_PROBE_YES;
}

static const uint16_t ports[] = {PORT, 0};

static const struct sp_start starts[] = {
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[STRATUM_FIELD] = "ntp.stratum",
	[REFID_FIELD] = "ntp.refid",
	[LEAP] = "ntp.leap",
	[DELAY] = "ntp.root_delay_us",
	[DISPERSION] = "ntp.root_dispersion_us",
	[AUTHENTICATION] = "ntp.authentication",
	NULL,
};

#ifdef SP_WITH_VECTORS
#define ZERO8 "\0\0\0\0\0\0\0\0"
#define T1 "\xe8\0\0\1\0\0\0\0"
#define T2 "\xe8\0\0\2\0\0\0\0"
/* Leap, version, mode, stratum; poll, precision, delay of 1 ms, dispersion of half a second. */
#define TIME(first, refid, reference, origin, receive, transmit)                                                       \
	first "\6\xe9\0\0\0\x42\0\0\x80\0" refid reference origin receive transmit
static const struct sp_vector vectors[] = {
	{
		.name = "question and answer, then a client that says nothing of itself",
		.udp = true,
		.step = {SP_C(TIME("\x23\3", "\x0a\0\0\1", T1, ZERO8, ZERO8, "\1\2\3\4\5\6\7\x08")),
			 SP_S(TIME("\x24\2", "\x0a\0\0\1", T1, "\1\2\3\4\5\6\7\x08", T1, T2)),
			 SP_C("\xe3\0\6\x20\0\0\0\0\0\0\0\0\0\0\0\0" ZERO8 ZERO8 ZERO8 "\0\0\0\0\0\0\0\x09"),
			 SP_S(TIME("\x64\1", "GPS\0", T1, "\0\0\0\0\0\0\0\x09", T1, T2))},
		.want = "> request app_version=4 method=client endpoint=client id=72623859790382856 bytes=48\n"
			"< response app_version=4 status=ok id=72623859790382856 bytes=48 ntp.stratum=2 "
			"ntp.refid=10.0.0.1 "
			"ntp.leap=0 ntp.root_delay_us=1007 ntp.root_dispersion_us=500000\n"
			"> request app_version=4 method=client endpoint=client id=9 bytes=48\n"
			"< response app_version=4 status=ok id=9 bytes=48 ntp.stratum=1 ntp.refid=GPS ntp.leap=+1 "
			"ntp.root_delay_us=1007 ntp.root_dispersion_us=500000\n",
	},
	{
		.name = "kisses, a clock that does not know the time, a digest, a broadcast",
		.udp = true,
		.step = {SP_C(TIME("\x1b\0", "\0\0\0\0", ZERO8, ZERO8, ZERO8, T1) "\0\0\0\1" ZERO8 ZERO8),
			 SP_S(TIME("\xdc\0", "RATE", ZERO8, T1, T1, T1) "\0\0\0\0"),
			 SP_C(TIME("\x1b\0", "\0\0\0\0", ZERO8, ZERO8, ZERO8, T2)),
			 SP_S(TIME("\xdc\x10", "\0\0\0\0", ZERO8, T2, T1, T1)),
			 SP_S(TIME("\x25\1", "PPS\0", T1, ZERO8, ZERO8, T2))},
		.want = "> request app_version=3 method=client endpoint=client id=16717361821094248448 bytes=68 "
			"ntp.authentication=mac\n"
			"< response app_version=3 code=RATE status=client_error id=16717361821094248448 bytes=52 "
			"ntp.stratum=0 "
			"ntp.refid=RATE ntp.leap=unsynchronized ntp.root_delay_us=1007 ntp.root_dispersion_us=500000 "
			"ntp.authentication=crypto-nak\n"
			"> request app_version=3 method=client endpoint=client id=16717361825389215744 bytes=48\n"
			"< response app_version=3 message=clock is not synchronized status=server_error "
			"id=16717361825389215744 bytes=48 ntp.stratum=16 ntp.refid=0.0.0.0 ntp.leap=unsynchronized "
			"ntp.root_delay_us=1007 ntp.root_dispersion_us=500000\n"
			"< oneway app_version=4 method=broadcast endpoint=broadcast id=16717361825389215744 bytes=48 "
			"ntp.stratum=1 ntp.refid=PPS ntp.leap=0 ntp.root_delay_us=1007 ntp.root_dispersion_us=500000\n",
	},
	{
		.name = "control messages, one of which fails",
		.udp = true,
		.no_probe = true,
		.step = {SP_C("\x16\2\0\1\0\0\0\0\0\0\0\0"), SP_S("\x16\x82\0\1\6\x15\0\0\0\0\0\4ok\r\n"),
			 SP_C("\x16\3\0\2\0\0\0\0\0\0\0\0"), SP_S("\x16\xc3\0\2\1\0\0\0\0\0\0\0"),
			 SP_C("\x17\0\3\x2a\0\0\0\0")},
		.want = "> oneway app_version=2 method=control resource=read variables endpoint=control correlation=1 "
			"id=0 "
			"bytes=12\n"
			"< oneway app_version=2 method=control resource=read variables endpoint=control correlation=1 "
			"status=ok "
			"id=0 bytes=16\n"
			"> oneway app_version=2 method=control resource=write variables endpoint=control correlation=2 "
			"id=0 "
			"bytes=12\n"
			"< oneway app_version=2 method=control resource=write variables endpoint=control code=1 "
			"correlation=2 "
			"status=client_error id=0 bytes=12\n"
			"> oneway app_version=2 method=private endpoint=private id=0 bytes=8\n",
	},
	{0},
};
#endif

const struct sp_parser sp_ntp_parser = {
	.name = "ntp",
	.title = "NTP",
	.missing = "what control and private messages say; how far a clock is off, which takes the capture's own time",
	.app = SP_APP_NTP,
	.transports = SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.timeout_s = 15,
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.vectors = SP_VECTORS(vectors),
};
