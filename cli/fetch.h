/* SPDX-License-Identifier: Apache-2.0 */
/* Files of web servers. libcurl, with the many libraries that it needs, is loaded when the first is asked for: other
 * commands start without it. One thread. */
#ifndef SP_CLI_FETCH_H
#define SP_CLI_FETCH_H

#include "base/base.h"

struct sp_fetch;

/* `timeout_s`: how long a server may send (almost) nothing. NULL: `err` says why. */
struct sp_fetch *sp_fetch_new(unsigned timeout_s, struct sp_err *err);

/* Fetches a file as a whole. It is kept in $TMPDIR, without a name there, as long as its descriptor, which is returned,
 * at its beginning. -ENOENT: the server has no such file, and nothing is said of it; -EIO: `err` says why, and what to
 * do, without naming the URL. */
int sp_fetch_file(struct sp_fetch *fetch, const char *url, struct sp_err *err);

/* NULL is fine. */
void sp_fetch_free(struct sp_fetch *fetch);

#endif
