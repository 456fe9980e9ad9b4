/* SPDX-License-Identifier: Apache-2.0 */
/* spantap trace --edges: edges.jsonl and losses.jsonl as tables. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/edges.h"
#include "cli/lines.h"
#include "cli/where.h"
#include "stitch/edge.h"

struct show {
	const struct sp_where *where;
	struct sp_edges_view view;
	struct sp_lines lines;
	struct sp_table table;
};

static uint64_t number(const struct sp_json *j, const char *key)
{
	return sp_json_number(j, sp_json_get(j, 1, key));
}

static void text(const struct sp_json *j, const char *key, char *out, size_t size)
{
	sp_json_string(j, sp_json_get(j, 1, key), out, size);
}

/* Our own scheme's counts; others are left out. */
static void histogram(const struct sp_json *j, struct sp_hist *h)
{
	uint32_t object = sp_json_get(j, 1, "histogram"), counts = sp_json_get(j, object, "counts");
	char scheme[16];
	if (strcmp(sp_json_string(j, sp_json_get(j, object, "scheme"), scheme, sizeof scheme), "octave8_us"))
		return;
	h->max = (uint32_t)number(j, "max_us");
	for (uint32_t pair = j->v[counts].child; pair; pair = j->v[pair].next) {
		uint32_t step = j->v[pair].child, count = j->v[step].next;
		uint64_t s = sp_json_number(j, step), n = sp_json_number(j, count);
		if (!step || s >= SP_HIST_STEPS)
			continue;
		h->step[s] += (uint32_t)n;
		h->n += n;
	}
}

static void take_edge(struct show *show, const struct sp_json *j)
{
	struct sp_edge_key key = {0};
	char app[32], method[64], endpoint[SP_EDGE_TEXT_MAX];
	struct sp_edge_sum sum = {.calls = number(j, "calls"), .sum_us = number(j, "sum_us")};
	if (!sp_where_holds(show->where, j))
		return;
	text(j, "from", key.pair.from, sizeof key.pair.from);
	text(j, "to", key.pair.to, sizeof key.pair.to);
	text(j, "app_proto", app, sizeof app);
	text(j, "method", method, sizeof method);
	text(j, "endpoint", endpoint, sizeof endpoint);
	sp_edges_call(&key, app, method, endpoint);
	histogram(j, &sum.self);
	sp_edges_add(&show->view, &key, &sum);
}

static bool is(const struct sp_json *j, const char *key, const char *word)
{
	char value[16];
	text(j, key, value, sizeof value);
	return !strcmp(value, word);
}

static void take_losses(struct show *show, const struct sp_json *j)
{
	struct sp_loss_key key = {.s2c = is(j, "direction", "s2c"), .doubled = is(j, "kind", "duplicated")};
	if (!sp_where_holds(show->where, j))
		return;
	text(j, "from", key.pair.from, sizeof key.pair.from);
	text(j, "to", key.pair.to, sizeof key.pair.to);
	for (uint32_t slot = j->v[sp_json_get(j, 1, "slots")].child; slot; slot = j->v[slot].next) {
		uint32_t start = j->v[slot].child, segments = j->v[start].next, connections = j->v[segments].next;
		key.start_ns = sp_json_number(j, start);
		sp_edges_lost(&show->view, &key,
			      &(struct sp_loss_sum){sp_json_number(j, segments), sp_json_number(j, connections)});
	}
}

/* All lines of a file. Returns an exit code; `*taken` grows by how many there were. */
static int show_file(struct show *show, struct sp_folder *folder, const char *name,
		     void (*take)(struct show *show, const struct sp_json *j), uint64_t *taken)
{
	struct sp_lines *l = &show->lines;
	int rc = sp_lines_open(l, folder, name);
	if (rc)
		return sp_lines_refuse(folder, rc);
	while ((rc = sp_lines_next(l)) > 0)
		take(show, &l->json);
	*taken += l->taken;
	return sp_lines_close(l, rc, "records");
}

int sp_edges_show(struct sp_folder *folder, const struct sp_where *where, bool colour)
{
	struct show *show = calloc(1, sizeof *show);
	if (!show || sp_edges_view_init(&show->view)) {
		free(show);
		return SP_EXIT_FAILED;
	}
	uint64_t taken = 0;
	show->where = where;
	int status = show_file(show, folder, "edges.jsonl", take_edge, &taken);
	int lost = status == SP_EXIT_FAILED ? 0 : show_file(show, folder, "losses.jsonl", take_losses, &taken);
	bool none = status != SP_EXIT_FAILED && !sp_edges_print(stdout, &show->view, &show->table, colour);
	if (none)
		printf("Nothing was seen at two points%s.\n", taken ? " that matches" : "");
	sp_edges_view_free(&show->view);
	free(show);
	return status || !lost ? status : SP_EXIT_DAMAGED;
}
