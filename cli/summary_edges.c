/* SPDX-License-Identifier: Apache-2.0 */
/* What stitching tells, on its way into the summary. */
#include <string.h>

#include "cli/summary.h"
#include "parsers/parser.h"

static void name(const struct sp_summary *s, char *out, uint16_t point, const char *end)
{
	bool known = point < atomic_load_explicit(&s->points->n, memory_order_acquire);
	if (point == SP_EDGE_END || known)
		snprintf(out, SP_POINT_NAME_MAX, "%s", known ? s->points->point[point].name : end);
}

static void edge(void *ctx, const struct sp_edge *e)
{
	struct sp_summary *s = ctx;
	char method[SP_EDGE_TEXT_MAX], endpoint[SP_EDGE_TEXT_MAX];
	struct sp_edge_key key = {0};
	struct sp_edge_sum sum = {.calls = e->calls, .sum_us = e->sum_us, .self = e->self};
	const char *app = sp_app_name(e->app);
	name(s, key.pair.from, e->from, "client");
	name(s, key.pair.to, e->to, "server");
	snprintf(method, sizeof method, "%.*s", (int)e->n_method, e->text);
	snprintf(endpoint, sizeof endpoint, "%.*s", (int)e->n_endpoint, e->text + e->n_method);
	sp_edges_call(&key, app ? app : "", method, endpoint);
	sp_edges_add(&s->edges, &key, &sum);
}

static void losses(void *ctx, const struct sp_edge_losses *l)
{
	struct sp_summary *s = ctx;
	struct sp_loss_key key = {.s2c = l->s2c, .doubled = l->doubled};
	name(s, key.pair.from, l->from, "");
	name(s, key.pair.to, l->to, "");
	for (unsigned i = 0; i < l->n; i++) {
		key.start_ns = l->slot[i].start_ns;
		sp_edges_lost(&s->edges, &key, &(struct sp_loss_sum){l->slot[i].segments, l->slot[i].connections});
	}
}

struct sp_stitch_told sp_summary_told(struct sp_summary *s, const struct sp_points *points)
{
	s->points = points;
	return (struct sp_stitch_told){.edge = edge, .losses = losses, .ctx = s};
}
