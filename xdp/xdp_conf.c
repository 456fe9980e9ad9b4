/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/xdp_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

static const char *const mode_words[] = {"mirror", "redirect", NULL};
static const char *const attach_words[] = {"auto", "native", "generic", NULL};
static const char *const zero_copy_words[] = {"auto", "yes", "no", NULL};

#define ROW(member) .offset = offsetof(struct sp_xdp_rule, member)
static const struct sp_conf_row rule_rows[] = {
	{"net", SP_CONF_STRING, ROW(net), .max = sizeof((struct sp_xdp_rule *)0)->net, .fallback = "",
	 .doc = "Address or prefix of either end (192.0.2.0/24, 2001:db8::/32); empty: any."},
	{"ports", SP_CONF_UINTS, ROW(ports), .max = 65535, .fallback = "[]",
	 .doc = "TCP, UDP or SCTP ports of either end; none: any, and protocols without ports."},
	{0},
};
#undef ROW

#define ROW(member) .offset = offsetof(struct sp_xdp_conf, member)
const struct sp_conf_row sp_xdp_conf_rows[] = {
	{"mode", SP_CONF_ENUM, ROW(mode), .fallback = "mirror", .words = mode_words,
	 .doc = "mirror: a copy is captured and the device's traffic is not touched; it costs the host more than type "
		"af_packet does. redirect: the frames themselves, at a device that is there for capture only; what the "
		"filter does not want goes to the kernel."},
	{"dedicated", SP_CONF_BOOL, ROW(dedicated), .fallback = "no",
	 .doc = "Allows redirect on a device that has an address, a route or a bridge: the host and its guests lose "
		"what "
		"is captured."},
	{"attach", SP_CONF_ENUM, ROW(attach), .fallback = "auto", .words = attach_words,
	 .doc = "Of redirect. native: XDP in the driver; generic: in the kernel's receive path, any device, slower; "
		"auto: native where the driver can."},
	{"zero_copy", SP_CONF_ENUM, ROW(zero_copy), .fallback = "auto", .words = zero_copy_words,
	 .doc = "yes: refuse to start where the driver cannot; auto: where it can."},
	{"ring", SP_CONF_UINT, ROW(ring), .min = 64, .max = 65536, .fallback = "32768", .unit = "frames",
	 .doc = "Frames that may wait in each queue, a power of two. Each takes 2 KiB of memory, 4 KiB where the "
		"device's "
		"MTU is above 1,754."},
	{"busy_poll", SP_CONF_DURATION, ROW(busy_poll), .max = SP_NS_PER_SEC, .fallback = "0us",
	 .doc = "Not 0: the worker drives the device's receive queue itself for up to this long instead of waiting for "
		"interrupts (SO_PREFER_BUSY_POLL, since Linux 5.11). Takes effect when napi_defer_hard_irqs and "
		"gro_flush_timeout of the device are set too."},
	{"busy_poll_budget", SP_CONF_UINT, ROW(busy_poll_budget), .min = 1, .max = 65535, .fallback = "64",
	 .unit = "frames", .doc = "Frames taken in one go when busy polling."},
	{"filter", SP_CONF_LIST, ROW(filter), .max = SP_XDP_RULES_MAX, .fallback = "[]", .rows = rule_rows,
	 .size = sizeof(struct sp_xdp_rule),
	 .doc = "Rules for what is captured, applied in the kernel to the outermost IP header; one that matches is "
		"enough. "
		"None: everything. With rules, what is not understood (other protocols, cut headers) is not captured."},
	{0},
};
#undef ROW

int sp_xdp_net_parse(struct sp_addr *addr, unsigned *bits, const char *text)
{
	char copy[SP_ADDR_TEXT_MAX + 4];
	if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
		return -EINVAL;
	char *slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;
	if (sp_addr_parse(addr, copy) < 0)
		return -EINVAL;
	unsigned most = strchr(copy, ':') ? 128 : 32;
	*bits = most;
	if (slash) {
		char *end;
		unsigned long n = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || n > most)
			return -EINVAL;
		*bits = n;
	}
	*bits += 128 - most;
	return 0;
}

int sp_xdp_conf_check(const struct sp_xdp_conf *conf, const char *name, struct sp_err *err)
{
	if (conf->ring & (conf->ring - 1))
		return sp_err(err, -EINVAL, "port %s: af_xdp.ring is %llu, expected a power of two", name,
			      (unsigned long long)conf->ring);
	const struct sp_xdp_rule *rule = conf->filter.v;
	for (uint32_t i = 0; i < conf->filter.n; i++) {
		struct sp_addr addr;
		unsigned bits;
		if (rule[i].net[0] && sp_xdp_net_parse(&addr, &bits, rule[i].net) < 0)
			return sp_err(err, -EINVAL,
				      "port %s: af_xdp.filter: \"%s\", expected an address or ADDRESS/BITS", name,
				      rule[i].net);
	}
	return 0;
}
