/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/capture_device.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/netns.h"
#include "xdp/attach.h"
#include "xdp/netdev.h"
#include "xdp/netlink.h"

#define OUR_END "spantap%d"
#define THEIR_END "capture"
#define FRAME_SIZE 4096 /* holds SP_CAPTURE_MTU */

struct sp_capture_device {
	struct sp_capture_device *next;
	struct stat netns;	     /* which namespace, by device and inode */
	uint64_t slots;		     /* in use */
	int inside;		     /* descriptor of the private namespace */
	int ifindex, ifindex_inside; /* our end, the other */
	struct mnl_socket *nl, *nl_inside;
	struct sp_steer steer;
};

/* Opened and closed by the control thread, asked for statistics by others. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sp_capture_device *devices;

static int enter(const struct sp_capture_device *device, int *saved, struct sp_err *err)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", device->inside);
	return sp_netns_enter(path, saved, err);
}

/* A namespace without a name: a descriptor holds it. */
static int make_netns(struct sp_err *err)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return sp_err(err, -errno, "/proc/thread-self/ns/net: %s", strerror(errno));
	if (unshare(CLONE_NEWNET) < 0) {
		int r = sp_err(err, -errno, "a network namespace for the capture device: %s; it needs CAP_SYS_ADMIN",
			       strerror(errno));
		close(here);
		return r;
	}
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? sp_err(err, -errno, "/proc/thread-self/ns/net: %s", strerror(errno)) : fd;
	sp_netns_leave(here);
	return r;
}

/* VLAN tags must be in the bytes: XDP does not see those that travel beside. */
static int tags_into_bytes(const struct sp_capture_device *device)
{
	char name[IF_NAMESIZE];
	if (!if_indextoname(device->ifindex, name))
		return -errno;
	int r = sp_netdev_feature(name, "tx-vlan-hw-insert", false);
	return r < 0 ? r : sp_netdev_feature(name, "tx-vlan-stag-hw-insert", false);
}

static int make_pair(struct sp_capture_device *device, struct sp_err *err)
{
	const struct sp_veth veth = {.name = OUR_END,
				     .peer = THEIR_END,
				     .peer_netns = device->inside,
				     .queues = SP_CAPTURE_SLOTS,
				     .mtu = SP_CAPTURE_MTU};
	struct sp_netdev_info info = {0};
	int saved, r = sp_netlink_open(&device->nl);
	if (r >= 0)
		r = sp_netlink_veth(device->nl, &veth);
	if (r < 0)
		return sp_err(err, r, "capture device (veth pair): %s", strerror(-r));
	r = enter(device, &saved, err);
	if (r < 0)
		return r;
	r = sp_netlink_open(&device->nl_inside);
	if (r >= 0)
		r = sp_netlink_info(device->nl_inside, THEIR_END, 0, &info);
	device->ifindex_inside = info.ifindex;
	device->ifindex = info.peer;
	if (r >= 0)
		r = sp_netlink_up(device->nl_inside, device->ifindex_inside);
	if (r < 0)
		sp_err(err, r, "capture device, inner end: %s", strerror(-r));
	else /* generic XDP lets pass what tc has redirected */
		r = sp_steer_attach(&device->steer, THEIR_END, device->ifindex_inside, SP_XDP_ATTACH_NATIVE, NULL, err);
	sp_netns_leave(saved);
	if (r < 0)
		return r;
	r = tags_into_bytes(device);
	if (r >= 0)
		r = sp_netlink_up(device->nl, device->ifindex);
	return r < 0 ? sp_err(err, r, "capture device: %s", strerror(-r)) : 0;
}

static void destroy(struct sp_capture_device *device)
{
	sp_steer_detach(&device->steer);
	if (device->nl && device->ifindex)
		sp_netlink_delete(device->nl, device->ifindex);
	sp_netlink_close(device->nl);
	sp_netlink_close(device->nl_inside);
	if (device->inside >= 0)
		close(device->inside);
	free(device);
}

static int make(struct sp_capture_device **ret, const struct stat *netns, struct sp_err *err)
{
	struct sp_capture_device *device = calloc(1, sizeof *device);
	if (!device)
		return sp_err(err, -ENOMEM, "no memory");
	device->netns = *netns;
	device->steer.link = -1;
	device->inside = make_netns(err);
	int r = device->inside < 0 ? device->inside : make_pair(device, err);
	if (r < 0) {
		destroy(device);
		return r;
	}
	device->next = devices;
	devices = *ret = device;
	return 0;
}

static int get(struct sp_capture_device **ret, uint32_t *slot, struct sp_err *err)
{
	struct stat here;
	if (stat("/proc/thread-self/ns/net", &here) < 0)
		return sp_err(err, -errno, "/proc/thread-self/ns/net: %s", strerror(errno));
	struct sp_capture_device *device = devices;
	while (device &&
	       (device->netns.st_dev != here.st_dev || device->netns.st_ino != here.st_ino || !~device->slots))
		device = device->next;
	int r = device ? 0 : make(&device, &here, err);
	if (r < 0)
		return r;
	*slot = __builtin_ctzll(~device->slots);
	device->slots |= UINT64_C(1) << *slot;
	*ret = device;
	return 0;
}

int sp_capture_device_get(struct sp_capture_device **ret, uint32_t *slot, struct sp_err *err)
{
	pthread_mutex_lock(&lock);
	int r = get(ret, slot, err);
	pthread_mutex_unlock(&lock);
	return r;
}

void sp_capture_device_put(struct sp_capture_device *device, uint32_t slot)
{
	pthread_mutex_lock(&lock);
	device->slots &= ~(UINT64_C(1) << slot);
	if (!device->slots) {
		struct sp_capture_device **p = &devices;
		while (*p != device)
			p = &(*p)->next;
		*p = device->next;
		destroy(device);
	}
	pthread_mutex_unlock(&lock);
}

int sp_capture_device_socket(struct sp_capture_device *device, uint32_t slot, struct sp_xsk *xsk, struct sp_umem *umem,
			     const struct sp_xdp_conf *conf, struct sp_err *err)
{
	int saved, r = enter(device, &saved, err);
	if (r < 0)
		return r;
	r = sp_umem_init(umem, 1, conf->ring, FRAME_SIZE, err);
	if (r >= 0)
		r = sp_xsk_open(xsk, umem, THEIR_END, slot, conf, true, err);
	sp_netns_leave(saved);
	if (r < 0)
		return r;
	r = sp_steer_socket(&device->steer, slot, xsk->fd);
	if (r < 0) {
		sp_xsk_close(xsk);
		return sp_err(err, r, "capture device, slot %u: %s", slot, strerror(-r));
	}
	return 0;
}

int sp_capture_device_ifindex(const struct sp_capture_device *device)
{
	return device->ifindex;
}

uint64_t sp_capture_device_dropped(struct sp_capture_device *device, uint32_t slot)
{
	struct sp_netdev_info outside = {0}, inside = {0};
	pthread_mutex_lock(&lock);
	if (slot == (uint32_t)__builtin_ctzll(device->slots)) {
		sp_netlink_info(device->nl, NULL, device->ifindex, &outside);
		sp_netlink_info(device->nl_inside, NULL, device->ifindex_inside, &inside);
	}
	pthread_mutex_unlock(&lock);
	return outside.tx_dropped + inside.rx_dropped;
}
