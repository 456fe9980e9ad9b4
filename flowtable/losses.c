/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/losses.h"

#include <string.h>

#include "flowtable/flowtable_priv.h"

#define FIRST_ROOM 4

static struct sp_losses *log_of(const struct sp_flowtable *ft, const struct sp_flow_extra *x)
{
	return x->losses ? sp_slab_at(&ft->losses, x->losses) : NULL;
}

/* Room for one more, NULL: there is none. */
static struct sp_losses *log_grow(struct sp_flowtable *ft, struct sp_flow_extra *x)
{
	struct sp_losses *had = log_of(ft, x);
	if (had && had->n < had->room)
		return had;
	uint64_t room = had ? (uint64_t)had->room * 2 : FIRST_ROOM;
	room = SP_MIN(room, ft->conf.loss_events);
	if (had && room <= had->n)
		return NULL;
	uint32_t handle = room ? sp_slab_get(&ft->losses, sizeof *had + room * sizeof *had->loss) : 0;
	if (!handle)
		return NULL;
	struct sp_losses *log = sp_slab_at(&ft->losses, handle);
	log->n = 0;
	if (had) {
		memcpy(log, had, sizeof *had + had->n * sizeof *had->loss);
		sp_slab_put(&ft->losses, x->losses);
	}
	log->room = (uint16_t)room;
	x->losses = handle;
	return log;
}

/* The last new bytes of a side. While none come, copies do not count as such. */
static uint64_t last_new(const struct sp_losses *log, const struct sp_flow *f, unsigned side)
{
	uint64_t last = f->dir[side].data_ns;
	for (unsigned i = log->n; i--;) {
		const struct sp_loss *l = &log->loss[i];
		if (l->s2c != side || l->kind != SP_LOSS_AGAIN)
			continue;
		return l->ns + l->after_us * SP_NS_PER_US + SP_NS_PER_US > last ? l->ns : last;
	}
	return last;
}

void sp_losses_add(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_flow_extra *x, unsigned side,
		   struct sp_loss loss, uint64_t ns)
{
	struct sp_losses *log = log_grow(ft, x);
	if (!log) {
		ft->stats.losses_unlogged++;
		return;
	}
	if (!loss.ns)
		loss.ns = last_new(log, f, side);
	if (!loss.ns || loss.ns > ns)
		loss.ns = ns;
	loss.after_us = sp_flow_micros(loss.ns, ns);
	loss.s2c = (uint8_t)side;
	log->loss[log->n++] = loss;
}

void sp_losses_forget(struct sp_flowtable *ft, struct sp_flow_extra *x)
{
	if (x->losses)
		sp_slab_put(&ft->losses, x->losses);
	x->losses = 0;
}

unsigned sp_losses_count(const struct sp_flowtable *ft, const struct sp_flow_extra *x)
{
	const struct sp_losses *log = log_of(ft, x);
	return log ? log->n : 0;
}

void sp_losses_put(const struct sp_flowtable *ft, const struct sp_flow_extra *x, struct sp_flow_record *r,
		   unsigned client)
{
	unsigned n = sp_losses_count(ft, x);
	r->n_losses = (uint8_t)n;
	struct sp_loss *to = (struct sp_loss *)sp_flow_record_losses(r);
	memcpy(to, log_of(ft, x)->loss, n * sizeof *to);
	for (unsigned i = 0; i < n; i++)
		to[i].s2c = to[i].s2c != client;
}
