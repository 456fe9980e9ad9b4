/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A dedicated capture port: what the filter wants goes to the AF_XDP socket of the queue that it arrived at, the rest,
 * and everything on a queue without a socket, to the kernel. */
#include "xdp/filter.bpf.h"
#include "xdp/stamp.bpf.h"

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

static __always_inline void stamp(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct sp_xdp_stamp)))
		return;
	struct sp_xdp_stamp *s = (void *)(long)ctx->data_meta;
	if ((void *)(s + 1) > (void *)(long)ctx->data)
		return;
	s->ns = bpf_ktime_get_ns();
	s->check = s->ns ^ SP_XDP_STAMP_MARK;
}

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
	/* What goes to the kernel keeps no stamp: frames with different ones are not merged there. */
	__u32 queue = ctx->rx_queue_index;
	if (!bpf_map_lookup_elem(&sockets, &queue))
		return XDP_PASS;
	stamp(ctx);
	return bpf_redirect_map(&sockets, queue, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
