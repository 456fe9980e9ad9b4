/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of DPDK: PCI devices and virtual ones. Frames are handed out in the driver's buffers; one that takes several is
 * put together in a ring of bytes, which is freed in the order of the batches. */
#include <errno.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_version.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "dataplane/dpdk.h"
#include "dataplane/netns.h"
#include "dataplane/port_module.h"

enum {
	COPY_RING = 4 << 20, /* bytes of frames put together and not yet released, per queue */
	POOL_CACHE = 256,
	ETHERNET_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN,
	/* A cookie with this bit is the number of bytes taken from the copy ring, else the mbuf: those are aligned. */
	COPIED = 1,
};

struct queue {
	_Alignas(
		SP_CACHE_LINE) uint8_t *copies; /* the ring, NULL when no frame of this port can take several buffers */
	uint64_t copy_head, copy_tail;		/* bytes ever taken and given back */
	_Atomic uint64_t packets, bytes, copied; /* written by the polling worker alone */
	struct rte_mempool *pool;
};

struct dpdk {
	struct sp_port base;
	uint16_t port;
	bool probed, configured;
	_Atomic bool gone;
	struct rte_device *device;
	struct sp_dpdk_clock clock;
	struct queue queue[];
};

static struct dpdk *dpdk(struct sp_port *port)
{
	return (struct dpdk *)port;
}

static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Room for `len` contiguous bytes, NULL when the ring is full; *taken includes what was skipped at its end. */
static uint8_t *copy_room(struct queue *q, uint32_t len, uint64_t *taken)
{
	uint32_t at = q->copy_head % COPY_RING, skip = at + len > COPY_RING ? COPY_RING - at : 0;
	if (!q->copies || q->copy_head + skip + len - q->copy_tail > COPY_RING)
		return NULL;
	q->copy_head += skip + len;
	*taken = skip + len;
	return q->copies + (skip ? 0 : at);
}

/* A frame in several buffers becomes one piece. Where there is no room for it, its first buffer is all that is seen. */
static void linearise(struct queue *q, struct sp_pkt *pkt, struct rte_mbuf *m)
{
	uint64_t taken;
	uint8_t *to = copy_room(q, m->pkt_len, &taken);
	if (!to)
		return;
	pkt->data = to;
	pkt->cap_len = m->pkt_len;
	pkt->cookie = taken << 1 | COPIED;
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		memcpy(to, rte_pktmbuf_mtod(s, const void *), s->data_len);
		to += s->data_len;
	}
	rte_pktmbuf_free(m);
	add(&q->copied, 1);
}

static inline void fill(const struct dpdk *port, struct sp_pkt *pkt, const struct rte_mbuf *m, uint64_t now)
{
	pkt->data = rte_pktmbuf_mtod(m, const uint8_t *);
	pkt->ts_ns = port->clock.offset < 0 ? now : sp_dpdk_clock_ns(&port->clock, m, now);
	pkt->cookie = (uintptr_t)m;
	pkt->wire_len = m->pkt_len;
	pkt->cap_len = m->data_len;
	pkt->point = port->base.point;
	pkt->link = SP_LINK_ETHERNET;
	pkt->flags = 0;
}

/* Buffers come from and go to per-thread caches of threads that DPDK knows. Once a thread, at its first poll. */
static void introduce_thread(void)
{
	static _Thread_local bool known;
	if (SP_LIKELY(known))
		return;
	known = true;
	if (rte_lcore_id() == LCORE_ID_ANY)
		rte_thread_register(); /* refused when there are too many: slower, not wrong */
}

static int dpdk_poll(struct sp_port *base, uint16_t queue, struct sp_batch *batch)
{
	struct dpdk *port = dpdk(base);
	struct queue *q = &port->queue[queue];
	introduce_thread();
	struct rte_mbuf *mbuf[SP_BATCH_MAX];
	uint32_t n = rte_eth_rx_burst(port->port, queue, mbuf, SP_BATCH_MAX);
	sp_batch_begin(batch);
	batch->n = n;
	if (!n)
		return SP_UNLIKELY(atomic_load_explicit(&port->gone, memory_order_relaxed)) ? -ENODEV : 0;

	uint64_t now = sp_clock_ns(CLOCK_REALTIME), bytes = 0;
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbuf[i], const void *));
	for (uint32_t i = 0; i < n; i++) {
		fill(port, &batch->pkt[i], mbuf[i], now);
		bytes += batch->pkt[i].wire_len;
		if (SP_UNLIKELY(mbuf[i]->nb_segs > 1))
			linearise(q, &batch->pkt[i], mbuf[i]);
	}
	add(&q->packets, n);
	add(&q->bytes, bytes);
	return (int)n;
}

