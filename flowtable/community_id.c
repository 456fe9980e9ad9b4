/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/community_id.h"

#include <netinet/in.h>
#include <nettle/sha1.h>
#include <string.h>

/* An ICMP type and the type that answers it. A type without an answer makes a one-way flow, which keeps its direction.
 */
struct pair {
	uint8_t type, answer;
};

static const struct pair icmp_pairs[] = {
	{8, 0},	  /* echo */
	{13, 14}, /* timestamp */
	{15, 16}, /* information */
	{10, 9},  /* router solicitation, advertisement */
	{17, 18}, /* address mask */
};

static const struct pair icmp6_pairs[] = {
	{128, 129}, /* echo */
	{133, 134}, /* router solicitation, advertisement */
	{135, 136}, /* neighbour solicitation, advertisement */
	{130, 131}, /* multicast listener query, report */
	{139, 140}, /* node information query, response */
	{144, 145}, /* home agent address discovery */
};

/* The type that stands for the other direction in the place of the second port, -1 when there is none. */
static int answer_to(const struct pair *pairs, size_t n, unsigned type)
{
	for (size_t i = 0; i < n; i++) {
		if (pairs[i].type == type)
			return pairs[i].answer;
		if (pairs[i].answer == type)
			return pairs[i].type;
	}
	return -1;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_ICMP ||
	       proto == IPPROTO_ICMPV6;
}

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void sp_community_id(struct sp_community_id *ret, const struct sp_community_tuple *t, uint16_t seed)
{
	const struct sp_addr *src = &t->src, *dst = &t->dst;
	uint16_t src_port = t->src_port, dst_port = t->dst_port;
	bool v4 = sp_addr_is_v4(src) && sp_addr_is_v4(dst), one_way = false;

	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
		int answer = t->proto == IPPROTO_ICMP ? answer_to(icmp_pairs, SP_ARRAY_SIZE(icmp_pairs), src_port)
						      : answer_to(icmp6_pairs, SP_ARRAY_SIZE(icmp6_pairs), src_port);
		one_way = answer < 0;
		if (!one_way)
			dst_port = (uint16_t)answer;
	}
	int order = memcmp(src, dst, sizeof *src);
	if (!one_way && (order > 0 || (!order && src_port > dst_port))) {
		src = &t->dst;
		dst = &t->src;
		uint16_t port = src_port;
		src_port = dst_port;
		dst_port = port;
	}

	/* Seed, addresses, protocol, a zero, ports: at most 40 bytes, so with its padding (FIPS 180-4) it is one block.
	 */
	uint8_t block[64] = {0};
	size_t n = 2, skip = v4 ? 12 : 0, each = sizeof *src - skip;
	put_be16(block, seed);
	memcpy(block + n, src->b + skip, each);
	memcpy(block + n + each, dst->b + skip, each);
	n += 2 * each;
	block[n] = t->proto;
	n += 2;
	if (has_ports(t->proto)) {
		put_be16(block + n, src_port);
		put_be16(block + n + 2, dst_port);
		n += 4;
	}
	block[n] = 0x80;
	put_be16(block + 62, (uint16_t)(n * 8));

	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	nettle_sha1_compress(state, block);
	for (int i = 0; i < 5; i++) {
		uint32_t be = __builtin_bswap32(state[i]);
		memcpy(ret->sha1 + 4 * i, &be, 4);
	}
}

/* ICMP's type and code stand where others have ports, and belong to the side that sent first. */
void sp_community_id_of(struct sp_community_id *ret, const struct sp_flow_record *r)
{
	struct sp_community_tuple t = {.src = r->client_ip,
				       .dst = r->server_ip,
				       .src_port = r->client_port,
				       .dst_port = r->server_port,
				       .proto = r->proto};
	if (r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6) {
		if (r->icmp_from_server) {
			t.src = r->server_ip;
			t.dst = r->client_ip;
		}
		t.src_port = r->icmp_type;
		t.dst_port = r->icmp_code;
	}
	sp_community_id(ret, &t, 0);
}
