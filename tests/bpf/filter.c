/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel programs' filter, run by the kernel over frames made byte by byte (BPF_PROG_TEST_RUN). Both programs must
 * agree on every frame. Needs root. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mirror.skel.h"
#include "steer.skel.h"
#include "tests/check.h"
#include "xdp/filter.h"
#include "xdp/mirror.bpf.h"

#define FRAME_MIN 14 /* what BPF_PROG_TEST_RUN takes */

static struct steer *steer;
static struct mirror *mirror;
static int socket_fd;

struct frame {
	uint8_t b[512];
	unsigned n;
};

static void put(struct frame *f, const void *p, unsigned n)
{
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

#define PUT(f, ...)                                                                                                    \
	do {                                                                                                           \
		const uint8_t bytes_[] = {__VA_ARGS__};                                                                \
		put(f, bytes_, sizeof bytes_);                                                                         \
	} while (0)

static struct frame ethernet(unsigned type)
{
	struct frame f = {.n = 0};
	PUT(&f, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, type >> 8, type);
	return f;
}

static void tag(struct frame *f, unsigned id, unsigned type)
{
	PUT(f, id >> 8, id, type >> 8, type);
}

static void ipv4_options(struct frame *f, unsigned proto, unsigned frag, const char *src, const char *dst,
			 unsigned words)
{
	struct sp_addr a, b;
	sp_addr_parse(&a, src);
	sp_addr_parse(&b, dst);
	PUT(f, 0x45 + words, 0, 0, 100, 0x12, 0x34, frag >> 8, frag, 64, proto, 0, 0);
	put(f, a.b + 12, 4);
	put(f, b.b + 12, 4);
	for (unsigned i = 0; i < words; i++)
		PUT(f, 1, 1, 1, 1);
}

static void ipv4(struct frame *f, unsigned proto, unsigned frag, const char *src, const char *dst)
{
	ipv4_options(f, proto, frag, src, dst, 0);
}

static void ipv6(struct frame *f, unsigned next, const char *src, const char *dst)
{
	struct sp_addr a, b;
	sp_addr_parse(&a, src);
	sp_addr_parse(&b, dst);
	PUT(f, 0x60, 0, 0, 0, 0, 100, next, 64);
	put(f, a.b, 16);
	put(f, b.b, 16);
}

/* Hop-by-hop, routing, destination options: `length` in bytes, a multiple of 8. */
static void extension(struct frame *f, unsigned next, unsigned length)
{
	uint8_t b[256] = {next, length / 8 - 1, 1, length - 4};
	put(f, b, length);
}

static void fragment(struct frame *f, unsigned next, unsigned offset, bool more, unsigned id)
{
	PUT(f, next, 0, offset >> 5, (uint8_t)(offset << 3) | more, 0, 0, id >> 8, id);
}

static void l4(struct frame *f, unsigned src, unsigned dst)
{
	PUT(f, src >> 8, src, dst >> 8, dst, 0, 8, 0, 0, 1, 2, 3, 4);
}

static int run_steer(const struct frame *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->n, .repeat = 1);
	int r = bpf_prog_test_run_opts(bpf_program__fd(steer->progs.sp_steer), &opts);
	return r < 0 ? r : (int)opts.retval;
}

static uint64_t mirror_count(unsigned what)
{
	uint64_t v[1024], sum = 0;
	uint32_t key = what;
	bpf_map_lookup_elem(bpf_map__fd(mirror->maps.counts), &key, v);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += v[i];
	return sum;
}

/* The capture device does not exist here, so a frame that is wanted counts as a copy that failed. */
static bool mirror_wants(const struct frame *f)
{
	uint64_t before = mirror_count(SP_MIRROR_FAILED), filtered = mirror_count(SP_MIRROR_FILTERED);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->n, .repeat = 1);
	CHECK_EQ(bpf_prog_test_run_opts(bpf_program__fd(mirror->progs.sp_mirror), &opts), 0);
	CHECK_EQ((int)opts.retval, -1); /* the next program decides */
	bool wanted = mirror_count(SP_MIRROR_FAILED) > before;
	CHECK_EQ(mirror_count(SP_MIRROR_FILTERED) - filtered, !wanted);
	return wanted;
}

