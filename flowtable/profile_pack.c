/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/profile_pack.h"

#include <string.h>

#include "flowtable/tcp_wire.h"

/* An entry's first byte. */
enum {
	SIDE = 1,
	TIME_SHIFT = 1, /* two bits: how many bytes the time takes */
	FORM_SHIFT = 3,
	ACK_SHIFT = 5,
	WINDOW = 128, /* it is another than this side's last one */
};
/* Payload. All forms but the last: at the place in the stream, and with the flags, that were to be expected. */
enum form { FORM_NONE, FORM_SAME, FORM_LENGTH, FORM_DETAIL };
enum ack { ACK_SAME, ACK_ALL, ACK_STEP, ACK_OTHER };

/* The second byte, where there is one. */
enum detail {
	DETAIL_FLAGS = 1,
	DETAIL_SEQ = 2,
	DETAIL_LEN = 4,
	DETAIL_NOTES = 8,
	DETAIL_AGAIN = 16,
	DETAIL_TIME = 32, /* in eight bytes, with a sign */
	DETAIL_DROPPED = 64,
	DETAIL_CALL = 128, /* no packet: the other bits are enum sp_profile_call_bits */
};

/* Of a call, in its first byte: end, start and size of its messages are what was to be expected. */
static const uint8_t usual_response[3] = {1, 2, 4}, usual_request[3] = {32, 64, 128};

static const uint8_t time_size[4] = {1, 2, 3, 5};

static uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* --- writing --- */

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_signed(uint8_t *p, uint64_t to, uint64_t from)
{
	return put_varint(p, zigzag((int64_t)(to - from)));
}

/* Many clocks count microseconds: those take less. */
static uint64_t shorten(uint64_t ns)
{
	uint64_t us = ns / 1000;
	return us * 1000 == ns ? us << 1 | 1 : ns << 1;
}

static uint64_t lengthen(uint64_t v)
{
	return v & 1 ? (v >> 1) * 1000 : v >> 1;
}

static uint32_t advance(const struct sp_profile_packet *pkt)
{
	return pkt->len + !!(pkt->flags & SP_TCP_SYN) + !!(pkt->flags & SP_TCP_FIN);
}

static uint8_t usual_flags(const struct sp_profile_state *st, const struct sp_profile_packet *pkt)
{
	return pkt->len ? st->flags[pkt->side] : st->tcp ? SP_TCP_ACK : 0;
}

/* What both do after an entry. A RST may carry any number. */
static void move(struct sp_profile_state *st, const struct sp_profile_packet *pkt)
{
	unsigned s = pkt->side;
	st->ns = pkt->ns;
	if (pkt->len) {
		st->len[s] = pkt->len;
		st->flags[s] = pkt->flags;
		st->data_ns[s] = pkt->ns;
	}
	st->window[s] = pkt->window;
	if (!st->tcp || pkt->flags & SP_TCP_RST)
		return;
	if (pkt->seq + advance(pkt) > st->next[s])
		st->next[s] = pkt->seq + advance(pkt);
	if (!(pkt->flags & SP_TCP_ACK))
		return;
	if (pkt->ack > st->ack[s] && st->ack[s])
		st->step[s] = (uint32_t)(pkt->ack - st->ack[s]);
	st->ack[s] = pkt->ack;
}

static enum ack ack_of(const struct sp_profile_state *st, const struct sp_profile_packet *pkt)
{
	unsigned s = pkt->side;
	if (!st->tcp || !(pkt->flags & SP_TCP_ACK) || pkt->ack == st->ack[s])
		return ACK_SAME;
	if (pkt->ack == st->next[!s])
		return ACK_ALL;
	return pkt->ack == st->ack[s] + st->step[s] ? ACK_STEP : ACK_OTHER;
}

static unsigned detail_of(const struct sp_profile_state *st, const struct sp_profile_packet *pkt, bool long_time)
{
	return (pkt->flags != usual_flags(st, pkt) ? DETAIL_FLAGS : 0U) |
	       (st->tcp && pkt->seq != st->next[pkt->side] ? DETAIL_SEQ : 0U) |
	       (pkt->notes & SP_PROFILE_PACKED_NOTES ? DETAIL_NOTES : 0U) | (pkt->again_n ? DETAIL_AGAIN : 0U) |
	       (long_time ? DETAIL_TIME : 0U) | (pkt->dropped ? DETAIL_DROPPED : 0U);
}

