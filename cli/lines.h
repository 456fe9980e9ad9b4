/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a file that `spantap read -o` or `spantap run` wrote, one JSON object after another, in bounded memory:
 * a line that is none, or longer than any of ours, is passed over and counted. One thread. */
#ifndef SP_CLI_LINES_H
#define SP_CLI_LINES_H

#include "cli/folder.h"
#include "cli/json.h"

#define SP_LINE_MAX (16u << 20)

struct sp_lines {
	char path[4096];
	int fd;
	bool grows;    /* the file is being written: its last line, as long as it has no end, is left for later */
	bool skipping; /* inside a line that is too long */
	char *buffer;
	size_t room, at, scanned, n; /* taken, searched for an end, filled */
	int64_t offset;		     /* how far into the file was read */
	uint64_t taken, damaged;     /* lines */
	struct sp_json json;	     /* the line that was taken last; its text stands until the next */
};

/* Opens a file of `folder`. Returns 0, or -errno: nothing was said. */
int sp_lines_open(struct sp_lines *lines, struct sp_folder *folder, const char *name);

/* Says why the last file could not be opened. Returns SP_EXIT_FAILED. */
int sp_lines_refuse(const struct sp_folder *folder, int error);

/* The next line, in lines->json. Returns 1; 0 at the end (of what is there until now, if the file grows); or -errno. */
int sp_lines_next(struct sp_lines *lines);

/* Says how many lines were passed over, or why reading ended (`rc` of sp_lines_next), and closes. `what`: traces.
 * Returns an exit code. */
int sp_lines_close(struct sp_lines *lines, int rc, const char *what);

#endif
