/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/dedup.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/mem.h"

#define UNIT_SHIFT 10
#define PROTO_TCP 6
#define PROTO_UDP 17

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
	d->window = conf->enabled ? (uint32_t)(conf->window >> UNIT_SHIFT) + 1 : 0;
	d->keep_routed = conf->keep_routed;
}

void sp_dedup_free(struct sp_dedup *d)
{
	sp_mem_unmap(d->entry, SP_DEDUP_ENTRIES * sizeof *d->entry);
	sp_mem_unmap(d->copying, SP_POINTS_MAX * sizeof *d->copying);
}

/* Up to 8 bytes from `at`, as many as were captured. */
static uint64_t load_some(const struct sp_pkt *pkt, size_t at)
{
	uint64_t v = 0;
	if (SP_LIKELY(at + 8 <= pkt->cap_len))
		return sp_load64(pkt->data + at);
	if (at < pkt->cap_len)
		memcpy(&v, pkt->data + at, pkt->cap_len - at);
	return v;
}

uint64_t sp_dedup_sign(const struct sp_pkt *pkt, const struct sp_flow_key *key, bool *certain)
{
	*certain = false;
	if (SP_UNLIKELY(pkt->flags & (SP_PKT_FRAGMENT | SP_PKT_L4_CUT | SP_PKT_QUOTED) || pkt->l4 == SP_NOOFS))
		return 0;
	const uint8_t *ip = pkt->data + pkt->l3;
	uint32_t id = 0;
	if (SP_LIKELY(ip[0] >> 4 == 4))
		memcpy(&id, ip + 4, 2);
	*certain = id || (pkt->proto == PROTO_TCP && pkt->tcp_flags & 2);
	uint64_t third = pkt->proto == PROTO_TCP ? load_some(pkt, (size_t)pkt->l4 + 16) & UINT32_MAX : pkt->proto;
	uint64_t ends = sp_load64(key->lo.b + 8) ^ sp_load64(key->hi.b + 8) ^ (pkt->flags & SP_PKT_REVERSE);
	uint64_t h =
		sp_hash_mix(load_some(pkt, pkt->l4) ^ SP_HASH_K0, load_some(pkt, (size_t)pkt->l4 + 8) ^ SP_HASH_K1);
	/* The same packet at another point is no copy. */
	uint64_t where = (uint64_t)pkt->point << 48 ^ (uint64_t)id << 17;
	h ^= sp_hash_mix((third << 32 | pkt->l7_len) ^ SP_HASH_K1, ends ^ where ^ SP_HASH_K0);
	return h | UINT64_C(1) << 32;
}

enum sp_dedup_result sp_dedup_check(struct sp_dedup *d, struct sp_dedup_entry *e, uint64_t sign, bool certain,
				    const struct sp_pkt *pkt)
{
	uint16_t *copying = &d->copying[pkt->point];
	uint32_t now = (uint32_t)(pkt->ts_ns >> UNIT_SHIFT), high = (uint32_t)(sign >> 32);
	bool same = e->sign == high && now - e->when <= d->window;
	if (SP_UNLIKELY(same)) {
		if (certain)
			*copying = (uint16_t)SP_MIN(*copying + COPY_WEIGHT, COPYING_MAX);
		if (d->keep_routed && e->ttl != pkt->ttl)
			return SP_DEDUP_ROUTED;
		if (certain || *copying >= COPYING_MIN)
			return SP_DEDUP_COPY;
	} else if (certain && *copying) {
		(*copying)--;
	}
	*e = (struct sp_dedup_entry){.sign = high, .when = now, .ttl = pkt->ttl};
	return SP_DEDUP_NEW;
}
