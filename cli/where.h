/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on a record: KEY=VALUE, KEY!=VALUE, KEY~PART, KEY>NUMBER, <, >=, <=, several of them joined by commas. A
 * dot goes into an object (slowest_hop.to). A key that the record itself lacks is looked for in each of its spans. */
#ifndef SP_CLI_WHERE_H
#define SP_CLI_WHERE_H

#include "cli/json.h"

#define SP_WHERE_MAX 16

struct sp_where {
	unsigned n;
	struct sp_where_one {
		char key[48], value[128];
		char what; /* = ! ~ > < g (>=) l (<=) */
		uint64_t number;
	} one[SP_WHERE_MAX];
};

/* Adds the conditions of a text. False: `err` says what is wrong. */
bool sp_where_add(struct sp_where *w, const char *text, struct sp_err *err);
bool sp_where_holds(const struct sp_where *w, const struct sp_json *json);

#endif
