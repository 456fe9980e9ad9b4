/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/profile_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "flowtable/tcp_wire.h"

static const char *const note_name[] = {
#define X(sym, text) text,
	SP_PROFILE_NOTES(X)
#undef X
};

const char *sp_profile_note_name(enum sp_profile_note_bit bit)
{
	assert(bit < SP_PROFILE_NOTE_BITS);
	return note_name[bit];
}

void sp_profile_view_free(struct sp_profile_view *v)
{
	free(v->packet);
	free(v->call);
	free(v->exchange);
	*v = (struct sp_profile_view){0};
}

/* Room for one more. False: no memory. */
static bool grow(void **p, uint32_t n, uint32_t *size, size_t each)
{
	if (n < *size)
		return true;
	uint32_t more = *size ? 2 * *size : 64;
	void *bigger = realloc(*p, more * each);
	if (!bigger)
		return false;
	*p = bigger;
	*size = more;
	return true;
}

#define MORE(v, what, plural) grow((void **)&(v)->what, (v)->n_##plural, &(v)->plural##_size, sizeof *(v)->what)

/* --- packets --- */

/* The segment that is said to have been sent again for nothing. */
static void mark_spurious(struct sp_profile_view *v, const struct sp_profile_packet *says)
{
	for (uint32_t i = v->n_packets; i--;) {
		struct sp_profile_packet *p = &v->packet[i];
		if (p->side != says->side && p->notes & SP_PROFILE_AGAIN && p->seq == says->again_seq &&
		    !(p->notes & SP_PROFILE_SPURIOUS)) {
			p->notes |= SP_PROFILE_SPURIOUS;
			return;
		}
	}
}

/* Opens the window, and says nothing else. */
static bool is_window_update(const struct sp_profile_packet *p, const struct sp_profile_state *before)
{
	return !p->len && (p->flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST | SP_TCP_ACK)) == SP_TCP_ACK &&
	       p->ack == before->ack[p->side] && p->window > before->window[p->side] && before->tcp;
}

static int unpack(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	struct sp_profile_state st = r->begin;
	const uint8_t *p = r->packed, *end = p + r->recorded_bytes;
	bool gap = r->gap;
	v->in_order = true;
	while (p < end) {
		struct sp_profile_state before = st;
		if (!MORE(v, packet, packets) || !MORE(v, call, calls))
			return -ENOMEM;
		struct sp_profile_packet *pkt = &v->packet[v->n_packets];
		switch (sp_profile_unpack(&p, end, &st, pkt, &v->call[v->n_calls])) {
		case SP_PROFILE_CALL:
			v->n_calls++;
			continue;
		case SP_PROFILE_PACKET:
			break;
		default:
			return -EBADMSG;
		}
		pkt->notes |= (gap || pkt->dropped ? SP_PROFILE_GAP : 0U) |
			      (pkt->flags & SP_TCP_RST ? SP_PROFILE_RST : 0U) |
			      (is_window_update(pkt, &before) ? SP_PROFILE_WINDOW_UPDATE : 0U);
		gap = false;
		v->in_order &= pkt->ns >= before.ns;
		if (pkt->again_n)
			mark_spurious(v, pkt);
		v->n_packets++;
	}
	return 0;
}

/* --- exchanges --- */

static struct sp_profile_exchange *add_exchange(struct sp_profile_view *v)
{
	if (!MORE(v, exchange, exchanges))
		return NULL;
	struct sp_profile_exchange *x = &v->exchange[v->n_exchanges++];
	*x = (struct sp_profile_exchange){0};
	return x;
}

