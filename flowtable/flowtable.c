/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's flows: a batch goes through in stages, so that the memory one packet waits for is on its way while
 * others are worked on: buckets, then flows, then tracking in order. */
#include "flowtable/flowtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/point.h"
#include "base/time.h"
#include "flowtable/flowtable_priv.h"
#include "parsers/link/decode.h"

#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMP6 58

#define FIRST_BUCKETS 1024
#define SHED_SAMPLE 32
#define SHED_SEARCH 256 /* flows looked at before giving up */
/* A new flow may push out one that is open in both directions only after this much silence. */
#define SHED_IDLE_NS (10 * SP_NS_PER_SEC)
#define COUNTER_CARRY (UINT32_C(1) << 31)
#define UDP_ANSWER_MAX_NS (30 * SP_NS_PER_SEC)

/* --- memory --- */

static size_t flows_size(const struct sp_flowtable *ft)
{
	return ((size_t)ft->max_flows + 1) * sizeof *ft->flow;
}

static size_t extras_size(const struct sp_flowtable *ft)
{
	return ((size_t)ft->max_flows + 1) * sizeof *ft->extra;
}

static uint32_t buckets_for(uint64_t flows)
{
	uint64_t buckets = FIRST_BUCKETS;
	while (buckets * SP_INDEX_SLOTS * 8 / 10 <= flows + SP_BATCH_MAX)
		buckets *= 2;
	return (uint32_t)buckets;
}

int sp_flowtable_new(struct sp_flowtable **ret, const struct sp_flow_conf *conf, unsigned worker, unsigned flags,
		     uint64_t hash_key, struct sp_out *out, struct sp_err *err)
{
	struct sp_flowtable *ft = calloc(1, sizeof *ft);
	if (!ft)
		return sp_err(err, -ENOMEM, "no memory for a flow table");
	ft->conf = *conf;
	ft->out = out;
	ft->worker = worker;
	ft->flags = flags;
	ft->hash_key = hash_key;
	ft->max_flows = (uint32_t)conf->max_flows;
	ft->n_flows = ft->n_extras = 1;
	unsigned mem = SP_MEM_HUGE | (flags & SP_FLOWTABLE_PRESIZE ? SP_MEM_POPULATE : 0);
	ft->flow = sp_mem_map(flows_size(ft), mem);
	ft->extra = sp_mem_map(extras_size(ft), 0);
	uint32_t buckets = flags & SP_FLOWTABLE_PRESIZE ? buckets_for(ft->max_flows) : FIRST_BUCKETS;
	int rc = ft->flow && ft->extra ? sp_index_init(&ft->index, buckets, mem) : -ENOMEM;
	rc = rc ? rc : sp_wheel_init(&ft->wheel, ft->max_flows);
	rc = rc ? rc : sp_dedup_init(&ft->dedup, &conf->dedup);
	rc = rc ? rc : sp_layers_init(&ft->layers);
	rc = rc ? rc : sp_servers_init(&ft->servers, conf);
	rc = rc ? rc : sp_defrag_new(&ft->defrag, &conf->fragments, hash_key, &ft->stats);
	ft->fragments_due = UINT64_MAX;
	if (rc) {
		sp_flowtable_free(ft);
		return sp_err(err, rc, "no memory for %u flows: lower flow.max_flows", (unsigned)conf->max_flows);
	}
	*ret = ft;
	return 0;
}

void sp_flowtable_free(struct sp_flowtable *ft)
{
	if (!ft)
		return;
	sp_mem_unmap(ft->flow, flows_size(ft));
	sp_mem_unmap(ft->extra, extras_size(ft));
	sp_index_free(&ft->index);
	sp_wheel_free(&ft->wheel);
	sp_dedup_free(&ft->dedup);
	sp_layers_free(&ft->layers);
	sp_servers_free(&ft->servers);
	sp_defrag_free(ft->defrag);
	free(ft);
}

void sp_flowtable_reconf(struct sp_flowtable *ft, const struct sp_flow_conf *conf)
{
	ft->conf = *conf;
	ft->conf.max_flows = ft->max_flows;
	sp_dedup_reconf(&ft->dedup, &conf->dedup);
	sp_servers_reconf(&ft->servers, conf);
}

