/* SPDX-License-Identifier: Apache-2.0 */
/* What a stitcher tells, kept to be told again on another thread: flat, one after the other. */
#ifndef SP_EXPORTERS_STITCH_KEPT_H
#define SP_EXPORTERS_STITCH_KEPT_H

#include "exporters/exporter.h"
#include "stitch/stitch.h"

struct sp_kept {
	struct sp_buf buf;
	void (*enough)(void *ctx); /* called when SP_KEPT_ENOUGH bytes are there: takes them */
	void *ctx;
};

#define SP_KEPT_ENOUGH (256 * 1024u)

/* For a stitcher: keeps what `told` would like to be told. */
struct sp_stitch_told sp_kept_told(const struct sp_stitch_told *told, struct sp_kept *kept);

/* Tells all of it, in its order. */
void sp_kept_tell(const struct sp_buf *buf, const struct sp_stitch_told *told);

#endif
