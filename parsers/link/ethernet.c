/* SPDX-License-Identifier: Apache-2.0 */
/* Link layers: Ethernet II and 802.3 (IEEE 802.3 3.2), VLAN and port tags (802.1Q, 802.1BR), LLC and SNAP (802.2),
 * cooked captures, BSD loopback. */
#include "parsers/link/walk.h"

enum {
	TYPE_IP4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_TRILL = 0x22f3,
	TYPE_TEB = 0x6558, /* transparent Ethernet bridging */
	TYPE_RARP = 0x8035,
	TYPE_VLAN = 0x8100,
	TYPE_IP6 = 0x86dd,
	TYPE_PAUSE = 0x8808,
	TYPE_SLOW = 0x8809,
	TYPE_PPP = 0x880b,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTICAST = 0x8848,
	TYPE_PPPOE_DISCOVERY = 0x8863,
	TYPE_PPPOE = 0x8864,
	TYPE_8021X = 0x888e,
	TYPE_SVLAN = 0x88a8,
	TYPE_LLDP = 0x88cc,
	TYPE_PBB = 0x88e7,
	TYPE_MACSEC = 0x88e5,
	TYPE_CISCO_METADATA = 0x8909,
	TYPE_VNTAG = 0x8926,
	TYPE_ETAG = 0x893f,
	TYPE_NSH = 0x894f,
	TYPE_CONFIG_TEST = 0x9000,
	TYPE_QINQ_9100 = 0x9100,
	TYPE_QINQ_9200 = 0x9200,
};

enum { MAX_8023_LENGTH = 1500, MIN_ETHERTYPE = 0x600 };
enum { SAP_SNAP = 0xaa, SAP_IP = 0x06, LLC_UI = 0x03 };

static bool is_vlan(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_SVLAN || type == TYPE_QINQ_9100 || type == TYPE_QINQ_9200;
}

/* 802.2: what a length instead of a type announces. */
static enum sp_step llc(struct sp_walk *w)
{
	if (!sp_walk_have(w, 3))
		return sp_walk_fail(w, w->end < w->pos + 3 ? SP_DECODE_LLC : SP_DECODE_CUT_LINK);
	const uint8_t *p = sp_walk_at(w);
	if (p[0] == SAP_IP && p[1] == SAP_IP && p[2] == LLC_UI) {
		w->pos += 3;
		return SP_STEP_IP4;
	}
	if (p[0] != SAP_SNAP || p[1] != SAP_SNAP || p[2] != LLC_UI)
		return sp_walk_fail(w, SP_DECODE_LLC);
	if (!sp_walk_have(w, 8))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	/* RFC 1042 and the bridge tunnel encapsulation of 802.1H carry Ethernet types, everyone else's codes do not */
	uint32_t oui = sp_be32(p + 2) & 0xffffff;
	uint16_t type = sp_be16(p + 6);
	if ((oui != 0 && oui != 0x0000f8) || type < MIN_ETHERTYPE)
		return sp_walk_fail(w, SP_DECODE_LLC);
	w->pos += 8;
	return sp_walk_ethertype(w, type);
}

static enum sp_step type_or_length(struct sp_walk *w, uint16_t type)
{
	if (type >= MIN_ETHERTYPE)
		return sp_walk_ethertype(w, type);
	if (type > MAX_8023_LENGTH)
		return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
	/* a length beyond the frame is somebody's private use of the field: the frame's own end holds */
	if (w->pos + type <= w->end)
		sp_walk_declare(w, w->pos + type);
	return llc(w);
}

enum sp_step sp_walk_ethernet(struct sp_walk *w)
{
	if (!sp_walk_have(w, 14))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	w->l2 = (uint16_t)w->pos;
	w->pos += 14;
	return type_or_length(w, sp_be16(w->data + w->pos - 2));
}

/* A stack of tags. A priority tag (identifier 0) names no VLAN. */
static enum sp_step vlan(struct sp_walk *w)
{
	uint16_t type = w->type;
	for (unsigned n = 0; is_vlan(type); n++) {
		if (n == SP_WALK_VLANS)
			return sp_walk_fail(w, SP_DECODE_TOO_DEEP);
		if (!sp_walk_have(w, 4))
			return sp_walk_fail(w, SP_DECODE_CUT_LINK);
		uint16_t id = sp_be16(sp_walk_at(w)) & 0xfff;
		type = sp_be16(sp_walk_at(w) + 2);
		w->pos += 4;
		if (id)
			sp_walk_push_vlan(w, id);
	}
	return type_or_length(w, type);
}

/* A tag of `len` bytes, the last two of which are the type of what follows. */
static enum sp_step port_tag(struct sp_walk *w, uint32_t len)
{
	if (!sp_walk_have(w, len))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	w->pos += len;
	return type_or_length(w, sp_be16(w->data + w->pos - 2));
}

/* 802.1ah: a whole customer frame after four bytes with the service identifier, which tells customers apart. */
static enum sp_step backbone(struct sp_walk *w)
{
	if (!sp_walk_have(w, 4))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	w->space = sp_space_mix(w->space, UINT64_C(4) << 32 | (sp_be32(sp_walk_at(w)) & 0xffffff));
	w->pos += 4;
	return SP_STEP_ETHERNET;
}

