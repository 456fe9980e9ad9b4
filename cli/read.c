/* SPDX-License-Identifier: Apache-2.0 */
/* spantap read: capture files in, records or a summary out. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "dataplane/readers.h"
#include "exporters/stitch.h"
#include "flowtable/profile_filter.h"

#define PAGES 16	     /* of records that may wait for the exporter */
#define BATCHES_PER_LOOK 256 /* between looks at clocks and errors */
#define CAPTURES_MAX 1024
#define LARGE (64u << 20) /* bytes in files: shorter ones are read before other workers have begun */
#define WORKERS_THAT_HELP 4

/* One capture as the command line names it. */
struct input {
	const char *path, *point; /* point NULL: the capture's own name */
	enum sp_point_kind kind;
};

struct wish {
	const char *conf, *output, *filter, *profile;
	struct input input[CAPTURES_MAX];
	unsigned n;
};

/* Everything of one run, so that one function can take it down from whatever state it reached. */
struct run {
	const struct wish *wish;
	struct sp_conf *conf;
	const struct sp_settings *settings;
	struct sp_flow_conf flow; /* its, and what the command line says about profiles */
	struct sp_filter *filter;
	struct sp_points *points;
	struct sp_capture *capture[CAPTURES_MAX]; /* the merge's, once there is one */
	struct sp_report_file file[CAPTURES_MAX];
	unsigned n_captures, n_refused; /* opened; could not be */
	struct sp_merge *merge;
	struct sp_hub *hub;
	unsigned workers;
	struct sp_decode_conf decode;
	struct sp_out out[SP_READERS_MAX];
	struct sp_pipeline *pipeline[SP_READERS_MAX];
	struct sp_report report;
	struct sp_summary summary;
	struct sp_stitch_stats stitched;
	struct sp_progress progress;
	struct sp_batch batch;
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int signal)
{
	stop_signal = signal;
}

/* The first signal ends the input, a second one the program. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int add_input(struct wish *w, const char *path, const char *point, enum sp_point_kind kind)
{
	if (w->n == CAPTURES_MAX)
		return sp_usage("read", "more than %d captures", CAPTURES_MAX);
	for (unsigned i = 0; !strcmp(path, "-") && i < w->n; i++)
		if (!strcmp(w->input[i].path, "-"))
			return sp_usage("read", "standard input can be read only once");
	w->input[w->n++] = (struct input){path, point, kind};
	return 0;
}

static int unknown_kind(const char *kind)
{
	const char *words[SP_POINT_KIND_MAX];
	for (unsigned k = 0; k < SP_POINT_KIND_MAX; k++)
		words[k] = sp_point_kind_name(k);
	const char *near = sp_nearest(kind, words, SP_POINT_KIND_MAX);
	if (near)
		return sp_usage("read", "-p: '%s' is no kind of point; did you mean %s?", kind, near);
	return sp_usage("read", "-p: '%s' is no kind of point", kind);
}

/* NAME[:KIND]=CAPTURE; the argument is cut into its parts. */
static int add_point(struct wish *w, char *arg)
{
	char *path = strchr(arg, '='), *colon;
	enum sp_point_kind kind = SP_POINT_UNKNOWN;
	if (!path || path == arg || !path[1])
		return sp_usage("read", "-p wants NAME[:KIND]=CAPTURE, not '%s'", arg);
	*path++ = 0;
	if ((colon = strrchr(arg, ':'))) {
		*colon++ = 0;
		if ((kind = sp_point_kind_parse(colon)) == SP_POINT_KIND_MAX)
			return unknown_kind(colon);
	}
	if (!*arg || strlen(arg) >= SP_POINT_NAME_MAX)
		return sp_usage("read", "-p: a point's name has 1 to %d letters", SP_POINT_NAME_MAX - 1);
	return add_input(w, path, arg, kind);
}

/* Returns 0 to go on, else -1 with the exit code in `status`. */
static int parse(struct wish *w, int argc, char **argv, int *status)
{
	struct sp_args args;
	int letter;
	*status = 0;
	sp_args_begin(&args, "read", argc, argv);
	while (!*status && (letter = sp_args_next(&args)) > 0) {
		switch (letter) {
		case 'c':
			w->conf = args.value;
			break;
		case 'o':
			w->output = args.value;
			break;
		case 'F':
			w->filter = args.value;
			break;
		case 'p':
			*status = add_point(w, (char *)args.value);
			break;
		case SP_OPTION_PROFILE:
			w->profile = args.value ? args.value : "all";
			break;
		}
	}
	if (*status)
		return -1;
	if (letter < 0) {
		*status = args.status;
		return -1;
	}
	for (int i = 0; !*status && i < args.n_operands; i++)
		*status = add_input(w, args.operand[i], NULL, SP_POINT_UNKNOWN);
	if (!*status && !w->n)
		*status = sp_usage("read", "wants a capture; '-' is standard input");
	if (!*status && w->profile && !w->output)
		*status =
			sp_usage("read", "--profile wants -o: profiles are for files, a summary has no room for them");
	if (!*status && w->output && !*w->output)
		*status = sp_usage("read", "-o wants a directory, or '-' for standard output");
	return *status ? -1 : 0;
}

