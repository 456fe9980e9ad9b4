/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/summary.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define TALKERS 65536
#define CONVERSATIONS 1024
#define SERVERS 8192
#define APPS 1024

int sp_summary_init(struct sp_summary *s)
{
	memset(s, 0, sizeof *s);
	s->apps = sp_topk_new(APPS, sizeof(uint32_t), sizeof(struct sp_summary_proto));
	s->talkers = sp_topk_new(TALKERS, sizeof(struct sp_addr), sizeof(struct sp_summary_talker));
	s->conversations = sp_topk_new(CONVERSATIONS, sizeof(uint64_t), sizeof(struct sp_summary_flow));
	s->servers = sp_topk_new(SERVERS, sizeof(struct sp_summary_server_key), sizeof(struct sp_summary_server));
	if (s->apps && s->talkers && s->conversations && s->servers && !sp_summary_calls_init(s) &&
	    !sp_edges_view_init(&s->edges))
		return 0;
	sp_summary_free(s);
	return -ENOMEM;
}

void sp_summary_free(struct sp_summary *s)
{
	sp_topk_free(s->apps);
	sp_topk_free(s->talkers);
	sp_topk_free(s->conversations);
	sp_topk_free(s->servers);
	sp_summary_calls_free(s);
	sp_edges_view_free(&s->edges);
	*s = (struct sp_summary){0};
}

static struct sp_summary_pair pair_of(const struct sp_flow_record *r)
{
	return (struct sp_summary_pair){
		.client = r->client_ip,
		.server = r->server_ip,
		.start_ns = r->start_ns,
		.client_port = r->client_port,
		.server_port = r->server_port,
		.point = r->point,
		.proto = r->proto,
		.has_ports = r->has_ports,
	};
}

static void count_proto(struct sp_summary_proto *p, const struct sp_flow_record *r, bool ended)
{
	p->flows += ended;
	p->packets += r->packets_c2s + r->packets_s2c;
	p->bytes += r->bytes_c2s + r->bytes_s2c;
}

static void talker(struct sp_summary *s, const struct sp_addr *addr, uint64_t sent, uint64_t received, uint64_t packets,
		   bool ended)
{
	struct sp_summary_talker *t = sp_topk_add(s->talkers, addr, sent + received);
	t->sent += sent;
	t->received += received;
	t->packets += packets;
	t->flows += ended;
}

static void conversation(struct sp_summary *s, const struct sp_flow_record *r)
{
	uint64_t bytes = r->bytes_c2s + r->bytes_s2c;
	struct sp_summary_flow *f = r->is_only ? sp_topk_add_once(s->conversations, &r->flow_id, bytes)
					       : sp_topk_add(s->conversations, &r->flow_id, bytes);
	if (!f)
		return;
	if (!f->packets || r->start_ns < f->start_ns)
		f->start_ns = r->start_ns;
	f->end_ns = SP_MAX(f->end_ns, r->end_ns);
	f->pair = pair_of(r);
	f->app = r->app_proto;
	f->packets += r->packets_c2s + r->packets_s2c;
	f->bytes += r->bytes_c2s + r->bytes_s2c;
}

/* A flow's delays weigh by their number and stand at its mean; its longest stands for itself. */
static void delay(struct sp_hist *h, const struct sp_delay *d)
{
	if (!d->count)
		return;
	if (d->count > 1)
		sp_hist_add(h, (uint32_t)SP_MIN((d->sum - d->max) / (d->count - 1), UINT32_MAX), d->count - 1);
	sp_hist_add(h, d->max, 1);
}

static struct sp_summary_server_key server_key(const struct sp_flow_record *r)
{
	return (struct sp_summary_server_key){.addr = r->server_ip, .port = r->server_port, .proto = r->proto};
}

static void server(struct sp_summary *s, const struct sp_flow_record *r, bool ended)
{
	struct sp_summary_server_key key = server_key(r);
	uint64_t packets = r->packets_c2s + r->packets_s2c;
	struct sp_summary_server *v = sp_topk_add(s->servers, &key, packets);
	v->flows += ended;
	v->failed += ended && r->failure != SP_FAILURE_NONE;
	v->packets += packets;
	v->bytes += r->bytes_c2s + r->bytes_s2c;
	v->retrans_c2s += r->retrans_c2s;
	v->retrans_s2c += r->retrans_s2c;
	v->lost += r->hole_filled_c2s + r->hole_filled_s2c;
	v->zero_window_c2s += r->zero_window_c2s;
	v->zero_window_s2c += r->zero_window_s2c;
	if (r->has_rtt_client && r->has_rtt_server)
		sp_hist_add(&v->rtt, r->rtt_us, 1);
	delay(&v->srt, &r->srt_us);
	delay(&v->art, &r->art_us);
}

