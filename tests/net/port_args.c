/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/net/port_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

static int word_index(const char *const *words, const char *value)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], value))
			return i;
	fprintf(stderr, "%s: no such word\n", value);
	exit(2);
}

static void set_value(uint8_t *at, const struct sp_conf_row *row, const char *value)
{
	switch (row->type) {
	case SP_CONF_BOOL:
		*(bool *)at = !strcmp(value, "yes");
		break;
	case SP_CONF_UINT:
	case SP_CONF_DURATION:
	case SP_CONF_SIZE: {
		char *end;
		uint64_t n = strtoull(value, &end, 0);
		static const struct {
			const char *unit;
			uint64_t factor;
		} units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"ms", SP_NS_PER_MS}, {"s", SP_NS_PER_SEC}};
		for (unsigned i = 0; i < SP_ARRAY_SIZE(units); i++)
			if (!strcmp(end, units[i].unit))
				n *= units[i].factor;
		memcpy(at, &n, sizeof n);
		break;
	}
	case SP_CONF_STRING:
		snprintf((char *)at, row->max, "%s", value);
		break;
	case SP_CONF_ENUM:
		*(int *)at = word_index(row->words, value);
		break;
	default: /* lists: what is not given is empty */
		if (*value && strcmp(value, "[]")) {
			fprintf(stderr, "%s: lists cannot be given here\n", row->name);
			exit(2);
		}
	}
}

static void set_defaults(uint8_t *at, const struct sp_conf_row *rows)
{
	for (const struct sp_conf_row *r = rows; r->name; r++)
		if (r->type == SP_CONF_MAP)
			set_defaults(at + r->offset, r->rows);
		else
			set_value(at + r->offset, r, r->fallback);
}

static void set_key(uint8_t *at, const struct sp_conf_row *rows, const char *key, const char *value)
{
	size_t len = strcspn(key, ".=");
	for (const struct sp_conf_row *r = rows; r->name; r++) {
		if (strlen(r->name) != len || strncmp(r->name, key, len))
			continue;
		if (r->type == SP_CONF_MAP)
			set_key(at + r->offset, r->rows, key + len + 1, value);
		else
			set_value(at + r->offset, r, value);
		return;
	}
	fprintf(stderr, "%s: no such key\n", key);
	exit(2);
}

void port_args_defaults(struct sp_port_conf *conf)
{
	set_defaults((uint8_t *)conf, sp_port_conf_rows);
}

bool port_args_set(struct sp_port_conf *conf, const char *arg)
{
	const char *equals = strchr(arg, '=');
	if (!equals)
		return false;
	set_key((uint8_t *)conf, sp_port_conf_rows, arg, equals + 1);
	return true;
}
