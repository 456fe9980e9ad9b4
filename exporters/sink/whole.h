/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written once, from its first byte to its last, as cheaply as the kernel lets it: in whole pages, where
 * blocks were set aside beforehand. A page that is written in two turns is looked up twice, and a block that is found
 * page by page costs more than the copy of its bytes. */
#ifndef SP_EXPORTERS_SINK_WHOLE_H
#define SP_EXPORTERS_SINK_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SP_WHOLE_PAGE 4096

/* Begins as {.fd = fd}, with an empty file. */
struct sp_whole {
	int fd;
	uint32_t n;  /* bytes in `rest`: what does not fill a page yet */
	off_t size;  /* of the file, without them */
	off_t ahead; /* blocks are set aside up to there */
	bool alone;  /* …and none after that: the file system does not do it, or is full */
	uint8_t rest[SP_WHOLE_PAGE];
};

/* Returns 0 or -errno: then the file is worth nothing. */
int sp_whole_write(struct sp_whole *w, const void *p, size_t n);

/* What is left, and gives back the blocks that were not needed. The descriptor stays open. Returns 0 or -errno. */
int sp_whole_end(struct sp_whole *w);

#endif
