/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_PARSERS_BASE64_H
#define SP_PARSERS_BASE64_H

#include <stdint.h>

#define SP_BASE64_NONE 64

/* What a digit of base64 (RFC 4648) stands for, SP_BASE64_NONE: it is none. */
static inline uint8_t sp_base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : SP_BASE64_NONE;
}

#endif
