/* SPDX-License-Identifier: Apache-2.0 */
/* Observation points: a named place where packets are seen. Points are only ever added (a hot-plugged tap appears), so
 * an index stays good for the life of the process and readers need no lock. */
#ifndef SP_BASE_POINT_H
#define SP_BASE_POINT_H

#include <stdatomic.h>

#include "base/base.h"

#define SP_POINT_NAME_MAX 64
#define SP_POINTS_MAX 4096

/* In order along the path of a request; then those whose side depends on the flow. */
#define SP_POINT_KINDS(X)                                                                                              \
	X(UNKNOWN, "unknown")                                                                                          \
	X(CLIENT_APP, "client-app")                                                                                    \
	X(CLIENT_PROCESS, "client-process")                                                                            \
	X(CLIENT_NIC, "client-nic")                                                                                    \
	X(CLIENT_NODE, "client-node")                                                                                  \
	X(CLIENT_KVM, "client-kvm")                                                                                    \
	X(GATEWAY, "gateway")                                                                                          \
	X(SWITCH, "switch")                                                                                            \
	X(SERVER_KVM, "server-kvm")                                                                                    \
	X(SERVER_NODE, "server-node")                                                                                  \
	X(SERVER_NIC, "server-nic")                                                                                    \
	X(SERVER_PROCESS, "server-process")                                                                            \
	X(SERVER_APP, "server-app")                                                                                    \
	X(NODE, "node")                                                                                                \
	X(KVM, "kvm")                                                                                                  \
	X(NIC, "nic")                                                                                                  \
	X(PROCESS, "process")                                                                                          \
	X(APP, "app")

enum sp_point_kind {
#define X(sym, text) SP_POINT_##sym,
	SP_POINT_KINDS(X)
#undef X
		SP_POINT_KIND_MAX
};

struct sp_point {
	char name[SP_POINT_NAME_MAX];
	enum sp_point_kind kind;
	uint32_t clock; /* points of one box have its clock: the number of the first of them */
	uint32_t group; /* address space: points of one group share it, so that a flow over both is one flow key */
};

struct sp_points {
	_Atomic uint32_t n;
	bool one_clock; /* all are of one box, but for those that are configured otherwise */
	struct sp_point point[SP_POINTS_MAX];
	/* Called for a new point before anyone sees it: gives it what is configured for its name. NULL: nothing. */
	void (*settle)(struct sp_points *points, uint32_t index, const void *ctx);
	const void *settle_ctx;
};

/* Adds a point, or finds the one with that name. Control thread only. Returns its index, or -ENOSPC. */
int sp_points_add(struct sp_points *points, const char *name, enum sp_point_kind kind);

/* The same for points of one box: `*box` is a point of it, and the new one where it was SP_POINT_NONE. */
#define SP_POINT_NONE UINT32_MAX
int sp_points_add_beside(struct sp_points *points, const char *name, enum sp_point_kind kind, uint32_t *box);

const char *sp_point_kind_name(enum sp_point_kind kind);

/* SP_POINT_KIND_MAX when the word is none of the kinds. */
enum sp_point_kind sp_point_kind_parse(const char *word);

#endif
