/* SPDX-License-Identifier: Apache-2.0 */
/* How calls that wait for their spans are kept. A call is found by its ties: sequence numbers of its request and its
 * response, and what proxies pass on. */
#ifndef SP_STITCH_STITCH_PRIV_H
#define SP_STITCH_STITCH_PRIV_H

#include "base/hash.h"
#include "flowtable/slab.h"
#include "stitch/shard.h"
#include "stitch/stitch.h"

#define SP_CALL_SPANS_MAX 64 /* of one call over one connection and its translations */
#define SP_CONFIDENT 80	     /* what is joined so surely teaches order and clocks */
#define SP_CHAIN_MAX 64	     /* ties of one key that are looked at */

enum {
	SP_SEED_ASKED = 1,
	SP_SEED_ANSWERED,
	SP_SEED_ALIKE,
	SP_SEED_CONTENT,
	SP_SEED_ID,
	SP_SEED_TRACE,
	SP_SEED_SPAN,
};

static inline uint64_t sp_key(uint64_t a, uint64_t b)
{
	return sp_hash_mix(a ^ SP_HASH_K0, b ^ SP_HASH_K1) | 1;
}

enum sp_tie_kind {
	SP_TIE_ASKED,	      /* where its request begins; UDP: its id and what it asks */
	SP_TIE_ANSWERED,      /* where its response begins */
	SP_TIE_ALIKE,	      /* …and what that is left when sequence numbers are rewritten */
	SP_TIE_X_REQUEST_ID,  /* of the request */
	SP_TIE_X_RESPONSE_ID, /* of the response */
	SP_TIE_TRACE,	      /* the application's trace */
	SP_TIE_OTHER_TRACE,   /* …that of a second tracer */
	SP_TIE_CONTENT,	      /* what is asked, and about when */
	SP_TIE_MAX
};

/* A key of a call, in the list of its bucket. */
struct sp_tie {
	uint64_t key;	/* 0: has none */
	uint32_t chain; /* the next tie in its bucket */
	uint32_t back;	/* the one before, 0: the first: what many calls have in common is left in one step */
};

#define SP_FETCHED_SPANS 5

/* Three lines of the cache: what finds most calls is in the first one. */
struct sp_group {
	uint32_t first;	  /* span, the last one that came; 0: none */
	uint32_t detail;  /* block of the slab, 0: none */
	uint8_t n;	  /* spans */
	bool mark : 1;	  /* of the trace that is being put together */
	bool is_call : 1; /* its detail is that of a whole call */
	bool voted : 1;	  /* for how far clocks are apart */
	bool pure : 1;	  /* all its spans have the same numbers, and a shard's hints are good for it */
	uint32_t older;	  /* in the order of their coming */
	struct sp_tie tie[SP_TIE_MAX];
	uint32_t newer;
	uint32_t span_id, parent_id;	    /* hashes of the application's own */
	uint32_t fetched[SP_FETCHED_SPANS]; /* the spans that came first, to be fetched together with `first` */
	uint64_t arrived_ns;		    /* by the clock of the records then */
	uint64_t content;		    /* hash of method and resource, 0: has none */
};
static_assert(sizeof(struct sp_group) == 192, "what a call costs besides its spans and its detail");

struct sp_hints;
struct sp_order;
struct sp_paths;
struct sp_usual;
struct sp_offsets;
struct sp_edges;
struct sp_slots;
struct sp_clocks;
struct sp_chain;
struct sp_votes;
struct sp_loss_pair;

#define SP_HOSTS 65536

struct sp_stitch {
	struct sp_stitch_conf conf;
	const struct sp_points *points;
	struct sp_stitch_told told;
	struct sp_stitch_stats stats;
	uint64_t now_ns; /* the latest end of a record */
	uint64_t due_ns; /* when the interval ends, 0: none has begun */
	struct sp_span *span;
	struct sp_group *group;
	uint32_t *bucket;
	uint32_t n_spans, n_groups, fresh_span, fresh_group, free_span, free_group; /* number 0 is none */
	uint32_t n_buckets;
	uint32_t oldest, newest;
	uint32_t n_halves; /* groups whose request's beginning nobody saw */
	size_t spans_size, groups_size, buckets_size;
	struct sp_slab details;
	struct sp_hints *hints;
	struct sp_order *order;
	struct sp_paths *paths;
	struct sp_usual *usual;
	struct sp_offsets *offsets;
	struct sp_edges *edges;
	struct sp_slots *slots;
	struct sp_clocks *clocks;
	struct sp_chain *chain;
	struct sp_votes *votes;
	struct sp_slab losses;
	struct sp_loss_pair *loss_pair; /* being compared */
	struct sp_trace trace;		/* being told */
	bool early;
	uint64_t is_client[SP_HOSTS / 64], is_server[SP_HOSTS / 64]; /* hosts that were seen as such, by hash */
};

