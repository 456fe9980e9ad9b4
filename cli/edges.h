/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of many calls went, and when segments were lost, between every two points: what edges.jsonl and
 * losses.jsonl say, added up over intervals and endpoints, as tables. */
#ifndef SP_CLI_EDGES_H
#define SP_CLI_EDGES_H

#include <stdio.h>

#include "base/hist.h"
#include "base/point.h"
#include "cli/folder.h"
#include "cli/table.h"
#include "cli/topk.h"

struct sp_edge_pair {
	char from[SP_POINT_NAME_MAX], to[SP_POINT_NAME_MAX];
};

struct sp_edge_key {
	struct sp_edge_pair pair;
	char call[96]; /* protocol, method and endpoint */
};

struct sp_edge_sum {
	uint64_t calls, sum_us;
	struct sp_hist self;
};

/* A slot of time in which segments were lost between two points. */
struct sp_loss_key {
	struct sp_edge_pair pair;
	uint64_t start_ns;
	uint8_t s2c, doubled, zero[6];
};

struct sp_loss_sum {
	uint64_t segments, connections;
};

struct sp_edges_view {
	struct sp_topk *pairs;	   /* sp_edge_pair -> sp_edge_sum */
	struct sp_topk *endpoints; /* sp_edge_key -> sp_edge_sum */
	struct sp_topk *losses;	   /* sp_loss_key -> sp_loss_sum */
};

/* 0 or -ENOMEM. */
int sp_edges_view_init(struct sp_edges_view *v);
void sp_edges_view_free(struct sp_edges_view *v);

/* "http GET /orders/{id}" of what of it is not empty; many endpoints begin with the method themselves. */
void sp_edges_call(struct sp_edge_key *key, const char *app, const char *method, const char *endpoint);

/* The keys are zero behind their texts. */
void sp_edges_add(struct sp_edges_view *v, const struct sp_edge_key *key, const struct sp_edge_sum *more);

void sp_edges_lost(struct sp_edges_view *v, const struct sp_loss_key *key, const struct sp_loss_sum *more);

/* False: there is nothing. */
bool sp_edges_print(FILE *out, const struct sp_edges_view *v, struct sp_table *table, bool colour);

/* `spantap trace --edges`: the files of a directory. `conditions` on their lines. Returns an exit code. */
struct sp_where;
int sp_edges_show(struct sp_folder *folder, const struct sp_where *conditions, bool colour);

#endif
