/* SPDX-License-Identifier: Apache-2.0 */
/* One capture read by several workers at once. Every worker walks the whole file, which is mapped once for all, looks
 * at each packet just long enough to see whose it is, and decodes and tracks those of its share of the flows: in their
 * order, with nothing passed between processors. */
#ifndef SP_DATAPLANE_READERS_H
#define SP_DATAPLANE_READERS_H

#include "base/base.h"
#include "dataplane/capture.h"
#include "dataplane/pipeline.h"

#define SP_READERS_MAX 16

struct sp_readers_conf {
	struct sp_capture *capture;
	struct sp_pipeline *const *pipeline; /* one for each worker, with one hash key and without a filter */
	const struct sp_decode_conf *decode;
	unsigned workers; /* 2 to SP_READERS_MAX */
	/* Called now and then, by the caller's thread; false ends the input, for all workers at the same packet. */
	bool (*go_on)(void *ctx);
	void *ctx;
};

/* Reads to the end, by the caller's thread and one for each other worker; each ends its flows with `reason`. Returns
 * when all are done: 0, or -errno with a message. Nothing was read then; -ENOTSUP: this capture is read by one only. */
int sp_readers_run(const struct sp_readers_conf *conf, enum sp_close_reason reason, struct sp_err *err);

#endif
