/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of profiles.jsonl into one flow's profile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile_view.h"
#include "flowtable/profile_read.h"

static void endpoint(char *out, size_t size, const struct sp_json *j, const char *ip_key, const char *port_key)
{
	char ip[48];
	uint32_t port = sp_json_get(j, 1, port_key);
	sp_json_get_string(j, 1, ip_key, ip, sizeof ip);
	if (!port)
		snprintf(out, size, "%s", ip);
	else
		snprintf(out, size, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
			 (unsigned)(sp_json_number(j, port) & 0xffff));
}

/* Longer is no time that a flow can take, and would not fit where times are added up. */
#define DAYS_US (UINT64_C(1000) * 86400 * 1000000)

static uint64_t read_us(const struct sp_json *j, uint32_t object, const char *key)
{
	return SP_MIN(sp_json_get_number(j, object, key), DAYS_US);
}

static int64_t within(int64_t ns)
{
	const int64_t most = (int64_t)DAYS_US * 1000;
	return SP_MIN(SP_MAX(ns, -most), most);
}

static void read_rtt(struct sp_view_head *h, const struct sp_json *j, unsigned side, const char *key)
{
	uint32_t rtt = sp_json_get(j, sp_json_get(j, 1, "rtt"), key);
	h->rtt[side].count = sp_json_get_number(j, rtt, "count");
	h->rtt[side].min_us = read_us(j, rtt, "min_us");
	h->rtt[side].mean_us = read_us(j, rtt, "mean_us");
	h->rtt[side].max_us = read_us(j, rtt, "max_us");
}

static void read_exchange(struct sp_view_exchange *x, const struct sp_json *j, uint32_t object)
{
	*x = (struct sp_view_exchange){
		.at_ns = within(sp_json_thousandths(j, sp_json_get(j, object, "t_us"))),
		.request_bytes = sp_json_get_number(j, object, "request_bytes"),
		.response_bytes = sp_json_get_number(j, object, "response_bytes"),
		.retransmissions = sp_json_get_number(j, object, "retransmissions"),
	};
	x->us[SP_PHASE_CLIENT] = read_us(j, object, "client_wait_us");
	x->us[SP_PHASE_REQUEST] = read_us(j, object, "request_us");
	x->us[SP_PHASE_RESPONSE] = read_us(j, object, "response_us");
	/* Both begin when the request is there; without a response there is an ACK at most. */
	uint32_t response = sp_json_get(j, object, "server_us");
	uint64_t server = SP_MIN(sp_json_number(j, response), DAYS_US), ack = read_us(j, object, "ack_delay_us");
	x->us[SP_PHASE_ACK] = response ? SP_MIN(ack, server) : ack;
	x->us[SP_PHASE_SERVER] = server - (response ? x->us[SP_PHASE_ACK] : 0);
	sp_json_get_string(j, object, "request_id", x->request_id, sizeof x->request_id);
}

static void read_phases(struct sp_view_head *h, const struct sp_json *j)
{
	uint32_t phases = sp_json_get(j, 1, "phases"), connect = sp_json_get(j, phases, "connect_us");
	h->has_connect = connect;
	h->connect_us[0] = read_us(j, connect, "client");
	h->connect_us[1] = read_us(j, connect, "server");
	h->us[SP_PHASE_CONNECT] = h->connect_us[0] + h->connect_us[1];
	h->us[SP_PHASE_TLS] = read_us(j, phases, "tls_us");
	h->us[SP_PHASE_TEARDOWN] = read_us(j, phases, "teardown_us");
	for (uint32_t x = j->v[sp_json_get(j, phases, "exchanges")].child; x; x = j->v[x].next) {
		struct sp_view_exchange one;
		read_exchange(&one, j, x);
		for (unsigned i = SP_PHASE_CLIENT; i <= SP_PHASE_RESPONSE; i++)
			h->us[i] += one.us[i];
		h->exchanges++;
	}
}

