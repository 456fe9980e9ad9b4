/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's profile as text: what it is, where its time went, and its packets as a table. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/profile_view.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define BAR 30
#define EXCHANGES_SHOWN 20

#define COUNT(n) sp_text_count(&(struct sp_text){0}, n)
#define BYTES(n) sp_text_bytes(&(struct sp_text){0}, n)
#define US(us) sp_text_us(&(struct sp_text){0}, us)
#define SHARE(part, all) sp_text_share(&(struct sp_text){0}, part, all)

static void line(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *name, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sp_text_tame(text);
	printf("  %-11s %s\n", name, text);
}

static void rtt_line(const struct sp_view_head *h, unsigned side, const char *name)
{
	if (h->rtt[side].count == 1)
		line(name, "%s, measured once", US(h->rtt[side].mean_us));
	else if (h->rtt[side].count)
		line(name, "%s on average, %s to %s, measured %s times", US(h->rtt[side].mean_us),
		     US(h->rtt[side].min_us), US(h->rtt[side].max_us), COUNT(h->rtt[side].count));
}

static void trouble(const struct sp_view_head *h)
{
	if (sp_view_retransmissions(h))
		line("sent again", "%s: %s fast, %s after a timeout, %s tail probes, %s needlessly",
		     COUNT(sp_view_retransmissions(h)), COUNT(h->fast), COUNT(h->timeout), COUNT(h->tail),
		     COUNT(h->spurious));
	if (h->in_flight_max[0] || h->in_flight_max[1])
		line("in flight", "at most %s to the server, %s to the client", BYTES(h->in_flight_max[0]),
		     BYTES(h->in_flight_max[1]));
}

void sp_view_print_head(const struct sp_view *p, bool colour)
{
	const struct sp_view_head *h = &p->head;
	char title[320];
	struct sp_text t;
	snprintf(title, sizeof title, "Flow %" PRIu64 " at %s: %s > %s, %s", h->flow_id, h->point, h->client, h->server,
		 *h->app ? h->app : h->proto);
	sp_text_tame(title);
	sp_table_title(stdout, title, colour);
	line("from", "%s", sp_text_time(&t, h->start_ns));
	line("lasted", "%s", sp_text_duration(&t, (uint64_t)sp_view_duration_ns(p)));
	line("packets", "%s%s%s%s", COUNT(h->packets ? h->packets : p->n_packets), h->dropped ? ", and " : "",
	     h->dropped ? COUNT(h->dropped) : "", h->dropped ? " that were not recorded" : "");
	if (*h->reason)
		line("recorded", "%s%s", strcmp(h->reason, "all") ? "because of " : "as all are",
		     strcmp(h->reason, "all") ? h->reason : "");
	if (h->mss[0] || h->mss[1])
		line("MSS", "%s of the client, %s of the server", COUNT(h->mss[0]), COUNT(h->mss[1]));
	rtt_line(h, 0, "RTT client");
	rtt_line(h, 1, "RTT server");
	trouble(h);
	if (h->first_part > 1)
		line("note", "its beginning is not in the file: the first line is part %" PRIu64, h->first_part);
	if (!h->last)
		line("note", "its end is not in the file");
	if (p->cut)
		line("note", "only the first %s packets are shown", COUNT(p->n_packets));
}

static void phase_row(struct sp_table *t, const char *name, uint64_t us, uint64_t all)
{
	char bar[BAR + 1];
	size_t n = all ? (size_t)((double)us / (double)all * BAR + 0.5) : 0;
	memset(bar, '=', sizeof bar);
	bar[SP_MIN(SP_MAX(n, 1u), (size_t)BAR)] = 0;
	sp_table_cell(t, "%s", name);
	sp_table_cell(t, "%s", US(us));
	sp_table_cell(t, "%s", SHARE(us, all));
	sp_table_cell(t, "%s", bar);
}

