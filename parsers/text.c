/* SPDX-License-Identifier: Apache-2.0 */
/* Text that parsers put together. */
#include "base/addr.h"
#include "base/decimal.h"
#include "parsers/out.h"

/* The arena's end is near. */
static __attribute__((noinline)) struct sp_slice u64_at_end(struct sp_arena *a, uint64_t v)
{
	char text[SP_DECIMAL_MAX + SP_DECIMAL_SLACK];
	size_t n = (size_t)(sp_put_u64(text, v) - text);
	uint8_t *p = sp_arena_get(a, n);
	if (p)
		memcpy(p, text, n);
	return (struct sp_slice){p, p ? n : 0};
}

struct sp_slice sp_arena_u64(struct sp_arena *a, uint64_t v)
{
	uint8_t *begin = a->p + a->n;
	if (SP_UNLIKELY(a->size - a->n < SP_DECIMAL_MAX + SP_DECIMAL_SLACK))
		return u64_at_end(a, v);
	size_t n = (size_t)(sp_put_u64((char *)begin, v) - (char *)begin);
	a->n += n;
	return (struct sp_slice){begin, n};
}

struct sp_slice sp_arena_join(struct sp_arena *a, const struct sp_slice *parts, size_t n)
{
	struct sp_slice whole = {a->p + a->n, 0};
	for (size_t i = 0; i < n; i++)
		whole.n += sp_arena_copy(a, parts[i]).n;
	return whole;
}

struct sp_slice sp_arena_hex(struct sp_arena *a, struct sp_slice bytes)
{
	static const char digit[] = "0123456789abcdef";
	uint8_t *p = bytes.n <= SIZE_MAX / 2 ? sp_arena_get(a, 2 * bytes.n) : NULL;
	for (size_t i = 0; p && i < bytes.n; i++) {
		p[2 * i] = (uint8_t)digit[bytes.p[i] >> 4];
		p[2 * i + 1] = (uint8_t)digit[bytes.p[i] & 15];
	}
	return (struct sp_slice){p, p ? 2 * bytes.n : 0};
}

void sp_out_address(struct sp_out *o, struct sp_slice bytes)
{
	char text[SP_ADDR_TEXT_MAX];
	struct sp_addr addr;
	if (bytes.n == 4)
		addr = sp_addr_v4(bytes.p);
	else if (bytes.n == sizeof addr)
		memcpy(&addr, bytes.p, sizeof addr);
	else {
		sp_out_hex(o, bytes);
		return;
	}
	if (SP_LIKELY(sp_out_room(o) >= SP_ADDR_TEXT_MAX))
		o->p += sp_addr_format((char *)o->p, &addr);
	else
		sp_out_put(o, (struct sp_slice){(const uint8_t *)text, sp_addr_format(text, &addr)});
}
