/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks what. One dispatch for all protocols together: the first byte leaves a set of parsers, the first two the
 * few whose probes are asked. Who is sure has it. Of those that would take it, the one that the server's port was heard
 * to speak before, or that both sides' bytes suit, or that is at home on the port; else more bytes are waited for. */
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "flowtable/flowtable_priv.h"

enum { TRIES_MAX = 8 };

/* Place in l7->by_first. */
static unsigned transport_of(const struct sp_talk *t)
{
	return (unsigned)__builtin_ctz(sp_l7_transport(t->f));
}

void sp_identify_init(struct sp_l7 *l7)
{
	static const uint8_t transport[3] = {SP_TCP, SP_UDP, SP_ICMP};
	for (unsigned i = 0; sp_parsers[i]; i++) {
		const struct sp_parser *p = sp_parsers[i];
		assert(i < SP_L7_PARSERS_MAX && p->app < SP_APP_MAX);
		l7->parser[i] = p;
		l7->index[p->app] = (uint8_t)i;
		if (!(l7->conf.protocols >> i & 1))
			continue;
		for (unsigned t = 0; t < 3; t++) {
			if (!(p->transports & transport[t]))
				continue;
			for (const struct sp_start *s = p->starts; s->sides; s++)
				for (unsigned b = 0; b < 256; b++)
					if ((b & s->mask >> 8) == s->value >> 8)
						l7->by_first[t][b] |= UINT64_C(1) << i;
		}
	}
}

/* --- what servers were heard to speak --- */

static uint64_t server_key(const struct sp_talk *t, unsigned side)
{
	const struct sp_flow *f = t->f;
	struct sp_flow_key key = {.lo = side ? f->hi : f->lo,
				  .lo_port = side ? f->hi_port : f->lo_port,
				  .space = f->space,
				  .proto = f->proto};
	return sp_flow_key_hash(&key, t->l7->hash_key) | 1;
}

void sp_identify_learn(struct sp_talk *t)
{
	struct sp_l7 *l7 = t->l7;
	uint64_t key = server_key(t, !t->d->client);
	l7->server[key >> 1 & (SP_L7_SERVERS - 1)] =
		(struct sp_l7_server){.key = key, .until_ns = t->ns + l7->conf.server_ttl, .app = t->d->parser->app};
}

void sp_identify_forget(struct sp_talk *t)
{
	struct sp_l7 *l7 = t->l7;
	uint64_t key = server_key(t, !t->d->client);
	struct sp_l7_server *s = &l7->server[key >> 1 & (SP_L7_SERVERS - 1)];
	if (s->key == key && t->d->parser && s->app == t->d->parser->app)
		s->key = 0;
}

/* The endpoint of that side is known as a server of this. NULL: not known. */
static const struct sp_parser *known(const struct sp_talk *t, unsigned side)
{
	const struct sp_l7 *l7 = t->l7;
	uint64_t key = server_key(t, side);
	const struct sp_l7_server *s = &l7->server[key >> 1 & (SP_L7_SERVERS - 1)];
	return s->key == key && t->ns <= s->until_ns ? l7->parser[l7->index[s->app]] : NULL;
}

/* --- first bytes --- */

static bool may_start(const struct sp_parser *parser, struct sp_slice in, unsigned sides)
{
	uint16_t first = (uint16_t)(in.p[0] << 8 | (in.n > 1 ? in.p[1] : 0));
	for (const struct sp_start *s = parser->starts; s->sides; s++)
		if ((s->sides & sides) && (first & s->mask) == s->value)
			return true;
	return false;
}

static bool is_at_home(const struct sp_parser *parser, uint16_t port)
{
	for (const uint16_t *p = parser->ports; p && *p; p++)
		if (*p == port)
			return true;
	return false;
}

static bool take(struct sp_talk *t, unsigned side, const struct sp_parser *parser, bool reversed)
{
	if (!sp_dialog_take(t, parser)) {
		t->ft->stats.l7_memory_exceeded++;
		sp_l7_give_up(t, SP_APP_LIMIT_MEMORY);
		return false;
	}
	if (t->d->bits & SP_DIALOG_TCP)
		t->d->stream[side].bits &= (uint8_t)~SP_STREAM_RESYNC;
	if (reversed)
		sp_dialog_turn(t);
	return true;
}

/* One of several that would take it, when there is a reason. Next to no bytes are none, nor is anything but a probe
 * that is sure when a guess was wrong before. */
static const struct sp_parser *settle(const struct sp_talk *t, unsigned side, size_t n, uint64_t maybe)
{
	enum { SAID_MIN = 8 };
	const struct sp_l7 *l7 = t->l7;
	const struct sp_dialog *d = t->d;
	bool tcp = d->bits & SP_DIALOG_TCP;
	uint16_t port = d->client ? t->f->lo_port : t->f->hi_port;
	const struct sp_parser *heard = known(t, !d->client);
	if (d->limits & SP_APP_LIMIT_GUESS)
		return NULL;
	if (heard && maybe >> l7->index[heard->app] & 1)
		return heard;
	if (tcp && n < SAID_MIN)
		return NULL;
	uint64_t both = tcp && d->stream[!side].carry_n < SAID_MIN ? 0 : maybe & d->maybe[!side];
	if (both && !(both & (both - 1)))
		return l7->parser[__builtin_ctzll(both)];
	for (uint64_t m = maybe; m; m &= m - 1)
		if (is_at_home(l7->parser[__builtin_ctzll(m)], port))
			return l7->parser[__builtin_ctzll(m)];
	return NULL;
}

