/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings.h"

#include <errno.h>

#include "base/log.h"
#include "flowtable/profile_filter.h"

static const struct sp_conf_row output_rows[] = {
	{.name = "directory",
	 .type = SP_CONF_STRING,
	 .offset = offsetof(struct sp_output_conf, directory),
	 .max = sizeof((struct sp_output_conf *)0)->directory,
	 .fallback = "spantap-out",
	 .doc = "Where a live run writes its records. `spantap read` has -o."},
	{0},
};

#define SECTION(member, rows_, text)                                                                                   \
	{                                                                                                              \
		.name = #member, .type = SP_CONF_MAP, .offset = offsetof(struct sp_settings, member), .rows = rows_,   \
		.doc = text                                                                                            \
	}
#define LIST(member, rows_, type_, max_, text)                                                                         \
	{                                                                                                              \
		.name = #member, .type = SP_CONF_LIST, .offset = offsetof(struct sp_settings, member), .rows = rows_,  \
		.size = sizeof(type_), .max = max_, .fallback = "[]", .doc = text                                      \
	}

const struct sp_conf_row sp_settings_rows[] = {
	LIST(ports, sp_port_conf_rows, struct sp_port_conf, SP_PORTS_MAX, "Where live packets come from."),
	LIST(points, sp_point_conf_rows, struct sp_point_conf, SP_POINT_CONFS_MAX,
	     "What is known of observation points, by name: those of ports and those of captures."),
	SECTION(workers, sp_workers_conf_rows, "Threads of a live run."),
	SECTION(decode, sp_decode_settings_rows, "From frames to conversations: tunnels and checksums."),
	SECTION(reorder, sp_reorder_conf_rows, "Packets that arrive out of order."),
	SECTION(flow, sp_flow_conf_rows, "Flows: how many, how long, what is recorded."),
	{.name = "requests",
	 .type = SP_CONF_MAP,
	 .offset = offsetof(struct sp_settings, flow.requests),
	 .rows = sp_l7_conf_rows,
	 .doc = "What flows say: protocols and their calls."},
	{.name = "profile",
	 .type = SP_CONF_MAP,
	 .offset = offsetof(struct sp_settings, flow.profile),
	 .rows = sp_profile_conf_rows,
	 .doc = "Network Profiles: packets of chosen flows, with what delayed them."},
	SECTION(stitch, sp_stitch_conf_rows, "Traces and paths: what several points saw of the same."),
	SECTION(output, output_rows, "Where records go."),
	{0},
};

int sp_settings_load(struct sp_conf **ret, const char *path)
{
	int rc = sp_conf_load(ret, path, sp_settings_rows, sizeof(struct sp_settings));
	if (rc)
		return rc;
	const struct sp_settings *s = sp_conf_get(*ret);
	const struct sp_port_conf *port = s->ports.v;
	struct sp_profile_filter filter;
	unsigned errors = 0;
	struct sp_err why;
	if (sp_profile_filter_parse(&filter, s->flow.profile.filter, &why)) {
		sp_log("%s: profile.filter: %s", path, why.text);
		errors++;
	}
	for (uint32_t i = 0; i < s->ports.n; i++) {
		struct sp_err err;
		if (sp_port_conf_check(&port[i], &err)) {
			sp_log("%s: ports, entry %u: %s", path, i + 1, err.text);
			errors++;
		}
	}
	if (!errors)
		return 0;
	sp_conf_free(*ret);
	*ret = NULL;
	return -EINVAL;
}
