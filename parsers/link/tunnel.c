/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels over UDP, and L2TP over IP: VXLAN (RFC 7348, GPE draft), NSH (RFC 8300), GENEVE (RFC 8926), GTP-U (3GPP TS
 * 29.281), L2TP (RFC 2661, RFC 3931). What is not a data message is the outer conversation's own traffic. */
#include "parsers/link/walk.h"

/* Next protocols of VXLAN-GPE and NSH. */
static enum sp_step next_protocol(struct sp_walk *w, uint8_t next)
{
	static const uint8_t steps[] = {SP_STEP_END,	  SP_STEP_IP4, SP_STEP_IP6,
					SP_STEP_ETHERNET, SP_STEP_NSH, SP_STEP_MPLS};
	if (next == 0 || next >= SP_ARRAY_SIZE(steps))
		return sp_walk_fail(w, SP_DECODE_CONTROL);
	return steps[next];
}

/* The extension's flag bits are reserved ones of plain VXLAN, which is free to fill them with anything: off the
 * extension's own port, only a header that makes sense throughout is taken for it. */
static bool is_gpe(const uint8_t *p, bool gpe_port)
{
	enum { FLAG_NEXT = 0x04, GPE_PLAIN = 0x0c, NEXT_MAX = 5 };
	if (gpe_port)
		return p[0] & FLAG_NEXT && p[3];
	return p[0] == GPE_PLAIN && !p[1] && !p[2] && p[3] && p[3] <= NEXT_MAX;
}

static enum sp_step vxlan(struct sp_walk *w, bool gpe_port)
{
	enum { HEADER = 8, FLAG_VNI = 0x08, FLAG_OAM = 0x01 };
	if (!sp_walk_have(w, HEADER))
		return SP_STEP_END;
	const uint8_t *p = sp_walk_at(w);
	bool gpe = is_gpe(p, gpe_port);
	enum sp_tunnel_type type = gpe ? SP_TUNNEL_VXLAN_GPE : SP_TUNNEL_VXLAN;
	if (!(p[0] & FLAG_VNI) || (gpe && p[0] & FLAG_OAM) || !sp_walk_may_open(w, type))
		return SP_STEP_END;
	uint32_t vni = sp_be32(p + 4) >> 8;
	w->pos += HEADER;
	sp_walk_open(w, type, &vni, true);
	return gpe ? next_protocol(w, p[3]) : SP_STEP_ETHERNET;
}

enum sp_step sp_walk_nsh(struct sp_walk *w)
{
	enum { HEADER_MIN = 8, FLAG_OAM = 0x2000 };
	if (!sp_walk_have(w, HEADER_MIN))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	const uint8_t *p = sp_walk_at(w);
	uint16_t head = sp_be16(p);
	uint32_t len = (head & 0x3f) * 4u, path = sp_be32(p + 4) >> 8;
	if (head >> 14 || len < HEADER_MIN || !sp_walk_have(w, len))
		return sp_walk_fail(w, SP_DECODE_CUT_TUNNEL);
	if (head & FLAG_OAM || !sp_walk_may_open(w, SP_TUNNEL_NSH))
		return sp_walk_fail(w, SP_DECODE_CONTROL);
	w->pos += len;
	sp_walk_open(w, SP_TUNNEL_NSH, &path, false);
	return next_protocol(w, p[3]);
}

static enum sp_step geneve(struct sp_walk *w)
{
	enum { HEADER = 8, FLAG_OAM = 0x80 };
	if (!sp_walk_have(w, HEADER))
		return SP_STEP_END;
	const uint8_t *p = sp_walk_at(w);
	uint32_t len = HEADER + (p[0] & 0x3f) * 4u, vni = sp_be32(p + 4) >> 8;
	if (p[0] >> 6 || p[1] & FLAG_OAM || !sp_walk_have(w, len) || !sp_walk_may_open(w, SP_TUNNEL_GENEVE))
		return SP_STEP_END;
	w->pos += len;
	sp_walk_open(w, SP_TUNNEL_GENEVE, &vni, true);
	return sp_walk_ethertype(w, sp_be16(p + 2));
}

/* Extension headers: a length in words first, the next one's type last. */
static bool skip_gtp_extensions(struct sp_walk *w, uint8_t next)
{
	for (unsigned n = 0; next && n < 8; n++) {
		if (!sp_walk_have(w, 1))
			return false;
		uint32_t len = *sp_walk_at(w) * 4u;
		if (!len || !sp_walk_have(w, len))
			return false;
		w->pos += len;
		next = w->data[w->pos - 1];
	}
	return !next;
}

