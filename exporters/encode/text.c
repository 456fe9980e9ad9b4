/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/encode/text.h"

static const char hex[] = "0123456789abcdef";

char *sp_put_mac(char *p, const uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		p[0] = hex[mac[i] >> 4];
		p[1] = hex[mac[i] & 15];
		p[2] = ':';
		p += 3;
	}
	return p - 1;
}

static char *put_base64_3(char *p, uint32_t v)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	p[0] = set[v >> 18 & 63];
	p[1] = set[v >> 12 & 63];
	p[2] = set[v >> 6 & 63];
	p[3] = set[v & 63];
	return p + 4;
}

char *sp_put_base64_20(char *p, const uint8_t *b)
{
	for (int i = 0; i < 18; i += 3)
		p = put_base64_3(p, (uint32_t)b[i] << 16 | (uint32_t)b[i + 1] << 8 | b[i + 2]);
	p = put_base64_3(p, (uint32_t)b[18] << 16 | (uint32_t)b[19] << 8);
	p[-1] = '=';
	return p;
}

/* Length of the UTF-8 sequence that begins at s (RFC 3629: shortest form, no surrogates, up to U+10FFFF), 0 when there
 * is none. */
static size_t utf8_length(const uint8_t *s, size_t n)
{
	uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t want;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		want = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		want = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		want = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (n < want || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return want;
}

static char *put_escaped(char *p, uint8_t c)
{
	static const char letter[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	*p++ = '\\';
	if (c >= 0x20) {
		*p++ = (char)c;
	} else if (letter[c]) {
		*p++ = letter[c];
	} else {
		memcpy(p, "u00", 3);
		p[3] = hex[c >> 4];
		p[4] = hex[c & 15];
		p += 5;
	}
	return p;
}

typedef int8_t bytes16 __attribute__((vector_size(16)));
typedef int64_t words2 __attribute__((vector_size(16)));

/* Sixteen bytes that all stand for themselves: 0x20 to 0x7f, neither quote nor backslash. */
static inline bool are_plain(bytes16 x)
{
	words2 all = (words2)((x > 0x1f) & (x != '"') & (x != '\\'));
	return (all[0] & all[1]) == -1;
}

/* Nothing but plain bytes, up to 16: from both ends, which may overlap. False: nothing was written that counts. */
static inline bool put_short_plain(char *p, const uint8_t *s, size_t n)
{
	const uint8_t *tail = s + n;
	if (n >= 8) {
		int64_t a, b;
		memcpy(&a, s, 8);
		memcpy(&b, tail - 8, 8);
		memcpy(p, &a, 8);
		memcpy(p + n - 8, &b, 8);
		return are_plain((bytes16)(words2){a, b});
	}
	uint64_t blanks = UINT64_C(0x2020202020202020);
	if (n >= 4) {
		uint32_t a, b;
		memcpy(&a, s, 4);
		memcpy(&b, tail - 4, 4);
		memcpy(p, &a, 4);
		memcpy(p + n - 4, &b, 4);
		return are_plain((bytes16)(words2){(int64_t)(a | (uint64_t)b << 32), (int64_t)blanks});
	}
	if (!n)
		return true;
	uint64_t three = s[0] | (uint64_t)s[n / 2] << 8 | (uint64_t)tail[-1] << 16;
	p[0] = (char)s[0];
	p[n / 2] = (char)s[n / 2];
	p[n - 1] = (char)tail[-1];
	return are_plain((bytes16)(words2){(int64_t)(three | blanks << 24), (int64_t)blanks});
}

static inline bool put_plain16(char *p, const uint8_t *s)
{
	bytes16 x;
	memcpy(&x, s, sizeof x);
	memcpy(p, &x, sizeof x);
	return are_plain(x);
}

char *sp_put_json_string(char *p, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text, *end = s + n;
	while (s < end) {
		while (end - s > 16 && put_plain16(p, s)) {
			p += 16;
			s += 16;
		}
		if (end - s <= 16 && put_short_plain(p, s, (size_t)(end - s)))
			return p + (end - s);
		if (SP_LIKELY(*s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\')) {
			*p++ = (char)*s++;
		} else if (*s < 0x80) {
			if (*s == 0x7f)
				*p++ = 0x7f;
			else
				p = put_escaped(p, *s);
			s++;
		} else {
			size_t m = utf8_length(s, (size_t)(end - s));
			if (m) {
				memcpy(p, s, m);
				p += m;
				s += m;
			} else {
				memcpy(p, "\xef\xbf\xbd", 3);
				p += 3;
				s++;
			}
		}
	}
	return p;
}
