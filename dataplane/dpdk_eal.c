/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK's environment layer: one in a process, started when the first DPDK port opens. It leaves no files behind, talks
 * to nobody and takes no device by itself: ports bring theirs. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/dpdk.h"

enum { ARGS_MAX = 64 };

/* Bytes in hugepages that nobody uses. */
static uint64_t free_hugepages(void)
{
	static const char root[] = "/sys/kernel/mm/hugepages";
	uint64_t bytes = 0;
	DIR *dir = opendir(root);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		unsigned long long kib, n = 0;
		if (sscanf(e->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		char path[512];
		snprintf(path, sizeof path, "%s/%s/free_hugepages", root, e->d_name);
		FILE *f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &n) == 1)
			bytes += (kib << 10) * n;
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return bytes;
}

/* Whether to live in hugepages; -errno when that is asked for and cannot be. */
static int choose_memory(const struct sp_dpdk_conf *conf, struct sp_err *err)
{
	uint64_t have = free_hugepages();
	if (conf->hugepages != SP_HUGEPAGES_NO && have >= conf->memory)
		return 1;
	if (conf->hugepages == SP_HUGEPAGES_YES)
		return sp_err(err, -ENOMEM,
			      "dpdk: %" PRIu64 " MiB of hugepages are free, dpdk.memory wants %" PRIu64
			      " MiB: reserve them (sysctl vm.nr_hugepages=%" PRIu64 ") or set dpdk.hugepages to auto",
			      have >> 20, conf->memory >> 20, (conf->memory + (2 << 20) - 1) >> 21);
	if (conf->memory > sp_mem_available() / 2)
		return sp_err(err, -ENOMEM,
			      "dpdk: memory of %" PRIu64 " MiB is more than half of what is free; lower dpdk.memory",
			      conf->memory >> 20);
	return 0;
}

static int first_cpu(const cpu_set_t *cpus)
{
	int cpu = 0;
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, cpus))
		cpu++;
	return cpu;
}

static int init(const struct sp_dpdk_conf *conf, bool hugepages, int cpu, struct sp_err *err)
{
	/* EAL keeps pointers into its arguments. The allow-list names a device that cannot exist: no PCI device is
	 * probed behind our back. */
	static char line[sizeof conf->args + 256];
	static char *argv[ARGS_MAX];
	char memory[64] = "--in-memory";
	if (!hugepages)
		snprintf(memory, sizeof memory, "--no-huge --no-shconf -m %" PRIu64, conf->memory >> 20);
	snprintf(line, sizeof line, "spantap %s --no-telemetry --log-level=error -a ffff:ff:1f.7 -l %d %s", memory, cpu,
		 conf->args);
	int n = 0;
	char *rest = line;
	for (char *word; n < ARGS_MAX - 1 && (word = strsep(&rest, " \t"));)
		if (*word)
			argv[n++] = word;
	if (rte_eal_init(n, argv) < 0)
		return sp_err(err, -rte_errno, "dpdk: the environment layer does not start: %s; its messages are above",
			      rte_strerror(rte_errno));
	return 0;
}

int sp_dpdk_start(const struct sp_dpdk_conf *conf, struct sp_err *err)
{
	static bool started;
	if (started)
		return 0;
	int hugepages = choose_memory(conf, err);
	if (hugepages < 0)
		return hugepages;
	/* It pins the calling thread, which is ours to place. */
	cpu_set_t cpus;
	pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus);
	int r = init(conf, hugepages, first_cpu(&cpus), err);
	pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
	started = r == 0;
	return r;
}
