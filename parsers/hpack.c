/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/hpack.h"

#include <string.h>

enum {
	STATIC_ROWS = 61,
	DEFAULT_LIMIT = 4096,
	OVERHEAD = 32, /* of an entry, as the RFC counts */
	INTEGER_BYTES = 5,
};

struct row {
	const char *name, *value;
	uint8_t name_n, value_n;
};
#define ROW(name, value)                                                                                               \
	{                                                                                                              \
		name, value, sizeof(name) - 1, sizeof(value) - 1                                                       \
	}

/* RFC 7541 appendix A. */
static const struct row rows[STATIC_ROWS + 1] = {
	[1] = ROW(":authority", ""),
	[2] = ROW(":method", "GET"),
	[3] = ROW(":method", "POST"),
	[4] = ROW(":path", "/"),
	[5] = ROW(":path", "/index.html"),
	[6] = ROW(":scheme", "http"),
	[7] = ROW(":scheme", "https"),
	[8] = ROW(":status", "200"),
	[9] = ROW(":status", "204"),
	[10] = ROW(":status", "206"),
	[11] = ROW(":status", "304"),
	[12] = ROW(":status", "400"),
	[13] = ROW(":status", "404"),
	[14] = ROW(":status", "500"),
	[15] = ROW("accept-charset", ""),
	[16] = ROW("accept-encoding", "gzip, deflate"),
	[17] = ROW("accept-language", ""),
	[18] = ROW("accept-ranges", ""),
	[19] = ROW("accept", ""),
	[20] = ROW("access-control-allow-origin", ""),
	[21] = ROW("age", ""),
	[22] = ROW("allow", ""),
	[23] = ROW("authorization", ""),
	[24] = ROW("cache-control", ""),
	[25] = ROW("content-disposition", ""),
	[26] = ROW("content-encoding", ""),
	[27] = ROW("content-language", ""),
	[28] = ROW("content-length", ""),
	[29] = ROW("content-location", ""),
	[30] = ROW("content-range", ""),
	[31] = ROW("content-type", ""),
	[32] = ROW("cookie", ""),
	[33] = ROW("date", ""),
	[34] = ROW("etag", ""),
	[35] = ROW("expect", ""),
	[36] = ROW("expires", ""),
	[37] = ROW("from", ""),
	[38] = ROW("host", ""),
	[39] = ROW("if-match", ""),
	[40] = ROW("if-modified-since", ""),
	[41] = ROW("if-none-match", ""),
	[42] = ROW("if-range", ""),
	[43] = ROW("if-unmodified-since", ""),
	[44] = ROW("last-modified", ""),
	[45] = ROW("link", ""),
	[46] = ROW("location", ""),
	[47] = ROW("max-forwards", ""),
	[48] = ROW("proxy-authenticate", ""),
	[49] = ROW("proxy-authorization", ""),
	[50] = ROW("range", ""),
	[51] = ROW("referer", ""),
	[52] = ROW("refresh", ""),
	[53] = ROW("retry-after", ""),
	[54] = ROW("server", ""),
	[55] = ROW("set-cookie", ""),
	[56] = ROW("strict-transport-security", ""),
	[57] = ROW("transfer-encoding", ""),
	[58] = ROW("user-agent", ""),
	[59] = ROW("vary", ""),
	[60] = ROW("via", ""),
	[61] = ROW("www-authenticate", ""),
};

/* How an entry lies in the table: this, name, value. Not aligned. */
struct entry {
	uint16_t name_n, value_n;
	uint8_t id;
	uint8_t unknown;
};
enum { NAME_UNKNOWN = 1, VALUE_UNKNOWN = 2 };
_Static_assert(sizeof(struct entry) <= OVERHEAD, "entries that the RFC lets in must fit");

/* A string as it came. */
struct string {
	struct sp_slice raw;
	bool huffman;
};

static uint8_t row_id(uint32_t row)
{
	return row >= 8 && row <= 14 ? SP_HPACK_STATUS : row >= 3 && row <= 7 ? row & ~1U : (uint8_t)row;
}

static uint32_t limit(const struct sp_hpack *h)
{
	return h->limited ? h->limit : DEFAULT_LIMIT;
}

/* What there is room for. */
static uint32_t kept(const struct sp_hpack *h)
{
	return SP_MIN(limit(h), (uint32_t)SP_HPACK_BYTES);
}

/* The i-th newest, from 0 on. */
static uint16_t entry_at(const struct sp_hpack *h, uint32_t i)
{
	return h->entry[(h->newest - i) % SP_HPACK_ENTRIES];
}

