/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and a tree into a snapshot: one block that holds the root structure and, behind it, the entries of its lists. */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "conf/tree.h"
#include "conf/value.h"

#define ROWS_MAX 64 /* in one map */
#define ALIGN(n) (((n) + 15) & ~(size_t)15)

struct sp_conf {
	const struct sp_conf_row *rows;
	size_t used, size; /* of data */
	_Alignas(16) unsigned char data[];
};

struct loader {
	struct sp_conf *conf;
	struct sp_conf_report *report;
};

static void load_map(struct loader *l, void *base, const struct sp_conf_row *rows, const struct sp_conf_node *map,
		     int line, const struct sp_conf_place *place);

/* What a message quotes: short, one line. */
static const char *quote(char *out, size_t size, const struct sp_conf_node *node)
{
	if (node->kind != SP_CONF_SCALAR)
		return node->kind == SP_CONF_MAPPING ? "a map" : "a list";
	if (node->null)
		return "no value";
	size_t n = SP_MIN(node->n, size - 6), at = 0;
	out[at++] = '"';
	for (size_t i = 0; i < n; i++)
		out[at++] = (unsigned char)node->text[i] < 0x20 || node->text[i] == 0x7f ? '?' : node->text[i];
	strcpy(out + at, n < node->n ? "...\"" : "\"");
	return out;
}

static void bad_value(struct loader *l, const struct sp_conf_row *row, const struct sp_conf_node *node,
		      const struct sp_conf_place *place)
{
	char expected[600], text[64];
	sp_conf_expected(expected, sizeof expected, row);
	sp_conf_error(l->report, node->line, place, "%s, expected %s", quote(text, sizeof text, node), expected);
}

/* Optimal string alignment distance: one step inserts, drops or replaces a byte, or swaps two neighbours. */
static unsigned distance(const char *a, const char *b)
{
	enum { max = 48 };
	size_t n = strlen(a), m = strlen(b);
	unsigned d[3][max + 1], *row = d[0], *up = d[1], *upper = d[2];
	if (n > max || m > max)
		return UINT32_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *last = upper;
		upper = up;
		up = row;
		row = last;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
			best = SP_MIN(best, SP_MIN(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = SP_MIN(best, upper[j - 2] + 1);
			row[j] = best;
		}
	}
	return row[m];
}

static void unknown_key(struct loader *l, const struct sp_conf_row *rows, const struct sp_conf_node *key,
			const struct sp_conf_place *place)
{
	const char *nearest = NULL;
	unsigned best = UINT32_MAX;
	char text[64], names[400] = "";
	size_t at = 0;
	for (const struct sp_conf_row *r = rows; r->name; r++) {
		unsigned d = distance(key->text, r->name);
		if (d < best) {
			best = d;
			nearest = r->name;
		}
		if (at < sizeof names)
			at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", r->name);
	}
	quote(text, sizeof text, key);
	if (nearest && best <= 1 + strlen(nearest) / 3)
		sp_conf_error(l->report, key->line, place, "unknown key %s, expected \"%s\"?", text, nearest);
	else
		sp_conf_error(l->report, key->line, place, "unknown key %s, expected one of %s", text, names);
}

static void load_uints(struct loader *l, void *base, const struct sp_conf_row *row, const struct sp_conf_node *node,
		       const struct sp_conf_place *place)
{
	struct sp_conf_uints *list = (struct sp_conf_uints *)((char *)base + row->offset);
	list->n = 0;
	for (const struct sp_conf_node *e = node->child; e; e = e->next) {
		uint64_t v;
		if (list->n == SP_ARRAY_SIZE(list->v)) {
			sp_conf_error(l->report, e->line, place, "too many entries, expected at most %zu",
				      SP_ARRAY_SIZE(list->v));
			return;
		}
		if (e->kind == SP_CONF_SCALAR && sp_conf_uint(&v, row, e->text))
			list->v[list->n++] = v;
		else
			bad_value(l, row, e, place);
	}
}

static void load_words(struct loader *l, void *base, const struct sp_conf_row *row, const struct sp_conf_node *node,
		       const struct sp_conf_place *place)
{
	uint64_t *mask = (uint64_t *)((char *)base + row->offset);
	*mask = 0;
	for (const struct sp_conf_node *e = node->child; e; e = e->next) {
		int word = e->kind == SP_CONF_SCALAR ? sp_conf_word(row, e->text) : -1;
		if (word >= 0)
			*mask |= UINT64_C(1) << word;
		else
			bad_value(l, row, e, place);
	}
}

