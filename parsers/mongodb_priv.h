/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB's messages between mongodb.c, which reads them, and mongodb_find.c, which recognises them. */
#ifndef SP_PARSERS_MONGODB_PRIV_H
#define SP_PARSERS_MONGODB_PRIV_H

#include "base/hash.h"
#include "parsers/mongodb.h"

enum mongodb_opcode {
	OP_REPLY = 1,
	OP_NOTE = 1000, /* once called OP_MSG: a text */
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_GET_MORE = 2005,
	OP_DELETE = 2006,
	OP_KILL_CURSORS = 2007,
	OP_COMMAND = 2010,
	OP_COMMAND_REPLY = 2011,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};

enum mongodb_compressor { NOOP, SNAPPY, ZLIB, ZSTD, MONGODB_COMPRESSORS };

enum {
	HEADER = 16,
	MESSAGE_MAX = 48000000, /* maxMessageSizeBytes */
	NAMESPACE_MAX = 512,
	CHECKSUM = 1 << 0,
	MORE_TO_COME = 1 << 1,
	MSG_FLAGS = 1 << 16 | 3, /* exhaustAllowed, too; the lower half has to be understood */
	QUERY_FLAGS = 0xff,
	QUERY_EXHAUST = 1 << 6,
	CURSOR_NOT_FOUND = 1 << 0,
	QUERY_FAILURE = 1 << 1,
	CODE_CURSOR_NOT_FOUND = 43,
	REPLY_HEAD = 20,
	COMPRESSED_HEAD = 9,
};

struct mongodb_head {
	uint32_t size;
	uint32_t id, to;
	uint32_t op;
};

static inline uint32_t mongodb_take32(struct sp_cursor *c)
{
	const uint8_t *p = sp_cursor_take(c, 4);
	return p ? sp_load32(p) : 0;
}

static inline struct sp_slice mongodb_take_name(struct sp_cursor *c)
{
	const uint8_t *p = c->p, *end = memchr(p, 0, SP_MIN(sp_cursor_left(c), (size_t)NAMESPACE_MAX));
	c->bad |= !end;
	c->p = end ? end + 1 : c->p;
	return (struct sp_slice){p, end ? (size_t)(end - p) : 0};
}

static inline bool mongodb_is_opcode(uint32_t op)
{
	return op == OP_REPLY || op == OP_NOTE || op == OP_UPDATE || op == OP_INSERT || op == OP_QUERY ||
	       op == OP_GET_MORE || op == OP_DELETE || op == OP_KILL_CURSORS || op == OP_COMMAND ||
	       op == OP_COMMAND_REPLY || op == OP_COMPRESSED || op == OP_MSG;
}

static inline bool mongodb_head_at(struct sp_slice in, struct mongodb_head *h)
{
	*h = (struct mongodb_head){sp_load32(in.p), sp_load32(in.p + 4), sp_load32(in.p + 8), sp_load32(in.p + 12)};
	return h->size > HEADER && h->size <= MESSAGE_MAX && mongodb_is_opcode(h->op);
}

/* Clients answer nobody; some wrote -1 for that. */
static inline bool mongodb_is_reply(const struct sp_parse *p, const struct mongodb_head *h)
{
	if (h->op == OP_REPLY || h->op == OP_COMMAND_REPLY)
		return true;
	if (h->op != OP_MSG && h->op != OP_COMPRESSED)
		return false;
	return (h->to && h->to != UINT32_MAX) || p->side == SP_SERVER;
}

/* mongodb_find.c */
enum sp_probe sp_mongodb_probe(struct sp_parse *p);

#endif
