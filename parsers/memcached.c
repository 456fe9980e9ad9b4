/* SPDX-License-Identifier: Apache-2.0 */
/* memcached: its text and meta commands (https://github.com/memcached/memcached/blob/master/doc/protocol.txt) and, by
 * the first byte of every message, its binary ones; over UDP with a header before each datagram. */
#include "parsers/memcached.h"
#include "parsers/names.h"
#include "parsers/words.h"

enum {
	TOKENS = 24,	  /* of a line that are looked at */
	LINE_SEEN = 8192, /* of a line of keys; the rest of longer ones is passed over */
	NAME_SHOWN = 32,
	DATAGRAM_HEADER = 8,
	DATAGRAMS_MAX = 1024, /* of one message: some 1.4 MB */
	FIRST_BINARY = 0x80,
};

/* A line in words. */
struct line {
	struct sp_slice word[TOKENS], text;
	uint32_t n, all; /* that are in `word`, and that there are */
	size_t size;	 /* with its end; 0: the line is longer than what is there */
};

/* Kinds of commands, by where their keys and data are. */
enum verb { OTHER, STORES, RETRIEVES, TOUCHES, CHANGES, META, META_STORES, META_ENDS, SILENT };

static enum verb verb_of(struct sp_slice word)
{
	switch (sp_word(word)) {
	case 'set':
	case 'add':
	case 'cas':
	case SP_WORD('appe', 'nd'):
	case SP_WORD('prep', 'end'):
	case SP_WORD('repl', 'ace'):
		return STORES;
	case 'get':
	case 'gets':
		return RETRIEVES;
	case 'gat':
	case 'gats':
		return TOUCHES;
	case 'decr':
	case 'incr':
	case SP_WORD('dele', 'te'):
	case SP_WORD('touc', 'h'):
		return CHANGES;
	case 'ma':
	case 'md':
	case 'me':
	case 'mg':
		return META;
	case 'ms':
		return META_STORES;
	case 'mn':
		return META_ENDS;
	case 'quit':
		return SILENT;
	default:
		return OTHER;
	}
}

/* Words up to the line's end. False: the end is not there, and may still come soon enough. */
static bool line_of(struct sp_slice in, struct line *l)
{
	const uint8_t *end = memchr(in.p, '\n', SP_MIN(in.n, (size_t)LINE_SEEN));
	if (!end && in.n < LINE_SEEN)
		return false;
	size_t n = end ? (size_t)(end - in.p) : LINE_SEEN, from = 0;
	l->size = end ? n + 1 : 0;
	l->n = l->all = 0;
	n -= end && n && end[-1] == '\r';
	l->text = (struct sp_slice){in.p, n};
	for (size_t i = 0; i <= n; i++) {
		if (i < n && in.p[i] != ' ')
			continue;
		if (i > from && l->all++ < TOKENS)
			l->word[l->n++] = (struct sp_slice){in.p + from, i - from};
		from = i + 1;
	}
	return true;
}

static bool number(struct sp_slice s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	if (!s.n || s.n > 10)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + s.p[i] - '0';
	}
	*ret = v;
	return v <= max;
}

void memcached_describe(struct sp_parse *p, struct sp_slice method, const struct sp_slice *key, unsigned n)
{
	enum { ROOM = NAME_SHOWN + MEMCACHED_TEXT_SHOWN * 4 };
	struct sp_msg *m = &p->msg;
	uint8_t *begin = sp_arena_get(p->arena, ROOM + MEMCACHED_KEY_MAX + 1), *to = begin;
	sp_msg_put(m, SP_SLOT_METHOD,
		   sp_msg_put(m, SP_SLOT_ENDPOINT, (struct sp_slice){method.p, SP_MIN(method.n, (size_t)NAME_SHOWN)}));
	if (!begin || p->terse)
		return;
	to = sp_put(to, sp_msg_slot(m, SP_SLOT_METHOD));
	for (unsigned i = 0; i < n && to < begin + ROOM; i++) {
		*to++ = ' ';
		to = sp_put(to, (struct sp_slice){key[i].p, SP_MIN(key[i].n, (size_t)MEMCACHED_KEY_MAX)});
	}
	sp_msg_put(m, SP_SLOT_RESOURCE, (struct sp_slice){begin, (size_t)(to - begin)});
	begin = to = sp_arena_get(p->arena, NAME_SHOWN + 1 + SP_NAME_ROOM);
	if (!begin || !n)
		return;
	to = sp_put(to, sp_msg_slot(m, SP_SLOT_METHOD));
	*to++ = ' ';
	struct sp_name_end name = sp_name_write(to, key[0], true);
	if (name.several)
		sp_msg_put(m, SP_SLOT_ENDPOINT, (struct sp_slice){begin, (size_t)(name.end - begin)});
}