static int fail(const struct sp_err *err)
{
	sp_log("%s", err->text);
	return SP_EXIT_FAILED;
}

/* --profile[=WHICH]: a word, or a filter. The rest is as configured. */
static int choose_profiles(struct sp_profile_conf *conf, const char *which)
{
	static const struct {
		const char *word;
		uint64_t triggers;
	} words[] = {
		{"failures", SP_PROFILE_TRIGGER(FAILURE)},
		{"retransmissions", SP_PROFILE_TRIGGER(RETRANSMISSION)},
		{"zero-windows", SP_PROFILE_TRIGGER(ZERO_WINDOW)},
		{"slow", SP_PROFILE_TRIGGER(SLOW)},
	};
	struct sp_profile_filter filter;
	struct sp_err err;
	conf->record = SP_PROFILE_RECORD_ALL;
	if (!strcmp(which, "all"))
		return 0;
	for (size_t i = 0; i < SP_ARRAY_SIZE(words); i++)
		if (!strcmp(which, words[i].word)) {
			conf->record = SP_PROFILE_RECORD_TRIGGER;
			conf->triggers = words[i].triggers;
			return 0;
		}
	if (strlen(which) >= sizeof conf->filter || !*which)
		return sp_usage("read", "--profile: a filter has 1 to %zu letters", sizeof conf->filter - 1);
	strcpy(conf->filter, which);
	if (sp_profile_filter_parse(&filter, which, &err))
		return sp_usage("read", "--profile: %s; or all, failures, retransmissions, zero-windows, slow",
				err.text);
	return 0;
}

/* Configuration and filters: what is wrong here is wrong usage. */
static int prepare(struct run *r)
{
	struct sp_err err;
	if (sp_settings_load(&r->conf, r->wish->conf))
		return SP_EXIT_USAGE;
	r->settings = sp_conf_get(r->conf);
	r->flow = r->settings->flow;
	if (!r->wish->output || !strcmp(r->wish->output, "-")) /* packets are for a file */
		r->flow.profile.keep_packets = 0;
	if (r->wish->profile && choose_profiles(&r->flow.profile, r->wish->profile))
		return SP_EXIT_USAGE;
	if (r->wish->filter && sp_filter_new(&r->filter, r->wish->filter, &err)) {
		sp_log("%s", err.text);
		return SP_EXIT_USAGE;
	}
	return 0;
}

/* What cannot be opened is named and left out; the run fails only when nothing is left. */
static int open_captures(struct run *r)
{
	uint64_t total = 0;
	r->points = sp_mem_map(sizeof *r->points, 0);
	if (!r->points || sp_report_init(&r->report, r->points))
		return fail(&(struct sp_err){"no memory"});
	r->points->settle = sp_point_conf_settle;
	r->points->settle_ctx = &r->settings->points;
	for (unsigned i = 0; i < r->wish->n; i++) {
		const struct input *in = &r->wish->input[i];
		struct sp_err err;
		struct sp_report_file *f = &r->file[r->n_captures];
		if (sp_capture_open(&r->capture[r->n_captures], in->path, in->point, in->kind, r->points, &err)) {
			sp_log("%s", err.text);
			r->n_refused++;
			continue;
		}
		f->path = in->path;
		sp_capture_stats(r->capture[r->n_captures++], &f->stats);
		total += f->stats.file_size;
	}
	r->report.files = r->file;
	if (!r->n_captures)
		return SP_EXIT_FAILED;
	if (sp_merge_new(&r->merge, r->capture, r->n_captures))
		return fail(&(struct sp_err){"no memory"});
	r->report.n_files = r->n_captures;
	sp_progress_begin(&r->progress, total);
	return 0;
}

