/* SPDX-License-Identifier: Apache-2.0 */
/* A segment that one point saw more often than the next one was lost between both; one that it saw less often was
 * doubled. Both points logged which bytes came again or filled a hole, by their place in the stream: what both logged
 * happened to both, what is left over happened between. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define LEG_LOSSES_MAX 256
#define ON_THE_WAY_NS SP_NS_PER_SEC
#define STOPPED_NS (10 * SP_NS_PER_MS) /* more than ways and clocks are unsure */

struct log {
	uint32_t n, room;
	uint32_t gone[2]; /* of each direction, those that slots know and that made room */
	struct sp_loss loss[];
};

/* --- what legs keep --- */

static struct log *log_of(const struct sp_stitch *s, const struct sp_leg *leg)
{
	return leg->losses ? sp_slab_at(&s->losses, leg->losses) : NULL;
}

static struct log *log_grow(struct sp_stitch *s, struct sp_leg *leg, uint32_t more)
{
	struct log *had = log_of(s, leg);
	uint32_t n = had ? had->n : 0, want = SP_MIN(n + more, LEG_LOSSES_MAX);
	if (had && had->room >= want)
		return had;
	uint32_t room = SP_MIN(SP_MAX(want, 2 * n), LEG_LOSSES_MAX);
	uint32_t handle = sp_slab_get(&s->losses, sizeof *had + room * sizeof *had->loss);
	if (!handle)
		return had;
	struct log *log = sp_slab_at(&s->losses, handle);
	*log = (struct log){.room = room};
	if (had) {
		memcpy(log, had, sizeof *had + n * sizeof *had->loss);
		log->room = room;
		sp_slab_put(&s->losses, leg->losses);
	}
	leg->losses = handle;
	return log;
}

void sp_losses_keep(struct sp_stitch *s, struct sp_leg *leg, const struct sp_flow_record *r)
{
	if (SP_LIKELY(!r->n_losses))
		return;
	struct log *log = log_grow(s, leg, r->n_losses);
	uint32_t n = log ? SP_MIN((uint32_t)r->n_losses, log->room - log->n) : 0;
	if (n)
		memcpy(log->loss + log->n, sp_flow_record_losses(r), n * sizeof *log->loss);
	if (log)
		log->n += n;
	s->stats.losses_refused += r->n_losses - n;
}

void sp_losses_drop(struct sp_stitch *s, struct sp_leg *leg)
{
	if (leg->losses)
		sp_slab_put(&s->losses, leg->losses);
	leg->losses = 0;
}

/* --- two neighbours --- */

struct seen {
	uint64_t ns, came_ns; /* when it was lost and when it came, by the path's clock */
	uint32_t start, len;  /* in the stream */
	uint32_t left;	      /* bytes that the other one has not logged */
};

/* One direction of one leg. */
struct view {
	unsigned n_again, n_filled;
	struct seen again[LEG_LOSSES_MAX], filled[LEG_LOSSES_MAX];
	bool whole, gone; /* nothing was left out of the log; something has left it */
	uint64_t last_ns; /* what came last, as far as it is logged */
};

struct lost {
	uint64_t ns, came_ns;
};

struct sp_loss_pair {
	struct view a, b; /* a is passed first */
	unsigned n;
	struct lost lost[LEG_LOSSES_MAX];
	uint64_t from_ns, until_ns; /* what came before, slots know; what came after, perhaps not all points */
};

static void view(const struct sp_stitch *s, struct view *v, const struct sp_leg *leg, unsigned s2c, int64_t offset_ns,
		 bool relative)
{
	const struct log *log = log_of(s, leg);
	uint32_t isn = !relative ? 0 : s2c ? leg->isn_server : leg->isn_client;
	v->n_again = v->n_filled = 0;
	v->last_ns = 0;
	uint64_t logged = log ? log->gone[s2c] : 0;
	v->gone = logged != 0;
	for (uint32_t i = 0; log && i < log->n; i++) {
		const struct sp_loss *l = &log->loss[i];
		uint64_t ns = l->ns - (uint64_t)offset_ns, came_ns = ns + l->after_us * SP_NS_PER_US;
		if ((l->s2c != 0) != s2c)
			continue;
		logged++;
		if (!l->len)
			continue;
		struct seen *to = l->kind == SP_LOSS_AGAIN ? &v->again[v->n_again++] : &v->filled[v->n_filled++];
		*to = (struct seen){ns, came_ns, l->seq - isn, l->len, l->len};
		v->last_ns = SP_MAX(v->last_ns, came_ns);
	}
	v->whole = logged >= (uint64_t)leg->retrans[s2c] + leg->hole_filled[s2c];
}

