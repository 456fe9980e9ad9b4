/* SPDX-License-Identifier: Apache-2.0 */
/* What two snapshots of the same rows differ in. */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/report.h"

struct diff {
	char *names;
	size_t size, at;
	unsigned n;
};

static bool same_map(const void *a, const void *b, const struct sp_conf_row *rows);

static bool same(const char *a, const char *b, const struct sp_conf_row *row)
{
	const struct sp_conf_list *la, *lb;
	a += row->offset;
	b += row->offset;
	switch (row->type) {
	case SP_CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case SP_CONF_UINT:
	case SP_CONF_DURATION:
	case SP_CONF_SIZE:
	case SP_CONF_WORDS:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case SP_CONF_STRING:
		return !strcmp(a, b);
	case SP_CONF_ENUM:
		return *(const int *)a == *(const int *)b;
	case SP_CONF_UINTS:
		return ((const struct sp_conf_uints *)a)->n == ((const struct sp_conf_uints *)b)->n &&
		       !memcmp(((const struct sp_conf_uints *)a)->v, ((const struct sp_conf_uints *)b)->v,
			       ((const struct sp_conf_uints *)a)->n * sizeof(uint64_t));
	case SP_CONF_MAP:
		return same_map(a, b, row->rows);
	case SP_CONF_LIST:
		la = (const struct sp_conf_list *)a;
		lb = (const struct sp_conf_list *)b;
		if (la->n != lb->n)
			return false;
		for (uint32_t i = 0; i < la->n; i++)
			if (!same_map((char *)la->v + i * row->size, (char *)lb->v + i * row->size, row->rows))
				return false;
		return true;
	}
	return false;
}

static bool same_map(const void *a, const void *b, const struct sp_conf_row *rows)
{
	for (; rows->name; rows++)
		if (!same(a, b, rows))
			return false;
	return true;
}

static void compare(struct diff *d, const char *a, const char *b, const struct sp_conf_row *rows,
		    const struct sp_conf_place *place)
{
	for (; rows->name; rows++) {
		struct sp_conf_place here = {.up = place, .name = rows->name};
		if (rows->reloadable || same(a, b, rows))
			continue;
		if (rows->type == SP_CONF_MAP) {
			compare(d, a + rows->offset, b + rows->offset, rows->rows, &here);
			continue;
		}
		char name[256];
		sp_conf_place_text(name, sizeof name, &here);
		if (d->at < d->size)
			d->at += (size_t)snprintf(d->names + d->at, d->size - d->at, "%s%s", d->n ? ", " : "", name);
		d->n++;
	}
}

unsigned sp_conf_fixed_changes(const struct sp_conf *old, const struct sp_conf *new_, char *names, size_t size)
{
	const struct sp_conf_place root = {0};
	struct diff d = {.names = names, .size = size};
	if (size)
		names[0] = 0;
	compare(&d, sp_conf_get(old), sp_conf_get(new_), sp_conf_rows(old), &root);
	return d.n;
}
