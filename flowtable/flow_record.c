/* SPDX-License-Identifier: Apache-2.0 */
/* From a flow to its record: sides become client and server, counters become what they were since the last report. */
#include <string.h>

#include "flowtable/community_id.h"
#include "flowtable/flowtable_priv.h"

static void forget_delays(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *x = sp_flow_extra_of(ft, f);
	memset(f->delay, 0, sizeof f->delay);
	memset(f->delays, 0, sizeof f->delays);
	if (x)
		memset(x->delays, 0, sizeof x->delays);
}

/* Without a handshake, what was learned since the first packet may know better who the client is. Delays that were
 * measured for the wrong side are dropped. */
static uint8_t settle_direction(struct sp_flowtable *ft, struct sp_flow *f)
{
	unsigned client = sp_flow_client(f);
	if (f->dir[!client].bits & SP_DIR_ISN)
		return SP_DIRECTION_SYNACK;
	if (f->dir[client].bits & SP_DIR_ISN)
		return SP_DIRECTION_SYN;
	enum sp_direction how;
	struct sp_flow_key key = sp_flow_key_of(f);
	unsigned guess = sp_direction_guess(&ft->servers, &key, f->bits & SP_FLOW_FIRST_IS_HI ? 1 : 0, &how);
	if (guess == client)
		return (uint8_t)how;
	if (f->bits & SP_FLOW_REPORTED)
		return SP_DIRECTION_FIRST;
	f->bits ^= SP_FLOW_CLIENT_IS_HI;
	forget_delays(ft, f);
	ft->stats.direction_turned++;
	return (uint8_t)how;
}

static void put_ends(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_record *r, unsigned c)
{
	uint16_t client_mac = c ? f->hi_mac : f->lo_mac, server_mac = c ? f->lo_mac : f->hi_mac;
	SP_FLOW_PUT_ENDS(r, f, c);
	if (client_mac && server_mac) {
		r->has_mac = 1;
		memcpy(r->client_mac.b, sp_macs_at(&ft->macs, client_mac), 6);
		memcpy(r->server_mac.b, sp_macs_at(&ft->macs, server_mac), 6);
	}
}

static void put_layers(const struct sp_layer_set *set, struct sp_flow_record *r, unsigned c)
{
	r->layers = set->layers;
	for (unsigned i = 0; c && i < set->layers.n_tunnel; i++) {
		r->layers.tunnel[i].src = set->layers.tunnel[i].dst;
		r->layers.tunnel[i].dst = set->layers.tunnel[i].src;
	}
}

static void put_community_id(const struct sp_flow *f, struct sp_flow_record *r, unsigned c)
{
	r->community_id = 1;
	if (f->proto != SP_PROTO_ICMP && f->proto != SP_PROTO_ICMP6)
		return;
	bool echo = f->lo_port == f->hi_port; /* the key then holds the identifier */
	r->icmp_type = echo ? (f->proto == SP_PROTO_ICMP ? 8 : 128) : (uint8_t)(f->lo_port >> 8);
	r->icmp_code = echo ? 0 : (uint8_t)f->lo_port;
	r->icmp_from_server = !!(f->bits & SP_FLOW_FIRST_IS_HI) != c;
}

static void put_counters(const struct sp_flow *f, struct sp_flow_record *r, unsigned c)
{
	unsigned s = !c;
	r->packets_c2s = f->dir[c].packets;
	r->packets_s2c = f->dir[s].packets;
	r->bytes_c2s = f->dir[c].bytes;
	r->bytes_s2c = f->dir[s].bytes;
	r->payload_bytes_c2s = f->dir[c].payload;
	r->payload_bytes_s2c = f->dir[s].payload;
	r->ttl_c2s = f->ttl[c];
	r->ttl_s2c = f->ttl[s];
	r->one_way = !(f->bits & SP_FLOW_SEEN_LO) || !(f->bits & SP_FLOW_SEEN_HI);
}

static void put_extra(const struct sp_flow_extra *x, struct sp_flow_record *r, unsigned c)
{
	unsigned s = !c;
	r->packets_c2s += x->packets[c];
	r->packets_s2c += x->packets[s];
	r->bytes_c2s += x->bytes[c];
	r->bytes_s2c += x->bytes[s];
	r->payload_bytes_c2s += x->payload[c];
	r->payload_bytes_s2c += x->payload[s];
	r->retrans_c2s = x->retrans[c];
	r->retrans_s2c = x->retrans[s];
	r->hole_filled_c2s = x->hole_filled[c];
	r->hole_filled_s2c = x->hole_filled[s];
	r->out_of_order_c2s = x->out_of_order[c] + x->doubtful[c];
	r->out_of_order_s2c = x->out_of_order[s] + x->doubtful[s];
	r->zero_window_c2s = x->zero_window[c];
	r->zero_window_s2c = x->zero_window[s];
	r->dup_ack_c2s = x->dup_ack[c];
	r->dup_ack_s2c = x->dup_ack[s];
	r->keepalive_c2s = x->keepalive[c];
	r->keepalive_s2c = x->keepalive[s];
	r->syn_count += x->syn;
	r->synack_count += x->synack;
	r->fin_count += x->fin;
	r->rst_count += x->rst;
	r->icmp_errors = x->icmp_errors;
	r->fragments = x->fragments;
	r->duplicates = x->duplicates;
	r->capture_gap |= (x->acked[0] | x->acked[1]) != 0;
}

