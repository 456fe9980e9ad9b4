/* SPDX-License-Identifier: Apache-2.0 */
/* Timeouts: a wheel of slots, each a list of pages of flow numbers. Nothing is touched per packet: a flow stands in the
 * slot of its deadline as last computed, and is looked at again when that slot comes up. A flow that must be looked at
 * sooner is simply entered once more; it remembers the tick that counts, the older entry is then stale and ignored.
 * Pages instead of linked flows let the caller prefetch what comes next. Private to the flow table. */
#ifndef SP_FLOWTABLE_WHEEL_H
#define SP_FLOWTABLE_WHEEL_H

#include "base/base.h"

#define SP_WHEEL_SLOTS 512
#define SP_WHEEL_TICK_SHIFT 27 /* 2^27 ns = 134 ms */
#define SP_WHEEL_PAGE_FLOWS 62
#define SP_WHEEL_CYCLE (UINT64_C(1) << 16) /* a flow remembers so much of the tick that counts */
#define SP_WHEEL_SPAN_NS ((uint64_t)(SP_WHEEL_SLOTS - 2) << SP_WHEEL_TICK_SHIFT)

static_assert(SP_WHEEL_CYCLE % SP_WHEEL_SLOTS == 0, "ticks that flows cannot tell apart share a slot");

struct sp_wheel_page {
	uint32_t next; /* page number, 0: last */
	uint32_t n;
	uint32_t flow[SP_WHEEL_PAGE_FLOWS];
};

struct sp_wheel {
	uint32_t slot[SP_WHEEL_SLOTS]; /* first page */
	uint64_t tick;		       /* the last one that fired */
	struct sp_wheel_page *page;    /* page 0 is never used */
	uint32_t n_pages, max_pages, free_page;
	bool started;
};

int sp_wheel_init(struct sp_wheel *w, uint64_t max_flows);
void sp_wheel_reset(struct sp_wheel *w); /* empty; time goes on */
void sp_wheel_free(struct sp_wheel *w);

static inline uint64_t sp_wheel_tick_of(uint64_t ns)
{
	return ns >> SP_WHEEL_TICK_SHIFT;
}

/* The tick at which a deadline will be looked at: never the present one, at most one turn ahead. */
static inline uint64_t sp_wheel_tick_for(const struct sp_wheel *w, uint64_t deadline_ns)
{
	uint64_t t = sp_wheel_tick_of(deadline_ns) + 1;
	return SP_MIN(SP_MAX(t, w->tick + 1), w->tick + SP_WHEEL_SLOTS - 1);
}

/* Enters a flow at a tick from sp_wheel_tick_for. False: no page left. */
bool sp_wheel_add(struct sp_wheel *w, uint64_t tick, uint32_t flow);

/* Takes a due slot's pages, oldest tick first: the first page's number, 0 when nothing is due up to now_ns. The tick is
 * w->tick. The caller gives each page back. */
uint32_t sp_wheel_take(struct sp_wheel *w, uint64_t now_ns);
uint32_t sp_wheel_give(struct sp_wheel *w, uint32_t page); /* returns the page after it */

#endif
