/* SPDX-License-Identifier: Apache-2.0 */
/* The Network Profile recorder: packets of chosen flows, packed into chunks of one fixed budget. A flow that is not
 * chosen has a clear bit, and costs its test. One that waits for a trigger keeps its last packets only. Private to the
 * flow table; one worker's. */
#ifndef SP_FLOWTABLE_PROFILE_H
#define SP_FLOWTABLE_PROFILE_H

#include "base/pkt.h"
#include "flowtable/flow.h"
#include "flowtable/l7.h"
#include "flowtable/profile_conf.h"
#include "flowtable/profile_filter.h"
#include "flowtable/profile_pack.h"
#include "flowtable/slab.h"

/* All of one worker. */
struct sp_profiler {
	struct sp_profile_conf conf;
	struct sp_profile_filter filter;
	struct sp_slab slab;
	struct sp_slab kept; /* bytes of packets that wait for a trigger */
	uint32_t *handle;    /* by the flow's place in the table. 0: it is not recorded */
	uint32_t n_handles;
};

struct sp_profile_chunk {
	uint32_t next;
	uint16_t used;	  /* bytes of data */
	uint16_t packets; /* of them; calls are none */
	uint8_t data[248];
};
static_assert(sizeof(struct sp_profile_chunk) == 256, "a size of the slab");

/* A segment that was sent again: was it for nothing? */
struct sp_profile_again {
	uint64_t seq; /* wide, as all below */
	uint32_t n;
	uint32_t times; /* its TSval */
	uint8_t side;
	bool has_times, settled;
};
#define SP_PROFILE_AGAIN_MAX 8

enum sp_profile_side_bits {
	SP_PROFILE_HAS_MSS = 1,
	SP_PROFILE_HAS_SCALE = 2,
	SP_PROFILE_HAS_WINDOW = 4,    /* window_min holds */
	SP_PROFILE_TIMED_TIMES = 8,   /* timed_times holds */
	SP_PROFILE_MISSING = 16,      /* it says that it has bytes behind a hole */
	SP_PROFILE_RECOVER_FAST = 32, /* what `recover` is about was lost, and found out, early */
	SP_PROFILE_SYN_READ = 64,     /* its SYN was seen, with all options */
};

struct sp_profile_side {
	uint64_t base;			    /* 0 as it is written. 0: not known */
	uint64_t data_ns;		    /* its last payload */
	uint64_t acked_ns;		    /* the peer acknowledged something new of it */
	uint64_t timed_ns, timed_end;	    /* bytes whose acknowledgement is waited for; timed_ns 0: none */
	uint64_t recover;		    /* sent again up to here, 0: nothing is */
	uint64_t rtt_sum, rtt_min, rtt_max; /* ns: from the peer's bytes to its acknowledgement */
	uint32_t rtt_n;
	uint32_t timed_times;
	uint32_t window, window_min, in_flight_max;
	uint16_t mss;
	uint8_t scale, dup_acks, bits;
};

struct sp_profile {
	/* every packet */
	struct sp_profile_state now;	/* behind the last entry */
	uint32_t first, last, spare;	/* chunks: kept ones, and the one that comes next */
	uint32_t packets, bytes;	/* kept */
	uint32_t seen;			/* packets ever appended: the last one's number */
	uint32_t kept_first, kept_last; /* bytes of packets that wait, the oldest first */
	uint32_t dropped;		/* packets that no part has, since the last part */
	uint32_t pending;		/* of these, those just before the next one */
	uint32_t left;			/* while recording: packets yet to come; UINT32_MAX: for ever */
	uint32_t calls;
	uint16_t part;
	uint8_t n_again;
	uint8_t reason;		 /* enum sp_profile_reason */
	bool recording;		 /* else only the last packets are kept */
	bool gap;		 /* packets before the first that is kept are not in a part */
	uint64_t asked_ns;	 /* client data that waits for an answer, 0: none */
	uint64_t established_ns; /* the handshake was complete */
	uint64_t fin_ns;	 /* first FIN or RST */
	struct sp_profile_side side[2];

	/* now and then */
	struct sp_profile_again again[SP_PROFILE_AGAIN_MAX];
	struct sp_profile_state begin; /* before the first entry that is kept */
	uint32_t begin_at;	       /* in the first chunk */
	uint32_t fast, timeout, tail, spurious;
	uint64_t start_ns, tls_start_ns, tls_end_ns;
};
static_assert(offsetof(struct sp_profile, again) <= 7 * SP_CACHE_LINE, "what every packet needs");

int sp_profiler_init(struct sp_profiler *pr, const struct sp_profile_conf *conf, uint32_t max_flows);
void sp_profiler_free(struct sp_profiler *pr);

/* A new snapshot: for new flows; thresholds for all. */
void sp_profiler_reconf(struct sp_profiler *pr, const struct sp_profile_conf *conf);

/* A new flow: is it recorded? */
void sp_profile_begin(struct sp_flowtable *ft, struct sp_flow *f);

/* A packet of a flow that is, which tracking has seen. `signs`: what TCP tracking found (enum sp_tcp_sign). */
void sp_profile_packet(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_pkt *pkt, unsigned side,
		       unsigned signs);

/* A call of it is told; `id`: of its record, 0: it has none. */
void sp_profile_call(const struct sp_talk *t, const struct sp_call *c, uint64_t id);

/* The flow is over, and its calls are told. */
void sp_profile_end(struct sp_flowtable *ft, struct sp_flow *f, enum sp_close_reason reason);

/* profile_tcp.c: what a TCP packet says. Fills the entry. Returns the triggers that it is. */
uint64_t sp_profile_tcp(struct sp_profile *p, const struct sp_flow *f, const struct sp_pkt *pkt,
			struct sp_profile_packet *e, unsigned signs);

/* profile_keep.c: the bytes of the packet that was just appended are written, or wait with it. */
void sp_profile_keep(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_profile *p, const struct sp_pkt *pkt);

/* Forgets the bytes of packets that wait no more. */
void sp_profile_keep_trim(struct sp_profiler *pr, struct sp_profile *p);

/* Writes those of the others. */
void sp_profile_keep_write(struct sp_flowtable *ft, const struct sp_flow *f, struct sp_profile *p);

/* profile_record.c: writes what is kept as a part. Does not free it. */
void sp_profile_write(struct sp_flowtable *ft, struct sp_flow *f, const struct sp_profile *p, bool last);

/* Asks for what the next packet of flow number `n` will need, in three steps. */
static inline void sp_profile_prefetch(const struct sp_profiler *pr, uint32_t n)
{
	sp_prefetch(&pr->handle[n]);
}

static inline void sp_profile_prefetch_state(const struct sp_profiler *pr, uint32_t n)
{
	const char *p = sp_slab_at(&pr->slab, pr->handle[n]);
	for (size_t at = 0; pr->handle[n] && at < offsetof(struct sp_profile, again); at += SP_CACHE_LINE)
		sp_prefetch(p + at);
}

static inline void sp_profile_prefetch_chunk(const struct sp_profiler *pr, uint32_t n)
{
	const struct sp_profile *p = sp_slab_at(&pr->slab, pr->handle[n]);
	if (!pr->handle[n] || !p->last)
		return;
	const char *chunk = sp_slab_at(&pr->slab, p->last);
	for (size_t at = 0; at < sizeof(struct sp_profile_chunk); at += SP_CACHE_LINE)
		sp_prefetch(chunk + at);
}

static inline struct sp_profile_chunk *sp_profile_chunk_at(const struct sp_profiler *pr, uint32_t handle)
{
	return sp_slab_at(&pr->slab, handle);
}

#endif
