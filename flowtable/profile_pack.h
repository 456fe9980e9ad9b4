/* SPDX-License-Identifier: Apache-2.0 */
/* A Network Profile's packed form: entries of a few bytes, each the difference from what was to be expected. Writer and
 * reader keep the same state, move it by the same rule, and so expect the same. docs/network-profile.md has the bytes.
 *
 * Sequence numbers are made 64 bits wide, so that a long transfer does not go round: a side's first number n becomes
 * 2^32 + n, and what follows is counted from there. Sides are those of the flow's key, 0 and 1. */
#ifndef SP_FLOWTABLE_PROFILE_PACK_H
#define SP_FLOWTABLE_PROFILE_PACK_H

#include "base/base.h"

/* What is odd about a packet: X(name, word in profiles.jsonl). The first seven cost a byte where they are packed, the
 * others two. Those from SPURIOUS on are not packed: whoever reads finds them out. */
#define SP_PROFILE_NOTES(X)                                                                                            \
	X(DUP_ACK, "dup_ack")                                                                                          \
	X(SACK, "sack")                                                                                                \
	X(FAST, "fast")                                                                                                \
	X(HOLE, "hole")                                                                                                \
	X(HOLE_FILLED, "hole_filled")                                                                                  \
	X(OUT_OF_ORDER, "out_of_order")                                                                                \
	X(WINDOW_FULL, "window_full")                                                                                  \
	X(TIMEOUT, "timeout")                                                                                          \
	X(TAIL, "tail")                                                                                                \
	X(DSACK, "dsack")                                                                                              \
	X(ZERO_WINDOW, "zero_window")                                                                                  \
	X(KEEPALIVE, "keepalive")                                                                                      \
	X(SPURIOUS, "spurious")                                                                                        \
	X(WINDOW_UPDATE, "window_update")                                                                              \
	X(REQUEST, "request")                                                                                          \
	X(REQUEST_END, "request_end")                                                                                  \
	X(RESPONSE, "response")                                                                                        \
	X(RESPONSE_END, "response_end")                                                                                \
	X(TLS, "tls")                                                                                                  \
	X(RST, "rst")                                                                                                  \
	X(GAP, "gap")

enum sp_profile_note_bit {
#define X(sym, text) SP_PROFILE_NOTE_BIT_##sym,
	SP_PROFILE_NOTES(X)
#undef X
		SP_PROFILE_NOTE_BITS
};

enum sp_profile_note {
#define X(sym, text) SP_PROFILE_##sym = 1 << SP_PROFILE_NOTE_BIT_##sym,
	SP_PROFILE_NOTES(X)
#undef X
};

#define SP_PROFILE_AGAIN (SP_PROFILE_FAST | SP_PROFILE_TIMEOUT | SP_PROFILE_TAIL)
#define SP_PROFILE_PACKED_NOTES (SP_PROFILE_SPURIOUS - 1U)

struct sp_profile_packet {
	uint64_t ns;
	uint64_t seq, ack; /* wide; ack holds with the flag ACK only */
	uint32_t len;	   /* of the payload */
	uint32_t notes;	   /* enum sp_profile_note */
	uint32_t dropped;  /* packets just before it that were not recorded */
	/* It says that a segment of the other side's had been sent again for nothing. n 0: it does not. */
	uint32_t again_n;
	uint64_t again_seq;
	uint16_t window; /* not scaled */
	uint8_t side;
	uint8_t flags;
};

enum sp_profile_call_bits {
	SP_PROFILE_CALL_REQUEST = 1,
	SP_PROFILE_CALL_RESPONSE = 2,
	SP_PROFILE_CALL_ID = 4,		/* it has a record */
	SP_PROFILE_CALL_HANDSHAKE = 8,	/* sets up the connection (TLS): nothing of the application's */
	SP_PROFILE_CALL_HI_ASKS = 16,	/* the request is side 1's */
	SP_PROFILE_CALL_OPEN_REQ = 32,	/* the end of its request was not seen */
	SP_PROFILE_CALL_OPEN_RESP = 64, /* …of its response */
};

/* A call, as it was told; times hold with their bit. */
struct sp_profile_call {
	uint64_t id;
	uint64_t req_start_ns, req_end_ns, resp_start_ns, resp_end_ns;
	uint64_t req_bytes, resp_bytes;
	uint8_t bits; /* enum sp_profile_call_bits */
};

/* What both expect. Zeroed at a flow's beginning, but for what sp_profile_state_begin sets. */
struct sp_profile_state {
	uint64_t ns;		  /* of the last packet */
	uint64_t next[2], ack[2]; /* wide; 0: not known yet */
	uint64_t data_ns[2];	  /* of the last packet with payload */
	uint64_t id;		  /* of the last call */
	uint32_t len[2];	  /* of the last payload */
	uint32_t step[2];	  /* how far the last acknowledgement that moved did so */
	uint16_t window[2];
	uint8_t flags[2]; /* of the last packet with payload */
	uint8_t tcp;
	uint8_t zero;
};
static_assert(sizeof(struct sp_profile_state) == 88, "two of them in a profile, one in a record");

#define SP_PROFILE_ENTRY_MAX 96

/* `id`: of the last call of any flow. */
static inline void sp_profile_state_begin(struct sp_profile_state *st, uint64_t ns, uint64_t id, bool tcp)
{
	*st = (struct sp_profile_state){.ns = ns, .id = id, .tcp = tcp};
	st->flags[0] = st->flags[1] = tcp ? 0x18 : 0; /* PSH and ACK: what asks and answers in one segment */
}

/* The wide form of a number near a wide one (0: of the first). */
static inline uint64_t sp_profile_wide(uint64_t near, uint32_t n)
{
	return near ? near + (uint64_t)(int64_t)(int32_t)(n - (uint32_t)near) : (UINT64_C(1) << 32) + n;
}

/* Write one entry at `p`, where SP_PROFILE_ENTRY_MAX bytes are free, and move the state. Return its size. */
size_t sp_profile_pack(uint8_t *p, struct sp_profile_state *st, const struct sp_profile_packet *pkt);
size_t sp_profile_pack_call(uint8_t *p, struct sp_profile_state *st, const struct sp_profile_call *call);

enum sp_profile_entry { SP_PROFILE_BAD, SP_PROFILE_PACKET, SP_PROFILE_CALL };

/* Reads the entry at *p, moves *p behind it, and the state. Bytes that make no entry before `end` are BAD. */
enum sp_profile_entry sp_profile_unpack(const uint8_t **p, const uint8_t *end, struct sp_profile_state *st,
					struct sp_profile_packet *pkt, struct sp_profile_call *call);

#endif
