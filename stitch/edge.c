/* SPDX-License-Identifier: Apache-2.0 */
/* Edges of an interval, found by hash. When there is no room for one more endpoint, the one with the fewest calls of
 * some is added to its pair's "other": nothing that was counted is lost, and endpoints with many calls stay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stitch/stitch_priv.h"

#define CHAIN_MAX 64
#define CANDIDATES 16 /* of which the one with the fewest calls goes */
#define METHOD_MAX 40

struct slot {
	uint64_t key; /* 0: empty */
	uint32_t next;
	struct sp_edge edge;
};

struct sp_edges {
	struct slot *slot; /* 0 is none */
	uint32_t *bucket;
	size_t slots_size, buckets_size;
	uint32_t n, n_buckets, used, hand;
};

int sp_edges_new(struct sp_edges **ret, uint64_t memory)
{
	struct sp_edges *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	*ret = e;
	e->n = (uint32_t)SP_MIN(memory / (sizeof *e->slot + 2 * sizeof *e->bucket) + 32, UINT64_C(1) << 30);
	for (e->n_buckets = 16; e->n_buckets < e->n;)
		e->n_buckets *= 2;
	e->slots_size = (size_t)e->n * sizeof *e->slot;
	e->buckets_size = (size_t)e->n_buckets * sizeof *e->bucket;
	e->slot = sp_mem_map(e->slots_size, 0);
	e->bucket = sp_mem_map(e->buckets_size, 0);
	e->used = e->hand = 1;
	return e->slot && e->bucket ? 0 : -ENOMEM;
}

void sp_edges_free(struct sp_edges *e)
{
	if (!e)
		return;
	sp_mem_unmap(e->slot, e->slots_size);
	sp_mem_unmap(e->bucket, e->buckets_size);
	free(e);
}

/* --- finding --- */

/* What all edges of a trace have in common. */
struct kind {
	uint64_t hash; /* of the texts; 0: of the "other" ones */
	uint16_t app;
	struct sp_slice method, endpoint;
};

static struct sp_slice cut(struct sp_slice s, size_t max)
{
	s.n = SP_MIN(s.n, max);
	while (s.n == max && s.n && (s.p[s.n - 1] & 0xc0) == 0x80) /* not in the middle of a letter */
		s.n--;
	return s;
}

static struct kind kind_of(const struct sp_detail *d)
{
	if (!d)
		return (struct kind){.hash = 1};
	struct kind k = {.app = d->app,
			 .method = cut(sp_detail_text(d, SP_DETAIL_METHOD), METHOD_MAX),
			 .endpoint = cut(sp_detail_text(d, SP_DETAIL_ENDPOINT), SP_EDGE_TEXT_MAX - METHOD_MAX)};
	k.hash = sp_hash_bytes(k.endpoint.p, k.endpoint.n, sp_hash_bytes(k.method.p, k.method.n, SP_HASH_K0)) | 1;
	return k;
}

static uint64_t key_of(const struct kind *k, uint16_t from, uint16_t to)
{
	return sp_key(k->hash, (uint64_t)from << 32 | (uint64_t)to << 16 | k->app);
}

static uint32_t *bucket_of(const struct sp_edges *e, uint64_t key)
{
	return &e->bucket[key >> 8 & (e->n_buckets - 1)];
}

static uint32_t find(const struct sp_edges *e, uint64_t key)
{
	uint32_t i = *bucket_of(e, key), looked = 0;
	while (i && e->slot[i].key != key && looked++ < CHAIN_MAX)
		i = e->slot[i].next;
	return i && e->slot[i].key == key ? i : 0;
}

static void insert(struct sp_edges *e, uint32_t i, uint64_t key)
{
	uint32_t *head = bucket_of(e, key);
	e->slot[i].key = key;
	e->slot[i].next = *head;
	*head = i;
}

static void take_out(struct sp_edges *e, uint32_t i)
{
	uint32_t *at = bucket_of(e, e->slot[i].key);
	while (*at != i)
		at = &e->slot[*at].next;
	*at = e->slot[i].next;
	e->slot[i].key = 0;
}

/* --- room --- */

static uint32_t fewest(struct sp_edges *e)
{
	uint32_t best = 0;
	for (unsigned n = 0; n < CANDIDATES; n++) {
		const struct sp_edge *edge = &e->slot[e->hand].edge;
		if (!edge->other && (!best || edge->calls < e->slot[best].edge.calls))
			best = e->hand;
		e->hand = e->hand + 1 < e->n ? e->hand + 1 : 1;
	}
	return best;
}

