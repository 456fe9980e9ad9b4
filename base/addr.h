/* SPDX-License-Identifier: Apache-2.0 */
/* An IP address: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
#ifndef SP_BASE_ADDR_H
#define SP_BASE_ADDR_H

#include <string.h>

#include "base/base.h"
#include "base/decimal.h"

struct sp_addr {
	uint8_t b[16];
};

#define SP_ADDR_TEXT_MAX 46

static inline struct sp_addr sp_addr_v4(const uint8_t b[4])
{
	struct sp_addr a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
	memcpy(a.b + 12, b, 4);
	return a;
}

static inline bool sp_addr_is_v4(const struct sp_addr *a)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return memcmp(a->b, prefix, sizeof prefix) == 0;
}

static inline bool sp_addr_eq(const struct sp_addr *a, const struct sp_addr *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline char *sp_put_v4(char *p, const uint8_t b[4])
{
	p = sp_put_small(p, b[0]);
	for (int i = 1; i < 4; i++) {
		*p++ = '.';
		p = sp_put_small(p, b[i]);
	}
	return p;
}

/* RFC 5952, as inet_ntop has it: with a dotted tail after six zero groups, which is allowed there. */
char *sp_put_v6(char *p, const uint8_t b[16]);

/* Writes the address as text, IPv6 in RFC 5952 form, without a final NUL. `out` has room for SP_ADDR_TEXT_MAX bytes.
 * Returns the length. */
static inline size_t sp_addr_format(char *out, const struct sp_addr *a)
{
	return (size_t)((SP_LIKELY(sp_addr_is_v4(a)) ? sp_put_v4(out, a->b + 12) : sp_put_v6(out, a->b)) - out);
}

/* Reads "192.0.2.1" or "2001:db8::1". Returns 0, or -EINVAL. */
int sp_addr_parse(struct sp_addr *ret, const char *text);

#endif
