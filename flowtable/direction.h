/* SPDX-License-Identifier: Apache-2.0 */
/* Who is the client? A SYN says so; without one, what was learned about the endpoints, then well-known ports, then who
 * spoke first. Private to the flow table. */
#ifndef SP_FLOWTABLE_DIRECTION_H
#define SP_FLOWTABLE_DIRECTION_H

#include "base/pkt.h"
#include "flowtable/flow_conf.h"

/* Confidence, in percent, of each way to know. */
enum sp_direction {
	SP_DIRECTION_SYNACK = 100,
	SP_DIRECTION_SYN = 95,
	SP_DIRECTION_CONFIGURED = 90,
	SP_DIRECTION_LEARNED = 85,
	SP_DIRECTION_KNOWN_PORT = 70,
	SP_DIRECTION_LOW_PORT = 40,
	SP_DIRECTION_FIRST = 25,
};

/* Endpoints seen as servers: a small cache that forgets by being overwritten. */
struct sp_servers {
	uint32_t *tag;			     /* one word an endpoint, 0: none */
	uint64_t port_set[65536 / 64];	     /* well-known server ports */
	uint64_t configured_set[65536 / 64]; /* named in the configuration */
};

int sp_servers_init(struct sp_servers *s, const struct sp_flow_conf *conf);
void sp_servers_reconf(struct sp_servers *s, const struct sp_flow_conf *conf);
void sp_servers_free(struct sp_servers *s);

/* The endpoint `side` of the key answered as a server. */
void sp_servers_learn(struct sp_servers *s, const struct sp_flow_key *key, unsigned side);

/* Which side (0 or 1) is the client, and how sure that is, when no handshake tells. */
unsigned sp_direction_guess(const struct sp_servers *s, const struct sp_flow_key *key, unsigned first_sender,
			    enum sp_direction *ret_how);

#endif
