/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the `points:` list: what a configuration knows about a named observation point. */
#ifndef SP_DATAPLANE_POINT_CONF_H
#define SP_DATAPLANE_POINT_CONF_H

#include "base/point.h"
#include "conf/conf.h"

struct sp_point_conf {
	char name[SP_POINT_NAME_MAX];
	int kind;		       /* enum sp_point_kind */
	char group[SP_POINT_NAME_MAX]; /* points of one group see one network: the same flow at two of them is one; ""
					  alone */
	char clock[SP_POINT_NAME_MAX]; /* points that name the same one have one clock; "" as their capture says */
};

#define SP_POINT_CONFS_MAX SP_POINTS_MAX
extern const struct sp_conf_row sp_point_conf_rows[];

/* Gives a new point, by its name, its kind and group; a kind given otherwise stays. As sp_points.settle, with the list
 * as its ctx: before anybody sees the point. */
void sp_point_conf_settle(struct sp_points *points, uint32_t index, const void *confs);

/* What is configured for that name, NULL when nothing is. */
const struct sp_point_conf *sp_point_conf_find(const struct sp_conf_list *confs, const char *name);

#endif
