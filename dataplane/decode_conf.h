/* SPDX-License-Identifier: Apache-2.0 */
/* The `decode:` section: what a configuration says about tunnels and checksums, turned into what the decoder takes. */
#ifndef SP_DATAPLANE_DECODE_CONF_H
#define SP_DATAPLANE_DECODE_CONF_H

#include "conf/conf.h"
#include "parsers/link/decode.h"

struct sp_decode_settings {
	struct sp_conf_uints vxlan_ports;
	uint64_t vxlan_gpe_port, geneve_port, gtpu_port, l2tp_port;
	uint64_t max_tunnels;
	uint64_t mirror, keep; /* bits 1 << enum sp_tunnel_type */
	bool sliced, verify_checksums;
};

extern const struct sp_conf_row sp_decode_settings_rows[];

struct sp_decode_conf sp_decode_settings_apply(const struct sp_decode_settings *settings);

#endif
