/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a network namespace, as the kernel announces them (rtnetlink(7)). */
#ifndef SP_DATAPLANE_LINKS_H
#define SP_DATAPLANE_LINKS_H

#include "base/base.h"

enum sp_link_change {
	SP_LINK_THERE, /* a device exists, or changed its name or state */
	SP_LINK_GONE,
	SP_LINK_RESYNC_BEGIN, /* a complete list follows: what is not in it is gone */
	SP_LINK_RESYNC_END,
};

struct sp_links;

/* Opens it in a namespace ("" ours) and asks for the list. Returns 0 or -errno with a message. */
int sp_links_open(struct sp_links **ret, const char *netns, struct sp_err *err);
int sp_links_fd(const struct sp_links *nl);

/* Reads what the kernel has to say, calls `change` for each; `up`: packets can come. Never blocks. */
typedef void sp_link_fn(void *arg, enum sp_link_change change, int ifindex, const char *name, bool up);
void sp_links_read(struct sp_links *nl, sp_link_fn *change, void *arg);
void sp_links_close(struct sp_links *nl);

#endif
