/* SPDX-License-Identifier: Apache-2.0 */
/* What a middlebox does to a TCP segment inside a frame: finds it, whatever tunnel (VXLAN) it is in, gives it other
 * sequence numbers, forges the reset that answers it. IPv4 alone, without fragments. */
#ifndef LAB_EDIT_H
#define LAB_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 9216

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* A view into a frame, in the frame's own bytes. */
struct segment {
	uint8_t *ether, *ip, *tcp; /* innermost */
	uint8_t *outer;		   /* the tunnel's Ethernet header, or the same as `ether` */
	size_t payload;		   /* bytes of data */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
};

/* False: no TCP segment. */
bool segment_find(struct segment *s, uint8_t *frame, size_t n);

/* The same for both directions of a connection, another one for another connection; `which` gives several. */
uint32_t segment_number(const struct segment *s, uint32_t which);

/* Adds to the sequence number, and to what is acknowledged (SACK blocks too), and corrects the checksum. */
void segment_shift(struct segment *s, uint32_t seq, uint32_t ack);

/* Makes the segment, which is in `frame`, a reset: onward (its own direction, its own place in the stream), or back to
 * whoever sent it. Returns the frame's new length. */
size_t segment_reset(struct segment *s, uint8_t *frame, bool back);

#endif
