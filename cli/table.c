/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>

#include "cli/text.h"

#define GAP 2
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

void sp_table_begin(struct sp_table *t, const char *title, const char *align, const char *heads)
{
	t->title = title;
	t->align = align;
	t->n = 0;
	for (const char *head = heads;; head++) {
		int n = (int)strcspn(head, "|");
		sp_table_cell(t, "%.*s", n, head);
		head += n;
		if (!*head)
			break;
	}
	assert(t->n == strlen(align));
}

void sp_table_cell(struct sp_table *t, const char *fmt, ...)
{
	if (t->n == SP_ARRAY_SIZE(t->cell))
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(t->cell[t->n], SP_TABLE_CELL, fmt, ap);
	va_end(ap);
	sp_text_tame(t->cell[t->n++]);
}

static void print_row(FILE *out, const struct sp_table *t, unsigned first, const unsigned *width, unsigned columns)
{
	const char(*cell)[SP_TABLE_CELL] = t->cell + first;
	int at = 0;
	while (columns && !cell[columns - 1][0])
		columns--;
	for (unsigned c = 0; c < columns; c++) {
		int room = SP_MAX(0, (int)SP_MAX(t->width, (unsigned)SP_TABLE_WIDTH) - at - GAP), wide = (int)width[c];
		if (t->align[c] == 'l')
			wide = c + 1 < columns ? -wide : 0;
		bool cut = (int)strlen(cell[c]) > room;
		fprintf(out, "%*s%*.*s%s", GAP, "", wide, cut ? SP_MAX(0, room - 2) : room, cell[c], cut ? ".." : "");
		at += GAP + (int)width[c];
	}
	fputc('\n', out);
}

void sp_table_title(FILE *out, const char *title, bool colour)
{
	fprintf(out, "\n%s%s%s\n", colour ? BOLD : "", title, colour ? PLAIN : "");
}

void sp_table_print(FILE *out, const struct sp_table *t, bool colour)
{
	unsigned columns = (unsigned)strlen(t->align), width[SP_TABLE_COLUMNS] = {0};
	if (t->n <= columns)
		return;
	for (unsigned i = 0; i < t->n; i++)
		width[i % columns] = SP_MAX(width[i % columns], (unsigned)strlen(t->cell[i]));
	if (t->title)
		sp_table_title(out, t->title, colour);
	fputs(colour ? DIM : "", out);
	print_row(out, t, 0, width, columns);
	fputs(colour ? PLAIN : "", out);
	for (unsigned i = columns; i + columns <= t->n; i += columns)
		print_row(out, t, i, width, columns);
}

void sp_table_more(struct sp_table *t, FILE *out, bool colour)
{
	unsigned columns = (unsigned)strlen(t->align);
	if (t->n + columns <= SP_ARRAY_SIZE(t->cell))
		return;
	sp_table_print(out, t, colour);
	t->title = NULL;
	t->n = columns;
}
