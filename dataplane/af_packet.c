/* SPDX-License-Identifier: Apache-2.0 */
/* AF_PACKET with TPACKET_V3: the kernel copies frames into a ring of blocks that we share with it, and hands over whole
 * blocks. Bytes are handed out straight from the ring; a block goes back when the last batch made of it was released.
 * A batch never spans two blocks. See packet_mmap.rst of the kernel's documentation. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "dataplane/af_packet_fanout.h"
#include "dataplane/netns.h"
#include "dataplane/port.h"
#include "dataplane/port_conf.h"

enum {
	/* Frames have no fixed size in TPACKET_V3; the kernel wants a number that divides a block all the same. */
	NOMINAL_FRAME = 2048,
	/* Room before each frame for the VLAN tag that the kernel takes out of it. */
	TAG_LEN = 4,
	/* Polls in vain after which the socket is asked whether its device still exists. */
	IDLE_POLLS = 1 << 16,
};

struct queue {
	_Alignas(SP_CACHE_LINE) const uint8_t *next; /* header of the next packet of this block */
	uint32_t left;				     /* packets of it that were not handed out */
	uint32_t block;				     /* being read, or read next */
	uint32_t out;				     /* blocks handed out whole and not yet released */
	uint32_t idle;
	uint32_t n_blocks;
	uint32_t block_size;
	uint8_t *ring;
	_Atomic uint64_t packets, bytes; /* written by the polling worker alone */

	_Alignas(SP_CACHE_LINE) _Atomic uint64_t dropped;
	_Atomic bool gone;
	int fd;
};

struct af_packet {
	struct sp_port base;
	unsigned ifindex;
	uint8_t link; /* enum sp_link */
	struct queue queue[];
};

static struct af_packet *af_packet(struct sp_port *port)
{
	return (struct af_packet *)port;
}

static struct tpacket_block_desc *block_at(const struct queue *q, uint32_t block)
{
	return (struct tpacket_block_desc *)(q->ring + (size_t)block * q->block_size);
}

static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* After its device went, a socket is bound to no interface. A device that is only down comes back by itself. */
static bool device_is_gone(struct queue *q)
{
	int pending;
	socklen_t len = sizeof pending;
	getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &pending, &len); /* clears it: poll(2) would return at once for ever */
	struct sockaddr_ll name;
	len = sizeof name;
	if (getsockname(q->fd, (struct sockaddr *)&name, &len) == 0 && name.sll_ifindex > 0)
		return false;
	atomic_store_explicit(&q->gone, true, memory_order_relaxed);
	return true;
}