/* Asks everyone whose beginning this may be. True: somebody is sure, and has it. */
static bool ask_all(struct sp_talk *t, unsigned side, struct sp_slice in, bool last, unsigned sides, uint64_t *maybe)
{
	struct sp_l7 *l7 = t->l7;
	uint64_t candidates = l7->by_first[transport_of(t)][in.p[0]];
	for (; candidates; candidates &= candidates - 1) {
		unsigned i = (unsigned)__builtin_ctzll(candidates);
		const struct sp_parser *parser = l7->parser[i];
		if (!may_start(parser, in, sides))
			continue;
		sp_l7_aim(&l7->parse, t->f, sp_l7_transport(t->f), t->d->client, side, last, false);
		l7->parse.in = in;
		enum sp_probe probe = parser->probe(&l7->parse);
		if (probe == SP_PROBE_YES) {
			bool reversed = l7->parse.reversed;
			t->d->bits |= SP_DIALOG_SURE;
			take(t, side, parser, reversed);
			return true;
		}
		if (probe == SP_PROBE_MAYBE)
			*maybe |= UINT64_C(1) << i;
	}
	return false;
}

enum sp_probe sp_identify_look(struct sp_l7 *l7, const struct sp_flow *f, unsigned side, struct sp_slice in)
{
	unsigned client = sp_flow_client(f), role = side == client ? SP_CLIENT : SP_SERVER;
	uint64_t candidates = l7->by_first[0][in.p[0]];
	enum sp_probe most = SP_PROBE_NO;
	struct sp_parse *p = &l7->parse;
	for (; candidates && most != SP_PROBE_YES; candidates &= candidates - 1) {
		const struct sp_parser *parser = l7->parser[__builtin_ctzll(candidates)];
		if (!may_start(parser, in, 1U << role))
			continue;
		sp_l7_aim(p, f, SP_TCP, client, side, false, false);
		p->in = in;
		enum sp_probe probe = parser->probe(p);
		most = SP_MAX(most, probe);
	}
	return most;
}

/* Nobody is sure of a datagram, but one and the same parser would have had so many in a row. */
static const struct sp_parser *persistent(struct sp_talk *t, unsigned side, uint64_t maybe)
{
	enum { ENOUGH = 6 };
	struct sp_dialog *d = t->d;
	bool goes_on = d->maybe[side] & maybe || (!d->maybe[side] && d->maybe[!side] & maybe);
	d->messages = goes_on ? d->messages + 1 : 0;
	d->maybe[side] = goes_on && d->maybe[side] ? d->maybe[side] & maybe : maybe;
	uint64_t one = d->maybe[side];
	return d->messages >= ENOUGH && !(one & (one - 1)) ? t->l7->parser[__builtin_ctzll(one)] : NULL;
}

/* In the middle of a message of what this server is known for? */
static bool take_known(struct sp_talk *t, unsigned side)
{
	const struct sp_parser *parser = known(t, !t->d->client);
	if (!parser || !parser->resync || !take(t, side, parser, false))
		return false;
	t->d->stream[0].bits |= SP_STREAM_RESYNC;
	t->d->stream[1].bits |= SP_STREAM_RESYNC;
	return true;
}

/* Of datagrams that nobody wanted: their dialog was given back each time. */
static bool had_enough(const struct sp_flow *f)
{
	return f->bits & SP_FLOW_REPORTED || f->dir[0].packets + f->dir[1].packets >= TRIES_MAX;
}

/* After enough tries this side could still be somebody's, but what the other said is nobody's: then so is this, and
 * something else may begin behind it, soon. */
static bool both_nobodys(struct sp_talk *t, unsigned side)
{
	struct sp_dialog *d = t->d;
	const struct sp_flow *f = t->f;
	if (!(d->bits & SP_DIALOG_TCP) || !(d->stream[!side].bits & SP_STREAM_RESYNC) || d->maybe[!side] ||
	    f->bits & SP_FLOW_REPORTED || f->dir[0].packets + f->dir[1].packets >= SP_L7_LOOK_PACKETS)
		return false;
	d->maybe[side] = 0;
	d->tries = TRIES_MAX - 1;
	return true;
}

bool sp_identify(struct sp_talk *t, unsigned side, struct sp_slice in, bool last)
{
	struct sp_dialog *d = t->d;
	bool tcp = d->bits & SP_DIALOG_TCP;
	/* Nobody knows who began a connection that was joined in the middle. */
	bool unsure = tcp && !((t->f->dir[0].bits | t->f->dir[1].bits) & SP_DIR_ISN);
	unsigned both = SP_FROM_CLIENT | SP_FROM_SERVER;
	uint64_t maybe = 0;
	if (ask_all(t, side, in, last, unsure || !tcp ? both : 1U << sp_role(t, side), &maybe))
		return d->parser != NULL;
	const struct sp_parser *parser = settle(t, side, in.n, maybe);
	if (!parser && !tcp)
		parser = persistent(t, side, maybe);
	if (parser)
		return take(t, side, parser, false);
	if (tcp)
		d->maybe[side] = maybe;
	bool wanted = d->maybe[0] | d->maybe[1];
	bool over = ++d->tries >= TRIES_MAX || (tcp ? last && !unsure : !wanted && had_enough(t->f));
	if (unsure && (over || (!wanted && d->tries > 2)) && take_known(t, side))
		return true;
	if (over && (unsure || !both_nobodys(t, side)))
		sp_l7_give_up(t, 0);
	return false;
}
