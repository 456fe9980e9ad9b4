/* SPDX-License-Identifier: Apache-2.0 */
/* The pcap format (draft-ietf-opsawg-pcap) and its relatives: nanoseconds, both byte orders, the "modified" records of
 * 24 bytes, and the length fields of versions before 2.4. */
#include <errno.h>

#include "base/time.h"
#include "dataplane/capture_impl.h"

#define FILE_HEAD 24
#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u
#define LINKTYPE_MASK 0xffffu
#define FCS_PRESENT 0x04000000u

/* Lengths that need a second look: either is longer than a record may be. False: the record is damage. */
static bool odd_lengths(struct sp_capture *c, const uint8_t *p, unsigned n, uint32_t *cap, uint32_t *wire)
{
	if (*cap > SP_CAPTURE_RECORD_MAX) {
		sp_capture_damaged(c, p, c->stats.packets + n, "record length %u exceeds %u", *cap,
				   SP_CAPTURE_RECORD_MAX);
		c->ended = true;
		return false;
	}
	if (*wire > SP_CAPTURE_RECORD_MAX) {
		*wire = *cap;
		c->stats.lengths_fixed++;
	}
	return true;
}

static void old_lengths(const struct sp_capture_pcap *f, uint32_t *cap, uint32_t *wire)
{
	if (f->lengths_swapped || (f->lengths_maybe_swapped && *cap > *wire)) {
		uint32_t t = *cap;
		*cap = *wire;
		*wire = t;
	}
}

/* Walks the records. Specialised by the compiler: in the common form everything about the format is constant. */
static inline __attribute__((always_inline)) unsigned walk(struct sp_capture *c, struct sp_pkt *pkt, unsigned max,
							   const struct sp_capture_pcap f)
{
	const uint8_t *p = c->pos, *const end = c->end;
	const uint64_t cookie = c->cookie;
	const uint16_t point = c->point;
	const uint8_t link = c->link;
	uint64_t bytes = 0, newest = 0;
	bool back = false;
	unsigned n = 0;

	c->want = f.head;
	for (; n < max && (size_t)(end - p) >= f.head; n++) {
		uint64_t sec = sp_capture_u32(p, f.swap), fraction = sp_capture_u32(p + 4, f.swap);
		uint32_t cap = sp_capture_u32(p + 8, f.swap), wire = sp_capture_u32(p + 12, f.swap);
		if (f.odd)
			old_lengths(&f, &cap, &wire);
		if (SP_UNLIKELY((cap | wire) > SP_CAPTURE_RECORD_MAX) && !odd_lengths(c, p, n, &cap, &wire))
			break;
		size_t size = f.head + (size_t)cap;
		if (SP_UNLIKELY((size_t)(end - p) < size)) {
			c->want = size;
			break;
		}
		wire = SP_MAX(wire, cap);
		if (f.odd && f.fcs) {
			wire -= SP_MIN(wire, f.fcs);
			cap = SP_MIN(cap, wire);
		}
		uint64_t ts = sec * SP_NS_PER_SEC + fraction * f.unit_ns;
		back |= ts < newest;
		newest = ts;
		pkt[n].data = p + f.head;
		pkt[n].ts_ns = ts;
		pkt[n].cookie = cookie;
		pkt[n].wire_len = wire;
		pkt[n].cap_len = cap;
		pkt[n].point = point;
		pkt[n].link = link;
		bytes += wire;
		p += size;
	}
	c->pos = p;
	c->uniform = !back;
	c->stats.bytes += bytes;
	c->stats.refused += link == SP_LINK_REFUSED ? n : 0;
	return n;
}

static unsigned fill_us(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return walk(c, pkt, max, (struct sp_capture_pcap){.unit_ns = 1000, .head = 16});
}

static unsigned fill_ns(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return walk(c, pkt, max, (struct sp_capture_pcap){.unit_ns = 1, .head = 16});
}

static unsigned fill_odd(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return walk(c, pkt, max, c->pcap);
}

static bool read_magic(struct sp_capture_pcap *f, const uint8_t *p)
{
	uint32_t magic = sp_capture_u32(p, false);
	f->swap = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS) ||
		  magic == __builtin_bswap32(MAGIC_MODIFIED);
	magic = sp_capture_u32(p, f->swap);
	f->unit_ns = magic == MAGIC_NS ? 1 : 1000;
	f->head = magic == MAGIC_MODIFIED ? 24 : 16;
	return magic == MAGIC_US || magic == MAGIC_NS || magic == MAGIC_MODIFIED;
}

int sp_capture_pcap_head(struct sp_capture *c, struct sp_err *err)
{
	struct sp_capture_pcap *f = &c->pcap;
	if (!read_magic(f, c->pos))
		return -EINVAL;
	if (!sp_capture_more(c, FILE_HEAD))
		return sp_err(err, -EBADMSG, "%s: ends after %zu bytes, inside the file header of 24", c->path,
			      (size_t)(c->end - c->pos));
	const uint8_t *p = c->pos;
	unsigned major = sp_capture_u16(p + 4, f->swap), minor = sp_capture_u16(p + 6, f->swap);
	if (major == 0x0200) { /* some writers mix the byte orders of their head */
		major = 2;
		minor = __builtin_bswap16((uint16_t)minor);
	}
	if (major != 2)
		return sp_err(err, -EBADMSG, "%s: pcap version %u.%u is not known", c->path, major, minor);
	f->lengths_swapped = minor < 3;
	f->lengths_maybe_swapped = minor == 3;

	uint32_t network = sp_capture_u32(p + 20, f->swap);
	if (network & FCS_PRESENT)
		f->fcs = (network >> 28) * 2; /* in units of 16 bits */
	c->link = sp_capture_link(network & LINKTYPE_MASK);
	f->odd = f->swap || f->head != 16 || f->fcs || minor <= 3;
	c->fill = f->odd ? fill_odd : f->unit_ns == 1 ? fill_ns : fill_us;
	c->pos += FILE_HEAD;
	sp_capture_file_point(c);
	return 0;
}
