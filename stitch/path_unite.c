/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose sequence numbers were rewritten on the way: their calls may have told how (offset.c). Else one
 * number that stayed, the client's end, or its port and how much was said, make one path of two that ended; when there
 * are several that fit, none is taken. */
#include "stitch/path_priv.h"

/* Two legs: how sure it is that they are one connection, 0: nothing says so; below: they are not. */
enum { NOT = -1 };

static bool same_client(const struct sp_leg *a, const struct sp_leg *b)
{
	return a->client_port == b->client_port && sp_addr_eq(&a->client_ip, &b->client_ip);
}

static bool same_server(const struct sp_leg *a, const struct sp_leg *b)
{
	return a->server_port == b->server_port && sp_addr_eq(&a->server_ip, &b->server_ip);
}

/* Nothing that would have been counted twice, or not at all. */
static bool is_exact(const struct sp_leg *l)
{
	return !(l->retrans[0] | l->retrans[1] | l->hole_filled[0] | l->hole_filled[1]) && !(l->bits & SP_LEG_GAP);
}

static bool said_the_same(const struct sp_leg *a, const struct sp_leg *b)
{
	return a->payload[0] == b->payload[0] && a->payload[1] == b->payload[1];
}

static int alike_legs(const struct sp_leg *a, const struct sp_leg *b)
{
	uint64_t apart = a->start_ns > b->start_ns ? a->start_ns - b->start_ns : b->start_ns - a->start_ns;
	bool exact = is_exact(a) && is_exact(b), same = said_the_same(a, b);
	if (a->point == b->point || apart > SP_HANDSHAKES_APART || (exact && !same))
		return NOT;
	bool servers = a->bits & b->bits & SP_LEG_ISN_SERVER;
	bool client_kept = a->isn_client == b->isn_client && a->isn_client >= SP_CHOSEN_ISN;
	bool server_kept = servers && a->isn_server == b->isn_server && a->isn_server >= SP_CHOSEN_ISN;
	if (client_kept || server_kept)
		return 95;
	same &= a->payload[0] && a->payload[1];
	if (same_client(a, b))
		return same ? 90 : 80;
	if (!same || a->client_port != b->client_port)
		return 0;
	return same_server(a, b) ? 70 : 60;
}

static int alike(const struct sp_paths *p, uint32_t h, uint32_t x)
{
	int best = 0;
	if (p->path[x].open || p->path[h].n + p->path[x].n > SP_PATH_LEGS_MAX)
		return 0;
	for (uint32_t n = p->path[h].first; n; n = p->leg[n].next)
		for (uint32_t m = p->path[x].first; m; m = p->leg[m].next) {
			int c = alike_legs(&p->leg[n], &p->leg[m]);
			if (c == NOT)
				return 0;
			best = SP_MAX(best, c);
		}
	return best;
}

struct best {
	uint32_t path;
	int confidence;
	unsigned equals;
};

static void consider(const struct sp_paths *p, uint32_t h, uint32_t x, struct best *best)
{
	int c = x == h || x == best->path ? 0 : alike(p, h, x);
	if (!c || c < best->confidence)
		return;
	best->equals = c == best->confidence ? best->equals + 1 : 1;
	best->confidence = c;
	best->path = x;
}

/* 0: none, or several. */
static uint32_t most_alike(struct sp_paths *p, uint32_t h, int *confidence)
{
	struct best best = {0};
	unsigned looked = 0;
	for (uint32_t x = p->by_port[p->path[h].port]; x && looked++ < SP_CHAIN_MAX; x = p->path[x].port_next)
		consider(p, h, x, &best);
	for (uint32_t x = *sp_path_bucket(p, p->path[h].isn_client); x && looked++ < 2 * SP_CHAIN_MAX;
	     x = p->path[x].next)
		consider(p, h, x, &best);
	*confidence = best.confidence;
	return best.equals == 1 ? best.path : 0;
}

/* The path with a leg of these numbers. */
static uint32_t with_numbers(struct sp_paths *p, uint32_t not, uint32_t isn_client, uint32_t isn_server)
{
	unsigned looked = 0;
	for (uint32_t x = *sp_path_bucket(p, isn_client); x && looked++ < SP_CHAIN_MAX; x = p->path[x].next)
		for (uint32_t m = p->path[x].first; m && x != not ; m = p->leg[m].next) {
			const struct sp_leg *l = &p->leg[m];
			if (l->isn_client == isn_client && l->bits & SP_LEG_ISN_SERVER && l->isn_server == isn_server)
				return x;
		}
	return 0;
}

/* What calls have told of a leg. */
static uint32_t linked(struct sp_stitch *s, uint32_t h)
{
	struct sp_paths *p = s->paths;
	for (uint32_t n = p->path[h].first; n; n = p->leg[n].next) {
		const struct sp_leg *l = &p->leg[n];
		uint32_t add[2];
		for (unsigned back = 0; back < 2 && l->bits & SP_LEG_ISN_SERVER; back++) {
			bool known = back ? sp_offsets_back(s->offsets, l->point, l->flow_id, add)
					  : sp_offsets_find(s->offsets, l->point, l->flow_id, add);
			uint32_t x = known ? with_numbers(p, h, l->isn_client + add[0], l->isn_server + add[1]) : 0;
			if (x && p->path[h].n + p->path[x].n <= SP_PATH_LEGS_MAX)
				return x;
		}
	}
	return 0;
}

void sp_path_unite(struct sp_stitch *s, uint32_t h)
{
	struct sp_paths *p = s->paths;
	struct path *path = &p->path[h];
	for (uint32_t x;;) {
		int confidence = 95, back;
		if (!(x = linked(s, h)) && (!(x = most_alike(p, h, &confidence)) || most_alike(p, x, &back) != h))
			return;
		path->joined_by = SP_JOIN_TCP_OFFSET;
		path->confidence = (uint8_t)SP_MIN(path->confidence, confidence);
		sp_path_merge(s, h, x);
	}
}
