/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's packets as a ladder: the client's lifeline and the server's, an arrow a packet, silences named. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/profile_view.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define TIME_WIDTH 11
#define SINCE_WIDTH 9
#define NOTES_WIDTH 24
#define ARROW_MIN 44
#define ARROW_MAX 72
#define FOLD_MIN 8	 /* that many plain packets in a row become one line… */
#define FOLD_PACKETS 200 /* …in a flow of more than these */

struct glyphs {
	const char *line, *silence, *dash, *right, *left;
};

static const struct glyphs ascii = {"|", ":", "-", ">", "<"};
static const struct glyphs utf8 = {"│", "┊", "─", "▶", "◀"};

struct ladder {
	const struct sp_view *p;
	const struct glyphs *g;
	bool colour, seconds;
	int arrow; /* columns between the lifelines */
};

#define PLAIN "\033[0m"

static const char *colour_of(const struct sp_view_packet *k)
{
	if (k->notes & (SP_VIEW_AGAIN | SP_PROFILE_HOLE_FILLED | SP_PROFILE_GAP))
		return "\033[31m";
	if (k->flags & SP_TCP_RST)
		return "\033[35m";
	if (k->notes & (SP_PROFILE_ZERO_WINDOW | SP_PROFILE_WINDOW_FULL))
		return "\033[33m";
	if (k->flags & (SP_TCP_SYN | SP_TCP_FIN))
		return "\033[32m";
	return k->len ? "" : "\033[2m";
}

static void repeat(const char *s, int n)
{
	while (n-- > 0)
		fputs(s, stdout);
}

static void time_columns(const struct ladder *l, int64_t at_ns, int64_t since_ns, bool first)
{
	struct sp_text t;
	char since[SINCE_WIDTH + 8] = "";
	if (!first && since_ns > 0)
		snprintf(since, sizeof since, "+%.10s", sp_text_us(&t, (uint64_t)since_ns / 1000));
	printf("%*.*f %*s ", TIME_WIDTH, l->seconds ? 6 : 3, (double)at_ns / (l->seconds ? 1e9 : 1e6), SINCE_WIDTH,
	       since);
}

static void arrow_row(const struct ladder *l, uint32_t i)
{
	const struct sp_view_packet *k = &l->p->packet[i];
	const char *colour = l->colour ? colour_of(k) : "", *plain = *colour ? PLAIN : "";
	char label[64], notes[160];
	time_columns(l, k->at_ns, i ? k->at_ns - k[-1].at_ns : 0, !i);
	sp_view_label(label, sizeof label, k);
	label[SP_MIN((int)sizeof label - 1, l->arrow - 6)] = 0;
	int dashes = l->arrow - (int)strlen(label) - 4, before = dashes / 2;
	printf("%s%s%s%s", l->g->line, colour, k->s2c ? l->g->left : l->g->dash, "");
	repeat(l->g->dash, before);
	printf(" %s ", label);
	repeat(l->g->dash, dashes - before);
	printf("%s%s%s", k->s2c ? l->g->dash : l->g->right, plain, l->g->line);
	sp_view_notes(notes, sizeof notes, k->notes);
	if (*notes)
		printf(" %s%s%s", colour, notes, plain);
	putchar('\n');
}

/* A row without an arrow: a text between the lifelines. */
static void between(const struct ladder *l, const char *text, const char *line)
{
	int n = SP_MIN((int)strlen(text), l->arrow), before = (l->arrow - n) / 2;
	printf("%*s%s%*s%.*s%*s%s\n", TIME_WIDTH + SINCE_WIDTH + 2, "", line, before, "", n, text,
	       l->arrow - n - before, "", line);
}

static void silence(const struct ladder *l, uint32_t next)
{
	char text[128], what[64];
	struct sp_text t;
	int64_t ns = l->p->packet[next].at_ns - l->p->packet[next - 1].at_ns;
	snprintf(text, sizeof text, "%s of %s", sp_text_us(&t, (uint64_t)ns / 1000),
		 sp_view_silence(what, sizeof what, l->p, next));
	between(l, "", l->g->silence);
	between(l, text, l->g->silence);
	between(l, "", l->g->silence);
}

