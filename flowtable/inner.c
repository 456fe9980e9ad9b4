/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels whose own datagrams were fragmented: put together, they are decoded as if they had come whole, and the
 * conversation inside gets its packet. The fragments stay packets of the tunnel's conversation. */
#include "flowtable/flowtable_priv.h"

enum { IP4_LEN = 20, IP6_LEN = 40 };
static_assert(SP_DATAGRAM_HEADROOM >= IP6_LEN, "an IP header goes before the datagram");

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* An IP header that has no fragments to tell of, before the datagram. Returns its length. */
static uint32_t put_header(const struct sp_pkt *last, const struct sp_datagram *d)
{
	const uint8_t *ip = last->data + last->l3;
	uint32_t len = d->header + d->payload;
	if (ip[0] >> 4 == 4) {
		uint8_t *p = memcpy(d->room - IP4_LEN, ip, IP4_LEN);
		p[0] = 0x45;
		put16(p + 2, IP4_LEN + len);
		put16(p + 6, 0);
		return IP4_LEN;
	}
	uint8_t *p = memcpy(d->room - IP6_LEN, ip, IP6_LEN);
	put16(p + 4, len);
	p[6] = last->proto;
	return IP6_LEN;
}

/* Whether there was something inside, which is then packet 0 of ft->inner. `space`: around the datagram. */
static bool decode(struct sp_flowtable *ft, const struct sp_pkt *last, const struct sp_datagram *d, uint32_t header,
		   uint32_t space)
{
	struct sp_batch *b = ft->inner;
	struct sp_decode_conf conf = *ft->decode;
	conf.verify_checksums = false; /* the header is new */
	sp_batch_begin(b);
	b->n = 1;
	b->pkt[0] = (struct sp_pkt){
		.data = d->room - header,
		.ts_ns = last->ts_ns,
		.wire_len = header + d->header + d->payload,
		.cap_len = header + (uint32_t)d->l4.n,
		.link = SP_LINK_RAW,
	};
	sp_decode_batch(&conf, &space, b);
	b->pkt[0].point = last->point;
	return b->pkt[0].reason == SP_DECODE_OK && b->pkt[0].l3;
}

#define APPEND(all, more, what)                                                                                        \
	for (unsigned i = 0; i < (more)->n_##what; i++) {                                                              \
		if ((all)->n_##what < SP_LAYERS_MAX)                                                                   \
			(all)->what[(all)->n_##what++] = (more)->what[i];                                              \
		else                                                                                                   \
			(all)->omitted += (all)->omitted < UINT8_MAX;                                                  \
	}

/* What was around the fragments is around what they carried. */
static void put_around(struct sp_batch *b, const struct sp_layers *outer)
{
	struct sp_layers all = *outer, *inside = &b->layers[b->pkt[0].layers - 1];
	APPEND(&all, inside, vlan)
	APPEND(&all, inside, mpls)
	APPEND(&all, inside, tunnel)
	*inside = all;
}

bool sp_inner_packet(struct sp_flowtable *ft, const struct sp_pkt *last, const struct sp_layers *outer,
		     const struct sp_datagram *d)
{
	if (!ft->decode || ft->inside)
		return false;
	uint32_t header = put_header(last, d);
	if (!decode(ft, last, d, header, last->space))
		return false;
	/* Mirror transport is forgotten, with all that is around it. */
	bool forgotten = !(ft->inner->pkt[0].flags & SP_PKT_TUNNELLED);
	if (forgotten)
		decode(ft, last, d, header, ft->decode_space[last->point]);
	else if (outer && ft->inner->pkt[0].layers)
		put_around(ft->inner, outer);
	ft->stats.inner_packets++;
	ft->inside = true;
	sp_flow_inner(ft, ft->inner);
	ft->inside = false;
	return true;
}
