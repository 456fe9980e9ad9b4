/* SPDX-License-Identifier: Apache-2.0 */
/* Every parser against its own vectors, and what follows from each: the same messages however the bytes are cut, no
 * more calls than there is reason for, nothing read past the end, half a conversation and one joined in the middle, and
 * who recognises whose first bytes. `test_parsers NAME` runs one parser and prints what it says where that differs. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/parsers/feed.h"

static const struct sp_parser *parser;
static const struct sp_vector *vector;

static void begin(struct feed *f)
{
	feed_init(f, parser);
	f->p.reveal = vector->reveal;
	f->p.opaque = vector->opaque;
}

static unsigned steps(void)
{
	unsigned n = 0;
	while (n < SP_VECTOR_STEPS && vector->step[n].bytes)
		n++;
	return n;
}

/* True when no step of that side follows. */
static bool is_last(unsigned step)
{
	for (unsigned i = step + 1; i < steps(); i++)
		if (vector->step[i].side == vector->step[step].side)
			return false;
	return true;
}

static bool as_expected(struct feed *f, const char *how, size_t at)
{
	bool same = !strcmp(f->text, vector->want);
	if (!same)
		printf("# %s: %s, %s %zu: got\n%s# expected\n%s", parser->name, vector->name, how, at, f->text,
		       vector->want);
	return same;
}

/* Step by step, the bytes of one step in pieces: `piece` bytes each, or a first piece of `cut` bytes of step `which`.
 */
static void play(struct feed *f, size_t piece, unsigned which, size_t cut)
{
	for (unsigned i = 0; i < steps(); i++) {
		const struct sp_vector_step *s = &vector->step[i];
		size_t at = 0;
		while (at < s->n) {
			size_t n = piece ? piece : i == which && !at && cut ? cut : s->n - at;
			n = SP_MIN(n, s->n - at);
			at += n;
			feed_bytes(f, s->side, s->bytes + at - n, n, at == s->n && is_last(i), vector->udp);
		}
	}
	feed_end(f, vector->udp);
}

static void vectors_hold(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++) {
		struct feed f;
		begin(&f);
		play(&f, 0, 0, 0);
		CHECK(as_expected(&f, "whole", 0));
		feed_free(&f);
	}
}

/* Without slots and extras everything else is as it was. */
static void terse_is_the_same(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++) {
		struct feed full, terse;
		begin(&full);
		begin(&terse);
		full.bare = terse.bare = terse.p.terse = true;
		play(&full, 0, 0, 0);
		play(&terse, 0, 0, 0);
		if (!CHECK_STR(terse.text, full.text))
			printf("# %s: %s\n", parser->name, vector->name);
		feed_free(&full);
		feed_free(&terse);
	}
}

/* …with one byte of a step another one. */
static void play_damaged(struct feed *f, unsigned which, size_t at, char byte)
{
	for (unsigned i = 0; i < steps(); i++) {
		const struct sp_vector_step *s = &vector->step[i];
		char *bytes = malloc(s->n);
		memcpy(bytes, s->bytes, s->n);
		if (i == which)
			bytes[at] = byte;
		feed_bytes(f, s->side, bytes, s->n, is_last(i), vector->udp);
		free(bytes);
	}
	feed_end(f, vector->udp);
}

static void terse_is_the_same_when_damaged(void)
{
	static const char odd[] = " \t\r\n:,09aZ/\0\xff";
	uint64_t random = 1;
	for (vector = parser->vectors; vector && vector->name; vector++)
		for (unsigned round = 0, which = 0; round < 64; round++, which = (which + 1) % steps()) {
			struct feed full, terse;
			if (!vector->step[which].n)
				continue;
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			size_t at = (size_t)(random >> 33) % SP_MIN(vector->step[which].n, 512);
			char byte = odd[(random >> 20) % (sizeof odd - 1)];
			begin(&full);
			begin(&terse);
			full.bare = terse.bare = terse.p.terse = true;
			play_damaged(&full, which, at, byte);
			play_damaged(&terse, which, at, byte);
			if (!CHECK_STR(terse.text, full.text))
				printf("# %s: %s, byte %zu of step %u is %02x\n", parser->name, vector->name, at, which,
				       (unsigned char)byte);
			feed_free(&full);
			feed_free(&terse);
		}
}

