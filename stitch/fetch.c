/* SPDX-License-Identifier: Apache-2.0 */
/* What waits is more than a cache holds, and one miss after the other would cost more than all the rest: what will be
 * looked at is fetched before. Nothing here changes anything. */
#include "stitch/stitch_priv.h"

/* All lines of it into the cache, without waiting. */
static void fetch(const void *p, size_t n)
{
	for (size_t at = 0; at < n; at += SP_CACHE_LINE)
		sp_prefetch((const uint8_t *)p + at);
}

static void fetch_spans(const struct sp_stitch *s, const struct sp_group *g)
{
	for (unsigned i = 0; i < SP_MIN(g->n, SP_FETCHED_SPANS); i++)
		fetch(&s->span[g->fetched[i]], sizeof *s->span);
	if (g->n > SP_FETCHED_SPANS)
		fetch(&s->span[g->first], sizeof *s->span);
}

static void fetch_group(const struct sp_stitch *s, uint32_t ref)
{
	if (ref)
		fetch(&s->group[sp_tie_group(ref)], sizeof *s->group);
}

static void fetch_tie(const struct sp_stitch *s, uint32_t ref)
{
	if (ref)
		sp_prefetch(sp_tie_at(s, ref));
}

/* What waited for long is not in the cache any more: the next call's spans are fetched while this one is told, and the
 * one behind it, so that then it is known what these are. */
void sp_fetch_next(const struct sp_stitch *s, uint32_t g)
{
	const struct sp_group *next = &s->group[s->group[g].newer], *second = &s->group[next->newer];
	fetch_spans(s, next);
	for (unsigned kind = 0; kind < SP_TIE_MAX; kind++) {
		fetch_tie(s, next->tie[kind].chain);
		fetch_tie(s, next->tie[kind].back);
	}
	if (next->detail)
		fetch(sp_slab_at(&s->details, next->detail), sizeof(struct sp_detail));
	fetch(second, sizeof *second);
}

/* Where a span is looked for. */
enum { KINDS = SP_TIE_ALIKE + 1 };

static void heads_of(const struct sp_stitch *s, const struct sp_span *span, const uint32_t *head[KINDS])
{
	head[SP_TIE_ASKED] = sp_tie_bucket(s, sp_asked_key(s, span));
	head[SP_TIE_ANSWERED] = sp_tie_bucket(s, sp_answered_key(s, span));
	head[SP_TIE_ALIKE] = sp_tie_bucket(s, sp_alike_key(span));
	for (unsigned kind = 0; kind < KINDS; kind++)
		sp_prefetch(head[kind]);
}

static void fetch_heads(const struct sp_stitch *s, const uint32_t *const head[KINDS])
{
	fetch_group(s, *head[SP_TIE_ASKED]);
	fetch_tie(s, *head[SP_TIE_ANSWERED]);
	fetch_tie(s, *head[SP_TIE_ALIKE]);
}

static void fetch_first(const struct sp_stitch *s, const uint32_t *const head[KINDS])
{
	if (*head[SP_TIE_ASKED])
		fetch_spans(s, &s->group[sp_tie_group(*head[SP_TIE_ASKED])]);
}

/* Looked for in three steps, each of which finds in the cache what the one before it asked for. */
void sp_stitch_expect(const struct sp_stitch *s, const struct sp_span *span, unsigned n)
{
	const uint32_t *head[SP_STITCH_EXPECTED][KINDS];
	n = SP_MIN(n, SP_STITCH_EXPECTED);
	for (unsigned i = 0; i < n; i++)
		heads_of(s, &span[i], head[i]);
	for (unsigned i = 0; i < n; i++)
		fetch_heads(s, head[i]);
	for (unsigned i = 0; i < n; i++)
		fetch_first(s, head[i]);
}

/* Likewise, but one after the other, so that each has time to come. What a shard has found is not looked for. */

static bool is_looked_for(const struct sp_prepared *p)
{
	return p->seen != SP_SEEN_AGAIN;
}

static const uint32_t *content_head(const struct sp_stitch *s, const struct sp_prepared *p)
{
	return sp_tie_bucket(s, sp_content_key(p->texts.content, p->span.start_ns, 0));
}

static void fetch_places(const struct sp_stitch *s, const struct sp_prepared *p)
{
	const uint32_t *head[KINDS];
	if (p->seen != SP_SEEN_UNKNOWN)
		sp_prefetch(sp_hint_place(s, p));
	if (!is_looked_for(p))
		return;
	heads_of(s, &p->span, head);
	sp_prefetch(content_head(s, p));
}

static void fetch_groups(const struct sp_stitch *s, const struct sp_prepared *p)
{
	const struct sp_group *g = &s->group[sp_hint_group(s, p)];
	if (is_looked_for(p)) {
		fetch_group(s, *sp_tie_bucket(s, sp_asked_key(s, &p->span)));
		fetch_tie(s, *sp_tie_bucket(s, sp_answered_key(s, &p->span)));
		fetch_tie(s, *sp_tie_bucket(s, sp_alike_key(&p->span)));
		fetch_tie(s, *content_head(s, p));
		return;
	}
	fetch(g, sizeof *g);
}

static void fetch_met(const struct sp_stitch *s, const struct sp_prepared *p)
{
	if (is_looked_for(p)) {
		uint32_t ref = *sp_tie_bucket(s, sp_asked_key(s, &p->span));
		if (ref)
			fetch_spans(s, &s->group[sp_tie_group(ref)]);
		return;
	}
	const struct sp_group *g = &s->group[sp_hint_group(s, p)];
	for (unsigned i = 0; i < SP_MIN(g->n, SP_FETCHED_SPANS); i++)
		sp_prefetch(&s->span[g->fetched[i]].server_ip);
	if (g->n > SP_FETCHED_SPANS)
		sp_prefetch(&s->span[g->first].server_ip);
}

void sp_fetch_prepared(const struct sp_stitch *s, const struct sp_prepared *p, unsigned n, unsigned i)
{
	enum { APART = SP_FETCH_AHEAD / 4 };
	if (i < n)
		fetch(&p[i], sizeof *p); /* from another processor's cache */
	if (i >= APART && i - APART < n)
		fetch_places(s, &p[i - APART]);
	if (i >= 2 * APART && i - 2 * APART < n)
		fetch_groups(s, &p[i - 2 * APART]);
	if (i >= 3 * APART && i - 3 * APART < n)
		fetch_met(s, &p[i - 3 * APART]);
}
