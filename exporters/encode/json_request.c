/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as JSON Lines. What all calls of a flow have in common – its identity, its ends – is kept as text for as
 * many flows as there is room for: a flow's calls come again and again. So do words, and the second that it is. */
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "exporters/encode/json_fields.h"

#define SIZE_TEXT 0 /* their bytes are added when they are known */
#define SIZE_CALL 8
#define SIZE_STATUS 12

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

/* --- what comes again and again is kept as text --- */

/* A word with the punctuation around it. `of` NULL: nothing is kept here. */
struct word {
	const char *of;
	uint8_t n;
	char text[55];
};
static_assert(sizeof(struct word) == 64, "one cache line");

/* What all calls of a flow have in common. n 0: nothing is kept here. */
struct flow {
	uint64_t flow_id;
	struct sp_addr client;
	uint16_t client_port, n;
	char text[228];
};
static_assert(sizeof(struct flow) == 256, "four cache lines");

#define KEPT_FLOWS 4096 /* powers of two */
#define KEPT_FIELDS 1024
#define FIELDS_EACH 32 /* of a parser; those of another may take its place */

struct kept {
	struct word app[SP_APP_MAX], field[KEPT_FIELDS], type[SP_CALL_TYPE_MAX], status[SP_STATUS_MAX];
	uint64_t second; /* the last one written, and its ten digits */
	char digits[16];
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

#define SECOND_MIN UINT64_C(1000000000) /* ten digits */

/* Nanoseconds. Their seconds are mostly those of the time before. */
static inline char *put_time(char *p, struct kept *k, uint64_t ns)
{
	uint64_t second = ns / SP_NS_PER_SEC;
	uint32_t rest = (uint32_t)(ns % SP_NS_PER_SEC);
	if (SP_UNLIKELY(second != k->second || !second)) {
		if (second < SECOND_MIN || second >= 10 * SECOND_MIN)
			return sp_put_u64(p, ns);
		k->second = second;
		sp_put_u64(k->digits, second);
	}
	memcpy(p, k->digits, sizeof k->digits);
	p[10] = (char)('0' + rest / 100000000);
	return sp_put_8digits(p + 11, rest % 100000000);
}

static char *put_flow(char *p, const struct sp_request_record *r, const struct sp_point *point)
{
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/request_flow.def"
#undef SP_FIELD
	return p;
}

static char *put_kept_flow(char *p, struct kept *k, const struct sp_request_record *r, const struct sp_point *point)
{
	struct flow *f = &k->flow[r->flow_id & (KEPT_FLOWS - 1)];
	if (SP_LIKELY(f->n && f->flow_id == r->flow_id && f->client_port == r->client_port &&
		      sp_addr_eq(&f->client, &r->client_ip) && !r->response_flow_id)) {
		memcpy(p, f->text, sizeof f->text);
		return p + f->n;
	}
	char *end = put_flow(p, r, point);
	size_t n = (size_t)(end - p);
	if (r->response_flow_id)
		return end; /* its server is not the flow's */
	f->n = 0;
	if (n > sizeof f->text)
		return end;
	*f = (struct flow){
		.flow_id = r->flow_id, .client = r->client_ip, .client_port = r->client_port, .n = (uint16_t)n};
	memcpy(f->text, p, n);
	return end;
}

void sp_json_request_soon(const struct sp_buf *out, const struct sp_request_record *r)
{
	if (!out->kept)
		return;
	const char *line = (const char *)&((const struct kept *)out->kept)->flow[r->flow_id & (KEPT_FLOWS - 1)];
	for (size_t at = 0; at < sizeof(struct flow); at += SP_CACHE_LINE)
		sp_prefetch(line + at);
}

static struct kept *kept_of(struct sp_buf *out)
{
	if (SP_UNLIKELY(!out->kept) && !(out->kept = calloc(1, sizeof(struct kept)))) {
		sp_log("out of memory for %zu bytes of what is written again and again", sizeof(struct kept));
		abort();
	}
	return out->kept;
}

/* --- attributes --- */

static char *put_run(char *p, struct kept *k, const struct sp_parser *parser, const struct sp_texts *texts,
		     unsigned run)
{
	uint32_t at = texts->run_at[run];
	for (unsigned i = 0; i < texts->run_n[run]; i++) {
		struct sp_slice value;
		uint8_t field = sp_texts_attribute(texts, &at, &value);
		struct word *w = &k->field[(parser->app * FIELDS_EACH + field) & (KEPT_FIELDS - 1)];
		p = put_word(p, w, "\"", parser->fields[field], "\":\"");
		p = sp_put_json_near(p, value.p, value.n);
		PUT("\",");
	}
	return p;
}

static char *put_attributes(char *p, struct kept *k, const struct sp_request_record *r)
{
	const struct sp_parser *parser = sp_parser(r->parser);
	if (!(r->texts.run_n[0] | r->texts.run_n[1]) || !parser)
		return p;
	PUT(",\"attributes\":{");
	p = put_run(p, k, parser, &r->texts, 0);
	p = put_run(p, k, parser, &r->texts, 1);
	p[-1] = '}';
	return p;
}

/* These as in json_fields.h, out of what is kept. */
#undef JSON_NS
#undef JSON_APP
#define JSON_NS(field) (PUT_KEY(field), p = put_time(p, k, r->field))
#define JSON_APP(field)                                                                                                \
	if (app)                                                                                                       \
	p = put_word(p, &k->app[r->field], ",\"" #field "\":\"", app, "\"")
#define JSON_CALL(field) p = put_word(p, &k->type[r->field], ",\"" #field "\":\"", sp_call_type_name(r->field), "\"")
#define JSON_STATUS(field) p = put_word(p, &k->status[r->field], ",\"" #field "\":\"", sp_status_name(r->field), "\"")

void sp_json_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points, bool tagged)
{
	enum { ATTRIBUTE_NAME_MAX = 64 };
	size_t attributes = (size_t)r->texts.run_n[0] + r->texts.run_n[1];
	struct kept *k = kept_of(out);
	sp_buf_reserve(out, request_size_max + sizeof(struct flow) + 6 * (size_t)r->texts.size +
				    attributes * (ATTRIBUTE_NAME_MAX + 8));
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = sp_json_point(points, r->point);
	const char *app = sp_app_name(r->app_proto);

	if (tagged)
		PUT(",\"record\":\"request\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#define SP_REQUEST_FLOW p = put_kept_flow(p, k, r, point);
#include "flowtable/request_record.def"
#undef SP_REQUEST_FLOW
#undef SP_FIELD
	p = put_attributes(p, k, r);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
}
