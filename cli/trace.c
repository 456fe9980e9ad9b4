/* SPDX-License-Identifier: Apache-2.0 */
/* spantap trace: traces.jsonl as a table, or one trace as a waterfall. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/point.h"
#include "cli/command.h"
#include "cli/deaths.h"
#include "cli/edges.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/where.h"

#define ROWS_MAX 1000
#define ROWS_USUAL 20
#define BAR 22

struct row {
	uint64_t us;
	char *line; /* as it was read */
	size_t n;
};

struct run {
	struct sp_folder folder;
	const char *id;
	unsigned rows;
	bool errors, edges, colour, guessed; /* guessed: the order of some points that are shown */
	struct sp_where where;
	struct sp_lines lines;
	struct row row[ROWS_MAX]; /* slowest first */
	unsigned n;
	uint64_t matching;
	struct sp_table table;
};

static const char *text(struct run *r, uint32_t object, const char *key, char *out, size_t size)
{
	return sp_json_get_string(&r->lines.json, object, key, out, size);
}

static uint64_t number(struct run *r, uint32_t object, const char *key)
{
	return sp_json_get_number(&r->lines.json, object, key);
}

/* --- one trace --- */

#define SPANS_MAX 256

struct bar {
	char id[20];
	uint64_t start_ns, rrt_us;
	int64_t at_us; /* from the root's beginning */
	char point[SP_POINT_NAME_MAX];
};

/* Where a span's bar begins: by its own clock next to its parent's when one point saw both; else in the middle of what
 * was spent between, unless the ways there and back are known. */
static int64_t begins(struct run *r, const struct bar *parent, const struct bar *b, uint32_t hop)
{
	if (!strcmp(parent->point, b->point))
		return parent->at_us + ((int64_t)(b->start_ns - parent->start_ns)) / 1000;
	uint32_t request = sp_json_get(&r->lines.json, hop, "request_us");
	if (request)
		return parent->at_us + (int64_t)sp_json_number(&r->lines.json, request);
	return parent->at_us + (int64_t)number(r, hop, "self_us") / 2;
}

static void draw(char *out, const struct bar *root, const struct bar *b)
{
	uint64_t all = SP_MAX(root->rrt_us, UINT64_C(1));
	int64_t from = b->at_us * BAR / (int64_t)all, n = (int64_t)SP_MAX(b->rrt_us * BAR / all, UINT64_C(1));
	from = SP_MIN(SP_MAX(from, 0), BAR - 1);
	memset(out, ' ', BAR);
	memset(out + from, '=', (size_t)SP_MIN(n, BAR - from));
	out[BAR] = 0;
}

static void span_row(struct run *r, uint32_t span, const struct bar *root, const struct bar *b, uint32_t hop)
{
	char client[64], server[64], joined[24], bar[BAR + 1] = "", self[32] = "";
	struct sp_text t;
	draw(bar, root, b);
	if (sp_json_get(&r->lines.json, hop, "self_us"))
		snprintf(self, sizeof self, "%s", sp_text_us(&t, number(r, hop, "self_us")));
	if (sp_json_get(&r->lines.json, hop, "order_uncertain")) {
		strcpy(self, "?");
		r->guessed = true;
	}
	sp_table_cell(&r->table, "%s", b->point);
	sp_table_cell(&r->table, "%s", bar);
	sp_table_cell(&r->table, "%s", sp_json_get(&r->lines.json, span, "rrt_us") ? sp_text_us(&t, b->rrt_us) : "");
	sp_table_cell(&r->table, "%s%s", self, number(r, hop, "lost") ? " lost" : "");
	text(r, span, "joined_by", joined, sizeof joined);
	sp_table_cell(&r->table, "%s %" PRIu64, joined, number(r, span, "confidence"));
	sp_table_cell(&r->table, "%s:%" PRIu64 " > %s:%" PRIu64, text(r, span, "client_ip", client, sizeof client),
		      number(r, span, "client_port"), text(r, span, "server_ip", server, sizeof server),
		      number(r, span, "server_port"));
}

static void waterfall_rows(struct run *r)
{
	static struct bar bar[SPANS_MAX];
	const struct sp_json *j = &r->lines.json;
	uint32_t hop = j->v[sp_json_get(j, 1, "hops")].child;
	unsigned n = 0;
	for (uint32_t span = j->v[sp_json_get(j, 1, "spans")].child; span && n < SPANS_MAX; span = j->v[span].next) {
		char parent[20];
		struct bar *b = &bar[n];
		*b = (struct bar){.start_ns = number(r, span, "start_ns"), .rrt_us = number(r, span, "rrt_us")};
		text(r, span, "span_id", b->id, sizeof b->id);
		text(r, span, "point", b->point, sizeof b->point);
		text(r, span, "parent_id", parent, sizeof parent);
		for (unsigned i = 0; n && i < n; i++)
			if (!strcmp(bar[i].id, parent))
				b->at_us = begins(r, &bar[i], b, hop);
		span_row(r, span, &bar[0], b, n ? hop : 0);
		if (n++)
			hop = j->v[hop].next;
	}
}

