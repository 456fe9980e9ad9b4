/* SPDX-License-Identifier: Apache-2.0 */
/* GRE (RFC 2784, 2890; routing of RFC 1701; version 1 of PPTP, RFC 2637), NVGRE (RFC 7637), ERSPAN
 * (draft-foschiano-erspan). */
#include "parsers/link/walk.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, /* version 1 */
	GRE_VERSION = 0x0007,
};

enum { TYPE_TEB = 0x6558, TYPE_PPP = 0x880b, TYPE_WCCP = 0x883e, TYPE_ERSPAN_2 = 0x88be, TYPE_ERSPAN_3 = 0x22eb };

/* Virtual subnets below this are reserved (RFC 7637 3.2): a smaller key is a plain GRE key of 32 bits. */
enum { NVGRE_VSID_MIN = 0x1000 };

struct gre {
	uint16_t flags, type;
	uint32_t key;
};

static enum sp_step open_erspan(struct sp_walk *w, const uint32_t *session, uint32_t header, bool truncated, bool ip)
{
	if (!sp_walk_have(w, header))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	w->pos += header;
	sp_walk_open(w, SP_TUNNEL_ERSPAN, session, true);
	if (truncated) {
		w->open_end = true;
		w->frame_flags |= SP_PKT_CUT;
	}
	return ip ? SP_STEP_IP : SP_STEP_ETHERNET;
}

/* Type I has no header of its own and no sequence number; II and III share the first four bytes. */
static enum sp_step erspan(struct sp_walk *w, const struct gre *gre)
{
	enum { HEADER_2 = 8, HEADER_3 = 12, SUBHEADER_3 = 8, FRAME_IP = 2 };
	if (!sp_walk_may_open(w, SP_TUNNEL_ERSPAN))
		return SP_STEP_END;
	if (gre->type == TYPE_ERSPAN_2 && !(gre->flags & GRE_SEQUENCE))
		return open_erspan(w, NULL, 0, false, false);
	if (!sp_walk_have(w, HEADER_2))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	uint32_t head = sp_be32(sp_walk_at(w)), session = head & 0x3ff;
	bool truncated = head & 0x400;
	if (gre->type == TYPE_ERSPAN_2)
		return open_erspan(w, &session, HEADER_2, truncated, false);
	if (!sp_walk_have(w, HEADER_3))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	uint16_t last = sp_be16(sp_walk_at(w) + 10);
	bool subheader = last & 1;
	return open_erspan(w, &session, subheader ? HEADER_3 + SUBHEADER_3 : HEADER_3, truncated,
			   (last >> 10 & 0x1f) == FRAME_IP);
}

/* PPTP: the key holds a payload length and a call that differs by direction. Without a sequence number it is an
 * acknowledgement. */
static enum sp_step pptp(struct sp_walk *w, const struct gre *gre)
{
	if (!(gre->flags & GRE_KEY) || !(gre->flags & GRE_SEQUENCE) || !sp_walk_may_open(w, SP_TUNNEL_GRE) ||
	    !sp_walk_declare(w, w->pos + (gre->key >> 16)))
		return SP_STEP_END;
	sp_walk_open(w, SP_TUNNEL_GRE, NULL, true);
	return SP_STEP_PPP;
}

/* Source route entries, until one of length 0. */
static bool skip_routes(struct sp_walk *w)
{
	for (unsigned n = 0; n < 16; n++) {
		if (!sp_walk_have(w, 4))
			return false;
		unsigned len = sp_walk_at(w)[3];
		w->pos += 4;
		if (!len)
			return true;
		if (!sp_walk_have(w, len))
			return false;
		w->pos += len;
	}
	return false;
}

/* Reads the header with its optional words; `pos` is behind it. */
static bool header(struct sp_walk *w, struct gre *gre)
{
	if (!sp_walk_have(w, 4))
		return false;
	const uint8_t *p = sp_walk_at(w);
	*gre = (struct gre){.flags = sp_be16(p), .type = sp_be16(p + 2)};
	unsigned version = gre->flags & GRE_VERSION;
	if (version > 1)
		return false;
	bool checksum = gre->flags & (GRE_CHECKSUM | GRE_ROUTING), key = gre->flags & GRE_KEY;
	uint32_t len = 4 + 4 * (checksum + key + !!(gre->flags & GRE_SEQUENCE) + (version && gre->flags & GRE_ACK));
	if (!sp_walk_have(w, len))
		return false;
	if (key)
		gre->key = sp_be32(p + 4 + 4 * checksum);
	w->pos += len;
	return !(gre->flags & GRE_ROUTING) || skip_routes(w);
}

/* WCCP version 2 puts four bytes before the packet, version 1 does not. */
static enum sp_step wccp(struct sp_walk *w)
{
	if (sp_walk_have(w, 5) && *sp_walk_at(w) >> 4 != 4)
		w->pos += 4;
	return SP_STEP_IP4;
}

enum sp_step sp_walk_gre(struct sp_walk *w)
{
	struct gre gre;
	if (!header(w, &gre))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	/* version 1 is PPTP, but clouds are known to carry IP in it as version 0 does */
	if (gre.flags & GRE_VERSION && gre.type == TYPE_PPP)
		return pptp(w, &gre);
	if (gre.type == TYPE_ERSPAN_2 || gre.type == TYPE_ERSPAN_3)
		return erspan(w, &gre);
	uint32_t id = gre.key;
	enum sp_tunnel_type type = gre.type == TYPE_TEB ? SP_TUNNEL_TEB : SP_TUNNEL_GRE;
	bool plain = !(gre.flags & (GRE_CHECKSUM | GRE_SEQUENCE | GRE_ROUTING));
	if (type == SP_TUNNEL_TEB && gre.flags & GRE_KEY && plain && gre.key >> 8 >= NVGRE_VSID_MIN) {
		type = SP_TUNNEL_NVGRE;
		id = gre.key >> 8; /* the low byte spreads flows over paths */
	}
	/* keep-alives have type 0 and no packet inside */
	if (!gre.type || !sp_walk_may_open(w, type))
		return SP_STEP_END;
	sp_walk_open(w, type, gre.flags & GRE_KEY ? &id : NULL, true);
	return gre.type == TYPE_WCCP ? wccp(w) : sp_walk_ethertype(w, gre.type);
}
