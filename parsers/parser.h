/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between a protocol's parser and whoever feeds it. A parser turns bytes into messages and knows nothing
 * else: it is pure, never allocates, never looks at a flow, a clock or another parser. Bytes arrive in order, as many
 * as there are; it says what it found and what it needs next. Pairing, time, limits, holes and counters are the
 * caller's. Every parser is one file, one const struct, and one line in parsers/meson.build. */
#ifndef SP_PARSERS_PARSER_H
#define SP_PARSERS_PARSER_H

#include "base/arena.h"
#include "base/base.h"
#include "base/slice.h"
#include "parsers/apps.h"

enum sp_side { SP_CLIENT, SP_SERVER };

enum sp_transport { SP_TCP = 1, SP_UDP = 2, SP_ICMP = 4 /* and ICMPv6: `in` begins at the ICMP header */ };

/* How requests and responses find each other. */
enum sp_pairing {
	SP_PAIR_FIFO,  /* responses come in the order of requests */
	SP_PAIR_BY_ID, /* msg.id is the same in both */
	SP_PAIR_NONE,  /* every message stands alone */
};

enum sp_parse_result {
	SP_PARSE_MORE,	 /* nothing yet: call again when `want` bytes (> in.n) are there; `used` bytes are done with */
	SP_PARSE_MSG,	 /* `msg` holds a message or a part of one; `used` bytes are done with (0 only when state moved
			  * on),    and the next `want` after them belong to it, too, and need not be seen, as with SKIP */
	SP_PARSE_SKIP,	 /* `used` bytes are done with, and the next `want` after them need not be seen */
	SP_PARSE_SWITCH, /* after `used` bytes both sides speak `next` (0: whatever they are found to speak). Where
			  * that pairs by id, an open request with an id other than 0 may be answered there */
	SP_PARSE_BAD,	 /* not, or no longer, this protocol */
};

/* For `want`: to the end of the stream. A message that is whole but for such bytes ends with the last of them. */
#define SP_TO_END UINT64_MAX

/* The least that a caller carries for a message that is not complete. A parser never wants more at once, except of a
 * datagram, which is there as a whole. Longer heads are used up piece by piece, or the rest of them is skipped. */
#define SP_CARRY_MAX 16384

/* Largest state, and largest second block of it, that a flow can have. */
#define SP_STATE_MAX 32768

/* So many messages in a row may use no bytes: what one acknowledgement, or one error, says about many requests. */
#define SP_IDLE_MAX 128

enum sp_probe {
	SP_PROBE_NO,
	SP_PROBE_MAYBE, /* these bytes could well be the protocol's: ask again when there is more. Where nobody is sure,
			 * whoever says so of both sides' first bytes has the flow; so has whoever is at home on the
			 * server's port, or was heard there. NO of what cannot be judged, and more would not help */
	SP_PROBE_YES,
};

enum sp_msg_kind {
	SP_MSG_REQUEST,
	SP_MSG_RESPONSE,
	SP_MSG_ONEWAY,	/* a record of its own: no answer is expected, or it is a push */
	SP_MSG_INTERIM, /* of the server about a request that stays open (100 Continue): adds what it has to it */
};

/* A message may come in several parts: its head when that is known, its tail when its last byte is. Parts of one
 * message have the same kind, side and id. Slots and fields of later parts add to, and replace, those of earlier ones.
 */
enum sp_msg_part {
	SP_PART_WHOLE,
	SP_PART_HEAD,
	SP_PART_MIDDLE,
	SP_PART_TAIL,
};

enum sp_msg_flags {
	/* A response that means something only while its request is open: else forgotten. Where messages pair by id it
	 * may come from the requester, too, and when another has begun: a call that is called off. */
	SP_MSG_IF_ASKED = 1,
	/* A request that sets up what the connection's other calls run in (TLS): none of the application's. */
	SP_MSG_HANDSHAKE = 2,
	/* Bytes that cannot be read: all that is known is when they came. Only where `opaque` asks for such messages.
	 */
	SP_MSG_OPAQUE = 4,
	/* A request that nobody has to answer, or an answer that nobody has to have asked for: without its other half
	 * it is SP_MSG_ONEWAY. */
	SP_MSG_OPTIONAL = 8,
};

/* How a call ended. Of a response, or of a request that says itself that it failed. */
enum sp_status {
	SP_STATUS_NONE, /* says nothing about it */
	SP_STATUS_OK,
	SP_STATUS_CLIENT_ERROR,
	SP_STATUS_SERVER_ERROR,
	SP_STATUS_TIMEOUT,
	SP_STATUS_UNKNOWN,
	SP_STATUS_MAX
};

