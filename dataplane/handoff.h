/* SPDX-License-Identifier: Apache-2.0 */
/* Packets from the worker that received them to the worker of their flow: a ring of bytes for each pair of workers,
 * with one producer and one consumer. Bytes of a port belong to it until release, so what goes over is a copy: the
 * decoded view, its key and layers, and the frame. Nobody waits: a full ring refuses, and the producer counts. */
#ifndef SP_DATAPLANE_HANDOFF_H
#define SP_DATAPLANE_HANDOFF_H

#include "base/base.h"
#include "base/pkt.h"

struct sp_handoff;

/* `ring_size`: bytes of each ring, rounded up to a power of two. `snaplen`: bytes kept of each frame. Memory is taken
 * and touched now. Returns 0 or -ENOMEM with a message. */
int sp_handoff_new(struct sp_handoff **ret, unsigned workers, uint64_t ring_size, uint32_t snaplen, struct sp_err *err);
void sp_handoff_free(struct sp_handoff *h);

unsigned sp_handoff_workers(const struct sp_handoff *h);

/* The worker of that share of all flows: sp_flow_key_share, the same for both directions. */
unsigned sp_handoff_worker(const struct sp_handoff *h, uint32_t share);

/* Producer `from`: copies packet i of a decoded batch to another worker. False: no room. Visible after the flush. */
bool sp_handoff_give(struct sp_handoff *h, unsigned from, unsigned to, const struct sp_batch *batch, uint32_t i);

/* Producer: lets the others see what was given. Returns the workers that got something, a bit for each. */
uint64_t sp_handoff_flush(struct sp_handoff *h, unsigned from);

/* Consumer `to`: the next packets from another worker, up to a batch, decoded; their bytes are good until
 * sp_handoff_release. Returns how many. Every take that returned some is followed by one release. */
uint32_t sp_handoff_take(struct sp_handoff *h, unsigned to, unsigned from, struct sp_batch *batch);
void sp_handoff_release(struct sp_handoff *h, unsigned to, unsigned from);

/* Consumer: whether anything waits. */
bool sp_handoff_waits(const struct sp_handoff *h, unsigned to);

#endif
