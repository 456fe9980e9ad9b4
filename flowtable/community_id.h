/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID, version 1: a hash of a flow's addresses, protocol and ports that every tool computes alike
 * (github.com/corelight/community-id-spec). */
#ifndef SP_FLOWTABLE_COMMUNITY_ID_H
#define SP_FLOWTABLE_COMMUNITY_ID_H

#include "flowtable/record.h"

/* What one packet of the flow says, in either direction. Ports in host order, used by TCP, UDP and SCTP; ICMP and
 * ICMPv6 have the type in src_port and the code in dst_port. Pure; about one SHA-1 block. */
struct sp_community_tuple {
	struct sp_addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
};
void sp_community_id(struct sp_community_id *ret, const struct sp_community_tuple *tuple, uint16_t seed);

/* Of a flow's record, seed 0: encoders compute it when they write it, so that workers need not. */
void sp_community_id_of(struct sp_community_id *ret, const struct sp_flow_record *record);

#endif
