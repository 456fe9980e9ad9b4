/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's flows: a batch goes through in stages, so that the memory one packet waits for is on its way while
 * others are worked on: buckets, then flows, then tracking in order. */
#include "flowtable/flowtable.h"

#include <errno.h>
#include <smmintrin.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp.h"
#include "parsers/link/decode.h"
#include "parsers/link/sign.h"

#define FIRST_BUCKETS 1024
/* So many packets before its turn a packet's flow is asked for: about what memory takes. */
#define GUESS_AHEAD 8
/* …and then, once the flow is there, what it has to say. */
#define DIALOG_AHEAD 4
#define STATE_AHEAD 2 /* …and what its dialog names */
#define CHUNK_AHEAD 1
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

/* A flow begins with its key, so both are compared as they lie there. */
static_assert(offsetof(struct sp_flow, proto) == offsetof(struct sp_flow_key, proto), "same beginning");

static inline bool has_key(const struct sp_flow *f, const struct sp_flow_key *key)
{
	const __m128i *a = (const __m128i *)f, *b = (const __m128i *)key;
	const __m128i tail = _mm_set_epi64x(0xff, -1); /* ports, space and protocol */
	__m128i d = _mm_xor_si128(_mm_load_si128(a), _mm_load_si128(b));
	d = _mm_or_si128(d, _mm_xor_si128(_mm_load_si128(a + 1), _mm_load_si128(b + 1)));
	d = _mm_or_si128(d, _mm_and_si128(tail, _mm_xor_si128(_mm_load_si128(a + 2), _mm_load_si128(b + 2))));
	return _mm_testz_si128(d, d);
}

