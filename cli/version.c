/* SPDX-License-Identifier: Apache-2.0 */
/* spantap version: what this program is and what it was built with. SP_BUILD_LIBRARIES and SP_BUILD_OPTIONS come from
 * meson: "name version" lines. */
#include "cli/build_info.h"
#include "cli/command.h"

int sp_cmd_version(int argc, char **argv)
{
	struct sp_args args;
	sp_args_begin(&args, "version", argc, argv);
	if (sp_args_next(&args) < 0)
		return args.status;
	if (args.n_operands)
		return sp_usage("version", "takes no operands");
	printf("spantap %s\n\nbuild\n%s\nlibraries\n%s", SP_VERSION, SP_BUILD_OPTIONS, SP_BUILD_LIBRARIES);
	return SP_EXIT_OK;
}
