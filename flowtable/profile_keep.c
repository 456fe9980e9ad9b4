/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of recorded packets. Of a flow that is being recorded they are written at once; of one that waits for
 * a trigger they wait as its packets do, each in a block of its own, told apart by the packet's number. */
#include <string.h>

#include "flowtable/flowtable_priv.h"
#include "flowtable/profile.h"

struct kept {
	uint32_t next;
	uint32_t number; /* of the packet: sp_profile.seen when it was appended */
	uint64_t ns;
	uint32_t wire_len, n;
	uint16_t point;
	uint8_t link;
	uint8_t data[];
};
static_assert(sizeof(struct kept) + SP_PROFILE_KEEP_MAX <= SP_SLAB_BLOCK_MAX, "one block");

static struct kept *kept_at(const struct sp_profiler *pr, uint32_t handle)
{
	return sp_slab_at(&pr->kept, handle);
}

static void write_bytes(struct sp_flowtable *ft, const struct sp_flow *f, const struct kept *k, const uint8_t *data)
{
	struct sp_packet_record *r = sp_out_record(ft->out, SP_RECORD_PACKET, sizeof *r + k->n, sizeof *r);
	if (!r)
		return;
	r->flow_id = (uint64_t)ft->worker << 56 | sp_flow_serial(f);
	r->head.point = k->point;
	r->ns = k->ns;
	r->wire_len = k->wire_len;
	r->n = k->n;
	r->link = k->link;
	memcpy(r->data, data, k->n);
	ft->stats.profile_packets_kept++;
}

static void forget_first(struct sp_profiler *pr, struct sp_profile *p)
{
	uint32_t next = kept_at(pr, p->kept_first)->next;
	sp_slab_put(&pr->kept, p->kept_first);
	p->kept_first = next;
	if (!next)
		p->kept_last = 0;
}

/* A block for so many bytes. When the budget is used up, the flow gives its oldest one for it. */
static uint32_t get_block(struct sp_flowtable *ft, struct sp_profile *p, size_t n)
{
	struct sp_profiler *pr = ft->profiler;
	uint32_t handle = sp_slab_get(&pr->kept, sizeof(struct kept) + n);
	if (handle)
		return handle;
	ft->stats.profile_packets_unkept++;
	if (!p->kept_first)
		return 0;
	forget_first(pr, p);
	return sp_slab_get(&pr->kept, sizeof(struct kept) + n);
}

static void wait_with(struct sp_flowtable *ft, struct sp_profile *p, const struct kept *k, const uint8_t *data)
{
	struct sp_profiler *pr = ft->profiler;
	uint32_t handle = get_block(ft, p, k->n);
	if (!handle)
		return;
	struct kept *to = kept_at(pr, handle);
	*to = *k;
	memcpy(to->data, data, k->n);
	if (p->kept_last)
		kept_at(pr, p->kept_last)->next = handle;
	else
		p->kept_first = handle;
	p->kept_last = handle;
}

void sp_profile_keep(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_profile *p, const struct sp_pkt *pkt)
{
	/* What was put together of fragments never was a frame. */
	if (pkt->l3 == SP_NOOFS || ft->inside) {
		ft->stats.profile_packets_unkept++;
		return;
	}
	struct kept k = {.number = p->seen,
			 .ns = pkt->ts_ns,
			 .wire_len = pkt->wire_len,
			 .n = (uint32_t)SP_MIN(pkt->cap_len, ft->profiler->conf.keep_packets),
			 .point = pkt->point,
			 .link = pkt->link};
	if (p->recording)
		write_bytes(ft, f, &k, pkt->data);
	else
		wait_with(ft, p, &k, pkt->data);
}

void sp_profile_keep_trim(struct sp_profiler *pr, struct sp_profile *p)
{
	uint32_t gone = p->seen - p->packets; /* the last packet that waits no more; numbers may go round */
	while (p->kept_first && (int32_t)(kept_at(pr, p->kept_first)->number - gone) <= 0)
		forget_first(pr, p);
}

void sp_profile_keep_write(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_profile *p)
{
	while (p->kept_first) {
		const struct kept *k = kept_at(ft->profiler, p->kept_first);
		write_bytes(ft, f, k, k->data);
		forget_first(ft->profiler, p);
	}
}
