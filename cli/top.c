/* SPDX-License-Identifier: Apache-2.0 */
/* spantap top: the busiest, slowest and most failing of a directory, once or again and again while it grows. */
#include "cli/top.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/lines.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/where.h"

#define ROWS_MAX 1000
#define ROWS_USUAL 20
#define FOLLOW_USUAL_S 2
#define FOLLOW_MAX_S 3600

enum { FLOWS, REQUESTS, FILES };

static const char *const file_name[FILES] = {"flows.jsonl", "requests.jsonl"};

struct run {
	struct sp_folder folder;
	enum sp_top_by by; /* SP_TOP_BYS: the page */
	enum sp_top_sort sort;
	unsigned rows, follow_s;
	bool json;
	struct sp_where where;
	struct sp_terminal terminal;
	struct sp_top top;
	struct sp_lines lines[FILES];
	bool open[FILES];
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* Reads what there is of one file. Returns 0, or -errno. */
static int read_lines(struct run *r, unsigned file)
{
	struct sp_lines *l = &r->lines[file];
	int rc = 0;
	while (!interrupted && (rc = sp_lines_next(l)) > 0) {
		if (!sp_where_holds(&r->where, &l->json))
			continue;
		if (!(file == FLOWS ? sp_top_flow(&r->top, &l->json) : sp_top_request(&r->top, &l->json))) {
			l->taken--;
			l->damaged++;
		}
	}
	return SP_MIN(rc, 0);
}

static void print(struct run *r)
{
	struct sp_top_look look = {r->folder.name, r->rows, r->terminal.width, r->terminal.colour};
	sp_top_settle(&r->top);
	if (r->json)
		sp_top_print_json(&r->top, r->by, r->sort, r->rows);
	else if (r->by == SP_TOP_BYS)
		sp_top_print_page(&r->top, &look);
	else
		sp_top_print_table(&r->top, &look, r->by, r->sort);
}

/* Opens what is not open yet: a run without calls has no requests.jsonl. Returns 0, or an exit code. */
static int open_files(struct run *r)
{
	for (unsigned i = 0; i < FILES; i++) {
		int rc = r->open[i] ? 0 : sp_lines_open(&r->lines[i], &r->folder, file_name[i]);
		if (!r->open[i] && !rc) {
			r->open[i] = true;
			r->lines[i].grows = r->follow_s > 0;
		}
		bool may_come = rc == -ENOENT && (r->follow_s || i == REQUESTS);
		if (rc && !may_come)
			return sp_lines_refuse(&r->folder, rc);
	}
	return 0;
}

/* A file that was moved away is read no more, and the one in its place from its beginning. */
static void look_for_new_files(struct run *r)
{
	for (unsigned i = 0; i < FILES; i++) {
		struct stat now, then;
		if (!r->open[i] || stat(r->lines[i].path, &now) || fstat(r->lines[i].fd, &then))
			continue;
		if (now.st_ino == then.st_ino && now.st_dev == then.st_dev && now.st_size >= r->lines[i].offset)
			continue;
		sp_lines_close(&r->lines[i], 0, file_name[i]);
		r->open[i] = false;
	}
}

/* Returns 0, or -errno; the file is named. */
static int read_files(struct run *r, unsigned *failed)
{
	for (unsigned i = 0; i < FILES; i++) {
		int rc = r->open[i] ? read_lines(r, i) : 0;
		*failed = i;
		if (rc)
			return rc;
	}
	return 0;
}

static void pause_s(unsigned seconds)
{
	struct timespec time = {.tv_sec = seconds};
	if (!interrupted)
		nanosleep(&time, NULL);
}

/* Returns an exit code. */
static int show(struct run *r)
{
	unsigned failed = 0;
	int rc = 0, status = open_files(r);
	while (!status && !interrupted) {
		struct sp_top_counts before = r->top.all;
		rc = read_files(r, &failed);
		if (rc || (interrupted && r->follow_s))
			break;
		if (r->follow_s && r->terminal.is_one)
			fputs("\033[H\033[2J", stdout);
		print(r);
		if (!r->follow_s)
			break;
		if (!r->json)
			printf("\n  Since %u s ago: %" PRIu64 " flows, %" PRIu64 " packets, %" PRIu64
			       " calls. Ctrl-C ends.\n",
			       r->follow_s, r->top.all.flows - before.flows, r->top.all.packets - before.packets,
			       r->top.all.calls - before.calls);
		if (fflush(stdout))
			break;
		pause_s(r->follow_s);
		look_for_new_files(r);
		status = open_files(r);
	}
	/* The end of a page that nobody takes any more is no error. */
	if (interrupted && ferror(stdout)) {
		__fpurge(stdout);
		clearerr(stdout);
	}
	for (unsigned i = 0; i < FILES; i++) {
		int closed =
			!r->open[i] ? 0 : sp_lines_close(&r->lines[i], i == failed ? rc : 0, i ? "requests" : "flows");
		status = SP_MAX(status, closed);
	}
	return status;
}

/* Its number in a list of words, `n` when it is none. */
static unsigned word(const char *text, const char *const *words, unsigned n)
{
	unsigned i = 0;
	while (i < n && strcmp(text, words[i]))
		i++;
	return i;
}

static bool choose(struct sp_args *args, const char *option, const char *const *words, unsigned n, unsigned *ret)
{
	*ret = word(args->value, words, n);
	if (*ret < n)
		return true;
	const char *near = sp_nearest(args->value, words, n);
	args->status = near ? sp_usage("top", "%s: unknown '%s'; did you mean %s?", option, args->value, near)
			    : sp_usage("top", "%s: unknown '%s'", option, args->value);
	return false;
}

static bool take_option(struct run *r, struct sp_args *args, int letter)
{
	struct sp_err err;
	unsigned chosen = 0;
	bool good = true;
	switch (letter) {
	case SP_OPTION_BY:
		good = choose(args, "--by", sp_top_by_name, SP_TOP_BYS, &chosen);
		r->by = chosen;
		return good;
	case SP_OPTION_SORT:
		good = choose(args, "--sort", sp_top_sort_name, SP_TOP_SORTS, &chosen);
		r->sort = chosen;
		return good;
	case 'n':
		return sp_args_count(args, "-n", ROWS_MAX, &r->rows);
	case SP_OPTION_JSON:
		r->json = true;
		return true;
	case SP_OPTION_TIMEOUT:
		return sp_args_count(args, "--timeout", SP_FOLDER_TIMEOUT_MAX_S, &r->folder.timeout_s);
	case SP_OPTION_FOLLOW:
		r->follow_s = FOLLOW_USUAL_S;
		return !args->value || sp_args_count(args, "--follow", FOLLOW_MAX_S, &r->follow_s);
	default:
		if (sp_where_add(&r->where, args->value, &err))
			return true;
		args->status = sp_usage("top", "--where: %s", err.text);
		return false;
	}
}

/* Returns an exit code, or -1 to end well. */
static int parse(struct run *r, int argc, char **argv)
{
	struct sp_args args;
	int letter;
	sp_args_begin(&args, "top", argc, argv);
	while ((letter = sp_args_next(&args)) > 0)
		if (!take_option(r, &args, letter))
			return args.status;
	if (letter < 0)
		return args.status ? args.status : -1;
	if (!sp_args_folder(&args, NULL, &r->folder))
		return args.status;
	if (r->follow_s && r->folder.url.kind == SP_URL_WEB)
		return sp_usage("top", "--follow wants a directory: a server would be asked for all of it each time");
	if (r->by == SP_TOP_BYS && (r->json || r->sort < SP_TOP_SORTS))
		return sp_usage("top", "wants --by to know of what");
	if (r->by < SP_TOP_BYS && !r->rows)
		r->rows = ROWS_USUAL;
	if (r->by < SP_TOP_BYS && r->sort == SP_TOP_SORTS)
		r->sort = r->by == SP_TOP_ENDPOINT ? SP_TOP_SORT_CALLS : SP_TOP_SORT_BYTES;
	return 0;
}

int sp_cmd_top(int argc, char **argv)
{
	static struct run run = {.by = SP_TOP_BYS, .sort = SP_TOP_SORTS, .folder.timeout_s = SP_FOLDER_TIMEOUT_S};
	run.terminal = sp_terminal();
	int status = parse(&run, argc, argv);
	if (status)
		return status < 0 ? SP_EXIT_OK : status;
	if (sp_top_init(&run.top, run.by, run.sort)) {
		sp_log("top: %s", strerror(ENOMEM));
		return SP_EXIT_FAILED;
	}
	if (run.follow_s) {
		struct sigaction action = {.sa_handler = on_signal};
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
	}
	status = show(&run);
	sp_top_free(&run.top);
	sp_folder_close(&run.folder);
	return status;
}
