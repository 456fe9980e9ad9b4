/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter is a row: an encoder (record to bytes, pure) and a sink (bytes to the world), run by a thread of its own that takes
 * full pages from the hub. It may block; a slow exporter fills its own ring and counts its own losses. */
#ifndef SP_EXPORTERS_EXPORTER_H
#define SP_EXPORTERS_EXPORTER_H

#include "base/base.h"
#include "base/point.h"
#include "flowtable/record.h"

/* Bytes an encoder appends to; grows, never fails but by abort (out of memory off the packet path). */
struct sp_buf {
	uint8_t *p;
	size_t n, size;
};

void sp_buf_reserve(struct sp_buf *buf, size_t more);
void sp_buf_free(struct sp_buf *buf);

struct sp_encoder {
	const char *name;
	/* Appends one record; does nothing for kinds it does not know. */
	void (*record)(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points);
};

struct sp_sink {
	const char *name;
	int (*write)(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n); /* 0 or -errno */
	int (*close)(struct sp_sink *sink); /* commits what was written; 0 or -errno */
};

/* JSON Lines. With `tagged`, every line begins with "record":"flow". */
extern const struct sp_encoder sp_encode_json, sp_encode_json_tagged;

#endif
