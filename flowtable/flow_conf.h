/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the flow table: the `flow:` section. The rows are in flow_conf.c. Durations are nanoseconds. */
#ifndef SP_FLOWTABLE_FLOW_CONF_H
#define SP_FLOWTABLE_FLOW_CONF_H

#include "base/base.h"
#include "conf/conf.h"
#include "flowtable/l7_conf.h"
#include "flowtable/profile_conf.h"

struct sp_flow_conf {
	uint64_t max_flows; /* per worker; full: the oldest idle flows are shed and counted */
	uint64_t report_interval;
	struct sp_flow_timeouts {
		uint64_t opening;     /* handshake not complete */
		uint64_t established; /* TCP, idle */
		uint64_t closing;     /* one FIN seen */
		uint64_t closed_fin;  /* both FINs: linger for stray packets */
		uint64_t closed_rst;
		uint64_t one_way; /* not TCP, and only one direction was ever seen */
		uint64_t udp;
		uint64_t icmp;
		uint64_t other;
	} timeout;
	bool community_id;
	uint64_t loss_events; /* of a flow and report: when which segment was lost, for comparing points */
	struct sp_dedup_conf {
		bool enabled;
		uint64_t window;  /* a copy arrives within this time */
		bool keep_routed; /* a copy with another TTL, MAC or VLAN is a hop of its own, not a duplicate */
	} dedup;
	struct sp_defrag_conf {
		uint64_t max_datagrams; /* known at a time; the oldest makes room */
		uint64_t max_held;	/* later fragments that wait for their first, of all datagrams */
		uint64_t max_bytes;	/* of payload being put together; the oldest datagrams make room */
		uint64_t timeout;	/* from a datagram's first seen fragment */
	} fragments;
	struct sp_l7_conf requests;	   /* a section of its own: l7_conf.c */
	struct sp_profile_conf profile;	   /* …profile_conf.c */
	struct sp_conf_uints server_ports; /* known to be servers, beside the built-in list */
};

extern const struct sp_conf_row sp_flow_conf_rows[];

#endif
