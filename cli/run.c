/* SPDX-License-Identifier: Apache-2.0 */
/* spantap run: live ports in, records out, until a signal ends it. This thread opens and closes ports, watches devices,
 * takes signals and writes stats.json; packets are the workers' and files the hub's. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/run_ports.h"
#include "exporters/stitch.h"

#define PAGES 256			/* of a worker's records that may wait for the exporter: 16 MiB */
#define STATS_EVERY (5 * SP_NS_PER_SEC) /* between two stats.json */
#define BYTES_PER_FLOW 256		/* of a live flow table, everything included */
#define MEMORY_SHARE 4			/* flow tables take a quarter of what is free at most */
#define FLOWS_MIN 1024

/* Everything of one run, so that one function can take it down from whatever state it reached. */
struct run {
	const char *path;
	struct sp_conf *conf;	 /* what the run began with: what cannot change while it runs is read from here */
	struct sp_conf *current; /* loaded last; NULL: the first one */
	const struct sp_settings *settings;
	struct sp_flow_conf flow;
	struct sp_decode_conf decode;
	uint64_t hash_key;
	struct sp_points *points;
	struct sp_hub *hub;
	struct sp_workers *workers;
	struct sp_run_ports *ports;
	struct sp_report report;
	struct sp_stitch_stats stitched; /* filled at the end */
	struct sp_report_worker threads[SP_WORKERS_MAX];
	uint64_t start_ns;
};

static volatile sig_atomic_t stop_signal, reload_signal;
static int signal_fd = -1;

static void on_signal(int signal_)
{
	if (signal_ == SIGHUP) {
		reload_signal = 1;
	} else if (stop_signal) {
		signal(signal_, SIG_DFL); /* a second one ends the program at once */
		raise(signal_);
	} else {
		stop_signal = signal_;
	}
	int saved = errno;
	eventfd_write(signal_fd, 1);
	errno = saved;
}

static int catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signal_fd < 0)
		return -errno;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Threads that are started between the two leave signals to this one. */
static void block_signals(sigset_t *before)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void unblock_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int parse(const char **conf, int argc, char **argv, int *status)
{
	struct sp_args args;
	int letter;
	*status = 0;
	sp_args_begin(&args, "run", argc, argv);
	while ((letter = sp_args_next(&args)) > 0)
		*conf = args.value;
	if (letter < 0)
		*status = args.status;
	else if (args.n_operands)
		*status = sp_usage("run", "takes no operands: ports are in the configuration");
	else if (!*conf)
		*status = sp_usage("run", "wants -c CONF; 'spantap check --print-default' prints one to begin with");
	return letter < 0 || *status ? -1 : 0;
}

static int fail(const struct sp_err *err)
{
	sp_log("%s", err->text);
	return SP_EXIT_FAILED;
}

/* --- start --- */

/* Live flow tables take their memory at start: as many flows as configured, or as a fair share of the memory holds. */
static void fit_flows(struct run *r)
{
	uint64_t workers = sp_workers_conf_count(&r->settings->workers), free_ = sp_mem_available();
	uint64_t fits = SP_MAX(free_ / MEMORY_SHARE / workers / BYTES_PER_FLOW, (uint64_t)FLOWS_MIN);
	if (r->flow.max_flows <= fits)
		return;
	sp_log("flow.max_flows: %" PRIu64 " instead of %" PRIu64 " for each of %" PRIu64 " worker%s: %" PRIu64
	       " MiB of memory are free, and flow tables take a quarter of it at most",
	       fits, r->flow.max_flows, workers, workers == 1 ? "" : "s", free_ >> 20);
	r->flow.max_flows = fits;
}

