/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for their spans: a table of ties with groups in the order of their coming. A group is told when it
 * waited for the window, or earlier when memory is short. */
#include "stitch/stitch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch_priv.h"

/* How far apart two points may see a call that only its content joins: as clocks may be, or when those are known. */
#define DATAGRAM_APART (2 * SP_NS_PER_SEC)
#define DATAGRAM_TRAVELS (100 * SP_NS_PER_MS)
#define DATAGRAM_AGAIN (5 * SP_NS_PER_MS) /* one point */
#define CHAIN_MAX 64			  /* ties of one key that are looked at */

enum { SEED_ASKED = 1, SEED_ANSWERED, SEED_CONTENT, SEED_ID, SEED_TRACE, SEED_SPAN };

/* --- ties --- */

static uint32_t *bucket_of(const struct sp_stitch *s, uint64_t key)
{
	return &s->bucket[sp_hash_mix(key, SP_HASH_K0) & (s->n_buckets - 1)];
}

uint32_t sp_tie_next(const struct sp_stitch *s, uint64_t key, uint32_t ref)
{
	ref = ref ? s->group[sp_tie_group(ref)].chain[sp_tie_kind(ref)] : *bucket_of(s, key);
	while (ref && s->group[sp_tie_group(ref)].key[sp_tie_kind(ref)] != key)
		ref = s->group[sp_tie_group(ref)].chain[sp_tie_kind(ref)];
	return ref;
}

static void tie_add(struct sp_stitch *s, uint32_t g, enum sp_tie_kind kind, uint64_t key)
{
	struct sp_group *group = &s->group[g];
	if (!key || group->key[kind])
		return;
	uint32_t *head = bucket_of(s, key), ref = 1 + g * SP_TIE_MAX + kind;
	group->key[kind] = key;
	group->chain[kind] = *head;
	group->back[kind] = 0;
	if (*head)
		s->group[sp_tie_group(*head)].back[sp_tie_kind(*head)] = ref;
	*head = ref;
}

static void ties_drop(struct sp_stitch *s, uint32_t g)
{
	struct sp_group *group = &s->group[g];
	for (unsigned kind = 0; kind < SP_TIE_MAX; kind++) {
		uint32_t next = group->chain[kind], back = group->back[kind];
		if (!group->key[kind])
			continue;
		if (back)
			s->group[sp_tie_group(back)].chain[sp_tie_kind(back)] = next;
		else
			*bucket_of(s, group->key[kind]) = next;
		if (next)
			s->group[sp_tie_group(next)].back[sp_tie_kind(next)] = back;
		group->key[kind] = 0;
	}
}

/* --- memory --- */

static uint32_t span_get(struct sp_stitch *s)
{
	uint32_t n = s->free_span;
	if (n)
		s->free_span = s->span[n].next;
	else if (s->fresh_span < s->n_spans)
		n = s->fresh_span++;
	return n;
}

static uint32_t group_get(struct sp_stitch *s)
{
	uint32_t n = s->free_group;
	if (n)
		s->free_group = s->group[n].newer;
	else if (s->fresh_group < s->n_groups)
		n = s->fresh_group++;
	if (n)
		memset(&s->group[n], 0, sizeof s->group[n]);
	return n;
}

static void group_append(struct sp_stitch *s, uint32_t g)
{
	struct sp_group *group = &s->group[g];
	group->arrived_ns = s->now_ns;
	group->older = s->newest;
	group->newer = 0;
	if (s->newest)
		s->group[s->newest].newer = g;
	else
		s->oldest = g;
	s->newest = g;
}

void sp_group_free(struct sp_stitch *s, uint32_t g)
{
	struct sp_group *group = &s->group[g];
	ties_drop(s, g);
	if (group->older)
		s->group[group->older].newer = group->newer;
	else
		s->oldest = group->newer;
	if (group->newer)
		s->group[group->newer].older = group->older;
	else
		s->newest = group->older;
	for (uint32_t n = group->first, next; n; n = next) {
		next = s->span[n].next;
		s->span[n].next = s->free_span;
		s->free_span = n;
	}
	if (group->detail)
		sp_slab_put(&s->details, group->detail);
	group->n = 0;
	group->newer = s->free_group;
	s->free_group = g;
}

/* The oldest call makes room. False: there is none. */
static bool make_room(struct sp_stitch *s)
{
	if (!s->oldest)
		return false;
	s->early = true;
	sp_tree_tell(s, s->oldest);
	s->early = false;
	return true;
}

