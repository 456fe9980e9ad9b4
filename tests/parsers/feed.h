/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds one parser as the flow table does, one conversation, and checks that it keeps the contract of parser.h; writes
 * what it found as text, a line a message, in the order of their last bytes:
 *
 *     > request method=GET resource=/ bytes=40
 *     < response code=200 status=ok bytes=10 http.response.header.server=nginx
 *
 * `>` is the client. Slots in their order, then app (when not the parser's own), status, id (where messages pair by
 * it), bytes, extras in their order; bytes outside 0x20..0x7e and backslashes as \xNN. "> switch NAME" and "> bad" end
 * a conversation. A breach of the contract aborts. */
#ifndef SP_TESTS_PARSERS_FEED_H
#define SP_TESTS_PARSERS_FEED_H

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "parsers/names.h"
#include "parsers/parser.h"

#define FEED_OPEN_MAX 64
#define FEED_ASKED_MAX 256
#define FEED_TEXT_MAX (256 * 1024)
#define FEED_LINE_MAX 16384

/* A message of which not all parts are there yet. */
struct feed_open {
	bool used, skipping;
	uint8_t side, kind, status;
	uint16_t app;
	uint64_t id, bytes;
	char *slot[SP_SLOT_MAX];
	uint8_t n_extras;
	uint8_t field[SP_EXTRAS_MAX];
	char *extra[SP_EXTRAS_MAX];
};

struct feed_asked {
	uint64_t id;
	uint32_t tag;
};

struct feed_side {
	uint8_t *carry; /* as large as its bytes, so that sanitizers see the end */
	size_t n;
	uint64_t at;   /* where those begin */
	uint64_t want; /* bytes that must be there before the next call */
	uint64_t skip;
	bool over;
};

struct feed {
	const struct sp_parser *parser;
	struct sp_parse p;
	struct sp_arena arena;
	struct sp_names_seen seen;
	uint8_t scratch[16384];
	void *state, *more;
	struct feed_side side[2];
	struct feed_open open[FEED_OPEN_MAX];
	struct feed_asked asked[FEED_ASKED_MAX];
	unsigned n_asked;
	bool stopped; /* bad, or another protocol */
	bool refuse;  /* no memory for a second block */
	bool bare;    /* slots and extras are not looked at */
	uint64_t calls, bytes;
	uint64_t begins; /* sum of hashes: where messages begin */
	char *text;
	size_t text_n;
};

/* Of a vector: its steps are datagrams, or not. */
static inline uint8_t feed_transport(const struct sp_parser *parser, bool udp)
{
	return parser->transports == SP_ICMP ? SP_ICMP : udp ? SP_UDP : SP_TCP;
}

static inline void feed_check(bool good, const struct feed *f, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s breaks its contract: %s\n", f->parser->name, what);
	abort();
}

static inline void feed_put(struct feed *f, const char *s)
{
	size_t n = strlen(s);
	if (f->text_n + n >= FEED_TEXT_MAX)
		return;
	memcpy(f->text + f->text_n, s, n + 1);
	f->text_n += n;
}

/* Reads every byte, so that a sanitizer sees a slice that is not there. */
static inline char *feed_escape(struct sp_slice s)
{
	char *out = malloc(4 * s.n + 1), *p = out;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 0x20 && s.p[i] < 0x7f && s.p[i] != '\\')
			*p++ = (char)s.p[i];
		else
			p += sprintf(p, "\\x%02x", s.p[i]);
	}
	*p = 0;
	return out;
}

static inline bool feed_asked(const struct sp_parse *p, uint64_t id, uint32_t *tag)
{
	struct feed *f = p->ctx;
	bool by_id = f->parser->pairing == SP_PAIR_BY_ID;
	for (unsigned i = 0; i < f->n_asked; i++) {
		if (by_id && f->asked[i].id != id)
			continue;
		*tag = f->asked[i].tag;
		return true;
	}
	return false;
}

static inline void *feed_extend(struct sp_parse *p)
{
	struct feed *f = p->ctx;
	feed_check(f->parser->more_size, f, "extends without a size");
	if (!f->more && !f->refuse)
		f->more = calloc(1, f->parser->more_size);
	return p->more = f->more;
}

static inline void feed_init(struct feed *f, const struct sp_parser *parser)
{
	memset(f, 0, sizeof *f);
	f->parser = parser;
	f->state = calloc(1, parser->state_size ? parser->state_size : 1);
	f->text = malloc(FEED_TEXT_MAX);
	*f->text = 0;
	f->arena = (struct sp_arena){.p = f->scratch, .size = sizeof f->scratch};
}

