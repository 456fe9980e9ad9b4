/* SPDX-License-Identifier: Apache-2.0 */
/* A Network Profile as a person looks at it: the lines of profiles.jsonl that belong to one flow, put together.
 * Times are nanoseconds since the flow's first recorded packet. One thread. */
#ifndef SP_CLI_PROFILE_H
#define SP_CLI_PROFILE_H

#include <stdio.h>

#include "cli/json.h"

#define SP_PROFILE_PACKETS_MAX 1000000
#define SP_PROFILE_EXCHANGES_MAX 100000

/* Words of a packet's note. */
#define SP_PROFILE_NOTES(X)                                                                                            \
	X(FAST, "fast")                                                                                                \
	X(TIMEOUT, "timeout")                                                                                          \
	X(TAIL, "tail")                                                                                                \
	X(SPURIOUS, "spurious")                                                                                        \
	X(HOLE, "hole")                                                                                                \
	X(OUT_OF_ORDER, "out_of_order")                                                                                \
	X(DUP_ACK, "dup_ack")                                                                                          \
	X(SACK, "sack")                                                                                                \
	X(DSACK, "dsack")                                                                                              \
	X(ZERO_WINDOW, "zero_window")                                                                                  \
	X(WINDOW_UPDATE, "window_update")                                                                              \
	X(WINDOW_FULL, "window_full")                                                                                  \
	X(KEEPALIVE, "keepalive")                                                                                      \
	X(REQUEST, "request")                                                                                          \
	X(RESPONSE, "response")                                                                                        \
	X(REQUEST_END, "request_end")                                                                                  \
	X(RESPONSE_END, "response_end")                                                                                \
	X(TLS, "tls")                                                                                                  \
	X(GAP, "gap")                                                                                                  \
	X(RST, "rst")

enum {
#define X(sym, word) SP_NOTE_BIT_##sym,
	SP_PROFILE_NOTES(X)
#undef X
		SP_NOTE_BITS
};

enum {
#define X(sym, word) SP_NOTE_##sym = 1u << SP_NOTE_BIT_##sym,
	SP_PROFILE_NOTES(X)
#undef X
		SP_NOTE_AGAIN = SP_NOTE_FAST | SP_NOTE_TIMEOUT | SP_NOTE_TAIL | SP_NOTE_SPURIOUS, /* sent once more */
	SP_NOTE_TROUBLE = SP_NOTE_AGAIN | SP_NOTE_HOLE | SP_NOTE_ZERO_WINDOW | SP_NOTE_WINDOW_FULL | SP_NOTE_GAP,
};

enum { SP_TCP_FIN = 1, SP_TCP_SYN = 2, SP_TCP_RST = 4, SP_TCP_PSH = 8, SP_TCP_ACK = 16 };

struct sp_profile_packet {
	int64_t at_ns;
	int64_t seq, ack; /* from the first of its direction on; what went round 2^32 goes on */
	uint32_t len;	  /* payload */
	uint32_t window;  /* bytes */
	uint32_t notes;
	uint8_t flags;
	bool s2c, has_window;
};

/* Where time goes, in the order in which it does. */
#define SP_PROFILE_PHASES(X)                                                                                           \
	X(CONNECT, "connect")                                                                                          \
	X(TLS, "TLS")                                                                                                  \
	X(CLIENT, "client wait")                                                                                       \
	X(REQUEST, "request")                                                                                          \
	X(ACK, "ACK delay")                                                                                            \
	X(SERVER, "server")                                                                                            \
	X(RESPONSE, "response")                                                                                        \
	X(TEARDOWN, "teardown")

enum sp_profile_phase {
#define X(sym, name) SP_PHASE_##sym,
	SP_PROFILE_PHASES(X)
#undef X
		SP_PHASES
};

extern const char *const sp_profile_phase_name[SP_PHASES];

/* One request and its response. */
struct sp_profile_exchange {
	int64_t at_ns;		/* its request's first byte */
	uint64_t us[SP_PHASES]; /* CLIENT to RESPONSE; the server's time is what is left after its ACK */
	uint64_t request_bytes, response_bytes, retransmissions;
	char request_id[24];
};

