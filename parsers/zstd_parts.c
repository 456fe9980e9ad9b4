/* SPDX-License-Identifier: Apache-2.0 */
/* A frame's first block that is never there as a whole. Its literals and its sequences are read from their ends: what
 * comes out of it first takes the literals' tree, the end of their first stream, the sequences' tables, and the block's
 * end. These are kept, and all else is passed over. */
#include "parsers/codec.h"
#include "parsers/zstd_priv.h"

enum { BLOCK_MAX = 128 * 1024 };

enum { STREAM, TABLES, SEQUENCES };

static uint8_t *bytes_of(struct sp_zstd_parts *z, unsigned i)
{
	return i == STREAM ? z->stream : i == TABLES ? z->tables : z->sequences;
}

static void set(struct sp_zstd_parts *z, unsigned i, size_t from, size_t n)
{
	z->part[i].from = (uint32_t)from;
	z->part[i].n = (uint32_t)n;
}

/* Where the literals' first stream lies, which begin at `in` and `at` bytes behind the frame's beginning. False: it is
 * not said. */
static bool find_stream(struct sp_zstd_parts *z, const struct zstd_literals_head *h, struct sp_slice in, size_t at)
{
	size_t tree, n = h->size;
	z->type = h->type;
	z->literals = h->literals;
	if (h->type < ZSTD_COMPRESSED) {
		n = SP_MIN(n, sizeof z->stream);
		z->literals = h->type == ZSTD_RAW ? (uint32_t)n : h->literals;
		set(z, STREAM, at, n);
		return true;
	}
	if (h->type == ZSTD_TREELESS || in.n < 1 + sizeof z->tree || n < zstd_tree_size(in) + 6)
		return false;
	tree = zstd_tree_size(in);
	memcpy(z->tree, in.p, tree);
	at += tree;
	n -= tree;
	if (h->streams > 1) {
		const uint8_t *jump = in.p + tree;
		z->literals = (h->literals + 3) / 4;
		n = jump[0] | (size_t)jump[1] << 8;
		at += 6;
	}
	size_t seen = SP_MIN(n, sizeof z->stream);
	set(z, STREAM, at + n - seen, seen);
	return true;
}

bool sp_zstd_parts_begin(struct sp_zstd_parts *z, struct sp_slice in)
{
	struct sp_slice s = in;
	struct zstd_literals_head h;
	unsigned type;
	size_t n;
	bool last;
	if (!sp_zstd_header(&s) || !sp_zstd_block(&s, &type, &n, &last) || type != ZSTD_BLOCK_COMPRESSED || n <= s.n ||
	    n > BLOCK_MAX || !sp_zstd_literals_head(&h, s))
		return false;
	size_t begin = (size_t)(s.p - in.p), end = begin + n, at = begin + h.n, tables = at + h.size;
	s = (struct sp_slice){s.p + h.n, s.n - h.n};
	if (tables >= end || !find_stream(z, &h, s, at) || z->part[STREAM].from + z->part[STREAM].n > tables)
		return false;
	/* The tables apart, where what follows them is too much. */
	size_t apart = end - tables > sizeof z->sequences ? sizeof z->tables : 0;
	size_t from = SP_MAX(end - SP_MIN(end - tables, sizeof z->sequences), tables + apart);
	set(z, TABLES, tables, apart);
	set(z, SEQUENCES, from, end - from);
	z->at = 0;
	sp_zstd_parts_take(z, in);
	return true;
}

void sp_zstd_parts_take(struct sp_zstd_parts *z, struct sp_slice in)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(z->part); i++) {
		size_t from = SP_MAX(z->part[i].from, z->at);
		size_t end = SP_MIN((size_t)z->part[i].from + z->part[i].n, z->at + in.n);
		if (from < end)
			memcpy(bytes_of(z, i) + from - z->part[i].from, in.p + from - z->at, end - from);
	}
	z->at += (uint32_t)in.n;
}

bool sp_zstd_parts_next(const struct sp_zstd_parts *z, uint32_t *skip, uint32_t *need)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(z->part); i++) {
		uint32_t from = z->part[i].from, end = from + z->part[i].n;
		if (z->at >= end || from == end)
			continue;
		*skip = from > z->at ? from - z->at : 0;
		*need = end - SP_MAX(from, z->at);
		return true;
	}
	return false;
}

size_t sp_zstd_parts(struct sp_zstd_parts *z, uint8_t *out, size_t room)
{
	struct zstd_frame f;
	struct sp_slice tree = {z->tree, sizeof z->tree}, end = {z->sequences, z->part[SEQUENCES].n};
	struct zstd_literals l = {.left = z->literals, .raw = {z->stream, z->part[STREAM].n}};
	l.repeated = z->type == ZSTD_REPEATED;
	sp_zstd_frame(&f, out, room);
	if (z->type == ZSTD_COMPRESSED) {
		if (!sp_zstd_huffman(&f.huffman, &tree))
			return 0;
		l.huffman = &f.huffman;
		l.streams = 1;
		l.bytes[0] = l.raw;
	}
	bool apart = z->part[TABLES].n;
	sp_zstd_sequences(&f, &l, apart ? (struct sp_slice){z->tables, z->part[TABLES].n} : end, apart ? &end : NULL);
	return f.n;
}