static inline void feed_open_clear(struct feed_open *o)
{
	for (unsigned i = 0; i < SP_SLOT_MAX; i++)
		free(o->slot[i]);
	for (unsigned i = 0; i < o->n_extras; i++)
		free(o->extra[i]);
	memset(o, 0, sizeof *o);
}

static inline void feed_free(struct feed *f)
{
	for (unsigned i = 0; i < FEED_OPEN_MAX; i++)
		feed_open_clear(&f->open[i]);
	free(f->side[0].carry);
	free(f->side[1].carry);
	free(f->state);
	free(f->more);
	free(f->text);
}

static inline const char *feed_status(unsigned status)
{
	static const char *const name[] = {"", "ok", "client_error", "server_error", "timeout", "unknown"};
	return name[status];
}

static inline void feed_write(struct feed *f, struct feed_open *o)
{
	static const char *const kind[] = {"request", "response", "oneway", "interim"};
	static const char *const slot[] = {
#define X(sym, name) #name,
		SP_SLOTS(X)
#undef X
	};
	static char line[FEED_LINE_MAX];
	int n = snprintf(line, sizeof line, "%c %s", o->side == SP_CLIENT ? '>' : '<', kind[o->kind]);
#define ADD(...) (n += n < FEED_LINE_MAX ? snprintf(line + n, (size_t)(FEED_LINE_MAX - n), __VA_ARGS__) : 0)
	for (unsigned i = 0; i < SP_SLOT_MAX; i++)
		if (o->slot[i])
			ADD(" %s=%s", slot[i], o->slot[i]);
	if (o->app && o->app != f->parser->app)
		ADD(" app=%s", sp_app_name(o->app));
	if (o->status)
		ADD(" status=%s", feed_status(o->status));
	if (f->parser->pairing == SP_PAIR_BY_ID)
		ADD(" id=%llu", (unsigned long long)o->id);
	ADD(" bytes=%llu", (unsigned long long)o->bytes);
	for (unsigned i = 0; i < o->n_extras; i++)
		ADD(" %s=%s", f->parser->fields[o->field[i]], o->extra[i]);
#undef ADD
	feed_put(f, line);
	feed_put(f, "\n");
	if (o->kind == SP_MSG_RESPONSE && f->n_asked) {
		unsigned i = 0;
		while (f->parser->pairing == SP_PAIR_BY_ID && i < f->n_asked && f->asked[i].id != o->id)
			i++;
		if (i < f->n_asked) {
			memmove(&f->asked[i], &f->asked[i + 1], (f->n_asked - i - 1) * sizeof *f->asked);
			f->n_asked--;
		}
	}
	feed_open_clear(o);
}

static inline struct feed_open *feed_find(struct feed *f, unsigned side, const struct sp_msg *m, bool begin)
{
	struct feed_open *free_one = NULL;
	for (unsigned i = 0; i < FEED_OPEN_MAX; i++) {
		struct feed_open *o = &f->open[i];
		if (o->used && o->side == side && o->kind == m->kind && !o->skipping &&
		    (f->parser->pairing != SP_PAIR_BY_ID || o->id == m->id)) {
			if (!begin)
				return o;
			feed_open_clear(o); /* a head without a tail: given up */
		}
		if (!o->used)
			free_one = o;
	}
	if (!begin || !free_one)
		return NULL;
	*free_one = (struct feed_open){.used = true, .side = (uint8_t)side, .kind = m->kind, .id = m->id};
	return free_one;
}

/* Who cannot read a request knows that it was over when the other side spoke. */
static inline void feed_answered(struct feed *f, unsigned side)
{
	for (unsigned i = 0; i < FEED_OPEN_MAX; i++)
		if (f->open[i].used && f->open[i].side != side && f->open[i].kind == SP_MSG_REQUEST)
			feed_write(f, &f->open[i]);
}

