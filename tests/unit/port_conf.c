/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port_conf.h"
#include "dataplane/port_table.h"
#include "tests/check.h"

static struct sp_port_conf conf(const char *interface, const char *point)
{
	struct sp_port_conf c = {.type = SP_PORT_AF_PACKET};
	snprintf(c.interface, sizeof c.interface, "%s", interface);
	snprintf(c.point, sizeof c.point, "%s", point);
	return c;
}

static void a_name_is_no_pattern(void)
{
	struct sp_port_conf c = conf("eth0", "");
	CHECK(!sp_port_conf_is_pattern(&c));
	CHECK(sp_port_conf_matches(&c, "eth0"));
	CHECK(!sp_port_conf_matches(&c, "eth01"));
}

static void patterns_match_devices(void)
{
	struct sp_port_conf c = conf("vnet*, tap?", "");
	CHECK(sp_port_conf_is_pattern(&c));
	CHECK(sp_port_conf_matches(&c, "vnet12"));
	CHECK(sp_port_conf_matches(&c, "tap3"));
	CHECK(!sp_port_conf_matches(&c, "tap33"));
	CHECK(!sp_port_conf_matches(&c, ""));
	CHECK(!sp_port_conf_matches(&c, "eth0"));
}

static void points_are_named_after_devices(void)
{
	struct sp_port_conf c = conf("vnet*", ""), one = sp_port_conf_for(&c, "vnet7");
	CHECK_STR(one.interface, "vnet7");
	CHECK_STR(one.point, "vnet7");
	c = conf("vnet*", "kvm3/*.in");
	CHECK_STR(sp_port_conf_for(&c, "vnet7").point, "kvm3/vnet7.in");
	c = conf("vnet*", "guests");
	CHECK_STR(sp_port_conf_for(&c, "vnet7").point, "guests");
	/* What is worked out once stays. */
	one = sp_port_conf_for(&one, "vnet7");
	CHECK_STR(one.point, "vnet7");
}

static void what_cannot_work_is_refused(void)
{
	struct sp_err err = {""};
	struct sp_port_conf c = conf("", "");
	CHECK(sp_port_conf_check(&c, &err) < 0);
	c = conf(" , ", "");
	CHECK(sp_port_conf_check(&c, &err) < 0);
	c = conf("a-name-that-no-device-has", "");
	CHECK(sp_port_conf_check(&c, &err) < 0);
	CHECK(strstr(err.text, "15 bytes"));
	c = conf("vnet*", "");
	CHECK_EQ(sp_port_conf_check(&c, &err), 0);
	c.type = SP_PORT_DPDK;
	CHECK(sp_port_conf_check(&c, &err) < 0);
}

static void a_pattern_is_not_opened(void)
{
	struct sp_port_conf c = conf("vnet*", "");
	struct sp_port *port = NULL;
	struct sp_err err = {""};
	CHECK(sp_port_open(&port, &c, NULL, &err) < 0);
	CHECK(!port);
}

static void every_row_has_a_default_and_a_meaning(void)
{
	for (const struct sp_conf_row *r = sp_port_conf_rows; r->name; r++) {
		CHECK(r->fallback || r->type == SP_CONF_MAP);
		CHECK(r->doc || r->type == SP_CONF_MAP);
		CHECK(r->offset < sizeof(struct sp_port_conf));
		for (const struct sp_conf_row *s = r->rows; s && s->name; s++)
			CHECK(s->fallback && s->doc);
	}
}

int main(void)
{
	RUN(a_name_is_no_pattern);
	RUN(patterns_match_devices);
	RUN(points_are_named_after_devices);
	RUN(what_cannot_work_is_refused);
	RUN(a_pattern_is_not_opened);
	RUN(every_row_has_a_default_and_a_meaning);
	return check_done();
}
