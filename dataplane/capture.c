/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/capture_impl.h"

#define PCAPNG_MAGIC 0x0a0d0d0au /* the same in both byte orders */

/* Where a position in the newest segment lies in the capture. */
static uint64_t offset(const struct sp_capture *c, const uint8_t *at)
{
	const struct sp_segment *s = c->source.newest;
	return s ? s->off + (uint64_t)(at - s->p) : c->source.taken;
}

void sp_capture_damaged(struct sp_capture *c, const uint8_t *at, uint64_t packets, const char *fmt, ...)
{
	if (c->stats.damaged)
		return;
	c->stats.damaged = true;
	char *text = c->stats.damage;
	size_t size = sizeof c->stats.damage;
	int n = snprintf(text, size, "at byte %llu%s, packet %llu: ", (unsigned long long)offset(c, at),
			 c->source.unpack ? " (decompressed)" : "", (unsigned long long)packets + 1);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text + n, size - (size_t)n, fmt, ap);
	va_end(ap);
}

/* Nothing behind the end that somebody set. */
static void clip(struct sp_capture *c)
{
	uint64_t end = offset(c, c->end);
	if (SP_UNLIKELY(end > c->until))
		c->end -= SP_MIN(end - c->until, (uint64_t)(c->end - c->pos));
}

/* There is nothing at `off`, where we wanted to go on. */
static void stand_at_end(struct sp_capture *c, uint64_t off)
{
	const struct sp_segment *s = c->source.newest;
	if (s)
		c->pos = c->end = s->p + s->n;
	c->skip = off - SP_MIN(off, sp_source_end(&c->source));
}

bool sp_capture_more(struct sp_capture *c, size_t want)
{
	if (!c->skip && (size_t)(c->end - c->pos) >= want)
		return true;
	uint64_t off = offset(c, c->pos) + c->skip;
	size_t n = sp_source_get(&c->source, off, want, &c->pos);
	if (!n) {
		stand_at_end(c, off);
		return false;
	}
	c->skip = 0;
	c->end = c->pos + n;
	c->cookie = (uint64_t)(uintptr_t)c->source.newest;
	clip(c);
	return (size_t)(c->end - c->pos) >= want;
}

uint8_t sp_capture_link(uint32_t linktype)
{
	switch (linktype) {
	case 1:
		return SP_LINK_ETHERNET;
	case 113:
		return SP_LINK_SLL;
	case 276:
		return SP_LINK_SLL2;
	case 101:
	case 12: /* DLT_RAW of most systems, written by old programs */
	case 14: /* …and of OpenBSD */
	case 228:
	case 229:
		return SP_LINK_RAW;
	case 0:
		return SP_LINK_NULL;
	case 108:
		return SP_LINK_LOOP;
	case 9:
	case 50: /* in HDLC-like framing */
		return SP_LINK_PPP;
	default:
		return SP_LINK_REFUSED;
	}
}

/* What a file that is no capture begins with, when it is something that people try. */
static const char *hint(const uint8_t *p)
{
	if (!memcmp(p, "PK\3\4", 4))
		return "it is a zip archive: unpack it first";
	if (!memcmp(p, "BZh", 3))
		return "decompress it with bunzip2 first";
	if (!memcmp(p,
		    "\xfd"
		    "7zX",
		    4))
		return "decompress it with unxz first";
	if (sp_unpack_is_packed(p))
		return "it is compressed twice: decompress it once";
	return "spantap reads pcap and pcapng, also compressed with gzip, zstd or lz4";
}

static int read_head(struct sp_capture *c, const char *name, struct sp_err *err)
{
	if (!sp_capture_more(c, 4)) {
		const char *why = c->source.why[0]   ? c->source.why
				  : c->end == c->pos ? "it is empty"
						     : "it ends at once";
		return sp_err(err, -EBADMSG, "%s: not a capture: %s", c->path, why);
	}
	int rc = sp_capture_name_file(c, name, err);
	if (rc)
		return rc;
	if (sp_capture_u32(c->pos, false) == PCAPNG_MAGIC)
		return sp_capture_pcapng_head(c, err);
	rc = sp_capture_pcap_head(c, err);
	if (rc == -EINVAL)
		return sp_err(err, rc, "%s: not a capture (begins with %02x %02x %02x %02x); %s", c->path, c->pos[0],
			      c->pos[1], c->pos[2], c->pos[3], hint(c->pos));
	return rc;
}

