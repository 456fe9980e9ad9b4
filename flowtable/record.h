/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what a worker tells the world. Flat copies in pages that travel through rings; never a pointer inside. The
 * fields of each kind stand once, in a .def table: the structure, JSON, IPFIX, ClickHouse's DDL and the reference page
 * follow from it. */
#ifndef SP_FLOWTABLE_RECORD_H
#define SP_FLOWTABLE_RECORD_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/base.h"
#include "base/pkt.h"
#include "flowtable/profile_conf.h"
#include "flowtable/profile_pack.h"
#include "flowtable/texts.h"
#include "parsers/parser.h"

/* All but the first four are made of these, and never stand in a page. */
enum sp_record_kind {
	SP_RECORD_FLOW = 1,
	SP_RECORD_REQUEST,
	SP_RECORD_PROFILE,
	SP_RECORD_PACKET,
	SP_RECORD_TRACE,
	SP_RECORD_PATH,
	SP_RECORD_EDGE,
	SP_RECORD_LOSS,
	SP_RECORD_CLOCK,
	SP_RECORD_KIND_MAX
};

#define SP_CLOSE_REASONS(X)                                                                                            \
	X(ACTIVE, "active", NONE)                                                                                      \
	X(FIN, "fin", NONE)                                                                                            \
	X(CLIENT_FIN_ONLY, "client_fin_only", SERVER)                                                                  \
	X(SERVER_FIN_ONLY, "server_fin_only", CLIENT)                                                                  \
	X(CLIENT_RST, "client_rst", CLIENT)                                                                            \
	X(SERVER_RST, "server_rst", SERVER)                                                                            \
	X(CLIENT_RST_AFTER_RESPONSE, "client_rst_after_response", NONE)                                                \
	X(SYN_NO_ANSWER, "syn_no_answer", SERVER)                                                                      \
	X(SYNACK_NO_ACK, "synack_no_ack", CLIENT)                                                                      \
	X(SYN_REJECTED, "syn_rejected", SERVER)                                                                        \
	X(CLIENT_RST_IN_HANDSHAKE, "client_rst_in_handshake", CLIENT)                                                  \
	X(SERVER_RST_IN_HANDSHAKE, "server_rst_in_handshake", SERVER)                                                  \
	X(PORT_REUSE, "port_reuse", CLIENT)                                                                            \
	X(ACCEPT_QUEUE_OVERFLOW, "accept_queue_overflow", SERVER)                                                      \
	X(TIMEOUT, "timeout", NONE) /* a TCP connection that was open blames the server: decided by the tracker */     \
	X(END_OF_INPUT, "end_of_input", NONE)

enum sp_close_reason {
#define X(sym, text, blame) SP_CLOSE_##sym,
	SP_CLOSE_REASONS(X)
#undef X
		SP_CLOSE_REASON_MAX
};

#define SP_FAILURES(X)                                                                                                 \
	X(NONE, "none")                                                                                                \
	X(CLIENT, "client")                                                                                            \
	X(SERVER, "server")                                                                                            \
	X(NETWORK, "network")                                                                                          \
	X(UNKNOWN, "unknown")

enum sp_failure {
#define X(sym, text) SP_FAILURE_##sym,
	SP_FAILURES(X)
#undef X
		SP_FAILURE_MAX
};

#define SP_CALL_TYPES(X)                                                                                               \
	X(CALL, "call")                                                                                                \
	X(ONEWAY, "oneway")                                                                                            \
	X(REQUEST, "request")                                                                                          \
	X(RESPONSE, "response")

enum sp_call_type {
#define X(sym, text) SP_CALL_TYPE_##sym,
	SP_CALL_TYPES(X)
#undef X
		SP_CALL_TYPE_MAX
};

#define SP_APP_LIMITS(X)                                                                                               \
	X(MEMORY, "memory")                                                                                            \
	X(HEAD, "head")                                                                                                \
	X(CALLS, "calls")                                                                                              \
	X(GUESS, "guess")

enum sp_app_limit_bit {
#define X(sym, text) SP_APP_LIMIT_BIT_##sym,
	SP_APP_LIMITS(X)
#undef X
		SP_APP_LIMIT_BITS
};

enum sp_app_limit {
#define X(sym, text) SP_APP_LIMIT_##sym = 1 << SP_APP_LIMIT_BIT_##sym,
	SP_APP_LIMITS(X)
#undef X
};

const char *sp_app_limit_name(enum sp_app_limit_bit bit);
const char *sp_call_type_name(enum sp_call_type type);
const char *sp_status_name(enum sp_status status);
const char *sp_close_reason_name(enum sp_close_reason reason);
const char *sp_failure_name(enum sp_failure failure);

/* A delay measured several times. Microseconds. Absent when count is 0. */
struct sp_delay {
	uint32_t count, max;
	uint64_t sum;
};

struct sp_mac {
	uint8_t b[6];
};

/* Every record in a page begins with this; `size` is a multiple of 8 and includes the head. */
struct sp_record_head {
	uint32_t size;
	uint16_t kind; /* enum sp_record_kind */
	uint16_t point;
};

