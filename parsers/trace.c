/* SPDX-License-Identifier: Apache-2.0 */
/* Trace contexts in headers: https://www.w3.org/TR/trace-context, https://github.com/openzipkin/b3-propagation,
 * https://www.jaegertracing.io/docs/client-libraries (uber-trace-id), SkyWalking's Cross Process Propagation Headers v3
 * (sw8), AWS X-Ray's tracing header, Datadog's. */
#include "parsers/base64.h"
#include "parsers/http.h"
#include "parsers/trace_id.h"

enum {
	TRACEPARENT_SIZE = 55, /* of version 00 */
	HEX_MAX = 32,	       /* digits of a trace's identifier */
	DECIMAL_MAX = 20,
	REQUEST_ID_MAX = 256,
	BASE64_MAX = 512,
	SW8_PARTS = 4,
};

/* A context as it was found: what is empty is not there. */
struct context {
	struct sp_slice trace, span, parent;
};

enum { LOWER_HEX = 1, HEX = 2 };

static const uint8_t hex[256] = {
	['0' ... '9'] = LOWER_HEX | HEX,
	['a' ... 'f'] = LOWER_HEX | HEX,
	['A' ... 'F'] = HEX,
};

/* All of that kind, and not zero, which all formats use for "none". Without a branch a byte: most are good. */
static bool is_all(struct sp_slice s, uint8_t kind)
{
	uint8_t other = 0;
	for (size_t i = 0; i < s.n; i++) {
		kind &= hex[s.p[i]];
		other |= s.p[i] ^ '0';
	}
	return kind && other;
}

static bool is_hex(struct sp_slice s, size_t min, size_t max)
{
	return s.n >= min && s.n <= max && is_all(s, HEX);
}

static struct sp_slice part(struct sp_slice s, size_t at, size_t n)
{
	return (struct sp_slice){s.p + at, n};
}

/* The piece before the next separator, which is taken off the front together with it. */
static struct sp_slice next_piece(struct sp_slice *s, uint8_t separator)
{
	const uint8_t *end = memchr(s->p, separator, s->n);
	size_t n = end ? (size_t)(end - s->p) : s->n, taken = end ? n + 1 : n;
	struct sp_slice piece = {s->p, n};
	*s = (struct sp_slice){s->p + taken, s->n - taken};
	return piece;
}

static struct sp_slice only_if(bool good, struct sp_slice s)
{
	return good ? s : (struct sp_slice){0};
}

/* version "-" trace-id "-" parent-id "-" flags; a later version may go on. What W3C calls parent-id is the identifier
 * of the span that made the call. */
static bool traceparent(struct sp_slice v, struct context *c)
{
	if (v.n < TRACEPARENT_SIZE || v.p[2] != '-' || v.p[35] != '-' || v.p[52] != '-')
		return false;
	bool first_version = v.p[0] == '0' && v.p[1] == '0';
	bool later_version = hex[v.p[0]] & hex[v.p[1]] & LOWER_HEX && memcmp(v.p, "ff", 2);
	if (first_version ? v.n != TRACEPARENT_SIZE : !later_version)
		return false;
	if (v.n > TRACEPARENT_SIZE && v.p[TRACEPARENT_SIZE] != '-')
		return false;
	*c = (struct context){.trace = part(v, 3, 32), .span = part(v, 36, 16)};
	return is_all(c->trace, LOWER_HEX) && is_all(c->span, LOWER_HEX) && hex[v.p[53]] & hex[v.p[54]] & LOWER_HEX;
}

/* trace "-" span ["-" sampled ["-" parent]], or the decision about sampling alone. */
static bool b3(struct sp_slice v, struct context *c)
{
	c->trace = next_piece(&v, '-');
	c->span = next_piece(&v, '-');
	next_piece(&v, '-');
	c->parent = only_if(is_hex(v, 16, 16), v);
	return is_hex(c->trace, 16, 32) && is_hex(c->span, 16, 16);
}

/* The separator is often sent as %3A. */
static struct sp_slice next_of_uber(struct sp_slice *s)
{
	for (size_t i = 0; i < s->n; i++) {
		bool escaped = s->n - i >= 3 && s->p[i] == '%' && s->p[i + 1] == '3' && (s->p[i + 2] | 32) == 'a';
		if (s->p[i] != ':' && !escaped)
			continue;
		struct sp_slice piece = {s->p, i};
		size_t taken = i + (escaped ? 3 : 1);
		*s = (struct sp_slice){s->p + taken, s->n - taken};
		return piece;
	}
	return next_piece(s, ':');
}

