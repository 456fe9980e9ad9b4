/* SPDX-License-Identifier: Apache-2.0 */
#include "xdp/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEATURES_MAX 512 /* the kernel has some 60 */

static int ethtool(const char *name, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct ifreq request = {.ifr_data = command};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	int r = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int sp_netdev_rx_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int r = ethtool(name, &channels);
	if (r < 0)
		return r;
	unsigned n = channels.rx_count + channels.combined_count;
	return n ? (int)n : -EOPNOTSUPP;
}

/* The bit of a feature, or -ENOENT. */
static int feature_bit(const char *name, const char *feature, unsigned *total)
{
	union {
		struct ethtool_sset_info head;
		uint32_t words[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1];
	} set = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
	int r = ethtool(name, &set);
	if (r < 0)
		return r;
	uint32_t n = set.head.data[0];
	if (!n || n > FEATURES_MAX)
		return -ENOENT;
	struct ethtool_gstrings *strings = calloc(1, sizeof *strings + (size_t)n * ETH_GSTRING_LEN);
	if (!strings)
		return -ENOMEM;
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	strings->len = n;
	r = ethtool(name, strings);
	int bit = r < 0 ? r : -ENOENT;
	for (unsigned i = 0; r >= 0 && i < n; i++)
		if (!strncmp((char *)strings->data + i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN))
			bit = i;
	free(strings);
	*total = n;
	return bit;
}

int sp_netdev_feature(const char *name, const char *feature, bool on)
{
	unsigned total = 0;
	int bit = feature_bit(name, feature, &total);
	if (bit < 0)
		return bit == -ENOENT || bit == -EOPNOTSUPP ? 0 : bit;
	unsigned words = (total + 31) / 32;
	union {
		struct ethtool_gfeatures head;
		uint8_t bytes[sizeof(struct ethtool_gfeatures) +
			      FEATURES_MAX / 32 * sizeof(struct ethtool_get_features_block)];
	} get = {.head = {.cmd = ETHTOOL_GFEATURES, .size = words}};
	int r = ethtool(name, &get);
	if (r < 0)
		return r;
	uint32_t mask = UINT32_C(1) << (bit % 32);
	if (!!(get.head.features[bit / 32].active & mask) == on)
		return 0;
	union {
		struct ethtool_sfeatures head;
		uint8_t bytes[sizeof(struct ethtool_sfeatures) +
			      FEATURES_MAX / 32 * sizeof(struct ethtool_set_features_block)];
	} set = {.head = {.cmd = ETHTOOL_SFEATURES, .size = words}};
	set.head.features[bit / 32].valid = mask;
	set.head.features[bit / 32].requested = on ? mask : 0;
	r = ethtool(name, &set);
	return r < 0 ? r : 1;
}

int sp_netdev_watch(int ifindex, bool promiscuous)
{
	/* Protocol 0: no frame comes here. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), r = 0;
	if (fd < 0)
		return -errno;
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		r = -errno;
	struct packet_mreq request = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
	if (!r && promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

bool sp_netdev_gone(int watch)
{
	/* Unregistering a device takes its number out of the sockets that were bound to it. */
	struct sockaddr_ll address = {0};
	socklen_t size = sizeof address;
	return getsockname(watch, (struct sockaddr *)&address, &size) < 0 || address.sll_ifindex <= 0;
}