/* Where packets of that time begin, at the latest. */
static uint32_t find_time(const struct sp_profile_view *v, uint64_t ns)
{
	uint32_t from = 0, to = v->in_order ? v->n_packets : 0;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (v->packet[middle].ns < ns)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The first (else the last) packet with payload that came from a side at that time. The number of packets: none. */
static uint32_t find_packet(const struct sp_profile_view *v, uint64_t ns, unsigned side, bool first)
{
	uint32_t found = v->n_packets;
	for (uint32_t i = find_time(v, ns); i < v->n_packets && !(v->in_order && v->packet[i].ns > ns); i++) {
		const struct sp_profile_packet *p = &v->packet[i];
		if (p->ns != ns || p->side != side || !p->len)
			continue;
		found = i;
		if (first)
			break;
	}
	return found;
}

static uint32_t mark(struct sp_profile_view *v, uint64_t ns, unsigned side, bool first, uint32_t note)
{
	uint32_t i = find_packet(v, ns, side, first);
	if (i < v->n_packets)
		v->packet[i].notes |= note;
	return i;
}

/* An acknowledgement that comes later than this says nothing of a stack's delay (RFC 9293 3.8.6.3: 0.5 s). */
#define ACK_MAX_NS SP_NS_PER_SEC

/* When the answering side's stack acknowledged the request's last byte, which came with packet `last`: if it did so
 * before its application answered. */
static void find_ack(const struct sp_profile_view *v, struct sp_profile_exchange *x, uint32_t last)
{
	uint64_t end = last < v->n_packets ? v->packet[last].seq + v->packet[last].len : 0;
	for (uint32_t i = last; i < v->n_packets; i++) {
		const struct sp_profile_packet *p = &v->packet[i];
		if ((x->bits & SP_EXCHANGE_RESPONSE && p->ns >= x->resp_start_ns) || p->ns > x->req_end_ns + ACK_MAX_NS)
			return;
		if (p->side == v->packet[last].side || !(p->flags & SP_TCP_ACK) || p->ack < end || p->len)
			continue;
		x->acked_ns = p->ns;
		x->bits |= SP_EXCHANGE_ACKED;
		return;
	}
}

static uint64_t start_of(const struct sp_profile_exchange *x)
{
	return x->bits & SP_EXCHANGE_REQUEST ? x->req_start_ns : x->resp_start_ns;
}

static uint64_t end_of(const struct sp_profile_exchange *x)
{
	return x->bits & SP_EXCHANGE_RESPONSE ? x->resp_end_ns : x->req_end_ns;
}

/* A call of the application's that a parser told. */
static bool from_call(struct sp_profile_view *v, const struct sp_profile_record *r, const struct sp_profile_call *c)
{
	struct sp_profile_exchange *x = add_exchange(v);
	if (!x)
		return false;
	unsigned asks = !!(c->bits & SP_PROFILE_CALL_HI_ASKS);
	*x = (struct sp_profile_exchange){
		.id = c->id,
		.req_start_ns = c->req_start_ns,
		.req_end_ns = c->req_end_ns,
		.resp_start_ns = c->resp_start_ns,
		.resp_end_ns = c->resp_end_ns,
		.req_bytes = c->req_bytes,
		.resp_bytes = c->resp_bytes,
	};
	x->bits = (uint8_t)((c->bits & SP_PROFILE_CALL_ID ? SP_EXCHANGE_ID : 0) |
			    (c->bits & SP_PROFILE_CALL_REQUEST ? SP_EXCHANGE_REQUEST : 0) |
			    (c->bits & SP_PROFILE_CALL_RESPONSE ? SP_EXCHANGE_RESPONSE : 0) |
			    (asks != r->client ? SP_EXCHANGE_BY_SERVER : 0));
	if (c->bits & SP_PROFILE_CALL_REQUEST) {
		mark(v, x->req_start_ns, asks, true, SP_PROFILE_REQUEST);
		if (!(c->bits & SP_PROFILE_CALL_OPEN_REQ))
			find_ack(v, x, mark(v, x->req_end_ns, asks, false, SP_PROFILE_REQUEST_END));
	}
	if (c->bits & SP_PROFILE_CALL_RESPONSE) {
		mark(v, x->resp_start_ns, !asks, true, SP_PROFILE_RESPONSE);
		if (!(c->bits & SP_PROFILE_CALL_OPEN_RESP))
			mark(v, x->resp_end_ns, !asks, false, SP_PROFILE_RESPONSE_END);
	}
	return true;
}

static bool from_calls(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	for (uint32_t i = 0; i < v->n_calls; i++)
		if (!(v->call[i].bits & SP_PROFILE_CALL_HANDSHAKE) && !from_call(v, r, &v->call[i]))
			return false;
	return true;
}

/* Packets of one direction in a row are a request, those of the other after them its response. */
struct turn {
	struct sp_profile_exchange *open;
	uint32_t last; /* packet of its request, or of its response */
};

static void end_turn(const struct sp_profile_view *v, struct turn *t)
{
	if (!t->open)
		return;
	v->packet[t->last].notes |=
		t->open->bits & SP_EXCHANGE_RESPONSE ? SP_PROFILE_RESPONSE_END : SP_PROFILE_REQUEST_END;
	t->open = NULL;
}

static bool take_request(struct sp_profile_view *v, struct turn *t, uint32_t i)
{
	struct sp_profile_packet *p = &v->packet[i];
	if (t->open && t->open->bits & SP_EXCHANGE_RESPONSE)
		end_turn(v, t);
	if (!t->open) {
		if (!(t->open = add_exchange(v)))
			return false;
		t->open->bits = SP_EXCHANGE_REQUEST;
		t->open->req_start_ns = p->ns;
		p->notes |= SP_PROFILE_REQUEST;
	}
	t->open->req_end_ns = p->ns;
	t->open->req_bytes += p->len;
	t->last = i;
	return true;
}

static bool take_response(struct sp_profile_view *v, struct turn *t, uint32_t i)
{
	struct sp_profile_packet *p = &v->packet[i];
	if (!t->open && !(t->open = add_exchange(v)))
		return false;
	struct sp_profile_exchange *x = t->open;
	if (!(x->bits & SP_EXCHANGE_RESPONSE)) {
		x->bits |= SP_EXCHANGE_RESPONSE;
		x->resp_start_ns = p->ns;
		p->notes |= SP_PROFILE_RESPONSE;
		if (x->bits & SP_EXCHANGE_REQUEST) {
			v->packet[t->last].notes |= SP_PROFILE_REQUEST_END;
			find_ack(v, x, t->last);
		}
	}
	x->resp_end_ns = p->ns;
	x->resp_bytes += p->len;
	t->last = i;
	return true;
}

/* Where no parser tells calls, or none does any more: in what TLS hides, from its handshake on. */
static bool by_turns(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	struct turn t = {0};
	if (r->tls_start_ns ? !r->tls_end_ns : r->read)
		return true;
	for (uint32_t i = 0; i < v->n_packets; i++) {
		const struct sp_profile_packet *p = &v->packet[i];
		if (!p->len || p->ns <= r->tls_end_ns || p->notes & (SP_PROFILE_AGAIN | SP_PROFILE_KEEPALIVE))
			continue;
		if (!(p->side == r->client ? take_request(v, &t, i) : take_response(v, &t, i)))
			return false;
	}
	if (r->last)
		end_turn(v, &t);
	return true;
}

static void mark_tls(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	for (uint32_t i = 0; r->tls_end_ns && i < v->n_packets; i++)
		if (v->packet[i].len && v->packet[i].ns >= r->tls_start_ns && v->packet[i].ns <= r->tls_end_ns)
			v->packet[i].notes |= SP_PROFILE_TLS;
}

static int earlier(const void *a, const void *b)
{
	uint64_t x = start_of(a), y = start_of(b);
	return x < y ? -1 : x > y;
}

/* What the client did before each of its requests: nothing while an answer was still coming. */
static void put_waits(struct sp_profile_view *v, const struct sp_profile_record *r)
{
	uint64_t since = r->part == 1 && !r->gap ? SP_MAX(r->established_ns, r->tls_end_ns) : 0;
	for (uint32_t i = 0; i < v->n_exchanges; i++) {
		struct sp_profile_exchange *x = &v->exchange[i];
		if (since && x->bits & SP_EXCHANGE_REQUEST && !(x->bits & SP_EXCHANGE_BY_SERVER)) {
			x->wait_ns = x->req_start_ns > since ? x->req_start_ns - since : 0;
			x->bits |= SP_EXCHANGE_WAIT;
		}
		since = SP_MAX(since, end_of(x));
	}
}

/* Exchanges may overlap; what was sent again while several were open delayed all of them. */
static void count_again(struct sp_profile_view *v)
{
	for (uint32_t i = 0; i < v->n_packets; i++) {
		const struct sp_profile_packet *p = &v->packet[i];
		for (uint32_t j = 0; p->notes & SP_PROFILE_AGAIN && j < v->n_exchanges; j++) {
			struct sp_profile_exchange *x = &v->exchange[j];
			if (start_of(x) > p->ns)
				break;
			x->again += p->ns <= end_of(x);
		}
	}
}

int sp_profile_read(struct sp_profile_view *v, const struct sp_profile_record *r, size_t size)
{
	v->n_packets = v->n_calls = v->n_exchanges = 0;
	if (size < sizeof *r || r->recorded_bytes > size - sizeof *r || r->client > 1)
		return -EBADMSG;
	int rc = unpack(v, r);
	if (rc)
		return rc;
	if (!from_calls(v, r) || !by_turns(v, r))
		return -ENOMEM;
	if (v->n_exchanges)
		qsort(v->exchange, v->n_exchanges, sizeof *v->exchange, earlier);
	mark_tls(v, r);
	put_waits(v, r);
	count_again(v);
	return 0;
}
