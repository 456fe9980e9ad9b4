/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/elsewhere.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "flowtable/flowtable_priv.h"

enum {
	ENTRIES = 4096,
	WAYS = 8, /* entries that a key may have: hosts that ask a group the same at the same time, too */
};

int sp_elsewhere_init(struct sp_elsewhere *e)
{
	e->entry = calloc(ENTRIES, sizeof *e->entry);
	return e->entry ? 0 : -ENOMEM;
}

void sp_elsewhere_free(struct sp_elsewhere *e)
{
	free(e->entry);
}

size_t sp_elsewhere_memory(void)
{
	return ENTRIES * sizeof(struct sp_elsewhere_entry);
}

/* --- who talks to whom --- */

static const struct sp_addr *address(const struct sp_flow *f, unsigned side)
{
	return side ? &f->hi : &f->lo;
}

static uint16_t port(const struct sp_flow *f, unsigned side)
{
	return side ? f->hi_port : f->lo_port;
}

/* Multicast, or the broadcast address that is one wherever it is seen: a network's own cannot be told from a host's. */
static bool is_group(const struct sp_addr *a)
{
	static const uint8_t everyone[4] = {255, 255, 255, 255};
	if (!sp_addr_is_v4(a))
		return a->b[0] == 0xff;
	return a->b[12] >> 4 == 14 || !memcmp(a->b + 12, everyone, sizeof everyone);
}

static bool is_unspecified(const struct sp_addr *a)
{
	static const struct sp_addr none;
	return !memcmp(a, &none, sp_addr_is_v4(a) ? 10 : 16) && !sp_be32(a->b + 12);
}

/* A group is answered by anyone, to the asker, if that has an address, or to a group. Who was asked alone answers
 * himself, wherever the asker wants that: a relay may ask from another address than the one that it names. */
static bool fits(const struct sp_flow *asker, unsigned asks, const struct sp_flow *f, unsigned answers)
{
	const struct sp_addr *who = address(asker, asks), *asked = address(asker, !asks);
	const struct sp_addr *from = address(f, answers), *to = address(f, !answers);
	if (!is_group(asked))
		return sp_addr_eq(from, asked);
	if (sp_addr_is_v4(from) != sp_addr_is_v4(who))
		return false; /* maybe the asker himself */
	return is_unspecified(who) || is_group(to) || sp_addr_eq(to, who);
}

/* --- the table --- */

static bool has_port(const uint16_t *ports, uint16_t a, uint16_t b)
{
	while (*ports && *ports != a && *ports != b)
		ports++;
	return *ports;
}

bool sp_elsewhere_concerns(const struct sp_talk *t)
{
	const uint16_t *ports = t->d->parser->elsewhere;
	return SP_UNLIKELY(ports) && t->f->proto == SP_PROTO_UDP && has_port(ports, t->f->lo_port, t->f->hi_port);
}

static uint64_t key_of(const struct sp_talk *t, uint16_t asking, uint16_t asked, uint64_t id)
{
	uint64_t where = (uint64_t)t->f->space << 32 | (uint32_t)asking << 16 | asked;
	uint64_t h = sp_hash_mix(id ^ SP_HASH_K0, where ^ SP_HASH_K1);
	return sp_hash_mix(h ^ t->d->parser->app, SP_HASH_K0) | 1;
}

static struct sp_elsewhere_entry *bucket(const struct sp_talk *t, uint64_t key)
{
	return &t->ft->l7->elsewhere.entry[(key >> 32) % (ENTRIES / WAYS) * WAYS];
}

/* Where a request's entry goes: over its own, else over the one that is over first. */
static struct sp_elsewhere_entry *place_for(struct sp_elsewhere_entry *b, uint64_t key, uint32_t flow)
{
	struct sp_elsewhere_entry *best = b;
	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].key == key && b[i].flow == flow)
			return &b[i];
		if (!b[i].key)
			b[i].until_ns = 0;
		if (b[i].until_ns < best->until_ns)
			best = &b[i];
	}
	return best;
}

void sp_elsewhere_asked(struct sp_talk *t, unsigned side, uint64_t id, uint64_t until_ns)
{
	uint64_t key = key_of(t, port(t->f, side), port(t->f, !side), id);
	uint32_t flow = (uint32_t)(t->f - t->ft->flow);
	struct sp_elsewhere_entry *e = place_for(bucket(t, key), key, flow);
	if (e->key && e->until_ns > t->ns && (e->key != key || e->flow != flow))
		t->ft->stats.l7_elsewhere_exceeded++;
	*e = (struct sp_elsewhere_entry){key, until_ns, flow, side};
}

struct sp_elsewhere_entry *sp_elsewhere_next(const struct sp_talk *t, unsigned side, uint64_t id,
					     struct sp_elsewhere_entry *e, struct sp_talk *asker)
{
	uint64_t key = key_of(t, port(t->f, !side), port(t->f, side), id);
	struct sp_elsewhere_entry *first = bucket(t, key);
	for (e = e ? e + 1 : first; e < first + WAYS; e++) {
		struct sp_flow *f = &t->ft->flow[e->flow];
		if (e->key != key || e->until_ns < t->ns || f == t->f || f->state == SP_FLOW_FREE ||
		    !fits(f, e->side, t->f, side))
			continue;
		if ((f->more & (SP_L7_DIALOG | SP_L7_DONE)) != SP_L7_DIALOG)
			continue;
		*asker = sp_l7_talk(t->ft, f, t->ns);
		if (asker->d->parser == t->d->parser)
			return e;
	}
	return NULL;
}
