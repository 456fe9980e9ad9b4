/* SPDX-License-Identifier: Apache-2.0 */
/* A batch goes through in stages, so that the memory one packet waits for is on its way while others are worked on:
 * buckets, then flows, then tracking in order. */
#include "flowtable/track.h"

/* So many packets before its turn a packet's flow is asked for: about what memory takes. */
#define GUESS_AHEAD 8
/* …and then, once the flow is there, what it has to say. */
#define DIALOG_AHEAD 4
#define STATE_AHEAD 2 /* …and what its dialog names */
#define CHUNK_AHEAD 1

static inline void prefetch_flow(const struct sp_flow *f)
{
	const char *line = (const char *)f;
	sp_prefetch(line);
	sp_prefetch(line + SP_CACHE_LINE);
	sp_prefetch(line + 2 * SP_CACHE_LINE);
}

/* What a new flow will need. */
static void prefetch_new(const struct sp_flowtable *ft, const struct sp_pkt *pkt)
{
	if (pkt->l2 == SP_NOOFS || pkt->l2 + 12u > pkt->cap_len)
		return;
	sp_macs_prefetch(&ft->macs, pkt->data + pkt->l2);
	sp_macs_prefetch(&ft->macs, pkt->data + pkt->l2 + 6);
}

/* Buckets that decode did not ask for. */
static void prefetch_buckets(const struct sp_flowtable *ft, const struct sp_batch *b)
{
	const struct sp_homes homes = sp_flowtable_homes(ft);
	for (uint32_t i = 0; i < b->n; i++)
		sp_prefetch(sp_home(&homes, b->pkt[i].hash));
}

/* The number of the flow that packet i probably belongs to, which is asked for, as is what was seen lately that looks
 * like it; 0, which is never used: none. */
static inline uint32_t guess(const struct sp_flowtable *ft, const struct sp_batch *b, size_t i)
{
	const struct sp_pkt *pkt = &b->pkt[i];
	sp_prefetch(sp_dedup_at(ft->dedup.entry, b->sign[i]));
	uint32_t flow = sp_index_guess(&ft->index, pkt->hash);
	if (SP_UNLIKELY(flow == SP_INDEX_NONE)) {
		prefetch_new(ft, pkt);
		return 0;
	}
	prefetch_flow(&ft->flow[flow]);
	return flow;
}

/* Numbers of flows, and of those whose packets say something; behind a batch's end flow 0, which is none and says
 * nothing, so that nobody asks where that is. */
struct flows_ahead {
	uint32_t flow[SP_BATCH_MAX + GUESS_AHEAD], says[SP_BATCH_MAX + GUESS_AHEAD];
};

static inline void look_ahead(const struct sp_flowtable *ft, const struct sp_batch *b, struct flows_ahead *a, size_t i,
			      bool more)
{
	a->flow[i] = guess(ft, b, i);
	if (more)
		a->says[i] = a->flow[i] & (0 - (uint32_t) !!b->pkt[i].l7_len);
}

static void prefetch_profiles(const struct sp_profiler *pr, const uint32_t *flow)
{
	sp_profile_prefetch(pr, flow[DIALOG_AHEAD]);
	sp_profile_prefetch_state(pr, flow[STATE_AHEAD]);
	sp_profile_prefetch_chunk(pr, flow[CHUNK_AHEAD]);
}

/* Flows are chosen for profiles, or some that were chosen are not over yet. */
static inline bool is_profiling(const struct sp_profiler *pr)
{
	return pr && (pr->conf.record != SP_PROFILE_RECORD_NONE || pr->slab.in_use);
}

/* What calls and profiles of the packets after i need. */
static inline void prefetch_more(const struct sp_flowtable *ft, const struct sp_flow *flows,
				 const struct flows_ahead *a, size_t i)
{
	const struct sp_l7 *l7 = ft->l7;
	if (SP_LIKELY(l7)) {
		sp_l7_prefetch(l7, &flows[a->says[i + DIALOG_AHEAD]]);
		sp_l7_prefetch_state(l7, &flows[a->says[i + STATE_AHEAD]]);
	}
	if (SP_UNLIKELY(ft->profiler) && ft->profiler->conf.record != SP_PROFILE_RECORD_NONE)
		prefetch_profiles(ft->profiler, a->flow + i);
}

