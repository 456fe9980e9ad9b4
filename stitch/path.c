/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over several points: flows that begin with the same two sequence numbers, whatever their addresses are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "flowtable/tcp.h"
#include "parsers/link/proto.h"
#include "stitch/path_priv.h"

int sp_paths_new(struct sp_paths **ret, const struct sp_stitch *s, uint64_t memory)
{
	struct sp_paths *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*ret = p;
	p->n = (uint32_t)SP_MIN(memory / (sizeof(struct sp_leg) + sizeof(struct path) + 2 * sizeof(uint32_t)) + 16,
				(uint64_t)UINT32_MAX);
	for (p->n_buckets = 16; p->n_buckets < p->n;)
		p->n_buckets *= 2;
	p->leg = sp_mem_map((size_t)p->n * sizeof *p->leg, 0);
	p->path = sp_mem_map((size_t)p->n * sizeof *p->path, 0);
	p->bucket = sp_mem_map((size_t)p->n_buckets * sizeof *p->bucket, 0);
	p->fresh_leg = p->fresh_path = 1;
	return p->leg && p->path && p->bucket ? 0 : -ENOMEM;
}

void sp_paths_free(struct sp_paths *p)
{
	if (!p)
		return;
	sp_mem_unmap(p->leg, (size_t)p->n * sizeof *p->leg);
	sp_mem_unmap(p->path, (size_t)p->n * sizeof *p->path);
	sp_mem_unmap(p->bucket, (size_t)p->n_buckets * sizeof *p->bucket);
	free(p);
}

/* --- legs --- */

static void put_tunnels(struct sp_leg *leg, const struct sp_flow_record *r)
{
	if (!sp_flow_record_has_layers(r))
		return;
	leg->n_vlan = (uint8_t)SP_MIN(r->layers.n_vlan, SP_LAYERS_MAX);
	memcpy(leg->vlan, r->layers.vlan, sizeof leg->vlan);
	unsigned n = SP_MIN(r->layers.n_tunnel, SP_LAYERS_MAX);
	leg->n_tunnel = (uint8_t)SP_MIN(n, SP_ARRAY_SIZE(leg->tunnel));
	memcpy(leg->tunnel, r->layers.tunnel + n - leg->n_tunnel, leg->n_tunnel * sizeof *leg->tunnel);
}

static void leg_begin(struct sp_leg *leg, const struct sp_flow_record *r)
{
	*leg = (struct sp_leg){
		.flow_id = r->flow_id,
		.start_ns = r->start_ns,
		.client_ip = r->client_ip,
		.server_ip = r->server_ip,
		.client_port = r->client_port,
		.server_port = r->server_port,
		.point = r->point,
		.isn_client = r->isn_client,
		.isn_server = r->isn_server,
		.ttl = {r->ttl_c2s, r->ttl_s2c},
		.bits = (uint8_t)((r->has_isn_client ? SP_LEG_ISN_CLIENT : 0) |
				  (r->has_isn_server ? SP_LEG_ISN_SERVER : 0)),
	};
	put_tunnels(leg, r);
}

/* Reports of intervals add up. */
static void leg_add(struct sp_leg *leg, const struct sp_flow_record *r)
{
	leg->end_ns = r->end_ns;
	leg->app = r->app_proto;
	leg->packets[0] += r->packets_c2s;
	leg->packets[1] += r->packets_s2c;
	leg->bytes[0] += r->bytes_c2s;
	leg->bytes[1] += r->bytes_s2c;
	leg->payload[0] += r->payload_bytes_c2s;
	leg->payload[1] += r->payload_bytes_s2c;
	leg->retrans[0] += r->retrans_c2s;
	leg->retrans[1] += r->retrans_s2c;
	leg->hole_filled[0] += r->hole_filled_c2s;
	leg->hole_filled[1] += r->hole_filled_s2c;
	leg->flags[0] |= r->tcp_flags_c2s;
	leg->flags[1] |= r->tcp_flags_s2c;
	leg->requests += r->requests;
	leg->request_errors += r->request_errors;
	leg->bits |= r->capture_gap ? SP_LEG_GAP : 0;
	leg->close_reason = r->close_reason;
	leg->failure = r->failure;
	if (r->has_rtt_client) {
		leg->rtt_client_us = r->rtt_client_us;
		leg->bits |= SP_LEG_RTT_CLIENT;
	}
	if (r->has_rtt_server) {
		leg->rtt_server_us = r->rtt_server_us;
		leg->bits |= SP_LEG_RTT_SERVER;
	}
	if (r->close_reason != SP_CLOSE_ACTIVE)
		leg->bits |= SP_LEG_ENDED;
}

