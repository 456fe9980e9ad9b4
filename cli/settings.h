/* SPDX-License-Identifier: Apache-2.0 */
/* The whole configuration: every room's rows under one roof. */
#ifndef SP_CLI_SETTINGS_H
#define SP_CLI_SETTINGS_H

#include "conf/conf.h"
#include "dataplane/decode_conf.h"
#include "dataplane/point_conf.h"
#include "dataplane/port_conf.h"
#include "dataplane/reorder.h"
#include "dataplane/workers_conf.h"
#include "flowtable/flow_conf.h"
#include "stitch/stitch.h"

struct sp_output_conf {
	char directory[1024];
};

struct sp_settings {
	struct sp_conf_list ports;  /* struct sp_port_conf */
	struct sp_conf_list points; /* struct sp_point_conf */
	struct sp_workers_conf workers;
	struct sp_decode_settings decode;
	struct sp_reorder_conf reorder;
	struct sp_flow_conf flow;
	struct sp_stitch_conf stitch;
	struct sp_output_conf output;
};

extern const struct sp_conf_row sp_settings_rows[];

/* Loads and checks a file (NULL: defaults), also what rows cannot say. Errors are on standard error already. Returns 0,
 * or -errno. The snapshot is freed with sp_conf_free. */
int sp_settings_load(struct sp_conf **ret, const char *path);

#endif
