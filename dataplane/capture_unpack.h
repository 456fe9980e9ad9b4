/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of bytes from a descriptor, decompressed on the way when it begins with the magic of gzip, zstd or lz4.
 * Frames may follow one another. Memory is bounded: one input buffer and what the library needs. */
#ifndef SP_DATAPLANE_CAPTURE_UNPACK_H
#define SP_DATAPLANE_CAPTURE_UNPACK_H

#include "base/base.h"

struct sp_unpack;

/* Reads the first bytes and picks the decompressor. The descriptor stays the caller's. 0 or -errno. */
int sp_unpack_new(struct sp_unpack **ret, int fd);
void sp_unpack_free(struct sp_unpack *unpack);

/* The next bytes, as many as there are without waiting for more than the first, at most `size`. 0 at the end, or at
 * damage that sp_unpack_error then describes. */
size_t sp_unpack_read(struct sp_unpack *unpack, uint8_t *p, size_t size);

const char *sp_unpack_error(const struct sp_unpack *unpack); /* NULL when all is well */
uint64_t sp_unpack_taken(const struct sp_unpack *unpack);    /* bytes read from the descriptor */

/* Whether a file that begins so is one that has to be decompressed. */
bool sp_unpack_is_packed(const uint8_t magic[4]);

#endif