/* Every flow can have one: there are as many as flows. */
struct sp_flow_extra *sp_flow_extra_get(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (SP_LIKELY(f->extra))
		return &ft->extra[f->extra];
	uint32_t x = ft->free_extra;
	if (x)
		ft->free_extra = ft->extra[x].next_free;
	else
		x = ft->n_extras++;
	assert(x <= ft->max_flows);
	memset(&ft->extra[x], 0, sizeof ft->extra[x]);
	f->extra = x;
	return &ft->extra[x];
}

static void extra_put(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (!f->extra)
		return;
	ft->extra[f->extra].next_free = ft->free_extra;
	ft->free_extra = f->extra;
	f->extra = 0;
}

/* --- keys --- */

static uint32_t flow_hash(const struct sp_flowtable *ft, const struct sp_flow *f)
{
	struct sp_flow_key key;
	memcpy(&key, f, offsetof(struct sp_flow_key, proto));
	key.proto = f->proto;
	memset(key.zero, 0, sizeof key.zero);
	return (uint32_t)sp_flow_key_hash(&key, ft->hash_key);
}

/* A flow begins with its key, so both are compared word by word. */
static_assert(offsetof(struct sp_flow, proto) == offsetof(struct sp_flow_key, proto), "same beginning");

static bool has_key(const struct sp_flow *f, const struct sp_flow_key *key)
{
	const char *a = (const char *)f, *b = (const char *)key;
	uint64_t d = 0;
	for (unsigned i = 0; i < 40; i += 8)
		d |= sp_load64(a + i) ^ sp_load64(b + i);
	return !(d | (uint64_t)(f->proto ^ key->proto)) && f->state != SP_FLOW_FREE;
}

static uint32_t find(const struct sp_flowtable *ft, const struct sp_flow_key *key, uint32_t hash)
{
	struct sp_index_walk w;
	uint32_t n = sp_index_first(&ft->index, &w, hash);
	while (n != SP_INDEX_NONE && !has_key(&ft->flow[n], key))
		n = sp_index_next(&ft->index, &w);
	return n;
}

/* The index doubles. Flows lie in order, their hashes are computed again. */
static bool index_grow(struct sp_flowtable *ft)
{
	struct sp_index bigger;
	if (sp_index_init(&bigger, (ft->index.mask + 1) * 2, SP_MEM_HUGE))
		return false;
	enum { AHEAD = 16 };
	uint32_t hash[AHEAD];
	for (uint32_t i = 0; i < ft->n_flows + AHEAD; i++) {
		uint32_t late = i - AHEAD;
		if (i > AHEAD && ft->flow[late].state != SP_FLOW_FREE)
			sp_index_insert(&bigger, hash[late % AHEAD], late);
		if (i < ft->n_flows && ft->flow[i].state != SP_FLOW_FREE) {
			hash[i % AHEAD] = flow_hash(ft, &ft->flow[i]);
			__builtin_prefetch(sp_index_home(&bigger, hash[i % AHEAD]), 1);
		}
	}
	sp_index_free(&ft->index);
	ft->index = bigger;
	return true;
}

/* Files only; live capture has room for all flows from the beginning. */
void sp_flow_make_room(struct sp_flowtable *ft)
{
	if (SP_UNLIKELY(ft->index.n + SP_BATCH_MAX > ft->index.limit))
		index_grow(ft);
}

/* --- time --- */

static uint64_t timeout_of(const struct sp_flowtable *ft, const struct sp_flow *f)
{
	const struct sp_flow_timeouts *t = &ft->conf.timeout;
	if (f->state >= SP_FLOW_CLOSED)
		return f->state == SP_FLOW_CLOSED + SP_CLOSE_FIN ? t->closed_fin : t->closed_rst;
	switch (f->state) {
	case SP_FLOW_SYN:
	case SP_FLOW_SYNACK:
		return t->opening;
	case SP_FLOW_ESTABLISHED:
		if ((f->dir[0].bits | f->dir[1].bits) & SP_DIR_FIN)
			return t->closing;
		return t->established;
	default:
		break;
	}
	if (f->proto == PROTO_TCP)
		return t->opening;
	if (f->proto == PROTO_UDP)
		return t->udp;
	return f->proto == PROTO_ICMP || f->proto == PROTO_ICMP6 ? t->icmp : t->other;
}

/* Enters the flow where it must be looked at next: its timeout, its next report, or one turn of the wheel. */
static bool arm(struct sp_flowtable *ft, struct sp_flow *f)
{
	uint64_t at = SP_MIN(f->last_ns + timeout_of(ft, f), f->start_ns + ft->conf.report_interval);
	uint64_t tick = sp_wheel_tick_for(&ft->wheel, SP_MIN(at, ft->now_ns + SP_WHEEL_SPAN_NS));
	f->armed = (uint16_t)tick;
	return sp_wheel_add(&ft->wheel, tick, (uint32_t)(f - ft->flow));
}