static void exchanges(struct sp_table *t, const struct sp_view *p, bool colour, bool all)
{
	uint32_t shown = all ? p->n_exchanges : SP_MIN(p->n_exchanges, (uint32_t)EXCHANGES_SHOWN);
	if (!shown)
		return;
	sp_table_begin(t, "Exchanges", "rrrrrrrrrr",
		       "at|request|client wait|sending|ACK delay|server|response|bytes up|down|again");
	for (uint32_t i = 0; i < shown; i++) {
		const struct sp_view_exchange *x = &p->exchange[i];
		sp_table_more(t, stdout, colour);
		sp_table_cell(t, "%s", US((uint64_t)SP_MAX(x->at_ns, 0) / 1000));
		sp_table_cell(t, "%s", x->request_id);
		for (unsigned k = SP_PHASE_CLIENT; k <= SP_PHASE_RESPONSE; k++)
			sp_table_cell(t, "%s", US(x->us[k]));
		sp_table_cell(t, "%s", COUNT(x->request_bytes));
		sp_table_cell(t, "%s", COUNT(x->response_bytes));
		sp_table_cell(t, "%s", COUNT(x->retransmissions));
	}
	sp_table_print(stdout, t, colour);
	if (shown < p->n_exchanges)
		printf("  and %s more; --all shows them\n", COUNT(p->n_exchanges - shown));
}

void sp_view_print_phases(const struct sp_view *p, bool colour, bool all)
{
	static struct sp_table table;
	const struct sp_view_head *h = &p->head;
	uint64_t sum = 0;
	for (unsigned i = 0; i < SP_PHASES; i++)
		sum += h->us[i];
	/* Calls that overlap can take longer, together, than their flow. */
	uint64_t all_us = SP_MAX(sum, (uint64_t)sp_view_duration_ns(p) / 1000);
	sp_table_begin(&table, "Where its time went", "lrrl", "phase|took|of all|");
	for (unsigned i = 0; i < SP_PHASES; i++) {
		if (i == SP_PHASE_CONNECT && h->has_connect) {
			phase_row(&table, "connect: server", h->connect_us[1], all_us);
			phase_row(&table, "connect: client", h->connect_us[0], all_us);
		} else if (h->us[i]) {
			phase_row(&table, sp_view_phase_name[i], h->us[i], all_us);
		}
	}
	if (all_us - sum > all_us / 1000)
		phase_row(&table, "none of these", all_us - sum, all_us);
	sp_table_print(stdout, &table, colour);
	exchanges(&table, p, colour, all);
}

/* Its columns are as wide for ten packets as for a million: they are not looked at twice. */
void sp_view_print_packets(const struct sp_view *p, const struct sp_terminal *terminal)
{
	printf("\n%s%8s %12s %9s  %-3s %-11s %11s %11s %6s %9s  %s%s\n", terminal->colour ? "\033[2m" : "", "packet",
	       "ms", "since", "dir", "flags", "seq", "ack", "len", "window", "note", terminal->colour ? "\033[0m" : "");
	for (uint32_t i = 0; i < p->n_packets; i++) {
		const struct sp_view_packet *k = &p->packet[i];
		char flags[48], notes[160], window[16] = "";
		bool trouble = terminal->colour && k->notes & SP_VIEW_TROUBLE;
		if (k->has_window)
			snprintf(window, sizeof window, "%u", k->window);
		printf("%s%8u %12.3f %9s  %-3s %-11s %11" PRId64 " %11" PRId64 " %6u %9s%s%s%s\n",
		       trouble ? "\033[31m" : "", i + 1, (double)k->at_ns / 1e6,
		       i ? US((uint64_t)SP_MAX(k->at_ns - k[-1].at_ns, 0) / 1000) : "", k->s2c ? "s2c" : "c2s",
		       sp_view_flags(flags, sizeof flags, k->flags), k->seq, k->ack, k->len, window,
		       k->notes ? "  " : "", sp_view_notes(notes, sizeof notes, k->notes), trouble ? "\033[0m" : "");
	}
}
