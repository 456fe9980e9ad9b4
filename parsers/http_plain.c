/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1's heads of which nobody reads a word: how the message is framed, in one pass over the ordinary ones that are
 * there as a whole. Whatever is out of the ordinary is left to http_head.c. */
#include "parsers/http_priv.h"

enum {
	VERSION_SIZE = 8, /* HTTP/1.1 */
	REQUEST_LINE_MIN = 1 + 1 + VERSION_SIZE + 1,
	STATUS_LINE_MIN = VERSION_SIZE + 4 + 1,
	LENGTH_DIGITS = 18,
};

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_version(const uint8_t *p)
{
	return !memcmp(p, "HTTP/1.", VERSION_SIZE - 1) && is_digit(p[VERSION_SIZE - 1]);
}

/* METHOD SP target SP version CR; up to `nl`. */
static bool request_line(struct sp_http_side *s, const uint8_t *p, const uint8_t *nl)
{
	size_t size = (size_t)(nl - p), n = 0;
	if (size < REQUEST_LINE_MIN || size >= SP_HTTP_HEAD_MAX)
		return false;
	while (p[n] >= 'A' && p[n] <= 'Z' && n < SP_HTTP_METHOD_MAX)
		n++;
	const uint8_t *version = nl - 1 - VERSION_SIZE;
	if (!n || p[n] != ' ' || n == SP_HTTP_METHOD_MAX || version[-1] != ' ' || !is_version(version) ||
	    nl[-1] != '\r')
		return false;
	s->kind = SP_MSG_REQUEST;
	s->tag = n == 4 && !memcmp(p, "HEAD", 4)      ? SP_HTTP_HEAD
		 : n == 7 && !memcmp(p, "CONNECT", 7) ? SP_HTTP_CONNECT
						      : SP_HTTP_PLAIN;
	return true;
}

/* version SP code SP reason CR. */
static bool status_line(struct sp_http_side *s, const uint8_t *p, const uint8_t *nl)
{
	if (nl - p < STATUS_LINE_MIN || !is_version(p) || p[8] != ' ' || !is_digit(p[9]) || !is_digit(p[10]) ||
	    !is_digit(p[11]) || (p[12] != ' ' && nl != p + STATUS_LINE_MIN) || nl[-1] != '\r')
		return false;
	s->kind = SP_MSG_RESPONSE;
	s->code = (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0');
	return s->code >= 200;
}

/* A value of digits alone, between spaces and the line's end. */
static bool content_length(struct sp_http_side *s, const uint8_t *p, const uint8_t *nl)
{
	uint64_t length = 0;
	while (*p == ' ')
		p++;
	if (nl - p > LENGTH_DIGITS || !is_digit(*p) || s->flags & SP_HTTP_HAS_LENGTH)
		return false;
	while (is_digit(*p))
		length = length * 10 + *p++ - '0';
	s->length = length;
	s->flags |= SP_HTTP_HAS_LENGTH;
	return *p == '\r' && p + 1 == nl;
}

/* A value up to the line's end. The status of gRPC's calls is in their bodies. */
static bool is_ordinary_type(const uint8_t *p, const uint8_t *nl)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return !sp_http_may_be_grpc((struct sp_slice){p, (size_t)(nl - p)});
}

#define NAME_IS(p, n, name)                                                                                            \
	((n) >= sizeof(name) && (p)[sizeof(name) - 1] == ':' && sp_same_nocase(p, name, sizeof(name) - 1))

/* A header line from `p` on, up to `nl`. False: it says that the message is out of the ordinary. */
static bool field(struct sp_http_side *s, const uint8_t *p, const uint8_t *nl)
{
	static const char length[] = "content-length", type[] = "content-type";
	static const char coding[] = "transfer-encoding", chunked[] = " chunked\r";
	size_t n = (size_t)(nl - p);
	switch (*p | 32) {
	case 'c':
		if (NAME_IS(p, n, "content-length"))
			return content_length(s, p + sizeof length, nl);
		return !NAME_IS(p, n, "content-type") || is_ordinary_type(p + sizeof type, nl);
	case 'g':
		return !NAME_IS(p, n, "grpc-status");
	case 't':
		if (!NAME_IS(p, n, "transfer-encoding"))
			return true;
		s->flags |= SP_HTTP_CHUNKED;
		return n - sizeof coding == sizeof chunked - 1 &&
		       !memcmp(p + sizeof coding, chunked, sizeof chunked - 1);
	default:
		return !NAME_IS(p, n, "upgrade");
	}
}

/* Letters that lines begin with which matter. */
static inline bool may_matter(uint8_t first)
{
	const uint32_t letters = 1U << ('c' & 31) | 1U << ('g' & 31) | 1U << ('t' & 31) | 1U << ('u' & 31);
	return letters >> (first & 31) & 1;
}

size_t sp_http_plain_head(struct sp_slice in, struct sp_http_side *s)
{
	struct sp_http_lines lines = sp_http_lines(in, 0);
	const uint8_t *nl = sp_http_line_end(&lines), *line;
	if (!nl || !(*in.p == 'H' && in.p[1] == 'T' ? status_line : request_line)(s, in.p, nl))
		return 0;
	for (;;) {
		line = nl + 1;
		nl = sp_http_line_end(&lines);
		if (!nl)
			return 0;
		if (*line <= ' ') /* the end; or the line before goes on */
			break;
		if (may_matter(*line) && !field(s, line, nl))
			return 0;
	}
	return *line == '\r' && nl == line + 1 ? (size_t)(nl + 1 - in.p) : 0;
}
