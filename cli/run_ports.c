/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "dataplane/watch.h"

#define QUIET_MIN (50 * SP_NS_PER_MS) /* without a packet: what the kernel had has been polled */
#define DRAIN_MAX SP_NS_PER_SEC	      /* on a port that is never quiet */
#define END_MAX_MS 5000		      /* for the records of a port that went */

#define OPEN_MAX (SP_WATCH_PORTS_MAX + SP_PORTS_MAX) /* devices of patterns, and those that entries name */

struct open_port {
	struct sp_port *port;
	unsigned entry;
	bool leaving;
	uint64_t leaves_at; /* when what its device left behind has been polled */
	char how[128];
};

struct entry {
	bool tried, open;
	int rc; /* of the last try */
};

struct sp_run_ports {
	const struct sp_settings *settings;
	struct sp_points *points;
	struct sp_workers *workers;
	struct sp_hub *hub;
	struct sp_watch *watch;
	struct sp_port_conf *conf;
	unsigned n_conf, n;
	uint64_t quiet; /* ns */
	struct entry entry[SP_PORTS_MAX];
	struct open_port open[OPEN_MAX];
	struct sp_report_port report[OPEN_MAX];
	struct sp_port_stats gone[SP_POINTS_MAX]; /* of closed ports, by point */
};

static uint64_t now_ns(void)
{
	return sp_clock_ns(CLOCK_MONOTONIC);
}

int sp_run_ports_new(struct sp_run_ports **ret, const struct sp_settings *settings, struct sp_points *points,
		     struct sp_workers *workers, struct sp_hub *hub, struct sp_err *err)
{
	struct sp_run_ports *p = calloc(1, sizeof *p);
	struct sp_port_conf *conf = calloc(settings->ports.n, sizeof *conf);
	if (!p || !conf) {
		free(p);
		free(conf);
		return sp_err(err, -ENOMEM, "no memory for ports");
	}
	*p = (struct sp_run_ports){
		.settings = settings, .points = points, .workers = workers, .hub = hub, .conf = conf};
	p->n_conf = settings->ports.n;
	p->quiet = QUIET_MIN;
	memcpy(conf, settings->ports.v, p->n_conf * sizeof *conf);
	for (unsigned i = 0; i < p->n_conf; i++) {
		/* The devices of a pattern share the workers among them. */
		conf[i].workers = sp_port_conf_is_pattern(&conf[i]) ? 1 : (uint16_t)sp_workers_count(workers);
		if (conf[i].type == SP_PORT_AF_PACKET)
			p->quiet = SP_MAX(p->quiet, 2 * conf[i].af_packet.block_timeout);
	}
	int rc = sp_watch_new(&p->watch, conf, p->n_conf, points, err);
	if (rc) {
		sp_run_ports_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void sp_run_ports_free(struct sp_run_ports *p)
{
	if (!p)
		return;
	sp_watch_free(p->watch);
	free(p->conf);
	free(p);
}

int sp_run_ports_fd(const struct sp_run_ports *p)
{
	return sp_watch_fd(p->watch);
}

static void port_stats(struct sp_port *port, struct sp_port_stats *sum)
{
	*sum = (struct sp_port_stats){0};
	for (uint16_t q = 0; q < port->n_queues; q++) {
		struct sp_port_stats one;
		port->ops->stats(port, q, &one);
		sp_counters_add(sum, &one, sizeof one);
	}
}

/* --- coming --- */

/* Whether packets of a port's flows may come in at another port: its point or its point's group has several. Decided by
 * the configuration, so that a flow keeps its worker whatever opens later. */
static bool shares_network(const struct sp_run_ports *p, unsigned entry, const struct sp_port *port)
{
	const char *point = p->points->point[port->point].name;
	const struct sp_point_conf *c = sp_point_conf_find(&p->settings->points, point);
	bool several = sp_port_conf_is_pattern(&p->conf[entry]) && p->conf[entry].point[0] &&
		       !strchr(p->conf[entry].point, '*');
	for (unsigned i = 0; i < p->n_conf; i++)
		several |= i != entry && !strcmp(p->conf[i].point, p->conf[entry].point) && p->conf[i].point[0];
	return several || (c && c->group[0]);
}

static struct open_port *find(struct sp_run_ports *p, const struct sp_port *port)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->open[i].port == port)
			return &p->open[i];
	return NULL;
}

static void came(struct sp_run_ports *p, const struct sp_watch_event *e)
{
	struct sp_port *port = e->port;
	assert(p->n < OPEN_MAX);
	struct open_port *o = &p->open[p->n];
	struct sp_workers_port about = {
		.shares_network = shares_network(p, e->entry, port),
		.one_of_many = sp_port_conf_is_pattern(&p->conf[e->entry]),
	};
	*o = (struct open_port){.port = port, .entry = e->entry};
	p->entry[e->entry] = (struct entry){.tried = true, .open = true};
	if (sp_workers_add(p->workers, port, &about, o->how, sizeof o->how)) {
		sp_log("port %s: no memory to poll it; trying again later", port->name);
		sp_watch_close(p->watch, port);
		return;
	}
	p->n++;
	sp_log("port %s, point %s: %s%s%s", port->name, p->points->point[port->point].name, port->why,
	       *o->how ? "; " : "", o->how);
}

