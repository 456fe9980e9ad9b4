/* SPDX-License-Identifier: Apache-2.0 */
/* Fragmented datagrams of one worker: later fragments find the flow of their first, and what they carry is put
 * together. Bounded in datagrams, bytes and time; one thread; no memory is asked for after sp_defrag_new.
 *
 * Accounting stays exact because every fragment is tracked as a packet of a flow exactly once:
 * - a first fragment, and a later one whose first is known: now (SP_DEFRAG_TRACK);
 * - a later one that came before its first: it is held (SP_DEFRAG_HELD, analysed all the same) as a copy of its
 * headers, and comes back in a batch from sp_defrag_released when its first arrives, with that one's ports, or when it
 * is given up (timeout, eviction, end), with the ports 0;
 * - a later one that cannot be held: now, with the ports 0.
 *
 * Putting together follows RFC 5722 for both versions of IP: a fragment that overlaps another spoils the payload of its
 * datagram, unless it only repeats what is there. Its packets are tracked all the same. */
#ifndef SP_FLOWTABLE_DEFRAG_H
#define SP_FLOWTABLE_DEFRAG_H

#include "base/pkt.h"
#include "base/slice.h"
#include "flowtable/flow_conf.h"

struct sp_flow_stats;
struct sp_defrag;

enum sp_defrag_result {
	SP_DEFRAG_TRACK, /* a packet of the flow in its key, which may have been rewritten, with hash and flags */
	SP_DEFRAG_HELD,	 /* comes back later; not to be tracked now */
};

/* `stats`: fragments, fragments_*, datagrams_* are counted there. Returns 0 or -ENOMEM. */
int sp_defrag_new(struct sp_defrag **ret, const struct sp_defrag_conf *conf, uint64_t hash_key,
		  struct sp_flow_stats *stats);
void sp_defrag_free(struct sp_defrag *d);

/* Takes one packet with SP_PKT_FRAGMENT, its key, and its layers (NULL when it has none). Call before quoted ICMP
 * errors are resolved, and sp_defrag_released afterwards: this packet, or time, may have set others free. */
enum sp_defrag_result sp_defrag_packet(struct sp_defrag *d, struct sp_pkt *pkt, struct sp_flow_key *key,
				       const struct sp_layers *layers);

/* Fragments that were held: to be tracked like any batch, but their verdict has been given and they are not to come
 * here again. Their `ts_ns` are those of their arrival, so older than packets tracked before. `data` holds what follows
 * the innermost link header's beginning, up to l7 (or l3 and what fits). NULL when there are none; call until then.
 * Valid until the next call. */
struct sp_batch *sp_defrag_released(struct sp_defrag *d);

#define SP_DATAGRAM_HEADROOM 64

/* A datagram put together: what IP carried, beginning with the L4 header. */
struct sp_datagram {
	struct sp_slice l4; /* up to the first byte that was not captured */
	uint8_t *room;	   /* where it begins: the bytes before it are the caller's to write, as many as the headroom */
	uint32_t header;   /* bytes of the L4 header; its end may lie behind what was captured */
	uint32_t payload;  /* bytes above it, by the declared lengths */
	uint64_t first_ns; /* when its first seen fragment arrived */
};

/* Whether the last packet given to sp_defrag_packet completed its datagram. The bytes are good until the one after the
 * next is complete. */
bool sp_defrag_datagram(const struct sp_defrag *d, struct sp_datagram *ret);

/* Gives up what is too old at `now_ns`, or everything that began at a point (SP_POINT_ANY: at all). What was held is
 * then released. */
void sp_defrag_tick(struct sp_defrag *d, uint64_t now_ns);
void sp_defrag_end(struct sp_defrag *d, uint32_t point);

/* When the next tick would give something up; UINT64_MAX: never. */
uint64_t sp_defrag_due(const struct sp_defrag *d);

/* Bytes of memory ever touched. */
uint64_t sp_defrag_memory(const struct sp_defrag *d);

#endif