static void say_slowest(struct run *r)
{
	char from[SP_POINT_NAME_MAX], to[SP_POINT_NAME_MAX];
	struct sp_text t;
	uint32_t slowest = sp_json_get(&r->lines.json, 1, "slowest_hop");
	if (!slowest)
		return;
	sp_text_tame((char *)text(r, slowest, "from", from, sizeof from));
	sp_text_tame((char *)text(r, slowest, "to", to, sizeof to));
	printf("\n  Most of the time, %s, went between %s and %s.", sp_text_us(&t, number(r, slowest, "self_us")), from,
	       to);
	if (sp_json_get(&r->lines.json, slowest, "client_us")) {
		printf(" The client's own share: %s,", sp_text_us(&t, number(r, slowest, "client_us")));
		printf(" the server's: %s.", sp_text_us(&t, number(r, slowest, "server_us")));
	}
	putchar('\n');
}

static void say_guessed(const struct run *r)
{
	if (r->guessed)
		printf("\n  Where '?' stands, which of the two points comes first is a guess: a 'kind' in their "
		       "configuration says it.\n");
}

static void say_missing(struct run *r)
{
	char point[SP_POINT_NAME_MAX];
	uint32_t missing = sp_json_get(&r->lines.json, 1, "missing");
	if (!missing)
		return;
	printf("\n  Not seen, though calls like it mostly are, at:");
	for (uint32_t v = r->lines.json.v[missing].child; v; v = r->lines.json.v[v].next) {
		sp_text_tame((char *)sp_json_string(&r->lines.json, v, point, sizeof point));
		printf(" %s", point);
	}
	putchar('\n');
}

static void waterfall(struct run *r)
{
	char id[128], app[32], method[64], resource[256], status[32], code[64], title[640];
	struct sp_text took;
	snprintf(title, sizeof title, "Trace %s: %s %s %s: %s %s, %s", text(r, 1, "trace_id", id, sizeof id),
		 text(r, 1, "app_proto", app, sizeof app), text(r, 1, "method", method, sizeof method),
		 text(r, 1, "resource", resource, sizeof resource), text(r, 1, "status", status, sizeof status),
		 text(r, 1, "code", code, sizeof code), sp_text_us(&took, number(r, 1, "duration_us")));
	sp_text_tame(title);
	r->guessed = false;
	sp_table_begin(&r->table, title, "llrrll", "point|time|to response|before|joined by|client > server");
	waterfall_rows(r);
	sp_table_print(stdout, &r->table, r->colour);
	say_slowest(r);
	say_guessed(r);
	say_missing(r);
}

/* --- many --- */

/* Keeps the slowest lines; the line becomes ours. */
static bool keep(struct run *r, const char *line, size_t n)
{
	uint64_t us = number(r, 1, "duration_us");
	unsigned i = r->n;
	if (i == r->rows && us <= r->row[i - 1].us)
		return true;
	char *own = strndup(line, n);
	if (!own)
		return false;
	if (i == r->rows)
		free(r->row[--i].line);
	else
		r->n++;
	for (; i && r->row[i - 1].us < us; i--)
		r->row[i] = r->row[i - 1];
	r->row[i] = (struct row){us, own, n};
	return true;
}

static void table_row(struct run *r)
{
	char id[13], app[32], method[32], endpoint[80], status[32], from[64], to[64];
	struct sp_text took, self;
	const struct sp_json *j = &r->lines.json;
	unsigned points = 0;
	for (uint32_t span = j->v[sp_json_get(j, 1, "spans")].child; span; span = j->v[span].next)
		points++;
	uint32_t slowest = sp_json_get(j, 1, "slowest_hop");
	sp_table_cell(&r->table, "%.8s", text(r, 1, "trace_id", id, sizeof id));
	sp_table_cell(&r->table, "%s", sp_text_us(&took, number(r, 1, "duration_us")));
	sp_table_cell(&r->table, "%u", points);
	sp_table_cell(&r->table, "%s", text(r, 1, "status", status, sizeof status));
	sp_table_cell(&r->table, "%s", slowest ? sp_text_us(&self, number(r, slowest, "self_us")) : "");
	text(r, slowest, "from", from, sizeof from);
	text(r, slowest, "to", to, sizeof to);
	sp_table_cell(&r->table, "%s%s%s", from, slowest ? " > " : "", to);
	sp_table_cell(&r->table, "%s %s %s", text(r, 1, "app_proto", app, sizeof app),
		      text(r, 1, "method", method, sizeof method), text(r, 1, "endpoint", endpoint, sizeof endpoint));
}