/* 802.1AE: readable only where it protects without encrypting. */
static enum sp_step macsec(struct sp_walk *w)
{
	enum { EXPLICIT_SCI = 0x20, ENCRYPTED_OR_CHANGED = 0x0c };
	if (!sp_walk_have(w, 1))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	uint8_t tci = *sp_walk_at(w);
	if (tci & ENCRYPTED_OR_CHANGED)
		return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
	return port_tag(w, tci & EXPLICIT_SCI ? 16 : 8);
}

enum sp_step sp_walk_payload(struct sp_walk *w)
{
	switch (w->type) {
	case TYPE_IP4:
		return SP_STEP_IP4;
	case TYPE_IP6:
		return SP_STEP_IP6;
	case TYPE_VLAN:
	case TYPE_SVLAN:
	case TYPE_QINQ_9100:
	case TYPE_QINQ_9200:
		return vlan(w);
	case TYPE_MPLS:
	case TYPE_MPLS_MULTICAST:
		return SP_STEP_MPLS;
	case TYPE_PPPOE:
		return sp_walk_pppoe(w);
	case TYPE_TEB:
		return SP_STEP_ETHERNET;
	case TYPE_PPP:
		return SP_STEP_PPP;
	case TYPE_NSH:
		return SP_STEP_NSH;
	case TYPE_VNTAG:
		return port_tag(w, 6);
	case TYPE_ETAG:
		return port_tag(w, 8);
	case TYPE_CISCO_METADATA:
		return port_tag(w, 8);
	case TYPE_MACSEC:
		return macsec(w);
	case TYPE_PBB:
		return backbone(w);
	case TYPE_ARP:
	case TYPE_RARP:
		return sp_walk_fail(w, SP_DECODE_ARP);
	case TYPE_LLDP:
		return sp_walk_fail(w, SP_DECODE_LLDP);
	case TYPE_PAUSE:
	case TYPE_SLOW:
	case TYPE_8021X:
	case TYPE_PPPOE_DISCOVERY:
	case TYPE_CONFIG_TEST:
		return sp_walk_fail(w, SP_DECODE_CONTROL);
	}
	return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
}

/* Whether a frame at `at` would carry something that decode follows: for tunnels that do not say what is inside. */
bool sp_walk_is_ethernet(const struct sp_walk *w, uint32_t at)
{
	if (at + 15 > w->cap)
		return false;
	switch (sp_be16(w->data + at + 12)) {
	case TYPE_IP4:
		return w->data[at + 14] >> 4 == 4;
	case TYPE_IP6:
		return w->data[at + 14] >> 4 == 6;
	case TYPE_ARP:
	case TYPE_VLAN:
	case TYPE_SVLAN:
	case TYPE_MPLS:
	case TYPE_PPPOE:
	case TYPE_LLDP:
		return true;
	}
	return false;
}

/* The protocol field of cooked captures: an Ethernet type, or one of Linux's own small numbers, by ARPHRD. */
static enum sp_step cooked(struct sp_walk *w, uint16_t arphrd, uint16_t type)
{
	enum { ARPHRD_NETLINK = 824, ARPHRD_RADIOTAP = 803, ETH_P_802_2 = 4 };
	if (arphrd == ARPHRD_NETLINK || arphrd == ARPHRD_RADIOTAP)
		return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
	if (type == ETH_P_802_2)
		return llc(w);
	if (type < MIN_ETHERTYPE)
		return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
	return sp_walk_ethertype(w, type);
}

static enum sp_step sll(struct sp_walk *w)
{
	if (!sp_walk_have(w, 16))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	const uint8_t *p = sp_walk_at(w);
	w->pos += 16;
	return cooked(w, sp_be16(p + 2), sp_be16(p + 14));
}

static enum sp_step sll2(struct sp_walk *w)
{
	if (!sp_walk_have(w, 20))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	const uint8_t *p = sp_walk_at(w);
	w->pos += 20;
	return cooked(w, sp_be16(p + 8), sp_be16(p));
}

/* The family is below 256, so its value tells the byte order. AF_INET6 has another number on every system. */
static enum sp_step loopback(struct sp_walk *w)
{
	enum { INET = 2, INET6_LINUX = 10, INET6_NETBSD = 24, INET6_FREEBSD = 28, INET6_DARWIN = 30 };
	if (!sp_walk_have(w, 4))
		return sp_walk_fail(w, SP_DECODE_CUT_LINK);
	uint32_t family = sp_be32(sp_walk_at(w));
	w->pos += 4;
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	if (family > 0xffff) /* some writers put an Ethernet type into the second half */
		return sp_walk_ethertype(w, sp_be16(w->data + w->pos - 2));
	switch (family) {
	case INET:
		return SP_STEP_IP4;
	case INET6_LINUX:
	case INET6_NETBSD:
	case INET6_FREEBSD:
	case INET6_DARWIN:
		return SP_STEP_IP6;
	}
	return sp_walk_fail(w, SP_DECODE_OTHER_ETHERTYPE);
}

enum sp_step sp_walk_link(struct sp_walk *w, enum sp_link link)
{
	switch (link) {
	case SP_LINK_ETHERNET:
		return SP_STEP_ETHERNET;
	case SP_LINK_SLL:
		return sll(w);
	case SP_LINK_SLL2:
		return sll2(w);
	case SP_LINK_RAW:
		return SP_STEP_IP;
	case SP_LINK_NULL:
	case SP_LINK_LOOP:
		return loopback(w);
	case SP_LINK_PPP:
		return SP_STEP_PPP;
	case SP_LINK_REFUSED:
	case SP_LINK_MAX:
		break;
	}
	return sp_walk_fail(w, SP_DECODE_REFUSED_LINK);
}