static bool wanted(const struct frame *f)
{
	int verdict = run_steer(f);
	CHECK(verdict == XDP_PASS || verdict == XDP_REDIRECT);
	if (f->n > FRAME_MIN)
		CHECK_EQ(mirror_wants(f), verdict == XDP_REDIRECT);
	return verdict == XDP_REDIRECT;
}

static void unload(void)
{
	steer__destroy(steer);
	mirror__destroy(mirror);
	steer = NULL;
	mirror = NULL;
}

/* Both programs with these rules; a socket at queue 0, so that XDP has somewhere to redirect to. */
static bool load(const struct sp_xdp_rule *rules, unsigned n)
{
	struct sp_xdp_conf conf = {.filter = {.n = n, .v = (void *)rules}};
	struct sp_xdp_filter words = sp_xdp_filter_words(&conf);
	struct sp_err err;
	unload();
	steer = steer__open();
	mirror = mirror__open();
	if (!CHECK(steer && mirror))
		return false;
	steer->rodata->filtered = mirror->rodata->filtered = words.filtered;
	steer->rodata->any_net = mirror->rodata->any_net = words.any_net;
	steer->rodata->any_port = mirror->rodata->any_port = words.any_port;
	uint32_t queue = 0;
	return CHECK_EQ(steer__load(steer), 0) && CHECK_EQ(mirror__load(mirror), 0) &&
	       CHECK_EQ(sp_xdp_filter_fill(&conf, bpf_map__fd(steer->maps.nets), bpf_map__fd(steer->maps.ports), &err),
			0) &&
	       CHECK_EQ(
		       sp_xdp_filter_fill(&conf, bpf_map__fd(mirror->maps.nets), bpf_map__fd(mirror->maps.ports), &err),
		       0) &&
	       CHECK_EQ(bpf_map_update_elem(bpf_map__fd(steer->maps.sockets), &queue, &socket_fd, BPF_ANY), 0);
}

static const struct sp_xdp_rule dns = {.ports = {.n = 2, .v = {53, 5353}}};

static bool load_dns(void)
{
	return load(&dns, 1);
}

static void no_rules(void)
{
	if (!load(NULL, 0))
		return;
	struct frame f = ethernet(ETH_P_ARP);
	PUT(&f, 0, 1, 8, 0);
	CHECK(wanted(&f));
	uint32_t queue = 0;
	bpf_map_delete_elem(bpf_map__fd(steer->maps.sockets), &queue);
	CHECK_EQ(run_steer(&f), XDP_PASS); /* a queue without a socket */
}

static void port_rule(void)
{
	if (!load_dns())
		return;
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	for (unsigned i = 0; i < sizeof protos; i++) {
		struct frame f = ethernet(ETH_P_IP);
		ipv4(&f, protos[i], 0x4000, "192.0.2.1", "192.0.2.2");
		struct frame to = f, from = f, neither = f;
		l4(&to, 40000, 53);
		l4(&from, 5353, 40000);
		l4(&neither, 40000, 54);
		CHECK(wanted(&to));
		CHECK(wanted(&from));
		CHECK(!wanted(&neither));
	}
	struct frame icmp = ethernet(ETH_P_IP);
	ipv4(&icmp, IPPROTO_ICMP, 0, "192.0.2.1", "192.0.2.2");
	l4(&icmp, 53, 53);
	CHECK(!wanted(&icmp));
	struct frame options = ethernet(ETH_P_IP);
	ipv4_options(&options, IPPROTO_UDP, 0, "192.0.2.1", "192.0.2.2", 10);
	l4(&options, 1, 53);
	CHECK(wanted(&options));
}

static void vlans(void)
{
	if (!load_dns())
		return;
	static const unsigned types[] = {ETH_P_8021Q, ETH_P_8021AD, 0x9100, 0x9200};
	for (unsigned depth = 1; depth <= 5; depth++) {
		struct frame f = ethernet(types[depth % 4]);
		for (unsigned i = 1; i < depth; i++)
			tag(&f, i, ETH_P_8021Q);
		tag(&f, 100, ETH_P_IP);
		ipv4(&f, IPPROTO_UDP, 0, "192.0.2.1", "192.0.2.2");
		l4(&f, 40000, 53);
		CHECK_EQ(wanted(&f), depth <= 4); /* more is not looked behind: the kernel's */
	}
}

