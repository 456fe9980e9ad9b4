/* SPDX-License-Identifier: Apache-2.0 */
/* Plots over time: phases, marks, bytes sent and acknowledged, bytes in flight. What would fall onto the same pixel is
 * drawn once, so that a picture of a million packets is no bigger than one of some thousands. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile_svg.h"
#include "cli/text.h"

#define PHASE_ROWS 6
#define PHASE_HEIGHT 20
#define SEQUENCE_HEIGHT 230
#define FLIGHT_HEIGHT 90
#define SEGMENTS_WORTH 12 /* fewer say nothing as a plot */
#define EACH_ONE 1500	  /* with up to so many segments each can be pointed at */
#define COLUMNS (SP_SVG_RIGHT - SP_SVG_LEFT + 1)

#define US(ns) sp_text_us(&(struct sp_text){0}, (uint64_t)SP_MAX(ns, 0) / 1000)

/* --- phases --- */

struct span {
	int64_t from, to;
};

static struct span connect_span(const struct sp_view *p)
{
	return (struct span){0, (int64_t)p->head.us[SP_PHASE_CONNECT] * 1000};
}

static struct span tls_span(const struct sp_view *p)
{
	int64_t from = connect_span(p).to;
	for (uint32_t i = 0; i < p->n_packets; i++)
		if (p->packet[i].notes & SP_PROFILE_TLS || p->packet[i].len) {
			from = p->packet[i].at_ns;
			break;
		}
	return (struct span){from, from + (int64_t)p->head.us[SP_PHASE_TLS] * 1000};
}

static struct span teardown_span(const struct sp_view *p)
{
	int64_t to = sp_view_duration_ns(p);
	return (struct span){to - (int64_t)p->head.us[SP_PHASE_TEARDOWN] * 1000, to};
}

/* A phase of an exchange; the client's wait comes before its beginning. */
static struct span exchange_span(const struct sp_view_exchange *x, unsigned phase)
{
	int64_t from = x->at_ns;
	if (phase == SP_PHASE_CLIENT)
		return (struct span){from - (int64_t)x->us[phase] * 1000, from};
	for (unsigned i = SP_PHASE_REQUEST; i < phase; i++)
		from += (int64_t)x->us[i] * 1000;
	return (struct span){from, from + (int64_t)x->us[phase] * 1000};
}

static bool in(struct span span, int64_t at_ns)
{
	return span.from <= at_ns && at_ns < span.to;
}

unsigned sp_svg_phase_at(const struct sp_view *p, int64_t at_ns)
{
	if (p->head.us[SP_PHASE_CONNECT] && in(connect_span(p), at_ns))
		return SP_PHASE_CONNECT;
	for (uint32_t i = 0; i < p->n_exchanges; i++)
		for (unsigned phase = SP_PHASE_CLIENT; phase <= SP_PHASE_RESPONSE; phase++)
			if (in(exchange_span(&p->exchange[i], phase), at_ns))
				return phase;
	if (in(tls_span(p), at_ns))
		return SP_PHASE_TLS;
	return in(teardown_span(p), at_ns) ? SP_PHASE_TEARDOWN : SP_PHASES;
}

static void phase_bar(struct sp_svg *s, struct span span, unsigned phase, double y, const char *what)
{
	if (span.to <= span.from)
		return;
	double from = sp_svg_x(s, span.from), to = sp_svg_x(s, span.to);
	fputs("<g>", s->out);
	sp_svg_rect(s, from, y, SP_MAX(to - from, 1.0), PHASE_HEIGHT - 2, sp_svg_phase_class[phase]);
	sp_svg_title(s, "%s: %s%s", sp_view_phase_name[phase], US(span.to - span.from), what);
	fputs("</g>\n", s->out);
	if (to - from > 9.0 + 7.5 * (double)strlen(US(span.to - span.from)))
		sp_svg_text(s, (from + to) / 2, y + 13, "inside", "%s", US(span.to - span.from));
}

