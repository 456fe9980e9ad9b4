/* SPDX-License-Identifier: Apache-2.0 */
/* Workers with ports made of memory: every packet is analysed or counted, whoever polls it, and flows are whole
 * whichever queues their packets came to. */
#include "dataplane/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/check.h"

enum { WORKERS = 3, QUEUES = 4, FLOWS = 200, FRAME = 60 };

/* --- a port that makes UDP packets --- */

struct fake_queue {
	_Alignas(SP_CACHE_LINE) _Atomic uint32_t left;
	uint32_t n;
	uint64_t ts, released, polled;
	uint8_t frame[SP_BATCH_MAX][FRAME];
};

struct fake {
	struct sp_port port;
	bool fails;	      /* when it has nothing more */
	_Atomic bool blocked; /* a poll of queue 1 does not return meanwhile */
	struct fake_queue queue[QUEUES];
};

static uint64_t start_ns;

/* Packet n of queue q: flow n % FLOWS; the even queues see one direction and the odd ones the other. */
static void make_frame(uint8_t *f, uint32_t n, unsigned q)
{
	static const uint8_t head[] = {2, 0,	0, 0, 0,  2, 2, 0, 0, 0,  0,  1, 8,
				       0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0};
	uint32_t flow = n % FLOWS;
	uint8_t client[6] = {10, 0, 0, (uint8_t)flow, 0x40, (uint8_t)flow}, server[6] = {10, 1, 0, 1, 0, 53};
	memset(f, 0, FRAME);
	memcpy(f, head, sizeof head);
	memcpy(f + 26, q % 2 ? server : client, 4);
	memcpy(f + 30, q % 2 ? client : server, 4);
	memcpy(f + 34, (q % 2 ? server : client) + 4, 2);
	memcpy(f + 36, (q % 2 ? client : server) + 4, 2);
	f[39] = 26;
	memcpy(f + 42, &n, 4); /* no two are copies */
	f[46] = (uint8_t)q;
}

static int fake_poll(struct sp_port *port, uint16_t queue, struct sp_batch *batch)
{
	struct fake *f = (struct fake *)port;
	struct fake_queue *q = &f->queue[queue];
	uint32_t n = SP_MIN(q->left, 1 + q->n % SP_BATCH_MAX);
	sp_batch_begin(batch);
	while (queue == 1 && f->blocked)
		usleep(100);
	if (!n)
		return f->fails ? -ENODEV : 0;
	for (uint32_t i = 0; i < n; i++, q->n++) {
		make_frame(q->frame[i], q->n, queue);
		batch->pkt[i] = (struct sp_pkt){.data = q->frame[i],
						.ts_ns = q->ts += 1000,
						.cookie = i,
						.wire_len = FRAME,
						.cap_len = FRAME,
						.point = port->point,
						.link = SP_LINK_ETHERNET};
	}
	q->left -= n;
	q->polled++;
	batch->n = n;
	return (int)n;
}

static void fake_release(struct sp_port *port, uint16_t queue, const struct sp_batch *batch)
{
	struct fake_queue *q = &((struct fake *)port)->queue[queue];
	for (uint32_t i = 0; i < batch->n; i++)
		q->released += batch->pkt[i].cookie == i;
	memset(q->frame, 0xee, sizeof q->frame); /* nobody may look any more */
}

static int fake_fd(struct sp_port *port, uint16_t queue)
{
	return -1;
}

static const struct sp_port_ops fake_ops = {.name = "fake", .poll = fake_poll, .release = fake_release, .fd = fake_fd};

static struct fake *make_port(uint16_t queues, uint32_t packets, uint16_t point)
{
	struct fake *f = aligned_alloc(SP_CACHE_LINE, sizeof *f);
	assert(queues <= QUEUES);
	memset(f, 0, sizeof *f);
	f->port = (struct sp_port){.ops = &fake_ops, .n_queues = queues, .point = point, .symmetric = queues == 1};
	for (unsigned q = 0; q < queues; q++) {
		f->queue[q].left = packets;
		f->queue[q].ts = start_ns;
	}
	return f;
}

