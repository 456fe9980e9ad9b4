/* SPDX-License-Identifier: Apache-2.0 */
/* Traces and paths as JSON Lines. */
#include "exporters/encode/json_trace.h"

#include "exporters/encode/json_put.h"
#include "parsers/link/decode.h"

#define SPAN_MAX (POINT_MAX + 2 * SP_ADDR_TEXT_MAX + 16 * NUMBER_MAX)
#define HOP_MAX (2 * POINT_MAX + 8 * NUMBER_MAX)
#define BURST_MAX (4 * NUMBER_MAX)
#define LEG_MAX (2 * POINT_MAX + 40 * NUMBER_MAX + SIZE_LAYERS)

static char *put_hex(char *p, const char *key, const uint64_t *v, unsigned n)
{
	static const char digit[] = "0123456789abcdef";
	*p++ = ',';
	*p++ = '"';
	p = sp_json_text(p, key);
	PUT("\":\"");
	for (unsigned i = 0; i < n; i++)
		for (int shift = 60; shift >= 0; shift -= 4)
			*p++ = digit[v[i] >> shift & 15];
	*p++ = '"';
	return p;
}

static char *put_id(char *p, const char *key, uint64_t id)
{
	char text[SP_DECIMAL_MAX + SP_TEXT_SLACK];
	return put_quoted(p, key, text, (size_t)(sp_put_u64(text, id) - text));
}

static char *put_addr(char *p, const char *key, const struct sp_addr *a)
{
	char text[SP_ADDR_TEXT_MAX];
	return put_quoted(p, key, text, sp_addr_format(text, a));
}

static char *put_kind(char *p, const struct sp_points *points, uint32_t index)
{
	const struct sp_point *point = sp_json_point(points, index);
	if (!point || point->kind == SP_POINT_UNKNOWN)
		return p;
	return put_word(p, "kind", sp_point_kind_name(point->kind));
}

static char *put_ends(char *p, const struct sp_addr *client, uint16_t client_port, const struct sp_addr *server,
		      uint16_t server_port, bool ports)
{
	p = put_addr(p, "client_ip", client);
	if (ports)
		p = put_number(p, "client_port", client_port);
	p = put_addr(p, "server_ip", server);
	return ports ? put_number(p, "server_port", server_port) : p;
}

/* --- traces --- */

static const char *const text_key[SP_DETAIL_MAX] = {
	[SP_DETAIL_METHOD] = "method",	   [SP_DETAIL_HOST] = "host", [SP_DETAIL_RESOURCE] = "resource",
	[SP_DETAIL_ENDPOINT] = "endpoint", [SP_DETAIL_CODE] = "code",
};

static char *put_text(char *p, const struct sp_detail *d, enum sp_detail_text which)
{
	struct sp_slice t = sp_detail_text(d, which);
	return t.n ? put_quoted(p, text_key[which], (const char *)t.p, t.n) : p;
}

static char *put_detail(char *p, const struct sp_trace *t)
{
	const struct sp_detail *d = t->detail;
	struct sp_slice own = d ? sp_detail_text(d, SP_DETAIL_TRACE_ID) : (struct sp_slice){0};
	if (own.n)
		p = put_quoted(p, "trace_id", (const char *)own.p, own.n);
	else
		p = put_hex(p, "trace_id", t->id, 2);
	if (!d)
		return p;
	if (sp_app_name(d->app))
		p = put_word(p, "app_proto", sp_app_name(d->app));
	for (unsigned i = SP_DETAIL_METHOD; i <= SP_DETAIL_ENDPOINT; i++)
		p = put_text(p, d, i);
	p = put_word(p, "status", sp_status_name(d->status));
	return put_text(p, d, SP_DETAIL_CODE);
}

static char *put_span(char *p, const struct sp_trace *t, unsigned i, const struct sp_points *points)
{
	const struct sp_trace_span *ts = &t->span[i];
	const struct sp_span *s = ts->span;
	OBJECT(p, '{')
	{
		p = put_hex(p, "span_id", &ts->id, 1);
		if (ts->parent >= 0)
			p = put_hex(p, "parent_id", &t->span[ts->parent].id, 1);
		p = put_point(p, "point", points, s->point);
		p = put_kind(p, points, s->point);
		p = put_id(p, "flow_id", s->flow_id);
		p = put_id(p, "request_id", s->request_id);
		p = put_ends(p, &s->client_ip, s->client_port, &s->server_ip, s->server_port, s->bits & SP_SPAN_PORTS);
		p = put_number(p, "start_ns", s->start_ns);
		p = put_number(p, "end_ns", s->end_ns);
		if (s->bits & SP_SPAN_RRT)
			p = put_number(p, "rrt_us", s->rrt_us);
		p = put_word(p, "joined_by", sp_join_name(ts->joined_by));
		p = put_number(p, "confidence", ts->confidence);
	}
	return p;
}

