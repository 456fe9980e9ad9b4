/* SPDX-License-Identifier: Apache-2.0 */
/* The table of parsers, from parsers/meson.build. */
#include "parsers/parser.h"

#define SP_PARSER_ROW(name) extern const struct sp_parser sp_##name##_parser;
#include "parsers/table.def"
#undef SP_PARSER_ROW

const struct sp_parser *const sp_parsers[] = {
#define SP_PARSER_ROW(name) &sp_##name##_parser,
#include "parsers/table.def"
#undef SP_PARSER_ROW
	NULL,
};

static const char *const app_name[SP_APP_MAX] = {
#define SP_APP_ROW(symbol, name, number) [number] = name,
#include "parsers/apps.def"
#undef SP_APP_ROW
};

const char *sp_app_name(uint16_t app)
{
	return app < SP_APP_MAX ? app_name[app] : NULL;
}

const struct sp_parser *sp_parser(uint16_t app)
{
	for (const struct sp_parser *const *p = sp_parsers; *p; p++)
		if ((*p)->app == app)
			return *p;
	return NULL;
}
