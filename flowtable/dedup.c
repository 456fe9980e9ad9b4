/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/dedup.h"

#include <errno.h>

#include "base/mem.h"

#define PROTO_TCP 6

/* Evidence that a point copies: a certain copy weighs as much as this many certain originals. */
#define COPY_WEIGHT 4
#define COPYING_MAX 64
#define COPYING_MIN 9

int sp_dedup_init(struct sp_dedup *d, const struct sp_dedup_conf *conf)
{
	d->entry = sp_mem_map(SP_DEDUP_ENTRIES * sizeof *d->entry, 0);
	d->copying = sp_mem_map(SP_POINTS_MAX * sizeof *d->copying, 0);
	if (!d->entry || !d->copying)
		return -ENOMEM;
	sp_dedup_reconf(d, conf);
	return 0;
}

void sp_dedup_reconf(struct sp_dedup *d, const struct sp_dedup_conf *conf)
{
	d->window = conf->enabled ? (uint32_t)(conf->window >> SP_DEDUP_UNIT_SHIFT) + 1 : 0;
	d->keep_routed = conf->keep_routed;
}

void sp_dedup_free(struct sp_dedup *d)
{
	sp_mem_unmap(d->entry, SP_DEDUP_ENTRIES * sizeof *d->entry);
	sp_mem_unmap(d->copying, SP_POINTS_MAX * sizeof *d->copying);
}

/* Whether two packets that look like this one can only be copies: its own identification, or a SYN. */
static bool is_certain(const struct sp_pkt *pkt)
{
	const uint8_t *ip = pkt->data + pkt->l3;
	bool id = ip[0] >> 4 == 4 && (ip[4] | ip[5]);
	return id || (pkt->proto == PROTO_TCP && pkt->tcp_flags & 2);
}

static void suspect(struct sp_dedup *d, const struct sp_pkt *pkt, int evidence)
{
	uint16_t *copying = &d->copying[pkt->point];
	bool before = *copying;
	*copying = (uint16_t)SP_MAX(0, SP_MIN(*copying + evidence, COPYING_MAX));
	d->suspects += (unsigned)!!*copying - before;
}

enum sp_dedup_result sp_dedup_check(struct sp_dedup *d, const struct sp_dedup_entry *e, uint64_t sign,
				    const struct sp_pkt *pkt)
{
	bool certain = is_certain(pkt);
	bool same = d->window && !sp_dedup_is_new(e, sign, pkt, d->window);
	if (certain)
		suspect(d, pkt, same ? COPY_WEIGHT : -1);
	if (!same)
		return SP_DEDUP_NEW;
	if (d->keep_routed && e->ttl != pkt->ttl)
		return SP_DEDUP_ROUTED;
	return certain || d->copying[pkt->point] >= COPYING_MIN ? SP_DEDUP_COPY : SP_DEDUP_NEW;
}
