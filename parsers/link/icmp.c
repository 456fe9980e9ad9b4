/* SPDX-License-Identifier: Apache-2.0 */
/* Which conversation an ICMP (RFC 792) or ICMPv6 (RFC 4443) message belongs to: a query's own, or that of the packet
 * which an error quotes. */
#include "parsers/link/proto.h"
#include "parsers/link/walk.h"

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMP_TIMESTAMP = 13,
	ICMP_MASK_REPLY = 18,
	ICMP_EXT_ECHO = 42, /* RFC 8335 */
	ICMP_EXT_ECHO_REPLY = 43,
};

enum {
	ICMP6_UNREACHABLE = 1,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_EXT_ECHO = 160,
	ICMP6_EXT_ECHO_REPLY = 161,
};

/* Messages in pairs, with an identifier in bytes 4 and 5. */
static bool has_identifier(bool v6, uint8_t type)
{
	if (v6)
		return type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY || type == ICMP6_EXT_ECHO ||
		       type == ICMP6_EXT_ECHO_REPLY;
	return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || (type >= ICMP_TIMESTAMP && type <= ICMP_MASK_REPLY) ||
	       type == ICMP_EXT_ECHO || type == ICMP_EXT_ECHO_REPLY;
}

static bool is_error(bool v6, uint8_t type)
{
	if (v6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER;
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
}

struct quote {
	const uint8_t *src, *dst;
	uint32_t pos;
	uint8_t proto;
	bool v6;
};

/* The quoted IP header. Only the first fragment of a datagram names its conversation. */
static bool quoted_ip(const struct sp_walk *w, uint32_t at, struct quote *q)
{
	const uint8_t *ip = w->data + at;
	if (at + 20 > w->cap)
		return false;
	if (ip[0] >> 4 == 4) {
		uint32_t header = (ip[0] & 15) * 4;
		*q = (struct quote){.src = ip + 12, .dst = ip + 16, .pos = at + header, .proto = ip[9]};
		return header >= 20 && !(sp_be16(ip + 6) & 0x1fff);
	}
	if (ip[0] >> 4 != 6 || at + 40 > w->cap)
		return false;
	struct sp_ip6_chain c = {.pos = at + 40, .proto = ip[6]};
	if (sp_ip6_chain(w->data, w->cap, &c) != SP_CHAIN_DONE || (c.frag && sp_be16(w->data + c.frag + 2) & 0xfff8))
		return false;
	*q = (struct quote){.src = ip + 8, .dst = ip + 24, .pos = c.pos, .proto = c.proto, .v6 = true};
	return true;
}

/* The key of the packet quoted at `at`, as that packet itself would make it. */
static bool quoted(const struct sp_walk *w, uint32_t at, struct sp_conv *c)
{
	struct quote q;
	if (!quoted_ip(w, at, &q))
		return false;
	const uint8_t *p = w->data + q.pos;
	uint16_t sport = 0, dport = 0;
	bool is_icmp = q.proto == SP_PROTO_ICMP || q.proto == SP_PROTO_ICMP6;
	switch (q.proto) {
	case SP_PROTO_TCP:
	case SP_PROTO_UDP:
	case SP_PROTO_UDPLITE:
	case SP_PROTO_SCTP:
	case SP_PROTO_DCCP:
		if (q.pos + 4 > w->cap)
			return false;
		sport = sp_be16(p);
		dport = sp_be16(p + 2);
		c->flags &= (uint16_t)~SP_PKT_NO_PORTS;
		break;
	case SP_PROTO_ICMP:
	case SP_PROTO_ICMP6:
		if (q.pos + 6 > w->cap)
			return false;
		if (has_identifier(q.proto == SP_PROTO_ICMP6, p[0]))
			sport = dport = sp_be16(p + 4);
		else
			sport = (uint16_t)(p[0] << 8 | p[1]);
		break;
	}
	c->src = q.src;
	c->dst = q.dst;
	c->sport = sport;
	c->dport = dport;
	c->key_proto = q.proto;
	c->v6 = q.v6;
	c->icmp = is_icmp;
	c->flags |= SP_PKT_QUOTED;
	return true;
}

void sp_walk_icmp(struct sp_walk *w, struct sp_conv *c)
{
	const uint8_t *p = sp_walk_at(w);
	bool v6 = w->proto == SP_PROTO_ICMP6;
	if (is_error(v6, p[0]) && quoted(w, w->pos + 8, c))
		return;
	c->icmp = true;
	c->sport = (uint16_t)(p[0] << 8 | p[1]);
	if (has_identifier(v6, p[0]) && sp_walk_have(w, 8))
		c->sport = c->dport = sp_be16(p + 4);
}
