/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/links.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/netns.h"

enum { BUFFER = 64 << 10 };

struct sp_links {
	int fd;
	uint32_t sequence; /* of the last list asked for */
	bool listing;	   /* its answer is not complete */
	bool begun;	   /* its first device was seen */
	bool ask_again;	   /* announcements were lost, or a list was disturbed */
	_Alignas(struct nlmsghdr) uint8_t buffer[BUFFER];
};

static int ask_for_list(struct sp_links *nl)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} ask = {
		.h = {.nlmsg_len = sizeof ask,
		      .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		      .nlmsg_seq = ++nl->sequence},
	};
	nl->ask_again = false;
	nl->listing = true;
	nl->begun = false;
	return send(nl->fd, &ask, sizeof ask, 0) < 0 ? -errno : 0;
}

int sp_links_open(struct sp_links **ret, const char *netns, struct sp_err *err)
{
	struct sp_links *nl = calloc(1, sizeof *nl);
	if (!nl)
		return sp_err(err, -ENOMEM, "watching devices: out of memory");
	int home;
	int r = sp_netns_enter(netns, &home, err);
	if (r < 0) {
		free(nl);
		return r;
	}
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	r = nl->fd < 0 ? -errno : 0;
	sp_netns_leave(home);
	struct sockaddr_nl me = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	if (r == 0 && bind(nl->fd, (struct sockaddr *)&me, sizeof me) < 0)
		r = -errno;
	if (r == 0)
		r = ask_for_list(nl);
	if (r < 0) {
		sp_links_close(nl);
		return sp_err(err, r, "watching devices: %s", strerror(-r));
	}
	*ret = nl;
	return 0;
}

int sp_links_fd(const struct sp_links *nl)
{
	return nl->fd;
}

/* The device's name, checked to end inside its attribute; NULL when there is none. */
static const char *name_of(struct nlmsghdr *h)
{
	struct ifinfomsg *i = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);
	for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME && memchr(RTA_DATA(a), 0, RTA_PAYLOAD(a)) && RTA_PAYLOAD(a) <= IFNAMSIZ)
			return RTA_DATA(a);
	return NULL;
}

static void read_message(struct sp_links *nl, struct nlmsghdr *h, sp_link_fn *change, void *arg)
{
	bool listed = nl->listing && h->nlmsg_seq == nl->sequence;
	/* A list that changed while it was read may lack devices. */
	if (listed && h->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->ask_again = true;
	if (listed && h->nlmsg_type == NLMSG_DONE) {
		nl->listing = false;
		if (!nl->ask_again)
			change(arg, SP_LINK_RESYNC_END, 0, "", false);
		return;
	}
	if (h->nlmsg_type == NLMSG_ERROR && listed) {
		nl->listing = false;
		nl->ask_again = true;
		return;
	}
	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return;
	const struct ifinfomsg *i = NLMSG_DATA(h);
	const char *name = name_of(h);
	/* Bridges announce the departure of their ports as RTM_DELLINK of another family. */
	if (!name || i->ifi_family != AF_UNSPEC)
		return;
	if (listed && !nl->begun) {
		nl->begun = true;
		change(arg, SP_LINK_RESYNC_BEGIN, 0, "", false);
	}
	change(arg, h->nlmsg_type == RTM_NEWLINK ? SP_LINK_THERE : SP_LINK_GONE, i->ifi_index, name,
	       i->ifi_flags & IFF_UP && i->ifi_flags & IFF_LOWER_UP);
}

void sp_links_read(struct sp_links *nl, sp_link_fn *change, void *arg)
{
	for (;;) {
		ssize_t n = recv(nl->fd, nl->buffer, sizeof nl->buffer, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			nl->ask_again = true;
			continue;
		}
		if (n <= 0)
			break;
		unsigned left = (unsigned)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)nl->buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			read_message(nl, h, change, arg);
	}
	if (nl->ask_again && !nl->listing)
		ask_for_list(nl);
}

void sp_links_close(struct sp_links *nl)
{
	if (!nl)
		return;
	if (nl->fd >= 0)
		close(nl->fd);
	free(nl);
}