/* What every line says; of several lines together. */
struct sp_profile_head {
	uint64_t flow_id, start_ns, end_ns;
	char point[64], kind[24], client[64], server[64]; /* endpoints with their ports */
	char proto[16], app[32], reason[24];
	uint64_t parts, first_part;
	bool last; /* the flow's end is there */
	uint64_t packets, dropped, bytes;
	uint64_t connect_us[2]; /* the client's part, the server's */
	uint64_t us[SP_PHASES]; /* sums */
	uint64_t exchanges;
	struct {
		uint64_t count, min_us, mean_us, max_us;
	} rtt[2];
	uint64_t in_flight_max[2]; /* bytes, c2s and s2c */
	uint64_t fast, timeout, tail, spurious;
	bool has_connect, has_isn[2];
	uint64_t isn[2], mss[2], wscale[2]; /* 0: unknown */
};

struct sp_profile {
	struct sp_profile_head head;
	struct sp_profile_packet *packet;
	struct sp_profile_exchange *exchange;
	uint32_t n_packets, packets_room, n_exchanges, exchanges_room;
	bool cut; /* there are more than SP_PROFILE_PACKETS_MAX packets, or exchanges */
	int64_t seq_top[2], ack_top[2];
};

/* What a line says of its flow. False: it is no profile's. */
bool sp_profile_head_read(struct sp_profile_head *head, const struct sp_json *json);

/* Another line of the same flow. */
void sp_profile_head_join(struct sp_profile_head *head, const struct sp_profile_head *other);

/* Two lines are of one flow. */
bool sp_profile_head_same(const struct sp_profile_head *a, const struct sp_profile_head *b);

/* Time that was spent on anything but waiting for the client, us. */
uint64_t sp_profile_busy_us(const struct sp_profile_head *head);

/* The phase that took longest, the client's wait only when there is nothing else. */
enum sp_profile_phase sp_profile_slowest(const struct sp_profile_head *head);

static inline uint64_t sp_profile_retransmissions(const struct sp_profile_head *h)
{
	return h->fast + h->timeout + h->tail + h->spurious;
}

/* Adds a line's exchanges and packets; `head` is what sp_profile_head_read made of it. A profile is zeroed before its
 * first line. Returns 0, or -ENOMEM. */
int sp_profile_add(struct sp_profile *p, const struct sp_profile_head *head, const struct sp_json *json);
void sp_profile_free(struct sp_profile *p);

/* Whom everybody waited for before a packet came: "the server", "an ACK of the client" … */
const char *sp_profile_waited_for(const struct sp_profile *p, uint32_t next);

/* A silence that is worth a word: at least 1 ms, and 100 ms or a twentieth of all. */
bool sp_profile_is_silence(const struct sp_profile *p, int64_t ns);

/* "SYN ACK"; "1,460 B at 2,921 PSH" or "ACK 4,381"; "fast, zero window". Cut to the room. */
const char *sp_profile_flags(char *out, size_t size, uint8_t flags);
const char *sp_profile_label(char *out, size_t size, const struct sp_profile_packet *packet);
const char *sp_profile_notes(char *out, size_t size, uint32_t notes);

static inline int64_t sp_profile_duration_ns(const struct sp_profile *p)
{
	int64_t all = (int64_t)(p->head.end_ns - p->head.start_ns);
	return p->n_packets ? SP_MAX(all, p->packet[p->n_packets - 1].at_ns) : all;
}

/* The ways to show it. */
struct sp_terminal;
void sp_profile_print_head(const struct sp_profile *p, bool colour);
void sp_profile_print_phases(const struct sp_profile *p, bool colour, bool all);
void sp_profile_print_packets(const struct sp_profile *p, const struct sp_terminal *terminal);
void sp_profile_print_ladder(const struct sp_profile *p, const struct sp_terminal *terminal, bool all);

/* Writes the flow's picture. Returns 0, or -errno. */
int sp_profile_svg(FILE *out, const struct sp_profile *p);

/* Writes the flow's packets, which were kept in DIR/packets.pcapng, to a file. Says how it went; returns an exit code.
 */
int sp_profile_export(const char *dir, uint64_t flow_id, const char *path);

#endif
