/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK (RFC 7541) for somebody who listens: the table of one direction as far as it was seen. What refers to an entry
 * that was added before, or that did not fit, is a field with an unknown name or value, never a guess. */
#ifndef SP_PARSERS_HPACK_H
#define SP_PARSERS_HPACK_H

#include "base/arena.h"
#include "base/base.h"
#include "base/slice.h"

#define SP_HPACK_BYTES 4096 /* of entries that are kept, whatever the ends agree on */
#define SP_HPACK_ENTRIES (SP_HPACK_BYTES / 32)
#define SP_HPACK_VALUE_MAX SP_HPACK_BYTES /* of a decoded name or value: what comes after it is cut off */

/* Zeroed: an empty table of the default size. */
struct sp_hpack {
	uint32_t limit;			  /* the sender's table size; */
	bool limited;			  /* false: the default, */
	uint8_t newest;			  /* an index into `entry` */
	uint8_t count;			  /* entries that are kept */
	uint16_t size;			  /* of these, as the RFC counts */
	uint16_t tail;			  /* where the next one begins in `bytes` */
	uint16_t entry[SP_HPACK_ENTRIES]; /* a ring: where each begins */
	uint8_t bytes[SP_HPACK_BYTES];	  /* oldest first, each in one piece */
};

/* Fields that the static table names, by its first row with that name. */
enum sp_hpack_name {
	SP_HPACK_OTHER, /* not in the static table, or spelled out although it is */
	SP_HPACK_AUTHORITY = 1,
	SP_HPACK_METHOD = 2,
	SP_HPACK_PATH = 4,
	SP_HPACK_SCHEME = 6,
	SP_HPACK_STATUS = 8,
	SP_HPACK_AUTHORIZATION = 23,
	SP_HPACK_CONTENT_ENCODING = 26,
	SP_HPACK_CONTENT_LENGTH = 28,
	SP_HPACK_CONTENT_TYPE = 31,
	SP_HPACK_COOKIE = 32,
	SP_HPACK_HOST = 38,
	SP_HPACK_PROXY_AUTHORIZATION = 49,
	SP_HPACK_REFERER = 51,
	SP_HPACK_SERVER = 54,
	SP_HPACK_SET_COOKIE = 55,
	SP_HPACK_USER_AGENT = 58,
};

struct sp_hpack_field {
	struct sp_slice name, value; /* what is unknown is empty */
	uint8_t id;		     /* enum sp_hpack_name, or another row of the static table */
	bool name_unknown, value_unknown;
	bool huffman;  /* the value is encoded still: sp_hpack_value */
	bool fleeting; /* name and value lie in the table: good until the next field, unlike those of others */
	size_t need;   /* SP_HPACK_SHORT: bytes from the field's beginning on without which it says no more */
};

enum sp_hpack_got {
	SP_HPACK_FIELD,
	SP_HPACK_SHORT, /* the field is not there as a whole; nothing was used, and the table is as it was */
	SP_HPACK_NONE,	/* all was used, and no field was in it: table sizes */
	SP_HPACK_WRONG, /* not HPACK; the table is not to be trusted any more */
};

/* Takes one field off the front of `in`, which is not empty. `h` NULL: no table is kept. Decoded text lies in the
 * arena; where that is full, it is unknown. */
enum sp_hpack_got sp_hpack_next(struct sp_hpack *h, struct sp_slice *in, struct sp_arena *a, struct sp_hpack_field *f);

/* The value, as long as the arena or the input lasts. */
struct sp_slice sp_hpack_value(const struct sp_hpack_field *f, struct sp_arena *a);

/* Fields were missed: entries are no longer where they were. */
void sp_hpack_forget(struct sp_hpack *h);

/* Decodes to at most `room` bytes. False: not the code. */
bool sp_huffman(struct sp_slice in, uint8_t *out, size_t room, size_t *n);

#endif
