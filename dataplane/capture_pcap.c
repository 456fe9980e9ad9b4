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

/* Lengths as they are taken where they cannot be. */
static inline void mend(uint32_t *cap, uint32_t *wire)
{
	if (*wire > SP_CAPTURE_RECORD_MAX)
		*wire = *cap;
	*wire = SP_MAX(*wire, *cap);
}

/* Lengths that need a second look: more was captured than there was, or either is longer than a record may be. False:
 * the record is damage. */
static bool odd_lengths(struct sp_capture *c, const uint8_t *p, unsigned n, uint32_t *cap, uint32_t *wire)
{
	if (*cap > SP_CAPTURE_RECORD_MAX) {
		sp_capture_damaged(c, p, c->stats.packets + n, "record length %u exceeds %u", *cap,
				   SP_CAPTURE_RECORD_MAX);
		c->ended = true;
		return false;
	}
	c->stats.lengths_fixed += *wire > SP_CAPTURE_RECORD_MAX;
	mend(cap, wire);
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

/* What all packets have that are given in one go. */
struct origin {
	uint64_t cookie;
	uint16_t point;
	uint8_t link;
};

static inline struct origin origin_of(const struct sp_capture *c)
{
	return (struct origin){c->cookie, c->point, c->link};
}

/* A record whose lengths are known. Specialised by the compiler, as all that takes `f`: in the common form everything
 * about the format is constant. */
static inline __attribute__((always_inline)) void view(const struct origin from, struct sp_pkt *pkt, const uint8_t *p,
						       uint32_t cap, uint32_t wire, const struct sp_capture_pcap f)
{
	uint64_t sec = sp_capture_u32(p, f.swap), fraction = sp_capture_u32(p + 4, f.swap);
	pkt->data = p + f.head;
	pkt->ts_ns = sec * SP_NS_PER_SEC + fraction * f.unit_ns;
	pkt->cookie = from.cookie;
	pkt->wire_len = wire;
	pkt->cap_len = cap;
	pkt->point = from.point;
	pkt->link = from.link;
}

static inline __attribute__((always_inline)) void read_lengths(const uint8_t *p, uint32_t *cap, uint32_t *wire,
							       const struct sp_capture_pcap f)
{
	*cap = sp_capture_u32(p + 8, f.swap);
	*wire = sp_capture_u32(p + 12, f.swap);
	if (f.odd)
		old_lengths(&f, cap, wire);
}

/* A frame check sequence is no part of the packet. */
static inline __attribute__((always_inline)) void drop_fcs(uint32_t *cap, uint32_t *wire,
							   const struct sp_capture_pcap f)
{
	if (f.odd && f.fcs) {
		*wire -= SP_MIN(*wire, f.fcs);
		*cap = SP_MIN(*cap, *wire);
	}
}

/* The length of a record, header included, and those of its packet; 0: it is not whole, or damage. `left`: bytes that
 * are there from its beginning on; `n` were walked over before it. */
static inline __attribute__((always_inline)) size_t lengths(struct sp_capture *c, const uint8_t *p, size_t left,
							    unsigned n, uint32_t *cap, uint32_t *wire,
							    const struct sp_capture_pcap f)
{
	read_lengths(p, cap, wire, f);
	if (SP_UNLIKELY(*cap > *wire || *wire > SP_CAPTURE_RECORD_MAX) && !odd_lengths(c, p, n, cap, wire))
		return 0;
	size_t size = f.head + (size_t)*cap;
	if (SP_UNLIKELY(left < size)) {
		c->want = size;
		return 0;
	}
	drop_fcs(cap, wire, f);
	return size;
}

#define USUAL_MAX UINT16_MAX /* bytes of a packet */

/* Where a usual record may begin that is there as a whole. */
static inline const uint8_t *usual_end(const struct sp_capture *c, const struct sp_capture_pcap f)
{
	size_t there = (size_t)(c->end - c->pos);
	return c->end - SP_MIN(there, f.head + (size_t)USUAL_MAX);
}

/* As `lengths`, which is asked what is odd, too large, or near the end of what is there. */
static inline __attribute__((always_inline)) size_t next(struct sp_capture *c, const uint8_t *p, const uint8_t *usual,
							 unsigned n, uint32_t *cap, uint32_t *wire,
							 const struct sp_capture_pcap f)
{
	if (SP_LIKELY(!f.odd && p < usual)) {
		read_lengths(p, cap, wire, f);
		if (SP_LIKELY(*cap <= *wire && *wire <= USUAL_MAX))
			return f.head + (size_t)*cap;
	}
	size_t left = (size_t)(c->end - p);
	return left < f.head ? 0 : lengths(c, p, left, n, cap, wire, f);
}

/* Walks the records. Where the next one begins is known when this one's length is: the processor cannot run ahead, so
 * lines are asked for before they are reached. */
static inline __attribute__((always_inline)) unsigned walk(struct sp_capture *c, struct sp_pkt *pkt, unsigned max,
							   const struct sp_capture_pcap f)
{
	enum { AHEAD = 768 }; /* bytes; what was copied into the buffer is in a near cache */
	const uint8_t *p = c->pos, *const usual = usual_end(c, f);
	const struct origin from = origin_of(c);
	uint64_t bytes = 0, newest = 0;
	bool back = false;
	unsigned n = 0;

	c->want = f.head;
	for (; n < max; n++) {
		uint32_t cap, wire;
		size_t size = next(c, p, usual, n, &cap, &wire, f);
		if (!size)
			break;
		sp_prefetch(p + AHEAD);
		view(from, &pkt[n], p, cap, wire, f);
		back |= pkt[n].ts_ns < newest;
		newest = pkt[n].ts_ns;
		bytes += pkt[n].wire_len;
		p += size;
	}
	c->pos = p;
	c->uniform = !back;
	c->stats.bytes += bytes;
	c->stats.refused += c->link == SP_LINK_REFUSED ? n : 0;
	return n;
}

/* Records of the reader's share. */
struct own {
	const uint8_t *p[SP_BATCH_MAX];
	uint64_t unknown; /* a bit each: whose it is shows when it is decoded */
};
static_assert(SP_BATCH_MAX <= 64, "a bit each");

/* Walks the records and looks only whose they are. */
static inline __attribute__((always_inline)) unsigned choose(struct sp_capture *c, struct own *own, unsigned max,
							     const struct sp_capture_pcap f)
{
	enum { AHEAD = 3072 }; /* bytes that are asked for before they are reached */
	const uint8_t *p = c->pos, *const usual = usual_end(c, f);
	const struct sp_share_known known = c->share.known;
	const uint32_t first = c->share.first, span = c->share.span;
	unsigned n = 0, walked = 0;
	uint64_t bytes = 0;

	own->unknown = 0;
	c->want = f.head;
	for (; n < max; walked++) {
		uint32_t cap, wire, number = 0;
		size_t size = next(c, p, usual, walked, &cap, &wire, f);
		if (!size)
			break;
		sp_prefetch(p + AHEAD);
		sp_prefetch(p + AHEAD + SP_CACHE_LINE);
		own->p[n] = p;
		if (SP_LIKELY(sp_share_of(&known, p + f.head, cap, &number)))
			n += number - first <= span; /* as good as random: no branch for it */
		else
			own->unknown |= UINT64_C(1) << n++;
		bytes += wire;
		p += size;
	}
	c->pos = p;
	c->stats.packets += walked - n; /* the others are counted when they are given */
	c->stats.bytes += bytes;
	c->other_bytes += bytes;
	c->stats.refused += c->link == SP_LINK_REFUSED ? walked : 0;
	return n;
}

static inline __attribute__((always_inline)) unsigned pick(struct sp_capture *c, struct sp_pkt *pkt, unsigned max,
							   const struct sp_capture_pcap f)
{
	struct own own;
	unsigned n = choose(c, &own, SP_MIN(max, SP_BATCH_MAX), f);
	const struct origin from = origin_of(c);
	uint64_t newest = 0;
	bool back = false;
	for (unsigned i = 0; i < n; i++) {
		uint32_t cap, wire;
		read_lengths(own.p[i], &cap, &wire, f);
		mend(&cap, &wire);
		drop_fcs(&cap, &wire, f);
		view(from, &pkt[i], own.p[i], cap, wire, f);
		pkt[i].cookie = own.unknown >> i & 1;
		back |= pkt[i].ts_ns < newest;
		newest = pkt[i].ts_ns;
		c->other_bytes -= wire;
	}
	c->uniform = !back;
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

static unsigned fill_share_us(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return pick(c, pkt, max, (struct sp_capture_pcap){.unit_ns = 1000, .head = 16});
}

static unsigned fill_share_ns(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return pick(c, pkt, max, (struct sp_capture_pcap){.unit_ns = 1, .head = 16});
}

static unsigned fill_share_odd(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	return pick(c, pkt, max, c->pcap);
}

void sp_capture_pcap_share(struct sp_capture *c, const struct sp_decode_conf *decode, unsigned worker, unsigned workers)
{
	c->share.known = sp_share_known(decode, c->link == SP_LINK_ETHERNET);
	c->share.first = sp_share_first(worker, workers);
	c->share.span = sp_share_first(worker + 1, workers) - 1 - c->share.first;
	c->fill = c->pcap.odd ? fill_share_odd : c->pcap.unit_ns == 1 ? fill_share_ns : fill_share_us;
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