/* How fields of flow_record.def are held. */
#define SP_CTYPE_POINT uint16_t
#define SP_CTYPE_KIND uint8_t /* filled from the point by encoders; the member is a placeholder */
#define SP_CTYPE_ID uint64_t
#define SP_CTYPE_NS uint64_t
#define SP_CTYPE_U64 uint64_t
#define SP_CTYPE_U32 uint32_t
#define SP_CTYPE_SEQ uint32_t
#define SP_CTYPE_U8 uint8_t
#define SP_CTYPE_ADDR struct sp_addr
#define SP_CTYPE_PORT uint16_t
#define SP_CTYPE_PROTO uint8_t
#define SP_CTYPE_MAC struct sp_mac
#define SP_CTYPE_DELAY struct sp_delay
#define SP_CTYPE_CLOSE uint8_t
#define SP_CTYPE_FAILURE uint8_t
#define SP_CTYPE_TRUE uint8_t /* exported only when true */
#define SP_CTYPE_APP uint16_t
#define SP_CTYPE_CID uint8_t /* wanted: encoders compute it, community_id.h */
#define SP_CTYPE_HIDDEN uint8_t
#define SP_CTYPE_HIDDEN16 uint16_t
#define SP_CTYPE_HIDDEN32 uint32_t
#define SP_CTYPE_CALL uint8_t
#define SP_CTYPE_LIMITS uint8_t /* enum sp_app_limit, or'ed */
#define SP_CTYPE_STATUS uint8_t
#define SP_CTYPE_WHY uint8_t /* enum sp_profile_reason */

/* SHA-1 of Community ID v1, not yet base64. */
struct sp_community_id {
	uint8_t sha1[20];
};

struct sp_flow_record {
	struct sp_record_head head;
#define SP_FIELD(type, name, present, unit, ipfix, doc) SP_CTYPE_##type name;
#include "flowtable/flow_record.def"
#undef SP_FIELD
	struct sp_layers layers; /* vlan, mpls, tunnels; not there in a record of plain frames */
				 /* then n_losses times struct sp_loss */
};

/* Size of a flow record of plain frames: `layers` is cut off. */
#define SP_FLOW_RECORD_PLAIN ((offsetof(struct sp_flow_record, layers) + 7) & ~(size_t)7)

enum sp_loss_kind {
	SP_LOSS_AGAIN,	/* bytes that were seen here came again */
	SP_LOSS_FILLED, /* bytes that had been jumped over came late: lost before this point */
};

/* A data segment that was sent more than once, as far as one point can tell. */
struct sp_loss {
	uint64_t ns;	   /* when a copy was lost: a hole was noticed; else when the sender's last new bytes came */
	uint32_t after_us; /* …until this copy came */
	uint32_t seq, len;
	uint8_t kind, s2c;
};
static_assert(sizeof(struct sp_loss) == 24, "what a lost segment costs");

static inline size_t sp_flow_record_losses_size(const struct sp_flow_record *r)
{
	return r->n_losses * sizeof(struct sp_loss);
}

static inline const struct sp_loss *sp_flow_record_losses(const struct sp_flow_record *r)
{
	return (const struct sp_loss *)((const uint8_t *)r + r->head.size - sp_flow_record_losses_size(r));
}

static inline bool sp_flow_record_has_layers(const struct sp_flow_record *r)
{
	return r->head.size - sp_flow_record_losses_size(r) > SP_FLOW_RECORD_PLAIN;
}

struct sp_request_record {
	struct sp_record_head head;
#define SP_MEMBER_TEXT(type, name)
#define SP_MEMBER_HELD(type, name) SP_CTYPE_##type name;
#define SP_MEMBER_POINT SP_MEMBER_HELD
#define SP_MEMBER_KIND SP_MEMBER_HELD
#define SP_MEMBER_ID SP_MEMBER_HELD
#define SP_MEMBER_NS SP_MEMBER_HELD
#define SP_MEMBER_U64 SP_MEMBER_HELD
#define SP_MEMBER_U32 SP_MEMBER_HELD
#define SP_MEMBER_SEQ SP_MEMBER_HELD
#define SP_MEMBER_ADDR SP_MEMBER_HELD
#define SP_MEMBER_PORT SP_MEMBER_HELD
#define SP_MEMBER_PROTO SP_MEMBER_HELD
#define SP_MEMBER_APP SP_MEMBER_HELD
#define SP_MEMBER_CALL SP_MEMBER_HELD
#define SP_MEMBER_STATUS SP_MEMBER_HELD
#define SP_MEMBER_TRUE SP_MEMBER_HELD
#define SP_MEMBER_HIDDEN SP_MEMBER_HELD
#define SP_MEMBER_HIDDEN16 SP_MEMBER_HELD
#define SP_MEMBER_HIDDEN32 SP_MEMBER_HELD
#define SP_FIELD(type, name, present, unit, ipfix, doc) SP_MEMBER_##type(type, name)
#include "flowtable/request_record.def"
#undef SP_FIELD
	struct sp_texts texts;
};

/* Round trips as this point measured them: from a side's bytes to the other's acknowledgement. */
struct sp_profile_rtt {
	uint32_t count, min_us, mean_us, max_us;
};

