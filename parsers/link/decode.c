/* SPDX-License-Identifier: Apache-2.0 */
/* The batch: a straight line for plain Ethernet, IPv4, TCP or UDP; a walk through the headers for everything else. */
#include "parsers/link/decode.h"

#include "parsers/link/walk.h"

#define PREFETCH_AHEAD 6

enum { ETH_LEN = 14, IP4_LEN = 20, UDP_LEN = 8, TCP_LEN = 20 };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };

/* Every UDP port that may carry a tunnel, laid out for one vector comparison. */
struct tunnel_ports {
	_Alignas(32) uint16_t dst[16];
	uint16_t gtpu, l2tp;
};

static const struct {
	const char *name;
	uint8_t verdict;
} reasons[] = {
#define X(sym, verdict, name) {name, SP_##verdict},
	SP_DECODE_REASONS(X)
#undef X
};

static const char *const tunnel_names[] = {
#define X(sym, text) text,
	SP_TUNNEL_TYPES(X)
#undef X
};

const char *sp_decode_reason_name(enum sp_decode_reason reason)
{
	assert(reason < SP_DECODE_REASON_MAX);
	return reasons[reason].name;
}

const char *sp_tunnel_type_name(enum sp_tunnel_type type)
{
	assert(type < SP_TUNNEL_TYPE_MAX);
	return tunnel_names[type];
}

struct sp_decode_conf sp_decode_conf_default(void)
{
	return (struct sp_decode_conf){
		.vxlan_ports = {4789, 8472},
		.vxlan_gpe_port = 4790,
		.geneve_port = 6081,
		.gtpu_port = 2152,
		.l2tp_port = 1701,
		.max_tunnels = 8,
	};
}

uint64_t sp_flow_key_hash(const struct sp_flow_key *key, uint64_t hash_key)
{
	return sp_key_hash(key, hash_key);
}

static struct tunnel_ports tunnel_ports(const struct sp_decode_conf *conf)
{
	struct tunnel_ports t = {.gtpu = conf->gtpu_port, .l2tp = conf->l2tp_port};
	unsigned n = 0;
	for (unsigned i = 0; i < SP_DECODE_UDP_PORTS && conf->vxlan_ports[i]; i++)
		t.dst[n++] = conf->vxlan_ports[i];
	t.dst[n++] = conf->vxlan_gpe_port;
	t.dst[n++] = conf->geneve_port;
	t.dst[n++] = conf->gtpu_port;
	t.dst[n++] = conf->l2tp_port;
	return t;
}

static inline bool may_be_tunnel(const struct tunnel_ports *t, uint16_t sport, uint16_t dport)
{
	unsigned hit = (sport == t->gtpu) | (sport == t->l2tp);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(t->dst); i++)
		hit |= t->dst[i] == dport;
	return hit;
}

/* Plain Ethernet, IPv4 without options, a whole TCP or UDP header, nothing odd. False: not that, nothing written that
 * the walk does not write again. */
