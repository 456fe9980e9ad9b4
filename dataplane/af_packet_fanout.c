/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's fanout hash does not look into UDP tunnels, and a VXLAN sender takes its source port from a hash of what
 * is inside: the two directions of a tunnelled conversation would meet different sockets. So we bring our own hash, as
 * classic BPF: that needs no privilege beyond the socket's and no compiler.
 *
 * The program is put together from pieces; each takes X, the offset of a header from the frame's start, and ends in a
 * return or in a jump to the piece for what comes next. Classic BPF jumps only forward: what is inside a tunnel is read
 * by a second copy of the pieces behind the first. */
#include "dataplane/af_packet_fanout.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Scratch words of the program. */
enum scratch { M_TYPE, M_ADDR, M_L4, M_A };

enum { TAGS = 2, LEVELS = 2, JUMPS_MAX = 16 };

/* Pieces that others jump to. */
enum label { ETHERNET, IP, IPV4, IPV6, TRANSPORT, LABELS };

struct program {
	struct sock_filter *code;
	unsigned n;
	uint32_t base; /* where offset 0 is: the link or the network header */
	bool ports;
	struct {
		unsigned n, at[JUMPS_MAX];
	} jumps[LEVELS][LABELS];
};

static void op(struct program *p, uint16_t code, uint32_t k)
{
	assert(p->n < SP_FANOUT_PROGRAM_MAX);
	p->code[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

/* A = the bytes at X + offset. A load past the end of the packet ends the program with 0. */
static void load(struct program *p, uint16_t size, uint32_t offset)
{
	op(p, BPF_LD | BPF_IND | size, p->base + offset);
}

/* Runs what follows up to end_if only when `test` (BPF_JEQ, BPF_JSET) holds for A and k. */
static unsigned begin_if(struct program *p, uint16_t test, uint32_t k)
{
	assert(p->n < SP_FANOUT_PROGRAM_MAX);
	p->code[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, k, 1, 0);
	op(p, BPF_JMP | BPF_JA, 0);
	return p->n - 1;
}

static void end_if(struct program *p, unsigned at)
{
	p->code[at].k = p->n - at - 1;
}

static void jump(struct program *p, unsigned level, enum label to)
{
	assert(p->jumps[level][to].n < JUMPS_MAX);
	p->jumps[level][to].at[p->jumps[level][to].n++] = p->n;
	op(p, BPF_JMP | BPF_JA, 0);
}

/* The piece begins here. */
static void label(struct program *p, unsigned level, enum label name)
{
	for (unsigned i = 0; i < p->jumps[level][name].n; i++)
		end_if(p, p->jumps[level][name].at[i]);
}

static void advance(struct program *p, uint32_t n)
{
	op(p, BPF_MISC | BPF_TXA, 0);
	op(p, BPF_ALU | BPF_ADD | BPF_K, n);
	op(p, BPF_MISC | BPF_TAX, 0);
}

/* X += A. */
static void advance_by_a(struct program *p)
{
	op(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	op(p, BPF_MISC | BPF_TAX, 0);
}

static void return_addresses(struct program *p)
{
	op(p, BPF_LD | BPF_MEM, M_ADDR);
	op(p, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1);
	op(p, BPF_ALU | BPF_RSH | BPF_K, 12);
	op(p, BPF_RET | BPF_A, 0);
}

/* X at a TCP, UDP or SCTP header. The XOR of the ports does not know which came first. */
static void return_ports(struct program *p)
{
	if (!p->ports) {
		return_addresses(p);
		return;
	}
	load(p, BPF_W, 0);
	op(p, BPF_ST, M_A);
	op(p, BPF_ALU | BPF_RSH | BPF_K, 16);
	op(p, BPF_MISC | BPF_TAX, 0);
	op(p, BPF_LD | BPF_MEM, M_A);
	op(p, BPF_ALU | BPF_AND | BPF_K, 0xffff);
	op(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	op(p, BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b);
	op(p, BPF_LDX | BPF_MEM, M_ADDR);
	op(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	op(p, BPF_ST, M_ADDR);
	return_addresses(p);
}

/* X at a UDP header; what is inside is read by the pieces of `level`. */
static void udp_tunnels(struct program *p, unsigned level)
{
	static const uint16_t vxlan[] = {4789, 8472};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(vxlan); i++) {
		load(p, BPF_H, 2);
		unsigned is_vxlan = begin_if(p, BPF_JEQ, vxlan[i]);
		advance(p, 16);
		jump(p, level, ETHERNET);
		end_if(p, is_vxlan);
	}

	load(p, BPF_H, 2);
	unsigned geneve = begin_if(p, BPF_JEQ, 6081);
	load(p, BPF_H, 10);
	op(p, BPF_ST, M_TYPE);
	load(p, BPF_B, 8);
	op(p, BPF_ALU | BPF_AND | BPF_K, 0x3f);
	op(p, BPF_ALU | BPF_LSH | BPF_K, 2);
	op(p, BPF_ALU | BPF_ADD | BPF_K, 16);
	advance_by_a(p);
	op(p, BPF_LD | BPF_MEM, M_TYPE);
	unsigned teb = begin_if(p, BPF_JEQ, 0x6558);
	jump(p, level, ETHERNET);
	end_if(p, teb);
	jump(p, level, IP);
	end_if(p, geneve);

	/* GTP-U: a G-PDU, with at most one extension header. */
	load(p, BPF_H, 2);
	unsigned gtpu = begin_if(p, BPF_JEQ, 2152);
	load(p, BPF_B, 9);
	unsigned data = begin_if(p, BPF_JEQ, 0xff);
	load(p, BPF_B, 8);
	unsigned extension = begin_if(p, BPF_JSET, 4);
	load(p, BPF_B, 20);
	op(p, BPF_ALU | BPF_LSH | BPF_K, 2);
	op(p, BPF_ALU | BPF_ADD | BPF_K, 20);
	advance_by_a(p);
	jump(p, level, IP);
	end_if(p, extension);
	unsigned optional = begin_if(p, BPF_JSET, 3);
	advance(p, 4);
	end_if(p, optional);
	advance(p, 16);
	jump(p, level, IP);
	end_if(p, data);
	end_if(p, gtpu);
}

/* X at a GRE header. */
static void gre(struct program *p, unsigned level)
{
	/* Leaves the length of the header in X and the protocol in M_TYPE. */
	load(p, BPF_H, 2);
	op(p, BPF_ST, M_TYPE);
	static const uint16_t optional[] = {0x8000, 0x2000, 0x1000};
	load(p, BPF_H, 0);
	op(p, BPF_ST, M_A);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(optional); i++) {
		op(p, BPF_LD | BPF_MEM, M_A);
		unsigned there = begin_if(p, BPF_JSET, optional[i]);
		advance(p, 4);
		end_if(p, there);
	}
	advance(p, 4);

	op(p, BPF_LD | BPF_MEM, M_TYPE);
	unsigned teb = begin_if(p, BPF_JEQ, 0x6558);
	jump(p, level, ETHERNET);
	end_if(p, teb);

	unsigned erspan = begin_if(p, BPF_JEQ, 0x88be);
	op(p, BPF_LD | BPF_MEM, M_A);
	unsigned type2 = begin_if(p, BPF_JSET, 0x1000);
	advance(p, 8);
	end_if(p, type2);
	jump(p, level, ETHERNET);
	end_if(p, erspan);

	unsigned erspan3 = begin_if(p, BPF_JEQ, 0x22eb);
	load(p, BPF_B, 11);
	unsigned subheader = begin_if(p, BPF_JSET, 1);
	advance(p, 8);
	end_if(p, subheader);
	advance(p, 12);
	jump(p, level, ETHERNET);
	end_if(p, erspan3);

	static const uint16_t plain[] = {0x0800, 0x86dd};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(plain); i++) {
		unsigned is_ip = begin_if(p, BPF_JEQ, plain[i]);
		jump(p, level, IP);
		end_if(p, is_ip);
	}
}

/* M_ADDR ^= the word at `offset` of the header whose offset is in M_L4; X is that offset afterwards. */
static void mix_word(struct program *p, uint32_t offset)
{
	load(p, BPF_W, offset);
	op(p, BPF_LDX | BPF_MEM, M_ADDR);
	op(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	op(p, BPF_ST, M_ADDR);
	op(p, BPF_LDX | BPF_MEM, M_L4);
}

static void ethernet(struct program *p, unsigned level)
{
	static const uint16_t tag[] = {0x8100, 0x88a8, 0x9100};
	load(p, BPF_H, 12);
	op(p, BPF_ST, M_TYPE);
	advance(p, 14);
	for (unsigned depth = 0; depth < TAGS; depth++) {
		op(p, BPF_LD | BPF_MEM, M_TYPE);
		for (unsigned i = 0; i < SP_ARRAY_SIZE(tag); i++) {
			unsigned tagged = begin_if(p, BPF_JEQ, tag[i]);
			load(p, BPF_H, 2);
			op(p, BPF_ST, M_TYPE);
			advance(p, 4);
			op(p, BPF_LD | BPF_IMM, 0); /* no tag: the other comparisons fail */
			end_if(p, tagged);
		}
	}
	static const struct {
		uint16_t type;
		enum label piece;
	} inside[] = {{0x0800, IPV4}, {0x86dd, IPV6}};
	op(p, BPF_LD | BPF_MEM, M_TYPE);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(inside); i++) {
		unsigned is_ip = begin_if(p, BPF_JEQ, inside[i].type);
		jump(p, level, inside[i].piece);
		end_if(p, is_ip);
	}
	op(p, BPF_RET | BPF_K, 0);
}

/* The version is in the first four bits. */
static void ip(struct program *p, unsigned level)
{
	load(p, BPF_B, 0);
	op(p, BPF_ALU | BPF_RSH | BPF_K, 4);
	unsigned four = begin_if(p, BPF_JEQ, 4);
	jump(p, level, IPV4);
	end_if(p, four);
	unsigned six = begin_if(p, BPF_JEQ, 6);
	jump(p, level, IPV6);
	end_if(p, six);
	op(p, BPF_RET | BPF_K, 0);
}

static void ipv4(struct program *p, unsigned level)
{
	op(p, BPF_STX, M_L4);
	op(p, BPF_LD | BPF_IMM, 0);
	op(p, BPF_ST, M_ADDR);
	mix_word(p, 12);
	mix_word(p, 16);
	/* The first fragment has ports, the others have none: all go by their addresses. */
	load(p, BPF_H, 6);
	unsigned fragment = begin_if(p, BPF_JSET, 0x3fff);
	return_addresses(p);
	end_if(p, fragment);
	load(p, BPF_B, 0);
	op(p, BPF_ALU | BPF_AND | BPF_K, 15);
	op(p, BPF_ALU | BPF_LSH | BPF_K, 2);
	op(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	op(p, BPF_ST, M_L4);
	load(p, BPF_B, 9);
	jump(p, level, TRANSPORT);
}

/* Extension headers are not walked: such packets go by their addresses. */
static void ipv6(struct program *p, unsigned level)
{
	op(p, BPF_STX, M_L4);
	op(p, BPF_LD | BPF_IMM, 0);
	op(p, BPF_ST, M_ADDR);
	for (uint32_t word = 8; word < 40; word += 4)
		mix_word(p, word);
	op(p, BPF_MISC | BPF_TXA, 0);
	op(p, BPF_ALU | BPF_ADD | BPF_K, 40);
	op(p, BPF_ST, M_L4);
	load(p, BPF_B, 6);
	jump(p, level, TRANSPORT);
}

/* A holds the IP protocol, M_L4 the offset of its header. */
static void transport(struct program *p, unsigned level)
{
	bool look_inside = level + 1 < LEVELS;
	op(p, BPF_LDX | BPF_MEM, M_L4);
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_SCTP};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(with_ports); i++) {
		unsigned is = begin_if(p, BPF_JEQ, with_ports[i]);
		return_ports(p);
		end_if(p, is);
	}
	unsigned udp = begin_if(p, BPF_JEQ, IPPROTO_UDP);
	if (look_inside)
		udp_tunnels(p, level + 1);
	return_ports(p);
	end_if(p, udp);
	if (look_inside) {
		unsigned is_gre = begin_if(p, BPF_JEQ, IPPROTO_GRE);
		gre(p, level + 1);
		return_addresses(p);
		end_if(p, is_gre);
		static const uint8_t ip_in_ip[] = {IPPROTO_IPIP, IPPROTO_IPV6};
		for (unsigned i = 0; i < SP_ARRAY_SIZE(ip_in_ip); i++) {
			unsigned is = begin_if(p, BPF_JEQ, ip_in_ip[i]);
			jump(p, level + 1, IP);
			end_if(p, is);
		}
	}
	return_addresses(p);
}

unsigned sp_fanout_program(struct sock_filter code[SP_FANOUT_PROGRAM_MAX], enum sp_af_packet_fanout how,
			   bool is_ethernet)
{
	struct program p = {.code = code,
			    .base = (uint32_t)(is_ethernet ? SKF_LL_OFF : SKF_NET_OFF),
			    .ports = how == SP_FANOUT_FLOW};
	static void (*const piece[LABELS])(struct program *, unsigned) = {
		[ETHERNET] = ethernet, [IP] = ip, [IPV4] = ipv4, [IPV6] = ipv6, [TRANSPORT] = transport};
	op(&p, BPF_LDX | BPF_IMM, 0);
	jump(&p, 0, is_ethernet ? ETHERNET : IP);
	for (unsigned level = 0; level < LEVELS; level++)
		for (unsigned l = 0; l < LABELS; l++) {
			if (!p.jumps[level][l].n)
				continue;
			label(&p, level, l);
			piece[l](&p, level);
		}
	return p.n;
}

static uint32_t words_mixed(const struct sp_addr *addr)
{
	uint32_t word[4], mixed = 0;
	memcpy(word, addr, sizeof word);
	for (unsigned i = sp_addr_is_v4(addr) ? 3 : 0; i < 4; i++)
		mixed ^= ntohl(word[i]);
	return mixed;
}

uint32_t sp_fanout_hash(const struct sp_flow_key *key)
{
	uint32_t mixed = words_mixed(&key->lo) ^ words_mixed(&key->hi);
	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP || key->proto == IPPROTO_SCTP)
		mixed += (uint32_t)(key->lo_port ^ key->hi_port) * UINT32_C(0x85ebca6b);
	return mixed * UINT32_C(0x9e3779b1) >> 12;
}

