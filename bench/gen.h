/* SPDX-License-Identifier: Apache-2.0 */
/* What the capture generators share: the random source, the truth that they count, and the pcap writer with its frames.
 * Everything follows from the seed: the same arguments give the same bytes on every machine. */
#ifndef SP_BENCH_GEN_H
#define SP_BENCH_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEN_MSS 1448 /* 1460 less the timestamp option */
#define GEN_WINDOW 0x01f5
#define GEN_WSCALE 7

enum gen_dir { GEN_C2S, GEN_S2C };
enum gen_tcp_flags { GEN_FIN = 1, GEN_SYN = 2, GEN_PSH = 8, GEN_ACK = 16 };

/* Protocols of which calls are counted, and bytes that no parser knows. */
#define GEN_APPS(X) X(HTTP, "http") X(REDIS, "redis") X(MYSQL, "mysql") X(TLS, "tls") X(DNS, "dns") X(OPAQUE, "opaque")
enum gen_app {
#define X(sym, text) GEN_##sym,
	GEN_APPS(X)
#undef X
		GEN_APP_MAX
};

/* What a reader of the capture must find, in the words of flows.jsonl. `requests`: HTTP requests, Redis commands, MySQL
 * COM_QUERYs, TLS handshakes, DNS questions; each is answered. */
struct gen_truth {
	uint64_t packets, bytes, payload_bytes;
	uint64_t tuples, flows, tcp_flows, udp_flows;
	uint64_t syn, synack, fin;
	uint64_t retrans, hole_filled, dup_ack, zero_window;
	uint64_t requests[GEN_APP_MAX], errors[GEN_APP_MAX], app_bytes[GEN_APP_MAX];
	uint64_t first_us, last_us;
};

struct gen_rng {
	uint64_t s;
};

static inline uint64_t gen_mix64(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t gen_next(struct gen_rng *r)
{
	return gen_mix64(r->s += UINT64_C(0x9e3779b97f4a7c15));
}

/* Uniform in [0, n). */
static inline uint32_t gen_below(struct gen_rng *r, uint32_t n)
{
	return (uint32_t)((gen_next(r) >> 32) * n >> 32);
}

/* Uniform in [lo, hi]. */
static inline uint32_t gen_range(struct gen_rng *r, uint32_t lo, uint32_t hi)
{
	return lo + gen_below(r, hi - lo + 1);
}

struct gen_args {
	uint64_t seed, packets, flows; /* 0: the kind's own size */
	uint32_t share, shares;	       /* write this share of the conversations; 0 shares: all */
	const char *path;
};

/* The capture being written: pcap, microseconds, Ethernet. Times strictly increase: a packet that would not is moved.
 */
struct gen_out {
	int fd;
	uint8_t *buf;
	size_t n;
	uint64_t last_us, file_bytes;
	bool any;
	struct gen_rng rng;
	uint32_t share, shares;
	struct gen_truth truth, left_out; /* of what is written, and of the other shares */
};

/* The two ends of a conversation; index 0 is the client. */
struct gen_pair {
	uint32_t ip[2]; /* host order */
	uint16_t port[2];
	uint16_t ip_id[2];
	enum gen_app app;
};

struct gen_seg {
	uint64_t t_ns; /* since the capture's start */
	uint32_t seq, ack, tsval, tsecr;
	uint32_t sack_from, sack_to; /* a SACK block when they differ */
	uint16_t window;
	uint8_t dir, flags;
	uint32_t n;
	const uint8_t *p;
};

void gen_tcp(struct gen_out *out, struct gen_pair *pair, const struct gen_seg *seg);
void gen_udp(struct gen_out *out, struct gen_pair *pair, enum gen_dir dir, uint64_t t_ns, const uint8_t *p, uint32_t n);

/* Where a conversation is counted: whole conversations are written or left out, as symmetric RSS would deal them. */
struct gen_truth *gen_truth_of(struct gen_out *out, const struct gen_pair *pair);

void gen_open(struct gen_out *out, const struct gen_args *args);
void gen_close(struct gen_out *out);

/* Memory that must be there: the program ends without it. */
void *gen_alloc(size_t size);

/* The kinds. */
void gen_mix(struct gen_out *out, const struct gen_args *args);
void gen_small(struct gen_out *out, const struct gen_args *args);
void gen_flows(struct gen_out *out, const struct gen_args *args);
void gen_calls(struct gen_out *out, const struct gen_args *args);
void gen_http(struct gen_out *out, const struct gen_args *args);
void gen_pipeline(struct gen_out *out, const struct gen_args *args);
void gen_selects(struct gen_out *out, const struct gen_args *args);
void gen_names(struct gen_out *out, const struct gen_args *args);
void gen_idle(struct gen_out *out, const struct gen_args *args);

#endif
