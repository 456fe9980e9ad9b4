/* SPDX-License-Identifier: Apache-2.0 */
/* The `workers:` section: threads of a live run. */
#ifndef SP_DATAPLANE_WORKERS_CONF_H
#define SP_DATAPLANE_WORKERS_CONF_H

#include "conf/conf.h"

#define SP_WORKERS_MAX 64

struct sp_workers_conf {
	uint64_t count; /* 0: one for each CPU of `cpus`, or one in all */
	struct sp_conf_uints cpus;
	bool busy_poll;
	uint64_t poll_interval;	  /* ns */
	uint64_t handoff_ring;	  /* bytes that may wait from one worker for another; a power of two */
	uint64_t handoff_snaplen; /* bytes kept of a frame that is handed over */
};

extern const struct sp_conf_row sp_workers_conf_rows[];

/* How many workers that makes. */
unsigned sp_workers_conf_count(const struct sp_workers_conf *conf);

#endif
