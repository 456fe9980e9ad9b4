/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's compressed protocol: a stream of packets of its own around the other, each with seven bytes of head (length,
 * number, length before compression; 0: it is as it was) and deflated by itself. What is in one is put behind what was
 * left of those before it, and read at once: only what cannot be read yet is kept. One that is larger than is carried
 * is seen in part: when what is missing belongs to a packet that is passed over anyway nothing is lost, else the
 * response is, and reading goes on with the next. */
#include "parsers/mysql_priv.h"

enum { ZIP_HEAD = 7, PLAIN_MAX = 24576 /* of a packet, and of what was left before it: servers fill 16 KiB */ };

/* What is wanted at once is kept, too, but for a long statement, which is cut. */
static_assert((int)MYSQL_ZIP_KEPT >= MYSQL_HEAD + MYSQL_LOGIN_MAX && (int)MYSQL_ZIP_KEPT >= MYSQL_HEAD + MYSQL_OK_MAX,
	      "what is wanted has to fit");

/* Bytes of the stream inside, and how many of them were read. */
struct plain {
	uint8_t *p;
	size_t n, at;
};

/* What was taken of `in` and is not reported yet goes with the result; all of it when there is nothing left to say. */
static void report(struct sp_parse *p, struct mysql_zip *z, bool all)
{
	size_t used = all ? SP_MIN((size_t)z->owed, p->in.n) : SP_MIN(z->owed, 1u);
	z->owed -= (uint32_t)used;
	p->used = used;
	p->want = 0;
	if (!all)
		return;
	p->want = z->owed;
	z->owed = 0;
}

/* A message of which the rest is passed over ends with the last byte of that. True: it did. */
static bool ends(struct sp_parse *p, struct mysql_zip *z)
{
	if (!z->open || z->skip)
		return false;
	sp_msg_begin(p, z->open - 1, SP_PART_TAIL);
	z->open = 0;
	return true;
}

/* Until then it has not ended. */
static void stay_open(struct sp_parse *p, struct mysql_zip *z)
{
	struct sp_msg *m = &p->msg;
	if (!z->skip || (m->part != SP_PART_WHOLE && m->part != SP_PART_TAIL))
		return;
	m->part = m->part == SP_PART_WHOLE ? SP_PART_HEAD : SP_PART_MIDDLE;
	z->open = m->kind + 1;
}

/* The next packets inside, from v->at on. SP_PARSE_MORE: nothing to say about them. */
static enum sp_parse_result read_on(struct sp_parse *p, struct sp_mysql *st, struct mysql_zip *z, struct plain *v)
{
	bool last = p->last, cut = false;
	enum sp_parse_result rc;
	do {
		rc = SP_PARSE_MORE;
		size_t skip = (size_t)SP_MIN(z->skip, (uint64_t)(v->n - v->at)), left = v->n - v->at - skip;
		v->at += skip;
		z->skip -= skip;
		if (ends(p, z))
			return SP_PARSE_MSG;
		/* There will never be as much of it. */
		cut = left < z->want && (left >= MYSQL_ZIP_KEPT || z->missing);
		if (!left || (left < z->want && !cut))
			return rc;
		p->in = (struct sp_slice){v->p + v->at, left};
		p->last = last || cut;
		p->used = 0;
		p->want = 0;
		rc = sp_mysql_packets(p, st);
		v->at += p->used;
		z->want = rc == SP_PARSE_MORE ? (uint32_t)p->want : 0;
		z->skip = rc == SP_PARSE_MORE ? 0 : p->want;
	} while (rc == SP_PARSE_SKIP || (rc == SP_PARSE_MORE && !cut));
	return rc;
}

static enum sp_parse_result inside(struct sp_parse *p, struct sp_mysql *st, struct mysql_zip *z, struct plain *v)
{
	struct sp_slice outer = p->in;
	bool last = p->last;
	enum sp_parse_result rc = read_on(p, st, z, v);
	if (p->side == SP_CLIENT)
		st->seq = z->next; /* responses go on from these numbers; MariaDB's clients have no others */
	if (v->at == v->n && z->skip >= z->missing) {
		z->skip -= z->missing; /* it need not be seen */
		z->missing = 0;
	}
	if (rc == SP_PARSE_MSG && z->passed && p->msg.part <= SP_PART_HEAD)
		p->msg.bytes = (uint64_t)z->passed + z->owed;
	if (rc == SP_PARSE_MSG)
		stay_open(p, z);
	else if (rc == SP_PARSE_MORE && ends(p, z))
		rc = SP_PARSE_MSG;
	p->in = outer;
	p->last = last;
	return rc;
}

