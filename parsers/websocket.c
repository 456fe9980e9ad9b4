/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket (RFC 6455) after its handshake, which HTTP reads. One record a direction and connection: its counts grow
 * with every call and are final with its close frame, or wherever the stream ends. Payloads are passed over. */
#include "base/cursor.h"
#include "parsers/parser.h"

enum {
	HEAD_MIN = 2,
	HEAD_MAX = 14,
	CONTROL_MAX = 125,
	PROBE_TEXT_MIN = 12, /* unmasked characters that chance does not make */
	PROBE_TEXT_MAX = 24,
};

enum opcode { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };
enum { FIN = 0x80, MASKED = 0x80 };

enum field { MESSAGES, BINARIES, PAYLOAD, PINGS, PONGS, FIELDS };

struct side {
	uint64_t payload; /* bytes of data messages */
	uint32_t messages, binaries, pings, pongs;
	bool open;   /* its record has begun */
	bool within; /* a fragmented message has begun */
	bool closed; /* what follows the close frame is nothing */
};

struct state {
	struct side side[2];
};

struct frame {
	uint8_t opcode, flags;
	bool masked;
	uint8_t mask[4];
	size_t head;
	uint64_t size;
};

enum got { SHORT, GOT, WRONG };

/* A frame's head. SHORT: `head` bytes of it are needed. */
static enum got frame_at(struct sp_slice in, struct frame *f)
{
	f->head = HEAD_MIN;
	if (in.n < HEAD_MIN)
		return SHORT;
	f->opcode = in.p[0] & 15;
	f->flags = in.p[0] & 0xf0;
	f->masked = in.p[1] & MASKED;
	f->size = in.p[1] & 127;
	bool control = f->opcode >= CLOSE;
	if ((f->opcode > BINARY && f->opcode < CLOSE) || f->opcode > PONG)
		return WRONG;
	if (control && (f->size > CONTROL_MAX || !(f->flags & FIN)))
		return WRONG;
	size_t length = f->size == 126 ? 2 : f->size == 127 ? 8 : 0;
	f->head += length + (f->masked ? 4 : 0);
	if (in.n < f->head)
		return SHORT;
	if (length)
		f->size = length == 2 ? sp_be16(in.p + 2) : sp_be64(in.p + 2);
	if (f->masked)
		memcpy(f->mask, in.p + f->head - 4, 4);
	return f->size >> 63 ? WRONG : GOT;
}

static uint8_t plain(const struct frame *f, struct sp_slice payload, size_t i)
{
	return f->masked ? payload.p[i] ^ f->mask[i & 3] : payload.p[i];
}

static void count(struct side *s, const struct frame *f)
{
	if (f->opcode >= CLOSE) {
		s->pings += f->opcode == PING;
		s->pongs += f->opcode == PONG;
		return;
	}
	s->messages += f->opcode != CONTINUATION;
	s->binaries += f->opcode == BINARY;
	s->payload += f->size;
	s->within = !(f->flags & FIN);
}

/* Zeros, too: each part of a record says all of them. */
static void show_counts(struct sp_parse *p, const struct side *s)
{
	sp_msg_extra(&p->msg, MESSAGES, sp_arena_u64(p->arena, s->messages));
	sp_msg_extra(&p->msg, BINARIES, sp_arena_u64(p->arena, s->binaries));
	sp_msg_extra(&p->msg, PAYLOAD, sp_arena_u64(p->arena, s->payload));
	sp_msg_extra(&p->msg, PINGS, sp_arena_u64(p->arena, s->pings));
	sp_msg_extra(&p->msg, PONGS, sp_arena_u64(p->arena, s->pongs));
}

/* RFC 6455 section 7.4: 3000 and up are the application's own. */
static enum sp_status close_status(unsigned code)
{
	switch (code) {
	case 1000: /* normal */
	case 1001: /* going away */
	case 1005: /* no code */
		return SP_STATUS_OK;
	case 1011: /* unexpected condition */
	case 1012: /* restart */
	case 1013: /* try again later */
	case 1014: /* bad gateway */
		return SP_STATUS_SERVER_ERROR;
	default:
		return code < 3000 ? SP_STATUS_CLIENT_ERROR : SP_STATUS_UNKNOWN;
	}
}

