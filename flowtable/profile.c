/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of packed packets: how they are filled, kept as a ring before a trigger, and sent on their way. */
#include "flowtable/profile.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "flowtable/flowtable_priv.h"
#include "flowtable/tcp.h"

/* A part is written when it has so much. A ring does not grow beyond it either. */
#define PART_BYTES (16 * 1024)
#define FOR_EVER UINT32_MAX

int sp_profiler_init(struct sp_profiler *pr, const struct sp_profile_conf *conf, uint32_t max_flows)
{
	pr->n_handles = max_flows + 1;
	pr->handle = sp_mem_map(pr->n_handles * sizeof *pr->handle, 0);
	int rc = sp_slab_init(&pr->slab, conf->max_memory);
	if (!rc)
		rc = sp_slab_init(&pr->kept, conf->max_memory);
	sp_profiler_reconf(pr, conf);
	return pr->handle ? rc : -ENOMEM;
}

void sp_profiler_free(struct sp_profiler *pr)
{
	sp_slab_free_all(&pr->slab);
	sp_slab_free_all(&pr->kept);
	sp_mem_unmap(pr->handle, pr->n_handles * sizeof *pr->handle);
}

/* A filter that is none was refused when the configuration was read. */
void sp_profiler_reconf(struct sp_profiler *pr, const struct sp_profile_conf *conf)
{
	struct sp_err err;
	pr->conf = *conf;
	if (sp_profile_filter_parse(&pr->filter, conf->filter, &err))
		pr->conf.record = SP_PROFILE_RECORD_NONE;
	/* One budget for both. Bytes wait for triggers only. */
	uint32_t chunks = pr->slab.max_chunks - 1;
	pr->kept.limit = conf->keep_packets && conf->record == SP_PROFILE_RECORD_TRIGGER ? chunks / 2 : 0;
	pr->slab.limit = chunks - pr->kept.limit;
}

static struct sp_profile *profile_of(const struct sp_flowtable *ft, const struct sp_flow *f)
{
	return sp_slab_at(&ft->profiler->slab, ft->profiler->handle[f - ft->flow]);
}

static struct sp_profile_chunk *chunk_at(const struct sp_flowtable *ft, uint32_t handle)
{
	return sp_profile_chunk_at(ft->profiler, handle);
}

/* --- chunks --- */

static void drop_chunks(struct sp_flowtable *ft, struct sp_profile *p)
{
	for (uint32_t h = p->first, next; h; h = next) {
		next = chunk_at(ft, h)->next;
		sp_slab_put(&ft->profiler->slab, h);
	}
	p->first = p->last = 0;
	p->packets = p->bytes = p->begin_at = 0;
	sp_profile_keep_trim(ft->profiler, p);
	p->begin = p->now;
}

/* Takes the oldest entries off until `packets` of the first chunk's are gone. */
static void skip_entries(struct sp_flowtable *ft, struct sp_profile *p, unsigned packets)
{
	struct sp_profile_chunk *c = chunk_at(ft, p->first);
	const uint8_t *at = c->data + p->begin_at, *end = c->data + c->used, *from = at;
	struct sp_profile_packet pkt;
	struct sp_profile_call call;
	while (packets && at < end) {
		enum sp_profile_entry entry = sp_profile_unpack(&at, end, &p->begin, &pkt, &call);
		assert(entry != SP_PROFILE_BAD);
		packets -= entry == SP_PROFILE_PACKET;
	}
	p->begin_at += (uint32_t)(at - from);
	p->bytes -= (uint32_t)(at - from);
}

static void pass_over(struct sp_flowtable *ft, struct sp_profile *p, uint32_t packets)
{
	ft->stats.profile_packets_passed += packets;
	p->packets -= packets;
	p->dropped += packets;
	p->gap |= packets != 0;
	sp_profile_keep_trim(ft->profiler, p);
}

