/* SPDX-License-Identifier: Apache-2.0 */
/* spantap check: looks a configuration over, or prints the default one. */
#include "cli/command.h"
#include "cli/settings.h"

int sp_cmd_check(int argc, char **argv)
{
	struct sp_args args;
	const char *path = NULL;
	bool print = false;
	int letter;
	sp_args_begin(&args, "check", argc, argv);
	while ((letter = sp_args_next(&args)) > 0) {
		if (letter == 'c')
			path = args.value;
		else
			print = true;
	}
	if (letter < 0)
		return args.status;
	if (args.n_operands)
		return sp_usage("check", "'%s' is no option; a configuration is named with -c", args.operand[0]);
	if (print) {
		fputs("# SPDX-License-Identifier: Apache-2.0\n", stdout);
		sp_conf_print_default(stdout, sp_settings_rows);
		return SP_EXIT_OK;
	}
	if (!path)
		return sp_usage("check", "wants a configuration: -c CONF");
	struct sp_conf *conf;
	if (sp_settings_load(&conf, path))
		return SP_EXIT_USAGE;
	sp_conf_free(conf);
	return SP_EXIT_OK;
}
