/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a socket in another network namespace: enter, open, leave, all in one thread. The socket stays where it was
 * born. */
#ifndef SP_DATAPLANE_NETNS_H
#define SP_DATAPLANE_NETNS_H

#include "base/base.h"

/* Moves the calling thread into a namespace: a name under /run/netns, or a path (/proc/1234/ns/net). "" stays here.
 * Returns 0 and in *saved what sp_netns_leave needs, or -errno with a message. */
int sp_netns_enter(const char *name, int *saved, struct sp_err *err);

/* Where a namespace is to be found in the file system. */
void sp_netns_path(char *path, size_t size, const char *name);

/* Back to where the thread was. errno is kept. */
void sp_netns_leave(int saved);

#endif
