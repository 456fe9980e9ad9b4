/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a proxy or a service made because of another call: found by what they carry, told as one trace. */
#include <string.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define CALLS_MAX 64			  /* of one trace */
#define CLOCKS_APART (100 * SP_NS_PER_MS) /* of points whose clocks are not known: enough to be within */
#define JITTER (100 * SP_NS_PER_US)	  /* of one point's own times */
#define NONE (-1)

struct call {
	uint32_t group;
	unsigned n;
	const struct sp_span *span[SP_CALL_SPANS_MAX]; /* the client's end first */
	uint64_t unsure;			       /* bits: its order with the one before is a guess */
	int parent;
	uint8_t joined_by, confidence;
};

struct tree {
	struct sp_stitch *s;
	unsigned n;
	struct call call[CALLS_MAX + 1]; /* one more is looked at */
};

static const struct sp_span *outer(const struct call *c)
{
	return c->span[0];
}

static const struct sp_span *inner(const struct call *c)
{
	return c->span[c->n - 1];
}

/* --- which call made another one --- */

static uint64_t lasted(const struct sp_span *s)
{
	return s->end_ns - s->start_ns;
}

static const struct sp_span *at_point(const struct call *c, uint16_t point)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->span[i]->point == point)
			return c->span[i];
	return NULL;
}

/* Where one point saw both, its clock decides; else clocks may be apart: 1 within, 0 not, -1 unknown. */
static int within(const struct call *p, const struct call *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct sp_span *in = c->span[i], *out = at_point(p, in->point);
		if (out)
			return in->start_ns + JITTER >= out->start_ns && in->start_ns <= out->end_ns + JITTER;
	}
	const struct sp_span *out = inner(p), *in = outer(c);
	return in->start_ns + CLOCKS_APART >= out->start_ns && in->end_ns <= out->end_ns + CLOCKS_APART ? 1 : -1;
}

/* The server of one is the client of the other. */
static bool adjacent(const struct call *p, const struct call *c)
{
	return sp_addr_eq(&inner(p)->server_ip, &outer(c)->client_ip);
}

static bool same_key(const struct sp_group *p, enum sp_tie_kind of_p, const struct sp_group *c, enum sp_tie_kind of_c)
{
	return p->tie[of_p].key && p->tie[of_p].key == c->tie[of_c].key;
}

/* Both name a trace, or an id, and not the same one. */
static bool conflict(const struct sp_group *p, enum sp_tie_kind of_p, const struct sp_group *c, enum sp_tie_kind of_c)
{
	return p->tie[of_p].key && c->tie[of_c].key && p->tie[of_p].key != c->tie[of_c].key;
}

/* Two tracers' headers make two traces of a call, and the next one may carry either. */
static bool same_trace(const struct sp_group *p, const struct sp_group *c)
{
	return same_key(p, SP_TIE_TRACE, c, SP_TIE_TRACE) || same_key(p, SP_TIE_TRACE, c, SP_TIE_OTHER_TRACE) ||
	       same_key(p, SP_TIE_OTHER_TRACE, c, SP_TIE_TRACE) ||
	       same_key(p, SP_TIE_OTHER_TRACE, c, SP_TIE_OTHER_TRACE);
}

/* It names a parent, surely in the trace that both have in common. */
static bool names_parent(const struct sp_group *p, const struct sp_group *c)
{
	return c->parent_id && !c->tie[SP_TIE_OTHER_TRACE].key && same_key(p, SP_TIE_TRACE, c, SP_TIE_TRACE);
}

/* A guess: the same is asked by the host that is asked just then. Of calls that have no trace in common. */
static unsigned guess(const struct sp_group *a, const struct sp_group *b, const struct call *p, const struct call *c)
{
	if (!a->content || a->content != b->content || !adjacent(p, c) || outer(c)->app != inner(p)->app ||
	    conflict(a, SP_TIE_TRACE, b, SP_TIE_TRACE) || conflict(a, SP_TIE_X_RESPONSE_ID, b, SP_TIE_X_REQUEST_ID))
		return 0;
	return outer(c)->app == SP_APP_DNS ? 60 : 50;
}

