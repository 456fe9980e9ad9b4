/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as JSON Lines. What many calls have in common – where and by whom they were answered, in which protocol – is
 * kept as text, for as many servers as there is room for. So are words, and the first digits of times. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"
#include "exporters/encode/json_fields.h"

#define SIZE_TEXT 0 /* their bytes are added when they are known */
#define SIZE_CALL 8
#define SIZE_STATUS 32
#define SIZE_SEQ SIZE_U32

enum {
	request_size_max = sizeof("{\"record\":\"request\"}\n") + SP_TEXT_SLACK + 64
#define SP_FIELD(type, name, present, unit, ipfix, doc) +(int)sizeof(",\"" #name "\":\"\"") + SIZE_##type
#include "flowtable/request_record.def"
#undef SP_FIELD
};

enum text_field {
#define X(sym, name) TEXT_##name = SP_SLOT_##sym,
	SP_SLOTS(X)
#undef X
};

#define JSON_TEXT(field)                                                                                               \
	if (SP_LIKELY(r->texts.n[TEXT_##field])) {                                                                     \
		struct sp_slice text = sp_texts_slot(&r->texts, TEXT_##field);                                         \
		PUT_QUOTED_KEY(field);                                                                                 \
		p = sp_put_json_near(p, text.p, text.n);                                                               \
		*p++ = '"';                                                                                            \
	}

#define JSON_CALL(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_call_type_name(r->field)), PUT("\""))

/* --- what comes again and again is kept as text --- */

/* A word with the punctuation around it. `of` NULL: nothing is kept here. */
struct word {
	const char *of;
	uint8_t n;
	char text[55];
};
static_assert(sizeof(struct word) == 64, "one cache line");
#define WORD_USUAL 32

/* A key with all digits of a number but its last ones. */
struct head {
	uint64_t base; /* that number with zeros for them */
	uint8_t n;
	char text[55];
};
static_assert(sizeof(struct head) == 64, "one cache line");

enum head_of { HEAD_request_id, HEAD_start_ns, HEAD_end_ns, HEADS };

/* Parts of what calls have in common: those of one flow, and those of all flows to one server. The first is written
 * anew for each call: memory for the text of every flow would cost more than its few numbers. */
enum part {
	PART_OWN,
	PART_POINT,
	PART_SERVER,
	PART_flow_id = PART_OWN,
	PART_point = PART_POINT,
	PART_kind = PART_POINT,
	PART_client_ip = PART_OWN,
	PART_client_port = PART_OWN,
	PART_server_ip = PART_SERVER,
	PART_server_port = PART_SERVER,
	PART_proto = PART_SERVER,
	PART_app_proto = PART_SERVER,
	PART_app_version = PART_SERVER,
	PART_type = PART_SERVER,
};

/* In records all that is in PART_SERVER stands together, but for the version. */
#define SERVER_AT offsetof(struct sp_request_record, server_ip)
#define SERVER_SIZE (offsetof(struct sp_request_record, start_ns) - SERVER_AT)
static_assert(SERVER_SIZE >= 16 && SERVER_SIZE <= 32, "is_same() compares as much");

#define POINT_KEPT 80
#define POINT_USUAL 32
#define SERVER_KEPT 192
#define SERVER_USUAL 96

/* What the calls have in common that are of one type and version, seen at one point and answered by one server. */
struct common {
	uint8_t server[SERVER_SIZE];
	uint16_t point;
	uint8_t has_ports, n_version, n_point, n_server; /* n_server 0: nothing is kept here */
	char version[16];
	char point_text[POINT_KEPT], server_text[SERVER_KEPT];
};
static_assert(sizeof(struct common) == 320, "five cache lines");

/* An IPv6 address: four octets are sooner written than looked for. n 0: none. */
struct address {
	struct sp_addr of;
	uint8_t n;
	char text[47];
};
static_assert(sizeof(struct address) == 64, "one cache line");

#define STATUS_MAX 32	 /* with its key */
#define KEPT_COMMON 1024 /* powers of two */
#define KEPT_ADDRESSES 1024
#define KEPT_FIELDS 1024
#define FIELDS_EACH 32 /* of a parser; those of another may take its place */

struct kept {
	struct word field[KEPT_FIELDS], status[SP_STATUS_MAX];
	struct head head[HEADS];
	struct common common[KEPT_COMMON];
	struct address address[KEPT_ADDRESSES];
};

static __attribute__((noinline)) char *keep_word(char *p, struct word *w, const char *before, const char *word,
						 const char *after)
{
	char *end = sp_json_text(sp_json_text(sp_json_text(p, before), word), after);
	size_t n = (size_t)(end - p);
	w->of = NULL;
	if (n <= sizeof w->text) {
		memmove(w->text, p, n);
		w->n = (uint8_t)n;
		w->of = word;
	}
	return end;
}

/* The usual length, or all of the room: constant size is cheap. */
static inline char *put_word(char *p, struct word *w, const char *before, const char *word, const char *after)
{
	if (SP_UNLIKELY(w->of != word))
		return keep_word(p, w, before, word, after);
	memcpy(p, w->text, WORD_USUAL);
	if (SP_UNLIKELY(w->n > WORD_USUAL))
		memcpy(p + WORD_USUAL, w->text + WORD_USUAL, sizeof w->text - WORD_USUAL);
	return p + w->n;
}

/* Statuses have words of their own, which are all kept. */
static inline char *put_status(char *p, const struct word *w)
{
	memcpy(p, w->text, STATUS_MAX);
	return p + w->n;
}

/* `base`: a multiple of `unit`. */
static __attribute__((noinline)) void keep_head(struct head *h, const char *key, uint64_t base, uint64_t unit)
{
	char *end = sp_json_text(h->text, key);
	h->base = base;
	h->n = (uint8_t)(sp_put_u64(end, base / unit) - h->text);
}

/* The last digits of a number, whose first ones are kept after this. */
static inline uint32_t tail_of(struct head *h, const char *key, uint64_t v, uint64_t unit)
{
	uint64_t tail = v - h->base;
	if (SP_UNLIKELY(tail >= unit)) {
		tail = v % unit;
		keep_head(h, key, v - tail, unit);
	}
	return (uint32_t)tail;
}

/* Copies more than there is: constant size is cheap. */
static inline char *put_head(char *p, const struct head *h, size_t room)
{
	memcpy(p, h->text, room);
	return p + h->n;
}

/* Identifiers follow each other. */
#define ID_KEY(name) ",\"" #name "\":\""
#define ID_TAIL 100

static inline char *put_id(char *p, struct head *h, const char *key, uint64_t v)
{
	if (SP_UNLIKELY(v < ID_TAIL))
		return sp_put_u64(sp_json_text(p, key), v);
	uint32_t tail = tail_of(h, key, v, ID_TAIL);
	return sp_put_pair(put_head(p, h, 48), tail);
}

/* Numbers whose last eight digits are written together with those of another one. */
#define NS_KEY(name) ",\"" #name "\":"
#define TAIL UINT32_C(100000000)

static inline char *put_tail(char *p, __m128i tails, bool second)
{
	if (second)
		_mm_storeh_pi((__m64 *)p, _mm_castsi128_ps(tails));
	else
		_mm_storel_epi64((__m128i *)p, tails);
	return p + 8;
}

/* Nanoseconds: calls of one tenth of a second have all other digits in common. */
static inline char *put_time(char *p, const struct head *h, const char *key, uint64_t ns, __m128i tails, bool second)
{
	if (SP_UNLIKELY(ns < TAIL))
		return sp_put_u64(sp_json_text(p, key), ns);
	return put_tail(put_head(p, h, 32), tails, second);
}

/* A sequence number: its first two digits have no zero before them, if there are any. */
static inline char *put_seq(char *p, uint32_t v, __m128i tails, bool second)
{
	if (SP_UNLIKELY(v < TAIL))
		return sp_put_u64(p, v);
	return put_tail(sp_put_small(p, v / TAIL), tails, second);
}

static inline char *put_part(char *p, const struct sp_request_record *r, const struct sp_point *point, enum part part)
{
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (PART_##name == part && (present)) {                                                                        \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/request_common.def"
#undef SP_FIELD
	return p;
}

static inline __m128i same16(const uint8_t *a, const uint8_t *b)
{
	return _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
}

/* Of 16 to 32 bytes. */
static inline bool is_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	return _mm_movemask_epi8(_mm_and_si128(same16(a, b), same16(a + n - 16, b + n - 16))) == 0xffff;
}

static inline const uint8_t *server_of(const struct sp_request_record *r)
{
	return (const uint8_t *)r + SERVER_AT;
}

static inline bool is_kept(const struct common *c, const struct sp_request_record *r)
{
	struct sp_slice version = sp_texts_slot(&r->texts, SP_SLOT_VERSION);
	return c->n_server && is_same(c->server, server_of(r), SERVER_SIZE) && c->point == r->point &&
	       c->has_ports == r->has_ports && c->n_version == version.n &&
	       (!version.n || !memcmp(c->version, version.p, version.n));
}

/* False: it is too long to be kept. There is room for it at `p`. */
static __attribute__((noinline)) bool keep_common(struct common *c, const struct sp_request_record *r,
						  const struct sp_points *points, char *p)
{
	struct sp_slice version = sp_texts_slot(&r->texts, SP_SLOT_VERSION);
	char *middle = put_part(p, r, sp_json_point(points, r->point), PART_POINT);
	char *end = put_part(middle, r, NULL, PART_SERVER);
	size_t n_point = (size_t)(middle - p), n_server = (size_t)(end - middle);
	c->n_server = 0;
	if (n_point > POINT_KEPT || n_server > SERVER_KEPT || version.n > sizeof c->version)
		return false;
	memcpy(c->server, server_of(r), SERVER_SIZE);
	c->point = r->point;
	c->has_ports = r->has_ports;
	c->n_version = (uint8_t)version.n;
	memcpy(c->version, version.p, version.n);
	memcpy(c->point_text, p, n_point);
	memcpy(c->server_text, middle, n_server);
	c->n_point = (uint8_t)n_point;
	c->n_server = (uint8_t)n_server;
	return true;
}

static inline struct common *common_of(struct kept *k, const struct sp_request_record *r)
{
	const uint8_t *end = server_of(r) + SERVER_SIZE;
	uint64_t hash = sp_hash_mix(sp_load64(end - 16) ^ r->point, sp_load64(end - 8) ^ SP_HASH_K0);
	struct common *c = &k->common[hash & (KEPT_COMMON - 1)];
	__asm__("" : "+r"(c)); /* gcc would work it out again and again */
	return c;
}

/* The usual length, or the greatest one: constant size is cheap. */
static inline char *put_kept(char *p, const struct common *c, enum part part)
{
	const char *text = part == PART_POINT ? c->point_text : c->server_text;
	size_t n = part == PART_POINT ? c->n_point : c->n_server;
	size_t usual = part == PART_POINT ? POINT_USUAL : SERVER_USUAL;
	size_t most = part == PART_POINT ? POINT_KEPT : SERVER_KEPT;
	memcpy(p, text, usual);
	if (SP_UNLIKELY(n > usual))
		memcpy(p + usual, text + usual, most - usual);
	return p + n;
}

static __attribute__((noinline)) char *put_kept_v6(char *p, struct kept *k, const struct sp_addr *of)
{
	uint64_t hash = sp_hash_mix(sp_load64(of->b) ^ SP_HASH_K0, sp_load64(of->b + 8) ^ SP_HASH_K1);
	struct address *a = &k->address[hash & (KEPT_ADDRESSES - 1)];
	if (SP_UNLIKELY(!a->n || !sp_addr_eq(&a->of, of))) {
		a->of = *of;
		a->n = (uint8_t)sp_addr_format(a->text, of);
	}
	memcpy(p, a->text, sizeof a->text);
	return p + a->n;
}

static inline char *put_address(char *p, struct kept *k, const struct sp_addr *a)
{
	return SP_LIKELY(sp_addr_is_v4(a)) ? sp_put_v4(p, a->b + 12) : put_kept_v6(p, k, a);
}

/* Of calls themselves; what is kept with others of a server is formatted once. */
#undef JSON_ADDR
#define JSON_ADDR(field) (PUT_QUOTED_KEY(field), p = put_address(p, k, &r->field), PUT("\""))

/* In the order of the table, whichever that is. `c` NULL: nothing is kept. */
static inline char *put_around(char *p, struct kept *k, const struct common *c, const struct sp_request_record *r,
			       const struct sp_points *points)
{
	const struct sp_point *point = c ? NULL : sp_json_point(points, r->point);
	enum part part = PART_OWN;
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (PART_##name == PART_OWN) {                                                                                 \
		if (present) {                                                                                         \
			JSON_##type(name);                                                                             \
		}                                                                                                      \
	} else if (PART_##name != part) {                                                                              \
		p = c ? put_kept(p, c, PART_##name) : put_part(p, r, point, PART_##name);                              \
	}                                                                                                              \
	part = PART_##name;
#include "flowtable/request_common.def"
#undef SP_FIELD
	return p;
}

static __attribute__((noinline)) char *put_long(char *p, struct kept *k, const struct sp_request_record *r,
						const struct sp_points *points)
{
	return put_around(p, k, NULL, r, points);
}

static inline char *put_common(char *p, struct kept *k, const struct sp_request_record *r,
			       const struct sp_points *points)
{
	struct common *c = common_of(k, r);
	if (SP_UNLIKELY(!is_kept(c, r)) && !keep_common(c, r, points, p))
		return put_long(p, k, r, points);
	return put_around(p, k, c, r, points);
}

/* Looked at once for all of them. */
static inline bool has_rare(const struct sp_request_record *r)
{
#define RARE_TEXT(name, present) r->texts.n[TEXT_##name]
#define RARE_TRUE(name, present) (present)
#define RARE_U32(name, present) (present)
#define RARE_ID(name, present) (present)
#define SP_FIELD(type, name, present, unit, ipfix, doc) | RARE_##type(name, present)
	return 0
#include "flowtable/request_rare.def"
		;
#undef SP_FIELD
}

static __attribute__((noinline)) char *put_rare(char *p, const struct sp_request_record *r)
{
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/request_rare.def"
#undef SP_FIELD
	return p;
}

static __attribute__((noinline)) struct kept *new_kept(struct sp_buf *out)
{
	struct kept *k = out->kept = calloc(1, sizeof *k);
	if (!k) {
		sp_log("out of memory for %zu bytes of what is written again and again", sizeof *k);
		abort();
	}
	for (unsigned i = 0; i < SP_STATUS_MAX; i++)
		keep_word(k->status[i].text, &k->status[i], ",\"status\":\"", sp_status_name(i), "\"");
	keep_head(&k->head[HEAD_request_id], ID_KEY(request_id), ID_TAIL, ID_TAIL);
	keep_head(&k->head[HEAD_start_ns], NS_KEY(start_ns), TAIL, TAIL);
	keep_head(&k->head[HEAD_end_ns], NS_KEY(end_ns), TAIL, TAIL);
	return k;
}

/* --- attributes --- */

static __attribute__((noinline)) char *put_attributes(char *p, struct kept *k, const struct sp_request_record *r)
{
	const struct sp_texts *texts = &r->texts;
	const struct sp_parser *parser = sp_parser(r->parser);
	if (!parser)
		return p;
	const char *const *name = parser->fields;
	struct word *word = &k->field[parser->app * FIELDS_EACH & (KEPT_FIELDS - 1)];
	PUT(",\"attributes\":{");
	for (unsigned run = 0; run < SP_TEXTS_RUNS; run++) {
		uint32_t at = texts->run_at[run];
		for (unsigned n = texts->run_n[run]; n; n--) {
			struct sp_slice value;
			uint8_t field = sp_texts_attribute(texts, &at, &value);
			p = put_word(p, &word[field % FIELDS_EACH], "\"", name[field], "\":\"");
			p = sp_put_json_near(p, value.p, value.n);
			PUT("\",");
		}
	}
	p[-1] = '}';
	return p;
}

/* These out of what is kept. Times, and sequence numbers, come in pairs. */
#undef JSON_ID
#undef JSON_NS
#define SECOND_start_ns false
#define SECOND_end_ns true
#define SECOND_req_tcp_seq false
#define SECOND_resp_tcp_seq true
#define JSON_ID(field) (p = put_id(p, &k->head[HEAD_##field], ID_KEY(field), r->field), PUT("\""))
#define JSON_NS(field) (p = put_time(p, &k->head[HEAD_##field], NS_KEY(field), r->field, times, SECOND_##field))
#define JSON_SEQ(field) (PUT_KEY(field), p = put_seq(p, r->field, seqs, SECOND_##field))
#define JSON_STATUS(field) p = put_status(p, &k->status[r->field])

static inline __m128i times_of(struct kept *k, const struct sp_request_record *r)
{
	return sp_digits8_pair(tail_of(&k->head[HEAD_start_ns], NS_KEY(start_ns), r->start_ns, TAIL),
			       tail_of(&k->head[HEAD_end_ns], NS_KEY(end_ns), r->end_ns, TAIL));
}

static inline __m128i seqs_of(const struct sp_request_record *r)
{
	if (!(r->has_req_seq | r->has_resp_seq))
		return _mm_setzero_si128();
	return sp_digits8_pair(r->req_tcp_seq % TAIL, r->resp_tcp_seq % TAIL);
}

/* At most: a byte of text becomes six. What comes with an attribute, its name before all, is no more than 24 bytes for
 * each of the bytes before its value. */
static inline size_t room_for(const struct sp_request_record *r)
{
	enum { ATTRIBUTE_NAME_MAX = 64, EACH = 24 };
	static_assert(EACH * SP_TEXTS_ATTRIBUTE_HEAD >= ATTRIBUTE_NAME_MAX + 8, "punctuation included");
	return request_size_max + sizeof(struct common) + EACH * (size_t)r->texts.size;
}

void sp_json_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points, bool tagged)
{
	struct kept *k = SP_LIKELY(out->kept) ? out->kept : new_kept(out);
	sp_buf_reserve(out, room_for(r));
	char *p = (char *)out->p + out->n;
	__m128i times = times_of(k, r), seqs = seqs_of(r);

	if (tagged)
		PUT(",\"record\":\"request\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (SP_LIKELY(present)) {                                                                                      \
		JSON_##type(name);                                                                                     \
	}
#define SP_REQUEST_COMMON p = put_common(p, k, r, points);
#define SP_REQUEST_RARE                                                                                                \
	if (SP_UNLIKELY(has_rare(r)))                                                                                  \
		p = put_rare(p, r);
#include "flowtable/request_record.def"
#undef SP_REQUEST_COMMON
#undef SP_REQUEST_RARE
#undef SP_FIELD
	if (r->texts.run_n[0] | r->texts.run_n[1])
		p = put_attributes(p, k, r);
	PUT("}\n");
	char *line = (char *)out->p + out->n;
	*line = '{';
	out->n += (size_t)(p - line);
}
