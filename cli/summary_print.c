/* SPDX-License-Identifier: Apache-2.0 */
/* The summary as a page: first what was in there, then what went wrong, where time went, what was lost, and how far the
 * capture itself can be trusted. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/summary.h"
#include "cli/table.h"
#include "cli/text.h"
#include "parsers/parser.h"

#define TOP 5
#define POINTS_SHOWN 8

struct page {
	FILE *out;
	const struct sp_summary *s;
	const struct sp_report *r;
	bool colour;
	struct sp_table table;
};

#define COUNT(n) sp_text_count(&(struct sp_text){0}, n)
#define BYTES(n) sp_text_bytes(&(struct sp_text){0}, n)
#define SHARE(part, all) sp_text_share(&(struct sp_text){0}, part, all)
#define US(us) sp_text_us(&(struct sp_text){0}, us)

static void line(struct page *p, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void line(struct page *p, const char *name, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sp_text_tame(text);
	fprintf(p->out, "  %-12s%.*s\n", name, SP_TABLE_WIDTH - 14, text);
}

static void what(struct page *p)
{
	const struct sp_report *r = p->r;
	const struct sp_counters *c = r->counters;
	uint64_t span = c->last_ns - c->first_ns, file_bytes = 0;
	struct sp_text a, b;
	for (unsigned i = 0; i < r->n_files; i++)
		file_bytes += r->files[i].stats.file_bytes;
	sp_table_title(p->out, "Capture", p->colour);
	if (r->n_files == 1)
		line(p, "file", "%s, %s", r->files[0].path, BYTES(file_bytes));
	else
		line(p, "files", "%u, %s together", r->n_files, BYTES(file_bytes));
	if (c->last_ns) {
		line(p, "from", "%s", sp_text_time(&a, c->first_ns));
		line(p, "to", "%s, %s later", sp_text_time(&a, c->last_ns), sp_text_duration(&b, span));
	}
	line(p, "packets", "%s, %s on the wire%s%s%s", COUNT(r->packets), BYTES(r->bytes), span ? ", " : "",
	     span ? sp_text_rate(&a, r->bytes, span) : "", span ? " on average" : "");
	line(p, "flows", "%s", COUNT(p->s->flows));
}

static void points(struct page *p)
{
	uint32_t n = atomic_load(&p->r->points->n);
	if (n < 2)
		return;
	sp_table_begin(&p->table, "Points", "llrr", "point|kind|packets|bytes");
	for (uint32_t i = 0; i < SP_MIN(n, POINTS_SHOWN); i++) {
		const struct sp_point *point = &p->r->points->point[i];
		sp_table_cell(&p->table, "%.40s", point->name);
		sp_table_cell(&p->table, "%s", sp_point_kind_name(point->kind));
		sp_table_cell(&p->table, "%s", COUNT(p->r->counters->point[i].packets));
		sp_table_cell(&p->table, "%s", BYTES(p->r->counters->point[i].bytes));
	}
	sp_table_print(p->out, &p->table, p->colour);
	if (n > POINTS_SHOWN)
		fprintf(p->out, "  and %u more\n", n - POINTS_SHOWN);
}

static void proto_row(struct page *p, const char *name, const struct sp_summary_proto *proto)
{
	sp_table_cell(&p->table, "%s", name);
	sp_table_cell(&p->table, "%s", COUNT(proto->flows));
	sp_table_cell(&p->table, "%s", COUNT(proto->packets));
	sp_table_cell(&p->table, "%s", BYTES(proto->bytes));
	sp_table_cell(&p->table, "%s", SHARE(proto->bytes, p->s->bytes));
}

static void protocols(struct page *p)
{
	uint32_t order[TOP];
	sp_table_begin(&p->table, "Protocols", "lrrrr", "protocol|flows|packets|bytes|of all");
	for (unsigned i = 0; i < 256; i++)
		if (p->s->proto[i].packets)
			proto_row(p, sp_text_proto(&(struct sp_text){0}, (uint8_t)i), &p->s->proto[i]);
	uint32_t n = sp_topk_best(p->s->apps, TOP, sp_topk_weight, order);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t app;
		char name[48];
		memcpy(&app, sp_topk_key(p->s->apps, order[i]), sizeof app);
		if (app < 65536)
			snprintf(name, sizeof name, "  %s", sp_app_name((uint16_t)app));
		else
			snprintf(name, sizeof name, "  port %u", app - 65536);
		proto_row(p, name, sp_topk_value(p->s->apps, order[i]));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static void talkers(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->talkers, TOP, sp_topk_weight, order);
	sp_table_begin(&p->table, "Top talkers", "lrrrrr", "address|flows|packets|sent|received|of all");
	for (uint32_t i = 0; i < n; i++) {
		struct sp_addr addr;
		memcpy(&addr, sp_topk_key(p->s->talkers, order[i]), sizeof addr);
		const struct sp_summary_talker *t = sp_topk_value(p->s->talkers, order[i]);
		sp_table_cell(&p->table, "%s", sp_text_addr(&(struct sp_text){0}, &addr));
		sp_table_cell(&p->table, "%s", COUNT(t->flows));
		sp_table_cell(&p->table, "%s", COUNT(t->packets));
		sp_table_cell(&p->table, "%s", BYTES(t->sent));
		sp_table_cell(&p->table, "%s", BYTES(t->received));
		sp_table_cell(&p->table, "%s", SHARE(t->sent + t->received, p->s->bytes));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

/* "10.0.0.1:4000 > 10.0.0.2:80"; two IPv6 endpoints can be 95 wide: such a cell is the last of its row. */
static const char *pair_text(char *out, size_t size, const struct sp_summary_pair *pair)
{
	struct sp_text a, b;
	snprintf(out, size, "%s > %s", sp_text_endpoint(&a, &pair->client, pair->has_ports, pair->client_port),
		 sp_text_endpoint(&b, &pair->server, pair->has_ports, pair->server_port));
	return out;
}