/* --- which path --- */

/* How many ends two legs have in common. */
static unsigned same_ends(const struct sp_leg *a, const struct sp_flow_record *r)
{
	bool client = a->client_port == r->client_port && sp_addr_eq(&a->client_ip, &r->client_ip);
	bool server = a->server_port == r->server_port && sp_addr_eq(&a->server_ip, &r->server_ip);
	return (unsigned)client + server;
}

/* A handshake that failed at one point at least has one number there: the chance that another one has the same is less
 * than that of a translation, whose ends are others. */
static bool failed_early(const struct sp_leg *a, const struct sp_flow_record *r)
{
	return a->point != r->point && ((!(a->bits & SP_LEG_ISN_SERVER) && !(a->flags[0] & SP_TCP_ACK)) ||
					(!r->has_isn_server && !(r->tcp_flags_c2s & SP_TCP_ACK)));
}

/* Two random numbers are enough. One of them needs an end in common, or that there was no other; numbers that somebody
 * chose need both ends. */
static bool fits(const struct sp_leg *a, const struct sp_flow_record *r)
{
	bool both = a->bits & SP_LEG_ISN_SERVER && r->has_isn_server;
	uint64_t apart = a->start_ns > r->start_ns ? a->start_ns - r->start_ns : r->start_ns - a->start_ns;
	if (both && a->isn_server != r->isn_server)
		return false;
	if (apart > (a->point == r->point ? SP_NS_PER_SEC : SP_HANDSHAKES_APART))
		return false;
	if (r->isn_client < SP_CHOSEN_ISN || (both && r->isn_server < SP_CHOSEN_ISN))
		return same_ends(a, r) == 2;
	return both || same_ends(a, r) || failed_early(a, r);
}

/* The path of a flow, and its leg there when it was reported before. */
static uint32_t find(struct sp_paths *p, const struct sp_flow_record *r, uint32_t *leg)
{
	uint32_t found = 0, looked = 0;
	*leg = 0;
	for (uint32_t h = *sp_path_bucket(p, r->isn_client); h && looked++ < SP_CHAIN_MAX; h = p->path[h].next) {
		bool fit = p->path[h].isn_client == r->isn_client && p->path[h].n < SP_PATH_LEGS_MAX;
		for (uint32_t n = p->path[h].first; n; n = p->leg[n].next) {
			const struct sp_leg *l = &p->leg[n];
			if (l->flow_id == r->flow_id && l->point == r->point) {
				*leg = n;
				return h;
			}
			fit &= fits(l, r);
		}
		if (fit && !found)
			found = h;
	}
	return found;
}

/* --- the list of those that have ended --- */

static void list_remove(struct sp_paths *p, uint32_t h)
{
	struct path *path = &p->path[h];
	if (!path->listed)
		return;
	if (path->older)
		p->path[path->older].newer = path->newer;
	else
		p->oldest = path->newer;
	if (path->newer)
		p->path[path->newer].older = path->older;
	else
		p->newest = path->older;
	path->listed = false;
}

static void list_append(struct sp_stitch *s, uint32_t h)
{
	struct sp_paths *p = s->paths;
	struct path *path = &p->path[h];
	list_remove(p, h);
	path->ended_ns = s->now_ns;
	path->older = p->newest;
	path->newer = 0;
	if (p->newest)
		p->path[p->newest].newer = h;
	else
		p->oldest = h;
	p->newest = h;
	path->listed = true;
}

static void leave_port(struct sp_paths *p, const struct path *path)
{
	if (path->port_back)
		p->path[path->port_back].port_next = path->port_next;
	else
		p->by_port[path->port] = path->port_next;
	if (path->port_next)
		p->path[path->port_next].port_back = path->port_back;
}

static void forget(struct sp_stitch *s, uint32_t h)
{
	struct sp_paths *p = s->paths;
	struct path *path = &p->path[h];
	list_remove(p, h);
	leave_port(p, path);
	if (path->back)
		p->path[path->back].next = path->next;
	else
		*sp_path_bucket(p, path->isn_client) = path->next;
	if (path->next)
		p->path[path->next].back = path->back;
	for (uint32_t n = path->first, next; n; n = next) {
		next = p->leg[n].next;
		sp_losses_drop(s, &p->leg[n]);
		p->leg[n].next = p->free_leg;
		p->free_leg = n;
	}
	path->used = false;
	path->next = p->free_path;
	p->free_path = h;
}

