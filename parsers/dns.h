/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the DNS parser: names, numbers that have a name, resource records. Offsets count from a message's first
 * byte, as compression pointers do. */
#ifndef SP_PARSERS_DNS_H
#define SP_PARSERS_DNS_H

#include "parsers/out.h"

enum {
	DNS_HEADER = 12,
	DNS_NAME_MAX = 255,
	DNS_LABEL_MAX = 63,
};

enum dns_type {
	DNS_A = 1,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_TYPES_SHORT = 66, /* those below have a row in the tables */
	DNS_SPF = 99,
	DNS_EUI48 = 108,
	DNS_EUI64 = 109,
	DNS_TKEY = 249,
	DNS_TSIG = 250,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_MAILB = 253,
	DNS_ANY = 255,
	DNS_URI = 256,
	DNS_CAA = 257,
	DNS_TA = 32768,
	DNS_DLV = 32769,
};

struct dns_record {
	size_t name, data; /* where they are */
	uint16_t type, class, n;
	uint32_t ttl;
};

/* The offset after the name at `at`; pointers are not followed. 0: there is none. */
size_t sp_dns_name_skip(struct sp_slice msg, size_t at);

/* The same, and writes the name as people do: no final dot, "." for the root, what is not printable as \DDD. 0: there
 * is none, or its pointers lead astray. */
size_t sp_dns_name_put(struct sp_slice msg, size_t at, struct sp_out *o);

/* Of the bytes of an uncompressed name and of its type, without regard to case. */
uint64_t sp_dns_name_hash(struct sp_slice wire, uint16_t type);

/* …of the name at `at`, which may be compressed. 0: it is not there as a whole. */
uint64_t sp_dns_name_hash_at(struct sp_slice msg, size_t at, uint16_t type);

/* What names of one owner have in common, in lower case: the last two labels, or three where the last two are a
 * registry's. `name` is in the arena; empty without room. */
struct sp_slice sp_dns_endpoint(struct sp_arena *a, struct sp_slice name);

/* "AAAA", "TYPE65280". */
void sp_dns_type_put(struct sp_out *o, uint16_t type);
struct sp_slice sp_dns_type(struct sp_arena *a, uint16_t type);
struct sp_slice sp_dns_rcode(struct sp_arena *a, unsigned rcode);
struct sp_slice sp_dns_opcode(struct sp_arena *a, unsigned opcode);
struct sp_slice sp_dns_extended_error(unsigned code); /* RFC 8914; empty: it has no name */

/* The record at `at`; returns the offset after it. 0: it is not there as a whole. */
size_t sp_dns_record_at(struct sp_slice msg, size_t at, struct dns_record *r);

/* "A 192.0.2.1". */
void sp_dns_record_put(struct sp_slice msg, const struct dns_record *r, struct sp_out *o);

extern const struct sp_vector sp_dns_vectors[];

#endif