static bool empty(const struct fake *f)
{
	for (unsigned q = 0; q < f->port.n_queues; q++)
		if (f->queue[q].left)
			return false;
	return true;
}

/* --- the house around it --- */

static struct sp_points points;
static struct sp_conf *conf;
static struct sp_hub *hub;
static struct sp_report report;
static struct sp_report_worker threads[SP_WORKERS_MAX];

static uint64_t ring_size = 1 << 20;
static uint16_t meet_port;

static struct sp_workers *start(unsigned workers, bool busy_poll)
{
	struct sp_workers *ws = NULL;
	struct sp_err err;
	const struct sp_workers_conf wc = {.count = workers,
					   .busy_poll = busy_poll,
					   .poll_interval = 20000,
					   .handoff_ring = ring_size,
					   .handoff_snaplen = 65536};
	struct sp_flow_conf flow = *(const struct sp_flow_conf *)sp_conf_get(conf);
	struct sp_reorder_conf reorder = {.window = 20000000, .packets = 4096, .bytes = 1 << 20};
	flow.max_flows = 4096;
	flow.dedup.enabled = true;
	struct sp_pipeline_conf pipeline = {.decode = sp_decode_conf_default(), .flow = &flow, .reorder = &reorder};
	pipeline.decode.meet_ports[0] = meet_port;
	CHECK(!sp_hub_new(&hub, workers, 4, &points));
	CHECK(!sp_hub_start(hub));
	if (!CHECK_EQ(sp_workers_start(&ws, &wc, &pipeline, &points, hub, &err), 0))
		printf("# %s\n", err.text);
	return ws;
}

static void tell(struct sp_workers *ws)
{
	sp_report_free(&report);
	CHECK(!sp_report_init(&report, &points));
	sp_workers_report(ws, &report, threads);
	sp_report_sum(&report);
}

static void stop(struct sp_workers *ws)
{
	sp_workers_stop(ws);
	sp_hub_free(hub);
}

static void wait_for(const struct fake *f)
{
	while (!empty(f))
		usleep(1000);
}

/* Queues that part directions: every flow is one all the same, and every packet is there. */
static void parted_flows_meet(void)
{
	for (int busy_poll = 0; busy_poll < 2; busy_poll++) {
		struct sp_workers *ws = start(WORKERS, busy_poll);
		struct fake *f = make_port(QUEUES, 20000, 0);
		char how[128];
		CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){0}, how, sizeof how));
		CHECK_STR(how, "handed over by flow: its queues part the directions of a flow");
		wait_for(f);
		sp_workers_remove(ws, &f->port);
		CHECK(sp_workers_end(ws, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
		tell(ws);
		uint64_t polled = 0, handed = 0;
		for (unsigned i = 0; i < WORKERS; i++) {
			polled += threads[i].packets;
			handed += threads[i].handed_over;
		}
		CHECK_EQ(polled, QUEUES * 20000);
		CHECK(handed > polled / 3);
		CHECK_EQ(report.packets, QUEUES * 20000);
		CHECK_EQ(report.verdict[SP_ANALYSED] + report.counters->handoff_full, QUEUES * 20000);
		CHECK_EQ(report.flow.flows_created, FLOWS);
		for (unsigned q = 0; q < QUEUES; q++)
			CHECK_EQ(f->queue[q].released, 20000);
		stop(ws);
		free(f);
	}
}

/* Flows that have to meet do, whatever keeps others apart: each of its two queues sees one direction here, and says
 * that it sees both. */
