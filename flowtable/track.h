/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet does to its flow, as far as it is inlined: for those that come in a batch (batch.c) and for all others
 * (flowtable.c). Private to the flow table. */
#ifndef SP_FLOWTABLE_TRACK_H
#define SP_FLOWTABLE_TRACK_H

#include <smmintrin.h>

#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp.h"

#define SP_FLOW_CARRY (UINT32_C(1) << 31)
#define SP_UDP_ANSWER_MAX_NS (30 * SP_NS_PER_SEC)

/* flowtable.c: counters that are about to wrap go on in the extra block. */
void sp_flow_carry(struct sp_flowtable *ft, struct sp_flow *f);

/* flowtable.c: the flow's ports belong to another connection now, which the packet begins. */
void sp_flow_restart(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		     const struct sp_pkt *pkt);

/* flowtable.c: any packet of a flow. */
void sp_flow_track(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt);

/* flowtable.c: packet i, whose flow was not guessed, that is odd, or that may be a copy. */
void sp_flow_second_look(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i);

/* Neither decided already nor without a conversation. */
static inline bool sp_flow_is_tracked(const struct sp_pkt *pkt)
{
	static_assert(!SP_ANALYSED && !SP_DECODE_OK, "both are looked at together");
	return SP_LIKELY(!(pkt->verdict | pkt->reason));
}

/* A flow begins with its key, so both are compared as they lie there. */
static_assert(offsetof(struct sp_flow, proto) == offsetof(struct sp_flow_key, proto), "same beginning");

static inline bool sp_flow_has_key(const struct sp_flow *f, const struct sp_flow_key *key)
{
	const __m128i *a = (const __m128i *)f, *b = (const __m128i *)key;
	const __m128i tail = _mm_set_epi64x(0xff, -1); /* ports, space and protocol */
	__m128i d = _mm_xor_si128(_mm_load_si128(a), _mm_load_si128(b));
	d = _mm_or_si128(d, _mm_xor_si128(_mm_load_si128(a + 1), _mm_load_si128(b + 1)));
	d = _mm_or_si128(d, _mm_and_si128(tail, _mm_xor_si128(_mm_load_si128(a + 2), _mm_load_si128(b + 2))));
	return _mm_testz_si128(d, d);
}

/* Requests and answers of datagrams: an answer is timed from the oldest datagram that had none yet, so that a client
 * that asks again is seen to have waited since it asked first. An echo's answer comes from the stack, not from an
 * application: `answer` is the kind of that. */
static inline __attribute__((always_inline)) void sp_flow_datagram(struct sp_flowtable *ft, struct sp_flow *f,
								   const struct sp_pkt *pkt, unsigned side,
								   enum sp_delay_kind answer)
{
	uint64_t now = pkt->ts_ns, *own = &f->dir[side].data_ns, since = f->dir[side ^ 1].data_ns;
	if (SP_UNLIKELY(!pkt->l7_len))
		return;
	/* Which side sends next cannot be guessed: as few branches as can be. */
	unsigned asks = side == sp_flow_client(f);
	SP_UNPREDICTABLE(asks);
	uint64_t asked = since ^ ((since ^ *own) & -(uint64_t)asks);
	unsigned waiting = !!(f->bits & SP_FLOW_ASKED) & (now - asked <= SP_UDP_ANSWER_MAX_NS);
	if (SP_UNLIKELY(asks & waiting))
		return;
	*own = now;
	static_assert(SP_FLOW_ASKED == SP_FLOW_RESPONSE << 2, "shifted into place");
	f->bits = (uint16_t)((f->bits & ~SP_FLOW_ASKED) | SP_FLOW_RESPONSE << (asks * 2));
	enum sp_delay_kind kind = answer + asks * (unsigned)(SP_DELAY_CIT - answer);
	if (SP_LIKELY((asks & (since != 0)) | waiting))
		sp_flow_delay_add(ft, f, kind, since, now);
}

/* A packet's size and time. */
static inline __attribute__((always_inline)) void sp_flow_count(struct sp_flowtable *ft, struct sp_flow *f,
								const struct sp_pkt *pkt, unsigned side)
{
	struct sp_flow_dir *d = &f->dir[side];
	d->packets++;
	uint32_t bytes = d->bytes += pkt->wire_len, payload = d->payload += pkt->l7_len;
	if (SP_UNLIKELY((bytes | payload) & SP_FLOW_CARRY))
		sp_flow_carry(ft, f);
	if (SP_LIKELY(pkt->ts_ns >= f->last_ns))
		f->last_ns = pkt->ts_ns;
	else
		ft->stats.late_packets++;
}

/* A packet as such. */
static inline __attribute__((always_inline)) void
sp_flow_appear(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key, const struct sp_pkt *pkt)
{
	unsigned side = pkt->flags & SP_PKT_REVERSE ? 1 : 0;
	if (SP_UNLIKELY(pkt->tcp_flags & SP_TCP_SYN) && f->proto == SP_PROTO_TCP &&
	    f->dir[0].packets + f->dir[1].packets && sp_tcp_is_new_connection(f, pkt, side))
		sp_flow_restart(ft, f, key, pkt);
	static_assert(SP_FLOW_SEEN_HI == SP_FLOW_SEEN_LO << 1, "shifted into place");
	f->bits |= (uint16_t)(SP_FLOW_SEEN_LO << side);
	if (SP_UNLIKELY(!f->ttl[side]))
		f->ttl[side] = pkt->ttl;
	sp_flow_count(ft, f, pkt, side);
}

/* Is there something that a parser may know? Above the transport header; of ICMP, whose header is the message, all. */
static inline bool sp_flow_is_readable(uint8_t proto, const struct sp_pkt *pkt)
{
	if (SP_LIKELY(proto == SP_PROTO_TCP))
		return pkt->l7_len && !(pkt->flags & SP_PKT_L4_CUT || pkt->tcp_flags & SP_TCP_RST);
	bool icmp = proto == SP_PROTO_ICMP || proto == SP_PROTO_ICMP6;
	return pkt->l4 != SP_NOOFS && (icmp || (proto == SP_PROTO_UDP && pkt->l7_len)) && !(pkt->flags & SP_PKT_QUOTED);
}

/* What a packet says, and its profile. `proto`: the flow's, which whoever knows it need not look for. `signs`: what was
 * odd about the packet. */
static inline __attribute__((always_inline)) void sp_flow_told(struct sp_flowtable *ft, struct sp_flow *f,
							       const struct sp_pkt *pkt, unsigned side, uint8_t proto,
							       unsigned signs)
{
	if (SP_UNLIKELY(f->dir[side].bits & SP_DIR_PROFILED))
		sp_profile_packet(ft, f, pkt, side, signs);
	if (!ft->l7 || f->more & SP_L7_DONE || !sp_flow_is_readable(proto, pkt))
		return;
	if (proto == SP_PROTO_TCP)
		sp_dialog_segment(ft, f, pkt, side);
	else
		sp_dialog_datagram(ft, f, pkt, side);
}

#endif
