/* SPDX-License-Identifier: Apache-2.0 */
/* What flows say: bytes in order, who speaks what, messages, and which answers which. No protocol's name stands here;
 * parsers (parsers/parser.h) know those. Private to the flow table; one worker's.
 *
 * A flow with payload has a dialog, a block of the worker's slab, until its protocol is known to be none of ours, or
 * the budget is used up: from then on SP_L7_DONE costs it a test of one bit. */
#ifndef SP_FLOWTABLE_L7_H
#define SP_FLOWTABLE_L7_H

#include "base/arena.h"
#include "base/pkt.h"
#include "flowtable/elsewhere.h"
#include "flowtable/flow.h"
#include "flowtable/flowtable.h"
#include "flowtable/l7_conf.h"
#include "flowtable/slab.h"
#include "flowtable/texts.h"
#include "parsers/names.h"
#include "parsers/parser.h"

struct sp_flowtable;

/* A flow's `more`: the number of its extra block, or the handle of its dialog, which then has that number. */
#define SP_L7_DIALOG (UINT32_C(1) << 31)
#define SP_L7_DONE (UINT32_C(1) << 30)
/* Of flows that have no dialog yet: what the low, or the high, endpoint said first is nobody's. */
#define SP_L7_NOBODYS_LO (UINT32_C(1) << 28)
#define SP_L7_NOBODYS_HI (UINT32_C(1) << 29)
#define SP_L7_NUMBER (SP_L7_NOBODYS_LO - 1)

enum sp_stream_bits {
	SP_STREAM_KNOWN = 1,	 /* next_seq holds */
	SP_STREAM_RESYNC = 2,	 /* looks for the beginning of a message */
	SP_STREAM_LOST = 4,	 /* bytes were lost, ever */
	SP_STREAM_ENDS = 8,	 /* the open message ends with what is skipped */
	SP_STREAM_LOST_NOW = 16, /* …since the last message began */
};

/* One direction of a connection: where its parser is. */
struct sp_stream {
	uint64_t skip;	   /* bytes that need not be seen; SP_TO_END */
	uint32_t next_seq; /* of the byte that the parser has not had yet, behind what is carried */
	uint32_t held;	   /* first of the segments that came before their turn, in order of sequence numbers */
	uint32_t held_bytes;
	uint32_t carry, carry_n; /* bytes of a message that is not complete */
	uint32_t want;		 /* carried bytes before which the parser need not be called */
	uint32_t open;		 /* call whose message from this side is not complete */
	uint8_t bits;		 /* enum sp_stream_bits */
};
static_assert(sizeof(struct sp_stream) == 40, "two of them and a dialog take 128 bytes");

enum sp_dialog_bits {
	SP_DIALOG_TCP = 1,
	SP_DIALOG_ANSWERED = 2, /* a request of this parser has been answered */
	SP_DIALOG_ORPHAN = 4,	/* the last response answered nothing that was seen, or came after a loss of requests */
	SP_DIALOG_SURE = 8,	/* its protocol is no guess any more */
	SP_DIALOG_ELSEWHERE = 16, /* answers may come in other flows, or be those of others: elsewhere.h */
};

struct sp_dialog {
	const struct sp_parser *parser; /* NULL: not known yet */
	union {
		struct {
			uint32_t state, more;
			uint32_t first, last; /* calls that are open, oldest first */
		};
		uint64_t maybe[2]; /* while not known: parsers that would take what each side sent first */
	};
	uint32_t extra;		   /* number of the flow's extra block, 0: none */
	uint32_t requests, errors; /* since the last report */
	uint32_t messages;	   /* of this parser */
	uint16_t n_calls;
	uint16_t app;		   /* of the last message: what the flow is called */
	uint8_t bits;		   /* enum sp_dialog_bits */
	uint8_t limits;		   /* enum sp_app_limit: what was not analysed, and why */
	uint8_t tries : 4;	   /* payloads that were looked at */
	uint8_t bad : 4;	   /* times in a row that its parser gave up */
	uint8_t client;		   /* side (as in the key) that is taken for the client */
	struct sp_stream stream[]; /* TCP: by side, as in the key */
};
static_assert(sizeof(struct sp_dialog) == 48, "with both streams 128 bytes");

/* A segment that came before its turn. */
struct sp_held {
	uint64_t ns;
	uint32_t next, seq, n;
	uint32_t missing; /* bytes after these that were not captured */
	uint32_t ack;
	uint32_t zero;
	uint8_t data[];
};

