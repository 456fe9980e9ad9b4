/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of HTTP's vocabulary, and what of them may be shown. */
#include "parsers/http.h"

enum { SCHEME_MAX = 24 };

enum sp_status sp_http_status(unsigned code)
{
	if (code < 100 || code > 599)
		return SP_STATUS_UNKNOWN;
	return code >= 500 ? SP_STATUS_SERVER_ERROR : code >= 400 ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
}

bool sp_slice_is_nocase(struct sp_slice s, const char *lower)
{
	return s.n == strlen(lower) && sp_same_nocase(s.p, lower, s.n);
}

struct sp_slice sp_http_first(struct sp_slice list)
{
	const uint8_t *comma = memchr(list.p, ',', list.n);
	return sp_http_trim((struct sp_slice){list.p, comma ? (size_t)(comma - list.p) : list.n});
}

/* Where the authority begins in "scheme://authority/…", 0: nowhere. */
static size_t after_scheme(struct sp_slice target)
{
	for (size_t i = 0; i + 2 < target.n && i < SCHEME_MAX; i++) {
		uint8_t c = target.p[i] | 32;
		if (target.p[i] == ':')
			return i && target.p[i + 1] == '/' && target.p[i + 2] == '/' ? i + 3 : 0;
		if ((c < 'a' || c > 'z') && (target.p[i] < '+' || target.p[i] > '9' || target.p[i] == '/'))
			return 0;
	}
	return 0;
}

/* Up to the path, query or fragment. */
static size_t authority_end(struct sp_slice s, size_t at)
{
	while (at < s.n && s.p[at] != '/' && s.p[at] != '?' && s.p[at] != '#')
		at++;
	return at;
}

static size_t after_credentials(struct sp_slice s, size_t from, size_t end)
{
	const uint8_t *at;
	while (from < end && (at = memchr(s.p + from, '@', end - from)))
		from = (size_t)(at + 1 - s.p);
	return from;
}

struct sp_slice sp_http_host(struct sp_slice value)
{
	size_t from = after_credentials(value, 0, value.n);
	return (struct sp_slice){value.p + from, value.n - from};
}

struct sp_slice sp_http_authority(struct sp_slice target)
{
	size_t from = after_scheme(target);
	if (!target.n || (!from && (*target.p == '/' || *target.p == '*')))
		return (struct sp_slice){0};
	size_t end = authority_end(target, from);
	from = after_credentials(target, from, end);
	return (struct sp_slice){target.p + from, end - from};
}

struct sp_slice sp_http_auth_scheme(struct sp_slice value)
{
	for (size_t i = 0; i < value.n && i <= SCHEME_MAX; i++) {
		uint8_t c = value.p[i] | 32;
		if (value.p[i] == ' ' && i)
			return (struct sp_slice){value.p, i};
		if ((c < 'a' || c > 'z') && value.p[i] != '-' && (value.p[i] < '0' || value.p[i] > '9'))
			break;
	}
	return SP_TEXT("?");
}

/* Ends of parameter names that have a secret as their value. A `word` stands alone or after a separator. */
static const struct secret {
	const char *end;
	uint8_t n;
	bool word, password;
} secrets[] = {
#define ROW(end, word, password)                                                                                       \
	{                                                                                                              \
		end, sizeof(end) - 1, word, password                                                                   \
	}
	ROW("password", false, true),	 ROW("passwd", false, true),	  ROW("pwd", true, true),
	ROW("passphrase", false, true),	 ROW("secret", false, true),	  ROW("token", false, false),
	ROW("api_key", false, false),	 ROW("api-key", false, false),	  ROW("apikey", false, false),
	ROW("access_key", false, false), ROW("signature", false, false),  ROW("sig", true, false),
	ROW("credential", false, false), ROW("jsessionid", false, false), ROW("phpsessid", false, false),
#undef ROW
};

static bool is_secret(struct sp_slice name, bool reveal)
{
	static const char last[] = "dentygl"; /* what any of them ends with: most names are done with here */
	if (!name.n || !memchr(last, name.p[name.n - 1] | 32, sizeof last - 1))
		return false;
	for (size_t i = 0; i < SP_ARRAY_SIZE(secrets); i++) {
		const struct secret *s = &secrets[i];
		if (name.n < s->n || (reveal && !s->password))
			continue;
		uint8_t before = name.n > s->n ? name.p[name.n - s->n - 1] | 32 : 0;
		bool apart = before < 'a' || before > 'z';
		if ((apart || !s->word) && sp_same_nocase(name.p + name.n - s->n, s->end, s->n))
			return true;
	}
	return false;
}

/* The next parameter with a secret value at or after `at`: `;` parts parameters in a path, `&` and `;` in a query.
 * False: there is none. */
static bool next_secret(struct sp_slice target, size_t at, bool reveal, size_t *value, size_t *end)
{
	while (at < target.n) {
		while (at < target.n && target.p[at] != '?' && target.p[at] != '&' && target.p[at] != ';' &&
		       target.p[at] != '#')
			at++;
		size_t name = ++at;
		while (at < target.n && target.p[at] != '=' && target.p[at] != '&' && target.p[at] != ';')
			at++;
		if (at >= target.n || target.p[at] != '=')
			continue;
		if (!is_secret((struct sp_slice){target.p + name, at - name}, reveal))
			continue;
		*value = at + 1;
		while (at < target.n && target.p[at] != '&' && target.p[at] != ';' && target.p[at] != '?' &&
		       target.p[at] != '#')
			at++;
		*end = at;
		if (*end > *value)
			return true;
	}
	return false;
}

struct sp_slice sp_http_target(struct sp_arena *a, struct sp_slice target, bool reveal)
{
	struct sp_slice shown = {a->p + a->n, 0};
	size_t from = 0, value, end;
	if (!target.n)
		return target;
	if (*target.p != '/') {
		size_t authority = after_scheme(target);
		size_t host = after_credentials(target, authority, authority_end(target, authority));
		if (host > authority) {
			shown.n += SP_JOIN(a, (struct sp_slice){target.p, authority}, SP_TEXT("?@")).n;
			from = host;
		}
	}
	size_t at = from;
	bool parameters = memchr(target.p, '=', target.n);
	while (parameters && next_secret(target, at, reveal, &value, &end)) {
		shown.n += SP_JOIN(a, (struct sp_slice){target.p + from, value - from}, SP_TEXT("?")).n;
		from = at = end;
	}
	if (!from)
		return target;
	shown.n += sp_arena_copy(a, (struct sp_slice){target.p + from, target.n - from}).n;
	return shown;
}
