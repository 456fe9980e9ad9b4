/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/where.h"

#include <stdlib.h>
#include <string.h>

static bool cut(char *to, size_t size, const char *from, size_t n)
{
	if (!n || n >= size)
		return false;
	memcpy(to, from, n);
	to[n] = 0;
	return true;
}

static bool parse_one(struct sp_where_one *one, const char *text, size_t n)
{
	size_t key = strcspn(text, "=!~<>"), sign = 1;
	if (key >= n || !cut(one->key, sizeof one->key, text, key))
		return false;
	one->what = text[key];
	if (text[key + 1] == '=' && one->what != '~' && one->what != '=') {
		sign = 2;
		one->what = one->what == '>' ? 'g' : one->what == '<' ? 'l' : '!';
	} else if (one->what == '!') {
		return false;
	}
	if (!cut(one->value, sizeof one->value, text + key + sign, n - key - sign))
		return false;
	char *end;
	one->number = strtoull(one->value, &end, 10);
	return !strchr("<>gl", one->what) || (!*end && *one->value != '-');
}

bool sp_where_add(struct sp_where *w, const char *text, struct sp_err *err)
{
	for (;;) {
		size_t n = strcspn(text, ",");
		if (w->n == SP_WHERE_MAX)
			return sp_err(err, false, "more than %d conditions", SP_WHERE_MAX);
		if (!parse_one(&w->one[w->n], text, n))
			return sp_err(err, false,
				      "'%.*s' is no condition; expected KEY=VALUE, KEY!=VALUE, KEY~PART or KEY>NUMBER",
				      (int)n, text);
		w->n++;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

/* A key with dots, below an object. */
static uint32_t find(const struct sp_json *j, uint32_t object, const char *key)
{
	char part[sizeof((struct sp_where_one *)0)->key];
	while (object) {
		size_t n = strcspn(key, ".");
		cut(part, sizeof part, key, n);
		object = sp_json_get(j, object, part);
		if (!key[n])
			return object;
		key += n + 1;
	}
	return 0;
}

static bool holds(const struct sp_where_one *one, const struct sp_json *j, uint32_t value)
{
	char text[4096];
	uint64_t number = sp_json_number(j, value);
	bool is_number = j->v[value].type == '0';
	switch (one->what) {
	case '>':
		return is_number && number > one->number;
	case '<':
		return is_number && number < one->number;
	case 'g':
		return is_number && number >= one->number;
	case 'l':
		return is_number && number <= one->number;
	}
	sp_json_string(j, value, text, sizeof text);
	if (one->what == '~')
		return strstr(text, one->value);
	return !strcmp(text, one->value) == (one->what == '=');
}

/* What is not there equals nothing. */
static bool one_holds(const struct sp_where_one *one, const struct sp_json *j)
{
	uint32_t value = find(j, 1, one->key);
	if (value)
		return holds(one, j, value);
	/* In any span; not equal: in none of them. */
	bool all = one->what == '!';
	for (uint32_t span = j->v[sp_json_get(j, 1, "spans")].child; span; span = j->v[span].next)
		if ((value = find(j, span, one->key)) && holds(one, j, value) != all)
			return !all;
	return all;
}

bool sp_where_holds(const struct sp_where *w, const struct sp_json *j)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!one_holds(&w->one[i], j))
			return false;
	return true;
}
