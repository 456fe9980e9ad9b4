/* SPDX-License-Identifier: Apache-2.0 */
/* What flows say, from the flow table's side: a dialog for each flow with payload, as long as it is of use. */
#include "flowtable/l7.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "flowtable/flowtable_priv.h"

int sp_l7_init(struct sp_l7 *l7, const struct sp_l7_conf *conf, uint64_t hash_key)
{
	l7->conf = *conf;
	l7->hash_key = hash_key;
	l7->arena = (struct sp_arena){.p = l7->scratch, .size = sizeof l7->scratch};
	l7->server = calloc(SP_L7_SERVERS, sizeof *l7->server);
	if (!l7->server)
		return -ENOMEM;
	sp_identify_init(l7);
	sp_dialog_setup(l7);
	int rc = sp_elsewhere_init(&l7->elsewhere);
	rc = rc ? rc : sp_slab_init(&l7->slab, conf->max_memory);
	if (rc)
		return rc;
	/* A block that nobody is given: of a parser that has nothing to be asked for. */
	struct sp_dialog *none = sp_slab_at(&l7->slab, SP_L7_NONE);
	none->parser = sp_parsers[0];
	return 0;
}

void sp_l7_free(struct sp_l7 *l7)
{
	sp_slab_free_all(&l7->slab);
	sp_elsewhere_free(&l7->elsewhere);
	free(l7->server);
}

/* What decides about memory and tables stays. */
void sp_l7_reconf(struct sp_l7 *l7, const struct sp_l7_conf *conf)
{
	struct sp_l7_conf old = l7->conf;
	l7->conf = *conf;
	l7->conf.enabled = old.enabled;
	l7->conf.protocols = old.protocols;
	l7->conf.max_memory = old.max_memory;
	sp_dialog_setup(l7);
}

/* Where a side goes on that has said what is nobody's. */
static void skip_nobodys(struct sp_dialog *d, const struct sp_flow *f, unsigned s, uint32_t seq)
{
	if (!(f->more & (s ? SP_L7_NOBODYS_HI : SP_L7_NOBODYS_LO)))
		return;
	d->stream[s].bits = SP_STREAM_KNOWN | SP_STREAM_RESYNC;
	d->stream[s].next_seq = seq;
	d->bits |= SP_DIALOG_ORPHAN;
}

/* With a segment of `side` at `seq`, if it is one. False: no memory, and the flow goes on without. */
static __attribute__((noinline)) bool begin(struct sp_flowtable *ft, struct sp_flow *f, unsigned side, uint32_t seq)
{
	bool tcp = f->proto == SP_PROTO_TCP;
	size_t size = sizeof(struct sp_dialog) + (tcp ? 2 * sizeof(struct sp_stream) : 0);
	uint32_t handle = sp_slab_get(&ft->l7->slab, size);
	if (!handle) {
		ft->stats.l7_memory_exceeded++;
		f->more |= SP_L7_DONE;
		return false;
	}
	struct sp_dialog *d = memset(sp_slab_at(&ft->l7->slab, handle), 0, size);
	d->extra = f->more & SP_L7_NUMBER;
	d->bits = tcp ? SP_DIALOG_TCP : 0;
	d->client = (uint8_t)sp_flow_client(f);
	skip_nobodys(d, f, side, seq);
	skip_nobodys(d, f, !side, f->dir[!side].next_seq);
	f->more = SP_L7_DIALOG | handle;
	return true;
}

/* Everything goes back; the flow keeps its extra block. */
static void release(struct sp_talk *t)
{
	struct sp_flow *f = t->f;
	uint32_t handle = f->more & SP_L7_NUMBER, extra = t->d->extra;
	for (unsigned s = 0; t->d->bits & SP_DIALOG_TCP && s < 2; s++)
		sp_stream_drop(t, s);
	if (t->d->parser)
		sp_dialog_leave(t);
	sp_slab_put(&t->l7->slab, handle);
	f->more = SP_L7_DONE | extra;
}