/* The strongest of what two calls have in common. 0: nothing that makes p the reason of c. */
static unsigned relation(const struct tree *t, const struct call *p, const struct call *c, uint8_t *joined_by)
{
	const struct sp_group *a = &t->s->group[p->group], *b = &t->s->group[c->group];
	*joined_by = SP_JOIN_X_REQUEST_ID;
	if (same_key(a, SP_TIE_X_RESPONSE_ID, b, SP_TIE_X_REQUEST_ID))
		return 95;
	if (same_key(a, SP_TIE_X_REQUEST_ID, b, SP_TIE_X_REQUEST_ID) ||
	    same_key(a, SP_TIE_X_RESPONSE_ID, b, SP_TIE_X_RESPONSE_ID))
		return 90;
	if (!same_trace(a, b)) {
		*joined_by = SP_JOIN_CONTENT;
		return guess(a, b, p, c);
	}
	*joined_by = SP_JOIN_TRACE_ID;
	if (b->parent_id && b->parent_id == a->span_id)
		return 95;
	if (b->span_id && b->span_id == a->span_id)
		return 90;
	return names_parent(a, b) ? 0 : 70;
}

/* Two calls to one server are beside each other, even when they carry the same id (a queue's message, say). */
static bool beside(const struct call *p, const struct call *c)
{
	return !adjacent(p, c) && (sp_same_server(inner(p), outer(c)) || sp_same_server(outer(p), outer(c)) ||
				   sp_same_server(inner(p), inner(c)));
}

/* How sure it is that p is the reason of c, 0: it is not. Only what lasts longer can be. */
static unsigned score(const struct tree *t, const struct call *p, const struct call *c, uint8_t *joined_by)
{
	if (lasted(inner(p)) < lasted(outer(c)) || (lasted(inner(p)) == lasted(outer(c)) && p->group > c->group) ||
	    beside(p, c))
		return 0;
	unsigned r = relation(t, p, c, joined_by);
	int time = r ? within(p, c) : 0;
	if (!time || (time < 0 && r < 90)) /* a weak relation needs time for it */
		return 0;
	return r + (adjacent(p, c) ? 4 : 0);
}

/* Of guesses that are equally good, none is taken. */
static void find_parent(struct tree *t, struct call *c)
{
	unsigned best = 0;
	bool unsure = false;
	for (unsigned i = 0; i < t->n; i++) {
		struct call *p = &t->call[i];
		uint8_t by = 0;
		unsigned r = p == c ? 0 : score(t, p, c, &by);
		if (!r || r < best)
			continue;
		unsure = r == best;
		/* Of equals, the one that lasted least: the nearest. */
		if (r == best && lasted(inner(p)) > lasted(inner(&t->call[c->parent])))
			continue;
		best = r;
		c->parent = (int)i;
		c->joined_by = by;
		c->confidence = (uint8_t)SP_MIN(r, 99u);
	}
	if (unsure && c->joined_by == SP_JOIN_CONTENT)
		c->parent = NONE;
}

/* --- all calls of a tree --- */

static void call_of(const struct tree *t, struct call *c, uint32_t g)
{
	const struct sp_stitch *s = t->s;
	c->group = g;
	c->parent = NONE;
	c->n = 0;
	for (uint32_t n = s->group[g].first; n; n = sp_span_at(s, n)->next)
		c->span[c->n++] = sp_span_at(s, n);
	c->unsure = sp_order_sort(s, c->span, c->n);
}

/* The call that was looked at last. */
static void take(struct tree *t, uint32_t g)
{
	if (sp_offsets_unite(t->s, g))
		call_of(t, &t->call[t->n], g);
	t->s->group[g].mark = 1;
	t->n++;
}

/* Taken when it is the reason of a call that is there, or the other way round: what is not stays, and goes on waiting
 * for its own spans. */
static void consider(struct tree *t, unsigned with, uint32_t g)
{
	uint8_t by;
	if (t->s->group[g].mark || t->n == CALLS_MAX)
		return;
	struct call *one = &t->call[with], *other = &t->call[t->n];
	call_of(t, other, g);
	if (score(t, one, other, &by) || score(t, other, one, &by))
		take(t, g);
}

/* Whether one of a group's hosts stands where it may have been asked by, or may have asked, a call. */
static bool meets(const struct sp_stitch *s, const struct call *c, uint32_t g)
{
	for (uint32_t n = s->group[g].first; n; n = sp_span_at(s, n)->next)
		if (sp_addr_eq(&sp_span_at(s, n)->server_ip, &outer(c)->client_ip) ||
		    sp_addr_eq(&sp_span_at(s, n)->client_ip, &inner(c)->server_ip))
			return true;
	return false;
}

static void by_ties(struct tree *t, unsigned i)
{
	const struct sp_stitch *s = t->s;
	for (unsigned kind = SP_TIE_X_REQUEST_ID; kind <= SP_TIE_OTHER_TRACE; kind++) {
		uint64_t key = s->group[t->call[i].group].tie[kind].key;
		unsigned looked = 0;
		for (uint32_t ref = 0; key && looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, key, ref));)
			consider(t, i, sp_tie_group(ref));
	}
}

