/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's messages in a body, as it is or in base64. */
#include "parsers/base64.h"
#include "parsers/grpc.h"

enum {
	PREFIX = 5,
	COUNT_MAX = (1 << 26) - 1,
	PENDING = -1, /* no byte is complete */
	WRONG = -2,
};

/* One byte of a message's prefix: a flag and the length. False: this is not how gRPC frames messages. */
static bool prefix_byte(struct sp_grpc_body *b, uint8_t byte)
{
	if (!b->prefix) {
		b->prefix = 1;
		b->trailer = byte >> 7;
		return !(byte & 0x7e);
	}
	b->left = b->left << 8 | byte;
	if (++b->prefix < PREFIX || b->trailer)
		return true;
	b->count += b->count < COUNT_MAX;
	b->prefix = 0;
	return true;
}

static uint64_t walk(struct sp_grpc_body *b, struct sp_slice in, uint64_t n)
{
	uint64_t at = 0;
	while (at < n) {
		if (!b->prefix && b->left) {
			uint32_t step = (uint32_t)SP_MIN((uint64_t)b->left, n - at);
			b->left -= step;
			at += step;
		} else if (at >= in.n || sp_grpc_at_trailers(b)) {
			break;
		} else if (!prefix_byte(b, in.p[at])) {
			b->lost = 1;
			return n;
		} else {
			at++;
		}
	}
	return at;
}

/* The next digit. `pending`: how many there were of its group of four in the upper two bits, and what is left of them.
 * Returns the byte that it completes. */
static int next(uint8_t *pending, uint8_t digit)
{
	uint8_t v = sp_base64_value(digit), n = *pending >> 6, rest = *pending & 63;
	if (v == SP_BASE64_NONE) {
		*pending = 0;
		return digit == '=' ? PENDING : WRONG; /* the end of a group */
	}
	unsigned bits = (unsigned)rest << 6 | v, spare = n ? 6 - 2U * n : 6;
	*pending = (uint8_t)((n + 1) << 6 | (bits & ((1U << spare) - 1)));
	return n ? (int)(uint8_t)(bits >> spare) : PENDING;
}

static size_t walk_text(struct sp_grpc_body *b, uint8_t *pending, struct sp_slice in)
{
	size_t at = 0;
	while (at < in.n && !sp_grpc_at_trailers(b)) {
		int byte = next(pending, in.p[at++]);
		if (byte == PENDING)
			continue;
		if (byte != WRONG && !b->prefix && b->left) {
			b->left--;
		} else if (byte == WRONG || !prefix_byte(b, (uint8_t)byte)) {
			b->lost = 1;
			return in.n;
		}
	}
	return at;
}

uint64_t sp_grpc_walk(struct sp_grpc_body *b, uint8_t *digits, struct sp_slice in, uint64_t n)
{
	if (b->lost)
		return n;
	return digits ? walk_text(b, digits, in) : walk(b, in, n);
}

size_t sp_grpc_gather(const struct sp_grpc_body *b, uint8_t *digits, struct sp_slice in, uint8_t *out, size_t *n)
{
	size_t at = 0;
	if (!digits) {
		at = SP_MIN(in.n, b->left - *n);
		sp_copy(out + *n, in.p, at);
		*n += at;
	}
	for (; digits && at < in.n && *n < b->left; at++) {
		int byte = next(digits, in.p[at]);
		if (byte != PENDING)
			out[(*n)++] = (uint8_t)byte;
	}
	return at;
}
