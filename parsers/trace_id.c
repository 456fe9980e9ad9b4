/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy may pass a trace on in another form than it got it: W3C's 32 hexadecimal digits are b3's 32 or its last 16,
 * Jaeger's without leading zeros, X-Ray's with dashes, and as a decimal number the last 64 bits are Datadog's. Those 64
 * bits are random in all of them. What is none of these stands for itself. */
#include "parsers/trace_id.h"

#include <string.h>

enum { HEX_MAX = 32, DECIMAL_MIN = 17, DECIMAL_MAX = 20 };

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Datadog's: more digits than 64 bits have in hexadecimal, and too few for 128. */
static bool is_decimal(struct sp_slice id)
{
	bool decimal = id.n >= DECIMAL_MIN && id.n <= DECIMAL_MAX;
	for (size_t i = 0; i < id.n && decimal; i++)
		decimal = id.p[i] >= '0' && id.p[i] <= '9';
	return decimal;
}

/* "1-" time "-" 24 digits. */
static bool is_xray(struct sp_slice id)
{
	return id.n == 35 && id.p[0] == '1' && id.p[1] == '-' && id.p[10] == '-';
}

static bool low_bits(struct sp_slice id, unsigned base, uint64_t *bits)
{
	*bits = 0;
	for (size_t i = 0; i < id.n; i++) {
		int d = digit(id.p[i]);
		if (d < 0)
			return false;
		*bits = *bits * base + (unsigned)d;
	}
	return *bits;
}

bool sp_trace_id_bits(struct sp_slice id, uint64_t *bits)
{
	struct sp_slice number = is_xray(id) ? (struct sp_slice){id.p + 11, id.n - 11} : id;
	return number.n <= HEX_MAX && low_bits(number, is_decimal(id) ? 10 : 16, bits);
}

bool sp_trace_id_same(struct sp_slice a, struct sp_slice b)
{
	uint64_t of_a, of_b;
	bool number = sp_trace_id_bits(a, &of_a);
	if (number != sp_trace_id_bits(b, &of_b))
		return false;
	return number ? of_a == of_b : a.n == b.n && !memcmp(a.p, b.p, a.n);
}
