/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as JSON Lines. What most calls of a flow have in common – its identity, its ends, its protocol – is kept as
 * text for as many flows as there is room for: a flow's calls come again and again. So do words, and the first digits
 * of times. */
#include <stdlib.h>

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
	if (r->texts.n[TEXT_##field]) {                                                                                \
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

#define TEXT_KEPT 256	/* a multiple of what is copied at once */
#define TEXT_COMMON 192 /* most are not longer */

/* What the calls of a flow have in common that are of one type. n 0: nothing is kept here. */
struct flow {
	uint64_t flow_id;
	struct sp_addr client;
	uint16_t client_port, app, n;
	uint8_t type, n_version;
	char version[16];
	char text[TEXT_KEPT], zero[16];
};
static_assert(sizeof(struct flow) == 320, "five cache lines");

/* All digits of a number but its last ones. */
struct head {
	uint64_t of; /* HEAD_NONE: nothing is kept here */
	uint8_t n;
	char digits[23];
};
#define HEAD_NONE UINT64_MAX

enum head_of { HEAD_request_id, HEAD_response_flow_id, HEAD_start_ns, HEAD_end_ns, HEADS };

#define STATUS_MAX 32	/* with its key */
#define KEPT_FLOWS 4096 /* powers of two */
#define KEPT_FIELDS 1024
#define FIELDS_EACH 32 /* of a parser; those of another may take its place */

struct kept {
	struct word field[KEPT_FIELDS], status[SP_STATUS_MAX];
	struct head head[HEADS];
	struct flow flow[KEPT_FLOWS];
};

static char *keep_word(char *p, struct word *w, const char *before, const char *word, const char *after)
{
	char *end = sp_json_text(sp_json_text(sp_json_text(p, before), word), after);
	size_t n = (size_t)(end - p);
	w->of = NULL;
	if (n <= sizeof w->text) {
		memcpy(w->text, p, n);
		w->n = (uint8_t)n;
		w->of = word;
	}
	return end;
}

/* Copies all of the room: constant size is cheap, and there is room behind. */
static inline char *put_word(char *p, struct word *w, const char *before, const char *word, const char *after)
{
	if (SP_UNLIKELY(w->of != word))
		return keep_word(p, w, before, word, after);
	memcpy(p, w->text, sizeof w->text);
	return p + w->n;
}

/* Statuses have words that nobody else writes. */
static inline char *put_status(char *p, struct word *w, uint8_t status)
{
	if (SP_UNLIKELY(!w->of))
		return keep_word(p, w, ",\"status\":\"", sp_status_name(status), "\"");
	memcpy(p, w->text, STATUS_MAX);
	return p + w->n;
}

static __attribute__((noinline)) void keep_head(struct head *h, uint64_t of)
{
	h->of = of;
	h->n = (uint8_t)(sp_put_u64(h->digits, of) - h->digits);
}

/* Identifiers follow each other. */
static inline char *put_id(char *p, struct head *h, uint64_t v)
{
	uint64_t of = v / 10;
	if (SP_UNLIKELY(h->of != of)) {
		if (!of)
			return sp_put_u64(p, v);
		keep_head(h, of);
	}
	memcpy(p, h->digits, sizeof h->digits);
	p += h->n;
	*p = (char)('0' + v % 10);
	return p + 1;
}

/* Numbers whose last eight digits are written together with those of another one. */
#define TAIL UINT32_C(100000000)

static inline char *put_tail(char *p, __m128i tails, bool second)
{
	_mm_storel_epi64((__m128i *)p, second ? _mm_srli_si128(tails, 8) : tails);
	return p + 8;
}

static inline __m128i tails_of(uint64_t a, uint64_t b)
{
	return sp_digits8_pair((uint32_t)(a % TAIL), (uint32_t)(b % TAIL));
}

/* Nanoseconds: calls of one tenth of a second have all other digits in common. */
static inline char *put_time(char *p, struct head *h, uint64_t ns, __m128i tails, bool second)
{
	uint64_t of = ns / TAIL;
	if (SP_UNLIKELY(h->of != of)) {
		if (!of)
			return sp_put_u64(p, ns);
		keep_head(h, of);
	}
	memcpy(p, h->digits, sizeof h->digits);
	return put_tail(p + h->n, tails, second);
}

/* A sequence number: its first two digits have no zero before them, if there are any. */
static inline char *put_seq(char *p, uint32_t v, __m128i tails, bool second)
{
	if (SP_UNLIKELY(v < TAIL))
		return sp_put_u64(p, v);
	return put_tail(sp_put_small(p, v / TAIL), tails, second);
}

static char *put_common(char *p, const struct sp_request_record *r, const struct sp_point *point)
{
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/request_common.def"
#undef SP_FIELD
	return p;
}

static __attribute__((noinline)) char *keep_common(char *p, struct flow *f, const struct sp_request_record *r,
						   const struct sp_point *point)
{
	char *end = put_common(p, r, point);
	size_t n = (size_t)(end - p);
	struct sp_slice version = sp_texts_slot(&r->texts, SP_SLOT_VERSION);
	if (r->response_flow_id)
		return end; /* its server is not the flow's */
	f->n = 0;
	if (n > TEXT_KEPT || version.n > sizeof f->version)
		return end;
	f->flow_id = r->flow_id;
	f->client = r->client_ip;
	f->client_port = r->client_port;
	f->app = r->app_proto;
	f->type = r->type;
	f->n_version = (uint8_t)version.n;
	memcpy(f->version, version.p, version.n);
	memcpy(f->text, p, n);
	f->n = (uint16_t)n;
	return end;
}

static inline bool is_kept(const struct flow *f, const struct sp_request_record *r)
{
	struct sp_slice version = sp_texts_slot(&r->texts, SP_SLOT_VERSION);
	return f->n && f->flow_id == r->flow_id && sp_addr_eq(&f->client, &r->client_ip) &&
	       f->client_port == r->client_port && f->app == r->app_proto && f->type == r->type &&
	       !r->response_flow_id && f->n_version == version.n &&
	       (!version.n || !memcmp(f->version, version.p, version.n));
}

/* A flow has a place for each type of its calls. */
static inline struct flow *place_of(struct kept *k, const struct sp_request_record *r)
{
	return &k->flow[(r->flow_id + r->type * (KEPT_FLOWS / SP_CALL_TYPE_MAX)) & (KEPT_FLOWS - 1)];
}

static inline char *put_kept_common(char *p, struct kept *k, const struct sp_request_record *r,
				    const struct sp_point *point)
{
	struct flow *f = place_of(k, r);
	if (SP_UNLIKELY(!is_kept(f, r)))
		return keep_common(p, f, r, point);
	for (size_t at = 0; at < f->n; at += 64) /* of constant size, and not more than half of it for nothing */
		memcpy(p + at, f->text + at, 64);
	return p + f->n;
}

void sp_json_request_soon(const struct sp_buf *out, const struct sp_request_record *r)
{
	if (!out->kept)
		return;
	const char *line = (const char *)place_of(out->kept, r);
	for (size_t at = 0; at < offsetof(struct flow, text) + TEXT_COMMON; at += SP_CACHE_LINE)
		sp_prefetch(line + at);
}

static __attribute__((noinline)) struct kept *new_kept(struct sp_buf *out)
{
	struct kept *k = out->kept = calloc(1, sizeof *k);
	if (!k) {
		sp_log("out of memory for %zu bytes of what is written again and again", sizeof *k);
		abort();
	}
	for (unsigned i = 0; i < HEADS; i++)
		k->head[i].of = HEAD_NONE;
	return k;
}

/* --- attributes --- */

static char *put_attributes(char *p, struct kept *k, const struct sp_request_record *r)
{
	const struct sp_texts *texts = &r->texts;
	const struct sp_parser *parser = sp_parser(r->parser);
	if (!parser)
		return p;
	struct word *word = &k->field[parser->app * FIELDS_EACH & (KEPT_FIELDS - 1)];
	PUT(",\"attributes\":{");
	for (unsigned run = 0; run < SP_TEXTS_RUNS; run++) {
		uint32_t at = texts->run_at[run];
		for (unsigned n = texts->run_n[run]; n; n--) {
			struct sp_slice value;
			uint8_t field = sp_texts_attribute(texts, &at, &value);
			p = put_word(p, &word[field % FIELDS_EACH], "\"", parser->fields[field], "\":\"");
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
#define JSON_ID(field) (PUT_QUOTED_KEY(field), p = put_id(p, &k->head[HEAD_##field], r->field), PUT("\""))
#define JSON_NS(field) (PUT_KEY(field), p = put_time(p, &k->head[HEAD_##field], r->field, times, SECOND_##field))
#define JSON_SEQ(field) (PUT_KEY(field), p = put_seq(p, r->field, seqs, SECOND_##field))
#define JSON_STATUS(field) p = put_status(p, &k->status[r->field], r->field)

void sp_json_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points, bool tagged)
{
	enum { ATTRIBUTE_NAME_MAX = 64 };
	size_t attributes = (size_t)r->texts.run_n[0] + r->texts.run_n[1];
	struct kept *k = SP_LIKELY(out->kept) ? out->kept : new_kept(out);
	sp_buf_reserve(out, request_size_max + sizeof(struct flow) + 6 * (size_t)r->texts.size +
				    attributes * (ATTRIBUTE_NAME_MAX + 8));
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = sp_json_point(points, r->point);
	__m128i times = tails_of(r->start_ns, r->end_ns), seqs = tails_of(r->req_tcp_seq, r->resp_tcp_seq);

	if (tagged)
		PUT(",\"record\":\"request\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#define SP_REQUEST_COMMON p = put_kept_common(p, k, r, point);
#include "flowtable/request_record.def"
#undef SP_REQUEST_COMMON
#undef SP_FIELD
	if (attributes)
		p = put_attributes(p, k, r);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
}
