/* SPDX-License-Identifier: Apache-2.0 */
/* Layers between link and IP: PPP (RFC 1661, 1662), PPPoE (RFC 2516), MPLS (RFC 3032) with pseudowires (RFC 4448). */
#include "parsers/link/checksum.h"
#include "parsers/link/walk.h"

enum {
	PPP_IP4 = 0x21,
	PPP_IP6 = 0x57,
	PPP_MPLS = 0x281,
	PPP_MPLS_MULTICAST = 0x283,
	PPP_CONTROL = 0x8000, /* and above: network and link control */
	PPP_HEADER = 0xff03,
	/* Cisco's HDLC, which serial lines may speak instead (RFC 1547): no protocol of PPP begins like this. */
	CISCO_UNICAST = 0x0f00,
	CISCO_MULTICAST = 0x8f00,
};

enum sp_step sp_walk_ppp(struct sp_walk *w)
{
	uint16_t first = sp_walk_have(w, 2) ? sp_be16(sp_walk_at(w)) : 0;
	if (first == CISCO_UNICAST || first == CISCO_MULTICAST) {
		w->pos += 2;
		if (!sp_walk_have(w, 2))
			return sp_walk_fail(w, SP_DECODE_CUT_LINK);
		uint16_t type = sp_be16(sp_walk_at(w));
		w->pos += 2;
		return sp_walk_ethertype(w, type);
	}
	if (first == PPP_HEADER)
		w->pos += 2;
	if (!sp_walk_have(w, 2))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	/* the low bit ends the field: a compressed protocol is one byte, RFC 1661 6.5 */
	const uint8_t *p = sp_walk_at(w);
	uint16_t protocol = p[0] & 1 ? p[0] : sp_be16(p);
	w->pos += p[0] & 1 ? 1 : 2;
	switch (protocol) {
	case PPP_IP4:
		return SP_STEP_IP4;
	case PPP_IP6:
		return SP_STEP_IP6;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return SP_STEP_MPLS;
	}
	return sp_walk_fail(w, protocol >= PPP_CONTROL ? SP_DECODE_CONTROL : SP_DECODE_OTHER_ETHERTYPE);
}

enum sp_step sp_walk_pppoe(struct sp_walk *w)
{
	enum { HEADER = 6, VERSION_1_TYPE_1 = 0x11, CODE_SESSION = 0 };
	if (!sp_walk_have(w, HEADER))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	const uint8_t *p = sp_walk_at(w);
	if (p[0] != VERSION_1_TYPE_1 || p[1] != CODE_SESSION || !sp_walk_may_open(w, SP_TUNNEL_PPPOE))
		return sp_walk_fail(w, SP_DECODE_CONTROL);
	uint32_t session = sp_be16(p + 2), end = w->pos + HEADER + sp_be16(p + 4);
	w->pos += HEADER;
	w->padded_end = w->end; /* there are concentrators that add the frame's padding to the IP packet */
	if (!sp_walk_declare(w, end))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	sp_walk_open(w, SP_TUNNEL_PPPOE, &session, false);
	return SP_STEP_PPP;
}

/* Whether the bytes here, which begin with a version, are an IP packet and not a frame whose address looks like one:
 * routers check the sum of an IPv4 header, and IPv6 has a length that leaves nothing over. */
static bool is_ip(const struct sp_walk *w)
{
	const uint8_t *p = sp_walk_at(w);
	if (!sp_walk_is_ethernet(w, w->pos))
		return true;
	unsigned header = (p[0] & 15) * 4;
	if (p[0] >> 4 == 4)
		return header >= 20 && sp_walk_have(w, header) &&
		       sp_checksum_fold(sp_checksum_add(0, p, header)) == 0xffff;
	return w->pos + 40 + sp_be16(p + 4) == w->end;
}

/* Nothing after the last label says what follows. IP shows its version; a control word begins with a zero nibble; what
 * is left, or looks better as it stands, is Ethernet. */
static enum sp_step after_labels(struct sp_walk *w)
{
	if (!sp_walk_have(w, 1))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	unsigned nibble = *sp_walk_at(w) >> 4;
	if ((nibble == 4 || nibble == 6) && is_ip(w))
		return nibble == 4 ? SP_STEP_IP4 : SP_STEP_IP6;
	if (sp_walk_is_ethernet(w, w->pos) && !sp_walk_is_ethernet(w, w->pos + 4))
		return SP_STEP_ETHERNET;
	if (nibble == 1) /* associated channel, RFC 5586 */
		return sp_walk_fail(w, SP_DECODE_CONTROL);
	if (nibble != 0)
		return SP_STEP_ETHERNET;
	if (!sp_walk_have(w, 4))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	w->pos += 4;
	return SP_STEP_ETHERNET;
}

enum sp_step sp_walk_mpls(struct sp_walk *w)
{
	for (unsigned n = 0; n < SP_WALK_LABELS; n++) {
		if (!sp_walk_have(w, 4))
			return sp_walk_fail(w, SP_DECODE_CUT_LINK);
		uint32_t entry = sp_be32(sp_walk_at(w));
		w->pos += 4;
		sp_walk_push_mpls(w, entry >> 12);
		if (entry & 0x100)
			return after_labels(w);
	}
	return sp_walk_fail(w, SP_DECODE_TOO_DEEP);
}
