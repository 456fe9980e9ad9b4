/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/l7_conf.h"

#include "base/time.h"
#include "parsers/parser.h"

const char *const sp_l7_words[] = {
#define SP_PARSER_ROW(name, number) #name,
#include "parsers/table.def"
#undef SP_PARSER_ROW
	NULL,
};

/* All of them: words are checked against the list when a file is read, the default is written out. */
static const char every[] = "["
#define SP_PARSER_ROW(name, number) #name ", "
#include "parsers/table.def"
#undef SP_PARSER_ROW
			    "]";

/* As enum sp_context. */
static const char *const context_words[] = {"trace_id", "span_id", "parent_span_id", "x_request_id", NULL};

static const struct sp_conf_row context_rows[] = {
	{.name = "name",
	 .type = SP_CONF_STRING,
	 .offset = offsetof(struct sp_context_name, name),
	 .max = sizeof((struct sp_context_name *)0)->name,
	 .doc = "Of the header, in lower case."},
	{.name = "means",
	 .type = SP_CONF_ENUM,
	 .offset = offsetof(struct sp_context_name, means),
	 .fallback = "trace_id",
	 .words = context_words,
	 .doc = "Where its value goes."},
	{0},
};

/* As enum sp_l7_encrypted. */
static const char *const encrypted_words[] = {"no", "traces", "yes", NULL};

#define AT(member) .offset = offsetof(struct sp_l7_conf, member)
const struct sp_conf_row sp_l7_conf_rows[] = {
	{.name = "enabled",
	 .type = SP_CONF_BOOL,
	 AT(enabled),
	 .fallback = "yes",
	 .doc = "Read what flows say: their protocol, their calls. Off: flow records alone, at the lowest cost."},
	{.name = "log",
	 .type = SP_CONF_BOOL,
	 AT(log),
	 .fallback = "yes",
	 .reloadable = true,
	 .doc = "Write a record for every call. Off: calls are counted on their flow's record."},
	{.name = "protocols",
	 .type = SP_CONF_WORDS,
	 AT(protocols),
	 .words = sp_l7_words,
	 .fallback = every,
	 .doc = "Protocols that are looked for, on any port."},
	{.name = "reveal",
	 .type = SP_CONF_WORDS,
	 AT(reveal),
	 .words = sp_l7_words,
	 .fallback = "[]",
	 .reloadable = true,
	 .doc = "Protocols whose values are written as they are: literals of SQL, arguments of Redis, and the like. By "
		"default they are replaced by `?`. Passwords are never written."},
	{.name = "encrypted",
	 .type = SP_CONF_ENUM,
	 AT(encrypted),
	 .words = encrypted_words,
	 .fallback = "traces",
	 .reloadable = true,
	 .doc = "Exchanges on encrypted connections, from the first byte that a client sends until its server does. "
		"traces: what several points saw of one is a trace, and tells where the time went. yes: they are "
		"written as calls, too. no: of a connection its handshake alone."},
	{.name = "contexts",
	 .type = SP_CONF_LIST,
	 AT(contexts),
	 .rows = context_rows,
	 .size = sizeof(struct sp_context_name),
	 .max = 16,
	 .fallback = "[]",
	 .reloadable = true,
	 .doc = "Headers of your own that carry a trace's identifier, beside those that are known: traceparent, b3, "
		"uber-trace-id, sw8, X-Amzn-Trace-Id, Datadog's, X-Request-ID. They count before these."},
	{.name = "timeout",
	 .type = SP_CONF_DURATION,
	 AT(timeout),
	 .min = 10 * SP_NS_PER_MS,
	 .max = 3600 * SP_NS_PER_SEC,
	 .fallback = "120s",
	 .reloadable = true,
	 .doc = "A request without a response for so long is written as timed out, where its protocol does not say "
		"better (DNS: 15s). DeepFlow: 120s."},
	{.name = "late",
	 .type = SP_CONF_DURATION,
	 AT(late),
	 .max = 10 * SP_NS_PER_SEC,
	 .fallback = "20ms",
	 .reloadable = true,
	 .doc = "Bytes that the receiver has acknowledged, and that did not come here so long after what follows them, "
		"were lost by the capture: reading goes on behind them."},
	{.name = "server_ttl",
	 .type = SP_CONF_DURATION,
	 AT(server_ttl),
	 .min = SP_NS_PER_SEC,
	 .max = 24 * 3600 * SP_NS_PER_SEC,
	 .fallback = "600s",
	 .reloadable = true,
	 .doc = "How long it is remembered what a server's port was last heard to speak. It settles ties, and "
		"connections that were joined in the middle."},
	{.name = "max_memory",
	 .type = SP_CONF_SIZE,
	 AT(max_memory),
	 .min = 4 << 20,
	 .max = UINT64_C(8) << 30, /* what handles reach */
	 .fallback = "1GiB",
	 .doc = "Memory of one worker for what flows say, touched as it is needed. When it is used up, flows go on "
		"without their calls, and say so."},
	{.name = "max_held",
	 .type = SP_CONF_SIZE,
	 AT(max_held),
	 .min = 1 << 10,
	 .max = 64 << 20,
	 .fallback = "256KiB",
	 .reloadable = true,
	 .doc = "Bytes of one direction that came before their turn and are kept. What finds no room is taken for "
		"lost."},
	{.name = "max_calls",
	 .type = SP_CONF_UINT,
	 AT(max_calls),
	 .min = 1,
	 .max = 16384,
	 .fallback = "1024",
	 .unit = "calls",
	 .reloadable = true,
	 .doc = "Requests of one flow that wait for their responses. The oldest makes room, and is written without."},
	{.name = "max_field",
	 .type = SP_CONF_SIZE,
	 AT(max_field),
	 .min = 64,
	 .max = 8 << 10,
	 .fallback = "4KiB",
	 .reloadable = true,
	 .doc = "Longest value on a record; longer ones are cut."},
	{0},
};
