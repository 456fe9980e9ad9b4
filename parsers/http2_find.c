/* SPDX-License-Identifier: Apache-2.0 */
/* What is a frame, what is a connection's beginning, and where a frame begins in bytes of which that is not known. */
#include "parsers/http2_priv.h"

enum {
	LIKELY_MAX = 1 << 14, /* of a frame's payload: larger ones only by agreement */
	FIELDS_SEEN = 8,      /* of a block */
	CHAIN = 3,	      /* frames that follow each other are enough */
	AHEAD = 1 << 12,      /* streams that may have been opened while nobody saw it */
};

bool sp_http2_frame(const uint8_t *p, struct http2_frame *f)
{
	*f = (struct http2_frame){sp_be32(p) >> 8, sp_be32(p + 5) & INT32_MAX, p[3], p[4]};
	uint32_t n = f->length, padded = f->flags & HTTP2_PADDED ? 1 : 0;
	switch (f->type) {
	case HTTP2_DATA:
		return f->stream && n >= padded;
	case HTTP2_HEADERS:
		return f->stream && n >= padded + (f->flags & HTTP2_WITH_PRIORITY ? 5 : 0);
	case HTTP2_PRIORITY:
		return f->stream && n == 5;
	case HTTP2_RST_STREAM:
		return f->stream && n == 4;
	case HTTP2_SETTINGS:
		return !f->stream && (f->flags & HTTP2_ACK ? !n : n % 6 == 0 && n <= HTTP2_SETTINGS_MAX);
	case HTTP2_PUSH_PROMISE:
		return f->stream && n >= padded + 4;
	case HTTP2_PING:
		return !f->stream && n == 8;
	case HTTP2_GOAWAY:
		return !f->stream && n >= 8;
	case HTTP2_WINDOW_UPDATE:
		return n == 4;
	case HTTP2_CONTINUATION:
		return f->stream;
	default:
		return true; /* an extension's */
	}
}

bool sp_http2_is_preface(struct sp_slice in)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	return in.n && !memcmp(in.p, preface, SP_MIN(in.n, (size_t)HTTP2_PREFACE));
}

/* A frame as nearly all are: of a type and with flags that the RFC has. */
static bool likely(const uint8_t *p, struct http2_frame *f)
{
	static const uint8_t flags[HTTP2_TYPES] = {
		[HTTP2_DATA] = HTTP2_END_STREAM | HTTP2_PADDED,
		[HTTP2_HEADERS] = HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_WITH_PRIORITY,
		[HTTP2_SETTINGS] = HTTP2_ACK,
		[HTTP2_PUSH_PROMISE] = HTTP2_END_HEADERS | HTTP2_PADDED,
		[HTTP2_PING] = HTTP2_ACK,
		[HTTP2_CONTINUATION] = HTTP2_END_HEADERS,
	};
	return sp_http2_frame(p, f) && f->type < HTTP2_TYPES && !(f->flags & ~flags[f->type]) &&
	       f->length <= LIKELY_MAX && !(p[5] & 0x80) && (f->type != HTTP2_DATA || f->length || f->flags);
}

/* Who sends a block that begins so: by its first field, which is a pseudo-header where the block begins a message. */
enum sender { NOBODY, ANYBODY, A_CLIENT, A_SERVER };

static enum sender block_sender(uint8_t first)
{
	/* The row's number in the static table, indexed or as the name of a literal. */
	uint8_t row = first & 0x80 ? first & 0x7f : first & 0x40 ? first & 0x3f : first & 0x20 ? 63 : first & 0x0f;
	if (row >= SP_HPACK_STATUS && row <= SP_HPACK_STATUS + 6)
		return A_SERVER;
	if (row >= SP_HPACK_AUTHORITY && row < SP_HPACK_STATUS)
		return A_CLIENT;
	return row >= 62 && (first & 0x80 || first & 0x20) ? ANYBODY : NOBODY;
}

/* Of a HEADERS frame; `in` begins with it. */
static enum sender headers_sender(struct sp_slice in, const struct http2_frame *f)
{
	size_t at = HTTP2_FRAME + (f->flags & HTTP2_PADDED ? 1 : 0) + (f->flags & HTTP2_WITH_PRIORITY ? 5 : 0);
	if (at >= HTTP2_FRAME + f->length)
		return NOBODY;
	enum sender sender = ANYBODY;
	/* What is in a table that nobody saw may be anything: on to the first field that is not. */
	for (unsigned i = 0; i < FIELDS_SEEN && at < SP_MIN(in.n, HTTP2_FRAME + (size_t)f->length); i++, at++) {
		sender = block_sender(in.p[at]);
		if (sender != ANYBODY || in.p[at] == 0xff || !(in.p[at] & 0x80))
			break;
	}
	return sender;
}

