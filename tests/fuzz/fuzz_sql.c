/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a statement: a byte of settings (dialect, backslash, reveal, little room), then the statement. What
 * comes out is bounded, and with values hidden there is no quote of a string left in it. */
#include <stdlib.h>

#include "parsers/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[16384];
	static struct sp_sql_store store;
	if (size < 1)
		return 0;
	unsigned how = *data, sum = 0;
	uint8_t *copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	struct sp_arena arena = {.p = scratch, .size = how & 16 ? size % 100 : sizeof scratch};
	struct sp_parse p = {.arena = &arena, .reveal = how & 8};
	struct sp_sql_how as = {how % 3, how & 4};
	sp_msg_begin(&p, SP_MSG_REQUEST, SP_PART_WHOLE);
	struct sp_sql out, sql = sp_sql_read(&p, (struct sp_slice){copy, size - 1}, as);
	check(sql.text.n <= SP_SQL_TEXT_MAX && sql.digest.n <= SP_SQL_DIGEST_MAX && sql.verb.n <= SP_SQL_VERB_MAX);
	const struct sp_slice parts[] = {sql.verb, sql.text, sql.digest, sql.tables};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(parts); i++)
		for (size_t at = 0; at < parts[i].n; at++)
			sum += parts[i].p[at];
	check(as.dialect == SP_SQL_MYSQL || p.reveal || !sql.digest.n || sum);
	sp_sql_keep(&store, sum, &sql);
	check(sp_sql_find(&store, sum, &out) && out.verb.n == sql.verb.n);
	free(copy);
	return 0;
}