static void flow_free(struct sp_flowtable *ft, struct sp_flow *f)
{
	uint32_t n = (uint32_t)(f - ft->flow);
	sp_index_remove(&ft->index, flow_hash(ft, f), n);
	extra_put(ft, f);
	sp_layers_put(&ft->layers, f->layers);
	f->state = SP_FLOW_FREE;
	f->serial = ft->free_flow;
	ft->free_flow = n;
	ft->stats.flows_ended++;
}

static void flow_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause)
{
	sp_flow_write(ft, f, cause);
	flow_free(ft, f);
}

static void look_at(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (f->last_ns + timeout_of(ft, f) <= ft->now_ns) {
		flow_end(ft, f, SP_CLOSE_TIMEOUT);
		return;
	}
	if (f->start_ns + ft->conf.report_interval <= ft->now_ns && f->state < SP_FLOW_CLOSED) {
		if (f->packets[0] | f->packets[1])
			sp_flow_write(ft, f, SP_CLOSE_ACTIVE);
		f->start_ns = ft->now_ns;
	}
	if (!arm(ft, f))
		flow_end(ft, f, SP_CLOSE_TIMEOUT);
}

static void fire(struct sp_flowtable *ft, uint32_t first_page)
{
	uint16_t tick = (uint16_t)ft->wheel.tick;
	for (uint32_t p = first_page; p; p = sp_wheel_give(&ft->wheel, p)) {
		const struct sp_wheel_page *page = &ft->wheel.page[p];
		uint32_t n = page->n;
		for (uint32_t i = 0; i < n; i++) {
			struct sp_flow *f = &ft->flow[page->flow[i]];
			if (i + 8 < n) {
				const char *ahead = (const char *)&ft->flow[page->flow[i + 8]];
				__builtin_prefetch(ahead);
				__builtin_prefetch(ahead + SP_CACHE_LINE);
			}
			if (f->state != SP_FLOW_FREE && f->armed == tick)
				look_at(ft, f);
		}
	}
}

void sp_flowtable_tick(struct sp_flowtable *ft, uint64_t now_ns)
{
	if (now_ns <= ft->now_ns)
		return;
	ft->now_ns = now_ns;
	if (SP_UNLIKELY(ft->fragments_due <= now_ns))
		sp_fragments_tick(ft);
	uint32_t page;
	while ((page = sp_wheel_take(&ft->wheel, now_ns)))
		fire(ft, page);
}

/* An empty table in the same memory: cheaper than taking millions of flows out one by one. */
static void forget_all(struct sp_flowtable *ft)
{
	memset(ft->index.bucket, 0, ((size_t)ft->index.mask + 1) * sizeof *ft->index.bucket);
	memset(ft->flow, 0, (size_t)ft->n_flows * sizeof *ft->flow);
	ft->index.n = 0;
	ft->n_flows = ft->n_extras = 1;
	ft->free_flow = ft->free_extra = ft->shed_hand = 0;
	sp_wheel_reset(&ft->wheel);
	sp_layers_reset(&ft->layers);
}

void sp_flowtable_end(struct sp_flowtable *ft, uint32_t point, enum sp_close_reason reason)
{
	sp_fragments_end(ft, point);
	for (uint32_t n = 1; n < ft->n_flows; n++) {
		struct sp_flow *f = &ft->flow[n];
		if (f->state == SP_FLOW_FREE)
			continue;
		if (point == SP_POINT_ANY) {
			sp_flow_write(ft, f, reason);
			ft->stats.flows_ended++;
		} else if (ft->layers.set[f->layers].point == point) {
			flow_end(ft, f, reason);
		}
	}
	if (point == SP_POINT_ANY)
		forget_all(ft);
}

/* --- full table --- */

/* How much a flow deserves to stay: 0 closed, 1 never answered, 2 open. */
static unsigned rank(const struct sp_flow *f)
{
	if (f->state >= SP_FLOW_CLOSED)
		return 0;
	bool both = f->bits & SP_FLOW_SEEN_LO && f->bits & SP_FLOW_SEEN_HI;
	return both && f->state != SP_FLOW_SYN ? 2 : 1;
}

/* Ends the least deserving and oldest flow among the next few in the table: none that is open unless it was silent for
 * long. */
