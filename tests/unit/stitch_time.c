/* SPDX-License-Identifier: Apache-2.0 */
/* What stitching says over many calls and over time: edges, losses, clocks. */
#include <stdlib.h>

#include "base/time.h"
#include "parsers/link/proto.h"
#include "stitch/stitch.h"
#include "tests/check.h"

#define T0 (UINT64_C(1700000000) * SP_NS_PER_SEC)
#define POINTS 4
#define EDGES_MAX 20000
#define CLOCKS_MAX 64
#define SLOTS_MAX 64

static struct sp_points points;
static struct sp_stitch_conf conf;

static struct {
	struct sp_edge *edge;
	unsigned n_edges, traces, one_ways, paths, n_clocks, n_slots;
	uint64_t wrong_self, worst_way_ns, refused;
	struct sp_clock clock[CLOCKS_MAX];
	struct sp_path path;
	struct {
		uint16_t from, to;
		bool doubled;
		struct sp_loss_slot slot;
	} slot[SLOTS_MAX];
} got;

/* What is true of the call that is told; one at a time waits. */
static uint64_t true_self_us, true_way_ns;

static void trace(void *ctx, const struct sp_trace *t)
{
	got.traces++;
	if (!true_self_us)
		return;
	got.wrong_self += t->hop[0].self_us != true_self_us;
	if (!t->hop[0].has_one_way)
		return;
	int64_t off = (int64_t)(t->hop[0].request_us * SP_NS_PER_US - true_way_ns);
	got.one_ways++;
	got.worst_way_ns = SP_MAX(got.worst_way_ns, (uint64_t)(off < 0 ? -off : off));
}

static void edge(void *ctx, const struct sp_edge *e)
{
	if (got.n_edges < EDGES_MAX)
		got.edge[got.n_edges++] = *e;
}

static void path(void *ctx, const struct sp_path *p)
{
	got.paths++;
	got.path = *p;
}

static void losses(void *ctx, const struct sp_edge_losses *l)
{
	for (unsigned i = 0; i < l->n && got.n_slots < SLOTS_MAX; i++, got.n_slots++) {
		got.slot[got.n_slots].from = l->from;
		got.slot[got.n_slots].to = l->to;
		got.slot[got.n_slots].doubled = l->doubled;
		got.slot[got.n_slots].slot = l->slot[i];
	}
}

static void clock_(void *ctx, const struct sp_clock *c)
{
	if (got.n_clocks < CLOCKS_MAX)
		got.clock[got.n_clocks++] = *c;
}

static struct sp_stitch *begin(uint64_t memory, uint64_t interval)
{
	struct sp_stitch *s;
	struct sp_edge *had = got.edge;
	memset(&got, 0, sizeof got);
	got.edge = had ? had : malloc(EDGES_MAX * sizeof *had);
	true_self_us = 0;
	conf = (struct sp_stitch_conf){.enabled = true,
				       .one_point = true,
				       .window = 10 * SP_NS_PER_MS,
				       .path_window = 10 * SP_NS_PER_SEC,
				       .max_memory = memory,
				       .interval = interval};
	if (!got.edge ||
	    sp_stitch_new(&s, &conf, &points,
			  &(struct sp_stitch_told){
				  .trace = trace, .path = path, .edge = edge, .losses = losses, .clock = clock_}))
		abort();
	return s;
}

