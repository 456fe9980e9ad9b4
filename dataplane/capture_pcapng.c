/* SPDX-License-Identifier: Apache-2.0 */
/* The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, packets in three kinds of blocks; all other
 * blocks are stepped over. What is wrong inside a block costs that block; a block whose length is wrong ends the file,
 * because nobody knows where the next one begins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "dataplane/capture_impl.h"

#define BLOCK_MIN 12 /* type, length, length again */
#define BLOCK_PACKET_MAX (SP_CAPTURE_RECORD_MAX + (64u << 10))
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option {
	OPT_END = 0,
	OPT_PACKET_FLAGS = 2, /* epb_flags and pack_flags */
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_IF_FCSLEN = 13,
	OPT_IF_TSOFFSET = 14,
};

/* A whole block: the reader's byte order, and the body without type and lengths. */
struct block {
	const uint8_t *p;
	uint32_t n;
	bool swap;
};

/* The next option: its code, its bytes at *p, their number in *n. OPT_END at the end or where an option is cut. */
static unsigned next_option(struct block *b, const uint8_t **p, uint16_t *n)
{
	if (b->n < 4)
		return OPT_END;
	unsigned code = sp_capture_u16(b->p, b->swap);
	uint16_t size = sp_capture_u16(b->p + 2, b->swap);
	uint32_t padded = ((uint32_t)size + 3) & ~3u;
	if (padded > b->n - 4)
		return OPT_END;
	*p = b->p + 4;
	*n = size;
	b->p += 4 + padded;
	b->n -= 4 + padded;
	return code;
}

/* The clock of an if_tsresol: 10^-x, or 2^-x with the high bit set. */
static struct sp_capture_clock clock_of(uint8_t resolution, int64_t offset_sec)
{
	unsigned x = resolution & 0x7f;
	struct sp_capture_clock c = {.add = (uint64_t)offset_sec * SP_NS_PER_SEC};
	if (resolution & 0x80) {
		c.mul = SP_NS_PER_SEC;
		c.shift = (uint8_t)x;
		return c;
	}
	c.mul = 1;
	for (; x < 9; x++)
		c.mul *= 10;
	if (x == 9)
		return c;
	/* Finer than nanoseconds: divides by multiplying with the reciprocal, exact below 2^63. */
	uint64_t divisor = 1;
	for (; x > 9 && divisor < UINT64_MAX / 10; x--)
		divisor *= 10;
	if (x > 9) {
		c.mul = 0; /* a 64-bit time in such units is less than a nanosecond */
		return c;
	}
	unsigned bits = 64 - (unsigned)__builtin_clzll(divisor);
	c.shift = (uint8_t)(63 + bits);
	c.mul = (uint64_t)((((__uint128_t)1 << c.shift) + divisor - 1) / divisor);
	return c;
}

static inline uint64_t time_of(const struct sp_capture_clock *c, uint64_t t)
{
	return (uint64_t)((__uint128_t)t * c->mul >> c->shift) + c->add;
}

/* Units of if_fcslen are bits in the specification's text and bytes in its example; both are written. */
static uint8_t fcs_bytes(uint8_t v)
{
	return v >= 16 ? v / 8 : v;
}

static void interface_name(struct sp_capture_interface *f, const uint8_t *p, size_t n)
{
	n = SP_MIN(n, sizeof f->name - 1);
	for (size_t i = 0; i < n; i++)
		f->name[i] = p[i] < ' ' || p[i] == 0x7f ? '?' : (char)p[i];
	f->name[n] = 0;
}

static struct sp_capture_interface *new_interface(struct sp_capture *c)
{
	uint32_t n = c->n_interfaces;
	if (n == SP_CAPTURE_INTERFACES_MAX)
		return NULL;
	if (!(n & (n - 1))) {
		void *p = realloc(c->interfaces, (n ? 2 * (size_t)n : 1) * sizeof *c->interfaces);
		if (!p)
			return NULL;
		c->interfaces = p;
	}
	c->n_interfaces++;
	return memset(&c->interfaces[n], 0, sizeof c->interfaces[n]);
}

