/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port_conf.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "dataplane/port_table.h"

static const char *const type_words[] = {
#define X(sym, name, built) #name,
#include "dataplane/port_types.def"
#undef X
	NULL};

static const char *const kind_words[] = {
#define X(sym, text) text,
	SP_POINT_KINDS(X)
#undef X
		NULL};

static const char *const direction_words[] = {"both", "in", NULL};
static const char *const clock_words[] = {"system", "hardware", NULL};
static const char *const fanout_words[] = {"flow", "addresses", "kernel", "cpu", NULL};
static const char *const hugepages_words[] = {"auto", "yes", "no", NULL};
static const char *const rss_words[] = {"flow", "addresses", NULL};

#define ROW(member) .offset = offsetof(struct sp_af_packet_conf, member)
static const struct sp_conf_row af_packet_rows[] = {
	{"block_size", SP_CONF_SIZE, ROW(block_size), .min = 64 << 10, .max = 4 << 20, .fallback = "512KiB",
	 .doc = "One block of the ring, rounded up to a power of two. A frame longer than a block is cut: keep it "
		"above "
		"64 KiB where the host merges segments (GRO, TSO)."},
	{"blocks", SP_CONF_UINT, ROW(blocks), .min = 2, .max = 4096, .fallback = "64",
	 .doc = "Blocks of each queue's ring; block_size times this is the memory that takes a burst."},
	{"block_timeout", SP_CONF_DURATION, ROW(block_timeout), .min = SP_NS_PER_MS, .max = SP_NS_PER_SEC,
	 .fallback = "8ms", .doc = "A block that is not full is handed over after this time."},
	{"fanout", SP_CONF_ENUM, ROW(fanout), .fallback = "flow", .words = fanout_words,
	 .doc = "How packets are spread over queues. flow: addresses and ports of the innermost conversation, also "
		"inside VXLAN, GENEVE and GTP-U; addresses: its addresses only, so that fragments stay with their "
		"flow; "
		"kernel: the kernel's hash, which keeps directions together except inside UDP tunnels; cpu: the CPU "
		"that received the packet."},
	{0},
};
#undef ROW

#define ROW(member) .offset = offsetof(struct sp_dpdk_conf, member)
static const struct sp_conf_row dpdk_rows[] = {
	{"device", SP_CONF_STRING, ROW(device), .max = sizeof((struct sp_dpdk_conf *)0)->device, .fallback = "",
	 .doc = "PCI address (0000:3b:00.0) or virtual device (net_af_packet0,iface=eth1), with the driver's "
		"arguments."},
	{"args", SP_CONF_STRING, ROW(args), .max = sizeof((struct sp_dpdk_conf *)0)->args, .fallback = "",
	 .doc = "More arguments for DPDK's environment layer. The process has one: the first port's are taken."},
	{"hugepages", SP_CONF_ENUM, ROW(hugepages), .fallback = "auto", .words = hugepages_words,
	 .doc = "yes, no, or auto: when enough of them are free."},
	{"rss", SP_CONF_ENUM, ROW(rss), .fallback = "flow", .words = rss_words,
	 .doc = "What the NIC spreads packets over queues by. flow: addresses and ports; addresses: for mirrors that "
		"carry VXLAN or GENEVE, whose two directions differ in the outer ports."},
	{"memory", SP_CONF_SIZE, ROW(memory), .min = 64 << 20, .max = UINT64_C(1) << 40, .fallback = "256MiB",
	 .doc = "Memory of DPDK, all ports together. The first port's value is taken."},
	{"rx_descriptors", SP_CONF_UINT, ROW(rx_descriptors), .min = 64, .max = 32768, .fallback = "1024",
	 .doc = "Receive descriptors of each queue, fitted to what the device allows."},
	{"mtu", SP_CONF_UINT, ROW(mtu), .min = 68, .max = 65535, .fallback = "9000", .unit = "bytes",
	 .doc = "Largest packet that the device shall accept, fitted to what it allows."},
	{"buffers", SP_CONF_UINT, ROW(buffers), .max = 1 << 24, .fallback = "0",
	 .doc = "Packet buffers of each queue; 0: what descriptors and batches need."},
	{"buffer_size", SP_CONF_SIZE, ROW(buffer_size), .min = 512, .max = 65024, .fallback = "2KiB",
	 .doc = "Bytes in a packet buffer; longer frames take several and are put together by copying."},
	{0},
};
#undef ROW