static size_t list_length(const struct sp_conf_row *row, const struct sp_conf_node *node)
{
	size_t n = 0;
	for (const struct sp_conf_node *e = node->child; e && n < sp_conf_max(row); e = e->next)
		n++;
	return n;
}

static void load_list(struct loader *l, void *base, const struct sp_conf_row *row, const struct sp_conf_node *node,
		      const struct sp_conf_place *place)
{
	struct sp_conf_list *list = (struct sp_conf_list *)((char *)base + row->offset);
	const struct sp_conf_node *e = node->child;
	list->n = (uint32_t)list_length(row, node);
	list->v = l->conf->data + l->conf->used;
	l->conf->used += ALIGN(list->n * row->size);
	assert(l->conf->used <= l->conf->size);
	for (uint32_t i = 0; i < list->n; i++, e = e->next) {
		struct sp_conf_place entry = {.up = place, .index = i};
		if (e->kind == SP_CONF_MAPPING)
			load_map(l, (char *)list->v + i * row->size, row->rows, e, e->line, &entry);
		else
			sp_conf_error(l->report, e->line, &entry, "expected settings (name: value)");
	}
	if (e)
		sp_conf_error(l->report, e->line, place, "too many entries, expected at most %u", list->n);
}

/* Defaults of a kind that a list in brackets writes. */
static void load_fallback_list(struct loader *l, void *base, const struct sp_conf_row *row)
{
	struct sp_conf_report report = {.file = row->name};
	struct loader own = {.conf = l->conf, .report = &report};
	struct sp_conf_node *node = sp_conf_tree(row->fallback, strlen(row->fallback), &report);
	assert(node && node->kind == SP_CONF_SEQUENCE);
	if (row->type == SP_CONF_UINTS)
		load_uints(&own, base, row, node, NULL);
	else
		load_words(&own, base, row, node, NULL);
	assert(!report.errors);
	sp_conf_tree_free(node);
}

static void load_absent(struct loader *l, void *base, const struct sp_conf_row *row, int line,
			const struct sp_conf_place *place)
{
	if (row->type == SP_CONF_MAP) {
		load_map(l, (char *)base + row->offset, row->rows, NULL, line, place);
	} else if (row->type == SP_CONF_LIST) {
		*(struct sp_conf_list *)((char *)base + row->offset) = (struct sp_conf_list){0};
	} else if (!row->fallback) {
		char expected[600];
		sp_conf_expected(expected, sizeof expected, row);
		sp_conf_error(l->report, line, place, "missing, expected %s", expected);
	} else if (row->type == SP_CONF_UINTS || row->type == SP_CONF_WORDS) {
		load_fallback_list(l, base, row);
	} else {
		bool good = sp_conf_value(base, row, row->fallback, strlen(row->fallback));
		assert(good);
		(void)good;
	}
}

static void load_setting(struct loader *l, void *base, const struct sp_conf_row *row, const struct sp_conf_node *node,
			 const struct sp_conf_place *place)
{
	bool collection = row->type == SP_CONF_MAP || row->type == SP_CONF_LIST;
	if (node->kind == SP_CONF_SCALAR && node->null && collection)
		load_absent(l, base, row, node->line, place); /* a section whose settings are all commented out */
	else if (row->type == SP_CONF_MAP && node->kind == SP_CONF_MAPPING)
		load_map(l, (char *)base + row->offset, row->rows, node, node->line, place);
	else if (row->type == SP_CONF_LIST && node->kind == SP_CONF_SEQUENCE)
		load_list(l, base, row, node, place);
	else if (row->type == SP_CONF_UINTS && node->kind == SP_CONF_SEQUENCE)
		load_uints(l, base, row, node, place);
	else if (row->type == SP_CONF_WORDS && node->kind == SP_CONF_SEQUENCE)
		load_words(l, base, row, node, place);
	else if (node->kind != SP_CONF_SCALAR || node->null || !sp_conf_value(base, row, node->text, node->n))
		bad_value(l, row, node, place);
}

/* A map's settings, then the defaults of those it does not name. `map` NULL: all are defaults. */
static void load_map(struct loader *l, void *base, const struct sp_conf_row *rows, const struct sp_conf_node *map,
		     int line, const struct sp_conf_place *place)
{
	int seen[ROWS_MAX] = {0};
	for (const struct sp_conf_node *key = map ? map->child : NULL; key; key = key->next) {
		const struct sp_conf_row *row = rows;
		while (row->name && strcmp(row->name, key->text))
			row++;
		struct sp_conf_place here = {.up = place, .name = row->name};
		if (!row->name) {
			unknown_key(l, rows, key, place);
		} else if (seen[row - rows]) {
			sp_conf_error(l->report, key->line, &here, "given twice, first in line %d", seen[row - rows]);
		} else {
			seen[row - rows] = key->line;
			load_setting(l, base, row, key->value, &here);
		}
	}
	for (const struct sp_conf_row *row = rows; row->name; row++) {
		struct sp_conf_place here = {.up = place, .name = row->name};
		assert(row - rows < ROWS_MAX);
		if (!seen[row - rows])
			load_absent(l, base, row, line, &here);
	}
}

