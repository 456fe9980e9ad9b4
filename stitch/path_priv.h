/* SPDX-License-Identifier: Apache-2.0 */
/* How connections wait for their other legs. */
#ifndef SP_STITCH_PATH_PRIV_H
#define SP_STITCH_PATH_PRIV_H

#include "base/time.h"
#include "stitch/stitch_priv.h"

#define SP_HANDSHAKES_APART (10 * SP_NS_PER_SEC) /* of one connection at two points, clocks included */
#define SP_CHOSEN_ISN 65536			 /* smaller ones are no random numbers */
#define SP_PORTS 65536

struct path {
	uint64_t began_ns;	  /* by the clock of the records, when the first point told of it */
	uint64_t ended_ns;	  /* …when its last leg ended */
	uint64_t losses_known_ns; /* until then, by its own clock, they were told as they came */
	uint32_t first;
	uint32_t next, back;	       /* in its bucket */
	uint32_t port_next, port_back; /* of those whose first leg has this client's port */
	uint32_t older, newer;
	uint32_t isn_client;
	uint16_t n, open; /* legs; those that go on */
	uint16_t port;
	bool listed, used;
	uint8_t joined_by, confidence; /* of what is least sure */
};

struct sp_paths {
	struct sp_leg *leg;
	struct path *path;
	uint32_t *bucket;
	uint32_t n, n_buckets; /* of legs, and of paths */
	uint32_t fresh_leg, fresh_path, free_leg, free_path, oldest, newest;
	uint32_t by_port[SP_PORTS];
	struct sp_path told;
};

static inline uint32_t *sp_path_bucket(struct sp_paths *p, uint32_t isn_client)
{
	return &p->bucket[sp_key(isn_client, 0) >> 8 & (p->n_buckets - 1)];
}

/* path.c: the legs of `x` become those of `h`. */
void sp_path_merge(struct sp_stitch *s, uint32_t h, uint32_t x);

/* path_unite.c: a path that is to be told gets what belongs to it, and has other sequence numbers. */
void sp_path_unite(struct sp_stitch *s, uint32_t h);

#endif
