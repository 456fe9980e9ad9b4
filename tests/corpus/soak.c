/* SPDX-License-Identifier: Apache-2.0 */
/* Captures at large for minutes: many at once through one pipeline, whose room for what flows say, profiles and traces
 * shrinks from a little to next to nothing. After each load of them every flow is over, and nothing of what calls
 * needed may be left; over all of them memory may not grow. `soak MINUTES [FOLDER]`. Prints TAP, a line a setting. */
#include <ftw.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "tests/corpus/analysis.h"
#include "tests/corpus/folder.h"

#define FILES_MAX 100000
#define AT_ONCE 1024
/* The one clock is so much slower than those of the captures together, or flows would be over before their next packet.
 */
#define SLOWER 256
/* Loads that one pipeline lives for. */
#define LOADS 4
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* What is allocated and what is resident may be so much more than after the first time through all settings. Of what is
 * resident the allocator keeps some, the address sanitizer up to 256 MiB that were freed. */
#define GROWTH_MAX_KIB 512
#ifdef __SANITIZE_ADDRESS__
#define RESIDENT_GROWTH_MAX_KIB (320 << 10)
#else
#define RESIDENT_GROWTH_MAX_KIB (16 << 10)
#endif

static const struct level {
	const char *name;
	uint64_t calls_memory; /* less than may be configured; 0: as configured */
	bool short_of;	       /* memory has to be used up */
	const char *settings;
} level[] = {
	{"some room", 0, false,
	 "requests: {max_memory: 64MiB, max_held: 64KiB, max_calls: 64}\n"
	 "profile: {record: all, max_memory: 64MiB}\n"
	 "stitch: {max_memory: 64MiB}\n"},
	{"little room", 1 << 20, true,
	 "requests: {max_held: 64KiB, max_calls: 64}\n"
	 "flow: {max_flows: 8192, report_interval: 1s}\n"
	 "profile: {record: trigger, keep_packets: 256, max_memory: 4MiB}\n"
	 "stitch: {max_memory: 4MiB}\n"},
	{"hardly any", 512 << 10, true,
	 "requests: {max_held: 1KiB, max_calls: 1, max_field: 64, timeout: 10ms, late: 0s}\n"
	 "flow: {max_flows: 1024, report_interval: 1s}\n"
	 "profile: {record: trigger, keep_packets: 4KiB, max_memory: 1MiB}\n"
	 "stitch: {max_memory: 1MiB}\n"},
	{"not written", 0, false, "requests: {max_memory: 4MiB, log: no}\nreorder: {window: 0s}\n"},
};
#define LEVELS SP_ARRAY_SIZE(level)

static struct {
	char *path[FILES_MAX];
	unsigned n, next;
	uint64_t ns; /* the one clock of all captures together */
	uint64_t packets, until_ns;
	uint64_t loads[LEVELS], requests[LEVELS];
	uint64_t no_calls[LEVELS], no_profiles[LEVELS], no_traces[LEVELS]; /* for lack of memory */
	unsigned broken[LEVELS];
	/* Allocated, and resident, each time that all settings had their turn. */
	long first_kib, last_kib, first_resident_kib, last_resident_kib;
} all;

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SP_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* not every compiler has its header */
#endif

static long allocated_kib(void)
{
#ifdef __SANITIZE_ADDRESS__
	return (long)(__sanitizer_get_current_allocated_bytes() >> 10);
#else
	struct mallinfo2 info = mallinfo2();
	return (long)((info.uordblks + info.hblkhd) >> 10);
#endif
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) >> 10);
}

/* --- a load of captures --- */

struct source {
	struct sp_capture *capture;
	uint64_t last_ns;
};

/* All captures have one clock, which goes on as each one's own does, within reason. */
static void set_clock(struct sp_batch *batch, struct source *source)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		uint64_t ns = batch->pkt[i].ts_ns, gap = ns > source->last_ns ? ns - source->last_ns : 0;
		source->last_ns = ns;
		all.ns += SP_MIN(gap, SLOWER * SP_NS_PER_SEC) / SLOWER;
		batch->pkt[i].ts_ns = all.ns;
	}
}

/* The next files in a random order that ends at no time. Returns how many could be opened. */
static unsigned open_load(struct run *r, struct source *source)
{
	unsigned n = 0;
	atomic_store(&r->points->n, 0);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		const char *path = all.path[all.next++ % all.n];
		if (!sp_capture_open(&source[n].capture, path, NULL, SP_POINT_UNKNOWN, r->points, &r->err))
			source[n++].last_ns = UINT64_MAX;
	}
	return n;
}

