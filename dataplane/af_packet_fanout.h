/* SPDX-License-Identifier: Apache-2.0 */
/* How the kernel spreads packets over the sockets of an AF_PACKET port. */
#ifndef SP_DATAPLANE_AF_PACKET_FANOUT_H
#define SP_DATAPLANE_AF_PACKET_FANOUT_H

#include <linux/filter.h>

#include "base/base.h"
#include "base/pkt.h"
#include "dataplane/port_conf.h"

/* Lets a bound socket join the group. *group is -1 for the first socket and holds the kernel's number afterwards.
 * `ethernet` is false for devices whose packets begin with IP. Returns 0 or -errno. */
int sp_fanout_join(int fd, enum sp_af_packet_fanout how, bool ethernet, int *group);

/* True when both directions of a conversation come to the same socket. */
bool sp_fanout_symmetric(enum sp_af_packet_fanout how);

/* What the program of SP_FANOUT_FLOW returns for packets of that flow, but for fragments. */
uint32_t sp_fanout_hash(const struct sp_flow_key *key);

/* The classic BPF program of SP_FANOUT_FLOW and SP_FANOUT_ADDRESSES: it returns a hash that is the same for both
 * directions of the innermost conversation. Returns the number of instructions. */
#define SP_FANOUT_PROGRAM_MAX 1024
unsigned sp_fanout_program(struct sock_filter code[SP_FANOUT_PROGRAM_MAX], enum sp_af_packet_fanout how, bool ethernet);

#endif
