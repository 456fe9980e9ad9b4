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

/* --- ties --- */

static void tie_add(struct sp_stitch *s, uint32_t g, enum sp_tie_kind kind, uint64_t key)
{
	struct sp_tie *tie = &s->group[g].tie[kind];
	if (!key || tie->key)
		return;
	uint32_t *head = sp_tie_bucket(s, key), ref = 1 + g * SP_TIE_MAX + kind;
	*tie = (struct sp_tie){.key = key, .chain = *head};
	if (*head)
		sp_tie_at(s, *head)->back = ref;
	*head = ref;
	s->n_halves -= kind == SP_TIE_ASKED;
}

/* In the order in which they are heard of: a point that missed a header may have told of the other one alone. */
static void trace_add(struct sp_stitch *s, uint32_t g, uint64_t key)
{
	const struct sp_tie *tie = s->group[g].tie;
	if (key && key != tie[SP_TIE_TRACE].key)
		tie_add(s, g, tie[SP_TIE_TRACE].key ? SP_TIE_OTHER_TRACE : SP_TIE_TRACE, key);
}

static void ties_drop(struct sp_stitch *s, uint32_t g)
{
	s->n_halves -= !s->group[g].tie[SP_TIE_ASKED].key;
	for (unsigned kind = 0; kind < SP_TIE_MAX; kind++) {
		struct sp_tie *tie = &s->group[g].tie[kind];
		if (!tie->key)
			continue;
		if (tie->back)
			sp_tie_at(s, tie->back)->chain = tie->chain;
		else
			*sp_tie_bucket(s, tie->key) = tie->chain;
		if (tie->chain)
			sp_tie_at(s, tie->chain)->back = tie->back;
		tie->key = 0;
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
	if (!n)
		return 0;
	memset(&s->group[n], 0, sizeof s->group[n]);
	s->n_halves++;
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

/* --- intervals --- */

static void interval_tell(struct sp_stitch *s)
{
	sp_edges_tell(s);
	sp_slots_tell(s);
	sp_clocks_tell(s);
}

/* They begin at whole multiples of their length, the first one with the first call. */
static void interval_at(struct sp_stitch *s, uint64_t now_ns, bool begin)
{
	uint64_t length = s->conf.interval;
	if (SP_LIKELY(now_ns < s->due_ns) || (!s->due_ns && !begin))
		return;
	if (s->due_ns)
		interval_tell(s);
	s->due_ns = length ? now_ns - now_ns % length + length : UINT64_MAX;
}

/* Intervals go by when calls came, so that whatever comes in time is in the interval of its call. */
static void tell_oldest(struct sp_stitch *s)
{
	sp_fetch_next(s, s->oldest);
	interval_at(s, s->group[s->oldest].arrived_ns, true);
	sp_tree_tell(s, s->oldest);
}

/* The oldest call makes room. False: there is none. */
static bool make_room(struct sp_stitch *s)
{
	if (!s->oldest)
		return false;
	s->early = true;
	tell_oldest(s);
	s->early = false;
	return true;
}

/* --- keys --- */

static void ties_of(struct sp_stitch *s, uint32_t g, const struct sp_span *span, const struct sp_span_texts *texts)
{
	struct sp_group *group = &s->group[g];
	if (!group->tie[SP_TIE_ASKED].key)
		tie_add(s, g, SP_TIE_ASKED, sp_asked_key(s, span));
	if (!group->tie[SP_TIE_ANSWERED].key)
		tie_add(s, g, SP_TIE_ANSWERED, sp_answered_key(s, span));
	if (!group->tie[SP_TIE_ALIKE].key)
		tie_add(s, g, SP_TIE_ALIKE, sp_alike_key(span));
	if (!texts)
		return;
	tie_add(s, g, SP_TIE_X_REQUEST_ID, texts->x_request_id);
	tie_add(s, g, SP_TIE_X_RESPONSE_ID, texts->x_response_id);
	trace_add(s, g, texts->trace);
	trace_add(s, g, texts->other_trace);
	group->content = group->content ? group->content : texts->content;
	if (group->content)
		tie_add(s, g, SP_TIE_CONTENT, sp_content_key(group->content, span->start_ns, 0));
	group->span_id = group->span_id ? group->span_id : texts->span_id;
	group->parent_id = group->parent_id ? group->parent_id : texts->parent_id;
}

/* --- joining --- */

static void meet(struct sp_stitch *s, struct sp_group *g, struct sp_span *span, unsigned confidence)
{
	for (uint32_t n = g->first; n; n = s->span[n].next) {
		const struct sp_span *other = sp_span_at(s, n);
		if (confidence >= SP_CONFIDENT)
			sp_order_learn(s, other, span, SP_ORDER_CALLS);
		if (SP_UNLIKELY(other->req_seq != span->req_seq || other->resp_seq != span->resp_seq) &&
		    !span->rewritten)
			sp_offsets_learn(s, other, span, confidence);
	}
	span->confidence = (uint8_t)SP_MIN(span->confidence, confidence);
	if (g->n == 1) /* the first one is as sure as what joined it */
		sp_span_at(s, g->first)->confidence = (uint8_t)confidence;
	s->stats.spans_joined++;
}

static void push_span(struct sp_stitch *s, uint32_t g, uint32_t n)
{
	struct sp_group *group = &s->group[g];
	s->span[n].next = group->first;
	group->first = n;
	if (group->n < SP_FETCHED_SPANS)
		group->fetched[group->n] = n;
	group->n++;
}

/* What a group knows besides its spans goes to the other one, where that does not know it. */
static void hand_over(struct sp_stitch *s, struct sp_group *to, struct sp_group *from)
{
	to->span_id = to->span_id ? to->span_id : from->span_id;
	to->parent_id = to->parent_id ? to->parent_id : from->parent_id;
	to->content = to->content ? to->content : from->content;
	to->pure = false;
	if (!from->detail || (to->detail && (to->is_call || !from->is_call)))
		return;
	if (to->detail)
		sp_slab_put(&s->details, to->detail);
	to->detail = from->detail;
	to->is_call = from->is_call;
	from->detail = 0;
}

bool sp_group_unite(struct sp_stitch *s, uint32_t g, uint32_t h, unsigned confidence)
{
	struct sp_group *to = &s->group[g], *from = &s->group[h];
	struct sp_tie tie[SP_TIE_MAX];
	uint32_t n = from->first;
	if (to->n + from->n > SP_CALL_SPANS_MAX)
		return false;
	memcpy(tie, from->tie, sizeof tie);
	hand_over(s, to, from);
	from->first = 0;
	while (n) {
		uint32_t next = s->span[n].next;
		meet(s, to, sp_span_at(s, n), confidence);
		push_span(s, g, n);
		n = next;
	}
	sp_group_free(s, h);
	trace_add(s, g, tie[SP_TIE_TRACE].key);
	trace_add(s, g, tie[SP_TIE_OTHER_TRACE].key);
	for (unsigned kind = 0; kind < SP_TIE_MAX; kind++)
		if (kind != SP_TIE_TRACE && kind != SP_TIE_OTHER_TRACE)
			tie_add(s, g, kind, tie[kind].key);
	return true;
}

/* The halves of a call came from points that saw one direction each, and this span saw both: two groups become one. */
static void unite_halves(struct sp_stitch *s, uint32_t g, const struct sp_span *span)
{
	struct sp_meeting other = {0};
	uint64_t key = sp_answered_key(s, span);
	for (uint32_t ref = 0, looked = 0; key && looked++ < SP_CHAIN_MAX && (ref = sp_tie_next(s, key, ref));) {
		uint32_t h = sp_tie_group(ref);
		if (h != g && sp_tie_kind(ref) == SP_TIE_ANSWERED && !s->group[h].tie[SP_TIE_ASKED].key)
			sp_try_group(s, h, span, &other);
	}
	if (other.confidence && !other.repeated)
		sp_group_unite(s, g, other.group, (unsigned)other.confidence);
}

/* A new span's place: its own number, and its group, a new one unless it met another. False: no memory. */
static bool place(struct sp_stitch *s, const struct sp_span *span, struct sp_meeting m, uint32_t *n, uint32_t *g)
{
	while (!(*n = span_get(s))) {
		if (!make_room(s))
			return false;
		m = sp_find(s, span); /* the oldest one may have been its own */
	}
	*g = m.group;
	while (!*g && !(*g = group_get(s)))
		if (!make_room(s))
			return false;
	s->span[*n] = *span;
	if (!m.group)
		group_append(s, *g);
	else
		meet(s, &s->group[*g], sp_span_at(s, *n), (unsigned)m.confidence);
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
	return span->proto != SP_PROTO_TCP || span->bits & SP_BOTH_SEQS;
}

/* What comes of a span, whose call is known where a shard has found it. */
static void take(struct sp_stitch *s, struct sp_span *span, const struct sp_prepared *p,
		 const struct sp_request_record *r)
{
	uint32_t add[2], n, g;
	s->stats.spans++;
	span->end_ns = SP_MAX(span->end_ns, span->start_ns); /* packets out of order, or another box's mistake */
	span->rewritten = sp_offsets_find(s->offsets, span->point, span->flow_id, add);
	uint32_t hinted = sp_hint_take(s, p, span);
	struct sp_meeting m = {.group = hinted, .confidence = 100};
	if (!hinted)
		m = joinable(span) ? sp_find(s, span) : (struct sp_meeting){0};
	if (m.repeated) {
		s->stats.spans_repeated++;
		return;
	}
	if (!joinable(span) || (m.group && s->group[m.group].n >= SP_CALL_SPANS_MAX) || !place(s, span, m, &n, &g)) {
		s->stats.spans_refused++;
		return;
	}
	sp_hint_settle(s, p, span, hinted, g);
	push_span(s, g, n);
	struct sp_span_texts texts;
	if (r && !p)
		sp_span_texts_of(&texts, span, r, !s->group[g].content);
	ties_of(s, g, span, !r ? NULL : p ? &p->texts : &texts);
	hosts_learn(s, span);
	if (s->group[g].n > 1 && s->n_halves)
		unite_halves(s, g, span);
	if (r)
		sp_detail_take(s, &s->group[g], r);
}

void sp_stitch_span(struct sp_stitch *s, const struct sp_span *given, const struct sp_request_record *r)
{
	struct sp_span own = *given;
	take(s, &own, NULL, r);
}

void sp_stitch_requests(struct sp_stitch *s, const struct sp_request_record *const *r, unsigned n)
{
	struct sp_span span[SP_STITCH_EXPECTED];
	for (unsigned at = 0, some; at < n; at += some) {
		some = SP_MIN(n - at, SP_STITCH_EXPECTED);
		for (unsigned i = 0; i < some; i++)
			sp_span_of(&span[i], r[at + i]);
		sp_stitch_expect(s, span, some);
		for (unsigned i = 0; i < some; i++) {
			sp_stitch_tick(s, r[at + i]->end_ns);
			take(s, &span[i], NULL, r[at + i]);
		}
	}
}

void sp_stitch_prepared(struct sp_stitch *s, const struct sp_prepared *p, unsigned n)
{
	for (unsigned i = 0; n && i < n + SP_FETCH_AHEAD; i++) {
		sp_fetch_prepared(s, p, n, i);
		if (i < SP_FETCH_AHEAD)
			continue;
		const struct sp_prepared *next = &p[i - SP_FETCH_AHEAD];
		struct sp_span own = next->span;
		sp_stitch_tick(s, own.end_ns);
		take(s, &own, next, next->record);
	}
}

void sp_stitch_request(struct sp_stitch *s, const struct sp_request_record *r)
{
	sp_stitch_requests(s, &r, 1);
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
		tell_oldest(s);
	if (now_ns > s->conf.window)
		interval_at(s, now_ns - s->conf.window, false);
	sp_paths_expire(s);
}

void sp_stitch_end(struct sp_stitch *s)
{
	while (s->oldest)
		tell_oldest(s);
	sp_paths_end(s);
	interval_tell(s);
}

const struct sp_stitch_stats *sp_stitch_stats(const struct sp_stitch *s)
{
	return &s->stats;
}

/* --- begin and end --- */

#define DETAIL_TYPICAL 480

/* Shares of the budget: a sixteenth for paths, as much for their losses, a thirty-second for edges, as much for losses
 * over time; of the rest, as many calls as two spans, a
 * detail and their group take. */
static int make_tables(struct sp_stitch *s, uint64_t memory)
{
	uint64_t each = 2 * sizeof(struct sp_span) + sizeof(struct sp_group) + DETAIL_TYPICAL + 4 * sizeof(uint32_t);
	uint64_t n = SP_MAX(memory / each, (uint64_t)16);
	s->n_groups = (uint32_t)SP_MIN(n + 1, UINT32_MAX / SP_TIE_MAX - 1);
	s->n_spans = (uint32_t)SP_MIN(2 * n + 1, (uint64_t)UINT32_MAX);
	s->n_buckets = 16;
	while (s->n_buckets < 2 * s->n_groups)
		s->n_buckets *= 2;
	s->spans_size = (size_t)s->n_spans * sizeof *s->span;
	s->groups_size = (size_t)s->n_groups * sizeof *s->group;
	s->buckets_size = (size_t)s->n_buckets * sizeof *s->bucket;
	s->span = sp_mem_map(s->spans_size, SP_MEM_HUGE);
	s->group = sp_mem_map(s->groups_size, SP_MEM_HUGE);
	s->bucket = sp_mem_map(s->buckets_size, SP_MEM_HUGE);
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
	int rc = make_tables(s, conf->max_memory / 16 * 13);
	rc = rc ? rc : sp_hints_new(&s->hints, conf);
	rc = rc ? rc : sp_order_new(&s->order);
	rc = rc ? rc : sp_offsets_new(&s->offsets);
	rc = rc ? rc : sp_clocks_new(&s->clocks);
	rc = rc ? rc : sp_chain_new(&s->chain);
	rc = rc ? rc : sp_votes_new(&s->votes);
	rc = rc ? rc : sp_paths_new(&s->paths, s, conf->max_memory / 16);
	rc = rc ? rc : sp_usual_new(&s->usual);
	rc = rc ? rc : sp_losses_init(s, conf->max_memory / 16);
	rc = rc ? rc : sp_slots_new(&s->slots, conf->max_memory / 32);
	rc = rc ? rc : sp_edges_new(&s->edges, conf->max_memory / 32);
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
	sp_hints_free(s->hints);
	sp_paths_free(s->paths);
	sp_usual_free(s->usual);
	sp_edges_free(s->edges);
	sp_slots_free(s->slots);
	sp_losses_free(s);
	sp_clocks_free(s->clocks);
	sp_chain_free(s->chain);
	sp_votes_free(s->votes);
	sp_order_free(s->order);
	sp_offsets_free(s->offsets);
	if (s->details.base)
		sp_slab_free_all(&s->details);
	sp_mem_unmap(s->span, s->spans_size);
	sp_mem_unmap(s->group, s->groups_size);
	sp_mem_unmap(s->bucket, s->buckets_size);
	free(s);
}