/* --- details --- */

static const uint8_t detail_slot[SP_DETAIL_MAX] = {
	[SP_DETAIL_METHOD] = SP_SLOT_METHOD,	 [SP_DETAIL_HOST] = SP_SLOT_HOST,
	[SP_DETAIL_RESOURCE] = SP_SLOT_RESOURCE, [SP_DETAIL_ENDPOINT] = SP_SLOT_ENDPOINT,
	[SP_DETAIL_CODE] = SP_SLOT_CODE,	 [SP_DETAIL_TRACE_ID] = SP_SLOT_TRACE_ID,
	[SP_DETAIL_SPAN_ID] = SP_SLOT_SPAN_ID,	 [SP_DETAIL_PARENT_SPAN_ID] = SP_SLOT_PARENT_SPAN_ID,
};

struct sp_slice sp_detail_text(const struct sp_detail *d, enum sp_detail_text which)
{
	size_t at = 0;
	for (unsigned i = 0; i < which; i++)
		at += d->n[i];
	return (struct sp_slice){d->bytes + at, d->n[which]};
}

const struct sp_detail *sp_group_detail(const struct sp_stitch *s, const struct sp_group *g)
{
	return g->detail ? sp_slab_at(&s->details, g->detail) : NULL;
}

/* 0: no memory. */
static uint32_t detail_new(struct sp_stitch *s, const struct sp_request_record *r)
{
	uint16_t n[SP_DETAIL_MAX];
	size_t size = sizeof(struct sp_detail), at = 0;
	for (unsigned i = 0; i < SP_DETAIL_MAX; i++)
		size += n[i] = (uint16_t)SP_MIN(r->texts.n[detail_slot[i]], SP_DETAIL_TEXT_MAX);
	uint32_t handle = sp_slab_get(&s->details, size);
	if (!handle)
		return 0;
	struct sp_detail *d = sp_slab_at(&s->details, handle);
	*d = (struct sp_detail){.app = r->app_proto, .type = r->type, .status = r->status};
	memcpy(d->n, n, sizeof n);
	for (unsigned i = 0; i < SP_DETAIL_MAX; at += n[i++])
		memcpy(d->bytes + at, sp_texts_slot(&r->texts, detail_slot[i]).p, n[i]);
	return handle;
}

/* Of the first span that saw the whole call. */
static void detail_take(struct sp_stitch *s, struct sp_group *g, const struct sp_request_record *r)
{
	bool is_call = r->type == SP_CALL_TYPE_CALL;
	if (g->detail && (g->is_call || !is_call))
		return;
	uint32_t handle = detail_new(s, r);
	if (!handle)
		return;
	if (g->detail)
		sp_slab_put(&s->details, g->detail);
	g->detail = handle;
	g->is_call = is_call;
}

/* --- keys --- */

static uint64_t text_key(const struct sp_request_record *r, enum sp_slot slot, uint64_t seed)
{
	struct sp_slice t = sp_texts_slot(&r->texts, slot);
	return t.n ? sp_hash_bytes(t.p, t.n, seed) | 1 : 0;
}

static uint64_t asked_key(const struct sp_span *span)
{
	if (span->proto != SP_PROTO_TCP)
		return sp_key(span->what ^ span->app, span->correlation ^ SEED_CONTENT);
	return span->bits & SP_SPAN_REQ_SEQ ? sp_key(span->req_seq, SEED_ASKED) : 0;
}

static uint64_t answered_key(const struct sp_span *span)
{
	return span->bits & SP_SPAN_RESP_SEQ ? sp_key(span->resp_seq, SEED_ANSWERED) : 0;
}

/* What is asked, without the host: a proxy may name another one. */
static uint64_t content_of(const struct sp_span *span, const struct sp_request_record *r)
{
	uint64_t resource = text_key(r, SP_SLOT_RESOURCE, 1);
	return span->what && resource ? sp_key(text_key(r, SP_SLOT_METHOD, 2) ^ span->app, resource) : 0;
}

