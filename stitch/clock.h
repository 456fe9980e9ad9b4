/* SPDX-License-Identifier: Apache-2.0 */
/* How far two clocks are apart, from calls that both saw. */
#ifndef SP_STITCH_CLOCK_H
#define SP_STITCH_CLOCK_H

#include "base/base.h"

struct sp_clock {
	uint16_t reference, point; /* one point of each clock */
	uint64_t at_ns;		   /* by the reference's clock */
	int64_t offset_ns;	   /* that the point's clock is ahead then */
	int64_t drift_ppb;	   /* by which it gains */
	uint64_t uncertainty_ns, drift_uncertainty_ppb;
	uint64_t samples, steps; /* calls; times that a clock was set, and all was learned anew */
};

#endif
