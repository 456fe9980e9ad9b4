/* SPDX-License-Identifier: Apache-2.0 */
/* What an IP packet carries: the transport header that makes the conversation, or a tunnel to take off. */
#include "parsers/link/checksum.h"
#include "parsers/link/proto.h"
#include "parsers/link/walk.h"

enum { TCP_LEN = 20, UDP_LEN = 8, SCTP_LEN = 12, DCCP_LEN = 12, ICMP_LEN = 8, ICMP6_LEN = 4, PORTS_LEN = 4 };

static struct sp_conv conversation(const struct sp_walk *w)
{
	const uint8_t *ip = w->data + w->l3;
	return (struct sp_conv){
		.src = ip + (w->v6 ? 8 : 12),
		.dst = ip + (w->v6 ? 24 : 16),
		.l7_len = w->end - w->pos,
		.space = w->space,
		.l2 = w->l2,
		.l3 = w->l3,
		.l4 = sp_walk_offset(w, w->pos),
		.l7 = sp_walk_offset(w, w->pos),
		.flags = w->flags | w->frame_flags,
		.proto = w->proto,
		.key_proto = w->proto,
		.ttl = w->ttl,
		.v6 = w->v6,
		.n_vlan = w->has_layers ? w->layers->n_vlan : 0,
		.n_mpls = w->has_layers ? w->layers->n_mpls : 0,
		.n_tunnel = w->has_layers ? w->layers->n_tunnel : 0,
		.omitted = w->has_layers ? w->layers->omitted : 0,
	};
}

static enum sp_step good(struct sp_walk *w, const struct sp_conv *c)
{
	w->good = *c;
	w->has_good = true;
	return SP_STEP_END;
}

/* Splits the payload off a header of `header` bytes, of which options may be missing, but no more. */
static void payload(const struct sp_walk *w, struct sp_conv *c, uint32_t header, uint32_t payload_len)
{
	uint32_t fixed = w->proto == SP_PROTO_TCP ? TCP_LEN : header;
	c->l7_len = payload_len;
	c->l7 = sp_walk_offset(w, w->pos + header);
	if (!sp_walk_have(w, fixed))
		c->flags |= SP_PKT_L4_CUT;
}

/* Over the pseudo header and `len` bytes at pos. Right, too, when it cannot be told. */
static bool checksum_right(const struct sp_walk *w, uint32_t len)
{
	if (!w->conf->verify_checksums || w->flags & (SP_PKT_FRAGMENT | SP_PKT_OFFLOADED) ||
	    w->frame_flags & SP_PKT_CSUM_PENDING || w->routed || !sp_walk_have(w, len))
		return true;
	const uint8_t *ip = w->data + w->l3;
	uint64_t sum = (uint64_t)w->proto + len;
	sum = w->v6 ? sp_checksum_add(sum, ip + 8, 32) : sp_checksum_add(sum, ip + 12, 8);
	return sp_checksum_fold(sp_checksum_add(sum, sp_walk_at(w), len)) == 0xffff;
}

