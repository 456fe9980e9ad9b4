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

/* Whether an acknowledgement of `side` covers all bytes that the other one sent, as far as they were seen. */
static inline bool sp_tcp_covers(const struct sp_flow *f, unsigned side, uint32_t ack)
{
	return sp_tcp_distance(ack, f->dir[side ^ 1].next_seq) >= 0;
}

/* What new bytes of one side change, by what is known. Which side sends next cannot be guessed, so this is looked up
 * and not decided. Bytes of the client ask. Bytes of the server answer when something was asked and they acknowledge
 * all of it: else they crossed it on the way. */
struct sp_tcp_turn {
	uint16_t keep, set; /* of the flow's bits */
	uint32_t delay;	    /* somebody waited for them: enum sp_delay_kind. 0: nobody */
};

enum { SP_TURN_WAITING = 1, SP_TURN_UNACKED = 2, SP_TURN_COVERS = 4, SP_TURN_ASKS = 8, SP_TURNS = 16 };

extern const struct sp_tcp_turn sp_tcp_turn[SP_TURNS];

/* New bytes of one side: who waited for whom, and how long. `covers`: the last of them acknowledge all of the other
 * side's bytes. An answer was waited for since the request, a request since whatever was sent last. */
static inline void sp_tcp_new_data(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, bool covers, uint64_t ns)
{
	static_assert(SP_FLOW_CLIENT_IS_HI == 1, "compared with a side");
	static_assert(SP_FLOW_UNACKED == SP_FLOW_ASKED << 1 && SP_TURN_UNACKED == SP_TURN_WAITING << 1, "side by side");
	struct sp_flow_dir *d = &f->dir[side];
	uint64_t *own = &d->data_ns, since = sp_flow_other_dir(d)->data_ns;
	unsigned bits = f->bits, asks = (side ^ bits ^ 1) & 1;
	unsigned known = bits / SP_FLOW_ASKED & (SP_TURN_WAITING | SP_TURN_UNACKED);
	SP_UNPREDICTABLE(asks);
	const struct sp_tcp_turn *turn = &sp_tcp_turn[known | covers * SP_TURN_COVERS | asks * SP_TURN_ASKS];
	since = SP_MAX(since, *own & -(uint64_t)asks);
	f->bits = (uint16_t)((bits & turn->keep) | turn->set);
	*own = ns;
	if (SP_LIKELY(turn->delay && (since || !asks)))
		sp_flow_delay_add(ft, f, turn->delay, since, ns);
}

/* An ACK without data; from the server's side, and covering all of the client's data, it is the stack's answer. */
static inline void sp_tcp_ack_delay(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, bool covers, uint64_t ns)
{
	unsigned client = sp_flow_client(f);
	if (!(f->bits & SP_FLOW_UNACKED) || side == client || !covers)
		return;
	uint64_t since = f->dir[client].data_ns;
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
	if (!(f->bits & SP_FLOW_HEALTHY))
		return false;
	const uint8_t *h = pkt->data + pkt->l4;
	struct sp_flow_dir *d = &f->dir[side];
	const struct sp_flow_dir *r = sp_flow_other_dir(d);
	uint32_t seq = sp_be32(h + 4), ack = sp_be32(h + 8), len = pkt->l7_len;
	uint16_t window = sp_be16(h + 14);
	int32_t news = sp_tcp_distance(ack, d->ack), unseen = sp_tcp_distance(r->next_seq, ack);
	if (SP_UNLIKELY((pkt->tcp_flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST | SP_TCP_ACK)) != SP_TCP_ACK) ||
	    SP_UNLIKELY(seq != d->next_seq) || SP_UNLIKELY(!window) || SP_UNLIKELY((news | unseen) < 0) ||
	    SP_UNLIKELY(!((uint32_t)news | len)))
		return false;
	d->flags |= pkt->tcp_flags;
	d->ack = ack;
	d->window = window;
	if (len) {
		d->next_seq = seq + len;
		sp_tcp_new_data(ft, f, side, !unseen, pkt->ts_ns);
	} else {
		sp_tcp_ack_delay(ft, f, side, !unseen, pkt->ts_ns);
	}
	return true;
}

#endif
