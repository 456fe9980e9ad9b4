/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around statements: comments that carry context, words that tell of a secret, messages. */
#include "parsers/http.h"
#include "parsers/sql_priv.h"

enum { PAIRS_MAX = 32 };

static bool is_key_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

/* key='value', key=value and key: value, as sqlcommenter and others write them. */
void sp_sql_context(struct sp_parse *parse, const uint8_t *p, const uint8_t *end)
{
	for (unsigned n = 0; p < end && n < PAIRS_MAX;) {
		while (p < end && !is_key_char(*p))
			p++;
		struct sp_slice name = {p, 0}, value;
		while (p < end && is_key_char(*p))
			p++;
		name.n = (size_t)(p - name.p);
		while (p < end && *p == ' ')
			p++;
		if (p == end || (*p != '=' && *p != ':'))
			continue;
		for (p++; p < end && *p == ' ';)
			p++;
		uint8_t quote = p < end && (*p == '\'' || *p == '"') ? *p++ : 0;
		value = (struct sp_slice){p, 0};
		while (p < end && (quote ? *p != quote : *p != ',' && *p != ';' && *p > ' '))
			p++;
		value.n = (size_t)(p - value.p);
		if (name.n && value.n)
			sp_trace_header(parse, name, value, false);
		n++;
	}
}

/* Words that come with a secret: the statement's values are shown to nobody. */
bool sp_sql_is_secret(struct sp_slice text)
{
	static const char *const words[] = {"passw", "identified", "secret", "credential", "crypt", "token"};
	for (size_t at = 0; at < text.n; at++)
		for (unsigned i = 0; i < SP_ARRAY_SIZE(words); i++) {
			size_t n = strlen(words[i]);
			if ((text.p[at] | 32) == words[i][0] && n <= text.n - at &&
			    sp_slice_is_nocase((struct sp_slice){text.p + at, n}, words[i]))
				return true;
		}
	return false;
}

void sp_sql_describe(struct sp_msg *m, const struct sp_sql *sql, uint8_t tables_field)
{
	sp_msg_put(m, SP_SLOT_METHOD, sql->verb);
	sp_msg_put(m, SP_SLOT_RESOURCE, sql->text);
	sp_msg_put(m, SP_SLOT_ENDPOINT, sql->digest);
	sp_msg_extra(m, tables_field, sql->tables);
}

struct sp_slice sp_sql_hide_quoted(struct sp_arena *a, struct sp_slice message, char quote)
{
	const uint8_t *first = message.n ? memchr(message.p, quote, message.n) : NULL;
	if (!first)
		return message;
	struct sp_slice whole = {a->p + a->n, 0};
	for (size_t at = 0; at < message.n;) {
		const uint8_t *from = memchr(message.p + at, quote, message.n - at);
		size_t n = from ? (size_t)(from - message.p) - at : message.n - at;
		whole.n += sp_arena_copy(a, (struct sp_slice){message.p + at, n}).n;
		if (!from)
			break;
		whole.n += sp_arena_copy(a, SP_TEXT("?")).n;
		/* To the last quote: there may be some in between. */
		const uint8_t *to = memrchr(from + 1, quote, message.n - (size_t)(from + 1 - message.p));
		at = to ? (size_t)(to - message.p) + 1 : message.n;
	}
	return whole;
}