bool sp_fanout_symmetric(enum sp_af_packet_fanout how)
{
	return how != SP_FANOUT_CPU;
}

int sp_fanout_join(int fd, enum sp_af_packet_fanout how, bool is_ethernet, int *group)
{
	static const uint16_t type[] = {[SP_FANOUT_FLOW] = PACKET_FANOUT_CBPF,
					[SP_FANOUT_ADDRESSES] = PACKET_FANOUT_CBPF,
					[SP_FANOUT_KERNEL] = PACKET_FANOUT_HASH,
					[SP_FANOUT_CPU] = PACKET_FANOUT_CPU};
	bool first = *group < 0;
	int arg = first ? (type[how] | PACKET_FANOUT_FLAG_UNIQUEID) << 16 : type[how] << 16 | *group;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof arg) < 0)
		return -errno;
	if (!first)
		return 0;
	socklen_t len = sizeof arg;
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, &len) < 0)
		return -errno;
	*group = arg & 0xffff;
	if (type[how] != PACKET_FANOUT_CBPF)
		return 0;
	struct sock_filter code[SP_FANOUT_PROGRAM_MAX];
	struct sock_fprog program = {.len = sp_fanout_program(code, how, is_ethernet), .filter = code};
	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) < 0 ? -errno : 0;
}
