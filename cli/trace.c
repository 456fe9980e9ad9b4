/* SPDX-License-Identifier: Apache-2.0 */
/* spantap trace: traces.jsonl as a table, or one trace as a waterfall. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/point.h"
#include "cli/command.h"
#include "cli/edges.h"
#include "cli/lines.h"
#include "cli/table.h"
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
	const char *dir, *id;
	unsigned rows;
	bool errors, edges, colour;
	struct sp_where where;
	struct sp_json json;
	struct row row[ROWS_MAX]; /* slowest first */
	unsigned n;
	uint64_t matching;
	struct sp_table table;
};

static const char *text(struct run *r, uint32_t object, const char *key, char *out, size_t size)
{
	return sp_json_string(&r->json, sp_json_get(&r->json, object, key), out, size);
}

static uint64_t number(struct run *r, uint32_t object, const char *key)
{
	return sp_json_number(&r->json, sp_json_get(&r->json, object, key));
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
	uint32_t request = sp_json_get(&r->json, hop, "request_us");
	if (request)
		return parent->at_us + (int64_t)sp_json_number(&r->json, request);
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
	if (sp_json_get(&r->json, hop, "self_us"))
		snprintf(self, sizeof self, "%s", sp_text_us(&t, number(r, hop, "self_us")));
	sp_table_cell(&r->table, "%s", b->point);
	sp_table_cell(&r->table, "%s", bar);
	sp_table_cell(&r->table, "%s", sp_json_get(&r->json, span, "rrt_us") ? sp_text_us(&t, b->rrt_us) : "");
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
	const struct sp_json *j = &r->json;
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
	uint32_t slowest = sp_json_get(&r->json, 1, "slowest_hop");
	if (!slowest)
		return;
	sp_text_tame((char *)text(r, slowest, "from", from, sizeof from));
	sp_text_tame((char *)text(r, slowest, "to", to, sizeof to));
	printf("\n  Most of the time, %s, went between %s and %s.", sp_text_us(&t, number(r, slowest, "self_us")), from,
	       to);
	if (sp_json_get(&r->json, slowest, "client_us")) {
		printf(" The client's own share: %s,", sp_text_us(&t, number(r, slowest, "client_us")));
		printf(" the server's: %s.", sp_text_us(&t, number(r, slowest, "server_us")));
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
	sp_table_begin(&r->table, title, "llrrll", "point|time|to response|before|joined by|client > server");
	waterfall_rows(r);
	sp_table_print(stdout, &r->table, r->colour);
	say_slowest(r);
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
	const struct sp_json *j = &r->json;
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

static void print_table(struct run *r, bool any)
{
	enum { ROWS_A_TIME = SP_TABLE_ROWS - 1 };
	char title[160];
	snprintf(title, sizeof title, "The slowest %u of %" PRIu64 " traces%s", r->n, r->matching,
		 r->errors || r->where.n ? " that match" : "");
	for (unsigned i = 0; i < r->n; i++) {
		if (i % ROWS_A_TIME == 0)
			sp_table_begin(&r->table, i ? NULL : title, "lrrlrll",
				       "trace|took|spans|status|slowest|between|call");
		if (sp_json_read(&r->json, r->row[i].line, r->row[i].n))
			table_row(r);
		if (i % ROWS_A_TIME == ROWS_A_TIME - 1 || i + 1 == r->n)
			sp_table_print(stdout, &r->table, r->colour);
	}
	if (!r->n)
		printf("No traces%s.\n", any ? " that match" : "");
}

/* --- the file --- */

static bool failed(struct run *r)
{
	char status[32];
	text(r, 1, "status", status, sizeof status);
	return !strcmp(status, "client_error") || !strcmp(status, "server_error") || !strcmp(status, "timeout");
}

static bool take(void *ctx, const struct sp_json *json, const char *line, size_t n)
{
	struct run *r = ctx;
	char id[128];
	if ((r->errors && !failed(r)) || !sp_where_holds(&r->where, json))
		return true;
	if (!r->id) {
		r->matching++;
		return keep(r, line, n);
	}
	if (strncmp(text(r, 1, "trace_id", id, sizeof id), r->id, strlen(r->id)))
		return true;
	r->matching++;
	waterfall(r);
	return true;
}

static int parse(struct run *r, int argc, char **argv)
{
	struct sp_args args;
	struct sp_err err;
	int letter;
	sp_args_begin(&args, "trace", argc, argv);
	while ((letter = sp_args_next(&args)) > 0) {
		if (letter == SP_OPTION_SLOWEST) {
			char *end;
			unsigned long n = strtoul(args.value, &end, 10);
			if (*end || !n || n > ROWS_MAX)
				return sp_usage("trace", "--slowest wants a number from 1 to %d, not '%s'", ROWS_MAX,
						args.value);
			r->rows = (unsigned)n;
		} else if (letter == SP_OPTION_ERRORS) {
			r->errors = true;
		} else if (letter == SP_OPTION_EDGES) {
			r->edges = true;
		} else if (!sp_where_add(&r->where, args.value, &err)) {
			return sp_usage("trace", "--where: %s", err.text);
		}
	}
	if (letter < 0)
		return args.status ? args.status : -1;
	if (args.n_operands < 1 || args.n_operands > 2)
		return sp_usage("trace", "wants a directory, and at most one trace's id");
	if (r->edges && args.n_operands > 1)
		return sp_usage("trace", "--edges is about all calls, not about one trace");
	r->dir = args.operand[0];
	r->id = args.n_operands > 1 ? args.operand[1] : NULL;
	if (strstr(r->dir, "://"))
		return sp_usage("trace", "%s: this version reads directories only", r->dir);
	return SP_EXIT_OK;
}

int sp_cmd_trace(int argc, char **argv)
{
	static struct run run = {.rows = ROWS_USUAL};
	int status = parse(&run, argc, argv);
	if (status)
		return status < 0 ? SP_EXIT_OK : status;
	run.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (run.edges)
		return sp_edges_show(run.dir, &run.where, run.colour);
	struct sp_lines lines = {.dir = run.dir, .name = "traces.jsonl", .take = take, .ctx = &run};
	status = sp_lines_read(&lines, &run.json);
	if (!status && !run.id)
		print_table(&run, lines.good);
	if (!status && run.id && !run.matching) {
		sp_log("%s: no trace begins with '%s'", run.dir, run.id);
		status = SP_EXIT_FAILED;
	}
	for (unsigned i = 0; i < run.n; i++)
		free(run.row[i].line);
	sp_json_free(&run.json);
	return status || !lines.damaged ? status : lines.good ? SP_EXIT_DAMAGED : SP_EXIT_FAILED;
}
