/* SPDX-License-Identifier: Apache-2.0 */
/* Where fragments go: only the first of a datagram has ports, so the others follow it. One worker's memory of the
 * datagrams that it saw last; bounded, and a datagram that was pushed out only parts its fragments. A fragment that
 * comes before its first goes by its addresses. */
#ifndef SP_DATAPLANE_FRAGMENTS_H
#define SP_DATAPLANE_FRAGMENTS_H

#include "base/base.h"
#include "base/pkt.h"

#define SP_FRAGMENTS_KNOWN 4096 /* a power of two */

struct sp_fragments {
	struct sp_fragments_entry {
		uint64_t datagram; /* a hash of what all its fragments carry */
		uint64_t worker;
	} entry[SP_FRAGMENTS_KNOWN];
};

/* The worker of a decoded packet with SP_PKT_FRAGMENT: that of its datagram's first fragment, or `worker`, which is
 * where the packet's own key leads; a first fragment is remembered. */
unsigned sp_fragments_worker(struct sp_fragments *f, const struct sp_pkt *pkt, const struct sp_flow_key *key,
			     unsigned worker);

#endif