static int prepare(struct run *r)
{
	if (sp_settings_load(&r->conf, r->path))
		return SP_EXIT_USAGE;
	r->settings = sp_conf_get(r->conf);
	if (!r->settings->ports.n) {
		sp_log("%s: ports: is empty, expected at least one: - {type: af_packet, interface: eth0}", r->path);
		return SP_EXIT_USAGE;
	}
	/* Random: nobody can choose flows that collide. */
	if (getrandom(&r->hash_key, sizeof r->hash_key, 0) != sizeof r->hash_key)
		r->hash_key = sp_clock_ns(CLOCK_REALTIME) * UINT64_C(0x9e3779b97f4a7c15);
	r->flow = r->settings->flow;
	r->decode = sp_decode_settings_apply(&r->settings->decode);
	r->decode.hash_key = r->hash_key;
	r->points = sp_mem_map(sizeof *r->points, 0);
	if (!r->points || sp_report_init(&r->report, r->points))
		return fail(&(struct sp_err){"no memory"});
	r->start_ns = r->report.start_ns;
	r->points->one_clock = true;
	r->points->settle = sp_point_conf_settle;
	r->points->settle_ctx = &r->settings->points;
	fit_flows(r);
	return 0;
}

/* Traces and paths, beside the records they are made of. */
static int add_stitcher(struct run *r, struct sp_err *err)
{
	struct sp_sink *sink;
	int rc = sp_sink_dir_new(&sink, r->settings->output.directory, SP_SINK_LIVE | SP_SINK_TRACES, err);
	if (rc)
		return rc;
	sink = sp_stitch_sink_new(&r->settings->stitch, r->points, sink, false, true, &r->stitched);
	if (!sink)
		return sp_err(err, -ENOMEM, "no memory for traces; lower stitch.max_memory");
	rc = sp_hub_add(r->hub, sp_stitch_encoder(&r->settings->stitch), sink, false);
	return rc ? sp_err(err, rc, "exporter: %s", strerror(-rc)) : 0;
}

static int start_hub(struct run *r, struct sp_err *err)
{
	struct sp_sink *sink;
	unsigned workers = sp_workers_conf_count(&r->settings->workers);
	int rc = sp_sink_dir_new(&sink, r->settings->output.directory, SP_SINK_LIVE, err);
	if (rc)
		return rc;
	rc = sp_hub_new(&r->hub, workers, PAGES, r->points);
	if (rc)
		sink->close(sink);
	else
		rc = sp_hub_add(r->hub, &sp_encode_json, sink, false);
	if (!rc && r->settings->stitch.enabled && (rc = add_stitcher(r, err)))
		return rc;
	rc = rc ? rc : sp_hub_start(r->hub);
	return rc ? sp_err(err, rc, "exporter: %s", strerror(-rc)) : 0;
}

static int start(struct run *r)
{
	struct sp_err err = {"no memory"};
	struct sp_pipeline_conf conf = {
		.decode = r->decode,
		.flow = &r->flow,
		.reorder = &r->settings->reorder,
		.flags = SP_FLOWTABLE_PRESIZE,
	};
	sigset_t before;
	block_signals(&before);
	int rc = start_hub(r, &err);
	rc = rc ? rc : sp_workers_start(&r->workers, &r->settings->workers, &conf, r->points, r->hub, &err);
	unblock_signals(&before);
	rc = rc ? rc : sp_run_ports_new(&r->ports, r->settings, r->points, r->workers, r->hub, &err);
	return rc ? fail(&err) : 0;
}

/* --- reports --- */

/* What was counted until now. */
static void report(struct run *r)
{
	memset(r->report.counters, 0, sizeof *r->report.counters);
	r->report = (struct sp_report){.points = r->points, .counters = r->report.counters, .start_ns = r->start_ns};
	sp_workers_report(r->workers, &r->report, r->threads);
	sp_run_ports_report(r->ports, &r->report);
	sp_hub_stats(r->hub, &r->report.hub);
	r->report.threads = r->threads;
	r->report.n_threads = sp_workers_count(r->workers);
	sp_report_sum(&r->report);
}

static int write_report(struct run *r)
{
	static bool told;
	struct sp_err err;
	int rc = sp_report_write(&r->report, r->settings->output.directory, &err);
	if (rc && !told)
		sp_log("%s", err.text);
	told = rc;
	return rc;
}

/* --- reload --- */