static bool silent_before(const struct ladder *l, uint32_t i)
{
	return i && sp_view_is_silence(l->p, l->p->packet[i].at_ns - l->p->packet[i - 1].at_ns);
}

/* Data or an ACK without anything to say about it. */
static bool is_plain(const struct sp_view_packet *k)
{
	return !(k->flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST)) && !(k->notes & ~SP_PROFILE_TLS);
}

static uint32_t plain_run(const struct ladder *l, uint32_t i)
{
	uint32_t n = 0;
	while (i + n < l->p->n_packets && is_plain(&l->p->packet[i + n]) && (!n || !silent_before(l, i + n)))
		n++;
	return n;
}

static void fold(const struct ladder *l, uint32_t i, uint32_t n)
{
	uint64_t bytes[2] = {0};
	char text[160];
	struct sp_text count, up, down;
	for (uint32_t k = i; k < i + n; k++)
		bytes[l->p->packet[k].s2c] += l->p->packet[k].len;
	snprintf(text, sizeof text, "%s packets, %s %s, %s %s", sp_text_count(&count, n), l->g->right,
		 sp_text_bytes(&up, bytes[0]), l->g->left, sp_text_bytes(&down, bytes[1]));
	/* The arrows are one column wide, whatever they take in bytes. */
	int wide = (int)(strlen(text) - strlen(l->g->right) - strlen(l->g->left)) + 2;
	int before = SP_MAX(0, (l->arrow - wide) / 2), after = SP_MAX(0, l->arrow - wide - before);
	time_columns(l, l->p->packet[i + n - 1].at_ns, l->p->packet[i + n - 1].at_ns - l->p->packet[i - (i > 0)].at_ns,
		     !i);
	printf("%s%*s%s%*s%s\n", l->g->silence, before, "", text, after, "", l->g->silence);
}

static void heads(const struct ladder *l)
{
	char client[80], server[80];
	snprintf(client, sizeof client, "client %s", l->p->head.client);
	snprintf(server, sizeof server, "server %s", l->p->head.server);
	sp_text_tame(client);
	sp_text_tame(server);
	int all = l->arrow + 2, left = (int)strlen(client), right = (int)strlen(server);
	printf("\n%*s %*s %s", TIME_WIDTH, l->seconds ? "s" : "ms", SINCE_WIDTH, "", client);
	if (left + 2 + right > all) {
		printf("\n%*s", TIME_WIDTH + SINCE_WIDTH + 2, "");
		left = 0;
	}
	printf("%*s\n", SP_MAX(all - left, right), server);
}

void sp_view_print_ladder(const struct sp_view *p, const struct sp_terminal *terminal, bool all)
{
	int room = (int)terminal->width - TIME_WIDTH - SINCE_WIDTH - 4 - NOTES_WIDTH;
	struct ladder l = {
		.p = p,
		.g = terminal->utf8 ? &utf8 : &ascii,
		.colour = terminal->colour,
		.seconds = sp_view_duration_ns(p) >= 1000000000,
		.arrow = SP_MIN(SP_MAX(room, ARROW_MIN), ARROW_MAX),
	};
	bool fold_runs = !all && p->n_packets > FOLD_PACKETS;
	heads(&l);
	for (uint32_t i = 0; i < p->n_packets;) {
		uint32_t n = fold_runs ? plain_run(&l, i) : 0;
		if (silent_before(&l, i))
			silence(&l, i);
		if (n >= FOLD_MIN)
			fold(&l, i, n);
		else
			arrow_row(&l, i);
		i += n >= FOLD_MIN ? n : 1;
	}
	if (fold_runs)
		puts("\n  Runs of packets without a note are one line each; --all shows every one.");
}