static void every_split_says_the_same(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++) {
		bool good = !vector->udp;
		struct feed whole;
		begin(&whole);
		play(&whole, 0, 0, 0);
		for (unsigned i = 0; i < steps() && good; i++)
			for (size_t cut = 1; cut < vector->step[i].n && good; cut++) {
				struct feed f;
				begin(&f);
				play(&f, 0, i, cut);
				good = CHECK(as_expected(&f, "cut at", cut));
				if (!f.stopped && !CHECK(f.begins == whole.begins))
					printf("# %s: %s, cut at %zu of step %u: begins elsewhere\n", parser->name,
					       vector->name, cut, i);
				good &= f.stopped || f.begins == whole.begins;
				feed_free(&f);
			}
		feed_free(&whole);
	}
}

/* A parser that asks for less than it needs is called once a byte: not more, and not again for the same bytes. */
static void byte_by_byte(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++) {
		struct feed f;
		if (vector->udp)
			continue;
		begin(&f);
		play(&f, 1, 0, 0);
		CHECK(as_expected(&f, "byte by byte", 1));
		CHECK(f.calls <= 4 * f.bytes + 16);
		feed_free(&f);
	}
}

/* Every prefix of every step; then the end, or nothing more. Datagrams may be cut by a short capture. */
static void prefixes_do_no_harm(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++)
		for (unsigned i = 0; i < steps(); i++)
			for (size_t n = 0; n <= vector->step[i].n; n++) {
				const struct sp_vector_step *s = vector->step;
				struct feed f;
				begin(&f);
				f.refuse = n & 1;
				for (unsigned k = 0; k < i; k++)
					feed_bytes(&f, s[k].side, s[k].bytes, s[k].n, false, vector->udp);
				feed_bytes(&f, s[i].side, s[i].bytes, n, true, vector->udp);
				feed_end(&f, vector->udp);
				feed_free(&f);
			}
}

/* One side alone, and from every step on after a resync. */
static void halves_do_no_harm(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++)
		for (unsigned from = 0; from < steps(); from++)
			for (unsigned side = 0; side < 3; side++) {
				struct feed f;
				begin(&f);
				for (unsigned i = from; i < steps(); i++) {
					const struct sp_vector_step *s = &vector->step[i];
					if (s->side != side && side != 2)
						continue;
					size_t skip = 0;
					if (i == from && parser->resync) {
						uint8_t *copy = malloc(s->n);
						memcpy(copy, s->bytes, s->n);
						f.p = (struct sp_parse){.in = {copy, s->n},
									.state = f.state,
									.arena = &f.arena,
									.side = s->side,
									.asked = feed_asked,
									.transport =
										feed_transport(parser, vector->udp),
									.extend = feed_extend,
									.ctx = &f};
						skip = parser->resync(&f.p);
						CHECK(skip == SP_RESYNC_NONE || skip < s->n);
						skip = skip == SP_RESYNC_NONE ? s->n : skip;
						free(copy);
					}
					feed_bytes(&f, s->side, s->bytes + skip, s->n - skip, is_last(i), vector->udp);
				}
				feed_free(&f);
			}
}

static enum sp_probe probe(const struct sp_parser *by, const struct sp_vector_step *s, size_t n, bool udp)
{
	uint8_t *copy = malloc(n ? n : 1);
	memcpy(copy, s->bytes, n);
	struct sp_parse p = {.in = {copy, n}, .side = s->side, .transport = feed_transport(parser, udp), .last = udp};
	bool fits = by->transports & p.transport;
	enum sp_probe rc = fits ? by->probe(&p) : SP_PROBE_NO;
	free(copy);
	return rc;
}