static char *put_hop(char *p, const struct sp_trace *t, unsigned i, const struct sp_points *points)
{
	const struct sp_trace_hop *h = &t->hop[i];
	OBJECT(p, '{')
	{
		p = put_point(p, "from", points, t->span[h->from].span->point);
		p = put_point(p, "to", points, t->span[h->to].span->point);
		if (h->has_one_way) {
			p = put_number(p, "request_us", h->request_us);
			p = put_number(p, "response_us", h->response_us);
		}
		if (h->has_self)
			p = put_number(p, "self_us", h->self_us);
		if (h->connect_us)
			p = put_number(p, "connect_us", h->connect_us);
		p = put_number(p, "lost", h->lost);
		if (h->unsure)
			PUT(",\"order_uncertain\":true");
	}
	return p;
}

static char *put_missing(char *p, const struct sp_trace *t, const struct sp_points *points)
{
	for (unsigned i = 0; i < t->n_missing; i++) {
		const struct sp_point *point = sp_json_point(points, t->missing[i]);
		p = sp_json_text(p, i ? ",\"" : ",\"missing\":[\"");
		p = sp_put_json_string(p, point ? point->name : "", point ? strlen(point->name) : 0);
		*p++ = '"';
	}
	if (t->n_missing)
		*p++ = ']';
	return p;
}

/* The largest share, the two ends included: `client` and `server` stand for what no point lies behind. */
static char *put_slowest(char *p, const struct sp_trace *t, const struct sp_points *points)
{
	if ((t->slowest < 0 && !t->has_ends) || t->slowest_unsure)
		return p;
	uint32_t self = t->slowest < 0 ? 0 : t->hop[t->slowest].share_us;
	PUT(",\"slowest_hop\":");
	OBJECT(p, '{')
	{
		if (t->has_ends && t->server_us >= t->client_us && t->server_us > self) {
			p = put_point(p, "from", points, t->span[t->last].span->point);
			p = put_word(p, "to", "server");
			self = t->server_us;
		} else if (t->has_ends && t->client_us > self) {
			p = put_word(p, "from", "client");
			p = put_point(p, "to", points, t->span[0].span->point);
			self = t->client_us;
		} else if (t->slowest >= 0) {
			p = put_point(p, "from", points, t->span[t->hop[t->slowest].from].span->point);
			p = put_point(p, "to", points, t->span[t->hop[t->slowest].to].span->point);
			self = t->hop[t->slowest].self_us;
		}
		p = put_number(p, "self_us", self);
		if (t->has_ends) {
			p = put_number(p, "client_us", t->client_us);
			p = put_number(p, "server_us", t->server_us);
		}
	}
	return p;
}

void sp_json_trace(struct sp_buf *out, const struct sp_trace *t, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, 6 * SP_DETAIL_MAX * SP_DETAIL_TEXT_MAX + 1024 + t->n_missing * POINT_MAX +
				    t->n_spans * SPAN_MAX + t->n_hops * HOP_MAX);
	char *p = (char *)out->p + out->n;
	OBJECT(p, '{')
	{
		if (tagged)
			p = put_word(p, "record", "trace");
		p = put_detail(p, t);
		p = put_number(p, "start_ns", t->start_ns);
		p = put_number(p, "duration_us", (t->end_ns - t->start_ns) / 1000);
		if (t->partial || t->n_missing)
			PUT(",\"partial\":true");
		p = put_missing(p, t, points);
		PUT(",\"spans\":[");
		for (unsigned i = 0; i < t->n_spans; i++) {
			p = put_span(p, t, i, points);
			*p++ = ',';
		}
		p[-1] = ']';
		PUT(",\"hops\":[");
		for (unsigned i = 0; i < t->n_hops; i++) {
			p = put_hop(p, t, i, points);
			*p++ = ',';
		}
		p[t->n_hops ? -1 : 0] = ']';
		p += !t->n_hops;
		p = put_slowest(p, t, points);
	}
	*p++ = '\n';
	out->n = (size_t)((uint8_t *)p - out->p);
}

/* --- paths --- */

static char *put_layers(char *p, const struct sp_leg *l)
{
	for (unsigned i = 0; i < l->n_vlan; i++) {
		p = sp_json_text(p, i ? "," : ",\"vlan\":[");
		p = sp_put_u64(p, l->vlan[i]);
	}
	if (l->n_vlan)
		*p++ = ']';
	if (l->n_tunnel)
		PUT(",\"tunnels\":[");
	for (unsigned i = 0; i < l->n_tunnel; i++) {
		const struct sp_tunnel *t = &l->tunnel[i];
		OBJECT(p, '{')
		{
			p = put_word(p, "type", sp_tunnel_type_name(t->type));
			if (t->has_id)
				p = put_number(p, "id", t->id);
			if (t->has_addr) {
				p = put_addr(p, "src", &t->src);
				p = put_addr(p, "dst", &t->dst);
			}
		}
		*p++ = i + 1 < l->n_tunnel ? ',' : ']';
	}
	return p;
}

