/* SPDX-License-Identifier: Apache-2.0 */
/* AF_XDP sockets and the memory that they share. Every socket has frames of its own: what poll hands out goes back to
 * the socket's fill ring, which has room for all of them, so that no frame is ever lost. */
#ifndef SP_XDP_XDP_SOCKET_H
#define SP_XDP_XDP_SOCKET_H

#include <xdp/xsk.h>

#include "base/base.h"
#include "base/pkt.h"
#include "xdp/xdp_conf.h"

#define SP_XSK_NUMBER_SHIFT 48 /* a cookie is the frame's offset, below, and the socket's number */

struct sp_umem {
	uint8_t *area;
	size_t size;
	uint32_t frame_size;
	uint32_t frames; /* of each socket */
	uint32_t sockets, opened;
	struct xsk_umem *umem;
	struct xsk_ring_prod fill; /* of the first socket: registering the memory makes its rings */
	struct xsk_ring_cons completion;
};

struct sp_xsk {
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	uint8_t *area;
	uint64_t frame_mask;	 /* clears the offset inside a frame */
	uint64_t packets, bytes; /* written by the polling worker, read by any thread */
	uint64_t tag;		 /* the socket's number among those of its queue, in the cookie's high bits */
	uint64_t next_look;	 /* whether the device is still there; CLOCK_MONOTONIC */
	uint64_t boot_ns;	 /* CLOCK_REALTIME when CLOCK_MONOTONIC was 0 */
	uint64_t polls;		 /* that brought packets */
	uint32_t held;		 /* frames handed out and not yet given back */
	int fd;
	int watch; /* sp_netdev_watch of the device that is captured; the port's */
	bool busy_poll, zero_copy;
	struct xsk_socket *socket;
	struct xsk_ring_cons completion; /* unused: nothing is sent */
};

/* Largest frame that fits into memory made with this frame size. */
uint32_t sp_umem_payload(uint32_t frame_size);

/* In the namespace of the device: the first socket is made here. Memory for `sockets` sockets of `frames` (a power of
 * two) frames each. Locks it; so it counts against RLIMIT_MEMLOCK without CAP_IPC_LOCK. 0 or -errno. */
int sp_umem_init(struct sp_umem *umem, uint32_t sockets, uint32_t frames, uint32_t frame_size, struct sp_err *err);
void sp_umem_fini(struct sp_umem *umem); /* after its sockets; zeroed is fine */

/* Binds a socket to a queue of a device in the calling thread's namespace. Returns 0 or -errno: -EINVAL when there is
 * no such queue, -EBUSY when another socket has it. */
int sp_xsk_open(struct sp_xsk *xsk, struct sp_umem *umem, const char *device, uint32_t queue,
		const struct sp_xdp_conf *conf, bool generic, struct sp_err *err);
void sp_xsk_close(struct sp_xsk *xsk); /* zeroed is fine */

/* The batch becomes what waits, seen at `point`. Returns how many, or -ENODEV when the device went away. Never blocks;
 * a system call only when nothing waits. Polling worker. */
int sp_xsk_poll(struct sp_xsk *xsk, uint16_t point, struct sp_batch *batch);

/* Which socket of its queue handed the batch out. */
static inline unsigned sp_xsk_number(const struct sp_batch *batch)
{
	return batch->pkt[0].cookie >> SP_XSK_NUMBER_SHIFT;
}

/* Gives the frames of a polled batch back. */
void sp_xsk_release(struct sp_xsk *xsk, const struct sp_batch *batch);

/* Frames lost at this socket since it was opened; any thread. */
uint64_t sp_xsk_dropped(const struct sp_xsk *xsk, uint64_t *invalid);

#endif
