/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of what flows say: the `requests:` section. The rows are in l7_conf.c. Durations are nanoseconds. */
#ifndef SP_FLOWTABLE_L7_CONF_H
#define SP_FLOWTABLE_L7_CONF_H

#include "base/base.h"
#include "conf/conf.h"

/* What is told of exchanges that cannot be read. */
enum sp_l7_encrypted { SP_L7_ENCRYPTED_NO, SP_L7_ENCRYPTED_TRACES, SP_L7_ENCRYPTED_YES };

struct sp_l7_conf {
	bool enabled;
	bool log;		      /* a record a call; else calls are only counted */
	uint64_t max_memory;	      /* per worker */
	uint64_t max_held;	      /* bytes of segments that wait for earlier ones, per direction */
	uint64_t max_calls;	      /* open requests of one flow */
	uint64_t max_field;	      /* bytes of one value on a record */
	uint64_t timeout;	      /* of a request whose protocol says nothing about it */
	uint64_t late;		      /* how long bytes that the receiver has may come late here */
	uint64_t server_ttl;	      /* how long it is remembered what an endpoint speaks */
	uint64_t protocols;	      /* those that are looked for: bits in the order of sp_l7_words */
	int encrypted;		      /* enum sp_l7_encrypted */
	uint64_t reveal;	      /* those whose values are shown */
	struct sp_conf_list contexts; /* struct sp_context_name */
};

extern const struct sp_conf_row sp_l7_conf_rows[];

/* Names of parsers, in the order of sp_parsers, ended by NULL. */
extern const char *const sp_l7_words[];

#endif
