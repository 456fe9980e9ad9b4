/* SPDX-License-Identifier: Apache-2.0 */
/* Files as they are, cut off at random places, and with random bits changed, through the capture reader, the pipeline,
 * the encoder and the stitcher: nothing crashes or hangs, memory stays bounded, every packet is accounted for, and what
 * comes out is JSON. The damage follows from a file's path within its collection and the number of the variant, so that
 * a finding can be had again: `damage --write N FILE` writes what the run named. Each file has a process of its own.
 * Prints TAP, a line for each file and folder of the collection, of which PARTs are some. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "tests/corpus/analysis.h"
#include "tests/corpus/folder.h"

/* Variant 0 is the file itself; then so many are cut off, then so many have bits changed, the n-th of them n bits. */
#define CUTS 20u
#define FLIPPED 20u
#define VARIANTS (1 + CUTS + FLIPPED)

/* Per file, all variants together: far above what any needs, to end what would not end. CPU time, so that a busy
 * machine does not matter, and as much more on the clock. */
#define CPU_SECONDS_MAX 300
#define SECONDS_MAX (20 * CPU_SECONDS_MAX)
#define MEMORY_MAX_KIB (1u << 20)
#define FILES_MAX 100000
#define JOBS_MAX 64

/* Every fourth variant is read from a pipe, as far as one holds it. */
#define PIPE_SIZE (1u << 20)

/* Variants take turns: what the product does by itself; the other way through everything that has two – a table that
 * fills up, reports, checksums, hops, no reordering, next to no room for what flows say –; Network Profiles around
 * triggers, and packets kept. */
#define TURNS 3
static const char *const settings[TURNS] = {
	NULL,
	"flow: {max_flows: 1024, report_interval: 1s, dedup: {keep_routed: yes, window: 100ms}}\n"
	"decode: {verify_checksums: yes, sliced: yes, max_tunnels: 2, mirror: [erspan], keep: [gre]}\n"
	"reorder: {window: 0s}\n"
	"requests: {max_memory: 4MiB, max_held: 1KiB, max_calls: 2, max_field: 64, timeout: 10ms, reveal: [mysql, "
	"redis]}\n"
	"profile: {record: all, max_memory: 1MiB}\n"
	"stitch: {one_point: yes, window: 10ms, max_memory: 1MiB}\n",
	"profile: {record: trigger, slow: 1ms, before: 4, after: 8, keep_packets: 96, max_memory: 1MiB}\n"
	"stitch: {one_point: yes}\n",
};

struct input {
	const char *name; /* path within the collection: the seed */
	uint8_t *data;
	size_t size;
};

/* --- damage --- */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t seed_of(const char *name, unsigned variant)
{
	uint64_t seed = variant;
	for (; *name; name++)
		seed = sp_hash_mix(seed ^ (uint8_t)*name ^ SP_HASH_K0, SP_HASH_K1);
	return seed;
}

/* The variant of a file, in a block of its own. */
static uint8_t *damaged(const struct input *in, unsigned variant, size_t *size)
{
	uint64_t random = seed_of(in->name, variant);
	uint8_t *data = malloc(in->size + 1);
	if (!data)
		abort();
	*size = in->size;
	if (variant && variant <= CUTS && in->size)
		*size = next_random(&random) % in->size;
	if (*size)
		memcpy(data, in->data, *size);
	for (unsigned n = variant > CUTS ? variant - CUTS : 0; n && in->size; n--) {
		uint64_t where = next_random(&random);
		data[where % in->size] ^= (uint8_t)(1u << (where >> 61));
	}
	return data;
}

/* --- one variant --- */

/* Every packet read has a verdict, and every one that has a flow is in a record, or it is known why not. */
static void look_at_report(struct run *r, const struct sp_report *report)
{
	if (!sp_report_adds_up(report, &r->err))
		run_broken(r, r->err.text);
	const struct sp_flow_stats *f = &report->flow;
	uint64_t known = f->icmp_quoted + f->duplicates + f->flows_refused + f->fragments_refused + f->inner_refused;
	if (r->flow_packets + known != report->counters->reason[SP_DECODE_OK] + f->inner_packets)
		run_broken(r, "packets in records are not the packets that have a flow");
	if (f->flows_created != f->flows_ended)
		run_broken(r, "flows begun are not the flows ended");
	if (r->requests != f->requests || r->flow_requests != f->requests)
		run_broken(r, "calls in records are not the calls told");
	if (r->profiled != f->profile_packets || r->kept != f->profile_packets_kept)
		run_broken(r, "packets in profiles are not the packets recorded");
}