static inline unsigned sp_host(const struct sp_addr *a)
{
	return sp_hash_mix(sp_load64(a->b) ^ SP_HASH_K0, sp_load64(a->b + 8) ^ SP_HASH_K1) & (SP_HOSTS - 1);
}

/* Whether a host asks and is asked, too: calls to it may be the reason of its own. */
static inline bool sp_hosts_have(const uint64_t *hosts, const struct sp_addr *a)
{
	unsigned h = sp_host(a);
	return hosts[h / 64] >> h % 64 & 1;
}

/* What is asked, in one of the pieces of time around `start_ns`. */
static inline uint64_t sp_content_key(uint64_t content, uint64_t start_ns, int piece)
{
	return sp_key(content, (start_ns >> 30) + (uint64_t)piece);
}

static inline struct sp_span *sp_span_at(const struct sp_stitch *s, uint32_t n)
{
	return &s->span[n];
}

static inline uint32_t sp_tie_group(uint32_t ref)
{
	return (ref - 1) / SP_TIE_MAX;
}
static inline enum sp_tie_kind sp_tie_kind(uint32_t ref)
{
	return (ref - 1) % SP_TIE_MAX;
}

static inline struct sp_tie *sp_tie_at(const struct sp_stitch *s, uint32_t ref)
{
	return &s->group[sp_tie_group(ref)].tie[sp_tie_kind(ref)];
}

static inline uint32_t *sp_tie_bucket(const struct sp_stitch *s, uint64_t key)
{
	return &s->bucket[key >> 8 & (s->n_buckets - 1)];
}

/* Groups with a tie of this key: `ref` 0 begins, 0 ends. */
static inline uint32_t sp_tie_next(const struct sp_stitch *s, uint64_t key, uint32_t ref)
{
	ref = ref ? sp_tie_at(s, ref)->chain : *sp_tie_bucket(s, key);
	while (ref && sp_tie_at(s, ref)->key != key)
		ref = sp_tie_at(s, ref)->chain;
	return ref;
}

/* stitch.c: forgets a call. */
void sp_group_free(struct sp_stitch *s, uint32_t g);

/* stitch.c: two calls are one: what is known of `h` goes to `g`. False: there are too many spans. */
bool sp_group_unite(struct sp_stitch *s, uint32_t g, uint32_t h, unsigned confidence);

/* --- detail.c --- */

const struct sp_detail *sp_group_detail(const struct sp_stitch *s, const struct sp_group *g);

/* Of the first span that saw the whole call. */
void sp_detail_take(struct sp_stitch *s, struct sp_group *g, const struct sp_request_record *r);

/* --- offset.c: rewritten sequence numbers --- */

#define SP_BOTH_SEQS (SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ)

int sp_offsets_new(struct sp_offsets **ret);
void sp_offsets_free(struct sp_offsets *o);

/* What has to be added to a connection's numbers (c2s, s2c). False: nothing, as far as is known. */
bool sp_offsets_find(const struct sp_offsets *o, uint16_t point, uint64_t flow_id, uint32_t add[2]);

/* What makes a connection's numbers those of another point. False: nothing is known. */
bool sp_offsets_back(const struct sp_offsets *o, uint16_t point, uint64_t flow_id, uint32_t add[2]);

/* Two spans of one call: how the numbers of b's connection become those of a's. */
void sp_offsets_learn(struct sp_stitch *s, const struct sp_span *a, struct sp_span *b, unsigned confidence);

/* A call that is to be told: what is like it, and is not like another one as much, belongs to it. True: there was. */
bool sp_offsets_unite(struct sp_stitch *s, uint32_t g);

/* Where a call's messages begin, as the first point saw it. */
struct sp_numbers {
	uint32_t req_seq, resp_seq;
	unsigned bits; /* of SP_BOTH_SEQS */
};

struct sp_numbers sp_numbers_translate(const struct sp_stitch *s, const struct sp_span *span);

static inline struct sp_numbers sp_numbers_of(const struct sp_stitch *s, const struct sp_span *span)
{
	if (SP_UNLIKELY(span->rewritten))
		return sp_numbers_translate(s, span);
	return (struct sp_numbers){span->req_seq, span->resp_seq, span->bits & SP_BOTH_SEQS};
}

/* --- match.c: which call a span belongs to --- */

static inline bool sp_same_client(const struct sp_span *a, const struct sp_span *b)
{
	return a->client_port == b->client_port && sp_addr_eq(&a->client_ip, &b->client_ip);
}

