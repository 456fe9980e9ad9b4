/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the SQL reader share. */
#ifndef SP_PARSERS_SQL_PRIV_H
#define SP_PARSERS_SQL_PRIV_H

#include "parsers/sql.h"

/* The digest of a text with the values hidden. */
struct sp_slice sp_sql_digest(struct sp_arena *a, struct sp_slice text);

/* Trace context in a comment, into the slots of p->msg. */
void sp_sql_context(struct sp_parse *p, const uint8_t *from, const uint8_t *end);

/* Does it speak of passwords and the like? */
bool sp_sql_is_secret(struct sp_slice statement);

#endif