static void analyse(struct run *r, struct sp_capture *capture, const struct settings *s)
{
	struct sp_pipeline *pipeline = run_pipeline(r, s);
	struct sp_report report;
	struct sp_report_file file = {.path = "file"};
	if (!pipeline || sp_report_init(&report, r->points))
		return;
	run_stitch(r, s);
	while (sp_capture_read(capture, &r->batch))
		run_batch(r, pipeline);
	sp_pipeline_end(pipeline, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	run_stitch_end(r);
	sp_capture_stats(capture, &file.stats);
	report.files = &file;
	report.n_files = 1;
	sp_pipeline_report(pipeline, &report);
	sp_report_sum(&report);
	look_at_report(r, &report);
	sp_report_free(&report);
	sp_pipeline_free(pipeline);
}

/* A descriptor that yields the bytes: of a file in memory, or the end of a pipe. */
static int source(const uint8_t *data, size_t size, bool pipe_)
{
	int fd[2];
	if (pipe_ && size <= PIPE_SIZE && !pipe(fd)) {
		bool fits = size < 65536 || fcntl(fd[1], F_SETPIPE_SZ, PIPE_SIZE) >= (int)size;
		if (fits && write(fd[1], data, size) == (ssize_t)size) {
			close(fd[1]);
			return fd[0];
		}
		close(fd[0]);
		close(fd[1]);
	}
	fd[0] = memfd_create("damage", 0);
	if (fd[0] < 0 || write(fd[0], data, size) != (ssize_t)size) {
		perror("memfd");
		exit(2);
	}
	return fd[0];
}

/* What is wrong, or NULL. */
static const char *run_variant(struct run *r, const struct input *in, unsigned variant, const struct settings *s)
{
	size_t size;
	uint8_t *data = damaged(in, variant, &size);
	int fd = source(data, size, variant % 4 == 3);
	char path[32];
	struct sp_capture *capture;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r->points->n = 0;
	r->flow_packets = r->flow_requests = r->requests = r->profiled = r->kept = 0;
	r->broken = NULL;
	r->page.used = r->page.n = 0;
	if (!sp_capture_open(&capture, path, NULL, SP_POINT_UNKNOWN, r->points, &r->err)) {
		analyse(r, capture, s);
		sp_capture_close(capture);
	} else if (!*r->err.text) {
		run_broken(r, "refused without a word");
	}
	close(fd);
	free(data);
	return r->broken;
}

/* --- one file --- */

static struct input load(const char *path, const char *name)
{
	struct input in = {.name = name};
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) || !(in.data = malloc((size_t)st.st_size + 1)) ||
	    fread(in.data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	in.size = (size_t)st.st_size;
	fclose(f);
	return in;
}

static int run_file(const char *path, const char *name, unsigned from, unsigned to)
{
	struct input in = load(path, name);
	struct sp_conf *conf[TURNS];
	struct run *r = run_new();
	int failed = 0;
	for (unsigned i = 0; i < TURNS; i++)
		conf[i] = settings_load(settings[i]);
	for (unsigned v = from; v < to; v++) {
		const char *wrong = run_variant(r, &in, v, sp_conf_get(conf[v % TURNS]));
		if (wrong)
			printf("# %s, variant %u: %s\n", path, v, wrong);
		failed |= !!wrong;
	}
	fflush(stdout);
	run_free(r);
	for (unsigned i = 0; i < TURNS; i++)
		sp_conf_free(conf[i]);
	free(in.data);
	return failed;
}

/* --- all files --- */

struct job {
	pid_t pid;
	unsigned file;
};

static struct {
	char *path[FILES_MAX];
	size_t root; /* length of the collection's path */
	unsigned n, failed;
	long memory; /* KiB, the largest process */
} all;

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

static const char *name_of(const char *path)
{
	return path + all.root;
}

static void begin_job(struct job *job, unsigned file)
{
	fflush(stdout);
	job->file = file;
	job->pid = fork();
	if (job->pid)
		return;
	setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS_MAX, CPU_SECONDS_MAX + 1});
	alarm(SECONDS_MAX);
	exit(run_file(all.path[file], name_of(all.path[file]), 0, VARIANTS));
}

