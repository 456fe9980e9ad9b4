/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/ldap.h"

enum {
	DEPTH_MAX = 16, /* of filters in filters */
	ATTRIBUTE_TEXT = 64,
};

static struct sp_slice cut(struct sp_slice s, size_t n)
{
	return (struct sp_slice){s.p, SP_MIN(s.n, n)};
}

static void put_value(struct sp_out *o, struct sp_slice value, bool reveal)
{
	if (!reveal) {
		sp_out_char(o, '?');
		return;
	}
	for (size_t i = 0; i < value.n; i++)
		sp_out_char(o, value.p[i] >= 0x20 && value.p[i] < 0x7f ? (char)value.p[i] : '.');
}

static void put_assertion(struct sp_out *o, struct sp_slice filter, const char *relation, bool reveal)
{
	struct sp_cursor c = sp_cursor(filter);
	sp_out_put(o, cut(sp_ber_octets(&c), ATTRIBUTE_TEXT));
	sp_out_put(o, sp_slice_of(relation));
	put_value(o, sp_ber_octets(&c), reveal);
}

static void put_substrings(struct sp_out *o, struct sp_slice filter, bool reveal)
{
	enum { INITIAL = 0x80, FINAL = 0x82 };
	struct sp_cursor c = sp_cursor(filter), parts;
	struct sp_slice value;
	uint8_t tag;
	bool star = false;
	sp_out_put(o, cut(sp_ber_octets(&c), ATTRIBUTE_TEXT));
	sp_out_char(o, '=');
	for (parts = sp_cursor(sp_ber_octets(&c)); sp_ber_next(&parts, &tag, &value) && sp_out_room(o);) {
		if (tag != INITIAL && !star)
			sp_out_char(o, '*');
		put_value(o, value, reveal);
		star = tag != FINAL;
		if (star)
			sp_out_char(o, '*');
	}
}

/* attribute:dn:rule:=value, each but the last at most once */
static void put_extensible(struct sp_out *o, struct sp_slice filter, bool reveal)
{
	enum { RULE = 0x81, TYPE, VALUE };
	struct sp_cursor c = sp_cursor(filter);
	struct sp_slice value, rule = {0}, type = {0}, match = {0};
	uint8_t tag;
	while (sp_ber_next(&c, &tag, &value)) {
		rule = tag == RULE ? value : rule;
		type = tag == TYPE ? value : type;
		match = tag == VALUE ? value : match;
	}
	sp_out_put(o, cut(type, ATTRIBUTE_TEXT));
	if (rule.n)
		sp_out_char(o, ':');
	sp_out_put(o, cut(rule, ATTRIBUTE_TEXT));
	sp_out_text(o, ":=");
	put_value(o, match, reveal);
}

static void put_filter(struct sp_out *o, uint8_t tag, struct sp_slice filter, bool reveal, unsigned depth)
{
	static const char lists[] = {'&', '|', '!'};
	enum {
		AND = 0xa0,
		NOT = 0xa2,
		EQUAL,
		SUBSTRINGS,
		GREATER,
		LESS,
		PRESENT = 0x87,
		APPROXIMATE = 0xa8,
		EXTENSIBLE
	};
	struct sp_cursor c = sp_cursor(filter);
	struct sp_slice value;
	uint8_t inner;
	if (depth > DEPTH_MAX || !sp_out_room(o))
		return;
	sp_out_char(o, '(');
	if (tag >= AND && tag <= NOT) {
		sp_out_char(o, lists[tag - AND]);
		while (sp_out_room(o) && sp_ber_next(&c, &inner, &value))
			put_filter(o, inner, value, reveal, depth + 1);
	} else if (tag == EQUAL) {
		put_assertion(o, filter, "=", reveal);
	} else if (tag == GREATER) {
		put_assertion(o, filter, ">=", reveal);
	} else if (tag == LESS) {
		put_assertion(o, filter, "<=", reveal);
	} else if (tag == APPROXIMATE) {
		put_assertion(o, filter, "~=", reveal);
	} else if (tag == SUBSTRINGS) {
		put_substrings(o, filter, reveal);
	} else if (tag == PRESENT) {
		sp_out_put(o, cut(filter, ATTRIBUTE_TEXT));
		sp_out_text(o, "=*");
	} else if (tag == EXTENSIBLE) {
		put_extensible(o, filter, reveal);
	}
	sp_out_char(o, ')');
}

void sp_ldap_filter_put(struct sp_out *o, uint8_t tag, struct sp_slice filter, bool reveal)
{
	put_filter(o, tag, filter, reveal, 0);
}
