/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's flows: their memory, look-up and creation, and packets that are not ordinary. */
#include "flowtable/flowtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/track.h"
#include "parsers/link/decode.h"
#include "parsers/link/sign.h"

#define FIRST_BUCKETS 1024

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
	while (sp_index_limit(buckets) <= flows + SP_BATCH_MAX)
		buckets *= 2;
	return (uint32_t)buckets;
}

int sp_flowtable_new(struct sp_flowtable **ret, const struct sp_flow_conf *conf, unsigned worker, unsigned flags,
		     uint64_t hash_key, struct sp_out *out, struct sp_err *err)
{
	struct sp_flowtable *ft = sp_mem_map(sizeof *ft, 0); /* a worker's own lines, whatever others allocate */
	if (!ft)
		return sp_err(err, -ENOMEM, "no memory for a flow table");
	ft->inner = calloc(1, sizeof *ft->inner);
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
	int rc = ft->inner && ft->flow && ft->extra ? sp_index_init(&ft->index, buckets, mem) : -ENOMEM;
	rc = rc ? rc : sp_wheel_init(&ft->wheel, ft->max_flows);
	rc = rc ? rc : sp_dedup_init(&ft->dedup, &conf->dedup);
	rc = rc ? rc : sp_layers_init(&ft->layers);
	rc = rc ? rc : sp_macs_init(&ft->macs, mem & SP_MEM_POPULATE);
	rc = rc ? rc : sp_servers_init(&ft->servers, conf);
	rc = rc || !conf->loss_events ? rc : sp_slab_init(&ft->losses, SP_LOSSES_MEMORY);
	if (conf->requests.enabled) {
		ft->l7 = sp_mem_map(sizeof *ft->l7, 0);
		rc = rc ? rc : ft->l7 ? sp_l7_init(ft->l7, &conf->requests, hash_key) : -ENOMEM;
	}
	if (conf->profile.max_memory) {
		ft->profiler = sp_mem_map(sizeof *ft->profiler, 0);
		rc = rc ? rc : ft->profiler ? sp_profiler_init(ft->profiler, &conf->profile, ft->max_flows) : -ENOMEM;
	}
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
	sp_macs_free(&ft->macs);
	sp_servers_free(&ft->servers);
	if (ft->losses.base)
		sp_slab_free_all(&ft->losses);
	sp_defrag_free(ft->defrag);
	if (ft->l7)
		sp_l7_free(ft->l7);
	sp_mem_unmap(ft->l7, sizeof *ft->l7);
	if (ft->profiler)
		sp_profiler_free(ft->profiler);
	sp_mem_unmap(ft->profiler, sizeof *ft->profiler);
	free(ft->inner);
	sp_mem_unmap(ft, sizeof *ft);
}

void sp_flowtable_open_tunnels(struct sp_flowtable *ft, const struct sp_decode_conf *conf, const uint32_t *space)
{
	ft->decode = conf;
	ft->decode_space = space;
}

void sp_flowtable_reconf(struct sp_flowtable *ft, const struct sp_flow_conf *conf)
{
	if (ft->l7)
		sp_l7_reconf(ft->l7, &conf->requests);
	if (ft->profiler)
		sp_profiler_reconf(ft->profiler, &conf->profile);
	ft->conf = *conf;
	ft->conf.max_flows = ft->max_flows;
	if (!ft->losses.base)
		ft->conf.loss_events = 0;
	sp_dedup_reconf(&ft->dedup, &conf->dedup);
	sp_servers_reconf(&ft->servers, conf);
}

/* Every flow can have one: there are as many as flows. */
struct sp_flow_extra *sp_flow_extra_get(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *had = sp_flow_extra_of(ft, f);
	if (SP_LIKELY(had))
		return had;
	uint32_t x = ft->free_extra;
	if (x)
		ft->free_extra = ft->extra[x].next_free;
	else
		x = ft->n_extras++;
	assert(x <= ft->max_flows);
	memset(&ft->extra[x], 0, sizeof ft->extra[x]);
	if (f->more & SP_L7_DIALOG)
		((struct sp_dialog *)sp_slab_at(&ft->l7->slab, f->more & SP_L7_NUMBER))->extra = x;
	else
		f->more |= x;
	return &ft->extra[x];
}

