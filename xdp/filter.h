/* SPDX-License-Identifier: Apache-2.0 */
/* Filter rules of the configuration compiled into the words and maps of the kernel programs (xdp/filter.bpf.h). Rule i
 * is bit i. Control thread. */
#ifndef SP_XDP_FILTER_H
#define SP_XDP_FILTER_H

#include "base/base.h"
#include "xdp/xdp_conf.h"

struct sp_xdp_filter {
	bool filtered;
	uint64_t any_net, any_port;
};

/* The read-only words, to be set before a program is loaded. */
struct sp_xdp_filter sp_xdp_filter_words(const struct sp_xdp_conf *conf);

/* Fills the maps `nets` and `ports` of a loaded program. The rules have passed sp_xdp_conf_check. 0 or -errno. */
int sp_xdp_filter_fill(const struct sp_xdp_conf *conf, int nets_fd, int ports_fd, struct sp_err *err);

#endif
