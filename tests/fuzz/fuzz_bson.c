/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a document: its elements, and its shape in as much room as the first byte says. */
#include <stdlib.h>

#include "parsers/bson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[2048];
	if (size < 1)
		return 0;
	struct sp_bson whole = {.type = data[0] & 1 ? SP_BSON_ARRAY : SP_BSON_DOCUMENT,
				.size = (uint32_t)size - 1,
				.value = {data + 1, size - 1}};
	size_t room = 4U * data[0];
	struct sp_arena a = {.p = scratch, .size = sizeof scratch};
	struct sp_slice shape = sp_bson_shape(&a, &whole, room, data[0] & 2);
	if (shape.n > room || a.n != shape.n)
		abort();
	struct sp_cursor c = sp_cursor(whole.value);
	struct sp_bson e;
	sp_bson_enter(&c);
	while (sp_bson_next(&c, &e) == SP_BSON_GOT) {
		int64_t v;
		sp_bson_number(&e, &v);
		if (sp_bson_text(&e).n > e.value.n || e.value.n > e.size || c.p > c.end)
			abort();
	}
	return 0;
}
