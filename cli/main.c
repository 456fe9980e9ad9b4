/* SPDX-License-Identifier: Apache-2.0 */
/* spantap: finds the command and runs it. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"

static int unknown_command(const char *word)
{
	const char *names[16];
	size_t n = 0;
	for (const struct sp_command *c = sp_commands + 1; c->name && n < SP_ARRAY_SIZE(names); c++)
		names[n++] = c->name;
	const char *near = sp_nearest(word, names, n);
	if (near)
		return sp_usage("spantap", "unknown command '%s'; did you mean 'spantap %s'?", word, near);
	return sp_usage("spantap", "unknown command '%s'", word);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		sp_help_print(stderr, sp_commands);
		return SP_EXIT_USAGE;
	}
	if (argv[1][0] == '-') {
		struct sp_args args;
		sp_args_begin(&args, "spantap", 2, argv);
		int letter = sp_args_next(&args);
		if (letter < 0)
			return args.status;
		if (letter == 'V')
			return sp_cmd_version(1, argv);
		return unknown_command(argv[1]);
	}
	const struct sp_command *command = sp_command_find(argv[1]);
	if (!command || command == sp_commands)
		return unknown_command(argv[1]);
	int status = command->run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		sp_log("standard output: %s", strerror(errno));
		return status ? status : SP_EXIT_FAILED;
	}
	return status;
}
