/* SPDX-License-Identifier: Apache-2.0 */
/* Text to an immutable snapshot. This room knows types and ranges, not features: every room brings rows that describe
 * its own settings, the composition root joins them, and the loader, `spantap check`, the commented default file and
 * the reference page all follow from the rows. */
#ifndef SP_CONF_CONF_H
#define SP_CONF_CONF_H

#include <stdio.h>

#include "base/base.h"

enum sp_conf_type {
	SP_CONF_BOOL,	  /* bool */
	SP_CONF_UINT,	  /* uint64_t; min..max */
	SP_CONF_DURATION, /* uint64_t ns; "5s", "200ms", "10us"; min..max in ns */
	SP_CONF_SIZE,	  /* uint64_t bytes; "64KiB", "1GiB"; min..max */
	SP_CONF_STRING,	  /* char[max] inside the structure, max includes the NUL */
	SP_CONF_ENUM,	  /* int: index into `words`, a NULL-ended list */
	SP_CONF_UINTS,	  /* struct sp_conf_uints; each in min..max */
	SP_CONF_WORDS,	  /* uint64_t: bit mask of `words`, at most 64 */
	SP_CONF_MAP,	  /* a nested structure: `rows` */
	SP_CONF_LIST,	  /* struct sp_conf_list of structures: `rows`, `size`; at most `max` entries */
};

struct sp_conf_uints {
	uint32_t n;
	uint64_t v[64];
};

struct sp_conf_list {
	uint32_t n;
	void *v; /* n structures of the row's `size`, in the snapshot's own memory */
};

/* One setting. `fallback` is the default as the file would write it (NULL: required, in an entry of a list, too; "" for
 * an empty string, "[80, 443]" for UINTS, "[a, b]" for WORDS; a LIST is empty by default; ignored for MAP). `max` 0: no
 * upper bound. `reloadable`: may change while running, with everything below it. `unit` names what a plain number
 * counts. `doc` is one or more sentences for the commented default file. */
struct sp_conf_row {
	const char *name;
	enum sp_conf_type type;
	size_t offset;
	uint64_t min, max;
	const char *fallback;
	const char *const *words;
	const struct sp_conf_row *rows; /* ended by a row with name NULL */
	size_t size;
	bool reloadable;
	const char *unit;
	const char *doc;
};

/* A loaded configuration: one block of memory, const after load. */
struct sp_conf;

/* Loads `path` (NULL: nothing but defaults) into a structure of `size` bytes described by `rows`. Every error is
 * printed to standard error as "spantap: FILE:LINE: …, expected …" (unknown keys with the nearest known one), not only
 * the first. Returns 0, -EINVAL when there were errors, -errno when the file cannot be read. */
int sp_conf_load(struct sp_conf **ret, const char *path, const struct sp_conf_row *rows, size_t size);

/* The same from memory; `name` stands for the file in messages. */
int sp_conf_load_text(struct sp_conf **ret, const char *name, const char *text, size_t n,
		      const struct sp_conf_row *rows, size_t size);
const void *sp_conf_get(const struct sp_conf *conf);
const struct sp_conf_row *sp_conf_rows(const struct sp_conf *conf);
void sp_conf_free(struct sp_conf *conf);

/* Settings that differ between two snapshots of the same rows and may not change while running: writes their dotted
 * names to `names`, comma-separated. Returns how many. */
unsigned sp_conf_fixed_changes(const struct sp_conf *old, const struct sp_conf *new_, char *names, size_t size);

/* The fully commented default file, from the rows, to an open stream. It loads as nothing but defaults. */
void sp_conf_print_default(FILE *out, const struct sp_conf_row *rows);

#endif