/* What orders calls orders connections: the handshake's way to the server and back shrinks, too. */
static struct sp_span as_span(const struct sp_leg *leg)
{
	return (struct sp_span){
		.flow_id = leg->flow_id,
		.start_ns = leg->start_ns,
		.server_ip = leg->server_ip,
		.server_port = leg->server_port,
		.point = leg->point,
		.depth = leg->n_tunnel,
		.rrt_us = leg->rtt_server_us,
		.ttl_c2s = leg->ttl[0],
		.ttl_s2c = leg->ttl[1],
		.bits = leg->bits & SP_LEG_RTT_SERVER ? SP_SPAN_RRT : 0,
	};
}

/* From each handshake once: when it is known, of all legs of a path that are. */
static void learn_order(struct sp_stitch *s, uint32_t h, const struct sp_leg *leg)
{
	struct sp_span span = as_span(leg);
	for (uint32_t n = s->paths->path[h].first; n && span.bits; n = s->paths->leg[n].next) {
		struct sp_span other = as_span(&s->paths->leg[n]);
		if (&s->paths->leg[n] != leg)
			sp_order_learn(s, &other, &span, SP_ORDER_HANDSHAKES);
	}
}

void sp_path_merge(struct sp_stitch *s, uint32_t h, uint32_t x)
{
	struct sp_paths *p = s->paths;
	struct path *to = &p->path[h], *from = &p->path[x];
	uint32_t *last = &to->first;
	for (uint32_t n = from->first; n; n = p->leg[n].next)
		learn_order(s, h, &p->leg[n]);
	while (*last)
		last = &p->leg[*last].next;
	*last = from->first;
	from->first = 0;
	to->n += from->n;
	to->open += from->open;
	to->losses_known_ns = SP_MAX(to->losses_known_ns, from->losses_known_ns); /* none is told twice */
	forget(s, x);
}

/* --- telling --- */

static void sort_legs(struct sp_stitch *s, struct sp_path *told)
{
	struct sp_span span[SP_PATH_LEGS_MAX];
	const struct sp_span *order[SP_PATH_LEGS_MAX];
	const struct sp_leg *leg[SP_PATH_LEGS_MAX];
	for (unsigned i = 0; i < told->n_legs; i++) {
		span[i] = as_span(told->leg[i]);
		order[i] = &span[i];
	}
	told->unsure = sp_order_sort(s, order, told->n_legs);
	for (unsigned i = 0; i < told->n_legs; i++)
		leg[i] = told->leg[order[i] - span];
	memcpy(told->leg, leg, sizeof leg);
}

/* Of the numbers that the client's side saw. */
static uint64_t path_id(const struct sp_path *told)
{
	unsigned i = 0;
	while (i + 1 < told->n_legs && !(told->leg[i]->bits & SP_LEG_ISN_SERVER))
		i++;
	const struct sp_leg *l = told->leg[told->leg[i]->bits & SP_LEG_ISN_SERVER ? i : 0];
	return sp_key((uint64_t)l->isn_client << 32, l->isn_server);
}

/* What is known of a path until now, in order. */
static struct sp_path *gather(struct sp_stitch *s, const struct path *path)
{
	struct sp_paths *p = s->paths;
	struct sp_path *told = &p->told;
	told->n_legs = 0;
	told->start_ns = UINT64_MAX;
	told->end_ns = 0;
	for (uint32_t n = path->first; n; n = p->leg[n].next) {
		const struct sp_leg *l = &p->leg[n];
		told->leg[told->n_legs++] = l;
		told->start_ns = SP_MIN(told->start_ns, l->start_ns);
		told->end_ns = SP_MAX(told->end_ns, l->end_ns);
	}
	sort_legs(s, told);
	told->joined_by = path->joined_by;
	told->confidence = path->confidence;
	told->id = path_id(told);
	return told;
}

