/* SPDX-License-Identifier: Apache-2.0 */
/* A Network Profile as a person looks at it: the lines of profiles.jsonl that belong to one flow, put together.
 * Times are nanoseconds since the flow's first recorded packet. One thread. */
#ifndef SP_CLI_PROFILE_VIEW_H
#define SP_CLI_PROFILE_VIEW_H

#include <stdio.h>

#include "cli/folder.h"
#include "cli/json.h"
#include "flowtable/profile_pack.h"
#include "flowtable/tcp_wire.h"

#define SP_VIEW_PACKETS_MAX 1000000
#define SP_VIEW_EXCHANGES_MAX 100000

/* Notes that mean: sent once more; something is wrong. */
#define SP_VIEW_AGAIN (SP_PROFILE_AGAIN | SP_PROFILE_SPURIOUS)
#define SP_VIEW_TROUBLE                                                                                                \
	(SP_VIEW_AGAIN | SP_PROFILE_HOLE_FILLED | SP_PROFILE_ZERO_WINDOW | SP_PROFILE_WINDOW_FULL | SP_PROFILE_GAP)

struct sp_view_packet {
	int64_t at_ns;
	int64_t seq, ack; /* from the first of its direction on; what went round 2^32 goes on */
	uint32_t len;	  /* payload */
	uint32_t window;  /* bytes, if the head says so */
	uint32_t notes;	  /* enum sp_profile_note */
	uint8_t flags;
	bool s2c, has_window;
};

/* Where time goes, in the order in which it does. */
#define SP_VIEW_PHASES(X)                                                                                              \
	X(CONNECT, "connect")                                                                                          \
	X(TLS, "TLS")                                                                                                  \
	X(CLIENT, "client wait")                                                                                       \
	X(REQUEST, "request")                                                                                          \
	X(ACK, "ACK delay")                                                                                            \
	X(SERVER, "server")                                                                                            \
	X(RESPONSE, "response")                                                                                        \
	X(TEARDOWN, "teardown")

enum sp_view_phase {
#define X(sym, name) SP_PHASE_##sym,
	SP_VIEW_PHASES(X)
#undef X
		SP_PHASES
};

extern const char *const sp_view_phase_name[SP_PHASES];

/* One request and its response. */
struct sp_view_exchange {
	int64_t at_ns;		/* its request's first byte */
	uint64_t us[SP_PHASES]; /* CLIENT to RESPONSE; the server's time is what is left after its ACK */
	uint64_t request_bytes, response_bytes, retransmissions;
	char request_id[24];
};

/* What every line says; of several lines together. */
struct sp_view_head {
	uint64_t flow_id, start_ns, end_ns;
	char point[64], kind[24], client[64], server[64]; /* endpoints with their ports */
	char proto[16], app[32], reason[24];
	uint64_t parts, first_part;
	bool last;		   /* the flow's end is there */
	uint64_t packets, dropped; /* of all parts */
	uint64_t connect_us[2];	   /* the client's part, the server's */
	uint64_t us[SP_PHASES];	   /* sums */
	uint64_t exchanges;
	struct {
		uint64_t count, min_us, mean_us, max_us;
	} rtt[2];
	uint64_t in_flight_max[2]; /* bytes, c2s and s2c */
	bool windows_in_bytes;	   /* else nobody knows what they stand for: the SYNs were not seen */
	uint64_t fast, timeout, tail, spurious;
	bool has_connect;
	uint64_t mss[2]; /* 0: unknown */
};

struct sp_view {
	struct sp_view_head head;
	struct sp_view_packet *packet;
	struct sp_view_exchange *exchange;
	uint32_t n_packets, packets_room, n_exchanges, exchanges_room;
	bool cut; /* there are more than SP_VIEW_PACKETS_MAX packets, or exchanges */
	int64_t seq_top[2], ack_top[2];
};

/* What a line says of its flow. False: it is no profile's. */
bool sp_view_head_read(struct sp_view_head *head, const struct sp_json *json);

/* Another line of the same flow. */
void sp_view_head_join(struct sp_view_head *head, const struct sp_view_head *other);

/* Two lines are of one flow. */
bool sp_view_head_same(const struct sp_view_head *a, const struct sp_view_head *b);

/* Time that was spent on anything but waiting for the client to ask or to take leave, us. */
uint64_t sp_view_busy_us(const struct sp_view_head *head);

/* The phase of that time which took longest; CLIENT when there is none. */
enum sp_view_phase sp_view_slowest(const struct sp_view_head *head);

static inline uint64_t sp_view_retransmissions(const struct sp_view_head *h)
{
	return h->fast + h->timeout + h->tail; /* of these, some were needless */
}

/* Adds a line's exchanges and packets; `head` is what sp_view_head_read made of it. A profile is zeroed before its
 * first line. Returns 0, or -ENOMEM. */
int sp_view_add(struct sp_view *p, const struct sp_view_head *head, const struct sp_json *json);
void sp_view_free(struct sp_view *p);

/* What the time before a packet was spent on: "waiting for the server", "waiting for an ACK of the client" … */
const char *sp_view_silence(char *out, size_t size, const struct sp_view *p, uint32_t next);

/* A silence that is worth a word: at least 1 ms, and 100 ms or a twentieth of all. */
bool sp_view_is_silence(const struct sp_view *p, int64_t ns);

/* "SYN ACK"; "1,460 B at 2,921 PSH" or "ACK 4,381"; "fast, zero window". Cut to the room. */
const char *sp_view_flags(char *out, size_t size, uint8_t flags);
const char *sp_view_label(char *out, size_t size, const struct sp_view_packet *packet);
const char *sp_view_notes(char *out, size_t size, uint32_t notes);

static inline int64_t sp_view_duration_ns(const struct sp_view *p)
{
	int64_t all = (int64_t)(p->head.end_ns - p->head.start_ns);
	return p->n_packets ? SP_MAX(all, p->packet[p->n_packets - 1].at_ns) : all;
}

/* The ways to show it. */
struct sp_terminal;
void sp_view_print_head(const struct sp_view *p, bool colour);
void sp_view_print_phases(const struct sp_view *p, bool colour, bool all);
void sp_view_print_packets(const struct sp_view *p, const struct sp_terminal *terminal);
void sp_view_print_ladder(const struct sp_view *p, const struct sp_terminal *terminal, bool all);

/* Writes the flow's picture. Returns 0, or -errno. */
int sp_view_svg(FILE *out, const struct sp_view *p);

/* Writes the flow's packets, which were kept in packets.pcapng, to a file. Says how it went; returns an exit code.
 */
int sp_view_export(struct sp_folder *folder, uint64_t flow_id, const char *path);

#endif
