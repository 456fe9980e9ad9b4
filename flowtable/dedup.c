/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/dedup.h"

#include "parsers/link/proto.h"

#include <errno.h>

#include "base/mem.h"
#include "parsers/link/decode.h"

/* Evidence that a point copies: a certain copy weighs as much as this many certain originals. */
#define COPY_WEIGHT 4
#define COPYING_MAX 64
#define COPYING_MIN 9

int sp_dedup_init(struct sp_dedup *d, const struct sp_dedup_conf *conf)
{
	d->entry = sp_mem_map(SP_DEDUP_ENTRIES * sizeof *d->entry, SP_MEM_POPULATE);
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

uint64_t sp_dedup_fragment_sign(const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	if (pkt->flags & SP_PKT_QUOTED)
		return 0;
	struct sp_fragment f = sp_decode_fragment(pkt);
	uint64_t place = (uint64_t)f.offset << 32 | f.len << 1 | f.more;
	uint64_t where = (uint64_t)pkt->point << 48 | (uint64_t)(pkt->flags & SP_PKT_REVERSE) << 32 | f.id;
	uint64_t h = sp_hash_mix(sp_load64(key->lo.b + 8) ^ SP_HASH_K0, sp_load64(key->hi.b + 8) ^ SP_HASH_K1);
	h = sp_hash_mix(h ^ place, where ^ SP_HASH_K1);
	return h | UINT64_C(1) << 32;
}

/* Whether two packets that look like this one can only be copies: its own identification, or a SYN. */
static bool is_certain(const struct sp_pkt *pkt)
{
	const uint8_t *ip = pkt->data + pkt->l3;
	bool id = pkt->flags & SP_PKT_FRAGMENT || (ip[0] >> 4 == 4 && (ip[4] | ip[5]));
	return id || (pkt->proto == SP_PROTO_TCP && pkt->tcp_flags & 2);
}

static void suspect(struct sp_dedup *d, const struct sp_pkt *pkt, int evidence)
{
	uint16_t *copying = &d->copying[pkt->point];
	bool before = *copying;
	*copying = (uint16_t)SP_MAX(0, SP_MIN(*copying + evidence, COPYING_MAX));
	d->suspects += (unsigned)!!*copying - before;
}

bool sp_dedup_check(struct sp_dedup *d, const struct sp_dedup_entry *e, uint64_t sign, const struct sp_pkt *pkt)
{
	bool certain = is_certain(pkt);
	bool same = d->window && !sp_dedup_is_new(e, sign, pkt, d->window);
	if (certain)
		suspect(d, pkt, same ? COPY_WEIGHT : -1);
	bool routed = d->keep_routed && e->ttl != pkt->ttl;
	return same && (certain || routed || d->copying[pkt->point] >= COPYING_MIN);
}
