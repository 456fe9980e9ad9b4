/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX 4096
#define REPLY_MAX 65536
#define RELATIVES_MAX 64

int sp_netlink_open(struct mnl_socket **ret)
{
	*ret = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!*ret)
		return -errno;
	if (mnl_socket_bind(*ret, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;
		mnl_socket_close(*ret);
		*ret = NULL;
		return r;
	}
	return 0;
}

void sp_netlink_close(struct mnl_socket *nl)
{
	if (nl)
		mnl_socket_close(nl);
}

/* Sends a request and hands every message of the answer to `each`. */
static int talk(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	static _Thread_local uint32_t seq;
	static _Thread_local uint8_t reply[REPLY_MAX];
	request->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, reply, sizeof reply);
		if (n < 0)
			return -errno;
		int r = mnl_cb_run(reply, n, request->nlmsg_seq, mnl_socket_get_portid(nl), each, arg);
		if (r < 0)
			return -errno;
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

static struct ifinfomsg *put_link(struct nlmsghdr *nlh, int ifindex)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof *ifi);
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	return ifi;
}

/* The device and all above it, from one dump of the links at a time: a round for every storey. */
struct relatives {
	int ifindex[RELATIVES_MAX];
	unsigned n;
	int master; /* of the device itself */
	bool grown;
};

static bool is_relative(const struct relatives *r, int ifindex)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->ifindex[i] == ifindex)
			return true;
	return false;
}

static void add_relative(struct relatives *r, int ifindex)
{
	if (is_relative(r, ifindex) || r->n == RELATIVES_MAX)
		return;
	r->ifindex[r->n++] = ifindex;
	r->grown = true;
}

/* A veth names its peer as the device below it: neither is above the other. */
static bool is_veth(const struct nlattr *info)
{
	struct nlattr *attr;
	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			return !strncmp(mnl_attr_get_payload(attr), "veth", mnl_attr_get_payload_len(attr));
	}
	return false;
}

static int each_link(const struct nlmsghdr *nlh, void *arg)
{
	struct relatives *r = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct nlattr *attr;
	bool below = true; /* `lower` is a device below this one, in this namespace */
	int lower = 0, master = 0;
	mnl_attr_for_each(attr, nlh, sizeof *ifi)
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_LINK:
			lower = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			below = false;
			break;
		case IFLA_MASTER:
			master = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			below = below && !is_veth(attr);
			break;
		}
	}
	if (ifi->ifi_index == r->ifindex[0])
		r->master = master;
	if (master && is_relative(r, ifi->ifi_index))
		add_relative(r, master);
	if (lower && below && is_relative(r, lower))
		add_relative(r, ifi->ifi_index);
	return MNL_CB_OK;
}

struct use {
	const struct relatives *relatives;
	char *why;
	size_t size;
	bool found;
};

static int each_address(const struct nlmsghdr *nlh, void *arg)
{
	struct use *u = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	if (u->found || ifa->ifa_scope >= RT_SCOPE_LINK || !is_relative(u->relatives, ifa->ifa_index))
		return MNL_CB_OK;
	struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof *ifa)
	{
		if (mnl_attr_get_type(attr) != IFA_ADDRESS)
			continue;
		char text[INET6_ADDRSTRLEN] = "", name[IF_NAMESIZE] = "";
		inet_ntop(ifa->ifa_family, mnl_attr_get_payload(attr), text, sizeof text);
		snprintf(u->why, u->size, "%s has the address %s", if_indextoname(ifa->ifa_index, name) ? name : "it",
			 text);
		u->found = true;
	}
	return MNL_CB_OK;
}

static int each_route(const struct nlmsghdr *nlh, void *arg)
{
	struct use *u = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	if (u->found || rtm->rtm_dst_len || rtm->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof *rtm)
	{
		char name[IF_NAMESIZE] = "";
		if (mnl_attr_get_type(attr) != RTA_OIF || !is_relative(u->relatives, mnl_attr_get_u32(attr)))
			continue;
		snprintf(u->why, u->size, "%s carries the default route",
			 if_indextoname(mnl_attr_get_u32(attr), name) ? name : "it");
		u->found = true;
	}
	return MNL_CB_OK;
}

/* RTM_GET* of everything; a family of AF_UNSPEC means both IP versions. */
static int dump(struct mnl_socket *nl, uint16_t type, size_t head, mnl_cb_t each, void *arg)
{
	uint8_t buf[MESSAGE_MAX] = {0};
	struct nlmsghdr *nlh = request(buf, type, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(nlh, head);
	return talk(nl, nlh, each, arg);
}

int sp_netlink_in_use(struct mnl_socket *nl, int ifindex, char *why, size_t size)
{
	struct relatives relatives = {.ifindex = {ifindex}, .n = 1};
	do {
		relatives.grown = false;
		int r = dump(nl, RTM_GETLINK, sizeof(struct ifinfomsg), each_link, &relatives);
		if (r < 0)
			return r;
	} while (relatives.grown);

	struct use use = {.relatives = &relatives, .why = why, .size = size};
	int r = dump(nl, RTM_GETROUTE, sizeof(struct rtmsg), each_route, &use);
	if (r >= 0 && !use.found)
		r = dump(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), each_address, &use);
	if (r < 0)
		return r;
	if (!use.found && relatives.master) {
		char name[IF_NAMESIZE] = "";
		snprintf(why, size, "it is a port of %s",
			 if_indextoname(relatives.master, name) ? name : "another device");
		use.found = true;
	}
	return use.found;
}

