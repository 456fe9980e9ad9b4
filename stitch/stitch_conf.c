/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "stitch/shard.h"
#include "stitch/stitch.h"

#define AT(member) .offset = offsetof(struct sp_stitch_conf, member)
const struct sp_conf_row sp_stitch_conf_rows[] = {
	{.name = "enabled",
	 .type = SP_CONF_BOOL,
	 AT(enabled),
	 .fallback = "yes",
	 .doc = "Join what several points, or one point several times, saw of the same call (traces) and of the same "
		"connection (paths)."},
	{.name = "one_point",
	 .type = SP_CONF_BOOL,
	 AT(one_point),
	 .fallback = "no",
	 .doc = "Join also when there is one point only, which may see a packet twice: before and after a translation "
		"or "
		"a tunnel. Otherwise one point's calls are joined only where they carry an X-Request-ID or a trace's "
		"id, "
		"and nothing is spent on the others."},
	{.name = "window",
	 .type = SP_CONF_DURATION,
	 AT(window),
	 .min = 10 * SP_NS_PER_MS,
	 .max = 600 * SP_NS_PER_SEC,
	 .fallback = "10s",
	 .doc = "How long a call waits, from the first point that told of it on, for what other points saw of it. "
		"Longer "
		"than points' clocks are apart, and than a proxied call takes. DeepFlow: 60ms."},
	{.name = "path_window",
	 .type = SP_CONF_DURATION,
	 AT(path_window),
	 .min = 10 * SP_NS_PER_MS,
	 .max = 3600 * SP_NS_PER_SEC,
	 .fallback = "30s",
	 .doc = "How long a connection that ended at one point waits for its end at the others."},
	{.name = "interval",
	 .type = SP_CONF_DURATION,
	 AT(interval),
	 .min = SP_NS_PER_SEC,
	 .max = 86400 * SP_NS_PER_SEC,
	 .fallback = "60s",
	 .doc = "How often edges are told: where the time of many calls went, as histograms."},
	{.name = "max_memory",
	 .type = SP_CONF_SIZE,
	 AT(max_memory),
	 .min = 1 << 20,
	 .max = UINT64_C(64) << 30,
	 .fallback = "512MiB",
	 .doc = "Memory for what waits, touched as it is needed. When it is used up, the oldest is told before its "
		"time, "
		"marked as partial."},
	{.name = "shards",
	 .type = SP_CONF_UINT,
	 AT(shards),
	 .max = SP_SHARDS_MAX,
	 .fallback = "0",
	 .unit = "threads",
	 .doc = "Threads that find out which spans are of one call, each for its share of the keys; from two on, "
		"another "
		"one stitches, and one writes what comes of it. That does not depend on their number. 0: one for every "
		"eight CPUs, four at most."},
	{0},
};