static void ties_of(struct sp_stitch *s, uint32_t g, const struct sp_span *span, const struct sp_request_record *r)
{
	struct sp_group *group = &s->group[g];
	tie_add(s, g, SP_TIE_ASKED, asked_key(span));
	tie_add(s, g, SP_TIE_ANSWERED, answered_key(span));
	if (!r)
		return;
	tie_add(s, g, SP_TIE_X_REQUEST_ID, text_key(r, SP_SLOT_X_REQUEST_ID_REQUEST, SEED_ID));
	tie_add(s, g, SP_TIE_X_RESPONSE_ID, text_key(r, SP_SLOT_X_REQUEST_ID_RESPONSE, SEED_ID));
	tie_add(s, g, SP_TIE_TRACE, text_key(r, SP_SLOT_TRACE_ID, SEED_TRACE));
	if (!group->content)
		group->content = content_of(span, r);
	if (group->content)
		tie_add(s, g, SP_TIE_CONTENT, sp_content_key(group->content, span->start_ns, 0));
	if (!group->span_id)
		group->span_id = text_key(r, SP_SLOT_SPAN_ID, SEED_SPAN);
	if (!group->parent_id)
		group->parent_id = text_key(r, SP_SLOT_PARENT_SPAN_ID, SEED_SPAN);
}

/* --- which call a span belongs to --- */

#define BOTH_SEQS (SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ)

/* How sure it is that two spans are of one call over one connection, 0: they are not. Addresses may differ. */
static unsigned stream_match(const struct sp_span *a, const struct sp_span *b)
{
	unsigned both = a->bits & b->bits & BOTH_SEQS;
	if (!both || a->app != b->app || (a->bits ^ b->bits) & SP_SPAN_FROM_SERVER)
		return 0;
	if (both & SP_SPAN_REQ_SEQ && a->req_seq != b->req_seq)
		return 0;
	if (both & SP_SPAN_RESP_SEQ && a->resp_seq != b->resp_seq)
		return 0;
	if (a->correlation && b->correlation && a->correlation != b->correlation)
		return 0;
	if (both == BOTH_SEQS)
		return 100; /* 64 bits: what a point could read of the texts does not matter */
	if (a->what && b->what && a->what != b->what)
		return 0;
	return a->what && b->what ? 90 : 70;
}

static bool same_client(const struct sp_span *a, const struct sp_span *b)
{
	return a->client_port == b->client_port && sp_addr_eq(&a->client_ip, &b->client_ip);
}

static bool same_server(const struct sp_span *a, const struct sp_span *b)
{
	return a->server_port == b->server_port && sp_addr_eq(&a->server_ip, &b->server_ip);
}

/* At one point, the one is within the other: a translator passes both ways. At two, about at the same time. */
static bool at_once(const struct sp_order *o, const struct sp_span *a, const struct sp_span *b)
{
	int64_t offset, later = (int64_t)(b->start_ns - a->start_ns);
	if (a->point == b->point) {
		bool within = later >= 0 ? b->end_ns <= a->end_ns : a->end_ns <= b->end_ns;
		return within && (uint64_t)(later < 0 ? -later : later) <= DATAGRAM_AGAIN;
	}
	bool known = sp_clock_offset(o, a, b, 4 * DATAGRAM_TRAVELS, &offset);
	later -= known ? offset : 0;
	return (uint64_t)(later < 0 ? -later : later) <= (known ? DATAGRAM_TRAVELS : DATAGRAM_APART);
}

/* Datagrams have no sequence numbers: the protocol's id, what is asked, an end that they share, and time. */
static unsigned datagram_match(const struct sp_order *o, const struct sp_span *a, const struct sp_span *b)
{
	if (a->proto != b->proto || a->app != b->app || a->what != b->what || a->correlation != b->correlation ||
	    !at_once(o, a, b))
		return 0;
	bool client = same_client(a, b), server = same_server(a, b);
	if (client && server)
		return a->correlation ? 95 : 60;
	if (!a->correlation)
		return 0;
	if (client || server)
		return 85;
	return a->app == SP_APP_DNS && a->what ? 60 : 0;
}

static unsigned match(const struct sp_order *o, const struct sp_span *a, const struct sp_span *b)
{
	bool stream = a->proto == SP_PROTO_TCP;
	if (stream != (b->proto == SP_PROTO_TCP))
		return 0;
	return stream ? stream_match(a, b) : datagram_match(o, a, b);
}

struct meeting {
	uint32_t group;
	unsigned confidence;
	bool repeated;
};

