/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/stitch_kept.h"

#include <string.h>

#define ALIGN 8

enum kind { TRACE, PATH, EDGE, LOSSES, CLOCK };

struct head {
	uint32_t size; /* of all of it */
	uint32_t kind; /* enum kind */
};
static_assert(sizeof(struct head) % ALIGN == 0, "what follows is aligned");

/* A structure's arrays are kept as far as they are full: what is before one, and what is behind it. */
#define BEFORE(type, array) offsetof(type, array)
#define BEHIND(type, array) (offsetof(type, array) + sizeof(((type *)NULL)->array))

/* --- keeping --- */

static size_t begin(struct sp_kept *kept, enum kind kind)
{
	struct sp_buf *buf = &kept->buf;
	size_t at = buf->n;
	sp_buf_reserve(buf, sizeof(struct head));
	*(struct head *)(void *)(buf->p + at) = (struct head){.kind = kind};
	buf->n += sizeof(struct head);
	return at;
}

static void put(struct sp_kept *kept, const void *p, size_t n)
{
	struct sp_buf *buf = &kept->buf;
	size_t size = (n + ALIGN - 1) / ALIGN * ALIGN;
	sp_buf_reserve(buf, size);
	if (n)
		memcpy(buf->p + buf->n, p, n);
	buf->n += size;
}

static void put_part(struct sp_kept *kept, const void *p, size_t from, size_t to)
{
	put(kept, (const uint8_t *)p + from, to - from);
}

static void end(struct sp_kept *kept, size_t at)
{
	((struct head *)(void *)(kept->buf.p + at))->size = (uint32_t)(kept->buf.n - at);
	if (kept->buf.n >= SP_KEPT_ENOUGH)
		kept->enough(kept->ctx);
}

static size_t detail_size(const struct sp_detail *d)
{
	size_t n = sizeof *d;
	for (unsigned i = 0; i < SP_DETAIL_MAX; i++)
		n += d->n[i];
	return n;
}

static void keep_trace(void *ctx, const struct sp_trace *t)
{
	struct sp_kept *kept = ctx;
	size_t at = begin(kept, TRACE);
	put_part(kept, t, 0, BEFORE(struct sp_trace, span));
	put(kept, t->span, t->n_spans * sizeof *t->span);
	put(kept, t->hop, t->n_hops * sizeof *t->hop);
	put_part(kept, t, BEHIND(struct sp_trace, hop), sizeof *t);
	for (unsigned i = 0; i < t->n_spans; i++)
		put(kept, t->span[i].span, sizeof *t->span[i].span);
	if (t->detail)
		put(kept, t->detail, detail_size(t->detail));
	end(kept, at);
}

static void keep_path(void *ctx, const struct sp_path *p)
{
	struct sp_kept *kept = ctx;
	size_t at = begin(kept, PATH);
	put_part(kept, p, 0, BEFORE(struct sp_path, burst));
	put(kept, p->burst, p->n_bursts * sizeof *p->burst);
	put_part(kept, p, BEHIND(struct sp_path, burst), sizeof *p);
	for (unsigned i = 0; i < p->n_legs; i++)
		put(kept, p->leg[i], sizeof *p->leg[i]);
	end(kept, at);
}

static void keep_edge(void *ctx, const struct sp_edge *e)
{
	size_t at = begin(ctx, EDGE);
	put(ctx, e, sizeof *e);
	end(ctx, at);
}

static void keep_losses(void *ctx, const struct sp_edge_losses *l)
{
	size_t at = begin(ctx, LOSSES);
	put(ctx, l, sizeof *l);
	put(ctx, l->slot, l->n * sizeof *l->slot);
	end(ctx, at);
}

static void keep_clock(void *ctx, const struct sp_clock *c)
{
	size_t at = begin(ctx, CLOCK);
	put(ctx, c, sizeof *c);
	end(ctx, at);
}

struct sp_stitch_told sp_kept_told(const struct sp_stitch_told *told, struct sp_kept *kept)
{
	return (struct sp_stitch_told){.trace = told->trace ? keep_trace : NULL,
				       .path = told->path ? keep_path : NULL,
				       .edge = told->edge ? keep_edge : NULL,
				       .losses = told->losses ? keep_losses : NULL,
				       .clock = told->clock ? keep_clock : NULL,
				       .ctx = kept};
}

/* --- telling --- */

/* The next piece of what is kept. */
static const void *take(const uint8_t **at, size_t n)
{
	const void *p = *at;
	*at += (n + ALIGN - 1) / ALIGN * ALIGN;
	return p;
}

static void take_part(const uint8_t **at, void *p, size_t from, size_t to)
{
	memcpy((uint8_t *)p + from, take(at, to - from), to - from);
}

static void tell_trace(const uint8_t *at, const struct sp_stitch_told *told, struct sp_trace *t)
{
	take_part(&at, t, 0, BEFORE(struct sp_trace, span));
	memcpy(t->span, take(&at, t->n_spans * sizeof *t->span), t->n_spans * sizeof *t->span);
	memcpy(t->hop, take(&at, t->n_hops * sizeof *t->hop), t->n_hops * sizeof *t->hop);
	take_part(&at, t, BEHIND(struct sp_trace, hop), sizeof *t);
	for (unsigned i = 0; i < t->n_spans; i++)
		t->span[i].span = take(&at, sizeof *t->span[i].span);
	if (t->detail)
		t->detail = (const void *)at;
	told->trace(told->ctx, t);
}

static void tell_path(const uint8_t *at, const struct sp_stitch_told *told, struct sp_path *p)
{
	take_part(&at, p, 0, BEFORE(struct sp_path, burst));
	memcpy(p->burst, take(&at, p->n_bursts * sizeof *p->burst), p->n_bursts * sizeof *p->burst);
	take_part(&at, p, BEHIND(struct sp_path, burst), sizeof *p);
	for (unsigned i = 0; i < p->n_legs; i++)
		p->leg[i] = take(&at, sizeof *p->leg[i]);
	told->path(told->ctx, p);
}

static void tell_losses(const uint8_t *at, const struct sp_stitch_told *told)
{
	struct sp_edge_losses l = *(const struct sp_edge_losses *)take(&at, sizeof l);
	l.slot = (const void *)at;
	told->losses(told->ctx, &l);
}

void sp_kept_tell(const struct sp_buf *buf, const struct sp_stitch_told *told)
{
	union {
		struct sp_trace trace;
		struct sp_path path;
	} whole;
	for (const uint8_t *at = buf->p, *all = at + buf->n; at < all;) {
		const struct head *h = (const void *)at;
		const uint8_t *p = at + sizeof *h;
		at += h->size;
		if (h->kind == TRACE)
			tell_trace(p, told, &whole.trace);
		else if (h->kind == PATH)
			tell_path(p, told, &whole.path);
		else if (h->kind == EDGE)
			told->edge(told->ctx, (const void *)p);
		else if (h->kind == LOSSES)
			tell_losses(p, told);
		else
			told->clock(told->ctx, (const void *)p);
	}
}
