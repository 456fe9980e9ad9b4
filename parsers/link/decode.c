/* SPDX-License-Identifier: Apache-2.0 */
/* The batch: a straight line for the ordinary packet, a walk through the headers for every other. */
#include "parsers/link/decode.h"

#include "parsers/link/share.h"
#include "parsers/link/walk.h"

enum { ETH_LEN = 14, TAG_LEN = 4, IP4_LEN = 20, IP6_LEN = 40, UDP_LEN = 8, TCP_LEN = 20 };
enum { TYPE_IP4 = 0x0800, TYPE_VLAN = 0x8100, TYPE_IP6 = 0x86dd };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };

static const char *const reason_names[] = {
#define X(sym, verdict, name) name,
	SP_DECODE_REASONS(X)
#undef X
};

static const char *const tunnel_names[] = {
#define X(sym, text) text,
	SP_TUNNEL_TYPES(X)
#undef X
};

const char *sp_decode_reason_name(enum sp_decode_reason reason)
{
	assert(reason < SP_DECODE_REASON_MAX);
	return reason_names[reason];
}

const char *sp_tunnel_type_name(enum sp_tunnel_type type)
{
	assert(type < SP_TUNNEL_TYPE_MAX);
	return tunnel_names[type];
}

struct sp_decode_conf sp_decode_conf_default(void)
{
	return (struct sp_decode_conf){
		.vxlan_ports = {4789, 8472},
		.vxlan_gpe_port = 4790,
		.geneve_port = 6081,
		.gtpu_port = 2152,
		.l2tp_port = 1701,
		.max_tunnels = 8,
	};
}

uint64_t sp_flow_key_hash(const struct sp_flow_key *key, uint64_t hash_key)
{
	return sp_key_hash(key, hash_key);
}

/* Where the payload is, of a TCP or UDP header that is captured whole; what the packet says of itself is written down.
 * `end`: of the IP packet. False: not that, or a tunnel, or its lengths are odd. */
static inline bool fast_l4(const struct sp_tunnel_ports *ports, struct sp_pkt *pkt, uint32_t at, uint32_t end,
			   uint8_t proto)
{
	const uint8_t *l4 = pkt->data + at;
	uint32_t l7;
	if (proto == PROTO_TCP) {
		if (pkt->cap_len < at + TCP_LEN)
			return false;
		unsigned header = l4[12] >> 4 << 2;
		l7 = at + header;
		if (header < TCP_LEN || l7 > end)
			return false;
		pkt->tcp_flags = l4[13];
	} else if (proto == PROTO_UDP) {
		if (pkt->cap_len < at + UDP_LEN)
			return false;
		l7 = at + UDP_LEN;
		uint32_t declared = at + sp_be16(l4 + 4);
		if (declared < l7 || declared > end || sp_may_be_tunnel(ports, sp_be16(l4), sp_be16(l4 + 2)))
			return false;
		end = declared;
		pkt->tcp_flags = 0;
	} else {
		return false;
	}
	if (l7 > pkt->cap_len)
		return false;
	pkt->l7_len = end - l7;
	pkt->l4 = (uint16_t)at;
	pkt->l7 = (uint16_t)l7;
	pkt->proto = proto;
	return true;
}

/* The rest of a packet that took the straight line. */
static inline void fast_done(struct sp_pkt *pkt, uint32_t l3, bool reverse)
{
	static_assert(SP_PKT_REVERSE == 1 << 8 && SP_PKT_CUT == 1 << 2, "shifted into place");
	pkt->l3 = (uint16_t)l3;
	pkt->l2 = 0;
	pkt->flags = (uint16_t)((unsigned)reverse << 8 | (unsigned)(pkt->cap_len < pkt->wire_len) << 2);
	pkt->layers = 0;
	pkt->verdict = SP_ANALYSED;
	pkt->reason = SP_DECODE_OK;
}

/* IPv4 without options that is no fragment. */
static inline bool fast_ip4(const struct sp_tunnel_ports *ports, uint64_t seed, struct sp_pkt *pkt,
			    struct sp_flow_key *key, uint32_t l3)
{
	const uint8_t *ip = pkt->data + l3;
	if (pkt->cap_len < l3 + IP4_LEN + UDP_LEN || ip[0] != 0x45 || sp_be16(ip + 6) & 0x3fff)
		return false;
	uint32_t end = l3 + sp_be16(ip + 2);
	if (end > pkt->wire_len || !fast_l4(ports, pkt, l3 + IP4_LEN, end, ip[9]))
		return false;
	bool reverse = sp_key_v4_packet(key, ip + 12, ip + IP4_LEN, pkt->space, ip[9], seed, &pkt->hash);
	pkt->ttl = ip[8];
	fast_done(pkt, l3, reverse);
	return true;
}