/* Bytes that two segments have in common. */
static uint32_t common(const struct seen *a, const struct seen *b)
{
	int64_t apart = (int32_t)(b->start - a->start);
	int64_t from = SP_MAX(apart, 0), to = SP_MIN(apart + b->len, (int64_t)a->len);
	return to > from ? (uint32_t)(to - from) : 0;
}

/* By bytes: points behind an offload see one large segment where others see many. */
static void match(struct seen *a, unsigned n_a, struct seen *b, unsigned n_b)
{
	for (unsigned i = 0; i < n_a; i++)
		for (unsigned k = 0; k < n_b && a[i].left; k++) {
			uint32_t n = SP_MIN(SP_MIN(common(&a[i], &b[k]), a[i].left), b[k].left);
			a[i].left -= n;
			b[k].left -= n;
		}
}

static bool is_left(const struct seen *s)
{
	return (uint64_t)s->left * 2 > s->len;
}

/* The hole that the loss of this segment left at the next point; the time when it was noticed is the best there is. */
static struct seen *hole_of(struct view *v, const struct seen *s)
{
	for (unsigned i = 0; i < v->n_filled; i++)
		if (is_left(&v->filled[i]) && common(&v->filled[i], s))
			return &v->filled[i];
	return NULL;
}

/* Sent more than twice: the copy before this one was lost, too, when it came. */
static const struct seen *copy_before(const struct view *v, unsigned i)
{
	for (unsigned k = i; k--;)
		if (is_left(&v->again[k]) && common(&v->again[k], &v->again[i]))
			return &v->again[k];
	return NULL;
}

/* Where logs are not whole any more, what slots know is not looked at again: its counterpart may be gone. */
static bool is_looked_at(const struct sp_loss_pair *p, const struct seen *s)
{
	return is_left(s) && s->came_ns <= p->until_ns && (s->came_ns > p->from_ns || !(p->a.gone | p->b.gone));
}

static void find_lost(struct sp_loss_pair *p)
{
	for (unsigned i = 0; i < p->a.n_again; i++) {
		const struct seen *s = &p->a.again[i], *before = copy_before(&p->a, i);
		if (!is_looked_at(p, s) || (!p->b.whole && s->came_ns > p->b.last_ns))
			continue;
		struct seen *hole = before ? NULL : hole_of(&p->b, s);
		p->lost[p->n++] = (struct lost){before ? before->came_ns : hole ? hole->ns : s->ns, s->came_ns};
		if (hole)
			hole->left = 0;
	}
}

/* Where the first point has a hole of its own there, it is the one that missed a copy. */
static void find_doubled(struct sp_loss_pair *p)
{
	for (unsigned i = 0; i < p->b.n_again; i++)
		if (is_looked_at(p, &p->b.again[i]) && !hole_of(&p->a, &p->b.again[i]))
			p->lost[p->n++] = (struct lost){p->b.again[i].came_ns, p->b.again[i].came_ns};
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct lost *)a)->ns, y = ((const struct lost *)b)->ns;
	return (x > y) - (x < y);
}

static void bursts(struct sp_path *told, struct sp_path_loss *loss, const struct sp_loss_pair *p)
{
	loss->first_burst = (uint16_t)told->n_bursts;
	struct sp_burst *last = NULL;
	for (unsigned i = 0; i < p->n; i++) {
		uint64_t ns = p->lost[i].ns;
		if (last && ns - last->end_ns <= SP_BURST_GAP_NS) {
			last->end_ns = ns;
			last->segments++;
		} else if (told->n_bursts < SP_PATH_BURSTS_MAX) {
			last = &told->burst[told->n_bursts++];
			*last = (struct sp_burst){ns, ns, 1};
			loss->n_bursts++;
		} else {
			return;
		}
	}
}

