/* SPDX-License-Identifier: Apache-2.0 */
/* BSON (https://bsonspec.org), read element by element from bytes of which the end may be missing. */
#ifndef SP_PARSERS_BSON_H
#define SP_PARSERS_BSON_H

#include "base/cursor.h"
#include "parsers/parser.h"

enum sp_bson_type {
	SP_BSON_DOUBLE = 1,
	SP_BSON_STRING,
	SP_BSON_DOCUMENT,
	SP_BSON_ARRAY,
	SP_BSON_BINARY,
	SP_BSON_UNDEFINED,
	SP_BSON_OBJECT_ID,
	SP_BSON_BOOL,
	SP_BSON_DATE,
	SP_BSON_NULL,
	SP_BSON_REGEX,
	SP_BSON_POINTER,
	SP_BSON_CODE,
	SP_BSON_SYMBOL,
	SP_BSON_SCOPED_CODE,
	SP_BSON_INT32,
	SP_BSON_TIMESTAMP,
	SP_BSON_INT64,
	SP_BSON_DECIMAL,
	SP_BSON_MAX_KEY = 0x7f,
	SP_BSON_MIN_KEY = 0xff,
};

enum {
	SP_BSON_SIZE_MAX = 64 << 20, /* of a value; servers allow 16 MiB and some */
	SP_BSON_NAME_MAX = 1024,
	SP_BSON_DEPTH = 12, /* rendered */
};

struct sp_bson {
	uint8_t type;
	uint32_t size;	       /* of the value on the wire, */
	struct sp_slice value; /* of which so much is there */
	struct sp_slice name;
};

enum sp_bson_got {
	SP_BSON_GOT,
	SP_BSON_END,   /* the document's last byte was read */
	SP_BSON_SHORT, /* the beginning of an element is not all there; the cursor is where it was */
	SP_BSON_WRONG,
};

/* The next element; the cursor is behind what is there of its value. */
enum sp_bson_got sp_bson_next(struct sp_cursor *c, struct sp_bson *e);

/* The first element of a document: at its length. Returns that, 0: not there or impossible. */
uint32_t sp_bson_enter(struct sp_cursor *c);

/* A string's text, or what is there of it; empty: no string. */
struct sp_slice sp_bson_text(const struct sp_bson *e);

/* False: no number, or not there. A double is cut to its whole part. */
bool sp_bson_number(const struct sp_bson *e, int64_t *ret);

/* The shape of the document or array in `e`, `room` bytes at most, with ? for each value: {age: {$gt: ?}}. With
 * `reveal` the values stand there. In the arena. */
struct sp_slice sp_bson_shape(struct sp_arena *a, const struct sp_bson *e, size_t room, bool reveal);

#endif
