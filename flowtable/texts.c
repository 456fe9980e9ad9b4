/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/texts.h"

#include <limits.h>

/* Not inside a character. */
static size_t cut(struct sp_slice s, size_t max)
{
	if (SP_LIKELY(s.n <= max))
		return s.n;
	while (max && (s.p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static size_t attribute_max(size_t max)
{
	return SP_MIN(max, (size_t)SP_TEXTS_ATTRIBUTE_MAX);
}

size_t sp_texts_room(const struct sp_msg *m, size_t max)
{
	size_t n = 0, most = attribute_max(max);
	for (unsigned i = 0; i < SP_SLOT_MAX; i++)
		n += SP_MIN(m->slot[i].n, max);
	for (unsigned i = 0; i < m->n_extras; i++)
		n += SP_TEXTS_ATTRIBUTE_HEAD + SP_MIN(m->extra[i].value.n, most);
	return n;
}

static void put_slots(struct sp_texts *t, const struct sp_msg *m, size_t max)
{
	for (unsigned i = 0; i < SP_SLOT_MAX; i++) {
		if (!m->slot[i].n)
			continue;
		size_t n = cut(m->slot[i], max);
		memcpy(t->bytes + t->size, m->slot[i].p, n);
		t->at[i] = t->size;
		t->n[i] = (uint16_t)n;
		t->size = (uint16_t)(t->size + n);
	}
}

static void put_attributes(struct sp_texts *t, unsigned run, const struct sp_msg *m, size_t max)
{
	size_t most = attribute_max(max);
	uint8_t *p = t->bytes + t->size;
	if (!t->run_n[run])
		t->run_at[run] = t->size;
	for (unsigned i = 0; i < m->n_extras; i++) {
		uint16_t n = (uint16_t)cut(m->extra[i].value, most);
		p[0] = m->extra[i].field;
		memcpy(p + 1, &n, sizeof n);
		memcpy(p + SP_TEXTS_ATTRIBUTE_HEAD, m->extra[i].value.p, n);
		p += SP_TEXTS_ATTRIBUTE_HEAD + n;
	}
	t->run_n[run] = (uint8_t)(t->run_n[run] + m->n_extras);
	t->size = (uint16_t)(p - t->bytes);
}

void sp_texts_begin(struct sp_texts *t, const struct sp_msg *m, size_t max)
{
	memset(t, 0, sizeof *t);
	put_slots(t, m, max);
	if (m->n_extras)
		put_attributes(t, 0, m, max);
}

static bool has(const struct sp_msg *m, uint8_t field)
{
	for (unsigned i = 0; i < m->n_extras; i++)
		if (m->extra[i].field == field)
			return true;
	return false;
}

/* Takes out of a run what the message says anew. The holes in the bytes stay. */
static void drop_repeated(struct sp_texts *t, unsigned run, const struct sp_msg *m)
{
	uint32_t at = t->run_at[run], to = at;
	unsigned kept = 0;
	for (unsigned i = 0; i < t->run_n[run]; i++) {
		struct sp_slice value;
		uint32_t from = at;
		uint8_t field = sp_texts_attribute(t, &at, &value);
		if (has(m, field))
			continue;
		memmove(t->bytes + to, t->bytes + from, at - from);
		to += at - from;
		kept++;
	}
	t->run_n[run] = (uint8_t)kept;
}

static uint32_t run_end(const struct sp_texts *t, unsigned run)
{
	uint32_t at = t->run_at[run];
	struct sp_slice value;
	for (unsigned i = 0; i < t->run_n[run]; i++)
		sp_texts_attribute(t, &at, &value);
	return at;
}

/* The second run grows: it has to be the last that there is. */
static bool must_move(const struct sp_texts *t, const struct sp_msg *m)
{
	return m->n_extras && t->run_n[1] && run_end(t, 1) != t->size;
}

size_t sp_texts_more(const struct sp_texts *t, const struct sp_msg *m, size_t max)
{
	return sp_texts_room(m, max) + (must_move(t, m) ? run_end(t, 1) - t->run_at[1] : 0);
}

static void move_to_end(struct sp_texts *t)
{
	uint32_t n = run_end(t, 1) - t->run_at[1];
	memmove(t->bytes + t->size, t->bytes + t->run_at[1], n);
	t->run_at[1] = t->size;
	t->size = (uint16_t)(t->size + n);
}

void sp_texts_add(struct sp_texts *t, const struct sp_msg *m, size_t max)
{
	if (SP_UNLIKELY(must_move(t, m)))
		move_to_end(t);
	for (unsigned run = 0; m->n_extras && run < SP_TEXTS_RUNS; run++)
		if (t->run_n[run])
			drop_repeated(t, run, m);
	if (m->n_extras) {
		if (t->run_n[1])
			t->size = (uint16_t)run_end(t, 1); /* what it lost was at its end */
		put_attributes(t, 1, m, max);
	}
	put_slots(t, m, max);
}

static unsigned field_of(const char *const *fields, const char *name)
{
	unsigned i = 0;
	while (fields && fields[i] && strcmp(fields[i], name))
		i++;
	return fields && fields[i] ? i : UINT_MAX;
}

void sp_texts_rename(struct sp_texts *t, const char *const *from, const char *const *to)
{
	for (unsigned run = 0; run < SP_TEXTS_RUNS; run++) {
		uint32_t at = t->run_at[run], end = at;
		unsigned n = t->run_n[run];
		for (t->run_n[run] = 0; n; n--) {
			struct sp_slice value;
			uint32_t begin = at;
			unsigned field = field_of(to, from[sp_texts_attribute(t, &at, &value)]);
			if (field == UINT_MAX)
				continue;
			memmove(t->bytes + end, t->bytes + begin, at - begin);
			t->bytes[end] = (uint8_t)field;
			end += at - begin;
			t->run_n[run]++;
		}
	}
}
