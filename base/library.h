/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when something first needs them: linked, they and those that they need in turn would slow
 * every start. */
#ifndef SP_BASE_LIBRARY_H
#define SP_BASE_LIBRARY_H

#include "base/base.h"

struct sp_function {
	const char *name;
	void *to; /* a pointer to a function, which is filled in */
};

/* Loads the first of `names`, which NULL ends, that is there, and finds all functions, which a NULL name ends. It is
 * never unloaded: libraries that it brings with it may not expect that. 0, or -ENOENT: `err` says what is missing;
 * `package` is Debian's, NULL where there is none. */
int sp_library(const char *const *names, const char *package, const struct sp_function *functions, struct sp_err *err);

#endif
