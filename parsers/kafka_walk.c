/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a Kafka message along its layout (kafka.h), field by field, and can stop at any of them. */
#include "parsers/kafka.h"

/* What a step through the layout came to; GO_ON: the next field. */
enum { GO_ON = -1 };

/* One call's surroundings. */
struct reader {
	struct sp_kafka_walk *w;
	struct sp_cursor *c;
	struct sp_kafka_found *f;
	struct sp_arena *arena;
	const uint8_t *start;
	uint64_t left; /* of the message from `start` on */
	uint64_t skip;
	/* Where the present field begins, and the last topic's name: on the wire, in the layout. */
	const uint8_t *at, *name_at;
	uint8_t layout, name_layout;
};

uint32_t sp_kafka_varint(struct sp_cursor *c)
{
	uint32_t v = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t b = sp_cursor_u8(c);
		v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

bool sp_kafka_tagged(struct sp_cursor *c)
{
	for (uint32_t n = sp_kafka_varint(c); n && !c->bad; n--) {
		sp_kafka_varint(c);
		sp_cursor_take(c, sp_kafka_varint(c));
	}
	return !c->bad;
}

void sp_kafka_walk_begin(struct sp_kafka_walk *w, const struct sp_kafka_api *api, uint8_t version, bool response)
{
	*w = (struct sp_kafka_walk){.layout = response ? api->response : api->request,
				    .version = version,
				    .flexible = version >= api->flexible};
}

/* A length or count as it stands before strings and arrays; 0 also for null. `wide`: 32 bits where it is not compact.
 */
static uint32_t length(struct reader *r, bool wide)
{
	if (r->w->flexible) {
		uint32_t n = sp_kafka_varint(r->c);
		return n ? n - 1 : 0;
	}
	int32_t n = wide ? (int32_t)sp_cursor_u32(r->c) : (int16_t)sp_cursor_u16(r->c);
	return n < 0 ? 0 : (uint32_t)n;
}

/* Passes over `size` bytes, of which the first `need` have to be there; `got` is what is there of them. */
static int pass(struct reader *r, uint64_t size, size_t need, struct sp_slice *got)
{
	size_t there = sp_cursor_left(r->c);
	*got = (struct sp_slice){r->c->p, (size_t)SP_MIN(size, (uint64_t)there)};
	if (r->c->bad || there < SP_MIN(size, (uint64_t)need))
		return SP_KAFKA_SHORT;
	if (size > r->left - (size_t)(r->c->p - r->start))
		return SP_KAFKA_WRONG;
	r->c->p += got->n;
	r->skip = size - got->n;
	return r->skip ? SP_KAFKA_SKIP : GO_ON;
}

/* The digits behind a field's letter. */
static bool in_version(struct sp_kafka_walk *w)
{
	const char *p = w->layout + w->at;
	unsigned from = 0, to = 0;
	if (*p < '0' || *p > '9')
		return true;
	while (*p >= '0' && *p <= '9')
		from = from * 10 + (unsigned)(*p++ - '0');
	if (*p == '-')
		for (p++; *p >= '0' && *p <= '9'; p++)
			to = to * 10 + (unsigned)(*p - '0');
	else
		to = UINT8_MAX;
	w->at = (uint8_t)(p - w->layout);
	return w->version >= from && w->version <= to;
}

/* Behind the bracket that closes the one before `at`. */
static void pass_layout(struct sp_kafka_walk *w)
{
	for (unsigned depth = 1; depth && w->layout[w->at]; w->at++)
		switch (w->layout[w->at]) {
		case '[':
		case '(':
			depth++;
			break;
		case ']':
		case ')':
			depth--;
		}
}

static int open_array(struct reader *r, uint32_t n)
{
	struct sp_kafka_walk *w = r->w;
	if (n > r->left)
		return SP_KAFKA_WRONG;
	if (!n || w->depth == KAFKA_DEPTH) {
		pass_layout(w);
		return n ? SP_KAFKA_WRONG : GO_ON;
	}
	w->begin[w->depth] = w->at;
	w->left[w->depth++] = n;
	r->f->id_last = r->f->name_last = false;
	return GO_ON;
}

static int close_structure(struct reader *r)
{
	struct sp_kafka_walk *w = r->w;
	if (w->flexible && !sp_kafka_tagged(r->c))
		return SP_KAFKA_SHORT;
	if (w->failed && w->depth <= w->failed_at)
		return SP_KAFKA_OVER;
	r->f->id_last = r->f->name_last = false;
	if (--w->left[w->depth - 1])
		w->at = w->begin[w->depth - 1];
	else
		w->depth--;
	return GO_ON;
}

/* A text whose beginning is of interest. */
static int text(struct reader *r, struct sp_slice *ret)
{
	struct sp_slice got;
	uint32_t n = length(r, false);
	int rc = pass(r, n, KAFKA_TEXT_MAX, &got);
	if (rc != SP_KAFKA_SHORT && rc != SP_KAFKA_WRONG && got.n)
		*ret = (struct sp_slice){got.p, SP_MIN(got.n, (size_t)KAFKA_TEXT_MAX)};
	return rc;
}

static void add_topic(struct sp_kafka_found *f, struct sp_slice topic, bool id)
{
	bool same = id ? f->name_last : f->id_last;
	if (!topic.n || (id && same))
		return;
	if (!same)
		f->topics++;
	if (f->topics <= KAFKA_TOPICS)
		f->topic[f->topics - 1] = topic;
	f->id_last = id;
	f->name_last = !id;
}

/* As Kafka's tools print it: base64 for URLs without padding. */
static struct sp_slice id_text(struct sp_arena *a, const uint8_t *id)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t *p = sp_arena_get(a, 22);
	for (unsigned i = 0; p && i < 22; i++) {
		unsigned bit = i * 6, byte = bit / 8;
		unsigned two = (unsigned)id[byte] << 8 | (byte + 1 < 16 ? id[byte + 1] : 0);
		p[i] = (uint8_t)digit[two >> (10 - bit % 8) & 63];
	}
	return (struct sp_slice){p, p ? 22 : 0};
}

