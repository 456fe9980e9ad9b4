/* SPDX-License-Identifier: Apache-2.0 */
/* The axis of time. A flow that waits a second and then moves within microseconds would be two dots on an even scale:
 * silences that take most of the time are cut out, and say how long they were. */
#include <string.h>

#include "cli/profile_svg.h"
#include "cli/text.h"

#define BREAK_WIDTH 76
#define PIECE_MIN 26
#define WORTH_A_BREAK 0.3 /* of what is left without longer ones */
#define NAME_HEIGHT 180	  /* what a silence is named beside needs */
#define TICK_MIN 84

struct gap {
	int64_t ns;
	uint32_t next;
};

/* The longest silences, longest first. */
static unsigned longest(const struct sp_view *p, struct gap *gap)
{
	unsigned n = 0;
	for (uint32_t i = 1; i < p->n_packets; i++) {
		int64_t ns = p->packet[i].at_ns - p->packet[i - 1].at_ns;
		unsigned at = n;
		while (at && gap[at - 1].ns < ns)
			at--;
		if (at == SP_SVG_BREAKS)
			continue;
		n = SP_MIN(n + 1, (unsigned)SP_SVG_BREAKS);
		memmove(gap + at + 1, gap + at, (n - 1 - at) * sizeof *gap);
		gap[at] = (struct gap){ns, i};
	}
	return n;
}

static void by_time(struct gap *gap, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && gap[k - 1].next > gap[k].next; k--) {
			struct gap other = gap[k];
			gap[k] = gap[k - 1];
			gap[k - 1] = other;
		}
}

/* Gives every piece its place; what is left of the width goes to pieces by their time. */
static void spread(struct sp_svg *s, int64_t left_ns)
{
	unsigned breaks = s->n_pieces / 2;
	double room = SP_SVG_RIGHT - SP_SVG_LEFT - breaks * BREAK_WIDTH, x = SP_SVG_LEFT;
	double shared = room - (breaks + 1) * PIECE_MIN;
	for (unsigned i = 0; i < s->n_pieces; i++) {
		struct sp_svg_piece *piece = &s->piece[i];
		double part =
			left_ns > 0 ? (double)(piece->to_ns - piece->from_ns) / (double)left_ns : 1.0 / (breaks + 1);
		piece->from = x;
		x += piece->next ? BREAK_WIDTH : PIECE_MIN + shared * part;
		piece->to = x;
	}
}

void sp_svg_scale(struct sp_svg *s)
{
	struct gap gap[SP_SVG_BREAKS + 1];
	const struct sp_view *p = s->p;
	int64_t all = SP_MAX(sp_view_duration_ns(p), (int64_t)1), left = all;
	unsigned n = longest(p, gap), breaks = 0;
	while (breaks < n && (double)gap[breaks].ns > WORTH_A_BREAK * (double)left)
		left -= gap[breaks++].ns;
	by_time(gap, breaks);
	int64_t from = p->n_packets ? SP_MIN(p->packet[0].at_ns, 0) : 0;
	for (unsigned i = 0; i < breaks; i++) {
		uint32_t next = gap[i].next;
		s->piece[s->n_pieces++] = (struct sp_svg_piece){.from_ns = from, .to_ns = p->packet[next - 1].at_ns};
		s->piece[s->n_pieces++] = (struct sp_svg_piece){
			.from_ns = p->packet[next - 1].at_ns, .to_ns = p->packet[next].at_ns, .next = next};
		from = p->packet[next].at_ns;
	}
	s->piece[s->n_pieces++] = (struct sp_svg_piece){.from_ns = from, .to_ns = SP_MAX(from, all)};
	spread(s, left);
}

double sp_svg_x(const struct sp_svg *s, int64_t at_ns)
{
	unsigned i = 0;
	while (i + 1 < s->n_pieces && at_ns > s->piece[i].to_ns)
		i++;
	const struct sp_svg_piece *piece = &s->piece[i];
	double part = piece->to_ns > piece->from_ns
			      ? (double)(at_ns - piece->from_ns) / (double)(piece->to_ns - piece->from_ns)
			      : 0;
	return piece->from + SP_MIN(SP_MAX(part, 0.0), 1.0) * (piece->to - piece->from);
}

