/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of compressed bytes: as much as there is room for, without memory of their own. */
#ifndef SP_PARSERS_CODEC_H
#define SP_PARSERS_CODEC_H

#include <string.h>

#include "base/base.h"
#include "base/slice.h"

/* All return how many bytes they wrote; fewer than `room` when the input ends, or is none. `in` may be cut. */

/* Snappy's raw format, without frames. */
size_t sp_snappy(struct sp_slice in, uint8_t *out, size_t room);

/* DEFLATE (RFC 1951); a header of zlib's (RFC 1950) or gzip's (RFC 1952) before it is passed over. */
size_t sp_inflate(struct sp_slice in, uint8_t *out, size_t room);

/* Zstandard (RFC 8878): the first frame, if it needs no dictionary. A compressed block that is cut yields nothing. */
size_t sp_zstd(struct sp_slice in, uint8_t *out, size_t room);

/* What is kept of a frame's first block that is longer than what is there at once. */
struct sp_zstd_parts {
	uint32_t at; /* bytes of the frame that were taken or passed over */
	uint32_t literals;
	uint8_t type;
	struct {
		uint32_t from, n;
	} part[3];
	uint8_t tree[129], stream[2048], tables[256], sequences[1536];
};

/* `in`: the frame's beginning, which is taken. False: it is no frame, or has no such block. */
bool sp_zstd_parts_begin(struct sp_zstd_parts *z, struct sp_slice in);

/* Of the frame's next bytes `skip` need not be seen, which the caller adds to z->at, and `need` after them have to be.
 * False: all is there. */
bool sp_zstd_parts_next(const struct sp_zstd_parts *z, uint32_t *skip, uint32_t *need);

/* The next bytes. */
void sp_zstd_parts_take(struct sp_zstd_parts *z, struct sp_slice in);

/* When all is there: the beginning of what was compressed, a few kilobytes of it. */
size_t sp_zstd_parts(struct sp_zstd_parts *z, uint8_t *out, size_t room);

/* A frame of Zstandard's begins here. */
static inline bool sp_is_zstd(struct sp_slice in)
{
	return in.n >= 4 && !memcmp(in.p, "\x28\xb5\x2f\xfd", 4);
}

#endif
