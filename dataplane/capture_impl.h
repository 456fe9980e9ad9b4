/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the capture reader share. Nobody else includes this, but merges, readers and tests. */
#ifndef SP_DATAPLANE_CAPTURE_IMPL_H
#define SP_DATAPLANE_CAPTURE_IMPL_H

#include "dataplane/capture.h"
#include "dataplane/capture_source.h"
#include "parsers/link/share.h"

#define SP_CAPTURE_INTERFACES_MAX 4096u /* of one section; packets of more are refused */
#define SP_CAPTURE_POINTS_MAX 256u	/* interfaces of one file that become points; the others share the file's */

/* A time in units of an interface becomes nanoseconds: (time * mul >> shift) + add. */
struct sp_capture_clock {
	uint64_t mul, add;
	uint8_t shift;
};

struct sp_capture_interface {
	struct sp_capture_clock clock;
	uint32_t snaplen; /* 0: unlimited */
	uint16_t point;
	uint8_t link; /* enum sp_link */
	uint8_t fcs;  /* bytes of frame check sequence at the end of each packet */
	char name[48];
};

/* An interface that became a point: the k-th of its name in a section. */
struct sp_capture_known {
	char name[48];
	uint16_t k;
	uint16_t point;
};

/* A pcap file's form: everything that is not native order, 16-byte headers, no frame check sequence is `odd`. */
struct sp_capture_pcap {
	uint32_t unit_ns; /* of the fraction: 1 or 1000 */
	uint16_t head;	  /* bytes of a record header */
	uint8_t fcs;
	bool odd;
	bool swap;
	bool lengths_swapped;	    /* before version 2.3 */
	bool lengths_maybe_swapped; /* version 2.3: when they look it */
};

/* Of all flows, those of one of several workers. */
struct sp_capture_share {
	struct sp_share_known known;
	uint32_t first, span; /* from its first share to its last one */
};

struct sp_capture {
	const uint8_t *pos, *end; /* of the newest segment, not read yet */
	size_t want;		  /* bytes from pos that the next record needs; more than there are when fill stops */
	uint64_t cookie;	  /* struct sp_segment * of pos */
	uint64_t last_ts;
	/* Fills views until `max`, the end of the segment, or damage. Sets `want`, adds to `bytes`. */
	unsigned (*fill)(struct sp_capture *c, struct sp_pkt *pkt, unsigned max);
	bool ended;
	bool uniform; /* what `fill` gave last is known to be of one point and in the order of time */
	bool swap;    /* of the pcapng section */
	uint16_t point;
	uint8_t link;
	struct sp_capture_pcap pcap;

	struct sp_source source;
	uint64_t last_off; /* where the last read began */
	uint64_t skip;	   /* bytes to leave out after the segment */
	struct sp_capture_stats stats;
	uint64_t until; /* where the input ends for us */
	struct sp_capture_share share;
	uint64_t other_bytes; /* of stats.bytes: of packets that are not in the share */

	/* pcapng: the interfaces of the section; the first n_named have their points */
	struct sp_capture_interface *interfaces;
	uint32_t n_interfaces, n_named;
	struct sp_capture_known *known; /* SP_CAPTURE_POINTS_MAX of them: interfaces of all sections */
	uint32_t n_known;
	uint32_t box;	/* a point of it, SP_POINT_NONE: it has none yet. One box has one clock */
	bool one_point; /* the user gave a name: all interfaces are that point */
	bool has_point; /* `point` is set */
	char base[256]; /* the file's name without directory and extensions */
	enum sp_point_kind kind;
	struct sp_points *points;
	char path[256]; /* for messages */
};

enum sp_capture_open_flags {
	SP_CAPTURE_SMALL_BUFFERS = 1, /* so that nearly every record is cut between two of them */
};

/* As sp_capture_open, from a descriptor, which it takes. */
int sp_capture_open_fd(struct sp_capture **ret, int fd, const char *path, const char *name, enum sp_point_kind kind,
		       struct sp_points *points, unsigned flags, struct sp_err *err);

/* sp_capture_read without a batch around the packets; the caller says what `source.keep` is. */
unsigned sp_capture_next(struct sp_capture *c, struct sp_pkt *pkt, unsigned max);

/* Remembers the first damage: "at byte OFFSET, packet NUMBER: …", `at` being a position in the newest segment and
 * `packets` the number of packets before it. */
void sp_capture_damaged(struct sp_capture *c, const uint8_t *at, uint64_t packets, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The formats. Both read the head of the file, of which at least 4 bytes are there, and set `fill`. -EBADMSG when the
 * head is none. */
int sp_capture_pcap_head(struct sp_capture *c, struct sp_err *err);
int sp_capture_pcapng_head(struct sp_capture *c, struct sp_err *err);

/* From then on only packets of the share are given, and those whose share shows when they are decoded. */
void sp_capture_pcap_share(struct sp_capture *c, const struct sp_decode_conf *decode, unsigned worker,
			   unsigned workers);

/* Makes at least `want` bytes available at pos. False: there are not that many. */
bool sp_capture_more(struct sp_capture *c, size_t want);

/* enum sp_link of a LINKTYPE_ number. */
uint8_t sp_capture_link(uint32_t linktype);

/* Observation points. `name_file` adds the one that the user named, or only finds the file's name; `file_point` is the
 * file's own point, added when first asked for; `name_interfaces` gives points to interfaces that have none yet. */
int sp_capture_name_file(struct sp_capture *c, const char *name, struct sp_err *err);
uint16_t sp_capture_file_point(struct sp_capture *c);
void sp_capture_name_interfaces(struct sp_capture *c);

static inline uint32_t sp_capture_u32(const uint8_t *p, bool swap)
{
	uint32_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t sp_capture_u64(const uint8_t *p, bool swap)
{
	uint64_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return swap ? __builtin_bswap64(v) : v;
}

static inline uint16_t sp_capture_u16(const uint8_t *p, bool swap)
{
	uint16_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return swap ? __builtin_bswap16(v) : v;
}

#endif
