/* SPDX-License-Identifier: Apache-2.0 */
/* The DPDK port over net_ring: the test is the wire. Needs no device, no hugepages and no privilege. */
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdlib.h>

#include "dataplane/port_table.h"
#include "tests/check.h"

enum { SEGMENT = 2048, JUMBO = 9000 };

static struct sp_points points;
static struct rte_mempool *pool;

static struct sp_port *open_ring(uint64_t queues)
{
	struct sp_port_conf conf = {
		.type = SP_PORT_DPDK,
		.queues = queues,
		.promiscuous = true,
		.dpdk = {.device = "net_ring0",
			 .hugepages = SP_HUGEPAGES_NO,
			 .memory = 256 << 20,
			 .rx_descriptors = 256,
			 .mtu = JUMBO,
			 .buffer_size = SEGMENT},
	};
	struct sp_port *port = NULL;
	struct sp_err err = {""};
	if (sp_port_open(&port, &conf, &points, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	if (!pool)
		pool = rte_pktmbuf_pool_create("test", 8191, 0, 0, RTE_PKTMBUF_HEADROOM + SEGMENT, SOCKET_ID_ANY);
	if (!pool) {
		printf("Bail out! no pool\n");
		exit(1);
	}
	return port;
}

static uint8_t byte_at(uint32_t seed, uint32_t i)
{
	return (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

/* Puts a frame of `len` bytes on the wire, in as many buffers as it needs. */
static void send_frame(unsigned queue, uint32_t seed, uint32_t len)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof name, "ETH_RXTX%u_net_ring0", queue);
	struct rte_ring *ring = rte_ring_lookup(name);
	struct rte_mbuf *head = NULL;
	for (uint32_t at = 0; at < len;) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		if (!CHECK(m && ring))
			exit(1);
		uint32_t n = SP_MIN(len - at, (uint32_t)SEGMENT);
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
		for (uint32_t i = 0; i < n; i++)
			p[i] = byte_at(seed, at + i);
		at += n;
		if (!head)
			head = m;
		else
			CHECK_EQ(rte_pktmbuf_chain(head, m), 0);
	}
	CHECK_EQ(rte_ring_enqueue(ring, head), 0);
}

static bool frame_is(const struct sp_pkt *p, uint32_t seed, uint32_t len)
{
	if (p->wire_len != len || p->cap_len != len)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (p->data[i] != byte_at(seed, i))
			return false;
	return true;
}

static void frames_come_as_they_were_sent(void)
{
	static struct sp_batch batch;
	struct sp_port *port = open_ring(1);
	CHECK(port->symmetric);
	CHECK_STR(points.point[port->point].name, "net_ring0");
	uint32_t got = 0;
	uint64_t bytes = 0;
	for (uint32_t sent = 0; sent < 1000; sent++) {
		send_frame(0, sent, 60 + sent);
		bytes += 60 + sent;
		if (sent % 50 != 49)
			continue;
		for (int n; (n = port->ops->poll(port, 0, &batch)) > 0; port->ops->release(port, 0, &batch))
			for (int i = 0; i < n; i++, got++)
				CHECK(frame_is(&batch.pkt[i], got, 60 + got));
	}
	struct sp_port_stats stats;
	port->ops->stats(port, 0, &stats);
	CHECK_EQ(got, 1000);
	CHECK_EQ(stats.packets, 1000);
	CHECK_EQ(stats.bytes, bytes);
	CHECK_EQ(stats.dropped + stats.invalid + stats.copied, 0);
	port->ops->close(port);
	CHECK_EQ(rte_mempool_in_use_count(pool), 0);
}

static void frames_in_several_buffers_are_put_together(void)
{
	static struct sp_batch batch;
	struct sp_port *port = open_ring(1);
	uint32_t got = 0;
	/* More than the copy ring holds, so that it wraps. */
	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 20; i++)
			send_frame(0, round * 20 + i, i % 3 ? 100 : JUMBO - i);
		while (port->ops->poll(port, 0, &batch) > 0) {
			for (uint32_t i = 0; i < batch.n; i++, got++)
				CHECK(frame_is(&batch.pkt[i], got, got % 20 % 3 ? 100 : JUMBO - got % 20));
			port->ops->release(port, 0, &batch);
		}
	}
	struct sp_port_stats stats;
	port->ops->stats(port, 0, &stats);
	CHECK_EQ(got, 2000);
	CHECK_EQ(stats.copied, 700);
	port->ops->close(port);
	CHECK_EQ(rte_mempool_in_use_count(pool), 0);
}

