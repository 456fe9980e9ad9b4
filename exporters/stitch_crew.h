/* SPDX-License-Identifier: Apache-2.0 */
/* A stitcher with several shards, and its threads: one for each shard, which prepares spans (stitch/shard.h), one that
 * calls the stitcher, and one that tells what comes of it. Loads of records go to all shards, and from each of them to
 * the stitcher's thread, which takes a load when all are done with it, and sends it back; what is told goes on in
 * pages. Rings of one producer and one consumer, no locks; who fills loads waits when all of them are on their way.
 */
#ifndef SP_EXPORTERS_STITCH_CREW_H
#define SP_EXPORTERS_STITCH_CREW_H

#include "exporters/exporter.h"
#include "stitch/stitch.h"

struct sp_crew;

/* Records in the order in which they came, empty at first. */
struct sp_crew_load {
	struct sp_buf records; /* what they are in; whoever fills it may exchange it */
	uint64_t tick_ns;      /* time that has come then, 0: only that of the records */
	bool reopen;	       /* for `behind` */
	struct sp_prepared *span;
	uint8_t *shard; /* of each span */
	struct sp_crew_flow *flow;
	unsigned n_spans, n_flows, spans_room, flows_room;
	bool last;
};

struct sp_crew_told {
	struct sp_stitch_told told;
	/* After some of it was told. `reopen`: that of a load that came since; NULL: nothing is done then. */
	void (*behind)(void *ctx, bool reopen);
};

/* Starts the threads, for conf->shards, at least 2; what is told is told on the last of them. 0 or -errno. */
int sp_crew_new(struct sp_crew **ret, const struct sp_stitch_conf *conf, const struct sp_points *points,
		const struct sp_crew_told *to);

/* One to be filled. `wait` false: NULL when there is none at once. */
struct sp_crew_load *sp_crew_load(struct sp_crew *crew, bool wait);

/* One more record, which lies in `records` of the load; a span of another box, which tells no more of its call. */
void sp_crew_record(struct sp_crew *crew, struct sp_crew_load *load, const struct sp_record_head *record);
void sp_crew_span(struct sp_crew *crew, struct sp_crew_load *load, const struct sp_span *span);

void sp_crew_send(struct sp_crew *crew, struct sp_crew_load *load);

/* Nothing more comes: tells everything, joins the threads, and forgets them. `busy_ns`, NULL or as many as shards and
 * two more: the processor time that each of them took, the stitcher's and the teller's last. */
void sp_crew_stop(struct sp_crew *crew, struct sp_stitch_stats *stats, uint64_t *busy_ns);

#endif
