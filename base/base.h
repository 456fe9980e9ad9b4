/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros that every room uses. */
#ifndef SP_BASE_BASE_H
#define SP_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_LIKELY(x) __builtin_expect(!!(x), 1)
#define SP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SP_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SP_MAX(a, b) ((a) > (b) ? (a) : (b))
#define SP_CACHE_LINE 64

/* As memset; of a size that is known to the compiler without a loop. */
static inline __attribute__((always_inline)) void sp_zero(void *to, size_t n)
{
	size_t at = 0;
	if (!__builtin_constant_p(n)) {
		__builtin_memset(to, 0, n);
		return;
	}
#pragma GCC unroll 32
	for (; at + 16 <= n; at += 16)
		__builtin_memset((char *)to + at, 0, 16);
	__builtin_memset((char *)to + at, 0, n - at);
}

/* Asks for a line of memory that will be needed, mostly to be written. The empty assembly is there because gcc takes a
 * function that does nothing but prefetch for one without any effect, and drops the calls of it. */
static inline void sp_prefetch(const void *line)
{
	__builtin_prefetch(line, 1);
	__asm__ volatile("");
}

/* Keeps the compiler from turning arithmetic with a value that nobody can predict into a branch. */
#define SP_UNPREDICTABLE(x) __asm__("" : "+r"(x))

/* A message buffer for set-up errors: functions that can fail while the program starts fill it with one line for a
 * person ("port eth1: no such device") and return a negative errno. */
#define SP_ERR_MAX 512
struct sp_err {
	char text[SP_ERR_MAX];
};
int sp_err(struct sp_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