/* Bytes from `at` on came with a packet that acknowledged `ack`. */
struct sp_mark {
	uint32_t at, ack;
	uint64_t ns;
};

#define SP_MARKS_MAX 8

/* What is carried of a stream, and when it came; without room for another mark two become one. */
struct sp_carry {
	uint32_t n_marks, zero;
	struct sp_mark mark[SP_MARKS_MAX];
	uint8_t data[];
};

/* A piece of a stream, or a datagram. */
struct sp_piece {
	struct sp_slice in;
	const struct sp_mark *mark;
	uint32_t n_marks;
	uint32_t base; /* of in.p[0], as marks count */
	uint32_t seq;  /* of in.p[0]; of a datagram 0 */
	bool last, cut;
};

/* One message being put together, or waiting for its answer: head and texts, in one block of the slab. What finds and
 * counts it is the beginning, in one cache line. */
struct sp_call {
	uint32_t prev, next;
	uint64_t id;
	uint32_t tag;
	uint16_t app;
	uint16_t bits;	  /* enum sp_call_bits */
	uint16_t retries; /* datagrams that asked again */
	uint8_t status;
	/* what a record says of it */
	uint64_t req_start_ns, req_end_ns;
	uint32_t req_seq, req_ack;
	uint64_t req_bytes;
	uint64_t resp_start_ns, resp_end_ns;
	uint64_t resp_bytes;
	uint32_t resp_seq;
	struct sp_texts texts;
};
static_assert(offsetof(struct sp_call, req_start_ns) == SP_SLAB_UNIT, "a slab's unit is never in two cache lines");

enum sp_call_bits {
	SP_CALL_REQUEST = 1,	 /* its request was seen */
	SP_CALL_REQUEST_END = 2, /* …to the end */
	SP_CALL_RESPONSE = 4,
	SP_CALL_RESPONSE_END = 8,
	SP_CALL_ONEWAY = 16,
	SP_CALL_FROM_SERVER = 32,  /* a oneway message, or a request, of the server */
	SP_CALL_LOST_BEFORE = 64,  /* requests were lost just before this one */
	SP_CALL_CUT = 128,	   /* bytes of it were lost */
	SP_CALL_STREAM = 256,	   /* sequence numbers hold */
	SP_CALL_DOUBT = 512,	   /* its response may have been lost */
	SP_CALL_TEXTS = 1024,	   /* it stands in a block with its texts */
	SP_CALL_OPAQUE = 2048,	   /* of bytes that cannot be read */
	SP_CALL_CALLED_OFF = 4096, /* who asked ended it: its response is in the stream of its request */
	SP_CALL_HANDSHAKE = 8192,  /* SP_MSG_HANDSHAKE */
	SP_CALL_OPTIONAL = 16384,  /* SP_MSG_OPTIONAL */
	SP_CALL_ELSEWHERE = 32768, /* its answer came in another flow, see struct sp_elsewhere */
};

/* Cache lines of a call with short texts; of one that is only counted its answer needs the first. */
#define SP_CALL_LINES 4

/* Packets of a connection that began with what is nobody's, in which something else may begin. */
#define SP_L7_LOOK_PACKETS 64

#define SP_L7_PARSERS_MAX 64
#define SP_L7_SERVERS 4096

/* What a server endpoint was found to speak. */
struct sp_l7_server {
	uint64_t key; /* hash of its address, port, protocol and address space; 0: none */
	uint64_t until_ns;
	uint16_t app;
};

struct sp_l7 {
	struct sp_l7_conf conf;
	struct sp_slab slab;
	struct sp_elsewhere elsewhere;
	struct sp_parse parse;
	struct sp_arena arena;
	uint64_t serial, inside_serial; /* of requests; of those for stitching alone */
	uint64_t hash_key;
	const struct sp_parser *parser[SP_L7_PARSERS_MAX];
	uint64_t by_first[3][256]; /* transport, first byte: parsers that may begin so */
	struct sp_l7_server *server;
	uint8_t index[SP_APP_MAX]; /* of a parser's number, in `parser` and in the settings' masks */
	struct sp_app_counts counts[SP_APP_MAX];
	struct sp_names_seen names_seen;
	uint8_t scratch[16384];
};

/* Where a message, or a part of one, was found. */
struct sp_place {
	uint64_t first_ns, last_ns;
	uint32_t seq, ack;
	uint64_t bytes; /* with those that are skipped after it, but for SP_TO_END */
	bool complete;	/* nothing is left to be skipped */
};