static void read_tcp(struct sp_view_head *h, const struct sp_json *j)
{
	uint32_t again = sp_json_get(j, 1, "retransmissions");
	h->mss[0] = sp_json_get_number(j, 1, "mss_client");
	h->mss[1] = sp_json_get_number(j, 1, "mss_server");
	h->fast = sp_json_get_number(j, again, "fast");
	h->timeout = sp_json_get_number(j, again, "timeout");
	h->tail = sp_json_get_number(j, again, "tail");
	h->spurious = sp_json_get_number(j, again, "spurious");
	h->in_flight_max[0] = sp_json_get_number(j, 1, "in_flight_max_c2s");
	h->in_flight_max[1] = sp_json_get_number(j, 1, "in_flight_max_s2c");
	h->windows_in_bytes = j->v[sp_json_get(j, 1, "window_min_c2s")].type == '0' ||
			      j->v[sp_json_get(j, 1, "window_min_s2c")].type == '0';
	read_rtt(h, j, 0, "client");
	read_rtt(h, j, 1, "server");
}

bool sp_view_head_read(struct sp_view_head *h, const struct sp_json *j)
{
	uint32_t id = sp_json_get(j, 1, "flow_id"), start = sp_json_get(j, 1, "start_ns"),
		 packets = sp_json_get(j, 1, "packets");
	*h = (struct sp_view_head){0};
	if (j->v[id].type != '"' || j->v[start].type != '0' || j->v[packets].type != '[')
		return false;
	h->flow_id = sp_json_number(j, id);
	h->start_ns = sp_json_number(j, start);
	if (h->start_ns > INT64_MAX)
		return false;
	h->end_ns = SP_MAX(h->start_ns, sp_json_get_number(j, 1, "end_ns"));
	h->end_ns = SP_MIN(h->end_ns, h->start_ns + DAYS_US * 1000);
	sp_json_get_string(j, 1, "point", h->point, sizeof h->point);
	sp_json_get_string(j, 1, "kind", h->kind, sizeof h->kind);
	sp_json_get_string(j, 1, "proto", h->proto, sizeof h->proto);
	sp_json_get_string(j, 1, "app_proto", h->app, sizeof h->app);
	sp_json_get_string(j, 1, "reason", h->reason, sizeof h->reason);
	endpoint(h->client, sizeof h->client, j, "client_ip", "client_port");
	endpoint(h->server, sizeof h->server, j, "server_ip", "server_port");
	h->parts = 1;
	h->first_part = sp_json_get_number(j, 1, "part");
	uint32_t last = sp_json_get(j, 1, "last");
	h->last = j->v[last].type == 't';
	h->packets = sp_json_get_number(j, 1, "packets_recorded");
	h->dropped = sp_json_get_number(j, 1, "packets_dropped");
	read_phases(h, j);
	read_tcp(h, j);
	return true;
}

bool sp_view_head_same(const struct sp_view_head *a, const struct sp_view_head *b)
{
	return a->flow_id == b->flow_id && !strcmp(a->point, b->point) && !strcmp(a->client, b->client) &&
	       !strcmp(a->server, b->server) && !strcmp(a->proto, b->proto);
}

/* Packets and exchanges are each line's own; the rest counts from the flow's beginning. */
void sp_view_head_join(struct sp_view_head *h, const struct sp_view_head *o)
{
	static const uint8_t whole[] = {SP_PHASE_CONNECT, SP_PHASE_TLS, SP_PHASE_TEARDOWN};
	struct sp_view_head was = *h;
	if (o->end_ns >= was.end_ns)
		*h = *o;
	h->start_ns = SP_MIN(was.start_ns, o->start_ns);
	h->parts = was.parts + o->parts;
	h->first_part = SP_MIN(was.first_part, o->first_part);
	h->last = was.last || o->last;
	if (!h->app[0])
		memcpy(h->app, was.app, sizeof h->app);
	h->packets = was.packets + o->packets;
	h->dropped = was.dropped + o->dropped;
	h->exchanges = was.exchanges + o->exchanges;
	for (unsigned i = 0; i < SP_PHASES; i++)
		h->us[i] = was.us[i] + o->us[i];
	for (unsigned i = 0; i < SP_ARRAY_SIZE(whole); i++)
		h->us[whole[i]] = SP_MAX(was.us[whole[i]], o->us[whole[i]]);
}

/* Makes room for one more. False: there is none. */
static bool room(void **array, uint32_t n, uint32_t *have, size_t size)
{
	if (n < *have)
		return true;
	uint32_t want = *have ? 2 * *have : 256;
	void *more = realloc(*array, want * size);
	if (!more)
		return false;
	*array = more;
	*have = want;
	return true;
}

