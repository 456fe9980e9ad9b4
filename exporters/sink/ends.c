/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sink/ends.h"

#include <string.h>
#include <unistd.h>

#include "exporters/encode/pcapng.h"

off_t sp_lines_end(int fd, off_t size)
{
	char piece[4096];
	while (size > 0) {
		off_t from = SP_MAX(size - (off_t)sizeof piece, 0);
		ssize_t n = pread(fd, piece, (size_t)(size - from), from);
		if (n <= 0)
			return -1;
		const char *end = memrchr(piece, '\n', (size_t)n);
		if (end)
			return from + (end - piece) + 1;
		size = from;
	}
	return 0;
}

static bool read_u32(int fd, off_t at, uint32_t *ret)
{
	return pread(fd, ret, sizeof *ret, at) == sizeof *ret;
}

/* A block that both its sizes say is at `at` and ends by `size`. Returns its size, 0: there is none. */
static uint32_t block_at(int fd, off_t at, off_t size)
{
	uint32_t n, again;
	if (!read_u32(fd, at + 4, &n) || n < SP_PCAPNG_BLOCK_MIN || n % 4 || (off_t)n > size - at)
		return 0;
	return read_u32(fd, at + n - 4, &again) && again == n ? n : 0;
}

/* It begins as what is written here does, as far as it goes. */
static bool is_ours(int fd, off_t size)
{
	uint32_t type, order;
	return size < SP_PCAPNG_BLOCK_MIN || (read_u32(fd, 0, &type) && type == SP_PCAPNG_SECTION &&
					      read_u32(fd, 8, &order) && order == SP_PCAPNG_BYTE_ORDER);
}

off_t sp_blocks_end(int fd, off_t size)
{
	uint32_t n;
	off_t at = 0;
	if (!is_ours(fd, size))
		return -1;
	if (size >= SP_PCAPNG_BLOCK_MIN && read_u32(fd, size - 4, &n) && n && (off_t)n <= size &&
	    block_at(fd, size - n, size) == n)
		return size;
	while ((n = block_at(fd, at, size)))
		at += n;
	return at;
}
