/* SPDX-License-Identifier: Apache-2.0 */
/* Stitching: what several points saw of the same call becomes one trace, what they saw of the same connection one path.
 * Streaming, in bounded memory, without a clock of its own: time is that of the records. One thread calls everything;
 * shard.h takes work off it.
 */
#ifndef SP_STITCH_STITCH_H
#define SP_STITCH_STITCH_H

#include "base/point.h"
#include "conf/conf.h"
#include "stitch/clock.h"
#include "stitch/edge.h"
#include "stitch/loss.h"
#include "stitch/span.h"

struct sp_stitch_conf {
	bool enabled, one_point;
	uint64_t window;      /* ns that a call waits for its other spans */
	uint64_t path_window; /* …a connection that ended */
	uint64_t max_memory;
	uint64_t interval; /* ns; of what is told over many calls. 0: all at the end */
	uint64_t shards;   /* threads that share the finding (shard.h); 0: as many as processors are good for */
};

extern const struct sp_conf_row sp_stitch_conf_rows[];

/* What a trace tells of its call, once: the texts that its record has, cut. */
#define SP_DETAIL_TEXT_MAX 1024
enum sp_detail_text {
	SP_DETAIL_METHOD,
	SP_DETAIL_HOST,
	SP_DETAIL_RESOURCE,
	SP_DETAIL_ENDPOINT,
	SP_DETAIL_CODE,
	SP_DETAIL_TRACE_ID,
	SP_DETAIL_SPAN_ID,
	SP_DETAIL_PARENT_SPAN_ID,
	SP_DETAIL_MAX
};

struct sp_detail {
	uint16_t app;
	uint8_t type, status;
	uint16_t n[SP_DETAIL_MAX];
	uint8_t bytes[]; /* one after the other */
};

struct sp_slice sp_detail_text(const struct sp_detail *d, enum sp_detail_text which);

#define SP_TRACE_SPANS_MAX 256

struct sp_trace_span {
	const struct sp_span *span;
	uint64_t id;
	int parent;	/* index, -1: the root */
	bool led_to;	/* another call, which the one before it led to */
	bool unsure;	/* …whose order with the one before is a guess */
	bool connected; /* …whose connection was made for it */
	uint8_t joined_by, confidence;
};

struct sp_trace_hop {
	uint16_t from, to; /* indices of spans */
	bool has_self, has_one_way;
	bool unsure;  /* which of both comes first is a guess: no times are told */
	uint8_t lost; /* messages of this call that one of both saw and the other should have seen */
	uint32_t self_us, request_us, response_us;
	uint32_t connect_us; /* of self_us: waiting for the connection of the call that was led to; 0: none is known */
	uint32_t share_us;   /* without the client's share, while a proxy waits for its request; with the handshake's */
};

/* Good while it is being told. */
struct sp_trace {
	const struct sp_detail *detail;
	uint64_t id[2]; /* derived, the same on every box; the application's own is in `detail` */
	uint64_t start_ns, end_ns;
	unsigned n_spans, n_hops;
	struct sp_trace_span span[SP_TRACE_SPANS_MAX]; /* the root first, parents before their children */
	struct sp_trace_hop hop[SP_TRACE_SPANS_MAX];
	bool partial;		       /* told before its time: memory was short */
	bool has_ends;		       /* the next two hold */
	uint32_t client_us, server_us; /* the ends' own shares */
	int slowest;		       /* hop with the largest share, -1: none */
	bool slowest_unsure;	       /* …but more may have been spent between two whose order is a guess */
	unsigned last;		       /* span nearest to the server */
	uint16_t missing[8];	       /* points that calls like it mostly pass, and that did not see it */
	unsigned n_missing;
};

#define SP_PATH_LEGS_MAX 32

/* A connection as one point saw it. */
struct sp_leg {
	uint64_t flow_id, start_ns, end_ns;
	struct sp_addr client_ip, server_ip;
	uint16_t client_port, server_port, point, app;
	uint32_t isn_client, isn_server;
	uint64_t packets[2], bytes[2], payload[2]; /* c2s, s2c; payload: above TCP, what was sent again included */
	uint32_t retrans[2], hole_filled[2];
	uint32_t rtt_client_us, rtt_server_us;
	uint32_t requests, request_errors;
	uint8_t bits; /* enum sp_leg_bits */
	uint8_t close_reason, failure, n_vlan;
	uint8_t flags[2]; /* of all packets, c2s and s2c */
	uint8_t ttl[2];	  /* c2s, s2c; 0: not known */
	uint16_t vlan[SP_LAYERS_MAX];
	uint8_t n_tunnel;
	struct sp_tunnel tunnel[2]; /* the innermost ones */
	uint32_t next, losses;	    /* of its path, the stitcher's */
};

enum sp_leg_bits {
	SP_LEG_ISN_CLIENT = 1,
	SP_LEG_ISN_SERVER = 2,
	SP_LEG_RTT_CLIENT = 4,
	SP_LEG_RTT_SERVER = 8,
	SP_LEG_ENDED = 16,
	SP_LEG_GAP = 32,
};

