/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connection died: what of its handshake one point saw and the next one did not, and between which points a
 * reset was made. Points see what reaches them: what was lost behind the last one that saw it was lost on the way to
 * the one where connections like it usually come next, which is learned from those that were answered. */
#include "flowtable/tcp.h"
#include "stitch/stitch_priv.h"

/* --- what usually comes next --- */

static uint64_t key_of_server(const struct sp_leg *l)
{
	uint64_t h = (uint64_t)l->point << 32 | (uint64_t)l->server_port << 16 | l->n_tunnel;
	return sp_hash_mix(h ^ sp_load64(l->server_ip.b), sp_load64(l->server_ip.b + 8) ^ SP_HASH_K0) | 1;
}

/* What goes to a server that was not seen before goes the way of the others. */
static uint64_t key_of_point(const struct sp_leg *l)
{
	return sp_key((uint64_t)l->point << 8 | l->n_tunnel, 1);
}

static void learn(struct sp_usual *u, const struct sp_path *path)
{
	for (unsigned i = 0; i < path->n_legs; i++) {
		uint16_t point = i + 1 < path->n_legs ? path->leg[i + 1]->point : SP_NOWHERE;
		sp_usual_vote(u, key_of_server(path->leg[i]), point);
		sp_usual_vote(u, key_of_point(path->leg[i]), point);
	}
}

static struct sp_where at_leg(const struct sp_path *path, unsigned i)
{
	return (struct sp_where){SP_WHERE_POINT, path->leg[i]->point};
}

/* A point that the latest answered connection did not reach either may see nothing at all. */
static struct sp_where behind_last(struct sp_usual *u, const struct sp_path *path)
{
	const struct sp_leg *last = path->leg[path->n_legs - 1];
	const uint64_t key[2] = {key_of_server(last), key_of_point(last)};
	for (unsigned k = 0; k < 2; k++) {
		uint16_t point;
		bool doubted;
		if (!sp_usual_next(u, key[k], &doubted, &point))
			continue;
		return doubted		     ? (struct sp_where){SP_WHERE_UNKNOWN, 0}
		       : point == SP_NOWHERE ? (struct sp_where){SP_WHERE_SERVER, 0}
					     : (struct sp_where){SP_WHERE_POINT, point};
	}
	return (struct sp_where){SP_WHERE_UNKNOWN, 0};
}

/* --- the handshake --- */

static bool answered(const struct sp_leg *l)
{
	return l->bits & SP_LEG_ISN_SERVER;
}

static void lost(struct sp_path *path, enum sp_path_packet what, struct sp_where from, struct sp_where to)
{
	path->lost_at = (struct sp_path_event){(uint8_t)what, what == SP_PATH_SYN_ACK, from, to};
}

/* Nobody saw an answer; a refusal is one. */
static void syn_lost(struct sp_usual *u, struct sp_path *path)
{
	for (unsigned i = 0; i < path->n_legs; i++)
		if (path->leg[i]->packets[1] || path->leg[i]->flags[0] & SP_TCP_ACK)
			return;
	lost(path, SP_PATH_SYN, at_leg(path, path->n_legs - 1), behind_last(u, path));
}

/* The points on the client's side saw nothing but its SYN. */
static void syn_ack_lost(struct sp_path *path, unsigned first)
{
	for (unsigned i = 0; i < path->n_legs; i++)
		if (i < first ? path->leg[i]->packets[1] || path->leg[i]->flags[0] & SP_TCP_ACK
			      : !answered(path->leg[i]))
			return;
	lost(path, SP_PATH_SYN_ACK, at_leg(path, first), at_leg(path, first - 1));
}

/* The client went on, the server never heard of it. */
static void ack_lost(struct sp_path *path)
{
	unsigned n = 0;
	while (n < path->n_legs && path->leg[n]->flags[0] & SP_TCP_ACK)
		n++;
	if (!n || n == path->n_legs)
		return;
	for (unsigned i = n; i < path->n_legs; i++)
		if (path->leg[i]->flags[0] & ~SP_TCP_SYN || path->leg[i]->flags[1] & SP_TCP_RST)
			return;
	lost(path, SP_PATH_ACK, at_leg(path, n - 1), at_leg(path, n));
}

static void handshake(struct sp_usual *u, struct sp_path *path)
{
	unsigned first = 0;
	while (first < path->n_legs && !answered(path->leg[first]))
		first++;
	if (first == path->n_legs)
		syn_lost(u, path);
	else if (first)
		syn_ack_lost(path, first);
	else
		ack_lost(path);
}

/* --- resets --- */

/* A connection that both ends had closed is forgotten at one point sooner than at another. */
static bool may_have_missed_it(const struct sp_leg *l)
{
	return l->bits & SP_LEG_GAP || l->flags[0] & l->flags[1] & SP_TCP_FIN;
}

/* A reset has been where it was seen, and comes from beyond. True: it was made by neither end. */
static bool reset_by(struct sp_usual *u, const struct sp_path *path, unsigned s2c, struct sp_path_event *event)
{
	unsigned i = 0, end = path->n_legs;
	while (i < end && !(path->leg[s2c ? end - 1 - i : i]->flags[s2c] & SP_TCP_RST))
		i++;
	if (i == end)
		return false;
	unsigned at = s2c ? end - 1 - i : i;
	*event = (struct sp_path_event){SP_PATH_RST, (uint8_t)s2c, {0}, at_leg(path, at)};
	if (!i) {
		if (!s2c && path->leg[0]->close_reason == SP_CLOSE_CLIENT_RST_AFTER_RESPONSE)
			return false; /* it had what it wanted */
		event->from = s2c ? behind_last(u, path) : (struct sp_where){SP_WHERE_CLIENT, 0};
		return event->from.kind == SP_WHERE_POINT;
	}
	unsigned before = s2c ? at + 1 : at - 1;
	if (may_have_missed_it(path->leg[before]))
		return false;
	event->from = at_leg(path, before);
	return true;
}

/* Ends that get one from between answer what still comes with resets of their own: these say nothing. */
static void resets(struct sp_usual *u, struct sp_path *path)
{
	struct sp_path_event event[2] = {0};
	bool forged[2];
	for (unsigned s2c = 0; s2c < 2; s2c++)
		forged[s2c] = reset_by(u, path, s2c, &event[s2c]);
	bool any = forged[0] || forged[1];
	for (unsigned s2c = 0; s2c < 2; s2c++)
		if (any ? forged[s2c] : event[s2c].from.kind != SP_WHERE_UNKNOWN)
			path->rst[path->n_rst++] = event[s2c];
}

void sp_verdict(struct sp_usual *u, struct sp_path *path)
{
	path->lost_at = (struct sp_path_event){0};
	path->n_rst = 0;
	handshake(u, path);
	resets(u, path);
	if (path->lost_at.what == SP_PATH_NOTHING && !path->n_rst && answered(path->leg[path->n_legs - 1]))
		learn(u, path);
}

bool sp_path_died_between(const struct sp_path *path)
{
	bool between = path->lost_at.to.kind == SP_WHERE_POINT;
	for (unsigned i = 0; i < path->n_rst; i++)
		between |= path->rst[i].from.kind == SP_WHERE_POINT;
	return between;
}
