/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the tc program of a mirrored device counts. */
#ifndef SP_XDP_MIRROR_BPF_H
#define SP_XDP_MIRROR_BPF_H

enum sp_mirror_count {
	SP_MIRROR_CLONED,
	SP_MIRROR_FILTERED, /* not wanted by the filter */
	SP_MIRROR_FAILED,   /* the kernel could not make the copy: no memory, capture device down */
	SP_MIRROR_COUNT_MAX
};

#endif
