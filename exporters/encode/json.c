/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines, straight from the field tables: every row of a .def file becomes one statement of its encoder. Keys are
 * constants with their punctuation, copied by constant size; room is reserved once a record. A line is built with a
 * comma before each key; the first one becomes the opening brace. */
#include <netinet/in.h>

#include "exporters/encode/text.h"
#include "exporters/exporter.h"
#include "flowtable/community_id.h"
#include "parsers/link/decode.h"
#include "parsers/parser.h"

#define PUT(text) (memcpy(p, text, sizeof(text) - 1), p += sizeof(text) - 1)
#define PUT_KEY(name) PUT(",\"" #name "\":")
#define PUT_QUOTED_KEY(name) PUT(",\"" #name "\":\"")

static char *put_text(char *p, const char *text)
{
	size_t n = strlen(text);
	memcpy(p, text, n);
	return p + n;
}

/* A name the contract has, else the number, as a string in either case. */
static char *put_proto(char *p, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return PUT("tcp");
	case IPPROTO_UDP:
		return PUT("udp");
	case IPPROTO_ICMP:
		return PUT("icmp");
	case IPPROTO_ICMPV6:
		return PUT("icmp6");
	case IPPROTO_SCTP:
		return PUT("sctp");
	default:
		return sp_put_u64(p, proto);
	}
}

static char *put_delay(char *p, const struct sp_delay *d)
{
	PUT("{\"count\":");
	p = sp_put_u64(p, d->count);
	PUT(",\"sum\":");
	p = sp_put_u64(p, d->sum);
	PUT(",\"max\":");
	p = sp_put_u64(p, d->max);
	*p++ = '}';
	return p;
}

static char *put_community_id(char *p, const struct sp_flow_record *r)
{
	struct sp_community_id id;
	sp_community_id_of(&id, r);
	PUT("1:");
	return sp_put_base64_20(p, id.sha1);
}

static char *put_tunnel(char *p, const struct sp_tunnel *t)
{
	PUT("{\"type\":\"");
	p = put_text(p, sp_tunnel_type_name(t->type < SP_TUNNEL_TYPE_MAX ? t->type : SP_TUNNEL_NONE));
	*p++ = '"';
	if (t->has_id) {
		PUT(",\"id\":");
		p = sp_put_u64(p, t->id);
	}
	if (t->has_addr) {
		PUT(",\"src\":\"");
		p += sp_addr_format(p, &t->src);
		PUT("\",\"dst\":\"");
		p += sp_addr_format(p, &t->dst);
		*p++ = '"';
	}
	*p++ = '}';
	return p;
}

static char *put_layers(char *p, const struct sp_layers *l)
{
	for (unsigned i = 0; i < SP_MIN(l->n_vlan, SP_LAYERS_MAX); i++) {
		p = i ? put_text(p, ",") : put_text(p, ",\"vlan\":[");
		p = sp_put_u64(p, l->vlan[i]);
	}
	if (l->n_vlan)
		*p++ = ']';
	for (unsigned i = 0; i < SP_MIN(l->n_mpls, SP_LAYERS_MAX); i++) {
		p = i ? put_text(p, ",") : put_text(p, ",\"mpls\":[");
		p = sp_put_u64(p, l->mpls[i]);
	}
	if (l->n_mpls)
		*p++ = ']';
	for (unsigned i = 0; i < SP_MIN(l->n_tunnel, SP_LAYERS_MAX); i++) {
		p = i ? put_text(p, ",") : put_text(p, ",\"tunnels\":[");
		p = put_tunnel(p, &l->tunnel[i]);
	}
	if (l->n_tunnel)
		*p++ = ']';
	return p;
}

/* The longest value of each type, with what stands around it. */
#define SIZE_POINT (6 * SP_POINT_NAME_MAX + 2)
#define SIZE_KIND 24
#define SIZE_ID (SP_TEXT_U64_MAX + 2)
#define SIZE_NS SP_TEXT_U64_MAX
#define SIZE_U64 SP_TEXT_U64_MAX
#define SIZE_U32 10
#define SIZE_U8 3
#define SIZE_ADDR (SP_ADDR_TEXT_MAX + 2)
#define SIZE_PORT 5
#define SIZE_PROTO 8
#define SIZE_MAC 19
#define SIZE_DELAY (3 * SP_TEXT_U64_MAX + 32)
#define SIZE_CLOSE 32
#define SIZE_FAILURE 16
#define SIZE_TRUE 4
#define SIZE_APP 34
#define SIZE_CID 32
#define SIZE_HIDDEN 0
#define SIZE_LAYERS (64 + SP_LAYERS_MAX * (6 + 9 + 64 + 2 * SP_ADDR_TEXT_MAX))

enum {
	flow_size_max = sizeof("{\"record\":\"flow\"}\n") + SP_TEXT_SLACK + SIZE_LAYERS
#define SP_FIELD(type, name, present, unit, ipfix, doc) +(int)sizeof(",\"" #name "\":") + SIZE_##type
#include "flowtable/flow_record.def"
#undef SP_FIELD
};