/* The flag of a meta command with that letter. */
static const struct sp_slice *flag_of(const struct line *l, uint32_t from, char letter)
{
	for (uint32_t i = from; i < l->n; i++)
		if (*l->word[i].p == letter)
			return &l->word[i];
	return NULL;
}

static uint32_t hash_of(struct sp_slice s)
{
	uint32_t h = 2166136261;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 16777619;
	return h;
}

/* Keys, data behind the line, and whether an answer is wanted. */
struct command {
	enum verb verb;
	uint32_t key, keys, flags;
	uint64_t data; /* with its line end */
	bool quiet;
};

/* False: not memcached's. */
static bool command_of(const struct line *l, struct command *c)
{
	*c = (struct command){.verb = verb_of(l->word[0]), .key = 1, .flags = l->n};
	uint64_t size = 0;
	switch (c->verb) {
	case STORES:
		if (l->n < 5 || !number(l->word[4], MEMCACHED_BODY_MAX, &size))
			return false;
		c->keys = 1;
		c->data = size + 2;
		break;
	case RETRIEVES:
		c->keys = l->all - 1;
		return l->n > 1;
	case TOUCHES:
		c->key = 2;
		c->keys = l->all - 2;
		return l->n > 2;
	case META_STORES: {
		bool old = l->n > 2 && *l->word[2].p == 'S'; /* as 1.6.0 had it: with the other flags */
		struct sp_slice s = l->n > 2 ? l->word[2] : (struct sp_slice){0};
		if (l->n < 3 || !number((struct sp_slice){s.p + old, s.n - old}, MEMCACHED_BODY_MAX, &size))
			return false;
		c->data = size + 2;
		c->flags = 3;
		c->keys = 1;
		break;
	}
	case META:
		c->flags = 2;
		c->keys = 1;
		return l->n > 1;
	case CHANGES:
		c->keys = 1;
		return l->n > 1;
	case META_ENDS:
	case SILENT:
	case OTHER:
		break;
	}
	return true;
}

/* Which part of a call a command is, see memcached.h. */
static enum sp_msg_part part_of(struct memcached_state *st, const struct line *l, const struct command *c)
{
	bool open = st->batch, meta = c->verb == META || c->verb == META_STORES;
	bool quiet = meta && flag_of(l, c->flags, 'q');
	if (!open && !quiet)
		return SP_PART_WHOLE;
	st->batch = quiet;
	if (!open) {
		st->any_ends = false;
		st->end = 0;
	}
	if (!quiet) {
		const struct sp_slice *opaque = meta ? flag_of(l, c->flags, 'O') : NULL;
		st->any_ends = c->verb != META_ENDS && !opaque;
		st->end = opaque ? hash_of(*opaque) : 0;
	}
	return !open ? SP_PART_HEAD : quiet ? SP_PART_MIDDLE : SP_PART_TAIL;
}

/* A request's tag: how many keys it names, or that it is a batch. */
#define TAG_BATCH UINT32_MAX

