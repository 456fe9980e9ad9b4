/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* From small to large: printing takes the largest that divides. */
static const struct unit durations[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{"d", UINT64_C(86400000000000)},
	{NULL, 0},
};

static const struct unit sizes[] = {
	{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", UINT64_C(1) << 40}, {NULL, 0},
};

static const char *const truths[] = {"yes", "true", "on", NULL};
static const char *const lies[] = {"no", "false", "off", NULL};

static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return -1;
}

int sp_conf_word(const struct sp_conf_row *row, const char *text)
{
	return find_word(row->words, text);
}

/* Digits at *text, which then points behind them. False: none, or too many. */
static bool digits(uint64_t *ret, const char **text)
{
	const char *p = *text;
	uint64_t v = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	bool any = p > *text;
	*text = p;
	*ret = v;
	return any;
}

/* A whole number and its unit, with or without a space between. Only 0, and what `bare` allows, goes without. */
static bool with_unit(uint64_t *ret, const char *text, const struct unit *units, bool bare)
{
	if (!digits(ret, &text))
		return false;
	if (!*text)
		return bare || !*ret;
	if (*text == ' ')
		text++;
	for (; units->name; units++)
		if (!strcmp(text, units->name))
			return !__builtin_mul_overflow(*ret, units->factor, ret);
	return false;
}

static bool in_range(const struct sp_conf_row *row, uint64_t v)
{
	return v >= row->min && v <= sp_conf_max(row);
}

bool sp_conf_uint(uint64_t *ret, const struct sp_conf_row *row, const char *text)
{
	return digits(ret, &text) && !*text && in_range(row, *ret);
}

bool sp_conf_value(void *base, const struct sp_conf_row *row, const char *text, size_t n)
{
	void *member = (char *)base + row->offset;
	uint64_t v;
	int word;
	if (strlen(text) != n)
		return false; /* a NUL inside */
	switch (row->type) {
	case SP_CONF_BOOL:
		*(bool *)member = find_word(truths, text) >= 0;
		return *(bool *)member || find_word(lies, text) >= 0;
	case SP_CONF_UINT:
		return sp_conf_uint(member, row, text);
	case SP_CONF_DURATION:
	case SP_CONF_SIZE:
		if (!with_unit(&v, text, row->type == SP_CONF_SIZE ? sizes : durations, row->type == SP_CONF_SIZE) ||
		    !in_range(row, v))
			return false;
		*(uint64_t *)member = v;
		return true;
	case SP_CONF_STRING:
		if (n >= row->max)
			return false;
		memcpy(member, text, n + 1);
		return true;
	case SP_CONF_ENUM:
		word = sp_conf_word(row, text);
		if (word >= 0)
			*(int *)member = word;
		return word >= 0;
	default:
		return false;
	}
}

static void number_text(char *out, size_t size, const struct sp_conf_row *row, uint64_t v)
{
	const struct unit *units = row->type == SP_CONF_DURATION ? durations : row->type == SP_CONF_SIZE ? sizes : NULL;
	const char *unit = "";
	for (; v && units && units->name && !(v % units->factor); units++)
		if (!units[1].name || v % units[1].factor) {
			unit = units->name;
			v /= units->factor;
			break;
		}
	snprintf(out, size, "%llu%s", (unsigned long long)v, unit);
}

static void append(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);
	snprintf(out + n, size - n, "%s", text);
}

static void number_range(char *out, size_t size, const struct sp_conf_row *row)
{
	char low[32], high[32];
	number_text(low, sizeof low, row, row->min);
	number_text(high, sizeof high, row, sp_conf_max(row));
	if (sp_conf_max(row) != UINT64_MAX)
		snprintf(out, size, "%s to %s", low, high);
	else if (row->min)
		snprintf(out, size, "at least %s", low);
}

static void word_range(char *out, size_t size, const struct sp_conf_row *row)
{
	for (int i = 0; row->words[i]; i++) {
		append(out, size, i ? ", " : "");
		append(out, size, row->words[i]);
	}
}

char *sp_conf_range(char *out, size_t size, const struct sp_conf_row *row)
{
	out[0] = 0;
	switch (row->type) {
	case SP_CONF_BOOL:
		snprintf(out, size, "yes or no");
		break;
	case SP_CONF_UINT:
	case SP_CONF_DURATION:
	case SP_CONF_SIZE:
	case SP_CONF_UINTS:
		number_range(out, size, row);
		break;
	case SP_CONF_ENUM:
		snprintf(out, size, "one of ");
		word_range(out, size, row);
		break;
	case SP_CONF_WORDS:
		snprintf(out, size, "any of ");
		word_range(out, size, row);
		break;
	case SP_CONF_STRING:
		snprintf(out, size, "at most %llu bytes", (unsigned long long)row->max - 1);
		break;
	default:
		break;
	}
	return out;
}

char *sp_conf_expected(char *out, size_t size, const struct sp_conf_row *row)
{
	static const char *const what[] = {
		[SP_CONF_BOOL] = "",
		[SP_CONF_UINT] = "a whole number",
		[SP_CONF_DURATION] = "a duration with its unit (10us, 200ms, 5s, 1m, 2h)",
		[SP_CONF_SIZE] = "a size (512, 64KiB, 1GiB)",
		[SP_CONF_STRING] = "text",
		[SP_CONF_ENUM] = "",
		[SP_CONF_UINTS] = "a list of whole numbers",
		[SP_CONF_WORDS] = "a list of words,",
		[SP_CONF_MAP] = "settings (name: value)",
		[SP_CONF_LIST] = "a list",
	};
	char range[512];
	sp_conf_range(range, sizeof range, row);
	bool number = row->type == SP_CONF_UINT || row->type == SP_CONF_DURATION || row->type == SP_CONF_SIZE ||
		      row->type == SP_CONF_UINTS;
	const char *from = number && *range >= '0' && *range <= '9' ? "from " : "";
	const char *space = *what[row->type] && *range ? " " : "";
	snprintf(out, size, "%s%s%s%s", what[row->type], space, from, range);
	if (row->type == SP_CONF_STRING)
		snprintf(out, size, "text of %s", range);
	return out;
}