/* trace ":" span ":" parent ":" flags; leading zeros may be left out, and the parent may be 0. */
static bool uber(struct sp_slice v, struct context *c)
{
	c->trace = next_of_uber(&v);
	c->span = next_of_uber(&v);
	struct sp_slice parent = next_of_uber(&v);
	c->parent = only_if(is_hex(parent, 1, 16), parent);
	return is_hex(c->trace, 1, HEX_MAX) && is_hex(c->span, 1, 16) && v.n;
}

/* In the arena; empty when it is not base64. */
static struct sp_slice base64(struct sp_arena *a, struct sp_slice s)
{
	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	if (s.n > BASE64_MAX || s.n % 4 == 1)
		return (struct sp_slice){0};
	size_t n = s.n * 3 / 4, at = 0;
	uint8_t *out = sp_arena_get(a, n);
	uint32_t bits = 0;
	for (size_t i = 0; out && i < s.n; i++) {
		uint8_t v = sp_base64_value(s.p[i]);
		if (v == SP_BASE64_NONE)
			return (struct sp_slice){0};
		bits = bits << 6 | v;
		if (i % 4)
			out[at++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	return (struct sp_slice){out, out ? n : 0};
}

/* sample "-" trace "-" segment "-" span index "-" service "-" instance "-" endpoint "-" address; the texts in base64. A
 * span is known by its segment and its index in it. */
static bool sw8(struct sp_arena *a, struct sp_slice v, struct context *c)
{
	struct sp_slice piece[SW8_PARTS];
	for (unsigned i = 0; i < SW8_PARTS; i++)
		piece[i] = next_piece(&v, '-');
	if (piece[0].n != 1 || !piece[3].n || piece[3].n > DECIMAL_MAX)
		return false;
	for (size_t i = 0; i < piece[3].n; i++)
		if (piece[3].p[i] < '0' || piece[3].p[i] > '9')
			return false;
	c->trace = base64(a, piece[1]);
	struct sp_slice segment = base64(a, piece[2]);
	c->span = only_if(segment.n, SP_JOIN(a, segment, SP_TEXT("-"), piece[3]));
	return c->trace.n && c->span.n;
}

/* Root=…;Parent=…;Sampled=… by programs; a load balancer that passes a Root on puts its own Self=… before it. */
static bool amazon(struct sp_slice v, struct context *c)
{
	struct sp_slice self = {0};
	while (v.n) {
		struct sp_slice value = sp_http_trim(next_piece(&v, ';'));
		struct sp_slice name = next_piece(&value, '=');
		if (sp_slice_is_nocase(name, "root"))
			c->trace = value;
		else if (sp_slice_is_nocase(name, "parent"))
			c->span = value;
		else if (sp_slice_is_nocase(name, "self"))
			self = value;
	}
	if (!c->span.n)
		c->span = self;
	return c->trace.n > 0;
}

static bool is_decimal(struct sp_slice s)
{
	bool zero = true;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		zero = zero && s.p[i] == '0';
	}
	return !zero && s.n <= DECIMAL_MAX;
}

/* A call may be in the traces of two tracers at once, and the next one carry only one of them: what is no other form of
 * the trace that counts is kept beside it. Of more than two, the rest are left out. */
static void set_trace(struct sp_parse *p, struct sp_slice id, bool above)
{
	struct sp_slice first = sp_msg_slot(&p->msg, SP_SLOT_TRACE_ID),
			other = sp_msg_slot(&p->msg, SP_SLOT_OTHER_TRACE_ID);
	if (above || !first.n) {
		struct sp_slice before = first;
		first = sp_msg_put(&p->msg, SP_SLOT_TRACE_ID, id);
		id = before;
	}
	if (SP_LIKELY(!id.n) || (other.n && !sp_trace_id_same(other, first)))
		return;
	sp_msg_put(&p->msg, SP_SLOT_OTHER_TRACE_ID, only_if(!sp_trace_id_same(id, first), id));
}

/* A whole context, unless there is one: of several headers the first counts, and W3C's before all. */
static void set_context(struct sp_parse *p, const struct context *c, bool response, bool above)
{
	bool counts = above || !sp_msg_slot(&p->msg, SP_SLOT_TRACE_ID).n;
	set_trace(p, c->trace, above);
	if (!counts)
		return;
	sp_msg_put(&p->msg, SP_SLOT_SPAN_ID, only_if(!response, c->span));
	sp_msg_put(&p->msg, SP_SLOT_PARENT_SPAN_ID, only_if(!response, c->parent));
}

/* One of several headers that make up a context. Behind a second trace, spans are that one's. */
static void set_one(struct sp_parse *p, enum sp_slot slot, struct sp_slice value, bool response)
{
	if (slot == SP_SLOT_TRACE_ID)
		set_trace(p, value, false);
	else if (!sp_msg_slot(&p->msg, slot).n && !sp_msg_slot(&p->msg, SP_SLOT_OTHER_TRACE_ID).n && !response)
		sp_msg_put(&p->msg, slot, value);
}

static void set_request_id(struct sp_parse *p, struct sp_slice value, bool response)
{
	value.n = SP_MIN(value.n, (size_t)REQUEST_ID_MAX);
	sp_msg_put(&p->msg, response ? SP_SLOT_X_REQUEST_ID_RESPONSE : SP_SLOT_X_REQUEST_ID_REQUEST, value);
}

/* Headers that carry a context in several pieces, a piece each. */
static bool piece_header(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response)
{
	static const struct {
		const char *name;
		uint8_t n, slot, digits; /* 0: decimal */
	} pieces[] = {
		{"x-b3-traceid", 12, SP_SLOT_TRACE_ID, 32},
		{"x-b3-spanid", 11, SP_SLOT_SPAN_ID, 16},
		{"x-b3-parentspanid", 17, SP_SLOT_PARENT_SPAN_ID, 16},
		{"x-datadog-trace-id", 18, SP_SLOT_TRACE_ID, 0},
		{"x-datadog-parent-id", 19, SP_SLOT_SPAN_ID, 0},
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(pieces); i++) {
		if (name.n != pieces[i].n || !sp_same_nocase(name.p, pieces[i].name, name.n))
			continue;
		if (pieces[i].digits ? is_hex(value, 16, pieces[i].digits) : is_decimal(value))
			set_one(p, pieces[i].slot, value, response);
		return true;
	}
	return false;
}

bool sp_trace_configured(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response)
{
	static const uint8_t slot[] = {SP_SLOT_TRACE_ID, SP_SLOT_SPAN_ID, SP_SLOT_PARENT_SPAN_ID};
	for (unsigned i = 0; i < p->n_names; i++) {
		int means = p->names[i].means;
		if (!sp_slice_is_nocase(name, p->names[i].name))
			continue;
		if (means == SP_CONTEXT_X_REQUEST_ID)
			set_request_id(p, value, response);
		else if (means == SP_CONTEXT_TRACE_ID && value.n)
			set_trace(p, value, true);
		else if (means != SP_CONTEXT_TRACE_ID && !response)
			sp_msg_put(&p->msg, slot[means], value);
		return true;
	}
	return false;
}

#define IS(text) (name.n == sizeof(text) - 1 && sp_same_nocase(name.p, text, sizeof(text) - 1))

bool sp_trace_header(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response)
{
	struct context c = {0};
	bool good, w3c = false;
	if (SP_UNLIKELY(p->n_names && sp_trace_configured(p, name, value, response)))
		return true;
	switch (name.n) {
	case 2:
		if (!IS("b3"))
			return false;
		good = b3(value, &c);
		break;
	case 3:
		if (!IS("sw8"))
			return false;
		good = sw8(p->arena, value, &c);
		break;
	case 11:
		w3c = IS("traceparent");
		if (!w3c)
			return piece_header(p, name, value, response);
		good = traceparent(value, &c);
		break;
	case 12:
		if (!IS("x-request-id"))
			return piece_header(p, name, value, response);
		set_request_id(p, value, response);
		return true;
	case 13:
		w3c = IS("traceresponse");
		if (!w3c && !IS("uber-trace-id"))
			return false;
		good = w3c ? traceparent(value, &c) : uber(value, &c);
		break;
	case 15:
		if (!IS("x-amzn-trace-id"))
			return false;
		good = amazon(value, &c);
		break;
	default:
		return piece_header(p, name, value, response);
	}
	if (good)
		set_context(p, &c, response, w3c);
	return true;
}