static void tell(struct sp_stitch *s, uint32_t h, bool early)
{
	sp_path_unite(s, h);
	const struct path *path = &s->paths->path[h];
	struct sp_path *told = gather(s, path);
	told->partial = early;
	sp_losses_path(s, told, path->losses_known_ns);
	sp_verdict(s->usual, told);
	/* What one point saw is a path where another one should have seen it. */
	if (told->n_legs > 1 || sp_path_died_between(told)) {
		s->stats.paths++;
		s->stats.paths_early += early;
		if (s->told.path)
			s->told.path(s->told.ctx, told);
	} else {
		s->stats.paths_alone++;
	}
	forget(s, h);
}

/* Of a connection that goes on, when its losses were is not kept until it ends; once all points had time to tell of it.
 */
static void meanwhile(struct sp_stitch *s, struct path *path)
{
	bool any = false;
	for (uint32_t n = path->first; n; n = s->paths->leg[n].next)
		any |= s->paths->leg[n].losses != 0;
	if (any && path->n > 1 && s->now_ns > path->began_ns + s->conf.path_window)
		path->losses_known_ns = sp_losses_meanwhile(s, gather(s, path), path->losses_known_ns);
}

/* --- records --- */

static uint32_t leg_get(struct sp_stitch *s)
{
	struct sp_paths *p = s->paths;
	if (!p->free_leg && p->fresh_leg == p->n && p->oldest)
		tell(s, p->oldest, true);
	uint32_t n = p->free_leg;
	if (n)
		p->free_leg = p->leg[n].next;
	else if (p->fresh_leg < p->n)
		n = p->fresh_leg++;
	return n;
}

/* There are as many of them as legs. */
static uint32_t path_get(struct sp_stitch *s, uint32_t isn_client, uint16_t port)
{
	struct sp_paths *p = s->paths;
	uint32_t h = p->free_path, *head = sp_path_bucket(p, isn_client), *same = &p->by_port[port];
	if (h)
		p->free_path = p->path[h].next;
	else
		h = p->fresh_path++;
	assert(h < p->n);
	p->path[h] = (struct path){.began_ns = s->now_ns,
				   .isn_client = isn_client,
				   .next = *head,
				   .port = port,
				   .port_next = *same,
				   .used = true,
				   .joined_by = SP_JOIN_TCP_SEQ,
				   .confidence = 100};
	if (*same)
		p->path[*same].port_back = h;
	*same = h;
	if (*head)
		p->path[*head].back = h;
	*head = h;
	return h;
}

static bool add_leg(struct sp_stitch *s, const struct sp_flow_record *r, uint32_t *h, uint32_t *n)
{
	struct sp_paths *p = s->paths;
	*n = leg_get(s);
	if (!*n)
		return false;
	uint32_t none;
	*h = find(p, r, &none); /* again: room may have been made of it */
	if (!*h)
		*h = path_get(s, r->isn_client, r->client_port);
	leg_begin(&p->leg[*n], r);
	p->leg[*n].next = p->path[*h].first;
	p->path[*h].first = *n;
	p->path[*h].n++;
	p->path[*h].open++;
	s->stats.legs++;
	return true;
}

void sp_paths_flow(struct sp_stitch *s, const struct sp_flow_record *r)
{
	struct sp_paths *p = s->paths;
	if (r->proto != SP_PROTO_TCP || !r->has_isn_client)
		return;
	uint32_t n, h = find(p, r, &n);
	if (!n && !add_leg(s, r, &h, &n)) {
		s->stats.legs_refused++;
		return;
	}
	struct sp_leg *leg = &p->leg[n];
	uint8_t had = leg->bits;
	leg_add(leg, r);
	if (leg->bits & ~had & SP_LEG_RTT_SERVER)
		learn_order(s, h, leg);
	sp_losses_keep(s, leg, r);
	if (r->close_reason == SP_CLOSE_ACTIVE)
		meanwhile(s, &p->path[h]);
	if (leg->bits & ~had & SP_LEG_ENDED)
		p->path[h].open--;
	if (p->path[h].open)
		list_remove(p, h);
	else
		list_append(s, h);
}

void sp_paths_expire(struct sp_stitch *s)
{
	struct sp_paths *p = s->paths;
	while (p->oldest && p->path[p->oldest].ended_ns + s->conf.path_window < s->now_ns)
		tell(s, p->oldest, false);
}

void sp_paths_end(struct sp_stitch *s)
{
	struct sp_paths *p = s->paths;
	while (p->oldest)
		tell(s, p->oldest, false);
	for (uint32_t h = 1; h < p->fresh_path; h++)
		if (p->path[h].used)
			tell(s, h, false);
}