static inline bool fast(const struct tunnel_ports *ports, uint64_t hash_key, struct sp_pkt *pkt,
			struct sp_flow_key *key)
{
	const uint8_t *p = pkt->data;
	uint32_t cap = pkt->cap_len;
	if (cap < ETH_LEN + IP4_LEN + UDP_LEN || pkt->link != SP_LINK_ETHERNET)
		return false;
	if ((sp_be32(p + 12) & 0xffffff00) != 0x08004500 || sp_be16(p + 20) & 0x3fff)
		return false;
	uint32_t total = sp_be16(p + 16), end = ETH_LEN + total;
	if (end > pkt->wire_len)
		return false;
	const uint8_t *l4 = p + ETH_LEN + IP4_LEN;
	uint16_t sport = sp_be16(l4), dport = sp_be16(l4 + 2);
	uint32_t l7, proto = p[23];
	uint8_t tcp_flags = 0;
	if (proto == PROTO_TCP) {
		if (cap < ETH_LEN + IP4_LEN + TCP_LEN)
			return false;
		unsigned header = l4[12] >> 4 << 2;
		l7 = ETH_LEN + IP4_LEN + header;
		if (header < TCP_LEN || l7 > end)
			return false;
		tcp_flags = l4[13];
	} else if (proto == PROTO_UDP) {
		l7 = ETH_LEN + IP4_LEN + UDP_LEN;
		uint32_t declared = ETH_LEN + IP4_LEN + sp_be16(l4 + 4);
		if (declared < l7 || declared > end || may_be_tunnel(ports, sport, dport))
			return false;
		end = declared;
	} else {
		return false;
	}
	if (l7 > cap)
		return false;
	bool reverse = sp_key_v4(key, p + 26, p + 30, sport, dport, pkt->space, (uint8_t)proto);
	pkt->hash = (uint32_t)sp_key_hash(key, hash_key);
	pkt->l7_len = end - l7;
	pkt->l3 = ETH_LEN;
	pkt->l4 = ETH_LEN + IP4_LEN;
	pkt->l7 = (uint16_t)l7;
	pkt->flags = (uint16_t)((reverse ? SP_PKT_REVERSE : 0) | (cap < pkt->wire_len ? SP_PKT_CUT : 0));
	pkt->layers = 0;
	pkt->proto = (uint8_t)proto;
	pkt->tcp_flags = tcp_flags;
	pkt->verdict = SP_ANALYSED;
	pkt->reason = SP_DECODE_OK;
	pkt->ttl = p[22];
	pkt->l2 = 0;
	return true;
}

static void new_layers(struct sp_walk *w)
{
	if (!w->has_layers)
		memset(w->layers, 0, sizeof *w->layers);
	w->has_layers = true;
}

void sp_walk_push_vlan(struct sp_walk *w, uint16_t id)
{
	new_layers(w);
	w->space = sp_space_mix(w->space, UINT64_C(1) << 32 | id);
	if (w->layers->n_vlan < SP_LAYERS_MAX)
		w->layers->vlan[w->layers->n_vlan++] = id;
	else
		w->layers->omitted += w->layers->omitted < UINT8_MAX;
}

void sp_walk_push_mpls(struct sp_walk *w, uint32_t label)
{
	new_layers(w);
	if (w->layers->n_mpls < SP_LAYERS_MAX)
		w->layers->mpls[w->layers->n_mpls++] = label;
	else
		w->layers->omitted += w->layers->omitted < UINT8_MAX;
}

bool sp_walk_may_open(const struct sp_walk *w, enum sp_tunnel_type type)
{
	return w->n_opened < w->conf->max_tunnels && !(w->conf->keep >> type & 1);
}

/* Identifiers that both directions share tell networks apart; the others would tear a conversation in two. */
static bool id_is_space(enum sp_tunnel_type type)
{
	return type != SP_TUNNEL_GTPU && type != SP_TUNNEL_L2TP && type != SP_TUNNEL_ERSPAN && type != SP_TUNNEL_NSH;
}

void sp_walk_open(struct sp_walk *w, enum sp_tunnel_type type, const uint32_t *id, bool outer)
{
	w->n_opened++;
	if (w->conf->mirror >> type & 1) {
		w->has_good = false;
		w->has_layers = false;
		w->space = w->point_space;
		w->frame_flags &= (uint16_t)~SP_PKT_TUNNELLED;
		return;
	}
	new_layers(w);
	w->frame_flags |= SP_PKT_TUNNELLED;
	w->space = sp_space_mix(w->space, UINT64_C(2) << 32 | type);
	if (id && id_is_space(type))
		w->space = sp_space_mix(w->space, UINT64_C(3) << 32 | *id);
	if (w->layers->n_tunnel == SP_LAYERS_MAX) {
		w->layers->omitted += w->layers->omitted < UINT8_MAX;
		return;
	}
	struct sp_tunnel *t = &w->layers->tunnel[w->layers->n_tunnel++];
	t->type = (uint8_t)type;
	t->has_id = id != NULL;
	t->id = id ? *id : 0;
	t->has_addr = outer;
	if (outer) {
		const uint8_t *ip = w->data + w->l3;
		if (w->v6) {
			memcpy(t->src.b, ip + 8, 16);
			memcpy(t->dst.b, ip + 24, 16);
		} else {
			t->src = sp_addr_v4(ip + 12);
			t->dst = sp_addr_v4(ip + 16);
		}
	}
}

