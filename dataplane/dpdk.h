/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the DPDK port share. Nothing here is known outside. */
#ifndef SP_DATAPLANE_DPDK_H
#define SP_DATAPLANE_DPDK_H

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdatomic.h>

#include "base/base.h"
#include "dataplane/port_conf.h"

/* Starts DPDK's environment on first use, with the settings of that port. It is started once in a process and stays; no
 * device is touched. The calling thread keeps its CPUs. Control thread. */
int sp_dpdk_start(const struct sp_dpdk_conf *conf, struct sp_err *err);

/* From a device's clock to ours. The control thread looks at both now and then; workers read the last line through
 * them. */
struct sp_dpdk_clock {
	uint16_t port;
	int offset;	   /* of the time stamp in an mbuf, -1: none, the system's time is taken */
	uint64_t flag;	   /* in ol_flags: the mbuf has one */
	bool microseconds; /* the stamps are epoch microseconds, there is nothing to calibrate */
	_Atomic unsigned current;
	struct sp_dpdk_line {
		uint64_t ticks, ns;
		uint64_t ns_per_tick; /* with 32 bits of fraction */
	} line[2];
};

/* Finds out whether the device stamps packets. Before it is configured: returns whether the time-stamp offload is to be
 * switched on. */
bool sp_dpdk_clock_wants_offload(uint16_t port, const char *driver, uint64_t rx_capabilities);

/* After the device started; takes 20 ms where there is a clock to calibrate. Returns what to tell, "" when nothing. */
const char *sp_dpdk_clock_start(struct sp_dpdk_clock *clock, uint16_t port, const char *driver, bool offloaded);

/* Control thread, about once a second: follows the drift. */
void sp_dpdk_clock_adjust(struct sp_dpdk_clock *clock);

static inline uint64_t sp_dpdk_clock_ns(const struct sp_dpdk_clock *clock, const struct rte_mbuf *m, uint64_t now)
{
	if (!(m->ol_flags & clock->flag))
		return now;
	uint64_t stamp = *RTE_MBUF_DYNFIELD(m, clock->offset, const uint64_t *);
	if (clock->microseconds)
		return stamp * 1000;
	const struct sp_dpdk_line *l = &clock->line[atomic_load_explicit(&clock->current, memory_order_acquire)];
	int64_t ticks = (int64_t)(stamp - l->ticks);
	return l->ns + (uint64_t)(int64_t)(((__int128)ticks * (__int128)l->ns_per_tick) >> 32);
}

#endif