/* The oldest chunk goes, which is not the only one. */
static void drop_first(struct sp_flowtable *ft, struct sp_profile *p)
{
	struct sp_profile_chunk *c = chunk_at(ft, p->first);
	uint32_t next = c->next;
	pass_over(ft, p, c->packets);
	skip_entries(ft, p, UINT_MAX);
	sp_slab_put(&ft->profiler->slab, p->first);
	p->first = next;
	p->begin_at = 0;
}

/* The oldest packets go. */
static void drop_oldest(struct sp_flowtable *ft, struct sp_profile *p, uint32_t n)
{
	while (n && p->first != p->last && chunk_at(ft, p->first)->packets <= n) {
		n -= chunk_at(ft, p->first)->packets;
		drop_first(ft, p);
	}
	if (!n)
		return;
	struct sp_profile_chunk *c = chunk_at(ft, p->first);
	c->packets = (uint16_t)(c->packets - n);
	pass_over(ft, p, n);
	skip_entries(ft, p, n);
}

static void write_part(struct sp_flowtable *ft, struct sp_flow *f, struct sp_profile *p, bool last)
{
	sp_profile_write(ft, f, p, last);
	sp_profile_keep_write(ft, f, p);
	ft->stats.profile_packets += p->packets;
	p->part++;
	p->dropped = 0;
	p->gap = false;
	drop_chunks(ft, p);
}

/* Has a chunk at hand for an entry that the last one may have no room for. False: the budget is used up, even though
 * this flow let go what it had. */
static bool have_spare(struct sp_flowtable *ft, struct sp_flow *f, struct sp_profile *p)
{
	struct sp_slab *slab = &ft->profiler->slab;
	p->spare = sp_slab_get(slab, sizeof(struct sp_profile_chunk));
	if (p->spare || !p->first)
		return p->spare;
	if (p->recording) {
		write_part(ft, f, p, false);
	} else if (p->first != p->last) {
		drop_first(ft, p);
	} else {
		pass_over(ft, p, p->packets);
		drop_chunks(ft, p);
	}
	p->spare = sp_slab_get(slab, sizeof(struct sp_profile_chunk));
	return p->spare;
}

static struct sp_profile_chunk *next_chunk(struct sp_flowtable *ft, struct sp_profile *p)
{
	struct sp_profile_chunk *c = chunk_at(ft, p->spare);
	c->next = 0;
	c->used = c->packets = 0;
	if (p->last)
		chunk_at(ft, p->last)->next = p->spare;
	else
		p->first = p->spare;
	p->last = p->spare;
	p->spare = 0;
	return c;
}

/* One entry: a packet, or a call. False: there is no memory. */
static bool append(struct sp_flowtable *ft, struct sp_flow *f, struct sp_profile *p,
		   const struct sp_profile_packet *pkt, const struct sp_profile_call *call)
{
	uint8_t aside[SP_PROFILE_ENTRY_MAX];
	struct sp_profile_chunk *c = p->last ? chunk_at(ft, p->last) : NULL;
	size_t room = c ? sizeof c->data - c->used : 0;
	if (SP_UNLIKELY(room < SP_PROFILE_ENTRY_MAX) && !p->spare) {
		if (!have_spare(ft, f, p))
			return false;
		c = p->last ? chunk_at(ft, p->last) : NULL;
		room = c ? sizeof c->data - c->used : 0;
	}
	uint8_t *to = room < SP_PROFILE_ENTRY_MAX ? aside : c->data + c->used;
	size_t n = pkt ? sp_profile_pack(to, &p->now, pkt) : sp_profile_pack_call(to, &p->now, call);
	if (n > room)
		c = next_chunk(ft, p);
	if (to == aside)
		memcpy(c->data + c->used, aside, n);
	c->used = (uint16_t)(c->used + n);
	c->packets = (uint16_t)(c->packets + !!pkt);
	p->bytes += (uint32_t)n;
	p->packets += !!pkt;
	p->seen += !!pkt;
	return true;
}

/* --- flows --- */

