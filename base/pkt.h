/* SPDX-License-Identifier: Apache-2.0 */
/* One captured frame as a view, and the batch in which frames travel. The port that filled `data` owns the bytes until
 * it is told to release the batch; decode fills the rest. */
#ifndef SP_BASE_PKT_H
#define SP_BASE_PKT_H

#include "base/addr.h"
#include "base/base.h"

#define SP_BATCH_MAX 64
#define SP_NOOFS UINT16_MAX

/* How the first byte of a frame is to be read. */
enum sp_link {
	SP_LINK_ETHERNET,
	SP_LINK_SLL,	 /* Linux cooked v1, 16-byte header */
	SP_LINK_SLL2,	 /* Linux cooked v2, 20-byte header */
	SP_LINK_RAW,	 /* IPv4 or IPv6, told by the version nibble */
	SP_LINK_NULL,	 /* BSD loopback: address family in the capturing host's byte order */
	SP_LINK_LOOP,	 /* OpenBSD loopback: address family in network byte order */
	SP_LINK_PPP,	 /* PPP with or without ff03 */
	SP_LINK_REFUSED, /* a link type that spantap names but does not read (802.11, …) */
	SP_LINK_MAX
};

/* What became of a packet. Every packet that came in ends in exactly one of these. */
enum sp_verdict {
	SP_ANALYSED, /* part of a flow, or a non-IP frame that was understood */
	SP_FILTERED,
	SP_DUPLICATE,
	SP_MALFORMED,
	SP_DROPPED,
	SP_VERDICT_MAX
};

enum sp_pkt_flags {
	SP_PKT_FRAGMENT = 1,	   /* part of a fragmented datagram */
	SP_PKT_LATER_FRAG = 2,	   /* …and not its first: there is no L4 header at l4 */
	SP_PKT_CUT = 4,		   /* fewer bytes were captured than were on the wire */
	SP_PKT_QUOTED = 8,	   /* the flow key is that of a packet quoted inside an ICMP error */
	SP_PKT_NO_PORTS = 16,	   /* the L4 protocol has none, or they were not captured */
	SP_PKT_TUNNELLED = 32,	   /* at least one tunnel was taken off */
	SP_PKT_L4_CUT = 64,	   /* the L4 header, options aside, is not captured: ports at most */
	SP_PKT_OFFLOADED = 128,	   /* IP length 0 (TSO): lengths are derived from the frame */
	SP_PKT_REVERSE = 256,	   /* the sender is the high endpoint of the key */
	SP_PKT_CSUM_PENDING = 512, /* by the port: checksums are not filled in yet (offload); nobody may check them */
	/* Such packets have no sign in the batch: it would need more than their L4 header, or that is not theirs. */
	SP_PKT_NO_SIGN = SP_PKT_FRAGMENT | SP_PKT_L4_CUT | SP_PKT_QUOTED,
};

struct sp_pkt {
	const uint8_t *data;
	uint64_t ts_ns;
	uint64_t cookie;     /* the port's own handle; nobody else reads it */
	uint32_t cap_len;    /* bytes at data */
	uint32_t hash;	     /* of the flow key: the same for both directions */
	uint32_t space;	     /* address space: point group, VLANs, tunnels; part of the flow key */
	uint32_t wire_len;   /* bytes on the wire, without FCS */
	uint32_t l7_len;     /* payload above L4 by the declared lengths; may exceed what was captured */
	uint16_t l3, l4, l7; /* offsets from data, SP_NOOFS when absent */
	uint16_t flags;	     /* enum sp_pkt_flags */
	uint16_t layers;     /* 1 + index into the batch's layers; 0: a plain frame */
	uint16_t l2;	     /* offset of the innermost Ethernet header, SP_NOOFS when there is none */
	uint8_t verdict;     /* enum sp_verdict, by decode and the stages after it */
	uint8_t reason;	     /* enum sp_decode_reason */
	uint8_t ttl;	     /* TTL or hop limit of the innermost IP header */
	uint8_t proto;	     /* IP protocol number of the innermost packet */
	uint8_t tcp_flags;
	uint8_t link; /* enum sp_link, by the port */
	uint16_t point;
};
static_assert(sizeof(struct sp_pkt) == 64, "one cache line");

