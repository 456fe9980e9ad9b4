/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_DATAPLANE_PORT_TABLE_H
#define SP_DATAPLANE_PORT_TABLE_H

#include "dataplane/port.h"
#include "dataplane/port_conf.h"

/* False when this build leaves the backend of a port type out. */
bool sp_port_built(enum sp_port_type type);

/* Opens a port with the backend that its entry names: checks the entry, loads the backend if it is a module, opens as
 * sp_port_ops.open does, adds its observation point. The interface is one device; patterns are for dataplane/watch.h.
 * Control thread. */
int sp_port_open(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_points *points, struct sp_err *err);

#endif
