/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one line of our own files: JSON (RFC 8259) as a list of values, each knowing its next sibling and its first
 * child. Nothing is copied; texts are unescaped when they are asked for. */
#ifndef SP_CLI_JSON_H
#define SP_CLI_JSON_H

#include "base/base.h"

#define SP_JSON_DEPTH 16

struct sp_json_value {
	char type;	      /* { [ " 0 (a number) t f n */
	uint32_t key, n_key;  /* inside the quotes; n_key 0: none */
	uint32_t at, n;	      /* inside the quotes; a number's or word's letters */
	uint32_t next, child; /* 0: none */
};

struct sp_json {
	const char *text;
	size_t size;
	struct sp_json_value *v; /* v[1] is the line's; v[0] stands for what is not there */
	uint32_t n, room;
};

/* False: not a JSON object, or no memory. `json` is zeroed before its first use and keeps its memory. `text` stays the
 * caller's. */
bool sp_json_read(struct sp_json *json, const char *text, size_t size);
void sp_json_free(struct sp_json *json);

/* Many members of an object in one walk. Names are set, up to SP_JSON_KEYS_MAX; then sp_json_keys_init. */
#define SP_JSON_KEYS_MAX 32
struct sp_json_keys {
	const char *name[SP_JSON_KEYS_MAX];
	unsigned n;
	uint8_t length[SP_JSON_KEYS_MAX];
	uint8_t slot[256]; /* by hash: a name's number + 1; 0: none */
};
void sp_json_keys_init(struct sp_json_keys *keys);
/* ret[i] is keys->name[i]'s value; 0: there is none. */
void sp_json_pick(const struct sp_json *json, uint32_t object, const struct sp_json_keys *keys, uint32_t *ret);

/* A member of an object; 0: there is none. */
uint32_t sp_json_get(const struct sp_json *json, uint32_t object, const char *key);

/* As text, cut to the room, "" when it is not there: strings unescaped, numbers and words as they are. */
const char *sp_json_string(const struct sp_json *json, uint32_t value, char *out, size_t size);

/* 0 when it is no whole number. */
uint64_t sp_json_number(const struct sp_json *json, uint32_t value);

/* A number with its first three decimals and its sign, in thousandths: microseconds become nanoseconds. 0 when it is
 * none, or does not fit. */
int64_t sp_json_thousandths(const struct sp_json *json, uint32_t value);

/* The same of an object's member. */
const char *sp_json_get_string(const struct sp_json *json, uint32_t object, const char *key, char *out, size_t size);
uint64_t sp_json_get_number(const struct sp_json *json, uint32_t object, const char *key);

#endif
