/* SPDX-License-Identifier: Apache-2.0 */
/* What the AF_XDP port asks of rtnetlink. A socket stays in the network namespace that it was opened in. Nothing here
 * is for the packet path; a socket is used by one thread at a time. */
#ifndef SP_XDP_NETLINK_H
#define SP_XDP_NETLINK_H

#include "base/base.h"

struct mnl_socket;

/* Opens a socket in the calling thread's namespace. 0 or -errno. */
int sp_netlink_open(struct mnl_socket **ret);
void sp_netlink_close(struct mnl_socket *nl); /* NULL is fine */

/* Does the host, or a guest, need this device's traffic? Yes when it, or a device above it (bridge, bond, VLAN), has an
 * address other than IPv6 link-local or a default route, or when it is a port of something. Returns 1 and says in
 * `why`, 0, or -errno. */
int sp_netlink_in_use(struct mnl_socket *nl, int ifindex, char *why, size_t size);

struct sp_veth {
	const char *name; /* of our end; a %d is replaced by a number */
	const char *peer; /* name of the other end */
	int peer_netns;	  /* descriptor of its namespace */
	uint32_t queues;
	uint32_t mtu;
};

/* Makes a pair of devices without ARP, both down. 0 or -errno. */
int sp_netlink_veth(struct mnl_socket *nl, const struct sp_veth *veth);

/* Attributes of a device, by name or, when name is NULL, by index. */
struct sp_netdev_info {
	int ifindex;
	int peer;      /* ifindex of the device at the other end or below, 0: none */
	unsigned type; /* ARPHRD_* */
	unsigned mtu;
	unsigned rx_queues; /* allocated */
	uint64_t rx_dropped, tx_dropped;
};
int sp_netlink_info(struct mnl_socket *nl, const char *name, int ifindex, struct sp_netdev_info *ret);

/* Are there tc filters at the device's clsact qdisc? 1 (also when in doubt), or 0. */
int sp_netlink_has_filters(struct mnl_socket *nl, int ifindex);

/* Up, without a word of the host on it: no IPv6 addresses. */
int sp_netlink_up(struct mnl_socket *nl, int ifindex);
int sp_netlink_delete(struct mnl_socket *nl, int ifindex);

#endif
