/* SPDX-License-Identifier: Apache-2.0 */
/* `--help` and manual pages from the table of commands: the same words, once for a terminal, once for man(7). */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"

#define HELP_WIDTH 79
#define OPTION_COLUMN 8

static const char *const exit_codes[][2] = {
	{"0", "all done"},
	{"1", "failed, nothing useful was produced"},
	{"2", "wrong usage or configuration"},
	{"3",
	 "done, but some input was damaged or cut short: what was readable is in the output, and standard error says "
	 "where it broke"},
};

static bool is_top(const struct sp_command *command)
{
	return command == sp_commands;
}

/* Prints words, wrapped, every line indented; the cursor already stands at `column`. */
static void wrap(FILE *out, const char *text, int indent, int column)
{
	while (*text) {
		int n = (int)strcspn(text, " ");
		if (column > indent && column + 1 + n > HELP_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column < indent) {
			fprintf(out, "%*s", indent - column, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, n, out);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* "-o, --output DIR|-" */
static int option_name(char *out, size_t size, const struct sp_option *o)
{
	int n = 0;
	if (o->letter > ' ')
		n += snprintf(out + n, size - n, "-%c%s", o->letter, o->name ? ", " : "");
	if (o->name)
		n += snprintf(out + n, size - n, "--%s", o->name);
	if (o->arg)
		n += snprintf(out + n, size - n, "%s%s", o->arg[0] == '[' ? "" : " ", o->arg);
	return n;
}

static void help_options(FILE *out, const struct sp_command *command)
{
	static const struct sp_option help = {'h', "help", NULL, "Print this."};
	fputs("\nOptions:\n", out);
	for (const struct sp_option *o = command->options;; o++) {
		bool last = !o->letter;
		char name[96];
		option_name(name, sizeof name, last ? &help : o);
		fprintf(out, "  %s\n", name);
		wrap(out, last ? help.help : o->help, OPTION_COLUMN, 0);
		if (last)
			break;
	}
}

static void help_commands(FILE *out)
{
	fputs("\nCommands:\n", out);
	for (const struct sp_command *c = sp_commands + 1; c->name; c++)
		fprintf(out, "  %-10s%s\n", c->name, c->summary);
	fputs("\n'spantap COMMAND --help' says more about one of them.\n", out);
}

void sp_help_print(FILE *out, const struct sp_command *command)
{
	char head[64];
	int n = snprintf(head, sizeof head, "Usage: spantap%s%s", is_top(command) ? "" : " ",
			 is_top(command) ? "" : command->name);
	fputs(head, out);
	wrap(out, command->synopsis, n + 1, n);
	for (const char *const *p = command->text; *p; p++) {
		fputc('\n', out);
		wrap(out, *p, 0, 0);
	}
	if (is_top(command))
		help_commands(out);
	help_options(out, command);
	if (command->examples) {
		fputs("\nExamples:\n", out);
		for (const char *const *p = command->examples; *p; p += 2) {
			fprintf(out, "  %s\n", p[0]);
			wrap(out, p[1], OPTION_COLUMN, 0);
		}
	}
	fputs("\nExit codes:\n", out);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(exit_codes); i++) {
		fprintf(out, "  %s", exit_codes[i][0]);
		wrap(out, exit_codes[i][1], 5, 3);
	}
}

/* Text for troff: dashes are minus signs, a leading dot or quote is no request. */
static void roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '\'')
			fputs("\\(aq", out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static void man_options(FILE *out, const struct sp_command *command)
{
	fputs(".SH OPTIONS\n", out);
	for (const struct sp_option *o = command->options; o->letter; o++) {
		char name[96];
		option_name(name, sizeof name, o);
		fputs(".TP\n.B ", out);
		roff(out, name);
		roff(out, o->help);
	}
	fputs(".TP\n.B \\-h, \\-\\-help\nPrint help.\n", out);
}

static void man_commands(FILE *out)
{
	fputs(".SH COMMANDS\n", out);
	for (const struct sp_command *c = sp_commands + 1; c->name; c++) {
		fprintf(out, ".TP\n.B %s\n", c->name);
		roff(out, c->summary);
	}
}

static void man_head(FILE *out, const struct sp_command *command)
{
	char name[48];
	snprintf(name, sizeof name, "spantap%s%s", is_top(command) ? "" : "-", is_top(command) ? "" : command->name);
	fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n", out);
	fprintf(out, ".\\\" Printed by: spantap help --man%s%s\n", is_top(command) ? "" : " ",
		is_top(command) ? "" : command->name);
	fputs(".TH ", out);
	for (const char *c = name; *c; c++)
		fputc(toupper(*c), out);
	fprintf(out, " 1 \"\" \"spantap %s\" \"User Commands\"\n.SH NAME\n", SP_VERSION);
	fprintf(out, "%s \\- %s\n.SH SYNOPSIS\n.B spantap%s%s\n", name, command->summary, is_top(command) ? "" : " ",
		is_top(command) ? "" : command->name);
	if (*command->synopsis)
		roff(out, command->synopsis);
}

void sp_man_print(FILE *out, const struct sp_command *command)
{
	man_head(out, command);
	fputs(".SH DESCRIPTION\n", out);
	for (const char *const *p = command->text; *p; p++) {
		if (p != command->text)
			fputs(".PP\n", out);
		roff(out, *p);
	}
	if (is_top(command))
		man_commands(out);
	man_options(out, command);
	if (command->examples) {
		fputs(".SH EXAMPLES\n", out);
		for (const char *const *p = command->examples; *p; p += 2) {
			fputs(".TP\n.B ", out);
			roff(out, p[0]);
			roff(out, p[1]);
		}
	}
	fputs(".SH EXIT STATUS\n", out);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(exit_codes); i++) {
		fprintf(out, ".TP\n.B %s\n", exit_codes[i][0]);
		roff(out, exit_codes[i][1]);
	}
	fputs(".SH SEE ALSO\n", out);
	roff(out, command->see_also);
}

int sp_cmd_help(int argc, char **argv)
{
	struct sp_args args;
	bool man = false;
	int letter;
	sp_args_begin(&args, "help", argc, argv);
	while ((letter = sp_args_next(&args)) > 0)
		man = true;
	if (letter < 0)
		return args.status;
	const struct sp_command *command = sp_commands;
	if (args.n_operands > 1)
		return sp_usage("help", "wants one command at most");
	if (args.n_operands == 1 && !(command = sp_command_find(args.operand[0])))
		return sp_usage("spantap", "unknown command '%s'", args.operand[0]);
	(man ? sp_man_print : sp_help_print)(stdout, command);
	return SP_EXIT_OK;
}
