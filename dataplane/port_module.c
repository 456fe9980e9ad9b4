/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port_module.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"

/* Where this program lies, with a slash at the end. */
static int own_folder(char folder[PATH_MAX], struct sp_err *err)
{
	ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	if (n < 0)
		return sp_err(err, -ELIBACC, "where this program lies cannot be seen: /proc/self/exe: %s",
			      strerror(errno));
	while (n && folder[n - 1] != '/')
		n--;
	folder[n] = 0;
	return 0;
}

/* SP_PORT_MODULES, where modules are installed, is seen from the program's folder, or absolute. */
static int find(char path[PATH_MAX], const char *name, struct sp_err *err)
{
	char own[PATH_MAX];
	int r = own_folder(own, err);
	if (r < 0)
		return r;
	const char *const folder[][2] = {{own, ""}, {SP_PORT_MODULES[0] == '/' ? "" : own, SP_PORT_MODULES "/"}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(folder); i++)
		if (snprintf(path, PATH_MAX, "%s%sspantap-%s.so", folder[i][0], folder[i][1], name) < PATH_MAX &&
		    !access(path, F_OK))
			return 0;
	return sp_err(err, -ELIBACC, "spantap-%s.so is neither in %s nor in %s%s", name, own, folder[1][0],
		      folder[1][1]);
}

static int load(const struct sp_port_ops **ret, const char *path, struct sp_err *err)
{
	const struct sp_port_module *(*module)(void);
	const char *const names[] = {path, NULL};
	const struct sp_function functions[] = {{"sp_port_module", &module}, {NULL, NULL}};
	if (sp_library(names, NULL, functions, err))
		return -ELIBACC;
	const char *build = module()->build;
	if (strcmp(build, SP_PORT_MODULE_BUILD))
		return sp_err(err, -ELIBBAD, "%s is of another build (%s) than this program (%s)", path, build,
			      SP_PORT_MODULE_BUILD);
	*ret = module()->ops;
	return 0;
}

int sp_port_module_load(const struct sp_port_ops **ret, const char *name, struct sp_err *err)
{
	char path[PATH_MAX];
	struct sp_err why;
	int r = find(path, name, &why);
	if (r == 0)
		r = load(ret, path, &why);
	return r < 0 ? sp_err(err, r, "port type %s needs its module: %s", name, why.text) : 0;
}
