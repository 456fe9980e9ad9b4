/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread sleeps until another one has something for it, without a lock. The sleeper announces that it goes to
 * sleep, looks once more, and sleeps; who has given it something looks whether it sleeps:
 *
 *	sleeper: sp_bell_set, looks again, sp_bell_wait when there is nothing, sp_bell_clear
 *	other:   gives, sp_bell_ring
 */
#ifndef SP_BASE_BELL_H
#define SP_BASE_BELL_H

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fence.h"

typedef _Atomic uint32_t sp_bell; /* 1: someone sleeps, or is about to */

/* Orders "I announce that I sleep" before "I look again", against "I give" before "does it sleep?". */
static inline void sp_bell_set(sp_bell *bell)
{
	atomic_store_explicit(bell, 1, memory_order_relaxed);
	sp_fence();
}

/* Returns when it was rung since it was set, or after `longest`, NULL: never. */
static inline void sp_bell_wait(sp_bell *bell, const struct timespec *longest)
{
	syscall(SYS_futex, bell, FUTEX_WAIT_PRIVATE, 1, longest, NULL, 0);
}

static inline void sp_bell_clear(sp_bell *bell)
{
	atomic_store_explicit(bell, 0, memory_order_relaxed);
}

/* Wakes whoever sleeps, at most once a sleep, when what was given is known to come first (sp_fence). */
static inline void sp_bell_wake(sp_bell *bell)
{
	if (atomic_load_explicit(bell, memory_order_relaxed) && atomic_exchange(bell, 0))
		syscall(SYS_futex, bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static inline void sp_bell_ring(sp_bell *bell)
{
	sp_fence();
	sp_bell_wake(bell);
}

#endif
