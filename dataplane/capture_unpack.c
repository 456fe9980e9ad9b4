/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture_unpack.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_SIZE (256u << 10)

struct sp_unpack {
	int fd;
	bool ended; /* the descriptor has nothing more */
	bool whole; /* between two frames: the input may end here */
	uint8_t *in;
	size_t pos, end; /* of the input not used yet */
	uint64_t taken;
	/* Writes at most *size bytes, sets *size to how many, and takes input. False: damaged, `error` says why. */
	bool (*step)(struct sp_unpack *u, uint8_t *p, size_t *size);
	void (*done)(struct sp_unpack *u);
	union {
		z_stream gzip;
		ZSTD_DStream *zstd;
		LZ4F_dctx *lz4;
	};
	char error[128];
};

static bool fail(struct sp_unpack *u, const char *what, const char *why)
{
	snprintf(u->error, sizeof u->error, "%s: %s", what, why);
	return false;
}

/* read(2) with its errors remembered; 0 at the end. */
static size_t take(struct sp_unpack *u, uint8_t *p, size_t size)
{
	ssize_t n;
	do
		n = read(u->fd, p, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		fail(u, "cannot be read any further", strerror(errno));
	u->ended = n <= 0;
	u->taken += n > 0 ? (size_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

/* What was read to find the magic comes first; then the descriptor's bytes go straight where they are wanted. */
static bool plain_step(struct sp_unpack *u, uint8_t *p, size_t *size)
{
	size_t n = SP_MIN(*size, u->end - u->pos);
	memcpy(p, u->in + u->pos, n);
	u->pos += n;
	if (!n && !u->ended)
		n = take(u, p, *size);
	*size = n;
	u->whole = true;
	return true;
}

static bool gzip_step(struct sp_unpack *u, uint8_t *p, size_t *size)
{
	size_t room = *size;
	*size = 0;
	if (u->whole) {
		/* Tape-like padding with zeros after the last member is usual; anything else is not. */
		while (u->pos < u->end && !u->in[u->pos])
			u->pos++;
		if (u->pos == u->end)
			return true;
		if (u->in[u->pos] != 0x1f)
			return fail(u, "gzip", "something else follows the compressed data");
		inflateReset(&u->gzip);
		u->whole = false;
	}
	u->gzip.next_in = u->in + u->pos;
	u->gzip.avail_in = (uInt)(u->end - u->pos);
	u->gzip.next_out = p;
	u->gzip.avail_out = (uInt)SP_MIN(room, (size_t)1 << 30);
	room = u->gzip.avail_out;
	int rc = inflate(&u->gzip, Z_NO_FLUSH);
	u->pos = u->end - u->gzip.avail_in;
	*size = room - u->gzip.avail_out;
	if (rc == Z_STREAM_END)
		u->whole = true;
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return fail(u, "gzip", u->gzip.msg ? u->gzip.msg : "corrupt data");
	return true;
}

static void gzip_done(struct sp_unpack *u)
{
	inflateEnd(&u->gzip);
}

static bool zstd_step(struct sp_unpack *u, uint8_t *p, size_t *size)
{
	ZSTD_inBuffer in = {.src = u->in, .size = u->end, .pos = u->pos};
	ZSTD_outBuffer out = {.dst = p, .size = *size};
	size_t rc = ZSTD_decompressStream(u->zstd, &out, &in);
	/* Without input between two frames the decoder only says how much the next header needs. */
	if (in.pos > u->pos || out.pos)
		u->whole = rc == 0;
	u->pos = in.pos;
	*size = out.pos;
	return ZSTD_isError(rc) ? fail(u, "zstd", ZSTD_getErrorName(rc)) : true;
}

static void zstd_done(struct sp_unpack *u)
{
	ZSTD_freeDStream(u->zstd);
}

static bool lz4_step(struct sp_unpack *u, uint8_t *p, size_t *size)
{
	size_t in = u->end - u->pos, out = *size;
	size_t rc = LZ4F_decompress(u->lz4, p, &out, u->in + u->pos, &in, NULL);
	if (LZ4F_isError(rc)) {
		*size = 0;
		return fail(u, "lz4", LZ4F_getErrorName(rc));
	}
	if (in || out)
		u->whole = rc == 0;
	u->pos += in;
	*size = out;
	return true;
}

static void lz4_done(struct sp_unpack *u)
{
	LZ4F_freeDecompressionContext(u->lz4);
}

enum packing { PLAIN, GZIP, ZSTD, LZ4 };

static enum packing packing(const uint8_t magic[4])
{
	uint32_t le =
		(uint32_t)magic[0] | (uint32_t)magic[1] << 8 | (uint32_t)magic[2] << 16 | (uint32_t)magic[3] << 24;
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return GZIP;
	/* Both formats know skippable frames; only zstd tools write one in front. */
	if (le == ZSTD_MAGICNUMBER || (le & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START)
		return ZSTD;
	return le == 0x184d2204 ? LZ4 : PLAIN;
}

bool sp_unpack_is_packed(const uint8_t magic[4])
{
	return packing(magic) != PLAIN;
}

static bool start(struct sp_unpack *u)
{
	static const uint8_t none[4];
	switch (packing(u->end >= 4 ? u->in : none)) {
	case PLAIN:
		u->step = plain_step;
		return true;
	case GZIP:
		u->step = gzip_step;
		u->done = gzip_done;
		return inflateInit2(&u->gzip, 15 + 16) == Z_OK;
	case ZSTD:
		u->step = zstd_step;
		u->done = zstd_done;
		return (u->zstd = ZSTD_createDStream());
	case LZ4:
		u->step = lz4_step;
		u->done = lz4_done;
		return !LZ4F_isError(LZ4F_createDecompressionContext(&u->lz4, LZ4F_VERSION));
	}
	return false;
}

int sp_unpack_new(struct sp_unpack **ret, int fd)
{
	struct sp_unpack *u = calloc(1, sizeof *u);
	if (u)
		u->in = malloc(INPUT_SIZE);
	if (!u || !u->in) {
		free(u);
		return -ENOMEM;
	}
	u->fd = fd;
	while (u->end < 4 && !u->ended)
		u->end += take(u, u->in + u->end, INPUT_SIZE - u->end);
	if (!start(u)) {
		u->done = NULL;
		sp_unpack_free(u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void sp_unpack_free(struct sp_unpack *u)
{
	if (!u)
		return;
	if (u->done)
		u->done(u);
	free(u->in);
	free(u);
}

size_t sp_unpack_read(struct sp_unpack *u, uint8_t *p, size_t size)
{
	while (!u->error[0] && size) {
		if (u->pos == u->end && !u->ended && u->step != plain_step) {
			u->pos = 0;
			u->end = take(u, u->in, INPUT_SIZE);
		}
		size_t n = size, pos = u->pos;
		if (!u->step(u, p, &n) || n)
			return n;
		/* Output that the decoder still had would have come with the call without input. */
		if (u->ended && u->pos == u->end) {
			if (!u->whole && !u->error[0])
				fail(u, "cut short", "the compressed data ends early");
			break;
		}
		if (u->pos == pos && u->pos < u->end)
			fail(u, "corrupt", "the decompressor makes no progress");
	}
	return 0;
}

const char *sp_unpack_error(const struct sp_unpack *u)
{
	return u->error[0] ? u->error : NULL;
}

uint64_t sp_unpack_taken(const struct sp_unpack *u)
{
	return u->taken;
}
