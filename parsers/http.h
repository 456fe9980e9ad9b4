/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP's versions, and whoever else has headers or paths, share. */
#ifndef SP_PARSERS_HTTP_H
#define SP_PARSERS_HTTP_H

#include "parsers/parser.h"

/* RFC 9110 section 15. */
enum sp_status sp_http_status(unsigned code);

/* The low-cardinality form of a request target: without query and fragment; numbers, UUIDs, hashes and long opaque
 * segments become {id}. In the arena, or in `target` where nothing had to change. */
struct sp_slice sp_http_endpoint(struct sp_arena *a, struct sp_slice target);

/* A header, property or comment key that carries a trace context or a request's identifier: W3C traceparent, b3 (single
 * and several), uber-trace-id, sw8, X-Amzn-Trace-Id, Datadog, X-Request-ID. Fills the slots of p->msg. Names are
 * compared without case. False: it is none of them. `response`: it stands in a response. */
bool sp_trace_header(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response);

/* Do they differ at most in the case of ASCII letters? `lower` is in lower case. */
bool sp_slice_is_nocase(struct sp_slice s, const char *lower);

#endif
