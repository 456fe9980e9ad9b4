/* SPDX-License-Identifier: Apache-2.0 */
/* All workers of a live run, as the control thread sees them: which worker polls which queue of which port, and whether
 * packets go to their flow's worker through a hand-off. Ports are added and taken away while packets flow. */
#ifndef SP_DATAPLANE_WORKERS_H
#define SP_DATAPLANE_WORKERS_H

#include "dataplane/stats.h"
#include "dataplane/worker.h"
#include "dataplane/workers_conf.h"
#include "exporters/hub.h"

struct sp_workers;

/* `pipeline` is every worker's; its index is filled in. The hub has been started for as many workers. Returns when
 * every worker has its memory; 0, or -errno with a message. */
int sp_workers_start(struct sp_workers **ret, const struct sp_workers_conf *conf,
		     const struct sp_pipeline_conf *pipeline, const struct sp_points *points, struct sp_hub *hub,
		     struct sp_err *err);

/* What is known of a port beside what it says itself. */
struct sp_workers_port {
	bool shares_network; /* packets of its flows come in at other ports, too */
	bool one_of_many;    /* a device of a pattern: others give the other workers work */
};

/* Lets workers poll an open port. `how` says for the start-up message how its packets find their worker. 0 or -ENOMEM.
 */
int sp_workers_add(struct sp_workers *ws, struct sp_port *port, const struct sp_workers_port *about, char *how,
		   size_t size);

/* Takes a port away: when this returns nobody polls it any more. */
void sp_workers_remove(struct sp_workers *ws, struct sp_port *port);

/* A port of which a poll failed, with what the poll returned; NULL when there is none. */
struct sp_port *sp_workers_failed(const struct sp_workers *ws, int *rc);

/* Ends the flows of a point that no port feeds any more, or of all (SP_POINT_ANY). Packets that wait in hand-off rings
 * are analysed first. False: not done within `limit_ms`; it goes on. */
bool sp_workers_end(struct sp_workers *ws, uint32_t point, enum sp_close_reason reason, unsigned limit_ms);

void sp_workers_reconf(struct sp_workers *ws, const struct sp_decode_conf *decode, const struct sp_flow_conf *flow);

/* Adds the counters of all workers; `time` has room for one entry a worker. */
void sp_workers_report(struct sp_workers *ws, struct sp_report *report, struct sp_report_worker *time);

unsigned sp_workers_count(const struct sp_workers *ws);

/* Stops and frees. The ports stay open. */
void sp_workers_stop(struct sp_workers *ws);

#endif
