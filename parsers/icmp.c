/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP and ICMPv6 queries and their replies (RFC 792, 950, 4443, 8335). Errors are not messages: whoever decodes
 * packets counts them to the flow that they quote. */
#include "base/cursor.h"
#include "parsers/parser.h"

enum {
	HEADER = 8,
	EXTENDED_REPLY = 43,
	EXTENDED_REPLY_V6 = 161,
};

enum group { NOT_A_QUERY, ECHO, TIMESTAMP, INFORMATION, MASK, EXTENDED_ECHO, GROUPS };

static const char *const method[GROUPS] = {"", "echo", "timestamp", "information", "address mask", "extended echo"};

/* Types of both versions: no number is a query in one and something else in the other. */
static const struct {
	uint8_t group;
	bool reply;
} types[256] = {
	[0] = {ECHO, true},
	[8] = {ECHO, false},
	[13] = {TIMESTAMP, false},
	[14] = {TIMESTAMP, true},
	[15] = {INFORMATION, false},
	[16] = {INFORMATION, true},
	[17] = {MASK, false},
	[18] = {MASK, true},
	[42] = {EXTENDED_ECHO, false},
	[43] = {EXTENDED_ECHO, true},
	[128] = {ECHO, false},
	[129] = {ECHO, true},
	[160] = {EXTENDED_ECHO, false},
	[161] = {EXTENDED_ECHO, true},
};

/* Of a reply to an extended echo, the one that may say no. */
static const char *const refusals[] = {"", "malformed query", "no such interface", "no such table entry",
				       "multiple interfaces satisfy query"};

static bool is_query(struct sp_slice in)
{
	if (in.n < HEADER || !types[in.p[0]].group)
		return false;
	return !in.p[1] ||
	       ((in.p[0] == EXTENDED_REPLY || in.p[0] == EXTENDED_REPLY_V6) && in.p[1] < SP_ARRAY_SIZE(refusals));
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	const uint8_t *in = p->in.p;
	if (!is_query(p->in))
		return sp_parse_skip(p, p->in.n, 0);
	unsigned group = types[in[0]].group, identifier = sp_be16(in + 4);
	/* An extended echo's sequence number is one byte; flags follow it. */
	unsigned sequence = group == EXTENDED_ECHO ? in[6] : sp_be16(in + 6);
	bool reply = types[in[0]].reply;
	struct sp_msg *m = sp_msg_begin(p, reply ? SP_MSG_RESPONSE : SP_MSG_REQUEST, SP_PART_WHOLE);
	m->id = (uint64_t)(group - ECHO) << 32 | identifier << 16 | sequence;
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(method[group])));
	sp_msg_put(m, SP_SLOT_RESOURCE, sp_arena_u64(p->arena, identifier));
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, sequence));
	if (reply) {
		m->status = in[1] ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
		sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, in[1]));
		sp_msg_put(m, SP_SLOT_MESSAGE, sp_slice_of(refusals[in[1]]));
	}
	return sp_parse_msg(p, p->in.n);
}

static enum sp_probe probe(struct sp_parse *p)
{
	if (!is_query(p->in))
		return SP_PROBE_NO;
	p->reversed = types[*p->in.p].reply == (p->side == SP_CLIENT);
	return SP_PROBE_YES;
}

static const struct sp_start starts[] = {
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

#ifdef SP_WITH_VECTORS
static const struct sp_vector vectors[] = {
	{
		.name = "two echoes, the second answered first",
		.udp = true,
		.step = {SP_C("\x08\0\xf7\xfa\x01\x02\0\1data"), SP_C("\x08\0\xf7\xf9\x01\x02\0\2data"),
			 SP_S("\0\0\xff\xf9\x01\x02\0\2data"), SP_S("\0\0\xff\xfa\x01\x02\0\1data")},
		.want = "> request method=echo resource=258 endpoint=echo correlation=1 id=16908289 bytes=12\n"
			"> request method=echo resource=258 endpoint=echo correlation=2 id=16908290 bytes=12\n"
			"< response method=echo resource=258 endpoint=echo code=0 correlation=2 status=ok id=16908290 "
			"bytes=12\n"
			"< response method=echo resource=258 endpoint=echo code=0 correlation=1 status=ok id=16908289 "
			"bytes=12\n",
	},
	{
		.name = "ICMPv6",
		.udp = true,
		.step = {SP_C("\x80\0\0\0\0\1\0\7"), SP_S("\x81\0\0\0\0\1\0\7")},
		.want = "> request method=echo resource=1 endpoint=echo correlation=7 id=65543 bytes=8\n"
			"< response method=echo resource=1 endpoint=echo code=0 correlation=7 status=ok id=65543 "
			"bytes=8\n",
	},
	{
		.name = "a timestamp, an interface that is not there, an error, half a header",
		.udp = true,
		.step = {SP_C("\x0d\0\0\0\0\1\0\1\0\0\0\1\0\0\0\0\0\0\0\0"),
			 SP_S("\x0e\0\0\0\0\1\0\1\0\0\0\1\0\0\0\2\0\0\0\2"), SP_C("\x2a\0\0\0\0\1\5\1"),
			 SP_S("\x2b\2\0\0\0\1\5\0"), SP_S("\3\1\0\0\0\0\0\0"), SP_C("\x08\0\0\0\0")},
		.want = "> request method=timestamp resource=1 endpoint=timestamp correlation=1 id=4295032833 "
			"bytes=20\n"
			"< response method=timestamp resource=1 endpoint=timestamp code=0 correlation=1 status=ok "
			"id=4295032833 "
			"bytes=20\n"
			"> request method=extended echo resource=1 endpoint=extended echo correlation=5 id=17179934725 "
			"bytes=8\n"
			"< response method=extended echo resource=1 endpoint=extended echo code=2 message=no such "
			"interface "
			"correlation=5 status=client_error id=17179934725 bytes=8\n",
	},
	{0},
};
#endif

const struct sp_parser sp_icmp_parser = {
	.name = "icmp",
	.title = "ICMP",
	.missing = "errors, which belong to the flow that they quote; neighbour and multicast listener discovery, "
		   "which ask in other ways",
	.app = SP_APP_ICMP,
	.transports = SP_ICMP,
	.pairing = SP_PAIR_BY_ID,
	.timeout_s = 30,
	.starts = starts,
	.probe = probe,
	.parse = parse,
	.vectors = SP_VECTORS(vectors),
};
