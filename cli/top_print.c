/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "cli/top.h"

#define ROWS_MAX 1000
#define PAGE_ROWS 5

#define COUNT(n) sp_text_count(&(struct sp_text){0}, n)
#define BYTES(n) sp_text_bytes(&(struct sp_text){0}, n)
#define US(us) sp_text_us(&(struct sp_text){0}, us)
#define SHARE(part, all) sp_text_share(&(struct sp_text){0}, part, all)

static struct sp_table table;

/* A share, nothing of nothing left out. */
static void share_cell(uint64_t part, uint64_t all)
{
	sp_table_cell(&table, "%s", !all ? "" : !part ? "0" : SHARE(part, all));
}

static void latency_cells(const struct sp_top_counts *c)
{
	sp_table_cell(&table, "%s", c->rrt.n ? US(c->rrt.p50_us) : "");
	sp_table_cell(&table, "%s", c->rrt.n ? US(c->rrt.p95_us) : "");
}

static void traffic_row(const char *name, const struct sp_top_counts *c, enum sp_top_by by)
{
	sp_table_cell(&table, "%s", COUNT(c->flows));
	sp_table_cell(&table, "%s", COUNT(c->packets));
	sp_table_cell(&table, "%s", BYTES(c->bytes));
	share_cell(c->retrans, c->packets);
	share_cell(c->failures, c->flows);
	sp_table_cell(&table, "%s", c->calls ? COUNT(c->calls) : "");
	share_cell(sp_top_errors(c), c->calls);
	latency_cells(c);
	bool with_app = by == SP_TOP_SERVICE || by == SP_TOP_FLOW;
	sp_table_cell(&table, "%s%s%s", with_app ? c->app : "", with_app && c->app[0] ? " " : "", name);
}

static void call_row(const char *name, const struct sp_top_counts *c)
{
	sp_table_cell(&table, "%s", COUNT(c->calls));
	sp_table_cell(&table, "%s", BYTES(c->bytes));
	share_cell(sp_top_errors(c), c->calls);
	sp_table_cell(&table, "%s", c->client_errors ? COUNT(c->client_errors) : "");
	sp_table_cell(&table, "%s", c->server_errors ? COUNT(c->server_errors) : "");
	sp_table_cell(&table, "%s", c->timeouts ? COUNT(c->timeouts) : "");
	latency_cells(c);
	sp_table_cell(&table, "%s", c->rrt.n ? US(c->rrt.max_us) : "");
	sp_table_cell(&table, "%s", name);
}

/* Returns the number of rows. */
static uint32_t section(const struct sp_top *top, const struct sp_top_look *look, const char *title, enum sp_top_by by,
			enum sp_top_sort sort, unsigned rows)
{
	static uint32_t order[ROWS_MAX];
	uint32_t n = sp_top_best(top, by, sort, SP_MIN(rows, (unsigned)ROWS_MAX), order);
	bool calls = by == SP_TOP_ENDPOINT;
	char heads[160];
	snprintf(heads, sizeof heads, "%s|%s",
		 calls ? "calls|bytes|errors|client|server|timeout|p50|p95|max"
		       : "flows|packets|bytes|again|failed|calls|errors|p50|p95",
		 sp_top_by_name[by]);
	table.width = look->width;
	sp_table_begin(&table, title, "rrrrrrrrrl", heads);
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_top_counts *c = sp_topk_value(top->by[by], order[i]);
		const char *name = sp_top_name(top, by, order[i]);
		sp_table_more(&table, stdout, look->colour);
		if (calls)
			call_row(name, c);
		else
			traffic_row(name, c, by);
	}
	sp_table_print(stdout, &table, look->colour);
	return n;
}

static void all_line(const struct sp_top *top, const struct sp_top_look *look)
{
	const struct sp_top_counts *c = &top->all;
	char title[256];
	snprintf(title, sizeof title, "%s", look->dir);
	sp_text_tame(title);
	sp_table_title(stdout, title, look->colour);
	printf("  %s flows, %s packets, %s", COUNT(c->flows), COUNT(c->packets), BYTES(c->bytes));
	if (c->calls)
		printf("; %s calls, %s of them errors, p95 %s", COUNT(c->calls), SHARE(sp_top_errors(c), c->calls),
		       US(c->rrt.p95_us));
	if (top->end_ns)
		printf("\n  %s, for %s", sp_text_time(&(struct sp_text){0}, top->start_ns),
		       sp_text_duration(&(struct sp_text){0}, top->end_ns - top->start_ns));
	putchar('\n');
}

