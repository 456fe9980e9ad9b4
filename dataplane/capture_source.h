/* SPDX-License-Identifier: Apache-2.0 */
/* A capture's bytes, whatever they come from, as a few large contiguous segments: a plain file is mapped and
 * made present piece by piece, or buffers are filled from a pipe or a decompressor. Offsets count decompressed bytes.
 */
#ifndef SP_DATAPLANE_CAPTURE_SOURCE_H
#define SP_DATAPLANE_CAPTURE_SOURCE_H

#include "base/base.h"
#include "dataplane/capture_unpack.h"

struct sp_segment {
	bool mapped;
	bool shared; /* memory that several segments have */
	uint8_t *p;
	size_t n;     /* bytes of the capture at p that may be read */
	size_t whole; /* mapped: bytes of the capture at p, the others not made present yet */
	size_t size;  /* bytes of memory at p */
	uint64_t off; /* of p[0] in the capture */
	struct sp_segment *next;
};

struct sp_source {
	int fd;
	bool mapped;
	bool ended;    /* streamed: nothing comes after the newest segment */
	uint64_t size; /* of the file; 0 when unknown */
	size_t window; /* mapped: bytes made present next */
	size_t window_max;
	size_t lookback;		    /* bytes behind the newest segment that stay */
	uint64_t keep;			    /* bytes from here on stay in any case */
	struct sp_segment *oldest, *newest; /* in the order of their offsets */
	struct sp_segment *spare;	    /* streamed: buffers to be used again */
	struct sp_unpack *unpack;	    /* streamed only */
	char why[128];			    /* what ended the bytes early; empty at a true end */
	struct sp_shared_file *shared;	    /* several read it; NULL: one */
};

/* Takes the descriptor, also on failure. `stream` reads a plain file like a pipe. 0 or -errno with a message. */
int sp_source_open(struct sp_source *source, int fd, const char *path, bool stream, struct sp_err *err);
void sp_source_close(struct sp_source *source);

/* Makes the bytes from `off` on available, at least `want` of them unless the capture ends before. Offsets only grow;
 * bytes between the end of the newest segment and `off` are skipped. Returns how many there are at *p, which lie in
 * `newest`. */
size_t sp_source_get(struct sp_source *source, uint64_t off, size_t want, const uint8_t **p);

/* Maps a plain file as a whole, once for all that join; positions stay. -ENOTSUP: not mapped; -ENOMEM. */
int sp_source_share(struct sp_source *source);

/* Another reader of a shared file, for another thread. 0 or -ENOMEM. */
int sp_source_join(struct sp_source *ret, const struct sp_source *shared);

/* Where the capture's bytes end as far as is known: the file's size, or what has come so far. */
uint64_t sp_source_end(const struct sp_source *source);

/* Bytes of the file read so far, when the capture was read up to `off`. */
uint64_t sp_source_progress(const struct sp_source *source, uint64_t off);

#endif
