/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet addresses of flows: few hosts have very many flows, so a flow holds two numbers instead of twelve bytes. An
 * address lies near the place that its hash says, in the first one that nobody uses, and stays there while a flow has
 * its number. Private to the flow table. */
#ifndef SP_FLOWTABLE_MACS_H
#define SP_FLOWTABLE_MACS_H

#include <string.h>

#include "base/base.h"
#include "base/hash.h"

#define SP_MACS 65536

struct sp_mac_entry {
	uint64_t mac; /* 48 bits, as they lie in memory */
	uint32_t refs;
	uint32_t used; /* since the table was made: a search goes on behind it */
};
static_assert(sizeof(struct sp_mac_entry) == 16, "four a cache line");

struct sp_mac_table {
	struct sp_mac_entry *entry; /* 0 is never used */
};

int sp_macs_init(struct sp_mac_table *t, unsigned mem_flags); /* enum sp_mem_flags */
void sp_macs_reset(struct sp_mac_table *t);
void sp_macs_free(struct sp_mac_table *t);

/* The number of an address, with one more reference; 0 when there is no room. */
uint16_t sp_macs_get(struct sp_mac_table *t, const uint8_t mac[6]);

static inline void sp_macs_put(struct sp_mac_table *t, uint16_t number)
{
	t->entry[number].refs -= number != 0;
}

static inline uint64_t sp_mac_load(const uint8_t mac[6])
{
	uint64_t v = 0;
	memcpy(&v, mac, 6);
	return v;
}

static inline uint32_t sp_macs_home(uint64_t mac)
{
	return (uint32_t)(mac * SP_HASH_K0 >> 48) & ~3u; /* the first of its cache line */
}

static inline void sp_macs_prefetch(const struct sp_mac_table *t, const uint8_t mac[6])
{
	sp_prefetch(&t->entry[sp_macs_home(sp_mac_load(mac))]);
}

static inline const uint8_t *sp_macs_at(const struct sp_mac_table *t, uint16_t number)
{
	return (const uint8_t *)&t->entry[number].mac;
}

#endif