static enum sp_parse_result request(struct sp_parse *p, struct memcached_state *st)
{
	struct line l;
	struct command c;
	if (!line_of(p->in, &l))
		return sp_parse_more(p, p->in.n + 1);
	if (!l.n)
		return l.size ? sp_parse_skip(p, l.size, 0) : SP_PARSE_BAD;
	if (*l.word[0].p < 'a' || *l.word[0].p > 'z' || !command_of(&l, &c) ||
	    (!l.size && c.verb != RETRIEVES && c.verb != TOUCHES))
		return SP_PARSE_BAD;
	bool asks = c.verb == RETRIEVES || c.verb == TOUCHES;
	bool silent = c.verb == SILENT || (l.n > 1 && !asks && sp_slice_is(l.word[l.n - 1], "noreply"));
	enum sp_msg_part part = silent ? SP_PART_WHOLE : part_of(st, &l, &c);
	struct sp_msg *m = sp_msg_begin(p, silent ? SP_MSG_ONEWAY : SP_MSG_REQUEST, part);
	if (part == SP_PART_WHOLE || part == SP_PART_HEAD) {
		uint32_t keys = SP_MIN(c.keys, l.n - SP_MIN(l.n, c.key));
		memcached_describe(p, l.word[0], l.word + c.key, keys);
		m->tag = part == SP_PART_HEAD ? TAG_BATCH : asks && l.size ? SP_MIN(c.keys, TAG_BATCH - 1) : 0;
		if (c.keys > 1 && l.size)
			sp_msg_extra(m, MEMCACHED_BATCH, sp_arena_u64(p->arena, c.keys));
		const struct sp_slice *opaque =
			c.verb == META || c.verb == META_STORES ? flag_of(&l, c.flags, 'O') : NULL;
		if (opaque)
			sp_msg_put(m, SP_SLOT_CORRELATION, (struct sp_slice){opaque->p + 1, opaque->n - 1});
	}
	if (!l.size) {
		m->part = SP_PART_HEAD;
		st->in_line = true;
		return sp_parse_msg(p, LINE_SEEN);
	}
	size_t all = l.size + (size_t)c.data;
	p->want = all - SP_MIN(all, p->in.n);
	return sp_parse_msg(p, SP_MIN(all, p->in.n));
}

/* The rest of a line of keys. */
static enum sp_parse_result line_end(struct sp_parse *p, struct memcached_state *st)
{
	const uint8_t *end = memchr(p->in.p, '\n', p->in.n);
	if (!end)
		return sp_parse_skip(p, p->in.n, 0);
	st->in_line = false;
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_TAIL);
	return sp_parse_msg(p, (size_t)(end + 1 - p->in.p));
}

/* A line of the server: the last one of a response, or one of several. */
enum answer { LAST, VALUE, LISTED, META_VALUE, LOGGED, NONE };

static enum answer answer_of(struct sp_slice word)
{
	switch (sp_word(word)) {
	case SP_WORD('VALU', 'E'):
		return VALUE;
	case 'VA':
		return META_VALUE;
	case 'STAT':
	case 'ITEM':
	case 'mg':
		return LISTED;
	default:
		break;
	}
	if (word.n > 4 && !memcmp(word.p, "key=", 4))
		return LISTED;
	if (word.n > 3 && !memcmp(word.p, "ts=", 3))
		return LOGGED;
	bool letters = (*word.p >= 'A' && *word.p <= 'Z') || (*word.p >= '0' && *word.p <= '9');
	return letters && word.n <= NAME_SHOWN ? LAST : NONE;
}

static void describe_answer(struct sp_parse *p, struct memcached_state *st, const struct line *l)
{
	struct sp_msg *m = &p->msg;
	struct sp_slice word = l->word[0];
	bool client = sp_slice_is(word, "CLIENT_ERROR") || sp_slice_is(word, "ERROR"),
	     server = sp_slice_is(word, "SERVER_ERROR");
	if (st->failed)
		return;
	m->status = client ? SP_STATUS_CLIENT_ERROR : server ? SP_STATUS_SERVER_ERROR : SP_STATUS_OK;
	st->failed = client || server;
	if (sp_slice_is(word, "VERSION") && l->n > 1)
		sp_msg_put(m, SP_SLOT_VERSION, l->word[1]);
	else if (*word.p >= 'A' && !sp_slice_is(word, "END"))
		sp_msg_put(m, SP_SLOT_CODE, word);
	size_t from = word.n + 1, n = l->text.n - SP_MIN(l->text.n, from);
	if (st->failed && n)
		sp_msg_put(m, SP_SLOT_MESSAGE,
			   (struct sp_slice){l->text.p + from, SP_MIN(n, (size_t)MEMCACHED_TEXT_SHOWN)});
}

/* Does this line end the batch that is answered? */
static bool ends_batch(const struct memcached_state *st, const struct line *l)
{
	const struct sp_slice *opaque = flag_of(l, 1, 'O');
	return sp_slice_is(l->word[0], "MN") || st->any_ends || (st->end && opaque && hash_of(*opaque) == st->end);
}

