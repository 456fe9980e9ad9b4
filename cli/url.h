/* SPDX-License-Identifier: Apache-2.0 */
/* URLs (RFC 3986) of directories, as they are typed after a command: taken apart without looking anything up. */
#ifndef SP_CLI_URL_H
#define SP_CLI_URL_H

#include "base/base.h"

#define SP_URL_MAX 2048

enum sp_url_kind {
	SP_URL_NONE, /* a path */
	SP_URL_FILE, /* of this machine (RFC 8089) */
	SP_URL_WEB   /* http or https */
};

struct sp_url {
	enum sp_url_kind kind;
	char base[SP_URL_MAX];	/* to the end of its path, without a slash there; of a file's: the path itself, decoded
				 */
	char query[SP_URL_MAX]; /* from the '?' on */
	char shown[SP_URL_MAX]; /* what messages may say: base without user and password */
};

/* Returns 0 (text without a scheme is SP_URL_NONE, and the rest is empty), or -EINVAL for a URL that cannot be read
 * from; `err` says what is wrong with it, without repeating what may be a password. */
int sp_url_parse(struct sp_url *url, const char *text, struct sp_err *err);

/* The URL of a file below. Returns 0, or -ENAMETOOLONG. */
int sp_url_below(const struct sp_url *url, const char *name, char *out, size_t size);

#endif
