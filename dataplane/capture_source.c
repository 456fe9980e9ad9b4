/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "dataplane/capture.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* The first buffer is small, so that opening many files is cheap. The others: about half of what a core's own cache
 * holds, for two are in use by turns. */
#define BUFFER_FIRST (64u << 10)
#define BUFFER_SIZE (512u << 10)

/* Sanitizers see a read past the bytes of a segment, although there is memory. */
static void guard(struct sp_segment *s)
{
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	ASAN_POISON_MEMORY_REGION(s->p + s->n, s->size - s->n);
}

static void segment_free(struct sp_segment *s)
{
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	sp_mem_unmap(s->p, s->size);
	free(s);
}

static void list_free(struct sp_segment *s)
{
	while (s) {
		struct sp_segment *next = s->next;
		segment_free(s);
		s = next;
	}
}

/* Lets go of segments that nobody may look at any more. Those of the usual size are used again. */
static void reclaim(struct sp_source *src)
{
	while (src->oldest != src->newest && src->oldest->off + src->oldest->n <= src->keep) {
		struct sp_segment *s = src->oldest;
		src->oldest = s->next;
		if (s->size != src->buffer) {
			segment_free(s);
		} else {
			s->next = src->spare;
			src->spare = s;
		}
	}
}

static void append(struct sp_source *src, struct sp_segment *s)
{
	s->next = NULL;
	if (src->newest)
		src->newest->next = s;
	else
		src->oldest = s;
	src->newest = s;
}

static void fail(struct sp_source *src, const char *why)
{
	snprintf(src->why, sizeof src->why, "%s", why);
	src->ended = true;
}

static struct sp_segment *segment_new(struct sp_source *src, size_t size)
{
	struct sp_segment *s = calloc(1, sizeof *s);
	if (s)
		s->p = sp_mem_map(size, 0);
	if (!s || !s->p) {
		free(s);
		fail(src, "out of memory");
		return NULL;
	}
	s->size = size;
	return s;
}

/* A buffer with room for `want` bytes that begins at `off`, with what is there already. */
static struct sp_segment *next_buffer(struct sp_source *src, uint64_t off, size_t want)
{
	reclaim(src);
	struct sp_segment *old = src->newest, *s = src->spare;
	if (s && want <= s->size)
		src->spare = s->next;
	else
		s = segment_new(src, SP_MAX(want, old ? src->buffer : SP_MIN(BUFFER_FIRST, src->buffer)));
	if (!s)
		return NULL;
	s->off = off;
	s->n = 0;
	if (old && off < old->off + old->n) {
		s->n = old->off + old->n - off;
		ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
		memcpy(s->p, old->p + (off - old->off), s->n);
	}
	append(src, s);
	return s;
}

/* The next bytes of a plain file, at its own position; 0 at the end. */
static size_t read_plain(struct sp_source *src, uint8_t *p, size_t size)
{
	ssize_t n;
	do
		n = pread(src->fd, p, size, (off_t)src->taken);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		fail(src, strerror(errno));
	else if (!n && src->taken < src->size)
		fail(src, "the file shrank while it was read");
	src->taken += n > 0 ? (uint64_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

static size_t read_unpacked(struct sp_source *src, uint8_t *p, size_t size)
{
	size_t n = sp_unpack_read(src->unpack, p, size);
	if (!n && sp_unpack_error(src->unpack))
		fail(src, sp_unpack_error(src->unpack));
	src->taken = sp_unpack_taken(src->unpack);
	return n;
}

/* Reads at least once into what is free of the segment. */
static bool fill(struct sp_source *src, struct sp_segment *s)
{
	if (src->ended)
		return false;
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	uint8_t *p = s->p + s->n;
	size_t n = src->unpack ? read_unpacked(src, p, s->size - s->n) : read_plain(src, p, s->size - s->n);
	s->n += n;
	src->ended = !n;
	guard(s);
	return n;
}

/* Reads and forgets up to `off`. */
static bool skip_to(struct sp_source *src, uint64_t off)
{
	struct sp_segment *s = src->newest;
	while (s->off + s->n < off) {
		if (s->n == s->size) {
			s = next_buffer(src, s->off + s->n, 1);
			if (!s)
				return false;
		}
		if (!fill(src, s))
			return false;
	}
	return true;
}

static size_t get_shared(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
	bool broken;
	size_t n = sp_shared_file_get(src->shared, src->reader, SP_MIN(src->keep, off), off, want, p, &broken);
	if (broken)
		fail(src, "the file cannot be read any further, or it shrank while it was read");
	src->mapping = (struct sp_segment){.p = (uint8_t *)(uintptr_t)*p - off, .n = off + n};
	src->newest = &src->mapping;
	return n;
}

size_t sp_source_get(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
	assert(want);
	if (src->shared)
		return get_shared(src, off, want, p);
	struct sp_segment *s = src->newest;
	if (!s)
		s = next_buffer(src, off, want);
	else if (s->off + s->n < off)
		s = skip_to(src, off) ? src->newest : NULL;
	if (s && off - s->off + want > s->size)
		s = next_buffer(src, off, want);
	if (!s)
		return 0;
	while (s->off + s->n < off + want && fill(src, s))
		;
	*p = s->p + (off - s->off);
	return s->off + s->n - off;
}

int sp_source_open(struct sp_source *src, int fd, const char *path, struct sp_err *err)
{
	struct stat st;
	uint8_t magic[4] = {0};
	bool plain = false;
	*src = (struct sp_source){.fd = fd, .buffer = BUFFER_SIZE};
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (!rc && S_ISDIR(st.st_mode))
		rc = -EISDIR;
	if (!rc && S_ISREG(st.st_mode)) {
		src->size = (uint64_t)st.st_size;
		/* Standard input may be a file that somebody has read a part of. */
		plain = pread(fd, magic, sizeof magic, 0) == sizeof magic && !sp_unpack_is_packed(magic) &&
			lseek(fd, 0, SEEK_CUR) == 0;
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	if (!rc && !plain)
		rc = sp_unpack_new(&src->unpack, fd);
	if (rc) {
		sp_err(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
		sp_source_close(src);
	}
	return rc;
}

int sp_source_share(struct sp_source *src, struct sp_source *others, unsigned n, uint64_t off)
{
	if (src->unpack)
		return -ENOTSUP;
	struct sp_shared_file *f = sp_shared_file_new(src->fd, src->size, n + 1);
	if (!f)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		others[i] = (struct sp_source){.fd = -1, .size = src->size, .taken = off, .shared = f, .reader = i + 1};
	src->shared = f;
	src->taken = off;
	list_free(src->oldest); /* what is there is in the mapping, too */
	src->oldest = src->newest = NULL;
	return 0;
}

void sp_source_close(struct sp_source *src)
{
	list_free(src->oldest);
	list_free(src->spare);
	sp_unpack_free(src->unpack);
	if (src->shared)
		sp_shared_file_release(src->shared, src->reader);
	if (src->fd >= 0)
		close(src->fd);
	*src = (struct sp_source){.fd = -1};
}

uint64_t sp_source_end(const struct sp_source *src)
{
	const struct sp_segment *s = src->newest;
	return s ? s->off + s->n : src->taken;
}

uint64_t sp_source_progress(const struct sp_source *src, uint64_t off)
{
	return src->unpack ? src->taken : off;
}