/* The slots that every protocol fills as far as it can; an exporter that knows only these serves all of them. */
#define SP_SLOTS(X)                                                                                                    \
	X(VERSION, app_version)                                                                                        \
	X(METHOD, method)                                                                                              \
	X(HOST, host)                                                                                                  \
	X(RESOURCE, resource)                                                                                          \
	X(ENDPOINT, endpoint)                                                                                          \
	X(CODE, code)                                                                                                  \
	X(MESSAGE, message)                                                                                            \
	X(CORRELATION, correlation)                                                                                    \
	X(TRACE_ID, trace_id)                                                                                          \
	X(SPAN_ID, span_id)                                                                                            \
	X(PARENT_SPAN_ID, parent_span_id)                                                                              \
	X(OTHER_TRACE_ID, other_trace_id)                                                                              \
	X(X_REQUEST_ID_REQUEST, x_request_id_request)                                                                  \
	X(X_REQUEST_ID_RESPONSE, x_request_id_response)

enum sp_slot {
#define X(sym, name) SP_SLOT_##sym,
	SP_SLOTS(X)
#undef X
		SP_SLOT_MAX
};
static_assert(SP_SLOT_MAX <= 16, "sp_msg.slots has a bit for each");

#define SP_EXTRAS_MAX 24

/* A named value beyond the slots: `field` is an index into the parser's `fields`. */
struct sp_extra {
	uint8_t field;
	struct sp_slice value;
};

/* Slices point into `in`, the arena, the state or constants: good until the next call. Text is sent as it is: encoders
 * escape. An empty slice is an absent value. */
struct sp_msg {
	uint8_t kind;	/* enum sp_msg_kind */
	uint8_t part;	/* enum sp_msg_part */
	uint8_t flags;	/* enum sp_msg_flags */
	uint8_t status; /* enum sp_status */
	uint16_t app;	/* SP_APP_…; 0: the parser's own */
	uint16_t slots; /* that were put, a bit each */
	uint8_t n_extras;
	uint32_t tag;	/* of a request: what the parser wants to be told when it reads the response */
	uint32_t first; /* offset in `in` of the message's own first byte */
	uint32_t texts; /* bytes of all slots and extras, or a few more */
	uint64_t id;	/* SP_PAIR_BY_ID */
	uint64_t bytes; /* of this part on the wire; 0: those used from `first` on, and what is skipped after it. What
			 * is used and skipped between the parts of a message is counted to it, unless messages pair by
			 * id: then several may be open, and every part says itself how much of it there was */
	struct sp_slice slot[SP_SLOT_MAX];    /* sp_msg_put, sp_msg_slot: the others hold anything */
	struct sp_extra extra[SP_EXTRAS_MAX]; /* not zeroed beyond n_extras */
};

struct sp_parser;

/* A header, property or comment key that somebody configured: its whole value goes into a slot. */
enum sp_context { SP_CONTEXT_TRACE_ID, SP_CONTEXT_SPAN_ID, SP_CONTEXT_PARENT_SPAN_ID, SP_CONTEXT_X_REQUEST_ID };

struct sp_context_name {
	char name[64]; /* lower case */
	int means;     /* enum sp_context */
};

/* One call. The caller fills the first part and zeroes `used` and `want`; `msg` is cleared by sp_msg_begin. */
struct sp_parse {
	struct sp_slice in;	/* from the stream's present position on, or one datagram */
	void *state;		/* this flow's, zeroed before the first call; both sides share it */
	void *more;		/* NULL, or what sp_parse_extend gave earlier */
	struct sp_arena *arena; /* for what has to be put together; reset before every call */
	uint8_t side;		/* enum sp_side: who sent the bytes; a probe should not trust it */
	uint8_t transport;	/* enum sp_transport */
	bool opaque;		/* who speaks when is wanted even of what cannot be read */
	bool terse;		/* nobody reads slots and extras: they may be left out, and nothing else */
	bool last;		/* nothing follows these bytes: a datagram, or the stream ended */
	bool cut;		/* a datagram of which the end was not captured */
	bool reveal;		/* show values that are hidden by default (never passwords) */
	bool reversed;		/* out, of a probe or parse: `side` is surely the other one. The caller turns the sides,
				 * and while there was no message begins anew; or it cannot, and `side` stays as it is */
	uint16_t server_port;	/* a hint for ties */

