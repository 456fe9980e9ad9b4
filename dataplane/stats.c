/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/stats.h"

#include <errno.h>
#include <inttypes.h>

#include "base/mem.h"
#include "base/time.h"

static_assert(SP_ANALYSED == 0 && SP_DECODE_OK == 0, "a batch without anything odd is counted by ORing");

/* One packet at a time: a run in which something was odd. */
static void count_odd(struct sp_counters *c, struct sp_point_counters *point, const struct sp_pkt *pkt, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		point->verdict[pkt[i].verdict]++;
		c->reason[pkt[i].reason]++;
		c->cut += pkt[i].cap_len < pkt[i].wire_len;
	}
}

static void count_run(struct sp_counters *c, const struct sp_pkt *pkt, uint32_t n, uint64_t bytes, bool odd)
{
	struct sp_point_counters *point = &c->point[pkt->point];
	point->packets += n;
	point->bytes += bytes;
	if (SP_LIKELY(!odd)) {
		point->verdict[SP_ANALYSED] += n;
		c->reason[SP_DECODE_OK] += n;
	} else {
		count_odd(c, point, pkt, n);
	}
}

static void count_times(struct sp_counters *c, uint64_t first, uint64_t last)
{
	c->first_ns = c->first_ns ? SP_MIN(c->first_ns, first) : first;
	c->last_ns = SP_MAX(c->last_ns, last);
}

/* Packets of one point in a row are summed up in registers, unless that was done on the way. */
void sp_counters_batch(struct sp_counters *c, const struct sp_batch *batch)
{
	const struct sp_pkt *pkt = batch->pkt, *end = pkt + batch->n;
	if (!batch->n)
		return;
	if (SP_LIKELY(batch->uniform && !batch->odd)) {
		count_run(c, pkt, batch->n, batch->bytes, false);
		count_times(c, pkt->ts_ns, end[-1].ts_ns);
		return;
	}
	uint64_t first = UINT64_MAX, last = 0;
	while (pkt < end) {
		const struct sp_pkt *begin = pkt;
		uint64_t bytes = 0;
		uint32_t odd = 0;
		for (; pkt < end && pkt->point == begin->point; pkt++) {
			bytes += pkt->wire_len;
			odd |= pkt->verdict | pkt->reason | (pkt->wire_len ^ pkt->cap_len);
			first = SP_MIN(first, pkt->ts_ns);
			last = SP_MAX(last, pkt->ts_ns);
		}
		count_run(c, begin, (uint32_t)(pkt - begin), bytes, odd);
	}
	count_times(c, first, last);
}

void sp_counters_filtered(struct sp_counters *c, const struct sp_batch *in, const struct sp_batch *out)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < in->n; i++) {
		const struct sp_pkt *pkt = &in->pkt[i];
		if (kept < out->n && out->pkt[kept].data == pkt->data) {
			kept++;
			continue;
		}
		struct sp_point_counters *point = &c->point[pkt->point];
		point->packets++;
		point->bytes += pkt->wire_len;
		point->verdict[SP_FILTERED]++;
	}
}

void sp_counters_add(void *to, const void *from, size_t size)
{
	uint64_t *t = to;
	const uint64_t *f = from;
	for (size_t i = 0; i < size / sizeof *t; i++)
		t[i] += f[i];
}

int sp_report_init(struct sp_report *r, const struct sp_points *points)
{
	*r = (struct sp_report){.points = points, .start_ns = sp_clock_ns(CLOCK_MONOTONIC)};
	r->counters = sp_mem_map(sizeof *r->counters, 0);
	return r->counters ? 0 : -ENOMEM;
}

void sp_report_free(struct sp_report *r)
{
	sp_mem_unmap(r->counters, sizeof *r->counters);
	r->counters = NULL;
}

void sp_report_add_port(struct sp_report *r, uint32_t point, const struct sp_port_stats *stats)
{
	struct sp_point_counters *p = &r->counters->point[point];
	uint64_t lost = stats->dropped + stats->invalid;
	p->packets += lost;
	p->verdict[SP_DROPPED] += lost;
	sp_counters_add(&r->port, stats, sizeof r->port);
}

void sp_report_sum(struct sp_report *r)
{
	r->packets = r->bytes = 0;
	for (unsigned v = 0; v < SP_VERDICT_MAX; v++)
		r->verdict[v] = 0;
	for (uint32_t i = 0; i < atomic_load(&r->points->n); i++) {
		const struct sp_point_counters *p = &r->counters->point[i];
		r->packets += p->packets;
		r->bytes += p->bytes;
		for (unsigned v = 0; v < SP_VERDICT_MAX; v++)
			r->verdict[v] += p->verdict[v];
	}
}

static bool same(struct sp_err *err, const char *what, uint64_t a, const char *other, uint64_t b)
{
	if (a != b)
		sp_err(err, -EINVAL, "accounting: %" PRIu64 " %s, but %" PRIu64 " %s", a, what, b, other);
	return a == b;
}

bool sp_report_adds_up(const struct sp_report *r, struct sp_err *err)
{
	uint64_t came = r->port.packets + r->port.dropped + r->port.invalid, verdicts = 0, drops = 0, decoded = 0,
		 malformed = 0;
	for (unsigned i = 0; i < r->n_files; i++)
		came += r->files[i].stats.packets;
	for (unsigned v = 0; v < SP_VERDICT_MAX; v++)
		verdicts += r->verdict[v];
#define SP_DROP(stage, reason, value, doc) drops += value;
#include "dataplane/stats.def"
#undef SP_DROP
#define X(sym, verdict_, name)                                                                                         \
	decoded += r->counters->reason[SP_DECODE_##sym];                                                               \
	malformed += SP_##verdict_ == SP_MALFORMED ? r->counters->reason[SP_DECODE_##sym] : 0;
	SP_DECODE_REASONS(X)
#undef X
	return same(err, "packets read", came, "packets counted by point", r->packets) &&
	       same(err, "packets read", came, "packets with a verdict", verdicts) &&
	       same(err, "packets handed to the pipeline", r->counters->in, "went through it",
		    decoded + r->verdict[SP_FILTERED]) &&
	       same(err, "malformed packets", r->verdict[SP_MALFORMED], "reasons of malformed packets", malformed) &&
	       same(err, "dropped packets", r->verdict[SP_DROPPED], "reasons of dropped packets", drops);
}
