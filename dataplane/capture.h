/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files as a source of batches: pcap and pcapng, plain (mapped) or compressed or from a pipe (streamed), one reader a
 * file, several readers merged by time. Link types, snap cuts and interfaces become views and points. */
#ifndef SP_DATAPLANE_CAPTURE_H
#define SP_DATAPLANE_CAPTURE_H

#include "base/base.h"
#include "base/pkt.h"
#include "base/point.h"

struct sp_capture;

struct sp_capture_stats {
	uint64_t packets, bytes;   /* records read; their wire length */
	uint64_t file_bytes;       /* read so far, before decompression */
	uint64_t file_size;        /* 0 when unknown (pipe) */
	uint64_t skipped_blocks;   /* pcapng blocks that carry no packet */
	uint64_t refused;          /* packets of link types that are not read */
	uint64_t time_unknown;     /* simple packet blocks: time of the packet before them */
	bool damaged;              /* something could not be read; `damage` says what and where */
	char damage[256];          /* "at byte 4711, packet 12: record length 99999999 exceeds …" */
};

/* Opens a capture file ("-": standard input). Its points are added to `points`: `name` for all of its packets when given
 * (with `kind`), else the file's base name without extensions, and for a pcapng of several interfaces their names.
 * Returns 0 or -errno with a message that names the file and says what to do. */
int sp_capture_open(struct sp_capture **ret, const char *path, const char *name, enum sp_point_kind kind,
                    struct sp_points *points, struct sp_err *err);

/* The next packets in file order, at most SP_BATCH_MAX: fills data, ts_ns, wire_len, cap_len, link, point. The bytes stay
 * valid until the call after the next one. Returns 0 at the end (or at the damage). */
unsigned sp_capture_read(struct sp_capture *capture, struct sp_batch *batch);

void sp_capture_stats(const struct sp_capture *capture, struct sp_capture_stats *ret);
void sp_capture_close(struct sp_capture *capture);

/* Several captures merged by time; a single one is passed through untouched. Takes the captures. */
struct sp_merge;
int sp_merge_new(struct sp_merge **ret, struct sp_capture **captures, unsigned n);
unsigned sp_merge_read(struct sp_merge *merge, struct sp_batch *batch);
void sp_merge_free(struct sp_merge *merge); /* closes the captures */

#endif
