/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an AF_XDP port: the `af_xdp:` part of a `ports:` entry. Durations in nanoseconds. */
#ifndef SP_XDP_XDP_CONF_H
#define SP_XDP_XDP_CONF_H

#include "base/addr.h"
#include "base/base.h"
#include "conf/conf.h"

#define SP_XDP_RULES_MAX 64 /* bits in a word of the kernel programs' maps */

enum sp_xdp_mode {
	SP_XDP_MIRROR,	 /* a copy; the device's own traffic is not touched */
	SP_XDP_REDIRECT, /* the frames themselves; the device is there for capture only */
};

enum sp_xdp_attach { SP_XDP_ATTACH_AUTO, SP_XDP_ATTACH_NATIVE, SP_XDP_ATTACH_GENERIC };
enum sp_xdp_zero_copy { SP_XDP_ZERO_COPY_AUTO, SP_XDP_ZERO_COPY_YES, SP_XDP_ZERO_COPY_NO };

/* A frame is wanted when one of its two addresses is in `net` and one of its two ports is among `ports`. */
struct sp_xdp_rule {
	char net[SP_ADDR_TEXT_MAX + 4]; /* "192.0.2.0/24", "2001:db8::1"; "" any */
	struct sp_conf_uints ports;	/* none: any, and protocols without ports */
};

struct sp_xdp_conf {
	int mode;
	bool dedicated; /* redirect may take away the traffic of a device that the host itself uses */
	int attach;
	int zero_copy;
	uint64_t ring; /* frames that wait, per queue; a power of two */
	uint64_t busy_poll;
	uint64_t busy_poll_budget;
	struct sp_conf_list filter; /* struct sp_xdp_rule; none: everything is wanted */
};

/* Of that part. */
extern const struct sp_conf_row sp_xdp_conf_rows[];

/* What rows cannot say. 0, or -EINVAL with one line for a person in err; `name` is the port's. */
int sp_xdp_conf_check(const struct sp_xdp_conf *conf, const char *name, struct sp_err *err);

/* Reads "ADDRESS" or "ADDRESS/BITS". `bits` counts those of the 16-byte form: 96 more for IPv4. 0 or -EINVAL. */
int sp_xdp_net_parse(struct sp_addr *addr, unsigned *bits, const char *text);

#endif
