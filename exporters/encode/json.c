/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines, straight from the field tables: every row of a .def file becomes one statement of its encoder. Keys are
 * constants with their punctuation, copied by constant size; room is reserved once a record. A line is built with a
 * comma before each key; the first one becomes the opening brace. */
#include "exporters/encode/json_fields.h"
#include "exporters/encode/json_profile.h"
#include "exporters/encode/pcapng.h"
#include "flowtable/community_id.h"
#include "parsers/link/decode.h"
#include "parsers/parser.h"

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
	p = sp_json_text(p, sp_tunnel_type_name(t->type < SP_TUNNEL_TYPE_MAX ? t->type : SP_TUNNEL_NONE));
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
		p = i ? sp_json_text(p, ",") : sp_json_text(p, ",\"vlan\":[");
		p = sp_put_u64(p, l->vlan[i]);
	}
	if (l->n_vlan)
		*p++ = ']';
	for (unsigned i = 0; i < SP_MIN(l->n_mpls, SP_LAYERS_MAX); i++) {
		p = i ? sp_json_text(p, ",") : sp_json_text(p, ",\"mpls\":[");
		p = sp_put_u64(p, l->mpls[i]);
	}
	if (l->n_mpls)
		*p++ = ']';
	for (unsigned i = 0; i < SP_MIN(l->n_tunnel, SP_LAYERS_MAX); i++) {
		p = i ? sp_json_text(p, ",") : sp_json_text(p, ",\"tunnels\":[");
		p = put_tunnel(p, &l->tunnel[i]);
	}
	if (l->n_tunnel)
		*p++ = ']';
	return p;
}

enum {
	flow_size_max = sizeof("{\"record\":\"flow\"}\n") + SP_TEXT_SLACK + SIZE_LAYERS
#define SP_FIELD(type, name, present, unit, ipfix, doc) +(int)sizeof(",\"" #name "\":") + SIZE_##type
#include "flowtable/flow_record.def"
#undef SP_FIELD
};

static void encode_flow(struct sp_buf *out, const struct sp_flow_record *r, const struct sp_points *points, bool tagged)
{
	sp_buf_reserve(out, flow_size_max);
	char *line = (char *)out->p + out->n, *p = line;
	const struct sp_point *point = sp_json_point(points, r->point);

	if (tagged)
		PUT(",\"record\":\"flow\"");
#define SP_FIELD(type, name, present, unit, ipfix, doc)                                                                \
	if (present) {                                                                                                 \
		JSON_##type(name);                                                                                     \
	}
#include "flowtable/flow_record.def"
#undef SP_FIELD
	if (sp_flow_record_has_layers(r))
		p = put_layers(p, &r->layers);
	PUT("}\n");
	*line = '{';
	out->n += (size_t)(p - line);
	assert(p - line <= flow_size_max - SP_TEXT_SLACK);
}

static void encode(struct sp_buf *out, const struct sp_record_head *record, const struct sp_points *points, bool tagged)
{
	if (record->kind == SP_RECORD_REQUEST)
		sp_json_request(out, (const struct sp_request_record *)record, points, tagged);
	else if (record->kind == SP_RECORD_FLOW)
		encode_flow(out, (const struct sp_flow_record *)record, points, tagged);
	else if (record->kind == SP_RECORD_PROFILE)
		sp_json_profile(out, (const struct sp_profile_record *)record, points, tagged);
	else if (record->kind == SP_RECORD_PACKET && !tagged)
		sp_pcapng_packet(out, (const struct sp_packet_record *)record, points);
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
