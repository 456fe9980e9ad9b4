/* SPDX-License-Identifier: Apache-2.0 */
/* One flow: three cache lines, of which a packet that is neither request nor response touches two, and a block for what
 * most flows never have. Sides are numbered as in the key: 0 is the low endpoint, 1 the high one; who of them is the
 * client is a bit. Written by the worker that owns the table. Private to the flow table. */
#ifndef SP_FLOWTABLE_FLOW_H
#define SP_FLOWTABLE_FLOW_H

#include "base/base.h"
#include "base/pkt.h"
#include "parsers/link/proto.h"

enum sp_flow_state {
	SP_FLOW_FREE,
	SP_FLOW_OPEN,	     /* not TCP */
	SP_FLOW_SYN,	     /* SYN seen */
	SP_FLOW_SYNACK,	     /* SYN-ACK seen */
	SP_FLOW_ESTABLISHED, /* handshake complete, or joined in the middle */
	SP_FLOW_CLOSED,	     /* both FINs, or RST: lingers for stray packets; plus the enum sp_close_reason */
};

enum sp_flow_bits {
	SP_FLOW_CLIENT_IS_HI = 1,
	SP_FLOW_MIDSTREAM = 2,
	SP_FLOW_GAP = 4,	/* the capture lost bytes that both ends acknowledged */
	SP_FLOW_RTT_CLIENT = 8, /* measured */
	SP_FLOW_RTT_SERVER = 16,
	SP_FLOW_CHALLENGED = 32,     /* a SYN was answered by something that belongs to an older connection */
	SP_FLOW_LATE_SYNACK = 64,    /* SYN-ACK again after the client's ACK: the accept queue was full */
	SP_FLOW_RESPONSE = 128,	     /* the server sent data after the client did */
	SP_FLOW_REPORTED = 256,	     /* an interval was reported: who is the client does not change any more */
	SP_FLOW_ASKED = 512,	     /* client data waits for its response */
	SP_FLOW_UNACKED = 1024,	     /* client data waits for the server's ACK, one segment of it */
	SP_FLOW_UNACKED_MORE = 2048, /* …several segments */
	SP_FLOW_SEEN_LO = 4096,	     /* packets from this side, ever */
	SP_FLOW_SEEN_HI = 8192,
	SP_FLOW_FIRST_IS_HI = 16384, /* its first packet came from the high endpoint */
	/* TCP: open, both directions known, no holes, windows open, no probes: the next packets may be ordinary ones */
	SP_FLOW_HEALTHY = 32768,
};

enum sp_flow_dir_bits {
	SP_DIR_SEQ = 1, /* next_seq holds */
	SP_DIR_ACK = 2, /* ack and window hold */
	SP_DIR_FIN = 4,
	SP_DIR_ISN = 8,
	SP_DIR_KEEPALIVE = 16, /* its last packet was a keep-alive probe */
	SP_DIR_PROBE = 32,     /* …a zero window probe */
	SP_DIR_HOLES = 64,     /* bytes of it were jumped over, or came late and are doubtful */
	SP_DIR_PROFILED = 128, /* in both: a Network Profile is recorded */
	SP_DIR_SIGNS = SP_DIR_KEEPALIVE | SP_DIR_PROBE,
};

/* What one side sent. */
struct sp_flow_dir {
	uint32_t next_seq;		  /* after the highest byte seen; SYN and FIN count one */
	uint32_t ack;			  /* highest acknowledgement it sent */
	uint16_t window;		  /* last announced, unscaled */
	uint8_t flags;			  /* OR of its TCP flags since the last report */
	uint8_t bits;			  /* enum sp_flow_dir_bits */
	uint32_t packets, bytes, payload; /* carried over into the extra block before they can wrap */
	uint64_t data_ns;		  /* its last data; in the handshake: last SYN, or first SYN-ACK */
};

enum sp_delay_kind { SP_DELAY_SRT, SP_DELAY_ART, SP_DELAY_CIT, SP_DELAY_KINDS };

/* Microseconds; since the last report. A sum cannot pass the time that passed: an hour at most. */
struct sp_flow_delay {
	uint32_t sum, max;
};

struct sp_flow {
	/* identity */
	struct sp_addr lo, hi;
	uint16_t lo_port, hi_port;
	uint32_t space;
	uint8_t proto;
	uint8_t state; /* enum sp_flow_state */
	uint16_t bits; /* enum sp_flow_bits */
	uint32_t more; /* its sp_flow_extra and its dialog: l7.h */
	uint64_t last_ns;
	uint16_t layers;	 /* number of its interned layers and point */
	uint16_t armed;		 /* low bits of the wheel tick that counts */
	uint16_t lo_mac, hi_mac; /* numbers of interned Ethernet addresses, 0: none */

