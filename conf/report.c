/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

char *sp_conf_place_text(char *out, size_t size, const struct sp_conf_place *place)
{
	const struct sp_conf_place *path[32];
	unsigned n = 0;
	for (; place && place->up && n < SP_ARRAY_SIZE(path); place = place->up)
		path[n++] = place;
	size_t at = 0;
	out[0] = 0;
	while (n-- && at < size) {
		const struct sp_conf_place *p = path[n];
		int m = p->name ? snprintf(out + at, size - at, "%s%s", at ? "." : "", p->name)
				: snprintf(out + at, size - at, "[%u]", p->index);
		at += (size_t)m;
	}
	return out;
}

void sp_conf_error(struct sp_conf_report *report, int line, const struct sp_conf_place *place, const char *fmt, ...)
{
	if (report->errors++ >= SP_CONF_ERRORS_MAX)
		return;
	char name[256], text[SP_ERR_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sp_conf_place_text(name, sizeof name, place);
	sp_log("%s:%d: %s%s%s", report->file, line, name, *name ? ": " : "", text);
}
