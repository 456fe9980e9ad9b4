/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text, for encoders: every function writes at `p`, where the caller has reserved room, and returns the end.
 * Some store bytes past the end they return: reserve SP_TEXT_SLACK more. */
#ifndef SP_EXPORTERS_ENCODE_TEXT_H
#define SP_EXPORTERS_ENCODE_TEXT_H

#include <emmintrin.h>
#include <string.h>

#include "base/base.h"
#include "base/decimal.h"

#define SP_TEXT_SLACK 32
static_assert(SP_TEXT_SLACK >= SP_DECIMAL_SLACK, "numbers are texts");

/* "1:" is not included. Standard base64 of 20 bytes: 28 characters. */
char *sp_put_base64_20(char *p, const uint8_t *bytes);

/* Inside of a JSON string (RFC 8259 section 7): escaped, invalid UTF-8 becomes U+FFFD. At most 6 bytes for each. */
char *sp_put_json_string(char *p, const char *text, size_t n);

/* Bit i: byte i of sixteen stands for itself in a JSON string, and is ASCII. A quote with one bit changed is the blank,
 * below which, as signed bytes, is all else that has to be escaped but the backslash. */
static inline uint32_t sp_json_plain16(__m128i x)
{
	__m128i high = _mm_cmpgt_epi8(_mm_xor_si128(x, _mm_set1_epi8('"' ^ ' ')), _mm_set1_epi8(' '));
	return (uint32_t)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')), high));
}

/* As sp_put_json_string, of text behind which SP_TEXT_SLACK bytes may be read: mostly it is short and plain. */
static inline char *sp_put_json_near(char *p, const uint8_t *s, size_t n)
{
	__m128i a = _mm_loadu_si128((const __m128i *)s);
	uint32_t plain = sp_json_plain16(a);
	_mm_storeu_si128((__m128i *)p, a);
	if (n > 16) {
		if (SP_UNLIKELY(n > 32))
			return sp_put_json_string(p, (const char *)s, n);
		__m128i b = _mm_loadu_si128((const __m128i *)(s + 16));
		plain |= sp_json_plain16(b) << 16;
		_mm_storeu_si128((__m128i *)(p + 16), b);
	}
	if (SP_UNLIKELY(~plain << (-n & 31))) /* what is behind the text does not count */
		return sp_put_json_string(p, (const char *)s, n);
	return p + n;
}

/* Two numbers < 10^8 as eight digits each, with leading zeros, `a` in the low half. As sp_digits8, both at once. */
static inline __m128i sp_digits8_pair(uint32_t a, uint32_t b)
{
	__m128i v = _mm_set_epi64x(b, a);
	__m128i hi = _mm_srli_epi64(_mm_mul_epu32(v, _mm_set1_epi64x(3518437209)), 45); /* v / 10^4 */
	__m128i lo = _mm_sub_epi32(v, _mm_mul_epu32(hi, _mm_set1_epi64x(10000)));
	__m128i four = _mm_or_si128(hi, _mm_slli_epi64(lo, 32));
	hi = _mm_srli_epi16(_mm_mulhi_epu16(four, _mm_set1_epi32(5243)), 3); /* four / 100 */
	lo = _mm_sub_epi16(four, _mm_mullo_epi16(hi, _mm_set1_epi32(100)));
	__m128i two = _mm_or_si128(hi, _mm_slli_epi32(lo, 16));
	hi = _mm_mulhi_epu16(two, _mm_set1_epi16(6554)); /* two / 10 */
	lo = _mm_add_epi16(_mm_slli_epi16(two, 8), _mm_set1_epi8('0'));
	__m128i ten = _mm_set1_epi16(10 * 256 - 1);
	__asm__("" : "+x"(ten)); /* gcc would make five shifts and sums of one multiplication */
	return _mm_sub_epi16(lo, _mm_mullo_epi16(hi, ten));
}

/* "aa:bb:cc:dd:ee:ff" */
char *sp_put_mac(char *p, const uint8_t mac[6]);

#endif
