/* SPDX-License-Identifier: Apache-2.0 */
/* Small settings of a network device by ioctl, in the calling thread's namespace. Control thread. */
#ifndef SP_XDP_NETDEV_H
#define SP_XDP_NETDEV_H

#include "base/base.h"

/* Receive queues in use, or -errno (-EOPNOTSUPP: the driver does not say). */
int sp_netdev_rx_queues(const char *name);

/* Switches a feature as ethtool -K names it ("rx-vlan-hw-parse", "rx-gro"). Returns 1 when it changed something, 0 when
 * it was so already or the device does not have it, -errno. */
int sp_netdev_feature(const char *name, const char *feature, bool on);

/* A descriptor that stands for the device: as long as it is open, the device is promiscuous if that was asked for.
 * Receives nothing. Or -errno. */
int sp_netdev_watch(int ifindex, bool promiscuous);

/* Has the device of that descriptor gone? One system call; any thread. */
bool sp_netdev_gone(int watch);

#endif
