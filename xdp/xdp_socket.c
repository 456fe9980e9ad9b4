/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/xdp_socket.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"
#include "xdp/netdev.h"
#include "xdp/stamp.bpf.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

#define XDP_HEADROOM 256		       /* what the kernel keeps in front of each frame */
#define STAMP_ROOM sizeof(struct sp_xdp_stamp) /* …and we: the stamp then shares the first line with the headers */
#define LOOK_INTERVAL (100 * SP_NS_PER_MS)     /* between two looks whether the device is still there */
#define LOOK_POLLS 4096			       /* between two looks at the clocks while packets never end */
#define CLOCKS_TRIES 16
#define CLOCKS_APART SP_NS_PER_US /* what reading two of them takes, without an interruption */

uint32_t sp_umem_payload(uint32_t frame_size)
{
	return frame_size - XDP_HEADROOM - STAMP_ROOM;
}

int sp_umem_init(struct sp_umem *umem, uint32_t sockets, uint32_t frames, uint32_t frame_size, struct sp_err *err)
{
	*umem = (struct sp_umem){.frame_size = frame_size, .frames = frames, .sockets = sockets};
	umem->size = (size_t)sockets * frames * frame_size;
	umem->area = sp_mem_map(umem->size, SP_MEM_HUGE | SP_MEM_POPULATE);
	if (!umem->area)
		return sp_err(err, -ENOMEM, "no memory for %zu MiB of frames: lower af_xdp.ring", umem->size >> 20);
	/* The kernel says late what it has taken from a fill ring, at most `frames` late: twice as many always have
	 * room. */
	const struct xsk_umem_config config = {
		.fill_size = 2 * frames, .comp_size = 64, .frame_size = frame_size, .frame_headroom = STAMP_ROOM};
	int r = xsk_umem__create(&umem->umem, umem->area, umem->size, &umem->fill, &umem->completion, &config);
	if (r < 0) {
		umem->umem = NULL;
		sp_umem_fini(umem);
		return sp_err(err, r, "%zu MiB of frames: %s; lower af_xdp.ring or raise the limit of locked memory",
			      umem->size >> 20, strerror(-r));
	}
	return 0;
}

void sp_umem_fini(struct sp_umem *umem)
{
	if (umem->umem)
		xsk_umem__delete(umem->umem);
	sp_mem_unmap(umem->area, umem->size);
	*umem = (struct sp_umem){0};
}

static int set_busy_poll(int fd, const struct sp_xdp_conf *conf)
{
	int prefer = 1, us = SP_MAX(conf->busy_poll / SP_NS_PER_US, 1), budget = conf->busy_poll_budget;
	if (setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer, sizeof prefer) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof us) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget) < 0)
		return -errno;
	return 0;
}

static void fill_all(struct sp_xsk *xsk, const struct sp_umem *umem, uint32_t which)
{
	uint32_t idx = 0, n = xsk_ring_prod__reserve(&xsk->fill, umem->frames, &idx);
	assert(n == umem->frames);
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&xsk->fill, idx + i) =
			((uint64_t)which * umem->frames + i) * umem->frame_size;
	xsk_ring_prod__submit(&xsk->fill, n);
}

int sp_xsk_open(struct sp_xsk *xsk, struct sp_umem *umem, const char *device, uint32_t queue,
		const struct sp_xdp_conf *conf, bool generic, struct sp_err *err)
{
	*xsk = (struct sp_xsk){
		.fd = -1, .watch = -1, .area = umem->area, .frame_mask = ~(uint64_t)(umem->frame_size - 1)};
	struct xsk_socket_config config = {.rx_size = umem->frames,
					   .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
					   .bind_flags = XDP_USE_NEED_WAKEUP};
	if (generic || conf->zero_copy == SP_XDP_ZERO_COPY_NO)
		config.bind_flags |= XDP_COPY;
	else if (conf->zero_copy == SP_XDP_ZERO_COPY_YES)
		config.bind_flags |= XDP_ZEROCOPY;

	/* The rings of the first socket were made with the memory, at umem's address: libxdp knows them by it. */
	bool first = !umem->opened;
	struct xsk_ring_prod *fill = first ? &umem->fill : &xsk->fill;
	struct xsk_ring_cons *completion = first ? &umem->completion : &xsk->completion;
	int r = xsk_socket__create_shared(&xsk->socket, device, queue, umem->umem, &xsk->rx, NULL, fill, completion,
					  &config);
	if (r < 0) {
		xsk->socket = NULL;
		return sp_err(err, r, "%s: queue %u: %s%s", device, queue, strerror(-r),
			      r == -EBUSY	 ? "; another AF_XDP socket has it"
			      : r == -EOPNOTSUPP ? "; set af_xdp.zero_copy to auto"
						 : "");
	}
	uint32_t which = umem->opened++;
	if (first)
		xsk->fill = umem->fill;
	xsk->fd = xsk_socket__fd(xsk->socket);
	fill_all(xsk, umem, which);

	struct xdp_options options = {0};
	socklen_t size = sizeof options;
	if (!getsockopt(xsk->fd, SOL_XDP, XDP_OPTIONS, &options, &size))
		xsk->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	if (conf->busy_poll) {
		r = set_busy_poll(xsk->fd, conf);
		if (r < 0) {
			sp_xsk_close(xsk);
			return sp_err(err, r,
				      "%s: busy polling: %s; it needs Linux 5.11 and CAP_NET_ADMIN: set "
				      "af_xdp.busy_poll to 0",
				      device, strerror(-r));
		}
		xsk->busy_poll = true;
	}
	return 0;
}

