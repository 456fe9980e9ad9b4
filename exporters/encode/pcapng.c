/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/encode/pcapng.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "exporters/encode/json_fields.h"

#define INTERFACE 1
#define PACKET 6
#define OPTION_COMMENT 1
#define OPTION_USER_APPLICATION 4
#define OPTION_NAME 2
#define OPTION_TIME_RESOLUTION 9
#define NANOSECONDS 9 /* 10^-9 s */
/* What a block has besides names and packets, at most. */
#define BLOCK_ROOM 128

static const uint16_t linktype[SP_LINK_MAX] = {
	[SP_LINK_ETHERNET] = 1, [SP_LINK_SLL] = 113,  [SP_LINK_SLL2] = 276, [SP_LINK_RAW] = 101,
	[SP_LINK_NULL] = 0,	[SP_LINK_LOOP] = 108, [SP_LINK_PPP] = 9,
};

/* The section that the buffer holds. */
struct section {
	uint32_t n;
	uint16_t interface[SP_POINTS_MAX][SP_LINK_MAX]; /* 1 + its number; 0: it has none yet */
};

static uint8_t *put(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	return put(p, &v, sizeof v);
}

static uint8_t *put_u16(uint8_t *p, uint32_t v)
{
	return put(p, &(uint16_t){(uint16_t)v}, sizeof(uint16_t));
}

/* Bytes, and zeroes up to a multiple of four. */
static uint8_t *put_padded(uint8_t *p, const void *from, size_t n)
{
	p = put(p, from, n);
	return put(p, "\0\0\0", -n & 3);
}

static uint8_t *put_option(uint8_t *p, unsigned code, const void *from, size_t n)
{
	p = put_u16(p, code);
	p = put_u16(p, (uint32_t)n);
	return put_padded(p, from, n);
}

static uint8_t *begin_block(struct sp_buf *out, uint32_t type, size_t room)
{
	sp_buf_reserve(out, room + BLOCK_ROOM);
	return put_u32(out->p + out->n, type) + 4;
}

/* The end of its options, and its size, which stands at both ends. */
static void end_block(struct sp_buf *out, uint8_t *p)
{
	uint8_t *block = out->p + out->n;
	p = put_u32(p, 0);
	uint32_t size = (uint32_t)(p - block) + 4;
	p = put_u32(p, size);
	put_u32(block + 4, size);
	out->n += size;
}

static void put_section(struct sp_buf *out)
{
	uint8_t *p = begin_block(out, SP_PCAPNG_SECTION, 0);
	p = put_u32(p, SP_PCAPNG_BYTE_ORDER);
	p = put_u16(p, 1); /* version 1.0 */
	p = put_u16(p, 0);
	p = put(p, &(int64_t){-1}, 8); /* the section's length is not told */
	p = put_option(p, OPTION_USER_APPLICATION, "spantap", 7);
	end_block(out, p);
}

static void put_interface(struct sp_buf *out, unsigned link, const struct sp_point *point)
{
	uint8_t *p = begin_block(out, INTERFACE, SP_POINT_NAME_MAX);
	p = put_u16(p, linktype[link]);
	p = put_u16(p, 0);
	p = put_u32(p, 0); /* no limit to what is captured */
	if (point)
		p = put_option(p, OPTION_NAME, point->name, strlen(point->name));
	p = put_option(p, OPTION_TIME_RESOLUTION, &(uint8_t){NANOSECONDS}, 1);
	end_block(out, p);
}

static struct section *section_of(struct sp_buf *out)
{
	if (!out->kept && !(out->kept = malloc(sizeof(struct section)))) {
		sp_log("out of memory for packets.pcapng");
		abort();
	}
	if (!out->n) {
		memset(out->kept, 0, sizeof(struct section));
		put_section(out);
	}
	return out->kept;
}

void sp_pcapng_packet(struct sp_buf *out, const struct sp_packet_record *r, const struct sp_points *points)
{
	assert(r->head.point < SP_POINTS_MAX && r->link < SP_LINK_MAX);
	struct section *s = section_of(out);
	uint16_t *interface = &s->interface[r->head.point][r->link];
	if (!*interface) {
		put_interface(out, r->link, sp_json_point(points, r->head.point));
		*interface = (uint16_t)++s->n;
	}
	char comment[16 + SP_DECIMAL_MAX] = "flow_id=";
	char *end = sp_put_u64(comment + strlen(comment), r->flow_id);
	uint8_t *p = begin_block(out, PACKET, r->n);
	p = put_u32(p, *interface - 1U);
	p = put_u32(p, (uint32_t)(r->ns >> 32));
	p = put_u32(p, (uint32_t)r->ns);
	p = put_u32(p, r->n);
	p = put_u32(p, r->wire_len);
	p = put_padded(p, r->data, r->n);
	p = put_option(p, OPTION_COMMENT, comment, (size_t)(end - comment));
	end_block(out, p);
}
