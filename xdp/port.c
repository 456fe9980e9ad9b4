/* SPDX-License-Identifier: Apache-2.0 */
/* AF_XDP as a port (dataplane/port.h). A dedicated device has a socket at each of its queues; a mirrored device has
 * one, at its slot of the capture device. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dataplane/netns.h"
#include "dataplane/port_conf.h"
#include "dataplane/port_module.h"
#include "xdp/attach.h"
#include "xdp/capture_device.h"
#include "xdp/mirror.bpf.h"
#include "xdp/netdev.h"
#include "xdp/netlink.h"
#include "xdp/xdp_socket.h"

#define FRAME_SMALL 2048
#define FRAME_LARGE 4096
#define L2_MAX 22      /* Ethernet and two VLAN tags */
#define SOCKETS_MAX 64 /* of a device: size of the steering program's map */

/* What one worker polls: every n-th socket of the port. */
struct queue {
	struct sp_xsk *xsk;
	uint32_t n, next;
	int epoll; /* of several sockets, else -1 */
} __attribute__((aligned(SP_CACHE_LINE)));

/* Features that hide bytes from XDP or make frames that do not fit; switched off and back on. */
static const struct {
	const char *name;
	bool generic_only;
} features[] = {
	{"rx-vlan-hw-parse", false}, /* tags beside the frame */
	{"rx-vlan-stag-hw-parse", false},
	{"rx-gro", true}, /* frames of 64 KiB in the kernel's receive path */
	{"rx-lro", true},
};

struct xdp_port {
	struct sp_port port;
	char netns[SP_PORT_NETNS_MAX];
	char device[IF_NAMESIZE];
	int ifindex;
	int watch; /* sp_netdev_watch, or -1 */
	struct sp_umem umem;
	struct sp_xsk *xsk;
	uint32_t n_xsk;
	struct queue *queue;

	/* redirect */
	struct sp_steer steer;
	uint32_t switched_off; /* bit i: features[i] */

	/* mirror */
	struct sp_capture_device *capture;
	uint32_t slot;
	struct sp_mirror_tc tc;
};

static struct xdp_port *of(struct sp_port *port)
{
	return (struct xdp_port *)port;
}

static void switch_features_off(struct xdp_port *p)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(features); i++)
		if ((p->steer.generic || !features[i].generic_only) &&
		    sp_netdev_feature(p->device, features[i].name, false) > 0)
			p->switched_off |= 1U << i;
}

static void switch_features_on(struct xdp_port *p)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(features); i++)
		if (p->switched_off & 1U << i)
			sp_netdev_feature(p->device, features[i].name, true);
}

static void close_all(struct xdp_port *p)
{
	/* First nothing new, then the sockets, then what they stood on. */
	struct sp_err err;
	int saved = -1;
	bool entered = sp_netns_enter(p->netns, &saved, &err) >= 0;
	if (entered)
		sp_mirror_detach(&p->tc);
	sp_steer_detach(&p->steer);
	for (uint32_t i = 0; i < p->n_xsk; i++)
		sp_xsk_close(&p->xsk[i]);
	sp_umem_fini(&p->umem);
	if (p->capture)
		sp_capture_device_put(p->capture, p->slot);
	if (entered) {
		switch_features_on(p);
		sp_netns_leave(saved);
	}
	if (p->watch >= 0)
		close(p->watch);
	for (uint32_t i = 0; p->queue && i < p->port.n_queues; i++)
		if (p->queue[i].epoll >= 0)
			close(p->queue[i].epoll);
	free(p->queue);
	free(p->xsk);
	free(p);
}

static void xdp_close(struct sp_port *port)
{
	close_all(of(port));
}

/* Room for `sockets` sockets, dealt out to `queues` queues. */
static int make_queues(struct xdp_port *p, uint32_t sockets, uint32_t queues, struct sp_err *err)
{
	queues = SP_MIN(queues ? queues : sockets, sockets);
	p->xsk = aligned_alloc(SP_CACHE_LINE, (sizeof *p->xsk * sockets + SP_CACHE_LINE - 1) & -SP_CACHE_LINE);
	p->queue = aligned_alloc(SP_CACHE_LINE, sizeof *p->queue * queues);
	if (!p->xsk || !p->queue)
		return sp_err(err, -ENOMEM, "port %s: no memory", p->port.name);
	memset(p->xsk, 0, sizeof *p->xsk * sockets);
	struct sp_xsk *next = p->xsk;
	for (uint32_t i = 0; i < queues; i++) {
		uint32_t n = sockets / queues + (i < sockets % queues);
		p->queue[i] = (struct queue){.xsk = next, .n = n, .epoll = -1};
		next += n;
	}
	p->port.n_queues = queues;
	p->port.symmetric = queues == 1;
	return 0;
}

