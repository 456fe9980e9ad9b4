/* SPDX-License-Identifier: Apache-2.0 */
/* memcached's binary protocol: https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped. */
#include "base/cursor.h"
#include "parsers/memcached.h"

enum { REQUEST = 0x80, RESPONSE = 0x81, HEADER = 24, EXTRAS_MAX = 24, STAT = 0x10 };

/* What is known of an operation. */
struct operation {
	const char *name;
	uint8_t extras; /* of a request; the least */
	bool quiet, keyless, retrieves, secret;
};

static const struct operation operations[256] = {
	[0x00] = {"get", .retrieves = true},
	[0x01] = {"set", 8},
	[0x02] = {"add", 8},
	[0x03] = {"replace", 8},
	[0x04] = {"delete"},
	[0x05] = {"increment", 20},
	[0x06] = {"decrement", 20},
	[0x07] = {"quit", .keyless = true},
	[0x08] = {"flush", .keyless = true},
	[0x09] = {"getq", .quiet = true, .retrieves = true},
	[0x0a] = {"noop", .keyless = true},
	[0x0b] = {"version", .keyless = true},
	[0x0c] = {"getk", .retrieves = true},
	[0x0d] = {"getkq", .quiet = true, .retrieves = true},
	[0x0e] = {"append"},
	[0x0f] = {"prepend"},
	[0x10] = {"stat", .keyless = true},
	[0x11] = {"setq", 8, .quiet = true},
	[0x12] = {"addq", 8, .quiet = true},
	[0x13] = {"replaceq", 8, .quiet = true},
	[0x14] = {"deleteq", .quiet = true},
	[0x15] = {"incrementq", 20, .quiet = true},
	[0x16] = {"decrementq", 20, .quiet = true},
	[0x17] = {"quitq", .quiet = true, .keyless = true},
	[0x18] = {"flushq", .quiet = true, .keyless = true},
	[0x19] = {"appendq", .quiet = true},
	[0x1a] = {"prependq", .quiet = true},
	[0x1b] = {"verbosity", 4, .keyless = true},
	[0x1c] = {"touch", 4},
	[0x1d] = {"gat", 4, .retrieves = true},
	[0x1e] = {"gatq", 4, .quiet = true, .retrieves = true},
	[0x20] = {"sasl_list_mechs", .keyless = true},
	[0x21] = {"sasl_auth", .secret = true},
	[0x22] = {"sasl_step", .secret = true},
	[0x23] = {"gatk", 4, .retrieves = true},
	[0x24] = {"gatkq", 4, .quiet = true, .retrieves = true},
	[0x30] = {"rget", 4},
	[0x31] = {"rset", 4},
	[0x32] = {"rsetq", 4, .quiet = true},
	[0x33] = {"rappend", 4},
	[0x34] = {"rappendq", 4, .quiet = true},
	[0x35] = {"rprepend", 4},
	[0x36] = {"rprependq", 4, .quiet = true},
	[0x37] = {"rdelete", 4},
	[0x38] = {"rdeleteq", 4, .quiet = true},
	[0x39] = {"rincr", 4},
	[0x3a] = {"rincrq", 4, .quiet = true},
	[0x3b] = {"rdecr", 4},
	[0x3c] = {"rdecrq", 4, .quiet = true},
	/* vBuckets and taps: replication */
	[0x3d] = {"set_vbucket", .keyless = true},
	[0x3e] = {"get_vbucket", .keyless = true},
	[0x3f] = {"del_vbucket", .keyless = true},
	[0x40] = {"tap_connect", .keyless = true},
	[0x41] = {"tap_mutation", .quiet = true},
	[0x42] = {"tap_delete", .quiet = true},
	[0x43] = {"tap_flush", .quiet = true, .keyless = true},
	[0x44] = {"tap_opaque", .quiet = true, .keyless = true},
	[0x45] = {"tap_vbucket_set", .quiet = true, .keyless = true},
};

struct header {
	uint8_t magic, opcode, extras;
	uint16_t key, status;
	uint32_t body, opaque;
	const struct operation *is;
};

/* False: no header. Couchbase's extensions of it are not read. */
static bool header_of(const uint8_t *p, struct header *h)
{
	*h = (struct header){.magic = p[0],
			     .opcode = p[1],
			     .key = sp_be16(p + 2),
			     .extras = p[4],
			     .status = sp_be16(p + 6),
			     .body = sp_be32(p + 8),
			     .opaque = sp_be32(p + 12),
			     .is = &operations[p[1]]};
	return h->key <= MEMCACHED_KEY_MAX && h->extras <= EXTRAS_MAX && !p[5] && h->body <= MEMCACHED_BODY_MAX &&
	       (uint32_t)h->key + h->extras <= h->body;
}

