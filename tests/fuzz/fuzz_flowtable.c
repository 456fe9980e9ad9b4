/* SPDX-License-Identifier: Apache-2.0 */
/* Decode and flow table on a sequence of frames. Input: settings, then for each frame a head – what (link type and
 * signs), time since the one before, bytes captured, bytes not captured – and its bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/time.h"
#include "flowtable/flowtable.h"
#include "flowtable/profile_read.h"
#include "flowtable/slab.h"
#include "parsers/link/decode.h"

enum { WHAT, TIME, CAPTURED = 2, MISSING = 4, HEAD = 6 };
enum { LINK = 7, FLUSH = 8, TICK = 16, POINT = 32, BACK = 64, END_POINT = 128 };
enum { NO_DEDUP = 1, KEEP_ROUTED = 2, SMALL = 4, MIRROR = 8, PRESIZE = 16, CALLS = 32, REVEAL = 64, PROFILES = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t space[2] = {0, 1};

#define LOSSES_MAX 16
#define KEEP 300 /* bytes of a packet */

struct run {
	struct sp_flowtable *ft;
	struct sp_decode_conf decode;
	struct sp_out out;
	struct sp_page page;
	struct sp_batch batch;
	uint64_t now, with_flow, recorded, profiled, kept, verdict[SP_VERDICT_MAX];
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Its texts end where it ends. */
static void check_request(const struct sp_request_record *r)
{
	const struct sp_texts *t = &r->texts;
	check(sizeof *r + t->size <= r->head.size, "texts end too late");
	for (unsigned i = 0; i < SP_SLOT_MAX; i++)
		check(t->at[i] + t->n[i] <= t->size, "a text ends too late");
	for (unsigned run = 0; run < SP_TEXTS_RUNS; run++) {
		uint32_t at = t->run_at[run];
		for (unsigned i = 0; i < t->run_n[run]; i++) {
			struct sp_slice value;
			check(at + SP_TEXTS_ATTRIBUTE_HEAD <= t->size, "an attribute begins too late");
			sp_texts_attribute(t, &at, &value);
			check(at <= t->size, "an attribute ends too late");
		}
	}
	check(r->type < SP_CALL_TYPE_MAX && r->status < SP_STATUS_MAX && sp_app_name(r->app_proto), "no such call");
	check(r->end_ns >= r->start_ns, "a call that ends before it began");
}

/* It can be read, and has the packets that it says. */
static uint64_t check_profile(const struct sp_profile_record *r)
{
	struct sp_profile_view view = {0};
	check(!sp_profile_read(&view, r, r->head.size), "a profile that cannot be read");
	check(view.n_packets == r->packets_recorded, "packets of a profile");
	sp_profile_view_free(&view);
	return r->packets_recorded + r->packets_dropped;
}

/* They fill the record's end. */
static void check_losses(const struct sp_flow_record *r)
{
	size_t size = sp_flow_record_losses_size(r), least = SP_FLOW_RECORD_PLAIN;
	const struct sp_loss *loss = sp_flow_record_losses(r);
	check(r->head.size == least + size || r->head.size == sizeof *r + size, "a record's size");
	for (unsigned i = 0; i < r->n_losses; i++)
		check(loss[i].s2c < 2 && loss[i].kind <= SP_LOSS_FILLED && loss[i].len, "a loss that is none");
}

static void check_packet(const struct sp_packet_record *r)
{
	check(r->n <= KEEP && sizeof *r + r->n <= r->head.size, "bytes of a packet");
	check(r->link < SP_LINK_MAX, "a link type that is none");
}

static struct sp_page *turn(struct sp_out *out, struct sp_page *full)
{
	struct run *r = out->ctx;
	for (uint32_t at = 0; full && at < full->used;) {
		struct sp_record_head head;
		memcpy(&head, full->data + at, sizeof head);
		if (head.kind == SP_RECORD_REQUEST) {
			check_request((const struct sp_request_record *)(full->data + at));
			at += head.size;
			continue;
		}
		if (head.kind == SP_RECORD_PACKET) {
			check_packet((const struct sp_packet_record *)(full->data + at));
			r->kept++;
			at += head.size;
			continue;
		}
		if (head.kind == SP_RECORD_PROFILE) {
			r->profiled += check_profile((const struct sp_profile_record *)(full->data + at));
			at += head.size;
			continue;
		}
		struct sp_flow_record rec = {0};
		memcpy(&rec, full->data + at, sizeof rec.head);
		memcpy(&rec, full->data + at, SP_MIN(rec.head.size, sizeof rec));
		check(rec.close_reason < SP_CLOSE_REASON_MAX && rec.failure < SP_FAILURE_MAX, "a reason that is none");
		check(rec.n_losses <= LOSSES_MAX, "too many losses");
		check_losses((const struct sp_flow_record *)(full->data + at));
		r->recorded += rec.packets_c2s + rec.packets_s2c;
		at += rec.head.size;
	}
	r->page.used = r->page.n = 0;
	return &r->page;
}

static void begin(struct run *r, uint8_t settings)
{
	bool small = settings & SMALL;
	struct sp_flow_conf conf = {
		.max_flows = small ? 4 : 256,
		.report_interval = 60 * SP_NS_PER_SEC,
		.community_id = true,
		.loss_events = small ? 3 : LOSSES_MAX,
		.dedup = {.enabled = !(settings & NO_DEDUP),
			  .window = 3 * SP_NS_PER_MS,
			  .keep_routed = settings & KEEP_ROUTED},
		.fragments = {.max_datagrams = small ? 2 : 64,
			      .max_held = small ? 2 : 64,
			      .max_bytes = small ? 4 << 10 : 256 << 10,
			      .timeout = 30 * SP_NS_PER_SEC},
	};
	if (settings & CALLS)
		conf.requests = (struct sp_l7_conf){.enabled = true,
						    .log = true,
						    .max_memory = small ? 4 * SP_SLAB_CHUNK : 4 << 20,
						    .max_held = small ? 2000 : 64 << 10,
						    .max_calls = small ? 2 : 64,
						    .max_field = small ? 64 : 4096,
						    .timeout = 10 * SP_NS_PER_SEC,
						    .late = SP_NS_PER_MS,
						    .server_ttl = 60 * SP_NS_PER_SEC,
						    .protocols = UINT64_MAX,
						    .encrypted = SP_L7_ENCRYPTED_TRACES,
						    .reveal = settings & REVEAL ? UINT64_MAX : 0};
	if (settings & PROFILES)
		conf.profile = (struct sp_profile_conf){.record = settings & REVEAL ? SP_PROFILE_RECORD_ALL
										    : SP_PROFILE_RECORD_TRIGGER,
							.triggers = UINT64_MAX,
							.slow = SP_NS_PER_MS,
							.before = 3,
							.after = 5,
							.keep_packets = settings & KEEP_ROUTED ? KEEP : 0,
							.max_memory = small ? 2 * SP_SLAB_CHUNK : 4 << 20};
	uint64_t *timeouts = (uint64_t *)&conf.timeout;
	for (size_t i = 0; i < sizeof conf.timeout / sizeof *timeouts; i++)
		timeouts[i] = (i + 1) * SP_NS_PER_SEC;
	struct sp_err err;
	memset(r, 0, sizeof *r);
	r->decode = sp_decode_conf_default();
	r->decode.mirror = settings & MIRROR ? UINT32_MAX : 0;
	r->out = (struct sp_out){.turn = turn, .ctx = r};
	r->now = UINT64_C(1700000000) * SP_NS_PER_SEC;
	unsigned flags = settings & PRESIZE ? SP_FLOWTABLE_PRESIZE : 0;
	sp_batch_begin(&r->batch);
	check(!sp_flowtable_new(&r->ft, &conf, 0, flags, r->decode.hash_key, &r->out, &err), "no memory");
	sp_flowtable_open_tunnels(r->ft, &r->decode, space);
}

static void flush(struct run *r)
{
	struct sp_batch *b = &r->batch;
	sp_decode_batch(&r->decode, space, b);
	for (uint32_t i = 0; i < b->n; i++)
		r->with_flow += b->pkt[i].reason == SP_DECODE_OK;
	sp_flowtable_batch(r->ft, b);
	for (uint32_t i = 0; i < b->n; i++) {
		check(b->pkt[i].verdict < SP_VERDICT_MAX, "a verdict that is none");
		check(b->pkt[i].verdict == SP_ANALYSED || b->odd, "a batch that is said to be analysed");
		r->verdict[b->pkt[i].verdict]++;
	}
	sp_batch_begin(b);
}

/* Takes one frame off the input. */
static size_t frame(struct run *r, const uint8_t *data, size_t size)
{
	uint8_t what = data[WHAT];
	uint64_t step = UINT64_C(1) << data[TIME] % 40;
	uint32_t cap = (uint32_t)SP_MIN(sp_be16(data + CAPTURED), size - HEAD);
	r->now = what & BACK && r->now > step ? r->now - step : r->now + step;
	r->batch.pkt[r->batch.n++] = (struct sp_pkt){
		.data = data + HEAD,
		.ts_ns = r->now,
		.cap_len = cap,
		.wire_len = cap + sp_be16(data + MISSING),
		.link = (what & LINK) % SP_LINK_MAX,
		.point = !!(what & POINT),
	};
	if (what & (FLUSH | TICK | END_POINT) || r->batch.n == SP_BATCH_MAX)
		flush(r);
	if (what & TICK)
		sp_flowtable_tick(r->ft, r->now + 31 * SP_NS_PER_SEC);
	if (what & END_POINT)
		sp_flowtable_end(r->ft, !!(what & POINT), SP_CLOSE_END_OF_INPUT);
	return HEAD + cap;
}

/* Every packet is a packet of one record, or counted where it went. */
static void account(const struct run *r)
{
	const struct sp_flow_stats *s = sp_flowtable_stats(r->ft);
	uint64_t dropped = r->verdict[SP_DROPPED], copies = r->verdict[SP_DUPLICATE];
	check(s->duplicates == copies, "copies");
	check(s->flows_refused == dropped, "dropped");
	check(r->recorded + s->icmp_quoted + s->fragments_refused + s->inner_refused + dropped + copies ==
		      r->with_flow + s->inner_packets,
	      "packets");
	check(s->flows_created == s->flows_ended, "flows");
	check(r->profiled <= s->profile_packets + s->profile_packets_passed + s->profile_packets_refused,
	      "packets of profiles");
	check(r->kept == s->profile_packets_kept && r->kept <= s->profile_packets, "packets that were kept");
	check(s->profiles + s->profiles_refused <= s->flows_created, "profiles");
	check(s->fragments_matched + s->fragments_orphaned <= s->fragments, "fragments");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	if (size < 1)
		return 0;
	begin(&r, data[0]);
	for (size_t at = 1; at + HEAD <= size;)
		at += frame(&r, data + at, size - at);
	if (r.batch.n)
		flush(&r);
	struct sp_flow_memory m;
	sp_flowtable_memory(r.ft, &m);
	check(m.flows + m.extras <= 2 * 257 * 256, "flows take more than there may be");
	check(m.fragments <= 1 << 20, "fragments take more than they may");
	sp_flowtable_end(r.ft, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	sp_flowtable_memory(r.ft, &m);
	check(m.calls <= SP_SLAB_CLASSES * SP_SLAB_CHUNK, "memory of calls that are over");
	check(m.profiles <= 2 * SP_SLAB_CLASSES * SP_SLAB_CHUNK, "memory of profiles that are over");
	sp_out_flush(&r.out);
	account(&r);
	sp_flowtable_free(r.ft);
	return 0;
}