static void extra_put(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (ft->l7)
		sp_l7_forget(ft, f);
	uint32_t x = f->more & SP_L7_NUMBER;
	f->more = 0;
	if (!x)
		return;
	sp_losses_forget(ft, &ft->extra[x]);
	ft->extra[x].next_free = ft->free_extra;
	ft->free_extra = x;
}

/* --- keys --- */

struct sp_flow_key sp_flow_key_of(const struct sp_flow *f)
{
	return (struct sp_flow_key){.lo = f->lo,
				    .hi = f->hi,
				    .lo_port = f->lo_port,
				    .hi_port = f->hi_port,
				    .space = f->space,
				    .proto = f->proto};
}

static uint32_t flow_hash(const struct sp_flowtable *ft, const struct sp_flow *f)
{
	struct sp_flow_key key = sp_flow_key_of(f);
	return (uint32_t)sp_flow_key_hash(&key, ft->hash_key);
}

static uint32_t find(const struct sp_flowtable *ft, const struct sp_flow_key *key, uint32_t hash)
{
	struct sp_index_walk w;
	uint32_t n = sp_index_first(&ft->index, &w, hash);
	while (n != SP_INDEX_NONE && !(sp_flow_has_key(&ft->flow[n], key) && ft->flow[n].state != SP_FLOW_FREE))
		n = sp_index_next(&ft->index, &w);
	return n;
}

/* The index doubles. Flows lie in order, their hashes are computed again. */
static bool index_grow(struct sp_flowtable *ft)
{
	struct sp_index bigger;
	if (sp_index_init(&bigger, (ft->index.mask + 1) * 2, SP_MEM_HUGE | SP_MEM_POPULATE))
		return false;
	enum { AHEAD = 16 };
	uint32_t hash[AHEAD];
	for (uint32_t i = 0; i < ft->n_flows + AHEAD; i++) {
		uint32_t late = i - AHEAD;
		if (i > AHEAD && ft->flow[late].state != SP_FLOW_FREE)
			sp_index_insert(&bigger, hash[late % AHEAD], late);
		if (i < ft->n_flows && ft->flow[i].state != SP_FLOW_FREE) {
			hash[i % AHEAD] = flow_hash(ft, &ft->flow[i]);
			sp_prefetch(sp_index_home(&bigger, hash[i % AHEAD]));
		}
	}
	sp_index_free(&ft->index);
	ft->index = bigger;
	return true;
}

/* Files only: live capture has room for all flows from the beginning. */
void sp_flow_make_room(struct sp_flowtable *ft)
{
	if (SP_UNLIKELY(ft->index.n + SP_BATCH_MAX > ft->index.limit))
		index_grow(ft);
}

void sp_flow_free(struct sp_flowtable *ft, struct sp_flow *f)
{
	uint32_t n = (uint32_t)(f - ft->flow);
	sp_index_remove(&ft->index, flow_hash(ft, f), n);
	extra_put(ft, f);
	sp_layers_put(&ft->layers, f->layers);
	sp_macs_put(&ft->macs, f->lo_mac);
	sp_macs_put(&ft->macs, f->hi_mac);
	f->state = SP_FLOW_FREE;
	f->bits = 0;
	f->serial_low = ft->free_flow;
	ft->free_flow = n;
	ft->stats.flows_ended++;
}

