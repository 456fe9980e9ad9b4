/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture_shared.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"

/* Bytes made present in one go: a system call for each is far below a nanosecond a packet. */
#define WINDOW ((size_t)1 << 20)
/* Bytes taken down in one go: that stops every processor that the process runs on. */
#define PIECE ((size_t)64 << 20)

struct sp_shared_file {
	pthread_mutex_t lock;
	uint8_t *p;
	size_t page, whole, size; /* bytes of a page; of the file; of memory */
	_Atomic size_t there;	  /* bytes made present */
	size_t gone;		  /* bytes taken down */
	bool broken;		  /* no more can be made present */
	unsigned readers, left;
	_Atomic uint64_t keep[SP_SHARED_READERS_MAX]; /* what each still looks at begins here */
};

struct sp_shared_file *sp_shared_file_new(int fd, uint64_t size, unsigned readers)
{
	assert(readers <= SP_SHARED_READERS_MAX);
	struct sp_shared_file *f = size ? calloc(1, sizeof *f) : NULL;
	void *p = f ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (p == MAP_FAILED) {
		free(f);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->p = p;
	f->page = (size_t)sysconf(_SC_PAGESIZE);
	f->whole = size;
	f->size = (size + f->page - 1) / f->page * f->page;
	f->readers = f->left = readers;
	return f;
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

/* Takes down what nobody looks at any more. The lock is held. */
static void take_down(struct sp_shared_file *f)
{
	uint64_t keep = f->whole;
	for (unsigned i = 0; i < f->readers; i++)
		keep = SP_MIN(keep, atomic_load_explicit(&f->keep[i], memory_order_acquire));
	while (keep - f->gone >= PIECE) {
		munmap(f->p + f->gone, PIECE);
		f->gone += PIECE;
	}
}

/* Makes the next window present, or as much as there has to be. The lock is held. */
static void extend(struct sp_shared_file *f, size_t want)
{
	size_t there = atomic_load_explicit(&f->there, memory_order_relaxed), from = there / f->page * f->page;
	if (f->broken || want <= there)
		return; /* somebody else was here */
	size_t n = SP_MAX(WINDOW, want - from);
	n = SP_MIN((n + f->page - 1) / f->page * f->page, f->size - from);
	size_t good = populate(f->p + from, n, f->page);
	f->broken = good < n;
	atomic_store_explicit(&f->there, SP_MIN(from + good, f->whole), memory_order_release);
	take_down(f);
}

size_t sp_shared_file_get(struct sp_shared_file *f, unsigned reader, uint64_t keep, uint64_t off, size_t want,
			  const uint8_t **p, bool *broken)
{
	want = SP_MIN(want, off < f->whole ? f->whole - off : 0);
	size_t need = off + want, soon = SP_MIN(need + WINDOW, f->whole);
	size_t there = atomic_load_explicit(&f->there, memory_order_acquire);
	atomic_store_explicit(&f->keep[reader], keep, memory_order_release);
	/* Nobody has to wait while another one makes the window after this present. */
	if (need > there ? !pthread_mutex_lock(&f->lock) : soon > there && !pthread_mutex_trylock(&f->lock)) {
		extend(f, need > there ? need : soon);
		pthread_mutex_unlock(&f->lock);
	}
	there = atomic_load_explicit(&f->there, memory_order_acquire);
	*broken = need > there;
	*p = f->p + off;
	/* Not all of it, so that this is asked for often enough. */
	return off < there ? SP_MIN(there - off, SP_MAX(want, WINDOW / 2)) : 0;
}

void sp_shared_file_release(struct sp_shared_file *f, unsigned reader)
{
	pthread_mutex_lock(&f->lock);
	atomic_store_explicit(&f->keep[reader], f->whole, memory_order_release);
	unsigned left = --f->left;
	pthread_mutex_unlock(&f->lock);
	if (left)
		return;
	munmap(f->p + f->gone, f->size - f->gone);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
