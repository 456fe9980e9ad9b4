/* SPDX-License-Identifier: Apache-2.0 */
/* A plain file that several threads read at once: it is mapped once for all, a window is made present by whoever comes
 * near its beginning first, and what all have read is taken down on the way. */
#ifndef SP_DATAPLANE_CAPTURE_SHARED_H
#define SP_DATAPLANE_CAPTURE_SHARED_H

#include "base/base.h"

#define SP_SHARED_READERS_MAX 16

struct sp_shared_file;

/* Maps a file of `size` bytes for `readers` threads; the descriptor stays the caller's. NULL: that cannot be.
 */
struct sp_shared_file *sp_shared_file_new(int fd, uint64_t size, unsigned readers);

/* Once by each reader; the last one frees it. */
void sp_shared_file_release(struct sp_shared_file *file, unsigned reader);

/* The bytes from `off` on, at least `want` of them unless the file ends before, or cannot be read any further, as
 * `broken` then says. The reader will not look at what lies before `keep` any more. Returns how many there are at *p.
 */
size_t sp_shared_file_get(struct sp_shared_file *file, unsigned reader, uint64_t keep, uint64_t off, size_t want,
			  const uint8_t **p, bool *broken);

#endif
