/* SPDX-License-Identifier: Apache-2.0 */
/* Where mirrored devices send their copies: one pair of veth devices for each network namespace that has any. Our end
 * is in that namespace, the other in a private one that nothing else can see, so that no protocol of the host answers
 * there and all of it disappears with the process. A mirrored device has a slot: the queue of the pair that its copies
 * use, and the AF_XDP socket bound to that queue. Control thread. */
#ifndef SP_XDP_CAPTURE_DEVICE_H
#define SP_XDP_CAPTURE_DEVICE_H

#include "base/base.h"
#include "xdp/xdp_conf.h"
#include "xdp/xdp_socket.h"

#define SP_CAPTURE_MTU 3490 /* what XDP on veth allows with 4 KiB pages, less two VLAN tags */
#define SP_CAPTURE_SLOTS 64

struct sp_capture_device;

/* Takes a slot in the calling thread's namespace; makes the pair for the first. 0 or -errno. */
int sp_capture_device_get(struct sp_capture_device **ret, uint32_t *slot, struct sp_err *err);

/* Gives the slot back, after its socket; the last one takes the pair away. */
void sp_capture_device_put(struct sp_capture_device *device, uint32_t slot);

/* Makes the slot's memory and socket. As sp_umem_init and sp_xsk_open; the caller ends both. */
int sp_capture_device_socket(struct sp_capture_device *device, uint32_t slot, struct sp_xsk *xsk, struct sp_umem *umem,
			     const struct sp_xdp_conf *conf, struct sp_err *err);

/* Where the copies go. */
int sp_capture_device_ifindex(const struct sp_capture_device *device);

/* Copies lost inside the pair. The kernel knows only how many of all slots together: the lowest slot in use is told,
 * the others are told 0. Any thread. */
uint64_t sp_capture_device_dropped(struct sp_capture_device *device, uint32_t slot);

#endif