static void dpdk_release(struct sp_port *base, uint16_t queue, const struct sp_batch *batch)
{
	struct queue *q = &dpdk(base)->queue[queue];
	struct rte_mbuf *mbuf[SP_BATCH_MAX];
	unsigned n = 0;
	for (uint32_t i = 0; i < batch->n; i++) {
		uint64_t cookie = batch->pkt[i].cookie;
		if (SP_UNLIKELY(cookie & COPIED))
			q->copy_tail += cookie >> 1;
		else
			mbuf[n++] = (struct rte_mbuf *)(uintptr_t)cookie;
	}
	rte_pktmbuf_free_bulk(mbuf, n);
}

static int dpdk_fd(struct sp_port *base, uint16_t queue)
{
	return -1;
}

static void dpdk_stats(struct sp_port *base, uint16_t queue, struct sp_port_stats *ret)
{
	struct dpdk *port = dpdk(base);
	struct queue *q = &port->queue[queue];
	*ret = (struct sp_port_stats){
		.packets = atomic_load_explicit(&q->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&q->bytes, memory_order_relaxed),
		.copied = atomic_load_explicit(&q->copied, memory_order_relaxed),
	};
	struct rte_eth_stats s;
	/* Devices count losses as a whole: they stand with the first queue. */
	if (queue || rte_eth_stats_get(port->port, &s))
		return;
	ret->dropped = s.imissed + s.rx_nombuf;
	ret->invalid = s.ierrors;
	sp_dpdk_clock_adjust(&port->clock);
}

static int on_removed(uint16_t port_id, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct dpdk *port = arg;
	atomic_store_explicit(&port->gone, true, memory_order_relaxed);
	return 0;
}

static void dpdk_close(struct sp_port *base)
{
	struct dpdk *port = dpdk(base);
	if (port->configured) {
		rte_eth_dev_callback_unregister(port->port, RTE_ETH_EVENT_INTR_RMV, on_removed, port);
		rte_eth_dev_stop(port->port);
	}
	if (port->probed) {
		rte_eth_dev_close(port->port);
		rte_dev_remove(port->device);
	}
	for (unsigned i = 0; i < base->n_queues; i++) {
		sp_mem_unmap(port->queue[i].copies, COPY_RING);
		rte_mempool_free(port->queue[i].pool);
	}
	free(port);
}

static int probe(struct dpdk *port, const char *device, struct sp_err *err)
{
	int r = rte_dev_probe(device);
	if (r < 0 && r != -EEXIST)
		return sp_err(err, r,
			      "port %s: %s; a PCI device must be bound to vfio-pci (dpdk-devbind.py), a virtual one is "
			      "named after "
			      "its driver (net_af_packet0,iface=…)",
			      port->base.name, rte_strerror(-r));
	struct rte_dev_iterator it;
	uint16_t id;
	RTE_ETH_FOREACH_MATCHING_DEV(id, device, &it)
	{
		struct rte_eth_dev_info info;
		rte_eth_iterator_cleanup(&it);
		if (rte_eth_dev_info_get(id, &info))
			break;
		port->port = id;
		port->device = info.device;
		port->probed = true;
		return 0;
	}
	return sp_err(err, -ENODEV, "port %s: its driver offers no Ethernet port", port->base.name);
}

static uint16_t fit_mtu(const struct rte_eth_dev_info *info, uint64_t want)
{
	uint64_t overhead = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu
				    ? info->max_rx_pktlen - info->max_mtu
				    : ETHERNET_OVERHEAD;
	uint64_t mtu = SP_MIN(want, (uint64_t)info->max_mtu);
	if (info->max_rx_pktlen > overhead)
		mtu = SP_MIN(mtu, info->max_rx_pktlen - overhead);
	return (uint16_t)SP_MAX(mtu, (uint64_t)info->min_mtu);
}

