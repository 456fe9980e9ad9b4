/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's compressed protocol: a stream of packets of its own around the other, each with seven bytes of head (length,
 * number, length before compression; 0: it is as it was) and deflated by itself. What is in one is put behind what was
 * left of those before it, and read as ever. One that is larger than is carried is seen in part: when what is missing
 * belongs to a packet that is passed over anyway nothing is lost, else the response is, and reading goes on with the
 * next. So it is with what Zstandard has compressed. */
#include <zlib.h>

#include "parsers/mysql_priv.h"

enum { ZIP_HEAD = 7, HEAP = 12288 };

/* An allocator for one inflate: its state, and no window, which only an output in several pieces would need. */
struct heap {
	size_t n;
	_Alignas(16) uint8_t bytes[HEAP];
};

static void *heap_get(void *of, unsigned n, unsigned size)
{
	struct heap *h = of;
	size_t want = ((size_t)n * size + 15) & ~(size_t)15;
	if (want > HEAP - h->n)
		return Z_NULL;
	h->n += want;
	return h->bytes + h->n - want;
}

static void heap_put(void *of, void *p)
{
	(void)of;
	(void)p;
}

/* The first `room` bytes of what was deflated, or of what is there of it. */
static size_t inflated(struct sp_slice from, uint8_t *to, size_t room)
{
	struct heap heap;
	heap.n = 0;
	z_stream z = {.zalloc = heap_get, .zfree = heap_put, .opaque = &heap};
	z.next_in = (uint8_t *)from.p;
	z.avail_in = (unsigned)from.n;
	z.next_out = to;
	z.avail_out = (unsigned)room;
	if (inflateInit(&z) == Z_OK)
		inflate(&z, Z_FINISH);
	return room - z.avail_out;
}

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

/* Reads what there is of the stream inside. SP_PARSE_MORE: nothing to say about it. */
static enum sp_parse_result inside(struct sp_parse *p, struct sp_mysql *st, struct mysql_zip *z)
{
	struct sp_slice outer = p->in;
	enum sp_parse_result rc = SP_PARSE_MORE;
	for (;;) {
		size_t skip = (size_t)SP_MIN(z->skip, (uint64_t)(z->n - z->at));
		z->at += (uint32_t)skip;
		z->skip -= skip;
		if (z->at == z->n || z->n - z->at < z->want)
			break;
		p->in = (struct sp_slice){z->bytes + z->at, z->n - z->at};
		p->used = 0;
		p->want = 0;
		rc = sp_mysql_packets(p, st);
		z->at += (uint32_t)p->used;
		z->want = rc == SP_PARSE_MORE ? (uint32_t)p->want : 0;
		z->skip = rc == SP_PARSE_MORE ? 0 : p->want;
		if (rc != SP_PARSE_SKIP)
			break;
		rc = SP_PARSE_MORE;
	}
	p->in = outer;
	return rc;
}

static void make_room(struct mysql_zip *z)
{
	memmove(z->bytes, z->bytes + z->at, z->n - z->at);
	z->n -= z->at;
	z->at = 0;
}

/* The packet at the front of `in`. Returns how many bytes of it have to be there; 0: it was taken. */
static size_t take(struct sp_parse *p, struct mysql_zip *z)
{
	if (p->in.n < ZIP_HEAD)
		return ZIP_HEAD;
	uint32_t n = mysql_u24(p->in.p), plain = mysql_u24(p->in.p + 4);
	size_t total = ZIP_HEAD + (size_t)n, there = SP_MIN(total, p->in.n);
	bool in_pieces = !plain && total > SP_CARRY_MAX;
	size_t need = in_pieces ? ZIP_HEAD : SP_MIN(total, (size_t)SP_CARRY_MAX);
	if (p->in.n < need && !p->last)
		return need;
	if (p->in.p[3] == (p->side == SP_CLIENT ? 0 : 1)) {
		if (z->lost)
			z->n = z->at = 0;
		z->lost = false;
	}
	make_room(z);
	z->owed = in_pieces ? ZIP_HEAD : (uint32_t)total;
	z->raw = in_pieces ? n : 0;
	if (in_pieces)
		return 0;
	struct sp_slice body = {p->in.p + ZIP_HEAD, there - ZIP_HEAD};
	size_t room = sizeof z->bytes - z->n, got = 0;
	if (!plain)
		memcpy(z->bytes + z->n, body.p, got = SP_MIN(body.n, room));
	else if (!z->zstd)
		got = inflated(body, z->bytes + z->n, SP_MIN(room, (size_t)plain));
	z->n += (uint32_t)got;
	z->missing = (plain ? plain : n) - (uint32_t)got;
	return 0;
}

/* More of a large packet that was not compressed. */
static void take_raw(struct sp_parse *p, struct mysql_zip *z)
{
	make_room(z);
	size_t n = SP_MIN(SP_MIN((size_t)z->raw, p->in.n), sizeof z->bytes - z->n);
	memcpy(z->bytes + z->n, p->in.p, n);
	z->n += (uint32_t)n;
	z->raw -= (uint32_t)n;
	z->owed = (uint32_t)n;
}

/* What is missing of a packet: does it matter? */
static bool loses(struct mysql_zip *z)
{
	uint32_t missing = z->missing;
	z->missing = 0;
	if (z->skip >= missing) {
		z->skip -= missing;
		return false;
	}
	z->lost = true;
	z->skip = z->n = z->at = z->want = 0;
	return true;
}

enum sp_parse_result sp_mysql_unzip(struct sp_parse *p, struct sp_mysql *st)
{
	struct mysql_more *more = sp_parse_extend(p);
	if (!more)
		return sp_parse_skip(p, p->in.n, SP_TO_END);
	struct mysql_zip *z = &more->zip[p->side];
	z->zstd = !(st->caps & MYSQL_CAP_COMPRESS);
	for (;;) {
		enum sp_parse_result rc = z->lost ? SP_PARSE_MORE : inside(p, st, z);
		bool all = z->at == z->n && !z->missing;
		if (rc == SP_PARSE_MSG && !z->owed && !all)
			continue; /* more messages than bytes that they came in: nobody's */
		if (rc != SP_PARSE_MORE) {
			report(p, z, all);
			return rc;
		}
		if (z->missing && !z->lost && loses(z) && p->side == SP_SERVER && sp_mysql_give_up(p, st)) {
			report(p, z, true);
			return SP_PARSE_MSG;
		}
		z->missing = 0;
		if (z->lost)
			z->n = z->at = 0;
		if (z->owed) {
			report(p, z, true);
			return SP_PARSE_SKIP;
		}
		if (z->raw) {
			take_raw(p, z);
			continue;
		}
		size_t need = take(p, z);
		if (need)
			return sp_parse_more(p, need);
	}
}