/* The flow under work and what belongs to it. */
struct sp_talk {
	struct sp_flowtable *ft;
	struct sp_l7 *l7;
	struct sp_flow *f;
	struct sp_dialog *d;
	uint64_t ns; /* of the packet */
	struct sp_place at;
};

/* `size` bytes of a packet from `at` on, as far as they were captured. */
static inline struct sp_slice sp_l7_captured(const struct sp_pkt *pkt, uint32_t at, uint32_t size)
{
	return (struct sp_slice){pkt->data + at, pkt->cap_len > at ? SP_MIN(pkt->cap_len - at, size) : 0};
}

int sp_l7_init(struct sp_l7 *l7, const struct sp_l7_conf *conf, uint64_t hash_key);
void sp_l7_free(struct sp_l7 *l7);
void sp_l7_reconf(struct sp_l7 *l7, const struct sp_l7_conf *conf);

/* A flow's dialog; of a flow that has none, or none any more, SP_L7_NONE. Which it will be cannot be guessed where one
 * packet is another flow's than the next: no branch tells. */
#define SP_L7_NONE 0
static inline const struct sp_dialog *sp_l7_peek(const struct sp_l7 *l7, const struct sp_flow *f)
{
	uint32_t has = (f->more & (SP_L7_DIALOG | SP_L7_DONE)) == SP_L7_DIALOG;
	return sp_slab_at(&l7->slab, f->more & SP_L7_NUMBER & (0 - has));
}

/* Asks for what the next packet of a flow may need: its dialog. */
static inline void sp_l7_prefetch(const struct sp_l7 *l7, const struct sp_flow *f)
{
	const char *dialog = (const char *)sp_l7_peek(l7, f);
	sp_prefetch(dialog);
	sp_prefetch(dialog + SP_CACHE_LINE);
}

/* …and, when that is here, for what its parser and its oldest call need; where there is no call, the slab's first line
 * is, which is always at hand. */
static inline void sp_l7_prefetch_state(const struct sp_l7 *l7, const struct sp_flow *f)
{
	const struct sp_dialog *d = sp_l7_peek(l7, f);
	if (SP_UNLIKELY(!d->parser))
		return;
	const char *state = sp_slab_at(&l7->slab, d->state), *call = sp_slab_at(&l7->slab, d->first);
	sp_prefetch(state);
	sp_prefetch(state + SP_MIN(d->parser->state_size, SP_CACHE_LINE + 1U) - 1);
	sp_prefetch(call);
	for (unsigned line = 1; SP_UNLIKELY(l7->conf.log) && line < SP_CALL_LINES; line++)
		sp_prefetch(call + line * SP_CACHE_LINE);
}

/* l7.c: the flow of a segment of `side` at `seq` has no dialog. Has it one from now on? */
bool sp_l7_begin(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side, uint32_t seq);

/* l7.c: the same of a datagram's. And is it known who speaks in a flow where it was not, now that there is one? */
bool sp_l7_begin_datagram(struct sp_flowtable *ft, struct sp_flow *f);
bool sp_l7_identify_datagram(struct sp_talk *t, unsigned side, struct sp_slice in);

/* dialog.c: a segment that TCP tracking has seen; a datagram. */
void sp_dialog_segment(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side);
void sp_dialog_datagram(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side);

/* l7.c: the flow is over: what is open is told. */
void sp_l7_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason cause);

/* l7.c: …after its record is written. */
void sp_l7_forget(struct sp_flowtable *ft, struct sp_flow *f);

/* l7.c: an interval is reported: requests that waited too long are given up. */
void sp_l7_report(struct sp_flowtable *ft, struct sp_flow *f);

/* stream.c: a segment that is not an ordinary one; the bytes that were captured of it, and how many follow them that
 * were not. And what its parser left of one that is, which had `parser`. */
void sp_stream_segment(struct sp_talk *t, unsigned side, uint32_t seq, struct sp_slice in, uint32_t missing,
		       uint32_t ack);
void sp_stream_rest(struct sp_talk *t, unsigned side, uint32_t seq, struct sp_slice in, size_t used,
		    const struct sp_parser *parser);

/* stream.c: nothing more comes. */
void sp_stream_end(struct sp_talk *t, unsigned side);

/* stream.c: forgets everything that is kept of a direction. */
void sp_stream_drop(struct sp_talk *t, unsigned side);