static void interface_block(struct sp_capture *c, struct block b)
{
	if (b.n < 8) {
		sp_capture_damaged(c, b.p, c->stats.packets, "interface description of %u bytes", b.n);
		return;
	}
	struct sp_capture_interface *f = new_interface(c);
	if (!f) {
		sp_capture_damaged(c, b.p, c->stats.packets, "more than %u interfaces in a section",
				   SP_CAPTURE_INTERFACES_MAX);
		return;
	}
	f->link = sp_capture_link(sp_capture_u16(b.p, b.swap));
	f->snaplen = sp_capture_u32(b.p + 4, b.swap);
	b.p += 8;
	b.n -= 8;
	uint8_t resolution = 6;
	uint64_t offset = 0;
	const uint8_t *p;
	uint16_t n;
	for (unsigned code; (code = next_option(&b, &p, &n));) {
		if (code == OPT_IF_NAME)
			interface_name(f, p, n);
		else if (code == OPT_IF_TSRESOL && n == 1)
			resolution = *p;
		else if (code == OPT_IF_FCSLEN && n == 1)
			f->fcs = fcs_bytes(*p);
		else if (code == OPT_IF_TSOFFSET && n == 8)
			offset = sp_capture_u64(p, b.swap);
	}
	if (!f->name[0])
		snprintf(f->name, sizeof f->name, "if%u", c->n_interfaces - 1);
	f->clock = clock_of(resolution, (int64_t)offset);
}

/* A new section forgets the interfaces of the one before and may change the byte order. */
static void section_block(struct sp_capture *c, const struct block *b)
{
	unsigned major = b->n >= 16 ? sp_capture_u16(b->p + 4, b->swap) : 0;
	if (major != 1) {
		if (b->n < 16)
			sp_capture_damaged(c, b->p, c->stats.packets, "section header of %u bytes", b->n);
		else
			sp_capture_damaged(c, b->p, c->stats.packets, "pcapng version %u is not known", major);
		c->ended = true;
		return;
	}
	c->swap = b->swap;
	c->n_interfaces = c->n_named = 0;
}

/* Frame check sequence of one packet, when its flags say (bits 5 to 8, in bytes); else the interface's. */
static uint8_t packet_fcs(struct block options, uint8_t fcs)
{
	const uint8_t *p;
	uint16_t n;
	for (unsigned code; (code = next_option(&options, &p, &n));)
		if (code == OPT_PACKET_FLAGS && n == 4) {
			unsigned said = sp_capture_u32(p, options.swap) >> 5 & 15;
			return said ? (uint8_t)said : fcs;
		}
	return fcs;
}

/* The view of a packet whose bytes begin at `data`. `f` is NULL for an interface that was never described. */
static void view(struct sp_capture *c, struct sp_pkt *pkt, const struct sp_capture_interface *f, const uint8_t *data,
		 uint32_t cap, uint32_t wire, uint8_t fcs)
{
	if (SP_UNLIKELY(wire > SP_CAPTURE_RECORD_MAX)) {
		wire = cap;
		c->stats.lengths_fixed++;
	}
	wire = SP_MAX(wire, cap);
	wire -= SP_MIN(wire, fcs);
	pkt->data = data;
	pkt->ts_ns = c->last_ts;
	pkt->cookie = c->cookie;
	pkt->wire_len = wire;
	pkt->cap_len = SP_MIN(cap, wire);
	pkt->point = f ? f->point : sp_capture_file_point(c);
	pkt->link = f ? f->link : SP_LINK_REFUSED;
	c->stats.refused += pkt->link == SP_LINK_REFUSED;
	c->stats.bytes += wire;
}

