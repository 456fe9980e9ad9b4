/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis server says. */
#ifndef SP_PARSERS_REDIS_REPLY_H
#define SP_PARSERS_REDIS_REPLY_H

#include "parsers/redis_resp.h"

enum {
	REDIS_MARK_SIZE = 40,
	REDIS_TAG_BITS = 4, /* of a request's tag, its effect; above, how many channels it names */
};

/* What ends a file whose length was not known. */
struct redis_more {
	uint8_t mark[REDIS_MARK_SIZE];
};

/* A reply or a push. */
enum sp_parse_result redis_reply(struct sp_parse *p, struct redis_state *st);

/* More of a file whose length was not known (REDIS_IN_FILE). */
enum sp_parse_result redis_in_file(struct sp_parse *p, struct redis_state *st);

#endif
