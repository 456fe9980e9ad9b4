/* SPDX-License-Identifier: Apache-2.0 */
/* An instance is what may become a port: an entry that names one device, or one device of a pattern. A space is a
 * network namespace with its devices. The kernel's announcements change the spaces, those wake the instances, and polls
 * turn what instances are due for into events. */
#include "dataplane/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/time.h"
#include "dataplane/links.h"
#include "dataplane/netns.h"
#include "dataplane/port_table.h"

enum {
	DEVICE_NAME = 16,
	DEVICES_MAX = 65536, /* known of a namespace */
	/* Rings of a pattern's ports: there may be hundreds. */
	PATTERN_BLOCKS_SHARE = 8,
	PATTERN_BLOCKS_MIN = 4,
};

#define FIRST_PAUSE SP_NS_PER_SEC
#define LONGEST_PAUSE (30 * SP_NS_PER_SEC)
#define LIVED_WELL (60 * SP_NS_PER_SEC)

struct device {
	int ifindex;
	bool seen, up;
	char name[DEVICE_NAME];
};

struct space {
	struct sp_watch *watch;
	char netns[SP_PORT_NETNS_MAX];
	struct sp_links *nl;
	dev_t dev;
	ino_t ino;
	uint64_t retry_at;
	struct device *devices;
	unsigned n_devices;
	struct sp_err told; /* why it cannot be watched */
	int rc;
	bool to_tell;
};

struct instance {
	unsigned entry;
	struct space *space; /* NULL: the port has no network device (DPDK) */
	bool of_pattern;
	char device[DEVICE_NAME];
	int ifindex; /* 0: the device is not there */
	struct sp_port *port;
	bool gone, gone_told;
	uint64_t opened_at, retry_at, pause;
	struct sp_err told; /* the reason told last, "" when none */
};

struct sp_watch {
	const struct sp_port_conf *conf;
	unsigned n_conf;
	struct sp_points *points;
	int epoll, timer;
	unsigned n_spaces, n_instances;
	struct space spaces[SP_PORTS_MAX];
	struct instance *instances[SP_WATCH_PORTS_MAX + SP_PORTS_MAX];
	bool full, full_told;
	unsigned full_entry;
};

static uint64_t now_ns(void)
{
	return sp_clock_ns(CLOCK_MONOTONIC);
}

static bool in_space(const struct sp_watch *w, unsigned entry, const struct space *s)
{
	return w->conf[entry].type != SP_PORT_DPDK && !strcmp(w->conf[entry].netns, s->netns);
}

/* NULL when there are too many, or no memory. */
static struct instance *add_instance(struct sp_watch *w, unsigned entry, struct space *s, const char *device)
{
	if (w->n_instances == SP_ARRAY_SIZE(w->instances))
		return NULL;
	struct instance *i = calloc(1, sizeof *i);
	if (!i)
		return NULL;
	i->entry = entry;
	i->space = s;
	snprintf(i->device, sizeof i->device, "%.15s", device);
	w->instances[w->n_instances++] = i;
	return i;
}

static void remove_instance(struct sp_watch *w, unsigned at)
{
	free(w->instances[at]);
	w->instances[at] = w->instances[--w->n_instances];
}

static struct instance *find_instance(struct sp_watch *w, unsigned entry, const char *device)
{
	for (unsigned i = 0; i < w->n_instances; i++)
		if (w->instances[i]->entry == entry && !strcmp(w->instances[i]->device, device))
			return w->instances[i];
	return NULL;
}

static void device_came(struct space *s, int ifindex, const char *name)
{
	struct sp_watch *w = s->watch;
	for (unsigned e = 0; e < w->n_conf; e++) {
		if (!in_space(w, e, s) || !sp_port_conf_matches(&w->conf[e], name))
			continue;
		struct instance *i = find_instance(w, e, name);
		if (!i) {
			i = add_instance(w, e, s, name);
			if (!i) {
				w->full = true;
				w->full_entry = e;
				return;
			}
			i->of_pattern = true;
		}
		i->ifindex = ifindex;
		i->retry_at = i->pause = 0;
	}
}

static void device_went(struct space *s, int ifindex, const char *name)
{
	struct sp_watch *w = s->watch;
	for (unsigned n = w->n_instances; n-- > 0;) {
		struct instance *i = w->instances[n];
		if (i->space != s || i->ifindex != ifindex || strcmp(i->device, name))
			continue;
		i->ifindex = 0;
		i->gone = i->port != NULL;
		if (!i->port && i->of_pattern)
			remove_instance(w, n);
	}
}

/* A device that came up: what failed before may work now. */
static void device_came_up(struct space *s, int ifindex)
{
	struct sp_watch *w = s->watch;
	for (unsigned n = 0; n < w->n_instances; n++)
		if (w->instances[n]->space == s && w->instances[n]->ifindex == ifindex)
			w->instances[n]->retry_at = 0;
}

static struct device *find_device(struct space *s, int ifindex)
{
	for (unsigned i = 0; i < s->n_devices; i++)
		if (s->devices[i].ifindex == ifindex)
			return &s->devices[i];
	return NULL;
}

