/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/point_conf.h"

#include <string.h>

static const char *const kind_words[] = {
#define X(sym, text) text,
	SP_POINT_KINDS(X)
#undef X
		NULL};

const struct sp_conf_row sp_point_conf_rows[] = {
	{.name = "name",
	 .type = SP_CONF_STRING,
	 .offset = offsetof(struct sp_point_conf, name),
	 .max = SP_POINT_NAME_MAX,
	 .doc = "Name of the point: of a capture, an interface or a port."},
	{.name = "kind",
	 .type = SP_CONF_ENUM,
	 .offset = offsetof(struct sp_point_conf, kind),
	 .fallback = "unknown",
	 .words = kind_words,
	 .doc = "Where on the path of a request it is."},
	{.name = "group",
	 .type = SP_CONF_STRING,
	 .offset = offsetof(struct sp_point_conf, group),
	 .max = SP_POINT_NAME_MAX,
	 .fallback = "",
	 .doc = "Points of one group are one place: the halves of a tap, the members of a bond. A flow over several of "
		"them "
		"is one flow. Empty: the point is by itself."},
	{.name = "clock",
	 .type = SP_CONF_STRING,
	 .offset = offsetof(struct sp_point_conf, clock),
	 .max = SP_POINT_NAME_MAX,
	 .fallback = "",
	 .doc = "Points with the same name here have one clock: they were captured on one box. Empty: those of one "
		"capture file, and those of a live run, have one; other clocks are compared by what several points "
		"see."},
	{0},
};

const struct sp_point_conf *sp_point_conf_find(const struct sp_conf_list *confs, const char *name)
{
	const struct sp_point_conf *c = confs->v;
	for (uint32_t i = 0; i < confs->n; i++)
		if (!strcmp(c[i].name, name))
			return &c[i];
	return NULL;
}

/* The first point for which the same is configured: the number of a group, or of a clock. */
static uint32_t first_of(const struct sp_conf_list *confs, const struct sp_points *points, uint32_t index,
			 size_t member, const char *name)
{
	for (uint32_t i = 0; i < index; i++) {
		const struct sp_point_conf *c = sp_point_conf_find(confs, points->point[i].name);
		if (c && !strcmp((const char *)c + member, name))
			return i;
	}
	return index;
}

void sp_point_conf_settle(struct sp_points *points, uint32_t index, const void *list)
{
	const struct sp_conf_list *confs = list;
	struct sp_point *p = &points->point[index];
	const struct sp_point_conf *c = sp_point_conf_find(confs, p->name);
	if (!c)
		return;
	if (p->kind == SP_POINT_UNKNOWN)
		p->kind = c->kind;
	if (c->group[0])
		p->group = first_of(confs, points, index, offsetof(struct sp_point_conf, group), c->group);
	if (c->clock[0])
		p->clock = first_of(confs, points, index, offsetof(struct sp_point_conf, clock), c->clock);
}
