/* SPDX-License-Identifier: Apache-2.0 */
/* The batch: a straight line for the ordinary packet, a walk through the headers for every other. */
#include "parsers/link/decode.h"

#include "parsers/link/share.h"
#include "parsers/link/sign.h"
#include "parsers/link/walk.h"

enum { ETH_LEN = 14, TAG_LEN = 4, IP4_LEN = 20, IP6_LEN = 40, UDP_LEN = 8, TCP_LEN = 20 };
enum { TYPE_IP4 = 0x0800, TYPE_VLAN = 0x8100, TYPE_IP6 = 0x86dd };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { IP4_PLAIN = 0x45 /* version, and a header without options */ };
enum { NOT_WHOLE = 0xff3f /* more fragments, and the offset, as they lie in the header */ };

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

/* What the straight line knows of all packets of a batch, and of those of one point. */
struct straight {
	struct sp_tunnel_ports ports;
	uint64_t seed, sign_seed;
	uint32_t space; /* of plain frames */
	uint16_t point;
};

/* Where the payload is, of a TCP or UDP header of which TCP_LEN bytes are captured at least; what the packet says of
 * itself is written down. `end`: of the IP packet. False: not that, or a tunnel, or its lengths are odd. Which of both
 * protocols it is cannot be guessed: there is no branch for it. */
static inline bool fast_l4(const struct straight *s, struct sp_pkt *pkt, uint32_t at, uint32_t end, uint8_t proto)
{
	const uint8_t *l4 = pkt->data + at;
	uint32_t udp = proto == PROTO_UDP, header = l4[12] >> 2 & 0x3c;
	SP_UNPREDICTABLE(udp);
	uint32_t if_udp = -udp, if_tcp = udp - 1;
	if (SP_UNLIKELY((header | if_udp) < TCP_LEN) || SP_UNLIKELY(!(udp | (proto == PROTO_TCP))))
		return false;
	uint32_t l7 = at + (header & if_tcp) + udp * UDP_LEN;
	uint32_t stop = end ^ ((end ^ (at + sp_be16(l4 + 4))) & if_udp);
	if (SP_UNLIKELY(stop > end) || SP_UNLIKELY(l7 > stop) || SP_UNLIKELY(l7 > pkt->cap_len) ||
	    SP_UNLIKELY(sp_may_be_tunnel(&s->ports, sp_load32(l4)) & if_udp))
		return false;
	pkt->tcp_flags = (uint8_t)(l4[13] & if_tcp);
	pkt->l7_len = stop - l7;
	pkt->l7 = (uint16_t)l7;
	return true;
}

/* The rest of a packet that took the straight line. */
static inline void fast_done(struct sp_pkt *pkt, uint32_t l3, uint32_t l4, bool reverse, uint8_t ttl, uint8_t proto)
{
	static_assert(SP_PKT_REVERSE == 1 << 8 && SP_PKT_CUT == 1 << 2, "shifted into place");
	static_assert(!SP_ANALYSED && !SP_DECODE_OK, "zero as the layers are");
	pkt->l3 = (uint16_t)l3;
	pkt->l4 = (uint16_t)l4;
	pkt->flags = (uint16_t)((unsigned)reverse << 8 | (unsigned)(pkt->cap_len < pkt->wire_len) << 2);
	uint64_t rest = (uint64_t)ttl << 48 | (uint64_t)proto << 56;
	memcpy(&pkt->layers, &rest, sizeof rest);
}

/* IPv4 without options that is no fragment; the first byte was looked at. */
static inline bool fast_ip4(const struct straight *s, struct sp_batch *batch, size_t i, uint32_t l3)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	const uint8_t *ip = pkt->data + l3, *l4 = ip + IP4_LEN;
	uint32_t end = l3 + sp_be16(ip + 2);
	uint8_t proto = ip[9];
	if (sp_load16(ip + 6) & NOT_WHOLE || end > pkt->wire_len || !fast_l4(s, pkt, l3 + IP4_LEN, end, proto))
		return false;
	uint64_t ends = sp_load64(ip + 12);
	batch->sign[i] = sp_sign(ends, sp_load16(ip + 4), s->sign_seed, pkt->l7_len, l4);
	bool reverse = sp_key_v4_packet(&batch->key[i], ends, sp_be32(l4), pkt->space, proto, s->seed, &pkt->hash);
	fast_done(pkt, l3, l3 + IP4_LEN, reverse, ip[8], proto);
	return true;
}

