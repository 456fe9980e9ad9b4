/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the LDAP parser: the basic encoding rules, as far as LDAP allows them, and filters. */
#ifndef SP_PARSERS_LDAP_H
#define SP_PARSERS_LDAP_H

#include "base/cursor.h"
#include "parsers/out.h"

enum ber { INTEGER = 2, SEQUENCE = 0x30 };

/* Tag and length. False: they are not there, or no such length. */
static inline bool sp_ber_head(struct sp_cursor *c, uint8_t *tag, uint64_t *n)
{
	*tag = sp_cursor_u8(c);
	*n = sp_cursor_u8(c);
	if (*n & 0x80) {
		unsigned bytes = *n & 0x7f;
		if (!bytes || bytes > 4)
			c->bad = true;
		for (*n = 0; bytes && !c->bad; bytes--)
			*n = *n << 8 | sp_cursor_u8(c);
	}
	return !c->bad;
}

/* The next element, cut to what is there of it. */
static inline bool sp_ber_next(struct sp_cursor *c, uint8_t *tag, struct sp_slice *value)
{
	uint64_t n;
	if (!sp_cursor_left(c) || !sp_ber_head(c, tag, &n))
		return false;
	size_t there = (size_t)SP_MIN(n, (uint64_t)sp_cursor_left(c));
	*value = (struct sp_slice){sp_cursor_take(c, there), there};
	return true;
}

static inline uint32_t sp_ber_number(struct sp_slice value)
{
	uint32_t v = 0;
	for (size_t i = 0; i < SP_MIN(value.n, (size_t)4); i++)
		v = v << 8 | value.p[i];
	return v;
}

static inline struct sp_slice sp_ber_octets(struct sp_cursor *c)
{
	uint8_t tag;
	struct sp_slice value;
	return sp_ber_next(c, &tag, &value) ? value : (struct sp_slice){c->p, 0};
}

/* A search's filter as text (RFC 4515), its values as question marks unless they may be shown. */
void sp_ldap_filter_put(struct sp_out *o, uint8_t tag, struct sp_slice filter, bool reveal);

#endif