bool sp_conv_key(const struct sp_conv *c, struct sp_flow_key *key)
{
	uint16_t sport = c->icmp ? 0 : c->sport, dport = c->icmp ? 0 : c->dport;
	bool reverse = (c->v6 ? sp_key_v6 : sp_key_v4)(key, c->src, c->dst, sport, dport, c->space, c->key_proto);
	if (c->icmp) {
		key->lo_port = c->sport;
		key->hi_port = c->dport;
	}
	return reverse;
}

static enum sp_step step(struct sp_walk *w, enum sp_step s)
{
	switch (s) {
	case SP_STEP_ETHERNET:
		return sp_walk_ethernet(w);
	case SP_STEP_ETHERTYPE:
		return sp_walk_payload(w);
	case SP_STEP_PPP:
		return sp_walk_ppp(w);
	case SP_STEP_IP:
		return sp_walk_ip(w);
	case SP_STEP_IP4:
		return sp_walk_ip4(w);
	case SP_STEP_IP6:
		return sp_walk_ip6(w);
	case SP_STEP_L4:
		return sp_walk_l4(w);
	case SP_STEP_MPLS:
		return sp_walk_mpls(w);
	case SP_STEP_NSH:
		return sp_walk_nsh(w);
	case SP_STEP_END:
		break;
	}
	return SP_STEP_END;
}

/* Layers pushed after the conversation that won are none of its own. */
static void keep_layers(struct sp_walk *w)
{
	struct sp_layers *l = w->layers;
	const struct sp_conv *c = &w->good;
	if (l->n_vlan == c->n_vlan && l->n_mpls == c->n_mpls && l->n_tunnel == c->n_tunnel) {
		l->omitted = c->omitted;
		return;
	}
	memset(&l->vlan[c->n_vlan], 0, (SP_LAYERS_MAX - c->n_vlan) * sizeof l->vlan[0]);
	memset(&l->mpls[c->n_mpls], 0, (SP_LAYERS_MAX - c->n_mpls) * sizeof l->mpls[0]);
	memset(&l->tunnel[c->n_tunnel], 0, (SP_LAYERS_MAX - c->n_tunnel) * sizeof l->tunnel[0]);
	l->n_vlan = c->n_vlan;
	l->n_mpls = c->n_mpls;
	l->n_tunnel = c->n_tunnel;
	l->omitted = c->omitted;
}

static void finish(struct sp_walk *w, struct sp_batch *batch, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	struct sp_conv *c = &w->good;
	if (!w->has_good) {
		assert(w->reason != SP_DECODE_OK);
		pkt->verdict = reasons[w->reason].verdict;
		pkt->reason = w->reason;
		pkt->l3 = pkt->l4 = pkt->l7 = SP_NOOFS;
		pkt->l2 = w->l2;
		pkt->flags = w->frame_flags & SP_PKT_CUT;
		pkt->space = w->space;
		return;
	}
	bool reverse = sp_conv_key(c, &batch->key[i]);
	if (c->flags & SP_PKT_QUOTED)
		reverse = !reverse;
	pkt->hash = (uint32_t)sp_key_hash(&batch->key[i], w->conf->hash_key);
	pkt->space = c->space;
	pkt->l7_len = c->l7_len;
	pkt->l2 = c->l2;
	pkt->l3 = c->l3;
	pkt->l4 = c->l4;
	pkt->l7 = c->l7;
	pkt->flags = (uint16_t)(c->flags | (reverse ? SP_PKT_REVERSE : 0));
	pkt->proto = c->proto;
	pkt->tcp_flags = c->tcp_flags;
	pkt->ttl = c->ttl;
	pkt->verdict = SP_ANALYSED;
	pkt->reason = SP_DECODE_OK;
	if (w->has_layers && c->n_vlan + c->n_mpls + c->n_tunnel) {
		keep_layers(w);
		pkt->layers = (uint16_t)++batch->n_layers;
	}
}

