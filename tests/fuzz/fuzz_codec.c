/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as compressed ones: what comes out of the first n bytes of room is the same with more room. */
#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct sp_slice in = {data + 2, size - 2};
	check(data[0] & 1 ? sp_inflate : sp_snappy, in, (size_t)(data[0] & 0xe) << 7 | data[1]);
	return 0;
}