/* Both directions of a conversation make the same key: `lo` is the endpoint whose (address, port) is the smaller in
 * network byte order. Ports are in host order; 0 where the protocol has none. ICMP and ICMPv6: both ports hold the
 * identifier of an echo, else lo_port holds type << 8 | code and hi_port 0. */
struct sp_flow_key {
	struct sp_addr lo, hi;
	uint16_t lo_port, hi_port;
	uint32_t space;
	uint8_t proto;
	uint8_t zero[7];
};
static_assert(sizeof(struct sp_flow_key) == 48, "hashed as six words");

#define SP_TUNNEL_TYPES(X)                                                                                             \
	X(NONE, "none")                                                                                                \
	X(VXLAN, "vxlan")                                                                                              \
	X(VXLAN_GPE, "vxlan-gpe")                                                                                      \
	X(NSH, "nsh")                                                                                                  \
	X(GENEVE, "geneve")                                                                                            \
	X(GRE, "gre")                                                                                                  \
	X(NVGRE, "nvgre")                                                                                              \
	X(TEB, "teb")                                                                                                  \
	X(ERSPAN, "erspan")                                                                                            \
	X(IPIP, "ipip")                                                                                                \
	X(GTPU, "gtpu")                                                                                                \
	X(L2TP, "l2tp")                                                                                                \
	X(PPPOE, "pppoe")

enum sp_tunnel_type {
#define X(sym, text) SP_TUNNEL_##sym,
	SP_TUNNEL_TYPES(X)
#undef X
		SP_TUNNEL_TYPE_MAX
};

#define SP_LAYERS_MAX 4 /* of each kind kept on a record; more are decoded and counted in `omitted` */

struct sp_tunnel {
	struct sp_addr src, dst;
	uint32_t id;  /* VNI, GRE key, ERSPAN session, TEID, PPPoE or L2TP session */
	uint8_t type; /* enum sp_tunnel_type */
	uint8_t has_id;
	uint8_t has_addr;
	uint8_t zero;
};

/* What was taken off before the innermost packet, outermost first. Layers of mirror transport leave no trace here. */
struct sp_layers {
	uint8_t n_vlan, n_mpls, n_tunnel, omitted;
	uint16_t vlan[SP_LAYERS_MAX]; /* VLAN identifiers, 12 bits */
	uint32_t mpls[SP_LAYERS_MAX]; /* labels, 20 bits */
	struct sp_tunnel tunnel[SP_LAYERS_MAX];
};

/* A table of cache lines, one for a packet's hash modulo their number, a power of two. NULL: there is none. */
struct sp_homes {
	const void *first;
	uint32_t mask; /* their number - 1 */
};

struct sp_batch {
	uint32_t n;
	uint32_t n_layers;
	bool uniform; /* known to be of one point, in the order of time, `bytes` on the wire in all */
	bool odd;     /* of decode and later stages: one of them is not whole, or not simply analysed */
	uint64_t bytes;
	/* Where the packets are looked up next: decode asks for each one's line as soon as it knows the hash, so that
	 * memory works meanwhile. */
	struct sp_homes homes;
	_Alignas(16) struct sp_pkt pkt[SP_BATCH_MAX];
	struct sp_flow_key key[SP_BATCH_MAX];
	uint64_t sign[SP_BATCH_MAX]; /* by decode: what copies of a packet have in common; 0: unknown */
	struct sp_layers layers[SP_BATCH_MAX];
};

/* Whoever fills a batch begins with this. */
static inline void sp_batch_begin(struct sp_batch *batch)
{
	batch->n = batch->n_layers = 0;
	batch->uniform = batch->odd = false;
	batch->homes = (struct sp_homes){0};
}

static inline const void *sp_home(const struct sp_homes *homes, uint32_t hash)
{
	return (const void *)((uintptr_t)homes->first + (size_t)(hash & homes->mask) * SP_CACHE_LINE); /* NULL: none */
}

/* Appends packet i of a decoded batch, with its key and layers. There is room. */
static inline void sp_batch_take(struct sp_batch *batch, const struct sp_batch *from, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[batch->n];
	*pkt = from->pkt[i];
	batch->key[batch->n] = from->key[i];
	batch->sign[batch->n++] = from->sign[i];
	if (!pkt->layers)
		return;
	batch->layers[batch->n_layers++] = from->layers[pkt->layers - 1];
	pkt->layers = (uint16_t)batch->n_layers;
}

#endif
