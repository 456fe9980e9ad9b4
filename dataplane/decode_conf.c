/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/decode_conf.h"

#include "parsers/parser.h"

static const char *const tunnel_words[] = {
#define X(sym, text) text,
	SP_TUNNEL_TYPES(X)
#undef X
		NULL};

#define PORT(member, fallback_, what)                                                                                  \
	{                                                                                                              \
		.name = #member, .type = SP_CONF_UINT, .offset = offsetof(struct sp_decode_settings, member),          \
		.min = 0, .max = 65535, .fallback = fallback_, .reloadable = true,                                     \
		.doc = "UDP destination port of " what "; 0: never."                                                   \
	}

const struct sp_conf_row sp_decode_settings_rows[] = {
	{.name = "vxlan_ports",
	 .type = SP_CONF_UINTS,
	 .offset = offsetof(struct sp_decode_settings, vxlan_ports),
	 .min = 1,
	 .max = 65535,
	 .fallback = "[4789, 8472]",
	 .reloadable = true,
	 .doc = "UDP destination ports that carry VXLAN, eight at most."},
	PORT(vxlan_gpe_port, "4790", "VXLAN-GPE"),
	PORT(geneve_port, "6081", "GENEVE"),
	PORT(gtpu_port, "2152", "GTP-U"),
	PORT(l2tp_port, "1701", "L2TP"),
	{.name = "max_tunnels",
	 .type = SP_CONF_UINT,
	 .offset = offsetof(struct sp_decode_settings, max_tunnels),
	 .min = 0,
	 .max = 8,
	 .fallback = "4",
	 .reloadable = true,
	 .doc = "Tunnels inside tunnels that are taken off. What is deeper is a flow of the tunnel itself."},
	{.name = "mirror",
	 .type = SP_CONF_WORDS,
	 .offset = offsetof(struct sp_decode_settings, mirror),
	 .fallback = "[erspan]",
	 .words = tunnel_words,
	 .reloadable = true,
	 .doc = "Tunnels that only carry mirrored packets to spantap: taken off and forgotten."},
	{.name = "keep",
	 .type = SP_CONF_WORDS,
	 .offset = offsetof(struct sp_decode_settings, keep),
	 .fallback = "[]",
	 .words = tunnel_words,
	 .reloadable = true,
	 .doc = "Tunnels that are not opened: the outer conversation is the flow."},
	{.name = "sliced",
	 .type = SP_CONF_BOOL,
	 .offset = offsetof(struct sp_decode_settings, sliced),
	 .fallback = "false",
	 .reloadable = true,
	 .doc = "Frames were cut before they came here, by a packet broker or by whatever wrote the capture, and do "
		"not "
		"say so: IP's own length counts even where it exceeds the frame. Otherwise such packets are malformed. "
		"Bytes of frames are counted as they came, those of payloads as they were sent."},
	{.name = "verify_checksums",
	 .type = SP_CONF_BOOL,
	 .offset = offsetof(struct sp_decode_settings, verify_checksums),
	 .fallback = "false",
	 .reloadable = true,
	 .doc = "Check IP, TCP and UDP checksums; packets with a wrong one are malformed. Leave it off where the "
		"network "
		"card computes checksums: captures on the sending host show them before that."},
	{0},
};

/* What is said there is read by one worker, which finds answers in other flows than their requests. */
static void meet(uint16_t to[SP_DECODE_MEET_PORTS])
{
	unsigned n = 0;
	for (const struct sp_parser *const *p = sp_parsers; *p; p++)
		for (const uint16_t *port = (*p)->elsewhere; port && *port; port++) {
			assert(n < SP_DECODE_MEET_PORTS);
			to[n++] = *port;
		}
}

struct sp_decode_conf sp_decode_settings_apply(const struct sp_decode_settings *settings)
{
	struct sp_decode_conf conf = sp_decode_conf_default();
	for (unsigned i = 0; i < SP_DECODE_UDP_PORTS; i++)
		conf.vxlan_ports[i] = i < settings->vxlan_ports.n ? (uint16_t)settings->vxlan_ports.v[i] : 0;
	conf.vxlan_gpe_port = (uint16_t)settings->vxlan_gpe_port;
	conf.geneve_port = (uint16_t)settings->geneve_port;
	conf.gtpu_port = (uint16_t)settings->gtpu_port;
	conf.l2tp_port = (uint16_t)settings->l2tp_port;
	conf.max_tunnels = (uint16_t)settings->max_tunnels;
	conf.mirror = (uint32_t)settings->mirror;
	conf.keep = (uint32_t)settings->keep;
	conf.sliced = settings->sliced;
	conf.verify_checksums = settings->verify_checksums;
	meet(conf.meet_ports);
	return conf;
}