static void add_up(struct sp_edge *to, const struct sp_edge *from)
{
	to->start_ns = SP_MIN(to->start_ns, from->start_ns);
	to->end_ns = SP_MAX(to->end_ns, from->end_ns);
	to->calls += from->calls;
	to->errors += from->errors;
	to->lost += from->lost;
	to->sum_us += from->sum_us;
	sp_hist_merge(&to->self, &from->self);
}

/* A slot that is free, 0: there is none. The first that goes of its pair becomes its "other" one itself. */
static uint32_t make_room(struct sp_stitch *s)
{
	struct sp_edges *e = s->edges;
	for (unsigned tries = 0; tries < CANDIDATES; tries++) {
		uint32_t i = fewest(e);
		if (!i)
			continue;
		struct sp_edge *edge = &e->slot[i].edge;
		uint64_t key = key_of(&(struct kind){.app = edge->app}, edge->from, edge->to);
		uint32_t other = find(e, key);
		s->stats.edges_merged++;
		take_out(e, i);
		if (other) {
			add_up(&e->slot[other].edge, edge);
			return i;
		}
		edge->other = true;
		edge->n_method = edge->n_endpoint = 0;
		insert(e, i, key);
	}
	return 0;
}

static struct sp_edge *edge_of(struct sp_stitch *s, const struct kind *k, uint16_t from, uint16_t to)
{
	struct sp_edges *e = s->edges;
	uint64_t key = key_of(k, from, to);
	uint32_t i = find(e, key);
	if (i)
		return &e->slot[i].edge;
	i = e->used < e->n ? e->used++ : make_room(s);
	if (!i)
		return NULL;
	insert(e, i, key);
	struct sp_edge *edge = &e->slot[i].edge;
	*edge = (struct sp_edge){.start_ns = UINT64_MAX,
				 .from = from,
				 .to = to,
				 .app = k->app,
				 .n_method = (uint8_t)k->method.n,
				 .n_endpoint = (uint8_t)k->endpoint.n};
	if (k->method.n)
		memcpy(edge->text, k->method.p, k->method.n);
	if (k->endpoint.n)
		memcpy(edge->text + k->method.n, k->endpoint.p, k->endpoint.n);
	return edge;
}

/* --- traces --- */

struct passing {
	struct sp_stitch *s;
	const struct sp_trace *trace;
	struct kind kind;
	bool failed;
};

static void pass(const struct passing *p, uint16_t from, uint16_t to, unsigned lost, const uint32_t *us)
{
	struct sp_edge *edge = edge_of(p->s, &p->kind, from, to);
	if (!edge) {
		p->s->stats.edges_refused++;
		return;
	}
	edge->start_ns = SP_MIN(edge->start_ns, p->trace->start_ns);
	edge->end_ns = SP_MAX(edge->end_ns, p->trace->end_ns);
	edge->calls++;
	edge->errors += p->failed;
	edge->lost += lost;
	if (!us)
		return;
	edge->sum_us += *us;
	sp_hist_add(&edge->self, *us, 1);
}

static bool failed(const struct sp_detail *d)
{
	return d && (d->status == SP_STATUS_CLIENT_ERROR || d->status == SP_STATUS_SERVER_ERROR ||
		     d->status == SP_STATUS_TIMEOUT);
}

void sp_edges_trace(struct sp_stitch *s, const struct sp_trace *t)
{
	struct passing p = {s, t, kind_of(t->detail), failed(t->detail)};
	if (t->has_ends)
		pass(&p, SP_EDGE_END, t->span[0].span->point, 0, &t->client_us);
	for (unsigned i = 0; i < t->n_hops; i++) {
		const struct sp_trace_hop *hop = &t->hop[i];
		pass(&p, t->span[hop->from].span->point, t->span[hop->to].span->point, hop->lost,
		     hop->has_self ? &hop->share_us : NULL);
	}
	if (t->has_ends)
		pass(&p, t->span[t->last].span->point, SP_EDGE_END, 0, &t->server_us);
}

void sp_edges_tell(struct sp_stitch *s)
{
	struct sp_edges *e = s->edges;
	for (uint32_t i = 1; i < e->used; i++) {
		s->stats.edges++;
		if (s->told.edge)
			s->told.edge(s->told.ctx, &e->slot[i].edge);
		*bucket_of(e, e->slot[i].key) = 0; /* all of them go */
	}
	e->used = e->hand = 1;
}
