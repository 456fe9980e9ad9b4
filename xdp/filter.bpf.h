/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The capture filter inside the kernel, for the XDP and the tc program. Rules are bits of a 64-bit word: the networks
 * that an address is in and the rules that a port is in are looked up, and a frame is wanted when one rule has both.
 * What is not understood is not wanted: the host keeps it. xdp/filter.h fills the maps. */
#ifndef SP_XDP_FILTER_BPF_H
#define SP_XDP_FILTER_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLANS_MAX 4
#define EXTENSIONS_MAX 8
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define HEADERS_MAX 512 /* no L4 header is looked for behind this */

struct net_key {
	__u32 bits;
	__u8 addr[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct fragment_key {
	__u8 src[16], dst[16];
	__u32 id;
	__u32 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, struct net_key);
	__type(value, __u64);
} nets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

/* Datagrams whose first fragment was wanted: the others have no ports. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment_key);
	__type(value, __u8);
} fragments SEC(".maps");

const volatile bool filtered;  /* are there rules at all? */
const volatile __u64 any_net;  /* rules without a network */
const volatile __u64 any_port; /* rules without a port */

/* Where the walk over the headers is. It lives in a map and not on the stack, because the verifier then knows nothing
 * about its values and takes all ways to the same place for one. */
struct walk {
	__u32 off;
	__u32 id; /* of a fragmented datagram */
	__u8 src[16], dst[16];
	__u8 proto;
	__u8 fragment, first;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} walks SEC(".maps");

struct bytes {
	void *data, *end;
};

/* `size` bytes at the walk's offset, or NULL. */
static __always_inline void *header(const struct bytes *b, const struct walk *w, __u32 size)
{
	barrier(); /* read it from there, indeed */
	__u32 off = w->off;
	if (off > HEADERS_MAX)
		return NULL;
	void *p = b->data + off;
	return p + size > b->end ? NULL : p;
}

static __always_inline bool walk_ethernet(const struct bytes *b, struct walk *w, __u16 *type)
{
	__u8 *eth = header(b, w, ETH_HLEN);
	if (!eth)
		return false;
	*type = eth[12] << 8 | eth[13];
	w->off += ETH_HLEN;
#pragma unroll
	for (int i = 0; i < VLANS_MAX; i++) {
		if (*type != ETH_P_8021Q && *type != ETH_P_8021AD && *type != 0x9100 && *type != 0x9200)
			break;
		__u8 *tag = header(b, w, 4);
		if (!tag)
			return false;
		*type = tag[2] << 8 | tag[3];
		w->off += 4;
	}
	return true;
}

static __always_inline bool walk_ipv4(const struct bytes *b, struct walk *w)
{
	__u8 *ip = header(b, w, 20);
	if (!ip || ip[0] >> 4 != 4)
		return false;
	__u32 length = (ip[0] & 15) * 4;
	if (length < 20)
		return false;
	__builtin_memset(w->src, 0, 10);
	__builtin_memset(w->src + 10, 0xff, 2);
	__builtin_memcpy(w->dst, w->src, 12);
	__builtin_memcpy(w->src + 12, ip + 12, 4);
	__builtin_memcpy(w->dst + 12, ip + 16, 4);
	__u16 frag = ip[6] << 8 | ip[7];
	w->fragment = !!(frag & 0x3fff);
	w->first = !(frag & 0x1fff);
	w->id = ip[4] << 8 | ip[5];
	w->proto = ip[9];
	w->off += length;
	return true;
}

static __always_inline bool is_extension(__u32 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS || next == IPPROTO_MH ||
	       next == IPPROTO_HIP || next == IPPROTO_SHIM6 || next == IPPROTO_AH || next == IPPROTO_FRAGMENT;
}

/* RFC 8200 4: takes one extension header off: those that have a length in the common place, AH, and the fragment
 * header. Nothing happens when there is none, or behind a later fragment's, where no header follows. False when it is
 * cut. */
static __always_inline bool step_ipv6(const struct bytes *b, struct walk *w)
{
	barrier();
	__u32 next = w->proto;
	if (!is_extension(next) || (w->fragment && !w->first))
		return true;
	__u8 *ext = header(b, w, 8);
	if (!ext)
		return false;
	__u32 length = (ext[1] + 1) * 8;
	if (next == IPPROTO_AH)
		length = (ext[1] + 2) * 4;
	if (next == IPPROTO_FRAGMENT) {
		length = 8;
		w->fragment = !!((ext[2] << 8 | ext[3]) & 0xfff9);
		w->first = !((ext[2] << 8 | ext[3]) & 0xfff8);
		w->id = ext[4] << 24 | ext[5] << 16 | ext[6] << 8 | ext[7];
	}
	w->proto = ext[0];
	w->off += length;
	return true;
}

static __always_inline bool walk_ipv6(const struct bytes *b, struct walk *w)
{
	__u8 *ip = header(b, w, 40);
	if (!ip || ip[0] >> 4 != 6)
		return false;
	__builtin_memcpy(w->src, ip + 8, 16);
	__builtin_memcpy(w->dst, ip + 24, 16);
	w->proto = ip[6];
	w->off += 40;
	/* Unrolled, which clang can do with one way out only: verifiers up to Linux 6.1 refuse the loop that it makes.
	 */
#pragma unroll
	for (int i = 0; i < EXTENSIONS_MAX; i++)
		if (!step_ipv6(b, w))
			return false;
	return true;
}

static __always_inline __u64 net_rules(const __u8 *addr)
{
	struct net_key key = {.bits = 128};
	__builtin_memcpy(key.addr, addr, 16);
	__u64 *rules = bpf_map_lookup_elem(&nets, &key);
	return rules ? *rules : 0;
}

static __always_inline __u64 port_rules(__u32 port)
{
	__u64 *rules = bpf_map_lookup_elem(&ports, &port);
	return rules ? *rules : 0;
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP ||
	       proto == IPPROTO_UDPLITE;
}

static __always_inline bool match(const struct bytes *b, const struct walk *w)
{
	__u64 rules = any_net | net_rules(w->src) | net_rules(w->dst);
	if (rules & any_port)
		return true;
	if (!rules || !has_ports(w->proto))
		return false;
	__u8 *l4 = header(b, w, 4);
	if (!l4)
		return false;
	return rules & (port_rules(l4[0] << 8 | l4[1]) | port_rules(l4[2] << 8 | l4[3]));
}

static __always_inline bool wanted(void *data, void *end)
{
	const struct bytes b = {data, end};
	__u32 zero = 0;
	struct walk *w = bpf_map_lookup_elem(&walks, &zero);
	if (!w)
		return false;
	__u16 type = 0;
	w->off = w->fragment = 0;
	w->first = 1;
	if (!walk_ethernet(&b, w, &type))
		return false;
	if (type == ETH_P_IP ? !walk_ipv4(&b, w) : type == ETH_P_IPV6 ? !walk_ipv6(&b, w) : true)
		return false;
	if (!w->fragment)
		return match(&b, w);

	/* RFC 8200 4.5: the first fragment's Next Header is the one that counts, so IPv6 identifies without it. */
	struct fragment_key key = {.id = w->id, .proto = type == ETH_P_IPV6 ? 0 : w->proto};
	__builtin_memcpy(key.src, w->src, 16);
	__builtin_memcpy(key.dst, w->dst, 16);
	if (!w->first)
		return bpf_map_lookup_elem(&fragments, &key);
	if (!match(&b, w))
		return false;
	__u8 one = 1;
	bpf_map_update_elem(&fragments, &key, &one, BPF_ANY);
	return true;
}

#endif