static void evict(struct sp_hpack *h, uint32_t until)
{
	while (h->size > until) {
		struct entry e;
		memcpy(&e, h->bytes + entry_at(h, --h->count), sizeof e);
		h->size -= e.name_n + e.value_n + OVERHEAD;
	}
	h->tail = h->count ? h->tail : 0;
}

void sp_hpack_forget(struct sp_hpack *h)
{
	h->size = h->tail = h->count = 0;
}

/* Moves all entries to the front, which happens once in a tableful. */
static void compact(struct sp_hpack *h)
{
	uint16_t first = entry_at(h, h->count - 1U);
	memmove(h->bytes, h->bytes + first, h->tail - first);
	for (uint32_t i = 0; i < h->count; i++)
		h->entry[(h->newest - i) % SP_HPACK_ENTRIES] -= first;
	h->tail -= first;
}

/* The field's text must not lie in the table. */
static void insert(struct sp_hpack *h, const struct sp_hpack_field *f)
{
	struct entry e = {(uint16_t)f->name.n, (uint16_t)f->value.n, f->id,
			  (f->name_unknown ? NAME_UNKNOWN : 0) | (f->value_unknown ? VALUE_UNKNOWN : 0)};
	size_t size = f->name.n + f->value.n + OVERHEAD;
	if (size > kept(h) && limit(h) > SP_HPACK_BYTES) {
		/* The other end has room for it: its place is kept. */
		bool named = f->name.n <= kept(h) - OVERHEAD;
		e.name_n = named ? e.name_n : 0;
		e.value_n = 0;
		e.unknown |= VALUE_UNKNOWN | (named ? 0 : NAME_UNKNOWN);
		size = e.name_n + OVERHEAD;
	}
	if (size > kept(h)) {
		sp_hpack_forget(h); /* as the RFC says: all go, and it does not come in */
		return;
	}
	evict(h, kept(h) - (uint32_t)size);
	size_t bytes = sizeof e + e.name_n + e.value_n;
	if (bytes > (size_t)(SP_HPACK_BYTES - h->tail))
		compact(h);
	uint8_t *to = h->bytes + h->tail;
	memcpy(to, &e, sizeof e);
	if (e.name_n)
		memcpy(to + sizeof e, f->name.p, e.name_n);
	if (e.value_n)
		memcpy(to + sizeof e + e.name_n, f->value.p, e.value_n);
	h->newest = (h->newest + 1) % SP_HPACK_ENTRIES;
	h->entry[h->newest] = h->tail;
	h->count++;
	h->size += (uint16_t)size;
	h->tail += (uint16_t)bytes;
}

static void look_up(const struct sp_hpack *h, uint32_t index, struct sp_hpack_field *f)
{
	if (index <= STATIC_ROWS) {
		const struct row *r = &rows[index];
		f->name = (struct sp_slice){(const uint8_t *)r->name, r->name_n};
		f->value = (struct sp_slice){(const uint8_t *)r->value, r->value_n};
		f->id = row_id(index);
		return;
	}
	uint32_t i = index - STATIC_ROWS - 1;
	if (!h || i >= h->count) {
		f->name_unknown = f->value_unknown = true;
		return;
	}
	struct entry e;
	const uint8_t *p = h->bytes + entry_at(h, i);
	memcpy(&e, p, sizeof e);
	f->name = (struct sp_slice){p + sizeof e, e.name_n};
	f->value = (struct sp_slice){p + sizeof e + e.name_n, e.value_n};
	f->id = e.id;
	f->name_unknown = e.unknown & NAME_UNKNOWN;
	f->value_unknown = e.unknown & VALUE_UNKNOWN;
	f->fleeting = true;
}

/* An integer with a prefix of some bits (RFC 7541 section 5.1). */
static enum sp_hpack_got integer(struct sp_slice *in, uint8_t mask, uint32_t *ret)
{
	if (!in->n)
		return SP_HPACK_SHORT;
	uint64_t v = *in->p & mask;
	size_t n = 1;
	if (v == mask) {
		uint8_t byte;
		do {
			if (n > INTEGER_BYTES)
				return SP_HPACK_WRONG;
			if (n == in->n)
				return SP_HPACK_SHORT;
			byte = in->p[n];
			v += (uint64_t)(byte & 127) << 7 * (n - 1);
			n++;
		} while (byte & 128);
	}
	if (v > UINT32_MAX)
		return SP_HPACK_WRONG;
	*ret = (uint32_t)v;
	*in = (struct sp_slice){in->p + n, in->n - n};
	return SP_HPACK_FIELD;
}

