/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of one load: counted, and printed with file, line and the dotted name of the setting. */
#ifndef SP_CONF_REPORT_H
#define SP_CONF_REPORT_H

#include "base/base.h"

#define SP_CONF_ERRORS_MAX 100 /* printed; more are counted */

struct sp_conf_report {
	const char *file;
	unsigned errors;
};

/* A place in the file's maps and lists; the root has no name. */
struct sp_conf_place {
	const struct sp_conf_place *up;
	const char *name; /* NULL: entry `index` of a list */
	unsigned index;
};

/* "ports[0].dpdk.device". Returns out. */
char *sp_conf_place_text(char *out, size_t size, const struct sp_conf_place *place);

/* `place` may be NULL: the message stands alone. */
void sp_conf_error(struct sp_conf_report *report, int line, const struct sp_conf_place *place, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
