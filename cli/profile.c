/* SPDX-License-Identifier: Apache-2.0 */
/* spantap profile: profiles.jsonl as a table of flows, or one flow on the terminal, as a picture, as a capture. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/lines.h"
#include "cli/profile_view.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/topk.h"
#include "cli/where.h"

#define ROWS_MAX 1000
#define ROWS_USUAL 20
#define PLACES 16384 /* flows that are told apart while the file is read */

#define COUNT(n) sp_text_count(&(struct sp_text){0}, n)
#define US(us) sp_text_us(&(struct sp_text){0}, us)

enum sort { SORT_SLOW, SORT_DURATION, SORT_PACKETS, SORT_RETRANSMISSIONS, SORTS };

static const char *const sort_name[SORTS] = {"slow", "duration", "packets", "retransmissions"};

enum view { VIEW_USUAL, VIEW_TABLE, VIEW_LADDER, VIEW_PHASES };

struct run {
	struct sp_folder folder;
	const char *flow, *point, *svg, *pcapng;
	unsigned rows;
	enum sort sort;
	enum view view;
	bool all;
	struct sp_where where;
	struct sp_terminal terminal;
	struct sp_lines lines;
	struct sp_topk *flows;	  /* struct key -> struct entry */
	struct sp_view profile;	  /* the one that was asked for */
	uint64_t flow_id, others; /* lines of other flows with its id */
};

/* --- many --- */

struct key {
	uint64_t flow_id, who;
};

static struct key key_of(const struct sp_view_head *h)
{
	char who[256];
	int n = snprintf(who, sizeof who, "%s|%s|%s|%s", h->point, h->client, h->server, h->proto);
	return (struct key){h->flow_id, sp_hash_bytes(who, (size_t)n, SP_HASH_K0)};
}

static uint64_t worth(const struct run *r, const struct sp_view_head *h)
{
	switch (r->sort) {
	case SORT_DURATION:
		return h->end_ns - h->start_ns;
	case SORT_PACKETS:
		return h->packets;
	case SORT_RETRANSMISSIONS:
		return sp_view_retransmissions(h);
	default:
		return sp_view_busy_us(h);
	}
}

struct entry {
	struct sp_view_head head;
	uint64_t worth;
};

/* Most flows have one line: a newcomer has to be worth more than the least of those that are there. */
static void collect(struct run *r, const struct sp_view_head *head)
{
	struct key key = key_of(head);
	struct entry *e = sp_topk_add_heavy(r->flows, &key, worth(r, head));
	if (!e)
		return;
	if (e->head.parts)
		sp_view_head_join(&e->head, head);
	else
		e->head = *head;
	e->worth = worth(r, &e->head);
}

static const struct sp_view_head *head_of(const struct run *r, uint32_t i)
{
	return &((const struct entry *)sp_topk_value(r->flows, i))->head;
}

/* Columns that would say the same in every row are left out. */
struct columns {
	bool reason, point;
};

static struct columns differing(const struct run *r, const uint32_t *order, uint32_t n)
{
	struct columns c = {0};
	const struct sp_view_head *first = n ? head_of(r, order[0]) : NULL;
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_view_head *h = head_of(r, order[i]);
		c.reason |= strcmp(h->reason, "all") != 0;
		c.point |= strcmp(h->point, first->point) != 0;
	}
	return c;
}

static void table_row(struct sp_table *t, const struct sp_view_head *h, struct columns c)
{
	enum sp_view_phase slowest = sp_view_slowest(h);
	sp_table_cell(t, "%" PRIu64, h->flow_id);
	sp_table_cell(t, "%s", sp_text_duration(&(struct sp_text){0}, h->end_ns - h->start_ns));
	if (h->us[slowest])
		sp_table_cell(t, "%s %s", sp_view_phase_name[slowest], US(h->us[slowest]));
	else
		sp_table_cell(t, "%s", "");
	sp_table_cell(t, "%s", COUNT(h->packets));
	sp_table_cell(t, "%s", COUNT(sp_view_retransmissions(h)));
	if (c.reason)
		sp_table_cell(t, "%s", h->reason);
	if (c.point)
		sp_table_cell(t, "%s", h->point);
	sp_table_cell(t, "%s", *h->app ? h->app : h->proto);
	sp_table_cell(t, "%s > %s", h->client, h->server);
}

