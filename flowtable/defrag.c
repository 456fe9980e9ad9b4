/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/defrag.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/mem.h"
#include "flowtable/flowtable.h"
#include "flowtable/pieces.h"
#include "parsers/link/decode.h"

#define NONE UINT32_MAX
#define HELD_HEAD 128 /* bytes of a held fragment's headers */
#define DATAGRAM_MAX UINT16_MAX
#define PAYLOAD_BYTES (SP_DATAGRAM_HEADROOM + DATAGRAM_MAX)

enum { SP_PROTO_ICMP = 1, SP_PROTO_TCP = 6, SP_PROTO_UDP = 17, SP_PROTO_ICMP6 = 58, PROTO_SCTP = 132 };

/* What every fragment of a datagram carries (RFC 791: with the protocol; RFC 8200: without). */
struct identity {
	struct sp_addr lo, hi;
	uint32_t id, space;
	uint8_t proto, v6, reverse, zero[5];
};
static_assert(sizeof(struct identity) == 48, "hashed as it is");

struct datagram {
	struct identity identity;
	uint64_t born_ns;
	uint32_t chain;	       /* next in the bucket, or in the free list */
	uint32_t older, newer; /* by birth */
	uint32_t held;	       /* list of fragments that wait for the first, newest first */
	uint32_t flow_hash;
	uint32_t total;	   /* payload bytes, known with the last fragment; 0: not yet */
	uint32_t captured; /* of them up to the first that was not */
	struct sp_pieces pieces;
	struct sp_flow_key key; /* of the flow, with has_first */
	uint16_t flow_flags;	/* SP_PKT_REVERSE and SP_PKT_NO_PORTS of the first fragment */
	uint16_t l4;		/* offset of the L4 header in the payload: IPv6 extension headers may come first */
	uint16_t point;
	uint8_t proto; /* L4, of the first fragment */
	bool has_first;
	bool closed; /* complete, or spoilt: no more bytes are wanted */
};

struct held {
	uint32_t next;
	struct sp_pkt pkt;
	struct sp_flow_key key;
	struct sp_layers layers; /* with pkt.layers */
	uint8_t head[HELD_HEAD];
};

struct sp_defrag {
	struct sp_defrag_conf conf;
	struct sp_flow_stats *stats;
	uint64_t hash_key;
	struct datagram *datagram;
	uint32_t n_fresh, free; /* datagrams never used begin at n_fresh; list of used ones */
	uint32_t oldest, newest;
	uint32_t *bucket, bucket_mask;
	struct held *held;
	uint32_t held_fresh, held_free;
	uint32_t ready, ready_last; /* list of held fragments to release, in order */
	struct sp_piece_pool pool;
	const struct datagram *complete;
	uint8_t *payload[2]; /* headroom and DATAGRAM_MAX bytes: of the completed datagram, and of the one before */
	struct sp_batch released;
	uint8_t released_head[SP_BATCH_MAX][HELD_HEAD];
};

static size_t bucket_bytes(const struct sp_defrag *d)
{
	return ((size_t)d->bucket_mask + 1) * sizeof *d->bucket;
}