/* One field of each type, key included. `p`, `r` and `point` are the encoder's. */
#define JSON_NUMBER(field) (PUT_KEY(field), p = sp_put_u64(p, r->field))
#define JSON_NS JSON_NUMBER
#define JSON_U64 JSON_NUMBER
#define JSON_U32 JSON_NUMBER
#define JSON_U8 JSON_NUMBER
#define JSON_PORT JSON_NUMBER
#define JSON_ID(field) (PUT_QUOTED_KEY(field), p = sp_put_u64(p, r->field), PUT("\""))
#define JSON_ADDR(field) (PUT_QUOTED_KEY(field), p += sp_addr_format(p, &r->field), PUT("\""))
#define JSON_PROTO(field) (PUT_QUOTED_KEY(field), p = put_proto(p, r->field), PUT("\""))
#define JSON_MAC(field) (PUT_QUOTED_KEY(field), p = sp_put_mac(p, r->field.b), PUT("\""))
#define JSON_DELAY(field) (PUT_KEY(field), p = put_delay(p, &r->field))
#define JSON_CLOSE(field) (PUT_QUOTED_KEY(field), p = put_text(p, sp_close_reason_name(r->field)), PUT("\""))
#define JSON_FAILURE(field) (PUT_QUOTED_KEY(field), p = put_text(p, sp_failure_name(r->field)), PUT("\""))
#define JSON_TRUE(field) (PUT_KEY(field), PUT("true"))
#define JSON_CID(field) (PUT_QUOTED_KEY(field), p = put_community_id(p, r), PUT("\""))
#define JSON_HIDDEN(field)
#define JSON_POINT(field)                                                                                              \
	if (point)                                                                                                     \
	(PUT_QUOTED_KEY(field), p = sp_put_json_string(p, point->name, strlen(point->name)), PUT("\""))
#define JSON_KIND(field)                                                                                               \
	if (point && point->kind != SP_POINT_UNKNOWN)                                                                  \
	(PUT_QUOTED_KEY(field), p = put_text(p, sp_point_kind_name(point->kind)), PUT("\""))
#define JSON_APP(field)                                                                                                \
	if (sp_app_name(r->field))                                                                                     \
	(PUT_QUOTED_KEY(field), p = put_text(p, sp_app_name(r->field)), PUT("\""))

static const struct sp_point *find_point(const struct sp_points *points, uint32_t index)
{
	return index < atomic_load_explicit(&points->n, memory_order_acquire) ? &points->point[index] : NULL;
}

static void encode_flow(struct sp_buf *out, const struct sp_flow_record *r, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, flow_size_max);
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = find_point(points, r->point);

	if (tagged)
		PUT(",\"record\":\"flow\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/flow_record.def"
#undef SP_FIELD
	if (r->head.size > SP_FLOW_RECORD_PLAIN)
		p = put_layers(p, &r->layers);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
	assert(p - line <= flow_size_max - SP_TEXT_SLACK);
}

/* --- requests --- */

#define SIZE_TEXT 0 /* their bytes are added when they are known */
#define SIZE_CALL 8
#define SIZE_STATUS 12

enum {
	request_size_max = sizeof("{\"record\":\"request\"}\n") + SP_TEXT_SLACK + 64
#define SP_FIELD(type, name, present, unit, ipfix, doc) +(int)sizeof(",\"" #name "\":\"\"") + SIZE_##type
#include "flowtable/request_record.def"
#undef SP_FIELD
};

#define JSON_CALL(field) (PUT_QUOTED_KEY(field), p = put_text(p, sp_call_type_name(r->field)), PUT("\""))
#define JSON_STATUS(field) (PUT_QUOTED_KEY(field), p = put_text(p, sp_status_name(r->field)), PUT("\""))

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
		p = put_text(p, parser->fields[sp_texts_attribute(texts, &at, &value)]);
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

static void encode_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points,
			   bool tagged)
{
	enum { ATTRIBUTE_NAME_MAX = 64 };
	size_t attributes = (size_t)r->texts.run_n[0] + r->texts.run_n[1];
	sp_buf_reserve(out, request_size_max + 6 * (size_t)r->texts.size + attributes * (ATTRIBUTE_NAME_MAX + 8));
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = find_point(points, r->point);

	if (tagged)
		PUT(",\"record\":\"request\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/request_record.def"
#undef SP_FIELD
	p = put_attributes(p, r);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
}

static void encode(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points, bool tagged)
{
	if (record->kind == SP_RECORD_FLOW)
		encode_flow(out, (const struct sp_flow_record *)record, points, tagged);
	else if (record->kind == SP_RECORD_REQUEST)
		encode_request(out, (const struct sp_request_record *)record, points, tagged);
}

static void encode_plain(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points)
{
	encode(out, record, points, false);
}

static void encode_tagged(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points)
{
	encode(out, record, points, true);
}

const struct sp_encoder sp_encode_json = {"json", encode_plain};
const struct sp_encoder sp_encode_json_tagged = {"json", encode_tagged};
