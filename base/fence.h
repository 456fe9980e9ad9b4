/* SPDX-License-Identifier: Apache-2.0 */
/* Full order between what was written before and what is read after. */
#ifndef SP_BASE_FENCE_H
#define SP_BASE_FENCE_H

#include <stdatomic.h>
#include <stdint.h>

static inline void sp_fence(void)
{
#ifdef __SANITIZE_THREAD__
	static _Atomic uint32_t dummy; /* ThreadSanitizer does not know fences */
	atomic_fetch_add(&dummy, 1);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
