/* SPDX-License-Identifier: Apache-2.0 */
/* What is around a flow – its point, VLANs, labels, tunnels – is shared by very many flows: it is kept once and
 * counted. Private to the flow table. */
#ifndef SP_FLOWTABLE_LAYERS_H
#define SP_FLOWTABLE_LAYERS_H

#include "base/base.h"
#include "base/pkt.h"

#define SP_LAYER_TABLE_MAX 32768 /* sets; one plain set a point is always had */

/* As the flow's first packet carried it, turned so that src is the low endpoint's side. */
struct sp_layer_set {
	uint16_t point, zero;
	struct sp_layers layers;
	uint32_t hash;
	uint32_t refs;
	uint32_t next; /* in its chain, or the free list */
};

struct sp_layer_table {
	struct sp_layer_set *set; /* set 0: nothing known, point 0 */
	uint32_t *chain;
	uint16_t *plain; /* of each point: its set without layers, 0: none yet */
	uint32_t n, free_set, used;
	uint32_t last; /* the set looked up last: flows of one tunnel come in a row */
};

int sp_layers_init(struct sp_layer_table *t);
void sp_layers_reset(struct sp_layer_table *t);
void sp_layers_free(struct sp_layer_table *t);

/* The set for a packet, with one more reference; `layers` NULL: a plain frame. `full` is set when the table had no room
 * and only the point is kept. */
uint16_t sp_layers_get(struct sp_layer_table *t, const struct sp_pkt *pkt, const struct sp_layers *layers, bool *full);
void sp_layers_put(struct sp_layer_table *t, uint16_t set);

#endif
