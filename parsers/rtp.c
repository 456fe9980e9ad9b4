/* SPDX-License-Identifier: Apache-2.0 */
/* RTP and RTCP (RFC 3550), also on one port (5761). A stream is one message in many parts: counted as packets come,
 * told now and then, over when its source changes, says goodbye, or has lasted long. Receivers' reports stand alone. */
#include "base/cursor.h"
#include "parsers/parser.h"

enum {
	HEADER = 12,
	RTCP_HEADER = 8,
	REPORT_BLOCK = 24,
	TOLD_EVERY = 256, /* packets */
	MESSAGE_PACKETS = 10000,
	MESSAGE_S = 3600, /* longer than so many packets take, be they few a second */
	GAP_MAX = 3000,	  /* more is a new beginning, as RFC 3550 A.1 has it */
	LATE_MAX = 100,
	BLOCKS_MAX = 31,
};

enum packet_type { SENDER_REPORT = 200, RECEIVER_REPORT, DESCRIPTION, GOODBYE, FIRST_RTCP = 192, LAST_RTCP = 223 };

enum field { SSRC, PACKETS, LOST, LATE, PAYLOAD_TYPE, FRACTION_LOST, JITTER };

struct stream {
	uint32_t ssrc, packets, lost, late;
	uint32_t bytes; /* since it was last told of */
	uint16_t sequence;
	uint8_t payload_type;
	bool open;
};

struct state {
	struct stream stream[2];
};

/* RFC 3551, and the dynamic ones. */
static bool is_known_type(uint8_t type)
{
	static const uint64_t assigned =
		UINT64_C(0x79607fff9); /* 0, 3 to 18, 25, 26, 28, 31 to 34 – and none between */
	return type >= 96 || (type < 35 && assigned >> type & 1);
}

static bool is_rtcp(struct sp_slice in)
{
	return in.n >= RTCP_HEADER && *in.p >> 6 == 2 && in.p[1] >= FIRST_RTCP && in.p[1] <= LAST_RTCP;
}

static bool is_rtp(struct sp_slice in)
{
	if (in.n < HEADER || *in.p >> 6 != 2 || is_rtcp(in))
		return false;
	size_t head = HEADER + 4 * (size_t)(*in.p & 15);
	if (*in.p & 0x10) /* an extension */
		head += head + 4 <= in.n ? 4 + 4 * (size_t)sp_be16(in.p + head + 2) : 4;
	return head <= in.n;
}

static void tell_stream(struct sp_parse *p, struct stream *s, enum sp_msg_part part)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, part);
	m->id = s->ssrc;
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("stream")));
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, s->ssrc));
	m->bytes = s->bytes;
	s->bytes = 0;
	sp_msg_extra(m, PAYLOAD_TYPE, sp_arena_u64(p->arena, s->payload_type));
	sp_msg_extra(m, PACKETS, sp_arena_u64(p->arena, s->packets));
	sp_msg_extra(m, LOST, sp_arena_u64(p->arena, s->lost));
	sp_msg_extra(m, LATE, sp_arena_u64(p->arena, s->late));
}

static enum sp_parse_result end_stream(struct sp_parse *p, struct stream *s)
{
	tell_stream(p, s, SP_PART_TAIL);
	*s = (struct stream){0};
	return sp_parse_msg(p, 0);
}

/* What the sequence number says: gaps are lost until what they lack comes late. */
static void count(struct stream *s, uint16_t sequence)
{
	uint16_t step = (uint16_t)(sequence - s->sequence);
	s->packets++;
	if (step && step < GAP_MAX) {
		s->lost += step - 1U;
		s->sequence = sequence;
	} else if ((uint16_t)-step <= LATE_MAX && step) {
		s->late++;
		s->lost -= s->lost > 0;
	} else if (step) {
		s->sequence = sequence;
	}
}

static enum sp_parse_result rtp(struct sp_parse *p, struct stream *s)
{
	const uint8_t *in = p->in.p;
	uint32_t ssrc = sp_be32(in + 8);
	if (s->open && (s->ssrc != ssrc || s->packets == MESSAGE_PACKETS))
		return end_stream(p, s);
	bool first = !s->open;
	if (first)
		*s = (struct stream){.ssrc = ssrc, .sequence = (uint16_t)(sp_be16(in + 2) - 1), .open = true};
	s->payload_type = in[1] & 0x7f;
	s->bytes += (uint32_t)p->in.n;
	count(s, sp_be16(in + 2));
	if (!first && s->packets % TOLD_EVERY)
		return sp_parse_skip(p, p->in.n, 0);
	tell_stream(p, s, first ? SP_PART_HEAD : SP_PART_MIDDLE);
	return sp_parse_msg(p, p->in.n);
}

