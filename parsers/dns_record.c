/* SPDX-License-Identifier: Apache-2.0 */
/* Resource records as text. What a type's data consists of is said by a string, a letter a field; what is long and
 * means nothing to people (keys, signatures) is cut. */
#include "base/cursor.h"
#include "parsers/dns.h"

enum {
	HEX_SHOWN = 20,
	TYPES_SHOWN = 16,
};

/* b u8, s u16, l u32, y type, n name, t character string, T all of them, r the rest as text, x the rest in hexadecimal,
 * 4 and 6 addresses, z NSEC3's salt, h its hash, m bitmap of types, p service parameters, g LOC's position. */
static const char layouts[DNS_TYPES_SHORT][9] = {
	[1] = "4",     [2] = "n",     [3] = "n",	 [4] = "n",	[5] = "n",     [6] = "nnlllll",
	[7] = "n",     [8] = "n",     [9] = "n",	 [12] = "n",	[13] = "tt",   [14] = "nn",
	[15] = "sn",   [16] = "T",    [17] = "nn",	 [18] = "sn",	[19] = "t",    [20] = "T",
	[21] = "sn",   [23] = "n",    [24] = "ybblllsn", [25] = "sbbx", [26] = "snn",  [28] = "6",
	[29] = "g",    [33] = "sssn", [35] = "sstttn",	 [36] = "sn",	[37] = "ssbx", [39] = "n",
	[43] = "sbbx", [44] = "bbx",  [46] = "ybblllsn", [47] = "nm",	[48] = "sbbx", [50] = "bbszhm",
	[51] = "bbsz", [52] = "bbbx", [53] = "bbbx",	 [56] = "T",	[59] = "sbbx", [60] = "sbbx",
	[62] = "lsm",  [63] = "lbbx", [64] = "snp",	 [65] = "snp",
};

static const char *layout_of(uint16_t type)
{
	if (type < DNS_TYPES_SHORT)
		return layouts[type];
	switch (type) {
	case DNS_SPF:
		return "T";
	case DNS_URI:
		return "ssr";
	case DNS_CAA:
		return "btr";
	case DNS_EUI48:
	case DNS_EUI64:
		return "x";
	case DNS_TA:
	case DNS_DLV:
		return "sbbx";
	default:
		return "";
	}
}

size_t sp_dns_record_at(struct sp_slice msg, size_t at, struct dns_record *r)
{
	r->name = at;
	at = sp_dns_name_skip(msg, at);
	if (!at || msg.n - at < 10)
		return 0;
	const uint8_t *p = msg.p + at;
	*r = (struct dns_record){r->name, at + 10, sp_be16(p), sp_be16(p + 2), sp_be16(p + 8), sp_be32(p + 4)};
	return r->n <= msg.n - r->data ? r->data + r->n : 0;
}

static void put_printable(struct sp_out *o, struct sp_slice s)
{
	for (size_t i = 0; i < s.n && o->p < o->end; i++)
		sp_out_char(o, s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?');
}

static void put_hex(struct sp_out *o, struct sp_slice s)
{
	sp_out_hex(o, (struct sp_slice){s.p, SP_MIN(s.n, (size_t)HEX_SHOWN)});
	if (s.n > HEX_SHOWN)
		sp_out_text(o, "...");
}

static struct sp_slice rest(struct sp_cursor *c)
{
	size_t n = sp_cursor_left(c);
	return (struct sp_slice){sp_cursor_take(c, n), n};
}

/* With a length before them; cut to what is there. */
static struct sp_slice counted(struct sp_cursor *c, size_t n)
{
	n = SP_MIN(n, sp_cursor_left(c));
	return (struct sp_slice){sp_cursor_take(c, n), n};
}

static void put_strings(struct sp_out *o, struct sp_cursor *c)
{
	for (bool first = true; sp_cursor_left(c) && o->p < o->end; first = false) {
		if (!first)
			sp_out_char(o, ' ');
		put_printable(o, counted(c, sp_cursor_u8(c)));
	}
}

/* RFC 4034 4.1.2. */
static void put_bitmap(struct sp_out *o, struct sp_cursor *c)
{
	unsigned shown = 0;
	while (sp_cursor_left(c) > 2) {
		unsigned window = sp_cursor_u8(c), n = sp_cursor_u8(c);
		struct sp_slice bits = counted(c, n);
		for (unsigned i = 0; i < bits.n * 8 && shown < TYPES_SHOWN; i++) {
			if (!(bits.p[i / 8] & 0x80 >> i % 8))
				continue;
			if (shown++)
				sp_out_char(o, ' ');
			sp_dns_type_put(o, (uint16_t)(window << 8 | i));
		}
	}
}

/* Base 32 with the extended alphabet, RFC 4648 7. */
static void put_hash(struct sp_out *o, struct sp_slice s)
{
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 8 | s.p[i];
		for (have += 8; have >= 5; have -= 5)
			sp_out_char(o, "0123456789abcdefghijklmnopqrstuv"[bits >> (have - 5) & 31]);
	}
	if (have)
		sp_out_char(o, "0123456789abcdefghijklmnopqrstuv"[bits << (5 - have) & 31]);
}

static void put_addresses(struct sp_out *o, struct sp_slice s, size_t size)
{
	for (size_t at = 0; at + size <= s.n && o->p < o->end; at += size) {
		if (at)
			sp_out_char(o, ',');
		sp_out_address(o, (struct sp_slice){s.p + at, size});
	}
}

