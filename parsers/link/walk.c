/* SPDX-License-Identifier: Apache-2.0 */
/* The general way through a frame: from step to step, and what is left of it in the end. */
#include "parsers/link/walk.h"

static const uint8_t verdicts[] = {
#define X(sym, verdict, name) SP_##verdict,
	SP_DECODE_REASONS(X)
#undef X
};

static void new_layers(struct sp_walk *w)
{
	if (!w->has_layers)
		memset(w->layers, 0, sizeof *w->layers);
	w->has_layers = true;
}

void sp_walk_push_vlan(struct sp_walk *w, uint16_t id)
{
	new_layers(w);
	w->space = sp_space_vlan(w->space, id);
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
		pkt->verdict = verdicts[w->reason];
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

void sp_walk(const struct sp_decode_conf *conf, struct sp_batch *batch, uint32_t i)
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
	w.open_end = conf->sliced;
	w.has_good = w.has_layers = false;

	pkt->hash = 0;
	pkt->l7_len = 0;
	pkt->layers = 0;
	pkt->proto = pkt->tcp_flags = pkt->ttl = 0;

	enum sp_step s = sp_walk_link(&w, pkt->link);
	for (unsigned n = 0; s != SP_STEP_END; n++)
		s = n < SP_WALK_STEPS ? step(&w, s) : sp_walk_fail(&w, SP_DECODE_TOO_DEEP);
	finish(&w, batch, i);
}
