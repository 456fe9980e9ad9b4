/* SPDX-License-Identifier: Apache-2.0 */
/* The summary for people: an exporter that keeps, in bounded memory, what a person asks first, and prints it on one
 * screen or two. The encoder and the sink run on an exporter's thread; the rest before it starts or after it ended. */
#ifndef SP_CLI_SUMMARY_H
#define SP_CLI_SUMMARY_H

#include <stdio.h>

#include "base/hist.h"
#include "cli/edges.h"
#include "cli/topk.h"
#include "dataplane/stats.h"
#include "exporters/stitch.h"

#define SP_SUMMARY_EXAMPLES 2 /* a close reason */
#define SP_SUMMARY_SLOWEST 5

/* Who talked to whom. */
struct sp_summary_pair {
	struct sp_addr client, server;
	uint64_t start_ns;
	uint16_t client_port, server_port;
	uint16_t point;
	uint8_t proto, has_ports;
};

struct sp_summary_flow {
	struct sp_summary_pair pair;
	uint64_t packets, bytes, start_ns, end_ns;
	uint16_t app;
};

struct sp_summary_talker {
	uint64_t sent, received, packets, flows;
};

struct sp_summary_server_key {
	struct sp_addr addr;
	uint16_t port;
	uint8_t proto, zero[5];
};

struct sp_summary_server {
	uint64_t flows, failed, bytes, packets, data_packets;
	uint64_t retrans_c2s, retrans_s2c, zero_window_c2s, zero_window_s2c, lost;
	struct sp_hist rtt, srt, art;
};

struct sp_summary_proto {
	uint64_t flows, packets, bytes;
};

/* An endpoint of a protocol, as far as it fits. */
struct sp_summary_call_key {
	uint16_t app;
	char endpoint[78];
};

struct sp_summary_calls {
	uint64_t calls, client_errors, server_errors, timeouts;
	uint64_t waited_us; /* sum of rrt */
	struct sp_hist rrt;
};

/* One call as a person would point at it. */
struct sp_summary_call {
	struct sp_summary_pair pair;
	uint64_t rrt_us;
	uint16_t app;
	char what[64], code[48];
};

struct sp_summary_failure_key {
	uint16_t app;
	uint8_t status, zero;
	char endpoint[60], code[24];
};

struct sp_summary {
	uint64_t flows, packets, bytes, records;
	uint64_t one_way, midstream, capture_gap, duplicates;
	uint64_t retrans, hole_filled, out_of_order, zero_window, tcp_packets;
	uint64_t close[SP_CLOSE_REASON_MAX], failure[SP_FAILURE_MAX];
	struct sp_summary_pair example[SP_CLOSE_REASON_MAX][SP_SUMMARY_EXAMPLES];
	struct sp_summary_proto proto[256];
	struct {
		struct sp_summary_pair pair;
		uint32_t rtt_us, rtt_server_us;
	} slowest[SP_SUMMARY_SLOWEST];	/* slowest first */
	struct sp_topk *apps;		/* u32: app, or 65536 + server port -> sp_summary_proto */
	struct sp_topk *talkers;	/* sp_addr -> sp_summary_talker */
	struct sp_topk *conversations;	/* flow_id -> sp_summary_flow */
	struct sp_topk *servers;	/* sp_summary_server_key -> sp_summary_server */
	struct sp_summary_calls *calls; /* by app; SP_APP_MAX of them */
	struct sp_summary_call slowest_call[SP_SUMMARY_SLOWEST];
	struct sp_topk *endpoints; /* sp_summary_call_key -> sp_summary_calls, by time waited */
	struct sp_topk *failures;  /* sp_summary_failure_key -> sp_summary_call, an example */
	uint64_t requests;
	struct sp_edges_view edges; /* between points, where there are several */
	const struct sp_points *points;
};

/* 0, or -ENOMEM. */
int sp_summary_init(struct sp_summary *s);
void sp_summary_free(struct sp_summary *s);

/* Takes one flow record. */
void sp_summary_flow(struct sp_summary *s, const struct sp_flow_record *r);

/* Takes one request record (summary_calls.c). */
int sp_summary_calls_init(struct sp_summary *s);
void sp_summary_calls_free(struct sp_summary *s);
void sp_summary_request(struct sp_summary *s, const struct sp_request_record *r);

/* The encoder and sink for sp_hub_add. The summary stays the caller's. NULL without memory. */
extern const struct sp_encoder sp_summary_encoder;
struct sp_sink *sp_summary_sink_new(struct sp_summary *s);

/* For sp_stitch_sink_telling, whose thread alone writes `edges` (summary_edges.c). */
struct sp_stitch_told sp_summary_told(struct sp_summary *s, const struct sp_points *points);

/* Prints it, at most 100 columns wide. */
void sp_summary_print(FILE *out, const struct sp_summary *s, const struct sp_report *report, bool colour);

#endif