	const struct sp_context_name *names; /* n_names of them */
	unsigned n_names;
	struct sp_names_seen *seen; /* names.h; NULL, or what makes names cheaper to write, and changes nothing else */

	size_t used;
	uint64_t want;
	uint16_t next; /* SP_APP_…, with SP_PARSE_SWITCH */
	struct sp_msg msg;

	/* The caller's. `asked`: the tag of the request that a response with that id answers (FIFO: of the oldest one;
	 * the id is not looked at). False: none is known. */
	bool (*asked)(const struct sp_parse *p, uint64_t id, uint32_t *tag);
	void *(*extend)(struct sp_parse *p);
	void *ctx;
};

/* One direction of a vector's conversation, in the order in which the bytes were sent. */
struct sp_vector_step {
	uint8_t side;
	const char *bytes;
	size_t n;
};

#define SP_VECTOR_STEPS 24
#define SP_C(text)                                                                                                     \
	{                                                                                                              \
		SP_CLIENT, text, sizeof(text) - 1                                                                      \
	}
#define SP_S(text)                                                                                                     \
	{                                                                                                              \
		SP_SERVER, text, sizeof(text) - 1                                                                      \
	}

/* `want`: the messages in the order of their last bytes, as tests/unit/parsers.c writes them (see there). */
struct sp_vector {
	const char *name;
	struct sp_vector_step step[SP_VECTOR_STEPS];
	const char *want;
	bool udp; /* every step is a datagram */
	bool reveal, opaque;
	bool no_probe; /* the first bytes alone are not enough to know the protocol */
};

/* The first two bytes of a message, in network order, under a mask: what may be the beginning of this protocol. */
struct sp_start {
	uint16_t value, mask;
	uint8_t sides; /* 1 << enum sp_side, or'ed: who may begin so */
};
#define SP_START_TEXT(a, b, sides)                                                                                     \
	{                                                                                                              \
		(a) << 8 | (b), 0xffff, sides                                                                          \
	}
#define SP_START_ANY(sides)                                                                                            \
	{                                                                                                              \
		0, 0, sides                                                                                            \
	}
#define SP_FROM_CLIENT (1 << SP_CLIENT)
#define SP_FROM_SERVER (1 << SP_SERVER)

struct sp_parser {
	const char *name;	       /* as in app_proto */
	const char *title;	       /* as people write it */
	const char *missing;	       /* in words: what of the protocol is not read; "" when nothing is */
	uint16_t app;		       /* SP_APP_… */
	uint8_t transports;	       /* enum sp_transport, or'ed */
	uint8_t pairing;	       /* enum sp_pairing */
	uint16_t state_size;	       /* bytes a flow; keep it small: it is there for every flow of the protocol */
	uint32_t more_size;	       /* bytes that sp_parse_extend gives to flows that need them */
	uint16_t timeout_s;	       /* a request without a response is over after this; 0: the configured default */
	const uint16_t *ports;	       /* ends with 0: a tie-break, never proof; NULL: none */
	const struct sp_start *starts; /* ends with {0, 0, 0} */
	const char *const *fields; /* names of extras, OpenTelemetry's where there is one; ends with NULL; NULL: none */

	/* Is `in` the beginning of a message of this protocol? Looks at `in`, `side`, `transport`, `last` and
	 * `server_port` only, and reads at most a few dozen bytes. YES only for what nothing else looks like. */
	enum sp_probe (*probe)(struct sp_parse *p);

	enum sp_parse_result (*parse)(struct sp_parse *p);

	/* The conversation is over: what a side has not told yet of a message that is open. `in` is empty.
	 * SP_PARSE_MSG: call again; anything else: that is all. NULL: there never is any. */
	enum sp_parse_result (*end)(struct sp_parse *p);

	/* After bytes were lost, or when a flow was joined in the middle: makes the state fit, and returns the offset
	 * in `in` where a message surely begins, or SP_RESYNC_NONE: all of `in` is then passed over. NULL: only the
	 * next segment that probes YES will do. */
	size_t (*resync)(struct sp_parse *p);

	/* Ends with 0; NULL: none. Of servers' UDP ports where an answer may come in another flow than its request,
	 * with the same id and the same two ports: a group is asked, or who asks has no address yet. Few: all that is
	 * said there is read by one worker. */
	const uint16_t *elsewhere;

	const struct sp_vector *vectors; /* ends with a NULL name; SP_VECTORS() */
};

