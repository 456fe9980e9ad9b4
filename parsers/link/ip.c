/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers, fragments. */
#include "parsers/link/checksum.h"
#include "parsers/link/proto.h"
#include "parsers/link/walk.h"

enum { IP4_LEN = 20, IP6_LEN = 40 };
enum { IP4_MORE = 0x2000, IP4_OFFSET = 0x1fff, IP6_MORE = 1, IP6_OFFSET = 0xfff8 };

/* What a datagram may grow to: the length fields have 16 bits. */
#define DATAGRAM_MAX 65535

static void begin(struct sp_walk *w, bool v6)
{
	w->l3 = (uint16_t)w->pos;
	w->v6 = v6;
	w->routed = false;
	w->flags = 0;
}

/* Every fragment but the last carries a multiple of 8 bytes, and none reaches beyond what a datagram can be. */
static bool fragment(struct sp_walk *w, uint32_t offset, bool more, uint32_t len, uint32_t headers)
{
	if ((more && (len % 8 || !len)) || headers + offset + len > DATAGRAM_MAX)
		return false;
	w->flags |= SP_PKT_FRAGMENT | (offset ? SP_PKT_LATER_FRAG : 0);
	return true;
}

enum sp_step sp_walk_ip4(struct sp_walk *w)
{
	if (!sp_walk_have(w, IP4_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_IP);
	const uint8_t *ip = sp_walk_at(w);
	if (ip[0] >> 4 != 4)
		return sp_walk_fail(w, SP_DECODE_BAD_IP_VERSION);
	begin(w, false);
	uint32_t header = (ip[0] & 15) * 4, total = sp_be16(ip + 2);
	if (!total) {
		total = w->end - w->pos;
		w->flags |= SP_PKT_OFFLOADED;
	}
	if (header < IP4_LEN || total < header || !sp_walk_declare(w, w->pos + total))
		return sp_walk_fail(w, SP_DECODE_BAD_IP_LENGTH);
	if (!sp_walk_have(w, header))
		return sp_walk_fail(w, SP_DECODE_CUT_IP);
	if (w->conf->verify_checksums && sp_checksum_fold(sp_checksum_add(0, ip, header)) != 0xffff)
		return sp_walk_fail(w, SP_DECODE_BAD_IP_CHECKSUM);
	uint16_t frag = sp_be16(ip + 6);
	if (frag & (IP4_MORE | IP4_OFFSET) &&
	    !fragment(w, (frag & IP4_OFFSET) * 8, frag & IP4_MORE, total - header, header))
		return sp_walk_fail(w, SP_DECODE_BAD_FRAGMENT);
	w->ttl = ip[8];
	w->proto = ip[9];
	w->pos += header;
	return SP_STEP_L4;
}

enum sp_chain sp_ip6_chain(const uint8_t *data, uint32_t cap, struct sp_ip6_chain *c)
{
	c->frag = 0;
	c->routed = false;
	for (unsigned n = 0; n < SP_WALK_EXTENSIONS; n++) {
		const uint8_t *p = data + c->pos;
		uint32_t len;
		switch (c->proto) {
		case SP_PROTO_HOP_BY_HOP:
		case SP_PROTO_ROUTING:
		case SP_PROTO_DESTINATION:
		case SP_PROTO_HIP:
		case SP_PROTO_SHIM6:
			if (c->pos + 2 > cap)
				return SP_CHAIN_CUT;
			len = (p[1] + 1u) * 8;
			break;
		case SP_PROTO_FRAGMENT:
			if (c->pos + 8 > cap)
				return SP_CHAIN_CUT;
			len = 8;
			break;
		case SP_PROTO_AH:
			if (c->pos + 2 > cap)
				return SP_CHAIN_CUT;
			len = (p[1] + 2u) * 4;
			break;
		default:
			return SP_CHAIN_DONE;
		}
		if (c->pos + len > cap)
			return SP_CHAIN_CUT;
		c->routed |= c->proto == SP_PROTO_ROUTING;
		bool is_fragment = c->proto == SP_PROTO_FRAGMENT;
		if (is_fragment)
			c->frag = c->pos;
		c->proto = p[0];
		c->pos += len;
		/* what follows in a later fragment is data, whatever its type says */
		if (is_fragment && sp_be16(p + 2) & IP6_OFFSET)
			return SP_CHAIN_DONE;
	}
	return SP_CHAIN_TOO_LONG;
}

/* Extension headers may also be missing because the first fragment is too small for them: RFC 7112 forbids that. */
static enum sp_step extensions(struct sp_walk *w)
{
	struct sp_ip6_chain c = {.pos = w->pos, .proto = w->proto};
	enum sp_chain how = sp_ip6_chain(w->data, w->cap, &c);
	if (how == SP_CHAIN_TOO_LONG)
		return sp_walk_fail(w, SP_DECODE_TOO_DEEP);
	const uint8_t *f = w->data + c.frag;
	uint16_t frag = c.frag ? sp_be16(f + 2) : 0;
	if (how == SP_CHAIN_CUT) {
		if (w->cap < w->end)
			return sp_walk_fail(w, SP_DECODE_CUT_IP);
		return sp_walk_fail(w, frag & IP6_MORE ? SP_DECODE_BAD_FRAGMENT : SP_DECODE_BAD_IP_LENGTH);
	}
	w->pos = c.pos;
	w->proto = c.proto;
	w->routed = c.routed;
	if (!(frag & (IP6_MORE | IP6_OFFSET)))
		return SP_STEP_L4; /* none, or an atomic fragment (RFC 6946): a whole packet */
	uint32_t data = c.frag + 8;
	if (!fragment(w, frag & IP6_OFFSET, frag & IP6_MORE, w->end - data, data - w->l3 - IP6_LEN - 8))
		return sp_walk_fail(w, SP_DECODE_BAD_FRAGMENT);
	return SP_STEP_L4;
}

enum sp_step sp_walk_ip6(struct sp_walk *w)
{
	if (!sp_walk_have(w, IP6_LEN))
		return sp_walk_fail(w, SP_DECODE_CUT_IP);
	const uint8_t *ip = sp_walk_at(w);
	if (ip[0] >> 4 != 6)
		return sp_walk_fail(w, SP_DECODE_BAD_IP_VERSION);
	begin(w, true);
	uint32_t len = sp_be16(ip + 4);
	w->proto = ip[6];
	w->ttl = ip[7];
	/* a jumbogram (RFC 2675), or TSO */
	if (!len && w->proto != SP_PROTO_NO_NEXT && w->end > w->pos + IP6_LEN) {
		len = w->end - w->pos - IP6_LEN;
		w->flags |= SP_PKT_OFFLOADED;
	}
	if (!sp_walk_declare(w, w->pos + IP6_LEN + len))
		return sp_walk_fail(w, SP_DECODE_BAD_IP_LENGTH);
	w->pos += IP6_LEN;
	return extensions(w);
}

enum sp_step sp_walk_ip(struct sp_walk *w)
{
	if (!sp_walk_have(w, 1))
		return sp_walk_fail(w, SP_DECODE_CUT_IP);
	switch (*sp_walk_at(w) >> 4) {
	case 4:
		return SP_STEP_IP4;
	case 6:
		return SP_STEP_IP6;
	}
	return sp_walk_fail(w, SP_DECODE_BAD_IP_VERSION);
}

struct sp_fragment sp_decode_fragment(const struct sp_pkt *pkt)
{
	assert(pkt->flags & SP_PKT_FRAGMENT);
	const uint8_t *ip = pkt->data + pkt->l3;
	if (ip[0] >> 4 == 4) {
		uint32_t header = (ip[0] & 15) * 4, total = sp_be16(ip + 2);
		uint16_t frag = sp_be16(ip + 6);
		if (!total)
			total = SP_MAX(pkt->wire_len, pkt->cap_len) - pkt->l3;
		return (struct sp_fragment){
			.id = sp_be16(ip + 4),
			.offset = (frag & IP4_OFFSET) * 8,
			.len = total - header,
			.at = (uint16_t)(pkt->l3 + header),
			.more = frag & IP4_MORE,
		};
	}
	struct sp_ip6_chain c = {.pos = pkt->l3 + IP6_LEN, .proto = ip[6]};
	sp_ip6_chain(pkt->data, SP_MIN(pkt->cap_len, SP_WALK_BYTES), &c);
	const uint8_t *f = pkt->data + c.frag;
	uint32_t len = sp_be16(ip + 4), end = len ? pkt->l3 + IP6_LEN + len : SP_MAX(pkt->wire_len, pkt->cap_len);
	return (struct sp_fragment){
		.id = sp_be32(f + 4),
		.offset = sp_be16(f + 2) & IP6_OFFSET,
		.len = end - c.frag - 8,
		.at = (uint16_t)(c.frag + 8),
		.more = sp_be16(f + 2) & IP6_MORE,
		.v6 = true,
	};
}
