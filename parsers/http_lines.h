/* SPDX-License-Identifier: Apache-2.0 */
/* Line ends in the order in which they come, found in one pass, 32 bytes at a time. Lines are short: what matters is
 * how little is done between one and the next. */
#ifndef SP_PARSERS_HTTP_LINES_H
#define SP_PARSERS_HTTP_LINES_H

#include <emmintrin.h>

#include "base/slice.h"

#define SP_HTTP_LINES_STEP 32

struct sp_http_lines {
	const uint8_t *at, *end; /* of the step that was looked at, and of all bytes */
	uint32_t ends;		 /* line ends in it that were not given out, one bit a byte */
};

static inline uint32_t sp_http_lines_look(const uint8_t *p)
{
	const __m128i nl = _mm_set1_epi8('\n');
	__m128i a = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), nl);
	__m128i b = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + 16)), nl);
	return (uint32_t)_mm_movemask_epi8(a) | (uint32_t)_mm_movemask_epi8(b) << 16;
}

/* In fewer bytes than a step has. Those before them that belong to the same message are looked at, too, and forgotten:
 * `before` of them. */
static inline uint32_t sp_http_lines_look_short(const uint8_t *p, size_t n, size_t before)
{
	uint8_t some[SP_HTTP_LINES_STEP] = {0};
	if (SP_LIKELY(n + before >= SP_HTTP_LINES_STEP))
		return n ? sp_http_lines_look(p + n - SP_HTTP_LINES_STEP) >> (SP_HTTP_LINES_STEP - n) : 0;
	for (size_t i = 0; i < n; i++)
		some[i] = p[i];
	return sp_http_lines_look(some);
}

/* From `from` on. */
static inline struct sp_http_lines sp_http_lines(struct sp_slice in, size_t from)
{
	struct sp_http_lines l = {.at = in.p + from, .end = in.p + in.n};
	size_t left = in.n - from;
	l.ends = left < SP_HTTP_LINES_STEP ? sp_http_lines_look_short(l.at, left, from) : sp_http_lines_look(l.at);
	return l;
}

/* NULL: there is none that was not given out. */
static inline const uint8_t *sp_http_line_end(struct sp_http_lines *l)
{
	while (!l->ends) {
		size_t left = (size_t)(l->end - l->at);
		if (left <= SP_HTTP_LINES_STEP)
			return NULL;
		l->at += SP_HTTP_LINES_STEP;
		left -= SP_HTTP_LINES_STEP;
		l->ends = left < SP_HTTP_LINES_STEP ? sp_http_lines_look_short(l->at, left, SP_HTTP_LINES_STEP)
						    : sp_http_lines_look(l->at);
	}
	const uint8_t *end = l->at + __builtin_ctz(l->ends);
	l->ends &= l->ends - 1;
	return end;
}

#endif