static struct sp_flow *flow_alloc(struct sp_flowtable *ft)
{
	bool full = (!ft->free_flow && ft->n_flows > ft->max_flows) || ft->index.n >= ft->index.limit;
	if (full && !sp_flow_shed(ft)) {
		ft->stats.flows_refused++;
		return NULL;
	}
	uint32_t n = ft->free_flow;
	if (n)
		ft->free_flow = ft->flow[n].serial_low;
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
	ft->serial++;
	f->serial_low = (uint32_t)ft->serial;
	f->serial_high = (uint16_t)(ft->serial >> 32);
	f->start_ns = f->last_ns = pkt->ts_ns;
	if (sender)
		f->bits |= SP_FLOW_FIRST_IS_HI;
	unsigned client = sender;
	/* A first SYN or SYN-ACK turns it itself. */
	if (pkt->proto != SP_PROTO_TCP || !(pkt->tcp_flags & 2))
		client = sp_direction_guess(&ft->servers, key, sender, &how);
	if (client)
		f->bits |= SP_FLOW_CLIENT_IS_HI;
	ft->stats.flows_created++;
}

/* Whose they are goes by the first packet. */
static void put_macs(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt)
{
	if (pkt->l2 == SP_NOOFS || pkt->l2 + 12u > pkt->cap_len)
		return;
	const uint8_t *dst = pkt->data + pkt->l2, *src = dst + 6;
	bool from_hi = pkt->flags & SP_PKT_REVERSE;
	f->lo_mac = sp_macs_get(&ft->macs, from_hi ? dst : src);
	f->hi_mac = sp_macs_get(&ft->macs, from_hi ? src : dst);
	ft->stats.macs_full += !f->lo_mac || !f->hi_mac;
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
	put_macs(ft, f, pkt);
	sp_index_insert(&ft->index, pkt->hash, (uint32_t)(f - ft->flow));
	if (!sp_flow_arm(ft, f)) {
		sp_flow_free(ft, f);
		ft->stats.flows_refused++;
		return NULL;
	}
	if (ft->profiler)
		sp_profile_begin(ft, f);
	return f;
}

/* The same ports, another connection: the old flow is written and the new one takes its place. */
void sp_flow_restart(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		     const struct sp_pkt *pkt)
{
	uint16_t layers = f->layers, armed = f->armed, lo_mac = f->lo_mac, hi_mac = f->hi_mac;
	sp_flow_write(ft, f, SP_CLOSE_PORT_REUSE);
	extra_put(ft, f);
	flow_begin(ft, f, key, pkt);
	f->layers = layers;
	f->armed = armed;
	f->lo_mac = lo_mac;
	f->hi_mac = hi_mac;
	if (ft->profiler)
		sp_profile_begin(ft, f);
	ft->stats.flows_ended++;
	ft->stats.port_reuse++;
}

void sp_flow_carry(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	for (unsigned s = 0; s < 2; s++) {
		x->packets[s] += f->dir[s].packets;
		x->bytes[s] += f->dir[s].bytes;
		x->payload[s] += f->dir[s].payload;
		f->dir[s].packets = f->dir[s].bytes = f->dir[s].payload = 0;
	}
}

static void track_tcp(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		      const struct sp_pkt *pkt, unsigned side)
{
	uint8_t before = f->state;
	if (sp_tcp_packet(ft, f, pkt, side))
		sp_flow_arm(ft, f);
	if (f->state == SP_FLOW_SYNACK && before < SP_FLOW_SYNACK)
		sp_servers_learn(&ft->servers, key, side);
}

static void count_other(struct sp_flowtable *ft, const struct sp_flow *f)
{
	if (f->proto == SP_PROTO_UDP)
		ft->stats.packets_udp++;
	else if (f->proto == SP_PROTO_ICMP || f->proto == SP_PROTO_ICMP6)
		ft->stats.packets_icmp++;
	else
		ft->stats.packets_other++;
}

/* What IP carried is there as a whole, a packet or a datagram put together: whoever reads what a flow says begins here,
 * at pkt->l7. */
static inline __attribute__((always_inline)) void message(struct sp_flowtable *ft, struct sp_flow *f,
							  const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	unsigned signs = 0;
	if (f->proto != SP_PROTO_TCP) {
		sp_flow_datagram(ft, f, pkt, side, f->proto == SP_PROTO_UDP ? SP_DELAY_ART : SP_DELAY_SRT);
	} else if (SP_UNLIKELY(pkt->flags & SP_PKT_L4_CUT || !sp_tcp_fast(ft, f, pkt, side))) {
		track_tcp(ft, f, key, pkt, side);
		signs = ft->signs;
	}
	sp_flow_told(ft, f, pkt, side, f->proto, signs);
}

