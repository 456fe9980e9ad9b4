/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/flow_conf.h"

#include "base/time.h"

#define TIMEOUT(member, text, about)                                                                                   \
	{                                                                                                              \
		.name = #member, .type = SP_CONF_DURATION, .offset = offsetof(struct sp_flow_timeouts, member),        \
		.min = 10 * SP_NS_PER_MS, .max = 24 * 3600 * SP_NS_PER_SEC, .fallback = text, .doc = about             \
	}

static const struct sp_conf_row timeout_rows[] = {
	TIMEOUT(opening, "5s",
		"TCP whose handshake is not complete. Covers the pauses before a client's first repeats (1s, 2s, "
		"4s). DeepFlow: 5s."),
	TIMEOUT(established, "300s",
		"Open TCP connection. Longer silence splits a connection into two records, the later one marked as "
		"midstream. DeepFlow: 300s."),
	TIMEOUT(closing, "35s",
		"TCP with a FIN from one side only: long enough for the other side's last data. DeepFlow: 5s; "
		"Linux lets its own half-closed sockets wait 60s."),
	TIMEOUT(closed_fin, "2s",
		"TCP after both FINs: stray packets still belong to the connection, and do not make a new one. "
		"DeepFlow: 2s."),
	TIMEOUT(closed_rst, "2s",
		"TCP after a RST, for packets that were on their way. DeepFlow keeps them 35s, because it decides "
		"the close reason only then."),
	TIMEOUT(one_way, "60s",
		"A flow other than TCP of which only one direction was ever seen, where this is shorter than its own "
		"timeout. Logs and measurements sent one way make many short records when it is small. DeepFlow: "
		"5s."),
	TIMEOUT(udp, "60s",
		"UDP: keeps a resolver's retries and a call's silences in one flow. DeepFlow: 5s; Linux connection "
		"tracking: 30s, 120s when answered."),
	TIMEOUT(icmp, "35s", "ICMP and ICMPv6: a ping with long pauses is one flow. DeepFlow: 35s."),
	TIMEOUT(other, "35s", "All other IP protocols. DeepFlow: 35s."),
	{0},
};

#define AT(member) .offset = offsetof(struct sp_dedup_conf, member)
static const struct sp_conf_row dedup_rows[] = {
	{.name = "enabled",
	 .type = SP_CONF_BOOL,
	 AT(enabled),
	 .fallback = "yes",
	 .doc = "Recognise copies that the mirror itself made (a port mirrored in both directions shows a frame "
		"twice). They are counted, and not analysed again."},
	{.name = "window",
	 .type = SP_CONF_DURATION,
	 AT(window),
	 .max = 100 * SP_NS_PER_MS,
	 .fallback = "3ms",
	 .doc = "How long after a frame its copy may arrive. Shorter than any retransmission (Linux: 200ms)."},
	{.name = "keep_routed",
	 .type = SP_CONF_BOOL,
	 AT(keep_routed),
	 .fallback = "no",
	 .doc = "A copy with another TTL, MAC address or VLAN passed a router: yes makes it a hop of its own, no a "
		"duplicate."},
	{0},
};
#undef AT

#define AT(member) .offset = offsetof(struct sp_defrag_conf, member)
static const struct sp_conf_row fragment_rows[] = {
	{.name = "timeout",
	 .type = SP_CONF_DURATION,
	 AT(timeout),
	 .min = 100 * SP_NS_PER_MS,
	 .max = 120 * SP_NS_PER_SEC,
	 .fallback = "30s",
	 .doc = "How long after its first seen fragment a datagram is given up that is not complete. Linux: 30s for "
		"IPv4, 60s for IPv6."},
	{.name = "max_datagrams",
	 .type = SP_CONF_UINT,
	 AT(max_datagrams),
	 .min = 16,
	 .max = 1 << 22,
	 .fallback = "16384",
	 .unit = "datagrams",
	 .doc = "Fragmented datagrams that one worker knows at a time, complete ones included: the oldest makes "
		"room."},
	{.name = "max_held",
	 .type = SP_CONF_UINT,
	 AT(max_held),
	 .min = 16,
	 .max = 1 << 20,
	 .fallback = "4096",
	 .unit = "fragments",
	 .doc = "Fragments that came before the first of their datagram, which alone names their flow, and wait for "
		"it. What finds no room belongs to a flow without ports."},
	{.name = "max_bytes",
	 .type = SP_CONF_SIZE,
	 AT(max_bytes),
	 .min = 256 << 10,
	 .max = UINT64_C(16) << 30,
	 .fallback = "8MiB",
	 .doc = "Payload of incomplete datagrams that one worker keeps: the oldest datagram makes room. Linux: 4MiB."},
	{0},
};
#undef AT

#define AT(member) .offset = offsetof(struct sp_flow_conf, member)
const struct sp_conf_row sp_flow_conf_rows[] = {
	{.name = "max_flows",
	 .type = SP_CONF_UINT,
	 AT(max_flows),
	 .min = 1024,
	 .max = 1 << 28,
	 .fallback = "4194304",
	 .unit = "flows",
	 .doc = "Flows that one worker remembers at a time. When they are used up, those idle longest end early and "
		"are counted. Live capture takes the memory at start, at most 256 bytes a flow; reading files takes "
		"it as flows come."},
	{.name = "report_interval",
	 .type = SP_CONF_DURATION,
	 AT(report_interval),
	 .min = SP_NS_PER_SEC,
	 .max = 3600 * SP_NS_PER_SEC,
	 .fallback = "60s",
	 .reloadable = true,
	 .doc = "A flow that lasts longer is reported this often, with close_reason active and its counters since "
		"the last report. DeepFlow: 60s."},
	{.name = "timeout",
	 .type = SP_CONF_MAP,
	 AT(timeout),
	 .rows = timeout_rows,
	 .reloadable = true,
	 .doc = "A flow ends when it has been silent for this long."},
	{.name = "community_id",
	 .type = SP_CONF_BOOL,
	 AT(community_id),
	 .fallback = "yes",
	 .reloadable = true,
	 .doc = "Write the Community ID (version 1, seed 0), by which other tools' logs name the same flow."},
	{.name = "dedup",
	 .type = SP_CONF_MAP,
	 AT(dedup),
	 .rows = dedup_rows,
	 .reloadable = true,
	 .doc = "Copies made by the mirror."},
	{.name = "fragments",
	 .type = SP_CONF_MAP,
	 AT(fragments),
	 .rows = fragment_rows,
	 .doc = "Fragmented IP datagrams: every fragment belongs to the flow that its first names, and TCP and the "
		"delays are judged by whole datagrams. Memory is touched as it is needed."},
	{.name = "loss_events",
	 .type = SP_CONF_UINT,
	 AT(loss_events),
	 .max = 64,
	 .fallback = "32",
	 .unit = "segments",
	 .reloadable = true,
	 .doc = "Lost segments of a TCP connection, at one point and in one report, of which is kept when and which: "
		"so that several points tell where and when each was lost. Those beyond are counted. 0: none, and "
		"cannot be raised while running."},
	{.name = "server_ports",
	 .type = SP_CONF_UINTS,
	 AT(server_ports),
	 .min = 1,
	 .max = 65535,
	 .fallback = "[]",
	 .reloadable = true,
	 .doc = "Ports on which servers listen, beside the well-known ones. They tell who the client is where the "
		"handshake was not seen."},
	{0},
};