/* The rest of a first fragment's header may be in the next one: its ports are enough. */
static enum sp_step tiny_fragment(struct sp_walk *w, struct sp_conv *c)
{
	if (!(w->flags & SP_PKT_FRAGMENT) || w->end - w->pos < PORTS_LEN)
		return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
	if (!sp_walk_have(w, PORTS_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_L4);
	c->sport = sp_be16(sp_walk_at(w));
	c->dport = sp_be16(sp_walk_at(w) + 2);
	c->l7 = SP_NOOFS;
	c->l7_len = 0;
	c->flags |= SP_PKT_L4_CUT;
	return good(w, c);
}

static enum sp_step tcp(struct sp_walk *w, struct sp_conv *c)
{
	const uint8_t *p = sp_walk_at(w);
	uint32_t len = w->end - w->pos;
	if (len < TCP_LEN)
		return tiny_fragment(w, c);
	if (!sp_walk_have(w, PORTS_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_L4);
	c->sport = sp_be16(p);
	c->dport = sp_be16(p + 2);
	if (!sp_walk_have(w, TCP_LEN)) {
		/* the payload begins nobody knows where; the flags may be there all the same */
		c->tcp_flags = sp_walk_have(w, 14) ? p[13] : 0;
		uint32_t header = sp_walk_have(w, 13) ? p[12] >> 4 << 2 : TCP_LEN;
		if (header < TCP_LEN || header > len)
			return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
		payload(w, c, header, len - header);
		return good(w, c);
	}
	c->tcp_flags = p[13];
	uint32_t header = p[12] >> 4 << 2;
	if (header > len && w->flags & SP_PKT_FRAGMENT)
		return tiny_fragment(w, c);
	if (header < TCP_LEN || header > len)
		return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
	if (!checksum_right(w, len))
		return sp_walk_fail(w, SP_DECODE_BAD_L4_CHECKSUM);
	payload(w, c, header, len - header);
	return good(w, c);
}

static enum sp_step udp(struct sp_walk *w, struct sp_conv *c)
{
	const uint8_t *p = sp_walk_at(w);
	uint32_t len = w->end - w->pos;
	if (len < UDP_LEN)
		return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
	if (!sp_walk_have(w, PORTS_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_L4);
	c->sport = sp_be16(p);
	c->dport = sp_be16(p + 2);
	uint32_t declared = sp_walk_have(w, 6) ? sp_be16(p + 4) : 0;
	if (declared) { /* 0: a jumbogram, RFC 2675, or segmentation left to the card */
		if (declared < UDP_LEN || (declared > len && !(w->flags & SP_PKT_FRAGMENT)))
			return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
		len = SP_MIN(len, declared);
	}
	if (sp_walk_have(w, UDP_LEN) && sp_be16(p + 6) && !checksum_right(w, len))
		return sp_walk_fail(w, SP_DECODE_BAD_L4_CHECKSUM);
	payload(w, c, UDP_LEN, len - UDP_LEN);
	good(w, c);
	if (w->flags & SP_PKT_FRAGMENT || !sp_walk_have(w, UDP_LEN))
		return SP_STEP_END;
	/* a tunnel ends where its IP packet does: what is inside declares its own length */
	w->pos += UDP_LEN;
	return sp_walk_udp_tunnel(w, c->sport, c->dport);
}

/* Ports first, then a header of fixed length as far as decode is concerned. */
static enum sp_step ports_only(struct sp_walk *w, struct sp_conv *c, uint32_t header)
{
	const uint8_t *p = sp_walk_at(w);
	uint32_t len = w->end - w->pos;
	if (len < header)
		return tiny_fragment(w, c);
	if (!sp_walk_have(w, PORTS_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_L4);
	c->sport = sp_be16(p);
	c->dport = sp_be16(p + 2);
	payload(w, c, header, len - header);
	return good(w, c);
}

static enum sp_step icmp(struct sp_walk *w, struct sp_conv *c)
{
	uint32_t len = w->end - w->pos, least = w->proto == SP_PROTO_ICMP ? ICMP_LEN : ICMP6_LEN;
	if (len < least)
		return sp_walk_fail(w, SP_DECODE_BAD_L4_LENGTH);
	least = SP_MIN(len, ICMP_LEN);
	if (!sp_walk_have(w, least))
		return sp_walk_fail(w, SP_DECODE_CUT_L4);
	/* ICMP's own checksum has no pseudo header, ICMPv6's has */
	if (w->proto == SP_PROTO_ICMP6 && !checksum_right(w, len))
		return sp_walk_fail(w, SP_DECODE_BAD_L4_CHECKSUM);
	if (w->proto == SP_PROTO_ICMP && w->conf->verify_checksums && !(w->flags & SP_PKT_FRAGMENT) &&
	    sp_walk_have(w, len) && sp_checksum_fold(sp_checksum_add(0, sp_walk_at(w), len)) != 0xffff)
		return sp_walk_fail(w, SP_DECODE_BAD_L4_CHECKSUM);
	payload(w, c, least, len - least);
	c->flags |= SP_PKT_NO_PORTS;
	sp_walk_icmp(w, c);
	return good(w, c);
}

/* A whole frame: Ethernet within IP has two bytes with a version before it (RFC 3378), segment routing none (RFC 8986).
 */
static enum sp_step ethernet_in_ip(struct sp_walk *w, uint32_t header)
{
	if (!sp_walk_may_open(w, SP_TUNNEL_TEB) || !sp_walk_have(w, header))
		return SP_STEP_END;
	w->pos += header;
	sp_walk_open(w, SP_TUNNEL_TEB, NULL, true);
	return SP_STEP_ETHERNET;
}

static enum sp_step ip_in_ip(struct sp_walk *w, enum sp_step inner)
{
	if (!sp_walk_may_open(w, SP_TUNNEL_IPIP) || !sp_walk_have(w, 1))
		return SP_STEP_END;
	sp_walk_open(w, SP_TUNNEL_IPIP, NULL, true);
	return inner;
}

/* Protocols without ports; some of them are tunnels. */
static enum sp_step without_ports(struct sp_walk *w, struct sp_conv *c)
{
	c->flags |= SP_PKT_NO_PORTS;
	good(w, c);
	if (w->flags & SP_PKT_FRAGMENT)
		return SP_STEP_END;
	switch (w->proto) {
	case SP_PROTO_IPIP:
		return ip_in_ip(w, SP_STEP_IP4);
	case SP_PROTO_IP6:
		return ip_in_ip(w, SP_STEP_IP6);
	case SP_PROTO_GRE:
		return sp_walk_gre(w);
	case SP_PROTO_L2TP:
		return sp_walk_l2tp_ip(w);
	case SP_PROTO_ETHERIP:
		return ethernet_in_ip(w, 2);
	case SP_PROTO_ETHERNET:
		return ethernet_in_ip(w, 0);
	case SP_PROTO_MPLS:
		return SP_STEP_MPLS;
	}
	return SP_STEP_END;
}

/* IPv4 has no chain of extension headers, but authentication (RFC 4302) is one there, too. */
static bool skip_authentication(struct sp_walk *w)
{
	if (!sp_walk_have(w, 2))
		return false;
	uint32_t len = (sp_walk_at(w)[1] + 2u) * 4;
	if (!sp_walk_have(w, len))
		return false;
	w->proto = sp_walk_at(w)[0];
	w->pos += len;
	return true;
}

enum sp_step sp_walk_l4(struct sp_walk *w)
{
	bool authenticated = w->proto == SP_PROTO_AH && !(w->flags & SP_PKT_LATER_FRAG);
	if (authenticated && !skip_authentication(w))
		return sp_walk_fail(w, w->cap < w->end ? SP_DECODE_CUT_L4 : SP_DECODE_BAD_L4_LENGTH);
	struct sp_conv c = conversation(w);
	if (w->flags & SP_PKT_LATER_FRAG) {
		c.l4 = SP_NOOFS;
		c.flags |= SP_PKT_NO_PORTS;
		return good(w, &c);
	}
	switch (w->proto) {
	case SP_PROTO_TCP:
		return tcp(w, &c);
	case SP_PROTO_UDP:
		return udp(w, &c);
	case SP_PROTO_UDPLITE:
		return ports_only(w, &c, UDP_LEN);
	case SP_PROTO_SCTP:
		return ports_only(w, &c, SCTP_LEN);
	case SP_PROTO_DCCP:
		return ports_only(w, &c, DCCP_LEN);
	case SP_PROTO_ICMP:
	case SP_PROTO_ICMP6:
		return icmp(w, &c);
	}
	return without_ports(w, &c);
}
