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

#define FIELD_BITS 63

static inline uint64_t field_bit(uint8_t field)
{
	return UINT64_C(1) << SP_MIN(field, FIELD_BITS);
}

/* When something has to be cut. */
static size_t room_of(const struct sp_msg *m, size_t max)
{
	size_t room = 0;
	for (unsigned left = m->slots; left; left &= left - 1)
		room += SP_MIN(m->slot[__builtin_ctz(left)].n, max);
	for (unsigned i = 0; i < m->n_extras; i++)
		room += SP_TEXTS_ATTRIBUTE_HEAD + SP_MIN(m->extra[i].value.n, attribute_max(max));
	return room;
}

void sp_texts_look(struct sp_texts_look *look, const struct sp_msg *m, size_t max)
{
	size_t slots = 0, room = 0;
	for (unsigned left = m->slots; left; left &= left - 1)
		slots += m->slot[__builtin_ctz(left)].n;
	for (unsigned i = 0; i < m->n_extras; i++)
		room += SP_TEXTS_ATTRIBUTE_HEAD + m->extra[i].value.n;
	*look = (struct sp_texts_look){m, slots, m->n_extras, slots + room, SIZE_MAX};
	if (SP_UNLIKELY(look->room > attribute_max(max))) {
		look->max = max;
		look->room = room_of(m, max);
	}
}

static void put_slots(struct sp_texts *t, const struct sp_texts_look *look)
{
	const struct sp_slice *slot = look->m->slot;
	size_t max = look->max;
	uint8_t *p = t->bytes + t->size;
	for (unsigned left = look->m->slots; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		struct sp_slice value = slot[i];
		if (!value.n)
			continue;
		size_t n = cut(value, max);
		t->at[i] = (uint16_t)(p - t->bytes);
		t->n[i] = (uint16_t)n;
		sp_copy(p, value.p, n);
		p += n;
	}
	t->size = (uint16_t)(p - t->bytes);
}

static void put_attributes(struct sp_texts *t, unsigned run, const struct sp_texts_look *look)
{
	size_t most = attribute_max(look->max);
	const struct sp_extra *e = look->m->extra, *end = e + look->attributes;
	uint8_t *p = t->bytes + t->size;
	if (!t->run_n[run])
		t->run_at[run] = t->size;
	t->run_n[run] = (uint8_t)(t->run_n[run] + look->attributes);
	for (; e < end; e++) {
		struct sp_slice value = e->value;
		size_t n = cut(value, most);
		uint32_t head = e->field | (uint32_t)n << 8;
		memcpy(p, &head, sizeof head); /* its last byte is the value's first */
		sp_copy(p + SP_TEXTS_ATTRIBUTE_HEAD, value.p, n);
		p += SP_TEXTS_ATTRIBUTE_HEAD + n;
	}
	t->size = (uint16_t)(p - t->bytes);
}

void sp_texts_begin(struct sp_texts *t, const struct sp_texts_look *look)
{
	memset(t, 0, sizeof *t);
	if (SP_LIKELY(look->slots))
		put_slots(t, look);
	if (look->attributes)
		put_attributes(t, 0, look);
}

/* One bit for each of its attributes; of 63 on, one for all. */
static uint64_t fields_of(const struct sp_msg *m)
{
	uint64_t fields = 0;
	for (unsigned i = 0; i < m->n_extras; i++)
		fields |= field_bit(m->extra[i].field);
	return fields;
}

static bool has(const struct sp_msg *m, uint64_t fields, uint8_t field)
{
	if (SP_LIKELY(field < FIELD_BITS || !(fields & field_bit(field))))
		return fields & field_bit(field);
	for (unsigned i = 0; i < m->n_extras; i++)
		if (m->extra[i].field == field)
			return true;
	return false;
}

/* Takes out of a run what the message says anew. The holes in the bytes stay. */
static void drop_repeated(struct sp_texts *t, unsigned run, const struct sp_msg *m, uint64_t fields)
{
	uint32_t at = t->run_at[run], to = at;
	unsigned kept = 0;
	for (unsigned i = 0; i < t->run_n[run]; i++) {
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
	uint64_t fields = fields_of(m);
	if (t->run_n[1] && sp_texts_moved(t))
		move_to_end(t);
	for (unsigned run = 0; run < SP_TEXTS_RUNS; run++)
		if (t->run_n[run])
			drop_repeated(t, run, m, fields);
	if (t->run_n[1])
		t->size = (uint16_t)run_end(t, 1); /* what it lost was at its end */
}

void sp_texts_add(struct sp_texts *t, const struct sp_texts_look *look)
{
	if (look->attributes) {
		if (t->run_n[0] | t->run_n[1])
			make_way(t, look->m);
		put_attributes(t, 1, look);
	}
	if (look->slots)
		put_slots(t, look);
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