static void flows_that_have_to_meet(void)
{
	for (uint16_t port = 52; port <= 53; port++) {
		meet_port = port;
		struct sp_workers *ws = start(2, false);
		struct fake *f = make_port(2, 5000, 0);
		char how[128];
		f->port.symmetric = true;
		CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){0}, how, sizeof how));
		wait_for(f);
		sp_workers_remove(ws, &f->port);
		CHECK(sp_workers_end(ws, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
		tell(ws);
		CHECK_EQ(report.flow.flows_created, port == 53 ? FLOWS : 2 * FLOWS);
		CHECK_EQ(threads[0].handed_over, 0);
		CHECK_EQ(threads[1].handed_over + report.counters->handoff_full, port == 53 ? 5000 : 0);
		stop(ws);
		free(f);
	}
	meet_port = 0;
}

/* One worker stands still: what finds no room in its ring is dropped, counted by stage and at its point. */
static void a_full_ring_is_counted(void)
{
	ring_size = 4096;
	struct sp_workers *ws = start(2, false);
	ring_size = 1 << 20;
	struct fake *f = make_port(2, 5000, 1);
	char how[128];
	f->queue[1].left = 0;
	f->blocked = true;
	CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){0}, how, sizeof how));
	while (f->queue[0].left)
		usleep(1000);
	f->blocked = false;
	sp_workers_remove(ws, &f->port);
	CHECK(sp_workers_end(ws, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
	tell(ws);
	uint64_t lost = report.counters->handoff_full;
	CHECK(lost > 1000);
	CHECK_EQ(report.verdict[SP_ANALYSED] + lost, 5000);
	CHECK_EQ(report.verdict[SP_DROPPED], lost);
	CHECK_EQ(report.counters->point[1].verdict[SP_DROPPED], lost);
	CHECK_EQ(report.counters->point[1].packets, 5000);
	CHECK_EQ(report.counters->point[1].bytes, 5000 * FRAME);
	stop(ws);
	free(f);
}

static void one_worker_needs_no_hand_off(void)
{
	struct sp_workers *ws = start(1, false);
	struct fake *f = make_port(QUEUES, 5000, 0);
	char how[128] = "x";
	CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){.shares_network = true}, how, sizeof how));
	CHECK_STR(how, "");
	wait_for(f);
	sp_workers_remove(ws, &f->port);
	CHECK(sp_workers_end(ws, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
	tell(ws);
	CHECK_EQ(report.verdict[SP_ANALYSED], QUEUES * 5000);
	CHECK_EQ(report.flow.flows_created, FLOWS);
	CHECK_EQ(threads[0].handed_over, 0);
	stop(ws);
	free(f);
}

/* How a port is used follows from what is known of it, and is said. */
static void ways_are_chosen(void)
{
	struct sp_workers *ws = start(2, false);
	static const struct {
		uint16_t queues;
		bool symmetric, outer;
		struct sp_workers_port about;
		const char *how;
	} cases[] = {
		{2, true, false, {0}, "flows stay with their queue's worker"},
		{1, true, false, {.one_of_many = true}, "flows stay with their queue's worker"},
		{1, true, false, {0}, "handed over by flow: 1 queue for 2 workers"},
		{2,
		 true,
		 false,
		 {.shares_network = true},
		 "handed over by flow: other ports bring packets of the same flows"},
		{2, true, true, {0}, "packets in tunnels handed over by flow: its queues go by outer headers"},
		{2, false, false, {0}, "handed over by flow: its queues part the directions of a flow"},
	};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(cases); i++) {
		struct fake *f = make_port(cases[i].queues, 0, 0);
		char how[128];
		f->port.symmetric = cases[i].symmetric;
		f->port.outer = cases[i].outer;
		CHECK(!sp_workers_add(ws, &f->port, &cases[i].about, how, sizeof how));
		CHECK_STR(how, cases[i].how);
		sp_workers_remove(ws, &f->port);
		free(f);
	}
	stop(ws);
}