/* The exporter that was asked for: files, standard output, or the summary. */
static int add_exporter(struct run *r, struct sp_err *err)
{
	const char *output = r->wish->output;
	const struct sp_encoder *encoder = &sp_encode_json;
	struct sp_sink *sink = NULL;
	int rc = 0;
	if (!output) {
		encoder = &sp_summary_encoder;
		if (sp_summary_init(&r->summary) || !(sink = sp_summary_sink_new(&r->summary)))
			rc = sp_err(err, -ENOMEM, "no memory for the summary");
	} else if (!strcmp(output, "-")) {
		encoder = &sp_encode_json_tagged;
		rc = sp_sink_stream_new(&sink, STDOUT_FILENO);
		if (rc)
			sp_err(err, rc, "standard output: %s", strerror(-rc));
	} else {
		rc = sp_sink_dir_new(&sink, output, 0, err);
	}
	if (!rc && (rc = sp_hub_add(r->hub, encoder, sink, true)))
		sp_err(err, rc, "exporter: %s", strerror(-rc));
	return rc;
}

/* What the summary says of several points. All of it is told at the end. */
static int add_telling(struct run *r, struct sp_err *err)
{
	struct sp_stitch_conf conf = r->settings->stitch;
	struct sp_stitch_told told = sp_summary_told(&r->summary, r->points);
	conf.interval = 0;
	struct sp_sink *sink = sp_stitch_sink_telling(&conf, r->points, &told, &r->stitched);
	int rc = sink ? sp_hub_add(r->hub, sp_stitch_encoder(&conf), sink, true) : -ENOMEM;
	return rc ? sp_err(err, rc, "no memory for what lies between points; lower stitch.max_memory") : 0;
}

/* Traces and paths, beside the records they are made of. */
static int add_stitcher(struct run *r, struct sp_err *err)
{
	const char *output = r->wish->output;
	struct sp_sink *sink = NULL;
	int rc = 0;
	if (!output)
		return add_telling(r, err);
	bool stream = !strcmp(output, "-");
	if (stream && (rc = sp_sink_stream_new(&sink, STDOUT_FILENO)))
		sp_err(err, rc, "standard output: %s", strerror(-rc));
	else if (!stream)
		rc = sp_sink_dir_new(&sink, output, SP_SINK_TRACES, err);
	if (rc)
		return rc;
	sink = sp_stitch_sink_new(&r->settings->stitch, r->points, sink, stream, false, &r->stitched);
	if (!sink)
		return sp_err(err, -ENOMEM, "no memory for traces; lower stitch.max_memory");
	if ((rc = sp_hub_add(r->hub, sp_stitch_encoder(&r->settings->stitch), sink, true)))
		sp_err(err, rc, "exporter: %s", strerror(-rc));
	return rc;
}

/* Several workers where that can be and pays: one file with many packets, and processors. */
static unsigned count_workers(const struct run *r)
{
	const struct sp_workers_conf *conf = &r->settings->workers;
	if (r->n_captures > 1 || r->filter)
		return 1;
	if (conf->count || conf->cpus.n)
		return SP_MIN(sp_workers_conf_count(conf), SP_READERS_MAX);
	cpu_set_t cpus;
	if (r->file[0].stats.file_size < LARGE || sched_getaffinity(0, sizeof cpus, &cpus))
		return 1;
	return (unsigned)SP_MIN(CPU_COUNT(&cpus), WORKERS_THAT_HELP);
}

static int start(struct run *r)
{
	struct sp_err err = {"no memory"};
	r->decode = sp_decode_settings_apply(&r->settings->decode);
	struct sp_pipeline_conf conf = {
		.decode = r->decode,
		.flow = &r->flow,
		.reorder = &r->settings->reorder,
		.filter = r->filter,
	};
	r->workers = count_workers(r);
	if (sp_hub_new(&r->hub, r->workers, PAGES, r->points) || add_exporter(r, &err) || add_stitcher(r, &err))
		return fail(&err);
	int rc = sp_hub_start(r->hub);
	if (rc) {
		sp_err(&err, rc, "exporter: %s", strerror(-rc));
		return fail(&err);
	}
	for (unsigned i = 0; i < r->workers; i++) {
		conf.worker = i;
		sp_hub_out(r->hub, i, &r->out[i]);
		if (sp_pipeline_new(&r->pipeline[i], &conf, r->points, &r->out[i], &err))
			return fail(&err);
	}
	return 0;
}

static void look(struct run *r)
{
	uint64_t bytes = 0, packets = 0;
	for (unsigned i = 0; r->progress.shown && i < r->n_captures; i++) {
		sp_capture_stats(r->capture[i], &r->file[i].stats);
		bytes += r->file[i].stats.file_bytes;
		packets += r->file[i].stats.packets;
	}
	sp_progress_at(&r->progress, bytes, packets);
	if (sp_hub_error(r->hub))
		stop_signal = -1;
}

