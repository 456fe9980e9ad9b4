/* SPDX-License-Identifier: Apache-2.0 */
/* DNS names (RFC 1035 3.1, 4.1.4, 5.1). */
#include <emmintrin.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "parsers/dns.h"

enum {
	JUMPS_MAX = 32, /* pointers one after the other: servers need one, or two */
	ENDPOINT_MAX = 64,
	PLAIN_MAX = 32,
};

size_t sp_dns_name_skip(struct sp_slice msg, size_t at)
{
	for (size_t end = SP_MIN(msg.n, at + DNS_NAME_MAX); at < end;) {
		uint8_t n = msg.p[at];
		if (SP_UNLIKELY(n > DNS_LABEL_MAX))
			return n >= 0xc0 && at + 2 <= msg.n ? at + 2 : 0;
		at += 1 + (size_t)n;
		if (!n)
			return at;
	}
	return 0;
}

static void put_escaped(struct sp_out *o, uint8_t c)
{
	if (c == '.' || c == '\\') {
		sp_out_char(o, '\\');
		sp_out_char(o, (char)c);
	} else if (c > 0x20 && c < 0x7f) {
		sp_out_char(o, (char)c);
	} else {
		sp_out_char(o, '\\');
		sp_out_char(o, (char)('0' + c / 100));
		sp_out_char(o, (char)('0' + c / 10 % 10));
		sp_out_char(o, (char)('0' + c % 10));
	}
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef int64_t words2 __attribute__((vector_size(16)));

/* A short label that stands for itself, when there is room for sixteen bytes on both sides. */
static inline bool put_plain_label(struct sp_out *o, const uint8_t *p, size_t n, size_t left)
{
	static const bytes16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	bytes16 x;
	if (n > sizeof x || left < sizeof x || sp_out_room(o) < sizeof x)
		return false;
	memcpy(&x, p, sizeof x);
	memcpy(o->p, &x, sizeof x);
	words2 odd = (words2)(((x - 0x21 > 0x7e - 0x21) | (x == '.') | (x == '\\')) & (index < (uint8_t)n));
	if (odd[0] | odd[1])
		return false;
	o->p += n;
	return true;
}

/* `left`: bytes from `p` on that may be read. */
static void put_label(struct sp_out *o, const uint8_t *p, size_t n, size_t left)
{
	if (SP_LIKELY(put_plain_label(o, p, n, left)))
		return;
	if (SP_UNLIKELY(n > sp_out_room(o)))
		n = sp_out_room(o);
	uint8_t *to = o->p;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];
		if (SP_UNLIKELY((uint8_t)(c - 0x21) > 0x7e - 0x21 || c == '.' || c == '\\')) {
			o->p = to + i;
			for (; i < n; i++)
				put_escaped(o, p[i]);
			return;
		}
		to[i] = c;
	}
	o->p = to + n;
}

/* One bit for each of sixteen bytes that does not stand for itself in a name. */
static inline uint32_t odd16(const uint8_t *p)
{
	bytes16 x;
	memcpy(&x, p, sizeof x);
	bytes16 odd = (bytes16)((x - 0x21 > 0x7e - 0x21) | (x == '.') | (x == '\\'));
	return (uint32_t)_mm_movemask_epi8((__m128i)odd);
}

/* The common name, in one piece: short, without pointers, of labels that stand for themselves. Returns the offset after
 * it; 0: it is another one, and nothing was written that counts. */
static inline size_t put_plain_name(struct sp_slice msg, size_t at, struct sp_out *o)
{
	enum { NAME_MAX = 32 };
	const uint8_t *text = msg.p + at + 1;
	uint32_t lengths = 0; /* bits of bytes that say a label's length, or that there is none */
	size_t n = 0, end = at;
	while (msg.p[end]) {
		end += 1 + (size_t)msg.p[end];
		n = end - at - 1;
		if (n > NAME_MAX || end >= msg.n)
			return 0;
		lengths |= (uint32_t)(UINT64_C(1) << n);
	}
	if (!n || sp_out_room(o) < NAME_MAX)
		return 0;
	uint8_t *to = o->p;
	sp_copy(to, text, n);
	uint32_t odd = odd16(to) | odd16(to + 16) << 16, inside = (uint32_t)((UINT64_C(1) << n) - 1);
	if (odd & inside & ~lengths)
		return 0;
	for (lengths &= inside; lengths; lengths &= lengths - 1)
		to[__builtin_ctz(lengths)] = '.';
	o->p += n;
	return end + 1;
}