static void forget_device(struct space *s, struct device *d)
{
	struct device old = *d;
	*d = s->devices[--s->n_devices];
	device_went(s, old.ifindex, old.name);
}

static void forget_devices(struct space *s, bool all)
{
	for (unsigned i = s->n_devices; i-- > 0;)
		if (all || !s->devices[i].seen)
			forget_device(s, &s->devices[i]);
}

static void device_is_there(struct space *s, int ifindex, const char *name, bool up)
{
	struct device *d = find_device(s, ifindex);
	if (d && strcmp(d->name, name)) {
		forget_device(s, d);
		d = NULL;
	}
	if (d) {
		bool came_up = up && !d->up;
		d->seen = true;
		d->up = up;
		if (came_up)
			device_came_up(s, ifindex);
		return;
	}
	if (s->n_devices == DEVICES_MAX)
		return;
	if (!(s->n_devices & (s->n_devices - 1))) { /* room for the next power of two */
		struct device *more = realloc(s->devices, (s->n_devices ? 2 * s->n_devices : 1) * sizeof *more);
		if (!more)
			return;
		s->devices = more;
	}
	d = &s->devices[s->n_devices++];
	*d = (struct device){.ifindex = ifindex, .seen = true, .up = up};
	snprintf(d->name, sizeof d->name, "%.15s", name);
	device_came(s, ifindex, d->name);
}

static void on_change(void *arg, enum sp_link_change change, int ifindex, const char *name, bool up)
{
	struct space *s = arg;
	struct device *d;
	switch (change) {
	case SP_LINK_THERE:
		device_is_there(s, ifindex, name, up);
		break;
	case SP_LINK_GONE:
		d = find_device(s, ifindex);
		if (d)
			forget_device(s, d);
		break;
	case SP_LINK_RESYNC_BEGIN:
		for (unsigned i = 0; i < s->n_devices; i++)
			s->devices[i].seen = false;
		break;
	case SP_LINK_RESYNC_END:
		forget_devices(s, false);
		break;
	}
}

