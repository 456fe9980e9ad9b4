/* SPDX-License-Identifier: Apache-2.0 */
/* Late packets: merged taps and multi-queue captures write packets a little out of order, which a TCP tracker would
 * take for retransmissions. Packets of one address space whose time goes back within a bounded window are put in order
 * before anything looks at them.
 *
 * A window learns: each address space begins with one, and gives it up after a stretch without disorder; from then on
 * batches pass untouched until time goes back again. Held packets are copied: their bytes need not outlive the call.
 * One thread. Nothing is allocated after sp_reorder_new. */
#ifndef SP_DATAPLANE_REORDER_H
#define SP_DATAPLANE_REORDER_H

#include "base/base.h"
#include "base/pkt.h"
#include "conf/conf.h"

/* The `reorder:` section. */
struct sp_reorder_conf {
	uint64_t window;  /* ns a packet is held at most, by the packets' own time; 0: no reordering */
	uint64_t packets; /* held at most, for one address space */
	uint64_t bytes;	  /* …and their bytes */
};

extern const struct sp_conf_row sp_reorder_conf_rows[];

/* Counters: SP_REORDER_STAT(name, meaning). */
#define SP_REORDER_STATS(X)                                                                                            \
	X(held, "packets that went through a window")                                                                  \
	X(sorted, "packets that overtook a later one in a window")                                                     \
	X(late, "packets that came too late for the window, passed on as they were")                                   \
	X(forced, "packets let go early because a window was full")                                                    \
	X(steps, "times a clock was set back by more than a window can mend")                                          \
	X(opened, "windows opened because time went back")

struct sp_reorder_stats {
#define X(name, doc) uint64_t name;
	SP_REORDER_STATS(X)
#undef X
};

struct sp_reorder;

/* Takes packets in order. The batch is the caller's own or the window's; it is good during the call. */
typedef void sp_reorder_emit(void *ctx, struct sp_batch *batch);

/* `space[point]` is the address space of each point, smaller than SP_POINTS_MAX; read at each batch. */
int sp_reorder_new(struct sp_reorder **ret, const struct sp_reorder_conf *conf, const uint32_t *space,
		   sp_reorder_emit *emit, void *ctx, struct sp_err *err);
void sp_reorder_free(struct sp_reorder *r);

/* Takes a batch (of filled, not yet decoded packets) and emits what is due: this batch itself where nothing is to be
 * done. */
void sp_reorder_batch(struct sp_reorder *r, struct sp_batch *batch);

/* Without packets: emits what is older than the window at `now_ns`. */
void sp_reorder_tick(struct sp_reorder *r, uint64_t now_ns);

/* Emits everything. */
void sp_reorder_flush(struct sp_reorder *r);

const struct sp_reorder_stats *sp_reorder_stats(const struct sp_reorder *r);

#endif
