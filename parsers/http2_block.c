/* SPDX-License-Identifier: Apache-2.0 */
/* A header block: HEADERS or PUSH_PROMISE, and CONTINUATION. Fields are told as they come, so that a block may be
 * longer than what is carried; a field that lies in several frames is put together. */
#include "parsers/http2_priv.h"

enum {
	FRAGMENTS_MAX = 16,  /* that one field lies in */
	CROSSING_MAX = 8192, /* bytes of such a field */
};

/* A position in a block's bytes, as far as they lie in `in`. */
struct reader {
	size_t at;
	uint32_t left; /* bytes of this fragment from `at` on */
	uint8_t pad, fragments;
	bool last; /* no CONTINUATION comes after it */
};

enum walk {
	GOT,
	SHORT, /* of `need` bytes of `in` */
	END,
	WRONG,	/* the rest of the block cannot be read */
	BROKEN, /* no longer HTTP/2 */
};

/* From the end of a fragment to the beginning of the next. */
static enum walk next_fragment(const struct sp_parse *p, const struct http2_dir *d, struct reader *r, size_t *need)
{
	size_t at = r->at + r->pad;
	struct http2_frame f;
	*need = at + HTTP2_FRAME;
	if (p->in.n < *need)
		return SHORT;
	if (!sp_http2_frame(p->in.p + at, &f) || f.type != HTTP2_CONTINUATION || f.stream != d->on)
		return BROKEN;
	if (r->fragments == FRAGMENTS_MAX)
		return WRONG;
	*r = (struct reader){at + HTTP2_FRAME, f.length, 0, r->fragments + 1, f.flags & HTTP2_END_HEADERS};
	*need = SP_MIN(r->at + r->left, (size_t)SP_CARRY_MAX);
	return p->in.n < *need ? SHORT : GOT;
}

/* Copies n bytes of the block. */
static enum walk gather(const struct sp_parse *p, const struct http2_dir *d, struct reader *r, uint8_t *to, size_t n,
			size_t *need)
{
	while (n) {
		if (!r->left) {
			enum walk w = r->last ? WRONG : next_fragment(p, d, r, need);
			if (w != GOT)
				return w;
			continue;
		}
		size_t there = p->in.n - r->at, k = SP_MIN(SP_MIN(n, (size_t)r->left), there);
		*need = r->at + SP_MIN(n, (size_t)r->left);
		if (!k)
			return SHORT;
		memcpy(to, p->in.p + r->at, k);
		*r = (struct reader){r->at + k, r->left - (uint32_t)k, r->pad, r->fragments, r->last};
		to += k;
		n -= k;
	}
	return GOT;
}

/* A field that does not end in the fragment in which it begins; it takes f->need bytes, or more. */
static enum walk crossing(struct sp_parse *p, const struct http2_dir *d, struct sp_hpack *h, struct reader *r,
			  struct sp_hpack_field *f, size_t *need)
{
	size_t mark = p->arena->n;
	while (f->need <= CROSSING_MAX) {
		struct reader to = *r;
		size_t n = f->need;
		p->arena->n = mark;
		uint8_t *copy = sp_arena_get(p->arena, n);
		if (!copy)
			return WRONG;
		enum walk w = gather(p, d, &to, copy, n, need);
		if (w != GOT)
			return w;
		struct sp_slice in = {copy, n};
		enum sp_hpack_got got = sp_hpack_next(h, &in, p->arena, f);
		if (got == SP_HPACK_FIELD) {
			*r = to;
			return GOT;
		}
		if (got != SP_HPACK_SHORT)
			return WRONG;
	}
	return WRONG;
}

static enum walk next_field(struct sp_parse *p, const struct http2_dir *d, struct sp_hpack *h, struct reader *r,
			    struct sp_hpack_field *f, size_t *need)
{
	for (;;) {
		if (!r->left) {
			enum walk w = r->last ? END : next_fragment(p, d, r, need);
			if (w != GOT)
				return w;
			continue;
		}
		struct sp_slice in = {p->in.p + r->at, SP_MIN((size_t)r->left, p->in.n - r->at)};
		size_t n = in.n;
		*need = SP_MIN(r->at + r->left, (size_t)SP_CARRY_MAX);
		if (!n)
			return SHORT;
		enum sp_hpack_got got = sp_hpack_next(h, &in, p->arena, f);
		if (got == SP_HPACK_WRONG)
			return WRONG;
		r->at += n - in.n;
		r->left -= (uint32_t)(n - in.n);
		if (got == SP_HPACK_FIELD) {
			r->fragments = 0;
			return GOT;
		}
		if (got == SP_HPACK_NONE)
			continue;
		if (in.n == r->left)
			return r->last ? WRONG : crossing(p, d, h, r, f, need);
		*need = SP_MAX(*need, r->at + f->need);
		return SHORT;
	}
}

