/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the kernel programs and attaching them to devices of the calling thread's namespace. What is attached goes
 * away with the process, however it ends; on kernels before 6.6 a mirror program stays until the next start
 * (xdp/README.md). Control thread. */
#ifndef SP_XDP_ATTACH_H
#define SP_XDP_ATTACH_H

#include "base/base.h"
#include "xdp/xdp_conf.h"

/* The XDP program of a device whose frames go to AF_XDP sockets. */
struct sp_steer {
	struct steer *program;
	int link;	  /* descriptor */
	bool generic;	  /* in the kernel's receive path, not in the driver */
	int native_error; /* -errno: why not in the driver, or 0 */
};

/* `filter` NULL: everything. 0 or -errno, saying what to do. */
int sp_steer_attach(struct sp_steer *steer, const char *device, int ifindex, int attach,
		    const struct sp_xdp_conf *filter, struct sp_err *err);
int sp_steer_socket(struct sp_steer *steer, uint32_t queue, int fd);
void sp_steer_detach(struct sp_steer *steer); /* zeroed is fine */

/* The tc program of a mirrored device, at both directions or one. */
struct sp_mirror_tc {
	struct mirror *program;
	int ifindex;
	int link[2];	/* ingress, egress: descriptors, or -1 */
	bool clsact[2]; /* attached the old way instead */
	bool qdisc;	/* …and we made the qdisc */
	int lock;	/* the old way: says that this device's filter is ours */
};

struct sp_mirror_target {
	int capture_ifindex;
	uint32_t slot;
	bool egress; /* besides ingress */
};

int sp_mirror_attach(struct sp_mirror_tc *tc, const char *device, int ifindex, const struct sp_mirror_target *target,
		     const struct sp_xdp_conf *filter, struct sp_err *err);
void sp_mirror_detach(struct sp_mirror_tc *tc); /* in the device's namespace; zeroed is fine */

/* One of enum sp_mirror_count (xdp/mirror.bpf.h), all CPUs together; any thread. */
uint64_t sp_mirror_count(const struct sp_mirror_tc *tc, unsigned what);

#endif
