/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/macs.h"

#include <errno.h>

#include "base/mem.h"

#define SEARCH 64 /* places looked at before giving up */

int sp_macs_init(struct sp_mac_table *t, unsigned mem_flags)
{
	t->entry = sp_mem_map(SP_MACS * sizeof *t->entry, mem_flags);
	return t->entry ? 0 : -ENOMEM;
}

void sp_macs_reset(struct sp_mac_table *t)
{
	sp_mem_clear(t->entry, SP_MACS * sizeof *t->entry);
}

void sp_macs_free(struct sp_mac_table *t)
{
	sp_mem_unmap(t->entry, SP_MACS * sizeof *t->entry);
}

/* A page that is read before it is written interrupts all other processors that we run on when it is; this does not. */
static inline void touch(struct sp_mac_entry *e)
{
	__atomic_fetch_add(&e->refs, 0, __ATOMIC_RELAXED);
}

uint16_t sp_macs_get(struct sp_mac_table *t, const uint8_t mac[6])
{
	uint64_t v = sp_mac_load(mac);
	uint32_t home = sp_macs_home(v), place = 0;
	touch(&t->entry[home]);
	for (uint32_t i = 0; i < SEARCH; i++) {
		uint32_t at = (home + i) % SP_MACS;
		struct sp_mac_entry *e = &t->entry[at];
		if (e->used && e->mac == v) {
			e->refs++;
			return (uint16_t)at;
		}
		if (at && !e->refs && !place)
			place = at;
		if (at && !e->used)
			break;
	}
	if (place)
		t->entry[place] = (struct sp_mac_entry){.mac = v, .refs = 1, .used = 1};
	return (uint16_t)place;
}
