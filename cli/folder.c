/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/fetch.h"

int sp_folder_init(struct sp_folder *s, const char *where, struct sp_err *err)
{
	int rc = sp_url_parse(&s->url, where, err);
	s->name = s->url.kind == SP_URL_NONE ? where : s->url.shown;
	s->fetch = NULL;
	return rc;
}

int sp_folder_open(struct sp_folder *s, const char *name)
{
	s->why.text[0] = 0;
	if (snprintf(s->path, sizeof s->path, "%s/%s", s->name, name) >= (int)sizeof s->path)
		return -ENAMETOOLONG;
	if (s->url.kind != SP_URL_WEB) {
		int fd = open(s->path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (!s->fetch)
		s->fetch = sp_fetch_new(s->timeout_s, &s->why);
	char url[2 * SP_URL_MAX];
	int rc = s->fetch ? sp_url_below(&s->url, name, url, sizeof url) : -EIO;
	return rc ? rc : sp_fetch_file(s->fetch, url, &s->why);
}

int sp_folder_refuse(const struct sp_folder *s, int error, const char *hint)
{
	if (s->why.text[0])
		sp_log("%s: %s", s->path, s->why.text);
	else
		sp_log("%s: %s; %s", s->path, strerror(-error), hint);
	return SP_EXIT_FAILED;
}

void sp_folder_close(struct sp_folder *s)
{
	sp_fetch_free(s->fetch);
	s->fetch = NULL;
}