/* Our sockets keep a namespace alive that its owner deleted: when its name is gone, or names another one, we let go. */
static bool space_is_current(const struct space *s)
{
	char path[256];
	struct stat st;
	if (!s->netns[0])
		return true;
	sp_netns_path(path, sizeof path, s->netns);
	return stat(path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

static void open_space(struct space *s, uint64_t now)
{
	struct sp_err err = {""};
	char path[256];
	struct stat st = {0};
	sp_netns_path(path, sizeof path, s->netns);
	if (s->netns[0] && stat(path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	s->retry_at = now + FIRST_PAUSE;
	s->rc = sp_links_open(&s->nl, s->netns, &err);
	if (s->rc < 0) {
		s->nl = NULL;
		s->to_tell = strcmp(err.text, s->told.text) != 0;
		s->told = err;
		return;
	}
	s->told.text[0] = 0;
	struct epoll_event ev = {.events = EPOLLIN};
	epoll_ctl(s->watch->epoll, EPOLL_CTL_ADD, sp_links_fd(s->nl), &ev);
}

static void close_space(struct space *s)
{
	sp_links_close(s->nl); /* leaves the epoll set by itself */
	s->nl = NULL;
	forget_devices(s, true);
}

static void look_around(struct sp_watch *w)
{
	uint64_t ticks = 0, now = now_ns();
	bool tick = read(w->timer, &ticks, sizeof ticks) > 0;
	for (unsigned i = 0; i < w->n_spaces; i++) {
		struct space *s = &w->spaces[i];
		if (s->nl && tick && !space_is_current(s))
			close_space(s);
		if (!s->nl && now >= s->retry_at)
			open_space(s, now);
		if (s->nl)
			sp_links_read(s->nl, on_change, s);
	}
}

static uint64_t longer(uint64_t pause)
{
	return pause ? SP_MIN(2 * pause, LONGEST_PAUSE) : FIRST_PAUSE;
}

static struct sp_port_conf conf_of(const struct sp_watch *w, const struct instance *i)
{
	if (!i->of_pattern)
		return w->conf[i->entry];
	struct sp_port_conf one = sp_port_conf_for(&w->conf[i->entry], i->device);
	one.af_packet.blocks = SP_MAX(one.af_packet.blocks / PATTERN_BLOCKS_SHARE, (uint64_t)PATTERN_BLOCKS_MIN);
	return one;
}

/* True when there is something to tell. */
static bool try_open(struct sp_watch *w, struct instance *i, struct sp_watch_event *ret)
{
	struct sp_port_conf conf = conf_of(w, i);
	struct sp_err err = {""};
	ret->entry = i->entry;
	ret->rc = sp_port_open(&i->port, &conf, w->points, &err);
	if (ret->rc == 0) {
		i->opened_at = now_ns();
		i->told.text[0] = 0;
		ret->what = SP_WATCH_OPENED;
		ret->port = i->port;
		return true;
	}
	i->port = NULL;
	i->pause = longer(i->pause);
	i->retry_at = now_ns() + i->pause;
	if (!strcmp(err.text, i->told.text))
		return false;
	i->told = ret->err = err;
	ret->what = SP_WATCH_FAILED;
	ret->port = NULL;
	return true;
}

static bool tell_failures(struct sp_watch *w, struct sp_watch_event *ret)
{
	for (unsigned n = 0; n < w->n_spaces; n++) {
		struct space *s = &w->spaces[n];
		if (!s->to_tell)
			continue;
		s->to_tell = false;
		*ret = (struct sp_watch_event){.what = SP_WATCH_FAILED, .err = s->told, .rc = s->rc};
		while (!in_space(w, ret->entry, s))
			ret->entry++;
		return true;
	}
	if (!w->full || w->full_told)
		return false;
	w->full_told = true;
	*ret = (struct sp_watch_event){.what = SP_WATCH_FAILED, .entry = w->full_entry, .rc = -ENOSPC};
	sp_err(&ret->err, -ENOSPC, "port %s: more than %u devices; the others are not watched",
	       w->conf[w->full_entry].interface, SP_WATCH_PORTS_MAX);
	return true;
}

static bool next_event(struct sp_watch *w, struct sp_watch_event *ret)
{
	*ret = (struct sp_watch_event){0};
	uint64_t now = now_ns();
	for (unsigned n = 0; n < w->n_instances; n++) {
		struct instance *i = w->instances[n];
		if (i->gone && !i->gone_told) {
			i->gone_told = true;
			*ret = (struct sp_watch_event){.what = SP_WATCH_GONE, .entry = i->entry, .port = i->port};
			return true;
		}
	}
	for (unsigned n = 0; n < w->n_instances; n++) {
		struct instance *i = w->instances[n];
		bool there = i->ifindex || !i->of_pattern;
		if (!i->port && there && now >= i->retry_at && try_open(w, i, ret))
			return true;
	}
	return tell_failures(w, ret);
}

bool sp_watch_poll(struct sp_watch *w, struct sp_watch_event *ret)
{
	if (next_event(w, ret))
		return true;
	look_around(w);
	return next_event(w, ret);
}

void sp_watch_close(struct sp_watch *w, struct sp_port *port)
{
	for (unsigned n = 0; n < w->n_instances; n++) {
		struct instance *i = w->instances[n];
		if (i->port != port)
			continue;
		port->ops->close(port);
		i->port = NULL;
		uint64_t now = now_ns();
		/* What failed without its device having gone may fail again soon. */
		i->pause = i->gone ? 0 : now - i->opened_at > LIVED_WELL ? FIRST_PAUSE : longer(i->pause);
		i->retry_at = now + i->pause;
		i->gone = i->gone_told = false;
		if (i->of_pattern && !i->ifindex)
			remove_instance(w, n);
		return;
	}
	assert(!"a port of this watch");
}

int sp_watch_fd(const struct sp_watch *w)
{
	return w->epoll;
}

static struct space *space_for(struct sp_watch *w, const char *netns)
{
	for (unsigned i = 0; i < w->n_spaces; i++)
		if (!strcmp(w->spaces[i].netns, netns))
			return &w->spaces[i];
	struct space *s = &w->spaces[w->n_spaces++];
	s->watch = w;
	snprintf(s->netns, sizeof s->netns, "%s", netns);
	return s;
}

int sp_watch_new(struct sp_watch **ret, const struct sp_port_conf *conf, unsigned n, struct sp_points *points,
		 struct sp_err *err)
{
	assert(n <= SP_PORTS_MAX);
	struct sp_watch *w = calloc(1, sizeof *w);
	if (!w)
		return sp_err(err, -ENOMEM, "watching devices: out of memory");
	*w = (struct sp_watch){.conf = conf, .n_conf = n, .points = points};
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct itimerspec every = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	struct epoll_event ev = {.events = EPOLLIN};
	if (w->epoll < 0 || w->timer < 0 || timerfd_settime(w->timer, 0, &every, NULL) < 0 ||
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &ev) < 0) {
		int r = -errno;
		sp_watch_free(w);
		return sp_err(err, r, "watching devices: %s", strerror(-r));
	}
	for (unsigned e = 0; e < n; e++) {
		bool has_device = conf[e].type != SP_PORT_DPDK;
		struct space *s = has_device ? space_for(w, conf[e].netns) : NULL;
		if (!sp_port_conf_is_pattern(&conf[e]) && !add_instance(w, e, s, has_device ? conf[e].interface : "")) {
			sp_watch_free(w);
			return sp_err(err, -ENOMEM, "watching devices: out of memory");
		}
	}
	*ret = w;
	return 0;
}

void sp_watch_free(struct sp_watch *w)
{
	if (!w)
		return;
	while (w->n_instances) {
		struct instance *i = w->instances[0];
		if (i->port)
			i->port->ops->close(i->port);
		remove_instance(w, 0);
	}
	for (unsigned n = 0; n < w->n_spaces; n++) {
		sp_links_close(w->spaces[n].nl);
		free(w->spaces[n].devices);
	}
	if (w->timer >= 0)
		close(w->timer);
	if (w->epoll >= 0)
		close(w->epoll);
	free(w);
}
