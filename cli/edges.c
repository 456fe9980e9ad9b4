/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/edges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "stitch/loss.h"

#define PAIRS 512
#define ENDPOINTS 4096
#define SLOTS 16384
#define ROWS 20
#define BURSTS 10

int sp_edges_view_init(struct sp_edges_view *v)
{
	v->pairs = sp_topk_new(PAIRS, sizeof(struct sp_edge_pair), sizeof(struct sp_edge_sum));
	v->endpoints = sp_topk_new(ENDPOINTS, sizeof(struct sp_edge_key), sizeof(struct sp_edge_sum));
	v->losses = sp_topk_new(SLOTS, sizeof(struct sp_loss_key), sizeof(struct sp_loss_sum));
	return v->pairs && v->endpoints && v->losses ? 0 : -ENOMEM;
}

void sp_edges_view_free(struct sp_edges_view *v)
{
	sp_topk_free(v->pairs);
	sp_topk_free(v->endpoints);
	sp_topk_free(v->losses);
	*v = (struct sp_edges_view){0};
}

void sp_edges_call(struct sp_edge_key *key, const char *app, const char *method, const char *endpoint)
{
	bool begins = !strncmp(endpoint, method, strlen(method));
	const char *part[] = {app, begins ? "" : method, endpoint};
	size_t n = 0;
	for (unsigned i = 0; i < SP_ARRAY_SIZE(part) && n < sizeof key->call; i++)
		if (*part[i])
			n += (size_t)snprintf(key->call + n, sizeof key->call - n, "%s%s", n ? " " : "", part[i]);
}

static void add_up(struct sp_edge_sum *sum, const struct sp_edge_sum *more)
{
	sum->calls += more->calls;
	sum->sum_us += more->sum_us;
	sp_hist_merge(&sum->self, &more->self);
}

void sp_edges_add(struct sp_edges_view *v, const struct sp_edge_key *key, const struct sp_edge_sum *more)
{
	add_up(sp_topk_add(v->pairs, &key->pair, more->sum_us + 1), more);
	add_up(sp_topk_add(v->endpoints, key, more->sum_us + 1), more);
}

void sp_edges_lost(struct sp_edges_view *v, const struct sp_loss_key *key, const struct sp_loss_sum *more)
{
	struct sp_loss_sum *sum = sp_topk_add(v->losses, key, more->segments);
	sum->segments += more->segments;
	sum->connections += more->connections;
}

/* --- names --- */

/* What all points' names begin with, up to a slash: the name of the capture that they are of. */
struct before {
	const char *name;
	size_t n;
};

static void in_common(struct before *b, const char *name, const char *end)
{
	size_t n = 0;
	if (!strcmp(name, end))
		return;
	if (!b->name) {
		const char *slash = strrchr(name, '/');
		*b = (struct before){name, slash ? (size_t)(slash + 1 - name) : 0};
		return;
	}
	while (n < b->n && name[n] == b->name[n])
		n++;
	while (n && name[n - 1] != '/')
		n--;
	b->n = n;
}

static void pairs_in_common(struct before *b, const struct sp_topk *t)
{
	for (uint32_t i = 0; i < sp_topk_n(t); i++) {
		const struct sp_edge_pair *pair = sp_topk_key(t, i); /* which all keys begin with */
		in_common(b, pair->from, "client");
		in_common(b, pair->to, "server");
	}
}

static void between(struct sp_table *t, const struct sp_edge_pair *pair, const struct before *b)
{
	bool client = !strcmp(pair->from, "client"), server = !strcmp(pair->to, "server");
	sp_table_cell(t, "%s > %s", pair->from + (client ? 0 : b->n), pair->to + (server ? 0 : b->n));
}

/* --- where the time went --- */

/* The endpoint for which one call in twenty waits longest there. */
static const struct sp_edge_key *worst(const struct sp_edges_view *v, const struct sp_edge_pair *pair, uint32_t *p95)
{
	const struct sp_edge_key *found = NULL;
	uint64_t most = 0;
	*p95 = 0;
	for (uint32_t i = 0; i < sp_topk_n(v->endpoints); i++) {
		const struct sp_edge_key *key = sp_topk_key(v->endpoints, i);
		const struct sp_edge_sum *sum = sp_topk_value(v->endpoints, i);
		uint32_t us = sp_hist_percentile(&sum->self, 95);
		if (memcmp(&key->pair, pair, sizeof *pair) || !sum->self.n || us < *p95 ||
		    (us == *p95 && sum->sum_us < most))
			continue;
		found = key;
		*p95 = us;
		most = sum->sum_us;
	}
	return found;
}

static void row(const struct sp_edges_view *v, struct sp_table *t, uint32_t i, uint64_t all_us, const struct before *b)
{
	static const unsigned percent[] = {50, 95, 99};
	const struct sp_edge_pair *pair = sp_topk_key(v->pairs, i);
	const struct sp_edge_sum *sum = sp_topk_value(v->pairs, i);
	struct sp_text text;
	uint32_t p95;
	const struct sp_edge_key *key = worst(v, pair, &p95);
	sp_table_cell(t, "%s", sp_text_share(&text, sum->sum_us, all_us));
	for (unsigned k = 0; k < SP_ARRAY_SIZE(percent); k++)
		sp_table_cell(t, "%s",
			      sum->self.n ? sp_text_us(&text, sp_hist_percentile(&sum->self, percent[k])) : "-");
	sp_table_cell(t, "%s", sp_text_count(&text, sum->calls));
	between(t, pair, b);
	if (key && p95)
		sp_table_cell(t, "%s %s", sp_text_us(&text, p95), key->call);
	else
		sp_table_cell(t, "%s", "");
}

