/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The frames of xdp_send: they go out of `target`, or, when it is 0, up the stack. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 target;
const volatile __u32 flows;

__u32 next;

SEC("xdp")
int sp_send(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	if (data + 42 > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	__u32 port = 1024 + next;
	next = next + 1 < flows ? next + 1 : 0;
	data[34] = port >> 8;
	data[35] = port;
	return target ? bpf_redirect(target, 0) : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