/* After the sockets are open. */
static int finish_queues(struct xdp_port *p, struct sp_err *err)
{
	for (uint32_t q = 0; q < p->port.n_queues; q++) {
		struct queue *queue = &p->queue[q];
		for (uint32_t i = 0; i < queue->n; i++) {
			queue->xsk[i].tag = (uint64_t)i << SP_XSK_NUMBER_SHIFT;
			queue->xsk[i].watch = p->watch;
		}
		if (queue->n == 1)
			continue;
		queue->epoll = epoll_create1(EPOLL_CLOEXEC);
		for (uint32_t i = 0; i < queue->n; i++) {
			struct epoll_event event = {.events = EPOLLIN};
			if (queue->epoll < 0 || epoll_ctl(queue->epoll, EPOLL_CTL_ADD, queue->xsk[i].fd, &event) < 0)
				return sp_err(err, -errno, "port %s: epoll: %s", p->port.name, strerror(errno));
		}
	}
	return 0;
}

static int open_redirect(struct xdp_port *p, const struct sp_port_conf *conf, const struct sp_netdev_info *info,
			 struct sp_err *err)
{
	const struct sp_xdp_conf *xdp = &conf->af_xdp;
	int sockets = sp_netdev_rx_queues(p->device);
	sockets = sockets > 0 ? sockets : (int)SP_MAX(info->rx_queues, 1);
	if (sockets > SOCKETS_MAX)
		return sp_err(err, -EINVAL, "port %s: %d queues, at most %d can be served: ethtool -L %s combined %d",
			      p->port.name, sockets, SOCKETS_MAX, p->device, SOCKETS_MAX);
	int r = make_queues(p, sockets, (uint32_t)(conf->queues ? conf->queues : conf->workers), err);
	if (r >= 0)
		r = sp_umem_init(&p->umem, sockets, xdp->ring,
				 info->mtu + L2_MAX <= sp_umem_payload(FRAME_SMALL) ? FRAME_SMALL : FRAME_LARGE, err);
	if (r >= 0)
		r = sp_steer_attach(&p->steer, p->device, p->ifindex, xdp->attach, xdp, err);
	if (r < 0)
		return r;
	if (p->steer.generic && xdp->zero_copy == SP_XDP_ZERO_COPY_YES)
		return sp_err(err, -EOPNOTSUPP, "port %s: zero copy needs native XDP: set af_xdp.zero_copy to auto",
			      p->port.name);
	switch_features_off(p);
	for (int i = 0; i < sockets; i++) {
		r = sp_xsk_open(&p->xsk[i], &p->umem, p->device, i, xdp, p->steer.generic, err);
		if (r < 0)
			return r;
		p->n_xsk++;
		r = sp_steer_socket(&p->steer, i, p->xsk[i].fd);
		if (r < 0)
			return sp_err(err, r, "port %s: queue %d: %s", p->port.name, i, strerror(-r));
	}
	snprintf(p->port.why, sizeof p->port.why, "redirect, %s XDP%s%s%s, %s, %d queue%s%s",
		 p->steer.generic ? "generic" : "native", p->steer.native_error ? " (native: " : "",
		 p->steer.native_error ? strerror(-p->steer.native_error) : "", p->steer.native_error ? ")" : "",
		 p->xsk[0].zero_copy ? "zero-copy" : "copy mode", sockets, sockets == 1 ? "" : "s",
		 xdp->filter.n ? ", filtered" : "");
	return 0;
}

static int open_mirror(struct xdp_port *p, const struct sp_port_conf *conf, struct sp_err *err)
{
	const struct sp_xdp_conf *xdp = &conf->af_xdp;
	int r = make_queues(p, 1, 1, err);
	if (r < 0)
		return r;
	r = sp_capture_device_get(&p->capture, &p->slot, err);
	if (r < 0)
		return r;
	r = sp_capture_device_socket(p->capture, p->slot, p->xsk, &p->umem, xdp, err);
	if (r < 0)
		return r;
	p->n_xsk = 1;
	const struct sp_mirror_target target = {.capture_ifindex = sp_capture_device_ifindex(p->capture),
						.slot = p->slot,
						.egress = conf->direction == SP_PORT_DIRECTION_BOTH};
	r = sp_mirror_attach(&p->tc, p->device, p->ifindex, &target, xdp, err);
	if (r < 0)
		return r;
	snprintf(p->port.why, sizeof p->port.why, "mirror, passive copy by tc (%s) into AF_XDP, slot %u%s",
		 p->tc.link[0] >= 0 ? "tcx" : "clsact", p->slot, xdp->filter.n ? ", filtered" : "");
	return 0;
}

