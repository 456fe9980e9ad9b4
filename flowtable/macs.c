/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/macs.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define CHAINS 65536

int sp_macs_init(struct sp_mac_table *t)
{
	*t = (struct sp_mac_table){.n = 1};
	t->entry = sp_mem_map((SP_MACS_MAX + 1) * sizeof *t->entry, 0);
	t->chain = sp_mem_map(CHAINS * sizeof *t->chain, 0);
	return t->entry && t->chain ? 0 : -ENOMEM;
}

void sp_macs_reset(struct sp_mac_table *t)
{
	memset(t->chain, 0, CHAINS * sizeof *t->chain);
	t->n = 1;
	t->free_list = 0;
}

void sp_macs_free(struct sp_mac_table *t)
{
	sp_mem_unmap(t->entry, (SP_MACS_MAX + 1) * sizeof *t->entry);
	sp_mem_unmap(t->chain, CHAINS * sizeof *t->chain);
}

static uint16_t *chain_of(const struct sp_mac_table *t, uint64_t mac)
{
	return &t->chain[sp_hash_mix(mac ^ SP_HASH_K1, SP_HASH_K0) % CHAINS];
}

static uint16_t take(struct sp_mac_table *t)
{
	uint16_t i = t->free_list;
	if (i)
		t->free_list = t->entry[i].next;
	else if (t->n <= SP_MACS_MAX)
		i = (uint16_t)t->n++;
	return i;
}

uint16_t sp_macs_get(struct sp_mac_table *t, const uint8_t mac[6])
{
	uint64_t v = 0;
	memcpy(&v, mac, 6);
	uint16_t *chain = chain_of(t, v), i = *chain;
	while (i && t->entry[i].mac != v)
		i = t->entry[i].next;
	if (!i) {
		i = take(t);
		if (!i)
			return 0;
		t->entry[i] = (struct sp_mac_entry){.mac = v, .next = *chain};
		*chain = i;
	}
	t->entry[i].refs++;
	return i;
}

void sp_macs_put(struct sp_mac_table *t, uint16_t number)
{
	struct sp_mac_entry *e = &t->entry[number];
	if (!number || --e->refs)
		return;
	uint16_t *at = chain_of(t, e->mac);
	while (*at != number)
		at = &t->entry[*at].next;
	*at = e->next;
	e->next = t->free_list;
	t->free_list = number;
}