static void exchange_bars(struct sp_svg *s, const struct sp_view_exchange *x, double y)
{
	char what[128];
	snprintf(what, sizeof what, ", request %s: %s up, %s down", x->request_id,
		 sp_text_bytes(&(struct sp_text){0}, x->request_bytes),
		 sp_text_bytes(&(struct sp_text){0}, x->response_bytes));
	for (unsigned phase = SP_PHASE_CLIENT; phase <= SP_PHASE_RESPONSE; phase++)
		phase_bar(s, exchange_span(x, phase), phase, y, what);
}

/* Exchanges that overlap stand below each other. */
void sp_svg_phases(struct sp_svg *s)
{
	const struct sp_view *p = s->p;
	double drawn[PHASE_ROWS];
	int64_t until[PHASE_ROWS];
	unsigned rows = 1;
	uint32_t hidden = 0;
	for (unsigned i = 0; i < PHASE_ROWS; i++) {
		drawn[i] = -1;
		until[i] = INT64_MIN;
	}
	sp_svg_text(s, SP_SVG_EDGE, s->y + 14, "lane", "Phases");
	phase_bar(s, connect_span(p), SP_PHASE_CONNECT, s->y, "");
	phase_bar(s, tls_span(p), SP_PHASE_TLS, s->y, "");
	phase_bar(s, teardown_span(p), SP_PHASE_TEARDOWN, s->y, "");
	for (uint32_t i = 0; i < p->n_exchanges; i++) {
		const struct sp_view_exchange *x = &p->exchange[i];
		int64_t end = exchange_span(x, SP_PHASE_RESPONSE).to;
		unsigned row = 0;
		while (row < PHASE_ROWS && until[row] > x->at_ns)
			row++;
		if (row == PHASE_ROWS) {
			hidden++;
			continue;
		}
		rows = SP_MAX(rows, row + 1);
		until[row] = end;
		if (sp_svg_x(s, end) < drawn[row] + 0.7)
			continue;
		drawn[row] = sp_svg_x(s, end);
		exchange_bars(s, x, s->y + row * PHASE_HEIGHT);
	}
	s->y += rows * PHASE_HEIGHT + 8;
	if (hidden) {
		sp_svg_text(s, SP_SVG_LEFT, s->y + 6, "tick", "and %" PRIu32 " more at the same time", hidden);
		s->y += 16;
	}
}

/* --- marks --- */

static const char *mark_class(const struct sp_view_packet *k)
{
	if (k->notes & SP_VIEW_AGAIN)
		return "again";
	if (k->notes & (SP_PROFILE_HOLE_FILLED | SP_PROFILE_GAP))
		return "hole";
	if (k->notes & (SP_PROFILE_ZERO_WINDOW | SP_PROFILE_WINDOW_FULL))
		return "zero";
	return k->flags & SP_TCP_RST ? "reset" : NULL;
}

static void say_packet(const struct sp_svg *s, uint32_t i)
{
	const struct sp_view_packet *k = &s->p->packet[i];
	char label[96], notes[160];
	sp_svg_title(s, "packet %" PRIu32 " at %s, %s: %s%s%s", i + 1, US(k->at_ns),
		     k->s2c ? "to the client" : "to the server", sp_view_label(label, sizeof label, k),
		     k->notes ? ", " : "", sp_view_notes(notes, sizeof notes, k->notes));
}

/* A triangle for everything that went wrong, one a pixel's width and kind. */
void sp_svg_marks(struct sp_svg *s)
{
	static const char *const kind[] = {"again", "hole", "zero", "reset"};
	double last[SP_ARRAY_SIZE(kind)] = {0};
	bool any = false;
	for (uint32_t i = 0; i < s->p->n_packets; i++) {
		const char *class = mark_class(&s->p->packet[i]);
		double x = sp_svg_x(s, s->p->packet[i].at_ns);
		unsigned k = 0;
		while (class && strcmp(class, kind[k]))
			k++;
		if (!class || x < last[k] + 1)
			continue;
		last[k] = x;
		if (!any)
			sp_svg_text(s, SP_SVG_EDGE, s->y + 11, "lane", "Trouble");
		any = true;
		fprintf(s->out, "<path class=\"%s\" d=\"M%.1f %.1fl4 9h-8z\">", class, x, s->y + 2);
		say_packet(s, i);
		fputs("</path>\n", s->out);
	}
	s->y += any ? 22 : 4;
}

