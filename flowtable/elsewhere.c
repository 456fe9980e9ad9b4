/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/elsewhere.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "flowtable/calls_priv.h"

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

bool sp_elsewhere_concerns(const struct sp_flow *f, const struct sp_parser *parser)
{
	const uint16_t *port = parser->elsewhere;
	while (port && *port && *port != f->lo_port && *port != f->hi_port)
		port++;
	return port && *port && f->proto == SP_PROTO_UDP;
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

/* --- answers --- */

/* Flows where a call may be open that a message of `side` of this one answers. */
struct search {
	uint64_t key;
	const struct sp_elsewhere_entry *end;
	struct sp_elsewhere_entry *e; /* the next one to be looked at */
	struct sp_talk asker;
};

static void begin(struct search *s, const struct sp_talk *t, unsigned side, uint64_t id)
{
	s->key = key_of(t, port(t->f, !side), port(t->f, side), id);
	s->e = bucket(t, s->key);
	s->end = s->e + WAYS;
}

/* Its call is open there, if any is. */
static bool is_asker(const struct sp_talk *t, unsigned side, const struct search *s)
{
	const struct sp_flow *f = &t->ft->flow[s->e->flow];
	return s->e->key == s->key && s->e->until_ns >= t->ns && f != t->f && f->state != SP_FLOW_FREE &&
	       (f->more & (SP_L7_DIALOG | SP_L7_DONE)) == SP_L7_DIALOG && fits(f, s->e->side, t->f, side);
}

/* The next open call, in the flow `asker`; 0: there is no other. */
static uint32_t next(struct search *s, const struct sp_talk *t, unsigned side, uint64_t id)
{
	uint32_t h = 0;
	for (; !h && s->e < s->end; s->e++) {
		if (!is_asker(t, side, s))
			continue;
		s->asker = sp_talk_of(t->ft, &t->ft->flow[s->e->flow], t->ns);
		if (s->asker.d->parser == t->d->parser)
			h = sp_calls_find(&s->asker, id, !sp_role(&s->asker, s->e->side));
	}
	return h;
}

bool sp_elsewhere_knows(const struct sp_talk *t, unsigned side, uint64_t id, uint32_t *tag)
{
	struct search s;
	begin(&s, t, side, id);
	uint32_t h = next(&s, t, side, id);
	if (h)
		*tag = sp_call_at(t, h)->tag;
	return h;
}

bool sp_elsewhere_answer(struct sp_talk *t, unsigned side, const struct sp_msg *m, const struct sp_place *at)
{
	struct sp_elsewhere *x = &t->ft->l7->elsewhere;
	struct search s;
	bool any = false;
	uint32_t h;
	x->from = t->f;
	x->side = side;
	begin(&s, t, side, m->id);
	while ((h = next(&s, t, side, m->id))) {
		s.e[-1].key = 0;
		sp_calls_answer(&s.asker, h, m, at);
		t->ft->stats.l7_elsewhere++;
		any = true;
	}
	return any;
}
