/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a live run: opened as their devices come, given to the workers, taken away as they go, and accounted
 * for. Control thread only. */
#ifndef SP_CLI_RUN_PORTS_H
#define SP_CLI_RUN_PORTS_H

#include "cli/settings.h"
#include "dataplane/workers.h"
#include "exporters/hub.h"

struct sp_run_ports;

/* Everything given outlives the ports. Opens nothing yet. 0, or -errno with a message. */
int sp_run_ports_new(struct sp_run_ports **ret, const struct sp_settings *settings, struct sp_points *points,
		     struct sp_workers *workers, struct sp_hub *hub, struct sp_err *err);
void sp_run_ports_free(struct sp_run_ports *p); /* after the workers: closes the ports */

/* Readable when something is to be done; at least once a second. */
int sp_run_ports_fd(const struct sp_run_ports *p);

/* Does what is due, and says on standard error what happened. Returns the milliseconds after which it wants to be
 * called again even if nothing happens, -1 for none. */
int sp_run_ports_turn(struct sp_run_ports *p);

/* After the first turn: whether no port is open, and none will be unless something is set right. */
bool sp_run_ports_hopeless(const struct sp_run_ports *p);

/* Waits until what came in until now has been polled, then takes every port from the workers. */
void sp_run_ports_drain(struct sp_run_ports *p);

/* Adds the counters of ports, also of those that are gone. What it points to is good until the next call. */
void sp_run_ports_report(struct sp_run_ports *p, struct sp_report *report);

#endif
