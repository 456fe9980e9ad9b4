/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/filter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

struct net_key {
	uint32_t bits;
	struct sp_addr addr;
};

struct sp_xdp_filter sp_xdp_filter_words(const struct sp_xdp_conf *conf)
{
	struct sp_xdp_filter words = {.filtered = conf->filter.n > 0};
	const struct sp_xdp_rule *rule = conf->filter.v;
	for (uint32_t i = 0; i < conf->filter.n; i++) {
		words.any_net |= (uint64_t)!rule[i].net[0] << i;
		words.any_port |= (uint64_t)!rule[i].ports.n << i;
	}
	return words;
}

static bool covers(const struct net_key *wide, const struct net_key *narrow)
{
	if (wide->bits > narrow->bits)
		return false;
	unsigned bytes = wide->bits / 8, rest = wide->bits % 8;
	if (memcmp(wide->addr.b, narrow->addr.b, bytes))
		return false;
	return !rest || !((wide->addr.b[bytes] ^ narrow->addr.b[bytes]) >> (8 - rest));
}

/* A look-up finds the longest prefix only, so each prefix carries the rules of all that cover it. */
static int fill_nets(const struct sp_xdp_conf *conf, int fd)
{
	const struct sp_xdp_rule *rule = conf->filter.v;
	struct net_key key[SP_XDP_RULES_MAX];
	for (uint32_t i = 0; i < conf->filter.n; i++)
		if (rule[i].net[0] && sp_xdp_net_parse(&key[i].addr, &key[i].bits, rule[i].net) < 0)
			return -EINVAL;
	for (uint32_t i = 0; i < conf->filter.n; i++) {
		if (!rule[i].net[0])
			continue;
		uint64_t rules = 0;
		for (uint32_t k = 0; k < conf->filter.n; k++)
			if (rule[k].net[0] && covers(&key[k], &key[i]))
				rules |= UINT64_C(1) << k;
		int r = bpf_map_update_elem(fd, &key[i], &rules, BPF_ANY);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_ports(const struct sp_xdp_conf *conf, int fd)
{
	const struct sp_xdp_rule *rule = conf->filter.v;
	for (uint32_t i = 0; i < conf->filter.n; i++) {
		for (uint32_t k = 0; k < rule[i].ports.n; k++) {
			uint32_t port = rule[i].ports.v[k];
			uint64_t rules = 0;
			int r = bpf_map_lookup_elem(fd, &port, &rules);
			if (r < 0)
				return r;
			rules |= UINT64_C(1) << i;
			r = bpf_map_update_elem(fd, &port, &rules, BPF_ANY);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int sp_xdp_filter_fill(const struct sp_xdp_conf *conf, int nets_fd, int ports_fd, struct sp_err *err)
{
	int r = fill_nets(conf, nets_fd);
	if (r >= 0)
		r = fill_ports(conf, ports_fd);
	return r < 0 ? sp_err(err, r, "filter maps: %s", strerror(-r)) : 0;
}
