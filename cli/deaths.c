/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/deaths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "cli/command.h"
#include "cli/lines.h"
#include "cli/text.h"

#define PLACES_MAX 256 /* rare ones beyond are not listed */
#define ROWS_MAX 20
#define WHERE_MAX (2 * SP_POINT_NAME_MAX + 8)

/* What happened to connections between two places, and the first of them. */
struct place {
	uint64_t times;
	char what[16], where[WHERE_MAX], example[192];
};

struct deaths {
	struct sp_lines lines;
	struct place place[PLACES_MAX];
	unsigned n;
};

static const char *text(struct deaths *d, uint32_t object, const char *key, char *out, size_t size)
{
	return sp_json_string(&d->lines.json, sp_json_get(&d->lines.json, object, key), out, size);
}

/* As in the table's words. */
static const char *said(const char *what)
{
	static const char *const words[][2] = {
		{"syn", "SYN lost"}, {"syn_ack", "SYN-ACK lost"}, {"ack", "ACK lost"}, {"rst", "reset made"}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(words); i++)
		if (!strcmp(what, words[i][0]))
			return words[i][1];
	return what;
}

static void example(struct deaths *d, char *out, size_t size)
{
	char client[64], server[64];
	uint32_t leg = d->lines.json.v[sp_json_get(&d->lines.json, 1, "points")].child;
	text(d, leg, "client_ip", client, sizeof client);
	text(d, leg, "server_ip", server, sizeof server);
	snprintf(out, size, "%s:%" PRIu64 " > %s:%" PRIu64, client,
		 sp_json_number(&d->lines.json, sp_json_get(&d->lines.json, leg, "client_port")), server,
		 sp_json_number(&d->lines.json, sp_json_get(&d->lines.json, leg, "server_port")));
	sp_text_tame(out);
}

static void add(struct deaths *d, uint32_t event)
{
	char what[16], from[SP_POINT_NAME_MAX], to[SP_POINT_NAME_MAX], where[WHERE_MAX];
	if (!event)
		return;
	text(d, event, "what", what, sizeof what);
	text(d, event, "from", from, sizeof from);
	text(d, event, "to", to, sizeof to);
	snprintf(where, sizeof where, "%s > %s", *from ? from : "?", *to ? to : "?");
	sp_text_tame(where);
	unsigned i = 0;
	while (i < d->n && (strcmp(d->place[i].what, what) || strcmp(d->place[i].where, where)))
		i++;
	if (i == PLACES_MAX)
		return;
	struct place *p = &d->place[i];
	if (i == d->n) {
		d->n++;
		*p = (struct place){0};
		strcpy(p->what, what);
		strcpy(p->where, where);
		example(d, p->example, sizeof p->example);
	}
	p->times++;
}

static void take(struct deaths *d)
{
	add(d, sp_json_get(&d->lines.json, 1, "lost_at"));
	uint32_t resets = sp_json_get(&d->lines.json, 1, "rst_from");
	for (uint32_t e = d->lines.json.v[resets].child; e; e = d->lines.json.v[e].next)
		add(d, e);
}

static int more_times(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->times < y->times ? 1 : x->times > y->times ? -1 : strcmp(x->where, y->where);
}

static void print(struct deaths *d, struct sp_table *table, bool colour)
{
	qsort(d->place, d->n, sizeof *d->place, more_times);
	sp_table_begin(table, "Where connections died", "rlll", "times|what|between|first: client > server");
	for (unsigned i = 0; i < d->n && i < ROWS_MAX; i++) {
		sp_table_cell(table, "%" PRIu64, d->place[i].times);
		sp_table_cell(table, "%s", said(d->place[i].what));
		sp_table_cell(table, "%s", d->place[i].where);
		sp_table_cell(table, "%s", d->place[i].example);
	}
	sp_table_print(stdout, table, colour);
}

int sp_deaths_print(struct sp_folder *folder, struct sp_table *table, bool colour)
{
	static struct deaths deaths;
	int rc = sp_lines_open(&deaths.lines, folder, "paths.jsonl");
	if (rc == -ENOENT)
		return SP_EXIT_OK;
	if (rc) {
		sp_lines_refuse(folder, rc);
		return SP_EXIT_DAMAGED;
	}
	while ((rc = sp_lines_next(&deaths.lines)) > 0)
		take(&deaths);
	int status = sp_lines_close(&deaths.lines, rc, "paths");
	if (deaths.n)
		print(&deaths, table, colour);
	return status ? SP_EXIT_DAMAGED : SP_EXIT_OK;
}