	/* what every packet changes */
	struct sp_flow_dir dir[2];

	/* the rest */
	uint64_t start_ns;			       /* of the interval being reported */
	uint8_t syn : 4, synack : 4, fin : 4, rst : 4; /* stop at SP_FLOW_SMALL_MAX, then the extra block counts */
	uint8_t ttl[2];				       /* of each side's first packet, 0: none was seen */
	uint32_t serial_low;
	uint32_t isn[2];
	struct sp_flow_delay delay[SP_DELAY_KINDS];
	uint16_t delays[SP_DELAY_KINDS]; /* how many, modulo 65,536: the extra block counts the wraps */
	uint16_t serial_high;
	uint32_t rtt_client_us, rtt_server_us;
};
#define SP_FLOW_SMALL_MAX 15
static_assert(sizeof(struct sp_flow) == 3 * SP_CACHE_LINE, "three cache lines");
static_assert(offsetof(struct sp_flow, dir) == SP_CACHE_LINE, "both sides share a line");
static_assert(offsetof(struct sp_flow, start_ns) == 2 * SP_CACHE_LINE, "and fill it");

#define SP_HOLES_MAX 3

/* Bytes that were jumped over: [start, end). `acked`: the receiver has them, so the capture lost them (or is about to
 * deliver them late). */
struct sp_hole {
	uint64_t when : 48; /* it was noticed, or acked, in units of 2^8 ns */
	uint64_t id : 16;   /* IP identification of the packet that jumped; 0: unknown */
	uint32_t start, end;
};
static_assert(sizeof(struct sp_hole) == 16, "six of them in an extra block");

/* What only flows with something unusual have. Per side: of the sender, except dup_ack and zero_window, which are the
 * sender's of those packets anyway. */
struct sp_flow_extra {
	uint64_t packets[2], bytes[2], payload[2];
	uint32_t retrans[2], hole_filled[2], out_of_order[2], zero_window[2], dup_ack[2], keepalive[2];
	uint32_t syn, synack, fin, rst;
	uint32_t icmp_errors, fragments, duplicates;
	uint32_t delays[SP_DELAY_KINDS];
	uint8_t n_holes[2];
	uint8_t acked[2];	  /* bit per hole */
	uint8_t doubtful[2];	  /* segments that came late here, and of which the receiver has said nothing yet */
	uint8_t missed[2];	  /* since it had no holes: the receiver said that something was missing */
	uint32_t doubtful_end[2]; /* after the last of them */
	struct sp_hole hole[2][SP_HOLES_MAX];
	union {
		uint32_t losses;    /* block of the table's slab, 0: none */
		uint32_t next_free; /* while no flow has it */
	};
};
static_assert(sizeof(struct sp_flow_extra) <= 4 * SP_CACHE_LINE, "four cache lines");

/* Its number among the flows that this worker ever had. */
static inline uint64_t sp_flow_serial(const struct sp_flow *f)
{
	return (uint64_t)f->serial_high << 32 | f->serial_low;
}

/* What the other side sent: flows lie on whole cache lines, both sides in one. */
static inline struct sp_flow_dir *sp_flow_other_dir(const struct sp_flow_dir *d)
{
	static_assert(2 * sizeof *d == SP_CACHE_LINE, "told apart by a bit of the address");
	return (struct sp_flow_dir *)((uintptr_t)d ^ sizeof *d);
}

static inline unsigned sp_flow_client(const struct sp_flow *f)
{
	return f->bits & SP_FLOW_CLIENT_IS_HI ? 1 : 0;
}

/* Who talks to whom, in a record of any kind; `c` is the client's side. */
#define SP_FLOW_PUT_ENDS(r, f, c)                                                                                      \
	((r)->client_ip = (c) ? (f)->hi : (f)->lo, (r)->server_ip = (c) ? (f)->lo : (f)->hi, (r)->proto = (f)->proto,  \
	 (r)->has_ports = sp_flow_has_ports(f),                                                                        \
	 (r)->client_port = !(r)->has_ports ? 0                                                                        \
			    : (c)	    ? (f)->hi_port                                                             \
					    : (f)->lo_port,                                                                      \
	 (r)->server_port = !(r)->has_ports ? 0                                                                        \
			    : (c)	    ? (f)->lo_port                                                             \
					    : (f)->hi_port)

/* ICMP's ports in the key are an identifier, or a type and code. */
static inline bool sp_flow_has_ports(const struct sp_flow *f)
{
	return f->proto != SP_PROTO_ICMP && f->proto != SP_PROTO_ICMP6 && (f->lo_port || f->hi_port);
}

#endif
