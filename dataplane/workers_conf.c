/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/workers_conf.h"

#include "base/time.h"

#define ROW(member) .offset = offsetof(struct sp_workers_conf, member)
const struct sp_conf_row sp_workers_conf_rows[] = {
	{"count", SP_CONF_UINT, ROW(count), .max = SP_WORKERS_MAX, .fallback = "0", .unit = "threads",
	 .doc = "Threads that analyse packets, each with flows of its own. 0: one for each of `cpus`; when there are "
		"none, "
		"a single one for live packets, and as many as help for large capture files."},
	{"cpus", SP_CONF_UINTS, ROW(cpus), .max = 4095, .fallback = "[]",
	 .doc = "CPUs that workers are pinned to, in turn. Empty: the system places them."},
	{"busy_poll", SP_CONF_BOOL, ROW(busy_poll), .fallback = "true",
	 .doc = "Poll without a pause: least loss, one whole CPU for each worker. false: sleep while there is no "
		"traffic."},
	{"poll_interval", SP_CONF_DURATION, ROW(poll_interval), .max = SP_NS_PER_MS, .fallback = "20us",
	 .doc = "With busy_poll, while few packets come: time between two polls, since packets that are polled "
		"together cost "
		"less. Not longer than the device's ring lasts. A worker with a DPDK port that has no hardware clock "
		"does "
		"not pause: there the poll gives packets their time."},
	{"handoff_ring", SP_CONF_SIZE, ROW(handoff_ring), .min = 256 << 10, .max = 1 << 30, .fallback = "4MiB",
	 .doc = "Where the queues of a port do not bring all packets of a flow to one worker, workers hand packets to "
		"each other: so many bytes may wait from one for another, rounded up to a power of two. What finds no "
		"room is dropped, and counted (drops.handoff.ring_full)."},
	{"handoff_snaplen", SP_CONF_UINT, ROW(handoff_snaplen), .min = 128, .max = 65536, .fallback = "65536",
	 .unit = "bytes",
	 .doc = "Bytes kept of a frame that is handed over; its length on the wire is counted all the same."},
	{0},
};
#undef ROW

unsigned sp_workers_conf_count(const struct sp_workers_conf *conf)
{
	return (unsigned)(conf->count ? conf->count : conf->cpus.n ? SP_MIN(conf->cpus.n, SP_WORKERS_MAX) : 1);
}
