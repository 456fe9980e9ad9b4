/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a span belongs to: of those that have a tie with it, the one whose spans fit best. */
#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch_priv.h"

/* How far apart two points may see a call that only its content joins: as clocks may be, or when those are known. */
#define DATAGRAM_APART (2 * SP_NS_PER_SEC)
#define DATAGRAM_TRAVELS (100 * SP_NS_PER_MS)
#define DATAGRAM_AGAIN (5 * SP_NS_PER_MS) /* one point */

#define CONTRADICTION (-1)

/* --- keys --- */

uint64_t sp_asked_key(const struct sp_stitch *s, const struct sp_span *span)
{
	if (span->proto != SP_PROTO_TCP)
		return sp_key(span->what ^ span->app, span->correlation ^ SP_SEED_CONTENT);
	struct sp_numbers n = sp_numbers_of(s, span);
	return n.bits & SP_SPAN_REQ_SEQ ? sp_shard_key(n.req_seq) : 0;
}

uint64_t sp_answered_key(const struct sp_stitch *s, const struct sp_span *span)
{
	struct sp_numbers n = sp_numbers_of(s, span);
	return n.bits & SP_SPAN_RESP_SEQ ? sp_key(n.resp_seq, SP_SEED_ANSWERED) : 0;
}

/* Of what is left when sequence numbers were rewritten: the request's place in its stream, and the client's port, which
 * tells many connections apart that say the same at once. */
uint64_t sp_alike_key(const struct sp_span *span)
{
	bool known = span->asked && span->proto == SP_PROTO_TCP;
	return known ? sp_key((uint64_t)span->asked << 16 | span->client_port, SP_SEED_ALIKE) : 0;
}

/* --- two spans --- */

/* Texts that both points could read, and that are not the same. */
static bool differ(const struct sp_span *a, const struct sp_span *b)
{
	return (a->what && b->what && a->what != b->what) ||
	       (a->correlation && b->correlation && a->correlation != b->correlation);
}

/* False: it is not known how far they are apart. */
static bool clocks_of(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b, int64_t *ns)
{
	struct sp_apart clocks;
	if (!sp_clocks_apart(s, a->point, b->point, a->start_ns, &clocks) || clocks.uncertainty_ns >= DATAGRAM_TRAVELS)
		return sp_votes_apart(s, a->point, b->point, ns);
	*ns = clocks.ns;
	return true;
}

/* At one point, the one is within the other: a translator passes both ways. At two, about at the same time. */
static bool at_once(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	int64_t later = (int64_t)(b->start_ns - a->start_ns);
	if (a->point == b->point) {
		bool within = later >= 0 ? b->end_ns <= a->end_ns : a->end_ns <= b->end_ns;
		return within && (uint64_t)(later < 0 ? -later : later) <= DATAGRAM_AGAIN;
	}
	int64_t clocks = 0;
	bool known = clocks_of(s, a, b, &clocks);
	later -= clocks;
	return (uint64_t)(later < 0 ? -later : later) <= (known ? DATAGRAM_TRAVELS : DATAGRAM_APART);
}

/* Sequence numbers that are not the same, of which `equal` are: were they rewritten on the way between the two? */
static int rewritten_match(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b, unsigned equal)
{
	bool asked = a->asked && b->asked, answered = a->answered && b->answered;
	if ((asked && a->asked != b->asked) || (answered && a->answered != b->answered) || differ(a, b))
		return CONTRADICTION;
	/* One of both as it was: who answers for a server until the handshake is done cannot know its numbers. */
	if (equal & SP_SPAN_REQ_SEQ ? answered : equal & SP_SPAN_RESP_SEQ && asked)
		return 95;
	if (!asked || !at_once(s, a, b)) /* or another connection that had the same port */
		return CONTRADICTION;
	return !sp_same_client(a, b) ? 0 : answered ? 92 : 75;
}

/* Of one connection, whatever its addresses are: the same places in both streams. */
static int stream_match(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	struct sp_numbers x = sp_numbers_of(s, a), y = sp_numbers_of(s, b);
	unsigned both = x.bits & y.bits, equal = both;
	if (a->app != b->app || (a->bits ^ b->bits) & SP_SPAN_FROM_SERVER)
		return both ? CONTRADICTION : 0;
	if (x.req_seq != y.req_seq)
		equal &= ~(unsigned)SP_SPAN_REQ_SEQ;
	if (x.resp_seq != y.resp_seq)
		equal &= ~(unsigned)SP_SPAN_RESP_SEQ;
	if (equal != both || !both)
		return both ? rewritten_match(s, a, b, equal) : 0;
	if (a->correlation && b->correlation && a->correlation != b->correlation)
		return CONTRADICTION;
	if (both == SP_BOTH_SEQS) /* 64 bits: what a point could read of the texts does not matter */
		return a->rewritten | b->rewritten ? 98 : 100;
	if (a->what && b->what && a->what != b->what)
		return CONTRADICTION;
	return a->what && b->what ? 90 : 70;
}