static char *put_leg(char *p, const struct sp_path *t, unsigned i, const struct sp_points *points)
{
	const struct sp_leg *l = t->leg[i];
	OBJECT(p, '{')
	{
		p = put_point(p, "point", points, l->point);
		p = put_kind(p, points, l->point);
		p = put_id(p, "flow_id", l->flow_id);
		p = put_ends(p, &l->client_ip, l->client_port, &l->server_ip, l->server_port, true);
		p = put_layers(p, l);
		p = put_number(p, "start_ns", l->start_ns);
		p = put_number(p, "end_ns", l->end_ns);
		p = put_number(p, "packets_c2s", l->packets[0]);
		p = put_number(p, "packets_s2c", l->packets[1]);
		p = put_number(p, "bytes_c2s", l->bytes[0]);
		p = put_number(p, "bytes_s2c", l->bytes[1]);
		p = put_number(p, "retrans_c2s", l->retrans[0]);
		p = put_number(p, "retrans_s2c", l->retrans[1]);
		p = put_number(p, "hole_filled_c2s", l->hole_filled[0]);
		p = put_number(p, "hole_filled_s2c", l->hole_filled[1]);
		if (l->bits & SP_LEG_RTT_CLIENT)
			p = put_number(p, "rtt_client_us", l->rtt_client_us);
		if (l->bits & SP_LEG_RTT_SERVER)
			p = put_number(p, "rtt_server_us", l->rtt_server_us);
		p = put_number(p, "requests", l->requests);
		p = put_number(p, "request_errors", l->request_errors);
		p = put_word(p, "close_reason", sp_close_reason_name(l->close_reason));
		p = put_word(p, "failure", sp_failure_name(l->failure));
		if (l->bits & SP_LEG_GAP)
			PUT(",\"capture_gap\":true");
		if (t->unsure >> i & 1)
			PUT(",\"order_uncertain\":true");
	}
	return p;
}

static char *put_change(char *p, const char *side, const struct sp_addr *a, uint16_t a_port, const struct sp_addr *b,
			uint16_t b_port)
{
	char key[32];
	if (!sp_addr_eq(a, b)) {
		p = put_addr(p, strcat(strcpy(key, side), "_ip_before"), a);
		p = put_addr(p, strcat(strcpy(key, side), "_ip_after"), b);
	}
	if (a_port != b_port) {
		p = put_number(p, strcat(strcpy(key, side), "_port_before"), a_port);
		p = put_number(p, strcat(strcpy(key, side), "_port_after"), b_port);
	}
	return p;
}

/* Which side's sequence numbers are not the same at two neighbours. */
static const char *rewritten(const struct sp_leg *a, const struct sp_leg *b)
{
	bool client = a->isn_client != b->isn_client;
	bool server = a->bits & b->bits & SP_LEG_ISN_SERVER && a->isn_server != b->isn_server;
	return client && server ? "both" : client ? "client" : server ? "server" : NULL;
}

/* What neighbours see differently of both ends. */
static char *put_nat(char *p, const struct sp_path *t, const struct sp_points *points)
{
	char *begin = p;
	PUT(",\"nat\":[");
	for (unsigned i = 1; i < t->n_legs; i++) {
		const struct sp_leg *a = t->leg[i - 1], *b = t->leg[i];
		bool client = a->client_port != b->client_port || !sp_addr_eq(&a->client_ip, &b->client_ip);
		bool server = a->server_port != b->server_port || !sp_addr_eq(&a->server_ip, &b->server_ip);
		const char *numbers = rewritten(a, b);
		if (!client && !server && !numbers)
			continue;
		OBJECT(p, '{')
		{
			p = put_point(p, "from", points, a->point);
			p = put_point(p, "to", points, b->point);
			p = put_word(p, "type", client && server ? "full" : client ? "snat" : server ? "dnat" : "none");
			if (numbers)
				p = put_word(p, "sequence_numbers_rewritten", numbers);
			p = put_change(p, "client", &a->client_ip, a->client_port, &b->client_ip, b->client_port);
			p = put_change(p, "server", &a->server_ip, a->server_port, &b->server_ip, b->server_port);
		}
		*p++ = ',';
	}
	if (p[-1] == '[')
		return begin;
	p[-1] = ']';
	return p;
}