static __attribute__((noinline)) void walk(const struct sp_decode_conf *conf, struct sp_batch *batch, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	struct sp_walk w;
	w.conf = conf;
	w.data = pkt->data;
	w.layers = &batch->layers[batch->n_layers];
	w.pos = 0;
	w.cap = SP_MIN(pkt->cap_len, SP_WALK_BYTES);
	w.end = SP_MAX(pkt->wire_len, pkt->cap_len);
	w.padded_end = 0;
	w.space = w.point_space = pkt->space;
	w.l2 = w.l3 = SP_NOOFS;
	w.flags = 0;
	w.frame_flags =
		(uint16_t)((pkt->flags & SP_PKT_CSUM_PENDING) | (pkt->cap_len < pkt->wire_len ? SP_PKT_CUT : 0));
	w.reason = SP_DECODE_OK;
	w.n_opened = 0;
	w.open_end = w.has_good = w.has_layers = false;

	pkt->hash = 0;
	pkt->l7_len = 0;
	pkt->layers = 0;
	pkt->proto = pkt->tcp_flags = pkt->ttl = 0;

	enum sp_step s = sp_walk_link(&w, pkt->link);
	for (unsigned n = 0; s != SP_STEP_END; n++)
		s = n < SP_WALK_STEPS ? step(&w, s) : sp_walk_fail(&w, SP_DECODE_TOO_DEEP);
	finish(&w, batch, i);
}

void sp_decode_batch(const struct sp_decode_conf *conf, const uint32_t *space, struct sp_batch *batch)
{
	assert(batch->n <= SP_BATCH_MAX);
	const struct tunnel_ports ports = tunnel_ports(conf);
	uint64_t hash_key = conf->hash_key;
	bool straight = !conf->verify_checksums;
	uint32_t n = batch->n;
	batch->n_layers = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct sp_pkt *pkt = &batch->pkt[i];
		if (i + PREFETCH_AHEAD < n)
			__builtin_prefetch(batch->pkt[i + PREFETCH_AHEAD].data);
		pkt->space = space[pkt->point];
		if (SP_LIKELY(straight && fast(&ports, hash_key, pkt, &batch->key[i])))
			continue;
		walk(conf, batch, i);
	}
}

void sp_decode_icmp_own_key(uint64_t hash_key, struct sp_pkt *pkt, struct sp_flow_key *key)
{
	assert(pkt->flags & SP_PKT_QUOTED);
	const uint8_t *ip = pkt->data + pkt->l3, *icmp = pkt->data + pkt->l4;
	bool v6 = ip[0] >> 4 == 6;
	struct sp_conv c = {
		.src = ip + (v6 ? 8 : 12),
		.dst = ip + (v6 ? 24 : 16),
		.sport = (uint16_t)(icmp[0] << 8 | icmp[1]),
		.space = pkt->space,
		.key_proto = pkt->proto,
		.v6 = v6,
		.icmp = true,
	};
	bool reverse = sp_conv_key(&c, key);
	pkt->flags &= (uint16_t) ~(SP_PKT_QUOTED | SP_PKT_REVERSE);
	pkt->flags |= SP_PKT_NO_PORTS | (reverse ? SP_PKT_REVERSE : 0);
	pkt->hash = (uint32_t)sp_key_hash(key, hash_key);
}