/* The best of a group's spans speaks for it, but none may speak against it. */
static void try_group(const struct sp_stitch *s, uint32_t g, const struct sp_span *span, struct meeting *best)
{
	unsigned confidence = 0;
	for (uint32_t n = s->group[g].first; n; n = s->span[n].next) {
		const struct sp_span *other = sp_span_at(s, n);
		if (other->flow_id == span->flow_id && other->point == span->point) {
			if (other->request_id == span->request_id)
				*best = (struct meeting){g, 100, true};
			return; /* another call of the same connection */
		}
		unsigned c = match(s->order, other, span);
		if (!c && (other->bits & span->bits & BOTH_SEQS))
			return;
		if (!c && span->proto != SP_PROTO_TCP)
			return;
		confidence = SP_MAX(confidence, c);
	}
	if (confidence > best->confidence)
		*best = (struct meeting){g, confidence, false};
}

static void try_ties(const struct sp_stitch *s, uint64_t key, enum sp_tie_kind kind, const struct sp_span *span,
		     struct meeting *best)
{
	unsigned looked = 0;
	for (uint32_t ref = 0; key && !best->repeated && looked++ < CHAIN_MAX && (ref = sp_tie_next(s, key, ref));)
		if (sp_tie_kind(ref) == kind)
			try_group(s, sp_tie_group(ref), span, best);
}

static struct meeting find(const struct sp_stitch *s, const struct sp_span *span)
{
	struct meeting best = {0};
	try_ties(s, asked_key(span), SP_TIE_ASKED, span, &best);
	if (best.confidence < 100)
		try_ties(s, answered_key(span), SP_TIE_ANSWERED, span, &best);
	return best;
}

/* --- joining --- */

static void meet(struct sp_stitch *s, struct sp_group *g, struct sp_span *span, unsigned confidence)
{
	for (uint32_t n = g->first; n; n = s->span[n].next)
		sp_order_learn(s->order, sp_span_at(s, n), span);
	span->confidence = (uint8_t)confidence;
	if (g->n == 1) /* the first one is as sure as what joined it */
		sp_span_at(s, g->first)->confidence = (uint8_t)confidence;
	s->stats.spans_joined++;
}

static void push_span(struct sp_stitch *s, uint32_t g, uint32_t n)
{
	s->span[n].next = s->group[g].first;
	s->group[g].first = n;
	s->group[g].n++;
}

/* The halves of a call came from points that saw one direction each, and this span saw both: two groups become one. */
static void unite(struct sp_stitch *s, uint32_t g, const struct sp_span *span)
{
	struct meeting other = {0};
	uint64_t key = answered_key(span);
	for (uint32_t ref = 0, looked = 0; key && looked++ < CHAIN_MAX && (ref = sp_tie_next(s, key, ref));) {
		uint32_t h = sp_tie_group(ref);
		if (h != g && sp_tie_kind(ref) == SP_TIE_ANSWERED && !s->group[h].key[SP_TIE_ASKED])
			try_group(s, h, span, &other);
	}
	if (!other.confidence || other.repeated || s->group[g].n + s->group[other.group].n > SP_CALL_SPANS_MAX)
		return;
	struct sp_group *from = &s->group[other.group];
	uint32_t n = from->first;
	from->first = 0;
	while (n) {
		uint32_t next = s->span[n].next;
		meet(s, &s->group[g], sp_span_at(s, n), other.confidence);
		push_span(s, g, n);
		n = next;
	}
	sp_group_free(s, other.group);
}

/* A new span's place: its own number, and its group, a new one unless it met another. False: no memory. */
static bool place(struct sp_stitch *s, const struct sp_span *span, struct meeting m, uint32_t *n, uint32_t *g)
{
	while (!(*n = span_get(s))) {
		if (!make_room(s))
			return false;
		m = find(s, span); /* the oldest one may have been its own */
	}
	*g = m.group;
	while (!*g && !(*g = group_get(s)))
		if (!make_room(s))
			return false;
	s->span[*n] = *span;
	if (!m.group)
		group_append(s, *g);
	else
		meet(s, &s->group[*g], sp_span_at(s, *n), m.confidence);
	return true;
}

static void hosts_learn(struct sp_stitch *s, const struct sp_span *span)
{
	unsigned client = sp_host(&span->client_ip), server = sp_host(&span->server_ip);
	s->is_client[client / 64] |= UINT64_C(1) << client % 64;
	s->is_server[server / 64] |= UINT64_C(1) << server % 64;
}

/* Calls that nothing could join are not kept. */
static bool joinable(const struct sp_span *span)
{
	return span->proto != SP_PROTO_TCP || span->bits & BOTH_SEQS;
}

