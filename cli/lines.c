/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"

#define ROOM_FIRST (1u << 20)

int sp_lines_open(struct sp_lines *l, struct sp_folder *folder, const char *name)
{
	*l = (struct sp_lines){.fd = sp_folder_open(folder, name)};
	memcpy(l->path, folder->path, sizeof l->path);
	return SP_MIN(l->fd, 0);
}

int sp_lines_refuse(const struct sp_folder *folder, int error)
{
	return sp_folder_refuse(folder, error, "a directory that 'spantap read -o' wrote is expected");
}

/* Makes room behind what is not taken yet, moving it to the front. False: no memory. */
static bool make_room(struct sp_lines *l)
{
	if (l->at) {
		memmove(l->buffer, l->buffer + l->at, l->n - l->at);
		l->n -= l->at;
		l->scanned -= l->at;
		l->at = 0;
	}
	if (l->n < l->room)
		return true;
	size_t room = l->room ? 2 * l->room : ROOM_FIRST;
	char *buffer = realloc(l->buffer, room);
	if (!buffer)
		return false;
	l->buffer = buffer;
	l->room = room;
	return true;
}

/* Reads on. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t fill(struct sp_lines *l)
{
	if (l->n - l->at > SP_LINE_MAX) {
		l->skipping = true;
		l->at = l->n;
		l->scanned = l->n;
	}
	if (!make_room(l))
		return -ENOMEM;
	ssize_t n;
	do
		n = read(l->fd, l->buffer + l->n, l->room - l->n);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->n += (size_t)n;
	l->offset += n;
	return n;
}

/* Takes the line up to `end`, which is behind it. True: it is good. */
static bool take(struct sp_lines *l, size_t end)
{
	const char *line = l->buffer + l->at;
	size_t n = end - l->at;
	bool whole = !l->skipping;
	l->at = l->scanned = end;
	l->skipping = false;
	if (whole && sp_json_read(&l->json, line, n)) {
		l->taken++;
		return true;
	}
	l->damaged++;
	return false;
}

int sp_lines_next(struct sp_lines *l)
{
	for (;;) {
		const char *end = l->n > l->scanned ? memchr(l->buffer + l->scanned, '\n', l->n - l->scanned) : NULL;
		if (end) {
			if (take(l, (size_t)(end - l->buffer) + 1))
				return 1;
			continue;
		}
		l->scanned = l->n;
		ssize_t n = fill(l);
		if (n < 0)
			return (int)n;
		if (n)
			continue;
		if (l->grows || (l->at == l->n && !l->skipping))
			return 0;
		if (take(l, l->n))
			return 1;
	}
}

int sp_lines_close(struct sp_lines *l, int rc, const char *what)
{
	if (rc < 0)
		sp_log("%s: %s", l->path, strerror(-rc));
	else if (l->damaged)
		sp_log("%s: %" PRIu64 " lines are no %s, and were passed over", l->path, l->damaged, what);
	if (l->fd >= 0)
		close(l->fd);
	free(l->buffer);
	l->buffer = NULL;
	l->fd = -1;
	sp_json_free(&l->json);
	if (rc < 0)
		return SP_EXIT_FAILED;
	return !l->damaged ? SP_EXIT_OK : l->taken ? SP_EXIT_DAMAGED : SP_EXIT_FAILED;
}
