/* SPDX-License-Identifier: Apache-2.0 */
/* stats.json: the report for machines. Off the packet path; written once, or now and then. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "dataplane/stats.h"
#include "exporters/encode/text.h"
#include "parsers/parser.h"

static const char *const verdict_name[SP_VERDICT_MAX] = {
	[SP_ANALYSED] = "analysed",   [SP_FILTERED] = "filtered", [SP_DUPLICATE] = "duplicate",
	[SP_MALFORMED] = "malformed", [SP_DROPPED] = "dropped",
};

const char *sp_verdict_name(enum sp_verdict verdict)
{
	assert(verdict < SP_VERDICT_MAX);
	return verdict_name[verdict];
}

/* Objects and members, with commas and indentation where they belong. */
struct json {
	FILE *out;
	unsigned depth;
	bool first;
};

/* Names are a path long at most; what a file system or a capture calls things need not be UTF-8. */
static void text(struct json *j, const char *s)
{
	char escaped[6 * PATH_MAX + SP_TEXT_SLACK];
	char *end = sp_put_json_string(escaped, s, strnlen(s, PATH_MAX));
	fputc('"', j->out);
	fwrite(escaped, 1, (size_t)(end - escaped), j->out);
	fputc('"', j->out);
}

static void key(struct json *j, const char *name)
{
	if (!j->first)
		fputc(',', j->out);
	fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	j->first = false;
	if (name) {
		text(j, name);
		fputs(": ", j->out);
	}
}

static void open_(struct json *j, const char *name, char bracket)
{
	key(j, name);
	fputc(bracket, j->out);
	j->depth++;
	j->first = true;
}

static void close_(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	fputc(bracket, j->out);
	j->first = false;
}

static void number(struct json *j, const char *name, uint64_t value)
{
	key(j, name);
	fprintf(j->out, "%" PRIu64, value);
}

static void string(struct json *j, const char *name, const char *value)
{
	key(j, name);
	text(j, value);
}

static void verdicts(struct json *j, const uint64_t *verdict)
{
	for (unsigned v = 0; v < SP_VERDICT_MAX; v++)
		number(j, verdict_name[v], verdict[v]);
}

static void files(struct json *j, const struct sp_report *r)
{
	open_(j, "files", '[');
	for (unsigned i = 0; i < r->n_files; i++) {
		const struct sp_capture_stats *s = &r->files[i].stats;
		open_(j, NULL, '{');
		string(j, "path", r->files[i].path);
		number(j, "packets", s->packets);
		number(j, "bytes", s->bytes);
		number(j, "file_bytes", s->file_bytes);
		number(j, "refused", s->refused);
		number(j, "skipped_blocks", s->skipped_blocks);
		number(j, "time_unknown", s->time_unknown);
		if (s->damaged)
			string(j, "damage", s->damage);
		close_(j, '}');
	}
	close_(j, ']');
}

static void points(struct json *j, const struct sp_report *r)
{
	open_(j, "points", '[');
	for (uint32_t i = 0; i < atomic_load(&r->points->n); i++) {
		const struct sp_point_counters *p = &r->counters->point[i];
		open_(j, NULL, '{');
		string(j, "point", r->points->point[i].name);
		string(j, "kind", sp_point_kind_name(r->points->point[i].kind));
		number(j, "packets", p->packets);
		number(j, "bytes", p->bytes);
		verdicts(j, p->verdict);
		close_(j, '}');
	}
	close_(j, ']');
}

static void ports(struct json *j, const struct sp_report *r)
{
	open_(j, "ports", '[');
	for (unsigned i = 0; i < r->n_ports; i++) {
		const struct sp_report_port *p = &r->ports[i];
		open_(j, NULL, '{');
		string(j, "port", p->port->name);
		string(j, "type", p->port->ops->name);
		string(j, "point", r->points->point[p->port->point].name);
		string(j, "runs", p->port->why);
		if (*p->how)
			string(j, "workers", p->how);
		number(j, "packets", p->stats.packets);
		number(j, "bytes", p->stats.bytes);
		number(j, "dropped", p->stats.dropped);
		number(j, "invalid", p->stats.invalid);
		number(j, "copied", p->stats.copied);
		close_(j, '}');
	}
	close_(j, ']');
}