static bool next_block(struct queue *q)
{
	struct tpacket_block_desc *desc = block_at(q, q->block);
	if (q->out == q->n_blocks || !(__atomic_load_n(&desc->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	q->left = desc->hdr.bh1.num_pkts;
	q->next = (const uint8_t *)desc + desc->hdr.bh1.offset_to_first_pkt;
	return true;
}

/* Puts back the 802.1Q tag that the kernel moved from the frame to the packet's header: the addresses go four bytes
 * forward, into the room before them, and the tag behind them. */
static void restore_tag(struct sp_pkt *pkt, uint8_t *frame, const struct tpacket3_hdr *h)
{
	if (pkt->cap_len < 2 * ETH_ALEN)
		return;
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q;
	uint16_t tag[2] = {htons(tpid), htons((uint16_t)h->hv1.tp_vlan_tci)};
	memmove(frame - TAG_LEN, frame, 2 * ETH_ALEN);
	memcpy(frame - TAG_LEN + 2 * ETH_ALEN, tag, sizeof tag);
	pkt->data = frame - TAG_LEN;
	pkt->cap_len += TAG_LEN;
	pkt->wire_len += TAG_LEN;
}

static inline void fill(const struct af_packet *port, struct sp_pkt *pkt, const uint8_t *header)
{
	const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)header;
	bool ethernet = port->link == SP_LINK_ETHERNET;
	uint32_t start = ethernet ? h->tp_mac : h->tp_net;
	uint32_t skip = start - h->tp_mac; /* link headers of devices whose packets we take from IP on */
	pkt->data = header + start;
	pkt->ts_ns = h->tp_sec * SP_NS_PER_SEC + h->tp_nsec;
	pkt->cookie = 0;
	pkt->wire_len = SP_LIKELY(skip <= h->tp_len) ? h->tp_len - skip : 0;
	pkt->cap_len = SP_LIKELY(skip <= h->tp_snaplen) ? h->tp_snaplen - skip : 0;
	pkt->point = port->base.point;
	pkt->link = port->link;
	pkt->flags = h->tp_status & TP_STATUS_CSUMNOTREADY ? SP_PKT_CSUM_PENDING : 0;
	if (SP_UNLIKELY(h->tp_status & TP_STATUS_VLAN_VALID) && ethernet)
		restore_tag(pkt, (uint8_t *)header + start, h);
}

static int poll_nothing(struct queue *q, struct sp_batch *batch)
{
	sp_batch_begin(batch);
	if (SP_UNLIKELY(++q->idle % IDLE_POLLS == 0))
		device_is_gone(q);
	return SP_UNLIKELY(atomic_load_explicit(&q->gone, memory_order_relaxed)) ? -ENODEV : 0;
}

static int af_packet_poll(struct sp_port *base, uint16_t queue, struct sp_batch *batch)
{
	struct af_packet *port = af_packet(base);
	struct queue *q = &port->queue[queue];
	if (!q->left && !next_block(q))
		return poll_nothing(q, batch);

	uint32_t n = SP_MIN(q->left, (uint32_t)SP_BATCH_MAX);
	uint64_t bytes = 0;
	const uint8_t *header = q->next;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *next = header + ((const struct tpacket3_hdr *)header)->tp_next_offset;
		/* Headers are a chain. Frames in a row are often of one length: guess where the fifth from here is. */
		sp_prefetch(header + 5 * (next - header));
		sp_prefetch(next);
		sp_prefetch(next + SP_CACHE_LINE);
		fill(port, &batch->pkt[i], header);
		bytes += batch->pkt[i].wire_len;
		header = next;
	}
	q->next = header;
	q->left -= n;
	if (!q->left) {
		batch->pkt[n - 1].cookie = q->block + 1; /* releasing this batch gives the block back */
		q->block = q->block + 1 == q->n_blocks ? 0 : q->block + 1;
		q->out++;
	}
	sp_batch_begin(batch);
	batch->n = n;
	add(&q->packets, n);
	add(&q->bytes, bytes);
	return (int)n;
}

static void af_packet_release(struct sp_port *base, uint16_t queue, const struct sp_batch *batch)
{
	struct queue *q = &af_packet(base)->queue[queue];
	uint64_t block = batch->n ? batch->pkt[batch->n - 1].cookie : 0;
	if (!block)
		return;
	q->out--;
	__atomic_store_n(&block_at(q, (uint32_t)block - 1)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static int af_packet_fd(struct sp_port *base, uint16_t queue)
{
	return af_packet(base)->queue[queue].fd;
}

/* The kernel takes the program's hash modulo the number of sockets, which are in the order in which they joined. */
static uint16_t af_packet_flow_queue(const struct sp_port *base, const struct sp_flow_key *key)
{
	return (uint16_t)(sp_fanout_hash(key) % base->n_queues);
}

static void af_packet_stats(struct sp_port *base, uint16_t queue, struct sp_port_stats *ret)
{
	struct queue *q = &af_packet(base)->queue[queue];
	struct tpacket_stats_v3 kernel = {0};
	socklen_t len = sizeof kernel;
	/* The kernel forgets what it told. */
	if (getsockopt(q->fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &len) == 0)
		atomic_fetch_add_explicit(&q->dropped, kernel.tp_drops, memory_order_relaxed);
	device_is_gone(q);
	*ret = (struct sp_port_stats){
		.packets = atomic_load_explicit(&q->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&q->bytes, memory_order_relaxed),
		.dropped = atomic_load_explicit(&q->dropped, memory_order_relaxed),
	};
}

static void af_packet_close(struct sp_port *base)
{
	struct af_packet *port = af_packet(base);
	for (unsigned i = 0; i < base->n_queues; i++) {
		struct queue *q = &port->queue[i];
		if (q->ring)
			munmap(q->ring, (size_t)q->block_size * q->n_blocks);
		if (q->fd >= 0)
			close(q->fd);
	}
	free(port);
}

/* Which bytes a device's packets begin with, or -EPROTONOSUPPORT. */
static int link_of(uint16_t hardware)
{
	switch (hardware) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return SP_LINK_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
		return SP_LINK_RAW;
	default:
		return -EPROTONOSUPPORT;
	}
}

struct device {
	unsigned ifindex;
	bool loopback;
	uint8_t link;
};

static int find_device(struct device *ret, int fd, const struct sp_port_conf *conf, struct sp_err *err)
{
	struct ifreq ifr = {0};
	memcpy(ifr.ifr_name, conf->interface, strnlen(conf->interface, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFINDEX, &ifr) < 0)
		return sp_err(err, -errno, "port %s: no such device%s%s", conf->interface,
			      conf->netns[0] ? " in network namespace " : "", conf->netns);
	ret->ifindex = (unsigned)ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return sp_err(err, -errno, "port %s: %s", conf->interface, strerror(errno));
	ret->loopback = ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	int link = link_of(ifr.ifr_hwaddr.sa_family);
	if (link < 0)
		return sp_err(err, link, "port %s: hardware type %u is not read; capture on an Ethernet or IP device",
			      conf->interface, ifr.ifr_hwaddr.sa_family);
	ret->link = (uint8_t)link;
	return 0;
}

/* Turns the NIC's clock on for all packets. False when it has none that does. */
static bool hardware_clock(int fd, const char *interface)
{
	struct hwtstamp_config want = {.rx_filter = HWTSTAMP_FILTER_ALL};
	struct ifreq ifr = {.ifr_data = (void *)&want};
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%.15s", interface);
	int how = SOF_TIMESTAMPING_RAW_HARDWARE;
	return ioctl(fd, SIOCSHWTSTAMP, &ifr) == 0 && want.rx_filter == HWTSTAMP_FILTER_ALL &&
	       setsockopt(fd, SOL_PACKET, PACKET_TIMESTAMP, &how, sizeof how) == 0;
}

/* The filter that says how much of each packet is kept: nothing, or snaplen bytes unless the host sent it. */
static int set_filter(int fd, uint32_t keep, bool skip_outgoing)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, keep),
	};
	unsigned from = skip_outgoing ? 0 : 3;
	struct sock_fprog program = {.len = SP_ARRAY_SIZE(code) - from, .filter = code + from};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

