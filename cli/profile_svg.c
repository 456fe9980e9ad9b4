/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's picture: its main figures, where its time went, and what its packets did, each over the same time. It needs
 * no script and no font, and follows the reader's choice of light or dark. */
#include "cli/profile_svg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/text.h"

#define LADDER_PACKETS 60 /* more make a ladder that nobody reads */
#define CARD_WIDTH 178
#define CARD_GAP 10.4

const char *const sp_svg_phase_class[SP_PHASES] = {"connect", "tls",	"client",   "request",
						   "ack",     "server", "response", "teardown"};

static const char style[] =
	"svg{background:#fff}\n"
	"text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2328}\n"
	".h1{font-size:22px;font-weight:600}.soft,.tick{fill:#656d76}.tick{font-size:11px}\n"
	".strong{font-weight:600}.big{font-size:19px;font-weight:600}.lane{font-weight:600;font-size:13px}\n"
	".mid{text-anchor:middle}.end{text-anchor:end}.inside{fill:#fff;font-weight:600;text-anchor:middle}\n"
	".page{fill:#fff}.card{fill:#f6f8fa;stroke:#d8dee4}.bad .big{fill:#cf222e}.plot{fill:#f6f8fa}\n"
	".grid{stroke:#e6eaef;fill:none}.edge{stroke:#afb8c1;fill:none}.silence{fill:#eaeef2}\n"
	".connect{fill:#8250df}.tls{fill:#bf3989}.client{fill:#b6bfc9}.request{fill:#0969da}.ack{fill:#1b9ab5}\n"
	".server{fill:#d4820f}.response{fill:#1a9950}.teardown{fill:#8c959f}\n"
	".up{stroke:#0969da;fill:#0969da}.down{stroke:#1a9950;fill:#1a9950}.again{stroke:#cf222e;fill:#cf222e}\n"
	".zero{stroke:#bc4c00;fill:#bc4c00}.reset{stroke:#a626a4;fill:#a626a4}.hole{stroke:#e16f24;fill:#e16f24}\n"
	".seg{fill:none;stroke-width:2.5}.acked{fill:none;stroke:#57606a}.window{fill:none;stroke:#bf8700;stroke-"
	"dasharray:4 "
	"2}\n"
	".seg.again,.seg.hole{stroke-width:4}.area{stroke:none;fill-opacity:.22}.line{fill:none}.life{stroke:#8c959f;"
	"stroke-width:2}.gap{stroke-dasharray:"
	"2 4}\n"
	".arrow{stroke-width:1.6}.none{stroke:#57606a;fill:#57606a}.shake{stroke:#8250df;fill:#8250df}\n"
	"@media(prefers-color-scheme:dark){svg{background:#0d1117}.page{fill:#0d1117}text{fill:#e6edf3}\n"
	".soft,.tick{fill:#8d96a0}.card{fill:#161b22;stroke:#30363d}.plot{fill:#13181f}.grid{stroke:#22272e}\n"
	".edge{stroke:#484f58}.silence{fill:#1c2129}.client{fill:#484f58}.inside{fill:#fff}.bad .big{fill:#ff7b72}\n"
	".acked{stroke:#9ea7b3}.none{stroke:#9ea7b3;fill:#9ea7b3}.request{fill:#388bfd}.up{stroke:#58a6ff;fill:#58a6ff}"
	"\n"
	".down{stroke:#3fb950;fill:#3fb950}.response{fill:#2ea043}.again{stroke:#ff7b72;fill:#ff7b72}\n"
	".connect{fill:#a371f7}.shake{stroke:#a371f7;fill:#a371f7}.reset{stroke:#db61a2;fill:#db61a2}\n"
	".zero{stroke:#f0883e;fill:#f0883e}.line,.seg{fill:none}.area{stroke:none}}\n";

/* How many bytes the UTF-8 character at `c` has; 0: it is none (RFC 3629). */
static unsigned utf8(const unsigned char *c)
{
	unsigned n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
	for (unsigned i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	bool too_long = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
	bool no_character = (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf4 && c[1] >= 0x90) ||
			    (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe);
	return too_long || no_character ? 0 : n;
}

/* What is no text becomes '?': it may come from a capture, and was cut to its room. */
static void escaped(FILE *out, char *text)
{
	sp_text_tame(text);
	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		unsigned n = utf8(c);
		if (*c == '<')
			fputs("&lt;", out);
		else if (*c == '>')
			fputs("&gt;", out);
		else if (*c == '&')
			fputs("&amp;", out);
		else if (n)
			fwrite(c, 1, n, out);
		else
			fputc('?', out);
		c += SP_MAX(n, 1u);
	}
}

