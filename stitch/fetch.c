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

/* Looked for in three steps, each of which finds in the cache what the one before it asked for. */
void sp_stitch_expect(const struct sp_stitch *s, const struct sp_span *span, unsigned n)
{
	enum { KINDS = SP_TIE_ALIKE + 1 };
	const uint32_t *head[SP_STITCH_EXPECTED][KINDS];
	n = SP_MIN(n, SP_STITCH_EXPECTED);
	for (unsigned i = 0; i < n; i++) {
		head[i][SP_TIE_ASKED] = sp_tie_bucket(s, sp_asked_key(s, &span[i]));
		head[i][SP_TIE_ANSWERED] = sp_tie_bucket(s, sp_answered_key(s, &span[i]));
		head[i][SP_TIE_ALIKE] = sp_tie_bucket(s, sp_alike_key(&span[i]));
		for (unsigned kind = 0; kind < KINDS; kind++)
			sp_prefetch(head[i][kind]);
	}
	for (unsigned i = 0; i < n; i++) {
		fetch_group(s, *head[i][SP_TIE_ASKED]);
		fetch_tie(s, *head[i][SP_TIE_ANSWERED]);
		fetch_tie(s, *head[i][SP_TIE_ALIKE]);
	}
	for (unsigned i = 0; i < n; i++)
		if (*head[i][SP_TIE_ASKED])
			fetch_spans(s, &s->group[sp_tie_group(*head[i][SP_TIE_ASKED])]);
}