static uint32_t notes_of(const struct sp_json *j, uint32_t value)
{
	const char *t = j->text + j->v[value].at, *end = t + j->v[value].n;
	uint32_t notes = 0;
	for (const char *next; t < end; t = next) {
		const char *space = memchr(t, ' ', (size_t)(end - t));
		size_t n = (size_t)((space ? space : end) - t);
		for (unsigned i = 0; i < SP_PROFILE_NOTE_BITS; i++) {
			const char *word = sp_profile_note_name(i);
			if (strlen(word) == n && !memcmp(word, t, n))
				notes |= 1u << i;
		}
		next = t + n + 1;
	}
	return notes;
}

/* Undoes the wrapping of a number in the stream: it is near the highest so far. */
static int64_t unwrap(int64_t *top, int64_t wrapped)
{
	int64_t value = *top + (int32_t)((uint32_t)wrapped - (uint32_t)*top);
	*top = SP_MAX(*top, value);
	return value;
}

/* [t_us, dir, flags, seq_rel, ack_rel, len, window, note]: what is missing at the end is 0. */
static void read_packet(struct sp_view *p, struct sp_view_packet *packet, int64_t start_ns, const struct sp_json *j,
			uint32_t row)
{
	enum { T, DIR, FLAGS, SEQ, ACK, LEN, WINDOW, NOTE, COLUMNS };
	uint32_t v[COLUMNS] = {0}, n = 0;
	for (uint32_t value = j->v[row].child; value && n < COLUMNS; value = j->v[value].next)
		v[n++] = value;
	bool s2c = v[DIR] && j->v[v[DIR]].n && j->text[j->v[v[DIR]].at] == 's';
	*packet = (struct sp_view_packet){
		.at_ns = start_ns + within(sp_json_thousandths(j, v[T])),
		.s2c = s2c,
		.flags = (uint8_t)sp_json_number(j, v[FLAGS]),
		.len = (uint32_t)SP_MIN(sp_json_number(j, v[LEN]), UINT32_MAX),
		.window = (uint32_t)SP_MIN(sp_json_number(j, v[WINDOW]), UINT32_MAX),
		.notes = notes_of(j, v[NOTE]),
	};
	/* What has no flags has no window either: datagrams. */
	packet->has_window = packet->flags && v[WINDOW] && j->v[v[WINDOW]].type == '0';
	packet->seq = unwrap(&p->seq_top[s2c], sp_json_thousandths(j, v[SEQ]) / 1000);
	if (packet->flags & SP_TCP_ACK)
		packet->ack = unwrap(&p->ack_top[s2c], sp_json_thousandths(j, v[ACK]) / 1000);
}

static int add_exchanges(struct sp_view *p, int64_t start_ns, const struct sp_json *j)
{
	uint32_t phases = sp_json_get(j, 1, "phases");
	for (uint32_t x = j->v[sp_json_get(j, phases, "exchanges")].child; x; x = j->v[x].next) {
		if (p->n_exchanges == SP_VIEW_EXCHANGES_MAX) {
			p->cut = true;
			return 0;
		}
		if (!room((void **)&p->exchange, p->n_exchanges, &p->exchanges_room, sizeof *p->exchange))
			return -ENOMEM;
		read_exchange(&p->exchange[p->n_exchanges], j, x);
		p->exchange[p->n_exchanges++].at_ns += start_ns;
	}
	return 0;
}

int sp_view_add(struct sp_view *p, const struct sp_view_head *head, const struct sp_json *j)
{
	/* Times count from the first line on, whatever others say. */
	uint64_t start = p->head.parts ? p->head.start_ns : head->start_ns;
	if (p->head.parts)
		sp_view_head_join(&p->head, head);
	else
		p->head = *head;
	p->head.start_ns = start;
	int64_t start_ns = within((int64_t)(head->start_ns - p->head.start_ns));
	for (uint32_t row = j->v[sp_json_get(j, 1, "packets")].child; row; row = j->v[row].next) {
		if (p->n_packets == SP_VIEW_PACKETS_MAX) {
			p->cut = true;
			break;
		}
		if (!room((void **)&p->packet, p->n_packets, &p->packets_room, sizeof *p->packet))
			return -ENOMEM;
		read_packet(p, &p->packet[p->n_packets++], start_ns, j, row);
	}
	return add_exchanges(p, start_ns, j);
}

void sp_view_free(struct sp_view *p)
{
	free(p->packet);
	free(p->exchange);
	*p = (struct sp_view){0};
}