/* identify.c: what these first bytes of `side` are, into d->parser. `last`: there will not be more to look at. */
bool sp_identify(struct sp_talk *t, unsigned side, struct sp_slice in, bool last);

/* identify.c: what is the surest that anybody is that these bytes of a TCP connection's side are his beginning? */
enum sp_probe sp_identify_look(struct sp_l7 *l7, const struct sp_flow *f, unsigned side, struct sp_slice in);
void sp_identify_init(struct sp_l7 *l7);
void sp_identify_learn(struct sp_talk *t);
void sp_identify_forget(struct sp_talk *t);

/* dialog.c: what parsers are told whatever they read; after every change of settings. */
void sp_dialog_setup(struct sp_l7 *l7);

/* dialog.c: runs the parser over a piece of a stream. Returns how many bytes are done with; what is to be skipped,
 * wanted and whether to go on is in the stream. */
size_t sp_dialog_run(struct sp_talk *t, unsigned side, struct sp_stream *s, const struct sp_piece *piece);

/* dialog.c: finds the next message after a loss. SIZE_MAX: not in these bytes. */
size_t sp_dialog_resync(struct sp_talk *t, unsigned side, struct sp_slice in);

/* dialog.c: takes a parser, with its state; false: no memory. And leaves it. */
bool sp_dialog_take(struct sp_talk *t, const struct sp_parser *parser);
void sp_dialog_leave(struct sp_talk *t);

/* dialog.c: the one that was taken for the client is the server. False: that may not be said any more, as something was
 * reported, or the connection's beginning was seen. */
bool sp_dialog_turn(struct sp_talk *t);

/* l7.c: the flow is not looked at any more. */
void sp_l7_give_up(struct sp_talk *t, unsigned why);

/* calls.c: the message in l7->parse, which is at t->at. */
void sp_calls_message(struct sp_talk *t, unsigned side, struct sp_stream *s);

/* calls_end.c: bytes that belong to the open message of a stream; its end. */
void sp_calls_bytes(struct sp_talk *t, unsigned side, struct sp_stream *s, uint64_t bytes);
void sp_calls_finish(struct sp_talk *t, unsigned side, struct sp_stream *s, uint64_t ns);

/* calls_end.c: bytes of `side` were lost at this place of its stream: what was open there is over. */
void sp_calls_lost(struct sp_talk *t, unsigned side, struct sp_stream *s);

/* calls_pair.c: responses of `side` before this place may have been passed over. */
void sp_calls_doubt(struct sp_talk *t, unsigned side, uint32_t seq);

/* calls_end.c: the stream is over. */
void sp_calls_end(struct sp_talk *t, unsigned side, struct sp_stream *s);

/* calls_pair.c: sp_parse.asked. */
bool sp_calls_asked(const struct sp_parse *p, uint64_t id, uint32_t *tag);

/* calls_end.c: gives up calls: those that are too old, or all. */
void sp_calls_expire(struct sp_talk *t, uint64_t now_ns, bool all);

/* calls_end.c: another parser follows that pairs by id: requests with one stay open for it, the others are told. */
void sp_calls_hand_over(struct sp_talk *t, const struct sp_parser *to);

/* request_record.c: writes a record. `m`: the message that ends it, and is not part of its texts yet; NULL: none. */
void sp_request_write(struct sp_talk *t, const struct sp_call *call, const struct sp_msg *m);

static inline enum sp_transport sp_l7_transport(const struct sp_flow *f)
{
	return f->proto == SP_PROTO_TCP ? SP_TCP : f->proto == SP_PROTO_UDP ? SP_UDP : SP_ICMP;
}

/* What a parser is told of the flow, and of the side that it reads next; nothing is shown that is hidden. */
static inline void sp_l7_aim(struct sp_parse *p, const struct sp_flow *f, enum sp_transport transport, unsigned client,
			     unsigned side, bool last, bool cut)
{
	p->side = side == client ? SP_CLIENT : SP_SERVER;
	p->transport = (uint8_t)transport;
	p->last = last;
	p->cut = cut;
	p->reveal = p->reversed = false;
	p->server_port = client ? f->lo_port : f->hi_port;
}

/* From sides to roles and back. */
static inline enum sp_side sp_role(const struct sp_talk *t, unsigned side)
{
	return side == t->d->client ? SP_CLIENT : SP_SERVER;
}

static inline unsigned sp_key_side(const struct sp_talk *t, enum sp_side role)
{
	return role == SP_CLIENT ? t->d->client : !t->d->client;
}

#endif