static char *put_bursts(char *p, const struct sp_path *t, const struct sp_path_loss *l)
{
	PUT(",\"bursts\":[");
	for (unsigned i = 0; i < l->n_bursts; i++) {
		const struct sp_burst *b = &t->burst[l->first_burst + i];
		OBJECT(p, '{')
		{
			p = put_number(p, "start_ns", b->start_ns);
			p = put_number(p, "end_ns", b->end_ns);
			p = put_number(p, "segments", b->segments);
		}
		*p++ = ',';
	}
	p[l->n_bursts ? -1 : 0] = ']';
	return p + !l->n_bursts;
}

static char *put_between(char *p, const char *key, const struct sp_path *t, const struct sp_path_loss *loss, unsigned n,
			 const struct sp_points *points)
{
	p = sp_json_text(p, ",\"");
	p = sp_json_text(p, key);
	PUT("\":[");
	for (unsigned i = 0; i < n; i++) {
		const struct sp_path_loss *l = &loss[i];
		OBJECT(p, '{')
		{
			p = put_point(p, "from", points, t->leg[l->from]->point);
			p = put_point(p, "to", points, t->leg[l->to]->point);
			p = put_word(p, "direction", l->s2c ? "s2c" : "c2s");
			p = put_number(p, "segments", l->segments);
			if (l->at_least)
				PUT(",\"at_least\":true");
			p = put_bursts(p, t, l);
		}
		*p++ = ',';
	}
	p[n ? -1 : 0] = ']';
	return p + !n;
}

static char *put_where(char *p, const char *key, struct sp_where where, const struct sp_points *points)
{
	switch ((enum sp_where_kind)where.kind) {
	case SP_WHERE_POINT:
		return put_point(p, key, points, where.point);
	case SP_WHERE_CLIENT:
		return put_word(p, key, "client");
	case SP_WHERE_SERVER:
		return put_word(p, key, "server");
	case SP_WHERE_UNKNOWN:
		break;
	}
	return p;
}

static char *put_event(char *p, const struct sp_path_event *e, const struct sp_points *points)
{
	static const char *const what[] = {
		[SP_PATH_SYN] = "syn",
		[SP_PATH_SYN_ACK] = "syn_ack",
		[SP_PATH_ACK] = "ack",
		[SP_PATH_RST] = "rst",
	};
	OBJECT(p, '{')
	{
		p = put_word(p, "what", what[e->what]);
		p = put_word(p, "direction", e->s2c ? "s2c" : "c2s");
		p = put_where(p, "from", e->from, points);
		p = put_where(p, "to", e->to, points);
	}
	return p;
}

/* Where it died: only of connections that did. */
static char *put_death(char *p, const struct sp_path *t, const struct sp_points *points)
{
	if (t->lost_at.what != SP_PATH_NOTHING) {
		PUT(",\"lost_at\":");
		p = put_event(p, &t->lost_at, points);
	}
	for (unsigned i = 0; i < t->n_rst; i++) {
		p = sp_json_text(p, i ? "," : ",\"rst_from\":[");
		p = put_event(p, &t->rst[i], points);
	}
	if (t->n_rst)
		*p++ = ']';
	return p;
}

void sp_json_path(struct sp_buf *out, const struct sp_path *t, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, 1024 + 3 * HOP_MAX + t->n_legs * (LEG_MAX + 5 * HOP_MAX) + t->n_bursts * BURST_MAX);
	char *p = (char *)out->p + out->n;
	const struct sp_leg *first = t->leg[0];
	OBJECT(p, '{')
	{
		if (tagged)
			p = put_word(p, "record", "path");
		p = put_hex(p, "path_id", &t->id, 1);
		if (sp_app_name(first->app))
			p = put_word(p, "app_proto", sp_app_name(first->app));
		p = put_number(p, "start_ns", t->start_ns);
		p = put_number(p, "end_ns", t->end_ns);
		p = put_number(p, "isn_client", first->isn_client);
		if (first->bits & SP_LEG_ISN_SERVER)
			p = put_number(p, "isn_server", first->isn_server);
		p = put_word(p, "joined_by", sp_join_name(t->joined_by));
		p = put_number(p, "confidence", t->confidence);
		if (t->partial)
			PUT(",\"partial\":true");
		PUT(",\"points\":[");
		for (unsigned i = 0; i < t->n_legs; i++) {
			p = put_leg(p, t, i, points);
			*p++ = ',';
		}
		p[-1] = ']';
		p = put_nat(p, t, points);
		p = put_between(p, "loss_between", t, t->loss, t->n_losses, points);
		if (t->n_doubled)
			p = put_between(p, "duplicated_between", t, t->doubled, t->n_doubled, points);
		p = put_death(p, t, points);
	}
	*p++ = '\n';
	out->n = (size_t)((uint8_t *)p - out->p);
}