static void end(struct sp_stitch *s)
{
	sp_stitch_end(s);
	sp_stitch_free(s);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* --- edges --- */

static union {
	struct sp_request_record r;
	uint8_t bytes[4096];
} record;

static void text(enum sp_slot slot, const char *t)
{
	struct sp_texts *x = &record.r.texts;
	size_t n = strlen(t);
	x->at[slot] = x->size;
	x->n[slot] = (uint16_t)n;
	memcpy(x->bytes + x->size, t, n);
	x->size = (uint16_t)(x->size + n);
}

/* Call n at point p, which asked at `us` and had its answer after `rrt_us`. */
static void call(struct sp_stitch *s, unsigned n, unsigned p, uint64_t us, uint64_t rrt_us, const char *endpoint,
		 bool fails)
{
	struct sp_request_record *r = &record.r;
	memset(&record, 0, sizeof record);
	r->head.point = r->point = (uint16_t)p;
	r->request_id = n + 1;
	r->flow_id = 1 + p;
	r->client_port = 40000;
	r->server_port = 80;
	r->has_ports = r->has_request = r->has_response = r->has_rrt = r->has_req_seq = r->has_resp_seq = 1;
	r->proto = SP_PROTO_TCP;
	r->app_proto = SP_APP_HTTP;
	r->status = fails ? SP_STATUS_SERVER_ERROR : SP_STATUS_OK;
	r->start_ns = T0 + us * 1000;
	r->rrt_us = rrt_us;
	r->end_ns = r->start_ns + rrt_us * 1000;
	r->request_us = 7;
	r->req_tcp_seq = n * 1000;
	r->resp_tcp_seq = n * 1001;
	text(SP_SLOT_METHOD, "GET");
	text(SP_SLOT_ENDPOINT, endpoint);
	sp_stitch_request(s, r);
}

static const struct sp_edge *find_edge(uint16_t from, uint16_t to, const char *endpoint)
{
	for (unsigned i = 0; i < got.n_edges; i++) {
		const struct sp_edge *e = &got.edge[i];
		struct sp_slice t = sp_edge_endpoint(e);
		if (e->from == from && e->to == to && t.n == strlen(endpoint) && !memcmp(t.p, endpoint, t.n))
			return e;
	}
	return NULL;
}

/* A thousand calls at three points: one endpoint is slow, and only between the last two of them. */
static void the_slow_hop(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	for (unsigned n = 0; n < 1000; n++) {
		bool slow = n % 4 == 0;
		uint64_t inner = 200, middle = inner + (slow ? 30000 + n : 40), outer = middle + 25;
		const char *what = slow ? "/report/{id}" : "/page/{id}";
		call(s, n, 0, n * 1000, outer, what, n % 8 == 0);
		call(s, n, 1, n * 1000 + 10, middle, what, n % 8 == 0);
		call(s, n, 2, n * 1000 + 20, inner, what, n % 8 == 0);
	}
	end(s);
	CHECK_EQ(got.n_edges, 8);
	const struct sp_edge *slow = find_edge(1, 2, "/report/{id}"), *fast = find_edge(1, 2, "/page/{id}");
	const struct sp_edge *before = find_edge(0, 1, "/report/{id}"),
			     *client = find_edge(SP_EDGE_END, 0, "/page/{id}");
	const struct sp_edge *server = find_edge(2, SP_EDGE_END, "/page/{id}");
	CHECK(slow && fast && before && client && server);
	if (!slow || !fast || !before || !client || !server)
		return;
	CHECK_EQ(slow->calls, 250);
	CHECK_EQ(slow->errors, 125);
	CHECK_EQ(fast->calls, 750);
	CHECK_EQ(fast->errors, 0);
	CHECK_EQ(slow->self.max, 30996);
	uint32_t p50 = sp_hist_percentile(&slow->self, 50);
	CHECK(p50 >= 30500 && p50 <= 30500 * 9 / 8);
	CHECK(sp_hist_percentile(&fast->self, 99) >= 40 && sp_hist_percentile(&fast->self, 99) <= 45);
	CHECK_EQ(before->sum_us, 250 * 25);
	CHECK_EQ(client->sum_us, 750 * 7);
	CHECK_EQ(server->sum_us, 750 * (200 - 7));
	CHECK_EQ(slow->start_ns, T0);
	CHECK_EQ(sp_edge_method(slow).n, 3);
}

/* More endpoints than there is room for: one that is asked often keeps its own, and all calls are somewhere. */
static void too_many_endpoints(void)
{
	enum { CALLS = 20000 };
	struct sp_stitch *s = begin(1 << 20, 0);
	char endpoint[200];
	for (unsigned n = 0; n < CALLS; n++) {
		snprintf(endpoint, sizeof endpoint, n % 2 ? "/hot" : "/%u/%0180u", n, n);
		call(s, n, 0, n * 1000, 100, endpoint, false);
		call(s, n, 1, n * 1000 + 5, 90, endpoint, false);
	}
	sp_stitch_end(s);
	uint64_t calls = 0, sum = 0, other = 0, counted = 0;
	for (unsigned i = 0; i < got.n_edges; i++) {
		const struct sp_edge *e = &got.edge[i];
		if (e->from != 0 || e->to != 1)
			continue;
		calls += e->calls;
		sum += e->sum_us;
		other += e->other ? e->calls : 0;
		for (unsigned k = 0; k < SP_HIST_STEPS; k++)
			counted += e->self.step[k];
	}
	CHECK_EQ(calls, CALLS);
	CHECK_EQ(counted, CALLS);
	CHECK_EQ(sum, CALLS * 10);
	CHECK(other > CALLS / 3);
	CHECK(find_edge(0, 1, "/hot") && find_edge(0, 1, "/hot")->calls >= CALLS / 2 * 99 / 100);
	CHECK(sp_stitch_stats(s)->edges_merged > 1000);
	CHECK_EQ(sp_stitch_stats(s)->edges_refused, 0);
	sp_stitch_free(s);
}

/* Each call is in one interval, and intervals add up to the whole. */
static void intervals(void)
{
	struct sp_stitch *s = begin(64 << 20, SP_NS_PER_SEC);
	for (unsigned n = 0; n < 5000; n++) {
		call(s, n, 0, n * 1000, 100, "/", false);
		call(s, n, 1, n * 1000 + 5, 90, "/", false);
		CHECK(got.n_edges <= 3 * (n / 1000 + 1));
	}
	CHECK(got.n_edges >= 3 * 3);
	end(s);
	uint64_t calls = 0, last_ns = 0;
	for (unsigned i = 0; i < got.n_edges; i++) {
		const struct sp_edge *e = &got.edge[i];
		if (e->from != 0)
			continue;
		calls += e->calls;
		CHECK(e->start_ns >= last_ns && e->end_ns - e->start_ns <= SP_NS_PER_SEC + SP_NS_PER_MS);
		last_ns = e->end_ns - SP_NS_PER_MS;
	}
	CHECK_EQ(calls, 5000);
}

/* --- losses --- */

static const int64_t ahead[POINTS] = {0, 3 * (int64_t)SP_NS_PER_SEC, -2 * (int64_t)SP_NS_PER_SEC, 700 * SP_NS_PER_MS};

struct leg {
	union {
		struct sp_flow_record r;
		uint8_t bytes[sizeof(struct sp_flow_record) + 64 * sizeof(struct sp_loss)];
	} u;
	struct sp_loss loss[64];
	unsigned n, hidden;
};

static struct leg leg[POINTS];
static uint32_t rewritten; /* what a box between points 1 and 2 adds to the client's numbers */

static void legs_begin(void)
{
	memset(leg, 0, sizeof leg);
}

/* Clocks are seconds apart; each way between two points takes 50 us. */
static void event(unsigned p, enum sp_loss_kind kind, bool s2c, uint32_t seq, uint64_t ms, uint64_t after_ms)
{
	struct leg *l = &leg[p];
	uint64_t ns = T0 + ms * SP_NS_PER_MS + (uint64_t)ahead[p] + p * 50000;
	l->loss[l->n++] = (struct sp_loss){.ns = ns,
					   .after_us = (uint32_t)(after_ms * 1000),
					   .seq = seq + (p > 1 && !s2c ? rewritten : 0),
					   .len = 1000,
					   .kind = (uint8_t)kind,
					   .s2c = s2c};
	struct sp_flow_record *r = &l->u.r;
	uint32_t *n = kind == SP_LOSS_AGAIN ? (s2c ? &r->retrans_s2c : &r->retrans_c2s)
					    : (s2c ? &r->hole_filled_s2c : &r->hole_filled_c2s);
	++*n;
}

/* Lost between two points: all before it see it again, all behind it a hole. */
static void lose(unsigned from, unsigned to, bool s2c, uint32_t seq, uint64_t ms)
{
	for (unsigned p = 0; p < POINTS; p++) {
		bool before = s2c ? p >= from : p <= from;
		event(p, before ? SP_LOSS_AGAIN : SP_LOSS_FILLED, s2c, seq, ms + (before ? 20 : 0), before ? 20 : 40);
	}
}

static void legs_put(struct sp_stitch *s, unsigned connection, unsigned minutes)
{
	for (unsigned p = 0; p < POINTS; p++) {
		struct leg *l = &leg[p];
		struct sp_flow_record *r = &l->u.r;
		unsigned n = l->n - l->hidden;
		r->head.size = (uint32_t)(SP_FLOW_RECORD_PLAIN + n * sizeof(struct sp_loss));
		r->n_losses = (uint8_t)n;
		memcpy((void *)sp_flow_record_losses(r), l->loss, n * sizeof(struct sp_loss));
		r->flow_id = connection * POINTS + p + 1;
		r->point = (uint16_t)p;
		r->start_ns = T0 + (uint64_t)ahead[p] + p * 50000;
		r->end_ns = r->start_ns + (minutes ? minutes * 60 * SP_NS_PER_SEC : SP_NS_PER_SEC);
		r->packets_c2s = r->packets_c2s ? r->packets_c2s : 100;
		r->packets_s2c = r->packets_s2c == 1 ? 0 : 100;
		r->client_port = 40000;
		r->server_port = 80;
		r->proto = SP_PROTO_TCP;
		r->is_tcp = r->has_isn_client = r->has_isn_server = r->has_rtt_server = 1;
		r->isn_client = 0xfffff000 + connection + (p > 1 ? rewritten : 0);
		r->isn_server = 0x20000000 + connection;
		r->rtt_server_us = 1000 - 100 * p;
		r->close_reason = minutes ? SP_CLOSE_ACTIVE : SP_CLOSE_FIN;
		sp_stitch_flow(s, r);
	}
}

static void legs_end(struct sp_stitch *s, unsigned connection)
{
	legs_put(s, connection, 0);
}

static void legs_report(struct sp_stitch *s, unsigned minutes)
{
	legs_put(s, 0, minutes);
}

static const struct sp_path_loss *loss_at(unsigned from, unsigned to)
{
	for (unsigned i = 0; i < got.path.n_losses; i++)
		if (got.path.loss[i].from == from && got.path.loss[i].to == to)
			return &got.path.loss[i];
	return NULL;
}

static bool near(uint64_t ns, uint64_t ms)
{
	int64_t off = (int64_t)(ns - T0 - ms * SP_NS_PER_MS);
	return off > -(int64_t)SP_NS_PER_MS && off < (int64_t)SP_NS_PER_MS;
}

static void check_burst(const struct sp_path_loss *l, unsigned i, unsigned segments, uint64_t from_ms, uint64_t to_ms)
{
	CHECK(l && i < l->n_bursts);
	if (!l || i >= l->n_bursts)
		return;
	const struct sp_burst *b = &got.path.burst[l->first_burst + i];
	CHECK_EQ(b->segments, segments);
	CHECK(near(b->start_ns, from_ms) && near(b->end_ns, to_ms));
}

/* Three bursts within a second, at three hops, one of them of the other direction; clocks are seconds apart. */
static void three_bursts(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	legs_begin();
	for (unsigned i = 0; i < 4; i++)
		lose(0, 1, false, 0xfffffff0 + i * 1000, 100 + i * 5);
	for (unsigned i = 0; i < 3; i++)
		lose(1, 2, false, 50000 + i * 1000, 400 + i * 5);
	for (unsigned i = 0; i < 5; i++)
		lose(3, 2, true, 0x20000100 + i * 1000, 700 + i * 5);
	lose(1, 2, false, 60000, 900);
	legs_end(s, 0);
	end(s);
	CHECK_EQ(got.paths, 1);
	CHECK_EQ(got.path.n_losses, 3);
	CHECK_EQ(got.path.n_doubled, 0);
	CHECK(loss_at(0, 1) && loss_at(0, 1)->segments == 4 && loss_at(0, 1)->n_bursts == 1);
	CHECK(loss_at(1, 2) && loss_at(1, 2)->segments == 4 && loss_at(1, 2)->n_bursts == 2);
	CHECK(loss_at(3, 2) && loss_at(3, 2)->segments == 5 && loss_at(3, 2)->s2c && !loss_at(3, 2)->at_least);
	check_burst(loss_at(0, 1), 0, 4, 100, 115);
	check_burst(loss_at(1, 2), 0, 3, 400, 410);
	check_burst(loss_at(1, 2), 1, 1, 900, 900);
	check_burst(loss_at(3, 2), 0, 5, 700, 720);
	CHECK_EQ(got.n_slots, 4);
}

/* A firewall between two points gives the client other numbers: places in the stream are the same. */
static void behind_other_numbers(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	rewritten = 0x12345678;
	legs_begin();
	lose(1, 2, false, 1000, 100);
	lose(2, 3, false, 5000, 105);
	lose(0, 1, false, 9000, 110);
	event(0, SP_LOSS_AGAIN, false, 20000, 300, 20);
	for (unsigned p = 1; p < POINTS; p++)
		event(p, SP_LOSS_AGAIN, false, 20000, 300, 20);
	legs_end(s, 0);
	end(s);
	rewritten = 0;
	CHECK_EQ(got.paths, 1);
	CHECK_EQ(got.path.n_legs, POINTS);
	CHECK_EQ(got.path.n_losses, 3);
	for (unsigned p = 0; p + 1 < POINTS; p++)
		CHECK(loss_at(p, p + 1) && loss_at(p, p + 1)->segments == 1 && !loss_at(p, p + 1)->at_least);
	CHECK_EQ(got.path.n_doubled, 0);
}

/* The same tenth of a second hits a hundred connections between two points. */
static void a_burst_over_many_connections(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	for (unsigned c = 0; c < 100; c++) {
		legs_begin();
		lose(1, 2, false, 1000, 420 + c % 10);
		lose(1, 2, false, 5000, 425 + c % 10);
		if (c % 10 == 0)
			lose(0, 1, false, 9000, 100 * (c / 10));
		legs_end(s, c);
	}
	end(s);
	CHECK_EQ(got.paths, 100);
	unsigned burst = 0;
	for (unsigned i = 0; i < got.n_slots; i++) {
		if (got.slot[i].from != 1)
			continue;
		CHECK_EQ(got.slot[i].slot.start_ns, T0 + 400 * SP_NS_PER_MS);
		CHECK_EQ(got.slot[i].slot.segments, 200);
		CHECK_EQ(got.slot[i].slot.connections, 100);
		burst++;
	}
	CHECK_EQ(burst, 1);
	CHECK(got.n_slots > 5);
}

/* Lost twice, lost beyond both points, lost before both, the last one of all (no hole), doubled, and cut elsewhere. */
static void copies(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	legs_begin();
	event(1, SP_LOSS_AGAIN, false, 1000, 10, 20); /* twice between 1 and 2 */
	event(1, SP_LOSS_AGAIN, false, 1000, 10, 250);
	event(0, SP_LOSS_AGAIN, false, 1000, 10, 20);
	event(0, SP_LOSS_AGAIN, false, 1000, 10, 250);
	event(2, SP_LOSS_FILLED, false, 1000, 12, 248);
	event(3, SP_LOSS_FILLED, false, 1000, 12, 248);
	for (unsigned p = 0; p < POINTS; p++) {
		event(p, SP_LOSS_AGAIN, false, 3000, 300, 20);	/* behind all */
		event(p, SP_LOSS_FILLED, false, 5000, 350, 20); /* before all */
	}
	event(0, SP_LOSS_AGAIN, false, 7000, 500, 200); /* the last one, between 0 and 1 */
	event(3, SP_LOSS_AGAIN, false, 9000, 600, 0);	/* doubled between 2 and 3 */
	for (unsigned p = 0; p < 2; p++)		/* two in one, as offloads have them; later one by one */
		for (unsigned i = 0; i < 2 - p; i++) {
			event(p, SP_LOSS_AGAIN, false, 11000 + i * 1000, 700, 10);
			leg[p].loss[leg[p].n - 1].len = p ? 2000 : 1000;
		}
	event(2, SP_LOSS_FILLED, false, 11000, 700, 10);
	event(2, SP_LOSS_FILLED, false, 12000, 700, 10);
	event(3, SP_LOSS_FILLED, false, 11000, 700, 10);
	event(3, SP_LOSS_FILLED, false, 12000, 700, 10);
	legs_end(s, 0);
	end(s);
	CHECK_EQ(got.path.n_losses, 2);
	CHECK(loss_at(0, 1) && loss_at(0, 1)->segments == 1);
	CHECK(loss_at(1, 2) && loss_at(1, 2)->segments == 3); /* one large one is one */
	check_burst(loss_at(0, 1), 0, 1, 500, 500);
	check_burst(loss_at(1, 2), 0, 2, 12, 30);
	CHECK_EQ(got.path.n_doubled, 1);
	CHECK_EQ(got.path.doubled[0].from, 2);
	CHECK_EQ(got.path.doubled[0].to, 3);
	CHECK_EQ(got.path.doubled[0].segments, 1);
}

/* A connection that goes on for an hour, with a burst every minute: each is told in time, and once. */
static void while_it_goes_on(void)
{
	struct sp_stitch *s = begin(64 << 20, 60 * SP_NS_PER_SEC);
	unsigned before = 0, late = 0;
	for (unsigned minute = 0; minute < 60; minute++) {
		legs_begin();
		for (unsigned i = 0; i < 5; i++)
			lose(1, 2, false, (minute * 10 + i) * 1000, minute * 60000 + 30010 + i * 10);
		for (unsigned p = 0; p < POINTS; p++) { /* behind all, and just when what is known ends */
			event(p, SP_LOSS_AGAIN, false, (minute * 10 + 7) * 1000, minute * 60000 + 58980, 20);
			leg[p].loss[leg[p].n - 1].after_us += 20 * (p % 2) - 10;
			leg[p].u.r.payload_bytes_c2s = p < 2 ? 80000 : 75000;
		}
		legs_report(s, minute + 1);
		call(s, minute, 0, minute * 60000000, 100, "/", false); /* intervals end with calls */
		late += minute > 3 && got.n_slots + 3 < minute;
		CHECK(got.n_slots >= before);
		before = got.n_slots;
	}
	CHECK_EQ(got.paths, 0);
	CHECK_EQ(late, 0);
	end(s);
	CHECK_EQ(got.paths, 1);
	CHECK_EQ(got.n_slots, 60);
	for (unsigned i = 0; i < got.n_slots; i++) {
		CHECK_EQ(got.slot[i].slot.start_ns, T0 + (i * 60000 + 30000) * SP_NS_PER_MS);
		CHECK_EQ(got.slot[i].slot.segments, 5);
		CHECK(!got.slot[i].doubled);
	}
	CHECK_EQ(got.path.n_doubled, 0);
	CHECK(loss_at(1, 2) && loss_at(1, 2)->segments == 300);
}

/* What is not in a log is still counted, and said to be a lower bound; a direction that a point does not see says
 * nothing. */
static void limits(void)
{
	struct sp_stitch *s = begin(64 << 20, 0);
	legs_begin();
	for (unsigned i = 0; i < 40; i++)
		lose(1, 2, false, 1000 + i * 1000, 100 + i);
	for (unsigned p = 0; p < POINTS; p++) {
		leg[p].hidden = 8;
		leg[p].u.r.payload_bytes_c2s = p < 2 ? 80000 : 40000;
	}
	legs_end(s, 0);
	end(s);
	CHECK_EQ(got.path.n_losses, 1);
	CHECK(loss_at(1, 2) && loss_at(1, 2)->segments == 40 && loss_at(1, 2)->at_least);
	check_burst(loss_at(1, 2), 0, 32, 100, 131);
	CHECK_EQ(got.path.n_doubled, 0);

	s = begin(64 << 20, 0);
	legs_begin();
	for (unsigned i = 0; i < 4; i++)
		event(3, SP_LOSS_AGAIN, true, 1000 + i * 1000, 100, 20);
	leg[2].u.r.packets_s2c = 1; /* none */
	legs_end(s, 0);
	end(s);
	CHECK_EQ(got.path.n_losses + got.path.n_doubled, 0);
}

/* --- clocks --- */

struct world {
	double offset_s, drift_ppm, step_s;
	unsigned there_us, back_us; /* at most, of queues: many of them are empty */
	uint32_t seed;
};

static uint64_t queue(uint32_t *seed, unsigned us)
{
	uint64_t r = random_next(seed) % 1000;
	return r * r * r * us / 1000000;
}

static int64_t true_offset(const struct world *w, uint64_t ns)
{
	double s = (double)(ns - T0) / 1e9;
	return (int64_t)((w->offset_s + (s >= 150 ? w->step_s : 0)) * 1e9 + s * w->drift_ppm * 1000);
}

/* A call n that point 0 sees at `ns` of its clock, and point 1 behind it. */
static void measure(struct sp_stitch *s, struct world *w, unsigned n, uint64_t ns)
{
	uint64_t there = 30000 + queue(&w->seed, w->there_us), back = 25000 + queue(&w->seed, w->back_us);
	uint64_t took = 200000 + random_next(&w->seed) % 1000000, rrt = (there + back + took) / 1000 * 1000;
	struct sp_span a = {.flow_id = 1,
			    .request_id = n + 1,
			    .start_ns = ns,
			    .req_seq = n * 1000,
			    .resp_seq = n * 1001,
			    .rrt_us = (uint32_t)(rrt / 1000),
			    .what = 1,
			    .confidence = 100,
			    .app = SP_APP_HTTP,
			    .proto = SP_PROTO_TCP,
			    .bits = SP_SPAN_REQUEST | SP_SPAN_RESPONSE | SP_SPAN_REQ_SEQ | SP_SPAN_RESP_SEQ |
				    SP_SPAN_RRT | SP_SPAN_PORTS},
		       b = a;
	b.point = 1;
	b.flow_id = 2;
	b.start_ns = ns + there + (uint64_t)true_offset(w, ns + there);
	b.rrt_us = (uint32_t)((rrt - there - back) / 1000);
	b.rrt_ns = (uint16_t)((rrt - there - back) % 1000);
	a.end_ns = b.end_ns = ns + rrt;
	true_self_us = 0;
	sp_stitch_tick(s, ns + rrt - SP_NS_PER_MS); /* tells the calls before it */
	sp_stitch_span(s, &a, NULL);
	sp_stitch_span(s, &b, NULL);
	true_self_us = a.rrt_us - b.rrt_us;
	true_way_ns = there;
	sp_stitch_tick(s, ns + rrt + 20 * SP_NS_PER_MS);
}

static void check_clocks(const struct world *w, uint64_t uncertainty_ns, uint64_t drift_ppb)
{
	for (unsigned i = 0; i < got.n_clocks; i++) {
		const struct sp_clock *c = &got.clock[i];
		int64_t off = c->offset_ns - true_offset(w, c->at_ns),
			drift = c->drift_ppb - (int64_t)(w->drift_ppm * 1000);
		CHECK_EQ(c->reference, 0);
		CHECK_EQ(c->point, 1);
		CHECK((uint64_t)(off < 0 ? -off : off) <= c->uncertainty_ns);
		CHECK((uint64_t)(drift < 0 ? -drift : drift) <= c->drift_uncertainty_ppb + 1);
	}
	CHECK(got.n_clocks);
	if (!got.n_clocks)
		return;
	const struct sp_clock *last = &got.clock[got.n_clocks - 1];
	CHECK(last->uncertainty_ns <= uncertainty_ns);
	CHECK(last->drift_uncertainty_ppb <= drift_ppb);
}

/* Seconds apart, drifting, with queues of one direction: what is told holds, whatever chance says, and no call's time
 * between its points is touched by it. */
static void offset_and_drift(void)
{
	for (unsigned round = 0; round < 20; round++) {
		struct world w = {.offset_s = round % 2 ? 2.5 : -3.25,
				  .drift_ppm = round % 3 ? 100 : -40,
				  .there_us = round % 4 * 500,
				  .back_us = 2000,
				  .seed = round + 1};
		struct sp_stitch *s = begin(64 << 20, 60 * SP_NS_PER_SEC);
		for (unsigned n = 0; n < 3000; n++)
			measure(s, &w, n, T0 + n * (uint64_t)100000000);
		end(s);
		CHECK_EQ(got.traces, 3000);
		CHECK_EQ(got.wrong_self, 0);
		check_clocks(&w, 60000, 2000);
		CHECK(got.n_clocks && !got.clock[got.n_clocks - 1].steps);
		CHECK(got.one_ways > 100);
		CHECK(got.worst_way_ns < 400000); /* a quarter of the longest */
	}
}

static void a_clock_is_set(void)
{
	struct world w = {.offset_s = 1, .drift_ppm = 20, .step_s = 0.004, .there_us = 300, .back_us = 300, .seed = 7};
	struct sp_stitch *s = begin(64 << 20, 60 * SP_NS_PER_SEC);
	for (unsigned n = 0; n < 3000; n++)
		measure(s, &w, n, T0 + n * (uint64_t)100000000);
	end(s);
	check_clocks(&w, 60000, 2000);
	CHECK(got.n_clocks && got.clock[got.n_clocks - 1].steps == 1);
	CHECK_EQ(got.wrong_self, 0);
}

/* Points of one box: their clock is not estimated, one-way times are right from the first call on. Two that only seem
 * to be (captures that somebody joined) are found out. */
static void one_box(void)
{
	points.point[1].clock = 0;
	struct world w = {.there_us = 300, .back_us = 300, .seed = 7};
	struct sp_stitch *s = begin(64 << 20, 60 * SP_NS_PER_SEC);
	for (unsigned n = 0; n < 100; n++)
		measure(s, &w, n, T0 + n * (uint64_t)100000000);
	end(s);
	CHECK_EQ(got.one_ways, 100);
	CHECK(got.worst_way_ns <= 1000);
	CHECK_EQ(got.n_clocks, 0);

	w = (struct world){.offset_s = 0.5, .drift_ppm = 30, .there_us = 300, .back_us = 300, .seed = 7};
	s = begin(64 << 20, 60 * SP_NS_PER_SEC);
	for (unsigned n = 0; n < 1000; n++)
		measure(s, &w, n, T0 + n * (uint64_t)100000000);
	end(s);
	CHECK(got.one_ways > 50 && got.one_ways < 1000);
	check_clocks(&w, 60000, 5000);
	points.point[1].clock = 1;
}

int main(void)
{
	for (unsigned p = 0; p < POINTS; p++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", p);
		sp_points_add(&points, name, SP_POINT_UNKNOWN);
	}
	RUN(the_slow_hop);
	RUN(too_many_endpoints);
	RUN(intervals);
	RUN(three_bursts);
	RUN(behind_other_numbers);
	RUN(a_burst_over_many_connections);
	RUN(copies);
	RUN(while_it_goes_on);
	RUN(limits);
	RUN(offset_and_drift);
	RUN(a_clock_is_set);
	RUN(one_box);
	free(got.edge);
	return check_done();
}