static void ipv6_extensions(void)
{
	if (!load_dns())
		return;
	struct frame base = ethernet(ETH_P_IPV6), f = base;
	ipv6(&f, IPPROTO_UDP, "2001:db8::1", "2001:db8::2");
	l4(&f, 40000, 53);
	CHECK(wanted(&f));

	f = base; /* hop-by-hop, then UDP */
	ipv6(&f, IPPROTO_HOPOPTS, "2001:db8::1", "2001:db8::2");
	extension(&f, IPPROTO_UDP, 8);
	struct frame other = f;
	l4(&f, 40000, 53);
	l4(&other, 40000, 54);
	CHECK(wanted(&f));
	CHECK(!wanted(&other));

	f = base; /* all of them, of several lengths, AH with its own */
	ipv6(&f, IPPROTO_HOPOPTS, "2001:db8::1", "2001:db8::2");
	extension(&f, IPPROTO_DSTOPTS, 16);
	extension(&f, IPPROTO_ROUTING, 8);
	extension(&f, IPPROTO_AH, 56);
	PUT(&f, IPPROTO_DSTOPTS, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	extension(&f, IPPROTO_TCP, 8);
	l4(&f, 53, 40000);
	CHECK(wanted(&f));

	for (unsigned n = 1; n <= 10; n++) { /* bounded */
		f = base;
		ipv6(&f, IPPROTO_DSTOPTS, "2001:db8::1", "2001:db8::2");
		for (unsigned i = 1; i < n; i++)
			extension(&f, IPPROTO_DSTOPTS, 8);
		extension(&f, IPPROTO_UDP, 8);
		l4(&f, 40000, 53);
		CHECK_EQ(wanted(&f), n <= 8);
	}

	f = base; /* a header that reaches past the frame */
	ipv6(&f, IPPROTO_HOPOPTS, "2001:db8::1", "2001:db8::2");
	PUT(&f, IPPROTO_UDP, 255, 0, 0, 0, 0, 0, 0);
	l4(&f, 40000, 53);
	CHECK(!wanted(&f));

	f = base; /* ESP hides the ports */
	ipv6(&f, IPPROTO_ESP, "2001:db8::1", "2001:db8::2");
	l4(&f, 53, 53);
	CHECK(!wanted(&f));
}

/* Later fragments follow their first one; without it they are the kernel's. */
static void ipv4_fragments(void)
{
	if (!load_dns())
		return;
	struct frame first = ethernet(ETH_P_IP), later = first, stranger = first;
	ipv4(&later, IPPROTO_UDP, 0x00b9, "192.0.2.1", "192.0.2.2");
	l4(&later, 40000, 53); /* bytes that look like ports */
	CHECK(!wanted(&later));
	ipv4(&first, IPPROTO_UDP, 0x2000, "192.0.2.1", "192.0.2.2");
	l4(&first, 40000, 53);
	CHECK(wanted(&first));
	CHECK(wanted(&later));
	ipv4(&stranger, IPPROTO_UDP, 0x00b9, "192.0.2.1", "192.0.2.3");
	l4(&stranger, 53, 53);
	CHECK(!wanted(&stranger));
}

static void ipv6_fragments(void)
{
	if (!load_dns())
		return;
	struct frame first = ethernet(ETH_P_IPV6);
	ipv6(&first, IPPROTO_HOPOPTS, "2001:db8::1", "2001:db8::2");
	extension(&first, IPPROTO_FRAGMENT, 8);
	struct frame later = first, other = first, atomic = first;
	fragment(&first, IPPROTO_UDP, 0, true, 77);
	l4(&first, 40000, 53);
	/* The same datagram, although its Next Header says otherwise; its bytes are no header, whatever they look
	 * like. */
	fragment(&later, IPPROTO_FRAGMENT, 185, false, 77);
	fragment(&later, IPPROTO_UDP, 185, false, 78);
	fragment(&other, IPPROTO_UDP, 185, false, 78);
	l4(&other, 40000, 53);
	fragment(&atomic, IPPROTO_UDP, 0, false, 79); /* RFC 6946: not a fragment at all */
	l4(&atomic, 40000, 53);
	CHECK(wanted(&first));
	CHECK(wanted(&later));
	CHECK(!wanted(&other));
	CHECK(wanted(&atomic));
}

static bool wants_pair(const char *src, const char *dst, unsigned port)
{
	bool v6 = strchr(src, ':');
	struct frame f = ethernet(v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6)
		ipv6(&f, IPPROTO_TCP, src, dst);
	else
		ipv4(&f, IPPROTO_TCP, 0, src, dst);
	l4(&f, 50000, port);
	return wanted(&f);
}

static void nets(void)
{
	static const struct sp_xdp_rule rules[] = {
		{.net = "10.0.0.0/8", .ports = {.n = 1, .v = {80}}},
		{.net = "10.1.0.0/16", .ports = {.n = 1, .v = {443}}},
		{.net = "10.1.2.3"},
		{.net = "2001:db8::/33", .ports = {.n = 1, .v = {80}}},
		{.ports = {.n = 1, .v = {6379}}},
	};
	if (!load(rules, SP_ARRAY_SIZE(rules)))
		return;
	CHECK(wants_pair("10.9.9.9", "192.0.2.1", 80));
	CHECK(wants_pair("192.0.2.1", "10.9.9.9", 80));
	CHECK(!wants_pair("10.9.9.9", "192.0.2.1", 443));
	CHECK(wants_pair("10.1.9.9", "192.0.2.1", 443));
	CHECK(wants_pair("10.1.9.9", "192.0.2.1", 80)); /* the wider rule still holds */
	CHECK(wants_pair("10.1.2.3", "192.0.2.1", 9999));
	CHECK(!wants_pair("10.1.2.4", "192.0.2.1", 9999));
	CHECK(wants_pair("192.0.2.1", "192.0.2.2", 6379));
	CHECK(!wants_pair("192.0.2.1", "192.0.2.2", 80));
	CHECK(wants_pair("2001:db8:7fff::1", "2001:db9::1", 80));
	CHECK(!wants_pair("2001:db8:8000::1", "2001:db9::1", 80));
	/* A rule without ports takes protocols that have none. */
	struct frame icmp = ethernet(ETH_P_IP);
	ipv4(&icmp, IPPROTO_ICMP, 0, "10.1.2.3", "192.0.2.1");
	CHECK(wanted(&icmp));
}

/* Everything shorter than the ports is the kernel's, whatever it begins like. */
static void cut_short(void)
{
	if (!load_dns())
		return;
	struct frame f = ethernet(ETH_P_8021Q);
	tag(&f, 5, ETH_P_IPV6);
	ipv6(&f, IPPROTO_HOPOPTS, "2001:db8::1", "2001:db8::2");
	extension(&f, IPPROTO_UDP, 16);
	unsigned ports = f.n;
	l4(&f, 53, 53);
	for (unsigned n = FRAME_MIN; n < f.n; n++) {
		struct frame cut = f;
		cut.n = n;
		CHECK_EQ(wanted(&cut), n >= ports + 4);
	}
	struct frame bad = ethernet(ETH_P_IP);
	ipv4(&bad, IPPROTO_UDP, 0, "192.0.2.1", "192.0.2.2");
	l4(&bad, 53, 53);
	bad.b[14] = 0x44; /* header length 16 */
	CHECK(!wanted(&bad));
	bad.b[14] = 0x65;
	CHECK(!wanted(&bad));
	struct frame mpls = ethernet(ETH_P_MPLS_UC);
	PUT(&mpls, 0, 1, 1, 64, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0);
	CHECK(!wanted(&mpls));
}

int main(void)
{
	if (geteuid()) {
		SKIP("bpf_filter", "needs root");
		return check_done();
	}
	socket_fd = socket(AF_XDP, SOCK_RAW, 0);
	RUN(no_rules);
	RUN(port_rule);
	RUN(vlans);
	RUN(ipv6_extensions);
	RUN(ipv4_fragments);
	RUN(ipv6_fragments);
	RUN(nets);
	RUN(cut_short);
	unload();
	return check_done();
}
