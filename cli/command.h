/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one table of commands with their options and texts. Parsing, `--help` and the man pages in docs/man
 * follow from it, so they cannot disagree. */
#ifndef SP_CLI_COMMAND_H
#define SP_CLI_COMMAND_H

#include <stdio.h>

#include "base/base.h"

/* Exit codes, the same for every command. */
enum sp_exit {
	SP_EXIT_OK = 0,
	SP_EXIT_FAILED = 1, /* nothing useful was produced */
	SP_EXIT_USAGE = 2,  /* wrong usage or configuration */
	SP_EXIT_DAMAGED = 3 /* done, but some input was damaged or cut short */
};

/* Identities of options that have no letter. */
enum {
	SP_OPTION_PROFILE = 1,
	SP_OPTION_PRINT_DEFAULT,
	SP_OPTION_MAN,
	SP_OPTION_SLOWEST,
	SP_OPTION_ERRORS,
	SP_OPTION_EDGES,
	SP_OPTION_WHERE,
	SP_OPTION_POINT,
	SP_OPTION_TABLE,
	SP_OPTION_LADDER,
	SP_OPTION_PHASES,
	SP_OPTION_ALL,
	SP_OPTION_ASCII,
	SP_OPTION_SVG,
	SP_OPTION_PCAPNG,
	SP_OPTION_BY,
	SP_OPTION_SORT,
	SP_OPTION_JSON,
	SP_OPTION_FOLLOW,
	SP_OPTION_TIMEOUT
};

struct sp_option {
	char letter;	  /* the short form, or one of the above */
	const char *name; /* long form without dashes; NULL: only the letter */
	const char *arg;  /* name of its argument, NULL: takes none; "[=WHICH]": may be left out */
	const char *help; /* one sentence or two */
};

struct sp_command {
	const char *name;
	const char *summary;		   /* half a line */
	const char *synopsis;		   /* what follows the name */
	const struct sp_option *options;   /* ended by letter 0; --help is everybody's */
	const char *const *text;	   /* paragraphs, NULL-ended; one that begins with a blank is shown as it is */
	const char *const *examples;	   /* pairs of command and meaning, NULL-ended; or NULL */
	const char *see_also;		   /* man pages, "spantap-read(1), …" */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
};

/* The table, `spantap` itself first (its options stand before the command); ended by name NULL. */
extern const struct sp_command sp_commands[];

/* NULL when there is none of this name. */
const struct sp_command *sp_command_find(const char *name);

/* Walks over the options of one command, in any order with the operands:
 *   struct sp_args a;
 *   sp_args_begin(&a, "read", argc, argv);
 *   while ((letter = sp_args_next(&a)) > 0) …a.value…
 *   if (letter < 0) return a.status;   --help was printed, or a usage error with its hint
 * Afterwards the operands are a.operand[0 .. a.n_operands). One thread. */
struct sp_args {
	const struct sp_command *command;
	int argc;
	char **argv;
	const char *value; /* the option's argument, NULL where it was left out */
	int status;
	int n_operands;
	char **operand;
};

void sp_args_begin(struct sp_args *args, const char *command, int argc, char **argv);
int sp_args_next(struct sp_args *args);

/* The option's argument as a number from 1 to `max`. False: args->status says so. */
bool sp_args_count(struct sp_args *args, const char *option, unsigned max, unsigned *ret);

/* One operand is wanted, a directory or a URL, which becomes `folder`; and at most one more, called `second` ("trace's
 * id"; NULL: none). False: args->status says so. */
struct sp_folder;
bool sp_args_folder(struct sp_args *args, const char *second, struct sp_folder *folder);

/* Reports wrong usage of a command ("spantap: read: …" and where help is). Returns SP_EXIT_USAGE. */
int sp_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The nearest of `words` to a mistyped word, NULL when nothing is near. */
const char *sp_nearest(const char *word, const char *const *words, size_t n);

void sp_help_print(FILE *out, const struct sp_command *command);
void sp_man_print(FILE *out, const struct sp_command *command);

int sp_cmd_read(int argc, char **argv);
int sp_cmd_check(int argc, char **argv);
int sp_cmd_version(int argc, char **argv);
int sp_cmd_help(int argc, char **argv);
int sp_cmd_trace(int argc, char **argv);
int sp_cmd_profile(int argc, char **argv);
int sp_cmd_top(int argc, char **argv);
int sp_cmd_run(int argc, char **argv);

#endif
