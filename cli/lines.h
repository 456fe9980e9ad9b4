/* SPDX-License-Identifier: Apache-2.0 */
/* Our own files, line by line. */
#ifndef SP_CLI_LINES_H
#define SP_CLI_LINES_H

#include "cli/json.h"

struct sp_lines {
	const char *dir, *name;
	/* A line that is a JSON object, and its values. False: no memory. */
	bool (*take)(void *ctx, const struct sp_json *json, const char *line, size_t n);
	void *ctx;
	uint64_t good, damaged; /* lines */
};

/* Says what went wrong. Returns an exit code: lines that are no JSON objects are passed over and counted. */
int sp_lines_read(struct sp_lines *l, struct sp_json *json);

#endif