static bool go_on(void *ctx)
{
	look(ctx);
	return !stop_signal;
}

static void one_worker(struct run *r)
{
	for (unsigned batches = 1; !stop_signal && sp_merge_read(r->merge, &r->batch); batches++) {
		sp_pipeline_batch(r->pipeline[0], &r->batch);
		if (SP_UNLIKELY(batches % BATCHES_PER_LOOK == 0))
			look(r);
	}
	sp_pipeline_end(r->pipeline[0], SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
}

/* From the first packet to the last record. */
static int analyse(struct run *r)
{
	struct sp_readers_conf conf = {.capture = r->capture[0],
				       .pipeline = r->pipeline,
				       .decode = &r->decode,
				       .workers = r->workers,
				       .go_on = go_on,
				       .ctx = r};
	struct sp_err err;
	int rc = r->workers > 1 ? sp_readers_run(&conf, SP_CLOSE_END_OF_INPUT, &err) : -ENOTSUP;
	if (rc == -ENOTSUP) {
		one_worker(r);
		rc = 0;
	}
	sp_progress_end(&r->progress);
	for (unsigned i = 0; i < r->n_captures; i++)
		sp_capture_stats(r->capture[i], &r->file[i].stats);
	for (unsigned i = 0; i < r->workers; i++)
		sp_pipeline_report(r->pipeline[i], &r->report);
	sp_report_sum(&r->report);
	return rc ? fail(&err) : 0;
}

/* Says what was not read. Returns the exit code that the input deserves. */
static int judge_input(const struct run *r)
{
	bool damaged = r->n_refused;
	for (unsigned i = 0; i < r->n_captures; i++) {
		const struct sp_report_file *f = &r->file[i];
		if (f->stats.damaged)
			sp_log("%s: %s; the %" PRIu64 " packets before it were read", f->path, f->stats.damage,
			       f->stats.packets);
		damaged |= f->stats.damaged;
	}
	if (stop_signal > 0) {
		sp_log("stopped by SIG%s after %" PRIu64 " packets", sigabbrev_np(stop_signal), r->report.packets);
		damaged = true;
	}
	if (!damaged)
		return SP_EXIT_OK;
	return r->report.packets ? SP_EXIT_DAMAGED : SP_EXIT_FAILED;
}

static void say_what_was_too_much(const struct run *r)
{
	const struct sp_flow_stats *s = &r->report.flow;
	if (s->flows_shed || s->flows_refused)
		sp_log("the flow table was full: %" PRIu64 " flows ended early, %" PRIu64
		       " packets belong to none; raise flow.max_flows",
		       s->flows_shed, s->flows_refused);
}

static int finish(struct run *r)
{
	struct sp_err err;
	int rc = sp_hub_stop(r->hub), status = judge_input(r);
	sp_hub_stats(r->hub, &r->report.hub);
	if (r->settings->stitch.enabled)
		r->report.stitch = &r->stitched;
	if (rc)
		return SP_EXIT_FAILED; /* the sink said why */
	say_what_was_too_much(r);
	if (r->wish->output && strcmp(r->wish->output, "-") && sp_report_write(&r->report, r->wish->output, &err))
		return fail(&err);
	if (!r->wish->output) {
		bool colour = sp_terminal().colour;
		sp_summary_print(stdout, &r->summary, &r->report, colour);
	}
	if (!sp_report_adds_up(&r->report, &err))
		return fail(&err);
	return status;
}

static void take_down(struct run *r)
{
	for (unsigned i = 0; i < r->workers; i++)
		sp_pipeline_free(r->pipeline[i]);
	if (r->hub)
		sp_hub_free(r->hub);
	if (r->merge)
		sp_merge_free(r->merge);
	for (unsigned i = 0; !r->merge && i < r->n_captures; i++)
		sp_capture_close(r->capture[i]);
	sp_summary_free(&r->summary);
	if (r->report.counters)
		sp_report_free(&r->report);
	sp_mem_unmap(r->points, sizeof *r->points);
	sp_filter_free(r->filter);
	if (r->conf)
		sp_conf_free(r->conf);
}

int sp_cmd_read(int argc, char **argv)
{
	static struct wish wish;
	static struct run run = {.wish = &wish};
	int status;
	if (parse(&wish, argc, argv, &status))
		return status;
	catch_signals();
	status = prepare(&run);
	if (!status)
		status = open_captures(&run);
	if (!status)
		status = start(&run);
	if (!status)
		status = analyse(&run);
	if (!status)
		status = finish(&run);
	take_down(&run);
	return status;
}