static inline bool sp_same_server(const struct sp_span *a, const struct sp_span *b)
{
	return a->server_port == b->server_port && sp_addr_eq(&a->server_ip, &b->server_ip);
}

/* 0: has none. */
uint64_t sp_asked_key(const struct sp_stitch *s, const struct sp_span *span);
uint64_t sp_answered_key(const struct sp_stitch *s, const struct sp_span *span);
uint64_t sp_alike_key(const struct sp_span *span);

/* How sure it is that two spans are of one call: to 100; 0: nothing says so; below: they are not. */
int sp_match(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b);

/* …where only what was said, and the client's port, speaks for it: needs to be the only one. 0: it does not. */
int sp_match_alike(const struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b);

/* Whether two calls that wait may be one whose numbers were rewritten, whenever they were: no point saw both, and
 * nobody heard anything else. */
bool sp_group_may_be(const struct sp_stitch *s, uint32_t g, uint32_t h);

/* Whether it is known how far the clocks of some points that saw them are apart. */
bool sp_group_timed(const struct sp_stitch *s, uint32_t g, uint32_t h);

struct sp_meeting {
	uint32_t group; /* 0: none */
	int confidence;
	bool several;  /* …are as good, which matters where sequence numbers were rewritten */
	bool repeated; /* the span is there already */
};

struct sp_meeting sp_find(const struct sp_stitch *s, const struct sp_span *span);

/* The best of a group's spans speaks for it, but none may speak against it. */
void sp_try_group(const struct sp_stitch *s, uint32_t g, const struct sp_span *span, struct sp_meeting *best);

/* --- hint.c: what shards have found --- */

/* 0 or -ENOMEM; none where there is one shard. */
int sp_hints_new(struct sp_hints **ret, const struct sp_stitch_conf *conf);
void sp_hints_free(struct sp_hints *h);

/* The call that a span belongs to, 0: is not known; `p` NULL: nobody has looked. */
uint32_t sp_hint_take(const struct sp_stitch *s, const struct sp_prepared *p, const struct sp_span *span);

/* The span is about to be put into group `g`, and had been found to belong to `hinted`, 0: had not. */
void sp_hint_settle(struct sp_stitch *s, const struct sp_prepared *p, const struct sp_span *span, uint32_t hinted,
		    uint32_t g);

/* The group that is likely, 0: none. */
uint32_t sp_hint_group(const struct sp_stitch *s, const struct sp_prepared *p);
const uint32_t *sp_hint_place(const struct sp_stitch *s, const struct sp_prepared *p);

/* More calls have a key than are looked at: from now on, that of one of them may not be the one that would be found. */
void sp_hints_crowd(const struct sp_stitch *s, uint64_t key);

/* shard.c: places of each shard. */
uint32_t sp_shard_places(const struct sp_stitch_conf *conf);

static inline uint64_t sp_shard_key(uint32_t req_seq)
{
	return sp_key(req_seq, SP_SEED_ASKED);
}

/* fetch.c: of `n` spans of which shards know, number `i` comes; that so many before it is taken next. */
#define SP_FETCH_AHEAD 48u
void sp_fetch_prepared(const struct sp_stitch *s, const struct sp_prepared *p, unsigned n, unsigned i);

/* …a call is told, and the next one will be soon. */
void sp_fetch_next(const struct sp_stitch *s, uint32_t g);

/* tree.c: tells the oldest call with all that belongs to it, and forgets them. */
void sp_tree_tell(struct sp_stitch *s, uint32_t g);

/* trace.c: fills in what follows from the spans of s->trace, and tells it. */
void sp_trace_tell(struct sp_stitch *s);

/* order.c */
int sp_order_new(struct sp_order **ret);
void sp_order_free(struct sp_order *o);

/* A point, and what the connection looks like there. */
static inline uint64_t sp_place_of(const struct sp_span *s)
{
	uint64_t h = (uint64_t)s->point << 32 | (uint64_t)s->server_port << 16 | s->depth;
	return sp_hash_mix(h ^ sp_load64(s->server_ip.b), sp_load64(s->server_ip.b + 8) ^ SP_HASH_K1);
}

/* Two spans of one call, just met, or what two points saw of one handshake: which one is farther from the server. */
enum sp_order_of { SP_ORDER_CALLS, SP_ORDER_HANDSHAKES, SP_ORDER_OF_MAX };
void sp_order_learn(struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b, enum sp_order_of of);

/* Sorts spans of one call, the client's end first. Returns bits of those whose order with the one before is a guess. */
uint64_t sp_order_sort(const struct sp_stitch *s, const struct sp_span **span, unsigned n);

/* Kind of a point as its place on the way, 0: says nothing. */
unsigned sp_order_rank(const struct sp_points *points, uint16_t point);

