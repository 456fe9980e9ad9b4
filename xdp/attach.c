/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mirror.skel.h"
#include "steer.skel.h"
#include "xdp/filter.h"
#include "xdp/mirror.bpf.h"
#include "xdp/netlink.h"

/* Since Linux 6.6; not in Debian 12's headers. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define TCX_FIRST (1U << 3)

/* The old way's place. Programs of one priority run by handle, and ours lets the next one run. */
#define TC_PRIORITY 1
#define TC_HANDLE 0x5350

static const struct sp_xdp_conf everything;

/* libbpf's own lines would only repeat what the error says. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static const char *load_hint(int r)
{
	return r == -EPERM || r == -EACCES ? "; it needs CAP_BPF and CAP_NET_ADMIN (root)" : "";
}

static int create_link(int program, int ifindex, int type, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	return bpf_link_create(program, ifindex, type, &opts);
}

static int steer_link(struct sp_steer *steer, int ifindex, int attach)
{
	int program = bpf_program__fd(steer->program->progs.sp_steer), r = -EOPNOTSUPP;
	steer->generic = attach == SP_XDP_ATTACH_GENERIC;
	if (!steer->generic)
		r = create_link(program, ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE);
	if (r < 0 && r != -EBUSY && r != -EEXIST && attach != SP_XDP_ATTACH_NATIVE) {
		steer->native_error = steer->generic ? 0 : r;
		r = create_link(program, ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE);
		steer->generic = true;
	}
	return r;
}

int sp_steer_attach(struct sp_steer *steer, const char *device, int ifindex, int attach,
		    const struct sp_xdp_conf *filter, struct sp_err *err)
{
	filter = filter ? filter : &everything;
	*steer = (struct sp_steer){.link = -1};
	libbpf_set_print(quiet);
	steer->program = steer__open();
	if (!steer->program)
		return sp_err(err, -errno, "%s: XDP program: %s", device, strerror(errno));
	struct sp_xdp_filter words = sp_xdp_filter_words(filter);
	steer->program->rodata->filtered = words.filtered;
	steer->program->rodata->any_net = words.any_net;
	steer->program->rodata->any_port = words.any_port;
	if (!words.filtered)
		bpf_map__set_max_entries(steer->program->maps.ports, 1);
	int r = steer__load(steer->program);
	if (r < 0) {
		sp_err(err, r, "%s: the kernel refuses the XDP program: %s%s", device, strerror(-r), load_hint(r));
		goto fail;
	}
	r = sp_xdp_filter_fill(filter, bpf_map__fd(steer->program->maps.nets), bpf_map__fd(steer->program->maps.ports),
			       err);
	if (r < 0)
		goto fail;
	r = steer_link(steer, ifindex, attach);
	if (r < 0) {
		sp_err(err, r, "%s: cannot attach XDP: %s%s", device, strerror(-r),
		       r == -EBUSY || r == -EEXIST ? "; another XDP program is there (ip link set dev DEVICE xdp off)"
		       : attach == SP_XDP_ATTACH_NATIVE ? "; set af_xdp.attach to auto"
							: "");
		goto fail;
	}
	steer->link = r;
	return 0;
fail:
	sp_steer_detach(steer);
	return r;
}

int sp_steer_socket(struct sp_steer *steer, uint32_t queue, int fd)
{
	return bpf_map_update_elem(bpf_map__fd(steer->program->maps.sockets), &queue, &fd, BPF_ANY);
}

void sp_steer_detach(struct sp_steer *steer)
{
	if (steer->program && steer->link >= 0)
		close(steer->link);
	steer__destroy(steer->program);
	*steer = (struct sp_steer){.link = -1};
}

static struct bpf_tc_hook hook_of(int ifindex, int direction)
{
	return (struct bpf_tc_hook){.sz = sizeof(struct bpf_tc_hook),
				    .ifindex = ifindex,
				    .attach_point = direction ? BPF_TC_EGRESS : BPF_TC_INGRESS};
}

/* An abstract name lives in the network namespace and dies with the process: who holds it owns the filter of the
 * device, and a filter whose name nobody holds was left behind. */