/* Any packet of a flow. */
void sp_flow_track(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	sp_flow_appear(ft, f, key, pkt);
	message(ft, f, key, pkt);
	if (f->proto == SP_PROTO_TCP)
		ft->stats.packets_tcp++;
	else
		count_other(ft, f);
}

/* --- packets that need a second look --- */

static struct sp_flow *flow_of(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	uint32_t n = find(ft, &b->key[i], b->pkt[i].hash);
	return n != SP_INDEX_NONE ? &ft->flow[n] : flow_create(ft, b, i);
}

struct sp_flow *sp_flow_fragment(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_flow *f = flow_of(ft, b, i);
	if (!f)
		return NULL;
	sp_flow_appear(ft, f, &b->key[i], &b->pkt[i]);
	if (f->proto == SP_PROTO_TCP)
		ft->stats.packets_tcp++;
	else
		count_other(ft, f);
	sp_flow_extra_get(ft, f)->fragments++;
	return f;
}

void sp_flow_message(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		     const struct sp_pkt *pkt)
{
	message(ft, f, key, pkt);
}

/* An ICMP error belongs to the flow that it quotes, when that one is known; else it is a conversation of its own. */
uint32_t sp_flow_quoted(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_pkt *pkt = &b->pkt[i];
	uint32_t n = find(ft, &b->key[i], pkt->hash);
	if (n != SP_INDEX_NONE) {
		sp_flow_extra_get(ft, &ft->flow[n])->icmp_errors++;
		ft->stats.icmp_quoted++;
		return n;
	}
	sp_decode_icmp_own_key(ft->hash_key, pkt, &b->key[i]);
	return 0;
}

static bool has_macs_of(const struct sp_flowtable *ft, const struct sp_flow *f, const struct sp_pkt *pkt)
{
	if (!f->lo_mac || !f->hi_mac || pkt->l2 == SP_NOOFS)
		return true;
	const uint8_t *dst = pkt->data + pkt->l2, *src = dst + 6;
	bool from_hi = pkt->flags & SP_PKT_REVERSE;
	return !memcmp(sp_macs_at(&ft->macs, f->lo_mac), from_hi ? dst : src, 6) &&
	       !memcmp(sp_macs_at(&ft->macs, f->hi_mac), from_hi ? src : dst, 6);
}

/* A copy that passed a router and is to be kept becomes a conversation of its own: by its VLAN when that is another
 * one, else in an address space of its hop. Hops count from where a packet was seen first, the same for both
 * directions. `f`: the first one's flow, NULL: not known. */
static bool is_hop(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i, const struct sp_dedup_entry *e,
		   const struct sp_flow *f)
{
	enum { OTHER_MACS = 256 };
	struct sp_pkt *pkt = &b->pkt[i];
	if (f && f->space != b->key[i].space)
		return true;
	uint32_t hop = (uint8_t)(e->ttl - pkt->ttl);
	if (!hop && f && !has_macs_of(ft, f, pkt))
		hop = OTHER_MACS;
	if (!hop)
		return false;
	b->key[i].space ^= UINT32_C(0x5bd1e995) * hop;
	pkt->hash = (uint32_t)sp_flow_key_hash(&b->key[i], ft->hash_key);
	return true;
}

