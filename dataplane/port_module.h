/* SPDX-License-Identifier: Apache-2.0 */
/* A backend whose libraries would slow every start of the program is a module, spantap-NAME.so, which is loaded when
 * the first port of its type opens. It brings what it calls of us along: nothing in it refers to the program. */
#ifndef SP_DATAPLANE_PORT_MODULE_H
#define SP_DATAPLANE_PORT_MODULE_H

#include "dataplane/port.h"
#include "dataplane/port_types_gen.h"

/* A module goes with a program of the same version that has the same idea of all types that they share. */
#define SP_PORT_MODULE_BUILD SP_VERSION " " SP_PORT_TYPES_DIGEST

struct sp_port_module {
	const char *build; /* SP_PORT_MODULE_BUILD when it was compiled: first, in all versions there will be */
	const struct sp_port_ops *ops;
};

/* All that a module exports. */
const struct sp_port_module *sp_port_module(void);
#define SP_PORT_MODULE(name)                                                                                           \
	__attribute__((visibility("default"))) const struct sp_port_module *sp_port_module(void)                       \
	{                                                                                                              \
		static const struct sp_port_module module = {SP_PORT_MODULE_BUILD, &sp_port_##name};                   \
		return &module;                                                                                        \
	}

/* Loads the backend called `name`: from beside the program, where it is built, or from where it is installed. It stays.
 * 0, or with the reason in err -ELIBACC (it or a library that it needs is missing) or -ELIBBAD (it is of another
 * build). Control thread. */
int sp_port_module_load(const struct sp_port_ops **ret, const char *name, struct sp_err *err);

#endif
