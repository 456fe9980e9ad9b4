/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy may pass a trace on in another form than it got it: W3C's 32 hexadecimal digits are b3's 32 or its last 16,
 * Jaeger's without leading zeros, X-Ray's with dashes, and as a decimal number the last 64 bits are Datadog's. Those 64
 * bits are random in all of them. What is none of these stands for itself. */
#include "stitch/stitch_priv.h"

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

uint64_t sp_trace_key(struct sp_slice id)
{
	uint64_t bits;
	if (!id.n)
		return 0;
	struct sp_slice number = is_xray(id) ? (struct sp_slice){id.p + 11, id.n - 11} : id;
	if (number.n <= HEX_MAX && low_bits(number, is_decimal(id) ? 10 : 16, &bits))
		return sp_key(bits, SP_SEED_TRACE);
	return sp_hash_bytes(id.p, id.n, SP_SEED_TRACE) | 1;
}
