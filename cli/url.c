/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEPARATOR "://"

/* The letters of "scheme://" at its beginning, 0 where there are none. */
static size_t scheme_of(const char *text)
{
	size_t n = 0;
	while (isalnum((unsigned char)text[n]) || (n && text[n] && strchr("+-.", text[n])))
		n++;
	return isalpha((unsigned char)*text) && !strncmp(text + n, SEPARATOR, strlen(SEPARATOR)) ? n : 0;
}

static bool is_scheme(const char *text, size_t n, const char *name)
{
	return strlen(name) == n && !strncasecmp(text, name, n);
}

/* Appends bytes; those that a request cannot hold as they are become %XX. False: there is no room. */
static bool append(char *out, const char *from, size_t n)
{
	size_t at = strlen(out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = from[i];
		if (at + 4 > SP_URL_MAX)
			return false;
		if (c > ' ' && c < 0x7f)
			out[at++] = (char)c;
		else
			at += (size_t)snprintf(out + at, 4, "%%%02X", c);
	}
	out[at] = 0;
	return true;
}

/* "host", "host:80", "[::1]:80". A password with a '/', '?' or '#' ends the authority too early, and what is before it
 * is no port then. */
static bool is_host(const char *text, size_t n)
{
	const char *end = text + n, *bracket = *text == '[' ? memchr(text, ']', n) : NULL;
	const char *colon = bracket ? bracket + 1 : memchr(text, ':', n);
	for (const char *p = text; p < end; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '@')
			return false;
	if (!n || colon == text || (*text == '[' && !bracket))
		return false;
	if (!colon || colon == end)
		return true;
	for (const char *p = colon + 1; p < end; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	return *colon == ':' && end - colon <= 6;
}

static int parse_web(struct sp_url *url, const char *text, size_t scheme, struct sp_err *err)
{
	const char *authority = text + scheme + strlen(SEPARATOR);
	const char *path = authority + strcspn(authority, "/?#"), *end = path + strcspn(path, "?#");
	const char *at = memchr(authority, '@', (size_t)(path - authority)), *host = at ? at + 1 : authority;
	if (!is_host(host, (size_t)(path - host)))
		return sp_err(err, -EINVAL,
			      "%.*s" SEPARATOR " wants HOST, HOST:PORT or USER:PASSWORD@HOST and a path; of a password "
			      "'@' is written %%40, '/' %%2F, '?' %%3F, '#' %%23",
			      (int)scheme, text);
	while (end > path && end[-1] == '/')
		end--;
	const char *query = path + strcspn(path, "?#");
	size_t n_query = strcspn(query, "#"), before = (size_t)(authority - text);
	if (!append(url->base, text, (size_t)(end - text)) || !append(url->query, query, n_query) ||
	    !append(url->shown, text, before) || !append(url->shown, host, (size_t)(end - host)))
		return sp_err(err, -EINVAL, "a URL has at most %d letters", SP_URL_MAX - 4);
	return 0;
}

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* Undoes %XX in the path of a file. */
static int parse_file(struct sp_url *url, const char *text, struct sp_err *err)
{
	const char *host = text + strlen("file" SEPARATOR), *path = host + strcspn(host, "/?#");
	size_t n = 0, length = strcspn(path, "?#");
	if (*path != '/' || (path != host && !is_scheme(host, (size_t)(path - host), "localhost")))
		return sp_err(err, -EINVAL, "file" SEPARATOR " wants an absolute path of this machine: file:///DIR");
	for (size_t i = 0; i < length; i++) {
		bool coded = path[i] == '%' && hex(path[i + 1]) >= 0 && hex(path[i + 2]) >= 0;
		int c = coded ? hex(path[i + 1]) << 4 | hex(path[i + 2]) : path[i];
		i += coded ? 2 : 0;
		if (!c || n + 1 == sizeof url->base)
			return sp_err(err, -EINVAL, "file" SEPARATOR ": %s",
				      c ? "the path is too long" : "%00 in a path");
		url->base[n++] = (char)c;
	}
	while (n > 1 && url->base[n - 1] == '/')
		n--;
	url->base[n] = 0;
	memcpy(url->shown, url->base, n + 1);
	return 0;
}

int sp_url_parse(struct sp_url *url, const char *text, struct sp_err *err)
{
	size_t scheme = scheme_of(text);
	url->kind = SP_URL_NONE;
	*url->base = *url->query = *url->shown = 0;
	if (!scheme)
		return 0;
	if (is_scheme(text, scheme, "file")) {
		url->kind = SP_URL_FILE;
		return parse_file(url, text, err);
	}
	if (!is_scheme(text, scheme, "http") && !is_scheme(text, scheme, "https"))
		return sp_err(err, -EINVAL,
			      "%.*s" SEPARATOR
			      " is not supported; a directory, or a URL that begins with http://, https:// "
			      "or file:// is expected",
			      (int)scheme, text);
	url->kind = SP_URL_WEB;
	return parse_web(url, text, scheme, err);
}

int sp_url_below(const struct sp_url *url, const char *name, char *out, size_t size)
{
	return snprintf(out, size, "%s/%s%s", url->base, name, url->query) < (int)size ? 0 : -ENAMETOOLONG;
}
