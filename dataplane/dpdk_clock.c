/* SPDX-License-Identifier: Apache-2.0 */
/* Time stamps of NICs count ticks of their own clock. A line through two looks at both clocks translates them; it is
 * drawn anew every second, so that drift stays below what one second brings. */
#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock, unchanged since DPDK 19.08 */
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "dataplane/dpdk.h"

enum { FIRST_LOOK_US = 20000 };

/* The pcap driver hands over the file's times without being asked. */
static bool is_pcap(const char *driver)
{
	return !strcmp(driver, "net_pcap");
}

bool sp_dpdk_clock_wants_offload(uint16_t port, const char *driver, uint64_t rx_capabilities)
{
	return !is_pcap(driver) && rx_capabilities & RTE_ETH_RX_OFFLOAD_TIMESTAMP;
}

/* Both clocks at one moment: ours before and after, the narrowest of a few tries. */
static bool look(uint16_t port, uint64_t *ticks, uint64_t *ns)
{
	uint64_t narrowest = UINT64_MAX;
	*ticks = *ns = 0;
	for (unsigned i = 0; i < 5; i++) {
		uint64_t t, before = sp_clock_ns(CLOCK_REALTIME);
		if (rte_eth_read_clock(port, &t))
			return false;
		uint64_t after = sp_clock_ns(CLOCK_REALTIME);
		if (after - before < narrowest) {
			narrowest = after - before;
			*ticks = t;
			*ns = before + narrowest / 2;
		}
	}
	return true;
}

/* A line through an older and a newer look, from the newer on. */
static void draw(struct sp_dpdk_clock *clock, uint64_t old_ticks, uint64_t old_ns, uint64_t ticks, uint64_t ns)
{
	if (ticks <= old_ticks || ns <= old_ns)
		return; /* a clock was set: keep the line, look again later */
	unsigned next = !atomic_load_explicit(&clock->current, memory_order_relaxed);
	clock->line[next] = (struct sp_dpdk_line){
		.ticks = ticks,
		.ns = ns,
		.ns_per_tick = (uint64_t)(((unsigned __int128)(ns - old_ns) << 32) / (ticks - old_ticks)),
	};
	atomic_store_explicit(&clock->current, next, memory_order_release);
}

const char *sp_dpdk_clock_start(struct sp_dpdk_clock *clock, uint16_t port, const char *driver, bool offloaded)
{
	static const char none[] = "no hardware clock: system time";
	*clock = (struct sp_dpdk_clock){.port = port, .offset = -1};
	if (!offloaded && !is_pcap(driver))
		return none;
	int offset;
	uint64_t flag;
	if (rte_mbuf_dyn_rx_timestamp_register(&offset, &flag))
		return none;
	clock->microseconds = is_pcap(driver);
	if (!clock->microseconds) {
		uint64_t ticks, ns, later, later_ns;
		if (!look(port, &ticks, &ns))
			return "the hardware clock cannot be read: system time";
		usleep(FIRST_LOOK_US);
		if (!look(port, &later, &later_ns))
			return none;
		draw(clock, ticks, ns, later, later_ns);
		if (!clock->line[clock->current].ns_per_tick)
			return "the hardware clock stands still: system time";
	}
	clock->offset = offset;
	clock->flag = flag;
	return clock->microseconds ? "times from the file" : "hardware clock";
}

void sp_dpdk_clock_adjust(struct sp_dpdk_clock *clock)
{
	uint64_t ticks, ns;
	if (clock->offset < 0 || clock->microseconds || !look(clock->port, &ticks, &ns))
		return;
	struct sp_dpdk_line l = clock->line[clock->current];
	if (ns - l.ns >= SP_NS_PER_SEC / 2)
		draw(clock, l.ticks, l.ns, ticks, ns);
}
