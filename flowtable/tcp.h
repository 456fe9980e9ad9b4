/* SPDX-License-Identifier: Apache-2.0 */
/* TCP tracking, as far as it is inlined into the flow table: what the packets of a healthy connection do, and who waits
 * for whom. Everything else is tcp.c. Private to the flow table. */
#ifndef SP_FLOWTABLE_TCP_H
#define SP_FLOWTABLE_TCP_H

#include "base/cursor.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp_wire.h"

/* A lone segment's ACK that comes in this range came from a delayed-ACK timer (40 ms on Linux, up to 500 ms by RFC
 * 9293 3.8.6.3). */
#define SP_TCP_DELAYED_ACK_MIN_NS (35 * SP_NS_PER_MS)
#define SP_TCP_DELAYED_ACK_MAX_NS (520 * SP_NS_PER_MS)

/* What was found odd about a packet. */
enum sp_tcp_sign {
	SP_TCP_AGAIN = 1,	/* data that was seen before */
	SP_TCP_HOLE_FILLED = 2, /* data that was lost before this point, sent again */
	SP_TCP_OVERTAKEN = 4,	/* data that another segment overtook */
	SP_TCP_HOLE = 8,	/* bytes before it were not seen (yet) */
	SP_TCP_DUP_ACK = 16,
	SP_TCP_ZERO_WINDOW = 32,
	SP_TCP_KEEPALIVE = 64, /* asks for an answer, or whether the window is still closed */
};

/* One TCP packet of a flow, sent by `side`; its signs are then in ft->signs. True: the flow's deadline came nearer. */
bool sp_tcp_packet(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side);

/* Does this packet begin another connection on the same ports? */
bool sp_tcp_is_new_connection(const struct sp_flow *f, const struct sp_pkt *pkt, unsigned side);

static inline int32_t sp_tcp_distance(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* New bytes of one side, the last of its segment acknowledging `ack`: who waited for whom, and how long. */
static inline void sp_tcp_new_data(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, uint32_t ack, uint64_t ns)
{
	unsigned client = sp_flow_client(f), bits = f->bits;
	unsigned asks = side == client;
	SP_UNPREDICTABLE(asks);
	uint64_t asked = f->data_ns[client], last = SP_MAX(asked, f->data_ns[!client]);
	unsigned waiting = !!(bits & SP_FLOW_ASKED);
	/* A server's bytes that acknowledge the whole request are an answer, and did not cross it on the way. Which
	 * side sends next cannot be guessed: as few branches as can be. */
	unsigned answers = waiting & (sp_tcp_distance(ack, f->dir[client].next_seq) >= 0) & (asks ^ 1);
	unsigned idle = asks & (last != 0) & (waiting ^ 1), sample = answers | idle;
	static_assert(SP_FLOW_UNACKED_MORE == SP_FLOW_UNACKED << 1, "shifted into place");
	unsigned more = (bits & SP_FLOW_UNACKED) << 1;
	unsigned set = -asks & (more | SP_FLOW_ASKED | SP_FLOW_UNACKED);
	unsigned clear = -answers & (SP_FLOW_ASKED | SP_FLOW_UNACKED | SP_FLOW_UNACKED_MORE);
	f->bits = (uint16_t)((bits & ~clear) | set | (-answers & SP_FLOW_RESPONSE));
	f->data_ns[side] = ns;
	SP_UNPREDICTABLE(sample);
	static_assert(SP_DELAY_CIT == SP_DELAY_ART + 1, "computed, too");
	if (sample)
		sp_flow_delay_add(ft, f, SP_DELAY_ART + asks, asked ^ ((asked ^ last) & -(uint64_t)asks), ns);
}

/* An ACK without data from the server's side that covers all of the client's data. */
static inline void sp_tcp_ack_delay(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, uint32_t ack,
				    uint64_t ns)
{
	unsigned client = sp_flow_client(f);
	if (!(f->bits & SP_FLOW_UNACKED) || side == client || sp_tcp_distance(ack, f->dir[client].next_seq) < 0)
		return;
	uint64_t since = f->data_ns[client];
	bool timer = !(f->bits & SP_FLOW_UNACKED_MORE) && ns - since >= SP_TCP_DELAYED_ACK_MIN_NS &&
		     ns - since <= SP_TCP_DELAYED_ACK_MAX_NS;
	if (!timer)
		sp_flow_delay_add(ft, f, SP_DELAY_SRT, since, ns);
	f->bits &= (uint16_t) ~(SP_FLOW_UNACKED | SP_FLOW_UNACKED_MORE);
}

/* The next segment, or the next acknowledgement, of an open connection in which nothing is odd; captured with its whole
 * header. False: nothing was done, sp_tcp_packet decides. */
static inline bool sp_tcp_fast(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	const uint8_t *h = pkt->data + pkt->l4;
	struct sp_flow_dir *d = &f->dir[side];
	const struct sp_flow_dir *r = &f->dir[!side];
	uint32_t seq = sp_be32(h + 4), ack = sp_be32(h + 8), len = pkt->l7_len;
	uint16_t window = sp_be16(h + 14);
	int32_t news = sp_tcp_distance(ack, d->ack), unseen = sp_tcp_distance(r->next_seq, ack);
	if (SP_UNLIKELY(!(f->bits & SP_FLOW_HEALTHY)) ||
	    SP_UNLIKELY((pkt->tcp_flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST | SP_TCP_ACK)) != SP_TCP_ACK) ||
	    SP_UNLIKELY(seq != d->next_seq) || SP_UNLIKELY(!window) || SP_UNLIKELY((news | unseen) < 0) ||
	    SP_UNLIKELY(!((uint32_t)news | len)))
		return false;
	d->flags |= pkt->tcp_flags;
	d->ack = ack;
	d->window = window;
	if (len) {
		d->next_seq = seq + len;
		sp_tcp_new_data(ft, f, side, ack, pkt->ts_ns);
	} else {
		sp_tcp_ack_delay(ft, f, side, ack, pkt->ts_ns);
	}
	return true;
}

#endif
