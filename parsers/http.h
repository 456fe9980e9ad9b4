/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP's versions, and whoever else has headers or paths, share. */
#ifndef SP_PARSERS_HTTP_H
#define SP_PARSERS_HTTP_H

#include "parsers/parser.h"

/* RFC 9110 section 15. */
enum sp_status sp_http_status(unsigned code);

/* The low-cardinality form of a request target: without scheme, authority, query and fragment; numbers, UUIDs, hashes
 * and long opaque segments become {id}. In the arena, or in `target` where nothing had to change. */
struct sp_slice sp_http_endpoint(struct sp_arena *a, struct sp_slice target);

/* A request target, or another URL, as it may be shown: credentials of its authority, and the values of parameters
 * whose names say that they are secret, become `?`; of these, tokens and signatures are shown when `reveal`. In the
 * arena, or `target` itself where nothing had to be hidden. */
struct sp_slice sp_http_target(struct sp_arena *a, struct sp_slice target, bool reveal);

/* Host and port of a target, absolute or an authority alone, without credentials; empty when it has none. */
struct sp_slice sp_http_authority(struct sp_slice target);

/* The value of Host or :authority, without credentials. */
struct sp_slice sp_http_host(struct sp_slice value);

/* The scheme of Authorization or Proxy-Authorization, never what follows it; `?` when there is none. */
struct sp_slice sp_http_auth_scheme(struct sp_slice value);

/* The first element of a list that commas part: of X-Forwarded-For, the client. */
struct sp_slice sp_http_first(struct sp_slice list);

static inline bool sp_http_is_space(uint8_t c)
{
	return c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* Without spaces, tabs and line ends around it. */
static inline struct sp_slice sp_http_trim(struct sp_slice s)
{
	while (s.n && sp_http_is_space(*s.p))
		s.p++, s.n--;
	while (s.n && sp_http_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A header, property or comment key that carries a trace context or a request's identifier: W3C traceparent, b3 (single
 * and several), uber-trace-id, sw8, X-Amzn-Trace-Id, Datadog, X-Request-ID. Fills the slots of p->msg. Names are
 * compared without case. False: it is none of them. `response`: it stands in a response, and says the trace only, not
 * the caller's span.
 *
 * Where a message carries several contexts W3C's wins; of the others the first does. A second one of another trace is
 * known by its identifier alone (SP_SLOT_OTHER_TRACE_ID), a third one is left out. Identifiers are kept in the form in
 * which they were sent, so that they are found in the tracer's own store. A context that is not valid fills nothing. */
bool sp_trace_header(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response);

/* The same for names that were configured (p->names) alone; sp_trace_header asks it first. */
bool sp_trace_configured(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response);

/* Do n bytes differ from `lower` at most in the case of ASCII letters? `lower` is in lower case and has no control
 * characters; quick where n is a constant. */
static inline bool sp_same_nocase(const uint8_t *p, const char *lower, size_t n)
{
	if (n >= 8) {
		for (size_t i = 0;; i = SP_MIN(i + 8, n - 8)) {
			uint64_t a, b;
			memcpy(&a, p + i, 8);
			memcpy(&b, lower + i, 8);
			uint64_t letter = (b & 0x4040404040404040) >> 1 & b;
			if ((a | letter) != b)
				return false;
			if (i == n - 8)
				return true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if ((p[i] | (lower[i] & 0x40 ? lower[i] & 0x20 : 0)) != lower[i])
			return false;
	return true;
}

/* The same of a whole slice. */
bool sp_slice_is_nocase(struct sp_slice s, const char *lower);

#endif