/* `missing`: bytes that are not there, at least. */
static enum sp_hpack_got string(struct sp_slice *in, struct string *s, size_t *missing)
{
	uint32_t n;
	*missing = 1;
	s->huffman = in->n && *in->p & 128;
	enum sp_hpack_got got = integer(in, 127, &n);
	if (got != SP_HPACK_FIELD)
		return got;
	if (n > in->n) {
		*missing = n - in->n;
		return SP_HPACK_SHORT;
	}
	s->raw = (struct sp_slice){in->p, n};
	*in = (struct sp_slice){in->p + n, in->n - n};
	return SP_HPACK_FIELD;
}

/* False: not the code. */
static bool decode(const struct string *s, struct sp_arena *a, struct sp_slice *text, bool *unknown)
{
	*text = s->raw;
	if (!s->huffman)
		return true;
	size_t room = SP_MIN(a->size - a->n, (size_t)SP_HPACK_VALUE_MAX), n;
	uint8_t *out = a->p + a->n;
	if (!sp_huffman(s->raw, out, room, &n))
		return false;
	*unknown = n == room && room < SP_HPACK_VALUE_MAX && s->raw.n;
	*text = (struct sp_slice){out, *unknown ? 0 : n};
	a->n += text->n;
	return true;
}

/* Adds the field to the table. */
static bool add(struct sp_hpack *h, const struct string *value, struct sp_arena *a, struct sp_hpack_field *f)
{
	if (f->fleeting) {
		/* The entry that gave the name may have to go. */
		size_t n = f->name.n;
		f->name = sp_arena_copy(a, f->name);
		f->name_unknown |= f->name.n < n;
		f->name.n = f->name_unknown ? 0 : n;
		f->fleeting = false;
	}
	f->huffman = false;
	if (!decode(value, a, &f->value, &f->value_unknown))
		return false;
	insert(h, f);
	return true;
}

static enum sp_hpack_got literal(struct sp_hpack *h, struct sp_slice *in, uint8_t mask, struct sp_arena *a,
				 struct sp_hpack_field *f)
{
	struct sp_slice rest = *in;
	struct string name = {0}, value = {0};
	uint32_t index;
	size_t missing = 1;
	enum sp_hpack_got got = integer(&rest, mask, &index);
	if (got == SP_HPACK_FIELD && !index) {
		got = string(&rest, &name, &missing);
		missing += got == SP_HPACK_SHORT; /* the value's length */
	}
	if (got == SP_HPACK_FIELD)
		got = string(&rest, &value, &missing);
	f->need = in->n + missing;
	if (got != SP_HPACK_FIELD)
		return got;
	*in = rest;
	if (index)
		look_up(h, index, f);
	else if (!decode(&name, a, &f->name, &f->name_unknown))
		return SP_HPACK_WRONG;
	f->value = value.raw;
	f->value_unknown = false;
	f->huffman = value.huffman;
	if (mask == 63 && h && !add(h, &value, a, f))
		return SP_HPACK_WRONG;
	return SP_HPACK_FIELD;
}

static enum sp_hpack_got resize(struct sp_hpack *h, struct sp_slice *in)
{
	uint32_t size;
	enum sp_hpack_got got = integer(in, 31, &size);
	if (got != SP_HPACK_FIELD || !h)
		return got;
	h->limit = size;
	h->limited = true;
	evict(h, kept(h));
	return got;
}

enum sp_hpack_got sp_hpack_next(struct sp_hpack *h, struct sp_slice *in, struct sp_arena *a, struct sp_hpack_field *f)
{
	*f = (struct sp_hpack_field){0};
	enum sp_hpack_got got = SP_HPACK_FIELD;
	while (in->n && (*in->p & 0xe0) == 0x20 && got == SP_HPACK_FIELD)
		got = resize(h, in);
	f->need = in->n + 1;
	if (got != SP_HPACK_FIELD)
		return got;
	if (!in->n)
		return SP_HPACK_NONE;
	if (!(*in->p & 128))
		return literal(h, in, *in->p & 64 ? 63 : 15, a, f);
	uint32_t index;
	got = integer(in, 127, &index);
	if (got != SP_HPACK_FIELD)
		return got;
	if (!index)
		return SP_HPACK_WRONG;
	look_up(h, index, f);
	return SP_HPACK_FIELD;
}

struct sp_slice sp_hpack_value(const struct sp_hpack_field *f, struct sp_arena *a)
{
	struct sp_slice value = f->value;
	bool unknown = false;
	if (f->huffman)
		return decode(&(struct string){f->value, true}, a, &value, &unknown) ? value : (struct sp_slice){0};
	value.n = SP_MIN(value.n, (size_t)SP_HPACK_VALUE_MAX);
	return f->fleeting ? sp_arena_copy(a, value) : value;
}