/* --- going --- */

static void goes(struct sp_run_ports *p, struct open_port *o, const char *why)
{
	if (o->leaving)
		return;
	o->leaving = true;
	o->leaves_at = now_ns() + p->quiet;
	sp_log("port %s: %s; its flows end, and it is opened again when it is back", o->port->name, why);
}

static bool point_is_fed(const struct sp_run_ports *p, uint32_t point)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->open[i].port->point == point)
			return true;
	return false;
}

/* Records of flows that end all at once are not lost to a full ring, unless the exporter does not move. */
static void end_flows(struct sp_run_ports *p, uint32_t point)
{
	sp_hub_set_wait(p->hub, true);
	bool done = sp_workers_end(p->workers, point, SP_CLOSE_END_OF_INPUT, END_MAX_MS);
	sp_hub_set_wait(p->hub, false);
	if (!done)
		sp_log("point %s: the output does not keep up: records of flows that ended are lost, and counted",
		       p->points->point[point].name);
}

static void take_away(struct sp_run_ports *p, struct open_port *o)
{
	struct sp_port *port = o->port;
	struct sp_port_stats stats;
	uint32_t point = port->point;
	sp_workers_remove(p->workers, port);
	port_stats(port, &stats);
	sp_counters_add(&p->gone[point], &stats, sizeof stats);
	*o = p->open[--p->n];
	if (!point_is_fed(p, point))
		end_flows(p, point);
	sp_watch_close(p->watch, port);
}

/* What time or a device that appears may mend. */
static bool may_pass(int rc)
{
	switch (-rc) {
	case ENODEV:
	case ENOENT:
	case ENXIO:
	case ENETDOWN:
	case EBUSY:
	case EAGAIN:
		return true;
	default:
		return false;
	}
}

static void failed(struct sp_run_ports *p, const struct sp_watch_event *e)
{
	struct entry *entry = &p->entry[e->entry];
	entry->tried = true;
	entry->rc = e->rc;
	sp_log("%s%s", e->err.text, may_pass(e->rc) ? "; trying again" : "");
}

/* --- what is due --- */

static void handle(struct sp_run_ports *p, const struct sp_watch_event *e)
{
	switch (e->what) {
	case SP_WATCH_OPENED:
		came(p, e);
		break;
	case SP_WATCH_GONE:
		goes(p, find(p, e->port), "its device is gone");
		break;
	case SP_WATCH_FAILED:
		failed(p, e);
		break;
	}
}

static void look_at_polls(struct sp_run_ports *p)
{
	int rc;
	struct sp_port *port = sp_workers_failed(p->workers, &rc);
	if (port)
		goes(p, find(p, port), rc == -ENODEV ? "its device is gone" : strerror(-rc));
}

int sp_run_ports_turn(struct sp_run_ports *p)
{
	struct sp_watch_event e;
	while (sp_watch_poll(p->watch, &e))
		handle(p, &e);
	look_at_polls(p);
	uint64_t now = now_ns(), next = UINT64_MAX;
	for (unsigned i = p->n; i-- > 0;) {
		if (p->open[i].leaving && p->open[i].leaves_at <= now)
			take_away(p, &p->open[i]);
		else if (p->open[i].leaving)
			next = SP_MIN(next, p->open[i].leaves_at - now);
	}
	return next == UINT64_MAX ? -1 : (int)(next / SP_NS_PER_MS) + 1;
}

bool sp_run_ports_hopeless(const struct sp_run_ports *p)
{
	for (unsigned i = 0; i < p->n_conf; i++)
		if (p->entry[i].open || !p->entry[i].tried || may_pass(p->entry[i].rc))
			return false;
	return true;
}

/* --- the end, and counters --- */

static uint64_t packets_polled(const struct sp_run_ports *p)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < p->n; i++) {
		struct sp_port_stats stats;
		port_stats(p->open[i].port, &stats);
		n += stats.packets;
	}
	return n;
}

void sp_run_ports_drain(struct sp_run_ports *p)
{
	uint64_t begun = now_ns(), quiet_since = begun, seen = packets_polled(p);
	for (uint64_t now = begun; now - quiet_since < p->quiet && now - begun < DRAIN_MAX; now = now_ns()) {
		usleep(5000);
		uint64_t n = packets_polled(p);
		quiet_since = n != seen ? now_ns() : quiet_since;
		seen = n;
	}
	for (unsigned i = 0; i < p->n; i++)
		sp_workers_remove(p->workers, p->open[i].port);
}

void sp_run_ports_report(struct sp_run_ports *p, struct sp_report *report)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct sp_report_port *r = &p->report[i];
		*r = (struct sp_report_port){.port = p->open[i].port, .how = p->open[i].how};
		port_stats(p->open[i].port, &r->stats);
		sp_report_add_port(report, r->port->point, &r->stats);
	}
	uint32_t points = atomic_load(&p->points->n);
	for (uint32_t i = 0; i < points; i++)
		sp_report_add_port(report, i, &p->gone[i]);
	report->ports = p->report;
	report->n_ports = p->n;
}
