/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the XDP program writes in front of a frame, in its metadata, for the socket's user: when the kernel had it.
 * Times taken at the poll would be those of the worker. */
#ifndef SP_XDP_STAMP_BPF_H
#define SP_XDP_STAMP_BPF_H

#include <linux/types.h>

struct sp_xdp_stamp {
	__u64 ns;    /* CLOCK_MONOTONIC */
	__u64 check; /* ns ^ SP_XDP_STAMP_MARK: anything else is not a stamp, for the driver has no metadata */
};

#define SP_XDP_STAMP_MARK 0x7370616e74617021ULL

#endif