/* Ports come and go while another one's packets flow; the flows of a point end with it, those of others do not. */
static void ports_come_and_go(void)
{
	struct sp_workers *ws = start(2, true);
	struct fake *steady = make_port(QUEUES, 60000, 0);
	char how[128];
	CHECK(!sp_workers_add(ws, &steady->port, &(struct sp_workers_port){0}, how, sizeof how));
	for (unsigned i = 0; i < 20; i++) {
		struct fake *f = make_port(1, 500, 1);
		CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){.one_of_many = true}, how, sizeof how));
		wait_for(f);
		sp_workers_remove(ws, &f->port);
		memset(f, 0xee, sizeof *f); /* nobody may poll it any more */
		free(f);
		CHECK(sp_workers_end(ws, 1, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
	}
	wait_for(steady);
	sp_workers_remove(ws, &steady->port);
	CHECK(sp_workers_end(ws, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
	tell(ws);
	CHECK_EQ(report.counters->point[1].packets, 20 * 500);
	CHECK_EQ(report.counters->point[1].verdict[SP_ANALYSED], 20 * 500);
	CHECK_EQ(report.counters->point[0].packets, QUEUES * 60000);
	CHECK_EQ(report.flow.flows_created, FLOWS + 20 * FLOWS);
	stop(ws);
	free(steady);
}

static void a_failed_port_is_named(void)
{
	struct sp_workers *ws = start(2, false);
	struct fake *good = make_port(2, 100, 0), *bad = make_port(2, 100, 1);
	char how[128];
	int rc = 0;
	bad->fails = true;
	CHECK(!sp_workers_failed(ws, &rc));
	CHECK(!sp_workers_add(ws, &good->port, &(struct sp_workers_port){0}, how, sizeof how));
	CHECK(!sp_workers_add(ws, &bad->port, &(struct sp_workers_port){0}, how, sizeof how));
	for (unsigned i = 0; i < 5000 && !sp_workers_failed(ws, &rc); i++)
		usleep(1000);
	CHECK(sp_workers_failed(ws, &rc) == &bad->port);
	CHECK_EQ(rc, -ENODEV);
	wait_for(bad);
	sp_workers_remove(ws, &bad->port);
	CHECK(!sp_workers_failed(ws, &rc));
	CHECK(sp_workers_end(ws, 1, SP_CLOSE_END_OF_INPUT, UINT32_MAX));
	tell(ws);
	CHECK_EQ(report.counters->point[1].packets, 200);
	stop(ws);
	free(good);
	free(bad);
}

/* Tables learn new settings between two batches. */
static void settings_change(void)
{
	struct sp_workers *ws = start(2, false);
	struct sp_flow_conf flow = *(const struct sp_flow_conf *)sp_conf_get(conf);
	struct sp_decode_conf decode = sp_decode_conf_default();
	struct fake *f = make_port(2, 1000, 0);
	char how[128];
	decode.verify_checksums = true;
	sp_workers_reconf(ws, &decode, &flow);
	CHECK(!sp_workers_add(ws, &f->port, &(struct sp_workers_port){0}, how, sizeof how));
	wait_for(f);
	sp_workers_remove(ws, &f->port);
	tell(ws);
	CHECK_EQ(report.counters->reason[SP_DECODE_BAD_IP_CHECKSUM], 2000);
	stop(ws);
	free(f);
}

int main(void)
{
	start_ns = (uint64_t)time(NULL) * 1000000000;
	sp_points_add(&points, "one", SP_POINT_UNKNOWN);
	sp_points_add(&points, "two", SP_POINT_UNKNOWN);
	if (sp_conf_load(&conf, NULL, sp_flow_conf_rows, sizeof(struct sp_flow_conf)))
		return 1;
	RUN(parted_flows_meet);
	RUN(flows_that_have_to_meet);
	RUN(a_full_ring_is_counted);
	RUN(one_worker_needs_no_hand_off);
	RUN(ways_are_chosen);
	RUN(ports_come_and_go);
	RUN(a_failed_port_is_named);
	RUN(settings_change);
	sp_report_free(&report);
	sp_conf_free(conf);
	return check_done();
}
