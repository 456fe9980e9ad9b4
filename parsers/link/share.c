/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/link/share.h"

#include "parsers/link/proto.h"

const uint32_t sp_share_protocol[256] = {
	[SP_PROTO_TCP] = SP_SHARE_TELLS,
	[SP_PROTO_UDP] = SP_SHARE_TELLS | SP_SHARE_BUT_PORTS,
};
