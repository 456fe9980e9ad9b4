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

void sp_json_losses(struct sp_buf *out, const struct sp_edge_losses *l, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, LINE_MAX + l->n * (PAIR_MAX + SP_DECIMAL_MAX));
	char *p = (char *)out->p + out->n;
	uint64_t segments = 0;
	for (unsigned i = 0; i < l->n; i++)
		segments += l->slot[i].segments;
	OBJECT(p, '{')
	{
		if (tagged)
			p = put_word(p, "record", "loss");
		p = put_between(p, points, l->from, l->to);
		p = put_word(p, "direction", l->s2c ? "s2c" : "c2s");
		p = put_word(p, "kind", l->doubled ? "duplicated" : "lost");
		p = put_number(p, "start_ns", l->slot[0].start_ns);
		p = put_number(p, "end_ns", l->slot[l->n - 1].start_ns + SP_LOSS_SLOT_NS);
		p = put_number(p, "segments", segments);
		p = put_number(p, "slot_ns", SP_LOSS_SLOT_NS);
		PUT(",\"slots\":[");
		for (unsigned i = 0; i < l->n; i++) {
			*p++ = '[';
			p = sp_put_u64(p, l->slot[i].start_ns);
			*p++ = ',';
			p = sp_put_u64(p, l->slot[i].segments);
			*p++ = ',';
			p = sp_put_u64(p, l->slot[i].connections);
			PUT("],");
		}
		p[-1] = ']';
	}
	*p++ = '\n';
	out->n = (size_t)((uint8_t *)p - out->p);
}

/* In thousandths. */
static char *put_fraction(char *p, const char *key, int64_t thousandths)
{
	uint64_t v = thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
	PUT(",\"");
	p = sp_json_text(p, key);
	PUT("\":");
	if (thousandths < 0)
		*p++ = '-';
	p = sp_put_u64(p, v / 1000);
	*p++ = '.';
	for (unsigned unit = 100; unit; unit /= 10)
		*p++ = (char)('0' + v / unit % 10);
	return p;
}

void sp_json_clock(struct sp_buf *out, const struct sp_clock *c, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, LINE_MAX);
	char *p = (char *)out->p + out->n;
	OBJECT(p, '{')
	{
		if (tagged)
			p = put_word(p, "record", "clock");
		p = put_point(p, "point", points, c->point);
		p = put_point(p, "reference", points, c->reference);
		p = put_number(p, "at_ns", c->at_ns);
		p = put_fraction(p, "offset_us", c->offset_ns);
		p = put_fraction(p, "drift_ppm", c->drift_ppb);
		p = put_fraction(p, "uncertainty_us", (int64_t)c->uncertainty_ns);
		p = put_fraction(p, "drift_uncertainty_ppm", (int64_t)c->drift_uncertainty_ppb);
		p = put_number(p, "samples", c->samples);
		p = put_number(p, "steps", c->steps);
	}
	*p++ = '\n';
	out->n = (size_t)((uint8_t *)p - out->p);
}
