/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/edit.h"

#include <string.h>

#define ETHER 14
#define VXLAN_PORT 4789
#define VXLAN 16 /* UDP's header and its own */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t sum(uint32_t start, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		start += get16(p);
	return n ? start + (uint32_t)(*p << 8) : start;
}

static uint16_t folded(uint32_t v)
{
	while (v >> 16)
		v = (v & 0xffff) + (v >> 16);
	return (uint16_t)~v;
}

static size_t head_of(const uint8_t *ip)
{
	return (size_t)(ip[0] & 15) * 4;
}

static size_t tcp_head_of(const uint8_t *tcp)
{
	return (size_t)(tcp[12] >> 4) * 4;
}

static void checksum(const struct segment *s)
{
	size_t n = tcp_head_of(s->tcp) + s->payload;
	put16(s->tcp + 16, 0);
	put16(s->tcp + 16, folded(sum(sum(6 + (uint32_t)n, s->ip + 12, 8), s->tcp, n)));
}

static void ip_length(uint8_t *ip, size_t n)
{
	put16(ip + 2, (uint32_t)n);
	put16(ip + 10, 0);
	put16(ip + 10, folded(sum(0, ip, head_of(ip))));
}

bool segment_find(struct segment *s, uint8_t *frame, size_t n)
{
	uint8_t *end = frame + n;
	for (uint8_t *ether = frame; end - ether >= ETHER + 20 && get16(ether + 12) == 0x0800;) {
		uint8_t *ip = ether + ETHER, *l4 = ip + head_of(ip);
		size_t total = get16(ip + 2);
		if (total > (size_t)(end - ip) || total < head_of(ip) + 20 || get16(ip + 6) & 0x3fff)
			return false;
		if (ip[9] == 17 && get16(l4 + 2) == VXLAN_PORT) {
			ether = l4 + VXLAN;
			continue;
		}
		if (ip[9] != 6 || total < head_of(ip) + tcp_head_of(l4) || tcp_head_of(l4) < 20)
			return false;
		*s = (struct segment){.outer = frame,
				      .ether = ether,
				      .ip = ip,
				      .tcp = l4,
				      .payload = total - head_of(ip) - tcp_head_of(l4),
				      .sport = get16(l4),
				      .dport = get16(l4 + 2),
				      .seq = get32(l4 + 4),
				      .ack = get32(l4 + 8),
				      .flags = l4[13] & 63};
		return true;
	}
	return false;
}

uint32_t segment_number(const struct segment *s, uint32_t which)
{
	uint32_t ends = (get32(s->ip + 12) ^ get32(s->ip + 16)) + (uint32_t)s->sport * s->dport;
	uint64_t h = (ends ^ (uint64_t)which << 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 29);
}

/* SACK (RFC 2018) names places in the other direction's stream. */
static void shift_sack(uint8_t *p, const uint8_t *end, uint32_t ack)
{
	while (p + 1 < end && *p) {
		size_t n = *p == 1 ? 1 : p[1];
		if (!n || n > (size_t)(end - p))
			return;
		for (size_t i = 2; *p == 5 && i + 4 <= n; i += 4)
			put32(p + i, get32(p + i) + ack);
		p += n;
	}
}

void segment_shift(struct segment *s, uint32_t seq, uint32_t ack)
{
	s->seq += seq;
	put32(s->tcp + 4, s->seq);
	if (s->flags & ACK) {
		s->ack += ack;
		put32(s->tcp + 8, s->ack);
		shift_sack(s->tcp + 20, s->tcp + tcp_head_of(s->tcp), ack);
	}
	checksum(s);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t kept[6];
	memcpy(kept, a, n);
	memcpy(a, b, n);
	memcpy(b, kept, n);
}

/* What the tunnel says of the frame inside. */
static void fit_tunnel(struct segment *s, const uint8_t *end)
{
	uint8_t *ip = s->outer + ETHER, *udp = ip + head_of(ip);
	put16(udp + 4, (uint32_t)(end - udp));
	put16(udp + 6, 0);
	ip_length(ip, (size_t)(end - ip));
}

size_t segment_reset(struct segment *s, uint8_t *frame, bool back)
{
	bool inside = s->outer != s->ether;
	if (back && inside) {
		swap(s->outer, s->outer + 6, 6);
		swap(s->outer + ETHER + 12, s->outer + ETHER + 16, 4);
	}
	if (back) {
		swap(s->ether, s->ether + 6, 6);
		swap(s->ip + 12, s->ip + 16, 4);
		swap(s->tcp, s->tcp + 2, 2);
		put32(s->tcp + 4, s->ack);
		put32(s->tcp + 8, s->seq + (uint32_t)s->payload);
	}
	s->tcp[12] = 5 << 4;
	s->tcp[13] = RST | ACK;
	s->payload = 0;
	put16(s->tcp + 14, 0); /* window */
	put16(s->tcp + 18, 0);
	ip_length(s->ip, head_of(s->ip) + 20);
	checksum(s);
	if (inside)
		fit_tunnel(s, s->tcp + 20);
	return (size_t)(s->tcp + 20 - frame);
}