enum sp_probe memcached_probe_binary(struct sp_parse *p)
{
	struct header h;
	if (*p->in.p != REQUEST && *p->in.p != RESPONSE)
		return SP_PROBE_NO;
	if (p->in.n < HEADER) /* the type of the data is always the same */
		return p->in.n > 5 && p->in.p[5] ? SP_PROBE_NO : SP_PROBE_MAYBE;
	if (!header_of(p->in.p, &h) || !h.is->name)
		return SP_PROBE_NO;
	if (h.magic == RESPONSE)
		return h.status < 0x100 ? SP_PROBE_YES : SP_PROBE_NO;
	bool fits = h.extras >= h.is->extras && (h.key || h.is->keyless);
	return fits && (h.is->extras || h.extras <= 4) && (h.is->extras || h.body <= UINT16_MAX) ? SP_PROBE_YES
												 : SP_PROBE_NO;
}

static struct sp_slice name_of(struct sp_parse *p, const struct header *h)
{
	if (h->is->name)
		return sp_slice_of(h->is->name);
	struct sp_slice code = sp_arena_hex(p->arena, (struct sp_slice){&h->opcode, 1});
	return SP_JOIN(p->arena, SP_TEXT("0x"), code);
}

/* The part of a call that quiet commands are in, and the one that ends them. */
static enum sp_msg_part part_of(bool open, bool more)
{
	if (open)
		return more ? SP_PART_MIDDLE : SP_PART_TAIL;
	return more ? SP_PART_HEAD : SP_PART_WHOLE;
}

static void request(struct sp_parse *p, struct memcached_state *st, const struct header *h)
{
	const struct operation *is = h->is;
	bool alone = is->quiet && is->keyless; /* quitq, flushq: nothing will come */
	enum sp_msg_part part = alone ? SP_PART_WHOLE : part_of(st->batch, is->quiet);
	struct sp_msg *m = sp_msg_begin(p, alone ? SP_MSG_ONEWAY : SP_MSG_REQUEST, part);
	struct sp_slice key = {p->in.p + HEADER + h->extras, h->key};
	if (part == SP_PART_WHOLE || part == SP_PART_HEAD) {
		memcached_describe(p, name_of(p, h), &key, h->key > 0);
		sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, h->opaque));
		m->tag = is->retrieves && !is->quiet;
	}
	st->batch = alone ? st->batch : is->quiet;
}

static enum sp_status status_of(uint16_t status)
{
	switch (status) {
	case 0x00: /* no error */
	case 0x01: /* no such key */
	case 0x02: /* the key is there */
	case 0x05: /* not stored */
	case 0x09: /* authentication goes on */
	case 0x21:
		return SP_STATUS_OK;
	case 0x82: /* out of memory */
	case 0x84: /* internal error */
	case 0x85: /* busy */
	case 0x86: /* temporary failure */
		return SP_STATUS_SERVER_ERROR;
	default:
		return SP_STATUS_CLIENT_ERROR;
	}
}

static void describe_status(struct sp_parse *p, const struct header *h)
{
	struct sp_msg *m = &p->msg;
	size_t from = HEADER + h->extras + h->key, n = h->body - h->extras - h->key;
	m->status = status_of(h->status);
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, h->status));
	if (h->status && !h->is->secret)
		sp_msg_put(m, SP_SLOT_MESSAGE,
			   (struct sp_slice){p->in.p + from, SP_MIN(n, (size_t)MEMCACHED_TEXT_SHOWN)});
}

static void response(struct sp_parse *p, struct memcached_state *st, const struct header *h)
{
	uint32_t keys = 0;
	bool more = h->is->quiet || (h->opcode == STAT && h->key && !h->status), found = h->is->retrieves && !h->status;
	if (!st->values)
		st->hits = st->failed = 0;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, part_of(st->values, more));
	/* What a quiet command complains of stays, whatever ends the batch. */
	if (st->failed ? h->status : !more || h->status)
		describe_status(p, h);
	st->failed |= h->is->quiet && h->status;
	st->hits += found && st->hits < UINT32_MAX;
	st->values = more;
	if (more || !(st->hits || h->is->retrieves))
		return;
	sp_msg_extra(m, MEMCACHED_HITS, sp_arena_u64(p->arena, st->hits));
	if (p->asked(p, 0, &keys) && keys == 1 && st->hits <= 1)
		sp_msg_extra(m, MEMCACHED_MISSES, sp_arena_u64(p->arena, 1 - st->hits));
}

enum sp_parse_result memcached_binary(struct sp_parse *p, struct memcached_state *st)
{
	struct header h;
	if (p->in.n < HEADER)
		return sp_parse_more(p, HEADER);
	if (!header_of(p->in.p, &h) || h.magic != (p->side == SP_CLIENT ? REQUEST : RESPONSE))
		return SP_PARSE_BAD;
	size_t head = HEADER + h.extras + h.key, all = HEADER + (size_t)h.body;
	if (h.magic == RESPONSE && h.status)
		head = SP_MIN(all, head + MEMCACHED_TEXT_SHOWN);
	if (p->in.n < head)
		return sp_parse_more(p, head);
	if (h.magic == REQUEST)
		request(p, st, &h);
	else
		response(p, st, &h);
	p->want = all - SP_MIN(all, p->in.n);
	return sp_parse_msg(p, SP_MIN(all, p->in.n));
}
