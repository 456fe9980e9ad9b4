/* SPDX-License-Identifier: Apache-2.0 */
/* How much more two processors do at once than one of them alone, in plain arithmetic that needs no memory: two cores
 *of their own do twice as much, two threads of one core (which a virtual machine does not always know that it has)
 *hardly more, and other jobs take their part.
 *
 *	cores CPU CPU
 *
 * prints that ratio. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

#define TURN_NS UINT64_C(20000000)
#define ROUND 10000 /* sums between two looks at the clock */

struct half {
	pthread_barrier_t *begin;
	int cpu;
	double done; /* rounds a nanosecond */
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* As many sums a cycle as a core can do: a second thread on it takes its share of each. */
static void sums(void)
{
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
	for (unsigned i = 0; i < ROUND; i++)
		__asm__ volatile("add $1, %0\n\tadd $3, %1\n\tadd $5, %2\n\tadd $7, %3\n\tadd $9, %4\n\tadd $11, %5"
				 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
}

static void *work(void *arg)
{
	struct half *h = arg;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned)h->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof set, &set)) {
		fprintf(stderr, "cores: there is no processor %d\n", h->cpu);
		exit(1);
	}
	pthread_barrier_wait(h->begin);
	uint64_t begin = now(), rounds = 0, end;
	do {
		sums();
		rounds++;
	} while ((end = now()) - begin < TURN_NS);
	h->done = (double)rounds / (double)(end - begin);
	return NULL;
}

/* Rounds a nanosecond of `n` processors at once. */
static double together(const int *cpu, unsigned n)
{
	pthread_barrier_t begin;
	pthread_t thread[2];
	struct half half[2];
	double done = 0;
	pthread_barrier_init(&begin, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		half[i] = (struct half){&begin, cpu[i], 0};
		if (pthread_create(&thread[i], NULL, work, &half[i]))
			exit(1);
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		done += half[i].done;
	}
	pthread_barrier_destroy(&begin);
	return done;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: cores CPU CPU\n");
		return 2;
	}
	const int cpu[] = {atoi(argv[1]), atoi(argv[2])};
	double alone = SP_MAX(together(cpu, 1), together(cpu + 1, 1));
	printf("%.2f\n", together(cpu, 2) / alone);
	return 0;
}
