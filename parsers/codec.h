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

/* Zstandard (RFC 8878): the first frame, if it needs no dictionary. Of a compressed block that is cut nothing comes
 * out.
 */
size_t sp_zstd(struct sp_slice in, uint8_t *out, size_t room);

/* A frame of Zstandard's begins here. */
static inline bool sp_is_zstd(struct sp_slice in)
{
	return in.n >= 4 && !memcmp(in.p, "\x28\xb5\x2f\xfd", 4);
}

#endif