static bool shed(struct sp_flowtable *ft)
{
	struct sp_flow *worst = NULL;
	unsigned worst_rank = 2;
	for (unsigned i = 0; i < (worst ? SHED_SAMPLE : SHED_SEARCH); i++) {
		ft->shed_hand = ft->shed_hand + 1 < ft->n_flows ? ft->shed_hand + 1 : 1;
		struct sp_flow *f = &ft->flow[ft->shed_hand];
		if (f->state == SP_FLOW_FREE)
			continue;
		unsigned r = rank(f);
		if (r == 2 && f->last_ns + SHED_IDLE_NS > ft->now_ns)
			continue;
		if (!worst || r < worst_rank || (r == worst_rank && f->last_ns < worst->last_ns)) {
			worst = f;
			worst_rank = r;
		}
	}
	if (!worst)
		return false;
	flow_end(ft, worst, SP_CLOSE_TIMEOUT);
	ft->stats.flows_shed++;
	return true;
}

static struct sp_flow *flow_alloc(struct sp_flowtable *ft)
{
	bool full = (!ft->free_flow && ft->n_flows > ft->max_flows) || ft->index.n >= ft->index.limit;
	if (full && !shed(ft)) {
		ft->stats.flows_refused++;
		return NULL;
	}
	uint32_t n = ft->free_flow;
	if (n)
		ft->free_flow = ft->flow[n].serial;
	else
		n = ft->n_flows++;
	return &ft->flow[n];
}

/* --- one packet --- */

/* Everything of a flow but its place in index, wheel and layers. */
static void flow_begin(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		       const struct sp_pkt *pkt)
{
	unsigned sender = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	enum sp_direction how;
	memset(f, 0, sizeof *f);
	memcpy(f, key, offsetof(struct sp_flow_key, zero));
	f->state = SP_FLOW_OPEN;
	f->serial = (uint32_t)++ft->serial;
	f->start_ns = f->last_ns = pkt->ts_ns;
	if (sender)
		f->bits |= SP_FLOW_FIRST_IS_HI;
	unsigned client = sender;
	/* A first SYN or SYN-ACK turns it itself. */
	if (pkt->proto != PROTO_TCP || !(pkt->tcp_flags & 2))
		client = sp_direction_guess(&ft->servers, key, sender, &how);
	if (client)
		f->bits |= SP_FLOW_CLIENT_IS_HI;
	ft->stats.flows_created++;
}

static struct sp_flow *flow_create(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	const struct sp_pkt *pkt = &b->pkt[i];
	struct sp_flow *f = flow_alloc(ft);
	bool full;
	if (!f)
		return NULL;
	flow_begin(ft, f, &b->key[i], pkt);
	f->layers = sp_layers_get(&ft->layers, pkt, pkt->layers ? &b->layers[pkt->layers - 1] : NULL, &full);
	ft->stats.layers_full += full;
	sp_index_insert(&ft->index, pkt->hash, (uint32_t)(f - ft->flow));
	if (!arm(ft, f)) {
		flow_free(ft, f);
		ft->stats.flows_refused++;
		return NULL;
	}
	return f;
}

static struct sp_flow *flow_of(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i, uint32_t guess)
{
	if (SP_LIKELY(guess != SP_INDEX_NONE && has_key(&ft->flow[guess], &b->key[i])))
		return &ft->flow[guess];
	uint32_t n = find(ft, &b->key[i], b->pkt[i].hash);
	return n != SP_INDEX_NONE ? &ft->flow[n] : flow_create(ft, b, i);
}

/* The same ports, another connection: the old flow is written and the new one takes its place. */
static void flow_restart(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
			 const struct sp_pkt *pkt)
{
	uint16_t layers = f->layers, armed = f->armed;
	sp_flow_write(ft, f, SP_CLOSE_PORT_REUSE);
	extra_put(ft, f);
	flow_begin(ft, f, key, pkt);
	f->layers = layers;
	f->armed = armed;
	ft->stats.flows_ended++;
	ft->stats.port_reuse++;
}

static void carry(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	for (unsigned s = 0; s < 2; s++) {
		x->packets[s] += f->packets[s];
		x->bytes[s] += f->bytes[s];
		x->payload[s] += f->payload[s];
		f->packets[s] = f->bytes[s] = f->payload[s] = 0;
	}
}

