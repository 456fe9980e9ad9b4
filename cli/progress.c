/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

#define WORTH_A_BAR (UINT64_C(100) * 1000 * 1000)
#define BAR_WIDTH 40

void sp_progress_begin(struct sp_progress *p, uint64_t total)
{
	*p = (struct sp_progress){.shown = total > WORTH_A_BAR && isatty(STDERR_FILENO), .total = total};
	p->start_ns = p->next_ns = sp_clock_ns(CLOCK_MONOTONIC);
}

void sp_progress_at(struct sp_progress *p, uint64_t bytes, uint64_t packets)
{
	uint64_t now;
	if (!p->shown || (now = sp_clock_ns(CLOCK_MONOTONIC)) < p->next_ns)
		return;
	p->next_ns = now + 100 * SP_NS_PER_MS;
	double part = SP_MIN((double)bytes / (double)p->total, 1.0), seconds = (double)(now - p->start_ns) / 1e9;
	double left = part > 0 ? seconds / part - seconds : 0;
	char bar[BAR_WIDTH + 1];
	int full = (int)(part * BAR_WIDTH);
	memset(bar, '#', full);
	memset(bar + full, '.', BAR_WIDTH - full);
	bar[BAR_WIDTH] = 0;
	fprintf(stderr, "\r[%s] %3.0f %%  %.1f million packets, %.0f s left\033[K", bar, part * 100,
		(double)packets / 1e6, left);
}

void sp_progress_end(struct sp_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