void sp_profile_begin(struct sp_flowtable *ft, struct sp_flow *f)
{
	struct sp_profiler *pr = ft->profiler;
	struct sp_flow_key key = sp_flow_key_of(f);
	if (pr->conf.record == SP_PROFILE_RECORD_NONE || !sp_profile_filter_match(&pr->filter, &key))
		return;
	uint32_t handle = sp_slab_get(&pr->slab, sizeof(struct sp_profile));
	if (!handle) {
		ft->stats.profiles_refused++;
		return;
	}
	struct sp_profile *p = memset(sp_slab_at(&pr->slab, handle), 0, sizeof *p);
	p->start_ns = f->start_ns;
	uint64_t id = ft->l7 ? (uint64_t)ft->worker << 56 | ft->l7->serial : 0;
	sp_profile_state_begin(&p->begin, f->start_ns, id, f->proto == SP_PROTO_TCP);
	p->now = p->begin;
	p->reason = pr->filter.n ? SP_PROFILE_REASON_FILTER : SP_PROFILE_REASON_ALL;
	p->recording = pr->conf.record == SP_PROFILE_RECORD_ALL;
	p->left = FOR_EVER;
	pr->handle[f - ft->flow] = handle;
	f->dir[0].bits |= SP_DIR_PROFILED;
	f->dir[1].bits |= SP_DIR_PROFILED;
}

/* The flow is recorded for so many packets after its last one. */
static void trigger(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_profile *p, uint64_t triggers)
{
	const struct sp_profile_conf *conf = &ft->profiler->conf;
	triggers &= conf->triggers;
	if (!triggers || (p->recording && p->left == FOR_EVER))
		return;
	if (!p->recording && p->packets > conf->before + 1)
		drop_oldest(ft, p, p->packets - (uint32_t)conf->before - 1);
	sp_profile_keep_write(ft, f, p);
	p->recording = true;
	p->left = (uint32_t)conf->after;
	p->reason = (uint8_t)(SP_PROFILE_REASON_FAILURE + __builtin_ctzll(triggers));
	ft->stats.profile_triggers++;
}

/* The server's first bytes after the client's, where nobody tells calls. */
static uint64_t answer_delay(struct sp_profile *p, const struct sp_flow *f, const struct sp_profile_packet *e,
			     uint64_t slow)
{
	if (e->side == sp_flow_client(f)) {
		p->asked_ns = e->ns;
		return 0;
	}
	bool waited = p->asked_ns && e->ns > p->asked_ns && e->ns - p->asked_ns >= slow;
	p->asked_ns = 0;
	return waited && !p->calls ? SP_PROFILE_TRIGGER(SLOW) : 0;
}

/* Before another packet comes, and after all that the last one said was told: a recording that is over, or long enough
 * for a part, is written; a ring keeps what a trigger wants to see before it. */
static void settle(struct sp_flowtable *ft, struct sp_flow *f, struct sp_profile *p)
{
	if (p->recording) {
		if (p->bytes < PART_BYTES && p->left)
			return;
		write_part(ft, f, p, false);
		p->recording = p->left;
		return;
	}
	uint64_t before = ft->profiler->conf.before;
	while (p->first != p->last && (p->packets - chunk_at(ft, p->first)->packets >= before || p->bytes > PART_BYTES))
		drop_first(ft, p);
}

void sp_profile_packet(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side,
		       unsigned signs)
{
	struct sp_profile *p = profile_of(ft, f);
	struct sp_profile_packet e = {.ns = pkt->ts_ns, .len = pkt->l7_len, .side = (uint8_t)side};
	uint64_t triggers = 0;
	bool cut = f->proto == SP_PROTO_TCP && pkt->flags & SP_PKT_L4_CUT;
	settle(ft, f, p);
	if (f->proto == SP_PROTO_TCP && !cut)
		triggers = sp_profile_tcp(p, f, pkt, &e, signs);
	if (e.len)
		triggers |= answer_delay(p, f, &e, ft->profiler->conf.slow);
	e.dropped = p->pending;
	if (SP_UNLIKELY(cut || !append(ft, f, p, &e, NULL))) {
		p->pending++;
		p->dropped++;
		ft->stats.profile_packets_refused++;
		return;
	}
	p->pending = 0;
	if (SP_UNLIKELY(ft->profiler->conf.keep_packets))
		sp_profile_keep(ft, f, p, pkt);
	p->left -= p->recording && p->left != FOR_EVER;
	if (SP_UNLIKELY(triggers))
		trigger(ft, f, p, triggers);
}

