/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a Network Profile, read: its packets, and the exchanges that they make up. Any bytes may be given: what
 * makes no sense is refused. No packet path: takes memory as it needs it. */
#ifndef SP_FLOWTABLE_PROFILE_READ_H
#define SP_FLOWTABLE_PROFILE_READ_H

#include "flowtable/record.h"

enum sp_exchange_bits {
	SP_EXCHANGE_ID = 1,	 /* `id` is a record's */
	SP_EXCHANGE_REQUEST = 2, /* there is one */
	SP_EXCHANGE_RESPONSE = 4,
	SP_EXCHANGE_BY_SERVER = 8, /* the server asks */
	SP_EXCHANGE_ACKED = 16,	   /* acked_ns: an ACK without payload came before the response */
	SP_EXCHANGE_WAIT = 32,	   /* wait_ns holds */
};

struct sp_profile_exchange {
	uint64_t id;
	uint64_t req_start_ns, req_end_ns, resp_start_ns, resp_end_ns;
	uint64_t acked_ns; /* the last byte of the request was */
	uint64_t wait_ns;  /* the client's, before it: since the response before, or since the connection was ready */
	uint64_t req_bytes, resp_bytes;
	uint32_t again; /* segments of either side sent again from its beginning to its end */
	uint8_t bits;
};

/* Zeroed before the first use; may be used again, and is freed with sp_profile_view_free. */
struct sp_profile_view {
	struct sp_profile_packet *packet;
	struct sp_profile_call *call;
	struct sp_profile_exchange *exchange; /* in the order of their beginnings */
	uint32_t n_packets, n_calls, n_exchanges;
	uint32_t packets_size, calls_size, exchanges_size;
	bool in_order; /* no packet is older than the one before it */
};

/* 0, -EBADMSG, or -ENOMEM. `size`: bytes at `r`. */
int sp_profile_read(struct sp_profile_view *v, const struct sp_profile_record *r, size_t size);
void sp_profile_view_free(struct sp_profile_view *v);

/* The word of one note. */
const char *sp_profile_note_name(enum sp_profile_note_bit bit);

#endif