static void notes(const struct sp_top *top)
{
	for (unsigned by = 0; by < SP_TOP_BYS; by++) {
		if (top->by[by] && sp_topk_evictions(top->by[by]))
			printf("\n  There are more than %s %s: the numbers of some are too low.\n",
			       COUNT(sp_topk_n(top->by[by])), sp_top_by_names[by]);
		if (top->untimed[by])
			printf("\n  There was no room for the times of all %s.\n", sp_top_by_names[by]);
	}
	if (top->by[SP_TOP_POINT] && sp_topk_n(top->by[SP_TOP_POINT]) > 1)
		puts("\n  What several points saw counts at each; --where point=NAME shows one.");
}

void sp_top_print_page(const struct sp_top *top, const struct sp_top_look *look)
{
	static const struct {
		const char *title;
		enum sp_top_by by;
		enum sp_top_sort sort;
	} part[] = {
		{"Points", SP_TOP_POINT, SP_TOP_SORT_BYTES},
		{"Busiest clients", SP_TOP_CLIENT, SP_TOP_SORT_BYTES},
		{"Busiest servers", SP_TOP_SERVER, SP_TOP_SORT_BYTES},
		{"Busiest services", SP_TOP_SERVICE, SP_TOP_SORT_BYTES},
		{"Slowest services", SP_TOP_SERVICE, SP_TOP_SORT_LATENCY},
		{"Services that fail most: connections", SP_TOP_SERVICE, SP_TOP_SORT_FAILURES},
		{"Services to which most is sent again", SP_TOP_SERVICE, SP_TOP_SORT_RETRANS},
		{"Most called", SP_TOP_ENDPOINT, SP_TOP_SORT_CALLS},
		{"Slowest calls", SP_TOP_ENDPOINT, SP_TOP_SORT_LATENCY},
		{"Calls that fail most", SP_TOP_ENDPOINT, SP_TOP_SORT_ERRORS},
		{"Biggest flows", SP_TOP_FLOW, SP_TOP_SORT_BYTES},
	};
	all_line(top, look);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(part); i++)
		if (part[i].by != SP_TOP_POINT || sp_topk_n(top->by[SP_TOP_POINT]) > 1)
			section(top, look, part[i].title, part[i].by, part[i].sort,
				look->rows ? look->rows : PAGE_ROWS);
	notes(top);
}

void sp_top_print_table(const struct sp_top *top, const struct sp_top_look *look, enum sp_top_by by,
			enum sp_top_sort sort)
{
	char title[160];
	snprintf(title, sizeof title, "Of %s%s %s those with most %s",
		 sp_topk_evictions(top->by[by]) ? "more than " : "", COUNT(sp_topk_n(top->by[by])), sp_top_by_names[by],
		 sp_top_sort_name[sort]);
	all_line(top, look);
	if (!section(top, look, title, by, sort, look->rows))
		printf("\n  No %s with %s.\n", sp_top_by_names[by], sp_top_sort_name[sort]);
	notes(top);
}

/* A JSON string's inside. */
static void put_json(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20)
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
}

void sp_top_print_json(const struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort, unsigned rows)
{
	static uint32_t order[ROWS_MAX];
	uint32_t n = sp_top_best(top, by, sort, SP_MIN(rows, (unsigned)ROWS_MAX), order);
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_top_counts *c = sp_topk_value(top->by[by], order[i]);
		printf("{\"by\":\"%s\",\"name\":\"", sp_top_by_name[by]);
		put_json(sp_top_name(top, by, order[i]));
		putchar('"');
		if (c->app[0] && by != SP_TOP_CLIENT && by != SP_TOP_SERVER && by != SP_TOP_POINT) {
			fputs(",\"app_proto\":\"", stdout);
			put_json(c->app);
			putchar('"');
		}
		if (by != SP_TOP_ENDPOINT)
			printf(",\"flows\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"packets\":%" PRIu64
			       ",\"retrans\":%" PRIu64 ",\"zero_window\":%" PRIu64,
			       c->flows, c->failures, c->packets, c->retrans, c->zero_window);
		printf(",\"bytes\":%" PRIu64 ",\"calls\":%" PRIu64 ",\"client_errors\":%" PRIu64
		       ",\"server_errors\":%" PRIu64 ",\"timeouts\":%" PRIu64,
		       c->bytes, c->calls, c->client_errors, c->server_errors, c->timeouts);
		if (c->rrt.n)
			printf(",\"rrt_p50_us\":%u,\"rrt_p95_us\":%u,\"rrt_max_us\":%u", c->rrt.p50_us, c->rrt.p95_us,
			       c->rrt.max_us);
		printf(",\"exact\":%s}\n", sp_top_exact(top, by) ? "true" : "false");
	}
}
