/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time goes over many calls: what was spent between two points, for each endpoint, as a histogram that can be
 * merged with those of other intervals and other boxes. */
#ifndef SP_STITCH_EDGE_H
#define SP_STITCH_EDGE_H

#include "base/hist.h"
#include "base/slice.h"

#define SP_EDGE_END                                                                                                    \
	UINT16_MAX /* instead of a point: the client before the first one, the server behind the last one              \
		    */
#define SP_EDGE_TEXT_MAX 160

/* Traces of one endpoint over one pair of neighbours; good while it is being told. A trace that passes a pair twice
 * counts twice. */
struct sp_edge {
	uint64_t start_ns, end_ns; /* the first call's beginning, the last one's end */
	uint64_t calls, errors;	   /* errors: client_error, server_error, timeout */
	uint64_t lost;		   /* messages that one of both points saw and the other should have seen */
	uint64_t sum_us;
	struct sp_hist self; /* us between both, without what the client was slow; of the ends, their own share */
	uint16_t from, to;
	uint16_t app;
	bool other; /* all endpoints of both that there was no room for */
	uint8_t n_method, n_endpoint;
	char text[SP_EDGE_TEXT_MAX]; /* method, then endpoint, both cut */
};

static inline struct sp_slice sp_edge_method(const struct sp_edge *e)
{
	return (struct sp_slice){(const uint8_t *)e->text, e->n_method};
}

static inline struct sp_slice sp_edge_endpoint(const struct sp_edge *e)
{
	return (struct sp_slice){(const uint8_t *)e->text + e->n_method, e->n_endpoint};
}

#endif