/* The first of the blocks, which say how a stream arrived at the one that reports. */
static void describe_block(struct sp_parse *p, struct sp_slice report, size_t at)
{
	if (report.n < at + REPORT_BLOCK)
		return;
	const uint8_t *b = report.p + at;
	sp_msg_extra(&p->msg, SSRC, sp_arena_u64(p->arena, sp_be32(b)));
	sp_msg_extra(&p->msg, FRACTION_LOST, sp_arena_u64(p->arena, b[4] * 100U / 256));
	uint32_t lost = sp_be32(b + 4) & 0xffffff;
	sp_msg_extra(&p->msg, LOST, sp_arena_u64(p->arena, lost & 0x800000 ? 0 : lost)); /* negative: duplicates */
	sp_msg_extra(&p->msg, JITTER, sp_arena_u64(p->arena, sp_be32(b + 12)));
}

static bool says_goodbye(struct sp_slice in)
{
	for (size_t at = 0; at + 4 <= in.n; at += 4 + 4 * (size_t)sp_be16(in.p + at + 2))
		if (in.p[at + 1] == GOODBYE)
			return true;
	return false;
}

static enum sp_parse_result rtcp(struct sp_parse *p, struct stream *s)
{
	enum { SENDER_INFO = 20 };
	uint8_t type = p->in.p[1];
	bool goodbye = says_goodbye(p->in);
	if (goodbye && s->open)
		return end_stream(p, s);
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	uint32_t ssrc = sp_be32(p->in.p + 4);
	m->app = SP_APP_RTCP;
	m->id = UINT64_C(1) << 32 | ssrc;
	sp_msg_put(m, SP_SLOT_METHOD,
		   sp_msg_put(m, SP_SLOT_ENDPOINT,
			      goodbye			? SP_TEXT("goodbye")
			      : type == SENDER_REPORT	? SP_TEXT("sender report")
			      : type == RECEIVER_REPORT ? SP_TEXT("receiver report")
							: SP_TEXT("control")));
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, ssrc));
	if ((type == SENDER_REPORT || type == RECEIVER_REPORT) && *p->in.p & BLOCKS_MAX)
		describe_block(p, p->in, RTCP_HEADER + (type == SENDER_REPORT ? SENDER_INFO : 0));
	return sp_parse_msg(p, p->in.n);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	if (is_rtcp(p->in))
		return rtcp(p, &st->stream[p->side]);
	return is_rtp(p->in) ? rtp(p, &st->stream[p->side]) : sp_parse_skip(p, p->in.n, 0);
}

static enum sp_parse_result end(struct sp_parse *p)
{
	struct stream *s = &((struct state *)p->state)->stream[p->side];
	return s->open ? end_stream(p, s) : sp_parse_more(p, 1);
}

/* Packets one after the other, each with its length, to the datagram's very end. */
static bool is_whole_rtcp(struct sp_slice in)
{
	size_t at = 0;
	if (in.p[1] != SENDER_REPORT && in.p[1] != RECEIVER_REPORT)
		return false;
	while (at + 4 <= in.n && in.p[at] >> 6 == 2 && in.p[at + 1] >= FIRST_RTCP && in.p[at + 1] <= LAST_RTCP)
		at += 4 + 4 * (size_t)sp_be16(in.p + at + 2);
	return at == in.n;
}

/* One packet of RTP looks like much else: it is never sure. */
static enum sp_probe probe(struct sp_parse *p)
{
	if (is_rtcp(p->in))
		return is_whole_rtcp(p->in) ? SP_PROBE_YES : SP_PROBE_NO;
	if (!is_rtp(p->in) || !is_known_type(p->in.p[1] & 0x7f) || !sp_be32(p->in.p + 8))
		return SP_PROBE_NO;
	if (p->server_port && (p->server_port < 1024 || p->server_port & 1))
		return SP_PROBE_NO;
	bool padded = *p->in.p & 0x20;
	uint8_t padding = p->in.p[p->in.n - 1];
	return padded && (!padding || padding > p->in.n - HEADER) ? SP_PROBE_NO : SP_PROBE_MAYBE;
}