/* Batches are kept back until there is no room for copies: frames are cut then, nothing is lost, and it ends with it.
 */
static void without_room_frames_are_cut(void)
{
	enum { BATCHES = 16 };
	static struct sp_batch batch[BATCHES];
	struct sp_port *port = open_ring(1);
	uint32_t whole = 0, cut = 0;
	for (uint32_t b = 0; b < BATCHES; b++) {
		for (uint32_t i = 0; i < 40; i++)
			send_frame(0, b * 40 + i, JUMBO);
		CHECK_EQ(port->ops->poll(port, 0, &batch[b]), 40);
		for (uint32_t i = 0; i < batch[b].n; i++) {
			const struct sp_pkt *p = &batch[b].pkt[i];
			CHECK_EQ(p->wire_len, JUMBO);
			whole += p->cap_len == JUMBO;
			cut += p->cap_len == SEGMENT;
		}
	}
	CHECK_EQ(whole + cut, 40 * BATCHES);
	CHECK_EQ(whole, (4 << 20) / JUMBO);
	/* What was handed out first is still there. */
	for (uint32_t i = 0; i < 40; i++)
		CHECK(frame_is(&batch[0].pkt[i], i, JUMBO));
	for (uint32_t b = 0; b < BATCHES; b++)
		port->ops->release(port, 0, &batch[b]);
	send_frame(0, 77, JUMBO);
	CHECK_EQ(port->ops->poll(port, 0, &batch[0]), 1);
	CHECK(frame_is(&batch[0].pkt[0], 77, JUMBO));
	port->ops->release(port, 0, &batch[0]);
	port->ops->close(port);
	CHECK_EQ(rte_mempool_in_use_count(pool), 0);
}

static void queues_are_separate(void)
{
	static struct sp_batch batch;
	struct sp_port *port = open_ring(2);
	CHECK(!port->symmetric); /* net_ring hashes nothing */
	CHECK(strstr(port->why, "hand-off"));
	send_frame(1, 5, 64);
	CHECK_EQ(port->ops->poll(port, 0, &batch), 0);
	CHECK_EQ(port->ops->poll(port, 1, &batch), 1);
	CHECK(frame_is(&batch.pkt[0], 5, 64));
	port->ops->release(port, 1, &batch);
	port->ops->close(port);
}

static void refusals_say_why(void)
{
	struct sp_port_conf conf = {
		.type = SP_PORT_DPDK, .queues = 1, .dpdk = {.device = "net_nosuch0", .buffer_size = 2048}};
	struct sp_port *port = NULL;
	struct sp_err err = {""};
	CHECK(sp_port_open(&port, &conf, &points, &err) < 0);
	CHECK(strstr(err.text, "net_nosuch0"));
	conf = (struct sp_port_conf){
		.type = SP_PORT_DPDK, .queues = 64, .dpdk = {.device = "net_ring1", .buffer_size = 2048}};
	CHECK(sp_port_open(&port, &conf, &points, &err) < 0);
	CHECK(strstr(err.text, "64"));
}

int main(void)
{
	RUN(frames_come_as_they_were_sent);
	RUN(frames_in_several_buffers_are_put_together);
	RUN(without_room_frames_are_cut);
	RUN(queues_are_separate);
	RUN(refusals_say_why);
	return check_done();
}