/* True when the packet is a copy of one seen before, which is counted at its flow. */
static bool is_copy(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i, const struct sp_dedup_entry *e,
		    uint64_t sign)
{
	struct sp_pkt *pkt = &b->pkt[i];
	struct sp_flow *f = &ft->flow[e->flow];
	if (!sp_dedup_check(&ft->dedup, e, sign, pkt))
		return false;
	/* Two packets of different conversations are never copies, however much they look so. Of a fragment's
	 * conversation little is known yet, but it says which datagram it is of; that of an ICMP error may be the
	 * quoted one or its own, but the quotation has an identification, too. */
	bool fragment = pkt->flags & SP_PKT_FRAGMENT;
	size_t same = fragment ? offsetof(struct sp_flow_key, lo_port) : offsetof(struct sp_flow_key, space);
	bool known = f->state != SP_FLOW_FREE && !memcmp(f, &b->key[i], same) && f->proto == b->key[i].proto;
	if (!known && !(pkt->flags & (SP_PKT_FRAGMENT | SP_PKT_QUOTED)))
		return false;
	if (ft->dedup.keep_routed && is_hop(ft, b, i, e, known ? f : NULL))
		return false;
	pkt->verdict = SP_DUPLICATE;
	b->odd = true;
	ft->stats.duplicates++;
	if (known)
		sp_flow_extra_get(ft, f)->duplicates++;
	return true;
}

/* A packet whose flow was not guessed, that is odd, or that may be a copy. */
void sp_flow_second_look(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_pkt *pkt = &b->pkt[i];
	uint64_t sign = b->sign[i];
	const struct sp_flow_key *key = &b->key[i];
	if (pkt->flags & SP_PKT_FRAGMENT)
		sign = sp_dedup_fragment_sign(pkt, key);
	else if (pkt->flags & SP_PKT_QUOTED && pkt->l4 != SP_NOOFS)
		sign = sp_sign_of(pkt);
	struct sp_dedup_entry *e = sp_dedup_at(ft->dedup.entry, sign);
	uint32_t space = key->space;
	if (sign && is_copy(ft, b, i, e, sign))
		return;
	if (pkt->flags & SP_PKT_FRAGMENT) {
		uint32_t flow = sp_fragments_packet(ft, b, i);
		if (sign && key->space == space)
			sp_dedup_write(e, sign, pkt, flow);
		return;
	}
	if (pkt->flags & SP_PKT_QUOTED) {
		uint32_t flow = sp_flow_quoted(ft, b, i);
		if (flow) {
			sp_dedup_write(e, sign, pkt, flow);
			return;
		}
	}
	struct sp_flow *f = flow_of(ft, b, i);
	if (!f) {
		pkt->verdict = SP_DROPPED;
		b->odd = true;
		return;
	}
	if (sign && key->space == space)
		sp_dedup_write(e, sign, pkt, (uint32_t)(f - ft->flow));
	sp_flow_track(ft, f, key, pkt);
}

/* It was not on the wire by itself: nothing copies it, and nobody waits for its verdict. */
void sp_flow_inner(struct sp_flowtable *ft, struct sp_batch *b)
{
	const struct sp_pkt *pkt = &b->pkt[0];
	sp_flow_make_room(ft);
	if (pkt->flags & SP_PKT_FRAGMENT) {
		sp_fragments_packet(ft, b, 0);
	} else if (!(pkt->flags & SP_PKT_QUOTED) || !sp_flow_quoted(ft, b, 0)) {
		struct sp_flow *f = flow_of(ft, b, 0);
		if (f)
			sp_flow_track(ft, f, &b->key[0], pkt);
		else
			b->pkt[0].verdict = SP_DROPPED;
	}
	if (pkt->verdict == SP_DROPPED) {
		ft->stats.flows_refused--;
		ft->stats.inner_refused++;
	}
}

const struct sp_app_counts *sp_flowtable_apps(const struct sp_flowtable *ft)
{
	return ft->l7 ? ft->l7->counts : NULL;
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
		.layers = (uint64_t)ft->layers.n * sizeof *ft->layers.set + SP_MACS * sizeof *ft->macs.entry,
		.wheel = (uint64_t)ft->wheel.n_pages * sizeof *ft->wheel.page,
		.dedup = SP_DEDUP_ENTRIES * sizeof *ft->dedup.entry,
		.fragments = sp_defrag_memory(ft->defrag),
		.calls = ft->l7 ? sp_slab_memory(&ft->l7->slab) + sp_elsewhere_memory() : 0,
		.profiles =
			ft->profiler ? sp_slab_memory(&ft->profiler->slab) + sp_slab_memory(&ft->profiler->kept) : 0,
	};
}
