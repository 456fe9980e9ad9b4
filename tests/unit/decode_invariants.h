/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for whatever decode was given: shared by the unit test and the fuzz target. */
#ifndef SP_TESTS_DECODE_INVARIANTS_H
#define SP_TESTS_DECODE_INVARIANTS_H

#include "parsers/link/decode.h"

static inline bool decode_offset_ok(const struct sp_pkt *p, uint16_t offset, uint32_t bytes)
{
	return offset == SP_NOOFS || offset + bytes <= p->cap_len;
}

/* Which rule packet i of a decoded batch breaks, or NULL. */
static inline const char *decode_broken(const struct sp_decode_conf *conf, const struct sp_batch *b, uint32_t i)
{
	const struct sp_pkt *p = &b->pkt[i];
	const struct sp_flow_key *k = &b->key[i];
	if (p->reason >= SP_DECODE_REASON_MAX)
		return "reason is none";
	if (p->verdict != SP_ANALYSED && p->verdict != SP_MALFORMED)
		return "verdict is not decode's to give";
	if (!decode_offset_ok(p, p->l2, 14) || !decode_offset_ok(p, p->l3, 20) || !decode_offset_ok(p, p->l4, 0) ||
	    !decode_offset_ok(p, p->l7, 0))
		return "an offset is beyond the bytes";
	if (p->reason != SP_DECODE_OK)
		return p->l3 == SP_NOOFS && p->l4 == SP_NOOFS && p->l7 == SP_NOOFS && !p->layers
			       ? NULL
			       : "offsets without a flow";
	if (p->verdict != SP_ANALYSED)
		return "a flow without its verdict";
	if (p->l3 == SP_NOOFS)
		return "a flow without an IP header";
	if (p->l4 != SP_NOOFS && p->l4 < p->l3 + 20)
		return "L4 before the end of IP";
	if (p->l4 != SP_NOOFS && p->l7 < p->l4)
		return "payload before L4";
	bool ports = !(p->flags & (SP_PKT_NO_PORTS | SP_PKT_QUOTED));
	if (ports && (p->l4 == SP_NOOFS || p->l4 + 4u > p->cap_len))
		return "ports that were not captured";
	if (!!(p->flags & SP_PKT_LATER_FRAG) != (p->l4 == SP_NOOFS) && p->l7 != SP_NOOFS)
		return "L4 in a later fragment, or none elsewhere";
	if (p->hash != (uint32_t)sp_flow_key_hash(k, conf->hash_key))
		return "hash is not the key's";
	if (k->space != p->space)
		return "space is not the key's";
	if (memcmp(&k->lo, &k->hi, sizeof k->lo) > 0)
		return "key is not in order";
	if (!memcmp(&k->lo, &k->hi, sizeof k->lo) && k->lo_port > k->hi_port && k->proto != 1 && k->proto != 58)
		return "key's ports are not in order";
	if (p->layers > b->n_layers)
		return "layers that the batch does not have";
	if (p->flags & SP_PKT_FRAGMENT) {
		struct sp_fragment f = sp_decode_fragment(p);
		if (f.at > p->cap_len)
			return "fragment's data are beyond the bytes";
	}
	return NULL;
}

#endif