static void read_load(struct run *r, struct sp_pipeline *pipeline, const struct settings *s)
{
	struct source source[AT_ONCE];
	unsigned n = open_load(r, source);
	run_stitch(r, s);
	while (n) {
		for (unsigned i = 0; i < n; i++) {
			if (sp_capture_read(source[i].capture, &r->batch)) {
				set_clock(&r->batch, &source[i]);
				all.packets += r->batch.n;
				run_batch(r, pipeline);
				continue;
			}
			sp_capture_close(source[i].capture);
			source[i--] = source[--n];
		}
	}
	sp_pipeline_end(pipeline, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	run_stitch_end(r);
}

/* Counts of the pipeline's whole life. */
static void look(struct run *r, struct sp_pipeline *pipeline, struct sp_flow_stats *stats)
{
	struct sp_report report;
	if (sp_report_init(&report, r->points)) {
		run_broken(r, "no report");
		return;
	}
	sp_pipeline_report(pipeline, &report);
	if (report.flow.flows_created != report.flow.flows_ended)
		run_broken(r, "flows begun are not the flows ended");
	if (r->flow_requests != report.flow.requests)
		run_broken(r, "calls in flows' records are not the calls told");
	if (r->profiled != report.flow.profile_packets || r->kept != report.flow.profile_packets_kept)
		run_broken(r, "packets in profiles are not the packets recorded");
	*stats = report.flow;
	sp_report_free(&report);
}

/* --- settings in turn --- */

/* A pipeline's life. */
static void live(struct run *r, unsigned l)
{
	struct sp_conf *conf = settings_load(level[l].settings);
	struct settings tight = *(const struct settings *)sp_conf_get(conf), *s = &tight;
	if (level[l].calls_memory)
		s->flow.requests.max_memory = level[l].calls_memory;
	struct sp_pipeline *pipeline = run_pipeline(r, s);
	struct sp_flow_stats stats = {0};
	r->flow_requests = r->requests = r->profiled = r->kept = 0;
	for (unsigned i = 0; pipeline && i < LOADS && !r->broken && now_ns() < all.until_ns; i++) {
		read_load(r, pipeline, s);
		look(r, pipeline, &stats);
		all.loads[l]++;
		all.no_traces[l] += r->stitch_stats.traces_early + r->stitch_stats.spans_refused +
				    r->stitch_stats.paths_early + r->stitch_stats.legs_refused;
	}
	if (r->requests != (s->flow.requests.log ? stats.requests : 0))
		run_broken(r, "calls written are not the calls told");
	all.requests[l] += stats.requests;
	all.no_calls[l] += stats.l7_memory_exceeded;
	all.no_profiles[l] += stats.profiles_refused + stats.profile_packets_refused + stats.profile_packets_unkept;
	if (pipeline)
		sp_pipeline_free(pipeline);
	run_forget(r);
	sp_conf_free(conf);
}

/* Until the time is over. Returns how often all settings had their turn. */
static unsigned soak(struct run *r)
{
	for (unsigned turns = 0;; turns++) {
		for (unsigned l = 0; l < LEVELS; l++) {
			if (now_ns() >= all.until_ns)
				return turns;
			live(r, l);
			if (!r->broken)
				continue;
			printf("# %s: %s\n", level[l].name, r->broken);
			all.broken[l]++;
			r->broken = NULL;
		}
		all.last_kib = allocated_kib();
		all.last_resident_kib = resident_kib();
		if (turns)
			continue;
		all.first_kib = all.last_kib;
		all.first_resident_kib = all.last_resident_kib;
	}
}

/* --- captures --- */

static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && S_ISREG(st->st_mode) && all.n < FILES_MAX)
		all.path[all.n++] = strdup(path);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same order every time, in which neighbours are of different collections. */
static void shuffle(void)
{
	uint64_t random = 1;
	qsort(all.path, all.n, sizeof *all.path, by_path);
	for (unsigned i = all.n; i > 1; i--) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned j = (unsigned)((random >> 33) % i);
		char *path = all.path[i - 1];
		all.path[i - 1] = all.path[j];
		all.path[j] = path;
	}
}

static int run_for(double minutes, const char *folder)
{
	unsigned bad = 0;
	if (nftw(folder, add_file, 32, FTW_PHYS) || !all.n) {
		fprintf(stderr, "%s: no files\n", folder);
		return 2;
	}
	shuffle();
	all.ns = 1000 * SP_NS_PER_SEC;
	all.until_ns = now_ns() + (uint64_t)(minutes * 60e9);
	struct run *r = run_new();
	unsigned turns = soak(r);
	for (unsigned l = 0; l < LEVELS; l++) {
		bool plenty =
			turns && level[l].short_of && !(all.no_calls[l] && all.no_profiles[l] && all.no_traces[l]);
		bad += all.broken[l] || plenty;
		printf("%s %u - %s: %" PRIu64 " loads, %" PRIu64 " calls; no memory for calls %" PRIu64
		       " times, for profiles %" PRIu64 ", for traces %" PRIu64 "\n",
		       all.broken[l] || plenty ? "not ok" : "ok", l + 1, level[l].name, all.loads[l], all.requests[l],
		       all.no_calls[l], all.no_profiles[l], all.no_traces[l]);
	}
	bool grew = all.last_kib > all.first_kib + GROWTH_MAX_KIB ||
		    all.last_resident_kib > all.first_resident_kib + RESIDENT_GROWTH_MAX_KIB;
	printf("# %u files, %u opened, %" PRIu64 " packets, %u times all settings\n", all.n, all.next, all.packets,
	       turns);
	printf("%s %u - memory: %ld KiB allocated, then %ld; %ld KiB resident, then %ld\n1..%u\n",
	       grew ? "not ok" : "ok", (unsigned)LEVELS + 1, all.first_kib, all.last_kib, all.first_resident_kib,
	       all.last_resident_kib, (unsigned)LEVELS + 1);
	run_free(r);
	for (unsigned i = 0; i < all.n; i++)
		free(all.path[i]);
	return bad || grew ? 1 : 0;
}

int main(int argc, char **argv)
{
	double minutes = argc > 1 ? atof(argv[1]) : 0;
	const char *folder = argc > 2 ? argv[2] : corpus_folder();
	if (minutes > 0 && argc <= 3 && folder)
		return run_for(minutes, folder);
	if (minutes > 0 && argc == 2) {
		puts("1..0 # SKIP public captures: SPANTAP_CORPUS does not name their folder");
		return 0;
	}
	fputs("usage: soak MINUTES [FOLDER]\n", stderr);
	return 2;
}
