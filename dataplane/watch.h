/* SPDX-License-Identifier: Apache-2.0 */
/* Ports come and go with their devices. A watch holds the entries of the `ports:` list: it opens what can be opened,
 *one port for each device that a pattern matches, says when a device went, and tries again what failed, at once when
 *the kernel announces the device and else with growing pauses. Control thread only.
 *
 *	sp_watch_new(&watch, ports, n, points, &err);
 *	loop: poll(2) on sp_watch_fd(watch), then
 *		while (sp_watch_poll(watch, &event)) switch (event.what) {
 *		case SP_WATCH_OPENED: let workers poll event.port
 *		case SP_WATCH_GONE:   take event.port from its workers, end its flows, then sp_watch_close(watch,
 *event.port) case SP_WATCH_FAILED: tell event.err once; nothing else to do
 *		}
 *
 * A worker whose poll returned an error is the same as SP_WATCH_GONE: take the port away and close it. */
#ifndef SP_DATAPLANE_WATCH_H
#define SP_DATAPLANE_WATCH_H

#include "base/base.h"
#include "base/point.h"
#include "dataplane/port.h"
#include "dataplane/port_conf.h"

#define SP_WATCH_PORTS_MAX 1024 /* devices of patterns, beside those that entries name; more are reported and wait */

enum sp_watch_what {
	SP_WATCH_OPENED,
	SP_WATCH_GONE,	 /* the port stays open until sp_watch_close: its workers may still be polling */
	SP_WATCH_FAILED, /* told once for each reason */
};

struct sp_watch_event {
	enum sp_watch_what what;
	unsigned entry;	      /* index into the entries */
	struct sp_port *port; /* NULL when it failed */
	struct sp_err err;    /* of SP_WATCH_FAILED: names the port and the reason; it is tried again */
	int rc;		      /* of SP_WATCH_FAILED: -errno */
};

struct sp_watch;

/* `conf` and `points` outlive the watch. Opens nothing yet: the first polls do. Returns 0 or -errno with a message. */
int sp_watch_new(struct sp_watch **ret, const struct sp_port_conf *conf, unsigned n, struct sp_points *points,
		 struct sp_err *err);

/* Readable when sp_watch_poll may have something to do; at least once a second. */
int sp_watch_fd(const struct sp_watch *watch);

/* The next event; false when there is none now. Opening a port takes the time that it takes. */
bool sp_watch_poll(struct sp_watch *watch, struct sp_watch_event *ret);

/* Closes a port that nobody polls any more. It opens again, with a new event, when its device is there. */
void sp_watch_close(struct sp_watch *watch, struct sp_port *port);

/* Closes every port. */
void sp_watch_free(struct sp_watch *watch);

#endif
