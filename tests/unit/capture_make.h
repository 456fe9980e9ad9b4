/* SPDX-License-Identifier: Apache-2.0 */
/* Captures written by the tests themselves, byte for byte, and read back. */
#ifndef SP_TESTS_CAPTURE_MAKE_H
#define SP_TESTS_CAPTURE_MAKE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/capture_impl.h"
#include "tests/check.h"

struct bytes {
	uint8_t *p;
	size_t n, size;
	bool swap; /* numbers are written in the other byte order */
};

static inline void put(struct bytes *b, const void *p, size_t n)
{
	if (b->n + n > b->size) {
		b->size = 2 * (b->n + n);
		b->p = realloc(b->p, b->size);
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void put16(struct bytes *b, uint16_t v)
{
	v = b->swap ? __builtin_bswap16(v) : v;
	put(b, &v, sizeof v);
}

static inline void put32(struct bytes *b, uint32_t v)
{
	v = b->swap ? __builtin_bswap32(v) : v;
	put(b, &v, sizeof v);
}

static inline void put64(struct bytes *b, uint64_t v)
{
	v = b->swap ? __builtin_bswap64(v) : v;
	put(b, &v, sizeof v);
}

/* n bytes, the first of which tells which packet it is. */
static inline void put_payload(struct bytes *b, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(b, &(uint8_t){(uint8_t)(first + i)}, 1);
}

static inline void put_pcap_head(struct bytes *b, uint32_t magic, uint32_t network)
{
	put32(b, magic);
	put16(b, 2);
	put16(b, 4);
	put64(b, 0);
	put32(b, 65535);
	put32(b, network);
}

static inline void put_record(struct bytes *b, uint32_t sec, uint32_t fraction, uint32_t cap, uint32_t wire,
			      uint8_t first)
{
	put32(b, sec);
	put32(b, fraction);
	put32(b, cap);
	put32(b, wire);
	put_payload(b, first, cap);
}

/* A block is begun, filled and ended; its length is written by the end. */
static inline size_t begin_block(struct bytes *b, uint32_t type)
{
	size_t at = b->n;
	put32(b, type);
	put32(b, 0);
	return at;
}

static inline void end_block(struct bytes *b, size_t at)
{
	static const uint8_t zero[4];
	put(b, zero, -b->n & 3);
	uint32_t n = (uint32_t)(b->n + 4 - at);
	put32(b, n);
	n = b->swap ? __builtin_bswap32(n) : n;
	memcpy(b->p + at + 4, &n, sizeof n);
}

static inline void put_option(struct bytes *b, uint16_t code, const void *p, uint16_t n)
{
	static const uint8_t zero[4];
	put16(b, code);
	put16(b, n);
	put(b, p, n);
	put(b, zero, -n & 3);
}

static inline void put_section(struct bytes *b)
{
	size_t at = begin_block(b, 0x0a0d0d0a);
	put32(b, 0x1a2b3c4d);
	put16(b, 1);
	put16(b, 0);
	put64(b, UINT64_MAX);
	end_block(b, at);
}

/* `resolution` and `offset` as if_tsresol and if_tsoffset; 6 and 0 are left out. */
static inline void put_interface(struct bytes *b, uint16_t linktype, const char *name, uint8_t resolution,
				 int64_t offset)
{
	size_t at = begin_block(b, 1);
	put16(b, linktype);
	put16(b, 0);
	put32(b, 65535);
	if (name)
		put_option(b, 2, name, (uint16_t)strlen(name));
	if (resolution != 6)
		put_option(b, 9, &resolution, 1);
	if (offset) {
		uint64_t v = b->swap ? __builtin_bswap64((uint64_t)offset) : (uint64_t)offset;
		put_option(b, 14, &v, 8);
	}
	put_option(b, 0, "", 0);
	end_block(b, at);
}

static inline void put_enhanced(struct bytes *b, uint32_t id, uint64_t t, uint32_t cap, uint32_t wire, uint8_t first)
{
	size_t at = begin_block(b, 6);
	put32(b, id);
	put32(b, (uint32_t)(t >> 32));
	put32(b, (uint32_t)t);
	put32(b, cap);
	put32(b, wire);
	put_payload(b, first, cap);
	end_block(b, at);
}

static inline int bytes_fd(const struct bytes *b)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || write(fd, b->p, b->n) != (ssize_t)b->n || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

/* What was read of a capture, copied out of its batches. */
struct readout {
	struct sp_points points;
	struct sp_pkt pkt[2048]; /* `data` is not kept */
	uint8_t first[2048];	 /* byte of each packet */
	unsigned n;
	struct sp_capture_stats stats;
	struct sp_err err;
	int rc;
};

/* Every byte of a view has to be readable, and inside its segment. */
static inline unsigned touch(const struct sp_pkt *pkt)
{
	const struct sp_segment *s = (const struct sp_segment *)(uintptr_t)pkt->cookie;
	CHECK(pkt->data >= s->p && pkt->data + pkt->cap_len <= s->p + s->n);
	unsigned sum = 0;
	for (uint32_t i = 0; i < pkt->cap_len; i++)
		sum += pkt->data[i];
	return sum;
}

static inline void drain(struct readout *r, struct sp_capture *c)
{
	static struct sp_batch batch;
	volatile unsigned sum = 0;
	(void)sum;
	while (sp_capture_read(c, &batch)) {
		CHECK(batch.n <= SP_BATCH_MAX);
		for (uint32_t i = 0; i < batch.n; i++) {
			sum += touch(&batch.pkt[i]);
			if (r->n < SP_ARRAY_SIZE(r->pkt)) {
				r->pkt[r->n] = batch.pkt[i];
				r->first[r->n] = batch.pkt[i].cap_len ? batch.pkt[i].data[0] : 0;
			}
			r->n++;
		}
	}
	CHECK_EQ(sp_capture_read(c, &batch), 0);
	sp_capture_stats(c, &r->stats);
	CHECK_EQ(r->stats.packets, r->n);
}

static inline void read_as(struct readout *r, const struct bytes *b, const char *path, const char *name, unsigned flags)
{
	struct sp_capture *c;
	r->n = 0;
	memset(&r->stats, 0, sizeof r->stats);
	r->rc = sp_capture_open_fd(&c, bytes_fd(b), path, name, SP_POINT_SWITCH, &r->points, flags, &r->err);
	if (r->rc)
		return;
	drain(r, c);
	sp_capture_close(c);
}

static inline struct readout *readout_of(const struct bytes *b, unsigned flags)
{
	static struct readout r;
	r.points.n = 0;
	read_as(&r, b, "dir/file.pcap", NULL, flags);
	return &r;
}

#endif
