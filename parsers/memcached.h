/* SPDX-License-Identifier: Apache-2.0 */
/* What memcached's text and binary protocols share. Both answer in order, and both have quiet commands that are
 * answered only when there is something to say. Quiet commands and the one that ends them, which is always answered,
 * are therefore one call: a request of several parts, and a response of as many as there are. */
#ifndef SP_PARSERS_MEMCACHED_H
#define SP_PARSERS_MEMCACHED_H

#include "parsers/parser.h"

enum {
	MEMCACHED_KEY_MAX = 250,
	MEMCACHED_TEXT_SHOWN = 256,
	MEMCACHED_BODY_MAX = 1 << 30, /* item_size_max */
};

enum memcached_field {
	MEMCACHED_BATCH, /* how many keys, of several */
	MEMCACHED_HITS,
	MEMCACHED_MISSES,
	MEMCACHED_FIELDS
};

struct memcached_state {
	uint32_t hits; /* values in the response that is open */
	uint32_t end;  /* a hash of the opaque that ends a batch of meta commands */
	bool batch;    /* the client's request is open */
	bool values;   /* the server's response is */
	bool in_line;  /* of keys, of which the beginning was seen */
	uint16_t rest; /* of a datagram, behind its first messages */
	bool failed;   /* the error in it is told */
	bool any_ends; /* whatever is answered ends the batch: its last command has no opaque */
};

/* method, and of the key resource and endpoint. */
void memcached_describe(struct sp_parse *p, struct sp_slice method, const struct sp_slice *key, unsigned n);

enum sp_probe memcached_probe_binary(struct sp_parse *p);
enum sp_parse_result memcached_binary(struct sp_parse *p, struct memcached_state *st);

#endif