static uint64_t call_triggers(const struct sp_flowtable *ft, const struct sp_call *c)
{
	bool failed = c->status == SP_STATUS_CLIENT_ERROR || c->status == SP_STATUS_SERVER_ERROR ||
		      c->status == SP_STATUS_TIMEOUT;
	bool paired = c->bits & SP_CALL_REQUEST && c->bits & SP_CALL_RESPONSE;
	bool slow = paired && c->resp_start_ns > c->req_start_ns &&
		    c->resp_start_ns - c->req_start_ns >= ft->profiler->conf.slow;
	return (failed ? SP_PROFILE_TRIGGER(FAILURE) : 0) | (slow ? SP_PROFILE_TRIGGER(SLOW) : 0);
}

void sp_profile_call(const struct sp_talk *t, const struct sp_call *c, uint64_t id)
{
	struct sp_profile *p = profile_of(t->ft, t->f);
	bool hi_asks = t->d->client != !!(c->bits & SP_CALL_FROM_SERVER);
	struct sp_profile_call e = {
		.id = id,
		.req_start_ns = c->req_start_ns,
		.req_end_ns = c->req_end_ns,
		.resp_start_ns = c->resp_start_ns,
		.resp_end_ns = c->resp_end_ns,
		.req_bytes = c->req_bytes,
		.resp_bytes = c->resp_bytes,
	};
	e.bits = (uint8_t)((c->bits & SP_CALL_REQUEST ? SP_PROFILE_CALL_REQUEST : 0) |
			   (c->bits & SP_CALL_RESPONSE ? SP_PROFILE_CALL_RESPONSE : 0) | (id ? SP_PROFILE_CALL_ID : 0) |
			   (c->bits & SP_CALL_HANDSHAKE ? SP_PROFILE_CALL_HANDSHAKE : 0) |
			   (hi_asks ? SP_PROFILE_CALL_HI_ASKS : 0) |
			   (c->bits & SP_CALL_REQUEST_END ? 0 : SP_PROFILE_CALL_OPEN_REQ) |
			   (c->bits & SP_CALL_RESPONSE_END ? 0 : SP_PROFILE_CALL_OPEN_RESP));
	if (SP_UNLIKELY(p->bytes >= 2 * PART_BYTES)) /* one packet may have thousands */
		settle(t->ft, t->f, p);
	t->ft->stats.profile_calls_refused += !append(t->ft, t->f, p, NULL, &e);
	if (c->bits & SP_CALL_HANDSHAKE) {
		p->tls_start_ns = c->req_start_ns;
		p->tls_end_ns = c->bits & SP_CALL_RESPONSE_END ? c->resp_end_ns : 0;
	} else {
		p->calls++;
	}
	trigger(t->ft, t->f, p, call_triggers(t->ft, c));
}

void sp_profile_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason reason)
{
	uint32_t *handle = &ft->profiler->handle[f - ft->flow];
	struct sp_profile *p = profile_of(ft, f);
	if (sp_flow_failure(f, sp_flow_extra_of(ft, f), reason) != SP_FAILURE_NONE)
		trigger(ft, f, p, SP_PROFILE_TRIGGER(FAILURE));
	if (p->recording || p->part) {
		if (!p->recording && p->packets > ft->profiler->conf.before)
			drop_oldest(ft, p, p->packets - (uint32_t)ft->profiler->conf.before);
		write_part(ft, f, p, true);
		ft->stats.profiles++;
	}
	ft->stats.profile_packets_passed += p->packets;
	drop_chunks(ft, p);
	if (p->spare)
		sp_slab_put(&ft->profiler->slab, p->spare);
	sp_slab_put(&ft->profiler->slab, *handle);
	*handle = 0;
	f->dir[0].bits &= (uint8_t)~SP_DIR_PROFILED;
	f->dir[1].bits &= (uint8_t)~SP_DIR_PROFILED;
}