static void delay_add(struct sp_flow_delay *d, uint64_t from, uint64_t to)
{
	uint64_t us = to > from ? (to - from) / SP_NS_PER_US : 0;
	d->count++;
	d->sum += (uint32_t)us;
	d->max = SP_MAX(d->max, (uint32_t)us);
}

/* Requests and answers of datagrams: an answer is timed from the oldest datagram that had none yet, so that a client
 * that asks again is seen to have waited since it asked first. An echo's answer comes from the stack, not from an
 * application. */
static void datagram(struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	unsigned client = sp_flow_client(f);
	uint64_t now = pkt->ts_ns, *asked = &f->data_ns[client], *answered = &f->data_ns[!client];
	if (!pkt->l7_len)
		return;
	if (side == client) {
		bool waiting = f->bits & SP_FLOW_ASKED && now - *asked <= UDP_ANSWER_MAX_NS;
		if (waiting)
			return;
		if (*answered)
			delay_add(&f->cit, *answered, now);
		*asked = now;
		f->bits |= SP_FLOW_ASKED;
		return;
	}
	if (f->bits & SP_FLOW_ASKED && now - *asked <= UDP_ANSWER_MAX_NS)
		delay_add(f->proto == PROTO_UDP ? &f->art : &f->srt, *asked, now);
	f->bits &= (uint16_t)~SP_FLOW_ASKED;
	f->bits |= SP_FLOW_RESPONSE;
	*answered = now;
}

/* What IP carried was seen whole: a packet, or a datagram put together. Whoever reads what a flow says begins here, at
 * pkt->l7. */
void sp_flow_message(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		     const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (f->proto != PROTO_TCP) {
		datagram(f, pkt, side);
		return;
	}
	uint8_t before = f->state;
	if (sp_tcp_packet(ft, f, pkt, side))
		arm(ft, f);
	if (SP_UNLIKELY(f->state == SP_FLOW_SYNACK && before < SP_FLOW_SYNACK))
		sp_servers_learn(&ft->servers, key, side);
}

static void count(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (SP_UNLIKELY(pkt->tcp_flags & 2) && f->proto == PROTO_TCP && f->packets[0] + f->packets[1] &&
	    sp_tcp_is_new_connection(f, pkt, side))
		flow_restart(ft, f, key, pkt);
	f->bits |= side ? SP_FLOW_SEEN_HI : SP_FLOW_SEEN_LO;
	f->packets[side]++;
	f->bytes[side] += pkt->wire_len;
	f->payload[side] += pkt->l7_len;
	if (SP_UNLIKELY((f->bytes[side] | f->payload[side]) & COUNTER_CARRY))
		carry(ft, f);
	if (SP_LIKELY(pkt->ts_ns >= f->last_ns))
		f->last_ns = pkt->ts_ns;
	else
		ft->stats.late_packets++;
	if (SP_LIKELY(f->proto == PROTO_TCP))
		ft->stats.packets_tcp++;
	else if (f->proto == PROTO_UDP)
		ft->stats.packets_udp++;
	else if (f->proto == PROTO_ICMP || f->proto == PROTO_ICMP6)
		ft->stats.packets_icmp++;
	else
		ft->stats.packets_other++;
}

struct sp_flow *sp_flow_fragment(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_flow *f = flow_of(ft, b, i, SP_INDEX_NONE);
	if (!f)
		return NULL;
	count(ft, f, &b->key[i], &b->pkt[i]);
	sp_flow_extra_get(ft, f)->fragments++;
	return f;
}

/* An ICMP error belongs to the flow that it quotes, when that one is known; else it is a conversation of its own. */
bool sp_flow_quoted(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_pkt *pkt = &b->pkt[i];
	uint32_t n = find(ft, &b->key[i], pkt->hash);
	if (n != SP_INDEX_NONE) {
		sp_flow_extra_get(ft, &ft->flow[n])->icmp_errors++;
		ft->stats.icmp_quoted++;
		return true;
	}
	sp_decode_icmp_own_key(ft->hash_key, pkt, &b->key[i]);
	return false;
}

static void copy_seen(struct sp_flowtable *ft, struct sp_pkt *pkt, uint32_t flow)
{
	pkt->verdict = SP_DUPLICATE;
	ft->stats.duplicates++;
	if (flow && ft->flow[flow].state != SP_FLOW_FREE)
		sp_flow_extra_get(ft, &ft->flow[flow])->duplicates++;
}

