/* SPDX-License-Identifier: Apache-2.0 */
/* When and where segments were lost or doubled: on one connection, and between two points over all connections. */
#ifndef SP_STITCH_LOSS_H
#define SP_STITCH_LOSS_H

#include "base/base.h"

#define SP_BURST_GAP_NS UINT64_C(100000000) /* what is less apart is one burst */
#define SP_LOSS_SLOT_NS UINT64_C(100000000)
#define SP_PATH_BURSTS_MAX 256 /* of one path */

struct sp_burst {
	uint64_t start_ns, end_ns; /* of the first and of the last segment */
	uint32_t segments;
};

/* Segments that were lost, or doubled, between two neighbours. */
struct sp_path_loss {
	uint8_t from, to; /* indices of legs, in the direction of the packets */
	uint8_t s2c;
	bool at_least; /* a point's log of them was full, or what it saw has gaps */
	uint32_t segments;
	uint16_t first_burst, n_bursts; /* together they may be fewer segments: for some the time is not known */
};

/* Of an interval, all connections: slots of SP_LOSS_SLOT_NS in which something was lost. What is told later for the
 * same slot comes on top. */
struct sp_loss_slot {
	uint64_t start_ns; /* by the clock of the first point of each connection */
	uint32_t segments, connections;
};

struct sp_edge_losses {
	uint16_t from, to; /* points, in the direction of the packets */
	uint8_t s2c;
	bool doubled; /* not lost, but seen more often at `to` */
	unsigned n;
	const struct sp_loss_slot *slot; /* in order */
};

#endif
