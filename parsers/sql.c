/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a statement writes its text with the values hidden, and notes on the way its verb, its tables and the
 * trace context in its comments. The digest is a second, short pass over that text, only where there is a list. */
#include "parsers/sql_keyword.h"
#include "parsers/sql_priv.h"

enum { DEPTH_MAX = 63 };

enum class {
	OTHER,
	SPACE,
	WORD,
	DIGIT,
	QUOTE,
	DOUBLE,
	BACKTICK,
	DASH,
	SLASH,
	HASH,
	DOLLAR,
	DOT,
	COMMA,
	OPEN,
	CLOSE,
	SEMICOLON,
	ASTERISK,
	PARAMETER,
};

static const uint8_t class_of[256] = {
	['\t' ... '\r'] = SPACE, [' '] = SPACE,	    ['\0'] = SPACE,	    ['a' ... 'z'] = WORD,
	['A' ... 'Z'] = WORD,	 ['_'] = WORD,	    [0x80 ... 0xff] = WORD, ['0' ... '9'] = DIGIT,
	['\''] = QUOTE,		 ['"'] = DOUBLE,    ['`'] = BACKTICK,	    ['-'] = DASH,
	['/'] = SLASH,		 ['#'] = HASH,	    ['$'] = DOLLAR,	    ['.'] = DOT,
	[','] = COMMA,		 ['('] = OPEN,	    [')'] = CLOSE,	    [';'] = SEMICOLON,
	['*'] = ASTERISK,	 ['?'] = PARAMETER,
};

/* What the last token was. */
enum token { NOTHING, A_WORD, A_NAME, A_VALUE, A_COMMA, AN_OPEN, A_CLOSE, A_DOT, AN_OPERATOR };

/* What comes next is … */
enum expect { NO_NAME, A_TABLE, A_FROM_TABLE, AFTER_TABLE };

struct span {
	uint16_t from, to;
};

struct scan {
	struct sp_parse *p;
	struct sp_sql_how how;
	const uint8_t *at, *end;
	uint8_t *out, *w, *limit;
	struct sp_slice verb;
	uint64_t queries; /* a bit for each open parenthesis that holds a query */
	unsigned depth;
	uint8_t prev, before; /* the last two tokens */
	uint8_t expect, n_tables;
	bool space, full, lists, begin, with, index, executable;
	bool copy;	  /* COPY t FROM what is no table */
	bool from, fresh; /* the table stands after FROM or JOIN; it was just named */
	struct span table[SP_SQL_TABLES_MAX];
};

/* --- output --- */

static void put(struct scan *s, const uint8_t *p, size_t n)
{
	bool space = s->space && s->w > s->out && s->w[-1] != '(' && *p != ')' && *p != ',' && *p != ';';
	s->space = false;
	if (SP_UNLIKELY(n + space > (size_t)(s->limit - s->w) || s->full)) {
		s->full = true;
		return;
	}
	if (space)
		*s->w++ = ' ';
	for (size_t i = 0; i < n; i++)
		s->w[i] = p[i];
	s->w += n;
}

static void token(struct scan *s, enum token t)
{
	s->before = s->prev;
	s->prev = (uint8_t)t;
}

/* A value or a parameter, of which `text` is shown. */
static void put_value(struct scan *s, struct sp_slice text)
{
	if (s->prev == A_COMMA && s->before == A_VALUE)
		s->lists = true;
	put(s, text.p, text.n);
	token(s, A_VALUE);
	s->begin = false;
	s->expect = NO_NAME;
}

static void hide_value(struct scan *s)
{
	/* A sign that stands for itself belongs to the number. */
	if (!s->full && !s->space && s->prev == AN_OPERATOR && s->w > s->out && (s->w[-1] == '-' || s->w[-1] == '+') &&
	    (s->before == AN_OPERATOR || s->before == A_COMMA || s->before == AN_OPEN)) {
		s->w--;
		s->space = s->w > s->out && s->w[-1] == ' ';
		s->w -= s->space;
		s->prev = s->before;
		if (s->prev == A_COMMA)
			s->lists = true; /* what came before that is forgotten; the digest looks itself */
	}
	put_value(s, SP_TEXT("?"));
}

