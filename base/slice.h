/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes. A slice never owns: whoever keeps the bytes longer than their batch copies them. */
#ifndef SP_BASE_SLICE_H
#define SP_BASE_SLICE_H

#include <stddef.h>
#include <stdint.h>

struct sp_slice {
	const uint8_t *p;
	size_t n;
};

#endif
