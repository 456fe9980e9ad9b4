/* SPDX-License-Identifier: Apache-2.0 */
/* What Kafka's requests and responses look like, as data (kafka_api.c), and who walks it (kafka_walk.c).
 *
 * A layout is text, a letter a field, in the order of the wire; blanks are nothing:
 *
 *     b h i l u   int8 or bool, int16, int32, int64, UUID      s y r   string, bytes, records
 *     S C I Q     arrays of string, int8, int32, int64         [ ]     an array of structures   ( )   a structure
 *     .           nothing of interest follows
 *
 * and fields that mean something: t T topic's name and id, A names of topics, p P partition and array of them,
 * o offset, g G group and array of them, x X transactional id and array of them, n another resource's name, k acks,
 * e error code, m error message, K kind of coordinator, M SASL mechanism, c v name and version of the client's
 * software.
 *
 * Versions that have the field follow it: "s3" from 3 on, "s3-5", none: all. Tagged fields are at the end of every
 * structure of flexible versions and stand in no layout. */
#ifndef SP_PARSERS_KAFKA_H
#define SP_PARSERS_KAFKA_H

#include "base/cursor.h"
#include "parsers/parser.h"

enum {
	KAFKA_NEVER = 255, /* no version is flexible */
	KAFKA_DEPTH = 5,   /* arrays and structures in each other: the deepest layout has so many */
	KAFKA_TOPICS = 4,  /* shown */
	KAFKA_TEXT_MAX = 1024,
	KAFKA_VERSIONS = 2, /* versions newer than ours that a client may speak */
	KAFKA_FETCH = 1,
	KAFKA_METADATA = 3,
	KAFKA_SASL_HANDSHAKE = 17,
	KAFKA_API_VERSIONS = 18,
};

/* Names of what Kafka calls an API key. Layouts end with '.', or where the message does. */
struct sp_kafka_api {
	const char *name;
	uint8_t newest;	  /* the highest version that the layouts hold for */
	uint8_t flexible; /* the first version with compact types and tagged fields */
	const char *request, *response;
};

/* NULL: no such key. */
const struct sp_kafka_api *sp_kafka_api(unsigned key);

/* The name of an error code; empty: unknown. */
struct sp_slice sp_kafka_error(int code, enum sp_status *status);

/* Where a walk is; goes on with the next bytes. */
struct sp_kafka_walk {
	const char *layout;
	uint8_t at; /* in the layout */
	uint8_t version;
	uint8_t depth;
	bool flexible;
	bool failed; /* an error code was seen, in so many structures: only its text is still of interest */
	uint8_t failed_at;
	int16_t error;
	uint8_t begin[KAFKA_DEPTH]; /* of each open array: where in the layout its structure begins, */
	uint32_t left[KAFKA_DEPTH]; /* and how many of them there are, this one included */
};

/* What the topics' ids mean, of so many as there is room for; when it is used up it begins anew. */
struct sp_kafka_names {
	uint16_t used;
	uint8_t bytes[4094];
};

/* `id`: 16 bytes; `names` may be NULL. Empty: unknown. */
struct sp_slice sp_kafka_names_find(const struct sp_kafka_names *names, const uint8_t *id);
void sp_kafka_names_learn(struct sp_kafka_names *names, const uint8_t *id, struct sp_slice name);

/* What a walk found. */
struct sp_kafka_found {
	struct sp_kafka_names *names; /* in: that are known, and more of which are learned; NULL: none */
	struct sp_slice topic[KAFKA_TOPICS];
	uint32_t topics;
	bool id_last;	      /* the last topic is known by its id, a name may follow */
	bool name_last;	      /* the structure's topic was named, its id is not needed */
	struct sp_slice name; /* of the last topic that was named */
	bool has_partition, has_offset, has_acks, is_transaction;
	int32_t partition;
	int64_t offset;
	int16_t acks;
	struct sp_slice group, transaction, resource, error_text, mechanism, software, software_version;
	struct sp_slice records; /* of the first partition, cut to what is there */
	uint64_t messages;	 /* in the batches that were seen */
};

enum sp_kafka_walked {
	SP_KAFKA_OVER,	/* nothing of interest follows */
	SP_KAFKA_SHORT, /* the next field is not there as a whole */
	SP_KAFKA_SKIP,	/* a long field: `skip` bytes follow what is there */
	SP_KAFKA_WRONG, /* not this layout */
};

void sp_kafka_walk_begin(struct sp_kafka_walk *w, const struct sp_kafka_api *api, uint8_t version, bool response);

/* Reads on from c->p. `left`: bytes of the message from there on. */
enum sp_kafka_walked sp_kafka_walk(struct sp_kafka_walk *w, struct sp_cursor *c, uint64_t left, struct sp_arena *a,
				   struct sp_kafka_found *f, uint64_t *skip);

/* The end of a structure: false when its tagged fields are not all there. */
bool sp_kafka_tagged(struct sp_cursor *c);

/* An unsigned varint of at most 32 bits. */
uint32_t sp_kafka_varint(struct sp_cursor *c);

/* How many records the batch at the beginning of `records` has; 0: unknown. */
uint32_t sp_kafka_batch_count(struct sp_slice records);

/* The trace context in the headers of the batch's first record, when they are there and not compressed. */
void sp_kafka_batch_trace(struct sp_parse *p, struct sp_slice records);

#endif
