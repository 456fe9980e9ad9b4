/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/fragments.h"

#include "base/hash.h"
#include "parsers/link/decode.h"

/* What every fragment of a datagram carries (RFC 791: with the protocol; RFC 8200: without). */
static uint64_t datagram_of(const struct sp_pkt *pkt, const struct sp_flow_key *key)
{
	struct sp_fragment at = sp_decode_fragment(pkt);
	const uint8_t *lo = (const uint8_t *)&key->lo, *hi = (const uint8_t *)&key->hi;
	uint64_t which = (uint64_t)at.id << 32 | key->space;
	uint64_t h = sp_hash_mix(sp_load64(lo) ^ which, sp_load64(lo + 8) ^ SP_HASH_K0);
	h = sp_hash_mix(sp_load64(hi) ^ h, sp_load64(hi + 8) ^ SP_HASH_K1);
	return h ^ (at.v6 ? 256 : pkt->proto);
}

unsigned sp_fragments_worker(struct sp_fragments *f, const struct sp_pkt *pkt, const struct sp_flow_key *key,
			     unsigned worker)
{
	uint64_t datagram = datagram_of(pkt, key);
	struct sp_fragments_entry *e = &f->entry[sp_hash_mix(datagram, SP_HASH_K0) % SP_FRAGMENTS_KNOWN];
	if (pkt->flags & SP_PKT_LATER_FRAG)
		return e->datagram == datagram ? (unsigned)e->worker : worker;
	*e = (struct sp_fragments_entry){datagram, worker};
	return worker;
}
