/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard against its own library: all that it compresses, at any level, comes out the same; so does the beginning of
 * it, for any room; and what is cut or damaged is the beginning of what is right, or at least ends. */
#include <stdlib.h>
#include <zstd.h>

#include "parsers/codec.h"
#include "tests/check.h"

enum { PLAIN_MAX = 400000, BLOCK = 128 * 1024 };

static uint8_t plain[PLAIN_MAX], packed[PLAIN_MAX + 4096], out[PLAIN_MAX];
static ZSTD_CCtx *cctx;

static uint32_t dice(uint32_t n)
{
	static uint64_t seed = 88172645463325252;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % n;
}

/* Rows, text of few words, numbers of some kind, runs, noise: what the codes make different tables for. */
static void fill(size_t n)
{
	static const char *const words[] = {"SELECT ", "name ", "FROM orders ", "WHERE id = ", "\2\0\0\0", "NULL, "};
	unsigned kind = dice(6), alphabet = 1 + dice(255);
	for (size_t i = 0; i < n;) {
		const char *word = words[dice(SP_ARRAY_SIZE(words))];
		size_t many = kind == 5 && !dice(40) ? 1 + dice(70000) : 1;
		if (kind == 0 || (kind == 1 && dice(2))) {
			many = SP_MIN(strlen(word), n - i);
			memcpy(plain + i, word, many);
		} else if (kind == 4 && i > 9 && !dice(30)) {
			size_t back = 1 + dice((uint32_t)SP_MIN(i, (size_t)100000));
			for (many = SP_MIN((size_t)3 + dice(300), n - i); many; many--, i++)
				plain[i] = plain[i - back];
		} else {
			many = SP_MIN(many, n - i);
			uint8_t byte = (uint8_t)dice(kind == 2 ? 256 : SP_MIN(alphabet, 1 + dice(alphabet)));
			memset(plain + i, byte, many);
		}
		i += many;
	}
}

static size_t pack(size_t n)
{
	static const int levels[] = {-5, 1, 3, 6, 9, 13, 19};
	ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, levels[dice(SP_ARRAY_SIZE(levels))]);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, (int)dice(2));
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, (int)dice(2));
	if (!dice(3))
		ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, 10 + (int)dice(9));
	size_t size = ZSTD_compress2(cctx, packed, sizeof packed, plain, n);
	return CHECK(!ZSTD_isError(size)) ? size : 0;
}

static void comes_out_the_same(void)
{
	for (unsigned i = 0; i < 400; i++) {
		size_t n = dice(i % 8 ? 3000 : PLAIN_MAX), size;
		fill(n);
		if (!(size = pack(n)))
			return;
		struct sp_slice in = {packed, size};
		CHECK_EQ(sp_zstd(in, out, sizeof out), n);
		CHECK(!memcmp(out, plain, n));
		size_t room = dice((uint32_t)n + 1);
		uint8_t *exact = malloc(room + 1);
		CHECK_EQ(sp_zstd(in, exact, room), room);
		CHECK(!memcmp(exact, plain, room));
		free(exact);
	}
}

/* Whole blocks come out, and what is there of one that was not compressed. */
static void what_is_cut(void)
{
	for (unsigned i = 0; i < 100; i++) {
		size_t n = i % 2 ? dice(2000) : 3 * BLOCK, size;
		fill(n);
		if (!(size = pack(n)))
			return;
		for (unsigned k = 0; k < 20; k++) {
			size_t there = k ? dice((uint32_t)size + 1) : size - 1;
			uint8_t *exact = malloc(there + 1);
			memcpy(exact, packed, there);
			size_t got = sp_zstd((struct sp_slice){exact, there}, out, sizeof out);
			CHECK(got <= n && !memcmp(out, plain, got));
			free(exact);
		}
	}
}

