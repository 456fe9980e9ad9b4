/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as JSON Lines. What all calls of a flow have in common – its identity, its ends – is kept as text for as
 * many flows as there is room for: a flow's calls come again and again. */
#include <stdlib.h>

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

#define JSON_CALL(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_call_type_name(r->field)), PUT("\""))
#define JSON_STATUS(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_status_name(r->field)), PUT("\""))

enum text_field {
#define X(sym, name) TEXT_##name = SP_SLOT_##sym,
	SP_SLOTS(X)
#undef X
};

#define JSON_TEXT(field)                                                                                               \
	if (r->texts.n[TEXT_##field]) {                                                                                \
		struct sp_slice text = sp_texts_slot(&r->texts, TEXT_##field);                                         \
		PUT_QUOTED_KEY(field);                                                                                 \
		p = sp_put_json_string(p, (const char *)text.p, text.n);                                               \
		*p++ = '"';                                                                                            \
	}

static char *put_run(char *p, const struct sp_parser *parser, const struct sp_texts *texts, unsigned run)
{
	uint32_t at = texts->run_at[run];
	for (unsigned i = 0; i < texts->run_n[run]; i++) {
		struct sp_slice value;
		*p++ = '"';
		p = sp_json_text(p, parser->fields[sp_texts_attribute(texts, &at, &value)]);
		PUT("\":\"");
		p = sp_put_json_string(p, (const char *)value.p, value.n);
		PUT("\",");
	}
	return p;
}

static char *put_attributes(char *p, const struct sp_request_record *r)
{
	const struct sp_parser *parser = sp_parser(r->parser);
	if (!(r->texts.run_n[0] | r->texts.run_n[1]) || !parser)
		return p;
	PUT(",\"attributes\":{");
	p = put_run(p, parser, &r->texts, 0);
	p = put_run(p, parser, &r->texts, 1);
	p[-1] = '}';
	return p;
}

/* --- what calls of a flow have in common --- */

#define CACHED_FLOWS 4096 /* a power of two */

struct cached {
	uint64_t flow_id;
	struct sp_addr client;
	uint16_t client_port, n; /* n 0: nothing is kept here */
	char text[228];
};
static_assert(sizeof(struct cached) == 256, "four cache lines");

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

/* From what is kept, or made and kept. Copies all of the room: constant size is cheap, and there is room behind. */
static char *put_cached(char *p, struct sp_buf *out, const struct sp_request_record *r, const struct sp_point *point)
{
	if (SP_UNLIKELY(!out->kept && !(out->kept = calloc(CACHED_FLOWS, sizeof(struct cached)))))
		return put_flow(p, r, point);
	struct cached *c = (struct cached *)out->kept + (r->flow_id & (CACHED_FLOWS - 1));
	if (SP_LIKELY(c->n && c->flow_id == r->flow_id && c->client_port == r->client_port &&
		      sp_addr_eq(&c->client, &r->client_ip))) {
		memcpy(p, c->text, sizeof c->text);
		return p + c->n;
	}
	char *end = put_flow(p, r, point);
	size_t n = (size_t)(end - p);
	c->n = 0;
	if (n > sizeof c->text)
		return end;
	*c = (struct cached){
		.flow_id = r->flow_id, .client = r->client_ip, .client_port = r->client_port, .n = (uint16_t)n};
	memcpy(c->text, p, n);
	return end;
}

void sp_json_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points, bool tagged)
{
	enum { ATTRIBUTE_NAME_MAX = 64 };
	size_t attributes = (size_t)r->texts.run_n[0] + r->texts.run_n[1];
	sp_buf_reserve(out, request_size_max + sizeof(struct cached) + 6 * (size_t)r->texts.size +
				    attributes * (ATTRIBUTE_NAME_MAX + 8));
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = sp_json_point(points, r->point);

	if (tagged)
		PUT(",\"record\":\"request\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#define SP_REQUEST_FLOW p = put_cached(p, out, r, point);
#include "flowtable/request_record.def"
#undef SP_REQUEST_FLOW
#undef SP_FIELD
	p = put_attributes(p, r);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
}
