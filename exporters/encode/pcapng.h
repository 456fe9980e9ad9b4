/* SPDX-License-Identifier: Apache-2.0 */
/* Kept packets as pcapng (draft-ietf-opsawg-pcapng), in the machine's byte order. What an empty buffer begins with is a
 * section of its own, with the interfaces that its packets need: whoever loses a buffer, or writes it behind others or
 * into a new file, has whole sections. */
#ifndef SP_EXPORTERS_ENCODE_PCAPNG_H
#define SP_EXPORTERS_ENCODE_PCAPNG_H

#include "exporters/exporter.h"

#define SP_PCAPNG_SECTION UINT32_C(0x0a0d0d0a)
#define SP_PCAPNG_BYTE_ORDER UINT32_C(0x1a2b3c4d)
#define SP_PCAPNG_BLOCK_MIN 12 /* type, size, and the size again at the end */

/* Appends an Enhanced Packet Block with the comment flow_id=N. An interface is a point and a link type. */
void sp_pcapng_packet(struct sp_buf *out, const struct sp_packet_record *r, const struct sp_points *points);

#endif