/* The packet is neither odd nor a copy, and its flow was guessed right. Nobody asks at once what a healthy connection
 * has told before: that both sides were seen, and their TTL. The protocol is as good as random, so it is read where it
 * is known first. */
static inline __attribute__((always_inline)) void
ordinary(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt, bool more)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (key->proto == SP_PROTO_UDP) {
		sp_flow_appear(ft, f, key, pkt);
		sp_flow_datagram(ft, f, pkt, side, SP_DELAY_ART);
		ft->stats.packets_udp++;
		if (more)
			sp_flow_told(ft, f, pkt, side, SP_PROTO_UDP, 0);
	} else if (SP_LIKELY(sp_tcp_fast(ft, f, pkt, side))) {
		sp_flow_count(ft, f, pkt, side);
		ft->stats.packets_tcp++;
		if (more)
			sp_flow_told(ft, f, pkt, side, SP_PROTO_TCP, 0);
	} else {
		sp_flow_track(ft, f, key, pkt);
	}
}

/* All packets of a batch in order. `more`: calls or profiles are looked for, too. */
static inline __attribute__((always_inline)) void each(struct sp_flowtable *ft, struct sp_batch *b, bool more)
{
	struct flows_ahead a;
	uint32_t window = ft->dedup.window;
	struct sp_flow *const flows = ft->flow;
	struct sp_dedup_entry *const entries = ft->dedup.entry;
	const size_t n = b->n;
	for (size_t i = 0; i < SP_MIN(n, GUESS_AHEAD); i++)
		look_ahead(ft, b, &a, i, more);
	if (more) {
		memset(a.flow + n, 0, GUESS_AHEAD * sizeof *a.flow);
		memset(a.says + n, 0, GUESS_AHEAD * sizeof *a.says);
	}
	for (size_t i = 0; i < n; i++) {
		const struct sp_pkt *pkt = &b->pkt[i];
		if (i + GUESS_AHEAD < n)
			look_ahead(ft, b, &a, i + GUESS_AHEAD, more);
		if (more)
			prefetch_more(ft, flows, &a, i);
		struct sp_flow *f = &flows[a.flow[i]];
		uint64_t sign = b->sign[i];
		struct sp_dedup_entry *e = sp_dedup_at(entries, sign);
		if (SP_LIKELY(sp_flow_has_key(f, &b->key[i]) && f->state != SP_FLOW_FREE && sign &&
			      !ft->dedup.suspects && sp_dedup_is_new(e, sign, pkt, window))) {
			sp_dedup_write(e, sign, pkt, a.flow[i]);
			ordinary(ft, f, &b->key[i], pkt, more);
		} else if (sp_flow_is_tracked(pkt)) {
			sp_flow_second_look(ft, b, (uint32_t)i);
		}
	}
}

static void each_the_long_way(struct sp_flowtable *ft, struct sp_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (sp_flow_is_tracked(&b->pkt[i]))
			sp_flow_second_look(ft, b, i);
}

static __attribute__((noinline)) void each_with_more(struct sp_flowtable *ft, struct sp_batch *b)
{
	each(ft, b, true);
}

static __attribute__((noinline)) void each_alone(struct sp_flowtable *ft, struct sp_batch *b)
{
	each(ft, b, false);
}

struct sp_homes sp_flowtable_homes(const struct sp_flowtable *ft)
{
	static_assert(sizeof(struct sp_index_bucket) == SP_CACHE_LINE, "a bucket is a line");
	return (struct sp_homes){ft->index.bucket, ft->index.mask};
}

void sp_flowtable_batch(struct sp_flowtable *ft, struct sp_batch *b)
{
	uint32_t n = b->n;
	if (!n)
		return;
	sp_flowtable_tick(ft, b->pkt[0].ts_ns);
	sp_flow_make_room(ft);
	if (SP_UNLIKELY(b->homes.first != ft->index.bucket))
		prefetch_buckets(ft, b);
	if (SP_UNLIKELY(ft->flags & SP_FLOWTABLE_LONG_WAY))
		each_the_long_way(ft, b);
	else if (ft->l7 || is_profiling(ft->profiler))
		each_with_more(ft, b);
	else
		each_alone(ft, b);
	uint64_t last = b->pkt[n - 1].ts_ns;
	ft->now_ns = SP_MAX(ft->now_ns, last);
}