static uint64_t weight(const struct sp_topk *t, uint32_t i)
{
	const struct sp_edge_sum *sum = sp_topk_value(t, i);
	return sum->sum_us;
}

/* The pairs between which most time went, most first. */
static uint32_t sort(const struct sp_topk *t, uint32_t *order, uint32_t max)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < sp_topk_n(t); i++) {
		uint32_t at = n;
		for (; at && weight(t, order[at - 1]) < weight(t, i); at--)
			if (at < max)
				order[at] = order[at - 1];
		if (at < max)
			order[at] = i;
		n = SP_MIN(n + 1, max);
	}
	return n;
}

static uint32_t times(FILE *out, const struct sp_edges_view *v, struct sp_table *table, const struct before *b,
		      bool colour)
{
	uint32_t order[ROWS], n = sort(v->pairs, order, ROWS);
	uint64_t all_us = 0;
	for (uint32_t i = 0; i < sp_topk_n(v->pairs); i++)
		all_us += weight(v->pairs, i);
	sp_table_begin(table, "Where the time of calls went, between points", "rrrrrll",
		       "of all|p50|p95|p99|calls|between|worst: p95, endpoint");
	for (uint32_t i = 0; i < n; i++)
		row(v, table, order[i], all_us, b);
	sp_table_print(out, table, colour);
	return n;
}

/* --- when segments were lost --- */

struct burst {
	const struct sp_loss_key *first;
	uint64_t end_ns, segments, connections; /* connections: of the slot that hit most of them */
};

static const struct sp_topk *sorted; /* by qsort below */

static int by_time(const void *a, const void *b)
{
	const struct sp_loss_key *x = sp_topk_key(sorted, *(const uint32_t *)a),
				 *y = sp_topk_key(sorted, *(const uint32_t *)b);
	int c = memcmp(&x->pair, &y->pair, sizeof x->pair);
	c = c ? c : x->s2c + 2 * x->doubled - y->s2c - 2 * y->doubled;
	return c ? c : (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static bool goes_on(const struct burst *b, const struct sp_loss_key *next)
{
	const struct sp_loss_key *k = b->first;
	return !memcmp(&k->pair, &next->pair, sizeof k->pair) && k->s2c == next->s2c && k->doubled == next->doubled &&
	       next->start_ns <= b->end_ns;
}

static void keep(struct burst *list, const struct burst *b, unsigned *n)
{
	unsigned at = *n;
	for (; at && list[at - 1].segments < b->segments; at--)
		if (at < BURSTS)
			list[at] = list[at - 1];
	if (at < BURSTS)
		list[at] = *b;
	*n = SP_MIN(*n + 1, (unsigned)BURSTS);
}

/* Slots that follow each other are one burst; the largest ones, largest first. */
static unsigned bursts(const struct sp_topk *t, struct burst *list, uint64_t slot_ns)
{
	unsigned n = 0;
	uint32_t slots = sp_topk_n(t), *order = malloc((slots + 1) * sizeof *order);
	struct burst b = {0};
	for (uint32_t i = 0; order && i < slots; i++)
		order[i] = i;
	sorted = t;
	if (order)
		qsort(order, slots, sizeof *order, by_time);
	for (uint32_t i = 0; order && i < slots; i++) {
		const struct sp_loss_key *key = sp_topk_key(t, order[i]);
		const struct sp_loss_sum *sum = sp_topk_value(t, order[i]);
		if (!b.first || !goes_on(&b, key)) {
			if (b.first)
				keep(list, &b, &n);
			b = (struct burst){.first = key};
		}
		b.end_ns = key->start_ns + slot_ns;
		b.segments += sum->segments;
		b.connections = SP_MAX(b.connections, sum->connections);
	}
	if (b.first)
		keep(list, &b, &n);
	free(order);
	return n;
}

static unsigned losses(FILE *out, const struct sp_edges_view *v, struct sp_table *table, const struct before *before,
		       bool colour)
{
	struct burst list[BURSTS];
	unsigned n = bursts(v->losses, list, SP_LOSS_SLOT_NS);
	sp_table_begin(table, "When segments were lost between points (UTC), the largest bursts", "rrlrll",
		       "segments|connections|began|within|what|between");
	for (unsigned i = 0; i < n; i++) {
		const struct burst *b = &list[i];
		struct sp_text text;
		sp_table_cell(table, "%s", sp_text_count(&text, b->segments));
		sp_table_cell(table, "%s", sp_text_count(&text, b->connections));
		sp_table_cell(table, "%.23s", sp_text_time(&text, b->first->start_ns));
		sp_table_cell(table, "%s", sp_text_duration(&text, b->end_ns - b->first->start_ns));
		sp_table_cell(table, "%s to %s", b->first->doubled ? "doubled" : "lost",
			      b->first->s2c ? "client" : "server");
		between(table, &b->first->pair, before);
	}
	sp_table_print(out, table, colour);
	return n;
}

bool sp_edges_print(FILE *out, const struct sp_edges_view *v, struct sp_table *table, bool colour)
{
	struct before b = {0};
	pairs_in_common(&b, v->pairs);
	pairs_in_common(&b, v->losses);
	uint32_t n = times(out, v, table, &b, colour);
	return losses(out, v, table, &b, colour) || n;
}
