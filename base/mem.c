/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static void *map(size_t size)
{
	int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, how, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* From where a huge page may begin: what is used first would be in small ones else. */
static void *map_aligned(size_t size)
{
	uint8_t *p = map(size + HUGE_PAGE);
	if (!p)
		return NULL;
	size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + size, HUGE_PAGE - before);
	return p + before;
}

void *sp_mem_map(size_t size, unsigned flags)
{
	size = (size + 4095) & ~(size_t)4095;
	void *p = flags & SP_MEM_HUGE && size >= HUGE_PAGE ? map_aligned(size) : map(size);
	if (!p)
		return NULL;
	if (flags & SP_MEM_HUGE)
		madvise(p, size, MADV_HUGEPAGE);
	if (flags & SP_MEM_POPULATE)
		madvise(p, size, MADV_POPULATE_WRITE);
	return p;
}

void sp_mem_unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

void sp_mem_clear(void *p, size_t size)
{
	if (madvise(p, size, MADV_DONTNEED))
		memset(p, 0, size);
}

static uint64_t system_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	if (!f)
		return UINT64_MAX;
	char line[128];
	unsigned long long kib = 0;
	while (!kib && fgets(line, sizeof line, f))
		sscanf(line, "MemAvailable: %llu kB", &kib);
	fclose(f);
	return kib ? (uint64_t)kib << 10 : UINT64_MAX;
}

/* A number in a file of a control group; UINT64_MAX for "max", and where there is none. */
static uint64_t group_value(const char *group, const char *name)
{
	char path[4096 + 64];
	uint64_t value = UINT64_MAX;
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return UINT64_MAX;
	if (fscanf(f, "%" SCNu64, &value) != 1)
		value = UINT64_MAX;
	fclose(f);
	return value;
}

/* What the control groups around us leave (version 2): containers see the whole machine's MemAvailable. Page cache that
 * a group could give back is not counted as free. */
static uint64_t groups_available(void)
{
	char group[4096] = "";
	uint64_t least = UINT64_MAX;
	FILE *f = fopen("/proc/self/cgroup", "re");
	if (!f)
		return least;
	while (fgets(group, sizeof group, f) && strncmp(group, "0::", 3))
		group[0] = 0;
	fclose(f);
	group[strcspn(group, "\n")] = 0;
	if (!*group)
		return least;
	for (char *end = group + strlen(group);; *end = 0) {
		uint64_t max = group_value(group + 3, "memory.max"), used = group_value(group + 3, "memory.current");
		if (max != UINT64_MAX && used != UINT64_MAX)
			least = SP_MIN(least, max > used ? max - used : 0);
		end = strrchr(group + 3, '/');
		if (!end)
			return least;
	}
}

uint64_t sp_mem_available(void)
{
	uint64_t system = system_available(), groups = groups_available();
	return SP_MIN(system, groups);
}
