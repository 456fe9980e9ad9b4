/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of one worker's flow table, shared by the files of this room. */
#ifndef SP_FLOWTABLE_FLOWTABLE_PRIV_H
#define SP_FLOWTABLE_FLOWTABLE_PRIV_H

#include "base/time.h"
#include "flowtable/dedup.h"
#include "flowtable/direction.h"
#include "flowtable/flow.h"
#include "flowtable/flowtable.h"
#include "flowtable/index.h"
#include "flowtable/layers.h"
#include "flowtable/macs.h"
#include "flowtable/wheel.h"

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
	uint64_t hash_key;
	uint64_t now_ns;
	uint64_t serial;
	uint32_t n_flows, max_flows, free_flow; /* flows ever touched; free list through `serial` */
	uint32_t n_extras, free_extra;
	uint32_t shed_hand;
	unsigned worker, flags;
	struct sp_flow_stats stats;
};

/* The flow's extra block, made when it has none. */
struct sp_flow_extra *sp_flow_extra_get(struct sp_flowtable *ft, struct sp_flow *f);

static inline struct sp_flow_extra *sp_flow_extra_of(struct sp_flowtable *ft, const struct sp_flow *f)
{
	return f->extra ? &ft->extra[f->extra] : NULL;
}

/* Microseconds from one time to another, an hour at most; 0 when they are the wrong way round. */
static inline uint32_t sp_flow_micros(uint64_t from, uint64_t to)
{
	uint64_t us = to > from ? (to - from) / SP_NS_PER_US : 0;
	return (uint32_t)SP_MIN(us, UINT64_C(3600000000));
}

/* One more measured delay. */
static inline void sp_flow_delay_add(struct sp_flowtable *ft, struct sp_flow *f, enum sp_delay_kind kind, uint64_t from,
				     uint64_t to)
{
	struct sp_flow_delay *d = &f->delay[kind];
	uint32_t us = sp_flow_micros(from, to), sum = d->sum + us;
	d->sum = sum < us ? UINT32_MAX : sum;
	d->max = SP_MAX(d->max, us);
	if (SP_UNLIKELY(!++f->delays[kind]))
		sp_flow_extra_get(ft, f)->delays[kind] += UINT16_MAX + 1;
}

/* flowtable.c: the key that the flow was made for. */
struct sp_flow_key sp_flow_key_of(const struct sp_flow *f);

/* flowtable.c: takes a flow out of the table, after its record is written. */
void sp_flow_free(struct sp_flowtable *ft, struct sp_flow *f);

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
