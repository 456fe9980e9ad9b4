/* SPDX-License-Identifier: Apache-2.0 */
/* The hub moves pages: from every worker's ring to every exporter's, and back when the last reader is done. It never looks inside
 * a page. Threads: `turn` runs on workers, the rest of the traffic on the hub's and exporters' own threads. */
#ifndef SP_EXPORTERS_HUB_H
#define SP_EXPORTERS_HUB_H

#include "exporters/exporter.h"

struct sp_hub;

struct sp_hub_stats {
	uint64_t records, pages, bytes_written;
	uint64_t write_errors;
	uint64_t dropped_pages;
};

/* `wait`: a worker without an empty page waits for one (files: nothing is lost); else it loses records and counts them. */
int sp_hub_new(struct sp_hub **ret, unsigned workers, unsigned pages_per_worker, bool wait, const struct sp_points *points);
int sp_hub_add(struct sp_hub *hub, const struct sp_encoder *encoder, struct sp_sink *sink); /* before start; takes the sink */
int sp_hub_start(struct sp_hub *hub);
void sp_hub_out(struct sp_hub *hub, unsigned worker, struct sp_out *ret); /* the worker's end */
/* After the workers flushed and stopped: drains, closes every sink, joins. Returns the first sink error, -errno. */
int sp_hub_stop(struct sp_hub *hub, struct sp_hub_stats *ret);
void sp_hub_free(struct sp_hub *hub);

#endif
