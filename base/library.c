/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int sp_library(const char *const *names, const char *package, const struct sp_function *functions, struct sp_err *err)
{
	void *library = NULL;
	for (const char *const *name = names; *name && !library; name++)
		library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return sp_err(err, -ENOENT, "%s cannot be loaded (%s)%s%s", names[0], dlerror(),
			      package ? "; install the package " : "", package ? package : "");
	for (; functions->name; functions++) {
		void *found = dlsym(library, functions->name);
		if (!found)
			return sp_err(err, -ENOENT, "%s: %s", names[0], dlerror());
		memcpy(functions->to, &found, sizeof found);
	}
	return 0;
}