static const struct sp_start starts[] = {
	{0x80 << 8, 0xc000, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[SSRC] = "rtp.ssrc",
	[PACKETS] = "rtp.packets",
	[LOST] = "rtp.lost",
	[LATE] = "rtp.late",
	[PAYLOAD_TYPE] = "rtp.payload_type",
	[FRACTION_LOST] = "rtp.lost_percent",
	[JITTER] = "rtp.jitter",
	NULL,
};

#ifdef SP_WITH_VECTORS
#define PACKET(sequence, ssrc) "\x80\x08" sequence "\0\0\0\xa0" ssrc "sound"
static const struct sp_vector vectors[] = {
	{
		.name = "one lost, one late, one twice; a new source; goodbye",
		.udp = true,
		.step = {SP_C(PACKET("\xff\xff", "\0\0\0\1")), SP_C(PACKET("\0\0", "\0\0\0\1")),
			 SP_C(PACKET("\0\3", "\0\0\0\1")), SP_C(PACKET("\0\2", "\0\0\0\1")),
			 SP_C(PACKET("\0\3", "\0\0\0\1")), SP_C(PACKET("\0\1", "\0\0\0\2")),
			 SP_C("\x80\xc9\0\1\0\0\0\2\x81\xcb\0\1\0\0\0\2"), SP_C("\x80"), SP_C("plain text")},
		.want = "> oneway method=stream endpoint=stream correlation=1 id=1 bytes=85 rtp.payload_type=8 "
			"rtp.packets=5 "
			"rtp.lost=1 rtp.late=1\n"
			"> oneway method=stream endpoint=stream correlation=2 id=2 bytes=17 rtp.payload_type=8 "
			"rtp.packets=1 "
			"rtp.lost=0 rtp.late=0\n"
			"> oneway method=goodbye endpoint=goodbye correlation=2 app=rtcp id=4294967298 bytes=16\n",
	},
	{
		.name = "both sides' streams end with the conversation",
		.udp = true,
		.step = {SP_C(PACKET("\0\1", "\0\0\0\1")), SP_S(PACKET("\0\7", "\0\0\0\2")),
			 SP_C(PACKET("\0\2", "\0\0\0\1")), SP_C(PACKET("\0\4", "\0\0\0\1"))},
		.want = "> oneway method=stream endpoint=stream correlation=1 id=1 bytes=51 rtp.payload_type=8 "
			"rtp.packets=3 rtp.lost=1 rtp.late=0\n"
			"< oneway method=stream endpoint=stream correlation=2 id=2 bytes=17 rtp.payload_type=8 "
			"rtp.packets=1 rtp.lost=0 rtp.late=0\n",
	},
	{
		.name = "reports",
		.udp = true,
		.step = {SP_C("\x81\xc8\0\x0c\0\0\0\1\1\1\1\1\2\2\2\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\2\x40\0\0\7\0\0\0"
			      "\x09\0\0\0\x20"
			      "\0\0\0\0\0\0\0\0"),
			 SP_S("\x81\xc9\0\7\0\0\0\2\0\0\0\1\0\xff\xff\xff\0\0\0\x09\0\0\0\x08\0\0\0\0\0\0\0\0")},
		.want = "> oneway method=sender report endpoint=sender report correlation=1 app=rtcp id=4294967297 "
			"bytes=52 "
			"rtp.ssrc=2 rtp.lost_percent=25 rtp.lost=7 rtp.jitter=32\n"
			"< oneway method=receiver report endpoint=receiver report correlation=2 app=rtcp id=4294967298 "
			"bytes=32 "
			"rtp.ssrc=1 rtp.lost_percent=0 rtp.lost=0 rtp.jitter=8\n",
	},
	{0},
};
#endif

const struct sp_parser sp_rtp_parser = {
	.name = "rtp",
	.title = "RTP",
	.missing = "jitter is what receivers report, in the stream's own clock: packets' times are not known here; "
		   "the first packets "
		   "of a flow, by which it is recognised; several sources at once in one direction; the content",
	.app = SP_APP_RTP,
	.transports = SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.timeout_s = MESSAGE_S,
	.state_size = sizeof(struct state),
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.end = end,
	.vectors = SP_VECTORS(vectors),
};
