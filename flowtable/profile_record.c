/* SPDX-License-Identifier: Apache-2.0 */
/* From what was recorded of a flow to a part of its Network Profile. */
#include <string.h>

#include "flowtable/flowtable_priv.h"
#include "flowtable/profile.h"

static struct sp_profile_rtt rtt_of(const struct sp_profile_side *s)
{
	if (!s->rtt_n)
		return (struct sp_profile_rtt){0};
	return (struct sp_profile_rtt){.count = s->rtt_n,
				       .min_us = (uint32_t)(s->rtt_min / SP_NS_PER_US),
				       .mean_us = (uint32_t)(s->rtt_sum / s->rtt_n / SP_NS_PER_US),
				       .max_us = (uint32_t)(s->rtt_max / SP_NS_PER_US)};
}

static void put_tcp(const struct sp_flow *f, const struct sp_profile *p, struct sp_profile_record *r, unsigned c)
{
	const struct sp_profile_side *client = &p->side[c], *server = &p->side[!c];
	r->is_tcp = 1;
	r->has_isn_client = !!(f->dir[c].bits & SP_DIR_ISN);
	r->has_isn_server = !!(f->dir[!c].bits & SP_DIR_ISN);
	r->isn_client = f->isn[c];
	r->isn_server = f->isn[!c];
	r->mss_client = client->mss;
	r->mss_server = server->mss;
	r->has_wscale_client = !!(client->bits & SP_PROFILE_HAS_SCALE);
	r->has_wscale_server = !!(server->bits & SP_PROFILE_HAS_SCALE);
	r->wscale_client = client->scale;
	r->wscale_server = server->scale;
	r->in_flight_max_c2s = client->in_flight_max;
	r->in_flight_max_s2c = server->in_flight_max;
	r->has_window_c2s = !!(client->bits & SP_PROFILE_HAS_WINDOW);
	r->has_window_s2c = !!(server->bits & SP_PROFILE_HAS_WINDOW);
	r->window_min_c2s = client->window_min;
	r->window_min_s2c = server->window_min;
	r->rtt_client = rtt_of(client);
	r->rtt_server = rtt_of(server);
	r->fast = p->fast;
	r->timeout = p->timeout;
	r->tail = p->tail;
	r->spurious = p->spurious;
	for (unsigned s = 0; s < 2; s++)
		r->base[s] =
			f->dir[s].bits & SP_DIR_ISN ? sp_profile_wide(p->side[s].base, f->isn[s]) : p->side[s].base;
}

static void put_phases(const struct sp_flow *f, const struct sp_profile *p, struct sp_profile_record *r, bool last)
{
	r->has_connect_client = !!(f->bits & SP_FLOW_RTT_CLIENT);
	r->has_connect_server = !!(f->bits & SP_FLOW_RTT_SERVER);
	r->connect_client_us = f->rtt_client_us;
	r->connect_server_us = f->rtt_server_us;
	r->established_ns = p->established_ns;
	r->tls_start_ns = p->tls_start_ns;
	r->tls_end_ns = p->tls_end_ns;
	r->has_teardown = last && p->fin_ns;
	r->teardown_us = sp_flow_micros(p->fin_ns, p->now.ns);
}

/* The chunks' bytes, from the first entry that is kept. */
static void put_packed(const struct sp_profiler *pr, const struct sp_profile *p, struct sp_profile_record *r)
{
	uint8_t *to = r->packed;
	uint32_t from = p->begin_at;
	r->begin = p->begin;
	for (uint32_t h = p->first; h; from = 0) {
		const struct sp_profile_chunk *c = sp_profile_chunk_at(pr, h);
		memcpy(to, c->data + from, c->used - from);
		to += c->used - from;
		h = c->next;
	}
	assert((uint32_t)(to - r->packed) == p->bytes);
}

static void put_app(const struct sp_flowtable *ft, const struct sp_flow *f, const struct sp_profile *p,
		    struct sp_profile_record *r)
{
	r->read = p->calls != 0;
	if (!(f->more & SP_L7_DIALOG))
		return;
	const struct sp_dialog *d = sp_slab_at(&ft->l7->slab, f->more & SP_L7_NUMBER);
	r->app_proto = d->bits & SP_DIALOG_SURE ? d->app : SP_APP_UNKNOWN;
	r->read |= !(f->more & SP_L7_DONE) && d->parser && d->messages;
}

void sp_profile_write(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_profile *p, bool last)
{
	struct sp_profile_record *r = sp_out_record(ft->out, SP_RECORD_PROFILE, sizeof *r + p->bytes, sizeof *r);
	if (!r)
		return;
	unsigned c = sp_flow_client(f);
	ft->stats.profile_records++;
	r->flow_id = (uint64_t)ft->worker << 56 | sp_flow_serial(f);
	r->point = r->head.point = ft->layers.set[f->layers].point;
	SP_FLOW_PUT_ENDS(r, f, c);
	put_app(ft, f, p, r);
	r->reason = p->reason;
	r->start_ns = p->start_ns;
	r->end_ns = p->now.ns;
	r->part = p->part + 1U;
	r->last = last;
	r->packets_recorded = p->packets;
	r->packets_dropped = p->dropped;
	r->recorded_bytes = p->bytes;
	r->client = (uint8_t)c;
	r->gap = p->gap;
	if (f->proto == SP_PROTO_TCP)
		put_tcp(f, p, r, c);
	put_phases(f, p, r, last);
	put_packed(ft->profiler, p, r);
}