static uint64_t power_of_two_from(uint64_t n)
{
	return n <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(n - 1));
}

/* Rings are kernel memory: asking for more than there is does not fail, it kills other programs. */
static int check_memory(const struct sp_port_conf *conf, uint16_t n_queues, struct sp_err *err)
{
	uint64_t want = power_of_two_from(conf->af_packet.block_size) * conf->af_packet.blocks * n_queues;
	uint64_t available = sp_mem_available();
	if (want <= available / 2)
		return 0;
	return sp_err(err, -ENOMEM,
		      "port %s: rings of %" PRIu64 " MiB, but %" PRIu64
		      " MiB of memory are free and half of that is the most a port may take; lower af_packet.blocks, "
		      "block_size or queues",
		      conf->interface, want >> 20, available >> 20);
}

static int set_ring(struct queue *q, const struct sp_port_conf *conf, struct sp_err *err)
{
	int version = TPACKET_V3, reserve = TAG_LEN;
	q->block_size = (uint32_t)power_of_two_from(conf->af_packet.block_size);
	q->n_blocks = (uint32_t)conf->af_packet.blocks;
	struct tpacket_req3 req = {
		.tp_block_size = q->block_size,
		.tp_block_nr = q->n_blocks,
		.tp_frame_size = NOMINAL_FRAME,
		.tp_frame_nr = q->block_size / NOMINAL_FRAME * q->n_blocks,
		.tp_retire_blk_tov = (unsigned)(conf->af_packet.block_timeout / SP_NS_PER_MS),
	};
	size_t size = (size_t)q->block_size * q->n_blocks;
	if (setsockopt(q->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
	    setsockopt(q->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof reserve) < 0 ||
	    setsockopt(q->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) < 0)
		return sp_err(err, -errno, "port %s: a ring of %zu MiB: %s; lower af_packet.blocks or block_size",
			      conf->interface, size >> 20, strerror(errno));
	void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (ring == MAP_FAILED)
		return sp_err(err, -errno, "port %s: cannot map its ring: %s", conf->interface, strerror(errno));
	q->ring = ring;
	return 0;
}

/* The part of opening that cannot be undone by closing the socket alone comes last: until then the socket's filter
 * keeps everything out, because before it joins the group it would see every packet of the device. */
static int open_queue(struct queue *q, const struct device *dev, const struct sp_port_conf *conf, uint16_t n_queues,
		      int *group, struct sp_err *err)
{
	int r = set_ring(q, conf, err);
	if (r < 0)
		return r;
	bool skip_outgoing = dev->loopback || conf->direction == SP_PORT_DIRECTION_IN;
	int yes = 1;
	if (skip_outgoing)
		/* Saves the kernel the copy. Not known to old kernels and not honoured in groups: the filter does it
		 * too. */
		setsockopt(q->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)dev->ifindex};
	r = set_filter(q->fd, 0, false);
	if (r == 0 && bind(q->fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		r = -errno;
	if (r < 0)
		return sp_err(err, r, "port %s: %s", conf->interface, strerror(-r));
	if (n_queues > 1) {
		r = sp_fanout_join(q->fd, conf->af_packet.fanout, dev->link == SP_LINK_ETHERNET, group);
		if (r < 0)
			return sp_err(err, r, "port %s: cannot spread packets over %u queues: %s", conf->interface,
				      n_queues, strerror(-r));
	}
	return 0;
}

static int start_queues(struct af_packet *port, const struct device *dev, const struct sp_port_conf *conf,
			struct sp_err *err)
{
	bool skip_outgoing = dev->loopback || conf->direction == SP_PORT_DIRECTION_IN;
	for (unsigned i = 0; i < port->base.n_queues; i++) {
		int r = set_filter(port->queue[i].fd, (uint32_t)conf->snaplen, skip_outgoing);
		if (r < 0)
			return sp_err(err, r, "port %s: %s", conf->interface, strerror(-r));
	}
	struct packet_mreq all = {.mr_ifindex = (int)dev->ifindex, .mr_type = PACKET_MR_PROMISC};
	if (conf->promiscuous && setsockopt(port->queue[0].fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0)
		return sp_err(err, -errno, "port %s: promiscuous mode: %s", conf->interface, strerror(errno));
	return 0;
}

static void describe(struct sp_port *port, const struct sp_port_conf *conf, bool hardware)
{
	static const char *const by[] = {"flow", "addresses", "the kernel's hash", "CPU"};
	char queues[64] = "1 queue";
	if (port->n_queues > 1)
		snprintf(queues, sizeof queues, "%u queues by %s", port->n_queues, by[conf->af_packet.fanout]);
	const char *clock = conf->clock != SP_PORT_CLOCK_HARDWARE ? ""
			    : hardware				  ? ", hardware clock"
								  : ", no hardware clock: system time";
	snprintf(port->why, sizeof port->why, "TPACKET_V3, %s%s%s", queues, conf->promiscuous ? ", promiscuous" : "",
		 clock);
}

static int open_here(struct af_packet *port, const struct sp_port_conf *conf, struct sp_err *err)
{
	struct device dev = {0};
	bool hardware = false;
	int group = -1;
	for (unsigned i = 0; i < port->base.n_queues; i++) {
		struct queue *q = &port->queue[i];
		q->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		if (q->fd < 0)
			return sp_err(err, -errno, "port %s: %s%s", conf->interface, strerror(errno),
				      errno == EPERM ? "; capturing needs CAP_NET_RAW" : "");
		int r = i ? 0 : find_device(&dev, q->fd, conf, err);
		if (r < 0)
			return r;
		if (conf->clock == SP_PORT_CLOCK_HARDWARE)
			hardware = hardware_clock(q->fd, conf->interface);
		r = open_queue(q, &dev, conf, port->base.n_queues, &group, err);
		if (r < 0)
			return r;
	}
	port->ifindex = dev.ifindex;
	port->link = dev.link;
	describe(&port->base, conf, hardware);
	return start_queues(port, &dev, conf, err);
}

static int af_packet_open(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_err *err)
{
	uint16_t n_queues = (uint16_t)SP_MAX(conf->queues ? conf->queues : conf->workers, 1u);
	size_t size = sizeof(struct af_packet) + n_queues * sizeof(struct queue);
	struct af_packet *port =
		aligned_alloc(SP_CACHE_LINE, (size + SP_CACHE_LINE - 1) / SP_CACHE_LINE * SP_CACHE_LINE);
	if (!port)
		return sp_err(err, -ENOMEM, "port %s: out of memory", conf->interface);
	memset(port, 0, size);
	port->base.ops = &sp_port_af_packet;
	port->base.n_queues = n_queues;
	if (n_queues > 1 && conf->af_packet.fanout == SP_FANOUT_FLOW)
		port->base.flow_queue = af_packet_flow_queue;
	port->base.outer = n_queues > 1 && conf->af_packet.fanout == SP_FANOUT_KERNEL;
	port->base.symmetric = n_queues == 1 || sp_fanout_symmetric(conf->af_packet.fanout);
	snprintf(port->base.name, sizeof port->base.name, "%.*s", (int)sizeof port->base.name - 1, conf->interface);
	for (unsigned i = 0; i < n_queues; i++)
		port->queue[i].fd = -1;

	int home = -1;
	int r = check_memory(conf, n_queues, err);
	if (r == 0)
		r = sp_netns_enter(conf->netns, &home, err);
	if (r == 0) {
		r = open_here(port, conf, err);
		sp_netns_leave(home);
	}
	if (r < 0) {
		af_packet_close(&port->base);
		return r;
	}
	*ret = &port->base;
	return 0;
}

const struct sp_port_ops sp_port_af_packet = {
	.name = "af_packet",
	.open = af_packet_open,
	.poll = af_packet_poll,
	.release = af_packet_release,
	.fd = af_packet_fd,
	.stats = af_packet_stats,
	.close = af_packet_close,
};
