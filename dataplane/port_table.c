/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port_table.h"

#include <errno.h>

#include "dataplane/port_module.h"

enum form { ABSENT, LINKED, MODULE };

static struct backend {
	const char *name;
	enum form form;
	const struct sp_port_ops *ops; /* NULL: absent, or a module that is not loaded yet */
} table[] = {
#define X(sym, name, form) [SP_PORT_##sym] = {#name, form, (form) == LINKED ? &sp_port_##name : NULL},
#include "dataplane/port_types.def"
#undef X
};

bool sp_port_built(enum sp_port_type type)
{
	assert(type < SP_PORT_TYPE_MAX);
	return table[type].form != ABSENT;
}

int sp_port_open(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_points *points, struct sp_err *err)
{
	int r = sp_port_conf_check(conf, err);
	if (r < 0)
		return r;
	if (sp_port_conf_is_pattern(conf))
		return sp_err(err, -EINVAL, "port %s: a pattern names no device to open", conf->interface);
	struct backend *backend = &table[conf->type];
	r = backend->ops ? 0 : sp_port_module_load(&backend->ops, backend->name, err);
	struct sp_port *port;
	r = r ? r : backend->ops->open(&port, conf, err);
	if (r < 0)
		return r;
	char point[SP_POINT_NAME_MAX];
	sp_port_conf_point(point, conf, conf->interface[0] ? conf->interface : port->name);
	r = sp_points_add(points, point, conf->kind);
	if (r < 0) {
		sp_err(err, r, "port %s: more than %u observation points", port->name, SP_POINTS_MAX);
		port->ops->close(port);
		return r;
	}
	port->point = (uint16_t)r;
	*ret = port;
	return 0;
}
