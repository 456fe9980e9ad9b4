/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of records that a command reads: a directory, or a URL under which a web server has one. What comes from a
 * server is in a file without a name before a command sees any of it, so that both are read alike. One thread. */
#ifndef SP_CLI_FOLDER_H
#define SP_CLI_FOLDER_H

#include "cli/url.h"

#define SP_FOLDER_TIMEOUT_S 30
#define SP_FOLDER_TIMEOUT_MAX_S 3600

struct sp_fetch;

struct sp_folder {
	unsigned timeout_s; /* how long a server may be silent; set before sp_folder_init */
	const char *name;   /* for people: the directory as it was typed, or the URL without what may be secret */
	struct sp_url url;
	struct sp_fetch *fetch; /* from the first file of a server on */
	char path[4096];	/* of the file that was asked for last, as messages name it */
	struct sp_err why;	/* it could not be opened, where an errno does not say it */
};

/* `where`, which stays the caller's and has to last: DIR or URL. Nothing is opened yet. Returns 0, or -EINVAL: `err`
 * says what is wrong with the URL. */
int sp_folder_init(struct sp_folder *folder, const char *where, struct sp_err *err);

/* Opens a file for reading. Returns its descriptor, which becomes the caller's, -ENOENT where there is no such file, or
 * another -errno: nothing was said. */
int sp_folder_open(struct sp_folder *folder, const char *name);

/* Says why the last file could not be opened. `hint`: what to do where it is not there. Returns SP_EXIT_FAILED. */
int sp_folder_refuse(const struct sp_folder *folder, int error, const char *hint);

void sp_folder_close(struct sp_folder *folder);

#endif
