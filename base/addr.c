/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

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

char *sp_put_v6(char *p, const uint8_t b[16])
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
			return sp_put_v4(p, b + 12);
		p = put_group(p, group(b, i++));
	}
	return p;
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
