/* SPDX-License-Identifier: Apache-2.0 */
/* What one shard knows: for as long as calls wait, by the sequence number of their request, at which points they were
 * seen. What is forgotten too early, or taken for another one, the stitcher looks for itself. */
#include "stitch/shard.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "parsers/link/proto.h"
#include "stitch/stitch_priv.h"

#define WAYS 4
#define POINTS_MAX 6   /* of one call, that are kept apart */
#define UNIT 24	       /* of an entry's age, 2^24 ns: 16 bits of it are longer than the longest window */
#define CPUS_A_SHARD 8 /* fewer have other work */
#define SHARDS_USUAL 4

struct entry {
	uint32_t tag;  /* of its key, 0: empty */
	uint32_t rest; /* what else its spans have in common, 0: they do not */
	uint16_t born;
	uint8_t seen[POINTS_MAX]; /* hashes of points and their flows, 0: none */
};

/* A line of the cache. */
struct bucket {
	struct entry entry[WAYS];
};
static_assert(sizeof(struct bucket) == SP_CACHE_LINE, "one look finds a key");

struct sp_shard {
	unsigned number;
	uint64_t now_ns;
	uint16_t longest; /* that an entry is good for */
	uint32_t n_buckets;
	struct bucket *bucket;
};

unsigned sp_shards_count(const struct sp_stitch_conf *conf)
{
	cpu_set_t cpus;
	if (conf->shards)
		return (unsigned)conf->shards;
	if (sched_getaffinity(0, sizeof cpus, &cpus))
		return 1;
	unsigned n = (unsigned)CPU_COUNT(&cpus) / CPUS_A_SHARD;
	return SP_MIN(SP_MAX(n, 1u), SHARDS_USUAL);
}

/* Twice as many as calls can wait, which memory bounds, in each: keys are not the same for all. */
uint32_t sp_shard_places(const struct sp_stitch_conf *conf)
{
	uint64_t calls = conf->max_memory / 1024 / SP_MAX(conf->shards, UINT64_C(1));
	uint32_t n = 1024;
	while (n < 2 * calls && n < UINT32_C(1) << 30)
		n *= 2;
	return n;
}

int sp_shard_new(struct sp_shard **ret, const struct sp_stitch_conf *conf, unsigned number)
{
	struct sp_shard *shard = calloc(1, sizeof *shard);
	if (!shard)
		return -ENOMEM;
	shard->number = number;
	shard->longest = (uint16_t)SP_MIN((conf->window >> UNIT) + 1, (uint64_t)UINT16_MAX);
	shard->n_buckets = sp_shard_places(conf) / WAYS;
	shard->bucket = sp_mem_map(shard->n_buckets * sizeof *shard->bucket, SP_MEM_HUGE);
	if (!shard->bucket) {
		sp_shard_free(shard);
		return -ENOMEM;
	}
	*ret = shard;
	return 0;
}

void sp_shard_free(struct sp_shard *shard)
{
	if (!shard)
		return;
	sp_mem_unmap(shard->bucket, shard->n_buckets * sizeof *shard->bucket);
	free(shard);
}

/* --- keys --- */

/* Who saw both messages of a call knows both numbers; what else there is has no key that all points know, and may be
 * prepared anywhere. */
static bool has_key(const struct sp_span *span)
{
	return span->proto == SP_PROTO_TCP && (span->bits & SP_BOTH_SEQS) == SP_BOTH_SEQS && span->confidence == 100;
}

static unsigned shard_of(bool has_key, uint32_t req_seq, uint64_t flow_id, unsigned shards)
{
	uint64_t key = has_key ? sp_shard_key(req_seq) : sp_key(flow_id, 0);
	return (unsigned)((key >> 40) * shards >> 24);
}

unsigned sp_shard_of(const struct sp_span *span, unsigned shards)
{
	return shard_of(has_key(span), span->req_seq, span->flow_id, shards);
}

unsigned sp_shard_of_record(const struct sp_request_record *r, unsigned shards)
{
	bool both = r->proto == SP_PROTO_TCP && r->has_req_seq && r->has_resp_seq;
	return shard_of(both, r->req_tcp_seq, r->flow_id, shards);
}

/* What all spans of a call have in common besides its key. Never 0. */
static uint32_t rest_of(const struct sp_span *span)
{
	uint64_t h = (uint64_t)span->resp_seq << 32 | (uint64_t)span->app << 8 | (span->bits & SP_SPAN_FROM_SERVER);
	return (uint32_t)sp_key(h, span->correlation) | 1;
}

static uint8_t who_of(const struct sp_span *span)
{
	return (uint8_t)(1 + (sp_key(span->flow_id, span->point) >> 8) % UINT8_MAX);
}

/* --- looking --- */

static bool is_good(const struct sp_shard *shard, const struct entry *e)
{
	return e->tag && (uint16_t)((uint16_t)(shard->now_ns >> UNIT) - e->born) <= shard->longest;
}

/* The entry of a tag, or the one that it may have: one that is not good any more, or the oldest. */
static struct entry *entry_of(const struct sp_shard *shard, struct bucket *b, uint32_t tag)
{
	uint16_t now = (uint16_t)(shard->now_ns >> UNIT);
	struct entry *best = &b->entry[0];
	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &b->entry[i];
		if (e->tag == tag)
			return e;
		if (best->tag && (!e->tag || (uint16_t)(now - e->born) > (uint16_t)(now - best->born)))
			best = e;
	}
	return best;
}

/* False: it may be there already, or there is no room for it. */
static bool note(struct entry *e, uint8_t who)
{
	for (unsigned i = 0; i < POINTS_MAX; i++) {
		if (e->seen[i] == who)
			return false;
		if (!e->seen[i]) {
			e->seen[i] = who;
			return true;
		}
	}
	return false;
}

static struct bucket *bucket_of(const struct sp_shard *shard, uint64_t key)
{
	return &shard->bucket[key >> 8 & (shard->n_buckets - 1)];
}

static void look(struct sp_shard *shard, struct sp_prepared *p)
{
	uint64_t key = sp_shard_key(p->span.req_seq);
	uint32_t tag = (uint32_t)(key >> 32) | 1, rest = rest_of(&p->span);
	struct entry *e = entry_of(shard, bucket_of(shard, key), tag);
	uint8_t who = who_of(&p->span);
	p->place = (uint32_t)(e - shard->bucket->entry);
	if (e->tag != tag || !is_good(shard, e)) {
		*e = (struct entry){tag, rest, (uint16_t)(shard->now_ns >> UNIT), {who}};
		p->seen = SP_SEEN_FIRST;
		return;
	}
	if (e->rest != rest)
		e->rest = 0;
	p->seen = e->rest && note(e, who) ? SP_SEEN_AGAIN : SP_SEEN_UNSURE;
}

void sp_shard_take(struct sp_shard *shard, struct sp_prepared *const *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (p[i]->record) {
			sp_span_of(&p[i]->span, p[i]->record);
			sp_span_texts_of(&p[i]->texts, &p[i]->span, p[i]->record, true);
		}
		p[i]->shard = (uint8_t)shard->number;
		p[i]->seen = SP_SEEN_UNKNOWN;
		if (has_key(&p[i]->span))
			sp_prefetch(bucket_of(shard, sp_shard_key(p[i]->span.req_seq)));
	}
	for (unsigned i = 0; i < n; i++) {
		shard->now_ns = SP_MAX(shard->now_ns, p[i]->span.end_ns);
		if (has_key(&p[i]->span))
			look(shard, p[i]);
	}
}
