/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that the mirror itself makes: the same frame seen twice within a short time, because a SPAN session copies a
 * packet on its way in and again on its way out, or before and after a router (other TTL, MAC, VLAN). A small table
 * remembers what each recent packet looked like apart from those fields (parsers/link/sign.h). Packets without an IP
 * identification (IPv6, or IPv4 with DF and 0) can be equal for other reasons – duplicate ACKs are – and count as
 * copies only while others at that point clearly are. Private to the flow table. */
#ifndef SP_FLOWTABLE_DEDUP_H
#define SP_FLOWTABLE_DEDUP_H

#include <string.h>

#include "base/hash.h"
#include "base/pkt.h"
#include "base/point.h"
#include "flowtable/flow_conf.h"

#define SP_DEDUP_ENTRIES 16384 /* a power of two, at most 65536 */
#define SP_DEDUP_UNIT_SHIFT 10

struct sp_dedup_entry {
	uint32_t sign; /* 0: empty */
	uint32_t when; /* units of 2^10 ns */
	uint32_t flow; /* number of the first one's flow */
	uint8_t ttl;
	uint8_t zero[3];
};

struct sp_dedup {
	struct sp_dedup_entry *entry;
	uint16_t *copying; /* per point: recent evidence that it copies, 0: none */
	uint32_t suspects; /* points with such evidence */
	uint32_t window;   /* units of 2^10 ns; 0: off */
	bool keep_routed;
};

int sp_dedup_init(struct sp_dedup *d, const struct sp_dedup_conf *conf);
void sp_dedup_reconf(struct sp_dedup *d, const struct sp_dedup_conf *conf);
void sp_dedup_free(struct sp_dedup *d);

/* What a fragment looks like: the datagram that it is of, and its place there. 0: the first fragment of an ICMP error.
 */
uint64_t sp_dedup_fragment_sign(const struct sp_pkt *pkt, const struct sp_flow_key *key);

static inline struct sp_dedup_entry *sp_dedup_at(struct sp_dedup_entry *entries, uint64_t sign)
{
	return &entries[sign >> 16 & (SP_DEDUP_ENTRIES - 1)];
}

static inline uint32_t sp_dedup_when(const struct sp_pkt *pkt)
{
	return (uint32_t)(pkt->ts_ns >> SP_DEDUP_UNIT_SHIFT);
}

/* Nothing like it was seen lately: unless a point is known to copy, the caller may write the entry and go on. */
static inline bool sp_dedup_is_new(const struct sp_dedup_entry *e, uint64_t sign, const struct sp_pkt *pkt,
				   uint32_t window)
{
	return e->sign != (uint32_t)(sign >> 32) || sp_dedup_when(pkt) - e->when > window;
}

static inline void sp_dedup_write(struct sp_dedup_entry *e, uint64_t sign, const struct sp_pkt *pkt, uint32_t flow)
{
	e->sign = (uint32_t)(sign >> 32);
	e->when = sp_dedup_when(pkt);
	e->flow = flow;
	e->ttl = pkt->ttl;
}

/* Whether the packet is a copy of the entry's; learns what the point does. The caller writes the entry, but for a copy.
 */
bool sp_dedup_check(struct sp_dedup *d, const struct sp_dedup_entry *e, uint64_t sign, const struct sp_pkt *pkt);

#endif
