/* SPDX-License-Identifier: Apache-2.0 */
/* A port: where frames come from. A port has one or more queues; one worker polls a queue. Opening may allocate, log
 * and take time; poll and release may not. */
#ifndef SP_DATAPLANE_PORT_H
#define SP_DATAPLANE_PORT_H

#include "base/base.h"
#include "base/pkt.h"

struct sp_port_conf; /* one `ports:` entry of the configuration, dataplane/port_conf.h */

/* Counters of one queue, added up by the worker that polls it. What a backend cannot know stays 0. */
struct sp_port_stats {
	uint64_t packets; /* handed out by poll */
	uint64_t bytes;	  /* of those, wire length */
	uint64_t dropped; /* lost before poll: ring full, no buffer, interface */
	uint64_t invalid; /* refused by the backend: descriptor errors, truncated records */
	uint64_t copied;  /* of packets: put together from several buffers by copying */
};

struct sp_port {
	const struct sp_port_ops *ops;
	char name[64]; /* as the configuration calls it */
	uint16_t n_queues;
	uint16_t point; /* index of its observation point, known before the first poll */
	bool symmetric; /* both directions of a flow arrive at the same queue */
	bool outer;	/* …which is chosen by outermost headers: what is in tunnels may be parted */
	/* The queue of a flow's whole packets, where fragments go by their addresses and may come to another. NULL: not
	 * known, or fragments come with their flow. Any thread. */
	uint16_t (*flow_queue)(const struct sp_port *port, const struct sp_flow_key *key);
	bool stable;	    /* bytes stay valid after release (mapped files) */
	bool timed_by_poll; /* frames get the time of their poll: a pause before it makes that time wrong */
	char why[128];	    /* how the backend runs, for the start-up message: "native XDP, copy mode, 2 queues" */
};

struct sp_port_ops {
	const char *name; /* "af_packet", "af_xdp", "dpdk" */

	/* Opens the port with all its queues. On failure returns -errno with the reason in err and leaves nothing open.
	 */
	int (*open)(struct sp_port **ret, const struct sp_port_conf *conf, struct sp_err *err);

	/* Fills batch->pkt[0..n): data, ts_ns, wire_len, cap_len, link, point, cookie, flags (SP_PKT_CSUM_PENDING,
	 * which decode keeps, or 0). Returns n, at most SP_BATCH_MAX; 0 when nothing waits. Never blocks. Sets batch->n
	 * and clears batch->n_layers. A negative value (-ENODEV: the device went away; -EIO) ends the queue: the port
	 * is closed and retried by the control thread. */
	int (*poll)(struct sp_port *port, uint16_t queue, struct sp_batch *batch);

	/* Gives the bytes of a polled batch back. Called once per poll that returned packets, by the polling worker, in
	 * the order of the polls; several batches may be out at a time. */
	void (*release)(struct sp_port *port, uint16_t queue, const struct sp_batch *batch);

	/* A descriptor to poll(2) on when the box is idle, or -1: busy polling only. */
	int (*fd)(struct sp_port *port, uint16_t queue);

	/* Current counters of a queue; any thread. */
	void (*stats)(struct sp_port *port, uint16_t queue, struct sp_port_stats *ret);

	void (*close)(struct sp_port *port);
};

#define X(sym, name, form) extern const struct sp_port_ops sp_port_##name;
#include "dataplane/port_types.def"
#undef X

#endif
