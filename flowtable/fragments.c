/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments on their way through the flow table. Each is counted as a packet of its flow, now or when its first has
 * told which one that is; what they say together is said once, when the datagram is complete. One that never is was
 * not received either, or the capture missed a part: to TCP it is then a hole. */
#include "flowtable/flowtable_priv.h"

#define TCP_LEN 20
#define TCP_FLAGS 13

/* One that waited. Its verdict has been given: without room in the table it is not dropped any more. */
static void release_one(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	if (sp_flow_fragment(ft, b, i))
		return;
	ft->stats.flows_refused--;
	ft->stats.fragments_refused++;
}

static void release(struct sp_flowtable *ft)
{
	struct sp_batch *b;
	while ((b = sp_defrag_released(ft->defrag))) {
		sp_flow_make_room(ft);
		for (uint32_t i = 0; i < b->n; i++)
			release_one(ft, b, i);
	}
	sp_flow_make_room(ft);
	ft->fragments_due = sp_defrag_due(ft->defrag);
}

/* The datagram as one packet that ends with the fragment that completed it. An answer in datagrams began with its
 * first. */
static void whole(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *last,
		  const struct sp_layers *layers)
{
	struct sp_datagram d;
	if (!sp_defrag_datagram(ft->defrag, &d) || sp_inner_packet(ft, last, layers, &d))
		return;
	unsigned side = last->flags & SP_PKT_REVERSE ? 1 : 0;
	bool answer = f->proto != SP_PROTO_TCP && side != sp_flow_client(f);
	bool cut = d.l4.n < d.header + d.payload;
	bool header_cut = d.l4.n < d.header || (f->proto == SP_PROTO_TCP && d.header < TCP_LEN);
	struct sp_pkt pkt = *last;
	pkt.data = d.l4.p;
	pkt.ts_ns = answer ? d.first_ns : last->ts_ns;
	pkt.wire_len = d.header + d.payload;
	pkt.cap_len = (uint32_t)d.l4.n;
	pkt.l7_len = d.payload;
	pkt.l2 = pkt.l3 = SP_NOOFS;
	pkt.l4 = 0;
	pkt.l7 = (uint16_t)SP_MIN(d.header, pkt.cap_len);
	pkt.tcp_flags = f->proto == SP_PROTO_TCP && d.l4.n > TCP_FLAGS ? d.l4.p[TCP_FLAGS] : 0;
	pkt.flags &= (uint16_t) ~(SP_PKT_FRAGMENT | SP_PKT_LATER_FRAG | SP_PKT_CUT | SP_PKT_L4_CUT);
	pkt.flags |= (uint16_t)((cut ? SP_PKT_CUT : 0) | (header_cut ? SP_PKT_L4_CUT : 0));
	sp_flow_message(ft, f, key, &pkt);
}

uint32_t sp_fragments_packet(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i)
{
	struct sp_pkt *pkt = &b->pkt[i];
	const struct sp_layers *layers = pkt->layers ? &b->layers[pkt->layers - 1] : NULL;
	enum sp_defrag_result result = sp_defrag_packet(ft->defrag, pkt, &b->key[i], layers);
	release(ft);
	if (result == SP_DEFRAG_HELD)
		return 0;
	if (pkt->flags & SP_PKT_QUOTED && sp_flow_quoted(ft, b, i))
		return 0;
	struct sp_flow *f = sp_flow_fragment(ft, b, i);
	if (!f) {
		pkt->verdict = SP_DROPPED;
		b->odd = true;
		return 0;
	}
	uint32_t flow = (uint32_t)(f - ft->flow);
	whole(ft, f, &b->key[i], pkt, layers);
	return flow;
}

void sp_fragments_tick(struct sp_flowtable *ft)
{
	sp_defrag_tick(ft->defrag, ft->now_ns);
	release(ft);
}

void sp_fragments_end(struct sp_flowtable *ft, uint32_t point)
{
	sp_defrag_end(ft->defrag, point);
	release(ft);
}
