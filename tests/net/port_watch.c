/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a watch, prints its events as lines of JSON, polls what is open and counts packets by point: the harness of
 * tests/net/watch.py.
 *
 *   port_watch KEY=VALUE... [-- KEY=VALUE...]...
 *
 * Ends by SIGTERM, with a line of packets by point. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/watch.h"
#include "tests/net/port_args.h"

static volatile sig_atomic_t stop;
static struct sp_points points;
static uint64_t packets[SP_POINTS_MAX];
static struct sp_port *open_ports[SP_WATCH_PORTS_MAX];
static unsigned n_open;

static void on_signal(int sig)
{
	stop = 1;
}

static void take_away(struct sp_watch *watch, struct sp_port *port)
{
	for (unsigned i = 0; i < n_open; i++)
		if (open_ports[i] == port)
			open_ports[i] = open_ports[--n_open];
	sp_watch_close(watch, port);
}

static void handle(struct sp_watch *watch, const struct sp_watch_event *ev)
{
	static const char *const name[] = {"opened", "gone", "failed"};
	printf("{\"event\": \"%s\", \"entry\": %u, ", name[ev->what], ev->entry);
	if (ev->port)
		printf("\"port\": \"%s\", \"point\": \"%s\", \"kind\": \"%s\"}\n", ev->port->name,
		       points.point[ev->port->point].name, sp_point_kind_name(points.point[ev->port->point].kind));
	else
		printf("\"error\": \"%s\"}\n", ev->err.text);
	fflush(stdout);
	if (ev->what == SP_WATCH_OPENED)
		open_ports[n_open++] = ev->port;
	else if (ev->what == SP_WATCH_GONE)
		take_away(watch, ev->port);
}

static void drain_ports(struct sp_watch *watch)
{
	static struct sp_batch batch;
	for (unsigned i = 0; i < n_open; i++) {
		struct sp_port *port = open_ports[i];
		int n = 0;
		for (uint16_t q = 0; q < port->n_queues && n >= 0; q++)
			while ((n = port->ops->poll(port, q, &batch)) > 0) {
				packets[port->point] += (unsigned)n;
				port->ops->release(port, q, &batch);
			}
		if (n < 0) {
			printf("{\"event\": \"ended\", \"port\": \"%s\", \"error\": %d}\n", port->name, n);
			take_away(watch, port);
			i--;
		}
	}
}

int main(int argc, char **argv)
{
	static struct sp_port_conf conf[SP_PORTS_MAX];
	unsigned n = 1;
	port_args_defaults(&conf[0]);
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			port_args_defaults(&conf[n++]);
		else if (!port_args_set(&conf[n - 1], argv[i]))
			return 2;
	signal(SIGTERM, on_signal);

	struct sp_watch *watch;
	struct sp_err err;
	if (sp_watch_new(&watch, conf, n, &points, &err) < 0) {
		fprintf(stderr, "port_watch: %s\n", err.text);
		return 1;
	}
	while (!stop) {
		struct sp_watch_event ev;
		while (sp_watch_poll(watch, &ev))
			handle(watch, &ev);
		drain_ports(watch);
		struct pollfd fd = {.fd = sp_watch_fd(watch), .events = POLLIN};
		poll(&fd, 1, 10);
	}
	drain_ports(watch);
	printf("{\"event\": \"end\"");
	for (uint32_t i = 0; i < points.n; i++)
		printf(", \"%s\": %" PRIu64, points.point[i].name, packets[i]);
	puts("}");
	sp_watch_free(watch);
	return 0;
}