static void handshake(struct sp_summary *s, const struct sp_flow_record *r)
{
	unsigned i = SP_SUMMARY_SLOWEST;
	if (!r->has_rtt_client || !r->has_rtt_server || !r->rtt_us)
		return;
	while (i && s->slowest[i - 1].rtt_us < r->rtt_us) {
		if (i < SP_SUMMARY_SLOWEST)
			s->slowest[i] = s->slowest[i - 1];
		i--;
	}
	if (i < SP_SUMMARY_SLOWEST) {
		s->slowest[i].pair = pair_of(r);
		s->slowest[i].rtt_us = r->rtt_us;
		s->slowest[i].rtt_server_us = r->rtt_server_us;
	}
}

static void ending(struct sp_summary *s, const struct sp_flow_record *r)
{
	uint64_t seen = s->close[r->close_reason]++;
	if (seen < SP_SUMMARY_EXAMPLES)
		s->example[r->close_reason][seen] = pair_of(r);
	s->failure[r->failure]++;
	s->flows++;
	s->one_way += r->one_way;
	s->midstream += r->midstream;
	s->capture_gap += r->capture_gap;
}

void sp_summary_flow(struct sp_summary *s, const struct sp_flow_record *r)
{
	bool ended = r->close_reason != SP_CLOSE_ACTIVE;
	uint64_t packets = r->packets_c2s + r->packets_s2c;
	s->records++;
	s->packets += packets;
	s->bytes += r->bytes_c2s + r->bytes_s2c;
	s->duplicates += r->duplicates;
	count_proto(&s->proto[r->proto], r, ended);
	if (r->app_proto || r->has_ports) {
		uint32_t app = r->app_proto ? r->app_proto : 65536u + r->server_port;
		count_proto(sp_topk_add(s->apps, &app, r->bytes_c2s + r->bytes_s2c), r, ended);
	}
	talker(s, &r->client_ip, r->bytes_c2s, r->bytes_s2c, packets, ended);
	talker(s, &r->server_ip, r->bytes_s2c, r->bytes_c2s, packets, ended);
	conversation(s, r);
	if (ended)
		ending(s, r);
	if (r->proto != IPPROTO_TCP)
		return;
	s->tcp_packets += packets;
	s->retrans += r->retrans_c2s + r->retrans_s2c;
	s->hole_filled += r->hole_filled_c2s + r->hole_filled_s2c;
	s->out_of_order += r->out_of_order_c2s + r->out_of_order_s2c;
	s->zero_window += r->zero_window_c2s + r->zero_window_s2c;
	server(s, r, ended);
	handshake(s, r);
}

/* Records travel to the sink as they are. */
static void copy_record(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points)
{
	sp_buf_reserve(out, record->size);
	memcpy(out->p + out->n, record, record->size);
	out->n += record->size;
}

const struct sp_encoder sp_summary_encoder = {"summary", copy_record};

struct summary_sink {
	struct sp_sink sink;
	struct sp_summary *summary;
};

/* What a record that comes soon will touch. */
static void look_ahead(const struct sp_summary *s, const struct sp_flow_record *r, bool bucket_is_there)
{
	struct sp_summary_server_key key = server_key(r);
	sp_topk_prefetch(s->talkers, &r->client_ip, bucket_is_there);
	sp_topk_prefetch(s->talkers, &r->server_ip, bucket_is_there);
	if (r->proto == IPPROTO_TCP)
		sp_topk_prefetch(s->servers, &key, bucket_is_there);
}

static const struct sp_flow_record *next(const struct sp_flow_record *r)
{
	return (const void *)((const uint8_t *)r + r->head.size);
}

static void take_requests(struct sp_summary *s, const void *p, const void *end)
{
	while (p < end) {
		const struct sp_request_record *r = p;
		sp_summary_request(s, r);
		p = (const uint8_t *)p + r->head.size;
	}
}

static int take_records(struct sp_sink *sink, enum sp_record_kind kind, const void *p, size_t n)
{
	enum { BUCKETS_AHEAD = 8, ENTRIES_AHEAD = 4 };
	struct sp_summary *s = ((struct summary_sink *)sink)->summary;
	const struct sp_flow_record *r = p, *soon = p, *later = p, *end = (const void *)((const uint8_t *)p + n);
	if (kind == SP_RECORD_REQUEST)
		take_requests(s, p, end);
	if (kind != SP_RECORD_FLOW)
		return 0;
	for (unsigned ahead = 0; r < end; ahead++) {
		if (later < end) {
			look_ahead(s, later, false);
			later = next(later);
		}
		if (ahead >= BUCKETS_AHEAD - ENTRIES_AHEAD && soon < end) {
			look_ahead(s, soon, true);
			soon = next(soon);
		}
		if (ahead >= BUCKETS_AHEAD) {
			sp_summary_flow(s, r);
			r = next(r);
		}
	}
	return 0;
}

static int close_sink(struct sp_sink *sink)
{
	free(sink);
	return 0;
}

struct sp_sink *sp_summary_sink_new(struct sp_summary *s)
{
	struct summary_sink *sink = malloc(sizeof *sink);
	if (sink)
		*sink = (struct summary_sink){{.name = "summary", .write = take_records, .close = close_sink}, s};
	return sink ? &sink->sink : NULL;
}