#define SP_RESYNC_NONE SIZE_MAX

/* Vectors stand at the foot of each parser's file and are compiled for tests alone. */
#ifdef SP_WITH_VECTORS
#define SP_VECTORS(name) name
#else
#define SP_VECTORS(name) NULL
#endif

/* By number, NULL: no parser of that number. The table's rows come from parsers/meson.build. */
const struct sp_parser *sp_parser(uint16_t app);

/* All parsers, in the table's order; ends with NULL. */
extern const struct sp_parser *const sp_parsers[];

/* The name of a number in app_proto, NULL: none has it. Also of protocols that a parser of another name finds. */
const char *sp_app_name(uint16_t app);

/* --- for parsers --- */

/* Before a message is filled in. */
static inline struct sp_msg *sp_msg_begin(struct sp_parse *p, enum sp_msg_kind kind, enum sp_msg_part part)
{
	memset(&p->msg, 0, offsetof(struct sp_msg, slot));
	p->msg.kind = (uint8_t)kind;
	p->msg.part = (uint8_t)part;
	return &p->msg;
}

/* Fills a slot, or fills it anew. Returns the value. */
static inline struct sp_slice sp_msg_put(struct sp_msg *msg, enum sp_slot slot, struct sp_slice value)
{
	uint16_t bit = (uint16_t)(1U << slot);
	if (SP_UNLIKELY(msg->slots & bit))
		msg->texts -= (uint32_t)msg->slot[slot].n;
	msg->slots |= bit;
	msg->texts += (uint32_t)value.n;
	return msg->slot[slot] = value;
}

/* Empty: nothing was put there. */
static inline struct sp_slice sp_msg_slot(const struct sp_msg *msg, enum sp_slot slot)
{
	return msg->slots >> slot & 1 ? msg->slot[slot] : (struct sp_slice){0};
}

static inline enum sp_parse_result sp_parse_more(struct sp_parse *p, uint64_t want)
{
	p->want = want;
	return SP_PARSE_MORE;
}

static inline enum sp_parse_result sp_parse_msg(struct sp_parse *p, size_t used)
{
	p->used = used;
	return SP_PARSE_MSG;
}

static inline enum sp_parse_result sp_parse_skip(struct sp_parse *p, size_t used, uint64_t want)
{
	p->used = used;
	p->want = want;
	return SP_PARSE_SKIP;
}

static inline enum sp_parse_result sp_parse_switch(struct sp_parse *p, size_t used, uint16_t next)
{
	p->used = used;
	p->next = next;
	return SP_PARSE_SWITCH;
}

/* The zeroed second block of state, `more_size` bytes, kept in p->more from then on. NULL: no memory for it; go on
 * without. */
static inline void *sp_parse_extend(struct sp_parse *p)
{
	return p->more ? p->more : p->extend(p);
}

/* Does nothing when the value is empty or there are too many. */
static inline void sp_msg_extra(struct sp_msg *msg, uint8_t field, struct sp_slice value)
{
	if (!value.n || msg->n_extras == SP_EXTRAS_MAX)
		return;
	msg->texts += (uint32_t)value.n;
	msg->extra[msg->n_extras++] = (struct sp_extra){field, value};
}

static inline void sp_msg_drop_extras(struct sp_msg *msg)
{
	while (msg->n_extras)
		msg->texts -= (uint32_t)msg->extra[--msg->n_extras].value.n;
}

static inline struct sp_slice sp_slice_of(const char *text)
{
	return (struct sp_slice){(const uint8_t *)text, strlen(text)};
}

#define SP_TEXT(literal) ((struct sp_slice){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline bool sp_slice_is(struct sp_slice s, const char *text)
{
	size_t n = strlen(text);
	return s.n == n && !memcmp(s.p, text, n);
}

/* A number in decimal, in the arena; empty without room. */
struct sp_slice sp_arena_u64(struct sp_arena *a, uint64_t v);

/* The parts one after the other, cut to the room there is. */
struct sp_slice sp_arena_join(struct sp_arena *a, const struct sp_slice *parts, size_t n);
#define SP_JOIN(arena, ...)                                                                                            \
	sp_arena_join(arena, (const struct sp_slice[]){__VA_ARGS__},                                                   \
		      SP_ARRAY_SIZE(((const struct sp_slice[]){__VA_ARGS__})))

/* Bytes as lower-case hexadecimal digits, in the arena; empty without room. */
struct sp_slice sp_arena_hex(struct sp_arena *a, struct sp_slice bytes);

#endif