static void one_packet(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i, uint32_t guess, uint64_t sign,
		       bool certain)
{
	struct sp_pkt *pkt = &b->pkt[i];
	const struct sp_flow_key *key = &b->key[i];
	struct sp_dedup_entry *e = NULL;
	if (SP_LIKELY(sign)) {
		e = sp_dedup_at(&ft->dedup, sign);
		enum sp_dedup_result copy = sp_dedup_check(&ft->dedup, e, sign, certain, pkt);
		if (SP_UNLIKELY(copy == SP_DEDUP_COPY)) {
			copy_seen(ft, pkt, e->flow);
			return;
		}
		if (SP_UNLIKELY(copy == SP_DEDUP_ROUTED)) {
			b->key[i].space ^= UINT32_C(0x5bd1e995) * pkt->ttl;
			pkt->hash = (uint32_t)sp_flow_key_hash(key, ft->hash_key);
			guess = SP_INDEX_NONE;
			e = NULL;
		}
	}
	struct sp_flow *f;
	if (SP_UNLIKELY(pkt->flags & (SP_PKT_QUOTED | SP_PKT_FRAGMENT))) {
		if (pkt->flags & SP_PKT_FRAGMENT) {
			f = sp_fragments_packet(ft, b, i);
			if (e && f)
				e->flow = (uint32_t)(f - ft->flow);
			return;
		}
		if (sp_flow_quoted(ft, b, i))
			return;
		guess = SP_INDEX_NONE;
	}
	f = flow_of(ft, b, i, guess);
	if (!f) {
		pkt->verdict = SP_DROPPED;
		return;
	}
	count(ft, f, key, pkt);
	sp_flow_message(ft, f, key, pkt);
	if (e)
		e->flow = (uint32_t)(f - ft->flow);
}

static void prefetch_flow(const struct sp_flow *f)
{
	const char *line = (const char *)f;
	__builtin_prefetch(line, 1);
	__builtin_prefetch(line + SP_CACHE_LINE, 1);
	__builtin_prefetch(line + 2 * SP_CACHE_LINE, 1);
}

void sp_flowtable_batch(struct sp_flowtable *ft, struct sp_batch *b)
{
	uint32_t guess[SP_BATCH_MAX], todo[SP_BATCH_MAX], n = 0;
	uint64_t sign[SP_BATCH_MAX];
	bool certain[SP_BATCH_MAX];
	if (!b->n)
		return;
	sp_flowtable_tick(ft, b->pkt[0].ts_ns);
	sp_flow_make_room(ft);
	for (uint32_t i = 0; i < b->n; i++) {
		if (SP_UNLIKELY(b->pkt[i].verdict != SP_ANALYSED || b->pkt[i].reason != SP_DECODE_OK))
			continue;
		todo[n] = i;
		certain[n] = false;
		sign[n] = ft->dedup.window ? sp_dedup_sign(&b->pkt[i], &b->key[i], &certain[n]) : 0;
		__builtin_prefetch(sp_index_home(&ft->index, b->pkt[i].hash), 1);
		__builtin_prefetch(sp_dedup_at(&ft->dedup, sign[n]), 1);
		n++;
	}
	for (uint32_t k = 0; k < n; k++) {
		guess[k] = sp_index_guess(&ft->index, b->pkt[todo[k]].hash);
		if (guess[k] != SP_INDEX_NONE)
			prefetch_flow(&ft->flow[guess[k]]);
	}
	for (uint32_t k = 0; k < n; k++)
		one_packet(ft, b, todo[k], guess[k], sign[k], certain[k]);
	uint64_t last = b->pkt[b->n - 1].ts_ns;
	ft->now_ns = SP_MAX(ft->now_ns, last);
}

const struct sp_flow_stats *sp_flowtable_stats(const struct sp_flowtable *ft)
{
	return &ft->stats;
}

void sp_flowtable_memory(const struct sp_flowtable *ft, struct sp_flow_memory *ret)
{
	*ret = (struct sp_flow_memory){
		.index = ((uint64_t)ft->index.mask + 1) * sizeof *ft->index.bucket,
		.flows = (uint64_t)ft->n_flows * sizeof *ft->flow,
		.extras = (uint64_t)ft->n_extras * sizeof *ft->extra,
		.layers = (uint64_t)ft->layers.n * sizeof *ft->layers.set,
		.wheel = (uint64_t)ft->wheel.n_pages * sizeof *ft->wheel.page,
		.dedup = SP_DEDUP_ENTRIES * sizeof *ft->dedup.entry,
		.fragments = sp_defrag_memory(ft->defrag),
	};
}
