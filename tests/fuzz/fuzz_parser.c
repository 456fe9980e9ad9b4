/* SPDX-License-Identifier: Apache-2.0 */
/* One parser (PARSER, by the build) on a conversation: settings, then pieces – a head of two bytes, side and length –
 * and their bytes. Settings: 1 datagrams, 2 reveal, 4 no memory for more state, 8 begins with a resync. */
#include "base/cursor.h"
#include "tests/parsers/feed.h"

#define SYMBOL_(name) sp_##name##_parser
#define SYMBOL(name) SYMBOL_(name)
extern const struct sp_parser SYMBOL(PARSER);

enum { UDP = 1, REVEAL = 2, REFUSE = 4, RESYNC = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t resync(struct feed *f, unsigned side, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	f->p = (struct sp_parse){.in = {copy, n},
				 .state = f->state,
				 .arena = &f->arena,
				 .side = (uint8_t)side,
				 .transport = SP_TCP,
				 .asked = feed_asked,
				 .extend = feed_extend,
				 .ctx = f};
	size_t at = f->parser->resync(&f->p);
	feed_check(at == SP_RESYNC_NONE || at <= n, f, "resyncs after the end");
	free(copy);
	return SP_MIN(at, n);
}

static void probe(struct feed *f, unsigned side, const uint8_t *p, size_t n, bool udp)
{
	uint8_t *copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	struct sp_parse q = {
		.in = {copy, n}, .side = (uint8_t)side, .transport = feed_transport(f->parser, udp), .last = udp};
	f->parser->probe(&q);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed f;
	if (size < 1)
		return 0;
	uint8_t settings = data[0];
	feed_init(&f, &SYMBOL(PARSER));
	bool udp = !(f.parser->transports & SP_TCP) || (settings & UDP && f.parser->transports & SP_UDP);
	f.p.reveal = settings & REVEAL;
	f.refuse = settings & REFUSE;
	bool lost[2] = {settings & RESYNC && f.parser->resync, settings & RESYNC && f.parser->resync};
	for (size_t at = 1; at + 2 <= size;) {
		unsigned side = data[at] >> 7;
		size_t n = SP_MIN(sp_be16(data + at) & 0x7fffU, size - at - 2), skip = 0;
		const uint8_t *p = data + at + 2;
		at += 2 + n;
		if (n)
			probe(&f, side, p, n, udp);
		if (lost[side] && n)
			skip = resync(&f, side, p, n);
		lost[side] = lost[side] && skip == n;
		feed_bytes(&f, side, p + skip, n - skip, at + 2 > size, udp);
	}
	feed_end(&f, udp);
	feed_free(&f);
	return 0;
}