/* Any bits may be wrong. Where the library reads on, as it does beyond a stream's end, we read the same or stop. */
static void what_is_damaged(void)
{
	static uint8_t theirs[8192];
	unsigned same = 0;
	for (unsigned i = 0; i < 300; i++) {
		size_t n = 20 + dice(4000), size;
		fill(n);
		if (!(size = pack(n)))
			return;
		for (unsigned k = 0; k < 60; k++) {
			uint8_t *exact = malloc(size);
			memcpy(exact, packed, size);
			for (unsigned bit = 0; bit <= k % 4; bit++)
				exact[dice((uint32_t)size)] ^= (uint8_t)(1U << dice(8));
			size_t got = sp_zstd((struct sp_slice){exact, size}, out, sizeof out);
			size_t right = ZSTD_decompress(theirs, sizeof theirs, exact, size);
			if (!ZSTD_isError(right)) {
				CHECK(got <= right && !memcmp(out, theirs, got));
				same += got == right;
			}
			free(exact);
		}
	}
	CHECK(same > 100);
}

/* A first block of which no more than a piece is ever there: what is kept of it yields its beginning. */
static void what_is_long(void)
{
	static struct sp_zstd_parts z;
	enum { THERE = 16384, WANTED = 4096 };
	unsigned all = 0, long_ones = 0;
	for (unsigned i = 0; i < 200; i++) {
		size_t n = 30000 + dice(PLAIN_MAX - 30000), size;
		fill(n);
		if (!(size = pack(n)))
			return;
		size_t at = THERE - dice(9000);
		if (size <= at || !sp_zstd_parts_begin(&z, (struct sp_slice){packed, at}))
			continue;
		long_ones++;
		for (uint32_t skip, need; sp_zstd_parts_next(&z, &skip, &need);) {
			size_t there = 1 + dice(need);
			CHECK(need <= THERE && z.at + skip + need <= size);
			z.at += skip;
			sp_zstd_parts_take(&z, (struct sp_slice){packed + z.at, there});
		}
		size_t got = sp_zstd_parts(&z, out, WANTED);
		CHECK(!memcmp(out, plain, got));
		all += got >= WANTED / 4;
	}
	CHECK(long_ones > 20 && all > long_ones * 9 / 10);
	printf("# %u long ones, of %u a lot\n", long_ones, all);
}

static void frames(void)
{
	static const char skipped[] = "\x53\x2a\x4d\x18\3\0\0\0abc\x50\x2a\x4d\x18\0\0\0\0"
				      "\x28\xb5\x2f\xfd\x20\5\x29\0\0hello";
	static const char dictionary[] = "\x28\xb5\x2f\xfd\x21\7\5\x29\0\0hello";
	static const char bomb[] = "\x28\xb5\x2f\xfd\x80\x58\0\0\0\4\2\0\x10\0\2\0\x10\0";
	static const char none[] = "\x28\xb5\x2f\xfd\x20\0\1\0\0";
#define SLICE(text) ((struct sp_slice){(const uint8_t *)(text), sizeof(text) - 1})
	CHECK_EQ(sp_zstd(SLICE(skipped), out, 10), 5);
	CHECK(!memcmp(out, "hello", 5));
	CHECK_EQ(sp_zstd(SLICE(dictionary), out, 10), 0);
	CHECK_EQ(sp_zstd(SLICE(bomb), out, 1000), 1000);
	CHECK_EQ(sp_zstd(SLICE(none), out, 10), 0);
	/* Blocks of next to nothing are not read for ever. */
	uint8_t many[6 + 4 * 4000] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58};
	for (size_t at = 6; at < sizeof many; at += 4)
		memcpy(many + at, "\x08\0\0x", 4);
	size_t got = sp_zstd((struct sp_slice){many, sizeof many}, out, sizeof out);
	CHECK(got >= 64 && got < 1000);
	for (size_t n = 0; n < sizeof skipped; n++)
		CHECK(sp_zstd((struct sp_slice){(const uint8_t *)skipped, n}, out, 10) <= 5);
}

int main(void)
{
	cctx = ZSTD_createCCtx();
	RUN(comes_out_the_same);
	RUN(what_is_cut);
	RUN(what_is_damaged);
	RUN(what_is_long);
	RUN(frames);
	ZSTD_freeCCtx(cctx);
	return check_done();
}
