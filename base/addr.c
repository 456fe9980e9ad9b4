/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

static char *put_octet(char *out, unsigned v)
{
	if (v >= 100)
		*out++ = (char)('0' + v / 100);
	if (v >= 10)
		*out++ = (char)('0' + v / 10 % 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

/* inet_ntop follows RFC 5952 except for the dotted tail of some unspecific prefixes, which is allowed there. */
size_t sp_addr_format(char *out, const struct sp_addr *a)
{
	if (!sp_addr_is_v4(a)) {
		inet_ntop(AF_INET6, a->b, out, SP_ADDR_TEXT_MAX);
		return strlen(out);
	}
	char *p = put_octet(out, a->b[12]);
	for (int i = 13; i < 16; i++) {
		*p++ = '.';
		p = put_octet(p, a->b[i]);
	}
	return (size_t)(p - out);
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
