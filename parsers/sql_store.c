/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements: sets of four slots by key, their texts in a ring of bytes that overwrites its oldest. */
#include "parsers/sql.h"

enum { WAYS = 4, SETS = SP_SQL_KEPT / WAYS };

static unsigned set_of(uint64_t key)
{
	return (unsigned)((key * 0x9e3779b97f4a7c15u) >> 32) % SETS * WAYS;
}

static bool is_there(const struct sp_sql_store *s, const struct sp_sql_kept *k, uint64_t key)
{
	return k->used && k->key == key && s->written - k->at <= SP_SQL_KEPT_BYTES;
}

static const struct sp_sql_kept *find(const struct sp_sql_store *s, uint64_t key)
{
	const struct sp_sql_kept *k = &s->kept[set_of(key)];
	for (unsigned i = 0; i < WAYS; i++)
		if (is_there(s, &k[i], key))
			return &k[i];
	return NULL;
}

/* The key's own slot, a free one, or the one with the oldest text. */
static struct sp_sql_kept *slot_for(struct sp_sql_store *s, uint64_t key)
{
	struct sp_sql_kept *k = &s->kept[set_of(key)], *oldest = k;
	for (unsigned i = 0; i < WAYS; i++) {
		if (k[i].used && k[i].key == key)
			return &k[i];
		if (!k[i].used || (oldest->used && k[i].at < oldest->at))
			oldest = &k[i];
	}
	return oldest;
}

static uint64_t append(struct sp_sql_store *s, struct sp_slice text)
{
	if (text.n)
		memcpy(s->bytes + s->written % SP_SQL_KEPT_BYTES, text.p, text.n);
	s->written += text.n;
	return s->written;
}

void sp_sql_keep(struct sp_sql_store *s, uint64_t key, const struct sp_sql *sql)
{
	struct sp_sql_kept *k = slot_for(s, key);
	struct sp_slice text = {sql->text.p, SP_MIN(sql->text.n, (size_t)SP_SQL_KEPT_TEXT_MAX)};
	struct sp_slice digest = {sql->digest.p, SP_MIN(sql->digest.n, (size_t)SP_SQL_DIGEST_MAX)};
	struct sp_slice tables = {sql->tables.p, SP_MIN(sql->tables.n, (size_t)SP_SQL_DIGEST_MAX)};
	bool same = sql->digest.p == sql->text.p && digest.n <= text.n;
	size_t size = text.n + (same ? 0 : digest.n) + tables.n;
	size_t left = SP_SQL_KEPT_BYTES - s->written % SP_SQL_KEPT_BYTES;
	if (size > left)
		s->written += left; /* never around the end */
	*k = (struct sp_sql_kept){.key = key,
				  .at = s->written,
				  .text = (uint16_t)text.n,
				  .digest = (uint16_t)digest.n,
				  .tables = (uint16_t)tables.n,
				  .verb = (uint8_t)SP_MIN(sql->verb.n, (size_t)SP_SQL_VERB_MAX),
				  .used = true,
				  .same = same};
	if (k->verb)
		memcpy(k->name, sql->verb.p, k->verb);
	append(s, text);
	if (!same)
		append(s, digest);
	append(s, tables);
}

bool sp_sql_find(const struct sp_sql_store *s, uint64_t key, struct sp_sql *ret)
{
	const struct sp_sql_kept *k = find(s, key);
	if (!k)
		return false;
	const uint8_t *p = s->bytes + k->at % SP_SQL_KEPT_BYTES;
	ret->verb = (struct sp_slice){(const uint8_t *)k->name, k->verb};
	ret->text = (struct sp_slice){p, k->text};
	ret->digest = (struct sp_slice){k->same ? p : p + k->text, k->digest};
	ret->tables = (struct sp_slice){p + k->text + (k->same ? 0 : k->digest), k->tables};
	return true;
}

void sp_sql_forget(struct sp_sql_store *s, uint64_t key)
{
	struct sp_sql_kept *k = &s->kept[set_of(key)];
	for (unsigned i = 0; i < WAYS; i++)
		if (k[i].key == key)
			k[i].used = false;
}

void sp_sql_copy(struct sp_sql_store *s, uint64_t from, uint64_t to)
{
	const struct sp_sql_kept *k = find(s, from);
	if (!k) {
		sp_sql_forget(s, to);
		return;
	}
	struct sp_sql_kept copy = *k;
	copy.key = to;
	*slot_for(s, to) = copy;
}

void sp_sql_rename(struct sp_sql_store *s, uint64_t from, uint64_t to)
{
	sp_sql_copy(s, from, to);
	if (from != to)
		sp_sql_forget(s, from);
}
