/* SPDX-License-Identifier: Apache-2.0 */
/* Names that applications make up, of keys, topics and queues, in their low-cardinality form. */
#ifndef SP_PARSERS_NAMES_H
#define SP_PARSERS_NAMES_H

#include "parsers/parser.h"

/* What sp_name_write may need. */
#define SP_NAME_ROOM 384

/* Names come again and again that differ in the digits of numbers alone, which are not written: their forms are kept,
 * few of them, by whoever calls parsers. Begins zeroed. */
enum { SP_NAMES_SEEN = 64, SP_NAME_SEEN_MAX = 32, SP_NAME_SEEN_TEXT = 48 };

struct sp_names_seen {
	struct sp_name_seen {
		uint8_t name[SP_NAME_SEEN_MAX];
		uint8_t text[SP_NAME_SEEN_TEXT]; /* what is written of it, and of others like it */
		uint32_t hidden;		 /* bits of its bytes that are digits, for which others may stand */
		uint8_t n;			 /* of its bytes; 0: none is kept here */
		uint8_t n_text;
		bool last_is_id, several;
	} seen[SP_NAMES_SEEN];
};

/* Where a name that was written ends, and whether it had more segments than one. */
struct sp_name_end {
	uint8_t *end;
	bool several;
};

/* Writes `name` with its generated parts as {id}: segments between : / . | , { } that are numbers, UUIDs, hashes or
 * long and random, and numbers of two digits or more at a segment's end. `last_is_id`: so is the last of several
 * segments when none before it was (user:alice). Cut after 128 bytes. */
struct sp_name_end sp_name_write(uint8_t *to, struct sp_slice name, bool last_is_id);

/* As sp_name_write, of a name behind which SP_NAME_SEEN_MAX bytes may be read, and out of what was seen of names like
 * it. `seen` NULL: nothing is kept. */
struct sp_name_end sp_name_write_seen(struct sp_names_seen *seen, uint8_t *to, struct sp_slice name, bool last_is_id);

/* The same in the arena; empty without room. */
struct sp_slice sp_name_template(struct sp_arena *a, struct sp_slice name);

/* "VERB name" in the arena. */
struct sp_slice sp_name_endpoint(struct sp_arena *a, struct sp_slice verb, struct sp_slice name);

static inline uint8_t *sp_put(uint8_t *to, struct sp_slice s)
{
	sp_copy(to, s.p, s.n);
	return to + s.n;
}

#endif