int sp_defrag_new(struct sp_defrag **ret, const struct sp_defrag_conf *conf, uint64_t hash_key,
		  struct sp_flow_stats *stats)
{
	struct sp_defrag *d = sp_mem_map(sizeof *d, 0);
	if (!d)
		return -ENOMEM;
	d->conf = *conf;
	d->conf.max_datagrams = SP_MAX(conf->max_datagrams, 1u);
	d->conf.max_held = SP_MAX(conf->max_held, 1u);
	d->stats = stats;
	d->hash_key = hash_key;
	d->free = d->held_free = d->ready = d->ready_last = d->oldest = d->newest = NONE;
	d->bucket_mask = 1;
	while (d->bucket_mask < d->conf.max_datagrams)
		d->bucket_mask = d->bucket_mask << 1 | 1;
	d->datagram = sp_mem_map(d->conf.max_datagrams * sizeof *d->datagram, 0);
	d->bucket = sp_mem_map(bucket_bytes(d), 0);
	d->held = sp_mem_map(d->conf.max_held * sizeof *d->held, 0);
	for (unsigned i = 0; i < 2; i++)
		d->payload[i] = sp_mem_map(PAYLOAD_BYTES, 0);
	int rc = sp_piece_pool_init(&d->pool, conf->max_bytes);
	if (rc || !d->datagram || !d->bucket || !d->held || !d->payload[0] || !d->payload[1]) {
		sp_defrag_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void sp_defrag_free(struct sp_defrag *d)
{
	if (!d)
		return;
	sp_piece_pool_free(&d->pool);
	for (unsigned i = 0; i < 2; i++)
		sp_mem_unmap(d->payload[i], PAYLOAD_BYTES);
	sp_mem_unmap(d->held, d->conf.max_held * sizeof *d->held);
	sp_mem_unmap(d->bucket, bucket_bytes(d));
	sp_mem_unmap(d->datagram, d->conf.max_datagrams * sizeof *d->datagram);
	sp_mem_unmap(d, sizeof *d);
}

uint64_t sp_defrag_memory(const struct sp_defrag *d)
{
	if (!d->n_fresh)
		return 0;
	return sizeof *d + bucket_bytes(d) + d->n_fresh * sizeof *d->datagram + d->held_fresh * sizeof *d->held +
	       sp_piece_pool_memory(&d->pool) + 2 * PAYLOAD_BYTES;
}

/* Buckets hold 1 + index, so that fresh memory is an empty table. */
static uint32_t *bucket_of(struct sp_defrag *d, const struct identity *id)
{
	return &d->bucket[sp_hash_bytes(id, sizeof *id, d->hash_key) & d->bucket_mask];
}

static struct datagram *find(struct sp_defrag *d, const struct identity *id)
{
	for (uint32_t i = *bucket_of(d, id); i; i = d->datagram[i - 1].chain)
		if (!memcmp(&d->datagram[i - 1].identity, id, sizeof *id))
			return &d->datagram[i - 1];
	return NULL;
}

static uint32_t index_of(const struct sp_defrag *d, const struct datagram *g)
{
	return (uint32_t)(g - d->datagram);
}

static void unlink_by_birth(struct sp_defrag *d, struct datagram *g)
{
	*(g->older == NONE ? &d->oldest : &d->datagram[g->older].newer) = g->newer;
	*(g->newer == NONE ? &d->newest : &d->datagram[g->newer].older) = g->older;
}

static void link_newest(struct sp_defrag *d, struct datagram *g, uint64_t now_ns)
{
	g->born_ns = now_ns;
	g->older = d->newest;
	g->newer = NONE;
	*(d->newest == NONE ? &d->oldest : &d->datagram[d->newest].newer) = index_of(d, g);
	d->newest = index_of(d, g);
}

/* Sets the fragments that wait for this datagram's first free, in the order of their arrival. */
static void release_held(struct sp_defrag *d, struct datagram *g)
{
	uint32_t last = NONE, first = NONE;
	for (uint32_t i = g->held; i != NONE;) {
		uint32_t next = d->held[i].next;
		d->held[i].next = first;
		last = last == NONE ? i : last;
		first = i;
		i = next;
	}
	g->held = NONE;
	if (first == NONE)
		return;
	*(d->ready == NONE ? &d->ready : &d->held[d->ready_last].next) = first;
	d->ready_last = last;
}

/* Gives a later fragment the flow of its first. */
static void adopt(struct sp_defrag *d, const struct datagram *g, struct sp_pkt *pkt, struct sp_flow_key *key)
{
	*key = g->key;
	pkt->hash = g->flow_hash;
	pkt->proto = g->proto;
	pkt->flags &= (uint16_t) ~(SP_PKT_REVERSE | SP_PKT_NO_PORTS);
	pkt->flags |= g->flow_flags;
	d->stats->fragments_matched++;
}

static void close_datagram(struct sp_defrag *d, struct datagram *g)
{
	sp_pieces_clear(&d->pool, &g->pieces);
	g->closed = true;
}

static void give_up(struct sp_defrag *d, struct datagram *g)
{
	d->stats->datagrams_incomplete++;
	close_datagram(d, g);
}

static void forget(struct sp_defrag *d, struct datagram *g)
{
	for (uint32_t i = g->held; i != NONE; i = d->held[i].next)
		d->stats->fragments_orphaned++;
	release_held(d, g);
	if (!g->closed)
		give_up(d, g);
	unlink_by_birth(d, g);
	uint32_t *at = bucket_of(d, &g->identity);
	while (*at != index_of(d, g) + 1)
		at = &d->datagram[*at - 1].chain;
	*at = g->chain;
	g->chain = d->free;
	d->free = index_of(d, g);
}

static struct datagram *begin(struct sp_defrag *d, const struct identity *id, const struct sp_pkt *pkt)
{
	if (d->free == NONE && d->n_fresh == d->conf.max_datagrams)
		forget(d, &d->datagram[d->oldest]);
	uint32_t i = d->free;
	if (i != NONE)
		d->free = d->datagram[i].chain;
	else
		i = d->n_fresh++;
	struct datagram *g = &d->datagram[i];
	*g = (struct datagram){.identity = *id, .held = NONE, .captured = UINT32_MAX, .point = pkt->point};
	sp_pieces_init(&g->pieces);
	uint32_t *bucket = bucket_of(d, id);
	g->chain = *bucket;
	*bucket = i + 1;
	link_newest(d, g, pkt->ts_ns);
	return g;
}

static bool hold(struct sp_defrag *d, struct datagram *g, const struct sp_pkt *pkt, const struct sp_flow_key *key,
		 const struct sp_layers *layers)
{
	uint32_t i = d->held_free;
	if (i != NONE)
		d->held_free = d->held[i].next;
	else if (d->held_fresh < d->conf.max_held)
		i = d->held_fresh++;
	else
		return false;
	struct held *h = &d->held[i];
	h->next = g->held;
	g->held = i;
	h->pkt = *pkt;
	h->key = *key;
	if (pkt->layers)
		h->layers = *layers;
	uint32_t from = pkt->l2 < pkt->l3 && pkt->l3 - pkt->l2 <= HELD_HEAD / 2 ? pkt->l2 : pkt->l3;
	uint32_t n = SP_MIN(SP_MIN(pkt->l7, pkt->cap_len) - from, HELD_HEAD);
	memcpy(h->head, pkt->data + from, n);
	h->pkt.cookie = 0;
	h->pkt.flags |= SP_PKT_CUT;
	h->pkt.cap_len = n;
	h->pkt.l2 = from == pkt->l2 ? 0 : SP_NOOFS;
	h->pkt.l3 = (uint16_t)(pkt->l3 - from);
	h->pkt.l7 = pkt->l7 <= from + n ? (uint16_t)(pkt->l7 - from) : SP_NOOFS;
	return true;
}

/* The first fragment names the flow. `l4`: where in the datagram's payload its header begins. */
static void learn_first(struct sp_defrag *d, struct datagram *g, const struct sp_pkt *pkt,
			const struct sp_flow_key *key, uint16_t l4)
{
	g->key = *key;
	g->flow_hash = pkt->hash;
	g->flow_flags = pkt->flags & (SP_PKT_REVERSE | SP_PKT_NO_PORTS);
	g->proto = pkt->proto;
	g->l4 = l4;
	g->has_first = true;
	for (uint32_t i = g->held; i != NONE; i = d->held[i].next)
		adopt(d, g, &d->held[i].pkt, &d->held[i].key);
	release_held(d, g);
}

/* Adds the fragment's bytes, taking blocks from the oldest datagrams when there are none. */
static enum sp_pieces_result add_piece(struct sp_defrag *d, struct datagram *g, const struct sp_fragment *f,
				       const struct sp_pkt *pkt)
{
	uint32_t captured = SP_MIN(pkt->cap_len - f->at, f->len);
	if (captured < f->len)
		g->captured = SP_MIN(g->captured, f->offset + captured);
	for (;;) {
		enum sp_pieces_result r =
			sp_pieces_add(&d->pool, &g->pieces, f->offset, pkt->data + f->at, captured, f->len);
		if (r != SP_PIECES_FULL || d->oldest == index_of(d, g))
			return r;
		forget(d, &d->datagram[d->oldest]);
	}
}

/* Whether the lengths that fragments declare contradict each other. */
static bool contradicts(const struct datagram *g, const struct sp_fragment *f)
{
	uint32_t end = f->offset + f->len;
	if (f->more)
		return g->total && end >= g->total;
	return (g->total && end != g->total) || end < g->pieces.end;
}

static void reassemble(struct sp_defrag *d, struct datagram *g, const struct sp_pkt *pkt, const struct sp_fragment *f)
{
	if (g->closed)
		return;
	/* More than decode allows, when the length was left to the network card. */
	if (f->len > DATAGRAM_MAX - f->offset) {
		give_up(d, g);
		return;
	}
	bool overlap = contradicts(g, f);
	if (!overlap && f->len) {
		enum sp_pieces_result r = add_piece(d, g, f, pkt);
		if (r == SP_PIECES_FULL || r == SP_PIECES_TOO_MANY) {
			give_up(d, g);
			return;
		}
		overlap = r == SP_PIECES_OVERLAP;
	}
	if (overlap) {
		d->stats->fragments_overlapped++;
		close_datagram(d, g);
		return;
	}
	if (!f->more)
		g->total = f->offset + f->len;
	if (!g->has_first || !g->total || g->pieces.bytes != g->total)
		return;
	uint8_t *older = d->payload[1];
	d->payload[1] = d->payload[0];
	d->payload[0] = older;
	sp_pieces_copy(&d->pool, &g->pieces, d->payload[0] + SP_DATAGRAM_HEADROOM);
	d->complete = g;
	d->stats->datagrams_reassembled++;
	close_datagram(d, g);
}

static struct identity identity_of(const struct sp_pkt *pkt, const struct sp_flow_key *key, const struct sp_fragment *f)
{
	struct identity id;
	memset(&id, 0, sizeof id);
	id.lo = key->lo;
	id.hi = key->hi;
	id.id = f->id;
	id.space = key->space;
	id.v6 = f->v6;
	id.proto = f->v6 ? 0 : pkt->data[pkt->l3 + 9];
	/* between equal addresses it is the ports that tell the side, and only the first fragment has them */
	id.reverse = pkt->flags & SP_PKT_REVERSE && !sp_addr_eq(&key->lo, &key->hi);
	return id;
}

/* Senders reuse identifiers: a first fragment after the end of a datagram, or with other ports, begins a new one. */
static bool begins_anew(const struct datagram *g, const struct sp_flow_key *key)
{
	return g->has_first && (g->closed || memcmp(&g->key, key, sizeof *key));
}

enum sp_defrag_result sp_defrag_packet(struct sp_defrag *d, struct sp_pkt *pkt, struct sp_flow_key *key,
				       const struct sp_layers *layers)
{
	struct sp_fragment f = sp_decode_fragment(pkt);
	struct sp_pkt own = *pkt; /* an ICMP error counts as its own conversation's here */
	struct sp_flow_key own_key = *key;
	if (own.flags & SP_PKT_QUOTED)
		sp_decode_icmp_own_key(d->hash_key, &own, &own_key);
	struct identity id = identity_of(&own, &own_key, &f);
	enum sp_defrag_result result = SP_DEFRAG_TRACK;
	bool later = pkt->flags & SP_PKT_LATER_FRAG;
	sp_defrag_tick(d, pkt->ts_ns);
	d->complete = NULL;
	d->stats->fragments++;
	struct datagram *g = find(d, &id);
	if (g && !later && begins_anew(g, &own_key)) {
		forget(d, g);
		g = NULL;
	}
	if (!g)
		g = begin(d, &id, pkt);
	if (!later) {
		if (!g->has_first)
			learn_first(d, g, &own, &own_key, (uint16_t)(pkt->l4 - f.at));
	} else if (g->has_first) {
		adopt(d, g, pkt, key);
	} else if (hold(d, g, pkt, key, layers)) {
		result = SP_DEFRAG_HELD;
	} else {
		d->stats->fragments_orphaned++;
	}
	reassemble(d, g, pkt, &f);
	return result;
}

struct sp_batch *sp_defrag_released(struct sp_defrag *d)
{
	struct sp_batch *b = &d->released;
	sp_batch_begin(b);
	while (d->ready != NONE && b->n < SP_BATCH_MAX) {
		uint32_t i = d->ready;
		struct held *h = &d->held[i];
		d->ready = h->next;
		b->pkt[b->n] = h->pkt;
		b->key[b->n] = h->key;
		memcpy(d->released_head[b->n], h->head, h->pkt.cap_len);
		b->pkt[b->n].data = d->released_head[b->n];
		if (h->pkt.layers) {
			b->layers[b->n_layers++] = h->layers;
			b->pkt[b->n].layers = (uint16_t)b->n_layers;
		}
		b->n++;
		h->next = d->held_free;
		d->held_free = i;
	}
	return b->n ? b : NULL;
}

static uint32_t header_len(uint8_t proto, const uint8_t *l4, uint32_t n)
{
	switch (proto) {
	case SP_PROTO_UDP:
	case SP_PROTO_ICMP:
	case SP_PROTO_ICMP6:
		return SP_MIN(8, n);
	case PROTO_SCTP:
		return SP_MIN(12, n);
	case SP_PROTO_TCP:
		return n < 20 ? n : SP_MIN(SP_MAX(20u, l4[12] >> 4 << 2), n);
	}
	return 0;
}

bool sp_defrag_datagram(const struct sp_defrag *d, struct sp_datagram *ret)
{
	const struct datagram *g = d->complete;
	if (!g || g->l4 >= g->total)
		return false;
	uint8_t *l4 = d->payload[0] + SP_DATAGRAM_HEADROOM + g->l4;
	uint32_t n = g->total - g->l4, end = SP_MIN(g->captured, g->total);
	if (g->proto == SP_PROTO_UDP && n >= 8 && sp_be16(l4 + 4) >= 8)
		n = SP_MIN(n, sp_be16(l4 + 4));
	uint32_t header = header_len(g->proto, l4, n);
	ret->l4 = (struct sp_slice){l4, SP_MIN(end > g->l4 ? end - g->l4 : 0, n)};
	ret->room = l4;
	ret->header = header;
	ret->payload = n - header;
	ret->first_ns = g->born_ns;
	return true;
}

void sp_defrag_tick(struct sp_defrag *d, uint64_t now_ns)
{
	while (d->oldest != NONE && d->datagram[d->oldest].born_ns + d->conf.timeout <= now_ns)
		forget(d, &d->datagram[d->oldest]);
}

void sp_defrag_end(struct sp_defrag *d, uint32_t point)
{
	for (uint32_t i = d->oldest; i != NONE;) {
		struct datagram *g = &d->datagram[i];
		i = g->newer;
		if (point == SP_POINT_ANY || g->point == point)
			forget(d, g);
	}
}

uint64_t sp_defrag_due(const struct sp_defrag *d)
{
	return d->oldest == NONE ? UINT64_MAX : d->datagram[d->oldest].born_ns + d->conf.timeout;
}
