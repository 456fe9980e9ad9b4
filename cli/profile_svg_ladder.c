/* SPDX-License-Identifier: Apache-2.0 */
/* A short flow's packets as arrows between two lifelines, with the phase they fall into. */
#include <string.h>

#include "cli/profile_svg.h"
#include "cli/text.h"

#define CLIENT_X 330
#define SERVER_X 850
#define ROW 30
#define SLANT 9
#define SILENCE 46

static const char *arrow_class(const struct sp_view_packet *k)
{
	if (k->notes & (SP_VIEW_AGAIN | SP_PROFILE_HOLE_FILLED))
		return "again";
	if (k->flags & SP_TCP_RST)
		return "reset";
	if (k->notes & (SP_PROFILE_ZERO_WINDOW | SP_PROFILE_WINDOW_FULL))
		return "zero";
	if (k->flags & (SP_TCP_SYN | SP_TCP_FIN))
		return "shake";
	return !k->len ? "none" : k->s2c ? "down" : "up";
}

static void arrow(struct sp_svg *s, uint32_t i)
{
	const struct sp_view_packet *k = &s->p->packet[i];
	char label[96], notes[160];
	double from = k->s2c ? SERVER_X : CLIENT_X, to = k->s2c ? CLIENT_X : SERVER_X, way = k->s2c ? -1 : 1;
	fprintf(s->out, "<g class=\"%s\"><path class=\"arrow\" d=\"M%.1f %.1fL%.1f %.1f\"/>", arrow_class(k),
		from + way * 2, s->y, to - way * 6, s->y + SLANT);
	fprintf(s->out, "<path d=\"M%.1f %.1fl%.1f -5.2l0.4 8z\"/></g>", to - way * 2, s->y + SLANT + 0.2, -way * 9);
	sp_svg_text(s, (CLIENT_X + SERVER_X) / 2.0, s->y - 1, k->len ? "strong mid" : "soft mid", "%s",
		    sp_view_label(label, sizeof label, k));
	sp_svg_text(s, CLIENT_X - 112, s->y + 4, "end", "%s",
		    sp_text_us(&(struct sp_text){0}, (uint64_t)SP_MAX(k->at_ns, 0) / 1000));
	if (i && k->at_ns > k[-1].at_ns)
		sp_svg_text(s, CLIENT_X - 28, s->y + 4, "tick end", "+%s",
			    sp_text_us(&(struct sp_text){0}, (uint64_t)(k->at_ns - k[-1].at_ns) / 1000));
	sp_svg_text(s, SERVER_X + 22, s->y + (k->s2c ? 4 : 4 + SLANT), "soft", "%s",
		    sp_view_notes(notes, sizeof notes, k->notes));
}

static void lifelines(const struct sp_svg *s, double from, double to, bool silent)
{
	fprintf(s->out, "<path class=\"life%s\" d=\"M%d %.1fV%.1fM%d %.1fV%.1f\"/>\n", silent ? " gap" : "", CLIENT_X,
		from, to, SERVER_X, from, to);
}

/* What the time until the next packet was spent on. */
static void phase_beside(const struct sp_svg *s, uint32_t i, double from, double to)
{
	const struct sp_view_packet *k = &s->p->packet[i];
	int64_t next = i + 1 < s->p->n_packets ? k[1].at_ns : k->at_ns;
	unsigned phase = sp_svg_phase_at(s->p, k->at_ns + (next - k->at_ns) / 2);
	if (phase == SP_PHASES)
		return;
	fputs("<g>", s->out);
	sp_svg_rect(s, CLIENT_X - 20, from, 6, to - from, sp_svg_phase_class[phase]);
	sp_svg_title(s, "%s", sp_view_phase_name[phase]);
	fputs("</g>\n", s->out);
}

void sp_svg_ladder(struct sp_svg *s)
{
	const struct sp_view *p = s->p;
	s->y += 10;
	sp_svg_text(s, SP_SVG_EDGE, s->y + 10, "lane", "Packets");
	sp_svg_text(s, CLIENT_X, s->y + 10, "strong mid", "%s", p->head.client);
	sp_svg_text(s, SERVER_X, s->y + 10, "strong mid", "%s", p->head.server);
	s->y += 22;
	lifelines(s, s->y, s->y + 20, false);
	s->y += 20;
	for (uint32_t i = 0; i < p->n_packets; i++) {
		char what[64];
		double from = s->y;
		bool silent =
			i + 1 < p->n_packets && sp_view_is_silence(p, p->packet[i + 1].at_ns - p->packet[i].at_ns);
		lifelines(s, from, from + ROW, false);
		if (silent)
			lifelines(s, from + ROW, from + ROW + SILENCE - ROW / 2.0, true);
		phase_beside(s, i, from, from + ROW + (silent ? SILENCE - ROW / 2.0 : 0));
		arrow(s, i);
		s->y += ROW;
		if (!silent)
			continue;
		sp_svg_text(s, (CLIENT_X + SERVER_X) / 2.0, s->y + 4, "mid", "%s of %s",
			    sp_text_us(&(struct sp_text){0},
				       (uint64_t)(p->packet[i + 1].at_ns - p->packet[i].at_ns) / 1000),
			    sp_view_silence(what, sizeof what, p, i + 1));
		s->y += SILENCE - ROW / 2.0;
	}
	s->y += 10;
}