static void conversations(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->conversations, TOP, sp_topk_weight, order);
	sp_table_begin(&p->table, "Top flows", "rrrrll", "bytes|of all|packets|lasted|protocol|client > server");
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_summary_flow *f = sp_topk_value(p->s->conversations, order[i]);
		char pair[128];
		sp_table_cell(&p->table, "%s", BYTES(f->bytes));
		sp_table_cell(&p->table, "%s", SHARE(f->bytes, p->s->bytes));
		sp_table_cell(&p->table, "%s", COUNT(f->packets));
		sp_table_cell(&p->table, "%s", sp_text_duration(&(struct sp_text){0}, f->end_ns - f->start_ns));
		sp_table_cell(&p->table, "%s",
			      f->app ? sp_app_name(f->app) : sp_text_proto(&(struct sp_text){0}, f->pair.proto));
		sp_table_cell(&p->table, "%s", pair_text(pair, sizeof pair, &f->pair));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static enum sp_failure blame(enum sp_close_reason reason)
{
#define X(sym, text, side) [SP_CLOSE_##sym] = SP_FAILURE_##side,
	static const uint8_t side_of[] = {SP_CLOSE_REASONS(X)};
#undef X
	return side_of[reason];
}

/* Every way in which flows ended, most frequent first; those that blame somebody with examples. */
static void endings(struct page *p)
{
	uint8_t order[SP_CLOSE_REASON_MAX];
	unsigned n = 0;
	for (unsigned c = 0; c < SP_CLOSE_REASON_MAX; c++) {
		if (!p->s->close[c])
			continue;
		unsigned at = n++;
		for (; at && p->s->close[order[at - 1]] < p->s->close[c]; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)c;
	}
	sp_table_begin(&p->table, "How flows ended", "lrrll", "reason|flows|of all|blames|for example");
	for (unsigned i = 0; i < n; i++) {
		enum sp_close_reason c = order[i];
		char pair[128];
		bool failed = blame(c) != SP_FAILURE_NONE;
		for (unsigned e = 0; e < (failed ? SP_MIN(p->s->close[c], (uint64_t)SP_SUMMARY_EXAMPLES) : 1); e++) {
			sp_table_cell(&p->table, "%s", e ? "" : sp_close_reason_name(c));
			sp_table_cell(&p->table, "%s", e ? "" : COUNT(p->s->close[c]));
			sp_table_cell(&p->table, "%s", e ? "" : SHARE(p->s->close[c], p->s->flows));
			sp_table_cell(&p->table, "%s", !failed || e ? "" : sp_failure_name(blame(c)));
			sp_table_cell(&p->table, "%s",
				      failed ? pair_text(pair, sizeof pair, &p->s->example[c][e]) : "");
		}
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static void slow_handshakes(struct page *p)
{
	sp_table_begin(&p->table, "Slowest handshakes", "rrrl", "took|server|client|client > server");
	for (unsigned i = 0; i < SP_SUMMARY_SLOWEST && p->s->slowest[i].rtt_us; i++) {
		char pair[128];
		uint32_t all = p->s->slowest[i].rtt_us, servers = SP_MIN(p->s->slowest[i].rtt_server_us, all);
		sp_table_cell(&p->table, "%s", US(all));
		sp_table_cell(&p->table, "%s", US(servers));
		sp_table_cell(&p->table, "%s", US(all - servers));
		sp_table_cell(&p->table, "%s", pair_text(pair, sizeof pair, &p->s->slowest[i].pair));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static uint64_t errors_of(const struct sp_summary_calls *c)
{
	return c->client_errors + c->server_errors + c->timeouts;
}

static void call_cells(struct page *p, const struct sp_summary_calls *c)
{
	static const unsigned percent[] = {50, 95, 99};
	sp_table_cell(&p->table, "%s", COUNT(c->calls));
	sp_table_cell(&p->table, "%s", COUNT(errors_of(c)));
	for (unsigned i = 0; i < SP_ARRAY_SIZE(percent); i++)
		sp_table_cell(&p->table, "%s", c->rrt.n ? US(sp_hist_percentile(&c->rrt, percent[i])) : "-");
	sp_table_cell(&p->table, "%s", c->rrt.n ? US(c->rrt.max) : "-");
}

static void calls(struct page *p)
{
	sp_table_begin(&p->table, "Calls: first byte of the request to first byte of the response", "rrrrrrl",
		       "calls|failed|p50|p95|p99|max|protocol");
	for (unsigned app = 0; app < SP_APP_MAX; app++) {
		if (!p->s->calls[app].calls)
			continue;
		call_cells(p, &p->s->calls[app]);
		sp_table_cell(&p->table, "%s", sp_app_name((uint16_t)app));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static uint64_t waited(const struct sp_topk *t, uint32_t i)
{
	return ((const struct sp_summary_calls *)sp_topk_value(t, i))->waited_us;
}

static void endpoints(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->endpoints, TOP, waited, order);
	sp_table_begin(&p->table, "What clients waited for longest, in all", "rrrrrrl",
		       "calls|failed|p50|p95|p99|max|endpoint");
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_summary_call_key *key = sp_topk_key(p->s->endpoints, order[i]);
		call_cells(p, sp_topk_value(p->s->endpoints, order[i]));
		sp_table_cell(&p->table, "%s %s", sp_app_name(key->app), key->endpoint);
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static void edges(struct page *p)
{
	sp_edges_print(p->out, &p->s->edges, &p->table, p->colour);
}

static void slow_calls(struct page *p)
{
	sp_table_begin(&p->table, "Slowest calls", "rlll", "took|call|code|client > server");
	for (unsigned i = 0; i < SP_SUMMARY_SLOWEST && p->s->slowest_call[i].rrt_us; i++) {
		const struct sp_summary_call *c = &p->s->slowest_call[i];
		char pair[128];
		sp_table_cell(&p->table, "%s", US(c->rrt_us));
		sp_table_cell(&p->table, "%.40s", c->what);
		sp_table_cell(&p->table, "%.12s", c->code);
		sp_table_cell(&p->table, "%s", pair_text(pair, sizeof pair, &c->pair));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static void failed_calls(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->failures, TOP, sp_topk_weight, order);
	sp_table_begin(&p->table, "Failed calls", "rllll", "times|whose fault|call|code|first: client > server");
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_summary_failure_key *key = sp_topk_key(p->s->failures, order[i]);
		const struct sp_summary_call *c = sp_topk_value(p->s->failures, order[i]);
		char pair[128];
		sp_table_cell(&p->table, "%s", COUNT(sp_topk_weight(p->s->failures, order[i])));
		sp_table_cell(&p->table, "%s", sp_status_name(key->status));
		sp_table_cell(&p->table, "%s %.30s", sp_app_name(key->app), key->endpoint);
		sp_table_cell(&p->table, "%.28s", c->code);
		sp_table_cell(&p->table, "%s", pair_text(pair, sizeof pair, &c->pair));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static const char *server_text(char *out, size_t size, const struct sp_topk *t, uint32_t i)
{
	struct sp_summary_server_key key;
	memcpy(&key, sp_topk_key(t, i), sizeof key);
	snprintf(out, size, "%s", sp_text_endpoint(&(struct sp_text){0}, &key.addr, true, key.port));
	return out;
}

/* Time that clients spent waiting for the server: the longest median of the application, else of its stack. */
static uint64_t waiting(const struct sp_topk *t, uint32_t i)
{
	const struct sp_summary_server *v = sp_topk_value(t, i);
	return (uint64_t)sp_hist_percentile(&v->art, 95) * (v->art.n > 0) + (v->art.n || v->srt.n);
}

static void delays(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->servers, TOP, waiting, order);
	sp_table_begin(&p->table, "Where time went, by server: application delay (art) and stack's ACK delay (srt)",
		       "rrrrrrrl", "art p50|p95|max|srt p50|p95|max|flows|server");
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_summary_server *v = sp_topk_value(p->s->servers, order[i]);
		const struct sp_hist *h[] = {&v->art, &v->srt};
		char name[128];
		for (unsigned d = 0; d < 2; d++) {
			sp_table_cell(&p->table, "%s", h[d]->n ? US(sp_hist_percentile(h[d], 50)) : "-");
			sp_table_cell(&p->table, "%s", h[d]->n ? US(sp_hist_percentile(h[d], 95)) : "-");
			sp_table_cell(&p->table, "%s", h[d]->n ? US(h[d]->max) : "-");
		}
		sp_table_cell(&p->table, "%s", COUNT(v->flows));
		sp_table_cell(&p->table, "%s", server_text(name, sizeof name, p->s->servers, order[i]));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static uint64_t trouble(const struct sp_topk *t, uint32_t i)
{
	const struct sp_summary_server *v = sp_topk_value(t, i);
	return v->retrans_c2s + v->retrans_s2c + v->lost + v->zero_window_c2s + v->zero_window_s2c;
}

static void losses(struct page *p)
{
	uint32_t order[TOP], n = sp_topk_best(p->s->servers, TOP, trouble, order);
	sp_table_begin(&p->table, "Sent again, holes filled late (lost before this point), zero windows, by server",
		       "rrrrrrrl", "again c2s|s2c|of all|holes|zero win c2s|s2c|packets|server");
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_summary_server *v = sp_topk_value(p->s->servers, order[i]);
		char name[128];
		sp_table_cell(&p->table, "%s", COUNT(v->retrans_c2s));
		sp_table_cell(&p->table, "%s", COUNT(v->retrans_s2c));
		sp_table_cell(&p->table, "%s", SHARE(v->retrans_c2s + v->retrans_s2c, v->packets));
		sp_table_cell(&p->table, "%s", COUNT(v->lost));
		sp_table_cell(&p->table, "%s", COUNT(v->zero_window_c2s));
		sp_table_cell(&p->table, "%s", COUNT(v->zero_window_s2c));
		sp_table_cell(&p->table, "%s", COUNT(v->packets));
		sp_table_cell(&p->table, "%s", server_text(name, sizeof name, p->s->servers, order[i]));
	}
	sp_table_print(p->out, &p->table, p->colour);
}

static void share_line(struct page *p, const char *name, uint64_t part, uint64_t all, const char *of,
		       const char *meaning)
{
	if (part)
		line(p, name, "%s of %s %s (%s)%s%s", COUNT(part), COUNT(all), of, SHARE(part, all),
		     *meaning ? ": " : "", meaning);
}

/* What the packets became, then what makes the capture less than the network. Lines that would say 0 are left out. */
static void quality(struct page *p)
{
	const struct sp_report *r = p->r;
	const struct sp_summary *s = p->s;
	sp_table_title(p->out, "How good the capture is", p->colour);
	for (unsigned v = 0; v < SP_VERDICT_MAX; v++)
		share_line(p, sp_verdict_name(v), r->verdict[v], r->packets, "packets", "");
#define X(sym, verdict, name)                                                                                          \
	if (SP_DECODE_##sym != SP_DECODE_OK && r->counters->reason[SP_DECODE_##sym])                                   \
		line(p, "", "%s %s", COUNT(r->counters->reason[SP_DECODE_##sym]), name);
	SP_DECODE_REASONS(X)
#undef X
	share_line(p, "cut", r->counters->cut, r->packets, "packets", "captured shorter than they were");
	share_line(p, "gaps", s->capture_gap, s->flows, "flows", "bytes that both ends have are not in the capture");
	share_line(p, "one-way", s->one_way, s->flows, "flows", "only one direction was seen");
	share_line(p, "mid-stream", s->midstream, s->flows, "flows", "their start is not in the capture");
	share_line(p, "late", r->reorder.sorted + r->reorder.late, r->packets, "packets",
		   r->reorder.late ? "written out of order, not all could be sorted" : "written out of order, sorted");
	share_line(p, "reordered", r->flow.capture_reordered, r->packets, "packets",
		   "the receiver had them in order: the capture's way mixed them up");
	share_line(p, "fragments", r->flow.datagrams_incomplete,
		   r->flow.datagrams_incomplete + r->flow.datagrams_reassembled, "fragmented datagrams", "incomplete");
	share_line(p, "full table", r->flow.flows_shed, r->flow.flows_created, "flows", "ended early to make room");
	for (unsigned i = 0; i < r->n_files; i++)
		if (r->files[i].stats.damaged)
			line(p, "damaged", "%s: %s", r->files[i].path, r->files[i].stats.damage);
	if (sp_topk_evictions(s->talkers) || sp_topk_evictions(s->conversations) || sp_topk_evictions(s->servers))
		line(p, "note", "there is too much for one page to be exact: the tables above are close, -o has all");
}

void sp_summary_print(FILE *out, const struct sp_summary *s, const struct sp_report *report, bool colour)
{
	static void (*const section[])(struct page *) = {
		what,	    points,	  protocols, talkers,	      conversations, calls,  endpoints, edges,
		slow_calls, failed_calls, endings,   slow_handshakes, delays,	     losses, quality,
	};
	struct page *p = calloc(1, sizeof *p);
	if (!p)
		return;
	*p = (struct page){.out = out, .s = s, .r = report, .colour = colour};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(section); i++)
		section[i](p);
	free(p);
}