/* --- bytes --- */

struct plot {
	struct sp_svg *s;
	bool s2c;
	double top, height;
	int64_t low, high; /* what lies at the bottom and at the top */
};

static double y_of(const struct plot *plot, int64_t value)
{
	double part = (double)(value - plot->low) / (double)SP_MAX(plot->high - plot->low, (int64_t)1);
	return plot->top + plot->height * (1 - SP_MIN(SP_MAX(part, 0.0), 1.0));
}

static void frame(const struct plot *plot, const char *name)
{
	const struct sp_svg *s = plot->s;
	int64_t step = (int64_t)sp_svg_step((double)(plot->high - plot->low) / 4.5);
	int64_t first = (plot->low + step - 1) / step * step;
	sp_svg_text(s, SP_SVG_LEFT + 6, plot->top - 7, "lane", "%s", name);
	for (int64_t value = first; value <= plot->high; value += step) {
		double y = y_of(plot, value);
		fprintf(s->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", SP_SVG_LEFT, y, SP_SVG_RIGHT);
		sp_svg_text(s, SP_SVG_LEFT - 6, y + 4, "tick end", "%s",
			    sp_text_bytes(&(struct sp_text){0}, (uint64_t)SP_MAX(value, (int64_t)0)));
	}
	fprintf(s->out, "<path class=\"edge\" d=\"M%d %.1fH%d\"/>\n", SP_SVG_LEFT, plot->top + plot->height,
		SP_SVG_RIGHT);
}

/* A line in steps: of the values in one column of pixels the lowest, the highest and the last are drawn. */
struct steps {
	FILE *out;
	double x, low, high, last;
	bool any;
};

static void steps_flush(struct steps *steps)
{
	if (steps->high != steps->low)
		fprintf(steps->out, "V%.1fV%.1f", steps->low, steps->high);
	fprintf(steps->out, "V%.1f", steps->last);
}

static void steps_to(struct steps *steps, double x, double y)
{
	x = (int)(x * 2 + 0.5) / 2.0;
	if (!steps->any) {
		fprintf(steps->out, "M%.1f %.1f", x, y);
		*steps = (struct steps){steps->out, x, y, y, y, true};
		return;
	}
	if (x > steps->x) {
		if (__builtin_fabs(y - steps->last) < 0.05 && steps->low == steps->high)
			return;
		steps_flush(steps);
		fprintf(steps->out, "H%.1f", x);
		steps->x = x;
		steps->low = SP_MIN(steps->last, y);
		steps->high = SP_MAX(steps->last, y);
	}
	steps->low = SP_MIN(steps->low, y);
	steps->high = SP_MAX(steps->high, y);
	steps->last = y;
}

static void steps_end(struct steps *steps)
{
	if (steps->any) {
		steps_flush(steps);
		fprintf(steps->out, "H%d", SP_SVG_RIGHT);
	}
}

bool sp_svg_worth_plotting(const struct sp_view *p, bool s2c)
{
	unsigned segments = 0;
	for (uint32_t i = 0; i < p->n_packets && segments < SEGMENTS_WORTH; i++)
		segments += p->packet[i].len && p->packet[i].s2c == s2c;
	return segments == SEGMENTS_WORTH;
}

/* What was acknowledged, and how far the receiver's window goes, as far as that is known, over time. */
static void receiver_lines(const struct plot *plot)
{
	static const char *const class[] = {"window", "acked"};
	const struct sp_view *p = plot->s->p;
	for (unsigned line = p->head.windows_in_bytes ? 0 : 1; line < 2; line++) {
		struct steps steps = {.out = plot->s->out};
		fprintf(plot->s->out, "<path class=\"%s\" d=\"", class[line]);
		for (uint32_t i = 0; i < p->n_packets; i++) {
			const struct sp_view_packet *k = &p->packet[i];
			if (k->s2c == plot->s2c || !(k->flags & SP_TCP_ACK) || k->flags & SP_TCP_RST)
				continue;
			int64_t value = k->ack + (line ? 0 : (int64_t)k->window);
			steps_to(&steps, sp_svg_x(plot->s, k->at_ns), y_of(plot, value));
		}
		steps_end(&steps);
		fputs("\"/>\n", plot->s->out);
	}
}

static const char *segment_class(const struct sp_view_packet *k)
{
	if (k->notes & SP_VIEW_AGAIN)
		return "seg again";
	if (k->notes & SP_PROFILE_HOLE_FILLED)
		return "seg hole";
	return k->s2c ? "seg down" : "seg up";
}

static void each_segment(const struct plot *plot)
{
	const struct sp_view *p = plot->s->p;
	for (uint32_t i = 0; i < p->n_packets; i++) {
		const struct sp_view_packet *k = &p->packet[i];
		if (k->s2c != plot->s2c || !k->len)
			continue;
		double from = y_of(plot, k->seq), to = y_of(plot, k->seq + k->len);
		fprintf(plot->s->out, "<path class=\"%s\" d=\"M%.1f %.1fV%.1f\">", segment_class(k),
			sp_svg_x(plot->s, k->at_ns), from, SP_MIN(to, from - 2.5));
		say_packet(plot->s, i);
		fputs("</path>\n", plot->s->out);
	}
}

/* Runs of what is set in a picture of the plot, as one path. */
static void pixels_path(const struct plot *plot, const uint8_t *set, unsigned height, uint8_t bit)
{
	for (unsigned x = 0; x < COLUMNS; x++)
		for (unsigned y = 0, from; y < height; y++) {
			if (!(set[x * height + y] & bit))
				continue;
			for (from = y; y < height && set[x * height + y] & bit; y++)
				;
			fprintf(plot->s->out, "M%u %uv%u", SP_SVG_LEFT + x, (unsigned)plot->top + from, y - from);
		}
}

static void pixels_fill(const struct plot *plot, uint8_t *set, unsigned height, const char *const *class)
{
	const struct sp_view *p = plot->s->p;
	for (uint32_t i = 0; i < p->n_packets; i++) {
		const struct sp_view_packet *k = &p->packet[i];
		if (k->s2c != plot->s2c || !k->len)
			continue;
		unsigned x = (unsigned)(sp_svg_x(plot->s, k->at_ns) - SP_SVG_LEFT), bit = 0;
		unsigned from = (unsigned)(y_of(plot, k->seq + k->len) - plot->top);
		unsigned to = (unsigned)(y_of(plot, k->seq) - plot->top);
		while (strcmp(class[bit], segment_class(k)))
			bit++;
		for (unsigned y = from; y <= to && y < height; y++)
			set[SP_MIN(x, COLUMNS - 1u) * height + y] |= (uint8_t)(1u << bit);
	}
}

static void many_segments(const struct plot *plot)
{
	const char *class[] = {plot->s2c ? "seg down" : "seg up", "seg hole", "seg again"};
	unsigned height = (unsigned)plot->height + 1;
	uint8_t *set = calloc(COLUMNS, height);
	if (!set)
		return;
	pixels_fill(plot, set, height, class);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(class); i++) {
		fprintf(plot->s->out, "<path class=\"%s\" d=\"", class[i]);
		pixels_path(plot, set, height, (uint8_t)(1u << i));
		fputs("\"/>\n", plot->s->out);
	}
	free(set);
}

