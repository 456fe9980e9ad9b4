/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SQL that say what a statement does and where its tables are named. */
#ifndef SP_PARSERS_SQL_KEYWORD_H
#define SP_PARSERS_SQL_KEYWORD_H

#include <stdint.h>
#include <string.h>

#include "base/base.h"

enum { KEYWORD_MAX = 8 };

enum keyword_kind {
	NO_KEYWORD,
	VERB,	  /* may begin a statement */
	QUERY,	  /* a verb that WITH leads to */
	OF_TABLE, /* a verb, and what follows is a table's name */
	FROM,
	NAME, /* a table's name follows */
	INDEX,
	ON,
	MODIFIER, /* may stand between that and the name */
	END,	  /* no further tables in this list */
	LITERAL,
	NOWHERE, /* SELECT … INTO what is no table */
};

struct keyword {
	char text[KEYWORD_MAX];
	uint8_t kind;
};

#define AT(letter) [(letter)&31]
/* By the first letter. Verbs that stand here are constants; of others the word itself is taken. */
static const struct keyword keywords[32][8] = {
	AT('A') = {{"ALTER", VERB}, {"ANALYZE", OF_TABLE}},
	AT('B') = {{"BEGIN", VERB}},
	AT('C') = {{"COMMIT", VERB}, {"CREATE", VERB}, {"CALL", VERB}, {"COPY", OF_TABLE}},
	AT('D') = {{"DELETE", QUERY},
		   {"DROP", VERB},
		   {"DESCRIBE", OF_TABLE},
		   {"DESC", OF_TABLE},
		   {"DUMPFILE", NOWHERE},
		   {"DELAYED", MODIFIER}},
	AT('E') = {{"EXISTS", MODIFIER}, {"EXECUTE", VERB}, {"EXPLAIN", VERB}},
	AT('F') = {{"FROM", FROM}, {"FALSE", LITERAL}},
	AT('G') = {{"GROUP", END}},
	AT('H') = {{"HAVING", END}},
	AT('I') = {{"INSERT", QUERY}, {"INTO", NAME}, {"IF", MODIFIER}, {"IGNORE", MODIFIER}, {"INDEX", INDEX}},
	AT('J') = {{"JOIN", NAME}},
	AT('L') = {{"LIMIT", END}, {"LATERAL", MODIFIER}},
	AT('M') = {{"MERGE", QUERY}},
	AT('N') = {{"NULL", LITERAL}, {"NOT", MODIFIER}},
	AT('O') = {{"ON", ON}, {"ORDER", END}, {"ONLY", MODIFIER}, {"OUTFILE", NOWHERE}},
	AT('Q') = {{"QUICK", MODIFIER}},
	AT('R') = {{"REPLACE", VERB}, {"ROLLBACK", VERB}},
	AT('S') = {{"SELECT", QUERY}, {"SET", VERB}, {"SHOW", VERB}, {"START", VERB}},
	AT('T') = {{"TABLE", NAME}, {"TRUE", LITERAL}, {"TRUNCATE", OF_TABLE}},
	AT('U') = {{"UPDATE", QUERY}, {"USING", END}, {"UNION", END}, {"USE", VERB}},
	AT('V') = {{"VALUES", END}, {"VALUE", END}, {"VIEW", NAME}},
	AT('W') = {{"WHERE", END}, {"WITH", VERB}},
};

/* The first eight bytes as a number, letters in upper case. `end`: to where may be read. */
static inline uint64_t packed(const uint8_t *p, size_t n, const uint8_t *end)
{
	uint64_t v = 0;
	if (SP_LIKELY(end - p >= 8)) {
		memcpy(&v, p, 8);
		v = n < 8 ? v & ((1ull << 8 * n) - 1) : v;
	} else {
		memcpy(&v, p, n);
	}
	return v & 0xdfdfdfdfdfdfdfdfu;
}

static inline const struct keyword *keyword_of(const uint8_t *p, size_t n, const uint8_t *end)
{
	if (n > KEYWORD_MAX || n < 2 || *p >= 0x80)
		return NULL;
	uint64_t word = packed(p, n, end), text;
	for (const struct keyword *k = keywords[*p & 31]; k->kind; k++) {
		memcpy(&text, k->text, 8);
		if (text == word)
			return k;
	}
	return NULL;
}

#endif