/* --- comments --- */

static void line_comment(struct scan *s)
{
	const uint8_t *from = s->at, *end = memchr(from, '\n', (size_t)(s->end - from));
	s->at = end ? end : s->end;
	s->space = true;
	sp_sql_context(s->p, from, s->at);
}

/* PostgreSQL's nest. */
static void block_comment(struct scan *s)
{
	const uint8_t *from = s->at + 2, *p = from;
	unsigned depth = 1;
	for (; p + 1 < s->end; p++) {
		if (p[0] == '*' && p[1] == '/') {
			if (!--depth)
				break;
			p++;
		} else if (p[0] == '/' && p[1] == '*' && s->how.dialect == SP_SQL_POSTGRESQL) {
			depth++;
			p++;
		}
	}
	bool closed = p + 1 < s->end;
	sp_sql_context(s->p, from, closed ? p : s->end);
	s->at = closed ? p + 2 : s->end;
	s->space = true;
}

/* MySQL's and MariaDB's comments that are executed: only their brackets are dropped. */
static bool executable_comment(struct scan *s)
{
	size_t left = (size_t)(s->end - s->at), n;
	if (s->how.dialect != SP_SQL_MYSQL || left < 3)
		return false;
	n = s->at[2] == '!' ? 3 : left > 3 && s->at[2] == 'M' && s->at[3] == '!' ? 4 : 0;
	if (!n)
		return false;
	for (s->at += n; s->at < s->end && class_of[*s->at] == DIGIT;)
		s->at++;
	s->space = s->executable = true;
	return true;
}

/* --- quotes --- */

/* After the opening quote at `at`: behind the closing one. */
static const uint8_t *quoted(const uint8_t *at, const uint8_t *end, bool backslash)
{
	uint8_t quote = *at++;
	for (; at < end; at++) {
		if (*at == quote) {
			if (at + 1 == end || at[1] != quote)
				return at + 1;
			at++;
		} else if (*at == '\\' && backslash) {
			at++;
		}
	}
	return end;
}

/* $tag$ … $tag$; NULL: it is none. */
static const uint8_t *dollar_quoted(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *tag = at + 1;
	while (tag < end && (class_of[*tag] == WORD || (class_of[*tag] == DIGIT && tag > at + 1)))
		tag++;
	if (tag == end || *tag != '$')
		return NULL;
	size_t n = (size_t)(tag - at) + 1;
	const uint8_t *close = memmem(at + n, (size_t)(end - at) - n, at, n);
	return close ? close + n : end;
}

/* --- words --- */

