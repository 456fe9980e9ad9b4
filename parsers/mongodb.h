/* SPDX-License-Identifier: Apache-2.0 */
/* What MongoDB's commands and replies say, found while their documents are walked (mongodb_walk.c). */
#ifndef SP_PARSERS_MONGODB_H
#define SP_PARSERS_MONGODB_H

#include "parsers/bson.h"

enum {
	MONGODB_DEPTH = 6,
	MONGODB_VIEW = 4096,  /* read at a time; the message's rest is read when there is more of interest */
	MONGODB_SHAPE = 1024, /* of a filter, as shown */
	MONGODB_TEXT_MAX = 1024,
	MONGODB_WANT = 2048, /* of a value that is of interest: longer ones are cut */
};

enum sp_mongodb_field {
	MONGODB_COLLECTION,
	MONGODB_QUERY,
	MONGODB_BATCH,
	MONGODB_ROWS,
	MONGODB_CURSOR,
	MONGODB_CODE_NAME,
	MONGODB_COMPRESSOR,
	MONGODB_COMMENT,
};

/* What an open container is. */
enum sp_mongodb_inside {
	MONGODB_SECTIONS,   /* those of OP_MSG */
	MONGODB_PAIR,	    /* a command's or reply's document, and its metadata */
	MONGODB_COMMAND,    /* a request's document */
	MONGODB_EXPLAINED,  /* the command in explain */
	MONGODB_FILTER,	    /* the wrapper around an old query's filter */
	MONGODB_INSERTS,    /* a sequence of documents, only counted, */
	MONGODB_INSERTED,   /* or an array of them */
	MONGODB_DOCUMENTS,  /* a sequence of updates or deletions, */
	MONGODB_STATEMENTS, /* or an array of them */
	MONGODB_STATEMENT,  /* the first update or deletion */
	MONGODB_REPLY,
	MONGODB_REPLY_CURSOR,
	MONGODB_ROWS_ARRAY,
	MONGODB_ERRORS, /* of a write: an array */
	MONGODB_ERROR,	/* one of them, or the write concern's */
};

/* Where a walk is: good to go on with when more bytes are there. Positions count from the walk's first byte. */
struct sp_mongodb_walk {
	uint32_t pos;
	uint32_t end[MONGODB_DEPTH];
	uint8_t inside[MONGODB_DEPTH];
	uint8_t depth;
	bool reply;
	bool named;	 /* the command's first element was seen */
	bool counted;	 /* rows */
	bool ok, not_ok; /* what the reply said */
	bool failed;	 /* some code was seen */
	int32_t code;
	uint32_t rows, batch;
};

enum sp_mongodb_walked {
	SP_MONGODB_OVER,
	SP_MONGODB_SHORT,
	SP_MONGODB_SKIP, /* a long value: `skip` bytes follow what is there */
	SP_MONGODB_WRONG,
};

void sp_mongodb_open(struct sp_mongodb_walk *w, enum sp_mongodb_inside inside, uint64_t size);

/* Reads on from c->p and fills in p->msg. `whole`: no more than these bytes will come. */
enum sp_mongodb_walked sp_mongodb_walk(struct sp_parse *p, struct sp_mongodb_walk *w, struct sp_cursor *c, bool whole,
				       uint32_t *skip);

/* The rest will not be seen: what was being counted is not known, and a reply with a cursor is none that failed. */
void sp_mongodb_cut(struct sp_mongodb_walk *w);

/* At a message's end: what was counted, and how it went. */
void sp_mongodb_finish(struct sp_parse *p, const struct sp_mongodb_walk *w);

/* A filter in the document or array `e`. */
void sp_mongodb_query(struct sp_parse *p, const struct sp_bson *e);

/* A collection by its full name, DATABASE.COLLECTION. */
void sp_mongodb_namespace(struct sp_msg *m, struct sp_slice full);

/* The method's and the collection's name together. */
void sp_mongodb_endpoint(struct sp_parse *p);

enum sp_status sp_mongodb_status(int32_t code);

#endif