/* The close frame's code and reason. */
static void show_close(struct sp_parse *p, const struct frame *f, struct sp_slice payload)
{
	struct sp_msg *m = &p->msg;
	m->status = SP_STATUS_OK;
	if (payload.n < 2)
		return;
	unsigned code = (unsigned)plain(f, payload, 0) << 8 | plain(f, payload, 1);
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, code));
	m->status = (uint8_t)close_status(code);
	uint8_t *reason = m->status == SP_STATUS_OK ? NULL : sp_arena_get(p->arena, payload.n - 2);
	for (size_t i = 2; reason && i < payload.n; i++)
		reason[i - 2] = plain(f, payload, i);
	sp_msg_put(m, SP_SLOT_MESSAGE, (struct sp_slice){reason, reason ? payload.n - 2 : 0});
}

static enum sp_parse_result part(struct sp_parse *p, struct side *s, bool last, size_t used, uint64_t skip)
{
	p->msg.part = s->open ? (last ? SP_PART_TAIL : SP_PART_MIDDLE) : last ? SP_PART_WHOLE : SP_PART_HEAD;
	s->open = true;
	show_counts(p, s);
	p->want = skip;
	return sp_parse_msg(p, used);
}

/* Frames that are there, and the head of one that is not there as a whole. */
static enum sp_parse_result parse(struct sp_parse *p)
{
	struct side *s = &((struct state *)p->state)->side[p->side];
	size_t at = 0;
	struct frame f;
	if (s->closed)
		return sp_parse_skip(p, p->in.n, 0);
	sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	while (at < p->in.n) {
		struct sp_slice rest = {p->in.p + at, p->in.n - at};
		enum got got = frame_at(rest, &f);
		if (got == WRONG || (got == GOT && f.opcode < CLOSE && (f.opcode == CONTINUATION) != s->within))
			return at ? part(p, s, false, at, 0) : SP_PARSE_BAD;
		size_t need = got == SHORT ? f.head : f.opcode == CLOSE ? f.head + (size_t)f.size : f.head;
		if (rest.n < need) {
			if (at || p->last)
				break;
			return sp_parse_more(p, need);
		}
		count(s, &f);
		at += f.head;
		if (f.opcode == CLOSE) {
			s->closed = true;
			show_close(p, &f, (struct sp_slice){p->in.p + at, (size_t)f.size});
			return part(p, s, true, at + (size_t)f.size, 0);
		}
		if (f.size > p->in.n - at)
			return part(p, s, false, p->in.n, f.size - (p->in.n - at));
		at += (size_t)f.size;
	}
	if (!at) /* the stream ended in a frame's head */
		return sp_parse_skip(p, p->in.n, 0);
	return part(p, s, false, at, 0);
}

/* Does a masked text say something, once it is unmasked? The mask is chance: other bytes would not. */
static bool is_text(const struct frame *f, struct sp_slice payload)
{
	size_t n = SP_MIN(payload.n, (size_t)PROBE_TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = plain(f, payload, i);
		if ((c < ' ' && c != '\n' && c != '\t' && c != '\r') || c >= 0x7f)
			return false;
	}
	return n >= PROBE_TEXT_MIN;
}

/* A connection whose handshake was not seen: a client's text. */
static enum sp_probe probe(struct sp_parse *p)
{
	struct frame f;
	enum got got = frame_at(p->in, &f);
	if (got == WRONG || (p->in.n >= HEAD_MIN && (p->in.p[0] != (FIN | TEXT) || !f.masked)))
		return SP_PROBE_NO;
	if (got == SHORT)
		return SP_PROBE_MAYBE;
	size_t there = (size_t)SP_MIN(f.size, (uint64_t)(p->in.n - f.head));
	if (f.size < PROBE_TEXT_MIN)
		return SP_PROBE_NO;
	if (there < PROBE_TEXT_MIN)
		return SP_PROBE_MAYBE;
	if (!is_text(&f, (struct sp_slice){p->in.p + f.head, there}))
		return SP_PROBE_NO;
	p->reversed = p->side == SP_SERVER;
	return SP_PROBE_YES;
}

/* Where a segment is filled by frames to its last byte, or begins with one that is larger: of the right side, and the
 * kind that messages begin with. */
