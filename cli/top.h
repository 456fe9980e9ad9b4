/* SPDX-License-Identifier: Apache-2.0 */
/* Who is busiest, slowest, fails most: flows.jsonl and requests.jsonl counted by client, server, service, endpoint,
 * point and flow, in one pass and in bounded memory. One thread. */
#ifndef SP_CLI_TOP_H
#define SP_CLI_TOP_H

#include <stdio.h>

#include "base/hist.h"
#include "cli/json.h"
#include "cli/topk.h"

/* By what is counted; how many bytes its name may have. */
#define SP_TOP_BY(X)                                                                                                   \
	X(CLIENT, "client", "clients", 48)                                                                             \
	X(SERVER, "server", "servers", 48)                                                                             \
	X(SERVICE, "service", "services", 72)                                                                          \
	X(ENDPOINT, "endpoint", "endpoints", 128)                                                                      \
	X(POINT, "point", "points", 64)                                                                                \
	X(FLOW, "flow", "flows", 192)

enum sp_top_by {
#define X(sym, name, names, size) SP_TOP_##sym,
	SP_TOP_BY(X)
#undef X
		SP_TOP_BYS
};

extern const char *const sp_top_by_name[SP_TOP_BYS], *const sp_top_by_names[SP_TOP_BYS];

/* Orders. */
#define SP_TOP_SORT(X)                                                                                                 \
	X(BYTES, "bytes")                                                                                              \
	X(PACKETS, "packets")                                                                                          \
	X(FLOWS, "flows")                                                                                              \
	X(CALLS, "calls")                                                                                              \
	X(ERRORS, "errors")                                                                                            \
	X(LATENCY, "latency")                                                                                          \
	X(RETRANS, "retrans")                                                                                          \
	X(FAILURES, "failures")                                                                                        \
	X(ZERO_WINDOW, "zero_window")

enum sp_top_sort {
#define X(sym, name) SP_TOP_SORT_##sym,
	SP_TOP_SORT(X)
#undef X
		SP_TOP_SORTS
};

extern const char *const sp_top_sort_name[SP_TOP_SORTS];

/* Times to the first byte of the response: as they are while they are few, as most names have, then as a histogram. */
#define SP_TOP_TIMES_FEW 14
struct sp_top_times {
	uint32_t n; /* of the few */
	uint32_t max_us;
	uint32_t p50_us, p95_us; /* made by sp_top_settle */
	uint32_t few[SP_TOP_TIMES_FEW];
	struct sp_hist *many; /* NULL: not yet, or no room for more */
};

struct sp_top_counts {
	uint64_t flows, failures; /* that ended; of them those whose end blames somebody */
	uint64_t packets, bytes;  /* an endpoint's bytes: those of its messages */
	uint64_t retrans, zero_window;
	uint64_t calls, client_errors, server_errors, timeouts;
	struct sp_top_times rrt;
	char app[24];
};

static inline uint64_t sp_top_errors(const struct sp_top_counts *c)
{
	return c->client_errors + c->server_errors + c->timeouts;
}

struct sp_top {
	struct sp_topk *by[SP_TOP_BYS]; /* name -> struct sp_top_counts, a flow's with its name; NULL: not wanted */
	enum sp_top_sort sort;		/* what must not be lost when there is no room; SORTS: a bit of all */
	struct sp_top_counts all;
	uint64_t start_ns, end_ns;
	uint32_t hists;
	bool untimed[SP_TOP_BYS]; /* there was no room for all times */
};

/* `by`: what to count by, SP_TOP_BYS for all. Returns 0, or -ENOMEM. */
int sp_top_init(struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort);
void sp_top_free(struct sp_top *top);

/* Take a line of flows.jsonl, of requests.jsonl. False: it is none. */
bool sp_top_flow(struct sp_top *top, const struct sp_json *json);
bool sp_top_request(struct sp_top *top, const struct sp_json *json);

/* Works out percentiles, before the following. */
void sp_top_settle(struct sp_top *top);

/* The best of one kind, those that have none left out; into `ret`, which has room for n. Returns how many. */
uint32_t sp_top_best(const struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort, uint32_t n, uint32_t *ret);

/* The name of an entry. */
const char *sp_top_name(const struct sp_top *top, enum sp_top_by by, uint32_t i);

/* Every number is right: there was room for all. */
bool sp_top_exact(const struct sp_top *top, enum sp_top_by by);

/* The page with the best of each; the table of one; the same as JSON lines. `width`: columns of the terminal. */
struct sp_top_look {
	const char *dir;
	unsigned rows, width;
	bool colour;
};
void sp_top_print_page(const struct sp_top *top, const struct sp_top_look *look);
void sp_top_print_table(const struct sp_top *top, const struct sp_top_look *look, enum sp_top_by by,
			enum sp_top_sort sort);
void sp_top_print_json(const struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort, unsigned rows);

#endif
