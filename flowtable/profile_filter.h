/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows are recorded: a few words about addresses, ports and protocols, told by a flow's key alone. */
#ifndef SP_FLOWTABLE_PROFILE_FILTER_H
#define SP_FLOWTABLE_PROFILE_FILTER_H

#include "base/addr.h"
#include "base/pkt.h"

#define SP_PROFILE_TERMS_MAX 32

/* Alternatives, one of which has to be true with all its terms. */
struct sp_profile_filter {
	unsigned n; /* 0: every flow */
	struct sp_profile_term {
		struct sp_addr addr;
		uint16_t port;
		uint8_t kind, bits, proto;
		bool negate;
		bool first; /* of an alternative */
	} term[SP_PROFILE_TERMS_MAX];
};

/* Reads `host 10.0.0.1 and port 443 or not udp`. Returns 0, or -EINVAL and what was expected. */
int sp_profile_filter_parse(struct sp_profile_filter *ret, const char *text, struct sp_err *err);

bool sp_profile_filter_match(const struct sp_profile_filter *filter, const struct sp_flow_key *key);

#endif
