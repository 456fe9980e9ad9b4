/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "exporters/exporter.h"

void sp_buf_grow(struct sp_buf *buf, size_t more)
{
	size_t size = buf->size ? buf->size : 4096;
	while (size - buf->n < more)
		size *= 2;
	uint8_t *p = realloc(buf->p, size);
	if (!p) {
		sp_log("out of memory for %zu bytes of output", size);
		abort();
	}
	buf->p = p;
	buf->size = size;
}

void sp_buf_free(struct sp_buf *buf)
{
	free(buf->p);
	free(buf->kept);
	*buf = (struct sp_buf){0};
}
