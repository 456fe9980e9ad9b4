/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of QUIC and the protection of their Initial packets, whose keys everybody can derive. */
#ifndef SP_PARSERS_QUIC_PRIV_H
#define SP_PARSERS_QUIC_PRIV_H

#include "parsers/parser.h"

#define SP_QUIC_CID_MAX 20
#define SP_QUIC_TAG 16

struct sp_quic_version {
	uint32_t first, last;
	const char *name; /* of drafts their number follows */
	bool v2;	  /* other packet types and labels */
	uint8_t salt[20];
};

/* NULL: not one whose packets can be read. */
const struct sp_quic_version *sp_quic_version(uint32_t version);

/* In the arena, or a constant. */
struct sp_slice sp_quic_version_name(struct sp_arena *a, uint32_t version);

/* Opens an Initial packet that `side` sent; `cid` is the destination of the client's first. `packet` begins with its
 * head, of which `number` bytes come before the packet number. The payload is in the arena; empty: the keys do not fit.
 */
struct sp_slice sp_quic_open(struct sp_arena *a, const struct sp_quic_version *v, struct sp_slice cid, unsigned side,
			     struct sp_slice packet, size_t number);

#endif