/* A part of a Network Profile: some of a flow's packets, packed, and what is known of it so far. profile_read.h reads
 * it. Sides are those of the packed form; times are 0 when they are not known. */
struct sp_profile_record {
	struct sp_record_head head;
#define SP_FIELD(type, name, present, unit, ipfix, doc) SP_CTYPE_##type name;
#include "flowtable/profile_record.def"
#undef SP_FIELD
	uint8_t client; /* side */
	uint8_t gap;	/* packets before the first are in no part */
	uint8_t read;	/* a parser tells its calls */
	uint8_t has_connect_client, has_connect_server, has_teardown;
	uint32_t connect_client_us, connect_server_us, teardown_us;
	struct sp_profile_rtt rtt_client, rtt_server; /* of the side that acknowledges */
	uint32_t fast, timeout, tail, spurious;	      /* segments sent again, so far */
	uint64_t established_ns, tls_start_ns, tls_end_ns;
	uint64_t base[2]; /* wide numbers that are written as 0 */
	struct sp_profile_state begin;
	uint8_t packed[]; /* recorded_bytes of them */
};

/* The first bytes of a packet that is in a Network Profile, as it came to its point: with all that is around it. */
struct sp_packet_record {
	struct sp_record_head head;
	uint64_t flow_id;
	uint64_t ns;
	uint32_t wire_len;
	uint32_t n;   /* bytes of data */
	uint8_t link; /* enum sp_link */
	uint8_t zero[7];
	uint8_t data[];
};
static_assert(offsetof(struct sp_packet_record, data) == sizeof(struct sp_packet_record),
	      "no padding before the bytes");

/* Is it for stitching alone? */
static inline bool sp_record_is_inside(const struct sp_record_head *head)
{
	return head->kind == SP_RECORD_REQUEST && ((const struct sp_request_record *)(const void *)head)->inside;
}

/* Does the call carry an id that another point may see, too, wherever its addresses are changed on the way? */
static inline bool sp_request_has_id(const struct sp_request_record *r)
{
	const uint16_t *n = r->texts.n;
	return n[SP_SLOT_X_REQUEST_ID_REQUEST] | n[SP_SLOT_X_REQUEST_ID_RESPONSE] | n[SP_SLOT_TRACE_ID];
}

/* Pages of records. A page belongs to the worker while it is written, then to the hub until its last reader is done. */
#define SP_PAGE_SIZE (64 * 1024)
#define SP_PAGE_SLACK 32 /* so many bytes behind any that a record holds may be read, whatever they are */
#define SP_PAGE_IDS 32	 /* calls with an id that a page knows the places of */
struct sp_page {
	struct sp_page *next;  /* hub: free list */
	uint32_t used;	       /* bytes of data */
	uint32_t n;	       /* records */
	_Atomic uint32_t refs; /* hub: exporters that still read */
	uint32_t worker;
	uint32_t ids;		     /* calls that carry an id, see sp_request_has_id */
	uint16_t id_at[SP_PAGE_IDS]; /* where the first ones are, in units of 8 bytes */
	_Alignas(8) uint8_t data[SP_PAGE_SIZE - 32 - 2 * SP_PAGE_IDS - SP_PAGE_SLACK];
	uint8_t slack[SP_PAGE_SLACK];
};
static_assert(sizeof(struct sp_page) == SP_PAGE_SIZE, "one page");

/* Where a worker's records go. `turn` takes a full (or, when flushing, a started) page, NULL at first, and returns an
 * empty one, or NULL when there is none: that record is lost and counted in `lost`, the next one tries again. */
struct sp_out {
	struct sp_page *page; /* NULL: try a turn at the next record */
	struct sp_page *(*turn)(struct sp_out *out, struct sp_page *full);
	void *ctx;
	uint64_t lost;
};

/* record.c: another page, with room for `size` bytes; NULL: there is none, which is counted. */
struct sp_page *sp_out_turn(struct sp_out *out, size_t size);

/* Room for one record of `size` bytes (head included, rounded up here): the first bytes zeroed, with size and kind in
 * its head. NULL: no page; counted. */
static inline void *sp_out_record(struct sp_out *out, enum sp_record_kind kind, size_t size, size_t zeroed)
{
	struct sp_page *page = out->page;
	size = (size + 7) & ~(size_t)7;
	if (SP_UNLIKELY(!page || size > sizeof page->data - page->used) && !(page = sp_out_turn(out, size)))
		return NULL;
	struct sp_record_head *head = (struct sp_record_head *)(page->data + page->used);
	sp_zero(head, zeroed);
	head->size = (uint32_t)size;
	head->kind = (uint16_t)kind;
	page->used += (uint32_t)size;
	page->n++;
	return head;
}

/* The page's newest record is a call that carries an id. */
static inline void sp_page_has_id(struct sp_page *page, const struct sp_request_record *r)
{
	if (page->ids < SP_PAGE_IDS)
		page->id_at[page->ids] = (uint16_t)(((const uint8_t *)r - page->data) / 8);
	page->ids++;
}

/* Sends what is in the started page. */
void sp_out_flush(struct sp_out *out);

#endif
