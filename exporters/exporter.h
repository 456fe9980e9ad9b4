/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter is a pair: an encoder (record to bytes, pure) and a sink (bytes to the world), run by a thread of its own
 * that takes full pages from the hub. It may block; a slow exporter fills its own rings and counts its own losses. */
#ifndef SP_EXPORTERS_EXPORTER_H
#define SP_EXPORTERS_EXPORTER_H

#include "base/base.h"
#include "base/point.h"
#include "flowtable/record.h"

/* Bytes an encoder appends to; grows, never fails but by abort (out of memory off the packet path). */
struct sp_buf {
	uint8_t *p;
	size_t n, size;
	void *kept; /* the encoder's, for records of one kind: what it would work out again and again; freed with the
		     * buffer */
};

void sp_buf_grow(struct sp_buf *buf, size_t more);
void sp_buf_free(struct sp_buf *buf);

/* Room for `more` bytes at buf->p + buf->n. */
static inline void sp_buf_reserve(struct sp_buf *buf, size_t more)
{
	if (SP_UNLIKELY(more > buf->size - buf->n))
		sp_buf_grow(buf, more);
}

enum sp_wants {
	SP_WANTS_NOTHING,
	SP_WANTS_IDS, /* calls that carry an id; others do no harm */
	SP_WANTS_ALL,
};

struct sp_encoder {
	const char *name;
	/* Appends one record; does nothing for kinds it does not know. */
	void (*record)(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points);
	/* What is there for it in a page? Asked by the worker who has filled it, which does not come here otherwise,
	 * and again here. NULL: everything. */
	enum sp_wants (*wants)(const struct sp_page *page, const struct sp_points *points);
	bool inside; /* what it makes stays in the program: records of all kinds in one piece, in their order; it is not
		      * counted as written */
};

/* JSON Lines, and pcapng of packets. With `tagged`, every line begins with "record":"flow", and packets are not there.
 */
extern const struct sp_encoder sp_encode_json, sp_encode_json_tagged;

#define SP_SINK_PIECE ((size_t)256 * 1024) /* bytes handed over at once: about what a core's own cache holds */

/* Where bytes go. One thread calls. It is handed whole records in large pieces, so a sink need not buffer. A sink
 * reports its first error to standard error itself, with the thing and the cause; errors that follow are only returned.
 */
struct sp_sink {
	const char *name;
	/* Nobody reads what it was given before it is closed: pieces need not come soon, nor end with a record. They
	 * are of one size then, a power of two, until there are very many: the kernel keeps such a piece as one. */
	bool unread;
	int (*write)(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n); /* 0 or -errno */
	int (*close)(struct sp_sink *sink);   /* commits what was written and frees the sink; 0 or -errno */
	void (*reopen)(struct sp_sink *sink); /* opens its files by their names again; NULL: has none */
	void (*idle)(struct sp_sink *sink);   /* now and then while nothing comes; NULL: has nothing to do then */
	/* Instead of `write`, NULL: does not; takes the buffer, too, and leaves another one, which will be emptied. */
	int (*take)(struct sp_sink *sink, struct sp_buf *buf);
};

enum sp_sink_dir_flags {
	SP_SINK_LIVE = 1,   /* for a run without end, see below */
	SP_SINK_TRACES = 2, /* what stitching makes, beside a sink without this that is there already */
};

/* One file a record kind in `dir` (flows.jsonl), which is created with its parents; that of packets when the first one
 * comes. The files get their names when the
 * sink is closed without an error: until then, and after an error, those of an earlier run stay as they were.
 *
 * Live: records are appended to what is there, a line that an earlier run left half is cut off first, and a lock on the
 * directory keeps a second run out (-EBUSY). A write that fails leaves no half line either; the next one is tried
 * again, so that a full disk costs only what came while it was full. */
int sp_sink_dir_new(struct sp_sink **ret, const char *dir, unsigned flags, struct sp_err *err);

/* All kinds to an open descriptor, which stays the caller's; several such sinks take turns. A reader who leaves (EPIPE)
 * is an error without a message; the caller ignores SIGPIPE. */
int sp_sink_stream_new(struct sp_sink **ret, int fd);

#endif
