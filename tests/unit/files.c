/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks on files: those that appear whole or not at all, those of a run without end, and what a full disk does to them.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporters/exporter.h"
#include "tests/check.h"

static char scratch[64];

static char *path(const char *name)
{
	static char out[4][128];
	static unsigned turn;
	char *p = out[turn++ % 4];
	snprintf(p, sizeof out[0], "%s/%s", scratch, name);
	return p;
}

static const char *content(const char *name)
{
	static char text[256];
	int fd = open(path(name), O_RDONLY);
	if (fd < 0)
		return NULL;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static int entries;

static int count_file(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	entries += type == FTW_F;
	return 0;
}

static int files_in(const char *name)
{
	entries = 0;
	nftw(path(name), count_file, 8, FTW_PHYS);
	return entries;
}

static int put(struct sp_sink *sink, const char *text)
{
	return sink->write(sink, SP_RECORD_FLOW, text, strlen(text));
}

static void directory(void)
{
	struct sp_sink *sink;
	struct sp_err err;
	for (int run_ = 0; run_ < 2; run_++) {
		if (!CHECK(!sp_sink_dir_new(&sink, path("a/b//c"), 0, &err)))
			return;
		CHECK(!put(sink, "one\n"));
		/* What an earlier run wrote stays until the new file is whole. */
		CHECK_STR(content("a/b/c/flows.jsonl"), run_ ? "one\n" : NULL);
		CHECK(!sink->close(sink));
		CHECK_STR(content("a/b/c/flows.jsonl"), "one\n");
		CHECK_EQ(files_in("a"), 3); /* flows, requests, profiles */
	}
	/* An empty result replaces an old one too. */
	CHECK(!sp_sink_dir_new(&sink, path("a/b/c/"), 0, &err));
	CHECK(!sink->close(sink));
	CHECK_STR(content("a/b/c/flows.jsonl"), "");
}

static void live_directory(void)
{
	struct sp_sink *sink;
	struct sp_err err;
	for (int run_ = 0; run_ < 2; run_++) {
		CHECK(!sp_sink_dir_new(&sink, path("live"), SP_SINK_LIVE, &err));
		CHECK(!put(sink, "x\n"));
		CHECK_STR(content("live/flows.jsonl"), run_ ? "x\nx\n" : "x\n");
		CHECK(!sink->close(sink));
	}
}

/* A killed run leaves half a line, or nothing but half a line. */
static void half_lines(void)
{
	static const char *const left[][2] = {{"a\nhalf", "a\nx\n"}, {"half", "x\n"}, {"a\n", "a\nx\n"}};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(left); i++) {
		struct sp_sink *sink;
		struct sp_err err;
		mkdir(path("half"), 0777);
		int fd = open(path("half/flows.jsonl"), O_CREAT | O_TRUNC | O_WRONLY, 0666);
		CHECK_EQ(write(fd, left[i][0], strlen(left[i][0])), strlen(left[i][0]));
		close(fd);
		if (!CHECK(!sp_sink_dir_new(&sink, path("half"), SP_SINK_LIVE, &err)))
			return;
		CHECK(!put(sink, "x\n"));
		CHECK(!sink->close(sink));
		CHECK_STR(content("half/flows.jsonl"), left[i][1]);
	}
}

static void one_writer(void)
{
	struct sp_sink *sink, *second;
	struct sp_err err;
	CHECK(!sp_sink_dir_new(&sink, path("one"), SP_SINK_LIVE, &err));
	CHECK_EQ(sp_sink_dir_new(&second, path("one"), SP_SINK_LIVE, &err), -EBUSY);
	CHECK(strstr(err.text, "another spantap writes there"));
	CHECK(!sink->close(sink));
	CHECK(!sp_sink_dir_new(&sink, path("one"), SP_SINK_LIVE, &err));
	CHECK(!sink->close(sink));
}

/* What logrotate does, and somebody who moves the whole directory. */
static void rotated(void)
{
	struct sp_sink *sink;
	struct sp_err err;
	CHECK(!sp_sink_dir_new(&sink, path("log"), SP_SINK_LIVE, &err));
	CHECK(!put(sink, "one\n"));
	CHECK(!rename(path("log/flows.jsonl"), path("log/flows.jsonl.1")));
	CHECK(!put(sink, "two\n"));
	sink->reopen(sink);
	CHECK(!put(sink, "three\n"));
	CHECK_STR(content("log/flows.jsonl.1"), "one\ntwo\n");
	CHECK_STR(content("log/flows.jsonl"), "three\n");
	CHECK(!rename(path("log"), path("old")));
	sink->reopen(sink);
	CHECK(!put(sink, "four\n"));
	CHECK_STR(content("old/flows.jsonl"), "three\n");
	CHECK_STR(content("log/flows.jsonl"), "four\n");
	CHECK(!rename(path("log"), path("older")));
	int fd = open(path("log"), O_CREAT | O_WRONLY, 0666);
	close(fd);
	sink->reopen(sink); /* cannot: goes on with the file it has */
	CHECK(!put(sink, "five\n"));
	CHECK_STR(content("older/flows.jsonl"), "four\nfive\n");
	CHECK(!sink->close(sink));
}

