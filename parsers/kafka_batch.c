/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's record batches (https://kafka.apache.org/documentation/#recordbatch): how many records, and the headers of
 * the first one. Keys and values are passed over. */
#include "parsers/http.h"
#include "parsers/kafka.h"

enum {
	MAGIC_AT = 16,
	ATTRIBUTES_AT = 21,
	COUNT_AT = 57,
	RECORDS_AT = 61,
	COMPRESSION = 7,
	RECORDS_MAX = 1 << 24,
	HEADERS_MAX = 64,
};

static bool is_batch(struct sp_slice records)
{
	return records.n >= RECORDS_AT && records.p[MAGIC_AT] == 2;
}

uint32_t sp_kafka_batch_count(struct sp_slice records)
{
	uint32_t n = is_batch(records) ? sp_be32(records.p + COUNT_AT) : 0;
	return n <= RECORDS_MAX ? n : 0;
}

/* A signed varint, zigzag; -1 is null, and stands for no bytes as 0 does. */
static size_t size_at(struct sp_cursor *c)
{
	uint32_t v = sp_kafka_varint(c);
	return v & 1 ? 0 : v >> 1;
}

static void pass_varlong(struct sp_cursor *c)
{
	for (unsigned i = 0; i < 10 && sp_cursor_u8(c) & 0x80; i++)
		;
}

static struct sp_slice sized(struct sp_cursor *c)
{
	size_t n = size_at(c);
	const uint8_t *p = sp_cursor_take(c, n);
	return (struct sp_slice){p, p ? n : 0};
}

void sp_kafka_batch_trace(struct sp_parse *p, struct sp_slice records)
{
	if (!is_batch(records) || sp_be16(records.p + ATTRIBUTES_AT) & COMPRESSION)
		return;
	struct sp_cursor c = sp_cursor((struct sp_slice){records.p + RECORDS_AT, records.n - RECORDS_AT});
	sp_kafka_varint(&c); /* the record's length */
	sp_cursor_u8(&c);    /* attributes */
	pass_varlong(&c);    /* timestamp */
	sp_kafka_varint(&c); /* offset */
	sized(&c);	     /* key */
	sized(&c);	     /* value */
	size_t headers = size_at(&c);
	headers = SP_MIN(headers, (size_t)HEADERS_MAX);
	while (headers-- && !c.bad) {
		struct sp_slice key = sized(&c), value = sized(&c);
		if (!c.bad && value.n)
			sp_trace_header(p, key, value, false);
	}
}
