/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"

/* False: no memory. */
static bool take(struct sp_lines *l, struct sp_json *json, const char *line, size_t n)
{
	if (!sp_json_read(json, line, n)) {
		l->damaged++;
		return true;
	}
	l->good++;
	return l->take(l->ctx, json, line, n);
}

int sp_lines_read(struct sp_lines *l, struct sp_json *json)
{
	char path[4096], *line = NULL;
	size_t room = 0;
	ssize_t n;
	snprintf(path, sizeof path, "%s/%s", l->dir, l->name);
	FILE *f = fopen(path, "re");
	if (!f) {
		sp_log("%s: %s; a directory that 'spantap read -o' wrote is expected", path, strerror(errno));
		return SP_EXIT_FAILED;
	}
	bool memory = true;
	while (memory && (n = getline(&line, &room, f)) > 0)
		memory = take(l, json, line, (size_t)n);
	int bad = ferror(f);
	free(line);
	fclose(f);
	if (bad || !memory) {
		sp_log("%s: %s", path, memory ? "cannot be read" : "no memory");
		return SP_EXIT_FAILED;
	}
	if (l->damaged)
		sp_log("%s: %" PRIu64 " lines are no records, and were passed over", path, l->damaged);
	return SP_EXIT_OK;
}