/* A key of 16 bits repeated makes Toeplitz hashing the same for both directions. */
static bool choose_rss(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info, enum sp_dpdk_rss by)
{
	static uint8_t key[256];
	const uint64_t ports = RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
	uint64_t want = RTE_ETH_RSS_IP | (by == SP_DPDK_RSS_FLOW ? ports : 0);
	want &= info->flow_type_rss_offloads;
	if (!want)
		return false;
	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = info->hash_key_size ? key : NULL,
		.rss_key_len = info->hash_key_size,
		.rss_hf = want,
	};
	return info->hash_key_size > 0;
}

static int configure(struct dpdk *port, const struct rte_eth_dev_info *info, const struct sp_port_conf *conf,
		     bool stamps, struct sp_err *err)
{
	uint16_t n = port->base.n_queues;
	struct rte_eth_conf eth = {.rxmode.mtu = fit_mtu(info, conf->dpdk.mtu)};
	if (stamps)
		eth.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	if (eth.rxmode.mtu + ETHERNET_OVERHEAD > conf->dpdk.buffer_size)
		eth.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	port->base.outer = n > 1 && conf->dpdk.rss == SP_DPDK_RSS_FLOW;
	port->base.symmetric = n == 1 || choose_rss(&eth, info, conf->dpdk.rss);
	/* We never send; some drivers want a queue for it all the same. */
	int r = rte_eth_dev_configure(port->port, n, 0, &eth);
	uint16_t n_tx = 0;
	if (r < 0) {
		n_tx = n;
		r = rte_eth_dev_configure(port->port, n, n_tx, &eth);
	}
	if (r < 0)
		return sp_err(err, r, "port %s: does not take %u queues and an MTU of %u: %s", port->base.name, n,
			      eth.rxmode.mtu, rte_strerror(-r));
	port->configured = true;
	for (uint16_t i = 0; i < n_tx && r == 0; i++)
		r = rte_eth_tx_queue_setup(port->port, i, 64, SOCKET_ID_ANY, NULL);
	return r < 0 ? sp_err(err, r, "port %s: transmit queue: %s", port->base.name, rte_strerror(-r)) : 0;
}

static int set_up_queues(struct dpdk *port, const struct sp_port_conf *conf, struct sp_err *err)
{
	static unsigned pools; /* names are unique in a process */
	uint16_t descriptors = (uint16_t)conf->dpdk.rx_descriptors, tx = 0;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->port, &descriptors, &tx);
	/* In the ring, in the caches of the threads, and in batches on their way. */
	unsigned buffers =
		conf->dpdk.buffers ? (unsigned)conf->dpdk.buffers : descriptors + 2 * POOL_CACHE + 16 * SP_BATCH_MAX;
	int socket = rte_eth_dev_socket_id(port->port);
	for (uint16_t i = 0; i < port->base.n_queues; i++) {
		struct queue *q = &port->queue[i];
		char name[RTE_MEMPOOL_NAMESIZE];
		snprintf(name, sizeof name, "spantap_%u", pools++);
		q->pool = rte_pktmbuf_pool_create(name, buffers, POOL_CACHE, 0,
						  (uint16_t)(RTE_PKTMBUF_HEADROOM + conf->dpdk.buffer_size), socket);
		if (!q->pool)
			return sp_err(
				err, -rte_errno, "port %s: no memory for %u buffers of %u bytes: %s; raise dpdk.memory",
				port->base.name, buffers, (unsigned)conf->dpdk.buffer_size, rte_strerror(rte_errno));
		int r = rte_eth_rx_queue_setup(port->port, i, descriptors, (unsigned)socket, NULL, q->pool);
		if (r < 0)
			return sp_err(err, r, "port %s: receive queue %u: %s", port->base.name, i, rte_strerror(-r));
		q->copies = sp_mem_map(COPY_RING, 0);
		if (!q->copies)
			return sp_err(err, -ENOMEM, "port %s: out of memory", port->base.name);
	}
	return 0;
}

