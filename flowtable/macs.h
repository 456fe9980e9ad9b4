/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet addresses of flows: few hosts have very many flows, so a flow holds two numbers instead of twelve bytes.
 * Counted; a number is free again when its last flow is gone. Private to the flow table. */
#ifndef SP_FLOWTABLE_MACS_H
#define SP_FLOWTABLE_MACS_H

#include "base/base.h"

#define SP_MACS_MAX 65535

struct sp_mac_entry {
	uint64_t mac; /* 48 bits, as they lie in memory */
	uint32_t refs;
	uint16_t next; /* in its chain, or the free list */
	uint16_t zero;
};

struct sp_mac_table {
	struct sp_mac_entry *entry; /* 0: none */
	uint16_t *chain;
	uint32_t n;	    /* entries ever used */
	uint16_t free_list; /* 0: empty */
};

int sp_macs_init(struct sp_mac_table *t);
void sp_macs_reset(struct sp_mac_table *t);
void sp_macs_free(struct sp_mac_table *t);

/* The number of an address, with one more reference; 0 when there is no room. */
uint16_t sp_macs_get(struct sp_mac_table *t, const uint8_t mac[6]);
void sp_macs_put(struct sp_mac_table *t, uint16_t number);

static inline const uint8_t *sp_macs_at(const struct sp_mac_table *t, uint16_t number)
{
	return (const uint8_t *)&t->entry[number].mac;
}

#endif