static size_t resync(struct sp_parse *p)
{
	struct side *s = &((struct state *)p->state)->side[p->side];
	size_t at = 0;
	s->within = false;
	while (at < p->in.n) {
		struct frame f;
		enum got got = frame_at((struct sp_slice){p->in.p + at, p->in.n - at}, &f);
		if (got != GOT || f.masked != (p->side == SP_CLIENT) || f.opcode == CONTINUATION || !(f.flags & FIN))
			return SP_RESYNC_NONE;
		at += f.head;
		if (f.size > p->in.n - at)
			return SP_RESYNC_NONE;
		at += (size_t)f.size;
	}
	return 0;
}

static const struct sp_start starts[] = {
	{(FIN | TEXT) << 8 | MASKED, 0xff80, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[MESSAGES] = "websocket.messages",    [BINARIES] = "websocket.messages.binary",
	[PAYLOAD] = "websocket.payload.size", [PINGS] = "websocket.pings",
	[PONGS] = "websocket.pongs",	      [FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
static const struct sp_vector vectors[] = {
	{
		.name = "a chat: masked and plain, fragments with a ping between them, close",
		/* "Hello WebSocket" under 37 fa 21 3d; then a text in two pieces. */
		.step = {SP_C("\x81\x8f\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\xda\x76\x58\x55\xa9\x4e\x5e\x5c\x9f\x55"
			      "\x01\x83\x37\xfa\x21\x3d\x7f\x9f\x4d\x89\x80\x01\x02\x03\x04\x80\x82\x37\xfa\x21\x3d\x5b"
			      "\x95"),
			 SP_S("\x81\x02hi\x8a\x00\xc2\x7e\0\x80"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
			 SP_C("\x88\x82\x01\x02\x03\x04\x02\xea"), SP_S("\x88\x02\x03\xe8")},
		.want = "> oneway code=1000 status=ok bytes=52 websocket.messages=2 websocket.messages.binary=0 "
			"websocket.payload.size=20 websocket.pings=1 websocket.pongs=0\n"
			"< oneway code=1000 status=ok bytes=142 websocket.messages=2 websocket.messages.binary=1 "
			"websocket.payload.size=130 websocket.pings=0 websocket.pongs=1\n",
	},
	{
		.name = "a server gives up, and says why",
		.no_probe = true,
		.step = {SP_S("\x88\x09\x03\xf3"
			      "failure"
			      "\x81\x01x")},
		.want = "< oneway code=1011 message=failure status=server_error bytes=11 websocket.messages=0 "
			"websocket.messages.binary=0 "
			"websocket.payload.size=0 websocket.pings=0 websocket.pongs=0\n",
	},
	{
		.name = "closed without a code; and the application's own",
		.no_probe = true,
		.step = {SP_C("\x88\x80\0\0\0\0"), SP_S("\x88\x04\x0f\xa0no")},
		.want = "> oneway status=ok bytes=6 websocket.messages=0 websocket.messages.binary=0 "
			"websocket.payload.size=0 websocket.pings=0 websocket.pongs=0\n"
			"< oneway code=4000 message=no status=unknown bytes=6 websocket.messages=0 "
			"websocket.messages.binary=0 "
			"websocket.payload.size=0 websocket.pings=0 websocket.pongs=0\n",
	},
	{
		.name = "an eight-byte length",
		.no_probe = true,
		.step = {SP_S("\x82\x7f\0\0\0\0\0\0\0\x03"
			      "abc\x88\x00")},
		.want = "< oneway status=ok bytes=15 websocket.messages=1 websocket.messages.binary=1 "
			"websocket.payload.size=3 websocket.pings=0 websocket.pongs=0\n",
	},
	{
		.name = "no such opcode",
		.no_probe = true,
		.step = {SP_S("\x83\x00")},
		.want = "< bad\n",
	},
	{
		.name = "a continuation of nothing",
		.no_probe = true,
		.step = {SP_S("\x81\x00\x80\x00")},
		.want = "< bad\n",
	},
	{
		.name = "a length that no frame has",
		.no_probe = true,
		.step = {SP_S("\x82\x7f\x80\0\0\0\0\0\0\0")},
		.want = "< bad\n",
	},
	{0},
};
#endif

const struct sp_parser sp_websocket_parser = {
	.name = "websocket",
	.title = "WebSocket",
	.missing = "what extensions and subprotocols put into messages",
	.app = SP_APP_WEBSOCKET,
	.transports = SP_TCP,
	.pairing = SP_PAIR_NONE,
	.state_size = sizeof(struct state),
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