/* What is shown of a topic that was not named here. */
static struct sp_slice topic_of(const struct reader *r, const uint8_t *id)
{
	if (r->f->topics >= KAFKA_TOPICS)
		return (struct sp_slice){id, 16}; /* it is only counted */
	struct sp_slice name = sp_kafka_names_find(r->f->names, id);
	return name.n ? name : id_text(r->arena, id);
}

static int topic_id(struct reader *r)
{
	static const uint8_t none[16];
	const uint8_t *id = sp_cursor_take(r->c, 16);
	bool named = r->f->name_last;
	if (!id && named) { /* the name goes with it */
		r->at = r->name_at;
		r->layout = r->name_layout;
	}
	if (!id)
		return SP_KAFKA_SHORT;
	if (!memcmp(id, none, sizeof none))
		return GO_ON;
	if (named)
		sp_kafka_names_learn(r->f->names, id, r->f->name);
	else
		add_topic(r->f, topic_of(r, id), true);
	return GO_ON;
}

/* An array of texts, all of which have to be there. */
static int texts(struct reader *r, char what)
{
	struct sp_kafka_found *f = r->f;
	for (uint32_t n = length(r, true); n && !r->c->bad; n--) {
		struct sp_slice got = {0};
		int rc = text(r, &got);
		if (rc != GO_ON)
			return rc == SP_KAFKA_WRONG ? rc : SP_KAFKA_SHORT;
		f->name_last = f->id_last = false;
		if (what == 'A')
			add_topic(f, got, false);
		else if (what == 'G' && !f->group.n)
			f->group = got;
		else if (what == 'X' && !f->transaction.n)
			f->transaction = got;
	}
	return r->c->bad ? SP_KAFKA_SHORT : GO_ON;
}

static int numbers(struct reader *r, char what)
{
	uint32_t n = length(r, true);
	unsigned size = what == 'C' ? 1 : what == 'Q' ? 8 : 4;
	struct sp_slice got;
	int rc = pass(r, (uint64_t)n * size, what == 'P' ? 4 : 0, &got);
	if (what == 'P' && n && (rc == GO_ON || rc == SP_KAFKA_SKIP) && !r->f->has_partition) {
		r->f->has_partition = true;
		r->f->partition = (int32_t)sp_be32(got.p);
	}
	return rc;
}

static int records(struct reader *r)
{
	struct sp_slice got;
	uint32_t n = length(r, true);
	int rc = pass(r, n, 0, &got);
	if (rc != GO_ON && rc != SP_KAFKA_SKIP)
		return rc;
	if (!r->f->records.n)
		r->f->records = got;
	r->f->messages += sp_kafka_batch_count(got);
	return rc;
}

static int error_text(struct reader *r)
{
	struct sp_slice got = {0};
	int rc = text(r, &got);
	if (rc == SP_KAFKA_SHORT || rc == SP_KAFKA_WRONG || !r->w->failed)
		return rc;
	r->f->error_text = got;
	return SP_KAFKA_OVER;
}