/* One end of a pair: its attributes are the same. */
static void put_end(struct nlmsghdr *nlh, const char *name, const struct sp_veth *veth)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, veth->mtu);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, veth->queues);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, veth->queues);
}

int sp_netlink_veth(struct mnl_socket *nl, const struct sp_veth *veth)
{
	uint8_t buf[MESSAGE_MAX] = {0};
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct ifinfomsg *ifi = put_link(nlh, 0);
	ifi->ifi_flags = ifi->ifi_change = IFF_NOARP;
	put_end(nlh, veth->name, veth);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	ifi = put_link(nlh, 0);
	ifi->ifi_flags = ifi->ifi_change = IFF_NOARP;
	put_end(nlh, veth->peer, veth);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, veth->peer_netns);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return talk(nl, nlh, NULL, NULL);
}

static int each_info(const struct nlmsghdr *nlh, void *arg)
{
	struct sp_netdev_info *info = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	info->ifindex = ifi->ifi_index;
	info->type = ifi->ifi_type;
	struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof *ifi)
	{
		struct rtnl_link_stats64 stats;
		switch (mnl_attr_get_type(attr)) {
		case IFLA_MTU:
			info->mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK:
			info->peer = mnl_attr_get_u32(attr);
			break;
		case IFLA_NUM_RX_QUEUES:
			info->rx_queues = mnl_attr_get_u32(attr);
			break;
		case IFLA_STATS64:
			memset(&stats, 0, sizeof stats);
			memcpy(&stats, mnl_attr_get_payload(attr),
			       SP_MIN(sizeof stats, (size_t)mnl_attr_get_payload_len(attr)));
			info->rx_dropped = stats.rx_dropped;
			info->tx_dropped = stats.tx_dropped;
			break;
		}
	}
	return MNL_CB_OK;
}

int sp_netlink_info(struct mnl_socket *nl, const char *name, int ifindex, struct sp_netdev_info *ret)
{
	uint8_t buf[MESSAGE_MAX] = {0};
	*ret = (struct sp_netdev_info){0};
	struct nlmsghdr *nlh = request(buf, RTM_GETLINK, NLM_F_ACK);
	put_link(nlh, name ? 0 : ifindex);
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return talk(nl, nlh, each_info, ret);
}

static int each_filter(const struct nlmsghdr *nlh, void *arg)
{
	*(bool *)arg = true;
	return MNL_CB_OK;
}

int sp_netlink_has_filters(struct mnl_socket *nl, int ifindex)
{
	static const uint32_t parents[] = {TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
					   TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	bool found = false;
	for (unsigned i = 0; i < SP_ARRAY_SIZE(parents); i++) {
		uint8_t buf[MESSAGE_MAX] = {0};
		struct nlmsghdr *nlh = request(buf, RTM_GETTFILTER, NLM_F_DUMP);
		struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof *tcm);
		tcm->tcm_ifindex = ifindex;
		tcm->tcm_parent = parents[i];
		if (talk(nl, nlh, each_filter, &found) < 0)
			return 1;
	}
	return found;
}

/* No IPv6 link-local address, and so no neighbour discovery, router solicitation or multicast reports. */
static int no_addresses(struct mnl_socket *nl, int ifindex)
{
	enum { ADDR_GEN_NONE = 1 };
	uint8_t buf[MESSAGE_MAX] = {0};
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, NLM_F_ACK);
	put_link(nlh, ifindex);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
	int r = talk(nl, nlh, NULL, NULL);
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r; /* a kernel without IPv6 */
}

int sp_netlink_up(struct mnl_socket *nl, int ifindex)
{
	int r = no_addresses(nl, ifindex);
	if (r < 0)
		return r;
	uint8_t buf[MESSAGE_MAX] = {0};
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *ifi = put_link(nlh, ifindex);
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return talk(nl, nlh, NULL, NULL);
}

int sp_netlink_delete(struct mnl_socket *nl, int ifindex)
{
	uint8_t buf[MESSAGE_MAX] = {0};
	struct nlmsghdr *nlh = request(buf, RTM_DELLINK, NLM_F_ACK);
	put_link(nlh, ifindex);
	return talk(nl, nlh, NULL, NULL);
}