/* "250 us", "1.5 ms", "12 s": a tick's distance needs few digits. */
static const char *tick_text(struct sp_text *t, double ns)
{
	if (ns < 1e6)
		snprintf(t->s, sizeof t->s, "%g us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(t->s, sizeof t->s, "%g ms", ns / 1e6);
	else
		snprintf(t->s, sizeof t->s, "%g s", ns / 1e9);
	return t->s;
}

double sp_svg_step(double at_least)
{
	static const double digit[] = {1, 2, 5};
	for (double power = 1; power < 1e18; power *= 10)
		for (unsigned i = 0; i < SP_ARRAY_SIZE(digit); i++)
			if (digit[i] * power >= at_least)
				return digit[i] * power;
	return at_least;
}

static void ticks(const struct sp_svg *s, const struct sp_svg_piece *piece, double bottom)
{
	double ns = (double)(piece->to_ns - piece->from_ns), width = piece->to - piece->from;
	struct sp_text t;
	if (ns < 1000 || width < TICK_MIN)
		return;
	double step = sp_svg_step(ns * TICK_MIN / width);
	for (unsigned i = 1; i * step <= ns; i++) {
		double x = piece->from + i * step / ns * width;
		fprintf(s->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x, s->y, bottom);
		if (x + 20 < piece->to || piece->to >= SP_SVG_RIGHT)
			sp_svg_text(s, x, s->y - 6, "tick mid", "%s%s", piece->from_ns > 0 ? "+" : "",
				    tick_text(&t, i * step));
	}
}

static void silence(const struct sp_svg *s, const struct sp_svg_piece *piece, double bottom)
{
	struct sp_text t;
	double middle = (piece->from + piece->to) / 2;
	char what[64];
	sp_view_silence(what, sizeof what, s->p, piece->next);
	sp_text_us(&t, (uint64_t)(piece->to_ns - piece->from_ns) / 1000);
	fputs("<g>", s->out);
	sp_svg_rect(s, piece->from + 2, s->y, piece->to - piece->from - 4, bottom - s->y, "silence");
	sp_svg_title(s, "%s of %s", t.s, what);
	fputs("</g>\n", s->out);
	sp_svg_text(s, middle, s->y - 6, "strong mid", "%s", t.s);
	if (bottom - s->y < NAME_HEIGHT)
		return;
	fprintf(s->out, "<g transform=\"translate(%.1f %.1f) rotate(-90)\">", middle + 4, (s->y + bottom) / 2);
	sp_svg_text(s, 0, 0, "soft mid", "%s", what);
	fputs("</g>\n", s->out);
}

void sp_svg_axis(struct sp_svg *s, double bottom)
{
	struct sp_text t;
	double free = 0;
	for (unsigned i = 0; i < s->n_pieces; i++) {
		const struct sp_svg_piece *piece = &s->piece[i];
		if (piece->next) {
			silence(s, piece, bottom);
			continue;
		}
		ticks(s, piece, bottom);
		fprintf(s->out, "<path class=\"edge\" d=\"M%.1f %.1fV%.1f\"/>\n", piece->from, s->y, bottom);
		sp_text_us(&t, (uint64_t)SP_MAX(piece->from_ns, 0) / 1000);
		if (piece->from >= free) {
			sp_svg_text(s, piece->from, s->y - (s->n_pieces > 1 ? 22 : 6), "tick", "%s",
				    piece->from_ns > 0 ? t.s : "0");
			free = piece->from + 8 + 7 * (double)strlen(t.s);
		}
	}
	fprintf(s->out, "<path class=\"edge\" d=\"M%d %.1fH%d\"/>\n", SP_SVG_LEFT, s->y, SP_SVG_RIGHT);
}