void sp_svg_text(const struct sp_svg *s, double x, double y, const char *class, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(s->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	escaped(s->out, text);
	fputs("</text>\n", s->out);
}

void sp_svg_title(const struct sp_svg *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fputs("<title>", s->out);
	escaped(s->out, text);
	fputs("</title>", s->out);
}

void sp_svg_rect(const struct sp_svg *s, double x, double y, double w, double h, const char *class)
{
	fprintf(s->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>", x, y, w, h, class);
}

static void card(struct sp_svg *s, unsigned i, bool bad, const char *name, const char *value, const char *more)
{
	double x = SP_SVG_EDGE + i * (CARD_WIDTH + CARD_GAP);
	fprintf(s->out, "<g%s><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"74\" rx=\"8\" class=\"card\"/>\n",
		bad ? " class=\"bad\"" : "", x, s->y, CARD_WIDTH);
	sp_svg_text(s, x + 12, s->y + 20, "soft", "%s", name);
	sp_svg_text(s, x + 12, s->y + 43, "big", "%s", value);
	sp_svg_text(s, x + 12, s->y + 62, "tick", "%s", more);
	fputs("</g>\n", s->out);
}

#define COUNT(n) sp_text_count(&(struct sp_text){0}, n)
#define BYTES(n) sp_text_bytes(&(struct sp_text){0}, n)
#define SHARE(part, all) sp_text_share(&(struct sp_text){0}, part, all)
#define US(us) sp_text_us(&(struct sp_text){0}, us)

static void cards(struct sp_svg *s)
{
	const struct sp_view_head *h = &s->p->head;
	enum sp_view_phase slowest = sp_view_slowest(h);
	uint64_t again = sp_view_retransmissions(h), bytes[2] = {0}, zero = 0;
	char more[128];
	for (uint32_t i = 0; i < s->p->n_packets; i++) {
		bytes[s->p->packet[i].s2c] += s->p->packet[i].len;
		zero += (s->p->packet[i].notes & SP_PROFILE_ZERO_WINDOW) != 0;
	}
	snprintf(more, sizeof more, "%s packets", COUNT(SP_MAX(h->packets, (uint64_t)s->p->n_packets)));
	card(s, 0, false, "Lasted", US((uint64_t)sp_view_duration_ns(s->p) / 1000), more);
	char most[32];
	snprintf(most, sizeof most, "Most time: %s", sp_view_phase_name[slowest]);
	snprintf(more, sizeof more, "of %s request%s", COUNT(h->exchanges), h->exchanges == 1 ? "" : "s");
	card(s, 1, false, h->us[slowest] ? most : "Phases", h->us[slowest] ? US(h->us[slowest]) : "none",
	     h->exchanges ? more : "");
	snprintf(more, sizeof more, "server %s, client %s", US(h->connect_us[1]), US(h->connect_us[0]));
	card(s, 2, false, "Handshake", h->has_connect ? US(h->us[SP_PHASE_CONNECT]) : "not seen",
	     h->has_connect ? more : "");
	snprintf(more, sizeof more, "%s fast, %s timeout, %s tail", COUNT(h->fast), COUNT(h->timeout), COUNT(h->tail));
	card(s, 3, again, "Sent again", COUNT(again), again ? more : "");
	card(s, 4, zero, "Zero windows", COUNT(zero), zero ? "packets that closed it" : "");
	snprintf(more, sizeof more, "\u2191 %s, \u2193 %s", BYTES(bytes[0]), BYTES(bytes[1]));
	card(s, 5, false, "Payload", BYTES(bytes[0] + bytes[1]), more);
	s->y += 74 + 34;
}

static void head(struct sp_svg *s)
{
	const struct sp_view_head *h = &s->p->head;
	struct sp_text t;
	sp_svg_text(s, SP_SVG_EDGE, 46, "h1", "%s \u2192 %s", h->client, h->server);
	sp_svg_text(s, SP_SVG_EDGE, 68, "soft", "%s%s%s, flow %" PRIu64 " at %s, from %s%s%s",
		    *h->app ? h->app : h->proto, *h->app ? " over " : "", *h->app ? h->proto : "", h->flow_id, h->point,
		    sp_text_time(&t, h->start_ns), s->p->cut ? ", only its first packets" : "",
		    h->last ? "" : ", its end is not recorded");
	s->y = 88;
	cards(s);
}

/* A phase's colour and share, beside the one before it or in a new row. */
static void share_name(struct sp_svg *s, double *x, const char *class, const char *name, uint64_t us, double all)
{
	char text[64];
	snprintf(text, sizeof text, "%s %s (%s)", name, US(us), SHARE(us, (uint64_t)all));
	double width = 38 + 6.2 * (double)strlen(text);
	if (*x + width > SP_SVG_RIGHT) {
		*x = SP_SVG_EDGE;
		s->y += 20;
	}
	sp_svg_rect(s, *x, s->y + 12, 11, 11, class);
	sp_svg_text(s, *x + 17, s->y + 22, "soft", "%s", text);
	*x += width;
}

/* All time to scale, whatever the axis below does. */
static void shares(struct sp_svg *s)
{
	const struct sp_view_head *h = &s->p->head;
	double x = SP_SVG_EDGE, width = SP_SVG_RIGHT - SP_SVG_EDGE, sum = 0;
	for (unsigned i = 0; i < SP_PHASES; i++)
		sum += (double)h->us[i];
	if (sum <= 0)
		return;
	double all = SP_MAX(sum, (double)sp_view_duration_ns(s->p) / 1000);
	sp_svg_text(s, SP_SVG_EDGE, s->y, "lane", "Where its time went");
	s->y += 12;
	sp_svg_rect(s, x, s->y, width, 26, "silence");
	for (unsigned i = 0; i < SP_PHASES; i++) {
		double w = (double)h->us[i] / all * width;
		if (!h->us[i])
			continue;
		fputs("<g>", s->out);
		sp_svg_rect(s, x, s->y, SP_MAX(w, 0.6), 26, sp_svg_phase_class[i]);
		sp_svg_title(s, "%s: %s", sp_view_phase_name[i], US(h->us[i]));
		fputs("</g>\n", s->out);
		if (w > 60)
			sp_svg_text(s, x + w / 2, s->y + 17, "inside", "%s", US(h->us[i]));
		x += w;
	}
	s->y += 26;
	x = SP_SVG_EDGE;
	for (unsigned i = 0; i < SP_PHASES; i++)
		if (h->us[i])
			share_name(s, &x, sp_svg_phase_class[i], sp_view_phase_name[i], h->us[i], all);
	if (all - sum > all / 1000)
		share_name(s, &x, "silence", "none of these", (uint64_t)(all - sum), all);
	s->y += 56;
}

static void plots(struct sp_svg *s)
{
	/* The axis goes behind everything, and is as long as the plots are high: they are written twice, the first time
	 * to see how high. */
	FILE *out = s->out;
	double top = s->y + 16;
	s->out = fopen("/dev/null", "we");
	for (unsigned pass = 0; pass < 2; pass++) {
		s->y = top + 30;
		if (s->out) {
			sp_svg_phases(s);
			sp_svg_marks(s);
			for (unsigned s2c = 0; s2c < 2; s2c++)
				if (sp_svg_worth_plotting(s->p, s2c)) {
					sp_svg_sequence(s, s2c);
					sp_svg_in_flight(s, s2c);
				}
		}
		if (pass)
			break;
		double bottom = s->y;
		if (s->out)
			fclose(s->out);
		s->out = out;
		s->y = top + 22;
		sp_svg_axis(s, bottom);
	}
	s->y += 20;
}

/* What colours and lines mean, where they are not named beside themselves. */
static void legend(struct sp_svg *s)
{
	static const struct {
		const char *class, *path, *text;
		double width;
	} item[] = {
		{"seg up", "v-11", "data to the server", 124},
		{"seg down", "v-11", "data to the client", 122},
		{"seg again", "v-11", "sent again", 82},
		{"seg hole", "v-11", "came late: lost before here", 178},
		{"acked", "m-6 -5h14", "acknowledged", 108},
		{"window", "m-6 -5h14", "end of the receiver's window", 190},
		{"silence", "m-6 0v-11h14v11z", "silence, cut short", 126},
	};
	double x = SP_SVG_EDGE + 8;
	for (unsigned i = 0; i < SP_ARRAY_SIZE(item); i++) {
		if (!s->p->head.windows_in_bytes && !strcmp(item[i].class, "window"))
			continue;
		fprintf(s->out, "<path class=\"%s\" d=\"M%.1f %.1f%s\"/>", item[i].class, x, s->y, item[i].path);
		sp_svg_text(s, x + 12, s->y, "soft", "%s", item[i].text);
		x += item[i].width + 20;
	}
	s->y += 24;
}

static void everything(struct sp_svg *s)
{
	bool plotted = sp_svg_worth_plotting(s->p, false) || sp_svg_worth_plotting(s->p, true);
	s->n_pieces = 0;
	head(s);
	shares(s);
	sp_svg_scale(s);
	plots(s);
	if (plotted)
		legend(s);
	if (s->p->n_packets <= LADDER_PACKETS)
		sp_svg_ladder(s);
	s->y += 16;
}

int sp_view_svg(FILE *out, const struct sp_view *p)
{
	/* The first time only to see how high it becomes. */
	struct sp_svg s = {.out = fopen("/dev/null", "we"), .p = p};
	if (!s.out)
		return -errno;
	everything(&s);
	fclose(s.out);
	s.out = out;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\" "
		"role=\"img\">\n<style>\n%s</style>\n",
		SP_SVG_WIDTH, s.y, SP_SVG_WIDTH, s.y, style);
	sp_svg_rect(&s, 0, 0, SP_SVG_WIDTH, s.y, "page");
	everything(&s);
	fputs("</svg>\n", out);
	return ferror(out) ? -EIO : 0;
}
