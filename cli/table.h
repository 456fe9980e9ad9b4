/* SPDX-License-Identifier: Apache-2.0 */
/* A small table for a terminal: cells are collected, columns made as wide as they need, then printed. One thread. */
#ifndef SP_CLI_TABLE_H
#define SP_CLI_TABLE_H

#include <stdio.h>

#include "base/base.h"

#define SP_TABLE_COLUMNS 10
#define SP_TABLE_ROWS 64
#define SP_TABLE_CELL 104
#define SP_TABLE_WIDTH 100 /* columns that a line may take… */

struct sp_table {
	const char *title;
	const char *align; /* a letter a column: 'l' or 'r' */
	unsigned n;	   /* cells */
	unsigned width;	   /* …unless this is more; stays as it is set */
	char cell[SP_TABLE_ROWS * SP_TABLE_COLUMNS][SP_TABLE_CELL];
};

/* The first row is the head: `heads` are separated by '|'. */
void sp_table_begin(struct sp_table *t, const char *title, const char *align, const char *heads);

/* Call it before a row's first cell where there may be more rows than the table holds: when it is full, prints what is
 * there and goes on below the same heads, without a title. */
void sp_table_more(struct sp_table *t, FILE *out, bool colour);

/* The next cell, row by row. What is more than the table holds is left out. */
void sp_table_cell(struct sp_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints the table, or nothing when it has no row but the head. The last column is cut where the line would be too
 * long. */
void sp_table_print(FILE *out, const struct sp_table *t, bool colour);

/* A section's title. */
void sp_table_title(FILE *out, const char *title, bool colour);

#endif
