/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

void sp_netns_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
}

int sp_netns_enter(const char *name, int *saved, struct sp_err *err)
{
	*saved = -1;
	if (!name[0])
		return 0;
	char path[256];
	sp_netns_path(path, sizeof path, name);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0)
		return sp_err(err, -errno, "network namespace %s: %s", path, strerror(errno));
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = here < 0 ? -errno : setns(there, CLONE_NEWNET) < 0 ? -errno : 0;
	close(there);
	if (r < 0) {
		if (here >= 0)
			close(here);
		return sp_err(err, r, "network namespace %s: %s; entering it needs CAP_SYS_ADMIN", path, strerror(-r));
	}
	*saved = here;
	return 0;
}

void sp_netns_leave(int saved)
{
	if (saved < 0)
		return;
	int kept = errno;
	if (setns(saved, CLONE_NEWNET) < 0) {
		/* Whatever this thread opens from here on would be in the wrong place. */
		sp_log("cannot return to our own network namespace: %s", strerror(errno));
		abort();
	}
	close(saved);
	errno = kept;
}