/* So that flows without it are in the table too, behind the others. */
static uint64_t score(const struct sp_topk *t, uint32_t i)
{
	return ((const struct entry *)sp_topk_value(t, i))->worth + 1;
}

static void print_table(struct run *r)
{
	static struct sp_table table;
	static uint32_t order[ROWS_MAX];
	static const char *const first[SORTS] = {"slowest", "longest", "largest", "most retransmitting"};
	static const char *const align[] = {"rrlrrll", "rrlrrlll", "rrlrrllll"};
	char title[160], heads[128];
	uint32_t n = sp_topk_best(r->flows, r->rows, score, order);
	uint64_t evicted = sp_topk_evictions(r->flows);
	struct columns c = differing(r, order, n);
	snprintf(title, sizeof title, "The %s %" PRIu32 " of %s%s profiled flows%s", first[r->sort], n,
		 evicted ? "more than " : "", COUNT(sp_topk_n(r->flows)), r->where.n || r->point ? " that match" : "");
	snprintf(heads, sizeof heads, "flow|lasted|most time|packets|again%s%s|protocol|client > server",
		 c.reason ? "|because" : "", c.point ? "|point" : "");
	table.width = r->terminal.width;
	sp_table_begin(&table, title, align[c.reason + c.point], heads);
	for (uint32_t i = 0; i < n; i++) {
		sp_table_more(&table, stdout, r->terminal.colour);
		table_row(&table, head_of(r, order[i]), c);
	}
	sp_table_print(stdout, &table, r->terminal.colour);
	if (!n)
		printf("No profiles%s.\n", r->lines.taken ? " that match" : "");
	if (evicted)
		puts("\n  There are too many flows to be exact: of a flow in several parts some may be missing.");
}

/* --- one --- */

static int take_part(struct run *r, const struct sp_view_head *head)
{
	if (head->flow_id != r->flow_id)
		return 0;
	if (r->profile.head.parts && !sp_view_head_same(&r->profile.head, head)) {
		r->others++;
		return 0;
	}
	return sp_view_add(&r->profile, head, &r->lines.json);
}

/* Writes the picture to its file. Returns an exit code. */
static int write_svg(struct run *r)
{
	FILE *f = fopen(r->svg, "we");
	int rc = f ? sp_view_svg(f, &r->profile) : -errno;
	if (f && fclose(f) && !rc)
		rc = -errno;
	if (rc)
		sp_log("%s: %s", r->svg, strerror(-rc));
	return rc ? SP_EXIT_FAILED : SP_EXIT_OK;
}

static int show_one(struct run *r)
{
	enum view view = r->view;
	if (!r->profile.head.parts) {
		sp_log("%s: no flow %s is in there%s", r->lines.path, r->flow,
		       r->point || r->where.n ? " that matches" : "");
		return SP_EXIT_FAILED;
	}
	if (r->others)
		sp_log("%s: %" PRIu64 " lines are of other flows with the id %s; --point or --where chooses",
		       r->lines.path, r->others, r->flow);
	sp_view_print_head(&r->profile, r->terminal.colour);
	sp_view_print_phases(&r->profile, r->terminal.colour, r->all);
	if (view == VIEW_USUAL)
		view = r->svg || r->pcapng ? VIEW_PHASES : r->terminal.is_one ? VIEW_LADDER : VIEW_TABLE;
	if (view == VIEW_TABLE)
		sp_view_print_packets(&r->profile, &r->terminal);
	if (view == VIEW_LADDER)
		sp_view_print_ladder(&r->profile, &r->terminal, r->all);
	int status = r->svg ? write_svg(r) : SP_EXIT_OK;
	int kept = r->pcapng ? sp_view_export(&r->folder, r->flow_id, r->pcapng) : SP_EXIT_OK;
	return status ? status : kept;
}

/* --- the file --- */

static int take(struct run *r)
{
	struct sp_view_head head;
	if (!sp_view_head_read(&head, &r->lines.json)) {
		r->lines.taken--;
		r->lines.damaged++;
		return 0;
	}
	if ((r->point && strcmp(r->point, head.point)) || !sp_where_holds(&r->where, &r->lines.json))
		return 0;
	if (r->flow)
		return take_part(r, &head);
	collect(r, &head);
	return 0;
}

