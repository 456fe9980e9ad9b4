/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files as a source of batches: pcap and pcapng, plain or compressed, from a file or a pipe, one reader a file,
 * several readers merged by time. Link types, snap cuts and interfaces become views and points.
 *
 * Threads: a capture (or a merge) has no thread of its own and keeps nothing in thread-local storage. Any thread may
 * read from it as long as calls are serialised by the caller. */
#ifndef SP_DATAPLANE_CAPTURE_H
#define SP_DATAPLANE_CAPTURE_H

#include "base/base.h"
#include "base/pkt.h"
#include "base/point.h"

/* Longer records are damage: no capture program writes them, and a reader has to have one in memory as a whole. */
#define SP_CAPTURE_RECORD_MAX (16u << 20)

struct sp_capture;

struct sp_capture_stats {
	uint64_t packets, bytes; /* records read; their wire length */
	uint64_t file_bytes;	 /* read so far, before decompression */
	uint64_t file_size;	 /* 0 when unknown (pipe) */
	uint64_t skipped_blocks; /* pcapng blocks that carry no packet and are not understood or not needed */
	uint64_t refused;	 /* packets of link types that are not read; they are in `packets` too */
	uint64_t time_unknown;	 /* simple packet blocks: time of the packet before them */
	uint64_t lengths_fixed;	 /* wire lengths that cannot be: replaced by the captured length */
	bool damaged;		 /* something could not be read; `damage` says what and where */
	char damage[256];	 /* "at byte 4711, packet 12: record length 99999999 exceeds …" */
};

/* Opens a capture file ("-": standard input). Its points are added to `points`: `name` for all of its packets when
 * given, else the file's base name without the extensions of captures, and for a pcapng with several interfaces
 * "FILE/INTERFACE" each. A name that another file has taken gets its directory in front or "#2" behind. An interface
 * that is first described after packets were read becomes a point while reading, so reading counts as work of the
 * control thread. `points` has to outlive the capture.
 * Returns 0 or -errno with a message that names the file and says what to do. */
int sp_capture_open(struct sp_capture **ret, const char *path, const char *name, enum sp_point_kind kind,
		    struct sp_points *points, struct sp_err *err);

/* The next packets in file order, at most SP_BATCH_MAX: sets n, clears n_layers, fills data, ts_ns, wire_len, cap_len,
 * link, point, cookie. Their bytes stay valid until the call after the next one. Returns n;
 * 0 at the end or at the damage, and from then on. Blocks on a pipe. */
unsigned sp_capture_read(struct sp_capture *capture, struct sp_batch *batch);

/* Parts a capture that was opened and not read yet among `n` more readers and itself, each for a thread of its own and
 * closed by itself. A reader yields the packets of its share of all flows, the capture itself those of worker 0, and
 * all packets whose share shows only when they are decoded: their cookie is 1, the others' 0. Statistics of each count
 * everything. Plain pcap files only: -ENOTSUP for others, or -ENOMEM; the capture is as it was then. */
struct sp_decode_conf;
int sp_capture_share(struct sp_capture *capture, const struct sp_decode_conf *decode, struct sp_capture **others,
		     unsigned n);

/* Where what is read next begins, in decompressed bytes; and the input's end, at such an offset of any reader. */
uint64_t sp_capture_offset(const struct sp_capture *capture);
void sp_capture_end_at(struct sp_capture *capture, uint64_t offset);

void sp_capture_stats(const struct sp_capture *capture, struct sp_capture_stats *ret);
void sp_capture_close(struct sp_capture *capture); /* after the last release */

/* Several captures merged by the time of their next packets; equal times in the order of the array. A capture whose own
 * order is not that of time stays in its order. A single one is passed through untouched. Takes the captures, also when
 * it fails. Returns 0 or -ENOMEM. */
struct sp_merge;
int sp_merge_new(struct sp_merge **ret, struct sp_capture **captures, unsigned n);
unsigned sp_merge_read(struct sp_merge *merge, struct sp_batch *batch);
void sp_merge_free(struct sp_merge *merge); /* closes the captures */

#endif
