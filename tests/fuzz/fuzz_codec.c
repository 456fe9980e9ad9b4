/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as compressed ones: what comes out of the first n bytes of room is the same with more room; and of
 * Zstandard the beginning of what its own library makes of them. */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "parsers/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(size_t (*codec)(struct sp_slice, uint8_t *, size_t), struct sp_slice in, size_t room)
{
	static uint8_t all[4096];
	uint8_t *some = malloc(room ? room : 1);
	size_t n = codec(in, all, sizeof all), few = codec(in, some, room);
	if (few != SP_MIN(n, room) || memcmp(all, some, few))
		abort();
	free(some);
}

static size_t parts(struct sp_slice in, uint8_t *out, size_t room)
{
	static struct sp_zstd_parts z;
	if (!sp_zstd_parts_begin(&z, (struct sp_slice){in.p, in.n / 2}))
		return 0;
	for (uint32_t skip, need; sp_zstd_parts_next(&z, &skip, &need);) {
		if (z.at + (uint64_t)skip + need > in.n)
			return 0;
		z.at += skip;
		sp_zstd_parts_take(&z, (struct sp_slice){in.p + z.at, need});
	}
	return sp_zstd_parts(&z, out, room);
}

static void compare(struct sp_slice in)
{
	static uint8_t ours[4096], theirs[4096];
	size_t n = ZSTD_findFrameCompressedSize(in.p, in.n);
	if (ZSTD_isError(n) || ZSTD_isError(n = ZSTD_decompress(theirs, sizeof theirs, in.p, n)) || !n)
		return;
	size_t got = sp_zstd(in, ours, sizeof ours);
	if (got > n || memcmp(ours, theirs, got))
		abort();
	/* What is kept of it when the second half comes later. */
	got = parts(in, ours, sizeof ours);
	if (got > n || memcmp(ours, theirs, got))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct sp_slice in = {data + 2, size - 2};
	bool zstd = data[0] & 16;
	check(zstd ? sp_zstd : data[0] & 1 ? sp_inflate : sp_snappy, in, (size_t)(data[0] & 0xe) << 7 | data[1]);
	if (!zstd)
		return 0;
	compare(in);
	parts(in, (uint8_t[512]){0}, 512);
	return 0;
}
