/* SPDX-License-Identifier: Apache-2.0 */
/* What shards have found, checked. A shard knows of keys, and not of calls: where the first span of a key began a call,
 * the place of the key stands for it, for as long as all that came to the call came that way. Then a further span of
 * the key fits all of them when it fits one, and is neither there already nor another call of their connections;
 * looking for it would find the same. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stitch/stitch_priv.h"

#define CROWDS 4096 /* hashes of keys, a power of two */

struct sp_hints {
	uint32_t places; /* of each shard */
	size_t size;
	uint32_t *group; /* by shard and place, 0: none */
	bool any_crowd;
	uint64_t crowd[CROWDS / 64];
};

int sp_hints_new(struct sp_hints **ret, const struct sp_stitch_conf *conf)
{
	if (conf->shards < 2)
		return 0;
	struct sp_hints *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	*ret = h;
	h->places = sp_shard_places(conf);
	h->size = (size_t)conf->shards * h->places * sizeof *h->group;
	h->group = sp_mem_map(h->size, SP_MEM_HUGE);
	return h->group ? 0 : -ENOMEM;
}

void sp_hints_free(struct sp_hints *h)
{
	if (!h)
		return;
	sp_mem_unmap(h->group, h->size);
	free(h);
}

static uint32_t *place_of(const struct sp_hints *h, const struct sp_prepared *p)
{
	return &h->group[(size_t)p->shard * h->places + p->place];
}

const uint32_t *sp_hint_place(const struct sp_stitch *s, const struct sp_prepared *p)
{
	return p->seen == SP_SEEN_UNKNOWN ? NULL : place_of(s->hints, p);
}

uint32_t sp_hint_group(const struct sp_stitch *s, const struct sp_prepared *p)
{
	return p->seen == SP_SEEN_AGAIN ? *place_of(s->hints, p) : 0;
}

void sp_hints_crowd(const struct sp_stitch *s, uint64_t key)
{
	struct sp_hints *h = s->hints;
	if (!h)
		return;
	h->any_crowd = true;
	h->crowd[(key >> 8 & (CROWDS - 1)) / 64] |= UINT64_C(1) << (key >> 8) % 64;
}

static bool is_crowded(const struct sp_hints *h, uint64_t key)
{
	return h->any_crowd && h->crowd[(key >> 8 & (CROWDS - 1)) / 64] >> (key >> 8) % 64 & 1;
}

/* What was learned of a connection since may have given its spans other numbers. */
static bool any_rewritten(const struct sp_stitch *s, const struct sp_group *group)
{
	for (uint32_t n = group->first; n; n = sp_span_at(s, n)->next)
		if (sp_span_at(s, n)->rewritten)
			return true;
	return false;
}

uint32_t sp_hint_take(const struct sp_stitch *s, const struct sp_prepared *p, const struct sp_span *span)
{
	uint32_t g = p && !span->rewritten ? sp_hint_group(s, p) : 0;
	if (!g)
		return 0;
	const struct sp_group *group = &s->group[g];
	uint64_t asked = sp_shard_key(span->req_seq);
	bool holds = group->n && group->pure && group->tie[SP_TIE_ASKED].key == asked &&
		     group->tie[SP_TIE_ANSWERED].key == sp_answered_key(s, span) && !is_crowded(s->hints, asked) &&
		     !any_rewritten(s, group);
	return holds ? g : 0;
}

void sp_hint_settle(struct sp_stitch *s, const struct sp_prepared *p, const struct sp_span *span, uint32_t hinted,
		    uint32_t g)
{
	bool fresh = !s->group[g].n;
	if (!p || p->seen == SP_SEEN_UNKNOWN) {
		s->group[g].pure = false;
		return;
	}
	if (hinted == g && !fresh) { /* else its call was told to make room */
		s->stats.spans_found++;
		return;
	}
	bool begins = fresh && p->seen == SP_SEEN_FIRST && !span->rewritten;
	s->group[g].pure = begins;
	*place_of(s->hints, p) = begins ? g : 0;
}