/* Datagrams have no sequence numbers: the protocol's id, what is asked, an end that they share, and time. */
static int datagram_match(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	if (a->proto != b->proto || a->app != b->app || a->what != b->what || a->correlation != b->correlation ||
	    !at_once(s, a, b))
		return CONTRADICTION;
	bool client = sp_same_client(a, b), server = sp_same_server(a, b);
	if (client && server)
		return a->correlation ? 95 : 60;
	if (!a->correlation)
		return CONTRADICTION;
	if (client || server)
		return 85;
	return a->what && (a->app == SP_APP_DNS || a->client_port == b->client_port) ? 60 : CONTRADICTION;
}

int sp_match(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	bool stream = a->proto == SP_PROTO_TCP;
	if (stream != (b->proto == SP_PROTO_TCP))
		return CONTRADICTION;
	return stream ? stream_match(s, a, b) : datagram_match(s, a, b);
}

int sp_match_alike(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b)
{
	if (a->point == b->point || a->asked != b->asked || !a->answered || a->answered != b->answered || !a->what ||
	    a->what != b->what || a->client_port != b->client_port || !at_once(s, a, b))
		return 0;
	return sp_same_server(a, b) ? 80 : 60;
}

/* --- whatever clocks say --- */

/* The same was said at two points, as far as both know. */
static bool may_be(const struct sp_span *a, const struct sp_span *b)
{
	return a->point != b->point && a->app == b->app && !((a->bits ^ b->bits) & SP_SPAN_FROM_SERVER) &&
	       a->asked == b->asked && a->client_port == b->client_port && !differ(a, b) &&
	       (!a->answered || !b->answered || a->answered == b->answered);
}

static bool may_be_of(const struct sp_stitch *s, uint32_t g, const struct sp_span *span)
{
	uint32_t n = s->group[g].first;
	while (n && may_be(sp_span_at(s, n), span))
		n = sp_span_at(s, n)->next;
	return !n;
}

bool sp_group_may_be(const struct sp_stitch *s, uint32_t g, uint32_t h)
{
	uint32_t n = g == h ? 0 : s->group[h].first;
	while (n && may_be_of(s, g, sp_span_at(s, n)))
		n = sp_span_at(s, n)->next;
	return g != h && !n;
}

static bool timed(const struct sp_stitch *s, uint32_t g, const struct sp_span *span)
{
	int64_t ns;
	uint32_t n = s->group[g].first;
	while (n && !clocks_of(s, sp_span_at(s, n), span, &ns))
		n = sp_span_at(s, n)->next;
	return n;
}

bool sp_group_timed(const struct sp_stitch *s, uint32_t g, uint32_t h)
{
	uint32_t n = s->group[h].first;
	while (n && !timed(s, g, sp_span_at(s, n)))
		n = sp_span_at(s, n)->next;
	return n;
}

/* --- a span and a group --- */

void sp_try_group(const struct sp_stitch *s, uint32_t g, const struct sp_span *span, struct sp_meeting *best)
{
	int confidence = 0;
	for (uint32_t n = s->group[g].first; n; n = sp_span_at(s, n)->next) {
		const struct sp_span *other = sp_span_at(s, n);
		if (other->flow_id == span->flow_id && other->point == span->point) {
			if (other->request_id == span->request_id)
				*best = (struct sp_meeting){.group = g, .confidence = 100, .repeated = true};
			return; /* another call of the same connection */
		}
		int c = sp_match(s, other, span);
		if (c == CONTRADICTION)
			return;
		confidence = SP_MAX(confidence, c);
	}
	if (confidence && confidence == best->confidence)
		best->several = true;
	if (confidence > best->confidence)
		*best = (struct sp_meeting){.group = g, .confidence = confidence};
}

static void try_ties(const struct sp_stitch *s, uint64_t key, enum sp_tie_kind kind, const struct sp_span *span,
		     struct sp_meeting *best)
{
	unsigned looked = 0;
	for (uint32_t ref = 0; key && !best->repeated && looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, key, ref));)
		if (sp_tie_kind(ref) == kind)
			sp_try_group(s, sp_tie_group(ref), span, best);
	if (SP_UNLIKELY(looked > SP_CHAIN_MAX))
		sp_hints_crowd(s, key);
}

struct sp_meeting sp_find(const struct sp_stitch *s, const struct sp_span *span)
{
	struct sp_meeting best = {0};
	try_ties(s, sp_asked_key(s, span), SP_TIE_ASKED, span, &best);
	if (best.confidence < 98)
		try_ties(s, sp_answered_key(s, span), SP_TIE_ANSWERED, span, &best);
	if (best.confidence || best.repeated) {
		best.several = false;
		return best;
	}
	try_ties(s, sp_alike_key(span), SP_TIE_ALIKE, span, &best);
	if (!best.group || best.repeated)
		return best;
	/* Where clocks are not known, all that waits is looked at before one of it is told. */
	return best.several || !timed(s, best.group, span) ? (struct sp_meeting){0} : best;
}