static struct sp_slice upper(struct sp_arena *a, struct sp_slice s)
{
	uint8_t *p = sp_arena_get(a, SP_MIN(s.n, (size_t)SP_SQL_VERB_MAX));
	size_t n = p ? SP_MIN(s.n, (size_t)SP_SQL_VERB_MAX) : 0;
	for (size_t i = 0; i < n; i++)
		p[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (uint8_t)(s.p[i] - 32) : s.p[i];
	return (struct sp_slice){p, n};
}

static void opens_query(struct scan *s)
{
	if (s->prev == AN_OPEN && s->depth <= DEPTH_MAX)
		s->queries |= 1ull << s->depth;
}

/* The first word of a statement. */
static void verb(struct scan *s, const struct keyword *k, struct sp_slice word)
{
	bool known = k && (k->kind == VERB || k->kind == QUERY || k->kind == OF_TABLE || k->kind == END);
	s->begin = false;
	opens_query(s);
	if (known && (k->kind == OF_TABLE || !memcmp(k->text, "UPDATE", 6)))
		s->expect = A_TABLE;
	s->with = known && !memcmp(k->text, "WITH", 4);
	s->copy = known && !memcmp(k->text, "COPY", 4);
	if (!s->verb.n)
		s->verb = known ? (struct sp_slice){(const uint8_t *)k->text, strnlen(k->text, KEYWORD_MAX)} : word;
}

static void note_table(struct scan *s, const uint8_t *from)
{
	if (s->full)
		return;
	if (s->prev == A_DOT && s->n_tables && s->table[s->n_tables - 1].to + 1 == from - s->out) {
		s->table[s->n_tables - 1].to = (uint16_t)(s->w - s->out); /* the part after a dot */
		return;
	}
	if (s->n_tables < SP_SQL_TABLES_MAX)
		s->table[s->n_tables++] = (struct span){(uint16_t)(from - s->out), (uint16_t)(s->w - s->out)};
}

/* A name, quoted or not, that was written; `from`: where. */
static void name(struct scan *s, const uint8_t *from)
{
	if (s->expect == A_TABLE || s->expect == A_FROM_TABLE) {
		note_table(s, from);
		s->from = s->expect == A_FROM_TABLE;
		s->fresh = true;
		s->expect = AFTER_TABLE;
	} else if (s->expect == AFTER_TABLE && s->prev == A_DOT) {
		note_table(s, from);
	} else {
		s->fresh = false; /* an alias */
	}
	token(s, A_NAME);
}

static bool holds_query(const struct scan *s)
{
	return !s->depth || (s->depth <= DEPTH_MAX && s->queries >> s->depth & 1);
}

static void keyword(struct scan *s, const struct keyword *k)
{
	switch (k->kind) {
	case FROM:
		s->expect = holds_query(s) && !(s->copy && !s->depth) ? A_FROM_TABLE : NO_NAME;
		break;
	case NAME:
		s->expect = *k->text == 'J' ? A_FROM_TABLE : A_TABLE;
		break;
	case INDEX:
		s->index = true;
		break;
	case ON:
		s->expect = s->index && !s->n_tables ? A_TABLE : NO_NAME;
		break;
	case QUERY:
		if (s->with && !s->depth) {
			s->verb = (struct sp_slice){0};
			verb(s, k, s->verb);
			break;
		}
		opens_query(s);
		s->expect = NO_NAME;
		break;
	case VERB:
		if (*k->text == 'W')
			opens_query(s);
		s->expect = NO_NAME;
		break;
	case MODIFIER:
		break;
	default:
		s->expect = NO_NAME;
	}
}

/* A word directly before a quote belongs to it: N'', X'', E'', _utf8''. */
static bool is_prefix(const struct scan *s, struct sp_slice word)
{
	return s->at < s->end && *s->at == '\'' && (word.n == 1 || *word.p == '_');
}

static void word(struct scan *s)
{
	const uint8_t *from = s->at;
	for (s->at++; s->at < s->end; s->at++) {
		unsigned c = class_of[*s->at];
		if (c != WORD && c != DIGIT && c != DOLLAR)
			break;
	}
	struct sp_slice w = {from, (size_t)(s->at - from)};
	if (is_prefix(s, w)) {
		s->at = quoted(s->at, s->end, s->how.backslash || (*w.p | 32) == 'e');
		hide_value(s);
		return;
	}
	const struct keyword *k = s->prev == A_DOT ? NULL : keyword_of(from, w.n, s->end);
	if (SP_UNLIKELY(k && k->kind == LITERAL) &&
	    (s->prev == A_COMMA || s->prev == AN_OPEN || s->prev == AN_OPERATOR)) {
		hide_value(s);
		return;
	}
	put(s, w.p, w.n);
	if (s->begin)
		verb(s, k, w);
	else if (!k) {
		name(s, s->w - (s->full ? 0 : w.n));
		return;
	} else {
		keyword(s, k);
	}
	token(s, A_WORD);
}

static void quoted_name(struct scan *s)
{
	const uint8_t *from = s->at;
	s->at = quoted(s->at, s->end, false);
	size_t n = (size_t)(s->at - from);
	put(s, from, n);
	s->begin = false;
	name(s, s->w - (s->full ? 0 : n));
}

static void number(struct scan *s)
{
	bool hex = *s->at == '0' && s->at + 1 < s->end && (s->at[1] | 32) == 'x';
	for (s->at++; s->at < s->end; s->at++) {
		uint8_t c = *s->at;
		bool exponent = (c == '+' || c == '-') && !hex && (s->at[-1] | 32) == 'e' && s->at + 1 < s->end &&
				class_of[s->at[1]] == DIGIT;
		if (class_of[c] != DIGIT && class_of[c] != WORD && c != '.' && !exponent)
			break;
	}
	hide_value(s);
}

/* --- the other tokens --- */

static void operator(struct scan *s, size_t n, enum token t)
{
	put(s, s->at, n);
	s->at += n;
	token(s, t);
	if (t == AN_OPERATOR)
		s->expect = NO_NAME;
}

static void open(struct scan *s)
{
	if (s->prev == A_COMMA && s->before == A_CLOSE)
		s->lists = true;
	if (s->expect == AFTER_TABLE && s->from && s->fresh && s->n_tables)
		s->n_tables--; /* FROM a function */
	s->expect = NO_NAME;
	s->depth++;
	if (s->depth <= DEPTH_MAX)
		s->queries &= ~(1ull << s->depth);
	operator(s, 1, AN_OPEN);
}

static void close(struct scan *s)
{
	s->depth -= s->depth > 0;
	s->expect = s->expect == AFTER_TABLE ? NO_NAME : s->expect;
	operator(s, 1, A_CLOSE);
}

static void comma(struct scan *s)
{
	if (s->expect == AFTER_TABLE)
		s->expect = s->from ? A_FROM_TABLE : s->fresh ? A_TABLE : NO_NAME;
	operator(s, 1, A_COMMA);
	s->space = true;
}

static void dollar(struct scan *s)
{
	const uint8_t *from = s->at;
	if (s->at + 1 < s->end && class_of[s->at[1]] == DIGIT) {
		for (s->at++; s->at < s->end && class_of[*s->at] == DIGIT;)
			s->at++;
		s->lists = true; /* of which the digest has none */
		put_value(s, (struct sp_slice){from, (size_t)(s->at - from)});
		return;
	}
	const uint8_t *end = s->how.dialect == SP_SQL_MYSQL ? NULL : dollar_quoted(s->at, s->end);
	if (end) {
		s->at = end;
		hide_value(s);
		return;
	}
	operator(s, 1, AN_OPERATOR);
}

static void dash(struct scan *s)
{
	/* MySQL wants a space after them: 5--1 is a sum. */
	bool comment = s->at + 1 < s->end && s->at[1] == '-' &&
		       (s->how.dialect != SP_SQL_MYSQL || s->at + 2 == s->end || class_of[s->at[2]] == SPACE);
	if (comment)
		line_comment(s);
	else
		operator(s, 1, AN_OPERATOR);
}

static void slash(struct scan *s)
{
	if (s->at + 1 == s->end || s->at[1] != '*')
		operator(s, 1, AN_OPERATOR);
	else if (!executable_comment(s))
		block_comment(s);
}

static void asterisk(struct scan *s)
{
	if (s->executable && s->at + 1 < s->end && s->at[1] == '/') {
		s->at += 2;
		s->space = true;
		s->executable = false;
		return;
	}
	operator(s, 1, s->prev == A_DOT ? A_NAME : AN_OPERATOR);
}

static void dot(struct scan *s)
{
	bool fraction = s->at + 1 < s->end && class_of[s->at[1]] == DIGIT && s->prev != A_NAME && s->prev != A_WORD;
	if (fraction)
		number(s);
	else
		operator(s, 1, A_DOT);
}

static void double_quote(struct scan *s)
{
	if (s->how.dialect != SP_SQL_MYSQL) {
		quoted_name(s);
		return;
	}
	s->at = quoted(s->at, s->end, s->how.backslash);
	hide_value(s);
}

static void semicolon(struct scan *s)
{
	operator(s, 1, NOTHING);
	s->space = s->begin = true;
	s->with = s->index = false;
	s->expect = NO_NAME;
	s->depth = 0;
}

static void space(struct scan *s)
{
	s->space = true;
	s->at++;
}

static void string(struct scan *s)
{
	s->at = quoted(s->at, s->end, s->how.backslash);
	hide_value(s);
}

static void hash(struct scan *s)
{
	if (s->how.dialect == SP_SQL_MYSQL)
		line_comment(s);
	else
		operator(s, 1, AN_OPERATOR);
}

static void parameter(struct scan *s)
{
	s->at++;
	put_value(s, SP_TEXT("?"));
}

static void other(struct scan *s)
{
	operator(s, 1, AN_OPERATOR);
}

/* What reads a token, by the class of its first byte. */
static void (*const readers[])(struct scan *) = {
	[OTHER] = other,
	[SPACE] = space,
	[WORD] = word,
	[DIGIT] = number,
	[QUOTE] = string,
	[DOUBLE] = double_quote,
	[BACKTICK] = quoted_name,
	[DASH] = dash,
	[SLASH] = slash,
	[HASH] = hash,
	[DOLLAR] = dollar,
	[DOT] = dot,
	[COMMA] = comma,
	[OPEN] = open,
	[CLOSE] = close,
	[SEMICOLON] = semicolon,
	[ASTERISK] = asterisk,
	[PARAMETER] = parameter,
};

/* --- results --- */

/* The names without their quotes, each once. */
static struct sp_slice tables(struct scan *s)
{
	struct sp_arena *a = s->p->arena;
	if (s->n_tables == 1 && !memchr("`\"", s->out[s->table[0].from], 2) &&
	    !memchr("`\"", s->out[s->table[0].to - 1], 2))
		return (struct sp_slice){s->out + s->table[0].from, (size_t)(s->table[0].to - s->table[0].from)};
	struct sp_slice all = {a->p + a->n, 0};
	for (unsigned i = 0; i < s->n_tables; i++) {
		struct span t = s->table[i];
		bool again = false;
		for (unsigned k = 0; k < i; k++)
			again |= s->table[k].to - s->table[k].from == t.to - t.from &&
				 !memcmp(s->out + s->table[k].from, s->out + t.from, (size_t)(t.to - t.from));
		if (again)
			continue;
		if (all.n)
			all.n += sp_arena_copy(a, SP_TEXT(",")).n;
		for (unsigned at = t.from; at < t.to; at++)
			if (s->out[at] != '`' && s->out[at] != '"')
				all.n += sp_arena_copy(a, (struct sp_slice){s->out + at, 1}).n;
	}
	return all;
}

struct sp_sql sp_sql_read(struct sp_parse *p, struct sp_slice statement, struct sp_sql_how how)
{
	struct sp_arena *a = p->arena;
	statement = statement.n ? statement : SP_TEXT("");
	struct scan s = {.p = p, .how = how, .begin = true};
	size_t n = SP_MIN(statement.n, (size_t)SP_SQL_SEEN_MAX);
	size_t room = SP_MIN(SP_MIN(2 * n + 16, (size_t)SP_SQL_TEXT_MAX), a->size - a->n);
	s.at = statement.p;
	s.end = statement.p + n;
	s.out = s.w = a->p + a->n;
	s.limit = s.out + room;
	while (s.at < s.end)
		readers[class_of[*s.at]](&s);
	struct sp_sql ret = {.text = {s.out, (size_t)(s.w - s.out)}};
	while (ret.text.n && (ret.text.p[ret.text.n - 1] == ';' || ret.text.p[ret.text.n - 1] == ' '))
		ret.text.n--;
	a->n += (size_t)(s.w - s.out);
	bool known = (const uint8_t *)keywords <= s.verb.p && s.verb.p < (const uint8_t *)keywords + sizeof keywords;
	ret.verb = known ? s.verb : upper(a, s.verb);
	ret.tables = tables(&s);
	ret.digest = s.lists || ret.text.n > SP_SQL_DIGEST_MAX ? sp_sql_digest(a, ret.text) : ret.text;
	if (p->reveal && !sp_sql_is_secret((struct sp_slice){statement.p, n}))
		ret.text = (struct sp_slice){statement.p, SP_MIN(n, (size_t)SP_SQL_TEXT_MAX)};
	return ret;
}