static uint32_t find(const struct sp_flowtable *ft, const struct sp_flow_key *key, uint32_t hash)
{
	struct sp_index_walk w;
	uint32_t n = sp_index_first(&ft->index, &w, hash);
	while (n != SP_INDEX_NONE && !(has_key(&ft->flow[n], key) && ft->flow[n].state != SP_FLOW_FREE))
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
static void flow_restart(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
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

static void carry(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *x = sp_flow_extra_get(ft, f);
	for (unsigned s = 0; s < 2; s++) {
		x->packets[s] += f->dir[s].packets;
		x->bytes[s] += f->dir[s].bytes;
		x->payload[s] += f->dir[s].payload;
		f->dir[s].packets = f->dir[s].bytes = f->dir[s].payload = 0;
	}
}

/* Requests and answers of datagrams: an answer is timed from the oldest datagram that had none yet, so that a client
 * that asks again is seen to have waited since it asked first. An echo's answer comes from the stack, not from an
 * application: `answer` is the kind of that. */
static inline __attribute__((always_inline)) void
datagram(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side, enum sp_delay_kind answer)
{
	uint64_t now = pkt->ts_ns, *own = &f->dir[side].data_ns, since = f->dir[side ^ 1].data_ns;
	if (SP_UNLIKELY(!pkt->l7_len))
		return;
	/* Which side sends next cannot be guessed: as few branches as can be. */
	unsigned asks = side == sp_flow_client(f);
	SP_UNPREDICTABLE(asks);
	uint64_t asked = since ^ ((since ^ *own) & -(uint64_t)asks);
	unsigned waiting = !!(f->bits & SP_FLOW_ASKED) & (now - asked <= UDP_ANSWER_MAX_NS);
	if (SP_UNLIKELY(asks & waiting))
		return;
	*own = now;
	static_assert(SP_FLOW_ASKED == SP_FLOW_RESPONSE << 2, "shifted into place");
	f->bits = (uint16_t)((f->bits & ~SP_FLOW_ASKED) | SP_FLOW_RESPONSE << (asks * 2));
	enum sp_delay_kind kind = answer + asks * (unsigned)(SP_DELAY_CIT - answer);
	if (SP_LIKELY((asks & (since != 0)) | waiting))
		sp_flow_delay_add(ft, f, kind, since, now);
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

/* A packet's size and time. */
static inline __attribute__((always_inline)) void count(struct sp_flowtable *ft, struct sp_flow *f,
							const struct sp_pkt *pkt, unsigned side)
{
	struct sp_flow_dir *d = &f->dir[side];
	d->packets++;
	uint32_t bytes = d->bytes += pkt->wire_len, payload = d->payload += pkt->l7_len;
	if (SP_UNLIKELY((bytes | payload) & COUNTER_CARRY))
		carry(ft, f);
	if (SP_LIKELY(pkt->ts_ns >= f->last_ns))
		f->last_ns = pkt->ts_ns;
	else
		ft->stats.late_packets++;
}

/* A packet as such. */
static inline __attribute__((always_inline)) void appear(struct sp_flowtable *ft, struct sp_flow *f,
							 const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (SP_UNLIKELY(pkt->tcp_flags & SP_TCP_SYN) && f->proto == SP_PROTO_TCP &&
	    f->dir[0].packets + f->dir[1].packets && sp_tcp_is_new_connection(f, pkt, side))
		flow_restart(ft, f, key, pkt);
	static_assert(SP_FLOW_SEEN_HI == SP_FLOW_SEEN_LO << 1, "shifted into place");
	f->bits |= (uint16_t)(SP_FLOW_SEEN_LO << side);
	if (SP_UNLIKELY(!f->ttl[side]))
		f->ttl[side] = pkt->ttl;
	count(ft, f, pkt, side);
}

/* Is there something that a parser may know? Above the transport header; of ICMP, whose header is the message, all. */
static inline bool is_readable(const struct sp_flow *f, const struct sp_pkt *pkt)
{
	if (SP_LIKELY(f->proto == SP_PROTO_TCP))
		return pkt->l7_len && !(pkt->flags & SP_PKT_L4_CUT || pkt->tcp_flags & SP_TCP_RST);
	bool icmp = f->proto == SP_PROTO_ICMP || f->proto == SP_PROTO_ICMP6;
	return pkt->l4 != SP_NOOFS && (icmp || (f->proto == SP_PROTO_UDP && pkt->l7_len)) &&
	       !(pkt->flags & SP_PKT_QUOTED);
}

/* What a packet says, and its profile. `signs`: what was odd about it. */
static inline __attribute__((always_inline)) void told(struct sp_flowtable *ft, struct sp_flow *f,
						       const struct sp_pkt *pkt, unsigned side, unsigned signs)
{
	if (SP_UNLIKELY(f->dir[side].bits & SP_DIR_PROFILED))
		sp_profile_packet(ft, f, pkt, side, signs);
	if (ft->l7 && !(f->more & SP_L7_DONE) && is_readable(f, pkt))
		sp_l7_payload(ft, f, pkt, side);
}

/* What IP carried is there as a whole, a packet or a datagram put together: whoever reads what a flow says begins here,
 * at pkt->l7. */
static inline __attribute__((always_inline)) void message(struct sp_flowtable *ft, struct sp_flow *f,
							  const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	unsigned signs = 0;
	if (f->proto != SP_PROTO_TCP) {
		datagram(ft, f, pkt, side, f->proto == SP_PROTO_UDP ? SP_DELAY_ART : SP_DELAY_SRT);
	} else if (SP_UNLIKELY(pkt->flags & SP_PKT_L4_CUT || !sp_tcp_fast(ft, f, pkt, side))) {
		track_tcp(ft, f, key, pkt, side);
		signs = ft->signs;
	}
	told(ft, f, pkt, side, signs);
}

/* Any packet of a flow. */
static __attribute__((noinline)) void track(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
					    const struct sp_pkt *pkt)
{
	appear(ft, f, key, pkt);
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
	appear(ft, f, &b->key[i], &b->pkt[i]);
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
static __attribute__((noinline)) void second_look(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
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
	track(ft, f, key, pkt);
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
			track(ft, f, &b->key[0], pkt);
		else
			b->pkt[0].verdict = SP_DROPPED;
	}
	if (pkt->verdict == SP_DROPPED) {
		ft->stats.flows_refused--;
		ft->stats.inner_refused++;
	}
}

/* --- batches --- */

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

/* Neither decided already nor without a conversation. */
static inline bool is_tracked(const struct sp_pkt *pkt)
{
	static_assert(!SP_ANALYSED && !SP_DECODE_OK, "both are looked at together");
	return SP_LIKELY(!(pkt->verdict | pkt->reason));
}

/* Buckets, and what was seen lately. */
static void prefetch_batch(const struct sp_flowtable *ft, const struct sp_batch *b)
{
	const struct sp_index index = ft->index;
	struct sp_dedup_entry *entries = ft->dedup.entry;
	for (uint32_t i = 0, n = b->n; i < n; i++) {
		sp_prefetch(sp_index_home(&index, b->pkt[i].hash));
		sp_prefetch(sp_dedup_at(entries, b->sign[i]));
	}
}

/* The number of the flow that the packet probably belongs to, which is asked for; 0, which is never used: none. */
static inline uint32_t guess(const struct sp_flowtable *ft, const struct sp_pkt *pkt)
{
	uint32_t flow = sp_index_guess(&ft->index, pkt->hash);
	if (SP_UNLIKELY(flow == SP_INDEX_NONE)) {
		prefetch_new(ft, pkt);
		return 0;
	}
	prefetch_flow(&ft->flow[flow]);
	return flow;
}

static void prefetch_profiles(const struct sp_profiler *pr, const uint32_t *flow, uint32_t i, uint32_t n)
{
	if (i + DIALOG_AHEAD < n)
		sp_profile_prefetch(pr, flow[i + DIALOG_AHEAD]);
	if (i + STATE_AHEAD < n)
		sp_profile_prefetch_state(pr, flow[i + STATE_AHEAD]);
	if (i + CHUNK_AHEAD < n)
		sp_profile_prefetch_chunk(pr, flow[i + CHUNK_AHEAD]);
}

/* Flows are chosen for profiles, or some that were chosen are not over yet. */
static inline bool is_profiling(const struct sp_profiler *pr)
{
	return pr && (pr->conf.record != SP_PROFILE_RECORD_NONE || pr->slab.in_use);
}

/* What calls and profiles of the next packets need. */
static inline void prefetch_more(const struct sp_flowtable *ft, const struct sp_batch *b, const uint32_t *flow,
				 uint32_t i)
{
	if (ft->l7 && i + DIALOG_AHEAD < b->n)
		sp_l7_prefetch(ft->l7, &ft->flow[flow[i + DIALOG_AHEAD]]);
	if (ft->l7 && i + STATE_AHEAD < b->n && b->pkt[i + STATE_AHEAD].l7_len)
		sp_l7_prefetch_state(ft->l7, &ft->flow[flow[i + STATE_AHEAD]]);
	if (ft->profiler && SP_UNLIKELY(ft->profiler->conf.record != SP_PROFILE_RECORD_NONE))
		prefetch_profiles(ft->profiler, flow, i, b->n);
}

/* The packet is neither odd nor a copy, and its flow was guessed right. Nobody asks at once what a healthy connection
 * has told before: that both sides were seen, and their TTL. */
static inline __attribute__((always_inline)) void
ordinary(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt, bool more)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (f->proto == SP_PROTO_UDP) {
		appear(ft, f, key, pkt);
		datagram(ft, f, pkt, side, SP_DELAY_ART);
		ft->stats.packets_udp++;
	} else if (SP_LIKELY(sp_tcp_fast(ft, f, pkt, side))) {
		count(ft, f, pkt, side);
		ft->stats.packets_tcp++;
	} else {
		track(ft, f, key, pkt);
		return;
	}
	if (more)
		told(ft, f, pkt, side, 0);
}

/* All packets of a batch in order. `more`: calls or profiles are looked for, too. */
static inline __attribute__((always_inline)) void each(struct sp_flowtable *ft, struct sp_batch *b, bool more)
{
	uint32_t flow[SP_BATCH_MAX], window = ft->dedup.window;
	struct sp_flow *const flows = ft->flow;
	struct sp_dedup_entry *const entries = ft->dedup.entry;
	const size_t n = b->n;
	for (size_t i = 0; i < SP_MIN(n, GUESS_AHEAD); i++)
		flow[i] = guess(ft, &b->pkt[i]);
	for (size_t i = 0; i < n; i++) {
		const struct sp_pkt *pkt = &b->pkt[i];
		if (i + GUESS_AHEAD < n)
			flow[i + GUESS_AHEAD] = guess(ft, &b->pkt[i + GUESS_AHEAD]);
		if (more)
			prefetch_more(ft, b, flow, (uint32_t)i);
		struct sp_flow *f = &flows[flow[i]];
		uint64_t sign = b->sign[i];
		struct sp_dedup_entry *e = sp_dedup_at(entries, sign);
		if (SP_LIKELY(has_key(f, &b->key[i]) && f->state != SP_FLOW_FREE && sign && !ft->dedup.suspects &&
			      sp_dedup_is_new(e, sign, pkt, window))) {
			sp_dedup_write(e, sign, pkt, flow[i]);
			ordinary(ft, f, &b->key[i], pkt, more);
		} else if (is_tracked(pkt)) {
			second_look(ft, b, (uint32_t)i);
		}
	}
}

static void each_the_long_way(struct sp_flowtable *ft, struct sp_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (is_tracked(&b->pkt[i]))
			second_look(ft, b, i);
}

static __attribute__((noinline)) void each_with_more(struct sp_flowtable *ft, struct sp_batch *b)
{
	each(ft, b, true);
}

static __attribute__((noinline)) void each_alone(struct sp_flowtable *ft, struct sp_batch *b)
{
	each(ft, b, false);
}

void sp_flowtable_batch(struct sp_flowtable *ft, struct sp_batch *b)
{
	uint32_t n = b->n;
	if (!n)
		return;
	sp_flowtable_tick(ft, b->pkt[0].ts_ns);
	sp_flow_make_room(ft);
	prefetch_batch(ft, b);
	if (SP_UNLIKELY(ft->flags & SP_FLOWTABLE_LONG_WAY))
		each_the_long_way(ft, b);
	else if (ft->l7 || is_profiling(ft->profiler))
		each_with_more(ft, b);
	else
		each_alone(ft, b);
	uint64_t last = b->pkt[n - 1].ts_ns;
	ft->now_ns = SP_MAX(ft->now_ns, last);
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