static bool may_start(const struct sp_parser *by, const struct sp_vector_step *s)
{
	uint16_t first = (uint16_t)((uint8_t)s->bytes[0] << 8 | (s->n > 1 ? (uint8_t)s->bytes[1] : 0));
	for (const struct sp_start *t = by->starts; t->sides; t++)
		if ((first & t->mask) == t->value && t->sides & 1 << s->side)
			return true;
	return false;
}

/* Its own first bytes: recognised, and never refused while they are too few. */
static void it_knows_itself(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++) {
		const struct sp_vector_step *s = vector->step;
		if (vector->no_probe)
			continue;
		if (!CHECK(may_start(parser, s)) || !CHECK(probe(parser, s, s->n, vector->udp) != SP_PROBE_NO))
			printf("# %s: %s\n", parser->name, vector->name);
		for (size_t n = 2; n < s->n && !vector->udp; n++)
			if (!CHECK(probe(parser, s, n, false) != SP_PROBE_NO)) {
				printf("# %s: %s: first %zu bytes\n", parser->name, vector->name, n);
				break;
			}
	}
}

/* Nobody else is sure that it is theirs. */
static void nobody_else_claims_it(void)
{
	for (vector = parser->vectors; vector && vector->name; vector++)
		for (const struct sp_parser *const *by = sp_parsers; *by; by++) {
			const struct sp_vector_step *s = vector->step;
			if (*by == parser || vector->no_probe || !may_start(*by, s))
				continue;
			if (!CHECK(probe(*by, s, s->n, vector->udp) != SP_PROBE_YES))
				printf("# %s: %s: claimed by %s\n", parser->name, vector->name, (*by)->name);
		}
}

/* What was taken for theirs once: by whom, and what it is. */
static void strangers_are_refused(void)
{
	static const struct {
		uint16_t who;
		const char *what;
		struct sp_vector_step step;
	} stranger[] = {
		{SP_APP_MYSQL, "an X11 event", SP_C("\x13\0\x68\0\x1b\0\x40\3\x1b\0\x40\3\0\xfb\xff\xbf")},
		{SP_APP_MYSQL, "another", SP_C("\x16\0\xf8\0\5\0\x40\3\5\0\x40\3\0\0\0\0\0\0\0\0")},
		{SP_APP_MYSQL, "a reply", SP_C("\x16\0\xf8\0\0\0\x40\3\5\0\x40\3\0\0\0\0\0\0\0\0")},
	};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(stranger); i++) {
		parser = sp_parser(stranger[i].who);
		if (!CHECK_EQ(probe(parser, &stranger[i].step, stranger[i].step.n, false), SP_PROBE_NO))
			printf("# %s\n", stranger[i].what);
	}
}

static void the_table_is_whole(void)
{
	for (const struct sp_parser *const *p = sp_parsers; *p; p++) {
		CHECK_STR(sp_app_name((*p)->app), (*p)->name);
		CHECK(sp_parser((*p)->app) == *p);
		CHECK((*p)->missing && (*p)->title && (*p)->starts && (*p)->probe && (*p)->parse);
		CHECK((*p)->vectors && (*p)->vectors->name);
		CHECK((*p)->state_size <= SP_STATE_MAX && (*p)->more_size <= SP_STATE_MAX);
	}
}

int main(int argc, char **argv)
{
	RUN(the_table_is_whole);
	RUN(strangers_are_refused);
	for (const struct sp_parser *const *p = sp_parsers; *p; p++) {
		parser = *p;
		if (argc > 1 && strcmp(argv[1], parser->name))
			continue;
		printf("# %s\n", parser->name);
		RUN(vectors_hold);
		RUN(terse_is_the_same);
		RUN(terse_is_the_same_when_damaged);
		RUN(every_split_says_the_same);
		RUN(byte_by_byte);
		RUN(prefixes_do_no_harm);
		RUN(halves_do_no_harm);
		RUN(it_knows_itself);
		RUN(nobody_else_claims_it);
	}
	return check_done();
}