static inline void feed_msg(struct feed *f, unsigned side)
{
	const struct sp_msg *m = &f->p.msg;
	if (m->flags & SP_MSG_OPAQUE && m->kind == SP_MSG_RESPONSE)
		feed_answered(f, side);
	bool begin = m->part == SP_PART_WHOLE || m->part == SP_PART_HEAD;
	feed_check(m->kind <= SP_MSG_INTERIM && m->part <= SP_PART_TAIL && m->status < SP_STATUS_MAX, f,
		   "a kind that is none");
	feed_check(m->first <= f->p.used, f, "begins after its end");
	feed_check(m->n_extras <= SP_EXTRAS_MAX, f, "too many extras");
	feed_check(!m->app || sp_app_name(m->app), f, "no such protocol");
	uint32_t tag;
	if (m->flags & SP_MSG_IF_ASKED && !feed_asked(&f->p, m->id, &tag))
		return;
	if (begin && m->kind == SP_MSG_REQUEST && f->n_asked < FEED_ASKED_MAX)
		f->asked[f->n_asked++] = (struct feed_asked){m->id, m->tag};
	struct feed_open *o = feed_find(f, side, m, begin);
	if (!o)
		return;
	o->app = m->app ? m->app : o->app;
	o->status = m->status ? m->status : o->status;
	uint64_t skipped = f->p.want == SP_TO_END ? 0 : f->p.want;
	o->bytes += m->bytes ? m->bytes : f->p.used - m->first + skipped;
	for (unsigned i = 0; i < SP_SLOT_MAX && !f->bare; i++) {
		struct sp_slice value = sp_msg_slot(m, i);
		if (!value.n)
			continue;
		free(o->slot[i]);
		o->slot[i] = feed_escape(value);
	}
	for (unsigned i = 0; i < m->n_extras && !f->bare; i++) {
		unsigned known = 0, field = m->extra[i].field;
		for (unsigned k = 0; k <= field; k++)
			feed_check(f->parser->fields && f->parser->fields[k], f, "an extra without a name");
		while (known < o->n_extras && o->field[known] != field)
			known++;
		if (known == SP_EXTRAS_MAX)
			continue;
		if (known == o->n_extras)
			o->n_extras++;
		else
			free(o->extra[known]);
		o->field[known] = (uint8_t)field;
		o->extra[known] = feed_escape(m->extra[i].value);
	}
	bool end = m->part == SP_PART_WHOLE || m->part == SP_PART_TAIL;
	if (end && f->p.want)
		o->skipping = true;
	else if (end)
		feed_write(f, o);
}

/* Bytes between the head and the tail of the message that is open on a side. */
static inline void feed_passed(struct feed *f, unsigned side, uint64_t bytes)
{
	for (unsigned i = 0; i < FEED_OPEN_MAX && f->parser->pairing != SP_PAIR_BY_ID; i++)
		if (f->open[i].used && !f->open[i].skipping && f->open[i].side == side)
			f->open[i].bytes += bytes;
}

/* What was skipped is over: so are the messages that ended with it. */
static inline void feed_skipped(struct feed *f, unsigned side)
{
	for (unsigned i = 0; i < FEED_OPEN_MAX; i++)
		if (f->open[i].used && f->open[i].skipping && f->open[i].side == side)
			feed_write(f, &f->open[i]);
}

/* `how`: the parser's parse or end. */
static inline enum sp_parse_result feed_call(struct feed *f, unsigned side, struct sp_slice in, bool last, bool udp,
					     enum sp_parse_result (*how)(struct sp_parse *))
{
	struct sp_parse *p = &f->p;
	sp_arena_reset(&f->arena);
	bool reveal = p->reveal, opaque = p->opaque, terse = p->terse;
	memset(p, 0, offsetof(struct sp_parse, msg));
	memset(&p->msg, 0xa5, sizeof p->msg); /* nothing may count on what was there */
	*p = (struct sp_parse){.in = in,
			       .state = f->state,
			       .more = f->more,
			       .arena = &f->arena,
			       .side = (uint8_t)side,
			       .transport = feed_transport(f->parser, udp),
			       .last = last,
			       .reveal = reveal,
			       .opaque = opaque,
			       .terse = terse,
			       .seen = &f->seen,
			       .msg = p->msg,
			       .asked = feed_asked,
			       .extend = feed_extend,
			       .ctx = f};
	f->calls++;
	enum sp_parse_result rc = how(p);
	feed_check(p->used <= in.n, f, "uses more than there is");
	return rc;
}

/* Takes what was used off the front, in a new block that ends where its bytes end. */
static inline void feed_carry(struct feed_side *s, const uint8_t *p, size_t n)
{
	uint8_t *carry = malloc(n ? n : 1);
	if (n)
		memcpy(carry, p, n);
	free(s->carry);
	s->carry = carry;
	s->n = n;
}

