/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on standard error for long files, when a person is there to see it. One thread. */
#ifndef SP_CLI_PROGRESS_H
#define SP_CLI_PROGRESS_H

#include "base/base.h"

struct sp_progress {
	bool shown;
	uint64_t total, start_ns, next_ns;
};

/* `total`: bytes to read; 0 or little: no bar. */
void sp_progress_begin(struct sp_progress *p, uint64_t total);

/* Draws at most ten times a second; costs a look at the clock, so call it once in many batches. */
void sp_progress_at(struct sp_progress *p, uint64_t bytes, uint64_t packets);

/* Takes the bar away. */
void sp_progress_end(struct sp_progress *p);

#endif