/* Waits for any process. */
static void end_job(struct job *jobs, unsigned n)
{
	struct rusage use;
	int status;
	pid_t pid = wait4(-1, &status, 0, &use);
	for (unsigned i = 0; i < n; i++) {
		if (jobs[i].pid != pid)
			continue;
		jobs[i].pid = 0;
		const char *path = all.path[jobs[i].file];
		if (WIFSIGNALED(status))
			printf("# %s: %s\n", path,
			       WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGXCPU
				       ? "does not end"
				       : strsignal(WTERMSIG(status)));
		else if (status)
			printf("# %s: exit status %d\n", path, WEXITSTATUS(status));
		if (use.ru_maxrss > MEMORY_MAX_KIB)
			printf("# %s: %ld KiB of memory\n", path, use.ru_maxrss);
		all.failed += status || use.ru_maxrss > MEMORY_MAX_KIB;
		all.memory = SP_MAX(all.memory, use.ru_maxrss);
	}
}

static unsigned running(const struct job *jobs, unsigned n)
{
	unsigned count = 0;
	for (unsigned i = 0; i < n; i++)
		count += jobs[i].pid > 0;
	return count;
}

/* The files [from, to), a folder's, as one test. */
static void run_files(unsigned from, unsigned to, unsigned n_jobs)
{
	struct job jobs[JOBS_MAX] = {0};
	for (unsigned file = from; file < to || running(jobs, n_jobs);) {
		unsigned i = 0;
		while (i < n_jobs && jobs[i].pid)
			i++;
		if (i < n_jobs && file < to)
			begin_job(&jobs[i], file++);
		else
			end_job(jobs, n_jobs);
	}
}

/* Length of a path's folder below the collection: its first step. */
static size_t folder(const char *path)
{
	return strcspn(name_of(path), "/");
}

/* No parts named: all. */
static bool is_asked(const char *path, char **part, int n_parts)
{
	bool asked = !n_parts;
	for (int i = 0; i < n_parts; i++)
		asked |= strlen(part[i]) == folder(path) && !memcmp(part[i], name_of(path), folder(path));
	return asked;
}

static int run_collection(const char *root, unsigned n_jobs, char **part, int n_parts)
{
	unsigned tests = 0, bad = 0;
	all.root = strlen(root) + 1;
	if (nftw(root, add_file, 32, FTW_PHYS) || !all.n) {
		fprintf(stderr, "%s: no files\n", root);
		return 2;
	}
	qsort(all.path, all.n, sizeof *all.path, by_path);
	for (unsigned from = 0, to; from < all.n; from = to) {
		size_t len = folder(all.path[from]);
		for (to = from + 1; to < all.n && name_of(all.path[from])[len]; to++)
			if (folder(all.path[to]) != len || memcmp(name_of(all.path[to]), name_of(all.path[from]), len))
				break;
		if (!is_asked(all.path[from], part, n_parts))
			continue;
		all.failed = 0;
		run_files(from, to, n_jobs);
		printf("%s %u - %.*s: %u files, %u inputs\n", all.failed ? "not ok" : "ok", ++tests, (int)len,
		       name_of(all.path[from]), to - from, (to - from) * VARIANTS);
		bad += !!all.failed;
	}
	printf("# at most %ld MiB of memory\n1..%u\n", all.memory >> 10, tests);
	for (unsigned i = 0; i < all.n; i++)
		free(all.path[i]);
	return bad || !tests ? 1 : 0;
}

static int write_variant(const char *path, const char *name, unsigned variant)
{
	struct input in = load(path, name);
	size_t size;
	uint8_t *data = damaged(&in, variant, &size);
	return fwrite(data, 1, size, stdout) == size ? 0 : 1;
}

int main(int argc, char **argv)
{
	/* A pipeline's memory for one small file: to clear huge pages would take most of the time. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (argc == 5 && !strcmp(argv[1], "--write"))
		return write_variant(argv[3], argv[4], (unsigned)atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "--only"))
		return run_file(argv[3], argv[4], (unsigned)atoi(argv[2]), (unsigned)atoi(argv[2]) + 1);
	int jobs = argc > 1 ? atoi(argv[1]) : 0;
	if (argc >= 3 && jobs > 0 && jobs <= JOBS_MAX)
		return run_collection(argv[2], (unsigned)jobs, argv + 3, argc - 3);
	if (argc == 2 && jobs > 0 && jobs <= JOBS_MAX && corpus_folder())
		return run_collection(corpus_folder(), (unsigned)jobs, NULL, 0);
	if (argc == 2 && jobs > 0) {
		puts("1..0 # SKIP public captures: SPANTAP_CORPUS does not name their folder");
		return 0;
	}
	fputs("usage: damage JOBS [FOLDER [PART…]]\n       damage --only|--write VARIANT FILE NAME-IN-FOLDER\n",
	      stderr);
	return 2;
}
