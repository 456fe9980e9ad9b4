/* SPDX-License-Identifier: Apache-2.0 */
/* A capture filter in tcpdump's language (pcap-filter(7)), evaluated on whole frames before anything looks into them.
 */
#ifndef SP_DATAPLANE_FILTER_H
#define SP_DATAPLANE_FILTER_H

#include "base/base.h"
#include "base/pkt.h"

struct sp_filter;

/* Compiles an expression for every link type that is read. Where it makes no sense for one of them (an Ethernet address
 * on raw IP), packets of that type do not match. -EINVAL with libpcap's words when it makes sense for none. */
int sp_filter_new(struct sp_filter **ret, const char *expression, struct sp_err *err);
void sp_filter_free(struct sp_filter *filter);

/* Appends the packets of `in` that match to `out`, which has room for them. */
void sp_filter_batch(const struct sp_filter *filter, const struct sp_batch *in, struct sp_batch *out);

#endif