/* A text, where it is not overwritten. */
static struct sp_slice kept(struct sp_parse *p, const struct plain *v, struct sp_slice s)
{
	return s.n && s.p >= v->p && s.p < v->p + v->n ? sp_arena_copy(p->arena, s) : s;
}

/* What was not read stays, as far as there is room for it. A message's texts that stand before it would be gone. */
static void keep(struct sp_parse *p, struct mysql_zip *z, const struct plain *v, bool said)
{
	struct sp_msg *m = &p->msg;
	size_t left = v->n - v->at, n = SP_MIN(left, sizeof z->bytes);
	bool there = v->p == z->bytes;
	z->n = (uint32_t)(there ? v->n : n);
	z->at = (uint32_t)(there ? v->at : 0);
	if (there)
		return;
	z->missing += (uint32_t)(left - n);
	if (n)
		memcpy(z->bytes, v->p + v->at, n);
	for (unsigned i = 0; said && i < SP_SLOT_MAX; i++)
		sp_msg_put(m, i, kept(p, v, sp_msg_slot(m, i)));
	for (unsigned i = 0; said && i < m->n_extras; i++)
		m->extra[i].value = kept(p, v, m->extra[i].value);
}

/* Packets' numbers begin anew with every command, on both sides, wherever the stream inside was thought to be. They
 * also do after 255. */
static bool begins_anew(const struct sp_parse *p, const struct mysql_zip *z)
{
	if (p->in.n < ZIP_HEAD || p->in.p[3] != (p->side == SP_SERVER))
		return false;
	return z->lost || p->in.p[3] != z->next;
}

/* What is left of what came before. True: a message was open, whose end is in p->msg. */
static bool drop(struct sp_parse *p, struct sp_mysql *st, struct mysql_zip *z, struct plain *v)
{
	z->lost = false;
	z->skip = z->want = 0;
	v->n = v->at = 0;
	p->want = 0;
	st->file &= p->side == SP_SERVER;
	return ends(p, z) || (p->side == SP_SERVER && st->inside && sp_mysql_give_up(p, st));
}

/* Which of the two algorithms it was shows itself. */
static size_t unpack(struct sp_slice in, uint8_t *to, size_t room)
{
	return sp_is_zstd(in) ? sp_zstd(in, to, room) : sp_mysql_is_zlib(in) ? sp_inflate(in, to, room) : 0;
}

/* Of a packet of which parts are kept `used` bytes were taken: what need not be seen is passed over, too. False: no
 * more parts are to come. */
static bool to_next_part(struct mysql_zip *z, size_t used)
{
	uint32_t skip, need;
	z->owed = (uint32_t)used;
	if (!sp_zstd_parts_next(&z->parts, &skip, &need) || (uint64_t)skip + need > z->rest)
		return false;
	z->parts.at += skip;
	z->rest -= skip;
	z->owed += skip;
	z->passed += z->owed;
	return true;
}

/* …its next part. Returns how many bytes of it have to be there; 0: it was taken. When all are there, what comes out of
 * them is in `to`. */
static size_t take_part(struct sp_parse *p, struct mysql_zip *z, struct plain *v, uint8_t *to)
{
	uint32_t skip, need = 0;
	sp_zstd_parts_next(&z->parts, &skip, &need);
	need = SP_MIN(need, z->rest);
	if (p->in.n < need && !p->last)
		return need;
	size_t n = SP_MIN(p->in.n, (size_t)need);
	sp_zstd_parts_take(&z->parts, (struct sp_slice){p->in.p, n});
	z->rest -= (uint32_t)n;
	if (n == need && to_next_part(z, n))
		return 0;
	bool all = !sp_zstd_parts_next(&z->parts, &skip, &need);
	*v = (struct plain){to, all ? sp_zstd_parts(&z->parts, to, SP_MIN(z->plain, (uint32_t)PLAIN_MAX)) : 0, 0};
	z->missing = z->plain - (uint32_t)v->n;
	z->owed = (uint32_t)n + z->rest;
	z->rest = 0;
	return 0;
}

/* The packet at the front of `in`, into `to` behind what was left. Returns how many bytes of it have to be there; 0: it
 * was taken. */