static uint8_t *put_detail(uint8_t *p, const struct sp_profile_state *st, const struct sp_profile_packet *pkt,
			   unsigned detail)
{
	*p++ = (uint8_t)detail;
	if (detail & DETAIL_FLAGS)
		*p++ = pkt->flags;
	if (detail & DETAIL_SEQ)
		p = put_signed(p, pkt->seq, st->next[pkt->side]);
	if (detail & DETAIL_LEN)
		p = put_varint(p, pkt->len);
	if (detail & DETAIL_NOTES)
		p = put_varint(p, pkt->notes & SP_PROFILE_PACKED_NOTES);
	if (detail & DETAIL_AGAIN) {
		p = put_signed(p, pkt->again_seq, st->next[!pkt->side]);
		p = put_varint(p, pkt->again_n);
	}
	if (detail & DETAIL_DROPPED)
		p = put_varint(p, pkt->dropped);
	return p;
}

size_t sp_profile_pack(uint8_t *p, struct sp_profile_state *st, const struct sp_profile_packet *pkt)
{
	uint8_t *begin = p++;
	unsigned s = pkt->side, width = 0;
	uint64_t since = pkt->ns - st->ns, time = shorten(since);
	bool long_time = pkt->ns < st->ns || since >> 62 || time >> 40;
	while (!long_time && time >> (8 * time_size[width]))
		width++;
	unsigned detail = detail_of(st, pkt, long_time);
	enum form form = !pkt->len ? FORM_NONE : pkt->len == st->len[s] ? FORM_SAME : FORM_LENGTH;
	enum ack ack = ack_of(st, pkt);
	if (detail) {
		form = FORM_DETAIL;
		p = put_detail(p, st, pkt, detail | (pkt->len ? DETAIL_LEN : 0U));
	}
	unsigned n = long_time ? 8 : time_size[width];
	time = long_time ? since : time;
	memcpy(p, &time, sizeof time); /* the rest is written over */
	p += n;
	if (form == FORM_LENGTH)
		p = put_varint(p, pkt->len);
	if (ack == ACK_OTHER)
		p = put_signed(p, pkt->ack, st->ack[s]);
	bool window = pkt->window != st->window[s];
	if (window)
		p = put_varint(p, zigzag((int64_t)pkt->window - st->window[s]));
	*begin = (uint8_t)(s | width << TIME_SHIFT | (unsigned)form << FORM_SHIFT | (unsigned)ack << ACK_SHIFT |
			   (window ? WINDOW : 0U));
	move(st, pkt);
	return (size_t)(p - begin);
}

/* A time before another one, or, where clocks go back, after it. */
static uint8_t *put_before(uint8_t *p, uint64_t ns, uint64_t than)
{
	uint64_t before = than - ns;
	bool back = before >> 63;
	return put_varint(p, shorten(back ? 0 - before : before) << 1 | back);
}

/* A message of a call: what is as its side's last packet with payload says need not stand there. */
static uint8_t *put_message(uint8_t *p, const struct sp_profile_state *st, unsigned side, uint64_t start_ns,
			    uint64_t end_ns, uint64_t bytes, const uint8_t usual[3], uint8_t *head)
{
	if (end_ns == st->data_ns[side])
		*head |= usual[0];
	else
		p = put_before(p, end_ns, st->ns);
	if (start_ns == end_ns)
		*head |= usual[1];
	else
		p = put_before(p, start_ns, end_ns);
	if (bytes == st->len[side])
		*head |= usual[2];
	else
		p = put_varint(p, bytes);
	return p;
}

size_t sp_profile_pack_call(uint8_t *p, struct sp_profile_state *st, const struct sp_profile_call *call)
{
	uint8_t *begin = p;
	unsigned asks = !!(call->bits & SP_PROFILE_CALL_HI_ASKS);
	*p++ = FORM_DETAIL << FORM_SHIFT;
	*p++ = (uint8_t)(DETAIL_CALL | call->bits);
	if (call->bits & SP_PROFILE_CALL_ID) {
		p = put_signed(p, call->id, st->id);
		st->id = call->id;
	}
	if (call->bits & SP_PROFILE_CALL_RESPONSE)
		p = put_message(p, st, !asks, call->resp_start_ns, call->resp_end_ns, call->resp_bytes, usual_response,
				begin);
	if (call->bits & SP_PROFILE_CALL_REQUEST)
		p = put_message(p, st, asks, call->req_start_ns, call->req_end_ns, call->req_bytes, usual_request,
				begin);
	return (size_t)(p - begin);
}

/* --- reading --- */

