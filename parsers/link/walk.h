/* SPDX-License-Identifier: Apache-2.0 */
/* The general way through a frame, header by header; private to parsers/link. Each step reads one kind of header at
 * `pos`, moves `pos` behind it and names the step that follows. */
#ifndef SP_PARSERS_LINK_WALK_H
#define SP_PARSERS_LINK_WALK_H

#include "base/cursor.h"
#include "parsers/link/decode.h"
#include "parsers/link/key.h"

#define SP_WALK_STEPS 64      /* headers in one frame */
#define SP_WALK_VLANS 8	      /* in one stack */
#define SP_WALK_LABELS 16     /* MPLS, in one stack */
#define SP_WALK_EXTENSIONS 16 /* IPv6 extension headers of one packet */

/* Bytes that decode looks at, so that every offset fits 16 bits and differs from SP_NOOFS. */
#define SP_WALK_BYTES (UINT16_MAX - 1)

enum sp_step {
	SP_STEP_END,
	SP_STEP_ETHERNET,
	SP_STEP_ETHERTYPE, /* payload of the type in `type` */
	SP_STEP_PPP,
	SP_STEP_IP, /* version by the first nibble */
	SP_STEP_IP4,
	SP_STEP_IP6,
	SP_STEP_L4, /* protocol in `proto` */
	SP_STEP_MPLS,
	SP_STEP_NSH,
};

/* A conversation that the frame may belong to. */
struct sp_conv {
	const uint8_t *src, *dst; /* addresses of the key */
	uint32_t l7_len, space;
	uint16_t l2, l3, l4, l7;
	uint16_t sport, dport, flags;
	uint8_t proto, key_proto, tcp_flags, ttl;
	bool v6; /* of the key */
	bool icmp;
	uint8_t n_vlan, n_mpls, n_tunnel, omitted;
};

struct sp_walk {
	const struct sp_decode_conf *conf;
	const uint8_t *data;
	struct sp_layers *layers; /* this frame's, zeroed when the first one is pushed */
	uint32_t pos;		  /* the next header */
	uint32_t cap;		  /* what may be read: captured, and inside every declared length so far */
	uint32_t end;		  /* of the innermost declared length; may be beyond cap, never before pos */
	uint32_t padded_end;	  /* a length inside may count padding, up to here; `end` holds all the same */
	uint32_t space, point_space;
	uint16_t type; /* for SP_STEP_ETHERTYPE */
	uint16_t l2, l3;
	uint16_t flags; /* of the innermost IP packet, and those of the frame */
	uint16_t frame_flags;
	uint8_t proto, ttl, reason;
	uint8_t n_opened; /* tunnels taken off */
	bool v6;	  /* of the IP header at l3 */
	bool open_end;	  /* the frame was cut before it was put into a tunnel: lengths may exceed `end` */
	bool routed;	  /* an IPv6 routing header: the address the checksum covers is not the header's */
	bool has_good;
	bool has_layers;
	struct sp_conv good; /* the innermost conversation so far; valid with has_good */
};

static inline bool sp_walk_have(const struct sp_walk *w, uint32_t n)
{
	return w->pos + n <= w->cap;
}

static inline const uint8_t *sp_walk_at(const struct sp_walk *w)
{
	return w->data + w->pos;
}

static inline enum sp_step sp_walk_fail(struct sp_walk *w, enum sp_decode_reason reason)
{
	w->reason = reason;
	return SP_STEP_END;
}

/* A header declares where what it carries ends. False when that is beyond the layer around it. */
static inline bool sp_walk_declare(struct sp_walk *w, uint32_t end)
{
	if (end > w->end && end <= w->padded_end)
		end = w->end;
	if (end > w->end && !w->open_end)
		return false;
	w->end = end;
	w->cap = SP_MIN(w->cap, end);
	return true;
}

/* An offset for sp_pkt: absent when it is beyond the captured bytes. */
static inline uint16_t sp_walk_offset(const struct sp_walk *w, uint32_t at)
{
	return at <= w->cap ? (uint16_t)at : SP_NOOFS;
}

static inline enum sp_step sp_walk_ethertype(struct sp_walk *w, uint16_t type)
{
	w->type = type;
	return SP_STEP_ETHERTYPE;
}

/* Decodes packet i of the batch, whatever it is. `space` holds its point's address space. */
void sp_walk(const struct sp_decode_conf *conf, struct sp_batch *batch, uint32_t i);

/* Records what was taken off. */
void sp_walk_push_vlan(struct sp_walk *w, uint16_t id);
void sp_walk_push_mpls(struct sp_walk *w, uint32_t label);

/* Whether a tunnel of that type may be opened now. */
bool sp_walk_may_open(const struct sp_walk *w, enum sp_tunnel_type type);

/* A tunnel header has been read and `pos` is behind it. `id` may be NULL. `outer` says whether the IP header at l3
 * carries the tunnel. */
void sp_walk_open(struct sp_walk *w, enum sp_tunnel_type type, const uint32_t *id, bool outer);

/* The steps, by file. ethernet.c: */
enum sp_step sp_walk_link(struct sp_walk *w, enum sp_link link);
enum sp_step sp_walk_ethernet(struct sp_walk *w);
enum sp_step sp_walk_payload(struct sp_walk *w); /* SP_STEP_ETHERTYPE */
bool sp_walk_is_ethernet(const struct sp_walk *w, uint32_t at);

/* label.c: PPP, PPPoE, MPLS */
enum sp_step sp_walk_ppp(struct sp_walk *w);
enum sp_step sp_walk_pppoe(struct sp_walk *w);
enum sp_step sp_walk_mpls(struct sp_walk *w);

/* ip.c: */
enum sp_step sp_walk_ip(struct sp_walk *w);
enum sp_step sp_walk_ip4(struct sp_walk *w);
enum sp_step sp_walk_ip6(struct sp_walk *w);

/* How far a chain of IPv6 extension headers (and AH) could be followed. */
enum sp_chain { SP_CHAIN_DONE, SP_CHAIN_CUT, SP_CHAIN_TOO_LONG };

struct sp_ip6_chain {
	uint32_t pos;  /* in: first header; out: upper layer, or a fragment's data */
	uint8_t proto; /* in: next header of the fixed header; out: upper layer's */
	uint32_t frag; /* offset of the fragment header, 0: none */
	bool routed;   /* there is a routing header */
};
enum sp_chain sp_ip6_chain(const uint8_t *data, uint32_t cap, struct sp_ip6_chain *chain);

/* l4.c: */
enum sp_step sp_walk_l4(struct sp_walk *w);

/* icmp.c: the key of a message that is captured up to its eighth byte */
void sp_walk_icmp(struct sp_walk *w, struct sp_conv *conv);

/* tunnel.c: opens what a datagram carries, or ends with the outer conversation. */
enum sp_step sp_walk_udp_tunnel(struct sp_walk *w, uint16_t sport, uint16_t dport);
enum sp_step sp_walk_l2tp_ip(struct sp_walk *w);
enum sp_step sp_walk_nsh(struct sp_walk *w);
/* gre.c: */
enum sp_step sp_walk_gre(struct sp_walk *w);

/* Builds the key, returns whether the sender is the high endpoint. */
bool sp_conv_key(const struct sp_conv *conv, struct sp_flow_key *key);

#endif
