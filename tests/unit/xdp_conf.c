/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/xdp_conf.h"

#include <errno.h>

#include "tests/check.h"

static bool parses(const char *text, const char *addr, unsigned bits)
{
	struct sp_addr got, want;
	unsigned n = 999;
	if (sp_xdp_net_parse(&got, &n, text) < 0)
		return false;
	return !sp_addr_parse(&want, addr) && sp_addr_eq(&got, &want) && n == bits;
}

static void nets(void)
{
	CHECK(parses("192.0.2.0/24", "192.0.2.0", 120));
	CHECK(parses("192.0.2.7", "192.0.2.7", 128));
	CHECK(parses("0.0.0.0/0", "0.0.0.0", 96));
	CHECK(parses("2001:db8::/32", "2001:db8::", 32));
	CHECK(parses("::/0", "::", 0));
	CHECK(parses("2001:db8::1", "2001:db8::1", 128));
}

static void not_nets(void)
{
	static const char *const bad[] = {"",
					  "/",
					  "192.0.2.0/",
					  "192.0.2.0/33",
					  "192.0.2.0/-1",
					  "192.0.2/24",
					  "2001:db8::/129",
					  "192.0.2.0/2x",
					  "192.0.2.0/ 8",
					  "host",
					  "192.0.2.0/+8",
					  "192.0.2.0/24/24"};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(bad); i++) {
		struct sp_addr addr;
		unsigned bits;
		if (!CHECK_EQ(sp_xdp_net_parse(&addr, &bits, bad[i]), -EINVAL))
			printf("# \"%s\"\n", bad[i]);
	}
}

static void check(void)
{
	struct sp_xdp_rule rules[] = {{.net = ""}, {.net = "10.0.0.0/8"}};
	struct sp_xdp_conf conf = {.ring = 4096, .filter = {.n = 2, .v = rules}};
	struct sp_err err;
	CHECK_EQ(sp_xdp_conf_check(&conf, "eth1", &err), 0);
	conf.ring = 5000;
	CHECK_EQ(sp_xdp_conf_check(&conf, "eth1", &err), -EINVAL);
	CHECK(strstr(err.text, "eth1") && strstr(err.text, "5000") && strstr(err.text, "power of two"));
	conf.ring = 64;
	snprintf(rules[1].net, sizeof rules[1].net, "10.0.0.0/40");
	CHECK_EQ(sp_xdp_conf_check(&conf, "eth1", &err), -EINVAL);
	CHECK(strstr(err.text, "10.0.0.0/40"));
}

int main(void)
{
	RUN(nets);
	RUN(not_nets);
	RUN(check);
	return check_done();
}
