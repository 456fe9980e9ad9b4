/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/record.h"

#include <string.h>

static const char *const close_reason_name[] = {
#define X(sym, text, blame) text,
	SP_CLOSE_REASONS(X)
#undef X
};

static const char *const failure_name[] = {
#define X(sym, text) text,
	SP_FAILURES(X)
#undef X
};

static const char *const call_type_name[] = {
#define X(sym, text) text,
	SP_CALL_TYPES(X)
#undef X
};

static const char *const status_name[SP_STATUS_MAX] = {
	[SP_STATUS_NONE] = "unknown",
	[SP_STATUS_OK] = "ok",
	[SP_STATUS_CLIENT_ERROR] = "client_error",
	[SP_STATUS_SERVER_ERROR] = "server_error",
	[SP_STATUS_TIMEOUT] = "timeout",
	[SP_STATUS_UNKNOWN] = "unknown",
};

const char *sp_app_limit_name(enum sp_app_limit_bit bit)
{
	static const char *const name[] = {
#define X(sym, text) text,
		SP_APP_LIMITS(X)
#undef X
	};
	assert(bit < SP_APP_LIMIT_BITS);
	return name[bit];
}

const char *sp_call_type_name(enum sp_call_type type)
{
	assert(type < SP_CALL_TYPE_MAX);
	return call_type_name[type];
}

const char *sp_status_name(enum sp_status status)
{
	assert(status < SP_STATUS_MAX);
	return status_name[status];
}

const char *sp_close_reason_name(enum sp_close_reason reason)
{
	assert(reason < SP_CLOSE_REASON_MAX);
	return close_reason_name[reason];
}

const char *sp_failure_name(enum sp_failure failure)
{
	assert(failure < SP_FAILURE_MAX);
	return failure_name[failure];
}

struct sp_page *sp_out_turn(struct sp_out *out, size_t size)
{
	assert(size <= sizeof out->page->data);
	out->page = out->turn(out, out->page);
	out->lost += !out->page;
	return out->page;
}

void sp_out_flush(struct sp_out *out)
{
	if (out->page && out->page->n)
		out->page = out->turn(out, out->page);
}