static int error_code(struct reader *r)
{
	int16_t code = (int16_t)sp_cursor_u16(r->c);
	if (r->c->bad)
		return SP_KAFKA_SHORT;
	if (code && !r->w->failed) {
		r->w->failed = true;
		r->w->error = code;
		r->w->failed_at = r->w->depth;
	}
	return GO_ON;
}

static int number(struct reader *r, char what)
{
	struct sp_kafka_found *f = r->f;
	uint64_t v = what == 'o'   ? sp_cursor_u64(r->c)
		     : what == 'p' ? sp_cursor_u32(r->c)
		     : what == 'K' ? sp_cursor_u8(r->c)
				   : sp_cursor_u16(r->c);
	if (r->c->bad)
		return SP_KAFKA_SHORT;
	if (what == 'o' && !f->has_offset) {
		f->has_offset = true;
		f->offset = (int64_t)v;
	} else if (what == 'p' && !f->has_partition) {
		f->has_partition = true;
		f->partition = (int32_t)v;
	} else if (what == 'K') {
		f->is_transaction = v == 1;
	} else if (what == 'k') {
		f->has_acks = true;
		f->acks = (int16_t)v;
	}
	return GO_ON;
}

/* A text that is kept when it is the first of its kind. */
static int name(struct reader *r, char what)
{
	struct sp_kafka_found *f = r->f;
	struct sp_slice got = {0}, *keep = NULL;
	int rc = text(r, &got);
	if (rc == SP_KAFKA_SHORT || rc == SP_KAFKA_WRONG)
		return rc;
	switch (what) {
	case 't':
		add_topic(f, got, false);
		f->name = got;
		r->name_at = r->at;
		r->name_layout = r->layout;
		return rc;
	case 'g':
		keep = &f->group;
		break;
	case 'x':
		keep = &f->transaction;
		break;
	case 'n':
		keep = &f->resource;
		break;
	case 'M':
		keep = &f->mechanism;
		break;
	case 'c':
		keep = &f->software;
		break;
	case 'v':
		keep = &f->software_version;
		break;
	}
	if (keep && !keep->n)
		*keep = got;
	return rc;
}

static int plain(struct reader *r, size_t n)
{
	return sp_cursor_take(r->c, n) ? GO_ON : SP_KAFKA_SHORT;
}

static int field(struct reader *r, char what)
{
	struct sp_slice got;
	switch (what) {
	case 'b':
		return plain(r, 1);
	case 'h':
		return plain(r, 2);
	case 'i':
		return plain(r, 4);
	case 'l':
		return plain(r, 8);
	case 'u':
		return plain(r, 16);
	case 's':
	case 'y':
		return pass(r, length(r, what == 'y'), 0, &got);
	case 'r':
		return records(r);
	case 'S':
	case 'A':
	case 'G':
	case 'X':
		return texts(r, what);
	case 'I':
	case 'C':
	case 'Q':
	case 'P':
		return numbers(r, what);
	case 'T':
		return topic_id(r);
	case 'e':
		return error_code(r);
	case 'm':
		return error_text(r);
	case 'o':
	case 'p':
	case 'k':
	case 'K':
		return number(r, what);
	default:
		return name(r, what);
	}
}

static int step(struct reader *r)
{
	struct sp_kafka_walk *w = r->w;
	char what = w->layout[w->at++];
	switch (what) {
	case 0:
	case '.':
		return SP_KAFKA_OVER;
	case ' ':
		return GO_ON;
	case ']':
	case ')':
		return close_structure(r);
	}
	bool there = in_version(w);
	if (what != '[' && what != '(')
		return there ? field(r, what) : GO_ON;
	if (!there) {
		pass_layout(w);
		return GO_ON;
	}
	uint32_t n = what == '[' ? length(r, true) : 1;
	return r->c->bad ? SP_KAFKA_SHORT : open_array(r, n);
}

enum sp_kafka_walked sp_kafka_walk(struct sp_kafka_walk *w, struct sp_cursor *c, uint64_t left, struct sp_arena *a,
				   struct sp_kafka_found *f, uint64_t *skip)
{
	struct reader r = {.w = w, .c = c, .f = f, .arena = a, .start = c->p, .left = left};
	int rc = GO_ON;
	while (rc == GO_ON) {
		r.at = c->p;
		r.layout = w->at;
		rc = step(&r);
		if (rc == SP_KAFKA_SHORT) {
			*c = (struct sp_cursor){.p = r.at, .end = c->end};
			w->at = r.layout;
		}
	}
	*skip = r.skip;
	return rc;
}
