/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture_source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* Bytes made present in one go. The first ones are few so that opening many files, or small ones, is cheap. More than
 * the most gain nothing – a system call for each is already far below a nanosecond a packet – and whoever reads next
 * would wait for all of them. */
#define WINDOW_FIRST (256u << 10)
#define WINDOW_MAX (1u << 20)
/* Bytes mapped in one go: taking a mapping down stops every processor that the process runs on. */
#define MAPPING (64u << 20)
#define BUFFER_SIZE (1u << 20)
#define PAGE 4096u /* offsets of mappings; a larger page size is asked for at run time */

static size_t page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);
	return size > 0 ? (size_t)size : PAGE;
}

/* Sanitizers see a read past the bytes of a segment, although there is memory. */
static void guard(struct sp_segment *s)
{
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	ASAN_POISON_MEMORY_REGION(s->p + s->n, s->size - s->n);
}

static void segment_free(struct sp_segment *s)
{
	if (s->shared) {
		free(s);
		return;
	}
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

/* Lets go of segments that lie further back than anybody may look. */
static void reclaim(struct sp_source *src, uint64_t off)
{
	uint64_t keep = SP_MIN(src->keep, off > src->lookback ? off - src->lookback : 0);
	struct sp_segment **link = &src->oldest;
	while (*link && *link != src->newest) {
		struct sp_segment *s = *link;
		if (s->off + s->n > keep) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		if (s->mapped || s->size != BUFFER_SIZE) {
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

static const char file_ended_early[] = "the file cannot be read any further, or it shrank while it was read";

static size_t fail(struct sp_source *src, const char *why)
{
	snprintf(src->why, sizeof src->why, "%s", why);
	src->ended = true;
	return 0;
}

/* Makes pages present now, in one call. A file that shrank or a disk that cannot be read shows here as an error and
 * not later as a signal; then the window ends at the last page that can be read. Kernels before 5.14 do not know the
 * call: their pages come one fault at a time. */
static size_t populate(uint8_t *p, size_t n, size_t page)
{
	size_t good = 0;
	for (size_t step = n; step;) {
		step = SP_MIN(step, n - good);
		if (!madvise(p + good, step, MADV_POPULATE_READ)) {
			good += step;
			if (good == n)
				return n;
		} else if (errno == EINVAL) {
			return n;
		} else if (errno != EINTR && errno != EAGAIN) {
			step = step / 2 / page * page;
		}
	}
	return good;
}

/* Starts reading the next bytes from the disk while these are worked on, unless they are in memory already. */
static void read_ahead(int fd, uint64_t size, uint64_t off, size_t n)
{
	if (off >= size)
		return;
	uint8_t byte;
	struct iovec v = {&byte, 1};
	n = SP_MIN(n, size - off);
	if (preadv2(fd, &v, 1, (off_t)(off + n - 1), RWF_NOWAIT) < 0 && errno == EAGAIN)
		posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_WILLNEED);
}

static struct sp_segment *map(struct sp_source *src, uint64_t off, size_t want)
{
	size_t page = page_size();
	uint64_t start = off / page * page;
	uint64_t n = SP_MIN(SP_MAX(MAPPING, want + (off - start)), src->size - start);
	struct sp_segment *s = calloc(1, sizeof *s);
	void *p = s ? mmap(NULL, n, PROT_READ, MAP_SHARED, src->fd, (off_t)start) : MAP_FAILED;
	if (p == MAP_FAILED) {
		fail(src, strerror(errno));
		free(s);
		return NULL;
	}
	*s = (struct sp_segment){
		.p = p, .whole = n, .size = (n + page - 1) / page * page, .off = start, .mapped = true};
	return s;
}

/* Makes the next bytes of a mapping present, so many that there are `want`. */
static void extend(struct sp_source *src, struct sp_segment *s, size_t want)
{
	size_t page = page_size(), from = s->n / page * page;
	size_t n = SP_MAX(src->window, want - from);
	n = SP_MIN((n + page - 1) / page * page, s->size - from);
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	size_t good = populate(s->p + from, n, page);
	if (good < n)
		fail(src, file_ended_early);
	s->n = SP_MIN(from + good, s->whole);
	guard(s);
	read_ahead(src->fd, src->size, s->off + s->n, src->window);
	src->window = SP_MIN(src->window * 4, src->window_max);
}

static size_t get_mapped(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
	struct sp_segment *s = src->newest;
	uint64_t left = off < src->size ? src->size - off : 0;
	want = SP_MIN(want, left);
	if (!s || off + want > s->off + s->n) {
		if (src->ended || !want)
			return 0;
		if (!s || off + want > s->off + s->whole) {
			s = map(src, off, want);
			if (!s)
				return 0;
			append(src, s);
			reclaim(src, off);
		}
		extend(src, s, off + want - s->off);
	}
	uint64_t end = s->off + s->n;
	*p = s->p + (off - s->off);
	return off < end ? end - off : 0;
}

/* --- one file, several readers --- */

/* The whole file is mapped once; whoever needs bytes first makes them present for all. */
struct sp_shared_file {
	pthread_mutex_t lock;
	int fd;
	uint8_t *p;
	size_t whole, size;   /* bytes of the file; of memory */
	_Atomic size_t there; /* bytes made present */
	bool ended;	      /* no more can be */
	_Atomic uint32_t refs;
};

static void extend_shared(struct sp_shared_file *f, size_t want)
{
	size_t page = page_size();
	pthread_mutex_lock(&f->lock);
	size_t from = atomic_load_explicit(&f->there, memory_order_relaxed) / page * page;
	if (!f->ended && want > atomic_load_explicit(&f->there, memory_order_relaxed)) {
		size_t n = SP_MAX(WINDOW_MAX, want - from);
		n = SP_MIN((n + page - 1) / page * page, f->size - from);
		size_t good = populate(f->p + from, n, page);
		f->ended = good < n;
		atomic_store_explicit(&f->there, SP_MIN(from + good, f->whole), memory_order_release);
		read_ahead(f->fd, f->whole, from + n, WINDOW_MAX);
	}
	pthread_mutex_unlock(&f->lock);
}

static size_t get_shared(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
	struct sp_shared_file *f = src->shared;
	size_t there = atomic_load_explicit(&f->there, memory_order_acquire);
	uint64_t left = off < src->size ? src->size - off : 0;
	want = SP_MIN(want, left);
	if (off + want > there) {
		extend_shared(f, off + want);
		there = atomic_load_explicit(&f->there, memory_order_acquire);
		if (off + want > there)
			fail(src, file_ended_early);
	}
	*p = f->p + off;
	return off < there ? there - off : 0;
}

static void shared_release(struct sp_shared_file *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) > 1)
		return;
	munmap(f->p, f->size);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Where offsets count from. */
static struct sp_segment *shared_segment(struct sp_shared_file *f)
{
	struct sp_segment *s = calloc(1, sizeof *s);
	if (s)
		*s = (struct sp_segment){.p = f->p, .n = f->whole, .whole = f->whole, .shared = true};
	return s;
}

int sp_source_share(struct sp_source *src)
{
	struct sp_shared_file *f = src->mapped && src->size ? calloc(1, sizeof *f) : NULL;
	size_t page = page_size();
	if (!f)
		return src->mapped ? -ENOMEM : -ENOTSUP;
	f->fd = src->fd;
	f->whole = src->size;
	f->size = (src->size + page - 1) / page * page;
	f->p = mmap(NULL, f->whole, PROT_READ, MAP_SHARED, src->fd, 0);
	struct sp_segment *s = f->p != MAP_FAILED ? shared_segment(f) : NULL;
	if (!s) {
		if (f->p != MAP_FAILED)
			munmap(f->p, f->size);
		free(f);
		return -ENOMEM;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->refs = 1;
	src->shared = f;
	append(src, s);
	return 0;
}

int sp_source_join(struct sp_source *ret, const struct sp_source *src)
{
	struct sp_segment *s = shared_segment(src->shared);
	if (!s)
		return -ENOMEM;
	*ret = (struct sp_source){
		.fd = -1, .mapped = true, .size = src->size, .shared = src->shared, .oldest = s, .newest = s};
	atomic_fetch_add_explicit(&src->shared->refs, 1, memory_order_relaxed);
	return 0;
}

/* A buffer with room for `want` bytes that begins at `off`, with what is there already. */
static struct sp_segment *next_buffer(struct sp_source *src, uint64_t off, size_t want)
{
	reclaim(src, off);
	struct sp_segment *old = src->newest, *s = src->spare;
	if (s && want <= s->size) {
		src->spare = s->next;
	} else {
		size_t size = want <= BUFFER_SIZE ? BUFFER_SIZE : want;
		uint8_t *p = sp_mem_map(size, 0);
		s = p ? calloc(1, sizeof *s) : NULL;
		if (!s) {
			sp_mem_unmap(p, size);
			fail(src, "out of memory");
			return NULL;
		}
		s->p = p;
		s->size = size;
	}
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

/* Reads at least once into what is free of the segment. */
static bool fill(struct sp_source *src, struct sp_segment *s)
{
	ASAN_UNPOISON_MEMORY_REGION(s->p, s->size);
	size_t n = src->ended ? 0 : sp_unpack_read(src->unpack, s->p + s->n, s->size - s->n);
	s->n += n;
	guard(s);
	if (n)
		return true;
	if (!src->ended)
		fail(src, sp_unpack_error(src->unpack) ? sp_unpack_error(src->unpack) : "");
	return false;
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

static size_t get_streamed(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
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

size_t sp_source_get(struct sp_source *src, uint64_t off, size_t want, const uint8_t **p)
{
	assert(want);
	if (src->shared)
		return get_shared(src, off, want, p);
	return src->mapped ? get_mapped(src, off, want, p) : get_streamed(src, off, want, p);
}

int sp_source_open(struct sp_source *src, int fd, const char *path, bool stream, struct sp_err *err)
{
	struct stat st;
	uint8_t magic[4] = {0};
	*src = (struct sp_source){
		.fd = fd, .window = WINDOW_FIRST, .window_max = WINDOW_MAX, .lookback = SP_CAPTURE_LOOKBACK};
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (!rc && S_ISDIR(st.st_mode))
		rc = -EISDIR;
	if (!rc && S_ISREG(st.st_mode)) {
		src->size = (uint64_t)st.st_size;
		ssize_t n = pread(fd, magic, sizeof magic, 0);
		/* Standard input may be a file that somebody has read a part of. */
		src->mapped =
			!stream && n == sizeof magic && !sp_unpack_is_packed(magic) && lseek(fd, 0, SEEK_CUR) == 0;
	}
	if (!rc && !src->mapped)
		rc = sp_unpack_new(&src->unpack, fd);
	if (rc) {
		sp_err(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
		sp_source_close(src);
	}
	return rc;
}

void sp_source_close(struct sp_source *src)
{
	list_free(src->oldest);
	list_free(src->spare);
	sp_unpack_free(src->unpack);
	shared_release(src->shared);
	if (src->fd >= 0)
		close(src->fd);
	*src = (struct sp_source){.fd = -1};
}

uint64_t sp_source_end(const struct sp_source *src)
{
	const struct sp_segment *s = src->newest;
	return src->mapped ? src->size : s ? s->off + s->n : 0;
}

uint64_t sp_source_progress(const struct sp_source *src, uint64_t off)
{
	return src->mapped ? SP_MIN(off, src->size) : sp_unpack_taken(src->unpack);
}
