/* SPDX-License-Identifier: Apache-2.0 */
/* Stitching on several threads. The shard of a call follows from its key alone, the sequence numbers that all points
 * have in common. A shard's thread makes spans of records and finds out which are of one call; then one thread, the
 * stitcher's, takes all of them in the order in which they came, and looks only for those that nobody has found yet. A
 * shard says nothing that the stitcher would not find itself: whatever their number, the same is told.
 */
#ifndef SP_STITCH_SHARD_H
#define SP_STITCH_SHARD_H

#include "stitch/span.h"

struct sp_stitch;
struct sp_stitch_conf;

#define SP_SHARDS_MAX 16

/* Hashes of what a call carries; 0: it does not. */
struct sp_span_texts {
	uint64_t x_request_id, x_response_id, trace, other_trace, content;
	uint32_t span_id, parent_id; /* compared within a trace alone */
};

/* `content`: that one, too, which costs more than the others. */
void sp_span_texts_of(struct sp_span_texts *texts, const struct sp_span *span, const struct sp_request_record *r,
		      bool content);

enum sp_seen {
	SP_SEEN_UNKNOWN, /* it has no key that all points know, or contradicts others of its key */
	SP_SEEN_FIRST,	 /* of its key, for as long as calls wait */
	SP_SEEN_AGAIN,	 /* of the same call as the first one, at another point */
	SP_SEEN_UNSURE,	 /* of the same key */
};

/* A span, and what its shard found out. */
struct sp_prepared {
	struct sp_span span;
	struct sp_span_texts texts;
	const struct sp_request_record *record; /* NULL: tells nothing of its call */
	uint32_t place;				/* of its key among those of its shard */
	uint8_t shard;
	uint8_t seen; /* enum sp_seen */
};
static_assert(sizeof(struct sp_prepared) == 192, "three lines of the cache");

struct sp_shard;

/* How many there should be: as configured, or as many as the processors are good for. */
unsigned sp_shards_count(const struct sp_stitch_conf *conf);

/* Of so many, the one that a span belongs to. */
unsigned sp_shard_of(const struct sp_span *span, unsigned shards);
unsigned sp_shard_of_record(const struct sp_request_record *r, unsigned shards);

/* Number `number` of conf->shards. 0 or -ENOMEM. */
int sp_shard_new(struct sp_shard **ret, const struct sp_stitch_conf *conf, unsigned number);
void sp_shard_free(struct sp_shard *shard);

/* The next of its spans, `n` of them at most SP_SHARD_TOGETHER: made of their records, where they have one, and looked
 * for. Its own thread. */
#define SP_SHARD_TOGETHER 16u
void sp_shard_take(struct sp_shard *shard, struct sp_prepared *const *p, unsigned n);

/* Spans of all shards, in the order in which they came, for a stitcher whose conf->shards is at least 2. Its thread. */
void sp_stitch_prepared(struct sp_stitch *s, const struct sp_prepared *p, unsigned n);

#endif
