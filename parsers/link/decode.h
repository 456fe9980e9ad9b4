/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame's first byte to the innermost transport header: link layers, IP, every tunnel. Pure: bytes in, offsets,
 * flow key and verdict out; no state, no counter, no clock. */
#ifndef SP_PARSERS_LINK_DECODE_H
#define SP_PARSERS_LINK_DECODE_H

#include "base/pkt.h"

/* Why a packet carries no flow. The verdict says which of them are malformed; the name is the key in stats.json. */
#define SP_DECODE_REASONS(X)                                                                                           \
	X(OK, ANALYSED, "ok")                                                                                          \
	X(ARP, ANALYSED, "arp")                                                                                        \
	X(LLC, ANALYSED, "llc") /* spanning tree, CDP, IS-IS, … */                                                    \
	X(LLDP, ANALYSED, "lldp")                                                                                      \
	X(CONTROL, ANALYSED, "link_control") /* LACP, 802.1X, PAUSE, PPP and PPPoE control, NSH metadata only */      \
	X(OTHER_ETHERTYPE, ANALYSED, "other_ethertype")                                                                \
	X(KEEPALIVE, ANALYSED, "tunnel_control") /* GTP-U echo, L2TP control, GRE keep-alive */                       \
	X(CUT_LINK, MALFORMED, "cut_link")       /* ends inside the link header */                                     \
	X(CUT_IP, MALFORMED, "cut_ip")                                                                                 \
	X(CUT_L4, MALFORMED, "cut_l4") /* not even ports */                                                           \
	X(CUT_TUNNEL, MALFORMED, "cut_tunnel")                                                                         \
	X(BAD_IP_VERSION, MALFORMED, "bad_ip_version")                                                                 \
	X(BAD_IP_LENGTH, MALFORMED, "bad_ip_length")                                                                   \
	X(BAD_IP_CHECKSUM, MALFORMED, "bad_ip_checksum")                                                               \
	X(BAD_L4_LENGTH, MALFORMED, "bad_l4_length")                                                                   \
	X(BAD_L4_CHECKSUM, MALFORMED, "bad_l4_checksum")                                                               \
	X(BAD_FRAGMENT, MALFORMED, "bad_fragment")                                                                     \
	X(TOO_DEEP, MALFORMED, "too_deep") /* more layers or extension headers than configured */                     \
	X(REFUSED_LINK, MALFORMED, "refused_link_type")

enum sp_decode_reason {
#define X(sym, verdict, name) SP_DECODE_##sym,
	SP_DECODE_REASONS(X)
#undef X
	        SP_DECODE_REASON_MAX
};

#define SP_DECODE_UDP_PORTS 8

struct sp_decode_conf {
	uint16_t vxlan_ports[SP_DECODE_UDP_PORTS]; /* destination ports, 0 ends the list */
	uint16_t vxlan_gpe_port, geneve_port, gtpu_port, l2tp_port;
	uint16_t max_tunnels;   /* nested tunnels taken off; what is deeper is the tunnel's own flow */
	uint32_t mirror;        /* bits 1 << enum sp_tunnel_type: mirror transport, forgotten */
	uint32_t keep;          /* bits: tunnels that are not opened: the outer conversation is the flow */
	bool verify_checksums;
	uint64_t hash_key;
};

struct sp_decode_conf sp_decode_conf_default(void);

/* Decodes every packet of the batch: offsets, lengths, key, hash, space, layers, verdict, reason. `space[point]` is the
 * address space of plain frames at each point. */
void sp_decode_batch(const struct sp_decode_conf *conf, const uint32_t *space, struct sp_batch *batch);

const char *sp_decode_reason_name(enum sp_decode_reason reason);
const char *sp_tunnel_type_name(enum sp_tunnel_type type);

/* The hash of a key as decode computes it: the low half picks the bucket, the high half is the tag. */
uint64_t sp_flow_key_hash(const struct sp_flow_key *key, uint64_t hash_key);

#endif
