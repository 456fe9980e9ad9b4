/* SPDX-License-Identifier: Apache-2.0 */
/* Decode of one frame, as it is and under other settings. Input: link type, settings, bytes cut off, frame. */
#include <stdio.h>
#include <stdlib.h>

#include "parsers/link/decode.h"
#include "tests/unit/decode_invariants.h"

enum { LINK, SETTINGS, CUT, HEAD };
enum { SUMS = 1, MIRROR = 2, KEEP = 4, NO_TUNNELS = 8, SHORT_WIRE = 16, SLICED = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sp_batch b;
	static const uint32_t space[] = {1};
	if (size < HEAD)
		return 0;
	uint8_t settings = data[SETTINGS];
	struct sp_decode_conf conf = sp_decode_conf_default();
	conf.verify_checksums = settings & SUMS;
	conf.sliced = settings & SLICED;
	conf.mirror = settings & MIRROR ? UINT32_MAX : 0;
	conf.keep = settings & KEEP ? 1u << SP_TUNNEL_VXLAN | 1u << SP_TUNNEL_PPPOE : 0;
	conf.max_tunnels = settings & NO_TUNNELS ? 0 : conf.max_tunnels;
	uint32_t cap = (uint32_t)size - HEAD;
	memset(&b, 0, sizeof b);
	b.n = 1;
	b.pkt[0] = (struct sp_pkt){
		.data = data + HEAD,
		.cap_len = cap,
		.wire_len = settings & SHORT_WIRE ? cap / 2 : cap + data[CUT],
		.link = data[LINK] % SP_LINK_MAX,
	};
	sp_decode_batch(&conf, space, &b);
	const char *broken = decode_broken(&conf, &b, 0);
	if (!broken && b.pkt[0].reason == SP_DECODE_OK && b.pkt[0].flags & SP_PKT_QUOTED) {
		sp_decode_icmp_own_key(conf.hash_key, &b.pkt[0], &b.key[0]);
		broken = decode_broken(&conf, &b, 0);
	}
	if (broken) {
		fprintf(stderr, "%s\n", broken);
		abort();
	}
	return 0;
}
