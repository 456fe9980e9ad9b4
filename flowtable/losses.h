/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a flow's losses, for comparing it with what another point saw of the same stream: a few bytes for each
 * segment that came again or filled a hole, which only flows with such segments have. What finds no room is in the
 * counters alone. Private to the flow table. */
#ifndef SP_FLOWTABLE_LOSSES_H
#define SP_FLOWTABLE_LOSSES_H

#include "flowtable/flow.h"
#include "flowtable/record.h"

struct sp_flowtable;

#define SP_LOSSES_MEMORY (UINT64_C(16) << 20) /* of one worker */

struct sp_losses {
	uint16_t n, room;
	struct sp_loss loss[]; /* `s2c` is the side until it is reported */
};

/* A segment of `side`, captured at `ns`: [seq, seq + len). `lost_ns` is when it was lost, 0: after the last new bytes
 * of that side. */
void sp_losses_add(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_extra *x, unsigned side,
		   struct sp_loss loss, uint64_t ns);
void sp_losses_forget(struct sp_flowtable *ft, struct sp_flow_extra *x);

/* How many there are, and all of them into the record's tail, which has that room. */
unsigned sp_losses_count(const struct sp_flowtable *ft, const struct sp_flow_extra *x);
void sp_losses_put(const struct sp_flowtable *ft, const struct sp_flow_extra *x, struct sp_flow_record *r,
		   unsigned client);

#endif