static size_t take(struct sp_parse *p, struct mysql_zip *z, struct plain *v, uint8_t *to)
{
	if (p->in.n < ZIP_HEAD)
		return ZIP_HEAD;
	uint32_t n = mysql_u24(p->in.p), plain = mysql_u24(p->in.p + 4);
	size_t total = ZIP_HEAD + (size_t)n, there = SP_MIN(SP_MIN(total, p->in.n), (size_t)SP_CARRY_MAX);
	bool in_pieces = !plain && total > SP_CARRY_MAX;
	size_t need = in_pieces ? ZIP_HEAD : SP_MIN(total, (size_t)SP_CARRY_MAX);
	if (p->in.n < need && !p->last)
		return need;
	z->next = p->in.p[3] + 1;
	z->passed = 0;
	z->owed = in_pieces ? ZIP_HEAD : (uint32_t)total;
	z->raw = in_pieces ? n : 0;
	if (in_pieces)
		return 0;
	struct sp_slice body = {p->in.p + ZIP_HEAD, there - ZIP_HEAD};
	size_t left = v->n - v->at, room = PLAIN_MAX - left, got = 0;
	if (there < total && !left && !z->lost && z->skip < plain && sp_zstd_parts_begin(&z->parts, body)) {
		z->plain = plain;
		z->rest = (uint32_t)(total - there);
		if (to_next_part(z, there))
			return 0;
		z->rest = 0;
		z->owed = (uint32_t)total;
	}
	if (left)
		memcpy(to, v->p + v->at, left);
	if (!plain)
		memcpy(to + left, body.p, got = SP_MIN(body.n, room));
	else
		got = unpack(body, to + left, SP_MIN(room, (size_t)plain));
	*v = (struct plain){to, left + got, 0};
	z->missing = (plain ? plain : n) - (uint32_t)got;
	return 0;
}

/* More of a large packet that was not compressed, behind what was kept. */
static void take_raw(struct sp_parse *p, struct mysql_zip *z, struct plain *v)
{
	size_t left = v->n - v->at, n = SP_MIN(SP_MIN((size_t)z->raw, p->in.n), sizeof z->bytes - left);
	memmove(z->bytes, v->p + v->at, left);
	memcpy(z->bytes + left, p->in.p, n);
	*v = (struct plain){z->bytes, left + n, 0};
	z->raw -= (uint32_t)n;
	z->owed = (uint32_t)n;
}

/* One message, from what was kept or what is taken of `in` now, which stands in `to`. */
static enum sp_parse_result unzip(struct sp_parse *p, struct sp_mysql *st, struct mysql_more *more, uint8_t *to)
{
	struct mysql_zip *z = &more->zip[p->side];
	struct plain v = {z->bytes, z->n, z->at};
	for (;;) {
		enum sp_parse_result rc = z->lost ? SP_PARSE_MORE : inside(p, st, z, &v);
		bool all = v.at == v.n && !z->missing;
		if (rc == SP_PARSE_MSG && !z->owed && !all)
			continue; /* more messages than bytes that they came in: nobody's */
		if (rc == SP_PARSE_MORE && z->missing && !z->lost) {
			z->lost = true;
			z->skip = z->want = 0;
			if (ends(p, z) || (p->side == SP_SERVER && sp_mysql_give_up(p, st)))
				rc = SP_PARSE_MSG;
		}
		if (z->lost) {
			v.at = v.n;
			z->missing = 0;
		}
		if (rc != SP_PARSE_MORE || z->owed) {
			keep(p, z, &v, rc == SP_PARSE_MSG);
			report(p, z, rc == SP_PARSE_MORE || all || z->lost);
			return rc == SP_PARSE_MORE ? SP_PARSE_SKIP : rc;
		}
		if (z->raw) {
			take_raw(p, z, &v);
			continue;
		}
		if (!z->rest && begins_anew(p, z) && drop(p, st, z, &v)) {
			keep(p, z, &v, true);
			return sp_parse_msg(p, 0);
		}
		size_t need = z->rest ? take_part(p, z, &v, to) : take(p, z, &v, to);
		if (need) {
			keep(p, z, &v, false);
			return sp_parse_more(p, need);
		}
	}
}

enum sp_parse_result sp_mysql_unzip(struct sp_parse *p, struct sp_mysql *st)
{
	uint8_t room[PLAIN_MAX];
	struct mysql_more *more = sp_parse_extend(p);
	if (!more)
		return sp_parse_skip(p, p->in.n, SP_TO_END);
	return unzip(p, st, more, room);
}
