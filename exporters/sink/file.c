/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks on descriptors: files of a directory, one a record kind, and an open stream. No buffering: the hub's pieces are
 * large, and the cheapest copy is the one the kernel makes into its page cache. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "exporters/exporter.h"
#include "exporters/sink/ends.h"
#include "exporters/sink/whole.h"

/* "" where a kind has no file. */
static const char file_name[SP_RECORD_KIND_MAX][16] = {
	[SP_RECORD_FLOW] = "flows.jsonl",	[SP_RECORD_REQUEST] = "requests.jsonl",
	[SP_RECORD_PROFILE] = "profiles.jsonl", [SP_RECORD_PACKET] = "packets.pcapng",
	[SP_RECORD_TRACE] = "traces.jsonl",	[SP_RECORD_PATH] = "paths.jsonl",
	[SP_RECORD_EDGE] = "edges.jsonl",	[SP_RECORD_LOSS] = "losses.jsonl",
	[SP_RECORD_CLOCK] = "clocks.jsonl",
};

#define STITCHED (~0u << SP_RECORD_TRACE)

struct dir_sink {
	struct sp_sink sink;
	int dir;
	bool live, traces;
	int error; /* the first one; live: of the last write */
	int fd[SP_RECORD_KIND_MAX];
	struct sp_whole *whole; /* of the same files; NULL: live */
	char path[];		/* of the directory, for messages */
};

/* Exporters with sinks on one descriptor: lines stay whole. */
static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;

struct stream_sink {
	struct sp_sink sink;
	int fd, error;
};

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* What a person can do about it. */
static const char *advice(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "; free some space or choose another directory";
	case EACCES:
	case EPERM:
	case EROFS:
		return "; choose a directory you may write to";
	default:
		return "";
	}
}

static void temporary_name(char *out, size_t size, unsigned kind)
{
	snprintf(out, size, ".%.*s.%ld", (int)sizeof file_name[0], file_name[kind], (long)getpid());
}

static int fail(struct dir_sink *s, unsigned kind, int error, const char *what)
{
	if (!s->error) {
		s->error = error;
		sp_log("%s/%s: cannot %s: %s%s", s->path, file_name[kind], what, strerror(-error), advice(error));
	}
	return s->error;
}

/* A piece is written whole or not at all. */
static int live_write(struct dir_sink *s, unsigned kind, const void *p, size_t n)
{
	off_t end = lseek(s->fd[kind], 0, SEEK_END);
	int rc = write_all(s->fd[kind], p, n);
	if (rc) {
		if (end >= 0 && ftruncate(s->fd[kind], end))
			sp_log("%s/%s: may hold half of what was written: %s", s->path, file_name[kind],
			       strerror(errno));
		return fail(s, kind, rc, "write");
	}
	if (s->error)
		sp_log("%s/%s: can be written again", s->path, file_name[kind]);
	return s->error = 0;
}

/* Gives a finished file its name, or removes what was written when anything failed. */
static void dir_commit(struct dir_sink *s, unsigned kind)
{
	char temporary[64];
	temporary_name(temporary, sizeof temporary, kind);
	int rc = s->whole && !s->error ? sp_whole_end(&s->whole[kind]) : 0;
	if (rc)
		fail(s, kind, rc, "write");
	if (close(s->fd[kind]))
		fail(s, kind, -errno, "close");
	if (s->live)
		return;
	if (!s->error && renameat(s->dir, temporary, s->dir, file_name[kind]))
		fail(s, kind, -errno, "rename");
	if (s->error)
		unlinkat(s->dir, temporary, 0);
}

static int dir_close(struct sp_sink *sink)
{
	struct dir_sink *s = (struct dir_sink *)sink;
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		if (s->fd[kind] >= 0)
			dir_commit(s, kind);
	/* Packets of an earlier run would pass for those of this one's flows. */
	if (!s->error && !s->live && !s->traces && s->fd[SP_RECORD_PACKET] < 0)
		unlinkat(s->dir, file_name[SP_RECORD_PACKET], 0);
	if (s->dir >= 0)
		close(s->dir);
	int error = s->error;
	free(s->whole);
	free(s);
	return error;
}

/* mkdir -p. The last component's error is the one that counts. */
static int make_dirs(const char *path)
{
	char *p = strdup(path);
	if (!p)
		return -ENOMEM;
	int rc = 0;
	for (char *slash = p; (slash = strchr(slash + 1, '/'));) {
		*slash = 0;
		mkdir(p, 0777);
		*slash = '/';
	}
	if (mkdir(p, 0777) && errno != EEXIST)
		rc = -errno;
	free(p);
	return rc;
}

/* A run that was killed may have left half a line, or block: what is appended must not be glued to it. */
static void cut_half(const struct dir_sink *s, unsigned kind, int fd)
{
	const char *what = kind == SP_RECORD_PACKET ? "block" : "line";
	off_t size = lseek(fd, 0, SEEK_END), end;
	end = kind == SP_RECORD_PACKET ? sp_blocks_end(fd, size) : sp_lines_end(fd, size);
	if (size < 0 || end < 0 || end == size) /* a pipe, unreadable, fine */
		return;
	if (ftruncate(fd, end))
		sp_log("%s/%s: ends in half a %s: %s", s->path, file_name[kind], what, strerror(errno));
	else
		sp_log("%s/%s: cut off half a %s (%lld bytes) that an earlier run left", s->path, file_name[kind], what,
		       (long long)(size - end));
}