static const struct sp_capture_interface *interface(struct sp_capture *c, uint32_t id, const uint8_t *at,
						    uint64_t packets)
{
	if (SP_UNLIKELY(c->n_named < c->n_interfaces))
		sp_capture_name_interfaces(c);
	if (SP_LIKELY(id < c->n_interfaces))
		return &c->interfaces[id];
	sp_capture_damaged(c, at, packets, "interface %u was not described", id);
	return NULL;
}

/* Enhanced and obsolete packet blocks: interface, time, captured and wire length, packet, options. */
static inline bool timed_packet(struct sp_capture *c, struct sp_pkt *pkt, const struct block *b, uint32_t id,
				uint64_t packets)
{
	uint32_t cap = b->n >= 20 ? sp_capture_u32(b->p + 12, b->swap) : UINT32_MAX;
	if (SP_UNLIKELY(b->n < 20 || cap > b->n - 20)) {
		sp_capture_damaged(c, b->p, packets, "packet of %u bytes in a block of %u", cap, b->n + BLOCK_MIN);
		return false;
	}
	const struct sp_capture_interface *f = interface(c, id, b->p, packets);
	uint64_t t = (uint64_t)sp_capture_u32(b->p + 4, b->swap) << 32 | sp_capture_u32(b->p + 8, b->swap);
	if (f)
		c->last_ts = time_of(&f->clock, t);
	uint32_t used = 20 + ((cap + 3) & ~3u);
	uint8_t fcs = f ? f->fcs : 0;
	if (b->n > used)
		fcs = packet_fcs((struct block){b->p + used, b->n - used, b->swap}, fcs);
	view(c, pkt, f, b->p + 20, cap, sp_capture_u32(b->p + 16, b->swap), fcs);
	return true;
}

/* A simple packet has no time and belongs to the first interface. Its captured length is what the snap length left. */
static bool simple_packet(struct sp_capture *c, struct sp_pkt *pkt, const struct block *b, uint64_t packets)
{
	if (b->n < 4) {
		sp_capture_damaged(c, b->p, packets, "packet block of %u bytes", b->n + BLOCK_MIN);
		return false;
	}
	const struct sp_capture_interface *f = interface(c, 0, b->p, packets);
	uint32_t wire = sp_capture_u32(b->p, b->swap), cap = SP_MIN(wire, b->n - 4);
	if (f && f->snaplen)
		cap = SP_MIN(cap, f->snaplen);
	c->stats.time_unknown++;
	view(c, pkt, f, b->p + 4, cap, wire, f ? f->fcs : 0);
	return true;
}

/* The bytes of the block at p, 0 when its length cannot be. */
static uint32_t block_length(struct sp_capture *c, const uint8_t *p, uint32_t type, bool swap, uint64_t packets)
{
	uint32_t n = sp_capture_u32(p + 4, swap);
	if (n < BLOCK_MIN || n % 4) {
		sp_capture_damaged(c, p, packets, "block length %u", n);
	} else if (n > BLOCK_PACKET_MAX && (type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE ||
					    type == BLOCK_INTERFACE || type == BLOCK_SECTION)) {
		sp_capture_damaged(c, p, packets, "block length %u exceeds %u", n, BLOCK_PACKET_MAX);
	} else {
		return n;
	}
	c->ended = true;
	return 0;
}

/* The byte order of the section that begins at p, of which 12 bytes are there. */
static bool section_order(struct sp_capture *c, const uint8_t *p, bool *swap, uint64_t packets)
{
	uint32_t magic = sp_capture_u32(p + 8, false);
	*swap = magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
	if (*swap || magic == BYTE_ORDER_MAGIC)
		return true;
	sp_capture_damaged(c, p, packets, "byte order magic %08x", magic);
	c->ended = true;
	return false;
}

/* Steps over a block that carries no packet. Large ones need not be in memory. */
static void skip_block(struct sp_capture *c, uint32_t n)
{
	size_t left = (size_t)(c->end - c->pos);
	c->stats.skipped_blocks++;
	if (n <= left) {
		c->pos += n;
	} else {
		c->pos = c->end;
		c->skip = n - left;
		c->want = BLOCK_MIN;
	}
}