void sp_svg_sequence(struct sp_svg *s, bool s2c)
{
	struct plot plot = {.s = s, .s2c = s2c, .top = (int)s->y + 28, .height = SEQUENCE_HEIGHT, .low = INT64_MAX};
	unsigned segments = 0;
	for (uint32_t i = 0; i < s->p->n_packets; i++) {
		const struct sp_view_packet *k = &s->p->packet[i];
		if (k->s2c != s2c || !k->len)
			continue;
		segments++;
		plot.low = SP_MIN(plot.low, k->seq);
		plot.high = SP_MAX(plot.high, k->seq + k->len);
	}
	/* A little air above, where a window shows that is nearly used up. */
	plot.high += (plot.high - plot.low) / 12 + 1;
	if (segments * 20 < s->p->n_packets || plot.high - plot.low < 4000)
		plot.height /= 2;
	frame(&plot, s2c ? "Bytes to the client" : "Bytes to the server");
	receiver_lines(&plot);
	if (segments <= EACH_ONE)
		each_segment(&plot);
	else
		many_segments(&plot);
	s->y = plot.top + plot.height + 14;
}

/* --- in flight --- */

/* Calls `point` for every packet that changes what is on the way to the receiver. */
static void flight(const struct plot *plot, void (*point)(void *, int64_t at_ns, int64_t bytes, int64_t window),
		   void *arg)
{
	const struct sp_view *p = plot->s->p;
	int64_t sent = INT64_MIN, acked = INT64_MIN, window = -1;
	for (uint32_t i = 0; i < p->n_packets; i++) {
		const struct sp_view_packet *k = &p->packet[i];
		if (k->s2c == plot->s2c) {
			if (!k->len)
				continue;
			if (acked == INT64_MIN)
				acked = k->seq;
			sent = SP_MAX(sent, k->seq + k->len);
		} else {
			if (!(k->flags & SP_TCP_ACK) || k->flags & SP_TCP_RST)
				continue;
			acked = SP_MAX(acked, k->ack);
			window = k->window;
		}
		point(arg, k->at_ns, sent == INT64_MIN ? 0 : SP_MAX(sent - acked, (int64_t)0), window);
	}
}

