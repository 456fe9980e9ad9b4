/* SPDX-License-Identifier: Apache-2.0 */
/* TCP as it stands in a packet: flags and options (RFC 9293 3.1). Private to the flow table. */
#ifndef SP_FLOWTABLE_TCP_WIRE_H
#define SP_FLOWTABLE_TCP_WIRE_H

#include "base/base.h"
#include "base/pkt.h"

#define SP_TCP_HEADER 20

enum {
	SP_TCP_FIN = 1,
	SP_TCP_SYN = 2,
	SP_TCP_RST = 4,
	SP_TCP_PSH = 8,
	SP_TCP_ACK = 16,
};

enum sp_tcp_option_kind {
	SP_TCP_OPTION_END = 0,
	SP_TCP_OPTION_NOP = 1,
	SP_TCP_OPTION_MSS = 2,
	SP_TCP_OPTION_WSCALE = 3, /* RFC 7323 */
	SP_TCP_OPTION_SACK = 5,	  /* RFC 2018 */
	SP_TCP_OPTION_TIMES = 8,  /* RFC 7323 */
};

/* Where one is among a header's options, as far as they were captured. */
struct sp_tcp_options {
	const uint8_t *p, *end;
};

/* One of them: `n` bytes at `p`, without kind and length. */
struct sp_tcp_option {
	const uint8_t *p;
	uint8_t kind, n;
};

static inline struct sp_tcp_options sp_tcp_options(const struct sp_pkt *pkt)
{
	return (struct sp_tcp_options){pkt->data + pkt->l4 + SP_TCP_HEADER,
				       pkt->data + SP_MIN((uint32_t)pkt->l7, pkt->cap_len)};
}

/* The next option that has a length. False: there is none, or it is not whole. */
static inline bool sp_tcp_option_next(struct sp_tcp_options *at, struct sp_tcp_option *ret)
{
	while (at->p < at->end && *at->p == SP_TCP_OPTION_NOP)
		at->p++;
	if (at->p >= at->end || *at->p == SP_TCP_OPTION_END || at->end - at->p < 2 || at->p[1] < 2 ||
	    at->p[1] > at->end - at->p)
		return false;
	*ret = (struct sp_tcp_option){at->p + 2, at->p[0], (uint8_t)(at->p[1] - 2)};
	at->p += at->p[1];
	return true;
}

#endif
