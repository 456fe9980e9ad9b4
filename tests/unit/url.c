/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/url.h"

#include <errno.h>

#include "tests/check.h"

struct sample {
	const char *text, *asked, *shown; /* asked: for the file "x", of SP_URL_FILE the path; NULL: refused */
};

static const struct sample web[] = {
	{"http://box", "http://box/x", "http://box"},
	{"http://box/", "http://box/x", "http://box"},
	{"HTTPS://box:8443/a/b//", "HTTPS://box:8443/a/b/x", "HTTPS://box:8443/a/b"},
	{"http://[::1]/a", "http://[::1]/a/x", "http://[::1]/a"},
	{"http://[::1]:80/a", "http://[::1]:80/a/x", "http://[::1]:80/a"},
	{"http://box:/a", "http://box:/a/x", "http://box:/a"},
	/* What cannot be in a request line is coded; what is coded stays. */
	{"http://box/my run/\xc3\xa9\n", "http://box/my%20run/%C3%A9%0A/x", "http://box/my%20run/%C3%A9%0A"},
	{"http://box/100%25/%2f", "http://box/100%25/%2f/x", "http://box/100%25/%2f"},
	/* A query goes behind the file, a fragment nowhere. */
	{"http://box/a/?sig=1/2#c", "http://box/a/x?sig=1/2", "http://box/a"},
	{"http://box?sig", "http://box/x?sig", "http://box"},
	{"http://box/a#b?c", "http://box/a/x", "http://box/a"},
	/* Who asks is not shown. */
	{"http://me:pass@box/a", "http://me:pass@box/a/x", "http://box/a"},
	{"http://me:p%40ss:w@box:80/a", "http://me:p%40ss:w@box:80/a/x", "http://box:80/a"},
	{"http://box/a@b:c", "http://box/a@b:c/x", "http://box/a@b:c"},
	{"http://", NULL, NULL},
	{"http:///a", NULL, NULL},
	{"http://:80/a", NULL, NULL},
	{"http://[::1/a", NULL, NULL},
	{"http://[::1]x/a", NULL, NULL},
	{"http://bo x/a", NULL, NULL},
	{"http://box:80a/", NULL, NULL},
	{"http://box:123456/", NULL, NULL},
	{"http://me:s3c/ret@box/", NULL, NULL},
	{"http://me:s3c?ret@box/", NULL, NULL},
	{"http://me:s3c#ret@box/", NULL, NULL},
	{"http://me:s3c@ret@box/", NULL, NULL},
	{"ftp://box/a", NULL, NULL},
	{"s3://bucket/s3cret", NULL, NULL},
	{"httpss://box/", NULL, NULL},
};

static const struct sample files[] = {
	{"file:///a", "/a", "/a"},     {"file://localhost/a/b//", "/a/b", "/a/b"},
	{"FILE:///", "/", "/"},	       {"file:///my%20run/100%25/%zz%4", "/my run/100%/%zz%4", "/my run/100%/%zz%4"},
	{"file:///a?b#c", "/a", "/a"}, {"file://box/a", NULL, NULL},
	{"file://", NULL, NULL},       {"file:///a%00b", NULL, NULL},
};

static const char *const paths[] = {"",	   "out",	  "/a/b",      "./http://box", "a/b://c",
				    "://", "1http://box", "http:/box", "c:d"};

static void check(const struct sample *s, enum sp_url_kind kind)
{
	struct sp_url url;
	struct sp_err err = {0};
	char asked[SP_URL_MAX + 8];
	int rc = sp_url_parse(&url, s->text, &err);
	if (!s->asked) {
		CHECK_EQ(rc, -EINVAL);
		CHECK(*err.text && !strstr(err.text, "s3c"));
		return;
	}
	if (!CHECK_EQ(rc, 0))
		return;
	CHECK_EQ(url.kind, kind);
	CHECK_STR(url.shown, s->shown);
	CHECK_EQ(sp_url_below(&url, "x", asked, sizeof asked), 0);
	CHECK_STR(kind == SP_URL_FILE ? url.base : asked, s->asked);
}

static void taken_apart(void)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(web); i++)
		check(&web[i], SP_URL_WEB);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(files); i++)
		check(&files[i], SP_URL_FILE);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(paths); i++) {
		struct sp_url url;
		CHECK_EQ(sp_url_parse(&url, paths[i], NULL), 0);
		CHECK_EQ(url.kind, SP_URL_NONE);
	}
}

/* Around the size of the buffers, letters that take one place and such that take three. */
static void long_ones(void)
{
	static const char *const begin[] = {"http://b/", "http://b/?", "file:///", "http://u@b/", "http://"};
	static const char fill[] = {'a', ' ', '%'};
	static char text[2 * SP_URL_MAX], asked[2 * SP_URL_MAX];
	for (unsigned b = 0; b < SP_ARRAY_SIZE(begin); b++)
		for (unsigned f = 0; f < SP_ARRAY_SIZE(fill); f++)
			for (size_t n = SP_URL_MAX / 3 - 16; n < SP_URL_MAX + 16; n++) {
				struct sp_url url;
				struct sp_err err;
				size_t before = strlen(begin[b]);
				memset(text, fill[f], sizeof text);
				memcpy(text, begin[b], before);
				text[before + n] = 0;
				int rc = sp_url_parse(&url, text, &err);
				CHECK(rc == 0 || rc == -EINVAL);
				if (!rc)
					CHECK_EQ(sp_url_below(&url, "x", asked, sizeof asked), 0);
				if (n > SP_URL_MAX)
					CHECK_EQ(rc, -EINVAL);
			}
}

int main(void)
{
	RUN(taken_apart);
	RUN(long_ones);
	return check_done();
}