/* Returns an exit code. */
static int print_table(struct run *r)
{
	char title[160];
	snprintf(title, sizeof title, "The slowest %u of %" PRIu64 " traces%s", r->n, r->matching,
		 r->errors || r->where.n ? " that match" : "");
	sp_table_begin(&r->table, title, "lrrlrll", "trace|took|spans|status|slowest|between|call");
	for (unsigned i = 0; i < r->n; i++) {
		sp_table_more(&r->table, stdout, r->colour);
		if (sp_json_read(&r->lines.json, r->row[i].line, r->row[i].n))
			table_row(r);
	}
	sp_table_print(stdout, &r->table, r->colour);
	if (!r->n)
		printf("No traces%s.\n", r->lines.taken ? " that match" : "");
	return r->where.n ? SP_EXIT_OK : sp_deaths_print(&r->folder, &r->table, r->colour);
}

/* --- the file --- */

static bool failed(struct run *r)
{
	char status[32];
	text(r, 1, "status", status, sizeof status);
	return !strcmp(status, "client_error") || !strcmp(status, "server_error") || !strcmp(status, "timeout");
}

/* Takes the line that was read. Returns 0, or -errno. */
static int take(struct run *r)
{
	char id[128];
	if ((r->errors && !failed(r)) || !sp_where_holds(&r->where, &r->lines.json))
		return 0;
	if (!r->id) {
		r->matching++;
		return keep(r, r->lines.json.text, r->lines.json.size) ? 0 : -ENOMEM;
	}
	if (strncmp(text(r, 1, "trace_id", id, sizeof id), r->id, strlen(r->id)))
		return 0;
	r->matching++;
	waterfall(r);
	return 0;
}

static int parse(struct run *r, int argc, char **argv)
{
	struct sp_args args;
	struct sp_err err;
	int letter;
	sp_args_begin(&args, "trace", argc, argv);
	while ((letter = sp_args_next(&args)) > 0) {
		if (letter == SP_OPTION_SLOWEST) {
			if (!sp_args_count(&args, "--slowest", ROWS_MAX, &r->rows))
				return args.status;
		} else if (letter == SP_OPTION_ERRORS) {
			r->errors = true;
		} else if (letter == SP_OPTION_EDGES) {
			r->edges = true;
		} else if (letter == SP_OPTION_TIMEOUT) {
			if (!sp_args_count(&args, "--timeout", SP_FOLDER_TIMEOUT_MAX_S, &r->folder.timeout_s))
				return args.status;
		} else if (!sp_where_add(&r->where, args.value, &err)) {
			return sp_usage("trace", "--where: %s", err.text);
		}
	}
	if (letter < 0)
		return args.status ? args.status : -1;
	if (!sp_args_folder(&args, "trace's id", &r->folder))
		return args.status;
	if (r->edges && args.n_operands > 1)
		return sp_usage("trace", "--edges is about all calls, not about one trace");
	r->id = args.n_operands > 1 ? args.operand[1] : NULL;
	return SP_EXIT_OK;
}

/* Returns an exit code. */
static int show(struct run *r)
{
	int rc = sp_lines_open(&r->lines, &r->folder, "traces.jsonl");
	if (rc)
		return sp_lines_refuse(&r->folder, rc);
	while ((rc = sp_lines_next(&r->lines)) > 0 && !(rc = take(r)))
		;
	int deaths = !rc && !r->id ? print_table(r) : SP_EXIT_OK;
	for (unsigned i = 0; i < r->n; i++)
		free(r->row[i].line);
	int status = sp_lines_close(&r->lines, rc, "traces");
	if (!rc && r->id && !r->matching) {
		sp_log("%s: no trace begins with '%s'", r->folder.name, r->id);
		return SP_EXIT_FAILED;
	}
	return status ? status : deaths;
}

int sp_cmd_trace(int argc, char **argv)
{
	static struct run run = {.rows = ROWS_USUAL, .folder.timeout_s = SP_FOLDER_TIMEOUT_S};
	int status = parse(&run, argc, argv);
	if (status)
		return status < 0 ? SP_EXIT_OK : status;
	run.colour = sp_terminal().colour;
	status = run.edges ? sp_edges_show(&run.folder, &run.where, run.colour) : show(&run);
	sp_folder_close(&run.folder);
	return status;
}