/* The dialog itself stays until the flow ends, when there is something to say about it. */
void sp_l7_give_up(struct sp_talk *t, unsigned why)
{
	struct sp_dialog *d = t->d;
	struct sp_flow *f = t->f;
	d->limits |= (uint8_t)why;
	t->ft->stats.l7_given_up++;
	if (!d->requests && !d->app && !d->limits) {
		release(t);
		return;
	}
	for (unsigned s = 0; d->bits & SP_DIALOG_TCP && s < 2; s++)
		sp_stream_drop(t, s);
	if (d->parser)
		sp_dialog_leave(t);
	f->more |= SP_L7_DONE;
}

bool sp_l7_identify_datagram(struct sp_talk *t, unsigned side, struct sp_slice in)
{
	const struct sp_dialog *d = t->d;
	if (sp_identify(t, side, in, true))
		return true;
	/* Nobody's: the next one begins anew, and until then it costs nothing. */
	if (!(t->f->more & SP_L7_DONE) && !(d->maybe[0] | d->maybe[1]) && !d->app)
		sp_l7_forget(t->ft, t->f);
	return false;
}

/* A connection's side that began with what is nobody's: not worth a dialog unless somebody is sure of what comes later
 * – TLS after STARTTLS, what a proxy's own handshake leads to – and that is soon. */
static bool is_nobodys(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side)
{
	uint32_t mine = side ? SP_L7_NOBODYS_HI : SP_L7_NOBODYS_LO, both = SP_L7_NOBODYS_LO | SP_L7_NOBODYS_HI;
	if (f->proto != SP_PROTO_TCP || !(f->dir[side].bits & SP_DIR_ISN) || pkt->cap_len <= pkt->l7)
		return false;
	struct sp_slice in = {pkt->data + pkt->l7, SP_MIN(pkt->cap_len - pkt->l7, pkt->l7_len)};
	bool first = !(f->more & mine);
	if (first && sp_be32(pkt->data + pkt->l4 + 4) != f->isn[side] + 1)
		return false;
	if (sp_identify_look(ft->l7, f, side, in) >= (first ? SP_PROBE_MAYBE : SP_PROBE_YES))
		return false;
	f->more |= mine;
	if (f->bits & SP_FLOW_REPORTED || f->dir[0].packets + f->dir[1].packets >= SP_L7_LOOK_PACKETS) {
		f->more = (f->more & ~both) | SP_L7_DONE;
		ft->stats.l7_given_up++;
	}
	return true;
}

bool sp_l7_begin(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side, uint32_t seq)
{
	return !is_nobodys(ft, f, pkt, side) && begin(ft, f, side, seq);
}

bool sp_l7_begin_datagram(struct sp_flowtable *ft, struct sp_flow *f)
{
	return begin(ft, f, 0, 0);
}

void sp_l7_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause)
{
	if (!(f->more & SP_L7_DIALOG))
		return;
	struct sp_talk t = sp_talk_of(ft, f, f->last_ns);
	if (f->more & SP_L7_DONE)
		return;
	/* What waits when the input ends might have been answered yet. */
	t.ns = cause == SP_CLOSE_END_OF_INPUT ? f->last_ns : SP_MAX(f->last_ns, ft->now_ns);
	for (unsigned s = 0; t.d->bits & SP_DIALOG_TCP && s < 2 && !(f->more & SP_L7_DONE); s++)
		sp_stream_end(&t, s ? !t.d->client : t.d->client);
	if (!(f->more & SP_L7_DONE))
		sp_dialog_leave(&t);
}

void sp_l7_report(struct sp_flowtable *ft, struct sp_flow *f)
{
	if ((f->more & (SP_L7_DIALOG | SP_L7_DONE)) != SP_L7_DIALOG)
		return;
	struct sp_talk t = sp_talk_of(ft, f, ft->now_ns);
	if (t.d->parser && t.d->n_calls)
		sp_calls_expire(&t, ft->now_ns, false);
}

void sp_l7_forget(struct sp_flowtable *ft, struct sp_flow *f)
{
	if (!(f->more & SP_L7_DIALOG))
		return;
	struct sp_talk t = sp_talk_of(ft, f, f->last_ns);
	release(&t);
	f->more &= SP_L7_NUMBER;
}