static struct sp_delay delay(const struct sp_flow *f, const struct sp_flow_extra *x, enum sp_delay_kind kind)
{
	return (struct sp_delay){.count = f->delays[kind] + (x ? x->delays[kind] : 0),
				 .sum = f->delay[kind].sum,
				 .max = f->delay[kind].max};
}

static void put_tcp(const struct sp_flow *f, struct sp_flow_record *r, unsigned c)
{
	unsigned s = !c;
	r->is_tcp = 1;
	r->tcp_flags_c2s = f->dir[c].flags;
	r->tcp_flags_s2c = f->dir[s].flags;
	r->syn_count = f->syn;
	r->synack_count = f->synack;
	r->fin_count = f->fin;
	r->rst_count = f->rst;
	r->has_isn_client = !!(f->dir[c].bits & SP_DIR_ISN);
	r->has_isn_server = !!(f->dir[s].bits & SP_DIR_ISN);
	r->isn_client = f->isn[c];
	r->isn_server = f->isn[s];
	r->has_rtt_client = !!(f->bits & SP_FLOW_RTT_CLIENT);
	r->has_rtt_server = !!(f->bits & SP_FLOW_RTT_SERVER);
	r->rtt_client_us = f->rtt_client_us;
	r->rtt_server_us = f->rtt_server_us;
	r->rtt_us = f->rtt_client_us + f->rtt_server_us;
	r->midstream = !!(f->bits & SP_FLOW_MIDSTREAM);
	r->capture_gap = !!(f->bits & SP_FLOW_GAP);
}

/* The next interval starts empty; holes and positions stay. */
static void reset_counters(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_flow_extra *x = sp_flow_extra_of(ft, f);
	for (unsigned side = 0; side < 2; side++) {
		struct sp_flow_dir *d = &f->dir[side];
		d->packets = d->bytes = d->payload = d->flags = 0;
	}
	f->syn = f->synack = f->fin = f->rst = 0;
	forget_delays(ft, f);
	f->bits |= SP_FLOW_REPORTED;
	if (x) {
		memset(x, 0, offsetof(struct sp_flow_extra, n_holes));
		memset(x->doubtful, 0, sizeof x->doubtful); /* reported as the network's */
		sp_losses_forget(ft, x);
	}
}

static void put_calls(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_record *r, bool ended)
{
	if (!(f->more & SP_L7_DIALOG))
		return;
	struct sp_dialog *d = sp_slab_at(&ft->l7->slab, f->more & SP_L7_NUMBER);
	r->app_proto = d->bits & SP_DIALOG_SURE ? d->app : SP_APP_UNKNOWN;
	r->app_limits = d->limits;
	r->requests = d->requests;
	r->request_errors = d->errors;
	d->requests = d->errors = 0;
	ft->l7->counts[r->app_proto].flows += ended;
}

/* Fills a zeroed record. */
static void put_all(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_record *r)
{
	const struct sp_flow_extra *x = sp_flow_extra_of(ft, f);
	unsigned c = sp_flow_client(f);
	r->flow_id = (uint64_t)ft->worker << 56 | sp_flow_serial(f);
	r->start_ns = f->start_ns;
	r->end_ns = f->last_ns;
	put_ends(ft, f, r, c);
	put_counters(f, r, c);
	if (f->proto == SP_PROTO_TCP)
		put_tcp(f, r, c);
	r->srt_us = delay(f, x, SP_DELAY_SRT);
	r->art_us = delay(f, x, SP_DELAY_ART);
	r->cit_us = delay(f, x, SP_DELAY_CIT);
	if (x)
		put_extra(x, r, c);
	if (ft->conf.community_id)
		put_community_id(f, r, c);
}

void sp_flow_write(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause)
{
	const struct sp_layer_set *set = &ft->layers.set[f->layers];
	bool plain = !(set->layers.n_vlan | set->layers.n_mpls | set->layers.n_tunnel);
	if (ft->l7)
		cause == SP_CLOSE_ACTIVE ? sp_l7_report(ft, f) : sp_l7_end(ft, f, cause);
	uint8_t confidence = settle_direction(ft, f);
	size_t size = plain ? SP_FLOW_RECORD_PLAIN : sizeof(struct sp_flow_record);
	const struct sp_flow_extra *x = sp_flow_extra_of(ft, f);
	bool losses = SP_UNLIKELY(x && x->losses);
	if (losses)
		size += sp_losses_count(ft, x) * sizeof(struct sp_loss);
	struct sp_flow_record *r = sp_out_record(ft->out, SP_RECORD_FLOW, size, size);
	if (SP_LIKELY(r)) {
		ft->stats.flow_records++;
		r->point = r->head.point = set->point;
		put_all(ft, f, r);
		if (ft->l7)
			put_calls(ft, f, r, cause != SP_CLOSE_ACTIVE);
		if (!plain)
			put_layers(set, r, sp_flow_client(f));
		if (losses)
			sp_losses_put(ft, x, r, sp_flow_client(f));
		r->close_reason = (uint8_t)sp_flow_close_reason(f, cause);
		r->failure = (uint8_t)sp_flow_failure(f, x, r->close_reason);
		r->direction_confidence = confidence;
		r->is_only = cause != SP_CLOSE_ACTIVE && !(f->bits & SP_FLOW_REPORTED);
	}
	if (cause == SP_CLOSE_ACTIVE)
		reset_counters(ft, f);
	else if (SP_UNLIKELY(f->dir[0].bits & SP_DIR_PROFILED))
		sp_profile_end(ft, f, sp_flow_close_reason(f, cause));
}