static inline void feed_stop(struct feed *f, unsigned side, const char *why, const char *name)
{
	char line[64];
	snprintf(line, sizeof line, "%c %s%s\n", side == SP_CLIENT ? '>' : '<', why, name);
	feed_put(f, line);
	f->stopped = true;
}

/* Points that see other segments have to find the same. */
static inline void feed_begins(struct feed *f, const struct feed_side *s, unsigned side)
{
	const struct sp_msg *m = &f->p.msg;
	if (m->part <= SP_PART_HEAD && m->kind != SP_MSG_INTERIM)
		f->begins += sp_hash_mix(s->at + m->first + SP_HASH_K0, SP_HASH_K1 + side);
}

/* Calls the parser until it wants more than there is. */
static inline void feed_run(struct feed *f, unsigned side, bool last, bool udp)
{
	struct feed_side *s = &f->side[side];
	unsigned idle = 0;
	while (!f->stopped) {
		size_t skip = (size_t)SP_MIN(s->skip, (uint64_t)s->n);
		if (s->skip) {
			feed_carry(s, s->carry + skip, s->n - skip);
			s->at += skip;
			s->skip -= s->skip == SP_TO_END ? 0 : skip;
			if (s->skip)
				break;
			feed_skipped(f, side);
		}
		if (!s->n || (s->n < s->want && !last))
			break;
		enum sp_parse_result rc =
			feed_call(f, side, (struct sp_slice){s->carry, s->n}, last, udp, f->parser->parse);
		size_t used = f->p.used;
		s->want = 0;
		feed_check(rc <= SP_PARSE_BAD, f, "a result that is none");
		if (rc == SP_PARSE_MSG) {
			feed_check(used || ++idle <= SP_IDLE_MAX, f, "stands still");
			feed_msg(f, side);
			feed_begins(f, s, side);
		}
		if (rc == SP_PARSE_SKIP || rc == SP_PARSE_MORE)
			feed_passed(f, side, used + (rc == SP_PARSE_SKIP && f->p.want != SP_TO_END ? f->p.want : 0));
		if (rc == SP_PARSE_SKIP)
			feed_check(used || f->p.want || ++idle <= SP_IDLE_MAX, f, "stands still");
		if (used || f->p.want)
			idle = 0;
		if (rc == SP_PARSE_MSG || rc == SP_PARSE_SKIP)
			s->skip = f->p.want;
		if (rc == SP_PARSE_MORE) {
			feed_check(f->p.want > s->n - used, f, "wants no more than there is");
			feed_check(udp || last || f->p.want <= SP_CARRY_MAX, f, "wants more than may be carried");
			s->want = f->p.want;
		}
		if (rc == SP_PARSE_SWITCH)
			feed_stop(f, side, "switch ", f->p.next ? sp_app_name(f->p.next) : "");
		if (rc == SP_PARSE_BAD)
			feed_stop(f, side, "bad", "");
		feed_carry(s, s->carry + used, s->n - used);
		s->at += used;
		if (rc == SP_PARSE_MORE)
			break;
		if (rc == SP_PARSE_MSG && s->skip && s->skip != SP_TO_END && !s->n)
			continue;
	}
	if (last && s->skip) {
		s->skip = 0;
		feed_skipped(f, side);
	}
}

/* More bytes of one side; `last`: its stream ends with them. Datagrams stand alone. */
static inline void feed_bytes(struct feed *f, unsigned side, const void *bytes, size_t n, bool last, bool udp)
{
	struct feed_side *s = &f->side[side];
	if (f->stopped)
		return;
	f->bytes += n;
	if (udp)
		*s = (struct feed_side){.carry = (free(s->carry), NULL)};
	uint8_t *whole = malloc(s->n + n + 1);
	if (s->n)
		memcpy(whole, s->carry, s->n);
	if (n)
		memcpy(whole + s->n, bytes, n);
	feed_carry(s, whole, s->n + n);
	free(whole);
	feed_run(f, side, last || udp, udp);
}

/* The conversation is over. */
static inline void feed_end(struct feed *f, bool udp)
{
	for (unsigned side = 0; side < 2 && f->parser->end && !f->stopped; side++)
		for (unsigned n = 0; feed_call(f, side, SP_TEXT(""), true, udp, f->parser->end) == SP_PARSE_MSG;) {
			feed_check(++n <= SP_IDLE_MAX, f, "does not end");
			feed_msg(f, side);
		}
}

#endif
