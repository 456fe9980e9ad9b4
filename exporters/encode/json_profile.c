/* SPDX-License-Identifier: Apache-2.0 */
/* Network Profiles as JSON Lines: what was packed is read here, off the packet path. */
#include "exporters/encode/json_profile.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "exporters/encode/json_fields.h"
#include "flowtable/profile_read.h"
#include "flowtable/tcp_wire.h"

#define SIZE_WHY 16
#define JSON_WHY(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_profile_reason_name(r->field)), PUT("\""))

enum {
	profile_size_max = sizeof("{\"record\":\"profile\"}\n") + SP_TEXT_SLACK + 1024
#define SP_FIELD(type, name, present, unit, ipfix, doc) +(int)sizeof(",\"" #name "\":\"\"") + SIZE_##type
#include "flowtable/profile_record.def"
#undef SP_FIELD
	,
	/* Ten numbers with their keys; seven numbers and all words. */
	exchange_size_max = 10 * (SP_DECIMAL_MAX + 24),
	packet_size_max = 7 * (SP_DECIMAL_MAX + 4)
#define X(sym, text) +(int)sizeof(text)
				      SP_PROFILE_NOTES(X),
#undef X
};

/* Microseconds with up to three decimals of the time since another one, which may be later. */
static char *put_time(char *p, uint64_t ns, uint64_t since)
{
	uint64_t t = ns - since;
	if (t >> 63) {
		*p++ = '-';
		t = 0 - t;
	}
	p = sp_put_u64(p, t / SP_NS_PER_US);
	unsigned rest = (unsigned)(t % SP_NS_PER_US);
	if (!rest)
		return p;
	*p++ = '.';
	for (unsigned unit = 100; rest; rest %= unit, unit /= 10)
		*p++ = (char)('0' + rest / unit);
	return p;
}

static char *put_signed(char *p, uint64_t v)
{
	if (v >> 63) {
		*p++ = '-';
		v = 0 - v;
	}
	return sp_put_u64(p, v);
}

/* 0 when a clock went back. */
static uint64_t micros(uint64_t from, uint64_t to)
{
	return to > from ? (to - from) / SP_NS_PER_US : 0;
}

static char *put_rtt(char *p, const struct sp_profile_rtt *rtt)
{
	PUT("{\"count\":");
	p = sp_put_u64(p, rtt->count);
	PUT(",\"min_us\":");
	p = sp_put_u64(p, rtt->min_us);
	PUT(",\"mean_us\":");
	p = sp_put_u64(p, rtt->mean_us);
	PUT(",\"max_us\":");
	p = sp_put_u64(p, rtt->max_us);
	*p++ = '}';
	return p;
}

static char *put_rtts(char *p, const struct sp_profile_record *r)
{
	if (!r->rtt_client.count && !r->rtt_server.count)
		return p;
	PUT(",\"rtt\":{");
	if (r->rtt_client.count) {
		PUT("\"client\":");
		p = put_rtt(p, &r->rtt_client);
	}
	if (r->rtt_server.count) {
		if (r->rtt_client.count)
			*p++ = ',';
		PUT("\"server\":");
		p = put_rtt(p, &r->rtt_server);
	}
	*p++ = '}';
	return p;
}

static char *put_again(char *p, const struct sp_profile_record *r)
{
	if (!r->is_tcp)
		return p;
	PUT(",\"retransmissions\":{\"fast\":");
	p = sp_put_u64(p, r->fast);
	PUT(",\"timeout\":");
	p = sp_put_u64(p, r->timeout);
	PUT(",\"tail\":");
	p = sp_put_u64(p, r->tail);
	PUT(",\"spurious\":");
	p = sp_put_u64(p, r->spurious);
	*p++ = '}';
	return p;
}

/* --- phases --- */

static char *put_number(char *p, const char *key, uint64_t v)
{
	PUT(",\"");
	p = sp_json_text(p, key);
	PUT("\":");
	return sp_put_u64(p, v);
}

static char *put_request(char *p, const struct sp_profile_exchange *x)
{
	if (x->bits & SP_EXCHANGE_WAIT)
		p = put_number(p, "client_wait_us", x->wait_ns / SP_NS_PER_US);
	p = put_number(p, "request_us", micros(x->req_start_ns, x->req_end_ns));
	if (x->bits & SP_EXCHANGE_ACKED)
		p = put_number(p, "ack_delay_us", micros(x->req_end_ns, x->acked_ns));
	if (x->bits & SP_EXCHANGE_RESPONSE)
		p = put_number(p, "server_us", micros(x->req_end_ns, x->resp_start_ns));
	return p;
}