/* path.c */
int sp_paths_new(struct sp_paths **ret, const struct sp_stitch *s, uint64_t memory);
void sp_paths_free(struct sp_paths *p);
void sp_paths_flow(struct sp_stitch *s, const struct sp_flow_record *r);
void sp_paths_expire(struct sp_stitch *s);
void sp_paths_end(struct sp_stitch *s);

/* usual.c: the point that mostly comes next, by a key of a place; SP_NOWHERE: none does. False: not known. */
#define SP_NOWHERE UINT16_MAX
int sp_usual_new(struct sp_usual **ret);
void sp_usual_free(struct sp_usual *u);
void sp_usual_vote(struct sp_usual *u, uint64_t key, uint16_t point);
bool sp_usual_next(const struct sp_usual *u, uint64_t key, bool *doubted, uint16_t *point);
void sp_usual_trace(struct sp_usual *u, struct sp_trace *t); /* fills in what it misses, and learns from it */

/* verdict.c: where a connection died, whose legs are in order. What is well teaches where the others go. */
void sp_verdict(struct sp_usual *u, struct sp_path *path);
bool sp_path_died_between(const struct sp_path *path); /* two points, of which one has no leg of it */
/* edge.c: a trace that is told; what there is of an interval. */
int sp_edges_new(struct sp_edges **ret, uint64_t memory);
void sp_edges_free(struct sp_edges *e);
void sp_edges_trace(struct sp_stitch *s, const struct sp_trace *t);
void sp_edges_tell(struct sp_stitch *s);

/* loss.c: what a leg's records log is kept with it, and compared with its neighbours' when its path is told. */
int sp_losses_init(struct sp_stitch *s, uint64_t memory);
void sp_losses_free(struct sp_stitch *s);
void sp_losses_keep(struct sp_stitch *s, struct sp_leg *leg, const struct sp_flow_record *r);
void sp_losses_drop(struct sp_stitch *s, struct sp_leg *leg);
void sp_losses_path(struct sp_stitch *s, struct sp_path *told, uint64_t known_ns);

/* The same for the slots alone while the connection goes on: what came after `known_ns`, by the path's clock. Returns
 * until when that is known now. */
uint64_t sp_losses_meanwhile(struct sp_stitch *s, struct sp_path *told, uint64_t known_ns);

/* loss_slots.c: losses of one connection at these times, in order. */
int sp_slots_new(struct sp_slots **ret, uint64_t memory);
void sp_slots_free(struct sp_slots *t);
void sp_slots_add(struct sp_stitch *s, const struct sp_edge_losses *where, const uint64_t *ns, unsigned n);
void sp_slots_tell(struct sp_stitch *s);

/* clock.c: two neighbours' spans of one call, `a` farther from the server. */
int sp_clocks_new(struct sp_clocks **ret);
void sp_clocks_free(struct sp_clocks *c);
void sp_clock_learn(struct sp_stitch *s, const struct sp_span *a, const struct sp_span *b);

/* How far b's clock is ahead when a's says `at_ns`. False: nothing is known. */
struct sp_apart {
	int64_t ns;
	uint64_t uncertainty_ns;
};

bool sp_clocks_apart(const struct sp_stitch *s, uint16_t a, uint16_t b, uint64_t at_ns, struct sp_apart *ret);

/* Pairs of clocks, by number, some of which are not known: how far the clock is ahead of the reference now. There are
 * none where points that were said to have one clock have not. */
struct sp_clock_pair {
	uint32_t reference, clock;
	struct sp_apart apart;
};

unsigned sp_clocks_pairs(const struct sp_stitch *s);
bool sp_clocks_pair(const struct sp_stitch *s, unsigned i, struct sp_clock_pair *ret);
void sp_clocks_tell(struct sp_stitch *s);

/* clock_chain.c: two clocks that no call compares, by way of others. */
int sp_chain_new(struct sp_chain **ret);
void sp_chain_free(struct sp_chain *c);
bool sp_chain_apart(const struct sp_stitch *s, uint32_t a, uint32_t b, struct sp_apart *ret);

/* clock_votes.c: of two points, where nothing else is known. Before a call is told, it votes, and some after it. */
int sp_votes_new(struct sp_votes **ret);
void sp_votes_free(struct sp_votes *v);
void sp_votes_gather(struct sp_stitch *s, uint32_t g);
bool sp_votes_apart(const struct sp_stitch *s, uint16_t a, uint16_t b, int64_t *ns);

/* Whether many voted, and not for one time, of some points that saw two calls. */
bool sp_votes_doubt(const struct sp_stitch *s, uint32_t g, uint32_t h);

#endif
