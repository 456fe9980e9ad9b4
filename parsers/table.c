/* SPDX-License-Identifier: Apache-2.0 */
/* The table of parsers, from parsers/meson.build. */
#include "parsers/parser.h"

#define SP_PARSER_ROW(name, number) extern const struct sp_parser sp_##name##_parser;
#include "parsers/table.def"
#undef SP_PARSER_ROW

const struct sp_parser *const sp_parsers[] = {
#define SP_PARSER_ROW(name, number) &sp_##name##_parser,
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

static const struct sp_parser *const by_number[SP_APP_MAX] = {
#define SP_PARSER_ROW(name, number) [number] = &sp_##name##_parser,
#include "parsers/table.def"
#undef SP_PARSER_ROW
};

const struct sp_parser *sp_parser(uint16_t app)
{
	return app < SP_APP_MAX ? by_number[app] : NULL;
}
