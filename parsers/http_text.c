/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/http.h"

enum sp_status sp_http_status(unsigned code)
{
	return code >= 500 ? SP_STATUS_SERVER_ERROR : code >= 400 ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
}

struct sp_slice sp_http_endpoint(struct sp_arena *a, struct sp_slice target)
{
	(void)a;
	const uint8_t *query = memchr(target.p, '?', target.n);
	return (struct sp_slice){target.p, query ? (size_t)(query - target.p) : target.n};
}

bool sp_slice_is_nocase(struct sp_slice s, const char *lower)
{
	if (s.n != strlen(lower))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]) != (uint8_t)lower[i])
			return false;
	return true;
}

bool sp_trace_header(struct sp_parse *p, struct sp_slice name, struct sp_slice value, bool response)
{
	if (!sp_slice_is_nocase(name, "x-request-id"))
		return false;
	p->msg.slot[response ? SP_SLOT_X_REQUEST_ID_RESPONSE : SP_SLOT_X_REQUEST_ID_REQUEST] = value;
	return true;
}
