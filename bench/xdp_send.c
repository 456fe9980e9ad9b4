/* SPDX-License-Identifier: Apache-2.0 */
/* Sends frames as fast as one CPU can, for tests and measurements of live ports: BPF_PROG_RUN of an XDP program with
 * live frames (Linux 5.18). Two ways: `tx DEVICE` hands frames to the driver of DEVICE, so that they arrive at its veth
 * peer as from a wire (the peer needs native XDP or GRO); `rx DEVICE` puts them into the kernel's receive path as if
 * DEVICE had received them. The frames are UDP from 198.18.0.1 to 198.18.0.2; FLOWS different source ports take turns.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "send.skel.h"

#define BATCH 64

static void put16(unsigned char *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void make_frame(unsigned char *f, unsigned size)
{
	static const unsigned char head[] = {2, 0, 0, 0, 0, 2,	2,  0, 0, 0,   0,  1, 8, 0,   0x45, 0, 0,
					     0, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18,   0, 2};
	memset(f, 0x5a, size);
	memcpy(f, head, sizeof head);
	put16(f + 16, size - ETH_HLEN);
	unsigned sum = 0;
	for (int i = 14; i < 34; i += 2)
		sum += f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f + 24, ~(sum + (sum >> 16)));
	put16(f + 34, 1024);
	put16(f + 36, 9); /* discard */
	put16(f + 38, size - 34);
	put16(f + 40, 0);
}

static double seconds(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: xdp_send tx|rx DEVICE PACKETS [SIZE [FLOWS [PACKETS_PER_SECOND]]]\n");
		return 2;
	}
	unsigned ifindex = if_nametoindex(argv[2]);
	unsigned long packets = strtoul(argv[3], NULL, 0);
	unsigned size = argc > 4 ? atoi(argv[4]) : 60;
	double rate = argc > 6 ? atof(argv[6]) : 0;
	unsigned char frame[2048];
	if (!ifindex || size < 60 || size > 1514 || !packets) {
		fprintf(stderr, "xdp_send: %s: no such device, or a size outside 60..1514\n", argv[2]);
		return 2;
	}
	make_frame(frame, size);

	struct send *program = send__open();
	if (!program)
		return 1;
	program->rodata->target = strcmp(argv[1], "tx") ? 0 : ifindex;
	program->rodata->flows = argc > 5 ? atoi(argv[5]) : 1;
	if (send__load(program) < 0)
		return 1;
	struct xdp_md ctx = {.data_end = size, .ingress_ifindex = ifindex};
	double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned long sent = 0; sent < packets;) {
		unsigned long n = packets - sent;
		/* In pieces, so that a signal ends it and a rate can be kept. */
		n = n > (rate ? BATCH : 65536) ? (rate ? BATCH : 65536) : n;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size, .ctx_in = &ctx,
			    .ctx_size_in = sizeof ctx, .repeat = n, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = BATCH);
		int r = bpf_prog_test_run_opts(bpf_program__fd(program->progs.sp_send), &opts);
		if (r < 0) {
			fprintf(stderr, "xdp_send: %s\n", strerror(-r));
			return 1;
		}
		sent += n;
		while (rate && seconds(CLOCK_MONOTONIC) - start < sent / rate)
			;
	}
	double wall = seconds(CLOCK_MONOTONIC) - start;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("sent=%lu mpps=%.3f cpu_ns=%.1f\n", packets, packets / wall / 1e6, cpu / packets * 1e9);
	send__destroy(program);
	return 0;
}
