/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the `ports:` list. Every backend reads what concerns it; `spantap check` and the default file follow
 * from the rows. Sizes in bytes, durations in nanoseconds. */
#ifndef SP_DATAPLANE_PORT_CONF_H
#define SP_DATAPLANE_PORT_CONF_H

#include "base/base.h"
#include "base/point.h"
#include "conf/conf.h"
#include "xdp/xdp_conf.h"

enum sp_port_type {
#define X(sym, name, form) SP_PORT_##sym,
#include "dataplane/port_types.def"
#undef X
	SP_PORT_TYPE_MAX
};

#define SP_PORT_INTERFACE_MAX 128
#define SP_PORT_NETNS_MAX 128
#define SP_PORT_QUEUES_MAX 64
#define SP_PORT_SNAPLEN_MAX 262144

enum sp_port_direction {
	SP_PORT_DIRECTION_BOTH,
	SP_PORT_DIRECTION_IN, /* not what the host itself sends */
};

enum sp_port_clock {
	SP_PORT_CLOCK_SYSTEM,
	SP_PORT_CLOCK_HARDWARE, /* the NIC's, where it offers one */
};

/* What decides the queue of a packet. */
enum sp_af_packet_fanout {
	SP_FANOUT_FLOW, /* addresses and ports of the innermost conversation; one level of UDP tunnel is looked into */
	SP_FANOUT_ADDRESSES, /* its addresses: fragments stay with their flow */
	SP_FANOUT_KERNEL,    /* the kernel's own hash: no UDP tunnels */
	SP_FANOUT_CPU,	     /* the CPU that received it */
};

struct sp_af_packet_conf {
	uint64_t block_size;
	uint64_t blocks;
	uint64_t block_timeout;
	int fanout;
};

enum sp_dpdk_hugepages { SP_HUGEPAGES_AUTO, SP_HUGEPAGES_YES, SP_HUGEPAGES_NO };
enum sp_dpdk_rss { SP_DPDK_RSS_FLOW, SP_DPDK_RSS_ADDRESSES };

struct sp_dpdk_conf {
	char device[256]; /* PCI address or virtual device, each with its arguments */
	char args[256];	  /* for the EAL; the first DPDK port's are taken */
	int hugepages;
	int rss;
	uint64_t memory;
	uint64_t rx_descriptors;
	uint64_t mtu;
	uint64_t buffers; /* per queue, 0: as many as descriptors and batches need */
	uint64_t buffer_size;
};

struct sp_port_conf {
	int type;			       /* enum sp_port_type */
	char interface[SP_PORT_INTERFACE_MAX]; /* a name, or patterns separated by commas */
	char point[SP_POINT_NAME_MAX];	       /* "" the interface's name; a `*` stands for that name */
	int kind;			       /* enum sp_point_kind */
	char netns[SP_PORT_NETNS_MAX];
	uint64_t queues;  /* 0: one for each worker, or as many as there are */
	uint16_t workers; /* not a setting: how many there are, set by the caller of open; 0 is as 1 */
	int direction;	  /* enum sp_port_direction */
	int clock;	  /* enum sp_port_clock */
	bool promiscuous;
	uint64_t snaplen;
	struct sp_af_packet_conf af_packet;
	struct sp_xdp_conf af_xdp;
	struct sp_dpdk_conf dpdk;
};

/* Of one entry; a section that holds them says {"ports", SP_CONF_LIST, …, .rows = sp_port_conf_rows,
 * .size = sizeof(struct sp_port_conf), .max = SP_PORTS_MAX}. */
extern const struct sp_conf_row sp_port_conf_rows[];
#define SP_PORTS_MAX 256

/* What rows cannot say: values that do not go together, a backend that this build does not have. 0, or -EINVAL with one
 * line for a person in err. */
int sp_port_conf_check(const struct sp_port_conf *conf, struct sp_err *err);

/* True when `interface` holds a pattern or several names: one port for each device that matches. */
bool sp_port_conf_is_pattern(const struct sp_port_conf *conf);

/* True when a device of that name is meant. */
bool sp_port_conf_matches(const struct sp_port_conf *conf, const char *device);

/* The entry for one device of a pattern, its point's name worked out. */
struct sp_port_conf sp_port_conf_for(const struct sp_port_conf *conf, const char *device);

/* The point's name of an entry whose interface is one device. */
void sp_port_conf_point(char name[SP_POINT_NAME_MAX], const struct sp_port_conf *conf, const char *device);

#endif
