/* SPDX-License-Identifier: Apache-2.0 */
/* The flows of one worker: identity, TCP tracking, timeouts, records. One thread calls everything here; what leaves are
 * flat records in the worker's pages and plain counters. */
#ifndef SP_FLOWTABLE_FLOWTABLE_H
#define SP_FLOWTABLE_FLOWTABLE_H

#include "base/pkt.h"
#include "flowtable/flow_conf.h"
#include "flowtable/record.h"

/* Counters: SP_STAT(name, meaning). */
struct sp_flow_stats {
#define SP_STAT(name, doc) uint64_t name;
#include "flowtable/stats.def"
#undef SP_STAT
};

/* Bytes of memory in use, by part. */
struct sp_flow_memory {
	uint64_t index, flows, extras, layers, wheel, dedup, fragments, calls, profiles;
};

/* Of one application protocol. */
struct sp_app_counts {
	uint64_t flows, requests, request_errors;
};

struct sp_flowtable;
struct sp_decode_conf;

enum sp_flowtable_flags {
	SP_FLOWTABLE_PRESIZE = 1, /* live: take and touch everything now; files: grow as flows come */
	/* Tests: no packet is ordinary. All go the long way, which has to find the same. */
	SP_FLOWTABLE_LONG_WAY = 2,
};

/* `hash_key`: the one that decode used. Returns 0 or -errno. */
int sp_flowtable_new(struct sp_flowtable **ret, const struct sp_flow_conf *conf, unsigned worker, unsigned flags,
		     uint64_t hash_key, struct sp_out *out, struct sp_err *err);
void sp_flowtable_free(struct sp_flowtable *ft);

/* For sp_batch.homes, until the next batch: where the table looks packets up. */
struct sp_homes sp_flowtable_homes(const struct sp_flowtable *ft);

/* Lets the table look into tunnels whose datagrams were fragmented, once they are put together: `conf` and the points'
 * address spaces as decode has them; they stay the caller's, and may change between batches. Without it such datagrams
 * are the tunnel's own. */
void sp_flowtable_open_tunnels(struct sp_flowtable *ft, const struct sp_decode_conf *conf, const uint32_t *space);

/* Takes a decoded batch in the order of its packets: duplicates, fragments, look-up, tracking. Sets verdicts that
 * decode left open. Time moves with the packets. */
void sp_flowtable_batch(struct sp_flowtable *ft, struct sp_batch *batch);

/* Moves time without packets: expires and reports. */
void sp_flowtable_tick(struct sp_flowtable *ft, uint64_t now_ns);

/* Ends every flow (of one point, or of all with SP_POINT_ANY) and writes its record. */
#define SP_POINT_ANY UINT32_MAX
void sp_flowtable_end(struct sp_flowtable *ft, uint32_t point, enum sp_close_reason reason);

/* A new snapshot; what cannot change while running keeps its value. */
void sp_flowtable_reconf(struct sp_flowtable *ft, const struct sp_flow_conf *conf);

/* By number (SP_APP_MAX of them); NULL: what flows say is not read. */
const struct sp_app_counts *sp_flowtable_apps(const struct sp_flowtable *ft);

const struct sp_flow_stats *sp_flowtable_stats(const struct sp_flowtable *ft);
void sp_flowtable_memory(const struct sp_flowtable *ft, struct sp_flow_memory *ret);

#endif
