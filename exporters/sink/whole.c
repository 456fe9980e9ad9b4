/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sink/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/base.h"

/* Small files need none set aside; of large ones it is as much as there is already, within these. */
#define AHEAD_MIN (1 << 20)
#define AHEAD_MAX (64 << 20)

/* Best effort: where it fails, blocks are found when they are written, and that says what is wrong. */
static void set_aside(struct sp_whole *w, off_t until)
{
	struct statfs fs;
	off_t step = SP_MIN(SP_MAX(w->size, (off_t)AHEAD_MIN), (off_t)AHEAD_MAX);
	if (w->alone || until <= w->ahead || w->size < AHEAD_MIN)
		return;
	/* In memory, setting aside is the dear part of writing. */
	w->alone = !w->ahead && !fstatfs(w->fd, &fs) && fs.f_type == TMPFS_MAGIC;
	off_t from = SP_MAX(w->ahead, w->size);
	if (!w->alone && !fallocate(w->fd, FALLOC_FL_KEEP_SIZE, from, until - from + step))
		w->ahead = until + step;
	else
		w->alone = true;
}

static int write_all(int fd, struct iovec *v, int n)
{
	while (n) {
		ssize_t done = writev(fd, v, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		for (; n && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int sp_whole_write(struct sp_whole *w, const void *p, size_t n)
{
	size_t all = w->n + n, pages = all - all % SP_WHOLE_PAGE, rest = all - pages;
	if (!pages) {
		memcpy(w->rest + w->n, p, n);
		w->n += (uint32_t)n;
		return 0;
	}
	struct iovec v[] = {{w->rest, w->n}, {(void *)(uintptr_t)p, pages - w->n}};
	set_aside(w, w->size + (off_t)pages);
	int rc = write_all(w->fd, w->n ? v : v + 1, w->n ? 2 : 1);
	if (rc)
		return rc;
	w->size += (off_t)pages;
	memcpy(w->rest, (const uint8_t *)p + n - rest, rest);
	w->n = (uint32_t)rest;
	return 0;
}

int sp_whole_end(struct sp_whole *w)
{
	struct iovec v = {w->rest, w->n};
	int rc = write_all(w->fd, &v, w->n ? 1 : 0);
	w->size += w->n;
	w->n = 0;
	if (!rc && w->ahead > w->size && ftruncate(w->fd, w->size))
		rc = -errno;
	return rc;
}