static void threads(struct json *j, const struct sp_report *r)
{
	open_(j, "threads", '[');
	for (unsigned i = 0; i < r->n_threads; i++) {
		const struct sp_report_worker *t = &r->threads[i];
		open_(j, NULL, '{');
		number(j, "packets", t->packets);
		number(j, "handed_over", t->handed_over);
		number(j, "busy_us", t->busy_ns / SP_NS_PER_US);
		number(j, "cpu_us", t->cpu_ns / SP_NS_PER_US);
		close_(j, '}');
	}
	close_(j, ']');
}

static void decode(struct json *j, const struct sp_report *r)
{
	const uint64_t *reason = r->counters->reason;
	open_(j, "decode", '{');
	number(j, "decoded", reason[SP_DECODE_OK]);
	open_(j, "skipped", '{');
#define X(sym, verdict, name)                                                                                          \
	if (SP_DECODE_##sym != SP_DECODE_OK && SP_##verdict == SP_ANALYSED)                                            \
		number(j, name, reason[SP_DECODE_##sym]);
	SP_DECODE_REASONS(X)
#undef X
	close_(j, '}');
	open_(j, "malformed", '{');
#define X(sym, verdict, name)                                                                                          \
	if (SP_##verdict == SP_MALFORMED)                                                                              \
		number(j, name, reason[SP_DECODE_##sym]);
	SP_DECODE_REASONS(X)
#undef X
	close_(j, '}');
	close_(j, '}');
}

/* Rows of one stage stand together: a stage ends where the next begins. */
static void drops(struct json *j, const struct sp_report *r)
{
	const char *stage = NULL;
	open_(j, "drops", '{');
#define SP_DROP(stage_, reason_, value, doc)                                                                           \
	if (!stage || strcmp(stage, #stage_)) {                                                                        \
		if (stage)                                                                                             \
			close_(j, '}');                                                                                \
		open_(j, stage = #stage_, '{');                                                                        \
	}                                                                                                              \
	number(j, #reason_, value);
#include "dataplane/stats.def"
#undef SP_DROP
	close_(j, '}');
	close_(j, '}');
}

static void flows(struct json *j, const struct sp_report *r)
{
	open_(j, "flows", '{');
#define SP_STAT(name, doc) number(j, #name, r->flow.name);
#include "flowtable/stats.def"
#undef SP_STAT
	close_(j, '}');
	open_(j, "reorder", '{');
#define X(name, doc) number(j, #name, r->reorder.name);
	SP_REORDER_STATS(X)
#undef X
	close_(j, '}');
	open_(j, "records", '{');
	number(j, "written", r->hub.records);
	number(j, "bytes", r->hub.bytes_written);
	number(j, "lost_no_page", r->records_lost);
	number(j, "lost_exporter_slow", r->hub.dropped_records);
	number(j, "lost_write_failed", r->hub.failed_records);
	close_(j, '}');
}

static void stitch(struct json *j, const struct sp_stitch_stats *s)
{
	open_(j, "stitch", '{');
#define X(name, doc) number(j, #name, s->name);
	SP_STITCH_STATS(X)
#undef X
	close_(j, '}');
}

static void protocols(struct json *j, const struct sp_report *r)
{
	open_(j, "protocols", '{');
	for (unsigned app = 0; app < SP_APP_MAX; app++) {
		const struct sp_app_counts *c = &r->apps[app];
		if (!(c->flows | c->requests) || !sp_app_name((uint16_t)app))
			continue;
		open_(j, sp_app_name((uint16_t)app), '{');
		number(j, "flows", c->flows);
		number(j, "requests", c->requests);
		number(j, "request_errors", c->request_errors);
		close_(j, '}');
	}
	close_(j, '}');
}

/* The kernel's figures for this process, in bytes: kB lines of /proc/self/status. */
static void resident(struct json *j)
{
	static const struct {
		const char *line, *key;
	} want[] = {{"VmRSS", "resident"},
		    {"VmHWM", "resident_peak"},
		    {"RssAnon", "resident_anonymous"},
		    {"RssFile", "resident_file"},
		    {"RssShmem", "resident_shared"}};
	FILE *f = fopen("/proc/self/status", "re");
	if (!f)
		return;
	char line[256], name[32];
	uint64_t kb;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%31[^:]: %" SCNu64 " kB", name, &kb) == 2)
			for (unsigned i = 0; i < SP_ARRAY_SIZE(want); i++)
				if (!strcmp(name, want[i].line))
					number(j, want[i].key, kb * 1024);
	fclose(f);
}

static void memory(struct json *j, const struct sp_report *r)
{
	open_(j, "memory_bytes", '{');
	resident(j);
	open_(j, "flow_table", '{');
	number(j, "index", r->memory.index);
	number(j, "flows", r->memory.flows);
	number(j, "extras", r->memory.extras);
	number(j, "layers", r->memory.layers);
	number(j, "wheel", r->memory.wheel);
	number(j, "dedup", r->memory.dedup);
	number(j, "fragments", r->memory.fragments);
	number(j, "calls", r->memory.calls);
	number(j, "profiles", r->memory.profiles);
	close_(j, '}');
	close_(j, '}');
}

static uint64_t us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void times(struct json *j, const struct sp_report *r)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	if (r->counters->last_ns) {
		number(j, "first_packet_ns", r->counters->first_ns);
		number(j, "last_packet_ns", r->counters->last_ns);
	}
	number(j, "wall_us", (sp_clock_ns(CLOCK_MONOTONIC) - r->start_ns) / SP_NS_PER_US);
	number(j, "cpu_user_us", us(u.ru_utime));
	number(j, "cpu_system_us", us(u.ru_stime));
}

void sp_report_json(FILE *out, const struct sp_report *r)
{
	struct json j = {.out = out, .depth = 1, .first = true};
	fputc('{', out);
	string(&j, "version", SP_VERSION);
	number(&j, "packets", r->packets);
	number(&j, "bytes", r->bytes);
	verdicts(&j, r->verdict);
	number(&j, "cut", r->counters->cut);
	decode(&j, r);
	drops(&j, r);
	flows(&j, r);
	if (r->stitch)
		stitch(&j, r->stitch);
	protocols(&j, r);
	points(&j, r);
	if (r->n_files)
		files(&j, r);
	if (r->n_threads) {
		ports(&j, r);
		threads(&j, r);
	}
	memory(&j, r);
	number(&j, "workers", r->workers);
	times(&j, r);
	fputs("\n}\n", out);
}

int sp_report_write(const struct sp_report *r, const char *dir, struct sp_err *err)
{
	char path[PATH_MAX], temp[PATH_MAX + 32];
	if (snprintf(path, sizeof path, "%s/stats.json", dir) >= (int)sizeof path)
		return sp_err(err, -ENAMETOOLONG, "%s: name too long", dir);
	snprintf(temp, sizeof temp, "%s.%ld.tmp", path, (long)getpid());
	FILE *f = fopen(temp, "we");
	if (!f)
		return sp_err(err, -errno, "%s: %s", temp, strerror(errno));
	sp_report_json(f, r);
	int failed = ferror(f);
	if ((fclose(f) || failed || rename(temp, path)) && (failed = errno ? errno : EIO)) {
		unlink(temp);
		return sp_err(err, -failed, "%s: %s", path, strerror(failed));
	}
	return 0;
}