/* Keeps where the block is to go on. */
static void keep(struct http2_dir *d, const struct reader *r, enum http2_mode mode)
{
	d->left = r->left;
	d->pad = r->pad;
	d->flags = (uint8_t)((d->flags & ~HTTP2_END_HEADERS) | (r->last ? HTTP2_END_HEADERS : 0));
	d->mode = mode;
}

/* The block cannot be read beyond `r`: the sender's table is not known any more. */
static enum sp_parse_result give_up(struct http2_head *b, struct sp_hpack *h, const struct reader *r)
{
	if (h)
		sp_hpack_forget(h);
	b->dir->unknown += b->dir->unknown < UINT8_MAX;
	keep(b->dir, r, HTTP2_IN_LOST);
	sp_http2_tell(b, false);
	return sp_parse_msg(b->p, r->at);
}

enum sp_parse_result sp_http2_block(struct sp_parse *p, struct http2_dir *d, size_t at)
{
	struct http2_more *more = sp_parse_extend(p);
	struct sp_hpack *h = more ? &more->table[p->side] : NULL;
	struct http2_head b = {.p = p, .dir = d};
	struct reader r = {at, d->left, d->pad, 0, d->flags & HTTP2_END_HEADERS}, done = r;
	struct sp_hpack_field f;
	enum walk w;
	size_t need = SP_MIN(at + d->left, (size_t)SP_CARRY_MAX), mark = p->arena->n;
	if (p->in.n < need && !p->last)
		return sp_parse_more(p, need);
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_HEAD);
	while ((w = next_field(p, d, h, &r, &f, &need)) == GOT) {
		if (!sp_http2_field(&b, &f))
			p->arena->n = mark;
		mark = p->arena->n;
		done = r;
	}
	if (w == BROKEN)
		return SP_PARSE_BAD;
	if (w == WRONG || (w == SHORT && !b.any && need > SP_CARRY_MAX))
		return give_up(&b, h, &r);
	if (w == SHORT && !b.any)
		return sp_parse_more(p, need);
	if (w == SHORT) {
		keep(d, &done, HTTP2_IN_BLOCK);
		sp_http2_tell(&b, false);
		return sp_parse_msg(p, done.at);
	}
	d->mode = HTTP2_AT_FRAME;
	sp_http2_tell(&b, true);
	p->used = SP_MIN(r.at + r.pad, p->in.n);
	p->want = r.at + r.pad - p->used;
	return SP_PARSE_MSG;
}

/* Passes over what is left of a block, which ends with its last frame. */
enum sp_parse_result sp_http2_lost(struct sp_parse *p, struct http2_dir *d)
{
	struct http2_head b = {.p = p, .dir = d};
	uint64_t n = (uint64_t)d->left + d->pad;
	if (!n && !(d->flags & HTTP2_END_HEADERS)) {
		struct http2_frame f;
		if (p->in.n < HTTP2_FRAME)
			return sp_parse_more(p, HTTP2_FRAME);
		if (!sp_http2_frame(p->in.p, &f) || f.type != HTTP2_CONTINUATION || f.stream != d->on)
			return SP_PARSE_BAD;
		n = HTTP2_FRAME + (uint64_t)f.length;
		d->flags |= f.flags & HTTP2_END_HEADERS;
	}
	d->left = d->pad = 0;
	p->used = (size_t)SP_MIN(n, (uint64_t)p->in.n);
	p->want = n - p->used;
	d->bytes += (uint32_t)n;
	if (!(d->flags & HTTP2_END_HEADERS))
		return SP_PARSE_SKIP;
	d->mode = HTTP2_AT_FRAME;
	sp_msg_begin(p, d->kind, SP_PART_TAIL);
	sp_http2_tell(&b, true);
	p->msg.bytes = d->bytes;
	return SP_PARSE_MSG;
}