#define ROW(member) .offset = offsetof(struct sp_port_conf, member)
const struct sp_conf_row sp_port_conf_rows[] = {
	{"type", SP_CONF_ENUM, ROW(type), .fallback = "af_packet", .words = type_words,
	 .doc = "af_packet: a passive copy by the kernel, any device; af_xdp: a passive copy too, or fast with "
		"a dedicated capture device; dpdk: fastest, takes the whole device."},
	{"interface", SP_CONF_STRING, ROW(interface), .max = SP_PORT_INTERFACE_MAX, .fallback = "",
	 .doc = "Device name, or patterns separated by commas (vnet*, tap*): each device that matches is a port as "
		"long "
		"as it is there."},
	{"point", SP_CONF_STRING, ROW(point), .max = SP_POINT_NAME_MAX, .fallback = "",
	 .doc = "Name of the observation point; empty: the device's. A * stands for the device's name. Ports may share "
		"a point: the two directions of a tap."},
	{"kind", SP_CONF_ENUM, ROW(kind), .fallback = "unknown", .words = kind_words,
	 .doc = "Where on the path of a request the point is."},
	{"netns", SP_CONF_STRING, ROW(netns), .max = SP_PORT_NETNS_MAX, .fallback = "",
	 .doc = "Network namespace of the device: a name (ip netns), or a path such as /proc/1234/ns/net. Empty: "
		"ours."},
	{"queues", SP_CONF_UINT, ROW(queues), .max = SP_PORT_QUEUES_MAX, .fallback = "0",
	 .doc = "Receive queues; a worker polls each. 0: one for each worker."},
	{"direction", SP_CONF_ENUM, ROW(direction), .fallback = "both", .words = direction_words,
	 .doc = "both, or in: without what this host itself sends there (af_packet)."},
	{"clock", SP_CONF_ENUM, ROW(clock), .fallback = "system", .words = clock_words,
	 .doc = "Where times come from. hardware: the NIC's clock where it has one; af_packet wants it synchronised to "
		"UTC (ptp4l, phc2sys), dpdk ports translate it themselves."},
	{"promiscuous", SP_CONF_BOOL, ROW(promiscuous), .fallback = "yes",
	 .doc = "Also take frames that are addressed to others."},
	{"snaplen", SP_CONF_UINT, ROW(snaplen), .min = 64, .max = SP_PORT_SNAPLEN_MAX, .fallback = "262144",
	 .unit = "bytes",
	 .doc = "Bytes kept of each frame (af_packet); its length on the wire is counted all the same."},
	{"af_packet", SP_CONF_MAP, ROW(af_packet), .rows = af_packet_rows},
	{"af_xdp", SP_CONF_MAP, ROW(af_xdp), .rows = sp_xdp_conf_rows},
	{"dpdk", SP_CONF_MAP, ROW(dpdk), .rows = dpdk_rows},
	{0},
};
#undef ROW

#define SEPARATORS ", \t"

int sp_port_conf_check(const struct sp_port_conf *conf, struct sp_err *err)
{
	const char *type = type_words[conf->type];
	if (!sp_port_built(conf->type))
		return sp_err(err, -EINVAL, "port type %s: not in this build", type);
	if (conf->type == SP_PORT_DPDK) {
		if (!conf->dpdk.device[0])
			return sp_err(err, -EINVAL, "dpdk port: set dpdk.device to a PCI address or a virtual device");
		return 0;
	}
	if (!conf->interface[strspn(conf->interface, SEPARATORS)])
		return sp_err(err, -EINVAL, "%s port: set interface to a device name or a pattern", type);
	if (!sp_port_conf_is_pattern(conf) && strlen(conf->interface) > 15)
		return sp_err(err, -EINVAL, "port %s: a device name has at most 15 bytes", conf->interface);
	if (conf->type == SP_PORT_AF_XDP)
		return sp_xdp_conf_check(&conf->af_xdp, conf->interface, err);
	return 0;
}

bool sp_port_conf_is_pattern(const struct sp_port_conf *conf)
{
	return conf->type != SP_PORT_DPDK && strpbrk(conf->interface, "*?[" SEPARATORS);
}

bool sp_port_conf_matches(const struct sp_port_conf *conf, const char *device)
{
	char list[SP_PORT_INTERFACE_MAX], *rest = list;
	snprintf(list, sizeof list, "%s", conf->interface);
	for (char *word; (word = strsep(&rest, SEPARATORS));)
		if (*word && !fnmatch(word, device, 0))
			return true;
	return false;
}

void sp_port_conf_point(char name[SP_POINT_NAME_MAX], const struct sp_port_conf *conf, const char *device)
{
	const char *star = strchr(conf->point, '*');
	if (!conf->point[0])
		snprintf(name, SP_POINT_NAME_MAX, "%s", device);
	else if (!star)
		snprintf(name, SP_POINT_NAME_MAX, "%s", conf->point);
	else
		snprintf(name, SP_POINT_NAME_MAX, "%.*s%s%s", (int)(star - conf->point), conf->point, device, star + 1);
}

struct sp_port_conf sp_port_conf_for(const struct sp_port_conf *conf, const char *device)
{
	struct sp_port_conf one = *conf;
	snprintf(one.interface, sizeof one.interface, "%s", device);
	sp_port_conf_point(one.point, conf, device);
	return one;
}