/* IPv6 without extension headers. */
static inline bool fast_ip6(const struct sp_tunnel_ports *ports, uint64_t seed, struct sp_pkt *pkt,
			    struct sp_flow_key *key, uint32_t l3)
{
	const uint8_t *ip = pkt->data + l3;
	if (pkt->cap_len < l3 + IP6_LEN + UDP_LEN || ip[0] >> 4 != 6 || !sp_be16(ip + 4))
		return false;
	uint32_t end = l3 + IP6_LEN + sp_be16(ip + 4);
	if (end > pkt->wire_len || !fast_l4(ports, pkt, l3 + IP6_LEN, end, ip[6]))
		return false;
	const uint8_t *l4 = ip + IP6_LEN;
	bool reverse = sp_key_v6(key, ip + 8, ip + 24, sp_be16(l4), sp_be16(l4 + 2), pkt->space, ip[6]);
	pkt->hash = (uint32_t)sp_key_hash(key, sp_key_seed(seed)); /* the seed of the seed is the hash key */
	pkt->ttl = ip[7];
	fast_done(pkt, l3, reverse);
	return true;
}

/* One tag. */
static bool fast_vlan(const struct sp_tunnel_ports *ports, uint64_t seed, struct sp_batch *batch, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	struct sp_flow_key *key = &batch->key[i];
	uint16_t id = sp_be16(pkt->data + ETH_LEN) & 0xfff, type = sp_be16(pkt->data + ETH_LEN + 2);
	uint32_t plain = pkt->space, l3 = ETH_LEN + TAG_LEN;
	if (id)
		pkt->space = sp_space_vlan(plain, id);
	if (!(type == TYPE_IP4 && fast_ip4(ports, seed, pkt, key, l3)) &&
	    !(type == TYPE_IP6 && fast_ip6(ports, seed, pkt, key, l3))) {
		pkt->space = plain;
		return false;
	}
	if (id) {
		struct sp_layers *l = &batch->layers[batch->n_layers];
		memset(l, 0, sizeof *l);
		l->n_vlan = 1;
		l->vlan[0] = id;
		pkt->layers = (uint16_t)++batch->n_layers;
	}
	return true;
}

/* The straight line: Ethernet, at most one tag, IP with nothing special, TCP or UDP. False: something else; what was
 * written of the packet then, the walk writes again. */
static inline bool fast(const struct sp_tunnel_ports *ports, uint64_t seed, struct sp_batch *batch, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	if (pkt->cap_len < ETH_LEN + IP4_LEN + UDP_LEN || pkt->link != SP_LINK_ETHERNET)
		return false;
	uint16_t type = sp_be16(pkt->data + ETH_LEN - 2);
	if (SP_LIKELY(type == TYPE_IP4))
		return fast_ip4(ports, seed, pkt, &batch->key[i], ETH_LEN);
	if (type == TYPE_IP6)
		return fast_ip6(ports, seed, pkt, &batch->key[i], ETH_LEN);
	return type == TYPE_VLAN && fast_vlan(ports, seed, batch, i);
}

void sp_decode_batch(const struct sp_decode_conf *conf, const uint32_t *space, struct sp_batch *batch)
{
	assert(batch->n <= SP_BATCH_MAX);
	const struct sp_tunnel_ports ports = sp_tunnel_ports(conf);
	uint64_t seed = sp_key_seed(conf->hash_key);
	bool straight = !conf->verify_checksums;
	uint32_t n = batch->n;
	batch->n_layers = 0;
	bool odd = false;
	for (uint32_t i = 0; i < n; i++) {
		struct sp_pkt *pkt = &batch->pkt[i];
		pkt->space = space[pkt->point];
		odd |= pkt->cap_len < pkt->wire_len;
		if (SP_LIKELY(straight && fast(&ports, seed, batch, i)))
			continue;
		sp_walk(conf, batch, i);
		odd = true;
	}
	batch->odd = odd;
}

bool sp_flow_key_meets(const struct sp_decode_conf *conf, const struct sp_flow_key *key)
{
	const uint16_t *port = conf->meet_ports, *end = port + SP_DECODE_MEET_PORTS;
	if (key->proto != PROTO_UDP)
		return false;
	while (port < end && *port && *port != key->lo_port && *port != key->hi_port)
		port++;
	return port < end && *port;
}

uint32_t sp_flow_key_share(const struct sp_decode_conf *conf, const struct sp_flow_key *key)
{
	if (SP_UNLIKELY(sp_flow_key_meets(conf, key)))
		return 0;
	return sp_share(sp_share_end(sp_share_fold(key->lo.b), key->lo_port),
			sp_share_end(sp_share_fold(key->hi.b), key->hi_port), key->proto);
}

void sp_decode_icmp_own_key(uint64_t hash_key, struct sp_pkt *pkt, struct sp_flow_key *key)
{
	assert(pkt->flags & SP_PKT_QUOTED);
	const uint8_t *ip = pkt->data + pkt->l3, *icmp = pkt->data + pkt->l4;
	bool v6 = ip[0] >> 4 == 6;
	struct sp_conv c = {
		.src = ip + (v6 ? 8 : 12),
		.dst = ip + (v6 ? 24 : 16),
		.sport = (uint16_t)(icmp[0] << 8 | icmp[1]),
		.space = pkt->space,
		.key_proto = pkt->proto,
		.v6 = v6,
		.icmp = true,
	};
	bool reverse = sp_conv_key(&c, key);
	pkt->flags &= (uint16_t) ~(SP_PKT_QUOTED | SP_PKT_REVERSE);
	pkt->flags |= SP_PKT_NO_PORTS | (reverse ? SP_PKT_REVERSE : 0);
	pkt->hash = (uint32_t)sp_key_hash(key, hash_key);
}
