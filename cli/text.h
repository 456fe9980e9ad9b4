/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and addresses for people. Every function writes a short text into the buffer and returns it. */
#ifndef SP_CLI_TEXT_H
#define SP_CLI_TEXT_H

#include "base/addr.h"
#include "base/base.h"

struct sp_text {
	char s[96];
};

const char *sp_text_count(struct sp_text *t, uint64_t n);		   /* 1,234,567 */
const char *sp_text_bytes(struct sp_text *t, uint64_t n);		   /* 1.2 MB: powers of 1000 */
const char *sp_text_us(struct sp_text *t, uint64_t us);			   /* 340 us, 1.25 ms, 12.1 s */
const char *sp_text_duration(struct sp_text *t, uint64_t ns);		   /* 3 min 12 s */
const char *sp_text_rate(struct sp_text *t, uint64_t bytes, uint64_t ns);  /* 5.9 Mbit/s */
const char *sp_text_share(struct sp_text *t, uint64_t part, uint64_t all); /* 12.5 % */
const char *sp_text_time(struct sp_text *t, uint64_t ns);		   /* 2024-03-01 10:00:00.123456 UTC */
const char *sp_text_addr(struct sp_text *t, const struct sp_addr *addr);
const char *sp_text_endpoint(struct sp_text *t, const struct sp_addr *addr, bool has_port,
			     uint16_t port);		     /* [::1]:80 */
const char *sp_text_proto(struct sp_text *t, uint8_t proto); /* tcp */

/* Names come from captures and file systems: control characters (C0, DEL, C1 in UTF-8) become '?', in place, so that
 * they do not reach a terminal. */
void sp_text_tame(char *s);

#endif