/* A disk that is full for a while costs what came meanwhile, in whole pieces. */
static void disk_full_for_a_while(void)
{
	pid_t pid = fork();
	if (!pid) {
		struct sp_sink *sink;
		struct sp_err err;
		struct rlimit limit = {10, RLIM_INFINITY};
		signal(SIGXFSZ, SIG_IGN);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		int rc = sp_sink_dir_new(&sink, path("while"), SP_SINK_LIVE, &err) || put(sink, "first\n");
		rc = rc || setrlimit(RLIMIT_FSIZE, &limit) || put(sink, "too long\n") != -EFBIG;
		rc = rc || put(sink, "too long too\n") != -EFBIG || put(sink, "yes\n");
		limit.rlim_cur = RLIM_INFINITY;
		rc = rc || setrlimit(RLIMIT_FSIZE, &limit) || put(sink, "last\n") || sink->close(sink);
		_exit(rc);
	}
	int status = -1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_STR(content("while/flows.jsonl"), "first\nyes\nlast\n");
}

/* A write that fails leaves the file of the earlier run, and no other. /dev/full cannot be renamed over, so a limit on
 * the size of files plays the full disk. */
static void disk_full(void)
{
	struct sp_sink *sink;
	struct sp_err err;
	CHECK(!sp_sink_dir_new(&sink, path("full"), 0, &err));
	CHECK(!put(sink, "old\n"));
	CHECK(!sink->close(sink));
	pid_t pid = fork();
	if (!pid) {
		char line[5001] = "";
		memset(line, 'x', sizeof line - 1);
		struct rlimit limit = {8192, 8192};
		signal(SIGXFSZ, SIG_IGN);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		int rc = setrlimit(RLIMIT_FSIZE, &limit) || sp_sink_dir_new(&sink, path("full"), 0, &err);
		rc = rc || put(sink, line) || put(sink, line) || put(sink, line) != -EFBIG || put(sink, "x") != -EFBIG;
		rc = rc || sink->close(sink) != -EFBIG;
		/* What does not fill a page is written last. */
		limit.rlim_cur = 10;
		rc = rc || setrlimit(RLIMIT_FSIZE, &limit) || sp_sink_dir_new(&sink, path("full"), 0, &err);
		rc = rc || put(sink, "new\n") || put(sink, "too long\n") || sink->close(sink) != -EFBIG;
		_exit(rc);
	}
	int status = -1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_STR(content("full/flows.jsonl"), "old\n");
	CHECK_EQ(files_in("full"), 3);
}

/* Large ones are written page by page into blocks that were set aside: every byte is there, and no block is left. */
static void large_file(void)
{
	enum { SIZE = 5 << 20 };
	struct sp_sink *sink;
	struct sp_err err;
	struct stat st;
	uint8_t *bytes = malloc(SIZE), *is = malloc(SIZE);
	uint32_t random = 7;
	CHECK(bytes && is && !sp_sink_dir_new(&sink, path("large"), 0, &err));
	for (size_t at = 0, n; at < SIZE; at += n) {
		random = random * 1664525 + 1013904223;
		n = SP_MIN(random >> 8 & 1 ? random >> 20 : random >> 14, (size_t)SIZE - at);
		for (size_t i = 0; i < n; i++)
			bytes[at + i] = (uint8_t)(random >> i % 24);
		CHECK(!sink->write(sink, SP_RECORD_FLOW, bytes + at, n));
	}
	CHECK(!sink->close(sink));
	int fd = open(path("large/flows.jsonl"), O_RDONLY);
	CHECK(!fstat(fd, &st) && st.st_size == SIZE && st.st_blocks * 512 < SIZE + (1 << 19));
	CHECK(read(fd, is, SIZE) == SIZE && !memcmp(is, bytes, SIZE));
	close(fd);
	free(bytes);
	free(is);
}

static void no_directory(void)
{
	struct sp_sink *sink = NULL;
	struct sp_err err;
	CHECK(!mkdir(path("file-dir"), 0777));
	int fd = open(path("file"), O_CREAT | O_WRONLY, 0666);
	close(fd);
	CHECK_EQ(sp_sink_dir_new(&sink, path("file"), 0, &err), -ENOTDIR);
	CHECK(strstr(err.text, "/file: cannot create the output directory: Not a directory"));
	CHECK_EQ(sp_sink_dir_new(&sink, path("file/below"), 0, &err), -ENOTDIR);
	if (geteuid()) {
		CHECK(!chmod(path("file-dir"), 0555));
		CHECK_EQ(sp_sink_dir_new(&sink, path("file-dir"), 0, &err), -EACCES);
		CHECK(strstr(err.text, "file-dir/flows.jsonl: cannot create: Permission denied"));
	}
	CHECK(!sink);
}

static void stream(void)
{
	struct sp_sink *sink;
	int fd[2];
	char got[16] = "";
	signal(SIGPIPE, SIG_IGN);
	CHECK(!pipe(fd));
	CHECK(!sp_sink_stream_new(&sink, fd[1]));
	CHECK(!put(sink, "line\n"));
	CHECK_EQ(read(fd[0], got, sizeof got - 1), 5);
	CHECK_STR(got, "line\n");
	close(fd[0]);
	CHECK_EQ(put(sink, "line\n"), -EPIPE);
	CHECK_EQ(put(sink, "line\n"), -EPIPE);
	CHECK_EQ(sink->close(sink), -EPIPE);
	close(fd[1]);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(name);
}

int main(void)
{
	snprintf(scratch, sizeof scratch, "/tmp/spantap-files-XXXXXX");
	if (!mkdtemp(scratch))
		return 1;
	RUN(directory);
	RUN(live_directory);
	RUN(half_lines);
	RUN(one_writer);
	RUN(rotated);
	RUN(disk_full_for_a_while);
	RUN(disk_full);
	RUN(large_file);
	RUN(no_directory);
	RUN(stream);
	nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return check_done();
}
