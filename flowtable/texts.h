/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a call, as records hold them: where each slot's bytes are, then the bytes, in any order. What a request
 * said is moved into the record in one piece, and what its response says is put behind it. */
#ifndef SP_FLOWTABLE_TEXTS_H
#define SP_FLOWTABLE_TEXTS_H

#include "parsers/parser.h"

#define SP_TEXTS_RUNS 2

/* Attributes stand in runs, one for each message that brought some: field of the parser, length (2 bytes, as in
 * memory), bytes. */
struct sp_texts {
	uint16_t at[SP_SLOT_MAX], n[SP_SLOT_MAX];
	uint16_t run_at[SP_TEXTS_RUNS];
	uint8_t run_n[SP_TEXTS_RUNS];
	uint16_t size; /* of bytes */
	uint8_t bytes[];
};

#define SP_TEXTS_ATTRIBUTE_HEAD 3
#define SP_TEXTS_ATTRIBUTE_MAX 1024
#define SP_TEXTS_MAX (48 * 1024)

static inline struct sp_slice sp_texts_slot(const struct sp_texts *t, unsigned slot)
{
	return (struct sp_slice){t->bytes + t->at[slot], t->n[slot]};
}

/* The next attribute; `at` is moved behind it. */
static inline uint8_t sp_texts_attribute(const struct sp_texts *t, uint32_t *at, struct sp_slice *value)
{
	const uint8_t *p = t->bytes + *at;
	uint16_t n;
	memcpy(&n, p + 1, sizeof n);
	*value = (struct sp_slice){p + SP_TEXTS_ATTRIBUTE_HEAD, n};
	*at += SP_TEXTS_ATTRIBUTE_HEAD + n;
	return p[0];
}

/* A message's texts, looked at once. */
struct sp_texts_look {
	const struct sp_msg *m; /* NULL: none, and it says nothing */
	size_t room;		/* bytes that its texts take at most */
	size_t max;		/* each value is cut to it; SIZE_MAX: none is that long */
};

/* Of a message with values that may have to be cut. */
struct sp_texts_look sp_texts_look_cut(const struct sp_msg *m, size_t max);

static inline struct sp_texts_look sp_texts_look(const struct sp_msg *m, size_t max)
{
	size_t room = m->texts + m->n_extras * (size_t)SP_TEXTS_ATTRIBUTE_HEAD;
	if (SP_UNLIKELY(room > SP_MIN(max, (size_t)SP_TEXTS_ATTRIBUTE_MAX)))
		return sp_texts_look_cut(m, max);
	return (struct sp_texts_look){m, room, SIZE_MAX};
}

/* The texts of one message, there being room. */
void sp_texts_begin(struct sp_texts *t, const struct sp_texts_look *look);

/* Texts that were there, at another place, there being room; then sp_texts_add. */
static inline void sp_texts_copy(struct sp_texts *to, const struct sp_texts *from)
{
	memcpy(to, from, sizeof *from + from->size);
}

/* A message's texts over those that are there, there being room for sp_texts_more bytes behind. */
size_t sp_texts_moved(const struct sp_texts *t);
void sp_texts_add(struct sp_texts *t, const struct sp_texts_look *look);

static inline size_t sp_texts_more(const struct sp_texts *t, const struct sp_texts_look *look)
{
	return look->room + (SP_UNLIKELY(t->run_n[1]) && look->m->n_extras ? sp_texts_moved(t) : 0);
}

/* Attributes of one parser become those of the same name of another; what it has no name for is dropped. */
void sp_texts_rename(struct sp_texts *t, const char *const *from, const char *const *to);

#endif