/* Takes a block that is in memory as a whole. True: it filled the view. */
static inline bool take_block(struct sp_capture *c, struct sp_pkt *pkt, uint32_t type, const struct block *b,
			      uint64_t packets)
{
	switch (type) {
	case BLOCK_ENHANCED:
		return timed_packet(c, pkt, b, b->n >= 4 ? sp_capture_u32(b->p, b->swap) : 0, packets);
	case BLOCK_PACKET:
		return timed_packet(c, pkt, b, b->n >= 4 ? sp_capture_u16(b->p, b->swap) : 0, packets);
	case BLOCK_SIMPLE:
		return simple_packet(c, pkt, b, packets);
	case BLOCK_INTERFACE:
		interface_block(c, *b);
		return false;
	default:
		section_block(c, b);
		return false;
	}
}

static bool is_known(uint32_t type)
{
	return type == BLOCK_ENHANCED || type == BLOCK_INTERFACE || type == BLOCK_SIMPLE || type == BLOCK_PACKET ||
	       type == BLOCK_SECTION;
}

/* Takes one block, which may fill the view. False: no further, more bytes are needed or the file ended. */
static inline bool step(struct sp_capture *c, struct sp_pkt *pkt, unsigned *n)
{
	const uint8_t *p = c->pos;
	size_t left = (size_t)(c->end - p);
	uint64_t packets = c->stats.packets + *n;
	bool swap = c->swap;
	c->want = BLOCK_MIN;
	if (left < BLOCK_MIN)
		return false;
	uint32_t type = sp_capture_u32(p, swap);
	if (type == BLOCK_SECTION && !section_order(c, p, &swap, packets))
		return false;
	uint32_t size = block_length(c, p, type, swap, packets);
	if (!size)
		return false;
	if (SP_UNLIKELY(!is_known(type))) {
		skip_block(c, size);
		return !c->skip;
	}
	if (size > left) {
		c->want = size;
		return false;
	}
	if (SP_UNLIKELY(sp_capture_u32(p + size - 4, swap) != size)) {
		sp_capture_damaged(c, p, packets, "block length %u at its head, %u at its end", size,
				   sp_capture_u32(p + size - 4, swap));
		c->ended = true;
		return false;
	}
	struct block b = {.p = p + 8, .n = size - BLOCK_MIN, .swap = swap};
	*n += take_block(c, pkt + *n, type, &b, packets);
	c->pos = p + size;
	return !c->ended;
}

static unsigned fill(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	unsigned n = 0;
	while (n < max && step(c, pkt, &n))
		;
	return n;
}

/* Reads up to the first packet, so that the interfaces described before it are points when the file is open. */
static void read_interfaces(struct sp_capture *c)
{
	for (;;) {
		if (!sp_capture_more(c, BLOCK_MIN))
			return;
		uint32_t type = sp_capture_u32(c->pos, c->swap);
		if (type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE)
			break;
		unsigned n = 0;
		struct sp_pkt none;
		if (!step(c, &none, &n) && (c->ended || (!c->skip && !sp_capture_more(c, c->want))))
			return;
	}
	sp_capture_name_interfaces(c);
}

int sp_capture_pcapng_head(struct sp_capture *c, struct sp_err *err)
{
	if (sp_capture_more(c, BLOCK_MIN)) {
		uint32_t magic = sp_capture_u32(c->pos + 8, false);
		if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
			return sp_err(err, -EBADMSG,
				      "%s: not a capture: begins like pcapng, but has no byte order magic", c->path);
	}
	c->fill = fill;
	read_interfaces(c);
	if (c->ended && !c->n_interfaces)
		return sp_err(err, -EBADMSG, "%s: %s", c->path, c->stats.damage);
	return 0;
}