/* The end of a response, or of a part of one: `all` bytes of which some may still have to come. */
static enum sp_parse_result answered(struct sp_parse *p, struct memcached_state *st, bool end, uint32_t keys,
				     uint64_t all)
{
	struct sp_msg *m = &p->msg;
	m->part = st->values ? (end ? SP_PART_TAIL : SP_PART_MIDDLE) : end ? SP_PART_WHOLE : SP_PART_HEAD;
	st->values = !end;
	keys = keys == TAG_BATCH ? 0 : keys;
	if (end && (st->hits || keys)) {
		sp_msg_extra(m, MEMCACHED_HITS, sp_arena_u64(p->arena, st->hits));
		if (keys && keys >= st->hits)
			sp_msg_extra(m, MEMCACHED_MISSES, sp_arena_u64(p->arena, keys - st->hits));
	}
	size_t used = (size_t)SP_MIN(all, (uint64_t)p->in.n);
	p->want = all - used;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result log_line(struct sp_parse *p, size_t used)
{
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("watch")));
	return sp_parse_msg(p, used);
}

/* What has been passed of a response that goes on. */
static enum sp_parse_result so_far(struct sp_parse *p, struct memcached_state *st, uint64_t all)
{
	if (st->values) {
		size_t used = (size_t)SP_MIN(all, (uint64_t)p->in.n);
		return all ? sp_parse_skip(p, used, all - used) : sp_parse_more(p, p->in.n + 1);
	}
	return all ? answered(p, st, false, 0, all) : sp_parse_more(p, p->in.n + 1);
}

static enum sp_parse_result response(struct sp_parse *p, struct memcached_state *st)
{
	uint32_t keys = 0;
	struct line l;
	size_t at = 0;
	if (!st->values)
		st->hits = st->failed = 0;
	sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	for (;;) {
		struct sp_slice in = {p->in.p + at, p->in.n - at};
		uint64_t size = 0;
		if (!in.n || !line_of(in, &l))
			return so_far(p, st, at);
		enum answer answer = l.n && l.size ? answer_of(l.word[0]) : NONE;
		unsigned count = answer == VALUE ? 3 : 1;
		bool sized = answer == VALUE || answer == META_VALUE;
		if (answer == NONE || (sized && (l.n <= count || !number(l.word[count], MEMCACHED_BODY_MAX, &size))))
			return SP_PARSE_BAD;
		if (answer == LOGGED)
			return at || st->values ? SP_PARSE_BAD : log_line(p, l.size);
		uint64_t all = at + l.size + (sized ? size + 2 : 0);
		st->hits += sized && st->hits < TAG_BATCH;
		if (answer == LAST || answer == META_VALUE) {
			bool asked = p->asked(p, 0, &keys);
			describe_answer(p, st, &l);
			return answered(p, st, !asked || keys != TAG_BATCH || ends_batch(st, &l), asked ? keys : 0,
					all);
		}
		if (all >= p->in.n)
			return so_far(p, st, all);
		at = (size_t)all;
	}
}

static enum sp_parse_result message(struct sp_parse *p, struct memcached_state *st)
{
	if (p->side == SP_CLIENT && st->in_line)
		return line_end(p, st);
	if (*p->in.p >= FIRST_BINARY)
		return memcached_binary(p, st);
	return p->side == SP_CLIENT ? request(p, st) : response(p, st);
}

/* Request number, sequence number, how many datagrams, 0 or whatever. Only the first of several is read: others begin
 * anywhere. */
static bool is_datagram(struct sp_slice in)
{
	return in.n > DATAGRAM_HEADER && sp_be16(in.p + 2) < sp_be16(in.p + 4) && sp_be16(in.p + 4) <= DATAGRAMS_MAX;
}

static enum sp_parse_result datagram(struct sp_parse *p, struct memcached_state *st)
{
	size_t header = st->rest && st->rest == p->in.n ? 0 : DATAGRAM_HEADER, n = p->in.n;
	if (header && !is_datagram(p->in))
		return SP_PARSE_BAD;
	if (header && sp_be16(p->in.p + 2))
		return sp_parse_skip(p, n, 0);
	*st = (struct memcached_state){0};
	p->in = (struct sp_slice){p->in.p + header, n - header};
	enum sp_parse_result rc = message(p, st);
	if (rc == SP_PARSE_BAD)
		return rc;
	if (rc == SP_PARSE_MSG && header && !sp_msg_slot(&p->msg, SP_SLOT_CORRELATION).n)
		sp_msg_put(&p->msg, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, sp_be16(p->in.p - header)));
	if (rc == SP_PARSE_MSG)
		p->msg.part = SP_PART_WHOLE;
	if (rc == SP_PARSE_MSG && p->msg.kind == SP_MSG_RESPONSE && !p->msg.status)
		p->msg.status = SP_STATUS_OK; /* the end of it is in a later one */
	if (rc == SP_PARSE_MSG && st->batch)
		p->msg.kind = SP_MSG_ONEWAY; /* nothing ends a batch of one */
	p->used = rc == SP_PARSE_MORE || p->want ? n : p->used + header;
	p->want = 0;
	st->rest = (uint16_t)(n - p->used);
	return rc == SP_PARSE_MORE ? SP_PARSE_SKIP : rc;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	return p->transport == SP_UDP ? datagram(p, p->state) : message(p, p->state);
}