/* Bytes that the lists below a map take. A key given twice counts twice; that load fails anyway. */
static size_t lists_size(const struct sp_conf_row *rows, const struct sp_conf_node *map)
{
	size_t size = 0;
	for (const struct sp_conf_node *key = map->child; key; key = key->next) {
		const struct sp_conf_row *row = rows;
		while (row->name && strcmp(row->name, key->text))
			row++;
		if (!row->name)
			continue;
		if (row->type == SP_CONF_MAP && key->value->kind == SP_CONF_MAPPING)
			size += lists_size(row->rows, key->value);
		if (row->type != SP_CONF_LIST || key->value->kind != SP_CONF_SEQUENCE)
			continue;
		size_t n = list_length(row, key->value);
		size += ALIGN(n * row->size);
		for (const struct sp_conf_node *e = key->value->child; e && n; e = e->next, n--)
			if (e->kind == SP_CONF_MAPPING)
				size += lists_size(row->rows, e);
	}
	return size;
}

static int load_tree(struct sp_conf **ret, const struct sp_conf_node *root, struct sp_conf_report *report,
		     const struct sp_conf_row *rows, size_t size)
{
	const struct sp_conf_place place = {0};
	if (root && root->kind != SP_CONF_MAPPING && !root->null)
		sp_conf_error(report, root->line, NULL, "expected settings (name: value)");
	if (root && root->kind != SP_CONF_MAPPING)
		root = NULL;
	size_t data = ALIGN(size) + (root ? lists_size(rows, root) : 0);
	struct sp_conf *conf = calloc(1, sizeof *conf + data);
	if (!conf)
		return -ENOMEM;
	*conf = (struct sp_conf){.rows = rows, .used = ALIGN(size), .size = data};
	struct loader l = {.conf = conf, .report = report};
	if (!report->errors)
		load_map(&l, conf->data, rows, root, 1, &place);
	if (report->errors > SP_CONF_ERRORS_MAX)
		sp_log("%s: %u more errors", report->file, report->errors - SP_CONF_ERRORS_MAX);
	if (report->errors) {
		free(conf);
		return -EINVAL;
	}
	*ret = conf;
	return 0;
}

int sp_conf_load_text(struct sp_conf **ret, const char *name, const char *text, size_t n,
		      const struct sp_conf_row *rows, size_t size)
{
	struct sp_conf_report report = {.file = name};
	struct sp_conf_node *root = sp_conf_tree(text, n, &report);
	int rc = load_tree(ret, root, &report, rows, size);
	sp_conf_tree_free(root);
	return rc;
}

/* At most one byte more than is allowed: enough to tell. */
static int read_file(const char *path, char *text, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got;
	int rc = 0;
	for (*n = 0; *n <= SP_CONF_FILE_MAX; *n += (size_t)got) {
		got = read(fd, text + *n, SP_CONF_FILE_MAX + 1 - *n);
		if (got <= 0) {
			rc = got ? -errno : 0;
			break;
		}
	}
	close(fd);
	return rc;
}

int sp_conf_load(struct sp_conf **ret, const char *path, const struct sp_conf_row *rows, size_t size)
{
	if (!path)
		return sp_conf_load_text(ret, "defaults", "", 0, rows, size);
	/* Mapped: after a block of this size was freed, malloc takes all that are smaller from the heap, where calloc
	 * has to clear pages that are not used. */
	char *text = sp_mem_map(SP_CONF_FILE_MAX + 1, 0);
	if (!text)
		return -ENOMEM;
	size_t n = 0;
	int rc = read_file(path, text, &n);
	if (rc)
		sp_log("%s: cannot read the configuration: %s", path, strerror(-rc));
	else
		rc = sp_conf_load_text(ret, path, text, n, rows, size);
	sp_mem_unmap(text, SP_CONF_FILE_MAX + 1);
	return rc;
}

const void *sp_conf_get(const struct sp_conf *conf)
{
	return conf->data;
}

const struct sp_conf_row *sp_conf_rows(const struct sp_conf *conf)
{
	return conf->rows;
}

void sp_conf_free(struct sp_conf *conf)
{
	free(conf);
}
