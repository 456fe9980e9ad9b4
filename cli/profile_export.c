/* SPDX-License-Identifier: Apache-2.0 */
/* One flow's packets out of packets.pcapng: blocks are copied as they are, those of packets by their comment
 * (draft-ietf-opsawg-pcapng: opt_comment of an Enhanced Packet Block). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/profile_view.h"

#define SECTION UINT32_C(0x0a0d0d0a)
#define INTERFACE 1
#define PACKET 6
#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)
#define PACKET_HEAD 28 /* up to the packet's bytes */
#define OPTION_END 0
#define OPTION_COMMENT 1
#define BLOCK_MIN 12
#define BLOCK_MAX (16u << 20)

struct export
{
	FILE *in, *out;
	bool swapped;
	uint8_t *block;
	size_t room;
	uint32_t type, size;
	char comment[40];
	uint64_t packets;
};

static uint32_t u32(const struct export *e, size_t at)
{
	uint32_t v;
	memcpy(&v, e->block + at, sizeof v);
	return e->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t u16(const struct export *e, size_t at)
{
	uint16_t v;
	memcpy(&v, e->block + at, sizeof v);
	return e->swapped ? __builtin_bswap16(v) : v;
}

static bool make_room(struct export *e, size_t want)
{
	if (want <= e->room)
		return true;
	uint8_t *block = realloc(e->block, want);
	if (!block)
		return false;
	e->block = block;
	e->room = want;
	return true;
}

/* Reads the next block. Returns 1, 0 at the end, -EBADMSG where the file is damaged or cut short, or -errno. */
static int next_block(struct export *e)
{
	size_t n = fread(e->block, 1, BLOCK_MIN, e->in);
	if (n < BLOCK_MIN)
		return ferror(e->in) ? -EIO : n ? -EBADMSG : 0;
	memcpy(&e->type, e->block, sizeof e->type);
	if (e->type == SECTION) {
		uint32_t magic;
		memcpy(&magic, e->block + 8, sizeof magic);
		if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
			return -EBADMSG;
		e->swapped = magic != BYTE_ORDER_MAGIC;
	}
	e->type = u32(e, 0);
	e->size = u32(e, 4);
	if (e->size < BLOCK_MIN || e->size % 4 || e->size > BLOCK_MAX)
		return -EBADMSG;
	if (!make_room(e, e->size))
		return -ENOMEM;
	n = e->size - BLOCK_MIN;
	if (fread(e->block + BLOCK_MIN, 1, n, e->in) < n)
		return ferror(e->in) ? -EIO : -EBADMSG;
	return 1;
}

/* One of its comments is the one that is looked for. */
static bool is_wanted(const struct export *e)
{
	size_t end = e->size - 4, at = PACKET_HEAD;
	if (e->size < PACKET_HEAD + 4 || u32(e, 20) > end - PACKET_HEAD)
		return false;
	at += (u32(e, 20) + 3u) & ~3u;
	while (at + 4 <= end) {
		unsigned code = u16(e, at), n = u16(e, at + 2);
		if (code == OPTION_END || at + 4 + n > end)
			return false;
		if (code == OPTION_COMMENT && n == strlen(e->comment) && !memcmp(e->block + at + 4, e->comment, n))
			return true;
		at += 4 + ((n + 3u) & ~3u);
	}
	return false;
}

/* Returns 0, or -errno as next_block. */
static int copy(struct export *e)
{
	int rc;
	while ((rc = next_block(e)) > 0) {
		if (e->type == PACKET && !is_wanted(e))
			continue;
		if (e->type != PACKET && e->type != SECTION && e->type != INTERFACE)
			continue;
		e->packets += e->type == PACKET;
		if (fwrite(e->block, 1, e->size, e->out) < e->size)
			return -errno;
	}
	return rc;
}

/* Says how it went. Returns an exit code. */
static int finish(const struct export *e, int rc, const char *from, const char *to, uint64_t flow_id)
{
	if (rc && rc != -EBADMSG) {
		sp_log("%s: %s", rc == -EIO ? from : to, strerror(-rc));
		return SP_EXIT_FAILED;
	}
	if (rc)
		sp_log("%s: damaged or cut short", from);
	if (!e->packets) {
		sp_log("%s: no packets of flow %" PRIu64 " were kept", from, flow_id);
		return SP_EXIT_FAILED;
	}
	printf("\n  %" PRIu64 " packets are in %s\n", e->packets, to);
	return rc ? SP_EXIT_DAMAGED : SP_EXIT_OK;
}

int sp_view_export(const char *dir, uint64_t flow_id, const char *path)
{
	struct export e = {0};
	char from[4096];
	snprintf(from, sizeof from, "%s/packets.pcapng", dir);
	snprintf(e.comment, sizeof e.comment, "flow_id=%" PRIu64, flow_id);
	e.in = fopen(from, "re");
	if (!e.in) {
		sp_log("%s: %s; this version records profiles without the packets themselves", from, strerror(errno));
		return SP_EXIT_FAILED;
	}
	int rc = make_room(&e, 65536) ? 0 : -ENOMEM;
	e.out = fopen(path, "we");
	if (!e.out)
		rc = -errno;
	if (!rc)
		rc = copy(&e);
	if (e.out && fclose(e.out) && !rc)
		rc = -errno;
	fclose(e.in);
	free(e.block);
	int status = finish(&e, rc, from, path, flow_id);
	/* Nothing useful is left lying about. */
	if (status == SP_EXIT_FAILED && e.out)
		remove(path);
	return status;
}
