/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of durations with eight steps an octave: percentiles within 13 % in 1 KiB, from 1 us to over an hour.
 * Histograms are merged by adding up their steps. Step s holds the microseconds
 *   s                                                              where s < 8,
 *   (8 + s % 8) << (s / 8 - 1) up to (9 + s % 8 << (s / 8 - 1)) - 1  where it is not. */
#ifndef SP_BASE_HIST_H
#define SP_BASE_HIST_H

#include "base/base.h"

#define SP_HIST_STEPS 256

struct sp_hist {
	uint64_t n;
	uint32_t max; /* us */
	uint32_t step[SP_HIST_STEPS];
};

static inline unsigned sp_hist_step(uint32_t us)
{
	if (us < 8)
		return us;
	unsigned octave = 31 - (unsigned)__builtin_clz(us); /* at least 3 */
	return (octave - 2) * 8 + (us >> (octave - 3) & 7);
}

/* The largest value that falls into a step. */
static inline uint32_t sp_hist_value(unsigned step)
{
	if (step < 8)
		return step;
	unsigned shift = step / 8 - 1;
	return (uint32_t)((((uint64_t)(step & 7) + 9) << shift) - 1);
}

static inline void sp_hist_add(struct sp_hist *h, uint32_t us, uint32_t count)
{
	h->n += count;
	h->step[sp_hist_step(us)] += count;
	h->max = SP_MAX(h->max, us);
}

static inline void sp_hist_merge(struct sp_hist *h, const struct sp_hist *other)
{
	h->n += other->n;
	h->max = SP_MAX(h->max, other->max);
	for (unsigned i = 0; i < SP_HIST_STEPS; i++)
		h->step[i] += other->step[i];
}

/* The value below which `percent` of all lie; 0 when there are none. */
static inline uint32_t sp_hist_percentile(const struct sp_hist *h, unsigned percent)
{
	uint64_t want = (h->n * percent + 99) / 100, seen = 0;
	for (unsigned i = 0; want && i < SP_HIST_STEPS; i++) {
		seen += h->step[i];
		if (seen >= want)
			return SP_MIN(sp_hist_value(i), h->max);
	}
	return 0;
}

#endif
