/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/point.h"

int sp_err(struct sp_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return code;
}

void sp_log(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	fprintf(stderr, "spantap: %s\n", line);
}

static const char *const kind_name[] = {
#define X(sym, text) text,
	SP_POINT_KINDS(X)
#undef X
};

const char *sp_point_kind_name(enum sp_point_kind kind)
{
	assert(kind < SP_POINT_KIND_MAX);
	return kind_name[kind];
}

enum sp_point_kind sp_point_kind_parse(const char *word)
{
	unsigned k = 0;
	while (k < SP_POINT_KIND_MAX && strcmp(word, kind_name[k]))
		k++;
	return k;
}

int sp_points_add(struct sp_points *points, const char *name, enum sp_point_kind kind)
{
	return sp_points_add_beside(points, name, kind, &(uint32_t){SP_POINT_NONE});
}

int sp_points_add_beside(struct sp_points *points, const char *name, enum sp_point_kind kind, uint32_t *box)
{
	uint32_t n = atomic_load_explicit(&points->n, memory_order_relaxed);
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(points->point[i].name, name))
			return (int)i;
	if (n == SP_POINTS_MAX)
		return -ENOSPC;
	struct sp_point *p = &points->point[n];
	snprintf(p->name, sizeof p->name, "%s", name);
	p->kind = kind;
	p->clock = n;
	p->group = n;
	*box = *box == SP_POINT_NONE ? n : *box;
	p->clock = points->one_clock ? points->point[0].clock : points->point[*box].clock;
	if (points->settle)
		points->settle(points, n, points->settle_ctx);
	atomic_store_explicit(&points->n, n + 1, memory_order_release);
	return (int)n;
}