static char *put_exchange(char *p, const struct sp_profile_exchange *x, uint64_t start_ns)
{
	uint64_t start = x->bits & SP_EXCHANGE_REQUEST ? x->req_start_ns : x->resp_start_ns;
	PUT("{\"t_us\":");
	p = put_time(p, start, start_ns);
	if (x->bits & SP_EXCHANGE_ID) {
		PUT(",\"request_id\":\"");
		p = sp_put_u64(p, x->id);
		*p++ = '"';
	}
	if (x->bits & SP_EXCHANGE_BY_SERVER)
		PUT(",\"from_server\":true");
	if (x->bits & SP_EXCHANGE_REQUEST)
		p = put_request(p, x);
	if (x->bits & SP_EXCHANGE_RESPONSE)
		p = put_number(p, "response_us", micros(x->resp_start_ns, x->resp_end_ns));
	if (x->bits & SP_EXCHANGE_REQUEST)
		p = put_number(p, "request_bytes", x->req_bytes);
	if (x->bits & SP_EXCHANGE_RESPONSE)
		p = put_number(p, "response_bytes", x->resp_bytes);
	p = put_number(p, "retransmissions", x->again);
	*p++ = '}';
	return p;
}

static char *put_connect(char *p, const struct sp_profile_record *r)
{
	if (!r->has_connect_client && !r->has_connect_server)
		return p;
	PUT("\"connect_us\":{");
	if (r->has_connect_client) {
		PUT("\"client\":");
		p = sp_put_u64(p, r->connect_client_us);
	}
	if (r->has_connect_server) {
		p = r->has_connect_client ? sp_json_text(p, ",\"server\":") : sp_json_text(p, "\"server\":");
		p = sp_put_u64(p, r->connect_server_us);
	}
	PUT("},");
	return p;
}

static char *put_phases(char *p, const struct sp_profile_record *r, const struct sp_profile_view *v)
{
	PUT(",\"phases\":{");
	p = put_connect(p, r);
	if (r->tls_end_ns) {
		PUT("\"tls_us\":");
		p = sp_put_u64(p, micros(r->tls_start_ns, r->tls_end_ns));
		*p++ = ',';
	}
	if (r->has_teardown) {
		PUT("\"teardown_us\":");
		p = sp_put_u64(p, r->teardown_us);
		*p++ = ',';
	}
	PUT("\"exchanges\":[");
	for (uint32_t i = 0; i < v->n_exchanges; i++) {
		if (i)
			*p++ = ',';
		p = put_exchange(p, &v->exchange[i], r->start_ns);
	}
	PUT("]}");
	return p;
}

/* --- packets --- */

static char *put_notes(char *p, uint32_t notes)
{
	*p++ = '"';
	for (; notes; notes &= notes - 1) {
		p = sp_json_text(p, sp_profile_note_name((enum sp_profile_note_bit)__builtin_ctz(notes)));
		if (notes & (notes - 1))
			*p++ = ' ';
	}
	*p++ = '"';
	return p;
}

/* Windows of SYNs are never scaled. */
static uint64_t window_of(const struct sp_profile_record *r, const struct sp_profile_packet *pkt)
{
	bool scaled = r->has_wscale_client && r->has_wscale_server && !(pkt->flags & SP_TCP_SYN);
	uint32_t scale = pkt->side == r->client ? r->wscale_client : r->wscale_server;
	return (uint64_t)pkt->window << (scaled ? scale & 15 : 0);
}

static char *put_packet(char *p, const struct sp_profile_record *r, const struct sp_profile_packet *pkt)
{
	*p++ = '[';
	p = put_time(p, pkt->ns, r->start_ns);
	p = pkt->side == r->client ? sp_json_text(p, ",\"c2s\",") : sp_json_text(p, ",\"s2c\",");
	p = sp_put_u64(p, pkt->flags);
	*p++ = ',';
	p = put_signed(p, r->is_tcp ? pkt->seq - r->base[pkt->side] : 0);
	*p++ = ',';
	p = put_signed(p, pkt->flags & SP_TCP_ACK ? pkt->ack - r->base[!pkt->side] : 0);
	*p++ = ',';
	p = sp_put_u64(p, pkt->len);
	*p++ = ',';
	p = sp_put_u64(p, window_of(r, pkt));
	*p++ = ',';
	p = put_notes(p, pkt->notes);
	*p++ = ']';
	return p;
}

static char *put_packets(char *p, const struct sp_profile_record *r, const struct sp_profile_view *v)
{
	PUT(",\"packets\":[");
	for (uint32_t i = 0; i < v->n_packets; i++) {
		if (i)
			*p++ = ',';
		p = put_packet(p, r, &v->packet[i]);
	}
	PUT("]");
	return p;
}

static void read_profile(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	int rc = sp_profile_read(v, r, r->head.size);
	if (rc == -ENOMEM) {
		sp_log("out of memory for a Network Profile");
		abort();
	}
	assert(!rc);
}

void sp_json_profile(struct sp_buf *out, const struct sp_profile_record *r, const struct sp_points *points, bool tagged)
{
	struct sp_profile_view v = {0};
	read_profile(&v, r);
	sp_buf_reserve(out, profile_size_max + (size_t)v.n_exchanges * exchange_size_max +
				    (size_t)v.n_packets * packet_size_max);
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = sp_json_point(points, r->point);

	if (tagged)
		PUT(",\"record\":\"profile\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/profile_record.def"
#undef SP_FIELD
	p = put_phases(p, r, &v);
	p = put_rtts(p, r);
	p = put_again(p, r);
	p = put_packets(p, r, &v);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
	sp_profile_view_free(&v);
}
