/* SPDX-License-Identifier: Apache-2.0 */
/* TCP conversations between two well-behaved stacks, as a tap between them sees them: handshake, full-size segments,
 * delayed ACKs (every second segment, or 40 ms), losses and zero windows on request, FIN from both. Packets wait in the
 * conversation until the scheduler, which runs many of them by time, takes them. */
#ifndef SP_BENCH_GEN_STREAM_H
#define SP_BENCH_GEN_STREAM_H

#include "bench/gen_app.h"

/* What befalls one message on its way; messages of fewer segments are spared. */
#define GEN_MISHAP_SEGS 12
enum gen_mishap {
	GEN_NONE,
	GEN_LOST_BEHIND, /* a segment is lost behind the tap: duplicate ACKs, fast retransmission */
	GEN_LOST_TAIL,	 /* the last segment is lost behind the tap: retransmission after a timeout */
	GEN_LOST_BEFORE, /* the last but one never reached the tap: it fills its hole after a timeout */
	GEN_ZERO_WINDOW, /* the receiver stalls in the middle */
};

struct gen_conv {
	struct gen_pair pair;
	struct gen_truth *truth; /* set with the pair */
	struct gen_call call[16];
	struct gen_rng rng;
	struct gen_bytes bytes; /* the message on its way */
	struct gen_seg *seg;	/* packets that wait, from `at` to `n` */
	uint32_t n, at, cap;
	uint64_t now, pace; /* ns; `pace`: longest mean wait between two exchanges */
	uint32_t nxt[2], last_ack[2], ts[2], ts_base[2];
	uint16_t last_window[2];
	uint32_t far[2]; /* ns from the tap to that end and back */
	uint32_t left, step, batch;
	uint8_t kind;
	bool udp, closed;

	/* receiver of the message on its way */
	uint32_t got, held, pending;
	uint64_t pending_since;
};

void gen_conv_init(struct gen_conv *c, struct gen_out *out, uint64_t start_ns);

/* SYN, SYN-ACK, ACK. */
void gen_conv_open(struct gen_conv *c);

/* The bytes in c->bytes from `dir`; the other side says nothing for `then` ns after the last of them arrived, when
 * c->now will stand. Its ACKs are delayed and may ride on what it sends next. */
void gen_conv_send(struct gen_conv *c, enum gen_dir dir, uint64_t then, enum gen_mishap mishap);

/* FIN from `first`, FIN from the other, ACK. */
void gen_conv_close(struct gen_conv *c, enum gen_dir first);

/* Runs conversations by time until none is left. `start` returns the next to begin, ordered by c->now, NULL at the end;
 * `more` puts the conversation's next packets in its queue, false when it is over. */
struct gen_schedule {
	struct gen_conv *(*start)(void *ctx);
	bool (*more)(void *ctx, struct gen_conv *c);
	void *ctx;
};
void gen_run(struct gen_out *out, const struct gen_schedule *schedule);

/* One datagram into the queue. */
void gen_conv_datagram(struct gen_conv *c, enum gen_dir dir, uint64_t t_ns);

#endif
