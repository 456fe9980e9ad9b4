/* SPDX-License-Identifier: Apache-2.0 */
/* Who a certificate says it is, who signed it and how long it holds (RFC 5280 section 4.1). Elements are read in the
 * order in which they must stand; nothing recurses. */
#include "base/cursor.h"
#include "parsers/tls_priv.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_OID = 0x06,
	TAG_UTC_TIME = 0x17,
	TAG_GENERALIZED_TIME = 0x18,
	TAG_BMP_STRING = 0x1e,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_VERSION = 0xa0,
	NAME_PARTS_MAX = 16,
	VALUE_MAX = 128, /* bytes of a name's part that are shown */
};

/* The next element's tag and content; `cut`: its end may be missing. */
static uint8_t element(struct sp_cursor *c, struct sp_slice *content, bool cut)
{
	uint8_t tag = sp_cursor_u8(c);
	size_t n = sp_cursor_u8(c);
	if (n & 0x80) {
		unsigned bytes = n & 0x7f;
		if (!bytes || bytes > 3)
			c->bad = true;
		for (n = 0; bytes && !c->bad; bytes--)
			n = n << 8 | sp_cursor_u8(c);
	}
	if (cut)
		n = SP_MIN(n, sp_cursor_left(c));
	*content = (struct sp_slice){sp_cursor_take(c, n), n};
	return c->bad ? 0 : tag;
}

/* An element that must be of this kind. */
static struct sp_slice expect(struct sp_cursor *c, uint8_t tag, bool cut)
{
	struct sp_slice content;
	if (element(c, &content, cut) != tag)
		c->bad = true;
	return c->bad ? (struct sp_slice){0} : content;
}

/* Attribute types by the bytes of their object identifiers. */
static const char *attribute(struct sp_slice oid)
{
	static const struct {
		const char *oid, *name;
	} known[] = {
		{"\x55\x04\x03", "CN"},
		{"\x55\x04\x04", "SN"},
		{"\x55\x04\x05", "serialNumber"},
		{"\x55\x04\x06", "C"},
		{"\x55\x04\x07", "L"},
		{"\x55\x04\x08", "ST"},
		{"\x55\x04\x09", "street"},
		{"\x55\x04\x0a", "O"},
		{"\x55\x04\x0b", "OU"},
		{"\x55\x04\x0c", "title"},
		{"\x55\x04\x2a", "GN"},
		{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"},
		{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"},
		{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"},
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(known); i++)
		if (sp_slice_is(oid, known[i].oid))
			return known[i].name;
	return NULL;
}

/* RFC 4514 section 2.4; of UTF-16 what is ASCII, the rest as question marks. */
static size_t put_value(struct sp_arena *a, uint8_t tag, struct sp_slice value)
{
	size_t step = tag == TAG_BMP_STRING ? 2 : 1, n = 0;
	value.n = SP_MIN(value.n, VALUE_MAX * step);
	for (size_t i = 0; i + step <= value.n; i += step) {
		uint8_t c = step == 1 ? value.p[i] : value.p[i] || value.p[i + 1] > 0x7e ? '?' : value.p[i + 1];
		if (memchr(",+\"\\<>;", c, 7))
			n += sp_arena_copy(a, SP_TEXT("\\")).n;
		n += sp_arena_copy(a, (struct sp_slice){&c, 1}).n;
	}
	return n;
}

struct name_part {
	const char *type;
	uint8_t tag;
	struct sp_slice value;
};

/* The parts of a name as they stand, those of unknown types left out. */
static unsigned name_parts(struct sp_slice name, struct name_part *part)
{
	struct sp_cursor c = sp_cursor(name);
	unsigned n = 0;
	while (n < NAME_PARTS_MAX && c.p < c.end && !c.bad) {
		struct sp_cursor set = sp_cursor(expect(&c, TAG_SET, false));
		while (n < NAME_PARTS_MAX && set.p < set.end && !set.bad) {
			struct sp_cursor pair = sp_cursor(expect(&set, TAG_SEQUENCE, false));
			part[n].type = attribute(expect(&pair, TAG_OID, false));
			part[n].tag = element(&pair, &part[n].value, false);
			n += part[n].type && part[n].tag;
		}
	}
	return n;
}

/* The last part, which says most, first. */
static struct sp_slice name_text(struct sp_arena *a, struct sp_slice name)
{
	struct name_part part[NAME_PARTS_MAX];
	struct sp_slice text = {a->p + a->n, 0};
	for (unsigned n = name_parts(name, part); n; n--) {
		const struct name_part *of = &part[n - 1];
		struct sp_slice separator = text.n ? SP_TEXT(", ") : SP_TEXT("");
		text.n += SP_JOIN(a, separator, sp_slice_of(of->type), SP_TEXT("=")).n;
		text.n += put_value(a, of->tag, of->value);
	}
	return text;
}

/* YYMMDDHHMMSSZ or with four digits of the year, as RFC 5280 has them. */
static struct sp_slice time_text(struct sp_arena *a, struct sp_cursor *c)
{
	struct sp_slice value;
	uint8_t tag = element(c, &value, false), t[] = "yyyy-mm-ddThh:mm:ssZ";
	static const uint8_t at[] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
	unsigned from = tag == TAG_UTC_TIME ? 2 : 0;
	if ((tag != TAG_UTC_TIME && tag != TAG_GENERALIZED_TIME) || value.n < sizeof at - from)
		return (struct sp_slice){0};
	for (unsigned i = 0; i + from < sizeof at; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return (struct sp_slice){0};
		t[at[i + from]] = value.p[i];
	}
	if (from)
		memcpy(t, value.p[0] >= '5' ? "19" : "20", 2);
	return sp_arena_copy(a, (struct sp_slice){t, sizeof t - 1});
}

bool sp_x509(struct sp_arena *a, struct sp_slice der, struct sp_certificate *ret)
{
	struct sp_cursor c = sp_cursor(der), inner;
	*ret = (struct sp_certificate){0};
	c = sp_cursor(expect(&c, TAG_SEQUENCE, true));
	c = sp_cursor(expect(&c, TAG_SEQUENCE, true));
	if (c.p < c.end && *c.p == TAG_VERSION)
		expect(&c, TAG_VERSION, false);
	expect(&c, TAG_INTEGER, false);
	expect(&c, TAG_SEQUENCE, false);
	struct sp_slice issuer = expect(&c, TAG_SEQUENCE, false);
	if (c.bad || !der.n)
		return false;
	ret->issuer = name_text(a, issuer);
	inner = sp_cursor(expect(&c, TAG_SEQUENCE, false));
	ret->not_before = time_text(a, &inner);
	ret->not_after = time_text(a, &inner);
	struct sp_slice subject = expect(&c, TAG_SEQUENCE, false);
	if (!c.bad)
		ret->subject = name_text(a, subject);
	return true;
}
