/* SPDX-License-Identifier: Apache-2.0 */
/* Frames with valid checksums, straight into the buffer of the pcap file. */
#include "bench/gen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_SIZE (4u << 20)
#define FRAME_MAX 2048
#define START_S 1767225600u /* 2026-01-01 00:00 UTC */

static void die(const char *what)
{
	fprintf(stderr, "gen: %s: %s\n", what, strerror(errno));
	exit(1);
}

void *gen_alloc(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		die("memory");
	return p;
}

static void flush(struct gen_out *out)
{
	for (size_t done = 0; done < out->n;) {
		ssize_t n = write(out->fd, out->buf + done, out->n - done);
		if (n < 0)
			die("write");
		done += (size_t)n;
	}
	out->file_bytes += out->n;
	out->n = 0;
}

void gen_open(struct gen_out *out, const struct gen_args *args)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
	memset(out, 0, sizeof *out);
	out->fd = open(args->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out->fd < 0)
		die(args->path);
	out->buf = gen_alloc(BUF_SIZE);
	memcpy(out->buf, head, sizeof head);
	out->n = sizeof head;
	out->rng.s = gen_mix64(args->seed);
	out->share = args->share;
	out->shares = args->shares;
}

void gen_close(struct gen_out *out)
{
	flush(out);
	if (close(out->fd))
		die("close");
	free(out->buf);
}

static inline uint8_t *put16(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap16((uint16_t)v);
	memcpy(p, &v, 2);
	return p + 2;
}

static inline uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

/* The internet checksum is the same in either byte order but for a swap, so words are added as they lie in memory. */
static uint64_t add(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n >= 4; n -= 4, p += 4) {
		uint32_t v;
		memcpy(&v, p, 4);
		sum += v;
	}
	if (n) {
		uint32_t v = 0;
		memcpy(&v, p, n);
		sum += v;
	}
	return sum;
}

static void put_checksum(uint8_t *p, uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t v = (uint16_t)~sum;
	memcpy(p, &v, 2);
}

struct gen_truth *gen_truth_of(struct gen_out *out, const struct gen_pair *pair)
{
	uint64_t ends = (uint64_t)(pair->ip[0] ^ pair->ip[1]) << 16 | (pair->port[0] ^ pair->port[1]);
	return !out->shares || gen_mix64(ends) % out->shares == out->share ? &out->truth : &out->left_out;
}

/* Opens a record of `len` frame bytes; returns where the frame begins. A frame of another share takes its time, but the
 * next record is written over it. */
static uint8_t *record(struct gen_out *out, struct gen_truth *t, uint64_t t_ns, uint32_t len)
{
	if (out->n + FRAME_MAX > BUF_SIZE)
		flush(out);
	uint64_t us = t_ns / 1000;
	if (us <= out->last_us && out->any)
		us = out->last_us + 1;
	out->any = true;
	out->last_us = us;
	if (!t->packets)
		t->first_us = us;
	t->last_us = us;
	t->packets++;
	t->bytes += len;
	uint32_t head[4] = {START_S + (uint32_t)(us / 1000000), (uint32_t)(us % 1000000), len, len};
	uint8_t *p = out->buf + out->n;
	memcpy(p, head, sizeof head);
	if (t == &out->truth)
		out->n += sizeof head + len;
	return p + sizeof head;
}

/* Ethernet and IPv4. Locally administered MAC addresses made from the IP addresses. */
static uint8_t *put_ip(uint8_t *p, struct gen_pair *pair, enum gen_dir dir, uint8_t proto, uint32_t l4_len)
{
	uint32_t src = pair->ip[dir], dst = pair->ip[!dir];
	p = put32(put16(p, 0x0200), dst);
	p = put32(put16(p, 0x0200), src);
	p = put16(p, 0x0800);
	uint8_t *ip = p;
	p = put16(p, 0x4500);
	p = put16(p, 20 + l4_len);
	p = put16(p, pair->ip_id[dir]++);
	p = put16(p, 0x4000);
	p = put16(p, 64u << 8 | proto);
	p = put16(p, 0);
	p = put32(p, src);
	p = put32(p, dst);
	put_checksum(ip + 10, add(0, ip, 20));
	return p;
}

static uint64_t pseudo(const uint8_t *l4, uint8_t proto, uint32_t l4_len)
{
	uint8_t tail[4] = {0, proto, (uint8_t)(l4_len >> 8), (uint8_t)l4_len};
	return add(add(0, l4 - 8, 8), tail, 4);
}

static uint32_t options_len(const struct gen_seg *s)
{
	return s->flags & GEN_SYN ? 20 : s->sack_from != s->sack_to ? 24 : 12;
}

static uint8_t *put_options(uint8_t *p, const struct gen_seg *s)
{
	if (s->flags & GEN_SYN) {
		p = put32(p, 0x02040000u | 1460);
		p = put16(p, 0x0402); /* SACK permitted */
	} else {
		p = put16(p, 0x0101);
	}
	p = put16(p, 0x080a);
	p = put32(p, s->tsval);
	p = put32(p, s->tsecr);
	if (s->flags & GEN_SYN)
		return put32(p, 0x01030300u | GEN_WSCALE);
	if (s->sack_from != s->sack_to) {
		p = put32(p, 0x0101050a);
		p = put32(p, s->sack_from);
		p = put32(p, s->sack_to);
	}
	return p;
}

void gen_tcp(struct gen_out *out, struct gen_pair *pair, const struct gen_seg *s)
{
	uint32_t head = 20 + options_len(s);
	struct gen_truth *t = gen_truth_of(out, pair);
	uint8_t *frame = record(out, t, s->t_ns, 34 + head + s->n);
	uint8_t *l4 = put_ip(frame, pair, s->dir, 6, head + s->n), *p = l4;
	p = put16(p, pair->port[s->dir]);
	p = put16(p, pair->port[!s->dir]);
	p = put32(p, s->seq);
	p = put32(p, s->ack);
	p = put16(p, head / 4 << 12 | s->flags);
	p = put16(p, s->flags & GEN_SYN ? 64240 : s->window);
	p = put32(p, 0);
	p = put_options(p, s);
	if (s->n)
		memcpy(p, s->p, s->n);
	put_checksum(l4 + 16, add(pseudo(l4, 6, head + s->n), l4, head + s->n));

	t->payload_bytes += s->n;
	t->app_bytes[pair->app] += 34 + head + s->n;
	t->syn += (s->flags & (GEN_SYN | GEN_ACK)) == GEN_SYN;
	t->synack += (s->flags & (GEN_SYN | GEN_ACK)) == (GEN_SYN | GEN_ACK);
	t->fin += s->flags & GEN_FIN;
}

void gen_udp(struct gen_out *out, struct gen_pair *pair, enum gen_dir dir, uint64_t t_ns, const uint8_t *data,
	     uint32_t n)
{
	struct gen_truth *t = gen_truth_of(out, pair);
	uint8_t *frame = record(out, t, t_ns, 42 + n);
	uint8_t *l4 = put_ip(frame, pair, dir, 17, 8 + n), *p = l4;
	p = put16(p, pair->port[dir]);
	p = put16(p, pair->port[!dir]);
	p = put16(p, 8 + n);
	p = put16(p, 0);
	memcpy(p, data, n);
	put_checksum(l4 + 6, add(pseudo(l4, 17, 8 + n), l4, 8 + n));
	if (!l4[6] && !l4[7])
		l4[6] = l4[7] = 0xff; /* RFC 768: 0 would mean that there is none */
	t->payload_bytes += n;
	t->app_bytes[pair->app] += 42 + n;
}