void sp_xsk_close(struct sp_xsk *xsk)
{
	if (xsk->socket)
		xsk_socket__delete(xsk->socket);
	*xsk = (struct sp_xsk){.fd = -1, .watch = -1};
}

/* Only a step of the time of day changes what is between the two clocks. What reading them one after the other adds
 * must not: packets' times would go back and forth with it from poll to poll. */
static __attribute__((noinline)) void look_at_clocks(struct sp_xsk *xsk)
{
	uint64_t before, real, took;
	for (unsigned i = 0; i < CLOCKS_TRIES; i++) {
		before = sp_clock_ns(CLOCK_MONOTONIC);
		real = sp_clock_ns(CLOCK_REALTIME);
		took = sp_clock_ns(CLOCK_MONOTONIC) - before;
		if (took <= CLOCKS_APART)
			break;
	}
	uint64_t boot_ns = real - before - took / 2, exact = CLOCKS_APART + took;
	if (boot_ns - xsk->boot_ns + exact > 2 * exact)
		xsk->boot_ns = boot_ns;
}

/* Nothing waits: drive the driver where it wants to be driven, and ask now and then whether the device is still there.
 */
static __attribute__((noinline)) int idle(struct sp_xsk *xsk)
{
	if (xsk->busy_poll || xsk_ring_prod__needs_wakeup(&xsk->fill)) {
		if (recvfrom(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 && (errno == ENXIO || errno == ENODEV))
			return -ENODEV;
	}
	uint64_t now = sp_clock_ns(CLOCK_MONOTONIC_COARSE);
	if (now < xsk->next_look)
		return 0;
	xsk->next_look = now + LOOK_INTERVAL;
	look_at_clocks(xsk);
	return sp_netdev_gone(xsk->watch) ? -ENODEV : 0;
}

/* When the kernel had the frame, by our program's stamp, which is in the frame's headroom; else now. */
static inline uint64_t arrived(const uint8_t *data, uint64_t boot_ns, uint64_t *now)
{
	struct sp_xdp_stamp stamp;
	memcpy(&stamp, data - sizeof stamp, sizeof stamp);
	if (SP_LIKELY((stamp.ns ^ SP_XDP_STAMP_MARK) == stamp.check))
		return boot_ns + stamp.ns;
	if (!*now)
		*now = sp_clock_ns(CLOCK_REALTIME);
	return *now;
}

int sp_xsk_poll(struct sp_xsk *xsk, uint16_t point, struct sp_batch *batch)
{
	uint32_t idx = 0, n = xsk_ring_cons__peek(&xsk->rx, SP_BATCH_MAX, &idx);
	sp_batch_begin(batch);
	batch->n = n;
	if (!n)
		return idle(xsk);
	if (SP_UNLIKELY(xsk->polls++ % LOOK_POLLS == 0))
		look_at_clocks(xsk);
	uint64_t now = 0, bytes = 0;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *data = xsk->area + xsk_ring_cons__rx_desc(&xsk->rx, idx + i)->addr;
		sp_prefetch(data);
		sp_prefetch(data - sizeof(struct sp_xdp_stamp));
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&xsk->rx, idx + i);
		struct sp_pkt *pkt = &batch->pkt[i];
		pkt->data = xsk->area + desc->addr;
		pkt->ts_ns = arrived(pkt->data, xsk->boot_ns, &now);
		pkt->cookie = (desc->addr & xsk->frame_mask) | xsk->tag;
		pkt->wire_len = pkt->cap_len = desc->len;
		pkt->link = SP_LINK_ETHERNET;
		pkt->point = point;
		bytes += desc->len;
	}
	xsk_ring_cons__release(&xsk->rx, n);
	xsk->held += n;
	__atomic_store_n(&xsk->packets, xsk->packets + n, __ATOMIC_RELAXED);
	__atomic_store_n(&xsk->bytes, xsk->bytes + bytes, __ATOMIC_RELAXED);
	return n;
}

void sp_xsk_release(struct sp_xsk *xsk, const struct sp_batch *batch)
{
	uint32_t idx = 0, n = batch->n, room = xsk_ring_prod__reserve(&xsk->fill, n, &idx);
	assert(room == n && n <= xsk->held);
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&xsk->fill, idx + i) = batch->pkt[i].cookie & ~xsk->tag;
	xsk_ring_prod__submit(&xsk->fill, n);
	xsk->held -= n;
}

uint64_t sp_xsk_dropped(const struct sp_xsk *xsk, uint64_t *invalid)
{
	struct xdp_statistics stats = {0};
	socklen_t size = sizeof stats;
	if (getsockopt(xsk->fd, SOL_XDP, XDP_STATISTICS, &stats, &size) < 0)
		return 0;
	*invalid = stats.rx_invalid_descs;
	/* A frame that found the fill ring empty is in rx_dropped already (copy mode); with zero copy it is the NIC
	 * that counts it. */
	return stats.rx_dropped + stats.rx_ring_full;
}