/* Every jump leads further back than all before it, so that none comes twice. */
size_t sp_dns_name_put(struct sp_slice msg, size_t at, struct sp_out *o)
{
	size_t end = at < msg.n ? put_plain_name(msg, at, o) : 0, total = 0, lowest = at;
	if (SP_LIKELY(end))
		return end;
	for (unsigned jumps = 0; at < msg.n;) {
		uint8_t n = msg.p[at];
		if (!n) {
			if (!total)
				sp_out_char(o, '.');
			return end ? end : at + 1;
		}
		if (n >= 0xc0) {
			if (at + 2 > msg.n || ++jumps > JUMPS_MAX)
				return 0;
			size_t to = sp_be16(msg.p + at) & 0x3fff;
			end = end ? end : at + 2;
			if (to >= lowest)
				return 0;
			at = lowest = to;
			continue;
		}
		total += 1 + (size_t)n;
		if (n > DNS_LABEL_MAX || total >= DNS_NAME_MAX || n >= msg.n - at)
			return 0;
		if (total != 1 + (size_t)n)
			sp_out_char(o, '.');
		put_label(o, msg.p + at + 1, n, msg.n - at - 1);
		at += 1 + (size_t)n;
	}
	return 0;
}

uint64_t sp_dns_name_hash(struct sp_slice wire, uint16_t type)
{
	uint64_t fold = UINT64_C(0x2020202020202020), h = SP_HASH_K0 + type, tail = 0;
	size_t i = 0;
	for (; i + 8 <= wire.n; i += 8)
		h = sp_hash_mix(h ^ (sp_load64(wire.p + i) | fold), SP_HASH_K1);
	if (SP_LIKELY(i)) /* what is left, and some of what was there before it */
		return sp_hash_mix(h ^ (sp_load64(wire.p + wire.n - 8) | fold), SP_HASH_K1);
	for (; i < wire.n; i++)
		tail = tail << 8 | wire.p[i] | 0x20;
	return sp_hash_mix(h ^ tail, SP_HASH_K1);
}

/* Jumps as above. */
uint64_t sp_dns_name_hash_at(struct sp_slice msg, size_t at, uint16_t type)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t lowest = at, n = 0;
	for (unsigned jumps = 0; at < msg.n;) {
		size_t label = 1 + (size_t)msg.p[at];
		if (msg.p[at] >= 0xc0) {
			size_t to = at + 2 <= msg.n ? sp_be16(msg.p + at) & 0x3fff : lowest;
			if (to >= lowest || ++jumps > JUMPS_MAX)
				return 0;
			at = lowest = to;
			continue;
		}
		if (label > 1 + DNS_LABEL_MAX || label > msg.n - at || label > sizeof wire - n)
			return 0;
		memcpy(wire + n, msg.p + at, label);
		n += label;
		at += label;
		if (label == 1)
			return sp_dns_name_hash((struct sp_slice){wire, n}, type);
	}
	return 0;
}

/* "co.uk" and the like. */
static bool is_registry(struct sp_slice label)
{
	static const char *const known[] = {"co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go", NULL};
	for (const char *const *k = known; *k; k++)
		if (sp_slice_is(label, *k))
			return true;
	return false;
}

/* A number, or hexadecimal digits: somebody's, not a kind of name. */
static bool is_identifier(struct sp_slice label)
{
	size_t digits = 0;
	for (size_t i = 0; i < label.n; i++) {
		uint8_t c = label.p[i];
		bool digit = c >= '0' && c <= '9';
		digits += digit;
		if (!digit && c != '-' && (c < 'a' || c > 'f'))
			return false;
	}
	return digits && (digits == label.n ? label.n >= 4 : label.n >= 12);
}

/* A name's end in lower case. One bit for each of its dots, but for those that are part of a label. */
struct tail {
	struct sp_slice text;
	uint64_t dots;
};

