/* SPDX-License-Identifier: Apache-2.0 */
/* Time: when a flow ends, when it is reported, and which one has to go when the table is full. */
#include <string.h>

#include "base/mem.h"
#include "base/point.h"
#include "flowtable/flowtable_priv.h"

#define SHED_SAMPLE 32
#define SHED_SEARCH 256 /* flows looked at before giving up */
/* A new flow may push out one that is open in both directions only after this much silence. */
#define SHED_IDLE_NS (10 * SP_NS_PER_SEC)

static uint64_t timeout_of(const struct sp_flowtable *ft, const struct sp_flow *f)
{
	const struct sp_flow_timeouts *t = &ft->conf.timeout;
	if (f->state >= SP_FLOW_CLOSED)
		return f->state == SP_FLOW_CLOSED + SP_CLOSE_FIN ? t->closed_fin : t->closed_rst;
	switch (f->state) {
	case SP_FLOW_SYN:
	case SP_FLOW_SYNACK:
		return t->opening;
	case SP_FLOW_ESTABLISHED:
		if ((f->dir[0].bits | f->dir[1].bits) & SP_DIR_FIN)
			return t->closing;
		return t->established;
	default:
		break;
	}
	if (f->proto == SP_PROTO_TCP)
		return t->opening;
	bool icmp = f->proto == SP_PROTO_ICMP || f->proto == SP_PROTO_ICMP6;
	uint64_t timeout = f->proto == SP_PROTO_UDP ? t->udp : icmp ? t->icmp : t->other;
	bool both = f->bits & SP_FLOW_SEEN_LO && f->bits & SP_FLOW_SEEN_HI;
	return both ? timeout : SP_MIN(timeout, t->one_way);
}

/* At its timeout, its next report, or one turn of the wheel. */
bool sp_flow_arm(struct sp_flowtable *ft, struct sp_flow *f)
{
	uint64_t at = SP_MIN(f->last_ns + timeout_of(ft, f), f->start_ns + ft->conf.report_interval);
	uint64_t tick = sp_wheel_tick_for(&ft->wheel, SP_MIN(at, ft->now_ns + SP_WHEEL_SPAN_NS));
	f->armed = (uint16_t)tick;
	return sp_wheel_add(&ft->wheel, tick, (uint32_t)(f - ft->flow));
}

static void flow_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause)
{
	sp_flow_write(ft, f, cause);
	sp_flow_free(ft, f);
}

static void look_at(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (f->last_ns + timeout_of(ft, f) <= ft->now_ns) {
		flow_end(ft, f, SP_CLOSE_TIMEOUT);
		return;
	}
	if (f->start_ns + ft->conf.report_interval <= ft->now_ns && f->state < SP_FLOW_CLOSED) {
		if (f->dir[0].packets | f->dir[1].packets)
			sp_flow_write(ft, f, SP_CLOSE_ACTIVE);
		f->start_ns = ft->now_ns;
	}
	if (!sp_flow_arm(ft, f))
		flow_end(ft, f, SP_CLOSE_TIMEOUT);
}

static void fire(struct sp_flowtable *ft, uint32_t first_page)
{
	uint16_t tick = (uint16_t)ft->wheel.tick;
	for (uint32_t p = first_page; p; p = sp_wheel_give(&ft->wheel, p)) {
		const struct sp_wheel_page *page = &ft->wheel.page[p];
		uint32_t n = page->n;
		for (uint32_t i = 0; i < n; i++) {
			struct sp_flow *f = &ft->flow[page->flow[i]];
			if (i + 8 < n) {
				const char *ahead = (const char *)&ft->flow[page->flow[i + 8]];
				sp_prefetch(ahead);
				sp_prefetch(ahead + SP_CACHE_LINE);
				sp_prefetch(ahead + 2 * SP_CACHE_LINE);
			}
			if (f->state != SP_FLOW_FREE && f->armed == tick)
				look_at(ft, f);
		}
	}
}

void sp_flowtable_tick(struct sp_flowtable *ft, uint64_t now_ns)
{
	if (now_ns <= ft->now_ns)
		return;
	ft->now_ns = now_ns;
	if (SP_UNLIKELY(ft->fragments_due <= now_ns))
		sp_fragments_tick(ft);
	uint32_t page;
	while ((page = sp_wheel_take(&ft->wheel, now_ns)))
		fire(ft, page);
}

/* An empty table in the same memory: cheaper than taking millions of flows out one by one. */
static void forget_all(struct sp_flowtable *ft)
{
	assert(!ft->l7 || sp_slab_is_idle(&ft->l7->slab));
	assert(!ft->profiler || sp_slab_is_idle(&ft->profiler->slab));
	sp_index_clear(&ft->index);
	sp_mem_clear(ft->flow, (size_t)ft->n_flows * sizeof *ft->flow);
	ft->n_flows = ft->n_extras = 1;
	ft->free_flow = ft->free_extra = ft->shed_hand = 0;
	sp_wheel_reset(&ft->wheel);
	sp_layers_reset(&ft->layers);
	sp_macs_reset(&ft->macs);
}

void sp_flowtable_end(struct sp_flowtable *ft, uint32_t point, enum sp_close_reason reason)
{
	sp_fragments_end(ft, point);
	for (uint32_t n = 1; n < ft->n_flows; n++) {
		struct sp_flow *f = &ft->flow[n];
		if (f->state == SP_FLOW_FREE)
			continue;
		if (point == SP_POINT_ANY) {
			sp_flow_write(ft, f, reason);
			if (ft->l7)
				sp_l7_forget(ft, f);
			ft->stats.flows_ended++;
		} else if (ft->layers.set[f->layers].point == point) {
			flow_end(ft, f, reason);
		}
	}
	if (point == SP_POINT_ANY)
		forget_all(ft);
}

/* How much a flow deserves to stay: 0 closed, 1 never answered, 2 open. */
static unsigned rank(const struct sp_flow *f)
{
	if (f->state >= SP_FLOW_CLOSED)
		return 0;
	bool both = f->bits & SP_FLOW_SEEN_LO && f->bits & SP_FLOW_SEEN_HI;
	return both && f->state != SP_FLOW_SYN ? 2 : 1;
}

/* Ends the least deserving and oldest flow among the next few in the table: none that is open unless it was silent for
 * long. */
bool sp_flow_shed(struct sp_flowtable *ft)
{
	struct sp_flow *worst = NULL;
	unsigned worst_rank = 2;
	for (unsigned i = 0; i < (worst ? SHED_SAMPLE : SHED_SEARCH); i++) {
		ft->shed_hand = ft->shed_hand + 1 < ft->n_flows ? ft->shed_hand + 1 : 1;
		struct sp_flow *f = &ft->flow[ft->shed_hand];
		if (f->state == SP_FLOW_FREE)
			continue;
		unsigned r = rank(f);
		if (r == 2 && f->last_ns + SHED_IDLE_NS > ft->now_ns)
			continue;
		if (!worst || r < worst_rank || (r == worst_rank && f->last_ns < worst->last_ns)) {
			worst = f;
			worst_rank = r;
		}
	}
	if (!worst)
		return false;
	flow_end(ft, worst, SP_CLOSE_TIMEOUT);
	ft->stats.flows_shed++;
	return true;
}
