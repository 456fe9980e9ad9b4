/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A dedicated capture port: what the filter wants goes to the AF_XDP socket of the queue that it arrived at, the rest,
 * and everything on a queue without a socket, to the kernel. */
#include "xdp/filter.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* Frames that the filter left to the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} passed SEC(".maps");

SEC("xdp")
int sp_steer(struct xdp_md *ctx)
{
	if (filtered && !wanted((void *)(long)ctx->data, (void *)(long)ctx->data_end)) {
		__u32 zero = 0;
		__u64 *n = bpf_map_lookup_elem(&passed, &zero);
		if (n)
			++*n;
		return XDP_PASS;
	}
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