/* RFC 9113 section 6.5.2, and what was registered since; those that nobody knows are sent to see whether it matters. */
static bool good_settings(struct sp_slice in, const struct http2_frame *f)
{
	for (size_t at = HTTP2_FRAME; at + 6 <= HTTP2_FRAME + f->length && at + 6 <= in.n; at += 6) {
		uint16_t id = sp_be16(in.p + at);
		uint32_t v = sp_be32(in.p + at + 2);
		bool odd = (id == 2 || id == 8) ? v > 1 : id == 4 ? v > INT32_MAX : id == 5 && (v < 16384 || v >> 24);
		if (odd || (id > 16 && (id & 0x0f0f) != 0x0a0a && id < 0xf000 && id != 0xfe03))
			return false;
	}
	return true;
}

/* What the frames in `in` are: nothing, a chain that is cut off after so many, or so many and the end. */
struct chain {
	bool broken, ends, settings;
	unsigned frames;
	enum sender sender;
};

static struct chain follow(struct sp_slice in, uint32_t opened)
{
	struct chain c = {.sender = ANYBODY};
	for (size_t at = 0; c.frames < CHAIN; c.frames++) {
		struct http2_frame f;
		struct sp_slice rest = {in.p + at, in.n - at};
		c.ends = !rest.n;
		if (rest.n < HTTP2_FRAME)
			return c;
		c.broken = !likely(rest.p, &f) || (opened && f.stream > opened + AHEAD);
		if (!c.broken && f.type == HTTP2_SETTINGS)
			c.broken = !good_settings(rest, &f);
		if (!c.broken && f.type == HTTP2_HEADERS) {
			enum sender sender = headers_sender(rest, &f);
			c.broken = !c.frames && sender == NOBODY;
			c.sender = sender > ANYBODY ? sender : c.sender;
		}
		if (c.broken)
			return c;
		c.settings |= !c.frames && f.type == HTTP2_SETTINGS && f.length;
		if (f.length > in.n - at - HTTP2_FRAME) {
			c.frames++;
			return c;
		}
		at += HTTP2_FRAME + f.length;
	}
	return c;
}

/* Too few bytes for a frame's header: could it become one? */
static enum sp_probe beginning(struct sp_slice in)
{
	bool could =
		in.n && !in.p[0] && (in.n < 2 || in.p[1] <= LIKELY_MAX >> 8) && (in.n < 4 || in.p[3] < HTTP2_TYPES);
	return could ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

static bool alone_enough(struct sp_slice in, const struct chain *c)
{
	uint8_t type = in.p[3], flags = in.p[4];
	if (!c->ends)
		return false;
	if (type == HTTP2_HEADERS)
		return c->sender > ANYBODY && flags & HTTP2_END_HEADERS;
	return type == HTTP2_PING || type == HTTP2_WINDOW_UPDATE || type == HTTP2_RST_STREAM;
}

/* The preface, settings, two frames, or one that is all there is and that nothing else looks like. */
enum sp_probe sp_http2_probe(struct sp_parse *p)
{
	if (sp_http2_is_preface(p->in)) {
		p->reversed = p->side == SP_SERVER;
		return p->in.n >= 16 ? SP_PROBE_YES : SP_PROBE_MAYBE;
	}
	if (p->in.n < HTTP2_FRAME)
		return beginning(p->in);
	struct chain c = follow(p->in, 0);
	if (!c.frames || p->in.p[3] == HTTP2_CONTINUATION)
		return SP_PROBE_NO;
	p->reversed = c.sender == (p->side == SP_CLIENT ? A_SERVER : A_CLIENT);
	if (c.settings)
		return p->in.n >= HTTP2_FRAME + 6 ? SP_PROBE_YES : SP_PROBE_MAYBE;
	if (c.broken)
		return SP_PROBE_NO;
	return c.frames > 1 || alone_enough(p->in, &c) ? SP_PROBE_YES : SP_PROBE_MAYBE;
}

/* Two frames, or one that ends where `in` does, or, once streams are known, one of these. */
size_t sp_http2_find(struct sp_slice in, uint32_t opened)
{
	for (size_t at = 0; at + HTTP2_FRAME <= in.n; at++) {
		if (in.p[at] || in.p[at + 3] >= HTTP2_TYPES)
			continue;
		struct chain c = follow((struct sp_slice){in.p + at, in.n - at}, opened);
		if (!c.broken && (c.frames > 1 || c.ends || (c.frames && opened)))
			return at;
	}
	return SP_RESYNC_NONE;
}
