/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame's first byte to the innermost transport header: link layers, IP, every tunnel. Pure: bytes in, offsets,
 * flow key and verdict out; no state, no counter, no clock.
 *
 * The innermost conversation is the flow. A tunnel whose inside holds none (it is cut, not IP, control, too deep, or
 * the outer datagram is a fragment) leaves the packet to the tunnel's own, outer conversation. */
#ifndef SP_PARSERS_LINK_DECODE_H
#define SP_PARSERS_LINK_DECODE_H

#include "base/pkt.h"

/* What decode found. OK: the packet has a flow, its key and hash are set, and l3 is an offset. Everything else has
 * none. The verdict says which of them are malformed; the name is the key in stats.json. */
#define SP_DECODE_REASONS(X)                                                                                           \
	X(OK, ANALYSED, "ok")                                                                                          \
	X(ARP, ANALYSED, "arp")                                                                                        \
	X(LLC, ANALYSED, "llc") /* spanning tree, CDP, IS-IS, … */                                                   \
	X(LLDP, ANALYSED, "lldp")                                                                                      \
	X(CONTROL, ANALYSED, "link_control") /* LACP, 802.1X, PAUSE, PPP and PPPoE control, NSH metadata only */       \
	X(OTHER_ETHERTYPE, ANALYSED, "other_ethertype")                                                                \
	X(CUT_LINK, MALFORMED, "cut_link") /* ends inside the link header */                                           \
	X(CUT_IP, MALFORMED, "cut_ip")                                                                                 \
	X(CUT_L4, MALFORMED, "cut_l4")	       /* not even ports */                                                    \
	X(CUT_TUNNEL, MALFORMED, "cut_tunnel") /* inside a tunnel header that has no outer conversation */             \
	X(BAD_IP_VERSION, MALFORMED, "bad_ip_version")                                                                 \
	X(BAD_IP_LENGTH, MALFORMED, "bad_ip_length")                                                                   \
	X(BAD_IP_CHECKSUM, MALFORMED, "bad_ip_checksum")                                                               \
	X(BAD_L4_LENGTH, MALFORMED, "bad_l4_length")                                                                   \
	X(BAD_L4_CHECKSUM, MALFORMED, "bad_l4_checksum")                                                               \
	X(BAD_FRAGMENT, MALFORMED, "bad_fragment")                                                                     \
	X(TOO_DEEP, MALFORMED, "too_deep") /* more layers or extension headers than decode follows */                  \
	X(REFUSED_LINK, MALFORMED, "refused_link_type")

enum sp_decode_reason {
#define X(sym, verdict, name) SP_DECODE_##sym,
	SP_DECODE_REASONS(X)
#undef X
		SP_DECODE_REASON_MAX
};

#define SP_DECODE_UDP_PORTS 8
#define SP_DECODE_MEET_PORTS 4

struct sp_decode_conf {
	uint16_t vxlan_ports[SP_DECODE_UDP_PORTS]; /* destination ports, 0 ends the list */
	uint16_t vxlan_gpe_port, geneve_port;	   /* destination ports, 0: none */
	uint16_t gtpu_port, l2tp_port;		   /* either side's port, 0: none */
	uint16_t meet_ports[SP_DECODE_MEET_PORTS]; /* either side's, 0 ends the list: flows for one worker together */
	uint16_t max_tunnels;  /* nested tunnels taken off; what is deeper is the tunnel's own flow */
	uint32_t mirror;       /* bits 1 << enum sp_tunnel_type: mirror transport, forgotten */
	uint32_t keep;	       /* bits: tunnels that are not opened: the outer conversation is the flow */
	bool sliced;	       /* frames were cut on their way, and do not say so: an IP length may exceed the frame */
	bool verify_checksums; /* IPv4, TCP, UDP, ICMP; never of fragments or of packets that were cut */
	uint64_t hash_key;
};

struct sp_decode_conf sp_decode_conf_default(void);

/* Decodes every packet of the batch: offsets, lengths, key, hash, space, layers, sign, verdict, reason. `space[point]`
 * is the address space of plain frames at each point. `batch->key[i]` is written only where `pkt[i].reason` is
 * SP_DECODE_OK; `batch->sign[i]` (sign.h) is 0 where it is not, and with SP_PKT_NO_SIGN.
 *
 * Offsets never point beyond the captured bytes; an offset equal to cap_len means that no byte of that part is there.
 * `l7_len` is this packet's share of the payload, by the declared lengths. A later fragment has no l4; l7 and l7_len
 * are its data. An ICMP error that quotes a flow (SP_PKT_QUOTED) travels against the quoted packet: SP_PKT_REVERSE is
 * set when the quoted packet went from lo to hi. */
void sp_decode_batch(const struct sp_decode_conf *conf, const uint32_t *space, struct sp_batch *batch);

/* Which share of all flows a key belongs to, for workers that each take some of them: a number that is spread over 32
 * bits, the same for both directions and for a mirror's copies in another VLAN, and 0 for all flows that have to meet.
 * share.h tells it of most packets at a glance. */
uint32_t sp_flow_key_share(const struct sp_decode_conf *conf, const struct sp_flow_key *key);

/* Is it one of the flows that have to meet in one worker (meet_ports)? */
bool sp_flow_key_meets(const struct sp_decode_conf *conf, const struct sp_flow_key *key);

/* Which of so many workers has that share. */
static inline unsigned sp_share_worker(uint32_t share, unsigned workers)
{
	return (unsigned)((uint64_t)share * workers >> 32);
}

/* The first share of a worker; of the one after the last, what overflows: 0. */
static inline uint32_t sp_share_first(unsigned worker, unsigned workers)
{
	return (uint32_t)((((uint64_t)worker << 32) + workers - 1) / workers);
}

/* Gives an ICMP error that quotes an unknown flow the key of its own conversation: rewrites key, hash and flags. */
void sp_decode_icmp_own_key(uint64_t hash_key, struct sp_pkt *pkt, struct sp_flow_key *key);

/* Where a fragment belongs in its datagram. */
struct sp_fragment {
	uint32_t id;	 /* IPv4: 16 bits */
	uint32_t offset; /* of its data in the datagram's payload, bytes */
	uint32_t len;	 /* of its data, by the declared length; may exceed what was captured */
	uint16_t at;	 /* offset of its data from pkt->data */
	bool more;	 /* not the last */
	bool v6;
};

/* Reads the fragment's place from the headers again. Only for packets with SP_PKT_FRAGMENT. */
struct sp_fragment sp_decode_fragment(const struct sp_pkt *pkt);

const char *sp_decode_reason_name(enum sp_decode_reason reason);
const char *sp_tunnel_type_name(enum sp_tunnel_type type);

/* The hash of a key as decode computes it; `sp_pkt.hash` is its low half, all 32 bits of which are good. */
uint64_t sp_flow_key_hash(const struct sp_flow_key *key, uint64_t hash_key);

#endif