static enum sp_step gtpu(struct sp_walk *w)
{
	enum {
		HEADER = 8,
		VERSION_PT_MASK = 0xf0,
		VERSION_1_GTP = 0x30,
		FLAG_EXT = 4,
		FLAGS_OPTIONAL = 7,
		G_PDU = 255
	};
	if (!sp_walk_have(w, HEADER))
		return SP_STEP_END;
	const uint8_t *p = sp_walk_at(w);
	if ((p[0] & VERSION_PT_MASK) != VERSION_1_GTP || p[1] != G_PDU || !sp_walk_may_open(w, SP_TUNNEL_GTPU))
		return SP_STEP_END;
	uint32_t teid = sp_be32(p + 4), len = sp_be16(p + 2);
	if (!sp_walk_declare(w, w->pos + HEADER + len))
		return SP_STEP_END;
	w->pos += HEADER;
	if (p[0] & FLAGS_OPTIONAL) {
		if (!sp_walk_have(w, 4))
			return SP_STEP_END;
		w->pos += 4;
		if (p[0] & FLAG_EXT && !skip_gtp_extensions(w, p[11]))
			return SP_STEP_END;
	}
	/* the session's type is known to its control plane alone: IP nearly always, else an Ethernet session of 5G */
	bool ethernet = sp_walk_is_ethernet(w, w->pos);
	bool ip = sp_walk_have(w, 1) && (*sp_walk_at(w) >> 4 == 4 || *sp_walk_at(w) >> 4 == 6);
	if (!ip && !ethernet)
		return SP_STEP_END;
	sp_walk_open(w, SP_TUNNEL_GTPU, &teid, true);
	return ip ? SP_STEP_IP : SP_STEP_ETHERNET;
}

/* L2TPv3 says neither how long its cookie is (0, 4, 8) nor whether a sublayer of 4 bytes follows nor what it carries.
 */
static enum sp_step l2tp3_data(struct sp_walk *w)
{
	enum { SESSION = 4 };
	if (!sp_walk_have(w, SESSION) || !sp_walk_may_open(w, SP_TUNNEL_L2TP))
		return SP_STEP_END;
	uint32_t session = sp_be32(sp_walk_at(w));
	if (!session) /* control */
		return SP_STEP_END;
	for (uint32_t skip = 0; skip <= 12; skip += 4) {
		uint32_t at = w->pos + SESSION + skip;
		bool ethernet = sp_walk_is_ethernet(w, at);
		if (!ethernet && (at + 4 > w->cap || sp_be16(w->data + at) != 0xff03))
			continue;
		w->pos = at;
		sp_walk_open(w, SP_TUNNEL_L2TP, &session, true);
		return ethernet ? SP_STEP_ETHERNET : SP_STEP_PPP;
	}
	return SP_STEP_END;
}

enum sp_step sp_walk_l2tp_ip(struct sp_walk *w)
{
	return l2tp3_data(w);
}

static enum sp_step l2tp_udp(struct sp_walk *w)
{
	enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200, VERSION = 0xf };
	if (!sp_walk_have(w, 6))
		return SP_STEP_END;
	const uint8_t *p = sp_walk_at(w);
	uint16_t flags = sp_be16(p);
	if (flags & CONTROL)
		return SP_STEP_END;
	if ((flags & VERSION) == 3) {
		w->pos += 4;
		return l2tp3_data(w);
	}
	uint32_t ids = flags & LENGTH ? 4 : 2, len = ids + 4;
	len += flags & SEQUENCE ? 4 : 0;
	uint32_t offset_at = len;
	len += flags & OFFSET ? 2 : 0;
	if ((flags & VERSION) != 2 || !sp_walk_have(w, len) || !sp_walk_may_open(w, SP_TUNNEL_L2TP))
		return SP_STEP_END;
	if (flags & OFFSET)
		len += sp_be16(p + offset_at);
	if (!sp_walk_have(w, len) || (flags & LENGTH && !sp_walk_declare(w, w->pos + sp_be16(p + 2))))
		return SP_STEP_END;
	uint32_t session = sp_be32(p + ids);
	w->pos += len;
	sp_walk_open(w, SP_TUNNEL_L2TP, &session, true);
	return SP_STEP_PPP;
}

static bool is_vxlan_port(const struct sp_decode_conf *conf, uint16_t port)
{
	for (unsigned i = 0; i < SP_DECODE_UDP_PORTS && conf->vxlan_ports[i]; i++)
		if (conf->vxlan_ports[i] == port)
			return true;
	return false;
}

enum sp_step sp_walk_udp_tunnel(struct sp_walk *w, uint16_t sport, uint16_t dport)
{
	const struct sp_decode_conf *conf = w->conf;
	if (dport && is_vxlan_port(conf, dport))
		return vxlan(w, false);
	if (dport && dport == conf->vxlan_gpe_port)
		return vxlan(w, true);
	if (dport && dport == conf->geneve_port)
		return geneve(w);
	if (conf->gtpu_port && (dport == conf->gtpu_port || sport == conf->gtpu_port))
		return gtpu(w);
	if (conf->l2tp_port && (dport == conf->l2tp_port || sport == conf->l2tp_port))
		return l2tp_udp(w);
	return SP_STEP_END;
}
