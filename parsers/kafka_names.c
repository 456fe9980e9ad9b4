/* SPDX-License-Identifier: Apache-2.0 */
/* Names of topics that are asked for by their ids (KIP-516), as far as this connection named them. */
#include "parsers/kafka.h"

enum { ID = 16, HEAD = ID + 1, NAME_MAX = 249 };

/* Each entry: the id, the name's length, the name. */
static const uint8_t *find(const struct sp_kafka_names *names, const uint8_t *id)
{
	const uint8_t *p = names->bytes, *end = p + names->used;
	while (p < end && memcmp(p, id, ID))
		p += HEAD + p[ID];
	return p < end ? p : NULL;
}

struct sp_slice sp_kafka_names_find(const struct sp_kafka_names *names, const uint8_t *id)
{
	const uint8_t *p = names ? find(names, id) : NULL;
	return (struct sp_slice){p ? p + HEAD : NULL, p ? p[ID] : 0};
}

void sp_kafka_names_learn(struct sp_kafka_names *names, const uint8_t *id, struct sp_slice name)
{
	if (!names || !name.n || name.n > NAME_MAX || find(names, id))
		return;
	if (HEAD + name.n > sizeof names->bytes - names->used)
		names->used = 0;
	uint8_t *p = names->bytes + names->used;
	memcpy(p, id, ID);
	p[ID] = (uint8_t)name.n;
	memcpy(p + HEAD, name.p, name.n);
	names->used = (uint16_t)(names->used + HEAD + name.n);
}
