/* SPDX-License-Identifier: Apache-2.0 */
/* One flow's packets out of packets.pcapng, by their comment (draft-ietf-opsawg-pcapng: opt_comment of an Enhanced
 * Packet Block). That file may have many sections, each with the same interfaces; what is written has one, with each
 * interface that the packets need once. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

#define SECTION_MIN 28
#define SECTION_LENGTH 16 /* where it stands, in eight bytes */
#define INTERFACE_MAX 32768
#define NOT_WRITTEN UINT32_MAX

struct block {
	uint8_t *p;
	uint32_t size;
	uint32_t out; /* of an interface: its number in what is written */
};

struct export
{
	FILE *in, *out;
	bool swapped;
	bool begun, out_swapped; /* a section was written, in that byte order */
	uint8_t *block;
	size_t room;
	uint32_t type, size;
	struct block section;	 /* that is read */
	struct block *interface; /* all that were read, none twice */
	uint32_t *number;	 /* of this section's interfaces among them */
	uint32_t n_interfaces, n_numbers, n_out;
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

static bool keep_block(const struct export *e, struct block *to)
{
	uint8_t *p = realloc(to->p, e->size);
	if (!p)
		return false;
	*to = (struct block){memcpy(p, e->block, e->size), e->size, NOT_WRITTEN};
	return true;
}

static int read_section(struct export *e)
{
	if (e->size < SECTION_MIN)
		return -EBADMSG;
	e->n_numbers = 0;
	return keep_block(e, &e->section) ? 0 : -ENOMEM;
}

static int read_interface(struct export *e)
{
	uint32_t i = 0;
	while (i < e->n_interfaces && (e->interface[i].size != e->size || memcmp(e->interface[i].p, e->block, e->size)))
		i++;
	if (i == INTERFACE_MAX || e->n_numbers == INTERFACE_MAX)
		return -EBADMSG;
	if (!e->interface)
		e->interface = calloc(INTERFACE_MAX, sizeof *e->interface);
	if (!e->number)
		e->number = calloc(INTERFACE_MAX, sizeof *e->number);
	if (!e->interface || !e->number || (i == e->n_interfaces && !keep_block(e, &e->interface[i])))
		return -ENOMEM;
	e->n_interfaces += i == e->n_interfaces;
	e->number[e->n_numbers++] = i;
	return 0;
}

static int put_block(struct export *e, const uint8_t *p, uint32_t size)
{
	return fwrite(p, 1, size, e->out) < size ? -errno : 0;
}

static int write_section(struct export *e)
{
	memset(e->section.p + SECTION_LENGTH, 0xff, 8); /* not told */
	for (uint32_t i = 0; i < e->n_interfaces; i++)
		e->interface[i].out = NOT_WRITTEN;
	e->n_out = 0;
	e->begun = true;
	e->out_swapped = e->swapped;
	return put_block(e, e->section.p, e->section.size);
}

static int write_packet(struct export *e)
{
	uint32_t number = u32(e, 8);
	if (!e->section.p || number >= e->n_numbers)
		return -EBADMSG;
	struct block *interface = &e->interface[e->number[number]];
	int rc = e->begun && e->swapped == e->out_swapped ? 0 : write_section(e);
	if (!rc && interface->out == NOT_WRITTEN) {
		rc = put_block(e, interface->p, interface->size);
		interface->out = e->n_out++;
	}
	number = e->swapped ? __builtin_bswap32(interface->out) : interface->out;
	memcpy(e->block + 8, &number, sizeof number);
	e->packets++;
	return rc ? rc : put_block(e, e->block, e->size);
}

/* Returns 0, or -errno as next_block. */
static int copy(struct export *e)
{
	int rc;
	while ((rc = next_block(e)) > 0) {
		rc = 0;
		if (e->type == SECTION)
			rc = read_section(e);
		else if (e->type == INTERFACE)
			rc = read_interface(e);
		else if (e->type == PACKET && is_wanted(e))
			rc = write_packet(e);
		if (rc)
			return rc;
	}
	return rc;
}

static void free_blocks(struct export *e)
{
	for (uint32_t i = 0; i < e->n_interfaces; i++)
		free(e->interface[i].p);
	free(e->interface);
	free(e->number);
	free(e->section.p);
	free(e->block);
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

int sp_view_export(struct sp_folder *folder, uint64_t flow_id, const char *path)
{
	struct export e = {0};
	snprintf(e.comment, sizeof e.comment, "flow_id=%" PRIu64, flow_id);
	int fd = sp_folder_open(folder, "packets.pcapng");
	if (fd < 0)
		return sp_folder_refuse(folder, fd, "packets are kept when profile.keep_packets says how much of them");
	e.in = fdopen(fd, "r");
	if (!e.in) {
		sp_log("%s: %s", folder->path, strerror(errno));
		close(fd);
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
	free_blocks(&e);
	int status = finish(&e, rc, folder->path, path, flow_id);
	/* Nothing useful is left lying about. */
	if (status == SP_EXIT_FAILED && e.out)
		remove(path);
	return status;
}