/* Of a name in the same arena: bytes behind it may be read. False: no room. */
static bool lower_tail(struct sp_arena *a, struct sp_slice name, struct tail *t)
{
	size_t cut = name.n > ENDPOINT_MAX ? name.n - ENDPOINT_MAX : 0, n = name.n - cut;
	const uint8_t *from = name.p + cut;
	uint8_t *to = sp_arena_get(a, ENDPOINT_MAX);
	uint64_t dots = 0, backslashes = 0;
	if (!to)
		return false;
	for (size_t i = 0; i < n; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i letter = _mm_sub_epi8(x, _mm_set1_epi8('A'));
		__m128i capital = _mm_cmpeq_epi8(letter, _mm_min_epu8(letter, _mm_set1_epi8(25)));
		x = _mm_or_si128(x, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
		_mm_storeu_si128((__m128i *)(to + i), x);
		dots |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('.'))) << i;
		backslashes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))) << i;
	}
	*t = (struct tail){{to, n}, dots & ~(backslashes << 1)};
	a->n -= ENDPOINT_MAX - n;
	return true;
}

/* The label that ends before `end`. */
static inline struct sp_slice label_before(const struct tail *t, size_t end)
{
	uint64_t before = end ? t->dots << (64 - end) : 0;
	size_t n = before ? (size_t)__builtin_clzll(before) : end;
	return (struct sp_slice){t->text.p + end - n, n};
}

/* Should the name's tail of so many labels get one more? */
static bool goes_on(const struct tail *t, struct sp_slice last, struct sp_slice label, unsigned labels)
{
	if (labels == 1)
		return true;
	if (label.n && *label.p == '_')
		return labels < 4; /* _http._tcp.local */
	return labels == 2 && last.n == 2 && is_registry(label_before(t, t->text.n - 3));
}

/* Most names end in lower case, in two labels that are neither a registry's nor anybody's own. Returns where those
 * begin, 0: it is another name. Of a name of at most PLAIN_MAX bytes, behind which as many may be read. */
static inline size_t plain_tail(struct sp_slice name)
{
	uint32_t inside = (uint32_t)((UINT64_C(1) << name.n) - 1), dots = 0, odd = 0;
	for (size_t i = 0; i < name.n; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(name.p + i));
		__m128i letter = _mm_sub_epi8(x, _mm_set1_epi8('A'));
		__m128i capital = _mm_cmpeq_epi8(letter, _mm_min_epu8(letter, _mm_set1_epi8(25)));
		__m128i other = _mm_or_si128(capital, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		dots |= (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('.'))) << i;
		odd |= (uint32_t)_mm_movemask_epi8(other) << i;
	}
	dots &= inside;
	if (odd & inside || !(dots & (dots - 1)))
		return 0;
	unsigned last = 31 - (unsigned)__builtin_clz(dots);
	unsigned first = 32 - (unsigned)__builtin_clz(dots ^ UINT32_C(1) << last);
	uint32_t others = dots & ((UINT32_C(1) << (first - 1)) - 1);
	unsigned before = 31 - (unsigned)__builtin_clz(others << 1 | 1); /* where the label before those begins */
	uint8_t c = name.p[first];
	bool identifier = c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	return identifier || name.n - last == 3 || name.p[before] == '_' ? 0 : first;
}

struct sp_slice sp_dns_endpoint(struct sp_arena *a, struct sp_slice name)
{
	struct tail tail;
	size_t plain = name.n <= PLAIN_MAX && a->size - a->n >= PLAIN_MAX ? plain_tail(name) : 0;
	if (SP_LIKELY(plain))
		return (struct sp_slice){name.p + plain, name.n - plain};
	if (!lower_tail(a, name, &tail))
		return (struct sp_slice){0};
	struct sp_slice last = label_before(&tail, tail.text.n);
	size_t from = tail.text.n - last.n;
	for (unsigned labels = 1; from; labels++) {
		struct sp_slice label = label_before(&tail, from - 1);
		if (!goes_on(&tail, last, label, labels))
			break;
		if (is_identifier(label))
			return SP_JOIN(a, SP_TEXT("{id}."), last);
		from -= label.n + 1;
	}
	return (struct sp_slice){tail.text.p + from, tail.text.n - from};
}