/* Things that would take the host's traffic away, or could not work. */
static int look_at_device(struct xdp_port *p, const struct sp_port_conf *conf, struct sp_netdev_info *info,
			  struct sp_err *err)
{
	const char *name = p->port.name;
	struct mnl_socket *nl;
	char why[128] = "";
	int r = sp_netlink_open(&nl), in_use = 0;
	if (r < 0)
		return sp_err(err, r, "port %s: rtnetlink: %s", name, strerror(-r));
	r = sp_netlink_info(nl, p->device, 0, info);
	if (r >= 0 && conf->af_xdp.mode == SP_XDP_REDIRECT && !conf->af_xdp.dedicated)
		in_use = sp_netlink_in_use(nl, info->ifindex, why, sizeof why);
	sp_netlink_close(nl);
	if (r < 0)
		return sp_err(err, r, "port %s: %s", name, r == -ENODEV ? "no such device" : strerror(-r));
	p->ifindex = info->ifindex;
	if (in_use < 0)
		return sp_err(err, in_use, "port %s: rtnetlink: %s", name, strerror(-in_use));
	if (in_use)
		return sp_err(
			err, -EPERM,
			"port %s: redirect would take the traffic away: %s. Set af_xdp.mode to mirror for a copy, or "
			"af_xdp.dedicated to yes if this device is for capture only",
			name, why);
	if (info->type != ARPHRD_ETHER && info->type != ARPHRD_LOOPBACK)
		return sp_err(err, -EOPNOTSUPP, "port %s: not an Ethernet device: set type to af_packet", name);
	uint32_t most = conf->af_xdp.mode == SP_XDP_MIRROR ? SP_CAPTURE_MTU : sp_umem_payload(FRAME_LARGE) - L2_MAX;
	if (info->mtu > most)
		return sp_err(err, -EOPNOTSUPP,
			      "port %s: its MTU is %u, AF_XDP takes %u: lower it or set type to af_packet", name,
			      info->mtu, most);
	return 0;
}

static int open_inside(struct xdp_port *p, const struct sp_port_conf *conf, struct sp_err *err)
{
	struct sp_netdev_info info;
	int r = look_at_device(p, conf, &info, err);
	if (r < 0)
		return r;
	p->watch = sp_netdev_watch(p->ifindex, conf->promiscuous);
	if (p->watch < 0)
		return sp_err(err, p->watch, "port %s: packet socket: %s", p->port.name, strerror(-p->watch));
	r = conf->af_xdp.mode == SP_XDP_MIRROR ? open_mirror(p, conf, err) : open_redirect(p, conf, &info, err);
	return r < 0 ? r : finish_queues(p, err);
}

static int xdp_open(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_err *err)
{
	struct xdp_port *p = calloc(1, sizeof *p);
	if (!p)
		return sp_err(err, -ENOMEM, "port %s: no memory", conf->interface);
	p->port.ops = &sp_port_af_xdp;
	p->watch = p->steer.link = -1;
	snprintf(p->port.name, sizeof p->port.name, "%.63s", conf->interface);
	snprintf(p->device, sizeof p->device, "%.15s", conf->interface);
	snprintf(p->netns, sizeof p->netns, "%s", conf->netns);
	int saved, r = sp_netns_enter(p->netns, &saved, err);
	if (r >= 0) {
		r = open_inside(p, conf, err);
		sp_netns_leave(saved);
	}
	if (r < 0) {
		close_all(p);
		return r;
	}
	*ret = &p->port;
	return 0;
}

/* A batch comes from one socket; the next poll begins with the one after it. */
static int xdp_poll(struct sp_port *port, uint16_t queue, struct sp_batch *batch)
{
	struct queue *q = &of(port)->queue[queue];
	int r = 0;
	for (uint32_t i = 0; i < q->n && !r; i++) {
		struct sp_xsk *xsk = &q->xsk[q->next];
		q->next = q->next + 1 == q->n ? 0 : q->next + 1;
		r = sp_xsk_poll(xsk, port->point, batch);
	}
	return r;
}

static void xdp_release(struct sp_port *port, uint16_t queue, const struct sp_batch *batch)
{
	if (batch->n)
		sp_xsk_release(&of(port)->queue[queue].xsk[sp_xsk_number(batch)], batch);
}

static int xdp_fd(struct sp_port *port, uint16_t queue)
{
	const struct queue *q = &of(port)->queue[queue];
	return q->epoll >= 0 ? q->epoll : q->xsk[0].fd;
}

static void xdp_stats(struct sp_port *port, uint16_t queue, struct sp_port_stats *ret)
{
	struct xdp_port *p = of(port);
	const struct queue *q = &p->queue[queue];
	*ret = (struct sp_port_stats){0};
	for (uint32_t i = 0; i < q->n; i++) {
		uint64_t invalid = 0;
		ret->packets += __atomic_load_n(&q->xsk[i].packets, __ATOMIC_RELAXED);
		ret->bytes += __atomic_load_n(&q->xsk[i].bytes, __ATOMIC_RELAXED);
		ret->dropped += sp_xsk_dropped(&q->xsk[i], &invalid);
		ret->invalid += invalid;
	}
	if (p->capture)
		ret->dropped +=
			sp_mirror_count(&p->tc, SP_MIRROR_FAILED) + sp_capture_device_dropped(p->capture, p->slot);
}

SP_PORT_MODULE(af_xdp)

const struct sp_port_ops sp_port_af_xdp = {
	.name = "af_xdp",
	.open = xdp_open,
	.poll = xdp_poll,
	.release = xdp_release,
	.fd = xdp_fd,
	.stats = xdp_stats,
	.close = xdp_close,
};