static void put_alpn(struct sp_out *o, struct sp_slice s)
{
	struct sp_cursor c = sp_cursor(s);
	for (bool first = true; sp_cursor_left(&c); first = false) {
		if (!first)
			sp_out_char(o, ',');
		put_printable(o, counted(&c, sp_cursor_u8(&c)));
	}
}

/* RFC 9460. */
static void put_service_parameter(struct sp_out *o, unsigned key, struct sp_slice value)
{
	static const char names[][17] = {"mandatory", "alpn",	  "no-default-alpn", "port", "ipv4hint",
					 "ech",	      "ipv6hint", "dohpath",	     "ohttp"};
	if (key < SP_ARRAY_SIZE(names)) {
		sp_out_put(o, sp_slice_of(names[key]));
	} else {
		sp_out_text(o, "key");
		sp_out_u64(o, key);
	}
	if (!value.n)
		return;
	sp_out_char(o, '=');
	if (key == 1)
		put_alpn(o, value);
	else if (key == 3 && value.n == 2)
		sp_out_u64(o, sp_be16(value.p));
	else if (key == 4 || key == 6)
		put_addresses(o, value, key == 4 ? 4 : 16);
	else if (key == 7)
		put_printable(o, value);
	else
		put_hex(o, value);
}

static void put_service_parameters(struct sp_out *o, struct sp_cursor *c)
{
	for (bool first = true; sp_cursor_left(c) >= 4 && o->p < o->end; first = false) {
		unsigned key = sp_cursor_u16(c), n = sp_cursor_u16(c);
		if (!first)
			sp_out_char(o, ' ');
		put_service_parameter(o, key, counted(c, n));
	}
}

/* Thousandths of a second of arc, RFC 1876. */
static void put_angle(struct sp_out *o, uint32_t v, char positive, char negative)
{
	uint32_t equator = UINT32_C(1) << 31, arc = v >= equator ? v - equator : equator - v;
	sp_out_u64(o, arc / 3600000);
	sp_out_char(o, ' ');
	sp_out_u64(o, arc / 60000 % 60);
	sp_out_char(o, ' ');
	sp_out_u64(o, arc / 1000 % 60);
	sp_out_char(o, ' ');
	sp_out_char(o, v >= equator ? positive : negative);
}

static void put_position(struct sp_out *o, struct sp_cursor *c)
{
	enum { ZERO_ALTITUDE_CM = 10000000 };
	sp_cursor_take(c, 4); /* version, size, precisions */
	put_angle(o, sp_cursor_u32(c), 'N', 'S');
	sp_out_char(o, ' ');
	put_angle(o, sp_cursor_u32(c), 'E', 'W');
	int64_t metres = ((int64_t)sp_cursor_u32(c) - ZERO_ALTITUDE_CM) / 100;
	sp_out_text(o, " ");
	if (metres < 0)
		sp_out_char(o, '-');
	sp_out_u64(o, (uint64_t)(metres < 0 ? -metres : metres));
	sp_out_char(o, 'm');
}

static void put_name(struct sp_slice msg, struct sp_out *o, struct sp_cursor *c)
{
	size_t next = sp_dns_name_put(msg, (size_t)(c->p - msg.p), o);
	if (next && next <= (size_t)(c->end - msg.p))
		c->p = msg.p + next;
	else
		c->bad = true;
}

static void put_field(struct sp_slice msg, struct sp_out *o, struct sp_cursor *c, char kind)
{
	switch (kind) {
	case 'b':
		sp_out_u64(o, sp_cursor_u8(c));
		break;
	case 's':
		sp_out_u64(o, sp_cursor_u16(c));
		break;
	case 'l':
		sp_out_u64(o, sp_cursor_u32(c));
		break;
	case 'y':
		sp_dns_type_put(o, sp_cursor_u16(c));
		break;
	case 'n':
		put_name(msg, o, c);
		break;
	case 't':
		put_printable(o, counted(c, sp_cursor_u8(c)));
		break;
	case 'T':
		put_strings(o, c);
		break;
	case 'r':
		put_printable(o, rest(c));
		break;
	case '4':
		sp_out_address(o, counted(c, 4));
		break;
	case '6':
		sp_out_address(o, counted(c, 16));
		break;
	case 'z': {
		struct sp_slice salt = counted(c, sp_cursor_u8(c));
		salt.n ? put_hex(o, salt) : sp_out_char(o, '-');
		break;
	}
	case 'h':
		put_hash(o, counted(c, sp_cursor_u8(c)));
		break;
	case 'm':
		put_bitmap(o, c);
		break;
	case 'p':
		put_service_parameters(o, c);
		break;
	case 'g':
		put_position(o, c);
		break;
	default:
		put_hex(o, rest(c));
	}
}

void sp_dns_record_put(struct sp_slice msg, const struct dns_record *r, struct sp_out *o)
{
	struct sp_slice data = {msg.p + r->data, r->n};
	struct sp_cursor c = sp_cursor(data);
	const char *layout = layout_of(r->type);
	if (SP_LIKELY((r->type == DNS_A && data.n == 4) || (r->type == DNS_AAAA && data.n == 16))) { /* most are */
		if (r->type == DNS_A)
			sp_out_text(o, "A ");
		else
			sp_out_text(o, "AAAA ");
		sp_out_address(o, data);
		return;
	}
	sp_dns_type_put(o, r->type);
	if (!*layout && r->n)
		layout = "x";
	for (unsigned i = 0; i < sizeof *layouts && layout[i] && sp_cursor_left(&c) && !c.bad; i++) {
		sp_out_char(o, ' ');
		put_field(msg, o, &c, layout[i]);
	}
}
