/* SPDX-License-Identifier: Apache-2.0 */
/* Walking over options: getopt_long with the table's options, and messages that help. */
#include "cli/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/folder.h"

#define OPTIONS_MAX 32

const struct sp_command *sp_command_find(const char *name)
{
	for (const struct sp_command *c = sp_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

void sp_args_begin(struct sp_args *args, const char *command, int argc, char **argv)
{
	*args = (struct sp_args){.command = sp_command_find(command), .argc = argc, .argv = argv};
	assert(args->command);
	opterr = 0;
	optind = 0; /* glibc: start over */
}

static bool arg_optional(const struct sp_option *o)
{
	return o->arg && o->arg[0] == '[';
}

/* The table as getopt wants it. */
static void to_getopt(const struct sp_command *command, char *letters, struct option *options)
{
	*letters++ = ':';
	*letters++ = 'h';
	for (const struct sp_option *o = command->options; o->letter; o++) {
		if (o->letter > ' ') {
			*letters++ = o->letter;
			if (o->arg)
				*letters++ = ':';
			if (arg_optional(o))
				*letters++ = ':';
		}
		if (o->name)
			*options++ = (struct option){o->name,
						     !o->arg	       ? no_argument
						     : arg_optional(o) ? optional_argument
								       : required_argument,
						     NULL, o->letter};
	}
	*letters = 0;
	*options++ = (struct option){"help", no_argument, NULL, 'h'};
	*options = (struct option){0};
}

/* What getopt refused: the word as it was typed. */
static int refuse(const struct sp_args *args, bool missing)
{
	const char *word = args->argv[optind - 1];
	if (missing)
		return sp_usage(args->command->name, "%s wants an argument", word);
	if (strncmp(word, "--", 2)) {
		if (optopt > ' ')
			return sp_usage(args->command->name, "unknown option -%c", optopt);
		return sp_usage(args->command->name, "unknown option %s", word);
	}
	size_t n = strcspn(word, "=");
	if (optopt)
		return sp_usage(args->command->name, "%.*s takes no argument", (int)n, word);
	const char *names[OPTIONS_MAX + 1] = {"help"};
	size_t count = 1;
	for (const struct sp_option *o = args->command->options; o->letter; o++)
		if (o->name)
			names[count++] = o->name;
	char typed[64];
	snprintf(typed, sizeof typed, "%.*s", (int)n - 2, word + 2);
	const char *near = sp_nearest(typed, names, count);
	if (near)
		return sp_usage(args->command->name, "unknown option --%s; did you mean --%s?", typed, near);
	return sp_usage(args->command->name, "unknown option --%s", typed);
}

int sp_args_next(struct sp_args *args)
{
	char letters[3 * OPTIONS_MAX];
	struct option options[OPTIONS_MAX];
	to_getopt(args->command, letters, options);
	int letter = getopt_long(args->argc, args->argv, letters, options, NULL);
	args->value = optarg;
	switch (letter) {
	case -1:
		args->operand = args->argv + optind;
		args->n_operands = args->argc - optind;
		return 0;
	case 'h':
		sp_help_print(stdout, args->command);
		args->status = SP_EXIT_OK;
		return -1;
	case ':':
	case '?':
		args->status = refuse(args, letter == ':');
		return -1;
	}
	return letter;
}

bool sp_args_count(struct sp_args *args, const char *option, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long n = args->value ? strtoul(args->value, &end, 10) : 0;
	if (!n || *end || n > max || args->value[0] == '-') {
		args->status = sp_usage(args->command->name, "%s wants a number from 1 to %u, not '%s'", option, max,
					args->value ? args->value : "");
		return false;
	}
	*ret = (unsigned)n;
	return true;
}

bool sp_args_folder(struct sp_args *args, const char *second, struct sp_folder *folder)
{
	const char *name = args->command->name;
	struct sp_err err;
	if (args->n_operands < 1 || args->n_operands > 1 + (second != NULL))
		args->status = sp_usage(name, "wants a directory or a URL%s%s", second ? ", and at most one " : "",
					second ? second : "");
	else if (sp_folder_init(folder, args->operand[0], &err))
		args->status = sp_usage(name, "%s", err.text);
	else
		return true;
	return false;
}

int sp_usage(const char *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	bool top = !strcmp(command, "spantap");
	sp_log("%s%s%s", top ? "" : command, top ? "" : ": ", text);
	sp_log("try 'spantap %s%s--help'", top ? "" : command, top ? "" : " ");
	return SP_EXIT_USAGE;
}

/* Edit distance, words cut at 31 letters. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32], na = SP_MIN(strlen(a), 31u), nb = SP_MIN(strlen(b), 31u);
	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = SP_MIN(change, SP_MIN(row[j - 1], row[j]) + 1);
		}
	}
	return row[nb];
}

const char *sp_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = 1 + strlen(word) / 3;
	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, words[i]);
		if (d <= best_distance) {
			best = words[i];
			best_distance = d - (d > 0);
		}
	}
	return best;
}
