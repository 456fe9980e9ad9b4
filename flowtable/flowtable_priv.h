/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of one worker's flow table, shared by the files of this room. */
#ifndef SP_FLOWTABLE_FLOWTABLE_PRIV_H
#define SP_FLOWTABLE_FLOWTABLE_PRIV_H

#include "base/time.h"
#include "flowtable/dedup.h"
#include "flowtable/defrag.h"
#include "flowtable/direction.h"
#include "flowtable/flow.h"
#include "flowtable/flowtable.h"
#include "flowtable/index.h"
#include "flowtable/l7.h"
#include "flowtable/layers.h"
#include "flowtable/losses.h"
#include "flowtable/macs.h"
#include "flowtable/profile.h"
#include "flowtable/wheel.h"
#include "parsers/link/decode.h"

struct sp_flowtable {
	struct sp_flow_conf conf;
	struct sp_out *out;
	struct sp_flow *flow;	     /* flow 0 is never used */
	struct sp_flow_extra *extra; /* extra 0 is never used */
	struct sp_index index;
	struct sp_wheel wheel;
	struct sp_dedup dedup;
	struct sp_layer_table layers;
	struct sp_mac_table macs;
	struct sp_servers servers;
	struct sp_slab losses; /* base NULL: they are not logged */
	struct sp_defrag *defrag;
	struct sp_l7 *l7;		     /* NULL: what flows say is not read */
	struct sp_profiler *profiler;	     /* NULL: there are no Network Profiles */
	const struct sp_decode_conf *decode; /* of what fragmented tunnels carry. NULL: they are not looked into */
	const uint32_t *decode_space;
	struct sp_batch *inner; /* what was found in one of them */
	bool inside;		/* that is being tracked now: what is still deeper stays where it is */
	uint64_t fragments_due; /* when a datagram that is not complete is to be given up */
	uint64_t hash_key;
	uint64_t now_ns;
	uint64_t serial;
	uint32_t n_flows, max_flows, free_flow; /* flows ever touched; free list through `serial` */
	uint32_t n_extras, free_extra;
	uint32_t shed_hand;
	unsigned worker, flags;
	unsigned signs; /* of the last packet that was not an ordinary one: enum sp_tcp_sign */
	struct sp_flow_stats stats;
};

/* The flow's extra block, made when it has none. */
struct sp_flow_extra *sp_flow_extra_get(struct sp_flowtable *ft, struct sp_flow *f);

/* A flow that has a dialog. */
static inline struct sp_talk sp_talk_of(struct sp_flowtable *ft, struct sp_flow *f, uint64_t ns)
{
	struct sp_dialog *d = sp_slab_at(&ft->l7->slab, f->more & SP_L7_NUMBER);
	struct sp_talk t = {.ft = ft, .l7 = ft->l7, .f = f, .d = d, .ns = ns};
	t.at.first_ns = t.at.last_ns = ns;
	return t;
}

static inline struct sp_flow_extra *sp_flow_extra_of(struct sp_flowtable *ft, const struct sp_flow *f)
{
	uint32_t x = f->more & SP_L7_NUMBER;
	if (f->more & SP_L7_DIALOG)
		x = ((const struct sp_dialog *)sp_slab_at(&ft->l7->slab, x))->extra;
	return x ? &ft->extra[x] : NULL;
}

#define SP_FLOW_MICROS_MAX UINT32_C(3600000000)

/* Microseconds from one time to another, an hour at most; 0 when they are the wrong way round. */
static inline uint32_t sp_flow_micros(uint64_t from, uint64_t to)
{
	uint64_t ns = to - from;
	if (SP_LIKELY(ns < SP_FLOW_MICROS_MAX * SP_NS_PER_US))
		return (uint32_t)(ns / SP_NS_PER_US);
	return to > from ? SP_FLOW_MICROS_MAX : 0;
}

/* One more measured delay. */
static inline void sp_flow_delay_add(struct sp_flowtable *ft, struct sp_flow *f, enum sp_delay_kind kind, uint64_t from,
				     uint64_t to)
{
	struct sp_flow_delay *d = &f->delay[kind];
	uint32_t us = sp_flow_micros(from, to);
	d->sum += us;
	if (SP_UNLIKELY(d->sum < us))
		d->sum = UINT32_MAX;
	if (SP_UNLIKELY(us > d->max))
		d->max = us;
	if (SP_UNLIKELY(!++f->delays[kind]))
		sp_flow_extra_get(ft, f)->delays[kind] += UINT16_MAX + 1;
}

/* flowtable.c: the key that the flow was made for. */
struct sp_flow_key sp_flow_key_of(const struct sp_flow *f);

/* flowtable.c: takes a flow out of the table, after its record is written. */
void sp_flow_free(struct sp_flowtable *ft, struct sp_flow *f);

/* flowtable.c: room in the index for a batch of new flows. */
void sp_flow_make_room(struct sp_flowtable *ft);

/* flowtable.c: counts packet i, a fragment whose key is its flow's, as one of that flow. NULL: the table is full. */
struct sp_flow *sp_flow_fragment(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i);

/* flowtable.c: what a datagram says that was put together. */
void sp_flow_message(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_flow_key *key,
		     const struct sp_pkt *pkt);

/* flowtable.c: attributes ICMP error i to the flow that it quotes, and returns the number of that. 0: there is none,
 * and the error has its own conversation's key now. */
uint32_t sp_flow_quoted(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i);

/* flowtable.c: tracks the packet that was found inside a tunnel. */
void sp_flow_inner(struct sp_flowtable *ft, struct sp_batch *b);

/* inner.c: looks for a packet inside a datagram, and has it tracked. `last`: the fragment that completed it. False:
 * there is none. */
bool sp_inner_packet(struct sp_flowtable *ft, const struct sp_pkt *last, const struct sp_layers *outer,
		     const struct sp_datagram *d);

/* fragments.c: a packet with SP_PKT_FRAGMENT. Returns the number of its flow, 0 when that is not known (yet). */
uint32_t sp_fragments_packet(struct sp_flowtable *ft, struct sp_batch *b, uint32_t i);

/* fragments.c: gives up datagrams that are too old, or all of a point (SP_POINT_ANY: of all). */
void sp_fragments_tick(struct sp_flowtable *ft);
void sp_fragments_end(struct sp_flowtable *ft, uint32_t point);

/* expiry.c: enters the flow where it must be looked at next. False: no room for that. */
bool sp_flow_arm(struct sp_flowtable *ft, struct sp_flow *f);

/* expiry.c: ends the least deserving of some flows. False: there is none that may go. */
bool sp_flow_shed(struct sp_flowtable *ft);

/* close.c: the reason that a RST from `side` gives now. */
enum sp_close_reason sp_flow_reset_reason(const struct sp_flow *f, unsigned side);

/* close.c: why a flow ended that is ended now for `cause` (TIMEOUT, END_OF_INPUT, ACTIVE, PORT_REUSE), and whom that
 * blames. */
enum sp_close_reason sp_flow_close_reason(const struct sp_flow *f, enum sp_close_reason cause);
enum sp_failure sp_flow_failure(const struct sp_flow *f, const struct sp_flow_extra *x, enum sp_close_reason reason);

/* flow_record.c: writes the record of the interval that ends now. */
void sp_flow_write(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause);

#endif