/* Applies what may change while running, and says what may not. */
static void apply(struct run *r, struct sp_conf *conf)
{
	const struct sp_settings *s = sp_conf_get(conf);
	char names[512];
	unsigned fixed = sp_conf_fixed_changes(r->conf, conf, names, sizeof names);
	uint64_t max_flows = r->flow.max_flows;
	r->flow = s->flow;
	r->flow.max_flows = max_flows;
	r->decode = sp_decode_settings_apply(&s->decode);
	r->decode.hash_key = r->hash_key;
	sp_workers_reconf(r->workers, &r->decode, &r->flow);
	if (r->current)
		sp_conf_free(r->current);
	r->current = conf;
	sp_log("%s: loaded again%s%s", r->path, fixed ? "; only a restart changes " : "", fixed ? names : "");
}

static void reload(struct run *r)
{
	struct sp_conf *conf;
	reload_signal = 0;
	sp_hub_reopen(r->hub);
	if (sp_settings_load(&conf, r->path))
		sp_log("%s: not loaded; everything stays as it was", r->path);
	else
		apply(r, conf);
}

/* --- the run --- */

static void wait_for_something(struct run *r, int timeout_ms)
{
	eventfd_t n;
	struct pollfd fds[] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = sp_run_ports_fd(r->ports), .events = POLLIN},
	};
	poll(fds, SP_ARRAY_SIZE(fds), timeout_ms);
	eventfd_read(signal_fd, &n);
}

static int watch(struct run *r)
{
	uint64_t written = 0;
	unsigned workers = sp_workers_count(r->workers);
	sp_log("%u worker%s with room for %" PRIu64 " flows each; records go to %s", workers, workers == 1 ? "" : "s",
	       r->flow.max_flows, r->settings->output.directory);
	for (bool first = true; !stop_signal; first = false) {
		int timeout = sp_run_ports_turn(r->ports);
		if (first && sp_run_ports_hopeless(r->ports))
			return fail(&(struct sp_err){"no port can be opened: nothing to analyse"});
		if (reload_signal)
			reload(r);
		uint64_t now = sp_clock_ns(CLOCK_MONOTONIC);
		if (now - written >= STATS_EVERY) {
			report(r);
			write_report(r);
			written = now;
		}
		wait_for_something(r, timeout);
	}
	return 0;
}

/* Every packet that came in is analysed, every open flow written. */
static int finish(struct run *r)
{
	struct sp_err err;
	sp_log("SIG%s: writing open flows", sigabbrev_np(stop_signal));
	sp_run_ports_drain(r->ports);
	sp_hub_set_wait(r->hub, true);
	sp_workers_end(r->workers, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX);
	report(r);
	int rc = sp_hub_stop(r->hub);
	sp_hub_stats(r->hub, &r->report.hub);
	if (r->settings->stitch.enabled)
		r->report.stitch = &r->stitched;
	if (write_report(r) || rc)
		return SP_EXIT_FAILED; /* what wrote said why */
	sp_log("%" PRIu64 " packets: %" PRIu64 " analysed, %" PRIu64 " duplicates, %" PRIu64 " malformed, %" PRIu64
	       " dropped; %" PRIu64 " flow records and %" PRIu64 " calls in %s",
	       r->report.packets, r->report.verdict[SP_ANALYSED], r->report.verdict[SP_DUPLICATE],
	       r->report.verdict[SP_MALFORMED], r->report.verdict[SP_DROPPED], r->report.flow.flow_records,
	       r->report.flow.requests, r->settings->output.directory);
	if (!sp_report_adds_up(&r->report, &err))
		return fail(&err);
	return SP_EXIT_OK;
}

static void take_down(struct run *r)
{
	sp_workers_stop(r->workers);
	sp_run_ports_free(r->ports);
	sp_hub_free(r->hub);
	if (r->report.counters)
		sp_report_free(&r->report);
	sp_mem_unmap(r->points, sizeof *r->points);
	if (r->current)
		sp_conf_free(r->current);
	if (r->conf)
		sp_conf_free(r->conf);
}

int sp_cmd_run(int argc, char **argv)
{
	static struct run run;
	int status;
	if (parse(&run.path, argc, argv, &status))
		return status;
	if (catch_signals())
		return fail(&(struct sp_err){"cannot take signals: too many open files?"});
	status = prepare(&run);
	if (!status)
		status = start(&run);
	if (!status)
		status = watch(&run);
	if (!status)
		status = finish(&run);
	take_down(&run);
	return status;
}