static int start(struct dpdk *port, const char *driver, const struct sp_port_conf *conf, bool stamps,
		 struct sp_err *err)
{
	int r = rte_eth_dev_start(port->port);
	if (r < 0)
		return sp_err(err, r, "port %s: does not start: %s", port->base.name, rte_strerror(-r));
	rte_eth_stats_reset(port->port);
	rte_eth_dev_callback_register(port->port, RTE_ETH_EVENT_INTR_RMV, on_removed, port);
	bool promiscuous = conf->promiscuous && rte_eth_promiscuous_enable(port->port) == 0;
	const char *clock = "";
	if (conf->clock == SP_PORT_CLOCK_HARDWARE)
		clock = sp_dpdk_clock_start(&port->clock, port->port, driver, stamps);
	port->base.timed_by_poll = port->clock.offset < 0;
	snprintf(port->base.why, sizeof port->base.why, "%s, %u queue%s%s%s%s%s%s", driver, port->base.n_queues,
		 port->base.n_queues > 1 ? "s" : "",
		 port->base.n_queues == 1 ? ""
		 : port->base.symmetric	  ? " by symmetric RSS"
					  : ", no symmetric RSS: hand-off between workers",
		 rte_eal_has_hugepages() ? "" : ", no hugepages",
		 promiscuous	     ? ", promiscuous"
		 : conf->promiscuous ? ", promiscuous mode refused"
				     : "",
		 *clock ? ", " : "", clock);
	return 0;
}

static int open_here(struct dpdk *port, const struct sp_port_conf *conf, struct sp_err *err)
{
	int r = probe(port, conf->dpdk.device, err);
	if (r < 0)
		return r;
	struct rte_eth_dev_info info;
	r = rte_eth_dev_info_get(port->port, &info);
	if (r < 0)
		return sp_err(err, r, "port %s: %s", port->base.name, rte_strerror(-r));
	if (!conf->queues)
		port->base.n_queues = SP_MIN(port->base.n_queues, info.max_rx_queues);
	if (port->base.n_queues > info.max_rx_queues)
		return sp_err(err, -EINVAL,
			      "port %s: has %u receive queues, not %u; virtual devices name theirs in their arguments",
			      port->base.name, info.max_rx_queues, port->base.n_queues);
	bool stamps = conf->clock == SP_PORT_CLOCK_HARDWARE &&
		      sp_dpdk_clock_wants_offload(port->port, info.driver_name, info.rx_offload_capa);
	r = configure(port, &info, conf, stamps, err);
	if (r == 0)
		r = set_up_queues(port, conf, err);
	return r < 0 ? r : start(port, info.driver_name, conf, stamps, err);
}

static int dpdk_open(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_err *err)
{
	int r = sp_dpdk_start(&conf->dpdk, err);
	if (r < 0)
		return r;
	uint16_t n_queues = (uint16_t)SP_MAX(conf->queues ? conf->queues : conf->workers, 1u);
	size_t size = sizeof(struct dpdk) + n_queues * sizeof(struct queue);
	struct dpdk *port = aligned_alloc(SP_CACHE_LINE, (size + SP_CACHE_LINE - 1) / SP_CACHE_LINE * SP_CACHE_LINE);
	if (!port)
		return sp_err(err, -ENOMEM, "port %s: out of memory", conf->dpdk.device);
	memset(port, 0, size);
	port->base.ops = &sp_port_dpdk;
	port->base.n_queues = n_queues;
	port->clock.offset = -1;
	snprintf(port->base.name, sizeof port->base.name, "%.*s", (int)strcspn(conf->dpdk.device, ","),
		 conf->dpdk.device);

	int home;
	r = sp_netns_enter(conf->netns, &home, err);
	if (r == 0) {
		r = open_here(port, conf, err);
		sp_netns_leave(home);
	}
	if (r < 0) {
		dpdk_close(&port->base);
		return r;
	}
	*ret = &port->base;
	return 0;
}

SP_PORT_MODULE(dpdk)

const struct sp_port_ops sp_port_dpdk = {
	.name = "dpdk",
	.open = dpdk_open,
	.poll = dpdk_poll,
	.release = dpdk_release,
	.fd = dpdk_fd,
	.stats = dpdk_stats,
	.close = dpdk_close,
};
