/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/edges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

#define PAIRS 512
#define ENDPOINTS 4096
#define ROWS 20

int sp_edges_view_init(struct sp_edges_view *v)
{
	v->pairs = sp_topk_new(PAIRS, sizeof(struct sp_edge_pair), sizeof(struct sp_edge_sum));
	v->endpoints = sp_topk_new(ENDPOINTS, sizeof(struct sp_edge_key), sizeof(struct sp_edge_sum));
	return v->pairs && v->endpoints ? 0 : -ENOMEM;
}

void sp_edges_view_free(struct sp_edges_view *v)
{
	sp_topk_free(v->pairs);
	sp_topk_free(v->endpoints);
	*v = (struct sp_edges_view){0};
}

static void add_up(struct sp_edge_sum *sum, const struct sp_edge_sum *more)
{
	sum->calls += more->calls;
	sum->lost += more->lost;
	sum->sum_us += more->sum_us;
	sp_hist_merge(&sum->self, &more->self);
}

void sp_edges_add(struct sp_edges_view *v, const struct sp_edge_key *key, const struct sp_edge_sum *more)
{
	add_up(sp_topk_add(v->pairs, &key->pair, more->sum_us + 1), more);
	add_up(sp_topk_add(v->endpoints, key, more->sum_us + 1), more);
}

/* The endpoint for which one call in twenty waits longest there. */
static const struct sp_edge_key *worst(const struct sp_edges_view *v, const struct sp_edge_pair *pair, uint32_t *p95)
{
	const struct sp_edge_key *found = NULL;
	uint64_t most = 0;
	*p95 = 0;
	for (uint32_t i = 0; i < sp_topk_n(v->endpoints); i++) {
		const struct sp_edge_key *key = sp_topk_key(v->endpoints, i);
		const struct sp_edge_sum *sum = sp_topk_value(v->endpoints, i);
		uint32_t us = sp_hist_percentile(&sum->self, 95);
		if (memcmp(&key->pair, pair, sizeof *pair) || !sum->self.n || us < *p95 ||
		    (us == *p95 && sum->sum_us < most))
			continue;
		found = key;
		*p95 = us;
		most = sum->sum_us;
	}
	return found;
}

static void row(const struct sp_edges_view *v, struct sp_table *t, uint32_t i, uint64_t all_us)
{
	static const unsigned percent[] = {50, 95, 99};
	const struct sp_edge_pair *pair = sp_topk_key(v->pairs, i);
	const struct sp_edge_sum *sum = sp_topk_value(v->pairs, i);
	struct sp_text text;
	uint32_t p95;
	const struct sp_edge_key *key = worst(v, pair, &p95);
	sp_table_cell(t, "%s", sp_text_us(&text, sum->sum_us));
	sp_table_cell(t, "%s", sp_text_share(&text, sum->sum_us, all_us));
	for (unsigned k = 0; k < SP_ARRAY_SIZE(percent); k++)
		sp_table_cell(t, "%s",
			      sum->self.n ? sp_text_us(&text, sp_hist_percentile(&sum->self, percent[k])) : "-");
	sp_table_cell(t, "%s", sp_text_count(&text, sum->calls));
	sp_table_cell(t, "%s", sp_text_count(&text, sum->lost));
	sp_table_cell(t, "%s > %s", pair->from, pair->to);
	if (key && p95)
		sp_table_cell(t, "%s %s", sp_text_us(&text, p95), key->call);
	else
		sp_table_cell(t, "%s", "");
}

static uint64_t weight(const struct sp_topk *t, uint32_t i)
{
	const struct sp_edge_sum *sum = sp_topk_value(t, i);
	return sum->sum_us;
}

/* The pairs between which most time went, most first. */
static uint32_t sort(const struct sp_topk *t, uint32_t *order, uint32_t max)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < sp_topk_n(t); i++) {
		uint32_t at = n;
		for (; at && weight(t, order[at - 1]) < weight(t, i); at--)
			if (at < max)
				order[at] = order[at - 1];
		if (at < max)
			order[at] = i;
		n = SP_MIN(n + 1, max);
	}
	return n;
}

bool sp_edges_print(FILE *out, const struct sp_edges_view *v, struct sp_table *table, bool colour)
{
	uint32_t order[ROWS], n = sort(v->pairs, order, ROWS);
	uint64_t all_us = 0;
	for (uint32_t i = 0; i < sp_topk_n(v->pairs); i++)
		all_us += weight(v->pairs, i);
	sp_table_begin(table, "Where the time of calls went, between points", "rrrrrrrll",
		       "in all|of all|p50|p95|p99|calls|lost|between|worst: p95, endpoint");
	for (uint32_t i = 0; i < n; i++)
		row(v, table, order[i], all_us);
	sp_table_print(out, table, colour);
	return n;
}
