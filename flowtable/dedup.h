/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that the mirror itself makes: the same frame seen twice within a short time, because a SPAN session copies a
 * packet on its way in and again on its way out, or before and after a router (other TTL, MAC, VLAN). A small table
 * remembers what each recent packet looked like above those fields: IP identification, lengths, the transport header
 * with its checksum. Packets without an IP identification (IPv6, or IPv4 with DF and 0) can be equal for other reasons
 * – duplicate ACKs are – and count as copies only while others at that point clearly are. Private to the flow table. */
#ifndef SP_FLOWTABLE_DEDUP_H
#define SP_FLOWTABLE_DEDUP_H

#include "base/point.h"
#include "flowtable/flow_conf.h"

#include "base/hash.h"
#include "base/pkt.h"

#define SP_DEDUP_ENTRIES 16384

struct sp_dedup_entry {
	uint32_t sign; /* 0: empty */
	uint32_t flow; /* number of the first one's flow */
	uint32_t when; /* units of 2^10 ns */
	uint8_t ttl;
	uint8_t zero[3];
};

struct sp_dedup {
	struct sp_dedup_entry *entry;
	uint16_t *copying; /* per point: recent evidence that it copies, 0: none */
	uint32_t window;   /* units of 2^10 ns; 0: off */
	bool keep_routed;
};

int sp_dedup_init(struct sp_dedup *d, const struct sp_dedup_conf *conf);
void sp_dedup_reconf(struct sp_dedup *d, const struct sp_dedup_conf *conf);
void sp_dedup_free(struct sp_dedup *d);

/* What a packet looks like, for the calls below; 0: it cannot be recognised (a cut header, an ICMP error). The packet's
 * own identification decides `*certain`. */
uint64_t sp_dedup_sign(const struct sp_pkt *pkt, const struct sp_flow_key *key, bool *certain);

static inline struct sp_dedup_entry *sp_dedup_at(const struct sp_dedup *d, uint64_t sign)
{
	return &d->entry[sign % SP_DEDUP_ENTRIES];
}

enum sp_dedup_result {
	SP_DEDUP_NEW,
	SP_DEDUP_COPY,
	SP_DEDUP_ROUTED, /* a copy with another TTL that is to be kept as a hop of its own */
};

/* Compares with the entry and, unless it is a copy, replaces it; the caller fills in `flow`. */
enum sp_dedup_result sp_dedup_check(struct sp_dedup *d, struct sp_dedup_entry *e, uint64_t sign, bool certain,
				    const struct sp_pkt *pkt);

#endif
