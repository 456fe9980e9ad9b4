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
	return s ? s->off + (uint64_t)(at - s->p) : 0;
}

void sp_capture_damaged(struct sp_capture *c, const uint8_t *at, uint64_t packets, const char *fmt, ...)
{
	if (c->stats.damaged)
		return;
	c->stats.damaged = true;
	char *text = c->stats.damage;
	size_t size = sizeof c->stats.damage;
	int n = snprintf(text, size, "at byte %llu%s, packet %llu: ", (unsigned long long)offset(c, at),
			 c->source.mapped ? "" : " (decompressed)", (unsigned long long)packets + 1);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text + n, size - (size_t)n, fmt, ap);
	va_end(ap);
}

bool sp_capture_more(struct sp_capture *c, size_t want)
{
	if (!c->skip && (size_t)(c->end - c->pos) >= want)
		return true;
	uint64_t off = offset(c, c->pos) + c->skip;
	size_t n = sp_source_get(&c->source, off, want, &c->pos);
	if (!n)
		return false;
	c->skip = 0;
	c->end = c->pos + n;
	c->ahead = c->pos;
	c->cookie = (uint64_t)(uintptr_t)c->source.newest;
	return n >= want;
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
	c->ahead_more = SP_CAPTURE_AHEAD_MORE;
	snprintf(c->path, sizeof c->path, "%s", path);
	int rc = sp_source_open(&c->source, fd, path, flags & SP_CAPTURE_STREAM, err);
	if (rc) {
		free(c);
		return rc;
	}
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
	if (sp_capture_more(c, c->want))
		return true;
	c->ended = true;
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

unsigned sp_capture_next(struct sp_capture *c, struct sp_pkt *pkt, unsigned max)
{
	unsigned n = 0;
	while (!c->ended && !(n = c->fill(c, pkt, max)))
		if (!c->ended && !advance(c))
			break;
	c->stats.packets += n;
	return n;
}

uint32_t sp_capture_ahead(struct sp_capture *c, uint64_t read, const uint8_t **lines)
{
	const uint8_t *from = SP_MAX(c->ahead, c->pos), *to = c->end;
	if ((uint64_t)(to - c->pos) > read + c->ahead_more)
		to = c->pos + read + c->ahead_more;
	uint32_t n = to > from ? (uint32_t)((size_t)(to - from) / SP_CACHE_LINE) : 0;
	*lines = from;
	c->ahead = from + (size_t)n * SP_CACHE_LINE;
	return n;
}

unsigned sp_capture_read(struct sp_capture *c, struct sp_batch *batch)
{
	uint64_t begin = offset(c, c->pos);
	c->source.keep = c->last_off;
	c->last_off = begin;
	sp_batch_begin(batch);
	uint64_t bytes = c->stats.bytes;
	batch->n = sp_capture_next(c, batch->pkt, SP_BATCH_MAX);
	batch->uniform = c->uniform;
	batch->bytes = c->stats.bytes - bytes;
	/* The stages ask in passing: asked for all at once, lines would be waited for. */
	batch->ahead_lines = sp_capture_ahead(c, offset(c, c->pos) - begin, &batch->ahead);
	return batch->n;
}

int sp_capture_join(struct sp_capture *c, struct sp_capture **ret, unsigned n)
{
	if (c->interfaces || !c->has_point || c->stats.packets)
		return -ENOTSUP;
	uint64_t off = sp_capture_offset(c);
	int rc = sp_source_share(&c->source);
	if (rc)
		return rc;
	c->pos = c->end = c->ahead = c->source.newest->p + off;
	c->ahead_more = SP_CAPTURE_AHEAD_JOINED;
	for (unsigned i = 0; i < n; i++) {
		struct sp_capture *other = malloc(sizeof *other);
		if (other) {
			*other = *c;
			rc = sp_source_join(&other->source, &c->source);
		}
		if (!other || rc) {
			free(other);
			while (i)
				sp_capture_close(ret[--i]);
			return -ENOMEM;
		}
		ret[i] = other;
	}
	return 0;
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
