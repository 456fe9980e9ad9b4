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

struct sp_texts_look sp_texts_look_cut(const struct sp_msg *m, size_t max)
{
	size_t room = 0;
	for (unsigned left = m->slots; left; left &= left - 1)
		room += SP_MIN(m->slot[__builtin_ctz(left)].n, max);
	for (unsigned i = 0; i < m->n_extras; i++)
		room += SP_TEXTS_ATTRIBUTE_HEAD + SP_MIN(m->extra[i].value.n, attribute_max(max));
	return (struct sp_texts_look){m, room, max};
}

/* As sp_copy, without a call for what is long: whoever copies values calls nobody, and has nothing to save. */
static inline uint8_t *copy(uint8_t *to, const uint8_t *from, size_t n)
{
	if (SP_LIKELY(n <= 32)) {
		sp_copy(to, from, n);
		return to + n;
	}
	do {
		memcpy(to, from, 16);
		to += 16;
		from += 16;
		n -= 16;
	} while (n > 16);
	memcpy(to + n - 16, from + n - 16, 16);
	return to + n;
}

/* `over` others: what is empty replaces nothing. */
static inline uint8_t *put_slots(struct sp_texts *t, uint8_t *p, const struct sp_msg *m, size_t max, bool over)
{
	for (unsigned left = m->slots; left; left &= left - 1) {
		size_t i = (unsigned)__builtin_ctz(left);
		const struct sp_slice *s = &m->slot[i];
		size_t n = cut(*s, max);
		if (over && !n)
			continue;
		t->at[i] = (uint16_t)(p - t->bytes);
		t->n[i] = (uint16_t)n;
		p = copy(p, s->p, n);
	}
	return p;
}

static inline uint8_t *put_attributes(struct sp_texts *t, uint8_t *p, unsigned run, const struct sp_msg *m, size_t max)
{
	const struct sp_extra *e = m->extra, *end = e + m->n_extras;
	if (e == end)
		return p;
	if (!t->run_n[run])
		t->run_at[run] = (uint16_t)(p - t->bytes);
	t->run_n[run] = (uint8_t)(t->run_n[run] + m->n_extras);
	do {
		size_t n = cut(e->value, max);
		uint32_t head = e->field | (uint32_t)n << 8;
		memcpy(p, &head, sizeof head); /* its last byte is the value's first */
		p = copy(p + SP_TEXTS_ATTRIBUTE_HEAD, e->value.p, n);
	} while (++e < end);
	return p;
}

/* Of most messages nothing is cut: these ways are apart. */
static __attribute__((noinline)) void begin_cut(struct sp_texts *t, const struct sp_texts_look *look)
{
	const struct sp_msg *m = look->m;
	if (!m)
		return;
	uint8_t *p = put_slots(t, t->bytes, m, look->max, false);
	p = put_attributes(t, p, 0, m, attribute_max(look->max));
	t->size = (uint16_t)(p - t->bytes);
}

void sp_texts_begin(struct sp_texts *t, const struct sp_texts_look *look)
{
	memset(t, 0, sizeof *t);
	if (SP_UNLIKELY(look->max != SIZE_MAX)) {
		begin_cut(t, look);
		return;
	}
	uint8_t *p = put_slots(t, t->bytes, look->m, SIZE_MAX, false);
	p = put_attributes(t, p, 0, look->m, SIZE_MAX);
	t->size = (uint16_t)(p - t->bytes);
}

/* Does the message say this anew? `first`: a bit for each of its fields below 64; of those from there on it is looked
 * for. */
static inline bool has(const struct sp_msg *m, uint64_t first, uint8_t field)
{
	if (SP_LIKELY(field < 64))
		return first >> field & 1;
	for (unsigned i = 0; i < m->n_extras; i++)
		if (m->extra[i].field == field)
			return true;
	return false;
}

static inline uint64_t first_fields(const struct sp_msg *m)
{
	uint64_t fields = 0;
	for (const struct sp_extra *e = m->extra, *end = e + m->n_extras; e < end; e++)
		fields |= (uint64_t)(e->field < 64) << (e->field & 63);
	return fields;
}

/* Takes out of a run what the message says anew. The holes in the bytes stay. */
static inline void drop_repeated(struct sp_texts *t, unsigned run, const struct sp_msg *m, uint64_t fields)
{
	uint32_t at = t->run_at[run], to = at;
	unsigned kept = 0;
	for (unsigned left = t->run_n[run]; left; left--) {
		struct sp_slice value;
		uint32_t from = at;
		uint8_t field = sp_texts_attribute(t, &at, &value);
		if (has(m, fields, field))
			continue;
		if (to != from)
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

/* The second run grows: it has to be the last that there is. Returns how many bytes have to be moved for that. */
size_t sp_texts_moved(const struct sp_texts *t)
{
	uint32_t end = run_end(t, 1);
	return end == t->size ? 0 : end - t->run_at[1];
}

static void move_to_end(struct sp_texts *t)
{
	uint32_t n = run_end(t, 1) - t->run_at[1];
	memmove(t->bytes + t->size, t->bytes + t->run_at[1], n);
	t->run_at[1] = t->size;
	t->size = (uint16_t)(t->size + n);
}

/* There are some already. */
static __attribute__((noinline)) void make_way(struct sp_texts *t, const struct sp_msg *m)
{
	uint64_t fields = first_fields(m);
	drop_repeated(t, 0, m, fields);
	if (SP_LIKELY(!t->run_n[1]))
		return;
	if (sp_texts_moved(t))
		move_to_end(t);
	drop_repeated(t, 1, m, fields);
	if (t->run_n[1])
		t->size = (uint16_t)run_end(t, 1); /* what it lost was at its end */
}

static __attribute__((noinline)) void add_cut(struct sp_texts *t, const struct sp_texts_look *look)
{
	uint8_t *p = put_attributes(t, t->bytes + t->size, 1, look->m, attribute_max(look->max));
	p = put_slots(t, p, look->m, look->max, true);
	t->size = (uint16_t)(p - t->bytes);
}

void sp_texts_add(struct sp_texts *t, const struct sp_texts_look *look)
{
	const struct sp_msg *m = look->m;
	if (m->n_extras && t->run_n[0] | t->run_n[1])
		make_way(t, m);
	if (SP_UNLIKELY(look->max != SIZE_MAX)) {
		add_cut(t, look);
		return;
	}
	uint8_t *p = put_attributes(t, t->bytes + t->size, 1, m, SIZE_MAX);
	p = put_slots(t, p, m, SIZE_MAX, true);
	t->size = (uint16_t)(p - t->bytes);
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