static void find_high(void *arg, int64_t at_ns, int64_t bytes, int64_t window)
{
	int64_t *high = arg;
	(void)at_ns;
	(void)window;
	*high = SP_MAX(*high, bytes);
}

struct flight_line {
	const struct plot *plot;
	struct steps steps;
	bool window;
};

static void draw_flight(void *arg, int64_t at_ns, int64_t bytes, int64_t window)
{
	struct flight_line *line = arg;
	int64_t value = line->window ? window : bytes;
	if (value >= 0)
		steps_to(&line->steps, sp_svg_x(line->plot->s, at_ns), y_of(line->plot, value));
}

void sp_svg_in_flight(struct sp_svg *s, bool s2c)
{
	struct plot plot = {.s = s, .s2c = s2c, .top = (int)s->y + 28, .height = FLIGHT_HEIGHT};
	flight(&plot, find_high, &plot.high);
	plot.high += plot.high / 5 + 1;
	frame(&plot, s2c ? "In flight to the client" : "In flight to the server");
	for (unsigned pass = 0; pass < (s->p->head.windows_in_bytes ? 3 : 2); pass++) {
		const char *class[] = {s2c ? "down area" : "up area", s2c ? "down line" : "up line", "window"};
		struct flight_line line = {&plot, {.out = s->out}, pass == 2};
		double bottom = plot.top + plot.height;
		fprintf(s->out, "<path class=\"%s\" d=\"", class[pass]);
		if (!pass)
			steps_to(&line.steps, SP_SVG_LEFT, bottom);
		flight(&plot, draw_flight, &line);
		steps_end(&line.steps);
		if (!pass)
			fprintf(s->out, "V%.1fz", bottom);
		fputs("\"/>\n", s->out);
	}
	s->y = plot.top + plot.height + 14;
}
