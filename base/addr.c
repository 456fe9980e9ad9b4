/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

#define TEN(begin)                                                                                                     \
	{begin "0"}, {begin "1"}, {begin "2"}, {begin "3"}, {begin "4"}, {begin "5"}, {begin "6"}, {begin "7"},        \
		{begin "8"},                                                                                           \
	{                                                                                                              \
		begin "9"                                                                                              \
	}

static const char octet[256][4] = {
	TEN(""),   TEN("1"),  TEN("2"),	 TEN("3"),  TEN("4"),  TEN("5"),  TEN("6"),  TEN("7"),
	TEN("8"),  TEN("9"),  TEN("10"), TEN("11"), TEN("12"), TEN("13"), TEN("14"), TEN("15"),
	TEN("16"), TEN("17"), TEN("18"), TEN("19"), TEN("20"), TEN("21"), TEN("22"), TEN("23"),
	TEN("24"), {"250"},   {"251"},	 {"252"},   {"253"},   {"254"},	  {"255"},
};

/* Stores one byte more than the longest number has. */
static inline char *put_octet(char *out, unsigned v)
{
	memcpy(out, octet[v], sizeof octet[v]);
	return out + 1 + (v > 9) + (v > 99);
}

static char *put_v4(char *p, const uint8_t *b)
{
	p = put_octet(p, b[0]);
	for (int i = 1; i < 4; i++) {
		*p++ = '.';
		p = put_octet(p, b[i]);
	}
	return p;
}

#define V6_GROUPS 8

static unsigned group(const uint8_t *b, unsigned i)
{
	return (unsigned)b[2 * i] << 8 | b[2 * i + 1];
}

static char *put_group(char *p, unsigned v)
{
	static const char digit[] = "0123456789abcdef";
	unsigned n = 1 + (v > 0xf) + (v > 0xff) + (v > 0xfff);
	for (unsigned i = n; i--;)
		*p++ = digit[v >> 4 * i & 15];
	return p;
}

/* The first of the longest runs of two zero groups or more. Returns how many. */
static unsigned zero_run(const uint8_t *b, unsigned *at)
{
	unsigned best = 1, run = 0;
	for (unsigned i = 0; i < V6_GROUPS; i++) {
		run = group(b, i) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*at = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

/* RFC 5952, as inet_ntop has it: with a dotted tail after six zero groups, which is allowed there. */
static char *put_v6(char *p, const uint8_t *b)
{
	unsigned from = 0, run = zero_run(b, &from);
	for (unsigned i = 0; i < V6_GROUPS;) {
		if (run && i == from) {
			*p++ = ':';
			i += run;
			if (i == V6_GROUPS)
				*p++ = ':';
			continue;
		}
		if (i)
			*p++ = ':';
		if (i == 6 && run == 6)
			return put_v4(p, b + 12);
		p = put_group(p, group(b, i++));
	}
	return p;
}

size_t sp_addr_format(char *out, const struct sp_addr *a)
{
	return (size_t)((sp_addr_is_v4(a) ? put_v4(out, a->b + 12) : put_v6(out, a->b)) - out);
}

int sp_addr_parse(struct sp_addr *ret, const char *text)
{
	uint8_t v4[4];
	if (inet_pton(AF_INET, text, v4) == 1) {
		*ret = sp_addr_v4(v4);
		return 0;
	}
	return inet_pton(AF_INET6, text, ret->b) == 1 ? 0 : -EINVAL;
}
