/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a profile's picture. It is drawn from top to bottom: every part begins at `y`, and moves it down. */
#ifndef SP_CLI_PROFILE_SVG_H
#define SP_CLI_PROFILE_SVG_H

#include <stdio.h>

#include "cli/profile_view.h"

#define SP_SVG_WIDTH 1200
#define SP_SVG_LEFT 96	  /* where plots begin… */
#define SP_SVG_RIGHT 1160 /* …and end */
#define SP_SVG_EDGE 40	  /* where texts begin */
#define SP_SVG_BREAKS 12

/* The axis of time: pieces to scale, and between them long silences, each as wide as the other. */
struct sp_svg_piece {
	int64_t from_ns, to_ns;
	double from, to; /* x */
	uint32_t next;	 /* a silence: the packet that ended it; 0: to scale */
};

struct sp_svg {
	FILE *out;
	const struct sp_view *p;
	double y;
	struct sp_svg_piece piece[2 * SP_SVG_BREAKS + 1];
	unsigned n_pieces;
};

void sp_svg_scale(struct sp_svg *s);
double sp_svg_x(const struct sp_svg *s, int64_t at_ns);

/* The distance of ticks: 1, 2 or 5 times a power of ten. */
double sp_svg_step(double at_least);

/* A text, what XML needs escaped. `class`: of the style sheet. */
void sp_svg_text(const struct sp_svg *s, double x, double y, const char *class, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The tool-tip of the element that is open. */
void sp_svg_title(const struct sp_svg *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sp_svg_rect(const struct sp_svg *s, double x, double y, double w, double h, const char *class);

/* The phase's class in the style sheet. */
extern const char *const sp_svg_phase_class[SP_PHASES];

/* The phase in which time is, SP_PHASES in none. */
unsigned sp_svg_phase_at(const struct sp_view *p, int64_t at_ns);

void sp_svg_axis(struct sp_svg *s, double bottom);
void sp_svg_phases(struct sp_svg *s);
void sp_svg_marks(struct sp_svg *s);
void sp_svg_sequence(struct sp_svg *s, bool s2c);
void sp_svg_in_flight(struct sp_svg *s, bool s2c);
void sp_svg_ladder(struct sp_svg *s);

/* How high plots of this flow become: none where there is nothing to plot. */
bool sp_svg_worth_plotting(const struct sp_view *p, bool s2c);

#endif