static const uint16_t ports[] = {11211, 0};

/* What a line that is known by its words begins with. */
static const char *const first_words[] = {
	"set",	"add",	   "cas",     "append",	    "prepend",	    "replace", "get",	    "gets",
	"gat",	"gats",	   "decr",    "incr",	    "delete",	    "touch",   "ma",	    "md",
	"me",	"mg",	   "ms",      "mn",	    "stats",	    "version", "flush_all", "END",
	"STAT", "DELETED", "TOUCHED", "EXISTS",	    "NOT_FOUND",    "VERSION", "HD",	    "EN",
	"MN",	"VA",	   "STORED",  "NOT_STORED", "CLIENT_ERROR", "VALUE",
};

/* A line of which the end is not there: its first word may be one of those, or become one. */
static bool may_be_line(struct sp_slice in)
{
	size_t n = 0;
	while (n < in.n && in.p[n] > ' ')
		n++;
	for (size_t i = 0; i < SP_ARRAY_SIZE(first_words); i++) {
		size_t size = strlen(first_words[i]);
		if ((n == size || (n == in.n && n < size)) && !memcmp(in.p, first_words[i], n))
			return true;
	}
	return false;
}

static enum sp_probe probe_answer(const struct line *l, enum sp_probe sure)
{
	static const char *const known[] = {"END",     "STAT", "DELETED", "TOUCHED", "EXISTS", "NOT_FOUND",
					    "VERSION", "HD",   "EN",	  "MN",	     "VA"};
	struct sp_slice word = l->word[0];
	if (sp_slice_is(word, "STORED") || sp_slice_is(word, "NOT_STORED") || sp_slice_is(word, "CLIENT_ERROR") ||
	    (sp_slice_is(word, "VALUE") && l->n >= 4))
		return SP_PROBE_YES;
	for (size_t i = 0; i < SP_ARRAY_SIZE(known); i++)
		if (sp_slice_is(word, known[i]))
			return sure;
	return SP_PROBE_NO;
}

/* Others have some of these words: beanstalkd, Redis' inline commands. */
static enum sp_probe probe_text(struct sp_parse *p)
{
	struct line l;
	struct command c;
	enum sp_probe sure = p->server_port == ports[0] ? SP_PROBE_YES : SP_PROBE_MAYBE;
	size_t n = SP_MIN(p->in.n, (size_t)MEMCACHED_TEXT_SHOWN);
	for (size_t i = 0; i < n && p->in.p[i] != '\r' && p->in.p[i] != '\n'; i++)
		if (p->in.p[i] < ' ' || p->in.p[i] > '~')
			return SP_PROBE_NO;
	if (!line_of((struct sp_slice){p->in.p, n}, &l))
		return n < MEMCACHED_TEXT_SHOWN && may_be_line(p->in) ? SP_PROBE_MAYBE : SP_PROBE_NO;
	if (!l.n)
		return SP_PROBE_NO;
	if (*l.word[0].p >= 'A' && *l.word[0].p <= 'Z')
		return probe_answer(&l, sure);
	if (!command_of(&l, &c))
		return SP_PROBE_NO;
	switch (c.verb) {
	case STORES:
	case META_STORES:
	case META_ENDS:
		return SP_PROBE_YES;
	case RETRIEVES:
		return l.word[0].n == 4 ? SP_PROBE_YES : sure;
	case TOUCHES:
		return SP_PROBE_YES;
	case META:
	case CHANGES:
		return sure;
	case SILENT:
	case OTHER:
		break;
	}
	bool known = sp_slice_is(l.word[0], "stats") || sp_slice_is(l.word[0], "version") ||
		     sp_slice_is(l.word[0], "flush_all");
	return known ? sure : SP_PROBE_NO;
}