/* IPv6 without extension headers; its first byte was not looked at. */
static inline bool fast_ip6(const struct straight *s, struct sp_batch *batch, uint32_t i, uint32_t l3)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	struct sp_flow_key *key = &batch->key[i];
	const uint8_t *ip = pkt->data + l3, *l4 = ip + IP6_LEN;
	if (pkt->cap_len < l3 + IP6_LEN + TCP_LEN || ip[0] >> 4 != 6 || !sp_be16(ip + 4))
		return false;
	uint32_t end = l3 + IP6_LEN + sp_be16(ip + 4);
	if (end > pkt->wire_len || !fast_l4(s, pkt, l3 + IP6_LEN, end, ip[6]))
		return false;
	bool reverse = sp_key_v6(key, ip + 8, ip + 24, sp_be16(l4), sp_be16(l4 + 2), pkt->space, ip[6]);
	pkt->hash = (uint32_t)sp_key_hash(key, sp_key_seed(s->seed)); /* the seed of the seed is the hash key */
	fast_done(pkt, l3, l3 + IP6_LEN, reverse, ip[7], ip[6]);
	batch->sign[i] = sp_sign_of(pkt);
	return true;
}

/* IPv6, or one tag before either. */
static __attribute__((noinline)) bool fast_other(const struct straight *s, struct sp_batch *batch, uint32_t i)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	const uint8_t *tag = pkt->data + ETH_LEN;
	uint16_t type = sp_be16(tag - 2), id = sp_be16(tag) & 0xfff;
	uint32_t plain = pkt->space, l3 = ETH_LEN + TAG_LEN;
	if (type == TYPE_IP6)
		return fast_ip6(s, batch, i, ETH_LEN);
	if (type != TYPE_VLAN || pkt->cap_len < l3 + IP4_LEN + TCP_LEN)
		return false;
	type = sp_be16(tag + 2);
	if (id)
		pkt->space = sp_space_vlan(plain, id);
	if (!(type == TYPE_IP4 && pkt->data[l3] == IP4_PLAIN && fast_ip4(s, batch, i, l3)) &&
	    !(type == TYPE_IP6 && fast_ip6(s, batch, i, l3))) {
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

/* The straight line: Ethernet, at most one tag, IP with nothing special, TCP or UDP, and so much of it captured that no
 * header needs another look. False: something else; what was written of the packet then, the walk writes again. */
static inline bool fast(const struct straight *s, struct sp_batch *batch, size_t i, uint32_t least)
{
	struct sp_pkt *pkt = &batch->pkt[i];
	if (pkt->cap_len < least || pkt->link != SP_LINK_ETHERNET)
		return false;
	/* Type, and version and length of the IP header, in one. */
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as they lie there");
	uint32_t begin = sp_load32(pkt->data + ETH_LEN - 2) & 0xffffff;
	if (SP_LIKELY(begin == (IP4_PLAIN << 16 | __builtin_bswap16(TYPE_IP4))))
		return fast_ip4(s, batch, i, ETH_LEN);
	return fast_other(s, batch, (uint32_t)i);
}

/* The way through any frame. */
static __attribute__((noinline)) void slow(const struct sp_decode_conf *conf, struct sp_batch *batch, uint32_t i)
{
	const struct sp_pkt *pkt = &batch->pkt[i];
	sp_walk(conf, batch, i);
	bool known = pkt->reason == SP_DECODE_OK && pkt->l4 != SP_NOOFS && !(pkt->flags & SP_PKT_NO_SIGN);
	batch->sign[i] = known ? sp_sign_of(pkt) : 0;
}

static inline void go_to_point(struct straight *s, const uint32_t *space, uint16_t point)
{
	s->point = point;
	s->space = space[point];
	s->sign_seed = sp_sign_seed(point);
}

void sp_decode_batch(const struct sp_decode_conf *conf, const uint32_t *space, struct sp_batch *batch)
{
	assert(batch->n <= SP_BATCH_MAX);
	struct straight s = {.ports = sp_tunnel_ports(conf), .seed = sp_key_seed(conf->hash_key)};
	/* No frame is that long: checksums are looked at on the walk. */
	uint32_t n = batch->n, least = conf->verify_checksums ? UINT32_MAX : ETH_LEN + IP4_LEN + TCP_LEN;
	const struct sp_homes homes = batch->homes;
	unsigned flags = 0;
	batch->n_layers = 0;
	batch->odd = false;
	if (n)
		go_to_point(&s, space, batch->pkt[0].point);
	for (size_t i = 0; i < n; i++) {
		struct sp_pkt *pkt = &batch->pkt[i];
		if (SP_UNLIKELY(pkt->point != s.point))
			go_to_point(&s, space, pkt->point);
		pkt->space = s.space;
		if (SP_LIKELY(fast(&s, batch, i, least))) {
			flags |= pkt->flags;
			sp_prefetch(sp_home(&homes, pkt->hash));
			continue;
		}
		slow(conf, batch, (uint32_t)i);
		batch->odd = true;
	}
	batch->odd |= !!(flags & SP_PKT_CUT);
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
	return sp_share(sp_share_fold(key->lo.b) ^ sp_share_fold(key->hi.b),
			__builtin_bswap16(key->lo_port ^ key->hi_port));
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
