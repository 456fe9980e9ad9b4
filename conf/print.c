/* SPDX-License-Identifier: Apache-2.0 */
/* The commented default file. */
#include <stdio.h>
#include <string.h>

#include "conf/value.h"

#define COLUMNS 110
#define INDENT_MAX 64

/* Words of `text` as comment lines. `lead` is what stands before the comment sign. */
static void print_comment(FILE *out, const char *lead, const char *text)
{
	size_t column = COLUMNS;
	bool first = true;
	text += strspn(text, " ");
	while (*text) {
		size_t n = strcspn(text, " ");
		if (column + 1 + n > COLUMNS) {
			fprintf(out, "%s%s#", first ? "" : "\n", lead);
			column = strlen(lead) + 1;
			first = false;
		}
		fprintf(out, " %.*s", (int)n, text);
		column += 1 + n;
		text += n + strspn(text + n, " ");
	}
	if (!first)
		fputc('\n', out);
}

static void print_about(FILE *out, const char *lead, const struct sp_conf_row *row, bool reloadable)
{
	char range[600], text[2048];
	sp_conf_range(range, sizeof range, row);
	bool plain = row->type == SP_CONF_STRING || !*range;
	snprintf(text, sizeof text, "%s%s%s%s%s%s%s%s", row->doc ? row->doc : "", plain ? "" : " (", plain ? "" : range,
		 plain || !row->unit || !*row->unit ? "" : " ", plain || !row->unit ? "" : row->unit, plain ? "" : ")",
		 !row->fallback && row->type != SP_CONF_MAP && row->type != SP_CONF_LIST ? " Required." : "",
		 reloadable ? " Reloadable." : "");
	print_comment(out, lead, text);
}

static void print_rows(FILE *out, const char *lead, const struct sp_conf_row *rows, bool reloadable);

/* One entry, commented out, as an example. */
static void print_entry(FILE *out, const char *lead, const struct sp_conf_row *row, bool reloadable)
{
	char deeper[INDENT_MAX];
	fprintf(out, "%s%s: []\n%s# - # an entry:\n", lead, row->name, lead);
	snprintf(deeper, sizeof deeper, "%s#   ", lead);
	print_rows(out, deeper, row->rows, reloadable);
}

static bool needs_quotes(const char *text)
{
	return !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")] ? !*text
													 : true;
}

/* Length without spaces at the end. */
static int trimmed(const char *text)
{
	size_t n = strlen(text);
	while (n && text[n - 1] == ' ')
		n--;
	return (int)n;
}

static void print_rows(FILE *out, const char *lead, const struct sp_conf_row *rows, bool reloadable)
{
	char deeper[INDENT_MAX];
	snprintf(deeper, sizeof deeper, "%s  ", lead);
	for (const struct sp_conf_row *row = rows; row->name; row++) {
		bool change = reloadable || row->reloadable;
		print_about(out, lead, row, change && row->type != SP_CONF_MAP && row->type != SP_CONF_LIST);
		if (row->type == SP_CONF_MAP) {
			fprintf(out, "%s%s:\n", lead, row->name);
			print_rows(out, deeper, row->rows, change);
		} else if (row->type == SP_CONF_LIST) {
			print_entry(out, lead, row, change);
		} else if (!row->fallback) {
			fprintf(out, "%s# %s:\n", lead, row->name);
		} else {
			const char *quotes = row->type == SP_CONF_STRING && needs_quotes(row->fallback) ? "\"" : "";
			fprintf(out, "%s%s: %s%s%s\n", lead, row->name, quotes, row->fallback, quotes);
		}
		if (row[1].name)
			fprintf(out, "%.*s\n", trimmed(lead), lead);
	}
}

void sp_conf_print_default(FILE *out, const struct sp_conf_row *rows)
{
	fputs("# spantap: every setting with its default. A file needs only what differs from it.\n"
	      "# Durations have a unit (10us, 200ms, 5s, 1m, 2h), sizes may have one (64KiB, 1GiB). Settings marked\n"
	      "# reloadable change with SIGHUP, the others need a restart.\n\n",
	      out);
	print_rows(out, "", rows, false);
}
