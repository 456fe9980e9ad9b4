/* SPDX-License-Identifier: Apache-2.0 */
/* Large memory for tables: reserved once at start, backed by huge pages where the kernel has them, touched as it is
 * used. Nothing on the packet path asks the system for memory; a first touch may fault a page in unless `populate`. */
#ifndef SP_BASE_MEM_H
#define SP_BASE_MEM_H

#include "base/base.h"

enum sp_mem_flags {
	SP_MEM_POPULATE = 1, /* fault everything in now: live capture must not fault later */
	SP_MEM_HUGE = 2,     /* advise transparent huge pages */
};

/* Zeroed, page-aligned. NULL when the system has no address space left. Freed with sp_mem_unmap and the same size. */
void *sp_mem_map(size_t size, unsigned flags);
void sp_mem_unmap(void *p, size_t size);

/* All of it is zero again: pages go back to the system, and come when they are touched. */
void sp_mem_clear(void *p, size_t size);

/* Bytes that can be had without pushing other programs out or meeting a limit (MemAvailable, control groups);
 * UINT64_MAX when the system does not say. */
uint64_t sp_mem_available(void);

#endif
