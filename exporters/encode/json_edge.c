/* SPDX-License-Identifier: Apache-2.0 */
/* What stitching says over many calls and over time, as JSON Lines. */
#include "exporters/encode/json_edge.h"

#include "exporters/encode/json_put.h"

#define LINE_MAX (1024 + 4 * POINT_MAX + 16 * NUMBER_MAX)
#define PAIR_MAX (2 * SP_DECIMAL_MAX + 4)

static char *put_end(char *p, const char *key, const char *end, const struct sp_points *points, uint16_t point)
{
	return point == SP_EDGE_END ? put_word(p, key, end) : put_point(p, key, points, point);
}

static char *put_between(char *p, const struct sp_points *points, uint16_t from, uint16_t to)
{
	p = put_end(p, "from", "client", points, from);
	return put_end(p, "to", "server", points, to);
}

static char *put_text(char *p, const char *key, struct sp_slice t)
{
	return t.n ? put_quoted(p, key, (const char *)t.p, t.n) : p;
}

static char *put_histogram(char *p, const struct sp_hist *h)
{
	PUT(",\"histogram\":{\"scheme\":\"octave8_us\",\"counts\":[");
	char *begin = p;
	for (unsigned i = 0; i < SP_HIST_STEPS; i++) {
		if (!h->step[i])
			continue;
		*p++ = '[';
		p = sp_put_u64(p, i);
		*p++ = ',';
		p = sp_put_u64(p, h->step[i]);
		PUT("],");
	}
	p -= p > begin;
	return PUT("]}");
}

static char *put_times(char *p, const struct sp_edge *e)
{
	p = put_number(p, "sum_us", e->sum_us);
	p = put_number(p, "p50_us", sp_hist_percentile(&e->self, 50));
	p = put_number(p, "p95_us", sp_hist_percentile(&e->self, 95));
	p = put_number(p, "p99_us", sp_hist_percentile(&e->self, 99));
	p = put_number(p, "max_us", e->self.max);
	return put_histogram(p, &e->self);
}

void sp_json_edge(struct sp_buf *out, const struct sp_edge *e, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, LINE_MAX + 6 * SP_EDGE_TEXT_MAX + SP_HIST_STEPS * PAIR_MAX);
	char *p = (char *)out->p + out->n;
	OBJECT(p, '{')
	{
		if (tagged)
			p = put_word(p, "record", "edge");
		p = put_between(p, points, e->from, e->to);
		if (sp_app_name(e->app))
			p = put_word(p, "app_proto", sp_app_name(e->app));
		p = put_text(p, "method", sp_edge_method(e));
		p = put_text(p, "endpoint", sp_edge_endpoint(e));
		if (e->other)
			PUT(",\"other\":true");
		p = put_number(p, "start_ns", e->start_ns);
		p = put_number(p, "end_ns", e->end_ns);
		p = put_number(p, "calls", e->calls);
		p = put_number(p, "errors", e->errors);
		p = put_number(p, "lost", e->lost);
		if (e->self.n)
			p = put_times(p, e);
	}
	*p++ = '\n';
	out->n = (size_t)((uint8_t *)p - out->p);
}