/* Returns 0 or -errno. */
static int open_file(struct dir_sink *s, unsigned kind)
{
	char temporary[64];
	int flags = (s->live ? O_RDWR | O_APPEND : O_WRONLY | O_TRUNC) | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	temporary_name(temporary, sizeof temporary, kind);
	s->fd[kind] = openat(s->dir, s->live ? file_name[kind] : temporary, flags, 0666);
	if (s->fd[kind] < 0)
		return -errno;
	if (s->live)
		cut_half(s, kind, s->fd[kind]);
	else
		s->whole[kind] = (struct sp_whole){.fd = s->fd[kind]};
	return 0;
}

static int open_files(struct dir_sink *s, struct sp_err *err)
{
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++) {
		if (!*file_name[kind] || !(STITCHED >> kind & 1) == s->traces || kind == SP_RECORD_PACKET)
			continue;
		int rc = open_file(s, kind);
		if (rc)
			return sp_err(err, rc, "%s/%s: cannot create: %s%s", s->path, file_name[kind], strerror(-rc),
				      advice(rc));
	}
	return 0;
}

static int dir_write(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	struct dir_sink *s = (struct dir_sink *)sink;
	int rc = 0;
	if (kind == SP_RECORD_PACKET && s->fd[kind] < 0 && (rc = open_file(s, kind)))
		return fail(s, kind, rc, "create");
	assert(kind < SP_RECORD_KIND_MAX && s->fd[kind] >= 0);
	if (s->live)
		return live_write(s, kind, p, n);
	if (s->error)
		return s->error;
	rc = sp_whole_write(&s->whole[kind], p, n);
	return rc ? fail(s, kind, rc, "write") : 0;
}

static int open_dir(struct dir_sink *s, struct sp_err *err)
{
	int rc = make_dirs(s->path);
	s->dir = rc ? -1 : open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		rc = rc ? rc : -errno;
		return sp_err(err, rc, "%s: cannot create the output directory: %s%s", s->path, strerror(-rc),
			      advice(rc));
	}
	if (s->live && !s->traces && flock(s->dir, LOCK_EX | LOCK_NB))
		return sp_err(err, -EBUSY, "%s: another spantap writes there; choose another output.directory",
			      s->path);
	return open_files(s, err);
}

/* New files, and the directory's where that is another one by now. The old ones stay in use when that fails. */
static void dir_reopen(struct sp_sink *sink)
{
	struct dir_sink *s = (struct dir_sink *)sink, old = *s;
	struct stat was, is;
	struct sp_err err;
	bool same = !fstat(old.dir, &was) && !stat(s->path, &is) && was.st_dev == is.st_dev && was.st_ino == is.st_ino;
	memset(s->fd, -1, sizeof s->fd);
	int rc = same ? open_files(s, &err) : open_dir(s, &err);
	struct dir_sink *leave = rc ? s : &old;
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		if (leave->fd[kind] >= 0)
			close(leave->fd[kind]);
	if (!same && leave->dir >= 0)
		close(leave->dir);
	if (!rc)
		return;
	memcpy(s->fd, old.fd, sizeof s->fd);
	s->dir = old.dir;
	sp_log("%s; writing to the old file", err.text);
}

int sp_sink_dir_new(struct sp_sink **ret, const char *dir, unsigned flags, struct sp_err *err)
{
	struct dir_sink *s = calloc(1, sizeof *s + strlen(dir) + 1);
	bool live = flags & SP_SINK_LIVE;
	if (s && !live && !(s->whole = calloc(SP_RECORD_KIND_MAX, sizeof *s->whole))) {
		free(s);
		s = NULL;
	}
	if (!s)
		return sp_err(err, -ENOMEM, "%s: out of memory", dir);
	s->live = live;
	s->traces = flags & SP_SINK_TRACES;
	s->sink = (struct sp_sink){"file", .unread = !live, .write = dir_write, .close = dir_close,
				   .reopen = live ? dir_reopen : NULL};
	strcpy(s->path, dir);
	for (unsigned kind = 0; kind < SP_RECORD_KIND_MAX; kind++)
		s->fd[kind] = -1;
	s->dir = -1;
	int rc = open_dir(s, err);
	if (rc) {
		s->error = rc; /* nothing is renamed */
		dir_close(&s->sink);
		return rc;
	}
	*ret = &s->sink;
	return 0;
}

static int stream_write(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	struct stream_sink *s = (struct stream_sink *)sink;
	if (s->error)
		return s->error;
	pthread_mutex_lock(&turns);
	s->error = write_all(s->fd, p, n);
	pthread_mutex_unlock(&turns);
	if (s->error && s->error != -EPIPE)
		sp_log("standard output: cannot write: %s%s", strerror(-s->error), advice(s->error));
	return s->error;
}

static int stream_close(struct sp_sink *sink)
{
	struct stream_sink *s = (struct stream_sink *)sink;
	int error = s->error;
	free(s);
	return error;
}

int sp_sink_stream_new(struct sp_sink **ret, int fd)
{
	struct stream_sink *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->sink = (struct sp_sink){"stream", .write = stream_write, .close = stream_close};
	s->fd = fd;
	*ret = &s->sink;
	return 0;
}
