/* SPDX-License-Identifier: Apache-2.0 */
/* Times are nanoseconds since the Unix epoch, durations nanoseconds, both in 64 bits. */
#ifndef SP_BASE_TIME_H
#define SP_BASE_TIME_H

#include <stdint.h>
#include <time.h>

#define SP_NS_PER_SEC UINT64_C(1000000000)
#define SP_NS_PER_MS UINT64_C(1000000)
#define SP_NS_PER_US UINT64_C(1000)

static inline uint64_t sp_clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SP_NS_PER_SEC + (uint64_t)t.tv_nsec;
}

#endif
