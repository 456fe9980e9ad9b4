/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the Network Profile recorder: the `profile:` section. The rows are in profile_conf.c. Durations are
 * nanoseconds. */
#ifndef SP_FLOWTABLE_PROFILE_CONF_H
#define SP_FLOWTABLE_PROFILE_CONF_H

#include "base/base.h"
#include "conf/conf.h"

enum sp_profile_which { SP_PROFILE_RECORD_NONE, SP_PROFILE_RECORD_ALL, SP_PROFILE_RECORD_TRIGGER };

/* Why a flow has a profile: X(name, word). Those after FILTER are triggers. */
#define SP_PROFILE_REASONS(X)                                                                                          \
	X(ALL, "all")                                                                                                  \
	X(FILTER, "filter")                                                                                            \
	X(FAILURE, "failure")                                                                                          \
	X(RETRANSMISSION, "retransmission")                                                                            \
	X(ZERO_WINDOW, "zero_window")                                                                                  \
	X(SLOW, "slow")

enum sp_profile_reason {
#define X(sym, text) SP_PROFILE_REASON_##sym,
	SP_PROFILE_REASONS(X)
#undef X
		SP_PROFILE_REASON_MAX
};

/* A trigger's bit in the settings' mask. */
#define SP_PROFILE_TRIGGER(reason) (UINT64_C(1) << (SP_PROFILE_REASON_##reason - SP_PROFILE_REASON_FAILURE))

#define SP_PROFILE_FILTER_MAX 256
#define SP_PROFILE_KEEP_MAX (31 * 1024) /* with what is noted of a packet, a block of a slab */

struct sp_profile_conf {
	int record;			    /* enum sp_profile_which */
	char filter[SP_PROFILE_FILTER_MAX]; /* profile_filter.h; "": every flow */
	uint64_t triggers;		    /* SP_PROFILE_TRIGGER, or'ed */
	uint64_t slow;
	uint64_t before, after; /* packets around a trigger */
	uint64_t keep_packets;	/* bytes of each packet that are kept; 0: none */
	uint64_t max_memory;	/* per worker */
};

extern const struct sp_conf_row sp_profile_conf_rows[];

const char *sp_profile_reason_name(enum sp_profile_reason reason);

#endif
