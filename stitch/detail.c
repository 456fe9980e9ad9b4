/* SPDX-License-Identifier: Apache-2.0 */
/* What a call's records say in words: kept once, for its trace, and as hashes, which join it with others. */
#include <string.h>

#include "parsers/trace_id.h"
#include "stitch/stitch_priv.h"

/* --- what a trace tells --- */

static const uint8_t detail_slot[SP_DETAIL_MAX] = {
	[SP_DETAIL_METHOD] = SP_SLOT_METHOD,	 [SP_DETAIL_HOST] = SP_SLOT_HOST,
	[SP_DETAIL_RESOURCE] = SP_SLOT_RESOURCE, [SP_DETAIL_ENDPOINT] = SP_SLOT_ENDPOINT,
	[SP_DETAIL_CODE] = SP_SLOT_CODE,	 [SP_DETAIL_TRACE_ID] = SP_SLOT_TRACE_ID,
	[SP_DETAIL_SPAN_ID] = SP_SLOT_SPAN_ID,	 [SP_DETAIL_PARENT_SPAN_ID] = SP_SLOT_PARENT_SPAN_ID,
};

struct sp_slice sp_detail_text(const struct sp_detail *d, enum sp_detail_text which)
{
	size_t at = 0;
	for (unsigned i = 0; i < which; i++)
		at += d->n[i];
	return (struct sp_slice){d->bytes + at, d->n[which]};
}

const struct sp_detail *sp_group_detail(const struct sp_stitch *s, const struct sp_group *g)
{
	return g->detail ? sp_slab_at(&s->details, g->detail) : NULL;
}

/* 0: no memory. */
static uint32_t detail_new(struct sp_stitch *s, const struct sp_request_record *r)
{
	uint16_t n[SP_DETAIL_MAX];
	size_t size = sizeof(struct sp_detail), at = 0;
	for (unsigned i = 0; i < SP_DETAIL_MAX; i++)
		size += n[i] = (uint16_t)SP_MIN(r->texts.n[detail_slot[i]], SP_DETAIL_TEXT_MAX);
	uint32_t handle = sp_slab_get(&s->details, size);
	if (!handle)
		return 0;
	struct sp_detail *d = sp_slab_at(&s->details, handle);
	*d = (struct sp_detail){.app = r->app_proto, .type = r->type, .status = r->status};
	memcpy(d->n, n, sizeof n);
	for (unsigned i = 0; i < SP_DETAIL_MAX; at += n[i++])
		memcpy(d->bytes + at, sp_texts_slot(&r->texts, detail_slot[i]).p, n[i]);
	return handle;
}

void sp_detail_take(struct sp_stitch *s, struct sp_group *g, const struct sp_request_record *r)
{
	bool is_call = r->type == SP_CALL_TYPE_CALL;
	if (g->detail && (g->is_call || !is_call))
		return;
	uint32_t handle = detail_new(s, r);
	if (!handle)
		return;
	if (g->detail)
		sp_slab_put(&s->details, g->detail);
	g->detail = handle;
	g->is_call = is_call;
}

/* --- keys --- */

static uint64_t text_key(const struct sp_request_record *r, enum sp_slot slot, uint64_t seed)
{
	struct sp_slice t = sp_texts_slot(&r->texts, slot);
	return t.n ? sp_hash_bytes(t.p, t.n, seed) | 1 : 0;
}

/* The same for all forms of a trace's identifier. */
static uint64_t trace_key(const struct sp_request_record *r, enum sp_slot slot)
{
	uint64_t bits;
	if (sp_trace_id_bits(sp_texts_slot(&r->texts, slot), &bits))
		return sp_key(bits, SP_SEED_TRACE);
	return text_key(r, slot, SP_SEED_TRACE);
}

/* What is asked, without the host: a proxy may name another one. */
static uint64_t content_of(const struct sp_span *span, const struct sp_request_record *r)
{
	uint64_t resource = text_key(r, SP_SLOT_RESOURCE, 1);
	return span->what && resource ? sp_key(text_key(r, SP_SLOT_METHOD, 2) ^ span->app, resource) : 0;
}

void sp_span_texts_of(struct sp_span_texts *texts, const struct sp_span *span, const struct sp_request_record *r,
		      bool content)
{
	*texts = (struct sp_span_texts){
		.x_request_id = text_key(r, SP_SLOT_X_REQUEST_ID_REQUEST, SP_SEED_ID),
		.x_response_id = text_key(r, SP_SLOT_X_REQUEST_ID_RESPONSE, SP_SEED_ID),
		.trace = trace_key(r, SP_SLOT_TRACE_ID),
		.other_trace = trace_key(r, SP_SLOT_OTHER_TRACE_ID),
		.content = content ? content_of(span, r) : 0,
		.span_id = (uint32_t)text_key(r, SP_SLOT_SPAN_ID, SP_SEED_SPAN),
		.parent_id = (uint32_t)text_key(r, SP_SLOT_PARENT_SPAN_ID, SP_SEED_SPAN),
	};
}