static enum sp_probe probe(struct sp_parse *p)
{
	if (p->transport == SP_UDP) {
		if (!is_datagram(p->in))
			return SP_PROBE_NO;
		p->in = (struct sp_slice){p->in.p + DATAGRAM_HEADER, p->in.n - DATAGRAM_HEADER};
	}
	if (!p->in.n)
		return SP_PROBE_MAYBE;
	return *p->in.p >= FIRST_BINARY ? memcached_probe_binary(p) : probe_text(p);
}

static size_t resync(struct sp_parse *p)
{
	struct memcached_state *st = p->state;
	bool client = p->side == SP_CLIENT;
	if (client)
		st->batch = st->in_line = false;
	else
		st->values = false;
	for (size_t at = 0; at < p->in.n; at++) {
		struct sp_parse from = {.in = {p->in.p + at, p->in.n - at},
					.side = p->side,
					.transport = SP_TCP,
					.server_port = ports[0]};
		if (probe(&from) == SP_PROBE_YES)
			return at;
		const uint8_t *end = memchr(p->in.p + at, '\n', p->in.n - at);
		if (!end)
			break;
		at = (size_t)(end - p->in.p);
	}
	return SP_RESYNC_NONE;
}

static const struct sp_start starts[] = {
	{FIRST_BINARY << 8, 0xff00, SP_FROM_CLIENT},
	{0x81 << 8, 0xff00, SP_FROM_SERVER},
	SP_START_TEXT('s', 'e', SP_FROM_CLIENT), /* set */
	SP_START_TEXT('g', 'e', SP_FROM_CLIENT), /* get, gets */
	SP_START_TEXT('g', 'a', SP_FROM_CLIENT), /* gat, gats */
	SP_START_TEXT('a', 'd', SP_FROM_CLIENT), /* add */
	SP_START_TEXT('a', 'p', SP_FROM_CLIENT), /* append */
	SP_START_TEXT('p', 'r', SP_FROM_CLIENT), /* prepend */
	SP_START_TEXT('r', 'e', SP_FROM_CLIENT), /* replace */
	SP_START_TEXT('c', 'a', SP_FROM_CLIENT), /* cas */
	SP_START_TEXT('d', 'e', SP_FROM_CLIENT), /* delete, decr */
	SP_START_TEXT('i', 'n', SP_FROM_CLIENT), /* incr */
	SP_START_TEXT('t', 'o', SP_FROM_CLIENT), /* touch */
	SP_START_TEXT('s', 't', SP_FROM_CLIENT), /* stats */
	SP_START_TEXT('v', 'e', SP_FROM_CLIENT), /* version */
	SP_START_TEXT('f', 'l', SP_FROM_CLIENT), /* flush_all */
	SP_START_TEXT('m', 'g', SP_FROM_CLIENT),
	SP_START_TEXT('m', 's', SP_FROM_CLIENT),
	SP_START_TEXT('m', 'd', SP_FROM_CLIENT),
	SP_START_TEXT('m', 'a', SP_FROM_CLIENT),
	SP_START_TEXT('m', 'n', SP_FROM_CLIENT),
	SP_START_TEXT('m', 'e', SP_FROM_CLIENT),
	SP_START_TEXT('S', 'T', SP_FROM_SERVER),       /* STORED */
	SP_START_TEXT('N', 'O', SP_FROM_SERVER),       /* NOT_STORED */
	SP_START_TEXT('V', 'A', SP_FROM_SERVER),       /* VALUE */
	SP_START_TEXT('C', 'L', SP_FROM_SERVER),       /* CLIENT_ERROR */
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER), /* of a datagram: the number of a request */
	{0},
};

static const char *const fields[] = {
	[MEMCACHED_BATCH] = "db.operation.batch.size",
	[MEMCACHED_HITS] = "memcached.hits",
	[MEMCACHED_MISSES] = "memcached.misses",
	[MEMCACHED_FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/memcached_vectors.h"
#endif

const struct sp_parser sp_memcached_parser = {
	.name = "memcached",
	.title = "memcached",
	.missing = "datagrams after the first of one message; meta batches whose last command has neither mn nor an "
		   "opaque, beyond their "
		   "first answer",
	.app = SP_APP_MEMCACHED,
	.transports = SP_TCP | SP_UDP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct memcached_state),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
