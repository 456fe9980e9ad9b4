/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises MongoDB by a message's header and what follows it. */
#include "parsers/mongodb_priv.h"

static enum sp_probe document_begins(struct sp_cursor *c, uint64_t left)
{
	struct sp_bson e;
	uint32_t size = sp_bson_enter(c);
	if (c->bad)
		return SP_PROBE_MAYBE;
	if (!size || size > left)
		return SP_PROBE_NO;
	enum sp_bson_got got = sp_bson_next(c, &e);
	if (got == SP_BSON_END)
		return size == 5 ? SP_PROBE_YES : SP_PROBE_NO;
	return got == SP_BSON_WRONG || (got == SP_BSON_GOT && e.size > left) ? SP_PROBE_NO
	       : got == SP_BSON_GOT					     ? SP_PROBE_YES
									     : SP_PROBE_MAYBE;
}

static bool is_namespace(struct sp_slice s)
{
	if (!memchr(s.p, '.', s.n) || *s.p == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '/' || s.p[i] == '\\' || s.p[i] == '"')
			return false;
	return true;
}

static enum sp_probe probe_body(const struct mongodb_head *h, struct sp_cursor c)
{
	uint64_t size = h->size - HEADER;
	const uint8_t *start = c.p;
	uint32_t flags = mongodb_take32(&c);
	if (c.bad)
		return SP_PROBE_MAYBE;
	switch (h->op) {
	case OP_MSG: {
		if (flags & ~(uint32_t)MSG_FLAGS)
			return SP_PROBE_NO;
		uint8_t kind = sp_cursor_u8(&c);
		if (c.bad || kind)
			return c.bad ? SP_PROBE_MAYBE : kind == 1 ? SP_PROBE_MAYBE : SP_PROBE_NO;
		return document_begins(&c, size - 5);
	}
	case OP_COMPRESSED: {
		uint32_t whole = mongodb_take32(&c);
		uint8_t compressor = sp_cursor_u8(&c);
		if (c.bad)
			return SP_PROBE_MAYBE;
		bool good = mongodb_is_opcode(flags) && flags != OP_COMPRESSED && whole <= MESSAGE_MAX &&
			    compressor < (unsigned)MONGODB_COMPRESSORS;
		return good ? SP_PROBE_YES : SP_PROBE_NO;
	}
	case OP_REPLY: {
		const uint8_t *rest = sp_cursor_take(&c, REPLY_HEAD - 4);
		if (flags > 15 || (rest && sp_load32(rest + 12) > size / 5))
			return SP_PROBE_NO;
		return !rest		   ? SP_PROBE_MAYBE
		       : size > REPLY_HEAD ? document_begins(&c, size - REPLY_HEAD)
					   : SP_PROBE_MAYBE;
	}
	case OP_KILL_CURSORS:
	case OP_COMMAND:
	case OP_COMMAND_REPLY:
	case OP_NOTE:
		return SP_PROBE_MAYBE;
	}
	struct sp_slice name = mongodb_take_name(&c);
	if (c.bad)
		return sp_cursor_left(&c) < NAMESPACE_MAX ? SP_PROBE_MAYBE : SP_PROBE_NO;
	return flags <= QUERY_FLAGS && is_namespace(name) && (uint64_t)(c.p - start) < size ? SP_PROBE_YES
											    : SP_PROBE_NO;
}

enum sp_probe sp_mongodb_probe(struct sp_parse *p)
{
	struct mongodb_head h;
	if (p->in.n >= 4 && (sp_load32(p->in.p) <= HEADER || sp_load32(p->in.p) > MESSAGE_MAX))
		return SP_PROBE_NO;
	if (p->in.n < HEADER)
		return SP_PROBE_MAYBE;
	if (!mongodb_head_at(p->in, &h))
		return SP_PROBE_NO;
	size_t n = SP_MIN(p->in.n, (size_t)h.size) - HEADER;
	enum sp_probe rc = probe_body(&h, sp_cursor((struct sp_slice){p->in.p + HEADER, n}));
	p->reversed = rc == SP_PROBE_YES && mongodb_is_reply(p, &h) == (p->side == SP_CLIENT);
	return rc;
}
