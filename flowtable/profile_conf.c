/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/profile_conf.h"

#include "base/time.h"

/* As enum sp_profile_which. */
static const char *const which_words[] = {"none", "all", "trigger", NULL};

static const char *const reason_words[] = {
#define X(sym, text) text,
	SP_PROFILE_REASONS(X)
#undef X
		NULL,
};

const char *sp_profile_reason_name(enum sp_profile_reason reason)
{
	assert(reason < SP_PROFILE_REASON_MAX);
	return reason_words[reason];
}

#define AT(member) .offset = offsetof(struct sp_profile_conf, member)
const struct sp_conf_row sp_profile_conf_rows[] = {
	{.name = "record",
	 .type = SP_CONF_ENUM,
	 AT(record),
	 .fallback = "none",
	 .words = which_words,
	 .reloadable = true,
	 .doc = "Which flows get a Network Profile (profiles.jsonl): every packet with its time, and the delays they "
		"add up to. `trigger`: flows to which one of `triggers` happens, with the packets before it. A change "
		"while running is for new flows."},
	{.name = "filter",
	 .type = SP_CONF_STRING,
	 AT(filter),
	 .max = SP_PROFILE_FILTER_MAX,
	 .fallback = "",
	 .reloadable = true,
	 .doc = "Only of flows for which this is true: `host ADDRESS`, `net ADDRESS/BITS`, `port NUMBER`, `tcp`, "
		"`udp`, "
		"`icmp`, joined by `and`, `or` (which binds less) and `not`. Empty: of all."},
	{.name = "triggers",
	 .type = SP_CONF_WORDS,
	 AT(triggers),
	 .words = reason_words + SP_PROFILE_REASON_FAILURE,
	 .fallback = "[failure, retransmission, zero_window, slow]",
	 .reloadable = true,
	 .doc = "With `record: trigger`: a call that fails or a connection that ends with somebody to blame; a segment "
		"sent again; a window that closes; an answer that takes long."},
	{.name = "slow",
	 .type = SP_CONF_DURATION,
	 AT(slow),
	 .min = SP_NS_PER_US,
	 .max = 3600 * SP_NS_PER_SEC,
	 .fallback = "1s",
	 .reloadable = true,
	 .doc = "What the trigger `slow` takes for long: from a request to the first byte of its response."},
	{.name = "before",
	 .type = SP_CONF_UINT,
	 AT(before),
	 .max = 4096,
	 .fallback = "64",
	 .unit = "packets",
	 .reloadable = true,
	 .doc = "With `record: trigger`: packets before the one that triggered. Every flow that may come to a trigger "
		"keeps as many, in some 5 bytes each."},
	{.name = "after",
	 .type = SP_CONF_UINT,
	 AT(after),
	 .max = 1000000000,
	 .fallback = "256",
	 .unit = "packets",
	 .reloadable = true,
	 .doc = "…and after it, counted anew at each trigger. The flow's last packets are there, too."},
	{.name = "keep_packets",
	 .type = SP_CONF_SIZE,
	 AT(keep_packets),
	 .max = SP_PROFILE_KEEP_MAX,
	 .fallback = "0",
	 .reloadable = true,
	 .doc = "So many bytes of each packet of a Network Profile are kept, from the frame's first on, in "
		"packets.pcapng "
		"(`spantap profile --pcapng`). 0: none. With `record: trigger` every flow that may come to a trigger "
		"keeps "
		"`before` packets of that size; half of `max_memory` is for them."},
	{.name = "max_memory",
	 .type = SP_CONF_SIZE,
	 AT(max_memory),
	 .min = 1 << 20,
	 .max = UINT64_C(8) << 30,
	 .fallback = "64MiB",
	 .doc = "Memory of one worker for profiles under way, touched as it is needed: 1 KiB a flow, and what its "
		"packets take. When it is used up, a flow's profile is written in more parts, new flows get none, and "
		"that is counted."},
	{0},
};
