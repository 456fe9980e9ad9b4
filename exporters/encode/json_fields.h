/* SPDX-License-Identifier: Apache-2.0 */
/* How fields of the record tables become JSON: keys are constants with their punctuation, copied by constant size; a
 * line is built with a comma before each key, and the first one becomes the opening brace. Private to the JSON
 * encoders. */
#ifndef SP_EXPORTERS_ENCODE_JSON_FIELDS_H
#define SP_EXPORTERS_ENCODE_JSON_FIELDS_H

#include <netinet/in.h>

#include "exporters/encode/text.h"
#include "exporters/exporter.h"
#include "parsers/parser.h"

/* Copies as many bytes as cost least: up to seven of zero behind the text, for which there is room. */
#define PUT_SIZE(n) ((n) <= 2 ? (n) : (n) <= 4 ? 4 : (n) <= 8 ? 8 : (n) <= 16 ? 16 : ((n) + 7) & ~(size_t)7)
#define PUT(text) (memcpy(p, text "\0\0\0\0\0\0\0", PUT_SIZE(sizeof(text) - 1)), p += sizeof(text) - 1)
#define PUT_KEY(name) PUT(",\"" #name "\":")
#define PUT_QUOTED_KEY(name) PUT(",\"" #name "\":\"")

static inline char *sp_json_text(char *p, const char *text)
{
	size_t n = strlen(text);
	memcpy(p, text, n);
	return p + n;
}

/* A name the contract has, else the number, as a string in either case. */
static inline char *sp_json_proto(char *p, uint8_t proto)
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

/* Names with commas between. */
static inline char *sp_json_limits(char *p, uint8_t limits)
{
	for (unsigned bit = 0; bit < SP_APP_LIMIT_BITS; bit++) {
		if (!(limits & 1U << bit))
			continue;
		p = sp_json_text(p, sp_app_limit_name(bit));
		limits &= (uint8_t) ~(1U << bit);
		if (limits)
			*p++ = ',';
	}
	return p;
}

/* The longest value of each type, with what stands around it. */
#define SIZE_POINT (6 * SP_POINT_NAME_MAX + 2)
#define SIZE_KIND 24
#define SIZE_ID (SP_DECIMAL_MAX + 2)
#define SIZE_NS SP_DECIMAL_MAX
#define SIZE_U64 SP_DECIMAL_MAX
#define SIZE_U32 10
#define SIZE_U8 3
#define SIZE_ADDR (SP_ADDR_TEXT_MAX + 2)
#define SIZE_PORT 5
#define SIZE_PROTO 8
#define SIZE_MAC 19
#define SIZE_DELAY (3 * SP_DECIMAL_MAX + 32)
#define SIZE_CLOSE 32
#define SIZE_FAILURE 16
#define SIZE_TRUE 4
#define SIZE_APP 34
#define SIZE_CID 32
#define SIZE_LIMITS 40
#define SIZE_HIDDEN 0
#define SIZE_HIDDEN16 0
#define SIZE_HIDDEN32 0
#define SIZE_LAYERS (64 + SP_LAYERS_MAX * (6 + 9 + 64 + 2 * SP_ADDR_TEXT_MAX))

/* One field of each type, key included. `p`, `r` and `point` are the encoder's. */
#define JSON_NUMBER(field) (PUT_KEY(field), p = sp_put_u64(p, r->field))
#define JSON_NS JSON_NUMBER
#define JSON_U64 JSON_NUMBER
#define JSON_U32 JSON_NUMBER
#define JSON_U8 JSON_NUMBER
#define JSON_PORT JSON_NUMBER
#define JSON_ID(field) (PUT_QUOTED_KEY(field), p = sp_put_u64(p, r->field), PUT("\""))
#define JSON_ADDR(field) (PUT_QUOTED_KEY(field), p += sp_addr_format(p, &r->field), PUT("\""))
#define JSON_PROTO(field) (PUT_QUOTED_KEY(field), p = sp_json_proto(p, r->field), PUT("\""))
#define JSON_MAC(field) (PUT_QUOTED_KEY(field), p = sp_put_mac(p, r->field.b), PUT("\""))
#define JSON_DELAY(field) (PUT_KEY(field), p = put_delay(p, &r->field))
#define JSON_CLOSE(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_close_reason_name(r->field)), PUT("\""))
#define JSON_FAILURE(field) (PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_failure_name(r->field)), PUT("\""))
#define JSON_TRUE(field) (PUT_KEY(field), PUT("true"))
#define JSON_CID(field) (PUT_QUOTED_KEY(field), p = put_community_id(p, r), PUT("\""))
#define JSON_LIMITS(field) (PUT_QUOTED_KEY(field), p = sp_json_limits(p, r->field), PUT("\""))
#define JSON_HIDDEN(field)
#define JSON_HIDDEN16(field)
#define JSON_HIDDEN32(field)
#define JSON_POINT(field)                                                                                              \
	if (point)                                                                                                     \
	(PUT_QUOTED_KEY(field), p = sp_put_json_string(p, point->name, strlen(point->name)), PUT("\""))
#define JSON_KIND(field)                                                                                               \
	if (point && point->kind != SP_POINT_UNKNOWN)                                                                  \
	(PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_point_kind_name(point->kind)), PUT("\""))
#define JSON_APP(field)                                                                                                \
	if (sp_app_name(r->field))                                                                                     \
	(PUT_QUOTED_KEY(field), p = sp_json_text(p, sp_app_name(r->field)), PUT("\""))

static inline const struct sp_point *sp_json_point(const struct sp_points *points, uint32_t index)
{
	return index < atomic_load_explicit(&points->n, memory_order_acquire) ? &points->point[index] : NULL;
}

void sp_json_request(struct sp_buf *out, const struct sp_request_record *r, const struct sp_points *points,
		     bool tagged);

#endif