/* A place on the way: a point, or one of the ends. */
enum sp_where_kind { SP_WHERE_UNKNOWN, SP_WHERE_POINT, SP_WHERE_CLIENT, SP_WHERE_SERVER };

struct sp_where {
	uint8_t kind; /* enum sp_where_kind */
	uint16_t point;
};

enum sp_path_packet { SP_PATH_NOTHING, SP_PATH_SYN, SP_PATH_SYN_ACK, SP_PATH_ACK, SP_PATH_RST };

/* What happened between two places, in the direction of the packet. */
struct sp_path_event {
	uint8_t what; /* enum sp_path_packet */
	uint8_t s2c;
	struct sp_where from, to;
};

struct sp_path {
	uint64_t id;
	uint64_t start_ns, end_ns;
	unsigned n_legs, n_losses, n_doubled, n_bursts;
	const struct sp_leg *leg[SP_PATH_LEGS_MAX]; /* from the client to the server */
	uint64_t unsure;			    /* bits: the order of this one and the one before is a guess */
	int64_t offset_ns[SP_PATH_LEGS_MAX];	    /* of its clock, from the first one's; where there are losses */
	struct sp_path_loss loss[2 * SP_PATH_LEGS_MAX], doubled[2 * SP_PATH_LEGS_MAX];
	struct sp_burst burst[SP_PATH_BURSTS_MAX]; /* of both, by the first leg's clock */
	struct sp_path_event lost_at;		   /* what its handshake failed for */
	struct sp_path_event rst[2];		   /* where resets came from: last seen `to`, not seen `from` */
	unsigned n_rst;
	bool partial;
	uint8_t joined_by, confidence; /* of the legs that are least sure */
};

struct sp_stitch_told {
	void (*trace)(void *ctx, const struct sp_trace *trace);
	void (*path)(void *ctx, const struct sp_path *path);
	void *ctx; /* of all, each of which may be NULL */
	void (*edge)(void *ctx, const struct sp_edge *edge);
	void (*losses)(void *ctx, const struct sp_edge_losses *losses);
	void (*clock)(void *ctx, const struct sp_clock *clock);
};

/* SP_STITCH_STAT(name, meaning) */
#define SP_STITCH_STATS(X)                                                                                             \
	X(spans, "spans that came in")                                                                                 \
	X(spans_joined, "…that met another one of their call")                                                         \
	X(spans_found, "…which one a shard had found, in its own thread")                                              \
	X(spans_repeated, "…that were there already, and were passed over")                                            \
	X(spans_refused, "…that found no memory, or too many of their call")                                           \
	X(traces, "traces told")                                                                                       \
	X(traces_early, "…before their time, because memory was short")                                                \
	X(traces_alone, "calls that only one point saw: not told")                                                     \
	X(legs, "connections that came in, of all points")                                                             \
	X(legs_refused, "…that found no memory, or too many of their path")                                            \
	X(paths, "paths told")                                                                                         \
	X(paths_early, "…before their time, because memory was short")                                                 \
	X(paths_alone, "connections that only one point saw: not told")                                                \
	X(edges, "edges told: intervals times endpoints times pairs of points")                                        \
	X(edges_merged, "…that were added to their pair's \"other\", because memory was short")                        \
	X(edges_refused, "calls that no edge could be found for")                                                      \
	X(losses_refused, "lost segments for whose time there was no room: they are in the counters alone")            \
	X(losses_early, "times that losses were told before their time, because memory was short")                     \
	X(clocks, "estimates of a clock told: intervals times pairs of clocks")                                        \
	X(clocks_refused, "calls that say something of a pair of clocks for which there was no room")

struct sp_stitch_stats {
#define X(name, doc) uint64_t name;
	SP_STITCH_STATS(X)
#undef X
};

struct sp_stitch;

/* 0 or -ENOMEM. */
int sp_stitch_new(struct sp_stitch **ret, const struct sp_stitch_conf *conf, const struct sp_points *points,
		  const struct sp_stitch_told *told);
void sp_stitch_free(struct sp_stitch *s);

/* Takes a record; tells what time has come for. */
void sp_stitch_request(struct sp_stitch *s, const struct sp_request_record *r);
void sp_stitch_flow(struct sp_stitch *s, const struct sp_flow_record *r);

/* Several, in their order, are found faster. */
void sp_stitch_requests(struct sp_stitch *s, const struct sp_request_record *const *r, unsigned n);

/* A span of another box, with what it tells of its call (NULL: nothing). */
void sp_stitch_span(struct sp_stitch *s, const struct sp_span *span, const struct sp_request_record *detail);

/* Spans that will come next, at most so many: what they will meet is fetched into the cache. Changes nothing. */
#define SP_STITCH_EXPECTED 16u
void sp_stitch_expect(const struct sp_stitch *s, const struct sp_span *span, unsigned n);

/* Time has come without records. */
void sp_stitch_tick(struct sp_stitch *s, uint64_t now_ns);

/* Nothing more comes: tells everything. */
void sp_stitch_end(struct sp_stitch *s);

const struct sp_stitch_stats *sp_stitch_stats(const struct sp_stitch *s);

#endif
