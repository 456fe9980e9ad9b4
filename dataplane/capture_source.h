/* SPDX-License-Identifier: Apache-2.0 */
/* A capture's bytes, whatever they come from – a file, a pipe, a decompressor –, as contiguous segments: buffers that
 * are filled one after the other and used again. They are small enough that what is read is still in the processor's
 * cache when its packets are looked at, which pays for copying it there. Offsets count decompressed bytes. */
#ifndef SP_DATAPLANE_CAPTURE_SOURCE_H
#define SP_DATAPLANE_CAPTURE_SOURCE_H

#include "base/base.h"
#include "dataplane/capture_shared.h"
#include "dataplane/capture_unpack.h"

struct sp_segment {
	uint8_t *p;
	size_t n;     /* bytes of the capture at p */
	size_t size;  /* bytes of memory at p */
	uint64_t off; /* of p[0] in the capture */

	struct sp_segment *next;
};

struct sp_source {
	int fd;
	bool ended;			    /* nothing comes after the newest segment */
	uint64_t size;			    /* of the file; 0 when unknown */
	size_t buffer;			    /* bytes of memory of the next segments */
	uint64_t keep;			    /* bytes from here on stay where they are */
	struct sp_segment *oldest, *newest; /* in the order of their offsets */
	struct sp_segment *spare;	    /* buffers to be used again */
	uint64_t taken;			    /* bytes read of the file or the pipe */
	struct sp_unpack *unpack;	    /* NULL: a plain file */
	struct sp_shared_file *shared;	    /* several read it: the newest segment is `mapping` */
	struct sp_segment mapping;
	unsigned reader; /* which of them we are */
	char why[128];	 /* what ended the bytes early; empty at a true end */
};

/* Takes the descriptor, also on failure. 0 or -errno with a message. */
int sp_source_open(struct sp_source *source, int fd, const char *path, struct sp_err *err);
void sp_source_close(struct sp_source *source);

/* Makes the bytes from `off` on available, at least `want` of them unless the capture ends before. Offsets only grow;
 * bytes between the end of the newest segment and `off` are skipped. Returns how many there are at *p, which lie in
 * `newest`. */
size_t sp_source_get(struct sp_source *source, uint64_t off, size_t want, const uint8_t **p);

/* Makes `n` more sources of a plain file, each for a thread of its own, which all begin at `off`; so does this one from
 * then on. 0, -ENOTSUP for what is no plain file, or -ENOMEM. */
int sp_source_share(struct sp_source *source, struct sp_source *others, unsigned n, uint64_t off);

/* Where the capture's bytes end as far as is known: what has come so far. */
uint64_t sp_source_end(const struct sp_source *source);

/* Bytes of the file read so far, when the capture was read up to `off`. */
uint64_t sp_source_progress(const struct sp_source *source, uint64_t off);

#endif