/* Where a host asks and is asked, what it asks may be what it was asked. */
static void by_content(struct tree *t, unsigned i)
{
	const struct sp_stitch *s = t->s;
	const struct call *c = &t->call[i];
	uint64_t content = s->group[c->group].content;
	if (!content ||
	    !(sp_hosts_have(s->is_server, &outer(c)->client_ip) || sp_hosts_have(s->is_client, &inner(c)->server_ip)))
		return;
	for (int piece = -1; piece <= 1; piece++) {
		uint64_t key = sp_content_key(content, outer(c)->start_ns, piece);
		unsigned looked = 0;
		for (uint32_t ref = 0; looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, key, ref));)
			if (meets(s, c, sp_tie_group(ref)))
				consider(t, i, sp_tie_group(ref));
	}
}

static void collect(struct tree *t, uint32_t g)
{
	call_of(t, &t->call[0], g);
	take(t, g);
	for (unsigned i = 0; i < t->n; i++) {
		by_ties(t, i);
		by_content(t, i);
	}
}

/* --- telling --- */

/* What a span has in common with the one before it. */
static uint8_t joined_by(const struct call *c, unsigned k)
{
	const struct sp_span *a = c->span[k ? k - 1 : 0], *b = c->span[k];
	unsigned both = a->bits & b->bits;
	bool rewritten = (both & SP_SPAN_REQ_SEQ && a->req_seq != b->req_seq) ||
			 (both & SP_SPAN_RESP_SEQ && a->resp_seq != b->resp_seq);
	return rewritten ? SP_JOIN_TCP_OFFSET : b->joined_by;
}

static void put_call(struct tree *t, unsigned i, int parent)
{
	struct sp_trace *trace = &t->s->trace;
	const struct call *c = &t->call[i];
	for (unsigned k = 0; k < c->n && trace->n_spans < SP_TRACE_SPANS_MAX; k++) {
		bool link = !k && c->parent != NONE;
		trace->span[trace->n_spans] = (struct sp_trace_span){
			.span = c->span[k],
			.parent = parent,
			.led_to = link,
			.unsure = c->unsure >> k & 1,
			.joined_by = link ? c->joined_by : joined_by(c, k),
			.confidence = link ? c->confidence : c->span[k]->confidence,
		};
		parent = (int)trace->n_spans++;
	}
}

/* Depth first, children in the order of their beginning: parents come before their children. */
static void put_tree(struct tree *t, unsigned root, bool *told)
{
	struct {
		unsigned call;
		int parent;
	} stack[CALLS_MAX];
	unsigned depth = 0;
	stack[depth].call = root;
	stack[depth++].parent = NONE;
	while (depth) {
		unsigned i = stack[--depth].call;
		put_call(t, i, stack[depth].parent);
		told[i] = true;
		int last = (int)t->s->trace.n_spans - 1;
		unsigned from = depth;
		for (unsigned k = 0; k < t->n; k++) {
			if (t->call[k].parent != (int)i || told[k])
				continue;
			unsigned at = depth++;
			for (;
			     at > from && outer(&t->call[stack[at - 1].call])->start_ns < outer(&t->call[k])->start_ns;
			     at--)
				stack[at] = stack[at - 1];
			stack[at].call = k;
			stack[at].parent = last;
		}
	}
}

static void tell_root(struct tree *t, unsigned root, bool *told)
{
	struct sp_stitch *s = t->s;
	struct sp_trace *trace = &s->trace;
	trace->n_spans = trace->n_hops = 0;
	put_tree(t, root, told);
	if (trace->n_spans < 2) {
		s->stats.traces_alone++;
		return;
	}
	trace->detail = sp_group_detail(s, &s->group[t->call[root].group]);
	trace->partial = s->early;
	s->stats.traces++;
	s->stats.traces_early += s->early;
	sp_trace_tell(s);
}

void sp_tree_tell(struct sp_stitch *s, uint32_t g)
{
	struct tree t;
	bool told[CALLS_MAX] = {false};
	t.s = s;
	t.n = 0;
	collect(&t, g);
	if (t.n == 1 && t.call[0].n == 1) { /* the usual case of a capture at one point */
		s->stats.traces_alone++;
		sp_group_free(s, g);
		return;
	}
	for (unsigned i = 0; i < t.n; i++)
		find_parent(&t, &t.call[i]);
	for (unsigned i = 0; i < t.n; i++)
		if (t.call[i].parent == NONE)
			tell_root(&t, i, told);
	for (unsigned i = 0; i < t.n; i++)
		sp_group_free(s, t.call[i].group);
}