static int lock_device(const char *device)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "spantap-mirror/%s", device);
	if (bind(fd, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + n) < 0) {
		int r = errno == EADDRINUSE ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Before Linux 6.6 there are no links for tc programs. */
static int attach_clsact(struct sp_mirror_tc *tc, const char *device, int direction)
{
	if (tc->lock < 0) {
		tc->lock = lock_device(device);
		if (tc->lock < 0)
			return tc->lock;
	}
	struct bpf_tc_hook hook = hook_of(tc->ifindex, direction);
	int r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	tc->qdisc |= r >= 0;
	struct bpf_tc_opts opts = {.sz = sizeof opts,
				   .prog_fd = bpf_program__fd(tc->program->progs.sp_mirror),
				   .flags = BPF_TC_F_REPLACE,
				   .handle = TC_HANDLE,
				   .priority = TC_PRIORITY};
	r = bpf_tc_attach(&hook, &opts);
	tc->clsact[direction] = r >= 0;
	return r;
}

/* First at ingress: as on the wire. Last at egress: what others changed is seen. */
static int attach_direction(struct sp_mirror_tc *tc, const char *device, int direction)
{
	int r = create_link(bpf_program__fd(tc->program->progs.sp_mirror), tc->ifindex,
			    direction ? TCX_EGRESS : TCX_INGRESS, direction ? 0 : TCX_FIRST);
	if (r >= 0) {
		tc->link[direction] = r;
		return 0;
	}
	return r == -EINVAL ? attach_clsact(tc, device, direction) : r;
}

static int load_mirror(struct sp_mirror_tc *tc, const struct sp_mirror_target *target, const struct sp_xdp_conf *filter,
		       const char *device, struct sp_err *err)
{
	tc->program = mirror__open();
	if (!tc->program)
		return sp_err(err, -errno, "%s: tc program: %s", device, strerror(errno));
	struct sp_xdp_filter words = sp_xdp_filter_words(filter);
	tc->program->rodata->filtered = words.filtered;
	tc->program->rodata->any_net = words.any_net;
	tc->program->rodata->any_port = words.any_port;
	tc->program->rodata->capture_ifindex = target->capture_ifindex;
	tc->program->rodata->slot = target->slot;
	if (!words.filtered)
		bpf_map__set_max_entries(tc->program->maps.ports, 1);
	int r = mirror__load(tc->program);
	if (r < 0)
		return sp_err(err, r, "%s: the kernel refuses the tc program: %s%s", device, strerror(-r),
			      load_hint(r));
	return sp_xdp_filter_fill(filter, bpf_map__fd(tc->program->maps.nets), bpf_map__fd(tc->program->maps.ports),
				  err);
}

int sp_mirror_attach(struct sp_mirror_tc *tc, const char *device, int ifindex, const struct sp_mirror_target *target,
		     const struct sp_xdp_conf *filter, struct sp_err *err)
{
	*tc = (struct sp_mirror_tc){.ifindex = ifindex, .link = {-1, -1}, .lock = -1};
	libbpf_set_print(quiet);
	int r = load_mirror(tc, target, filter ? filter : &everything, device, err);
	for (int direction = 0; r >= 0 && direction <= target->egress; direction++) {
		r = attach_direction(tc, device, direction);
		if (r < 0)
			sp_err(err, r, "%s: cannot attach the tc program at %s: %s%s", device,
			       direction ? "egress" : "ingress", strerror(-r),
			       r == -EBUSY ? "; another spantap mirrors this device" : "");
	}
	if (r < 0)
		sp_mirror_detach(tc);
	return r;
}

/* Unless somebody else's filters use it meanwhile. */
static void remove_qdisc(int ifindex)
{
	struct mnl_socket *nl;
	if (sp_netlink_open(&nl) < 0)
		return;
	struct bpf_tc_hook hook = hook_of(ifindex, 0);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (!sp_netlink_has_filters(nl, ifindex))
		bpf_tc_hook_destroy(&hook);
	sp_netlink_close(nl);
}

void sp_mirror_detach(struct sp_mirror_tc *tc)
{
	if (!tc->program)
		return;
	for (int direction = 0; direction < 2; direction++) {
		if (tc->link[direction] >= 0)
			close(tc->link[direction]);
		if (!tc->clsact[direction])
			continue;
		struct bpf_tc_hook hook = hook_of(tc->ifindex, direction);
		struct bpf_tc_opts opts = {.sz = sizeof opts, .handle = TC_HANDLE, .priority = TC_PRIORITY};
		bpf_tc_detach(&hook, &opts);
	}
	if (tc->qdisc)
		remove_qdisc(tc->ifindex);
	if (tc->lock >= 0)
		close(tc->lock);
	mirror__destroy(tc->program);
	*tc = (struct sp_mirror_tc){.link = {-1, -1}, .lock = -1};
}

uint64_t sp_mirror_count(const struct sp_mirror_tc *tc, unsigned what)
{
	static _Thread_local uint64_t values[1024];
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = what;
	assert(what < SP_MIRROR_COUNT_MAX);
	if (cpus <= 0 || (unsigned)cpus > SP_ARRAY_SIZE(values) ||
	    bpf_map_lookup_elem(bpf_map__fd(tc->program->maps.counts), &key, values) < 0)
		return 0;
	uint64_t sum = 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}