/* What the slots do not know yet. */
static void slots(struct sp_stitch *s, const struct sp_path *told, const struct sp_loss_pair *p,
		  const struct sp_path_loss *loss, bool doubled)
{
	struct sp_edge_losses where = {.from = told->leg[loss->from]->point,
				       .to = told->leg[loss->to]->point,
				       .s2c = loss->s2c,
				       .doubled = doubled};
	uint64_t ns[LEG_LOSSES_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < p->n; i++)
		if (p->lost[i].came_ns > p->from_ns)
			ns[n++] = p->lost[i].ns;
	sp_slots_add(s, &where, ns, n);
}

static void tell(struct sp_stitch *s, struct sp_path *told, struct sp_loss_pair *p, struct sp_path_loss loss,
		 bool doubled)
{
	qsort(p->lost, p->n, sizeof *p->lost, by_time);
	loss.segments = SP_MAX(loss.segments, p->n);
	if (!loss.segments)
		return;
	bursts(told, &loss, p);
	if (doubled)
		told->doubled[told->n_doubled++] = loss;
	else
		told->loss[told->n_losses++] = loss;
	slots(s, told, p, &loss, doubled);
}

static uint32_t above(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* Their counters, which count also what is not in the logs. What comes late is sent again, too, and both arrive: where
 * no bytes are less, nothing was lost. */
static uint32_t counted(const struct sp_leg *a, const struct sp_leg *b, unsigned s2c)
{
	if (a->payload[s2c] <= b->payload[s2c])
		return 0;
	return SP_MAX(above(a->retrans[s2c], b->retrans[s2c]), above(b->hole_filled[s2c], a->hole_filled[s2c]));
}

static void compare(struct sp_stitch *s, struct sp_path *told, struct sp_loss_pair *p, struct sp_path_loss loss)
{
	const struct sp_leg *a = told->leg[loss.from], *b = told->leg[loss.to];
	uint8_t isn = loss.s2c ? SP_LEG_ISN_SERVER : SP_LEG_ISN_CLIENT;
	bool relative = a->bits & b->bits & isn;
	view(s, &p->a, a, loss.s2c, told->offset_ns[loss.from], relative);
	view(s, &p->b, b, loss.s2c, told->offset_ns[loss.to], relative);
	match(p->a.again, p->a.n_again, p->b.again, p->b.n_again);
	match(p->a.filled, p->a.n_filled, p->b.filled, p->b.n_filled);
	bool gaps = a->bits & SP_LEG_GAP, whole = p->a.whole && p->b.whole && !p->a.gone && !p->b.gone;
	loss.at_least = !whole || gaps;
	p->n = 0;
	/* What looks sent again where something is missing may be the first that came of it, overtaken by its own
	 * answer on a mirror's way: where no bytes are more, nothing was. */
	if (p->a.whole && !gaps && (!(b->bits & SP_LEG_GAP) || b->payload[loss.s2c] > a->payload[loss.s2c]))
		find_doubled(p);
	tell(s, told, p, loss, true);
	p->n = 0;
	if (!gaps || a->payload[loss.s2c] > b->payload[loss.s2c])
		find_lost(p);
	loss.segments = whole && !gaps ? 0 : counted(a, b, loss.s2c);
	tell(s, told, p, loss, false);
}

/* How far the clock of each leg is ahead of the first one's: known, or as far as the connection's beginning says. */
static void offsets(const struct sp_stitch *s, struct sp_path *told)
{
	const struct sp_leg *first = told->leg[0];
	for (unsigned i = 0; i < told->n_legs; i++) {
		const struct sp_leg *leg = told->leg[i];
		struct sp_apart clocks;
		if (sp_clocks_apart(s, first->point, leg->point, leg->start_ns, &clocks))
			told->offset_ns[i] = clocks.ns;
		else
			told->offset_ns[i] = (int64_t)(leg->start_ns - first->start_ns);
	}
}

static bool has_losses(const struct sp_leg *l, unsigned s2c)
{
	return l->retrans[s2c] | l->hole_filled[s2c];
}

/* A point whose capture ended within the connection: those beyond went on. It says nothing of what came then. */
static bool stopped(const struct sp_path *told, unsigned i, unsigned s2c)
{
	const struct sp_leg *leg = told->leg[i];
	for (unsigned k = i; s2c ? k-- > 0 : ++k < told->n_legs;) {
		const struct sp_leg *beyond = told->leg[k];
		int64_t clocks = told->offset_ns[k] - told->offset_ns[i];
		if ((int64_t)(beyond->end_ns - leg->end_ns) - clocks > STOPPED_NS &&
		    beyond->packets[s2c] > leg->packets[s2c])
			return true;
	}
	return false;
}

static void one_way(struct sp_stitch *s, struct sp_path *told, unsigned s2c)
{
	const struct sp_leg *a = NULL;
	for (unsigned k = 0, from = 0; k < told->n_legs; k++) {
		unsigned to = s2c ? told->n_legs - 1 - k : k;
		const struct sp_leg *b = told->leg[to];
		if (stopped(told, to, s2c))
			continue;
		/* A point that sees one direction only says nothing of the other one. */
		if (a && a->packets[s2c] && b->packets[s2c] && (has_losses(a, s2c) || has_losses(b, s2c)))
			compare(s, told, s->loss_pair,
				(struct sp_path_loss){.from = (uint8_t)from, .to = (uint8_t)to, .s2c = (uint8_t)s2c});
		a = b;
		from = to;
	}
}

/* Losses that came between two times, by the path's clock. */
static void compare_all(struct sp_stitch *s, struct sp_path *told, uint64_t from_ns, uint64_t until_ns)
{
	s->loss_pair->from_ns = from_ns;
	s->loss_pair->until_ns = until_ns;
	one_way(s, told, 0);
	one_way(s, told, 1);
}

static bool begin(const struct sp_stitch *s, struct sp_path *told)
{
	told->n_losses = told->n_doubled = told->n_bursts = 0;
	bool any = false;
	for (unsigned i = 0; i < told->n_legs; i++)
		any |= has_losses(told->leg[i], 0) || has_losses(told->leg[i], 1);
	if (SP_UNLIKELY(any))
		offsets(s, told);
	return any;
}

void sp_losses_path(struct sp_stitch *s, struct sp_path *told, uint64_t known_ns)
{
	if (begin(s, told))
		compare_all(s, told, known_ns, UINT64_MAX);
}

/* What slots know makes room in a log that is filling up, but for what other points may have logged a little later; the
 * path's counters still have it. */
static void forget(struct sp_stitch *s, const struct sp_path *told, uint64_t known_ns)
{
	uint64_t until_ns = known_ns - SP_MIN(known_ns, ON_THE_WAY_NS);
	for (unsigned i = 0; i < told->n_legs; i++) {
		struct log *log = log_of(s, told->leg[i]);
		uint32_t n = 0;
		for (uint32_t k = 0; log && k < log->n; k++) {
			const struct sp_loss *l = &log->loss[k];
			if (l->ns - (uint64_t)told->offset_ns[i] + l->after_us * SP_NS_PER_US > until_ns)
				log->loss[n++] = *l;
			else
				log->gone[l->s2c != 0]++;
		}
		if (log)
			log->n = n;
	}
}

/* All points have reported until the earliest of their last packets, but for what is on the way. */
uint64_t sp_losses_meanwhile(struct sp_stitch *s, struct sp_path *told, uint64_t known_ns)
{
	uint64_t until_ns = UINT64_MAX;
	bool full = false;
	if (!begin(s, told))
		return known_ns;
	for (unsigned i = 0; i < told->n_legs; i++) {
		const struct log *log = log_of(s, told->leg[i]);
		full |= log && log->n > LEG_LOSSES_MAX / 2;
		uint64_t end_ns = told->leg[i]->end_ns - (uint64_t)told->offset_ns[i];
		until_ns = SP_MIN(until_ns, end_ns > ON_THE_WAY_NS ? end_ns - ON_THE_WAY_NS : 0);
	}
	if (until_ns <= known_ns)
		return known_ns;
	compare_all(s, told, known_ns, until_ns);
	if (full)
		forget(s, told, until_ns);
	return until_ns;
}

int sp_losses_init(struct sp_stitch *s, uint64_t memory)
{
	s->loss_pair = calloc(1, sizeof *s->loss_pair);
	if (!s->loss_pair)
		return -ENOMEM;
	return sp_slab_init(&s->losses, SP_MAX(memory, (uint64_t)SP_SLAB_CHUNK * SP_SLAB_CLASSES));
}

void sp_losses_free(struct sp_stitch *s)
{
	free(s->loss_pair);
	if (s->losses.base)
		sp_slab_free_all(&s->losses);
}
