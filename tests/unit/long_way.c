/* SPDX-License-Identifier: Apache-2.0 */
/* Ordinary packets take a short way through the flow table. The same packets, healthy and not, go through a second
 * table in which none is ordinary: records and counters have to be the same. */
#include "tests/unit/talk.h"

#define RUNS 300
#define STEPS 1500
#define TALKS 8

static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(dice_state >> 33) % sides;
}

/* One conversation, as its ends know it. */
struct conversation {
	uint32_t seq[2];
	bool udp;
};

/* One packet for both tables. */
struct step {
	uint64_t us;
	char who;
	unsigned flags;
	uint32_t seq, ack;
	unsigned len;
	uint16_t port, window;
	uint8_t ttl;
	bool udp, repeat;
};

static const unsigned lengths[] = {0, 0, 1, 5, 36, 1448, 65000};

/* What healthy connections say mostly, and everything else now and then. */
static struct step next_step(struct conversation *all, uint64_t us)
{
	unsigned who = dice(2), which = dice(TALKS);
	struct conversation *c = &all[which];
	struct step s = {.us = us,
			 .who = who ? 's' : 'c',
			 .flags = TA | (dice(2) ? TP : 0),
			 .seq = c->seq[who],
			 .ack = c->seq[!who],
			 .len = lengths[dice(SP_ARRAY_SIZE(lengths))],
			 .port = (uint16_t)(40000 + which),
			 .window = (uint16_t)(dice(60) ? 1000 + dice(3) : 0),
			 .ttl = (uint8_t)(dice(50) ? 64 : 0),
			 .udp = c->udp,
			 .repeat = !dice(100)};
	static const unsigned odd_flags[] = {TS, TS | TA, TF | TA, TR, TR | TA, TS | TF, 0};
	if (!dice(30))
		s.flags = odd_flags[dice(SP_ARRAY_SIZE(odd_flags))];
	if (!dice(15))
		s.seq += dice(2) ? dice(3000) : -dice(3000);
	if (!dice(15))
		s.ack += dice(2) ? dice(3000) : -dice(3000);
	if (!dice(40))
		s.seq--;
	if (!dice(300))
		s.seq = dice(UINT32_MAX);
	uint32_t end = s.seq + s.len + !!(s.flags & TS) + !!(s.flags & TF);
	if ((int32_t)(end - c->seq[who]) > 0)
		c->seq[who] = end;
	return s;
}

static void take(struct talk *t, const struct step *s)
{
	t->client_port = s->port;
	t->window = s->window;
	t->ttl = s->ttl;
	if (s->udp)
		udp_at(t, s->us, s->who, SP_MIN(s->len, 1448u));
	else
		tcp_at(t, s->us, s->who, s->flags, s->seq, s->ack, s->len);
	if (s->repeat && t->batch.n && t->batch.n < t->batch_max)
		talk_repeat(t, 1);
}

static struct talk *table(unsigned flags, unsigned batch, bool has_ids)
{
	struct sp_flow_conf conf = talk_conf();
	struct sp_err err;
	conf.max_flows = 64;
	conf.report_interval = 2 * UINT64_C(1000000000);
	struct talk *t = talk_new(&conf);
	sp_flowtable_free(t->ft);
	CHECK(!sp_flowtable_new(&t->ft, &conf, 0, flags, t->decode.hash_key, &t->out, &err));
	t->batch_max = batch;
	t->ip_id = has_ids;
	return t;
}

static bool same(const struct talk *a, const struct talk *b)
{
	if (!CHECK_EQ(a->n_records, b->n_records))
		return false;
	for (unsigned i = 0; i < a->n_records; i++)
		if (!CHECK(!memcmp(&a->record[i], &b->record[i], sizeof a->record[i])))
			return false;
	return CHECK(!memcmp(sp_flowtable_stats(a->ft), sp_flowtable_stats(b->ft), sizeof(struct sp_flow_stats)));
}

static bool run(void)
{
	struct conversation all[TALKS] = {0};
	unsigned batch = 1 + dice(SP_BATCH_MAX - 1);
	bool has_ids = dice(2);
	struct talk *usual = table(0, batch, has_ids), *slow = table(SP_FLOWTABLE_LONG_WAY, batch, has_ids);
	uint64_t us = 0;
	for (unsigned i = 0; i < TALKS; i++)
		all[i].udp = i >= TALKS - 2;
	for (unsigned i = 0; i < STEPS; i++) {
		us += dice(200) ? dice(2000) : dice(4000000);
		struct step s = next_step(all, us - SP_MIN(us, (uint64_t)(dice(40) ? 0 : dice(3000))));
		take(usual, &s);
		take(slow, &s);
	}
	talk_end(usual);
	talk_end(slow);
	bool ret = same(usual, slow);
	talk_free(usual);
	talk_free(slow);
	return ret;
}

static void check_long_way(void)
{
	for (unsigned i = 0; i < RUNS; i++) {
		dice_state = i;
		if (!run()) {
			printf("# run %u\n", i);
			return;
		}
	}
}

int main(void)
{
	RUN(check_long_way);
	return check_done();
}