static bool parse_sort(struct run *r, struct sp_args *args)
{
	for (unsigned i = 0; i < SORTS; i++)
		if (!strcmp(args->value, sort_name[i])) {
			r->sort = i;
			return true;
		}
	const char *near = sp_nearest(args->value, sort_name, SORTS);
	args->status = sp_usage("profile", "--sort wants slow, duration, packets or retransmissions, not '%s'%s%s%s",
				args->value, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

/* False: args->status says so. */
static bool take_option(struct run *r, struct sp_args *args, int letter)
{
	struct sp_err err;
	switch (letter) {
	case SP_OPTION_SLOWEST:
		return sp_args_count(args, "--slowest", ROWS_MAX, &r->rows);
	case SP_OPTION_SORT:
		return parse_sort(r, args);
	case SP_OPTION_WHERE:
		if (sp_where_add(&r->where, args->value, &err))
			return true;
		args->status = sp_usage("profile", "--where: %s", err.text);
		return false;
	case SP_OPTION_POINT:
		r->point = args->value;
		return true;
	case SP_OPTION_TABLE:
		r->view = VIEW_TABLE;
		return true;
	case SP_OPTION_LADDER:
		r->view = VIEW_LADDER;
		return true;
	case SP_OPTION_PHASES:
		r->view = VIEW_PHASES;
		return true;
	case SP_OPTION_ALL:
		r->all = true;
		return true;
	case SP_OPTION_ASCII:
		r->terminal.utf8 = false;
		return true;
	case SP_OPTION_TIMEOUT:
		return sp_args_count(args, "--timeout", SP_FOLDER_TIMEOUT_MAX_S, &r->folder.timeout_s);
	case SP_OPTION_SVG:
		r->svg = args->value;
		return true;
	default:
		r->pcapng = args->value;
		return true;
	}
}

/* Returns an exit code, or -1 to end well. */
static int parse(struct run *r, int argc, char **argv)
{
	struct sp_args args;
	int letter;
	sp_args_begin(&args, "profile", argc, argv);
	while ((letter = sp_args_next(&args)) > 0)
		if (!take_option(r, &args, letter))
			return args.status;
	if (letter < 0)
		return args.status ? args.status : -1;
	if (!sp_args_folder(&args, "flow's id", &r->folder))
		return args.status;
	if (args.n_operands < 2)
		return r->svg || r->pcapng || r->view ? sp_usage("profile", "wants a flow's id to show more of it") : 0;
	char *end;
	r->flow = args.operand[1];
	errno = 0;
	r->flow_id = strtoull(r->flow, &end, 10);
	if (*end || end == r->flow || errno || *r->flow == '-')
		return sp_usage("profile", "'%s' is no flow's id, which is a number", r->flow);
	return 0;
}

/* Returns an exit code. */
static int show(struct run *r)
{
	int status = SP_EXIT_OK, rc = sp_lines_open(&r->lines, &r->folder, "profiles.jsonl");
	if (rc)
		return sp_lines_refuse(&r->folder, rc);
	r->flows = sp_topk_new(PLACES, sizeof(struct key), sizeof(struct entry));
	if (!r->flows)
		rc = -ENOMEM;
	while (!rc && (rc = sp_lines_next(&r->lines)) > 0)
		rc = take(r);
	if (!rc && !r->flow)
		print_table(r);
	if (!rc && r->flow)
		status = show_one(r);
	int read = sp_lines_close(&r->lines, rc, "profiles");
	sp_view_free(&r->profile);
	sp_topk_free(r->flows);
	return status ? status : read;
}

int sp_cmd_profile(int argc, char **argv)
{
	static struct run run = {.rows = ROWS_USUAL, .folder.timeout_s = SP_FOLDER_TIMEOUT_S};
	run.terminal = sp_terminal();
	int status = parse(&run, argc, argv);
	if (status)
		return status < 0 ? SP_EXIT_OK : status;
	status = show(&run);
	sp_folder_close(&run.folder);
	return status;
}
