/* SPDX-License-Identifier: Apache-2.0 */
/* RESP, the tree of strings, numbers and aggregates that Redis speaks. How many nodes of a message are still to come is
 * all that has to be known of it. */
#ifndef SP_PARSERS_REDIS_RESP_H
#define SP_PARSERS_REDIS_RESP_H

#include "parsers/redis.h"

enum {
	RESP_LINE_SEEN = 1024, /* of a line; the rest of longer ones is passed over */
	RESP_HEAD_SEEN = 4096, /* of a message: arguments beyond are not shown */
	RESP_NODES_MAX = 1 << 20,
	RESP_STREAMS_MAX = 4, /* aggregates of unknown length, one in the other */
};

/* What the server sends after SYNC and PSYNC. */
enum redis_stage { REDIS_TALK, REDIS_AWAITS_FILE, REDIS_IN_FILE, REDIS_COMMANDS };

enum redis_flags { REDIS_REPLIES_OFF = 1, REDIS_NEXT_WITHOUT = 2, REDIS_ERROR_SEEN = 4, REDIS_SYNC_ASKED = 8 };

/* Of one side's message. `left` is far above any real count inside an aggregate of unknown length. */
struct redis_open {
	uint32_t left; /* nodes that are to come; 0: none is open */
	uint8_t kind;  /* enum sp_msg_kind */
	bool in_line;  /* of which the beginning was seen */
};

struct redis_state {
	struct redis_open open[2];
	uint32_t outer[RESP_STREAMS_MAX]; /* what is left around aggregates of unknown length, of the server */
	uint16_t database;		  /* and 1; 0: none was selected */
	uint8_t depth, flags, stage;
};

/* One node: its type, what its line says, the bytes after the line, and how many nodes it adds. */
struct resp_node {
	uint8_t type;
	bool null, streamed;
	uint32_t line, children;
	uint64_t body; /* with its line end */
	struct sp_slice text;
};

enum resp_got { RESP_GOT, RESP_SHORT, RESP_WRONG };

/* The number of a line and the line's length with its end; 0: anything else, see resp_node_at. */
static inline uint32_t resp_number(const uint8_t *p, size_t n, uint32_t *ret)
{
	uint32_t v = 0, i = 1;
	if (SP_LIKELY(n >= 5)) { /* most have one digit, or two */
		uint32_t first = p[1] - '0', second = p[2] - '0';
		*ret = first;
		if (first <= 9 && !memcmp(p + 2, "\r\n", 2))
			return 4;
		*ret = first * 10 + second;
		if (first <= 9 && second <= 9 && !memcmp(p + 3, "\r\n", 2))
			return 5;
	}
	for (; i < n && i < 9 && p[i] >= '0' && p[i] <= '9'; i++)
		v = v * 10 + p[i] - '0';
	*ret = v;
	return i > 1 && i + 1 < n && p[i] == '\r' && p[i + 1] == '\n' ? i + 2 : 0;
}

/* A decimal number of at most `max` digits. */
bool resp_digits(struct sp_slice s, size_t max, uint64_t *ret);

/* The line at `at`, whatever it says; and as a node. */
enum resp_got resp_line_at(struct sp_slice in, size_t at, struct resp_node *n);
enum resp_got resp_node_at(struct sp_slice in, size_t at, struct resp_node *n);

/* So many strings from `at` on, when all of them are there and say their sizes plainly. Returns where they end; 0: they
 * are not, or do not. */
size_t resp_strings(struct sp_slice in, size_t at, struct sp_slice *ret, uint32_t n);

/* One argument of a command, or word of a push, at `*at`. Returns how many bytes have to be there before it can be
 * shown, 0: it is in `ret`. `*more` is cleared when it is too long to show what follows, `*good` when it is no
 * string. */
size_t resp_argument(struct sp_slice in, size_t *at, struct sp_slice *ret, bool *more, bool *good);

/* Code, text and status of an error. */
void resp_error(struct sp_msg *m, struct sp_slice text);

/* The message in p->msg of which `left` nodes from `at` on may not all be there: whole, or its head. */
enum sp_parse_result resp_finish(struct sp_parse *p, struct redis_state *st, size_t at, uint32_t left);

/* More of the message that is open on this side. */
enum sp_parse_result resp_go_on(struct sp_parse *p, struct redis_state *st);

#endif
