/* SPDX-License-Identifier: Apache-2.0 */
/* Captures read by several workers at once: one reads and decodes, the others track, each its share of the flows, in the
 * order of the file. With two workers the records are those of one, in their order. */
#ifndef SP_DATAPLANE_READERS_H
#define SP_DATAPLANE_READERS_H

#include "base/base.h"
#include "dataplane/capture.h"
#include "dataplane/pipeline.h"

#define SP_READERS_MAX 16

struct sp_readers_conf {
	struct sp_merge *merge;
	/* One for each worker, with one hash key. The last one's is for decoding: no flow is in it. */
	struct sp_pipeline *const *pipeline;
	unsigned workers; /* 2 to SP_READERS_MAX */
	/* Called now and then, by the caller's thread; false ends the input. */
	bool (*go_on)(void *ctx);
	void *ctx;
};

/* Reads to the end, by the caller's thread and one for each other worker; ends every flow with `reason`, and returns when
 * all are done. 0, or -errno with a message; nothing was read then. */
int sp_readers_run(const struct sp_readers_conf *conf, enum sp_close_reason reason, struct sp_err *err);

#endif