void sp_stitch_span(struct sp_stitch *s, const struct sp_span *span, const struct sp_request_record *r)
{
	s->stats.spans++;
	struct meeting m = joinable(span) ? find(s, span) : (struct meeting){0};
	if (m.repeated) {
		s->stats.spans_repeated++;
		return;
	}
	uint32_t n, g;
	if (!joinable(span) || (m.group && s->group[m.group].n >= SP_CALL_SPANS_MAX) || !place(s, span, m, &n, &g)) {
		s->stats.spans_refused++;
		return;
	}
	push_span(s, g, n);
	ties_of(s, g, span, r);
	hosts_learn(s, span);
	if (s->group[g].n > 1)
		unite(s, g, span);
	if (r)
		detail_take(s, &s->group[g], r);
}

void sp_stitch_request(struct sp_stitch *s, const struct sp_request_record *r)
{
	struct sp_span span;
	sp_span_of(&span, r);
	sp_stitch_tick(s, r->end_ns);
	sp_stitch_span(s, &span, r);
}

void sp_stitch_flow(struct sp_stitch *s, const struct sp_flow_record *r)
{
	sp_stitch_tick(s, r->end_ns);
	sp_paths_flow(s, r);
}

/* --- time --- */

void sp_stitch_tick(struct sp_stitch *s, uint64_t now_ns)
{
	if (now_ns <= s->now_ns)
		return;
	s->now_ns = now_ns;
	while (s->oldest && s->group[s->oldest].arrived_ns + s->conf.window < now_ns)
		sp_tree_tell(s, s->oldest);
	sp_paths_expire(s);
}

void sp_stitch_end(struct sp_stitch *s)
{
	while (s->oldest)
		sp_tree_tell(s, s->oldest);
	sp_paths_end(s);
}

const struct sp_stitch_stats *sp_stitch_stats(const struct sp_stitch *s)
{
	return &s->stats;
}

/* --- begin and end --- */

#define DETAIL_TYPICAL 512

/* Shares of the budget: an eighth for paths; of the rest, as many calls as two spans, a detail and their group take. */
static int make_tables(struct sp_stitch *s, uint64_t memory)
{
	uint64_t each = 2 * sizeof(struct sp_span) + sizeof(struct sp_group) + DETAIL_TYPICAL + 2 * sizeof(uint32_t);
	uint64_t n = SP_MAX(memory / each, (uint64_t)16);
	s->n_groups = (uint32_t)SP_MIN(n + 1, UINT32_MAX / SP_TIE_MAX - 1);
	s->n_spans = (uint32_t)SP_MIN(2 * n + 1, (uint64_t)UINT32_MAX);
	s->n_buckets = 16;
	while (s->n_buckets < s->n_groups)
		s->n_buckets *= 2;
	s->spans_size = (size_t)s->n_spans * sizeof *s->span;
	s->groups_size = (size_t)s->n_groups * sizeof *s->group;
	s->buckets_size = (size_t)s->n_buckets * sizeof *s->bucket;
	s->span = sp_mem_map(s->spans_size, 0);
	s->group = sp_mem_map(s->groups_size, 0);
	s->bucket = sp_mem_map(s->buckets_size, 0);
	s->fresh_span = s->fresh_group = 1;
	if (!s->span || !s->group || !s->bucket)
		return -ENOMEM;
	return sp_slab_init(&s->details, SP_MAX(n * DETAIL_TYPICAL, (uint64_t)SP_SLAB_CHUNK * SP_SLAB_CLASSES));
}

int sp_stitch_new(struct sp_stitch **ret, const struct sp_stitch_conf *conf, const struct sp_points *points,
		  const struct sp_stitch_told *told)
{
	struct sp_stitch *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->conf = *conf;
	s->points = points;
	s->told = *told;
	int rc = make_tables(s, conf->max_memory / 8 * 7);
	rc = rc ? rc : sp_order_new(&s->order);
	rc = rc ? rc : sp_paths_new(&s->paths, s, conf->max_memory / 8);
	rc = rc ? rc : sp_usual_new(&s->usual);
	if (rc) {
		sp_stitch_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void sp_stitch_free(struct sp_stitch *s)
{
	if (!s)
		return;
	sp_paths_free(s->paths);
	sp_usual_free(s->usual);
	sp_order_free(s->order);
	if (s->details.base)
		sp_slab_free_all(&s->details);
	sp_mem_unmap(s->span, s->spans_size);
	sp_mem_unmap(s->group, s->groups_size);
	sp_mem_unmap(s->bucket, s->buckets_size);
	free(s);
}
