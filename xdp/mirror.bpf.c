/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A passive copy: every frame of a watched device that the filter wants is cloned to the capture device; the frame
 * itself goes its way untouched. The transmit queue of the clone says which device it came from: it costs nothing, and
 * the queue is what an AF_XDP socket at the other end of the capture device is bound to. */
#include "xdp/mirror.bpf.h"
#include "xdp/filter.bpf.h"

#define TC_ACT_UNSPEC (-1) /* the next program decides; TCX_NEXT is the same */
#define LINEAR_BYTES 192   /* headers that the filter may need */

const volatile __u32 capture_ifindex;
const volatile __u32 slot;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_MIRROR_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);
	if (n)
		++*n;
}

static __always_inline bool skb_wanted(struct __sk_buff *skb)
{
	/* Some drivers leave even the headers in pages. */
	if (skb->data_end - skb->data < LINEAR_BYTES)
		bpf_skb_pull_data(skb, skb->len < LINEAR_BYTES ? skb->len : LINEAR_BYTES);
	return wanted((void *)(long)skb->data, (void *)(long)skb->data_end);
}

SEC("tc")
int sp_mirror(struct __sk_buff *skb)
{
	if (filtered && !skb_wanted(skb)) {
		count(SP_MIRROR_FILTERED);
		return TC_ACT_UNSPEC;
	}
	/* A recorded receive queue, which the field holds as number + 1, chooses the transmit queue of the same number.
	 */
	__u16 queue = skb->queue_mapping;
	skb->queue_mapping = slot + 1;
	long r = bpf_clone_redirect(skb, capture_ifindex, 0);
	skb->queue_mapping = queue;
	count(r < 0 ? SP_MIRROR_FAILED : SP_MIRROR_CLONED);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