/* Bytes that are left, and whether some were wanted that are not there. */
struct in {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t get_bytes(struct in *in, unsigned n)
{
	uint64_t v = 0;
	if (in->bad || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		return 0;
	}
	memcpy(&v, in->p, n);
	in->p += n;
	return v;
}

static uint64_t get_varint(struct in *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint64_t byte = get_bytes(in, 1);
		v |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

static uint64_t get_signed(struct in *in, uint64_t from)
{
	return from + (uint64_t)unzigzag(get_varint(in));
}

static uint64_t get_before(struct in *in, uint64_t than)
{
	uint64_t v = get_varint(in), before = lengthen(v >> 1);
	return v & 1 ? than + before : than - before;
}

static void get_message(struct in *in, const struct sp_profile_state *st, unsigned side, unsigned head,
			const uint8_t usual[3], uint64_t *start_ns, uint64_t *end_ns, uint64_t *bytes)
{
	*end_ns = head & usual[0] ? st->data_ns[side] : get_before(in, st->ns);
	*start_ns = head & usual[1] ? *end_ns : get_before(in, *end_ns);
	*bytes = head & usual[2] ? st->len[side] : get_varint(in);
}

static enum sp_profile_entry get_call(struct in *in, struct sp_profile_state *st, struct sp_profile_call *call,
				      unsigned head, unsigned bits)
{
	unsigned asks = !!(bits & SP_PROFILE_CALL_HI_ASKS);
	*call = (struct sp_profile_call){.bits = (uint8_t)bits};
	if (bits & SP_PROFILE_CALL_ID)
		st->id = call->id = get_signed(in, st->id);
	if (bits & SP_PROFILE_CALL_RESPONSE)
		get_message(in, st, !asks, head, usual_response, &call->resp_start_ns, &call->resp_end_ns,
			    &call->resp_bytes);
	if (bits & SP_PROFILE_CALL_REQUEST)
		get_message(in, st, asks, head, usual_request, &call->req_start_ns, &call->req_end_ns,
			    &call->req_bytes);
	return in->bad ? SP_PROFILE_BAD : SP_PROFILE_CALL;
}

static void get_detail(struct in *in, const struct sp_profile_state *st, struct sp_profile_packet *pkt, unsigned detail)
{
	uint8_t flags = detail & DETAIL_FLAGS ? (uint8_t)get_bytes(in, 1) : 0;
	if (detail & DETAIL_SEQ)
		pkt->seq = get_signed(in, pkt->seq);
	if (detail & DETAIL_LEN)
		pkt->len = (uint32_t)get_varint(in);
	pkt->flags = detail & DETAIL_FLAGS ? flags : usual_flags(st, pkt);
	if (detail & DETAIL_NOTES)
		pkt->notes = (uint32_t)get_varint(in) & SP_PROFILE_PACKED_NOTES;
	if (detail & DETAIL_AGAIN) {
		pkt->again_seq = get_signed(in, st->next[!pkt->side]);
		pkt->again_n = (uint32_t)get_varint(in);
	}
	if (detail & DETAIL_DROPPED)
		pkt->dropped = (uint32_t)get_varint(in);
}

static uint64_t get_ack(struct in *in, const struct sp_profile_state *st, unsigned side, enum ack ack)
{
	switch (ack) {
	case ACK_ALL:
		return st->next[!side];
	case ACK_STEP:
		return st->ack[side] + st->step[side];
	case ACK_OTHER:
		return get_signed(in, st->ack[side]);
	default:
		return st->ack[side];
	}
}

enum sp_profile_entry sp_profile_unpack(const uint8_t **p, const uint8_t *end, struct sp_profile_state *st,
					struct sp_profile_packet *pkt, struct sp_profile_call *call)
{
	struct in in = {*p, end, false};
	unsigned head = (unsigned)get_bytes(&in, 1), form = head >> FORM_SHIFT & 3, s = head & SIDE;
	unsigned detail = form == FORM_DETAIL ? (unsigned)get_bytes(&in, 1) : 0;
	if (detail & DETAIL_CALL) {
		enum sp_profile_entry entry = get_call(&in, st, call, head, detail & (DETAIL_CALL - 1U));
		*p = in.p;
		return entry;
	}
	*pkt = (struct sp_profile_packet){.seq = st->next[s], .side = (uint8_t)s};
	if (form == FORM_DETAIL)
		get_detail(&in, st, pkt, detail);
	if (detail & DETAIL_TIME)
		pkt->ns = st->ns + get_bytes(&in, 8);
	else
		pkt->ns = st->ns + lengthen(get_bytes(&in, time_size[head >> TIME_SHIFT & 3]));
	if (form == FORM_SAME)
		pkt->len = st->len[s];
	else if (form == FORM_LENGTH)
		pkt->len = (uint32_t)get_varint(&in);
	if (form != FORM_DETAIL)
		pkt->flags = usual_flags(st, pkt);
	pkt->ack = get_ack(&in, st, s, (enum ack)(head >> ACK_SHIFT & 3));
	pkt->window = st->window[s];
	if (head & WINDOW)
		pkt->window = (uint16_t)(pkt->window + (uint64_t)unzigzag(get_varint(&in)));
	if (in.bad)
		return SP_PROFILE_BAD;
	if (!st->tcp)
		pkt->seq = pkt->ack = 0;
	*p = in.p;
	move(st, pkt);
	return SP_PROFILE_PACKET;
}