int sp_capture_open_fd(struct sp_capture **ret, int fd, const char *path, const char *name, enum sp_point_kind kind,
		       struct sp_points *points, unsigned flags, struct sp_err *err)
{
	struct sp_capture *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return sp_err(err, -ENOMEM, "%s: out of memory", path);
	}
	c->points = points;
	c->kind = kind;
	c->until = UINT64_MAX;
	c->box = SP_POINT_NONE;
	snprintf(c->path, sizeof c->path, "%s", path);
	int rc = sp_source_open(&c->source, fd, path, err);
	if (rc) {
		free(c);
		return rc;
	}
	if (flags & SP_CAPTURE_SMALL_BUFFERS)
		c->source.buffer = 64;
	rc = read_head(c, name, err);
	if (rc) {
		sp_capture_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int sp_capture_open(struct sp_capture **ret, const char *path, const char *name, enum sp_point_kind kind,
		    struct sp_points *points, struct sp_err *err)
{
	bool standard_input = !strcmp(path, "-");
	if (standard_input)
		path = "stdin";
	int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sp_err(err, -errno, "%s: cannot be opened: %s", path, strerror(errno));
	return sp_capture_open_fd(ret, fd, path, name, kind, points, 0, err);
}

/* The next record is not whole: gets what it needs, or finds out that there is no more. */
static bool advance(struct sp_capture *c)
{
	if (offset(c, c->pos) < c->until && sp_capture_more(c, c->want))
		return true;
	c->ended = true;
	if (offset(c, c->pos) >= c->until)
		return false;
	size_t left = (size_t)(c->end - c->pos);
	uint64_t off = offset(c, c->pos) + c->skip;
	if (c->source.why[0])
		sp_capture_damaged(c, c->pos, c->stats.packets, "%s", c->source.why);
	else if (left)
		sp_capture_damaged(c, c->pos, c->stats.packets, "the file ends inside a record: %zu bytes of %zu", left,
				   c->want);
	else if (c->skip && off > sp_source_end(&c->source))
		sp_capture_damaged(c, c->pos, c->stats.packets, "the file ends inside a block, %llu bytes early",
				   (unsigned long long)(off - sp_source_end(&c->source)));
	return false;
}

uint64_t sp_capture_offset(const struct sp_capture *c)
{
	return offset(c, c->pos);
}

/* As many as there is room for, wherever buffers end: what is found in a file must not depend on that. From a pipe,
 * what has come. */
unsigned sp_capture_next(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	unsigned n = 0;
	bool uniform = true;
	while (!c->ended) {
		unsigned more = c->fill(c, pkt + n, max - n);
		uniform &= c->uniform && !(n && more && pkt[n].ts_ns < pkt[n - 1].ts_ns);
		c->stats.packets += more;
		n += more;
		if (n == max || (n && c->source.unpack) || c->ended || !advance(c))
			break;
	}
	c->uniform = uniform;
	return n;
}

unsigned sp_capture_read(struct sp_capture *c, struct sp_batch *batch)
{
	uint64_t begin = offset(c, c->pos);
	c->source.keep = c->last_off;
	c->last_off = begin;
	sp_batch_begin(batch);
	uint64_t bytes = c->stats.bytes - c->other_bytes;
	batch->n = sp_capture_next(c, batch->pkt, SP_BATCH_MAX);
	batch->uniform = c->uniform;
	batch->bytes = c->stats.bytes - c->other_bytes - bytes;
	return batch->n;
}

int sp_capture_share(struct sp_capture *c, const struct sp_decode_conf *decode, struct sp_capture **others, unsigned n)
{
	struct sp_source source[SP_SHARED_READERS_MAX];
	if (!c->pcap.head || c->stats.packets)
		return -ENOTSUP;
	for (unsigned i = 0; i < n; i++) {
		others[i] = malloc(sizeof *c);
		while (!others[i] && i)
			free(others[--i]);
		if (!others[i])
			return -ENOMEM;
	}
	int rc = sp_source_share(&c->source, source, n, offset(c, c->pos));
	if (!rc)
		c->pos = c->end = NULL;
	for (unsigned i = 0; i < n; i++) {
		if (rc) {
			free(others[i]);
			continue;
		}
		*others[i] = *c;
		others[i]->source = source[i];
		sp_capture_pcap_share(others[i], decode, i + 1, n + 1);
	}
	if (!rc)
		sp_capture_pcap_share(c, decode, 0, n + 1);
	return rc;
}

void sp_capture_end_at(struct sp_capture *c, uint64_t off)
{
	c->until = off;
	if (c->end)
		clip(c);
}

void sp_capture_stats(const struct sp_capture *c, struct sp_capture_stats *ret)
{
	*ret = c->stats;
	ret->file_size = c->source.size;
	ret->file_bytes = sp_source_progress(&c->source, offset(c, c->pos));
}

void sp_capture_close(struct sp_capture *c)
{
	if (!c)
		return;
	sp_source_close(&c->source);
	free(c->interfaces);
	free(c->known);
	free(c);
}
